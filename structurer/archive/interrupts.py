"""Ctrl-C and SIGTERM in an event loop: told to whoever is asked to end, instead of raised wherever the code is."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def heard(hear: Callable[[], None]) -> Iterator[None]:
    """Calls `hear` for each of them, in the main thread of a program that does not ignore them; nowhere else can they be heard."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, hear)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
