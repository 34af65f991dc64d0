"""Single values: what stands beside a label."""

from __future__ import annotations

import re

from structurer.builtin.below import abreast, headed, is_beneath, read_below, read_headed, runs
from structurer.builtin.draft import Draft, Spans
from structurer.builtin.heads import Head, rest_of_row
from structurer.builtin.labels import Hit, Role, is_matrix
from structurer.contracts.schema import Group, Kind, Leaf, Node, Rows
from structurer.fold import squeeze
from structurer.judging.parse import parse
from structurer.layout import Chunk, width
from structurer.record import pointer

FULL_LINE = 0.8  # of the widest line: a line as wide as that may have been broken at the margin
MIN_MARGIN = 36  # columns of the narrowest page whose lines are broken at its margin
_LABELLED = re.compile(r"^\s*[^\s:：]{1,24}(?: [^\s:：]{1,24}){0,3}\s?[:：]")


def read_fields(draft: Draft, heads: list[Head]) -> None:
    """Fill every single value that has a label outside the tables' heads and rows."""
    hits = [hit for hit in draft.hits if not any(head.start <= hit.start < head.stop for head in heads)]
    for start, end in (rest for hit in draft.hits for rest in hit.rest):
        draft.explain(start, end)
    below = [hit for hit in hits if any(is_beneath(owner.node) for owner in hit.owned(Role.FIELD))]
    beside = [hit for hit in hits if hit.owned(Role.FIELD) and hit not in below]
    side_by_side = runs(draft, beside)
    rows, tops = abreast(draft, side_by_side), headed(draft, side_by_side)
    for leaf, own in _assigned([hit for hit in beside if not any(hit in run for run in (*rows, *tops))]):
        _read_beside(draft, leaf, own)
    for run in tops:
        read_headed(draft, run)
    for run in [*runs(draft, below), *rows]:
        read_below(draft, run, heads)
    for node in draft.schema.root.members:
        if node.required and _has_head(node) and not any(head.table is node for head in heads):
            draft.doubt("", f"no head of the table {node.name!r} is found: the print may be one that cannot be read without a model")


def _has_head(node: Node) -> bool:
    """Whether the schema says how the head of the list or table is printed."""
    if isinstance(node, Rows):
        return isinstance(node.row, Group) and sum(bool(member.printed.labels) for member in node.row.members) > 1
    return is_matrix(node)


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
    leaf = node.row if isinstance(node, Rows) else node
    assert isinstance(leaf, Leaf)
    tried = [(hit, _value_chunks(draft, hit, text_only=leaf.kind in (Kind.TEXT, Kind.CODE))) for hit in hits]
    filled = [(hit, chunks) for hit, chunks in tried if chunks]
    readable = [(hit, chunks) for hit, chunks in filled if _readable(draft, leaf, chunks)]
    hit, chunks = next(iter([*readable, *filled, *tried]))
    draft.explain(hit.start, hit.end)
    if isinstance(node, Rows):
        _put_list(draft, node, chunks)
    elif chunks:
        draft.put(
            pointer(*node.path),
            *_spans(draft, node, chunks),
            doubts=_other(draft, hit) + _spill(draft, hit, chunks) + _rivals(draft, node, readable),
        )
    else:
        draft.blank(pointer(*node.path))


def _other(draft: Draft, hit: Hit) -> tuple[str, ...]:
    return (f"its label ends a longer one that may be another: {draft.layout.text[hit.start : hit.end]!r}",) if hit.ends_a_phrase else ()


def _rivals(draft: Draft, leaf: Leaf, readable: list[tuple[Hit, list[Chunk]]]) -> tuple[str, ...]:
    """The same label with another value elsewhere on the form."""
    values = {squeeze(draft.layout.joined(_spans(draft, leaf, chunks)[0])) for _, chunks in readable}
    return (f"its label is printed {len(readable)} times, with different values",) if len(values) > 1 else ()


def _spill(draft: Draft, hit: Hit, chunks: list[Chunk]) -> tuple[str, ...]:
    """A running value that begins beside its label and goes on below it, where another label stands on the line too: the lines below could
    belong to either."""
    line = draft.layout.line_at(hit.end - 1)
    if line is None or line.grid or chunks[0].line != line.index or chunks[-1].line == line.index:
        return ()
    others = [other for other in draft.hits if other is not hit and line.start <= other.start < line.end and other.owned(Role.FIELD)]
    return ("the value goes on on a line that could belong to its neighbour",) if others else ()


def _spans(draft: Draft, leaf: Leaf, chunks: list[Chunk]) -> tuple[Spans]:
    """For a number, date or choice only the words that print it; words behind it stay unclaimed."""
    if leaf.kind in (Kind.TEXT, Kind.CODE):
        return (draft.merged(chunks),)
    tries = [chunks[:count] for count in range(1, min(len(chunks), 4) + 1)] + [[chunk] for chunk in chunks[1:4]]
    for words in tries:
        spans = draft.merged(words)
        parsed = parse(draft.layout.joined(spans), leaf.kind, leaf.choices)
        if parsed.error is None and parsed.value is not None:
            return (spans,)
    return (draft.merged(chunks[:1]),)


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
    chunks = rest_of_row(draft.layout, hit, draft.bounds)
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
            text = draft.layout.clean[line.start - draft.layout.start : line.end - draft.layout.start]
            if line.blank_before or line.page_before or printed < max(FULL_LINE * full, MIN_MARGIN) or _LABELLED.match(text):
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
