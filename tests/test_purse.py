"""A budget is never passed: what an attempt can cost at most is set aside before it is made."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from structurer.asking.llm import Usage
from structurer.endpoints.book import Budget, upper_bound
from structurer.endpoints.prices import Rates, stated
from structurer.endpoints.purse import Purse
from structurer.errors import HaltError

PRICE = stated(Rates(Decimal(1000), Decimal(2000)))  # of a million tokens: 0.001 a token in, 0.002 out
SIZE, OUT = 1000, 500
BOUND = upper_bound(SIZE, OUT, PRICE)
assert BOUND is not None


def purse(budget: Budget) -> Purse:
    return Purse(budget, PRICE, OUT)


async def attempt(one: Purse, usage: Usage | None, gate: asyncio.Event | None = None) -> None:
    async with one.held(SIZE) as paid:
        if gate is not None:
            await gate.wait()
        paid.amount = one.cost(usage) if usage else None


def test_what_was_set_aside_and_not_used_is_there_for_the_next() -> None:
    budget = Budget(BOUND + 1)

    async def run() -> None:
        for _ in range(3):
            await attempt(purse(budget), Usage(100, 100, 0))

    asyncio.run(run())
    assert (budget.spent, budget.reserved) == (Decimal("0.9"), 0)


def test_an_attempt_that_may_not_fit_waits_for_those_in_flight() -> None:
    budget, order = Budget(BOUND * 2), list[str]()

    async def run() -> None:
        gate, one = asyncio.Event(), purse(budget)

        async def third() -> None:
            await attempt(one, Usage(1, 1, 0))
            order.append("third")

        held = [asyncio.create_task(attempt(one, Usage(1, 1, 0), gate)) for _ in range(2)]
        last = asyncio.create_task(third())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("opened")
        gate.set()
        await asyncio.gather(*held, last)

    asyncio.run(run())
    assert order == ["opened", "third"]


def test_a_budget_that_cannot_hold_the_next_attempt_halts_the_run() -> None:
    budget = Budget(BOUND + Decimal("0.1"))

    async def run() -> None:
        await attempt(purse(budget), Usage(300, 0, 0))
        await attempt(purse(budget), Usage(1, 1, 0))

    with pytest.raises(HaltError) as caught:
        asyncio.run(run())
    assert caught.value.what.startswith("the budget is used up: 0.30 of")
    assert "--resume" in caught.value.remedy


def test_an_attempt_that_broke_off_counts_as_the_most_it_can_have_cost() -> None:
    budget = Budget(BOUND * 2)

    async def broken() -> None:
        with pytest.raises(TimeoutError):
            async with purse(budget).held(SIZE):
                raise TimeoutError

    asyncio.run(broken())
    assert (budget.spent, budget.assumed, budget.reserved) == (BOUND, BOUND, 0)
