"""The shape of a schema: its nodes as the tree that `schema` describes, with references followed and unions with null undone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from structurer.contracts.keywords import Keywords, listed
from structurer.contracts.phrases import PhraseError, compile_phrase, fields_of
from structurer.contracts.schema import Group, Kind, Leaf, Node, Printed, Rows

MAX_DEPTH = 16  # levels of nesting, far above any printed form
MAX_FIELDS = 2000  # leaves of one schema


class Shape(Keywords):
    """Builds the tree of one schema. `declared` are the checks met on the way, `units` the units named by a field's path."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        self.source = source
        self.declared: list[tuple[tuple[str, ...], str, Any]] = []
        self.units: list[tuple[str, str]] = []
        self.fields = 0

    def located(self) -> tuple[tuple[str, str], ...]:
        """The mistakes, each where it is written: behind a $ref that is another place than where it was met."""
        return tuple(dict.fromkeys((_written_at(self.source, pointer), sentence) for pointer, sentence in self.mistakes))

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
        wanted = {str(key) for key in listed(spec.get("required", []))}
        self.in_prose += bool(printed.phrases)
        members = tuple(
            self.node(child, f"{pointer}/properties/{escaped(key)}", (*path, key), key, key in wanted, depth + 1)
            for key, child in properties.items()
            if self.fields <= MAX_FIELDS
        )
        if "*" in properties:
            self.mistake(f"{pointer}/properties/*", "a field cannot be called '*', which stands for the rows of a list")
        self.phrases(pointer, printed, [member for member in members if isinstance(member, Leaf)])
        self.declared += [(path, f"{pointer}/x-checks", entry) for entry in listed(spec.get("x-checks", []))]
        return Group(name, path, printed, members, required)

    def rows(self, spec: Any, pointer: str, path: tuple[str, ...], name: str, printed: Printed, required: bool, depth: int) -> Rows:
        if "items" not in spec:
            self.mistake(pointer, "an array needs items")
        self.in_prose += bool(printed.section or printed.phrases)
        row = self.node(spec.get("items", {"type": "string"}), f"{pointer}/items", (*path, "*"), name, True, depth + 1)
        self.in_prose -= bool(printed.section or printed.phrases)
        if isinstance(row, Rows):
            self.mistake(f"{pointer}/items", "a list of lists has no printed form; use a list of objects")
            row = Leaf(name, (*path, "*"), Kind.TEXT, Printed())
        self.phrases(pointer, printed, [row] if isinstance(row, Leaf) else [])
        separator = self.text(spec, "x-separator", pointer)
        return Rows(name, path, printed, row, "x-itemised" in spec, self.texts(spec, "x-itemised", pointer), separator, required)

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


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
