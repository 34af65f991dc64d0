"""The connections to one endpoint: a pool that is reused, bodies that are bounded, redirects that are not followed.

An endpoint is not trusted: its answers may never end, be packed to burst, or send the caller, with key and document, somewhere else.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from weakref import finalize

from structurer.endpoints.addresses import parted

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport, AsyncByteStream, Response
    from openai import AsyncOpenAI

CONNECT_S: Final = 10.0  # seconds to open a connection
KEEPALIVE_S: Final = 60.0  # seconds an idle connection stays open
MAX_BODY: Final = 16 * 2**20  # bytes of an answer, unpacked


class BodyTooLongError(Exception):
    """An answer longer than MAX_BODY."""


class PackedError(Exception):
    """An answer in an encoding that was not asked for and cannot be unpacked within bounds."""


@contextmanager
def _spoken_http() -> Iterator[None]:
    """Makes of an answer that is no HTTP what the SDK's own transport forgets to make of it."""
    from aiohttp import ClientError
    from httpx2 import RemoteProtocolError

    try:
        yield
    except ClientError as error:
        raise RemoteProtocolError("no HTTP") from error


class Wire:
    """Posts to one endpoint. The connections belong to the event loop that first posts, and are closed with it."""

    def __init__(self, base_url: str, api_key: str | None, *, connections: int, headers: Mapping[str, str] | None = None) -> None:
        self._address = base_url
        self._base_url, basic, self._query = parted(base_url)
        self._api_key, self._connections = api_key, connections
        self._headers = {**(headers or {}), **(basic if api_key is None else {})}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: AsyncOpenAI | None = None
        self._keeping: AsyncGenerator[AsyncOpenAI, None] | None = None
        self._held: finalize[Any, Any] | None = None

    async def post(self, path: str, content: bytes, limit_s: float) -> bytes:
        """The body of the answer. Raises openai.OpenAIError, httpx2.RequestError, TimeoutError, BodyTooLongError, PackedError."""
        from httpx2 import Response

        client = await self._opened()
        with _spoken_http():
            async with asyncio.timeout(limit_s):  # first to last byte: an endpoint that dribbles is left in time
                response = await client.post(path, cast_to=Response, content=content, options=_options(limit_s))
        return response.content

    async def get(self, path: str, limit_s: float) -> bytes:
        """The body of the answer. Raises as `post`."""
        from httpx2 import Response

        client = await self._opened()
        with _spoken_http():
            async with asyncio.timeout(limit_s):
                response = await client.get(path, cast_to=Response, options=_options(limit_s))
        return response.content

    async def open(self) -> None:
        """Be ready to post."""
        await self._opened()

    async def _opened(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._keeping = _kept(self._made())
            self._client = await anext(self._keeping)
            self._hold(self._client)
        return self._client

    def _hold(self, client: AsyncOpenAI) -> None:
        """The client outlives its wire by one step, in which it is closed: out of a circle of references (an error's traceback makes one)
        both would be collected together, and the client still open."""
        if self._held is not None:
            self._held.detach()
        self._held = finalize(self, lambda _: None, client)
        self._held.atexit = False

    def _made(self) -> AsyncOpenAI:
        from httpx2 import Limits
        from openai import AsyncOpenAI, DefaultAioHttpClient

        limits = Limits(max_connections=self._connections, max_keepalive_connections=self._connections, keepalive_expiry=KEEPALIVE_S)
        http = DefaultAioHttpClient(follow_redirects=False, limits=limits, event_hooks={"response": [_bound]})
        if self._query:
            choose, query = http._transport_for_url, self._query
            http._transport_for_url = lambda url: _with_query(choose(url), query)  # type: ignore[method-assign]
        headers = {**self._headers, "Accept-Encoding": "identity"}
        return AsyncOpenAI(
            base_url=self._base_url, api_key=self._api_key or "none", max_retries=0, http_client=http, default_headers=headers
        )  # fmt: skip


async def _kept(client: AsyncOpenAI) -> AsyncGenerator[AsyncOpenAI, None]:
    """The client until its wire is let go of, or its event loop ends: both close the generator, and this one closes the client then."""
    try:
        yield client
    finally:
        with suppress(RuntimeError):
            await client.close()


def _options(limit_s: float) -> Any:
    from httpx2 import Timeout

    return {
        "timeout": Timeout(limit_s, connect=min(CONNECT_S, limit_s), pool=limit_s),
        "headers": {"Content-Type": "application/json"},
        "follow_redirects": False,
    }


def _with_query(transport: AsyncBaseTransport, query: str) -> AsyncBaseTransport:
    """A transport that adds a query to the address, so late that no logger sees it."""
    from httpx2 import AsyncBaseTransport, Request

    class WithQuery(AsyncBaseTransport):
        async def handle_async_request(self, request: Request) -> Response:
            bare = request.url
            request.url = bare.copy_with(query=query.encode())
            try:
                return await transport.handle_async_request(request)
            finally:
                request.url = bare

    return WithQuery()


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
                yield inflate.decompress(rest, MAX_BODY // 16)
            except zlib.error:
                raise PackedError(packing) from None
            rest = inflate.unconsumed_tail
