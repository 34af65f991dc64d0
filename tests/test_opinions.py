"""Several readings made one: votes are counted, checks decide, and what neither settles is flagged."""

from __future__ import annotations

from structurer.asking.opinions import voted
from structurer.contracts.contract import load
from structurer.record import Extract, Extraction

FORM = load(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
            "total": {"type": "number"},
        },
        "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
    },
    kind="form",
)


def reading(name: str | None, total: str | None, *prices: str | None, reader: str = "model:a", **more: Extract) -> Extraction:
    leaves = {f"/lines/{number}/price": Extract(price) for number, price in enumerate(prices)}
    return Extraction("form", reader, {"/name": Extract(name), **leaves, "/total": Extract(total)}, {"/lines": len(prices)}, **more)


def test_one_reading_is_itself() -> None:
    one = reading("a", "3", "1", "2")
    assert voted(FORM, [one]) is one


def test_readings_that_agree_are_one_with_their_number() -> None:
    whole = voted(FORM, [reading("A b", "1,000", "1,000"), reading("Ab", "1000.0", "1000"), reading("A b", "１000", "1000")])
    assert {leaf.text for leaf in whole.leaves.values()} == {"A b", "1,000"}
    assert {leaf.agreement for leaf in whole.leaves.values()} == {(3, 3)}
    assert not any(leaf.doubts for leaf in whole.leaves.values())


def test_the_most_frequent_value_stands_and_is_flagged_where_no_check_speaks() -> None:
    whole = voted(FORM, [reading("x", "3", "3"), reading("y", "3", "3"), reading("y", "3", "3")])
    name = whole.leaves["/name"]
    assert (name.text, name.agreement, name.alternatives) == ("y", (2, 3), ("y", "x"))
    assert name.doubts == ("3 readings differ: 'y' / 'x'",)


def test_a_check_overrules_the_vote() -> None:
    whole = voted(FORM, [reading("x", "3", "1", "2"), reading("x", "8", "1", "2"), reading("x", "8", "1", "2")])
    total = whole.leaves["/total"]
    assert (total.text, total.agreement, total.doubts) == ("3", (1, 3), ())
    assert total.alternatives == ("8", "3")


def test_of_two_readings_the_one_with_which_the_sums_hold_stands() -> None:
    whole = voted(FORM, [reading("x", "3", "1", "7"), reading("x", "3", "1", "2")])
    assert (whole.leaves["/lines/1/price"].text, whole.leaves["/lines/1/price"].doubts) == ("2", ())


def test_a_blank_is_a_vote_too() -> None:
    whole = voted(FORM, [reading(None, "3", "3"), reading("n", "3", "3")])
    assert whole.leaves["/name"].doubts == ("2 readings differ: blank / 'n'",)


def test_lists_as_long_as_most_have_them_stand_and_the_others_are_told_of() -> None:
    whole = voted(FORM, [reading("x", "3", "3"), reading("x", "3", "1", "2"), reading("x", "3", "1", "2")])
    assert whole.rows == {"/lines": 2}
    assert whole.doubts == {"/lines": ("3 readings differ in their rows: 1, 2, 2",)}
    assert whole.leaves["/lines/0/price"].agreement == (2, 2)


def test_of_equally_many_the_reading_whose_checks_fail_less_gives_the_rows() -> None:
    whole = voted(FORM, [reading("x", "3", "1"), reading("x", "3", "1", "2")])
    assert whole.rows == {"/lines": 2}


def test_the_readers_are_named_once_each() -> None:
    readers = [reading("x", "3", "3", reader=name) for name in ("model:a", "model:a", "model:b")]
    assert voted(FORM, readers).reader == "model:a+model:b"
