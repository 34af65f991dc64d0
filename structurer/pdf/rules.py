"""The ruled lines of a PDF's page: lines, thin fillings, the sides of rectangles, and thin pictures, as edges in points as shown."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from structurer.pdf import calls as pdfium
from structurer.pdf.pdfium import IDENTITY, Handle, Kind, Matrix, Painted, Sheetful, bounds, combined, fill_of, matrix_of, opacity_of
from structurer.sheets.rulings import Edge

THIN: Final = 3.0  # points: a filling no wider than this is a line
STRAIGHT: Final = 0.5  # points by which a line may lean
SHORT: Final = 0.5  # points: shorter lines rule nothing
PALE: Final = 250  # of 255: a filling whose darkest colour is lighter has no sides to be seen
MOST_POINTS: Final = 400_000  # of the paths of one page
_SEGMENT_CALLS: Final = (
    pdfium.FPDFPath_GetPathSegment,
    pdfium.FPDFPathSegment_GetPoint,
    pdfium.FPDFPathSegment_GetType,
    pdfium.FPDFPathSegment_GetClose,
)
_MOVE: Final = pdfium.FPDF_SEGMENT_MOVETO
_LINE: Final = pdfium.FPDF_SEGMENT_LINETO

Point = tuple[float, float]


def edges(page: Sheetful) -> tuple[tuple[Edge, ...], bool]:
    """All that rules the page, cut to what is shown, and whether all paths were looked at."""
    placed, pen = page.frame.placing(), _Pen()
    width, height = page.frame.width, page.frame.height
    found = (placed(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)) for (ax, ay), (bx, by) in _lines(page, pen))
    rules = tuple(edge for box in found if (edge := _within(*box, width, height)))
    return rules, pen.points <= MOST_POINTS


def _within(x0: float, top: float, x1: float, bottom: float, width: float, height: float) -> Edge | None:
    """The part of a line that is on the page, made exactly straight."""
    if x0 < 0 or top < 0 or x1 > width or bottom > height:
        x0, top, x1, bottom = max(x0, 0.0), max(top, 0.0), min(x1, width), min(bottom, height)
        if x0 > x1 or top > bottom:
            return None
    if x1 - x0 >= bottom - top:
        return Edge(x0, (top + bottom) / 2, x1, (top + bottom) / 2)
    return Edge((x0 + x1) / 2, top, (x0 + x1) / 2, bottom)


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
        self._modes, self._point = (ctypes.c_int * 2)(), (ctypes.c_float * 2)()
        self._modes_at, self._point_at = pdfium.places(self._modes), pdfium.places(self._point)

    def drawn(self, one: Painted) -> list[tuple[Point, Point]]:
        """The straight level and upright lines of a path; its points are counted."""
        pdfium.FPDFPath_GetDrawMode(one.handle, *self._modes_at)
        filled, stroked = self._modes
        if filled and not stroked and (box := bounds(one)) and min(box[2] - box[0], box[3] - box[1]) <= THIN:
            self.points += 1
            return [_along(*box)]
        count = pdfium.FPDFPath_CountSegments(one.handle) if stroked or filled else 0
        self.points += count
        if count < 2 or (stroked and not filled and not opacity_of(one.handle, stroke=True)):
            return []
        own = matrix_of(one.handle)
        runs = self._runs(one.handle, count, own if one.matrix is IDENTITY else combined(own, one.matrix))
        return [line for corners in runs for line in (_straight(corners) if stroked else _of_filling(one.handle, corners))]

    def _runs(self, handle: Handle, count: int, matrix: Matrix) -> Iterator[list[Point]]:
        """The corners of a path, a list for each stroke of the pen without lifting it; curves lift it."""
        a, b, c, d, e, f = matrix
        segment_at, point_of, kind_of, closes = _SEGMENT_CALLS
        (at_x, at_y), at, run = self._point_at, self._point, list[Point]()
        start: Point | None = None
        segments = [segment_at(handle, index) for index in range(count)]
        for segment, kind in zip(segments, map(kind_of, segments), strict=True):
            point_of(segment, at_x, at_y)
            x, y = at
            point = (a * x + c * y + e, b * x + d * y + f)
            if kind != _LINE:
                if len(run) > 1:
                    yield run
                run = []
                start = point if kind == _MOVE else start
            run.append(point)
            if start and closes(segment):
                run.append(start)
        if len(run) > 1:
            yield run


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
