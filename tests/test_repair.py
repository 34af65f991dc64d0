"""Corrections that the page confirms, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from made import LINES, NUMBER, PAGE, PURCHASE, on_page, purchase

from structurer.contracts.contract import load
from structurer.judging.evidence import Loose
from structurer.judging.repair import Proposal, corrected, fitting, proposal
from structurer.localisation.reconcile import Feasible
from structurer.record import Correction, Match

PLACE = "/lines/1/price"
READ = purchase("1.20", "2.80", "4.05")
MENDED = "the sum failed; the page prints this figure there, and no value claimed it"


def exactly(figure: str) -> Feasible:
    return Feasible(Fraction(figure), Fraction(figure))


ANY = Feasible(None, None)


def printed(print_: str, **more):
    """The order whose middle price was misread as 2.80, on a page that prints it otherwise."""
    return on_page(PURCHASE, PAGE.replace("2.30", print_), READ, **more)


def test_the_unclaimed_figure_of_its_place_that_fits_is_proposed():
    assert proposal(printed("2.30"), PLACE, exactly("2.3")) == Proposal(PLACE, Loose("2.30", 16, 20), "page", ())


@pytest.mark.parametrize("wanted", ["2.32", "23", "0"])
def test_a_figure_that_does_not_fit_is_not_proposed(wanted):
    assert proposal(printed("2.30"), PLACE, exactly(wanted)) is None


def test_a_figure_within_one_unit_in_its_last_place_fits():
    """The range was reckoned with the decimals of the print that is doubted."""
    assert [figure.text for figure in fitting(printed("2.30"), PLACE, exactly("2.31"))] == ["2.30"]
    assert [figure.text for figure in fitting(printed("2.3"), PLACE, exactly("2.39"))] == ["2.3"]
    assert [figure.text for figure in fitting(printed("2.300"), PLACE, exactly("2.31"))] == []


def test_nothing_is_proposed_without_a_page_or_for_what_is_no_value_of_the_record():
    assert proposal(on_page(PURCHASE, None, READ), PLACE, ANY) is None
    assert proposal(printed("2.30"), "/lines/-/price", ANY) is None


def test_what_a_person_has_seen_is_not_replaced():
    assert proposal(printed("2.30", confirmed=[PLACE]), PLACE, ANY) is None


def test_what_the_page_bears_out_is_not_replaced():
    assert proposal(on_page(PURCHASE, PAGE.replace("2.30", "2.30\t2.31"), purchase("1.20", "2.30", "4.05")), PLACE, ANY) is None


def test_what_the_page_bears_out_is_not_replaced_by_the_figure_beside_it():
    assert proposal(on_page(PURCHASE, PAGE.replace("2.30", "2.30 2.31"), purchase("1.20", "2.30", "4.05")), PLACE, ANY) is None


def test_of_two_figures_that_differ_none_is_proposed():
    assert proposal(printed("2.30 2.31"), PLACE, ANY) is None
    assert proposal(printed("2.30 5"), PLACE, exactly("2.3")) == Proposal(PLACE, Loose("2.30", 16, 20))


def test_of_two_figures_that_differ_the_one_that_another_reading_says_is_proposed():
    pending = printed("2.30 2.31")
    leaf, value = pending.values[PLACE]
    heard = replace(pending, values={**pending.values, PLACE: (leaf, replace(value, alternatives=(None, "2.80", "2.310")))})
    assert proposal(heard, PLACE, ANY) == Proposal(PLACE, Loose("2.31", 21, 25))


def test_two_prints_of_one_number_are_one_figure_and_the_other_print_is_told():
    assert proposal(printed("2.30 2.3 2.30"), PLACE, ANY) == Proposal(PLACE, Loose("2.30", 16, 20), alternatives=("2.3",))


def test_a_figure_of_another_row_is_not_proposed():
    pending = on_page(PURCHASE, PAGE.replace("2.30", "").replace("4.05", "4.05 2.30"), READ)
    assert pending.loose
    assert proposal(pending, PLACE, exactly("2.3")) is None


def test_a_blank_takes_the_figure_that_is_left_in_its_row():
    assert proposal(on_page(PURCHASE, PAGE, purchase("1.20", None, "4.05")), PLACE, ANY) == Proposal(PLACE, Loose("2.30", 16, 20))


def test_a_figure_is_compared_in_the_unit_of_its_column():
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"article": {"type": "string"}, "price": {**NUMBER, "x-unit": "万元"}}},
    }
    form = load({"type": "object", "properties": {"lines": lines, "total": NUMBER}}, kind="k")
    pending = on_page(form, PAGE, READ)
    assert proposal(pending, PLACE, exactly("23000")) == Proposal(PLACE, Loose("2.30", 16, 20))
    assert proposal(pending, PLACE, exactly("2.3")) is None


def test_a_corrected_value_is_the_print_and_keeps_what_it_was_and_why():
    pending = printed("2.30")
    found = corrected(pending, [Proposal(PLACE, Loose("2.30", 16, 20), alternatives=("2.3",))], "the sum failed")
    value = found.values[PLACE][1]
    assert value.correction == Correction("2.80", "2.80", "page", MENDED, ("2.3",))
    assert (value.text, value.value, value.match, value.doubts, value.alternatives) == ("2.30", "2.30", Match.EXACT, (), ())
    assert [(span.start, span.end) for span in value.spans] == [(16, 20)]
    assert value.quantity == found.figures.facts.cells[PLACE]
    assert found.figures.facts.cells[PLACE].value == Fraction("2.3")
    assert found.is_placed(PLACE)
    assert found.loose == ()
    assert {place: pair for place, pair in found.values.items() if place != PLACE} == {
        place: pair for place, pair in pending.values.items() if place != PLACE
    }
    assert pending.values[PLACE][1].correction is None


def test_a_print_that_could_not_be_parsed_is_corrected_and_its_error_gone():
    pending = on_page(PURCHASE, PAGE, purchase("1.20", "2.x0", "4.05"))
    assert pending.values[PLACE][1].error == "not-a-number"
    value = corrected(pending, [Proposal(PLACE, Loose("2.30", 16, 20))], "the sum failed").values[PLACE][1]
    assert (value.value, value.error, value.correction) == ("2.30", None, Correction("2.x0", None, "page", MENDED))


def test_a_correction_with_more_decimals_changes_the_last_place_of_its_column():
    pending = on_page(PURCHASE, PAGE.replace("2.30", "2.301"), READ)
    found = corrected(pending, [Proposal(PLACE, Loose("2.301", 16, 21))], "")
    assert {found.values[f"/lines/{number}/price"][1].quantity.ulp for number in range(3)} == {Fraction(1, 1000)}


def test_values_that_a_reader_placed_all_stay_placed():
    found = corrected(replace(printed("2.30"), placed=None), [Proposal(PLACE, Loose("2.30", 16, 20))], "the sum failed")
    assert found.placed is None


# -- figures broken in two -----------------------------------------------------------------------------------------------


def test_a_figure_of_which_a_reader_saw_one_piece_is_put_together():
    pending = on_page(PURCHASE, PAGE.replace("2.30", "12\n340"), purchase("1.20", "12", "4.05"))
    assert proposal(pending, PLACE, exactly("12340")) == Proposal(PLACE, Loose("12340", 16, 22))
    pending = on_page(PURCHASE, PAGE.replace("2.30", "12\n340"), purchase("1.20", "340", "4.05"))
    assert proposal(pending, PLACE, exactly("12340")) == Proposal(PLACE, Loose("12340", 16, 22))


def test_a_figure_in_the_next_cell_is_no_piece_of_this_one():
    pending = on_page(PURCHASE, PAGE.replace("2.30", "12\t340"), purchase("1.20", "12", "4.05"))
    assert proposal(pending, PLACE, exactly("12340")) is None


def test_a_figure_that_begins_the_next_line_is_no_piece_of_this_one():
    pending = on_page(PURCHASE, PAGE.replace("7.55", "12") + "0 items open\n", purchase("1.20", "2.30", "4.05", total="12"))
    assert proposal(pending, "/total", exactly("120")) is None


@pytest.mark.parametrize("print_", ["-2.30", "(2.30)", "－2.30"])
def test_a_negative_figure_is_not_proposed_for_a_positive_one(print_):
    assert proposal(printed(print_), PLACE, exactly("2.3")) is None


def test_a_negative_figure_is_proposed_for_a_negative_one():
    assert proposal(printed("-2.30"), PLACE, exactly("-2.3")) == Proposal(PLACE, Loose("-2.30", 16, 21))


@pytest.mark.parametrize("print_", ["2.30万元", "2.30亿", "2.30%"])
def test_a_figure_in_another_unit_is_not_proposed(print_):
    assert proposal(printed(print_), PLACE, exactly("2.3")) is None


def test_a_figure_printed_with_its_unit_is_corrected_with_it():
    form = load({"type": "object", "properties": {"lines": LINES, "total": NUMBER}}, kind="k")
    pending = on_page(form, PAGE.replace("2.30", "2.30万元"), purchase("1.20", "2.80万元", "4.05"))
    found = proposal(pending, PLACE, exactly("23000"))
    assert found is not None
    assert corrected(pending, [found], "").figures.facts.cells[PLACE].value == 23_000
