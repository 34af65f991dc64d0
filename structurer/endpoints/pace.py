"""The pace of calls to one endpoint: how many at once, how many a minute, and a pause while it does not answer.

A call enters when the breaker is closed, a place is free and the rates allow it, in the order of asking. Its place is free again when it
leaves, so a call that waits to be tried again holds none. How many places there are is found from what becomes of the calls.
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

from structurer.endpoints.breaker import Breaker, Outcome
from structurer.endpoints.rates import Charge, Limit, Rate, Window
from structurer.errors import UsageError

FIRST: Final = 16  # calls in flight at the start
MOST: Final = 64  # calls in flight, ever
PATIENCE_S: Final = 600.0  # seconds without an answer before all is given up
STREAK: Final = 2  # refusals, each of a call sent after the one before was back, until calls are held back
FIRST_HOLD_S: Final = 0.25  # seconds that they are held back; doubled with each further refusal
LONGEST_HOLD_S: Final = 8.0
LONGEST_RETRY_AFTER_S: Final = 60.0  # an endpoint may ask for more, calls are held back no longer
SHORTEST_WAIT_S: Final = 0.001  # below that a clock may not move


class EndpointDown(Exception):  # noqa: N818 - a state, which the provider turns into its own error
    """The endpoint has not answered for `seconds`, longer than anybody is to wait."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"endpoint has not answered for {seconds:.0f} s")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Numbers of calls. `limit`: how many may be in flight now; `paused`: the endpoint does not answer."""

    limit: int
    in_flight: int
    waiting: int
    succeeded: int
    overloaded: int
    failed: int
    paused: bool


class Slot:
    """A place for one call, entered once: `async with pace.slot() as slot`. What became of the call is told inside, and counts on leaving.

    Leaving without a word says nothing about the endpoint: a task was cancelled, or a request refused for what it asks.
    """

    __slots__ = ("_charge", "_number", "_outcome", "_pace", "_retry_after_s", "_tokens", "_used", "_window")

    def __init__(self, pace: Pace, tokens: int) -> None:
        self._pace, self._tokens = pace, max(tokens, 0)
        self._number = 0  # in the order of entering
        self._window: Window | None = None  # while inside
        self._charge: Charge | None = None  # of tokens
        self._outcome = Outcome.UNTOLD
        self._used: int | None = None
        self._retry_after_s = 0.0

    def succeeded(self, tokens_used: int | None = None) -> None:
        """A whole answer came. `tokens_used` corrects the estimate, where it is known."""
        self._tell(Outcome.SUCCEEDED)
        self._used = tokens_used

    def overloaded(self, retry_after_s: float | None = None) -> None:
        """Refused for load (HTTP 429), with the seconds that the endpoint asks to wait, if any. The waiting itself is the caller's."""
        self._tell(Outcome.OVERLOADED)
        self._retry_after_s = retry_after_s or 0.0

    def failed(self) -> None:
        """No answer: no connection, time-out, HTTP 5xx."""
        self._tell(Outcome.FAILED)

    def _tell(self, outcome: Outcome) -> None:
        if self._window is None or self._outcome is not Outcome.UNTOLD:
            raise RuntimeError("what became of a call is told once, inside its slot")
        self._outcome = outcome

    async def __aenter__(self) -> Slot:
        await self._pace._enter(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pace._leave(self)


class Pace:
    """The pace of calls to one endpoint, shared by all tasks of one event loop, not by threads.

    `first`, `most`: calls in flight at the start and at the utmost. `patience_s`: how long an endpoint that does not answer is waited for.
    `told` hears a sentence when it stops answering and one when it answers again. `clock` gives seconds, `sleep` waits them. Raises
    UsageError for numbers that allow no call.
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
        self._limit = Limit(_at_least_one("first", first), _at_least_one("most", most))
        self._requests = _rate("requests_per_minute", requests_per_minute, clock)
        self._tokens = _rate("tokens_per_minute", tokens_per_minute, clock)
        self._breaker = Breaker(_patience(patience_s), told)
        self._clock, self._sleep = clock, sleep
        self._waiting: OrderedDict[Slot, asyncio.Future[None]] = OrderedDict()
        self._in_flight = self._entered = 0
        self._counts = dict.fromkeys(Outcome, 0)
        self._streak = self._refused_number = 0
        self._hold_s, self._held_until = 0.0, -inf
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = inf

    def slot(self, tokens: int = 0) -> Slot:
        """A place for one call that will take about `tokens` of the rate. Entering waits; it raises EndpointDown when all is given up."""
        return Slot(self, tokens)

    @property
    def snapshot(self) -> Snapshot:
        """How things stand."""
        return Snapshot(
            limit=self._limit.level,
            in_flight=self._in_flight,
            waiting=len(self._waiting),
            succeeded=self._counts[Outcome.SUCCEEDED],
            overloaded=self._counts[Outcome.OVERLOADED],
            failed=self._counts[Outcome.FAILED],
            paused=self._breaker.is_open,
        )

    # -- entering

    async def _enter(self, slot: Slot) -> None:
        if slot._number or slot in self._waiting:
            raise RuntimeError("a slot is entered once")
        turn = asyncio.get_running_loop().create_future()
        self._waiting[slot] = turn
        self._admit()
        try:
            await turn
        except BaseException:
            if slot._window is not None:  # cancelled just as its turn came
                self._leave(slot)
            elif self._waiting.pop(slot, None) is not None:
                self._admit()
            raise

    def _admit(self) -> None:
        """Lets in whoever may enter, first come first served, and sets the alarm for the next."""
        while self._waiting:
            now = self._clock()
            if self._breaker.lost(now):
                self._give_up(now)
                break
            slot, turn = next(iter(self._waiting.items()))
            if not turn.done() and (wait_s := self._wait_s(slot, now)) > 0:
                self._set_alarm(now, wait_s)
                return
            del self._waiting[slot]
            if not turn.done():  # else it was cancelled
                self._place(slot, now)
                turn.set_result(None)
        self._clear_alarm()

    def _wait_s(self, slot: Slot, now: float) -> float:
        """Seconds until the slot may be had, or all is given up; infinite where a call must return first."""
        return min(self._entry_s(slot, now), self._breaker.patience_left_s(now))

    def _entry_s(self, slot: Slot, now: float) -> float:
        if self._in_flight >= self._limit.level:
            return inf
        rates_s = (rate.wait_s(amount, now) for rate, amount in self._rates(slot))
        return max(0.0, self._breaker.wait_s(now), self._held_until - now, *rates_s)

    def _rates(self, slot: Slot) -> Iterator[tuple[Rate, int]]:
        for rate, amount in ((self._requests, 1), (self._tokens, slot._tokens)):
            if rate is not None:
                yield rate, amount

    def _place(self, slot: Slot, now: float) -> None:
        self._in_flight, self._entered = self._in_flight + 1, self._entered + 1
        slot._number, slot._window = self._entered, self._limit.entered(self._in_flight)
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            slot._charge = self._tokens.take(slot._tokens, now)
        self._breaker.enter(slot, now)
        if self._streak >= STREAK:  # one at a time
            self._held_until = now + self._hold_s

    def _give_up(self, now: float) -> None:
        while self._waiting:
            turn = self._waiting.popitem(last=False)[1]
            if not turn.done():
                turn.set_exception(EndpointDown(self._breaker.open_s(now)))

    # -- leaving

    def _leave(self, slot: Slot) -> None:
        window, slot._window, now = slot._window, None, self._clock()
        assert window is not None
        wanted = bool(self._waiting) and self._in_flight >= self._limit.level
        self._in_flight -= 1
        self._counts[slot._outcome] += 1
        self._limit.returned(window, slot._outcome, self._in_flight, wanted=wanted)
        self._hold(slot, now)
        if self._tokens is not None and slot._charge is not None and slot._used is not None:
            self._tokens.correct(slot._charge, slot._used, now)
        try:
            self._breaker.returned(slot, slot._outcome, now, enough=self._limit.level // 4)
        finally:
            self._admit()

    def _hold(self, slot: Slot, now: float) -> None:
        """Calls refused one after the other, with no success between, hold the next one back."""
        if slot._outcome is Outcome.SUCCEEDED:
            self._streak, self._held_until = 0, -inf
        elif slot._outcome is Outcome.OVERLOADED and slot._number > self._refused_number:
            self._streak, self._refused_number = self._streak + 1, self._entered
            if self._streak >= STREAK:
                own_s = min(FIRST_HOLD_S * 2 ** min(self._streak - STREAK, 16), LONGEST_HOLD_S)
                self._hold_s = max(own_s, min(slot._retry_after_s, LONGEST_RETRY_AFTER_S))
                self._held_until = now + self._hold_s

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


def _at_least_one(name: str, number: int) -> int:
    if number < 1:
        raise UsageError(f"{name} = {number} allows no call", remedy=f"set {name} to 1 or more")
    return number


def _patience(seconds: float) -> float:
    if not seconds >= 0:
        raise UsageError(f"patience_s = {seconds} is no time", remedy="set patience_s to 0 or more seconds")
    return seconds


def _rate(name: str, per_minute: float | None, clock: Callable[[], float]) -> Rate | None:
    if per_minute is None:
        return None
    if not 0 < per_minute < inf:
        raise UsageError(f"{name} = {per_minute} is no rate", remedy=f"set {name} to a number above 0, or leave it out for no limit")
    return Rate(per_minute, clock())
