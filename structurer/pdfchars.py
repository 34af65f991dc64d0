"""The characters of a PDF's page, in runs: each run is what one text object prints, every character with its box as shown."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import hypot
from typing import Any, Final

import pypdfium2.raw as pdfium

from structurer.document import Box
from structurer.pdfium import Handle, Kind, Painted, Sheetful, bounds

FLAT: Final = 0.01  # points (kSizeEpsilon of cpdf_textpage.cpp)
LOST: Final = "\ufffd"  # a glyph that the file gives no meaning
ASCENT: Final = 0.8  # of the em above the baseline
_SPACE: Final = 0x20
_HYPHEN: Final = 0x2  # how PDFium writes a hyphen at the end of a line
_NO_MEANING: Final = frozenset([0, *range(3, 9), *range(0xE, 0x20), 0x7F, *range(0x80, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])
_HIGH_HALVES: Final = range(0xD800, 0xDC00)  # of characters beyond the first plane, which PDFium gives in two (UTF-16)
_LOW_HALVES: Final = range(0xDC00, 0xE000)
_ADDED: Final = frozenset([0x20, 0xA, 0xD])  # what PDFium adds between characters
_IN_FIGURES: Final = frozenset("0123456789.,-%")
_COMPARED: Final = 5  # text objects before one with which PDFium compares it, to give what is printed twice once (cpdf_textpage.cpp)


@dataclass
class Run:
    """What a text object prints: its characters, white space among them, with a box each; `handle` is None where PDFium names no object.

    `turns`: quarters clockwise by which the page would have to be turned for it to write from left to right. `again` are objects that
    print the same over it, of which PDFium gives no characters.
    """

    handle: Handle | None
    signs: list[str]
    boxes: list[Box]
    turns: int = 0
    again: tuple[Handle, ...] = ()

    @property
    def is_upright(self) -> bool:
        return self.turns == 0

    @cached_property
    def box(self) -> Box:
        x0s, tops, x1s, bottoms = zip(*self.boxes, strict=True)
        return Box(min(x0s), min(tops), max(x1s), max(bottoms))


def runs(page: Sheetful) -> list[Run]:
    """Characters one by one: PDFium's own text string breaks sparse pages. Of what it adds, spaces are kept, but not inside figures."""
    objects = {address_of(one.handle): one for one in page.painted if one.kind == Kind.TEXT}
    handles = {address: one.handle for address, one in objects.items()}
    with _text_of(page) as text:
        found = list(_runs(text, handles, page))
    if flat := [handles[address] for address in objects.keys() - _known(found) if _is_flat(objects[address])]:
        with _made_thick(flat), _text_of(page) as text:
            found = list(_runs(text, handles, page))
    known = _known(found)
    if len(known) < len(objects):
        again = _printed_again(objects, known)
        for run in found:
            run.again = tuple(again.get(address_of(run.handle), ())) if run.handle else ()
    return found


def _known(found: Sequence[Run]) -> set[int]:
    return {address_of(run.handle) for run in found if run.handle}


def address_of(handle: Handle) -> int:
    """By which PDFium's objects are told apart: each answer of its is a new pointer."""
    return ctypes.addressof(handle.contents)


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
        pdfium.FPDFPageObj_TransformF(handle, pdfium.FS_MATRIX(1, 0, 0, 1, 0, 0))  # so that its extent is reckoned anew
    try:
        yield
    finally:
        for handle, mode in zip(handles, modes, strict=True):
            pdfium.FPDFTextObj_SetTextRenderMode(handle, mode)


def _printed_again(objects: Mapping[int, Painted], known: Collection[int]) -> dict[int, list[Handle]]:
    """The objects without characters that stand on one shortly before them, by the address of that one."""
    found: dict[int, list[Handle]] = {}
    before: deque[tuple[int, Painted]] = deque(maxlen=_COMPARED)
    for address, one in objects.items():
        if address not in known:
            first = next((first for first, other in reversed(before) if _overlap(one, other)), None)
            if first is None:
                continue
            found.setdefault(first, []).append(one.handle)
            address = first
        before.append((address, one))
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


def _runs(text: Handle, handles: dict[int, Handle], page: Sheetful) -> Iterator[Run]:
    """The hot loop of reading a page: few calls, no attribute looked up twice."""
    code_at, object_at, box_at = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetTextObject, pdfium.FPDFText_GetLooseCharBox
    is_added, is_lost = pdfium.FPDFText_IsGenerated, pdfium.FPDFText_HasUnicodeMapError
    placed, rect, address = page.frame.placing(), pdfium.FS_RECTF(), ctypes.addressof
    matrix, x, y = pdfium.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
    run, maker, body, high_half = None, -1, None, 0
    for place in range(max(pdfium.FPDFText_CountChars(text), 0)):
        code = code_at(text, place)
        if code in _HIGH_HALVES:
            high_half = code
            continue
        if high_half and code in _LOW_HALVES:
            code = 0x10000 + ((high_half - 0xD800) << 10) + code - 0xDC00
        high_half = 0
        if code in _ADDED and is_added(text, place) == 1:
            if code == _SPACE and run is not None and not _is_in_figure(text, place, run):
                last = run.boxes[-1]
                run.signs.append(" ")
                run.boxes.append(Box(last.x1, last.top, last.x1, last.bottom))
            continue
        found = object_at(text, place)
        origin = address(found.contents) if found else 0
        if run is None or origin != maker:
            if run is not None:
                yield run
            pdfium.FPDFText_GetMatrix(text, place, matrix)
            maker, run = origin, Run(handles.get(origin), [], [], _turns(matrix, page.frame.quarters))
            body = None
            if run.is_upright and pdfium.FPDFText_GetCharOrigin(text, place, x, y):
                em = abs(pdfium.FPDFText_GetFontSize(text, place)) * hypot(matrix.c, matrix.d)
                body = _body(em, placed(x.value, y.value, x.value, y.value).top)
        box_at(text, place, rect)
        left, low, right, high = rect.left, rect.bottom, rect.right, rect.top
        if left > right or low > high:  # mirrored
            left, low, right, high = min(left, right), min(low, high), max(left, right), max(low, high)
        box = placed(left, low, right, high)
        run.boxes.append(Box(box.x0, body[0], box.x1, body[1]) if body and body[0] < (box.top + box.bottom) / 2 < body[1] else box)
        run.signs.append(LOST if (code in _NO_MEANING and code != _HYPHEN) or is_lost(text, place) == 1 else _sign(code))
    if run is not None:
        yield run


def _sign(code: int) -> str:
    """White space inside a ligature or an odd mapping would break the lines of the text; a lone one stays, for it parts words."""
    sign = chr(code) if code != _HYPHEN else "-"
    return " " if sign.isspace() else sign


def _is_in_figure(text: Handle, place: int, run: Run) -> bool:
    return run.signs[-1] in _IN_FIGURES and chr(pdfium.FPDFText_GetUnicode(text, place + 1)) in _IN_FIGURES


def _turns(matrix: Any, quarters: int) -> int:
    """Quarters clockwise that make a text object write from left to right, as the page is shown."""
    along, upwards = ((matrix.a, matrix.b), (matrix.b, -matrix.a), (-matrix.a, -matrix.b), (-matrix.b, matrix.a))[quarters]
    if abs(along) > abs(upwards):
        return 0 if along > 0 else 2
    return 1 if upwards > 0 else 3


def _body(em: float, base: float) -> tuple[float, float] | None:
    """Top and bottom of the em square of an upright text object, as shown: fonts that state no heights have boxes as tight as their ink."""
    return (base - ASCENT * em, base + (1 - ASCENT) * em) if em > 0 else None
