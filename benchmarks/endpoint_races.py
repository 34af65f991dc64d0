"""The model layer beside other libraries against one stub: throughput, one core's saturation, an endpoint that is overloaded."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import endpoint_clients as clients
from endpoint_clients import WARM, Job, Took
from endpoint_figures import Section
from stub_running import Running, running

OURS: Final = "structurer"
ROWS: Final = 51  # of a document; as JSON about 1,500 tokens of four characters
LATENCY_S: Final = 0.2
IN_FLIGHT: Final = 64
REQUESTS: Final = 1_000
MANY: Final = 256  # in flight, to saturate a core
CAP: Final = 16  # in flight that the overloaded endpoint takes
OFFERED: Final = 512  # documents offered to it
FEWER: Final = {"langextract": 5}  # the slowest get so many times fewer documents
ELSEWHERE: Final = ("httpx", "httpx_kept", "instructor", "langextract", "langextract_all")  # in the environment made for them
RACERS: Final = (OURS, "structurer_placed", "httpx", "httpx_kept", "httpx2", "httpx2_kept", "openai", "instructor", "langextract")
OVERLOADING: Final = (OURS, "openai", "instructor", "langextract", "langextract_all")
WORDS: Final = {
    "structurer_placed": "values placed on the page",
    "langextract": "values placed too",
    "langextract_all": "all documents in one call",
    "httpx": "posts alone",
    "httpx_kept": "posts alone, every connection kept",
    "httpx2": "posts alone",
    "httpx2_kept": "posts alone, every connection kept",
}
REQUIREMENTS: Final = Path(__file__).with_name("endpoint_requirements.txt")
CLIENTS_FILE: Final = Path(__file__).with_name("endpoint_clients.py")
CLIENT_S: Final = 900.0  # seconds after which a contender is given up


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a contender: what it took, the seconds of CPU that the stub took for it, and the calls that the stub counted."""

    took: Took
    documents: int
    stub_s: float
    calls: int
    refused: int

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.took.cpu_s / self.documents

    @property
    def a_second(self) -> float:
        return self.documents / self.took.wall_s


@dataclass(slots=True)
class Field:
    """Who takes part: the interpreter of the other libraries (None: not to be had, for the reason in `missing`), and the request whose
    bytes are posted; `broken` are contenders that could not be run, and why."""

    python: str | None
    missing: str
    body: str
    broken: dict[str, str] = field(default_factory=dict)

    def able(self, names: Sequence[str]) -> list[str]:
        """Those of the contenders that can be run."""
        return [name for name in names if (name not in ELSEWHERE or self.python) and name not in self.broken]

    def run(self, stub: Running, job: Job, **load: Any) -> Ran | None:
        """One contender in a process of its own; None where it breaks down."""
        text = clients.extractions_text(job.rows) if job.name.startswith("langextract") else clients.reply_text(job.rows)
        prefix = stub.load(text=text, key_pattern=clients.KEY_PATTERN, **load)
        documents = job.documents // FEWER.get(job.name, 1)
        asked = Job(job.name, prefix.base_url, documents, job.rows, job.in_flight, self.body, job.core)
        before = _cpu_s_of(stub.process)
        took = self._took(asked)
        if took is None:
            return None
        stub_s, counts = _cpu_s_of(stub.process) - before, prefix.counts()
        return Ran(took, documents, stub_s, counts["requests"] - WARM, counts["answers"].get("over_cap", 0))

    def _took(self, job: Job) -> Took | None:
        python = self.python if job.name in ELSEWHERE and self.python else sys.executable
        environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "NO_PROXY": "*", "PYTHONWARNINGS": "ignore"}
        try:
            command, asked = [python, str(CLIENTS_FILE)], json.dumps(asdict(job))
            done = subprocess.run(
                command, input=asked, env=environment, capture_output=True, text=True, timeout=CLIENT_S, check=False
            )  # fmt: skip
            return Took(**json.loads(done.stdout.splitlines()[-1]))
        except subprocess.TimeoutExpired:
            self.broken[job.name] = f"not done after {CLIENT_S:.0f} s"
        except (IndexError, ValueError):
            self.broken[job.name] = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
        return None

    def remarks(self, names: Sequence[str]) -> Iterator[str]:
        """Who does not take part, and why."""
        left = [name for name in names if name in ELSEWHERE] if self.python is None else []
        if left:
            yield f"left out, {self.missing}: {', '.join(left)}"
        yield from (f"{name} could not be run: {reason}" for name, reason in self.broken.items())


def gathered(folder: Path) -> Field:
    """The field, with an environment for the other libraries in the folder (made where there is none)."""
    return Field(*_environment(folder), _body())


def _environment(folder: Path) -> tuple[str | None, str]:
    """The interpreter of the folder's environment with the pinned packages, or why there is none."""
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, text=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        subprocess.run(install, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR")] or error.stderr.splitlines() or ["no reason given"]
        return None, f"since no environment could be made for them ({lines[-1][:200]})"
    except OSError as error:
        return None, f"since no environment could be made for them ({error.strerror})"
    return str(python), ""


def _body() -> str:
    """The request that structurer posts for a document, as the stub saw it."""
    with running() as stub:
        prefix = stub.fault("fitting")
        ask, _ = clients.structurer(Job(OURS, prefix.base_url, 1, ROWS, 1))
        asyncio.run(ask(clients.pages(1, ROWS)[0]))  # the answer is another form's
        return json.dumps(prefix.seen()[0]["body"], ensure_ascii=False)


def _cpu_s_of(process: int) -> float:
    """CPU time of a process (proc(5), utime and stime); 0 where that is not told."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


# -- several runs of each, taken in turn ---------------------------------------------------------------------------------------------------


def raced(here: Field, stub: Running, names: Sequence[str], rounds: int, job: Job, **load: Any) -> dict[str, list[Ran]]:
    """Every contender so many times, in turn, so that a busy minute does not fall on one of them alone."""
    found: dict[str, list[Ran]] = {}
    for _ in range(rounds):
        for name in here.able(names):
            ran = here.run(stub, Job(name, "", job.documents, job.rows, job.in_flight, core=job.core), **load)
            if ran is not None:
                found.setdefault(name, []).append(ran)
    return found


def called(name: str, took: Took) -> str:
    """A contender with the versions of what it is made of."""
    first, *others = [f"{package} {version}" for package, version in took.versions.items()]
    with_what = f" ({', '.join(others)})" if others else ""
    return f"{first}{with_what}{f', {WORDS[name]}' if name in WORDS else ''}"


def cheapest(runs: Sequence[Ran]) -> float:
    """Milliseconds of CPU a document, in the run that took least: what else is at work only adds."""
    return min(ran.cpu_ms for ran in runs)


def _ratio(found: Mapping[str, Sequence[Ran]], *names: str) -> float | None:
    """Our CPU as a multiple of the cheapest of the others."""
    others = [cheapest(found[name]) for name in names if name in found]
    return cheapest(found[OURS]) / min(others) if others and OURS in found else None


def _waiting(ran: Ran) -> str:
    return f"in its best run it waited {ran.took.waited_s:.1f} of {ran.took.wall_s:.1f} s for a core that other programs had"


def throughput(here: Field, rounds: int) -> Section:
    """Many requests to an endpoint that takes a while: how near to its limit, and at what CPU a document."""
    size = len(clients.reply_text(ROWS))
    title = f"throughput: {REQUESTS:,} requests, replies of {size:,} characters after {1000 * LATENCY_S:.0f} ms, {IN_FLIGHT} in flight"
    with running() as stub:
        found = raced(here, stub, RACERS, rounds, Job("", "", REQUESTS, ROWS, IN_FLIGHT), latency_s=LATENCY_S)
    section = Section(
        f"{title}; best of {rounds}",
        ("done", "docs/s", "of the limit", "CPU ms/doc", "x httpx", "stub ms/doc"),
        remarks=list(here.remarks(RACERS)),
    )
    raw = min((cheapest(found[name]) for name in ("httpx", "httpx_kept") if name in found), default=None)
    for name, runs in found.items():
        best = max(runs, key=lambda ran: ran.a_second)
        section.rows[called(name, best.took)] = (
            _done(runs), f"{best.a_second:.0f}", f"{best.a_second * LATENCY_S / IN_FLIGHT:.2f}", f"{cheapest(runs):.2f}",
            f"{cheapest(runs) / raw:.2f}" if raw else "-", f"{min(1000 * ran.stub_s / ran.documents for ran in runs):.2f}",
        )  # fmt: skip
    best = max((ran for ran in found.get(OURS, ())), key=lambda ran: ran.a_second, default=None)
    share = best.a_second * LATENCY_S / IN_FLIGHT if best else None
    section.add("throughput.done", "documents done, in the worst run", _least_done(found), least=REQUESTS)
    section.add("throughput.share", "documents, of what latency allows", share, least=0.85, places=2)
    section.add("throughput.cpu", "CPU, times that of httpx 0.28 (cheaper row)", _ratio(found, "httpx", "httpx_kept"), most=1.7, places=2)
    section.add("throughput.cpu.httpx2", "CPU, times that of httpx2 (cheaper row)", _ratio(found, "httpx2", "httpx2_kept"), places=2)
    section.remarks += [*_failures(found), *([_waiting(best)] if best else [])]
    return section


def saturation(here: Field, rounds: int) -> Section:
    """No latency, many in flight: what one core can do."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pinned = len(cores) > 1
    with running() as stub:
        if pinned:
            os.sched_setaffinity(stub.process, {cores[1]})
        found = raced(here, stub, RACERS, rounds, Job("", "", REQUESTS, ROWS, MANY, core=cores[0] if pinned else None))
    where = "client on one core, stub on another" if pinned else "NOT PINNED: one core, or no way to"
    section = Section(
        f"saturation of one core: no latency, {MANY} in flight, {where}; best of {rounds}",
        ("done", "docs/s", "docs/s of CPU", "its share of the core", "stub's"),
        remarks=list(here.remarks(RACERS)),
    )
    for name, runs in found.items():
        best = max(runs, key=lambda ran: ran.a_second)
        section.rows[called(name, best.took)] = (
            _done(runs), f"{best.a_second:.0f}", f"{1000 / cheapest(runs):.0f}", f"{best.took.cpu_s / best.took.wall_s:.0%}",
            f"{best.stub_s / best.took.wall_s:.0%}",
        )  # fmt: skip
    best = max((ran for ran in found.get(OURS, ())), key=lambda ran: ran.a_second, default=None)
    section.add("saturation.done", "documents done, in the worst run", _least_done(found), least=REQUESTS)
    section.add("saturation.wall", "documents a second, by the clock", best.a_second if best else None, least=450)
    section.add("saturation.cpu", "documents a second of its CPU", 1000 / cheapest(found[OURS]) if best else None)
    section.remarks += [*_failures(found), *([_waiting(best)] if best else [])]
    return section


def overload(here: Field, rounds: int) -> Section:
    """An endpoint that refuses what is over its limit: who comes through, with how many calls."""
    offered = f"{OFFERED} documents offered at {IN_FLIGHT}, {1000 * LATENCY_S:.0f} ms"
    title = f"overload: {CAP} in flight are taken, {offered}; ours the worst of {rounds}"
    section = Section(title, ("done", "calls", "refused", "seconds", "what came of the others"))
    with running() as stub:
        for retry_after in (0, 1):
            for name in here.able(OVERLOADING):
                many = OFFERED * FEWER.get(name, 1)  # as many of each
                load = {"latency_s": LATENCY_S, "cap": CAP, "retry_after": retry_after}
                runs = [here.run(stub, Job(name, "", many, ROWS, IN_FLIGHT), **load) for _ in range(rounds if name == OURS else 1)]
                _enter_overload(section, name, [ran for ran in runs if ran is not None], retry_after)
    section.remarks += here.remarks(OVERLOADING)
    return section


def _enter_overload(section: Section, name: str, runs: Sequence[Ran], retry_after: int) -> None:
    after, worst = f"Retry-After: {retry_after}", max(runs, key=lambda ran: (-ran.took.done, ran.calls), default=None)
    if worst is not None:
        counts = (f"{worst.took.done}", f"{worst.calls}", f"{worst.refused}", f"{worst.took.wall_s:.1f}", _others(worst))
        section.rows[f"{called(name, worst.took)}; {after}"] = counts
    if name == OURS:
        done, calls = min((ran.took.done for ran in runs), default=None), max((ran.calls for ran in runs), default=None)
        section.add(f"overload.{retry_after}.done", f"done of {OFFERED}, {after}", done, least=OFFERED)
        section.add(f"overload.{retry_after}.calls", f"  calls, {after}", calls, most=560)


def _others(ran: Ran) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(ran.took.failed.items())) or "-"


def _failures(found: Mapping[str, Sequence[Ran]]) -> list[str]:
    """What came of the documents that are not done."""
    return [f"not done by {called(name, ran.took)}: {_others(ran)}" for name, runs in found.items() for ran in runs if ran.took.failed]


def _least_done(found: Mapping[str, Sequence[Ran]]) -> int | None:
    return min((ran.took.done for ran in found.get(OURS, ())), default=None)


def _done(runs: Sequence[Ran]) -> str:
    worst = min(runs, key=lambda ran: ran.took.done / ran.documents)
    return f"{worst.took.done}/{worst.documents}"
