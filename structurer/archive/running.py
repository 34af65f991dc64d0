"""A run from what a person wants of it: its folder is begun or gone on with, its hosts are started, and all is set to work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from structurer import __version__, gathering, plans
from structurer.archive import batch
from structurer.archive.batch import Watcher
from structurer.archive.hosting import Absent, Work
from structurer.archive.hosts import Hosts, cores, usual
from structurer.archive.inhand import Tariff
from structurer.archive.tally import Tally
from structurer.asking.llm import Model
from structurer.errors import UsageError
from structurer.finding import blobs
from structurer.intake.ingest import Intake
from structurer.pipeline import Plan
from structurer.plans import Planned
from structurer.store import runfolder
from structurer.store.finishing import basis_of
from structurer.store.runs import Asked, Basis, LeftAside, Located
from structurer.store.store import Store


@dataclass(frozen=True, slots=True)
class Job:
    """What a person wants of a run: of which paths, with which files of theirs, where; `store` is the address of a PostgreSQL server ("":
    the run folder holds the store); `watch` goes on as files come; `resume` goes on with what is there, `update` does anew what depends on
    what has changed since; `hosts` is how many processes read and judge (0: as many as there are cores)."""

    paths: tuple[Path, ...]
    out: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    store: str = ""
    watch: bool = False
    resume: bool = False
    update: bool = False
    hosts: int = 0
    command: tuple[str, ...] = ()


def run(job: Job, planned: Planned, intake: Intake, watcher: Watcher, tally: Tally) -> Tally:
    """Do it all here. Raises InputError for a path that leads nowhere, UsageError for a folder that cannot be the run's,
    KeyboardInterrupt."""
    store, basis = begun(job, planned, intake)
    if planned.budget is not None:
        planned.budget.begin_with(dict(store.spent().total.costs).get(planned.budget.currency, Decimal(0)))
    ending = threading.Event()
    with swept(job):
        return batch.run_all(
            found(job, ending), planned.plan, store, _hosts(job, planned, intake, basis), watcher, _tariff(planned), tally, ending,
            roots=roots(job),
        )  # fmt: skip


@contextmanager
def swept(job: Job) -> Iterator[None]:
    """What a crash, or this run when it is broken off, has left half written is removed."""
    blobs.sweep(job.out / runfolder.BLOBS)
    try:
        yield
    finally:
        blobs.sweep(job.out / runfolder.BLOBS, own=True)


def begun(job: Job, planned: Planned, intake: Intake) -> tuple[Store, Basis]:
    """The store of the run, begun or gone on with, and what results depend on now. Raises as `run`."""
    gathering.refuse_missing(job.paths)
    basis = _basis(planned, intake)
    store = _opened(job, planned, intake, basis)
    if store.shared and planned.budget is not None:
        store.close()
        remedy = "leave --budget out, or --store and --engine"
        raise UsageError("a budget is not kept by several workers, who share a run in PostgreSQL", remedy=remedy)
    return store, basis


def joined(job: Job, planned: Planned, intake: Intake, watcher: Watcher, name: str) -> Tally:
    """Work, under this name, on a run that somebody else has begun and finds the documents of. Raises UsageError where it was begun
    otherwise."""
    basis = _basis(planned, intake)
    store = _opened(replace(job, resume=True, update=False), planned, intake, basis)
    return batch.run_all((), planned.plan, store, _hosts(job, planned, intake, basis), watcher, _tariff(planned), joins_as=name)


def _basis(planned: Planned, intake: Intake) -> Basis:
    return basis_of(plans.identity(planned.plan, planned.identity + intake.identity), planned.plan.schemas)


def _hosts(job: Job, planned: Planned, intake: Intake, basis: Basis) -> Hosts:
    number = job.hosts or usual()
    own = replace(intake, threads=max(cores() // number, 1))  # the recognisers of all hosts share the cores
    return Hosts.apart(Work(_without_models(planned.plan), own, basis), number)


def _tariff(planned: Planned) -> Tariff:
    return Tariff(planned.prices, planned.batch)


def _opened(job: Job, planned: Planned, intake: Intake, basis: Basis) -> Store:
    reader = plans.describe(planned.plan)
    identity = planned.identity + intake.identity
    asked = Asked(f"structurer {__version__}", job.command, reader, *plans.provenance(planned.plan), identity)
    if job.resume or job.update:
        return runfolder.go_on(job.out, asked, basis, job.store, update=job.update)
    return runfolder.create(job.out, asked, job.store)


def found(job: Job, ending: threading.Event) -> Iterator[Located | LeftAside | None]:
    """The documents of a job, in the order of their names, or as they come."""
    blobs = job.out / runfolder.BLOBS
    if job.watch:
        return gathering.arriving(job.paths, job.include, job.exclude, blobs, ending)
    return iter(gathering.gathered(job.paths, job.include, job.exclude, blobs))


def roots(job: Job) -> tuple[str, ...] | None:
    """At and below which all documents are known once all is found; None where more may come."""
    return None if job.watch else gathering.roots_of(job.paths)


def _without_models(plan: Plan) -> Plan:
    """The plan for processes that ask no model."""

    def absent(model: Model | None) -> Model | None:
        return None if model is None else Absent(model.name)

    return replace(plan, model=absent(plan.model), other=absent(plan.other), escalate=absent(plan.escalate))
