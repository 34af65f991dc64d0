"""The seam to language models: one protocol with one method, a frozen request with a key, a reply with its usage.

Whatever answers (an endpoint, a cassette, a fake in a test) is a `Model`; nothing above this row knows which. What asks is a conversation
in rounds: a generator that yields the calls it needs next and is sent their answers. It does no input or output of its own, so the same
code is driven by an event loop, by a batch file that is answered tomorrow, or by a test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from structurer.errors import ModelError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `reply_schema` is a JSON Schema of the reply, `reply_name` its name on the wire.

    Requests with the same `key` would be answered the same way by an ideal model; cassettes and caches are filed under it. `logprobs` asks
    for the tokens' log probabilities where the endpoint gives them; `plainer` is by how many steps the shape of the reply is to be asked
    for less strictly than the endpoint could. Neither is seen by the model.
    """

    model: str
    messages: tuple[Message, ...]
    reply_schema: Mapping[str, Any] = field(default_factory=dict)
    reply_name: str = "record"
    temperature: float = 0.0
    seed: int | None = None
    logprobs: bool = False
    plainer: int = 0

    @property
    def key(self) -> str:
        """SHA-256 (first 24 hex digits) of everything the model would see, but not of the model's name."""
        seen = {
            "messages": [[message.role, message.content] for message in self.messages],
            "reply_schema": self.reply_schema,
            "temperature": self.temperature,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; None where it did not say. `cached_tokens` are those of the prompt that it had in its cache,
    `cache_write_tokens` those that it put there, `total_tokens` all that it charges for."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of a reply with the natural logarithm of its probability; `bytes` are those of one that is not made of whole characters."""

    token: str
    logprob: float
    bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. `finish_reason` as the endpoint gave it ("stop", "length", "content_filter", ...); `refusal` its words if it
    refused; `recorded` is true when the reply was replayed, not asked for; `logprobs` are empty where the endpoint gives none."""

    text: str
    model: str
    finish_reason: str = "stop"
    refusal: str | None = None
    usage: Usage = Usage()
    recorded: bool = False
    logprobs: tuple[TokenLogprob, ...] = ()


class Model(Protocol):
    """Anything that answers requests."""

    @property
    def name(self) -> str:
        """The model's name, as it is to stand in provenance."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answer one request, whole. Raises ModelError when it cannot, HaltError when it will answer no other either."""
        ...


def holds(model: Model, request: Request) -> bool:
    """Whether a model has the reply already and need not ask: one that keeps replies says so by a method `holds`."""
    said = getattr(model, "holds", None)
    return bool(said and said(request))


@dataclass(frozen=True, slots=True)
class Call:
    """A request and who is to answer it."""

    model: Model
    request: Request


Answer = Reply | ModelError  # what became of a call
Rounds = Generator[tuple[Call, ...], tuple[Answer, ...], T]  # a conversation: yields the calls of a round, is sent their answers in order


def side_by_side(conversations: Iterable[Rounds[T]]) -> Rounds[tuple[T | ModelError, ...]]:
    """Several conversations as one, a round of all that still go on at a time: what each came to, in order."""
    came: dict[int, T | ModelError] = {}
    ahead = dict(enumerate(conversations))
    waiting: dict[int, tuple[Call, ...]] = {}
    for number, talk in ahead.items():
        _on(talk, None, number, waiting, came)
    while waiting:
        answers = iter((yield tuple(call for calls in waiting.values() for call in calls)))
        asked, waiting = waiting, {}
        for number, calls in asked.items():
            _on(ahead[number], tuple(next(answers) for _ in calls), number, waiting, came)
    return tuple(came[number] for number in ahead)


def _on(
    talk: Rounds[T], answers: tuple[Answer, ...] | None, number: int, waiting: dict[int, tuple[Call, ...]], came: dict[int, T | ModelError]
) -> None:
    """Take one conversation a round further: either it `waiting`s for answers, or it `came` to something."""
    try:
        waiting[number] = next(talk) if answers is None else talk.send(answers)
    except StopIteration as end:
        came[number] = end.value
    except ModelError as error:
        came[number] = error
