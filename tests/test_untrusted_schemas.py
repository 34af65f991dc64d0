"""Schemas come from strangers: whatever they hold, they are refused or obeyed, in bounded time, and run no code."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from structurer.builtin.labels import find, vocabulary
from structurer.contracts.contract import lint, load
from structurer.contracts.keywords import KEYWORDS, REMARKS, STRUCTURE, VALIDATED
from structurer.contracts.schema import Kind, Schema
from structurer.judging.confront import check, figures, joined
from structurer.layout import Layout
from structurer.segment import segment

PATIENCE = 20  # seconds for what takes well under one; a hang takes forever
LONG = 200_000  # characters of a long text

# -- fuzzed ------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted(KEYWORDS | STRUCTURE | REMARKS | VALIDATED))
WORDS = st.sampled_from(
    [
        "object",
        "array",
        "string",
        "null",
        "number",
        "a",
        "b",
        "*",
        "",
        " ",
        ":",
        "#",
        "#/$defs/a",
        "#/properties/a",
        "{a}",
        "[a]",
        "…",
        "?{a}",
        "a == b",
        "sum(a[*].b) == 1",
        "$.a",
        "元",
        "print",
        *Kind,
    ]
)
SPEC = st.recursive(
    st.one_of(JSON, WORDS),
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, max_size=5),
        st.dictionaries(st.sampled_from(["a", "b", "*", "a/b", "", "id", "check", "kind", "by", "list", "of"]), inner, max_size=4),
        st.lists(inner, max_size=3),
    ),
    max_leaves=25,
)
TEXT = "采购单\na: 1\nb | 2 | 3\n{a} a == b 元 * 5"


def obeyed(source: Any) -> Schema | None:
    """Lint, and where that finds nothing, all that reads a text by the schema alone."""
    mistakes = lint(source, kind="k")
    assert all(isinstance(place, str) and isinstance(sentence, str) and sentence for place, sentence in mistakes)
    if mistakes:
        return None
    schema = load(source, kind="k")
    find(Layout(TEXT, 0, len(TEXT)), vocabulary(schema))
    segment(TEXT, [schema])
    facts = joined(schema, figures(schema, {"/a": "1"}, {"/a": 2, "/b": 1}).facts)
    check(schema, facts)
    return schema


@settings(max_examples=80, deadline=None)
@given(JSON)
def test_any_json_as_a_schema_is_refused_or_read(source):
    obeyed(source)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, SPEC, max_size=6), st.dictionaries(st.sampled_from(["a", "b", "*", "a/b", ""]), SPEC, min_size=1, max_size=3))
@example({"required": 5}, {"a": {}})
@example({"x-captions": ""}, {"a": {}})
@example({"x-related": {"a": {"kind": "k"}}}, {"a": {}})
@example({"x-related": {"x": {"list": "a", "of": "a", "by": ["b", "b"]}}}, {"a": {"items": {"properties": {"b": {}}}}})
@example({"$defs": {"a": {"$ref": "#"}}}, {"a": {"$ref": "#/$defs/a"}})
def test_any_use_of_the_keywords_is_refused_or_read(more, properties):
    obeyed({"type": "object", **more, "properties": properties})


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(KEYS, SPEC, max_size=4))
def test_any_spec_of_a_field_is_refused_or_read(spec):
    obeyed({"type": "object", "properties": {"a": spec}})


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true') == 0",
        "a.__class__ == 1",
        "exec(a) == 1",
        "a == 1; import os",
        "lambda: a",
        "eval(a) == 1",
        "a == `id`",
    ],
)
def test_a_check_is_no_program(text):
    (mistake,) = lint({"type": "object", "properties": {"a": {}}, "x-checks": [text]}, kind="k")
    assert mistake[0] == "/x-checks"
    assert mistake[1].startswith(f"{text!r}: ")


# -- hostile -----------------------------------------------------------------------------------------------------------


def of_a(**spec: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": spec}}


def bounded(statement: str, source: Any = None) -> str:
    """What a statement prints in a process of its own; one that hangs is killed and fails the test."""
    setting = "import json, sys\nfrom structurer.contracts.contract import lint, load\nsource = json.loads(sys.stdin.read())\n"
    done = subprocess.run(
        [sys.executable, "-c", setting + statement], input=json.dumps(source), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_reference_to_itself_ends():
    loops = [
        ({"$ref": "#/properties/a"}, "$ref points at itself"),
        ({"anyOf": [{"$ref": "#/properties/a"}, {"type": "null"}]}, "nested deeper than 16 levels"),
        ({"type": "array", "items": {"$ref": "#/properties/a"}}, "nested deeper than 16 levels"),
        ({"$ref": "#"}, "nested deeper than 16 levels"),
    ]
    for spec, sentence in loops:
        assert sentence in {found for _, found in lint(of_a(**spec), kind="k")}


@pytest.mark.parametrize("leaf", [{"type": "string"}, {"type": "object"}, {"type": "array"}, {"$ref": "#/$defs/n0"}])
def test_references_that_multiply_end(leaf):
    levels = {
        f"n{level}": {"type": "object", "properties": {str(one): {"$ref": f"#/$defs/n{level + 1}"} for one in range(10)}}
        for level in range(12)
    }
    source = {"type": "object", "properties": {"a": {"$ref": "#/$defs/n0"}}, "$defs": {**levels, "n12": leaf}}
    assert "more than 2000 fields" in bounded("print(lint(source, kind='k'))", source)


def test_checks_that_multiply_end():
    form = {"type": "object", "properties": {"x": {}}, "x-checks": ["x == 1"] * 2000}
    source = {"type": "object", "properties": {f"f{one}": {"$ref": "#/$defs/form"} for one in range(1500)}, "$defs": {"form": form}}
    assert "more than 2000 checks" in bounded("print(lint(source, kind='k'))", source)


def test_nesting_of_a_hundred_thousand_levels_is_refused():
    for wrap in ("[source]", "{'properties': {'a': source}}", "{'anyOf': [source]}", "{'default': source}", "{'$ref': source}"):
        loop = f"source = {{}}\nfor _ in range(100_000): source = {wrap}\n"
        statement = loop + "print(lint({'type': 'object', 'properties': {'a': source}}, kind='k'))"
        assert bounded(statement) == "(('', 'nested deeper than 100 levels'),)"


def test_a_huge_schema_is_read_or_refused_in_bounded_time():
    fields = {f"f{one}": {"type": "string"} for one in range(100_000)}
    assert bounded("print(lint(source, kind='k'))", {"type": "object", "properties": fields}) == "(('', 'more than 20000 JSON objects'),)"
    wrong = {f"f{one}": one for one in range(100_000)}
    assert bounded("print(len(lint(source, kind='k')))", {"type": "object", "properties": wrong, "required": list(wrong)}) == "501"
    enum = [f"choice {one}" for one in range(100_000)]
    assert bounded("print(len(load(source, kind='k').root.members[0].choices))", of_a(enum=enum)) == "100000"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}b", "(x+x+)+y"])
def test_a_pattern_that_would_backtrack_is_run_in_linear_time_or_refused(pattern):
    search = f"re2.search(source['properties']['a']['pattern'], 'a' * {LONG} + '!')"
    assert bounded(f"import re2\nprint(lint(source, kind='k'), {search})", of_a(pattern=pattern)) == "() None"


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", "(a)\\1", "a{1,5000}", "(", "((a{500}){500}){500}"])
def test_a_pattern_beyond_linear_time_is_refused_and_says_nothing_on_the_side(pattern):
    printed = bounded("print(lint(source, kind='k'))", of_a(pattern=pattern))
    assert printed.startswith("(('/properties/a/pattern', ")
    assert "not a pattern that can be run in linear time (RE2): " in printed


SEARCH = f"""
from structurer.fold import Folded
from structurer.contracts.phrases import compile_phrase, search
phrase, text, choices = source
text = (text * {LONG})[:{LONG}]
fields = (("n", "number", ()), ("d", "date", ()), ("u", "unit", tuple(choices)), ("t", "text", ()), ("i", "integer", ()))
print(search(compile_phrase(phrase, fields), Folded(text), 0, {LONG}))
"""


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("a…a…a…Q", "a"),
        ("a{}{}{}Q", "a"),
        ("{}a{}a{t}Q", "a"),
        ("[{t}]a[{t}]a[…]Q", "a"),
        ("[…][…][…]Q", "a"),
        ("[a]" * 60 + "Q", "a"),
        ("a…" + "[a]" * 60 + "Q", "a"),
        ("{u}" * 60 + "Q", "a"),
        ("[{u}]" * 39 + "Q", "a"),
        ("{u}[a]" * 30 + "Q", "a"),
        ("{#}{#}…{}…Q", "1"),
        ("{#}…{#}…{n}…Q", "1"),
        ("{n}…{n}…{n}…Q", "1,"),
        ("[{n}][a]" * 20 + "Q", "1a"),
        ("[{n}][,]" * 20 + "Q", "1,"),
        ("[{d}]" * 39 + "Q", "2025年1月1日"),
        ("{d}…{d}…{d}…Q", "2025.1.1"),
        ("{i}…{i}…{i}…Q", "1a"),
        ("(" * 100 + "{t}", "("),
        ("({t})Q", "(a"),
    ],
)
def test_a_hostile_phrase_is_searched_in_a_long_text_in_bounded_time(phrase, text):
    assert bounded(SEARCH, [phrase, text, ["a", "aa", "aaa"]]) in ("None", bounded_match(phrase, text))


def bounded_match(phrase: str, text: str) -> str:
    """The one phrase of the list that is printed on its text: a hundred brackets and what follows on the line."""
    return f"Found(first=0, last={LONG}, captures={{'t': (100, {LONG})}})" if phrase.endswith("({t}") and text == "(" else "None"


@pytest.mark.parametrize(
    "line",
    [
        "-" * LONG + "x",
        "第1页" + " " * LONG + "x",
        " " * LONG + "x",
        "|" * LONG,
        "a" * LONG + "|",
        "1/" + " " * LONG,
        "<a " * (LONG // 3),
        "<a x=" * (LONG // 5),
        "- " * (LONG // 2) + "x",
        "=" * LONG + "\t",
    ],
    ids=lambda line: line[:6],
)
def test_a_hostile_line_is_laid_out_in_bounded_time(line):
    statement = """
from structurer.layout import Layout
layout = Layout(source, 0, len(source))
print(len(layout.clean) == len(source), len(layout.lines) < 3)
"""
    assert bounded(statement, f"| x | y |\n{line}") == "True True"


def test_labels_of_a_hundred_thousand_characters_are_refused_and_such_names_are_no_labels():
    message = "a label of more than 200 characters"
    assert lint(of_a(**{"x-labels": ["甲" * 100_000, "乙"]}), kind="k") == (("/properties/a/x-labels", message),)
    schema = load({"type": "object", "properties": {"(" * 100_000: {"title": ")" * 100_000}}}, kind="k")
    assert vocabulary(schema).pattern is None


def test_the_longest_labels_are_searched_in_a_long_text_in_bounded_time():
    statement = f"""
from structurer.builtin.labels import find, vocabulary
from structurer.layout import Layout
text = "甲" * {LONG}
print(len(find(Layout(text, 0, len(text)), vocabulary(load(source, kind="k")))))
"""
    assert bounded(statement, of_a(**{"x-labels": ["甲" * 199 + chr(0x4E00 + one) for one in range(50)]})) == "0"


def test_many_labels_are_searched_in_a_long_text_in_bounded_time():
    labels = [f"标签{one:04}" for one in range(5000)]
    statement = f"""
from structurer.builtin.labels import find, vocabulary
from structurer.layout import Layout
text = "标签" * {LONG // 2}
print(len(find(Layout(text, 0, len(text)), vocabulary(load(source, kind="k")))))
"""
    assert bounded(statement, of_a(**{"type": "string", "x-labels": labels})) == "0"


@pytest.mark.parametrize("label", ["(", ")", "[", "*", "a|b", "^$", "\\", "{2}", "(?i)", "\\d+", ".", "#", "(?P=x)"])
def test_labels_of_signs_that_patterns_are_made_of_are_texts(label):
    schema = load(of_a(**{"type": "string", "x-labels": label}), kind="k")
    text = f"ab12 {label} x"
    assert [text[hit.start : hit.end] for hit in find(Layout(text, 0, len(text)), vocabulary(schema))] == [label]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "!" * 5000 + "a == 1",
        "a == " + "-" * 1990 + "1",
        "a == 1" + " && a == 1" * 180,
        "a == " + "9" * 1990,
        "sum(" * 300,
        '"' * 1999,
    ],
    ids=lambda text: text[:6],
)
def test_a_hostile_check_is_refused_at_its_place(text):
    (mistake,) = lint({**of_a(type="number"), "x-checks": [text]}, kind="k")
    assert mistake[0] == "/x-checks"


def test_a_check_over_ten_million_rows_is_not_applicable():
    rows = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}}
    schema = load({"type": "object", "properties": {"rows": rows, "a": {"type": "number"}}, "x-checks": ["a == sum(rows[*].n)"]}, kind="k")
    facts = figures(schema, {"/a": "1"}, {}).facts
    (found,) = check(schema, type(facts)(facts.cells, {"/rows": 10_000_000}))
    assert (found.holds, found.outcome.words) == (None, "Not applicable: too large, more than 100,000 cells.")


@pytest.mark.parametrize(
    "values", [[""], [" "], {"": []}, {"x": [""]}, {"x": ""}, {" ": ["x"]}, "", ["x", None], {"x": [["y"]]}, {"x": None}]
)
def test_known_values_that_are_empty_are_refused(values):
    (mistake,) = lint(of_a(**{"x-values": values}), kind="k")
    assert mistake[0] == "/properties/a/x-values"
