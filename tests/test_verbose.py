"""What `--verbose` says: a line a call, aligned and bounded, without a word of a document, an endpoint or a key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest
from stub_running import Running, running

from structurer.asking.llm import Message, Reply, Request, Usage
from structurer.endpoints.cache import Cached
from structurer.endpoints.providers import Limits, OpenAIModel
from structurer.endpoints.verbose import Spoken, Voice, about, reason_of, turn_came, turns_counted
from structurer.errors import HaltError, ModelError, UsageError
from structurer.layout import width

CONTENT, KEY = "发票号码 4711", "sk-test-0123456789"
REQUEST = Request("gpt-x", (Message("user", CONTENT),))
REPLY = Reply(CONTENT, "gpt-x-2026", usage=Usage(1204, 310, 770))
LONGEST = 180  # columns of a line


@dataclass
class Answering:
    """A model that gives these answers in turn, each after its turn has come as often as said."""

    answers: list[Reply | Exception] = field(default_factory=lambda: [REPLY])
    turns: tuple[float, ...] = (0.0,)
    name: str = "gpt-x"

    async def complete(self, _: Request) -> Reply:
        await asyncio.sleep(0)
        for waited_s in self.turns:
            turn_came(waited_s)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Pace:
    """The pace of calls, as it stands in a test."""

    limit: int
    overloaded: int = 0


@dataclass
class Ear:
    """Keeps what is said, the seconds that calls took as T.T."""

    lines: list[str] = field(default_factory=list)

    @property
    def voice(self) -> Voice:
        return Voice(self.hear, lambda: datetime(2026, 11, 28, 14, 2, 7))

    def hear(self, line: str) -> None:
        self.lines.append(re.sub(r"\d\.\d s(?!\S)", "T.T s", line))

    def ask(self, *answers: Reply | Exception, document: str = "bills/0017.txt", **more: object) -> None:
        model = Answering([*answers], **more)  # type: ignore[arg-type]

        async def all_of() -> None:
            with about(document):
                for _ in answers:
                    await asyncio.gather(Spoken(model, self.voice).complete(REQUEST), return_exceptions=True)

        asyncio.run(all_of())


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as stub:
        yield stub


def test_what_came_of_each_call_stands_in_columns(ear: Ear) -> None:
    ear.ask(
        REPLY,
        replace(REPLY, recorded=True),
        replace(REPLY, finish_reason="length", usage=Usage(812, 1600)),
        replace(REPLY, refusal=CONTENT),
        replace(REPLY, text=" ", usage=Usage()),
        ModelError(f"the endpoint failed (HTTP 500: {CONTENT})"),
    )
    assert ear.lines == [
        "14:02:07  bills/0017.txt                gpt-x                 T.T s  1,204 tokens in (63 % cached), 310 out",
        "14:02:07  bills/0017.txt                gpt-x                        from the cache",
        "14:02:07  bills/0017.txt                gpt-x                 T.T s  reply cut off at the output limit; 812 tokens in, 1,600 out",
        "14:02:07  bills/0017.txt                gpt-x                 T.T s  refusal; 1,204 tokens in (63 % cached), 310 out",
        "14:02:07  bills/0017.txt                gpt-x                 T.T s  empty reply; tokens not counted",
        "14:02:07  bills/0017.txt                gpt-x                 T.T s  failed: the endpoint failed (HTTP 500)",
    ]


def test_effort_is_told_and_not_counted_as_time(ear: Ear) -> None:
    ear.ask(REPLY, turns=(1000.4, 200.0, 0.0))
    assert ear.lines[0].endswith(" T.T s  1,204 tokens in (63 % cached), 310 out; 3 tries; waited 1,200 s for its turn")


def test_documents_that_are_done_at_once_are_not_mixed_up(ear: Ear) -> None:
    async def one(name: str) -> None:
        model = Spoken(Answering([REPLY, REPLY]), ear.voice)
        with about(name):
            await asyncio.gather(model.complete(REQUEST), model.complete(REQUEST))

    async def all_of() -> None:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(one(name))

    asyncio.run(all_of())
    assert sorted(line.split()[1] for line in ear.lines) == ["a", "a", "b", "b", "c", "c"]


def test_turns_are_counted_for_every_wrapper_and_for_each_call_alone() -> None:
    async def call(times: int) -> tuple[int, int]:
        with turns_counted() as outer, turns_counted() as inner:
            for _ in range(times):
                await asyncio.sleep(0)
                turn_came(1.0)
        return outer.tries, inner.tries

    async def several() -> list[tuple[int, int]]:
        return list(await asyncio.gather(call(1), call(2)))

    assert asyncio.run(several()) == [(1, 1), (2, 2)]
    turn_came(1.0)  # nobody counts


def test_names_are_shortened_and_stay_aligned(ear: Ear) -> None:
    for document in ("a.txt", "年度财务报告/二〇二六年/附件三/第十七号发票.pdf", "x" * 10_000 + "17.txt", "a b/\u3000c.txt"):
        ear.ask(REPLY, document=document, name="very-long-model-name-2026-11-28")
    assert [line.split("  ")[1] for line in ear.lines] == ["a.txt", "…年/附件三/第十七号发票.pdf", f"…{'x' * 21}17.txt", "a b/ c.txt"]
    assert {width(line[: line.index("very-")]) for line in ear.lines} == {40}
    assert {line[line.index("very-") :].split("  ")[0] for line in ear.lines} == {"very-long-model…"}


@pytest.mark.parametrize("name", ["a\x1b[2Jb\r\nc", "a\u202eb", "a\udce5b", "a\u2028b", "\ud800" * 500])
def test_names_that_a_terminal_would_obey_are_inert_and_on_one_line(ear: Ear, name: str) -> None:
    ear.ask(REPLY, ModelError(name * 50), document=name, name=name)
    for line in ear.lines:
        assert line.isprintable()
        assert line.encode()
        assert width(line) <= LONGEST


def test_no_line_holds_what_a_document_or_an_endpoint_says(ear: Ear, stub: Running) -> None:
    for fault in ("none", "refusing", "bad_key", "error_inside", "redirect_elsewhere"):
        model = OpenAIModel("tiny", base_url=stub.fault(fault).base_url, api_key=KEY, limits=Limits(attempts=1))

        async def asked(model: OpenAIModel = model) -> None:
            await asyncio.gather(Spoken(model, ear.voice).complete(REQUEST), return_exceptions=True)

        asyncio.run(asked())
    assert [line.split(" s  ")[1] for line in ear.lines] == [
        "11 tokens in, 7 out",
        "refusal; 11 tokens in, 7 out",
        "failed: the key was refused (HTTP 401)",
        "failed: the endpoint's answer is no chat completion (an error)",
        "failed: the endpoint sends its callers elsewhere (HTTP 307)",
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModelError("cannot connect (ConnectionRefusedError)"), "cannot connect (ConnectionRefusedError)"),
        (HaltError("the budget is used up: 4.99 of 5.00 USD spent, and the next call may cost 0.1"), "the budget is used up"),
        (UsageError("replies cannot be recorded here (permission denied)"), "replies cannot be recorded here (permission denied)"),
        (ModelError(f"no model 'tiny' at this address (HTTP 404: {CONTENT} (a) (b))"), "no model 'tiny' at this address (HTTP 404)"),
        (ZeroDivisionError(CONTENT), "ZeroDivisionError"),
    ],
)
def test_reasons_are_in_our_own_words(error: Exception, words: str) -> None:
    assert reason_of(error) == words


def test_counts_that_cannot_be_are_not_said(ear: Ear) -> None:
    ear.ask(replace(REPLY, usage=Usage(10**40, 10**40, 1)), replace(REPLY, usage=Usage(0, 0, 5)), replace(REPLY, usage=Usage(10, 0, 10**9)))
    assert [line.split(" s  ")[1] for line in ear.lines] == [
        "tokens not counted",
        "0 tokens in, 0 out",
        "10 tokens in (100 % cached), 0 out",
    ]


def pacing(ear: Ear, *steps: tuple[int, int]) -> list[str]:
    pace = Pace(16)
    spoken = Spoken(Answering([REPLY] * len(steps)), ear.voice, lambda: pace)
    for pace.limit, pace.overloaded in steps:
        asyncio.run(spoken.complete(REQUEST))
    return [line for line in ear.lines if "tokens" not in line]


def test_the_pace_is_told_when_it_has_moved_by_much(ear: Ear) -> None:
    assert pacing(ear, (16, 0), *((limit, 0) for limit in range(17, 33)), (23, 9), (22, 9), (23, 12), (16, 12), (4, 12), (3, 12)) == [
        "14:02:07                                gpt-x                        22 calls at a time now, 16 before",
        "14:02:07                                gpt-x                        30 calls at a time now, 22 before",
        "14:02:07                                gpt-x                        22 calls at a time now, 30 before; 9 refused as too many",
        "14:02:07                                gpt-x                        16 calls at a time now, 22 before; 3 refused as too many",
        "14:02:07                                gpt-x                        4 calls at a time now, 16 before",
        "14:02:07                                gpt-x                        3 calls at a time now, 4 before",
    ]


def test_a_pace_that_swings_says_no_more_than_calls_do(ear: Ear) -> None:
    assert len(pacing(ear, *((1 + 9 * (step % 2), step) for step in range(50)))) <= 50


def test_a_pause_is_told_with_the_time(ear: Ear) -> None:
    ear.voice.told(f"http://127.0.0.1:8000/v1: endpoint does not answer;\npaused, trying again in 1 s{'.' * 1000}")
    assert ear.lines[0].startswith("14:02:07  http://127.0.0.1:8000/v1: endpoint does not answer; paused, trying again in 1 s")
    assert width(ear.lines[0]) <= LONGEST


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_nobody_listening_fails_no_call(error: Exception) -> None:
    def say(_: str) -> None:
        raise error

    assert asyncio.run(Spoken(Answering(), Voice(say)).complete(REQUEST)) == REPLY


def test_a_failing_model_fails_as_before(ear: Ear) -> None:
    with pytest.raises(ModelError, match="down"):
        asyncio.run(Spoken(Answering([ModelError("down")]), ear.voice).complete(REQUEST))


def test_a_wrapped_cache_still_says_what_it_holds(ear: Ear, tmp_path: Path) -> None:
    spoken = Spoken(Cached(Answering(), tmp_path, "x"), ear.voice)
    assert (spoken.name, spoken.holds(REQUEST)) == ("gpt-x", False)
    asyncio.run(spoken.complete(REQUEST))
    asyncio.run(spoken.complete(REQUEST))
    assert spoken.holds(REQUEST) is True
    assert [line[40:].split() for line in ear.lines][1] == ["gpt-x", "from", "the", "cache"]
    assert Spoken(Answering(), ear.voice).holds(REQUEST) is False


def test_the_clock_is_the_local_one() -> None:
    said: list[str] = []
    before = f"{datetime.now():%H:%M}"
    Voice(said.append).told("x")
    assert said[0][:5] in (before, f"{datetime.now():%H:%M}")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  x", said[0])
