"""What the arithmetic checks of a schema can see and what they cannot: static coverage, without a record.

Every claim is about a form with all its cells printed: a missing operand makes a check not applicable, whatever it covers here.

What is covered (`grips`). A leaf in an equality is *pinned*: a wrong figure shows, beyond what rounding hides (`a - a` is not reduced). It
is pinned only *sometimes* where the equality is one alternative of several, or a `min` or `max` that another operand may decide, or is owed
under a condition, unless another check pins the leaf under the opposite condition, or the condition is that the leaf is printed. Orders,
premises, bands, `count`, `present` and the keys of joined rows only *limit* it. A comparison that can never apply covers nothing, and an
alternative beside one only limits: `||` passes where a part is not applicable (`clauses`).

What cannot be seen: factors of scale (`scalings`) and exchanges (`swaps`). What is reported holds; other errors may pass as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from structurer.contracts.clauses import clauses_of
from structurer.contracts.grips import CoveredLeaf, CoveringRule, Grip, covered, covering
from structurer.contracts.places import Place, names_of
from structurer.contracts.scalings import Scaling, scalings_of
from structurer.contracts.schema import Schema
from structurer.contracts.swaps import Swap, swaps_of

__all__ = ["Coverage", "CoveredLeaf", "CoveringRule", "Grip", "Place", "Scaling", "Swap", "explain"]  # the public face


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the checks of a schema hold, in the order of the schema, and what passes them.

    `unsearched`: what was too large to be searched whole, in words.
    """

    leaves: tuple[CoveredLeaf, ...]
    rules: tuple[CoveringRule, ...]
    scalings: tuple[Scaling, ...]
    swaps: tuple[Swap, ...]
    unsearched: tuple[str, ...]


def explain(schema: Schema) -> Coverage:
    """The coverage of a schema by its checks. Never raises for a schema that `contract.load` gave; time is bounded (`unsearched`)."""
    names = names_of(schema)
    clauses = clauses_of(schema, names)
    rules = tuple(map(covering, clauses))
    live = [clause for clause in clauses if clause.condition is not None]
    scalings, unsolved = scalings_of(live, names)
    swaps, untried = swaps_of(live, names)
    return Coverage(covered(clauses, rules, names), rules, scalings, swaps, (*unsolved, *untried))
