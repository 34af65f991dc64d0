"""What an element of a web page is by itself: a block or part of a line, seen or not, with which number in a list, filled in with what."""

from __future__ import annotations

import re

from bs4 import Tag

from structurer.office.webstyle import Hiding

BULLET, CHECKED, UNCHECKED = "•", "☒", "☐"
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "legend",
    "li", "main", "menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "td", "text", "tfoot", "th",
    "thead", "tr", "ul",
))  # fmt: skip
SILENT = frozenset((
    "base", "basefont", "col", "colgroup", "defs", "desc", "head", "link", "map", "meta", "metadata", "param", "rp", "script", "source",
    "style", "title", "track",
))  # fmt: skip
INSTEAD = frozenset(  # what programs show that cannot show the element itself
    ("audio", "canvas", "datalist", "iframe", "noembed", "noframes", "noscript", "object", "template", "video")
)

_HIDDEN = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all|font-size\s*:\s*0[a-z%]*\s*(?:;|!|$))",
    re.IGNORECASE,
)
_SHOWN = re.compile(r"(?:^|;)\s*(?:display|visibility)\s*:", re.IGNORECASE)  # and not hidden
_SYMBOL_FACE = re.compile(r"(symbol|webdings|wingdings(?: [23])?)$", re.IGNORECASE)
_SYMBOL_FONT = re.compile(r"font-family\s*:\s*[\"']?(symbol|webdings|wingdings(?: [23])?)\s*(?:[\"',;]|$)", re.IGNORECASE)
_UNSEEN_FIELDS = frozenset(("color", "file", "hidden", "image", "password", "range"))
_LIST_STYLE = re.compile(r"list-style(?:-type)?\s*:\s*([\w-]+)", re.IGNORECASE)
_LIST_KINDS = {  # types and styles of lists by the kinds of numerals
    "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "none": "none", "lower-alpha": "lowerLetter",
    "lower-latin": "lowerLetter", "upper-alpha": "upperLetter", "upper-latin": "upperLetter", "lower-roman": "lowerRoman",
    "upper-roman": "upperRoman", "decimal-leading-zero": "decimalZero", "cjk-ideographic": "chineseCounting",
    "simp-chinese-informal": "chineseCounting", "trad-chinese-informal": "taiwaneseCounting", "cjk-decimal": "ideographDigital",
    "simp-chinese-formal": "chineseLegalSimplified", "cjk-heavenly-stem": "ideographTraditional", "cjk-earthly-branch": "ideographZodiac",
}  # fmt: skip


def attribute(element: Tag, name: str) -> str:
    """An attribute as one text, empty where there is none."""
    value = element.get(name, "")
    return value.strip() if isinstance(value, str) else " ".join(value or ())


def whole(text: str, default: int) -> int:
    """A whole number; `default` where the text is none."""
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else default


def is_hidden(element: Tag, rules: Hiding) -> bool:
    """Whether the element says so itself, or the rules of the page do and it does not say otherwise.

    `aria-hidden` is no reason: it hides from programs that read aloud, not from the eye.
    """
    style = attribute(element, "style")
    if element.has_attr("hidden") or (element.name == "dialog" and not element.has_attr("open")) or _HIDDEN.search(style):
        return True
    if not rules.rules or _SHOWN.search(style):
        return False
    return rules.hides(element.name, attribute(element, "class").split(), attribute(element, "id"))


def symbol_font(element: Tag) -> str:
    """The symbol font in which an element is set, by its style or its `face`; empty where it is none."""
    found = _SYMBOL_FONT.search(attribute(element, "style")) or _SYMBOL_FACE.match(attribute(element, "face"))
    return found.group(1) if found else ""


def list_kind(element: Tag) -> str:
    """How the entries of a list are marked: a kind of `numerals.numeral`, "bullet" or "none"."""
    styled = _LIST_STYLE.search(attribute(element, "style"))
    if element.name != "ol":
        return "none" if styled and styled.group(1).lower() == "none" else "bullet"
    return _LIST_KINDS.get(styled.group(1).lower() if styled else attribute(element, "type"), "decimal")


def filled_in(element: Tag) -> str | None:
    """What a field of a form shows; None where the element is none."""
    return _field(element) if element.name == "input" else _choice(element) if element.name == "select" else None


def _field(element: Tag) -> str:
    kind = attribute(element, "type").lower()
    if kind in ("checkbox", "radio"):
        return CHECKED if element.has_attr("checked") else UNCHECKED
    return "" if kind in _UNSEEN_FIELDS else f" {attribute(element, 'value')} "


def _choice(element: Tag) -> str:
    """What is chosen from a list: the first, if nothing is and one must be."""
    options = element.find_all("option")
    chosen = [option for option in options if option.has_attr("selected")]
    if not chosen and not element.has_attr("multiple"):
        chosen = options[:1]
    return f" {' '.join(option.get_text().strip() for option in chosen)} "
