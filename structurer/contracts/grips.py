"""How firmly each check holds each leaf: whether a wrong figure shows (an equality), may pass (an order), or shows only in some forms.

The deterministic half of error localisation by edit rules (Fellegi and Holt 1976): which fields an edit involves, and whether it can fail
by each of them alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from structurer.arithmetic.syntax import STAR, Binary, Call, Node, Path, render, walk
from structurer.contracts.clauses import AllOf, Atom, Clause, Condition, If, Literal, operands
from structurer.contracts.places import Names, Place, is_figure
from structurer.contracts.schema import Leaf, Rule


class Grip(IntEnum):
    """How firmly a check holds a leaf."""

    LIMIT = 1  # by an order, a premise, a band, a count: a wrong figure may pass
    SOMETIMES = 2  # by an equality that need not be the one that decides
    EQUALITY = 3  # a wrong figure shows


Grips = Mapping[Place, Grip]


@dataclass(frozen=True, slots=True)
class CoveredLeaf:
    """A leaf, the firmest grip on it (None: no check names it), and the ids of the rules that name it."""

    leaf: Leaf
    grip: Grip | None
    rules: tuple[str, ...]

    @property
    def figure(self) -> bool:
        return is_figure(self.leaf)


@dataclass(frozen=True, slots=True)
class CoveringRule:
    """A rule, the leaves it holds with its grip on them, and the cells of other records it names, as `alias.field`.

    `given`: the condition under which it owes something, as a check writes it ("" if always); the grips are those where it holds.
    `idle`: the rule can never fail.
    """

    rule: Rule
    grips: tuple[tuple[Place, Grip], ...]
    related: tuple[Place, ...]
    given: str
    idle: bool


def covering(clause: Clause) -> CoveringRule:
    """What a rule holds where it owes something."""
    keys = {key: Grip.LIMIT for target in clause.named for key in target.keys}
    grips, premise = _firmest([_owed(clause), keys]), _premise(clause)
    own = clause.names.order(place for place in grips if place in clause.names.leaves)
    related = clause.names.order(filter(clause.names.is_related, grips))
    given = ("" if premise.demanded else "!") + render(premise.test) if premise else ""
    return CoveringRule(clause.rule, tuple((place, grips[place]) for place in own), related, given, idle=clause.condition is None)


def covered(clauses: Sequence[Clause], rules: Sequence[CoveringRule], names: Names) -> tuple[CoveredLeaf, ...]:
    """Every leaf with the firmest grip on it in every form: what is owed under a condition and under its opposite is always owed."""
    ids: dict[Place, dict[str, None]] = defaultdict(dict)
    owed: dict[Literal | None, dict[Place, Grip]] = defaultdict(dict)  # by condition
    for clause, rule in zip(clauses, rules, strict=True):
        for given, grips in _by_condition(clause, dict(rule.grips)):
            owed[given] = _firmest([owed[given], grips])
        for place, _ in rule.grips:
            ids[place][rule.rule.id] = None
    opposite = [_one_of([grips, owed.get((given[0], not given[1]), {})]) for given, grips in owed.items() if given]
    firmest = _firmest([owed.get(None, {}), *opposite])
    return tuple(CoveredLeaf(leaf, firmest.get(place), tuple(ids.get(place, ()))) for place, leaf in names.leaves.items())


def _by_condition(clause: Clause, grips: Grips) -> Iterator[tuple[Literal | None, Grips]]:
    """Grips with the condition under which a rule owes anything; on a leaf that only has to be printed, they hold always."""
    premise = _premise(clause)
    yield clause.literal(premise) if premise else None, grips
    if premise and premise.demanded and isinstance(premise.test, Call):
        yield None, {place: grips[place] for place in _places(premise, clause) if place in grips}


def _premise(clause: Clause) -> Atom | None:
    """The one comparison or presence on which all that a check owes depends."""
    condition = clause.condition
    return condition.premise if isinstance(condition, If) and isinstance(condition.premise, Atom) else None


def _owed(clause: Clause) -> Grips:
    """The grips where the premise holds. A wrong figure in the premise may be let off by it, unless it only has to be printed."""
    condition, premise = clause.condition, _premise(clause)
    if condition is None or premise is None or not isinstance(condition, If):
        return _grips(condition, clause) if condition else {}
    then = _grips(condition.then, clause)
    most = Grip.SOMETIMES if isinstance(premise.test, Binary) else Grip.EQUALITY
    return then | {place: min(most, then.get(place, Grip.LIMIT)) for place in _places(premise, clause)}


def _places(atom: Atom, clause: Clause) -> Iterator[Place]:
    return (place for node in walk(atom.test) if isinstance(node, Path) and (place := clause.place(node)))


def _grips(condition: Condition, clause: Clause) -> dict[Place, Grip]:
    if isinstance(condition, Atom):
        return _grips_of_test(condition, clause)
    if isinstance(condition, If):
        premise, then = _grips(condition.premise, clause), _grips(condition.then, clause)
        return _firmest([_at_most(Grip.LIMIT, premise), _at_most(Grip.SOMETIMES, then)])
    parts = [_grips(part, clause) for part in condition.parts]
    if isinstance(condition, AllOf):
        return _firmest(parts)
    return _at_most(Grip.LIMIT, _firmest(parts)) if condition.open else _one_of(parts)


def _grips_of_test(atom: Atom, clause: Clause) -> dict[Place, Grip]:
    test = atom.test
    if isinstance(test, Binary) and test.operator == ("==" if atom.demanded else "!="):
        return _firmest([_pinned(test.left, clause), _pinned(test.right, clause)])
    return dict.fromkeys(_places(atom, clause), Grip.LIMIT)


def _pinned(node: Node, clause: Clause) -> dict[Place, Grip]:
    """The grips of an equality on the operands of one of its sides."""
    if isinstance(node, Path):
        place = clause.place(node)
        return {place: Grip.EQUALITY} if place else {}
    parts = [_pinned(each, clause) for each in operands(node)]
    if not isinstance(node, Call) or node.name in ("sum", "abs", "round", "trunc"):
        return _firmest(parts)
    if node.name not in ("min", "max"):
        return _at_most(Grip.LIMIT, _firmest(parts))
    lists = any(isinstance(argument, Path) and STAR in argument.parts for argument in node.arguments)
    return _at_most(Grip.SOMETIMES, _firmest(parts)) if lists else _one_of(parts)


def _firmest(grips: Iterable[Grips]) -> dict[Place, Grip]:
    """The grips of several that all hold."""
    found: dict[Place, Grip] = {}
    for each in grips:
        for place, grip in each.items():
            found[place] = max(grip, found.get(place, grip))
    return found


def _at_most(most: Grip, grips: Grips) -> dict[Place, Grip]:
    return {place: min(grip, most) for place, grip in grips.items()}


def _one_of(grips: Sequence[Grips]) -> dict[Place, Grip]:
    """The grips of alternatives, of which any may decide: firm only where all are."""
    firm = {place for place in (grips[0] if grips else ()) if all(each.get(place) is Grip.EQUALITY for each in grips)}
    return {place: grip if place in firm else min(grip, Grip.SOMETIMES) for place, grip in _firmest(grips).items()}
