"""Prices: exact names alone, exact amounts, and what is not known is never 0."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer.asking.llm import Usage
from structurer.endpoints.prices import MOST_TOKENS, Price, Rates, Tier, cost, listed, stated

OPENAI = "https://api.openai.com/v1"
DAY = date(2026, 11, 1)
TREE = json.loads(files("structurer.endpoints").joinpath("prices.json").read_text(encoding="utf-8"))
PLAIN = stated(Rates(Decimal("0.5"), Decimal(2), Decimal("0.1")), batch=Decimal("0.5"))
TIERED = Price(
    "USD",
    (Tier(0, Rates(Decimal(2), Decimal(8), Decimal(1))), Tier(1000, Rates(Decimal(4), Decimal(12), Decimal(2)))),
)
WRITING = Price("USD", (Tier(0, Rates(Decimal(2), Decimal(8), Decimal("0.2"), Decimal("2.5"))),))
APART = replace(PLAIN, reasoning_apart=True)


@dataclass(frozen=True, slots=True)
class Fuller(Usage):
    """What an endpoint may count besides."""

    cache_write_tokens: int | None = None
    total_tokens: int | None = None


def rates_of(row: dict[str, object]) -> list[dict[str, str]]:
    """All rates of a row of the shipped table: standard and batch, short and long prompts."""
    found = [row, row.get("above"), row.get("batch"), row.get("batch", {}).get("above")]
    return [{key: each[key] for key in ("input", "cached_input", "cache_write", "output") if key in each} for each in found if each]


# -- the table -----------------------------------------------------------------------------------------------------------


def test_every_row_of_the_table_is_whole_and_dated() -> None:
    for place in TREE["places"]:
        assert set(place) <= {"addresses", "currency", "source", "as_of", "reasoning_apart", "models"}
        assert place["source"].startswith("https://")
        assert all(address == address.lower().rstrip("/") and address.startswith("https://") for address in place["addresses"])
        assert re.fullmatch("[A-Z]{3}", place["currency"])
        for model, row in place["models"].items():
            assert set(row) <= {"input", "output", "cached_input", "cache_write", "above", "batch", "as_of", "until"}, model
            for day in (row.get("as_of", place["as_of"]), row.get("until")):
                assert day is None or date.fromisoformat(day) >= date(2026, 1, 1), model
            for rates in rates_of(row):
                assert {"input", "output"} <= set(rates), model
                assert all(isinstance(rate, str) and 0 < Decimal(rate) < 1000 for rate in rates.values()), model
                assert Decimal(rates.get("cached_input", rates["input"])) <= Decimal(rates["input"]), model


def test_no_rate_of_the_table_falls_with_a_longer_prompt_or_rises_in_a_batch() -> None:
    for place in TREE["places"]:
        for model, row in place["models"].items():
            for high, low in ((row.get("above"), row), (row, row.get("batch"))):
                if high and low:
                    assert all(Decimal(high[key]) >= Decimal(low[key]) for key in ("input", "output")), model


def test_every_model_of_the_table_is_found_with_its_source_and_day() -> None:
    found = 0
    for place in TREE["places"]:
        for address in place["addresses"]:
            for model, row in place["models"].items():
                price = listed(model, f"{address}/", DAY)
                assert price is not None, model
                assert (price.source, price.as_of) == (place["source"], row.get("as_of", place["as_of"])), model
                assert price.tiers[0].rates.output == Decimal(row["output"]), model
                found += 1
    assert found >= 60


def test_a_snapshot_costs_what_its_model_costs() -> None:
    model = listed("gpt-4.1", OPENAI, DAY)
    assert model == listed("gpt-4.1-2025-04-14", OPENAI, DAY) == listed("gpt-4.1-20250414", OPENAI, DAY)
    assert model is not None
    assert model.tiers == (Tier(0, Rates(Decimal(2), Decimal(8), Decimal("0.5"))),)
    assert model.batch == (Tier(0, Rates(Decimal(1), Decimal(4))),)


def test_a_snapshot_of_a_price_of_its_own_has_that() -> None:
    snapshot, model = listed("gpt-4o-2024-05-13", OPENAI, DAY), listed("gpt-4o-2024-08-06", OPENAI, DAY)
    assert snapshot is not None
    assert model is not None
    assert (snapshot.tiers[0].rates.input, model.tiers[0].rates.input) == (5, Decimal("2.5"))


@pytest.mark.parametrize(
    "name",
    [
        "", "gpt-4.1-turbo", "gpt-4", "gpt-4.1-2025-13-14", "gpt-4.1-2025-04-32", "gpt-4.1-2025-0414", "gpt-4.1-202504",
        "gpt-4.1-1999-04-14", "GPT-4.1", "gpt-4.1 ", "openai/gpt-4.1", "ft:gpt-4.1-2025-04-14:me::x", "-2025-04-14",
        "gpt-4.1-2025-04-14-2025-04-14", "gpt-4.1\n",
    ],
)  # fmt: skip
def test_no_price_is_guessed_from_a_likeness(name: str) -> None:
    assert listed(name, OPENAI, DAY) is None


@pytest.mark.parametrize(
    "address",
    [
        "", "http://api.openai.com/v1", "https://eu.api.openai.com/v1", "https://api.openai.com",
        "https://api.openai.com/v1/x", "https://api.openai.com.evil.example/v1", "https://user:secret@api.openai.com/v1", "http://127.0.0.1:8000/v1",
    ],
)  # fmt: skip
def test_the_same_name_at_another_address_has_no_list_price(address: str) -> None:
    assert listed("gpt-4.1", address, DAY) is None


def test_the_same_name_costs_what_its_address_charges() -> None:
    groq = listed("openai/gpt-oss-20b", "https://api.groq.com/openai/v1", DAY)
    fireworks = listed("accounts/fireworks/models/gpt-oss-20b", "https://api.fireworks.ai/inference/v1", DAY)
    assert [price and price.tiers[0].rates.input for price in (groq, fireworks)] == [Decimal("0.075"), Decimal("0.07")]


def test_an_introductory_price_ends_with_its_last_day() -> None:
    place = "https://generativelanguage.googleapis.com/v1beta/openai"
    assert listed("gemini-3.8-flash", place, date(2026, 12, 31)) is not None
    assert listed("gemini-3.8-flash", place, date(2027, 1, 1)) is None


# -- the cost of a call --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "price", "batch", "expected"),
    [
        (Usage(1000, 100, 400), PLAIN, False, "0.00054"),
        (Usage(1000, 100, 400), PLAIN, True, "0.00027"),
        (Usage(0, 0, 0), PLAIN, False, "0"),
        (Usage(1000, 100, 1000), PLAIN, False, "0.0003"),
        (Usage(1000, 100), stated(Rates(Decimal("0.5"), Decimal(2), Decimal("0.5"))), False, "0.0007"),  # cached costs the same: not needed
        (Usage(1000, 100), stated(Rates(Decimal("0.5"), Decimal(2))), False, "0.0007"),  # no cache is spoken of
        (Usage(1000, 100, 0), stated(Rates(Decimal("0.5"), Decimal(2))), False, "0.0007"),
        (Usage(1000, 100, 0), stated(Rates(Decimal(0), Decimal(0))), False, "0"),  # a price of 0 is a price
        (Usage(1000, 1000, 0), TIERED, False, "0.010"),
        (Usage(1001, 1000, 0), TIERED, False, "0.016004"),
        (Fuller(1000, 100, 400, 500), WRITING, False, "0.00233"),
        (Fuller(1000, 100, 400, 0), WRITING, False, "0.00208"),
        (Fuller(1000, 100, 0, None, 1600), APART, False, "0.0017"),  # 500 tokens of reasoning
        (Fuller(1000, 100, 0, None, 1000), APART, False, "0.0007"),
        (Fuller(1000, None, 0, None, 1600), APART, False, "0.0017"),
    ],
)
def test_a_call_costs(usage: Usage, price: Price, batch: bool, expected: str) -> None:
    assert cost(usage, price, batch) == Decimal(expected)


@pytest.mark.parametrize(
    ("usage", "price", "batch"),
    [
        (Usage(1000, 100, 400), None, False),
        (Usage(None, 100, 400), PLAIN, False),
        (Usage(1000, None, 400), PLAIN, False),
        (Usage(1000, 100, None), PLAIN, False),
        (Usage(1000, 100, 1001), PLAIN, False),
        (Usage(1000, 100, -1), PLAIN, False),
        (Usage(-1, 100, 0), PLAIN, False),
        (Usage(1000, MOST_TOKENS + 1, 0), PLAIN, False),
        (Usage(1000, 100, 0), TIERED, True),  # no batch price
        (Usage(1000, 100, 400), stated(Rates(Decimal("0.5"), Decimal(2))), False),  # there is a cache, and no price for it
        (Usage(1000, 100, 400), WRITING, False),  # what went into the cache is not counted
        (Fuller(1000, 100, 400, None), WRITING, False),
        (Fuller(1000, 100, 600, 500), WRITING, False),
        (Usage(1000, 100, 0), APART, False),  # how much reasoning there was is not counted
        (Fuller(None, 100, 0, None, 1600), APART, False),
    ],
)
def test_a_cost_that_is_not_known_is_none(usage: Usage, price: Price | None, batch: bool) -> None:
    assert cost(usage, price, batch) is None


@settings(max_examples=200, deadline=None)
@given(st.tuples(*[st.integers(0, 10**9)] * 3), st.tuples(*[st.decimals(0, 10**6, places=12)] * 3))
def test_a_cost_is_exact(counts: tuple[int, int, int], amounts: tuple[Decimal, Decimal, Decimal]) -> None:
    plain, output, cached = counts
    paid = cost(Usage(plain + cached, output, cached), stated(Rates(*amounts)))
    assert paid is not None
    assert Fraction(paid) == sum(count * Fraction(amount) for count, amount in zip(counts, amounts, strict=True)) / 10**6
