"""The truth about a run: its documents, who works on which, what became of each, and every result exactly once.

A worker enrols, leases documents, and reports what became of them; all it holds is free again when it is not heard of for LEASE_S. What a
worker reports counts only while the document is its own, so a result is written once whoever else was slow or thought dead. Nothing here
waits or reads a clock: times are the database's. One thread at a time uses a store; what is done inside `transaction` is done as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from structurer import serial
from structurer.contracts.schema import Schema
from structurer.finding.found import INSIDE
from structurer.store.runs import Basis, Lease, LeftAside, Located, Manifest, Outcome, State
from structurer.store.storeview import View

LEASE_S: Final = 60.0  # for which a worker may not be heard of before its documents are given to others
TRIES: Final = 3  # hosts that may be lost with a document before it is quarantined
LOSSES: Final = 10  # ... and workers, with all that they had in hand, which is mostly innocent
MOST_NAME: Final = 2_000  # bytes of a name


_NAMELESS: Final = "NOT EXISTS (SELECT 1 FROM names WHERE names.document = documents.id)"


class Store(View):
    """A run's store, to be written to."""

    def transaction(self) -> AbstractContextManager[None]:
        """What is done inside is done as a whole, durably, or not at all."""
        return self._database.transaction()

    # -- the run

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace what the run says of itself; its counts and costs are not kept in it."""
        self._put("manifest", json.dumps(serial.to_json(replace(manifest, spent=None, counts={}))))

    def write_schemas(self, schemas: Sequence[Schema]) -> None:
        """Replace the schemas, so that a run explains itself."""
        self._put("schemas", json.dumps({schema.kind: dict(schema.source) for schema in schemas}))

    def _put(self, name: str, value: str) -> None:
        self._database.change(
            "INSERT INTO run (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    # -- documents

    def add(self, located: Sequence[Located], seen: int = 0) -> None:
        """Documents that a worker has `seen`, by their content: one that is known gets a further name. A document is read under the name
        under which it is found first, this time."""
        before = self._leading_to([_named(one.name) for one in located])
        first: dict[str, Located] = {}
        for one in located:
            first.setdefault(one.sha256, one)
        self._database.each(
            """INSERT INTO documents (sha256, path, source, size, state, seen) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, source = excluded.source, seen = excluded.seen
            WHERE documents.seen < excluded.seen""",
            [(one.sha256, json.dumps(one.path), _plain(one.source), one.size, State.WAITING, seen) for one in first.values()],
        )
        self._database.each(
            """INSERT INTO names (name, document, seen) SELECT ?, id, ? FROM documents WHERE sha256 = ?
            ON CONFLICT (name) DO UPDATE SET document = excluded.document,
            seen = CASE WHEN names.seen > excluded.seen THEN names.seen ELSE excluded.seen END""",
            [(_named(one.name), seen, one.sha256) for one in located],
        )
        self._database.each("DELETE FROM asides WHERE name = ?", [(_named(one.name),) for one in located])
        self._let_go(before)

    def set_aside(self, asides: Sequence[LeftAside], seen: int = 0) -> None:
        """Files that are no documents, or not to be."""
        names = [_named(one.name) for one in asides]
        before = self._leading_to(names)
        self._database.each("DELETE FROM names WHERE name = ?", [(name,) for name in names])
        self._database.each(
            """INSERT INTO asides (name, state, reason, seen) VALUES (?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET state = excluded.state, reason = excluded.reason, seen = excluded.seen""",
            [(name, one.state, _plain(one.reason), seen) for name, one in zip(names, asides, strict=True)],
        )
        self._let_go(before)

    def _leading_to(self, names: Sequence[str]) -> set[int]:
        """The documents to which these names lead."""
        marks = ", ".join("?" * len(names))
        return (
            {number for (number,) in self._database.rows(f"SELECT document FROM names WHERE name IN ({marks})", names)} if names else set()
        )

    def _let_go(self, documents: Iterable[int]) -> None:
        """Those of them to which no name leads any more are gone."""
        self._database.each(
            f"UPDATE documents SET state = ? WHERE id = ? AND state <> ? AND {_NAMELESS}",
            [(State.GONE, number, State.IN_WORK) for number in documents],
        )

    def settle_names(self, seen: int = 0, roots: Sequence[str] = ()) -> None:
        """Once a worker has seen all that there is at and below the `roots`: names there are no more that neither it has seen nor one that
        began later. Documents to which no name leads are gone, and those that were gone and have a name again wait."""
        for root in map(_plain, roots):
            for table in ("names", "asides"):
                below = (len(root) + 1, f"{root.rstrip('/')}/", f"{root}{INSIDE}")
                self._database.change(
                    f"DELETE FROM {table} WHERE seen < ? AND (name = ? OR substr(name, 1, ?) IN (?, ?))", (seen, root, *below)
                )
        self._database.change(
            f"UPDATE documents SET state = ? WHERE state NOT IN (?, ?) AND {_NAMELESS}", (State.GONE, State.GONE, State.IN_WORK)
        )
        self._database.change(f"UPDATE documents SET state = ? WHERE state = ? AND NOT {_NAMELESS}", (State.WAITING, State.GONE))

    def redo(self, now: Basis) -> int:
        """Let all documents wait whose results stand on another basis. Returns how many."""
        bases = self._database.rows("SELECT DISTINCT basis FROM documents WHERE basis IS NOT NULL")
        fallen = [text for (text,) in bases if not self._instance(Basis, text).stands(now)]
        return sum(self._wait("basis = ?", (text,)) for text in fallen)

    def retry(self, states: Iterable[State]) -> int:
        """Let all documents of these states wait. Returns how many."""
        return sum(self._wait("state = ?", (state,)) for state in states)

    def _wait(self, condition: str, parameters: tuple[Any, ...]) -> int:
        return self._database.change(
            f"""UPDATE documents SET state = ?, worker = NULL, tries = 0, lost = 0, reason = '', trace = ''
            WHERE {condition} AND state NOT IN (?, ?)""",
            (State.WAITING, *parameters, State.IN_WORK, State.GONE),
        )

    # -- workers

    def enrol(self, name: str) -> int:
        """A new worker, which may find documents; its number. Whoever had that name before is gone, and all others are where no other may
        be at work."""
        ended = "UPDATE workers SET ended = 1 WHERE ended = 0"
        self._database.change(*((f"{ended} AND name = ?", (_plain(name),)) if self._database.shared else (ended,)))
        sql = f"INSERT INTO workers (name, heard, finding) VALUES (?, {self._database.now}, 1) RETURNING id"
        number = int(self._database.rows(sql, (_plain(name),))[0][0])
        self.free_lost()
        return number

    def heard_of(self, worker: int, spent: Mapping[str, Any] | None = None) -> None:
        """The worker lives, and its calls have taken so much in all (`Book.as_dict`)."""
        text = json.dumps(spent) if spent is not None else None
        self._database.change(
            f"UPDATE workers SET heard = {self._database.now}, book = COALESCE(?, book), ended = 0 WHERE id = ?", (text, worker)
        )

    def found_all(self, worker: int) -> None:
        """The worker finds no further documents."""
        self._database.change("UPDATE workers SET finding = 0 WHERE id = ?", (worker,))

    def is_open(self) -> bool:
        """Whether there are documents that wait or are worked on, or may still be found."""
        living = f"SELECT 1 FROM workers WHERE finding = 1 AND ended = 0 AND heard >= {self._database.now} - {LEASE_S}"
        ahead = "SELECT 1 FROM documents WHERE state IN (?, ?) LIMIT 1"
        return bool(self._database.rows(ahead, (State.WAITING, State.IN_WORK)) or self._database.rows(f"{living} LIMIT 1"))

    def ask_to_end(self, wish: bool) -> None:
        """Whether all workers are to end when what they have in hand is finished."""
        self._put("ending", json.dumps(wish))

    def is_to_end(self) -> bool:
        """Whether all workers have been asked to end."""
        return bool(json.loads(self._value("ending") or "false"))

    def leave(self, worker: int) -> None:
        """The worker has ended; what it has not finished waits again."""
        self._database.change("UPDATE workers SET ended = 1 WHERE id = ?", (worker,))
        self.give_back_all(worker)

    def is_worked_on(self) -> bool:
        """Whether a worker is heard of."""
        return bool(self._database.rows(f"SELECT 1 FROM workers WHERE ended = 0 AND heard >= {self._database.now} - {LEASE_S} LIMIT 1"))

    def free_lost(self) -> int:
        """Documents of workers that have died or are not heard of wait again, or are quarantined. Returns how many."""
        dead = f"SELECT id FROM workers WHERE ended = 1 OR heard < {self._database.now} - {LEASE_S}"
        return self._database.change(
            f"""UPDATE documents SET lost = lost + 1, worker = NULL, state = CASE WHEN lost + 1 >= ? THEN ? ELSE ? END,
            reason = CASE WHEN lost + 1 >= ? THEN ? ELSE reason END WHERE state = ? AND worker IN ({dead})""",
            (LOSSES, State.QUARANTINED, State.WAITING, LOSSES, f"{LOSSES} workers were lost while they had it in hand", State.IN_WORK),
        )

    def lease(self, worker: int, count: int, *, seen: int = 0) -> list[Lease]:
        """The next documents that wait, at most so many, for this worker alone; only what a worker has `seen` (0: whoever has)."""
        known, order = ("AND seen >= ?", "seen, id") if seen else ("", "id")
        found = self._database.rows(
            f"""UPDATE documents SET state = ?, worker = ? WHERE id IN (
                SELECT id FROM documents WHERE state = ? {known} ORDER BY {order} LIMIT ?{self._database.passing_held})
            RETURNING id, path, source, sha256""",
            (State.IN_WORK, worker, State.WAITING, *([seen] if seen else []), count),
        )
        return [Lease(number, self._json(str, path), source, sha256) for number, path, source, sha256 in sorted(found)]

    def held_by(self, worker: int) -> frozenset[int]:
        """The documents that the worker holds: fewer than it leased and did not finish where it was not heard of for too long."""
        found = self._database.rows("SELECT id FROM documents WHERE state = ? AND worker = ?", (State.IN_WORK, worker))
        return frozenset(number for (number,) in found)

    def give_back_all(self, worker: int) -> None:
        """Whatever the worker holds waits again."""
        self._database.change(
            "UPDATE documents SET state = ?, worker = NULL WHERE state = ? AND worker = ?", (State.WAITING, State.IN_WORK, worker)
        )

    def give_back(self, worker: int, documents: Sequence[int]) -> None:
        """Documents that the worker has leased and not finished wait again."""
        self._database.each(
            "UPDATE documents SET state = ?, worker = NULL WHERE id = ? AND worker = ? AND state = ?",
            [(State.WAITING, document, worker, State.IN_WORK) for document in documents],
        )

    def lost_with(self, worker: int, document: int, reason: str, trace: str = "") -> State | None:
        """The host was lost with a document: it waits for another try, or is quarantined. None where it is not the worker's any more."""
        found = self._database.rows(
            """UPDATE documents SET tries = tries + 1, worker = NULL, state = CASE WHEN tries + 1 >= ? THEN ? ELSE ? END,
            reason = ?, trace = ? WHERE id = ? AND worker = ? AND state = ? RETURNING state""",
            (TRIES, State.QUARANTINED, State.WAITING, _plain(reason), _plain(trace), document, worker, State.IN_WORK),
        )
        return State(found[0][0]) if found else None

    def finish(self, worker: int, document: int, came: Outcome) -> bool:
        """Write down what became of a document. False, and nothing is written, where it is not the worker's any more."""
        basis = json.dumps(serial.to_json(came.basis), sort_keys=True) if came.basis else None
        figures = json.dumps(came.figures) if came.figures else None
        spent = json.dumps(came.spent) if came.spent else None
        changed = self._database.change(
            f"""UPDATE documents SET state = ?, worker = NULL, reason = ?, trace = ?, records = ?, held = ?, failed = ?, flagged = ?,
            basis = ?, figures = ?, spent = ?, seconds = ?, ended = {self._database.now} WHERE id = ? AND worker = ? AND state = ?""",
            (
                *(came.state, _plain(came.reason), _plain(came.trace), came.records, came.held, came.failed, len(came.flagged), basis),
                *(figures, spent, came.seconds, document, worker, State.IN_WORK),
            ),
        )
        if changed:
            self._replace_result(document, came)
        return bool(changed)

    def _replace_result(self, document: int, came: Outcome) -> None:
        for table in ("results", "reviews"):
            self._database.change(f"DELETE FROM {table} WHERE document = ?", (document,))
        if came.body:
            self._database.change("INSERT INTO results (document, body, learnt) VALUES (?, ?, ?)", (document, came.body, came.learnt))
        self._database.each(
            "INSERT INTO reviews (document, record, kind, pointer, reasons) VALUES (?, ?, ?, ?, ?)",
            [(document, one.record, _plain(one.kind), _plain(one.pointer), json.dumps(one.reasons)) for one in came.flagged],
        )


def _plain(text: str) -> str:
    """Text that every database takes: lone surrogates and NUL, which stand in file names and in strangers' messages, are escaped."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _named(name: str) -> str:
    """A name as every database takes it, still another one for each name: what had to be escaped, or is too long for the index of
    PostgreSQL (a third of a page of 8 kB), has its digest behind it."""
    plain = _plain(name)
    short = plain.encode()[:MOST_NAME].decode(errors="ignore")
    if short == name:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{short} [{digest[: 8 if short == plain else 32]}]"
