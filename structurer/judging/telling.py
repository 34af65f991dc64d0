"""Blame in words and numbers: what would make the sums hold, what the page says, and how the reading may have come about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from structurer.arithmetic.checks import decimal_text
from structurer.contracts.schema import Kind, Leaf
from structurer.judging.candidates import nearest
from structurer.judging.evidence import Loose, Pending
from structurer.judging.repair import fitting
from structurer.judging.suspects import LOST, Support
from structurer.localisation.reconcile import Block, Explanation, Feasible, Status
from structurer.record import Checked

MAX_CELLS = 12  # of one record that are named one by one; of more the lists they stand in are
MAX_SHOWN = 3  # figures or rivals that a sentence names
NOTHING_SMALLER = {
    Status.TOO_MANY: "too many errors to say which cells are wrong",
    Status.NO_EXPLANATION: "no cell that may be doubted explains it",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A block as one record tells it: the record and its number, the failing checks with the numbers of their records, how a suspect's
    name is split into the number of its record and its pointer, and what the record calls suspects."""

    number: int
    record: Pending
    failing: Sequence[tuple[int, Checked]]
    block: Block
    split: Callable[[str], tuple[int, str]]
    named: Callable[[Sequence[str]], tuple[str, ...]]


def explained(told: Told) -> Iterator[tuple[str, list[str]]]:
    """What a person should see of the record, by pointer, with the reasons."""
    found: dict[str, list[str]] = {}
    for explanation in told.block.explanations:
        for name in explanation.suspects:
            number, place = told.split(name)
            if number == told.number:
                found.setdefault(_shown_at(place), []).append(_sentence(told, explanation, name))
    if told.block.status is not Status.FOUND:
        own = [cell for number, checked in told.failing if number == told.number for cell in _own_cells(told.record, checked)]
        found = {place: [NOTHING_SMALLER[told.block.status]] for place in own}
    if len(found) > MAX_CELLS:
        found = {place: [f"{len(found)} cells explain the failing checks equally well"] for place in dict.fromkeys(map(_list_of, found))}
    for place, sentences in found.items():
        yield place, [*_failing_words(told, place), *sentences]


def _own_cells(record: Pending, checked: Checked) -> list[str]:
    """The values that a check names; where it names none, its blank fields, or the object that owes it."""
    cells, missing = checked.outcome.cells, checked.outcome.missing
    own = [cell for cell in cells if cell in record.values] or [cell for cell in missing if cell in record.values]
    return own or [checked.pointer]


def _failing_words(told: Told, place: str) -> Iterator[str]:
    """The failing checks that name a place; all of the record's where none does, and those of a relative."""
    own = [checked for number, checked in told.failing if number == told.number]
    naming = [checked for checked in own if any(cell == place or cell.startswith(place + "/") for cell in checked.outcome.cells)]
    for checked in naming or own:
        yield f"{checked.id}: {checked.outcome.words}"
    if not own:
        yield from (f"{checked.id} of a related record: {checked.outcome.words}" for _, checked in told.failing)


def _shown_at(place: str) -> str:
    """Where a person is to look: a row that was lost is shown at its list."""
    above, _, last = place.rpartition("/")
    return above if last == LOST else place


def _list_of(place: str) -> str:
    """The outermost list that a cell stands in, or the cell itself."""
    parts = place.split("/")
    number = next((index for index, part in enumerate(parts) if part.isdigit()), None)
    return "/".join(parts[:number]) if number else place


def _sentence(told: Told, explanation: Explanation, name: str) -> str:
    _, place = told.split(name)
    condition, page = _condition(told, explanation, name, place), _page(told, explanation, name, place)
    return f"{condition}{_together(told, explanation, name)}{_rivals(told.block)}{page}"


def _condition(told: Told, explanation: Explanation, name: str, place: str) -> str:
    checks = {1: "it", 2: "both failing checks"}.get(len(told.failing), f"all {len(told.failing)} failing checks")
    if place.endswith("/" + LOST):
        return f"{checks} would hold with a further row"
    if place not in told.record.values:
        return f"{checks} would hold without this row, which repeats another"
    wanted = explanation.feasible.get(name)
    another = "another unit" if place in told.record.other_units else "another text"
    return f"{checks} would hold if this were {in_print(told.record, place, wanted) if wanted is not None else another}"


def _together(told: Told, explanation: Explanation, name: str) -> str:
    others = told.named([other for other in explanation.suspects if other != name])
    return f" and {', '.join(others)} changed too" if others else ""


def _rivals(block: Block) -> str:
    rivals = len(block.explanations) - 1
    if not rivals:
        return "; nothing else explains it as well"
    return f"; {rivals} other {'explanation is' if rivals == 1 else 'explanations are'} as good"


def _page(told: Told, explanation: Explanation, name: str, place: str) -> str:
    """What the page says of the cell, and how its reading may have come about."""
    record, wanted = told.record, explanation.feasible.get(name)
    if place in record.other_units:
        return f"; the page prints {record.other_units[place].text} behind the figure"
    if record.layout is None or place not in record.values or wanted is None:
        return ""
    leaf, value = record.values[place]
    prints = [figure.text for figure in fitting(record, place, explanation.reach.get(name, wanted))]
    if not prints and value.text is not None and record.form.evidence.of(place).stands:
        return "; the page prints it as it was read"
    if prints:
        return f"; the page prints {', '.join(prints[:MAX_SHOWN])} there, claimed by no value"
    scale = record.figures.scales[place]
    likely = nearest(value.text or "", lambda number: number * scale in wanted) if leaf.kind.numeric else ()
    return f"; {likely[0].text!r} may have been printed: {likely[0].words}" if likely else ""


def in_print(record: Pending, place: str, wanted: Feasible) -> str:
    """A feasible range in the words and the unit of the page."""
    leaf, scale = record.values[place][0], record.figures.scales[place]
    decimals = record.figures.parsed[place].decimals
    if wanted.only is not None:
        return printed(wanted.only / scale, leaf, decimals)
    low, high = (
        None if end is None or _is_no_day(end, leaf) else printed(end / scale, leaf, decimals) for end in (wanted.low, wanted.high)
    )
    if low is not None and high is not None:
        return f"between {low} and {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else "another figure"


def _is_no_day(value: Fraction, leaf: Leaf) -> bool:
    """Whether a bound lies outside the calendar."""
    last = {Kind.DATE: date.max.toordinal(), Kind.MONTH: date.max.year * 12 + 12}.get(leaf.kind)
    return last is not None and not 1 <= value <= last


def printed(value: Fraction, leaf: Leaf, decimals: int = 0) -> str:
    """A number as a field prints it: a date as a date, a figure with the decimals of its present print."""
    if value.denominator == 1 and leaf.kind is Kind.DATE and 1 <= value <= date.max.toordinal():
        return date.fromordinal(int(value)).isoformat()
    if value.denominator == 1 and leaf.kind is Kind.MONTH:
        year, month = divmod(int(value) - 1, 12)
        return f"{year:04d}-{month + 1:02d}"
    whole, point, rest = decimal_text(value).partition(".")
    return whole + "." * (bool(point) or decimals > 0) + rest.ljust(decimals, "0")


def mended_words(records: Sequence[Pending], failing: Iterable[tuple[int, int]]) -> str:
    """Why a value was corrected."""
    checks = [records[number].checks[position] for number, position in failing]
    names = ", ".join(dict.fromkeys(checked.id for checked in checks))
    return f"{names} failed ({checks[0].outcome.words.removesuffix('.')})"


def left_words(figures: Sequence[Loose]) -> str:
    """Which figures are left."""
    shown = ", ".join(one.text for one in figures[:MAX_SHOWN])
    return f"the page prints {shown}{f' and {len(figures) - MAX_SHOWN} more' * (len(figures) > MAX_SHOWN)}, claimed by no value,"


def evidence_words(support: Mapping[str, Support], lost: Sequence[str], doubled: Sequence[str]) -> str:
    """Which cells of a failing check the page does not bear out."""
    absent = [name for name, one in support.items() if one is Support.ABSENT]
    elsewhere = [name for name, one in support.items() if one in (Support.ELSEWHERE, Support.DOUBTED)]
    parts = [
        f"{_pointers(absent)} not on the page" if absent else "",
        f"{_pointers(elsewhere)} not surely where it belongs" if elsewhere else "",
        f"a print is left over for {_pointers(lost)}" if lost else "",
        f"{_pointers(doubled)} repeats another row" if doubled else "",
    ]
    return "; ".join(part for part in parts if part)


def _pointers(names: Sequence[str]) -> str:
    shown = [name[name.find("/") :] for name in dict.fromkeys(names)]
    return ", ".join(shown[:MAX_SHOWN]) + (f" and {len(shown) - MAX_SHOWN} more" if len(shown) > MAX_SHOWN else "")
