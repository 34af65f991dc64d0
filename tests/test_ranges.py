"""Ranges of exact numbers: no result loses a member, finite ones are no wider than they must be, and nothing becomes a float."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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
    on_grid,
    over,
    plus,
    scaled,
    shared,
    times,
    whole,
)

QUICK = settings(max_examples=200, deadline=None)
HUGE = 10**400  # no float holds it

Member: TypeAlias = tuple[Range, Exact]

exact = st.integers(-50, 50) | st.fractions(-50, 50, max_denominator=12) | st.sampled_from([HUGE, -HUGE, ZERO])
factors = exact.filter(bool)


@st.composite
def members(draw: st.DrawFn, *, finite: bool = False) -> Member:
    """A range and a number in it."""
    value = draw(exact)
    low: Bound = value - abs(draw(exact))
    high: Bound = value + abs(draw(exact))
    if not finite:
        low, high = draw(st.sampled_from([low, value, -INFINITY])), draw(st.sampled_from([high, value, INFINITY]))
    return (low, high), value


def holds(ends: Range, value: Exact) -> bool:
    return ends[0] <= value <= ends[1]


def is_exact(ends: Range) -> bool:
    return all(not isinstance(end, float) or abs(end) == INFINITY for end in ends)


@QUICK
@given(members(), members(), factors)
def test_no_result_loses_a_member_and_no_bound_but_infinity_is_a_float(one: Member, other: Member, factor: Exact) -> None:
    (left, value), (right, second) = one, other
    cases = [
        (added(left, right), value + second),
        (scaled(left, factor), value * factor),
        (shared(left, factor), Fraction(value) / factor),
        (multiplied(left, right), value * second),
        (magnitude(left), abs(value)),
        (hull([left, right]), value),
        (hull([left, right]), second),
    ]
    if second:
        cases.append((divided(left, right), Fraction(value) / second))
    for ends, result in cases:
        assert holds(ends, result)
        assert is_exact(ends)


@QUICK
@given(members(finite=True), members(finite=True))
def test_finite_sums_and_products_have_ends_that_members_reach(one: Member, other: Member) -> None:
    (left, _), (right, _) = one, other
    assert added(left, right) == (left[0] + right[0], left[1] + right[1])
    corners = [first * second for first in left for second in right]
    assert multiplied(left, right) == (min(corners), max(corners))


@QUICK
@given(members(finite=True), members(finite=True))
def test_finite_quotients_have_ends_that_members_reach_where_the_divisor_is_on_one_side_of_zero(one: Member, other: Member) -> None:
    (left, _), (right, _) = one, other
    assume(right[0] > 0 or right[1] < 0)
    corners = [Fraction(first) / Fraction(second) for first in left for second in right]
    assert divided(left, right) == (min(corners), max(corners))


@pytest.mark.parametrize(
    ("left", "right", "quotients"),
    [
        ((1, 2), (-1, 1), EVERYTHING),
        ((1, 2), (0, 0), EVERYTHING),
        ((1, 2), (0, 4), (Fraction(1, 4), INFINITY)),
        ((1, 2), (-4, 0), (-INFINITY, Fraction(-1, 4))),
        ((-1, 2), (0, 4), EVERYTHING),
        ((0, 0), (0, 4), (0, 0)),
        ((6, 6), (2, INFINITY), (0, 3)),
        ((6, INFINITY), (2, 3), (2, INFINITY)),
    ],
)
def test_a_divisor_that_reaches_zero_opens_the_quotient(left: Range, right: Range, quotients: Range) -> None:
    assert divided(left, right) == quotients


@QUICK
@given(members())
def test_absolute_values_are_never_negative_and_start_at_zero_only_where_the_range_reaches_it(one: Member) -> None:
    ends, _ = one
    low, high = magnitude(ends)
    assert 0 <= low <= high
    assert (low == 0) is holds(ends, 0)
    assert high == max(-ends[0], ends[1])


@QUICK
@given(members(), st.integers(1, 9) | st.fractions(Fraction(1, 9), 9, max_denominator=9))
def test_a_grid_keeps_all_of_its_points_in_a_range_and_ends_on_points(one: Member, step: Exact) -> None:
    ends, value = one
    low, high = on_grid(ends, step)
    point = value // step * step
    assert holds((low, high), point) is holds(ends, point)
    for found, end in ((low, ends[0]), (high, ends[1])):
        assert found == end if isinstance(end, float) else found % step == 0
    assert low >= ends[0]
    assert high <= ends[1]


def test_a_range_between_two_points_of_a_grid_is_empty_on_it() -> None:
    low, high = on_grid((Fraction(1, 3), Fraction(2, 3)), 1)
    assert low > high


@QUICK
@given(exact, factors)
def test_whole_halved_and_divided_numbers_are_the_same_numbers_and_integers_where_they_can_be(value: Exact, divisor: Exact) -> None:
    for result, truth in ((whole(value), value), (half(value), Fraction(value) / 2), (over(value, divisor), Fraction(value) / divisor)):
        assert result == truth
    for result in (whole(value), over(value, divisor)):
        assert isinstance(result, int) is (Fraction(result).denominator == 1)


def test_whole_numbers_stay_whole_through_sums_products_and_halves() -> None:
    found = (*added((1, 2), (3, 4)), *multiplied((1, 2), (3, 4)), half(4), over(6, -1), over(Fraction(0), -1))
    assert [type(end) for end in found] == [int] * 7
    assert (half(3), half(Fraction(4))) == (Fraction(3, 2), 2)


def test_infinity_stays_infinite_and_nothing_times_infinity_is_nothing() -> None:
    assert (plus(-INFINITY, HUGE), plus(HUGE, INFINITY)) == (-INFINITY, INFINITY)
    assert (times(-INFINITY, HUGE), times(INFINITY, -2), times(-3, -INFINITY)) == (-INFINITY, -INFINITY, INFINITY)
    assert (times(ZERO, INFINITY), times(-INFINITY, ZERO)) == (0, 0)
    assert (over(INFINITY, -2), over(-INFINITY, -2), over(INFINITY, 2)) == (-INFINITY, INFINITY, INFINITY)
