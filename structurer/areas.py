"""Areas of a page: what the paths of a PDF enclose, and whether they hold a point. Places are in points, y upwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  # left, bottom, right, top
Matrix = tuple[float, float, float, float, float, float]
Outline = tuple[Point, ...]

MAX_CORNERS: Final = 512  # of one area: more are not followed, and the area is vague
STEPS: Final = 6  # straight pieces that a Bézier curve is cut into
SQUARE: Final = 0.01  # points: how crooked a rectangle may stand


@dataclass(frozen=True, slots=True)
class Area:
    """What some closed outlines enclose, or the whole of `box` where there are none.

    `vague`: it lies somewhere in the box, more is not known.
    """

    box: Rect
    outlines: tuple[Outline, ...] = ()
    even_odd: bool = False
    vague: bool = False

    @property
    def is_box(self) -> bool:
        return not self.outlines and not self.vague

    def holds(self, x: float, y: float) -> bool:
        """Whether the point is in it; of a vague one, whether it may be."""
        left, bottom, right, top = self.box
        if not (left <= x <= right and bottom <= y <= top):
            return False
        if not self.outlines:
            return True
        winding = sum(_winding(outline, x, y) for outline in self.outlines)
        return bool(winding % 2) if self.even_odd else winding != 0


def moved(matrix: Matrix, x: float, y: float) -> Point:
    """The point under the matrix."""
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def inverse(matrix: Matrix) -> Matrix | None:
    """The matrix that undoes it; None where it flattens."""
    a, b, c, d, e, f = matrix
    size = a * d - b * c
    if not math.isfinite(size) or abs(size) < 1e-12:
        return None
    return d / size, -b / size, -c / size, a / size, (c * f - d * e) / size, (b * e - a * f) / size


def quad(matrix: Matrix, rect: Rect) -> tuple[Area, ...]:
    """A rectangle under the matrix; none where it has no place."""
    x0, y0, x1, y1 = rect
    return _areas([tuple(moved(matrix, x, y) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))], even_odd=False)


def filled(path: Sequence[Sequence[Any]], matrix: Matrix, *, even_odd: bool) -> tuple[Area, ...]:
    """What a path of the parser's segments ("m", "l", "c", "v", "y", "h" and their points) encloses: together these areas."""
    return _areas([outline for outline in _outlines(path, matrix) if len(outline) > 2], even_odd=even_odd)


def stroked(path: Sequence[Sequence[Any]], matrix: Matrix, width: float) -> tuple[Area, ...]:
    """What a pen of this width (points) covers along a path, its ends square."""
    lines = list(_outlines(path, matrix))
    if sum(map(len, lines)) > MAX_CORNERS:
        box = _around([point for line in lines for point in line], width / 2)
        return (Area(box, vague=True),) if _is_finite(box) else ()
    return tuple(area for line in lines for start, end in pairwise(line) for area in _beam(start, end, width / 2))


def meet(a: Rect, b: Rect) -> bool:
    """Whether two rectangles share a place."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def contains(outer: Rect, inner: Rect) -> bool:
    """Whether one rectangle lies in the other."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def common(a: Rect, b: Rect) -> Rect:
    """What two rectangles share, turned inside out where that is nothing."""
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _beam(start: Point, end: Point, half: float) -> tuple[Area, ...]:
    length = math.dist(start, end)
    if not math.isfinite(length) or length == 0:
        return ()
    x, y = (end[0] - start[0]) / length * half, (end[1] - start[1]) / length * half
    corners = ((start[0] - x - y, start[1] - y + x), (end[0] + x - y, end[1] + y + x))
    return _areas([(*corners, (end[0] + x + y, end[1] + y - x), (start[0] - x + y, start[1] - y - x))], even_odd=False)


def _outlines(path: Sequence[Sequence[Any]], matrix: Matrix) -> Iterator[Outline]:
    """The corners of each part of the path, curves cut into straight pieces."""
    points: list[Point] = []
    for operator, *numbers in path:
        if operator == "m":
            yield tuple(points)
            points = [moved(matrix, *numbers)]
        elif operator == "h":
            points.extend(points[:1])
        elif points:
            points.extend(_reached(operator, points[-1], [moved(matrix, x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]))
    yield tuple(points)


def _reached(operator: str, start: Point, points: list[Point]) -> Iterable[Point]:
    if operator == "l":
        return points
    first, second, end = points if operator == "c" else (start, *points) if operator == "v" else (points[0], points[1], points[1])
    return [_on_curve(start, first, second, end, step / STEPS) for step in range(1, STEPS + 1)]


def _on_curve(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    s = 1 - t
    weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
    x, y = (sum(weight * place for weight, place in zip(weights, axis, strict=True)) for axis in zip(a, b, c, d, strict=True))
    return x, y


def _areas(outlines: Sequence[Outline], *, even_odd: bool) -> tuple[Area, ...]:
    """Outlines that run the same way round enclose each its own area; others may cut holes into each other."""
    areas = [_area([outline], even_odd=even_odd) for outline in outlines]
    if len(outlines) > 1 and (even_odd or len({_size(outline) > 0 for outline in outlines}) > 1):
        areas = [_area(outlines, even_odd=even_odd)]
    return tuple(area for area in areas if area is not None)


def _area(outlines: Sequence[Outline], *, even_odd: bool) -> Area | None:
    box = _around([point for outline in outlines for point in outline], 0)
    if not _is_finite(box):
        return None
    if len(outlines) == 1 and _is_upright(outlines[0]):
        return Area(box)
    if sum(map(len, outlines)) > MAX_CORNERS:
        return Area(box, vague=True)
    return Area(box, tuple(outlines), even_odd)


def _is_upright(outline: Outline) -> bool:
    corners = outline[:-1] if len(outline) > 4 and outline[-1] == outline[0] else outline
    corners = corners[:-1] if len(corners) == 5 and corners[-1] == corners[0] else corners
    if len(corners) != 4:
        return False
    sides = [(abs(a[0] - b[0]) <= SQUARE, abs(a[1] - b[1]) <= SQUARE) for a, b in pairwise((*corners, corners[0]))]
    return all(one[0] and other[1] for one, other in zip(sides[::2], sides[1::2], strict=True)) or all(
        one[1] and other[0] for one, other in zip(sides[::2], sides[1::2], strict=True)
    )


def _size(outline: Outline) -> float:
    """Twice the area, positive when it runs against the clock."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise((*outline, outline[0])))


def _around(points: Sequence[Point], margin: float) -> Rect:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin


def _is_finite(box: Rect) -> bool:
    return all(map(math.isfinite, box))


def _winding(outline: Outline, x: float, y: float) -> int:
    """How often the outline runs round the point, against the clock."""
    turns = 0
    x0, y0 = outline[-1]
    for x1, y1 in outline:
        if (y0 <= y) != (y1 <= y) and (x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x):
            turns += 1 if y1 > y0 else -1
        x0, y0 = x1, y1
    return turns
