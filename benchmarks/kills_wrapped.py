"""The command with what `kills.py` needs around it: what was answered as durable is told, a lease may be shorter, a bug may be planted.

    python kills_wrapped.py [--acks FILE] [--lease SECONDS] [--bug NAME] COMMAND...

FILE gets a line, the number of a document, for each that a worker was told to be done. No product module knows of any of it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Set
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from structurer import cli
from structurer.archive import batch, steps
from structurer.archive.inhand import InHand
from structurer.endpoints.book import Book
from structurer.store import commits, sqlite
from structurer.store.runs import Lease, Outcome, State
from structurer.store.sqlite import Sqlite
from structurer.store.store import Store

BEATS: Final = 4  # in a lease


def tell(acks: Path) -> None:
    """From now on FILE hears what the workers of this process are answered."""
    descriptor, told = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), commits._tell

    def telling(wish: Any, value: Any) -> None:
        change = wish.change
        if getattr(change, "func", None) is steps.finish and value:
            os.write(descriptor, b"%d\n" % change.args[1])
        told(wish, value)

    commits._tell = telling


def shorten(lease_s: float) -> None:
    """Another length of leases, and of what depends on it."""
    import structurer.store.store

    vars(structurer.store.store)["LEASE_S"] = lease_s
    vars(batch)["HEARTBEAT_S"] = lease_s / BEATS


# -- bugs


def _unsynced() -> None:
    """A commit does not wait for the disk."""
    set_up = sqlite._set_up

    def planted(database: Sqlite) -> None:
        set_up(database)
        database.rows("PRAGMA synchronous = OFF")

    sqlite._set_up = planted


def _unbeaten() -> None:
    """A worker is heard of once, when it enrols."""

    def planted(_self: Store, _worker: int, _book: Book | None = None) -> None:
        pass

    vars_of(Store, heard_of=planted)


def _untied() -> None:
    """A result counts whoever holds the document. That a worker which comes back lets go of what it lost would hide it now and then."""
    finish = Store.finish

    def deaf(_: InHand, _documents: Set[int]) -> int:
        return 0

    def planted(self: Store, worker: int, document: int, came: Outcome) -> bool:
        self._database.change("UPDATE documents SET worker = ?, state = ? WHERE id = ?", (worker, State.IN_WORK, document))
        return finish(self, worker, document, came)

    vars_of(Store, finish=planted)
    vars_of(InHand, let_go=deaf)


def _untransacted() -> None:
    """What belongs together is written one by one."""

    def planted(_: Store) -> AbstractContextManager[None]:
        return nullcontext()

    vars_of(Store, transaction=planted)


def _shared() -> None:
    """A lease takes what others have in work."""
    lease = Store.lease

    def planted(self: Store, worker: int, count: int) -> list[Lease]:
        theirs = "SELECT id FROM documents WHERE state = ? AND worker <> ? ORDER BY id LIMIT ?"
        sql = f"UPDATE documents SET state = ?, worker = NULL WHERE id IN ({theirs})"
        self._database.change(sql, (State.WAITING, State.IN_WORK, worker, count))
        return lease(self, worker, count)

    vars_of(Store, lease=planted)


def _early() -> None:
    """A worker is answered before the commit."""

    def planted(self: commits.Commits) -> None:
        while wishes := self._waiting():
            with self._store.transaction():
                for wish in wishes:
                    commits._tell(wish, wish.change(self._store))

    vars_of(commits.Commits, _write=planted)


def _forgetful() -> None:
    """What the dead had in work stays in work."""

    def planted(_: Store) -> int:
        return 0

    vars_of(Store, free_lost=planted)


def vars_of(owner: type, **members: Callable[..., Any]) -> None:
    """Put functions in the place of a class's own."""
    for name, member in members.items():
        setattr(owner, name, member)


BUGS: Final[Mapping[str, Callable[[], None]]] = {
    "unsynced": _unsynced,
    "unbeaten": _unbeaten,
    "untied": _untied,
    "untransacted": _untransacted,
    "shared": _shared,
    "early": _early,
    "forgetful": _forgetful,
}


def main() -> None:
    """The command, wrapped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--acks", type=Path)
    parser.add_argument("--lease", type=float)
    parser.add_argument("--bug", choices=BUGS)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    if asked.acks:
        tell(asked.acks)
    if asked.lease:
        shorten(asked.lease)
    if asked.bug:
        BUGS[asked.bug]()
    sys.argv = ["structurer", *asked.command]
    cli.main()


if __name__ == "__main__":
    main()
