"""The desk at the endpoint where batches are handed in and fetched: OpenAI's /files and /batches, tried again until they answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import quote

from structurer.atomic import writing
from structurer.endpoints.batchfile import (
    URL,
    Record,
    Status,
    most_bytes,
)
from structurer.endpoints.dialect import at, words_of
from structurer.endpoints.providers import OpenAIModel, transient
from structurer.endpoints.refusals import retry_after_s, root
from structurer.endpoints.wire import CONNECT_S, BodyTooLongError, PackedError, Wire, _bound, _unpacked
from structurer.errors import HaltError

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import AsyncOpenAI
    from tenacity import RetryCallState

PATIENCE_S: Final = 24 * 3600.0  # seconds that an endpoint is waited for which has answered before
ANSWER_S: Final = 60.0  # seconds for an answer that is no file
TRANSFER_S: Final = 3600.0  # seconds for a file
IDLE_S: Final = 300.0  # seconds without a byte of it
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 60.0
PAUSE: Final = 3  # attempts that fail in a row before anybody is told
GARBLED: Final = 5  # answers to one question that make no sense
PAGE: Final = 100  # batches in a page of a list, as many as OpenAI gives
PAGES: Final = 1000
RESULTS: Final = ("output_file_id", "error_file_id")
RESUME: Final = "the same command with --resume"
_ID: Final = re.compile(r"(?!\.+$)[\x21-\x7e]{1,256}")
T = TypeVar("T")
Told = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a caller of `BatchModel` allows and is told."""

    told: Told
    quiet_s: float
    poll_s: float
    most_requests: int
    most_bytes: int
    sleep: Sleep
    clock: Callable[[], float]


class GarbledError(Exception):
    """An answer that is not what was asked for."""


class Desk:
    """Files and batches at the endpoint. What fails in passing is tried again: for as long as a live request would be while the endpoint
    has answered nothing, for a day once it has. Raises HaltError for what does not pass, OSError of the folder."""

    def __init__(self, model: OpenAIModel, terms: Terms) -> None:
        self._model, self._terms = model, terms
        self._wire = FileWire.beside(model.wire)
        self._met = False
        self._paused: set[_Tries] = set()  # steps that somebody was told of

    async def upload(self, file: Path) -> str:
        """Upload requests; the id of the file."""

        async def step() -> str:
            return _id_of(await self._wire.upload("/files", file, {"purpose": "batch"}, TRANSFER_S))

        return await self._patiently(step, _NO_BATCHES)

    async def create(self, record: Record) -> str:
        """Create the batch of an uploaded file; its id. An attempt without an answer may have created one: that is looked for first."""
        asked = {"input_file_id": record.file_id, "endpoint": URL, "completion_window": "24h", "metadata": {"wave": record.wave}}
        tried = False

        async def step() -> str:
            nonlocal tried
            found = await self._listed([record]) if tried else {}
            tried = True
            return found.get(record.wave) or _id_of(await self._wire.post("/batches", json.dumps(asked).encode(), ANSWER_S))

        return await self._patiently(step, _NO_BATCHES)

    async def find(self, records: Sequence[Record]) -> dict[str, str]:
        """Which of these waves the endpoint has a batch of: wave to id."""

        async def step() -> dict[str, str]:
            return await self._listed(records)

        waves = ", ".join(record.wave for record in records)
        gone = f"the endpoint lists no batches, so that it cannot be told whether it has any of {waves}"
        return await self._patiently(step, (gone, "see there whether it has; if not, remove their files from the folder of batches"))

    async def look(self, record: Record, remedy: str) -> Any:
        """The batch as it is now; its `status` is a text."""

        async def step() -> Any:
            batch = _tree(await self._wire.get(f"/batches/{_quoted(record.batch_id)}", ANSWER_S))
            done = at(batch, "request_counts", "completed")
            if not isinstance(at(batch, "status"), str):
                raise GarbledError
            if batch["status"] == Status.COMPLETED and done and not any(id_in(batch, name) for name in RESULTS):
                raise GarbledError  # answers that are paid for must be somewhere
            return batch

        return await self._patiently(
            step, (f"the endpoint does not know {record.batch_id}", f"use the key that it was made with; or {remedy}")
        )

    async def fetch(self, file_id: str, file: Path, record: Record, remedy: str) -> None:
        """Download what a batch came to."""

        async def step() -> None:
            with writing(file, encoding="latin-1", newline="") as out:  # which is any byte as it is
                way = f"/files/{_quoted(file_id)}/content"
                await self._wire.download(way, lambda piece: out.write(piece.decode("latin-1")), most_bytes(record.requests), TRANSFER_S)

        await self._patiently(step, (f"the endpoint no longer has the answers of {record.batch_id}", remedy))

    async def _listed(self, records: Sequence[Record]) -> dict[str, str]:
        """By the wave that we named, or where an endpoint keeps no such notes, by the file."""
        waves, files = {record.wave for record in records}, {record.file_id: record.wave for record in records}
        found: dict[str, str] = {}
        after = ""
        for _ in range(PAGES):
            tree = _tree(await self._wire.get(f"/batches?limit={PAGE}{after}", ANSWER_S))
            page = at(tree, "data")
            if not isinstance(page, list):
                raise GarbledError
            for batch in page:
                named = at(batch, "metadata", "wave")
                wave = named if isinstance(named, str) and named in waves else files.get(_text(at(batch, "input_file_id")))
                if wave is not None:
                    found.setdefault(wave, _id_of(batch))
            if len(found) == len(waves) or at(tree, "has_more") is not True or not page:
                return found
            before, after = after, f"&after={_quoted(_id_of(page[-1]))}"
            if after == before:
                break
        raise GarbledError

    async def _patiently(self, step: Callable[[], Awaitable[T]], gone: tuple[str, str]) -> T:
        """What a step comes to in the end; `gone` is what is said, and to be done, where the endpoint does not know what was asked for."""
        from httpx2 import RequestError
        from openai import OpenAIError
        from tenacity import AsyncRetrying, retry_if_exception

        tries = _Tries(self._terms.clock, PATIENCE_S if self._met else self._model.limits.patience_s)
        retrying = AsyncRetrying(
            stop=tries.are_used_up,
            wait=_wait_s,
            retry=retry_if_exception(_passing),
            sleep=self._terms.sleep,
            before_sleep=partial(self._pausing, tries),
            reraise=True,
        )
        try:
            came: T = await retrying(step)
        except (OpenAIError, RequestError, TimeoutError, BodyTooLongError, PackedError, GarbledError) as error:
            raise self._explained(error, gone) from None  # the chain of causes may show headers, and so the key
        self._met = True
        if tries in self._paused:
            self._paused.discard(tries)
            if not self._paused:
                self._terms.told(f"{self._model.where}: the endpoint answers again")
        return came

    def _pausing(self, tries: _Tries, state: RetryCallState) -> None:
        if state.attempt_number == PAUSE and state.outcome is not None:
            if not self._paused:
                words = _short(state.outcome.exception())
                self._terms.told(f"{self._model.where}: the endpoint does not answer ({words}); waiting, batches go on there meanwhile")
            self._paused.add(tries)

    def _explained(self, error: Any, gone: tuple[str, str]) -> HaltError:
        status = getattr(error, "status_code", 0)
        said = self._model.refusals.redacted(words_of(error)) if status else ""
        what, remedy = {
            401: ("the key was refused", f"set OPENAI_API_KEY to a key of this endpoint, then {RESUME}"),
            403: ("the key may not use batches", f"set OPENAI_API_KEY to a key that may, then {RESUME}; or leave --batch out"),
            404: gone,
            405: gone,
            429: ("the quota is used up", f"raise it, then {RESUME}"),
            501: gone,
        }.get(status, ("the endpoint refused the batch", f"mend that, then {RESUME}; or leave --batch out"))
        if 300 <= status < 400:
            what, remedy = "the endpoint sends its callers elsewhere", "set OPENAI_BASE_URL to where it does, if you trust that"
            said = self._model.refusals.redacted(error.response.headers.get("location", ""))
        elif isinstance(error, BodyTooLongError):
            what, remedy = "the endpoint's answer is longer than any to this many requests", "choose another endpoint"
        elif isinstance(error, PackedError | GarbledError):
            what, remedy = "the endpoint's answer makes no sense", "check that OPENAI_BASE_URL is the address of an API with batches"
        elif not status or transient(error):
            what, remedy = f"the endpoint does not answer ({_short(error)})", f"structurer doctor, and when it is back: {RESUME}"
            said = ""
        number = f"HTTP {status}" if status and f"HTTP {status}" not in what else ""
        detail = ": ".join(part for part in (number, said) if part)
        return HaltError(f"{what} ({detail})" if detail else what, where=self._model.where, remedy=remedy)


_NO_BATCHES: Final = ("there are no batches at this address", "leave --batch out, or correct OPENAI_BASE_URL; it usually ends in /v1")


class _Tries:
    """How long a step may go on failing."""

    def __init__(self, clock: Callable[[], float], patience_s: float) -> None:
        self._clock, self._until, self._garbled = clock, clock() + patience_s, 0

    def are_used_up(self, state: RetryCallState) -> bool:
        self._garbled += state.outcome is not None and isinstance(state.outcome.exception(), GarbledError)
        return self._garbled >= GARBLED or self._clock() + state.upcoming_sleep > self._until


def _passing(error: BaseException) -> bool:
    return isinstance(error, GarbledError) or transient(error)


def _wait_s(state: RetryCallState) -> float:
    """Seconds until the next attempt: exponential with jitter, at least what the endpoint asks for."""
    from openai import APIStatusError
    from tenacity import wait_exponential, wait_random

    error = state.outcome.exception() if state.outcome else None
    asked = retry_after_s(error) if isinstance(error, APIStatusError) else 0.0
    return max((wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S))(state), asked)


def _short(error: BaseException | None) -> str:
    status = getattr(error, "status_code", None)
    if status is not None:
        return f"HTTP {status}"
    return "an answer that makes no sense" if isinstance(error, GarbledError) else type(root(error)).__name__ if error else ""


def _tree(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise GarbledError from None


def _id_of(answer: Any) -> str:
    tree = _tree(answer) if isinstance(answer, bytes) else answer
    found = id_in(tree, "id")
    if found is None:
        raise GarbledError
    return found


def id_in(tree: Any, name: str) -> str | None:
    """An id that can be part of an address and of a sentence; None where there is none."""
    found = at(tree, name)
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _quoted(id_: str | None) -> str:
    return quote(id_ or "", safe="")


class FileWire(Wire):
    """A wire that also takes files and gives back files, which are longer than an answer may be."""

    @classmethod
    def beside(cls, wire: Wire) -> FileWire:
        """To the same endpoint, with connections of its own."""
        return cls(wire._address, wire._api_key, connections=wire._connections, headers=wire._headers)

    async def upload(self, path: str, file: Path, fields: Mapping[str, str], limit_s: float) -> bytes:
        """The body of the answer to a form with a file in it, which is read as it is sent. Raises as `post`, and OSError of the file."""
        from httpx2 import Response

        client = await self._opened()
        with file.open("rb") as content:
            form = [("file", (file.name, content, "application/jsonl"))]
            async with asyncio.timeout(limit_s):
                response = await client.post(
                    path, cast_to=Response, body=dict(fields), files=form, options=_file_options("multipart/form-data")
                )  # fmt: skip
        return response.content

    async def download(self, path: str, write: Callable[[bytes], object], longest: int, limit_s: float) -> None:
        """Write a file of at most `longest` bytes, piece by piece. Raises as `get`, and what `write` raises."""
        from httpx2 import Response
        from openai import AsyncStream

        client = await self._opened()
        async with asyncio.timeout(limit_s):
            asked = client.get(
                path, cast_to=Response, options=_file_options("application/json"), stream=True, stream_cls=AsyncStream[object]
            )
            response = cast("Response", await asked)  # a stream of bytes, not of events
            try:
                length = 0
                packing = response.headers.get("content-encoding", "identity").strip().lower()
                async for piece in _unpacked(response.aiter_raw(), packing):
                    length += len(piece)
                    if length > longest:
                        raise BodyTooLongError
                    write(piece)
            finally:
                await response.aclose()

    def _made(self) -> AsyncOpenAI:
        client = super()._made()
        client._client.event_hooks = {"response": [_bound_but_for_files]}
        return client


def _file_options(kind: str) -> Any:
    from httpx2 import Timeout

    return {"timeout": Timeout(IDLE_S, connect=CONNECT_S), "headers": {"Content-Type": kind}, "follow_redirects": False}


async def _bound_but_for_files(response: Response) -> None:
    """Files are bounded by those who read them."""
    if response.status_code != 200 or not response.request.url.raw_path.endswith(b"/content"):
        await _bound(response)
