"""Cases that others have published: typing errors that balance edits find (Scholtus 2009), and sums that are consistent or not under
rounding or truncation (XBRL Calculations 1.1, Recommendation of 22 February 2023)."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer.arithmetic.algebra import is_print
from structurer.arithmetic.checks import Facts, Level, Quantity, confront, parse, print_interval
from structurer.judging.candidates import Origin, is_slip, nearest
from structurer.localisation.reconcile import WEIGHT, Block, Localisation, Owed, Problem, Status, Suspect, localise

# -- Scholtus, Automatic correction of simple typing errors in numerical data with balance edits (2009), section 4 -------

EDITS = ("x1 + x2 == x3", "x2 == x4", "x5 + x6 + x7 == x8", "x3 + x8 == x9", "x9 - x10 == x11")
CONSISTENT = {"x1": 1452, "x2": 116, "x3": 1568, "x4": 116, "x5": 323, "x6": 76, "x7": 12, "x8": 411, "x9": 1979, "x10": 1842, "x11": 137}


def problem(edits: tuple[str, ...], values: dict[str, int], firm: tuple[str, ...] = ()) -> Problem:
    """A record of whole numbers, all doubted alike but the firm ones."""
    one = Fraction(1)
    cells = {f"/{name}": Quantity(Fraction(value), one, str(value)) for name, value in values.items()}
    suspects = tuple(Suspect(cell, None if cell[1:] in firm else WEIGHT, (cell,), {cell: one}, whole=True) for cell in cells)
    return Problem(Facts(cells, {}), tuple(Owed(parse(edit)) for edit in edits), suspects)


def blamed(found: Localisation) -> list[list[dict[str, str]]]:
    """For each block its sets, each with what its cells would have to be."""
    return [
        [{cell[1:]: _only(block, number, cell) for cell in one.suspects} for number, one in enumerate(block.explanations)]
        for block in found.blocks
    ]


def _only(block: Block, number: int, cell: str) -> str:
    value = block.explanations[number].feasible[cell].only
    assert value is not None
    return str(value)


def test_the_consistent_record_blames_nothing() -> None:
    assert localise(problem(EDITS, CONSISTENT)) == Localisation()


def test_two_exchanged_digits_are_found_and_named() -> None:
    found = localise(problem(EDITS, CONSISTENT | {"x4": 161}))
    assert blamed(found) == [[{"x4": "116"}]]
    (candidate,) = nearest("161", lambda value: value == 116)
    assert (candidate.text, candidate.origin) == ("116", Origin.TRANSPOSITION)


def test_exchanged_digits_and_a_digit_typed_twice_are_found_and_named() -> None:
    found = localise(problem(EDITS, CONSISTENT | {"x4": 161, "x9": 19979}))
    assert blamed(found) == [[{"x4": "116"}], [{"x9": "1979"}]]
    (candidate,) = nearest("19979", lambda value: value == 1979)
    assert (candidate.text, candidate.origin) == ("1979", Origin.DOUBLED)


def test_terms_left_at_zero_are_blamed_in_place_of_all_and_none_of_them_is_a_slip() -> None:
    found = localise(problem(EDITS, CONSISTENT | {"x4": 161, "x9": 19979, "x5": 0, "x6": 0, "x7": 0}))
    assert blamed(found) == [[{"x4": "116"}], [{"x5": "411"}, {"x6": "411"}, {"x7": "411"}], [{"x9": "1979"}]]
    assert nearest("0", lambda value: value == 411) == ()


def test_a_total_left_at_zero_is_found_and_is_no_slip() -> None:
    found = localise(problem(EDITS, CONSISTENT | {"x4": 161, "x9": 19979, "x8": 0}))
    assert blamed(found) == [[{"x4": "116"}], [{"x8": "411", "x9": "1979"}]]
    assert nearest("0", lambda value: value == 411) == ()


@pytest.mark.parametrize(("firm", "slips"), [((), {"x1"}), (("x2",), {"x1"}), (("x1",), set())])
def test_of_three_cells_of_one_sum_the_slip_tells_which_unless_that_cell_is_firm(firm: tuple[str, ...], slips: set[str]) -> None:
    values = {"x1": 161, "x2": 1452, "x3": 1568}
    ((*sets,),) = blamed(localise(problem(EDITS[:1], values, firm)))
    wanted = {"x1": "116", "x2": "1407", "x3": "1613"}
    assert sets == [{cell: value} for cell, value in wanted.items() if cell not in firm]
    assert {cell for one in sets for cell, value in one.items() if is_slip(str(values[cell]), value)} == slips
    assert {cell for one in sets for cell, value in one.items() if nearest(str(values[cell]), Fraction(value).__eq__)} == slips


def test_two_rules_that_only_zero_keeps_want_zero_in_both_cells() -> None:
    assert blamed(localise(problem(("x1 == x2", "9 * x1 == x2"), {"x1": 10, "x2": 99}))) == [[{"x1": "0", "x2": "0"}]]


def test_an_equality_under_a_bound_is_mended_in_the_cell_that_breaks_both() -> None:
    edits = ("x1 == x2", "x2 < 10")
    assert blamed(localise(problem(edits, {"x1": 10, "x2": 1}))) == [[{"x1": "1"}]]
    (block,) = localise(problem(edits, {"x1": 29, "x2": 92})).blocks
    assert (block.status, block.weight, [one.suspects for one in block.explanations]) == (Status.FOUND, 2 * WEIGHT, [("/x1", "/x2")])


def test_a_total_that_misses_a_term_of_no_rule_is_found_and_is_no_slip_of_any_term() -> None:
    values = {"x1": 42280000, "x2": 11289000, "x3": 4328000, "x5": 11201000, "x6": 11849000}
    ((*sets,),) = blamed(localise(problem(("x1 == x2 + x3 + x5 + x6",), values)))
    assert sets == [{"x1": "38667000"}, {"x2": "14902000"}, {"x3": "7941000"}, {"x5": "14814000"}, {"x6": "15462000"}]
    assert not any(is_slip(str(values[cell]), value) for one in sets for cell, value in one.items())


# -- XBRL Calculations 1.1 ---------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """What may stand behind a reported figure, by the specification: two ends, and whether each belongs to it."""

    low: Fraction
    high: Fraction
    has_low: bool
    has_high: bool


def span(value: Fraction, step: Fraction, *, truncated: bool) -> Span:
    """Rounding: half a step to both sides, closed. Truncation: a whole step away from zero, without its far end; both ways at zero."""
    if not truncated:
        return Span(value - step / 2, value + step / 2, True, True)
    low, high = (value - step if value <= 0 else value), (value + step if value >= 0 else value)
    return Span(low, high, value > 0, value < 0)


def is_consistent(total: Fraction, parts: list[tuple[int, Fraction]], step: Fraction, *, truncated: bool) -> bool:
    """Whether the total's span meets the sum of the weighted spans of the parts."""
    of_total = span(total, step, truncated=truncated)
    low = high = Fraction(0)
    has_low = has_high = True
    for weight, part in parts:
        one = span(part, step, truncated=truncated)
        ends = ((one.low, one.has_low), (one.high, one.has_high))[:: 1 if weight > 0 else -1]
        low, high = low + weight * ends[0][0], high + weight * ends[1][0]
        has_low, has_high = has_low and ends[0][1], has_high and ends[1][1]
    below = low < of_total.high or (low == of_total.high and has_low and of_total.has_high)
    above = of_total.low < high or (of_total.low == high and of_total.has_low and has_high)
    return below and above


def figure(text: str) -> Quantity:
    """A figure reported to the digits it shows; in thousands or millions where its text ends so."""
    number, _, unit = text.partition(" ")
    scale = {"": 1, "thousand": 1000, "million": 10**6}[unit]
    return Quantity(Fraction(number) * scale, Fraction(scale, 10 ** len(number.partition(".")[2])), text)


def level(check: str, **cells: str) -> Level:
    return confront(parse(check), Facts({f"/{name}": figure(text) for name, text in cells.items()}, {})).level


STEP = Fraction(1, 10)


@pytest.mark.parametrize("value", [Fraction(3), Fraction(-3), Fraction(0)])
def test_a_print_may_hide_what_rounding_or_truncation_may_hide_and_nothing_else(value: Fraction) -> None:
    rounding, truncation = span(value, STEP, truncated=False), span(value, STEP, truncated=True)
    interval = print_interval(Quantity(value, STEP, str(value)))
    assert interval == (min(rounding.low, truncation.low), max(rounding.high, truncation.high))
    for tenths in range(-15, 16):
        hidden = value + tenths * STEP / 10
        allowed = any(
            one.low < hidden < one.high or (hidden == one.low and one.has_low) or (hidden == one.high and one.has_high)
            for one in (rounding, truncation)
        )
        assert is_print(value, STEP, hidden) is allowed


@pytest.mark.parametrize(
    ("printed", "hidden", "allowed"),
    [
        ("3.0", "2.95", True), ("3.0", "2.94", False), ("3.0", "3.05", True), ("3.0", "3.09", True), ("3.0", "3.1", False),
        ("-3.0", "-2.95", True), ("-3.0", "-2.94", False), ("-3.0", "-3.09", True), ("-3.0", "-3.1", False),
        ("0.0", "0.05", True), ("0.0", "0.09", True), ("0.0", "-0.09", True), ("0.0", "0.1", False), ("0.0", "-0.1", False),
    ],
)  # fmt: skip
def test_the_near_end_of_rounding_belongs_to_a_print_and_the_far_end_of_truncation_does_not(
    printed: str, hidden: str, allowed: bool
) -> None:
    assert is_print(figure(printed).value or Fraction(0), STEP, Fraction(hidden)) is allowed
    assert (level("y == x", y=printed, x=hidden).value in ("exact", "print")) is allowed


def test_a_figure_of_infinite_precision_hides_nothing() -> None:
    exact = Quantity(Fraction(3), Fraction(0), "3")
    assert print_interval(exact) == (3, 3)
    assert is_print(3, 0, 3)
    assert not is_print(3, 0, Fraction(30001, 10000))


@pytest.mark.parametrize(
    ("check", "cells", "expected"),
    [
        ("t == a + b", {"t": "3.0", "a": "1.2", "b": "1.8"}, Level.EXACT),
        ("t == a + b", {"t": "58 million", "a": "12 million", "b": "45 million"}, Level.UNDERLYING),  # 12.14 and 45.44 are 57.58
        ("t == a + b", {"t": "59 million", "a": "12 million", "b": "45 million"}, Level.UNDERLYING),  # only cut off: 12.9 and 45.9 are 58.8
        ("t == a + b", {"t": "60 million", "a": "12 million", "b": "45 million"}, Level.FAIL),
        ("t == a + b", {"t": "54 million", "a": "12 million", "b": "45 million"}, Level.FAIL),
        ("t == a + b", {"t": "58 million", "a": "12141 thousand", "b": "45441 thousand"}, Level.PRINT),
        ("t == a + b", {"t": "57 million", "a": "12141 thousand", "b": "45441 thousand"}, Level.PRINT),  # cut off
        ("t == a + b", {"t": "56 million", "a": "12141 thousand", "b": "45441 thousand"}, Level.FAIL),
        ("t == a - b", {"t": "34 million", "a": "46 million", "b": "12 million"}, Level.EXACT),
        ("t == a - b", {"t": "33 million", "a": "46 million", "b": "12 million"}, Level.UNDERLYING),
        ("t == a - b", {"t": "0 million", "a": "12999 thousand", "b": "12 million"}, Level.PRINT),
        ("t == a - b", {"t": "0 million", "a": "13 million", "b": "12 million"}, Level.UNDERLYING),
        ("t == a - b", {"t": "0 million", "a": "17 million", "b": "12 million"}, Level.FAIL),
        ("t == sum(a, b, c)", {"t": "-1 million", "a": "-300 thousand", "b": "-300 thousand", "c": "-300 thousand"}, Level.PRINT),
    ],
)
def test_a_sum_of_rounded_or_truncated_figures_has_its_level(check: str, cells: dict[str, str], expected: Level) -> None:
    assert level(check, **cells) is expected


def test_operands_are_exact_at_print_though_the_specification_widens_them_too() -> None:
    cells = {"t": Fraction(58), "a": Fraction(12), "b": Fraction(45)}
    assert is_consistent(cells["t"], [(1, cells["a"]), (1, cells["b"])], Fraction(1), truncated=False)
    assert level("t == a + b", t="58", a="12", b="45") is Level.UNDERLYING


def test_rounding_and_truncation_may_mix_at_underlying_though_the_specification_takes_one_for_a_whole_report() -> None:
    total, parts, one = Fraction(14), [(1, Fraction(6)), (1, Fraction(6))], Fraction(1)
    assert [is_consistent(total, parts, one, truncated=truncated) for truncated in (False, True)] == [False, False]
    assert level("t == a + b", t="14", a="6", b="6") is Level.UNDERLYING


def test_intervals_that_meet_only_in_an_end_that_belongs_to_neither_meet_at_underlying_though_the_specification_excludes_it() -> None:
    total, parts, one = Fraction(55), [(1, Fraction(12)), (1, Fraction(45))], Fraction(1)
    assert [is_consistent(total, parts, one, truncated=truncated) for truncated in (False, True)] == [False, False]
    assert level("t == a + b", t="55", a="12", b="45") is Level.UNDERLYING  # [54.5, 56) and [56, 59)


figures = st.integers(-60, 60).map(lambda count: count * STEP)


@settings(max_examples=400, deadline=None)
@given(figures, st.lists(st.tuples(st.sampled_from([1, -1]), figures), min_size=1, max_size=4), st.integers(-4, 4))
def test_a_sum_that_is_consistent_either_way_holds_and_one_that_prints_its_operands_is_consistent(
    other: Fraction, parts: list[tuple[int, Fraction]], off: int
) -> None:
    for total in (other, sum((weight * part for weight, part in parts), Fraction(0)) + off * STEP):
        cells = {"/t": Quantity(total, STEP, "t")} | {f"/p{number}": Quantity(part, STEP, "p") for number, (_, part) in enumerate(parts)}
        right = "".join(f" {'+' if weight > 0 else '-'} p{number}" for number, (weight, _) in enumerate(parts))
        found = confront(parse(f"t == 0{right}"), Facts(cells, {})).level
        consistent = [is_consistent(total, parts, STEP, truncated=truncated) for truncated in (False, True)]
        if any(consistent):
            assert found.holds
        if found in (Level.EXACT, Level.PRINT):
            assert any(consistent)
