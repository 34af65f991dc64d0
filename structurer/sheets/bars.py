"""Lines that are drawn otherwise than by one stroke: as rows of dots, as long thin bars on which no text stands, as double lines."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import chain
from typing import Final

from structurer.document import Box, around
from structurer.sheets.rulings import GRAIN, NEAR, Edge, whole
from structurer.sheets.sheet import Char

THICK: Final = 8.0  # points: a long area no wider than this, with no text on it, is a line
LONG: Final = 8.0  # times its thickness, how long it is at least
FEWEST_DOTS: Final = 5  # of a dotted line
BETWEEN_DOTS: Final = 1.5  # times their length, how far dots of a line are apart at most
DOUBLE: Final = 5.5  # points: lines that run side by side so near, with no text between them, are a double one
ALIKE: Final = 0.8  # of the length of either line of a double one, which runs beside the other
JOINT: Final = 0.5  # points: pieces of a thick line that are no farther apart meet


class Prints:
    """Where text stands, by the middles of its characters."""

    def __init__(self, chars: Sequence[Char]) -> None:
        self._chars = chars

    @cached_property
    def _across(self) -> list[tuple[float, float]]:
        return sorted(char.middle for char in self._chars)

    @cached_property
    def _down(self) -> list[tuple[float, float]]:
        return sorted((y, x) for x, y in self._across)

    def are_in(self, box: Box) -> bool:
        """Whether any stands in a box."""
        across, down = _slice(self._across, box.x0, box.x1), _slice(self._down, box.top, box.bottom)
        if len(across) < len(down):
            return any(box.top < y < box.bottom for _, y in across)
        return any(box.x0 < x < box.x1 for _, x in down)


def _slice(places: Sequence[tuple[float, float]], low: float, high: float) -> Sequence[tuple[float, float]]:
    return places[bisect_left(places, (low,)) : bisect_right(places, (high,))]


def middle_line(area: Box) -> Edge:
    """The middle of an area in its longer direction, made exactly straight."""
    x0, top, x1, bottom = area
    if x1 - x0 >= bottom - top:
        return Edge(x0, (top + bottom) / 2, x1, (top + bottom) / 2)
    return Edge((x0 + x1) / 2, top, (x0 + x1) / 2, bottom)


def dotted_lines(dots: Sequence[Box]) -> list[Edge]:
    """The lines that small areas draw which stand in a row with gaps of about their own size; each of the others as a line of its own.

    Where half of a row's dots stand in rows across it too, they fill an area.
    """
    level, upright = (list(_rows(dots, is_level=is_level)) for is_level in (True, False))
    in_level, in_upright = set(chain.from_iterable(level)), set(chain.from_iterable(upright))
    runs = [*(run for run in level if _is_alone(run, in_upright)), *(run for run in upright if _is_alone(run, in_level))]
    used = set(chain.from_iterable(runs))
    rows = (around([dots[number] for number in run]) for run in runs)
    return [*map(middle_line, rows), *(middle_line(dot) for number, dot in enumerate(dots) if number not in used)]


def _is_alone(run: Sequence[int], others: Set[int]) -> bool:
    return 2 * sum(number in others for number in run) < len(run)


def _rows(dots: Sequence[Box], *, is_level: bool) -> Iterator[list[int]]:
    """The numbers of the dots of each row."""
    ends = [_ends(dot, is_level) for dot in dots]
    lines: dict[int, list[int]] = {}
    for number, dot in enumerate(dots):
        lines.setdefault(round(sum(_ends(dot, not is_level)) / 2 / GRAIN), []).append(number)
    for line in lines.values():
        if len(line) >= FEWEST_DOTS:
            runs = _unbroken(line, ends, lambda start, end: BETWEEN_DOTS * (end - start))
            yield from (run for run in runs if len(run) >= FEWEST_DOTS)


def _ends(area: Box, is_level: bool) -> tuple[float, float]:
    """Where an area begins and ends along a direction."""
    return (area.x0, area.x1) if is_level else (area.top, area.bottom)


def _unbroken(line: list[int], ends: Sequence[tuple[float, float]], most: Callable[[float, float], float]) -> Iterator[list[int]]:
    """The numbers of areas in a line, those together before each of which there is no gap wider than it may be."""
    line.sort(key=ends.__getitem__)
    run, reached = [line[0]], ends[line[0]][1]
    for number in line[1:]:
        start, end = ends[number]
        if start - reached > most(start, end):
            yield run
            run = []
        run.append(number)
        reached = max(reached, end)
    yield run


def bars_among(areas: Sequence[Box], prints: Prints) -> tuple[list[Box], list[Box]]:
    """Long thin areas, their pieces joined, which are lines because no text stands on them; and the other areas."""
    found = [bar for is_level in (True, False) for bar in _bars(areas, prints, is_level=is_level)]
    used = {number for pieces, _ in found for number in pieces}
    return [bar for _, bar in found], [area for number, area in enumerate(areas) if number not in used]


def _bars(areas: Sequence[Box], prints: Prints, *, is_level: bool) -> Iterator[tuple[list[int], Box]]:
    """The bars of one direction, with the numbers of their pieces."""
    lines: dict[tuple[int, int], list[int]] = {}
    for number, area in enumerate(areas):
        low, high = _ends(area, not is_level)
        if high - low <= THICK:
            lines.setdefault((round(low / GRAIN), round(high / GRAIN)), []).append(number)
    ends = [_ends(area, is_level) for area in areas] if lines else []
    for line in lines.values():
        for pieces in _unbroken(line, ends, lambda *_: JOINT):
            bar = around([areas[number] for number in pieces])
            (start, end), (low, high) = _ends(bar, is_level), _ends(bar, not is_level)
            if end - start >= LONG * (high - low) and not prints.are_in(bar):
                yield pieces, bar


def reaching(edges: Iterable[Edge], bars: Sequence[Box]) -> Iterator[Edge]:
    """Edges that end on thick lines across them or near these, to their middle: what is ruled inside a frame ends at its inner side."""
    level = sorted((bar.top, bar.bottom, bar.x0, bar.x1) for bar in bars if bar.x1 - bar.x0 >= bar.bottom - bar.top)
    upright = sorted((bar.x0, bar.x1, bar.top, bar.bottom) for bar in bars if bar.x1 - bar.x0 < bar.bottom - bar.top)
    for edge in edges:
        x0, top, x1, bottom = edge
        if upright and top == bottom:
            yield Edge(_middle_at(x0, top, upright), top, _middle_at(x1, top, upright), bottom)
        elif level and x0 == x1:
            yield Edge(x0, _middle_at(top, x0, level), x1, _middle_at(bottom, x0, level))
        else:
            yield edge


def _middle_at(place: float, along: float, bars: Sequence[tuple[float, float, float, float]]) -> float:
    """The middle of the bar at a place; without one the place itself."""
    near = bars[bisect_left(bars, (place - THICK - NEAR,)) : bisect_right(bars, (place + NEAR,))]
    found = ((low + high) / 2 for low, high, start, end in near if high >= place - NEAR and start - NEAR <= along <= end + NEAR)
    return next(found, place)


# --- double lines


def singled(edges: Iterable[Edge], prints: Prints) -> list[Edge]:
    """Pieces of one line as one, and the lines of a double one as one in their middle; slanted edges are left out."""
    level, upright = dict[float, list[Edge]](), dict[float, list[Edge]]()
    for edge in whole(edges):
        if edge.top == edge.bottom:
            level.setdefault(edge.top, []).append(edge)
        else:
            upright.setdefault(edge.x0, []).append(edge.turned)
    wide = list(_doubles(level, lambda between: not prints.are_in(Box(*between))))
    high = list(_doubles(upright, lambda between: not prints.are_in(Box(*between.turned))))
    lines = [*_moved(level, wide), *(edge.turned for edge in _moved(upright, high))]
    return list(reaching(lines, [Box(*between) for between in (*wide, *(between.turned for between in high))])) if wide or high else lines


def _doubles(lines: Mapping[float, Sequence[Edge]], is_free: Callable[[Edge], bool]) -> Iterator[Edge]:
    """What is between the two lines of double ones, of level lines by their places: two that run side by side, and no text is between."""
    places, taken = sorted(lines), set[float]()
    lengths = {place: sum(edge.x1 - edge.x0 for edge in line) for place, line in lines.items()}
    for number, place in enumerate(places):
        for other in places[bisect_right(places, place + NEAR, number) : bisect_right(places, place + DOUBLE, number)]:
            least = ALIKE * max(lengths[place], lengths[other])
            if min(lengths[place], lengths[other]) < least or place in taken or other in taken:
                continue
            between = _between(lines[place], lines[other])
            if _shared(lines[place], lines[other]) >= least and is_free(between):
                taken |= {place, other}
                yield between


def _between(upper: Sequence[Edge], lower: Sequence[Edge]) -> Edge:
    return Edge(min(upper[0].x0, lower[0].x0), upper[0].top, max(upper[-1].x1, lower[-1].x1), lower[0].top)


def _moved(lines: Mapping[float, Sequence[Edge]], doubles: Iterable[Edge]) -> Iterator[Edge]:
    """Level lines by their places, those of double ones to the middle."""
    middles = {place: (between.top + between.bottom) / 2 for between in doubles for place in (between.top, between.bottom)}
    for place, line in lines.items():
        at = middles.get(place, place)
        yield from (Edge(edge.x0, at, edge.x1, at) for edge in line)


def _shared(upper: Sequence[Edge], lower: Sequence[Edge]) -> float:
    """The length in which two lines run side by side; the pieces of each stand in order."""
    length, first, second = 0.0, 0, 0
    while first < len(upper) and second < len(lower):
        one, other = upper[first], lower[second]
        length += max(min(one.x1, other.x1) - max(one.x0, other.x0), 0.0)
        first, second = (first + 1, second) if one.x1 <= other.x1 else (first, second + 1)
    return length
