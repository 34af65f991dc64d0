"""How a collection prints: whether the results of a check are rounded or cut off, learnt over all records of a run.

One print seldom tells: where the exact value lies outward of it by at most half a unit in the last place, both manners give it. But whoever
fills in a form prints all its results one way, so the prints that do tell (`Outcome.manner`) speak for the others, and a print of the other
manner stands out. Memory is flat: counts, and the first places of each manner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from structurer.arithmetic.checks import ROUNDED, TRUNCATED
from structurer.record import Checked, Record

MAX_PLACES: Final = 50  # kept of each manner of a check
MIN_PRINTS: Final = 3  # that tell, before anything is concluded
MIN_AGREED: Final = Fraction(9, 10)  # of them, for a convention
MIXED: Final = "mixed"


@dataclass(frozen=True, slots=True)
class Outlier:
    """A print of the other manner: the record (`source`, `index`), the JSON pointer of the object its check is scoped to, the check in
    numbers."""

    source: str
    index: int
    pointer: str
    words: str


@dataclass(frozen=True, slots=True)
class Convention:
    """How the results of one check (a rule's id) of one kind are printed: "rounded", "truncated" or "mixed".

    rounded, truncated: how many prints only the one explains; those of the other manner than the convention's are its outliers, of which
    the first MAX_PLACES are kept. None of them is an outlier where the manner is "mixed".
    """

    kind: str
    check: str
    manner: str
    rounded: int
    truncated: int
    outliers: tuple[Outlier, ...] = ()

    @property
    def telling(self) -> int:
        """How many prints tell."""
        return self.rounded + self.truncated

    @property
    def strays(self) -> int:
        """How many prints are of the other manner, those not kept included."""
        return {ROUNDED: self.truncated, TRUNCATED: self.rounded}.get(self.manner, 0)


@dataclass(frozen=True, slots=True)
class Printed:
    """How often the results of a check are printed in one manner, and the first places of it."""

    kind: str
    check: str
    manner: str
    count: int
    places: tuple[Outlier, ...]


@dataclass(slots=True)
class _Prints:
    """The prints of one manner: all counted, the first kept."""

    count: int = 0
    places: list[Outlier] = field(default_factory=list)

    def add(self, record: Record, checked: Checked) -> None:
        self.count += 1
        if len(self.places) < MAX_PLACES:
            self.places.append(Outlier(record.source, record.index, checked.pointer, checked.outcome.words))

    def merge(self, other: Printed) -> None:
        self.count += other.count
        self.places += other.places[: MAX_PLACES - len(self.places)]


class Conventions:
    """Learns conventions from records, fed one by one in any number."""

    def __init__(self) -> None:
        self._prints: dict[tuple[str, str], dict[str, _Prints]] = {}

    def add(self, record: Record) -> None:
        """Count the prints of a record that tell; those of checks that do not hold count for nothing."""
        for checked in record.checks:
            if checked.holds and checked.outcome.manner:
                self._of(record.kind, checked.id)[checked.outcome.manner].add(record, checked)

    def prints(self) -> tuple[Printed, ...]:
        """What was counted, to be added to what other records say."""
        return tuple(
            Printed(kind, check, manner, prints.count, tuple(prints.places))
            for (kind, check), manners in self._prints.items()
            for manner, prints in manners.items()
            if prints.count
        )

    def add_prints(self, printed: Iterable[Printed]) -> None:
        """Count what others have counted."""
        for one in printed:
            self._of(one.kind, one.check)[one.manner].merge(one)

    def _of(self, kind: str, check: str) -> dict[str, _Prints]:
        return self._prints.setdefault((kind, check), {ROUNDED: _Prints(), TRUNCATED: _Prints()})

    def conclude(self) -> tuple[Convention, ...]:
        """What is known so far, by kind and check; nothing of a check of which fewer than MIN_PRINTS prints tell."""
        found = (_concluded(*key, prints[ROUNDED], prints[TRUNCATED]) for key, prints in sorted(self._prints.items()))
        return tuple(convention for convention in found if convention.telling >= MIN_PRINTS)


def _concluded(kind: str, check: str, rounded: _Prints, truncated: _Prints) -> Convention:
    agreed, others = (ROUNDED, truncated) if rounded.count > truncated.count else (TRUNCATED, rounded)
    holds = others.count <= (1 - MIN_AGREED) * (rounded.count + truncated.count)
    outliers = tuple(others.places) if holds else ()
    return Convention(kind, check, agreed if holds else MIXED, rounded.count, truncated.count, outliers)
