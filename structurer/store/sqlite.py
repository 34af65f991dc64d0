"""A run's store as one SQLite file: the default, which needs no server.

SQLite before 3.51.3 can corrupt a database in WAL mode when two connections write or checkpoint at once (sqlite.org/wal.html#walresetbug).
So one connection a run writes, guarded by a lock file, and all others are read-only: they neither write nor checkpoint. `synchronous=FULL`
makes a commit outlive a power cut.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from filelock import FileLock, Timeout

from structurer.errors import InputError, StructurerError, UsageError
from structurer.store.database import Row, closed_on_error, damaged, migrate, refuse_newer, unwritable

FILE, LOCK = "run.db", "run.lock"
BUSY_S: Final = 30.0  # for which a reader waits while the writer recovers the file
CACHE_KIB: Final = 16_000
_UNREADABLE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Sqlite:
    """The database of a run folder; `guard` is the lock of the one that writes."""

    now: Final = "((julianday('now') - 2440587.5) * 86400.0)"
    passing_held: Final = ""  # nobody else writes
    shared: Final = False
    types: Final = {"number": "INTEGER PRIMARY KEY", "real": "REAL", "bytes": "BLOB"}

    def __init__(self, connection: sqlite3.Connection, where: str, guard: FileLock | None = None) -> None:
        self._connection, self.where, self._guard = connection, where, guard

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._telling():
            return self._connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with self._telling():
            return self._connection.execute(sql, parameters).rowcount

    def each(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        with self._telling():
            self._connection.executemany(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._telling():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def version(self) -> int:
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'migrations'"):
            return 0
        return int(self.rows("SELECT COALESCE(MAX(number), 0) FROM migrations")[0][0])

    def close(self) -> None:
        with self._telling():
            self._connection.close()
        if self._guard is not None:
            self._guard.release()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """SQLite's errors as errors that a user can mend. A wrong statement is a bug and stays one."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _told(error, self.where) from error


def _told(error: sqlite3.DatabaseError, where: str) -> StructurerError | sqlite3.DatabaseError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the primary result code
    if code in _UNREADABLE:
        return damaged(where, error)
    return error if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_CONSTRAINT) else unwritable(where, error)


def written(folder: Path) -> Sqlite:
    """The database in a folder, made or brought up to date, for the one that writes. Raises UsageError while another does."""
    where = str(folder / FILE)
    guard = FileLock(folder / LOCK)
    try:
        guard.acquire(timeout=0)
    except Timeout:
        raise UsageError("this run is being worked on", where=str(folder), remedy=f"structurer status {folder}, or wait for it") from None
    except OSError as error:
        raise unwritable(str(folder), error.strerror or error) from error
    try:
        connection = _connected(folder / FILE, "rwc", where)
    except BaseException:
        guard.release()
        raise
    database = Sqlite(connection, where, guard)
    with closed_on_error(database):
        _set_up(database)
        migrate(database)
    return database


def _set_up(database: Sqlite) -> None:
    database.rows("PRAGMA journal_mode = WAL")
    database.rows("PRAGMA synchronous = FULL")
    database.rows(f"PRAGMA cache_size = -{CACHE_KIB}")


def read(folder: Path) -> Sqlite:
    """The same, read-only: while it is written to, and from media that cannot be written to. Raises InputError where it is damaged."""
    file = folder / FILE
    where = str(file)
    mode = "ro" if os.access(folder, os.W_OK) or file.with_name(FILE + "-wal").exists() else "ro&immutable=1"
    database = Sqlite(_connected(file, mode, where), where)
    with closed_on_error(database):
        version = database.version()
        refuse_newer(database, version)
        if not version:
            raise InputError("this run has not begun", where=where, remedy="the command that made it, with --resume")
    return database


def _connected(file: Path, mode: str, where: str) -> sqlite3.Connection:
    try:
        # one thread at a time uses it, which is not always the one that opened it
        return sqlite3.connect(
            f"file:{quote(os.fsencode(file))}?mode={mode}", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise unwritable(where, error) from error
