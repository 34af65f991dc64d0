"""How the rows of a list look in print: which sort of token stands in which place, line by line."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from structurer.judging.linetokens import FIGURES, Place, Sort, Token


@dataclass(frozen=True, slots=True)
class Block:
    """The lines that a row was read from, and those that its `values` stand on; `number` is its place among all rows of its kind, `list`
    the pointer of its list."""

    first: int
    last: int
    number: int
    list: str
    values: tuple[int, ...]

    @property
    def lines(self) -> range:
        return range(self.first, self.last + 1)

    def within(self, first: int, last: int) -> int:
        """How many of its values stand on these lines."""
        return bisect_right(self.values, last) - bisect_left(self.values, first)


@dataclass(frozen=True, slots=True)
class Profile:
    """How rows of `size` lines (see `PrintedLines.size`) look: which sorts stand where in nearly all, how many figures and tokens nearly
    all have, which lines have no words, and odd looks that are not rare. `edge`: the printed column in which nearly all end."""

    size: int
    grid: bool
    required: Mapping[Place, frozenset[Sort]]
    figures: int
    cells: int
    wordless: frozenset[int] = frozenset()
    odd: frozenset[frozenset[tuple[Place, Sort]]] = frozenset()
    edge: int | None = None

    @property
    def dated(self) -> bool:
        return any(sorts == {Sort.DATE} for sorts in self.required.values())

    @property
    def weak(self) -> bool:
        """Whether rows have but one date or figure, as many other lines have."""
        return self.figures + self.dated < 2

    def requires(self, place: Place) -> bool:
        """Whether nearly all rows have something there, lines counted from the last."""
        return (place[0] + self.size, *place[1:]) in self.required

    def half(self) -> Profile | None:
        """How one row looks, where what was taken for a row is two that look alike."""
        size = self.size // 2
        upper = {place: sorts for place, sorts in self.required.items() if place[0] < size}
        lower = {(number - size, what, at): sorts for (number, what, at), sorts in self.required.items() if number >= size}
        if self.size % 2 or upper.keys() != lower.keys():
            return None
        wordless = frozenset(number for number in self.wordless if number + size in self.wordless)
        return Profile(
            size, self.grid, {place: sorts | lower[place] for place, sorts in upper.items()}, self.figures // 2, self.cells // 2, wordless
        )

    def fits(self, found: Mapping[Place, Token], *, amid: bool = False) -> bool:
        """Whether lines look like that. In a grid a figure may stand in another column (debits, credits); `amid` the rows, anything may:
        rows are set awry."""
        look = {place: token.sort for place, token in found.items()}
        if frozenset(look.items()) in self.odd:
            return True
        if sum(sort in FIGURES for sort in look.values()) < self.figures:
            return False
        loose = self.grid and not self.weak
        if loose and amid:
            return len(look) >= self.cells and sum(sort is Sort.DATE for sort in look.values()) >= self.dated
        wordy = any(what == "words" and number in self.wordless for number, what, _ in look)
        lacking = [place for place, sorts in self.required.items() if look.get(place) not in sorts]
        return not wordy and all(self.required[place] & FIGURES and (loose or look.get(place) is Sort.DASH) for place in lacking)


@dataclass(frozen=True, slots=True)
class Window:
    """Lines that look like a row."""

    first: int
    last: int
    profile: Profile

    @property
    def lines(self) -> range:
        return range(self.first, self.last + 1)
