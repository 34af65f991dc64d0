"""Which of its prints a value has: values stand on the page in the order of the record, so prints that are in order together are theirs.

The heaviest increasing chain (a weighted longest increasing subsequence, Fredman 1975, with Fenwick's tree of maxima), O(n log n) in the
number of prints.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_WEIGHT = 30  # characters of one print that count: a long text is an anchor, but not the only one
Print = tuple[int, int]  # index of the first character, and how many


def in_order(prints: Sequence[Sequence[Print]], size: int) -> tuple[list[Print | None], int]:
    """One print or none for each value, so that they follow each other without overlap and as much of the page as possible is explained;
    and how much that is. `prints` are those of each value in the order of the record, within a page of `size` characters."""
    best = _Maxima(size + 1)
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
    """The heaviest chain that ends at or before each place of the page."""

    __slots__ = ("tree",)

    def __init__(self, size: int) -> None:
        self.tree: list[tuple[int, int]] = [(0, -1)] * (size + 1)

    def up_to(self, place: int) -> tuple[int, int]:
        """Weight of the heaviest chain, and the number of its last link (-1: none)."""
        found, place = (0, -1), place + 1
        while place > 0:
            if self.tree[place][0] >= found[0] and self.tree[place][1] >= 0:  # of equals the one that ends first
                found = self.tree[place]
            place &= place - 1
        return found

    def raise_to(self, place: int, weight: int, number: int) -> None:
        """There is a chain of this weight that ends here."""
        place += 1
        while place < len(self.tree):
            if self.tree[place][0] < weight:
                self.tree[place] = weight, number
            place += place & -place
