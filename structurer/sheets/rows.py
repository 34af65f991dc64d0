"""Rows that no rule parts: where a table rules its columns alone, the figures that stand one below the other tell its rows apart.

A column of a ruled row must hold nothing but figures, three or more, and another cell figures at the same heights, or a line beside each of
them: running text that is set in two cells side by side has its lines at the same heights too, but they are no figures.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from structurer.document import Box, Cell
from structurer.sheets.blocks import Block, Grid, Line, blocks
from structurer.sheets.sheet import Sheet

FEWEST: Final = 3  # figures in a column
LEVEL: Final = 0.5  # of the height of print: lines this near stand at the same height
_FIGURE: Final = re.compile(r"[-+(]{0,2}[¥$€£]?[-+]?\d[\d.,']*%?\)?[-+]?")


Held = tuple[Cell, tuple[Line, ...], Box]


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
        return all(_is_among(middle, other.middles, LEVEL * self.height) for middle in self.middles)


def _is_among(middle: float, others: Sequence[float], near: float) -> bool:
    index = bisect_left(others, middle - near)
    return index < len(others) and others[index] <= middle + near


def blocks_of(sheet: Sheet) -> list[Block]:
    """The lines and grids of a page from top to bottom, with the rows of each grid told apart."""
    return [(top, left, rows_apart(block) if isinstance(block, Grid) else block) for top, left, block in blocks(sheet)]


def rows_apart(grid: Grid) -> Grid:
    """The grid with a row for each figure of its columns, where it rules none between them."""
    if sum(len(lines) >= FEWEST for _, lines, _ in grid.cells.values()) < 2:
        return grid
    grid = _cut(grid)
    for row, own in sorted(_rows(grid).items(), reverse=True):
        if bounds := _bounds(own):
            grid = _parted(grid, row, bounds)
    return grid


def _rows(grid: Grid) -> dict[int, list[Held]]:
    rows: dict[int, list[Held]] = {}
    for held in grid.cells.values():
        rows.setdefault(held[0].row, []).append(held)
    return rows


def _cut(grid: Grid) -> Grid:
    """Columns of figures go on beside the sums below a table, whose other columns end there: they are cut where those are."""
    cells = dict(grid.cells)
    for row, own in sorted(_rows(grid).items()):
        ended = [_Stack.of(lines) for cell, lines, _ in own if cell.rowspan == 1 and len(lines) >= FEWEST]
        foot = min((box.bottom for cell, _, box in own if cell.rowspan == 1), default=0.0)
        for cell, lines, box in [cells[row, held[0].col] for held in own if held[0].rowspan > 1]:
            stack = _Stack.of(lines)
            if stack.is_column and any(one.is_column and one.stands_in(stack) for one in ended):
                (above, upper), (below, lower) = _pieces(lines, box, [foot])
                cells[row, cell.col] = replace(cell, rowspan=1), above, upper
                cells[row + 1, cell.col] = replace(cell, row=row + 1, rowspan=cell.rowspan - 1), below, lower
    return Grid(grid.rows, grid.cols, cells)


def _bounds(own: Sequence[Held]) -> list[float]:
    """The heights between the rows that stand in one, by its cells; none where nothing tells them apart."""
    if sum(len(lines) >= FEWEST for _, lines, _ in own) < 2 or any(cell.rowspan > 1 for cell, _, _ in own):
        return []
    stacks = [_Stack.of(lines) for _, lines, _ in own]
    columns = [stack for stack in stacks if stack.is_column]
    base = max(columns, key=lambda stack: len(stack.middles), default=None)
    if base is None or not all(stack.stands_in(base) for stack in columns):
        return []
    beside = [stack for stack in stacks if len(stack.middles) == len(base.middles) and stack.stands_in(base)]
    if len(columns) < 2 and len(beside) < 2:
        return []
    near, longer = LEVEL * base.height, [stack for stack in stacks if len(stack.middles) > len(base.middles)]
    if not all(base.stands_in(stack) for stack in longer):
        return []  # amid its lines a figure does not show where a row ends
    if all(abs(stack.middles[0] - base.middles[0]) <= near for stack in longer):
        return list(base.tops[1:])
    if all(abs(stack.middles[-1] - base.middles[-1]) <= near for stack in longer):  # the figures stand at the bottom of their rows
        return list(base.bottoms[:-1])
    return []


def _parted(grid: Grid, row: int, bounds: Sequence[float]) -> Grid:
    more = len(bounds)
    cells: dict[tuple[int, int], Held] = {}
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
