"""The cases in golden/ give the figures that were accepted, with the built-in reader and with the recorded replies of a model."""

from pathlib import Path

import pytest

from structurer import plans
from structurer.evaluation import evaluate, report
from structurer.evaluation.evaluate import Evaluated

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="module")
def done() -> dict[str, list[Evaluated]]:
    cases = evaluate.golden_cases(GOLDEN)
    wanted = {"builtin": plans.Wanted((), builtin=True), "model": plans.Wanted((), replay=GOLDEN / evaluate.CASSETTES)}
    return {name: [evaluate.evaluate(case, plans.plan_of(one)) for case in cases] for name, one in wanted.items()}


def test_no_figure_is_worse_than_the_accepted_one() -> None:
    text, worse = report.run(report.Wanted(GOLDEN, replay=True))
    assert not worse, text


def test_the_cases_hold_at_least_sixteen_forms_in_six_cases() -> None:
    cases = evaluate.golden_cases(GOLDEN)
    assert len(cases) >= 6
    assert sum(len(case.forms) for case in cases) >= 16


def test_the_built_in_reader_reads_the_cases_without_silent_errors(done: dict[str, list[Evaluated]]) -> None:
    figures = evaluate.total(done["builtin"])
    assert figures.recall is not None
    assert figures.recall >= 0.97
    assert figures.silent <= 0.003 * figures.everything
    assert (figures.missing_records, figures.surplus_records) == (0, 0)


def test_every_case_has_a_recorded_reply(done: dict[str, list[Evaluated]]) -> None:
    assert [one.silence for one in done["model"] if one.silence] == []


def test_recorded_replies_make_no_silent_error(done: dict[str, list[Evaluated]]) -> None:
    figures = evaluate.total(done["model"])
    assert figures.recall is not None
    assert figures.recall >= 0.995
    assert figures.silent == 0


def test_every_case_says_what_is_hard_in_it() -> None:
    for case in evaluate.golden_cases(GOLDEN):
        about = case.source.parent / "about.md"
        assert len(about.read_text(encoding="utf-8").split()) > 20, about
