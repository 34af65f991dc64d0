"""The model's side of reading: what is asked, what counts as a reply, what is asked again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from structurer.asking.converse import concluded
from structurer.asking.extract import MAX_ECHO, Asking, Prompt, extract
from structurer.asking.guide import field_guide, reply_schema
from structurer.asking.llm import Reply, Request
from structurer.asking.replies import MAX_ROWS, BadReply, Fault, ReadReply, read_reply
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.errors import ModelError, UsageError
from structurer.record import Extraction

PROMPT = Prompt("Copy $title.\n$fields\n$shape\n---\n$fence\n$document\n$fence\n---\nBad:\n$errors", "1a2b")
SOURCE: dict[str, Any] = {
    "type": "object",
    "title": "自评表",
    "properties": {
        "model_config": {"type": "string", "title": "Year\nof plan", "description": "four\n digits"},
        "any key~/": {"type": "string", "enum": ["优", "良"]},
        "funds": {
            "type": "object",
            "x-labels": ["资金"],
            "properties": {"total": {"type": "number", "x-labels": ["合计", "总额"], "x-section": "一、资金", "x-beneath": True}},
        },
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "level": {"type": "string", "x-labels": ["一级指标"], "x-values": ["产出", "效益"], "x-spans-rows": True},
                    "parts": {"type": "array", "x-itemised": ["其中"], "items": {"type": "string"}},
                },
            },
        },
        "bodies": {"type": "array", "x-separator": "、", "x-phrases": ["由{bodies}实施"], "items": {"type": "string"}},
    },
}
SCHEMA = load(SOURCE, kind="自评 form")
TREE: dict[str, Any] = {
    "model_config": "２０２４ 年",
    "any key~/": " \u3000",
    "funds": {"total": "1,127,800.00"},
    "rows": [{"level": "产出", "parts": ["a", None]}, {"level": "", "parts": []}],
    "bodies": [],
}
GOOD = json.dumps(TREE, ensure_ascii=False)


@dataclass
class Scripted:
    """A model that says what it was given to say, in turn, and keeps what it was asked."""

    replies: list[Reply]
    asked: list[Request] = field(default_factory=list)
    name: str = "scripted"

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


def asked(text: str, schema: Schema, model: Any, prompt: Prompt, **more: Any) -> tuple[Extraction, tuple[Reply, ...]]:
    return concluded(extract(text, schema, Asking(model, prompt, **more)))


def says(text: str, **other: Any) -> Reply:
    return Reply(text, "scripted-1", **other)


def changed(**other: Any) -> str:
    return json.dumps({**TREE, **other}, ensure_ascii=False)


def read(text: str) -> Extraction | BadReply:
    found = read_reply(says(text), SCHEMA, reader="model:scripted")
    return found.extraction if isinstance(found, ReadReply) else found


def test_every_leaf_comes_home_by_pointer_and_blanks_are_none() -> None:
    extraction, replies = asked("text", SCHEMA, Scripted([says(GOOD)]), PROMPT)
    assert (extraction.kind, extraction.reader, replies) == ("自评 form", "model:scripted", (says(GOOD),))
    assert {place: leaf.text for place, leaf in extraction.leaves.items()} == {
        "/model_config": "２０２４ 年",
        "/any key~0~1": None,
        "/funds/total": "1,127,800.00",
        "/rows/0/level": "产出",
        "/rows/0/parts/0": "a",
        "/rows/0/parts/1": None,
        "/rows/1/level": None,
    }
    assert extraction.rows == {"/rows": 2, "/rows/0/parts": 2, "/rows/1/parts": 0, "/bodies": 0}


def test_the_request_gives_instructions_first_and_the_document_last() -> None:
    model = Scripted([says(GOOD)])
    asked("资金 $x", SCHEMA, model, PROMPT)
    request = model.asked[0]
    system, user = request.messages
    fence = user.content.splitlines()[0]
    assert (request.model, request.reply_name, request.temperature) == ("scripted", "___form", 0.0)
    assert [system.role, user.role] == ["system", "user"]
    assert system.content == (
        "Copy 自评表.\n"
        '- model_config (text): four digits; printed as "Year of plan"\n'
        '- ["any key~/"] (choice): one of "优", "良"\n'
        '- funds (block): printed as "资金"\n'
        '- funds.total (number, as printed): printed as "合计", "总额"; under the heading "一、资金"; printed below its label\n'
        "- rows[*] (list, one object for each printed row)\n"
        '- rows[*].level (text): printed as "一级指标"; usually one of "产出", "效益"; merged cells: repeat on each row covered\n'
        "- rows[*].parts[*] (list, one text for each printed item)\n"
        '- bodies[*] (list, one text for each printed member): in sentences such as "由{bodies}实施"; parted in print by 、\n'
        '{"model_config": null, "any key~/": null, "funds": {"total": null}, "rows": [{"level": null, "parts": [null]}], "bodies": [null]}'
    )
    assert user.content == f"{fence}\n资金 $x\n{fence}"


def test_a_title_that_is_no_label_stands_in_the_field_guide() -> None:
    source = {"type": "object", "properties": {"a": {"type": "string", "title": "Number of the invoice", "x-labels": ["No."]}}}
    assert field_guide(load(source, kind="x")) == '- a (text): Number of the invoice; printed as "No."'


def test_the_reply_schema_is_strict_and_its_leaves_are_text_or_null() -> None:
    schema = reply_schema(SCHEMA)
    leaf = {"type": ["string", "null"]}
    row = {
        "type": "object",
        "properties": {"level": leaf, "parts": {"type": "array", "items": leaf}},
        "required": ["level", "parts"],
        "additionalProperties": False,
    }
    assert schema == {
        "type": "object",
        "properties": {
            "model_config": leaf,
            "any key~/": leaf,
            "funds": {"type": "object", "properties": {"total": leaf}, "required": ["total"], "additionalProperties": False},
            "rows": {"type": "array", "items": row},
            "bodies": {"type": "array", "items": leaf},
        },
        "required": ["model_config", "any key~/", "funds", "rows", "bodies"],
        "additionalProperties": False,
    }
    assert list(schema["properties"]) == list(TREE)
    assert Draft202012Validator(schema).is_valid(TREE)
    assert reply_schema(load(SOURCE, kind="other")) is schema


@given(st.text(max_size=200), st.integers(0, 3))
def test_the_fence_does_not_occur_in_the_document(text: str, rounds: int) -> None:
    for _ in range(rounds + 1):
        model = Scripted([says(GOOD)])
        asked(text, SCHEMA, model, PROMPT)
        fence = model.asked[0].messages[1].content.splitlines()[0]
        assert fence not in text
        text += fence  # an attacker who has seen the last request


def test_a_document_with_lone_surrogates_can_be_asked_about_and_filed() -> None:
    model = Scripted([says("\udc00"), says(GOOD)])
    asked("a\ud800b", SCHEMA, model, PROMPT)
    assert "a?b" in model.asked[0].messages[1].content
    assert len(model.asked[1].key) == 24


@pytest.mark.parametrize("text", [f"```json\n{GOOD}\n```", f"```\n{GOOD}```\n", f"```{GOOD}```", f"\ufeff {GOOD}\n", f"```json{GOOD}```"])
def test_a_fence_around_the_whole_reply_is_tolerated(text: str) -> None:
    assert read(text) == read(GOOD)


def test_raw_line_breaks_inside_a_text_are_tolerated() -> None:
    extraction = read(GOOD.replace("２０２４ 年", "２０２４\n年"))
    assert isinstance(extraction, Extraction)
    assert extraction.leaves["/model_config"].text == "２０２４\n年"


@pytest.mark.parametrize(
    ("reply", "bad"),
    [
        (says(GOOD, refusal="I  cannot."), BadReply(Fault.REFUSED, ("I cannot.",))),
        (says(GOOD, finish_reason="length"), BadReply(Fault.CUT, ())),
        (says(GOOD, finish_reason="content_filter"), BadReply(Fault.FILTERED, ())),
        (says(GOOD, finish_reason="missing"), BadReply(Fault.UNFINISHED, ("finish reason: missing",))),
        (says(" \n"), BadReply(Fault.EMPTY, ())),
        (says("Sure! Here it is"), BadReply(Fault.BROKEN_JSON, ("Expecting value: line 1 column 1 (char 0)",))),
        (says(GOOD[:-1]), BadReply(Fault.BROKEN_JSON, ("cut off: what opens at character 0 is never closed",))),
        (says("[" * 100_000), BadReply(Fault.BROKEN_JSON, ("nested too deeply",))),
        (says('{"a":' * 100_000), BadReply(Fault.BROKEN_JSON, ("nested too deeply",))),
        (says('{"a": "1", "b": "2", "a": "3"}'), BadReply(Fault.DUPLICATE_KEY, ("'a' stands twice in one object",))),
        (says("[]"), BadReply(Fault.WRONG_SHAPE, ("the whole reply: Input should be a valid dictionary or instance of Record",))),
        (says(changed(funds={})), BadReply(Fault.MISSING_KEY, ("/funds/total: Field required",))),
        (says(changed(note="x")), BadReply(Fault.EXTRA_KEY, ("/note: Extra inputs are not permitted",))),
        (says(changed(funds={"total": 12.5})), BadReply(Fault.WRONG_SHAPE, ("/funds/total: Input should be a valid string",))),
        (says(changed(funds={"total": True})), BadReply(Fault.WRONG_SHAPE, ("/funds/total: Input should be a valid string",))),
        (says(changed(bodies=["a", 7])), BadReply(Fault.WRONG_SHAPE, ("/bodies/1: Input should be a valid string",))),
        (says(changed(bodies=None)), BadReply(Fault.WRONG_SHAPE, ("/bodies: Input should be a valid list",))),
        (says(changed(bodies=["a"] * (MAX_ROWS - 3))), BadReply(Fault.TOO_MANY_ROWS, ("20001 rows, 20000 are allowed",))),
    ],
    ids=lambda value: value.fault.name if isinstance(value, BadReply) else "",
)
def test_each_fault_of_a_reply_has_a_name(reply: Reply, bad: BadReply) -> None:
    assert read_reply(reply, SCHEMA, reader="model:scripted") == bad


def test_a_number_of_too_many_digits_and_a_lone_surrogate_are_faults_too() -> None:
    number, surrogate = read('{"a": ' + "1" * 5000 + "}"), read(changed(model_config="X").replace('"X"', '"\\ud800"'))
    assert isinstance(number, BadReply)
    assert isinstance(surrogate, BadReply)
    assert number.fault == Fault.BROKEN_JSON
    assert surrogate == BadReply(Fault.WRONG_SHAPE, ("/model_config: half a character (a lone surrogate)",))


def test_named_errors_are_bounded_in_number_and_length() -> None:
    bad = read(changed(**{f"{number}{'x' * 500}": "" for number in range(100)}))
    assert isinstance(bad, BadReply)
    assert (len(bad.errors), {len(line) for line in bad.errors}) == (20, {200})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(TREE)) | st.text(max_size=3), inner, max_size=5),
)


@given(st.text() | JSON.map(json.dumps) | st.fixed_dictionaries(dict.fromkeys(TREE, JSON)).map(json.dumps))
def test_no_reply_crashes_the_reader(text: str) -> None:
    assert isinstance(read(text), Extraction | BadReply)


def test_a_bad_reply_is_shown_again_with_its_errors() -> None:
    model = Scripted([says(changed(funds={"total": 12.5})), says("x" * 5000), says(GOOD)])
    extraction, replies = asked("text", SCHEMA, model, PROMPT)
    assert (extraction, len(replies)) == (read(GOOD), 3)
    assert [(message.role, message.content) for message in model.asked[2].messages[2:]] == [
        ("assistant", changed(funds={"total": 12.5})),
        ("user", "Bad:\n- wrong shape\n- /funds/total: Input should be a valid string"),
        ("assistant", "x" * MAX_ECHO + "... (cut)"),
        ("user", "Bad:\n- broken JSON\n- Expecting value: line 1 column 1 (char 0)"),
    ]
    assert len({request.key for request in model.asked}) == 3


def test_an_empty_reply_is_echoed_as_empty_and_a_refusal_in_its_words() -> None:
    model = Scripted([says(""), says("", refusal="No."), says(GOOD)])
    asked("text", SCHEMA, model, PROMPT)
    assert [message.content for message in model.asked[2].messages if message.role == "assistant"] == ["(empty)", "No."]


def test_a_model_that_never_answers_well_is_given_up_with_the_last_fault() -> None:
    model = Scripted([says("{"), says(changed(funds={"total": 1}))])
    with pytest.raises(ModelError) as caught:
        asked("text", SCHEMA, model, PROMPT, attempts=2)
    assert len(model.asked) == 2
    assert str(caught.value) == (
        "model scripted: no usable reply in 2 attempts; the last one: wrong shape (/funds/total: Input should be a valid string)\n"
        "  next: choose another --model, or leave it out to use the built-in reader"
    )


def test_a_reply_cut_at_the_output_limit_is_never_read_though_it_parses() -> None:
    with pytest.raises(ModelError) as caught:
        asked("text", SCHEMA, Scripted([says(GOOD, finish_reason="length")]), PROMPT, attempts=1)
    assert str(caught.value) == (
        "model scripted: no usable reply in 1 attempt; the last one: reply cut off at the output limit\n"
        "  next: raise the endpoint's output limit, or choose a model with a longer output"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n---\nb", "prompt 1a2b: a prompt has 3 parts between lines `---`, this one has 2"),
        (
            "$nmae\n---\nb\n---\nc",
            "prompt 1a2b: unknown placeholder $nmae; known here: $title, $kind, $fields, $shape, $fence, $document, $note",
        ),
        ("a\n---\nb\n---\n$document", "prompt 1a2b: unknown placeholder $document; known here: $errors"),
        ("5 $\n---\nb\n---\nc", "prompt 1a2b: Invalid placeholder in string: line 1, col 3; write $$ for a dollar sign"),
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_refused_before_any_request(text: str, message: str) -> None:
    model = Scripted([says(GOOD)])
    with pytest.raises(UsageError) as caught:
        asked("text", SCHEMA, model, Prompt(text, "1a2b"))
    assert (str(caught.value), model.asked) == (message, [])


def test_no_attempt_at_all_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(UsageError) as caught:
        asked("text", SCHEMA, Scripted([]), PROMPT, attempts=0)
    assert str(caught.value) == "a model needs at least one attempt, not 0"


def test_the_shipped_prompt_can_be_filled_in() -> None:
    text = (Path(__file__).parents[1] / "prompts" / "extract.md").read_text(encoding="utf-8")
    model = Scripted([says("{"), says(GOOD)])
    asked("发票 A-1", SCHEMA, model, Prompt(text, "shipped"))
    assert "- funds.total (number, as printed)" in model.asked[0].messages[0].content
    assert "\n发票 A-1\n" in model.asked[0].messages[1].content
    assert "- broken JSON" in model.asked[1].messages[3].content
