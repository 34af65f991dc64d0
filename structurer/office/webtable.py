"""The grid of a table of a web page (HTML Standard, 4.9.12.1, "forming a table").

Spans that are no numbers count as 1; `colspan` is at most 1000, `rowspan` at most 65534 and never beyond its group of rows, whose end a
`rowspan` of 0 reaches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from structurer.sheets.sections import Block, Holding

MOST_COLSPAN, MOST_ROWSPAN = 1000, 65_534  # by the standard
MOST_COLUMNS = 20_000
MOST_STEPS = 20_000_000  # over columns that cells above take
_NUMBER = re.compile(r"\s*\+?(\d{1,9})")


class Printed(NamedTuple):
    """A cell as the page writes it; a `rowspan` of 0 reaches the end of the group."""

    rowspan: int
    colspan: int
    blocks: tuple[Block, ...]


Group = Sequence[Sequence[Printed]]  # rows


def spans(rowspan: str | None, colspan: str | None) -> tuple[int, int]:
    """The spans that attributes state."""
    cols = _whole(colspan, 1)
    return min(_whole(rowspan, 1), MOST_ROWSPAN), min(cols or 1, MOST_COLSPAN)


def _whole(text: str | None, default: int) -> int:
    match = _NUMBER.match(text or "")
    return int(match.group(1)) if match else default


def formed(groups: Sequence[Group]) -> list[Holding] | None:
    """The cells of all groups at their places; None where the table is too wide, or its spans too many to follow."""
    cells: list[Holding] = []
    top, steps = 0, 0
    for group in groups:
        busy: list[int] = []  # the row, from `top`, before which each column is taken
        for row, printed in enumerate(group):
            col = 0
            for cell in printed:
                first = _free(busy, col, row)
                steps += first - col + cell.colspan
                col = first + cell.colspan
                if col > MOST_COLUMNS or steps > MOST_STEPS:
                    return None
                rows = min(cell.rowspan or len(group), len(group) - row)
                busy.extend([0] * (col - len(busy)))
                busy[first:col] = [row + rows] * cell.colspan
                cells.append(Holding(top + row, first, rows, cell.colspan, cell.blocks))
        top += len(group)
    return cells


def _free(busy: Sequence[int], col: int, row: int) -> int:
    while col < len(busy) and busy[col] > row:
        col += 1
    return col
