"""What a host does: documents are read and judged in it. It holds their conversations between rounds, and asks no model itself.

It is a service (`sandbox.confined`) with the rights of the run: strangers' files are parsed by locked children of its own.
"""

from __future__ import annotations

import pickle
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from structurer.archive.hosting import Begin, Begun, Calls, Drop, Ended, Further, Told, Unknown, Wish, Work
from structurer.asking.converse import Ended as Over
from structurer.asking.converse import further
from structurer.asking.llm import Rounds
from structurer.document import Document
from structurer.errors import InputError, StructurerError
from structurer.intake import ingest
from structurer.pipeline import Plan, structuring
from structurer.record import Result
from structurer.store.finishing import BUG, finished, unfinished

Read = Callable[[Path, str], Document]
Structure = Callable[[Document, Plan, "Counter[str]"], "Rounds[Result]"]


def load(work: Work) -> Callable[[bytes], bytes]:
    """A host as a service."""
    return answering(Host(work))


def answering(host: Host) -> Callable[[bytes], bytes]:
    """It is asked with pickled wishes, and answers so."""
    return lambda request: pickle.dumps(host.answer(pickle.loads(request)), pickle.HIGHEST_PROTOCOL)


@dataclass(slots=True)
class _Talk:
    """A document in hand: its conversation, and how often what happened in it since it was told last."""

    path: Path
    rounds: Rounds[Result]
    outcomes: Counter[str] = field(default_factory=Counter)


class Host:
    """Documents in hand, by their tickets."""

    def __init__(self, work: Work, read: Read | None = None, structure: Structure = structuring) -> None:
        self._work, self._structure = work, structure
        self._read: Read = read or partial(_read_as, work.intake)
        self._talks: dict[int, _Talk] = {}

    def answer(self, wish: Wish) -> Told:
        """Do what is wished. Errors of a document are what came of it."""
        if isinstance(wish, Drop):
            self._talks.pop(wish.ticket, None)
            return Unknown()
        path = wish.path if isinstance(wish, Begin) else self._talks[wish.ticket].path if wish.ticket in self._talks else None
        if path is None:
            return Unknown()
        try:
            return self._begun(wish) if isinstance(wish, Begin) else self._further(wish)
        except MemoryError:
            raise
        except Exception as error:
            return self._failed(wish.ticket, path, error)

    def _begun(self, wish: Begin) -> Begun:
        document = self._read(wish.path, wish.source)
        if document.sha256 != wish.sha256:
            raise InputError("the file has changed since it was found", where=str(wish.path), remedy="the same command with --resume")
        outcomes: Counter[str] = Counter()
        self._talks[wish.ticket] = _Talk(wish.path, self._structure(document, self._work.plan, outcomes), outcomes)
        return Begun(len(document.text))

    def _further(self, wish: Further) -> Told:
        talk = self._talks[wish.ticket]
        came = further(talk.rounds, wish.answers)
        outcomes = dict(talk.outcomes)
        talk.outcomes.clear()
        if not isinstance(came, Over):
            return Calls(tuple((call.model.name, call.request) for call in came), outcomes)
        del self._talks[wish.ticket]
        return Ended(finished(came.value, self._work.plan.schemas, self._work.basis), outcomes)

    def _failed(self, ticket: int, path: Path, error: Exception) -> Ended:
        talk = self._talks.pop(ticket, None)
        trace = "".join(traceback.format_exception(error))
        outcomes = dict(talk.outcomes) if talk else {}
        if isinstance(error, StructurerError):
            words = str(error) if str(path) in str(error) else f"{path}: {error}"
            return Ended(unfinished(error, trace, self._work.basis), outcomes, error, words)
        return Ended(unfinished(error, trace, self._work.basis), outcomes, type(error).__name__, f"{path}: {BUG}\n{trace}")


def _read_as(intake: ingest.Intake, path: Path, source: str) -> Document:
    return ingest.read(path, intake, source)
