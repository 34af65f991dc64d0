"""Conditions that must not fail, and how they propagate: each narrows the free cells of a box until it does not fail, or says that
nothing does. `binding` makes them of checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from structurer.arithmetic.algebra import is_print
from structurer.arithmetic.facts import RuledOutError, UnfitError
from structurer.arithmetic.ranges import INFINITY, Bound, Exact, Range, half, hull, plus
from structurer.localisation.box import Box
from structurer.localisation.terms import Linear, Term

EXACT, PRINT, UNDERLYING = "exact", "print", "underlying"  # the levels a check may require, from strict to wide
_HOLDS: Final[Mapping[str, Callable[[Bound, Bound], bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "!=": lambda left, right: left != right,
    "==": lambda left, right: left == right,
}


class Condition(Protocol):
    """Something that must not fail; `cells` are all that it may read."""

    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        """Narrow the free cells of the box to what lets it not fail; False if nothing does. Exact once no cell is free in a range."""
        ...


# -- atoms -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Comparison:
    """Two numbers compared. `printed` is the bare cell on the left of `==`, whose print has slack; `level` is what the check requires.

    `positive` False: the comparison is not to hold at any level. `difference` is left less right where both are linear.
    """

    operator: str
    left: Term
    right: Term
    difference: Linear | None
    printed: str | None
    level: str
    positive: bool
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        try:
            return self._linear(box, self.difference) if self.difference is not None else self._any(box)
        except RuledOutError:
            return False
        except UnfitError:  # not applicable, whatever the free cells are
            return True

    def _linear(self, box: Box, difference: Linear) -> bool:
        ends = difference.range(box)
        if ends is None:
            return True
        if ends[0] == ends[1]:
            return self._holds(box, ends[0]) is self.positive
        if not self.positive or self.operator == "!=":
            return True
        if self.level == UNDERLYING and self.operator == "==":
            room = difference.hidden(box)
            return difference.narrow(box, (-room, room))
        down, up = self._slack(box)
        return difference.narrow(box, {"=": (-down, up), "<": (-INFINITY, 0), ">": (0, INFINITY)}[self.operator[0]])

    def _any(self, box: Box) -> bool:
        left, right = self.left.range(box), self.right.range(box)
        if left is None or right is None:
            return True
        if left[0] == left[1] and right[0] == right[1]:
            return self._holds(box, plus(left[0], -right[0])) is self.positive
        return not self.positive or self._narrowed(box, left, right)

    def _holds(self, box: Box, difference: Bound) -> bool:
        if self.operator != "==" or not difference:
            return _HOLDS[self.operator](difference, 0)
        printed = self.printed is not None and self._is_print(box, self.printed, difference)
        if not self.positive or self.level == UNDERLYING:
            return printed or self._overlaps(box)
        return printed and self.level != EXACT

    def _is_print(self, box: Box, printed: str, difference: Bound) -> bool:
        if isinstance(difference, float):
            return False
        if printed in box.free and box.free[printed][0] != box.free[printed][1]:  # it stands on both sides and cancels out
            down, up = self._slack(box)
            return -down <= difference <= up
        own = box.value(printed)
        return is_print(own, box.ulp(printed), own - difference)

    def _overlaps(self, box: Box) -> bool:
        try:
            left, right = self.left.range(box, wide=True), self.right.range(box, wide=True)
        except UnfitError:
            return False
        return left is not None and right is not None and left[0] <= right[1] and right[0] <= left[1]

    def _narrowed(self, box: Box, left: Range, right: Range) -> bool:
        if self.operator == "!=":
            return True
        if self.operator != "==":
            return self._ordered(box, left, right)
        if self.level == UNDERLYING:
            return self._overlaps(box)
        down, up = self._slack(box)
        return self.left.narrow(box, (plus(right[0], -down), plus(right[1], up))) and self.right.narrow(
            box, (plus(left[0], -up), plus(left[1], down))
        )

    def _slack(self, box: Box) -> tuple[Exact, Exact]:
        """How far the print may lie below and above what it prints."""
        if self.printed is None or self.level == EXACT:
            return 0, 0
        ulp = box.ulp(self.printed)
        low, high = box.free[self.printed] if self.printed in box.free else (box.cells.numbers[self.printed],) * 2
        return (half(ulp) if high < 0 else ulp), (half(ulp) if low > 0 else ulp)

    def _ordered(self, box: Box, left: Range, right: Range) -> bool:
        if self.operator.startswith("<"):
            return self.left.narrow(box, (-INFINITY, right[1])) and self.right.narrow(box, (left[0], INFINITY))
        return self.left.narrow(box, (right[0], INFINITY)) and self.right.narrow(box, (-INFINITY, left[1]))


class Texts(Protocol):
    """What one side of a comparison of texts may be."""

    cells: frozenset[str]

    def possible(self, box: Box) -> frozenset[str] | None:
        """The texts it may be, EVERY_TEXT where that is any; None if missing. Raises UnfitError."""
        ...


EVERY_TEXT: Final = frozenset({"\0any"})


@dataclass(slots=True)
class TextCell:
    """A text as printed, or written in the check."""

    cell: str
    literal: str | None
    cells: frozenset[str]

    def possible(self, box: Box) -> frozenset[str] | None:
        if self.literal is not None:
            return frozenset({self.literal})
        if self.cell in box.loose or self.cell in box.free:
            return EVERY_TEXT
        return frozenset({box.cells.texts[self.cell]}) if box.has(self.cell) else None


@dataclass(slots=True)
class Band:
    """The text of the band that a number falls into; `limits` are met from the highest down."""

    value: Term
    limits: tuple[tuple[Term, str], ...]
    rest: str
    cells: frozenset[str]

    def possible(self, box: Box) -> frozenset[str] | None:
        bands = self.bands(box)
        return None if bands is None else frozenset(text for text, _ in bands)

    def bands(self, box: Box) -> list[tuple[str, Range]] | None:
        """The bands that the number may fall into, each with the range of numbers that do."""
        value = self.value.range(box)
        limits = [(limit.range(box), text) for limit, text in self.limits]
        if value is None or any(ends is None for ends, _ in limits):
            return None
        found: list[tuple[str, Range]] = []
        top: Bound = INFINITY
        for ends, text in limits:
            assert ends is not None
            if value[1] >= ends[0] and value[0] <= top:
                found.append((text, (ends[0], top)))
            if value[0] >= ends[1]:
                return found
            top = min(top, ends[1])
        return [*found, (self.rest, (-INFINITY, top))]


@dataclass(slots=True)
class TextComparison:
    """Two texts compared by code point."""

    operator: str
    left: Texts
    right: Texts
    positive: bool
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        try:
            left, right = self.left.possible(box), self.right.possible(box)
            if left is None or right is None or EVERY_TEXT in (left, right):
                return True
            able = {(one, two) for one in left for two in right if _TEXT_HOLDS[self.operator](one, two) is self.positive}
            return (
                bool(able)
                and self._banded(self.left, box, {one for one, _ in able})
                and self._banded(self.right, box, {two for _, two in able})
            )
        except RuledOutError:
            return False
        except UnfitError:
            return True

    def _banded(self, side: Texts, box: Box, able: set[str]) -> bool:
        if not isinstance(side, Band) or side.value.cells.isdisjoint(box.free):
            return True
        wanted = [ends for text, ends in side.bands(box) or () if text in able]
        return bool(wanted) and side.value.narrow(box, hull(wanted))


_TEXT_HOLDS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "!=": lambda left, right: left != right,
    "==": lambda left, right: left == right,
}


@dataclass(slots=True)
class Presence:
    """A cell that must (or must not) be printed."""

    cell: str
    positive: bool
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        return box.has(self.cell) is self.positive


# -- connectives -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Every:
    """None of the parts fails."""

    parts: tuple[Condition, ...]
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        return all(part.narrow(box) for part in self.parts)


@dataclass(slots=True)
class Some:
    """One of the parts does not fail: the hull of what each of them leaves (constructive disjunction)."""

    parts: tuple[Condition, ...]
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        left = [trial.free for part in self.parts if part.narrow(trial := box.with_free(dict(box.free)))]
        if left:
            box.free.update({cell: hull(free[cell] for free in left) for cell in box.free})
        return bool(left)
