"""Runs against the stub endpoint, killed at random moments: the whole run, one of its hosts, or the zygote of its hosts; with PostgreSQL
two workers, one of which is killed, or stopped for longer than its lease; on Ray actors, which it starts again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from endpoint_figures import Section
from kills_runs import ACCOUNT, IN_FLIGHT, PATIENCE_S, SHOWN, Desk, Held, desk, held, in_work, lost_acks, strays
from stub_running import Prefix, Running

from structurer.store.runs import Progress

LATENCY_S: Final = 0.05  # of the stub
LATENCY_OF_SEVERAL_S: Final = 2.0  # so that the others are not done while one is stopped
# an actor is at work again some 3 s after a kill; at two times IN_FLIGHT calls in so many seconds the kills of 2,000 documents are further
# apart than that, and so hit actors in the midst of their calls
LATENCY_ON_RAY_S: Final = 4.0
LOOK_S: Final = 0.02  # between two looks at how far a run is
LOOK_AT_STORE_S: Final = 0.2  # ... each of which is a connection
LOOKS, SETTLES_S = 20, 0.5  # at what is in flight while others go on; after which the stub knows who is gone
SOON_S, LATE_S = 0.1, 3.0  # after which a kill comes at most; a late one finds a run that starts
LATE_SHARE: Final = 0.25
LATEST: Final = 0.9  # of the documents are done at the last kill, of one worker
LATEST_OF_SEVERAL: Final = 0.6  # ... the others go on meanwhile
WORKERS: Final = 2  # where several share a run
LEASE_S: Final = 8.0
STALL: Final = 1.5  # leases
LONGEST_STALL: Final = 4.0  # times as long, where nobody takes over
RERUN_S: Final = 2.0  # wanted of a finished run, but for a cluster's start
OK: Final = (0, -signal.SIGKILL)
HUNG: Final = 124
ACTOR: Final = b"ray::_Member.work"  # the name of its process


class Victim(StrEnum):
    """What is killed."""

    WHOLE = "worker"
    HOST = "host"
    ZYGOTE = "zygote"
    STALLED = "stalled worker"  # stopped until its lease is over, then going on
    ACTOR = "actor"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is made and killed: with so many `commands`, victims by their shares, the first of them at the last; the share of documents
    that are done at most by then; the stub's latency."""

    commands: int
    shares: Mapping[Victim, int]
    latest: float
    latency_s: float


ALONE: Final = Manner(1, {Victim.WHOLE: 6, Victim.HOST: 3, Victim.ZYGOTE: 1}, LATEST, LATENCY_S)
TOGETHER: Final = Manner(WORKERS, {Victim.WHOLE: 6, Victim.HOST: 3, Victim.STALLED: 1}, LATEST_OF_SEVERAL, LATENCY_OF_SEVERAL_S)
ON_RAY: Final = Manner(1, {Victim.ACTOR: 1}, LATEST_OF_SEVERAL, LATENCY_ON_RAY_S)


@dataclass(frozen=True, slots=True)
class Kill:
    """When so many documents are done and so many seconds later."""

    victim: Victim
    done: int
    later_s: float


@dataclass(slots=True)
class Came:
    """What came of a run: `kills` that were done, `in_flight` at each (calls that the stub was asked and whose replies the run had not kept
    yet), `unheld` documents that were told to be done and were not after a kill; `answered` is by the stub, `strays` are files left.
    Under an `engine` nobody hears what workers are told."""

    engine: str = ""
    kills: Counter[Victim] = field(default_factory=Counter)
    codes: list[int] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    unheld: int = 0
    wall_s: float = 0.0
    last_kill_s: float = 0.0  # by the clock
    taken_over_s: float = 0.0  # from the last kill to the end
    requests: int = 0
    answered: int = 0
    held: Held = field(default_factory=Held)
    strays: list[str] = field(default_factory=list)
    rerun_calls: int = 0
    rerun_s: float = 0.0
    rerun_code: int = 0
    said: str = ""  # at the last


def kills(number: int, documents: int, rng: random.Random, manner: Manner) -> list[Kill]:
    """Random ones, in the order of their moments; a worker that starts again may be killed while it starts."""
    last, shares = documents * manner.latest, manner.shares
    counts = sorted(rng.randrange(round(last)) for _ in range(number))
    victims = [*rng.choices(list(shares), list(shares.values()), k=number - 1), next(iter(shares))]
    return [
        Kill(victim, count, rng.uniform(0, LATE_S if rng.random() < LATE_SHARE and count < last / 2 else SOON_S))
        for victim, count in zip(victims, counts, strict=True)
    ]


@dataclass(slots=True)
class Bout:
    """A run of one worker or several, and what was done to it."""

    desk: Desk
    prefix: Prefix
    rng: random.Random
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    came: Came = field(default_factory=Came)

    def through(self, planned: Sequence[Kill], number: int) -> Came:
        """From the first start to the end."""
        began = monotonic()
        try:
            self._start(number)
            for at, kill in enumerate(planned, 1):
                if not self._awaited(kill):
                    break
                self._do(kill, is_last=at == len(planned))
            self._ended()
        finally:
            for worker in self.workers:
                _end(worker)
        self.came.wall_s = monotonic() - began
        self.came.taken_over_s = monotonic() - self.came.last_kill_s
        return self.came

    def _start(self, number: int) -> None:
        for _ in range(number):
            self.workers.append(self.desk.begun())
            while number > 1 and not (self.desk.run / "run.json").exists() and self.workers[0].poll() is None:
                sleep(LOOK_S)  # two that begin a run at the same moment may begin two

    def _awaited(self, kill: Kill) -> bool:
        """Whether the moment came while the run went on."""
        while self.desk.done() < kill.done:
            if not self._living():
                return False
            sleep(LOOK_AT_STORE_S if self.desk.engine else LOOK_S)
        sleep(kill.later_s)
        return bool(self._living())

    def _living(self) -> list[subprocess.Popen[bytes]]:
        return [worker for worker in self.workers if worker.poll() is None]

    def _busiest(self) -> subprocess.Popen[bytes]:
        """Who holds most documents once all are at work, so that the others have something to take over."""
        held, until = in_work(self.desk), monotonic() + PATIENCE_S
        while 0 < len(held) < len(self._living()) and monotonic() < until:
            sleep(LOOK_S)
            held = in_work(self.desk)
        return max(self._living() or self.workers, key=lambda worker: held[worker.pid])

    def _stall(self, worker: subprocess.Popen[bytes]) -> None:
        """Stop it for longer than a lease, and on a busy machine until the others have what it had."""
        least = (self.desk.lease_s or 0) * STALL
        worker.send_signal(signal.SIGSTOP)
        began = monotonic()
        sleep(least)
        while in_work(self.desk)[worker.pid] and monotonic() - began < LONGEST_STALL * least:
            sleep(LOOK_S)
        self.came.in_flight += [IN_FLIGHT] * 2  # what it had, and what it asks again before its heartbeat tells it what it still holds
        worker.send_signal(signal.SIGCONT)

    def _do(self, kill: Kill, *, is_last: bool) -> None:
        worker = self._busiest() if kill.victim is Victim.STALLED else self.rng.choice(self._living())
        if kill.victim in (Victim.HOST, Victim.ZYGOTE, Victim.ACTOR):
            self._do_to_part(worker, kill.victim)
            return
        self.came.kills[kill.victim] += 1
        if kill.victim is Victim.STALLED:
            self._stall(worker)
            return
        self._kill(worker)
        if len(self.workers) == 1 or not is_last:  # the last that is killed of several does not come back: the others must do its part
            self.workers[self.workers.index(worker)] = self.desk.begun()

    def _do_to_part(self, worker: subprocess.Popen[bytes], victim: Victim) -> None:
        hit = 0
        while not hit and worker.poll() is None:
            hit = _hit(worker.pid, victim, self.rng)
            sleep(LOOK_S)  # it may have none yet
        self.came.kills[victim] += bool(hit)
        if hit and victim is Victim.ACTOR:
            self.came.last_kill_s = monotonic()
            self.came.in_flight.append(self._in_flight_of(hit))

    def _kill(self, worker: subprocess.Popen[bytes]) -> None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.came.last_kill_s = monotonic()
        if self.desk.run.exists() and self.desk.acks.exists():
            self.came.unheld += lost_acks(self.desk)
        self.came.in_flight.append(self._in_flight())

    def _in_flight(self) -> int:
        """Calls whose replies the run has not got, and at other kills had not; of several workers at most as many as one may have."""
        if len(self.workers) > 1:
            return IN_FLIGHT
        while self.prefix.counts()["in_flight"]:
            sleep(LOOK_S)
        requests: int = self.prefix.counts()["requests"]
        return requests - self.desk.kept() - sum(self.came.in_flight)

    def _in_flight_of(self, actor: int) -> int:
        """As of one worker, while the others go on: the least of some looks, since what they are just keeping seems to be in flight too."""
        while Path(f"/proc/{actor}").exists():
            sleep(LOOK_S)
        sleep(SETTLES_S)
        return min(self._unkept() for _ in range(LOOKS)) - sum(self.came.in_flight)

    def _unkept(self) -> int:
        """Calls that were asked and neither go on nor have a reply that the run has kept."""
        sleep(LOOK_S)
        kept, counts = self.desk.kept(), self.prefix.counts()  # in this order: what is kept in between is not missed
        asked: int = counts["requests"] - counts["in_flight"]
        return asked - kept

    def _ended(self) -> None:
        until = monotonic() + PATIENCE_S
        for worker in self.workers:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(max(until - monotonic(), LOOK_S))
        self.came.codes = [HUNG if worker.returncode is None else worker.returncode for worker in self.workers]


def _end(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


# -- processes


def _hit(worker: int, victim: Victim, rng: random.Random) -> int:
    """Kill a host of a worker, its zygote, or an actor of its cluster; the process that was killed, 0 where there was none."""
    found = _actors(worker) if victim is Victim.ACTOR else _zygotes(worker) if victim is Victim.ZYGOTE else _hosts(worker)
    with suppress(IndexError, ProcessLookupError):
        chosen = rng.choice(found)
        os.kill(chosen, signal.SIGKILL)
        return chosen
    return 0


def _zygotes(worker: int) -> list[int]:
    return [child for child in _children(worker) if b"structurer.sandbox.zygote" in _command(child)]


def _hosts(worker: int) -> list[int]:
    return [host for zygote in _zygotes(worker) for host in _children(zygote)]


def _actors(command: int) -> list[int]:
    """At work, on the cluster of this command alone."""
    return [actor for part in _children(command) for actor in _children(part) if _command(actor).startswith(ACTOR)]


def _children(parent: int) -> list[int]:
    return [process for process in _processes() if _parent(process) == parent]


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


# -- the whole


def run(stub: Running, folder: Path, documents: int, number: int, seed: int, **more: Any) -> Came:
    """Documents in a new folder, killed so often, then done again when all is done; `more` of the desk, `planned` for chosen kills."""
    rng, planned = random.Random(seed), more.pop("planned", None)
    manner = ON_RAY if more.get("engine") else TOGETHER if more.get("address") else ALONE
    prefix = stub.load(answer="read", latency_s=more.pop("latency_s", manner.latency_s), key_pattern=ACCOUNT)
    made = desk(folder, documents, prefix.base_url, **more)
    planned = kills(number, documents, rng, manner) if planned is None else planned
    came = Bout(made, prefix, rng, came=Came(made.engine)).through(planned, manner.commands)
    counts = prefix.counts()
    came.requests, came.answered = counts["requests"], counts["answers"].get("good", 0)
    came.strays = strays(made)  # before anybody reads it, which leaves files of SQLite's own
    came.held = held(made)
    _rerun(made, prefix, came)
    came.said = made.said()[-SHOWN:]
    return came


def _rerun(made: Desk, prefix: Prefix, came: Came) -> None:
    before, began = prefix.counts()["requests"], monotonic()
    worker = made.begun()
    try:
        came.rerun_code = worker.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        came.rerun_code = HUNG
        _end(worker)
    came.rerun_s, came.rerun_calls = monotonic() - began, prefix.counts()["requests"] - before


def section(came: Came, documents: int, number: int, store: str) -> Section:
    """What was measured, beside what is wanted."""
    engine = f", engine {came.engine}" if came.engine else ""
    one, found, allowed = Section(f"{documents:,} documents killed at random, store {store}{engine}"), came.held, sum(came.in_flight)
    one.add("kills", "kills", came.kills.total(), least=number)
    one.add("failed", "  exit codes other than done, or killed", sum(code not in OK for code in came.codes), most=0)
    one.add("state", "the run does not say that it is finished", found.state != Progress.FINISHED, most=0)
    one.add("unfinished", "documents without an end", found.violations.get("unfinished", 0), most=0)
    one.add("lost", "  without a result", found.lost, most=0)
    one.add("doubled", "  with several results or entries, or results that say the same", found.doubled, most=0)
    one.add("wrong", "  that do not say what their result says", found.wrong, most=0)
    if came.engine:
        at_work = sum(count > 0 for count in came.in_flight)  # the others may have been killed before they joined
        one.add("rejoined", "kills after which an actor joined again under its name", found.rejoined, least=at_work, most=number)
        one.add("freed", "  documents that were in its hands and free again", found.freed, least=allowed)
    else:
        one.add("acked_twice", "  told to be done more than once", found.acked_twice, most=0)
        one.add("unheld", "  told to be done and without a result after a kill, or at the end", came.unheld + found.acked_lost, most=0)
    one.add("extra", f"calls beyond one a document, of {allowed} in flight at kills", came.requests - documents, most=allowed)
    one.add("most", "  most in flight at a kill", max(came.in_flight, default=0), most=IN_FLIGHT)
    one.add("ledger", "calls in the ledger", found.calls, least=came.answered - allowed)
    one.add("untold", "  answered and paid, of which the ledger does not tell", came.answered - (found.calls - found.replayed))
    one.add("strays", "files left behind in the run folder", len(came.strays), most=0)
    one.add("rerun_calls", "calls of a rerun", came.rerun_calls, most=0)
    one.add("rerun_code", "  its exit code", came.rerun_code, most=0)
    one.add("rerun_s", "  its seconds", came.rerun_s, most=None if came.engine else RERUN_S, places=2)
    killed = ", ".join(f"{count} x {victim}" for victim, count in came.kills.most_common())
    one.remarks.append(f"killed: {killed}; {came.wall_s:.0f} s, {came.taken_over_s:.0f} s of them after the last kill")
    one.remarks.append(f"the run says: {found.state}; documents: {found.states}")
    one.remarks += came.said.splitlines() if any(figure.met is False for figure in one.figures) else []
    return one
