"""A power cut at every moment of a small run: of what was written since a file's last sync, any part may be on the disk and any not.

strace records what a run writes and syncs, and when it says of a document that it is done. From that the states are made in which a power
cut can leave the folder: what was synced, and of the rest nothing, all, or a random part, in sectors. New and removed names count as
synced with their folder. Each state is opened as SQLite does after a crash: it must be whole, and all that was said to be done be there.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import kills_threads as threads
from endpoint_figures import Section
from kills_points import CALLS, DOCUMENTS, STRACE, integrity
from kills_runs import Desk, desk, held

from structurer.store import sqlite
from structurer.store.runs import FINISHED

SECTOR: Final = 512  # bytes that a disk writes as a whole
CHANCES: Final = 3  # random states of each moment
RESUMED: Final = 10  # states of which the run is gone on with
_LINE: Final = re.compile(r"^(\d+)\s+(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
_FILE: Final = re.compile(r"^-?\d+<((?:\\x[0-9a-f]{2})*)>")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class What(StrEnum):
    """What happened to a file."""

    WRITTEN = "written"
    CUT = "cut"
    SYNCED = "synced"
    REMOVED = "removed"
    SAID = "said"  # documents that are done


@dataclass(frozen=True, slots=True)
class Event:
    """At `offset` (CUT: the new length) of a file."""

    what: What
    path: str
    offset: int = 0
    content: bytes = b""


@dataclass(slots=True)
class Disk:
    """Files as they are on the disk for sure, what was done to them since, and the names that are there for sure and for now."""

    files: dict[str, bytearray] = field(default_factory=dict)
    since: dict[str, list[Event]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    names_now: set[str] = field(default_factory=set)

    def does(self, event: Event) -> None:
        if event.what is What.SYNCED:
            for done in self.since.pop(event.path, []):
                _apply(self.files.setdefault(event.path, bytearray()), done)
            folder = f"{event.path}/"
            here = {name for name in self.names | self.names_now if name.startswith(folder)}
            self.names = (self.names - here) | (self.names_now & here)
        elif event.what is What.REMOVED:
            self.names_now.discard(event.path)
            self.files.pop(event.path, None)  # what comes under this name later is another file
            self.since.pop(event.path, None)
        else:
            self.names_now.add(event.path)
            self.since.setdefault(event.path, []).append(event)

    def after(self, rng: random.Random, share: float) -> Iterator[tuple[str, bytes]]:
        """What a power cut leaves, with this share of what was not synced."""
        for path in sorted(self.names | self.names_now):
            if path in self.names & self.names_now or rng.random() < share:
                content = bytearray(self.files.get(path, b""))
                for event in self.since.get(path, []):
                    for part in _sectors(event):
                        if rng.random() < share:
                            _apply(content, part)
                yield path, bytes(content)


def _apply(content: bytearray, event: Event) -> None:
    if event.what is What.CUT:
        del content[event.offset :]
    end = event.offset + len(event.content)
    content.extend(bytes(max(end - len(content), 0)))
    content[event.offset : end] = event.content


def _sectors(event: Event) -> Iterator[Event]:
    start = 0
    while start < len(event.content):
        end = min(start + SECTOR - (event.offset + start) % SECTOR, len(event.content))
        yield Event(event.what, event.path, event.offset + start, event.content[start:end])
        start = end
    if not event.content:
        yield event


# -- recording


def recorded(folder: Path, bug: str = "") -> tuple[Desk, list[Event]]:
    """A run, and what it did to its files."""
    made, log = desk(folder / "plain", DOCUMENTS, bug=bug), folder / "power.log"
    threads.command(made, (threads.MAIN,), lambda thread: _strace(thread, log))
    return made, list(_events(made, log.read_text().splitlines()))


def _strace(thread: int, log: Path) -> subprocess.Popen[bytes]:
    assert STRACE is not None
    return subprocess.Popen(
        [STRACE, "-f", "-q", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(log), "-p", str(thread)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _events(made: Desk, lines: Sequence[str]) -> Iterator[Event]:
    begun: dict[str, str] = {}  # by thread: the beginning of a call that went on while others were made
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        thread, resumed, call, rest = match.groups()
        if rest.endswith("<unfinished ...>"):
            begun[thread] = f"{call}({rest.removesuffix('<unfinished ...>').rstrip()}"
            continue
        whole = begun.pop(thread) + rest if resumed else f"{call}({rest}"
        yield from _event(made, *whole.split("(", 1))


def _event(made: Desk, call: str, rest: str) -> Iterator[Event]:
    file, text = _FILE.match(rest), _TEXT.search(rest)
    path = _decoded(file[1] if file else text[1] if text else "").decode()
    content = _decoded(text[1]) if text else b""
    if path == str(made.acks):
        yield Event(What.SAID, path, content=content)
    elif not path.startswith(str(made.run)) or path.endswith("-shm") or " = -1 " in rest:
        return
    elif call.startswith("unlink"):
        yield Event(What.REMOVED, path)
    elif call in ("fsync", "fdatasync"):
        yield Event(What.SYNCED, path)
    elif call == "ftruncate":
        yield Event(What.CUT, path, _length(rest))
    elif call == "pwrite64":
        length, offset = map(int, rest[: rest.rindex(")")].split(", ")[-2:])
        if length != len(content):
            raise ValueError(f"strace shows {len(content)} bytes of {length}")
        yield Event(What.WRITTEN, path, offset, content)
    else:
        raise ValueError(f"no model of {call} on {path}")


def _length(rest: str) -> int:
    return int(rest.partition(">, ")[2].partition(")")[0], 0)


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


# -- cutting


@dataclass(slots=True)
class Came:
    """What came of all states."""

    moments: int = 0
    states: int = 0
    said: int = 0
    resumed: int = 0
    violations: list[str] = field(default_factory=list)


def every(folder: Path, seed: int, bug: str = "", chances: int = CHANCES, resumed: int = RESUMED) -> Came:
    """A power cut after each event of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    made, events = recorded(folder, bug)
    came, disk, said, rng = Came(), Disk(), set[int](), random.Random(seed)
    gone_on = set(rng.sample(range(len(events)), min(resumed, len(events))))
    for at, event in enumerate(events):
        if event.what is What.SAID:
            said |= set(map(int, event.content.split()))
        else:
            disk.does(event)
        came.moments += 1
        for share in (0.0, 1.0, *(rng.random() for _ in range(chances))):
            came.states += 1
            _lay_out(made, disk.after(rng, share))
            came.violations += [f"moment {at} ({event.what} {Path(event.path).name}), {share:.0%}: {one}" for one in _wrong(made, said)]
        if at in gone_on:
            came.resumed += 1
            came.violations += [f"moment {at}, gone on with: {one}" for one in _wrong_afterwards(made)]
    came.said = len(said)
    return came


def _lay_out(made: Desk, files: Iterator[tuple[str, bytes]]) -> None:
    shutil.rmtree(made.run)
    made.run.mkdir()
    for path, content in files:
        Path(path).write_bytes(content)


def _wrong(made: Desk, said: set[int]) -> Iterator[str]:
    """In a copy: SQLite mends what it opens."""
    copy = made.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(made.run, copy)
    file = copy / sqlite.FILE
    damage = list(integrity(file)) if file.exists() else []
    yield from damage
    lost = said - (_done(file) if file.exists() and not damage else set())
    if lost:
        yield f"documents said to be done are not: {sorted(lost)}"


def _done(file: Path) -> set[int]:
    sql = "SELECT documents.id FROM documents JOIN results ON results.document = documents.id WHERE documents.state IN (?, ?)"
    with closing(sqlite3.connect(file)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchone():
            return set()
        return {number for (number,) in connection.execute(sql, tuple(sorted(FINISHED)))}


def _wrong_afterwards(made: Desk) -> Iterator[str]:
    made.acks.unlink(missing_ok=True)
    again = threads.command(made)
    if again.code != 0:
        yield f"exit code {again.code}: {again.said.strip()}"
    elif violations := held(made).violations:
        yield f"{violations}"


def section(came: Came, seconds: float) -> Section:
    """What was measured, beside what is wanted."""
    one = Section(f"a run of {DOCUMENTS} documents, the power cut after every call that writes, syncs or removes")
    one.add("moments", "moments", came.moments, least=1)
    one.add("states", "  states of the disk that were tried", came.states, least=1)
    one.add("said", "  documents said to be done at the last", came.said, least=DOCUMENTS)
    one.add("violations", "  damaged, or without what was said to be done", len(came.violations), most=0)
    one.add("resumed", "  gone on with, of these", came.resumed)
    one.remarks += [f"{seconds:.0f} s", *came.violations[:20]]
    return one
