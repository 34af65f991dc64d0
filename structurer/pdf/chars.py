"""The characters of a PDF's page, in runs: each run is what one text object prints, every character with its box as shown."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain, count, repeat
from math import hypot
from typing import Any, Final

from structurer.document import Box, around
from structurer.pdf import calls as pdfium
from structurer.pdf.pdfium import Handle, Kind, Painted, Sheetful, Sides, bounds

FLAT: Final = 0.01  # points (kSizeEpsilon of cpdf_textpage.cpp)
LOST: Final = "\ufffd"  # a glyph that the file gives no meaning
ASCENT: Final = 0.8  # of the em above the baseline
ASLANT: Final = 0.2  # the sine of 12 degrees: beyond it a line of print is not meant to be level or upright
_SPACE: Final = 0x20
_HYPHEN: Final = 0x2  # how PDFium writes a hyphen at the end of a line
_NO_MEANING: Final = frozenset([0, *range(3, 9), *range(0xE, 0x20), 0x7F, *range(0x80, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])
_HIGH_HALVES: Final = range(0xD800, 0xDC00)  # of characters beyond the first plane, which PDFium gives in two (UTF-16)
_LOW_HALVES: Final = range(0xDC00, 0xE000)
_ADDED: Final = frozenset([0x20, 0xA, 0xD])  # what PDFium adds between characters
_IN_FIGURES: Final = frozenset("0123456789.,-%")
_BATCH: Final = 4096  # characters asked for at once: their numbers take less than what is made of them
_COMPARED: Final = 5  # text objects before one with which PDFium compares it, to give what is printed twice once (cpdf_textpage.cpp)


@dataclass(slots=True)
class Run:
    """What a text object prints: its characters, white space among them, with a box each; `handle` is 0 where PDFium names no object.

    `turns`: quarters clockwise by which the page would have to be turned for it to write from left to right. `again` are objects that
    print the same over it, of which PDFium gives no characters. What is written `aslant` is neither level nor upright.
    """

    handle: Handle
    signs: list[str]
    boxes: list[Box]
    turns: int
    box: Box
    again: tuple[Handle, ...] = ()
    aslant: bool = False

    @property
    def is_upright(self) -> bool:
        return self.turns == 0


def runs(page: Sheetful) -> list[Run]:
    """Characters one by one: PDFium's own text string breaks sparse pages. Of what it adds, spaces are kept, but not inside figures."""
    objects = {one.handle: one for one in page.painted if one.kind == Kind.TEXT}
    with _text_of(page) as text:
        found = list(_runs(text, objects, page))
    if flat := [handle for handle in objects.keys() - _known(found) if _is_flat(objects[handle])]:
        with _made_thick(flat), _text_of(page) as text:
            found = list(_runs(text, objects, page))
    known = _known(found)
    if len(known) < len(objects):
        again = _printed_again(objects, known)
        for run in found:
            run.again = tuple(again.get(run.handle, ()))
    return found


def _known(found: Sequence[Run]) -> set[Handle]:
    return {run.handle for run in found if run.handle}


def _is_flat(one: Painted) -> bool:
    """Glyphs of a font that is neither in the file nor on this machine have no extent; of a flat text object PDFium gives no characters."""
    box = bounds(one)
    return box is not None and box[2] - box[0] < FLAT and pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(one.handle)) != 1


@contextmanager
def _made_thick(handles: Sequence[Handle]) -> Iterator[None]:
    """While it lasts, glyphs are outlined, which gives them the extent of a line."""
    modes = [pdfium.FPDFTextObj_GetTextRenderMode(handle) for handle in handles]
    for handle in handles:
        pdfium.FPDFTextObj_SetTextRenderMode(handle, pdfium.FPDF_TEXTRENDERMODE_STROKE)
        pdfium.FPDFPageObj_TransformF(handle, ctypes.byref(pdfium.FS_MATRIX(1, 0, 0, 1, 0, 0)))  # so that its extent is reckoned anew
    try:
        yield
    finally:
        for handle, mode in zip(handles, modes, strict=True):
            pdfium.FPDFTextObj_SetTextRenderMode(handle, mode)


def _printed_again(objects: Mapping[Handle, Painted], known: Collection[Handle]) -> dict[Handle, list[Handle]]:
    """The objects without characters that stand on one shortly before them, by that one."""
    found: dict[Handle, list[Handle]] = {}
    before: deque[tuple[Handle, Painted]] = deque(maxlen=_COMPARED)
    for handle, one in objects.items():
        if handle not in known:
            first = next((first for first, other in reversed(before) if _overlap(one, other)), None)
            if first is None:
                continue
            found.setdefault(first, []).append(handle)
            handle = first
        before.append((handle, one))
    return found


def _overlap(one: Painted, other: Painted) -> bool:
    a, b = bounds(one), bounds(other)
    return a is not None and b is not None and all(min(a[side + 2], b[side + 2]) > max(a[side], b[side]) for side in (0, 1))


@contextmanager
def _text_of(page: Sheetful) -> Iterator[Handle]:
    text = pdfium.FPDFText_LoadPage(page.handle)
    try:
        yield text
    finally:
        pdfium.FPDFText_ClosePage(text)


def _runs(text: Handle, objects: Collection[Handle], page: Sheetful) -> Iterator[Run]:
    """The hot loop of reading a page: no calls but for what begins a run."""
    pen, half = _Pen(text, page), 0
    signs, boxes, turns, aslant, body = list[str](), list[Box](), 0, False, None
    maker: Handle | None = None
    for place, code, is_lost, origin, (x0, top, x1, bottom) in _chars(text, page):
        if code in _HIGH_HALVES:
            half = code
            continue
        if half and code in _LOW_HALVES:
            code = 0x10000 + ((half - 0xD800) << 10) + code - 0xDC00
        half = 0
        if code in _ADDED and pdfium.FPDFText_IsGenerated(text, place) == 1:
            if code == _SPACE and signs and not _is_in_figure(text, place, signs[-1]):
                last = boxes[-1]
                signs.append(" ")
                boxes.append(Box(last.x1, last.top, last.x1, last.bottom))
            continue
        if not signs or origin != maker:
            if signs:
                yield Run(maker if maker and maker in objects else 0, signs, boxes, turns, around(boxes), aslant=aslant)
            signs, boxes, maker = [], [], origin
            turns, aslant, body = pen.at(place)
        if x0 > x1 or top > bottom:  # mirrored
            x0, top, x1, bottom = min(x0, x1), min(top, bottom), max(x0, x1), max(top, bottom)
        if body and body[0] < (top + bottom) / 2 < body[1]:
            top, bottom = body
        boxes.append(Box(x0, top, x1, bottom))
        signs.append(LOST if is_lost == 1 else _sign(code))
    if signs:
        yield Run(maker if maker and maker in objects else 0, signs, boxes, turns, around(boxes), aslant=aslant)


def _chars(text: Handle, page: Sheetful) -> Iterator[tuple[int, int, int, Handle | None, Sides]]:
    """Of each character: its number, its code (one half of it, beyond the first plane), whether that has no meaning (1), the object that
    prints it, and the sides of its box.
    """
    total, placed = pdfium.FPDFText_CountChars(text), page.frame.placing()
    batches = (range(start, min(start + _BATCH, total)) for start in range(0, total, _BATCH))
    return chain.from_iterable(_batch(text, places, placed) for places in batches)


def _batch(text: Handle, places: range, placed: Callable[..., Sides]) -> Iterator[tuple[int, int, int, Handle | None, Sides]]:
    """The same of some characters, asked for without a step of the interpreter for each."""
    room = (ctypes.c_float * (4 * len(places)))()  # of a rectangle each (FS_RECTF): left, top, right, bottom
    first, size = ctypes.addressof(room), ctypes.sizeof(pdfium.FS_RECTF)
    deque(map(pdfium.FPDFText_GetLooseCharBox, repeat(text), places, count(first, size)), maxlen=0)
    asked = (pdfium.FPDFText_GetUnicode, pdfium.FPDFText_HasUnicodeMapError, pdfium.FPDFText_GetTextObject)
    sides = room[:]
    boxes = map(placed, sides[::4], sides[3::4], sides[2::4], sides[1::4])
    return zip(places, *(map(each, repeat(text), places) for each in asked), boxes, strict=True)


class _Pen:
    """What is the same for all characters of a run."""

    def __init__(self, text: Handle, page: Sheetful) -> None:
        self._text, self._quarters, self._placed = text, page.frame.quarters, page.frame.placing()
        self._matrix, self._x, self._y = pdfium.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
        self._at = tuple(map(ctypes.addressof, (self._matrix, self._x, self._y)))

    def at(self, place: int) -> tuple[int, bool, tuple[float, float] | None]:
        """The turns of a text object by a character of it, whether it is aslant, and the top and the bottom of its em square where it is
        upright."""
        matrix_at, x_at, y_at = self._at
        pdfium.FPDFText_GetMatrix(self._text, place, matrix_at)
        turns, aslant = _turns(self._matrix, self._quarters), _is_aslant(self._matrix)
        if turns or not pdfium.FPDFText_GetCharOrigin(self._text, place, x_at, y_at):
            return turns, aslant, None
        em = abs(pdfium.FPDFText_GetFontSize(self._text, place)) * hypot(self._matrix.c, self._matrix.d)
        x, y = self._x.value, self._y.value
        return turns, aslant, _body(em, self._placed(x, y, x, y)[1])


@cache
def _sign(code: int) -> str:
    """White space inside a ligature or an odd mapping would break the lines of the text; a lone one stays, for it parts words."""
    if code == _HYPHEN:
        return "-"
    sign = LOST if code in _NO_MEANING else chr(code)
    return " " if sign.isspace() else sign


def _is_in_figure(text: Handle, place: int, before: str) -> bool:
    return before in _IN_FIGURES and chr(pdfium.FPDFText_GetUnicode(text, place + 1)) in _IN_FIGURES


def _turns(matrix: Any, quarters: int) -> int:
    """Quarters clockwise that make a text object write from left to right, as the page is shown."""
    along, upwards = matrix.a, matrix.b
    for _ in range(quarters):
        along, upwards = upwards, -along
    if abs(along) > abs(upwards):
        return 0 if along > 0 else 2
    return 1 if upwards > 0 else 3


def _is_aslant(matrix: Any) -> bool:
    along, upwards = abs(matrix.a), abs(matrix.b)
    return bool(min(along, upwards) > ASLANT * hypot(along, upwards))


def _body(em: float, base: float) -> tuple[float, float] | None:
    """Top and bottom of the em square of an upright text object, as shown: fonts that state no heights have boxes as tight as their ink."""
    return (base - ASCENT * em, base + (1 - ASCENT) * em) if em > 0 else None
