"""A pool of hosts: processes, as many as there are cores, in which documents are read and judged while this one asks the models.

A step that kills its host, hangs or takes too much memory is an error of that document; the other documents of the host are begun again.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, Protocol

from structurer.archive.hosting import Drop, Further, Told, Wish, Work
from structurer.archive.turns import Turns
from structurer.errors import UsageError
from structurer.sandbox import children
from structurer.sandbox.confined import Service
from structurer.sandbox.inmate import Limits

SERVICE: Final = "structurer.archive.hosted"
MEMORY_BYTES: Final = 4_000_000_000  # of a host, for all documents in its hands; strangers' files are parsed in children with less
ROOM_BYTES: Final = 2_000_000_000  # of the machine's memory for each host, its children and the models of its recogniser
STEP_S: Final = 3600.0  # of one step: the reading of a document of 10,000 pages; its parser is watched page by page
_FEWER: Final = "fewer --hosts, or let there be more files and processes (ulimit -n, ulimit -u); then the same command with --resume"
LIMITS: Final = Limits(memory_bytes=MEMORY_BYTES, wall_seconds=STEP_S)


class Answers(Protocol):
    """What answers wishes, one at a time, from any thread: a host in a process of its own, or one that is here."""

    def ask(self, wish: Wish) -> Told:
        """Raises InputError where the host was lost with it."""

    def close(self) -> None:
        """It ends at once."""


class Apart:
    """A host in a process of its own, started with the first wish, and again when it is lost; `service` is what runs there."""

    def __init__(self, work: Work, limits: Limits = LIMITS, service: str = SERVICE) -> None:
        self._service = Service(f"{service}:load", work, limits=limits, trusted=True)
        self._is_asked = False

    def ask(self, wish: Wish) -> Told:
        if not self._is_asked:
            children.preload(SERVICE)  # once for all hosts, and for those that take the place of lost ones
            self._is_asked = True
        where = str(getattr(wish, "path", "")) or "a document"
        try:
            told: Told = pickle.loads(self._service.ask(pickle.dumps(wish, pickle.HIGHEST_PROTOCOL), where=where))
        except OSError as error:
            raise UsageError(f"no process can be started: {error.strerror or error}", where="--hosts", remedy=_FEWER) from error
        return told

    def close(self) -> None:
        self._service.kill()
        self._service.close()  # once whoever waits for it has seen it end


@dataclass(eq=False, slots=True)
class _Seat:
    """A host, the thread that waits for it, and how many documents it has."""

    host: Answers
    turns: Turns
    taken: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A document's place at a host; `ticket` is the number by which it is known there."""

    seat: _Seat
    ticket: int

    async def ask(self, wish: Wish) -> Told:
        """What the host answers. Raises InputError where it was lost with this wish.

        What leads to calls goes before what is to be judged: models are waited for, and meanwhile there is time to judge.
        """
        is_answered = isinstance(wish, Further) and wish.answers is not None
        return await asyncio.wrap_future(self.seat.turns.asked(int(is_answered), partial(self.seat.host.ask, wish)))

    def drop(self) -> None:
        """The host is to forget the document; not waited for."""
        with suppress(RuntimeError):  # the pool is closed
            self.seat.turns.asked(0, partial(self.seat.host.ask, Drop(self.ticket)))


@dataclass(slots=True)
class Hosts:
    """The pool. Documents go to the host that has fewest."""

    seats: Sequence[_Seat]
    _tickets: count[int] = field(default_factory=lambda: count(1))

    @classmethod
    def of(cls, make: Callable[[], Answers], number: int) -> Hosts:
        """So many hosts."""
        return cls([_Seat(make(), Turns("host")) for _ in range(number)])

    @classmethod
    def apart(cls, work: Work, number: int) -> Hosts:
        """So many hosts in processes of their own, started when there is something for them to do."""
        return cls.of(lambda: Apart(work), number)

    def seated(self) -> Talk:
        """A place for a further document."""
        seat = min(self.seats, key=lambda seat: seat.taken)
        seat.taken += 1
        return Talk(seat, next(self._tickets))

    def left(self, talk: Talk) -> None:
        """The document is done with."""
        talk.seat.taken -= 1

    def close(self) -> None:
        """All end at once, whatever they are at."""
        for seat in self.seats:
            seat.turns.close()  # first: what waits would start the host again
            seat.host.close()


def cores() -> int:
    """Of this machine, those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual() -> int:
    """How many hosts there are unless somebody wishes otherwise: one a core, where there is memory for each to recognise print too."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return cores()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(min(cores(), memory // ROOM_BYTES), 1)
