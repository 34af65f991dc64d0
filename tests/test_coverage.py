"""What is said of a schema's checks is confronted with records: what they pin shows when it is wrong, what they cannot see does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import call

from structurer.arithmetic.checks import Facts, Quantity
from structurer.contracts.contract import load
from structurer.contracts.coverage import Coverage, Grip, Place, Scaling, Swap, explain
from structurer.contracts.scalings import MAX_UNKNOWNS
from structurer.contracts.schema import Schema
from structurer.judging.confront import check, figures, grafted, joined
from structurer.library import shipped_schemas

NUMBER = {"type": "string", "x-kind": "number"}
SHIPPED = {schema.kind: schema for schema in shipped_schemas()}


def schema(properties: dict[str, Any], **more: Any) -> Schema:
    return load({"type": "object", "properties": properties, **more}, kind="k")


def numbers(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, NUMBER), **more}


def rows_of(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": numbers(*names, **more)}


def coverage_of(*checks: str, names: str = "a b c d") -> Coverage:
    return explain(schema(dict.fromkeys(names.split(), NUMBER), **{"x-checks": list(checks)}))


def grips(coverage: Coverage) -> dict[str, str | None]:
    return {".".join(leaf.leaf.path): leaf.grip and leaf.grip.name for leaf in coverage.leaves}


def factors(coverage: Coverage) -> list[tuple[dict[str, int], tuple[str, ...]]]:
    return [({".".join(place): int(power) for place, power in found.exponents}, found.unless) for found in coverage.scalings]


def swaps(coverage: Coverage) -> list[tuple[list[str], list[str]]]:
    return [([".".join(place) for place in swap.places], [".".join(column) for column in swap.columns]) for swap in coverage.swaps]


# -- records, and what happens to them ------------------------------------------------------------------------------------


def flat(pointer: str) -> Place:
    return tuple("*" if part.isdecimal() else part for part in pointer.split("/")[1:])


def verdicts(form: Schema, facts: Facts) -> Counter[tuple[Any, ...]]:
    """The outcomes of all checks, those across records too, without the places where they came about."""
    whole = joined(form, facts)
    return Counter((found.outcome.level, found.holds) for across in (False, True) for found in check(form, whole, across=across))


def failing(form: Schema, facts: Facts) -> bool:
    return any(holds is False for _, holds in verdicts(form, facts))


def seen_by(form: Schema, facts: Facts) -> set[str]:
    """The rules that fail."""
    return {found.id for across in (False, True) for found in check(form, joined(form, facts), across=across) if found.holds is False}


def scaled(facts: Facts, scaling: Scaling, factor: Fraction) -> Facts:
    powers = dict(scaling.exponents)
    cells = dict(facts.cells)
    for pointer, cell in facts.cells.items():
        if flat(pointer) in powers and cell.value is not None:
            times = factor ** int(powers[flat(pointer)])
            cells[pointer] = Quantity(cell.value * times, cell.ulp * times, cell.text)
    return replace(facts, cells=cells)


def exchanged(facts: Facts, here: str, there: str) -> Facts:
    """With all that stands under two pointers exchanged."""

    def moved(pointer: str) -> str:
        for one, other in ((here, there), (there, here)):
            if pointer == one or pointer.startswith(one + "/"):
                return other + pointer[len(one) :]
        return pointer

    cells = {moved(pointer): cell for pointer, cell in facts.cells.items()}
    return Facts(cells, {moved(pointer): count for pointer, count in facts.rows.items()})


def exchanges(facts: Facts, swap: Swap) -> Iterator[Facts]:
    """The record after every exchange that a swap speaks of."""
    if swap.places[0][-1] == "*":
        for row, other in pairs_of_rows(facts, swap.places[0]):
            yield after(facts, [(f"{row}{under(column)}", f"{other}{under(column)}") for column in swap.columns])
        return
    for one, other in combinations(swap.places, 2):
        yield after(facts, [both for column in swap.columns for both in everywhere(facts, (*one, *column), (*other, *column))])


def under(column: Place) -> str:
    return "".join(f"/{part}" for part in column if part != "*")


def after(facts: Facts, pairs: list[tuple[str, str]]) -> Facts:
    for here, there in pairs:
        facts = exchanged(facts, here, there)
    return facts


def pairs_of_rows(facts: Facts, row: Place) -> Iterator[tuple[str, str]]:
    for pointer, count in facts.rows.items():
        if flat(f"{pointer}/0") == row:
            yield from ((f"{pointer}/{one}", f"{pointer}/{other}") for one, other in combinations(range(count), 2))


def everywhere(facts: Facts, place: Place, target: Place) -> Iterator[tuple[str, str]]:
    """A leaf and another in the record, or in every row of their list."""
    pointers = {""}
    for part, other in zip(place, target, strict=False):
        if part != other:
            break
        pointers = {f"{above}/{step}" for above in pointers for step in (range(facts.rows.get(above, 0)) if part == "*" else [part])}
    shared = next(at for at, (part, other) in enumerate(zip(place, target, strict=False)) if part != other)
    return ((above + under(place[shared:]), above + under(target[shared:])) for above in sorted(pointers))


def changes(facts: Facts, place: Place) -> Iterator[Facts]:
    """The record with one wrong cell of a leaf."""
    for pointer, cell in facts.cells.items():
        if flat(pointer) == place:
            wrong = Quantity(None, cell.ulp, "错") if cell.value is None else replace(cell, value=cell.value * 2 + 1)
            yield replace(facts, cells={**facts.cells, pointer: wrong})


def assert_true_of(form: Schema, facts: Facts) -> None:
    """Everything that is said of a schema, on one record that keeps its checks."""
    said, before = explain(form), verdicts(form, facts)
    assert not failing(form, facts)
    for leaf in said.leaves:
        for wrong in changes(facts, leaf.leaf.path):
            assert leaf.grip is not Grip.EQUALITY or failing(form, wrong), leaf.leaf.path
            assert leaf.grip is not None or verdicts(form, wrong) == before, leaf.leaf.path
    for scaling in said.scalings:
        for factor in (Fraction(10_000), Fraction(1, 100)):
            wrong = scaled(facts, scaling, factor)
            assert seen_by(form, wrong) <= set(scaling.unless), scaling
            assert scaling.unless or verdicts(form, wrong) == before, scaling
    for swap in said.swaps:
        for wrong in exchanges(facts, swap):
            assert verdicts(form, wrong) == before, swap


def facts_of(kind: str, texts: Mapping[str, str], rows: Mapping[str, int] | None = None) -> Facts:
    return figures(SHIPPED[kind], texts, dict(rows or {})).facts


def fund(row: str, *cells: str) -> dict[str, str]:
    names = ("initial_budget", "annual_budget", "executed", "execution_rate", "weight", "score")
    return {f"/funds/{row}/{name}": text for name, text in zip(names, cells, strict=True)}


def evaluation() -> Facts:
    texts = {
        "/fiscal_year": "2024", "/project_name": "甲", "/currency_unit": "万元", "/grade": "良",
        "/total/weight": "100", "/total/score": "87",
        **fund("total", "60", "50", "40", "80", "10", "8"), **fund("current_year_appropriation", "30", "20", "15", "75", "4", "3"),
        **fund("carried_over", "20", "16", "13", "81.25", "3", "2"), **fund("other", "10", "14", "12", "85.71", "2", "1"),
    }  # fmt: skip
    indicators = (("30", "27"), ("40", "35"), ("20", "17"))
    texts |= {f"/indicators/{row}/weight": weight for row, (weight, _) in enumerate(indicators)}
    texts |= {f"/indicators/{row}/score": score for row, (_, score) in enumerate(indicators)}
    return facts_of("self_evaluation", texts, {"/indicators": 3})


def declaration() -> Facts:
    names = ("project_total", "fiscal", "project_other", "annual_total", "current_year_appropriation", "carried_over", "annual_other")
    texts = {f"/funds/{name}": text for name, text in zip(names, ("37", "25", "12", "30", "20", "7", "3"), strict=True)}
    return facts_of("target_declaration", texts | {"/currency_unit": "万元", "/start_date": "2024-01-01", "/end_date": "2024-12-31"})


def narrative() -> Facts:
    texts = {"/period_start": "2024年1月", "/period_end": "2024年12月"}
    for group in ("stated_total", "budget_total"):
        texts |= {f"/{group}/amount": "37", f"/{group}/unit": "万元"}
    for row, (amount, parts) in enumerate(((25, (20, 5)), (12, (9, 3)))):
        item = f"/budget_items/{row}"
        texts |= {
            f"{item}/number": str(row + 1),
            f"{item}/amount": str(amount),
            f"{item}/unit": "万元",
            f"/stated_parts/{row}/unit": "万元",
        }
        texts |= {f"/stated_parts/{row}/amount": str(amount + 2 - 4 * row)}
        for at, part in enumerate(parts):
            texts |= {f"{item}/sub_items/{at}/amount": str(part), f"{item}/sub_items/{at}/unit": "万元"}
        calculation = f"/calculations/{row}"
        texts |= {f"{calculation}/item": str(row + 1), f"{calculation}/expression": f"{amount // 1}万元*1", f"{calculation}/unit": "万元"}
        texts |= {f"{calculation}/result": str(amount)}
    rows = {"/stated_parts": 2, "/budget_items": 2, "/budget_items/0/sub_items": 2, "/budget_items/1/sub_items": 2, "/calculations": 2}
    own = facts_of("budget_narrative", {**texts, "/stated_parts/1/amount": "10"}, rows)
    return grafted(own, {"declaration": declaration()})


def invoice() -> Facts:
    texts = {"/subtotal": "62", "/tax_rate": "20", "/tax": "12.4", "/total": "74.4"}
    for row, cells in enumerate((("2", "10", "20"), ("3", "14", "42"))):
        texts |= {f"/lines/{row}/{name}": text for name, text in zip(("quantity", "unit_price", "amount"), cells, strict=True)}
    return facts_of("invoice", texts, {"/lines": 2})


def head() -> Facts:
    own = facts_of("report_head", {"/fiscal_year": "2024", "/project_count": "2", "/total/amount": "74", "/total/unit": "万元"})
    return grafted(own, {"narratives": [narrative(), narrative()], "declarations": [declaration(), declaration()]})


RECORDS = {
    "self_evaluation": evaluation, "target_declaration": declaration, "budget_narrative": narrative,
    "invoice": invoice, "report_head": head,
}  # fmt: skip


@pytest.mark.parametrize("kind", SHIPPED)
def test_what_is_said_of_a_kind_that_ships_is_true_of_a_record(kind):
    assert_true_of(SHIPPED[kind], RECORDS[kind]())


# -- any checks, any record ------------------------------------------------------------------------------------------------

ROOT = ("a", "b", "c", "g.x", "g.y", "h.x", "h.y")
COLUMNS = ("sum(rows[*].p)", "sum(rows[*].q)", "max(rows[*].p)", "count(rows[*].q)", "sum(rows[*].p, rows[*].q)")


def values(names: tuple[str, ...], folds: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(names) | st.sampled_from((*folds, *names)) | st.sampled_from(("0", "1", "100"))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
            st.tuples(st.sampled_from(("sum", "min", "max")), inner, inner).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"),
            inner.map(lambda one: f"abs({one})"),
        ),
        max_leaves=4,
    )


def conditions(names: tuple[str, ...], folds: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    sides = values(names, folds)
    compared = st.tuples(sides, st.sampled_from(("==", "==", "==", "!=", "<", "<=", ">")), sides).map(" ".join)
    banded = sides.map(lambda side: f'band({side}, {names[0]}, "x", "y") == "x"')
    atoms = compared | banded | st.sampled_from(names).map(lambda name: f"present({name})")
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(("->", "||", "&&")), inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
            inner.map(lambda one: f"!({one})"),
        ),
        max_leaves=3,
    )


@st.composite
def forms(draw: st.DrawFn) -> Schema:
    line = [*draw(st.lists(conditions(("x", "y")), max_size=1))]
    properties = {
        **dict.fromkeys("abc", NUMBER), "g": numbers("x", "y", **{"x-checks": line}), "h": numbers("x", "y", **{"x-checks": line}),
        "rows": rows_of("p", "q", **{"x-checks": draw(st.lists(conditions(("p", "q", "$.a")), max_size=1))}),
    }  # fmt: skip
    return schema(properties, **{"x-checks": draw(st.lists(conditions(ROOT, COLUMNS), max_size=3))})


@st.composite
def records(draw: st.DrawFn) -> Facts:
    places = [f"/{name.replace('.', '/')}" for name in ROOT] + [f"/rows/{row}/{name}" for row in range(2) for name in "pq"]
    found = draw(st.lists(st.none() | st.integers(-2, 4) | st.just(100), min_size=len(places), max_size=len(places)))
    ulps = draw(st.lists(st.sampled_from((Fraction(1), Fraction(1, 10))), min_size=len(places), max_size=len(places)))
    cells = zip(places, found, ulps, strict=True)
    return Facts({place: Quantity(Fraction(number), ulp, str(number)) for place, number, ulp in cells if number is not None}, {"/rows": 2})


@settings(max_examples=150, deadline=None)
@given(forms(), records(), st.sampled_from((Fraction(10_000), Fraction(1, 3))))
def test_no_record_shows_what_no_check_can_see(form, facts, factor):
    said, before = explain(form), verdicts(form, facts)
    for scaling in said.scalings:
        assert scaling.unless or verdicts(form, scaled(facts, scaling, factor)) == before, scaling
    for swap in said.swaps:
        for wrong in exchanges(facts, swap):
            assert verdicts(form, wrong) == before, swap
    for leaf in said.leaves:
        for wrong in changes(facts, leaf.leaf.path) if leaf.grip is None else ():
            assert verdicts(form, wrong) == before, leaf


# -- what is covered -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        (["a == sum(b, c)"], {"a": "EQUALITY", "b": "EQUALITY", "c": "EQUALITY", "d": None}),
        (["a <= b && c > 0"], {"a": "LIMIT", "b": "LIMIT", "c": "LIMIT", "d": None}),
        (["a == b || a == c"], {"a": "EQUALITY", "b": "SOMETIMES", "c": "SOMETIMES", "d": None}),
        (["a == b -> c == d"], {"a": "LIMIT", "b": "LIMIT", "c": "SOMETIMES", "d": "SOMETIMES"}),
        (["a > 0 -> a == b"], {"a": "SOMETIMES", "b": "SOMETIMES", "c": None, "d": None}),
        (["a > 0 -> c == b", "a <= 0 -> c == d"], {"a": "LIMIT", "b": "SOMETIMES", "c": "EQUALITY", "d": "SOMETIMES"}),
        (["a == b -> c == 1", "a != b -> c == d"], {"a": "LIMIT", "b": "LIMIT", "c": "EQUALITY", "d": "SOMETIMES"}),
        (["present(a) -> b == a", "!present(a) -> b == c"], {"a": "EQUALITY", "b": "EQUALITY", "c": "SOMETIMES", "d": None}),
        (["a > 0 && b > 0 -> c == d"], {"a": "LIMIT", "b": "LIMIT", "c": "SOMETIMES", "d": "SOMETIMES"}),
        (["!(a != b) && !(c == d)"], {"a": "EQUALITY", "b": "EQUALITY", "c": "LIMIT", "d": "LIMIT"}),
        (['a == b || c == "x"'], {"a": "LIMIT", "b": "LIMIT", "c": None, "d": None}),
        (["!(a != b || c != d)"], {"a": "EQUALITY", "b": "EQUALITY", "c": "EQUALITY", "d": "EQUALITY"}),
        (["a == min(b, b * c / 100)"], {"a": "EQUALITY", "b": "EQUALITY", "c": "SOMETIMES", "d": None}),
        (["a == count(b, c)"], {"a": "EQUALITY", "b": "LIMIT", "c": "LIMIT", "d": None}),
        (["a == round(-b, 1)"], {"a": "EQUALITY", "b": "EQUALITY", "c": None, "d": None}),
        (['band(a, 1, "x", "y") == "x"'], {"a": "LIMIT", "b": None, "c": None, "d": None}),
    ],
)
def test_an_equality_pins_and_the_rest_limits(checks, expected):
    assert grips(coverage_of(*checks)) == expected


def test_only_the_row_that_decides_a_maximum_is_pinned():
    assert grips(explain(schema({"a": NUMBER, "rows": rows_of("p")}, **{"x-checks": ["a == max(rows[*].p)"]})))["rows.*.p"] == "SOMETIMES"


def test_a_leaf_names_the_rules_that_name_it():
    checks = [{"id": "adds-up", "check": "a == sum(b, c)"}, {"id": "in-order", "check": "a <= d"}]
    found = {leaf.leaf.name: leaf.rules for leaf in coverage_of(*checks).leaves}
    assert found == {"a": ("adds-up", "in-order"), "b": ("adds-up",), "c": ("adds-up",), "d": ("in-order",)}


def test_a_text_that_a_check_names_counts_and_a_date_is_a_figure():
    form = schema({"grade": {"enum": ["优", "差"]}, "when": {"x-kind": "date"}, "score": NUMBER, "note": {"type": "string"}},
                  **{"x-checks": ['grade == band(score, 60, "优", "差")']})  # fmt: skip
    assert grips(explain(form)) == {"grade": "EQUALITY", "when": None, "score": "LIMIT", "note": None}
    assert [leaf.leaf.name for leaf in explain(form).leaves if leaf.figure] == ["when", "score"]


@pytest.mark.parametrize(
    ("check", "idle"),
    [
        ("a == b * note", True),
        ('a == "x"', True),
        ("note == 1 || c == note", True),
        ("note == 1 -> a == b", True),
        ("a == b -> note == 1", True),
        ("a == b && (note == 1 || a == c)", False),
        ("(note == 1 || a == b) -> a == c", False),
        ("(note == 1 && a == b) -> a == c", True),
        ("a == sum(b, note)", True),
        ("note == band(note, 1, \"x\", \"y\")", True),
        ("present(note)", False),
    ],
)  # fmt: skip
def test_a_check_that_no_record_can_fail_is_idle_and_covers_nothing(check, idle):
    form = schema({**dict.fromkeys("abc", NUMBER), "note": {"type": "string"}}, **{"x-checks": [check]})
    said = explain(form)
    assert said.rules[0].idle is idle
    assert not idle or set(grips(said).values()) == {None}
    for numbers_ in ((1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1)) if idle else ():
        cells = {f"/{name}": Quantity(Fraction(number), Fraction(1), str(number)) for name, number in zip("abc", numbers_, strict=True)}
        assert not failing(form, Facts({**cells, "/note": Quantity(None, Fraction(0), "x")}, {}))


def test_an_alias_out_of_its_scope_leads_nowhere():
    related = {"own": {"list": "parts", "of": "items", "by": ["k", "k"]}, "head": {"kind": "h"}}
    form = schema({"a": NUMBER, "items": rows_of("k", "v", **{"x-checks": ["v == head.x"]}), "parts": rows_of("k", "v")},
                  **{"x-related": related, "x-checks": ["a == sum(own[*].v)", "a == count(own[*])", "a == sum(a, own[*].v)"]})  # fmt: skip
    assert [rule.idle for rule in explain(form).rules] == [True, True, True, False]


def test_joined_rows_cover_their_list_and_their_keys_are_limited():
    form = schema({"items": rows_of("k", "v", **{"x-checks": ["v == sum(own[*].w)"]}), "parts": rows_of("k", "w", "z")},
                  **{"x-related": {"own": {"list": "parts", "of": "items", "by": ["k", "k"]}}})  # fmt: skip
    said = explain(form)
    expected = {"items.*.k": "LIMIT", "items.*.v": "EQUALITY", "parts.*.k": "LIMIT", "parts.*.w": "EQUALITY", "parts.*.z": None}
    assert grips(said) == expected
    assert factors(said) == [({"items.*.v": 1, "parts.*.w": 1}, ())]
    assert swaps(said) == [(["parts.*"], ["k", "w"])]  # of items, that is the whole row


def test_cells_of_other_records_are_listed():
    form = schema({"a": NUMBER}, **{"x-related": {"head": {"kind": "h"}}, "x-checks": ["a == head.x", "$.head.y > 0"]})
    said = explain(form)
    assert [rule.related for rule in said.rules] == [(("head", "x"),), (("head", "y"),)]
    assert factors(said) == [({"a": 1, "head.x": 1}, ())]
    assert said.scalings[0].related == {("head", "x")}


# -- what cannot be seen ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        (["a == sum(b, c)"], [({"a": 1, "b": 1, "c": 1}, ())]),
        (["a == b * c"], [({"a": 1, "c": 1}, ()), ({"a": 1, "b": 1}, ())]),
        (["a == b * b"], [({"a": 2, "b": 1}, ())]),
        (["a == b / c"], [({"a": 1, "b": 1}, ()), ({"b": 1, "c": 1}, ())]),
        (["a == b / c", "a == d / b"], [({"a": 1, "b": 1, "d": 2}, ()), ({"b": 1, "c": 1, "d": 1}, ())]),
        (["a == b / c * 100", "a <= 100"], [({"b": 1, "c": 1}, ())]),
        (["a >= 0"], [({"a": 1}, ())]),
        (["a >= 0 * b"], [({"a": 1}, ()), ({"b": 1}, ())]),
        (["a == b + 1"], []),
        (["a == count(b, c)"], [({"b": 1}, ()), ({"c": 1}, ())]),
        (['band(a, b, "x", "y") == "x"'], [({"a": 1, "b": 1}, ())]),
        (['band(a, 90, "x", "y") == "x"'], []),
        (["abs(a - b) < round(c, 2)"], [({"a": 1, "b": 1, "c": 1}, ())]),
        (["a == max(-b, c)"], [({"a": 1, "b": 1, "c": 1}, ())]),
        (["a == b || a == c"], [({"a": 1, "b": 1, "c": 1}, ()), ({"a": 1, "b": 1}, ("check-1",)), ({"c": 1}, ("check-1",)),
                                ({"b": 1}, ("check-1",)), ({"a": 1, "c": 1}, ("check-1",))]),
        (["a == 1 || b == 1"], [({"b": 1}, ("check-1",)), ({"a": 1}, ("check-1",))]),
        (["(a == 1 || b == 1) && c == 1"], [({"b": 1}, ("check-1",)), ({"a": 1}, ("check-1",))]),
        (["a == 1 -> b == 1"], [({"b": 1}, ("check-1",))]),
        (["a == 1 && c == 1 -> b == 1"], [({"b": 1}, ("check-1",))]),
        (["present(a) -> b == a", "!present(a) -> b == c"], [({"a": 1, "b": 1, "c": 1}, ()), ({"a": 1, "b": 1}, ("check-2",)),
                                                             ({"c": 1}, ("check-2",)), ({"b": 1, "c": 1}, ("check-1",))]),
        (["a > 0 -> b == 1", "a <= 0 -> b == 1"], [({"a": 1}, ())]),
    ],
)  # fmt: skip
def test_a_scaling_is_a_null_vector_of_the_exponents(checks, expected):
    assert sorted(map(repr, factors(coverage_of(*checks)))) == sorted(map(repr, expected))


def test_days_and_years_are_not_scaled():
    form = schema({"y": {"x-kind": "year"}, "d": {"x-kind": "date"}, "a": NUMBER}, **{"x-checks": ["y > 0", "d > 0", "a == y"]})
    assert factors(explain(form)) == []


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        (["a == sum(b, c, d)"], [(["b", "c", "d"], [""])]),
        (["a == b - c - d"], [(["c", "d"], [""])]),
        (["a == b * c / d"], [(["b", "c"], [""])]),
        (["a == b"], []),
        (["a + b == c + d"], [(["a", "b"], [""]), (["c", "d"], [""])]),
        (["a + b != c"], [(["a", "b"], [""])]),
        (["a <= b", "b >= a"], []),
        (["c > a && c > b"], [(["a", "b"], [""])]),
        (["a == c || b == c"], [(["a", "b"], [""])]),
        (["a > 0 -> b > 0"], []),
        (["a > 0 -> c > 0", "b > 0 -> c > 0"], [(["a", "b"], [""])]),
        (["!(a == 1) && !(b == 1)"], [(["a", "b"], [""])]),
        (["a == -b", "a == -c", "a == d"], [(["b", "c"], [""])]),
        ([{"check": "a + 1 == 2"}, {"check": "b + 1 == 2", "requires": "exact"}], []),
    ],
)
def test_leaves_that_checks_name_alike_may_be_exchanged(checks, expected):
    assert swaps(coverage_of(*checks)) == expected


@pytest.mark.parametrize(("kinds", "found"), [(("number", "number"), True), (("number", "percent"), False)])
def test_only_leaves_of_one_kind_are_exchanged(kinds, found):
    form = schema(
        {"a": NUMBER, **{name: {"x-kind": kind} for name, kind in zip("bc", kinds, strict=True)}}, **{"x-checks": ["a == sum(b, c)"]}
    )
    assert bool(explain(form).swaps) is found


def test_linked_columns_of_sibling_objects_are_exchanged_together():
    line = numbers("n", "price", "cost", "free", **{"x-checks": ["cost == n * price"]})
    form = schema({"total": NUMBER, "one": line, "two": line, "rest": numbers("cost")},
                  **{"x-checks": ["total == sum(one.cost, two.cost, rest.cost)"]})  # fmt: skip
    columns = (["one", "two"], ["cost", "n", "price"])
    assert columns in swaps(explain(form))
    assert (["one.n", "one.price"], [""]) in swaps(explain(form))  # a product does not see its factors' order


def test_columns_that_a_check_crosses_are_exchanged_as_a_whole():
    form = schema({"a": NUMBER, "b": NUMBER, "one": numbers("p", "q"), "two": numbers("p", "q")},
                  **{"x-checks": ["a == one.p * 2 + two.q", "a == two.p * 2 + one.q", "b == one.p * one.q + two.p * two.q"]})  # fmt: skip
    assert swaps(explain(form)) == [(["one", "two"], ["p", "q"])]


def test_amounts_are_exchanged_with_the_field_that_prints_their_unit():
    amount = {"type": "object", "properties": {"n": {**NUMBER, "x-unit": "unit"}, "unit": {"x-kind": "unit", "enum": ["元", "万元"]}}}
    form = schema({"a": NUMBER, "one": amount, "two": amount, "rows": {"type": "array", "items": {**amount, "properties": {
        **amount["properties"], "label": {"type": "string"}}}}}, **{"x-checks": ["a == sum(one.n, two.n, rows[*].n)"]})  # fmt: skip
    assert swaps(explain(form)) == [(["one", "two"], ["n", "unit"]), (["rows.*"], ["n", "unit"])]


def test_rows_exchange_the_columns_that_a_check_of_one_row_links():
    form = schema({"a": NUMBER, "rows": rows_of("p", "q", "r", "s", **{"x-checks": ["p <= q", "r == 1"]})},
                  **{"x-checks": ["a == sum(rows[*].p, rows[*].s)"]})  # fmt: skip
    assert (["rows.*"], ["p", "q"]) in swaps(explain(form))
    assert (["rows.*"], ["r"]) in swaps(explain(form))
    assert (["rows.*"], ["s"]) in swaps(explain(form))


def test_rows_exchange_a_list_within_them_as_a_whole():
    inner = rows_of("v")
    rows = {"type": "array", "items": {"type": "object", "x-checks": ["p == sum(parts[*].v)"], "properties": {
        "p": NUMBER, "label": {"type": "string"}, "parts": inner}}}  # fmt: skip
    assert swaps(explain(schema({"rows": rows}))) == [(["rows.*"], ["p", "parts.*"])]


def test_a_list_of_plain_figures_is_covered_and_its_order_says_nothing():
    said = explain(schema({"a": NUMBER, "rows": {"type": "array", "items": NUMBER}}, **{"x-checks": ["a == sum(rows[*])"]}))
    assert grips(said) == {"a": "EQUALITY", "rows.*": "EQUALITY"}
    assert swaps(said) == []


def test_a_form_evaluates_as_an_auditor_expects():
    said = explain(SHIPPED["self_evaluation"])
    lines = ["total", "current_year_appropriation", "carried_over", "other"]
    always = [found for found, unless in factors(said) if not unless]
    assert always == [
        {f"funds.{line}.initial_budget": 1 for line in lines},
        {f"funds.{line}.{name}": 1 for line in lines for name in ("annual_budget", "executed")},
    ]
    sources = [f"funds.{line}" for line in lines[1:]]
    assert (sources, ["annual_budget", "executed", "execution_rate"]) in swaps(said)
    assert (["indicators.*"], ["score", "weight"]) in swaps(said)


def test_too_many_figures_are_said_to_be_unsearched():
    names = [f"f{number}" for number in range(MAX_UNKNOWNS + 1)]
    checks = [f"{name} > 0" for name in names]
    said = explain(schema(dict.fromkeys(names, NUMBER), **{"x-checks": checks}))
    assert said.unsearched[0].startswith("factors of scale")
    assert said.scalings == ()


@pytest.mark.parametrize(
    ("bound", "checks", "words"),
    [
        ("contracts.scalings.MAX_STEPS", ["a == b * c", "b == c * d"], "factors of scale"),
        ("contracts.swaps.MAX_WRITTEN", ["a == sum(b, c, d)"], "exchanges of fields"),
    ],
)
def test_a_search_that_takes_too_long_is_said_to_be_cut_short(monkeypatch, bound, checks, words):
    assert coverage_of(*checks).unsearched == ()
    monkeypatch.setattr(f"structurer.{bound}", 30)
    said = coverage_of(*checks)
    assert [unsearched.partition(":")[0] for unsearched in said.unsearched] == [words]


def test_alternatives_that_are_cut_off_are_said_to_be_unsearched():
    few, many = (coverage_of(*(f"a > b + {at} || c > d + {at}" for at in range(number))) for number in (6, 7))
    assert few.unsearched == ()
    assert [unsearched.partition(":")[0] for unsearched in many.unsearched] == ["factors of scale by further alternatives"]
    assert coverage_of(" || ".join(f"a == {number}" for number in range(65))).unsearched == many.unsearched


def test_a_list_of_plain_figures_is_scaled_whatever_it_is_called():
    for name in "ax":
        form = schema({"m": NUMBER, name: {"type": "array", "items": NUMBER}}, **{"x-checks": [f"m == sum({name}[*])"]})
        assert factors(explain(form)) == [({"m": 1, f"{name}.*": 1}, ())]


# -- the command -----------------------------------------------------------------------------------------------------------


def test_the_command_says_in_words_what_is_covered_and_what_is_not():
    done = call("schema", "explain", "self_evaluation")
    assert done.returncode == 0, done.stderr
    assert "figures are covered by an equality" in done.stdout
    assert "figures: fiscal_year\n" in done.stdout
    assert "indicators[].{level1, level2, level3, target, actual, deviation}" in done.stdout
    assert "cannot be seen:\n  funds.{total, current_year_appropriation, carried_over, other}.initial_budget: all multiplied" in done.stdout
    assert "between two rows of indicators[] exchanged: score and weight together" in done.stdout


def test_the_command_reads_a_file_and_says_that_nothing_was_found(tmp_path):
    (tmp_path / "k.json").write_text('{"type": "object", "properties": {"a": {"x-kind": "number"}}, "x-checks": ["a == 1"]}', "utf-8")
    done = call("schema", "explain", tmp_path / "k.json")
    assert "1 of 1 figures are covered by an equality" in done.stdout
    assert "cannot be seen:\n  no factor of scale" in done.stdout


def test_the_command_names_the_nearest_kind():
    done = call("schema", "explain", "invoise")
    assert done.returncode == 2
    assert "no kind 'invoise'" in done.stderr
