"""Errors of unit that no check sees, by dimensional analysis (Buckingham 1914): figures that may all be multiplied by one factor.

Every figure has an unknown exponent; comparisons and sums ask for equal ones, products add them, literals have none. The null space of that
linear system holds what no check sees. It is solved exactly (Gauss-Jordan), once with every comparison and once for each choice of
alternatives (`||`, and `->` where the premise does not hold) that does not contradict itself: what only a choice lets pass is reported with
the rules that would see it otherwise. Dates, months, years and the keys of joined rows are no quantities. Figures under `round` and `trunc`
scale up to the rounding of the print.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice, permutations, product
from math import gcd, lcm
from typing import Final

from structurer.arithmetic.operands import Sort
from structurer.arithmetic.ranges import Exact, whole
from structurer.arithmetic.syntax import Binary, Call, Node, Number, Path, Text, children
from structurer.contracts.clauses import AllOf, AnyOf, Atom, Clause, Condition, ExhaustedError, If, Literal, Work, atoms, linked
from structurer.contracts.places import Names, Place

MAX_UNKNOWNS: Final = 400  # figures in one linear system of exponents; a form has some dozens
MAX_WAYS: Final = 64  # choices of alternatives that are solved
MAX_STEPS: Final = 400_000  # of the elimination, a coefficient each; a form takes some thousands

Vector = Mapping[Place, Exact]  # exponents by place; an equation says that its products with them add up to nothing
Equation = tuple[tuple[Place, Exact], ...]


@dataclass(frozen=True, slots=True)
class Scaling:
    """Figures that may all be multiplied by one factor, each to its exponent, without a check failing.

    `related`: those among them that are cells of other records. `unless`: rules that see it, except in a form that keeps them by another of
    their alternatives or to which their condition does not apply; empty where no form shows it.
    """

    exponents: tuple[tuple[Place, int], ...]
    related: frozenset[Place] = frozenset()
    unless: tuple[str, ...] = ()


def scalings_of(clauses: Sequence[Clause], names: Names) -> tuple[tuple[Scaling, ...], tuple[str, ...]]:
    """The scalings that no check sees, and what could not be searched."""
    unknowns = names.order({place for clause in clauses for place in clause.places if names.is_quantity(place)})
    work = Work(MAX_STEPS if len(unknowns) <= MAX_UNKNOWNS else 0)
    found: list[Scaling] = []
    try:
        systems = [_system(clause, work) for clause in clauses]
        for vector in _vectors(unknowns, systems, work):
            found.append(_scaling(vector, systems, names))
    except ExhaustedError:
        return _own(found), ("factors of scale: the checks are too many or too large",)
    cut = f"factors of scale by further alternatives: only the first {MAX_WAYS} choices were tried"
    return _own(found), (cut,) if work.passed_over else ()


def _scaling(vector: Mapping[Place, int], systems: Sequence[_System], names: Names) -> Scaling:
    exponents = tuple((place, vector[place]) for place in names.order(vector))
    return Scaling(exponents, frozenset(filter(names.is_related, vector)), _seen(vector, systems))


def _own(scalings: Iterable[Scaling]) -> tuple[Scaling, ...]:
    """Those of which a figure is of this record."""
    return tuple(scaling for scaling in scalings if len(scaling.related) < len(scaling.exponents))


# -- checks as equations of exponents ----------------------------------------------------------------------------------


def _equations(condition: Condition, clause: Clause) -> tuple[Equation, ...]:
    """What a scaling must fulfil to leave all comparisons of a condition as they are."""
    found: list[Vector] = []
    for test in (atom.test for atom in atoms(condition)):
        if isinstance(test, Binary):
            _alike([_exponent(side, clause, found) for side in (test.left, test.right)], found)
    return tuple(dict.fromkeys(tuple(sorted(equation.items())) for equation in found if equation))


def _exponent(node: Node, clause: Clause, found: list[Vector]) -> Vector | None:
    """The exponent of an operand in those of the leaves; None where any will do (zero, a text). Notes in `found` what must vanish."""
    if isinstance(node, Path):
        return _exponent_of_cell(node, clause)
    if isinstance(node, Number | Text):
        return {} if isinstance(node, Number) and node.value else None
    if isinstance(node, Call):
        return _exponent_of_call(node, clause, found)
    signed = [(sign, _exponent(part, clause, found)) for sign, part in (linked(node) if isinstance(node, Binary) else [(-1, node.operand)])]
    return _multiplied(signed) if isinstance(node, Binary) and node.operator in "*/" else _alike([each for _, each in signed], found)


def _exponent_of_cell(path: Path, clause: Clause) -> Vector | None:
    target = clause.targets[path.name]
    if target.place is None or target.sort is Sort.TEXT:
        return None
    return {target.place: 1} if clause.names.is_quantity(target.place) else {}


def _exponent_of_call(call: Call, clause: Clause, found: list[Vector]) -> Vector | None:
    if call.name == "count":
        return {}
    arguments = call.arguments if call.name in ("sum", "min", "max", "band") else call.arguments[:1]  # then come decimals
    same = _alike([_exponent(argument, clause, found) for argument in arguments], found)
    return None if call.name == "band" else same


def _multiplied(factors: Iterable[tuple[int, Vector | None]]) -> Vector | None:
    total: dict[Place, Exact] = defaultdict(int)
    for sign, factor in factors:
        if factor is None:
            return None
        for place, exponent in factor.items():
            total[place] += sign * exponent
    return {place: exponent for place, exponent in total.items() if exponent}


def _alike(exponents: Iterable[Vector | None], found: list[Vector]) -> Vector | None:
    """The one exponent of operands that must have the same; notes their differences."""
    known = [exponent for exponent in exponents if exponent is not None]
    found += [_plus(known[0], other, -1) for other in known[1:]]
    return known[0] if known else None


# -- ways to keep checks -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to keep a check: the equations of the comparisons that decide, and what a form that takes it owes besides."""

    equations: tuple[Equation, ...] = ()
    literals: frozenset[Literal] = frozenset()

    @property
    def possible(self) -> bool:
        """Whether it does not contradict itself."""
        return not any((text, not holds) in self.literals for text, holds in self.literals)


def _all_of(ways: Sequence[_Way], work: Work) -> _Way:
    work.spend(sum(len(way.equations) + len(way.literals) for way in ways))
    equations = dict.fromkeys(chain.from_iterable(way.equations for way in ways))
    return _Way(tuple(equations), frozenset[Literal]().union(*(way.literals for way in ways)))


def _first(ways: Iterator[_Way], work: Work) -> tuple[_Way, ...]:
    """The first ways without repetition, noting whether there are more."""
    found = tuple(islice(ways, MAX_WAYS + 1))
    work.passed_over |= len(found) > MAX_WAYS
    return tuple(dict.fromkeys(found[:MAX_WAYS]))


def _ways(condition: Condition, clause: Clause, work: Work) -> Iterator[_Way]:
    """Choices of comparisons that suffice to keep a check from failing: one of the alternatives; an unmet premise, or what it entails."""
    if isinstance(condition, Atom):
        yield _kept(condition, clause)
    elif isinstance(condition, If):
        yield _unmet(condition.premise, clause)
        met = _kept(condition.premise, clause)
        yield from (_all_of((met, way), work) for way in _ways(condition.then, clause, work))
    elif isinstance(condition, AnyOf):
        for part in condition.parts:
            yield from _ways(part, clause, work)
    elif isinstance(condition, AllOf):
        for choice in product(*(_first(_ways(part, clause, work), work) for part in condition.parts)):
            yield _all_of(choice, work)


def _kept(condition: Condition, clause: Clause) -> _Way:
    """All comparisons left as they are. A figure that is not printed is not scaled."""
    if not isinstance(condition, Atom):
        return _Way(_equations(condition, clause))
    absent = isinstance(condition.test, Call) and not condition.demanded
    places = (clause.place(path) for path in children(condition.test) if isinstance(path, Path)) if absent else ()
    zero = [((place, 1),) for place in places if place]
    return _Way((*_equations(condition, clause), *zero), frozenset({clause.literal(condition)}))


def _unmet(premise: Condition, clause: Clause) -> _Way:
    return _kept(Atom(premise.test, not premise.demanded) if isinstance(premise, Atom) else premise, clause)


@dataclass(frozen=True, slots=True)
class _System:
    """The equations of a check: with every comparison, and by each way to keep it."""

    id: str
    whole: tuple[Equation, ...]
    ways: tuple[_Way, ...]


def _system(clause: Clause, work: Work) -> _System:
    assert clause.condition is not None
    work.spend(len(clause.rule.check.text))
    return _System(clause.rule.id, _equations(clause.condition, clause), _first(_ways(clause.condition, clause, work), work))


def _together(systems: Sequence[_System], work: Work) -> tuple[_Way, ...]:
    """One way for each check, in all choices that do not contradict themselves."""
    found: tuple[_Way, ...] = (_Way(),)
    for system in systems:
        both = (_all_of((known, way), work) for known in found for way in system.ways)
        found = _first((way for way in both if way.possible), work)
    return found


# -- null vectors ------------------------------------------------------------------------------------------------------


def _vectors(unknowns: Sequence[Place], systems: Sequence[_System], work: Work) -> Iterator[Mapping[Place, int]]:
    """The sparse null vectors of all comparisons, then those that only a choice of alternatives lets pass, without repetition."""
    choosing = [system for system in systems if len(system.ways) > 1]
    fixed = _solved((equation for system in systems if len(system.ways) == 1 for equation in system.whole), {}, work)
    yield from _null_space(unknowns, _solved((equation for system in choosing for equation in system.whole), fixed, work), work)
    known: set[frozenset[tuple[Place, int]]] = set()
    for way in _together(choosing, work) if choosing else ():
        for vector in _null_space(unknowns, _solved(way.equations, fixed, work), work):
            if frozenset(vector.items()) not in known and _seen(vector, systems):
                yield vector
            known.add(frozenset(vector.items()))


def _seen(vector: Mapping[Place, int], systems: Sequence[_System]) -> tuple[str, ...]:
    """The ids of the checks of which a scaling changes a comparison."""
    changed = (system.id for system in systems if any(sum(factor * vector.get(at, 0) for at, factor in each) for each in system.whole))
    return tuple(dict.fromkeys(changed))


def _solved(equations: Iterable[Equation], known: Mapping[Place, Vector], work: Work) -> dict[Place, Vector]:
    """Gauss-Jordan elimination of sparse equations: the bound unknowns in terms of the free ones."""
    bound = dict(known)
    for equation in sorted(equations, key=len):
        rest = _substituted(dict(equation), bound, work)
        if rest:
            pivot = max(rest)
            value = {place: whole(Fraction(-factor, rest[pivot])) for place, factor in rest.items() if place != pivot}
            for place in [place for place, vector in bound.items() if pivot in vector]:
                bound[place] = _substituted(bound[place], {pivot: value}, work)
            bound[pivot] = value
    return bound


def _substituted(vector: Vector, values: Mapping[Place, Vector], work: Work) -> Vector:
    for place in [place for place in vector if place in values]:
        work.spend((len(vector) + len(values[place])) * (1 + vector[place].numerator.bit_length() // 16))  # large numbers take longer
        vector = _plus({other: each for other, each in vector.items() if other != place}, values[place], vector[place])
    return vector


def _null_space(unknowns: Sequence[Place], bound: Mapping[Place, Vector], work: Work) -> list[Mapping[Place, int]]:
    """A basis with few places in each vector, in whole numbers."""
    basis: list[Vector] = []
    for free in unknowns:
        if free not in bound:
            work.spend(len(bound))
            basis.append({free: 1} | {place: vector[free] for place, vector in bound.items() if free in vector})
    return [_whole(vector) for vector in _sparse(basis, work)]


def _sparse(basis: list[Vector], work: Work) -> list[Vector]:
    """Pairs of vectors are subtracted from each other as long as that leaves fewer places, or as many of one sign."""
    shrunk = True
    while shrunk:
        shrunk = False
        for at, by in permutations(range(len(basis)), 2):
            ratios = sorted({Fraction(basis[at][place], basis[by][place]) for place in basis[at].keys() & basis[by].keys()})
            work.spend(1 + len(ratios) * (len(basis[at]) + len(basis[by])))
            best = min((_plus(basis[at], basis[by], -ratio) for ratio in ratios), key=_length, default=basis[at])
            if _length(best) < _length(basis[at]):
                basis[at], shrunk = best, True
    return basis


def _plus(left: Vector, right: Vector, times: Exact) -> Vector:
    total = dict(left)
    for place, exponent in right.items():
        total[place] = whole(total.get(place, 0) + times * exponent)
    return {place: exponent for place, exponent in total.items() if exponent}


def _length(vector: Vector) -> tuple[int, int]:
    """How long it takes to say a vector: its places, and those that go against the others."""
    against = sum(part < 0 for part in vector.values())
    return len(vector), min(against, len(vector) - against)


def _whole(vector: Vector) -> Mapping[Place, int]:
    """The same direction in whole numbers without a common divisor, most of them positive."""
    scale = Fraction(lcm(*(part.denominator for part in vector.values())), gcd(*(part.numerator for part in vector.values())))
    balance = sum((part > 0) - (part < 0) for part in vector.values()) or next(iter(vector.values()))
    return {place: int(part * scale) * (1 if balance > 0 else -1) for place, part in vector.items()}
