"""A budget in the hands of a model: before each attempt the most that it can cost is set aside, and the run halts before more could be
spent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from structurer.asking.llm import Usage
from structurer.endpoints.book import Budget, upper_bound
from structurer.endpoints.prices import Price, cost
from structurer.errors import HaltError


@dataclass(slots=True)
class Paid:
    """What an attempt turned out to cost; None as long as nobody knows."""

    amount: Decimal | None = None


@dataclass(slots=True)
class Purse:
    """What the attempts of one model may cost. Several models may share the budget, and the tasks of one event loop a model;
    `output_tokens` is the limit that is posted with every request, `settled` tells all that share the budget that there may be room."""

    budget: Budget
    price: Price
    output_tokens: int
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def held(self, size: int) -> AsyncIterator[Paid]:
        """Money for one attempt whose body has `size` bytes, until it is known what it cost. Raises HaltError where there is not enough."""
        bound = upper_bound(size, self.output_tokens, self.price)
        assert bound is not None  # a model without a bound is refused before the run begins
        reservation = self.budget.reserve(bound)
        while reservation is None:
            await self._room(bound)
            reservation = self.budget.reserve(bound)
        paid = Paid()
        try:
            yield paid
        finally:
            self.budget.settle(reservation, paid.amount)
            self.settled.set()

    def cost(self, usage: Usage) -> Decimal | None:
        """What a reply cost; None where that is not known."""
        return cost(usage, self.price)

    async def _room(self, bound: Decimal) -> None:
        """Wait for attempts in flight, which mostly cost less than was set aside for them."""
        if not self.budget.may_fit_later(bound):
            what = f"the budget is used up: {self.budget.line()}, and the next call may cost {bound:.4f}"
            raise HaltError(what, remedy="raise --budget and repeat the command with --resume: what was answered is not paid for again")
        self.settled.clear()
        await self.settled.wait()
