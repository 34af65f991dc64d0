"""A segment too long for one reply, read in shards: cut at line ends with its head repeated, and put together by where rows stand.

Neighbouring shards overlap by a few lines, so that a row that is broken over lines is whole in one of them. What two shards read of the
same print is one row; two rows of the same words in two places are two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from structurer.confront import failures, lists_of
from structurer.fold import fold, squeeze
from structurer.record import Extract, Extraction, Match, leaf_pointers, pointer
from structurer.schema import Schema

OVERLAP: Final = 3  # lines that two neighbouring shards share
BESIDE: Final = 1  # lines before and behind a stretch that is asked for alone
SMALLEST: Final = 8  # lines; what is shorter is not halved
MAX_HEAD: Final = 40  # lines that are repeated before every shard
NEAR_END: Final = 0.25  # of a shard, in which a page break or blank line is looked for to cut at
LEFT_OUT: Final = "[...]"  # stands for the lines between the head and the shard
MAX_TRIALS: Final = 16  # values that differ between shards and are tried against the checks
_LINE: Final = re.compile(r"[^\n\f]*(?:\n|\f|$)")
_TOKEN: Final = re.compile(r"[^\s|]+")
_FIGURE: Final = re.compile(r"[-+(¥$€£]*\d[\d,.]*%?\)?")


@dataclass(frozen=True, slots=True)
class Shard:
    """text[start:end], shown with the stretch `head` before it (None: it has its own)."""

    start: int
    end: int
    head: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of a shard, every value in its place on the page: `matches` and `placed` as in grounding."""

    shard: Shard
    extraction: Extraction
    matches: Mapping[str, Match]
    placed: frozenset[str] = frozenset()


# -- cutting -----------------------------------------------------------------------------------------------------------


def cut(text: str, start: int, end: int, most: int) -> tuple[Shard, ...]:
    """One shard where the segment has at most `most` characters, else several. No line is cut; one that is longer is a shard of its own."""
    if end - start <= most:
        return (Shard(start, end),)
    lines = _lines(text, start, end)
    head = _head_end(text, lines, most // 3)
    room = most - (head - start)
    found = list(_filled(text, [line for line in lines if line[0] >= head], room))
    return tuple(
        Shard(start if not number else first, last, (start, head) if number else None) for number, (first, last) in enumerate(found)
    )


def halves(text: str, shard: Shard) -> tuple[Shard, ...]:
    """The shard in two, for a reply that was cut off or lost rows; none where it is too short for that."""
    lines = _lines(text, shard.start, shard.end)
    head = shard.head
    if head is None:
        head = (shard.start, _head_end(text, lines, (shard.end - shard.start) // 3))
        lines = [line for line in lines if line[0] >= head[1]]
    if len(lines) < 2 * SMALLEST:
        return ()
    middle = len(lines) // 2
    overlap = min(OVERLAP, middle // 4)
    return Shard(shard.start, lines[middle - 1][1], shard.head), Shard(lines[middle - overlap][0], shard.end, head)


def about(text: str, shard: Shard, start: int, end: int) -> Shard:
    """The lines of a shard about a stretch of it, for asking what stands there alone."""
    lines = _lines(text, shard.start, shard.end)
    touched = [number for number, (first, last) in enumerate(lines) if first < end and start < last] or [0]
    first, last = max(touched[0] - BESIDE, 0), min(touched[-1] + BESIDE, len(lines) - 1)
    head = shard.head or (shard.start, _head_end(text, lines, (shard.end - shard.start) // 3))
    return Shard(lines[first][0], lines[last][1], head if lines[first][0] >= head[1] else None)


def words(text: str, shard: Shard) -> str:
    """What is shown of a segment: head, a sign that lines are left out, and the shard."""
    own = text[shard.start : shard.end]
    return own if shard.head is None else f"{text[shard.head[0] : shard.head[1]].rstrip()}\n{LEFT_OUT}\n{own}"


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [match.span() for match in _LINE.finditer(text, start, end) if match.end() > match.start()]


def _filled(text: str, lines: Sequence[tuple[int, int]], room: int) -> Iterator[tuple[int, int]]:
    """Stretches of whole lines that fill the room, each beginning a little before the one before it ends."""
    first = 0
    while first < len(lines):
        last = first
        while last + 1 < len(lines) and lines[last + 1][1] - lines[first][0] <= room:
            last += 1
        if last + 1 < len(lines):
            last = _good_end(text, lines, first, last)
        yield lines[first][0], lines[last][1]
        if last + 1 == len(lines):
            return
        overlap = min(OVERLAP, (last - first) // 4)
        first = last + 1 - overlap


def _good_end(text: str, lines: Sequence[tuple[int, int]], first: int, last: int) -> int:
    """The last line, or the one before a page break or a blank line that is near it."""
    for number in range(last, max(first, last - int((last - first) * NEAR_END)), -1):
        if text[lines[number][1] - 1] == "\f" or not text[slice(*lines[number])].strip():
            return number
    return last


def _head_end(text: str, lines: Sequence[tuple[int, int]], most: int) -> int:
    """Where the rows begin: the first line of the look that most lines with a figure have; what comes before heads every shard."""
    looks = [_look(text[slice(*line)]) for line in lines]
    counted = Counter(look for look in looks if "0" in look)
    common = counted.most_common(1)[0][0] if counted else None
    start = lines[0][0] if lines else 0
    for number, (line, look) in enumerate(zip(lines, looks, strict=True)):
        if look == common or number == MAX_HEAD or line[1] - start > most:
            return line[0]
    return start


def _look(line: str) -> str:
    """The sorts of a line's words: 0 a figure, a words; neighbours of one sort are one."""
    sorts = ["0" if _FIGURE.fullmatch(token) else "a" for token in _TOKEN.findall(fold(line))]
    return "".join(sort for before, sort in pairwise(["", *sorts]) if sort != before or sort == "0")


# -- putting together --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """A row of an outermost list on its way: its cells and inner lists by the rest of their pointers, and where it stands."""

    place: str
    cells: dict[str, Extract]
    matches: dict[str, Match]
    placed: set[str]
    counts: dict[str, int]
    doubts: dict[str, tuple[str, ...]]
    prints: frozenset[tuple[str, int, int]] = frozenset()  # its own, those that no other row of its piece has
    start: int | None = None
    more: list[str] = field(default_factory=list)  # what a person should know of it


def merged(schema: Schema, pieces: Sequence[Piece]) -> Piece:
    """The reading of all pieces together: every row that any of them read, in the order of the page."""
    if len(pieces) == 1:
        return pieces[0]
    leaves: dict[str, Extract] = {}
    matches: dict[str, Match] = {}
    placed: set[str] = set()
    counts: dict[str, int] = {}
    doubts: dict[str, tuple[str, ...]] = {}
    lists = [pointer(*node.path) for node in lists_of(schema.root) if "*" not in node.path]
    for place in lists:
        rows = _ordered([_rows(piece, place) for piece in pieces])
        counts[place] = len(rows)
        for number, row in enumerate(rows):
            here = f"{place}/{number}"
            leaves |= {here + rest: cell for rest, cell in row.cells.items()}
            matches |= {here + rest: match for rest, match in row.matches.items()}
            placed |= {here + rest for rest in row.placed}
            counts |= {here + rest: count for rest, count in row.counts.items()}
            doubts |= {here + rest: why for rest, why in row.doubts.items()}
            if row.more:
                doubts[here] = (*doubts.get(here, ()), *row.more)
    conflicts = _scalars(schema, pieces, leaves, matches, placed)
    for piece in pieces:
        for place, why in piece.extraction.doubts.items():
            if not any(place.startswith(f"{one}/") for one in lists):
                doubts[place] = tuple(dict.fromkeys((*doubts.get(place, ()), *why)))
    explained = tuple(sorted({stretch for piece in pieces for stretch in piece.extraction.explained}))
    first = pieces[0].extraction
    whole = Extraction(first.kind, first.reader, leaves, counts, doubts, explained)
    shard = Shard(min(piece.shard.start for piece in pieces), max(piece.shard.end for piece in pieces))
    return Piece(shard, _decided(schema, whole, conflicts), matches, frozenset(placed))


def _rows(piece: Piece, place: str) -> list[_Row]:
    """The rows of a list in one piece."""
    extraction = piece.extraction
    rows = [_Row(f"{place}/{number}", {}, {}, set(), {}, {}) for number in range(extraction.rows.get(place, 0))]
    for key, cell in extraction.leaves.items():
        if (found := _within(key, place, rows)) is not None:
            found[0].cells[found[1]] = cell
            found[0].matches[found[1]] = piece.matches.get(key, Match.NONE)
            if key in piece.placed:
                found[0].placed.add(found[1])
    for key, count in extraction.rows.items():
        if (found := _within(key, place, rows)) is not None:
            found[0].counts[found[1]] = count
    for key, why in extraction.doubts.items():
        if (found := _within(key, place, rows)) is not None:
            found[0].doubts[found[1]] = why
    return _located(rows)


def _within(key: str, place: str, rows: Sequence[_Row]) -> tuple[_Row, str] | None:
    """The row that a pointer leads into, and the rest of the pointer."""
    if not key.startswith(f"{place}/"):
        return None
    number, slash, rest = key[len(place) + 1 :].partition("/")
    return rows[int(number)], slash + rest


def _located(rows: list[_Row]) -> list[_Row]:
    """The rows with their own prints: a merged cell's is shared by many and says nothing of one."""
    shared = Counter(print_ for row in rows for print_ in set(_prints(row)))
    before = None
    for row in rows:
        row.prints = frozenset(print_ for print_ in _prints(row) if shared[print_] == 1)
        row.start = min((start for _, start, _ in row.prints), default=before)
        if not row.prints and any(cell.text is not None for cell in row.cells.values()):
            row.more.append("no value of this row was found on the page")
        before = row.start
    return rows


def _prints(row: _Row) -> Iterator[tuple[str, int, int]]:
    for rest, cell in row.cells.items():
        for start, end in cell.spans:
            yield rest, start, end


def _ordered(pieces: Sequence[Sequence[_Row]]) -> list[_Row]:
    """All rows, each print once, in the order of the page; a row without a print stays behind the one that it followed."""
    kept: list[tuple[float, int, int, _Row]] = []
    owner: dict[tuple[str, int, int], _Row] = {}
    coarse = _coarse(pieces)
    for which, rows in enumerate(pieces):
        for number, row in enumerate(rows):
            if id(row) in coarse:
                continue
            same = _same(row, owner)
            if same is None:
                kept.append((-1.0 if row.start is None else float(row.start), which, number, row))
                owner |= dict.fromkeys(row.prints, row)
            else:
                _unite(same, row)
                for print_ in row.prints:
                    owner.setdefault(print_, same)
    return [row for *_, row in sorted(kept, key=lambda entry: entry[:3])]


def _coarse(pieces: Sequence[Sequence[_Row]]) -> set[int]:
    """Rows that another piece has as two or more: two rows had been read as one. The finer reading stands, and is told of."""
    owners: dict[tuple[str, int, int], list[tuple[int, _Row]]] = {}
    for which, rows in enumerate(pieces):
        for row in rows:
            for print_ in row.prints:
                owners.setdefault(print_, []).append((which, row))
    found = set()
    for which, rows in enumerate(pieces):
        for row in rows:
            finer: dict[int, dict[int, _Row]] = {}
            for print_ in row.prints:
                for other, one in owners[print_]:
                    if other != which:
                        finer.setdefault(other, {})[id(one)] = one
            for several in finer.values():
                if len(several) > 1 and row.prints <= frozenset(print_ for one in several.values() for print_ in one.prints):
                    found.add(id(row))
                    for one in several.values():
                        one.more.append("another reading has this row and its neighbour as one")
    return found


def _same(row: _Row, owner: Mapping[tuple[str, int, int], _Row]) -> _Row | None:
    """The row of an earlier piece that stands where this one does: most of the prints of either are the other's."""
    votes = Counter(id(owner[print_]) for print_ in row.prints if print_ in owner)
    if not votes:
        return None
    best, count = votes.most_common(1)[0]
    found = next(owner[print_] for print_ in row.prints if print_ in owner and id(owner[print_]) == best)
    return found if 2 * count >= min(len(row.prints), len(found.prints)) else None


def _unite(kept: _Row, other: _Row) -> None:
    """Two readings of one row: the fuller one stands, its blanks are filled from the other, and what differs is told."""
    if len(other.prints) > len(kept.prints):
        kept.cells, other.cells = other.cells, kept.cells
        kept.matches, other.matches = other.matches, kept.matches
        kept.placed, other.placed = other.placed, kept.placed
        kept.counts, other.counts = other.counts, kept.counts
        kept.doubts, other.doubts = other.doubts, kept.doubts
        kept.prints, kept.start, kept.more = other.prints, other.start, other.more
    if kept.counts != other.counts:
        return
    for rest, cell in other.cells.items():
        mine = kept.cells.get(rest, Extract(None))
        if mine.text is None and cell.text is not None and other.matches[rest] is not Match.NONE:
            kept.cells[rest], kept.matches[rest] = cell, other.matches[rest]
        elif mine.text is not None and cell.text is not None and squeeze(mine.text) != squeeze(cell.text):
            kept.cells[rest] = _doubted(mine, cell)


def _doubted(mine: Extract, other: Extract) -> Extract:
    words = f"read twice, and differently: {str(mine.text)[:40]!r} and {str(other.text)[:40]!r}"
    alternatives = tuple(dict.fromkeys((*mine.alternatives, mine.text, other.text)))
    return replace(mine, doubts=tuple(dict.fromkeys((*mine.doubts, words))), alternatives=alternatives)


# -- values that stand once --------------------------------------------------------------------------------------------


def _scalars(
    schema: Schema, pieces: Sequence[Piece], leaves: dict[str, Extract], matches: dict[str, Match], placed: set[str]
) -> dict[str, list[Extract]]:
    """Fill in the leaves outside lists; of those that pieces read differently, all that stand on the page."""
    conflicts: dict[str, list[Extract]] = {}
    for place, _ in leaf_pointers(schema, {}):
        read = sorted(((_rank(piece, place), number, piece) for number, piece in enumerate(pieces)), key=lambda entry: entry[:2])
        rank, _, best = read[0]
        leaves[place] = best.extraction.leaves.get(place, Extract(None))
        matches[place] = best.matches.get(place, Match.NONE)
        if place in best.placed:
            placed.add(place)
        others = [piece.extraction.leaves[place] for one, _, piece in read if one == rank and place in piece.extraction.leaves]
        different = list({squeeze(one.text or ""): one for one in reversed(others)}.values())[::-1]
        if len(different) > 1:
            conflicts[place] = different
    return conflicts


def _rank(piece: Piece, place: str) -> int:
    """How good a piece's reading of a value is: in its own lines, in the head that it was shown, on no page, blank."""
    cell = piece.extraction.leaves.get(place)
    if cell is None or cell.text is None:
        return 3
    if piece.matches.get(place, Match.NONE) is Match.NONE:
        return 2
    return 0 if all(piece.shard.start <= start < piece.shard.end for start, _ in cell.spans) else 1


def _decided(schema: Schema, whole: Extraction, conflicts: Mapping[str, Sequence[Extract]]) -> Extraction:
    """Values that stand on the page and differ (a page's total, and the total): the one with which fewest checks fail, or a doubt."""
    trials = 0
    for place, choices in conflicts.items():
        trials += len(choices)
        outcomes = [
            failures(schema, replace(whole, leaves={**whole.leaves, place: one})) if trials <= MAX_TRIALS and schema.rules else 0
            for one in choices
        ]
        best = min(range(len(choices)), key=outcomes.__getitem__)
        chosen = replace(choices[best], alternatives=tuple(one.text for one in choices))
        if outcomes.count(outcomes[best]) > 1:
            chosen = _doubted(chosen, next(one for number, one in enumerate(choices) if number != best))
        whole = replace(whole, leaves={**whole.leaves, place: chosen})
    return whole
