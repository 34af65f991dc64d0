"""What the store of a run tells its readers: how far the run is, what it cost, every result and why it is to be looked at, as it streams.

It may be read while it grows. Times are the database's; one thread at a time uses a view.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from structurer import serial
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.endpoints.book import Book
from structurer.record import Result
from structurer.store.database import Database, damaged
from structurer.store.runs import FINISHED, UNDONE, Came, Flagged, Manifest, State

T = TypeVar("T")
RESULTS_AT_ONCE: Final = 50  # read in one statement: a long one keeps the database from tidying up
IDS_AT_ONCE: Final = 500  # parameters of one statement
SHOWN: Final = 40  # characters of what is damaged

_HAS_RESULT: Final = tuple(sorted(FINISHED))
_EMPTY: Final = json.dumps({})


class View:
    """A run's store, to be read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.where, self.shared = database.where, database.shared

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # -- the run

    def manifest(self) -> Manifest | None:
        """What the run says of itself; None before it has begun. Raises InputError where it is damaged."""
        text = self._value("manifest")
        if text is None:
            return None
        kept = self._instance(Manifest, text)
        spent = self.spent()
        return replace(kept, spent=spent.as_dict() if spent.models or spent.outcomes else None, counts=self.counts())

    def schemas(self) -> dict[str, Schema]:
        """The schemas the run was made with, by kind."""
        text = self._value("schemas")
        sources = self._json(dict, _EMPTY if text is None else text)
        return {kind: load(source, kind=kind, where=f"{self.where}: schema {kind}") for kind, source in sources.items()}

    def spent(self) -> Book:
        """What all calls took since the run began."""
        book = Book()
        for (text,) in self._database.rows("SELECT book FROM workers WHERE book IS NOT NULL"):
            try:
                book.merge(Book.read(self._json(dict, text)))
            except ValueError as error:
                raise damaged(self.where, error) from error
        return book

    # -- documents

    def counts(self) -> dict[str, int]:
        """Documents by state, and files left aside by theirs."""
        counts = Counter(self.document_counts())
        counts.update(dict(self._database.rows("SELECT state, COUNT(*) FROM asides GROUP BY state")))
        return dict(counts)

    def document_counts(self) -> dict[str, int]:
        """Documents by state."""
        return dict(self._database.rows("SELECT state, COUNT(*) FROM documents GROUP BY state"))

    def is_empty(self) -> bool:
        """Whether it has no document."""
        return not self._database.rows("SELECT 1 FROM documents LIMIT 1")

    def documents(self) -> int:
        """How many documents it has whose content some file has."""
        return int(self._database.rows("SELECT COUNT(*) FROM documents WHERE state <> ?", (State.GONE,))[0][0])

    def has_results(self) -> bool:
        """Whether anything has come of it."""
        return bool(self._database.rows("SELECT 1 FROM results LIMIT 1"))

    def sums(self) -> tuple[int, int, int, int]:
        """Records, checks that held, checks that failed, places to be reviewed, of all documents that hold a result."""
        found = self._database.rows(
            "SELECT COALESCE(SUM(records), 0), COALESCE(SUM(held), 0), COALESCE(SUM(failed), 0), COALESCE(SUM(flagged), 0)"
            " FROM documents WHERE state IN (?, ?)",
            _HAS_RESULT,
        )
        records, held, failed, flagged = map(int, found[0])
        return records, held, failed, flagged

    def bugs(self) -> int:
        """Documents that failed for a bug."""
        return int(self._database.rows("SELECT COUNT(*) FROM documents WHERE state = ? AND trace <> ''", (State.FAILED,))[0][0])

    def came(self, states: Iterable[State] = tuple(State), most: int | None = None) -> Iterator[Came]:
        """What became of the documents of these states, in the order in which they were found; then of the files left aside."""
        left = most
        for document in self._documents(tuple(states), left):
            yield document
            left = None if left is None else left - 1
        limit = "" if left is None else f" LIMIT {max(left, 0)}"
        marks = ", ".join("?" * len(tuple(states)))
        asides = self._database.rows(f"SELECT name, state, reason FROM asides WHERE state IN ({marks}) ORDER BY name{limit}", tuple(states))
        yield from (Came((name,), State(state), reason) for name, state, reason in asides)

    def _documents(self, states: Sequence[State], most: int | None) -> Iterator[Came]:
        marks = ", ".join("?" * len(states))
        last, left = 0, most
        while left is None or left > 0:
            count = IDS_AT_ONCE if left is None else min(IDS_AT_ONCE, left)
            found = self._database.rows(
                f"""SELECT id, source, state, reason, records, held, failed, flagged, trace, spent FROM documents
                WHERE id > ? AND state IN ({marks}) ORDER BY id LIMIT {count}""",
                (last, *states),
            )
            if not found:
                return
            names = self._names([row[0] for row in found])
            for number, source, state, reason, records, held, failed, flagged, trace, spent in found:
                paid = self._json(dict, spent) if spent else None
                yield Came(names.get(number, (source,)), State(state), reason, records, held, failed, flagged, trace, paid)
            last, left = found[-1][0], None if left is None else left - len(found)

    def names(self) -> Iterator[tuple[str, str]]:
        """The SHA-256 of each finished document with each of its names."""
        last = ""
        while found := self._database.rows(
            f"""SELECT names.name, documents.sha256 FROM names JOIN documents ON documents.id = names.document
            WHERE names.name > ? AND documents.state IN (?, ?) ORDER BY names.name LIMIT {IDS_AT_ONCE}""",
            (last, *_HAS_RESULT),
        ):
            yield from ((sha256, name) for name, sha256 in found)
            last = found[-1][0]

    def _names(self, documents: Sequence[int]) -> dict[int, tuple[str, ...]]:
        marks = ", ".join("?" * len(documents))
        names: dict[int, tuple[str, ...]] = {}
        for document, name in self._database.rows(f"SELECT document, name FROM names WHERE document IN ({marks}) ORDER BY name", documents):
            names[document] = (*names.get(document, ()), name)
        return names

    # -- results

    def results(self) -> Iterator[Result]:
        """The finished documents, one at a time, in the order in which they were found, under their present short names. Raises InputError
        for a damaged one."""
        for number, body, source in self._bodies("body"):
            try:
                yield _renamed(serial.unpacked(Result, bytes(body)), source)
            except ValueError as error:
                raise damaged(f"{self.where}: document {number}", error) from error

    def learnt(self) -> Iterator[str]:
        """What the run learns of each finished document, in the same order."""
        return (text for _, text, _ in self._bodies("learnt"))

    def _bodies(self, column: str) -> Iterator[tuple[int, Any, str]]:
        last = 0
        while True:
            found = self._database.rows(
                f"""SELECT results.document, results.{column}, documents.source FROM results
                JOIN documents ON documents.id = results.document WHERE results.document > ? AND documents.state IN (?, ?)
                ORDER BY results.document LIMIT {RESULTS_AT_ONCE}""",
                (last, *_HAS_RESULT),
            )
            if not found:
                return
            yield from found
            last = found[-1][0]

    def flagged(self) -> Iterator[tuple[str, Flagged]]:
        """Every place that a person is to look at, with the short name of its document, in the order in which documents were found."""
        last: tuple[int, int, str] = (0, 0, "")
        while found := self._database.rows(  # the state is asked of a page: a database that began with it would sort all places for each
            f"""SELECT document, record, pointer, source, kind, reasons, state FROM (
                SELECT * FROM reviews WHERE (document, record, pointer) > (?, ?, ?) ORDER BY document, record, pointer LIMIT {IDS_AT_ONCE}
            ) AS page JOIN documents ON documents.id = document ORDER BY document, record, pointer""",
            last,
        ):
            for _, record, pointer, source, kind, reasons, state in found:
                if state in _HAS_RESULT:
                    yield source, Flagged(record, kind, pointer, tuple(self._json(list, reasons)))
            last = found[-1][:3]

    def took(self) -> Iterator[tuple[str, float]]:
        """Of each document that a worker is done with: its short name, and the seconds for which it was in work."""
        last = 0
        while found := self._database.rows(
            f"SELECT id, source, seconds, state FROM documents WHERE id > ? AND seconds IS NOT NULL ORDER BY id LIMIT {IDS_AT_ONCE}",
            (last,),
        ):
            yield from ((source, seconds) for _, source, seconds, state in found if state in FINISHED | UNDONE)
            last = found[-1][0]

    def figures(self) -> Iterator[Mapping[str, Any]]:
        """Of each finished document, its `Outcome.figures`."""
        last = 0
        while found := self._database.rows(
            f"SELECT id, figures FROM documents WHERE id > ? AND state IN (?, ?) ORDER BY id LIMIT {IDS_AT_ONCE}", (last, *_HAS_RESULT)
        ):
            yield from (self._json(dict, text) for _, text in found if text)
            last = found[-1][0]

    # -- what stands in a column

    def _value(self, name: str) -> str | None:
        found = self._database.rows("SELECT value FROM run WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def _instance(self, kind: type[T], text: str) -> T:
        """What `serial.to_json` made a text of. Raises InputError where the text is not that."""
        try:
            return serial.from_json(kind, self._json(dict, text))
        except ValueError as error:
            raise damaged(self.where, error) from error

    def _json(self, kind: type[T], text: str) -> T:
        """JSON of this kind that the store holds. Raises InputError where it is not."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise damaged(self.where, error) from error
        if not isinstance(found, kind):
            raise damaged(self.where, f"expected {kind.__name__}, found {text[:SHOWN]!r}")
        return found


def _renamed(result: Result, source: str) -> Result:
    """The file may have another name by now."""
    if result.source == source:
        return result
    return replace(result, source=source, records=tuple(replace(record, source=source) for record in result.records))
