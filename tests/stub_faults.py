"""The named faults of a stub endpoint: each answers a chat completion in its own wrong, odd or hostile way.

A fault takes what was asked, with the number of the request (counted from 1 for each FAULT/TOKEN), and answers it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property
from typing import Any, Final, TypeVar

from aiohttp import web
from stub_answers import DRIBBLE_S, GOOD, NAME, answer, call, cut, dribbled, fail, hang_up, models, say, streamed
from stub_posted import Posted
from stub_reading import read

LOADING: Final = 3  # requests that a slow start refuses


@dataclass(frozen=True)
class Ask:
    """One request to a fault. `elsewhere` is the address of another port of the stub, under the same token."""

    request: web.BaseRequest
    number: int
    body: Mapping[str, Any]
    elsewhere: str

    @cached_property
    def posted(self) -> Posted:
        return Posted(self.body)

    @cached_property
    def fitting(self) -> str:
        """The good reply, or for a shape that it does not fit, one that does."""
        fields = set(self.posted.shape.get("properties", {}))
        return GOOD if fields <= {"number", "lines"} else json.dumps(read(self.posted).tree, ensure_ascii=False)

    @property
    def authorization(self) -> str | None:
        return self.request.headers.get("Authorization")


Fault = Callable[[Ask], web.StreamResponse | Awaitable[web.StreamResponse]]
Answering = TypeVar("Answering", bound=Fault)
FAULTS: Final[dict[str, Fault]] = {}
EVERYWHERE: Final[set[str]] = set()  # faults that spoil the list of models as well


def fault(answering: Answering) -> Answering:
    """File a fault under its name."""
    FAULTS[answering.__name__] = answering
    return answering


def everywhere(answering: Answering) -> Answering:
    """File a fault under its name, that spoils the list of models as well."""
    EVERYWHERE.add(answering.__name__)
    return fault(answering)


async def answered(name: str, ask: Ask) -> web.StreamResponse:
    """The answer of a fault to one request."""
    response = FAULTS[name](ask)
    return await response if isinstance(response, Awaitable) else response


async def models_of(name: str, ask: Ask) -> web.StreamResponse:
    """The list of models under the prefix of a fault."""
    if name in EVERYWHERE:
        return await answered(name, ask)
    return fail(404, "unknown request URL: GET /v1/models") if name == "no_models" else models(("tiny", NAME))


# -- overload and failure ----------------------------------------------------------------------------------------------


@fault
def none(_: Ask) -> web.Response:
    return say(GOOD)


@fault
def overloaded_once(ask: Ask) -> web.Response:
    return fail(429, "slow down", {"Retry-After": "7"}) if ask.number == 1 else say(GOOD)


@fault
def overloaded_for_hours(_: Ask) -> web.Response:
    return fail(429, "slow down", {"Retry-After": "7200"})


@fault
def overloaded_until_a_date(ask: Ask) -> web.Response:
    return fail(429, "slow down", {"Retry-After": formatdate(time.time() + 30, usegmt=True) if ask.number == 1 else "soon"})


@fault
def retry_after_200(ask: Ask) -> web.Response:
    return fail(429, "slow down", {"Retry-After": "200"}) if ask.number == 1 else say(GOOD)


@fault
def out_of_quota(_: Ask) -> web.Response:
    return answer(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})


@fault
def failing_twice(ask: Ask) -> web.Response:
    return fail(500, "boom") if ask.number <= 2 else say(GOOD)


@everywhere
def failing(_: Ask) -> web.StreamResponse:
    return fail(503, "maintenance")


@fault
def slow_start_503_then_ok(ask: Ask) -> web.Response:
    """A llama.cpp server while it loads its model."""
    loading = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    return answer(503, loading) if ask.number <= LOADING else say(ask.fitting)


@fault
def dropping_once(ask: Ask) -> web.StreamResponse:
    return say(GOOD) if ask.number > 1 else hang_up(ask.request)


@everywhere
def dropping(ask: Ask) -> web.StreamResponse:
    return hang_up(ask.request)


@fault
async def cut_transfer_once(ask: Ask) -> web.StreamResponse:
    return say(GOOD) if ask.number > 1 else await cut(ask.request, b'{"choices": [', 1000)


@fault
async def dribbling(ask: Ask) -> web.StreamResponse:
    return await streamed(ask.request, dribbled(b" " * 1000, 1000 * DRIBBLE_S), **{"Content-Length": "1000"})


# -- what is no completion, or no good one -----------------------------------------------------------------------------


@everywhere
def web_page(_: Ask) -> web.StreamResponse:
    return web.Response(text="<html>Welcome</html>", content_type="text/html")


@fault
def no_choices(_: Ask) -> web.Response:
    return answer(200, {"choices": []})


@fault
def error_inside(_: Ask) -> web.Response:
    return answer(200, {"error": {"message": "upstream is gone"}})


@fault
def cut_json_once(ask: Ask) -> web.Response:
    return say(GOOD if ask.number > 1 else GOOD[:20])


@fault
def wrong_shape_once(ask: Ask) -> web.Response:
    return say(GOOD if ask.number > 1 else GOOD.replace('"12.50"', "12.50"))


@fault
def refusing(_: Ask) -> web.Response:
    return say(None, refusal="I cannot help with that.")


@fault
def cut_at_length(_: Ask) -> web.Response:
    return say(GOOD, finish_reason="length")


@fault
def parts(_: Ask) -> web.Response:
    return say([{"type": "text", "text": GOOD[:9]}, {"type": "text", "text": GOOD[9:]}])


@fault
def tool_call(_: Ask) -> web.Response:
    return call("record", GOOD)
