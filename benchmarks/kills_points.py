"""Every call that makes, writes, syncs, shortens, renames or removes a file of a small run: there the run dies, or the disk fails.

strace does it to one thread at a time, since it counts the calls of each by themselves: the one that starts the run and makes its folder,
and the one that commits. A kill comes in the place of the call; an error is returned once (EIO), or from then on (ENOSPC: a full disk
stays full).
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import kills_threads as threads
from endpoint_figures import Section
from kills_runs import Desk, Held, desk, held, strays
from kills_threads import COMMITS, FINDER, MAIN, Ended

from structurer.store import runfolder, sqlite

DOCUMENTS: Final = 3
CALLS: Final = "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"
MAKING: Final = "mkdir,openat"  # an openat is a point where it may make a file
KILL, EIO, ENOSPC = "signal=SIGKILL:when={}", "error=EIO:when={}", "error=ENOSPC:when={}+"
WAYS: Final = (KILL, EIO, ENOSPC)
TRACED: Final = (MAIN, COMMITS, FINDER)
USAGE: Final = 2  # exit code of a run that cannot be written to
CODES: Final = {KILL: (-9, 0), EIO: (0, USAGE), ENOSPC: (0, USAGE)}  # a call may not come, in a run that goes otherwise
_CALL: Final = re.compile(r"^(\w+)\((.*)")


def _usable() -> str | None:
    """strace, where it is installed and may trace."""
    found = shutil.which("strace")
    return found if found and not subprocess.run([found, "-o", os.devnull, "true"], capture_output=True, check=False).returncode else None


STRACE: Final = _usable()


@dataclass(frozen=True, slots=True)
class Point:
    """The so many-th call of a kind in a thread, and what becomes of it."""

    thread: str
    call: str
    number: int
    way: str

    def __str__(self) -> str:
        return f"{self.thread} {self.call} {self.way.format(self.number)}"


@dataclass(slots=True)
class Came:
    """What came of all points: exit codes by the way, what was said of errors, and what was wrong, point by point."""

    points: int = 0
    said: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def every(folder: Path, wanted: Callable[[Point], bool] = lambda _: True, step: int = 1, bug: str = "") -> Came:
    """All points of a run that are wanted, or every `step`-th of them."""
    folder.mkdir(parents=True, exist_ok=True)
    came = Came()
    for at, point in enumerate([point for point in points(folder, bug) if wanted(point)][::step]):
        _try(folder / f"{at}", point, came, bug)
    return came


def points(folder: Path, bug: str = "") -> Iterator[Point]:
    """Those that a run without an injection passes, below its folder."""
    made = desk(folder / "plain", DOCUMENTS, bug=bug)
    for thread in TRACED:
        shutil.rmtree(made.run, ignore_errors=True)
        made.acks.unlink(missing_ok=True)
        log = folder / f"{thread}.log"
        threads.command(made, (thread,), partial(_strace, log=log))
        yield from (Point(thread, call, number, way) for call, number in _passed(made, log) for way in WAYS)


def _passed(made: Desk, log: Path) -> Iterator[tuple[str, int]]:
    """Calls that concern the run folder, each with its number among all of its kind."""
    counts: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        if match := _CALL.match(line):
            call, arguments = match.groups()
            counts[call] += 1
            if (str(made.run) in arguments or '"run"' in arguments) and (call != "openat" or "O_CREAT" in arguments):
                yield call, counts[call]


def _strace(thread: int, log: Path, more: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    assert STRACE is not None
    return subprocess.Popen(
        [STRACE, "-q", "-y", "-s", "256", "-e", f"trace={CALLS},{MAKING}", "-e", "signal=none", *more, "-o", str(log), "-p", str(thread)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _try(folder: Path, point: Point, came: Came, bug: str) -> None:
    made = desk(folder, DOCUMENTS, bug=bug)
    inject = ("-e", f"inject={point.call}:{point.way.format(point.number)}")
    ended = threads.command(made, (point.thread,), partial(_strace, log=folder / "log", more=inject))
    came.points += 1
    came.codes[point.way, ended.code] += 1
    if ended.code == USAGE:
        came.said[ended.said.strip().replace(str(folder), "...").replace("\n", " | ")] += 1
    wrong = [*_wrong_at_once(made, point, ended), *_wrong_afterwards(made)]
    came.violations += [f"{point}: {one}" for one in wrong]
    if not wrong:
        shutil.rmtree(folder)


def _wrong_at_once(made: Desk, point: Point, ended: Ended) -> Iterator[str]:
    """What is wrong right after it: its exit code and message, a database that is damaged, a document that was told to be done."""
    if ended.code not in CODES[point.way]:
        yield f"exit code {ended.code}: {ended.said.strip().splitlines()[-1:]}"
    if "Traceback" in ended.said:
        yield f"a traceback: {ended.said.strip().splitlines()[-1]}"
    if ended.code == USAGE and "next: " not in ended.said:
        yield f"no remedy: {ended.said.strip()}"
    yield from _damage(made)
    if runfolder.holds_run(made.run) and made.acked():
        found = held(made)
        if found.acked_lost or found.acked_twice or found.doubled or found.wrong or (ended.code == 0 and found.violations):
            yield f"{found}"


def _damage(made: Desk) -> Iterator[str]:
    file = made.run / sqlite.FILE
    if file.exists():
        beside = made.folder / "copy"
        shutil.copytree(made.run, beside)
        yield from integrity(beside / sqlite.FILE)
        shutil.rmtree(beside)


def integrity(file: Path) -> Iterator[str]:
    """What SQLite finds wrong with a database, after it has recovered it."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        found = [str(error)]
    yield from (f"SQLite: {one}" for one in found if one != "ok")


def _wrong_afterwards(made: Desk) -> Iterator[str]:
    """What is wrong when the same command has been given again."""
    again = threads.command(made)
    if again.code != 0:
        yield f"resumed: exit code {again.code}: {again.said.strip()}"
        return
    if left := strays(made):
        yield f"left behind: {', '.join(left)}"
    found: Held = held(made)
    if found.violations:
        yield f"resumed: {found.violations}"


def section(came: Came, seconds: float) -> Section:
    """What was measured, beside what is wanted."""
    one = Section(f"a run of {DOCUMENTS} documents, dying or failing at every call that makes, writes, syncs, renames or removes")
    one.add("points", "points", came.points, least=1)
    one.add("violations", "  after which something was wrong", len(came.violations), most=0)
    for way, words in zip(WAYS, ("killed (0: the call did not come)", "an input/output error", "a full disk"), strict=True):
        codes = {code: count for (at, code), count in came.codes.items() if at == way}
        one.remarks.append(f"{words}: exit codes {', '.join(f'{count} x {code}' for code, count in sorted(codes.items()))}")
    one.remarks += [f"{count} x {said}" for said, count in came.said.most_common()]
    one.remarks += [f"{seconds:.0f} s", *came.violations]
    return one
