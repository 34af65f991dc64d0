"""The ledger of calls to models, and the budget that they are held to.

Replayed calls (from a cache, a cassette) count as calls and cost nothing. What is not known is counted as such beside what is: a sum is
never passed off as whole. All of it is plain arithmetic without a lock, for the tasks of one event loop: nothing else runs between two
awaits, so what is added, reserved or settled is so at once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from structurer.asking.llm import Reply, Usage
from structurer.counted import counted
from structurer.endpoints.prices import EXACT, Price, cost, plausible

ADDED_TOKENS: Final = 1024  # of a prompt, at most, that a chat template adds by itself; those in use add 10 to 150
MOST_MONEY: Final = Decimal(10) ** 15  # in any currency; what is more is no amount
FINEST: Final = -40  # exponent of the last digit of an amount
_UNITS: Final = ((10**9, "G"), (10**6, "M"), (10**3, "k"))
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls took. `replayed` of the `calls` cost nothing; tokens and money are those of the others.

    Of those others, the endpoint did not say of `uncounted` how many tokens they took, of `unsaid_cached` how many of them it had in its
    cache, and the cost of `unpriced` is not known. `costs` are the known costs: an amount for each currency, in the order of their names.
    """

    calls: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    unsaid_cached: int = 0
    unpriced: int = 0
    costs: tuple[tuple[str, Decimal], ...] = ()

    @classmethod
    def on(cls, reply: Reply, price: Price | None = None, *, batch: bool = False) -> Spent:
        """What one answered call took."""
        return cls(1, 1) if reply.recorded else _asked(reply.usage, price, batch)

    @classmethod
    def read(cls, tree: Any) -> Spent:
        """The inverse of `as_dict`. Raises ValueError for anything else."""
        try:
            counts: dict[str, Any] = {name: tree[name] for name in _COUNTS}
            costs = tuple(sorted((currency, _amount(text)) for currency, text in tree["costs"].items()))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no ledger ({type(error).__name__})") from None
        if not all(type(count) is int and count >= 0 for count in counts.values()):
            raise ValueError("no ledger (a count that cannot be)")
        return cls(**counts, costs=costs)

    def __add__(self, other: Spent) -> Spent:
        costs = dict(self.costs)
        for currency, amount in other.costs:
            costs[currency] = EXACT.add(costs.get(currency, _ZERO), amount)
        counts: dict[str, Any] = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Spent(**counts, costs=tuple(sorted(costs.items())))

    @property
    def asked(self) -> int:
        """The calls that an endpoint was asked for."""
        return self.calls - self.replayed

    @property
    def cost(self) -> Decimal | None:
        """All that the calls cost; None where a part of it is not known, or it is in several currencies."""
        amounts = [amount for _, amount in self.costs]
        return None if self.unpriced or len(amounts) > 1 else (amounts or [_ZERO])[0]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; amounts are text, so that nothing is rounded."""
        return {**{name: getattr(self, name) for name in _COUNTS}, "costs": {currency: f"{amount:f}" for currency, amount in self.costs}}

    def line(self) -> str:
        """For a person: `412 calls (37 from the cache), 1.2 M tokens in (64 % cached), 310 k out, 0.41 USD; 3 calls of unknown price`."""
        if not self.asked:
            return f"{counted(self.calls, 'call')}, all from the cache" if self.calls else "no calls"
        said = [counted(self.calls, "call") + (f" ({self.replayed} from the cache)" if self.replayed else "")]
        if self.prompt_tokens or self.completion_tokens or self.uncounted < self.asked:
            said += [f"{_short(self.prompt_tokens)} tokens in{self._cached()}", f"{_short(self.completion_tokens)} out"]
        said += [f"{_money(amount)} {currency}" for currency, amount in self.costs]
        unknown = ((self.uncounted, "length"), (self.unpriced, "price"))
        return "; ".join([", ".join(said), *(f"{counted(count, 'call')} of unknown {what}" for count, what in unknown if count)])

    def _cached(self) -> str:
        if not self.prompt_tokens or self.unsaid_cached == self.asked:
            return ""
        at_least = "at least " if self.unsaid_cached else ""
        return f" ({at_least}{min(100 * self.cached_tokens // self.prompt_tokens, 100)} % cached)"


_COUNTS: Final = tuple(each.name for each in fields(Spent) if each.name != "costs")


def _asked(usage: Usage, price: Price | None, batch: bool) -> Spent:
    prompt, cached, output = (
        tokens if plausible(tokens) else None for tokens in (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)
    )
    paid = cost(usage, price, batch)
    return Spent(
        calls=1,
        prompt_tokens=prompt or 0,
        cached_tokens=cached or 0,
        completion_tokens=output or 0,
        uncounted=int(prompt is None or output is None),
        unsaid_cached=int(cached is None),
        unpriced=int(paid is None),
        costs=() if price is None or paid is None else ((price.currency, paid),),
    )


@dataclass(slots=True)
class Book:
    """What the calls of a document or a run took, by the names under which the caller knows the models, and how often what happened:
    `outcomes` are named by the caller ("reply cut off at the output limit")."""

    models: dict[str, Spent] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, tree: Any) -> Book:
        """The inverse of `as_dict`. Raises ValueError for anything else."""
        try:
            models = {str(name): Spent.read(each) for name, each in tree["models"].items()}
            outcomes = dict(tree["outcomes"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no ledger ({type(error).__name__})") from None
        if not all(type(count) is int and count >= 0 for count in outcomes.values()):
            raise ValueError("no ledger (a count that cannot be)")
        return cls(models, Counter(outcomes))

    def add(self, model: str, reply: Reply, price: Price | None = None, *, batch: bool = False) -> Spent:
        """Enter an answered call; what it took."""
        return self._enter(model, Spent.on(reply, price, batch=batch))

    def add_unanswered(self, model: str) -> Spent:
        """Enter a call that was sent and not answered: the endpoint may charge for it, and nobody says how much."""
        return self._enter(model, _asked(Usage(), None, False))

    def note(self, outcome: str, times: int = 1) -> None:
        """Count what happened."""
        self.outcomes[outcome] += times

    def merge(self, other: Book) -> None:
        """Enter all of another book, a document's into its run's."""
        for model, spent in other.models.items():
            self._enter(model, spent)
        self.outcomes.update(other.outcomes)

    @property
    def total(self) -> Spent:
        """All models together."""
        return sum(self.models.values(), Spent())

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON: each model, their total, and the outcomes, most frequent first."""
        models = {model: spent.as_dict() for model, spent in sorted(self.models.items())}
        return {"models": models, "total": self.total.as_dict(), "outcomes": dict(self.outcomes.most_common())}

    def line(self) -> str:
        """One line for a person, of all models together."""
        return self.total.line()

    def _enter(self, model: str, spent: Spent) -> Spent:
        self.models[model] = self.models.get(model, Spent()) + spent
        return spent


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """Money set aside for one call."""

    amount: Decimal


class Budget:
    """A limit to what calls may cost, kept by setting aside the most that a call can cost before it is sent, and settling it after.

    Spent and reserved money together never exceed the limit, as long as no call costs more than its bound (`upper_bound`). A call that does
    is entered as what it cost and nothing is reserved any more. Each request on the wire takes a reservation of its own: an endpoint may
    charge for one that broke off and was sent again. Raises ValueError for amounts that are none.
    """

    def __init__(self, limit: Decimal, currency: str = "USD", *, spent: Decimal = _ZERO) -> None:
        self.limit, self.currency = _checked(limit), currency
        self._spent, self._assumed = _checked(spent), _ZERO
        self._open: set[Reservation] = set()
        self._reserved = _ZERO

    def begin_with(self, spent: Decimal) -> None:
        """Enter what was spent before, by the run that is gone on with."""
        self._spent = EXACT.add(self._spent, _checked(spent))

    @property
    def spent(self) -> Decimal:
        """What the settled calls cost; where that is not known, the most that they can have."""
        return self._spent

    @property
    def assumed(self) -> Decimal:
        """The part of `spent` that is not known to have been charged."""
        return self._assumed

    @property
    def reserved(self) -> Decimal:
        """What the calls in flight can cost at most."""
        return self._reserved

    def reserve(self, upper_bound: Decimal) -> Reservation | None:
        """Set money aside for a call; None where it is not left. `may_fit_later` says whether to wait or to stop."""
        amount = _checked(upper_bound)
        taken = EXACT.add(EXACT.add(self._spent, self._reserved), amount)
        if taken > self.limit:
            return None
        reservation = Reservation(amount)
        self._open.add(reservation)
        self._reserved = EXACT.add(self._reserved, amount)
        return reservation

    def settle(self, reservation: Reservation, actual: Decimal | None) -> None:
        """Enter what a call cost: 0 if it was never sent, None if it is not known. Raises ValueError when it was settled before."""
        paid = reservation.amount if actual is None else _checked(actual)
        if reservation not in self._open:
            raise ValueError("a reservation is settled once, by the budget that gave it")
        self._open.remove(reservation)
        self._reserved = EXACT.subtract(self._reserved, reservation.amount)
        self._spent = EXACT.add(self._spent, paid)
        self._assumed = EXACT.add(self._assumed, paid if actual is None else _ZERO)

    def may_fit_later(self, upper_bound: Decimal) -> bool:
        """Whether a call could be paid for once calls in flight turn out to cost less than was set aside for them."""
        return bool(self._open) and EXACT.add(self._spent, _checked(upper_bound)) <= self.limit

    def line(self) -> str:
        """One line for a person, such as `0.41 of 5.00 USD spent, 0.02 of it assumed, 0.10 set aside`."""
        assumed = f", {_money(self._assumed)} of it assumed" if self._assumed else ""
        aside = f", {_money(self._reserved)} set aside" if self._reserved else ""
        return f"{_money(self._spent)} of {_money(self.limit)} {self.currency} spent{assumed}{aside}"


def upper_bound(
    prompt_bytes: int, max_output_tokens: int | None, price: Price | None, *, batch: bool = False, counted: int | None = None
) -> Decimal | None:
    """The most that a request can cost, or None where it has no bound: without a price, or a limit to its output.

    `prompt_bytes` is the size of the body as posted. Why no prompt has more tokens: a byte-level BPE vocabulary (OpenAI's, Llama 3, Qwen,
    DeepSeek, Mistral since 2024; Gemma and the older Mistral have byte fallback, with the text left as it is) makes each token of one byte
    or more; what marks roles and turns is less than the JSON around each message, which is counted too; the reply schema is in the body;
    and what a chat template adds by itself is in ADDED_TOKENS. Every token is taken at the dearest rate that it can have (not cached,
    written into the cache, in the tier of a long prompt), the output as long as it may be. What would break it: an endpoint that does not
    keep the output limit it is sent, that writes the schema into the prompt at more than its length in JSON, or whose vocabulary rewrites
    text to longer text before it is cut (SentencePiece with NFKC).

    A token of plain text has 3 to 4 bytes, so the bound is several times the cost. It is never lowered by an average, since any text may be
    the one with a token for every byte. `counted` lowers it safely: the endpoint's own count of this same prompt, from its reply to an
    earlier request with the same messages and schema.
    """
    tokens = prompt_bytes + ADDED_TOKENS if counted is None else counted
    reachable = price.reachable(tokens, batch=batch) if price else ()
    if not reachable or max_output_tokens is None:
        return None
    prompt = EXACT.multiply(max(rates.dearest_input for rates in reachable), tokens)
    output = EXACT.multiply(max(rates.output for rates in reachable), max_output_tokens)
    return EXACT.scaleb(EXACT.add(prompt, output), -6)


def why_unbounded(price: Price | None, max_output_tokens: int | None, currency: str, *, batch: bool = False) -> str:
    """Why a budget in a currency cannot be kept with a model, in words; "" where it can."""
    if price is None:
        return "its price is not known"
    if not price.reachable(0, batch=batch):
        return "its price in a Batch API is not known"
    if price.currency != currency:
        return f"its price is in {price.currency}, the budget in {currency}"
    return "the length of its replies is not limited" if max_output_tokens is None else ""


def _checked(amount: Decimal) -> Decimal:
    if not (amount.is_finite() and 0 <= amount <= MOST_MONEY):
        raise ValueError(f"no amount of money: {amount}")
    return amount


def _amount(text: Any) -> Decimal:
    if not isinstance(text, str):
        raise TypeError
    try:
        amount = Decimal(text)
        if int(amount.as_tuple().exponent) < FINEST:
            raise InvalidOperation
        return _checked(amount)
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError("no ledger (an amount that cannot be)") from None


def _short(count: int) -> str:
    """A count in two digits or more: 999, 1.2 k, 310 k, 1.2 M."""
    size, unit = next(((size, f" {unit}") for size, unit in _UNITS if 2000 * count >= 1999 * size), (1, ""))
    if size == 1:
        return f"{count}"
    tenths = (20 * count + size) // (2 * size)
    return f"{tenths // 10}.{tenths % 10}{unit}" if tenths < 100 else f"{(2 * count + size) // (2 * size)}{unit}"


def _money(amount: Decimal) -> str:
    """An amount to a hundredth, below 1 to two digits: 12.30, 0.41, 0.0034; never 0 unless it is."""
    places = 2 if amount >= 1 or not amount else max(2, 1 - amount.adjusted())
    return f"{amount:.{places}f}" if amount else "0"
