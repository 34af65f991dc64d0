"""What a confined child does: it loads what it needs, gives up every right, and only then looks at what a stranger made.

A child and its parent speak in frames over one stream: a letter, a length, bytes. A job gives any number of messages and may ask its parent
questions; a service answers requests until the stream ends. Only the parent's own arguments are pickled, and only towards the child.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO, Final

from structurer.errors import InputError
from structurer.sandbox.landlock import lock

if sys.platform != "win32":
    import resource

MEMORY_BYTES: Final = 1_500_000_000  # that a child may take beyond what it has when it begins
CPU_SECONDS: Final = 1800.0  # of one job in all
WALL_SECONDS: Final = 120.0  # for which its parent waits for one message
ANSWER_BYTES: Final = 1_000_000_000  # of all messages of a job, or of one question, or of one answer of a service
OPEN_FILES: Final = 64
RESERVED_BYTES: Final = 1_000_000_000  # of addresses, beyond the memory, for what is reserved and not used
THREAD_BYTES: Final = 80_000_000  # of addresses that a thread reserves for its stack and its arena (malloc of glibc)
CPU_GRACE_SECONDS: Final = 5  # between SIGXCPU and the SIGKILL of the kernel
TOLD_CHARACTERS: Final = 20_000  # of a traceback

HEAD: Final = struct.Struct("<cQ")
SOURCE, MESSAGE, QUESTION, ANSWER, READY, END = b"s", b"m", b"q", b"a", b"r", b"e"
REFUSED, MEMORY, BUG = b"i", b"o", b"b"  # how a job or a request ended: an InputError, a MemoryError, any other exception

Ask = Callable[[bytes], bytes]
Job = Callable[..., Iterator[bytes]]  # (file: BinaryIO, ask: Ask, *arguments)
Load = Callable[..., Ask]  # (*arguments)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use: bytes beyond what it begins with, seconds of processor in all, seconds a message, bytes it may send.

    A service has no limit on processor time in all; its seconds and bytes are those of one request.
    """

    memory_bytes: int = MEMORY_BYTES
    cpu_seconds: float = CPU_SECONDS
    wall_seconds: float = WALL_SECONDS
    answer_bytes: int = ANSWER_BYTES


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is for: `function` ("module:name") with pickled `arguments`, as a job or a service, and the paths it may read.

    `trusted`: it runs our own code on files that others open for it, and keeps its rights; only its memory is limited.
    """

    function: str
    arguments: bytes
    limits: Limits
    service: bool
    readable: tuple[Path, ...]
    trusted: bool = False


class PartedError(Exception):
    """The parent is gone."""


@dataclass(frozen=True, slots=True)
class Line:
    """The child's end of the stream. Its methods raise PartedError."""

    reader: BinaryIO
    writer: BinaryIO

    def send(self, kind: bytes, content: bytes = b"") -> None:
        try:
            self.writer.write(HEAD.pack(kind, len(content)))
            self.writer.write(content)
            self.writer.flush()
        except OSError as error:
            raise PartedError from error

    def receive(self) -> tuple[bytes, bytes]:
        kind, length = HEAD.unpack(self._exactly(HEAD.size))
        return kind, self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        content = self.reader.read(length)
        if len(content) < length:
            raise PartedError
        return content


def obey(order: Order, line: Line, file: BinaryIO | None) -> None:
    """Carries out an order to its end. A job without a file is sent its bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends its children
    try:
        if order.service:
            _serve(order, line)
        else:
            _work(order, line, file or io.BytesIO(line.receive()[1]))
    except PartedError:
        return
    except BaseException as error:
        _tell(line, error)


def resolved(function: str) -> Callable[..., Any]:
    """The function that "module:name" names; imports its module."""
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


# --- job and service


def _work(order: Order, line: Line, file: BinaryIO) -> None:
    def ask(question: bytes) -> bytes:
        line.send(QUESTION, question)
        return line.receive()[1]

    job: Job = resolved(order.function)
    arguments = pickle.loads(order.arguments)
    _confine(order)
    line.send(READY)
    for message in job(file, ask, *arguments):
        line.send(MESSAGE, message)
    line.send(END)


def _serve(order: Order, line: Line) -> None:
    load: Load = resolved(order.function)
    answer = load(*pickle.loads(order.arguments))
    _confine(order)
    line.send(READY)
    while True:
        _, request = line.receive()
        try:
            line.send(ANSWER, answer(request))
        except PartedError:
            raise
        except Exception as error:
            _tell(line, error)


def _tell(line: Line, error: BaseException) -> None:
    if isinstance(error, InputError):
        line.send(REFUSED, json.dumps([error.what, error.where, error.remedy]).encode())
    elif isinstance(error, MemoryError):
        line.send(MEMORY)
    else:
        text = "".join(traceback.format_exception(error))
        line.send(BUG, json.dumps([type(error).__name__, text[-TOLD_CHARACTERS:]]).encode())


# --- limits


def _confine(order: Order) -> None:
    if sys.platform != "win32":
        _limit(order)
    if not order.trusted:
        lock(order.readable)


def _limit(order: Order) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    if not order.trusted:
        _lower(resource.RLIMIT_FSIZE, 0)
        _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    if not order.service:
        seconds = ceil(order.limits.cpu_seconds)
        _lower(resource.RLIMIT_CPU, seconds, seconds + CPU_GRACE_SECONDS)
    if sys.platform == "linux":
        with contextlib.suppress(FileNotFoundError):  # /proc is not mounted
            _limit_memory(order.limits.memory_bytes)


def _limit_memory(allowed: int) -> None:
    """Limits what is added: libraries have reserved much that they never use. By proc_pid_statm(5) and getrlimit(2).

    RLIMIT_DATA is of private memory (malloc, numpy, stacks of threads), RLIMIT_AS also of what is shared, as `mmap` is in Python.
    """
    addresses, *_, data, _ = (int(pages) * resource.getpagesize() for pages in Path("/proc/self/statm").read_text().split())
    _lower(resource.RLIMIT_DATA, data + allowed)
    _lower(resource.RLIMIT_AS, addresses + allowed + RESERVED_BYTES + THREAD_BYTES * (os.cpu_count() or 1))


def _lower(limit: int, soft: int, hard: int | None = None) -> None:
    allowed = resource.getrlimit(limit)[1]
    wanted = soft if hard is None else hard
    most = wanted if allowed == resource.RLIM_INFINITY else min(wanted, allowed)
    resource.setrlimit(limit, (min(soft, most), most))
