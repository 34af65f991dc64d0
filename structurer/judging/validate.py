"""Validating a finished record against its own JSON Schema: what the schema demands of values beyond where they are printed.

The `jsonschema` library judges every keyword but one: `pattern` runs on RE2, because a stranger's pattern must not hang a run. Blank
fields are left out of the instance, so that a field printed blank breaks no type; that a required field is blank is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from structurer.contracts.keywords import VALIDATED
from structurer.contracts.schema import Schema
from structurer.record import as_json, leaf_pointers

_TRUE, _FALSE = frozenset({"true", "yes", "y", "是", "有", "✓", "√"}), frozenset({"false", "no", "n", "否", "无", "×"})


def violations(schema: Schema, values: Mapping[str, str | int | None], rows: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """What breaks the schema, by JSON pointer; empty for a schema that demands nothing beyond types."""
    if not _demands(schema):
        return {}
    typed = {place: _typed(values.get(place), leaf.json_type) for place, leaf in leaf_pointers(schema, rows)}
    found: dict[str, tuple[str, ...]] = {}
    for error in _validator(schema).iter_errors(_without_blanks(as_json(schema, typed, rows))):
        if error.validator != "required":
            place = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in error.absolute_path)
            found[place] = (*found.get(place, ()), f"breaks the schema: {error.message[:200]}")
    return found


@lru_cache(maxsize=64)
def _demands(schema: Schema) -> bool:
    return any(key in VALIDATED for key in _keys(schema.source))


def _keys(node: Any) -> Iterator[str]:
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Mapping):
            yield from current
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)


@lru_cache(maxsize=64)
def _validator(schema: Schema) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    validator = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    return validator(schema.source, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    import re2
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not any(re2.search(pattern, text) for text in (instance, "".join(instance.split()))):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _typed(value: str | int | None, json_type: str) -> Any:
    """A canonical value as JSON Schema sees it: numbers as exact decimals, not as the strings that keep their digits."""
    if json_type in ("number", "integer") and isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    if json_type == "boolean" and isinstance(value, str):
        said = truth(value)
        return value if said is None else said
    return value


def truth(printed: str) -> bool | None:
    """What a word or mark says of yes and no; None where it says neither."""
    word = printed.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _without_blanks(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_blanks(child) for key, child in node.items() if child is not None}
    return [_without_blanks(child) for child in node] if isinstance(node, list) else node
