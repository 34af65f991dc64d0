"""Finding a form's printed labels: on a page a form is a sequence of labels, and a value is what stands beside or below its label.

Labels are searched in the folded text without white space, so that one broken over lines (`数量` / `指标`), spaced out or printed in
full-width brackets is found; it must begin and end where the print has a gap, so that the same word inside a sentence is not one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from structurer.contracts.schema import Group, Leaf, Node, Rows, Schema
from structurer.fold import Break, caseless, squeeze
from structurer.layout import Chunk, Layout

MIN_PIECE = 2  # characters of the first piece of a label broken over lines
MAX_LINES_APART = 2  # lines from one piece of a broken label to the next
LONG_WORD = 80  # characters
MAX_SHORT = 5  # characters of a shortened word with its point: "ref.", "Inv."
MAX_HINT = 24  # characters of a bracket behind a label: "(100字以内)", "(2023年-2023年)"
_TAIL = re.compile(rf"((?:\([^()]{{0,{MAX_HINT}}}\))?)(:?)")


class Role(StrEnum):
    """What a label announces."""

    FIELD = "field"  # a single value
    ROW = "row"  # a row of figures: the member of a matrix, or a labelled group of numbers such as a total
    COLUMN = "column"  # the head of a column of a list or matrix
    CAPTION = "caption"  # nothing: a side label or heading


@dataclass(frozen=True, slots=True)
class Owner:
    """A node that a label may stand for; `table` is the list or matrix of a column, the matrix of a row (None for a free row)."""

    role: Role
    node: Node | None
    table: Rows | Group | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A label on the page: chars[first:last] of the folded segment (with its bracketed hint and colon), text[start:end]."""

    first: int
    last: int
    start: int
    end: int
    owners: tuple[Owner, ...]
    colon: bool
    rest: tuple[tuple[int, int], ...] = ()  # where the print goes on behind what stands beside the label
    ends_a_phrase: bool = False  # and so may be another label: "No." in "Company No."
    is_spare: bool = False  # it is not read: it only ends the value before it

    def covers(self, start: int, end: int) -> bool:
        """Whether the label prints any of text[start:end]."""
        if self.start < end and start < self.end:
            return True
        return bool(self.rest) and any(first < end and start < last for first, last in self.rest)

    def owned(self, role: Role) -> tuple[Owner, ...]:
        return tuple(owner for owner in self.owners if owner.role is role)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All labels of a schema, folded, and the pattern that finds any of them (longest first)."""

    owners: dict[str, tuple[Owner, ...]]
    pattern: re.Pattern[str] | None
    beginnings: frozenset[str] = frozenset()  # what a label may be broken after


def is_matrix(node: Node) -> bool:
    """A group whose members are groups of the same leaves is printed as a table: its members are rows, their leaves are columns."""
    if not isinstance(node, Group) or len(node.members) < 2 or not all(isinstance(member, Group) for member in node.members):
        return False
    shapes = {tuple((leaf.name, isinstance(leaf, Leaf)) for leaf in member.members) for member in node.members if isinstance(member, Group)}
    return len(shapes) == 1 and all(leaf for _, leaf in next(iter(shapes)))


def is_total(node: Node) -> bool:
    """A labelled group of numbers alone is printed as one row: its label, then its figures."""
    return (
        isinstance(node, Group) and bool(node.path) and bool(node.printed.labels) and not node.printed.phrases
        and all(isinstance(member, Leaf) and member.kind.numeric for member in node.members)
    )  # fmt: skip


def vocabulary(schema: Schema) -> Vocabulary:
    """The labels of a schema, ready to be searched for."""
    owners: dict[str, list[Owner]] = {}
    for label, owner in _owners(schema.root):
        key = caseless(squeeze(label).rstrip(":"))
        if key and owner not in owners.setdefault(key, []):
            owners[key].append(owner)
    for caption in schema.captions:
        owners.setdefault(caseless(squeeze(caption).rstrip(":")), []).append(Owner(Role.CAPTION, None))
    if not owners:
        return Vocabulary({}, None)
    alternatives = "|".join(re.escape(key) for key in sorted(owners, key=len, reverse=True))
    pattern = re.compile(alternatives, re.IGNORECASE)
    beginnings = frozenset(
        part for label in (*(label for label, _ in _owners(schema.root)), *schema.captions) for part in _beginnings(label)
    )
    return Vocabulary({key: tuple(found) for key, found in owners.items()}, pattern, beginnings)


def _beginnings(label: str) -> Iterator[str]:
    """What a line may print of a label before it breaks: ideographs part anywhere, words only at a space."""
    for size in range(MIN_PIECE, len(label)):
        if not (label[size - 1].isascii() and label[size].isascii()) or " " in label[size - 1 : size + 1]:
            yield caseless(squeeze(label[:size]))


def _owners(node: Node) -> Iterator[tuple[str, Owner]]:
    if isinstance(node, Leaf):
        for label in node.printed.labels:
            yield label, Owner(Role.FIELD, node)
    elif isinstance(node, Rows):
        yield from _row_owners(node)
    elif is_matrix(node):
        for member in node.members:
            assert isinstance(member, Group)
            yield from ((label, Owner(Role.ROW, member, node)) for label in member.printed.labels)
        yield from _column_owners(node.members[0], node)
    elif is_total(node):
        yield from ((label, Owner(Role.ROW, node)) for label in node.printed.labels)
    else:
        if node.path:
            yield from ((label, Owner(Role.CAPTION, node)) for label in node.printed.labels)
        for member in node.members:
            yield from _owners(member)


def _row_owners(node: Rows) -> Iterator[tuple[str, Owner]]:
    if isinstance(node.row, Leaf):
        if not node.printed.phrases and not node.printed.section:
            yield from ((label, Owner(Role.FIELD, node)) for label in node.printed.labels)
        return
    yield from ((label, Owner(Role.CAPTION, node)) for label in node.printed.labels)
    yield from _column_owners(node.row, node)


def _column_owners(node: Node, table: Rows | Group) -> Iterator[tuple[str, Owner]]:
    assert isinstance(node, Group)
    for leaf in node.members:
        if isinstance(leaf, Leaf):
            yield from ((label, Owner(Role.COLUMN, leaf, table)) for label in leaf.printed.labels)


def find(layout: Layout, words: Vocabulary) -> list[Hit]:
    """Every label of the segment, in order, none overlapping."""
    if words.pattern is None:
        return []
    folded = layout.folded
    found: list[Hit] = []
    position = 0
    while match := words.pattern.search(folded.chars, position):
        hit = _hit(layout, words, match)
        if hit is None:
            position = match.start() + 1
        else:
            follows = bool(found) and found[-1].last == hit.first
            found.append(hit if follows or not _ends_a_phrase(layout, hit) else replace(hit, ends_a_phrase=True))
            position = hit.last
    return _with_torn(layout, words, _with_spare(found))


def _with_spare(found: list[Hit]) -> list[Hit]:
    """Labels that end longer ones are to spare where what they stand for has a label of its own."""
    sure = {id(owner.node) for hit in found if not hit.ends_a_phrase for owner in hit.owners}
    spare = {hit.first for hit in found if hit.ends_a_phrase and all(id(owner.node) in sure for owner in hit.owners)}
    return [replace(hit, is_spare=True) if hit.first in spare else hit for hit in found]


def _with_torn(layout: Layout, words: Vocabulary, found: list[Hit]) -> list[Hit]:
    """The hits, with those of labels broken over lines on which other cells go on beside them: pieces with print between them."""
    torn: list[Hit] = []
    for line in layout.lines:
        for chunk in () if line.grid else line.chunks:
            text = _folded(layout, chunk)
            if text not in words.beginnings or any(hit.covers(chunk.start, chunk.end) for hit in torn):
                continue
            pieces = _pieces(layout, words, torn, text, chunk)
            if pieces and _is_torn(layout, found, pieces):
                torn.append(_torn_hit(layout, words, pieces))
    kept = [hit for hit in found if not any(other.covers(hit.start, hit.end) for other in torn)]
    return sorted([*kept, *torn], key=lambda hit: hit.start) if torn else found


def _folded(layout: Layout, chunk: Chunk) -> str:
    return caseless(squeeze(layout.clean[chunk.start - layout.start : chunk.end - layout.start]))


def _pieces(layout: Layout, words: Vocabulary, torn: list[Hit], text: str, chunk: Chunk) -> tuple[Chunk, ...]:
    """The chunks that print a label from this one on: each next piece stands on one of the next lines."""
    for line in layout.lines[chunk.line + 1 : chunk.line + 1 + MAX_LINES_APART]:
        for following in () if line.grid else line.chunks:
            if any(hit.covers(following.start, following.end) for hit in torn):
                continue
            whole = text + _folded(layout, following)
            if whole.rstrip(":") in words.owners:
                return chunk, following
            if whole in words.beginnings and (rest := _pieces(layout, words, torn, whole, following)):
                return chunk, *rest
    return ()


def _is_torn(layout: Layout, found: list[Hit], pieces: tuple[Chunk, ...]) -> bool:
    """Whether something is printed between the pieces, and none of them is part of another label."""
    apart = any(layout.words(chunk.end, following.start) for chunk, following in pairwise(pieces))
    first, later = pieces[0], pieces[1:]
    return (
        apart
        and not any(hit.covers(first.start, first.end) and hit.end - hit.start > first.end - first.start for hit in found)
        and not any(hit.covers(piece.start, piece.start + 1) for hit in found for piece in later)
    )


def _torn_hit(layout: Layout, words: Vocabulary, pieces: tuple[Chunk, ...]) -> Hit:
    """The first pieces that follow one another stand for the label; the others are its rest."""
    count = next((index for index, (chunk, following) in enumerate(pairwise(pieces), 1) if layout.words(chunk.end, following.start)), 1)
    start, end = pieces[0].start, pieces[count - 1].end
    label = "".join(_folded(layout, piece) for piece in pieces).rstrip(":")
    first, last = layout.folded.index(start), layout.folded.index(end)
    return Hit(first, last, start, end, words.owners[label], False, tuple((piece.start, piece.end) for piece in pieces[count:]))


def _hit(layout: Layout, words: Vocabulary, match: re.Match[str]) -> Hit | None:
    """The label that a match prints, unless it begins or ends inside a word; then the longest shorter label that does not."""
    folded, first = layout.folded, match.start()
    if folded.break_before(first) is Break.NONE and folded.chars[first - 1] not in ";,。;:()":
        return None
    for end in range(match.end(), first, -1):
        owners = words.owners.get(caseless(folded.chars[first:end]))
        hit = _ended(layout, first, end, owners) if owners else None
        if hit is not None:
            return hit
    return None


def _ends_a_phrase(layout: Layout, hit: Hit) -> bool:
    """Whether a label of one Latin word ("No.", "Date") ends a longer label that the schema does not know: "Company No.", "Due Date"."""
    folded, text = layout.folded, layout.text
    label = text[hit.start : hit.end]
    if (
        not (label.isascii() and label[0].isalpha())
        or len(label.split()) > 1
        or not hit.first
        or text[hit.start - 1] != " "
        or not text[max(hit.start - 2, 0) : hit.start - 1].strip()
    ):
        return False  # more than a space before it parts cells
    before = text[max(folded.span(0, hit.first)[0], hit.start - LONG_WORD) : hit.start].rsplit(None, 1)[-1]
    return before[0].isascii() and before[0].isalpha() and (before[-1].isalpha() or (before[-1] == "." and len(before) <= MAX_SHORT))


def _ended(layout: Layout, first: int, end: int, owners: tuple[Owner, ...]) -> Hit | None:
    """The hit of the label chars[first:end], if a hint, a colon or a gap ends it there."""
    folded = layout.folded
    tail = _TAIL.match(folded.chars, end)
    assert tail is not None  # it may be empty
    for last in dict.fromkeys((tail.end(2), tail.end(1), end)):
        if last > end or folded.break_before(last) is not Break.NONE:
            start, stop = folded.span(first, last)
            return Hit(first, last, start, stop, owners, folded.chars[last - 1] == ":")
    return None
