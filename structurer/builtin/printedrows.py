"""The rows of a list as they are printed: figures by column, dates, words, and what stands where it should not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final

from structurer.contracts.schema import Group, Kind, Leaf, Rows, Schema
from structurer.fold import caseless, fold, squeeze
from structurer.judging.confront import Figures, figures
from structurer.judging.linetokens import CELL_DATE, LETTERS, SURE_DIGITS
from structurer.judging.parse import parse
from structurer.layout import Layout
from structurer.record import Extract, Extraction, pointer

_GAP: Final = re.compile(r"\s*[\t\n\f]\s*|\s{2,}")


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """A row of a list as it is printed, in a unit so small that all figures are whole.

    `figures` and `dates` by column; `stray`: figures in columns of words, where a reader that knows no positions put them. `sure`: one of
    the figures has digits enough not to come about by chance. `strange`: a column of figures holds what is none, with digits. `head`: the
    row prints the heads of its columns. Its figures stand in text[start:end]."""

    figures: Mapping[int, int]
    stray: tuple[int, ...]
    dates: frozenset[int]
    words: tuple[str, ...]
    sure: bool
    strange: bool
    head: bool
    start: int
    end: int

    @property
    def look(self) -> frozenset[int]:
        """The columns in which it has a date or figure."""
        return self.dates.union(self.figures)


@dataclass(frozen=True, slots=True)
class Cell:
    """A printed cell of a row: its figure, or else its pieces, parted by white space wider than one blank."""

    leaf: Leaf
    text: str
    spans: tuple[tuple[int, int], ...]
    figure: Fraction | None
    pieces: tuple[str, ...]

    @property
    def dated(self) -> bool:
        return self.leaf.kind is Kind.YEAR or bool(self.figure is None and CELL_DATE.fullmatch(self.text))

    @property
    def stray(self) -> tuple[Fraction, ...]:
        """The figures among its pieces."""
        if self.leaf.kind.numeric or self.dated:
            return ()
        numbers = (parse(piece, Kind.NUMBER).number for piece in self.pieces if digits(piece) >= SURE_DIGITS)
        return tuple(number for number in numbers if number is not None)


def printed_rows(layout: Layout, schema: Schema, extraction: Extraction, node: Rows) -> list[PrintedRow]:
    """The rows of a list; labels that are merged over several rows belong to the first."""
    found = figures(schema, {place: extract.text for place, extract in extraction.leaves.items()}, extraction.rows)
    assert isinstance(node.row, Group)
    leaves = [leaf for leaf in node.row.members if isinstance(leaf, Leaf)]
    above: dict[int, Extract] = {}
    rows: list[dict[int, Cell]] = []
    for number in range(extraction.rows[pointer(*node.path)]):
        places = {column: pointer(*node.path, number, leaf.name) for column, leaf in enumerate(leaves)}
        own = {column: extraction.leaves[place] for column, place in places.items() if place in extraction.leaves}
        printed = {column for column, cell in own.items() if cell.text and not (leaves[column].spans_rows and above.get(column) == cell)}
        rows.append({column: _cell(layout, found, leaves[column], places[column], own[column]) for column in sorted(printed)})
        above = own
    numbers = (number for row in rows for cell in row.values() for number in (cell.figure, *cell.stray) if number is not None)
    unit = lcm(*{number.denominator for number in numbers})
    return [_row(row, unit) for row in rows]


def _cell(layout: Layout, found: Figures, leaf: Leaf, place: str, extract: Extract) -> Cell:
    cell = found.facts.cells.get(place)
    figure = cell.value if cell is not None and leaf.kind.numeric and leaf.kind is not Kind.YEAR else None
    prints = (fold(layout.clean[start - layout.start : end - layout.start]) for start, end in extract.spans)
    pieces = tuple(piece for printed in prints for piece in _GAP.split(printed)) if figure is None else ()
    return Cell(leaf, fold(extract.text or "").strip(), extract.spans, figure, pieces)


def _row(cells: Mapping[int, Cell], unit: int) -> PrintedRow:
    numbers = {column: int(cell.figure * unit) for column, cell in cells.items() if cell.figure is not None}
    others = [cell for column, cell in cells.items() if column not in numbers and not cell.dated]
    stray = tuple(int(number * unit) for cell in others for number in cell.stray)
    spans = [span for column in (numbers or cells) for span in cells[column].spans]
    return PrintedRow(
        numbers,
        stray,
        dates=frozenset(column for column, cell in cells.items() if cell.dated),
        words=tuple(word for cell in others for word in LETTERS.findall(cell.text.casefold())),
        sure=any(stray) or any(number and digits(cells[column].text) >= SURE_DIGITS for column, number in numbers.items()),
        strange=any(cell.leaf.kind.numeric and any(map(str.isdigit, cell.text)) for cell in others),
        head=len(cells) > 1 and all(map(_is_head, cells.values())),
        start=min((start for start, _ in spans), default=0),
        end=max((end for _, end in spans), default=0),
    )


def digits(text: str) -> int:
    """How many digits a figure has, zeros before it aside."""
    return len("".join(filter(str.isdigit, text)).lstrip("0"))


def _is_head(cell: Cell) -> bool:
    return _as_head(cell.text) in _heads(cell.leaf.printed.labels)


@lru_cache(maxsize=256)
def _heads(labels: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_as_head, labels))


def _as_head(text: str) -> str:
    return caseless(squeeze(text)).rstrip(":")
