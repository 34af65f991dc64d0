"""The pace of calls to one endpoint: how many at once, how many a minute, and a pause while it does not answer.

A call enters when the breaker is closed, a place is free and the rates allow it, in the order of asking; its place is free again when it
leaves, so a call that waits to be tried again holds none. The limits of the endpoint are found from what becomes of the calls.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Final

from structurer.breaker import Breaker
from structurer.errors import UsageError
from structurer.rates import Charge, Limit, Outcome, Rate, Window

FIRST: Final = 16  # calls in flight at the start
MOST: Final = 64  # calls in flight, ever
PATIENCE_S: Final = 600.0  # seconds without any answer before all is given up
STREAK: Final = 2  # refusals, one sent after the other, before calls are held back
FIRST_HOLD_S: Final = 0.25  # seconds that calls are held back; doubled with each further refusal
LONGEST_HOLD_S: Final = 8.0
LONGEST_RETRY_AFTER_S: Final = 60.0  # an endpoint may ask for more, calls are held back no longer
SHORTEST_WAIT_S: Final = 0.001  # below that a clock may stand still


class EndpointDown(Exception):
    """The endpoint has not answered for `seconds`, and everybody has waited long enough."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"endpoint has not answered for {seconds:.0f} s")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counts of calls. `limit`: how many may be in flight now; `paused`: the endpoint does not answer."""

    limit: int
    in_flight: int
    waiting: int
    succeeded: int
    overloaded: int
    failed: int
    paused: bool


class Slot:
    """A place in flight for one call: `async with pace.slot() as slot`. What became of the call is told once, inside; it counts on leaving.

    Leaving without a word says nothing about the endpoint (a cancelled task, a request refused for what it asks).
    """

    __slots__ = ("_charges", "_number", "_outcome", "_pace", "_retry_after_s", "_tokens", "_used", "_window")

    def __init__(self, pace: Pace, tokens: int) -> None:
        self._pace, self._tokens = pace, max(tokens, 0)
        self._window: Window | None = None
        self._number = 0
        self._charges: tuple[tuple[Rate, Charge], ...] = ()
        self._outcome = Outcome.UNTOLD
        self._used: int | None = None
        self._retry_after_s: float | None = None

    def succeeded(self, tokens_used: int | None = None) -> None:
        """A whole answer came. `tokens_used` corrects the estimate, if it is known."""
        self._tell(Outcome.SUCCEEDED)
        self._used = tokens_used

    def overloaded(self, retry_after_s: float | None = None) -> None:
        """Refused for too many calls (HTTP 429), with the wait that the endpoint asks for, if any."""
        self._tell(Outcome.OVERLOADED)
        self._retry_after_s = retry_after_s

    def failed(self) -> None:
        """No answer: no connection, time-out, HTTP 5xx."""
        self._tell(Outcome.FAILED)

    def _tell(self, outcome: Outcome) -> None:
        if self._window is None or self._outcome is not Outcome.UNTOLD:
            raise RuntimeError("the outcome of a call is told once, inside its slot")
        self._outcome = outcome

    async def __aenter__(self) -> Slot:
        await self._pace._enter(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pace._leave(self)


class Pace:
    """The pace of calls to one endpoint, shared by all tasks of one event loop (not by threads).

    `first`, `most`: calls in flight at the start and at the utmost. `patience_s`: how long an endpoint that does not answer is waited for.
    `told` hears a sentence when it stops answering and when it answers again. `clock` gives seconds, `sleep` waits them. Raises UsageError
    for numbers that allow no call.
    """

    def __init__(
        self,
        *,
        most: int = MOST,
        first: int = FIRST,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        patience_s: float = PATIENCE_S,
        told: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limit = Limit(first, most)
        self._breaker = Breaker(patience_s, told)
        self._requests = None if requests_per_minute is None else Rate(requests_per_minute, clock())
        self._tokens = None if tokens_per_minute is None else Rate(tokens_per_minute, clock())
        self._clock, self._sleep = clock, sleep
        self._in_flight = 0
        self._waiting: OrderedDict[Slot, asyncio.Future[None]] = OrderedDict()
        self._counts = dict.fromkeys(Outcome, 0)
        self._entries = 0
        self._streak, self._refused_number, self._held_until, self._hold_s = 0, 0, -inf, 0.0
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = inf

    def slot(self, tokens: int = 0) -> Slot:
        """A place for one call that will take about `tokens` of the rate. Entering raises EndpointDown when the endpoint is lost."""
        return Slot(self, tokens)

    @property
    def snapshot(self) -> Snapshot:
        """How things stand now."""
        return Snapshot(
            self._limit.level,
            self._in_flight,
            len(self._waiting),
            self._counts[Outcome.SUCCEEDED],
            self._counts[Outcome.OVERLOADED],
            self._counts[Outcome.FAILED],
            self._breaker.is_open,
        )

    # -- entering

    async def _enter(self, slot: Slot) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[slot] = turn
        self._admit()
        try:
            await turn
        except BaseException:
            if self._waiting.pop(slot, None) is None and not turn.cancelled() and turn.exception() is None:
                self._leave(slot)  # cancelled just as its turn came
            else:
                self._admit()
            raise

    def _admit(self) -> None:
        """Lets in whoever may enter, first come first served, and sets the alarm for the next."""
        while self._waiting:
            now = self._clock()
            if self._breaker.lost(now):
                self._give_up()
                return
            slot = next(iter(self._waiting))
            wait_s = self._wait_s(slot, now)
            if wait_s > 0:
                self._set_alarm(now, wait_s)
                return
            turn = self._waiting.pop(slot)
            if not turn.done():
                self._place(slot, now)
                turn.set_result(None)
        self._clear_alarm()

    def _wait_s(self, slot: Slot, now: float) -> float:
        """Seconds until the slot may be had, or all is lost; infinite where a call must return first."""
        patience_s = self._breaker.patience_left_s(now)
        return min(self._entry_s(slot, now), inf if patience_s is None else patience_s)

    def _entry_s(self, slot: Slot, now: float) -> float:
        probe_s = self._breaker.wait_s(now)
        if probe_s is None or self._in_flight >= self._limit.level:
            return inf
        rates_s = (rate.wait_s(amount, now) for rate, amount in self._rated(slot))
        return max(probe_s, self._held_until - now, *rates_s, 0.0)

    def _rated(self, slot: Slot) -> Iterator[tuple[Rate, int]]:
        for rate, amount in ((self._requests, 1), (self._tokens, slot._tokens)):
            if rate is not None:
                yield rate, amount

    def _place(self, slot: Slot, now: float) -> None:
        self._in_flight += 1
        self._entries += 1
        slot._number = self._entries
        slot._window = self._limit.entered(self._in_flight)
        slot._charges = tuple((rate, rate.take(amount, now)) for rate, amount in self._rated(slot))
        self._breaker.enter(slot, now)
        if self._streak >= STREAK:  # one at a time
            self._held_until = now + self._hold_s

    def _give_up(self) -> None:
        seconds = self._breaker.open_s(self._clock())
        while self._waiting:
            turn = self._waiting.popitem(last=False)[1]
            if not turn.done():
                turn.set_exception(EndpointDown(seconds))
        self._clear_alarm()

    # -- leaving

    def _leave(self, slot: Slot) -> None:
        window, outcome, now = slot._window, slot._outcome, self._clock()
        assert window is not None
        slot._window = None
        wanted = bool(self._waiting) and self._in_flight >= self._limit.level
        self._in_flight -= 1
        self._counts[outcome] += 1
        self._limit.returned(window, outcome, self._in_flight, wanted=wanted)
        self._hold(slot, now)
        if outcome is Outcome.SUCCEEDED and slot._used is not None and self._tokens is not None:
            self._tokens.correct(slot._charges[-1][1], slot._used, now)
        try:
            self._judge_endpoint(slot, now)
        finally:
            self._admit()

    def _hold(self, slot: Slot, now: float) -> None:
        """Calls that are refused one after the other, with no success between, hold back the next."""
        if slot._outcome is Outcome.SUCCEEDED:
            self._streak, self._held_until = 0, -inf
        elif slot._outcome is Outcome.OVERLOADED and slot._number > self._refused_number:
            self._streak, self._refused_number = self._streak + 1, self._entries
            if self._streak >= STREAK:
                own_s = min(FIRST_HOLD_S * 2 ** min(self._streak - STREAK, 16), LONGEST_HOLD_S)
                self._hold_s = max(own_s, min(slot._retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
                self._held_until = now + self._hold_s

    def _judge_endpoint(self, slot: Slot, now: float) -> None:
        if slot._outcome is Outcome.FAILED:
            self._breaker.failed(slot, now, self._limit.level // 4)
        elif slot._outcome is Outcome.UNTOLD:
            self._breaker.abandoned(slot, now)
        else:
            self._breaker.answered(now)

    # -- the alarm: one task that sleeps until the first in the queue may enter

    def _set_alarm(self, now: float, wait_s: float) -> None:
        due = now + max(wait_s, SHORTEST_WAIT_S)
        if self._alarm is not None and not self._alarm.done() and self._alarm_at <= due:
            return
        self._clear_alarm()
        if due < inf:
            self._alarm, self._alarm_at = asyncio.get_running_loop().create_task(self._ring(due - now)), due

    def _clear_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, inf

    async def _ring(self, wait_s: float) -> None:
        await self._sleep(wait_s)
        self._alarm, self._alarm_at = None, inf
        self._admit()
