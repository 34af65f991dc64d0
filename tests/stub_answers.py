"""Answers of a stub endpoint as they go over the wire: completions as bytes, refusals, and bodies that never come whole."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

NAME: Final = "stub-2"  # the model that answers
GOOD: Final = json.dumps({"number": "A-1", "lines": [{"text": "钢笔", "amount": "12.50"}]}, ensure_ascii=False)
USAGE: Final = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
TYPE: Final = {"Content-Type": "application/json"}
DRIBBLE_S: Final = 0.02  # seconds between the bytes of a body that dribbles
_TOKEN: Final = re.compile(r"\w{1,6}|\W", re.DOTALL)


def say(content: Any, finish_reason: str = "stop", *, usage: bool = True, logprobs: Any = None, **message: Any) -> web.Response:
    """A chat completion. `content` is a text, its parts, or None; `message` adds to the assistant's message."""
    tree = _completion(content, finish_reason, logprobs, message)
    return answer(200, {**tree, "usage": USAGE} if usage else tree)


def call(name: str, arguments: str) -> web.Response:
    """A chat completion that calls a tool."""
    return say(None, "tool_calls", tool_calls=called(name, arguments))


def fail(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A refusal in OpenAI's form."""
    return answer(status, {"error": {"message": message, "type": "stub"}}, headers)


def answer(status: int, tree: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """Any JSON."""
    return web.Response(status=status, body=_bytes(tree), headers={**TYPE, **(headers or {})})


def models(names: Sequence[str]) -> web.Response:
    """The list of models."""
    return answer(200, {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "stub"} for name in names]})


def called(name: str, arguments: str) -> list[Any]:
    """The calls of a message that calls one tool."""
    return [{"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}]


def prepared(content: Any, finish_reason: str = "stop", logprobs: Any = None, **message: Any) -> bytes:
    """A completion up to its usage, which `with_usage` adds."""
    return _bytes(_completion(content, finish_reason, logprobs, message))[:-1]


def with_usage(start: bytes, prompt: int, completion: int, cached: int = 0) -> bytes:
    """A prepared completion with its tokens counted."""
    counts = b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}'
    return b'%b, "usage": %b}' % (start, counts % (prompt, completion, prompt + completion, cached))


def logprobs_of(text: str, seed: str) -> dict[str, Any]:
    """Tokens that make up the text, each with a log probability; a few are unsure."""
    rng = random.Random(seed)
    tokens = ((token, -rng.expovariate(0.5 if rng.random() < 0.05 else 200)) for token in _TOKEN.findall(text))
    return {"content": [{"token": token, "logprob": sure, "bytes": list(token.encode()), "top_logprobs": []} for token, sure in tokens]}


async def streamed(request: web.BaseRequest, pieces: AsyncIterator[bytes], **headers: str) -> web.StreamResponse:
    """A body in pieces, as fast as the client takes them, until it leaves."""
    response = web.StreamResponse(headers={**TYPE, **headers})
    await response.prepare(request)
    async for piece in pieces:
        await response.write(piece)
    return response


async def cut(request: web.BaseRequest, body: bytes, length: int) -> web.StreamResponse:
    """A body that was to have `length` bytes and breaks off."""
    response = web.StreamResponse(headers={**TYPE, "Content-Length": str(length)})
    await response.prepare(request)
    await response.write(body)
    return hang_up(request, response)


def hang_up(request: web.BaseRequest, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection; without a response nothing was answered."""
    if request.transport is not None:
        request.transport.close()
    return response or web.Response()


async def dribbled(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    """The body in ten pieces, over so many seconds."""
    step = -(-len(body) // 10)
    for start in range(0, len(body), step):
        yield body[start : start + step]
        await asyncio.sleep(seconds / 10)


async def forever(piece: bytes, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    """The same bytes again and again."""
    while True:
        yield piece
        await asyncio.sleep(pause_s)


def _completion(content: Any, finish_reason: str, logprobs: Any, message: Mapping[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": content, **message}}
    if logprobs is not None:
        choice["logprobs"] = logprobs
    return {"id": "1", "object": "chat.completion", "created": 0, "model": NAME, "choices": [choice]}


def _bytes(tree: Any) -> bytes:
    """JSON in UTF-8; half characters, which have none, are written as escapes."""
    return json.dumps(tree, ensure_ascii=False).encode(errors="backslashreplace")
