"""Whether a set of suspects explains: can their cells be given values with which every check that reads them holds?

Decided in three steps, each exact where it answers: interval propagation on the checks' own trees (HC4) refutes; elimination refutes where
linear checks are coupled; a witness, values that were tried, proves. Where no witness is found within bounds the set is taken to fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from structurer.arithmetic.ranges import EVERYTHING, INFINITY, ZERO, Bound, Exact, Range, plus
from structurer.localisation.box import Box, Cells, in_units
from structurer.localisation.conditions import Condition
from structurer.localisation.eliminate import eliminate
from structurer.localisation.problem import UNUSUAL, Feasible, Suspect

FINER_STEPS: Final = 100  # per unit in the last place: two decimals more than the column prints
MAX_TRIALS: Final = 200  # values tried in search of one witness
MAX_ROUNDS: Final = 12  # of propagation; what would narrow further is left to the witness
MAX_TRIMMED: Final = 3  # free numbers whose ranges are trimmed
GRID_TRIALS: Final = 24  # grid points of a range that are all tried
END_TRIALS: Final = 3  # grid points at either end of a range that are tried


@dataclass(frozen=True, slots=True)
class Explained:
    """A set explains: the ranges of its free numbers, those for unusual prints (`reach`), and what it costs more than its weights."""

    free: Mapping[str, Range]
    reach: Mapping[str, Range]
    extra: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A set does not explain: one of these suspects must be doubted besides."""

    suspects: tuple[str, ...]


@dataclass(slots=True)
class Solver:
    """Tries sets of suspects on the checks of one block.

    rank: the suspects' order in the problem; conditions: the checks by number; touching: the suspects that may change each; checks_of: the
    reverse; order: in which checks are propagated. `steps` counts checks propagated, the measure of work.
    """

    cells: Cells
    suspects: Mapping[str, Suspect]
    rank: Mapping[str, int]
    conditions: Mapping[int, Condition]
    touching: Mapping[int, Sequence[str]]
    checks_of: Mapping[str, Sequence[int]]
    order: Mapping[int, int]
    steps: int = 0

    def explains(self, names: frozenset[str]) -> Explained | Conflict:
        """Whether doubting these suspects lets all checks that they touch hold: with prints like those of their columns, or (at the cost of
        UNUSUAL) with more decimals or another sign."""
        suspects = [self.suspects[name] for name in sorted(names, key=self.rank.__getitem__)]
        touched = sorted({number for name in names for number in self.checks_of[name]}, key=self.order.__getitem__)
        widest = self._solved(suspects, touched, _box(self.cells, suspects, usual=False))
        if isinstance(widest, Conflict) or all(suspect.whole and suspect.signed for suspect in suspects):
            return widest
        box = _box(self.cells, suspects, usual=True)
        if all(box.meet(cell, ends) for cell, ends in widest.free.items()):
            usual = self._solved(suspects, touched, box)
            if isinstance(usual, Explained):
                return replace(usual, reach=widest.free)
        return replace(widest, extra=widest.extra + UNUSUAL)

    def _solved(self, suspects: Sequence[Suspect], touched: Sequence[int], box: Box) -> Explained | Conflict:
        refuting = self.propagate(box, touched)
        if refuting is None and _is_open(box) and not eliminate(box, [self.conditions[number] for number in touched]):
            refuting = set(touched)
        if refuting is None and _Witness(self, touched).found(box):
            free = self._trimmed(box, touched)
            return Explained(free, free, surprise(suspects, free, self.cells))
        doubted = {suspect.name for suspect in suspects}
        guilty = sorted(set(touched) if refuting is None else refuting)
        return Conflict(tuple(dict.fromkeys(name for number in guilty for name in self.touching[number] if name not in doubted)))

    def propagate(self, box: Box, touched: Sequence[int]) -> set[int] | None:
        """Narrow the box until nothing changes. None, or the numbers of the checks that together leave nothing."""
        narrowed_by: dict[str, set[int]] = {}
        for _ in range(MAX_ROUNDS):
            changed = False
            for number in touched:
                before = dict(box.free)
                held = self._narrow(box, number)
                guilty = {number}.union(*(narrowed_by.get(cell, ()) for cell in self.conditions[number].cells & before.keys()))
                if not held:
                    return guilty
                for cell, ends in box.free.items():
                    if ends != before[cell]:
                        narrowed_by.setdefault(cell, set()).update(guilty)
                        changed = True
            if not changed or len(box.free) == 1:
                break
        return None

    def hold(self, box: Box, touched: Sequence[int]) -> bool:
        """Whether all checks hold with these values of the free cells."""
        return all(self._narrow(box, number) for number in touched)

    def _narrow(self, box: Box, number: int) -> bool:
        self.steps += 1
        return self.conditions[number].narrow(box)

    def _trimmed(self, box: Box, touched: Sequence[int]) -> dict[str, Range]:
        """The ranges without grid points at their ends that do not hold (half-open prints, strict comparisons), where those are few."""
        free = dict(box.free)
        for cell in free if len(free) <= MAX_TRIMMED else ():
            step = box.steps.get(cell, 0)
            low = self._end(box, touched, free, cell, free[cell][0], step) if step else free[cell][0]
            free[cell] = low, free[cell][1]
            high = self._end(box, touched, free, cell, free[cell][1], -step) if step else free[cell][1]
            free[cell] = low, high
        return free

    def _end(self, box: Box, touched: Sequence[int], free: Mapping[str, Range], cell: str, end: Bound, step: int) -> Bound:
        """An end of a range moved inward to where a witness is."""
        low, high = free[cell]
        for _ in range(END_TRIALS):
            if isinstance(end, float) or low == high or not low <= end <= high:
                break
            trial = box.with_free({**free, cell: (end, end)})
            if self.propagate(trial, touched) is None and _Witness(self, touched).found(trial):
                return end
            end += step
        return free[cell][0 if step > 0 else 1]


def relieved(suspect: Suspect, conditions: Sequence[Condition], cells: Cells) -> Suspect:
    """A suspect at its lowest weight: as doubtful as the ranges make it that would mend one of these failing checks by it alone."""
    if suspect.relieved is None or suspect.weight is None:
        return suspect
    weights = [suspect.weight]
    for condition in conditions:
        box = _box(cells, [suspect], usual=False)
        lower = suspect.relieved(feasible(box.free, cells)) if condition.narrow(box) else None
        weights += [] if lower is None else [lower]
    return replace(suspect, weight=min(weights))


def surprise(suspects: Sequence[Suspect], free: Mapping[str, Range], cells: Cells) -> int:
    """What the suspects cost more because of what their cells would have to be."""
    total = 0
    for suspect in suspects:
        if suspect.surprise is not None:
            total += suspect.surprise(feasible({cell: free[cell] for cell in suspect.cells if cell in free}, cells))
    return total


def feasible(free: Mapping[str, Range], cells: Cells) -> dict[str, Feasible]:
    """Ranges in whole parts as ranges of numbers."""
    return {
        cell: Feasible(*(None if isinstance(end, float) else Fraction(end) / cells.unit for end in ends)) for cell, ends in free.items()
    }


def _box(cells: Cells, suspects: Sequence[Suspect], *, usual: bool) -> Box:
    free, loose, gone, more = dict[str, Range](), set[str](), set[str](), set[str]()
    ulps, steps = dict[str, int](), dict[str, int]()
    for suspect in suspects:
        ulps |= {cell: in_units(ulp, cells.unit) for cell, ulp in suspect.ulps.items()}
        parts = 1 if usual or suspect.whole else FINER_STEPS
        whole = {cell: in_units(step, cells.unit) for cell, step in suspect.steps.items()}
        steps |= {cell: step // parts for cell, step in whole.items()}
        ulps |= {cell: step for cell, step in whole.items() if cell not in cells.ulps}  # of a blank: one unit of its column
        (gone if suspect.gone else more).update(suspect.rows)
        for cell in suspect.cells:
            if suspect.gone:
                gone.add(cell)
            elif cell in cells.texts:
                loose.add(cell)
            else:
                free[cell] = (ZERO, INFINITY) if usual and not suspect.signed else EVERYTHING
    return Box(cells, free, frozenset(loose), frozenset(gone), ulps, steps, frozenset(more))


def _is_open(box: Box) -> bool:
    """Whether several cells are free, one of them in more than a few values: where propagation may not have seen all."""
    return len(box.free) > 1 and any(_width(ends) > GRID_TRIALS * box.steps.get(cell, 0) for cell, ends in box.free.items())


def _width(ends: Range) -> Bound:
    return plus(ends[1], -ends[0])


@dataclass(slots=True)
class _Witness:
    """Looks for values of all free numbers with which every touched check holds."""

    solver: Solver
    touched: Sequence[int]
    trials: int = 0

    def found(self, box: Box) -> bool:
        """Depth first, the narrowest range first; at most MAX_TRIALS values."""
        ahead = [cell for cell, (low, high) in box.free.items() if low != high]
        if not ahead:
            return self.solver.hold(box.with_free(dict(box.free)), self.touched)
        cell = min(ahead, key=lambda name: _width(box.free[name]))
        for value in _values(box, cell):
            self.trials += 1
            if self.trials > MAX_TRIALS:
                return False
            trial = box.with_free(box.free | {cell: (value, value)})
            if (len(ahead) == 1 or self.solver.propagate(trial, self.touched) is None) and self.found(trial):
                return True
        return False


def _values(box: Box, cell: str) -> Iterator[Exact]:
    """Values of a range worth trying: all of a short grid; else its ends, its own figure, nothing, and its middle."""
    low, high = box.free[cell]
    step = box.steps.get(cell)
    ends = [end for end in (low, high) if not isinstance(end, float)]
    if step and len(ends) == 2 and ends[1] - ends[0] < GRID_TRIALS * step:
        yield from (ends[0] + step * number for number in range(int((ends[1] - ends[0]) // step) + 1))
        return
    own = box.cells.numbers.get(cell, 0)
    yield from (value for value in (own, own - (step or 0), own + (step or 0), 0) if low <= value <= high)
    yield from ends
    if len(ends) == 2:
        middle = Fraction(ends[0] + ends[1]) / 2
        yield middle // step * step if step else middle
    elif ends:
        yield ends[0] + (step or box.cells.unit) * (-1_000 if isinstance(low, float) else 1_000)
