"""Error localisation as a problem: a record, the checks it owes and who may be doubted at what cost; and what its solution looks like.

A set of suspects explains a failing record if its cells can be given values with which every check holds (Fellegi and Holt 1976).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from structurer.arithmetic.facts import Facts
from structurer.arithmetic.syntax import Check

WEIGHT: Final = 10  # of a suspect of which nothing is known
UNUSUAL: Final = 1  # what a set costs more whose cells would need prints unlike their columns': more decimals, or a sign


class Status(StrEnum):
    """How the search for an explanation ended."""

    HOLDS = "every check holds"
    FOUND = "found"
    NO_EXPLANATION = "no explanation"  # no cells that may be doubted make the checks hold
    TOO_MANY = "too many errors"  # a cap was met before the search was done

    @classmethod
    def of(cls, statuses: Iterable[Status]) -> Status:
        """How a search ended that consists of several: as the one that knows least."""
        found = set(statuses)
        return next((status for status in (cls.TOO_MANY, cls.NO_EXPLANATION, cls.FOUND) if status in found), cls.HOLDS)


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

    weight: the cost of doubting it, well above UNUSUAL; None = never. cells: what is free when it is doubted, or (`gone`) taken away. rows:
    what is there then besides the record's own rows, or (`gone`) not there. steps: the grid on which each free number is printed, usually
    one unit in the last place; none for a text or for a number on no grid. whole: its numbers have no further decimals. signed: they may
    be negative (any number may, at the cost of UNUSUAL). certain: it is wrong in any case, and only to be seen with the failing checks that
    read it. ulps: units in the last place that cells have once this one is not believed. surprise: what it costs more that its cells should
    be within these ranges (0 = as likely as any). relieved: a lower weight, where the ranges that would mend one failing check by it alone
    make it more doubtful (None: they do not).
    """

    name: str
    weight: int | None = WEIGHT
    cells: tuple[str, ...] = ()
    steps: Mapping[str, Fraction] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    gone: bool = False
    whole: bool = False
    signed: bool = True
    certain: bool = False
    ulps: Mapping[str, Fraction] = field(default_factory=dict)
    surprise: Callable[[Mapping[str, Feasible]], int] | None = None
    relieved: Callable[[Mapping[str, Feasible]], int | None] | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A check in its place: its relative and absolute paths start from the pointers `scope` and `root`; `level` is what it requires.

    `holds`: that it holds, or does not apply, is known already (False: it is to be found out).
    """

    check: Check
    scope: str = ""
    level: str = "print"
    root: str = ""
    holds: bool = False


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
        return Status.of(block.status for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Problem:
    """A record, the checks it owes and who may be doubted. `more_rows` are the names of rows that a list may have besides its own."""

    facts: Facts
    owed: tuple[Owed, ...]
    suspects: tuple[Suspect, ...]
    more_rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
