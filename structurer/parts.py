"""A schema too big for one reply, asked for in parts: groups of fields, and the columns of lists that are too wide.

Each part of a list that is cut by columns repeats the list's first one, which says which row is meant. Put together again, rows are aligned
by it, none is dropped, and where the parts do not have the same rows a person is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, Final

from structurer.fold import squeeze
from structurer.record import Extract, Extraction, pointer
from structurer.schema import Group, Leaf, Node, Rows, Schema, walk

KEPT: Final = 64  # schemas whose parts are remembered

Tree = Any  # of a reply: Extract for a leaf, a mapping for a group, a list for a list; fields that a part does not have are left out


@lru_cache(maxsize=KEPT)
def parted(schema: Schema, most: int) -> tuple[Schema, ...]:
    """Schemas of at most `most` fields each that have all the fields between them, in their order; the schema itself where it has no more.
    The repeated column counts, and a list is never cut into less than two columns."""
    if _size(schema.root) <= most:
        return (schema,)
    chunks = _packed(_pieces(schema.root.members, most), most)
    return tuple(_part(schema, replace(schema.root, members=chunk), most, number) for number, chunk in enumerate(chunks, 1))


def _part(schema: Schema, root: Group, most: int, number: int) -> Schema:
    return replace(schema, root=root, rules=(), related=(), joined=(), digest=f"{schema.digest}.{most}.{number}")


def _size(node: Node) -> int:
    return sum(1 for _ in walk(node))


def _pieces(members: Iterable[Node], most: int) -> Iterator[Node]:
    """The members, those that are too big in pieces of their own name."""
    for node in members:
        row = node.row if isinstance(node, Rows) else None
        if _size(node) <= most or isinstance(node, Leaf) or isinstance(row, Leaf):
            yield node
        elif isinstance(node, Group):
            yield from (replace(node, members=chunk) for chunk in _packed(_pieces(node.members, most), most))
        elif isinstance(row, Group):
            yield from (replace(node, row=replace(row, members=columns)) for columns in _columns(row, most))


def _columns(row: Group, most: int) -> Iterator[tuple[Node, ...]]:
    """The columns of a row in chunks, the one that identifies it first in each."""
    key = next((member for member in row.members if isinstance(member, Leaf)), None)
    rest = [member for member in row.members if member is not key]
    room = max(most - (key is not None), 1)
    yield from (((key,) if key else ()) + chunk for chunk in _packed(_pieces(rest, room), room))


def _packed(pieces: Iterable[Node], most: int) -> Iterator[tuple[Node, ...]]:
    """Neighbours together as long as they fit."""
    chunk: list[Node] = []
    for piece in pieces:
        if chunk and sum(map(_size, chunk)) + _size(piece) > most:
            yield tuple(chunk)
            chunk = []
        chunk.append(piece)
    if chunk:
        yield tuple(chunk)


# -- together again ----------------------------------------------------------------------------------------------------


def together(schema: Schema, extractions: Sequence[Extraction]) -> Extraction:
    """The readings of all parts as one of the whole schema, every field there."""
    if len(extractions) == 1:
        return extractions[0]
    doubts: dict[str, tuple[str, ...]] = {}
    whole = _merged(schema.root, [_tree(schema.root, one, "") for one in extractions], "", doubts)
    leaves: dict[str, Extract] = {}
    rows: dict[str, int] = {}
    _flatten(schema.root, whole, "", leaves, rows)
    return Extraction(extractions[0].kind, extractions[0].reader, leaves, rows, doubts)


def _tree(node: Node, extraction: Extraction, place: str) -> Tree | None:
    """A part's reading below a place; None where the part does not have the node."""
    if isinstance(node, Leaf):
        return extraction.leaves.get(place)
    if isinstance(node, Group):
        found = {child.name: _tree(child, extraction, place + pointer(child.name)) for child in node.members}
        return {name: tree for name, tree in found.items() if tree is not None} or None
    count = extraction.rows.get(place)
    return None if count is None else [_tree(node.row, extraction, f"{place}/{number}") for number in range(count)]


def _merged(node: Node, trees: Sequence[Tree | None], place: str, doubts: dict[str, tuple[str, ...]]) -> Tree:
    there = [tree for tree in trees if tree is not None]
    if isinstance(node, Leaf):
        return there[0] if there else Extract(None)
    if isinstance(node, Group):
        return {
            child.name: _merged(child, [tree.get(child.name) for tree in there], place + pointer(child.name), doubts)
            for child in node.members
        }
    return _merged_rows(node, there, place, doubts)


def _merged_rows(node: Rows, lists: Sequence[list[Tree]], place: str, doubts: dict[str, tuple[str, ...]]) -> list[Tree]:
    """Row by row, aligned by the repeated column where the lists differ."""
    aligned: list[list[Tree | None]] = [[row] for row in lists[0]] if lists else []
    for number, others in enumerate(lists[1:], 1):
        aligned = _aligned(node, aligned, others, number)
    keys = [[_key(node, row) for row in one] for one in lists]
    if len({len(one) for one in lists}) > 1:
        doubts[place] = (f"asked for in parts, which differ in their rows: {', '.join(str(len(one)) for one in lists)}",)
    elif any(one != keys[0] for one in keys[1:]):
        doubts[place] = ("asked for in parts, whose rows are not named alike",)
    return [_merged(node.row, row, f"{place}/{number}", doubts) for number, row in enumerate(aligned)]


def _aligned(node: Rows, rows: Sequence[list[Tree | None]], others: Sequence[Tree], before: int) -> list[list[Tree | None]]:
    """The rows so far (each with its trees of the parts `before`) beside another part's."""
    mine = [next((_key(node, tree) for tree in row if tree is not None), "") for row in rows]
    theirs = [_key(node, row) for row in others]
    nothing: list[Tree | None] = [None] * before
    found: list[list[Tree | None]] = []
    for kind, i, j, k, m in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if kind == "equal" or j - i == m - k:  # as many, copied otherwise: rows are still in the order of the page
            found += [[*row, other] for row, other in zip(rows[i:j], others[k:m], strict=True)]
        else:
            found += [[*row, None] for row in rows[i:j]] + [[*nothing, other] for other in others[k:m]]
    return found


def _key(node: Rows, row: Tree | None) -> str:
    key = next((member.name for member in node.row.members if isinstance(member, Leaf)), "") if isinstance(node.row, Group) else ""
    cell = row.get(key) if isinstance(row, Mapping) else None
    return squeeze(cell.text or "") if cell is not None else ""


def _flatten(node: Node, tree: Tree, place: str, leaves: dict[str, Extract], rows: dict[str, int]) -> None:
    if isinstance(node, Leaf):
        leaves[place] = tree
    elif isinstance(node, Group):
        for child in node.members:
            _flatten(child, tree[child.name], place + pointer(child.name), leaves, rows)
    else:
        rows[place] = len(tree)
        for number, row in enumerate(tree):
            _flatten(node.row, row, f"{place}/{number}", leaves, rows)
