"""The dialects of OpenAI-compatible endpoints: how strictly the shape of a reply can be asked for, and where their answers hold what.

An endpoint is asked in the strictest dialect it is not known to refuse. Each step down loses something, and nothing that is not made good:
whatever the dialect, a reply is validated here, against the same model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from structurer.asking.llm import Reply, Request, TokenLogprob, Usage

FORMAT_WORDS: Final = (
    "response_format", "json_object", "structured output", "schema", "tool", "function", "grammar", "guided", "additionalproperties",
)  # fmt: skip

_TOO_LONG: Final = re.compile(
    r"context[ _](?:length|window|size)|(?:maximum|available|model'?s) context|too many (?:input )?tokens"
    r"|(?:prompt|input|request) is too (?:long|large)",
    re.IGNORECASE,
)


MOST_TOKENS: Final = 10**10  # an endpoint that counts more is not believed


class Format(StrEnum):
    """How the shape of the reply is asked for, from strict to free."""

    SCHEMA = "json_schema"
    PORTABLE = "json_schema, one type a value"
    TOOL = "tool call"
    OBJECT = "json_object"
    TEXT = "text"

    @property
    def loss(self) -> str:
        """What the endpoint does not hold the model to, in words; the reply is held to it here."""
        return _LOSSES[self]


_LOSSES: Final = {
    Format.SCHEMA: "",
    Format.PORTABLE: "a blank comes as an empty text, not as null",
    Format.TOOL: "the shape is that of a tool's arguments, which not every endpoint enforces",
    Format.OBJECT: "the reply is JSON, its keys and rows are only asked for in words",
    Format.TEXT: "the reply is text, its JSON is only asked for in words",
}
_LADDER: Final = tuple(Format)


class Limit(StrEnum):
    """The name under which the longest reply is asked for."""

    NEW = "max_completion_tokens"
    OLD = "max_tokens"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint understands, as far as it is known: `sampling` is whether temperature and seed may be sent, `logprobs` whether log
    probabilities may be asked for, `limit` the name of the output limit."""

    format: Format = Format.SCHEMA
    sampling: bool = True
    logprobs: bool = True
    limit: Limit = Limit.OLD

    def after(self, status: int, message: str) -> Dialect | None:
        """The next plainer dialect, if the refusal (its HTTP status and words) was about this one."""
        said = message.lower()
        if status not in (400, 404, 415, 422, 501) or is_too_long(message):
            return None
        if self.sampling and ("temperature" in said or "seed" in said):
            return replace(self, sampling=False)
        if self.logprobs and "logprob" in said:
            return replace(self, logprobs=False)
        if self.limit is Limit.OLD and Limit.NEW in said:
            return replace(self, limit=Limit.NEW)
        if status == 501 or any(word in said for word in FORMAT_WORDS):
            return None if self.format is Format.TEXT else self.plainer(1)
        return None

    def plainer(self, steps: int) -> Dialect:
        """The same with the shape asked for less strictly, as far as there is anything less strict."""
        return replace(self, format=_LADDER[min(_LADDER.index(self.format) + steps, len(_LADDER) - 1)])

    def below(self, other: Dialect) -> bool:
        """Whether this asks for less than the other in any respect."""
        return _LADDER.index(self.format) > _LADDER.index(other.format) or (self.sampling, self.logprobs) < (other.sampling, other.logprobs)

    def options(self, request: Request, output_limit: int | None = None) -> dict[str, Any]:
        """The part of the posted body that depends on the dialect; `output_limit` in tokens."""
        options: dict[str, Any] = {"temperature": request.temperature} if self.sampling else {}
        if self.sampling and request.seed is not None:
            options["seed"] = request.seed
        if self.logprobs and request.logprobs:
            options["logprobs"] = True
        if output_limit is not None:
            options[self.limit.value] = output_limit
        return options | (_shape(self.plainer(request.plainer).format, request) if request.reply_schema else {})


def _shape(format: Format, request: Request) -> dict[str, Any]:
    schema = dict(request.reply_schema)
    match format:
        case Format.SCHEMA | Format.PORTABLE:
            schema = schema if format is Format.SCHEMA else portable(schema)
            return {
                "response_format": {"type": "json_schema", "json_schema": {"name": request.reply_name, "strict": True, "schema": schema}}
            }
        case Format.TOOL:
            function = {"name": request.reply_name, "parameters": portable(schema)}
            choice = {"type": "function", "function": {"name": request.reply_name}}
            return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
        case Format.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Format.TEXT:
            return {}


def portable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A reply schema in the subset that every constrained decoder is known to take: one type a value, "" for a blank."""
    if schema.get("type") == "object":
        return {**schema, "properties": {key: portable(child) for key, child in schema["properties"].items()}}
    if schema.get("type") == "array":
        return {**schema, "items": portable(schema["items"])}
    return {"type": "string"}


def is_too_long(message: str) -> bool:
    """Whether a refusal says that the request does not fit into the model's context."""
    return bool(_TOO_LONG.search(message))


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
        usage=_usage_in(tree),
        logprobs=_logprobs_in(choice) if request.logprobs else (),
    )


def _usage_in(tree: Any) -> Usage:
    details = "prompt_tokens_details"
    counts = ("prompt_tokens",), ("completion_tokens",), (details, "cached_tokens"), (details, "cache_write_tokens"), ("total_tokens",)
    return Usage(*(_count(at(tree, "usage", *way)) for way in counts))


def _text_of(message: Any) -> str:
    """The text of a message; some endpoints send it in parts, some answer a reply schema by a call of a tool."""
    content = at(message, "content") or at(message, "tool_calls", 0, "function", "arguments") or ""
    pieces: Iterable[Any] = content if isinstance(content, list) else [content]
    texts = [piece if isinstance(piece, str) else at(piece, "text") for piece in pieces]
    return "".join(text for text in texts if isinstance(text, str))


def _logprobs_in(choice: Any) -> tuple[TokenLogprob, ...]:
    """The tokens as the endpoint gives them; none as soon as one is malformed."""
    found = []
    entries = at(choice, "logprobs", "content")
    for entry in entries if isinstance(entries, list) else ():
        token, logprob = at(entry, "token"), at(entry, "logprob")
        if not isinstance(token, str) or not isinstance(logprob, int | float) or not abs(logprob) <= 1e9:
            return ()
        found.append(TokenLogprob(token, float(logprob), _bytes_of(entry) if "\ufffd" in token or "\\x" in token else ()))
    return tuple(found)


def _bytes_of(entry: Any) -> tuple[int, ...]:
    given = at(entry, "bytes")
    return tuple(given) if isinstance(given, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in given) else ()


def _count(tokens: Any) -> int | None:
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens <= MOST_TOKENS else None


def at(tree: Any, *way: str | int) -> Any:
    """What stands at the end of the way through foreign JSON; None where it breaks off."""
    for step in way:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return None
    return tree
