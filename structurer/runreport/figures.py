"""The figures of a run as its report tells them, read from its store in a few passes; memory is flat whatever the number of documents.

Reasons are counted by their wording: without the numbers, quotes and places in them, and of a check that fails only that it does. At most
MOST_WORDINGS wordings are told apart; what comes under further ones is counted as such.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nlargest
from typing import Final, Generic, TypeVar

from structurer.contracts.schema import Schema
from structurer.endpoints.book import Book, Spent
from structurer.store.finishing import SCORE_BINS
from structurer.store.runfolder import manifest_of
from structurer.store.runs import FINISHED, Came, Manifest, State
from structurer.store.store import Store

NAMED: Final = 5  # documents of a group, and of the slowest, the dearest and the most flagged
MOST_WORDINGS: Final = 2000
UNKNOWN: Final = "unknown"  # whose fault a check's failure is, where nobody judged it
_STEPS: Final = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9)  # of a decade
UPTO_S: Final = tuple(step * 10.0**power for power in range(-2, 5) for step in _STEPS)  # seconds that a document may take
_NUMBER_IN_POINTER: Final = re.compile(r"/(?:\d+|-)(?=/|$)")
_QUOTED: Final = re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|“[^”]*”")
_PLACE: Final = r"(?<![\w/])(?:/[^\s/,;:]+)+"
_PLACES: Final = re.compile(rf"{_PLACE}(?:(?:,| and) {_PLACE})*")
_NUMBER: Final = re.compile(r"(?<![A-Za-z_\d])[-+−]?\d(?:[\d.,]*\d)?")
_REPEATED: Final = re.compile(r"([…#])(?:, \1)+")
_NAMES_CHECK: Final = re.compile(r"(\S+?)(?: of a related record)?: ")

Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept")


@dataclass(slots=True)
class Tops(Generic[Key, Kept]):
    """How often each key came, with the first of what came with it (at most `most` of each); `beyond` counts what came under further keys
    than MOST_WORDINGS."""

    most: int = 1
    counts: Counter[Key] = field(default_factory=Counter)
    firsts: dict[Key, list[Kept]] = field(default_factory=dict)
    beyond: int = 0

    def add(self, key: Key, kept: Kept) -> None:
        """Count it."""
        if key not in self.counts and len(self.counts) >= MOST_WORDINGS:
            self.beyond += 1
            return
        self.counts[key] += 1
        firsts = self.firsts.setdefault(key, [])
        if len(firsts) < self.most:
            firsts.append(kept)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that is flagged: the record (`source`, `record` its number), the JSON pointer in it, the reasons and each one's `wording`."""

    source: str
    record: int
    kind: str
    pointer: str
    reasons: tuple[str, ...]
    wordings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failing:
    """A check that fails, of a kind: how often, by whose fault that is (a Verdict's value, or UNKNOWN)."""

    kind: str
    id: str
    count: int
    faults: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a report tells. `schemas` by kind; `unusual` are documents and files by state and the wording of the reason for it;
    `reasons` and `places` (kind, JSON pointer with "*" for numbers) say why and where values are flagged.

    `scores` counts the values in SCORE_BINS bins of equal width, `doubted` those of them that are flagged. `within` counts the documents
    that took no longer than each of UPTO_S, and longer than the one before; its last those beyond. `slowest` (seconds), `dearest` (what its
    calls took) and `most_flagged` (places) are the first NAMED, the greatest first.
    """

    manifest: Manifest
    schemas: Mapping[str, Schema]
    records: int
    held: int
    failed: int
    flagged: int
    unusual: Tops[tuple[State, str], Came]
    reasons: Tops[str, Spot]
    places: Tops[tuple[str, str], Spot]
    failing: tuple[Failing, ...]
    scores: tuple[int, ...]
    doubted: tuple[int, ...]
    within: tuple[int, ...]
    slowest: tuple[tuple[str, float], ...]
    dearest: tuple[tuple[str, Spent], ...]
    most_flagged: tuple[tuple[str, int], ...]

    @property
    def finished(self) -> int:
        """Documents that hold a result."""
        return sum(self.manifest.counts.get(state, 0) for state in FINISHED)

    @property
    def values(self) -> int:
        return sum(self.scores)

    @property
    def worked_on(self) -> int:
        """Documents that came to an end, whatever it was, and say how long they took."""
        return sum(self.within)


def gather(store: Store) -> Figures:
    """The figures of a run, also while it goes on. Raises InputError where it is damaged or has not begun."""
    manifest, schemas = manifest_of(store), store.schemas()
    documents = _Documents()
    for came in store.came():
        documents.add(came)
    reasons, places = _flags(store, frozenset(rule.id for schema in schemas.values() for rule in schema.rules))
    within, slowest = _times(store)
    failing, scores, doubted = _figures(store)
    return Figures(
        manifest, schemas, *store.sums(), documents.unusual, reasons, places, failing, scores, doubted, within, slowest,
        tuple(documents.dearest), tuple(documents.most_flagged),
    )  # fmt: skip


def name_of(came: Came) -> str:
    """What a person calls a document."""
    return came.names[0] if came.names else "?"


class _Documents:
    """What stands out among the documents of a run."""

    def __init__(self) -> None:
        self.unusual: Tops[tuple[State, str], Came] = Tops(NAMED)
        self.most_flagged: list[tuple[str, int]] = []
        self.dearest: list[tuple[str, Spent]] = []

    def add(self, came: Came) -> None:
        if came.state not in (State.DONE, State.WAITING, State.IN_WORK) and (came.reason or came.state not in FINISHED):
            self.unusual.add((came.state, unnumbered(came.reason)), came)
        if came.flagged and came.state in FINISHED:
            self.most_flagged = nlargest(NAMED, [*self.most_flagged, (name_of(came), came.flagged)], key=lambda one: one[1])
        if came.spent:
            spent = Book.read(came.spent).total
            self.dearest = nlargest(NAMED, [*self.dearest, (name_of(came), spent)], key=lambda one: _dearness(one[1]))


def _dearness(spent: Spent) -> tuple[float, int]:
    return float(sum(amount for _, amount in spent.costs)), spent.prompt_tokens + spent.completion_tokens


def _flags(store: Store, checks: frozenset[str]) -> tuple[Tops[str, Spot], Tops[tuple[str, str], Spot]]:
    reasons: Tops[str, Spot] = Tops()
    places: Tops[tuple[str, str], Spot] = Tops()
    for source, one in store.flagged():
        wordings = tuple(wording(reason, checks) for reason in one.reasons)
        spot = Spot(source, one.record, one.kind, one.pointer, one.reasons, wordings)
        places.add((one.kind, _NUMBER_IN_POINTER.sub("/*", one.pointer)), spot)
        for words in dict.fromkeys(wordings):
            reasons.add(words, spot)
    return reasons, places


@lru_cache(maxsize=4096)
def wording(reason: str, checks: frozenset[str] = frozenset()) -> str:
    """A reason without what differs from place to place; of a check that fails (one of those ids) only that it does."""
    named = _NAMES_CHECK.match(reason)
    if named and named[1] in checks:
        return f"the check {named[1]} fails"
    return unnumbered(reason.partition(";")[0])


def unnumbered(words: str) -> str:
    """Words without the numbers (#), quotes and places (…) in them."""
    bare = _PLACES.sub("…", _QUOTED.sub("…", words))
    return _REPEATED.sub(r"\1", _NUMBER.sub("#", bare))


def _times(store: Store) -> tuple[tuple[int, ...], tuple[tuple[str, float], ...]]:
    within = [0] * (len(UPTO_S) + 1)

    def counted() -> Iterator[tuple[str, float]]:
        for name, seconds in store.took():
            within[bisect_left(UPTO_S, seconds)] += 1
            yield name, seconds

    slowest = nlargest(NAMED, counted(), key=lambda one: one[1])
    return tuple(within), tuple(slowest)


def _figures(store: Store) -> tuple[tuple[Failing, ...], tuple[int, ...], tuple[int, ...]]:
    failing: Counter[str] = Counter()
    faults: dict[str, Counter[str]] = {}
    scores, doubted = [0] * SCORE_BINS, [0] * SCORE_BINS
    for figures in store.figures():
        failing.update(figures["failing"])
        for name, count in figures["failing"].items():
            known = figures["verdicts"].get(name, {})
            faults.setdefault(name, Counter()).update({**known, UNKNOWN: count - sum(known.values())})
        _add_up(scores, figures["scores"])
        _add_up(doubted, figures["doubted"])
    checks = (_failing(name, count, faults[name]) for name, count in failing.most_common())
    return tuple(checks), tuple(scores), tuple(doubted)


def _failing(name: str, count: int, faults: Mapping[str, int]) -> Failing:
    kind, _, id_ = name.partition(": ")
    return Failing(kind, id_, count, faults)


def _add_up(bins: list[int], more: Sequence[int]) -> None:
    for number, count in enumerate(more):
        bins[number] += count
