"""Rows that no rule parts: where a table rules its columns alone, the figures that stand one below the other tell its rows apart.

Two columns of a ruled row must hold nothing but figures, three or more, at the same heights: running text that is set in two cells side by
side has its lines at the same heights too, but they are no figures.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from structurer.document import Box, Cell
from structurer.sheets.blocks import Block, Grid, Line, blocks
from structurer.sheets.sheet import Sheet

FEWEST: Final = 3  # figures in a column
LEVEL: Final = 0.5  # of the height of print: lines this near stand at the same height
_FIGURE: Final = re.compile(r"[-+(]{0,2}[¥$€£]?[-+]?\d[\d.,']*%?\)?[-+]?")


class _Stack(NamedTuple):
    """The lines of a cell: the middle of each, its top and its bottom."""

    middles: tuple[float, ...]
    tops: tuple[float, ...]
    bottoms: tuple[float, ...]
    height: float
    figures: int  # how many of them are figures

    @classmethod
    def of(cls, lines: Sequence[Line]) -> _Stack:
        tops = tuple(min(word.box.top for word in line) for line in lines)
        bottoms = tuple(max(word.box.bottom for word in line) for line in lines)
        figures = sum(bool(_FIGURE.fullmatch("".join(word.text for word in line))) for line in lines)
        height = max((word.height for line in lines for word in line), default=0.0)
        return cls(tuple((top + bottom) / 2 for top, bottom in zip(tops, bottoms, strict=True)), tops, bottoms, height, figures)

    @property
    def is_column(self) -> bool:
        """Whether it holds figures alone, but for its head."""
        return self.figures >= FEWEST and len(self.middles) - self.figures <= 1

    def stands_in(self, other: _Stack) -> bool:
        """Whether each line has one of the other at its height."""
        return all(any(abs(middle - theirs) <= LEVEL * self.height for theirs in other.middles) for middle in self.middles)


def blocks_of(sheet: Sheet) -> list[Block]:
    """The lines and grids of a page from top to bottom, with the rows of each grid told apart."""
    return [(top, left, rows_apart(block) if isinstance(block, Grid) else block) for top, left, block in blocks(sheet)]


def rows_apart(grid: Grid) -> Grid:
    """The grid with a row for each figure of its columns, where it rules none between them."""
    rows: dict[int, list[tuple[Cell, tuple[Line, ...]]]] = {}
    for cell, lines, _ in grid.cells.values():
        rows.setdefault(cell.row, []).append((cell, lines))
    for row in sorted(rows, reverse=True):
        if bounds := _bounds(rows[row]):
            grid = _parted(grid, row, bounds)
    return grid


def _bounds(own: Sequence[tuple[Cell, tuple[Line, ...]]]) -> list[float]:
    """The heights between the rows that stand in one, by its cells; none where nothing tells them apart."""
    if sum(len(lines) >= FEWEST for _, lines in own) < 2 or any(cell.rowspan > 1 for cell, _ in own):
        return []
    stacks = [_Stack.of(lines) for _, lines in own]
    columns = [stack for stack in stacks if stack.is_column]
    base = max(columns, key=lambda stack: len(stack.middles), default=None)
    if base is None or len(columns) < 2 or not all(stack.stands_in(base) for stack in columns):
        return []
    first = min(stack.middles[0] for stack in stacks if stack.middles)
    if base.middles[0] - first > LEVEL * base.height:  # the figures stand at the bottom of their rows
        return list(base.bottoms[:-1])
    return list(base.tops[1:])


def _parted(grid: Grid, row: int, bounds: Sequence[float]) -> Grid:
    more = len(bounds)
    cells: dict[tuple[int, int], tuple[Cell, tuple[Line, ...], Box]] = {}
    for cell, lines, box in grid.cells.values():
        if cell.row == row:
            for number, (part, within) in enumerate(_pieces(lines, box, bounds)):
                cells[row + number, cell.col] = replace(cell, row=row + number), part, within
        elif cell.row > row:
            cells[cell.row + more, cell.col] = replace(cell, row=cell.row + more), lines, box
        else:
            over = more if cell.row + cell.rowspan > row else 0
            cells[cell.row, cell.col] = replace(cell, rowspan=cell.rowspan + over), lines, box
    return Grid(grid.rows + more, grid.cols, cells)


def _pieces(lines: Sequence[Line], box: Box, bounds: Sequence[float]) -> Iterator[tuple[tuple[Line, ...], Box]]:
    """The lines of each row in a cell, and its part of the box."""
    ends = [box.top, *bounds, box.bottom]
    of_row: dict[int, list[Line]] = {number: [] for number in range(len(bounds) + 1)}
    for line in lines:
        middle = (min(word.box.top for word in line) + max(word.box.bottom for word in line)) / 2
        of_row[bisect_right(bounds, middle)].append(line)
    for number, some in of_row.items():
        yield tuple(some), Box(box.x0, ends[number], box.x1, ends[number + 1])
