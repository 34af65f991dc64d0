"""A paper before it is printed: titles, paragraphs, tables of cells, and how they are set. Lengths are points (1/72 inch)."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

A4 = (595.28, 841.89)
LEADING = 1.3  # height of a line, of the size of the font
TITLE = 1.5  # size of a title, of the size of the font


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its place, its extent, and its text ("\\n" where a line ends by will)."""

    row: int
    col: int
    rowspan: int
    colspan: int
    text: str

    @property
    def end(self) -> int:
        """The row after its last."""
        return self.row + self.rowspan


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its cells by row and column, the widths of its columns, and the rows [first, end) that are printed again on every page."""

    cells: tuple[Cell, ...]
    widths: tuple[float, ...]
    head: tuple[int, int] | None = None

    @property
    def rows(self) -> int:
        return max(cell.end for cell in self.cells)

    def width(self, cell: Cell) -> float:
        return sum(self.widths[cell.col : cell.col + cell.colspan])

    def is_head(self, cell: Cell) -> bool:
        return self.head is not None and self.head[0] <= cell.row < self.head[1]


@dataclass(frozen=True, slots=True)
class Style:
    """How a paper is set. `align` is "left", "center" or "mixed" (figures at the right); `foot` has {} for the number of the page; if rows
    may be `torn`, a page may end amid one, after any of its lines.
    """

    size: float = 9.0
    pad: float = 3.0
    stroke: float = 0.5
    margin: float = 40.0
    landscape: bool = False
    align: str = "left"
    middle: bool = True
    shaded: bool = False
    serif: bool = False
    foot: str = ""
    rules: bool = True
    torn: bool = False

    @property
    def page(self) -> tuple[float, float]:
        return (A4[1], A4[0]) if self.landscape else A4

    @property
    def width(self) -> float:
        """Between the margins."""
        return self.page[0] - 2 * self.margin

    def side(self, text: str) -> str:
        """On which side of its cell a text stands."""
        figure = re.fullmatch(r"[-+(£$]*[\d,]+(\.\d+)?[)%]?", text) is not None
        return ("right" if figure else "left") if self.align == "mixed" else self.align


@dataclass(frozen=True, slots=True)
class Sketch:
    """Titles, then paragraphs and tables in order. `english`: there is no Chinese in it."""

    titles: tuple[str, ...]
    parts: tuple[str | Grid, ...]
    style: Style
    english: bool = False


@lru_cache(maxsize=1)
def font_folder() -> Path:
    """Where the package mplfonts keeps Chinese fonts; found without importing it, which would load matplotlib."""
    spec = importlib.util.find_spec("mplfonts")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package mplfonts, which brings Chinese fonts, is not installed")
    return Path(spec.submodule_search_locations[0]) / "fonts"
