"""Scores say what was right, and a figure that gets worse is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import ORDER, order, result, value

from structurer import plans
from structurer.errors import InputError, ModelError, UsageError
from structurer.evaluation import evaluate, report, score
from structurer.evaluation.evaluate import Case
from structurer.evaluation.score import Verdict
from structurer.pipeline import Plan

FORM = {
    "kind": "order",
    "name": "课桌",
    "count": 3,
    "money": {"total": "1200.5", "unit": None},
    "lines": [{"label": "=1+1", "parts": [{"amount": "-5"}, {"amount": "-5+"}]}, {"label": "@a", "parts": []}],
    "numbers": ["松〔2023〕1 号"],
}


def scored(record, form, review=(), alternatives=None, kind="a"):
    return score.score([{"kind": kind, "record": record, "review": list(review)}], [{"kind": "a", **form}], alternatives or {})


def verdicts(scores):
    return {leaf.place: (leaf.verdict.value, leaf.flagged) for leaf in scores.leaves}


@pytest.mark.parametrize(
    ("value", "expected", "verdict"),
    [
        ("12.50", "12.5", "right"), ("1,200", "1200", "right"), ("１２", 12, "right"), ("a b", "ab", "right"), ("（甲）", "(甲)", "right"),
        (None, None, "blank"), ("-", None, "blank"), (None, "—", "blank"), ("", None, "blank"),
        ("12", "13", "wrong"), ("12x", "12", "wrong"), (None, "12", "missed"), ("—", "12", "missed"), ("12", None, "invented"),
    ],
)  # fmt: skip
def test_a_leaf_is_right_wrong_missed_invented_or_blank(value, expected, verdict):
    assert verdicts(scored({"x": value}, {"x": expected})) == {"/x": (verdict, False)}


def test_every_alternative_is_right_even_a_blank():
    alternatives = {"/forms/0/x": [None, "0"]}
    assert [verdicts(scored({"x": value}, {"x": None}, alternatives=alternatives))["/x"][0] for value in (None, "0", "1")] == [
        "blank",
        "right",
        "invented",
    ]


def test_keys_that_the_truth_does_not_know_are_not_scored():
    assert verdicts(scored({"x": "1", "y": "2"}, {"x": "1"})) == {"/x": ("right", False)}


def test_a_dropped_row_costs_its_own_leaves_alone():
    got = {"rows": [{"a": "1", "b": "2"}, {"a": "5", "b": "6"}]}
    want = {"rows": [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": "5", "b": "6"}]}
    found = verdicts(scored(got, want))
    assert {place for place, (verdict, _) in found.items() if verdict != "right"} == {"/rows/1/a", "/rows/1/b"}


def test_an_invented_row_is_scored_by_its_own_leaves():
    found = verdicts(scored({"rows": [{"a": "1"}, {"a": "2"}]}, {"rows": [{"a": "1"}]}))
    assert found == {"/rows/0/a": ("right", False), "/rows/-/a": ("invented", False)}


@pytest.mark.parametrize("review", ["", "/rows", "/rows/1", "/rows/1/a"])
def test_a_flag_on_the_leaf_the_row_the_list_or_the_record_is_a_flag(review):
    got = {"rows": [{"a": "1"}, {"a": "9"}]}
    leaf = scored(got, {"rows": [{"a": "1"}, {"a": "2"}]}, review=[review]).leaves[1]
    assert (leaf.verdict, leaf.flagged, leaf.silent) == (Verdict.WRONG, True, False)


def test_a_flag_elsewhere_leaves_the_error_silent():
    leaf = scored({"x": "1", "xy": "2"}, {"x": "2", "xy": "2"}, review=["/xy"]).leaves[0]
    assert leaf.silent


def test_records_are_missing_surplus_and_perfect():
    records = [{"kind": kind, "record": {"x": x}, "review": []} for kind, x in (("a", "1"), ("b", "7"), ("a", "3"))]
    forms = [{"kind": "a", "x": x} for x in ("1", "2", "3")]
    assert score.score(records, forms, {}).surplus == 0
    scores = score.score(records, forms, {}, {"b"})
    assert (scores.records, scores.missing, scores.surplus, scores.perfect) == (3, 1, 1, 2)
    assert [(leaf.form, leaf.verdict.value) for leaf in scores.leaves] == [(0, "right"), (1, "missed"), (2, "right")]


def test_fields_are_places_without_row_numbers():
    scores = scored({"r": [{"s": ["1", "2"]}]}, {"r": [{"s": ["1"]}]})
    assert {leaf.field for leaf in scores.leaves} == {"r[].s[]"}


def test_figures_have_the_names_and_rates_of_the_reference():
    scores = scored(
        {"a": "1", "b": "x", "c": None, "d": "4", "e": None}, {"a": "1", "b": "2", "c": "3", "d": None, "e": None}, review=["/b"]
    )
    assert score.figures(scores.leaves, [scores]).as_json() == {
        "records": 1, "missing_records": 0, "surplus_records": 0, "perfect_records": 0, "leaves": 3, "right": 1, "wrong": 1, "missed": 1,
        "invented": 1, "recall": 0.33333, "precision": 0.33333, "silent_errors": 2, "silent_rate": 0.4, "flagged_share": 0.2,
    }  # fmt: skip


small = st.lists(st.fixed_dictionaries({"a": st.sampled_from("123"), "b": st.sampled_from("123")}), max_size=5)


@given(small, small)
def test_alignment_uses_every_member_once_and_in_order(got, want):
    pairs = list(score.align(got, want))
    assert [mine for mine, _ in pairs if mine is not None] == list(range(len(got)))
    assert [true for _, true in pairs if true is not None] == list(range(len(want)))


@given(small)
def test_a_list_aligned_with_itself_is_itself(rows):
    assert list(score.align(rows, rows)) == [(number, number) for number in range(len(rows))]


# --- cases and accepted figures


@pytest.fixture
def golden(tmp_path):
    case = tmp_path / "golden" / "orders"
    case.mkdir(parents=True)
    (case / "source.txt").write_text("采购单", "utf-8")
    (case / "expected.json").write_text(json.dumps({"document": "source.txt", "forms": [FORM], "alternatives": {}}), "utf-8")
    return tmp_path / "golden"


@pytest.fixture
def reads(monkeypatch):
    """Sets what the pipeline makes of every document."""

    def set_to(made):
        def structured(_document, _plan):
            if isinstance(made, Exception):
                raise made
            return made

        monkeypatch.setattr(evaluate, "structure_document", structured)
        monkeypatch.setattr(report.plans.library, "shipped_schemas", lambda: (ORDER,))

    monkeypatch.delenv("CI", raising=False)
    set_to(result())
    return set_to


def run(golden, **more):
    return report.run(report.Wanted(golden, **more))


def test_a_case_never_accepted_is_not_green(golden, reads):
    text, worse = run(golden)
    assert worse
    assert "orders (builtin): no accepted figures; look at them, then --accept" in text


def test_accepted_figures_are_green_until_one_drops_with_its_field_and_leaf_named(golden, reads):
    assert run(golden, accept=True)[1] is False
    assert "no figure is worse than accepted" in run(golden)[0]
    reads(result(order(**{"/count": value("4", value=4)})))
    text, worse = run(golden)
    assert worse
    assert "WORSE: orders (builtin): recall fell from 1.0 to 0.875" in text
    assert "WORSE: orders (builtin): order count: recall fell from 1.0 to 0.0: /forms/0/count wrong SILENT" in text
    assert "order /forms/0/count wrong SILENT: 4 instead of 3" in text


def test_an_accepted_fault_stays_green_but_not_once_it_is_silent(golden, reads):
    wrong = value("4", value=4)
    flagged = order(**{"/count": value("4", value=4, flag=order().leaves["/lines/0/label"].flag)})
    reads(result(flagged))
    run(golden, accept=True)
    assert run(golden)[1] is False
    reads(result(order(**{"/count": wrong})))
    text, worse = run(golden)
    assert worse
    assert "order count: silent_errors rose from 0 to 1: /forms/0/count wrong SILENT" in text


def test_a_surplus_record_is_a_regression(golden, reads):
    run(golden, accept=True)
    reads(result(order(), order(1)))
    assert "surplus_records rose from 0 to 1" in run(golden)[0]


def test_accepting_is_refused_under_ci(golden, reads, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(UsageError, match="figures are not accepted under CI"):
        run(golden, accept=True)
    assert not (golden / "accepted.json").exists()


def test_json_holds_figures_by_case_kind_and_field(golden, reads):
    node = json.loads(run(golden, as_json=True)[0])
    reader = node["readers"]["builtin"]
    assert reader["total"]["perfect_records"] == 1
    assert (
        reader["cases"]["orders"]["recall"]
        == reader["kinds"]["order"]["recall"]
        == reader["fields"]["order lines[].parts[].amount"]["recall"]
        == 1.0
    )
    assert node["regressions"] == ["orders (builtin): no accepted figures; look at them, then --accept"]


def test_a_recording_that_was_there_and_is_missing_is_a_regression(golden, reads):
    (golden / "cassettes").mkdir()
    run(golden, accept=True, replay=True)
    assert set(json.loads((golden / "accepted.json").read_text("utf-8"))) == {"builtin", "model:replay"}
    case, plan = evaluate.golden_cases(golden)[0], plans.plan_of(plans.Wanted(replay=golden / "cassettes"))
    reads(ModelError("no recorded reply", remedy="record it"))
    done = [evaluate.evaluate(case, plan)]
    (sentence,) = evaluate.regressions(done, evaluate.read_accepted(golden / "accepted.json"))
    assert sentence.startswith("orders (model:replay): the model does not answer any more: no recorded reply")


def test_truth_files_name_their_reports_and_alternatives(tmp_path, reads):
    (tmp_path / "reports").mkdir()
    (tmp_path / "truth").mkdir()
    (tmp_path / "reports" / "a.txt").write_text("采购单", "utf-8")
    (tmp_path / "truth" / "000.json").write_text(json.dumps({"document": "a.txt", "forms": [{**FORM, "count": 9}]}), "utf-8")
    (tmp_path / "truth" / "alternatives.json").write_text(json.dumps({"000": {"forms[0].count": [9, 3], "forms[0].lines[1].label": ["x"]}}))
    (case,) = evaluate.truth_cases(tmp_path / "reports", tmp_path / "truth")
    assert case.alternatives == {"/forms/0/count": [9, 3], "/forms/0/lines/1/label": ["x"]}
    text, worse = run(tmp_path / "reports", truth=tmp_path / "truth")
    assert not worse
    assert "order /forms/0/lines/1/label wrong: '@a' instead of '@a'" in text


def test_broken_cases_are_named(tmp_path, golden):
    with pytest.raises(InputError, match="no cases here"):
        evaluate.golden_cases(tmp_path)
    with pytest.raises(InputError, match="no truth files here"):
        evaluate.truth_cases(tmp_path, tmp_path)
    (golden / "orders" / "source.md").write_text("x")
    with pytest.raises(InputError, match=r"a case has one source\.\*, not 2"):
        evaluate.golden_cases(golden)
    (golden / "orders" / "source.md").unlink()
    (golden / "orders" / "expected.json").write_text("{}")
    with pytest.raises(InputError, match="expected a JSON object with forms"):
        evaluate.golden_cases(golden)
    (golden / "orders" / "expected.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        evaluate.golden_cases(golden)


def test_a_case_whose_source_is_missing_is_an_input_error(tmp_path):
    with pytest.raises(InputError):
        evaluate.evaluate(Case("x", tmp_path / "none.txt", (), {}), Plan(schemas=(ORDER,)))
