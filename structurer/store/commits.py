"""Group commit: many tasks write to one store, and what they ask for while a commit is under way goes into the next one together.

A commit costs a wait for the disk, whatever is in it. Whoever asks for a change is answered when it is durable.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from structurer.store.database import PassingError
from structurer.store.store import Store

T = TypeVar("T")
PATIENCE_S: Final = 600.0  # for which a store that cannot be written to just now is tried again
LONGEST_WAIT_S: Final = 15.0  # between two tries
TOGETHER: Final = 256  # changes in one transaction, at most: until it ends nobody else of a shared store can change the same rows


@dataclass(frozen=True, slots=True)
class _Wish:
    change: Callable[[Store], Any]
    came: Future[Any]


class Commits:
    """The thread that writes to a store. What passes (a database that is started again) is waited for, and `told` once."""

    def __init__(self, store: Store, told: Callable[[str], None] = lambda _: None) -> None:
        self._store, self._told = store, told
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._taken: list[_Wish] = []  # into the present transaction
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commits", daemon=True)
        self._thread.start()

    async def __call__(self, change: Callable[[Store], T]) -> T:
        """What a change returns, once it is durable. Raises what it, or the commit, raises; then nothing of it is written."""
        return await asyncio.wrap_future(self.asked(change))

    def asked(self, change: Callable[[Store], T]) -> Future[T]:
        """The same for callers without an event loop."""
        came: Future[T] = Future()
        self._wishes.put(_Wish(change, came))
        return came

    def hurry(self) -> None:
        """What cannot be written at once is not waited for any more."""
        self._hurried.set()

    def close(self) -> None:
        """Ends when all that was asked for is written."""
        self._wishes.put(None)
        self._thread.join()

    def _run(self) -> None:
        """Whatever breaks, nobody waits for ever."""
        try:
            self._write()
        except BaseException as error:
            for wish in self._taken:
                _tell_error(wish, error)
            while (late := self._wishes.get()) is not None:
                _tell_error(late, error)

    def _write(self) -> None:
        while wishes := self._waiting():
            self._taken = wishes
            try:
                came = self._patiently(wishes)
            except PassingError as error:
                for wish in wishes:
                    _tell_error(wish, error)
            except BaseException as error:
                self._one_by_one(wishes, error)
            else:
                for wish, value in zip(wishes, came, strict=True):
                    _tell(wish, value)

    def _patiently(self, wishes: list[_Wish]) -> list[Any]:
        """Every change can be made twice: what a worker has finished, or leased, is not its own, or is, the second time."""
        for attempt in Retrying(
            retry=retry_if_exception_type(PassingError), wait=wait_random_exponential(1, LONGEST_WAIT_S),
            stop=stop_after_delay(PATIENCE_S) | stop_when_event_set(self._hurried), sleep=sleep_using_event(self._hurried),
            before_sleep=self._tell_once, reraise=True,
        ):  # fmt: skip
            with attempt, self._store.transaction():
                came = [wish.change(self._store) for wish in wishes]
        return came

    def _tell_once(self, attempt: RetryCallState) -> None:
        if attempt.attempt_number == 1 and attempt.outcome is not None:
            self._told(f"{attempt.outcome.exception()}; trying again for {PATIENCE_S:g} seconds")

    def _one_by_one(self, wishes: list[_Wish], error: BaseException) -> None:
        """A change that fails takes none of the others with it."""
        if len(wishes) == 1:
            _tell_error(wishes[0], error)
            return
        for wish in wishes:
            try:
                with self._store.transaction():
                    value = wish.change(self._store)
            except BaseException as own:
                _tell_error(wish, own)
            else:
                _tell(wish, value)

    def _waiting(self) -> list[_Wish]:
        """All that wait, at least one; none at the end."""
        first = self._wishes.get()
        if first is None:
            return []
        wishes = [first]
        while len(wishes) < TOGETHER:
            try:
                wish = self._wishes.get_nowait()
            except queue.Empty:
                break
            if wish is None:
                self._wishes.put(None)
                break
            wishes.append(wish)
        return wishes


def _tell(wish: _Wish, value: Any) -> None:
    if wish.came.set_running_or_notify_cancel():
        wish.came.set_result(value)


def _tell_error(wish: _Wish, error: BaseException) -> None:
    if not wish.came.done() and wish.came.set_running_or_notify_cancel():
        wish.came.set_exception(error)
