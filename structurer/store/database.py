"""The tables of a run, and what a database must be able to do to hold them. Statements are written once, with `?` for parameters.

The tables are laid out by numbered migrations: a store that an older structurer wrote is brought up to date when it is opened to be written
to; one that a newer one wrote is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

from structurer.errors import InputError, UsageError

Row = tuple[Any, ...]
AGAIN: Final = "mend that, then the same command with --resume"

MIGRATIONS: Final = (
    (
        "CREATE TABLE run (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        # `heard`: when the worker was heard of last, in seconds since 1970 by the database's clock; `finding`: whether it may still find
        # documents; `book`: what its calls took
        """CREATE TABLE workers (id {number}, name TEXT NOT NULL, heard {real} NOT NULL, finding INTEGER NOT NULL,
            ended INTEGER NOT NULL DEFAULT 0, book TEXT)""",
        # `seen`: the worker that found a file with this content last
        """CREATE TABLE documents (id {number}, sha256 TEXT NOT NULL UNIQUE, path TEXT NOT NULL, source TEXT NOT NULL, size BIGINT NOT NULL,
            seen BIGINT NOT NULL,
            state TEXT NOT NULL, worker BIGINT, tries INTEGER NOT NULL DEFAULT 0,
            lost INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
            trace TEXT NOT NULL DEFAULT '', records INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,
            failed INTEGER NOT NULL DEFAULT 0, flagged INTEGER NOT NULL DEFAULT 0, basis TEXT, figures TEXT, spent TEXT,
            seconds {real}, ended {real})""",
        # with what `status` sums up, so that it reads nothing else
        "CREATE INDEX documents_by_state ON documents (state, id, records, held, failed, flagged)",
        "CREATE INDEX documents_by_finder ON documents (state, seen, id)",
        # `seen`: the worker that found the file last
        "CREATE TABLE names (name TEXT PRIMARY KEY, document BIGINT NOT NULL, seen BIGINT NOT NULL)",
        "CREATE INDEX names_by_document ON names (document)",
        "CREATE TABLE asides (name TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, seen BIGINT NOT NULL)",
        "CREATE TABLE results (document BIGINT PRIMARY KEY, body {bytes} NOT NULL, learnt TEXT NOT NULL)",
        """CREATE TABLE reviews (document BIGINT NOT NULL, record INTEGER NOT NULL, kind TEXT NOT NULL, pointer TEXT NOT NULL,
            reasons TEXT NOT NULL, PRIMARY KEY (document, record, pointer))""",
    ),
)


class PassingError(UsageError):
    """A store that cannot be written to just now: its connection was lost, or another transaction stood in the way. Nothing of the
    transaction may be there, or all of it; whoever tries again may have more luck."""


class Database(Protocol):
    """A database with one connection, used by one thread at a time; where that was lost, the next transaction makes another.

    Its methods raise UsageError where it cannot be written to or reached, PassingError where that may pass, InputError where it is damaged.
    """

    @property
    def where(self) -> str:
        """Where it is, for messages."""

    @property
    def now(self) -> str:
        """SQL: seconds since 1970, by its clock."""

    @property
    def passing_held(self) -> str:
        """SQL: what a SELECT ends with to pass over rows that another worker is about to change."""

    @property
    def shared(self) -> bool:
        """Whether several workers may be at work."""

    @property
    def types(self) -> Mapping[str, str]:
        """Its words for `number` (a key that counts by itself), `real` and `bytes`."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """What a statement gives."""

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """How many rows a statement has changed."""

    def each(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement for each of many parameters."""

    def transaction(self) -> AbstractContextManager[None]:
        """What is done inside is done as a whole, durably, or not at all."""

    def version(self) -> int:
        """How many migrations it has had; 0 for an empty one."""

    def close(self) -> None:
        """Let go of it."""


def migrate(database: Database) -> None:
    """Bring the tables up to date. Raises InputError where a newer structurer made them."""
    with database.transaction():
        had = database.version()
        refuse_newer(database, had)
        if not had:
            database.change("CREATE TABLE migrations (number INTEGER PRIMARY KEY)")
        for number, statements in enumerate(MIGRATIONS[had:], had + 1):
            for statement in statements:
                database.change(statement.format_map(database.types))
            database.change("INSERT INTO migrations (number) VALUES (?)", (number,))


def refuse_newer(database: Database, version: int) -> None:
    """Raises InputError where a newer structurer wrote it."""
    if version > len(MIGRATIONS):
        raise InputError("written by a newer structurer", where=database.where, remedy="update structurer")


class Closing(Protocol):
    """What can be let go of: a database, a store."""

    def close(self) -> None:
        """Let go of it."""


@contextmanager
def closed_on_error(opened: Closing) -> Iterator[None]:
    """What turns out not to be one that can be used is let go of."""
    try:
        yield
    except BaseException:
        opened.close()
        raise


def unwritable(where: str, reason: object) -> UsageError:
    """A store that cannot be written to."""
    return UsageError(f"cannot write to the run: {reason}", where=where, remedy=AGAIN)


def damaged(where: str, reason: object) -> InputError:
    """A store that cannot be read."""
    return InputError(f"damaged run: {reason}", where=where, remedy="run `structurer structure` again into another --out")
