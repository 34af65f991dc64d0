"""Corrections that the page confirms, and nothing else: a doubted cell takes the figure of the page that no value claims, if just one fits.

A derived value is never written: "the sums would want 7" is shown. A document's own errors are as often mended by a derived value as a
reader's are; a figure that the page prints where the cell belongs, and that nobody claims, is what the reader missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from structurer.arithmetic.checks import Quantity
from structurer.judging.confront import figures, joined, last_place
from structurer.judging.evidence import Loose, Pending, fits
from structurer.judging.parse import parse
from structurer.localisation.reconcile import Feasible
from structurer.record import Correction, Match, Value

BY_PAGE = "page"  # who corrected a value: an unclaimed print of its place
BY_SECOND_LOOK = "second look"  # ... or the recogniser, which read the same print otherwise when it looked again
BY_SECOND_READING = "second reading"  # ... or a model that was asked again and named an unclaimed print
_UNCLAIMED = "the page prints this figure there, and no value claimed it"
_CONFIRMED = {BY_SECOND_LOOK: "the recogniser saw this figure there when it looked again"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A figure of the page for a doubted cell; `by` says who found it, `alternatives` what else would have fitted."""

    place: str
    figure: Loose
    by: str = BY_PAGE
    alternatives: tuple[str, ...] = ()


def fitting(pending: Pending, place: str, wanted: Feasible) -> tuple[Loose, ...]:
    """The unclaimed figures where a cell belongs that may be its print, also together with the piece of it that was read: those within the
    feasible range, or within one unit in their own last place, because the range was reckoned with the decimals of the doubted print."""
    leaf, scale = pending.values[place][0], pending.figures.scales[place]
    found = []
    for figure in (*pending.loose_at(place), *pending.joined_at(place), *pending.seconds.get(place, ())):
        read = parse(figure.text, leaf.kind, leaf.choices)
        room = last_place(read.decimals, read.scale or scale)
        if pending.windows.in_order(place, figure.start) and fits(figure.text, leaf, scale, wanted.widened(room)):
            found.append(figure)
    return tuple(found)


def proposal(pending: Pending, place: str, wanted: Feasible) -> Proposal | None:
    """The one unclaimed figure that fits a cell whose present value the page does not bear out. Of several that differ the one that another
    reading of the place says, if there is one; else None."""
    if pending.layout is None or place not in pending.values or pending.form.evidence.of(place).stands:
        return None
    leaf, value = pending.values[place]
    numbers = {figure: parse(figure.text, leaf.kind, leaf.choices).number for figure in fitting(pending, place, wanted)}
    if len(set(numbers.values())) > 1:
        said = {parse(text, leaf.kind, leaf.choices).number for text in value.alternatives if text is not None}
        numbers = {figure: number for figure, number in numbers.items() if number in said}
    others = tuple(dict.fromkeys(figure.text for figure in numbers))[1:]
    if len(set(numbers.values())) != 1:
        return None
    figure = next(iter(numbers))
    return Proposal(place, figure, BY_SECOND_LOOK if figure in pending.seconds.get(place, ()) else BY_PAGE, others)


def corrected(pending: Pending, taken: Sequence[Proposal], reason: str) -> Pending:
    """The record with its cells corrected. Its checks are those from before: the caller confronts it anew."""
    values = dict(pending.values)
    for one in taken:
        leaf, value = values[one.place]
        values[one.place] = leaf, _taken(pending, value, one, reason)
    known = {place: parsed for place, parsed in pending.figures.parsed.items() if values[place] is pending.values[place]}
    read = figures(pending.schema, {place: value.text for place, (_, value) in values.items()}, pending.rows, known)
    cells = read.facts.cells
    anew = {place: (leaf, _reread(value, read.parsed[place].value, cells.get(place))) for place, (leaf, value) in values.items()}
    placed = None if pending.placed is None else pending.placed | {one.place for one in taken}
    changed = replace(
        pending, values=anew, figures=replace(read, facts=joined(pending.schema, read.facts)), placed=placed, about=frozenset()
    )
    about = {one.place for one in taken if changed.is_about(one.place)}
    return replace(changed, about=pending.approximate - {one.place for one in taken} | about)


def _taken(pending: Pending, value: Value, one: Proposal, reason: str) -> Value:
    return replace(
        value,
        text=one.figure.text,
        spans=pending.locate(one.figure.start, one.figure.end),
        match=Match.FUZZY if one.by == BY_SECOND_LOOK else Match.EXACT,
        error=None,
        doubts=(),
        alternatives=(),
        correction=Correction(value.text, value.value, one.by, f"{reason}; {_CONFIRMED.get(one.by, _UNCLAIMED)}", one.alternatives),
    )


def _reread(value: Value, canonical: str | int | None, quantity: Quantity | None) -> Value:
    """A value as it is now: a corrected unit changes the figures that are printed in it."""
    unchanged = value.value == canonical and value.quantity == quantity
    return value if unchanged else replace(value, value=canonical, quantity=quantity)
