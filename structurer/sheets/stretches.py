"""Stretches of a document, pictures and sheets as parcels, and back; what a process under a stranger's control sends is checked.

A document's own claims must agree: words lie in the text and on its pages, cells in their grids. What is told to a person cannot steer a
terminal.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import le
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from structurer.document import UNKNOWN, Box, Cell, Columns, Page, Second, Table, Words
from structurer.errors import InputError
from structurer.sandbox.parcel import REMEDY, Shape, packed, unpacked
from structurer.sheets.script import Written
from structurer.sheets.sheet import Char, Sheet

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_SIDE: Final = 1e7  # points: no page is larger
MOST_PLACE: Final = 10_000_000  # rows or columns of a table

_PAGE: Final[dict[str, Shape]] = {
    "number": int,
    "start": int,
    "end": int,
    "decision": str,
    "width": float | None,
    "height": float | None,
    "angle": float,
    "dpi": float | None,
    "engine": str | None,
    "reasons": [str],
    "name": str,
}
_WRITTEN: Final[dict[str, Shape]] = {
    "text": bytes,
    "pages": [_PAGE],
    "words": {"starts": "q", "ends": "q", "pages": "q", "boxes": "f", "confidences": "f"},
    "tables": [{"pages": [int], "cells": "q", "pieces": "q"}],
    "seconds": [{"start": int, "end": int, "text": str}],
}
_SHEET: Final[dict[str, Shape]] = {
    "width": float,
    "height": float,
    "texts": [str],
    "boxes": "f",
    "uprights": "b",
    "confidences": "f",
    "tables": ["f"],
    "alternatives": [str],
    "alternative_boxes": "f",
    "angle": float,
    "engine": str | None,
    "warnings": [str],
    "look": {"width": int, "height": int, "pixels": bytes},
}
_PICTURE: Final[dict[str, Shape]] = {"width": int, "height": int, "dpi": float, "pixels": bytes, "is_wanted_back": bool}
NO_LOOK: Final = {"width": 0, "height": 0, "pixels": b""}
_END: Final[dict[str, Shape]] = {"media_type": str, "encoding": str | None, "warnings": [str]}


class End(NamedTuple):
    """What is known of a file when it has been read."""

    media_type: str
    encoding: str | None
    warnings: tuple[str, ...]


class Picture(NamedTuple):
    """Pixels row by row, red, green and blue each, and whether the sheet is to hold the picture as it was made straight."""

    width: int
    height: int
    dpi: float
    pixels: bytes
    is_wanted_back: bool = False


# --- stretches


def pack_stretch(written: Written) -> bytes:
    """A stretch as a parcel."""
    tables = [{"pages": table.pages, "cells": _cells(table), "pieces": _pieces(table)} for table in written.tables]
    pages = [{name: getattr(page, name) for name in _PAGE} for page in written.pages]
    seconds = [second._asdict() for second in written.seconds]
    text = written.text.encode("utf-8", "replace")
    return packed({"text": text, "pages": pages, "words": written.words.columns._asdict(), "tables": tables, "seconds": seconds})


def _cells(table: Table) -> array[int]:
    return array("q", (number for cell in table.cells for number in (cell.row, cell.col, cell.rowspan, cell.colspan, len(cell.pieces))))


def _pieces(table: Table) -> array[int]:
    return array("q", (end for cell in table.cells for piece in cell.pieces for end in piece))


def unpack_stretch(parcel: bytes, before: int, where: str) -> Written:
    """A stretch behind the first `before` characters of its document; InputError where it claims what cannot be."""
    found = unpacked(parcel, _WRITTEN, where)
    text = _text(found["text"], where)
    length = before + len(text)
    pages = tuple(_page(page) for page in found["pages"])
    if not _are_in_order(pages, before, length):
        _refuse("a page lies outside the text", where)
    words = _words(Columns(**found["words"]), before, length, where)
    if not set(words.columns.pages) <= {page.number for page in pages}:
        _refuse("words lie on no page", where)
    tables = tuple(_table(table, length, where) for table in found["tables"])
    seconds = tuple(Second(**second) for second in found["seconds"])
    if not all(before <= second.start < second.end <= length for second in seconds):
        _refuse("a second reading lies outside the text", where)
    return Written(text, pages, words, tables, seconds)


def _text(encoded: bytes, where: str) -> str:
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        _refuse("its text is none", where)


def _page(found: dict[str, Any]) -> Page:
    told = {"reasons": tuple(map(_shown, found["reasons"])), "name": _shown(found["name"]), "decision": _shown(found["decision"])}
    return Page(**found | told | {"engine": None if found["engine"] is None else _shown(found["engine"])})


def _are_in_order(pages: Sequence[Page], before: int, length: int) -> bool:
    """Pages follow each other, without gaps in their numbers."""
    ordered = all(one.number + 1 == two.number and one.end <= two.start for one, two in pairwise(pages))
    return ordered and all(page.number >= 1 and before <= page.start <= page.end <= length for page in pages)


def _shown(text: str) -> str:
    """What does not print might steer a terminal, and has no meaning elsewhere."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)


def _words(columns: Columns, before: int, length: int, where: str) -> Words:
    starts, ends, pages, boxes, confidences = columns
    count = len(starts)
    if not (len(ends) == len(pages) == len(confidences) == count and len(boxes) == 4 * count):
        _refuse("words lack numbers", where)
    ordered = all(a <= b for a, b in zip(ends, starts[1:], strict=False)) and all(a < b for a, b in zip(starts, ends, strict=True))
    if count and not (ordered and before <= starts[0] and ends[-1] <= length):
        _refuse("words lie outside the text", where)
    if not _are_boxes(boxes) or not _are_sure(confidences):
        _refuse("words have no place", where)
    return Words.of(columns)


def _are_boxes(sides: Sequence[float]) -> bool:
    """Whether sides are those of boxes, four each, on a page that can be."""
    if len(sides) % 4 or not -MOST_SIDE <= min(sides, default=0.0) <= max(sides, default=0.0) <= MOST_SIDE:
        return False
    return all(map(le, sides[::4], sides[2::4])) and all(map(le, sides[1::4], sides[3::4]))


def _are_sure(confidences: Iterable[float]) -> bool:
    return all(sure == UNKNOWN or 0 <= sure <= 1 for sure in confidences)


def _table(found: dict[str, Any], length: int, where: str) -> Table:
    numbers, pieces = found["cells"], found["pieces"]
    if len(numbers) % 5 or len(pieces) % 2 or sum(numbers[4::5]) * 2 != len(pieces):
        _refuse("cells lack numbers", where)
    if not all(0 <= number <= MOST_PLACE for number in numbers) or not all(0 <= end <= length for end in pieces):
        _refuse("cells lie outside the table", where)
    if not all(map(le, pieces[::2], pieces[1::2])) or not all((*numbers[2::5], *numbers[3::5])):
        _refuse("cells have no extent", where)
    if not found["pages"] or min(found["pages"]) < 1:
        _refuse("a table lies on no page", where)
    return Table(tuple(found["pages"]), tuple(_cells_of(numbers, pieces)))


def _cells_of(numbers: Sequence[int], pieces: Sequence[int]) -> Iterator[Cell]:
    used = 0
    for place in range(0, len(numbers), 5):
        row, col, rowspan, colspan, count = numbers[place : place + 5]
        own = pieces[used : used + 2 * count]
        used += 2 * count
        yield Cell(row, col, rowspan, colspan, tuple(zip(own[::2], own[1::2], strict=True)))


def pack_end(end: End) -> bytes:
    """The end of a document as a parcel."""
    return packed(end._asdict())


def unpack_end(parcel: bytes, where: str) -> End:
    """The end of a document."""
    found = unpacked(parcel, _END, where)
    encoding = None if found["encoding"] is None else _shown(found["encoding"])
    return End(_shown(found["media_type"]), encoding, tuple(map(_shown, found["warnings"])))


# --- pictures and what is read in them


def pack_picture(picture: Picture) -> bytes:
    """A picture as a parcel."""
    return packed(picture._asdict())


def unpack_picture(parcel: bytes, where: str) -> Picture:
    """A picture with as many pixels as it claims."""
    picture = Picture(**unpacked(parcel, _PICTURE, where))
    if min(picture.width, picture.height) < 1 or len(picture.pixels) != picture.width * picture.height * 3 or picture.dpi <= 0:
        _refuse("a picture lacks pixels", where)
    return picture


def pack_sheet(sheet: Sheet, *, with_picture: bool = False) -> bytes:
    """What a recogniser read, as a parcel: its number and decision are the asker's to know."""
    look = sheet.picture.convert("RGB") if with_picture and sheet.picture else None
    return packed(
        {
            "width": sheet.width,
            "height": sheet.height,
            "texts": [char.text for char in sheet.chars],
            "boxes": array("f", (side for char in sheet.chars for side in _sides(char.box))),
            "uprights": array("b", (char.upright for char in sheet.chars)),
            "confidences": array("f", (UNKNOWN if char.confidence is None else char.confidence for char in sheet.chars)),
            "tables": [array("f", (side for box in boxes for side in _sides(box))) for boxes in sheet.tables],
            "alternatives": [text for _, text in sheet.alternatives],
            "alternative_boxes": array("f", (side for box, _ in sheet.alternatives for side in _sides(box))),
            "angle": sheet.angle,
            "engine": sheet.engine,
            "warnings": sheet.warnings,
            "look": {"width": look.width, "height": look.height, "pixels": look.tobytes()} if look else NO_LOOK,
        }
    )


def unpack_sheet(parcel: bytes, where: str) -> Sheet:
    """What a recogniser read."""
    found = unpacked(parcel, _SHEET, where)
    texts, count = found["texts"], len(found["texts"])
    if not (len(found["uprights"]) == len(found["confidences"]) == count and len(found["boxes"]) == 4 * count and all(texts)):
        _refuse("characters lack numbers", where)
    if len(found["alternative_boxes"]) != 4 * len(found["alternatives"]) or not all(found["alternatives"]):
        _refuse("second readings lack numbers", where)
    boxes = (found["boxes"], found["alternative_boxes"], *found["tables"])
    if not all(map(_are_boxes, boxes)) or not _are_sure(found["confidences"]) or not all(found["tables"]):
        _refuse("characters have no place", where)
    if not (0 < found["width"] <= MOST_SIDE and 0 < found["height"] <= MOST_SIDE):
        _refuse("a page has no size", where)
    look = found["look"]
    if min(look["width"], look["height"]) < 0 or len(look["pixels"]) != look["width"] * look["height"] * 3:
        _refuse("a picture lacks pixels", where)
    return _sheet(found)


def _sheet(found: dict[str, Any]) -> Sheet:
    chars = tuple(
        Char(text, box, bool(upright), None if sure == UNKNOWN else sure)
        for text, box, upright, sure in zip(found["texts"], _boxes(found["boxes"]), found["uprights"], found["confidences"], strict=True)
    )
    tables = tuple(tuple(_boxes(table)) for table in found["tables"])
    alternatives = tuple(zip(_boxes(found["alternative_boxes"]), found["alternatives"], strict=True))
    looks = {"decision": "ocr", "angle": found["angle"], "engine": found["engine"], "warnings": tuple(found["warnings"])}
    picture = _picture(**found["look"])
    return Sheet(1, found["width"], found["height"], chars, tables, alternatives=alternatives, picture=picture, **looks)


def _picture(width: int, height: int, pixels: bytes) -> Image | None:
    """A locked process alone makes one, where pictures are at hand."""
    from PIL import Image

    return Image.frombytes("RGB", (width, height), pixels) if pixels else None


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.top, box.x1, box.bottom


def _boxes(sides: Sequence[float]) -> Iterator[Box]:
    return (Box(*sides[place : place + 4]) for place in range(0, len(sides), 4))


def _refuse(what: str, where: str) -> NoReturn:
    raise InputError(f"the parser gave what cannot be: {what}", where=where, remedy=REMEDY)
