"""A thread that does one thing after the other for an event loop: what is most urgent first, of equal urgency in the order asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """The thread, which begins with the first thing that is asked for."""

    def __init__(self, name: str) -> None:
        self._waiting: queue.PriorityQueue[tuple[int, int, Callable[[], Any], Future[Any]]] = queue.PriorityQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._order = count()
        self._guard = threading.Lock()
        self._is_closed = False

    def asked(self, urgency: int, do: Callable[[], T]) -> Future[T]:
        """What comes of it; the lower the urgency's number, the sooner. Raises RuntimeError once this is closed."""
        came: Future[T] = Future()
        with self._guard:
            if self._is_closed:
                raise RuntimeError("closed")
            self._waiting.put((urgency, next(self._order), do, came))
            if not self._thread.is_alive():
                self._thread.start()
        return came

    def close(self) -> None:
        """Nothing more is begun; not waited for."""
        with self._guard:
            self._is_closed = True
            self._waiting.put((-1, next(self._order), bool, Future()))

    def _work(self) -> None:
        while True:
            _, _, do, came = self._waiting.get()
            if self._is_closed:
                break
            if came.set_running_or_notify_cancel():
                try:
                    came.set_result(do())
                except BaseException as error:
                    came.set_exception(error)
        while not self._waiting.empty():
            self._waiting.get()[3].cancel()
