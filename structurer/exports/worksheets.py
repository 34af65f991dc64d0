"""Excel sheets row by row, each row written once and forgotten: what a sheet or a cell has no room for goes on in a further one, and that
is told.

Limits are Excel's ("Excel specifications and limits", Microsoft). A number is one only where Excel keeps all of its digits; no text becomes
a formula, a link or a number. XlsxWriter takes a text of the form "<r>...</r>" for XML of its own making: such a text is handed over in two
pieces, or a stranger's document could write cells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from structurer.exports.columns import Type
from structurer.exports.fitting import encodable, truth
from structurer.exports.naming import folded
from structurer.exports.tables import FORMULA_STARTS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

ROWS: Final = 1_048_576  # of a sheet
CELL: Final = 32_767  # UTF-16 units of a cell
PIECE: Final = 16_000  # characters of a long text in one cell: at most 32,000 UTF-16 units
LONG: Final = "long texts"  # the sheet for them
NAME: Final = 31  # characters of a sheet's name
DIGITS: Final = 15  # significant ones that Excel keeps
FIRST_DAY: Final = date(1900, 3, 1)  # before it Excel counts a day that never was, 29 February 1900
NOTES: Final = 20_000  # of a workbook; each is a drawing, and Excel becomes slow
NOTE: Final = 1000  # characters of a note
LINKS: Final = 65_530  # of a sheet
ALL_LINKS: Final = 4 * LINKS  # of a workbook, for XlsxWriter keeps every one of them in memory: 0.7 KB each
WIDTHS: Final = {Type.TEXT: 22, Type.INTEGER: 10, Type.DECIMAL: 14, Type.REAL: 10, Type.DATE: 12, Type.BOOLEAN: 9}  # in characters
LINE: Final = 16  # points of a line of a heading
HEADING_LINES: Final = 8  # that are shown of a heading, at most
HEADING: Final = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#D9E2EC", "bottom": 1}
_NUMBER: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_NO_NAME: Final = re.compile(r"[^\w .()-]+")
_RAW: Final = ("<r>", "</r>")  # see the docstring


class Head(NamedTuple):
    """A column of a sheet: the words above it, what its values are, and its width in characters (0: as its values need)."""

    words: str
    type: Type = Type.TEXT
    width: int = 0

    @property
    def lines(self) -> int:
        """How many lines the words take, when those of Chinese are two characters wide."""
        room = self.width or WIDTHS[self.type]
        return sum(-(-sum(1 + (char > "\u2e7f") for char in line) // room) for line in self.words.splitlines())


class Cell(NamedTuple):
    """A value with how it is shown: coloured ("" = not), with a note, and linked to a place in the workbook."""

    value: Any
    colour: str = ""
    note: str = ""
    link: str = ""


class Place(NamedTuple):
    """Where a row was written: the sheet's name, and the row from 0."""

    sheet: str
    row: int


@dataclass(slots=True)
class Book:
    """What the sheets of one workbook share: their names, the formats of cells, and what the limits left for elsewhere."""

    book: Workbook
    names: set[str] = field(default_factory=lambda: {"history"})  # the name that Excel keeps for itself
    formats: dict[tuple[str, str], Format] = field(default_factory=dict)
    notes: int = 0
    links: int = 0
    unlinked: int = 0
    unnoted: int = 0
    long: Sheets | None = None

    def sheet(self, name: str) -> Worksheet:
        """A new sheet of this name, bounded and made unique."""
        plain = _NO_NAME.sub("_", name).strip() or "_"
        for number in range(1, len(self.names) + 2):
            tail = f" ({number})" if number > 1 else ""
            found = _shortened(plain, NAME - len(tail)) + tail
            if folded(found) not in self.names:
                break
        self.names.add(folded(found))
        return self.book.add_worksheet(found)

    def format(self, number: str, colour: str) -> Format:
        """The format of cells with a number format and a colour."""
        key = (number, colour)
        if key not in self.formats:
            wanted = {"valign": "top", **({"num_format": number} if number else {}), **({"bg_color": colour} if colour else {})}
            self.formats[key] = self.book.add_format(wanted | ({"quote_prefix": True} if number == "@" else {}))
        return self.formats[key]

    def continued(self, text: str, where: str) -> str:
        """Put a text that a cell has no room for on a sheet of its own, in pieces; returns in words where it is."""
        if self.long is None:
            self.long = Sheets(self, LONG, [Head("cell"), Head("piece"), Head("text")])
        pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
        places = [self.long.add((where, f"{number} of {len(pieces)}", piece)) for number, piece in enumerate(pieces, 1)]
        return f"whole in {address(*places[0], 2)}, in {len(pieces)} pieces"


class Sheets:
    """One table on as many sheets as it needs, each with the heading, frozen and with a filter."""

    def __init__(self, book: Book, name: str, heads: Sequence[Head], *, links: bool = False) -> None:
        self._book, self._name, self._heads, self._links = book, name, heads, links
        self.sheets: list[Worksheet] = []
        self.rows = self._row = self._linked = 0
        self._open()

    def add(self, cells: Iterable[Any]) -> Place:
        """A row of values or Cells; returns where it stands."""
        if self._row >= ROWS or (self._links and self._linked >= LINKS):
            self._open()
        place = Place(self.sheets[-1].get_name(), self._row)
        for number, (cell, head) in enumerate(zip(cells, self._heads, strict=True)):
            self._put(number, cell if isinstance(cell, Cell) else Cell(cell), head.type)
        self._row += 1
        self.rows += 1
        return place

    def close(self) -> None:
        """Put a filter over what the last sheet holds."""
        self.sheets[-1].autofilter(0, 0, max(self._row - 1, 1), len(self._heads) - 1)

    def _open(self) -> None:
        if self.sheets:
            self.close()
        sheet = self._book.sheet(self._name)
        self.sheets.append(sheet)
        sheet.freeze_panes(1, 1)
        sheet.set_landscape()
        sheet.repeat_rows(0)
        sheet.set_row(0, LINE * min(max(head.lines for head in self._heads), HEADING_LINES))
        heading = self._book.book.add_format(HEADING)
        for number, head in enumerate(self._heads):
            sheet.set_column(number, number, head.width or WIDTHS[head.type])
            self._text(number, self._bounded(head.words, 0, number), heading, 0)
        self._row, self._linked = 1, 0

    def _put(self, column: int, cell: Cell, type_: Type) -> None:
        sheet, row = self.sheets[-1], self._row
        found = number_of(cell.value) if type_ in (Type.INTEGER, Type.DECIMAL) else None
        if cell.value is None:
            if cell.colour:
                sheet.write_blank(row, column, None, self._book.format("", cell.colour))
        elif found is not None:
            sheet.write_number(row, column, found[0], self._book.format(found[1], cell.colour))
        elif type_ is Type.REAL and math.isfinite(cell.value):
            sheet.write_number(row, column, cell.value, self._book.format("", cell.colour))
        elif type_ is Type.BOOLEAN and (stated := truth(cell.value)) is not None:
            sheet.write_boolean(row, column, stated, self._book.format("", cell.colour))
        elif type_ is Type.DATE and (day := _day(cell.value)) is not None:
            sheet.write_datetime(row, column, day, self._book.format("yyyy-mm-dd", cell.colour))
        else:
            self._words(column, cell)
        if cell.note:
            self._note(column, cell.note)

    def _words(self, column: int, cell: Cell) -> None:
        text = self._bounded(str(cell.value), self._row, column)
        if cell.link and self._book.links < ALL_LINKS:
            self._book.links += 1
            self._linked += 1
            self.sheets[-1].write_url(self._row, column, f"internal:{cell.link}", string=text)
            return
        self._book.unlinked += bool(cell.link)
        self._text(column, text, self._book.format("@" if text.startswith(FORMULA_STARTS) else "", cell.colour), self._row)

    def _bounded(self, text: str, row: int, column: int) -> str:
        """The text, or its beginning and where the whole of it is."""
        text = encodable(text)
        if len(text) <= CELL // 2 or _units(text) <= CELL:
            return text
        where = self._book.continued(text, address(self.sheets[-1].get_name(), row, column))
        return f"{text[:PIECE]}… [{where}]"

    def _text(self, column: int, text: str, shown: Format, row: int) -> None:
        if text.startswith(_RAW[0]) and text.endswith(_RAW[1]):
            self.sheets[-1].write_rich_string(row, column, text[0], shown, text[1:], shown)
        else:
            self.sheets[-1].write_string(row, column, text, shown)

    def _note(self, column: int, words: str) -> None:
        if self._book.notes >= NOTES:
            self._book.unnoted += 1
            return
        self._book.notes += 1
        told = words if len(words) <= NOTE else f"{words[:NOTE]}… [all of it in the sheet review]"
        self.sheets[-1].write_comment(self._row, column, encodable(" ".join(told.split())), {"x_scale": 2, "author": ""})


def number_of(value: Any) -> tuple[float, str] | None:
    """A decimal as the number that Excel keeps, with the format that shows all its digits; None where one would be lost or added."""
    match = _NUMBER.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        return None
    digits = (match[2] + (match[3] or "")).lstrip("0")
    if len(digits) > DIGITS or (match[1] and not digits):
        return None
    return float(str(value)), f"0.{'0' * len(match[3])}" if match[3] else "0"


def address(sheet: str, row: int, column: int) -> str:
    """A cell as a formula names it; `row` and `column` count from 0. Names of sheets hold no apostrophe."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    return f"'{sheet}'!{xl_rowcol_to_cell(row, column)}"


def _day(value: Any) -> date | None:
    try:
        found = date.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found >= FIRST_DAY and found.isoformat() == value else None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _shortened(name: str, units: int) -> str:
    """A name of so many UTF-16 units at most: its beginning and its end."""
    if _units(name) <= units:
        return name
    half = (units - 1) // 2
    raw = name.encode("utf-16-le")
    head, tail = (part.decode("utf-16-le", errors="ignore").strip() for part in (raw[: 2 * half], raw[-2 * half :]))
    return f"{head}…{tail}"
