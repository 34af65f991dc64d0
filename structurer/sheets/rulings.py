"""Ruled lines become the cells of tables, whoever found the lines: the parser of a PDF, or the eye on a scan.

The geometry is pdfplumber's `TableFinder` (after A. Nurminen, Algorithmic extraction of data in tables in PDF documents, 2013): lines near
one another are one line, pieces that nearly meet are one piece, and what four of them enclose with nothing smaller inside is a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from structurer.document import Box

GRAIN: Final = 0.1  # points: lines that differ by less are the same line drawn again
NEAR: Final = 3.0  # points: lines no farther apart are one


class Edge(NamedTuple):
    """A ruled line, or one side of a ruled rectangle, in points: level if top == bottom, upright if x0 == x1."""

    x0: float
    top: float
    x1: float
    bottom: float

    @property
    def turned(self) -> Edge:
        """An upright one as a level one, and back: the axes change places."""
        return Edge(self.top, self.x0, self.bottom, self.x1)


@dataclass(frozen=True, slots=True)
class _Ruled:
    """All that `TableFinder` asks of a page."""

    edges: list[dict[str, Any]]
    bbox: tuple[float, float, float, float]


def cells_of(edges: Sequence[Edge], width: float, height: float) -> tuple[tuple[Box, ...], ...]:
    """The boxes of the cells, a tuple for each table, tables and cells in reading order; slanted edges are left out.

    Lines within 3 points are one, and gaps of up to 3 points are closed. A lone rectangle is no table.
    """
    from pdfplumber.page import Page
    from pdfplumber.table import TableFinder

    ruled = _Ruled([_as_dict(edge) for edge in whole(edges)], (0.0, 0.0, width, height))
    return tuple(_in_order(table.cells) for table in TableFinder(cast(Page, ruled)).tables)


def whole(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Pieces of one line as one: cells with borders of their own draw every inner line twice, in pieces. Slanted edges are left out."""
    lines: dict[tuple[bool, int], list[Edge]] = {}
    for edge in edges:
        if edge.top == edge.bottom:
            lines.setdefault((True, round(edge.top / GRAIN)), []).append(edge)
        elif edge.x0 == edge.x1:
            lines.setdefault((False, round(edge.x0 / GRAIN)), []).append(edge)
    for (is_level, _), pieces in lines.items():
        yield from _pieced(pieces, is_level)


def _pieced(pieces: list[Edge], is_level: bool) -> Iterator[Edge]:
    """Joined where they meet."""
    pieces.sort(key=lambda piece: piece.x0 if is_level else piece.top)  # they differ by less than the grain across
    x0, top, x1, bottom = pieces[0]
    for piece in pieces[1:]:
        if (piece.x0 - x1 if is_level else piece.top - bottom) > GRAIN:
            yield Edge(x0, top, x1, bottom)
            x0, top, x1, bottom = piece
        elif is_level:
            x1 = max(x1, piece.x1)
        else:
            bottom = max(bottom, piece.bottom)
    yield Edge(x0, top, x1, bottom)


def _as_dict(edge: Edge) -> dict[str, Any]:
    shape = {"object_type": "line", "orientation": "h" if edge.top == edge.bottom else "v"}
    return {**edge._asdict(), "width": edge.x1 - edge.x0, "height": edge.bottom - edge.top, **shape}


def _in_order(cells: Iterable[tuple[float, float, float, float]]) -> tuple[Box, ...]:
    return tuple(Box(*map(float, cell)) for cell in sorted(cells, key=lambda cell: (cell[1], cell[0])))
