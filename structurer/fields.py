"""Single values: what stands beside or below a label."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from structurer.draft import Draft, Spans
from structurer.heads import Head, rest_of_row
from structurer.labels import Hit, Role, is_matrix
from structurer.layout import Chunk, width
from structurer.parse import parse
from structurer.record import pointer
from structurer.schema import Group, Kind, Leaf, Node, Rows

FULL_LINE = 0.8  # of the widest line: a line as wide as that may have been broken at the margin
_ENDS = "。！？；.!?;）)"  # marks that end a paragraph
_OPENS_BADLY = "，、。；：！？）》”’,.;:!?)]"


def read_fields(draft: Draft, heads: list[Head]) -> None:
    """Fill every single value that has a label outside the tables' heads and rows."""
    hits = [hit for hit in draft.hits if not any(head.start <= hit.start < head.stop for head in heads)]
    for start, end in (rest for hit in draft.hits for rest in hit.rest):
        draft.explain(start, end)
    below = [hit for hit in hits if any(_is_beneath(owner.node) for owner in hit.owned(Role.FIELD))]
    beside = [hit for hit in hits if hit.owned(Role.FIELD) and hit not in below]
    abreast = _abreast(draft, beside)
    for leaf, own in _assigned([hit for hit in beside if not any(hit in run for run in abreast)]):
        _read_beside(draft, leaf, own)
    for run in [*_runs(draft, below), *abreast]:
        _read_below(draft, run, heads)
    for node in draft.schema.root.members:
        if node.required and _has_head(node) and not any(head.table is node for head in heads):
            draft.doubt("", f"no head of the table {node.name!r} is found: the print may be one that cannot be read without a model")


def _has_head(node: Node) -> bool:
    """Whether the schema says how the head of the list or table is printed."""
    if isinstance(node, Rows):
        return isinstance(node.item, Group) and sum(bool(member.printed.labels) for member in node.item.members) > 1
    return is_matrix(node)


def _is_beneath(node: object) -> bool:
    return isinstance(node, Leaf) and node.printed.beneath


def _assigned(hits: list[Hit]) -> list[tuple[Leaf | Rows, list[Hit]]]:
    """Which labels belong to which field. Fields that share a label take its occurrences in the order of the schema."""
    found: dict[tuple[str, ...], tuple[Leaf | Rows, list[Hit]]] = {}
    seen: dict[tuple[tuple[str, ...], ...], int] = {}
    for hit in hits:
        nodes = [owner.node for owner in hit.owned(Role.FIELD) if isinstance(owner.node, Leaf | Rows)]
        sharing = tuple(node.path for node in nodes)
        turn = seen.get(sharing, 0)
        seen[sharing] = turn + 1
        node = nodes[turn] if turn < len(nodes) else nodes[0]
        found.setdefault(node.path, (node, []))[1].append(hit)
    return list(found.values())


def _read_beside(draft: Draft, node: Leaf | Rows, hits: list[Hit]) -> None:
    """Of several occurrences of a label, the first whose value can be read as the field's kind counts."""
    leaf = node.item if isinstance(node, Rows) else node
    assert isinstance(leaf, Leaf)
    tried = [(hit, _value_chunks(draft, hit, text_only=leaf.kind in (Kind.TEXT, Kind.CODE))) for hit in hits]
    best = next((found for found in tried if found[1] and _readable(draft, leaf, found[1])), None) or next(
        (found for found in tried if found[1]), tried[0]
    )
    hit, chunks = best
    draft.explain(hit.start, hit.end)
    if isinstance(node, Rows):
        _put_list(draft, node, chunks)
    elif chunks:
        draft.put(pointer(*node.path), *_spans(draft, node, chunks))
    else:
        draft.blank(pointer(*node.path))


def _spans(draft: Draft, leaf: Leaf, chunks: list[Chunk]) -> tuple[Spans]:
    """For a number, date or choice only the words that print it; words behind it stay unclaimed."""
    if leaf.kind in (Kind.TEXT, Kind.CODE):
        return (_merged(draft, chunks),)
    tries = [chunks[:count] for count in range(1, min(len(chunks), 4) + 1)] + [[chunk] for chunk in chunks[1:4]]
    for words in tries:
        spans = _merged(draft, words)
        parsed = parse(draft.layout.joined(spans), leaf.kind, leaf.choices)
        if parsed.error is None and parsed.value is not None:
            return (spans,)
    return (_merged(draft, chunks[:1]),)


def _readable(draft: Draft, leaf: Leaf, chunks: list[Chunk]) -> bool:
    spans = _spans(draft, leaf, chunks)[0]
    parsed = parse(draft.layout.joined(spans), leaf.kind, leaf.choices)
    return parsed.error is None


def _put_list(draft: Draft, node: Rows, chunks: list[Chunk]) -> None:
    place = pointer(*node.path)
    separator = node.separator or "、"
    spans = [span for chunk in chunks for span in split(draft.layout.clean, draft.layout.start, (chunk.start, chunk.end), separator)]
    draft.rows[place] = len(spans)
    for number, span in enumerate(spans):
        draft.put(f"{place}/{number}", (span,))


def split(clean: str, base: int, span: tuple[int, int], separator: str) -> list[tuple[int, int]]:
    """The members of a list printed in one sentence, without the separators; brackets keep theirs."""
    found, first, depth = [], span[0], 0
    for offset in range(span[0], span[1] + 1):
        char = clean[offset - base] if offset < span[1] else separator[0]
        depth += (char in "（([") - (char in "）)]")
        if offset == span[1] or (char == separator[0] and depth <= 0):
            start, end = _trimmed(clean, base, first, offset)
            if end > start:
                found.append((start, end))
            first = offset + 1
    return found


def _trimmed(clean: str, base: int, start: int, end: int) -> tuple[int, int]:
    while start < end and (clean[start - base].isspace() or clean[start - base] in "。；;.和及"):
        start += 1
    while end > start and (clean[end - 1 - base].isspace() or clean[end - 1 - base] in "。；;."):
        end -= 1
    return start, end


def _value_chunks(draft: Draft, hit: Hit, *, text_only: bool) -> list[Chunk]:
    """What stands beside a label. In a grid a text is one cell, with what was broken off it below; a label with a colon is followed by its
    value on the line (and on lines that follow without a gap)."""
    chunks = rest_of_row(draft.layout, hit, draft.hits)
    line = draft.layout.line_at(hit.end - 1)
    if not chunks or line is None:
        return chunks
    if not line.grid:
        return _paragraph(draft, chunks) if hit.colon and chunks[0].line == line.index else chunks
    if text_only:
        return [chunks[0], *_wrapped_below(draft, chunks[0])]
    return chunks


def _paragraph(draft: Draft, chunks: list[Chunk]) -> list[Chunk]:
    """A value behind a colon goes on on the next line only if its line was full."""
    full = max(width(draft.layout.clean[line.start - draft.layout.start : line.end - draft.layout.start]) for line in draft.layout.lines)
    found = chunks[:1]
    for chunk in chunks[1:]:
        if chunk.line != found[-1].line:
            line, above = draft.layout.lines[chunk.line], draft.layout.lines[found[-1].line]
            printed = width(draft.layout.clean[above.start - draft.layout.start : above.end - draft.layout.start])
            if line.blank_before or line.page_before or printed < FULL_LINE * full:
                break
        found.append(chunk)
    return found


def _wrapped_below(draft: Draft, chunk: Chunk) -> list[Chunk]:
    """The rest of a cell that was broken over rows: rows that hold nothing else, in the same column."""
    found = []
    for line in draft.layout.lines[chunk.line + 1 :]:
        alone = line.grid and len(line.chunks) == 1 and line.chunks[0].col == chunk.col
        if not alone or any(line.start <= hit.start < line.end for hit in draft.hits):
            break
        found.append(line.chunks[0])
    return found


def _merged(draft: Draft, chunks: list[Chunk]) -> Spans:
    """The chunks' stretches, neighbours on one line in one piece so that the printed space between them stays."""
    spans: list[tuple[int, int, int]] = []
    for chunk in chunks:
        if (
            spans
            and spans[-1][2] == chunk.line
            and not draft.layout.clean[spans[-1][1] - draft.layout.start : chunk.start - draft.layout.start].strip(" \u00a0\u3000")
        ):
            spans[-1] = (spans[-1][0], chunk.end, chunk.line)
        else:
            spans.append((chunk.start, chunk.end, chunk.line))
    return tuple((start, end) for start, end, _ in spans)


merged = _merged


# -- values below their labels -----------------------------------------------------------------------------------------


def _runs(draft: Draft, hits: list[Hit]) -> list[list[Hit]]:
    """Labels that stand side by side: nothing is printed between them."""
    runs: list[list[Hit]] = []
    for hit in hits:
        if runs and not draft.layout.words(runs[-1][-1].end, hit.start):
            runs[-1].append(hit)
        else:
            runs.append([hit])
    return runs


def _abreast(draft: Draft, hits: list[Hit]) -> list[list[Hit]]:
    """Labels of texts that fill a line of their own, side by side: their values stand below them."""
    found = []
    for run in _runs(draft, hits):
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


def _read_below(draft: Draft, run: list[Hit], heads: list[Head]) -> None:
    owners = [hit.owned(Role.FIELD) for hit in run]
    leaves = [next((owner.node for owner in own if _is_beneath(owner.node)), own[0].node) for own in owners]
    meant = all(_is_beneath(leaf) for leaf in leaves)
    for hit in run:
        draft.explain(hit.start, hit.end)
    line = draft.layout.line_at(run[-1].start)
    stop = _block_end(draft, run[-1], heads, grid=line is not None and line.grid)
    chunks = [chunk for chunk in draft.layout.words(run[-1].end, stop) if not _inside_hit(draft, chunk)]
    parts, sure = _by_column(draft, run, chunks) if line is not None and line.grid else (_by_shape(draft, chunks, len(run)))
    sure = sure and (all(parts) or (line is not None and line.grid))
    doubts = () if sure and meant else ("the text under these labels could be divided in another way",)
    for leaf, part in zip(leaves, parts, strict=True):
        assert isinstance(leaf, Leaf)
        if part:
            draft.put(pointer(*leaf.path), _merged(draft, part), doubts=doubts)
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
    """In a grid each cell goes to the label whose column is nearest; what stands left of all is the remainder of a side label."""
    columns = [draft.layout.column_at(hit.start) or 0 for hit in run]
    parts: list[list[Chunk]] = [[] for _ in run]
    for chunk in chunks:
        if chunk.col < min(columns) and chunk.end - chunk.start <= 8:
            draft.explain(chunk.start, chunk.end)
            continue
        nearest = min(range(len(run)), key=lambda index: (abs(columns[index] - chunk.col), index))
        parts[nearest].append(chunk)
    return parts, True


def _by_shape(draft: Draft, chunks: list[Chunk], count: int) -> tuple[list[list[Chunk]], bool]:
    """Divide running lines among labels that stood side by side: by two columns on each line, or one text after the other."""
    if count == 1:
        return [chunks], True
    if count > 2 or not chunks:
        return [chunks, *([] for _ in range(count - 1))], not chunks
    side = _parted_by_edge(draft, chunks)
    if side is not None:
        return list(side), True
    return _side_by_side(draft, chunks) or _one_after_other(draft, chunks)


def _lines_of(chunks: list[Chunk]) -> list[list[Chunk]]:
    lines: list[list[Chunk]] = []
    for chunk in chunks:
        if lines and lines[-1][0].line == chunk.line:
            lines[-1].append(chunk)
        else:
            lines.append([chunk])
    return lines


def _parted_by_edge(draft: Draft, chunks: list[Chunk]) -> tuple[list[Chunk], list[Chunk]] | None:
    """Two columns kept in their places by spaces: an edge behind wide gaps that the print of no line crosses."""
    lines = _lines_of(chunks)
    edges = Counter(_place(draft, line[cut]) for line in lines if (cut := _wide_gap(line)) is not None)
    if not edges:
        return None
    edge = max(edges, key=lambda place: (edges[place], -place))
    if any(_place(draft, chunk) < edge < _place(draft, chunk) + width(draft.text(chunk)) for chunk in chunks):
        return None
    return [chunk for chunk in chunks if _place(draft, chunk) < edge], [chunk for chunk in chunks if _place(draft, chunk) >= edge]


def _place(draft: Draft, chunk: Chunk) -> int:
    """Where on its line a chunk begins, in half-width columns."""
    start = draft.layout.lines[chunk.line].start
    return width(draft.layout.clean[start - draft.layout.start : chunk.start - draft.layout.start])


def _side_by_side(draft: Draft, chunks: list[Chunk]) -> tuple[list[list[Chunk]], bool] | None:
    """Two columns on the same lines, each line cut into just two words; below the end of the shorter text the longer goes on alone."""
    lines = _lines_of(chunks)
    count = next((index for index, line in enumerate(lines) if len(line) != 2), len(lines))
    for both in range(count, 0, -1):
        parts = [[line[side] for line in lines[:both]] for side in (0, 1)]
        alone = lines[both:]
        ended = [_is_ended(draft, part) for part in parts]
        if not alone and both > 1:
            return parts, True
        if alone and ended[0] != ended[1]:
            parts[ended[0]] += [chunk for line in alone for chunk in line]
            return parts, both > 1 and all(len(line) == 1 for line in alone)
    return None


def _is_ended(draft: Draft, part: list[Chunk]) -> bool:
    """Whether a text ends with its last line: it is short (the others fill the width of their column) or the only one and a sentence."""
    widths = [width(draft.text(chunk)) for chunk in part]
    stopped = draft.text(part[-1])[-1] in _ENDS
    return widths[-1] < max(widths) - 2 or (stopped and (len(part) == 1 or widths[-1] < max(widths)))


def _wide_gap(line: list[Chunk]) -> int | None:
    gaps = [index for index in range(1, len(line)) if line[index].start - line[index - 1].end >= 2]
    return gaps[0] if len(gaps) == 1 else None


def _one_after_other(draft: Draft, chunks: list[Chunk]) -> tuple[list[list[Chunk]], bool]:
    """One text printed whole, then the other: the cut that leaves both with the straightest right margin.

    A wrapped paragraph fills its lines; only its last line is short. So every short line inside a part speaks against the cut. Printers
    count either characters or columns to the line, so both are tried.
    """
    best: list[tuple[float, int]] = []
    for measure in (len, width):
        sizes = [measure(draft.text(chunk)) for chunk in chunks]
        ranked = sorted((_cost_of_cut(draft, chunks, sizes, cut, measure is width), cut) for cut in range(len(chunks) + 1))
        if not best or ranked[0] < best[0]:
            best = ranked
    cut = best[0][1]
    sure = len(best) < 2 or best[1][0] - best[0][0] >= 1.0
    return [chunks[:cut], chunks[cut:]], sure


def _cost_of_cut(draft: Draft, chunks: list[Chunk], sizes: list[int], cut: int, columns: bool) -> float:
    unit = 2 if columns else 1
    ragged = _raggedness(chunks[:cut], sizes[:cut], unit) + _raggedness(chunks[cut:], sizes[cut:], unit)
    return ragged + _gaps(draft, chunks[:cut]) + _gaps(draft, chunks[cut:]) + _seam(draft, chunks, sizes, cut)


def _line_sizes(chunks: list[Chunk], sizes: list[int]) -> list[int]:
    lines: dict[int, int] = {}
    for chunk, size in zip(chunks, sizes, strict=True):
        lines[chunk.line] = lines.get(chunk.line, 0) + size
    return list(lines.values())


def _raggedness(chunks: list[Chunk], sizes: list[int], unit: int) -> float:
    lengths = _line_sizes(chunks, sizes)
    full = max(lengths, default=0)
    return sum(min((full - length) / unit - 1, 6.0) for length in lengths[:-1] if full - length > unit)


def _gaps(draft: Draft, chunks: list[Chunk]) -> float:
    """A space between two ideographs is more often the edge of a column than part of a text."""
    found = 0.0
    for chunk, following in pairwise(chunks):
        if chunk.line == following.line:
            ideographs = not draft.text(chunk)[-1].isascii() and not draft.text(following)[0].isascii()
            found += 1.5 if ideographs else 0.2
    return found


def _seam(draft: Draft, chunks: list[Chunk], sizes: list[int], cut: int) -> float:
    """What speaks against a text ending before chunks[cut]."""
    if cut in (0, len(chunks)):
        return 8.0
    before, after = draft.text(chunks[cut - 1]), draft.text(chunks[cut])
    cost = 8.0 if after[0] in _OPENS_BADLY else 0.0
    if before[-1] not in _ENDS:
        full = max(_line_sizes(chunks, sizes))
        last = sum(size for chunk, size in zip(chunks[:cut], sizes, strict=False) if chunk.line == chunks[cut - 1].line)
        cost += 4.0 if last >= full - 1 else 1.5
    return cost + (1.0 if chunks[cut - 1].line == chunks[cut].line else 0.0)
