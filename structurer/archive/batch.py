"""Many documents, one run: while some are found, others are read, asked about, judged and stored. Nothing is lost, whatever happens.

A worker leases documents from the store and gives them to its hosts; models are asked from one event loop; what comes of a document is
written with all that is known of it in one commit. What cannot be done is noted with its reason, the others still are. A model that will
answer nothing more ends a run early, as Ctrl-C does: the documents in hand are finished, a second Ctrl-C stops at once. All that is not
finished then waits for `--resume`. Several workers may share a store; each does what no other has.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from structurer.archive import interrupts, steps
from structurer.archive.hosting import Ended
from structurer.archive.hosts import Hosts
from structurer.archive.inhand import UNPRICED, InHand, Tariff
from structurer.archive.tally import Tally
from structurer.asking.converse import apart
from structurer.endpoints.book import Book
from structurer.errors import HaltError, InputError
from structurer.sandbox.confined import BugError
from structurer.store.commits import Commits
from structurer.store.runs import Lease, LeftAside, Located, Progress, State
from structurer.store.store import TRIES, Store
from structurer.telemetry.tracing import OFF, Seen

if TYPE_CHECKING:
    from structurer.asking.llm import Model
    from structurer.pipeline import Plan

IN_HAND: Final = 128  # documents begun and not finished, where models are asked: more than may be in flight, since some are being judged
IN_HAND_BY_BATCH: Final = 20_000  # ... where they are asked by batch, which is the fuller the more wait
IN_HAND_A_HOST: Final = 2  # ... where none is asked: one is worked on, one is ready
LEASED: Final = 32  # documents at once
ADDED, ADDED_S = 200, 0.5  # documents found, and seconds since the last were written down, after which they are
HEARTBEAT_S: Final = 15.0  # a quarter of a lease
LOOK_S: Final = 1.0  # between two looks at what other workers of the run do


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told: the name of each document when it is begun and when it has come to its end, and every error as a sentence (or traceback)
    when it happens."""

    begun: Callable[[str], None]
    trouble: Callable[[str], None]
    document: Callable[[str], AbstractContextManager[Seen]] = OFF.document
    ended: Callable[[str], None] = lambda _: None


def run_all(
    found: Iterable[Located | LeftAside | None],
    plan: Plan,
    store: Store,
    hosts: Hosts,
    watcher: Watcher,
    tariff: Tariff = UNPRICED,
    tally: Tally | None = None,
    ending: threading.Event | None = None,
    *,
    roots: Sequence[str] | None = None,
    joins_as: str = "",
) -> Tally:
    """Structure all documents that are found, and those that wait in the store, and close the run; no further one once `ending` is set.

    `roots`: names of which all are known once all is found, and what such names begin with (None: nobody knows what else there is).
    Without hosts it only finds documents, and waits until workers elsewhere have done them, who join the run that it has begun, each under
    a name of its own: one that joins again is known to have been lost.
    KeyboardInterrupt passes through when the run is closed as interrupted; so does UsageError where the store cannot be written to.
    """
    worker = Worker(plan, store, hosts, watcher, tariff, tally or Tally(), ending or threading.Event(), roots, joins_as)
    try:
        return apart(worker.work(found))
    finally:
        hosts.close()
        store.close()


class Worker:
    """One worker of a run."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        hosts: Hosts,
        watcher: Watcher,
        tariff: Tariff,
        tally: Tally,
        ending: threading.Event,
        roots: Sequence[str] | None,
        joins_as: str,
    ) -> None:
        self._store, self._hosts, self._watcher, self._tally = store, hosts, watcher, tally
        self._ending, self._roots = ending, roots  # no further document is begun once the former is set
        self._begins, self._name = not joins_as, joins_as or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        models: dict[str, Model] = {model.name: model for model in (plan.model, plan.other, plan.escalate) if model is not None}
        self._most = IN_HAND_BY_BATCH if tariff.batch else IN_HAND if models else IN_HAND_A_HOST * len(hosts.seats)
        self._moved = asyncio.Event()
        self._hand = InHand(hosts, models, tariff, self._moved.set)
        self._number = 0
        self._ahead: deque[Lease] = deque()
        self._worked = False
        self._finding = True  # documents may still be found
        self._settled: Sequence[str] | None = None  # the roots, once all is found
        self._interrupts = 0

    async def work(self, found: Iterable[Located | LeftAside | None]) -> Tally:
        """From the first document to the last."""
        self._commits = Commits(self._store, self._watcher.trouble)
        state = Progress.INTERRUPTED
        try:
            self._number = await self._commits(lambda store: store.enrol(self._name))
            if self._begins:
                self._tally.counts = await self._commits(steps.begin)
            with self._interruptible():
                await self._all(found)
            if not self._interrupts:
                state = Progress.HALTED if self._tally.halted else Progress.FINISHED
        finally:
            await asyncio.shield(self._closed(state))
        if self._interrupts:
            raise KeyboardInterrupt
        return self._tally

    async def _all(self, found: Iterable[Located | LeftAside | None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                beat = group.create_task(self._beat())
                finder = group.create_task(self._find(found))
                await (self._feed(group) if self._hosts.seats else self._oversee())
                finder.cancel()
                while self._tally.in_hand:
                    await self._movement()
                beat.cancel()
        except BaseExceptionGroup as several:  # the store cannot be written to, or a bug: the first of them says it
            raise several.exceptions[0] from None

    # -- finding

    async def _find(self, found: Iterable[Located | LeftAside | None]) -> None:
        """In a thread of its own: the disk is waited for."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        errors: list[BaseException] = []

        def search() -> None:
            try:
                for some in _portions(found, self._ending):
                    documents = self._commits.asked(partial(steps.add, some, self._number)).result()
                    loop.call_soon_threadsafe(self._add_up, some, documents)
                self._settled = None if self._ending.is_set() else self._roots
                self._commits.asked(partial(steps.found_all, self._number, self._settled)).result()
            except BaseException as error:
                errors.append(error)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(came.set)

        threading.Thread(target=search, name="finder", daemon=True).start()
        await came.wait()
        if errors:
            raise errors[0]
        self._finding = False
        self._moved.set()

    def _add_up(self, some: list[Located | LeftAside], documents: int) -> None:
        self._tally.found = documents
        for one in some:
            if isinstance(one, LeftAside) and one.state is State.UNREADABLE:
                self._watcher.trouble(str(InputError(one.reason, where=one.name, remedy=one.remedy)))
        self._moved.set()

    # -- feeding

    async def _feed(self, group: asyncio.TaskGroup) -> None:
        """Begin documents as long as there are any and there is room."""
        while not self._ending.is_set():
            if self._hand.is_full(self._most):
                await self._movement()
            elif self._ahead:
                self._tally.in_hand = self._hand.taken()
                group.create_task(self._one(self._ahead.popleft()))
            elif not await self._leased() and await self._is_over():
                return

    async def _leased(self) -> bool:
        """What this worker may still find again, or not, it leases when it has."""
        seen = self._number if self._finding and self._begins else 0
        leases = await self._commits(partial(steps.lease, self._number, min(LEASED, self._most), seen))
        if leases is None:
            self._ending.set()
        under_way = self._hand.under_way()  # a worker that was thought lost may lease again what it is at
        self._ahead.extend(lease for lease in leases or () if lease.document not in under_way)
        return bool(leases)

    async def _is_over(self) -> bool:
        """Whether nothing is to come any more; waits for news."""
        if self._finding or self._tally.in_hand:
            await self._movement(None if not self._store.shared else LOOK_S)
            return False
        if not self._store.shared:
            return not await self._leased()
        return not await self._others_are_at_it()

    async def _others_are_at_it(self) -> bool:
        """Whether other workers have or may find documents; waits a little if so."""
        is_open, is_to_end = await self._commits(partial(steps.look, self._number))
        if is_to_end:
            self._ending.set()
        if is_open:
            await self._movement(LOOK_S)
        return is_open

    async def _oversee(self) -> None:
        """Find documents for workers elsewhere, see them done, and pass on a wish to end."""
        while await self._others_are_at_it():
            self._tally.counts = await self._commits(steps.counted)
            if self._ending.is_set() and not self._tally.counts[State.IN_WORK]:
                return

    async def _movement(self, seconds: float | None = None) -> None:
        """Something was found, or has come to its end; or so much time has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # `wait_for` of Python 3.11 forgets a cancellation that comes with the movement
                await self._moved.wait()
        self._moved.clear()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            had = self._hand.under_way().union(lease.document for lease in self._ahead)
            held = await self._commits(partial(steps.beat, self._number, self._hand.book.as_dict()))
            self._let_go(had - held)

    def _let_go(self, documents: Set[int]) -> None:
        """This worker was not heard of for longer than a lease, and others do what it had."""
        self._ahead = deque(lease for lease in self._ahead if lease.document not in documents)
        if count := self._hand.let_go(documents):
            self._watcher.trouble(f"this worker was not heard of for too long: others do {count} of the documents it had in hand")

    # -- one document

    async def _one(self, lease: Lease) -> None:
        self._watcher.begun(lease.source)
        try:
            with self._watcher.document(lease.path) as seen:
                try:
                    await self._through(lease, seen)
                except HaltError as error:
                    seen.failed(error)
                    self._halt(error)
                    await self._commits(lambda store: store.give_back(self._number, [lease.document]))
                except (InputError, BugError) as error:
                    seen.failed(error)
                    await self._lost(lease, error)
        finally:
            self._tally.in_hand = self._hand.left()
            self._watcher.ended(lease.source)

    async def _through(self, lease: Lease, seen: Seen) -> None:
        ended = await self._hand.ended(lease, Book(outcomes=seen.outcomes))
        if ended.error is None:
            seen.came(lease.sha256, ended.outcome)
        else:
            seen.failed(ended.error)
        if await self._commits(partial(steps.finish, self._number, lease.document, ended.outcome, self._hand.book.as_dict())):
            self._count(ended)

    def _count(self, ended: Ended) -> None:
        tally, outcome = self._tally, ended.outcome
        tally.counts[outcome.state] += 1
        tally.records += outcome.records
        tally.held += outcome.held
        tally.failed += outcome.failed
        tally.flagged += len(outcome.flagged)
        tally.book = self._hand.book
        self._worked = True
        if ended.words:
            self._watcher.trouble(ended.words)

    async def _lost(self, lease: Lease, error: InputError | BugError) -> None:
        """The host was lost with a document, or broke on it."""
        reason = error.what if isinstance(error, InputError) else str(error)
        trace = "\n".join(getattr(error, "__notes__", ()))
        state = await self._commits(lambda store: store.lost_with(self._number, lease.document, reason, trace))
        if state is State.QUARANTINED:
            self._tally.counts[state] += 1
            self._worked = True
            self._watcher.trouble(f"{lease.path}: quarantined, tried {TRIES} times: {reason}")

    def _halt(self, error: HaltError) -> None:
        """Said once: every document in hand hears it."""
        self._ending.set()
        if not self._tally.halted:
            self._tally.halted = error.what
            self._watcher.trouble(str(error))

    # -- the end

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first interrupt ends the run when the documents in hand are finished, the second at once."""
        whole = asyncio.current_task()
        assert whole is not None
        try:
            with interrupts.heard(partial(self._interrupt, whole)):
                yield
        except asyncio.CancelledError:
            if not self._interrupts:
                raise
            whole.uncancel()

    def _interrupt(self, whole: asyncio.Task[object]) -> None:
        self._interrupts += 1
        self._ending.set()
        self._moved.set()
        if not self._hosts.seats:
            self._commits.asked(lambda store: store.ask_to_end(True))
        in_hand = self._tally.in_hand or (not self._hosts.seats and self._tally.counts[State.IN_WORK])
        if self._interrupts == 1 and in_hand:
            self._watcher.trouble(f"finishing the {in_hand} documents in hand; Ctrl-C again stops at once")
        else:
            self._hosts.close()
            self._commits.hurry()
            whole.cancel()

    async def _closed(self, state: Progress) -> None:
        """Whatever is not finished waits again, and the run says what became of it."""
        self._ending.set()
        try:
            await self._commits(partial(steps.leave, self._number, self._hand.book.as_dict(), self._settled))
            await self._commits(partial(steps.conclude, state, self._tally.halted, anew=self._worked))
            await self._commits(partial(steps.sum_up, self._tally))
        finally:
            await asyncio.to_thread(self._commits.close)


def _portions(found: Iterable[Located | LeftAside | None], ending: threading.Event) -> Iterator[list[Located | LeftAside]]:
    """What is found, some at a time, so that work begins before all is found; no more once the run is ending. None says: write it down."""
    some: list[Located | LeftAside] = []
    since = monotonic()
    for one in found:
        if ending.is_set():
            return
        some += [] if one is None else [one]
        if some and (one is None or len(some) >= ADDED or monotonic() - since > ADDED_S):
            yield some
            some, since = [], monotonic()
    if some:
        yield some
