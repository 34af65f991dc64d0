"""A run is a folder: what was asked, what became of every input, and one readable file a document.

    RUN/run.json                            the manifest (`Manifest`)
    RUN/schemas/<kind>-<digest>.json        the schemas it was made with, so that a run explains itself
    RUN/documents/<stem>-<sha256[:8]>.json  one `Result` each, whole or not there

Every file is replaced in one step, so a run can be read while it grows and after Ctrl-C. The manifest is brought up to date at most once
a second and at the end: a run that was killed still holds its finished documents, and `results` reads the folder, not the manifest.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from structurer import atomic, serial
from structurer.across import Across
from structurer.contract import load
from structurer.convention import Convention
from structurer.errors import InputError, UsageError
from structurer.record import Result
from structurer.schema import Schema

FORMAT = 1  # of the folder; a change that old readers cannot read counts it up
MANIFEST, DOCUMENTS, SCHEMAS = "run.json", "documents", "schemas"
STEM_BYTES = 180  # of a document's file name, which most file systems bound at 255 bytes
MANIFEST_EVERY = 1.0  # seconds between two manifests of a growing run
T = TypeVar("T")


class State(StrEnum):
    """What became of an input."""

    WAITING = "waiting"
    DONE = "done"
    NEEDS_REVIEW = "needs review"
    FAILED = "failed"
    SKIPPED = "skipped"


class Progress(StrEnum):
    """What became of a run; RUNNING also stands in the manifest of one that was killed."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its path as given, its state and the reason for it, the file its result is in, and how many records that holds."""

    path: str
    state: State = State.WAITING
    reason: str = ""
    document: str | None = None
    records: int = 0


@dataclass(frozen=True, slots=True)
class Used:
    """A schema of the run: `file` is its copy in the run folder."""

    kind: str
    title: str
    digest: str
    file: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was asked and what came of it. Times are UTC, ISO 8601, in whole seconds; `prompt` is a digest; `model` a name.
    `conventions` and `across` are known when the run has ended."""

    tool: str
    command: tuple[str, ...]
    reader: str
    started: str
    schemas: tuple[Used, ...]
    state: Progress = Progress.RUNNING
    finished: str | None = None
    model: str | None = None
    prompt: str | None = None
    inputs: tuple[Input, ...] = ()
    format: int = FORMAT
    conventions: tuple[Convention, ...] = ()
    across: Across = field(default_factory=Across)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a new run is told of itself."""

    tool: str
    command: tuple[str, ...]
    reader: str
    schemas: tuple[Schema, ...]
    model: str | None = None
    prompt: str | None = None


class Run:
    """A run that is being written."""

    def __init__(self, folder: Path, manifest: Manifest, clock: Callable[[], float]) -> None:
        self.folder, self._manifest, self._clock = folder, manifest, clock
        self._inputs: dict[str, Input] = {}
        self._names: set[str] = set()
        self._written_at = clock()

    def expect(self, paths: Sequence[str]) -> None:
        """The inputs that are to come: listed as waiting until told otherwise."""
        self._inputs.update({path: Input(path) for path in paths})
        self._write()

    def write_result(self, path: str, result: Result, *, state: State = State.DONE, reason: str = "") -> Path:
        """Store one document's result, whole, and note its input's state. Returns the file."""
        name = self._name(result)
        file = self.folder / DOCUMENTS / name
        _guarded(self.folder, lambda: atomic.write_text(file, serial.dump(serial.to_json(result))))
        self.note(Input(path, state, reason, name, len(result.records)))
        return file

    def note(self, came: Input) -> None:
        """What became of an input."""
        self._inputs[came.path] = came
        if self._clock() - self._written_at >= MANIFEST_EVERY:
            self._write()

    def finish(
        self, state: Progress = Progress.FINISHED, conventions: tuple[Convention, ...] = (), across: Across | None = None
    ) -> Manifest:
        """Close the run with what its records say together. Inputs that are still waiting become skipped."""
        for path, waiting in self._inputs.items():
            if waiting.state is State.WAITING:
                self._inputs[path] = replace(waiting, state=State.SKIPPED, reason=f"the run was {state}")
        self._manifest = replace(self._manifest, state=state, finished=_now(), conventions=conventions, across=across or Across())
        return self._write()

    def _write(self) -> Manifest:
        self._manifest = replace(self._manifest, inputs=tuple(self._inputs.values()))
        text = serial.dump(serial.to_json(self._manifest), levels=2)
        _guarded(self.folder, lambda: atomic.write_text(self.folder / MANIFEST, text))
        self._written_at = self._clock()
        return self._manifest

    def _name(self, result: Result) -> str:
        """Files of the same name and content in two folders are two documents."""
        stem = Path(result.source).stem.encode(errors="replace")[:STEM_BYTES].decode(errors="ignore") or "document"
        name, number = f"{stem}-{result.sha256[:8]}.json", 1
        while name in self._names:
            number += 1
            name = f"{stem}-{result.sha256[:8]}-{number}.json"
        self._names.add(name)
        return name


def create(folder: Path, asked: Asked, *, clock: Callable[[], float] = time.monotonic) -> Run:
    """Start a run in a folder that is new or empty. Raises UsageError for any other."""
    _refuse_used(folder)
    files = [f"{atomic.safe_name(schema.kind)}-{schema.digest[:8]}.json" for schema in asked.schemas]
    used = tuple(Used(schema.kind, schema.title, schema.digest, file) for schema, file in zip(asked.schemas, files, strict=True))
    run = Run(folder, Manifest(asked.tool, asked.command, asked.reader, _now(), used, model=asked.model, prompt=asked.prompt), clock)
    _guarded(folder, lambda: _lay_out(folder, asked.schemas, files))
    run.expect(())
    return run


def manifest(folder: Path) -> Manifest:
    """What the run says of itself. Raises UsageError where there is no run, InputError where it is damaged or newer than this tool."""
    file = folder / MANIFEST
    if not file.is_file():
        raise UsageError("this is not a run folder", where=str(folder), remedy="structurer structure PATH... --out " + str(folder))
    node = _json(file)
    version = node.get("format") if isinstance(node, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise InputError("written by a newer structurer", where=str(file), remedy="update structurer")
    return _decoded(Manifest, node, file)


def results(folder: Path) -> Iterator[Result]:
    """The finished documents, one at a time, by the name of their source. Raises as `manifest`, and InputError for a damaged file."""
    manifest(folder)
    for file in sorted((folder / DOCUMENTS).glob("*.json"), key=_by_source):
        yield _decoded(Result, _json(file), file)


def schemas(folder: Path) -> dict[str, Schema]:
    """The schemas the run was made with, by kind."""
    used = manifest(folder).schemas
    return {
        entry.kind: load(_json(folder / SCHEMAS / entry.file), kind=entry.kind, where=str(folder / SCHEMAS / entry.file)) for entry in used
    }


def _lay_out(folder: Path, used: Sequence[Schema], files: Sequence[str]) -> None:
    (folder / DOCUMENTS).mkdir(parents=True, exist_ok=True)
    (folder / SCHEMAS).mkdir(exist_ok=True)
    for schema, file in zip(used, files, strict=True):
        atomic.write_text(folder / SCHEMAS / file, serial.dump(dict(schema.source), levels=6))


def _refuse_used(folder: Path) -> None:
    if (folder / MANIFEST).exists():
        raise UsageError("this folder holds a run already", where=str(folder), remedy="choose another --out or remove it")
    if folder.exists() and not (folder.is_dir() and not _holds_anything(folder)):
        what = "this folder is not a run and not empty" if folder.is_dir() else "a file stands where the run folder is to be"
        raise UsageError(what, where=str(folder), remedy="choose another --out")


def _holds_anything(folder: Path) -> bool:
    with suppress(OSError):
        return any(folder.iterdir())
    return True


def _guarded(folder: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise UsageError(
            f"cannot write to the run folder: {error.strerror or error}", where=str(folder), remedy="choose another --out"
        ) from error


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(file, error) from error


def _decoded(kind: type[T], node: Any, file: Path) -> T:
    try:
        return serial.from_json(kind, node)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"damaged run file: {reason}", where=str(file), remedy="run `structurer structure` again into another --out")


def _by_source(file: Path) -> tuple[str, str]:
    return re.sub(r"-[0-9a-f]{8}(-\d+)?\.json$", "", file.name), file.name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
