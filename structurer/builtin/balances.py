"""Running balances of a list: which column says what others amount to so far, and what is known at each place of the list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Final

from structurer.builtin.printedrows import PrintedRow

MISREAD: Final = 10  # one step of a running column in so many may fail
MIN_STEPS: Final = 2  # of a running column
TRIAL: Final = 20  # steps, after which one that half of them contradict is given up
MAX_TERMS: Final = 6  # columns of figures, up to which a balance may be moved by two of them


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """What moves a running column: others, each with its sign. `loose`: either way, as debits and credits read into one column do."""

    loose: bool
    parts: tuple[tuple[int, int], ...]

    def moves(self, row: PrintedRow) -> int:
        return sum(sign * row.figures.get(column, 0) for column, sign in self.parts)

    def fits(self, step: int, moved: int) -> bool:
        """Whether a step of the running column is what the others say."""
        return step == moved or (self.loose and step == -moved)


@dataclass(slots=True)
class Ledger:
    """What is known at one place of a list: by column, the sum of the entries so far, how many there are, how many there were at each sum
    from which on may be summed up, and what the running columns stand at."""

    running: Mapping[int, Term]
    columns: frozenset[int]
    totals: Counter[int] = field(default_factory=Counter)
    counts: Counter[int] = field(default_factory=Counter)
    marks: defaultdict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    standing: dict[int, int] = field(default_factory=dict)

    def mark(self) -> None:
        for column in self.columns - self.running.keys():
            self.marks[column].setdefault(self.totals[column], self.counts[column])

    def add(self, row: PrintedRow) -> None:
        for column, figure in row.figures.items():
            self.totals[column] += figure
            self.counts[column] += 1
        for column, term in self.running.items():
            if column in row.figures:
                self.standing[column] = row.figures[column]
            elif term.loose:
                self.standing.pop(column, None)
            elif column in self.standing:
                self.standing[column] += term.moves(row)

    def summed(self, column: int, figure: int) -> int:
        """How many figures before this place add up to one."""
        at = self.marks[column].get(self.totals[column] - figure)
        return 0 if at is None else self.counts[column] - at


def relation(rows: Sequence[PrintedRow], column: int, columns: frozenset[int]) -> Term | None:
    """What moves a running column, so that it is what it was before plus or minus the figures of others in almost all rows; None where
    nothing does, or where two steps do not show it."""
    others = sorted(columns - {column})
    parts: list[tuple[tuple[int, int], ...]] = [((other, sign),) for other in others for sign in (1, -1)]
    if len(others) < MAX_TERMS:
        parts += [((more, 1), (less, -1)) for more, less in permutations(others, 2)]
        parts += [((one, 1), (other, 1)) for one, other in combinations(others, 2)]
    terms = [*(Term(False, some) for some in parts), *(Term(True, ((other, 1),)) for other in others)]
    tried = ((_wrong(rows, column, term), term) for term in terms)
    return min(((term.loose, wrong, len(term.parts), term) for wrong, term in tried if wrong is not None), default=(False, 0, 0, None))[3]


def _wrong(rows: Sequence[PrintedRow], column: int, term: Term) -> int | None:
    """How many steps of a column a term does not explain; None where these are too many, or all too few."""
    steps = wrong = moved = 0
    standing: int | None = None
    for row in rows:
        moved += term.moves(row)
        if column not in row.figures:
            continue
        if standing is not None and (moved or row.figures[column] != standing):
            steps += 1
            wrong += not term.fits(row.figures[column] - standing, moved)
        if wrong * MISREAD > len(rows) or (steps == TRIAL and wrong * 2 > steps):
            return None
        standing, moved = row.figures[column], 0
    return wrong if steps >= MIN_STEPS and wrong * MISREAD <= steps else None
