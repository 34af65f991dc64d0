"""A run on a Ray cluster: actors are workers like any other, on a store in PostgreSQL; this process finds documents for them and watches.

Ray starts them, and starts them again when they or their machines are lost (`max_restarts`, `max_task_retries`: docs.ray.io, "Actor fault
tolerance"); what they had in hand the store gives to others. Nothing else is asked of Ray: results never pass through it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from structurer import plans
from structurer.archive import batch, running
from structurer.archive.batch import Watcher
from structurer.archive.hosts import Hosts
from structurer.archive.running import Job
from structurer.archive.tally import Tally
from structurer.endpoints import settings
from structurer.errors import StructurerError, UsageError
from structurer.intake.ingest import Intake
from structurer.plans import Planned, Wanted
from structurer.store import postgres, runfolder
from structurer.store.runs import State
from structurer.store.store import LEASE_S
from structurer.telemetry.tracing import OFF

LOCAL: Final = "local"  # an address: a cluster of this machine alone, for as long as the run takes
FOREVER: Final = -1
LOOK_S: Final = 1.0  # between two looks at whether the run is over


@dataclass(frozen=True, slots=True)
class Crew:
    """Which cluster, how many workers (0: one for each machine of it)."""

    address: str = LOCAL
    workers: int = 0


def run(job: Job, wanted: Wanted, planned: Planned, intake: Intake, crew: Crew, watcher: Watcher, tally: Tally) -> Tally:
    """As `running.run`, with workers on a cluster. Raises UsageError also where Ray, a cluster or a shared store is missing."""
    ray = _imported()
    if postgres.shown(job.store) != job.store:
        remedy = f"put it into {runfolder.ADDRESS} or ~/.pgpass on every machine"
        raise UsageError("a password would travel through Ray", where="--store", remedy=remedy)
    store, _ = running.begun(job, planned, intake)
    if not store.shared:
        store.close()
        raise UsageError("workers on a cluster need a store that they share", remedy="add --store postgresql://USER@HOST/DATABASE")
    ending = threading.Event()
    with running.swept(job), _cluster(ray, crew.address) as machines:
        number = crew.workers or machines
        actor = ray.remote(max_restarts=FOREVER, max_task_retries=FOREVER, num_cpus=job.hosts or 1, scheduling_strategy="SPREAD")(_Member)
        members = [actor.remote() for _ in range(number)]
        begun = [member.__ray_ready__.remote() for member in members]
        work = [member.work.remote(*_anywhere(job, wanted), intake) for member in members]
        with _heeded(ray, begun, work, watcher, tally, ending):
            found, roots = running.found(job, ending), running.roots(job)
            return batch.run_all(found, planned.plan, store, Hosts([]), watcher, tally=tally, ending=ending, roots=roots)


def _anywhere(job: Job, wanted: Wanted) -> tuple[Job, Wanted]:
    """What is wanted, for a process that stands in another folder; without what has connections of this one."""
    settings_file = settings.load(wanted.config).file
    return (
        replace(job, paths=(), out=job.out.absolute(), store=""),  # the folder says where it is, each machine its password
        replace(
            wanted,
            schemas=tuple(file.absolute() for file in wanted.schemas),
            record=wanted.record and wanted.record.absolute(),
            replay=wanted.replay and wanted.replay.absolute(),
            batches=wanted.batches and wanted.batches.absolute(),
            config=settings_file.absolute() if settings_file else None,
            telemetry=OFF,
        ),
    )


class _Member:
    """A worker on some machine of the cluster."""

    def work(self, job: Job, wanted: Wanted, intake: Intake) -> tuple[str, str]:
        """Work until nothing is left; what went wrong in words, and why a model answers no more."""
        name = f"ray:{_imported().get_runtime_context().get_actor_id()}"  # stays when it is started again
        said: list[str] = []
        try:
            planned = plans.planned(wanted, said.append)
            tally = running.joined(job, planned, intake, Watcher(lambda _: None, said.append), name)
        except StructurerError as error:
            return "\n".join([*said, str(error)]), error.what
        return "\n".join(said), tally.halted


@contextmanager
def _heeded(ray: Any, begun: list[Any], work: list[Any], watcher: Watcher, tally: Tally, ending: threading.Event) -> Iterator[None]:
    """Workers are heard meanwhile; at the end they are waited for, unless the run is broken off, and Ray is asked nothing any more, which
    would start another cluster."""
    over = threading.Event()
    heed = threading.Thread(target=_heed, args=(ray, work, watcher, tally, ending, over), name="heed", daemon=True)
    heed.start()
    try:
        yield
    finally:
        try:
            if not tally.counts[State.IN_WORK]:
                _see_off(ray, begun, work, heed)
        finally:
            over.set()
            heed.join()


def _see_off(ray: Any, begun: list[Any], work: list[Any], heed: threading.Thread) -> None:
    """Whoever has begun ends by itself, and is not to be stopped in between: the next to come would think it at work for a whole lease.
    Whoever has found no room on the cluster is not to begin any more."""
    there, _ = ray.wait(begun, num_returns=len(begun), timeout=0)
    for one, its_work in zip(begun, work, strict=True):
        if one not in there:
            ray.cancel(its_work)
    heed.join(LEASE_S)


def _heed(ray: Any, work: list[Any], watcher: Watcher, tally: Tally, ending: threading.Event, over: threading.Event) -> None:
    """Say what workers say when they end; once none is left there is no use in waiting for documents."""
    while work and not over.is_set():
        done, work = ray.wait(work, num_returns=1, timeout=LOOK_S)
        for one in done:
            said, halted = _ended(ray, one)
            if said:
                watcher.trouble(said)
            tally.halted = tally.halted or halted
    ending.set()


def _ended(ray: Any, work: Any) -> tuple[str, str]:
    """As `_Member.work`, also of one that was lost, or never begun."""
    try:
        said, halted = ray.get(work)
    except ray.exceptions.TaskCancelledError:
        return "", ""
    except Exception as error:  # Ray's own, of many kinds: a worker that cannot be started, a cluster that is gone
        return f"a worker was lost: {error}", "workers were lost"
    return said, halted


@contextmanager
def _cluster(ray: Any, address: str) -> Iterator[int]:
    """Connected to a cluster; how many machines it has."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody who was not asked for
    try:
        ray.init(address=None if address == LOCAL else address, include_dashboard=False, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"there is no Ray cluster: {error}", where=address, remedy="ray start --head, then --address auto") from error
    try:
        yield sum(node["Alive"] for node in ray.nodes())
    finally:
        ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("Ray is not installed", remedy="pip install 'structurer[ray]'") from None
    return ray
