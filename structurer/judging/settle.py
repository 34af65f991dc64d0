"""Two readings of one form, made one: where they agree, stronger; where they differ, checks and grounding decide, or a person does.

Neither reading is believed over the other. A list of other length is taken whole from the reading whose checks close; a leaf from the
reading that makes fewer checks fail, then from the one that the page bears out. What neither settles keeps both, and is flagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from structurer.contracts.schema import Leaf, Schema
from structurer.fold import squeeze
from structurer.judging.confront import failures, lists_of
from structurer.judging.parse import parse
from structurer.record import BLANK, Extract, Extraction, Match, leaf_pointers, pointer, shown

_T = TypeVar("_T")
MOSTLY = 0.4  # of the values that either reading has
MAX_TRIALS = 200  # leaves tried against the checks; more differences than that are flagged untried


def settle(schema: Schema, first: Extraction, second: Extraction, matches: Mapping[str, Match]) -> Extraction:
    """One extraction of two. `matches` say how the first reading's values were found on the page (the second knows its own places)."""
    base, doubts = _same_shape(schema, first, second)
    trial = _Trial(schema, base, second)
    leaves: dict[str, Extract] = {}
    for place, leaf in leaf_pointers(schema, base.rows):
        mine, theirs = base.leaves.get(place, BLANK), second.leaves.get(place)
        if theirs is None or place.startswith(tuple(f"{taken}/" for taken in doubts)):
            leaves[place] = mine
        elif _agree(leaf, mine.text, theirs.text):
            leaves[place] = mine if mine.spans or not theirs.spans else replace(mine, spans=theirs.spans)
        else:
            instead = trial.failing_with(place, theirs)
            leaves[place] = _decide(mine, theirs, matches.get(place, Match.NONE), trial.failing, instead, sure=not trial.apart)
    merged = {**base.doubts, **doubts}
    return Extraction(base.kind, f"{first.reader}+{second.reader}", leaves, base.rows, merged, second.explained)


class _Trial:
    """What differing values come to before the checks; readings that agree everywhere need none of it."""

    def __init__(self, schema: Schema, base: Extraction, second: Extraction) -> None:
        self.schema, self.base, self.second = schema, base, second
        self.trials = 0

    @cached_property
    def failing(self) -> int:
        return failures(self.schema, self.base)

    @cached_property
    def apart(self) -> bool:
        return _apart(self.schema, self.base, self.second)

    def failing_with(self, place: str, theirs: Extract) -> int:
        """How many checks fail with another value in one place; after too many trials as many as without."""
        self.trials += 1
        if self.trials > MAX_TRIALS:
            return self.failing
        return failures(self.schema, replace(self.base, leaves={**self.base.leaves, place: theirs}))


def _same_shape(schema: Schema, first: Extraction, second: Extraction) -> tuple[Extraction, dict[str, tuple[str, ...]]]:
    """The first reading, with each outermost list of other length taken from the reading whose checks fail less."""
    base = first
    doubts: dict[str, tuple[str, ...]] = {}
    for node in (rows for rows in lists_of(schema.root) if "*" not in rows.path):
        place = pointer(*node.path)
        if _shape(first, place) == _shape(second, place):
            continue
        swapped = _with_list(base, second, place)
        mine, theirs = failures(schema, base), failures(schema, swapped)
        counts = f"{first.reader} reads {first.rows.get(place, 0)} rows, {second.reader} {second.rows.get(place, 0)}"
        base = swapped if theirs < mine or (theirs == mine and not first.rows.get(place)) else base  # nothing read proves nothing
        doubts[place] = (*base.doubts.get(place, ()), f"the readings differ in their rows: {counts}")
    return base, doubts


def _shape(extraction: Extraction, place: str) -> dict[str, int]:
    return {key: count for key, count in extraction.rows.items() if (key == place or key.startswith(place + "/")) and count}


def _with_list(base: Extraction, source: Extraction, place: str) -> Extraction:
    def inside(key: str) -> bool:
        return key == place or key.startswith(place + "/")

    def merged(mine: Mapping[str, _T], theirs: Mapping[str, _T]) -> dict[str, _T]:
        kept = {key: found for key, found in mine.items() if not inside(key)}
        return kept | {key: found for key, found in theirs.items() if inside(key)}

    return replace(
        base,
        leaves=merged(base.leaves, source.leaves),
        rows=merged(base.rows, source.rows),
        doubts=merged(base.doubts, source.doubts),
    )


def _agree(leaf: Leaf, mine: str | None, theirs: str | None) -> bool:
    if mine == theirs:
        return True
    left, right = parse(mine, leaf.kind, leaf.choices), parse(theirs, leaf.kind, leaf.choices)
    if leaf.kind.numeric:
        units = {left.scale, right.scale} - {None}
        return left.number == right.number and left.error == right.error and len(units) < 2
    return squeeze(str(left.value or "")) == squeeze(str(right.value or ""))


def _apart(schema: Schema, first: Extraction, second: Extraction) -> bool:
    """Whether the readings differ so often that one of them is worth nothing: then a check that one value makes hold holds by chance."""
    pairs = [
        (leaf, first.leaves.get(place, BLANK).text, second.leaves[place].text)
        for place, leaf in leaf_pointers(schema, first.rows)
        if place in second.leaves
    ]
    read = [(leaf, mine, theirs) for leaf, mine, theirs in pairs if mine is not None or theirs is not None]
    return sum(not _agree(*pair) for pair in read) > MOSTLY * len(read)


def _decide(mine: Extract, theirs: Extract, match: Match, failing: int, instead: int, *, sure: bool) -> Extract:
    """One leaf of two that differ: `failing` checks fail with the first reading's, `instead` with the second's, which decides it for `sure`
    or with a doubt."""
    words = f"the readings differ: {shown(mine.text)} and {shown(theirs.text)}"
    both = (mine.text, theirs.text)
    if instead != failing:
        chosen = theirs if instead < failing else mine
        return replace(chosen, alternatives=both, doubts=chosen.doubts if sure else (*chosen.doubts, words))
    if match is Match.NONE and mine.text is not None and theirs.text is not None:
        return replace(theirs, alternatives=both, doubts=(*theirs.doubts, words))
    return replace(mine, alternatives=both, doubts=(*mine.doubts, words))
