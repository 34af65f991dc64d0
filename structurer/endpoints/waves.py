"""A model that answers by batch: requests that wait together go to the endpoint as one file and are answered within a day, at a lower
price.

A wave is what has been asked when no more is asked for a while. Each of its batches is written down before it is uploaded, its id before
anything else is done: after a kill nothing is asked again that the endpoint may charge for. What a batch leaves unanswered joins the next
wave.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structurer.asking.llm import Reply, Request
from structurer.endpoints.batchfile import (
    MOST_BYTES,
    MOST_REQUESTS,
    Failure,
    Folder,
    Found,
    Kind,
    Place,
    Record,
    Status,
    answer_at,
    custom_id,
    found_in,
    line_of,
    one_line,
)
from structurer.endpoints.dialect import at, reply_in
from structurer.endpoints.providers import OpenAIModel
from structurer.errors import HaltError, ModelError

if TYPE_CHECKING:
    pass
from structurer.endpoints.desk import RESULTS, RESUME, Desk, Sleep, Terms, Told, id_in

QUIET_S: Final = 10.0  # seconds in which no request joins, that close a wave: a document may take a while to read, a batch takes longer
POLL_S: Final = 30.0  # seconds between two looks at a batch, at most
FIRST_POLL_S: Final = 1.0
POLL_GROWTH: Final = 1.5
WAVES: Final = 3  # batches that a request is put into before it is given up
OVERDUE_S: Final = 48 * 3600.0  # seconds after which a batch that has 24 hours is not waited for
TRANSFERS: Final = 2  # files on their way at once
TOO_MANY_TOKENS: Final = "token_limit_exceeded"  # more waits in all batches together than the account may have waiting


@dataclass(slots=True, eq=False)
class _Asked:
    """A request that has no answer yet, and how often it had a failure instead. `waiting` counts those who await the outcome, which is None
    when there is an answer."""

    name: str
    request: Request
    outcome: asyncio.Future[Exception | None]
    failures: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Pack:
    """The requests that one batch is to answer, by name."""

    names: tuple[str, ...]


class BatchModel:
    """A `Model` that answers as another does, at the same endpoint, through its Batch API.

    `folder` belongs to this model alone; a model on the folder of one that was killed goes on where that one was. A wave is closed after
    `quiet_s` seconds in which no request joins it; a batch has at most `most_requests` and `most_bytes`; `poll_s` are the seconds between
    two looks at it. `told` hears a sentence for each change; `sleep` waits seconds, `clock` tells them since 1970.
    """

    def __init__(
        self,
        model: OpenAIModel,
        folder: Path,
        *,
        told: Told = lambda _: None,
        quiet_s: float = QUIET_S,
        poll_s: float = POLL_S,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._model, self._folder = model, Folder(folder)
        self._terms = Terms(told, quiet_s, poll_s, most_requests, most_bytes, sleep, clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[_Waves] | None = None
        self._keeping: AsyncGenerator[_Waves, None] | None = None

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """The answer, when the batch that it comes in has ended. Raises ModelError when three batches have none, HaltError when the
        endpoint will answer no other request either or the folder is of no use."""
        return await (await self._opened()).answer(request)

    async def _opened(self) -> _Waves:
        """The waves of the running event loop, with what was there before; the folder is held until the loop is closed."""
        loop = asyncio.get_running_loop()
        if self._opening is None or self._loop is not loop:
            self._loop, self._keeping = loop, self._kept()
            self._opening = loop.create_task(_first(self._keeping))
        return await asyncio.shield(self._opening)

    async def _kept(self) -> AsyncGenerator[_Waves, None]:
        with _usable(self._folder), self._folder.held():
            waves = _Waves(self._model, self._folder, self._terms)
            try:
                await waves.resume()
                yield waves
            finally:
                waves.close()


async def _first(waves: AsyncGenerator[_Waves, None]) -> _Waves:
    return await anext(waves)


class _Waves:
    """The requests, batches and answers of one event loop."""

    def __init__(self, model: OpenAIModel, folder: Folder, terms: Terms) -> None:
        self._model, self._folder, self._terms = model, folder, terms
        self._desk = Desk(model, terms)
        self._answers: dict[str, Place] = {}
        self._fresh: set[str] = set()  # names of answers that this run has fetched and nobody has read
        self._asked: dict[str, _Asked] = {}
        self._live: dict[str, _Pack] = {}  # names of requests to what will have their answers
        self._joined: list[tuple[_Asked, bytes]] = []  # the wave that is still open
        self._size = self._joins = 0
        self._timer: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing, self._transfers = asyncio.Lock(), asyncio.Semaphore(TRANSFERS)
        self._there: set[str] = set()  # waves that the endpoint has and has not ended
        self._left = asyncio.Event()  # set when one of them has
        self._halted: HaltError | None = None

    def close(self) -> None:
        """Stop looking after the batches; they go on at the endpoint."""
        for task in self._tasks:
            task.cancel()

    async def answer(self, request: Request) -> Reply:
        """The reply to a request, whenever it comes."""
        body = self._body(request)
        name = custom_id(self._model.where, body, request.key)
        if name not in self._answers:
            await self._wait(name, request)
        return self._reply(name, request)

    async def _wait(self, name: str, request: Request) -> None:
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = _Asked(name, request, asyncio.get_running_loop().create_future())
            if name not in self._live:
                self._join(asked)
        asked.waiting += 1
        try:
            error = await asyncio.shield(asked.outcome)
        finally:
            asked.waiting -= 1
        if error is not None:
            raise error

    def _body(self, request: Request) -> bytes:
        return self._model.body(request, self._model.dialect)

    def _reply(self, name: str, request: Request) -> Reply:
        with _usable(self._folder):
            tree = answer_at(self._answers[name], name)
        recorded = name not in self._fresh
        self._fresh.discard(name)
        return replace(reply_in(at(tree, "choices", 0), tree, request), recorded=recorded)

    # -- waves

    def _join(self, asked: _Asked) -> None:
        """Into the wave that is open, which is closed first where it would grow too long for a file."""
        line = line_of(asked.name, self._body(asked.request))
        if self._halted is not None:
            self._settle(asked, self._halted)
        elif len(line) > self._terms.most_bytes:
            what = f"the request is too long for a batch ({len(line):,} bytes)"
            self._settle(asked, ModelError(what, where=self._model.where, remedy="leave --batch out for this document"))
        else:
            if len(self._joined) >= self._terms.most_requests or self._size + len(line) > self._terms.most_bytes:
                self._send_off()
            self._joined.append((asked, line))
            self._size, self._joins = self._size + len(line), self._joins + 1
            if self._timer is None or self._timer.done():
                self._timer = self._started(self._when_quiet())

    async def _when_quiet(self) -> None:
        while self._joined:
            joins = self._joins
            await self._terms.sleep(self._terms.quiet_s)
            if joins == self._joins:
                self._send_off()

    def _send_off(self) -> None:
        """The wave that is open becomes a batch, but for requests that nobody waits for any more."""
        wave, self._joined, self._size = self._joined, [], 0
        for asked, _ in wave:
            if not asked.waiting:
                del self._asked[asked.name]
        self._go({asked.name: line for asked, line in wave if asked.waiting})

    def _go(self, lines: Mapping[str, bytes]) -> None:
        """A batch of these lines, if there are any."""
        if lines:
            pack = _Pack(tuple(lines))
            self._look_after(pack, self._submit(pack, lines))

    def _look_after(self, pack: _Pack, steps: Coroutine[Any, Any, None]) -> None:
        self._live |= dict.fromkeys(pack.names, pack)
        self._started(self._guarded(pack, steps))

    def _started(self, steps: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(steps)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, pack: _Pack, steps: Coroutine[Any, Any, None]) -> None:
        """A batch from its first step to its last; whatever ends it, those who wait hear of it."""
        try:
            with _usable(self._folder):
                await steps
        except HaltError as error:
            self._halt(pack.names, error)
        except Exception as error:  # a bug, told to each who waits
            self._settle_all(pack.names, error)
            self._let_go()
        finally:
            self._own(pack)

    def _own(self, pack: _Pack) -> list[str]:
        """The names that a pack still answers for, and from now on no longer does."""
        own = [name for name in pack.names if self._live.get(name) is pack]
        for name in own:
            del self._live[name]
        return own

    def _halt(self, names: Collection[str], error: HaltError) -> None:
        """Nothing more is submitted; batches that the endpoint has are waited for."""
        self._halted = self._halted or error
        self._settle_all(names, error)
        joined, self._joined, self._size = self._joined, [], 0
        self._settle_all([asked.name for asked, _ in joined], error)
        self._let_go()

    def _settle_all(self, names: Collection[str], error: Exception) -> None:
        for name in names:
            if name in self._asked:
                self._settle(self._asked[name], error)

    def _settle(self, asked: _Asked, outcome: Exception | None) -> None:
        self._asked.pop(asked.name, None)
        if not asked.outcome.done():
            asked.outcome.set_result(outcome)

    # -- one batch

    async def _submit(self, pack: _Pack, lines: Mapping[str, bytes]) -> None:
        async with self._writing:
            record = await asyncio.to_thread(self._folder.begin, self._model.where, tuple(lines.values()))
        del lines  # as much as a file may hold, and the batch takes a day
        async with self._transfers:
            if self._halted is not None:
                raise self._halted
            file_id = await self._desk.upload(self._folder.requests(record))
        record = self._folder.note(replace(record, file_id=file_id))
        batch_id = await self._desk.create(record)
        record = self._folder.note(replace(record, batch_id=batch_id, submitted=self._terms.clock()))
        self._terms.told(f"submitted {_requests(record.requests)} as {batch_id}")
        await self._follow(pack, record)

    async def _follow(self, pack: _Pack, record: Record) -> None:
        self._there.add(record.wave)
        try:
            batch = await self._ended(record)
        finally:
            self._there.discard(record.wave)
        output_id, error_id = (id_in(batch, name) for name in RESULTS)
        record = self._folder.note(replace(record, status=batch["status"], output_id=output_id, error_id=error_id))
        if record.status == Status.FAILED and not self._folder.results(record):
            await self._refused(pack, record, batch)
        else:
            self._let_go()
            await self._collect(pack, record)

    async def _ended(self, record: Record) -> Any:
        """The batch when it has ended; what it says of its progress is told meanwhile."""
        wait_s, said = FIRST_POLL_S, ""
        while True:
            batch = await self._desk.look(record, self._folder.remedy(record))
            progress = _progress(record, batch)
            if progress not in ("", said):
                self._terms.told(progress)
                said = progress
            if batch["status"] in frozenset(Status):
                return batch
            if self._terms.clock() - record.submitted > OVERDUE_S:
                what = f"{record.batch_id} has not ended after {OVERDUE_S / 3600:.0f} hours ({one_line(batch['status'])})"
                raise HaltError(what, where=self._model.where, remedy=f"cancel it at the endpoint, or wait; then {RESUME}")
            await self._terms.sleep(min(wait_s, self._terms.poll_s))
            wait_s *= POLL_GROWTH

    async def _collect(self, pack: _Pack, record: Record) -> None:
        results = self._folder.results(record)
        for file, file_id in results.items():
            if not file.exists():
                async with self._transfers:
                    await self._desk.fetch(file_id, file, record, self._folder.remedy(record))
        found = await asyncio.to_thread(found_in, tuple(results), pack.names)
        ended = "" if record.status == Status.COMPLETED else f", {record.status}"
        strange = f", {found.strange:,} lines belong to none" if found.strange else ""
        self._terms.told(f"{record.batch_id}: collected, {len(found.answers):,} of {record.requests:,} answered{ended}{strange}")
        self._came(pack, record, found)

    def _came(self, pack: _Pack, record: Record, found: Found) -> None:
        """Tell those who wait what the batch came to."""
        refused = [failure for failure in found.failures.values() if failure.kind is Kind.REFUSED]
        if len(refused) == record.requests > 1 and not self._answers:
            what = f"all {record.requests:,} requests of {record.batch_id} were refused ({self._model.refusals.redacted(refused[0].words)})"
            raise HaltError(what, where=self._model.where, remedy=f"structurer doctor shows what the endpoint understands; then {RESUME}")
        self._fresh |= found.answers.keys() - self._answers.keys()
        self._answers = found.answers | self._answers
        absent = Failure(Kind.PASSING, _ABSENT.get(record.status, "its answer is missing"))
        for name in self._own(pack):
            if name in self._asked and name in self._answers:
                self._settle(self._asked[name], None)
            elif name in self._asked:
                self._unanswered(self._asked[name], found.failures.get(name, absent))

    def _unanswered(self, asked: _Asked, failure: Failure) -> None:
        """Into the next wave, or the end of it."""
        words, where = self._model.refusals.redacted(failure.words), self._model.where
        asked.failures += 1
        if failure.kind is Kind.SHUT:
            error = HaltError(f"the endpoint refuses ({words})", where=where, remedy=f"mend that, then {RESUME}")
            self._halt((asked.name,), error)
        elif failure.kind is Kind.REFUSED:
            what = f"the endpoint refused the request ({words})"
            self._settle(asked, ModelError(what, where=where, remedy="choose another --model or endpoint"))
        elif asked.failures >= WAVES:
            what = f"no answer in {WAVES} batches; the last time: {words}"
            self._settle(asked, ModelError(what, where=where, remedy=f"try again later with {RESUME}, or leave --batch out"))
        else:
            self._join(asked)

    async def _refused(self, pack: _Pack, record: Record, batch: Any) -> None:
        """A batch that the endpoint refuses as a whole: nothing of it was done."""
        errors = at(batch, "errors", "data")
        errors = errors if isinstance(errors, list) else []
        said = "; ".join(_said_of(error) for error in errors[:3]) or "it does not say why"
        if any(at(error, "code") == TOO_MANY_TOKENS for error in errors) and (record.requests > 1 or self._there):
            self._terms.told(f"{record.batch_id}: more than may wait at once, asked again in parts or later")
            await self._less_at_once(pack)
            return
        remedy = f"mend that, then {RESUME}: nothing of this batch was done or charged"
        raise HaltError(f"{record.batch_id} was refused: {self._model.refusals.redacted(said)}", where=self._model.where, remedy=remedy)

    async def _less_at_once(self, pack: _Pack) -> None:
        """The same again when another batch has ended, or in two parts where there is no other."""
        parts = [pack.names]
        if self._there:
            await self._left.wait()
            if self._halted is not None:
                raise self._halted
        else:
            parts = [pack.names[: len(pack.names) // 2], pack.names[len(pack.names) // 2 :]]
        for part in parts:
            again = [self._asked[name] for name in part if name in self._asked]
            self._go({asked.name: line_of(asked.name, self._body(asked.request)) for asked in again})
        if not self._asked.keys() & set(pack.names):
            self._let_go()  # nobody waits for any of it, but another may wait for its end

    def _let_go(self) -> None:
        self._left.set()
        self._left = asyncio.Event()

    # -- what was there before

    async def resume(self) -> None:
        """Take up what is in the folder: answers that were collected, batches that are at the endpoint or may be."""
        await asyncio.to_thread(self._folder.sweep)
        for record in await self._reconciled(await asyncio.to_thread(self._folder.records)):
            results = self._folder.results(record)
            if record.ended and not results:
                continue
            pack = _Pack(tuple(await asyncio.to_thread(self._folder.asked, record)))
            if not record.ended:
                self._terms.told(f"{record.batch_id}: taken up again, {_requests(record.requests)}")
                self._look_after(pack, self._follow(pack, record))
            elif all(file.exists() for file in results):
                self._answers = (await asyncio.to_thread(found_in, tuple(results), pack.names)).answers | self._answers
            else:
                self._look_after(pack, self._collect(pack, record))
        if self._answers:
            self._terms.told(f"{len(self._answers):,} answers are there from before")

    async def _reconciled(self, records: Sequence[Record]) -> list[Record]:
        """The batches of this endpoint. One without an id was created in the moment of the kill, or never: the endpoint knows."""
        own = [record for record in records if record.where == self._model.where]
        lost = [record for record in own if record.file_id is not None and record.batch_id is None and not record.ended]
        found = await self._desk.find(lost) if lost else {}
        return [self._folder.note(_with_id(record, found, self._terms.clock())) if _unknown(record) else record for record in own]


def _unknown(record: Record) -> bool:
    return record.batch_id is None and not record.ended


def _with_id(record: Record, found: Mapping[str, str], now: float) -> Record:
    if record.wave in found:
        return replace(record, batch_id=found[record.wave], submitted=now)
    return replace(record, status=Status.NEVER_CREATED)


_ABSENT: Final[Mapping[str, str]] = {
    Status.EXPIRED: "the batch expired before its turn came",
    Status.CANCELLED: "the batch was cancelled before its turn came",
    Status.FAILED: "the batch failed before its turn came",
}


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"


def _progress(record: Record, batch: Any) -> str:
    """How much of a batch is done, in words; "" where it does not say, or nothing is."""
    counts = [at(batch, "request_counts", name) for name in ("completed", "failed")]
    done = sum(count for count in counts if isinstance(count, int) and 0 <= count <= record.requests)
    return f"{record.batch_id}: {min(done, record.requests):,} of {record.requests:,} done" if done else ""


def _said_of(error: Any) -> str:
    """One line for an error of a batch: {"code", "message", "line"}."""
    said = at(error, "message") or at(error, "code")
    line = at(error, "line")
    return (f"line {line}: " if isinstance(line, int) else "") + one_line(said if isinstance(said, str) else "an error without words")


@contextmanager
def _usable(folder: Folder) -> Iterator[None]:
    """What goes wrong with the files is told as something that a person can mend."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        remedy = f"make room or choose another --out, then {RESUME}"
        raise HaltError(f"batches cannot be kept here ({reason})", where=str(folder.path), remedy=remedy) from None
