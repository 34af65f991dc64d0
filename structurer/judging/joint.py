"""Related records as one problem: a total that fails against another record's may be wrong in either, and both records' own checks tell.

Cells are named by the number of their record and their pointer, "3/funds/total"; what a record sees of another under an alias,
"0/declaration/funds/total", is the same cell. A record that is related to none is a problem by itself, its cells named by their pointers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TypeVar

from structurer.arithmetic.checks import STAR, Facts, Quantity, paths
from structurer.judging.confront import owed
from structurer.judging.evidence import Pending
from structurer.judging.kinship import Kin
from structurer.judging.suspects import LOST, LOST_ROW, named_of, problem
from structurer.localisation.reconcile import Feasible, Owed, Problem, Suspect
from structurer.record import Checked

LOST_RECORD = 150  # what it costs to say that a whole record was lost whose document was read: more than one figure of it
T = TypeVar("T")


def joined_problem(records: Sequence[Pending], kin: Sequence[Kin]) -> tuple[Problem, tuple[tuple[int, int | None], ...]]:
    """The problem of all records together; and of each of its checks the number of its record and of its outcome there (None: the check of
    a row that may be lost)."""
    parts = [problem(record.form, _named_by_relatives(records, kin, number)) for number, record in enumerate(records)]
    if len(parts) == 1 and not kin[0]:
        checks = list(_checks(records[0], parts[0], kin[0], ""))
        return replace(parts[0], owed=tuple(check for check, _ in checks)), tuple((0, origin) for _, origin in checks)
    facts = _facts(parts, kin)
    joint: list[Owed] = []
    origins: list[tuple[int, int | None]] = []
    for number, (record, part) in enumerate(zip(records, parts, strict=True)):
        for check, origin in _checks(record, part, kin[number], str(number)):
            joint.append(check)
            origins.append((number, origin))
    suspects = [_prefixed(suspect, str(number)) for number, part in enumerate(parts) for suspect in part.suspects]
    more_rows = {f"{number}{place}": rows for number, part in enumerate(parts) for place, rows in part.more_rows.items()}
    for suspect in _lost_records(records, kin):
        suspects.append(suspect)
        more_rows[suspect.name.rpartition("/")[0]] = (LOST,)
    return Problem(facts, tuple(joint), tuple(suspects), more_rows), tuple(origins)


def _named_by_relatives(records: Sequence[Pending], kin: Sequence[Kin], number: int) -> frozenset[tuple[str, ...]]:
    """The fields of a record that the checks of others name."""
    return frozenset(
        path
        for record, relatives in zip(records, kin, strict=True)
        for alias, others in relatives.items()
        if number == others or (isinstance(others, list) and number in others)
        for path in named_of(record.schema, alias, many=isinstance(others, list))
    )


def _facts(parts: Sequence[Problem], kin: Sequence[Kin]) -> Facts:
    cells: dict[str, Quantity] = {}
    rows: dict[str, int] = {}
    same: dict[str, str] = {}
    for number, part in enumerate(parts):
        cells |= {f"{number}{place}": quantity for place, quantity in part.facts.cells.items()}
        rows |= {f"{number}{place}": count for place, count in part.facts.rows.items()}
        same |= {f"{number}{place}": f"{number}{own}" for place, own in part.facts.same.items()}
        for base, other in under_aliases(kin[number]):
            theirs = parts[other]
            seen = {*theirs.facts.cells, *(cell for suspect in theirs.suspects for cell in suspect.cells)}
            same |= {f"{number}{base}{place}": f"{other}{place}" for place in seen}
            rows |= {f"{number}{base}{place}": count for place, count in theirs.facts.rows.items()}
        rows |= {f"{number}/{alias}": len(others) for alias, others in kin[number].items() if isinstance(others, list)}
    return Facts(cells, rows, same)


def under_aliases(kin: Kin) -> Iterator[tuple[str, int]]:
    """Where a record sees each of its relatives: the pointer of its alias, and the relative's number."""
    for alias, others in kin.items():
        if isinstance(others, list):
            yield from ((f"/{alias}/{position}", other) for position, other in enumerate(others))
        else:
            yield f"/{alias}", others


def _checks(record: Pending, part: Problem, kin: Kin, root: str) -> Iterator[tuple[Owed, int | None]]:
    """The checks of one record with their numbers among its outcomes: those within the record, then those across."""
    outcomes = {(checked.id, checked.pointer): position for position, checked in enumerate(record.checks)}
    names = [rule.id for rule, _ in owed(record.schema, record.rows)]
    for position, check in enumerate(part.owed):
        origin = outcomes.get((names[position], check.scope)) if position < len(names) else None
        yield _placed(check, root, record.checks[origin] if origin is not None else None), origin
    for rule, place in owed(record.schema, record.rows, across=True) if kin else ():
        origin = outcomes.get((rule.id, place))
        yield _placed(Owed(rule.check, place, rule.requires), root, record.checks[origin] if origin is not None else None), origin


def _placed(check: Owed, root: str, outcome: Checked | None) -> Owed:
    """A check in its place, with what its outcome says: less is required where its figures are printed as approximate."""
    if outcome is None:
        return replace(check, scope=root + check.scope, root=root)
    return Owed(check.check, root + check.scope, outcome.requires, root, holds=outcome.holds is not False)


def _prefixed(suspect: Suspect, root: str) -> Suspect:
    def named(mapping: Mapping[str, Fraction]) -> dict[str, Fraction]:
        return {root + cell: value for cell, value in mapping.items()}

    return replace(
        suspect,
        name=root + suspect.name,
        cells=tuple(root + cell for cell in suspect.cells),
        rows=tuple(root + row for row in suspect.rows),
        steps=named(suspect.steps),
        ulps=named(suspect.ulps),
        surprise=partial(_unprefixed, suspect.surprise, len(root)) if suspect.surprise is not None else None,
        relieved=partial(_unprefixed, suspect.relieved, len(root)) if suspect.relieved is not None else None,
    )


def _unprefixed(asked: Callable[[Mapping[str, Feasible]], T], prefix: int, ranges: Mapping[str, Feasible]) -> T:
    return asked({cell[prefix:]: wanted for cell, wanted in ranges.items()})


def _lost_records(records: Sequence[Pending], kin: Sequence[Kin]) -> Iterator[Suspect]:
    """A related record that was lost: what checks over all records of its kind add up is free, and their number is one more."""
    for number, record in enumerate(records):
        for alias, others in kin[number].items():
            if isinstance(others, list):
                base = f"{number}/{alias}/{LOST}"
                named = [path for rule in record.schema.rules for path in paths(rule.check) if path.parts[:2] == (alias, STAR)]
                cells = dict.fromkeys(base + path.pointers[1] for path in named if len(path.pointers) == 2 and path.pointers[1])
                weight = LOST_ROW if record.layout is None else LOST_RECORD
                yield Suspect(base, weight, tuple(cells), rows=(base,), signed=False)
