"""Records as CSV tables: a file a kind with its single values, a file a list with its rows, and `review.csv` with what to look at.

UTF-8 with a byte order mark, without which Excel shows Chinese as mojibake. Cells that a spreadsheet would take for a formula are kept
from it by an apostrophe (OWASP, "CSV Injection"), plain numbers excepted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from structurer import atomic
from structurer.record import Record, Value, expanded, pointer
from structurer.schema import Group, Leaf, Node, Rows, Schema

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width ones start formulas in CJK locales
REVIEW_COLUMNS = ("source", "index", "kind", "pointer", "value", "text", "reasons")
_PLAIN_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]+)?%?")

Reviewed = Mapping[str, Sequence[str]]


class _Writer(Protocol):
    def writerow(self, row: Sequence[Any], /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: the row numbers (from 0, outermost list first), and each leaf's pointer and value."""

    numbers: tuple[str, ...]
    leaves: tuple[tuple[str, Value | None], ...]


class Table:
    """One table of a kind: the leaves that share `lists`, the lists (outermost first) whose rows its lines are.

    `names` are the dotted paths of the leaves within a row; `columns` the whole heading, source and row numbers included.
    """

    def __init__(self, schema: Schema, lists: tuple[Rows, ...], leaves: tuple[Leaf, ...]) -> None:
        self.lists = lists
        self._path = (*lists[-1].path, "*") if lists else ()
        self._tails = [leaf.path[len(self._path) :] for leaf in leaves]
        self.name = ".".join([schema.kind, *(part for part in self._path if part != "*")])
        self.names = tuple(_dotted(tail) or lists[-1].name for tail in self._tails)
        own = ("source", "index", *(_row_name(list_, list_ is lists[-1]) for list_ in lists))
        self.columns = (*own, *(f"record.{name}" if name in own else name for name in self.names))

    def cells(self, record: Record) -> Iterator[Line]:
        """The lines of one record."""
        for place in expanded(self._path, record.rows):
            numbers = tuple(part for part, key in zip(place.split("/")[1:], self._path, strict=True) if key == "*")
            places = [place + pointer(*tail) for tail in self._tails]
            yield Line(numbers, tuple((leaf, record.leaves.get(leaf)) for leaf in places))


def tables_of(schema: Schema) -> tuple[Table, ...]:
    """The table of the single values, and one for each list that holds values of its own."""
    return tuple(Table(schema, lists, leaves) for lists, leaves in _split(schema.root, ()) if leaves or not lists)


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


class Tables:
    """The files of an export, open together so that records can be added as they come; every kind has its files, empty or not."""

    def __init__(self, folder: Path, schemas: Mapping[str, Schema]) -> None:
        self._folder, self._stack, self._taken = folder, ExitStack(), set[str]()
        self._review = self._open("review", REVIEW_COLUMNS)
        self._tables = {
            kind: [(table, self._open(table.name, table.columns)) for table in tables_of(schema)] for kind, schema in schemas.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, record: Record, reviewed: Reviewed) -> None:
        """The lines of one record in all files of its kind, and what of it is to be reviewed."""
        for table, writer in self._tables[record.kind]:
            for line in table.cells(record):
                row = (record.source, record.index, *line.numbers, *(value and value.value for _, value in line.leaves))
                writer.writerow([cell(value) for value in row])
        for place, reasons in reviewed.items():
            leaf = record.leaves.get(place)
            found = (leaf.value, leaf.text) if leaf else ("", "")
            row = (record.source, record.index, record.kind, place, *found, "; ".join(reasons))
            self._review.writerow([cell(value) for value in row])

    def _open(self, name: str, columns: Sequence[str]) -> _Writer:
        safe = plain = atomic.safe_name(name)
        while safe.lower() in self._taken:
            safe = f"{plain}-{len(self._taken)}"
        self._taken.add(safe.lower())
        file = self._stack.enter_context(atomic.writing(self._folder / f"{safe}.csv", encoding="utf-8-sig", newline=""))
        writer = csv.writer(file)
        writer.writerow([cell(column) for column in columns])
        return writer


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet runs."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(text) else text


def _row_name(list_: Rows, innermost: bool) -> str:
    return "row" if innermost else f"{_dotted(list_.path)}.row"


def _dotted(path: Sequence[str]) -> str:
    return ".".join(part for part in path if part != "*")
