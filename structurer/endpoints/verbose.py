"""What `--verbose` tells a person while a run goes on: a line for every call to a model, and one when more or fewer calls go at a time.

A line is of bounded length and holds nothing that a document or an endpoint says: the local time, which document and model, how long it
took, and what came of it in words of our own. The endpoint's words may repeat the document, or the key.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from structurer.asking.llm import Model, Reply, Request, Usage, holds
from structurer.asking.replies import unusable
from structurer.endpoints.prices import plausible
from structurer.errors import StructurerError
from structurer.layout import width

DOCUMENT_COLUMNS: Final = 28  # columns of the document's name; of a longer one the end is shown
MODEL_COLUMNS: Final = 16  # columns of the model's name; of a longer one the beginning is shown
TOOK_COLUMNS: Final = 9  # columns of the seconds: up to 99,999.9 s
WORDS_COLUMNS: Final = 96  # columns of what came of the call
TOLD_COLUMNS: Final = 160  # columns of what an endpoint's watchers say
WAIT_TOLD_S: Final = 1.0  # seconds of waiting for a turn that are worth a word
MOVED: Final = (4, 3)  # by what ratio the calls at a time have to change to be told of

_DOCUMENT: ContextVar[str] = ContextVar("document", default="")
_TURNS: ContextVar[tuple[Turns, ...]] = ContextVar("turns", default=())


@contextmanager
def about(document: str) -> Iterator[None]:
    """What is done inside, in tasks begun inside too, is about this document."""
    token = _DOCUMENT.set(document)
    try:
        yield
    finally:
        _DOCUMENT.reset(token)


@dataclass(slots=True)
class Turns:
    """How often a call was tried, and the seconds that it waited for its turns, which are not the endpoint's fault."""

    tries: int = 0
    waited_s: float = 0.0


@contextmanager
def turns_counted() -> Iterator[Turns]:
    """Counts the turns of the call that is made inside."""
    turns = Turns()
    token = _TURNS.set((*_TURNS.get(), turns))
    try:
        yield turns
    finally:
        _TURNS.reset(token)


def turn_came(waited_s: float) -> None:
    """A call's turn has come, after so many seconds: whoever counts its turns hears it."""
    for turns in _TURNS.get():
        turns.tries += 1
        turns.waited_s += waited_s


def reason_of(error: BaseException) -> str:
    """Why a call failed, in our own words: what an error adds behind a colon is an endpoint's, and may hold the document."""
    if not isinstance(error, StructurerError):
        return type(error).__name__
    words = error.what.split(": ")[0].strip()
    return words + ")" * (words.count("(") > words.count(")"))


class Voice:
    """Lines with the local time, said one by one; `now` is the clock. A line that cannot be said is lost, and nothing else."""

    def __init__(self, say: Callable[[str], None], now: Callable[[], datetime] = datetime.now) -> None:
        self._say, self._now = say, now

    def told(self, words: str) -> None:
        """A sentence that concerns no single call."""
        self._line(_cut(words, TOLD_COLUMNS))

    def call(self, model: str, took: str, words: str) -> None:
        """A line about a call for the document at hand."""
        self._line(_columns(_DOCUMENT.get(), model, took, words))

    def about(self, model: str, words: str) -> None:
        """A line about all calls to a model."""
        self._line(_columns("", model, "", words))

    def _line(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed standard error fails no run
            self._say(f"{self._now():%H:%M:%S}  {text}")


class Paced(Protocol):
    """How the calls to an endpoint go: `limit` at a time, and how many were `overloaded`, that is refused for being too many."""

    @property
    def limit(self) -> int: ...

    @property
    def overloaded(self) -> int: ...


class Spoken:
    """A `Model` that answers through another and says what came of every call; `pace` tells how the calls to its endpoint go."""

    def __init__(self, model: Model, voice: Voice, pace: Callable[[], Paced] | None = None) -> None:
        self._model, self._voice, self._pace = model, voice, pace
        self._limit, self._overloaded = 0, 0

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self._model.name

    def holds(self, request: Request) -> bool:
        """Whether the model has the reply already."""
        return holds(self._model, request)

    async def complete(self, request: Request) -> Reply:
        """The model's reply. Raises what the model raises."""
        if self._pace is not None and not self._limit:
            self._limit = self._pace().limit
        begun = time.monotonic()
        with turns_counted() as turns:
            try:
                reply = await self._model.complete(request)
            except Exception as error:
                self._told(begun, turns, f"failed: {reason_of(error)}")
                raise
        if reply.recorded:
            self._voice.call(self.name, "", "from the cache")
        else:
            self._told(begun, turns, _came(reply))
        return reply

    def _told(self, begun: float, turns: Turns, words: str) -> None:
        took = f"{max(time.monotonic() - begun - turns.waited_s, 0.0):,.1f} s"
        self._voice.call(self.name, took, "; ".join([words, *_effort(turns)]))
        if self._pace is not None:
            self._paced(self._pace())

    def _paced(self, pace: Paced) -> None:
        """Told only when it has moved by much, since it grows one by one."""
        before, now = self._limit, pace.limit
        if max(before, now) * MOVED[1] < min(before, now) * MOVED[0]:
            return
        refused = pace.overloaded - self._overloaded
        why = f"; {refused:,} refused as too many" if refused > 0 else ""
        self._voice.about(self.name, f"{now} calls at a time now, {before} before{why}")
        self._limit, self._overloaded = now, pace.overloaded


def _came(reply: Reply) -> str:
    bad = unusable(reply)
    return f"{bad.fault.value}; {_used(reply.usage)}" if bad is not None else _used(reply.usage)


def _used(usage: Usage) -> str:
    """The tokens as the run's own ledger counts them: 1,204 tokens in (64 % cached), 310 out."""
    prompt, cached, output = usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens
    if not plausible(prompt) or not plausible(output):
        return "tokens not counted"
    share = f" ({min(100 * cached // prompt, 100)} % cached)" if prompt and plausible(cached) and cached else ""
    return f"{prompt:,} tokens in{share}, {output:,} out"


def _effort(turns: Turns) -> Iterator[str]:
    if turns.tries > 1:
        yield f"{turns.tries} tries"
    if turns.waited_s >= WAIT_TOLD_S:
        yield f"waited {turns.waited_s:,.0f} s for its turn"


# -- columns -------------------------------------------------------------------------------------------------------------------------------


def _columns(document: str, model: str, took: str, words: str) -> str:
    """Aligned, also under names in ideographs."""
    name = _padded(_cut(document[::-1], DOCUMENT_COLUMNS)[::-1], DOCUMENT_COLUMNS)
    return "  ".join((name, _padded(_cut(model, MODEL_COLUMNS), MODEL_COLUMNS), took.rjust(TOOK_COLUMNS), _cut(words, WORDS_COLUMNS)))


def _inert(text: str) -> str:
    """On one line, without anything that a terminal would obey."""
    return re.sub(" +", " ", "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)).strip()


def _cut(text: str, columns: int) -> str:
    short = _inert(text[: 4 * columns])
    if width(short) <= columns and len(text) <= 4 * columns:
        return short
    while width(short) > columns - 1:
        short = short[:-1]
    return f"{short}…"


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
