"""Rulings that a table lacks: where a page break cuts through it, columns end in the air; and some print no sides. Both are closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from structurer.sheets.rulings import Edge

LEVEL: Final = 3.0  # points: column lines that end this near to one another end at the cut
NARROW: Final = 6.0  # points: nothing is printed between column lines this near to one another


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


def sides_of(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """The edges that close at its left and right a table whose level rules go beyond its upright ones."""
    turned = [Edge(edge.top, edge.x0, edge.bottom, edge.x1) for edge in edges]
    return tuple(Edge(edge.top, edge.x0, edge.bottom, edge.x1) for edge in cuts_of(turned))
