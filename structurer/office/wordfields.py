"""What fields of a Word document print that have no result stored in its text: marks of old forms, signs in a circle, ratios.

ECMA-376 part 1, 17.16.5 (EQ) and 17.16.7 to 17.16.22 (forms).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from structurer.office.numerals import circled
from structurer.office.wordstyles import number, on, value

MOST_IN_CODE = 200  # characters of an instruction that draws
CHECKED, UNCHECKED = "☒", "☐"
_OVER = re.compile(r"\\o(?:\\a[clr])?\s*\(\s*([^,;()]+)\s*[,;]\s*([^,;()]+)\s*\)", re.IGNORECASE)  # one sign over another
_RATIO = re.compile(r"\\f\s*\(([^,;()]*)[,;]([^,;()]*)\)", re.IGNORECASE)
_FRAMES = "○〇◯O□△"


@dataclass(slots=True)
class Field:
    """An open field: its instruction, what its form shows, and whether what follows is its result."""

    instruction: str = ""
    form: str | None = None
    answered: bool = False


def form_shown(form: Element | None) -> str | None:
    """What an old check box or list shows; None where the form keeps its text as the field's result."""
    box = form.find("w:checkBox") if form is not None else None
    choices = form.find("w:ddList") if form is not None else None
    if box is not None:
        checked = on(box, "w:checked")
        return CHECKED if (on(box, "w:default") if checked is None else checked) else UNCHECKED
    if choices is None:
        return None
    entries = [entry.get("w:val", "") for entry in choices if entry.tag == "w:listEntry"]
    chosen = number(value(choices, "w:result") or value(choices, "w:default"))
    return entries[chosen] if 0 <= chosen < len(entries) else ""


def unanswered(closed: Field) -> str | None:
    """What a field prints that was closed without a result; None where that is not known here."""
    if closed.form is not None:
        return closed.form
    code = closed.instruction.strip()
    if not code.upper().startswith("EQ"):
        return ""
    if len(code) > MOST_IN_CODE:
        return None
    if found := _OVER.search(code):
        frame, inner = (part.strip() for part in found.groups())
        inner = inner if frame in _FRAMES else frame
        return circled(int(inner)) if inner.isdecimal() and len(inner) < 3 else f"({inner})"
    if found := _RATIO.search(code):
        return f"{found.group(1).strip()}/{found.group(2).strip()}"
    return None


@dataclass(slots=True)
class Fields:
    """The fields that are open, which may stand inside each other and go on over paragraphs."""

    opened: list[Field] = field(default_factory=list)
    instructing: int = 0  # open fields whose result has not begun
    unknown: list[str] = field(default_factory=list)  # instructions of fields whose print is not known here

    @property
    def printing(self) -> bool:
        """Whether text here is printed: it is no part of an instruction."""
        return not self.instructing

    def instruct(self, text: str) -> None:
        if self.opened and not self.opened[-1].answered:
            self.opened[-1].instruction += text

    def mark(self, element: Element) -> str:
        """A field begins, turns to its result or ends; what it prints if it has none."""
        kind = element.get("w:fldCharType")
        if kind == "begin":
            self.opened.append(Field(form=form_shown(element.find("w:ffData"))))
            self.instructing += 1
        elif kind == "separate" and self.opened and not self.opened[-1].answered:
            self.opened[-1].answered = True
            self.instructing -= 1
        elif kind == "end" and self.opened:
            closed = self.opened.pop()
            self.instructing -= not closed.answered
            if not closed.answered and self.printing:
                return self._print_of(closed)
        return ""

    def start_again(self) -> None:
        """Fields end with the part of the document in which they stand."""
        self.opened.clear()
        self.instructing = 0

    def _print_of(self, closed: Field) -> str:
        shown = unanswered(closed)
        if shown is None:
            self.unknown.append(closed.instruction.strip())
        return shown or ""
