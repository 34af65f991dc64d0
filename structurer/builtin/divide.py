"""Dividing running lines between two labels that stood side by side: as two columns on each line, or as one text after the other."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from structurer.builtin.draft import Draft
from structurer.layout import Chunk, width

_ENDS = "。！？；.!?;）)"  # marks that end a paragraph
_OPENS_BADLY = "，、。；：！？）》”’,.;:!?)]"


def by_shape(draft: Draft, chunks: list[Chunk], count: int) -> tuple[list[list[Chunk]], bool]:
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
