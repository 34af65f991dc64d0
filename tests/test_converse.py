"""Conversations in rounds: side by side, driven with and without an event loop, halted, and broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from structurer.asking.converse import answered, concluded, converse, further
from structurer.asking.llm import Answer, Call, Message, Reply, Request, Rounds, side_by_side
from structurer.errors import HaltError, ModelError


class Echo:
    """Answers with what it was asked; errors are raised instead."""

    name = "echo"

    def __init__(self) -> None:
        self.at_once, self.most, self.asked = 0, 0, list[str]()

    async def complete(self, request: Request) -> Reply:
        said = request.messages[0].content
        self.asked.append(said)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if said.startswith("halt"):
            raise HaltError(said)
        if said.startswith("fail"):
            raise ModelError(said)
        return Reply(said, self.name)


def asking(model: Echo, *words: str) -> Rounds[list[str]]:
    """Asks one word a round; an answer that is an error ends it."""
    heard = []
    for word in words:
        (answer,) = yield (Call(model, Request("echo", (Message("user", word),))),)
        if isinstance(answer, ModelError):
            raise answer
        heard.append(answer.text)
    return heard


def said(came: Sequence[list[str] | ModelError]) -> list[list[str] | str]:
    return [one.what if isinstance(one, ModelError) else one for one in came]


def test_conversations_side_by_side_share_rounds_and_come_to_their_ends_in_order() -> None:
    model = Echo()
    came = concluded(side_by_side([asking(model, "a", "b", "c"), asking(model), asking(model, "d"), asking(model, "e", "f")]))
    assert said(came) == [["a", "b", "c"], [], ["d"], ["e", "f"]]
    assert (model.asked, model.most) == (["a", "d", "e", "b", "f", "c"], 3)


def test_an_error_ends_its_own_conversation_and_no_other() -> None:
    model = Echo()
    came = concluded(side_by_side([asking(model, "a", "fail 1", "b"), asking(model, "c", "d", "e")]))
    assert said(came) == ["fail 1", ["c", "d", "e"]]
    assert "b" not in model.asked


def test_a_halt_ends_them_all_when_the_round_is_answered() -> None:
    model = Echo()
    with pytest.raises(HaltError, match="halt now"):
        concluded(side_by_side([asking(model, "halt now", "a"), asking(model, "b", "c")]))
    assert sorted(model.asked) == ["b", "halt now"]


def test_a_conversation_without_calls_needs_no_event_loop() -> None:
    assert concluded(asking(Echo())) == []


def test_within_a_running_loop_a_conversation_is_concluded_in_a_loop_of_its_own() -> None:
    async def notebook() -> list[str]:
        return concluded(asking(Echo(), "a"))

    assert asyncio.run(notebook()) == ["a"]


def test_every_answer_is_heard_those_of_a_halted_round_too() -> None:
    heard: list[tuple[str, str]] = []

    def hear(call: Call, answer: Answer) -> None:
        heard.append((call.request.messages[0].content, type(answer).__name__))

    model = Echo()
    calls = further(side_by_side([asking(model, "halt"), asking(model, "b"), asking(model, "fail")]), None)
    assert isinstance(calls, tuple)
    with pytest.raises(HaltError):
        asyncio.run(answered(calls, hear))
    assert heard == [("halt", "HaltError"), ("b", "Reply"), ("fail", "ModelError")]


def test_a_conversation_is_driven_in_a_loop_that_runs() -> None:
    assert asyncio.run(converse(asking(Echo(), "a", "b"))) == ["a", "b"]
