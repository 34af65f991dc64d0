"""The first archive, five real reports of other people: they are no part of the repository and are read where they stand beside it."""

from fractions import Fraction
from pathlib import Path

import pytest

from structurer import plans
from structurer.evaluation import evaluate
from structurer.intake import ingest
from structurer.pipeline import structure_document
from structurer.record import Checked, Result

SHARED = Path(__file__).parent.parent.parent / "shared"
pytestmark = pytest.mark.skipif(not (SHARED / "reports").is_dir(), reason="the five reports are not here: they stay outside the repository")


@pytest.fixture(scope="module")
def figures() -> dict[str, evaluate.Evaluated]:
    plan = plans.plan_of(plans.Wanted((), builtin=True))
    return {case.name: evaluate.evaluate(case, plan) for case in evaluate.truth_cases(SHARED / "reports", SHARED / "truth")}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    plan = plans.plan_of(plans.Wanted((), builtin=True))
    return {file.stem[:3]: structure_document(ingest.read(file), plan) for file in sorted((SHARED / "reports").glob("*.txt"))}


def test_all_records_are_found_and_none_is_made_up(figures: dict[str, evaluate.Evaluated]) -> None:
    total = evaluate.total(list(figures.values()))
    assert (total.records, total.missing_records, total.surplus_records) == (67, 0, 0)


def test_recall_and_precision_hold_for_all_and_for_each_report(figures: dict[str, evaluate.Evaluated]) -> None:
    total = evaluate.total(list(figures.values()))
    assert total.recall is not None
    assert total.precision is not None
    assert total.recall >= 0.97
    assert total.precision >= 0.99
    for name, one in figures.items():
        recall = evaluate.total([one]).recall
        assert recall is not None, name
        assert recall >= 0.93, name


def test_errors_are_not_silent_and_flags_are_few(figures: dict[str, evaluate.Evaluated]) -> None:
    total = evaluate.total(list(figures.values()))
    assert total.silent <= 0.003 * total.everything
    assert total.flagged <= 0.06 * total.everything


def _failing(results: dict[str, Result]) -> list[tuple[str, int, str, str]]:
    return [
        (name, record.index, checked.id, checked.pointer)
        for name, result in results.items()
        for record in result.records
        for checked in record.checks
        if checked.holds is False
    ]


def test_the_inconsistencies_of_the_sources_fail_and_nothing_else(results: dict[str, Result]) -> None:
    assert _failing(results) == [
        ("003", 1, "item-is-what-was-worked-out", "/budget_items/2"),  # 25.00 stated, 14.40 + 10.56 worked out
        ("003", 1, "item-is-what-was-worked-out", "/budget_items/5"),  # 3.5 stated, 2.45 + 1.00 worked out
        ("003", 3, "stated-total-is-the-sum-of-its-parts", ""),  # 133.00元 written for 133.00万元
    ]


def test_the_total_that_agrees_only_to_the_printed_digit_is_print_only(results: dict[str, Result]) -> None:
    levels = {checked.outcome.level.name for checked in _checks(results["003"], "stated-total-is-declared")}
    assert levels == {"EXACT", "PRINT"}
    assert [
        checked.outcome.left for checked in _checks(results["003"], "stated-total-is-declared") if checked.outcome.level.name == "PRINT"
    ] == ["stated_total.amount = 39.93万元"]


def _checks(result: Result, identifier: str) -> list[Checked]:
    return [checked for record in result.records for checked in record.checks if checked.id == identifier]


@pytest.mark.parametrize(("name", "count"), [("003", 7), ("004", 3)])
def test_the_head_counts_the_projects_and_sums_their_totals(results: dict[str, Result], name: str, count: int) -> None:
    head = results[name].records[0]
    assert head.kind == "report_head"
    quantity = head.leaves["/project_count"].quantity
    assert quantity is not None
    assert quantity.value == Fraction(count)
    assert {checked.id: checked.holds for checked in head.checks} == dict.fromkeys(
        ["narratives-counted", "declarations-counted", "narratives-make-the-total", "declarations-make-the-total"], True
    )


def test_every_value_of_the_reports_is_found_on_its_page(results: dict[str, Result]) -> None:
    values = [
        value for result in results.values() for record in result.records for value in record.leaves.values() if value.text is not None
    ]
    assert len(values) > 5000
    assert all(value.spans and value.spans[0].page is not None for value in values)
