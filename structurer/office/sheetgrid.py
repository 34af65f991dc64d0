"""What is seen of a sheet: its texts and merged ranges, less hidden rows and columns, as blocks parted by blank rows.

Rows and columns count from 1, as sheets count them. A sheet may claim a million rows by thousands of columns, so nothing here walks over
its places, only over texts and merged ranges.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from typing import NamedTuple

from structurer.sheets.sections import Block, Placed, Ruled, in_cell

Place = tuple[int, int]  # row, column


class Area(NamedTuple):
    """A merged range; both ends belong to it."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Look:
    """The blocks that are seen from top to bottom, and the places of texts that are not.

    `under` stand beneath the first cell of a merged range; `overlapping` merged ranges were taken apart.
    """

    blocks: tuple[Block, ...]
    in_hidden_rows: tuple[Place, ...]
    in_hidden_cols: tuple[Place, ...]
    under: tuple[Place, ...]
    overlapping: tuple[Area, ...]


class _Seen(NamedTuple):
    """A text by the rows and columns that are seen, with its extent."""

    row: int
    col: int
    rowspan: int
    colspan: int
    text: str


def look(texts: Mapping[Place, str], merged: Sequence[Area], hidden_rows: Sequence[int], hidden_cols: Sequence[int]) -> Look:
    """What a person sees; `hidden_rows` and `hidden_cols` are sorted."""
    areas, overlapping = _apart(merged)
    under = tuple(_under(sorted(texts), areas))
    anchors = {(area.top, area.left): area for area in areas}
    seen: list[_Seen] = []
    in_rows: list[Place] = []
    in_cols: list[Place] = []
    hiding = bool(hidden_rows or hidden_cols)
    for place in sorted(texts.keys() - set(under)):
        row, col = place
        area = anchors.get(place)
        if area is None and not hiding:
            seen.append(_Seen(row, col, 1, 1, texts[place]))
            continue
        area = area or Area(row, col, row, col)
        top, bottom = _among_seen(area.top, hidden_rows), _among_seen(area.bottom + 1, hidden_rows)
        left, right = _among_seen(area.left, hidden_cols), _among_seen(area.right + 1, hidden_cols)
        if top == bottom or left == right:
            (in_rows if top == bottom else in_cols).append(place)
        else:
            seen.append(_Seen(top, left, bottom - top, right - left, texts[place]))
    blocks = tuple(_block(band) for band in _bands(seen))
    return Look(blocks, tuple(in_rows), tuple(in_cols), under, overlapping)


def _among_seen(number: int, hidden: Sequence[int]) -> int:
    return number - bisect_left(hidden, number)


# --- merged ranges


class _Sweep:
    """The ranges that cover columns of a row, while rows pass from top to bottom. They share no column."""

    def __init__(self) -> None:
        self._lefts: list[int] = []
        self._by_left: dict[int, Area] = {}
        self._ends: list[tuple[int, int]] = []  # bottom and left, a heap

    def down_to(self, row: int) -> None:
        while self._ends and self._ends[0][0] < row:
            _, left = heappop(self._ends)
            del self._lefts[bisect_left(self._lefts, left)], self._by_left[left]

    def at(self, left: int, right: int) -> Area | None:
        """A range that covers any of these columns."""
        index = bisect_right(self._lefts, right) - 1
        found = self._by_left[self._lefts[index]] if index >= 0 else None
        return found if found and found.right >= left else None

    def enter(self, area: Area) -> None:
        insort(self._lefts, area.left)
        self._by_left[area.left] = area
        heappush(self._ends, (area.bottom, area.left))


def _apart(merged: Sequence[Area]) -> tuple[list[Area], tuple[Area, ...]]:
    """From top to bottom those that overlap none before them, and the others."""
    sweep, kept, others = _Sweep(), list[Area](), list[Area]()
    for area in sorted(set(merged)):
        sweep.down_to(area.top)
        if sweep.at(area.left, area.right):
            others.append(area)
        else:
            sweep.enter(area)
            kept.append(area)
    return kept, tuple(others)


def _under(places: Sequence[Place], areas: Sequence[Area]) -> Iterator[Place]:
    """Texts in a merged range that do not stand in its first cell, the only one that is seen."""
    sweep, waiting = _Sweep(), deque(areas)
    for row, col in places:
        while waiting and waiting[0].top <= row:
            sweep.down_to(waiting[0].top)
            sweep.enter(waiting.popleft())
        sweep.down_to(row)
        area = sweep.at(col, col)
        if area and (area.top, area.left) != (row, col):
            yield row, col


# --- blocks


def _bands(seen: Sequence[_Seen]) -> Iterator[list[_Seen]]:
    """Parted by rows that are blank from end to end."""
    band: list[_Seen] = []
    end = 0
    for cell in sorted(seen):
        if band and cell.row > end:
            yield band
            band, end = [], 0
        band.append(cell)
        end = max(end, cell.row + cell.rowspan)
    if band:
        yield band


def _block(band: Sequence[_Seen]) -> Block:
    """The rows in which a text stands, and the columns; blank columns side by side are one, for they part what they lie between."""
    rows = sorted({cell.row for cell in band})
    cols = _columns(band, rows)
    at_row, at_col = {row: index for index, row in enumerate(rows)}, {col: index for index, col in enumerate(cols)}
    placed = tuple(
        Placed(at_row[cell.row], at_col[cell.col], 1, 1, in_cell((cell.text,)))
        if cell.rowspan == cell.colspan == 1
        else _placed(cell, rows, cols)
        for cell in band
    )
    return placed[0].text if len(placed) == 1 else Ruled(len(rows), len(cols), placed)


def _columns(band: Sequence[_Seen], rows: Sequence[int]) -> list[int]:
    """The columns where a text starts, and the first of each run of others, unless merged cells cover the run in every row."""
    starts = sorted({cell.col for cell in band})
    first, width = starts[0], starts[-1] - starts[0] + 1
    steps = [0] * (width + 1)
    for cell in band:
        height = bisect_left(rows, cell.row + cell.rowspan) - bisect_left(rows, cell.row)
        steps[min(cell.col - first, width)] += height
        steps[min(cell.col - first + cell.colspan, width)] -= height
    covered = list(accumulate(steps))
    gaps = {bisect_left(starts, first + index): first + index for index in range(width - 1, -1, -1) if covered[index] < len(rows)}
    return sorted({*starts, *(col for index, col in gaps.items() if starts[index] != col)})


def _placed(cell: _Seen, rows: Sequence[int], cols: Sequence[int]) -> Placed:
    row, col = bisect_left(rows, cell.row), bisect_left(cols, cell.col)
    below, right = bisect_left(rows, cell.row + cell.rowspan), bisect_left(cols, cell.col + cell.colspan)
    return Placed(row, col, below - row, right - col, in_cell((cell.text,)))
