"""Values printed below their labels: a block of text under one label, or under several that stand side by side."""

from __future__ import annotations

from structurer.builtin.divide import by_shape
from structurer.builtin.draft import Draft
from structurer.builtin.heads import Head
from structurer.builtin.labels import Hit, Role
from structurer.contracts.schema import Kind, Leaf
from structurer.layout import Chunk, Line
from structurer.record import pointer

MOST_ROWS = 8  # of a text below its label


def is_beneath(node: object) -> bool:
    """Whether the schema says that the field's value stands below its label."""
    return isinstance(node, Leaf) and node.printed.beneath


def runs(draft: Draft, hits: list[Hit]) -> list[list[Hit]]:
    """Labels that stand side by side: nothing is printed between them."""
    runs: list[list[Hit]] = []
    for hit in hits:
        if runs and not draft.layout.words(runs[-1][-1].end, hit.start):
            runs[-1].append(hit)
        else:
            runs.append([hit])
    return runs


def abreast(draft: Draft, side_by_side: list[list[Hit]]) -> list[list[Hit]]:
    """Labels of texts that fill a line of their own, side by side: their values stand below them."""
    found = []
    for run in side_by_side:
        line = draft.layout.line_at(run[0].start)
        texts = all(isinstance(owner.node, Leaf) and owner.node.kind is Kind.TEXT for hit in run for owner in hit.owned(Role.FIELD))
        if (
            len(run) > 1
            and texts
            and line is not None
            and not line.grid
            and run[0].start == line.chunks[0].start
            and run[-1].end >= line.chunks[-1].end
        ):
            found.append(run)
    return found


def headed(draft: Draft, side_by_side: list[list[Hit]]) -> list[list[Hit]]:
    """Labels side by side in a row of a grid that holds no values, with nothing but cells in its columns on the row below: their values
    stand there."""
    found = []
    for run in side_by_side:
        line = draft.layout.line_at(run[0].start)
        if len(run) > 1 and line is not None and line.grid and _is_head(draft, run, line) and _rows_under(draft, line):
            found.append(run)
    return found


def _leaf_of(hit: Hit) -> Leaf | None:
    """The one leaf that a label stands for."""
    nodes = [owner.node for owner in hit.owned(Role.FIELD)]
    return nodes[0] if len(nodes) == 1 and isinstance(nodes[0], Leaf) else None


def read_headed(draft: Draft, run: list[Hit]) -> None:
    """Fill the fields of such labels: a text from all rows below it, any other value from the first."""
    line = draft.layout.line_at(run[0].start)
    assert line is not None
    rows = _rows_under(draft, line)
    for hit in run:
        draft.explain(hit.start, hit.end)
        leaf, column = _leaf_of(hit), draft.layout.column_at(hit.start)
        assert leaf is not None
        under = [chunk for row in (rows if leaf.kind is Kind.TEXT else rows[:1]) for chunk in row.chunks if chunk.col == column]
        if under:
            doubts = ("the rows below its label may not all be its text",) if len(under) > 1 else ()
            draft.put(pointer(*leaf.path), draft.merged(under), doubts=doubts)
        else:
            draft.blank(pointer(*leaf.path))


def _is_head(draft: Draft, run: list[Hit], line: Line) -> bool:
    """Whether all labels stand in the row, each for a leaf of its own, and its other cells may be labels that the schema does not know."""
    if len({id(_leaf_of(hit)) for hit in run}) < len(run) or None in map(_leaf_of, run):
        return False
    others = [draft.text(chunk) for chunk in line.chunks if not any(hit.start <= chunk.start and chunk.end <= hit.end for hit in run)]
    return run[-1].start < line.end and len(others) < len(run) and not any(char.isdigit() for text in others for char in text)


def _rows_under(draft: Draft, line: Line) -> list[Line]:
    """The rows below, up to the first with a label, with a cell in a column of its own, or behind a blank line."""
    columns = {chunk.col for chunk in line.chunks}
    found: list[Line] = []
    for row in draft.layout.lines[line.index + 1 : line.index + 1 + MOST_ROWS]:
        strange = not row.grid or any(chunk.col not in columns or _inside_hit(draft, chunk) for chunk in row.chunks)
        if strange or row.blank_before or row.page_before:
            break
        found.append(row)
    return found


def read_below(draft: Draft, run: list[Hit], heads: list[Head]) -> None:
    """Fill the fields of a run of labels from the block of text below them."""
    owners = [hit.owned(Role.FIELD) for hit in run]
    leaves = [next((owner.node for owner in own if is_beneath(owner.node)), own[0].node) for own in owners]
    meant = all(is_beneath(leaf) for leaf in leaves)
    for hit in run:
        draft.explain(hit.start, hit.end)
    line = draft.layout.line_at(run[-1].start)
    stop = _block_end(draft, run[-1], heads, grid=line is not None and line.grid)
    chunks = [chunk for chunk in draft.layout.words(run[-1].end, stop) if not _inside_hit(draft, chunk)]
    parts, sure = _by_column(draft, run, chunks) if line is not None and line.grid else (by_shape(draft, chunks, len(run)))
    sure = sure and (all(parts) or (line is not None and line.grid))
    doubts = () if sure and meant else ("the text under these labels could be divided in another way",)
    for leaf, part in zip(leaves, parts, strict=True):
        assert isinstance(leaf, Leaf)
        if part:
            draft.put(pointer(*leaf.path), draft.merged(part), doubts=doubts)
        else:
            draft.blank(pointer(*leaf.path), *doubts)


def _inside_hit(draft: Draft, chunk: Chunk) -> bool:
    return any(hit.covers(chunk.start, chunk.end) for hit in draft.hits)


def _block_end(draft: Draft, last: Hit, heads: list[Head], *, grid: bool) -> int:
    """The block ends at the next label; a side label beside the block does not end it."""
    ends = [head.start for head in heads if head.start >= last.end]
    for hit in draft.hits:
        if hit.start >= last.end and not (all(owner.role is Role.CAPTION for owner in hit.owners) and (grid or _is_beside(draft, hit))):
            ends.append(hit.start)
            break
    return min(ends, default=draft.layout.end)


def _is_beside(draft: Draft, hit: Hit) -> bool:
    """Whether a label shares its line with a text: a side label, and not a heading."""
    line = draft.layout.line_at(hit.start)
    return line is not None and any(not _inside_hit(draft, chunk) for chunk in line.chunks)


def _by_column(draft: Draft, run: list[Hit], chunks: list[Chunk]) -> tuple[list[list[Chunk]], bool]:
    """In a grid each cell goes to the label whose column is nearest, also to one that the schema does not know; what stands left of all is
    the remainder of a side label."""
    columns = [draft.layout.column_at(hit.start) or 0 for hit in run]
    strangers = _strangers(draft, run)
    every = [*columns, *(chunk.col for chunk in strangers)]
    parts: list[list[Chunk]] = [[] for _ in every]
    for chunk in chunks:
        if chunk.col < min(every) and chunk.end - chunk.start <= 8:
            draft.explain(chunk.start, chunk.end)
            continue
        nearest = min(range(len(every)), key=lambda index: (abs(every[index] - chunk.col), index))
        parts[nearest].append(chunk)
    for stranger, part in zip(strangers, parts[len(run) :], strict=True):
        if part:
            draft.doubt("", f"text stands under a label that is not known: {draft.text(stranger)!r}")
    return parts[: len(run)], True


def _strangers(draft: Draft, run: list[Hit]) -> list[Chunk]:
    """Cells beside the labels, behind the first cell of their row."""
    line = draft.layout.line_at(run[-1].start)
    return [chunk for chunk in line.chunks[1:] if not _inside_hit(draft, chunk)] if line is not None else []
