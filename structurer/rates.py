"""How many calls one endpoint takes at once, found by experiments on it.

Calls that enter in a row form a window, and what became of the window is compared with the noise: the share of refusals at levels that are
known to be good. The level starts low and grows by one with each success (slow start) until a window is bad. From then on it goes up in
steps: a step stays if the places added were not merely refused, else the level returns to the good one, and the next step waits twice as
long. A bad window at a good level takes away the places that were refused, on trial: if the share of refusals does not fall, it had nothing
to do with load, is learnt as noise, and the level is restored. Lasting noise is put to the same test, by a lower level now and then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import Enum
from math import ceil, sqrt
from typing import Final

FEWEST_CALLS: Final = 4  # in a window
FEWEST_REFUSALS: Final = 3  # in a window that is bad at a good level: strays do not move it
DEVIATIONS: Final = 3.5  # standard deviations above the noise that make it bad
STEP: Final = 2.0
DEEP: Final = 0.9
NOISE_PRIOR: Final = (1.0, 20.0)  # refusals of calls, before anything is known
NOISE_MEMORY: Final = 400.0  # calls; older ones fade
NOISE_TESTED: Final = 0.03  # share of refusals that is worth a test at a lower level
TEST_EXPECTS: Final = 3.0  # refusals expected at the lower level before the test is judged
LONGEST_REST: Final = 16  # windows between two steps up
FIRST_TEST: Final = 4  # windows before noise is tested
LONGEST_TEST: Final = 64


class Outcome(Enum):
    """What became of a call."""

    SUCCEEDED = "succeeded"
    OVERLOADED = "overloaded"  # refused for load: HTTP 429
    FAILED = "failed"  # no answer, or HTTP 5xx
    UNTOLD = "untold"  # cancelled, or refused for what it asked


@dataclass(slots=True, eq=False)
class Window:
    """Calls that entered in a row, and what became of them. `peak`: the most in flight as one of them entered."""

    number: int
    level: int
    size: int
    entered: int = 0
    peak: int = 0
    accepted: int = 0
    refused: int = 0
    returned: int = 0

    def count(self, outcome: Outcome) -> None:
        self.returned += 1
        self.accepted += outcome is Outcome.SUCCEEDED
        self.refused += outcome is Outcome.OVERLOADED

    @property
    def judged(self) -> int:
        return self.accepted + self.refused


@dataclass(slots=True)
class Noise:
    """The share of refusals that comes at any level."""

    refused: float = NOISE_PRIOR[0]
    calls: float = NOISE_PRIOR[1]

    @property
    def share(self) -> float:
        return self.refused / self.calls

    def fade(self, rest: float) -> None:
        self.refused, self.calls = self.refused * rest, self.calls * rest

    def learn(self, refused: float, calls: float) -> None:
        self.refused, self.calls = self.refused + refused, self.calls + calls
        if self.calls > NOISE_MEMORY:
            self.refused, self.calls = self.refused * NOISE_MEMORY / self.calls, NOISE_MEMORY


@dataclass(slots=True)
class Trial:
    """A lower level on trial. `share`: of refusals at the level `before`."""

    before: int
    share: float
    starting: bool = False
    below: float = 0.0
    refused: int = 0
    calls: int = 0


class Limit:
    """The level: how many calls may be in flight, from 1 to `most`."""

    def __init__(self, first: int, most: int) -> None:
        self.level, self._most = min(first, most), most
        self._good = self.level
        self._starting = self.level < most
        self._noise = Noise()
        self._trial: Trial | None = None
        self._condemned = 0  # windows up to this number: their refusals take their places with them
        self._stride = self._rest = self._next_rest = 1
        self._test_in = self._next_test = FIRST_TEST
        self._opened_windows = 0
        self._window = self._opened()

    def entered(self, in_flight: int) -> Window:
        """A call entered, now among `in_flight`. Returns the window it belongs to."""
        if self._window.entered >= self._window.size:
            self._window = self._opened()
        self._window.entered += 1
        self._window.peak = max(self._window.peak, in_flight)
        return self._window

    def returned(self, window: Window, outcome: Outcome, in_flight: int, *, wanted: bool) -> None:
        """A call of `window` left `in_flight` others. `wanted`: calls are waiting for a place."""
        window.count(outcome)
        if outcome is Outcome.SUCCEEDED and self._starting and wanted and not (self._suspicious(window) or self._suspicious(self._window)):
            self.level += 1
            self._starting = self.level < self._most
        if outcome is Outcome.OVERLOADED:
            self._refused(window, in_flight)
        if window.returned == window.size and window.number > self._condemned and (self._starting or window.level == self.level):
            self._judge(window, wanted)

    def _opened(self) -> Window:
        self._opened_windows += 1
        return Window(self._opened_windows, self.level, max(self.level, FEWEST_CALLS))

    def _move(self, level: int) -> None:
        self.level = max(1, min(level, self._most))
        self._window = self._opened()

    # -- while a window is under way

    def _refused(self, window: Window, in_flight: int) -> None:
        if window.number <= self._condemned:
            self._cut(in_flight)
            if self._trial is not None and window.entered == window.size:
                self._trial.share = max(self._trial.share, window.refused / window.entered)
        elif window.level != self.level and not self._starting:
            return
        elif self._trial is not None:
            if window.refused >= FEWEST_REFUSALS and 2 * window.refused > window.entered:  # no noise is as loud: still too high
                self._condemned = self._window.number
                self._cut(in_flight)
        elif self.level > self._good and not self._starting:
            if self._merely_refused(window):
                self._step_back()
        elif self._above_noise(window):
            self._trial = Trial(self.level, window.refused / window.entered, self._starting)
            self._condemned, self._starting = self._window.number, False
            self._cut(in_flight)

    def _cut(self, in_flight: int) -> None:
        self._move(min(self.level, in_flight))
        self._good = min(self._good, self.level)

    def _suspicious(self, window: Window) -> bool:
        return window.refused > self._noise.share * window.entered

    def _above_noise(self, window: Window) -> bool:
        expected = self._noise.share * window.entered
        return window.refused >= FEWEST_REFUSALS and window.refused > expected + DEVIATIONS * sqrt(expected)

    def _merely_refused(self, window: Window) -> bool:
        """Whether more than half of the places added brought a refusal."""
        return window.refused > self._noise.share * window.size + (self.level - self._good) / 2

    def _step_back(self) -> None:
        self._move(self._good)
        self._stride, self._rest, self._next_rest = 1, self._next_rest, min(2 * self._next_rest, LONGEST_REST)

    # -- when all of a window has returned

    def _judge(self, window: Window, wanted: bool) -> None:
        if self._trial is not None:
            self._judge_trial(self._trial, window, wanted)
            return
        self._noise.learn(window.refused, window.judged)
        if self._starting:
            self._good = max(self._good, min(window.peak, self.level))
        elif self.level > self._good:
            self._step_kept(window, wanted)
        else:
            self._settled(wanted)

    def _judge_trial(self, trial: Trial, window: Window, wanted: bool) -> None:
        trial.refused, trial.calls = trial.refused + window.refused, trial.calls + window.judged
        if trial.calls and (trial.share * trial.calls >= TEST_EXPECTS or trial.refused > TEST_EXPECTS / 2):
            share = trial.refused / trial.calls
            if share <= trial.share / 2:
                self._trial_kept(trial, wanted)
            elif self.level > trial.below:
                self._lower(Trial(trial.before, share, trial.starting))
            else:
                self._trial_undone(trial)

    def _trial_kept(self, trial: Trial, wanted: bool) -> None:
        self._trial, self._condemned = None, 0
        self._noise = Noise()
        self._noise.learn(trial.refused, trial.calls)
        self._good = self.level
        self._stride = self._rest = self._next_rest = 1
        self._test_in = self._next_test = FIRST_TEST
        if wanted and not trial.refused:
            self._step_up()

    def _lower(self, trial: Trial) -> None:
        """To just below where a cap must be, if the refusals are those of a cap."""
        trial.below = max(1.0, self.level * (1 - trial.share))
        self._trial = trial
        self._move(min(self.level - 1, int(DEEP * trial.below)))

    def _trial_undone(self, trial: Trial) -> None:
        self._trial, self._condemned = None, 0
        self._noise.learn(trial.refused, trial.calls)
        self._good, self._starting = trial.before, trial.starting
        self._move(trial.before)
        self._next_test = min(2 * self._next_test, LONGEST_TEST)
        self._test_in = self._next_test

    def _step_kept(self, window: Window, wanted: bool) -> None:
        if window.peak < self.level:
            return
        self._stride, self._good = 2 * (self.level - self._good), self.level
        self._rest = self._next_rest = 1
        if wanted:
            self._step_up()

    def _settled(self, wanted: bool) -> None:
        self._rest, self._test_in = self._rest - 1, self._test_in - 1
        if self._test_in <= 0 and self._noise.share >= NOISE_TESTED and self.level > 1:
            self._lower(Trial(self.level, self._noise.share))
        elif self._rest <= 0 and wanted:
            self._step_up()

    def _step_up(self) -> None:
        step = max(self._stride, ceil(STEP * sqrt(self._noise.share * self._good)))
        self._move(self._good + step)
MINUTE_S: Final = 60.0
BURST_S: Final = 1.0  # seconds' worth that may go at once: endpoints often enforce a rate per minute by the second
@dataclass(slots=True, eq=False)
class Charge:
    """What one call takes from a rate: first an estimate, later corrected. `at` is a time of the clock in seconds."""

    at: float
    amount: int


class Rate:
    """A limit on the sum of charges within any `MINUTE_S` seconds. Times are seconds of one clock that never goes back."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._most, self._pace = per_minute, per_minute / MINUTE_S
        self._burst = max(self._pace * BURST_S, 1.0)
        self._level, self._at = self._burst, now  # of the bucket: below zero is debt
        self._log: deque[Charge] = deque()
        self._sum = 0

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until `amount` may be taken, 0.0 if it may be now."""
        self._advance(now)
        missing = min(float(amount), self._burst) - self._level
        return max(0.0, missing / self._pace, self._until_fits(amount) - now)

    def take(self, amount: int, now: float) -> Charge:
        """Takes `amount`, whether it fits or not."""
        self._advance(now)
        charge = Charge(now, amount)
        self._log.append(charge)
        self._sum += amount
        self._level -= amount
        return charge

    def correct(self, charge: Charge, amount: int, now: float) -> None:
        """The charge was `amount` in truth. One minute's worth is believed at most: an absurd count must not stop a run for hours."""
        self._advance(now)
        more = min(max(amount, 0), max(int(self._most), charge.amount)) - charge.amount
        self._level = min(self._level - more, self._burst)
        if self._log and charge.at >= self._log[0].at:  # else it has left the log
            charge.amount += more
            self._sum += more

    def _advance(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self._pace)
        self._at = now
        while self._log and self._log[0].at + MINUTE_S <= now:
            self._sum -= self._log.popleft().amount

    def _until_fits(self, amount: int) -> float:
        """The time when enough of the log lies a minute back; everything, for an amount above the limit."""
        until, excess = 0.0, self._sum + amount - self._most
        for charge in self._log:
            if excess <= 0:
                break
            until, excess = charge.at + MINUTE_S, excess - charge.amount
        return until
