"""How far a run is, from another terminal: documents by state, what was spent, what could not be done and why; and another try for that."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from structurer.counted import counted
from structurer.endpoints.book import Book
from structurer.errors import UsageError
from structurer.show import plain
from structurer.store import runfolder
from structurer.store.runs import UNDONE, Manifest, State
from structurer.store.store import Store

LISTED: Final = 20  # inputs that could not be done


def of_run(folder: Path, address: str = "", *, as_json: bool = False) -> str:
    """The status of a run for a person, or as JSON. Raises UsageError where there is no run."""
    with runfolder.opened(folder, address) as store:
        manifest = runfolder.manifest_of(store)
        if as_json:
            return json.dumps(_tree(manifest, store), ensure_ascii=False, indent=1)
        return "\n".join(_lines(folder, manifest, store))


def _tree(manifest: Manifest, store: Store) -> dict[str, Any]:
    records, held, failed, flagged = store.sums()
    return {
        "state": manifest.state.value, "started": manifest.started, "finished": manifest.finished, "halted": manifest.halted,
        "reader": manifest.reader, "documents": dict(manifest.counts), "records": records, "checks_held": held, "checks_failed": failed,
        "to_review": flagged, "spent": manifest.spent,
    }  # fmt: skip


def _lines(folder: Path, manifest: Manifest, store: Store) -> Iterator[str]:
    records, held, failed, flagged = store.sums()
    ended = f", ended {manifest.finished}" if manifest.finished else ""
    yield f"{folder}: {manifest.state}, {manifest.reader}, begun {manifest.started}{ended}"
    for state in State:
        if count := manifest.counts.get(state, 0):
            yield f"{count:>9} {state}"
    yield f"{records} records, {held} checks held, {failed} failed, {flagged} places to review"
    if manifest.spent:
        yield f"models: {Book.read(manifest.spent).line()}"
    if manifest.halted:
        yield f"halted: {manifest.halted}"
    yield from _undone(store)
    yield from _following(folder, manifest)


def _undone(store: Store) -> Iterator[str]:
    undone = list(store.came(sorted(UNDONE), LISTED + 1))
    yield from (plain(f"  {came.state}: {came.called}: {came.reason}").plain for came in undone[:LISTED])
    if len(undone) > LISTED:
        yield "  ... and more: structurer show RUN --all"


def _following(folder: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.counts.get(State.WAITING) or manifest.counts.get(State.IN_WORK):
        yield f"next, if nobody is at it: {_again(manifest)}"
    elif any(manifest.counts.get(state) for state in UNDONE - {State.UNREADABLE}):
        yield f"next: structurer retry {shlex.quote(str(folder))}"


def retried(folder: Path, names: Sequence[str], address: str = "") -> str:
    """Let the documents of these states (none named: of all that could not be done) wait again, and say what to type next.

    Raises UsageError for a state that is none of these, where there is no run, and while it is worked on.
    """
    known = {state.value: state for state in UNDONE}
    for name in names:
        if name not in known:
            raise UsageError(f"no documents are in a state {name!r} that can be tried again", remedy=f"--state {' | '.join(sorted(known))}")
    with runfolder.changed(folder, address) as store:
        count = store.retry([known[name] for name in names] or sorted(UNDONE))
        return f"{counted(count, 'document')} will be tried again\n  next: {_again(runfolder.manifest_of(store))}"


def _again(manifest: Manifest) -> str:
    """The command that goes on with a run."""
    words = [word for word in manifest.command if word not in ("--resume", "--update")]
    return shlex.join(["structurer", *words, "--resume"])
