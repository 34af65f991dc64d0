"""What `kills.py` runs and how it judges: made documents with known truth, the command over them, what must hold of the run afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stub_statements import SCHEMA, statement

from structurer.record import Record
from structurer.store import runfolder
from structurer.store.runs import FINISHED, State

WRAPPED: Final = Path(__file__).with_name("kills_wrapped.py")
ROWS: Final = 3  # of a document
MODEL: Final = "stub"
IN_FLIGHT: Final = 32  # calls of one worker at once, as the settings say
ACCOUNT: Final = r"Account: (\S+)"  # by which the stub tells documents apart
RAY: Final = "ray"  # an engine
ACTORS: Final = 2  # on a cluster
PATIENCE_S: Final = 300.0  # after which a run hangs
SHOWN: Final = 2_000  # characters of what a command said
LASTING: Final = frozenset({"run.db", "run.lock", "run.json", "blobs"})  # what a run folder holds when nobody is at work


@dataclass(frozen=True, slots=True)
class Desk:
    """A working folder: `truth` are the values of each document by its SHA-256; `base_url` is of the model ("": the built-in reader),
    `address` of the store ("": SQLite), `engine` is who starts the workers ("": the command is one), `lease_s` of a shorter lease, `bug` of
    one that is planted; the last two work in the command's own process alone."""

    folder: Path
    truth: Mapping[str, Mapping[str, str | None]]
    base_url: str = ""
    address: str = ""
    engine: str = ""
    lease_s: float | None = None
    bug: str = ""

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def acks(self) -> Path:
        return self.folder / "acks"

    @property
    def structure(self) -> list[str]:
        """The command as a user types it."""
        model = ["--model", MODEL] if self.base_url else []
        store = ["--store", self.address] if self.address else []
        engine = ["--engine", self.engine, "--workers", str(ACTORS), "--hosts", "1"] if self.engine else []
        return ["structure", "documents", "--schema", "statement.json", "--out", "run", "--resume", *model, *store, *engine]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        return kept | {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), "NO_PROXY": "*", "PYTHONWARNINGS": "ignore"}

    def begun(self) -> subprocess.Popen[bytes]:
        """The command, wrapped, in a process group of its own; what it says goes to the file `said`."""
        more = ["--lease", str(self.lease_s)] if self.lease_s else []
        more += ["--bug", self.bug] if self.bug else []
        command = [sys.executable, str(WRAPPED), "--acks", str(self.acks), *more, *self.structure]
        with (self.folder / "said").open("ab") as said:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )

    def acked(self) -> Counter[int]:
        """The numbers of the documents that a worker was told to be done, with how often."""
        return Counter(map(int, self.acks.read_text().split())) if self.acks.exists() else Counter()

    def done(self) -> int:
        """How many documents are done: as workers were told, or as the store says where they are not wrapped."""
        return _finished(self) if self.engine else self.acked().total()

    def said(self) -> str:
        return (self.folder / "said").read_text("utf-8", "replace")

    def kept(self) -> int:
        """Replies that are in the cache."""
        return sum(not file.name.startswith(".") for file in (self.folder / "cache").glob("**/*.json"))


def desk(folder: Path, documents: int, base_url: str = "", **more: Any) -> Desk:
    """A new working folder with made documents."""
    (folder / "documents").mkdir(parents=True)
    (folder / "statement.json").write_text(json.dumps(SCHEMA))
    settings = f'cache = "{folder / "cache"}"\n[models.{MODEL}]\nmodel = "tiny"\nbase_url = "{base_url}"\nmax_in_flight = {IN_FLIGHT}\n'
    (folder / "structurer.toml").write_text(settings if base_url else "")
    return Desk(folder, dict(_written(folder / "documents", documents)), base_url, **more)


def _written(folder: Path, documents: int) -> Iterator[tuple[str, dict[str, str | None]]]:
    for number in range(documents):
        text, tree = statement(ROWS, number)
        (folder / f"{number:06}.txt").write_text(text)
        yield hashlib.sha256(text.encode()).hexdigest(), dict(_leaves(tree))


def _leaves(tree: Any, place: str = "") -> list[tuple[str, str | None]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if children is None:
        return [(place, tree)]
    return [leaf for name, child in children for leaf in _leaves(child, f"{place}/{name}")]


# -- judging


@dataclass(slots=True)
class Held:
    """What a run holds: documents `lost` (no result), `doubled` (more than one result or entry), `wrong` (not what the document says),
    `acked_twice` and `acked_lost` (told to be done, and without a result); what its ledger tells of; workers that have `rejoined` it under
    their names, and how often a document was `freed` of one that was lost."""

    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    acked_twice: int = 0
    acked_lost: int = 0
    state: str = ""  # of the run
    states: dict[str, int] = field(default_factory=dict)  # of its documents
    calls: int = 0
    replayed: int = 0
    rejoined: int = 0
    freed: int = 0

    @property
    def violations(self) -> dict[str, int]:
        """What must be 0 of a finished run, and is not."""
        names = ("lost", "doubled", "wrong", "acked_twice", "acked_lost")
        unfinished = sum(count for state, count in self.states.items() if state not in FINISHED)
        return {name: count for name, count in (*((name, getattr(self, name)) for name in names), ("unfinished", unfinished)) if count}


def held(desk: Desk) -> Held:
    """Read the run as its readers do, and compare it with the documents. Raises SystemExit where there is none."""
    if not runfolder.holds_run(desk.run):
        raise SystemExit(f"the command made no run:\n{desk.said()[-SHOWN:]}")
    with runfolder.opened(desk.run, desk.address) as store:
        results, states = list(store.results()), store.counts()
        documents = store._database.rows("SELECT id, sha256, state FROM documents")
        with_body = {number for (number,) in store._database.rows("SELECT document FROM results")}
        total, state = store.spent().total, runfolder.manifest_of(store).state
        ((rejoined,),) = store._database.rows("SELECT COUNT(*) - COUNT(DISTINCT name) FROM workers")
        ((freed,),) = store._database.rows("SELECT COALESCE(SUM(lost), 0) FROM documents")
    told = Held(state=state, states=states, calls=total.calls, replayed=total.replayed, rejoined=int(rejoined), freed=int(freed))
    return _compared(desk, results, documents, with_body, told)


def _compared(desk: Desk, results: list[Any], documents: list[tuple[Any, ...]], with_body: set[int], came: Held) -> Held:
    times, entries = Counter(result.sha256 for result in results), Counter(sha256 for _, sha256, _ in documents)
    came.lost = sum(not times[sha256] for sha256 in desk.truth)
    contents = Counter(json.dumps([sorted(_texts(record).items()) for record in result.records]) for result in results)
    came.doubled = sum(count - 1 for counts in (times, entries, contents) for count in counts.values())
    came.wrong = sum([_texts(record) for record in one.records] != [desk.truth.get(one.sha256)] for one in results)
    acked, done = desk.acked(), {number for number, _, state in documents if State(state) in FINISHED}
    came.acked_twice = sum(count - 1 for count in acked.values())
    came.acked_lost = sum(number not in done & with_body for number in acked)
    return came


def lost_acks(desk: Desk) -> int:
    """Documents that a worker was told to be done and that are not, in a run that may be under way."""
    acked = desk.acked()
    if not acked:
        return 0
    with runfolder.opened(desk.run, desk.address) as store:
        sql = "SELECT documents.id FROM documents JOIN results ON results.document = documents.id WHERE documents.state IN (?, ?)"
        done = {number for (number,) in store._database.rows(sql, tuple(sorted(FINISHED)))}
    return len(acked.keys() - done)


def _finished(desk: Desk) -> int:
    """How many documents are done, in a run that may be under way, or not begun yet."""
    if not runfolder.holds_run(desk.run):
        return 0
    with runfolder.opened(desk.run, desk.address) as store:
        counts = store.document_counts()
    return sum(counts.get(state, 0) for state in FINISHED)


def in_work(desk: Desk) -> Counter[int]:
    """How many documents each process has in work, in a run that is under way."""
    with runfolder.opened(desk.run, desk.address) as store:
        sql = "SELECT name FROM documents JOIN workers ON workers.id = worker WHERE state = ?"
        return Counter(int(name.rsplit(":", 2)[1]) for (name,) in store._database.rows(sql, (State.IN_WORK,)))


def strays(desk: Desk) -> list[str]:
    """Files that a finished run has left in its folder and does not need."""
    return sorted(set(os.listdir(desk.run)) - LASTING) if desk.run.is_dir() else []


def _texts(record: Record) -> dict[str, str | None]:
    return {place: value.text for place, value in record.leaves.items()}
