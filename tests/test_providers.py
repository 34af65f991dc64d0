"""Transport against a stub endpoint that fails on purpose: what is retried, what is stepped down, what is said when there is no answer."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import uuid
from asyncio import run
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from structurer.asking.converse import concluded
from structurer.asking.extract import Asking, Prompt, extract
from structurer.asking.llm import Message, Reply, Request, Usage
from structurer.contracts.contract import load
from structurer.endpoints.dialect import Dialect, Format
from structurer.endpoints.providers import Limits, OpenAIModel
from structurer.errors import HaltError, ModelError, UsageError

KEY = "sk-test-0123456789"
GOOD = '{"number": "A-1", "lines": [{"text": "钢笔", "amount": "12.50"}]}'
REPLY_SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
REQUEST = Request("tiny", (Message("system", "copy"), Message("user", "发票")), REPLY_SCHEMA, seed=3)
PROMPT = Prompt("Copy.\n$fields\n$shape\n---\n$fence\n$document\n$fence\n---\n$errors", "test")
INVOICE = load(
    {
        "type": "object",
        "properties": {
            "number": {"type": "string"},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"text": {"type": "string"}, "amount": {"type": "number"}}},
            },
        },
    },
    kind="invoice",
)


@pytest.fixture(scope="session")
def port() -> Iterator[str]:
    stub = Path(__file__).with_name("stub_endpoint.py")
    with subprocess.Popen([sys.executable, str(stub)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@dataclass
class Case:
    """One fault at the stub, with a model that waits for nothing and notes how long it would have waited."""

    port: str
    fault: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    waits: list[float] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.fault}/{self.token}/v1"

    def model(self, **options: Any) -> OpenAIModel:
        limits = Limits(**{name: options.pop(name) for name in ("attempts", "timeout_s", "deadline_s") if name in options})
        return OpenAIModel("tiny", base_url=self.base_url, sleep=self.wait, limits=limits, **({"api_key": KEY} | options))

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def seen(self) -> list[dict[str, Any]]:
        with build_opener(ProxyHandler({})).open(self.base_url.replace("/v1", "/seen")) as answer:
            seen: list[dict[str, Any]] = json.load(answer)
            return seen

    def error(self, **options: Any) -> ModelError:
        with pytest.raises(ModelError) as caught:
            run(self.model(**options).complete(REQUEST))
        return caught.value


@pytest.fixture
def case(port: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Case(port, request.param)


def fault(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [name], indirect=True)


def said(error: ModelError, case: Case) -> tuple[str, str]:
    assert error.where == case.base_url
    return error.what, error.remedy


@fault("none")
def test_a_request_is_posted_with_strict_schema_and_answered_with_text_and_usage(case: Case) -> None:
    assert run(case.model().complete(REQUEST)) == Reply(GOOD, "stub-2", "stop", None, Usage(11, 7, total_tokens=18))
    assert case.seen() == [
        {
            "authorization": f"Bearer {KEY}",
            "body": {
                "model": "tiny",
                "messages": [{"role": "system", "content": "copy"}, {"role": "user", "content": "发票"}],
                "temperature": 0.0,
                "seed": 3,
                "response_format": {"type": "json_schema", "json_schema": {"name": "record", "strict": True, "schema": REPLY_SCHEMA}},
            },
        }
    ]


@fault("none")
def test_an_endpoint_of_ones_own_needs_no_key(case: Case) -> None:
    assert run(case.model(api_key=None).complete(REQUEST)).text == GOOD


@fault("none")
def test_a_request_without_reply_schema_asks_for_plain_text(case: Case) -> None:
    run(case.model().complete(Request("tiny", (Message("user", "hello"),))))
    assert "response_format" not in case.seen()[0]["body"]


@fault("overloaded_once")
def test_retry_after_is_respected(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD
    assert case.waits == [7.0]


@fault("overloaded_for_hours")
def test_an_endpoint_that_shuts_for_hours_halts_the_run_at_once(case: Case) -> None:
    error = case.error()
    assert (type(error), case.waits, len(case.seen())) == (HaltError, [], 1)
    assert said(error, case) == (
        "the endpoint is overloaded or the quota is used up (HTTP 429: slow down)",
        "try again later, or raise the quota",
    )


@fault("overloaded_until_a_date")
def test_retry_after_may_be_a_date_and_nonsense_is_passed_over(case: Case) -> None:
    case.error(deadline_s=35)
    date, nonsense, *_ = case.waits
    assert 25 < date <= 30
    assert nonsense < 2


@fault("overloaded_until_a_date")
def test_no_wait_passes_the_deadline(case: Case) -> None:
    case.error(deadline_s=10)
    assert (case.waits, len(case.seen())) == ([], 1)


@fault("out_of_quota")
def test_a_used_up_quota_is_not_retried(case: Case) -> None:
    assert case.error().what == "the endpoint is overloaded or the quota is used up (HTTP 429: You exceeded your quota)"
    assert len(case.seen()) == 1


@fault("failing_twice")
def test_two_server_errors_are_outlasted_with_growing_waits(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD
    first, second = case.waits
    assert 0.5 <= first <= 1.0 <= second <= 1.5


@fault("failing")
def test_an_endpoint_that_keeps_failing_is_given_up(case: Case) -> None:
    assert said(case.error(attempts=2), case) == ("the endpoint failed (HTTP 503: maintenance)", "try again later")
    assert len(case.seen()) == 2


@fault("dropping_once")
def test_a_dropped_connection_is_retried(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD
    assert len(case.waits) == 1


@fault("cut_transfer_once")
def test_an_answer_that_breaks_off_in_transfer_is_retried(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD
    assert len(case.waits) == 1


@fault("dribbling")
def test_an_answer_that_dribbles_is_left_in_time(case: Case) -> None:
    assert said(case.error(timeout_s=0.2, attempts=2), case) == ("no answer within 0.2 s", "try again later, or choose a faster model")
    assert len(case.waits) == 1


def test_an_address_where_nothing_listens_is_named() -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    model = OpenAIModel("tiny", base_url="http://user:secret@127.0.0.1:9/v1?key=secret", limits=Limits(attempts=2), sleep=wait)
    with pytest.raises(ModelError) as caught:
        run(model.complete(REQUEST))
    assert str(caught.value) == (
        "http://127.0.0.1:9/v1: cannot connect (ConnectionRefusedError)\n"
        "  next: check OPENAI_BASE_URL, and that the endpoint is running and can be reached"
    )
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("case", "detail"),
    [("web_page", "no JSON"), ("no_choices", "no choices"), ("error_inside", "an error: upstream is gone")],
    indirect=["case"],
)
def test_an_answer_that_is_no_chat_completion_is_said_to_be_none(case: Case, detail: str) -> None:
    assert said(case.error(), case) == (
        f"the endpoint's answer is no chat completion ({detail})",
        "check that OPENAI_BASE_URL is the address of an OpenAI-compatible API; it usually ends in /v1",
    )


@fault("refusing")
def test_a_refusal_is_handed_on(case: Case) -> None:
    assert run(case.model().complete(REQUEST)) == Reply("", "stub-2", "stop", "I cannot help with that.", Usage(11, 7, total_tokens=18))


@fault("cut_at_length")
def test_a_reply_that_was_cut_keeps_its_finish_reason(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).finish_reason == "length"


@pytest.mark.parametrize("case", ["parts", "tool_call"], indirect=True)
def test_text_in_parts_or_in_a_tool_call_is_read(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD


@fault("no_json_schema")
def test_an_endpoint_without_json_schema_is_stepped_down_once_and_remembered(case: Case) -> None:
    model = case.model()
    assert [run(model.complete(REQUEST)).text for _ in range(2)] == [GOOD, GOOD]
    asked = [post["body"] for post in case.seen()]
    assert [body.get("response_format", {}).get("type") for body in asked] == ["json_schema", "json_schema", None, "json_object"]
    assert [body.get("tool_choice", {}).get("type") for body in asked] == [None, None, "function", None]  # it left the tool aside


@fault("plain_text_only")
def test_an_endpoint_without_any_response_format_is_stepped_down_to_text(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD
    kinds = [post["body"].get("response_format", {}).get("type") or sorted({"tools"} & set(post["body"])) for post in case.seen()]
    assert kinds == ["json_schema", "json_schema", ["tools"]]


@fault("no_temperature")
def test_a_model_that_takes_no_temperature_is_not_sent_one_again(case: Case) -> None:
    assert run(case.model().complete(REQUEST)).text == GOOD
    assert [post["body"].get("seed") for post in case.seen()] == [3, None]


def test_a_refusal_for_another_reason_steps_nothing_down() -> None:
    assert Dialect().after(400, "context too long") is None
    assert Dialect().after(500, "json_schema") is None
    assert Dialect(Format.TEXT, sampling=False).after(400, "response_format, temperature") is None


@fault("bad_key")
def test_a_refused_key_is_reported_without_the_key(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = case.error()
    assert said(error, case) == (
        "the key was refused (HTTP 401: Incorrect API key provided: [key])",
        "set OPENAI_API_KEY to a key of this endpoint",
    )
    assert KEY not in caplog.text + repr(error) + repr(case.model())
    assert error.__suppress_context__


@fault("unknown_model")
def test_an_unknown_model_is_named(case: Case) -> None:
    assert said(case.error(), case) == (
        "no model 'tiny' at this address (HTTP 404: The model tiny does not exist)",
        "choose another --model, or correct OPENAI_BASE_URL; it usually ends in /v1",
    )
    assert len(case.seen()) == 1


def test_no_key_for_the_default_endpoint_is_said_before_any_request() -> None:
    with pytest.raises(ModelError) as caught:
        OpenAIModel("tiny")
    assert str(caught.value) == (
        "https://api.openai.com/v1: no API key\n  next: set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint that needs no key"
    )


@pytest.mark.parametrize("address", ["ftp://host/v1", "localhost:8080", "http://", "http://[::1", "http://host:99999/v1"])
def test_an_address_that_is_no_url_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        OpenAIModel("tiny", base_url=address)
    assert str(caught.value) == (
        "OPENAI_BASE_URL: the endpoint's address is no http or https URL\n"
        "  next: set OPENAI_BASE_URL to an address such as https://api.openai.com/v1"
    )


@pytest.mark.parametrize("key", ["sk-a\nsk-b", "sk-\u2014", "sk-\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        OpenAIModel("tiny", base_url="http://host/v1", api_key=key)
    assert str(caught.value) == "http://host/v1: the API key holds a character that no key has\n  next: set OPENAI_API_KEY again"


@pytest.mark.parametrize("case", ["cut_json_once", "wrong_shape_once"], indirect=True)
def test_a_bad_reply_is_asked_for_again_over_the_wire(case: Case) -> None:
    extraction, replies = concluded(extract("发票 A-1\n钢笔 12.50", INVOICE, Asking(case.model(), PROMPT)))
    assert {place: leaf.text for place, leaf in extraction.leaves.items()} == {
        "/number": "A-1",
        "/lines/0/text": "钢笔",
        "/lines/0/amount": "12.50",
    }
    assert len(replies) == 2
    assert [[message["role"] for message in post["body"]["messages"]] for post in case.seen()] == [
        ["system", "user"],
        ["system", "user", "assistant", "user"],
    ]


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 (4000 in the messages, 1000 in the functions).",
        "the request exceeds the available context size, try increasing it",
        "prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
def test_a_request_that_does_not_fit_is_no_reason_to_ask_less_strictly(words: str) -> None:
    assert Dialect().after(400, words) is None
