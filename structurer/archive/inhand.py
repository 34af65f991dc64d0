"""The documents that a worker has in hand: each is read at a host, its conversation goes on there, and its calls are made here.

Every call is entered into the document's own ledger and into the worker's. What turns out to be another worker's is let go of: its calls
are made no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from structurer.archive.hosting import Begin, Begun, Calls, Ended, Further, Told
from structurer.archive.hosts import Hosts, Talk
from structurer.asking.converse import answered
from structurer.asking.llm import Call
from structurer.endpoints.book import Book
from structurer.errors import HaltError, ModelError
from structurer.store.runs import Lease

if TYPE_CHECKING:
    from structurer.asking.llm import Answer, Model
    from structurer.endpoints.prices import Price

UNREAD_A_HOST: Final = 2  # documents that it is reading or about to read
CHARACTERS: Final = 200_000_000  # of the documents in hand, beyond which no further one is begun
NOT_ANSWERED: Final = "not answered"


@dataclass(frozen=True, slots=True)
class Tariff:
    """What calls cost: prices by the models' names (None: unknown), and whether they are made through a Batch API."""

    prices: Mapping[str, Price | None] = field(default_factory=dict)
    batch: bool = False


UNPRICED: Final = Tariff()


class InHand:
    """Documents from their lease to what came of them. `moved` is told whenever there may be room for another."""

    def __init__(self, hosts: Hosts, models: Mapping[str, Model], tariff: Tariff, moved: Callable[[], None]) -> None:
        self._hosts, self._models, self._tariff, self._moved = hosts, models, tariff, moved
        self.book, self.count = Book(), 0
        self._unread = self._characters = 0  # documents that are being read; characters of those that have been
        self._under_way: dict[int, asyncio.Task[object]] = {}

    def is_full(self, most: int) -> bool:
        """Whether no further document is to be begun: `most` are in hand, or as long ones as may be; how long is known once it is read."""
        long = self._characters > CHARACTERS and self.count
        return bool(self.count >= most or long or self._unread >= UNREAD_A_HOST * len(self._hosts.seats))

    def taken(self) -> int:
        """A document is about to be begun; how many are in hand now."""
        self.count += 1
        self._unread += 1
        return self.count

    def left(self) -> int:
        """A document has come to its end, whichever; how many are in hand now."""
        self.count -= 1
        self._moved()
        return self.count

    async def ended(self, lease: Lease, own: Book) -> Ended:
        """What came of a document, with what its calls took. Raises HaltError, and InputError or BugError where the host was lost with this
        very document."""
        begun = monotonic()
        with self._is_under_way(lease.document):
            while (ended := await self._at_a_host(lease, own)) is None:  # the host was lost with another document
                self._unread += 1
        spent = own.as_dict() if own.models else None
        return replace(ended, outcome=replace(ended.outcome, spent=spent, seconds=monotonic() - begun))

    def under_way(self) -> frozenset[int]:
        """The documents of which nothing has come yet."""
        return frozenset(self._under_way)

    def let_go(self, documents: Set[int]) -> int:
        """Give documents up that are another worker's; how many of them were under way."""
        ours = documents & self._under_way.keys()
        for document in ours:
            self._under_way[document].cancel()
        return len(ours)

    @contextmanager
    def _is_under_way(self, document: int) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._under_way[document] = task
        try:
            yield
        finally:
            if self._under_way.get(document) is task:
                del self._under_way[document]

    async def _at_a_host(self, lease: Lease, own: Book) -> Ended | None:
        """None where the host was lost in between."""
        talk, characters = self._hosts.seated(), 0
        try:
            told = await self._read(talk, lease)
            if isinstance(told, Begun):
                characters = told.characters
                self._characters += characters
                told = await self._conversed(talk, own)
            if isinstance(told, Ended):
                self._note(told.outcomes, own)
                return told
            return None
        except BaseException:
            talk.drop()
            raise
        finally:
            self._characters -= characters
            self._hosts.left(talk)

    async def _read(self, talk: Talk, lease: Lease) -> Told:
        try:
            return await talk.ask(Begin(talk.ticket, Path(lease.path), lease.sha256, lease.source))
        finally:
            self._unread -= 1
            self._moved()

    async def _conversed(self, talk: Talk, own: Book) -> Told:
        told = await talk.ask(Further(talk.ticket))
        while isinstance(told, Calls):
            self._note(told.outcomes, own)
            calls = tuple(Call(self._models[name], request) for name, request in told.calls)
            told = await talk.ask(Further(talk.ticket, await answered(calls, partial(self._enter, own))))
        return told

    # -- the ledger

    def _enter(self, own: Book, call: Call, answer: Answer) -> None:
        """Into the ledger with a call; not with one that was refused or never sent, which costs nothing."""
        name = call.model.name
        for book in (own, self.book):
            if not isinstance(answer, ModelError):
                book.add(name, answer, self._tariff.prices.get(name), batch=self._tariff.batch)
            elif not isinstance(answer, HaltError):
                book.add_unanswered(name)
        if isinstance(answer, ModelError):
            self._note({NOT_ANSWERED: 1}, own)

    def _note(self, outcomes: Mapping[str, int], own: Book) -> None:
        for outcome, times in outcomes.items():
            own.note(outcome, times)
            self.book.note(outcome, times)
