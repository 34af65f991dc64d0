"""The keywords of one node of a schema: which there are, what each may say, and the mistakes made with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from structurer.contracts.schema import Kind, Printed
from structurer.fold import squeeze

MAX_LABEL = 200  # characters of a label: every place of a page may have to be compared with all of it
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


class Keywords:
    """Reads keyword by keyword and collects the mistakes, each at the JSON pointer where it was met."""

    def __init__(self) -> None:
        self.mistakes: dict[tuple[str, str], None] = {}
        self.in_prose = 0  # nodes above that are printed in sentences: what stands in a sentence has no label

    def mistake(self, pointer: str, sentence: str) -> None:
        if len(self.mistakes) < MAX_MISTAKES or not pointer:  # what is said of the whole is always said
            self.mistakes[pointer, sentence] = None

    def type_of(self, spec: dict[str, Any], pointer: str) -> str:
        declared = spec.get("type")
        types = [str(name) for name in listed(declared) if name != "null"] if declared is not None else []
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
        found = {value: tuple(listed(parents)) for value, parents in declared.items()}
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
        texts = tuple(listed(declared))
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


def listed(value: Any) -> list[Any]:
    """A value that may be given alone or as a list, as a list."""
    return value if isinstance(value, list) else [value]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
