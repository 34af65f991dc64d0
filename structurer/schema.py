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
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from structurer.checks import STAR, Check, CheckSyntaxError, parse, paths
from structurer.errors import SchemaError
from structurer.fold import squeeze
from structurer.phrases import PhraseError, compile_phrase, fields_of

MAX_DEPTH = 16  # levels of nesting, far above any printed form
MAX_FIELDS = 2000  # leaves of one schema
MAX_LABEL = 200  # characters of a label: every place of a page may have to be compared with all of it
MAX_CHECKS = 2000  # of one schema, counted at every place that a $ref puts them
MAX_NESTING = 100  # levels of JSON, those of defaults and examples included
MAX_OBJECTS = 20_000  # JSON objects of one schema: each takes the meta-schema a quarter of a millisecond
MAX_MISTAKES = 500  # that are listed; of a schema with more, the rest can wait
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


class _Builder:
    """Reads one schema and collects its mistakes instead of stopping at the first."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.mistakes: dict[tuple[str, str], None] = {}
        self.declared: list[tuple[tuple[str, ...], str, Any]] = []
        self.fields = 0
        self.in_prose = 0  # nodes above that are printed in sentences: what stands in a sentence has no label
        self.units: list[tuple[str, str]] = []
        self.related: tuple[tuple[str, Related], ...] = ()
        self.joined: tuple[tuple[str, Joined], ...] = ()

    def mistake(self, pointer: str, sentence: str) -> None:
        if len(self.mistakes) < MAX_MISTAKES or not pointer:  # what is said of the whole is always said
            self.mistakes[pointer, sentence] = None

    def located(self) -> tuple[tuple[str, str], ...]:
        """The mistakes, each where it is written: behind a $ref that is another place than where it was met."""
        return tuple(dict.fromkeys((_written_at(self.source, pointer), sentence) for pointer, sentence in self.mistakes))

    def validate_keywords(self) -> None:
        """JSON Schema's own keywords are checked against its meta-schema by the `jsonschema` library."""
        from jsonschema import Draft202012Validator

        try:
            for error in islice(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(self.source), MAX_MISTAKES):
                self.mistake("".join(f"/{_escaped(str(part))}" for part in error.absolute_path), error.message[:300])
        except RecursionError:
            self.mistake("", "nested too deeply to be validated")

    def relations(self, root: Group) -> None:
        declared = self.source.get("x-related", {})
        if not isinstance(declared, dict):
            self.mistake("/x-related", "x-related is an object of aliases")
            return
        for alias, entry in declared.items():
            self.relation(root, alias, f"/x-related/{_escaped(alias)}", entry)

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
            self.known_field(rows.item, field, pointer)
        else:
            self.mistake(pointer, f"no list {name!r}")

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def node(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, required: bool, depth: int) -> Node:
        spec = self.resolved(spec, pointer, depth)
        json_type = self.type_of(spec, pointer)
        self.unknown_keywords(spec, pointer)
        self.misplaced_keywords(spec, pointer, json_type, depth)
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
            self.count_field()  # so that a schema cannot grow without end by objects that have none
        wanted = {str(key) for key in _listed(spec.get("required", []))}
        self.in_prose += bool(printed.phrases)
        members = tuple(
            self.node(child, f"{pointer}/properties/{_escaped(key)}", (*path, key), key, key in wanted, depth + 1)
            for key, child in properties.items()
            if self.fields <= MAX_FIELDS
        )
        if "*" in properties:
            self.mistake(f"{pointer}/properties/*", "a field cannot be called '*', which stands for the rows of a list")
        self.phrases(pointer, printed, [member for member in members if isinstance(member, Leaf)])
        self.declared += [(path, f"{pointer}/x-checks", entry) for entry in _listed(spec.get("x-checks", []))]
        return Group(name, path, printed, members, required)

    def rows(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, printed: Printed, required: bool, depth: int) -> Rows:
        if "items" not in spec:
            self.mistake(pointer, "an array needs items")
        self.in_prose += bool(printed.section or printed.phrases)
        item = self.node(spec.get("items", {"type": "string"}), f"{pointer}/items", (*path, "*"), name, True, depth + 1)
        self.in_prose -= bool(printed.section or printed.phrases)
        if isinstance(item, Rows):
            self.mistake(f"{pointer}/items", "a list of lists has no printed form; use a list of objects")
            item = Leaf(name, (*path, "*"), Kind.TEXT, Printed())
        self.phrases(pointer, printed, [item] if isinstance(item, Leaf) else [])
        separator = self.text(spec, "x-separator", pointer)
        return Rows(name, path, printed, item, "x-itemised" in spec, self.texts(spec, "x-itemised", pointer), separator, required)

    def leaf(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, printed: Printed, required: bool, json_type: str) -> Leaf:
        self.count_field()
        enum = spec.get("enum", [])
        leaf = Leaf(
            name, path, self.kind_of(spec, pointer, json_type), printed,
            unit=self.text(spec, "x-unit", pointer),
            spans_rows=self.truth(spec, "x-spans-rows", pointer),
            values=self.values_of(spec, pointer),
            choices=tuple(str(value) for value in enum if value is not None) if isinstance(enum, list) else (),
            pattern=self.pattern_of(spec, pointer),
            json_type=json_type,
            required=required,
        )  # fmt: skip
        self.phrases(pointer, printed, [leaf])
        if leaf.unit is not None and leaf.unit.startswith("$."):
            self.units.append((pointer, leaf.unit))
        return leaf

    def count_field(self) -> None:
        self.fields += 1
        if self.fields > MAX_FIELDS:
            self.mistake("", f"more than {MAX_FIELDS} fields")

    def phrases(self, pointer: str, printed: Printed, leaves: list[Leaf]) -> None:
        for text in printed.phrases:
            try:
                compile_phrase(text, fields_of(leaves))
            except PhraseError as error:
                self.mistake(f"{pointer}/x-phrases", f"{text!r}: {error}")

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
        target = _target(self.source, reference)
        if target is None:
            self.mistake(pointer, f"$ref {reference!r} leads nowhere")
            return {"type": "string"}
        return target

    def without_null(self, spec: dict[str, Any], pointer: str, depth: int) -> dict[str, Any]:
        """`anyOf: [X, null]` (as pydantic writes an optional field) is X."""
        for union in ("anyOf", "oneOf"):
            branches = _branches(spec, union)
            if not branches:
                continue
            if len({_canonical(branch) for _, branch in branches}) > 1:
                scalar = all(isinstance(branch, dict) and branch.get("type") in ("string", "number", "integer") for _, branch in branches)
                if not scalar:
                    self.mistake(f"{pointer}/{union}", "a union of several shapes cannot be read from a page")
            if depth >= MAX_DEPTH:
                self.mistake(pointer, f"nested deeper than {MAX_DEPTH} levels")
                return spec
            number, branch = branches[0]
            rest = {key: value for key, value in spec.items() if key != union}
            return {**self.resolved(branch, f"{pointer}/{union}/{number}", depth + 1), **rest}
        return spec

    # -- parts of a node -----------------------------------------------------------------------------------------------

    def type_of(self, spec: dict[str, Any], pointer: str) -> str:
        declared = spec.get("type")
        types = [str(name) for name in _listed(declared) if name != "null"] if declared is not None else []
        if not types:
            types = ["object" if "properties" in spec else "array" if "items" in spec else "string"]
        if len(types) > 1 and set(types) & {"object", "array"}:
            self.mistake(f"{pointer}/type", f"one of {types} must be chosen")
        return types[0]

    def kind_of(self, spec: dict[str, Any], pointer: str, json_type: str) -> Kind:
        declared = spec.get("x-kind")
        if declared is not None:
            if declared in list(Kind):
                return Kind(declared)
            self.mistake(f"{pointer}/x-kind", f"unknown kind {declared!r}; known: {', '.join(Kind)}")
        if isinstance(spec.get("enum"), list):
            return Kind.CHOICE
        if json_type == "string":
            return Kind.DATE if spec.get("format") == "date" else Kind.TEXT
        return {"number": Kind.NUMBER, "integer": Kind.INTEGER}.get(json_type, Kind.CHOICE if json_type == "boolean" else Kind.TEXT)

    def text(self, spec: dict[str, Any], key: str, pointer: str) -> str | None:
        declared = spec.get(key)
        if declared is None or (isinstance(declared, str) and declared.strip()):
            return declared
        self.mistake(f"{pointer}/{key}", f"{key} is a text")
        return None

    def truth(self, spec: dict[str, Any], key: str, pointer: str) -> bool:
        declared = spec.get(key, False)
        if not isinstance(declared, bool):
            self.mistake(f"{pointer}/{key}", f"{key} is true or false")
        return declared is True

    def values_of(self, spec: dict[str, Any], pointer: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        declared = spec.get("x-values", [])
        if not isinstance(declared, dict):
            return tuple((value, ()) for value in self.texts(spec, "x-values", pointer))
        found = {value: tuple(_listed(parents)) for value, parents in declared.items()}
        if not all(_is_text(text) for value, parents in found.items() for text in (value, *parents)):
            self.mistake(f"{pointer}/x-values", 'x-values is a list of texts or {"value": ["parent", ...]}')
            return ()
        return tuple(found.items())

    def pattern_of(self, spec: dict[str, Any], pointer: str) -> str | None:
        """A pattern must be one that RE2 runs in linear time: a schema comes from strangers and must not hang a run."""
        pattern = spec.get("pattern")
        if not isinstance(pattern, str):
            return None
        import re2

        quiet = re2.Options()
        quiet.log_errors = False
        try:
            re2.compile(pattern, quiet)
        except re2.error as error:
            why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error
            self.mistake(f"{pointer}/pattern", f"not a pattern that can be run in linear time (RE2): {why}")
            return None
        return pattern

    def printed(self, spec: dict[str, Any], pointer: str, name: str) -> Printed:
        labels = self.labels(spec, "x-labels", pointer)
        is_object = "properties" in spec
        return Printed(
            labels=labels or (() if is_object else self.default_labels(spec, name)),
            section=self.texts(spec, "x-section", pointer),
            phrases=self.texts(spec, "x-phrases", pointer),
            beneath=self.truth(spec, "x-beneath", pointer),
            title=str(spec.get("title") or ""),
            description=str(spec.get("description") or ""),
        )

    def default_labels(self, spec: dict[str, Any], name: str) -> tuple[str, ...]:
        """A plain JSON Schema names its fields by title and property name; people print them with spaces."""
        if not name or self.in_prose or any(key in spec for key in ("x-phrases", "x-section", "x-labels")):
            return ()
        plain = name.replace("_", " ").replace("-", " ").strip()
        return tuple(dict.fromkeys(text for text in (str(spec.get("title") or ""), plain) if text and len(text) <= MAX_LABEL))

    def texts(self, spec: Mapping[str, Any], key: str, pointer: str) -> tuple[str, ...]:
        declared = spec.get(key, [])
        texts = tuple(_listed(declared))
        if all(_is_text(text) for text in texts):
            return texts
        self.mistake(f"{pointer}/{key}", f"{key} is a text or a list of texts")
        return ()

    def labels(self, spec: Mapping[str, Any], key: str, pointer: str) -> tuple[str, ...]:
        """Labels are compared without white space and closing colon: one of nothing else could not be found on a page."""
        found = self.texts(spec, key, pointer)
        for text in found:
            if len(text) > MAX_LABEL:
                self.mistake(f"{pointer}/{key}", f"a label of more than {MAX_LABEL} characters")
            elif not squeeze(text).rstrip(":"):
                self.mistake(f"{pointer}/{key}", f"unreachable label {text!r}")
        return found

    def unknown_keywords(self, spec: dict[str, Any], pointer: str) -> None:
        for key in spec:
            if key.startswith("x-") and key not in KEYWORDS:
                self.mistake(f"{pointer}/{key}", f"unknown keyword {key!r}")
            elif not key.startswith("x-") and key not in STRUCTURE | REMARKS | VALIDATED:
                self.mistake(f"{pointer}/{key}", f"unsupported keyword {key!r}")

    def misplaced_keywords(self, spec: dict[str, Any], pointer: str, json_type: str, depth: int) -> None:
        """Keywords that would be passed over in silence where they stand."""
        for key in ("x-anchors", "x-captions", "x-related"):
            if depth and key in spec:
                self.mistake(f"{pointer}/{key}", f"{key} belongs to the root of the schema")
        for key, wanted in (("x-checks", "object"), ("x-itemised", "array"), ("x-separator", "array")):
            if key in spec and json_type != wanted:
                self.mistake(f"{pointer}/{key}", f"{key} belongs to an {wanted}")

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
    for child in node.members if isinstance(node, Group) else (node.item,) if isinstance(node, Rows) else ():
        yield from _nodes(child)


def _branches(spec: Mapping[str, Any], union: str) -> list[tuple[int, Any]]:
    """The branches of a union besides null, each with its place."""
    declared = spec.get(union)
    branches = declared if isinstance(declared, list) else []
    return [(number, branch) for number, branch in enumerate(branches) if not (isinstance(branch, dict) and branch.get("type") == "null")]


def _target(source: Any, reference: str) -> dict[str, Any] | None:
    target = source
    for part in filter(None, reference[1:].split("/")):
        target = target.get(_unescaped(part)) if isinstance(target, dict) else None
    return target if isinstance(target, dict) else None


def _written_at(source: Any, pointer: str) -> str:
    """The place in the file of what the builder met at a pointer: behind a $ref, or in the branch of a union."""
    node, place = source, ""
    for part in pointer.split("/")[1:]:
        for _ in range(MAX_DEPTH):
            if not isinstance(node, dict) or _unescaped(part) in node:
                break
            reference = node.get("$ref")
            if isinstance(reference, str):
                node, place = _target(source, reference), reference[1:]
            elif found := [(union, *branch) for union in ("anyOf", "oneOf") for branch in _branches(node, union)]:
                union, number, node = found[0]
                place += f"/{union}/{number}"
        place += f"/{part}"
        if isinstance(node, list):
            node = node[int(part)] if part.isdecimal() and int(part) < len(node) else None
        else:
            node = node.get(_unescaped(part)) if isinstance(node, dict) else None
    return place


def pointer_of(path: tuple[str, ...]) -> str:
    """A schema path as text for messages: /indicators/*/weight."""
    return "".join(f"/{part}" for part in path)


def _dotted(parts: tuple[Any, ...]) -> str:
    return "".join("[*]" if part is STAR else f".{part}" for part in parts).lstrip(".")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
