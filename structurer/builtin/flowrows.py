"""Lists printed as running lines: rows whose cells were wrapped, whose names stand above and below their figures, and whose merged labels
are printed before, amid or after the rows they cover.

The merged labels are taken out of the words (`flowlabels`); the others are assigned to columns by a shortest path (`flowpath`).
"""

from __future__ import annotations

from structurer.builtin.align import NEVER, Column
from structurer.builtin.draft import Draft
from structurer.builtin.flowcosts import Step, costs_of
from structurer.builtin.flowlabels import Label, pick_labels, store_labels
from structurer.builtin.flowpath import Path
from structurer.builtin.gridrows import Row, put_cell, table_labels, with_missing
from structurer.builtin.heads import Head
from structurer.contracts.schema import Leaf, Rows
from structurer.fold import squeeze
from structurer.layout import Chunk
from structurer.record import pointer

_SURPRISE = 2.0  # the cost of one word, from which on its row is shown to a person
SAYS_MANY = "many of the rows are doubtful"  # of a list of running lines
MANY_SHARE = 0.3  # share of doubtful rows, from which on the whole list is shown to a person


def read_flow_rows(draft: Draft, heads: list[Head], place: str) -> None:
    """Read the rows below all heads of one list."""
    head, table = heads[0], heads[0].table
    assert isinstance(table, Rows)
    every = [column for column in with_missing(head.columns, table, table_labels(table)) if column.leaf is not None and column.leaf.values]
    labels, words = pick_labels(draft, [chunk for part in heads for chunk in _content(draft, part)], every)
    columns = with_missing(head.columns, table, (label.text for label in labels))
    spanning = [column for column in columns if column in every]
    free = tuple(column for column in columns if column not in spanning)
    rows, doubts = _rows(draft, words, free, labels, table, cut_off=heads[-1].stop >= draft.layout.end)
    _store_rows(draft, place, free, rows)
    for reason in doubts:
        draft.doubt(place, reason)
    amid = store_labels(draft, spanning, labels, rows, words, place)
    if amid and not any(column.numeric for column in free):
        draft.doubt(place, "the merged labels stand amid the rows, and no figures show where a row ends")


def _content(draft: Draft, head: Head) -> list[Chunk]:
    """The words below a head, without the labels of other fields."""
    found = []
    for chunk in draft.layout.words(head.end, head.stop):
        hit = next((hit for hit in draft.hits if hit.covers(chunk.start, chunk.end)), None)
        if hit is None:
            found.append(chunk)
        else:
            draft.explain(hit.start, hit.end)
    return found


# -- from words to rows ------------------------------------------------------------------------------------------------


def _rows(
    draft: Draft, words: list[Chunk], columns: tuple[Column, ...], labels: list[Label], table: Rows, *, cut_off: bool
) -> tuple[list[Row], list[str]]:
    """The rows that the words make, and what is doubtful about all of them."""
    if not words or not columns:
        return [], []
    texts = [squeeze(draft.text(chunk)) for chunk in words]
    path = Path(costs_of(words, texts, columns, table_labels(table), frozenset(label.place for label in labels)), cut_off=cut_off)
    steps = path.shortest()
    rows = _collect(words, steps, path)
    for row in rows:
        row.doubts += _lacking(row, columns)
    doubts = ["the lines do not divide into rows"] if steps[-1].cost >= NEVER else []
    if sum(bool(row.doubts) for row in rows) > len(rows) * MANY_SHARE:
        doubts.append(SAYS_MANY)
    return rows, doubts


def _collect(words: list[Chunk], steps: list[Step], path: Path) -> list[Row]:
    """The words of each row, by their columns."""
    rows: list[Row] = []
    for number, (chunk, step) in enumerate(zip(words, steps, strict=True)):
        if step.new_row or not rows:
            rows.append(Row())
        elif path.could_be_name(number, step):
            rows[-1].doubts.append("a line behind the figures could belong to the name or to the last column")
        if step.back is not None and step.cost - step.back.cost >= _SURPRISE:
            for row in rows[-2:] if step.new_row else rows[-1:]:
                row.doubts.append("the row's lines fit its columns badly")
        rows[-1].cells.setdefault(step.column, []).append(chunk)
    return rows


def _lacking(row: Row, columns: tuple[Column, ...]) -> list[str]:
    """What a whole row has and this one has not."""
    blank = [column for index, column in enumerate(columns) if index not in row.cells]
    namer = next((column for column in columns if column.names_rows), None)
    found = {
        "the row has no name": any(column is namer for column in blank),
        "the row lacks figures": any(column.numeric for column in blank),
        "the row lacks a cell, and the print does not show which": any(_is_text(column) for column in blank),
    }
    return [reason for reason, holds in found.items() if holds]


def _is_text(column: Column) -> bool:
    return column.leaf is not None and not column.numeric and not column.optional


# -- storing them ------------------------------------------------------------------------------------------------------


def _store_rows(draft: Draft, place: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
    draft.rows[place] = len(rows)
    for number, row in enumerate(rows):
        for index, column in enumerate(columns):
            if column.leaf is not None:
                _store(draft, column.leaf, f"{place}/{number}", row.cells.get(index, []))
        for reason in row.doubts:
            draft.doubt(f"{place}/{number}", reason)


def _store(draft: Draft, leaf: Leaf, place: str, chunks: list[Chunk]) -> None:
    if chunks:
        put_cell(draft, leaf, place + pointer(leaf.name), _glued(draft, chunks))
    else:
        draft.blank(place + pointer(leaf.name))


def _glued(draft: Draft, chunks: list[Chunk]) -> list[Chunk]:
    """Words of one line in one piece, so that the space printed between them stays."""
    glued: list[Chunk] = []
    for chunk in chunks:
        if glued and glued[-1].line == chunk.line and not _between(draft, glued[-1], chunk).strip():
            glued[-1] = Chunk(glued[-1].start, chunk.end, chunk.line, glued[-1].col)
        else:
            glued.append(chunk)
    return glued


def _between(draft: Draft, first: Chunk, second: Chunk) -> str:
    return draft.layout.clean[first.end - draft.layout.start : second.start - draft.layout.start]
