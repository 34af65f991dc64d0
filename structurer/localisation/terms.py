"""Numeric terms of a check bound to the cells of one record: what range a term has when some cells are free, and what that asks of them.

Forward and backward steps of HC4 (Benhamou, Goualard, Granvilliers and Puget 1999) on the check's own syntax tree. Sums of cells are kept
as one linear form with its fixed part reckoned once, so that freeing one cell of three hundred costs the same as freeing one of three.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol

from structurer.arithmetic.facts import RuledOutError, UnfitError
from structurer.arithmetic.ranges import (
    EVERYTHING,
    INFINITY,
    ZERO,
    Bound,
    Exact,
    Range,
    added,
    divided,
    half,
    hull,
    magnitude,
    multiplied,
    over,
    plus,
    scaled,
    shared,
    whole,
)
from structurer.localisation.box import Box, Cells


class Term(Protocol):
    """A numeric tree. `cells` are all the cells it may read."""

    @property
    def cells(self) -> frozenset[str]: ...

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        """What it may be; None if missing. `wide`: every cell taken as what it may be the print of. Raises UnfitError."""
        ...

    def narrow(self, box: Box, want: Range) -> bool:
        """Narrow the free cells to what brings the term into `want`; False if nothing does."""
        ...


def _widened(low: Bound, high: Bound, ulp: Exact) -> Range:
    """What the numbers of a range may be the print of (`algebra.print_interval`)."""
    down, up = (half(ulp) if low > 0 else ulp), (half(ulp) if high < 0 else ulp)
    return plus(low, -down), plus(high, up)


@dataclass(eq=False)
class Linear:
    """A constant and cells with factors. `strict` cells must be present; of each of the `sums` one cell must be, and blanks add nothing.

    What follows from the `record` is reckoned when it is first asked for: most linear forms only become part of a longer one.
    """

    constant: Exact
    factors: dict[str, Exact]
    strict: frozenset[str]
    sums: tuple[frozenset[str], ...]
    record: Cells

    @cached_property
    def cells(self) -> frozenset[str]:
        """All the cells it may read."""
        return frozenset(self.factors)

    @cached_property
    def fixed(self) -> Exact:
        """The constant and what the record's own figures contribute."""
        numbers = self.record.numbers
        return sum((numbers[cell] * factor for cell, factor in self.factors.items() if cell in numbers), self.constant)

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """The strict cells that the record lacks."""
        return tuple(cell for cell in self.strict if not self.record.has(cell))

    @cached_property
    def hollow(self) -> tuple[frozenset[str], ...]:
        """The sums of which the record has no cell."""
        return tuple(group for group in self.sums if not any(map(self.record.has, group)))

    @cached_property
    def texts(self) -> bool:
        """Whether a text stands where a number is needed."""
        return not self.record.texts.keys().isdisjoint(self.factors)

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        if self.texts:
            raise UnfitError("a text is not a number")
        if self._is_missing(box):
            return None
        if wide:
            return self._wide(box)
        low: Bound = self._fixed(box)
        high = low
        for _, factor, ends in self._free(box):
            ends = scaled(ends, factor)
            low, high = plus(low, ends[0]), plus(high, ends[1])
        return low, high

    def _free(self, box: Box) -> list[tuple[str, Exact, Range]]:
        factors = self.factors
        return [(cell, factors[cell], ends) for cell, ends in box.free.items() if cell in factors]

    def _fixed(self, box: Box) -> Exact:
        """The constant and all figures that are believed."""
        total, numbers, factors = self.fixed, box.cells.numbers, self.factors
        for doubted in (box.free, box.gone):
            for cell in doubted:
                if cell in factors and cell in numbers:
                    total -= numbers[cell] * factors[cell]
        return total

    def _is_missing(self, box: Box) -> bool:
        if self.absent and any(cell not in box.free for cell in self.absent):
            return True
        if self.hollow and any(cells.isdisjoint(box.free) for cells in self.hollow):
            return True
        return bool(box.gone) and (not self.strict.isdisjoint(box.gone) or any(not any(map(box.has, cells)) for cells in self.sums))

    def _wide(self, box: Box) -> Range:
        total: Range = self.constant, self.constant
        for cell, factor in self.factors.items():
            if box.has(cell):
                ends = box.free[cell] if cell in box.free else (box.cells.numbers[cell],) * 2
                total = added(total, scaled(_widened(*ends, box.ulp(cell)), factor))
        return total

    def hidden(self, box: Box) -> Exact:
        """What the prints of all its cells may hide together: one unit in the last place of each."""
        room: Exact = 0
        for cell, factor in self.factors.items():
            room += max(factor, -factor) * box.ulp(cell) if box.has(cell) else 0
        return room

    def narrow(self, box: Box, want: Range) -> bool:
        if self._is_missing(box):
            return True
        free, fixed = self._free(box), self._fixed(box)
        if not free:
            return want[0] <= fixed <= want[1]
        shares = [scaled(ends, factor) for _, factor, ends in free]
        for index, (cell, factor, _) in enumerate(free):
            rest: Range = fixed, fixed
            for other, ends in enumerate(shares):
                rest = rest if other == index else added(rest, ends)
            asked = plus(want[0], -rest[1]), plus(want[1], -rest[0])
            if not box.meet(cell, shared(asked, factor)):
                return False
        return True


def _overlap(have: Range | None, want: Range) -> bool:
    return have is None or (have[0] <= want[1] and want[0] <= have[1])


@dataclass(slots=True)
class Count:
    """How many rows and cells there are: `rows` of the record, `more` that it may have lost, and cells that print anything. No range."""

    rows: frozenset[str]
    more: frozenset[str]
    printed: tuple[str, ...]
    unit: int
    cells: frozenset[str]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:  # noqa: ARG002 - a count has no print
        number = len(self.rows - box.gone) + len(self.more & box.more) + sum(map(box.has, self.printed))
        return number * self.unit, number * self.unit

    def narrow(self, box: Box, want: Range) -> bool:
        return _overlap(self.range(box), want)


@dataclass(slots=True)
class Total:
    """A sum of any terms with factors. `lenient`: missing ones add nothing, as in `sum`; else one that is missing makes all missing."""

    parts: tuple[tuple[Exact, Term], ...]
    lenient: bool
    cells: frozenset[str]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        found = [(factor, part.range(box, wide=wide)) for factor, part in self.parts]
        known = [scaled(ends, factor) for factor, ends in found if ends is not None]
        if not known or (len(known) < len(found) and not self.lenient):
            return None
        total: Range = (ZERO, ZERO)
        for ends in known:
            total = added(total, ends)
        return total

    def narrow(self, box: Box, want: Range) -> bool:
        ranges = [part.range(box) for _, part in self.parts]
        if any(ends is None for ends in ranges) and not self.lenient:
            return True
        known = [(factor, part, ends) for (factor, part), ends in zip(self.parts, ranges, strict=True) if ends is not None]
        for index, (factor, part, _) in enumerate(known):
            rest: Range = (ZERO, ZERO)
            for other, (weight, _, ends) in enumerate(known):
                rest = rest if other == index else added(rest, scaled(ends, weight))
            asked = plus(want[0], -rest[1]), plus(want[1], -rest[0])
            if not part.narrow(box, shared(asked, factor)):
                return False
        return True


@dataclass(slots=True)
class Product:
    """One term times another."""

    left: Term
    right: Term
    unit: int
    cells: frozenset[str]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        left, right = self.left.range(box, wide=wide), self.right.range(box, wide=wide)
        return None if left is None or right is None else self._product(left, right)

    def _product(self, left: Range, right: Range) -> Range:
        return shared(multiplied(left, right), self.unit)

    def narrow(self, box: Box, want: Range) -> bool:
        left, right = self.left.range(box), self.right.range(box)
        if left is None or right is None:
            return True
        if not _overlap(self._product(left, right), want):
            return False
        area = scaled(want, self.unit)
        return self.left.narrow(box, _factor(area, right)) and self.right.narrow(box, _factor(area, left))


def _factor(product: Range, other: Range) -> Range:
    """What times `other` may be within `product`."""
    return EVERYTHING if other[0] <= 0 <= other[1] else divided(product, other)


@dataclass(slots=True)
class Quotient:
    """One term over another."""

    left: Term
    right: Term
    unit: int
    cells: frozenset[str]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        left, right = self.left.range(box, wide=wide), self.right.range(box, wide=wide)
        if left is None or right is None:
            return None
        if wide and right[0] <= 0 <= right[1]:
            raise UnfitError("division by zero")
        if right == (0, 0):
            if self.right.cells.isdisjoint(box.free):
                raise UnfitError("division by zero")
            if left == (0, 0):
                raise UnfitError("nothing divided by nothing")
            if not left[0] <= 0 <= left[1]:
                raise RuledOutError("a divisor that would be zero")
        return scaled(divided(left, right), self.unit)

    def narrow(self, box: Box, want: Range) -> bool:
        left, right = self.left.range(box), self.right.range(box)
        if left is None or right is None:
            return True
        if right == (0, 0):
            return self.left.narrow(box, right)
        if not self.left.narrow(box, shared(multiplied(want, right), self.unit)):
            return False
        return self.right.narrow(box, _factor(scaled(left, self.unit), want))


@dataclass(slots=True)
class Extremum:
    """The least (sign 1) or greatest (sign -1) of its members; missing ones are left out."""

    sign: int
    members: tuple[Term, ...]
    cells: frozenset[str]

    def _known(self, box: Box, *, wide: bool = False) -> list[tuple[Term, Range]]:
        found = [(member, member.range(box, wide=wide)) for member in self.members]
        return [(member, ends) for member, ends in found if ends is not None]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        known = [ends for _, ends in self._known(box, wide=wide)]
        if not known:
            return None
        pick = min if self.sign > 0 else max
        return pick(low for low, _ in known), pick(high for _, high in known)

    def narrow(self, box: Box, want: Range) -> bool:
        """No member lies beyond the extremum, and where only one can reach it, that one does."""
        known = self._known(box)
        if self.sign > 0:
            able = [member for member, ends in known if ends[0] <= want[1]]
            beyond: Range = (want[0], INFINITY)
        else:
            able = [member for member, ends in known if ends[1] >= want[0]]
            beyond = (-INFINITY, want[1])
        if not able:
            return not known
        return all(member.narrow(box, beyond) for member, _ in known) and (len(able) > 1 or able[0].narrow(box, want))


@dataclass(slots=True)
class Magnitude:
    """The absolute value of a term."""

    term: Term
    cells: frozenset[str]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        ends = self.term.range(box, wide=wide)
        return None if ends is None else magnitude(ends)

    def narrow(self, box: Box, want: Range) -> bool:
        ends = self.term.range(box)
        if ends is None:
            return True
        if want[1] < 0:
            return False
        sides = [side for side in (want, (-want[1], -want[0])) if _overlap(ends, side)]
        return bool(sides) and self.term.narrow(box, hull(sides))


@dataclass(slots=True)
class Rounded:
    """A term rounded (half away from zero) or cut off to a number of decimals by `function`, which grows with its argument."""

    function: RoundFunction
    digits: int
    term: Term
    unit: int
    cells: frozenset[str]

    def range(self, box: Box, *, wide: bool = False) -> Range | None:
        ends = self.term.range(box, wide=wide)
        return None if ends is None else (self._round(ends[0]), self._round(ends[1]))

    def _round(self, value: Bound) -> Bound:
        return value if isinstance(value, float) else whole(self.function(Fraction(value) / self.unit, self.digits) * self.unit)

    def narrow(self, box: Box, want: Range) -> bool:
        step = over(self.unit, 10**self.digits)
        return _overlap(self.range(box), want) and self.term.narrow(box, (plus(want[0], -step), plus(want[1], step)))


class RoundFunction(Protocol):
    """round or trunc to a number of decimals."""

    def __call__(self, value: Fraction, digits: int, /) -> Fraction:
        """The rounded value."""
        ...


def total(parts: Sequence[tuple[Exact, Term]], *, lenient: bool) -> Total:
    """A sum of terms."""
    return Total(tuple(parts), lenient, all_cells(part for _, part in parts))


def all_cells(terms: Iterable[Term]) -> frozenset[str]:
    """All the cells that terms may read."""
    return frozenset[str]().union(*(term.cells for term in terms))
