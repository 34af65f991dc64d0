"""The pace of calls to one endpoint, against endpoints simulated in virtual time: nothing waits for real."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf, nan
from random import Random
from statistics import mean
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer.endpoints.breaker import Outcome
from structurer.endpoints.pace import EndpointDown, Pace, Slot, Snapshot
from structurer.endpoints.rates import Limit, Rate, Window
from structurer.errors import UsageError

T = TypeVar("T")
LATENCY_S = 0.2
MOST = 64


# -- virtual time ------------------------------------------------------------------------------------------------------


class Instant(selectors.BaseSelector):
    """A selector that has no files and, instead of waiting for them, moves the clock on."""

    def __init__(self) -> None:
        self.now = 0.0
        self._files: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._files.setdefault(fileobj, selectors.SelectorKey(fileobj, 0, events, data))

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everybody waits, and nobody will come")
        self.now += max(timeout, 0.0)
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return self._files


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while all tasks sleep."""

    def __init__(self) -> None:
        self._instant = Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.now


def now() -> float:
    return asyncio.get_running_loop().time()


def simulate(story: Callable[[], Awaitable[T]]) -> T:
    """Runs the story to its end. No task may be left behind."""

    async def whole() -> T:
        end = await story()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return end

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())


def paced(**options: Any) -> Pace:
    return Pace(clock=now, **options)


# -- simulated endpoints -----------------------------------------------------------------------------------------------


@dataclass
class Endpoint:
    """Refuses what is above its cap, and a share of the rest; answers after its latency.

    `jitter`: the latency is uniform within that share of it. `there_s`: the way there, and back. `refusing_s`: the latency of a refusal.
    """

    cap: Callable[[float], int] = lambda _: 10**9
    refused_share: float = 0.0
    failed_share: float = 0.0
    rejected_share: float = 0.0
    jitter: float = 0.0
    there_s: float = 0.001
    refusing_s: float = 0.0
    retry_after_s: float | None = None
    seed: int = 0
    arrivals: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    busy: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    async def call(self) -> Outcome:
        await asyncio.sleep(self.there_s)
        outcome = await self._served()
        await asyncio.sleep(self.there_s)
        return outcome

    async def _served(self) -> Outcome:
        self.arrivals.append(now())
        draw = self.chance.random()
        if self.busy >= self.cap(now()) or draw < self.refused_share:
            self.refusals.append(now())
            await asyncio.sleep(self.refusing_s)
            return Outcome.OVERLOADED
        self.busy += 1
        try:
            await asyncio.sleep(LATENCY_S * (1 + self.jitter * self.chance.uniform(-1, 1)))
        finally:
            self.busy -= 1
        if draw < self.refused_share + self.failed_share:
            return Outcome.FAILED
        if draw < self.refused_share + self.failed_share + self.rejected_share:
            return Outcome.UNTOLD
        self.answers.append(now())
        return Outcome.SUCCEEDED


def tell(slot: Slot, outcome: Outcome, retry_after_s: float | None = None) -> None:
    match outcome:
        case Outcome.SUCCEEDED:
            slot.succeeded()
        case Outcome.OVERLOADED:
            slot.overloaded(retry_after_s)
        case Outcome.FAILED:
            slot.failed()


async def document(pace: Pace, endpoint: Endpoint) -> None:
    """One request, tried until it is answered."""
    while True:
        async with pace.slot() as slot:
            outcome = await endpoint.call()
            tell(slot, outcome, endpoint.retry_after_s)
        if outcome is Outcome.SUCCEEDED:
            return
        await asyncio.sleep(max(endpoint.retry_after_s or 0.0, 0.01))


@dataclass
class Run:
    seconds: float
    limits: list[tuple[float, int]]  # when it was looked at, and what it was
    told: list[str]
    end: Snapshot

    def between(self, start_s: float, end_s: float) -> list[int]:
        return [limit for at, limit in self.limits if start_s <= at < end_s]


def run_documents(endpoint: Endpoint, documents: int, *, at_once: int = MOST, **options: Any) -> Run:
    async def story() -> Run:
        told: list[str] = []
        pace = paced(most=MOST, told=told.append, **options)
        limits: list[tuple[float, int]] = []
        numbers = iter(range(documents))

        async def work() -> None:
            for _ in numbers:
                await document(pace, endpoint)

        async def watch() -> None:
            while True:
                limits.append((now(), pace.snapshot.limit))
                assert pace.snapshot.in_flight <= MOST
                await asyncio.sleep(LATENCY_S / 4)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(work() for _ in range(at_once)))
        watching.cancel()
        return Run(now(), limits, told, pace.snapshot)

    return simulate(story)


def share_between(times: list[float], start_s: float, end_s: float) -> float:
    """Events a second."""
    return sum(start_s <= at < end_s for at in times) / (end_s - start_s)


# -- how many at once --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_an_endpoint_that_refuses_nothing_is_used_to_the_full_also_while_starting(jitter: float) -> None:
    endpoint = Endpoint(jitter=jitter)
    run = run_documents(endpoint, 1000)
    assert run.seconds <= 1000 / MOST * LATENCY_S / 0.85
    assert run.end == Snapshot(MOST, 0, 0, 1000, 0, 0, paused=False)


@pytest.mark.parametrize("retry_after_s", [0.0, 1.0])
@pytest.mark.parametrize(("jitter", "there_s"), [(0.0, 0.0), (0.0, 0.001), (0.05, 0.002), (0.5, 0.001), (0.0, 0.02)])
@pytest.mark.parametrize("at_once", [64, 512])
def test_a_cap_of_16_is_found_at_the_cost_of_few_calls(retry_after_s: float | None, jitter: float, there_s: float, at_once: int) -> None:
    endpoint = Endpoint(cap=lambda _: 16, retry_after_s=retry_after_s, jitter=jitter, there_s=there_s)
    run = run_documents(endpoint, 512, at_once=at_once)
    assert len(endpoint.answers) == run.end.succeeded == 512
    assert len(endpoint.arrivals) <= 560
    assert share_between(endpoint.answers, 1, 6) >= 0.85 * 16 / (LATENCY_S + 2 * there_s)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_refusals_at_random_do_not_lower_the_limit(seed: int, jitter: float) -> None:
    endpoint = Endpoint(refused_share=0.05, jitter=jitter, seed=seed)
    run = run_documents(endpoint, 2500)
    assert mean(run.between(2, 7)) >= 0.7 * MOST
    assert share_between(endpoint.answers, 2, 7) >= 0.7 * MOST / LATENCY_S
    assert len(endpoint.answers) == 2500


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2])
def test_the_share_of_random_refusals_is_learnt(share: float) -> None:
    run = run_documents(Endpoint(refused_share=share, jitter=0.2, seed=1), 3500)
    assert mean(run.between(5, 10)) >= 0.7 * MOST


@pytest.mark.parametrize("seed", range(3))
def test_random_faults_of_every_kind_neither_lower_the_limit_nor_lose_a_document(seed: int) -> None:
    endpoint = Endpoint(refused_share=0.05, failed_share=0.1, rejected_share=0.05, jitter=0.2, seed=seed)
    run = run_documents(endpoint, 2500)
    assert len(endpoint.answers) == run.end.succeeded == 2500
    assert mean(run.between(3, 9)) >= 0.7 * MOST
    assert run.end.failed >= 200


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_a_cap_is_found_among_random_refusals(seed: int, jitter: float) -> None:
    endpoint = Endpoint(cap=lambda _: 16, refused_share=0.03, jitter=jitter, seed=seed)
    run_documents(endpoint, 1500)
    assert share_between(endpoint.answers, 3, 18) >= 0.85 * 16 / LATENCY_S
    assert share_between(endpoint.refusals, 3, 18) <= (0.03 + 0.07) * 16 / LATENCY_S


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_a_cap_that_falls_and_rises_is_found_again(jitter: float) -> None:
    endpoint = Endpoint(cap=lambda at: 32 if at < 6 else 8 if at < 20 else 24, jitter=jitter, seed=1)
    run = run_documents(endpoint, 2800)
    assert 30 <= mean(run.between(2, 6)) <= 34
    assert 7 <= mean(run.between(8, 20)) <= 9
    assert 22 <= mean(run.between(26, 30)) <= 26
    assert share_between(endpoint.refusals, 8, 20) <= 0.1 * 8 / LATENCY_S
    assert share_between(endpoint.answers, 26, 30) >= 0.85 * 24 / LATENCY_S


@pytest.mark.parametrize("cap", [1, 3, 48])
def test_small_and_large_caps_are_found(cap: int) -> None:
    endpoint = Endpoint(cap=lambda _: cap, jitter=0.2)
    run = run_documents(endpoint, cap * 60)
    assert share_between(endpoint.answers, 2, 10) >= 0.85 * cap / LATENCY_S
    assert mean(run.between(2, 10)) == pytest.approx(cap, rel=0.1)


@pytest.mark.parametrize(("jitter", "there_s"), [(0.0, 0.001), (0.0, 0.02), (0.3, 0.02)])
def test_refusals_that_take_as_long_as_answers_are_understood(jitter: float, there_s: float) -> None:
    endpoint = Endpoint(cap=lambda _: 16, refusing_s=LATENCY_S, jitter=jitter, there_s=there_s, seed=1)
    run_documents(endpoint, 2000)
    assert share_between(endpoint.answers, 3, 24) >= 0.85 * 16 / (LATENCY_S + 2 * there_s)
    assert share_between(endpoint.refusals, 3, 24) <= 0.05 * share_between(endpoint.answers, 3, 24)


@pytest.mark.parametrize("seed", range(3))
def test_a_cap_that_is_blurred_by_the_way_to_it_is_not_taken_for_noise(seed: int) -> None:
    endpoint = Endpoint(cap=lambda _: 16, jitter=0.3, there_s=0.02, seed=seed)
    run_documents(endpoint, 2000)
    assert share_between(endpoint.refusals, 3, 24) <= 0.05 * share_between(endpoint.answers, 3, 24)


@pytest.mark.parametrize("seed", range(4))
def test_a_cap_met_in_slow_start_is_not_taken_for_noise_where_refusals_are_slow(seed: int) -> None:
    endpoint = Endpoint(cap=lambda _: 16, jitter=0.5, there_s=0.02, refusing_s=LATENCY_S, seed=seed)
    run_documents(endpoint, 512)
    assert len(endpoint.refusals) <= 80


def test_a_step_that_nobody_made_use_of_is_not_kept() -> None:
    def use(limit: Limit, at_once: int, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        windows = [limit.entered(number + 1) for number in range(at_once)]
        for window in windows:
            limit.returned(window, outcome, 0, wanted=True)

    limit = Limit(8, 64)
    for _ in range(2):
        use(limit, 8)
    slow_start = limit.level
    assert slow_start > 16
    while limit.level >= 8:
        use(limit, limit.level, Outcome.OVERLOADED)
    for _ in range(200):
        use(limit, 2)
    assert limit.level <= 6


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_after_an_outage_by_refusals_the_limit_is_soon_what_it_was(jitter: float) -> None:
    endpoint = Endpoint(cap=lambda at: 0 if 4 <= at < 24 else 10**9, jitter=jitter, retry_after_s=1.0, seed=1)
    run = run_documents(endpoint, 4000)
    back = min(at for at in endpoint.answers if at > 24.3)
    assert back < 24 + 8
    assert MOST in run.between(back, back + 6)
    assert sum(4 <= at < 24 for at in endpoint.refusals) <= 2 * MOST


def test_calls_refused_together_count_once_for_the_holding_back() -> None:
    async def story() -> list[float]:
        pace = paced()

        async def call() -> float:
            async with pace.slot() as slot:
                entered = now()
                await asyncio.sleep(1)
                slot.overloaded()
                return entered

        return sorted(set(await asyncio.gather(*(call() for _ in range(40)))))

    assert simulate(story)[:3] == [0, 1, 2.25]


def test_a_stray_refusal_does_not_move_a_level_known_to_be_good() -> None:
    struck: list[float] = []

    def cap(at: float) -> int:
        if at >= 4 and len(struck) < 2:
            struck.append(at)
            return 0
        return 10**9

    run = run_documents(Endpoint(cap=cap, jitter=0.3), 3000)
    assert (len(struck), run.end.overloaded) == (2, 2)
    assert set(run.between(4, inf)) == {MOST}


@pytest.mark.parametrize(("seconds", "least"), [(0.02, 0.7 * MOST), (1.0, 1)])
def test_a_burst_of_refusals_is_forgotten_soon(seconds: float, least: float) -> None:
    endpoint = Endpoint(cap=lambda at: 0 if 4 <= at < 4 + seconds else 10**9, jitter=0.3)
    run = run_documents(endpoint, 5000)
    assert min(run.between(4, inf)) >= least
    assert set(run.between(12, inf)) == {MOST}
    assert len(endpoint.refusals) <= 2 * MOST


def test_an_endpoint_that_refuses_everything_is_asked_now_and_then() -> None:
    endpoint = Endpoint(cap=lambda at: 0 if at < 100 else 10**9)
    run = run_documents(endpoint, 1000)
    assert share_between(endpoint.arrivals, 10, 100) <= 1 / 7
    assert set(run.between(20, 100)) == {1}
    assert run.seconds <= 100 + 8 + 5 + 1000 / MOST * LATENCY_S


@pytest.mark.parametrize(("asked_s", "held_s"), [(30.0, 30.0), (1e9, 60.0), (inf, 60.0), (nan, 8.0), (-5.0, 8.0), (None, 8.0), (0.0, 8.0)])
def test_calls_are_held_back_as_long_as_the_endpoint_asks_within_bounds(asked_s: float | None, held_s: float) -> None:
    async def story() -> list[float]:
        pace = paced()
        entered: list[float] = []

        async def call() -> None:
            async with pace.slot() as slot:
                entered.append(now())
                slot.overloaded(asked_s)

        await asyncio.gather(*(call() for _ in range(12)))
        return entered

    entered = simulate(story)
    assert entered[-1] - entered[-2] == pytest.approx(held_s)
    assert entered[1] == 0.0  # a single refusal holds nobody back


def test_a_success_ends_the_holding_back() -> None:
    async def story() -> float:
        pace = paced()
        async with pace.slot() as long:
            for _ in range(2):
                async with pace.slot() as slot:
                    slot.overloaded(50)
            waiting = asyncio.create_task(document(pace, Endpoint(there_s=0.0)))
            await asyncio.sleep(3)
            long.succeeded()
        await waiting
        return now()

    assert simulate(story) == pytest.approx(3 + LATENCY_S)


@given(
    first=st.integers(1, 20),
    most=st.integers(1, 20),
    phases=st.lists(st.tuples(st.sampled_from([1, 5, 50]), st.sampled_from([0, 1, 5, 50]), st.integers(0, 2)), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_the_limit_stays_between_one_and_most_whatever_happens(
    first: int, most: int, phases: list[tuple[int, int, int]], seed: int
) -> None:
    """Phases of different shares: successes, refusals, and what says nothing."""
    limit, chance = Limit(first, most), Random(seed)
    inside: list[Window] = []
    for shares in phases:
        for _ in range(60):
            while len(inside) < limit.level:
                inside.append(limit.entered(len(inside) + 1))
            outcome = chance.choices((Outcome.SUCCEEDED, Outcome.OVERLOADED, Outcome.FAILED), shares)[0]
            window = inside.pop(chance.randrange(len(inside)))
            limit.returned(window, outcome, len(inside), wanted=chance.random() < 0.9)
            assert 1 <= limit.level <= most


@given(seed=st.integers(0, 2**32), most=st.integers(1, 20), tasks=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_no_call_enters_above_the_limit_and_no_place_leaks(seed: int, most: int, tasks: int) -> None:
    async def story() -> Snapshot:
        chance = Random(seed)
        pace = paced(most=most, requests_per_minute=chance.choice([None, 600.0]), patience_s=inf)

        async def call() -> None:
            for _ in range(3):
                async with pace.slot() as slot:
                    assert 1 <= pace.snapshot.in_flight <= pace.snapshot.limit <= most
                    await asyncio.sleep(chance.choice([0, 0.1, 1]))
                    if chance.random() < 0.1:
                        raise ValueError
                    tell(slot, chance.choice(list(Outcome)), chance.choice([None, 0.0, 2.0]))

        running = [asyncio.create_task(call()) for _ in range(tasks)]
        for task in running:
            if chance.random() < 0.4:
                asyncio.get_running_loop().call_later(chance.uniform(0, 3), task.cancel)
        await asyncio.gather(*running, return_exceptions=True)
        return pace.snapshot

    end = simulate(story)
    assert (end.in_flight, end.waiting) == (0, 0)


# -- the queue ---------------------------------------------------------------------------------------------------------


def test_who_asks_first_enters_first() -> None:
    async def story() -> list[int]:
        pace = paced(most=3)
        entered: list[int] = []

        async def call(number: int) -> None:
            async with pace.slot(tokens=number) as slot:
                entered.append(number)
                await asyncio.sleep((number * 7) % 5)
                slot.succeeded()

        await asyncio.gather(*(call(number) for number in range(50)))
        return entered

    assert simulate(story) == list(range(50))


def test_a_large_request_is_not_overtaken_by_small_ones() -> None:
    async def story() -> list[int]:
        pace = paced(tokens_per_minute=6000)
        entered: list[int] = []

        async def call(tokens: int) -> None:
            async with pace.slot(tokens=tokens) as slot:
                entered.append(tokens)
                slot.succeeded()

        await asyncio.gather(*(call(tokens) for tokens in (100, 5000, 1, 2, 3)))
        return entered

    assert simulate(story) == [100, 5000, 1, 2, 3]


def test_a_cancelled_waiter_leaves_the_queue_and_its_turn_to_the_next() -> None:
    async def story() -> tuple[Snapshot, Snapshot]:
        pace = paced(most=1)
        async with pace.slot():
            waiting = [asyncio.create_task(document(pace, Endpoint())) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
            while_held = pace.snapshot
        await asyncio.gather(*waiting, return_exceptions=True)
        return while_held, pace.snapshot

    assert simulate(story) == (Snapshot(1, 1, 2, 0, 0, 0, paused=False), Snapshot(1, 0, 0, 2, 0, 0, paused=False))


def test_a_waiter_cancelled_in_the_moment_of_its_turn_gives_the_place_back() -> None:
    async def story() -> Snapshot:
        pace = paced(most=1)
        async with pace.slot():
            waiting = [asyncio.create_task(document(pace, Endpoint())) for _ in range(2)]
            await asyncio.sleep(0)
        assert pace.snapshot.in_flight == 1  # the first one's, who does not know yet
        waiting[0].cancel()
        with suppress(asyncio.CancelledError):
            await waiting[0]
        await waiting[1]
        return pace.snapshot

    assert simulate(story) == Snapshot(1, 0, 0, 1, 0, 0, paused=False)


def test_a_waiter_that_is_cancelled_before_it_wakes_is_passed_over() -> None:
    async def story() -> Snapshot:
        pace = paced(most=1)
        async with pace.slot():
            waiting = [asyncio.create_task(document(pace, Endpoint())) for _ in range(2)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        await waiting[1]
        assert waiting[0].cancelled()
        return pace.snapshot

    assert simulate(story) == Snapshot(1, 0, 0, 1, 0, 0, paused=False)


def test_a_call_that_is_cancelled_or_fails_inside_frees_its_place() -> None:
    async def story() -> Snapshot:
        pace = paced(most=1)
        held = asyncio.create_task(document(pace, Endpoint()))
        await asyncio.sleep(0.1)
        held.cancel()
        with pytest.raises(ZeroDivisionError):
            async with pace.slot():
                raise ZeroDivisionError
        await document(pace, Endpoint())
        return pace.snapshot

    assert simulate(story) == Snapshot(1, 0, 0, 1, 0, 0, paused=False)


def test_thousands_of_waiters_may_leave_in_any_order() -> None:
    async def story() -> Snapshot:
        pace = paced(most=1)
        async with pace.slot():
            waiting = [asyncio.create_task(document(pace, Endpoint())) for _ in range(5_000)]
            await asyncio.sleep(0)
            Random(1).shuffle(waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return pace.snapshot

    assert simulate(story) == Snapshot(1, 0, 0, 0, 0, 0, paused=False)


def test_a_run_that_was_broken_off_leaves_the_pace_usable_in_another_loop() -> None:
    clock = iter(range(10**6))
    pace = Pace(most=1, requests_per_minute=60, clock=lambda: next(clock))

    async def broken_off() -> None:
        waiting = [asyncio.create_task(document(pace, Endpoint())) for _ in range(5)]
        await asyncio.sleep(0.1)
        assert not all(task.done() for task in waiting)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(broken_off())
    assert (pace.snapshot.in_flight, pace.snapshot.waiting) == (0, 0)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(document(pace, Endpoint()))
    assert pace.snapshot.succeeded == 1


def test_what_became_of_a_call_is_told_once_and_inside() -> None:
    async def story() -> None:
        pace = paced()
        slot = pace.slot()
        with pytest.raises(RuntimeError, match=r"^what became of a call is told once, inside its slot$"):
            slot.succeeded()
        async with slot:
            slot.failed()
            with pytest.raises(RuntimeError, match=r"^what became of a call is told once, inside its slot$"):
                slot.succeeded()
        with pytest.raises(RuntimeError, match=r"^what became of a call is told once, inside its slot$"):
            slot.overloaded()
        with pytest.raises(RuntimeError, match=r"^a slot is entered once$"):
            await slot.__aenter__()
        assert pace.snapshot == Snapshot(16, 0, 0, 0, 0, 1, paused=False)

    simulate(story)


# -- rates -------------------------------------------------------------------------------------------------------------


def busiest_minute(charges: list[tuple[float, int]]) -> int:
    most = total = first = 0
    for at, amount in charges:
        total += amount
        while charges[first][0] + 60 <= at:
            total, first = total - charges[first][1], first + 1
        most = max(most, total)
    return most


def charged(pace_options: dict[str, float], amounts: Iterator[int], until_s: float) -> list[tuple[float, int]]:
    """When calls entered that are asked for without end, and the tokens of each."""

    async def story() -> list[tuple[float, int]]:
        pace = paced(**pace_options)
        charges: list[tuple[float, int]] = []

        async def work() -> None:
            for amount in amounts:
                async with pace.slot(tokens=amount) as slot:
                    charges.append((now(), amount))
                    await asyncio.sleep(0.05)
                    slot.succeeded()

        working = [asyncio.create_task(work()) for _ in range(8)]
        await asyncio.sleep(until_s)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        return charges

    return simulate(story)


def endless(choose: Callable[[], int]) -> Iterator[int]:
    while True:
        yield choose()


@pytest.mark.parametrize("per_minute", [1, 3, 30, 60, 599, 1800])
def test_requests_a_minute_are_kept_in_every_minute_and_used_up(per_minute: int) -> None:
    charges = [(at, 1) for at, _ in charged({"requests_per_minute": per_minute}, endless(lambda: 0), 150)]
    assert busiest_minute(charges) <= per_minute
    assert len(charges) >= 0.97 * 2.5 * per_minute - 1
    assert sum(at < 0.5 for at, _ in charges) <= 1 + 1.5 * per_minute / 60  # no rush at the start


@pytest.mark.parametrize("seed", range(3))
def test_tokens_a_minute_are_kept_in_every_minute_and_used_up(seed: int) -> None:
    chance = Random(seed)
    charges = charged({"tokens_per_minute": 30_000}, endless(lambda: chance.randint(0, 9000)), 300)
    assert busiest_minute(charges) <= 30_000
    assert sum(amount for _, amount in charges) >= 0.75 * 5 * 30_000


def test_a_rate_below_one_a_minute_lets_one_go_at_once() -> None:
    charges = charged({"requests_per_minute": 0.5}, endless(lambda: 0), 500)
    assert [at for at, _ in charges] == pytest.approx([0, 120, 240, 360, 480])


def test_a_request_above_the_whole_limit_goes_alone() -> None:
    charges = charged({"tokens_per_minute": 600}, iter((5, 900, 5, 600)), 400)
    assert charges[1] == (pytest.approx(60), 900)
    assert charges[2][0] >= 60 + 89  # after its tokens have flowed off
    assert charges[3][0] >= charges[2][0] + 60


def test_an_estimate_is_corrected_by_what_was_used() -> None:
    def entered_at(used: int | None) -> float:
        async def story() -> float:
            pace = paced(tokens_per_minute=6000)
            async with pace.slot(tokens=1000) as slot:
                slot.succeeded(used)
            async with pace.slot(tokens=100) as slot:
                return now()

        return simulate(story)

    assert entered_at(None) == pytest.approx(10)
    assert entered_at(1000) == pytest.approx(10)
    assert entered_at(200) == pytest.approx(2)
    assert entered_at(0) == entered_at(-7) == 0
    assert entered_at(2000) == pytest.approx(20)
    assert entered_at(10**30) == pytest.approx(60)  # no count stops a run for hours


def test_a_correction_after_a_minute_counts_from_then() -> None:
    rate = Rate(6000, 0.0)
    charge = rate.take(1000, 0.0)
    rate.correct(charge, 2000, 70.0)
    assert rate.wait_s(100, 70.0) == pytest.approx(10)
    assert rate.wait_s(100, 80.0) == 0


@given(
    per_minute=st.integers(1, 500),
    asked=st.lists(st.tuples(st.floats(0, 20, allow_nan=False), st.integers(0, 500)), min_size=1, max_size=60),
)
@settings(max_examples=100, deadline=None)
def test_a_rate_that_is_waited_for_is_kept(per_minute: int, asked: list[tuple[float, int]]) -> None:
    rate, at = Rate(per_minute, 0.0), 0.0
    charges: list[tuple[float, int]] = []
    for gap_s, amount in asked:
        amount = min(amount, per_minute)
        at += gap_s
        while (wait_s := rate.wait_s(amount, at)) > 0:
            at += max(wait_s, 1e-6)
        rate.take(amount, at)
        charges.append((at, amount))
    assert busiest_minute(charges) <= per_minute


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"most": 0}, "most = 0 allows no call\n  next: set most to 1 or more"),
        ({"first": -1}, "first = -1 allows no call\n  next: set first to 1 or more"),
        (
            {"requests_per_minute": 0},
            "requests_per_minute = 0 is no rate\n  next: set requests_per_minute to a number above 0, or leave it out for no limit",
        ),
        (
            {"tokens_per_minute": nan},
            "tokens_per_minute = nan is no rate\n  next: set tokens_per_minute to a number above 0, or leave it out for no limit",
        ),
        ({"patience_s": nan}, "patience_s = nan is no time\n  next: set patience_s to 0 or more seconds"),
    ],
    ids=["most", "first", "requests", "tokens", "patience"],
)
def test_numbers_that_allow_no_call_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Pace(**options)
    assert str(caught.value) == message


# -- the breaker -------------------------------------------------------------------------------------------------------


@dataclass
class Broken:
    """An endpoint with a state that tests switch. `tries`: when it was called."""

    outcome: Callable[[float], Outcome] = lambda _: Outcome.FAILED
    takes_s: float = 0.0
    tries: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    async def call(self, pace: Pace, times: int = 1) -> None:
        """Tries until it succeeds, `times` at the most."""
        for _ in range(times):
            try:
                async with pace.slot() as slot:
                    self.tries.append(now())
                    outcome = self.outcome(now())
                    await asyncio.sleep(self.takes_s)
                    tell(slot, outcome)
            except EndpointDown as error:
                self.ends[str(error)] += 1
                return
            if outcome is Outcome.SUCCEEDED:
                self.ends["done"] += 1
                return
            await asyncio.sleep(0.1)
        self.ends["given up"] += 1


def test_five_failures_in_a_row_pause_everybody_until_a_probe_succeeds() -> None:
    async def story() -> tuple[Broken, list[str], Snapshot]:
        told: list[str] = []
        pace = paced(told=told.append, first=4)
        broken = Broken(lambda at: Outcome.FAILED if at < 20 else Outcome.SUCCEEDED, takes_s=0.01)
        tasks = [asyncio.create_task(broken.call(pace, 99)) for _ in range(30)]
        await asyncio.sleep(10)
        assert pace.snapshot == Snapshot(4, 0, 30, 0, 0, len(broken.tries), paused=True)
        await asyncio.gather(*tasks)
        return broken, told, pace.snapshot

    broken, told, end = simulate(story)
    assert sum(at < 0.5 for at in broken.tries) == 8  # four, and four more who entered before the fifth failure
    probes = [at for at in broken.tries if 0.5 < at < 31.065]
    assert probes == pytest.approx([1.02, 3.03, 7.04, 15.05, 31.06], abs=0.05)
    assert told == ["endpoint does not answer; paused, trying again in 1 s", "endpoint answers again after 31 s"]
    assert broken.ends == {"done": 30}
    assert not end.paused


@pytest.mark.parametrize("between", [Outcome.SUCCEEDED, Outcome.OVERLOADED])
def test_any_answer_between_failures_keeps_it_closed(between: Outcome) -> None:
    async def story() -> list[str]:
        told: list[str] = []
        pace = paced(told=told.append)
        for outcome in ([Outcome.FAILED] * 4 + [between]) * 5 + [Outcome.FAILED] * 4:
            async with pace.slot() as slot:
                tell(slot, outcome)
        assert not pace.snapshot.paused
        return told

    assert simulate(story) == []


def test_a_word_about_nothing_neither_opens_nor_closes() -> None:
    async def story() -> list[bool]:
        pace = paced()
        paused = []
        for outcome in [Outcome.FAILED] * 4 + [Outcome.UNTOLD] * 9 + [Outcome.FAILED] + [Outcome.UNTOLD] * 2:
            async with pace.slot() as slot:
                tell(slot, outcome)
            paused.append(pace.snapshot.paused)
        return paused

    assert simulate(story) == [False] * 13 + [True] * 3


def test_many_calls_in_flight_need_more_failures_in_a_row() -> None:
    async def story() -> bool:
        pace = paced(first=64)
        for _ in range(15):
            async with pace.slot() as slot:
                slot.failed()
        before = pace.snapshot.paused
        async with pace.slot() as slot:
            slot.failed()
        return not before and pace.snapshot.paused

    assert simulate(story)


def test_a_probe_that_is_refused_for_load_shows_that_the_endpoint_lives() -> None:
    async def story() -> list[str]:
        told: list[str] = []
        pace = paced(told=told.append)
        broken = Broken(lambda at: Outcome.FAILED if at < 2 else Outcome.OVERLOADED if at < 8 else Outcome.SUCCEEDED)
        await asyncio.gather(*(broken.call(pace, 99) for _ in range(10)))
        assert broken.ends == {"done": 10}
        return told

    assert simulate(story) == ["endpoint does not answer; paused, trying again in 1 s", "endpoint answers again after 3 s"]


def test_an_answer_to_an_earlier_call_closes_it_at_once() -> None:
    async def story() -> float:
        pace = paced()
        async with pace.slot() as slow:
            await Broken().call(pace, 5)
            assert pace.snapshot.paused
            waiting = asyncio.create_task(document(pace, Endpoint(there_s=0.0)))
            await asyncio.sleep(0.25)
            slow.succeeded()
        await waiting
        return now()

    assert simulate(story) == pytest.approx(5 * 0.1 + 0.25 + LATENCY_S)


def test_failures_of_earlier_calls_do_not_put_the_probe_off() -> None:
    async def story() -> list[float]:
        pace = paced(first=8)
        broken = Broken(lambda at: Outcome.FAILED if at < 1 else Outcome.SUCCEEDED)

        async def slow() -> None:
            async with pace.slot() as slot:
                await asyncio.sleep(0.9)
                slot.failed()

        slow_ones = [asyncio.create_task(slow()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.gather(*(broken.call(pace, 99) for _ in range(5)))
        await asyncio.gather(*slow_ones)
        return broken.tries

    assert simulate(story)[5:] == pytest.approx([1.0] * 5)


def test_a_cancelled_probe_lets_the_next_one_go_at_once() -> None:
    async def story() -> tuple[list[float], Snapshot]:
        pace = paced()
        broken = Broken(lambda at: Outcome.FAILED if at < 0.5 else Outcome.SUCCEEDED)
        await asyncio.gather(*(broken.call(pace) for _ in range(5)))
        broken.takes_s = 5.0
        tasks = [asyncio.create_task(broken.call(pace)) for _ in range(3)]
        await asyncio.sleep(2)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return broken.tries[5:], pace.snapshot

    tries, end = simulate(story)
    assert tries == pytest.approx([1.0, 2.1, 7.1])
    assert end == Snapshot(16, 0, 0, 2, 0, 5, paused=False)


def test_after_the_patience_everybody_and_all_who_come_later_are_turned_away() -> None:
    async def story() -> tuple[Broken, list[str], float]:
        told: list[str] = []
        pace = paced(told=told.append, patience_s=100)
        broken = Broken()
        await asyncio.gather(*(broken.call(pace, 99) for _ in range(20)))
        ended = now()
        await asyncio.sleep(500)
        await broken.call(pace)
        assert pace.snapshot == Snapshot(16, 0, 0, 0, 0, len(broken.tries), paused=True)
        return broken, told, ended

    broken, told, ended = simulate(story)
    assert ended == pytest.approx(100, abs=0.01)
    assert broken.ends == {"endpoint has not answered for 100 s": 20, "endpoint has not answered for 600 s": 1}
    assert broken.tries[-6:] == pytest.approx([1, 3, 7, 15, 31, 63])
    assert told == ["endpoint does not answer; paused, trying again in 1 s"]


def test_a_probe_that_hangs_does_not_make_anybody_wait_longer() -> None:
    async def story() -> tuple[Counter[str], float]:
        pace = paced(patience_s=100)
        broken = Broken()
        await asyncio.gather(*(broken.call(pace) for _ in range(5)))
        broken.takes_s = 1000.0
        probe = asyncio.create_task(broken.call(pace))
        await asyncio.sleep(2)
        await asyncio.gather(*(broken.call(pace) for _ in range(7)))
        ended = now()
        await probe
        return broken.ends, ended

    ends, ended = simulate(story)
    assert ends == {"given up": 6, "endpoint has not answered for 100 s": 7}
    assert ended == pytest.approx(100)


def test_a_late_answer_brings_a_lost_endpoint_back() -> None:
    async def story() -> list[str]:
        told: list[str] = []
        pace = paced(patience_s=10, told=told.append)
        async with pace.slot() as slow:
            broken = Broken()
            await asyncio.gather(*(broken.call(pace, 99) for _ in range(20)))
            with pytest.raises(EndpointDown, match=r"^endpoint has not answered for 10 s$"):
                await pace.slot().__aenter__()
            slow.succeeded()
        await document(pace, Endpoint())
        return told

    assert simulate(story) == ["endpoint does not answer; paused, trying again in 1 s", "endpoint answers again after 10 s"]


def test_an_endpoint_that_nobody_tried_meanwhile_is_tried_once_more() -> None:
    async def story(outcome: Outcome) -> Counter[str]:
        pace = paced(patience_s=10)
        broken = Broken()
        await asyncio.gather(*(broken.call(pace) for _ in range(5)))
        await asyncio.sleep(3600)
        broken.outcome, broken.takes_s = lambda _: outcome, 0.1
        await asyncio.gather(*(broken.call(pace) for _ in range(9)))
        return broken.ends

    assert simulate(lambda: story(Outcome.SUCCEEDED)) == {"given up": 5, "done": 9}
    assert simulate(lambda: story(Outcome.FAILED)) == {"given up": 6, "endpoint has not answered for 3600 s": 8}


def test_who_comes_one_by_one_is_turned_away_after_a_probe_that_was_the_last_chance() -> None:
    async def story() -> Counter[str]:
        pace = paced(patience_s=10)
        broken = Broken()
        for wait_s in (0, 0, 0, 0, 0, 11, 3600):
            await asyncio.sleep(wait_s)
            await broken.call(pace)
        return broken.ends

    assert simulate(story) == {"given up": 6, "endpoint has not answered for 3611 s": 1}


def test_a_waiter_that_is_given_up_and_cancelled_at_once_is_only_cancelled() -> None:
    async def story() -> bool:
        pace = paced(patience_s=0.5)
        await Broken().call(pace, 5)
        waiting = asyncio.create_task(document(pace, Endpoint()))
        asyncio.get_running_loop().call_later(0.5, asyncio.get_running_loop().call_soon, waiting.cancel)
        await asyncio.gather(waiting, return_exceptions=True)
        return waiting.done()

    assert simulate(story)


def test_a_listener_that_fails_does_not_stop_the_queue() -> None:
    def tell_nobody(_: str) -> None:
        raise ConnectionError

    async def story() -> Snapshot:
        pace = paced(told=tell_nobody, first=5)

        async def call() -> None:
            async with pace.slot() as slot:
                await asyncio.sleep(0)
                tell(slot, Outcome.FAILED if now() < 1 else Outcome.SUCCEEDED)

        ends = await asyncio.gather(*(call() for _ in range(12)), return_exceptions=True)
        assert [type(end) for end in ends if end is not None] == [ConnectionError, ConnectionError]
        return pace.snapshot

    end = simulate(story)
    assert (end.in_flight, end.waiting, end.paused) == (0, 0, False)
