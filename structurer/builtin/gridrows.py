"""Lists printed as a grid: one row a line, cells in columns, merged labels once for many rows, rows cut in two by a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count, pairwise

from structurer.builtin.align import NEVER, OPERATORS, Column, align, is_blank, is_figure, known
from structurer.builtin.draft import Draft
from structurer.builtin.heads import Head, columns_of
from structurer.builtin.levels import parents, snap
from structurer.contracts.schema import Group, Leaf, Rows
from structurer.fold import squeeze
from structurer.layout import Chunk, Line
from structurer.record import pointer

_COMPARING = frozenset(OPERATORS + "＝≧≦")
MAX_NAME = 12  # characters of a name, from which on a full stop shows a sentence
_REMARK = re.compile(r"^\W?(?:备注|附注|注|说明|note|remark|nb)s?\s*\d{0,2}\s*[:：.]", re.IGNORECASE)
MAX_UNIT = 4  # characters of a unit in a column of its own
_COSTLY = 4.0  # an alignment above this is shown to a person

Printed = tuple[Line, list[Chunk]]  # a line, and those of its chunks that are no labels


@dataclass(slots=True)
class Row:
    """A row in the making: the chunks of each column (by index), in print order, and what is doubtful about it."""

    cells: dict[int, list[Chunk]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    begun: bool = False  # only the first line of its name is read


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows below one head of a list: the columns under that head, and the index of each among those of `every` head of the list. Pages
    need not print their heads alike."""

    columns: tuple[Column, ...]
    indices: tuple[int, ...]
    every: list[Column]


def read_grid_rows(draft: Draft, heads: list[Head], place: str) -> None:
    """Read the rows below all heads of one list (a head may be repeated on every page)."""
    head = heads[0]
    assert isinstance(head.table, Rows)
    labels = table_labels(head.table)
    rows: list[Row] = []
    parts = [(part, _lines(draft, part)) for part in heads]
    printed = [squeeze(draft.text(chunk)) for _, lines in parts for _, chunks in lines for chunk in chunks]
    every: list[Column] = []
    for under, lines in parts:
        part = _part(with_missing(under.columns, under.table, printed), every)
        for found, following in zip(lines, [*lines[1:], None], strict=False):
            _take(draft, rows, part, found, following, labels)
    strangers = [chunk for row in rows for index, cell in row.cells.items() if every[index].leaf is None for chunk in cell]
    for under in heads:
        doubt_strangers(draft, under, place, strangers)
    store_rows(draft, place, tuple(every), rows)


def _part(columns: tuple[Column, ...], every: list[Column]) -> _Part:
    """A part with its columns found among those of the heads before it; what none of them had is appended to `every`."""
    known_already = _identities(every)
    indices = []
    for column, identity in zip(columns, _identities(columns), strict=True):
        if identity in known_already:
            indices.append(known_already.index(identity))
        else:
            indices.append(len(every))
            every.append(column)
    return _Part(columns, tuple(indices), every)


def _identities(columns: Iterable[Column]) -> list[str | int]:
    """What a column is on every page: its leaf, else which of the columns unknown to the schema it is."""
    strangers = count()
    return [next(strangers) if column.leaf is None else column.leaf.name for column in columns]


def with_missing(columns: tuple[Column, ...], table: object, printed: Iterable[str]) -> tuple[Column, ...]:
    """Columns of labels whose head is lost still take the labels that no other column knows: they are put before the others. `printed` are
    the texts of the rows, folded."""
    assert isinstance(table, Rows)
    assert isinstance(table.row, Group)
    present = {column.leaf.name for column in columns if column.leaf is not None}
    own = frozenset().union(*(known(column.leaf) for column in columns if column.leaf is not None))
    texts = frozenset(printed) - own
    lost = [leaf for leaf in table.row.members if isinstance(leaf, Leaf) and leaf.name not in present and known(leaf) & texts]
    return (*(Column(leaf) for leaf in lost), *columns)


def table_labels(table: Rows) -> frozenset[str]:
    """All values known to any column of labels."""
    assert isinstance(table.row, Group)
    return frozenset().union(*(known(leaf) for leaf in table.row.members if isinstance(leaf, Leaf)))


def _lines(draft: Draft, head: Head) -> list[Printed]:
    found = []
    for line in draft.layout.lines:
        if line.end > head.end and line.start < head.stop:
            chunks = [
                draft.layout.cut(chunk, head.end, head.stop) for chunk in line.chunks if chunk.end > head.end and chunk.start < head.stop
            ]
            chunks = [chunk for chunk in chunks if chunk.start < chunk.end and not _is_label(draft, chunk)]
            if chunks:
                found.append((line, chunks))
    return found


def _is_label(draft: Draft, chunk: Chunk) -> bool:
    for hit in draft.hits:
        if hit.start < chunk.end and chunk.start < hit.end and hit.end - hit.start >= chunk.end - chunk.start:
            draft.explain(hit.start, hit.end)
            return True
    return False


def _take(draft: Draft, rows: list[Row], part: _Part, found: Printed, following: Printed | None, labels: frozenset[str]) -> None:
    columns = part.columns
    line, chunks = found
    groups = _composed(draft, chunks)
    cells: list[tuple[int | None, str]] = [
        (group[-1].col if line.grid else None, "".join(draft.text(chunk) for chunk in group)) for group in groups
    ]
    if _leads(draft, columns, found, following):
        rows.append(Row({part.indices[_namer(columns)]: list(chunks)}, begun=True))
        return
    if _is_remark(cells):
        return
    if rows and not rows[-1].begun and _is_remainder(columns, line, cells):
        _continue(rows, part, chunks)
        return
    assignment, cost = align(columns, cells, labels)
    row = rows.pop() if rows and rows[-1].begun else Row()
    row.begun = False
    rows.append(row)
    if cost >= NEVER:
        row.doubts.append("the row has cells that fit no column")
        assignment = tuple(min(index, len(columns) - 1) for index in range(len(cells)))
    elif cost > _COSTLY:
        row.doubts.append("the row's cells do not stand under their heads")
    for index, group in zip(assignment, groups, strict=True):
        row.cells.setdefault(part.indices[index], []).extend(group)


def _composed(draft: Draft, chunks: list[Chunk]) -> list[list[Chunk]]:
    """The chunks of each cell: an operator, a figure and its unit printed in three columns ("≥ | 30 | 盏") are one value."""
    groups: list[list[Chunk]] = []
    for chunk in chunks:
        before = "".join(draft.text(part) for part in groups[-1]) if groups else ""
        text = draft.text(chunk)
        compared = before[:1] in _COMPARING and len(before) <= 2
        measured = before[:1] in _COMPARING and len(groups[-1]) == 2 if groups else False
        if before and (compared or (measured and len(text) <= MAX_UNIT and not is_figure(text))):
            groups[-1].append(chunk)
        else:
            groups.append([chunk])
    return groups


def _is_remark(cells: list[tuple[int | None, str]]) -> bool:
    """A sentence alone on its line is no row of a table: it stays unclaimed."""
    text = cells[0][1]
    return len(cells) == 1 and bool(_REMARK.match(text) or (len(text) > MAX_NAME and text[-1] in "。！!"))


def _namer(columns: tuple[Column, ...]) -> int:
    return next((index for index, column in enumerate(columns) if column.names_rows), 0)


def _leads(draft: Draft, columns: tuple[Column, ...], found: Printed, following: Printed | None) -> bool:
    """Whether the line holds only the beginning of the next row's name: it ends in mid-phrase, or the next line begins in mid-phrase."""
    chunks = found[1]
    if following is None or len(chunks) != 1 or found[0].page_before or not any(column.numeric for column in columns):
        return False
    position = columns[_namer(columns)].position
    text, after = draft.text(chunks[0]), draft.text(following[1][0])
    if position is None or chunks[0].col != position or following[1][0].col != position or len(following[1]) < 2 or is_figure(text):
        return False
    return text[-1] in ",，、(（" or after[0].islower()


def _is_remainder(columns: tuple[Column, ...], line: Line, cells: list[tuple[int | None, str]]) -> bool:
    """Whether the line only carries on the row above it: in a table of figures it has none, elsewhere it is torn off by a page break and
    names no row of its own."""
    if any(column.numeric for column in columns):
        return not any(is_figure(text) for _, text in cells) and not _complete_text_row(columns, cells)
    if not (line.page_before or line.blank_before):
        return False
    return len(cells) == 1 and len(cells[0][1]) <= 8


def _complete_text_row(columns: tuple[Column, ...], cells: list[tuple[int | None, str]]) -> bool:
    """A row cut off before its figures still names itself and more."""
    texts = [text for _, text in cells if len(text) > 3]
    free = sum(column.leaf is not None and not column.leaf.values and not column.numeric for column in columns)
    return len(cells) >= 3 and len(texts) >= min(free, 2)


def _continue(rows: list[Row], part: _Part, chunks: list[Chunk]) -> None:
    """Append each chunk to the cell above it in the same printed column; a merged label may have begun many rows above."""
    for chunk in chunks:
        cell = next(
            (
                cell
                for row in [rows[-1], *reversed(rows)]
                for index, cell in row.cells.items()
                if _is_above(row is rows[-1], part.every[index], cell, chunk)
            ),
            None,
        )
        if cell is None:
            cell = rows[-1].cells.setdefault(part.indices[_nearest(part.columns, chunk)], [])
        cell.append(chunk)


def _is_above(directly: bool, column: Column, cell: list[Chunk], chunk: Chunk) -> bool:
    return cell[0].col == chunk.col and (directly or (column.leaf is not None and column.leaf.spans_rows))


def _nearest(columns: tuple[Column, ...], chunk: Chunk) -> int:
    """For a column that is blank in the row above: the column whose head stands there, labels first."""
    placed = [(abs((column.position or 0) - chunk.col), index) for index, column in enumerate(columns) if column.position is not None]
    return min(placed, default=(0, 0))[1]


def store_rows(draft: Draft, place: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
    """Write the rows to the draft, merged labels repeated on every row they cover."""
    draft.rows[place] = len(rows)
    carried: dict[int, list[Chunk]] = {}
    spanning = {index for index, column in enumerate(columns) if column.leaf is not None and column.leaf.spans_rows}
    for number, row in enumerate(rows):
        if len(columns) > 1 and set(row.cells) - spanning == {_namer(columns)}:
            row.doubts.append("the row prints nothing but its name")
        if any(column.names_rows for column in columns) and row.cells and not row.cells.get(_namer(columns)):
            row.doubts.append("the row has no name")
        _unfold(draft, columns, row, carried)
        _store(draft, columns, f"{place}/{number}", row)
        for reason in row.doubts:
            draft.doubt(f"{place}/{number}", reason)


def doubt_strangers(draft: Draft, head: Head, place: str, taken: Iterable[Chunk]) -> None:
    """Figures or words under a head that the schema does not know, where a column of such that it does know has none: they may be that
    column."""
    present = {column.leaf.name for column in head.columns if column.leaf is not None}
    texts = [text for text in map(draft.text, taken) if not is_blank(text)]
    for what, numeric in (("figures", True), ("words", False)):
        lost = [leaf.name for leaf in columns_of(head.table) if leaf.kind.numeric is numeric and leaf.name not in present]
        if lost and any(is_figure(text) is numeric for text in texts):
            draft.doubt(place, f"{what} stand under a head that is not known, and no head is found for {', '.join(lost)}")


def _unfold(draft: Draft, columns: tuple[Column, ...], row: Row, carried: dict[int, list[Chunk]]) -> None:
    """A blank cell under a merged label means the label again; a new label ends those of the columns behind it."""
    spanning = [index for index, column in enumerate(columns) if column.leaf is not None and column.leaf.spans_rows]
    for order, index in enumerate(spanning):
        if row.cells.get(index):
            carried[index] = row.cells[index]
            for later in spanning[order + 1 :]:
                carried.pop(later, None)
        elif index in carried:
            row.cells[index] = carried[index]
    _parent_of_lone_child(draft, columns, spanning, row)


def _parent_of_lone_child(draft: Draft, columns: tuple[Column, ...], spanning: list[int], row: Row) -> None:
    """A label whose one possible parent is not the one carried down to it: the parent's own print was lost or slipped."""
    for above, index in pairwise(spanning):
        leaf, parent_leaf = columns[index].leaf, columns[above].leaf
        if leaf is None or parent_leaf is None or not row.cells.get(index):
            continue
        allowed = parents(leaf, snap(leaf, _text(draft, row.cells[index]))[0])
        current = snap(parent_leaf, _text(draft, row.cells[above]))[0] if row.cells.get(above) else None
        if allowed and current not in allowed and current in {value for value, _ in parent_leaf.values} | {None}:
            row.doubts.append(f"{parent_leaf.name} does not fit {leaf.name}")


def _text(draft: Draft, chunks: list[Chunk]) -> str:
    return draft.layout.joined(tuple((chunk.start, chunk.end) for chunk in chunks))


def _store(draft: Draft, columns: tuple[Column, ...], place: str, row: Row) -> None:
    for index, column in enumerate(columns):
        leaf = column.leaf
        chunks = row.cells.get(index)
        if leaf is None or not chunks:
            if leaf is not None:
                draft.blank(place + pointer(leaf.name))
            continue
        put_cell(draft, leaf, place + pointer(leaf.name), chunks)


def put_cell(draft: Draft, leaf: Leaf, place: str, chunks: list[Chunk]) -> None:
    """One cell; a column of labels says the known value that its broken print stands for."""
    spans = tuple((chunk.start, chunk.end) for chunk in chunks)
    if not leaf.values:
        draft.put(place, spans)
        return
    text, sure = snap(leaf, draft.layout.joined(spans))
    draft.put(place, spans, text=text, doubts=() if sure else (f"{leaf.name} is none of the labels the schema knows",))
