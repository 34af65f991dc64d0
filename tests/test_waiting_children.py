"""One child is forked ahead of the file that it will read: it reads no other, and whatever becomes of it, the next file is read."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from structurer.sandbox import children
from structurer.sandbox.confined import confined

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are looked for in /proc")
JOB = "rehearsed:tells"


def told() -> tuple[int, str]:
    """The process of a job, and those in which its module was rehearsed before."""
    process, rehearsals = confined(JOB, b"x", where="paper.pdf")
    return int(process), rehearsals.decode()


def waiting() -> list[int]:
    """The children of the zygote, none of which has an order."""
    zygote = children._zygote._running[1].pid  # type: ignore[index]
    return [int(child) for child in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()]


def soon(happens: Callable[[], object]) -> bool:
    until = time.monotonic() + 10
    while not happens() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(happens())


def exists(process: int) -> bool:
    return Path(f"/proc/{process}").exists() and "(zombie)" not in Path(f"/proc/{process}/status").read_text()


def test_every_file_has_a_child_of_its_own_and_one_waits_for_the_next() -> None:
    first, _ = told()
    assert soon(lambda: len(waiting()) == 1)
    (ahead,) = waiting()
    assert told()[0] == ahead != first
    assert soon(lambda: len(waiting()) == 1 and waiting() != [ahead])


def test_a_child_that_waits_has_rehearsed_once_and_alone() -> None:
    told()
    (ahead,) = waiting()
    time.sleep(0.2)
    assert told() == (ahead, f"[{ahead}]")


def test_a_child_that_dies_while_it_waits_is_replaced() -> None:
    told()
    (ahead,) = waiting()
    os.kill(ahead, signal.SIGKILL)
    assert soon(lambda: not exists(ahead))
    assert told()[0] != ahead


def test_a_child_without_a_module_that_was_imported_since_is_not_used() -> None:
    children.stop()
    children.preload("json")
    told()
    (ahead,) = waiting()
    assert list(confined("inmates:content", b"x", where="paper.pdf")) == [b"x"]
    assert soon(lambda: not exists(ahead))


def test_no_child_waits_any_more_when_its_zygote_has_ended() -> None:
    told()
    (ahead,) = waiting()
    children.stop()
    assert soon(lambda: not exists(ahead))
