"""Schemas in parts, and their readings together again."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer.asking.guide import field_guide, reply_schema
from structurer.asking.parts import parted, together
from structurer.contracts.contract import load
from structurer.contracts.schema import Group, Node, Rows, Schema
from structurer.errors import UsageError
from structurer.record import Extract, Extraction, leaf_pointers

TEXT = {"type": "string"}
NUMBER = {"type": "string", "x-kind": "number"}


def schema(**properties: Any) -> Schema:
    return load({"type": "object", "title": "Form", "x-anchors": ["Form"], "properties": properties}, kind="form")


def group(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def rows(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": group(**properties)}


def names(part: Schema) -> list[str]:
    return [".".join(leaf.path) for leaf in part.leaves()]


WIDE = schema(
    no=TEXT,
    period=group(start=TEXT, end=TEXT),
    lines=rows(date={**TEXT, "x-kind": "date"}, text=TEXT, debit=NUMBER, credit=NUMBER, balance=NUMBER, note=TEXT),
    total=NUMBER,
)


# -- parted ------------------------------------------------------------------------------------------------------------


def test_a_schema_that_fits_is_itself():
    assert parted(WIDE, 10) == (WIDE,)


def test_a_schema_is_cut_between_members_and_a_wide_list_by_columns_with_those_that_name_its_rows_in_each():
    assert [names(part) for part in parted(WIDE, 4)] == [
        ["no", "period.start", "period.end"],
        ["lines.*.date", "lines.*.text", "lines.*.debit", "lines.*.credit"],
        ["lines.*.date", "lines.*.text", "lines.*.balance", "lines.*.note"],
        ["total"],
    ]


def test_where_there_is_little_room_one_column_names_the_rows():
    assert [names(part) for part in parted(WIDE, 2)][2:5] == [
        ["lines.*.date", "lines.*.text"],
        ["lines.*.date", "lines.*.debit"],
        ["lines.*.date", "lines.*.credit"],
    ]


def test_the_least_part_of_a_list_has_a_column_beside_the_one_that_names_its_rows():
    assert {len(names(part)) for part in parted(WIDE, 1)} == {1, 2}


def test_a_list_of_plain_values_is_not_cut():
    assert [names(part) for part in parted(schema(a=TEXT, b={"type": "array", "items": TEXT}), 1)] == [["a"], ["b.*"]]


def test_a_list_whose_rows_have_no_value_of_their_own_is_not_cut():
    inner = schema(outer=rows(left=rows(a=TEXT, b=TEXT), right=rows(c=TEXT, d=TEXT)))
    assert parted(inner, 1)[0].root == inner.root


def test_a_list_in_a_list_is_cut_with_the_names_of_both_rows():
    nested = schema(groups=rows(name=TEXT, lines=rows(label=TEXT, a=NUMBER, b=NUMBER), sum=NUMBER))
    assert [names(part) for part in parted(nested, 3)] == [
        ["groups.*.name", "groups.*.lines.*.label", "groups.*.lines.*.a"],
        ["groups.*.name", "groups.*.lines.*.label", "groups.*.lines.*.b"],
        ["groups.*.name", "groups.*.sum"],
    ]


def test_a_figure_stays_with_the_field_that_prints_its_unit():
    money = schema(a=TEXT, b=TEXT, total={**NUMBER, "x-unit": "unit"}, unit=TEXT, z=TEXT)
    assert [names(part) for part in parted(money, 3)] == [["a", "b"], ["total", "unit", "z"]]


def test_a_group_is_entered_only_if_it_is_too_big_itself():
    grouped = schema(a=TEXT, b=TEXT, small=group(c=TEXT, d=TEXT), big=group(e=TEXT, f=TEXT, g=TEXT, h=TEXT))
    assert [names(part) for part in parted(grouped, 3)] == [["a", "b"], ["small.c", "small.d"], ["big.e", "big.f", "big.g"], ["big.h"]]


def test_a_part_is_the_form_without_its_checks_and_told_from_other_parts():
    checked = load({**WIDE.source, "x-checks": ["total == sum(lines[*].balance)"]}, kind="form")
    parts = parted(checked, 4)
    assert {(part.kind, part.title, part.anchors, part.rules, part.related, part.joined) for part in parts} == {
        ("form", "Form", ("Form",), (), (), ())
    }
    digests = {part.digest for most in (2, 3, 4) for part in parted(checked, most) + parted(WIDE, most)}
    assert len({part.digest for part in parts} | {checked.digest}) == 5
    assert all(len(digest) == 16 for digest in digests)
    assert [list(reply_schema(part)["properties"]) for part in parts] == [["no", "period"], ["lines"], ["lines"], ["total"]]
    assert "total" not in field_guide(parts[0])


def test_a_part_has_room_for_a_field():
    with pytest.raises(UsageError) as caught:
        parted(WIDE, 0)
    assert str(caught.value) == "a part has at least 1 field, not 0\n  next: raise the limit of fields asked for at once"


# -- together ----------------------------------------------------------------------------------------------------------


def reading(part: Schema, texts: dict[str, str | None], counts: dict[str, int], **more: Any) -> Extraction:
    return Extraction("form", "model:m", {place: Extract(texts.get(place)) for place, _ in leaf_pointers(part, counts)}, counts, **more)


LIST = schema(lines=rows(text=TEXT, a=NUMBER, b=NUMBER))


def lists(*parts: list[tuple[str | None, str]]) -> Extraction:
    """Two readings of LIST: texts with column a, texts with column b."""
    extractions = []
    for part, column, read in zip(parted(LIST, 2), "ab", parts, strict=True):
        texts = {f"/lines/{number}/{key}": text for number, row in enumerate(read) for key, text in zip(("text", column), row, strict=True)}
        extractions.append(reading(part, texts, {"/lines": len(read)}))
    return together(LIST, extractions)


def table(extraction: Extraction) -> list[tuple[str | None, ...]]:
    return [tuple(extraction.leaves[f"/lines/{row}/{key}"].text for key in ("text", "a", "b")) for row in range(extraction.rows["/lines"])]


def test_columns_come_together_row_by_row():
    found = lists([("x", "1"), ("y", "2")], [("x", "3"), ("y", "4")])
    assert table(found) == [("x", "1", "3"), ("y", "2", "4")]
    assert found.doubts == {}
    assert all(extract == Extract(extract.text) for extract in found.leaves.values())


def test_rows_that_one_part_lacks_are_kept_and_told_of():
    found = lists([("x", "1"), ("y", "2"), ("z", "3")], [("x", "4"), ("z", "6"), ("q", "7")])
    assert table(found) == [("x", "1", "4"), ("y", "2", None), ("z", "3", "6"), ("q", None, "7")]
    assert found.doubts == {
        "/lines/1": ("not every part of the reading has this row",),
        "/lines/3": ("not every part of the reading has this row",),
    }


def test_lists_of_other_length_are_told_of():
    found = lists([("x", "1"), ("y", "2")], [("x", "4")])
    assert table(found) == [("x", "1", "4"), ("y", "2", None)]
    assert found.doubts["/lines"] == ("read in parts that have 2 and 1 rows",)
    assert found.leaves["/lines/1/b"] == Extract(None, doubts=("no part of the reading has this",))


def test_a_list_that_one_part_left_empty_keeps_its_rows():
    found = lists([("x", "1"), ("y", "2")], [])
    assert table(found) == [("x", "1", None), ("y", "2", None)]
    assert found.doubts["/lines"] == ("read in parts that have 2 and 0 rows",)


def test_rows_named_alike_are_one_and_both_names_are_kept():
    found = lists([("x", "1"), ("Coffee shop", "2"), ("z", "3")], [("x", "4"), ("Cofee shop", "5"), ("z", "6")])
    assert table(found) == [("x", "1", "4"), ("Coffee shop", "2", "5"), ("z", "3", "6")]
    assert found.leaves["/lines/1/text"] == Extract(
        "Coffee shop", doubts=("read in parts that differ: 'Coffee shop' and 'Cofee shop'",), alternatives=("Coffee shop", "Cofee shop")
    )


def test_rows_with_other_names_are_two_though_the_lists_are_of_one_length():
    found = lists([("x", "1"), ("rent", "2")], [("x", "4"), ("coffee", "5")])
    assert table(found) == [("x", "1", "4"), ("rent", "2", None), ("coffee", None, "5")]
    assert set(found.doubts) == {"/lines/1", "/lines/2"}


def test_rows_of_the_same_name_stay_as_many_as_they_are():
    found = lists([("x", str(number)) for number in range(200)], [("x", str(number)) for number in range(200)])
    assert table(found) == [("x", str(number), str(number)) for number in range(200)]
    assert found.doubts == {}


def test_rows_that_are_named_by_nothing_are_aligned_by_their_order():
    found = lists([("x", "1"), (None, "2"), ("z", "3")], [("x", "4"), (None, "5"), ("z", "6")])
    assert (table(found), found.doubts) == ([("x", "1", "4"), (None, "2", "5"), ("z", "3", "6")], {})


DATED = schema(lines=rows(date={**TEXT, "x-kind": "date"}, text=TEXT, a=NUMBER, b=NUMBER, c=NUMBER, d=NUMBER))


@pytest.mark.parametrize(("blank", "kept"), [(0, "5 May"), (1, "5 May")])
def test_a_repeated_value_that_one_part_left_blank_is_filled_and_told_of(blank, kept):
    parts = parted(DATED, 4)
    assert [names(part)[:2] for part in parts] == [["lines.*.date", "lines.*.text"]] * 2
    read = [
        reading(part, {"/lines/0/date": None if number == blank else "5 May", "/lines/0/text": "rent"}, {"/lines": 1})
        for number, part in enumerate(parts)
    ]
    found = together(DATED, read)
    assert (found.rows, found.doubts) == ({"/lines": 1}, {})
    assert found.leaves["/lines/0/date"] == Extract(
        kept, doubts=("read in parts that differ: '5 May' and blank",), alternatives=("5 May", None)
    )


def test_a_part_that_is_missing_leaves_blanks_that_are_told_of():
    part = parted(WIDE, 4)[0]
    found = together(WIDE, [reading(part, {"/no": "7"}, {})])
    assert found.leaves["/no"] == Extract("7")
    assert found.leaves["/total"] == Extract(None, doubts=("no part of the reading has this",))
    assert (found.rows, found.doubts) == ({"/lines": 0}, {"/lines": ("no part of the reading has this",)})


def test_doubts_and_explained_stretches_of_all_parts_are_kept():
    one, two = parted(LIST, 2)
    texts = {"/lines/0/text": "x", "/lines/1/text": "y"}
    found = together(
        LIST,
        [
            reading(
                one, texts, {"/lines": 2}, doubts={"/lines/1": ("odd",), "": ("torn",), "/lines/9": ("gone",)}, explained=((0, 3), (5, 6))
            ),
            reading(two, {"/lines/0/text": "y"}, {"/lines": 1}, doubts={"/lines/0": ("cut",), "": ("torn",)}, explained=((5, 6), (8, 9))),
        ],
    )
    assert found.doubts[""] == ("torn", "/lines/9: gone")
    assert found.doubts["/lines/1"] == ("odd", "cut")
    assert found.explained == ((0, 3), (5, 6), (8, 9))


def test_no_reading_cannot_be_put_together():
    with pytest.raises(ValueError, match=r"^no reading to put together$"):
        together(LIST, [])


def test_thousands_of_rows_of_few_names_that_differ_are_aligned_at_once():
    rng = random.Random(1)
    every = [(rng.choice("uvwxyz"), str(number)) for number in range(3_000)]
    found = lists(every, [row for row in every if rng.random() < 0.97])
    assert found.rows["/lines"] >= 3_000
    assert [row[1] for row in table(found) if row[1] is not None] == [figure for _, figure in every]


# -- properties --------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(
    [TEXT, NUMBER, {**TEXT, "x-kind": "date"}, {"type": "integer"}, {**TEXT, "x-values": {"p": []}, "x-spans-rows": True}]
)
KEYS = st.sampled_from(["a", "b", "c", "d", "e/f", "g~h", "ï", "0"])
SHAPES = st.recursive(
    KINDS,
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, min_size=1, max_size=6).map(lambda members: group(**members)),
        st.dictionaries(KEYS, inner, min_size=1, max_size=6).map(lambda members: rows(**members)),
        KINDS.map(lambda kind: {"type": "array", "items": kind}),
    ),
    max_leaves=24,
)
SCHEMAS = st.dictionaries(KEYS, SHAPES, min_size=1, max_size=6)


def counts_of(node: Node, place: str, rng: random.Random, found: dict[str, int]) -> dict[str, int]:
    """Random lengths of all lists."""
    if isinstance(node, Rows):
        found[place] = rng.randint(0, 3)
        for number in range(found[place]):
            counts_of(node.row, f"{place}/{number}", rng, found)
    elif isinstance(node, Group):
        for member in node.members:
            counts_of(member, f"{place}/{member.name.replace('~', '~0').replace('/', '~1')}", rng, found)
    return found


def restricted(whole: Extraction, part: Schema) -> Extraction:
    """What a correct reading of a part is."""
    lists_there: dict[str, int] = {}

    def visit(node: Node, place: str) -> None:
        if isinstance(node, Rows):
            lists_there[place] = whole.rows[place]
            for number in range(whole.rows[place]):
                visit(node.row, f"{place}/{number}")
        elif isinstance(node, Group):
            for member in node.members:
                visit(member, f"{place}/{member.name.replace('~', '~0').replace('/', '~1')}")

    visit(part.root, "")
    leaves = {place: whole.leaves[place] for place, _ in leaf_pointers(part, lists_there)}
    return replace(whole, leaves=leaves, rows=lists_there)


@settings(max_examples=30, deadline=None)
@given(SCHEMAS, st.integers(1, 12), st.integers(0, 10**6), st.sampled_from(["", "xy", "0123456789"]))
def test_parts_have_every_field_and_their_correct_readings_are_the_whole(properties, most, seed, alphabet):
    whole = schema(**properties)
    parts = parted(whole, most)
    assert {leaf.path for part in parts for leaf in part.leaves()} == {leaf.path for leaf in whole.leaves()}
    assert len({part.digest for part in parts}) == len(parts)
    assert all(part.digest != whole.digest for part in parts) or parts == (whole,)
    rng = random.Random(seed)
    counts = counts_of(whole.root, "", rng, {})
    texts = {place: "".join(rng.choices(alphabet, k=2)) if alphabet else None for place, _ in leaf_pointers(whole, counts)}
    extraction = Extraction("form", "r", {place: Extract(text, ((1, 2),) if text else ()) for place, text in texts.items()}, counts)
    found = together(whole, [restricted(extraction, part) for part in parts])
    assert (found.rows, found.leaves, found.doubts) == (extraction.rows, extraction.leaves, {})


TABLES = st.dictionaries(KEYS, KINDS, min_size=1, max_size=20).map(lambda columns: rows(**columns))
FLAT = st.recursive(
    st.one_of(KINDS, TABLES),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=6).map(lambda members: group(**members)),
    max_leaves=12,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(KEYS, FLAT, min_size=1, max_size=6), st.integers(1, 12))
def test_a_part_has_no_more_fields_than_asked_for_but_a_column_beside_the_one_that_names_a_row(properties, most):
    whole = schema(**properties)
    assert all(len(names(part)) <= max(most, 2) for part in parted(whole, most))
