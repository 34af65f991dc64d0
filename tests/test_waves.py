"""Answers by batch, against a Batch API that fails on purpose: what is asked and asked again, and that a kill loses and doubles nothing.

Run as a script it is what gets killed: it forks for each command (a line of JSON), so that what is slow to import is imported once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from structurer.asking import llm
from structurer.asking.llm import Message, Reply, Usage
from structurer.endpoints import batchfile
from structurer.endpoints.batchfile import Failure, Kind, custom_id, found_in, line_of
from structurer.endpoints.dialect import Dialect
from structurer.endpoints.providers import Limits, OpenAIModel
from structurer.endpoints.waves import BatchModel
from structurer.errors import HaltError, ModelError

KEY = "sk-test-0123456789"
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
ODD = {"backwards": True, "doubled": True, "unknown": True, "garbage": True}
Answer = Reply | BaseException


class Time:
    """A clock that runs ahead of the real one, with the sleeps that make it."""

    def __init__(self) -> None:
        self.now = 1e9

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(min(seconds / 5000, 0.002))
        self.now = max(self.now, until)


def hasten(put: Callable[[Any, str, Any], None]) -> None:
    """Leave out what takes time and matters to no test here: certificates, and the way of files from the system's memory to the disk."""
    import httpx2

    put(httpx2, "create_ssl_context", context)
    put(os, "fsync", lambda _: None)


@cache
def context(**_: Any) -> Any:
    import ssl

    return ssl.create_default_context()


def request(text: str, **options: Any) -> llm.Request:
    return llm.Request("tiny", (Message("system", "copy"), Message("user", text)), **options)


def reply(text: str, *, recorded: bool = False) -> Reply:
    return Reply(f"answer to {text}", "stub-2", usage=Usage(11, 7, total_tokens=18), recorded=recorded)


def texts(count: int) -> list[str]:
    return [f"doc {number:02}" for number in range(count)]


async def answers(model: BatchModel, *requests: llm.Request) -> list[Answer]:
    return list(await asyncio.gather(*map(model.complete, requests), return_exceptions=True))


@dataclass
class Case:
    """An account at the stub, a folder, and models on them that wait for next to nothing."""

    port: str
    folder: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    told: list[str] = field(default_factory=list)
    time: Time = field(default_factory=Time)

    @property
    def where(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.token}/v1"

    def behave(self, **faults: Any) -> None:
        self._open(Request(f"http://127.0.0.1:{self.port}/{self.token}", method="PUT", data=json.dumps(faults).encode()))

    def ledger(self) -> Any:
        return json.loads(self._open(Request(f"http://127.0.0.1:{self.port}/{self.token}/ledger")))

    def _open(self, asked: Request) -> bytes:
        found: bytes = build_opener(ProxyHandler({})).open(asked).read()
        return found

    def model(self, *, live: dict[str, Any] | None = None, **options: Any) -> BatchModel:
        endpoint = OpenAIModel("tiny", base_url=self.where, api_key=KEY, **(live or {}))
        return BatchModel(endpoint, self.folder, told=self.told.append, sleep=self.time.sleep, clock=self.time.clock, **options)

    def ask(self, *wanted: str | llm.Request, model: BatchModel | None = None, **options: Any) -> list[Answer]:
        requests = [one if isinstance(one, llm.Request) else request(one) for one in wanted]
        return asyncio.run(answers(model or self.model(**options), *requests))

    def error(self, *wanted: str | llm.Request, **options: Any) -> tuple[type, str, str]:
        """What the first request fails with: its kind, what, and remedy."""
        first = self.ask(*wanted, **options)[0]
        assert isinstance(first, ModelError)
        assert first.where in (self.where, str(self.folder)) or self.folder in Path(first.where).parents
        return type(first), first.what, first.remedy

    def sizes(self) -> list[int]:
        """The requests of each batch that was created."""
        return [len(lines) for lines in self.ledger()["lines"]]

    def charged(self) -> list[int]:
        return sorted(self.ledger()["charged"].values())

    def file(self, pattern: str) -> Path:
        (found,) = self.folder.glob(pattern)
        return found


@pytest.fixture(scope="session")
def port() -> Iterator[str]:
    stub = Path(__file__).with_name("stub_batches.py")
    with subprocess.Popen([sys.executable, str(stub)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture
def case(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hasten(monkeypatch.setattr)
    return Case(port, tmp_path / "batches")


# -- waves


def test_requests_that_wait_together_become_one_batch_and_are_answered(case: Case) -> None:
    case.behave(polls=4)
    assert case.ask(*texts(6)) == [reply(text) for text in texts(6)]
    assert case.sizes() == [6]
    assert case.told == [
        "submitted 6 requests as batch_1",
        "batch_1: 1 of 6 done",
        "batch_1: 3 of 6 done",
        "batch_1: 4 of 6 done",
        "batch_1: 6 of 6 done",
        "batch_1: collected, 6 of 6 answered",
    ]


def test_a_line_holds_what_a_live_request_would_post(case: Case) -> None:
    live = {"wire_name": "wired", "limits": Limits(output_tokens=9), "extra": {"store": False}}
    case.ask(request("发票\u2028x", reply_schema=SCHEMA, seed=3, logprobs=True), live=live)
    ((line,),) = case.ledger()["lines"]
    assert len(line.pop("custom_id")) == 32
    assert line == {
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "store": False,
            "model": "wired",
            "messages": [{"role": "system", "content": "copy"}, {"role": "user", "content": "发票\u2028x"}],
            "temperature": 0.0,
            "seed": 3,
            "logprobs": True,
            "max_tokens": 9,
            "response_format": {"type": "json_schema", "json_schema": {"name": "record", "strict": True, "schema": SCHEMA}},
        },
    }
    assert case.ledger()["keys"] == [f"Bearer {KEY}"]


def test_the_same_request_twice_is_asked_once(case: Case) -> None:
    assert case.ask("doc", "doc") == [reply("doc"), reply("doc", recorded=True)]
    assert case.sizes() == [1]


def test_samples_are_apart_where_the_seed_that_tells_them_apart_cannot_be_sent(case: Case) -> None:
    case.ask(*(request("doc", seed=seed) for seed in (1, 2)), live={"dialect": Dialect(sampling=False)})
    assert case.sizes() == [2]


def test_a_wave_that_is_too_long_for_a_file_becomes_several_batches(case: Case) -> None:
    assert case.ask(*texts(10), most_requests=4) == [reply(text) for text in texts(10)]
    assert sorted(case.sizes()) == [2, 4, 4]


def test_a_batch_has_no_more_bytes_than_a_file_may_have(case: Case) -> None:
    case.ask(*texts(2))
    length = case.file("*.requests.jsonl").stat().st_size // 2
    case.ask(*(f"new {number}" for number in range(5)), most_bytes=2 * length)
    assert (case.sizes()[0], sorted(case.sizes()[1:])) == (2, [1, 2, 2])


def test_a_request_that_fits_no_file_is_an_error_of_its_own(case: Case) -> None:
    long, short = case.ask("x" * 1000, "doc", most_bytes=1000)
    assert isinstance(long, ModelError)
    assert not isinstance(long, HaltError)
    assert (long.what, long.remedy) == ("the request is too long for a batch (1,232 bytes)", "leave --batch out for this document")
    assert short == reply("doc")


def test_what_is_asked_later_goes_into_the_next_wave(case: Case) -> None:
    async def twice() -> list[Answer]:
        model = case.model()
        return await answers(model, request("a")) + await answers(model, request("a"), request("b"))

    assert asyncio.run(twice()) == [reply("a"), reply("a", recorded=True), reply("b")]
    assert case.sizes() == [1, 1]


def test_what_nobody_waits_for_any_more_is_not_submitted_until_it_is_asked_again(case: Case) -> None:
    async def left() -> list[Answer]:
        joined, quiet = asyncio.Event(), asyncio.Event()

        async def sleep(_: float) -> None:
            joined.set()
            await quiet.wait()
            await asyncio.sleep(0.001)

        model = BatchModel(OpenAIModel("tiny", base_url=case.where, api_key=KEY), case.folder, sleep=sleep)
        stays, gone = (asyncio.ensure_future(model.complete(request(text))) for text in ("stays", "gone"))
        await joined.wait()
        gone.cancel()
        quiet.set()
        return [await stays, await model.complete(request("gone"))]

    assert asyncio.run(left()) == [reply("stays"), reply("gone")]
    assert case.sizes() == [1, 1]


def test_a_model_serves_several_event_loops_one_after_the_other(case: Case) -> None:
    model = case.model()
    assert case.ask("a", model=model) == [reply("a")]
    assert case.ask("a", "b", model=model) == [reply("a", recorded=True), reply("b")]


# -- lines


def test_lines_in_any_order_twice_unknown_or_broken_do_no_harm(case: Case) -> None:
    case.behave(**ODD)
    assert case.ask(*texts(5)) == [reply(text) for text in texts(5)]
    assert case.told[-1] == "batch_1: collected, 5 of 5 answered, 12 lines belong to none"
    assert case.charged() == [1] * 5


@pytest.mark.parametrize("fault", ["failing", "senseless"])
def test_what_failed_is_asked_again_in_the_next_wave(case: Case, fault: str) -> None:
    case.behave(**{fault: {"doc 01": 2, "doc 03": 1}})
    assert case.ask(*texts(5)) == [reply(text) for text in texts(5)]
    assert case.sizes() == [5, 2, 1]
    assert case.charged() == [1] * 5


def test_what_fails_in_three_batches_is_given_up_and_the_rest_is_answered(case: Case) -> None:
    case.behave(failing={"doc 01": 9})
    good, bad = case.ask("doc 00", "doc 01")
    assert good == reply("doc 00")
    assert isinstance(bad, ModelError)
    assert not isinstance(bad, HaltError)
    assert bad.what == "no answer in 3 batches; the last time: HTTP 500: failed on doc 01"
    assert bad.remedy == "try again later with the same command with --resume, or leave --batch out"
    assert case.sizes() == [2, 1, 1]


def test_what_failed_in_an_earlier_run_is_asked_again(case: Case) -> None:
    case.behave(failing={"doc 01": 3})
    case.ask("doc 00", "doc 01")
    assert case.ask("doc 00", "doc 01") == [reply("doc 00", recorded=True), reply("doc 01")]


def test_a_request_that_is_refused_for_what_it_asks_is_not_asked_again(case: Case) -> None:
    case.behave(refusing={"doc 01": 400})
    assert case.error("doc 01", "doc 00") == (
        ModelError, "the endpoint refused the request (HTTP 400: failed on doc 01)", "choose another --model or endpoint",
    )  # fmt: skip
    assert case.sizes() == [2]


def test_an_endpoint_that_refuses_all_that_it_was_ever_asked_ends_the_run(case: Case) -> None:
    case.behave(refusing={"doc": 400})
    remedy = "structurer doctor shows what the endpoint understands; then the same command with --resume"
    assert case.error(*texts(3)) == (HaltError, "all 3 requests of batch_1 were refused (HTTP 400: failed on doc 00)", remedy)


def test_a_key_that_is_refused_in_a_line_ends_the_run(case: Case) -> None:
    case.behave(refusing={"doc 01": 401})
    remedy = "mend that, then the same command with --resume"
    assert case.error("doc 01", "doc 00") == (HaltError, "the endpoint refuses (HTTP 401: failed on doc 01)", remedy)
    assert case.sizes() == [2]


@pytest.mark.parametrize("ending", ["expired", "cancelled", "failed"])
def test_what_a_batch_leaves_undone_is_asked_again(case: Case, ending: str) -> None:
    case.behave(cut_short=2, ending=ending)
    assert case.ask(*texts(8)) == [reply(text) for text in texts(8)]
    assert case.sizes() == [8, 4, 2]
    assert case.charged() == [1] * 8
    assert f"batch_1: collected, 4 of 8 answered, {ending}" in case.told


def test_what_three_batches_leave_undone_is_given_up(case: Case) -> None:
    case.behave(cut_short=3)
    what = "no answer in 3 batches; the last time: the batch expired before its turn came"
    assert case.error("doc")[:2] == (ModelError, what)


# -- batches


def test_a_batch_that_fails_validation_ends_the_run_with_the_endpoints_words(case: Case) -> None:
    case.behave(invalid=1, errors=[{"code": "bad", "message": f"no model\n'tiny' for {KEY}", "line": 2}, {"code": "odd"}, 3])
    assert case.error(*texts(2)) == (
        HaltError,
        "batch_1 was refused: line 2: no model 'tiny' for [key]; odd; an error without words",
        "mend that, then the same command with --resume: nothing of this batch was done or charged",
    )
    assert case.ask(*texts(2)) == [reply(text) for text in texts(2)]


def test_after_the_end_of_a_run_no_more_is_submitted_but_batches_that_go_on_are_waited_for(case: Case) -> None:
    case.behave(polls=30)

    async def halted() -> list[Answer]:
        model = case.model()
        going = asyncio.ensure_future(model.complete(request("going")))
        while not case.told:
            await asyncio.sleep(0.001)
        case.behave(polls=30, status={"upload": [401, 9]})
        refused = await answers(model, request("a"))
        return [*refused, *await answers(model, request("b")), await going]

    first, second, going = asyncio.run(halted())
    assert first is second
    assert isinstance(first, HaltError)
    assert going == reply("going")
    assert case.ledger()["steps"]["upload"] == 2


def test_more_than_may_wait_at_once_is_asked_when_another_batch_has_ended(case: Case) -> None:
    case.behave(room=4, polls=20)
    assert case.ask(*texts(12), most_requests=4) == [reply(text) for text in texts(12)]
    assert (set(case.sizes()), case.charged()) == ({4}, [1] * 12)


def test_more_than_may_ever_wait_at_once_is_asked_in_parts(case: Case) -> None:
    case.behave(room=5, polls=3)
    assert case.ask(*texts(12)) == [reply(text) for text in texts(12)]
    assert case.sizes()[0] == 12
    assert case.charged() == [1] * 12


def test_where_no_request_may_wait_the_run_ends(case: Case) -> None:
    case.behave(room=0)
    kind, what, _ = case.error("doc")
    assert (kind, what) == (HaltError, "batch_1 was refused: Enqueued token limit reached")


def test_where_no_request_may_wait_all_parts_of_all_batches_hear_of_it(case: Case) -> None:
    case.behave(room=0)
    assert {type(answer) for answer in case.ask(*texts(9), most_requests=4)} == {HaltError}


def test_a_batch_that_has_ended_is_looked_at_again_until_it_names_its_results(case: Case) -> None:
    case.behave(lost=3)
    assert case.ask(*texts(3)) == [reply(text) for text in texts(3)]
    case.behave(lost=99)
    assert case.error("other")[:2] == (HaltError, "the endpoint's answer makes no sense")
    case.behave()
    assert case.ask("other") == [reply("other")]
    assert case.charged() == [1] * 4


def test_a_batch_that_never_ends_ends_the_run(case: Case) -> None:
    case.behave(polls=10**9)
    assert case.error("doc", poll_s=7200) == (
        HaltError,
        "batch_1 has not ended after 48 hours (in_progress)",
        "cancel it at the endpoint, or wait; then the same command with --resume",
    )


# -- the endpoint

RESUMED = "the same command with --resume"


@pytest.mark.parametrize("step", ["upload", "create"])
@pytest.mark.parametrize(
    ("status", "what", "remedy"),
    [
        (401, "the key was refused (HTTP 401: no [key])", f"set OPENAI_API_KEY to a key of this endpoint, then {RESUMED}"),
        (403, "the key may not use batches (HTTP 403: no [key])",
         f"set OPENAI_API_KEY to a key that may, then {RESUMED}; or leave --batch out"),
        (404, "there are no batches at this address (HTTP 404: no [key])",
         "leave --batch out, or correct OPENAI_BASE_URL; it usually ends in /v1"),
        (400, "the endpoint refused the batch (HTTP 400: no [key])", f"mend that, then {RESUMED}; or leave --batch out"),
        (429, "the quota is used up (HTTP 429: no [key])", f"raise it, then {RESUMED}"),
        (302, "the endpoint sends its callers elsewhere (HTTP 302)", "set OPENAI_BASE_URL to where it does, if you trust that"),
    ],
)  # fmt: skip
def test_a_refusal_ends_the_run(case: Case, step: str, status: int, what: str, remedy: str) -> None:
    case.behave(status={step: [status, 99]}, error={"message": f"no\n{KEY}", "code": "insufficient_quota" if status == 429 else "x"})
    assert case.error("doc") == (HaltError, what, remedy)
    case.behave()
    assert case.ask("doc") == [reply("doc")]
    assert case.charged() == [1]


@pytest.mark.parametrize("step", ["upload", "create", "look", "content"])
@pytest.mark.parametrize("status", [500, 429])
def test_a_failure_that_passes_is_waited_out(case: Case, step: str, status: int) -> None:
    case.behave(status={step: [status, 20 if step in ("look", "content") else 5]})
    assert case.ask("doc") == [reply("doc")]
    assert case.charged() == [1]
    waiting = f"{case.where}: the endpoint does not answer (HTTP {status}); waiting, batches go on there meanwhile"
    assert [words for words in case.told if "endpoint" in words] == [waiting, f"{case.where}: the endpoint answers again"]


def test_an_endpoint_that_fails_for_hours_is_waited_for_while_it_has_a_batch(case: Case) -> None:
    case.behave(status={"look": [500, 130]})
    began = case.time.now
    assert case.ask("doc") == [reply("doc")]
    assert case.time.now - began > 2 * 3600


def test_an_endpoint_that_never_answered_is_not_waited_for_longer_than_a_live_one(case: Case) -> None:
    case.behave(status={"upload": [500, 10**6]})
    began = case.time.now
    remedy = f"structurer doctor, and when it is back: {RESUMED}"
    assert case.error("doc", live={"limits": Limits(patience_s=300)}) == (HaltError, "the endpoint does not answer (HTTP 500)", remedy)
    assert 200 < case.time.now - began < 310


def test_an_address_where_nobody_listens_ends_the_run(case: Case) -> None:
    endpoint = OpenAIModel("tiny", base_url="http://127.0.0.1:9/v1", api_key=KEY)
    model = BatchModel(endpoint, case.folder, sleep=case.time.sleep, clock=case.time.clock)
    (answer,) = case.ask("doc", model=model)
    assert isinstance(answer, HaltError)
    assert answer.what == "the endpoint does not answer (ConnectionRefusedError)"


@pytest.mark.parametrize("step", ["upload", "look"])
def test_answers_that_make_no_sense_are_asked_for_again_and_end_the_run_when_none_does(case: Case, step: str) -> None:
    case.behave(garbled={step: 2})
    assert case.ask("doc") == [reply("doc")]
    case.behave(garbled={step: 99})
    remedy = "check that OPENAI_BASE_URL is the address of an API with batches"
    assert case.error("other") == (HaltError, "the endpoint's answer makes no sense", remedy)
    case.behave()
    assert case.ask("doc", "other")[1] == reply("other")
    assert case.charged() == [1, 1]


@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize("fault", ["dropped", "garbled"])
def test_a_batch_whose_creation_was_not_answered_is_found_and_not_paid_for_twice(case: Case, noted: bool, fault: str) -> None:
    case.behave(noted=noted, others=7, page=3, **{fault: {"create": 1}})
    assert case.ask(*texts(3)) == [reply(text) for text in texts(3)]
    assert (case.sizes(), case.charged()) == ([3], [1] * 3)


def test_a_batch_that_may_or_may_not_have_been_created_ends_the_run_where_there_is_no_list(case: Case) -> None:
    case.behave(dropped={"create": 1}, status={"listing": [404, 99]})
    assert case.error("doc")[:2] == (HaltError, "there are no batches at this address (HTTP 404: no)")
    wave = case.file("*.requests.jsonl").name.split(".")[0]
    unsure = f"the endpoint lists no batches, so that it cannot be told whether it has any of {wave} (HTTP 404: no)"
    assert case.error("doc") == (HaltError, unsure, "see there whether it has; if not, remove their files from the folder of batches")
    assert (case.sizes(), case.charged()) == ([1], [1])


def test_an_upload_that_was_not_answered_is_made_again(case: Case) -> None:
    case.behave(dropped={"upload": 2})
    assert case.ask("doc") == [reply("doc")]
    assert case.sizes() == [1]


def test_answers_that_break_off_are_fetched_again(case: Case) -> None:
    case.behave(cut=2, dropped={"content": 1})
    assert case.ask(*texts(3)) == [reply(text) for text in texts(3)]
    assert (case.sizes(), sorted(file.name for file in case.folder.glob(".*"))) == ([3], [".lock"])


def test_answers_without_end_end_the_run(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batchfile, "LONGEST_LINE", 2**22)
    case.behave(endless=True)
    remedy = "choose another endpoint"
    assert case.error("doc") == (HaltError, "the endpoint's answer is longer than any to this many requests", remedy)
    assert not list(case.folder.glob("*.output.jsonl"))


def test_a_batch_that_the_endpoint_has_lost_ends_the_run_with_the_way_to_ask_again(case: Case) -> None:
    case.behave(status={"look": [404, 1]})
    file = case.folder / "*.json"
    kind, what, remedy = case.error("doc")
    record = case.file("*.json")
    assert (kind, what) == (HaltError, "the endpoint does not know batch_1 (HTTP 404: no)")
    assert remedy == f"use the key that it was made with; or rm {record}, then {RESUMED}: its requests are asked, and paid for, again"
    record.unlink()
    assert case.ask("doc") == [reply("doc")]
    assert (case.sizes(), file.parent) == ([1, 1], case.folder)


# -- the folder


def test_what_was_collected_is_answered_without_asking(case: Case) -> None:
    case.behave(**ODD)
    case.ask(*texts(3))
    before = case.ledger()
    case.told.clear()
    assert case.ask(*texts(3)) == [reply(text, recorded=True) for text in texts(3)]
    assert case.ledger() == before
    assert case.told == ["3 answers are there from before"]


def test_a_batch_that_goes_on_is_taken_up_again_and_its_requests_are_not_submitted_again(case: Case) -> None:
    case.behave(polls=10**9)
    case.error("a", "b", poll_s=7200)
    case.behave()
    case.told.clear()
    assert case.ask("c", "b", "a") == [reply("c"), reply("b"), reply("a")]
    assert (case.sizes(), case.charged()) == ([2, 1], [1] * 3)
    assert case.told[0] == "batch_1: taken up again, 2 requests"


def test_the_batches_of_another_endpoint_are_left_alone(case: Case) -> None:
    case.behave(polls=10**9)
    case.error("doc", poll_s=7200)
    other = Case(case.port, case.folder)
    assert other.ask("doc") == [reply("doc")]
    assert other.sizes() == [1]


def test_a_folder_belongs_to_one_run_at_a_time(case: Case) -> None:
    async def both() -> Answer:
        first, second = case.model(), case.model()
        await first.complete(request("doc"))
        return (await answers(second, request("doc")))[0]

    error = asyncio.run(both())
    assert isinstance(error, HaltError)
    assert (error.what, error.where, error.remedy) == (
        "another run is at work with these batches", str(case.folder), "wait until it has ended, or choose another --out",
    )  # fmt: skip
    assert case.ask("doc") == [reply("doc", recorded=True)]


def test_a_folder_that_cannot_be_written_to_ends_the_run_before_anything_is_asked(case: Case) -> None:
    case.folder.write_text("in the way")
    remedy = f"make room or choose another --out, then {RESUMED}"
    assert case.error("doc") == (HaltError, "batches cannot be kept here (file exists)", remedy)
    assert case.ledger()["steps"] == {}


def test_a_disk_that_fills_up_ends_the_run(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.ask("a")
    full = OSError(28, "No space left on device")

    def replace(_from: Path, _to: Path) -> None:
        raise full

    monkeypatch.setattr(os, "replace", replace)
    assert case.error("b")[:2] == (HaltError, "batches cannot be kept here (no space left on device)")
    assert case.sizes() == [1]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"wave": 3, "where": "x", "requests": 1}', '{"wave": "x", "where": "", "requests": 1}'])
def test_a_damaged_record_ends_the_run_before_anything_is_asked_again(case: Case, text: str) -> None:
    case.ask("doc")
    case.file("*.json").write_text(text)
    kind, what, _ = case.error("doc")
    assert kind is HaltError
    assert what.startswith(("damaged record of a batch (", "the record of another batch"))
    assert case.sizes() == [1]


def test_requests_that_were_changed_end_the_run(case: Case) -> None:
    case.ask("doc")
    with case.file("*.requests.jsonl").open("a") as file:
        file.write("{}\n")
    kind, what, remedy = case.error("doc")
    record = case.file("*.json")
    assert (kind, what) == (HaltError, "damaged file of requests")
    assert remedy == f"rm {record}, then {RESUMED}: its requests are asked, and paid for, again"


def test_answers_that_were_removed_are_fetched_again(case: Case) -> None:
    case.ask("doc")
    case.file("*.output.jsonl").unlink()
    assert case.ask("doc") == [reply("doc")]
    assert case.sizes() == [1]


def test_answers_that_were_changed_while_they_are_read_end_the_run(case: Case) -> None:
    async def changed() -> Answer:
        model = case.model()
        await model.complete(request("doc"))
        case.file("*.output.jsonl").write_text("{}")
        return (await answers(model, request("doc")))[0]

    error = asyncio.run(changed())
    assert isinstance(error, HaltError)
    assert error.what == "this file of answers has been changed"


def test_the_folder_is_for_its_owner_alone_and_holds_no_key(case: Case) -> None:
    case.behave(failing={"doc": 1})
    case.ask("doc")
    assert stat.S_IMODE(case.folder.stat().st_mode) == 0o700
    assert KEY.encode() not in b"".join(file.read_bytes() for file in case.folder.iterdir())


# -- lines of files, by themselves


def test_a_line_is_one_line_whatever_its_reader_takes_for_the_end_of_one() -> None:
    body = json.dumps({"text": "a\n\r\x85\u2028\u2029\x0b\x1eb"}, ensure_ascii=False).encode()
    line = line_of("0" * 32, body).decode()
    assert line.splitlines() == [line[:-1]]
    assert json.loads(line)["body"] == json.loads(body)


def test_a_request_is_named_by_endpoint_body_and_key() -> None:
    assert len({custom_id(where, body, key) for where in "ab" for body in (b"x", b"y") for key in "kl"}) == 8


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ({"response": None, "error": {"code": "batch_expired", "message": "too late"}}, Kind.PASSING, "too late"),
        ({"response": {"status_code": 200, "body": {"error": "gone"}}}, Kind.PASSING, "gone"),
        ({"response": {"status_code": 200, "body": {"choices": [{"message": "x"}]}}}, Kind.PASSING, "no chat completion"),
        ({"response": {"status_code": 200, "body": "x"}}, Kind.PASSING, "no chat completion"),
        ({"response": {"status_code": [200], "body": {"choices": [{"message": {}}]}}}, Kind.PASSING, "an error without words"),
        ({"response": {"status_code": 10**9, "body": {"error": {"message": ["x"], "code": 3}}}}, Kind.PASSING, "an error without words"),
        ({"response": {"status_code": 429, "body": {"error": {"code": "insufficient_quota"}}}}, Kind.SHUT, "HTTP 429: insufficient_quota"),
        ({"response": {"status_code": 404, "body": {"error": {"message": "a\x1b[2J\nb"}}}}, Kind.SHUT, "HTTP 404: a [2J b"),
        ({"response": {"status_code": 413, "body": None}}, Kind.REFUSED, "HTTP 413"),
        ({}, Kind.PASSING, "an error without words"),
    ],
)
def test_a_failure_is_told_by_its_line(tmp_path: Path, line: Any, kind: Kind, words: str) -> None:
    file = tmp_path / "errors.jsonl"
    file.write_text(json.dumps({"custom_id": "a", **line}))
    assert found_in((file,), ("a",)).failures == {"a": Failure(kind, words)}


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batchfile, "LONGEST_LINE", 200)
    good = json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "x"}}]}}})
    file = tmp_path / "output.jsonl"
    file.write_text(f"{' ' * 200}{good}\n{' ' * 1000}\n{good}\n{' ' * 399}{good}")
    found = found_in((file,), ("a",))
    assert (found.answers["a"].start, found.strange) == (202 + len(good) + 1000, 3)


# -- kills

REQUESTS = 30
KILLED = {"failing": {"doc 07": 1, "doc 19": 1}, "polls": 3}  # two waves, the first with answers and failures
WRITES = 13  # files moved into place in a run that is not killed
STEPS = {"upload": 2, "create": 2, "look": 6, "content": 3}  # what such a run asks of the endpoint


class Driver:
    """The process whose children are killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, case: Case, at_write: tuple[int, str] = (0, "")) -> tuple[int, list[str] | None]:
        """How it ended (0, or minus the signal) and the texts of the replies."""
        out = case.folder.parent / "out.json"
        out.unlink(missing_ok=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([case.where, str(case.folder), str(out), *at_write]), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return code, json.loads(out.read_text()) if out.exists() else None


@pytest.fixture(scope="session")
def driver(port: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    command = [sys.executable, __file__, Case(port, Path()).where, str(tmp_path_factory.mktemp("driver"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_PROXY": "*"}
    ) as process:
        yield Driver(process)
        process.kill()


def all_is_well(case: Case, driver: Driver) -> None:
    """The same command again comes to the end, with each request charged once."""
    assert driver.run(case) == (0, [f"answer to {text}" for text in texts(REQUESTS)])
    assert case.charged() == [1] * REQUESTS
    assert not list(case.folder.glob("*.tmp"))


def test_a_run_that_is_not_killed_has_these_steps(case: Case, driver: Driver) -> None:
    case.behave(**KILLED)
    assert driver.run(case, (WRITES + 1, "after"))[0] == 0
    assert (case.ledger()["steps"], case.charged()) == (STEPS, [1] * REQUESTS)


@pytest.mark.parametrize("when", ["in the middle of", "after"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_killed_at_a_file_nothing_is_lost_and_nothing_paid_for_twice(case: Case, driver: Driver, number: int, when: str) -> None:
    case.behave(**KILLED)
    assert driver.run(case, (number, when))[0] == -signal.SIGKILL
    all_is_well(case, driver)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("step", "number"), [(step, number) for step, count in STEPS.items() for number in range(1, count + 1)])
def test_killed_at_the_endpoint_nothing_is_lost_and_nothing_paid_for_twice(
    case: Case, driver: Driver, step: str, number: int, when: str
) -> None:
    case.behave(**KILLED, kill=[step, number, when])
    assert driver.run(case)[0] == -signal.SIGKILL
    all_is_well(case, driver)


def test_killed_again_and_again_it_comes_to_the_end(case: Case, driver: Driver) -> None:
    case.behave(**KILLED)
    for number in range(1, 100):
        code, _ = driver.run(case, (number, "in the middle of" if number % 2 else "after"))
        if code == 0:
            break
    assert number > 4
    all_is_well(case, driver)


def test_killed_while_it_looks_for_a_batch_it_finds_it_the_next_time(case: Case, driver: Driver) -> None:
    case.behave(**KILLED, kill=["create", 1, "after"])
    assert driver.run(case)[0] == -signal.SIGKILL
    case.behave(**KILLED, kill=["listing", 1, "after"])
    assert driver.run(case)[0] == -signal.SIGKILL
    all_is_well(case, driver)


def _drive(where: str, folder: Path) -> None:
    """Read commands, and fork for each; what is slow to import is there already, after a run that is not killed."""
    hasten(setattr)
    asyncio.run(_asked(where, folder))
    for line in sys.stdin:
        where, folder, out, number, when = json.loads(line)
        child = os.fork()
        if not child:
            _replaced_until(number, when)
            replies = asyncio.run(_asked(where, Path(folder)))
            Path(out).write_text(json.dumps([answer.text for answer in replies]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


async def _asked(where: str, folder: Path) -> list[Reply]:
    endpoint = OpenAIModel("tiny", base_url=where, api_key=KEY, headers={"X-Pid": str(os.getpid())})
    model = BatchModel(endpoint, folder, sleep=Time().sleep)
    return list(await asyncio.gather(*(model.complete(request(text)) for text in texts(REQUESTS))))


def _replaced_until(number: int, when: str) -> None:
    """Die when so many files have been moved into place: after that, or with the file half written."""
    replace: Callable[[Path, Path], None] = os.replace
    count = 0

    def counted(source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count == number and when == "in the middle of":
            os.truncate(source, os.path.getsize(source) // 2)
        else:
            replace(source, target)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    vars(os)["replace"] = counted


if __name__ == "__main__":
    _drive(sys.argv[1], Path(sys.argv[2]))
