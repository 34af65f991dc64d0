"""The cells of a record in whole numbers, and what every cell may be while some are doubted: the ground on which checks propagate.

All numbers are counted in a unit so small (`Cells.unit` of them make 1) that every figure of the record is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Final

from structurer.arithmetic.facts import Facts
from structurer.arithmetic.ranges import Exact, Range, on_grid

PARTS: Final = 200  # of one unit in the last place that stay whole: half of it, and two more decimals


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a record in whole numbers: `unit` of them make 1. numbers, ulps: by cell; texts: what cells that are no number print."""

    unit: int
    numbers: Mapping[str, int]
    ulps: Mapping[str, int]
    texts: Mapping[str, str]

    def has(self, cell: str) -> bool:
        """Whether the cell prints anything."""
        return cell in self.numbers or cell in self.texts


def cells_of(facts: Facts, steps: Iterable[Fraction] = ()) -> Cells:
    """The cells of a record, and a unit in which these steps are whole too."""
    known = {cell: quantity for cell, quantity in facts.cells.items() if quantity.value is not None}
    parts = {part.denominator for quantity in known.values() for part in (quantity.value, quantity.ulp) if part is not None}
    unit = lcm(*parts, *(step.denominator for step in steps)) * PARTS
    return Cells(
        unit=unit,
        numbers={cell: in_units(quantity.value, unit) for cell, quantity in known.items() if quantity.value is not None},
        ulps={cell: in_units(quantity.ulp, unit) for cell, quantity in known.items()},
        texts={cell: quantity.text for cell, quantity in facts.cells.items() if quantity.value is None},
    )


def in_units(value: Fraction, unit: int) -> int:
    """A number that is whole in units of which `unit` make 1."""
    return value.numerator * (unit // value.denominator)


@dataclass(slots=True)
class Box:
    """What every cell may be: the record's own figures, but for the cells that are free, taken away, or printed in another unit.

    free: ranges of free numbers; loose: free texts; gone: cells taken away; ulps: units in the last place that differ from the record's;
    steps: the grid that a free number is printed on; more: rows that are there besides the record's own.
    """

    cells: Cells
    free: dict[str, Range] = field(default_factory=dict)
    loose: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    ulps: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    more: frozenset[str] = frozenset()

    def with_free(self, free: dict[str, Range]) -> Box:
        """The same box with other ranges."""
        return Box(self.cells, free, self.loose, self.gone, self.ulps, self.steps, self.more)

    def has(self, cell: str) -> bool:
        """Whether the cell prints anything."""
        return cell in self.free or cell in self.loose or (self.cells.has(cell) and cell not in self.gone)

    def ulp(self, cell: str) -> int:
        """One unit in the last place of the cell."""
        if cell in self.ulps:
            return self.ulps[cell]
        return self.cells.ulps[cell] if cell in self.cells.ulps else self.steps.get(cell, self.cells.unit)

    def value(self, cell: str) -> Exact:
        """What a number is that is not free in a range."""
        return Fraction(self.free[cell][0]) if cell in self.free else self.cells.numbers[cell]

    def meet(self, cell: str, want: Range) -> bool:
        """Narrow a free cell to a range; False if nothing is left of it."""
        have = self.free[cell]
        low, high = max(have[0], want[0]), min(have[1], want[1])
        if low != have[0] or high != have[1]:
            step = self.steps.get(cell)
            low, high = on_grid((low, high), step) if step else (low, high)
            self.free[cell] = low, high
        return low <= high
