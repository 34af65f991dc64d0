"""Which of its prints a value has: values stand on the page in the order of the record, so prints that are in order together are theirs.

The heaviest increasing chain (a weighted longest increasing subsequence, Fredman 1975), O(n log n) in the number of prints.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

MAX_WEIGHT = 30  # characters of one print that count: a long text is an anchor, but not the only one
Print = tuple[int, int]  # index of the first character, and how many


def in_order(prints: Sequence[Sequence[Print]], size: int) -> tuple[list[Print | None], int]:
    """One print or none for each value, so that they follow each other without overlap and as much of the page as possible is explained;
    and how much that is. `prints` are those of each value in the order of the record, within a page of `size` characters."""
    best = _Maxima()
    links: list[tuple[int, Print, int]] = []  # value, print, number of the link before it
    for value, of_value in enumerate(prints):
        grown = []
        for first, length in of_value:
            weight, before = best.up_to(first)
            links.append((value, (first, length), before))
            grown.append((first + length, weight + min(length, MAX_WEIGHT), len(links) - 1))
        for end, weight, number in grown:
            best.raise_to(end, weight, number)
    total, number = best.up_to(size)
    chosen: list[Print | None] = [None] * len(prints)
    while number >= 0:
        value, found, number = links[number]
        chosen[value] = found
    return chosen, total


class _Maxima:
    """The heaviest chain that ends at or before each place of the page: the places where it changes, in order, so that weights rise."""

    __slots__ = ("numbers", "places", "weights")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.weights: list[int] = []
        self.numbers: list[int] = []

    def up_to(self, place: int) -> tuple[int, int]:
        """Weight of the heaviest chain, and the number of its last link (-1: none); of equals the one that ends first."""
        index = bisect_right(self.places, place) - 1
        return (self.weights[index], self.numbers[index]) if index >= 0 else (0, -1)

    def raise_to(self, place: int, weight: int, number: int) -> None:
        """There is a chain of this weight that ends here."""
        first = bisect_right(self.places, place)
        if first and self.weights[first - 1] >= weight:
            return
        if first and self.places[first - 1] == place:
            first -= 1
        last = bisect_right(self.weights, weight, first)
        self.places[first:last], self.weights[first:last], self.numbers[first:last] = [place], [weight], [number]
