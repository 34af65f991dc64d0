"""The ruled lines of a PDF's page: lines, thin fillings and pictures, rows of dots, thick bars, and the sides of painted cells, as edges in
points as shown.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from structurer.document import Box
from structurer.pdf import calls as pdfium
from structurer.pdf.pdfium import IDENTITY, Handle, Kind, Matrix, Painted, Sheetful, Sides, bounds, combined, fill_of, matrix_of, opacity_of
from structurer.sheets.bars import THICK, Prints, bars_among, dotted_lines, middle_line, reaching, singled
from structurer.sheets.painted import painted
from structurer.sheets.rulings import Edge

THIN: Final = 3.0  # points: a filling no wider than this is a line
MOST_OF_DOT: Final = 4.0  # points: a filling no longer than this may be a dot
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


def edges(page: Sheetful, prints: Prints) -> tuple[list[Edge], bool]:
    """All that rules the page, cut to what is shown, and whether all paths were looked at; `prints` tell lines from bands behind text."""
    placed, pen = page.frame.placing(), _Pen()
    shown = Box(0.0, 0.0, page.frame.width, page.frame.height)
    drawn = [placed(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)) for (ax, ay), (bx, by) in _lines(page, pen)]
    dots, areas = ([box for sides in found if (box := _within(placed(*sides), shown))] for found in (pen.dots, pen.areas))
    lines = [middle_line(box) for sides in drawn if (box := _within(sides, shown))]
    bars, others = bars_among(areas, prints)
    rules = singled(reaching([*lines, *dotted_lines(dots), *map(middle_line, bars)], bars), prints)
    return [*rules, *painted(others, rules)], pen.points <= MOST_POINTS


def _within(sides: Sides, shown: Box) -> Box | None:
    """The part of an area that is on the page."""
    x0, top, x1, bottom = sides
    if x0 < 0 or top < 0 or x1 > shown.x1 or bottom > shown.bottom:
        x0, top, x1, bottom = max(x0, 0.0), max(top, 0.0), min(x1, shown.x1), min(bottom, shown.bottom)
        if x0 > x1 or top > bottom:
            return None
    return Box(x0, top, x1, bottom)


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
        self.areas, self.dots = list[Sides](), list[Sides]()
        self._modes, self._point = (ctypes.c_int * 2)(), (ctypes.c_float * 2)()
        self._modes_at, self._point_at = pdfium.places(self._modes), pdfium.places(self._point)

    def drawn(self, one: Painted) -> list[tuple[Point, Point]]:
        """The straight level and upright lines of a path; its points are counted."""
        pdfium.FPDFPath_GetDrawMode(one.handle, *self._modes_at)
        filled, stroked = self._modes
        if filled and not stroked and (box := bounds(one)) and min(box[2] - box[0], box[3] - box[1]) <= THIN:
            self.points += 1
            if max(box[2] - box[0], box[3] - box[1]) > MOST_OF_DOT:
                return [_along(*box)]
            self.dots.append(box)
            return []
        count = pdfium.FPDFPath_CountSegments(one.handle) if stroked or filled else 0
        self.points += count
        if count < 2 or (stroked and not filled and not opacity_of(one.handle, stroke=True)):
            return []
        own = matrix_of(one.handle)
        runs = self._runs(one.handle, count, own if one.matrix is IDENTITY else combined(own, one.matrix))
        if stroked:
            return [line for corners in runs for line in _straight(corners)]
        return list(self._of_filling(one.handle, runs))

    def _of_filling(self, handle: Handle, runs: Iterable[Sequence[Point]]) -> Iterator[tuple[Point, Point]]:
        """A thin one is a line, as is what is between two rectangles; others that are seen are kept, and of other forms the sides count."""
        *colours, opacity = fill_of(handle)
        is_seen = opacity and min(colours) < PALE
        last: Sides | None = None
        for corners in runs:
            box = _box(corners)
            if min(box[2] - box[0], box[3] - box[1]) <= THIN:
                yield _along(*box)
            elif is_seen and not _is_rectangle(corners, box):
                yield from _straight([*corners, corners[0]])
            elif is_seen:
                if last and (frame := _frame(last, box) or _frame(box, last)):
                    self.areas.pop()
                    last = None
                    yield from frame
                else:
                    self.areas.append(box)
                    last = box

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


def _box(corners: Iterable[Point]) -> Sides:
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _is_rectangle(corners: Iterable[Point], box: Sides) -> bool:
    left, low, right, high = box
    near = [(min(x - left, right - x), min(y - low, high - y)) for x, y in corners]
    return max(map(max, near)) <= STRAIGHT and len({(x - left < right - x, y - low < high - y) for x, y in corners}) == 4


def _frame(outer: Sides, inner: Sides) -> tuple[tuple[Point, Point], ...]:
    """The sides of a frame that is painted as what is between two rectangles, in the middle; none where they are not so."""
    margins = inner[0] - outer[0], outer[3] - inner[3], outer[2] - inner[2], inner[1] - outer[1]
    if min(margins) < -STRAIGHT or not 0 < max(margins) <= THICK:
        return ()
    left, low, right, high = ((one + other) / 2 for one, other in zip(outer, inner, strict=True))
    corners = (left, low), (left, high), (right, high), (right, low), (left, low)
    return tuple(side for side, margin in zip(pairwise(corners), margins, strict=True) if margin > 0)


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
