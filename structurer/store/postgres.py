"""A run's store in PostgreSQL, for workers on several machines: each run has a schema (a namespace) of its own.

The address is a connection URI (PostgreSQL manual, 34.1.1.2). Its password stays out of everything that is written or said; where the
address has none, libpq takes it from PGPASSWORD or ~/.pgpass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from structurer.errors import StructurerError, UsageError
from structurer.store.database import AGAIN, PassingError, Row, closed_on_error, damaged, migrate, refuse_newer, unwritable

if TYPE_CHECKING:
    import psycopg

SCHEMES: Final = ("postgresql://", "postgres://")
CONNECT_S: Final = 10
MIGRATION: Final = 0x57_72_75_63  # key of the advisory lock under which tables are laid out
# SQLSTATE classes and codes (PostgreSQL manual, appendix A)
_PASSING: Final = ("08", "40", "57", "53300")  # connection, rollback of a transaction in another's way, operator, too many connections
_FULL: Final = "53"  # insufficient resources: the disk, memory
_DAMAGED: Final = "XX"


class Postgres:
    """The database of a run in a PostgreSQL server."""

    now: Final = "EXTRACT(EPOCH FROM clock_timestamp())::double precision"
    passing_held: Final = " FOR UPDATE SKIP LOCKED"
    shared: Final = True
    types: Final = {
        "number": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "real": "DOUBLE PRECISION",
        "bytes": "BYTEA",
    }

    def __init__(self, address: str, run: str) -> None:
        self._address, self._run, self.where = address, run, shown(address)
        self._connection = self._connected()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._telling():
            return self._connection.execute(_formatted(sql), parameters or None).fetchall()

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with self._telling():
            return self._connection.execute(_formatted(sql), parameters or None).rowcount

    def each(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        with self._telling(), self._connection.cursor() as cursor:
            cursor.executemany(_formatted(sql), parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._connection.closed:
            self._connection = self._connected()
        with self._telling(), self._connection.transaction():
            yield

    def version(self) -> int:
        if not self.rows("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'migrations'"):
            return 0
        return int(self.rows("SELECT COALESCE(MAX(number), 0) FROM migrations")[0][0])

    def close(self) -> None:
        self._connection.close()

    def _connected(self) -> psycopg.Connection[Row]:
        import psycopg

        try:
            connection = psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_S)
            connection.execute(f'SET search_path TO "{self._run}"'.encode())
        except psycopg.Error as error:
            words = next(iter(str(error).splitlines()), "no connection")
            remedy = "check the address, and PGPASSWORD or ~/.pgpass for the password"
            raise PassingError(f"the store cannot be reached: {words}", where=self.where, remedy=remedy) from error
        return connection

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise _told(error, self.where) from error


def _formatted(sql: str) -> bytes:
    """With psycopg's sign for a parameter; none of our statements has a question mark or a percent sign otherwise."""
    return sql.replace("?", "%s").encode()


def _told(error: psycopg.Error, where: str) -> StructurerError | psycopg.Error:
    state = error.sqlstate or ""
    words = next(iter(str(error).splitlines()), type(error).__name__)
    if state.startswith(_DAMAGED):
        return damaged(where, words)
    if not state or state.startswith(_PASSING):  # a connection that breaks has no state
        return PassingError(f"cannot write to the run: {words}", where=where, remedy=AGAIN)
    return unwritable(where, words) if state.startswith(_FULL) else error


def shown(address: str) -> str:
    """An address without its passwords, however badly it is written; with them given otherwise it leads to the same place."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        return re.sub(r"\w*password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)\s*", "", address).strip()
    head, _, options = rest.partition("?")
    kept = [option for option in options.split("&") if option and not option.partition("=")[0].endswith("password")]
    whole = head + ("?" if kept else "") + "&".join(kept)
    around, at, place = whole.rpartition("@")  # of a password that holds the signs of an address nothing is left either
    return f"{scheme}://{around.partition(':')[0]}{at}{place}"


def written(address: str, run: str) -> Postgres:
    """The database of a new run of that name. Raises UsageError where the server cannot be reached."""
    database = _connected(address, run)
    with closed_on_error(database):
        _migrate(database, f'CREATE SCHEMA IF NOT EXISTS "{run}"')
    return database


def rewritten(address: str, run: str) -> Postgres:
    """The same of a run that is there, brought up to date. Raises UsageError where there is no such run."""
    database = read(address, run)
    with closed_on_error(database):
        _migrate(database)
    return database


def read(address: str, run: str) -> Postgres:
    """The same, to be read."""
    database = _connected(address, run)
    with closed_on_error(database):
        version = database.version()
        refuse_newer(database, version)
        if not version:
            raise UsageError(f"this database holds no run {run!r}", where=database.where, remedy="name the --store that it was begun with")
    return database


def _migrate(database: Postgres, *first: str) -> None:
    with database.transaction():
        database.rows("SELECT pg_advisory_xact_lock(?)", (MIGRATION,))  # several workers may begin at the same moment
        for statement in first:
            database.change(statement)
        migrate(database)


def drop(address: str, run: str) -> None:
    """Remove a run."""
    database = _connected(address, run)
    database.change(f'DROP SCHEMA "{run}" CASCADE')
    database.close()


def _connected(address: str, run: str) -> Postgres:
    try:
        import psycopg  # noqa: F401 - said here, where a person asks for it
    except ImportError:
        raise UsageError("PostgreSQL is not supported by this installation", remedy="pip install 'structurer[postgresql]'") from None
    if not address.startswith(SCHEMES):
        raise UsageError("this is no address of a PostgreSQL server", where="--store", remedy="--store postgresql://USER@HOST/DATABASE")
    return Postgres(address, run)
