"""Schemas as a person reads them: their mistakes with places, the kinds that ship, the fields of one kind and the arithmetic it owes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from structurer import library
from structurer.contract import lint
from structurer.errors import SchemaError, UsageError
from structurer.schema import Leaf, Node, Rows, Schema

INDENT = "  "


def mistakes(file: Path) -> tuple[str, ...]:
    """Every mistake of a schema file, as "file#/json/pointer: sentence". Raises SchemaError where it cannot even be read."""
    try:
        library.load_schema(file)
    except SchemaError as first:
        with suppress(OSError, ValueError, RecursionError):
            found = lint(json.loads(file.read_bytes()), kind=file.stem)
            return tuple(f"{file}#{pointer}: {sentence}" for pointer, sentence in found) or (str(first.what),)
        raise
    return ()


def summary(file: Path) -> str:
    """One line about a schema that can be obeyed."""
    return f"{file}: no mistakes; {_counted(library.load_schema(file))}"


def listed() -> Iterator[str]:
    """A line for each kind that ships."""
    shipped = library.shipped_schemas()
    width = max((len(schema.kind) for schema in shipped), default=0)
    for schema in shipped:
        yield f"{schema.kind.ljust(width)}  {schema.title}  ({_counted(schema)}; digest {schema.digest})"


def described(kind: str) -> Iterator[str]:
    """The fields and checks of a kind that ships or of a schema file. Raises UsageError for neither."""
    schema = _found(kind)
    yield f"{schema.kind}: {schema.title}"
    if schema.anchors:
        yield f"starts with: {' | '.join(schema.anchors)}"
    for node in schema.root.members:
        yield from _lines(node, INDENT)
    yield "owes:"
    for rule in schema.rules:
        scope = "".join(f"[{'*'}]" if part == "*" else f".{part}" for part in rule.scope).lstrip(".")
        yield f"{INDENT}{rule.id}: {rule.check.text}{f'  (of each {scope})' if scope else ''}{f'  {rule.says}' if rule.says else ''}"


def _found(kind: str) -> Schema:
    shipped = {schema.kind: schema for schema in library.shipped_schemas()}
    if kind in shipped:
        return shipped[kind]
    if Path(kind).is_file():
        return library.load_schema(Path(kind))
    near = difflib.get_close_matches(kind, shipped, n=1)
    raise UsageError(f"no kind {kind!r}", remedy=f"structurer schema show {near[0]}" if near else "structurer schema list")


def _counted(schema: Schema) -> str:
    return f"{sum(1 for _ in schema.leaves())} fields, {len(schema.rules)} checks"


def _lines(node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, Leaf):
        yield f"{indent}{node.name}: {_leaf(node)}"
    elif isinstance(node, Rows) and isinstance(node.row, Leaf):
        yield f"{indent}{node.name}[]: {_leaf(node.row)}{_printed(node)}"
    else:
        row = node.row if isinstance(node, Rows) else node
        yield f"{indent}{node.name}{'[]' * isinstance(node, Rows)}{_printed(node)}"
        for member in row.members if not isinstance(row, Leaf) else ():
            yield from _lines(member, indent + INDENT)


def _leaf(leaf: Leaf) -> str:
    unit = f" in {leaf.unit}" if leaf.unit else ""
    choices = f" of {' | '.join(leaf.choices)}" if leaf.choices else ""
    return f"{leaf.kind}{choices}{unit}{_printed(leaf)}"


def _printed(node: Node) -> str:
    return f"  “{' / '.join(node.printed.labels)}”" if node.printed.labels else ""
