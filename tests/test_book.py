"""The ledger says what calls took and what is not known of it; the budget is never passed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from structurer.asking.llm import Reply, Usage
from structurer.endpoints.book import ADDED_TOKENS, Book, Budget, Reservation, Spent, upper_bound, why_unbounded
from structurer.endpoints.prices import Price, Rates, Tier, cost, stated

CHEAP = stated(Rates(Decimal("0.5"), Decimal(2), Decimal("0.1")), batch=Decimal("0.5"))
YUAN = stated(Rates(Decimal(4), Decimal(16)), currency="CNY")
FREE = stated(Rates(Decimal(0), Decimal(0)))
TIERED = Price(
    "USD",
    (
        Tier(0, Rates(Decimal(2), Decimal(8), Decimal(1), Decimal("2.5"))),
        Tier(5000, Rates(Decimal(4), Decimal(12), Decimal(2), Decimal(5))),
    ),
)
CUT = "reply cut off at the output limit"

counts = st.integers(0, 10**6)


@dataclass(frozen=True, slots=True)
class Writing(Usage):
    """With the tokens that an endpoint put into its cache."""

    cache_write_tokens: int | None = None


def reply(*usage: int | None, recorded: bool = False) -> Reply:
    return Reply("{}", "model", usage=Usage(*usage), recorded=recorded)


@st.composite
def spents(draw: st.DrawFn) -> Spent:
    """What calls of any kind took, in up to two currencies."""
    replies = draw(st.lists(st.builds(reply, *[st.none() | counts] * 3, recorded=st.booleans()), max_size=3))
    return sum((Spent.on(each, draw(st.sampled_from([None, CHEAP, YUAN]))) for each in replies), Spent())


# -- what calls took -----------------------------------------------------------------------------------------------------


def test_a_call_is_entered_with_its_tokens_and_its_cost() -> None:
    assert Spent.on(reply(1000, 100, 400), CHEAP) == Spent(1, 0, 1000, 400, 100, costs=(("USD", Decimal("0.00054")),))
    assert Spent.on(reply(1000, 100, 400), CHEAP, batch=True).cost == Decimal("0.00027")


def test_a_replayed_call_costs_nothing() -> None:
    spent = Spent.on(reply(1000, 100, 400, recorded=True), CHEAP)
    assert spent == Spent(1, 1)
    assert (spent.cost, spent.asked) == (0, 0)


def test_what_an_endpoint_does_not_say_is_counted_as_unknown() -> None:
    assert Spent.on(reply(), CHEAP) == Spent(1, uncounted=1, unsaid_cached=1, unpriced=1)
    assert Spent.on(reply(1000, None, 400), CHEAP) == Spent(1, 0, 1000, 400, uncounted=1, unpriced=1)
    assert Spent.on(reply(1000, 100, 0)) == Spent(1, 0, 1000, 0, 100, unpriced=1)


def test_counts_that_cannot_be_are_unknown() -> None:
    assert Spent.on(reply(-5, 10**30, -1), CHEAP) == Spent(1, uncounted=1, unsaid_cached=1, unpriced=1)


def test_the_whole_cost_is_known_only_if_every_part_is() -> None:
    known = Spent.on(reply(1000, 100, 400), CHEAP)
    assert (known + known).cost == Decimal("0.00108")
    assert (known + Spent.on(reply(1000, 100, 400))).cost is None
    assert (known + Spent.on(reply(1000, 100), YUAN)).cost is None
    assert (known + Spent.on(reply(1000, 100), YUAN)).costs == (("CNY", Decimal("0.0056")), ("USD", Decimal("0.00054")))
    assert Spent().cost == 0
    assert Spent.on(reply(1000, 100), FREE).cost == 0


@settings(max_examples=100, deadline=None)
@given(spents(), spents(), spents())
def test_adding_is_a_sum(first: Spent, second: Spent, third: Spent) -> None:
    assert first + second == second + first
    assert (first + second) + third == first + (second + third)
    assert first + Spent() == first


@settings(max_examples=100, deadline=None)
@given(spents())
def test_a_ledger_is_read_back_from_its_json(spent: Spent) -> None:
    assert Spent.read(json.loads(json.dumps(spent.as_dict()))) == spent


# -- the line for a person -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spent", "line"),
    [
        (
            Spent(412, 37, 1_234_567, 790_000, 309_600, unpriced=3, costs=(("USD", Decimal("0.4123")),)),
            "412 calls (37 from the cache), 1.2 M tokens in (63 % cached), 310 k out, 0.41 USD; 3 calls of unknown price",
        ),
        (Spent(), "no calls"),
        (Spent(1, 1), "1 call, all from the cache"),
        (Spent(3, 3), "3 calls, all from the cache"),
        (Spent(1, 0, 999, 0, 1000, costs=(("USD", Decimal("0.00034")),)), "1 call, 999 tokens in (0 % cached), 1.0 k out, 0.00034 USD"),
        (Spent(2, 0, 5, 0, 5, unsaid_cached=2, unpriced=2), "2 calls, 5 tokens in, 5 out; 2 calls of unknown price"),
        (
            Spent(2, 0, 100, 30, 5, unsaid_cached=1, costs=(("CNY", Decimal(3)), ("USD", Decimal(12)))),
            "2 calls, 100 tokens in (at least 30 % cached), 5 out, 3.00 CNY, 12.00 USD",
        ),
        (Spent(2, 1, uncounted=1, unsaid_cached=1), "2 calls (1 from the cache); 1 call of unknown length"),
        (
            Spent(1, 0, 7, 0, 0, uncounted=1, unpriced=1),
            "1 call, 7 tokens in (0 % cached), 0 out; 1 call of unknown length; 1 call of unknown price",
        ),
        (Spent(1, 0, 10, 10**6, 0, costs=(("USD", Decimal(0)),)), "1 call, 10 tokens in (100 % cached), 0 out, 0 USD"),
        (Spent(1, 0, 999_499, 0, 999_500, costs=(("USD", Decimal("0.996")),)), "1 call, 999 k tokens in (0 % cached), 1.0 M out, 1.00 USD"),
        (Spent(1, 0, 9949, 0, 9950, costs=(("USD", Decimal("1E-9")),)), "1 call, 9.9 k tokens in (0 % cached), 10 k out, 0.0000000010 USD"),
    ],
)  # fmt: skip
def test_a_line_says_what_is_known_and_what_is_not(spent: Spent, line: str) -> None:
    assert spent.line() == line


# -- the book ------------------------------------------------------------------------------------------------------------


def test_a_book_keeps_calls_by_model_and_outcomes_by_name() -> None:
    book = Book()
    assert book.add("fast", reply(1000, 100, 400), CHEAP) == Spent.on(reply(1000, 100, 400), CHEAP)
    book.add("fast", reply(1000, 100, 400, recorded=True), CHEAP)
    book.add("strong", reply(10, 10, 0))
    assert book.add_unanswered("strong") == Spent(1, uncounted=1, unsaid_cached=1, unpriced=1)
    book.note(CUT)
    book.note("asked again", 2)
    assert book.models["fast"] == Spent(2, 1, 1000, 400, 100, costs=(("USD", Decimal("0.00054")),))
    assert book.total == Spent(4, 1, 1010, 400, 110, uncounted=1, unsaid_cached=1, unpriced=2, costs=(("USD", Decimal("0.00054")),))
    assert book.outcomes == Counter({"asked again": 2, CUT: 1})
    assert book.line() == (
        "4 calls (1 from the cache), 1.0 k tokens in (at least 39 % cached), 110 out, 0.00054 USD; 1 call of unknown length; "
        "2 calls of unknown price"
    )


def test_a_book_is_plain_json_and_read_back() -> None:
    book = Book()
    book.add("fast", reply(1000, 100, 400), CHEAP)
    book.note(CUT, 3)
    row = {
        "calls": 1, "replayed": 0, "prompt_tokens": 1000, "cached_tokens": 400, "completion_tokens": 100, "uncounted": 0,
        "unsaid_cached": 0, "unpriced": 0, "costs": {"USD": "0.0005400"},
    }  # fmt: skip
    tree = json.loads(json.dumps(book.as_dict()))
    row["costs"] = tree["total"]["costs"]
    assert Decimal(tree["total"]["costs"]["USD"]) == Decimal("0.00054")
    assert tree == {"models": {"fast": row}, "total": row, "outcomes": {CUT: 3}}
    assert Book.read(tree) == book


def test_books_of_documents_make_the_book_of_a_run() -> None:
    run, first, second = Book(), Book(), Book()
    first.add("fast", reply(10, 1, 0), CHEAP)
    second.add("fast", reply(20, 2, 0), CHEAP)
    second.add("strong", reply(30, 3, 0))
    second.note(CUT)
    for document in (first, second):
        run.merge(document)
        document.note("later")
    assert run.models == {"fast": first.models["fast"] + second.models["fast"], "strong": second.models["strong"]}
    assert run.outcomes == Counter({CUT: 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("calls", -1), ("calls", True), ("calls", 1.5), ("calls", None), ("costs", None), ("costs", {"USD": 0.5}), ("costs", {"USD": "x"}),
        ("costs", {"USD": "-1"}), ("costs", {"USD": "NaN"}), ("costs", {"USD": "1E+999999"}), ("costs", {"USD": "1E-999999"}),
        ("costs", {"USD": [0, [1], 0]}), ("costs", []),
    ],
)  # fmt: skip
def test_what_is_no_ledger_is_refused(key: str, value: object) -> None:
    tree = Spent(1).as_dict() | {key: value}
    with pytest.raises(ValueError, match=r"^no ledger"):
        Spent.read(tree)
    with pytest.raises(ValueError, match=r"^no ledger"):
        Book.read({"models": {"fast": tree}, "outcomes": {}})


@pytest.mark.parametrize("tree", [None, [], {}, {"models": {}}, {"models": [], "outcomes": {}}, {"models": {}, "outcomes": {"a": -1}}])
def test_what_is_no_book_is_refused(tree: object) -> None:
    with pytest.raises(ValueError, match=r"^no ledger"):
        Book.read(tree)


# -- the budget ----------------------------------------------------------------------------------------------------------


def test_money_is_set_aside_and_settled() -> None:
    budget = Budget(Decimal(1))
    first = budget.reserve(Decimal("0.6"))
    assert first is not None
    assert budget.reserve(Decimal("0.5")) is None
    assert budget.line() == "0 of 1.00 USD spent, 0.60 set aside"
    budget.settle(first, Decimal("0.05"))
    assert (budget.spent, budget.reserved, budget.assumed) == (Decimal("0.05"), 0, 0)
    second = budget.reserve(Decimal("0.95"))
    assert second is not None
    budget.settle(second, None)
    assert (budget.spent, budget.assumed) == (1, Decimal("0.95"))
    assert budget.reserve(Decimal("0.000001")) is None
    assert budget.reserve(Decimal(0)) is not None
    assert budget.line() == "1.00 of 1.00 USD spent, 0.95 of it assumed"


def test_a_call_that_was_never_sent_gives_its_money_back() -> None:
    budget = Budget(Decimal(1))
    reservation = budget.reserve(Decimal(1))
    assert reservation is not None
    budget.settle(reservation, Decimal(0))
    assert (budget.spent, budget.reserved) == (0, 0)


def test_a_run_that_goes_on_starts_from_what_was_spent() -> None:
    budget = Budget(Decimal(5), "EUR", spent=Decimal(4))
    assert budget.reserve(Decimal(2)) is None
    assert budget.line() == "4.00 of 5.00 EUR spent"


def test_whether_to_wait_or_to_stop() -> None:
    budget = Budget(Decimal(1))
    assert not budget.may_fit_later(Decimal(2))
    first = budget.reserve(Decimal("0.9"))
    assert first is not None
    assert budget.reserve(Decimal("0.5")) is None
    assert budget.may_fit_later(Decimal("0.5"))
    assert not budget.may_fit_later(Decimal("1.01"))
    budget.settle(first, Decimal("0.9"))
    assert not budget.may_fit_later(Decimal("0.5"))


def test_a_call_above_its_bound_ends_the_spending() -> None:
    budget = Budget(Decimal(1))
    reservation = budget.reserve(Decimal("0.1"))
    assert reservation is not None
    budget.settle(reservation, Decimal(3))
    assert budget.spent == 3
    assert budget.reserve(Decimal(0)) is None


def test_a_reservation_is_settled_once_and_by_its_own_budget() -> None:
    budget, other = Budget(Decimal(1)), Budget(Decimal(1))
    reservation = budget.reserve(Decimal("0.1"))
    assert reservation is not None
    budget.settle(reservation, None)
    for wrong in (budget, other):
        with pytest.raises(ValueError, match=r"^a reservation is settled once, by the budget that gave it$"):
            wrong.settle(reservation, None)
    with pytest.raises(ValueError, match=r"^a reservation is settled once"):
        budget.settle(Reservation(Decimal("0.1")), None)
    assert (budget.spent, other.spent) == (Decimal("0.1"), 0)


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "sNaN", "Infinity", "1E+16"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    budget, bad = Budget(Decimal(1)), Decimal(amount)
    reservation = budget.reserve(Decimal("0.1"))
    assert reservation is not None
    with pytest.raises(ValueError, match=r"^no amount of money"):
        Budget(bad)
    with pytest.raises(ValueError, match=r"^no amount of money"):
        budget.reserve(bad)
    with pytest.raises(ValueError, match=r"^no amount of money"):
        budget.settle(reservation, bad)
    assert (budget.spent, budget.reserved) == (0, Decimal("0.1"))


class Spending(RuleBasedStateMachine):
    """Calls are reserved and settled in any order, none above its bound."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(Decimal("12.345678"))
        self.flying: list[Reservation] = []
        self.paid = Decimal(0)

    @rule(bound=st.decimals(0, 5, places=9))
    def reserve(self, bound: Decimal) -> None:
        reservation = self.budget.reserve(bound)
        fits = self.paid + sum((each.amount for each in self.flying), bound) <= self.budget.limit
        assert (reservation is not None) == fits
        self.flying += [reservation] if reservation else []

    @rule(share=st.none() | st.integers(0, 8), which=st.integers(0, 99))
    def settle(self, share: int | None, which: int) -> None:
        if self.flying:
            reservation = self.flying.pop(which % len(self.flying))
            actual = None if share is None else reservation.amount * share / 8
            self.budget.settle(reservation, actual)
            self.paid += reservation.amount if actual is None else actual

    @invariant()
    def nothing_is_passed_or_lost(self) -> None:
        assert self.budget.spent + self.budget.reserved <= self.budget.limit
        assert self.budget.spent == self.paid
        assert self.budget.reserved == sum((each.amount for each in self.flying), Decimal(0))


Spending.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_a_budget_is_never_passed = Spending.TestCase


# -- the bound -----------------------------------------------------------------------------------------------------------


def test_a_bound_takes_a_token_for_every_byte_at_the_dearest_rate() -> None:
    assert upper_bound(1000, 500, CHEAP) == ((1000 + ADDED_TOKENS) * Decimal("0.5") + 500 * 2) / 10**6
    assert upper_bound(1000, 500, CHEAP, batch=True) == ((1000 + ADDED_TOKENS) * Decimal("0.25") + 500) / 10**6
    assert upper_bound(1000, 500, TIERED) == ((1000 + ADDED_TOKENS) * Decimal("2.5") + 500 * 8) / 10**6
    assert upper_bound(5000, 500, TIERED) == ((5000 + ADDED_TOKENS) * Decimal(5) + 500 * 12) / 10**6
    assert upper_bound(0, 0, FREE) == 0


def test_a_count_of_the_same_prompt_lowers_the_bound() -> None:
    assert upper_bound(9000, 500, TIERED, counted=2500) == (2500 * Decimal("2.5") + 500 * 8) / 10**6


@pytest.mark.parametrize(
    ("price", "limit", "batch", "why"),
    [
        (None, 100, False, "its price is not known"),
        (TIERED, 100, True, "its price in a Batch API is not known"),
        (YUAN, 100, False, "its price is in CNY, the budget in USD"),
        (CHEAP, None, False, "the length of its replies is not limited"),
        (CHEAP, 100, False, ""),
        (CHEAP, 100, True, ""),
    ],
)
def test_why_a_budget_cannot_be_kept(price: Price | None, limit: int | None, batch: bool, why: str) -> None:
    assert why_unbounded(price, limit, "USD", batch=batch) == why
    assert (upper_bound(1000, limit, price, batch=batch) is None) == (why not in ("", "its price is in CNY, the budget in USD"))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 20_000),
    st.integers(0, 5000),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.sampled_from([CHEAP, YUAN, FREE, TIERED]),
)
def test_no_call_within_its_limits_costs_more_than_its_bound(
    size: int, limit: int, shares: tuple[float, float, float, float], price: Price
) -> None:
    prompt = int((size + ADDED_TOKENS) * shares[0])
    cached = int(prompt * shares[2]) if price in (CHEAP, TIERED) else 0
    paid = cost(Writing(prompt, int(limit * shares[1]), cached, int((prompt - cached) * shares[3])), price)
    bound = upper_bound(size, limit, price)
    assert paid is not None
    assert bound is not None
    assert paid <= bound


def test_the_bound_grows_with_prompt_and_limit() -> None:
    bounds = [upper_bound(size, size, TIERED) for size in range(0, 12_000, 500)]
    assert all(low is not None and high is not None and low < high for low, high in pairwise(bounds))
