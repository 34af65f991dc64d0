"""A circuit breaker: an endpoint that does not answer pauses a run instead of failing it.

Failures in a row open it. While it is open one call at a time is let through as a probe, after 1, 2, 4 ... 60 seconds; any answer closes
it, also a refusal for load. When it has been open for longer than anybody is to wait, the endpoint is lost, until a call that was still
under way has an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Final

FAILURES: Final = 5  # failures in a row that open it, at least
FIRST_PROBE_S: Final = 1.0  # seconds from opening to the first probe; doubled after each that fails
LONGEST_PROBE_S: Final = 60.0


class Outcome(Enum):
    """What became of a call."""

    SUCCEEDED = "succeeded"
    OVERLOADED = "overloaded"  # refused for load: HTTP 429
    FAILED = "failed"  # no answer, or HTTP 5xx
    UNTOLD = "untold"  # cancelled, or refused for what it asked


class Breaker:
    """Closed, open or lost. Times are seconds of one clock; a call is known by any object of its own.

    `told` hears one sentence when it opens and one when it closes.
    """

    def __init__(self, patience_s: float, told: Callable[[str], None]) -> None:
        self._patience_s, self._told = patience_s, told
        self._failures = 0  # in a row
        self._opened_at: float | None = None
        self._interval_s, self._due = FIRST_PROBE_S, 0.0
        self._probe: object | None = None  # the call that was let through while open
        self._probed_at = 0.0
        self._lost = False

    @property
    def is_open(self) -> bool:
        """Whether calls wait for a probe."""
        return self._opened_at is not None

    def open_s(self, now: float) -> float:
        """Seconds that it has been open."""
        return 0.0 if self._opened_at is None else now - self._opened_at

    def wait_s(self, now: float) -> float:
        """Seconds until a call may enter, 0.0 if it may now; infinite while a probe is under way."""
        if self._opened_at is None:
            return 0.0
        return inf if self._probe is not None else max(0.0, self._due - now)

    def enter(self, call: object, now: float) -> None:
        """A call enters; while open, as the probe."""
        if self._opened_at is not None:
            self._probe, self._probed_at = call, now

    def returned(self, call: object, outcome: Outcome, now: float, *, enough: int = FAILURES) -> None:
        """A call is back. `enough` failures in a row open the breaker, if they are `FAILURES` or more."""
        if outcome is Outcome.FAILED:
            self._failed(call, now, max(enough, FAILURES))
        elif outcome is not Outcome.UNTOLD:
            self._answered(now)
        elif call is self._probe:
            self._probe = None  # another is due already

    def lost(self, now: float) -> bool:
        """Whether waiting has become pointless. An endpoint that nobody tried in the meantime is tried once more."""
        if self._opened_at is not None and now >= self._opened_at + self._patience_s:
            tried = now < self._due if self._probe is None else self._probed_at < self._opened_at + self._patience_s
            self._lost = self._lost or tried
        return self._lost

    def patience_left_s(self, now: float) -> float:
        """Seconds until it may be lost; infinite if it is closed, or they are over."""
        left_s = self._patience_s - self.open_s(now)
        return left_s if self._opened_at is not None and left_s > 0 else inf

    def _answered(self, now: float) -> None:
        open_s, was_open, self._opened_at = self.open_s(now), self.is_open, None
        self._failures, self._probe, self._lost = 0, None, False
        if was_open:
            self._told(f"endpoint answers again after {open_s:.0f} s")

    def _failed(self, call: object, now: float, enough: int) -> None:
        self._failures += 1
        if self._opened_at is None:
            if self._failures >= enough:
                self._opened_at, self._interval_s, self._due = now, FIRST_PROBE_S, now + FIRST_PROBE_S
                self._told(f"endpoint does not answer; paused, trying again in {FIRST_PROBE_S:.0f} s")
        elif call is self._probe:
            self._interval_s = min(2 * self._interval_s, LONGEST_PROBE_S)
            self._probe, self._due = None, now + self._interval_s
            self._lost = now >= self._opened_at + self._patience_s
