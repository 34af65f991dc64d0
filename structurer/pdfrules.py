"""The ruled lines of a PDF's page: lines, thin fillings, the sides of rectangles, and thin pictures, as edges in points as shown."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import pypdfium2.raw as pdfium

from structurer.document import Box
from structurer.pdfium import Frame, Handle, Kind, Matrix, Painted, Sheetful, bounds, combined, fill_of, matrix_of, opacity_of
from structurer.rulings import Edge

THIN: Final = 3.0  # points: a filling no wider than this is a line
STRAIGHT: Final = 0.5  # points by which a line may lean
SHORT: Final = 0.5  # points: shorter lines rule nothing
PALE: Final = 250  # of 255: a filling whose darkest colour is lighter has no sides to be seen
MOST_POINTS: Final = 400_000  # of the paths of one page

Point = tuple[float, float]


def edges(page: Sheetful) -> tuple[tuple[Edge, ...], bool]:
    """All that rules the page, cut to what is shown, and whether all paths were looked at."""
    placed, pen = page.frame.placing(), _Pen()
    found = (placed(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])) for a, b in _lines(page, pen))
    rules = tuple(edge for box in found for edge in _within(box, page.frame))
    return rules, pen.points <= MOST_POINTS


def _within(box: Box, frame: Frame) -> Iterator[Edge]:
    """The part of a line that is on the page, made exactly straight."""
    x0, x1 = max(box.x0, 0.0), min(box.x1, frame.width)
    top, bottom = max(box.top, 0.0), min(box.bottom, frame.height)
    if x0 > x1 or top > bottom:
        return
    if x1 - x0 >= bottom - top:
        yield Edge(x0, (top + bottom) / 2, x1, (top + bottom) / 2)
    else:
        yield Edge((x0 + x1) / 2, top, (x0 + x1) / 2, bottom)


def _lines(page: Sheetful, pen: _Pen) -> Iterator[tuple[Point, Point]]:
    for one in page.painted:
        if one.kind == Kind.PATH and pen.points <= MOST_POINTS:
            yield from pen.drawn(one)
        elif one.kind == Kind.IMAGE:
            yield from _of_thin_picture(one)


class _Pen:
    """Follows paths; the numbers that PDFium writes into are made once, for a page may have tens of thousands."""

    def __init__(self) -> None:
        self.points = 0
        self._filled, self._stroked, self._x, self._y = ctypes.c_int(), ctypes.c_int(), ctypes.c_float(), ctypes.c_float()

    def drawn(self, one: Painted) -> list[tuple[Point, Point]]:
        """The straight level and upright lines of a path; its points are counted."""
        pdfium.FPDFPath_GetDrawMode(one.handle, self._filled, self._stroked)
        stroked, filled = bool(self._stroked.value), bool(self._filled.value)
        if filled and not stroked and (box := bounds(one)) and min(box[2] - box[0], box[3] - box[1]) <= THIN:
            self.points += 1
            return [_along(*box)]
        count = pdfium.FPDFPath_CountSegments(one.handle) if stroked or filled else 0
        self.points += count
        if count < 2 or (stroked and not filled and not opacity_of(one.handle, stroke=True)):
            return []
        runs = self._runs(one.handle, count, combined(matrix_of(one.handle), one.matrix))
        return [line for corners in runs for line in (_straight(corners) if stroked else _of_filling(one.handle, corners))]

    def _runs(self, handle: Handle, count: int, matrix: Matrix) -> Iterator[list[Point]]:
        """The corners of a path, a list for each stroke of the pen without lifting it; curves lift it."""
        a, b, c, d, e, f = matrix
        segment_at, point_of, kind_of, closes = (
            pdfium.FPDFPath_GetPathSegment,
            pdfium.FPDFPathSegment_GetPoint,
            pdfium.FPDFPathSegment_GetType,
            pdfium.FPDFPathSegment_GetClose,
        )
        at_x, at_y, run = self._x, self._y, list[Point]()
        start: Point | None = None
        for index in range(count):
            segment = segment_at(handle, index)
            point_of(segment, at_x, at_y)
            x, y = at_x.value, at_y.value
            point = (a * x + c * y + e, b * x + d * y + f)
            if (kind := kind_of(segment)) != pdfium.FPDF_SEGMENT_LINETO:
                yield from [run] if len(run) > 1 else []
                run = []
                start = point if kind == pdfium.FPDF_SEGMENT_MOVETO else start
            run.append(point)
            if start and closes(segment):
                run.append(start)
        yield from [run] if len(run) > 1 else []


def _of_filling(handle: Handle, corners: list[Point]) -> Iterator[tuple[Point, Point]]:
    """A thin one is a line; of another the sides count, if it is seen."""
    xs, ys = zip(*corners, strict=True)
    if min(max(xs) - min(xs), max(ys) - min(ys)) <= THIN:
        yield _along(min(xs), min(ys), max(xs), max(ys))
        return
    *colours, opacity = fill_of(handle)
    if opacity and min(colours) < PALE:
        yield from _straight([*corners, corners[0]])


def _along(left: float, low: float, right: float, high: float) -> tuple[Point, Point]:
    """The middle line of a thin box, in its longer direction."""
    if right - left >= high - low:
        return (left, (low + high) / 2), (right, (low + high) / 2)
    return ((left + right) / 2, low), ((left + right) / 2, high)


def _straight(corners: list[Point]) -> Iterator[tuple[Point, Point]]:
    for (x0, y0), (x1, y1) in pairwise(corners):
        wide, high = abs(x1 - x0), abs(y1 - y0)
        if min(wide, high) <= STRAIGHT and max(wide, high) >= SHORT:
            yield (x0, y0), (x1, y1)


def _of_thin_picture(one: Painted) -> Iterator[tuple[Point, Point]]:
    """Some programs draw lines as pictures one pixel wide."""
    box = bounds(one)
    if box and min(box[2] - box[0], box[3] - box[1]) <= THIN:
        yield _along(*box)
