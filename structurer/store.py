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
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from structurer import atomic, serial
from structurer.across import Across
from structurer.book import Book
from structurer.contract import load
from structurer.convention import Convention
from structurer.errors import InputError, UsageError
from structurer.record import Result
from structurer.schema import Schema

FORMAT = 1  # of the folder; a change that old readers cannot read counts it up
MANIFEST, DOCUMENTS, SCHEMAS, BATCHES = "run.json", "documents", "schemas", "batches"
STEM_BYTES = 180  # of a document's file name, which most file systems bound at 255 bytes
MANIFEST_EVERY = 1.0  # seconds between two manifests of a growing run, at least
MANIFEST_SHARE = 20  # ... and so many times as long as the last one took to write
_OTHER = "other settings of its models: name, address, limits or parameters"
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
    HALTED = "halted"  # a model would answer nothing more


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its path as given, its state and the reason for it, the file its result is in, how many records that holds, and what its
    models were asked and cost (`Book.as_dict`)."""

    path: str
    state: State = State.WAITING
    reason: str = ""
    document: str | None = None
    records: int = 0
    spent: dict[str, Any] | None = None


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
    `spent` is what all calls to models took since the run began (`Book.as_dict`), those of documents that came to nothing too.
    `conventions`, `across` and why it `halted` are known when the run has ended."""

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
    spent: dict[str, Any] | None = None
    halted: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a new run is told of itself."""

    tool: str
    command: tuple[str, ...]
    reader: str
    schemas: tuple[Schema, ...]
    model: str | None = None
    prompt: str | None = None
    identity: str = ""  # of the settings of its models


class Run:
    """A run that is being written."""

    def __init__(self, folder: Path, manifest: Manifest, clock: Callable[[], float]) -> None:
        self.folder, self._manifest, self._clock = folder, manifest, clock
        self._inputs: dict[str, Input] = {entry.path: entry for entry in manifest.inputs}
        self._held = {file.name for file in (folder / DOCUMENTS).glob("*.json")}  # a file that is half written has no such name
        self._names: set[str] = set()  # those that belong to an input of this run
        self._expected: frozenset[str] = frozenset()
        self.spent = Book.read(manifest.spent) if manifest.spent else Book()
        self._written_at, self._took = clock(), 0.0  # when the manifest was written last, and the seconds that it took

    def expect(self, paths: Sequence[str]) -> None:
        """The inputs that are to come: listed as waiting until told otherwise."""
        self._expected = frozenset(paths)
        for path in paths:
            known = self._inputs.get(path)
            self._inputs[path] = known if known is not None and known.document in self._held else Input(path)
        self._write()

    def drop_strays(self) -> None:
        """Remove results that belong to no input: of files that have been changed since the run was broken off. Those of inputs that are
        not named this time stay."""
        others = {known.document for path, known in self._inputs.items() if path not in self._expected}
        for name in self._held - self._names - others:
            (self.folder / DOCUMENTS / name).unlink(missing_ok=True)
        for beside in (self.folder / DOCUMENTS).glob(".*.tmp"):  # what a process that was killed was about to write
            beside.unlink(missing_ok=True)

    @property
    def resumed(self) -> bool:
        """Whether this goes on with a run that was begun before."""
        return bool(self._held)

    def finished(self, path: str, sha256: str, judge: Callable[[Result], State] = lambda _: State.DONE) -> Result | None:
        """The result of an input with this content that the run holds already, where it was broken off and is gone on with. `judge` is told
        of it and says its state."""
        for name in _names(path, sha256):
            if name not in self._held:
                return None
            if name not in self._names:
                self._names.add(name)
                try:
                    result = _decoded(Result, _json(self.folder / DOCUMENTS / name), self.folder / DOCUMENTS / name)
                except InputError:  # damaged since: as good as none, and done anew under its name
                    self._names.remove(name)
                    return None
                known, state = self._inputs[path], judge(result)
                if known.document != name:  # the manifest is a little behind a run that was killed
                    self.note(Input(path, state, "", name, len(result.records)))
                return result
        return None

    def write_result(
        self, path: str, result: Result, *, state: State = State.DONE, reason: str = "", spent: dict[str, Any] | None = None
    ) -> Path:
        """Store one document's result, whole, and note its input's state. Returns the file."""
        name = next(name for name in _names(result.source, result.sha256) if name not in self._names)
        self._names.add(name)
        file = self.folder / DOCUMENTS / name
        _guarded(self.folder, lambda: atomic.write_text(file, serial.dump(serial.to_json(result))))
        self.note(Input(path, state, reason, name, len(result.records), spent))
        return file

    def charge(self, book: Book) -> None:
        """Enter what calls to models took, into the ledger of the whole run."""
        self.spent.merge(book)

    def note(self, came: Input) -> None:
        """What became of an input."""
        self._inputs[came.path] = came
        if self._clock() - self._written_at >= max(MANIFEST_EVERY, MANIFEST_SHARE * self._took):
            self._write()

    def finish(
        self,
        state: Progress = Progress.FINISHED,
        conventions: tuple[Convention, ...] = (),
        across: Across | None = None,
        halted: str = "",
    ) -> Manifest:
        """Close the run with what its records say together. Inputs that are still waiting become skipped."""
        for path, waiting in self._inputs.items():
            if waiting.state is State.WAITING:
                self._inputs[path] = replace(waiting, state=State.SKIPPED, reason=f"the run was {state}{f': {halted}' if halted else ''}")
        self._manifest = replace(
            self._manifest, state=state, finished=_now(), conventions=conventions, across=across or Across(), halted=halted
        )  # fmt: skip
        return self._write()

    def _write(self) -> Manifest:
        begun = self._clock()
        spent = self.spent.as_dict() if self.spent.models or self.spent.outcomes else None
        self._manifest = replace(self._manifest, inputs=tuple(self._inputs.values()), spent=spent)
        text = serial.dump(serial.to_json(self._manifest), levels=2)
        _guarded(self.folder, lambda: atomic.write_text(self.folder / MANIFEST, text))
        self._written_at = self._clock()
        self._took = self._written_at - begun
        return self._manifest


def create(folder: Path, asked: Asked, *, clock: Callable[[], float] = time.monotonic) -> Run:
    """Start a run in a folder that is new or empty. Raises UsageError for any other."""
    _refuse_used(folder)
    begun = _begun(asked)
    _guarded(folder, lambda: _lay_out(folder, asked.schemas, [used.file for used in begun.schemas]))
    run = Run(folder, begun, clock)
    run.expect(())
    return run


def go_on(folder: Path, asked: Asked, *, clock: Callable[[], float] = time.monotonic) -> Run:
    """The run in a folder, to be gone on with; a new one where there is none. Raises UsageError where it was asked for otherwise (with
    other schemas, another reader or another prompt), so that one run is one thing."""
    if not (folder / MANIFEST).exists():
        return create(folder, asked, clock=clock)
    before, now = manifest(folder), _begun(asked)
    if _is_untouched(folder):
        _guarded(folder, lambda: _lay_out(folder, asked.schemas, [used.file for used in now.schemas]))
        before = replace(now, started=before.started, spent=before.spent)
    for what, words in (("reader", "another reader"), ("prompt", "another prompt"), ("schemas", "another schema"), ("identity", _OTHER)):
        if getattr(before, what) != getattr(now, what):
            remedy = "repeat the command that began it, or choose another --out"
            raise UsageError(f"this run was begun with {words}", where=str(folder), remedy=remedy)
    try:
        return Run(folder, replace(now, started=before.started, inputs=before.inputs, spent=before.spent), clock)
    except ValueError as error:
        raise _damaged(folder / MANIFEST, error) from error


def _is_untouched(folder: Path) -> bool:
    """Whether nothing came of a run yet: what was wrong with it (an address, a name, a key) may be set right."""
    return not any((folder / DOCUMENTS).glob("*.json")) and not (folder / BATCHES).exists()


def _begun(asked: Asked) -> Manifest:
    files = [f"{atomic.safe_name(schema.kind)}-{schema.digest[:8]}.json" for schema in asked.schemas]
    used = tuple(Used(schema.kind, schema.title, schema.digest, file) for schema, file in zip(asked.schemas, files, strict=True))
    return Manifest(asked.tool, asked.command, asked.reader, _now(), used, model=asked.model, prompt=asked.prompt, identity=asked.identity)


def _names(source: str, sha256: str) -> Iterator[str]:
    """The names for the result of a document, in turn: files of the same name and content in two folders are two documents."""
    stem = Path(source).stem.encode(errors="replace")[:STEM_BYTES].decode(errors="ignore") or "document"
    yield f"{stem}-{sha256[:8]}.json"
    yield from (f"{stem}-{sha256[:8]}-{number}.json" for number in count(2))


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
        raise UsageError(
            "this folder holds a run already", where=str(folder), remedy="add --resume to go on with it, or choose another --out"
        )
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
