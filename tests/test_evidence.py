"""What the page says of each value, and what it prints that no value claims."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from made import NUMBER, PAGE, PURCHASE, on_page, purchase

from structurer.contracts.contract import load
from structurer.document import Span
from structurer.judging.evidence import Loose, Pending, evidence_of, fits
from structurer.judging.suspects import Support
from structurer.localisation.reconcile import Feasible
from structurer.record import Match

ANY = Feasible(None, None)


def left(pending: Pending) -> list[str]:
    return [figure.text for figure in pending.loose]


def test_the_figures_of_the_page_that_no_value_claims_are_loose():
    assert left(on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05"))) == []
    assert left(on_page(PURCHASE, PAGE, purchase("1.20", "2.80", "4.05"))) == ["2.30"]
    assert on_page(PURCHASE, PAGE, purchase("1.20", "2.80", "4.05")).loose == (Loose("2.30", 16, 20),)
    assert left(on_page(PURCHASE, None, purchase("1.20", "2.80", "4.05"))) == []


def test_a_figure_that_was_explained_is_not_loose():
    assert left(on_page(PURCHASE, "5 " + PAGE, purchase("1.20", "2.30", "4.05"), explained=((0, 1),))) == []


@pytest.mark.parametrize(
    ("change", "support"),
    [
        ({}, Support.PLACED),
        ({"reader": "given+builtin"}, Support.AGREED),
        ({"confirmed": ["/lines/1/price"]}, Support.CONFIRMED),
        ({"reader": "given+builtin", "confirmed": ["/lines/1/price"]}, Support.CONFIRMED),
    ],
)
def test_a_value_that_stands_where_it_belongs_is_borne_out(change, support):
    evidence = evidence_of(on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05"), **change))
    assert evidence.of("/lines/1/price") is support
    assert support.stands
    assert evidence.doubtful == frozenset()


def test_a_value_that_the_page_does_not_print_is_absent_and_its_row_doubtful():
    evidence = evidence_of(on_page(PURCHASE, PAGE, purchase("1.20", "2.80", "4.05")))
    assert evidence.of("/lines/1/price") is Support.ABSENT
    assert evidence.doubtful == {"", "/lines", "/lines/1"}


def test_a_value_printed_for_another_is_elsewhere():
    evidence = evidence_of(on_page(PURCHASE, PAGE, purchase("1.20", "1.20", "4.05")))
    assert evidence.of("/lines/0/price") is Support.PLACED
    assert evidence.of("/lines/1/price") is Support.ELSEWHERE


@pytest.mark.parametrize("change", [{"doubts": ("smudged",)}, {"alternatives": ("2.30", "2.80")}, {"match": Match.FUZZY}])
def test_a_value_that_was_doubted_does_not_stand(change):
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05"))
    leaf, value = pending.values["/lines/1/price"]
    doubted = replace(pending, values={**pending.values, "/lines/1/price": (leaf, replace(value, **change))})
    assert evidence_of(doubted).of("/lines/1/price") is Support.DOUBTED
    assert not Support.DOUBTED.stands


@pytest.mark.parametrize(("sure", "support"), [(0.89, Support.DOUBTED), (0.9, Support.PLACED), (1.0, Support.PLACED)])
def test_a_figure_that_its_recogniser_doubts_does_not_stand(sure, support):
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05"), confidence={"/lines/1/price": sure})
    assert evidence_of(pending).of("/lines/1/price") is support


@pytest.mark.parametrize(
    ("total", "support"),
    [
        ("Total 7\n55\n", Support.DOUBTED),
        ("Total 7\n  55\tend\n", Support.DOUBTED),
        ("Total 7\n55 ends\n", Support.PLACED),
        ("Total 7\n\n55\n", Support.PLACED),
        ("Total 7 55\n", Support.PLACED),
        ("Total 7.1\n55.1\n", Support.PLACED),
    ],
)
def test_a_figure_may_be_a_piece_of_one_that_goes_on_in_the_next_line_and_fills_its_cell(total, support):
    read = total.split()[1]
    pending = on_page(PURCHASE, PAGE.replace("Total 7.55\n", total), purchase("1.20", "2.30", "4.05", total=read))
    assert evidence_of(pending).of("/total") is support


def test_a_blank_has_no_support_and_without_a_page_nothing_has():
    assert "/lines/1/price" not in evidence_of(on_page(PURCHASE, PAGE, purchase("1.20", None, "4.05"))).support
    alone = evidence_of(on_page(PURCHASE, None, purchase("1.20", "2.30"), confirmed=["/total"]))
    assert (alone.support, alone.prints) == ({"/total": Support.CONFIRMED}, None)
    assert alone.of("/lines/0/price") is Support.UNKNOWN


def test_the_lowest_confidence_of_a_recogniser_is_kept():
    sure = {"/lines/1/price": 0.7, "/total": 1.0}
    assert evidence_of(on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05"), confidence=sure)).confidence == sure


def test_a_value_on_two_pages_is_as_sure_as_its_worst_part():
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05"))
    leaf, value = pending.values["/total"]
    parts = (Span(37, 39, 1, None, 0.9), Span(39, 41, 2, None, 0.4), Span(41, 41, 2))
    split = replace(pending, values={**pending.values, "/total": (leaf, replace(value, spans=parts))})
    assert evidence_of(split).confidence == {"/total": 0.4}


def test_a_reader_that_takes_values_from_their_places_places_them_all():
    pending = replace(on_page(PURCHASE, PAGE, purchase("1.20", "1.20", "4.05")), placed=None)
    assert all(pending.is_placed(place) for place in pending.values)


def test_a_cell_would_stand_between_the_rows_around_its_own():
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "2.80", "4.05"))
    assert PAGE[slice(*pending.windows.of("/lines/1/price"))] == "\nPear 2.30\n"
    assert PAGE[slice(*pending.windows.of("/lines/0/price"))] == "Apple 1.20\n"
    assert pending.loose_at("/lines/1/price") == pending.loose
    assert pending.loose_at("/lines/0/price") == ()


def test_a_field_in_no_row_and_a_row_of_which_nothing_was_found_stand_between_their_neighbours():
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "9", "4.05", names=("Apple", "Fig", "Plum")))
    assert PAGE[slice(*pending.windows.of("/total"))] == "\nTotal 7.55\n"
    assert PAGE[slice(*pending.windows.of("/lines/1/price"))] == "\nPear 2.30\n"
    assert on_page(PURCHASE, None, purchase("1.20")).windows.of("/total") == (0, 0)


def test_a_field_that_was_not_found_stands_behind_the_value_before_it_in_the_record():
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "2.30", "4.05", total="7.65"))
    assert PAGE[slice(*pending.windows.of("/total"))] == "\nTotal 7.55\n"


def test_a_field_that_was_found_stands_between_the_prints_around_it_also_out_of_the_order_of_the_record():
    page = "Total 7.55\nApple 1.20\nPear 2.30\nPlum 4.05"
    pending = on_page(PURCHASE, page, purchase("1.20", "2.30", "4.05"))
    assert page[slice(*pending.windows.of("/total"))] == "Total 7.55\n"


def test_prints_counts_the_loose_figures_that_a_blank_may_be():
    pending = on_page(PURCHASE, PAGE, purchase("1.20", None, "4.05"))
    leaf = pending.values["/lines/1/price"][0]
    assert pending.prints("/lines/1/price", leaf, 1, ANY) == 1
    assert pending.prints("/lines/1/price", leaf, 1, Feasible(Fraction(3), None)) == 0
    assert pending.prints("/lines/0/price", leaf, 1, ANY) == 0


def test_prints_of_a_lost_row_are_those_behind_the_first_row():
    page = "No 9\n" + PAGE
    pending = on_page(PURCHASE, page, purchase("1.20", "2.30"))
    assert left(pending) == ["9", "4.05"]
    assert pending.prints("/lines", pending.values["/total"][0], 1, ANY) == 1


@pytest.mark.parametrize(
    ("text", "scale", "wanted", "fit"),
    [
        ("2.30", 1, Feasible(Fraction("2.3"), Fraction("2.3")), True),
        ("2.30", 10_000, Feasible(Fraction(23_000), Fraction(23_000)), True),
        ("2.31", 1, Feasible(Fraction("2.3"), Fraction("2.3")), False),
        ("x", 1, ANY, False),
        ("", 1, ANY, False),
    ],
)
def test_a_print_fits_within_a_range_in_its_unit(text, scale, wanted, fit):
    leaf = next(leaf for leaf in PURCHASE.leaves() if leaf.name == "total")
    assert fits(text, leaf, scale, wanted) is fit


# -- approximate ---------------------------------------------------------------------------------------------------------

TOTAL = load(
    {"type": "object", "properties": {"a": NUMBER, "b": NUMBER, "t": NUMBER}, "x-checks": [{"id": "sum", "check": "t == a + b"}]}, kind="t"
)


def about(page: str) -> frozenset[str]:
    return on_page(TOTAL, page, {"/t": "3"}, {}).approximate


@pytest.mark.parametrize(
    "print_",
    ["约3", "约 3", "大约3个", "近3", "≈3", "~3", "about 3", "About 3", "approx. 3", "approximately 3", "circa 3", "ca. 3", "around 3",
     "nearly 3", "约￥3", "3左右", "3 左右", "3万元左右", "3%左右", "3上下", "3个左右", "3 or so"],
)  # fmt: skip
def test_a_figure_printed_as_approximate_is(print_):
    assert about(f"t: {print_} a") == {"/t"}


@pytest.mark.parametrize("print_", ["3", "3个", "3 others", "3 or some", "plough 3", "whereabouts 3", "共3", "3，左"])
def test_a_figure_printed_as_it_is_is_not_approximate(print_):
    assert about(f"t: {print_} a") == frozenset()


def test_a_word_behind_another_figure_is_not_about_this_one():
    assert about("3 5左右") == frozenset()
    assert about("4左右 3") == frozenset()


@pytest.mark.parametrize("page", ["约4 3", "about 4 of 3", "t: ~4\n3"])
def test_a_word_before_another_figure_is_not_about_this_one(page):
    assert about(page) == frozenset()


def test_a_blank_or_a_figure_that_was_not_found_is_not_approximate():
    assert on_page(TOTAL, "约3", {"/t": None}, {}).approximate == frozenset()
    assert on_page(TOTAL, "约3", {"/t": "4"}, {}).approximate == frozenset()
    assert on_page(TOTAL, None, {"/t": "3"}, {}).approximate == frozenset()


@pytest.mark.parametrize("print_", ["节约3", "合约3", "预约3", "最近3"])
def test_a_word_that_ends_like_about_makes_nothing_approximate(print_):
    assert about(f"t: {print_} a") == frozenset()


@pytest.mark.parametrize("page", ["t: 3\n上下水改造", "t: 3\t左右岸"])
def test_what_the_next_cell_or_line_begins_with_makes_nothing_approximate(page):
    assert about(page) == frozenset()
