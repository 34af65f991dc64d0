"""How many independent checks prove each figure: checks that hold, and would fail if this figure alone were another.

A check proves a figure if it leaves it no room: not more than the slack of print, two units in its last place. A limit (a score at most its
weight) or a coarse rate proves nothing. Checks are independent if they do not read the very same cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from structurer.arithmetic.checks import Check
from structurer.arithmetic.facts import UnfitError
from structurer.arithmetic.ranges import EVERYTHING, Range
from structurer.arithmetic.syntax import Binary, walk
from structurer.judging.confront import owed
from structurer.judging.evidence import Pending
from structurer.localisation.binding import Scope, bind
from structurer.localisation.box import Box, Cells, cells_of
from structurer.localisation.conditions import EXACT, Comparison, Condition

ROOM: Final = 2  # units in the last place of a figure


def pins(pending: Pending) -> dict[str, int]:
    """The number of independent checks within the record that prove each of its figures; figures that none proves are left out."""
    facts = pending.figures.facts
    cells = cells_of(facts)
    proofs: dict[str, set[frozenset[str]]] = {}
    holding = {(checked.id, checked.pointer) for checked in pending.checks if checked.holds}
    for rule, place in owed(pending.schema, facts.rows):
        if (rule.id, place) in holding and _equates(rule.check):
            for cell, condition in _proved(rule.check, Scope(facts, cells, place, "", rule.requires), cells):
                proofs.setdefault(cell, set()).add(condition.cells)
    return {cell: len(sets) for cell, sets in proofs.items()}


def _equates(check: Check) -> bool:
    """Whether a check says that something is equal: an order alone proves nothing."""
    return any(isinstance(node, Binary) and node.operator == "==" for node in walk(check.root))


def _proved(check: Check, scope: Scope, cells: Cells) -> Iterator[tuple[str, Condition]]:
    try:
        condition = bind(check, scope)
    except UnfitError:
        return
    for cell in condition.cells:
        if cell in cells.numbers and _has_no_room(condition, cell, cells):
            yield cell, condition


def _has_no_room(condition: Condition, cell: str, cells: Cells) -> bool:
    room = ROOM * cells.ulps[cell]
    if isinstance(condition, Comparison) and condition.operator == "==" and condition.positive and condition.difference is not None:
        return _slack(condition, cells) <= room * abs(Fraction(condition.difference.factors.get(cell, 0)))
    box = Box(cells, {cell: EVERYTHING})
    return condition.narrow(box) and _is_short(box.free[cell], room)


def _slack(equality: Comparison, cells: Cells) -> int | Fraction:
    """How far apart the two ends of a print lie: one and a half units in its last place."""
    if equality.printed is None or equality.level == EXACT:
        return 0
    return Fraction(3, 2) * cells.ulps.get(equality.printed, 0)


def _is_short(ends: Range, room: int) -> bool:
    low, high = ends
    return not isinstance(low, float) and not isinstance(high, float) and high - low <= room
