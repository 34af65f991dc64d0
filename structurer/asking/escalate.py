"""Flagged cells shown to a stronger model: what its answers change, and what they do not.

An answer is a third reading, not the truth. It lifts a doubt between readings where it agrees with what stands; it replaces a value only
where the page prints the answer in that place, no other value claims the print, and the value that stands is not borne out or its checks
fail. Anything else is shown beside the value. A value that a check proves is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from structurer.contracts.schema import Leaf
from structurer.fold import squeeze
from structurer.judging.evidence import Loose, Pending
from structurer.judging.parse import parse
from structurer.judging.repair import Proposal, corrected
from structurer.record import Match, Record, Value


def flagged(record: Record) -> tuple[str, ...]:
    """The cells of a record that a person would be shown and that no check proves."""
    return tuple(one.pointer for one in record.review if one.pointer in record.leaves and not record.leaves[one.pointer].pinned)


def enlightened(pending: Pending, answers: Mapping[str, str | None], name: str) -> Pending:
    """The record in the light of a stronger model's answers, by pointer. Its checks are those from before: the caller confronts it anew."""
    failing = {cell for checked in pending.checks if checked.holds is False for cell in checked.outcome.cells}
    taken, values = list[Proposal](), dict(pending.values)
    for place, answer in answers.items():
        leaf, value = values[place]
        if _same(leaf, value.text, answer):
            values[place] = leaf, replace(value, doubts=())
        elif (print_ := _print(pending, place, answer)) is not None and (place in failing or not _stands(value)):
            taken.append(Proposal(place, print_, by=f"model:{name}"))
        else:
            values[place] = leaf, _beside(value, answer, name)
    lit = replace(pending, values=values)
    return corrected(lit, taken, f"model {name} reads it so, and the page prints it there") if taken else lit


def _same(leaf: Leaf, mine: str | None, theirs: str | None) -> bool:
    left, right = (parse(text, leaf.kind, leaf.choices) for text in (mine, theirs))
    if leaf.kind.numeric and left.number is not None:
        return left.number == right.number and left.scale == right.scale
    return squeeze(mine or "") == squeeze(theirs or "")


def _print(pending: Pending, place: str, answer: str | None) -> Loose | None:
    """Where the page prints an answer in the place of the cell, unclaimed."""
    found = pending.unclaimed(place, answer) if answer and answer.strip() else None
    return replace(found, text=answer.strip()) if found is not None and answer else None


def _stands(value: Value) -> bool:
    return value.text is not None and value.match in (Match.EXACT, Match.NORMALISED)


def _beside(value: Value, answer: str | None, name: str) -> Value:
    said = "finds nothing printed there" if answer is None else f"reads {answer[:40]!r}"
    return replace(
        value, doubts=(*value.doubts, f"model {name} {said}"), alternatives=tuple(dict.fromkeys((*value.alternatives, answer)))
    )  # fmt: skip
