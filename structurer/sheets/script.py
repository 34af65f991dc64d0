"""The growing text of a document: pages are written one after the other, and whoever writes a word notes where it stands.

A tab parts the cells of a ruled row, a newline ends a row or a line, a form feed ends a page that is not the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from structurer.document import Box, Cell, Page, Second, Span, Table, Words
from structurer.layout import width
from structurer.sheets.blocks import CJK, Grid, Line, Word
from structurer.sheets.joined import Chain, Part, Pieces
from structurer.sheets.rows import blocks_of
from structurer.sheets.sections import Placed, Ruled, Section
from structurer.sheets.sheet import Sheet

FAR_GAP: Final = 2.0  # of the character height: a wider gap parts columns
COLUMN: Final = 0.5  # of the character height: the width of a half-width character
_PAGE: Final = re.compile("[^\f]*\f|[^\f]+")


class Written(NamedTuple):
    """A stretch of a document; all offsets are those of its whole text. The end of its last page may still move, by a form feed."""

    text: str
    pages: tuple[Page, ...]
    words: Words
    tables: tuple[Table, ...]
    seconds: tuple[Second, ...] = ()


@dataclass(slots=True)
class Script:
    """What has been written since it was last `taken`; `name` is that of the file inside the file whose pages are being written."""

    name: str = ""
    length: int = 0
    _count: int = 0  # pages so far
    _is_parted: bool = True  # the last page has its form feed
    _parts: list[str] = field(default_factory=list)
    _pages: list[Page] = field(default_factory=list)
    _words: Words = field(default_factory=Words)
    _tables: list[Table] = field(default_factory=list)
    _seconds: list[Second] = field(default_factory=list)
    _open: Chain | None = None  # the last table, which may go on on the next page

    def taken(self, *, last: bool = False) -> Written:
        """Gives it away; with the last stretch a table that might have gone on is given as well."""
        if last:
            self._close_table()
        found = Written("".join(self._parts), tuple(self._pages), self._words, tuple(self._tables), tuple(self._seconds))
        self._parts, self._pages, self._words, self._tables, self._seconds = [], [], Words(), [], []
        return found

    # --- pages

    def write_sheet(self, sheet: Sheet) -> None:
        """A page as it was seen: ruled tables a line a row, everything else a line a line."""
        start, first = self._begin_page(), len(self._words)
        found = blocks_of(sheet)
        left = min((x for _, x, block in found if not isinstance(block, Grid)), default=0.0)
        for index, (_, _, block) in enumerate(found):
            if isinstance(block, Grid):
                self._write_grid(block, Part.of(found, index, replace(sheet, number=self._count)))
            else:
                self._write_line(block, left)
        self._seconds += sorted(self._seen_again(sheet, first))
        looks = (sheet.width, sheet.height, sheet.angle, sheet.dpi, sheet.engine, sheet.reasons)
        self._pages.append(Page(self._count, start, self.length, sheet.decision, *looks, self.name))

    def _seen_again(self, sheet: Sheet, first: int) -> Iterator[Second]:
        """Of the words of a page, from the number of the first, those that a second look read otherwise."""
        for box, text in sheet.alternatives:
            x, y = (box.x0 + box.x1) / 2, (box.top + box.bottom) / 2
            word = next((word for word in self._words[first:] if word.box and _holds(word.box, x, y)), None)
            if word is not None:
                yield Second(word.start, word.end, text)

    def write_section(self, section: Section) -> None:
        """A page of an office file, in which nothing has a place."""
        start = self._begin_page()
        for block in section.blocks:
            if isinstance(block, Ruled):
                self._write_ruled(block)
            else:
                self._write(block + "\n")
        self._pages.append(Page(self._count, start, self.length, name=" / ".join(filter(None, (self.name, section.name)))))

    def write_text(self, text: str) -> None:
        """A text with the form feeds of its pages; a last form feed starts no page."""
        for page in _PAGE.findall(text) or [""]:
            start = self._begin_page()
            self._write(page)
            self._is_parted = page.endswith("\f")
            self._pages.append(Page(self._count, start, self.length, name=self.name))

    def _begin_page(self) -> int:
        self._write("" if self._is_parted else "\f")
        self._is_parted = False
        self._count += 1
        return self.length

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)

    def _write_word(self, word: Word) -> None:
        self._words.append(Span(self.length, self.length + len(word.text), self._count, word.box, word.confidence))
        self._write(word.text)

    # --- lines

    def _write_line(self, line: Line, left: float) -> None:
        """Behind a wide gap a word stands in the column that its place on the page gives it, an ideograph taking two."""
        start, column = self.length, 0
        before: Word | None = None
        for word in line:
            gap = _between(before.text, word.text) if before else ""
            if before and word.box.x0 - before.box.x1 > FAR_GAP * max(before.height, word.height):
                gap = " " * max(round((word.box.x0 - left) / (COLUMN * word.height)) - column, 2)
            self._write(gap)
            self._write_word(word)
            column += width(gap + word.text)
            before = word
        self._write("\n" if self.length > start else "")

    # --- tables

    def _write_grid(self, grid: Grid, part: Part) -> None:
        """One line a row, a tab between columns; a merged cell stands at its first place and leaves the others empty."""
        pieces: dict[tuple[int, int], Pieces] = {}
        for row in range(grid.rows):
            for col in range(grid.cols):
                self._write("\t" if col else "")
                if (row, col) in grid.cells:
                    pieces[row, col] = self._write_cell(grid.cells[row, col][1])
            self._write("\n")
        part = part.written([pieces[place] for place in sorted(grid.cells)])
        if self._open is None or not self._open.takes(part):
            self._close_table()
            self._open = Chain(part)

    def _write_cell(self, lines: Sequence[Line]) -> Pieces:
        start = self.length
        before: Word | None = None
        for line in lines:
            for word in line:
                self._write(_between(before.text, word.text) if before else "")
                self._write_word(word)
                before = word
        return ((start, self.length),) if self.length > start else ()

    def _write_ruled(self, ruled: Ruled) -> None:
        self._close_table()
        texts = {(cell.row, cell.col): cell for cell in ruled.cells}
        cells = []
        for row in range(ruled.rows):
            for col in range(ruled.cols):
                self._write("\t" if col else "")
                if found := texts.get((row, col)):
                    cells.append(self._written_cell(found))
            self._write("\n")
        self._tables.append(Table((self._count,), tuple(cells)))

    def _written_cell(self, cell: Placed) -> Cell:
        start = self.length
        self._write(_one_line(cell.text))
        return Cell(cell.row, cell.col, cell.rowspan, cell.colspan, ((start, self.length),) if self.length > start else ())

    def _close_table(self) -> None:
        self._tables += [self._open.table()] if self._open else []
        self._open = None


def _holds(box: Box, x: float, y: float) -> bool:
    return box.x0 <= x <= box.x1 and box.top <= y <= box.bottom


def _between(before: str, after: str) -> str:
    return "" if CJK.match(before[-1]) and CJK.match(after[0]) else " "


def _one_line(text: str) -> str:
    """The lines of a cell as one."""
    whole = ""
    for line in filter(None, map(str.strip, text.split("\n"))):
        whole += (_between(whole, line) if whole else "") + line
    return whole
