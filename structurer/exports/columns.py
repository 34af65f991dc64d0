"""Columns and tables of an export: their names and types, their place in the schema, and their keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """What the values of a column are. DECIMAL values are decimal strings, DATE ones ISO dates, BOOLEAN ones bool or "true" and "false"."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    REAL = "real"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `place` is its leaf's path in the schema as a pointer with "*" for rows ("" for keys and the like), `unit` the unit of all
    its values, or `unit_place` the place of the field that prints it, `label` what the form calls it."""

    name: str
    type: Type = Type.TEXT
    place: str = ""
    kind: str = ""
    unit: str = ""
    unit_place: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A table: the first `key` columns tell its rows apart, and those that are the key of `parent` name a row of it. `place` is the path of
    its rows in the schema, None for those that hold no leaves. Compared by identity."""

    name: str
    columns: tuple[Column, ...]
    key: int
    parent: Relation | None = None
    about: str = ""
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """The type of a column: `digits` are all that its numbers need together, `scale` those behind the point, `significant` the most that
    one of them has, without zeros around; `note` says why the type is another than the schema's, or what it does not keep."""

    type: Type
    digits: int = 0
    scale: int = 0
    note: str = ""
    significant: int = 0


def columns(text: str) -> tuple[Column, ...]:
    """Columns written as "name name:type ..."; without a type they are text."""
    parted = [entry.partition(":") for entry in text.split()]
    return tuple(Column(name, Type(kind or "text")) for name, _, kind in parted)
