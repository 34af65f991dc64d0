"""Text too long for its cell: lines through which a ruling runs go to the cell that holds the middle of their text, not their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from structurer.document import Box
from structurer.sheets.sheet import Char

STRUCK: Final = 0.25  # of the character height: print that stands farther over a ruling is struck by it
SAME_LINE: Final = 0.35  # of the character height: how far apart the middles of a line's characters are at most
LEADING: Final = (0.9, 1.7)  # of the character height: from line to line of a text
ALIKE: Final = 0.1  # of the character height: by how much the heights of the lines of a text differ at most


class _Row(NamedTuple):
    """A line of print in the cell that holds its middle; `level` is that middle."""

    level: float
    height: float
    cell: Box
    chars: list[Char]

    @property
    def is_struck(self) -> bool:
        return _are_struck(self.chars, self.cell)


def _are_struck(chars: Iterable[Char], cell: Box) -> bool:
    """Whether a ruling of its cell runs through a character."""
    _, above, _, below = cell
    for char in chars:
        _, top, _, bottom = char.box
        if max(above - top, bottom - below) > STRUCK * (bottom - top):
            return True
    return False


def give_back(cells: Sequence[Box], inside: MutableMapping[Box | None, list[Char]]) -> None:
    """Moves the struck lines of a table to the cells of their texts; `inside` has the characters of each cell.

    Where a ruling strikes all print of a row nothing is moved: heights of fonts may be misstated.
    """
    if not any(_are_struck(inside.get(box, ()), box) for box in cells):
        return
    printed = {box: chars for box in cells if (chars := [char for char in inside.get(box, ()) if not char.text.isspace()])}
    columns: dict[tuple[float, float], list[Box]] = {}
    for box in printed:
        columns.setdefault((box.x0, box.x1), []).append(box)
    for column in columns.values():
        rows = [row for box in sorted(column, key=lambda box: box.top) for row in _rows(box, printed[box])]
        for text in _texts(rows):
            _move(text, cells, printed, inside)


def _rows(box: Box, chars: Sequence[Char]) -> Iterator[_Row]:
    row: list[Char] = []
    for char in sorted(chars, key=lambda char: char.middle[1]):
        if row and char.middle[1] - row[-1].middle[1] > SAME_LINE * char.height:
            yield _row(box, row)
            row = []
        row.append(char)
    yield _row(box, row)


def _row(box: Box, chars: list[Char]) -> _Row:
    return _Row(chars[0].middle[1], max(char.height for char in chars), box, chars)


def _texts(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Struck lines with those that they go on with: the farther of the lines above and below that are near enough, for rows of a table
    too low for their text are nearer than its own lines.
    """
    gaps = [_gap(*pair) for pair in pairwise(rows)]
    around = list(zip(rows, [0.0, *gaps], [*gaps, 0.0], strict=True))
    joined = [
        any(row.is_struck and gap and gap >= max(above, below) for row, above, below in around[place : place + 2])
        for place, gap in enumerate(gaps)
    ]
    text = list(rows[:1])
    for row, is_joined in zip(rows[1:], joined, strict=True):
        if not is_joined:
            yield text
            text = []
        text.append(row)
    yield text


def _gap(one: _Row, other: _Row) -> float:
    """From a line to the next in character heights; 0 where they are of no one text, as those that stand alike in their cells."""
    least, most = LEADING
    gap, difference = (other.level - one.level) / one.height, abs(one.height - other.height) / one.height
    is_text = all(char.upright for char in (*one.chars, *other.chars)) and difference <= ALIKE
    shift = abs((other.level - other.cell.top) - (one.level - one.cell.top)) / one.height
    return gap if is_text and least <= gap <= most and shift > ALIKE else 0.0


def _move(
    text: Sequence[_Row], cells: Sequence[Box], printed: Mapping[Box, list[Char]], inside: MutableMapping[Box | None, list[Char]]
) -> None:
    """To the cell that holds the middle of a text, if all its lines beyond that are struck. What stands above it alone is no part of it:
    a text that is too long runs over below, or on both sides.
    """
    first, last = text[0], text[-1]
    middle = (first.level - first.height / 2 + last.level + last.height / 2) / 2
    owner = next((row.cell for row in text if row.cell.top <= middle < row.cell.bottom), None)
    strays = [row for row in text if row.cell != owner]
    is_over_above = owner not in (None, first.cell) and owner == last.cell
    if owner is None or is_over_above or not all(row.is_struck and _is_in_clear_row(row.cell, cells, printed) for row in strays):
        return
    for row in strays:
        inside[row.cell] = [char for char in inside[row.cell] if char not in row.chars]
        inside[owner] = [*inside[owner], *row.chars]


def _is_in_clear_row(box: Box, cells: Sequence[Box], printed: Mapping[Box, list[Char]]) -> bool:
    """Whether print that is not struck stands beside a cell."""
    beside = (other for other in cells if other != box and (other.top, other.bottom) == (box.top, box.bottom) and other in printed)
    return any(not _are_struck(printed[other], other) for other in beside)
