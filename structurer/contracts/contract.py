"""Reading a JSON Schema file into the tree of `schema`, or naming every mistake in it with its place.

A schema is untrusted input: it is bounded in depth and size before anything walks it, and a mistake is collected, never raised.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from structurer.arithmetic.checks import STAR, CheckSyntaxError, parse, paths
from structurer.contracts.keywords import MAX_MISTAKES
from structurer.contracts.schema import Group, Joined, Leaf, Node, Related, Rows, Rule, Schema
from structurer.contracts.shape import Shape, escaped
from structurer.errors import SchemaError

MAX_CHECKS = 2000  # of one schema, counted at every place that a $ref puts them
MAX_NESTING = 100  # levels of JSON, those of defaults and examples included
MAX_OBJECTS = 20_000  # JSON objects of one schema: each takes the meta-schema a quarter of a millisecond


def load(source: Any, *, kind: str, where: str = "") -> Schema:
    """Read a JSON Schema. Raises SchemaError naming the first mistake's JSON pointer; `lint` lists them all."""
    schema, mistakes = _read(source, kind)
    if mistakes:
        pointer, sentence = mistakes[0]
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        raise SchemaError(sentence + more, where=f"{where}#{pointer}", remedy=f"structurer schema lint {where or 'FILE'}")
    assert schema is not None
    return schema


def lint(source: Any, *, kind: str) -> tuple[tuple[str, str], ...]:
    """Every mistake of a schema as (JSON pointer, sentence); none when it can be obeyed whole."""
    return _read(source, kind)[1]


def _read(source: Any, kind: str) -> tuple[Schema | None, tuple[tuple[str, str], ...]]:
    if not isinstance(source, dict):
        return None, (("", "a schema is a JSON object"),)
    if refusal := _refusal(source):
        return None, (("", refusal),)
    builder = _Builder(source)
    builder.validate_keywords()
    root = builder.node(source, "", (), "", False, 0)
    if not isinstance(root, Group):
        builder.mistake("", 'a record\'s schema has "type": "object"')
        return None, builder.located()
    builder.relations(root)
    schema = Schema(
        kind=kind,
        title=str(source.get("title") or kind),
        anchors=builder.texts(source, "x-anchors", ""),
        captions=builder.labels(source, "x-captions", ""),
        root=root,
        rules=builder.rules(root),
        related=builder.related,
        joined=builder.joined,
        source=source,
        digest=_digest(source),
    )
    return schema, builder.located()


def _digest(source: Any) -> str:
    return hashlib.sha256(json.dumps(source, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:16]


def _refusal(source: Any) -> str | None:
    """Why a schema is refused unread: everything behind this line may recurse into it, and takes its time for each object."""
    level, objects = [source], 0
    for _ in range(MAX_NESTING):
        objects += sum(isinstance(node, dict) for node in level)
        if objects > MAX_OBJECTS:
            return f"more than {MAX_OBJECTS} JSON objects"
        if any(not isinstance(key, str) for node in level if isinstance(node, dict) for key in node):
            return "a key is a text"
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return _not_unicode(source)
    return f"nested deeper than {MAX_NESTING} levels"


def _not_unicode(source: Any) -> str | None:
    try:
        _digest(source)
    except UnicodeEncodeError:
        return "a text that is no Unicode: half of a surrogate pair"
    return None


class _Builder(Shape):
    """Reads one schema and collects its mistakes instead of stopping at the first."""

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        self.related: tuple[tuple[str, Related], ...] = ()
        self.joined: tuple[tuple[str, Joined], ...] = ()

    def validate_keywords(self) -> None:
        """JSON Schema's own keywords are checked against its meta-schema by the `jsonschema` library."""
        from jsonschema import Draft202012Validator

        try:
            for error in islice(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(self.source), MAX_MISTAKES):
                self.mistake("".join(f"/{escaped(str(part))}" for part in error.absolute_path), error.message[:300])
        except RecursionError:
            self.mistake("", "nested too deeply to be validated")

    def relations(self, root: Group) -> None:
        declared = self.source.get("x-related", {})
        if not isinstance(declared, dict):
            self.mistake("/x-related", "x-related is an object of aliases")
            return
        for alias, entry in declared.items():
            self.relation(root, alias, f"/x-related/{escaped(alias)}", entry)

    def relation(self, root: Group, alias: str, pointer: str, entry: Any) -> None:
        match entry:
            case {"kind": str(kind)} if isinstance(by := entry.get("by"), str | None):
                self.related += ((alias, Related(kind, by)),)
                if by is not None:
                    self.known_field(root, by, pointer)
            case {"list": str(rows), "of": str(of), "by": [str(there), str(here)]}:
                self.joined += ((alias, Joined(rows, of, there, here)),)
                for name, field in ((rows, there), (of, here)):
                    self.known_column(root, name, field, pointer)
            case _:
                self.mistake(pointer, 'expected {"kind": ..., "by": ...} or {"list": ..., "of": ..., "by": [there, here]}')

    def known_field(self, node: Node, name: str, pointer: str) -> None:
        if not (isinstance(node, Group) and isinstance(node.member(name), Leaf)):
            self.mistake(pointer, f"no field {name!r}")

    def known_column(self, root: Group, name: str, field: str, pointer: str) -> None:
        rows = root.member(name)
        if isinstance(rows, Rows):
            self.known_field(rows.row, field, pointer)
        else:
            self.mistake(pointer, f"no list {name!r}")

    # -- checks --------------------------------------------------------------------------------------------------------

    def rules(self, root: Group) -> tuple[Rule, ...]:
        known = {node.path: isinstance(node, Leaf) for node in _nodes(root)}
        if len(self.declared) > MAX_CHECKS:
            self.mistake("", f"more than {MAX_CHECKS} checks")
        found: list[tuple[Rule, str]] = []
        for number, (scope, pointer, entry) in enumerate(self.declared[:MAX_CHECKS]):
            rule = self.rule(number, scope, pointer, entry)
            if rule is not None:
                found.append((rule, pointer))
                self.unknown_fields(known, rule, pointer)
        for pointer, unit in self.units:
            if tuple(unit[2:].split(".")) not in known:
                self.mistake(f"{pointer}/x-unit", f"no field {unit!r}")
        counts = Counter((rule.id, rule.scope) for rule, _ in found)
        for rule, pointer in found:
            if counts[rule.id, rule.scope] > 1:
                self.mistake(pointer, f"two checks are called {rule.id!r}")
        return tuple(rule for rule, _ in found)

    def rule(self, number: int, scope: tuple[str, ...], pointer: str, entry: Any) -> Rule | None:
        entry = {"check": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or not isinstance(entry.get("check"), str):
            self.mistake(pointer, 'a check is a text or {"id": ..., "check": ..., "requires": ..., "says": ...}')
            return None
        requires = entry.get("requires", "print")
        if requires not in ("exact", "print", "underlying"):
            self.mistake(pointer, f"a check requires exact, print or underlying, not {requires!r}")
        try:
            check = parse(entry["check"])
        except CheckSyntaxError as error:
            self.mistake(pointer, f"{entry['check']!r}: {error}")
            return None
        return Rule(str(entry.get("id") or f"check-{number + 1}"), scope, check, str(requires), str(entry.get("says") or ""))

    def unknown_fields(self, known: Mapping[tuple[str, ...], bool], rule: Rule, pointer: str) -> None:
        """`known` are the paths of the schema, and whether a single value stands there."""
        aliases = {alias for alias, _ in (*self.related, *self.joined)}
        for path in paths(rule.check):
            if path.parts and path.parts[0] in aliases:
                continue  # a field of a related record: known when that kind's schema is
            own = tuple("*" if part is STAR else "" if part == "*" else part for part in path.parts)
            single = known.get(own if path.absolute else (*rule.scope, *own))
            if single is None:
                self.mistake(pointer, f"{rule.check.text!r}: no field {_dotted(path.parts)!r}")
            elif not single and path.parts[-1] is not STAR:
                self.mistake(pointer, f"{rule.check.text!r}: {_dotted(path.parts)!r} is no single value")


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.members if isinstance(node, Group) else (node.row,) if isinstance(node, Rows) else ():
        yield from _nodes(child)


def _dotted(parts: tuple[Any, ...]) -> str:
    return "".join("[*]" if part is STAR else f".{part}" for part in parts).lstrip(".")
