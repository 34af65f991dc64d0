"""What a run is asked, what becomes of every document in it, and what it says of itself: words that stores, workers and readers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from structurer.contracts.schema import Schema
from structurer.judging.across import Across
from structurer.judging.convention import Convention


class State(StrEnum):
    """What became of a document, or of a file that is none."""

    WAITING = "waiting"
    IN_WORK = "in work"
    DONE = "done"
    NEEDS_REVIEW = "needs review"
    UNREADABLE = "unreadable"  # the file
    REFUSED = "refused"  # the model will not answer it: for what it says, or for its length
    FAILED = "failed"  # the model could not be brought to a usable reply, or a bug
    QUARANTINED = "quarantined"  # the worker was lost with it, as often as it may be
    GONE = "gone"  # no file of the run has this content any more
    SKIPPED = "skipped"  # not of a kind that is read


FINISHED = frozenset({State.DONE, State.NEEDS_REVIEW})  # these hold a result
UNDONE = frozenset({State.UNREADABLE, State.REFUSED, State.FAILED, State.QUARANTINED})  # these are tried again when a person says so


class Progress(StrEnum):
    """What became of a run; RUNNING also stands in the store of one that was killed."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    HALTED = "halted"  # a model would answer nothing more


@dataclass(frozen=True, slots=True)
class Basis:
    """What a result depends on, as digests: `plan` is all that decides it but the schemas, `forms` what of all schemas decides where forms
    begin, `schemas` those of the kinds that were found."""

    plan: str
    forms: str
    schemas: Mapping[str, str] = field(default_factory=dict)

    def stands(self, now: Basis) -> bool:
        """Whether what was found on this basis would be found again now; `now` has the schemas of all kinds."""
        return (self.plan, self.forms) == (now.plan, now.forms) and self.schemas.items() <= now.schemas.items()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is told of itself: tool and version, the command, the reader in words, the schemas, the model, the digest of the prompt;
    `identity` is of the settings of its models and of how files are read."""

    tool: str
    command: tuple[str, ...]
    reader: str
    schemas: tuple[Schema, ...]
    model: str | None = None
    prompt: str | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """A schema of the run."""

    kind: str
    title: str
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was asked and what came of it. Times are UTC, ISO 8601, in whole seconds; `prompt` is a digest; `model` a name.

    `spent` is what all calls to models took since the run began (`Book.as_dict`), those of documents that came to nothing too; `counts` the
    documents of each state. `conventions`, `across` and why it `halted` are known when the run has ended.
    """

    tool: str
    command: tuple[str, ...]
    reader: str
    started: str
    schemas: tuple[Used, ...]
    state: Progress = Progress.RUNNING
    finished: str | None = None
    model: str | None = None
    prompt: str | None = None
    identity: str = ""
    conventions: tuple[Convention, ...] = ()
    across: Across = field(default_factory=Across)
    halted: str = ""
    spent: Mapping[str, Any] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Located:
    """A document that is to be in the run: what a person calls it (its path, or "archive.zip!member"), `source`, its short name in records,
    where its bytes are, and their digest."""

    name: str
    source: str
    path: str
    sha256: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class LeftAside:
    """A file that is no document of the run: skipped for its kind, or unreadable, with what a person can do about it."""

    name: str
    state: State
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A document that a worker may work on: nobody else does, as long as the worker is heard of."""

    document: int
    path: str
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """A place that a person is to look at: the record (by its number), the JSON pointer in it, and why."""

    record: int
    kind: str
    pointer: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document that was worked on.

    `body` is the result as `encoded`, b"" where there is none; counts are of records, of checks that held and failed, of flagged places;
    `figures` are what a report adds up (plain JSON, see `finishing`); `learnt` is what the whole run learns of it; `trace` is for whoever
    mends a bug.
    """

    state: State
    reason: str = ""
    trace: str = ""
    body: bytes = b""
    records: int = 0
    held: int = 0
    failed: int = 0
    flagged: tuple[Flagged, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    learnt: str = ""
    basis: Basis | None = None
    spent: Mapping[str, Any] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Came:
    """What became of a document or file, for readers: all its names (its short one, where no file has its content any more), its state and
    the reason for it, and its counts."""

    names: tuple[str, ...]
    state: State
    reason: str = ""
    records: int = 0
    held: int = 0
    failed: int = 0
    flagged: int = 0
    trace: str = ""
    spent: Mapping[str, Any] | None = None

    @property
    def called(self) -> str:
        """What a person is told it is called, and how many others are the same."""
        return self.names[0] + (f" (and {len(self.names) - 1} of the same content)" if len(self.names) > 1 else "")
