"""The schema as a contract: what it is read into, and every mistake that lint can name, with its place."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from structurer.contracts.contract import MAX_CHECKS, MAX_NESTING, MAX_OBJECTS, lint, load
from structurer.contracts.keywords import MAX_LABEL, MAX_MISTAKES
from structurer.contracts.schema import Group, Joined, Kind, Leaf, Related, Rows
from structurer.contracts.shape import MAX_DEPTH, MAX_FIELDS
from structurer.errors import SchemaError

SHIPPED = sorted((Path(__file__).parents[1] / "schemas").glob("*.json"))


def form(properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string"}} if properties is None else properties, **more}


def of_a(spec: Any, **more: Any) -> tuple[tuple[str, str], ...]:
    return lint(form({"a": spec}, **more), kind="k")


def leaf(spec: Any, **more: Any) -> Leaf:
    found = load(form({"a": spec}, **more), kind="k").root.member("a")
    assert isinstance(found, Leaf)
    return found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_schemas_have_no_mistake(path):
    assert lint(json.loads(path.read_text(encoding="utf-8")), kind=path.stem) == ()


def test_there_are_shipped_schemas():
    assert {path.stem for path in SHIPPED} >= {"budget_narrative", "invoice", "report_head", "self_evaluation", "target_declaration"}


# -- what a schema is read into ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "kind", "choices"),
    [
        ({"type": "string"}, Kind.TEXT, ()),
        ({}, Kind.TEXT, ()),
        ({"type": "number"}, Kind.NUMBER, ()),
        ({"type": ["integer", "null"]}, Kind.INTEGER, ()),
        ({"type": "boolean"}, Kind.CHOICE, ()),
        ({"type": "null"}, Kind.TEXT, ()),
        ({"type": "string", "format": "date"}, Kind.DATE, ()),
        ({"type": "string", "enum": ["x", None, "y"]}, Kind.CHOICE, ("x", "y")),
        ({"type": "string", "x-kind": "percent"}, Kind.PERCENT, ()),
        ({"enum": ["元", "万元"], "x-kind": "unit"}, Kind.UNIT, ("元", "万元")),
    ],
)
def test_a_plain_json_schema_tells_the_kind_of_a_leaf(spec, kind, choices):
    found = leaf(spec)
    assert (found.kind, found.choices) == (kind, choices)


def test_only_kinds_with_numbers_are_numeric():
    assert {kind for kind in Kind if kind.numeric} == {Kind.NUMBER, Kind.PERCENT, Kind.INTEGER, Kind.YEAR, Kind.EXPRESSION}


def test_a_plain_field_is_labelled_by_its_title_and_its_name():
    assert leaf({"type": "string", "title": "Total Due"}).printed.labels == ("Total Due", "a")
    schema = load(form({"net_total-eur": {"type": "number"}}), kind="k")
    assert schema.root.members[0].printed.labels == ("net total eur",)


@pytest.mark.parametrize("key", ["x-phrases", "x-section", "x-labels"])
def test_a_field_that_says_how_it_is_printed_has_no_default_label(key):
    labels = leaf({"type": "string", key: ["x"]}).printed.labels
    assert labels == (("x",) if key == "x-labels" else ())


def test_every_keyword_of_a_leaf_is_read():
    found = leaf(
        {"type": "string", "title": "T", "description": "D", "x-labels": "甲", "x-unit": "元", "x-beneath": True, "x-spans-rows": True,
         "x-values": {"产出": ["绩效", "其他"], "满意": "绩效"}, "x-section": ["一、", "二、"], "x-phrases": ["为{a}"], "pattern": "a+"},
        required=["a"],
    )  # fmt: skip
    assert (found.path, found.required, found.json_type, found.pattern, found.unit, found.spans_rows) == (
        ("a",),
        True,
        "string",
        "a+",
        "元",
        True,
    )
    assert found.values == (("产出", ("绩效", "其他")), ("满意", ("绩效",)))
    printed = found.printed
    assert (printed.labels, printed.section, printed.phrases, printed.beneath) == (("甲",), ("一、", "二、"), ("为{a}",), True)
    assert (printed.title, printed.description) == ("T", "D")
    assert leaf({"x-values": ["x", "y"]}).values == (("x", ()), ("y", ()))


def test_lists_groups_rules_and_relations_are_read():
    schema = load(
        form(
            {
                "name": {"type": "string"},
                "lines": {
                    "type": "array",
                    "x-itemised": ["共"],
                    "x-separator": "、",
                    "items": {"type": "object", "properties": {"no": {}, "amount": {"type": "number"}}, "x-checks": "amount >= 0"},
                },
                "parts": {"items": {"properties": {"of": {}}}},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            title="单",
            **{
                "x-anchors": "采购单",
                "x-captions": ["附注"],
                "x-checks": [
                    {"id": "some", "check": "count(lines[*]) > 0 && count(own[*]) > 0", "requires": "exact", "says": "one at least"}
                ],
                "x-related": {
                    "other": {"kind": "o", "by": "name"},
                    "all": {"kind": "o"},
                    "own": {"list": "parts", "of": "lines", "by": ["of", "no"]},
                },
            },
        ),
        kind="order",
    )
    assert (schema.kind, schema.title, schema.anchors, schema.captions) == ("order", "单", ("采购单",), ("附注",))
    lines, tags = schema.root.member("lines"), schema.root.member("tags")
    assert isinstance(lines, Rows)
    assert isinstance(tags, Rows)
    assert (lines.itemised, lines.fillers, lines.separator, lines.path) == (True, ("共",), "、", ("lines",))
    assert isinstance(lines.row, Group)
    assert isinstance(tags.row, Leaf)
    assert tags.row.path == ("tags", "*")
    assert [found.path for found in schema.leaves()] == [
        ("name",), ("lines", "*", "no"), ("lines", "*", "amount"), ("parts", "*", "of"), ("tags", "*")
    ]  # fmt: skip
    rules = [(rule.id, rule.scope, rule.check.text, rule.requires, rule.says) for rule in schema.rules]
    assert rules == [
        ("check-1", ("lines", "*"), "amount >= 0", "print", ""),
        ("some", (), "count(lines[*]) > 0 && count(own[*]) > 0", "exact", "one at least"),
    ]
    assert schema.related == (("other", Related("o", "name")), ("all", Related("o", None)))
    assert schema.joined == (("own", Joined("parts", "lines", "of", "no")),)
    assert schema.root.member("nothing") is None


def test_a_digest_tells_contents_apart_and_nothing_else():
    one, same, other = (
        load(source, kind="k").digest for source in (form({"a": {}, "b": {}}), form({"b": {}, "a": {}}), form({"a": {}, "c": {}}))
    )
    assert one == same
    assert one != other
    assert len(one) == 16


def test_a_schema_without_a_title_is_called_by_its_kind():
    assert load(form(), kind="receipt").title == "receipt"


def test_local_references_are_followed_and_what_stands_beside_them_wins():
    schema = load(
        form({"x": {"$ref": "#/$defs/money", "title": "Sum"}, "y": {"$ref": "#/$defs/deep~1er"}},
             **{"$defs": {"money": {"type": "number", "title": "Money"}, "deep/er": {"$ref": "#/$defs/money"}}}),
        kind="k",
    )  # fmt: skip
    assert [(found.kind, found.printed.title) for found in schema.leaves()] == [(Kind.NUMBER, "Sum"), (Kind.NUMBER, "Money")]


@pytest.mark.parametrize("union", ["anyOf", "oneOf"])
def test_a_union_with_null_is_the_other_branch(union):
    assert leaf({union: [{"type": "null"}, {"type": "number"}], "title": "T"}).kind is Kind.NUMBER


def test_a_union_of_scalars_is_its_first_branch():
    assert leaf({"anyOf": [{"type": "number"}, {"type": "string"}]}).kind is Kind.NUMBER


def test_a_union_of_nothing_but_null_is_a_text():
    assert leaf({"anyOf": [{"type": "null"}]}).kind is Kind.TEXT


class Unit(Enum):
    YUAN = "元"
    WAN = "万元"


class Line(BaseModel):
    what: str
    amount: Decimal
    unit: Unit | None = None


class Order(BaseModel):
    """An order as people write it in Python."""

    number: str = Field(title="Order No.", pattern="[A-Z]+")
    status: Literal["open", "closed"] | None
    one: Literal["x"]
    day: datetime.date
    count: int = Field(ge=0)
    paid: bool
    ratio: float | None = None
    lines: list[Line]
    head: Line | None = None
    tags: list[str] | None = None


def test_a_schema_made_by_pydantic_has_no_mistake_and_the_kinds_of_its_types():
    assert lint(Order.model_json_schema(), kind="order") == ()
    schema = load(Order.model_json_schema(), kind="order")
    assert {"/" + "/".join(found.path): str(found.kind) for found in schema.leaves()} == {
        "/number": "text", "/status": "choice", "/one": "text", "/day": "date", "/count": "integer", "/paid": "choice", "/ratio": "number",
        "/lines/*/what": "text", "/lines/*/amount": "number", "/lines/*/unit": "choice",
        "/head/what": "text", "/head/amount": "number", "/head/unit": "choice", "/tags/*": "text",
    }  # fmt: skip
    unit = next(found for found in schema.leaves() if found.name == "unit")
    assert unit.choices == ("元", "万元")
    assert next(schema.leaves()).printed.labels == ("Order No.", "number")


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


def test_a_model_that_holds_itself_is_refused_where_it_does():
    assert lint(Tree.model_json_schema(), kind="tree") == (
        ("/$defs/Tree/properties/children/items", f"nested deeper than {MAX_DEPTH} levels"),
    )


class Table(BaseModel):
    by_name: dict[str, int]
    pair: tuple[int, str]
    either: Line | Order


def test_types_without_a_printed_form_are_named_where_the_model_has_them():
    assert lint(Table.model_json_schema(), kind="table") == (
        ("/properties/by_name", "an object needs properties"),
        ("/properties/pair/prefixItems", "unsupported keyword 'prefixItems'"),
        ("/properties/pair", "an array needs items"),
        ("/properties/either/anyOf", "a union of several shapes cannot be read from a page"),
    )


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [None, True, 5, "x", [], [{}]])
def test_a_schema_is_an_object(source):
    assert lint(source, kind="k") == (("", "a schema is a JSON object"),)


@pytest.mark.parametrize("source", [{}, {"type": "string"}, {"type": "array", "items": {"type": "string"}}])
def test_a_record_is_an_object(source):
    assert lint(source, kind="k") == (("", 'a record\'s schema has "type": "object"'),)


@pytest.mark.parametrize(
    ("spec", "mistakes"),
    [
        (5, [("", "5 is not of type 'object', 'boolean'"), ("", "expected a JSON Schema object here")]),
        (True, [("", "expected a JSON Schema object here")]),
        ({"type": "object"}, [("", "an object needs properties")]),
        ({"type": "array"}, [("", "an array needs items")]),
        ({"items": {"items": {}}}, [("/items", "a list of lists has no printed form; use a list of objects")]),
        ({"type": ["object", "string"]}, [("/type", "one of ['object', 'string'] must be chosen"), ("", "an object needs properties")]),
        (
            {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"b": {}}}]},
            [("/anyOf", "a union of several shapes cannot be read from a page")],
        ),
        ({"$ref": "other.json"}, [("", "only local references are followed, not 'other.json'")]),
        ({"$ref": "#/$defs/none"}, [("", "$ref '#/$defs/none' leads nowhere")]),
        ({"$ref": "#/type"}, [("", "$ref '#/type' leads nowhere")]),
        ({"$ref": "#/properties/a"}, [("", "$ref points at itself")]),
        (
            {"x-kind": "money"},
            [("/x-kind", "unknown kind 'money'; known: text, number, percent, integer, year, month, date, choice, unit, code, expression")],
        ),
        (
            {"x-kind": []},
            [("/x-kind", "unknown kind []; known: text, number, percent, integer, year, month, date, choice, unit, code, expression")],
        ),
        ({"x-unit": 5}, [("/x-unit", "x-unit is a text")]),
        ({"x-unit": "$.unit"}, [("/x-unit", "no field '$.unit'")]),
        ({"x-labels": 5}, [("/x-labels", "x-labels is a text or a list of texts")]),
        ({"x-labels": ["x", ""]}, [("/x-labels", "x-labels is a text or a list of texts")]),
        ({"x-labels": ""}, [("/x-labels", "x-labels is a text or a list of texts")]),
        ({"x-labels": ["：", "x"]}, [("/x-labels", "unreachable label '：'")]),
        ({"x-labels": "甲" * (MAX_LABEL + 1)}, [("/x-labels", f"a label of more than {MAX_LABEL} characters")]),
        ({"x-section": [1]}, [("/x-section", "x-section is a text or a list of texts")]),
        ({"x-values": 3}, [("/x-values", "x-values is a text or a list of texts")]),
        ({"x-values": ["x", ""]}, [("/x-values", "x-values is a text or a list of texts")]),
        ({"x-values": {"": []}}, [("/x-values", 'x-values is a list of texts or {"value": ["parent", ...]}')]),
        ({"x-values": {"x": [1]}}, [("/x-values", 'x-values is a list of texts or {"value": ["parent", ...]}')]),
        ({"x-beneath": "yes"}, [("/x-beneath", "x-beneath is true or false")]),
        ({"x-spans-rows": 1}, [("/x-spans-rows", "x-spans-rows is true or false")]),
        ({"x-phrases": "{b}元"}, [("/x-phrases", "'{b}元': no field 'b' to capture; there are a")]),
        ({"x-phrases": ["{a}", "({a}", "{a"]}, [("/x-phrases", "'{a': brackets that do not close")]),
        (
            {"type": "object", "properties": {"b": {}}, "x-phrases": ["{c}"]},
            [("/x-phrases", "'{c}': no field 'c' to capture; there are b")],
        ),
        (
            {"type": "array", "items": {"properties": {"b": {}}}, "x-phrases": ["{b}"]},
            [("/x-phrases", "'{b}': no field 'b' to capture; there are none")],
        ),
        ({"type": "array", "items": {}, "x-separator": 5}, [("/x-separator", "x-separator is a text")]),
        ({"type": "array", "items": {}, "x-separator": ""}, [("/x-separator", "x-separator is a text")]),
        ({"type": "array", "items": {}, "x-itemised": True}, [("/x-itemised", "x-itemised is a text or a list of texts")]),
        ({"x-separator": "、"}, [("/x-separator", "x-separator belongs to an array")]),
        ({"x-itemised": []}, [("/x-itemised", "x-itemised belongs to an array")]),
        ({"x-checks": ["a == 1"]}, [("/x-checks", "x-checks belongs to an object")]),
        ({"x-anchors": ["A"]}, [("/x-anchors", "x-anchors belongs to the root of the schema")]),
        ({"x-captions": ["A"]}, [("/x-captions", "x-captions belongs to the root of the schema")]),
        ({"x-related": {}}, [("/x-related", "x-related belongs to the root of the schema")]),
        ({"x-lables": "A"}, [("/x-lables", "unknown keyword 'x-lables'")]),
        ({"not": {}, "allOf": [{}]}, [("/not", "unsupported keyword 'not'"), ("/allOf", "unsupported keyword 'allOf'")]),
        ({"pattern": "(?=a)b"}, [("/pattern", "not a pattern that can be run in linear time (RE2): invalid perl operator: (?=")]),
        ({"pattern": "(a)\\1"}, [("/pattern", "not a pattern that can be run in linear time (RE2): invalid escape sequence: \\1")]),
        ({"pattern": 5}, [("/pattern", "5 is not of type 'string'")]),
        ({"type": "strnig"}, [("/type", "'strnig' is not valid under any of the given schemas")]),
        ({"enum": "x"}, [("/enum", "'x' is not of type 'array'")]),
        ({"required": 5, "properties": {"b": {}}}, [("/required", "5 is not of type 'array'")]),
        ({"anyOf": 5}, [("/anyOf", "5 is not of type 'array'")]),
        ({"type": "object", "properties": 5}, [("/properties", "5 is not of type 'object'"), ("", "an object needs properties")]),
    ],
)
def test_a_mistake_of_a_field_is_named_with_its_place(spec, mistakes):
    assert of_a(spec) == tuple((f"/properties/a{place}", sentence) for place, sentence in mistakes)


@pytest.mark.parametrize(
    ("more", "mistakes"),
    [
        ({"x-checks": "b == 1"}, [("/x-checks", "'b == 1': no field 'b'")]),
        ({"x-checks": ["sum(a[*].b) == 1"]}, [("/x-checks", "'sum(a[*].b) == 1': no field 'a[*].b'")]),
        ({"x-checks": ["$.z == 1", "a.b == 1"]}, [("/x-checks", "'$.z == 1': no field 'z'"), ("/x-checks", "'a.b == 1': no field 'a.b'")]),
        ({"x-checks": "a =="}, [("/x-checks", "'a ==': column 5: expected a number, a text, a path, a function or '(', found the end")]),
        ({"x-checks": 5}, [("/x-checks", 'a check is a text or {"id": ..., "check": ..., "requires": ..., "says": ...}')]),
        ({"x-checks": {"check": 5}}, [("/x-checks", 'a check is a text or {"id": ..., "check": ..., "requires": ..., "says": ...}')]),
        ({"x-checks": {"check": "a == 1", "requires": "all"}}, [("/x-checks", "a check requires exact, print or underlying, not 'all'")]),
        ({"x-checks": [{"id": "i", "check": "a == 1"}, {"id": "i", "check": "a == 2"}]}, [("/x-checks", "two checks are called 'i'")]),
        ({"x-related": []}, [("/x-related", "x-related is an object of aliases")]),
        (
            {"x-related": {"b/c": {}}},
            [("/x-related/b~1c", 'expected {"kind": ..., "by": ...} or {"list": ..., "of": ..., "by": [there, here]}')],
        ),
        (
            {"x-related": {"b": {"kind": "k", "by": 5}}},
            [("/x-related/b", 'expected {"kind": ..., "by": ...} or {"list": ..., "of": ..., "by": [there, here]}')],
        ),
        ({"x-related": {"b": {"kind": "k", "by": "z"}}}, [("/x-related/b", "no field 'z'")]),
        (
            {"x-related": {"b": {"list": "a", "of": "z", "by": ["x", "y"]}}},
            [("/x-related/b", "no list 'a'"), ("/x-related/b", "no list 'z'")],
        ),
        ({"x-anchors": [""]}, [("/x-anchors", "x-anchors is a text or a list of texts")]),
        ({"x-captions": ""}, [("/x-captions", "x-captions is a text or a list of texts")]),
        ({"x-captions": ":"}, [("/x-captions", "unreachable label ':'")]),
        ({"title": 5}, [("/title", "5 is not of type 'string'")]),
        ({"x-kind-name": "other"}, [("/x-kind-name", "unknown keyword 'x-kind-name'")]),
    ],
)
def test_a_mistake_of_the_whole_is_named_with_its_place(more, mistakes):
    assert lint(form(**more), kind="k") == tuple(mistakes)


def test_a_list_joined_by_a_field_it_has_not_is_named():
    rows = {"type": "array", "items": {"type": "object", "properties": {"no": {}}}}
    joined = {"x": {"list": "m", "of": "n", "by": ["number", "no"]}}
    assert lint(form({"m": rows, "n": rows}, **{"x-related": joined}), kind="k") == (("/x-related/x", "no field 'number'"),)


def test_a_field_called_as_the_rows_of_a_list_is_refused():
    message = "a field cannot be called '*', which stands for the rows of a list"
    assert lint(form({"*": {}}), kind="k") == (("/properties/*", message),)
    assert lint(form({"b": {}}, **{"x-checks": '["*"] == 1'}), kind="k") == (("/x-checks", "'[\"*\"] == 1': no field '*'"),)


def test_a_check_that_takes_a_list_or_a_group_for_a_value_is_refused():
    rows = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}}
    checks = ["a == rows", "a == group", "a == count(rows[*])", "a == sum(rows[*].n)", "present(group.n)"]
    source = form({"a": {"type": "number"}, "rows": rows, "group": rows["items"]}, **{"x-checks": checks})
    assert lint(source, kind="k") == (
        ("/x-checks", "'a == rows': 'rows' is no single value"),
        ("/x-checks", "'a == group': 'group' is no single value"),
    )


def test_a_mistake_behind_a_reference_is_named_where_it_is_written_and_once():
    source = form(
        {
            "a": {"$ref": "#/$defs/m/n"},
            "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/m/n"}]},
            "c": {"items": {"anyOf": [{"x-kind": "u"}]}},
        },
        **{"$defs": {"m": {"n": {"type": "object", "properties": {"x/y": {"x-kind": "no"}}}}}},
    )
    known = "known: text, number, percent, integer, year, month, date, choice, unit, code, expression"
    assert lint(source, kind="k") == (
        ("/$defs/m/n/properties/x~1y/x-kind", f"unknown kind 'no'; {known}"),
        ("/properties/c/items/anyOf/0/x-kind", f"unknown kind 'u'; {known}"),
    )


def test_a_mistake_in_a_list_of_branches_has_the_number_of_the_branch():
    assert lint(form({"a": {"anyOf": [{"type": 5}]}}), kind="k")[0] == (
        "/properties/a/anyOf/0/type", "5 is not valid under any of the given schemas"
    )  # fmt: skip


def test_checks_of_a_list_are_checked_against_its_rows():
    rows = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}, "x-checks": ["n == $.a", "n == m"]}}
    assert lint(form({"a": {"type": "number"}, "rows": rows}), kind="k") == (("/properties/rows/items/x-checks", "'n == m': no field 'm'"),)


def test_nesting_beyond_any_printed_form_is_refused_once():
    spec: dict[str, Any] = {"type": "string"}
    for _ in range(MAX_DEPTH + 1):
        spec = {"type": "object", "properties": {"a": spec}}
    place = "/properties/a" * MAX_DEPTH
    assert lint(spec, kind="k") == ((place, f"nested deeper than {MAX_DEPTH} levels"),)


def test_more_fields_than_any_form_has_are_refused_and_as_many_are_not():
    assert lint(form({f"f{number}": {} for number in range(MAX_FIELDS)}), kind="k") == ()
    assert lint(form({f"f{number}": {} for number in range(MAX_FIELDS + 5)}), kind="k") == (("", f"more than {MAX_FIELDS} fields"),)


def test_more_checks_than_any_form_owes_are_refused():
    source = form(**{"x-checks": ["a == 1"] * (MAX_CHECKS + 1)})
    assert lint(source, kind="k") == (("", f"more than {MAX_CHECKS} checks"),)


def test_no_more_mistakes_are_listed_than_a_person_reads():
    assert len(lint(form({f"f{number}": {"x": 1} for number in range(MAX_MISTAKES + 5)}), kind="k")) == MAX_MISTAKES


def test_what_cannot_be_read_safely_is_refused_unread():
    deep: Any = {}
    for _ in range(MAX_NESTING):
        deep = [deep]
    assert lint(form(default=deep), kind="k") == (("", f"nested deeper than {MAX_NESTING} levels"),)
    assert lint(form(default=[{}] * (MAX_OBJECTS + 1)), kind="k") == (("", f"more than {MAX_OBJECTS} JSON objects"),)
    assert lint(form(default={5: 1}), kind="k") == (("", "a key is a text"),)
    assert lint(form(title="\ud800"), kind="k") == (("", "a text that is no Unicode: half of a surrogate pair"),)


def test_loading_refuses_with_the_first_mistake_and_the_command_that_lists_all():
    with pytest.raises(SchemaError) as caught:
        load(form({"a": {"x-kind": "no", "x-unit": 1, "x": 2}}), kind="k", where="my.json")
    assert str(caught.value) == (
        "my.json#/properties/a/x: unsupported keyword 'x' (and 2 more)\n  next: structurer schema lint my.json"
    )  # fmt: skip
    with pytest.raises(SchemaError) as caught:
        load([], kind="k")
    assert str(caught.value) == "#: a schema is a JSON object\n  next: structurer schema lint FILE"
    assert caught.value.exit_code == 6
