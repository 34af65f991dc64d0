"""What a run and its hosts say to each other: which document is to be read, which calls its conversation wants, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from structurer.asking.llm import Answer, Reply, Request
from structurer.errors import StructurerError
from structurer.intake.ingest import Intake
from structurer.pipeline import Plan
from structurer.store.runs import Basis, Outcome


@dataclass(frozen=True, slots=True)
class Absent:
    """A model that is asked by somebody else: in a host it stands for the one of its name."""

    name: str

    async def complete(self, request: Request) -> Reply:
        """Raises RuntimeError: a host asks nobody."""
        raise RuntimeError(f"a host was to ask {self.name} {request.reply_name}")


@dataclass(frozen=True, slots=True)
class Work:
    """What a host works with: the plan, its models absent; how files are read; what results depend on."""

    plan: Plan
    intake: Intake
    basis: Basis


@dataclass(frozen=True, slots=True)
class Begin:
    """Read a document: its ticket, the number by which it is known from now on; where its bytes are, their digest, its name in records."""

    ticket: int
    path: Path
    sha256: str
    source: str


@dataclass(frozen=True, slots=True)
class Further:
    """Take its conversation a round further, with the answers of the round before (None: there was none)."""

    ticket: int
    answers: tuple[Answer, ...] | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget it."""

    ticket: int


Wish = Begin | Further | Drop


@dataclass(frozen=True, slots=True)
class Begun:
    """It has been read; it has so many characters."""

    characters: int = 0


@dataclass(frozen=True, slots=True)
class Calls:
    """Its conversation wants these calls: the name of a model and what it is to be asked. `outcomes` counts what replies came to."""

    calls: tuple[tuple[str, Request], ...]
    outcomes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """Its conversation is over, and this came of it; `error` ended it (of a bug: the name of its class), `words` tell a person of it."""

    outcome: Outcome
    outcomes: Mapping[str, int] = field(default_factory=dict)
    error: StructurerError | str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The host that had it is gone."""


Told = Begun | Calls | Ended | Unknown
