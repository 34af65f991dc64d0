"""What a web page's own style sheets hide: rules of `display` and `visibility` whose selectors name an element, its class or its id.

Rules win as in the CSS cascade (CSS Cascading 4, 6): by importance, specificity, order. A selector of where an element stands is not
followed, and said if it hides; rules for paper and for screens of some size are none of a page as it is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_CHARS = 1_000_000  # of all style sheets of a page
_MARKS = re.compile("[{};]")
_COMPOUND = re.compile(r"^(?P<tag>\*|[a-z][\w-]*)?(?P<marks>(?:[.#][\w-]+)*)$", re.IGNORECASE)
_MARK = re.compile(r"([.#])([\w-]+)")
_DECLARATION = re.compile(r"(?:^|;)\s*(display|visibility|mso-hide)\s*:\s*([\w-]+)\s*(!\s*important)?", re.IGNORECASE)
_SHOWN_GROUP = re.compile(r"@media\s+(?:only\s+)?(?:screen|all)$", re.IGNORECASE)
_HIDING = {"display": ("none",), "visibility": ("hidden", "collapse"), "mso-hide": ("all",)}


class _Rule(NamedTuple):
    """What one selector says of one property."""

    tag: str
    classes: frozenset[str]
    ids: frozenset[str]
    prop: str
    hides: bool
    rank: tuple[bool, int, int, int, int]  # importance; ids, classes and tags of the selector; order


@dataclass(slots=True)
class Hiding:
    """The rules of all style sheets of a page, by one of the names that their selectors ask for."""

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    unfollowed: list[str] = field(default_factory=list)  # selectors of rules that hide and are not followed

    def hides(self, tag: str, classes: Sequence[str], name: str) -> bool:
        """Whether the rules hide an element of this tag, these classes and this id."""
        winning: dict[str, _Rule] = {}
        for key in (tag, "*", f"#{name}", *(f".{each}" for each in classes)):
            for rule in self.rules.get(key, ()):
                fits = rule.tag in ("", "*", tag) and rule.classes.issubset(classes) and rule.ids <= {name}
                if fits and (rule.prop not in winning or winning[rule.prop].rank < rule.rank):
                    winning[rule.prop] = rule
        return any(rule.hides for rule in winning.values())


def hiding(sheets: Sequence[str]) -> Hiding:
    """The rules of `display` and `visibility` in style sheets, in the order of the page."""
    found, order = Hiding(), 0
    for selectors, body in _blocks(_uncommented("\n".join(sheets)[:MOST_CHARS])):
        for selector in selectors.split(","):
            for prop, value, important in _DECLARATION.findall(body):
                order += 1
                _add(found, selector.strip(), prop.lower(), value.lower(), bool(important), order)
    return found


def _add(found: Hiding, selector: str, prop: str, value: str, important: bool, order: int) -> None:
    compound, hides = _COMPOUND.match(selector), value in _HIDING[prop]
    if compound is None or not selector:
        found.unfollowed.extend([selector] if hides and selector else [])
        return
    marks = _MARK.findall(compound.group("marks"))
    classes = frozenset(name for sign, name in marks if sign == ".")
    ids = frozenset(name for sign, name in marks if sign == "#")
    tag = (compound.group("tag") or "").lower()
    rank = (important, len(ids), len(classes), int(tag not in ("", "*")), order)
    key = f"#{min(ids)}" if ids else f".{min(classes)}" if classes else tag
    found.rules.setdefault(key, []).append(_Rule(tag, classes, ids, prop, hides, rank))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations, those in groups for screens of any size among them; in one pass, for a page may be hostile."""
    opened: list[str] = []  # what stands before each brace that is open
    start = 0
    for mark in _MARKS.finditer(text):
        piece, innermost = text[start : mark.start()], opened[-1] if opened else "@"
        if mark.group() == "{":
            opened.append(piece.strip())
        elif mark.group() == "}" and opened:
            selectors = opened.pop()
            if not selectors.startswith("@") and all(map(_SHOWN_GROUP.match, opened)):
                yield selectors, piece
        elif not innermost.startswith("@"):
            continue  # a semicolon between declarations
        start = mark.end()


def _uncommented(text: str) -> str:
    pieces, place = [], 0
    while (start := text.find("/*", place)) >= 0:
        pieces.append(text[place:start])
        end = text.find("*/", start + 2)
        place = end + 2 if end >= 0 else len(text)
    return " ".join([*pieces, text[place:]]).replace("<!--", " ").replace("-->", " ")
