"""Tables of figures with labelled rows and columns, and single labelled rows of figures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from structurer.arithmetic.checks import Facts, Level, Quantity, level
from structurer.builtin.align import Column, align, is_blank, is_figure
from structurer.builtin.draft import Draft
from structurer.builtin.gridrows import doubt_strangers
from structurer.builtin.heads import Head, rest_of_row
from structurer.builtin.labels import Hit, Role
from structurer.contracts.schema import Group, Leaf, Node
from structurer.judging.parse import parse
from structurer.layout import Chunk
from structurer.record import pointer

MAX_READINGS = 64  # ways to place a row's figures that are tried against the checks
_AMBIGUOUS = "fewer figures are printed than the row has columns"


def read_matrix(draft: Draft, head: Head) -> None:
    """Read the labelled rows under a head into the members of its group."""
    assert isinstance(head.table, Group)
    short: list[tuple[Group, list[Chunk]]] = []
    for hit in draft.hits:
        if head.end <= hit.start < head.stop:
            owner = next((owner for owner in hit.owned(Role.ROW) if owner.table is head.table), None)
            if (
                owner is not None
                and isinstance(owner.node, Group)
                and pointer(*owner.node.path, owner.node.members[0].name) not in draft.leaves
            ):
                _read_row(draft, head, hit, owner.node, short)
    for row, chunks in short:
        _place_short(draft, head, row, chunks)
    _doubt_lost(draft, head)


def _doubt_lost(draft: Draft, head: Head) -> None:
    """Figures under the head that are in no row, while rows of the table are not found: their labels may have been lost."""
    rows = [row for row in head.table.members if isinstance(row, Group)] if isinstance(head.table, Group) else []
    read = [[extract for leaf in row.members if (extract := draft.leaves.get(pointer(*leaf.path)))] for row in rows]
    spans = {span for extracts in read for extract in extracts for span in extract.spans}
    loose = [chunk for chunk in draft.layout.words(head.end, head.stop) if (chunk.start, chunk.end) not in spans]
    if any(is_figure(draft.text(chunk)) and not is_blank(draft.text(chunk)) for chunk in loose):
        for row in (row for row, extracts in zip(rows, read, strict=True) if not extracts):
            draft.doubt(pointer(*row.path), "the row is not found, and figures stand under the head that are in no row")


def _read_row(draft: Draft, head: Head, hit: Hit, row: Group, short: list[tuple[Group, list[Chunk]]]) -> None:
    chunks = [chunk for chunk in rest_of_row(draft.layout, hit, draft.hits) if is_figure(draft.text(chunk))]
    draft.explain(hit.start, hit.end)
    line = draft.layout.line_at(hit.end - 1)
    if line is not None and line.grid:
        shift = _shift(draft, head, hit)
        cells: list[tuple[int | None, str]] = [(chunk.col - shift, draft.text(chunk)) for chunk in chunks]
        spare = (Column(None),) * max(len(cells) - len(head.columns), 0)  # figures under heads that were not recognised
        columns, _ = align((*head.columns, *spare), cells, frozenset())
        placed = dict(zip(columns, chunks, strict=False))
        _put(draft, head, row, placed)
        known = [index for index, column in enumerate(head.columns) if column.leaf is not None]
        doubt_strangers(draft, head, pointer(*head.table.path), [chunk for index, chunk in placed.items() if index not in known])
    elif len(chunks) >= len(head.columns):
        _put(draft, head, row, dict(enumerate(chunks[: len(head.columns)])))
    else:
        _put(draft, head, row, dict(enumerate(chunks)), frozenset() if chunks else frozenset(range(len(head.columns))))
        if chunks:
            short.append((row, chunks))


def _shift(draft: Draft, head: Head, hit: Hit) -> int:
    """By how many columns a row surely stands beside its head: its label is left of the first column of figures."""
    first = min((column.position for column in head.columns if column.position is not None), default=None)
    label = draft.layout.column_at(hit.start)
    return max(label - first + 1, 0) if label is not None and first is not None else 0


def _put(draft: Draft, head: Head, row: Group, placed: dict[int, Chunk], doubtful: frozenset[int] = frozenset()) -> None:
    for index, column in enumerate(head.columns):
        leaf = row.member(column.leaf.name) if column.leaf is not None else None
        if leaf is None:
            continue
        doubts = (_AMBIGUOUS,) if index in doubtful else ()
        chunk = placed.get(index)
        if chunk is None or is_blank(draft.text(chunk)):
            draft.blank(pointer(*leaf.path), *doubts)
            if chunk is not None:
                draft.explain(chunk.start, chunk.end)
        else:
            draft.put(pointer(*leaf.path), ((chunk.start, chunk.end),), doubts=doubts)


def _place_short(draft: Draft, head: Head, row: Group, chunks: list[Chunk]) -> None:
    """A row with fewer figures than columns: the sums choose its reading; where they cannot, the leftmost stands and says so."""
    readings = _readings(draft, head, chunks)
    if not readings:
        return
    others = _quantities(draft, [member for member in head.table.members if member is not row]) if isinstance(head.table, Group) else {}
    scored = []
    for reading in readings:
        _put(draft, head, row, reading)
        scored.append(_failing(draft, head, row, {**others, **_quantities(draft, [row])}))
    best = min(scored)
    standing = [reading for reading, failing in zip(readings, scored, strict=True) if failing == best]
    doubtful = frozenset(
        index for index in range(len(head.columns)) if len({_printed(draft, reading.get(index)) for reading in standing}) > 1
    )
    _put(draft, head, row, standing[0], doubtful)


def _printed(draft: Draft, chunk: Chunk | None) -> str | None:
    return None if chunk is None or is_blank(draft.text(chunk)) else draft.text(chunk)


def _readings(draft: Draft, head: Head, chunks: list[Chunk]) -> list[dict[int, Chunk]]:
    """Ways to place the figures in order, leftmost first, percentages only under percentages."""
    found = []
    for places in combinations(range(len(head.columns)), len(chunks)):
        if all(_fits(head.columns[place], draft.text(chunk)) for place, chunk in zip(places, chunks, strict=True)):
            found.append(dict(zip(places, chunks, strict=True)))
            if len(found) == MAX_READINGS:
                break
    return found


def _fits(column: Column, text: str) -> bool:
    percent = text.rstrip().endswith("%")
    return not percent or (column.leaf is not None and column.leaf.kind.value == "percent")


def _failing(draft: Draft, head: Head, row: Group, quantities: dict[str, Quantity]) -> int:
    """How many of the checks declared on the table, or on the row, fail."""
    facts = Facts(quantities, {})
    rules = (rule for rule in draft.schema.rules if rule.scope in (head.table.path, row.path))
    return sum(level(rule.check, facts, pointer(*rule.scope)) is Level.FAIL for rule in rules)


def _quantities(draft: Draft, rows: Sequence[Node]) -> dict[str, Quantity]:
    found = {}
    for row in rows:
        for leaf in row.members if isinstance(row, Group) else ():
            extract = draft.leaves.get(pointer(*leaf.path))
            if extract is not None and extract.text is not None and isinstance(leaf, Leaf):
                parsed = parse(extract.text, leaf.kind)
                if parsed.number is not None:
                    found[pointer(*leaf.path)] = Quantity(parsed.number, Fraction(1, 10**parsed.decimals), extract.text)
    return found


def read_total(draft: Draft, hit: Hit, row: Group, columns: tuple[Column, ...]) -> None:
    """A labelled row of figures, such as a total: its figures in order, or (in a grid) under the columns of the table above."""
    chunks = [chunk for chunk in rest_of_row(draft.layout, hit, draft.hits) if is_figure(draft.text(chunk))]
    draft.explain(hit.start, hit.end)
    leaves = [leaf for leaf in row.members if isinstance(leaf, Leaf)]
    chosen: list[Chunk | None] = [*chunks[: len(leaves)]]
    if len(chunks) < len(leaves):
        chosen = _under(columns, leaves, chunks) or [*chunks, *([None] * (len(leaves) - len(chunks)))]
    doubts = (_AMBIGUOUS,) if 0 < len(chunks) < len(leaves) else ()
    for leaf, chunk in zip(leaves, chosen, strict=True):
        if chunk is None or is_blank(draft.text(chunk)):
            draft.blank(pointer(*leaf.path), *doubts)
        else:
            draft.put(pointer(*leaf.path), ((chunk.start, chunk.end),), doubts=doubts)


def _under(columns: tuple[Column, ...], leaves: list[Leaf], chunks: list[Chunk]) -> list[Chunk | None] | None:
    """Match figures with the columns of the same name that stand above them."""
    placed: list[Chunk | None] = []
    for leaf in leaves:
        column = next((column for column in columns if column.leaf is not None and column.leaf.name == leaf.name), None)
        if column is None or column.position is None:
            return None
        placed.append(next((chunk for chunk in chunks if chunk.col == column.position), None))
    return placed if sum(chunk is not None for chunk in placed) == len(chunks) else None
