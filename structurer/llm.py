"""The seam to language models: one protocol with one method, a frozen request with a key, a reply with its usage.

Whatever answers (an endpoint, a cassette, a fake in a test) is a `Model`; nothing above this row knows which.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `reply_schema` is a JSON Schema of the reply, `reply_name` its name on the wire.

    Requests with the same `key` would be answered the same way by an ideal model; cassettes and caches are filed under it.
    """

    model: str
    messages: tuple[Message, ...]
    reply_schema: Mapping[str, Any] = field(default_factory=dict)
    reply_name: str = "record"
    temperature: float = 0.0
    seed: int | None = None

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
    """Tokens as the endpoint counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. `finish_reason` as the endpoint gave it ("stop", "length", "content_filter", ...); `refusal` its words if it
    refused; `recorded` is true when the reply was replayed, not asked for."""

    text: str
    model: str
    finish_reason: str = "stop"
    refusal: str | None = None
    usage: Usage = Usage()
    recorded: bool = False


class Model(Protocol):
    """Anything that answers requests. Raises ModelError when it cannot."""

    @property
    def name(self) -> str:
        """The model's name, as it is to stand in provenance."""
        ...

    def complete(self, request: Request) -> Reply:
        """Answer one request, whole."""
        ...
