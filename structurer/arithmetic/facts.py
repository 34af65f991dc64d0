"""A record as checks see it: exact cells by JSON pointer, and the sheet on which one check notes what it read and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from structurer.arithmetic.syntax import STAR, Path

MAX_CELLS: Final = 100_000  # rows that the [*] of one check may stand for
SHOWN_CHARACTERS: Final = 40  # of a cell's text


@dataclass(frozen=True, slots=True)
class Quantity:
    """A cell: its value (None for a text), one unit in its last printed place in the same unit, and its text as printed.

    A blank cell has no Quantity: it is absent from `Facts.cells`.
    """

    value: Fraction | None
    ulp: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A record as checks see it: cells by JSON pointer (RFC 6901), and the number of rows of each list by the list's pointer.

    `same` names cells that stand here a second time, under an alias, by their own pointers.
    """

    cells: Mapping[str, Quantity]
    rows: Mapping[str, int]
    same: Mapping[str, str] = field(default_factory=dict)


def shown(quantity: Quantity) -> str:
    """A cell's text as printed, shortened; in quotes where it is no number."""
    text = quantity.text if len(quantity.text) <= SHOWN_CHARACTERS else quantity.text[: SHOWN_CHARACTERS - 1] + "…"
    return f'"{text}"' if quantity.value is None else text


class UnfitError(ValueError):
    """A comparison that the cells do not allow; the message is the reason why it is not applicable."""


class RuledOutError(UnfitError):
    """A value that would make a rule inapplicable, such as a divisor of zero: it is no explanation of a failure."""


class Sheet:
    """The cells that one check reads: found and missing in order of reading, within the bound on rows. Where nobody wants words it is
    `wordless`."""

    __slots__ = ("_budget", "_facts", "_scope", "found", "missing", "present", "wordless")

    def __init__(self, facts: Facts, scope: str, *, wordless: bool = False) -> None:
        self._facts, self._scope, self._budget, self.wordless = facts, scope, MAX_CELLS, wordless
        self.present: dict[str, None] = {}
        self.missing: dict[str, None] = {}
        self.found: dict[int, list[Quantity]] = {}  # by id of the Path, for the explanation

    def read(self, path: Path) -> list[Quantity]:
        """The cells a path stands for; those missing are noted and left out."""
        known = self.found.get(id(path))
        if known is not None:
            return known
        found: list[Quantity] = []
        cells, present, missing = self._facts.cells, self.present, self.missing
        for pointer in self._pointers(path):
            quantity = cells.get(pointer)
            if quantity is None:
                missing[pointer] = None
            else:
                present[pointer] = None
                found.append(quantity)
        self.found[id(path)] = found
        return found

    def count(self, path: Path) -> int | None:
        """The rows of `list[*]`, the cells present of any other path; None if the record does not hold the list."""
        start = self._start(path)
        if STAR in path.parts and self._facts.rows.get(start) is None:
            self.missing[start] = None
            return None
        return len(self._pointers(path)) if path.parts[-1] is STAR else len(self.read(path))

    def _start(self, path: Path) -> str:
        return ("" if path.absolute else self._scope) + path.pointers[0]

    def _pointers(self, path: Path) -> list[str]:
        pointers = [self._start(path)]
        for rest in path.pointers[1:]:
            pointers = [f"{above}/{row}{rest}" for above in pointers for row in self._rows(above)]
        return pointers

    def _rows(self, pointer: str) -> range:
        rows = self._facts.rows.get(pointer)
        if rows is None:
            self.missing[pointer] = None
            return range(0)
        self._budget -= rows
        if self._budget < 0:
            raise UnfitError(f"too large, more than {MAX_CELLS:,} cells")
        return range(rows)
