"""Leaves by JSON pointer, and the tree they make; and the seam to models, and errors."""

from __future__ import annotations

import pytest
from made import ORDER

from structurer.asking.llm import Message, Reply, Request, Usage
from structurer.contracts.contract import load
from structurer.errors import InputError, ModelError, SchemaError, StructurerError, UsageError
from structurer.record import as_json, expanded, leaf_pointers, pointer

ROWS = {"/lines": 2, "/lines/0/parts": 1, "/numbers": 1}


def test_a_pointer_escapes_what_json_pointers_escape():
    assert pointer() == ""
    assert pointer("a/b", 0, "~", "") == "/a~1b/0/~0/"


def test_a_star_stands_for_every_row_there_is():
    assert list(expanded(("lines", "*", "parts", "*", "amount"), ROWS)) == ["/lines/0/parts/0/amount"]
    assert list(expanded(("lines", "*"), ROWS)) == ["/lines/0", "/lines/1"]
    assert list(expanded((), ROWS)) == [""]
    assert list(expanded(("nothing", "*", "x"), ROWS)) == []


def test_every_leaf_of_the_schema_has_a_pointer_in_order():
    assert [place for place, _ in leaf_pointers(ORDER, ROWS)] == [
        "/name", "/count", "/money/total", "/money/unit", "/lines/0/label", "/lines/0/parts/0/amount", "/lines/1/label", "/numbers/0"
    ]  # fmt: skip


def test_the_tree_has_every_key_and_blanks_for_what_is_missing():
    values = {"/name": "课桌", "/money/total": "5", "/lines/0/parts/0/amount": "1", "/lines/1/label": "x", "/numbers/0": "n"}
    assert as_json(ORDER, values, ROWS) == {
        "name": "课桌",
        "count": None,
        "money": {"total": "5", "unit": None},
        "lines": [{"label": None, "parts": [{"amount": "1"}]}, {"label": "x", "parts": []}],
        "numbers": ["n"],
    }


def test_keys_that_pointers_escape_come_home():
    schema = load({"type": "object", "properties": {"a/b": {"type": "object", "properties": {"~": {}}}}}, kind="k")
    assert [place for place, _ in leaf_pointers(schema, {})] == ["/a~1b/~0"]
    assert as_json(schema, {"/a~1b/~0": "x"}, {}) == {"a/b": {"~": "x"}}


def test_a_request_is_known_by_what_the_model_would_see_and_not_by_its_name():
    messages = (Message("user", "读"),)
    request = Request("one", messages, {"type": "object"})
    assert request.key == Request("two", messages, {"type": "object"}, reply_name="other").key
    others = [
        Request("one", (Message("system", "读"),), {"type": "object"}),
        Request("one", messages, {"type": "array"}),
        Request("one", messages, {"type": "object"}, temperature=1.0),
        Request("one", messages, {"type": "object"}, seed=1),
    ]
    assert len({request.key, *(other.key for other in others)}) == 5
    assert len(request.key) == 24


def test_a_reply_was_asked_for_unless_it_says_that_it_was_recorded():
    assert Reply("{}", "m") == Reply("{}", "m", "stop", None, Usage(None, None), recorded=False)


@pytest.mark.parametrize(
    ("error", "code"), [(StructurerError, 1), (UsageError, 2), (InputError, 4), (ModelError, 5), (SchemaError, 6)]
)  # fmt: skip
def test_an_error_says_what_where_and_what_next_and_owns_its_exit_code(error, code):
    assert error.exit_code == code
    assert str(error("it broke")) == "it broke"
    assert str(error("it broke", where="a.txt")) == "a.txt: it broke"
    assert str(error("it broke", where="a.txt", remedy="mend it")) == "a.txt: it broke\n  next: mend it"
