"""The text of a Word paragraph as it is printed: runs, fields, symbols, tracked changes, notes; and what of it is not printed.

ECMA-376 part 1, 17.3 (paragraphs and runs), 17.13 (annotations), 17.16 (fields), 22.1 (formulas).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from xml.etree.ElementTree import Element

from structurer.office.numerals import numeral
from structurer.office.symbols import UNKNOWN, drawn, is_symbol_font
from structurer.office.wordfields import Fields
from structurer.office.wordstyles import Styles, number, on, value
from structurer.sheets.sections import lowered, raised

PAGE_BREAK = "\f"
SMALLER = 0.9  # of the size of its paragraph: characters of at most this size may be superscripts
_SPACE = re.compile(r"[\t\r\n]")
_SILENT = frozenset((
    "w:pPr", "w:rPr", "w:sdtPr", "w:sdtEndPr", "w:fldData", "w:delInstrText", "w:commentReference", "w:annotationRef", "w:separator",
    "w:pgNum", "w:continuationSeparator", "w:softHyphen", "w:lastRenderedPageBreak", "m:ctrlPr",
))  # fmt: skip
_SIGNS = {"w:tab": "\t", "w:ptab": "\t", "w:cr": "\n", "w:noBreakHyphen": "-"}


class Left(Enum):
    """Why a text is left out, as the user is told."""

    DELETED = "text that tracked changes delete was"
    HIDDEN = "hidden text was"
    COVERED = "text beneath merged cells was"
    PLACEHOLDER = "the words that ask for a content were"
    READING = "readings above characters were"
    MARGIN = "headers or footers that no page shows were"


class Counted(Enum):
    """What the user is told by its number."""

    INSERTED = "character(s) are insertions by tracked changes and were read as part of the text"
    PICTURES = "picture(s) were not read; they may hold text"
    CHARTS = "chart(s) were not read"
    OBJECTS = "embedded object(s) were not read"
    SYMBOLS = "symbol(s) of a symbol font are not known here and stand as U+FFFD"
    FORMULAS = "formula(s) were written on one line"


class _Look(NamedTuple):
    """How a run is printed; `hidden` and `size` (half points) are what its paragraph's style says."""

    hidden: bool = False
    size: int = 0
    font: str = ""
    align: str = ""


@dataclass(slots=True)
class Notes:
    """Foot or end notes: their texts by id, the kind of their numbers, and those that the text points to, in order and numbered."""

    part: str
    texts: dict[str, Element]
    kind: str
    numbers: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    printed: int = 0  # of those asked for

    def mark(self, note: str) -> str:
        """The number at which the text points to a note, printed above the line."""
        if note not in self.numbers:
            self.asked.append(note)
            self.numbers[note] = len(self.asked)
        count = self.numbers[note]
        return raised(numeral(count, self.kind) or str(count))


@dataclass(slots=True)
class Prose:
    """Reads paragraphs. What stands beside the running text (boxes, diagrams, embedded files) is laid aside for the caller.

    `left_out` holds texts that are not printed, by kind; `counts` what is told by its number.
    """

    styles: Styles
    footnotes: Notes
    endnotes: Notes
    boxes: list[Element | str] = field(default_factory=list)
    points_to: list[str] = field(default_factory=list)  # ids of relationships of diagrams and embedded files
    left_out: dict[Left, list[str]] = field(default_factory=dict)
    counts: Counter[Counted] = field(default_factory=Counter)
    fields: Fields = field(default_factory=Fields)
    own_mark: str = ""  # of the note that is being read
    _look: _Look = field(default_factory=_Look)

    def text(self, paragraph: Element) -> str:
        """What a paragraph prints, without its number; a form feed stands for a page break."""
        style = value(paragraph.find("w:pPr"), "w:pStyle")
        self._look = _Look(self.styles.hidden(style), self.styles.size(style))
        return self._children(paragraph)

    def leave_out(self, kind: Left, text: str) -> None:
        if text.strip():
            self.left_out.setdefault(kind, []).append(text)

    def _children(self, element: Element) -> str:
        return "".join(self._inline(child) for child in element)

    def _inline(self, element: Element) -> str:
        if element.tag in _SILENT:
            return ""
        reader = _READERS.get(element.tag)
        return reader(self, element) if reader else self._children(element)

    # --- runs

    def _run(self, run: Element) -> str:
        properties, outer = run.find("w:rPr"), self._look
        fonts = properties.find("w:rFonts") if properties is not None else None
        font = "" if fonts is None else fonts.get("w:ascii") or fonts.get("w:hAnsi") or ""
        self._look = _Look(outer.hidden, outer.size, font, value(properties, "w:vertAlign") or _shifted(properties, outer.size))
        text = self._children(run)
        self._look = outer
        if self._hides(properties) and text.strip(PAGE_BREAK):
            self.leave_out(Left.HIDDEN, text)
            return ""
        return text

    def _hides(self, properties: Element | None) -> bool:
        """Whether a run is hidden: by itself, else by its style, else by that of its paragraph."""
        own, style = on(properties, "w:vanish"), value(properties, "w:rStyle")
        return own if own is not None else (style is not None and self.styles.hidden(style)) or self._look.hidden

    def _say(self, text: str, font: str = "") -> str:
        """A text, unless it belongs to the instruction of a field, which is not printed."""
        if not self.fields.printing:
            return ""
        if is_symbol_font(font):
            text = drawn(text, font)
            self.counts[Counted.SYMBOLS] += text.count(UNKNOWN)
        align = self._look.align
        return raised(text) if align == "superscript" else lowered(text) if align == "subscript" else text

    def _words(self, element: Element) -> str:
        return self._say(_SPACE.sub(" ", element.text or ""), self._look.font)

    def _sign(self, element: Element) -> str:
        return self._say(_SIGNS[element.tag])

    def _break(self, element: Element) -> str:
        return PAGE_BREAK if element.get("w:type") == "page" else "\n"

    def _symbol(self, element: Element) -> str:
        try:
            return self._say(chr(int(element.get("w:char", ""), 16)), element.get("w:font", ""))
        except (ValueError, OverflowError):
            return ""

    def _struck(self, element: Element) -> str:
        self.leave_out(Left.DELETED, plain(element))
        return ""

    def _inserted(self, element: Element) -> str:
        self.counts[Counted.INSERTED] += len("".join(plain(element).split()))
        return self._children(element)

    # --- fields, notes, readings, controls

    def _field_mark(self, element: Element) -> str:
        return self.fields.mark(element)

    def _instruction(self, element: Element) -> str:
        self.fields.instruct(element.text or "")
        return ""

    def _note_mark(self, element: Element) -> str:
        notes = self.footnotes if element.tag == "w:footnoteReference" else self.endnotes
        note = element.get("w:id", "")
        if note not in notes.texts:
            return ""
        mark = notes.mark(note)
        return "" if element.get("w:customMarkFollows") in ("1", "true", "on") else mark

    def _mark_of_note(self, _: Element) -> str:
        return self.own_mark

    def _ruby(self, element: Element) -> str:
        """Characters with their reading above them."""
        for reading in element.iter("w:rt"):
            self.leave_out(Left.READING, plain(reading))
        return "".join(self._children(child) for child in element if child.tag == "w:rubyBase")

    def _control(self, element: Element) -> str:
        """A content control; the words that ask for its content are not its content."""
        content = element.find("w:sdtContent")
        if content is None:
            return ""
        if asks(element):
            self.leave_out(Left.PLACEHOLDER, plain(content))
            return ""
        return self._children(content)

    def _alternative(self, element: Element) -> str:
        return self._children(preferred(element))

    # --- what stands beside the text

    def _box(self, element: Element) -> str:
        self.boxes.append(element)
        return ""

    def _word_art(self, element: Element) -> str:
        self.boxes.append(element.get("string", ""))
        return ""

    def _picture(self, _: Element) -> str:
        self.counts[Counted.PICTURES] += 1
        return ""

    def _chart(self, _: Element) -> str:
        self.counts[Counted.CHARTS] += 1
        return ""

    def _diagram(self, element: Element) -> str:
        self.points_to.append(element.get("r:dm", ""))
        return ""

    def _embedded(self, element: Element) -> str:
        self.counts[Counted.OBJECTS] += 1
        self.points_to.append(element.get("r:id", ""))
        return ""

    # --- formulas, on one line

    def _formula(self, element: Element) -> str:
        self.counts[Counted.FORMULAS] += 1
        return self._children(element)

    def _ratio(self, element: Element) -> str:
        return f"{_bracketed(self._part(element, 'm:num'))}/{_bracketed(self._part(element, 'm:den'))}"

    def _scripts(self, element: Element) -> str:
        base, below, above = (self._part(element, tag) for tag in ("m:e", "m:sub", "m:sup"))
        sup = raised(above) if raised(above) != above else f"^{_bracketed(above)}" if above else ""
        sub = lowered(below) if lowered(below) != below else f"_{_bracketed(below)}" if below else ""
        return base + sub + sup

    def _root(self, element: Element) -> str:
        return f"{raised(self._part(element, 'm:deg'))}√{_bracketed(self._part(element, 'm:e'))}"

    def _part(self, element: Element, tag: str) -> str:
        part = element.find(tag)
        return self._children(part).strip() if part is not None else ""


_READERS: dict[str, Callable[[Prose, Element], str]] = {
    **dict.fromkeys(("w:r", "m:r"), Prose._run), **dict.fromkeys(("w:t", "m:t"), Prose._words), **dict.fromkeys(_SIGNS, Prose._sign),
    "w:br": Prose._break, "w:sym": Prose._symbol, **dict.fromkeys(("w:del", "w:moveFrom"), Prose._struck),
    **dict.fromkeys(("w:ins", "w:moveTo"), Prose._inserted), "w:fldChar": Prose._field_mark, "w:instrText": Prose._instruction,
    **dict.fromkeys(("w:footnoteReference", "w:endnoteReference"), Prose._note_mark),
    **dict.fromkeys(("w:footnoteRef", "w:endnoteRef"), Prose._mark_of_note), "w:ruby": Prose._ruby, "w:sdt": Prose._control,
    "mc:AlternateContent": Prose._alternative, "w:txbxContent": Prose._box, "v:textpath": Prose._word_art,
    **dict.fromkeys(("a:blip", "v:imagedata"), Prose._picture), "c:chart": Prose._chart, "dgm:relIds": Prose._diagram,
    "o:OLEObject": Prose._embedded, "m:oMath": Prose._formula, "m:f": Prose._ratio, "m:rad": Prose._root,
    **dict.fromkeys(("m:sSup", "m:sSub", "m:sSubSup"), Prose._scripts),
}  # fmt: skip


def asks(control: Element) -> bool:
    """Whether a content control shows the words that ask for its content."""
    return bool(on(control.find("w:sdtPr"), "w:showingPlcHdr"))


def preferred(alternatives: Element) -> Element:
    """Of the same content for newer and for older programs the first that holds anything."""
    return next((each for each in alternatives if each.tag in ("mc:Choice", "mc:Fallback") and len(each)), alternatives)


def plain(element: Element) -> str:
    """All text in an element, deleted text too, without regard to how it is printed."""
    return "".join(each.text or "" for each in element.iter() if each.tag in ("w:t", "w:delText"))


def _shifted(properties: Element | None, size: int) -> str:
    """How smaller characters stand that are moved up or down: some programs write superscripts in this way."""
    shift, own = number(value(properties, "w:position")), number(value(properties, "w:sz"), size)
    if not shift or own > SMALLER * size:
        return ""
    return "superscript" if shift > 0 else "subscript"


def _bracketed(text: str) -> str:
    return text if text.isalnum() or not text else f"({text})"
