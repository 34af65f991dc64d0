"""Recording and replaying: a reply is asked for once, and a replay needs no network."""

from __future__ import annotations

import json
from asyncio import run
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from structurer.asking.llm import Message, Reply, Request, Usage
from structurer.endpoints.cassettes import Recorder, Replayer
from structurer.errors import ModelError, UsageError

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
REQUEST = Request("live", (Message("system", "copy"), Message("user", "发票")), SCHEMA, "invoice", seed=1)
REPLY = Reply('{"a": "钢笔"}', "live-2", "stop", None, Usage(5, None))


@dataclass
class Counting:
    """A model that counts how often it is asked."""

    reply: Reply = REPLY
    times: int = 0
    name: str = "live"

    async def complete(self, _: Request) -> Reply:
        self.times += 1
        return self.reply


class Unreachable:
    """A model without a network."""

    name = "live"

    async def complete(self, _: Request) -> Reply:
        raise ModelError("cannot connect")


def file_of(folder: Path) -> Path:
    return folder / f"{REQUEST.key}.json"


def test_a_reply_is_filed_under_its_request_and_readable(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cassettes"
    assert run(Recorder(Counting(), folder).complete(REQUEST)) == REPLY
    assert [path.name for path in folder.iterdir()] == [f"{REQUEST.key}.json"]
    text = file_of(folder).read_text(encoding="utf-8")
    assert json.loads(text) == {
        "request": {
            "model": "live",
            "messages": [{"role": "system", "content": "copy"}, {"role": "user", "content": "发票"}],
            "reply_schema": SCHEMA,
            "reply_name": "invoice",
            "temperature": 0.0,
            "seed": 1,
        },
        "reply": {
            "text": '{"a": "钢笔"}',
            "model": "live-2",
            "finish_reason": "stop",
            "refusal": None,
            "usage": {
                "prompt_tokens": 5,
                "completion_tokens": None,
                "cached_tokens": None,
                "cache_write_tokens": None,
                "total_tokens": None,
            },
        },
    }
    assert "发票" in text
    assert text.index('"reply"') < text.index('"request"')


def test_a_reply_already_there_is_not_asked_for_again(tmp_path: Path) -> None:
    model = Counting()
    recorder = Recorder(model, tmp_path)
    assert [run(recorder.complete(REQUEST)).recorded for _ in range(3)] == [False, True, True]
    assert (model.times, recorder.name) == (1, "live")


def test_a_replay_gives_the_same_reply_whatever_model_is_asked_for(tmp_path: Path) -> None:
    run(Recorder(Counting(), tmp_path).complete(REQUEST))
    replayer = Replayer(tmp_path)
    assert run(replayer.complete(replace(REQUEST, model="replay"))) == replace(REPLY, recorded=True)
    assert (replayer.name, Replayer(tmp_path, name="live").name) == ("replay", "live")


def test_a_bad_reply_is_recorded_as_it_was(tmp_path: Path) -> None:
    refusal = Reply("", "live-2", "content_filter", "No.")
    run(Recorder(Counting(refusal), tmp_path).complete(REQUEST))
    assert run(Replayer(tmp_path).complete(REQUEST)) == replace(refusal, recorded=True)


def test_a_reply_with_half_a_character_is_recorded_as_it_was(tmp_path: Path) -> None:
    odd = replace(REPLY, text="\ud800 钢笔")
    run(Recorder(Counting(odd), tmp_path).complete(REQUEST))
    assert run(Replayer(tmp_path).complete(REQUEST)) == replace(odd, recorded=True)


def test_many_threads_may_file_the_same_reply(tmp_path: Path) -> None:
    recorder = Recorder(Counting(), tmp_path)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda request: run(recorder.complete(request)), [REQUEST] * 64))
    assert {replace(reply, recorded=False) for reply in replies} == {REPLY}
    assert [path.name for path in tmp_path.iterdir()] == [f"{REQUEST.key}.json"]


def test_a_miss_names_the_command_that_records_it(tmp_path: Path) -> None:
    folder = tmp_path / "my cassettes"
    with pytest.raises(ModelError) as caught:
        run(Replayer(folder).complete(REQUEST))
    assert str(caught.value) == (
        f"{file_of(folder)}: no recorded reply to this request\n  next: structurer structure PATH --model NAME --record '{folder}'"
    )


def test_nothing_is_filed_when_the_model_cannot_answer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^cannot connect$"):
        run(Recorder(Unreachable(), tmp_path).complete(REQUEST))
    assert list(tmp_path.iterdir()) == []


def test_a_cassette_whose_request_was_changed_is_refused(tmp_path: Path) -> None:
    run(Recorder(Counting(), tmp_path).complete(REQUEST))
    path = file_of(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("发票", "收据"), encoding="utf-8")
    for model in (Replayer(tmp_path), Recorder(Counting(), tmp_path)):
        with pytest.raises(ModelError) as caught:
            run(model.complete(REQUEST))
        assert str(caught.value) == (
            f"{path}: the request in this cassette is not the one that its name stands for\n"
            f"  next: rm {path} && structurer structure PATH --model NAME --record {tmp_path}"
        )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"request": ' + b"[" * 100_000, "no JSON"),
        (b"{}", "request: Field required"),
    ],
    ids=["empty", "bytes", "deep", "bare"],
)
def test_a_file_that_is_no_cassette_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file_of(tmp_path).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        run(Replayer(tmp_path).complete(REQUEST))
    assert caught.value.what == f"not a cassette ({reason})"


def test_a_folder_that_cannot_be_made_is_said_before_the_model_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = Counting()
    with pytest.raises(UsageError) as caught:
        run(Recorder(model, tmp_path / "file" / "folder").complete(REQUEST))
    assert str(caught.value) == (
        f"{tmp_path / 'file' / 'folder'}: replies cannot be recorded here (not a directory)\n  next: choose another folder for --record"
    )
    assert model.times == 0


def test_a_reply_that_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    class Interfering(Counting):
        async def complete(self, request: Request) -> Reply:
            file_of(tmp_path).mkdir()
            return await super().complete(request)

    with pytest.raises(UsageError, match="replies cannot be recorded here"):
        run(Recorder(Interfering(), tmp_path).complete(REQUEST))
    assert [path.name for path in tmp_path.iterdir()] == [f"{REQUEST.key}.json"]
