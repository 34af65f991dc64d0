"""Workers on a Ray cluster of this machine: they share a run, and one that is killed costs nothing but time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from postgres_server import address

from structurer.archive import cluster
from structurer.archive.batch import Watcher, Worker
from structurer.archive.tally import Tally
from structurer.store.runs import State

DOCUMENTS = 600  # enough that some wait when the first actor is at work
ACTOR = "ray::_Member.work"
PATIENCE_S = 240.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")]


def invoice(number: int) -> str:
    return f"Invoice\nInvoice number: R-{number}\nInvoice date: 2024-03-01\nTotal: {number}.00\n"


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "docs").mkdir()
    for number in range(DOCUMENTS):
        (tmp_path / "docs" / f"{number:03}.txt").write_text(invoice(number))
    return tmp_path


def command(folder: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "structurer", "structure", "docs", "--out", "run", *more]
    environment = {**os.environ, "STRUCTURER_STORE": address()}
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(folder: Path, *words: str) -> str:
    environment = {**os.environ, "STRUCTURER_STORE": address()}
    words = (sys.executable, "-m", "structurer", *words)
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def actors() -> list[int]:
    """The processes of actors that are at work."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found += [int(entry.name)] if words.startswith(ACTOR) else []
    return found


def test_an_actor_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled(folder):
    run = command(folder, "--engine", "ray", "--workers", "2", "--hosts", "1")
    until = monotonic() + PATIENCE_S
    while run.poll() is None and not actors() and monotonic() < until:
        sleep(0.05)
    if killed := actors():
        os.kill(killed[0], signal.SIGKILL)
    output, _ = run.communicate(timeout=PATIENCE_S)
    assert killed, output
    assert run.returncode == 3, output
    records = [json.loads(line) for line in told(folder, "export", "run").splitlines()]
    assert sorted(record["record"]["invoice_number"] for record in records) == sorted(f"R-{number}" for number in range(DOCUMENTS))


def test_a_cluster_needs_a_store_that_its_workers_share(folder):
    words = [sys.executable, "-m", "structurer", "structure", "docs", "--out", "run", "--engine", "ray"]
    run = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _ = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 2
    assert "add --store postgresql://" in output


# -- the end of a run


class CancelledError(Exception):
    pass


@dataclass
class Ray:
    """A cluster with one worker, "work", that has begun or not, and ends when it `may_end`."""

    has_begun: bool
    may_end: threading.Event = field(default_factory=threading.Event)
    cancelled: list[str] = field(default_factory=list)
    looks: int = 0
    exceptions = SimpleNamespace(TaskCancelledError=CancelledError)

    def wait(self, refs, num_returns, timeout):
        if refs == ["begun"]:
            return (refs, []) if self.has_begun else ([], refs)
        self.looks += 1
        return (refs, []) if self.may_end.wait(timeout) else ([], refs)

    def get(self, ref):
        if ref in self.cancelled:
            raise CancelledError
        return "its last words", ""

    def cancel(self, ref):
        self.cancelled.append(ref)
        self.may_end.set()


@pytest.fixture
def heeded(monkeypatch):
    monkeypatch.setattr(cluster, "LOOK_S", 0.01)
    said = []

    def run(ray, tally, meanwhile):
        with cluster._heeded(ray, ["begun"], ["work"], Watcher(lambda _: None, said.append), tally, threading.Event()):
            meanwhile()
        return said

    return run


def test_workers_end_and_say_their_last_words_before_the_cluster_goes(heeded):
    ray = Ray(has_begun=True)
    assert heeded(ray, Tally(), threading.Timer(0.2, ray.may_end.set).start) == ["its last words"]
    assert ray.cancelled == []


def test_a_worker_that_has_found_no_room_is_not_waited_for(heeded):
    ray = Ray(has_begun=False)
    assert heeded(ray, Tally(), lambda: None) == []
    assert ray.cancelled == ["work"]


def test_a_run_that_is_broken_off_waits_for_nobody_and_asks_ray_nothing_any_more(heeded):
    ray, tally = Ray(has_begun=True), Tally()
    tally.counts[State.IN_WORK] = 1
    assert heeded(ray, tally, lambda: None) == []
    looks = ray.looks
    sleep(0.1)
    assert ray.looks == looks


def test_who_watches_and_is_told_to_stop_at_once_while_something_moves_stops():
    async def stopped():
        worker = Worker.__new__(Worker)
        worker._moved = asyncio.Event()
        watching = asyncio.create_task(worker._movement(PATIENCE_S))
        await asyncio.sleep(0.01)
        worker._moved.set()
        watching.cancel()
        await asyncio.wait([watching])
        return watching.cancelled()

    assert asyncio.run(stopped())
