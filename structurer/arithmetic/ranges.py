"""Arithmetic on ranges of exact numbers that may be open to infinity (Moore, Interval Analysis, 1966): the steps of propagation.

A range is a pair (low, high) of whole numbers or fractions; a `float` in it is only ever an infinity. Whole numbers stay whole where they
can, because Python adds them ten times as fast as fractions. Results may be too wide, never too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

Exact = int | Fraction
Bound = int | Fraction | float
Range = tuple[Bound, Bound]

INFINITY: Final = float("inf")
EVERYTHING: Final[Range] = (-INFINITY, INFINITY)
ZERO: Final = 0


def plus(left: Bound, right: Bound) -> Bound:
    """The sum of two bounds of the same side; an infinity stays one, and no large fraction is ever made a float."""
    if type(left) is float:
        return left
    return right if type(right) is float else left + right


def times(left: Bound, right: Bound) -> Bound:
    """The product of two bounds, where nothing times infinity is nothing."""
    if not left or not right:
        return ZERO
    if type(left) is float or type(right) is float:
        return INFINITY if (left > 0) == (right > 0) else -INFINITY
    return left * right


def added(left: Range, right: Range) -> Range:
    """All sums of a member of either."""
    return plus(left[0], right[0]), plus(left[1], right[1])


def scaled(value: Range, factor: Exact) -> Range:
    """Every member times an exact factor other than zero."""
    if factor == 1:
        return value
    ends = times(value[0], factor), times(value[1], factor)
    return ends if factor > 0 else (ends[1], ends[0])


def shared(value: Range, divisor: Exact) -> Range:
    """Every member over an exact divisor other than zero."""
    if divisor == 1:
        return value
    ends = over(value[0], divisor), over(value[1], divisor)
    return ends if divisor > 0 else (ends[1], ends[0])


def over(value: Bound, divisor: Exact) -> Bound:
    """A bound over an exact number other than zero."""
    if type(value) is float:
        return value if divisor > 0 else -value
    return -value if divisor == -1 and type(value) is int else whole(Fraction(value) / divisor)


def whole(value: Exact) -> Exact:
    """The same number, as an `int` if it is whole."""
    return value.numerator if value.denominator == 1 else value


def half(value: Exact) -> Exact:
    """Half of an exact number."""
    return value // 2 if type(value) is int and not value % 2 else Fraction(value) / 2


def multiplied(left: Range, right: Range) -> Range:
    """All products of a member of either."""
    return _hull([times(one, other) for one in left for other in right])


def divided(left: Range, right: Range) -> Range:
    """All quotients; everything where the divisor may be zero on either side of it."""
    low, high = right
    if low < 0 < high or low == high == 0:
        return EVERYTHING
    inverse = (_inverse(high, at_zero=-INFINITY), _inverse(low, at_zero=INFINITY))
    return multiplied(left, inverse)


def _inverse(value: Bound, at_zero: float) -> Bound:
    if not value:
        return at_zero
    return ZERO if type(value) is float else Fraction(1) / Fraction(value)


def magnitude(value: Range) -> Range:
    """The absolute values."""
    low, high = value
    if low >= 0:
        return value
    return (-high, -low) if high <= 0 else (ZERO, max(-low, high))


def hull(ranges: Iterable[Range]) -> Range:
    """The smallest range that holds all of them (at least one)."""
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


def _hull(values: list[Bound]) -> Range:
    return min(values), max(values)


def on_grid(value: Range, step: Exact) -> Range:
    """The range between the outermost multiples of `step` within it; low > high where there is none."""
    low, high = value
    if type(low) is not float:
        low = -(-low // step) * step
    if type(high) is not float:
        high = high // step * step
    return low, high
