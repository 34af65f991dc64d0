"""Who may be doubted when checks fail, and at what cost."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from made import LINES, NUMBER, PAGE, PURCHASE, on_page, purchase

from structurer.contracts.contract import load
from structurer.judging.confront import figures
from structurer.judging.suspects import (
    BLANK,
    COST,
    DOUBLED_ROW,
    GAP,
    LEFT,
    LOST_ROW,
    ODD,
    UNPRINTED,
    UNPRINTED_GAP,
    UNREADABLE,
    Evidence,
    Form,
    Support,
    problem,
)  # fmt: skip
from structurer.localisation.reconcile import WEIGHT, Feasible, Problem, Status, Suspect, localise


def alone(form, texts, rows=None, evidence=None) -> Problem:
    rows = rows if rows is not None else {"/lines": sum(place.endswith("/price") for place in texts)}
    return problem(Form(form, figures(form, texts, rows), *([evidence] if evidence else [])))


def suspects(found: Problem) -> dict[str, Suspect]:
    return {suspect.name: suspect for suspect in found.suspects}


def weights(found: Problem) -> dict[str, int | None]:
    return {name: suspect.weight for name, suspect in suspects(found).items()}


def blamed(found: Problem) -> list[tuple[str, ...]]:
    return [one.suspects for block in localise(found).blocks for one in block.explanations]


def sums(properties: dict[str, Any], *checks: str):
    return load({"type": "object", "properties": properties, "x-checks": list(checks)}, kind="k")


def test_every_cell_is_doubted_alike_where_nothing_is_known():
    found = weights(alone(PURCHASE, purchase("1.20", "2.30", total="3.50")))
    assert found == {"/lines/0/price": WEIGHT, "/lines/1/price": WEIGHT, "/total": WEIGHT, "/lines/-": LOST_ROW}


def test_a_list_that_was_not_found_may_have_lost_a_row():
    form = sums({"a": NUMBER, "b": NUMBER, "lines": LINES}, "a == b", "a == sum(lines[*].price)")
    found = suspects(alone(form, {"/a": "1.00", "/b": "2.00"}, rows={}))
    assert {"/a", "/b"} <= found.keys()


@pytest.mark.parametrize("support", list(Support))
def test_the_cost_of_a_doubt_is_that_of_the_evidence(support):
    found = suspects(alone(PURCHASE, purchase("1.20", total="3.50"), evidence=Evidence({"/total": support})))
    assert found["/total"].weight == COST[support]
    assert found["/total"].certain is (support is Support.ABSENT)


def test_better_evidence_costs_more_and_a_confirmed_value_is_never_doubted():
    ranked = [COST[one] for one in (Support.ABSENT, Support.ELSEWHERE, Support.PLACED, Support.AGREED)]
    assert ranked == sorted(set(ranked))
    assert COST[Support.CONFIRMED] is None
    found = alone(PURCHASE, purchase("1.20", total="3.50"), evidence=Evidence({"/total": Support.CONFIRMED}))
    assert blamed(found) == [("/lines/0/price",)]


@pytest.mark.parametrize(("sure", "weight"), [(1.0, 100), (0.999, 100), (0.99, 67), (0.9, 33), (0.5, 10), (0.0, 10)])
def test_what_a_recogniser_was_not_sure_of_costs_less(sure, weight):
    evidence = Evidence({"/total": Support.PLACED}, {"/total": sure})
    assert weights(alone(PURCHASE, purchase("1.20", total="3.50"), evidence=evidence))["/total"] == weight


def test_confidence_never_makes_a_doubt_cheaper_than_one_of_which_nothing_is_known():
    evidence = Evidence({"/total": Support.ELSEWHERE}, {"/total": 0.01})
    assert weights(alone(PURCHASE, purchase("1.20", total="3.50"), evidence=evidence))["/total"] == WEIGHT


@pytest.mark.parametrize(
    ("check", "words"),
    [("n == 1", set()), ('t == "x"', {"/t"}), ('c == "1"', {"/c"}), ('u == "元" || $.t != c', {"/u", "/t", "/c"}), ("present(t)", {"/t"})],
)
def test_words_are_doubted_only_where_a_check_names_them(check, words):
    form = sums({"c": {"x-kind": "code"}, "u": {"x-kind": "unit"}, "t": {"type": "string"}, "d": {"x-kind": "date"}, "n": NUMBER}, check)
    found = suspects(alone(form, {"/c": "1", "/u": "元", "/t": "x", "/d": "2025-01-02", "/n": "1"}, {}))
    assert set(found) == {"/d", "/n"} | words
    assert (found["/d"].steps, found["/d"].whole) == ({"/d": 1}, True)
    assert [found[place].steps for place in words] == [{}] * len(words)


def test_words_of_rows_are_doubted_where_a_check_names_them_from_within_or_without():
    for form in (
        sums({"lines": LINES}, "count(lines[*].article) == 2"),
        load({"type": "object", "properties": {"lines": {**LINES, "items": {**LINES["items"], "x-checks": ['article != ""']}}}}, kind="k"),
    ):
        found = suspects(alone(form, {"/lines/0/article": "a", "/lines/1/article": "b"}, {"/lines": 2}))
        assert {"/lines/0/article", "/lines/1/article"} <= set(found)


def test_a_figure_lies_on_the_grid_of_its_column():
    found = suspects(alone(PURCHASE, purchase("1.2", "2.30", "4", total="7")))
    assert found["/lines/0/price"].steps == {"/lines/0/price": Fraction(1, 100)}
    assert found["/total"].steps == {"/total": 1}
    assert not found["/total"].whole


def test_a_grid_is_in_base_units():
    form = sums({"n": {**NUMBER, "x-unit": "万元"}, "e": {"x-kind": "expression"}}, "n == e")
    found = suspects(alone(form, {"/n": "1.5", "/e": "5000*3"}, {}))
    assert found["/n"].steps == {"/n": 1000}
    assert found["/e"].steps == {}


def test_whole_numbers_have_no_decimals_to_find():
    form = sums({"i": {"type": "integer"}, "y": {"x-kind": "year"}, "n": NUMBER}, "n == i + y")
    found = suspects(alone(form, {"/i": "1", "/y": "2024", "/n": "2025"}, {}))
    assert [found[place].whole for place in ("/i", "/y", "/n")] == [True, True, False]


def test_a_column_with_a_negative_figure_may_have_another():
    found = suspects(alone(PURCHASE, purchase("1.20", "-2.30", total="3.50")))
    assert (found["/lines/0/price"].signed, found["/total"].signed) == (True, False)


def test_a_figure_with_decimals_unlike_all_others_of_its_column_is_odd():
    found = weights(alone(PURCHASE, purchase("1.20", "2.30", "405", total="7.55")))
    assert found["/lines/2/price"] == WEIGHT - ODD
    found = weights(alone(PURCHASE, purchase("1.2", "2.3", "4.05", total="7.55")))
    assert found["/lines/2/price"] == WEIGHT - ODD


@pytest.mark.parametrize("prices", [("1.2", "2.3", "4.00"), ("1.20", "405"), ("1.20", "2.3", "4", "1.25")])
def test_further_zeros_few_figures_and_mixed_decimals_are_nothing_odd(prices):
    found = weights(alone(PURCHASE, purchase(*prices, names=("a", "b", "c", "d"))))
    assert {found[f"/lines/{number}/price"] for number in range(len(prices))} == {WEIGHT}


def test_who_alone_has_more_decimals_sets_the_slack_of_the_others():
    found = suspects(alone(PURCHASE, purchase("1.2", "2.3", "4.05")))
    assert found["/lines/2/price"].ulps == {f"/lines/{number}/price": Fraction(1, 10) for number in range(3)}
    assert found["/lines/2/price"].steps == {"/lines/2/price": Fraction(1, 10)}
    assert found["/lines/0/price"].ulps == {}


def test_a_print_that_is_none_of_its_kind_is_wrong_in_any_case():
    found = suspects(alone(PURCHASE, purchase("1.20", "2.x0", total="3.50")))
    assert (found["/lines/1/price"].weight, found["/lines/1/price"].certain) == (UNREADABLE, True)
    assert blamed(alone(PURCHASE, purchase("1.20", "2.x0", total="3.50"))) == [("/lines/1/price",)]


def test_a_figure_beside_one_that_cannot_be_read_is_not_blamed_for_it():
    assert blamed(alone(PURCHASE, purchase("1.20", "2.x0", "4.05", total="7.55"))) == [("/lines/1/price",)]


def test_a_blank_may_have_been_printed_and_a_gap_in_a_full_column_rather():
    form = sums({"a": NUMBER, "b": NUMBER, "t": NUMBER, "x": {"type": "string"}}, "t == sum(a, b)")
    found = suspects(alone(form, {"/a": "1", "/t": "3"}, {}))
    assert (found["/b"].weight, found["/b"].signed, "/x" in found) == (BLANK, False, False)
    assert weights(alone(PURCHASE, purchase("1.20", None, "4.05")))["/lines/1/price"] == GAP
    assert weights(alone(PURCHASE, purchase("1.20", None, None, "4.05", names=("a", "b", "c", "d"))))["/lines/1/price"] == GAP
    assert weights(alone(PURCHASE, purchase("1.20", None, None, None, names=("a", "b", "c", "d"))))["/lines/1/price"] == BLANK
    assert weights(alone(PURCHASE, purchase("1.20", None)))["/lines/1/price"] == BLANK


def test_rows_may_be_lost_from_lists_that_a_check_adds_up_or_counts():
    form = sums({"lines": LINES, "other": LINES, "more": LINES, "n": NUMBER}, "n == count(lines[*])", "n == sum(other[*].price)")
    found = alone(form, {"/n": "0"}, {"/lines": 0, "/other": 0, "/more": 0})
    assert set(found.more_rows) == {"/lines", "/other"}
    assert {name for name in weights(found) if name.endswith("/-")} == {"/lines/-", "/other/-"}
    assert "/lines/-/price" in suspects(found)["/lines/-"].cells


def test_a_list_in_every_row_of_a_list_may_have_lost_a_row():
    inner = {
        **LINES,
        "items": {"type": "object", "properties": {"parts": LINES, "price": NUMBER}, "x-checks": ["price == sum(parts[*].price)"]},
    }
    form = load({"type": "object", "properties": {"lines": inner}}, kind="k")
    found = alone(form, {}, {"/lines": 2, "/lines/0/parts": 1, "/lines/1/parts": 0})
    assert set(found.more_rows) == {"/lines/0/parts", "/lines/1/parts"}


def test_a_check_of_each_row_is_owed_by_the_row_that_was_lost_too():
    row = {"type": "object", "properties": {"a": NUMBER, "b": NUMBER}, "x-checks": ["a == b"]}
    form = sums({"rows": {"type": "array", "items": row}, "t": NUMBER}, "t == sum(rows[*].a)")
    assert sorted(one.scope for one in alone(form, {}, {"/rows": 1}).owed) == ["", "/rows/-", "/rows/0"]


def test_a_row_read_twice_may_be_one_too_many():
    found = suspects(alone(PURCHASE, purchase("1.20", "2.30", "2.30", names=("Apple", "Pear", "Pear"))))
    assert (found["/lines/2"].weight, found["/lines/2"].gone) == (DOUBLED_ROW, True)
    assert found["/lines/2"].cells == ("/lines/2/article", "/lines/2/price")
    assert "/lines/1" not in found


def test_rows_that_differ_in_anything_or_are_blank_were_not_read_twice():
    names = {name for name in suspects(alone(PURCHASE, purchase("2.30", "2.30", names=("Apple", "Pear")))) if name.count("/") == 2}
    assert names == {"/lines/-"}
    assert "/lines/1" not in suspects(alone(PURCHASE, purchase(None, None, names=(None, None))))


def test_a_row_whose_values_all_stand_was_hardly_read_twice():
    page = "Apple 1.20\nPear 2.30\nPear 2.30\nTotal 3.50\n"
    texts = purchase("1.20", "2.30", "2.30", total="3.50", names=("Apple", "Pear", "Pear"))
    assert weights(problem(on_page(PURCHASE, page, texts).form))["/lines/2"] == DOUBLED_ROW + UNPRINTED
    once = page.replace("Pear 2.30\nPear", "Pear")
    assert weights(problem(on_page(PURCHASE, once, texts).form))["/lines/2"] == DOUBLED_ROW


@pytest.mark.parametrize(
    ("page", "cost"), [(PAGE, 0), (PAGE.replace("2.30", ""), UNPRINTED_GAP), (PAGE.replace("2.30", "2.40"), UNPRINTED_GAP)]
)
def test_a_blank_is_as_likely_as_the_page_has_a_figure_left_for_it(page, cost):
    found = suspects(problem(on_page(PURCHASE, page, purchase("1.20", None, "4.05")).form))["/lines/1/price"]
    assert found.surprise is not None
    assert found.surprise({"/lines/1/price": Feasible(Fraction("2.3"), Fraction("2.3"))}) == cost


@pytest.mark.parametrize(("page", "cost"), [("Sum 3\nOne 1\n2", 0), ("Sum 3\nOne 1\n", UNPRINTED)])
def test_a_blank_that_is_no_gap_is_as_likely_too(page, cost):
    form = sums({"t": NUMBER, "a": NUMBER, "b": NUMBER}, "t == sum(a, b)")
    found = suspects(problem(on_page(form, page, {"/t": "3", "/a": "1"}, {}).form))["/b"]
    assert found.surprise({"/b": Feasible(Fraction(2), Fraction(2))}) == cost


def test_a_figure_that_stands_is_doubted_for_less_where_the_page_has_another_left_for_it():
    page = PAGE.replace("2.30", "2.30\t2.40").replace("7.55", "7.65")
    found = problem(on_page(PURCHASE, page, purchase("1.20", "2.30", "4.05", total="7.65")).form)
    assert weights(found)["/lines/1/price"] == COST[Support.PLACED] > LEFT
    assert blamed(found) == [("/lines/1/price",)]
    assert len(blamed(problem(on_page(PURCHASE, page.replace("2.40", "2.50"), purchase("1.20", "2.30", "4.05", total="7.65")).form))) == 4


def test_a_lost_row_is_as_likely_as_the_page_has_figures_left_for_it():
    for page, cost in ((PAGE, 0), (PAGE.replace("Plum 4.05\n", ""), UNPRINTED)):
        found = suspects(problem(on_page(PURCHASE, page, purchase("1.20", "2.30")).form))["/lines/-"]
        assert found.surprise is not None
        assert found.surprise({"/lines/-/price": Feasible(Fraction("4.05"), Fraction("4.05"))}) == cost


def test_nothing_is_localised_where_every_check_holds():
    assert localise(alone(PURCHASE, purchase("1.20", "2.30", total="3.50"))).status is Status.HOLDS


def test_a_slip_and_a_repeated_figure_are_likelier_than_others():
    found = suspects(alone(PURCHASE, purchase("1.20", "2.80", "4.05")))
    exact = {name: Feasible(Fraction(wanted), Fraction(wanted)) for name, wanted in (("/lines/1/price", "2.3"), ("/lines/0/price", "9.99"))}
    assert found["/lines/1/price"].surprise({"/lines/1/price": exact["/lines/1/price"]}) == 1
    assert found["/lines/0/price"].surprise({"/lines/0/price": exact["/lines/0/price"]}) == 2


def test_a_lost_row_counts_as_a_row():
    form = sums({"lines": LINES, "n": {"type": "integer"}, "total": NUMBER}, "n == count(lines[*])", "total == sum(lines[*].price)")
    texts = purchase("1.20", "2.30", "4.05", total="7.65") | {"/n": "3"}
    stands = Evidence(dict.fromkeys(texts, Support.PLACED))
    assert ("/lines/-",) not in blamed(alone(form, texts, evidence=stands))


def test_a_row_that_a_person_has_seen_was_not_read_twice():
    confirmed = Evidence({f"/lines/2/{name}": Support.CONFIRMED for name in ("article", "price")})
    texts = purchase("1.20", "2.30", "2.30", total="3.50", names=("Apple", "Pear", "Pear"))
    assert ("/lines/2",) not in blamed(alone(PURCHASE, texts, evidence=confirmed))


def test_a_blank_whose_column_was_not_read_is_as_likely_as_a_lost_row():
    form = sums({"lines": LINES, "extra": NUMBER, "total": NUMBER}, "total == sum(lines[*].price, extra)")
    page = PAGE.replace("Plum 4.05", "Extra 4.05")
    assert ("/extra",) in blamed(problem(on_page(form, page, purchase("1.20", "2.30")).form))
