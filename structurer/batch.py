"""Many documents, one run: each is read, structured and stored as soon as it is done. What cannot be done is noted, the others still are.

Bad input and replies that no model can be brought to give are notes in the manifest. A bug is too, with its traceback shown: thousands of
documents do not wait for one that breaks the code. Only Ctrl-C, or a model that will answer nothing more, ends a run early; then what is
finished stays, and the rest waits for `--resume`.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from structurer import ingest
from structurer.across import Relations
from structurer.book import Book
from structurer.convention import Conventions
from structurer.converse import apart, concluded, converse, further
from structurer.errors import HaltError, ModelError, StructurerError
from structurer.export import reviewed
from structurer.pipeline import Plan, structuring
from structurer.record import Result
from structurer.store import Input, Progress, Run, State
from structurer.telemetry import OFF, Seen

if TYPE_CHECKING:
    from structurer.document import Document
    from structurer.llm import Answer, Call, Rounds
    from structurer.prices import Price

IN_HAND = 128  # documents begun and not finished, where models are asked: more than may be in flight, since some are being judged
IN_HAND_BY_BATCH = 20_000  # ... where they are asked by batch, which is the fuller the more wait
NOT_ANSWERED = "not answered"
BUG = "a bug in structurer"
GRAVITY = (1, 2, 6, 5, 4, 3)  # exit codes, gravest first: bug, usage, schema, model, input, review

Told = Callable[[str], None]
Read = Callable[[Path], "Document"]
Structure = Callable[["Document", Plan, "Counter[str]"], "Rounds[Result]"]


@dataclass(slots=True)
class Tally:
    """What came of a run: `held` and `failed` count checks, `flagged` values, rows, lists and records to be reviewed; `conventions` and
    `relations` learn what the stored records say together."""

    documents: int = 0
    records: int = 0
    held: int = 0
    failed: int = 0
    flagged: int = 0
    to_review: int = 0  # documents
    failures: list[int] = field(default_factory=list)  # exit codes of the inputs that could not be done
    conventions: Conventions = field(default_factory=Conventions)
    relations: Relations = field(default_factory=Relations)
    book: Book = field(default_factory=Book)
    halted: str = ""  # why a model answers no more
    left: int = 0  # inputs without a result

    @property
    def exit_code(self) -> int:
        """The gravest of what happened, in the order of GRAVITY."""
        happened = {*self.failures, 3 if self.to_review else 0}
        return next((code for code in GRAVITY if code in happened), 0)

    def add(self, result: Result) -> State:
        """Count one result; its state says whether a person should see it."""
        checks = [checked.holds for record in result.records for checked in record.checks]
        flagged = sum(len(reviewed(record)) for record in result.records)
        self.documents += 1
        self.records += len(result.records)
        self.held += checks.count(True)
        self.failed += checks.count(False)
        self.flagged += flagged
        done = result.records and not flagged and not checks.count(False)
        self.to_review += not done
        return State.DONE if done else State.NEEDS_REVIEW

    def learn(self, result: Result) -> None:
        """Feed one result to what is learnt over the whole run."""
        for record in result.records:
            self.conventions.add(record)
        self.relations.add(result.records)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What calls cost: prices by the models' names (None: unknown), and whether they are made through a Batch API."""

    prices: Mapping[str, Price | None] = field(default_factory=dict)
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told: the name of each document when it is begun and when it has come to its end, and every error as a sentence (or traceback)
    when it happens."""

    begun: Told
    trouble: Told
    document: Callable[[str], AbstractContextManager[Seen]] = OFF.document
    ended: Told = lambda _: None


def run_all(
    found: ingest.Found,
    plan: Plan,
    run: Run,
    watcher: Watcher,
    structure: Structure = structuring,
    tariff: Tariff = Tariff(),
    read: Read = ingest.read,
) -> Tally:
    """Structure all files into the run and close it; `read` makes documents of them. KeyboardInterrupt passes through when the run is
    closed as interrupted.
    """
    tally, state = Tally(relations=Relations(plan.schemas)), Progress.INTERRUPTED
    work = _Work(plan, run, tally, watcher, structure, tariff, read)
    try:
        run.expect([str(file) for file in found.files])
        _note_others(found, run, tally, watcher)
        ahead = [file for file in found.files if not (run.resumed and work.is_done(file))]
        run.drop_strays()
        if plan.model is None:
            with _interrupts_remembered() as is_interrupted:
                for file in ahead:
                    if is_interrupted():
                        raise KeyboardInterrupt
                    work.by_itself(file)
        else:
            apart(work.all_at_once(ahead))
        state = Progress.HALTED if tally.halted else Progress.FINISHED
    finally:
        tally.left = len(found.files) + len(found.errors) - tally.documents
        run.finish(state, tally.conventions.conclude(), tally.relations.conclude(), tally.halted)
    return tally


@contextmanager
def _interrupts_remembered() -> Iterator[Callable[[], bool]]:
    """Ctrl-C raises KeyboardInterrupt wherever the code is, and Python drops what is raised in a finaliser: so it is remembered too."""
    heard: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, hear)
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _note_others(found: ingest.Found, run: Run, tally: Tally, watcher: Watcher) -> None:
    for path in found.skipped:
        run.note(Input(str(path), State.SKIPPED, "not of a kind that can be read"))
    for error in found.errors:
        tally.failures.append(error.exit_code)
        watcher.trouble(str(error))
        run.note(Input(error.where, State.FAILED, error.what))


@dataclass(slots=True)
class _Work:
    """Documents on their way into a run."""

    plan: Plan
    run: Run
    tally: Tally
    watcher: Watcher
    structure: Structure
    tariff: Tariff
    read: Read

    def is_done(self, file: Path) -> bool:
        """Whether the run holds the document already, from before it was broken off; then it is counted."""
        with suppress(OSError):  # said when it is its turn
            result = self.run.finished(str(file), hashlib.sha256(file.read_bytes()).hexdigest(), self.tally.add)
            if result is not None:
                self.tally.learn(result)
                self.watcher.ended(str(file))
                return True
        return False

    def by_itself(self, file: Path) -> None:
        """One document after the other, where no model is waited for."""
        self.watcher.begun(str(file))
        with self.watcher.document(str(file)) as seen:
            try:
                result = concluded(self.structure(self.read(file), self.plan, seen.outcomes))
            except Exception as error:  # reported in full
                seen.failed(error)
                self.note(file, error)
            else:
                seen.came(result)
                self.keep(file, result)
        self.watcher.ended(str(file))

    async def all_at_once(self, files: Iterable[Path]) -> None:
        """Many documents in hand: while models are waited for, others are read and judged, in one thread of their own."""
        ahead = iter(files)
        judge = ThreadPoolExecutor(1, thread_name_prefix="judge")  # not as a context: that waits for the document being judged
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(IN_HAND_BY_BATCH if self.tariff.batch else IN_HAND):
                    group.create_task(self.in_turn(ahead, judge))
        except BaseExceptionGroup as several:  # the run folder cannot be written to, or a bug: the first of them says it
            raise several.exceptions[0] from None
        finally:
            judge.shutdown(wait=False, cancel_futures=True)

    async def in_turn(self, ahead: Iterator[Path], judge: ThreadPoolExecutor) -> None:
        """One document after the other from the common heap, until it is used up or a model answers no more."""
        for file in ahead:
            self.watcher.begun(str(file))
            await self.one(file, judge)
            if self.tally.halted:
                return
            self.watcher.ended(str(file))

    async def one(self, file: Path, judge: ThreadPoolExecutor) -> None:
        elsewhere = partial(asyncio.get_running_loop().run_in_executor, judge)
        with self.watcher.document(str(file)) as seen:
            own = Book(outcomes=seen.outcomes)
            try:
                document = await elsewhere(self.read, file)
                seen.read(document.sha256)
                rounds = self.structure(document, self.plan, own.outcomes)
                result = await converse(rounds, partial(elsewhere, further), partial(self.enter, own))
            except HaltError as error:
                seen.failed(error)
                self.halt(error)
            except Exception as error:  # reported in full
                seen.failed(error)
                self.note(file, error, own)
            else:
                seen.came(result)
                self.keep(file, result, own)
            finally:  # cancelled ones too: what was answered is paid for
                self.tally.book.merge(own)
                self.run.charge(own)

    def enter(self, book: Book, call: Call, answer: Answer) -> None:
        """Into the ledger with a call; not with one that was refused or never sent, which costs nothing."""
        if isinstance(answer, ModelError):
            book.note(NOT_ANSWERED)
            if not isinstance(answer, HaltError):
                book.add_unanswered(call.model.name)
        else:
            book.add(call.model.name, answer, self.tariff.prices.get(call.model.name), batch=self.tariff.batch)

    def keep(self, file: Path, result: Result, own: Book | None = None) -> None:
        state = self.tally.add(result)
        reason = "" if result.records else "no form was found in it"
        self.run.write_result(str(file), result, state=state, reason=reason, spent=own.as_dict() if own else None)
        self.tally.learn(result)

    def halt(self, error: HaltError) -> None:
        """Said once: every document in hand hears it."""
        if not self.tally.halted:
            self.tally.halted = error.what
            self.tally.failures.append(error.exit_code)
            self.watcher.trouble(str(error))

    def note(self, file: Path, error: Exception, own: Book | None = None) -> None:
        if isinstance(error, StructurerError):
            code, reason, words = error.exit_code, error.what, str(error)
            words = words if str(file) in words else f"{file}: {words}"
        else:
            code, reason, words = 1, f"{BUG}: {error!r}", f"{file}: {BUG}\n{''.join(traceback.format_exception(error))}"
        self.tally.failures.append(code)
        self.watcher.trouble(words)
        self.run.note(Input(str(file), State.FAILED, reason, spent=own.as_dict() if own else None))
