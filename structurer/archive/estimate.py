"""What a run would ask of its models and cost, without asking: the first calls of every document are made up, counted, and not sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from structurer.archive.running import Job
from structurer.asking.llm import Call, Reply, Usage, holds
from structurer.counted import counted
from structurer.document import Document
from structurer.endpoints.book import Book
from structurer.errors import StructurerError
from structurer.gathering import gathered, refuse_missing
from structurer.intake import ingest
from structurer.pipeline import structuring
from structurer.plans import Planned
from structurer.store import runfolder
from structurer.store.runs import LeftAside, Located, State

TOKEN_BYTES: Final = 3  # of a prompt in UTF-8: English has about 4 a token, Chinese about 2 to 3
REPLY_TO_TEXT: Final = 2.0  # a reply is about so many times as long as the text it copies from, keys included


@dataclass(slots=True)
class Estimate:
    """The first calls of a run: by model how many, of which `kept` are answered from the cache; tokens and cost are rough."""

    documents: int = 0
    unreadable: int = 0
    kept: int = 0
    book: Book = field(default_factory=Book)


def of_job(job: Job, planned: Planned, read: Callable[[Path], Document]) -> Estimate:
    """Of all that a job would begin with, but what the run that is gone on with holds; nothing is written into its folder."""
    refuse_missing(job.paths)
    with TemporaryDirectory() as blobs:
        return estimated(gathered(job.paths, job.include, job.exclude, Path(blobs)), planned, read, _done(job))


def _done(job: Job) -> Iterable[str]:
    """The digests of documents that need not be done; of an `update` nobody knows before."""
    if not job.resume or job.update or not runfolder.holds_run(job.out):
        return ()
    with runfolder.opened(job.out, job.store) as store:
        return {sha256 for sha256, _ in store.names()}


def estimated(
    found: Iterable[Located | LeftAside], planned: Planned, read: Callable[[Path], Document] = ingest.read, done: Iterable[str] = ()
) -> Estimate:
    """Go through all documents as far as their first calls, those aside whose digests are `done`."""
    estimate, known = Estimate(), set(done)
    for one in found:
        if isinstance(one, LeftAside) or one.sha256 in known:
            estimate.unreadable += isinstance(one, LeftAside) and one.state is State.UNREADABLE
            continue
        known.add(one.sha256)
        try:
            document = read(Path(one.path))
        except StructurerError:
            estimate.unreadable += 1
            continue
        estimate.documents += 1
        rounds = structuring(document, planned.plan, Counter())
        try:
            for call in next(rounds):
                _count(call, estimate, planned)
        except StopIteration:
            pass  # no form in it, or no model asked
        finally:
            rounds.close()
    return estimate


def _count(call: Call, estimate: Estimate, planned: Planned) -> None:
    kept = holds(call.model, call.request)
    estimate.kept += kept
    system, *rest = (len(message.content.encode()) for message in call.request.messages)
    usage = Usage((system + sum(rest)) // TOKEN_BYTES, int(sum(rest) * REPLY_TO_TEXT) // TOKEN_BYTES, 0)
    estimate.book.add(
        call.model.name, Reply("", call.model.name, usage=usage, recorded=kept), planned.prices.get(call.model.name), batch=planned.batch
    )


def told(estimate: Estimate) -> str:
    """The estimate for a person."""
    documents = counted(estimate.documents, "document")
    unreadable = f" ({estimate.unreadable} more cannot be read)" if estimate.unreadable else ""
    if not estimate.book.models:
        return f"{documents}{unreadable}, no calls to a model"
    total = estimate.book.total
    spent = replace(total, unsaid_cached=total.asked)  # what the endpoint has in its cache, nobody can say
    return (
        f"{documents}{unreadable}; roughly {spent.line()}\n"
        "  replies that cannot be used, rows that were lost and cells in doubt are asked for again, which comes on top"
    )
