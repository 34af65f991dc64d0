"""The dialects of OpenAI-compatible endpoints: how strictly the shape of a reply can be asked for, and where their answers hold what."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from structurer.llm import Reply, Request, Usage

FORMAT_WORDS: Final = ("response_format", "json_schema", "json_object", "structured output")


class Format(StrEnum):
    """How the shape of the reply is asked for, from strict to free."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint understands, as far as it is known; `sampling` is whether temperature and seed may be sent."""

    format: Format = Format.SCHEMA
    sampling: bool = True

    def after(self, status: int, message: str) -> Dialect | None:
        """The next plainer dialect, if the refusal (its HTTP status and words) was about this one."""
        said = message.lower()
        if self.sampling and status in (400, 422) and "temperature" in said:
            return replace(self, sampling=False)
        if status == 501 or (status in (400, 404, 422) and any(word in said for word in FORMAT_WORDS)):
            plainer = {Format.SCHEMA: Format.OBJECT, Format.OBJECT: Format.TEXT}.get(self.format)
            return replace(self, format=plainer) if plainer else None
        return None

    def options(self, request: Request) -> dict[str, Any]:
        """The part of the posted body that depends on the dialect."""
        options: dict[str, Any] = {"temperature": request.temperature} if self.sampling else {}
        if self.sampling and request.seed is not None:
            options["seed"] = request.seed
        if not request.reply_schema or self.format is Format.TEXT:
            return options
        schema = {"name": request.reply_name, "strict": True, "schema": dict(request.reply_schema)}
        shape = {"json_schema": schema} if self.format is Format.SCHEMA else {}
        return {**options, "response_format": {"type": self.format.value, **shape}}


def words_of(error: Any) -> str:
    """What an endpoint's refusal (an APIStatusError) says in words; "" where it says nothing."""
    said = at(error.body, "message") or at(error.body, "error", "message") or at(error.body, "error") or error.body
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str) if said else ""


def reply_in(choice: Any, tree: Any, request: Request) -> Reply:
    """The reply that a choice of an answer holds."""
    refusal, reason, model = at(choice, "message", "refusal"), at(choice, "finish_reason"), at(tree, "model")
    return Reply(
        _text_of(choice["message"]),
        model=model if isinstance(model, str) and model else request.model,
        finish_reason=reason if isinstance(reason, str) else "missing",
        refusal=refusal if isinstance(refusal, str) and refusal else None,
        usage=Usage(_count(at(tree, "usage", "prompt_tokens")), _count(at(tree, "usage", "completion_tokens"))),
    )


def _text_of(message: Any) -> str:
    """The text of a message; some endpoints send it in parts, some answer a reply schema by a call of a tool."""
    content = at(message, "content") or at(message, "tool_calls", 0, "function", "arguments") or ""
    pieces: Iterable[Any] = content if isinstance(content, list) else [content]
    texts = [piece if isinstance(piece, str) else at(piece, "text") for piece in pieces]
    return "".join(text for text in texts if isinstance(text, str))


def _count(tokens: Any) -> int | None:
    return tokens if isinstance(tokens, int) else None


def at(tree: Any, *way: str | int) -> Any:
    """What stands at the end of the way through foreign JSON; None where it breaks off."""
    for step in way:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return None
    return tree
