"""Which table a leaf goes to: a table a kind with its single values, and a table a list with its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from structurer.contracts.schema import Group, Leaf, Node, Rows, Schema
from structurer.record import Record, Value, expanded, pointer

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width ones start formulas in CJK locales


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its pointer, the row numbers (from 0, outermost list first), and each leaf's pointer and value."""

    place: str
    numbers: tuple[str, ...]
    leaves: tuple[tuple[str, Value | None], ...]


class Table:
    """One table of a kind: the `leaves` that share `lists`, the lists (outermost first) whose rows its lines are.

    `path` leads from the root to a line; `names` are the dotted paths of the leaves within one (in a list of plain values, its name);
    `columns` the whole heading, source and row numbers included.
    """

    def __init__(self, schema: Schema, lists: tuple[Rows, ...], leaves: tuple[Leaf, ...]) -> None:
        self.lists, self.leaves = lists, leaves
        self.path = (*lists[-1].path, "*") if lists else ()
        self._tails = [leaf.path[len(self.path) :] for leaf in leaves]
        self.name = ".".join([schema.kind, *(part for part in self.path if part != "*")])
        self.names = tuple(_dotted(tail) if tail else lists[-1].name for tail in self._tails)
        own = ("source", "index", *(_row_name(list_, list_ is lists[-1]) for list_ in lists))
        self.columns = (*own, *(f"record.{name}" if name in own else name for name in self.names))

    def cells(self, record: Record) -> Iterator[Line]:
        """The lines of one record."""
        for place in expanded(self.path, record.rows):
            numbers = tuple(part for part, key in zip(place.split("/")[1:], self.path, strict=True) if key == "*")
            places = [place + pointer(*tail) for tail in self._tails]
            yield Line(place, numbers, tuple((leaf, record.leaves.get(leaf)) for leaf in places))


def tables_of(schema: Schema) -> tuple[Table, ...]:
    """The table of the single values, and one for each list that holds values of its own."""
    return tuple(table for table in every_table(schema) if table.leaves or not table.lists)


def every_table(schema: Schema) -> tuple[Table, ...]:
    """Likewise, lists included whose rows hold nothing but other lists. A list stands behind the list whose rows it is in."""
    return tuple(Table(schema, lists, leaves) for lists, leaves in _split(schema.root, ()))


def _split(node: Group | Leaf, lists: tuple[Rows, ...]) -> Iterator[tuple[tuple[Rows, ...], tuple[Leaf, ...]]]:
    leaves, inner = _flat(node)
    yield lists, leaves
    for list_ in inner:
        yield from _split(list_.row, (*lists, list_))


def _flat(node: Node) -> tuple[tuple[Leaf, ...], tuple[Rows, ...]]:
    """The leaves and lists under a node that stand in no list below it."""
    if isinstance(node, Leaf):
        return (node,), ()
    if isinstance(node, Rows):
        return (), (node,)
    parts = [_flat(member) for member in node.members]
    return tuple(leaf for leaves, _ in parts for leaf in leaves), tuple(list_ for _, lists in parts for list_ in lists)


def _row_name(list_: Rows, innermost: bool) -> str:
    return "row" if innermost else f"{_dotted(list_.path)}.row"


def _dotted(path: Sequence[str]) -> str:
    return ".".join(part for part in path if part != "*")
