"""Records made elsewhere, read from JSON Lines in the exchange format.

Each line is an object with "kind" and "record", and what else its maker put there: "source" names the document, "confirmed" lists the JSON
pointers of values that a person has seen. Figures keep their printed digits; nothing is passed over: what cannot be read is said with its
line and its pointer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from structurer.asking.jsontext import DuplicateKeyError, unique_keys
from structurer.contracts.schema import Group, Leaf, Node, Rows, Schema
from structurer.errors import InputError
from structurer.record import pointer

MAX_LINE = 64 * 2**20  # characters of one record
MAX_NESTING = 100  # levels of one line
MAX_DIGITS = 60  # of a number that is written as one; longer ones stay texts
MAX_ROWS = 100_000  # of all lists of one record together
REMEDY = 'each line is {"kind": ..., "record": {...}}, see `structurer export RUN --format records`'


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it was handed over: the number of its line, its object whole, and its kind."""

    number: int
    tree: Mapping[str, Any]
    kind: str

    @property
    def record(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.tree["record"]
        return found

    @property
    def confirmed(self) -> frozenset[str]:
        """The values that a person has seen: JSON pointers into the record."""
        found = self.tree.get("confirmed")
        return frozenset(place for place in found if isinstance(place, str)) if isinstance(found, list) else frozenset()

    @property
    def source(self) -> str:
        return str(self.tree.get("source") or "")


@dataclass(slots=True)
class Flat:
    """A record by JSON pointer: the text of every leaf (None = blank), the length of every list, and what the schema does not know."""

    texts: dict[str, str | None] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def read_lines(file: Path, kinds: Sequence[str]) -> Iterator[Line | InputError]:
    """The records of a file in order, or what is wrong with a line. A line without "kind" is of the only kind there is. Raises InputError
    where the file cannot be opened."""
    try:
        with file.open(encoding="utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield _line(line, number, f"{file}:{number}", kinds)
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        raise InputError(f"cannot be read: {reason}", where=str(file), remedy=REMEDY) from error


def _line(text: str, number: int, where: str, kinds: Sequence[str]) -> Line | InputError:
    if len(text) > MAX_LINE:
        return InputError(f"a line of more than {MAX_LINE} characters", where=where, remedy=REMEDY)
    try:
        tree = json.loads(text, parse_float=_Figure, parse_int=_Figure, parse_constant=_refuse, object_pairs_hook=unique_keys)
    except DuplicateKeyError as error:
        return InputError(f"the key {error.key!r} stands twice in one object", where=where, remedy="remove one")
    except (ValueError, RecursionError) as error:
        return InputError(f"no JSON: {error}", where=where, remedy=REMEDY)
    if not isinstance(tree, dict) or not isinstance(tree.get("record"), dict):
        return InputError('expected an object with "record"', where=where, remedy=REMEDY)
    if _is_deep(tree):
        return InputError(f"nested deeper than {MAX_NESTING} levels", where=where, remedy=REMEDY)
    if not isinstance(tree.get("confirmed", []), list):
        return InputError('"confirmed" is a list of JSON pointers', where=where, remedy='"confirmed": ["/total"]')
    kind = tree.get("kind", kinds[0] if len(kinds) == 1 else None)
    if not isinstance(kind, str) or kind not in kinds:
        return InputError(f"no schema of kind {kind!r}; known: {', '.join(kinds)}", where=where, remedy="--schema FILE names another")
    return Line(number, tree, kind)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _is_deep(tree: Any) -> bool:
    level = [tree]
    for _ in range(MAX_NESTING):
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return False
    return True


class _Figure(str):
    """A JSON number by its digits: 1.10 stays 1.10."""

    __slots__ = ()


def plain(node: Any) -> Any:
    """A tree as it was handed over: a number as the JSON number of the same digits, as a text where JSON would write it with others."""
    if isinstance(node, _Figure):
        return _number(node)
    if isinstance(node, dict):
        return {key: plain(member) for key, member in node.items()}
    return [plain(member) for member in node] if isinstance(node, list) else node


def _number(figure: str) -> int | float | str:
    if len(figure) > MAX_DIGITS:
        return str(figure)
    number: int | float = json.loads(figure)
    return number if json.dumps(number) == figure else str(figure)


def _digits(figure: str) -> str:
    """A JSON number without exponent, as forms print it."""
    if "e" not in figure.lower() or len(figure) > MAX_DIGITS:
        return str(figure)
    try:
        number = Decimal(figure)
    except InvalidOperation:  # no Decimal has such an exponent
        return str(figure)
    return f"{number:f}" if abs(number.adjusted()) <= MAX_DIGITS else str(figure)


def flatten(schema: Schema, line: Line, file: str) -> Flat:
    """The record by JSON pointer. Keys that it lacks are blank. Raises InputError where a value has another shape than the schema says."""
    flat = Flat()
    _flatten(schema.root, line.record, "", flat, f"{file}:{line.number}")
    return flat


def _flatten(node: Node, tree: Any, place: str, flat: Flat, where: str) -> None:
    if isinstance(node, Leaf):
        flat.texts[place] = _text(tree, place, where)
    elif isinstance(node, Group):
        members = _expected(tree, dict, place, where) or {}
        known = {child.name for child in node.members}
        flat.unknown += [place + pointer(key) for key in members if key not in known]
        for child in node.members:
            _flatten(child, members.get(child.name), place + pointer(child.name), flat, where)
    else:
        _flatten_rows(node, _expected(tree, list, place, where) or [], place, flat, where)


def _flatten_rows(node: Rows, rows: list[Any], place: str, flat: Flat, where: str) -> None:
    flat.rows[place] = len(rows)
    if sum(flat.rows.values()) > MAX_ROWS:
        raise InputError(f"more than {MAX_ROWS} rows", where=f"{where}#/record{place}")
    for number, row in enumerate(rows):
        _flatten(node.row, row, f"{place}/{number}", flat, where)


def _expected(tree: Any, kind: type, place: str, where: str) -> Any:
    if tree is None or isinstance(tree, kind):
        return tree
    expected = "a list" if kind is list else "an object"
    raise InputError(f"expected {expected}, found {_shown(tree)}", where=f"{where}#/record{place}", remedy="structurer schema show KIND")


def _text(tree: Any, place: str, where: str) -> str | None:
    if isinstance(tree, _Figure):
        return _digits(tree)
    if isinstance(tree, bool):
        return str(tree).lower()
    if tree is None or isinstance(tree, str):
        return tree if tree and tree.strip() else None
    raise InputError(
        f"expected a text or a number, found {_shown(tree)}", where=f"{where}#/record{place}", remedy="structurer schema show KIND"
    )


def _shown(tree: Any) -> str:
    return json.dumps(plain(tree), ensure_ascii=False)[:40]
