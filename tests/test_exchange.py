"""Records made elsewhere, read from JSON Lines: figures keep their digits, and nothing is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer import exchange
from structurer.contracts.contract import load
from structurer.errors import InputError
from structurer.exchange import Flat, Line, flatten, plain, read_lines

NUMBER = {"type": "string", "x-kind": "number"}
ORDER = load(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "count": {"type": "integer"},
            "money": {"type": "object", "properties": {"total": NUMBER}},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"article": {"type": "string"}, "price": NUMBER}}},
            "notes": {"type": "array", "items": {"type": "string"}},
        },
    },
    kind="order",
)
REMEDY = '\n  next: each line is {"kind": ..., "record": {...}}, see `structurer export RUN --format records`'
SHOW = "\n  next: structurer schema show KIND"


def lines(tmp_path: Path, content: str | bytes, kinds: tuple[str, ...] = ("order",)) -> list[Line | InputError]:
    file = tmp_path / "in.jsonl"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_lines(file, kinds))


def line(text: str) -> Line:
    found = exchange._line(text, 7, "in.jsonl:7", ["order"])
    assert isinstance(found, Line)
    return found


def flat(record: str) -> Flat:
    return flatten(ORDER, line(f'{{"record": {record}}}'), "in.jsonl")


def refusal(tmp_path: Path, content: str, kinds: tuple[str, ...] = ("order",)) -> str:
    (found,) = lines(tmp_path, content, kinds)
    assert isinstance(found, InputError)
    assert found.exit_code == 4
    return str(found).replace(str(tmp_path), "FOLDER")


def test_every_line_is_a_record_with_its_number_and_kind(tmp_path):
    found = lines(tmp_path, '{"kind": "order", "record": {}, "source": "a.txt"}\n{"kind": "bill", "record": {}}\n', ("order", "bill"))
    assert [(one.number, one.kind, one.source) for one in found if isinstance(one, Line)] == [(1, "order", "a.txt"), (2, "bill", "")]


@pytest.mark.parametrize("content", ["", "\n", "  \n\t\n\n"])
def test_a_file_without_lines_holds_no_records(tmp_path, content):
    assert lines(tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ('{"record": {}}', [1]),  # no newline at the end
        ('\n\n{"record": {}}\n  \n{"record": {}}\n', [3, 5]),  # blank lines
        ('{"record": {}}\r\n{"record": {}}\r\n', [1, 2]),
        (b'\xef\xbb\xbf{"record": {}}\n', [1]),  # a byte order mark
        ('  {"record": {}}  \n', [1]),
        ('{"record": {"name": "a\u2028b\u0085c"}}\n', [1]),  # no ends of lines
    ],
)
def test_blank_lines_marks_and_ends_of_lines_do_not_matter(tmp_path, content, numbers):
    assert [one.number for one in lines(tmp_path, content) if isinstance(one, Line)] == numbers


def test_a_line_without_a_kind_is_of_the_only_kind_there_is(tmp_path):
    (found,) = lines(tmp_path, '{"record": {}}')
    assert isinstance(found, Line)
    assert found.kind == "order"
    assert refusal(tmp_path, '{"record": {}}', ("order", "bill")) == (
        "FOLDER/in.jsonl:1: no schema of kind None; known: order, bill\n  next: --schema FILE names another"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)" + REMEDY),
        ("nonsense", "no JSON: Expecting value: line 1 column 1 (char 0)" + REMEDY),
        ('{"record": {}} {}', "no JSON: Extra data: line 1 column 16 (char 15)" + REMEDY),
        ("[1]", 'expected an object with "record"' + REMEDY),
        ("null", 'expected an object with "record"' + REMEDY),
        ("{}", 'expected an object with "record"' + REMEDY),
        ('{"record": []}', 'expected an object with "record"' + REMEDY),
        ('{"record": null}', 'expected an object with "record"' + REMEDY),
        ('{"record": {"a": 1, "a": 2}}', "the key 'a' stands twice in one object\n  next: remove one"),
        ('{"record": {}, "record": {}}', "the key 'record' stands twice in one object\n  next: remove one"),
        ('{"kind": "bill", "record": {}}', "no schema of kind 'bill'; known: order\n  next: --schema FILE names another"),
        ('{"kind": null, "record": {}}', "no schema of kind None; known: order\n  next: --schema FILE names another"),
        ('{"kind": 3, "record": {}}', "no schema of kind '3'; known: order\n  next: --schema FILE names another"),
        ('{"kind": ["order"], "record": {}}', "no schema of kind ['order']; known: order\n  next: --schema FILE names another"),
    ],
)
def test_a_line_that_is_no_record_is_said_with_its_place(tmp_path, content, said):
    assert refusal(tmp_path, content) == f"FOLDER/in.jsonl:1: {said}"


def test_a_line_nested_too_deeply_is_no_json(tmp_path):
    deep = "[" * 100_000 + "]" * 100_000
    assert refusal(tmp_path, f'{{"record": {{"x": {deep}}}}}').startswith("FOLDER/in.jsonl:1: no JSON: maximum recursion depth exceeded")


def test_a_line_that_is_too_long_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_LINE", 20)
    assert refusal(tmp_path, '{"record": {"name": "a"}}') == f"FOLDER/in.jsonl:1: a line of more than 20 characters{REMEDY}"


def test_the_lines_around_a_bad_one_are_read(tmp_path):
    found = lines(tmp_path, '{"record": {}}\n{\n{"record": {}}\n')
    assert [type(one) for one in found] == [Line, InputError, Line]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        list(read_lines(tmp_path / "none.jsonl", ["order"]))
    assert str(caught.value) == f"{tmp_path}/none.jsonl: cannot be read: No such file or directory{REMEDY}"
    with pytest.raises(InputError) as caught:
        list(read_lines(tmp_path, ["order"]))
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory{REMEDY}"
    for content in ('{"record": {}}'.encode("utf-16"), '{"record": {"name": "甲乙丙"}}'.encode("gb18030")):
        with pytest.raises(InputError) as caught:
            lines(tmp_path, content)
        assert str(caught.value) == f"{tmp_path}/in.jsonl: cannot be read: it is not UTF-8{REMEDY}"


# -- values --------------------------------------------------------------------------------------------------------------


def test_a_record_is_flat_with_every_leaf_and_the_length_of_every_list():
    found = flat(
        '{"name": "甲", "count": 3, "money": {"total": "1,200.50"}, "lines": [{"article": "a", "price": 1.10}, {}], "notes": ["x", null]}'
    )
    assert found.texts == {
        "/name": "甲", "/count": "3", "/money/total": "1,200.50", "/lines/0/article": "a", "/lines/0/price": "1.10",
        "/lines/1/article": None, "/lines/1/price": None, "/notes/0": "x", "/notes/1": None,
    }  # fmt: skip
    assert (found.rows, found.unknown) == ({"/lines": 2, "/notes": 2}, [])


@pytest.mark.parametrize("digits", ["1.10", "1.0", "100", "0.50", "-3.00", "12345678901234567890.123456789012345678901", "-0"])
def test_a_json_number_keeps_its_digits(digits):
    assert flat(f'{{"money": {{"total": {digits}}}}}').texts["/money/total"] == digits


@pytest.mark.parametrize(
    ("digits", "text"),
    [
        ("1E+2", "100"),
        ("1e2", "100"),
        ("1.50e2", "150"),
        ("-2.5E-3", "-0.0025"),
        ("1e60", "1" + "0" * 60),
        ("1e61", "1e61"),  # too long to be written out
        ("1e99999999999999999999", "1e99999999999999999999"),  # no Decimal has such an exponent
    ],
)
def test_an_exponent_is_written_out(digits, text):
    assert flat(f'{{"money": {{"total": {digits}}}}}').texts["/money/total"] == text


@pytest.mark.parametrize(("tree", "text"), [("true", "true"), ("false", "false")])
def test_a_boolean_is_a_text(tree, text):
    assert flat(f'{{"name": {tree}}}').texts["/name"] == text


def test_keys_that_a_record_lacks_and_blanks_are_blank():
    blank = {"/name": None, "/count": None, "/money/total": None}
    assert (flat("{}").texts, flat("{}").rows) == (blank, {"/lines": 0, "/notes": 0})
    assert flat('{"name": "", "count": null, "money": null, "lines": null, "notes": []}').texts == blank
    assert flat('{"name": "  \\n", "money": {}}').texts == blank
    assert flat('{"lines": [null]}').texts == {**blank, "/lines/0/article": None, "/lines/0/price": None}


def test_keys_that_the_schema_does_not_know_are_said_with_their_place():
    assert flat('{"x": 1, "money": {"y/z": 2}, "lines": [{"~": [1, {"deep": 3}]}]}').unknown == ["/x", "/money/y~1z", "/lines/0/~0"]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ('{"name": []}', "/name: expected a text or a number, found []"),
        ('{"name": {"a": 1.50}}', '/name: expected a text or a number, found {"a": "1.50"}'),
        ('{"money": "5"}', '/money: expected an object, found "5"'),
        ('{"money": [1]}', "/money: expected an object, found [1]"),
        ('{"lines": {"0": {}}}', '/lines: expected a list, found {"0": {}}'),
        ('{"lines": "a"}', '/lines: expected a list, found "a"'),
        ('{"lines": [{}, 5]}', "/lines/1: expected an object, found 5"),
        ('{"lines": [[]]}', "/lines/0: expected an object, found []"),
        ('{"notes": ["a", {}]}', "/notes/1: expected a text or a number, found {}"),
        (f'{{"name": ["{"甲" * 50}"]}}', f'/name: expected a text or a number, found ["{"甲" * 38}'),
    ],
)
def test_a_value_of_another_shape_is_said_with_its_pointer(record, said):
    with pytest.raises(InputError) as caught:
        flat(record)
    assert str(caught.value) == f"in.jsonl:7#/record{said}{SHOW}"


def test_more_rows_than_are_read_are_said(monkeypatch):
    monkeypatch.setattr(exchange, "MAX_ROWS", 3)
    assert flat('{"lines": [{}, {}], "notes": ["a"]}').rows == {"/lines": 2, "/notes": 1}
    with pytest.raises(InputError) as caught:
        flat('{"lines": [{}, {}], "notes": ["a", "b"]}')
    assert str(caught.value) == "in.jsonl:7#/record/notes: more than 3 rows"


def test_five_thousand_rows_are_read():
    rows = json.dumps([{"article": f"Item{number}", "price": number} for number in range(5_000)])
    found = flat(f'{{"lines": {rows}}}')
    assert found.rows["/lines"] == 5_000
    assert found.texts["/lines/4999/price"] == "4999"


def test_confirmed_values_and_the_source_are_told_by_the_line():
    found = line('{"record": {}, "confirmed": ["/name", 3, null, "/lines/0/price"], "source": "a.pdf"}')
    assert (found.confirmed, found.source) == (frozenset({"/name", "3", "/lines/0/price"}), "a.pdf")
    assert line('{"record": {}}').confirmed == frozenset()
    assert line('{"record": {}, "source": null}').source == ""


# -- as it was given -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [None, True, "甲", "1.10", [], {}, 3, -3, 1.5, 10**30, [1, [2.5, {"a": None}]], {"a/b": {"~": "x"}}],
)
def test_a_tree_is_given_back_as_it_was_handed_over(tree):
    assert plain(line(json.dumps({"record": {}, "x": tree})).tree) == {"record": {}, "x": tree}


def test_a_number_of_more_digits_than_a_reader_keeps_is_given_back_as_a_text():
    assert plain(line('{"record": {}, "x": 0.1234567890123456789012345}').tree)["x"] == "0.1234567890123456789012345"
    assert plain(line('{"record": {}, "x": 1e400}').tree)["x"] == "1e400"


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_whatever_was_handed_over_is_given_back(tree):
    assert plain(line(json.dumps({"record": {}, "x": tree})).tree)["x"] == tree


RECORDS: Any = st.dictionaries(st.sampled_from(["name", "count", "money", "lines", "notes", "other"]), JSON, max_size=6)


def shape(record: Any) -> tuple[bool, str]:
    """Whether a record could be flattened, and where it could not."""
    try:
        found = flat(json.dumps(record))
    except InputError as error:
        return False, error.where
    return set(found.rows) == {"/lines", "/notes"} and ("/other" in found.unknown) is ("other" in record), ""


@given(RECORDS)
def test_any_record_is_flattened_or_said_to_be_of_another_shape(record):
    whole, where = shape(record)
    assert whole or where.startswith("in.jsonl:7#/record/")


# -- once found to be wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", ["2.5", "3", "3.0", "-3", "0.1"])
def test_a_number_is_given_back_with_its_digits(digits):
    assert json.dumps(plain(line(f'{{"record": {{}}, "x": {digits}}}').tree)["x"]) == digits


@pytest.mark.parametrize("digits", ["2.50", "1e2", "-0", "0.30000000000000000001"])
def test_a_number_that_json_would_write_with_other_digits_is_given_back_as_a_text(digits):
    assert plain(line(f'{{"record": {{}}, "x": {digits}}}').tree)["x"] == digits


def test_a_number_of_very_many_digits_is_given_back_as_a_text():
    digits = "1" * 5_000
    assert plain(line(f'{{"record": {{}}, "x": {digits}}}').tree)["x"] == digits


def test_a_number_with_a_very_large_exponent_is_given_back_as_a_text():
    assert plain(line('{"record": {}, "x": 1e99999999999999999999}').tree)["x"] == "1e99999999999999999999"


def test_a_tree_that_can_be_read_can_be_given_back_and_a_deeper_one_is_refused(tmp_path):
    most = exchange.MAX_NESTING - 1
    deep = "[" * most + "]" * most
    assert json.dumps(plain(line(f'{{"record": {{}}, "x": {deep}}}').tree)["x"]) == deep
    said = f"FOLDER/in.jsonl:1: nested deeper than {exchange.MAX_NESTING} levels{REMEDY}"
    for more in ("[", "[" * 800):
        assert refusal(tmp_path, f'{{"record": {{}}, "x": {more}{deep}{"]" * len(more)}}}') == said


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("content", ['{{"record": {{}}, "x": {}}}', '{{"record": {{"count": {}}}}}'])
def test_a_constant_that_is_no_json_is_refused(tmp_path, content, constant):
    said = f"FOLDER/in.jsonl:1: no JSON: {constant} is no JSON number{REMEDY}"
    assert refusal(tmp_path, content.format(constant)) == said


def test_a_boolean_is_taken_by_a_field_that_is_one():
    form = load({"type": "object", "properties": {"done": {"type": "boolean"}}}, kind="order")
    assert flatten(form, line('{"record": {"done": true}}'), "in.jsonl").texts["/done"] in ("true", "yes")


def test_a_number_written_with_an_exponent_is_a_figure():
    from structurer.contracts.schema import Kind
    from structurer.judging.parse import parse

    assert parse(flat('{"money": {"total": 1e2}}').texts["/money/total"], Kind.NUMBER).number == 100
