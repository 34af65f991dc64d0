"""Cells of tables as they were read beside the cells that are printed: how many are right, how many characters are wrong, what is doubted.

A cell is *right* if its text (without white space), row, column and extent are. To count characters, the texts of a table are paired in
reading order, so that one lost row does not spoil the rest; a cell that pairs with none is lost with all its characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher

from sketches import Cell

from structurer.document import Document, Table
from structurer.judging.evidence import SURE

NUMBER = re.compile(r"[-+(£$≥≤=]*\d[\d,]*(\.\d+)?[)%]?")


@dataclass(frozen=True, slots=True)
class Found:
    """A cell as it was read; `confidence` is the lowest of its words, 1 where nothing was recognised or nothing is there."""

    cell: Cell
    confidence: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A printed text and what was read for it, None where nothing was."""

    printed: str
    read: str | None
    confidence: float

    @property
    def is_number(self) -> bool:
        return NUMBER.fullmatch(self.printed) is not None

    @property
    def is_right(self) -> bool:
        return self.printed == self.read


@dataclass(slots=True)
class Tally:
    """Counts over tables; `edits` are insertions, deletions and substitutions of characters. Tallies add up."""

    cells: int = 0
    right: int = 0
    tables: int = 0
    whole: int = 0  # tables of which every cell is right, and no other was read
    surplus: int = 0  # tables that were read and are none
    chars: int = 0
    edits: int = 0
    pairs: list[Pair] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for own in fields(self):
            setattr(self, own.name, getattr(self, own.name) + getattr(other, own.name))

    @property
    def numbers(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.is_number]

    @property
    def misread(self) -> list[Pair]:
        """Numbers for which something else was read."""
        return [pair for pair in self.numbers if not pair.is_right and pair.read is not None]

    @property
    def doubted(self) -> int:
        """How many of these carry doubt."""
        return sum(pair.confidence < SURE for pair in self.misread)


def compared(document: Document | None, printed: Sequence[Sequence[Cell]]) -> Tally:
    """The tables of a document (None: it could not be read) beside those that are printed."""
    left = [] if document is None else [_found(document, table) for table in document.tables]
    tally = Tally()
    for table in printed:
        best = max(left, key=lambda found: _likeness(found, table), default=[])
        if best and _likeness(best, table):
            left.remove(best)
        else:
            best = []
        tally.add(_compared(best, table))
    tally.surplus = len(left)
    return tally


def _found(document: Document, table: Table) -> list[Found]:
    return [
        Found(
            Cell(cell.row, cell.col, cell.rowspan, cell.colspan, _bare("".join(document.text[start:end] for start, end in cell.pieces))),
            min((word.confidence for piece in cell.pieces for word in document.locate(*piece) if word.confidence is not None), default=1.0),
        )
        for cell in table.cells
    ]


def _bare(text: str) -> str:
    return "".join(text.split())


def _likeness(found: Sequence[Found], printed: Sequence[Cell]) -> int:
    read, wanted = Counter(one.cell.text for one in found if one.cell.text), Counter(_bare(cell.text) for cell in printed)
    return (read & wanted).total()


def _compared(found: Sequence[Found], printed: Sequence[Cell]) -> Tally:
    bare = [Cell(cell.row, cell.col, cell.rowspan, cell.colspan, _bare(cell.text)) for cell in printed]
    read = {one.cell for one in found}
    pairs = list(_pairs(found, bare))
    return Tally(
        cells=len(bare),
        right=sum(cell in read for cell in bare),
        tables=1,
        whole=int(read == set(bare)),
        chars=sum(len(pair.printed) for pair in pairs),
        edits=sum(distance(pair.printed, pair.read or "") for pair in pairs),
        pairs=[pair for pair in pairs if pair.printed],
    )


def _pairs(found: Sequence[Found], printed: Sequence[Cell]) -> Iterator[Pair]:
    """Texts in reading order; between texts that are equal the others pair one to one, and what is left over pairs with nothing."""
    read = sorted((one for one in found if one.cell.text), key=lambda one: (one.cell.row, one.cell.col))
    wanted = [cell.text for cell in sorted(printed, key=lambda cell: (cell.row, cell.col)) if cell.text]
    matcher = SequenceMatcher(None, wanted, [one.cell.text for one in read], autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        for text, one in zip(wanted[start:end], read[first:last], strict=False):
            yield Pair(text, one.cell.text, one.confidence)
        yield from (Pair(text, None, 1.0) for text in wanted[start + last - first : end])
        yield from (Pair("", one.cell.text, one.confidence) for one in read[first + end - start : last])


def distance(printed: str, read: str) -> int:
    """Levenshtein's: the least insertions, deletions and substitutions."""
    row = list(range(len(read) + 1))
    for above, char in enumerate(printed):
        diagonal, row[0] = row[0], above + 1
        for col, other in enumerate(read, 1):
            diagonal, row[col] = row[col], min(row[col] + 1, row[col - 1] + 1, diagonal + (char != other))
    return row[-1]


def auroc(pairs: Iterable[Pair]) -> float | None:
    """How well low confidence tells wrong texts from right ones: the chance that a wrong one has the lower confidence, ties half."""
    known = [pair for pair in pairs if pair.read is not None]
    right = Counter(pair.confidence for pair in known if pair.is_right)
    wrong = Counter(pair.confidence for pair in known if not pair.is_right)
    if not right or not wrong:
        return None
    won = sum(few * many * ((low < high) + (low == high) / 2) for low, few in wrong.items() for high, many in right.items())
    return won / (wrong.total() * right.total())
