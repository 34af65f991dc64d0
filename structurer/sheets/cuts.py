"""Rulings that a table lacks: where a page break cuts through it, columns end in the air; and some print no sides. Both are closed.

So is what a scan does not show: an outer rule that is pale or thin.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from statistics import median
from typing import Final, NamedTuple

from structurer.sheets.rulings import Edge

LEVEL: Final = 3.0  # points: column lines that end this near to one another end at the cut
NARROW: Final = 6.0  # points: nothing is printed between column lines this near to one another
MOST_LEDGES: Final = 20  # heights of a page at which columns may end in the air
ROOM: Final = 8.0  # points: on a scan no row is as low, nor a column as narrow
SOLID: Final = (48.0, 24.0)  # points: level and upright rules of a scan that are longer are surely rules, no strokes
NEAR: Final = 3.0  # points: rules of a scan this near meet
MARGIN: Final = 0.15  # of the height of a page: a table that a page break cuts ends in it


def cuts_of(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """The edges that close the table at the foot and at the head of the page, where no rule does."""
    upright = [edge for edge in edges if edge.x0 == edge.x1]
    level = [edge for edge in edges if edge.top == edge.bottom]
    if not upright or not level:
        return ()
    foot, head = max(edge.bottom for edge in upright), min(edge.top for edge in upright)
    at_foot = [edge.x0 for edge in upright if foot - edge.bottom <= LEVEL]
    at_head = [edge.x0 for edge in upright if edge.top - head <= LEVEL]
    return (*_across(at_foot, foot, level), *_across(at_head, head, level))


def _across(ends: Sequence[float], cut: float, level: Sequence[Edge]) -> Iterator[Edge]:
    """Between neighbouring column lines that end at the cut, where nothing is ruled there yet.

    A column that no rule of the page crosses may be a label merged over all of it, or what parts two tables: it is one beside open ones.
    """
    columns = [(left, right) for left, right in pairwise(sorted(ends)) if right - left > NARROW]
    ruled = [edge for edge in level if abs(edge.top - cut) <= LEVEL]
    is_ruled = [_is_crossed(column, ruled) for column in columns]
    is_open = [not closed and _is_crossed(column, level) for column, closed in zip(columns, is_ruled, strict=True)]
    for place, (left, right) in enumerate(columns):
        beside = is_open[max(place - 1, 0) : place] + is_open[place + 1 : place + 2]
        if is_open[place] or (not is_ruled[place] and any(beside)):
            yield Edge(left, cut, right, cut)


def _is_crossed(column: tuple[float, float], rules: Sequence[Edge]) -> bool:
    middle = sum(column) / 2
    return any(edge.x0 <= middle <= edge.x1 for edge in rules)


def ledges_of(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """The edges below columns that end in the air while those beside them go on, as above the sums of a bill: two or more in one line."""
    upright = [edge for edge in edges if edge.x0 == edge.x1]
    ruled = sorted(edge.top for edge in edges if edge.top == edge.bottom)
    bare = sorted({edge.bottom for edge in upright if not _is_near(edge.bottom, ruled)})
    if len(bare) > MOST_LEDGES:
        return ()  # a chart
    return tuple(ledge for foot in bare if (ledge := _ledge(foot, upright)))


def _is_near(place: float, places: Sequence[float]) -> bool:
    index = bisect_left(places, place - LEVEL)
    return index < len(places) and places[index] <= place + LEVEL


def _ledge(foot: float, upright: Sequence[Edge]) -> Edge | None:
    ended = [edge.x0 for edge in upright if foot - LEVEL <= edge.bottom <= foot]
    passing = [edge.x0 for edge in upright if edge.top < foot - LEVEL and edge.bottom > foot + LEVEL]
    left = max((x for x in passing if x < min(ended)), default=None)
    right = min((x for x in passing if x > max(ended)), default=None)
    is_one = max(ended) - min(ended) > NARROW and not any(min(ended) < x < max(ended) for x in passing)
    return Edge(left, foot, right, foot) if left is not None and right is not None and is_one else None


def sides_of(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """The edges that close at its left and right a table whose level rules go beyond its upright ones."""
    return tuple(edge.turned for edge in cuts_of([edge.turned for edge in edges]))


# --- scans


class Closed(NamedTuple):
    """The level and the upright edges that tables of a scan lack at their ends, and those of the level ones where not even a piece is."""

    across: tuple[Edge, ...]
    down: tuple[Edge, ...]
    cuts: tuple[Edge, ...]


def closed_on_scan(edges: Sequence[Edge], height: float) -> Closed:
    """The edges where tables of a scanned page, `height` points high, end and no whole rule is seen: three rules end there in one line.

    Each table is closed for itself. Unlike a file's rules those of a scan may be pieces or strokes: only long ones tell where a table ends.
    """
    tables = [_Ends.of(table) for table in _tables(edges, height)]
    for ends in tables:
        ends.meet_in_corners(edges, height)
    down = (edge for ends in tables for view in (_LEFT, _RIGHT) for edge, _ in ends.closing(view, edges))
    across = [found for ends in tables for view in (_HEAD, _FOOT) for found in ends.closing(view, edges)]
    return Closed(tuple(edge for edge, _ in across), tuple(down), tuple(edge for edge, is_bare in across if is_bare))


class _View(NamedTuple):
    """How a page has to be laid for one of its four ends to be the foot."""

    is_turned: bool
    is_upset: bool

    def seen(self, edge: Edge) -> Edge:
        edge = edge.turned if self.is_turned else edge
        return _upset(edge) if self.is_upset else edge

    def unseen(self, edge: Edge) -> Edge:
        edge = _upset(edge) if self.is_upset else edge
        return edge.turned if self.is_turned else edge

    def place(self, at: float) -> float:
        """An end as it is seen, from the top or the left of the page; and the other way."""
        return -at if self.is_upset else at


def _upset(edge: Edge) -> Edge:
    return Edge(edge.x0, -edge.bottom, edge.x1, -edge.top)


_FOOT, _HEAD, _RIGHT, _LEFT = _View(False, False), _View(False, True), _View(True, False), _View(True, True)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a table ends at each side, and where along that side the rules stand that end there."""

    places: dict[_View, float]
    along: dict[_View, tuple[float, ...]]

    @classmethod
    def of(cls, table: Sequence[Edge]) -> _Ends:
        views = (_FOOT, _HEAD, _RIGHT, _LEFT) if _has_columns(table) else (_FOOT, _HEAD)
        ends = {view: end for view in views if (end := _end([view.seen(edge) for edge in table]))}
        return cls({view: view.place(at) for view, (at, _) in ends.items()}, {view: along for view, (_, along) in ends.items()})

    def meet_in_corners(self, edges: Sequence[Edge], height: float) -> None:
        """Where a page break cuts the outer cell of an open side, neither a column nor a row ends in the corner: it is added to both."""
        cuts = [cut for cut in (_HEAD, _FOOT) if cut in self.places and min(self.places[cut], height - self.places[cut]) < MARGIN * height]
        sides = [side for side in (_LEFT, _RIGHT) if self._is_open(side, edges)]
        for side, cut in product(sides, cuts):
            x, y = self.places[side], self.places[cut]
            if min(abs(x - other) for other in self.along[cut]) > ROOM and min(abs(y - other) for other in self.along[side]) > ROOM:
                self.along[cut], self.along[side] = (*self.along[cut], x), (*self.along[side], y)

    def _is_open(self, side: _View, edges: Sequence[Edge]) -> bool:
        """Whether along more than half of the rows there is not even a piece of a rule."""
        bare = sum(is_bare for _, is_bare in self.closing(side, edges))
        return 2 * bare > sum(1 for _ in _gaps(self.along.get(side, ()), NEAR))

    def closing(self, view: _View, edges: Sequence[Edge]) -> Iterator[tuple[Edge, bool]]:
        """The edges at one side, but where a whole rule is seen; and whether not even a piece is."""
        if view in self.places:
            at = view.place(self.places[view])
            seen = [edge for edge in map(view.seen, edges) if edge.top == edge.bottom and abs(edge.top - at) <= ROOM]
            for left, right in _gaps(self.along[view], NEAR):
                beside = [edge for edge in seen if edge.x0 < right and left < edge.x1]
                if not any(edge.x0 <= left + NEAR and right - NEAR <= edge.x1 for edge in beside):
                    middle = median(edge.top for edge in beside) if beside else at
                    yield view.unseen(Edge(left, middle, right, middle)), not beside


def _tables(edges: Sequence[Edge], height: float) -> list[list[Edge]]:
    """Long rules that meet one another, and those beside them that are as high as the page: a cell as high meets no level rule."""
    groups = list(_crossing(edges))
    lone = [group[0] for group in groups if len(group) == 1 and group[0].bottom - group[0].top > (1 - 2 * MARGIN) * height]
    tables = [group for group in groups if len(group) > 1]
    return [[*table, *(edge for edge in lone if any(_are_level(edge, other) for other in table))] for table in tables]


def _are_level(edge: Edge, other: Edge) -> bool:
    """Whether two uprights begin and end at the same heights."""
    return other.x0 == other.x1 and abs(edge.top - other.top) <= LEVEL and abs(edge.bottom - other.bottom) <= LEVEL


def _crossing(edges: Sequence[Edge]) -> Iterator[list[Edge]]:
    left = [edge for edge in edges if edge.x1 - edge.x0 >= SOLID[0] or edge.bottom - edge.top >= SOLID[1]]
    while left:
        group = [left.pop()]
        for edge in group:
            group += [other for other in left if _meet(edge, other)]
            left = [other for other in left if not _meet(edge, other)]
        yield group


def _meet(edge: Edge, other: Edge) -> bool:
    level, upright = (edge, other) if edge.top == edge.bottom else (other, edge)
    is_crossing = level.top == level.bottom and upright.x0 == upright.x1
    is_beside = level.x0 - NEAR <= upright.x0 <= level.x1 + NEAR
    return is_crossing and is_beside and upright.top - NEAR <= level.top <= upright.bottom + NEAR


def _has_columns(table: Sequence[Edge]) -> bool:
    """Whether a rule parts columns: the lines across a chart meet its axis alone, at their ends."""
    first, last = min(edge.x0 for edge in table), max(edge.x1 for edge in table)
    return any(edge.x0 == edge.x1 and first + ROOM < edge.x0 < last - ROOM for edge in table)


def _end(table: Sequence[Edge]) -> tuple[float, tuple[float, ...]] | None:
    """Where the columns of a table end, below which it has no rules, and which do; None where they end at no common place."""
    upright = [edge for edge in table if edge.x0 == edge.x1]
    lowest = max(edge.top for edge in table if edge.top == edge.bottom)
    for foot in sorted({edge.bottom for edge in upright if edge.bottom >= lowest - ROOM}, reverse=True):
        ended = [edge for edge in upright if foot - LEVEL <= edge.bottom <= foot]
        if len(list(_gaps([edge.x0 for edge in ended], ROOM))) > 1:
            return median(edge.bottom for edge in ended), tuple(edge.x0 for edge in ended)
    return None


def _gaps(places: Sequence[float], least: float) -> Iterator[tuple[float, float]]:
    """From each rule to the next, but where they stand no farther apart than that."""
    yield from ((one, other) for one, other in pairwise(sorted(places)) if other - one > least)
