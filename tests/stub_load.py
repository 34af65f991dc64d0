"""The load mode of a stub endpoint: latency, a cap on requests in flight, faults drawn by seed, stand-ins for models; all is counted.

What a request is answered depends on its content, on how often this content was asked before, and on the seed; not on what else is in
flight.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import partial
from typing import Any, Final

from aiohttp import web
from stub_answers import GOOD, NAME, TYPE, cut, dribbled, fail, hang_up, streamed, with_usage
from stub_nonsense import LENGTH, NoEndError, nonsense, plausible
from stub_obeying import obeyed
from stub_posted import Posted
from stub_reading import Lossy, Manner, Read, misplaced, read
from stub_spoilt import OVER_LIMIT, Kind, completion

TOKEN: Final = 4  # characters


class Way(StrEnum):
    """How the text of a reply is made."""

    FIXED = "fixed"
    READ = "read"
    OBEY = "obey"
    MISPLACED = "misplaced"
    NONSENSE = "nonsense"
    PLAUSIBLE = "plausible"


@dataclass(frozen=True, slots=True)
class Load:
    """The settings of a token.

    `faults` is the share of requests that get one of `kinds`; `retry_after` the header of every 429, none if None. In a fixed `text` $key
    is the document's key: what `key_pattern` finds in the prompt, else a hash of the document. `output_limit` is in tokens of four
    characters, as is what a request gives as its own. `refuses` names what is answered 400: a response format, or a key of the body.
    """

    latency_s: float = 0.0
    cap: int | None = None
    retry_after: int | float | str | None = None
    faults: float = 0.0
    kinds: tuple[Kind, ...] = tuple(Kind)
    seed: int = 0
    slow_s: float = 1.0
    answer: Way = Way.FIXED
    text: str = GOOD
    key_pattern: str | None = None
    output_limit: int | None = None
    refuses: tuple[str, ...] = ()
    models: tuple[str, ...] = (NAME,)
    drop: float = 0.0
    rows_kept_well: int = 60
    manners: tuple[Manner, ...] = tuple(Manner)
    nonsense_length: int = LENGTH

    @property
    def lossy(self) -> Lossy:
        return Lossy(self.drop, self.rows_kept_well, self.manners)


@dataclass(slots=True)
class Tally:
    """A token's settings, and what was asked and answered under it. `well` counts whole, undamaged replies by document key."""

    load: Load = field(default_factory=Load)
    requests: int = 0
    in_flight: int = 0
    highest_in_flight: int = 0
    times: Counter[bytes] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    well: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    losses: list[dict[str, Any]] = field(default_factory=list)
    prefixes: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, Any]:
        """All but the settings, for JSON; `losses` has one entry for each reply that lost rows."""
        names = ("requests", "in_flight", "highest_in_flight", "answers", "well", "rows", "losses")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Drawn:
    """The fault of one request, if any, and 64 bits of chance for its particulars."""

    kind: Kind | None
    chance: int


@dataclass(frozen=True, slots=True)
class Text:
    """A reply's text before any fault."""

    text: str
    read: Read | None = None


def loaded(settings: Mapping[str, Any]) -> Load:
    """Settings out of JSON. Raises ValueError for what is no setting."""
    from pydantic import TypeAdapter

    unknown = sorted(set(settings) - {one.name for one in fields(Load)})
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(unknown)}")
    return TypeAdapter(Load).validate_python(settings)


def drawn(load: Load, content: bytes, times: int) -> Drawn:
    """The fault for a content (its hash) that was asked for so many times before."""
    bits = hashlib.blake2b(b"%b/%d/%d" % (content, times, load.seed), digest_size=24).digest()
    share, which, chance = (int.from_bytes(bits[start : start + 8]) for start in (0, 8, 16))
    return Drawn(load.kinds[which % len(load.kinds)] if load.kinds and share < load.faults * 2**64 else None, chance)


async def respond(tally: Tally, request: web.BaseRequest, raw: bytes) -> web.StreamResponse:
    """Answer one posted request. Over the cap it is refused at once, and does not count as asked."""
    load = tally.load
    tally.requests += 1
    if load.cap is not None and tally.in_flight >= load.cap:
        tally.answers["over_cap"] += 1
        return _limited(load)
    tally.in_flight += 1
    tally.highest_in_flight = max(tally.highest_in_flight, tally.in_flight)
    try:
        content = hashlib.blake2b(raw, digest_size=16).digest()
        tally.times[content] += 1
        draw = drawn(load, content, tally.times[content] - 1)
        await asyncio.sleep(load.latency_s)
        return await _served(tally, request, Posted(_tree(raw)), draw)
    except asyncio.CancelledError:
        tally.answers["left"] += 1  # the client did
        raise
    finally:
        tally.in_flight -= 1


def _tree(raw: bytes) -> dict[str, Any]:
    """The posted object; an empty one in place of what is none, which is then refused."""
    try:
        tree = json.loads(raw)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


async def _served(tally: Tally, request: web.BaseRequest, posted: Posted, draw: Drawn) -> web.StreamResponse:
    refused = _refused(tally.load, posted)
    if refused is not None:
        tally.answers["refused"] += 1
        return refused
    if draw.kind in (Kind.RATE_LIMITED, Kind.SERVER_ERROR, Kind.DROPPED):
        tally.answers[draw.kind] += 1
        return _without_text(tally.load, request, draw.kind)
    try:
        made = await _made(tally.load, posted)
    except NoEndError as error:
        tally.answers["no_end"] += 1
        return fail(500, f"constrained decoder: {error}")
    return await _delivered(tally, request, posted, made, draw)


async def _delivered(tally: Tally, request: web.BaseRequest, posted: Posted, made: Text, draw: Drawn) -> web.StreamResponse:
    text = made.text[: _limit(tally.load, posted)]
    kind = draw.kind if len(text) == len(made.text) else OVER_LIMIT
    tool = None if posted.format else posted.tool
    start = completion(text, kind, draw.chance, tool, posted.words if posted.body.get("logprobs") else None)
    body = with_usage(start, *_usage(tally, posted, text))
    if tally.load.answer is Way.FIXED and b"$key" in body:
        body = body.replace(b"$key", json.dumps(posted.key(tally.load.key_pattern))[1:-1].encode())
    if draw.kind is Kind.CUT_TRANSFER:
        tally.answers[draw.kind] += 1
        return await cut(request, body[: len(body) // 2], len(body))
    slow = await streamed(request, dribbled(body, tally.load.slow_s)) if draw.kind is Kind.SLOW else None
    _count(tally, posted, made, kind)
    return web.Response(body=body, headers=TYPE) if slow is None else slow


def _refused(load: Load, posted: Posted) -> web.Response | None:
    if not posted.texts:
        return fail(400, "the body is no JSON, or has no messages")
    for word in load.refuses:
        if word in (posted.format, *posted.body):
            return fail(400, f"'{word}' is not supported")
    return None


def _without_text(load: Load, request: web.BaseRequest, kind: Kind | None) -> web.StreamResponse:
    if kind is Kind.DROPPED:
        return hang_up(request)
    return _limited(load) if kind is Kind.RATE_LIMITED else fail(500, "boom")


def _limited(load: Load) -> web.Response:
    return fail(429, "too many requests", {} if load.retry_after is None else {"Retry-After": f"{load.retry_after}"})


def _count(tally: Tally, posted: Posted, made: Text, kind: str | None) -> None:
    tally.answers[kind or "good"] += 1
    if kind not in (None, Kind.SLOW):
        return
    key = posted.key(tally.load.key_pattern)
    tally.well[key] += 1
    if made.read is not None:
        tally.rows.update(printed=made.read.printed, given=made.read.given)
        if made.read.manner is not None:
            lost = {"key": key, "manner": made.read.manner, "printed": made.read.printed, "given": made.read.given}
            tally.losses.append(lost)


# -- the text ----------------------------------------------------------------------------------------------------------


async def _made(load: Load, posted: Posted) -> Text:
    if load.answer is Way.FIXED:
        return Text(load.text)
    seed = f"{load.seed}/{posted.words}"
    if load.answer in (Way.NONSENSE, Way.PLAUSIBLE):
        make = partial(nonsense, posted.shape) if load.answer is Way.NONSENSE else partial(plausible, posted)
        return Text(await asyncio.to_thread(make, seed, load.nonsense_length))
    found = read(posted, load.lossy, load.seed)
    tree = found.tree
    if load.answer is Way.OBEY:
        tree = obeyed(tree, posted)
    elif load.answer is Way.MISPLACED:
        tree = misplaced(tree, random.Random(seed))
    return Text(tree if isinstance(tree, str) else json.dumps(tree, ensure_ascii=False), found)


def _limit(load: Load, posted: Posted) -> int:
    """Characters of the longest reply."""
    limits = (load.output_limit, posted.body.get("max_tokens"), posted.body.get("max_completion_tokens"))
    return min((limit * TOKEN for limit in limits if limit is not None), default=2**40)


def _usage(tally: Tally, posted: Posted, text: str) -> tuple[int, int, int]:
    """Tokens of the prompt and the reply, and those of the first message when it was seen before, as prefix caches count them."""
    first = posted.texts[0][1] if posted.texts else ""
    cached = len(first) // TOKEN if first in tally.prefixes else 0
    tally.prefixes.add(first)
    return len(posted.prompt) // TOKEN, len(text) // TOKEN, cached
