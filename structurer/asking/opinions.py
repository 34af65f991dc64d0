"""Several readings of one form by models, made one: each leaf as most of them have it, with how many agree.

A vote proves nothing: models that were trained alike err alike. So a leaf on which they differ is decided by the checks, where one choice
lets more of them hold, and is flagged where the checks do not say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from structurer.contracts.schema import Leaf, Schema
from structurer.fold import squeeze
from structurer.judging.confront import failures
from structurer.judging.parse import parse
from structurer.record import BLANK, Extract, Extraction, leaf_pointers

MAX_TRIALS: Final = 200  # leaves tried against the checks; of more differences the rest are flagged untried


def voted(schema: Schema, readings: Sequence[Extraction]) -> Extraction:
    """One extraction of several. Readings whose lists are of other lengths have no say on the leaves, but are told of."""
    if len(readings) == 1:
        return readings[0]
    base = _base(schema, readings)
    heard = [reading for reading in readings if _lengths(reading) == _lengths(base)]
    leaves = dict(base.leaves)
    split: dict[str, list[Extract]] = {}
    for place, leaf in leaf_pointers(schema, base.rows):
        choices = _choices(leaf, [reading.leaves.get(place, BLANK) for reading in heard])
        leaves[place] = replace(choices[0][0], agreement=(choices[0][1], len(heard)))
        if len(choices) > 1:
            split[place] = [choice for choice, _ in choices]
    doubts = {**base.doubts, **_doubts_of_rows(base, readings)}
    whole = replace(base, reader="+".join(dict.fromkeys(reading.reader for reading in readings)), leaves=leaves, doubts=doubts)
    return _decided(schema, whole, split, len(heard))


def _base(schema: Schema, readings: Sequence[Extraction]) -> Extraction:
    """The reading whose lists are as long as most have them; of several such, the one whose checks fail least."""
    lengths = Counter(_lengths(reading) for reading in readings)
    most = max(lengths.values())
    return min((reading for reading in readings if lengths[_lengths(reading)] == most), key=lambda reading: failures(schema, reading))


def _lengths(reading: Extraction) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((place, count) for place, count in reading.rows.items() if count))


def _choices(leaf: Leaf, extracts: Sequence[Extract]) -> list[tuple[Extract, int]]:
    """The different values, each with how many read it: the most frequent first, of equal ones the earlier."""
    votes: Counter[str] = Counter()
    first: dict[str, Extract] = {}
    for extract in extracts:
        meant = _meant(leaf, extract.text)
        votes[meant] += 1
        first.setdefault(meant, extract)
    return [(first[meant], count) for meant, count in votes.most_common()]


def _meant(leaf: Leaf, text: str | None) -> str:
    """What a print says, however it is written: readings differ only if this does."""
    found = parse(text, leaf.kind, leaf.choices)
    return f"{found.number} {found.scale} {found.error}" if leaf.kind.numeric else squeeze(str(found.value or ""))


def _doubts_of_rows(base: Extraction, readings: Sequence[Extraction]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for place in dict.fromkeys(place for reading in readings for place in reading.rows):
        counts = [reading.rows.get(place, 0) for reading in readings]
        if len(set(counts)) > 1:
            words = f"{len(readings)} readings differ in their rows: {', '.join(map(str, counts))}"
            found[place] = (*base.doubts.get(place, ()), words)
    return found


def _decided(schema: Schema, whole: Extraction, split: Mapping[str, Sequence[Extract]], voters: int) -> Extraction:
    """The leaves on which readings differ, each in turn: the value with which fewest checks fail."""
    failing, trials = failures(schema, whole), 0
    for place, choices in split.items():
        outcomes = [failing]
        for other in choices[1:]:
            trials += 1
            swapped = replace(whole, leaves={**whole.leaves, place: other})
            outcomes.append(failures(schema, swapped) if trials <= MAX_TRIALS else failing)
        best = min(range(len(choices)), key=outcomes.__getitem__)
        decided = outcomes.count(outcomes[best]) == 1
        failing = outcomes[best]
        whole = replace(whole, leaves={**whole.leaves, place: _marked(whole.leaves[place], choices, best, voters, decided)})
    return whole


def _marked(leaf: Extract, choices: Sequence[Extract], best: int, voters: int, decided: bool) -> Extract:
    """The chosen value with the others beside it; a doubt where no check chose it."""
    agreement = leaf.agreement if best == 0 else (1, voters)
    words = f"{voters} readings differ: {' / '.join('blank' if one.text is None else repr(one.text[:40]) for one in choices)}"
    chosen = choices[best]
    doubts = chosen.doubts if decided else (*chosen.doubts, words)
    return replace(chosen, alternatives=tuple(one.text for one in choices), doubts=doubts, agreement=agreement)
