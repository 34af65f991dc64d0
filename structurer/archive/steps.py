"""What a worker does to the store of its run, step by step: each is one change, made as a whole and durably.

Each may be made twice, where nobody knows whether it was made the first time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from structurer.archive.tally import Tally
from structurer.store.finishing import learnt_together
from structurer.store.runs import FINISHED, UNDONE, Lease, LeftAside, Located, Outcome, Progress, State
from structurer.store.store import Store


def begin(store: Store) -> Counter[State]:
    """The run goes on, and a wish to end it is no more; the documents that are done with, by state."""
    store.ask_to_end(False)
    if (before := store.manifest()) is not None:
        store.write_manifest(replace(before, state=Progress.RUNNING, finished=None))
    counts = Counter({State(state): count for state, count in store.document_counts().items()})
    return Counter({state: count for state, count in counts.items() if state in FINISHED | UNDONE})


def add(some: Sequence[Located | LeftAside], worker: int, store: Store) -> int:
    """Documents and files that the worker has found; how many documents there are now."""
    store.add([one for one in some if isinstance(one, Located)], worker)
    store.set_aside([one for one in some if isinstance(one, LeftAside)], worker)
    return store.documents()


def found_all(worker: int, roots: Sequence[str] | None, store: Store) -> None:
    """The worker finds no more; at and below the roots (None: it was broken off) because there is no more."""
    store.found_all(worker)
    if roots is not None:
        store.settle_names(worker, roots)


def lease(worker: int, count: int, seen: int, store: Store) -> list[Lease] | None:
    """The next documents for the worker; None where all are to end."""
    return None if store.shared and store.is_to_end() else store.lease(worker, count, seen=seen)


def look(worker: int, store: Store) -> tuple[bool, bool]:
    """Whether there is anything to do, for whichever worker, and whether all are to end.

    The worker has nothing in hand: what it holds all the same it does not know of, since its connection was lost meanwhile.
    """
    store.give_back_all(worker)
    store.free_lost()
    return store.is_open(), store.is_to_end()


def beat(worker: int, spent: Mapping[str, Any], store: Store) -> frozenset[int]:
    """The worker lives, and its calls have taken so much; the documents that it still holds."""
    store.heard_of(worker, spent)
    store.free_lost()
    return store.held_by(worker)


def finish(worker: int, document: int, outcome: Outcome, spent: Mapping[str, Any], store: Store) -> bool:
    """What became of a document, and what calls have taken. False where it is not the worker's any more."""
    store.heard_of(worker, spent)
    return store.finish(worker, document, outcome)


def leave(worker: int, spent: Mapping[str, Any], roots: Sequence[str] | None, store: Store) -> None:
    """The worker ends; what was in work when the names at and below the roots were settled is settled too."""
    store.heard_of(worker, spent)
    store.leave(worker)
    if roots is not None:
        store.settle_names(worker, roots)


def conclude(state: Progress, halted: str, store: Store, *, anew: bool) -> None:
    """What the run says of itself, unless other workers are still at it; what its records say together `anew`."""
    before, counts = store.manifest(), store.counts()
    if before is None or counts.get(State.IN_WORK, 0):
        return
    if counts.get(State.WAITING, 0) and state is Progress.FINISHED:
        state = Progress.INTERRUPTED
    if anew or before.state is not Progress.FINISHED:
        conventions, across = learnt_together(store.learnt())
        before = replace(before, conventions=conventions, across=across)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    store.write_manifest(replace(before, state=state, finished=now, halted=halted))


def counted(store: Store) -> Counter[State]:
    """Documents and files by state."""
    return Counter({State(state): count for state, count in store.counts().items()})


def sum_up(tally: Tally, store: Store) -> None:
    """All that came of the run, into the tally."""
    tally.counts = counted(store)
    tally.records, tally.held, tally.failed, tally.flagged = store.sums()
    tally.bugs = store.bugs()
    tally.book = store.spent()
