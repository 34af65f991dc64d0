"""The command in a fork of this process, its threads waiting for a tracer: it starts in milliseconds, and strace counts what one thread
does.

Hosts are in the same process: they write nothing. Nothing else differs from the command as a user types it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, NoReturn

import kills_wrapped
from kills_runs import Desk

from structurer import cli
from structurer.archive import hosted
from structurer.archive.hosting import Told, Wish, Work
from structurer.archive.hosts import Hosts
from structurer.intake import ingest  # noqa: F401  forked with all

MAIN, COMMITS, FINDER = "main", "commits", "finder"
PATIENCE_S: Final = 60.0  # for a run of three documents, traced
LOOK_S: Final = 0.002
HUNG: Final = 124
PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, 2**64 - 1  # prctl(2): where Yama is at work, a process says who may trace it


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, by its exit code (negative: the signal), and what it said."""

    code: int
    said: str


def command(desk: Desk, traced: Sequence[str] = (), trace: Callable[[int], subprocess.Popen[bytes]] | None = None) -> Ended:
    """Run the command of a desk; a tracer is started for each of these threads (of MAIN, COMMITS, FINDER), which waits for it."""
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        _become(desk, there, traced)
    os.close(there)
    tracers = []
    with os.fdopen(here, "rb") as told:
        for line in told:  # ends with the child
            if trace is not None:
                tracers.append(trace(int(line)))
            if len(tracers) == len(traced):
                break
        code = _waited(child)
    for tracer in tracers:
        tracer.wait()
    return Ended(code, desk.said())


def _waited(child: int) -> int:
    until = monotonic() + PATIENCE_S
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return HUNG
        sleep(LOOK_S)


# -- the child


class _Here:
    """A host in this process."""

    def __init__(self, work: Work) -> None:
        self._host = hosted.Host(work)

    def ask(self, wish: Wish) -> Told:
        return self._host.answer(wish)

    def close(self) -> None:
        pass


def _become(desk: Desk, there: int, traced: Sequence[str]) -> NoReturn:
    code = 1
    try:
        os.chdir(desk.folder)
        os.environ.clear()
        os.environ.update(desk.environment)
        said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115  whatever this process had in their place
        _wrap(desk, there, traced)
        sys.argv = ["structurer", *desk.structure]
        cli.main()
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _wrap(desk: Desk, there: int, traced: Sequence[str]) -> None:
    vars_of: Any = Hosts
    vars_of.apart = lambda work, _: Hosts.of(lambda: _Here(work), 1)
    kills_wrapped.tell(desk.acks)
    if desk.bug:
        kills_wrapped.BUGS[desk.bug]()
    run: Any = threading.Thread.run

    def waiting(thread: threading.Thread) -> None:
        if thread.name in traced:
            _await_tracer(there)
        run(thread)

    thread_class: Any = threading.Thread
    thread_class.run = waiting
    if MAIN in traced:
        _await_tracer(there)


def _await_tracer(there: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(PR_SET_PTRACER_ANY), 0, 0, 0)
    thread = threading.get_native_id()
    os.write(there, b"%d\n" % thread)
    status = Path(f"/proc/self/task/{thread}/status")
    while "TracerPid:\t0\n" in status.read_text():
        sleep(LOOK_S)
