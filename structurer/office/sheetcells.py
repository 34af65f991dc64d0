"""The cells of a worksheet, read as a stream: the text that each prints, what hides some of them, and the places of what is odd.

openpyxl is not used for it (the tests read with it, as an independent witness): it walks over every place of a merged range, forgets what
stands beneath it, makes errors of dates outside its calendar, and knows no dates by the numbers that Chinese programs give them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from xml.etree.ElementTree import Element

from structurer.office.formatcode import BUILT_IN
from structurer.office.numberformat import GENERAL_WIDTH, exact, general, plain, printed, printed_text
from structurer.office.opc import Package, damaged
from structurer.office.sheetgrid import Area, Place
from structurer.sheets.sections import lowered, raised

LAST_ROW, LAST_COL = 1_048_576, 16_384  # of any sheet
MOST_TEXTS = 2_000_000  # cells with a text in a workbook

_PLACE = re.compile(r"\s*\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})\s*$")
_SHORT = re.compile(rf"(?!-0$)-?(?=[\d.]{{1,{GENERAL_WIDTH}}}$)(?:0|[1-9]\d*)(?:\.\d*[1-9])?$")  # General prints it as it is kept
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PRINT_CODES = re.compile(r'&(?:"[^"]*"|K[0-9A-F]{6}|\d+|[A-Z])', re.IGNORECASE)


@dataclass(slots=True)
class Book:
    """What all sheets share, and how much they may still hold."""

    package: Package
    strings: list[str]
    codes: list[str]  # of number formats, by style
    since_1904: bool
    texts_left: int = MOST_TEXTS


@dataclass(slots=True)
class Cells:
    """A sheet as its file writes it: texts, what hides some of them, and the places of what is odd."""

    texts: dict[Place, str] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_cols: set[int] = field(default_factory=set)
    unreckoned: list[Place] = field(default_factory=list)  # formulas
    unfollowed: list[Place] = field(default_factory=list)  # formats
    unshown: dict[Place, str] = field(default_factory=dict)  # what formats hide
    shortened: dict[Place, str] = field(default_factory=dict)  # numbers whose print lacks figures, with all of them
    margins: list[str] = field(default_factory=list)  # headers and footers of its prints


def shared(package: Package, main: str, since_1904: bool) -> Book:
    """What all sheets of a workbook share; `main` is the part that is the workbook."""
    return Book(package, _strings(package, main), _codes(package, main), since_1904)


def _strings(package: Package, main: str) -> list[str]:
    found: list[str] = []
    for part in package.related(main, "sharedStrings"):
        for element in package.elements(part):
            if element.tag == "x:si":
                found.append(_text(element))
                element.clear()
    return found


def _text(element: Element) -> str:
    """The runs of a text; how it is pronounced (x:rPh) is not part of it."""
    pieces = [unescaped(child.text or "") if child.tag == "x:t" else _run(child) for child in element if child.tag in ("x:t", "x:r")]
    return "".join(pieces)


def _run(run: Element) -> str:
    text = unescaped(run.findtext("x:t") or "")
    align = next((mark.get("val") for mark in run.iter("x:vertAlign")), "")
    return raised(text) if align == "superscript" else lowered(text) if align == "subscript" else text


def unescaped(text: str) -> str:
    """Characters that XML cannot hold are written by their number: _x000D_ (ECMA-376 part 1, 22.9.2.19)."""
    if "_x" not in text:
        return text
    halves = _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)  # of a pair, where a character needs two
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _codes(package: Package, main: str) -> list[str]:
    for part in package.related(main, "styles"):
        root = package.tree(part)
        stated = {_number(entry.get("numFmtId")): entry.get("formatCode", "") for entry in root.iter("x:numFmt")}
        formats = root.find("x:cellXfs")
        numbers = [_number(entry.get("numFmtId")) for entry in (formats if formats is not None else ())]
        return [stated.get(number) or BUILT_IN.get(number, "General") for number in numbers]
    return []


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def is_true(text: str | None) -> bool:
    """A flag as XML writes it."""
    return text in ("1", "true", "on")


# --- one sheet


def cells(book: Book, part: str) -> Cells:
    """All cells of the worksheet in a part; InputError where it is damaged or holds too much."""
    sheet, row = Cells(), 0
    for element in book.package.elements(part):
        if element.tag == "x:row":
            row = _row(book, sheet, element, row)
            element.clear()
        elif element.tag == "x:mergeCell":
            sheet.merged.append(_area(element.get("ref", ""), book.package.where))
        elif element.tag == "x:col" and (is_true(element.get("hidden")) or element.get("width") == "0"):
            first, last = _number(element.get("min")), min(_number(element.get("max")), LAST_COL)
            sheet.hidden_cols.update(range(max(first, 1), last + 1))
        elif element.tag == "x:headerFooter":
            sheet.margins.extend(text for child in element if (text := _PRINT_CODES.sub(" ", child.text or "").strip()))
    return sheet


def _row(book: Book, sheet: Cells, element: Element, before: int) -> int:
    """The texts of a row, which may leave out its number and those of its cells."""
    row = _number(element.get("r")) or before + 1
    if is_true(element.get("hidden")) or element.get("ht") == "0":
        sheet.hidden_rows.add(row)
    col = 0
    for cell in element:
        if cell.tag != "x:c":
            continue
        place = place_of(stated, book.package.where) if (stated := cell.get("r")) else (row, col + 1)
        col = place[1]
        if not (0 < place[0] <= LAST_ROW and 0 < col <= LAST_COL):
            raise damaged(f"a cell stands in row {place[0]:,}, column {col:,}", book.package.where)
        if text := _shown(book, sheet, cell, place):
            sheet.texts[place] = text
            book.texts_left -= 1
    if book.texts_left < 0:
        raise book.package.too_much(f"the workbook holds more than {MOST_TEXTS:,} cells with a text")
    return row


def _shown(book: Book, sheet: Cells, cell: Element, place: Place) -> str:
    """What a cell prints; blank ones print nothing."""
    if not len(cell):
        return ""
    kind, value = cell.get("t", "n"), cell.findtext("x:v")
    style = _number(cell.get("s"))
    code = book.codes[style] if style < len(book.codes) else "General"
    if kind == "inlineStr":
        inline = cell.find("x:is")
        return _as_text(sheet, "" if inline is None else _text(inline), code, place)
    if not value and kind != "str" and cell.find("x:f") is not None:
        sheet.unreckoned.append(place)
    if not value:
        return ""
    if kind == "s":
        number = _number(value.strip())
        if number >= len(book.strings):
            raise damaged(f"the cell {name_of(place)} points to text {number} of {len(book.strings)}", book.package.where)
        return _as_text(sheet, book.strings[number], code, place)
    if kind in ("n", ""):
        return _as_number(book, sheet, value, code, place)
    if kind == "b":
        return "TRUE" if is_true(value.strip()) else "FALSE"
    if kind == "d":
        return value.removesuffix("Z").replace("T00:00:00", "").replace("T", " ")
    return _as_text(sheet, unescaped(value), code, place) if kind == "str" else value


def _as_text(sheet: Cells, text: str, code: str, place: Place) -> str:
    shown = text if code == "General" else printed_text(text, code)
    if text.strip() and not shown.strip():
        sheet.unshown[place] = text
    return shown if shown.strip() else ""


def _as_number(book: Book, sheet: Cells, raw: str, code: str, place: Place) -> str:
    if code == "General" and _SHORT.match(raw):
        return raw
    value = exact(raw)
    if value is None:
        sheet.unfollowed.append(place)
        return raw
    if code == "General":
        text = general(value)
        if "E" in text and exact(text) != value:
            sheet.shortened[place] = plain(value)
        return text
    shown = printed(value, code, since_1904=book.since_1904)
    if not shown.followed:
        sheet.unfollowed.append(place)
    if not shown.text:
        sheet.unshown[place] = plain(value)
    return shown.text


# --- places


def place_of(name: str, where: str) -> Place:
    """Row and column of a cell's name ("B3" is 3, 2), from 1."""
    match = _PLACE.match(name)
    if match is None:
        raise damaged(f'"{name[:20]}" names no cell', where)
    letters, digits = match.groups()
    return int(digits), _column(letters)


@lru_cache(maxsize=LAST_COL)
def _column(letters: str) -> int:
    col = 0
    for letter in letters.upper():
        col = col * 26 + ord(letter) - ord("A") + 1
    return col


def _area(name: str, where: str) -> Area:
    first, _, last = name.partition(":")
    top, left = place_of(first, where)
    bottom, right = place_of(last or first, where)
    return Area(min(top, bottom), min(left, right), max(top, bottom), max(left, right))


def name_of(place: Place) -> str:
    """ "B3" for row 3, column 2."""
    return f"{letters_of(place[1])}{place[0]}"


def letters_of(col: int) -> str:
    """ "AA" for column 27."""
    letters = ""
    while col:
        col, letter = divmod(col - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
