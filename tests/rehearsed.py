"""What the tests of waiting children run in them: a job that can be rehearsed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

REHEARSALS: list[int] = []  # the processes in which there was one


def rehearse() -> None:
    REHEARSALS.append(os.getpid())
    raise ValueError("what goes wrong in a rehearsal is no matter")


def tells(file: BinaryIO, ask: Callable[[bytes], bytes]) -> Iterator[bytes]:
    yield str(os.getpid()).encode()
    yield str(REHEARSALS).encode()
