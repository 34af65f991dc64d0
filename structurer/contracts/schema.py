"""The schema as a contract: one JSON Schema file (draft 2020-12) per kind of form, read into a tree of fields.

Plain JSON Schemas work as they are. Our keywords add what the page needs:

======================  ======================================================================================================
`x-labels`              names under which a field, row or block is printed (default: its `title`, then its property name)
`x-captions`            printed side labels and headings that hold no value of their own (root only)
`x-anchors`             how a form starts: titles printed on a line of their own (root only)
`x-kind`                text, number, percent, integer, year, month, date, choice, unit, code, expression
`x-unit`                a unit ("元") or the path of the field that prints it ("unit" beside the field, "$.currency_unit" at the root)
`x-beneath`             true where the value is printed below its label, not beside it
`x-spans-rows`          true for a column whose merged cells cover several rows
`x-values`              the values a column of labels knows; a value's parents in the column before: {"value": ["parent", ...]}
`x-section`             headings under which a field is printed
`x-phrases`             sentences that print the value, with {captures}: "资金{amount}{unit}", "[optional]", "…" = a short gap
`x-itemised`            for a list printed in prose, its members numbered or parted by `x-separator`, each a label and an amount: the words
                        that may stand between them ("fillers")
`x-separator`           the character that parts the members of a list printed in one sentence
`x-checks`              arithmetic the form owes, scoped to the object it stands on (see `grammar`)
`x-related`             what checks may name besides the object's own fields: other records of the same document, all or the one of the same
                        name ({"alias": {"kind": ..., "by": "field"}}), or rows of another list that belong to a row of this one
                        ({"alias": {"list": ..., "of": ..., "by": ["field there", "field here"]}})
======================  ======================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from structurer.arithmetic.checks import Check


class Kind(StrEnum):
    """What a leaf's printed text means, and so how it is parsed."""

    TEXT = "text"
    NUMBER = "number"
    PERCENT = "percent"
    INTEGER = "integer"
    YEAR = "year"
    MONTH = "month"
    DATE = "date"
    CHOICE = "choice"
    UNIT = "unit"
    CODE = "code"
    EXPRESSION = "expression"

    @property
    def numeric(self) -> bool:
        return self in _NUMERIC


_NUMERIC = frozenset({Kind.NUMBER, Kind.PERCENT, Kind.INTEGER, Kind.YEAR, Kind.EXPRESSION})


@dataclass(frozen=True, slots=True)
class Rule:
    """An edit rule as declared: where it is scoped, the level that satisfies it ("exact", "print" or "underlying"), and its tree."""

    id: str
    scope: tuple[str, ...]
    check: Check
    requires: str
    says: str


@dataclass(frozen=True, slots=True)
class Related:
    """Records of another kind in the same document that checks may name: all of them, or (with `by`) the one of the same name."""

    kind: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Joined:
    """Rows of the list `rows` that belong to a row of the list `of`: those whose field `there` equals its field `here`."""

    rows: str
    of: str
    there: str
    here: str


@dataclass(frozen=True, slots=True)
class Printed:
    """How a node stands on the page; every part may be empty."""

    labels: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    beneath: bool = False
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value. `path` runs from the root, with "*" for a list's rows. `values` maps a known value to its parents."""

    name: str
    path: tuple[str, ...]
    kind: Kind
    printed: Printed
    unit: str | None = None
    spans_rows: bool = False
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    json_type: str = "string"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """An object: its members in the order of the schema."""

    name: str
    path: tuple[str, ...]
    printed: Printed
    members: tuple[Node, ...]
    required: bool = False

    def member(self, name: str) -> Node | None:
        return next((node for node in self.members if node.name == name), None)


@dataclass(frozen=True, slots=True)
class Rows:
    """A list: every row is `row` (a Group, or a Leaf for a list of plain values)."""

    name: str
    path: tuple[str, ...]
    printed: Printed
    row: Group | Leaf
    itemised: bool = False
    fillers: tuple[str, ...] = ()
    separator: str | None = None
    required: bool = False

    @property
    def is_prose(self) -> bool:
        """Whether it is printed in sentences: its rows have no lines of their own."""
        return bool(self.itemised or self.printed.section or self.printed.phrases or self.separator)


Node = Leaf | Group | Rows


def own_leaves(node: Node) -> Iterator[Leaf]:
    """The leaves of a row that stand in no list below."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Group):
        for member in node.members:
            yield from own_leaves(member)


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A kind of form. `digest` identifies the file's content; `source` is the JSON it was read from. Compared by identity."""

    kind: str
    title: str
    anchors: tuple[str, ...]
    captions: tuple[str, ...]
    root: Group
    rules: tuple[Rule, ...]
    related: tuple[tuple[str, Related], ...]
    joined: tuple[tuple[str, Joined], ...]
    source: Mapping[str, Any]
    digest: str

    def leaves(self) -> Iterator[Leaf]:
        return walk(self.root)


def walk(node: Node) -> Iterator[Leaf]:
    """The leaves under a node, in the order of the schema."""
    if isinstance(node, Leaf):
        yield node
    else:
        for child in node.members if isinstance(node, Group) else (node.row,):
            yield from walk(child)
