"""How far a run is, from another terminal, and another try for what could not be done."""

import json
from pathlib import Path

import pytest
from made import ORDER, result

from structurer.archive import status
from structurer.asking.llm import Reply, Usage
from structurer.endpoints.book import Book
from structurer.errors import UsageError
from structurer.store import runfolder
from structurer.store.finishing import basis_of, finished
from structurer.store.runs import UNDONE, Asked, LeftAside, Located, Outcome, State

BASIS = basis_of("plan", (ORDER,))
ASKED = Asked("structurer 0", ("structure", "my docs", "--out", "run", "--resume"), "built-in reader", (ORDER,))


class Going:
    """A run that goes on."""

    def __init__(self, folder):
        self.folder, self.store = folder, runfolder.create(folder, ASKED)
        self.worker = self.store.enrol("w")

    def add(self, *names):
        self.store.add([Located(name, name, f"/in/{name}", f"sha {name}") for name in names])

    def did(self, *outcomes):
        for lease, outcome in zip(self.store.lease(self.worker, len(outcomes)), outcomes, strict=True):
            assert self.store.finish(self.worker, lease.document, outcome)


@pytest.fixture
def going(tmp_path):
    made = Going(tmp_path / "run")
    yield made
    made.store.close()


def done():
    return finished(result(), (ORDER,), BASIS)


def test_a_run_that_goes_on_is_told_in_lines(going):
    going.add(*"abcdef")
    going.did(done(), done(), Outcome(State.REFUSED, "a refusal"), Outcome(State.UNREADABLE, "blank"))
    going.store.lease(going.worker, 1)
    going.store.set_aside([LeftAside("x.doc", State.SKIPPED, "kind"), LeftAside("y", State.UNREADABLE, "locked")])
    book = Book()
    book.add("m", Reply("x", "m", usage=Usage(1000, 5)), None)
    going.store.heard_of(going.worker, book.as_dict())
    head, *lines = status.of_run(going.folder).splitlines()
    assert head.startswith(f"{going.folder}: running, built-in reader, begun 20")
    assert [line.strip() for line in lines[:6]] == ["1 waiting", "1 in work", "2 needs review", "2 unreadable", "1 refused", "1 skipped"]
    assert lines[6] == "2 records, 0 checks held, 2 failed, 4 places to review"
    assert lines[7].startswith("models: 1 calls, 1.0 k tokens in") or lines[7].startswith("models: 1 call, 1.0 k tokens in")
    assert sorted(lines[8:11]) == ["  refused: c: a refusal", "  unreadable: d: blank", "  unreadable: y: locked"]
    assert lines[11:] == ["next, if nobody is at it: structurer structure 'my docs' --out run --resume"]


def test_a_finished_run_has_nothing_to_follow(going):
    going.add("a")
    going.did(done())
    assert "next" not in status.of_run(going.folder)


def test_what_could_not_be_done_leads_to_another_try_and_an_unreadable_file_does_not(going):
    going.add("a", "b")
    going.did(done(), Outcome(State.UNREADABLE, "blank"))
    assert "next" not in status.of_run(going.folder)
    going.add("c")
    going.did(Outcome(State.QUARANTINED, "killed"))
    assert status.of_run(going.folder).splitlines()[-1] == f"next: structurer retry {going.folder}"


def test_long_lists_are_shortened_and_say_so(going):
    going.add(*(f"{number:03}" for number in range(status.LISTED + 1)))
    going.did(*(Outcome(State.FAILED, "no answer") for _ in range(status.LISTED + 1)))
    lines = status.of_run(going.folder).splitlines()
    assert sum(line.startswith("  failed: ") for line in lines) == status.LISTED
    assert "  ... and more: structurer show RUN --all" in lines


def test_files_of_the_same_content_are_told_as_such(going):
    going.add("a")
    going.store.add([Located("copy", "copy", "/in/copy", "sha a")])
    going.did(Outcome(State.FAILED, "no answer"))
    assert "  failed: a (and 1 of the same content): no answer" in status.of_run(going.folder)


def test_the_status_is_told_as_json(going):
    going.add("a", "b")
    going.did(done())
    assert json.loads(status.of_run(going.folder, as_json=True)) == {
        "state": "running", "started": going.store.manifest().started, "finished": None, "halted": "", "reader": "built-in reader",
        "documents": {"needs review": 1, "waiting": 1}, "records": 1, "checks_held": 0, "checks_failed": 1, "to_review": 2, "spent": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a\x1b[31m\nb", "a\u202eb"])
def test_names_and_reasons_steer_no_terminal(going, name):
    going.add(name)
    going.did(Outcome(State.FAILED, f"odd: {name}"))
    said = status.of_run(going.folder)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert all("b" not in line[:2] for line in said.splitlines())


# -- another try


def undone(going):
    states = sorted(UNDONE)
    going.add(*states)
    going.did(*(Outcome(state, "why") for state in states))
    going.add("fine")
    going.did(done())
    going.store.close()


@pytest.mark.parametrize(
    ("names", "waiting"),
    [((), set(UNDONE)), (("failed",), {State.FAILED}), (("refused", "quarantined"), {State.REFUSED, State.QUARANTINED})],
)
def test_documents_of_the_states_that_are_named_wait_again(going, names, waiting):
    undone(going)
    said = status.retried(going.folder, names)
    what = f"{len(waiting)} document{'s' * (len(waiting) != 1)} will be tried again"
    assert said == f"{what}\n  next: structurer structure 'my docs' --out run --resume"
    with runfolder.opened(going.folder) as store:
        came = {one.names[0]: one.state for one in store.came()}
    assert {State(name) for name, state in came.items() if state is State.WAITING} == waiting
    assert came["fine"] is State.NEEDS_REVIEW


@pytest.mark.parametrize("name", ["done", "waiting", "needs review", "nonsense", ""])
def test_a_state_that_cannot_be_tried_again_is_refused_and_those_that_can_are_named(going, name):
    undone(going)
    with pytest.raises(UsageError) as caught:
        status.retried(going.folder, [name])
    assert caught.value.remedy == "--state failed | quarantined | refused | unreadable"


def test_a_run_that_is_worked_on_is_left_alone(going):
    with pytest.raises(UsageError, match="this run is being worked on"):
        status.retried(going.folder, ())


def test_what_is_no_run_is_named(tmp_path):
    for ask in (status.of_run, lambda folder: status.retried(folder, ())):
        with pytest.raises(UsageError, match="this is not a run folder"):
            ask(tmp_path / "none")
    assert list(Path(tmp_path).iterdir()) == []
