"""The whole command over many documents against a stub that spoils a fifth of its answers, and the same killed again and again."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final

from endpoint_figures import Section
from stub_running import Prefix, Running, running
from stub_statements import SCHEMA, statement

from structurer.errors import StructurerError
from structurer.exports.export import reviewed
from structurer.record import Record
from structurer.store import runfolder
from structurer.store.runs import FINISHED, Manifest, State

DOCUMENTS: Final = 5_000
FEWEST: Final = 20
KILLS: Final = 4
SHORT, LONG = 6, 12  # rows of a document
SHARE: Final = 0.2  # of the requests that are spoilt
LATENCY_S: Final = 0.05
SLOW_S: Final = 1.0  # that a slow answer takes
LOOK_S: Final = 0.02  # between two looks at how far a run is
MODEL: Final = "stub-2"
OK: Final = (0, 3)  # exit codes: done; done, but something needs review
NAMED: Final[Mapping[str, tuple[str, ...]]] = {  # what a spoilt reply is called in a run, by the stub's name for it
    "cut_json": ("broken JSON",),
    "wrong_shape": ("wrong shape", "missing key", "unknown key"),
    "length": ("reply cut off at the output limit",),
    "refusal": ("refusal",),
    "content_filter": ("stopped by the content filter",),
    "empty": ("empty reply",),
    "duplicate_key": ("duplicate key",),
}
WHOLE: Final = ("good", "slow", "prose")  # replies that can be used
USABLE: Final = ("usable", "usable, malformed JSON repaired")
STORE: Final = ("run.db", "run.db-wal", "run.db-shm", "run.lock")
LEFT: Final = ("rate_limited", "server_error", "dropped", "cut_transfer")  # no reply came: the transport asks again


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents in a folder, each with its truth by the name of its file, and their schema."""

    folder: Path
    schema: Path
    truth: Mapping[str, Mapping[str, str | None]]


@dataclass(slots=True)
class Came:
    """What came of a run: seconds by the clock and of CPU, kills, exit codes, the stub's counts, its manifest, and of the documents how
    many are `lost`, `doubled`, or `wrong` in a value that nobody is told to look at; `unsaid` are given as done and hold something to
    review, `strays` are files in the run folder that are none of its store."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    kills: int = 0
    codes: list[int] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    manifest: Manifest | None = None
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    unsaid: int = 0
    strays: int = 0

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(self.spent.get("outcomes", {}))

    @property
    def spent(self) -> Mapping[str, Any]:
        return (self.manifest.spent if self.manifest else None) or {}

    @property
    def answers(self) -> Counter[str]:
        return Counter(self.counts["answers"])


def corpus(folder: Path, documents: int, seed: int) -> Corpus:
    """Made statements, each of its own seed."""
    (folder / "documents").mkdir()
    truth: dict[str, Mapping[str, str | None]] = {}
    for number in range(documents):
        text, tree = statement(random.Random(f"{seed}/{number}").randint(SHORT, LONG), number)
        name = f"{number:06}.txt"
        (folder / "documents" / name).write_text(text, "utf-8")
        truth[name] = dict(_leaves(tree))
    schema = folder / "statement.json"
    schema.write_text(json.dumps(SCHEMA), "utf-8")
    return Corpus(folder / "documents", schema, truth)


def _leaves(tree: Any, place: str = "") -> list[tuple[str, str | None]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if children is None:
        return [(place, tree)]
    return [leaf for name, child in children for leaf in _leaves(child, f"{place}/{name}")]


# -- running the command -------------------------------------------------------------------------------------------------------------------


def run(stub: Running, documents: Corpus, folder: Path, seed: int, *, cached: bool, kills: int) -> Came:
    """The command from start to end, killed so many times when it has stored a random number of documents, and resumed."""
    prefix = stub.load(answer="read", latency_s=LATENCY_S, faults=SHARE, slow_s=SLOW_S, seed=seed)
    rng, total = random.Random(f"{seed}/{folder.name}"), len(documents.truth)
    moments = sorted(rng.sample(range(total // 20, total * 19 // 20), kills))
    came, began = Came(), perf_counter()
    for moment in (*moments, None):
        child = _begun(prefix, documents, folder, cached)
        if moment is not None:
            came.kills += _killed(child, folder / "run", moment, rng)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        came.codes.append(child.returncode)
        came.cpu_s += usage.ru_utime + usage.ru_stime
    came.wall_s = perf_counter() - began
    came.counts = prefix.counts()
    _judge(came, documents, folder / "run")
    return came


def _begun(prefix: Prefix, documents: Corpus, folder: Path, cached: bool) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    cache = str(folder / "cache") if cached else "off"
    environment = {
        "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "HOME": str(folder), "NO_PROXY": "*",
        "OPENAI_BASE_URL": prefix.base_url, "STRUCTURER_CACHE": cache,
    }  # fmt: skip
    options = ["--out", str(folder / "run"), "--model", MODEL, "--schema", str(documents.schema), "--resume"]
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "structurer", "structure", str(documents.folder), *options],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip


def _killed(child: subprocess.Popen[bytes], folder: Path, moment: int, rng: random.Random) -> bool:
    """Kill it when so many documents are stored, or a little later; whether it was still running."""
    while _stored(folder) < moment:
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        sleep(LOOK_S)
    sleep(rng.uniform(0, 2 * LOOK_S))
    child.send_signal(signal.SIGKILL)
    return True


def _stored(folder: Path) -> int:
    """How many documents a run holds that has perhaps not begun."""
    try:
        with runfolder.opened(folder) as store:
            return sum(store.counts().get(state, 0) for state in FINISHED)
    except (StructurerError, sqlite3.Error):
        return 0


# -- judging what came of it ---------------------------------------------------------------------------------------------------------------


def _judge(came: Came, documents: Corpus, folder: Path) -> None:
    """Compare the run with the documents: each once, with one record, every value true or somebody told to look."""
    if not runfolder.holds_run(folder):
        raise SystemExit(f"the command made no run:\n{folder.with_name('said').read_text('utf-8', 'replace')[-2000:]}")
    with runfolder.opened(folder) as store:
        came.manifest, results, found = runfolder.manifest_of(store), list(store.results()), list(store.came())
    of = Counter(Path(result.source).name for result in results)
    states = {Path(name).name: one.state for one in found for name in one.names}
    names = Counter(Path(name).name for one in found for name in one.names)
    came.lost = sum(not (of[name] and states.get(name) in FINISHED) for name in documents.truth)
    came.lost += sum(not result.records for result in results)
    came.doubled = sum(times - 1 for times in (*of.values(), *names.values())) + sum(max(len(one.records) - 1, 0) for one in results)
    given = [result for result in results if states.get(Path(result.source).name) is State.DONE]
    came.wrong = sum([_texts(record) for record in one.records] != [dict(documents.truth[Path(one.source).name])] for one in given)
    came.unsaid = sum(any(reviewed(record) for record in result.records) for result in given)
    came.strays = sum(file.name not in STORE for file in folder.iterdir())


def _texts(record: Record) -> dict[str, str | None]:
    return {place: value.text for place, value in record.leaves.items()}


def _misnamed(came: Came) -> tuple[int, int]:
    """Replies of every kind that the stub gave and the run does not name as such, or the other way round; of how many."""
    answers, outcomes = came.answers, came.outcomes
    pairs = [(answers[kind], sum(outcomes[name] for name in names)) for kind, names in NAMED.items()]
    pairs.append((sum(answers[kind] for kind in WHOLE), sum(outcomes[name] for name in USABLE)))
    return sum(abs(given - named) for given, named in pairs), sum(given for given, _ in pairs)


def faults(folder: Path, documents: int, seed: int) -> Section:
    """All documents once without a kill, and with kills, replies kept and not."""
    made = corpus(folder, documents, seed)
    with running() as stub:
        once = run(stub, made, folder / "once", seed, cached=False, kills=0)
        killed = run(stub, made, folder / "killed", seed, cached=False, kills=KILLS)
        kept = run(stub, made, folder / "kept", seed, cached=True, kills=KILLS)
    return _section(documents, {"not killed, no cache": once, "killed, no cache": killed, "killed, replies cached": kept})


def _section(documents: int, runs: Mapping[str, Came]) -> Section:
    once = next(iter(runs.values()))
    section = Section(
        f"faults: {documents:,} documents of {SHORT} to {LONG} rows through the command, {SHARE:.0%} of the calls spoilt",
        ("seconds", "docs/s", "CPU ms/doc", "calls", "no reply", "spoilt replies", "to review", "exit codes"),
    )
    for words, came in runs.items():
        to_review = came.manifest.counts.get(State.NEEDS_REVIEW, 0) if came.manifest else 0
        section.rows[words] = (
            f"{came.wall_s:.0f}", f"{documents / came.wall_s:.0f}", f"{1000 * came.cpu_s / documents:.1f}", f"{came.counts['requests']:,}",
            f"{sum(came.answers[kind] for kind in LEFT)}", f"{sum(came.answers[kind] for kind in NAMED)}",
            f"{to_review}", " ".join(map(str, came.codes)),
        )  # fmt: skip
    for key, (words, came) in zip(("once", "killed", "kept"), runs.items(), strict=True):
        _enter(section, key, words, came, once)
    section.remarks += [f"outcomes, {words}: {_told(came.outcomes)}" for words, came in runs.items()]
    return section


def _enter(section: Section, key: str, words: str, came: Came, once: Came) -> None:
    section.add(f"faults.{key}.lost", f"{words}: documents lost", came.lost, most=0)
    section.add(f"faults.{key}.doubled", "  done twice", came.doubled, most=0)
    section.add(f"faults.{key}.wrong", "  given as done, and not as printed", came.wrong, most=0)
    section.add(f"faults.{key}.unsaid", "  given as done, though there is something to review", came.unsaid, most=0)
    failed = sum(code not in (*OK, -signal.SIGKILL) for code in came.codes)
    section.add(f"faults.{key}.failed", "  exit codes other than done, or killed", failed, most=0)
    if came is once:
        wrong, of = _misnamed(came)
        section.add(f"faults.{key}.misnamed", f"  outcomes not named as what they were, of {of:,}", wrong, most=0)
        return
    extra = (came.counts["requests"] - once.counts["requests"]) / max(came.kills, 1)
    section.add(f"faults.{key}.kills", "  kills", came.kills, least=KILLS)
    section.add(f"faults.{key}.extra", "  further calls for each kill", extra)
    section.add(f"faults.{key}.ledger", "  replies the run's ledger tells of, of those given", _in_ledger(came), places=3)
    section.add(f"faults.{key}.strays", "  files in the run folder that are none of its store", came.strays)


def _in_ledger(came: Came) -> float | None:
    """The share of the replies that the endpoint gave which the run says it was given, those from its own cache left out."""
    given, total = sum(came.answers[kind] for kind in (*NAMED, *WHOLE)), came.spent.get("total")
    return (total["calls"] - total["replayed"]) / given if total and given else None


def _told(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items(), key=lambda one: -one[1])) or "none"
