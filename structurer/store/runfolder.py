"""A run folder: it is begun, gone on with, and read, wherever its store is.

RUN/run.db      the store (SQLite), or
RUN/run.json    which says where the store is (PostgreSQL), without a password
RUN/blobs/      members of archives, by their digest
RUN/batches/    what is asked through a Batch API
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from structurer import atomic
from structurer.errors import InputError, UsageError
from structurer.store import postgres, sqlite
from structurer.store.database import closed_on_error, unwritable
from structurer.store.runs import Asked, Basis, Manifest, Used
from structurer.store.store import Store

POINTER, BLOBS, BATCHES = "run.json", "blobs", "batches"
ADDRESS: Final = "STRUCTURER_STORE"  # variable of the environment that holds an address with its password
OLDEST: Final = "written by structurer 0.1, which kept a file for each document"
BEGIN: Final = "structurer structure PATH... --out "
_NAME: Final = re.compile("run_[0-9a-f]{16}")  # of a run in a database
_OTHER: Final = "other settings of its models: name, address, limits or parameters"
_WAIT: Final = "wait until nobody works on it, or end that first"
_WHAT: Final = (("reader", "another reader"), ("prompt", "another prompt"), ("schemas", "another schema"), ("identity", _OTHER))


def create(folder: Path, asked: Asked, address: str = "") -> Store:
    """Begin a run in a folder that is new or empty; `address` is that of a PostgreSQL server ("": as the environment says, or none).

    Raises UsageError for any other folder.
    """
    if holds_run(folder):
        return _begun_anew(folder, asked, address)
    if folder.exists() and not (folder.is_dir() and not _holds_anything(folder)):
        what = "this folder is not a run and not empty" if folder.is_dir() else "a file stands where the run folder is to be"
        raise UsageError(what, where=str(folder), remedy="choose another --out")
    with _guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
        atomic.sync_folder(folder.parent)
    elsewhere = address or os.environ.get(ADDRESS, "")
    if elsewhere:
        return _begun_elsewhere(folder, asked, elsewhere)
    store = _written(folder, address)
    with closed_on_error(store):
        _begin(store, asked)
    return store


def _begun_anew(folder: Path, asked: Asked, address: str) -> Store:
    """In the place of a run that has found no document, by a wrong path for instance."""
    store = _written(folder, address)
    with closed_on_error(store):
        if not store.is_empty() or (store.shared and store.is_worked_on()):
            raise _held(folder)
        _begin(store, asked)
    return store


def _begun_elsewhere(folder: Path, asked: Asked, address: str) -> Store:
    """The folder says where the store is once that is there. Of two who begin at the same moment one is first, the other goes without."""
    pointer = {"store": postgres.shown(address), "run": f"run_{secrets.token_hex(8)}"}
    store = Store(postgres.written(address, pointer["run"]))
    with closed_on_error(store):
        _begin(store, asked)
        with _guarded(folder):
            is_first = atomic.write_new(folder / POINTER, json.dumps(pointer, indent=1) + "\n")
        if not is_first:
            postgres.drop(address, pointer["run"])
            raise _held(folder)
    return store


def _held(folder: Path) -> UsageError:
    remedy = "add --resume to go on with it, or choose another --out"
    return UsageError("this folder holds a run already", where=str(folder), remedy=remedy)


def go_on(folder: Path, asked: Asked, basis: Basis, address: str = "", *, update: bool = False) -> Store:
    """The run in a folder, to be gone on with; a new one where there is none.

    Where it was asked for otherwise (with other schemas, another reader, prompt or model) it is refused with UsageError, unless nothing
    came of it yet; or, with `update`, the documents wait again whose results depend on what has changed. Neither while others work on it.
    """
    if not holds_run(folder):
        try:
            return create(folder, asked, address)
        except UsageError:
            if not holds_run(folder):  # else somebody was quicker
                raise
    store = _written(folder, address)
    with closed_on_error(store):
        before = store.manifest()
        what = None if before is None else _differs(before, asked)
        at_work = store.shared and store.is_worked_on()
        if what and (at_work or not (update or _is_untouched(store, folder))):
            remedy = "add --update to do anew what depends on it, or repeat the command that began it"
            raise UsageError(f"this run was begun with {what}", where=str(folder), remedy=_WAIT if at_work else remedy)
        if update and at_work:
            raise UsageError("others are working on this run", where=str(folder), remedy=_WAIT)
        _take_over(store, asked, basis, before, update=update)
    return store


def _take_over(store: Store, asked: Asked, basis: Basis, before: Manifest | None, *, update: bool) -> None:
    with store.transaction():
        if before is None or _differs(before, asked) is not None:
            store.write_schemas(asked.schemas)
            store.write_manifest(replace(_begun(asked), started=before.started if before else _now()))
        if update:
            store.redo(basis)


def _differs(before: Manifest, asked: Asked) -> str | None:
    """In what a run was asked for otherwise, in words."""
    now = _begun(asked)
    return next((words for what, words in _WHAT if getattr(before, what) != getattr(now, what)), None)


def _is_untouched(store: Store, folder: Path) -> bool:
    """Whether nothing came of a run yet: what was wrong with it (an address, a name, a key) may be set right."""
    return not store.has_results() and not (folder / BATCHES).exists()


def _begin(store: Store, asked: Asked) -> None:
    with store.transaction():
        store.write_schemas(asked.schemas)
        store.write_manifest(_begun(asked))


def _begun(asked: Asked) -> Manifest:
    used = tuple(Used(schema.kind, schema.title, schema.digest) for schema in asked.schemas)
    return Manifest(asked.tool, asked.command, asked.reader, _now(), used, model=asked.model, prompt=asked.prompt, identity=asked.identity)


# -- where the store is


def holds_run(folder: Path) -> bool:
    """Whether there is a run in a folder, of whatever age."""
    return (folder / sqlite.FILE).exists() or (folder / POINTER).exists()


@contextmanager
def opened(folder: Path, address: str = "") -> Iterator[Store]:
    """The store of a run, to be read, also while it grows. Raises UsageError where there is none, InputError where it is damaged."""
    store = _read(folder, address)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def changed(folder: Path, address: str = "") -> Iterator[Store]:
    """The store of a run that nobody works on, to be written to."""
    if not holds_run(folder):
        raise _no_run(folder)
    store = _written(folder, address)
    try:
        if store.shared and store.is_worked_on():
            raise UsageError("others are working on this run", where=str(folder), remedy=_WAIT)
        with store.transaction():
            yield store
    finally:
        store.close()


def manifest_of(store: Store) -> Manifest:
    """What a run says of itself. Raises InputError where it says nothing."""
    found = store.manifest()
    if found is None:
        raise InputError("this run has not begun", where=store.where, remedy="the command that made it, with --resume")
    return found


def _read(folder: Path, address: str) -> Store:
    pointer = _pointer(folder)
    if pointer is not None:
        return Store(postgres.read(_address(pointer, address), pointer["run"]))
    if not (folder / sqlite.FILE).is_file():
        raise _no_run(folder)
    return Store(sqlite.read(folder))


def _written(folder: Path, address: str) -> Store:
    pointer = _pointer(folder)
    if pointer is not None:
        return Store(postgres.rewritten(_address(pointer, address), pointer["run"]))
    if address:
        raise UsageError("this run has its store in its folder", where=str(folder), remedy="leave --store out, or choose another --out")
    return Store(sqlite.written(folder))


def _no_run(folder: Path) -> UsageError:
    return UsageError("this is not a run folder", where=str(folder), remedy=f"{BEGIN}{folder}")


def _pointer(folder: Path) -> dict[str, Any] | None:
    """What the folder says of a store elsewhere; None where the store is in it."""
    file = folder / POINTER
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"damaged run file: {error}", where=str(file), remedy=f"{BEGIN}another folder") from error
    if isinstance(found, dict) and {"store", "run"} <= found.keys():
        if isinstance(found["store"], str) and _NAME.fullmatch(str(found["run"])):
            return found
        raise InputError("damaged run file: it names no run", where=str(file), remedy=f"{BEGIN}another folder")
    raise InputError(OLDEST, where=str(folder), remedy=f"{BEGIN}another folder; what was answered before is in the cache and costs nothing")


def _address(pointer: dict[str, Any], given: str) -> str:
    """The address as it is given now, since the folder holds no password."""
    return given or os.environ.get(ADDRESS, "") or str(pointer["store"])


def _holds_anything(folder: Path) -> bool:
    """Anything but what a run leaves that was killed while it was begun."""
    with suppress(OSError):
        return any(entry.name != sqlite.LOCK and not entry.name.endswith(".tmp") for entry in folder.iterdir())
    return True


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(str(folder), error.strerror or error) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
