"""A long segment in shards: cut at line ends, with the head repeated, and the readings of the shards merged by where their values stand.

Shards overlap by a few rows, so that a row broken over lines is whole in one of them. What two shards read from the same print is the same
row; rows that read alike but stand on different print are two. Nothing that a shard read is dropped without a doubt or an alternative.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from structurer.errors import UsageError
from structurer.fold import fold, squeeze
from structurer.layout import Layout
from structurer.lostrows import FIGURES, Sort, Token, tokens, weight
from structurer.parse import parse
from structurer.record import Extract, Extraction, Match, expanded, pointer
from structurer.schema import Kind, Leaf, Node, Rows, Schema, walk

OVERLAP: Final = 3  # rows that a shard shares with the one before
BESIDE: Final = 1  # lines before and behind a stretch that is shown alone
MIN_LINES: Final = 8  # of a shard that is halved
MAX_HEAD_LINES: Final = 40
HEAD_SHARE: Final = 3  # a head fills at most one part in so many of a shard
OVERLAP_SHARE: Final = 4  # ... as does what it shares with the one before
NEAR_SHARE: Final = 4  # ... and what is given up for a cut at a page break or a blank line
MAX_PERIOD: Final = 12  # lines of one row, one cell a line
MIN_ALIKE: Final = 4  # lines of one look that make a list
LIST_SHARE: Final = 5  # ... if one in so many of the figures' lines between the first and the last has that look
MAX_REST: Final = 2  # lines of words that one cell may take more than another
COMMON_SHARE: Final = 10  # one line in so many of a list that looks alike makes a look of its rows
LEFT_OUT: Final = "[...]"  # stands for the lines between the head and the shard
MAX_SHOWN: Final = 40  # characters of a text in a doubt
NOWHERE: Final = "no value of this row is found on the page"
TWICE: Final = "this row stands on print that another row was read from: it may be that row, read twice"
APART: Final = "another reading has this row and its neighbour as one"

_LINE_END: Final = re.compile(r"[\n\f]")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shard:
    """text[start:end], shown with the `head` of its list, a stretch that stands before it (None: there is none, or it has its own)."""

    start: int
    end: int
    head: Span | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """The reading of a shard: leaves that were found on the page have spans; `matches` and `placed` as `ground` gives them."""

    shard: Shard
    extraction: Extraction
    matches: Mapping[str, Match]
    placed: frozenset[str] = frozenset()


# -- cutting -----------------------------------------------------------------------------------------------------------


def cut(text: str, start: int, end: int, most: int, overlap: int = OVERLAP) -> tuple[Shard, ...]:
    """text[start:end] in shards of at most `most` characters, head included, cut at line ends, best at a page break or a blank line.

    Each shard shares `overlap` rows with the one before. A line that is longer is a shard by itself. Raises UsageError if `most` is none.
    """
    if most < 1:
        raise UsageError(f"a shard holds at least 1 character, not {most}", remedy="raise the limit of characters asked for at once")
    if end - start <= most:
        return (Shard(start, end),)
    lists = _Lists(text, start, end)
    bounds = _bounds(text, start, end)
    shards: list[Shard] = []
    first = done = 0
    while done < len(bounds) - 1:
        head = lists.head(bounds[first], most)
        room = most - (head[1] - head[0] + len(LEFT_OUT) + 2 if head else 0)
        last = max(bisect_right(bounds, bounds[first] + room) - 1, done + 1)
        done = last if last == len(bounds) - 1 else _best_cut(text, bounds, max(first, done), last, room // NEAR_SHARE)
        shards.append(Shard(bounds[first], bounds[done], head))
        first = done
        while done < len(bounds) - 1 and _may_share(bounds, first - 1, done, shards[-1].start, room, overlap * lists.period):
            first -= 1
    return tuple(shards)


def words(text: str, shard: Shard) -> str:
    """What a model is shown of a shard: its head, a line that says that lines are left out, its own lines."""
    own = text[shard.start : shard.end]
    if shard.head is None:
        return own
    head = text[shard.head[0] : shard.head[1]]
    return head + own if shard.head[1] >= shard.start else f"{head.rstrip()}\n{LEFT_OUT}\n{own}"


def halves(text: str, shard: Shard) -> tuple[Shard, ...]:
    """The shard as two that overlap, each with its head; none if it has not lines enough."""
    lists, head, bounds = _without_head(text, shard)
    inked = [number for number in range(len(bounds) - 1) if text[bounds[number] : bounds[number + 1]].strip()]
    if len(inked) < MIN_LINES:
        return ()
    middle = inked[len(inked) // 2]
    at = _best_cut(text, bounds, inked[len(inked) // 4], middle, (bounds[middle] - bounds[0]) // NEAR_SHARE)
    shared = inked[max(bisect_left(inked, at) - min(OVERLAP * lists.period, len(inked) // 8), 0)]
    return Shard(shard.start, bounds[at], shard.head), Shard(bounds[shared], shard.end, head)


def about(text: str, shard: Shard, start: int, end: int) -> Shard:
    """The lines of a shard that hold text[start:end] and those next to them, for asking what stands there alone."""
    _, head, bounds = _without_head(text, shard)
    first = max(bisect_right(bounds, start) - 1 - BESIDE, 0)
    last = min(max(bisect_left(bounds, end), first + 1) + BESIDE, len(bounds) - 1)
    return Shard(bounds[first], bounds[last], head)


def _without_head(text: str, shard: Shard) -> tuple[_Lists, Span | None, list[int]]:
    """The lists of a shard, its head, and the bounds of its lines without those of the head."""
    lists = _Lists(text, shard.start, shard.end)
    head = shard.head or lists.head(shard.end, shard.end - shard.start)
    return lists, head, _bounds(text, head[1] if head is not None and shard.head is None else shard.start, shard.end)


def _bounds(text: str, start: int, end: int) -> list[int]:
    """Where each line begins, and the end of the last."""
    found = [start, *(match.end() for match in _LINE_END.finditer(text, start, end))]
    return found if found[-1] == end else [*found, end]


def _best_cut(text: str, bounds: Sequence[int], least: int, most: int, near: int) -> int:
    """The last bound of lines behind a page break, else behind a blank line, that is near `most` and beyond `least`; else `most`."""
    candidates = [at for at in range(most, least, -1) if bounds[most] - bounds[at] <= near]
    pages = (at for at in candidates if text[bounds[at] - 1] == "\f")
    blanks = (at for at in candidates if not text[bounds[at - 1] : bounds[at]].strip())
    return next(pages, next(blanks, most))


def _may_share(bounds: Sequence[int], line: int, done: int, start: int, room: int, lines: int) -> bool:
    """Whether a shard may begin with a line of the one before, which began at `start`: it must still go beyond that one."""
    return (
        line > 0
        and done - line <= lines
        and bounds[line] > start
        and bounds[done] - bounds[line] <= room // OVERLAP_SHARE
        and bounds[done + 1] - bounds[line] <= room
    )


_Look = tuple[str, int]  # sort of the first token of a line; how many dates and figures stand behind its last word


class _Lists:
    """The lists of a text by how their lines look, and the head of each: the lines above its first row.

    A line looks like another if it begins with the same sort of token and has as many figures behind its words; where rows are set one
    cell a line, so many lines (`period`) are one row.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        layout = Layout(text, start, end)
        folded = fold(layout.clean)
        self.start, self.lines = start, layout.lines
        lines = [tokens(folded, line, start) for line in layout.lines]
        decimals = sum(any(token.sort is Sort.DECIMAL for token in line) for line in lines)
        exact = decimals * 3 > sum(any(token.sort in FIGURES for token in line) for line in lines)
        self.looks = [_look(line, folded, start, exact=exact) for line in lines]
        self.period = _period(self.looks)
        self.rows = [_row_look(self.looks, at, self.period) for at in range(len(self.looks))]
        self.lists = _stretches(self.rows)
        self._first_rows: dict[int, int] = {}  # of each list, by the line behind the one before

    def head(self, before: int, most: int) -> Span | None:
        """The head of the list that a shard beginning at `before` is amid; no more of it than fills a part of `most` characters."""
        above = [(first, last) for first, last in self.lists if self._line_start(first) <= before]
        if not above:
            return None
        behind = above[-2][1] + 2 * self.period if len(above) > 1 else 0
        if behind not in self._first_rows:
            self._first_rows[behind] = self._first_row(behind, *above[-1])
        first = self._first_rows[behind]
        begin = end = self._line_start(first)
        for at in range(first - 1, max(first - 1 - MAX_HEAD_LINES, behind - 1), -1):
            if end - self._line_start(at) > most // HEAD_SHARE:
                break
            begin = self._line_start(at)
        return (begin, min(end, before)) if begin < end else None

    def _line_start(self, at: int) -> int:
        return self.lines[at].start if at else self.start

    def _first_row(self, behind: int, first: int, last: int) -> int:
        """The first line that looks as many of a list's lines do: no row may stand in the head, from which it would be read again."""
        if self.period > 1:
            return self._first_cell(behind, first)
        counts = Counter(row[0] for row in self.rows[first : last + 1] if row is not None)
        alike = [counts[look] * COMMON_SHARE >= last + 1 - first for look in self.looks]
        amid = [at for at in range(behind + 1, last) if alike[at - 1] and not self.looks[at][1] and alike[at + 1]]  # rests of rows?
        least = amid[0] + 1 if len(amid) == 1 and amid[0] < first else behind
        return next((at for at in range(least, first) if alike[at]), first)

    def _first_cell(self, behind: int, first: int) -> int:
        """The first line of which on the looks of a row's lines follow each other, lines of words more or less."""
        row, at = self.looks[first : first + self.period], first
        for wanted in (row[-number % self.period] for number in range(1, first + 1)):
            words = next((skip for skip in range(MAX_REST + 1) if at - skip <= behind or self.looks[at - skip - 1] == wanted), MAX_REST + 1)
            if at - words <= behind or words > MAX_REST or any(tail for _, tail in self.looks[at - words : at]):
                break
            at -= words + 1
        return at


def _look(line: Sequence[Token], folded: str, base: int, *, exact: bool) -> _Look:
    """How a line looks; words alone where a colon says that what follows is no row. `exact`: figures have decimals, so that one without
    them behind words belongs to these."""
    sorts = [token.sort for token in line]
    words = [at for at, sort in enumerate(sorts) if sort is Sort.WORD]
    if not sorts or any(folded[line[at].end - base - 1] == ":" for at in words):
        return Sort.WORD.value, 0
    tail = sorts[words[-1] + 1 :] if words else sorts
    return "figure" if sorts[0] in FIGURES else sorts[0].value, sum(not (exact and words and sort is Sort.WHOLE) for sort in tail)


def _row_look(looks: Sequence[_Look], at: int, period: int) -> tuple[_Look, ...] | None:
    """The look of so many lines, wherever in a row they begin; None if no row follows that looks alike, or if they are words alone."""
    row = tuple(looks[at : at + period])
    if row != tuple(looks[at + period : at + 2 * period]) or not any(tail for _, tail in row):
        return None
    return min(row[turn:] + row[:turn] for turn in range(period))


def _period(looks: Sequence[_Look]) -> int:
    """How many lines a row takes: the least number of lines after which dates and figures come again."""
    telling = [at for at, (_, tail) in enumerate(looks) if tail]
    counts = [sum(at + period < len(looks) and looks[at] == looks[at + period] for at in telling) for period in range(1, MAX_PERIOD + 1)]
    return next(period for period, count in enumerate(counts, 1) if count * 10 >= max(counts) * 9)


def _stretches(looks: Sequence[tuple[_Look, ...] | None]) -> list[Span]:
    """The first and last line of each list. Looks that come often in the same stretch are rows of one list."""
    places: dict[tuple[_Look, ...], list[int]] = defaultdict(list)
    for at, look in enumerate(looks):
        if look is not None:
            places[look].append(at)
    every = sorted(at for some in places.values() for at in some)
    found: list[tuple[int, int, int, int]] = []  # first and last line, rows of the look that comes most often, its first line
    for some in sorted(places.values()):
        among = bisect_right(every, some[-1]) - bisect_left(every, some[0])
        if len(some) < MIN_ALIKE or len(some) * LIST_SHARE < among:
            continue
        first, last, most, top = some[0], some[-1], len(some), some[0]
        if found and first <= found[-1][1]:
            before = found.pop()
            first, last = before[0], max(last, before[1])
            most, top = max((most, top), before[2:], key=lambda one: one[0])
        found.append((first, last, most, top))
    return [(top, last) for _, last, _, top in found]


# -- merging -----------------------------------------------------------------------------------------------------------


def merged(schema: Schema, pieces: Sequence[Piece]) -> Piece:
    """The reading of the whole, of readings of its shards.

    Rows come in the order in which they stand on the page; what stands on the same print is one row. Where readings differ, what the page
    bears out stands, then what more of the page bears out, then what comes first; the rest are alternatives, and a doubt names both.
    Raises ValueError if there is no piece.
    """
    if len(pieces) < 2:
        return pieces[0] if pieces else _no_piece()
    merger = _Merger(sorted(pieces, key=lambda piece: (piece.shard.start, piece.shard.end)))
    merger.merge(schema.root, [_View(number, "") for number in range(len(pieces))], "", ())
    return merger.piece(schema.kind)


def _no_piece() -> Piece:
    raise ValueError("no piece to merge")


@dataclass(frozen=True, slots=True)
class _View:
    """A place in the reading of a piece."""

    piece: int
    place: str


@dataclass(slots=True)
class _Row:
    """A row of a piece. `values`: by column the prints that it alone has, and what they weigh; `inner`: those of its lists;
    `ats`: where its values begin, each as often as it weighs; `spans`: all its prints; `texts`: what was read."""

    view: _View
    number: int
    values: dict[str, tuple[list[Span], int]] = field(default_factory=dict)
    inner: list[Span] = field(default_factory=list)
    ats: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    found: int = 0
    edge: bool = False  # the first or the last row of its piece, where the page goes on
    apart: bool = False  # another piece has it and its neighbour as one

    @property
    def at(self) -> int | None:
        """Where it stands: where most of its values do."""
        return sorted(self.ats)[len(self.ats) // 2] if self.ats else None


@dataclass(slots=True)
class _Cluster:
    """Rows of several pieces that are one."""

    rows: list[_Row]
    doubts: tuple[str, ...] = ()

    def lacks(self, row: _Row) -> bool:
        return all(other.view.piece != row.view.piece for other in self.rows)


class _Prints:
    """Stretches of the page with their owners; no two overlap."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.stretches: dict[int, tuple[int, int]] = {}  # end and owner by start

    def owners(self, span: Span) -> set[int]:
        """Whose stretches a stretch overlaps."""
        found = set()
        for at in range(max(bisect_right(self.starts, span[0]) - 1, 0), len(self.starts)):
            if self.starts[at] >= span[1]:
                break
            end, owner = self.stretches[self.starts[at]]
            if end > span[0]:
                found.add(owner)
        return found

    def take(self, span: Span, owner: int) -> None:
        """Give a stretch to an owner, unless a part of it has one."""
        if span[0] < span[1] and not self.owners(span):
            insort(self.starts, span[0])
            self.stretches[span[0]] = span[1], owner


class _Merger:
    """Merges readings node by node; the results are by pointers of the whole."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.whole = Shard(min(piece.shard.start for piece in pieces), max(piece.shard.end for piece in pieces))
        self.leaves: dict[str, Extract] = {}
        self.matches: dict[str, Match] = {}
        self.placed: set[str] = set()
        self.rows: dict[str, int] = {}
        self.doubts: dict[str, tuple[str, ...]] = {}
        self.passed: set[_View] = set()  # places whose doubts are merged

    def piece(self, kind: str) -> Piece:
        """What was merged."""
        for number, piece in enumerate(self.pieces):
            left = [place for place in piece.extraction.doubts if _View(number, place) not in self.passed]
            self.doubt("", [f"{place}: {reason}" for place in left for reason in piece.extraction.doubts[place]])
        readings = [piece.extraction for piece in self.pieces]
        explained = tuple(sorted({span for reading in readings for span in reading.explained}))
        reader = "+".join(dict.fromkeys(reading.reader for reading in readings))
        extraction = Extraction(kind, reader, self.leaves, self.rows, self.doubts, explained)
        return Piece(self.whole, extraction, self.matches, frozenset(self.placed))

    def merge(self, node: Node, views: Sequence[_View], target: str, kept: Sequence[Span]) -> None:
        """One place of the whole, of the places of pieces that are that place; in a row, `kept` are the prints of the reading of it that
        comes first."""
        for view in views:
            self.pass_doubts(view, target)
        if isinstance(node, Leaf):
            self.leaf(node, views, target, kept)
        elif isinstance(node, Rows):
            self.merge_rows(node, views, target)
        else:
            for member in node.members:
                step = pointer(member.name)
                self.merge(member, [_View(view.piece, view.place + step) for view in views], target + step, kept)

    def doubt(self, target: str, reasons: Iterable[str]) -> None:
        known = self.doubts.get(target, ())
        if new := [reason for reason in dict.fromkeys(reasons) if reason not in known]:
            self.doubts[target] = (*known, *new)

    def pass_doubts(self, view: _View, target: str) -> None:
        if reasons := self.pieces[view.piece].extraction.doubts.get(view.place):
            self.passed.add(view)
            self.doubt(target, reasons)

    # -- values --------------------------------------------------------------------------------------------------------

    def leaf(self, leaf: Leaf, views: Sequence[_View], target: str, kept: Sequence[Span]) -> None:
        """One value of several. A blank gives way only to what stands on print that is not known to be that of another value."""
        extracts = [self.pieces[view.piece].extraction.leaves.get(view.place, Extract(None)) for view in views]
        chosen = self.of_row(extracts, kept) if "*" in leaf.path else self.single(views, extracts)
        extract, view = extracts[chosen], views[chosen]
        others = [other for other in extracts if other.text is not None and not _agree(leaf, other.text, extract.text)]
        serious = [other for other in others if "*" in leaf.path or other.spans or not extract.spans]
        self.leaves[target] = _with_others(extract, extracts, others, serious)
        self.matches[target] = self.pieces[view.piece].matches.get(view.place, Match.NONE)
        if view.place in self.pieces[view.piece].placed:
            self.placed.add(target)

    def of_row(self, extracts: Sequence[Extract], kept: Sequence[Span]) -> int:
        """Which reading of a value of a row stands: that of the row that comes first, if the page bears it out or no other."""
        found = [number for number, extract in enumerate(extracts) if extract.text is not None and extract.spans]
        if extracts[0].text is None:
            found = [number for number in found if not any(_overlap(span, own) for span in extracts[number].spans for own in kept)]
        return found[0] if found else 0

    def single(self, views: Sequence[_View], extracts: Sequence[Extract]) -> int:
        """Which reading of a single value stands: the first that stands in the lines of its own shard, not only in the head."""
        found = [number for number, extract in enumerate(extracts) if extract.text is not None and extract.spans]
        shards = [self.pieces[view.piece].shard for view in views]
        own = [at for at in found if all(shards[at].start <= start and end <= shards[at].end for start, end in extracts[at].spans)]
        if own:
            return own[0]
        return found[0] if found and extracts[0].text is not None else 0

    # -- lists ---------------------------------------------------------------------------------------------------------

    def merge_rows(self, node: Rows, views: Sequence[_View], target: str) -> None:
        columns = [(leaf.path[len(node.path) + 1 :], leaf.spans_rows) for leaf in walk(node.row)]
        readings = _finest([self.read(view, columns) for view in views])
        clusters = _clustered(readings, [self.pieces[view.piece].shard.start for view in views])
        self.rows[target] = len(clusters)
        for number, cluster in enumerate(clusters):
            place = f"{target}/{number}"
            rows = _by_evidence(cluster.rows)
            self.merge(node.row, [row.view for row in rows], place, rows[0].spans)
            for row in (row for row in cluster.rows if row not in rows):
                self.pass_all_doubts(row.view, place)
            self.doubt(place, [*cluster.doubts, *([APART] if any(row.apart for row in cluster.rows) else [])])

    def pass_all_doubts(self, view: _View, target: str) -> None:
        for place in self.pieces[view.piece].extraction.doubts:
            if place == view.place or place.startswith(view.place + "/"):
                self.pass_doubts(_View(view.piece, place), target)

    def read(self, view: _View, columns: Sequence[tuple[tuple[str, ...], bool]]) -> list[_Row]:
        """The rows of a list of a piece. A print that values of two rows were found at is that of the one that has it in its place."""
        piece = self.pieces[view.piece]
        reading = piece.extraction
        rows = [_Row(_View(view.piece, f"{view.place}/{number}"), number) for number in range(reading.rows.get(view.place, 0))]
        values: list[tuple[bool, _Row, str, Extract]] = []
        for row in rows:
            for tail, merged_cell in columns:
                for place in expanded(tail, reading.rows, row.view.place):
                    extract = reading.leaves.get(place, Extract(None))
                    if extract.text is not None:
                        row.texts.append((place[len(row.view.place) :], squeeze(extract.text)))
                    if extract.text is not None and extract.spans:
                        row.found += 1
                        row.spans += extract.spans
                        if not merged_cell:
                            values.append((place not in piece.placed, row, "" if "*" in tail else pointer(*tail) or "/", extract))
        _share_out(values)
        standing = [row for row in rows if row.ats]
        if standing:
            min(standing, key=lambda row: row.at or 0).edge |= piece.shard.start > self.whole.start
            max(standing, key=lambda row: row.at or 0).edge |= piece.shard.end < self.whole.end
        return rows


def _share_out(values: Sequence[tuple[bool, _Row, str, Extract]]) -> None:
    """Give each row the prints that it alone has: (out of place, row, column or "" for one of a list in the row, value)."""
    prints = _Prints()
    for out_of_place, row, column, extract in sorted(values, key=lambda value: value[0]):
        spans = [span for span in extract.spans if prints.owners(span) <= {row.number}]
        for span in spans:
            prints.take(span, row.number)
        if not spans:
            continue
        if column:
            row.values[column] = spans, weight(extract)
        else:
            row.inner += spans
        if not (out_of_place and row.ats):
            row.ats += [spans[0][0]] * weight(extract)


def _finest(readings: Sequence[Sequence[_Row]]) -> list[list[_Row]]:
    """The rows without those whose values another piece has in two rows or more: two had been read as one."""
    prints = [
        (*span, piece, row) for piece, rows in enumerate(readings) for row in rows for spans, _ in row.values.values() for span in spans
    ]
    met: dict[tuple[int, int], tuple[_Row, set[Span], dict[int, _Row]]] = {}  # by row and other piece: its prints, the rows there
    reaching: list[tuple[int, int, int, _Row]] = []
    for new in sorted(prints, key=lambda one: one[:3]):
        reaching = [old for old in reaching if old[1] > new[0]]
        for one, other in (pair for old in reaching if old[2] != new[2] for pair in ((old, new), (new, old))):
            _, stretches, rows = met.setdefault((id(one[3]), other[2]), (one[3], set(), {}))
            stretches.add(one[:2])
            rows[id(other[3])] = other[3]
        reaching.append(new)
    coarse = set()
    for row, stretches, finer in met.values():
        covered = stretches >= {span for spans, _ in row.values.values() for span in spans} and len(row.texts) == row.found
        if len(finer) > 1 and covered and all(part.texts != row.texts for part in finer.values()):
            coarse.add(id(row))
            for part in finer.values():
                part.apart = True
    return [[row for row in rows if id(row) not in coarse] for rows in readings]


def _clustered(readings: Sequence[Sequence[_Row]], starts: Sequence[int]) -> list[_Cluster]:
    """Rows that are one, in the order of the page; `starts` are those of the shards. A row that stands nowhere stays behind the one that it
    followed, or before the one that it preceded."""
    known = _Known()
    before: dict[int, list[_Cluster]] = defaultdict(list)
    behind: dict[int, list[_Cluster]] = defaultdict(list)
    alone: dict[int, list[_Cluster]] = defaultdict(list)
    for rows, start in zip(readings, starts, strict=True):
        ids = [known.add(row) if row.ats else None for row in rows]
        first = next((one for one in ids if one is not None), None)
        beside = alone[start] if first is None else before[first]
        for row, one in zip(rows, ids, strict=True):
            if one is not None:
                beside = behind[one]
            else:
                _put_beside(beside, row)
    items = [(cluster.rows[0].at or 0, one, [*before[one], cluster, *behind[one]]) for one, cluster in enumerate(known.clusters)]
    items += [(start, -1, some) for start, some in alone.items()]
    return [cluster for _, _, some in sorted(items, key=lambda item: item[:2]) for cluster in some]


def _put_beside(beside: list[_Cluster], row: _Row) -> None:
    """Add a row that stands nowhere to those that stand beside the same row, unless another piece has it there too."""
    same = next((cluster for cluster in beside if cluster.rows[0].texts == row.texts and cluster.lacks(row)), None)
    if same is not None:
        same.rows.append(row)
    else:
        beside.append(_Cluster([row], (NOWHERE if not row.spans else TWICE,)))


class _Known:
    """The rows of the page so far, and the prints that they have."""

    def __init__(self) -> None:
        self.clusters: list[_Cluster] = []
        self.columns: list[set[str]] = []  # in which each has print
        self.values, self.inner = _Prints(), _Prints()

    def add(self, row: _Row) -> int:
        """The number of the row of the page that a row of a piece is: a new one, if it has print of its own."""
        same, doubts = self.same(row)
        if same is None:
            same = len(self.clusters)
            self.clusters.append(_Cluster([], doubts))
            self.columns.append(set())
        self.clusters[same].rows.append(row)
        self.columns[same].update(row.values)
        for span in (span for spans, _ in row.values.values() for span in spans):
            self.values.take(span, same)
        for span in row.inner:
            self.inner.take(span, same)
        return same

    def same(self, row: _Row) -> tuple[int | None, tuple[str, ...]]:
        """The row of the page with which it shares more print than it has other print for in the same columns; if its own values stand
        nowhere, the row with whose lists it shares print."""
        owners = {column: set().union(*map(self.values.owners, spans)) for column, (spans, _) in row.values.items()}
        shared: Counter[int] = Counter()
        for column, some in owners.items():
            shared.update(dict.fromkeys(some, row.values[column][1]))
        against = {
            one: sum(row.values[column][1] for column in self.columns[one] if one not in owners.get(column, {one})) for one in shared
        }
        likely = [one for one, count in shared.most_common() if count >= against[one]]
        best = next((one for one in likely if shared[one] > against[one] and self.clusters[one].lacks(row)), None)
        if best is None:
            inner = Counter(one for span in row.inner for one in self.inner.owners(span))
            bare = [one for one, _ in inner.most_common() if not row.values or not self.columns[one]]
            best = next((one for one in bare if self.clusters[one].lacks(row)), None)
        return best, (TWICE,) if likely else ()


def _by_evidence(rows: Sequence[_Row]) -> list[_Row]:
    """Readings of one row, the one first of which most stands on the page; without those of a row that the edge of a shard cuts off, if
    all that they read is part of what the first read."""
    first, *others = sorted(rows, key=lambda row: (-row.found, -_length(row.spans), row.view.piece))
    return [first, *(row for row in others if not (row.edge and len(row.texts) == row.found and _is_part(row.spans, first.spans)))]


def _is_part(spans: Sequence[Span], whole: Sequence[Span]) -> bool:
    """Whether stretches are within others, and less than those."""
    joined = _joined(whole)
    inside = all(any(first <= start and end <= last for first, last in joined) for start, end in spans)
    return inside and _length(spans) < _length(whole)


def _joined(spans: Sequence[Span]) -> list[Span]:
    """The stretches in order, those that overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _length(spans: Sequence[Span]) -> int:
    return sum(end - start for start, end in _joined(spans))


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _agree(leaf: Leaf, mine: str, theirs: str | None) -> bool:
    """Whether two texts say the same, in whatever print."""
    if theirs is None or squeeze(mine) == squeeze(theirs):
        return theirs is not None
    if leaf.kind in (Kind.TEXT, Kind.CODE):
        return False
    left, right = parse(mine, leaf.kind, leaf.choices), parse(theirs, leaf.kind, leaf.choices)
    same = left.number == right.number if left.number is not None else left.value == right.value is not None
    return same and left.scale == right.scale and left.error is None


def _with_others(chosen: Extract, every: Sequence[Extract], others: Sequence[Extract], serious: Sequence[Extract]) -> Extract:
    """A value with what other readings have for it: as alternatives, and where these are `serious` as a doubt."""
    agreeing = [extract for extract in every if extract not in others and extract.text is not None]
    doubts = [reason for extract in (chosen, *agreeing) for reason in extract.doubts]
    if serious:
        shown = dict.fromkeys(_shown(extract.text) for extract in (chosen, *serious))
        doubts.append(f"the readings differ: {' and '.join(shown)}")
    alternatives = [other for extract in (chosen, *agreeing, *others) for other in extract.alternatives]
    alternatives += [extract.text for extract in (chosen, *others)] if others else []
    return replace(chosen, doubts=tuple(dict.fromkeys(doubts)), alternatives=tuple(dict.fromkeys(alternatives)))


def _shown(text: str | None) -> str:
    return "blank" if text is None else repr(text[:MAX_SHOWN])
