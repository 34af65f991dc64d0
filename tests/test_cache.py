"""Replies kept on disk: asked once, shared, and nobody is harmed by a damaged file."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from structurer.asking.llm import Message, Reply, Request, TokenLogprob, Usage
from structurer.endpoints.cache import Cached

REQUEST = Request("m", (Message("user", "发票"),), {"type": "object"})
REPLY = Reply("{}", "m-2", usage=Usage(5, 7, 3), logprobs=(TokenLogprob("{}", -0.25),))


class Counting:
    """Answers the same each time, and counts."""

    name = "live"

    def __init__(self, reply: Reply = REPLY) -> None:
        self.reply, self.times = reply, 0

    async def complete(self, _: Request) -> Reply:
        self.times += 1
        return self.reply


def ask(model: Cached, request: Request = REQUEST) -> Reply:
    return asyncio.run(model.complete(request))


def test_a_question_is_asked_once_and_the_kept_reply_is_the_whole_reply(tmp_path: Path) -> None:
    live = Counting()
    assert ask(Cached(live, tmp_path, "here")) == REPLY
    again = Cached(live, tmp_path, "here")
    assert again.holds(REQUEST)
    assert (ask(again), live.times) == (replace(REPLY, recorded=True), 1)


@pytest.mark.parametrize(
    ("identity", "request_"),
    [
        ("there", REQUEST),
        ("here", replace(REQUEST, temperature=0.7)),
        ("here", replace(REQUEST, seed=2)),
        ("here", replace(REQUEST, messages=(Message("user", "收据"),))),
        ("here", replace(REQUEST, reply_schema={})),
        ("here", replace(REQUEST, logprobs=True)),
    ],
)
def test_whatever_may_change_the_answer_is_another_question(tmp_path: Path, identity: str, request_: Request) -> None:
    live = Counting()
    ask(Cached(live, tmp_path, "here"))
    ask(Cached(live, tmp_path, identity), request_)
    assert live.times == 2


@pytest.mark.parametrize(
    "bad",
    [replace(REPLY, finish_reason="length"), replace(REPLY, refusal="no"), replace(REPLY, text=" "), replace(REPLY, finish_reason="?")],
)
def test_a_reply_that_may_come_better_is_not_kept(tmp_path: Path, bad: Reply) -> None:
    live = Counting(bad)
    assert [ask(Cached(live, tmp_path, "here")) for _ in range(2)] == [bad, bad]
    assert live.times == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"reply": {}, "sha256": ""}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(tmp_path: Path, damage: bytes) -> None:
    live = Counting()
    ask(Cached(live, tmp_path, "here"))
    (file,) = (path for path in tmp_path.rglob("*.json"))
    file.write_bytes(damage)
    assert [ask(Cached(live, tmp_path, "here")).recorded for _ in range(2)] == [False, True]


def test_a_changed_text_is_damage_too(tmp_path: Path) -> None:
    live = Counting()
    ask(Cached(live, tmp_path, "here"))
    (file,) = (path for path in tmp_path.rglob("*.json"))
    tree = json.loads(file.read_text())
    tree["reply"]["text"] = '{"total": "9"}'
    file.write_text(json.dumps(tree))
    assert ask(Cached(live, tmp_path, "here")) == REPLY


def test_kept_replies_are_for_their_owner_alone(tmp_path: Path) -> None:
    ask(Cached(Counting(), tmp_path / "cache", "here"))
    (file,) = (path for path in tmp_path.rglob("*.json"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0


def test_many_writers_of_one_reply_leave_one_whole_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: ask(Cached(Counting(), tmp_path, "here")), range(64)))
    assert {replace(reply, recorded=False) for reply in replies} == {REPLY}
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_folder_that_cannot_be_written_to_is_said_once_and_the_answer_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    model = Cached(Counting(), tmp_path / "file" / "cache", "here", said.append)
    assert [ask(model), ask(model)] == [REPLY, REPLY]
    assert said == [f"replies cannot be kept in {tmp_path / 'file' / 'cache'} (not a directory); the run goes on"]
    assert os.listdir(tmp_path) == ["file"]
