"""A table that a page break cuts is one table: its parts are set one below the other, and what the break cut through is one cell again.

A break may leave a cell open (no rule at the cut), or a rule may be drawn there; then a blank cell in a column of merged labels belongs to
the label above it, and a first row without label and figures is the remainder of the last one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final, NamedTuple

from structurer.document import Box, Cell, Table
from structurer.sheets.blocks import Block, Grid, cells_in
from structurer.sheets.sheet import Sheet

SAME: Final = 3.0  # points: rulings of two pages this near are the same
ASKEW: Final = 30.0  # points: how much farther to one side the next sheet lies in a scanner
MARGIN: Final = 0.1  # of the height of a page: what stands there may be its running head or foot
HEAD_ROWS: Final = 4  # rows in which figures begin below the head of a table
ROOM: Final = 0.08  # of the height of a page: what may stay free below a table though its next row would have fitted
_DIGIT: Final = re.compile(r"\d")
_FIGURE: Final = re.compile(r"[(（+\-−≥≤><=＝$£€¥￥]*[\d０-９][\d０-９,，.．]*[%％‰)）]?")

Pieces = tuple[tuple[int, int], ...]
Sides = tuple[float, float]  # left and right of a cell


class Ruled(NamedTuple):
    """A cell by its box, its words without white space, whether it ends there without a rule, and the pieces of the text it holds."""

    box: Box
    words: str
    is_open_above: bool = False
    is_open_below: bool = False
    pieces: Pieces = ()


@dataclass(frozen=True, slots=True)
class Part:
    """As much of a table as stands on one page: `head` is how far below the top of the page it begins, `room` how much is free below it.

    `is_scanned`: the sheet may have lain otherwise than the others.
    """

    page: int
    cells: tuple[Ruled, ...]
    height: float
    head: float
    room: float
    starts_page: bool
    ends_page: bool
    is_scanned: bool = False

    @classmethod
    def of(cls, found: Sequence[Block], index: int, sheet: Sheet) -> Part:
        """The grid at `index` among the blocks of a page, without the places of its words."""
        grid = found[index][2]
        assert isinstance(grid, Grid)
        cells = tuple(
            Ruled(box, "".join(word.text for line in lines for word in line), *_open_sides(box, sheet.cuts))
            for _, (_, lines, box) in sorted(grid.cells.items())
        )
        top, bottom = min(cell.box.top for cell in cells), max(cell.box.bottom for cell in cells)
        before, after = found[:index], found[index + 1 :]
        return cls(
            sheet.number,
            cells,
            sheet.height,
            top,
            sheet.height - bottom,
            all(_is_margin(block, sheet.height) for block in before),
            all(_is_margin(block, sheet.height) for block in after),
            sheet.decision == "ocr",
        )

    def written(self, pieces: Sequence[Pieces]) -> Part:
        """With the places of the words of its cells, in their order."""
        return replace(self, cells=tuple(cell._replace(pieces=own) for cell, own in zip(self.cells, pieces, strict=True)))

    @property
    def is_open_above(self) -> bool:
        return any(cell.is_open_above for cell in self.cells)

    @property
    def is_open_below(self) -> bool:
        return any(cell.is_open_below for cell in self.cells)

    @property
    def top(self) -> float:
        return min(cell.box.top for cell in self.cells)

    @property
    def bottom(self) -> float:
        return max(cell.box.bottom for cell in self.cells)

    @property
    def rulings(self) -> list[float]:
        return sorted({x for cell in self.cells for x in (cell.box.x0, cell.box.x1)})


def _open_sides(box: Box, cuts: Sequence[Box]) -> tuple[bool, bool]:
    """Whether a cell ends without a rule above, and below."""
    across = [cut for cut in cuts if cut.x0 <= (box.x0 + box.x1) / 2 <= cut.x1]
    return any(abs(cut.top - box.top) < SAME for cut in across), any(abs(cut.top - box.bottom) < SAME for cut in across)


def _is_margin(block: Block, height: float) -> bool:
    _, _, found = block
    return not isinstance(found, Grid) and (found[0].box.bottom < MARGIN * height or found[0].box.top > (1 - MARGIN) * height)


class Chain:
    """A table as far as it has been seen: parts of later pages are set below those of the first."""

    def __init__(self, first: Part) -> None:
        self._last = first
        self._pages = [first.page]
        self._cells = list(first.cells)
        self._head = list(_rows(first.cells))
        self._merged = set(map(_sides, _spanning(first.cells)))
        self._rulings = first.rulings
        self._bottom = first.bottom
        self._leaves_open = False  # cells that a break cuts; then all others end there
        self._lowest = self._touching(range(len(self._cells)))

    def _touching(self, places: Iterable[int]) -> dict[Sides, int]:
        """The places of the cells that end where the table ends, by their sides."""
        return {_sides(self._cells[place]): place for place in places if abs(self._cells[place].box.bottom - self._bottom) < SAME}

    def takes(self, part: Part) -> bool:
        """Whether a part is the rest of this table; then it is added."""
        part = _aligned(part, self._rulings) if part.is_scanned else part
        if not _goes_on(self._last, part, self._rulings):
            return False
        below = _without_head(self._head, _snapped(part, self._rulings))
        shift = self._bottom - below.top
        lower = [cell._replace(box=_moved(cell.box, shift)) for cell in below.cells]
        self._merged |= set(map(_sides, _spanning(lower)))
        start = len(self._cells)
        self._cells += self._sewn(lower, has_head=len(lower) < len(part.cells))
        self._bottom += below.bottom - below.top
        self._lowest = self._touching([*self._lowest.values(), *range(start, len(self._cells))])
        self._pages.append(part.page)
        self._rulings = sorted({*self._rulings, *below.rulings})
        self._last = part
        return True

    def _sewn(self, lower: Sequence[Ruled], *, has_head: bool) -> Iterator[Ruled]:
        """The cells of the lower part; those that are the rest of one above the cut are added to it."""
        firsts = [cell for cell in lower if abs(cell.box.top - self._bottom) < SAME]
        pairs = {_sides(cell): (self._cells[self._lowest[_sides(cell)]], cell) for cell in firsts if _sides(cell) in self._lowest}
        is_open = {sides for sides, (last, first) in pairs.items() if last.is_open_below and (has_head or first.is_open_above)}
        self._leaves_open = self._leaves_open or self._last.is_open_below
        sewn = is_open or (set() if self._leaves_open else _one(pairs, firsts, self._merged))
        for cell in lower:
            if cell in firsts and _sides(cell) in sewn:
                place = self._lowest[_sides(cell)]
                self._cells[place] = _one_cell(self._cells[place], cell)
            else:
                yield cell

    def table(self) -> Table:
        """The cells at their places in the grid."""
        places = cells_in([cell.box for cell in self._cells])
        cells = (Cell(at.row, at.col, at.rowspan, at.colspan, cell.pieces) for at, cell in zip(places, self._cells, strict=True))
        return Table(tuple(self._pages), tuple(sorted(cells, key=lambda cell: (cell.row, cell.col))))


def _sides(cell: Ruled) -> Sides:
    return cell.box.x0, cell.box.x1


def _goes_on(last: Part, below: Part, rulings: Sequence[float]) -> bool:
    if below.page != last.page + 1 or not (last.ends_page and below.starts_page):
        return False
    others = below.rulings
    shared = sum(any(abs(x - other) <= SAME for other in others[1:-1]) for x in rulings[1:-1])
    inner = min(len(rulings), len(others)) - 2
    alike = abs(rulings[0] - others[0]) <= SAME and abs(rulings[-1] - others[-1]) <= SAME and 2 * shared >= inner
    top = below.top
    first = min(cell.box.bottom for cell in below.cells if cell.box.top - top < SAME) - top
    is_full = last.room - below.head < first + ROOM * last.height
    return alike and (last.is_open_below or below.is_open_above or is_full)


def _aligned(part: Part, rulings: Sequence[float]) -> Part:
    """Moved sideways to where the table stands, if it is as wide."""
    left, right = (mine - theirs for mine, theirs in ((rulings[0], part.rulings[0]), (rulings[-1], part.rulings[-1])))
    aside = (left + right) / 2
    if abs(left - right) > 2 * SAME or abs(aside) > ASKEW:
        return part
    boxes = (Box(cell.box.x0 + aside, cell.box.top, cell.box.x1 + aside, cell.box.bottom) for cell in part.cells)
    return replace(part, cells=tuple(cell._replace(box=box) for cell, box in zip(part.cells, boxes, strict=True)))


def _snapped(part: Part, rulings: Sequence[float]) -> Part:
    def near(x: float) -> float:
        closest = min(rulings, key=lambda ruling: abs(ruling - x))
        return closest if abs(closest - x) <= SAME else x

    cells = (cell._replace(box=Box(near(cell.box.x0), cell.box.top, near(cell.box.x1), cell.box.bottom)) for cell in part.cells)
    return replace(part, cells=tuple(cells))


def _without_head(mine: Sequence[Sequence[Ruled]], below: Part) -> Part:
    """The head rows of a table are printed again on every page; below the first they say nothing. They may stand amid the first page's."""
    theirs = list(_rows(below.cells))
    heads = (start for start in range(len(mine) - 1) if _is_head(mine, start))
    count = max((_repeated(mine[start:], theirs) for start in heads), default=0)
    dropped = {id(cell) for row in theirs[:count] for cell in row}
    kept = tuple(cell for cell in below.cells if id(cell) not in dropped)
    stands = all(cell.box.top >= theirs[count][0].box.top - SAME for cell in kept) if count else True
    return replace(below, cells=kept) if stands else below


def _repeated(mine: Sequence[Sequence[Ruled]], theirs: Sequence[Sequence[Ruled]]) -> int:
    """How many first rows are the same; one row at least is left."""
    pairs = zip(mine, theirs[: len(theirs) - 1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: _alike(*pair), pairs))


def _is_head(rows: Sequence[Sequence[Ruled]], start: int) -> bool:
    """Whether a row names columns: words in cells none of which is a figure (amid a table: has any), and figures below them."""
    named = [cell.words for cell in rows[start] if cell.words]
    below = (cell.words for row in rows[start + 1 : start + 1 + HEAD_ROWS] for cell in row)
    is_figure = _DIGIT.search if start else _FIGURE.fullmatch
    return len(named) > bool(start) and not any(map(is_figure, named)) and any(map(_DIGIT.search, below))


def _rows(cells: Sequence[Ruled]) -> Iterator[list[Ruled]]:
    """Cells that begin at the same height."""
    row: list[Ruled] = []
    for cell in sorted(cells, key=lambda cell: (cell.box.top, cell.box.x0)):
        if row and cell.box.top - row[0].box.top > SAME / 2:
            yield row
            row = []
        row.append(cell)
    yield row


def _alike(row: Sequence[Ruled], other: Sequence[Ruled]) -> bool:
    def shape(cells: Sequence[Ruled]) -> list[tuple[str, float]]:
        return [(cell.words, round(cell.box.x0 / SAME)) for cell in cells]

    return shape(row) == shape(other) and any(cell.words for cell in row)


# --- seams


def _one(pairs: Mapping[Sides, tuple[Ruled, Ruled]], firsts: Sequence[Ruled], merged: Collection[Sides]) -> set[Sides]:
    """The sides of the pairs that are one cell: the last of a column above the cut, and the first below it."""
    if _is_remainder(list(pairs.values()), firsts):
        return set(pairs)
    if not any(cell.words for cell in firsts):
        return set()
    return {sides for sides, (last, first) in pairs.items() if last.words and not first.words and sides in merged}


def _is_remainder(pairs: Sequence[tuple[Ruled, Ruled]], firsts: Sequence[Ruled]) -> bool:
    """A row that says nothing but words, and those only below words, whereas the row above it has a figure."""
    if len(pairs) != len(firsts) or len(firsts) < 3 or firsts[0].words or not any(first.words for first in firsts):
        return False
    has_figures = any(_FIGURE.fullmatch(last.words) for last, _ in pairs)
    return has_figures and not any(
        first.words and (_DIGIT.search(first.words) or not last.words or _FIGURE.fullmatch(last.words)) for last, first in pairs
    )


def _spanning(cells: Sequence[Ruled]) -> Iterator[Ruled]:
    """Cells inside whose height another one begins."""
    tops = sorted({cell.box.top for cell in cells})
    for cell in cells:
        following = bisect_right(tops, cell.box.top + SAME)
        if following < len(tops) and tops[following] < cell.box.bottom - SAME:
            yield cell


def _one_cell(last: Ruled, first: Ruled) -> Ruled:
    box = Box(last.box.x0, last.box.top, last.box.x1, first.box.bottom)
    return Ruled(box, last.words + first.words, last.is_open_above, first.is_open_below, last.pieces + first.pieces)


def _moved(box: Box, shift: float) -> Box:
    return Box(box.x0, box.top + shift, box.x1, box.bottom + shift)
