"""What stands on a page of a PDF: its characters gathered into words and lines, and ruled cells into a grid with spans.

The geometry is plain: characters go to the smallest cell that holds their middle, or to no cell; what shares a cell or the open page
is gathered into lines, lines into words. Rotated characters keep the order in which the file writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from structurer.document import Box, Cell
from structurer.pdfpage import Char, ParsedPage
from structurer.sight import Why

SAME_LINE = 0.4  # of the character height: how far the middles of neighbours on a line may differ
WORD_GAP = 0.25  # of the character height: a wider gap parts words
SAME_PLACE = 1.0  # points: a character printed again this near was printed twice to look bold
FLAT = 0.1  # points: the least side of a box
HIDDEN = "hidden character(s)"
QUOTED = 80  # characters of what is hidden stand in a warning
CJK = re.compile("[\u00b7\u2014\u2018\u2019\u201c\u201d\u2026\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, the box around it, and the height of its characters."""

    text: str
    box: Box
    height: float

    @property
    def is_cjk(self) -> bool:
        return all(map(CJK.match, self.text))


Line = tuple[Word, ...]
Block = tuple[float, float, "Line | Grid"]  # top, left, what stands there


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a ruled table at their places, with the lines that each holds."""

    rows: int
    cols: int
    cells: dict[tuple[int, int], tuple[Cell, tuple[Line, ...]]]


def blocks(page: ParsedPage, warnings: list[str]) -> list[Block]:
    """The lines and grids of a page from top to bottom; what is odd about its characters is added to the warnings."""
    chars = _printed_once(_on_page(page, warnings))
    _warn_of_hidden(page, chars, warnings)
    _warn_of_odd(page.number, chars, warnings)
    return sorted(_found(page, chars), key=lambda block: block[:2])


# --- characters


def _on_page(page: ParsedPage, warnings: list[str]) -> list[Char]:
    on_page = [char for char in page.chars if 0 <= char.middle[0] <= page.width and 0 <= char.middle[1] <= page.height]
    if outside := sum(not char.text.isspace() for char in page.chars) - sum(not char.text.isspace() for char in on_page):
        warnings.append(f"page {page.number}: {outside} character(s) lie off the page and were left out")
    return [Char(char.text, _clipped(char.box, page), char.upright) for char in on_page]


def _clipped(box: Box, page: ParsedPage) -> Box:
    """On the page, and never flat: damaged fonts give characters without width."""
    x0, top = min(max(box.x0, 0.0), page.width - FLAT), min(max(box.top, 0.0), page.height - FLAT)
    return Box(x0, top, max(min(box.x1, page.width), x0 + FLAT), max(min(box.bottom, page.height), top + FLAT))


def _printed_once(chars: Sequence[Char]) -> list[Char]:
    """Without the repeats that make print look bold. (pdfplumber's own dedupe_chars takes quadratic time.)"""
    kept: dict[tuple[str, int, int], list[Char]] = {}
    once: list[Char] = []
    for char in chars:
        x, y = round(char.box.x0), round(char.box.top)
        near = (other for dx in (-1, 0, 1) for dy in (-1, 0, 1) for other in kept.get((char.text, x + dx, y + dy), ()))
        if not any(_same_place(char.box, other.box) for other in near):
            kept.setdefault((char.text, x, y), []).append(char)
            once.append(char)
    return once


def _same_place(a: Box, b: Box) -> bool:
    return abs(a.x0 - b.x0) <= SAME_PLACE and abs(a.top - b.top) <= SAME_PLACE


def _warn_of_hidden(page: ParsedPage, seen: Sequence[Char], warnings: list[str]) -> None:
    """What no reader sees, with its words; not the ground of a character that is printed over it again, such as a halo."""
    if page.unjudged:
        warnings.append(f"page {page.number} paints too much to tell whether it hides text under it or in its colours")
    if page.recognised:
        warnings.append(f"page {page.number}: {page.recognised} character(s) are the hidden text layer of a scan, as an OCR engine read it")
    if not page.hidden:
        return
    placed = [char for why, char in page.hidden if _has_place(why, char)]
    alone = {id(char) for char in _printed_once([*seen, *placed])}
    for why in Why:
        chars = [char for reason, char in page.hidden if reason is why and (id(char) in alone or not _has_place(why, char))]
        if count := sum(not char.text.isspace() for char in chars):
            warnings.append(f"page {page.number}: {count} {HIDDEN} {why.value} and were left out: {_quoted(why, chars)}")


def _has_place(why: Why, char: Char) -> bool:
    """Characters without a size all stand in one place, those beyond all numbers in none."""
    return why is not Why.TINY and isfinite(char.box.x0 + char.box.top + char.box.x1 + char.box.bottom)


def _quoted(why: Why, chars: Sequence[Char]) -> str:
    """The words, cut short, tiny ones in the order of the file; what does not print (marks that turn the writing round) by its number."""
    words = [word.text for line in _lines(chars) for word in line] if why is not Why.TINY else "".join(char.text for char in chars).split()
    text = " ".join(words)
    text = text if len(text) <= QUOTED else text[: QUOTED - 1] + "\u2026"
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text) + '"'


def _warn_of_odd(number: int, chars: Sequence[Char], warnings: list[str]) -> None:
    if all(char.text.isspace() for char in chars):
        warnings.append(f"page {number} holds no text; if it shows some, it needs OCR")
    if turned := sum(not char.upright and not char.text.isspace() for char in chars):
        warnings.append(f"page {number}: {turned} character(s) are turned; they stand in the order in which the file writes them")


# --- blocks


def _found(page: ParsedPage, chars: Sequence[Char]) -> Iterator[Block]:
    """The lines of the open page and the ruled tables that hold any text, each with its place."""
    boxes = sorted((box for cells in page.tables for box in cells), key=lambda box: (box.x1 - box.x0) * (box.bottom - box.top))
    inside: dict[Box | None, list[Char]] = {}
    for char in chars:
        middle = char.middle
        inside.setdefault(next((box for box in boxes if _holds(box, middle)), None), []).append(char)
    for line in _lines(inside.get(None, ())):
        yield line[0].box.top, line[0].box.x0, line
    for cells in page.tables:
        if any(not char.text.isspace() for box in cells for char in inside.get(box, ())):
            yield min(box.top for box in cells), min(box.x0 for box in cells), _grid(cells, inside)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.x0 <= point[0] < box.x1 and box.top <= point[1] < box.bottom


def _grid(boxes: Sequence[Box], inside: dict[Box | None, list[Char]]) -> Grid:
    """Every ruling is a line of the grid; a cell spans as many rows and columns as rulings lie between its sides."""
    xs = sorted({x for box in boxes for x in (box.x0, box.x1)})
    ys = sorted({y for box in boxes for y in (box.top, box.bottom)})
    cells = {}
    for box in boxes:
        row, col = ys.index(box.top), xs.index(box.x0)
        cell = Cell(row, col, ys.index(box.bottom) - row, xs.index(box.x1) - col)
        cells[row, col] = (cell, _stacked(tuple(_lines(inside.get(box, ())))))
    return Grid(len(ys) - 1, len(xs) - 1, cells)


def _stacked(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Single ideographs one below the other are one word set vertically."""
    if len(lines) < 2 or not all(len(line) == 1 and len(line[0].text) == 1 and line[0].is_cjk for line in lines):
        return lines
    words = [line[0] for line in lines]
    return ((Word("".join(word.text for word in words), _union([word.box for word in words]), words[0].height),),)


# --- lines and words


def _lines(chars: Sequence[Char]) -> Iterator[Line]:
    """Upright characters by the height at which they stand; then the turned ones, as one line."""
    line: list[Char] = []
    for char in sorted((char for char in chars if char.upright), key=lambda char: char.middle[1]):
        if line and char.middle[1] - line[-1].middle[1] > SAME_LINE * min(char.height, line[-1].height):
            yield from _line(sorted(line, key=lambda char: char.box.x0))
            line = []
        line.append(char)
    yield from _line(sorted(line, key=lambda char: char.box.x0))
    yield from _line([char for char in chars if not char.upright])


def _line(chars: Sequence[Char]) -> Iterator[Line]:
    """A line of words, parted by white space and by gaps; none if there is nothing but white space."""
    words: list[list[Char]] = [[]]
    for char in chars:
        if words[-1] and (char.text.isspace() or _parted(words[-1][-1], char)):
            words.append([])
        if not char.text.isspace():
            words[-1].append(char)
    line = tuple(_word(word) for word in words if word)
    if line:
        yield line


def _parted(before: Char, after: Char) -> bool:
    return after.upright and after.box.x0 - before.box.x1 > WORD_GAP * max(before.height, after.height)


def _word(chars: Sequence[Char]) -> Word:
    return Word("".join(char.text for char in chars), _union([char.box for char in chars]), chars[0].height)


def _union(boxes: Sequence[Box]) -> Box:
    return Box(min(b.x0 for b in boxes), min(b.top for b in boxes), max(b.x1 for b in boxes), max(b.bottom for b in boxes))
