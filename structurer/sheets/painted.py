"""Filled areas that rule a page: cells painted side by side. Bands of colour behind text rule nothing by themselves."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from structurer.document import Box, around
from structurer.sheets.rulings import GRAIN, NEAR, Edge

MOST_AREAS: Final = 2000  # of a page
MOST_PAIRS: Final = 40_000  # of areas that touch; a grid has four for each of its cells
MOST_COMPARED: Final = 5_000_000  # areas times lines of a page
GRID: Final = 0.75  # of the room around painted cells: what they take at least
BEYOND: Final = 12.0  # points: a line that goes on so far from the corner of an area meets it
ROOM: Final = 6.0  # points: a band has so much room in its row at most, above and below


def painted(areas: Iterable[Box], edges: Sequence[Edge]) -> list[Edge]:
    """The sides of filled areas that rule a page: of cells painted side by side in rows and columns, and of those that its lines go on.

    Bands of colour (a row in two, each cell by itself or all at once) rule nothing by themselves, nor do areas within cells, nor sides
    along a line that is drawn anyway. `edges` are level or upright. Of areas too many to be compared all sides rule.
    """
    once = list(dict.fromkeys(areas))
    is_much = len(once) > MOST_AREAS or len(once) * len(edges) > MOST_COMPARED
    pairs = [] if is_much else list(islice(_touching(once), MOST_PAIRS))
    if is_much or len(pairs) == MOST_PAIRS:
        return [side for area in once for side in _sides(area)]
    cells = _Cells(_without_grounds(once, pairs))
    level = _Lines((edge.top, edge.x0, edge.x1) for edge in edges if edge.top == edge.bottom)
    upright = _Lines((edge.x0, edge.top, edge.bottom) for edge in edges if edge.x0 == edge.x1)
    found = chain.from_iterable(cells.ruling(group, level, upright) for group in cells.groups())
    return [side for side in found if not (level.run(*_along(side)) if side.top == side.bottom else upright.run(*_along(side)))]


def _sides(area: Box) -> tuple[Edge, Edge, Edge, Edge]:
    """Top, bottom, left, right."""
    x0, top, x1, bottom = area
    return Edge(x0, top, x1, top), Edge(x0, bottom, x1, bottom), Edge(x0, top, x0, bottom), Edge(x1, top, x1, bottom)


def _along(side: Edge) -> tuple[float, float, float]:
    """The place of a level or upright edge, and where it begins and ends."""
    return (side.top, side.x0, side.x1) if side.top == side.bottom else (side.x0, side.top, side.bottom)


class _Lines:
    """Lines of one direction: the place of each, and where it begins and ends."""

    def __init__(self, lines: Iterable[tuple[float, float, float]]) -> None:
        self._lines = sorted(lines)

    def run(self, place: float, start: float, end: float, *, near: float = NEAR) -> bool:
        """Whether lines near a place run from a start to an end."""
        reached = start
        for begin, stop in sorted((begin, stop) for _, begin, stop in self._between(place - near, place + near)):
            if begin > reached + NEAR:
                break
            reached = max(reached, stop)
        return reached >= end - NEAR

    def cross(self, low: float, high: float, start: float, end: float) -> bool:
        """Whether a line between two places runs from a start to an end."""
        return any(begin <= start + NEAR and stop >= end - NEAR for _, begin, stop in self._between(low + NEAR, high - NEAR))

    def _between(self, low: float, high: float) -> Sequence[tuple[float, float, float]]:
        return self._lines[bisect_left(self._lines, (low,)) : bisect_right(self._lines, (high, float("inf")))]


def _touching(areas: Sequence[Box]) -> Iterator[tuple[int, int]]:
    """The numbers of every two areas with no more than a line between them."""
    passing: list[int] = []
    for number in sorted(range(len(areas)), key=lambda number: areas[number].top):
        x0, top, x1, _ = areas[number]
        passing = [other for other in passing if areas[other].bottom + NEAR >= top]
        yield from ((other, number) for other in passing if areas[other].x0 - NEAR <= x1 and x0 - NEAR <= areas[other].x1)
        passing.append(number)


def _are_beside(one: Box, other: Box) -> bool:
    """Whether an area ends where another begins that stands in the same row; both as high as the lower for the most part."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    meet = min(abs(one.x1 - other.x0), abs(other.x1 - one.x0)) <= NEAR
    return meet and 2 * shared > min(one.bottom - one.top, other.bottom - other.top)


def _are_stacked(one: Box, other: Box) -> bool:
    return _are_beside(_turned(one), _turned(other))


def _turned(area: Box) -> Box:
    return Box(area.top, area.x0, area.bottom, area.x1)


def _is_within(one: Box, other: Box) -> bool:
    return one.x0 >= other.x0 - GRAIN and one.top >= other.top - GRAIN and one.x1 <= other.x1 + GRAIN and one.bottom <= other.bottom + GRAIN


def _without_grounds(areas: Sequence[Box], pairs: Sequence[tuple[int, int]]) -> list[Box]:
    """Cells alone: without what cells are painted on, and without what is painted on a cell, such as the ground of marked words."""
    beside = {place for one, other in pairs if _are_beside(areas[one], areas[other]) for place in (one, other)}
    dropped: set[int] = set()
    for pair in pairs:
        for inner, outer in (pair, pair[::-1]):
            if _is_within(areas[inner], areas[outer]):
                dropped.add(inner if outer in beside and inner not in beside else outer)
                break
    return [area for number, area in enumerate(areas) if number not in dropped]


class _Cells:
    """Areas, and which of them stand beside one another, and above and below."""

    def __init__(self, areas: Sequence[Box]) -> None:
        self._areas = areas
        self._pairs = list(_touching(areas))
        self._beside = self._where(_are_beside)
        self._stacked = self._where(_are_stacked)

    def _where(self, touch: Callable[[Box, Box], bool]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for one, other in self._pairs:
            if touch(self._areas[one], self._areas[other]):
                found.setdefault(one, []).append(other)
                found.setdefault(other, []).append(one)
        return found

    def groups(self) -> Iterator[list[int]]:
        """The numbers of areas that hang together."""
        left = dict.fromkeys(range(len(self._areas)))
        while left:
            group = [left.popitem()[0]]
            for number in group:
                for other in (*self._beside.get(number, ()), *self._stacked.get(number, ())):
                    if other in left:
                        del left[other]
                        group.append(other)
            yield group

    def ruling(self, group: Sequence[int], level: _Lines, upright: _Lines) -> Iterator[Edge]:
        """The sides that count of areas that hang together."""
        if self._is_grid(group):
            yield from chain.from_iterable(_sides(self._areas[number]) for number in group)
            return
        x0, top, x1, bottom = around([self._areas[number] for number in group])
        is_crossed = upright.cross(x0, x1, top, bottom)
        for number in group:
            area, has_beside = self._areas[number], number in self._beside
            yield from _crossed(area, level) if is_crossed else ()
            yield from _met(area, level, upright, has_beside=has_beside)
            if not has_beside:
                yield from _parting(area, level, upright, is_of_column=self._is_of_column(number))

    def _is_of_column(self, number: int) -> bool:
        """Whether an area of the same sides stands above or below."""
        area, others = self._areas[number], map(self._areas.__getitem__, self._stacked.get(number, ()))
        return any(max(abs(area.x0 - other.x0), abs(area.x1 - other.x1)) <= NEAR for other in others)

    def _is_grid(self, group: Sequence[int]) -> bool:
        """Whether they fill the room around them, in rows and columns."""
        areas = [self._areas[number] for number in group]
        whole = sum(map(_size, areas))
        beside = sum(_size(self._areas[number]) for number in group if number in self._beside)
        return whole >= GRID * _size(around(areas)) and 2 * beside >= whole and any(number in self._stacked for number in group)


def _crossed(area: Box, level: _Lines) -> Iterator[Edge]:
    """Of a band that columns cross: it is a row of theirs, unless lines rule that row."""
    return (side for side in _sides(area)[:2] if not level.run(*_along(side), near=ROOM))


def _met(area: Box, level: _Lines, upright: _Lines, *, has_beside: bool) -> Iterator[Edge]:
    """The sides that lines go on; of a row of cells between such sides, or between lines, also those above and below."""
    top, bottom, left, right = _sides(area)
    goes_on = {side: _goes_on(side, level if side in (top, bottom) else upright) for side in (top, bottom, left, right)}
    yield from (side for side in goes_on if goes_on[side])
    is_between = all(goes_on[side] or upright.run(*_along(side)) for side in (left, right))
    if is_between and (has_beside or goes_on[left] or goes_on[right]):
        yield from _crossed(area, level)


def _goes_on(side: Edge, lines: _Lines) -> bool:
    """Whether a line begins where a side ends."""
    place, start, end = _along(side)
    return not lines.run(place, start, end) and (lines.run(place, start - BEYOND, start) or lines.run(place, end, end + BEYOND))


def _parting(area: Box, level: _Lines, upright: _Lines, *, is_of_column: bool) -> Iterator[Edge]:
    """Left and right of a label between two lines that go on beyond it: of a column of such, or where the other side is ruled."""
    top, bottom, left, right = _sides(area)
    if all(level.run(*_along(side)) or _goes_on(side, level) for side in (top, bottom)):
        for side, other in ((left, right), (right, left)):
            goes_beyond = all(level.run(y, side.x0 - BEYOND, side.x0 + BEYOND) for y in (area.top, area.bottom))
            if (is_of_column and goes_beyond) or upright.run(*_along(other)):
                yield side


def _size(box: Box) -> float:
    return (box.x1 - box.x0) * (box.bottom - box.top)
