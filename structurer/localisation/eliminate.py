"""Elimination of unknowns from the linear checks of a box: bounds that propagation cannot see where checks are coupled.

Fourier-Motzkin: exact, and fast enough for the handful of cells that are free at once. What it finds is a relaxation: checks that are not
linear, or that are one of several alternatives, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from structurer.arithmetic.ranges import INFINITY, Bound, Exact, over
from structurer.localisation.box import Box
from structurer.localisation.conditions import EXACT, UNDERLYING, Comparison, Condition, Every
from structurer.localisation.terms import Linear

MAX_UNKNOWNS: Final = 6
MAX_ROWS: Final = 120  # of inequalities; with more the relaxation is given up, which is always sound


@dataclass(frozen=True, slots=True)
class _Row:
    """The sum of factor times unknown is at most `bound`."""

    factors: Mapping[str, Exact]
    bound: Exact


def eliminate(box: Box, conditions: Iterable[Condition]) -> bool:
    """Narrow the free cells to the hull of what all linear checks allow together; False if that is nothing."""
    rows = [row for condition in conditions for row in _rows(condition, box)]
    coupled = sorted({cell for row in rows if len(row.factors) > 1 for cell in row.factors})
    if not coupled or len(coupled) > MAX_UNKNOWNS:
        return True
    rows += [row for cell in coupled for row in _ends(cell, box)]
    for cell in coupled:
        left: list[_Row] | None = rows
        for other in coupled:
            left = _without(left, other) if left is not None and other != cell else left
        if left is not None and not box.meet(cell, _range(cell, left)):
            return False
    return True


def _rows(condition: Condition, box: Box) -> Iterator[_Row]:
    """The inequalities that a condition owes, of those that are linear in the free cells."""
    if isinstance(condition, Every):
        for part in condition.parts:
            yield from _rows(part, box)
    elif isinstance(condition, Comparison) and condition.difference is not None and condition.positive and condition.level != UNDERLYING:
        yield from _compared(condition, condition.difference, box)


def _compared(condition: Comparison, difference: Linear, box: Box) -> Iterator[_Row]:
    nothing = difference.range(box.with_free(dict.fromkeys(box.free, (0, 0))))
    if nothing is None or isinstance(nothing[0], float):
        return
    factors = {cell: factor for cell, factor in difference.factors.items() if cell in box.free}
    slack = box.ulp(condition.printed) if condition.operator == "==" and condition.printed is not None and condition.level != EXACT else 0
    if condition.operator in ("==", "<", "<="):
        yield _Row(factors, slack - nothing[0])
    if condition.operator in ("==", ">", ">="):
        yield _Row({cell: -factor for cell, factor in factors.items()}, slack + nothing[0])


def _ends(cell: str, box: Box) -> Iterator[_Row]:
    low, high = box.free[cell]
    if not isinstance(high, float):
        yield _Row({cell: 1}, high)
    if not isinstance(low, float):
        yield _Row({cell: -1}, -low)


def _without(rows: Sequence[_Row], cell: str) -> list[_Row] | None:
    """The rows with one unknown eliminated; None if they grow too many."""
    kept = [row for row in rows if cell not in row.factors]
    above = [row for row in rows if row.factors.get(cell, 0) > 0]
    below = [row for row in rows if row.factors.get(cell, 0) < 0]
    if len(kept) + len(above) * len(below) > MAX_ROWS:
        return None
    return kept + [_combined(one, other, cell) for one in above for other in below]


def _combined(one: _Row, other: _Row, cell: str) -> _Row:
    up, down = 1 / Fraction(one.factors[cell]), -1 / Fraction(other.factors[cell])
    factors = {name: one.factors.get(name, 0) * up + other.factors.get(name, 0) * down for name in {**one.factors, **other.factors}}
    return _Row({name: factor for name, factor in factors.items() if factor and name != cell}, one.bound * up + other.bound * down)


def _range(cell: str, rows: Sequence[_Row]) -> tuple[Bound, Bound]:
    """What the rows that are left allow one unknown; an empty range if they contradict each other."""
    low: Bound = -INFINITY
    high: Bound = INFINITY
    for row in rows:
        factor = row.factors.get(cell, 0)
        if not row.factors and row.bound < 0:
            return Fraction(1), Fraction(0)
        if factor > 0:
            high = min(high, over(row.bound, factor))
        elif factor < 0:
            low = max(low, over(row.bound, factor))
    return low, high
