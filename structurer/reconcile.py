"""Error localisation: the smallest sets of cells to blame when checks fail (Fellegi and Holt 1976).

A set of suspects explains a failing record if its cells can be given values with which every check holds. The sets of least weight are
found best first: a conflict (checks that contradict each other while their cells are believed) is hit by one suspect after the other, as
in a hitting-set tree (Reiter 1987), the cost to come bounded from below by disjoint conflicts (A*). Whether a set explains is decided by
interval propagation (HC4) on the checks' own trees, by elimination where linear checks are coupled, and at last by a witness: values for
its cells that were tried. All sets of least weight are returned, with the range of every cell.

An island: it knows names, exact numbers, weights and checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count
from typing import Final

from structurer.conditions import Condition, Scope, bind
from structurer.eliminate import eliminate
from structurer.facts import Facts, UnfitError
from structurer.ranges import EVERYTHING, INFINITY, ZERO, Bound, Exact, Range, plus
from structurer.syntax import Check
from structurer.terms import Box, Cells, cells_of

WEIGHT: Final = 10  # of a suspect of which nothing is known
UNUSUAL: Final = 1  # what a set costs more whose cells would need prints unlike their columns': more decimals, or a sign
FINER_STEPS: Final = 100  # per unit in the last place: two decimals more than the column prints
MAX_CERTAIN: Final = 6  # suspects of a block that are doubted from the start; of more, none is
MAX_TESTS: Final = 1_000  # sets tried for one block; beyond it the errors are too many
MAX_STEPS: Final = 12_000  # checks propagated for one block; the same
MAX_SETS: Final = 300  # equally good sets of one block; beyond it, the same
MAX_TRIALS: Final = 200  # values tried in search of one witness
MAX_ROUNDS: Final = 12  # of propagation; what would narrow further is left to the witness
MAX_TRIMMED: Final = 3  # free numbers whose ranges are trimmed
_GRID_TRIALS: Final = 24  # grid points of a range that are all tried
_END_TRIALS: Final = 3  # grid points at either end of a range that are tried


class Status(StrEnum):
    """How the search for an explanation ended."""

    HOLDS = "every check holds"
    FOUND = "found"
    NO_EXPLANATION = "no explanation"  # no cells that may be doubted make the checks hold
    TOO_MANY = "too many errors"  # a cap was met before the search was done


@dataclass(frozen=True, slots=True)
class Feasible:
    """What a doubted number may be so that every check can hold; a bound is None where there is none. Both ends were not refuted."""

    low: Fraction | None
    high: Fraction | None

    def __contains__(self, value: Fraction) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)

    def widened(self, by: Fraction) -> Feasible:
        """The range with its ends moved outward."""
        return Feasible(None if self.low is None else self.low - by, None if self.high is None else self.high + by)

    @property
    def only(self) -> Fraction | None:
        """The single value it allows, if it is one."""
        return self.low if self.low == self.high else None


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that may be wrong: one cell (`name` its pointer), a row that is lost ("/rows/-") or a row read twice ("/rows/3").

    weight: the cost of doubting it, well above UNUSUAL; None = never. cells: what is free when it is doubted, or (`gone`) taken
    away. steps: the grid on which each free number is printed, usually one unit in the last place; none for a text or for a number on no
    grid. whole: its numbers have no further decimals. signed: they may be negative (any number may, at the cost of UNUSUAL). certain: it
    is wrong in any case, and only to be seen with the failing checks that read it. ulps: units in
    the last place that cells have once this one is not believed. surprise: what it costs more that its cells should be within these ranges
    (0 = as likely as any).
    """

    name: str
    weight: int | None = WEIGHT
    cells: tuple[str, ...] = ()
    steps: Mapping[str, Fraction] = field(default_factory=dict)
    gone: bool = False
    whole: bool = False
    signed: bool = True
    certain: bool = False
    ulps: Mapping[str, Fraction] = field(default_factory=dict)
    surprise: Callable[[Mapping[str, Feasible]], int] | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A check in its place: its relative and absolute paths start from the pointers `scope` and `root`; `level` is what it requires."""

    check: Check
    scope: str = ""
    level: str = "print"
    root: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One set of least weight: its suspects by name, and what each free number among their cells may be; `reach` is the same for prints
    with more decimals, or another sign, than those of their columns."""

    suspects: tuple[str, ...]
    feasible: Mapping[str, Feasible]
    reach: Mapping[str, Feasible]


@dataclass(frozen=True, slots=True)
class Block:
    """Failing checks (numbers into the problem's) that share suspects, and all sets of least weight that explain them."""

    failing: tuple[int, ...]
    status: Status
    explanations: tuple[Explanation, ...] = ()
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Localisation:
    """What is to blame in one record: a block for each independent group of failing checks."""

    blocks: tuple[Block, ...] = ()

    @property
    def status(self) -> Status:
        found = {block.status for block in self.blocks}
        return next((status for status in (Status.TOO_MANY, Status.NO_EXPLANATION, Status.FOUND) if status in found), Status.HOLDS)


@dataclass(frozen=True, slots=True)
class Problem:
    """A record, the checks it owes and who may be doubted. `more_rows` are the names of rows that a list may have besides its own."""

    facts: Facts
    owed: tuple[Owed, ...]
    suspects: tuple[Suspect, ...]
    more_rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def localise(problem: Problem) -> Localisation:
    """The least sets of suspects that explain every failing check. Never raises for checks that `parse` gave."""
    cells = cells_of(problem.facts, _all_steps(problem))
    bound = _bound(problem, cells)
    believed = Box(cells)
    failing = {number for number, condition in bound.items() if not condition.narrow(believed)}
    if not failing:
        return Localisation()
    suspects = [suspect for suspect in problem.suspects if suspect.weight is not None]
    return Localisation(tuple(_search(problem, cells, bound, failing, part) for part in _blocks(bound, failing, suspects)))


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


# -- blocks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A connected part of the problem."""

    numbers: tuple[int, ...]
    suspects: tuple[Suspect, ...]


def _blocks(bound: Mapping[int, Condition], failing: set[int], suspects: Sequence[Suspect]) -> Iterator[_Part]:
    """The parts with failing checks that share no suspect with another: each is explained for itself."""
    touching = _touching(bound, suspects)
    of_suspect: dict[str, list[int]] = {}
    for number, names in touching.items():
        for name in names:
            of_suspect.setdefault(name, []).append(number)
    left = set(failing)
    while left:
        numbers, ahead = set[int](), [min(left)]
        while ahead:
            number = ahead.pop()
            if number not in numbers:
                numbers.add(number)
                ahead += [other for name in touching[number] for other in of_suspect[name]]
        left -= numbers
        involved = {name for number in numbers for name in touching[number]}
        yield _Part(tuple(sorted(numbers)), tuple(suspect for suspect in suspects if suspect.name in involved))


def _touching(bound: Mapping[int, Condition], suspects: Sequence[Suspect]) -> dict[int, list[str]]:
    """The suspects that may change each check, by its number."""
    of_cell: dict[str, list[str]] = {}
    for suspect in suspects:
        for cell in {*suspect.cells, *suspect.ulps}:
            of_cell.setdefault(cell, []).append(suspect.name)
    return {
        number: list(dict.fromkeys(name for cell in sorted(condition.cells) for name in of_cell.get(cell, ())))
        for number, condition in bound.items()
    }


# -- the search --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Search:
    """Best-first search in one block. A node is a set of suspects; `fine` sets were found to need more decimals."""

    cells: Cells
    conditions: dict[int, Condition]
    failing: tuple[int, ...]
    suspects: dict[str, Suspect]
    touching: dict[int, list[str]]
    checks_of: dict[str, list[int]]
    order: dict[int, int]  # of the checks: those that fail first, the shorter before the longer
    tests: int = 0
    steps: list[int] = field(default_factory=lambda: [0])

    @property
    def exhausted(self) -> bool:
        """Whether a cap was met."""
        return self.tests > MAX_TESTS or self.steps[0] > MAX_STEPS

    def certain(self) -> frozenset[str]:
        """The suspects that are doubted from the start: wrong in any case, and read by a failing check."""
        names = {name for number in self.failing for name in self.touching[number] if self.suspects[name].certain}
        return frozenset(names if len(names) <= MAX_CERTAIN else ())

    def weight(self, names: Iterable[str]) -> int:
        return sum(self.suspects[name].weight or 0 for name in names)

    def bound_to_come(self, names: frozenset[str]) -> int | None:
        """What at least must be added: the least weight of each of some disjoint conflicts. None: a check that nobody can mend."""
        used, total = set[str](), 0
        for number in self.failing:
            able = self.touching[number]
            if names.isdisjoint(able):
                if not able:
                    return None
                if used.isdisjoint(able):
                    used.update(able)
                    total += min(self.suspects[name].weight or 0 for name in able)
        return total


def _search(problem: Problem, cells: Cells, bound: Mapping[int, Condition], failing: set[int], part: _Part) -> Block:
    search = _prepared(cells, bound, failing, part)
    found: list[tuple[frozenset[str], _Explained]] = []
    best: int | None = None
    for cost, names, explained in _explaining(search):
        if best is not None and cost > best:
            break
        best = cost
        found.append((names, explained))
        if len(found) > MAX_SETS:
            break
    if search.exhausted or len(found) > MAX_SETS:
        return Block(search.failing, Status.TOO_MANY)
    if best is None:
        return Block(search.failing, Status.NO_EXPLANATION)
    order = {suspect.name: number for number, suspect in enumerate(problem.suspects)}
    sets = sorted(((tuple(sorted(names, key=order.__getitem__)), one) for names, one in found), key=lambda pair: pair[0])
    explanations = (Explanation(names, _ranges(one.free, cells), _ranges(one.reach, cells)) for names, one in sets)
    return Block(search.failing, Status.FOUND, tuple(explanations), best)


def _ranges(free: Mapping[str, Range], cells: Cells) -> dict[str, Feasible]:
    return {cell: _feasible(ends, cells) for cell, ends in free.items()}


def _feasible(ends: Range, cells: Cells) -> Feasible:
    low, high = (None if isinstance(end, float) else Fraction(end) / cells.unit for end in ends)
    return Feasible(low, high)


def _prepared(cells: Cells, bound: Mapping[int, Condition], failing: set[int], part: _Part) -> _Search:
    conditions = {number: bound[number] for number in part.numbers}
    touching = _touching(conditions, part.suspects)
    checks_of: dict[str, list[int]] = {suspect.name: [] for suspect in part.suspects}
    for number, names in touching.items():
        for name in names:
            checks_of[name].append(number)
    broken = sorted((number for number in part.numbers if number in failing), key=lambda number: (len(touching[number]), number))
    order = {
        number: place for place, number in enumerate([*broken, *sorted(set(part.numbers) - failing, key=lambda one: len(touching[one]))])
    }
    return _Search(cells, conditions, tuple(broken), {suspect.name: suspect for suspect in part.suspects}, touching, checks_of, order)


def _explaining(search: _Search) -> Iterator[tuple[int, frozenset[str], _Explained]]:
    """The sets that explain, cheapest first, each with its cost."""
    ties, first = count(), search.certain()
    seen, start = {first}, search.bound_to_come(first)
    heap: list[tuple[int, int, frozenset[str], _Explained | None]] = [] if start is None else [(start, next(ties), first, None)]
    while heap:
        cost, _, names, explained = heappop(heap)
        if explained is not None:
            yield cost, names, explained
            continue
        search.tests += 1
        if search.exhausted:
            return
        outcome = _test(search, names)
        if isinstance(outcome, _Explained):
            heappush(heap, (search.weight(names) + outcome.extra, next(ties), names, outcome))
            continue
        for name in outcome.suspects:
            grown = names | {name}
            if grown not in seen:
                seen.add(grown)
                to_come = search.bound_to_come(grown)
                if to_come is not None:
                    heappush(heap, (search.weight(grown) + to_come, next(ties), grown, None))


@dataclass(frozen=True, slots=True)
class _Explained:
    """A set explains: the ranges of its free numbers, and what it costs more because they are unusual or unlikely."""

    free: dict[str, Range]
    reach: dict[str, Range]
    extra: int


@dataclass(frozen=True, slots=True)
class _Conflict:
    """A set does not explain: one of these suspects must be doubted besides."""

    suspects: tuple[str, ...]


def _test(search: _Search, names: frozenset[str]) -> _Explained | _Conflict:
    for number in search.failing:
        if names.isdisjoint(search.touching[number]):
            return _Conflict(tuple(search.touching[number]))
    suspects = [search.suspects[name] for name in names]
    touched = sorted({number for name in names for number in search.checks_of[name]}, key=search.order.__getitem__)
    outcome = _solved(search, suspects, touched, _box(search.cells, suspects, usual=False))
    if isinstance(outcome, _Conflict) or all(suspect.whole and suspect.signed for suspect in suspects):
        return outcome
    narrower = _box(search.cells, suspects, usual=True)
    if all(narrower.meet(cell, ends) for cell, ends in outcome.free.items()):
        usual = _solved(search, suspects, touched, narrower)
        if isinstance(usual, _Explained):
            return replace(usual, reach=outcome.free)
    return _Explained(outcome.free, outcome.free, outcome.extra + UNUSUAL)


def _solved(search: _Search, suspects: Sequence[Suspect], touched: Sequence[int], box: Box) -> _Explained | _Conflict:
    conditions = [(number, search.conditions[number]) for number in touched]
    refuting = _propagate(box, conditions, search.steps)
    if refuting is None and len(box.free) > 1 and not eliminate(box, [condition for _, condition in conditions]):
        refuting = {number for number, _ in conditions}
    if refuting is None:
        witness = _Witness(conditions, search.steps)
        if witness.found(box):
            free = _trimmed(box, conditions, search.steps)
            return _Explained(free, free, _surprise(suspects, free, search.cells))
        refuting = {number for number, _ in conditions}
    doubted = {suspect.name for suspect in suspects}
    return _Conflict(tuple(dict.fromkeys(name for number in sorted(refuting) for name in search.touching[number] if name not in doubted)))


def _surprise(suspects: Sequence[Suspect], free: Mapping[str, Range], cells: Cells) -> int:
    total = 0
    for suspect in suspects:
        if suspect.surprise is not None:
            total += suspect.surprise({cell: _feasible(free[cell], cells) for cell in suspect.cells if cell in free})
    return total


def _box(cells: Cells, suspects: Sequence[Suspect], *, usual: bool) -> Box:
    free, loose, gone = dict[str, Range](), set[str](), set[str]()
    ulps, steps = dict[str, int](), dict[str, int]()
    for suspect in suspects:
        ulps |= {cell: int(ulp * cells.unit) for cell, ulp in suspect.ulps.items()}
        if suspect.gone:
            gone |= set(suspect.cells)
            continue
        for cell in suspect.cells:
            if cell in cells.texts:
                loose.add(cell)
                continue
            free[cell] = (ZERO, INFINITY) if usual and not suspect.signed else EVERYTHING
            if cell in suspect.steps:
                steps[cell] = int(suspect.steps[cell] * cells.unit) // (1 if usual or suspect.whole else FINER_STEPS)
    return Box(cells, free, frozenset(loose), frozenset(gone), ulps, steps)


def _propagate(box: Box, conditions: Sequence[tuple[int, Condition]], steps: list[int]) -> set[int] | None:
    """Narrow the box until nothing changes (HC4). None, or the numbers of the checks that together leave nothing. `steps` are counted."""
    narrowed_by: dict[str, set[int]] = {}
    for _ in range(MAX_ROUNDS):
        changed = False
        for number, condition in conditions:
            before = dict(box.free)
            steps[0] += 1
            held = condition.narrow(box)
            guilty = {number}.union(*(narrowed_by.get(cell, ()) for cell in condition.cells & before.keys()))
            if not held:
                return guilty
            for cell, ends in box.free.items():
                if ends != before[cell]:
                    narrowed_by.setdefault(cell, set()).update(guilty)
                    changed = True
        if not changed or len(box.free) == 1:
            break
    return None


def _trimmed(box: Box, conditions: Sequence[tuple[int, Condition]], steps: list[int]) -> dict[str, Range]:
    """The ranges without grid points at their ends that do not hold (half-open prints, strict comparisons), where those are few."""
    free = dict(box.free)
    for cell in free if len(free) <= MAX_TRIMMED else ():
        step, (low, high) = box.steps.get(cell), free[cell]
        for _ in range(_END_TRIALS if step else 0):
            if isinstance(low, float) or low >= high or _Witness(conditions, steps).found(box.with_free(free | {cell: (low, low)})):
                break
            low += step or 0
        for _ in range(_END_TRIALS if step else 0):
            if isinstance(high, float) or low >= high or _Witness(conditions, steps).found(box.with_free(free | {cell: (high, high)})):
                break
            high -= step or 0
        free[cell] = low, high
    return free


def _holds(box: Box, free: dict[str, Range], conditions: Sequence[tuple[int, Condition]]) -> bool:
    trial = box.with_free(free)
    return all(condition.narrow(trial) for _, condition in conditions)


@dataclass(slots=True)
class _Witness:
    """Looks for values of all free numbers with which every touched check holds."""

    conditions: Sequence[tuple[int, Condition]]
    steps: list[int]
    trials: int = 0

    def found(self, box: Box) -> bool:
        """Depth first, the narrowest range first; at most MAX_TRIALS values."""
        ahead = [cell for cell, (low, high) in box.free.items() if low != high]
        if not ahead:
            self.steps[0] += len(self.conditions)
            return _holds(box, dict(box.free), self.conditions)
        cell = min(ahead, key=lambda name: _width(box.free[name]))
        for value in _values(box, cell):
            self.trials += 1
            if self.trials > MAX_TRIALS:
                return False
            trial = box.with_free(box.free | {cell: (value, value)})
            if (len(ahead) == 1 or _propagate(trial, self.conditions, self.steps) is None) and self.found(trial):
                return True
        return False


def _width(ends: Range) -> Bound:
    return plus(ends[1], -ends[0])


def _values(box: Box, cell: str) -> Iterator[Exact]:
    """Values of a range worth trying: all of a short grid; else its ends, its own figure, nothing, and its middle."""
    low, high = box.free[cell]
    step = box.steps.get(cell)
    ends = [end for end in (low, high) if not isinstance(end, float)]
    if step and len(ends) == 2 and ends[1] - ends[0] < _GRID_TRIALS * step:
        yield from (ends[0] + step * number for number in range(int((ends[1] - ends[0]) // step) + 1))
        return
    yield from (value for value in (box.cells.numbers.get(cell, 0), 0) if low <= value <= high)
    yield from ends
    if len(ends) == 2:
        middle = Fraction(ends[0] + ends[1]) / 2
        yield middle // step * step if step else middle
    elif ends:
        yield ends[0] + (step or box.cells.unit) * (-1_000 if isinstance(low, float) else 1_000)
