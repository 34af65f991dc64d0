"""The heads of printed tables: runs of column labels, and the stretch of text below them that holds the rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from structurer.builtin.align import Column
from structurer.builtin.labels import Hit, Role
from structurer.contracts.schema import Group, Leaf, Rows
from structurer.layout import Chunk, Layout, Line

MAX_STRANGER = 8  # characters of a column label that the schema does not know, between labels that it does


@dataclass(frozen=True, slots=True)
class Head:
    """A table's head: its columns in printed order; text[start:end] is the head, text[end:stop] its rows."""

    table: Rows | Group
    columns: tuple[Column, ...]
    start: int
    end: int
    stop: int


def find_heads(layout: Layout, hits: list[Hit]) -> list[Head]:
    """Every head on the page, in order. A label that two tables share goes to the longer run."""
    lines: dict[int, list[Hit]] = {}
    for hit in hits:
        line = layout.line_at(hit.start)
        lines.setdefault(line.index if line is not None else -1, []).append(hit)
    outdone = {hit.first for number, own in lines.items() if number >= 0 for hit in own if _is_outdone(layout.lines[number], hit, own)}
    whole = [hit for hit in hits if hit.first not in outdone]
    runs = [run for table in _tables(whole) for run in _runs(whole, table)]
    taken: set[int] = set()
    chosen: list[tuple[Rows | Group, list[Hit]]] = []
    for table, run in sorted(runs, key=lambda found: -len(found[1])):
        if not any(hit.first in taken for hit in run):
            taken.update(hit.first for hit in run)
            chosen.append((table, run))
    chosen.sort(key=lambda found: found[1][0].start)
    return [_head(layout, hits, table, run, taken) for table, run in chosen]


def _is_outdone(line: Line, hit: Hit, row: list[Hit]) -> bool:
    """Whether the label is but a part of its cell ("Item" of "Item no.") where another cell of its row is a label of the same column."""
    own = {id(owner.node) for owner in hit.owned(Role.COLUMN)}
    if not own or len(row) < 2 or _fills(hit, line):
        return False
    whole = (other for other in row if other is not hit and _fills(other, line))
    return any(id(owner.node) in own for other in whole for owner in other.owned(Role.COLUMN))


def _fills(hit: Hit, line: Line) -> bool:
    return any(hit.start <= chunk.start and chunk.end <= hit.end for chunk in line.chunks)


def _tables(hits: list[Hit]) -> list[Rows | Group]:
    found: list[Rows | Group] = []
    for hit in hits:
        for owner in hit.owned(Role.COLUMN):
            if owner.table is not None and owner.table not in found:
                found.append(owner.table)
    return found


def _leaf(hit: Hit, table: Rows | Group) -> Leaf | None:
    return next((owner.node for owner in hit.owned(Role.COLUMN) if owner.table is table and isinstance(owner.node, Leaf)), None)


def _runs(hits: list[Hit], table: Rows | Group) -> list[tuple[Rows | Group, list[Hit]]]:
    """Maximal runs of the table's column labels, with no more than a stranger's label or a caption between two of them."""
    found: list[tuple[Rows | Group, list[Hit]]] = []
    run: list[Hit] = []
    reach = -1
    for hit in hits:
        leaf = _leaf(hit, table)
        if leaf is None:
            if all(owner.role is Role.CAPTION for owner in hit.owners) and hit.first - reach <= MAX_STRANGER:
                reach = hit.last
            continue
        if run and (hit.first - reach > MAX_STRANGER or any(_leaf(other, table) is leaf for other in run)):
            found.append((table, run))
            run = []
        run.append(hit)
        reach = hit.last
    columns = len(columns_of(table))
    return [(node, found_run) for node, found_run in [*found, (table, run)] if len(found_run) >= max(2, min(3, columns // 2))]


def columns_of(table: Rows | Group) -> tuple[Leaf, ...]:
    """The columns that the schema gives a table."""
    group = table.row if isinstance(table, Rows) else table.members[0]
    assert isinstance(group, Group)
    return tuple(leaf for leaf in group.members if isinstance(leaf, Leaf))


def _head(layout: Layout, hits: list[Hit], table: Rows | Group, run: list[Hit], taken: set[int]) -> Head:
    end = _end_of_line(layout, hits, run)
    stop = _stop(layout, hits, table, end, taken)
    start = _start_of_line(layout, hits, run[0], end, stop) if isinstance(table, Rows) else run[0].start
    inside = [hit for hit in hits if run[0].start <= hit.start < end and (hit in run or not hit.owned(Role.COLUMN))]
    columns = _columns(layout, table, run, inside, start, end)
    return Head(table, columns, start, end, stop)


def _start_of_line(layout: Layout, hits: list[Hit], first: Hit, end: int, stop: int) -> int:
    """Cells left of a grid's head are columns that the schema does not know (line numbers, article codes, labels merged over the rows)
    where a row below has a cell in that column too."""
    line = layout.line_at(first.start)
    if line is None or not line.grid:
        return first.start
    rows = takewhile(lambda row: row.start < stop, layout.lines[line.index + 1 :])
    below = [row for row in rows if row.grid and end <= row.start]
    filled = {chunk.col for other in below for chunk in other.chunks}
    sides = [hit for hit in hits if line.start <= hit.start < first.start and (hit.owned(Role.CAPTION) or hit.owned(Role.ROW))]
    left = [chunk for chunk in line.chunks if chunk.end <= first.start and not any(hit.covers(chunk.start, chunk.end) for hit in sides)]
    return min((chunk.start for chunk in left if chunk.col in filled), default=first.start)


def _end_of_line(layout: Layout, hits: list[Hit], run: list[Hit]) -> int:
    """The head ends with its last label; in a grid, cells behind it on the same row are columns that the schema does not know."""
    end = max(last for hit in run for _, last in ((hit.start, hit.end), *hit.rest))
    line = layout.line_at(end - 1)
    if line is None or not line.grid:
        return end
    others = (hit.start for hit in hits if end <= hit.start < line.end and (hit.owned(Role.FIELD) or hit.owned(Role.ROW)))
    return min(others, default=max(end, line.chunks[-1].end))


def _columns(layout: Layout, table: Rows | Group, run: list[Hit], inside: list[Hit], start: int, end: int) -> tuple[Column, ...]:
    whole = [hit for hit in run if not hit.rest]
    known: list[tuple[int, Leaf | None, int | None]] = [(hit.start, _leaf(hit, table), layout.column_at(hit.start)) for hit in whole]
    for chunk in layout.words(start, end):
        if not any(hit.covers(chunk.start, chunk.end) for hit in inside):
            known.append((chunk.start, None, layout.column_at(chunk.start)))
    namer = row_namer(table)
    known.sort(key=lambda column: column[0])
    for hit in run:
        if hit.rest:
            _insert(known, hit.start, _leaf(hit, table), columns_of(table))
    figures = [index for index, (_, leaf, _) in enumerate(known) if leaf is not None and leaf.kind.numeric]
    return tuple(
        Column(leaf, position, names_rows=leaf is not None and leaf is namer, optional=bool(figures) and index > figures[-1])
        for index, (_, leaf, position) in enumerate(known)
    )


def _insert(known: list[tuple[int, Leaf | None, int | None]], start: int, leaf: Leaf | None, order: tuple[Leaf, ...]) -> None:
    """A label broken over the lines of the head does not show its place among the others: it gets the one it has in the schema."""
    later = order[order.index(leaf) + 1 :] if leaf in order else ()
    place = next((index for index, (_, other, _) in enumerate(known) if other in later), len(known))
    known.insert(place, (start, leaf, None))


def row_namer(table: Rows | Group) -> Leaf | None:
    """The column that names a row: the first required free text, else the first free text that covers no other rows."""
    texts = [leaf for leaf in columns_of(table) if not leaf.kind.numeric and not leaf.spans_rows and not leaf.values]
    return next((leaf for leaf in texts if leaf.required), texts[0] if texts else None)


def _stop(layout: Layout, hits: list[Hit], table: Rows | Group, end: int, taken: set[int]) -> int:
    """The rows end at the next label of a field, of a row that is not the table's own, or of another head."""
    for hit in hits:
        if hit.start >= end:
            if hit.first in taken or hit.owned(Role.FIELD):
                return hit.start
            rows = hit.owned(Role.ROW)
            if rows and all(owner.table is not table for owner in rows):
                return hit.start
    return layout.end


def rest_of_row(layout: Layout, hit: Hit, hits: list[Hit]) -> list[Chunk]:
    """The chunks printed beside a label: in a grid those of its row, elsewhere those up to the next label."""
    following = next((other.start for other in hits if other.start >= hit.end), layout.end)
    line = layout.line_at(hit.end - 1)
    end = min(following, line.end) if line is not None and line.grid else following
    rests = [other for other in hits if other.rest]
    return [chunk for chunk in layout.words(hit.end, end) if not any(other.covers(chunk.start, chunk.end) for other in rests)]
