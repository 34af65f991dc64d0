"""Checks as conditions that propagate: exact where every cell is believed, and never losing values with which the check does not fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from structurer.arithmetic.checks import (
    STAR,
    Binary,
    Call,
    Check,
    Facts,
    Level,
    Node,
    Number,
    Path,
    Quantity,
    Text,
    Unary,
    confront,
    parse,
    render,
)
from structurer.arithmetic.ranges import EVERYTHING, INFINITY, Range
from structurer.arithmetic.syntax import COMPARISONS, walk
from structurer.judging.confront import holds
from structurer.localisation.binding import Scope, bind
from structurer.localisation.box import Box, cells_of

LEVELS = ["exact", "print", "underlying"]
TENTH = Fraction(1, 10)
NAMES = "abcd"  # numbers; t is a text, rows[*].x and rows[*].y are numbers
Cells: TypeAlias = dict[str, Quantity]


def printed(text: str) -> Quantity:
    """A cell as printed, one unit in the last place from its digits."""
    try:
        value = Fraction(text)
    except ValueError:
        return Quantity(None, Fraction(0), text)
    return Quantity(value, Fraction(1, 10 ** len(text.partition(".")[2])), text)


def facts(cells: dict[str, str], **rows: int) -> Facts:
    return Facts({f"/{name}": printed(text) for name, text in cells.items()}, {f"/{name}": number for name, number in rows.items()})


@dataclass
class Bound:
    """A check bound to a record."""

    check: str
    record: Facts
    level: str = "print"
    more_rows: dict[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        self.values = cells_of(self.record, [Fraction(1, 100)])
        self.condition = bind(parse(self.check), Scope(self.record, self.values, level=self.level, more_rows=self.more_rows))

    def holds(self) -> bool:
        return self.condition.narrow(Box(self.values))

    def narrowed(
        self,
        *free: str,
        step: str | None = None,
        gone: tuple[str, ...] = (),
        more: tuple[str, ...] = (),
        **ranges: tuple[object, object],
    ) -> object:
        """What is left of the ranges of free cells, in numbers; False where nothing is."""
        unit = self.values.unit
        box = Box(
            self.values,
            {f"/{name}": EVERYTHING for name in free} | {f"/{name}": _in_units(ends, unit) for name, ends in ranges.items()},
            gone=frozenset(f"/{name}" for name in gone),
            steps={f"/{name}": int(Fraction(step) * unit) for name in (*free, *ranges)} if step else {},
            more=frozenset(f"/{name}" for name in more),
        )
        if not self.condition.narrow(box):
            return False
        left = {cell.removeprefix("/"): tuple(_told(end, unit) for end in ends) for cell, ends in box.free.items()}
        return left if len(left) > 1 else left.popitem()[1]


def _in_units(ends: tuple[object, object], unit: int) -> Range:
    low, high = (end if isinstance(end, float) else int(Fraction(str(end)) * unit) for end in ends)
    return low, high


def _told(end: int | Fraction | float, unit: int) -> str | None:
    if isinstance(end, float):
        return None
    value = Fraction(end) / unit
    return str(value) if value.denominator == 1 else str(float(value))


def narrowed(check: str, cells: dict[str, str], *free: str, level: str = "print", step: str | None = None) -> object:
    return Bound(check, facts(cells), level).narrowed(*free, step=step)


# -- random checks and records -----------------------------------------------------------------------------------------

singles = st.sampled_from(NAMES).map(lambda name: Path((name,)))
columns = st.sampled_from("xy").map(lambda name: Path(("rows", STAR, name)))
literals = st.sampled_from(["0", "1", "2", "3", "0.5", "10", "100"]).map(lambda text: Number(Fraction(text), text))
digits = st.sampled_from("01").map(lambda text: Number(Fraction(text), text))
texts = st.sampled_from("PQR").map(Text)


def _numeric(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return (
        st.builds(Binary, st.sampled_from("++--*/"), inner, inner)
        | st.builds(Unary, st.just("-"), inner)
        | st.builds(Call, st.sampled_from(["sum", "min", "max"]), st.lists(inner | columns, min_size=1, max_size=3).map(tuple))
        | st.builds(lambda name, value, places: Call(name, (value, places)), st.sampled_from(["round", "trunc"]), inner, digits)
        | inner.map(lambda value: Call("abs", (value,)))
        | st.sampled_from([Path(("rows", STAR)), Path(("rows", STAR, "x")), Path(("rows", STAR, "y"))]).map(
            lambda path: Call("count", (path,))
        )
    )


numbers: st.SearchStrategy[Node] = st.recursive(singles | singles | literals, _numeric, max_leaves=4)
bands = st.builds(
    lambda value, limit, first, second, rest: Call("band", (value, limit, first, Number(Fraction(1), "1"), second, rest)),
    numbers,
    singles | st.just(Number(Fraction(3), "3")),
    texts,
    texts,
    texts,
)
comparisons: st.SearchStrategy[Node] = (
    st.builds(Binary, st.sampled_from(["==", "==", "==", "!=", "<", "<=", ">", ">="]), singles | numbers, numbers)
    | st.builds(Binary, st.sampled_from(["==", "!=", "<"]), st.just(Path(("t",))) | texts, bands)
    | singles.map(lambda path: Call("present", (path,)))
)
conditions: st.SearchStrategy[Node] = st.recursive(
    comparisons,
    lambda inner: st.builds(Binary, st.sampled_from(["&&", "||", "->"]), inner, inner) | st.builds(Unary, st.just("!"), inner),
    max_leaves=3,
)


@st.composite
def figures(draw: st.DrawFn) -> Quantity:
    ulp = draw(st.sampled_from([Fraction(1), Fraction(1), TENTH]))
    value = draw(st.integers(-4, 6)) if draw(st.booleans()) else draw(st.integers(-40, 60)) * ulp
    return Quantity(Fraction(value), ulp, str(value))


@st.composite
def records(draw: st.DrawFn, *, texts_for_numbers: bool = False) -> Facts:
    cells: Cells = {f"/{name}": draw(figures()) for name in NAMES if draw(st.integers(0, 7))}
    if texts_for_numbers and cells:
        cells[draw(st.sampled_from(sorted(cells)))] = Quantity(None, Fraction(0), "约3")
    if draw(st.booleans()):
        cells["/t"] = Quantity(None, Fraction(0), draw(st.sampled_from("PQR")))
    rows = draw(st.sampled_from([None, 0, 1, 2]))
    for row in range(rows or 0):
        cells |= {f"/rows/{row}/{name}": draw(figures()) for name in "xy" if draw(st.integers(0, 4))}
    return Facts(cells, {} if rows is None else {"/rows": rows})


def atoms(node: Node, negations: int = 0) -> Iterator[tuple[Node, int]]:
    """The comparisons and presences of a condition, with the number of negations above each."""
    if isinstance(node, Unary):
        yield from atoms(node.operand, negations + 1)
    elif isinstance(node, Binary) and node.operator not in COMPARISONS:
        yield from atoms(node.left, negations + (node.operator == "->"))
        yield from atoms(node.right, negations)
    else:
        yield node, negations


def is_plain(check: Check, record: Facts, level: str) -> bool:
    """Leaves out what has tests of its own below: cells that a comparison names twice, `!` under `!`, and equalities that hold, but not at
    the required level, beside others."""
    found = list(atoms(check.root))
    for node, negations in found:
        names = [path.name for path in walk(node) if isinstance(path, Path)]
        weak = holds(level, (outcome := confront(Check("", node), record)).level) is False and outcome.level is not Level.FAIL
        if negations > 1 or len(set(names)) < len(names) or (weak and len(found) > 1):
            return False
    return True


@settings(max_examples=600, deadline=None)
@given(conditions, records(texts_for_numbers=True) | records(), st.sampled_from(LEVELS))
def test_with_every_cell_believed_a_condition_is_what_the_verdict_is(tree: Node, record: Facts, level: str) -> None:
    check = parse(render(tree))
    assume(is_plain(check, record, level))
    values = cells_of(record)
    outcome = confront(check, record)
    assert bind(check, Scope(record, values, level=level)).narrow(Box(values)) is (holds(level, outcome.level) is not False), outcome.words


def bound_to_conclusions(node: Node, record: Facts) -> Node:
    """The check without the implications whose premises hold now: these are bound to their conclusions."""
    if isinstance(node, Unary) and node.operator == "!":
        return Unary("!", bound_to_conclusions(node.operand, record))
    if not isinstance(node, Binary) or node.operator in COMPARISONS:
        return node
    if node.operator == "->" and confront(Check("", node.left), record).level.holds:
        return bound_to_conclusions(node.right, record)
    return Binary(node.operator, bound_to_conclusions(node.left, record), bound_to_conclusions(node.right, record))


def divides_by_zero(check: Check, record: Facts) -> bool:
    zero = Number(Fraction(0), "0")
    return any(
        isinstance(node, Binary) and node.operator == "/" and holds_exactly(Binary("==", node.right, zero), record)
        for node in walk(check.root)
    )


def holds_exactly(node: Node, record: Facts) -> bool:
    outcome = confront(Check("", node), record)
    return outcome.level is Level.EXACT or "division by zero" in outcome.words


@st.composite
def doubts(draw: st.DrawFn) -> tuple[Facts, Facts, dict[str, tuple[int, int]]]:
    """A record, the same with other figures in some cells (blanks too), and how far around these their ranges reach; -1 = no end."""
    record = draw(records())
    able = sorted({*(f"/{name}" for name in NAMES), *record.cells} - {"/t"})
    free = draw(st.lists(st.sampled_from(able), min_size=1, max_size=3, unique=True))
    figures_: Cells = {}
    for cell in free:
        ulp = record.cells[cell].ulp if cell in record.cells else Fraction(1)
        count = draw(st.integers(-6, 10) | st.integers(-60, 60))
        figures_[cell] = Quantity(count * draw(st.sampled_from([ulp, Fraction(1)])), ulp, str(count))
    reach = {cell: (draw(st.integers(-1, 3)), draw(st.integers(-1, 3))) for cell in free}
    return record, Facts({**record.cells, **figures_}, record.rows), reach


@settings(max_examples=800, deadline=None)
@given(conditions, doubts(), st.sampled_from(LEVELS), st.booleans())
def test_no_range_loses_a_value_with_which_the_check_does_not_fail(
    tree: Node, doubt: tuple[Facts, Facts, dict[str, tuple[int, int]]], level: str, gridded: bool
) -> None:
    record, other, reach = doubt
    check = parse(render(tree))
    owed = Check("", bound_to_conclusions(check.root, record))
    assume(is_plain(check, record, level) and is_plain(check, other, level))
    assume(holds(level, confront(owed, other).level) is not False and not divides_by_zero(check, other))
    values = cells_of(record, [TENTH])
    steps = {cell: int(other.cells[cell].ulp * values.unit) for cell in reach}
    true = {cell: int((other.cells[cell].value or 0) * values.unit) for cell in reach}
    free: dict[str, Range] = {
        cell: (-INFINITY if low < 0 else true[cell] - low * steps[cell], INFINITY if high < 0 else true[cell] + high * steps[cell])
        for cell, (low, high) in reach.items()
    }
    box = Box(values, dict(free), steps=steps if gridded else {cell: step for cell, step in steps.items() if cell not in record.cells})
    assert bind(check, Scope(record, values, level=level)).narrow(box)
    for cell, (low, high) in box.free.items():
        assert free[cell][0] <= low <= true[cell] <= high <= free[cell][1]


@settings(max_examples=300, deadline=None)
@given(conditions, records(), st.sampled_from(LEVELS), st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_box_of_single_values_is_judged_like_the_record_with_these_values(tree: Node, record: Facts, level: str, names: set[str]) -> None:
    check = parse(render(tree))
    assume(is_plain(check, record, level))
    values = cells_of(record)
    condition = bind(check, Scope(record, values, level=level))
    own: dict[str, Range] = {cell: (values.numbers[cell],) * 2 for cell in (f"/{name}" for name in names) if cell in values.numbers}
    assume(own and not divides_by_zero(check, record) and "division" not in confront(check, record).words)
    assert condition.narrow(Box(values, dict(own))) is condition.narrow(Box(values))


# -- what is asked of one cell -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "cells", "left"),
    [
        ("a == b + c", {"a": "7", "b": "3", "c": "5"}, ("7", "9")),
        ("b + c == a", {"a": "7", "b": "3", "c": "5"}, ("8", "8")),
        ("a == b - c", {"a": "7", "b": "3", "c": "5"}, ("-3", "-1")),
        ("b == a + c", {"a": "7", "b": "3", "c": "5"}, ("-2.5", "-1")),
        ("b == c - a", {"a": "7", "b": "0", "c": "5"}, ("4", "6")),
        ("a <= b", {"a": "7", "b": "3"}, (None, "3")),
        ("a < b", {"a": "7", "b": "3"}, (None, "3")),
        ("a > b - 2 * c", {"a": "-9", "b": "3", "c": "5"}, ("-7", None)),
        ("b == a * c", {"a": "9", "b": "6", "c": "4"}, ("1.375", "1.75")),
        ("b == a * c", {"a": "9", "b": "-6", "c": "4"}, ("-1.75", "-1.375")),
        ("b == c / a", {"a": "9", "b": "2", "c": "6"}, ("2", "4")),
        ("b == a / c", {"a": "9", "b": "2", "c": "6"}, ("9", "18")),
        ("b == min(a, c)", {"a": "9", "b": "2", "c": "6"}, ("1.5", "3")),
        ("b == max(a, c)", {"a": "2", "b": "9", "c": "6"}, ("8.5", "10")),
        ("b == max(a, c)", {"a": "9", "b": "6", "c": "6"}, (None, "7")),
        ("b == abs(a)", {"a": "9", "b": "2"}, ("-3", "3")),
        ("b == round(a, 0)", {"a": "9", "b": "2"}, ("0.5", "4")),
        ("b == trunc(a, 1)", {"a": "9", "b": "2"}, ("1.4", "3.1")),
        ('t == band(a, 90, "P", 60, "Q", "R")', {"a": "95", "t": "Q"}, ("60", "90")),
        ('t == band(a, 90, "P", 60, "Q", "R")', {"a": "95", "t": "R"}, (None, "60")),
        ('t != band(a, 90, "P", 60, "Q", "R")', {"a": "95", "t": "P"}, (None, "90")),
        ("a == 1 || a == 5", {"a": "9"}, ("0", "6")),
        ("a >= 1 && a <= 2", {"a": "9"}, ("1", "2")),
        ("a == 1 -> b == 2", {"a": "1", "b": "3"}, False),
        ("a == 1 -> b == 2", {"a": "4", "b": "3"}, (None, None)),
        ("!(a < b)", {"a": "1", "b": "3"}, ("3", None)),
        ("!(a != b)", {"a": "1", "b": "3"}, ("3", "3")),
        ("present(a)", {"a": "1"}, (None, None)),
        ("!present(a)", {"a": "1"}, False),
        ("a == sum(b, c)", {"a": "1"}, (None, None)),
    ],
)
def test_a_free_cell_is_narrowed_to_what_the_check_leaves_it(check: str, cells: dict[str, str], left: object) -> None:
    assert narrowed(check, cells, "a") == left


def test_a_cell_on_a_grid_is_narrowed_to_points_of_the_grid() -> None:
    assert narrowed("a == b / c", {"a": "7", "b": "10", "c": "3"}, "a", step="1") == ("3", "4")
    assert narrowed("b == a * c", {"a": "9", "b": "6.0", "c": "4"}, "a", step="0.5") == ("1.5", "1.5")
    assert narrowed("b == a * c", {"a": "9", "b": "7", "c": "4"}, "a", step="1", level="exact") is False


def test_several_free_cells_share_what_a_sum_leaves() -> None:
    record = facts({"t": "10", "a": "1", "b": "2", "c": "3"})
    check = Bound("a + b + c == t", record)
    assert check.narrowed(a=(0, 4), b=(0, 5)) == {"a": ("2", "4"), "b": ("3", "5")}
    assert check.narrowed(a=(0, 1), b=(0, 2)) is False
    assert check.narrowed("a", b=(0, 2)) == {"a": ("5", "7"), "b": ("0", "2")}


def test_the_levels_differ_in_the_slack_they_leave() -> None:
    cells = {"a": "7", "b": "3", "c": "5"}
    assert [narrowed("a == b + c", cells, "a", level=level) for level in LEVELS] == [("8", "8"), ("7", "9"), ("5", "11")]
    assert [Bound("a == b * c", facts({"a": "16", "b": "3", "c": "5"}), level).holds() for level in LEVELS] == [False, False, True]


def test_a_blank_cell_that_is_free_counts_as_printed() -> None:
    record = facts({"t": "10", "a": "4"})
    assert Bound("t == a + b", record).holds()
    assert Bound("t == a + b", record).narrowed("b", step="1") == ("6", "7")
    assert Bound("present(b)", record).narrowed("b") == (None, None)
    assert not Bound("present(b)", record).holds()


def test_a_cell_that_is_gone_is_blank() -> None:
    record = facts({"t": "7", "rows/0/x": "3", "rows/1/x": "4", "rows/2/x": "4"}, rows=3)
    assert not Bound("t == sum(rows[*].x)", record).holds()
    assert Bound("t == sum(rows[*].x)", record).narrowed("t", gone=("rows/2/x",)) == ("6", "8")
    assert Bound("t == sum(rows[*].x)", record).narrowed("t", gone=("rows/0/x", "rows/1/x", "rows/2/x")) == (None, None)


def test_a_lost_row_is_read_by_sums_and_counts_and_absent_without_doubt() -> None:
    record = facts({"n": "2", "t": "9", "rows/0/x": "3"}, rows=1)
    more = {"/rows": ("-",)}
    assert Bound("t == sum(rows[*].x)", record, more_rows=more).condition.cells == {"/t", "/rows/0/x", "/rows/-/x"}
    assert not Bound("t == sum(rows[*].x)", record, more_rows=more).holds()
    assert Bound("t == sum(rows[*].x)", record, more_rows=more).narrowed("rows/-/x", step="1") == ("6", "7")
    counted = Bound("n == count(rows[*])", record, more_rows=more)
    assert counted.condition.cells == {"/n", "/rows/0", "/rows/-"}
    assert not counted.holds()
    assert counted.narrowed("n", step="1") == ("0", "2")
    assert counted.narrowed("n", step="1", more=("rows/-",)) == ("1", "3")
    assert counted.narrowed("n", step="1", gone=("rows/0",)) == ("-1", "1")


def test_nothing_over_nothing_says_nothing_and_a_divisor_of_zero_explains_nothing() -> None:
    assert Bound("r == a / b", facts({"r": "5", "a": "0", "b": "0"})).holds()
    assert Bound("r == a / b", facts({"r": "5", "a": "3", "b": "0"})).holds()
    assert Bound("r == a / b", facts({"r": "5", "a": "3", "b": "7"})).narrowed("b", step="1") is False
    assert Bound("r == a / b", facts({"r": "5", "a": "3", "b": "7"})).narrowed("a", b=(0, 0)) == {"a": ("0", "0"), "b": ("0", "0")}


def test_a_path_under_a_scope_and_an_alias_stand_for_the_cells_they_name() -> None:
    record = Facts(
        {"/rows/0/x": printed("3"), "/rows/1/x": printed("4"), "/alias/x": printed("4"), "/top": printed("4")},
        {"/rows": 2},
        {"/alias/x": "/rows/1/x"},
    )
    values = cells_of(record)
    assert bind(parse("x == $.top"), Scope(record, values, "/rows/1")).cells == {"/rows/1/x", "/top"}
    assert bind(parse("x == $.alias.x"), Scope(record, values, "/rows/1")).cells == {"/rows/1/x"}
    assert bind(parse("$.x == 3"), Scope(record, values, "/rows/1", "/rows/0")).narrow(Box(values))


def test_a_cell_that_cancels_out_of_its_comparison_does_no_harm() -> None:
    assert narrowed("a == a + b", {"a": "1", "b": "0"}, "a") == (None, None)
    assert narrowed("a == a + b", {"a": "1", "b": "3"}, "a") is False


def test_a_text_where_a_number_is_needed_binds_no_other_cell() -> None:
    assert Bound("a == b + c", facts({"a": "5", "b": "3", "c": "约3"})).narrowed("a") == (None, None)


def test_a_divisor_that_is_believed_to_be_zero_binds_no_other_cell() -> None:
    assert Bound("a == b / c", facts({"a": "5", "b": "3", "c": "0"})).narrowed("a") == (None, None)


def test_cells_are_counted_as_they_are_taken_to_be() -> None:
    record = facts({"n": "2", "rows/0/x": "3", "rows/1/x": "4", "rows/2/x": "4"}, rows=3)
    assert Bound("n == count(a, b)", facts({"n": "2", "a": "1"})).narrowed("b") == (None, None)
    assert Bound("n == count(a, b)", facts({"n": "3", "a": "1"})).narrowed("b") is False
    assert Bound("n == count(rows[*].x)", record).narrowed("n", gone=("rows/2/x",), step="1") == ("1", "3")


# -- known differences -------------------------------------------------------------------------------------------------


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="an equality that holds only below its level fails in a condition, but not beside one that is not applicable",
)
@pytest.mark.parametrize("check", ["a == b && a == blank", "a == b || a == blank"])
def test_an_equality_below_its_level_beside_one_that_is_not_applicable_is_the_verdict(check: str) -> None:
    record = facts({"a": "5", "b": "4.6"})
    assert Bound(check, record, "exact").holds() is (holds("exact", confront(parse(check), record).level) is not False)


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="under two negations the verdict takes any level, the condition the required one"
)
def test_two_negations_take_any_level() -> None:
    record = facts({"a": "5", "b": "4.6"})
    assert holds("exact", confront(parse("!(!(a == b))"), record).level) is True
    assert Bound("!(!(a == b))", record, "exact").holds()


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="a cell that a linear form cancels is widened no more: narrower than the verdict's intervals"
)
def test_a_cell_that_cancels_out_is_widened_as_in_the_verdict() -> None:
    record = facts({"a": "1", "b": "2", "c": "4"})
    check = "b - b + a == c - 1"
    assert confront(parse(check), record).level is Level.UNDERLYING
    assert Bound(check, record, "underlying").holds()
