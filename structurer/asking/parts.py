"""A schema too big for one reply in parts: groups of fields, and columns of lists that are too wide; and their readings together again.

Each part of a list that is cut by columns repeats those that say which row is meant. Rows are aligned by them, none is dropped, and where
the parts do not have the same rows, or do not name them alike, a doubt says so.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from structurer.contracts.schema import Group, Kind, Leaf, Node, Rows, Schema, own_leaves, walk
from structurer.errors import UsageError
from structurer.fold import squeeze
from structurer.judging.parse import UNITS
from structurer.record import BLANK, Extract, Extraction, pointer, shown

KEPT: Final = 64  # schemas whose parts are remembered
MAX_KEYS: Final = 3  # columns that are repeated
MAX_CANDIDATES: Final = 50  # rows of the same name that a row may be aligned with, those nearest to it
MIN_LIKENESS: Final = 0.7  # of the names of two rows that are one, copied differently; by difflib's ratio
UNREAD: Final = "no part of the reading has this"
LACKING: Final = "not every part of the reading has this row"

Path = tuple[str, ...]
Name = tuple[str, ...]  # of a row: what it has in the columns that all parts repeat


@lru_cache(maxsize=KEPT)
def parted(schema: Schema, most: int) -> tuple[Schema, ...]:
    """Schemas of at most `most` fields each that have all fields between them, in their order; the schema itself if it has no more.

    Members of a group stay together as long as they fit. Columns that are repeated count, and each part has one more beside them, so that a
    part of a wide list may have more than `most` fields if that is very small. Raises UsageError if `most` is none.
    """
    if most < 1:
        raise UsageError(f"a part has at least 1 field, not {most}", remedy="raise the limit of fields asked for at once")
    if _size(schema.root) <= most:
        return (schema,)
    return tuple(_part(schema, paths) for paths in _units(schema.root, most))


def _part(schema: Schema, paths: tuple[Path, ...]) -> Schema:
    root = _restricted(schema.root, frozenset(paths))
    assert isinstance(root, Group)
    digest = hashlib.sha256(json.dumps([schema.digest, paths], ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return replace(schema, root=root, rules=(), related=(), joined=(), digest=digest)


def _size(node: Node) -> int:
    return sum(1 for _ in walk(node))


def _paths(nodes: Iterable[Node]) -> tuple[Path, ...]:
    return tuple(leaf.path for node in nodes for leaf in walk(node))


def _restricted(node: Node, paths: frozenset[Path]) -> Node | None:
    """A node with the fields at these paths alone; None if it has none of them."""
    if isinstance(node, Leaf):
        return node if node.path in paths else None
    if isinstance(node, Rows):
        row = _restricted(node.row, paths)
        return replace(node, row=row) if isinstance(row, Group | Leaf) else None
    members = tuple(found for member in node.members if (found := _restricted(member, paths)) is not None)
    return replace(node, members=members) if members else None


# -- cutting -----------------------------------------------------------------------------------------------------------


def _units(node: Node, most: int) -> list[tuple[Path, ...]]:
    """The fields of a node in chunks of at most `most`, cut between members; a member is entered only if it is too big itself."""
    if _size(node) <= most or isinstance(node, Leaf):
        return [_paths([node])]
    if isinstance(node, Group):
        return _packed(_bound(node.members, most), most)
    keys = _keys(node.row, most)
    rest = _restricted(node.row, frozenset(_paths([node.row])) - frozenset(keys))
    if not keys or rest is None:  # nothing says which row is meant, or nothing is left to part
        return [_paths([node])]
    return [(*keys, *chunk) for chunk in _units(rest, max(most - len(keys), 1))]


def _packed(bundles: Iterable[Sequence[Node]], most: int) -> list[tuple[Path, ...]]:
    """Neighbours in one chunk as long as they fit."""
    found: list[tuple[Path, ...]] = []
    for bundle in bundles:
        chunks = [_paths(bundle)] if len(bundle) > 1 else _units(bundle[0], most)
        if found and len(chunks) == 1 and len(found[-1]) + len(chunks[0]) <= most:
            found[-1] += chunks[0]
        else:
            found += chunks
    return found


def _bound(members: Sequence[Node], most: int) -> Iterator[Sequence[Node]]:
    """The members, a figure and the field that prints its unit together with what stands between them, if they fit."""
    places = {member.name: at for at, member in enumerate(members)}
    reach = list(range(len(members)))
    for at, member in enumerate(members):
        if isinstance(member, Leaf) and member.unit is not None and member.unit not in UNITS and member.unit in places:
            first, last = sorted((at, places[member.unit]))
            reach[first] = max(reach[first], last)
    first = 0
    while first < len(members):
        last = at = first
        while at <= last:
            last, at = max(last, reach[at]), at + 1
        bundle = members[first : last + 1]
        yield bundle if sum(map(_size, bundle)) <= most else bundle[:1]
        first += len(bundle) if sum(map(_size, bundle)) <= most else 1


def _keys(row: Group | Leaf, most: int) -> tuple[Path, ...]:
    """The columns that say which row is meant: the first ones, up to one that names it; as many as leave room for others."""
    columns = [leaf for leaf in own_leaves(row) if not isinstance(row, Leaf)]
    naming = next(
        (at for at, leaf in enumerate(columns) if leaf.kind in (Kind.TEXT, Kind.CODE) and not leaf.spans_rows and not leaf.values), 0
    )
    return tuple(leaf.path for leaf in columns[: min(naming + 1, MAX_KEYS, max(most // 2, 1))])


# -- together again ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    """A place in the reading of a part."""

    part: int
    place: str


def together(schema: Schema, extractions: Sequence[Extraction]) -> Extraction:
    """The readings of all parts as one of the whole schema, every field there. Raises ValueError if there is no reading."""
    if not extractions:
        raise ValueError("no reading to put together")
    joiner = _Joiner(extractions)
    joiner.join(schema.root, [_View(part, "") for part in range(len(extractions))], "")
    joiner.keep_other_doubts()
    explained = tuple(dict.fromkeys(span for one in extractions for span in one.explained))
    reader = "+".join(dict.fromkeys(one.reader for one in extractions))
    return Extraction(schema.kind, reader, joiner.leaves, joiner.rows, joiner.doubts, explained)


class _Joiner:
    """Puts readings together node by node; the results are by pointers of the whole."""

    def __init__(self, extractions: Sequence[Extraction]) -> None:
        self.parts = extractions
        self.leaves: dict[str, Extract] = {}
        self.rows: dict[str, int] = {}
        self.doubts: dict[str, tuple[str, ...]] = {}
        self.passed: set[_View] = set()  # places whose doubts are taken over

    def join(self, node: Node, views: Sequence[_View], target: str) -> None:
        """One place of the whole, of the places of parts that are that place."""
        for view in views:
            if reasons := self.parts[view.part].doubts.get(view.place):
                self.passed.add(view)
                self.doubt(target, reasons)
        if isinstance(node, Leaf):
            read = [self.parts[view.part].leaves[view.place] for view in views if view.place in self.parts[view.part].leaves]
            self.leaves[target] = _agreed(read) if read else Extract(None, doubts=(UNREAD,))
        elif isinstance(node, Rows):
            self.join_rows(node, [view for view in views if view.place in self.parts[view.part].rows], target)
        else:
            for member in node.members:
                step = pointer(member.name)
                self.join(member, [_View(view.part, view.place + step) for view in views], target + step)

    def doubt(self, target: str, reasons: Iterable[str]) -> None:
        self.doubts[target] = tuple(dict.fromkeys((*self.doubts.get(target, ()), *reasons)))

    def keep_other_doubts(self) -> None:
        """Doubts of parts at places that the whole does not have are told of at the whole."""
        for number, part in enumerate(self.parts):
            left = (place for place in part.doubts if _View(number, place) not in self.passed)
            if told := [f"{place}: {reason}" for place in left for reason in part.doubts[place]]:
                self.doubt("", told)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def join_rows(self, node: Rows, views: Sequence[_View], target: str) -> None:
        counts = [self.parts[view.part].rows[view.place] for view in views]
        shared = self.shared(node, [view for view, count in zip(views, counts, strict=True) if count])
        names = [[self.name(view, row, shared) for row in range(count)] for view, count in zip(views, counts, strict=True)]
        rows = _aligned(names)
        self.rows[target] = len(rows)
        if len(set(counts)) > 1:
            self.doubt(target, [f"read in parts that have {' and '.join(str(count) for count in dict.fromkeys(counts))} rows"])
        if not views:
            self.doubt(target, [UNREAD])
        for number, row in enumerate(rows):
            place = f"{target}/{number}"
            if len(row) < len(views):
                self.doubt(place, [LACKING])
            self.join(node.row, [_View(views[at].part, f"{views[at].place}/{row[at]}") for at in sorted(row)], place)

    def shared(self, node: Rows, views: Sequence[_View]) -> list[str]:
        """The rest of the pointers of the columns that all parts have."""
        tails = [pointer(*leaf.path[len(node.path) + 1 :]) for leaf in own_leaves(node.row)]
        return [tail for tail in tails if all(f"{view.place}/0{tail}" in self.parts[view.part].leaves for view in views)]

    def name(self, view: _View, row: int, tails: Sequence[str]) -> Name:
        leaves = self.parts[view.part].leaves
        return tuple(squeeze(leaves.get(f"{view.place}/{row}{tail}", BLANK).text or "") for tail in tails)


def _agreed(read: Sequence[Extract]) -> Extract:
    """One value of those that parts read of the same field: the first that is not blank."""
    if len(read) == 1:
        return read[0]
    chosen = next((extract for extract in read if extract.text is not None), read[0])
    others = [extract for extract in read if squeeze(extract.text or "") != squeeze(chosen.text or "")]
    doubts = [reason for extract in read if extract not in others for reason in (*chosen.doubts, *extract.doubts)]
    alternatives = [other for extract in (chosen, *read) for other in extract.alternatives]
    if others:
        said = dict.fromkeys(shown(extract.text) for extract in (chosen, *others))
        doubts.append(f"read in parts that differ: {' and '.join(said)}")
        alternatives += [extract.text for extract in (chosen, *others)]
    return replace(chosen, doubts=tuple(dict.fromkeys(doubts)), alternatives=tuple(dict.fromkeys(alternatives)))


def _aligned(lists: Sequence[Sequence[Name]]) -> list[dict[int, int]]:
    """The rows of several lists side by side: for each row of the whole, which row of which list it is."""
    rows: list[tuple[Name, dict[int, int]]] = []
    for number, names in enumerate(lists):
        pairs = _pairs([name for name, _ in rows], names) if number else [(None, at) for at in range(len(names))]
        rows = [
            (rows[mine][0] if mine is not None else names[theirs or 0], _with(rows[mine][1] if mine is not None else {}, number, theirs))
            for mine, theirs in pairs
        ]
    return [row for _, row in rows]


def _with(row: Mapping[int, int], number: int, at: int | None) -> dict[int, int]:
    return {**row, number: at} if at is not None else dict(row)


_Link = tuple[int, int, "_Link | None"]  # row, candidate, link before


def _pairs(mine: Sequence[Name], theirs: Sequence[Name]) -> list[tuple[int | None, int | None]]:
    """The rows of two lists in order, those of one name side by side: as many as can be without crossing each other. Between these, as many
    rows on both sides are the same if their names are much alike."""
    places: dict[Name, list[int]] = defaultdict(list)
    for at, name in enumerate(theirs):
        places[name].append(at)
    anchors = _increasing([_nearest(places.get(name, ()), number) for number, name in enumerate(mine)])
    pairs: list[tuple[int | None, int | None]] = []
    first = other = 0
    for number, at in [*anchors, (len(mine), len(theirs))]:
        left, right = range(first, number), range(other, at)
        if len(left) == len(right) and all(_is_alike(mine[one], theirs[two]) for one, two in zip(left, right, strict=True)):
            pairs += zip(left, right, strict=True)
        else:
            pairs += [*((one, None) for one in left), *((None, two) for two in right)]
        pairs += [(number, at)] if number < len(mine) else []
        first, other = number + 1, at + 1
    return pairs


def _increasing(candidates: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """As many of the rows as can be, each with one of its candidates, so that these increase (Hunt and Szymanski 1977)."""
    ends: list[int] = []  # of the chain of each length the least end, and its last link
    links: list[_Link] = []
    for number, places in enumerate(candidates):
        for at in reversed(places):
            size = bisect_left(ends, at)
            link = (number, at, links[size - 1] if size else None)
            ends[size : size + 1], links[size : size + 1] = [at], [link]
    found = []
    last = links[-1] if links else None
    while last is not None:
        found.append(last[:2])
        last = last[2]
    return found[::-1]


def _nearest(places: Sequence[int], at: int) -> Sequence[int]:
    """The places nearest to a row, if there are many: rows of one name are many only in lists of few names."""
    middle = bisect_left(places, at)
    return places[max(middle - MAX_CANDIDATES // 2, 0) : middle + MAX_CANDIDATES // 2]


def _is_alike(mine: Name, theirs: Name) -> bool:
    """Whether two names are one, copied differently: what both have is much alike."""
    both = [(one, other) for one, other in zip(mine, theirs, strict=True) if one and other]
    return bool(both) and all(
        one == other or SequenceMatcher(None, one, other, autojunk=False).ratio() >= MIN_LIKENESS for one, other in both
    )
