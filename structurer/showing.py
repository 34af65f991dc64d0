"""What a model is shown of a page: its text, a ruled row as one line of cells parted by bars, with the labels merged over it.

A row begins with the number of its table and its own ("2.14"), so that none is skipped unnoticed; figures of which the recogniser was
not sure are marked behind. Lines that are no rows are shown as they stand, and so is every line of a document that rules no tables.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from structurer.document import SURE, Cell, Document

BAR: Final = " | "
UNSURE: Final = "[?]"  # behind a figure
NOTE: Final = (
    "Lines that begin with a number like 2.14 are rows of tables: the number counts tables and rows and is not printed on the page; "
    "cells are parted by bars, and a label merged over several rows is repeated. "
    f"{UNSURE} behind a figure says that the recogniser was not sure of it; it is not printed."
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table, where its line is in the text, and the cells that cover it, from left to right."""

    start: int
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Showing:
    """A document as a model is shown it, by offsets into its text."""

    document: Document

    @property
    def note(self) -> str:
        """What a model is told of the way in which the text is shown; empty where it is the text itself."""
        return NOTE if self._rows else ""

    def of(self, start: int, end: int) -> str:
        """The lines of text[start:end]; a row that begins before `start` or ends behind `end` is shown as it stands."""
        text = self.document.text
        shown, position = [], start
        for row in self._rows[bisect_left(self._starts, start) : bisect_left(self._starts, end)]:
            stop = _line_end(text, row.start)
            if stop <= end:
                shown += [self._marked(position, row.start), self._line(row)]
                position = stop
        return "".join([*shown, self._marked(position, end)])

    def _line(self, row: _Row) -> str:
        cells = [shown for cell in row.cells for shown in (self._cell(cell), *[""] * (cell.colspan - 1))]
        return BAR.join([row.name, *cells])

    def _cell(self, cell: Cell) -> str:
        return " ".join(self._marked(*piece) for piece in cell.pieces)

    def _marked(self, start: int, end: int) -> str:
        """text[start:end] with a mark behind each figure that is not sure."""
        text, words = self.document.text, self.document.words
        shown, position = [], start
        for word in words[words.first_ending_after(start) : words.first_starting_at(end)]:
            if word.confidence is not None and word.confidence < SURE and any(map(str.isdigit, text[word.start : word.end])):
                shown += [text[position : word.end], UNSURE]
                position = word.end
        return "".join([*shown, text[position:end]])

    @cached_property
    def _rows(self) -> tuple[_Row, ...]:
        found = [row for number, table in enumerate(self.document.tables, 1) for row in _rows(self.document.text, number, table.cells)]
        return tuple(sorted(found, key=lambda row: row.start))

    @cached_property
    def _starts(self) -> list[int]:
        return [row.start for row in self._rows]


def _rows(text: str, number: int, cells: Sequence[Cell]) -> Iterator[_Row]:
    """The rows that print anything. A row stands on the line of the first piece of a cell that begins in it."""
    starts: dict[int, int] = {}
    for cell in cells:
        if cell.pieces:
            start = _line_start(text, cell.pieces[0][0])
            starts[cell.row] = min(starts.get(cell.row, start), start)
    by_row: dict[int, list[Cell]] = {row: [] for row in starts}
    rows = sorted(starts)
    for cell in cells:
        for row in rows[bisect_left(rows, cell.row) : bisect_left(rows, cell.row + cell.rowspan)]:
            by_row[row].append(cell)
    for row in rows:
        covering = tuple(sorted(by_row[row], key=lambda cell: cell.col))
        yield _Row(starts[row], f"{number}.{row + 1}", covering)


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\f", 0, offset)) + 1


def _line_end(text: str, offset: int) -> int:
    stops = [stop for stop in (text.find("\n", offset), text.find("\f", offset)) if stop >= 0]
    return min(stops, default=len(text))
