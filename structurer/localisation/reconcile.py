"""Error localisation: the smallest sets of cells to blame when checks fail (Fellegi and Holt 1976).

The sets of least weight are found best first: a conflict (checks that contradict each other while their cells are believed) is hit by one
suspect after the other, as in a hitting-set tree (Reiter 1987), the cost to come bounded from below by disjoint conflicts (A*). All sets of
least weight are returned, with the range of every cell. `problem` says what goes in and comes out, `solving` whether a set explains.

An island: it knows names, exact numbers, weights and checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count
from math import prod
from typing import Final

from structurer.arithmetic.facts import UnfitError
from structurer.localisation.binding import Scope, bind
from structurer.localisation.box import Box, Cells, cells_of
from structurer.localisation.conditions import Condition
from structurer.localisation.problem import UNUSUAL, WEIGHT, Block, Explanation, Feasible, Localisation, Owed, Problem, Status, Suspect
from structurer.localisation.solving import Conflict, Explained, Solver, feasible, relieved

__all__ = [  # the face of error localisation
    "UNUSUAL", "WEIGHT", "Block", "Explanation", "Feasible", "Localisation", "Owed", "Problem", "Status", "Suspect", "localise",
]  # fmt: skip

MAX_CERTAIN: Final = 6  # suspects of a block that are doubted from the start; of more, none is
MAX_TESTS: Final = 1_000  # sets tried for one block; beyond it the errors are too many
MAX_STEPS: Final = 8_000  # checks propagated for one block; the same
MAX_SETS: Final = 300  # equally good sets of one block; the same


def localise(problem: Problem) -> Localisation:
    """The least sets of suspects that explain every failing check. Never raises for checks that `parse` gave."""
    cells = cells_of(problem.facts, _all_steps(problem))
    bound = _bound(problem, cells)
    believed = Box(cells)
    failing = {number for number, condition in bound.items() if not problem.owed[number].holds and not condition.narrow(believed)}
    if not failing:
        return Localisation()
    suspects = [_relieved(suspect, bound, failing, cells) for suspect in problem.suspects if suspect.weight is not None]
    return Localisation(tuple(block for part in _parts(bound, failing, suspects) for block in _explained(cells, bound, failing, part)))


def _relieved(suspect: Suspect, bound: Mapping[int, Condition], failing: set[int], cells: Cells) -> Suspect:
    if suspect.relieved is None:
        return suspect
    return relieved(suspect, [bound[number] for number in failing if not bound[number].cells.isdisjoint(suspect.cells)], cells)


def _all_steps(problem: Problem) -> set[Fraction]:
    return {step for suspect in problem.suspects for steps in (suspect.steps, suspect.ulps) for step in steps.values()}


def _bound(problem: Problem, cells: Cells) -> dict[int, Condition]:
    found = {}
    for number, owed in enumerate(problem.owed):
        try:
            found[number] = bind(owed.check, Scope(problem.facts, cells, owed.scope, owed.root, owed.level, problem.more_rows))
        except UnfitError:  # too many cells: the check is not applicable to this record
            continue
    return found


# -- parts -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """Checks, and the suspects that may change them, in the order of the problem."""

    numbers: tuple[int, ...]
    suspects: tuple[Suspect, ...]


def _parts(bound: Mapping[int, Condition], failing: set[int], suspects: Sequence[Suspect]) -> Iterator[_Part]:
    """The parts with failing checks that share no suspect with another: each is explained for itself."""
    touching = _touching(bound, suspects)
    for numbers in _components(touching, failing):
        involved = {name for number in numbers for name in touching[number]}
        yield _Part(tuple(sorted(numbers)), tuple(suspect for suspect in suspects if suspect.name in involved))


def _components(touching: Mapping[int, Sequence[str]], seeds: Iterable[int]) -> Iterator[set[int]]:
    """The checks that hang together by suspects they share, as far as a seed is among them."""
    of_suspect: dict[str, list[int]] = {}
    for number, names in touching.items():
        for name in names:
            of_suspect.setdefault(name, []).append(number)
    left = set(seeds)
    while left:
        numbers, ahead = set[int](), [min(left)]
        while ahead:
            number = ahead.pop()
            if number not in numbers:
                numbers.add(number)
                ahead += [other for name in touching[number] for other in of_suspect[name]]
        left -= numbers
        yield numbers


def _touching(bound: Mapping[int, Condition], suspects: Sequence[Suspect]) -> dict[int, list[str]]:
    """The suspects that may change each check, by its number."""
    of_cell: dict[str, list[str]] = {}
    for suspect in suspects:
        for cell in {*suspect.cells, *suspect.ulps, *suspect.rows}:
            of_cell.setdefault(cell, []).append(suspect.name)
    return {
        number: list(dict.fromkeys(name for cell in sorted(condition.cells) for name in of_cell.get(cell, ())))
        for number, condition in bound.items()
    }


# -- the search --------------------------------------------------------------------------------------------------------


def _explained(cells: Cells, bound: Mapping[int, Condition], failing: set[int], part: _Part) -> list[Block]:
    """The part as one block; where that is too much work, the failing checks that share no suspect directly as blocks of their own."""
    whole = _Search.of(cells, bound, failing, part)
    block = whole.block()
    if block.status is not Status.TOO_MANY:
        return _factored(block, whole.solver)
    clusters = list(_components({number: whole.solver.touching[number] for number in whole.failing}, whole.failing))
    if len(clusters) == 1:
        return [block]

    def searched(cluster: set[int]) -> Block:
        numbers = tuple(number for number in part.numbers if number in cluster or number not in failing)
        return _Search.of(cells, bound, cluster, _Part(numbers, part.suspects)).block()

    blocks = [searched(cluster) for cluster in clusters]
    apart, met = _apart(whole.solver, blocks)
    together = {number for one in met for number in one.failing}
    return [*apart, *([searched(together)] if 1 < len(met) < len(blocks) else _too_many(met))]


def _too_many(blocks: Sequence[Block]) -> list[Block]:
    return [Block(block.failing, Status.TOO_MANY) for block in blocks]


def _factored(block: Block, solver: Solver) -> list[Block]:
    """A block whose explanations are all combinations of smaller ones, which meet in no check, as blocks of these."""
    involved = {name for one in block.explanations for name in one.suspects}
    touching = {number: [name for name in solver.touching[number] if name in involved] for number in solver.conditions}
    parts = []
    for numbers in _components({number: names for number, names in touching.items() if names}, block.failing if involved else ()):
        names = {name for number in numbers for name in touching[number]}
        sets = dict.fromkeys(tuple(name for name in one.suspects if name in names) for one in block.explanations)
        parts.append((tuple(number for number in block.failing if number in numbers), list(sets)))
    if len(parts) < 2 or prod(len(sets) for _, sets in parts) != len(block.explanations):
        return [block]
    return [_part_block(failing, sets, solver) for failing, sets in parts]


def _part_block(failing: tuple[int, ...], sets: Sequence[tuple[str, ...]], solver: Solver) -> Block:
    """A block of sets that are known to explain its failing checks."""
    outcomes = [(names, solver.explains(frozenset(names))) for names in sets]
    found = [(names, one) for names, one in outcomes if isinstance(one, Explained)]
    costs = [one.extra + sum(solver.suspects[name].weight or 0 for name in names) for names, one in found]
    explanations = (Explanation(names, feasible(one.free, solver.cells), feasible(one.reach, solver.cells)) for names, one in found)
    return Block(failing, Status.FOUND, tuple(explanations), min(costs, default=0))


def _apart(solver: Solver, blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """The blocks whose explanations touch no check that another's do, and those that meet."""
    touched = [{number for one in block.explanations for name in one.suspects for number in solver.checks_of[name]} for block in blocks]
    meets = [any(one & other for number, other in enumerate(touched) if number != own) for own, one in enumerate(touched)]
    apart = [block for block, met in zip(blocks, meets, strict=True) if not met]
    return apart, [block for block, met in zip(blocks, meets, strict=True) if met]


@dataclass(slots=True)
class _Search:
    """Best-first search for the sets that explain some failing checks; `failing` are those, the shortest first."""

    solver: Solver
    failing: tuple[int, ...]
    tests: int = 0

    @classmethod
    def of(cls, cells: Cells, bound: Mapping[int, Condition], failing: set[int], part: _Part) -> _Search:
        conditions = {number: bound[number] for number in part.numbers}
        touching = _touching(conditions, part.suspects)
        checks_of: dict[str, list[int]] = {suspect.name: [] for suspect in part.suspects}
        for number, names in touching.items():
            for name in names:
                checks_of[name].append(number)
        by_length = sorted(part.numbers, key=lambda number: (len(touching[number]), number))
        broken = tuple(number for number in by_length if number in failing)
        order = {number: place for place, number in enumerate([*broken, *(number for number in by_length if number not in failing)])}
        suspects = {suspect.name: suspect for suspect in part.suspects}
        rank = {name: number for number, name in enumerate(suspects)}
        return cls(Solver(cells, suspects, rank, conditions, touching, checks_of, order), broken)

    @property
    def exhausted(self) -> bool:
        """Whether a cap was met."""
        return self.tests > MAX_TESTS or self.solver.steps > MAX_STEPS

    def block(self) -> Block:
        found: list[tuple[frozenset[str], Explained]] = []
        best = 0
        for best, names, explained in self.explaining():  # noqa: B007 - the cost of the last is that of all
            found.append((names, explained))
            if len(found) > MAX_SETS:
                break
        if self.exhausted or len(found) > MAX_SETS:
            return Block(self.failing, Status.TOO_MANY)
        if not found:
            return Block(self.failing, Status.NO_EXPLANATION)
        return Block(self.failing, Status.FOUND, tuple(self.explanations(found)), best)

    def explanations(self, found: Sequence[tuple[frozenset[str], Explained]]) -> Iterator[Explanation]:
        """The sets in the order of the problem."""
        rank = self.solver.rank.__getitem__
        sets = sorted(((tuple(sorted(names, key=rank)), one) for names, one in found), key=lambda pair: pair[0])
        for names, one in sets:
            yield Explanation(names, feasible(one.free, self.solver.cells), feasible(one.reach, self.solver.cells))

    def explaining(self) -> Iterator[tuple[int, frozenset[str], Explained]]:
        """The sets of least cost that explain, each with its cost."""
        best: int | None = None
        ties, first = count(), self.certain()
        seen, start = {first}, self.bound_to_come(first)
        heap: list[tuple[int, int, frozenset[str], Explained | None]] = []
        if start is not None:
            heap.append((self.weight(first) + start, next(ties), first, None))
        while heap and not self.exhausted:
            cost, _, names, explained = heappop(heap)
            if best is not None and cost > best:
                return
            if explained is not None:
                best = cost
                yield cost, names, explained
                continue
            self.tests += 1
            outcome = self.tried(names)
            if isinstance(outcome, Explained):
                heappush(heap, (self.weight(names) + outcome.extra, next(ties), names, outcome))
                continue
            for name in outcome.suspects:
                grown = names | {name}
                to_come = self.bound_to_come(grown) if grown not in seen else None
                seen.add(grown)
                if to_come is not None:
                    heappush(heap, (self.weight(grown) + to_come, next(ties), grown, None))

    def tried(self, names: frozenset[str]) -> Explained | Conflict:
        for number in self.failing:
            if names.isdisjoint(self.solver.touching[number]):
                return Conflict(tuple(self.solver.touching[number]))
        return self.solver.explains(names)

    def certain(self) -> frozenset[str]:
        """The suspects that are doubted from the start: wrong in any case, and read by a failing check."""
        names = {name for number in self.failing for name in self.solver.touching[number] if self.solver.suspects[name].certain}
        return frozenset(names if len(names) <= MAX_CERTAIN else ())

    def weight(self, names: Iterable[str]) -> int:
        """What a set costs by its weights."""
        return sum(self.solver.suspects[name].weight or 0 for name in names)

    def bound_to_come(self, names: frozenset[str]) -> int | None:
        """What at least must be added: the least weight of each of some disjoint conflicts. None: a check that nobody can mend."""
        used, total = set[str](), 0
        for number in self.failing:
            able = self.solver.touching[number]
            if names.isdisjoint(able):
                if not able:
                    return None
                if used.isdisjoint(able):
                    used.update(able)
                    total += min(self.solver.suspects[name].weight or 0 for name in able)
        return total
