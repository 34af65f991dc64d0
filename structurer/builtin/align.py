"""Which cell belongs to which column, when columns are blank, shifted or missing.

A row's cells keep their order, so they are a monotone assignment to the columns; the cheapest one is found by dynamic programming over
position (a whole row may be shifted), type (figures go into columns of figures, known labels into theirs) and the blanks it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from structurer.contracts.schema import Kind, Leaf
from structurer.fold import squeeze
from structurer.judging.parse import BLANKS, parse

NEVER = 1e6
SETTLED = 0.5  # cost of an alignment in place that no shift could better
SHIFTS = (-1, 1, -2, 2, -3, 3)  # columns by which a whole row may stand beside its heads
OPERATORS = "≥≤<>=＜＞"
CLOSING = "，、。；：）》”’,;:)]%"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a printed table: its leaf (None = a column the schema does not know), its position (None where the print has none),
    and whether it names its rows (so that a row without it is none)."""

    leaf: Leaf | None
    position: int | None = None
    names_rows: bool = False
    optional: bool = False

    @property
    def numeric(self) -> bool:
        return self.leaf is not None and self.leaf.kind.numeric


@lru_cache(maxsize=65536)
def is_figure(text: str) -> bool:
    """A plain number, a percentage, or a mark for "no figure"."""
    folded = squeeze(text)
    return folded in BLANKS or parse(folded, Kind.PERCENT).number is not None


def is_blank(text: str) -> bool:
    """A dash or another mark for "nothing here"."""
    return squeeze(text) in BLANKS


@lru_cache(maxsize=4096)
def known(leaf: Leaf) -> frozenset[str]:
    """The values a column of labels knows, folded."""
    return frozenset(squeeze(value) for value, _ in leaf.values)


def type_cost(column: Column, text: str, labels: frozenset[str]) -> float:
    """How ill the text fits the column; `labels` are the values known to any column of labels in the table."""
    folded = squeeze(text)
    leaf = column.leaf
    if leaf is None:
        return 1.0
    if leaf.kind.numeric:
        return _figure_cost(leaf, text, folded)
    if leaf.values:
        return _label_cost(leaf, folded)
    if folded in labels:
        return 7.0
    if is_figure(text):
        return 4.0 if column.names_rows else 3.0 if column.optional else 0.8
    if folded[0] in CLOSING:
        return 5.0
    return 4.0 if folded[0] in OPERATORS and (column.names_rows or column.optional) else 0.0


def _figure_cost(leaf: Leaf, text: str, folded: str) -> float:
    if not is_figure(text):
        return NEVER
    percent = folded.endswith("%")
    return 0.0 if percent == (leaf.kind is Kind.PERCENT) or folded in BLANKS else 1.5 if percent else 0.2


def _label_cost(leaf: Leaf, folded: str) -> float:
    words = known(leaf)
    if folded in words:
        return 0.0
    if any(word.startswith(folded) for word in words) and len(folded) > 1:
        return 1.0  # broken by the end of a page
    return 5.0 if is_figure(folded) or len(folded) > 12 else 3.0


def blank_cost(column: Column) -> float:
    """What it costs to leave the column blank in a row."""
    if column.leaf is None or column.optional:
        return 0.2
    if column.names_rows:
        return 6.0
    return 0.1 if column.leaf.spans_rows else 1.5


def align(columns: tuple[Column, ...], cells: list[tuple[int | None, str]], labels: frozenset[str]) -> tuple[tuple[int, ...], float]:
    """The column of each cell, and the cost. `cells` are (position, text) in order; more cells than columns cost NEVER."""
    if len(cells) > len(columns):
        return (), NEVER
    costs = [[type_cost(column, text, labels) for column in columns] for _, text in cells]
    blanks = [blank_cost(column) for column in columns]
    best = _assign(columns, cells, costs, blanks, 0)
    if best[1] > SETTLED and any(position is not None for position, _ in cells):
        best = min((best, *(_assign(columns, cells, costs, blanks, shift) for shift in SHIFTS)), key=lambda found: found[1])
    return best


def _assign(
    columns: tuple[Column, ...], cells: list[tuple[int | None, str]], costs: list[list[float]], blanks: list[float], shift: int
) -> tuple[tuple[int, ...], float]:
    """Cheapest monotone assignment for one shift: table[j] = best cost with the first cells placed among the first j columns."""
    skipped = [0.0]
    for cost in blanks:
        skipped.append(skipped[-1] + cost)
    previous: list[tuple[float, tuple[int, ...]]] = [(cost, ()) for cost in skipped]
    for number, (position, _) in enumerate(cells):
        current: list[tuple[float, tuple[int, ...]]] = [(NEVER, ())]
        for j, column in enumerate(columns):
            away = 0 if position is None or column.position is None else min(abs(position - shift - column.position), 3)
            placed = previous[j][0] + costs[number][j] + away
            blank = current[j][0] + blanks[j]
            current.append((placed, (*previous[j][1], j)) if placed <= blank else (blank, current[j][1]))
        previous = current
    cost, assignment = previous[-1]
    return assignment, cost + 0.4 * abs(shift)
