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

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from structurer.checks import STAR, Check, CheckSyntaxError, parse, paths
from structurer.errors import SchemaError

MAX_DEPTH = 16  # levels of nesting, far above any printed form
MAX_FIELDS = 2000  # leaves of one schema
KEYWORDS = frozenset(
    [
        "x-labels",
        "x-captions",
        "x-anchors",
        "x-kind",
        "x-unit",
        "x-beneath",
        "x-spans-rows",
        "x-values",
        "x-section",
        "x-phrases",
        "x-itemised",
        "x-separator",
        "x-checks",
        "x-related",
    ]
)
STRUCTURE = frozenset(
    ["type", "properties", "items", "$ref", "$defs", "definitions", "required", "enum", "const", "anyOf", "oneOf", "additionalProperties"]
)
REMARKS = frozenset(["$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"])
VALIDATED = frozenset(  # obeyed by the validation of the finished record, not by the reading
    [
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
    ]
)


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
    """A list: every row is `item` (a Group, or a Leaf for a list of plain values)."""

    name: str
    path: tuple[str, ...]
    printed: Printed
    item: Group | Leaf
    itemised: bool = False
    fillers: tuple[str, ...] = ()
    separator: str | None = None
    required: bool = False


Node = Leaf | Group | Rows


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
        for child in node.members if isinstance(node, Group) else (node.item,):
            yield from walk(child)


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
    builder = _Builder(source)
    if not isinstance(source, dict):
        return None, (("", "a schema is a JSON object"),)
    builder.validate_keywords()
    root = builder.node(source, "", (), "", False, 0)
    if not isinstance(root, Group):
        builder.mistake("", 'a record\'s schema has "type": "object"')
        return None, tuple(builder.mistakes)
    rules = builder.rules(root)
    schema = Schema(
        kind=str(source.get("x-kind-name") or kind),
        title=str(source.get("title") or kind),
        anchors=builder.texts(source, "x-anchors", ""),
        captions=builder.texts(source, "x-captions", ""),
        root=root,
        rules=rules,
        related=builder.related,
        joined=builder.joined,
        source=source,
        digest=hashlib.sha256(json.dumps(source, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:16],
    )
    return schema, tuple(builder.mistakes)


class _Builder:
    """Reads one schema and collects its mistakes instead of stopping at the first."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.mistakes: list[tuple[str, str]] = []
        self.declared: list[tuple[tuple[str, ...], str, Any]] = []
        self.fields = 0
        self.related: tuple[tuple[str, Related], ...] = ()
        self.joined: tuple[tuple[str, Joined], ...] = ()

    def mistake(self, pointer: str, sentence: str) -> None:
        if (pointer, sentence) not in self.mistakes:
            self.mistakes.append((pointer, sentence))

    def validate_keywords(self) -> None:
        """JSON Schema's own keywords are checked against its meta-schema by the `jsonschema` library."""
        from jsonschema import Draft202012Validator

        try:
            for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(self.source):
                self.mistake("".join(f"/{part}" for part in error.absolute_path), error.message[:300])
        except RecursionError:
            self.mistake("", "nested too deeply to be validated")
        declared = self.source.get("x-related", {})
        for alias, entry in declared.items() if isinstance(declared, dict) else ():
            self.relation(str(alias), entry)

    def relation(self, alias: str, entry: Any) -> None:
        match entry:
            case {"kind": str(kind)}:
                self.related += ((alias, Related(kind, entry.get("by"))),)
            case {"list": str(rows), "of": str(of), "by": [str(there), str(here)]}:
                self.joined += ((alias, Joined(rows, of, there, here)),)
            case _:
                self.mistake(f"/x-related/{alias}", 'expected {"kind": ..., "by": ...} or {"list": ..., "of": ..., "by": [there, here]}')

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def node(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, required: bool, depth: int) -> Node:
        spec = self.resolved(spec, pointer, depth)
        json_type = self.type_of(spec, pointer)
        self.unknown_keywords(spec, pointer)
        printed = self.printed(spec, pointer, name)
        if json_type == "object" and depth < MAX_DEPTH:
            return self.group(spec, pointer, path, name, printed, required, depth)
        if json_type == "array" and depth < MAX_DEPTH:
            return self.rows(spec, pointer, path, name, printed, required, depth)
        if depth >= MAX_DEPTH:
            self.mistake(pointer, f"nested deeper than {MAX_DEPTH} levels")
        return self.leaf(spec, pointer, path, name, printed, required, json_type)

    def group(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, printed: Printed, required: bool, depth: int) -> Group:
        properties = spec.get("properties")
        if not isinstance(properties, dict) or not properties:
            self.mistake(pointer, "an object needs properties")
            properties = {}
        wanted = spec.get("required", [])
        members = tuple(
            self.node(child, f"{pointer}/properties/{_escaped(key)}", (*path, key), key, key in wanted, depth + 1)
            for key, child in properties.items()
            if self.fields < MAX_FIELDS
        )
        for entry in _listed(spec.get("x-checks", [])):
            self.declared.append((path, f"{pointer}/x-checks", entry))
        return Group(name, path, printed, members, required)

    def rows(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, printed: Printed, required: bool, depth: int) -> Rows:
        if "items" not in spec:
            self.mistake(pointer, "an array needs items")
        item = self.node(spec.get("items", {"type": "string"}), f"{pointer}/items", (*path, "*"), name, True, depth + 1)
        if isinstance(item, Rows):
            self.mistake(f"{pointer}/items", "a list of lists has no printed form; use a list of objects")
            item = Leaf(name, (*path, "*"), Kind.TEXT, Printed())
        itemised = "x-itemised" in spec
        return Rows(name, path, printed, item, itemised, self.texts(spec, "x-itemised", pointer), spec.get("x-separator"), required)

    def leaf(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, printed: Printed, required: bool, json_type: str) -> Leaf:
        self.fields += 1
        if self.fields == MAX_FIELDS:
            self.mistake(pointer, f"more than {MAX_FIELDS} fields")
        enum = spec.get("enum", [])
        return Leaf(
            name, path, self.kind_of(spec, pointer, json_type), printed,
            unit=self.unit_of(spec, pointer),
            spans_rows=bool(spec.get("x-spans-rows", False)),
            values=self.values_of(spec, pointer),
            choices=tuple(str(value) for value in enum if value is not None) if isinstance(enum, list) else (),
            pattern=self.pattern_of(spec, pointer),
            json_type=json_type,
            required=required,
        )  # fmt: skip

    def resolved(self, spec: Any, pointer: str, depth: int) -> dict[str, Any]:
        """The spec with a local $ref followed and a union with null undone; keywords beside the $ref win."""
        for _ in range(MAX_DEPTH):
            if not isinstance(spec, dict):
                self.mistake(pointer, "expected a JSON Schema object here")
                return {"type": "string"}
            reference = spec.get("$ref")
            if reference is None:
                break
            target = self.target_of(reference, pointer)
            spec = {**target, **{key: value for key, value in spec.items() if key != "$ref"}}
        else:
            self.mistake(pointer, "$ref points at itself")
            return {"type": "string"}
        return self.without_null(spec, pointer, depth)

    def target_of(self, reference: Any, pointer: str) -> dict[str, Any]:
        if not isinstance(reference, str) or not reference.startswith("#"):
            self.mistake(pointer, f"only local references are followed, not {reference!r}")
            return {"type": "string"}
        target: Any = self.source
        for part in filter(None, reference[1:].split("/")):
            target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            self.mistake(pointer, f"$ref {reference!r} leads nowhere")
            return {"type": "string"}
        return target

    def without_null(self, spec: dict[str, Any], pointer: str, depth: int) -> dict[str, Any]:
        """`anyOf: [X, null]` (as pydantic writes an optional field) is X."""
        for union in ("anyOf", "oneOf"):
            branches = [branch for branch in spec.get(union, []) if not (isinstance(branch, dict) and branch.get("type") == "null")]
            if not branches:
                continue
            if len({json.dumps(branch, sort_keys=True, default=str) for branch in branches}) > 1:
                scalar = all(isinstance(branch, dict) and branch.get("type") in ("string", "number", "integer") for branch in branches)
                if not scalar:
                    self.mistake(f"{pointer}/{union}", "a union of several shapes cannot be read from a page")
            if depth < MAX_DEPTH:
                rest = {key: value for key, value in spec.items() if key != union}
                return {**self.resolved(branches[0], f"{pointer}/{union}/0", depth + 1), **rest}
        return spec

    # -- parts of a node -----------------------------------------------------------------------------------------------

    def type_of(self, spec: dict[str, Any], pointer: str) -> str:
        declared = spec.get("type")
        types = [name for name in _listed(declared) if name != "null"] if declared is not None else []
        if not types:
            types = ["object" if "properties" in spec else "array" if "items" in spec else "string"]
        if len(types) > 1 and set(types) & {"object", "array"}:
            self.mistake(f"{pointer}/type", f"one of {types} must be chosen")
        return str(types[0])

    def kind_of(self, spec: dict[str, Any], pointer: str, json_type: str) -> Kind:
        declared = spec.get("x-kind")
        if declared is not None:
            if declared in set(Kind):
                return Kind(declared)
            self.mistake(f"{pointer}/x-kind", f"unknown kind {declared!r}; known: {', '.join(Kind)}")
        if isinstance(spec.get("enum"), list):
            return Kind.CHOICE
        if json_type == "string":
            return Kind.DATE if spec.get("format") == "date" else Kind.TEXT
        return {"number": Kind.NUMBER, "integer": Kind.INTEGER}.get(json_type, Kind.CHOICE if json_type == "boolean" else Kind.TEXT)

    def unit_of(self, spec: dict[str, Any], pointer: str) -> str | None:
        unit = spec.get("x-unit")
        if unit is not None and not isinstance(unit, str):
            self.mistake(f"{pointer}/x-unit", "a unit is a text: the unit itself or the path of the field that prints it")
            return None
        return unit

    def values_of(self, spec: dict[str, Any], pointer: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        declared = spec.get("x-values", [])
        if isinstance(declared, dict):
            return tuple((str(value), tuple(str(parent) for parent in _listed(parents))) for value, parents in declared.items())
        return tuple((value, ()) for value in self.texts(spec, "x-values", pointer))

    def pattern_of(self, spec: dict[str, Any], pointer: str) -> str | None:
        """A pattern must be one that RE2 runs in linear time: a schema comes from strangers and must not hang a run."""
        pattern = spec.get("pattern")
        if not isinstance(pattern, str):
            return None
        import re2

        try:
            re2.compile(pattern)
        except re2.error as error:
            self.mistake(f"{pointer}/pattern", f"not a pattern that can be run in linear time (RE2): {error}")
            return None
        return pattern

    def printed(self, spec: dict[str, Any], pointer: str, name: str) -> Printed:
        labels = self.texts(spec, "x-labels", pointer)
        is_object = "properties" in spec
        return Printed(
            labels=labels or (() if is_object else self.default_labels(spec, name)),
            section=self.texts(spec, "x-section", pointer),
            phrases=self.texts(spec, "x-phrases", pointer),
            beneath=bool(spec.get("x-beneath", False)),
            title=str(spec.get("title") or ""),
            description=str(spec.get("description") or ""),
        )

    def default_labels(self, spec: dict[str, Any], name: str) -> tuple[str, ...]:
        """A plain JSON Schema names its fields by title and property name; people print them with spaces."""
        if not name or any(key in spec for key in ("x-phrases", "x-section", "x-labels")):
            return ()
        plain = name.replace("_", " ").replace("-", " ").strip()
        return tuple(dict.fromkeys(text for text in (str(spec.get("title") or ""), plain) if text))

    def texts(self, spec: Mapping[str, Any], key: str, pointer: str) -> tuple[str, ...]:
        declared = spec.get(key, [])
        if isinstance(declared, str):
            return (declared,)
        if not isinstance(declared, list) or not all(isinstance(text, str) and text.strip() for text in declared):
            self.mistake(f"{pointer}/{key}", f"{key} is a text or a list of texts")
            return ()
        return tuple(declared)

    def unknown_keywords(self, spec: dict[str, Any], pointer: str) -> None:
        for key in spec:
            if key.startswith("x-") and key not in KEYWORDS:
                self.mistake(f"{pointer}/{key}", f"unknown keyword {key!r}")
            elif not key.startswith("x-") and key not in STRUCTURE | REMARKS | VALIDATED:
                self.mistake(f"{pointer}/{key}", f"unsupported keyword {key!r}")

    # -- checks --------------------------------------------------------------------------------------------------------

    def rules(self, root: Group) -> tuple[Rule, ...]:
        found: list[Rule] = []
        for number, (scope, pointer, entry) in enumerate(self.declared):
            rule = self.rule(number, scope, pointer, entry)
            if rule is not None:
                found.append(rule)
                self.unknown_fields(root, rule, pointer)
        named = [(rule.id, rule.scope) for rule in found]
        for identifier, scope in {name for name in named if named.count(name) > 1}:
            self.mistake(pointer_of(scope), f"two checks are called {identifier!r}")
        return tuple(found)

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

    def unknown_fields(self, root: Group, rule: Rule, pointer: str) -> None:
        aliases = {alias for alias, _ in (*self.related, *self.joined)}
        for path in paths(rule.check):
            parts = path.parts if path.absolute else (*rule.scope, *path.parts)
            if path.parts and path.parts[0] in aliases:
                continue  # a field of a related record: known when that kind's schema is
            if not _leads_somewhere(root, parts):
                self.mistake(pointer, f"{rule.check.text!r}: no field {_dotted(path.parts)!r}")


def _leads_somewhere(root: Group, parts: tuple[Any, ...]) -> bool:
    node: Node | None = root
    for part in parts:
        if part is STAR or part == "*":
            node = node.item if isinstance(node, Rows) else None
        else:
            node = node.member(part) if isinstance(node, Group) else None
        if node is None:
            return False
    return True


def pointer_of(path: tuple[str, ...]) -> str:
    """A schema path as text for messages: /indicators/*/weight."""
    return "".join(f"/{part}" for part in path)


def _dotted(parts: tuple[Any, ...]) -> str:
    return "".join("[*]" if part is STAR else f".{part}" for part in parts).lstrip(".")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
