"""A circuit breaker: an endpoint that does not answer pauses a run instead of failing it.

Failures in a row open it. While it is open one call at a time is let through as a probe, after 1, 2, 4 ... 60 seconds; any answer closes it,
and a refusal for overload is one. When it has been open for longer than somebody has patience, the endpoint is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FAILURES: Final = 5  # failures in a row that open it, at least
FIRST_PROBE_S: Final = 1.0  # seconds from opening to the first probe; doubled after each that fails
LONGEST_PROBE_S: Final = 60.0


class Breaker:
    """Closed, open, or lost. `told` hears one sentence when it opens and one when it closes. Times are seconds of one clock; a call is
    known by any object of its own."""

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

    def wait_s(self, now: float) -> float | None:
        """Seconds until a call may enter, 0.0 if it may now; None while a probe is under way."""
        if self._opened_at is None:
            return 0.0
        return None if self._probe is not None else max(0.0, self._due - now)

    def enter(self, call: object, now: float) -> None:
        """A call enters; while open, as the probe."""
        if self._opened_at is not None:
            self._probe, self._probed_at = call, now

    def lost(self, now: float) -> bool:
        """Whether waiting has become pointless. An endpoint that nobody tried in the meantime is tried once more."""
        if self._opened_at is not None and now >= self._opened_at + self._patience_s:
            tried = now < self._due if self._probe is None else self._probed_at < self._opened_at + self._patience_s
            self._lost = self._lost or tried
        return self._lost

    def patience_left_s(self, now: float) -> float | None:
        """Seconds until it may be lost; None if it is closed, or they are over."""
        if self._opened_at is None or now >= self._opened_at + self._patience_s:
            return None
        return self._opened_at + self._patience_s - now

    def open_s(self, now: float) -> float:
        """Seconds that it has been open."""
        return 0.0 if self._opened_at is None else now - self._opened_at

    def answered(self, now: float) -> None:
        """A call had an answer of any kind: the endpoint is alive."""
        opened_at, self._opened_at = self._opened_at, None
        self._failures, self._probe, self._lost = 0, None, False
        if opened_at is not None:
            self._told(f"endpoint answers again after {now - opened_at:.0f} s")

    def failed(self, call: object, now: float, enough: int = FAILURES) -> None:
        """A call had no answer. `enough` failures in a row open it; while it is open only the probe counts."""
        self._failures += 1
        if self._opened_at is None:
            if self._failures >= max(enough, FAILURES):
                self._open(now)
        elif call is self._probe:
            self._interval_s = min(2 * self._interval_s, LONGEST_PROBE_S)
            self._probe, self._due = None, now + self._interval_s

    def abandoned(self, call: object, now: float) -> None:
        """A call ended without a word; if it was the probe, another may go at once."""
        if self._probe is call:
            self._probe, self._due = None, now

    def _open(self, now: float) -> None:
        self._opened_at, self._interval_s, self._due = now, FIRST_PROBE_S, now + FIRST_PROBE_S
        self._told(f"endpoint does not answer; paused, trying again in {FIRST_PROBE_S:.0f} s")
