"""Which records of one document belong together: those that a schema's `x-related` names, all of a kind or the one of the same name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from structurer.contracts.schema import Leaf, Related, Schema
from structurer.fold import squeeze
from structurer.record import Value, pointer

MIN_LIKENESS = 0.5  # of two names of one project: reports shorten and extend them
_NUMBER = re.compile(r"\d+")
CONTAINED = 0.9  # likeness of a name that holds the other whole


@dataclass(frozen=True, slots=True)
class Relative:
    """A record as its relatives see it: its kind and names; `start` is where it stands in the document."""

    schema: Schema
    values: Mapping[str, tuple[Leaf, Value]]
    start: int = 0


Kin = Mapping[str, int | list[int]]  # by alias: the number of one record, or of all of a kind


def kin_of(records: Sequence[Relative]) -> list[Kin]:
    """For each record the numbers of its relatives by alias; a partner of the same name that is not there has no entry."""
    found: list[dict[str, int | list[int]]] = [{} for _ in records]
    for schema in dict.fromkeys(record.schema for record in records):
        own = [number for number, record in enumerate(records) if record.schema is schema]
        for alias, related in schema.related:
            if related.by is None:
                others = [number for number, record in enumerate(records) if record.schema.kind == related.kind]
                for number in own:
                    found[number][alias] = others
            else:
                for number, partner in _pairs(records, schema, related).items():
                    found[number][alias] = partner
    return list(found)


def _pairs(records: Sequence[Relative], schema: Schema, related: Related) -> dict[int, int]:
    """Records of one kind paired with those of another, one to one: the likest names first, the nearest on the page among equals."""
    ours = [number for number, one in enumerate(records) if one.schema is schema]
    theirs = [number for number, one in enumerate(records) if one.schema.kind == related.kind]
    names = {number: _name(records[number], related.by or "") for number in {*ours, *theirs}}
    pairs = sorted(
        (-_likeness(names[one], names[other]), abs(records[other].start - records[one].start), one, other)
        for one in ours
        for other in theirs
        if one != other
    )
    taken: dict[int, int] = {}
    paired: set[int] = set()
    for likeness, _, one, other in pairs:
        if -likeness >= MIN_LIKENESS and one not in taken and other not in paired:
            taken[one] = other
            paired.add(other)
    return taken


def _name(record: Relative, by: str) -> str:
    found = record.values.get(pointer(by))
    return squeeze(str(found[1].value or "")) if found else ""


def _likeness(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    mine, theirs = set(_NUMBER.findall(one)), set(_NUMBER.findall(other))
    if mine and theirs and not (mine <= theirs or theirs <= mine):  # other numbers, or years: another order, another phase
        return 0.0
    alike = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return max(alike, CONTAINED) if one in other or other in one else alike
