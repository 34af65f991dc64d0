"""What an office file says, as its readers give it: sections of paragraphs and ruled tables, what was odd, and the files inside it.

A section is what becomes a page: what stands between explicit page breaks of a text, a sheet, a mail. Places in tables count from 0.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

QUOTED = 80  # characters of what is left out stand in a warning
_BREAKS = re.compile(r"[\t\f\v]+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Placed:
    """One cell: its first place in the grid, its extent in rows and columns, and its text, lines parted by newlines, without tabs."""

    row: int
    col: int
    rowspan: int
    colspan: int
    text: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruled table of `rows` by `cols` places; its cells, blank ones among them, row by row. A place that no cell covers is blank."""

    rows: int
    cols: int
    cells: tuple[Placed, ...]


Block = str | Ruled  # a paragraph, possibly of several lines and with tabs, or a table


@dataclass(frozen=True, slots=True)
class Section:
    """A page to be; `name` is that of a sheet, else empty."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file, by the name that its sender gave it."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a file says; `warnings` are sentences for the user."""

    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    media_type: str
    attachments: tuple[Attachment, ...] = ()

    @property
    def blank(self) -> bool:
        """Whether no section holds any text."""
        return not any(texts(section.blocks) for section in self.sections)

    @property
    def places(self) -> int:
        """Places of all tables, blank ones among them."""
        return sum(block.rows * block.cols for section in self.sections for block in section.blocks if isinstance(block, Ruled))


@dataclass(frozen=True, slots=True)
class Holding:
    """A cell before it is laid out: its place and extent, and the paragraphs and tables in it."""

    row: int
    col: int
    rowspan: int
    colspan: int
    blocks: tuple[Block, ...]


def texts(blocks: Iterable[Block]) -> list[str]:
    """The prints of paragraphs and cells that are not blank, in order."""
    found = (text for block in blocks for text in ((block,) if isinstance(block, str) else (cell.text for cell in block.cells)))
    return [text for text in found if text.strip()]


def laid(cells: Sequence[Holding]) -> tuple[Block, ...]:
    """A table as blocks: one of a single column, or that only sets tables side by side, is what its cells hold, one after the other.

    Else tables inside cells follow the table, whose cells keep the other text. Lines of the grid at which no cell starts are dropped:
    spans often reach further than the table.
    """
    rows, cols = sorted({cell.row for cell in cells}), sorted({cell.col for cell in cells})
    holds_tables = any(isinstance(block, Ruled) for cell in cells for block in cell.blocks)
    if len(cols) < 2 or (len(rows) < 2 and holds_tables):
        return tuple(block for cell in cells for block in cell.blocks)
    placed = tuple(sorted((_placed(cell, rows, cols) for cell in cells), key=lambda cell: (cell.row, cell.col)))
    table = Ruled(len(rows), len(cols), placed)
    nested = tuple(block for cell in cells for block in cell.blocks if isinstance(block, Ruled))
    return (table, *nested) if texts((table,)) or not nested else nested


def _placed(cell: Holding, rows: Sequence[int], cols: Sequence[int]) -> Placed:
    row, col = bisect_left(rows, cell.row), bisect_left(cols, cell.col)
    below, right = bisect_left(rows, cell.row + cell.rowspan), bisect_left(cols, cell.col + cell.colspan)
    return Placed(row, col, below - row, right - col, in_cell(block for block in cell.blocks if isinstance(block, str)))


def in_cell(paragraphs: Iterable[str]) -> str:
    """Paragraphs as the text of one cell; tabs part cells, so inside one they become spaces."""
    texts = list(paragraphs)
    if len(texts) == 1 and texts[0].isprintable():
        return texts[0].strip()
    lines = (_BREAKS.sub("  ", line).strip() for text in texts for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def pages(blocks: Iterable[Block]) -> Iterator[tuple[Block, ...]]:
    """Blocks parted at the form feeds of their paragraphs; blank paragraphs are left out, blank pages are not."""
    page: list[Block] = []
    for block in blocks:
        first, *others = block.split("\f") if isinstance(block, str) else (block,)
        page.extend(_kept(first))
        for other in others:
            yield tuple(page)
            page = list(_kept(other))
    yield tuple(page)


def _kept(block: Block) -> tuple[Block, ...]:
    if isinstance(block, str):
        block = block.strip("\t\n \u3000\xa0")
    return (block,) if block else ()


def quoted(texts: Iterable[str]) -> str:
    """What was left out, in quotes and cut short; what does not print stands by its number."""
    text = _SPACES.sub(" ", " ".join(islice(texts, QUOTED))).strip()  # each has a character, so more cannot be seen
    text = text if len(text) <= QUOTED else text[: QUOTED - 1] + "\u2026"
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text) + '"'


_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


def raised(text: str) -> str:
    """Figures and signs printed above the line; other characters have no such form and stay: "5th"."""
    return text.translate(_RAISED) if all(ord(char) in _RAISED or char.isspace() for char in text) else text


def lowered(text: str) -> str:
    """Figures and signs printed below the line: "CO₂"."""
    return text.translate(_LOWERED) if all(ord(char) in _LOWERED or char.isspace() for char in text) else text
