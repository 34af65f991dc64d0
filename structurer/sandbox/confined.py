"""Strangers' files are parsed by child processes that can do nothing else: no file, no network, no process, bounded memory and time.

`confined` runs one job for one file and gives its messages as they come. A `Service` loads something heavy once, locks itself away and
answers requests; it is started again when it has died. A job or service is named ("module:function"), and its module is imported before the
lock. Nothing can be imported afterwards, so the module imports at its top also what its libraries would import late.

    def job(file: BinaryIO, ask: Callable[[bytes], bytes], *arguments) -> Iterator[bytes]    # each message is one that `confined` gives
    def load(*arguments) -> Callable[[bytes], bytes]                                         # what it returns answers a service's requests

What a child sends is still a stranger's word: whoever receives it checks it (`parcel`). A service is one for many files: a file
that took it over could falsify its answers to the others.
"""

from __future__ import annotations

import json
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from structurer.errors import InputError
from structurer.sandbox.children import FORKS, Child, Ending, start
from structurer.sandbox.inmate import (
    ANSWER,
    BUG,
    END,
    HEAD,
    LIMITS,
    MEMORY,
    MESSAGE,
    QUESTION,
    READY,
    REFUSED,
    SOURCE,
    TOLD_CHARACTERS,
    Ask,
    Limits,
    Order,
)

LOAD_SECONDS: Final = 120.0  # until a service is ready
GRACE_SECONDS: Final = 1.0  # for a child that has closed its stream to end
LEAST_WAIT_SECONDS: Final = 0.001
FULL: Final = 0.5  # of the memory allowed: a child that held as much when a signal killed it died of the rest
ERROR_BYTES: Final = 1 << 20  # of the frame in which a child tells of an error
SMALLER: Final = "split it into smaller files, or export it again from the program that made it"
ANEW: Final = "export it again from the program that made it, or print it to a new PDF"
LATER: Final = "try again when the machine has less to do"
_SIGXCPU: Final = getattr(signal, "SIGXCPU", None)  # not on Windows
_SIGKILL: Final = getattr(signal, "SIGKILL", None)  # not sent by this process, which would know: by the kernel, which was out of memory


class Fate(Enum):
    """What became of a child that did not end its work."""

    MEMORY = "memory"
    TIME = "time"
    CRASH = "crash"
    SIZE = "size"  # it sent more than it may


class ConfinedError(InputError):
    """A file (or request) that could not be read for what reading it did to the child; `fate` tells which."""

    def __init__(self, fate: Fate, what: str, *, where: str, remedy: str) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.fate = fate


class BugError(Exception):
    """A job or service raised what is for developers: the name of the exception, and its traceback as a note."""


def confined(
    function: str,
    source: Path | bytes,
    *arguments: Any,
    where: str,
    limits: Limits = LIMITS,
    answer: Ask | None = None,
    readable: tuple[Path, ...] = (),
) -> Iterator[bytes]:
    """The messages of a job over one file, as it makes them; it waits while nobody takes them, and is killed when the iterator is closed.

    `answer` gives the answers to the job's questions. The file is opened here, so OSError is the caller's to tell. Raises InputError, also
    as ConfinedError, with this `where`, and BugError.
    """
    order = Order(function, pickle.dumps(arguments), limits, False, readable)
    with _running(order, source, where) as talk:
        while (received := talk.receive(MESSAGE, QUESTION, END))[0] != END:
            kind, content = received
            if kind == MESSAGE:
                yield content
            elif answer is None:
                raise BugError(f"{function} asks where nobody answers")
            else:
                talk.send(ANSWER, answer(content))


class Service:
    """A child that has loaded what a function loads, and then answers requests, one at a time; started with the first of them.

    A request that kills it, or takes too long, is an error of that request alone: the next one has a new child.
    """

    def __init__(self, function: str, *arguments: Any, limits: Limits = LIMITS, trusted: bool = False) -> None:
        self._order = Order(function, pickle.dumps(arguments), limits, True, (), trusted)
        self._guard = threading.Lock()
        self._talk: _Talk | None = None

    def ask(self, request: bytes, *, where: str) -> bytes:
        """The answer to a request, from any thread. Raises InputError, also as ConfinedError, with this `where`; BugError; OSError."""
        with self._guard:
            talk = self._loaded(where)
            try:
                talk.send(QUESTION, request)
                return talk.receive(ANSWER)[1]
            except BaseException as error:
                if not _lives_on(error):
                    self._end()
                raise

    def close(self) -> None:
        """Ends the child, if there is one."""
        with self._guard:
            self._end()

    def kill(self) -> None:
        """Ends the child at once, from any thread; whoever waits for it sees it end."""
        if (talk := self._talk) is not None:
            talk.child.kill()

    def _loaded(self, where: str) -> _Talk:
        if self._talk is not None and self._talk.child.ended(0):
            self._end()
        if self._talk is None:
            self._talk = _Talk(start(self._order, None), self._order, where)
            try:
                self._talk.begin(None)
            except BaseException:
                self._end()
                raise
        self._talk.where = where
        return self._talk

    def _end(self) -> None:
        if self._talk is not None:
            self._talk.child.end()
        self._talk = None


def _lives_on(error: BaseException) -> bool:
    """Whether a service told of it and waits for the next request."""
    return isinstance(error, (InputError, BugError)) and not isinstance(error, ConfinedError)


# --- the stream


@contextmanager
def _running(order: Order, source: Path | bytes, where: str) -> Iterator[_Talk]:
    """A child that has what it is to read; nothing of it is left afterwards."""
    with _opened(source) as file:
        talk = _Talk(start(order, file), order, where)
    try:
        talk.begin(None if file is not None else source if isinstance(source, bytes) else source.read_bytes())
        yield talk
    finally:
        talk.child.end()


def _opened(source: Path | bytes) -> AbstractContextManager[BinaryIO | None]:
    """The file if a child can be given it; else its bytes are sent."""
    return source.open("rb") if isinstance(source, Path) and FORKS else nullcontext()


class _Talk:
    """The parent's end of the stream: frames, what a child tells of its errors, and what became of it when it tells nothing."""

    def __init__(self, child: Child, order: Order, where: str) -> None:
        self.child, self.where = child, where
        self._function, self._limits = order.function, order.limits
        self._left = order.limits.answer_bytes  # of the messages of a job

    def begin(self, source: bytes | None) -> None:
        """Sends what a job reads, and waits until the child is locked: so long, its seconds do not count."""
        try:
            if source is not None:
                self._send(SOURCE, source, LOAD_SECONDS)
            self._receive(LOAD_SECONDS, READY)
        except TimeoutError:
            raise self._failed(Fate.TIME, f"its parser was not ready after {LOAD_SECONDS:g} seconds", LATER) from None

    def send(self, kind: bytes, content: bytes) -> None:
        try:
            self._send(kind, content, self._limits.wall_seconds)
        except TimeoutError:
            raise self._slow() from None

    def receive(self, *kinds: bytes) -> tuple[bytes, bytes]:
        """The next frame, which must be one of these kinds; raises what the child tells instead."""
        try:
            return self._receive(self._limits.wall_seconds, *kinds)
        except TimeoutError:
            raise self._slow() from None

    def _send(self, kind: bytes, content: bytes, seconds: float) -> None:
        self.child.line.settimeout(seconds)
        try:
            self.child.line.sendall(HEAD.pack(kind, len(content)))
            self.child.line.sendall(content)
        except ConnectionError:
            self._receive(GRACE_SECONDS)  # raises what the child told before it ended, or how it ended

    def _receive(self, seconds: float, *kinds: bytes) -> tuple[bytes, bytes]:
        until = time.monotonic() + seconds
        kind, length = HEAD.unpack(self._exactly(HEAD.size, until))
        if length > self._most(kind):
            raise self._failed(Fate.SIZE, f"more than {_size(self._limits.answer_bytes)} would be read from it", SMALLER)
        content = self._exactly(length, until)
        if kind == MESSAGE:
            self._left -= length
        if kind not in kinds:
            self._raise_told(kind, content)
        return kind, content

    def _most(self, kind: bytes) -> int:
        """Bytes that a frame of this kind may have."""
        if kind == MESSAGE:
            return self._left
        return self._limits.answer_bytes if kind in (QUESTION, ANSWER) else ERROR_BYTES

    def _exactly(self, length: int, until: float) -> bytes:
        content = bytearray(length)
        rest = memoryview(content)
        while rest:
            self.child.line.settimeout(max(until - time.monotonic(), LEAST_WAIT_SECONDS))
            received = self._received_into(rest)
            rest = rest[received:]
        return bytes(content)

    def _received_into(self, rest: memoryview) -> int:
        try:
            if received := self.child.line.recv_into(rest):
                return received
        except ConnectionError:
            pass
        raise self._lost()

    # --- what became of it

    def _raise_told(self, kind: bytes, content: bytes) -> NoReturn:
        if kind == MEMORY:
            raise self._full()
        if kind == REFUSED:
            what, where, remedy = self._told(content, 3)
            raise InputError(what, where=where or self.where, remedy=remedy)
        if kind == BUG:
            name, trace = self._told(content, 2)
            error = BugError(f"{self._function}: {name}")
            error.add_note(trace)
            raise error
        raise self._astray()

    def _told(self, content: bytes, count: int) -> list[str]:
        """So many texts of a child, which may be a stranger's: cut short, and without what steers a terminal."""
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, list) or len(told) != count or not all(isinstance(text, str) for text in told):
            raise self._astray()
        return ["".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text[-TOLD_CHARACTERS:]) for text in told]

    def _lost(self) -> ConfinedError:
        """What to say of a child whose stream has ended, by the signal that killed it."""
        ending = self.child.ended(GRACE_SECONDS) or Ending(0, 0)
        if ending.signal == _SIGXCPU:
            return self._failed(Fate.TIME, f"reading it takes more than {self._limits.cpu_seconds:g} seconds of processor time", SMALLER)
        if ending.signal == _SIGKILL or (ending.signal and ending.peak_bytes > FULL * self._limits.memory_bytes):
            return self._full()
        by = f" ({_signal_name(ending.signal)})" if ending.signal else ""
        return self._failed(Fate.CRASH, f"the parser crashed on it{by}", ANEW)

    def _full(self) -> ConfinedError:
        return self._failed(Fate.MEMORY, f"reading it needs more than {_size(self._limits.memory_bytes)} of memory", SMALLER)

    def _astray(self) -> ConfinedError:
        return self._failed(Fate.CRASH, "the parser went astray on it", ANEW)

    def _slow(self) -> ConfinedError:
        return self._failed(Fate.TIME, f"a part of it takes more than {self._limits.wall_seconds:g} seconds to read", SMALLER)

    def _failed(self, fate: Fate, what: str, remedy: str) -> ConfinedError:
        return ConfinedError(fate, what, where=self.where, remedy=remedy)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time signal


def _size(length: int) -> str:
    return f"{length / 1e9:.3g} GB" if length >= 1e9 else f"{length / 1e6:.3g} MB"
