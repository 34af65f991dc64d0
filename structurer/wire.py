"""The connections to one endpoint: a pool that is reused, bodies that are bounded, redirects that are not followed.

An endpoint is not trusted: its answers may never end, be packed to burst, or send the caller, with key and document, somewhere else.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from structurer.addresses import without_user

if TYPE_CHECKING:
    from httpx2 import AsyncByteStream, Response
    from openai import AsyncOpenAI

CONNECT_S: Final = 10.0  # seconds to open a connection
KEEPALIVE_S: Final = 60.0  # seconds an idle connection stays open
MAX_BODY: Final = 64 * 2**20  # bytes of an answer, unpacked


class BodyTooLongError(Exception):
    """An answer longer than MAX_BODY."""


class PackedError(Exception):
    """An answer in an encoding that was not asked for and cannot be unpacked within bounds."""


class Wire:
    """Posts to one endpoint. The connections belong to the event loop that first posts, and are closed with it."""

    def __init__(self, base_url: str, api_key: str | None, *, connections: int, headers: Mapping[str, str] | None = None) -> None:
        self._base_url, basic = without_user(base_url)
        self._api_key, self._connections = api_key, connections
        self._headers = {**(headers or {}), **(basic if api_key is None else {})}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: AsyncOpenAI | None = None
        self._keeping: AsyncGenerator[AsyncOpenAI, None] | None = None

    async def post(self, path: str, content: bytes, limit_s: float) -> bytes:
        """The body of the answer. Raises openai.OpenAIError, httpx2.RequestError, TimeoutError, BodyTooLongError, PackedError."""
        from httpx2 import Response

        client = await self._opened()
        async with asyncio.timeout(limit_s):  # first to last byte: an endpoint that dribbles is left in time
            response = await client.post(path, cast_to=Response, content=content, options=_options(limit_s))
        return response.content

    async def get(self, path: str, limit_s: float) -> bytes:
        """The body of the answer. Raises as `post`."""
        from httpx2 import Response

        client = await self._opened()
        async with asyncio.timeout(limit_s):
            response = await client.get(path, cast_to=Response, options=_options(limit_s))
        return response.content

    async def _opened(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._keeping = self._kept()
            self._client = await anext(self._keeping)
        return self._client

    async def _kept(self) -> AsyncGenerator[AsyncOpenAI, None]:
        """The client while its event loop runs: loops close the generators they have left, and this one closes the client then."""
        client = self._made()
        try:
            yield client
        finally:
            with suppress(RuntimeError):
                await client.close()

    def _made(self) -> AsyncOpenAI:
        from httpx2 import Limits
        from openai import AsyncOpenAI, DefaultAioHttpClient

        limits = Limits(max_connections=self._connections, max_keepalive_connections=self._connections, keepalive_expiry=KEEPALIVE_S)
        http = DefaultAioHttpClient(follow_redirects=False, limits=limits, event_hooks={"response": [_bound]})
        headers = {**self._headers, "Accept-Encoding": "identity"}
        return AsyncOpenAI(
            base_url=self._base_url, api_key=self._api_key or "none", max_retries=0, http_client=http, default_headers=headers
        )  # fmt: skip


def _options(limit_s: float) -> Any:
    from httpx2 import Timeout

    return {
        "timeout": Timeout(limit_s, connect=min(CONNECT_S, limit_s), pool=limit_s),
        "headers": {"Content-Type": "application/json"},
        "follow_redirects": False,
    }


async def _bound(response: Response) -> None:
    """Called for every answer before its body is read, those of errors included."""
    packing = response.headers.pop("content-encoding", "identity").strip().lower()
    response.stream = _bounded_stream(response.stream, packing)


def _bounded_stream(stream: Any, packing: str) -> AsyncByteStream:
    from httpx2 import AsyncByteStream

    class Bounded(AsyncByteStream):
        """A body that ends, in an error where it is too long."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            length = 0
            async for piece in _unpacked(stream, packing):
                length += len(piece)
                if length > MAX_BODY:
                    raise BodyTooLongError
                yield piece

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()


async def _unpacked(stream: Any, packing: str) -> AsyncIterator[bytes]:
    """Pieces of bounded size, however small the packed ones are."""
    if packing in ("identity", ""):
        async for piece in stream:
            yield piece
        return
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise PackedError(packing)
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # finds out by itself whether it is gzip or zlib
    async for piece in stream:
        rest = piece
        while rest:
            try:
                yield inflate.decompress(rest, MAX_BODY // 64)
            except zlib.error:
                raise PackedError(packing) from None
            rest = inflate.unconsumed_tail
