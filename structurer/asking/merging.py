"""The readings of shards put together by where their values stand on the page.

What two shards read from the same print is the same row; rows that read alike but stand on different print are two. Nothing that a shard
read is dropped without a doubt or an alternative.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from structurer.asking.shards import Piece, Shard, Span
from structurer.contracts.schema import Kind, Leaf, Node, Rows, Schema, walk
from structurer.fold import squeeze
from structurer.judging.linetokens import weight
from structurer.judging.parse import parse
from structurer.record import BLANK, Extract, Extraction, Match, expanded, pointer, shown

NOWHERE: Final = "no value of this row is found on the page"
TWICE: Final = "this row stands on print that another row was read from: it may be that row, read twice"
APART: Final = "another reading has this row and its neighbour as one"


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
        extracts = [self.pieces[view.piece].extraction.leaves.get(view.place, BLANK) for view in views]
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
                    extract = reading.leaves.get(place, BLANK)
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
    standing = [(cluster.rows[0].at or 0, one, [*before[one], cluster, *behind[one]]) for one, cluster in enumerate(known.clusters)]
    standing += [(start, -1, some) for start, some in alone.items()]
    return [cluster for _, _, some in sorted(standing, key=lambda one: one[:2]) for cluster in some]


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
        said = dict.fromkeys(shown(extract.text) for extract in (chosen, *serious))
        doubts.append(f"the readings differ: {' and '.join(said)}")
    alternatives = [other for extract in (chosen, *agreeing, *others) for other in extract.alternatives]
    alternatives += [extract.text for extract in (chosen, *others)] if others else []
    return replace(chosen, doubts=tuple(dict.fromkeys(doubts)), alternatives=tuple(dict.fromkeys(alternatives)))
