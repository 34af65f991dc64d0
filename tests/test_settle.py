"""Two readings of one form, made one."""

from __future__ import annotations

from typing import Any

import pytest

import structurer.judging.settle
from structurer.contracts.contract import load
from structurer.judging.settle import settle
from structurer.record import Extract, Extraction, Match

NUMBER = {"type": "string", "x-kind": "number"}
ROWS = {"type": "array", "items": {"type": "object", "properties": {"n": NUMBER, "label": {"type": "string"}}}}
SCHEMA = load(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "a": NUMBER,
            "b": NUMBER,
            "total": NUMBER,
            "rows": ROWS,
            "sum": NUMBER,
            "group": {"type": "object", "properties": {"inner": ROWS}},
        },
        "x-checks": ["total == a + b", "sum == sum(rows[*].n)"],
    },
    kind="k",
)


def reading(reader: str, rows: dict[str, int] | None = None, doubts: dict[str, tuple[str, ...]] | None = None, **texts: Any) -> Extraction:
    leaves = {}
    for name, text in texts.items():
        place = "/" + name.replace("_", "/")
        leaves[place] = text if isinstance(text, Extract) else Extract(text)
    return Extraction("k", reader, leaves, rows or {}, doubts or {}, ((0, len(reader)),))


def settled(mine: dict[str, Any], theirs: dict[str, Any], matches: dict[str, Match] | None = None) -> Extraction:
    return settle(SCHEMA, reading("model", **mine), reading("builtin", **theirs), matches or {})


def test_readings_that_agree_are_one_and_take_the_place_of_the_one_that_knows_it():
    found = settled({"name": "道路 养护", "a": "1,000"}, {"name": Extract("道路养护", ((3, 7),)), "a": "1000.0"})
    assert found.leaves["/name"] == Extract("道路 养护", ((3, 7),))
    assert found.leaves["/a"] == Extract("1,000")
    assert (found.reader, found.kind, found.explained) == ("model+builtin", "k", ((0, 7),))


def test_what_both_leave_blank_is_blank():
    found = settled({"name": None}, {})
    assert found.leaves["/name"] == Extract(None)
    assert found.leaves["/b"] == Extract(None)


def test_the_reading_under_which_the_checks_close_is_taken_without_a_doubt():
    found = settled({"total": "5", "a": "2", "b": "40"}, {"total": "5", "a": "2", "b": "3"})
    assert found.leaves["/b"] == Extract("3", alternatives=("40", "3"))
    found = settled({"total": "5", "a": "2", "b": "3"}, {"total": "5", "a": "2", "b": "40"})
    assert found.leaves["/b"] == Extract("3", alternatives=("3", "40"))


def test_what_the_checks_cannot_settle_keeps_both_and_is_doubted():
    found = settled({"name": "甲"}, {"name": Extract("乙", doubts=("x",))}, {"/name": Match.EXACT})
    assert found.leaves["/name"] == Extract("甲", alternatives=("甲", "乙"), doubts=("the readings differ: '甲' and '乙'",))


def test_a_value_that_is_not_on_the_page_gives_way_to_one_that_is():
    found = settled({"name": "甲"}, {"name": Extract("乙", doubts=("x",))}, {"/name": Match.NONE})
    assert found.leaves["/name"] == Extract("乙", alternatives=("甲", "乙"), doubts=("x", "the readings differ: '甲' and '乙'"))


@pytest.mark.parametrize(("mine", "theirs"), [("甲", None), (None, "甲")])
def test_a_blank_beside_a_value_is_doubted(mine, theirs):
    found = settled({"name": mine}, {"name": theirs}).leaves["/name"]
    assert found.text == mine
    words = {"甲": "'甲'", None: "blank"}
    assert found.doubts == (f"the readings differ: {words[mine]} and {words[theirs]}",)


def test_numbers_with_other_units_do_not_agree():
    assert settled({"a": "5万元"}, {"a": "5亿元"}).leaves["/a"].doubts == ("the readings differ: '5万元' and '5亿元'",)
    assert settled({"a": "5万元"}, {"a": "5"}).leaves["/a"].doubts == ()


def test_texts_that_are_no_numbers_agree_when_they_fail_alike():
    assert settled({"a": "x"}, {"a": "x 1"}).leaves["/a"] == Extract("x")
    assert settled({"a": "x"}, {"a": "1"}).leaves["/a"].doubts == ("the readings differ: 'x' and '1'",)


def test_a_long_text_is_shown_short():
    found = settled({"name": "甲" * 50}, {"name": "乙"})
    assert found.leaves["/name"].doubts == (f"the readings differ: {'甲' * 40!r} and '乙'",)


def lines(count: int, n: str = "1") -> dict[str, Any]:
    return {f"rows_{row}_n": n for row in range(count)}


def test_a_list_of_other_length_is_taken_whole_from_the_reading_whose_sums_close():
    second = {"sum": "3", **lines(3), "rows": {"/rows": 3}, "doubts": {"/rows/2": ("smudged",)}}
    found = settled({"sum": "3", **lines(2), "rows": {"/rows": 2}, "doubts": {"/rows/1": ("odd",), "/a": ("torn",)}}, second)
    assert found.rows == {"/rows": 3}
    assert [found.leaves[f"/rows/{row}/n"].text for row in range(3)] == ["1", "1", "1"]
    assert found.doubts == {
        "/rows": ("the readings differ in their rows: model reads 2 rows, builtin 3",), "/a": ("torn",), "/rows/2": ("smudged",)
    }  # fmt: skip


def test_a_list_of_other_length_stays_where_the_other_closes_no_more():
    found = settled(
        {"sum": "2", **lines(2), "rows": {"/rows": 2}, "doubts": {"/rows": ("long",)}}, {"sum": "2", **lines(3), "rows": {"/rows": 3}}
    )
    assert found.rows == {"/rows": 2}
    assert found.doubts == {"/rows": ("long", "the readings differ in their rows: model reads 2 rows, builtin 3")}
    assert found.leaves["/rows/0/n"] == Extract("1")


def test_a_list_inside_a_group_is_compared_too():
    found = settled({"group_inner_0_n": "1", "rows": {"/group/inner": 1}}, {"rows": {"/group/inner": 0}})
    assert found.doubts == {"/group/inner": ("the readings differ in their rows: model reads 1 rows, builtin 0",)}


def test_lists_of_one_length_are_compared_row_by_row():
    found = settled({**lines(2), "rows": {"/rows": 2}}, {**lines(2, "2"), "rows": {"/rows": 2}})
    assert found.doubts == {}
    assert [found.leaves[f"/rows/{row}/n"].alternatives for row in range(2)] == [("1", "2"), ("1", "2")]


def test_more_differences_than_are_tried_are_doubted_untried(monkeypatch):
    monkeypatch.setattr(structurer.judging.settle, "MAX_TRIALS", 0)
    found = settled({"total": "5", "a": "2", "b": "40"}, {"total": "5", "a": "2", "b": "3"}, {"/b": Match.EXACT})
    assert found.leaves["/b"] == Extract("40", alternatives=("40", "3"), doubts=("the readings differ: '40' and '3'",))
