"""What tokens cost: the list prices that ship in `prices.json`, and the cost of a call. What is not known is None, never 0.

A price belongs to an address and a model's name at that address. The name must be the table's, or the table's with a date behind it
(`gpt-5-2025-08-07`, `name-20250807`): a snapshot costs what its model costs unless the table says otherwise. Nothing is guessed from a
likeness of names, and a gateway that knows a model by the same name sets prices of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import cache, reduce
from importlib.resources import files
from typing import Any, Final, TypeGuard

from structurer.asking.llm import Usage

PER: Final = 1_000_000  # tokens that a rate is for
MOST_TOKENS: Final = 10**10  # of one call; an endpoint that counts more is not believed
EXACT: Final = Context(prec=60)  # digits; sums and products of money are exact in it
_DATED: Final = re.compile(r"(?P<name>.+)-20\d\d(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))")


@dataclass(frozen=True, slots=True)
class Rates:
    """What a million tokens cost: of the prompt, of the output, of the prompt where the host has it in its cache, and where it puts
    it there. None: the host states no such rate."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None

    @property
    def dearest_input(self) -> Decimal:
        """The most that a million tokens of the prompt can cost."""
        return max(rate for rate in (self.input, self.cached_input, self.cache_write) if rate is not None)

    def times(self, factor: Decimal) -> Rates:
        """All rates times a factor."""
        cached, write = (None if rate is None else EXACT.multiply(rate, factor) for rate in (self.cached_input, self.cache_write))
        return Rates(EXACT.multiply(self.input, factor), EXACT.multiply(self.output, factor), cached, write)


@dataclass(frozen=True, slots=True)
class Tier:
    """The rates of a whole request whose prompt has more than `above` tokens."""

    above: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs at an address: tiers by rising `above`, the first above 0; `batch` is empty where a Batch API's price is unknown.

    `source` is the page that states it, or "" where a user does; `as_of` the day on which it did, `until` the last day of an introductory
    price (ISO 8601, or ""). `reasoning_apart`: the host leaves the tokens of the model's reasoning out of `completion_tokens`, and charges
    them.
    """

    currency: str
    tiers: tuple[Tier, ...]
    batch: tuple[Tier, ...] = ()
    source: str = ""
    as_of: str = ""
    until: str = ""
    reasoning_apart: bool = False

    def reachable(self, prompt_tokens: int, *, batch: bool = False) -> tuple[Rates, ...]:
        """The rates of the requests with at most so many tokens in their prompt; none where they are not known."""
        tiers = self.batch if batch else self.tiers
        return tuple(tier.rates for tier in tiers if not tier.above or prompt_tokens > tier.above)

    def rates(self, prompt_tokens: int, *, batch: bool = False) -> Rates | None:
        """The rates of a request with so many tokens in its prompt; None where they are not known."""
        return next(reversed(self.reachable(prompt_tokens, batch=batch)), None)


def stated(rates: Rates, *, batch: Decimal | None = None, currency: str = "USD") -> Price:
    """A price as a user states it; a Batch API charges `batch` times the rates (0.5: half)."""
    return Price(currency, (Tier(0, rates),), () if batch is None else (Tier(0, rates.times(batch)),))


def listed(model: str, base_url: str, today: date) -> Price | None:
    """The list price of a model at an address (`https://host/path`, with or without a last slash); None where it is not known today."""
    place = _table().get(base_url.rstrip("/").lower(), {})
    dated = _DATED.fullmatch(model)
    price = place.get(model) or (place.get(dated["name"]) if dated else None)
    return None if price is None or (price.until and today.isoformat() > price.until) else price


def cost(usage: Usage, price: Price | None, batch: bool = False) -> Decimal | None:
    """What a call cost, exactly; None where a price or a count that it takes is not known or cannot be.

    Tokens of the prompt from the host's cache are charged as such. Where a host charges for tokens that it puts into its cache, or leaves
    reasoning out of `completion_tokens`, `usage.cache_write_tokens` or `usage.total_tokens` must say how many there were.
    """
    prompt, output = usage.prompt_tokens, _output(usage, price)
    if price is None or not plausible(prompt) or not plausible(output):
        return None
    rates = price.rates(prompt, batch=batch)
    own = _own_rates(usage, prompt, rates) if rates else None
    if rates is None or own is None:
        return None
    cached, written = own
    plain = EXACT.multiply(rates.input, prompt - cached - written)
    parts = (_times(rates.cached_input, cached), _times(rates.cache_write, written), _times(rates.output, output))
    return EXACT.scaleb(reduce(EXACT.add, parts, plain), -6)


def _output(usage: Usage, price: Price | None) -> int | None:
    """The tokens that are charged as output."""
    if price is None or not price.reasoning_apart:
        return usage.completion_tokens
    total, prompt = getattr(usage, "total_tokens", None), usage.prompt_tokens
    return max(total - prompt, usage.completion_tokens or 0) if plausible(total) and plausible(prompt) else None


def _own_rates(usage: Usage, prompt: int, rates: Rates) -> tuple[int, int] | None:
    """How many tokens of the prompt came from the host's cache and went into it, where they have rates of their own; None where that is not
    known, or cannot be."""
    cached, written = usage.cached_tokens, getattr(usage, "cache_write_tokens", None)
    if rates.cached_input is None and cached:
        return None  # there is a cache, but its price is not stated
    shares = (0 if rate in (None, rates.input) else count for rate, count in ((rates.cached_input, cached), (rates.cache_write, written)))
    first, second = shares
    if not plausible(first) or not plausible(second) or first + second > prompt:
        return None
    return first, second


def plausible(tokens: int | None) -> TypeGuard[int]:
    """Whether a count of tokens is one, and can be."""
    return tokens is not None and 0 <= tokens <= MOST_TOKENS


def _times(rate: Decimal | None, factor: int | Decimal) -> Decimal:
    return Decimal(0) if rate is None else EXACT.multiply(rate, factor)


@cache
def _table() -> Mapping[str, Mapping[str, Price]]:
    """The shipped table: the prices of the models at each address."""
    tree = json.loads(files("structurer.endpoints").joinpath("prices.json").read_text(encoding="utf-8"))
    places = {address: place for place in tree["places"] for address in place["addresses"]}
    return {address: {model: _price(place, row) for model, row in place["models"].items()} for address, place in places.items()}


def _price(place: Mapping[str, Any], row: Mapping[str, Any]) -> Price:
    return Price(
        place["currency"],
        _tiers(row),
        _tiers(row["batch"]) if "batch" in row else (),
        place["source"],
        row.get("as_of", place["as_of"]),
        row.get("until", ""),
        place.get("reasoning_apart", False),
    )


def _tiers(row: Mapping[str, Any]) -> tuple[Tier, ...]:
    above = row.get("above")
    return (Tier(0, _rates(row)), *((Tier(above["prompt_tokens"], _rates(above)),) if above else ()))


def _rates(row: Mapping[str, Any]) -> Rates:
    names = ("input", "output", "cached_input", "cache_write")
    return Rates(**{name: Decimal(row[name]) for name in names if name in row})
