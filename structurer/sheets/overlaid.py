"""What a recogniser reads of a page beside what the file says of it: second opinions, and pictures among print."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from structurer.document import Box
from structurer.sheets.blocks import lines
from structurer.sheets.sheet import Char, Sheet

LEAST_SURE: Final = 0.4  # confidence that is left to a figure of which two readings differ
SLACK: Final = 1.0  # points around a word within which another reading's characters are its
_FIGURE: Final = re.compile(r"\d")


def doubted(chars: Sequence[Char], second: Sequence[Char]) -> tuple[Char, ...]:
    """The characters; figures of which a second reading says otherwise at the same place are doubted."""
    others = _Places(second)
    unsure: set[Box] = set()
    for line in lines(chars):
        for word in line:
            if _FIGURE.search(word.text) and (said := others.within(word.box)) and said != word.text:
                unsure.add(word.box)
    held = sorted(unsure, key=lambda box: box.top)
    return tuple(_lowered(char) if any(_holds(box, char) for box in held) else char for char in chars)


def _lowered(char: Char) -> Char:
    return char._replace(confidence=min(char.confidence if char.confidence is not None else 1.0, LEAST_SURE))


def _holds(box: Box, char: Char) -> bool:
    x, y = char.middle
    return box.x0 - SLACK <= x <= box.x1 + SLACK and box.top - SLACK <= y <= box.bottom + SLACK


class _Places:
    """Characters by where they stand."""

    def __init__(self, chars: Sequence[Char]) -> None:
        self._chars = sorted((char for char in chars if not char.text.isspace()), key=lambda char: char.middle[1])
        self._heights = [char.middle[1] for char in self._chars]

    def within(self, box: Box) -> str:
        """The text of those whose middle lies in a box."""
        near = self._chars[bisect_left(self._heights, box.top - SLACK) : bisect_left(self._heights, box.bottom + SLACK)]
        return "".join(char.text for char in sorted((char for char in near if _holds(box, char)), key=lambda char: char.middle[0]))


def laid_over(own: Sheet, read: Sheet, part: Box) -> Sheet:
    """A page with what was read of a part of it: characters where the file has none, tables where it rules none."""
    taken = _Places(own.chars)
    moved = (char._replace(box=_moved(char.box, part)) for char in read.chars)
    chars = tuple(char for char in moved if char.text.isspace() or not taken.within(char.box))
    tables = tuple(tuple(_moved(cell, part) for cell in cells) for cells in read.tables)
    free = tuple(cells for cells in tables if not any(_overlap(cell, other) for cell in cells for table in own.tables for other in table))
    alternatives = (*own.alternatives, *((_moved(box, part), text) for box, text in read.alternatives))
    both = replace(own, chars=(*own.chars, *chars), tables=(*own.tables, *free), alternatives=alternatives)
    return replace(both, engine=read.engine, dpi=read.dpi)


def _moved(box: Box, part: Box) -> Box:
    return Box(box.x0 + part.x0, box.top + part.top, box.x1 + part.x0, box.bottom + part.top)


def _overlap(one: Box, other: Box) -> bool:
    return min(one.x1, other.x1) - max(one.x0, other.x0) > SLACK and min(one.bottom, other.bottom) - max(one.top, other.top) > SLACK
