"""The benchmark of error localisation: its slips spoil figures and leave figures, and its measures come out sane on the golden cases."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer import library
from structurer.localisation.reconcile import Status

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

import reconcile
import reconcile_judged
import reconcile_slips
import reconcile_spoilt
import reconcile_subjects

FIGURE = re.compile(r"\d+(,\d{3})*(\.\d+)?")


SCHEMAS = library.shipped_schemas()
INVOICE = next(schema for schema in SCHEMAS if schema.kind == "invoice")


@pytest.fixture(scope="module")
def subjects():
    source, truth = next(pair for pair in reconcile_subjects.sources(None, None) if pair[0].parent.name == "evaluation-elsewhere")
    return reconcile_subjects.subjects_of(source, truth, SCHEMAS)


amounts = st.decimals(min_value=0, max_value=10**9, places=2).map(str) | st.integers(0, 10**9).map("{:,}".format)


@given(amounts, st.lists(amounts, max_size=3), st.integers())
def test_a_slip_changes_the_value_and_leaves_a_printable_figure(was, beside, seed):
    texts = {"/a": was, **{f"/{number}": text for number, text in enumerate(beside)}}
    found = reconcile_slips.slip(random.Random(seed), texts, "/a", list(texts)[1:])
    assert found is not None
    assert FIGURE.fullmatch(found.now)
    assert reconcile_slips.amount(found.now) != reconcile_slips.amount(found.was) == reconcile_slips.amount(was)


@pytest.mark.parametrize("text", [None, "", ".5", "5.", "1,23", "—", "1.2.3"])
def test_what_is_no_printable_figure_has_no_amount(text):
    assert reconcile_slips.amount(text) is None


def test_every_kind_of_slip_is_drawn():
    texts = {"/a": "120.50", "/b": "33.00"}
    drawn = {reconcile_slips.slip(random.Random(seed), texts, "/a", ["/b"]).kind for seed in range(200)}
    assert drawn == set(reconcile_slips.SLIPS)


def test_cases_are_the_same_for_the_same_seed_and_others_for_another(subjects):
    def told(seed):
        return [case.told for case in reconcile.slips(subjects, 3, seed, 2)]

    assert told("1") == told("1") != told("2")
    assert reconcile_subjects.invoice("1", 5, INVOICE).texts == reconcile_subjects.invoice("1", 5, INVOICE).texts


def test_an_error_of_the_document_stands_on_the_page_in_the_place_of_the_true_figure(subjects):
    case = next(case for case in (reconcile_spoilt.misprinted(subjects[0], str(seed)) for seed in range(20)) if case is not None)
    (place,) = case.wrong
    start, _ = subjects[0].prints[place]
    assert case.layout.text[start:].startswith(case.texts[place])
    assert len(case.layout.text) - len(subjects[0].text) == len(case.texts[place]) - len(subjects[0].texts[place])


def test_a_dropped_row_and_a_doubled_one_leave_all_other_values(subjects):
    subject = subjects[0]
    fewer, more = reconcile_spoilt.dropped(subject, "/indicators", 1, "1"), reconcile_spoilt.doubled(subject, "/indicators", 1, "1")
    names = [subject.texts[f"/indicators/{number}/level3"] for number in range(subject.rows["/indicators"])]
    assert _names(fewer) == [names[0], *names[2:]]
    assert _names(more) == [*names[:2], *names[1:]]


def _names(case):
    return [case.texts[f"/indicators/{number}/level3"] for number in range(case.rows["/indicators"])]


def test_the_arithmetic_of_an_invoice_holds_and_its_page_prints_it():
    subject = reconcile_subjects.invoice("1", 5, INVOICE)
    assert [found.status for found in reconcile.as_they_are([subject])] == [Status.HOLDS]
    assert set(subject.prints) == set(subject.checked)


def test_a_misread_figure_is_named_and_mended_and_a_misprinted_one_is_named_and_left():
    subject = reconcile_subjects.invoice("1", 5, INVOICE)
    texts = {**subject.texts, "/lines/2/amount": "7.77"}
    misread = reconcile_spoilt.Case("", subject, texts, subject.rows, subject.texts, ("/lines/2/amount",), "")
    found = reconcile_judged.judged(misread)
    assert (found.outcome, found.right, found.false) == (reconcile_judged.ONLY, 1, ())
    misprinted = next(case for case in (reconcile_spoilt.misprinted(subject, str(seed)) for seed in range(20)) if case is not None)
    found = reconcile_judged.judged(misprinted)
    assert (found.detected, found.right, found.false) == (True, 0, ())


def test_errors_of_golden_documents_are_not_mended(subjects):
    section = reconcile.documents(reconcile.spoilt(subjects, 2, "test", reconcile_spoilt.misprinted), 2 * len(subjects))
    counts = {figure.key: figure for figure in section.figures}
    assert counts["document.mended"].of > 0
    assert counts["document.mended"].value == counts["document.read.mended"].value == 0


def test_the_figures_of_a_run_are_shares_counts_and_times(subjects, capsys):
    cases = reconcile.slips(subjects[:2], 2, "test", 1)
    found, alone = [reconcile_judged.judged(case) for case in cases], [reconcile_judged.judged(case, page=False) for case in cases]
    several, fives = reconcile.several(reconcile.slips(subjects[:1], 1, "two", 2), reconcile.slips(subjects[:1], 1, "five", 5))
    sections = [
        reconcile.detection(subjects[:2], found),
        reconcile.single(reconcile.detected(found), reconcile.detected(alone)),
        several,
        reconcile.rows(subjects[:2], 1, "test"),
        reconcile.others(subjects[:2], 1, "test"),
        reconcile.invoices({5: [reconcile_subjects.invoice("1", 5, INVOICE)]}, 2, "test")[0],
        reconcile.times(found, fives, found, fives, 5),
    ]
    figures = {figure.key: figure for section in sections for figure in section.figures}
    assert set(figures) >= WANTED
    assert len(figures) == sum(len(section.figures) for section in sections)
    assert all(0 <= figure.value <= 1 for figure in figures.values() if figure.unit == "share")
    assert all(0 <= figure.value <= figure.of for figure in figures.values() if figure.unit == "count")
    assert all(figure.value >= 0 for figure in figures.values() if figure.unit == "ms")
    lines = list(reconcile.table(sections, show=1))
    assert any(line.startswith("true forms flagged") for line in lines)
    assert set(reconcile.as_json(sections, {"seed": 1})["figures"]) == set(figures)


WANTED = {
    "clean.flagged",
    "single.detected",
    "single.page.only",
    "single.alone.only",
    "single.right",
    "single.false",
    "double.page.only",
    "double.false",
    "five.page.only",
    "row.dropped.detected",
    "row.doubled.detected",
    "missing.detected",
    "shifted.detected",
    "swallowed.detected",
    "invoice.detected",
    "invoice.page.only",
    "time.localise.median",
    "time.five.max",
}
