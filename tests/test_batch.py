"""Many documents, one run: what cannot be done is noted, the others still are."""

import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made import ORDER, order, result, value

from structurer import batch, plans, store
from structurer.batch import Watcher
from structurer.errors import HaltError, InputError, ModelError, SchemaError, UsageError
from structurer.ingest import Found
from structurer.pipeline import Plan
from structurer.record import Flag
from structurer.store import Asked, Progress, State

PLAN = Plan(schemas=(ORDER,))
CLEAN = {"checks": (), "review": ()}


@pytest.fixture
def go(tmp_path):
    """Runs a batch over files named a.txt, b.txt ... of which each is answered by a result or an error; gives tally, manifest, troubles."""

    def batch_of(*answers, errors=(), skipped=(), plan=PLAN, resume=False, before=lambda number: None):
        names = [f"{chr(97 + number)}.txt" if number < 26 else f"{number}.txt" for number in range(len(answers))]
        files = sorted(tmp_path.glob("*.txt")) if resume else [tmp_path / name for name in names]
        for file in files:
            file.write_text(file.name)
        coming, said = enumerate(answers), []

        def structured(document, _plan, _outcomes):
            number, answer = next(coming)
            before(number)
            if isinstance(answer, BaseException):
                raise answer
            yield from ()
            return replace(answer, source=document.source, sha256=document.sha256)

        begin = store.go_on if resume else store.create
        run = begin(tmp_path / "run", Asked("t", (), "built-in reader", (ORDER,)))
        watcher = Watcher(begun=lambda name: None, trouble=said.append)
        try:
            tally = batch.run_all(Found(tuple(files), errors, skipped), plan, run, watcher, structured)
        except KeyboardInterrupt:
            tally = None
        return tally, store.manifest(tmp_path / "run"), said

    return batch_of


def clean(**leaves):
    fine = {place: replace(leaf, flag=Flag.ACCEPT) for place, leaf in order().leaves.items()}
    return result(replace(order(), leaves=fine | leaves, checks=(), review=()))


def states(manifest):
    return [(Path(one.path).name, one.state.value, one.reason) for one in manifest.inputs]


def test_a_clean_result_is_done(go):
    tally, manifest, said = go(clean())
    assert (tally.exit_code, states(manifest), said) == (0, [("a.txt", "done", "")], [])


@pytest.mark.parametrize("seen", [result(), clean(**{"/name": value("x", flag=Flag.REVIEW)}), result().__class__("x", "0" * 64, ())])
def test_a_flag_a_failed_check_or_no_record_needs_review(go, seen):
    tally, manifest, _ = go(seen)
    assert tally.exit_code == 3
    assert manifest.inputs[0].state is State.NEEDS_REVIEW


def test_unreadable_input_outweighs_review_and_the_others_are_done(go):
    tally, manifest, said = go(result(), InputError("blank", where="b.txt"), clean(), errors=(InputError("no such file", where="z.txt"),))
    assert tally.exit_code == 4
    assert states(manifest) == [
        ("a.txt", "needs review", ""),
        ("b.txt", "failed", "blank"),
        ("c.txt", "done", ""),
        ("z.txt", "failed", "no such file"),
    ]
    assert [sentence.rpartition("/")[2] for sentence in said] == ["z.txt: no such file", "b.txt: b.txt: blank"]


def test_the_model_outweighs_input_and_a_bug_all(go):
    assert go(ModelError("down"), InputError("blank"))[0].exit_code == 5


def test_a_bug_is_told_with_its_traceback_and_the_others_are_done(go):
    tally, manifest, said = go(ZeroDivisionError("oops"), clean(), SchemaError("late"))
    assert tally.exit_code == 1
    assert "Traceback" in said[0]
    assert [state for _, state, _ in states(manifest)] == ["failed", "done", "failed"]


class Nobody:
    """A model that is there to be named; the batches here are answered before it is asked."""

    name = "nobody"

    async def complete(self, request):
        raise AssertionError


def test_a_model_that_will_answer_nothing_more_halts_the_run_and_the_rest_waits(go):
    halt = HaltError("the key was refused", where="http://x", remedy="set OPENAI_API_KEY")
    tally, manifest, said = go(clean(), halt, *[clean()] * 300, plan=Plan((ORDER,), Nobody()))
    assert tally.exit_code == 5
    assert (manifest.state, manifest.halted) == (Progress.HALTED, "the key was refused")
    assert said == ["http://x: the key was refused\n  next: set OPENAI_API_KEY"]
    assert {(one.state, one.reason) for one in manifest.inputs if one.state is not State.DONE} == {
        (State.SKIPPED, "the run was halted: the key was refused")
    }
    assert sum(one.state is State.DONE for one in manifest.inputs) < 300


def test_a_run_that_was_broken_off_goes_on_where_it_was(go):
    _, before, _ = go(clean(), KeyboardInterrupt(), clean())
    tally, after, _ = go(clean(), clean(), resume=True)
    assert [one.state for one in before.inputs] == [State.DONE, State.SKIPPED, State.SKIPPED]
    assert [one.state for one in after.inputs] == [State.DONE] * 3
    assert (tally.documents, after.state) == (3, Progress.FINISHED)


def test_files_of_other_kinds_are_listed_as_skipped(go):
    _, manifest, _ = go(clean(), skipped=(Path("notes.doc"),))
    assert states(manifest)[1] == ("notes.doc", "skipped", "not of a kind that can be read")


def test_an_interrupted_run_is_closed_as_interrupted(go):
    _, manifest, _ = go(clean(), KeyboardInterrupt(), clean())
    assert manifest.state is Progress.INTERRUPTED
    assert states(manifest) == [
        ("a.txt", "done", ""),
        ("b.txt", "skipped", "the run was interrupted"),
        ("c.txt", "skipped", "the run was interrupted"),
    ]


def test_two_schemas_of_one_kind_are_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    with pytest.raises(UsageError, match="two schemas are of kind 'x'"):
        plans.plan_of(plans.Wanted((tmp_path / "a" / "x.json", tmp_path / "b" / "x.json")))


def test_the_reader_is_described_in_words(tmp_path):
    replayed = plans.plan_of(plans.Wanted(replay=tmp_path, model="qwen"))
    assert plans.describe(plans.plan_of(plans.Wanted(builtin=True))) == "built-in reader"
    assert plans.describe(replayed) == "model qwen beside the built-in reader"
    assert plans.provenance(replayed)[1] == "qwen"


def test_an_interrupt_that_is_lost_in_a_finaliser_ends_the_run_before_the_next_document(go, monkeypatch):
    class Late:
        """Is interrupted while it is taken away, where Python drops what is raised."""

        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    tally, manifest, _ = go(clean(), clean(), clean(), before=lambda number: Late() if number == 1 else None)
    assert tally is None
    assert [one.state for one in manifest.inputs] == [State.DONE, State.DONE, State.SKIPPED]
