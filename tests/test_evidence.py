"""What the page says of each value, and what it prints that no value claims."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from structurer.confront import figures, joined
from structurer.contract import load
from structurer.document import Span
from structurer.evidence import Loose, Pending, evidence_of, fits
from structurer.ground import ground
from structurer.layout import Layout
from structurer.reconcile import Feasible
from structurer.record import Extract, Match, Value, leaf_pointers
from structurer.schema import Schema
from structurer.suspects import Support

NUMBER = {"type": "string", "x-kind": "number"}
LINES = {"type": "array", "items": {"type": "object", "properties": {"article": {"type": "string"}, "price": NUMBER}}}
ORDER = load(
    {
        "type": "object",
        "properties": {"lines": LINES, "total": NUMBER},
        "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
    },
    kind="order",
)
PAGE = "Apple 1.20\nPear 2.30\nPlum 4.05\nTotal 7.55\n"
ANY = Feasible(None, None)


def order(
    *prices: str | None, total: str | None = "7.55", names: tuple[str | None, ...] = ("Apple", "Pear", "Plum")
) -> dict[str, str | None]:
    """The texts of an order."""
    lines = enumerate(zip(names, prices, strict=False))
    return {f"/lines/{n}/{key}": text for n, row in lines for key, text in zip(("article", "price"), row, strict=True)} | {"/total": total}


def on_page(form: Schema, page: str | None, texts: dict[str, str | None], rows: dict[str, int] | None = None, **more) -> Pending:
    """A record found again on its page (None: there is none), before its checks are confronted."""
    rows = rows if rows is not None else {"/lines": sum(place.endswith("/price") for place in texts)}
    read = figures(form, texts, rows)
    places = [(place, leaf, Extract(texts.get(place))) for place, leaf in leaf_pointers(form, rows)]
    layout = None if page is None else Layout(page, 0, len(page))
    grounds = None if layout is None else ground(layout, places)
    values = {}
    for place, leaf, extract in places:
        spans, match = ((), Match.NONE) if grounds is None else grounds.found.get(place, ((), Match.NONE))
        parsed = read.parsed[place]
        found = tuple(Span(start, end, 1, None, more.get("confidence", {}).get(place)) for start, end in spans)
        values[place] = (
            leaf,
            Value(extract.text, parsed.value, read.facts.cells.get(place), parsed.error, found, match, more.get("reader", "")),
        )
    return Pending(
        form, values, replace(read, facts=joined(form, read.facts)), (), layout, None if grounds is None else grounds.placed,
        explained=more.get("explained", ()), confirmed=frozenset(more.get("confirmed", ())),
    )  # fmt: skip


def left(pending: Pending) -> list[str]:
    return [figure.text for figure in pending.loose]


def test_the_figures_of_the_page_that_no_value_claims_are_loose():
    assert left(on_page(ORDER, PAGE, order("1.20", "2.30", "4.05"))) == []
    assert left(on_page(ORDER, PAGE, order("1.20", "2.80", "4.05"))) == ["2.30"]
    assert on_page(ORDER, PAGE, order("1.20", "2.80", "4.05")).loose == (Loose("2.30", 16, 20),)
    assert left(on_page(ORDER, None, order("1.20", "2.80", "4.05"))) == []


def test_a_figure_that_was_explained_is_not_loose():
    assert left(on_page(ORDER, "5 " + PAGE, order("1.20", "2.30", "4.05"), explained=((0, 1),))) == []


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
    evidence = evidence_of(on_page(ORDER, PAGE, order("1.20", "2.30", "4.05"), **change))
    assert evidence.of("/lines/1/price") is support
    assert support.stands
    assert evidence.doubtful == frozenset()


def test_a_value_that_the_page_does_not_print_is_absent_and_its_row_doubtful():
    evidence = evidence_of(on_page(ORDER, PAGE, order("1.20", "2.80", "4.05")))
    assert evidence.of("/lines/1/price") is Support.ABSENT
    assert evidence.doubtful == {"", "/lines", "/lines/1"}


def test_a_value_printed_for_another_is_elsewhere():
    evidence = evidence_of(on_page(ORDER, PAGE, order("1.20", "1.20", "4.05")))
    assert evidence.of("/lines/0/price") is Support.PLACED
    assert evidence.of("/lines/1/price") is Support.ELSEWHERE


@pytest.mark.parametrize("change", [{"doubts": ("smudged",)}, {"alternatives": ("2.30", "2.80")}, {"match": Match.FUZZY}])
def test_a_value_that_was_doubted_does_not_stand(change):
    pending = on_page(ORDER, PAGE, order("1.20", "2.30", "4.05"))
    leaf, value = pending.values["/lines/1/price"]
    doubted = replace(pending, values={**pending.values, "/lines/1/price": (leaf, replace(value, **change))})
    assert evidence_of(doubted).of("/lines/1/price") is Support.DOUBTED
    assert not Support.DOUBTED.stands


def test_a_blank_has_no_support_and_without_a_page_nothing_has():
    assert "/lines/1/price" not in evidence_of(on_page(ORDER, PAGE, order("1.20", None, "4.05"))).support
    alone = evidence_of(on_page(ORDER, None, order("1.20", "2.30"), confirmed=["/total"]))
    assert (alone.support, alone.prints) == ({"/total": Support.CONFIRMED}, None)
    assert alone.of("/lines/0/price") is Support.UNKNOWN


def test_the_lowest_confidence_of_a_recogniser_is_kept():
    sure = {"/lines/1/price": 0.7, "/total": 1.0}
    assert evidence_of(on_page(ORDER, PAGE, order("1.20", "2.30", "4.05"), confidence=sure)).confidence == sure


def test_a_value_on_two_pages_is_as_sure_as_its_worst_part():
    pending = on_page(ORDER, PAGE, order("1.20", "2.30", "4.05"))
    leaf, value = pending.values["/total"]
    parts = (Span(37, 39, 1, None, 0.9), Span(39, 41, 2, None, 0.4), Span(41, 41, 2))
    split = replace(pending, values={**pending.values, "/total": (leaf, replace(value, spans=parts))})
    assert evidence_of(split).confidence == {"/total": 0.4}


def test_a_reader_that_takes_values_from_their_places_places_them_all():
    pending = replace(on_page(ORDER, PAGE, order("1.20", "1.20", "4.05")), placed=None)
    assert all(pending.is_placed(place) for place in pending.values)


def test_a_cell_would_stand_between_the_rows_around_its_own():
    pending = on_page(ORDER, PAGE, order("1.20", "2.80", "4.05"))
    assert PAGE[slice(*pending.windows.of("/lines/1/price"))] == "\nPear 2.30\n"
    assert PAGE[slice(*pending.windows.of("/lines/0/price"))] == "Apple 1.20\n"
    assert pending.loose_at("/lines/1/price") == pending.loose
    assert pending.loose_at("/lines/0/price") == ()


def test_a_field_in_no_row_and_a_row_of_which_nothing_was_found_may_stand_anywhere():
    pending = on_page(ORDER, PAGE, order("1.20", "9", "4.05", names=("Apple", "Fig", "Plum")))
    assert pending.windows.of("/total") == (0, len(PAGE))
    assert pending.windows.of("/lines/1/price") == (0, len(PAGE))
    assert on_page(ORDER, None, order("1.20")).windows.of("/total") == (0, 0)


def test_prints_counts_the_loose_figures_that_a_blank_may_be():
    pending = on_page(ORDER, PAGE, order("1.20", None, "4.05"))
    leaf = pending.values["/lines/1/price"][0]
    assert pending.prints("/lines/1/price", leaf, 1, ANY) == 1
    assert pending.prints("/lines/1/price", leaf, 1, Feasible(Fraction(3), None)) == 0
    assert pending.prints("/lines/0/price", leaf, 1, ANY) == 0


def test_prints_of_a_lost_row_are_those_behind_the_first_row():
    page = "No 9\n" + PAGE
    pending = on_page(ORDER, page, order("1.20", "2.30"))
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
    leaf = next(leaf for leaf in ORDER.leaves() if leaf.name == "total")
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
