"""Confronting a record with its schema's checks: its values as exact quantities in base units, and every rule in every place it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from structurer.arithmetic.checks import Facts, Level, Quantity, confront, level, paths
from structurer.contracts.schema import Group, Kind, Leaf, Node, Rows, Rule, Schema
from structurer.judging.parse import UNITS, Parsed, parse
from structurer.record import Checked, Extract, Extraction, expanded, leaf_pointers, pointer

_ORDER = {Level.EXACT: 0, Level.PRINT: 1, Level.UNDERLYING: 2}
PRINTED_IN_DECIMALS = frozenset({Kind.NUMBER, Kind.PERCENT})
_REQUIRED = {"exact": 0, "print": 1, "underlying": 2}
LESS = {"exact": "print", "print": "underlying", "underlying": "underlying"}  # the next wider level


@dataclass(frozen=True, slots=True)
class Figures:
    """The parsed leaves of a record by JSON pointer, its facts for the checks, and what one unit of each figure's print is in base units
    (10000 for 万元)."""

    parsed: Mapping[str, Parsed]
    facts: Facts
    scales: Mapping[str, int]
    ulps: Mapping[tuple[str, ...], Fraction]  # of each column that prints anything, in the unit of its first cell


def figures(schema: Schema, texts: Mapping[str, str | None], rows: Mapping[str, int], known: Mapping[str, Parsed] | None = None) -> Figures:
    """Parse every leaf and scale those with a unit. `texts` are verbatim, by JSON pointer; `known` are those that are parsed already."""
    places, known = list(leaf_pointers(schema, rows)), known or {}
    parsed = {place: known[place] if place in known else parse(texts.get(place), leaf.kind, leaf.choices) for place, leaf in places}
    decimals = _column_decimals(places, parsed)
    cells: dict[str, Quantity] = {}
    scales: dict[str, int] = {}
    for place, leaf in places:
        found = parsed[place]
        scales[place] = scale = _scale(place, leaf, found, parsed)
        if found.number is not None:
            ulp = last_place(decimals[column_of(leaf)] if leaf.kind in PRINTED_IN_DECIMALS else 0, scale)
            cells[place] = Quantity(found.number if scale == 1 else found.number * scale, ulp, _shown(found, scale))
        elif found.value is not None:
            cells[place] = Quantity(None, Fraction(0), str(found.value))
    ulps: dict[tuple[str, ...], Fraction] = {}
    for place, leaf in places:
        if place in cells:
            ulps.setdefault(column_of(leaf), last_place(decimals[column_of(leaf)], scales[place]))
    return Figures(parsed, Facts(cells, rows), scales, ulps)


@lru_cache(maxsize=256)
def last_place(decimals: int, scale: int) -> Fraction:
    """The unit in the last place of a print, in base units."""
    return Fraction(scale, 10**decimals)


def _shown(found: Parsed, scale: int) -> str:
    """The print of a figure, with its unit where that is not the base unit: the words of a check reckon in base units."""
    if scale == 1:
        return str(found.value)
    unit = next((name for name, size in UNITS.items() if size == scale and len(name) > 1), "")
    return f"{found.value}{unit}"


def column_of(leaf: Leaf) -> tuple[str, ...]:
    """Leaves printed in one column share their decimals: those of a list's rows, and those of the same name in a group of groups."""
    if "*" in leaf.path or len(leaf.path) < 3:
        return leaf.path
    return (*leaf.path[:-2], "*", leaf.path[-1])


def _column_decimals(places: list[tuple[str, Leaf]], parsed: Mapping[str, Parsed]) -> dict[tuple[str, ...], int]:
    """The unit in the last place of a printed column: trailing zeros are often dropped, so the longest print of the column tells."""
    found: dict[tuple[str, ...], int] = {}
    for place, leaf in places:
        column = column_of(leaf)
        found[column] = max(found.get(column, 0), parsed[place].decimals)
    return found


def _scale(place: str, leaf: Leaf, found: Parsed, parsed: Mapping[str, Parsed]) -> int:
    """Size of the unit a figure is printed in: printed with it, named by the schema, or printed in another field."""
    if found.scale is not None:
        return found.scale
    source = unit_of(place, leaf)
    if source is None:
        return UNITS.get(leaf.unit or "", 1)
    unit = parsed.get(source)
    return UNITS.get(str(unit.value), 1) if unit is not None and unit.value is not None else 1


def unit_of(place: str, leaf: Leaf) -> str | None:
    """Where the unit of a figure is a field of its own: the pointer of that field."""
    if leaf.unit is None or leaf.unit in UNITS:
        return None
    base, path = ("", leaf.unit[2:]) if leaf.unit.startswith("$.") else (place.rsplit("/", 1)[0], leaf.unit)
    return base + pointer(*path.split("."))


def unit_at_odds(place: str, leaf: Leaf, parsed: Mapping[str, Parsed]) -> tuple[str, ...]:
    """Words for a figure printed with a unit that is not the one its form states: checks reckon with its own, readers with the form's."""
    source, own = unit_of(place, leaf), parsed[place].scale
    stated = parsed.get(source) if source is not None else None
    unit = str(stated.value) if stated is not None and stated.value is not None else ""
    if own is None or UNITS.get(unit, own) == own:
        return ()
    return (f"it is printed with a unit of its own, and the form states {unit}",)


def owed(schema: Schema, rows: Mapping[str, int], *, across: bool = False) -> Iterator[tuple[Rule, str]]:
    """Every rule in every place: those within the record, or (`across`) those that name a related record."""
    for rule in rules_of(schema, across):
        yield from ((rule, place) for place in expanded(rule.scope, rows))


@lru_cache(maxsize=256)
def rules_of(schema: Schema, across: bool) -> tuple[Rule, ...]:
    """The rules within the record, or those that name a related record."""
    related = {alias for alias, _ in schema.related}
    return tuple(rule for rule in schema.rules if across is any(path.parts[0] in related for path in paths(rule.check) if path.parts))


def check(
    schema: Schema,
    facts: Facts,
    *,
    across: bool = False,
    approximate: frozenset[str] = frozenset(),
    known: Mapping[tuple[str, str], Checked] | None = None,
) -> tuple[Checked, ...]:
    """The outcome of every rule that is `owed`. Where a figure is printed as `approximate` ("about 3"), a level less is required. `known`
    outcomes, by rule and place, are taken as they are."""
    found: list[Checked] = []
    for rule, place in owed(schema, facts.rows, across=across):
        if known and (rule.id, place) in known:
            found.append(known[rule.id, place])
            continue
        outcome = confront(rule.check, facts, place)
        about = bool(approximate) and any(facts.same.get(cell, cell) in approximate for cell in outcome.cells)
        requires = LESS[rule.requires] if about else rule.requires
        found.append(Checked(rule.id, place, requires, rule.says, outcome, holds(requires, outcome.level)))
    return tuple(found)


def holds(requires: str, reached: Level) -> bool | None:
    """Whether the required level is reached; None where the rule does not apply."""
    if reached is Level.NOT_APPLICABLE:
        return None
    return reached is not Level.FAIL and _ORDER[reached] <= _REQUIRED[requires]


def check_reading(schema: Schema, leaves: Mapping[str, Extract], rows: Mapping[str, int]) -> tuple[Checked, ...]:
    """The checks within the record, on a reading as it stands: its leaves and list lengths by JSON pointer."""
    return check(schema, _facts_of(schema, leaves, rows))


def failures(schema: Schema, extraction: Extraction) -> int:
    """How many checks fail on a reading as it stands."""
    facts = _facts_of(schema, extraction.leaves, extraction.rows)
    return sum(holds(rule.requires, level(rule.check, facts, place)) is False for rule, place in owed(schema, facts.rows))


def _facts_of(schema: Schema, leaves: Mapping[str, Extract], rows: Mapping[str, int]) -> Facts:
    texts = {place: extract.text for place, extract in leaves.items()}
    return joined(schema, figures(schema, texts, rows).facts)


def joined(schema: Schema, facts: Facts) -> Facts:
    """The facts with the rows of one list that belong to rows of another, under their alias."""
    cells, rows, same = dict(facts.cells), dict(facts.rows), dict(facts.same)
    for alias, join in schema.joined:
        source, target = pointer(join.rows), pointer(join.of)
        for number in range(facts.rows.get(target, 0)):
            here = facts.cells.get(f"{target}/{number}{pointer(join.here)}")
            own = [
                row
                for row in range(facts.rows.get(source, 0))
                if here is not None and _same(facts, f"{source}/{row}{pointer(join.there)}", here)
            ]
            rows[f"{target}/{number}/{alias}"] = len(own)
            for index, row in enumerate(own):
                known = _under(f"{source}/{row}", f"{target}/{number}/{alias}/{index}", facts.cells)
                cells |= {there: facts.cells[place] for there, place in known.items()}
                same |= known
    return Facts(cells, rows, same)


def _same(facts: Facts, place: str, here: Quantity) -> bool:
    there = facts.cells.get(place)
    return there is not None and there.value == here.value and (here.value is not None or there.text == here.text)


def _under(source: str, target: str, cells: Mapping[str, Quantity]) -> dict[str, str]:
    """The pointers that the cells of one row get under another place."""
    return {target + place[len(source) :]: place for place in cells if place.startswith(source + "/")}


def grafted(facts: Facts, others: Mapping[str, Facts | list[Facts]]) -> Facts:
    """The facts of a record with those of its related records under their aliases."""
    cells, rows = dict(facts.cells), dict(facts.rows)
    for alias, other in others.items():
        members = [(f"/{alias}/{number}", part) for number, part in enumerate(other)] if isinstance(other, list) else [(f"/{alias}", other)]
        if isinstance(other, list):
            rows[f"/{alias}"] = len(other)
        for base, part in members:
            cells.update({base + place: quantity for place, quantity in part.cells.items()})
            rows.update({base + place: count for place, count in part.rows.items()})
    return Facts(cells, rows, facts.same)


def lists_of(node: Node) -> list[Rows]:
    """Every list of a schema, outer before inner."""
    if isinstance(node, Rows):
        return [node, *lists_of(node.row)]
    return [found for member in node.members for found in lists_of(member)] if isinstance(node, Group) else []
