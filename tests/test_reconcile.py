"""What is to blame when checks fail: small records made by hand, with all sets of least weight and what their cells may be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from random import Random
from time import perf_counter
from typing import Any

import pytest

from structurer.arithmetic.checks import Facts, Quantity, parse
from structurer.localisation import reconcile
from structurer.localisation.reconcile import (
    UNUSUAL,
    WEIGHT,
    Block,
    Explanation,
    Feasible,
    Localisation,
    Owed,
    Problem,
    Status,
    Suspect,
    localise,
)

ONE = Fraction(1)
SECONDS = 5.0  # generous for a loaded machine
LOST = {"/rows": ("-",)}


def cell(text: str) -> Quantity:
    """A cell as printed, one unit in the last place from its digits."""
    try:
        value = Fraction(text)
    except ValueError:
        return Quantity(None, Fraction(0), text)
    return Quantity(value, Fraction(1, 10 ** len(text.partition(".")[2])), text)


def record(cells: Mapping[str, str], rows: int | None = None) -> Facts:
    return Facts({f"/{name}": cell(text) for name, text in cells.items()}, {} if rows is None else {"/rows": rows})


def suspect(facts: Facts, name: str, weight: int | None = WEIGHT, **more: Any) -> Suspect:
    """One cell that is printed like its column: on the grid of its own print, or of whole numbers where it is blank."""
    quantity = facts.cells.get(f"/{name}")
    steps = {f"/{name}": quantity.ulp if quantity else ONE} if quantity is None or quantity.value is not None else {}
    return Suspect(f"/{name}", weight, (f"/{name}",), steps, **{"whole": True, **more})


def problem(
    cells: Mapping[str, str] | Facts,
    *checks: str | Owed,
    suspects: Iterable[Suspect] | None = None,
    rows: int | None = None,
    level: str = "print",
    weights: Mapping[str, int | None] | None = None,
    more_rows: Mapping[str, tuple[str, ...]] | None = None,
) -> Problem:
    """A record and its checks; who is not named among the suspects is doubted at WEIGHT, or at the weight given."""
    facts = cells if isinstance(cells, Facts) else record(cells, rows)
    given = {one.name: one for one in suspects or ()}
    names = (place.removeprefix("/") for place in facts.cells)
    own = [given.pop(f"/{name}", None) or suspect(facts, name, (weights or {}).get(name, WEIGHT)) for name in names]
    owed = tuple(check if isinstance(check, Owed) else Owed(parse(check), "", level) for check in checks)
    return Problem(facts, owed, (*own, *given.values()), more_rows or {})


def told(given: Problem, *, reach: bool = False) -> list[str]:
    """Each block in a line: its failing checks, its weight, and its sets with what each cell may be; or why there are none."""
    return [_told(block, reach=reach) for block in localise(given).blocks]


def _told(block: Block, *, reach: bool) -> str:
    checks = ",".join(map(str, sorted(block.failing)))
    if block.status is not Status.FOUND:
        assert (block.explanations, block.weight) == ((), 0)
        return f"{checks}: {block.status}"
    return f"{checks}: {block.weight}: " + " | ".join(_set_told(one, reach=reach) for one in block.explanations)


def _set_told(one: Explanation, *, reach: bool) -> str:
    ranges = dict(one.reach if reach else one.feasible)
    parts = []
    for name in one.suspects:
        own = [ranges.pop(place) for place in sorted(ranges) if place == name or place.startswith(f"{name}/")]
        parts.append(" ".join([name.removeprefix("/"), *map(_range_told, own)]))
    assert not ranges
    return ", ".join(parts)


def _range_told(feasible: Feasible) -> str:
    if feasible.only is not None:
        return _number_told(feasible.only)
    return "..".join("" if end is None else _number_told(end) for end in (feasible.low, feasible.high))


def _number_told(value: Fraction) -> str:
    return str(value) if value.denominator in (1, 3, 6, 7) else str(float(value))


class TestOneError:
    """Every cell of one failing check that can mend it, with what it would have to be."""

    @pytest.mark.parametrize(
        ("check", "cells", "blame"),
        [
            ("t == a + b", {"t": "10", "a": "3", "b": "4"}, "0: 10: a 6 | b 7 | t 7"),
            ("t == a - b", {"t": "10", "a": "3", "b": "4"}, "0: 10: a 14 | b -7 | t -1"),
            ("t == sum(a, b, c)", {"t": "10", "a": "3", "b": "4"}, "0: 10: a 6 | b 7 | t 7"),
            ("t == a * b", {"t": "10.00", "a": "3", "b": "2.50"}, "0: 10: a 4 | t 7.5"),
            ("r == e / b * 100", {"r": "60.00", "e": "30.00", "b": "40.00"}, "0: 10: b 50 | e 24 | r 75"),
            ("r == e / b * 100", {"r": "66.6", "e": "30.0", "b": "40.0"}, "0: 10: b 45 | r 75"),
            ("s == min(w, w * r / 100)", {"s": "9", "w": "10", "r": "50"}, "0: 10: r 85.. | s 5 | w 17.."),
            ("m == max(a, b)", {"m": "9", "a": "3", "b": "4"}, "0: 10: a 9 | b 9 | m 4"),
            ("m == max(a, b)", {"m": "3", "a": "3", "b": "4"}, "0: 10: b ..3 | m 4"),
            ("y == abs(a - b)", {"y": "3", "a": "10", "b": "6"}, "0: 10: a 3..9 | b 7..13 | y 4"),
            ("y + 0 == round(a / b, 1)", {"y": "3.3", "a": "10", "b": "3.1"}, "0: 10: b 3 | y 3.2"),
            ("y + 0 == trunc(a / b, 1)", {"y": "3.3", "a": "10", "b": "3.1"}, "0: 10: b 3 | y 3.2"),
            ('g == band(v, 90, "P", 60, "Q", "R")', {"g": "P", "v": "70"}, "0: 10: g | v 90.."),
            ('g == band(v, 90, "P", 60, "Q", "R")', {"g": "Q", "v": "95"}, "0: 10: g | v 60..89"),
            ("a <= b", {"a": "5", "b": "3"}, "0: 10: a ..3 | b 5.."),
            ("a < b", {"a": "5", "b": "3"}, "0: 10: a ..2 | b 6.."),
            ("a != b", {"a": "5", "b": "5"}, "0: 10: a .. | b .."),
            ("g == h", {"g": "P", "h": "Q"}, "0: 10: g | h"),
            ('a == 5 -> g == "Q"', {"a": "5", "g": "P"}, "0: 10: g"),
            ("a == 1 || a == 5", {"a": "9"}, "0: 10: a 1..5"),
            ("!(a == b)", {"a": "5", "b": "5"}, "0: 10: a .. | b .."),
        ],
    )
    def test_all_cells_that_mend_the_check_are_blamed(self, check: str, cells: dict[str, str], blame: str) -> None:
        assert told(problem(cells, check)) == [blame]

    def test_a_record_that_keeps_its_checks_blames_nothing(self) -> None:
        for cells, check in (({"t": "7", "a": "3", "b": "4"}, "t == a + b"), ({"t": "9", "a": "3"}, "t == a + b"), ({}, "t == a + b")):
            found = localise(problem(cells, check))
            assert found == Localisation()
            assert found.status is Status.HOLDS

    def test_the_required_level_decides_what_fails_and_what_a_cell_may_be(self) -> None:
        cells = {"y": "3.4", "a": "10"}
        assert told(problem(cells, "y == a / 3", level="underlying")) == []
        assert told(problem(cells, "y == a / 3")) == ["0: 10: y 3.3"]
        assert told(problem(cells, "y == a / 3", level="exact")) == ["0: 20: y .., a .."]
        assert told(problem({"y": "3.4", "a": "10"}, "y == a / 5", level="exact")) == ["0: 10: a 17 | y 2"]

    def test_checks_stand_in_their_scope_and_absolute_paths_in_their_root(self) -> None:
        facts = record({"rows/0/x": "3", "rows/0/y": "4", "top": "9"}, 1)
        assert told(problem(facts, Owed(parse("$.top == x + y"), "/rows/0"))) == ["0: 10: rows/0/x 5 | rows/0/y 6 | top 7"]
        assert told(problem(facts, Owed(parse("$.x == 5"), "", "print", "/rows/0"))) == ["0: 10: rows/0/x 5"]

    def test_names_in_any_script_and_with_any_sign_are_blamed_in_their_order(self) -> None:
        facts = Facts({"/总分": cell("10"), "/得 分~1": cell("3"), "/é": cell("4")}, {})
        assert told(problem(facts, '总分 == ["得 分/"] + é')) == ["0: 10: é 7 | 得 分~1 6 | 总分 7"]

    def test_one_cell_that_two_lists_of_an_alias_share_is_one_cell(self) -> None:
        facts = Facts(
            {"/t": cell("9"), "/rows/0/x": cell("3"), "/alias/0/x": cell("3")}, {"/rows": 1, "/alias": 1}, {"/alias/0/x": "/rows/0/x"}
        )
        given = Problem(
            facts,
            (Owed(parse("t == sum(alias[*].x)")), Owed(parse("sum(rows[*].x) >= 4"))),
            (suspect(facts, "rows/0/x"), suspect(facts, "t")),
        )
        assert told(given) == ["0,1: 10: rows/0/x 9"]


class TestWeights:
    """The cheapest sets stand, all of them; who is firm is never touched."""

    def test_the_cheapest_set_stands_alone(self) -> None:
        assert told(problem({"t": "10", "a": "3", "b": "4"}, "t == a + b", weights={"a": 9})) == ["0: 9: a 6"]

    def test_two_cheap_cells_are_blamed_before_one_that_is_dearer_than_both(self) -> None:
        cells, checks = {"a": "3", "b": "3", "c": "3", "k": "5"}, ["a == k", "b == k", "c >= 0"]
        assert told(problem(cells, *checks, weights={"k": 25})) == ["0: 10: a 5", "1: 10: b 5"]
        assert told(problem(cells, *checks, weights={"k": 15})) == ["0,1: 15: k 3"]
        assert told(problem(cells, *checks, weights={"k": 20})) == ["0,1: 20: a 5, b 5 | k 3"]

    def test_a_suspect_of_infinite_weight_is_never_touched(self) -> None:
        assert told(problem({"t": "10", "a": "3", "b": "4"}, "t == a + b", weights={"t": None})) == ["0: 10: a 6 | b 7"]
        assert told(problem({"t": "10", "a": "3", "b": "4"}, "t == a + b", "b == 4", weights={"t": None, "b": 500})) == ["0: 10: a 6"]

    def test_a_check_without_anybody_to_doubt_has_no_explanation(self) -> None:
        firm = dict.fromkeys("tab")
        assert told(problem({"t": "10", "a": "3", "b": "4"}, "t == a + b", weights=firm)) == ["0: no explanation"]

    def test_a_cell_that_is_no_suspect_is_never_touched(self) -> None:
        facts = record({"t": "10", "a": "3", "b": "4"})
        assert told(Problem(facts, (Owed(parse("t == a + b")),), (suspect(facts, "a"),))) == ["0: 10: a 6"]


class TestBlocks:
    """Checks that share a suspect are explained together, others for themselves."""

    def test_checks_without_a_common_suspect_are_explained_separately(self) -> None:
        cells = {"t": "10", "a": "3", "b": "4", "u": "5", "c": "4"}
        assert told(problem(cells, "t == a + b", "u == c")) == ["0: 10: a 6 | b 7 | t 7", "1: 10: c 5 | u 4"]

    def test_checks_that_share_only_a_firm_cell_are_explained_separately(self) -> None:
        cells = {"t": "10", "a": "3", "k": "4", "u": "5", "c": "4"}
        assert told(problem(cells, "t == a + k", "u == c + k", weights={"k": None})) == ["0: 10: a 6 | t 7", "1: 10: c 1 | u 8"]

    def test_a_check_that_holds_is_kept_by_what_mends_another(self) -> None:
        cells = {"t": "10", "a": "3", "b": "4", "c": "4"}
        assert told(problem(cells, "t == a + b", "b == c", "t <= 12")) == ["0: 10: a 6 | t 7"]
        assert told(problem(cells, "t == a + b", "b == c", "t >= 9", "a <= 5")) == ["0: 20: b 7, c 7 | t 9, a 5"]

    def test_two_errors_under_one_total_need_two_cells(self) -> None:
        cells = {"a": "9", "b": "2", "c": "3", "ab": "5", "bc": "9", "abc": "8"}
        assert told(problem(cells, "ab == a + b", "bc == b + c", "abc == a + b + c")) == ["0,1,2: 20: a -1, b 6 | a 3, bc 5 | b -4, bc -1"]

    def test_the_weight_of_a_block_is_that_of_its_own_sets(self) -> None:
        cells = {"a": "3", "k": "5", "u": "9", "c": "4", "b": "3"}
        found = localise(problem(cells, "a == k", "u == c", "b <= a + u", weights={"u": 30}))
        assert [(block.failing, block.weight, block.status) for block in found.blocks] == [
            ((0,), 10, Status.FOUND),
            ((1,), 10, Status.FOUND),
        ]
        assert found.status is Status.FOUND

    def test_the_weight_of_a_block_that_was_parted_holds_what_its_unusual_prints_cost(self) -> None:
        facts = record({"a": "3", "k": "5", "u": "9", "c": "4", "b": "3", "m": "1"})
        firm = {"k": None, "u": None, "b": None}
        decimals = [suspect(facts, "a", whole=False)]
        checks = ["a * 2 == k", "u == c", "b <= a + m", "m <= c + 9"]
        assert told(problem(facts, *checks, weights=firm, suspects=decimals)) == [f"0: {WEIGHT + UNUSUAL}: a 2.5", "1: 10: c 9"]

    def test_a_rule_over_three_hundred_cells_blames_each_of_them_quickly(self) -> None:
        cells = {"t": "299"} | {f"rows/{row}/x": "1" if row else "7" for row in range(299)}
        started = perf_counter()
        found = localise(problem(cells, "t == sum(rows[*].x)", rows=299))
        assert perf_counter() - started < SECONDS
        (block,) = found.blocks
        assert (block.status, block.weight, len(block.explanations)) == (Status.FOUND, 10, 300)
        assert block.explanations[0] == Explanation(("/rows/0/x",), *[{"/rows/0/x": Feasible(ONE, ONE)}] * 2)
        assert block.explanations[-1] == Explanation(("/t",), *[{"/t": Feasible(Fraction(305), Fraction(305))}] * 2)


class TestCoupledChecks:
    """Linear checks that hang together are decided together, where each for itself leaves room."""

    def test_two_sums_of_the_same_cells_that_differ_have_no_explanation(self) -> None:
        assert told(problem({"a": "1", "b": "1"}, "a + b == 10", "a + b == 12")) == ["0,1: no explanation"]

    def test_a_sum_and_a_difference_are_solved(self) -> None:
        assert told(problem({"a": "1", "b": "1"}, "a + b == 10", "a - b == 2")) == ["0,1: 20: a 6, b 4"]

    def test_a_sum_and_a_difference_without_whole_numbers_have_no_explanation(self) -> None:
        assert told(problem({"a": "1", "b": "1"}, "a + b == 10", "a - b == 3")) == ["0,1: no explanation"]

    def test_three_coupled_sums_are_solved(self) -> None:
        cells = {"a": "0", "b": "0", "c": "0"}
        assert told(problem(cells, "a + b == 10", "b + c == 12", "a + c == 14")) == ["0,1,2: 30: a 6, b 4, c 8"]

    def test_a_third_free_cell_with_a_bound_of_its_own_does_not_refute_two_coupled_ones(self) -> None:
        cells = {"a": "7", "b": "5", "s": "1902", "d": "900", "c": "0"}
        weights = {"s": None, "d": 100}
        assert told(problem(cells, "a + b == s", "a - b == d", "d <= c", weights=weights)) == ["0,1: 20: a 1401, b 501", "2: 10: c 900.."]


class TestTooMany:
    """Where a cap is met the block says so, and nothing else; others are explained."""

    def test_more_than_three_hundred_equal_sets_are_too_many(self) -> None:
        cells = {"t": "300"} | {f"rows/{row}/x": "1" if row else "7" for row in range(300)}
        assert told(problem(cells, "t == sum(rows[*].x)", rows=300)) == ["0: too many errors"]

    @pytest.mark.parametrize(("cap", "least"), [("MAX_TESTS", 0), ("MAX_STEPS", 0), ("MAX_SETS", 2)])
    def test_each_cap_ends_the_search_of_its_block_only(self, cap: str, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
        given = problem({"t": "10", "a": "3", "b": "4", "u": "5", "c": "4"}, "t == a + b", "u == c", weights={"c": None})
        monkeypatch.setattr(reconcile, cap, least)
        blocks = localise(given).blocks
        assert blocks[0] == Block((0,), Status.TOO_MANY)
        assert localise(given).status is Status.TOO_MANY
        assert blocks[1].status is (Status.FOUND if cap == "MAX_SETS" else Status.TOO_MANY)

    def test_failing_checks_of_one_part_are_tried_for_themselves_where_together_they_are_too_many(self) -> None:
        cells = {f"{name}{number}": "5" for name in "abcdefg" for number in range(3)} | {f"t{number}": "36" for number in range(3)}
        sums = [f"t{number} == " + " + ".join(f"{name}{number}" for name in "abcdefg") for number in range(3)]
        assert [len(block.explanations) for block in localise(problem(cells, *sums)).blocks] == [8, 8, 8]
        coupled = problem(cells, *sums, "a0 + a1 + a2 >= 0")
        assert told(coupled) == ["0: too many errors", "1: too many errors", "2: too many errors"]

    def test_a_record_full_of_contradictions_ends_in_time(self) -> None:
        chance = Random(1)
        cells = {f"x{number}": str(chance.randint(0, 99)) for number in range(24)}
        sums = [f"x{number} == x{chance.randrange(24)} + x{chance.randrange(24)}" for number in range(24)]
        sums = [check for check in sums if len(set(check.replace("== ", "").replace("+ ", "").split())) == 3]
        started = perf_counter()
        found = localise(problem(cells, *sums))
        assert perf_counter() - started < 10 * SECONDS
        assert found.status is Status.TOO_MANY


class TestBlanksAndRows:
    """A blank that was printed, a row that is lost, a row read twice."""

    def test_a_blank_is_a_free_cell_where_it_is_a_suspect(self) -> None:
        facts = record({"t": "10", "a": "3"})
        assert told(problem(facts, "t == sum(a, b)", suspects=[suspect(facts, "b", 5)])) == ["0: 5: b 7"]
        assert told(problem(facts, "t == sum(a, b)")) == ["0: 10: a 10 | t 3"]

    def test_a_blank_must_fit_every_check_that_reads_it_also_those_not_applicable_before(self) -> None:
        facts = record({"t": "10", "a": "3", "u": "9"})
        blank = suspect(facts, "b", 5)
        assert told(problem(facts, "t == sum(a, b)", "u == b + 2", suspects=[blank])) == ["0: 5: b 7"]
        assert told(problem(facts, "t == sum(a, b)", "u == b + 3", suspects=[blank])) == ["0: 10: a 10 | t 3"]

    def test_a_check_for_presence_is_mended_by_the_blank_alone(self) -> None:
        facts = record({"a": "3"})
        assert told(problem(facts, "present(b)", suspects=[suspect(facts, "b", 5)])) == ["0: 5: b .."]

    def test_a_lost_row_explains_a_sum(self) -> None:
        facts = record({"t": "7", "rows/0/x": "3"}, 1)
        lost = Suspect("/rows/-", 8, ("/rows/-/x",), {"/rows/-/x": ONE}, rows=("/rows/-",), signed=False)
        assert told(problem(facts, "t == sum(rows[*].x)", suspects=[lost], more_rows=LOST)) == ["0: 8: rows/- 4"]
        assert told(problem(facts, "t == sum(rows[*].x)", suspects=[lost])) == ["0: 10: rows/0/x 7 | t 3"]

    def test_a_lost_row_explains_a_sum_and_a_count_together_and_keeps_the_checks_of_its_rows(self) -> None:
        facts = record({"t": "7", "n": "2", "rows/0/x": "3"}, 1)
        lost = Suspect("/rows/-", 15, ("/rows/-/x",), {"/rows/-/x": ONE}, rows=("/rows/-",), signed=False)
        checks = ["t == sum(rows[*].x)", "n == count(rows[*])"]
        assert told(problem(facts, *checks, suspects=[lost], more_rows=LOST)) == ["0,1: 15: rows/- 4"]
        small = Owed(parse("x <= 3"), "/rows/-")
        assert told(problem(facts, *checks, small, suspects=[lost], more_rows=LOST)) == ["0: 10: rows/0/x 7 | t 3", "1: 10: n 1"]

    @pytest.mark.parametrize(("count", "blame"), [("1", "0: 20: n 2"), ("3", "0: 15: rows/- 0.."), ("5", "0: 20: n 2")])
    def test_a_lost_row_is_one_row(self, count: str, blame: str) -> None:
        facts = record({"n": count, "rows/0/x": "3", "rows/1/x": "4"}, 2)
        lost = Suspect("/rows/-", 15, ("/rows/-/x",), {"/rows/-/x": ONE}, rows=("/rows/-",), signed=False)
        assert told(problem(facts, "n == count(rows[*])", suspects=[lost], weights={"n": 20}, more_rows=LOST)) == [blame]

    def test_a_row_read_twice_explains_a_sum_by_being_taken_away(self) -> None:
        facts = record({"t": "7", "rows/0/x": "3", "rows/1/x": "4", "rows/2/x": "4"}, 3)
        doubled = Suspect("/rows/2", 8, ("/rows/2/x",), rows=("/rows/2",), gone=True)
        assert told(problem(facts, "t == sum(rows[*].x)", suspects=[doubled])) == ["0: 8: rows/2"]
        assert told(problem(facts, "t == sum(rows[*].x)", "t == 7", Owed(parse("present(x)"), "/rows/2"), suspects=[doubled])) == [
            "0: 10: rows/0/x -1 | rows/1/x 0 | rows/2/x 0"
        ]

    @pytest.mark.parametrize("count", ["count(rows[*])", "count(rows[*].x)"])
    def test_a_row_read_twice_explains_a_sum_and_a_count_together(self, count: str) -> None:
        facts = record({"t": "7", "n": "2", "rows/0/x": "3", "rows/1/x": "4", "rows/2/x": "4"}, 3)
        doubled = Suspect("/rows/2", 8, ("/rows/2/x",), rows=("/rows/2",), gone=True)
        assert told(problem(facts, "t == sum(rows[*].x)", f"n == {count}", suspects=[doubled])) == ["0,1: 8: rows/2"]

    def test_a_doubled_row_that_no_check_misses_is_not_blamed(self) -> None:
        facts = record({"t": "11", "rows/0/x": "3", "rows/1/x": "4", "rows/2/x": "4"}, 3)
        doubled = Suspect("/rows/2", 8, ("/rows/2/x",), rows=("/rows/2",), gone=True)
        assert localise(problem(facts, "t == sum(rows[*].x)", suspects=[doubled])) == Localisation()

    def test_a_doubled_row_without_cells_is_counted_no_more(self) -> None:
        facts = record({"n": "2", "rows/0/x": "3"}, 3)
        doubled = Suspect("/rows/2", 8, (), rows=("/rows/2",), gone=True)
        assert told(problem(facts, "n == count(rows[*])", suspects=[doubled])) == ["0: 8: rows/2"]

    def test_a_check_that_is_known_to_hold_is_not_found_to_fail(self) -> None:
        facts = record({"t": "10", "a": "3", "u": "5", "c": "4"})
        assert told(problem(facts, Owed(parse("t == a"), holds=True), "u == c")) == ["1: 10: c 5 | u 4"]

    def test_a_check_that_is_known_to_hold_is_kept_by_what_mends_another(self) -> None:
        facts = record({"t": "3", "a": "3", "c": "4"})
        assert told(problem(facts, Owed(parse("t == a"), holds=True), "a == c")) == ["1: 10: c 3"]


class TestSuspects:
    """What a suspect may say besides its weight."""

    @pytest.mark.parametrize("signed", [True, False])
    def test_a_figure_with_more_decimals_costs_more(self, signed: bool) -> None:
        facts = record({"t": "10", "a": "4", "n": "3"})
        given = Problem(facts, (Owed(parse("t == a * n")),), (suspect(facts, "n", whole=False, signed=signed),))
        assert told(given) == [f"0: {WEIGHT + UNUSUAL}: n 2.38..2.74"]

    def test_a_figure_that_is_whole_has_no_decimals_at_any_cost(self) -> None:
        facts = record({"t": "10", "a": "4", "n": "3"})
        assert told(Problem(facts, (Owed(parse("t == a * n")),), (suspect(facts, "n"),))) == ["0: no explanation"]

    @pytest.mark.parametrize(("whole", "signed", "weight"), [(True, True, 10), (True, False, 11), (False, True, 10), (False, False, 11)])
    def test_a_negative_figure_costs_more_unless_it_is_signed(self, whole: bool, signed: bool, weight: int) -> None:
        facts = record({"t": "8", "a": "4", "n": "3"})
        given = Problem(facts, (Owed(parse("0 - t == a * n")),), (suspect(facts, "n", whole=whole, signed=signed),))
        assert told(given) == [f"0: {weight}: n -2"]

    def test_the_reach_holds_prints_unlike_those_of_the_column_too(self) -> None:
        facts = record({"t": "11", "a": "4", "n": "9"})
        given = Problem(facts, (Owed(parse("t == a * n")),), (suspect(facts, "n", whole=False, signed=False),))
        assert told(given) == ["0: 11: n 2.63..2.99"]
        given = Problem(facts, (Owed(parse("t >= a * n")),), (suspect(facts, "n", whole=False, signed=False),))
        assert (told(given), told(given, reach=True)) == (["0: 10: n 0..2"], ["0: 10: n ..2.75"])

    def test_a_certain_suspect_is_doubted_with_the_failing_checks_that_read_it(self) -> None:
        facts = record({"t": "10", "a": "3", "b": "4", "u": "9", "c": "1"})
        certain = [suspect(facts, "a", certain=True)]
        assert told(problem(facts, "t == a + b", suspects=certain)) == ["0: 10: a 6"]
        assert told(problem(facts, "u == b + c", suspects=certain)) == ["0: 10: b 8 | c 5 | u 5"]
        assert told(problem(facts, "t == a + b", "u == b + c", suspects=certain)) == ["0,1: 20: a 2, b 8 | a 6, c 5 | a 6, u 5"]

    def test_of_more_than_six_certain_suspects_none_is(self) -> None:
        facts = record({"t": "70"} | dict.fromkeys("abcdefg", "1"))
        check = "t == a + b + c + d + e + f + g"
        certain = [suspect(facts, name, certain=True) for name in "abcdefg"]
        assert [block.weight for block in localise(problem(facts, check, suspects=certain[:6])).blocks] == [60]
        assert [block.weight for block in localise(problem(facts, check, suspects=certain)).blocks] == [10]

    def test_doubting_a_suspect_may_change_the_last_places_of_cells(self) -> None:
        facts = Facts({"/y": Quantity(Fraction(33, 10), Fraction(1, 100), "3.3"), "/a": cell("10"), "/z": cell("3.33")}, {})
        column = Suspect("/z", 7, ("/z",), {"/z": Fraction(1, 100)}, ulps={"/y": Fraction(1, 10)})
        assert told(problem(facts, "y == a / 3")) == ["0: 10: y 3.33"]
        assert told(problem(facts, "y == a / 3", "z >= 3", suspects=[column])) == ["0: 7: z 3.."]

    def test_a_surprising_range_costs_more(self) -> None:
        facts = record({"t": "10", "a": "3", "b": "4"})
        seen: list[Mapping[str, Feasible]] = []

        def surprise(price: int) -> Callable[[Mapping[str, Feasible]], int]:
            return lambda wanted: seen.append(wanted) or price

        for price, blame in ((0, "0: 10: a 6 | b 7 | t 7"), (5, "0: 10: b 7 | t 7")):
            assert told(problem(facts, "t == a + b", suspects=[suspect(facts, "a", surprise=surprise(price))])) == [blame]
        dear = [suspect(facts, "a", surprise=surprise(5))]
        assert told(problem(facts, "t == a + b", suspects=dear, weights={"b": 15, "t": 16})) == ["0: 15: a 6 | b 7"]
        assert seen
        assert all(wanted == {"/a": Feasible(Fraction(6), Fraction(6))} for wanted in seen)

    @pytest.mark.parametrize("check", ["a == b + c", "a == b / d", 'g == band(a + c, 3, "P", "Q")'])
    def test_a_check_that_is_not_applicable_shields_none_of_its_cells(self, check: str) -> None:
        cells = {"a": "5", "b": "3", "c": "约3", "d": "0", "g": "P", "u": "6"}
        assert told(problem(cells, check, "a == u")) == ["1: 10: a 6 | u 5"]

    def test_a_check_that_names_its_print_on_both_sides_is_explained(self) -> None:
        assert told(problem({"a": "5", "b": "3"}, "a == a + b")) == ["0: 10: b 0"]


class TestOrder:
    """The same problem gives the same answer, in the same order, everywhere."""

    def test_sets_come_in_the_order_of_names_and_names_in_the_order_of_the_problem(self) -> None:
        cells = {"z": "3", "y": "5", "b": "9", "a": "4"}
        given = problem(cells, "z == y", "b == a", "z + b >= 0", "z + a >= -9", "y + b >= -9")
        names = [one.suspects for block in localise(given).blocks for one in block.explanations]
        assert names == [("/y", "/a"), ("/y", "/b"), ("/z", "/a"), ("/z", "/b")]

    def test_the_answer_is_the_same_each_time(self) -> None:
        given = problem({"a": "1", "b": "1", "c": "9"}, "a + b == 10", "a - b == 2", "c == a + b")
        assert {repr(localise(given)) for _ in range(5)} == {repr(localise(given))}

    def test_the_answer_is_the_same_whatever_the_seed_of_hashes(self) -> None:
        checks = ["a + b == 10", "a - b == 2", "c + d == a", "d + e == 7 + b", "e <= 1"]
        assert len({_answer_under(seed, {"a": 1, "b": 1, "c": 9, "d": 4, "e": 2}, checks) for seed in range(4)}) == 1

    def test_the_ends_of_ranges_in_company_hold_whatever_the_seed_of_hashes(self) -> None:
        for seed in range(4):
            answer = _answer_under(seed, {"a": 9000, "b": -50, "s": 100}, ["b >= 0", "s == a - b", "b <= 40", "s == 100"])
            assert "'/a': Feasible(low=Fraction(100, 1), high=Fraction(140, 1))" in answer
            assert "'/b': Feasible(low=Fraction(0, 1), high=Fraction(40, 1))" in answer


_SCRIPT = """
import sys
from fractions import Fraction
from structurer.arithmetic.checks import Facts, Quantity, parse
from structurer.localisation.reconcile import Owed, Problem, Suspect, localise
one = Fraction(1)
cells = {f"/{name}": Quantity(Fraction(value), one, value) for name, value in (pair.split("=") for pair in sys.argv[1].split(","))}
suspects = tuple(Suspect(cell, 10, (cell,), {cell: one}, whole=True) for cell in cells)
print(localise(Problem(Facts(cells, {}), tuple(Owed(parse(check)) for check in sys.argv[2:]), suspects)))
"""


def _answer_under(seed: int, cells: Mapping[str, int], checks: Sequence[str]) -> str:
    """What a fresh interpreter prints of one problem."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    values = ",".join(f"{name}={value}" for name, value in cells.items())
    command = [sys.executable, "-c", _SCRIPT, values, *checks]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_ranges_know_their_members_their_single_value_and_how_to_grow() -> None:
    closed, open_ = Feasible(ONE, Fraction(2)), Feasible(None, Fraction(2))
    assert (ONE in closed, Fraction(3) in closed, Fraction(-9) in open_, Fraction(3) in open_) == (True, False, True, False)
    assert (closed.only, open_.only, Feasible(ONE, ONE).only) == (None, None, ONE)
    assert (closed.widened(ONE), open_.widened(ONE)) == (Feasible(Fraction(0), Fraction(3)), Feasible(None, Fraction(3)))


def _statuses(blocks: Sequence[Status]) -> Status:
    return Localisation(tuple(Block((number,), status) for number, status in enumerate(blocks))).status


def test_the_status_of_a_record_is_the_worst_of_its_blocks() -> None:
    assert _statuses([]) is Status.HOLDS
    assert _statuses([Status.FOUND, Status.FOUND]) is Status.FOUND
    assert _statuses([Status.FOUND, Status.NO_EXPLANATION]) is Status.NO_EXPLANATION
    assert _statuses([Status.TOO_MANY, Status.NO_EXPLANATION]) is Status.TOO_MANY
