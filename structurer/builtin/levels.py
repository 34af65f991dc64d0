"""Labels that cover several rows: what they say when they are broken, and which rows they cover when they are printed amid them."""

from __future__ import annotations

from functools import lru_cache

from structurer.contracts.schema import Leaf
from structurer.fold import squeeze


@lru_cache(maxsize=65536)
def snap(leaf: Leaf, text: str) -> tuple[str, bool]:
    """The known value that a printed label stands for, and whether it is sure.

    A label cut by the end of a page or with a stray remainder of its neighbour is completed only if exactly one known value fits; a label
    that the schema does not know stays as printed.
    """
    folded = squeeze(text)
    values = {squeeze(value): value for value, _ in leaf.values}
    if folded in values:
        return values[folded], True
    for fits in (_begins, _within, _contains):
        found = [value for key, value in values.items() if fits(folded, key)]
        if len(found) == 1:
            return found[0], True
        if found and fits is _contains:
            return max(found, key=len), True
    return text, not leaf.values


def _begins(text: str, key: str) -> bool:
    return len(text) > 1 and key.startswith(text)


def _within(text: str, key: str) -> bool:
    """All characters of the print stand in the known value, in order."""
    rest = iter(key)
    return len(text) * 2 >= len(key) and text[0] == key[0] and all(char in rest for char in text)


def _contains(text: str, key: str) -> bool:
    """The known value with a remainder of a neighbouring label before or behind it."""
    return key in text and len(text) - len(key) <= 3


def parents(leaf: Leaf, value: str) -> tuple[str, ...]:
    """The labels under which a known value may stand; none where the schema does not say."""
    return next((above for known, above in leaf.values if known == value), ())


def cover(count: int, places: list[int]) -> tuple[list[int], bool]:
    """Which label (by index) covers each of `count` rows, from the row before which each label is printed; and whether it is sure.

    A merged cell prints its label at its top (every label stands before its first row) or in its middle. The first is assumed unless rows
    stand above the first label; then each label is put in the middle of its rows as nearly as the order allows.
    """
    if not places:
        return [], False
    if places[0] == 0:
        starts = [min(place, count) for place in places]
        return _filled(count, starts), True
    return _filled(count, _centred(count, places)), False


def _filled(count: int, starts: list[int]) -> list[int]:
    covering = []
    for row in range(count):
        covering.append(max(index for index, start in enumerate(starts) if start <= row))
    return covering


def _centred(count: int, places: list[int]) -> list[int]:
    """Starts of the groups such that each label stands nearest the middle of its rows (dynamic programming over the boundaries)."""
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for index, place in enumerate(places):
        last = index == len(places) - 1
        following: dict[int, tuple[float, tuple[int, ...]]] = {}
        for start, (cost, starts) in best.items():
            for end in range(start + 1, count + 1) if not last else (count,):
                total = cost + abs((start + end) / 2 - place)
                if end not in following or total < following[end][0]:
                    following[end] = (total, (*starts, start))
        best = following
    return list(min(best.values())[1]) if best else [0] * len(places)
