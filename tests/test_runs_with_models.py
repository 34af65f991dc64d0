"""The whole command with models behind a stub endpoint: what it returns, leaves behind and asks; what a kill, a budget, an endpoint that is
down or a refused key leave undone, and how `--resume` goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from made import CLEAN, call
from stub_running import STUB, Prefix, Running, running
from stub_statements import SCHEMA, statement

from structurer.errors import StructurerError
from structurer.record import Record, Result
from structurer.store import runfolder
from structurer.store.runs import Came, Manifest, Progress

KEY, PASSWORD = "sk-test-0123456789", "hunter2-very-secret"
ACCOUNT = r"Account: (\S+)"  # by which a stub knows the document that it is asked for
RATES = {"prompt_tokens": Decimal(100), "completion_tokens": Decimal(200)}  # of a million tokens
PRICE = "price = { input = 100, output = 200 }\nmax_output_tokens = 400"
WAIT_S = 60.0  # seconds after which a test gives up


@dataclass(frozen=True)
class Desk:
    """A working folder with statements, their schema and settings; the command as a user calls it there."""

    folder: Path
    accounts: dict[str, str]  # of the documents, by the stem of their file

    def settle(self, prefix: Prefix, more: str = "", top: str = "") -> None:
        """Write a structurer.toml with a model `fast` at the stub."""
        text = f'model = "fast"\n{top}\n[models.fast]\nmodel = "tiny"\nbase_url = "{prefix.base_url}"\n{more}\n'
        (self.folder / "structurer.toml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_CONFIG_HOME": str(self.folder), "NO_PROXY": "127.0.0.1"}

    def run(self, *options: str, paths: tuple[str, ...] = ("docs",), **environ: str) -> subprocess.CompletedProcess[str]:
        """`structurer structure` into the folder `run`."""
        command = ("structure", *paths, "--schema", "statement.json", "--out", "run", *options)
        done = call(*command, environment=self.environment | environ, cwd=self.folder)
        assert "Traceback" not in done.stderr
        assert "bug" not in done.stderr
        return done

    def begun(self, *options: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        command = [sys.executable, "-m", "structurer", "structure", "docs", "--schema", "statement.json", "--out", "run", *options]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=CLEAN | self.environment, cwd=self.folder)

    @property
    def manifest(self) -> Manifest:
        with runfolder.opened(self.folder / "run") as store:
            return runfolder.manifest_of(store)

    @property
    def total(self) -> dict[str, Any]:
        assert self.manifest.spent is not None
        found: dict[str, Any] = self.manifest.spent["total"]
        return found

    @property
    def states(self) -> dict[str, int]:
        return dict(self.manifest.counts)

    @property
    def came(self) -> list[Came]:
        with runfolder.opened(self.folder / "run") as store:
            return list(store.came())

    @property
    def documents(self) -> dict[str, Result]:
        """The results that are there, by the stem of their file."""
        with runfolder.opened(self.folder / "run") as store:
            found = [(Path(result.source).stem, result) for result in store.results()]
        assert len(dict(found)) == len(found)
        return dict(found)

    @property
    def finished(self) -> int:
        """How many results there are in a run that has perhaps not begun."""
        with suppress(StructurerError, sqlite3.Error):
            return len(self.documents)
        return 0

    def records(self) -> dict[str, Record]:
        return {stem: found.records[0] for stem, found in self.documents.items()}

    def read(self) -> dict[str, Any]:
        """The accounts as they were read, by the stem of their file."""
        return {stem: record.leaves["/account"].text for stem, record in self.records().items()}

    def kept(self) -> list[dict[str, Any]]:
        """The usage of every reply in the cache: of all that was answered."""
        files = (self.folder / "cache" / "structurer").rglob("??/*.json")
        return [json.loads(file.read_text("utf-8"))["reply"]["usage"] for file in files]

    def paid(self) -> Decimal:
        """What the replies in the cache cost."""
        return sum((rate * usage[name] for usage in self.kept() for name, rate in RATES.items()), Decimal(0)) / 10**6

    def written(self) -> str:
        """All that a run and the cache have written."""
        files = [file for folder in ("run", "cache") for file in (self.folder / folder).rglob("*") if file.is_file()]
        return "\n".join([*map(str, files), *(file.read_text("utf-8", "replace") for file in files)])


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture
def make(tmp_path: Path) -> Callable[[int], Desk]:
    def made(count: int) -> Desk:
        (tmp_path / "docs").mkdir()
        accounts = {}
        for number in range(count):
            text, truth = statement(3, number)
            (tmp_path / "docs" / f"{number:03}.txt").write_text(text)
            accounts[f"{number:03}"] = truth["account"]
        (tmp_path / "statement.json").write_text(json.dumps(SCHEMA))
        return Desk(tmp_path, accounts)

    return made


@contextmanager
def running_at(port: int) -> Iterator[Running]:
    """A stub at the port of one that is gone."""
    code = f"""
        import asyncio, sys
        sys.path.insert(0, {str(STUB.parent)!r})
        import stub_endpoint
        site, ports = stub_endpoint.web.TCPSite, iter(({port}, 0))
        stub_endpoint.web.TCPSite = lambda runner, host, _, **more: site(runner, host, next(ports), **more)
        asyncio.run(stub_endpoint.listen({WAIT_S}))
    """
    command = [sys.executable, "-c", dedent(code)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Running(int(process.stdout.readline()), process.pid)
        process.kill()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def amount(spent: dict[str, Any]) -> Decimal:
    return Decimal(spent["costs"].get("USD", "0"))


# -- a run, and the cache ------------------------------------------------------------------------------------------------


def test_a_run_accounts_for_every_call_and_a_second_one_asks_nothing(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(4), stub.load(answer="read")
    desk.settle(prefix, f'{PRICE}\nkey_env = "FAST_KEY"')
    done = desk.run("--verbose", FAST_KEY=KEY)
    *calls, closing = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(calls)) == (0, "", 4)
    assert all(re.match(r"\d\d:\d\d:\d\d  \S*docs/00\d\.txt +fast +\d+\.\d s  \d+ tokens in.*, \d+ out$", line) for line in calls)
    assert re.fullmatch(
        r"4 documents, 4 records, 8 checks held, 0 failed, 0 to review; model fast beside the built-in reader "
        r"\(4 calls, [\d.]+ k tokens in \(\d+ % cached\), \d+ out, 0\.\d+ USD\); in run; next: structurer show run",
        closing,
    )
    manifest = desk.manifest
    parts = [one.spent for one in desk.came if one.spent]
    assert (manifest.state, manifest.model, desk.states) == (Progress.FINISHED, "fast", {"done": 4})
    assert manifest.spent is not None
    assert (manifest.spent["outcomes"], [one["outcomes"] for one in parts]) == ({"usable": 4}, [{"usable": 1}] * 4)
    assert (desk.total["calls"], desk.total["replayed"], desk.total["unpriced"]) == (4, 0, 0)
    assert desk.total["prompt_tokens"] == sum(one["models"]["fast"]["prompt_tokens"] for one in parts)
    assert amount(desk.total) == sum(amount(one["total"]) for one in parts) == desk.paid() > 0
    assert desk.read() == desk.accounts
    assert KEY not in desk.written() + done.stderr

    (desk.folder / "run").rename(desk.folder / "first")
    again = desk.run("--verbose", FAST_KEY=KEY)
    assert (again.returncode, prefix.counts()["requests"]) == (0, 4)
    assert [line.endswith("from the cache") for line in again.stderr.splitlines()[:-1]] == [True] * 4
    assert "(4 calls, all from the cache)" in again.stderr
    assert (desk.total["calls"], desk.total["replayed"], desk.total["prompt_tokens"], desk.total["costs"]) == (4, 4, 0, {})

    (desk.folder / "run").rename(desk.folder / "second")
    assert desk.run("--no-cache", FAST_KEY=KEY).returncode == 0
    assert (prefix.counts()["requests"], desk.total["replayed"], amount(desk.total) > 0) == (8, 0, True)


def test_opinions_and_a_stronger_model_run_through_and_are_told(stub: Running, make: Callable[[int], Desk]) -> None:
    desk = make(2)
    wrong, right, strong = stub.load(answer="misplaced", seed=3), stub.load(answer="read"), stub.load(answer="read")
    others = f'[models.other]\nbase_url = "{right.base_url}"\n[models.strong]\nbase_url = "{strong.base_url}"'
    desk.settle(wrong, others)
    assert desk.run("--samples", "3", "--second", "other", "--escalate", "strong").returncode in (0, 3)
    assert (wrong.counts()["requests"], right.counts()["requests"]) == (6, 2)
    asked = strong.counts()["requests"]
    assert asked >= 1
    manifest = desk.manifest
    assert manifest.spent is not None
    assert manifest.reader == "model fast, 3 times and model other beside the built-in reader, flagged cells by model strong"
    assert {name: spent["calls"] for name, spent in manifest.spent["models"].items()} == {"fast": 6, "other": 2, "strong": asked}
    for record in desk.records().values():
        provenance: dict[str, Any] = dict(record.provenance)
        assert provenance["reader"].startswith("model:fast+model:other")
        assert re.match(r"\d+ of \d+ cells by strong", provenance["escalated"])
        assert {leaf.agreement[1] for leaf in record.leaves.values() if leaf.agreement} == {4}
    assert sum(int(str(record.provenance["calls"])) for record in desk.records().values()) == 8 + asked


# -- broken off, and gone on with ----------------------------------------------------------------------------------------


def test_after_a_kill_nothing_is_lost_doubled_or_asked_again(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(20), stub.load(answer="read", latency_s=0.2, key_pattern=ACCOUNT)
    desk.settle(prefix, f"{PRICE}\nmax_in_flight = 3")
    with desk.begun() as process:
        until(lambda: desk.finished >= 5)
        process.kill()
        process.communicate()
    before = desk.documents
    finished = [desk.accounts[stem] for stem in before]
    assert (desk.manifest.state, 5 <= len(finished) < 20) == (Progress.RUNNING, True)
    assert desk.states["done"] == len(finished)

    done = desk.run("--resume")
    assert (done.returncode, desk.manifest.state, desk.states) == (0, Progress.FINISHED, {"done": 20})
    assert desk.read() == desk.accounts
    assert {stem: desk.documents[stem] for stem in before} == before
    answered = prefix.counts()["well"]
    assert {account: answered[account] for account in finished} == dict.fromkeys(finished, 1)
    assert set(answered) == set(desk.accounts.values())
    assert "20 documents, 20 records" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group there")
def test_ctrl_c_once_leaves_what_is_finished_and_a_ledger_that_is_right(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(20), stub.load(answer="read", latency_s=0.2, key_pattern=ACCOUNT)
    desk.settle(prefix, f"{PRICE}\nmax_in_flight = 3")
    with desk.begun() as process:
        until(lambda: desk.finished >= 4)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    first, *rest = said.splitlines()
    assert re.fullmatch(r"finishing the \d+ documents in hand; Ctrl-C again stops at once", first)
    assert rest == ["interrupted; what was finished is in run", "  next: structurer show run, or the same command with --resume"]
    assert desk.manifest.state is Progress.INTERRUPTED
    assert set(desk.states) <= {"done", "waiting"}  # those in hand, which may be all, are finished
    assert sum(desk.states.values()) == 20
    assert (desk.total["calls"], desk.total["unpriced"]) == (len(desk.kept()), 0)
    assert amount(desk.total) == desk.paid()


def children(process: int) -> set[int]:
    """All that a process has started, and what these have."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    own = {int(child) for thread in threads for child in thread.read_text().split()}
    return own | {other for child in own for other in children(child)}


def lives(process: int) -> bool:
    """Whether it is there, and no corpse that nobody has fetched."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists(), reason="processes are not told of in /proc")
def test_no_process_outlives_a_run_that_was_killed(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(4), stub.load(answer="read", latency_s=10 * WAIT_S)
    desk.settle(prefix)
    with desk.begun("--hosts", "2") as process:
        until(lambda: prefix.counts()["requests"] == 4)
        started = children(process.pid)
        process.kill()
        process.communicate()
    assert len(started) >= 2
    until(lambda: not any(map(lives, started)))


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group there")
def test_ctrl_c_twice_stops_at_once_and_what_is_not_answered_waits(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(4), stub.load(answer="read", latency_s=10 * WAIT_S)
    desk.settle(prefix, PRICE)
    with desk.begun() as process:
        until(lambda: prefix.counts()["requests"] == 4)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
    assert first == "finishing the 4 documents in hand; Ctrl-C again stops at once\n"
    assert (process.returncode, said.startswith("interrupted; what was finished is in run"), "Traceback" in said) == (130, True, False)
    assert (desk.manifest.state, desk.states) == (Progress.INTERRUPTED, {"waiting": 4})


def test_a_budget_stops_a_run_before_it_is_passed_and_a_larger_one_goes_on(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(6), stub.load(answer="read", key_pattern=ACCOUNT)
    desk.settle(prefix, PRICE)
    done = desk.run("--budget", "0.9")
    first, *_, closing = done.stderr.splitlines()
    assert done.returncode == 5
    assert re.fullmatch(r"the budget is used up: 0\.\d+ of 0\.90 USD spent, and the next call may cost 0\.\d+", first)
    assert "  next: raise --budget and repeat the command with --resume: what was answered is not paid for again" in done.stderr
    finished = len(desk.documents)
    assert f"{6 - finished} input{'s' * (finished != 5)} not done" in closing
    assert closing.endswith("; in run; next: the same command with --resume")
    assert (desk.manifest.state, desk.manifest.halted) == (Progress.HALTED, first)
    assert (0 < finished < 6, desk.states) == (True, {"done": finished, "waiting": 6 - finished})
    assert amount(desk.total) == desk.paid() <= Decimal("0.9")
    assert (desk.total["calls"], desk.total["unpriced"]) == (prefix.counts()["requests"], 0)  # what was never sent is no call
    spent = desk.paid()

    assert desk.run("--budget", "0.9", "--resume").returncode == 5
    assert (desk.paid(), amount(desk.total)) == (spent, spent)  # the money of the first part is gone

    assert desk.run("--budget", "5", "--resume").returncode == 0
    assert (desk.manifest.state, desk.states) == (Progress.FINISHED, {"done": 6})
    assert amount(desk.total) == desk.paid() > spent
    assert prefix.counts()["well"] == dict.fromkeys(desk.accounts.values(), 1)


def test_an_endpoint_that_goes_down_halts_the_run_and_the_rest_waits(make: Callable[[int], Desk]) -> None:
    desk = make(20)
    with running() as first:
        prefix = first.load(answer="read", latency_s=0.2)
        desk.settle(prefix, "max_in_flight = 3", "patience_s = 0.5")
        with desk.begun() as process:
            until(lambda: desk.finished >= 4)
            os.kill(first.process, signal.SIGKILL)
            _, said = process.communicate(timeout=WAIT_S)
    paused, halted, *_ = (line.partition("/v1: ")[2] or line for line in said.splitlines())
    assert (process.returncode, halted) == (5, "the endpoint has not answered for 0.5 s")
    assert paused.startswith("endpoint does not answer; paused")
    assert "  next: structurer doctor, and when it is back: the same command with --resume" in said
    finished = len(desk.documents)
    assert (desk.manifest.state, desk.states) == (Progress.HALTED, {"done": finished, "waiting": 20 - finished})
    with running_at(first.port) as second:
        assert second.port == first.port
        prefix.set(answer="read")
        assert desk.run("--resume").returncode == 0
        answered = prefix.counts()["requests"]
    assert (desk.states, 20 - finished - 3 <= answered <= 20 - finished) == ({"done": 20}, True)  # some were in the cache already
    assert desk.read() == desk.accounts


def test_a_refused_key_halts_at_once_and_no_secret_is_shown_or_written(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, bad, good = make(20), stub.fault("bad_key"), stub.load(answer="read")
    secret = {one: one.base_url.replace("http://", f"http://joe:{PASSWORD}@") for one in (bad, good)}
    refused = desk.run("--model", "tiny", OPENAI_BASE_URL=secret[bad])
    words = "the key was refused (HTTP 401: Incorrect API key provided: Basic [key])"
    assert (refused.returncode, refused.stderr.splitlines()[:2]) == (
        5,
        [f"{bad.base_url}: {words}", "  next: set OPENAI_API_KEY to a key of this endpoint"],
    )
    assert len(refused.stderr.splitlines()) == 3
    assert "20 inputs not done" in refused.stderr
    assert (desk.manifest.state, desk.manifest.halted, desk.states) == (Progress.HALTED, words, {"waiting": 20})
    assert (desk.total["calls"], len(bad.seen()) <= 16) == (0, True)  # those that were in flight when the first came back
    halted = desk.written()

    done = desk.run("--model", "tiny", "--resume", OPENAI_BASE_URL=secret[good])
    assert (done.returncode, desk.states) == (0, {"done": 20})
    for part in (PASSWORD, "am9lO"):  # joe: in Base64
        assert part not in refused.stderr + done.stderr + halted + desk.written()


def test_a_run_is_gone_on_with_as_it_was_begun(stub: Running, make: Callable[[int], Desk]) -> None:
    desk = make(3)
    desk.settle(stub.load(answer="misplaced"), f'[models.other]\nbase_url = "{stub.load().base_url}"')
    assert desk.run().returncode == 3
    before, came = desk.documents, desk.came
    done = desk.run("--resume", "--model", "other")
    remedy = "add --update to do anew what depends on it, or repeat the command that began it"
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        ["structurer: run: this run was begun with another reader", f"  next: {remedy}"],
    )
    form = (desk.folder / "statement.json").read_text()
    (desk.folder / "statement.json").write_text(form.replace("Total of amounts", "Sum of amounts"))
    assert "this run was begun with another schema" in desk.run("--resume").stderr
    (desk.folder / "statement.json").write_text(form)
    assert (desk.came, desk.documents) == (came, before)

    (desk.folder / "docs" / "blank.txt").write_text("")
    done = desk.run("--resume", paths=("docs/001.txt", "docs/blank.txt"))
    assert (done.returncode, "3 documents, 3 records" in done.stderr, "1 input not done" in done.stderr) == (4, True, True)
    assert desk.documents == before  # those of inputs that are not named stay
    assert desk.states == {"needs review": 3, "unreadable": 1}


def test_update_asks_anew_for_what_depends_on_what_has_changed_and_for_nothing_else(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, first, other = make(3), stub.load(answer="misplaced"), stub.load(answer="read")
    desk.settle(first, f'[models.other]\nbase_url = "{other.base_url}"')
    assert desk.run().returncode == 3
    assert (desk.run("--update").returncode, first.counts()["requests"]) == (3, 3)  # nothing has changed
    done = desk.run("--update", "--model", "other")
    assert (done.returncode, desk.states, desk.manifest.model) == (0, {"done": 3}, "other")
    assert (desk.read(), other.counts()["requests"]) == (desk.accounts, 3)
    assert desk.total["calls"] == 6  # the ledger is of the whole run

    (desk.folder / "docs" / "001.txt").write_text(statement(3, 99)[0])
    assert desk.run("--update", "--model", "other").returncode == 0
    assert (desk.states, other.counts()["requests"]) == ({"done": 3, "gone": 1}, 4)
    with runfolder.opened(desk.folder / "run") as store:
        assert len(list(store.results())) == 3


def test_a_run_with_a_replaced_document_is_shown(make: Callable[[int], Desk]) -> None:
    desk = make(2)
    (desk.folder / "structurer.toml").write_text("")
    assert desk.run().returncode in (0, 3)
    (desk.folder / "docs" / "001.txt").write_text(statement(3, 99)[0])
    assert desk.run("--resume").returncode in (0, 3)
    assert desk.states["gone"] == 1
    assert "Traceback" not in call("status", "run", cwd=desk.folder).stderr
    done = call("show", "run", cwd=desk.folder)
    assert (done.returncode, "gone" in done.stdout) == (0, True)


def test_what_could_not_be_answered_is_tried_again_when_a_person_says_so(stub: Running, make: Callable[[int], Desk]) -> None:
    desk, prefix = make(2), stub.fault("refusing")
    desk.settle(prefix)
    assert desk.run("--no-witness").returncode == 5
    assert desk.states == {"refused": 2}
    asked = len(prefix.seen())
    assert desk.run("--no-witness", "--resume").returncode == 5
    assert (desk.states, len(prefix.seen())) == ({"refused": 2}, asked)  # not of itself
    assert call("retry", "run", "--state", "failed", cwd=desk.folder).stderr.startswith("0 documents will be tried again")
    done = call("retry", "run", cwd=desk.folder)
    assert done.stderr.startswith("2 documents will be tried again\n  next: structurer structure docs --schema statement.json")
    assert desk.states == {"waiting": 2}
    desk.settle(stub.load(answer="read"))
    assert desk.run("--no-witness", "--update").returncode == 0
    assert desk.states == {"done": 2}


# -- mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text", "said"),
    [
        (("--modle", "tiny"), "", "No such option: --modle"),
        (("--samples", "0"), "", "Invalid value for '--samples'"),
        (("--model", "tiny"), "", "structurer: model 'tiny' is named, but neither a key nor an endpoint"),
        ((), "model = fast", "structurer: structurer.toml: no TOML: Invalid value (at line 1, column 9)"),
    ],
)
def test_a_mistake_is_one_clear_message_and_leaves_nothing_behind(
    make: Callable[[int], Desk], options: tuple[str, ...], text: str, said: str
) -> None:
    desk = make(1)
    (desk.folder / "structurer.toml").write_text(text)
    done = desk.run(*options)
    assert (done.returncode, done.stdout, (desk.folder / "run").exists()) == (2, "", False)
    assert said in done.stderr
    assert KEY not in done.stderr
    assert len(done.stderr.splitlines()) <= 5
