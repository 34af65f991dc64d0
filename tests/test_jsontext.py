"""The JSON object in a reply: found wherever it stands, mended in its notation only, never completed, never guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import json_repair
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from structurer.asking.jsontext import MAX_DEPTH, MAX_STEPS, Broken, DuplicateKeyError, Kind, Parsed, lexed, parsed, string, unique_keys

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
NAMES = ("a", "b", "项目")
SNIPPETS = st.sampled_from([*"{}[]:,\"'\\#x项😀\n\x00 1“", "None", "null", "//", "/*", "```", "</think>", "<think>", '": "', "', '"])
TEXTS = st.lists(SNIPPETS, max_size=5).map("".join) | st.text(max_size=4)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), TREES, min_size=1)
DUMPS: st.SearchStrategy[Callable[[Any], str]] = st.builds(
    lambda ascii_only, indent, tight: lambda tree: json.dumps(
        tree, ensure_ascii=ascii_only, indent=indent, separators=(",", ":") if tight else None
    ),
    st.booleans(), st.sampled_from([None, 1]), st.booleans(),
)  # fmt: skip
BEFORE = st.sampled_from(
    ["", "Here it is [1]:\n", "```json\n", "Sure, it's {name}:\n```\n", "<think>{ it's \" {'a': 1} </think>", "so {a: 5}\n</think>\n"]
)
AFTER = st.sampled_from(["", "\n```", "\n```\nIt's done [2].", " \n"])


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1, 1.0 and true apart."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def texts(tree: Any) -> list[str]:
    """All keys and texts of a tree in their order."""
    if isinstance(tree, dict):
        return [text for key, value in tree.items() for text in (key, *texts(value))]
    if isinstance(tree, list):
        return [text for value in tree for text in texts(value)]
    return [tree] if isinstance(tree, str) else []


def broken(detail: str, kind: Kind = Kind.BROKEN) -> Broken:
    return Broken(kind, detail)


# -- what was read before is read as before ------------------------------------------------------------------------------


def as_ever(text: str) -> Any:
    """What replies that are nothing but JSON have always been read by, as the independent account."""
    bare = text.strip().removeprefix("\ufeff").strip()
    if len(bare) >= 6 and bare.startswith("```") and bare.endswith("```"):
        language, newline, rest = bare[3:-3].partition("\n")
        bare = rest if newline and language.strip().lower() in ("", "json") else bare[3:-3].removeprefix("json")
    return json.loads(bare, strict=False, object_pairs_hook=unique_keys)


PARTS = st.sampled_from(
    ["```", "`", "json", "JSON", "\n", "\r\n", " ", "\u3000", "\ufeff", '{"a": 1}', "[]", '"x\ty"', '{"a": 1, "a": 2}', "x"]
)


@QUICK
@given(st.lists(PARTS, max_size=8).map("".join))
@example("``````")
@example("\ufeff")
@example('```json{"a": 1}```')
def test_a_reply_that_is_nothing_but_json_is_read_as_ever(text: str) -> None:
    try:
        tree = as_ever(text)
    except DuplicateKeyError:
        assert parsed(text, ["a"]) == broken("'a' stands twice in one object", Kind.DUPLICATE_KEY)
    except ValueError:
        parsed(text, ["a"])
    else:
        read = parsed(text, ["a"])
        assert isinstance(read, Parsed)
        assert (read.tree, read.repaired) == (tree, False)
        assert json.JSONDecoder(strict=False).raw_decode(text, read.start)[0] == tree


@pytest.mark.parametrize("text", ["[]", "12", '"x"', "null", "NaN", '{"other": 1}', '```json\n[{"a": 1}]\n```'])
def test_a_reply_that_is_other_json_is_taken_for_what_it_is(text: str) -> None:
    assert isinstance(parsed(text, ["a"]), Parsed)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", broken("Expecting value: line 1 column 1 (char 0)")),
        ("Sure! Here it is", broken("Expecting value: line 1 column 1 (char 0)")),
        ('{"a": 1, "a": 2}', broken("'a' stands twice in one object", Kind.DUPLICATE_KEY)),
        ('So: {"a": {"x": 1, "\\u0078": 2}}', broken("'x' stands twice in one object", Kind.DUPLICATE_KEY)),
        ("{'a': 1, a: 2}", broken("'a' stands twice in one object", Kind.DUPLICATE_KEY)),
        ("[" * 100_000, broken("nested too deeply", Kind.TOO_DEEP)),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, broken("nested too deeply", Kind.TOO_DEEP)),
        ("So: " + '{"a":' * 100_000, broken("nested too deeply", Kind.TOO_DEEP)),
        ('{"a": "1", "b": ', broken("cut off: what opens at character 0 is never closed")),
        ('So: {"a": "1", "b": "2', broken("cut off: what opens at character 4 is never closed")),
        ("<think>The total is", broken("cut off: what opens at character 0 is never closed")),
        ('{"a": "the "big" one"}', broken("no JSON at character 12: 'big\" one\"}'")),
        ('{"a": "C:\\dir",}', broken("the string at character 6 has an escape that JSON does not know")),
        ('"a": {"a": "1"}}', broken("a bracket closes at character 15 that was never opened")),
        ('So: [{"a": "1"}]', broken("the object stands inside another one or a list")),
        ('So: {"reply": {"a": "1"}}', broken("the object stands inside another one or a list")),
        ('So: {"c": "1"}', broken("JSON with none of the keys asked for")),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place(text: str, fault: Broken) -> None:
    assert parsed(text, ["a", "b"]) == fault


# -- found ---------------------------------------------------------------------------------------------------------------


@QUICK
@given(OBJECTS, DUMPS, BEFORE, AFTER)
def test_any_object_is_found_in_whatever_stands_around_it(
    tree: dict[str, Any], dumps: Callable[[Any], str], before: str, after: str
) -> None:
    assert_found(parsed(before + dumps(tree) + after, list(tree)), tree, len(before))


def assert_found(read: Parsed | Broken, tree: Any, start: int) -> None:
    assert isinstance(read, Parsed)
    assert (same(read.tree, tree), read.repaired, read.start) == (True, False, start)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('{"a": "1"} {"a": "1"}', {"a": "1"}),
        ('{"a": null} is the shape. {"a": "1"}', {"a": "1"}),
        ('{"a": null, "rows": [{"b": ""}]} is the shape. {"a": "1", "rows": []}', {"a": "1", "rows": []}),
        ('The part {"a": "1"} of {"a": "1", "b": "2"}', {"a": "1", "b": "2"}),
        ('The row {"x": "1"} in {"a": "1"}', {"a": "1"}),
        ('{"a": "draft"} </think> {"a": "1"}', {"a": "1"}),
        ("it's {a: ...}, { </THINK> {'a': '1'}", {"a": "1"}),
        ('<think>{"a": "draft"} {</think>{"a": "1"}', {"a": "1"}),
        ('[THINK]{"a": "draft"}[/THINK]{"a": "1"}', {"a": "1"}),
        ('◁think▷{"a": "draft"◁/think▷{"a": "1"}', {"a": "1"}),
        ('So: {"a": "</think>{\\"a\\": 5}"}', {"a": '</think>{"a": 5}'}),
        ('On [0, 1) and [see above], {x} or {{x}} and [the [list]]: {"a": "1"}', {"a": "1"}),
        ('All blank: {"a": null}', {"a": None}),
    ],
)
def test_of_several_pieces_the_one_that_is_meant_is_taken(text: str, tree: Any) -> None:
    read = parsed(text, ["a", "b"])
    assert isinstance(read, Parsed)
    assert read.tree == tree


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "1"} {"a": "2"}',
        '{"a": "1"} {"a": 1}',
        '{"a": 1} {"a": true}',
        '{"a": 1} {"a": 1.0}',
        '{"a": "1"} {"b": "2"}',
        '{"a": "1"} is an example. {"a": null}',
        '{"a": "1", "b": "2"}. Correction: {"b": "3"}',
        '{"a": null} is the shape. [{"x": "1"}]',
        '<think></think> {"a": "1"} <think></think> {"a": "2"}',
    ],
)
def test_objects_that_differ_are_no_reason_to_guess(text: str) -> None:
    read = parsed(text, ["a", "b"])
    assert isinstance(read, Broken)
    assert read.kind is Kind.AMBIGUOUS


@pytest.mark.parametrize(
    "text",
    [
        '{"a": null} is the shape. {"reply": {"a": "1"}}',
        '{"a": null} is the shape. {"a": "1" oops}',
        '{"a": null} is the shape. {"a"： "1"}',
        '{"a": null} is the shape. {“a”: “1”}',
        '{"a": null} is the shape. {a = 1}',
        '{"a": null} is the shape. {"a": "1"',
        '{"a": null} is the shape. <think>',
        '{"x": oops, "rows": [{"a": "1"}]} {"a": "1"}',
        '[{"a": "1"}, oops] {"a": "2"}',
        '{"a": "1"}}',
        '{"a": "1"} </think>',
    ],
)
def test_a_whole_object_beside_a_broken_one_is_not_taken(text: str) -> None:
    assert isinstance(parsed(text, ["a"]), Broken)


# -- never completed -----------------------------------------------------------------------------------------------------


@QUICK
@given(OBJECTS, DUMPS, BEFORE)
def test_no_object_that_was_cut_off_is_read(tree: dict[str, Any], dumps: Callable[[Any], str], before: str) -> None:
    text = before + dumps(tree)
    for end in range(len(before), len(text)):
        assert isinstance(parsed(text[:end], list(tree)), Broken), text[:end]


@QUICK
@given(st.data(), OBJECTS)
def test_no_malformed_object_that_was_cut_off_is_read(data: st.DataObject, tree: dict[str, Any]) -> None:
    text = loose(data, tree)
    for end in range(len(text)):
        assert isinstance(parsed(text[:end], list(tree)), Broken), text[:end]


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ('{"a": "1,127', {"a": "1,127"}),
        ('{"a": "1", "b": ', {"a": "1", "b": ""}),
        ('{"a": "1", "b', {"a": "1"}),
        ('{"rows": [{"a": "1"}, {"a": "2"}', {"rows": [{"a": "1"}, {"a": "2"}]}),
        ("{'a': nul", {"a": "nul"}),
    ],
)
def test_the_library_would_complete_what_is_cut_off_and_is_not_asked(text: str, invented: Any) -> None:
    assert json_repair.loads(text) == invented
    assert parsed(text, ["a", "rows"]) == broken("cut off: what opens at character 0 is never closed")


def structure(text: str) -> Iterator[int]:
    """Where JSON text has a bracket, colon, comma or a quote that bounds a string."""
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', text, re.DOTALL):
        yield token.start()
        if token[0][0] == '"':
            yield token.end() - 1


@QUICK
@given(OBJECTS, DUMPS)
@example({"a": "None,//", "b": "'"}, lambda tree: json.dumps(tree, indent=1))
@example({"a": {"a": "1"}, "b": "2"}, json.dumps)
def test_a_lost_bracket_comma_colon_or_quote_changes_no_text_silently(tree: dict[str, Any], dumps: Callable[[Any], str]) -> None:
    text = dumps(tree)
    for place in structure(text):
        read = parsed(text[:place] + text[place + 1 :], list(tree))
        assert isinstance(read, Broken) or texts(read.tree) == texts(tree), (text, place)


# -- mended --------------------------------------------------------------------------------------------------------------

BLANKS = st.sampled_from(["", "", " ", "\n", "\u3000", "/* c: [ */", "// it's ,\n", "# x }\n"])


def loose(data: st.DataObject, tree: Any) -> str:
    """The tree in the notation of someone who half remembers JSON, JavaScript and Python."""
    if isinstance(tree, dict):
        members = [spaced(data, named(data, key)) + ":" + spaced(data, loose(data, value)) for key, value in tree.items()]
        return "{" + ",".join(members) + tail(data, members) + "}"
    if isinstance(tree, list):
        rows = [spaced(data, loose(data, value)) for value in tree]
        return "[" + ",".join(rows) + tail(data, rows) + "]"
    if isinstance(tree, str):
        return quoted(data, tree)
    return data.draw(st.sampled_from([repr(tree), json.dumps(tree)]))


def spaced(data: st.DataObject, text: str) -> str:
    return data.draw(BLANKS) + text + data.draw(BLANKS)


def tail(data: st.DataObject, members: Sequence[str]) -> str:
    return data.draw(st.sampled_from(["", ",", " ,\n"])) if members else ""


def named(data: st.DataObject, key: str) -> str:
    return key if re.fullmatch(r"[^\W\d]\w*", key) and data.draw(st.booleans()) else quoted(data, key)


def quoted(data: st.DataObject, text: str) -> str:
    single = "'" + json.dumps(text, ensure_ascii=data.draw(st.booleans()))[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    double = json.dumps(text, ensure_ascii=data.draw(st.booleans()))
    raw = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return data.draw(st.sampled_from([single, double, raw]))


@QUICK
@given(st.data(), OBJECTS)
def test_notation_is_mended_and_nothing_else(data: st.DataObject, tree: dict[str, Any]) -> None:
    read = parsed("It's this:\n" + loose(data, tree) + "\nDone.", list(tree))
    assert isinstance(read, Parsed)
    assert same(read.tree, tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('{"a": "1",}', {"a": "1"}),
        ("{'a': 'it\\'s \"x\"', \"b\": \"it\\'s\"}", {"a": 'it\'s "x"', "b": "it's"}),
        ("{a: None, b: [True, False, null,],}", {"a": None, "b": [True, False, None]}),
        ("{'a': '1\\xa0000'}", {"a": "1\xa0000"}),
        ('{"a": "1" "b": [{"x": "1"} {"x": "2"}]}', {"a": "1", "b": [{"x": "1"}, {"x": "2"}]}),
        ('{"a": "x\n\ty \n", /* why */ "b": 1 // so\n}', {"a": "x\n\ty \n", "b": 1}),
        ('{"a": "\\ud83d\\ude00",}', {"a": "😀"}),
        ('{"a": "\ud800\x00",}', {"a": "\ud800\x00"}),
        ('{"a": 1.50, "b": -0,}', {"a": 1.5, "b": 0}),
        ('{"a": "```json {} ```", }', {"a": "```json {} ```"}),
        ('```json\n{"a": "1",}\n``` as asked', {"a": "1"}),
    ],
)
def test_what_is_mended(text: str, tree: Any) -> None:
    assert parsed(text, ["a", "b"]) == Parsed(tree, True, text.index("{"))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1,127}',
        '{"a": 1_000,}',
        '{"a": 007}',
        '{"a": .5}',
        '{"a": 12 元}',
        '{"a": yes,}',
        '{"a": undefined}',
        '{"a": NaN,}',
        '{"a": , "b": "1"}',
        '{"a"}',
        '{"a", "b"}',
        '{"a": ["1" "2"]}',
        '{"a": "1" + "2"}',
        '{"a": "1", ...}',
        '{"a": ("1", "2")}',
        '{"a": "1", // "b": "2"\n}',
        '{"a": "x\\\ny",}',
        '{"a": "\\x41",}',
        '{"a": [1}]',
        '{"a": [{} {}]}',
        '{{"a": "1"}}',
        '{"a": ' + "1" * 5000 + ",}",
        '{"a": "1"; "b": "2"}',
        "{'a': b'1'}",
    ],
)
def test_what_might_mean_something_else_is_not_mended(text: str) -> None:
    read = parsed(text, ["a", "b"])
    assert isinstance(read, Broken)
    assert read.kind is Kind.BROKEN


REPLY = "{'a': '1', 'rows': [{'b': None}, {'b': 'x'}], 'n': [1, {}],}"


@pytest.mark.parametrize(
    "lie",
    [
        lambda tree: {**tree, "c": "x"},
        lambda tree: {key: value for key, value in tree.items() if key != next(iter(tree))},
        lambda tree: dict(reversed(tree.items())),
        lambda tree: {key: "1" if isinstance(value, str) else value for key, value in tree.items()},
        lambda tree: {key: value[:1] if isinstance(value, list) else value for key, value in tree.items()},
        lambda tree: {key: [*value, None] if isinstance(value, list) else value for key, value in tree.items()},
        lambda tree: {key: [True, {}] if value == [1, {}] else value for key, value in tree.items()},
        lambda tree: {key: [1, []] if value == [1, {}] else value for key, value in tree.items()},
        lambda tree: {key: [[1], {}] if value == [1, {}] else value for key, value in tree.items()},
        lambda tree: [tree],
        lambda tree: "",
    ],
)
def test_a_library_that_invents_loses_or_moves_something_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, lie: Callable[[Any], Any]
) -> None:
    assert isinstance(parsed(REPLY, ["a"]), Parsed)
    loads = json_repair.loads
    monkeypatch.setattr(json_repair, "loads", lambda text: lie(loads(text)))
    assert parsed(REPLY, ["a"]) == broken("what opens at character 0 cannot be mended without loss")


def test_the_library_sees_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    loads = json_repair.loads
    monkeypatch.setattr(json_repair, "loads", lambda text: (shown.append(text), loads(text))[1])
    assert isinstance(parsed(REPLY, ["a"]), Parsed)
    assert shown == ['{"1":"6","11":[{"21":None },{"34":"39"}],"46":[1 ,{}],}']


def test_what_is_mended_may_be_nested_as_deep_as_is_said() -> None:
    deep = '{"a":' + "[" * (MAX_DEPTH - 1) + "'x'" + "]" * (MAX_DEPTH - 1) + "}"
    assert isinstance(parsed(deep, ["a"]), Parsed)
    assert parsed(f'{{"a":[{deep}]}}', ["a"]) == broken("nested too deeply", Kind.TOO_DEEP)


# -- hostile -------------------------------------------------------------------------------------------------------------

LONG = 200_000


@pytest.mark.parametrize(
    "text",
    [
        *(
            "{" * 10**6,
            '"' * 10**7,
            '{x x "' + '"' * 10**7,
            "\x00" * LONG,
            "\ud800" * LONG,
            "\ufeff" * LONG,
            "{" + " " * LONG,
            "{" + "a" * LONG,
        ),
        *(
            "x" + "[" * LONG,
            "}" * LONG,
            "x{}" * LONG,
            "{x x}" * LONG,
            'x{"a":1}' * LONG,
            "[x" * LONG,
            "{a:'}" * LONG,
            "[ " * LONG,
            '["' * LONG,
        ),
        *(
            "<think>" * LONG,
            "</think>" * LONG,
            "{x</think>" * LONG,
            "{x " + "<" * LONG,
            "```json\n{" * LONG,
            "{\x00" * LONG,
            "{'\ud800" * LONG,
        ),
        *(
            '{x "' + '\\"' * LONG,
            "{'" + "\\'" * LONG,
            '{"' + "\\" * LONG,
            "{'a" * LONG,
            "[[" * 40 + "'x" * LONG,
            ("[[" * 40 + "'x") * 5_000,
        ),
        *('{"a":1' + "/*" * LONG, "{#" * LONG, "{//\n" * LONG, "[//" * LONG + '"', "[/*" * LONG, "[#" * LONG + '"'),
        *("x[" + "0," * LONG + "]", "{'a':" + "1" * LONG + "}", "x {" + '"a":1,' * 10_000 + "}"),
    ],
    ids=range(39),
)
def test_hostile_text_ends_in_a_fault(text: str) -> None:
    assert isinstance(parsed(text, ["a"]), Broken)


def test_what_is_too_long_to_look_through_is_said_to_be() -> None:
    fault = broken(f"no JSON as it stands, and with more than {MAX_STEPS} tokens too long to look for some")
    assert parsed("x[" + "0," * MAX_STEPS + "]", ["a"]) == fault
    assert parsed("x{}" * MAX_STEPS, ["a"]) == fault


@QUICK
@given(st.lists(SNIPPETS | st.sampled_from(['{"a": "1"}', "{a: 1}", "'a'", '"a": ', "<THINK>", "None,"]), max_size=12).map("".join))
def test_nothing_crashes_the_reader(text: str) -> None:
    read = parsed(text, ["a"])
    assert isinstance(read, Broken) or 0 <= read.start < len(text)
    lexed(text, 0)


# -- tokens --------------------------------------------------------------------------------------------------------------


@QUICK
@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_the_tokens_are_those_of_the_text(tree: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(tree, ensure_ascii=ascii_only, indent=indent)
    tokens = lexed(text, 0)
    assert tokens is not None
    assert "".join(text[token.start : token.end] for token in tokens) == json.dumps(tree, ensure_ascii=ascii_only, separators=(",", ":"))
    literals = [text[token.start : token.end] for token in tokens if token.sign in ("k", "v")]
    assert [string(literal) for literal in literals if literal[0] == '"'] == texts(tree)


@pytest.mark.parametrize(
    ("literal", "text"), [('"a\\"b"', 'a"b'), ("'a\"\\'b'", "a\"'b"), ("'\\x41\\n'", "A\n"), ('"\\\\"', "\\"), ("''", "")]
)
def test_a_string_literal_stands_for_its_text(literal: str, text: str) -> None:
    assert string(literal) == text
