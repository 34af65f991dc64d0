"""What does a record cost, in time and memory, from a text file to its place in a run folder, and does it stay so for 20 times the input?

    python benchmarks/speed.py [--documents FOLDER] [--repeat 20] [--runs 3] [--json]

The whole way (ingest, segment, read, ground, check, judge, write) with the built-in reader, on the documents once and repeated: each run is
a fresh process in a clean environment, so that its peak memory is its own, and of several runs the quickest counts, because a busy machine
only ever adds time. Stages are told apart by wrapping the functions that they are; the package itself knows nothing of it. Time is CPU time
where nothing else is said. Copies of a document differ in a number at their end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import reduce
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT.parent / "shared" / "reports"
KIB_OF_MAXRSS = 1 / 1024 if sys.platform == "darwin" else 1  # getrusage(2): kilobytes on Linux, bytes on macOS
START_RUNS = 9  # of each start-up command; the median counts
STARTS = {
    "bare interpreter": ("-c", "pass"),
    "import structurer": ("-c", "import structurer"),
    "from structurer import structure": ("-c", "from structurer import structure"),
    "structurer --help": ("-m", "structurer", "--help"),
}
# What each stage consists of, as names the package calls through its modules. The time of a stage within another counts for the inner one.
STAGES = {
    "ingest": ("gathering:gathered", "intake.ingest:read"),
    "segment": ("pipeline:segment",),
    "read": ("pipeline:Layout", "builtin.reader:read"),
    "ground, parse": ("pipeline:_draft",),
    "check, blame": ("pipeline:kin_of", "pipeline:blame"),
    "prove": ("pipeline:pins",),
    "judge": ("pipeline:_record", "archive.hosted:finished"),
    "write": ("store.runfolder:create", "store.store:Store.add", "store.store:Store.lease", "store.store:Store.finish"),
}
BETWEEN = "between the stages"


@dataclass(frozen=True, slots=True)
class Run:
    """One run over all documents. Times are seconds; `growth` is the time of its last half over that of its first (None: one copy)."""

    documents: int
    records: int
    cpu: float
    wall: float
    peak_mib: float
    growth: float | None
    stages: dict[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of the benchmark. `starts` are milliseconds of CPU by command."""

    date: str
    machine: str
    python: str
    structurer: str
    source: str
    repeat: int
    once: Run
    repeated: Run
    starts: dict[str, float]


@dataclass(slots=True)
class Stopwatch:
    """CPU time by stage, each stage without the stages inside it."""

    spent: dict[str, float] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    since: float = 0.0

    def watch(self, place: str, stage: str) -> None:
        """Wrap the function at `place`: a module of the package, a colon, a dotted name in it."""
        module, _, path = place.partition(":")
        *between, name = path.split(".")
        owner: Any = reduce(getattr, between, import_module(f"structurer.{module}"))
        setattr(owner, name, self._watched(getattr(owner, name), stage))

    def _watched(self, call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            self._turn()
            self.open.append(stage)
            try:
                return call(*args, **named)
            finally:
                self._turn()
                self.open.pop()

        return watched

    def _turn(self) -> None:
        """The time since the last turn was that of the stage that is open."""
        now = process_time()
        if self.open:
            self.spent[self.open[-1]] = self.spent.get(self.open[-1], 0.0) + now - self.since
        self.since = now


def run_once(documents: Path, repeat: int) -> Run:
    """The whole way in this process. What is needed once, imports and schemas, is done before the clock starts."""
    from structurer import gathering, plans
    from structurer.archive import hosted
    from structurer.archive.hosting import Begin, Ended, Further, Work
    from structurer.intake.ingest import Intake
    from structurer.store import finishing, runfolder, runs

    plan, stopwatch = plans.plan_of(plans.Wanted(builtin=True)), Stopwatch()
    for stage, places in STAGES.items():
        for place in places:
            stopwatch.watch(place, stage)
    begun: list[float] = []
    records = 0
    with tempfile.TemporaryDirectory() as folder:
        copies = _copied(_sources(documents), Path(folder) / "documents", repeat)
        host = hosted.Host(Work(plan, Intake(), finishing.basis_of("", plan.schemas)))
        wall, cpu = perf_counter(), process_time()
        store = runfolder.create(Path(folder) / "run", runs.Asked("benchmark", (), plans.describe(plan), *plans.provenance(plan)))
        with store.transaction():
            store.add([one for one in gathering.gathered([copies], (), (), Path(folder)) if isinstance(one, runs.Located)])
            worker = store.enrol("benchmark")
            leases = store.lease(worker, repeat * len(list(copies.iterdir())))
        for lease in leases:
            begun.append(process_time())
            host.answer(Begin(lease.document, Path(lease.path), lease.sha256, lease.source))
            ended = host.answer(Further(lease.document))
            assert isinstance(ended, Ended)
            with store.transaction():
                store.finish(worker, lease.document, ended.outcome)
            records += ended.outcome.records
        store.close()
        wall, end = perf_counter() - wall, process_time()
    if not records:
        sys.exit(f"no form was found in {documents}")
    cpu = end - cpu
    half = len(begun) // repeat * (repeat // 2)  # documents in as many whole copies as make a half
    growth = (end - begun[-half]) / (begun[half] - begun[0]) if half else None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB_OF_MAXRSS / 1024
    stages = stopwatch.spent | {BETWEEN: cpu - sum(stopwatch.spent.values())}
    return Run(len(leases), records, cpu, wall, peak, growth, stages)


def _sources(documents: Path) -> list[Path]:
    """The sources in text of a folder of cases; of any other folder, its files."""
    return sorted(documents.glob("*/source.txt")) or sorted(file for file in documents.iterdir() if file.is_file())


def _copied(files: Sequence[Path], folder: Path, repeat: int) -> Path:
    folder.mkdir()
    for copy in range(repeat):
        for number, file in enumerate(files):
            # each with its own content: of equal ones a run does one
            (folder / f"{copy:04}-{number:03}-{file.name}").write_bytes(file.read_bytes() + f"\n({copy})\n".encode())
    return folder


def _child(*arguments: str) -> tuple[str, float]:
    """What a fresh interpreter prints, and the CPU time that it took in milliseconds. Only this process' search path is passed on."""
    clean = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=Path(__file__).parent, env=clean, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout as printed:
        text = printed.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(child.returncode)  # it has said why
    return text, 1000 * (usage.ru_utime + usage.ru_stime)


def _quickest(documents: Path, repeats: Sequence[int], runs: int) -> list[Run]:
    """The quickest run of each size; sizes take turns, so that a busy minute does not fall on one of them alone."""
    order = list(repeats) * runs
    texts = [_child("-m", "speed", "--worker", "--documents", str(documents), "--repeat", str(repeat))[0] for repeat in order]
    found = [Run(**json.loads(text)) for text in texts]
    return [min(found[first :: len(repeats)], key=lambda run: run.cpu) for first in range(len(repeats))]


def measured(documents: Path, repeat: int, runs: int) -> Report:
    """Everything, measured now on this machine."""
    once, repeated = _quickest(documents, (1, repeat), runs)
    starts = {name: statistics.median(_child(*arguments)[1] for _ in range(START_RUNS)) for name, arguments in STARTS.items()}
    version = _child("-m", "structurer", "--version")[0].split()[-1]
    date = datetime.now(UTC).isoformat(timespec="minutes")
    return Report(date, _machine(), platform.python_version(), version, str(documents), repeat, once, repeated, starts)


def _machine() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "unknown")
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}"


def table(report: Report) -> str:
    """The report for a terminal."""
    once, repeated, size = report.once, report.repeated, report.repeat
    bare = report.starts["bare interpreter"]

    def a_record(stage: str) -> tuple[str, str, str, str]:
        left, right = (1000 * run.stages.get(stage, 0.0) / run.records for run in (once, repeated))
        return f"  {stage}", f"{left:.2f}", f"{right:.2f}", f"{repeated.stages.get(stage, 0.0) / repeated.cpu:.0%} of all"

    lines = [
        ("", "once", f"{size} x", "ratio"),
        ("records", f"{once.records}", f"{repeated.records}", _ratio(repeated.records, once.records)),
        ("records per second, by the clock", f"{once.records / once.wall:.1f}", f"{repeated.records / repeated.wall:.1f}", ""),
        ("CPU in all, s", f"{once.cpu:.2f}", f"{repeated.cpu:.2f}", f"{_ratio(repeated.cpu, once.cpu)} the time for {size} x the input"),
        ("  last half over first half", "", "" if repeated.growth is None else f"{repeated.growth:.3f}", ""),
        ("peak memory, MiB", f"{once.peak_mib:.1f}", f"{repeated.peak_mib:.1f}", _ratio(repeated.peak_mib, once.peak_mib)),
        ("CPU a record, ms", f"{1000 * once.cpu / once.records:.2f}", f"{1000 * repeated.cpu / repeated.records:.2f}", ""),
        *(a_record(stage) for stage in (*STAGES, BETWEEN)),
        ("", "", "", ""),
        ("start-up, CPU ms", "median", "above bare", ""),
        *((name, f"{spent:.0f}", f"{spent - bare:+.0f}", "") for name, spent in report.starts.items()),
    ]
    head = f"structurer {report.structurer}, Python {report.python}, {report.date}\n{report.machine}\n{report.source}, built-in reader\n\n"
    return head + "\n".join(f"{name:<34}{left:>10}{right:>12}  {ratio}".rstrip() for name, left, right, ratio in lines)


def _ratio(much: float, little: float) -> str:
    return f"{much / little:.2f} x"


def main() -> None:
    """Measure and print; --worker is how this program calls itself."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = REPORTS if REPORTS.is_dir() else ROOT / "golden"
    parser.add_argument("--documents", type=Path, default=default, metavar="FOLDER", help="default: the reports, else golden/*/source.txt")
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="how many copies of the documents the long run reads")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="runs of either length; the quickest counts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    documents = asked.documents.resolve()
    if min(asked.repeat, asked.runs) < 1 or not documents.is_dir() or not _sources(documents):
        parser.error("--repeat and --runs are at least 1, and FOLDER is a folder with documents")
    if asked.worker:
        print(json.dumps(asdict(run_once(documents, asked.repeat))))
        return
    report = measured(documents, asked.repeat, asked.runs)
    print(json.dumps(asdict(report), indent=1, ensure_ascii=False) if asked.json else table(report))


if __name__ == "__main__":
    main()
