"""What stands on a page, in reading order: characters gathered into words and lines, ruled cells into a grid with spans.

The geometry is plain: characters go to the smallest cell that holds their middle, or to no cell; what shares a cell or the open page
is gathered into lines, lines into words. Rotated characters keep the order in which the file writes them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from structurer.document import Box, Cell, around
from structurer.sheets.sections import lowered, raised
from structurer.sheets.sheet import Char, Sheet
from structurer.sheets.struck import give_back

SAME_LINE = 0.35  # of the character height: how far below the highest middle on a line another may lie
SMALL = 0.8  # of the height of the print beside it: raised and lowered characters are no larger
LEAST_RISE = 0.12  # of that height, between the middles
MOST_RISE = 0.75
GAP_OF_RAISED = 0.3  # of that height, between the sides
OVER = 0.6  # of a character's width: one that stands farther over another is no neighbour
RULED_GAP = 0.08  # of the character height: a gap in which a ruling parts two cells
WORD_GAP = 0.25  # of the character height: a wider gap parts words
WITHIN = 0.5  # points: how far a character may stand over a ruling
CJK = re.compile("[\u00b7\u2014\u2018\u2019\u201c\u201d\u2026\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, the box around it, the height of its characters, and a recogniser's lowest confidence in one of them (else None)."""

    text: str
    box: Box
    height: float
    confidence: float | None = None

    @property
    def is_cjk(self) -> bool:
        return all(map(CJK.match, self.text))


Line = tuple[Word, ...]
Block = tuple[float, float, "Line | Grid"]  # top, left, what stands there


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a ruled table at their places, with the lines that each holds and its box."""

    rows: int
    cols: int
    cells: dict[tuple[int, int], tuple[Cell, tuple[Line, ...], Box]]


# --- blocks


def blocks(sheet: Sheet) -> list[Block]:
    """The lines and grids of a page from top to bottom."""
    return sorted(_found(sheet), key=lambda block: block[:2])


def _found(sheet: Sheet) -> Iterator[Block]:
    """The lines of the open page and the ruled tables that hold any text, each with its place."""
    held = _Bands([box for cells in sheet.tables for box in cells])
    inside: dict[Box | None, list[Char]] = {}
    for char in sheet.chars:
        x0, top, x1, bottom = char.box
        band = held.band((top + bottom) / 2)
        first, last = _around(x0 + WITHIN, band), _around(x1 - WITHIN, band)
        if first is last:
            inside.setdefault(first, []).append(char)
        else:
            for part in _at_rulings(char, held):
                x, y = part.middle
                inside.setdefault(held.at(part.box.x0 + WITHIN, y) or held.at(x, y), []).append(part)
    for line in lines(inside.get(None, ())):
        yield line[0].box.top, line[0].box.x0, line
    for cells in sheet.tables:
        give_back(cells, inside)
        if any(not char.text.isspace() for box in cells for char in inside.get(box, ())):
            yield min(box.top for box in cells), min(box.x0 for box in cells), _grid(cells, inside)


def _at_rulings(char: Char, held: _Bands) -> Iterator[Char]:
    """Characters that stand together, parted where a ruling stands in a gap; print that runs over its cell stays whole, where it begins."""
    parts = char.apart()
    start = 0
    for place in range(1, len(parts) + 1):
        if place == len(parts) or _is_ruled_off(parts[place - 1], parts[place], held):
            yield _together(parts[start:place])
            start = place


def _is_ruled_off(before: Char, after: Char, held: _Bands) -> bool:
    y = before.middle[1]
    is_gap = after.box.x0 - before.box.x1 >= RULED_GAP * before.height
    return is_gap and held.at(before.middle[0], y) is not held.at(after.middle[0], y)


def _together(parts: Sequence[Char]) -> Char:
    sides = tuple((part.box.x0, part.box.x1) for part in parts) if len(parts) > 1 else ()
    return parts[0]._replace(text="".join(part.text for part in parts), box=around([part.box for part in parts]), sides=sides)


class _Bands:
    """Finds the smallest cell at a place: every ruling starts a band, and a band knows the cells it crosses."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._starts = sorted({side for box in boxes for side in (box.top, box.bottom)})
        self._bands: list[list[Box]] = [[] for _ in self._starts]
        for box in sorted(boxes, key=lambda box: (box.x1 - box.x0) * (box.bottom - box.top)):
            for band in self._bands[bisect_left(self._starts, box.top) : bisect_left(self._starts, box.bottom)]:
                band.append(box)

    def band(self, y: float) -> Sequence[Box]:
        """The cells at a height, the smallest first."""
        band = bisect_right(self._starts, y) - 1
        return self._bands[band] if band >= 0 else ()

    def at(self, x: float, y: float) -> Box | None:
        """None outside all cells."""
        return _around(x, self.band(y))


def _around(x: float, band: Sequence[Box]) -> Box | None:
    for box in band:
        if box[0] <= x < box[2]:
            return box
    return None


def _grid(boxes: Sequence[Box], inside: dict[Box | None, list[Char]]) -> Grid:
    cells = cells_in(boxes)
    found = {(cell.row, cell.col): (cell, _stacked(tuple(lines(inside.get(box, ())))), box) for cell, box in zip(cells, boxes, strict=True)}
    return Grid(max(cell.row + cell.rowspan for cell in cells), max(cell.col + cell.colspan for cell in cells), found)


def cells_in(boxes: Sequence[Box]) -> list[Cell]:
    """The place of each box in the grid of them all: every ruling is a line of it, and a cell spans what lies between its sides."""
    xs = sorted({x for box in boxes for x in (box.x0, box.x1)})
    ys = sorted({y for box in boxes for y in (box.top, box.bottom)})
    found = []
    for box in boxes:
        row, col = bisect_left(ys, box.top), bisect_left(xs, box.x0)
        found.append(Cell(row, col, bisect_left(ys, box.bottom) - row, bisect_left(xs, box.x1) - col))
    return found


def _stacked(found: tuple[Line, ...]) -> tuple[Line, ...]:
    """Single ideographs one below the other are one word set vertically."""
    if len(found) < 2 or not all(len(line) == 1 and len(line[0].text) == 1 and line[0].is_cjk for line in found):
        return found
    words = [line[0] for line in found]
    sure = [word.confidence for word in words if word.confidence is not None]
    return ((Word("".join(word.text for word in words), around([word.box for word in words]), words[0].height, min(sure, default=None)),),)


# --- lines and words


def lines(chars: Sequence[Char]) -> Iterator[Line]:
    """Upright characters by the height at which they stand; then the turned ones, as one line."""
    rows: list[list[Char]] = []
    highest = least = 0.0
    for char in sorted([char for char in chars if char.upright], key=_level):
        level, height = _level(char), char.height
        if rows and level - highest <= SAME_LINE * min(height, least):
            rows[-1].append(char)
        else:
            rows.append([char])
            highest, least = level, height
    for row in _with_raised(rows) if len(rows) > 1 else rows:
        yield from _line(_marked(sorted(row, key=_left)))
    yield from _line([char for char in chars if not char.upright])


def _level(char: Char) -> float:
    box = char.box
    return (box[1] + box[3]) / 2


def _left(char: Char) -> float:
    return char.box[0]


def _with_raised(rows: list[list[Char]]) -> Iterator[list[Char]]:
    """The lines; one of small characters that all stand at the upper or lower right of others' is part of theirs."""
    hosts: dict[int, int] = {}
    for number, row in enumerate(rows):
        for host in (number - 1, number + 1):
            if 0 <= host < len(rows) and host not in hosts and all(_hangs_on(char, rows[host]) for char in row if not char.text.isspace()):
                hosts[number] = host
                break
    for number, host in hosts.items():
        rows[host] += rows[number]
    yield from (row for number, row in enumerate(rows) if number not in hosts)


def _hangs_on(char: Char, row: Sequence[Char]) -> bool:
    return any(_is_raised(char, other) for other in row)


def _is_raised(char: Char, other: Char) -> bool:
    """Whether a small character stands at the upper or lower right of a larger one."""
    height = other.height
    if char.height > SMALL * height:
        return False
    rise = abs(_level(other) - _level(char)) / height
    gap = (char.box.x0 - other.box.x1) / height
    return LEAST_RISE <= rise <= MOST_RISE and -GAP_OF_RAISED <= gap <= GAP_OF_RAISED


def _marked(row: Sequence[Char]) -> list[Char]:
    """Raised and lowered figures as such: 5,678 with a small 2 at its upper right is not 56,782."""
    found: list[Char] = []
    base: Char | None = None
    for char in row:
        if base is not None and _is_raised(char, base):
            above = _level(char) < _level(base)
            char = char._replace(text=raised(char.text) if above else lowered(char.text))
            base = base._replace(box=base.box._replace(x1=max(char.box.x1, base.box.x1)))
        elif not char.text.isspace():
            base = char
        found.append(char)
    return found


def _line(chars: Sequence[Char]) -> Iterator[Line]:
    """A line of words, parted by white space and by gaps; none if there is nothing but white space."""
    words: list[list[Char]] = [[]]
    for char in chars:
        if words[-1] and (char.text.isspace() or _parted(words[-1][-1], char)):
            words.append([])
        if not char.text.isspace():
            words[-1].append(char)
    line = tuple([_word(word) for word in words if word])
    if line:
        yield line


def _parted(before: Char, after: Char) -> bool:
    """By a gap, or because one stands over the other."""
    left, _, right, _ = before.box
    x0, _, x1, _ = after.box
    return after.upright and (x0 - right > WORD_GAP * max(before.height, after.height) or right - x0 > OVER * min(right - left, x1 - x0))


def _word(chars: Sequence[Char]) -> Word:
    sure = [char.confidence for char in chars if char.confidence is not None]
    return Word("".join([char.text for char in chars]), around([char.box for char in chars]), chars[0].height, min(sure, default=None))
