"""Values as exact quantities in base units, and every rule in every place it has."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from structurer.arithmetic.checks import Facts, Level, Quantity
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.judging.confront import check, failures, figures, grafted, joined, lists_of
from structurer.record import Extract, Extraction

NUMBER = {"type": "string", "x-kind": "number"}


def schema(properties: dict[str, Any], **more: Any) -> Schema:
    return load({"type": "object", "properties": properties, **more}, kind="k")


def listed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties, **more}}


def judged(form: Schema, texts: dict[str, str | None], rows: dict[str, int] | None = None) -> list[tuple[str, str, str, bool | None]]:
    facts = joined(form, figures(form, texts, rows or {}).facts)
    return [(found.id, found.pointer, found.outcome.level.value, found.holds) for found in check(form, facts)]


def cells(form: Schema, texts: dict[str, str | None], rows: dict[str, int] | None = None) -> dict[str, tuple[Any, Any, str]]:
    return {place: (cell.value, cell.ulp, cell.text) for place, cell in figures(form, texts, rows or {}).facts.cells.items()}


def test_values_become_exact_quantities_with_their_printed_place():
    form = schema(
        {"n": NUMBER, "p": {"x-kind": "percent"}, "i": {"type": "integer"}, "y": {"x-kind": "year"}, "m": {"x-kind": "month"},
         "d": {"x-kind": "date"}, "t": {"type": "string"}, "c": {"enum": ["Yes"]}, "e": {"x-kind": "expression"},
         "bad": NUMBER, "gone": NUMBER}
    )  # fmt: skip
    texts = {
        "/n": "1,200.50",
        "/p": "99.5%",
        "/i": "3",
        "/y": "2024年",
        "/m": "2025-03",
        "/d": "0001-01-02",
        "/t": " 甲 ",
        "/c": "yes",
        "/e": "2万元*3",
        "/bad": "x",
    }
    assert cells(form, texts) == {
        "/n": (Fraction(2401, 2), Fraction(1, 100), "1200.50"),
        "/p": (Fraction(199, 2), Fraction(1, 10), "99.5"),
        "/i": (3, 1, "3"),
        "/y": (2024, 1, "2024"),
        "/m": (2025 * 12 + 3, 1, "2025-03"),
        "/d": (2, 1, "0001-01-02"),
        "/t": (None, 0, "甲"),
        "/c": (None, 0, "Yes"),
        "/e": (60000, 1, "2万元*3"),
    }  # fmt: skip
    assert figures(form, texts, {}).parsed["/bad"].error == "not-a-number"
    assert figures(form, texts, {}).parsed["/gone"].value is None


@pytest.mark.parametrize(
    ("unit", "texts", "value", "shown"),
    [
        ("万元", {"/n": "1.5"}, 15000, "1.5万元"),
        ("元", {"/n": "1.5"}, Fraction(3, 2), "1.5"),
        ("USD", {"/n": "1.5"}, Fraction(3, 2), "1.5"),
        ("$.unit", {"/n": "1.5", "/unit": "万元"}, 15000, "1.5万元"),
        ("unit", {"/n": "1.5", "/unit": "亿元"}, 150_000_000, "1.5亿元"),
        ("$.unit", {"/n": "1.5"}, Fraction(3, 2), "1.5"),
        ("$.unit", {"/n": "1.5", "/unit": "吨"}, Fraction(3, 2), "1.5"),
        ("元", {"/n": "1.5万元"}, 15000, "1.5万元"),  # the unit printed with the number itself
        ("$.head.unit", {"/n": "1.5", "/head/unit": "千元"}, 1500, "1.5千元"),
    ],
)
def test_a_figure_is_scaled_by_the_unit_it_is_printed_in(unit, texts, value, shown):
    form = schema(
        {
            "n": {**NUMBER, "x-unit": unit},
            "unit": {"x-kind": "unit"},
            "head": {"type": "object", "properties": {"unit": {"x-kind": "unit"}}},
        }
    )
    found = figures(form, texts, {}).facts.cells["/n"]
    assert (found.value, found.text) == (value, shown)
    assert found.ulp == Fraction(value) / Fraction(3, 2) / 10


def test_a_unit_beside_the_field_is_that_of_its_own_row():
    form = schema({"rows": listed({"n": {**NUMBER, "x-unit": "unit"}, "unit": {"x-kind": "unit"}})})
    texts = {"/rows/0/n": "1", "/rows/0/unit": "万元", "/rows/1/n": "1", "/rows/1/unit": "元"}
    found = cells(form, texts, {"/rows": 2})
    assert [found[f"/rows/{row}/n"][0] for row in range(2)] == [10000, 1]


def test_the_longest_print_of_a_column_tells_the_last_place_of_all():
    group = {"type": "object", "properties": {"n": NUMBER}}
    form = schema(
        {"rows": listed({"n": NUMBER}), "m": {"type": "object", "properties": {"a": group, "b": group}}, "n": NUMBER, "o": NUMBER}
    )
    texts = {"/rows/0/n": "1", "/rows/1/n": "1.25", "/m/a/n": "3", "/m/b/n": "3.5", "/n": "1", "/o": "1.5"}
    ulps = {place: ulp for place, (_, ulp, _) in cells(form, texts, {"/rows": 2}).items()}
    assert ulps == {
        "/rows/0/n": Fraction(1, 100), "/rows/1/n": Fraction(1, 100), "/m/a/n": Fraction(1, 10), "/m/b/n": Fraction(1, 10),
        "/n": 1, "/o": Fraction(1, 10),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("requires", "texts", "level", "holds"),
    [
        ("print", {"/t": "3", "/a": "1", "/b": "2"}, "exact", True),
        ("exact", {"/t": "3", "/a": "1", "/b": "2"}, "exact", True),
        ("print", {"/t": "3", "/a": "1.4", "/b": "2"}, "print", True),
        ("exact", {"/t": "3", "/a": "1.4", "/b": "2"}, "print", False),
        ("print", {"/t": "5", "/a": "1", "/b": "2"}, "underlying", False),
        ("underlying", {"/t": "5", "/a": "1", "/b": "2"}, "underlying", True),
        ("underlying", {"/t": "9", "/a": "1", "/b": "2"}, "fail", False),
        ("print", {"/t": "9", "/a": "1"}, "not applicable", None),
    ],
)
def test_a_check_holds_at_the_level_it_requires(requires, texts, level, holds):
    form = schema(dict.fromkeys("tab", NUMBER), **{"x-checks": {"id": "sum", "check": "t == a + b", "requires": requires}})
    assert judged(form, texts) == [("sum", "", level, holds)]


def test_a_check_of_a_row_is_judged_in_every_row():
    form = schema({"rows": listed({"n": NUMBER, "m": NUMBER}, **{"x-checks": [{"id": "le", "check": "n <= m"}]})})
    texts = {"/rows/0/n": "1", "/rows/0/m": "2", "/rows/1/n": "3", "/rows/1/m": "2"}
    assert judged(form, texts, {"/rows": 2}) == [("le", "/rows/0", "exact", True), ("le", "/rows/1", "fail", False)]
    assert judged(form, {}, {}) == []


JOINED = schema(
    {"items": listed({"no": {"type": "string"}, "amount": NUMBER}, **{"x-checks": [{"id": "parts", "check": "amount == sum(own[*].n)"}]}),
     "parts": listed({"of": {"type": "string"}, "n": NUMBER})},
    **{"x-related": {"own": {"list": "parts", "of": "items", "by": ["of", "no"]}}},
)  # fmt: skip


def test_rows_of_another_list_are_joined_to_the_row_they_belong_to():
    texts = {
        "/items/0/no": "甲", "/items/0/amount": "3", "/items/1/no": "乙", "/items/1/amount": "5", "/items/2/amount": "1",
        "/parts/0/of": "甲", "/parts/0/n": "1", "/parts/1/of": "乙", "/parts/1/n": "4", "/parts/2/of": "甲",
        "/parts/2/n": "2", "/parts/3/n": "9",
    }  # fmt: skip
    rows = {"/items": 3, "/parts": 4}
    facts = joined(JOINED, figures(JOINED, texts, rows).facts)
    assert {place: count for place, count in facts.rows.items() if place.endswith("own")} == {
        "/items/0/own": 2,
        "/items/1/own": 1,
        "/items/2/own": 0,
    }
    assert [facts.cells[f"/items/0/own/{row}/n"].text for row in range(2)] == ["1", "2"]
    assert judged(JOINED, texts, rows) == [
        ("parts", "/items/0", "exact", True), ("parts", "/items/1", "underlying", False), ("parts", "/items/2", "not applicable", None)
    ]  # fmt: skip


def test_rows_join_by_numbers_as_by_texts():
    form = schema(
        {"items": listed({"no": {"type": "integer"}}), "parts": listed({"of": {"type": "integer"}})},
        **{"x-related": {"own": {"list": "parts", "of": "items", "by": ["of", "no"]}}},
    )
    facts = joined(form, figures(form, {"/items/0/no": "1", "/parts/0/of": "1.0", "/parts/1/of": "2"}, {"/items": 1, "/parts": 2}).facts)
    assert facts.rows["/items/0/own"] == 1


ACROSS = schema(
    {"total": NUMBER},
    **{"x-related": {"all": {"kind": "o"}, "one": {"kind": "o", "by": "total"}},
       "x-checks": [{"id": "own", "check": "total > 0"}, {"id": "sum", "check": "total == sum(all[*].n)"},
                    {"id": "same", "check": "total == one.n"}]},
)  # fmt: skip


def test_checks_that_name_other_records_are_judged_apart():
    def quantity(text: str) -> Quantity:
        return Quantity(Fraction(text), Fraction(1), text)

    own = figures(ACROSS, {"/total": "3"}, {}).facts
    assert [found.id for found in check(ACROSS, own)] == ["own"]
    others = [Facts({"/n": quantity("1")}, {}), Facts({"/n": quantity("2")}, {"/rows": 4})]
    facts = grafted(own, {"all": others, "one": Facts({"/n": quantity("3")}, {"/rows": 5})})
    assert facts.rows == {"/all": 2, "/all/1/rows": 4, "/one/rows": 5}
    across = check(ACROSS, facts, across=True)
    assert [(found.id, found.outcome.level, found.holds) for found in across] == [("sum", Level.EXACT, True), ("same", Level.EXACT, True)]


def test_failures_are_counted_as_the_reading_stands():
    leaves = {"/items/0/no": Extract("甲"), "/items/0/amount": Extract("30"), "/parts/0/of": Extract("甲"), "/parts/0/n": Extract("1")}
    extraction = Extraction("k", "r", leaves, {"/items": 1, "/parts": 1})
    assert failures(JOINED, extraction) == 1
    assert failures(JOINED, replace(extraction, leaves=leaves | {"/items/0/amount": Extract("1")})) == 0


def test_lists_are_given_outer_before_inner():
    form = schema(
        {
            "a": {"type": "string"},
            "g": {"type": "object", "properties": {"l": listed({"inner": listed({"x": NUMBER})})}},
            "m": listed({"x": NUMBER}),
        }
    )
    assert [found.path for found in lists_of(form.root)] == [("g", "l"), ("g", "l", "*", "inner"), ("m",)]
