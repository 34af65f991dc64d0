"""What the checks across records came to over a whole run: how many hold, which fail, and which records lack the partner they name.

Schemas relate records of one document (`x-related`); the outcomes stand among each record's checks. Who lacks a partner is asked of
`kinship` again and not read off the outcomes: a check that is not applicable may have found its partner with the field blank. Memory is
flat: counts, and the first of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from structurer.contracts.schema import Schema
from structurer.judging.confront import owed
from structurer.judging.kinship import Relative, kin_of
from structurer.record import Record, Verdict, leaf_pointers

MAX_LISTED: Final = 50  # of the failed checks, and of the records without a partner


@dataclass(frozen=True, slots=True)
class Failed:
    """A check across records that fails: the record it stands in (`source`, `index`), the rule's `id`, the check in words and numbers, and
    whose fault it is where that was judged."""

    source: str
    index: int
    id: str
    words: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A record (`source`, `index`) whose document holds records of `partner`, a kind it is related to by name, but none for it."""

    source: str
    index: int
    kind: str
    partner: str


@dataclass(frozen=True, slots=True)
class Across:
    """The checks across records of a run. The counts are exact; of `failed` and `unpaired` the first MAX_LISTED are listed."""

    held: int = 0
    failed: tuple[Failed, ...] = ()
    failed_count: int = 0
    unpaired: tuple[Unpaired, ...] = ()
    unpaired_count: int = 0


class Relations:
    """Collects what came of the checks across records, document by document. Records of a kind without a schema here are passed over."""

    def __init__(self, schemas: Sequence[Schema] = ()) -> None:
        self._schemas = {schema.kind: schema for schema in schemas}
        self._held = self._failed_count = self._unpaired_count = 0
        self._failed: list[Failed] = []
        self._unpaired: list[Unpaired] = []

    def add(self, records: Sequence[Record]) -> None:
        """All records of one document."""
        for record in records:
            self._add_checks(record)
        for unpaired in self._without_partner(records):
            self._unpaired_count += 1
            if len(self._unpaired) < MAX_LISTED:
                self._unpaired.append(unpaired)

    def merge(self, other: Across) -> None:
        """What came of other documents."""
        self._held += other.held
        self._failed_count += other.failed_count
        self._unpaired_count += other.unpaired_count
        self._failed += other.failed[: MAX_LISTED - len(self._failed)]
        self._unpaired += other.unpaired[: MAX_LISTED - len(self._unpaired)]

    def conclude(self) -> Across:
        """What is known so far."""
        return Across(self._held, tuple(self._failed), self._failed_count, tuple(self._unpaired), self._unpaired_count)

    def _add_checks(self, record: Record) -> None:
        schema = self._schemas.get(record.kind)
        if schema is None or not schema.related:
            return
        across = {(rule.id, place) for rule, place in owed(schema, record.rows, across=True)}
        for checked in record.checks:
            if (checked.id, checked.pointer) in across:
                self._held += checked.holds is True
                self._failed_count += checked.holds is False
                if checked.holds is False and len(self._failed) < MAX_LISTED:
                    words = f"{checked.says}: {checked.outcome.words}" if checked.says else checked.outcome.words
                    self._failed.append(Failed(record.source, record.index, checked.id, words, checked.verdict))

    def _without_partner(self, records: Sequence[Record]) -> Iterator[Unpaired]:
        known = [record for record in records if record.kind in self._schemas]
        kinds = {record.kind for record in known}
        if not any(related.by and related.kind in kinds for kind in kinds for _, related in self._schemas[kind].related):
            return
        for record, kin in zip(known, kin_of([_relative(record, self._schemas[record.kind]) for record in known]), strict=True):
            for alias, related in self._schemas[record.kind].related:
                if related.kind in kinds and alias not in kin:
                    yield Unpaired(record.source, record.index, record.kind, related.kind)


def _relative(record: Record, schema: Schema) -> Relative:
    """A finished record as `kinship` saw it when its checks were confronted."""
    leaves = {place: (leaf, record.leaves[place]) for place, leaf in leaf_pointers(schema, record.rows) if place in record.leaves}
    return Relative(schema, leaves, record.start)
