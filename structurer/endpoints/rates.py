"""What an endpoint takes: how many calls at once, found by experiments on it, and how many calls or tokens a minute, as it was told.

Calls at once. Calls that enter in a row form a window; what became of them is compared with the noise, the share of refusals that comes at
any level. The level grows by one with each success (slow start) until a window is bad. After that it goes up in steps: a step stays unless
the places it added brought mere refusals; then the level goes back, and the next step waits twice as long. A bad window at a level known to
be good gives up the places that were refused, on trial: a share of refusals that does not fall with the level has nothing to do with load,
is learnt as noise, and the level is restored. Lasting noise is put to the same trial now and then.

A minute. A log of the last minute keeps the rate exactly, a leaky bucket keeps it smooth. Times are seconds of one clock, never going back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

from structurer.endpoints.breaker import Outcome

FEWEST_CALLS: Final = 4  # calls in a window
FEWEST_REFUSALS: Final = 3  # refusals in a bad window at a good level: strays do not move it
DEVIATIONS: Final = 3.5  # standard deviations above the noise that make a window bad
STEP_DEVIATIONS: Final = 3.0  # of the noise, that the refusals of a step up must be able to exceed
LONGEST_REST: Final = 16  # windows between two steps up
MEMORY: Final = 400.0  # calls that the noise is known from; older ones fade
PRIOR: Final = (1.0, 20.0)  # refusals of calls, before anything is known
TESTED_NOISE: Final = 0.03  # share of refusals that is worth a test at a lower level
FIRST_TEST, LONGEST_TEST = 4, 64  # windows before such a test; doubled with each that found noise
BELOW: Final = 0.9  # of the cap that the refusals suggest, for a lower level on trial
EXPECTED: Final = 3.0  # refusals that a trial must expect before it is judged

MINUTE_S: Final = 60.0
BURST_S: Final = 1.0  # seconds' worth of a rate that may go at once: endpoints enforce a rate per minute by the second


@dataclass(slots=True, eq=False)
class Window:
    """Calls that entered in a row at one level, and what became of them. `peak`: the most in flight as one of them entered."""

    number: int
    level: int
    size: int
    entered: int = 0
    peak: int = 0
    returned: int = 0
    refused: int = 0
    judged: int = 0  # refused or succeeded

    @property
    def complete(self) -> bool:
        """Whether all calls are back, and enough of them tell something about load."""
        return self.returned == self.size and 2 * self.judged >= self.size

    @property
    def share(self) -> float:
        """Of refusals; calls that are not back yet count as accepted, because refusals are often faster."""
        return self.refused / self.entered

    def count(self, outcome: Outcome) -> None:
        """A call is back."""
        self.returned += 1
        self.refused += outcome is Outcome.OVERLOADED
        self.judged += outcome in (Outcome.OVERLOADED, Outcome.SUCCEEDED)


@dataclass(slots=True)
class Noise:
    """The share of refusals that comes at any level."""

    refused: float = PRIOR[0]
    calls: float = PRIOR[1]

    @property
    def share(self) -> float:
        """Between 0 and 1, neither reached."""
        return self.refused / self.calls

    def learn(self, refused: int, calls: int) -> None:
        self.refused, self.calls = self.refused + refused, self.calls + calls
        if self.calls > MEMORY:
            self.refused, self.calls = self.refused * MEMORY / self.calls, MEMORY


@dataclass(slots=True)
class Trial:
    """A lower level on trial. `before`: the level to restore; `share`: of refusals there.

    `cap`: where a cap must be, if the refusals are those above a cap; refusals below it as well are noise.
    """

    before: int
    share: float
    cap: float = 0.0
    refused: int = 0
    calls: int = 0


class Limit:
    """How many calls may be in flight: `level`, from 1 to `most`."""

    def __init__(self, first: int, most: int) -> None:
        self.level = self._good = min(first, most)
        self._most, self._starting = most, first < most
        self._noise = Noise()
        self._trial: Trial | None = None
        self._condemned = 0  # the last window before a trial: refusals up to it take their places with them
        self._stride = self._rest = self._next_rest = 1
        self._test = self._next_test = FIRST_TEST
        self._window = Window(1, self.level, max(self.level, FEWEST_CALLS))

    def entered(self, in_flight: int) -> Window:
        """A call enters, now among `in_flight`. Returns the window it belongs to."""
        if self._window.entered == self._window.size:
            self._open()
        window = self._window
        window.entered, window.peak = window.entered + 1, max(window.peak, in_flight)
        return window

    def returned(self, window: Window, outcome: Outcome, in_flight: int, *, wanted: bool) -> None:
        """A call of `window` is back and leaves `in_flight` others. `wanted`: others wait because the level was reached."""
        window.count(outcome)
        current = window.number > self._condemned and (self._starting or window.level == self.level)
        if outcome is Outcome.OVERLOADED:
            self._refused(window, in_flight, current)
        elif outcome is Outcome.SUCCEEDED and self._starting and wanted:
            self.level = min(self.level + 1, self._most)
        if current and window.complete and window.number > self._condemned:
            self._judge(window, wanted)

    def _open(self) -> None:
        self._window = Window(self._window.number + 1, self.level, max(self.level, FEWEST_CALLS))

    def _move(self, level: int) -> None:
        if self.level != (level := max(1, min(level, self._most))):
            self.level = level
            self._open()

    def _refused(self, window: Window, in_flight: int, current: bool) -> None:
        if window.number <= self._condemned:
            self._cut(in_flight)
        elif not current:
            return
        elif self._trial is not None:
            if window.refused >= FEWEST_REFUSALS and window.share > 1 / 2:  # noise is not as loud: still too high
                self._trial.share = window.share
                self._condemn(in_flight)
        elif self.level > self._good and not self._starting:
            if window.refused > self._noise.share * window.size + (self.level - self._good) / 2:
                self._step_back()
        elif self._is_bad(window):
            self._trial, self._starting = Trial(self.level, window.share), False
            self._condemn(in_flight)

    def _is_bad(self, window: Window) -> bool:
        expected = self._noise.share * window.entered
        return window.refused >= FEWEST_REFUSALS and window.refused > expected + DEVIATIONS * sqrt(expected)

    def _condemn(self, in_flight: int) -> None:
        self._condemned = self._window.number
        self._open()
        self._cut(in_flight)

    def _cut(self, in_flight: int) -> None:
        self._move(min(self.level, in_flight))
        self._good = min(self._good, self.level)

    def _judge(self, window: Window, wanted: bool) -> None:
        if self._trial is not None:
            self._judge_trial(self._trial, window)
            return
        self._noise.learn(window.refused, window.judged)
        if self._starting:
            self._good = max(self._good, min(window.peak, self.level))
            self._starting = self._good < self._most
        elif self.level == self._good:
            self._settle(wanted)
        elif window.peak >= self.level:
            self._keep_step(wanted)

    def _settle(self, wanted: bool) -> None:
        self._rest, self._test = self._rest - 1, self._test - 1
        if self._test <= 0 and self._noise.share >= TESTED_NOISE and self.level > 1:
            self._lower(Trial(self.level, self._noise.share))
        elif self._rest <= 0 and wanted:
            self._step_up()

    def _step_up(self) -> None:
        noise = STEP_DEVIATIONS * sqrt(self._noise.share * self._good)
        self._move(self._good + max(self._stride, ceil(noise)))

    def _keep_step(self, wanted: bool) -> None:
        self._stride, self._good = 2 * (self.level - self._good), self.level
        self._rest = self._next_rest = 1
        if wanted:
            self._step_up()

    def _step_back(self) -> None:
        self._move(self._good)
        self._stride, self._rest, self._next_rest = 1, self._next_rest, min(2 * self._next_rest, LONGEST_REST)

    def _judge_trial(self, trial: Trial, window: Window) -> None:
        trial.refused, trial.calls = trial.refused + window.refused, trial.calls + window.judged
        share = trial.refused / trial.calls
        if trial.share * trial.calls < EXPECTED and trial.refused <= EXPECTED / 2:
            return
        if share <= trial.share / 2:
            self._keep_trial(trial)
        elif self.level > trial.cap:
            self._lower(Trial(trial.before, share))
        else:
            self._undo_trial(trial)

    def _lower(self, trial: Trial) -> None:
        trial.cap = max(1.0, self.level * (1 - trial.share))
        self._trial = trial
        self._move(min(self.level - 1, int(BELOW * trial.cap)))

    def _keep_trial(self, trial: Trial) -> None:
        """What had been learnt as noise was load."""
        self._trial, self._condemned, self._good, self._noise = None, 0, self.level, Noise()
        self._noise.learn(trial.refused, trial.calls)
        self._stride = self._rest = self._next_rest = 1
        self._test = self._next_test = FIRST_TEST

    def _undo_trial(self, trial: Trial) -> None:
        self._trial, self._condemned, self._good = None, 0, trial.before
        self._noise.learn(trial.refused, trial.calls)
        self._move(trial.before)
        self._rest = self._next_rest = 1
        self._test = self._next_test = min(2 * self._next_test, LONGEST_TEST)


@dataclass(slots=True, eq=False)
class Charge:
    """What one call takes of a rate: first an estimate, later corrected."""

    at: float
    amount: int


class Rate:
    """A limit on the sum of charges within any `MINUTE_S` seconds, the end not included.

    A single charge above the whole limit cannot keep it: it waits until all else lies a minute back.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._most, self._per_s = per_minute, per_minute / MINUTE_S
        self._burst = max(self._per_s * BURST_S, 1.0)
        self._level, self._at = self._burst, now  # of the bucket: below zero is debt
        self._log: deque[Charge] = deque()
        self._sum = 0

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until `amount` may be taken; 0.0 if it may be now."""
        self._advance(now)
        missing = min(float(amount), self._burst) - self._level
        return max(0.0, missing / self._per_s, self._fits_at(amount) - now)

    def take(self, amount: int, now: float) -> Charge:
        """Takes `amount`, whether it fits or not."""
        self._advance(now)
        charge = Charge(now, amount)
        self._log.append(charge)
        self._sum, self._level = self._sum + amount, self._level - amount
        return charge

    def correct(self, charge: Charge, amount: int, now: float) -> None:
        """The charge was `amount` in truth. One minute's worth is believed at most: an absurd count must not stop a run for hours."""
        self._advance(now)
        more = min(max(amount, 0), max(int(self._most), charge.amount)) - charge.amount
        self._level = min(self._level - more, self._burst)
        if self._log and charge.at >= self._log[0].at:  # else it lies a minute back
            charge.amount, self._sum = charge.amount + more, self._sum + more

    def _advance(self, now: float) -> None:
        self._level, self._at = min(self._burst, self._level + (now - self._at) * self._per_s), now
        while self._log and self._log[0].at + MINUTE_S <= now:
            self._sum -= self._log.popleft().amount

    def _fits_at(self, amount: int) -> float:
        """The time at which enough of the log lies a minute back: all of it, for an amount above the limit."""
        until, excess = -inf, self._sum + amount - self._most
        for charge in self._log:
            if excess <= 0:
                break
            until, excess = charge.at + MINUTE_S, excess - charge.amount
        return until
