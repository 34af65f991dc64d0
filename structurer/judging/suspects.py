"""Who may be doubted when checks fail, and at what cost: every cell that a check reads, a row that may be lost, a row read twice.

The cost is a reliability weight (Fellegi and Holt 1976) from evidence: how the value stands on the page. The figures are rounded
log-odds: ten to one between neighbouring grades of evidence, and they only ever matter against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import cache, partial
from math import log10

from structurer.arithmetic.checks import STAR, decimal_text, paths
from structurer.contracts.schema import Kind, Leaf, Rows, Rule, Schema, walk
from structurer.judging.candidates import is_slip
from structurer.judging.confront import PRINTED_IN_DECIMALS, Figures, column_of, last_place, lists_of, owed, unit_of
from structurer.localisation.reconcile import WEIGHT, Feasible, Owed, Problem, Suspect
from structurer.record import expanded, leaf_pointers, pointer


class Support(Enum):
    """How a value stands on the page."""

    CONFIRMED = "confirmed"  # a person has seen it
    AGREED = "agreed"  # it is printed where it belongs, and two readers say so
    PLACED = "placed"  # it is printed where it belongs
    DOUBTED = "doubted"  # it is printed there, but its reader was unsure, another reads otherwise, or it is no figure or a piece of one
    ELSEWHERE = "elsewhere"  # it is printed, but not where it belongs, or another value claims that print
    UNKNOWN = "unknown"  # there is no page to ask
    ABSENT = "absent"  # the page does not print it

    @property
    def stands(self) -> bool:
        """Whether the page bears the value out."""
        return self in (Support.CONFIRMED, Support.AGREED, Support.PLACED)


COST: Mapping[Support, int | None] = {
    Support.CONFIRMED: None,  # never doubted
    Support.AGREED: 120,
    Support.PLACED: 100,
    Support.DOUBTED: 30,
    Support.ELSEWHERE: 30,
    Support.UNKNOWN: WEIGHT,
    Support.ABSENT: WEIGHT,
}
CENT = Fraction(1, 100)  # the grid of a column that prints nothing
WORDS = frozenset({Kind.TEXT, Kind.CODE, Kind.UNIT})  # fields that no sum reads
LOST = "-"  # the name of a row that a list may have lost: in JSON pointers the element behind the last (RFC 6901)
ODD = 2  # less than otherwise: a figure printed with other decimals than all others of its column
SURE = 0.999  # confidence of a recogniser that is as good as certain
FEW = 4  # prints of a range that are looked at one by one
UNLIKELY, UNREPEATED = 1, 1  # more: see _surprise
UNREADABLE = 5  # a print that is none of its kind: it is wrong in any case
BLANK = 10  # a blank cell that may have been printed: as a figure of which nothing is known
GAP = 8  # a blank in a column that is full but for it: less
LOST_ROW = 15  # less than two cells
DOUBLED_ROW = 8  # less than one cell: two rows alike in everything are odd in themselves
UNPRINTED = 400  # more than several cells: a blank, or a row, for which the page has no figure left
UNPRINTED_GAP = 60  # ... a blank in a column that is full but for it: its figure may be claimed by a neighbour
LEFT = 30  # a figure that stands where it belongs, while the page has another one left there that would fit
FULL = Fraction(2, 3)  # of the other rows: a column filled so far is full


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the page says: the support of each value by pointer, and the lowest confidence of a recogniser in its characters, in [0, 1].

    `doubtful` are the pointers of rows whose values do not all stand where they belong, `units` those of units other than the page prints
    behind their figures, `longer` those of lists of which another reading has more rows. `prints` tells how many of the figures that no
    value claims may be the print of a cell (its pointer, or that of the list whose row was lost) within a range, in units of a scale,
    `left` whether there is any where a cell belongs; None where there is no page to ask.
    """

    support: Mapping[str, Support] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    longer: frozenset[str] = frozenset()
    prints: Callable[[str, Leaf, int, Feasible], int] | None = None
    left: Callable[[str], bool] | None = None

    def has_left(self, place: str) -> bool:
        """Whether the page has a figure that no value claims where a cell belongs."""
        return self.left is not None and self.left(place)

    def of(self, place: str) -> Support:
        """The support of one value."""
        return self.support.get(place, Support.UNKNOWN if self.prints is None else Support.ABSENT)


NOTHING_KNOWN = Evidence()


@dataclass(frozen=True, slots=True)
class Form:
    """One record as a problem: what it says, and what the page says of it."""

    schema: Schema
    figures: Figures
    evidence: Evidence = NOTHING_KNOWN


def problem(form: Form, named: frozenset[tuple[str, ...]] = frozenset()) -> Problem:
    """The record, the checks it owes within itself, and who may be doubted. `named` are fields of it that checks of its relatives name."""
    more_rows = dict.fromkeys(_summed_lists(form), (LOST,))
    checks = tuple(Owed(rule.check, place, rule.requires) for rule, place in _owed(form, more_rows))
    return Problem(form.figures.facts, checks, tuple(_suspects(form, more_rows, named)), more_rows)


def _owed(form: Form, more_rows: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[Rule, str]]:
    yield from owed(form.schema, form.figures.facts.rows)
    for rule in form.schema.rules:
        if rule.scope and rule.scope[-1] == "*":
            for place in expanded(rule.scope[:-1], form.figures.facts.rows):
                if place in more_rows:
                    yield rule, f"{place}/{LOST}"


def _summed_lists(form: Form) -> Iterator[str]:
    """The lists of a record over whose rows a check adds up or counts: where a lost row would show."""
    summed = _summed(form.schema)
    for rows in lists_of(form.schema.root):
        if rows.path in summed:
            yield from expanded(rows.path, form.figures.facts.rows)


@cache
def _summed(schema: Schema) -> frozenset[tuple[str, ...]]:
    found = set()
    for rule in schema.rules:
        for path in paths(rule.check):
            parts = path.parts if path.absolute else (*rule.scope, *path.parts)
            stars = [number for number, part in enumerate(path.parts, len(parts) - len(path.parts)) if part is STAR]
            found |= {tuple("*" if part is STAR else str(part) for part in parts[:number]) for number in stars}
    return frozenset(found)


# -- suspects ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """The figures printed in one column: their places with the decimals of each, and whether one is negative."""

    decimals: Mapping[str, int]
    counts: Mapping[int, int]  # of places by their decimals
    signed: bool

    def is_odd(self, place: str, value: Fraction) -> bool:
        """Whether the place has other decimals than all others, which agree; further zeros are nothing odd."""
        others = self._of_others(place)
        if len(self.decimals) < 3 or len(others) != 1:
            return False
        return self.decimals[place] < others[0] or bool(value * 10 ** others[0] % 1)

    def longest_without(self, place: str) -> int | None:
        """The most decimals of the others, where the place alone has more."""
        most = max(self._of_others(place), default=None)
        return most if most is not None and most < self.decimals[place] else None

    def _of_others(self, place: str) -> list[int]:
        own = self.decimals[place]
        return [decimals for decimals, count in self.counts.items() if count > (decimals == own)]


def _suspects(form: Form, more_rows: Mapping[str, tuple[str, ...]], named: frozenset[tuple[str, ...]]) -> Iterator[Suspect]:
    facts = form.figures.facts
    texts = _named(form.schema) | named
    leaves = [(place, leaf) for place, leaf in leaf_pointers(form.schema, facts.rows) if leaf.kind not in WORDS or leaf.path in texts]
    filled = Counter(leaf.path for place, leaf in leaves if place in facts.cells)
    columns = _columns(form, leaves)
    for place, leaf in leaves:
        if place not in facts.cells:
            if form.figures.parsed[place].error is not None:
                yield Suspect(place, UNREADABLE, (place,), _steps(form, place, leaf), whole=_is_whole(leaf), certain=True)
            elif leaf.kind not in WORDS:
                yield _blank(form, place, leaf, filled)
        elif facts.cells[place].value is None:
            yield Suspect(place, _cost(form, place), (place,))
        else:
            yield _figure(form, place, leaf, columns[column_of(leaf)])
    yield from _units(form)
    for rows in lists_of(form.schema.root):
        for place in expanded(rows.path, facts.rows):
            if place in more_rows:
                yield _lost_row(form, rows, place)
            yield from _doubled_rows(form, rows, place)


@cache
def _named(schema: Schema) -> frozenset[tuple[str, ...]]:
    """The fields that the checks of a record name, as `Leaf.path`; under an alias those of its relatives."""
    return frozenset(
        tuple("*" if part is STAR else str(part) for part in (path.parts if path.absolute else (*rule.scope, *path.parts)))
        for rule in schema.rules
        for path in paths(rule.check)
    )


def named_of(schema: Schema, alias: str, *, many: bool) -> frozenset[tuple[str, ...]]:
    """The fields that its checks name of the relatives under an alias, which is a list of `many` or one record."""
    return frozenset(path[1 + many :] for path in _named(schema) if path[0] == alias)


def _columns(form: Form, leaves: list[tuple[str, Leaf]]) -> dict[tuple[str, ...], _Column]:
    decimals: dict[tuple[str, ...], dict[str, int]] = {}
    signed = set()
    for place, leaf in leaves:
        quantity = form.figures.facts.cells.get(place)
        if quantity is not None and quantity.value is not None:
            decimals.setdefault(column_of(leaf), {})[place] = form.figures.parsed[place].decimals
            signed |= {column_of(leaf)} if quantity.value < 0 else set()
    return {column: _Column(found, Counter(found.values()), column in signed) for column, found in decimals.items()}


def _figure(form: Form, place: str, leaf: Leaf, column: _Column) -> Suspect:
    whole = _is_whole(leaf)
    weight = _cost(form, place)
    has_left = weight is not None and weight > LEFT and form.evidence.has_left(place)
    ulps: dict[str, Fraction] = {}
    if not whole and len(column.counts) > 1:
        if weight is not None and column.is_odd(place, form.figures.parsed[place].number or Fraction(0)):
            weight -= ODD
        longest = column.longest_without(place)
        ulps = {} if longest is None else {other: last_place(longest, form.figures.scales[other]) for other in column.decimals}
    return Suspect(
        place, weight, (place,), {place: ulps[place]} if ulps else _steps(form, place, leaf), whole=whole, signed=column.signed, ulps=ulps,
        certain=form.evidence.of(place) is Support.ABSENT, surprise=partial(_surprise, form, place, column),
        relieved=partial(_relieved, form, place, leaf) if has_left else None,
    )  # fmt: skip


def _surprise(form: Form, place: str, column: _Column, ranges: Mapping[str, Feasible]) -> int:
    """How odd it would be that the cell should be one of the wanted values: that no common slip made its print of one, and that none of
    them is printed again in its row, as figures of forms often are."""
    wanted = ranges[place]
    return UNLIKELY * (not _is_slip(form, place, column, wanted)) + UNREPEATED * (not _is_repeated(form, place, wanted))


def _relieved(form: Form, place: str, leaf: Leaf, ranges: Mapping[str, Feasible]) -> int | None:
    """What doubting a figure costs that stands where it belongs, if the page has another one left there that would mend a check."""
    prints = form.evidence.prints
    return LEFT if prints is not None and prints(place, leaf, form.figures.scales[place], ranges[place]) else None


def _is_slip(form: Form, place: str, column: _Column, wanted: Feasible) -> bool:
    """Whether the eye, the scanner or the typist may have made the print of a wanted value, or copied it from its column."""
    facts, found = form.figures.facts, form.figures.parsed[place]
    own = facts.cells[place].value
    if any(facts.cells[other].value == own for other in column.decimals if other != place):
        return True
    values = _few(wanted, facts.cells[place].ulp)
    return values is None or any(is_slip(str(found.value), _print(value / form.figures.scales[place], found.decimals)) for value in values)


def _few(wanted: Feasible, ulp: Fraction) -> list[Fraction] | None:
    """The prints of a range, where those are few."""
    if wanted.low is None or wanted.high is None or wanted.high - wanted.low > FEW * ulp:
        return None
    return [wanted.low + number * ulp for number in range(int((wanted.high - wanted.low) / ulp) + 1)] if ulp else [wanted.low]


def _print(value: Fraction, decimals: int) -> str:
    """A number with at least so many decimals."""
    whole, _, rest = decimal_text(value).partition(".")
    return whole + "." * (decimals > 0 or bool(rest)) + rest.ljust(decimals, "0")


def _is_repeated(form: Form, place: str, wanted: Feasible) -> bool:
    row = place.rpartition("/")[0]
    beside = [quantity.value for other, quantity in form.figures.facts.cells.items() if other != place and other.rpartition("/")[0] == row]
    return any(value in wanted for value in beside if value is not None)


def _cost(form: Form, place: str) -> int | None:
    """What doubting a printed value costs: less where a recogniser was not sure of its characters, by the logarithm of its doubt."""
    cost, sure = COST[form.evidence.of(place)], form.evidence.confidence.get(place, 1.0)
    if cost is None or sure >= SURE:
        return cost
    return max(WEIGHT, round(cost * log10(1 - sure) / log10(1 - SURE)))


def _is_whole(leaf: Leaf) -> bool:
    """Whether the values of a field are counted in units: years, days, pieces."""
    return leaf.kind not in PRINTED_IN_DECIMALS


def _steps(form: Form, place: str, leaf: Leaf) -> dict[str, Fraction]:
    """The grid that a figure is printed on: one unit in the last place of its column; a calculation is on none."""
    if leaf.kind is Kind.EXPRESSION:
        return {}
    quantity = form.figures.facts.cells.get(place)
    if quantity is not None:
        return {place: quantity.ulp} if quantity.ulp else {}
    if _is_whole(leaf):
        return {place: Fraction(1)}
    return {place: form.figures.ulps.get(column_of(leaf), CENT)}


def _blank(form: Form, place: str, leaf: Leaf, filled: Mapping[tuple[str, ...], int]) -> Suspect:
    """A blank that may have been printed."""
    others = sum(1 for _ in expanded(leaf.path, form.figures.facts.rows)) - 1 if "*" in leaf.path else 0
    gap = others > 1 and filled.get(leaf.path, 0) >= FULL * others
    surprise = partial(_unprinted, form, place, {place: leaf}, UNPRINTED_GAP if gap else UNPRINTED) if form.evidence.prints else None
    weight = None if form.evidence.of(place) is Support.CONFIRMED else GAP if gap else BLANK
    return Suspect(place, weight, (place,), _steps(form, place, leaf), whole=_is_whole(leaf), signed=False, surprise=surprise)


def _unprinted(form: Form, place: str, leaves: Mapping[str, Leaf], cost: int, wanted: Mapping[str, Feasible]) -> int:
    """The `cost` of saying that cells were printed, where the page has no figure left for one of them."""
    prints = form.evidence.prints
    for cell, leaf in leaves.items():
        needed = cell in wanted and Fraction(0) not in wanted[cell]
        if needed and prints is not None and not prints(place, leaf, _scale(form, cell, leaf), wanted[cell]):
            return cost
    return 0


def _unprinted_row(form: Form, place: str, leaves: Mapping[str, Leaf], usual: int, wanted: Mapping[str, Feasible]) -> int:
    """The same for a row: it would leave as many figures as rows of its list usually have. Where another reading has more rows, several may
    be lost, and no print need be what the sums want."""
    if place in form.evidence.longer:
        return 0
    prints = form.evidence.prints
    leaf = next(iter(leaves.values()), None)
    left = prints(place, leaf, 1, Feasible(None, None)) if prints is not None and leaf is not None else 0
    return _unprinted(form, place, leaves, UNPRINTED, wanted) if left >= usual else UNPRINTED


def _scale(form: Form, cell: str, leaf: Leaf) -> int:
    """What one unit of a cell's print is; that of its column's first cell for a row that the record does not have."""
    scales = form.figures.scales
    return scales[cell] if cell in scales else scales.get(next(expanded(leaf.path, form.figures.facts.rows), ""), 1)


def _units(form: Form) -> Iterator[Suspect]:
    """The units that are other than the page prints: all figures in them are free."""
    counted: dict[str, list[str]] = {}
    for place, leaf in leaf_pointers(form.schema, form.figures.facts.rows) if form.evidence.units else ():
        source = unit_of(place, leaf)
        if source in form.evidence.units and place in form.figures.facts.cells:
            counted.setdefault(source, []).append(place)
    for source, cells in counted.items():
        yield Suspect(source, WEIGHT, tuple(cells), certain=True)


# -- rows --------------------------------------------------------------------------------------------------------------


def _lost_row(form: Form, rows: Rows, place: str) -> Suspect:
    row, depth = f"{place}/{LOST}", len(rows.path) + 1
    inside = [leaf for leaf in walk(rows.row) if leaf.kind.numeric and "*" not in leaf.path[depth:]]
    leaves = {row + pointer(*leaf.path[depth:]): leaf for leaf in inside}
    steps = {cell: step for cell, leaf in leaves.items() for step in _steps(form, cell, leaf).values()}
    facts = form.figures.facts
    count = facts.rows.get(place, 0)  # the list may not have been found at all
    full = [leaf for leaf in inside if count and sum(cell in facts.cells for cell in expanded(leaf.path, facts.rows)) >= FULL * count]
    surprise = partial(_unprinted_row, form, place, leaves, len(full)) if form.evidence.prints else None
    return Suspect(row, LOST_ROW, tuple(leaves), steps, (row,), signed=False, surprise=surprise)


def _doubled_rows(form: Form, rows: Rows, place: str) -> Iterator[Suspect]:
    """The rows that print nothing but what an earlier row of their list prints."""
    seen: dict[tuple[object, ...], list[str]] = {}
    for number in range(form.figures.facts.rows.get(place, 0)):
        row = f"{place}/{number}"
        cells = {cell: form.figures.parsed[cell].value for cell in _cells(rows, row, form)}
        print_ = tuple(cells.values())
        if print_ in seen and any(value is not None for value in print_):
            doubtful = form.evidence.prints is None or not form.evidence.doubtful.isdisjoint((row, *seen[print_]))
            confirmed = any(form.evidence.of(cell) is Support.CONFIRMED for cell in cells)
            weight = None if confirmed else DOUBLED_ROW if doubtful else DOUBLED_ROW + UNPRINTED
            yield Suspect(row, weight, tuple(cells), rows=(row,), gone=True)
        seen.setdefault(print_, []).append(row)


def _cells(rows: Rows, row: str, form: Form) -> Iterator[str]:
    for leaf in walk(rows.row):
        yield from expanded(leaf.path[len(rows.path) + 1 :], form.figures.facts.rows, row)
