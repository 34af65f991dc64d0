"""The benchmark of kills, in small: runs that die at random moments, at chosen calls and in power cuts lose and double nothing; and every
bug that is planted is found."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from stub_running import Running, running

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

import kills_points
import kills_postgres
import kills_power
import kills_random
import kills_runs
from kills_planted import BUGS, LEASE_S, Ground
from kills_points import KILL, STRACE, WAYS, Point
from kills_power import Disk, Event, What
from kills_random import Kill, Victim
from kills_threads import COMMITS, MAIN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")
needs_postgres = pytest.mark.skipif(kills_postgres.programs() is None, reason="no PostgreSQL server is installed")
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
DOCUMENTS = 40
HUNG_S = 30.0


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as started:
        yield started


def missed(came: kills_random.Came, number: int) -> list[str]:
    """What is not as it is wanted, but for seconds."""
    section = kills_random.section(came, DOCUMENTS, number, "")
    return [one.line() for one in section.figures if one.met is False and one.key != "rerun_s"]


def test_a_run_killed_with_its_hosts_and_its_zygote_loses_and_doubles_nothing(stub: Running, tmp_path: Path) -> None:
    planned = [Kill(Victim.WHOLE, 3, 0.0), Kill(Victim.HOST, 8, 0.0), Kill(Victim.ZYGOTE, 15, 0.0), Kill(Victim.WHOLE, 25, 0.0)]
    came = kills_random.run(stub, tmp_path / "desk", DOCUMENTS, 0, 1, planned=planned)
    assert missed(came, 2) == []
    assert came.kills[Victim.WHOLE] >= 1


@needs_postgres
@pytest.mark.slow
def test_of_two_workers_one_is_killed_and_the_other_does_its_part(stub: Running, tmp_path: Path) -> None:
    with kills_postgres.server() as address:
        planned = [Kill(Victim.WHOLE, 3, 0.0), Kill(Victim.WHOLE, 10, 0.0)]
        more = {"planned": planned, "address": address, "lease_s": LEASE_S, "latency_s": 0.5}
        came = kills_random.run(stub, tmp_path / "desk", DOCUMENTS, 0, 1, **more)
    assert missed(came, 1) == []


@needs_ray
@needs_postgres
@pytest.mark.slow
def test_an_actor_that_is_killed_joins_again_under_its_name_and_frees_what_it_had(stub: Running, tmp_path: Path) -> None:
    with kills_postgres.server() as address:
        more = {"planned": [Kill(Victim.ACTOR, 3, 0.0)], "address": address, "engine": kills_runs.RAY, "latency_s": 2.0}
        came = kills_random.run(stub, tmp_path / "desk", DOCUMENTS, 0, 1, **more)
    assert missed(came, 1) == []


@needs_strace
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("thread", [MAIN, COMMITS])
def test_a_run_that_dies_or_whose_disk_fails_in_a_call_is_gone_on_with(tmp_path: Path, thread: str, way: str) -> None:
    def wanted(point: Point) -> bool:
        return (point.thread, point.way) == (thread, way) and point.call != "openat"

    came = kills_points.every(tmp_path, wanted, step=19)
    assert (came.points > 0, came.violations) == (True, [])


@needs_strace
def test_a_run_that_dies_while_it_makes_its_folder_is_gone_on_with(tmp_path: Path) -> None:
    came = kills_points.every(tmp_path, lambda point: point.call == "openat" and point.way == KILL)
    assert (came.points > 0, came.violations) == (True, [])


@needs_strace
def test_a_power_cut_takes_nothing_that_was_said_to_be_done(tmp_path: Path) -> None:
    came = kills_power.every(tmp_path, 1, chances=1, resumed=2)
    assert (came.said, came.violations) == (kills_power.DOCUMENTS, [])


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(stub: Running, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills_random, "PATIENCE_S", HUNG_S)  # a run that a bug keeps from ending is found out sooner
    planted = BUGS[name]
    if planted.is_traced and STRACE is None:
        pytest.skip("strace is not installed")
    if planted.is_shared and kills_postgres.programs() is None:
        pytest.skip("no PostgreSQL server is installed")
    with kills_postgres.server() if planted.is_shared else nullcontext("") as address:
        assert planted.missed(Ground(tmp_path, stub, address), name)


# -- the model of a disk


def test_what_was_synced_stays_and_what_was_not_may_go() -> None:
    disk, file = Disk(), "/run/file"
    for event in (Event(What.WRITTEN, file, 0, b"kept"), Event(What.SYNCED, file), Event(What.SYNCED, "/run")):
        disk.does(event)
    disk.does(Event(What.WRITTEN, file, 4, b" or not"))
    assert dict(disk.after(random.Random(1), 0.0)) == {file: b"kept"}
    assert dict(disk.after(random.Random(1), 1.0)) == {file: b"kept or not"}


def test_a_name_is_there_for_sure_when_its_folder_was_synced() -> None:
    disk, file = Disk(), "/run/file"
    disk.does(Event(What.WRITTEN, file, 0, b"synced"))
    disk.does(Event(What.SYNCED, file))
    assert dict(disk.after(random.Random(1), 0.0)) == {}
    assert dict(disk.after(random.Random(1), 1.0)) == {file: b"synced"}


def test_a_write_is_torn_between_sectors() -> None:
    disk, file = Disk(), "/run/file"
    disk.does(Event(What.WRITTEN, file, 0, b"a" * 4096))
    seen = {dict(disk.after(random.Random(seed), 0.5)).get(file) for seed in range(20)}
    assert len(seen) > 10
    assert all(part in (b"a" * 512, b"\0" * 512) for content in seen if content for part in [content[:512]])
