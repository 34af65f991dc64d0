"""A document that is done with: its state, what is counted of it, what its result depends on, and what the run learns of it."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import ORDER, order, result, value

from structurer import serial
from structurer.arithmetic.checks import Level
from structurer.arithmetic.checks import Outcome as Checking
from structurer.asking.extract import UnusableReplyError
from structurer.asking.llm import Reply
from structurer.asking.replies import BadReply, Fault
from structurer.contracts.contract import load
from structurer.errors import HaltError, InputError, ModelError, SchemaError, UsageError
from structurer.judging.across import Relations
from structurer.judging.convention import Conventions
from structurer.record import Checked, Flag, Record, Result, Verdict
from structurer.store.finishing import BUG, NO_FORM, SCORE_BINS, basis_of, finished, learnt_together, unfinished
from structurer.store.runs import Basis, Flagged, State

TREE = {
    "type": "object",
    "title": "Bill",
    "x-anchors": ["Bill"],
    "properties": {"sum": {"type": "number", "x-labels": ["Sum"]}, "paid": {"type": "number"}},
    "x-checks": [{"id": "positive", "check": "sum > 0"}],
}
BILL = load(TREE, kind="bill")
BASIS = basis_of("plan", (ORDER, BILL))


def clean(**leaves):
    fine = {place: replace(leaf, flag=Flag.ACCEPT) for place, leaf in order().leaves.items()}
    return replace(order(), leaves=fine | leaves, checks=(), review=())


def checked(name, holds):
    outcome = Checking(Level.FAIL if holds is False else Level.EXACT, "a", "b", "", "words", (), ())
    return Checked(name, "", "print", "", outcome, holds=holds)


# -- what came of it


def test_a_document_whose_records_hold_is_done():
    came = finished(result(clean()), (ORDER,), BASIS)
    assert (came.state, came.reason, came.records, came.held, came.failed, came.flagged) == (State.DONE, "", 1, 0, 0, ())
    assert serial.unpacked(Result, came.body) == result(clean())


def test_a_flag_is_kept_with_its_record_place_and_reasons():
    came = finished(result(clean(), order(3)), (ORDER,), BASIS)
    assert came.state is State.NEEDS_REVIEW
    assert sorted(came.flagged, key=lambda one: one.pointer) == [
        Flagged(3, "order", "/lines", ("one row is missing",)), Flagged(3, "order", "/lines/0/label", ("odd",)),
    ]  # fmt: skip


def test_a_check_that_failed_needs_review_and_is_named_with_how_often():
    one = replace(clean(), checks=(checked("a", True), checked("b", False), checked("b", False), checked("c", None)))
    two = replace(one, index=1, checks=(checked("b", False), checked("d", False)))
    came = finished(result(one, two), (ORDER,), BASIS)
    assert (came.state, came.held, came.failed, came.flagged) == (State.NEEDS_REVIEW, 1, 4, ())
    assert came.figures["failing"] == {"order: b": 3, "order: d": 1}


def test_whose_fault_a_failed_check_is_and_how_sure_flagged_values_were_is_added_up():
    blamed = replace(checked("a", False), verdict=Verdict.READING)
    record = replace(clean(**{"/name": value("x", score=0.01, flag=Flag.REVIEW)}), checks=(blamed, blamed, checked("a", False)))
    figures = finished(result(record), (ORDER,), BASIS).figures
    assert figures["failing"] == {"order: a": 3}
    assert json.loads(json.dumps(figures["verdicts"])) == {"order: a": {"reading": 2}}
    assert (figures["doubted"][0], sum(figures["doubted"])) == (1, 1)


def test_a_document_without_a_form_needs_review_and_says_why():
    came = finished(Result("x", "0" * 64, ()), (ORDER,), BASIS)
    assert (came.state, came.reason, came.records) == (State.NEEDS_REVIEW, NO_FORM, 0)
    assert came.body


@given(st.lists(st.floats(0, 1), max_size=30))
def test_every_value_has_its_score_in_one_bin_and_blanks_have_none(scores):
    leaves = {f"/numbers/{number}": value("x", score=score) for number, score in enumerate(scores)}
    record = Record("order", "a", 0, 0, 1, {**leaves, "/name": value(None, score=1.0)}, {"/numbers": len(scores)})
    figures = finished(result(record), (ORDER,), BASIS).figures
    bins = figures["scores"]
    assert (len(bins), sum(bins), sum(figures["doubted"])) == (SCORE_BINS, len(scores), 0)
    assert bins[-1] >= sum(score == 1.0 for score in scores)


# -- nothing came of it


@pytest.mark.parametrize(
    ("error", "state", "reason", "has_trace"),
    [
        (InputError("blank", where="/in/a"), State.UNREADABLE, "blank", False),
        (ModelError("no answer"), State.FAILED, "no answer", False),
        (HaltError("down"), State.FAILED, "down", False),
        (UsageError("odd"), State.FAILED, "odd", True),
        (SchemaError("late"), State.FAILED, "late", True),
        (ZeroDivisionError("oops"), State.FAILED, f"{BUG}: ZeroDivisionError('oops')", True),
    ],
)
def test_what_an_error_makes_of_a_document(error, state, reason, has_trace):
    came = unfinished(error, "trace", BASIS)
    assert (came.state, came.reason, came.trace, came.body) == (state, reason, "trace" if has_trace else "", b"")


@pytest.mark.parametrize(("fault", "state"), [(Fault.REFUSED, State.REFUSED), (Fault.FILTERED, State.REFUSED), (Fault.CUT, State.FAILED)])
def test_a_refusal_of_the_model_is_told_from_other_replies_that_cannot_be_used(fault, state):
    asking = SimpleNamespace(model=SimpleNamespace(name="m"))
    came = unfinished(UnusableReplyError(asking, (Reply("", "m"),), BadReply(fault, ())), "trace", BASIS)
    assert (came.state, came.trace) == (state, "")
    assert "the last one: " in came.reason


# -- what results depend on


def changed(**changes):
    return load({**TREE, **changes}, kind="bill")


def test_a_result_depends_on_the_schemas_of_the_kinds_that_were_found_alone():
    came = finished(result(clean()), (ORDER, BILL), BASIS)
    assert came.basis == Basis(BASIS.plan, BASIS.forms, {"order": ORDER.digest})
    checks = changed(**{"x-checks": [{"id": "large", "check": "sum > 9"}]})
    assert came.basis.stands(basis_of("plan", (ORDER, checks)))  # what is checked in bills has no say
    of_bill = replace(came.basis, schemas={"bill": BILL.digest})
    assert not of_bill.stands(basis_of("plan", (ORDER, checks)))


@pytest.mark.parametrize(
    "changes",
    [
        {"x-checks": [{"id": "large", "check": "sum > 9"}]},
        {"x-checks": []},
        {"description": "of money"},
        {"$comment": "x"},
        {"examples": [{}]},
        {"x-related": {"other": {"kind": "order", "by": "sum"}}},
    ],
)
def test_what_only_judges_has_no_say_where_forms_begin(changes):
    assert basis_of("plan", (ORDER, changed(**changes))).forms == BASIS.forms
    assert basis_of("plan", (ORDER, changed(**changes))) != BASIS


@pytest.mark.parametrize(
    "changes", [{"x-anchors": ["Invoice"]}, {"title": "Invoice"}, {"properties": {"sum": {"type": "number", "x-labels": ["Total"]}}}]
)
def test_what_forms_are_known_by_has_a_say_in_every_document(changes):
    now = basis_of("plan", (ORDER, changed(**changes)))
    assert now.forms != BASIS.forms
    assert not finished(result(clean()), (ORDER, BILL), BASIS).basis.stands(now)


def test_a_further_kind_or_one_less_has_a_say_in_every_document():
    came = finished(result(clean()), (ORDER,), basis_of("plan", (ORDER,)))
    assert not came.basis.stands(BASIS)
    assert not came.basis.stands(basis_of("plan", ()))
    assert came.basis.stands(basis_of("plan", (ORDER,)))
    assert not came.basis.stands(basis_of("another plan", (ORDER,)))


def test_a_field_that_is_called_as_a_keyword_is_none():
    fields = TREE["properties"]
    one = changed(properties={**fields, "description": {"type": "string", "x-labels": ["What"]}})
    other = changed(properties={**fields, "description": {"type": "string", "x-labels": ["Why"]}})
    assert basis_of("plan", (one,)).forms != basis_of("plan", (other,)).forms


def test_a_basis_is_the_same_in_another_process_and_for_any_text():
    assert basis_of("plan", (ORDER,)) == basis_of("plan", (load(json.loads(json.dumps(dict(ORDER.source))), kind="order"),))
    assert basis_of("\ud800", ()) != basis_of("\ud801", ())


# -- what a run learns


def test_what_documents_teach_together_is_what_all_their_records_teach():
    documents = [result(order(0, "a"), order(1, "a"), source="a"), result(order(0, "b"), source="b"), Result("c", "0" * 64, ())]
    conventions, relations = Conventions(), Relations((ORDER,))
    for document in documents:
        for record in document.records:
            conventions.add(record)
        relations.add(document.records)
    learnt = [finished(document, (ORDER,), BASIS).learnt for document in documents]
    assert learnt_together(learnt) == (conventions.conclude(), relations.conclude())
    assert learnt_together([]) == (Conventions().conclude(), Relations().conclude())
