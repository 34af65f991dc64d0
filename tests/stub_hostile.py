"""Endpoints of a stub that mean harm: bodies without end or bottom, text that is none, redirections that fish for a key."""

from __future__ import annotations

import zlib
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Final

from aiohttp import web
from stub_answers import DRIBBLE_S, GOOD, forever, say, streamed
from stub_faults import Ask, everywhere, fault

DEEP: Final = 100_000  # nested brackets
BOMB: Final = 1100  # MiB that the gzip bomb inflates to
CHECK: Final = 0x77BAFBA9  # zlib.crc32 of so many blanks, which takes a second to count


@everywhere
async def gigabyte_body(ask: Ask) -> web.StreamResponse:
    """A body that begins as a completion should and has no end."""

    async def pieces() -> Any:
        yield b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "'
        async for piece in forever(b"x" * 2**18):
            yield piece

    return await streamed(ask.request, pieces())


@everywhere
async def endless_stream(ask: Ask) -> web.StreamResponse:
    return await streamed(ask.request, forever(b" ", DRIBBLE_S))


@everywhere
def gzip_bomb(ask: Ask) -> web.StreamResponse:
    return web.Response(body=_bomb(), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


@everywhere
def deep_json(_: Ask) -> web.StreamResponse:
    return web.Response(body=b"[" * DEEP + b"]" * DEEP, content_type="application/json")


@fault
def deep_json_text(_: Ask) -> web.Response:
    return say('{"number": ' + "[" * DEEP + "]" * DEEP + "}")


@everywhere
def invalid_unicode(_: Ask) -> web.StreamResponse:
    """A completion whose text holds bytes that no UTF-8 has."""
    good = say(GOOD).body
    assert isinstance(good, bytes)
    return web.Response(body=good.replace(b"A-1", b"A-\xff\xfe\xc3"), content_type="application/json")


@fault
def lone_surrogates(ask: Ask) -> web.Response:
    """Half characters in the first two texts: one escaped in the JSON of the reply, one in the JSON around it."""
    before, *texts = ask.fitting.split(': "')
    halves = chain(("\\ud800", "\udc00"), repeat(""))
    return say(": ".join([before, *(f'"{half}{text}' for half, text in zip(halves, texts, strict=False))]))


@everywhere
def redirect_elsewhere(ask: Ask) -> web.StreamResponse:
    """To the address that the query gives (?to=http://host:port/path), or to /elsewhere/TOKEN at the stub's other port."""
    return web.Response(status=307, headers={"Location": ask.request.query.get("to", ask.elsewhere)})


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    """A small gzip body that inflates to BOMB MiB of blanks: one compressed MiB, repeated (a full flush makes it stand alone)."""
    blanks = b" " * 2**20
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return head + block * BOMB + packer.flush(zlib.Z_FINISH) + CHECK.to_bytes(4, "little") + (BOMB * 2**20 % 2**32).to_bytes(4, "little")
