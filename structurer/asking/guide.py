"""The field guide and the shape of a reply: what a model is told of a schema, in the prompt and as a strict JSON Schema.

The text of both is part of every request, and recorded replies are filed under its hash: to change a byte is to record them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from structurer.contracts.schema import Group, Kind, Leaf, Node, Rows, Schema

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_DESCRIPTION: Final = 500  # characters of a field's description
_KINDS: Final = {
    Kind.TEXT: "text",
    Kind.NUMBER: "number, as printed",
    Kind.PERCENT: "percentage, as printed",
    Kind.INTEGER: "whole number, as printed",
    Kind.YEAR: "year, as printed",
    Kind.MONTH: "month of a year, as printed",
    Kind.DATE: "date, as printed",
    Kind.CHOICE: "choice",
    Kind.UNIT: "unit of amounts, as printed",
    Kind.CODE: "code or document number, as printed",
    Kind.EXPRESSION: "calculation, as printed",
}


def field_guide(schema: Schema) -> str:
    """One line for each field, block and list: path, what it holds, the names under which it is printed."""
    return "\n".join(line for child in schema.root.members for line in _guide(child))


def skeleton(node: Node) -> Any:
    """The tree of the reply with every value null and one entry in each list, as the prompt shows it."""
    if isinstance(node, Group):
        return {child.name: skeleton(child) for child in node.members}
    return [skeleton(node.row)] if isinstance(node, Rows) else None


def reply_schema(schema: Schema) -> Mapping[str, Any]:
    """The strict JSON Schema of the reply. The same object is returned for the same schema: do not change it."""
    return _shape(_Contract(schema.digest, schema.root)).reply_schema


def reply_model(schema: Schema) -> type[BaseModel]:
    """The pydantic model that judges a reply: every key there and no other, every value a string or null."""
    return _shape(_Contract(schema.digest, schema.root)).reply_model


# -- the guide ---------------------------------------------------------------------------------------------------------


def _guide(node: Node) -> Iterator[str]:
    yield f"- {_path(node)} ({_kind_of(node)}){_remarks(node)}"
    children = node.members if isinstance(node, Group) else _columns(node)
    for child in children:
        yield from _guide(child)


def _columns(node: Leaf | Rows) -> tuple[Node, ...]:
    return node.row.members if isinstance(node, Rows) and isinstance(node.row, Group) else ()


def _path(node: Node) -> str:
    parts = (*node.path, "*") if isinstance(node, Rows) else node.path
    return "".join(map(_step, parts)).lstrip(".")


def _step(part: str) -> str:
    return "[*]" if part == "*" else f".{part}" if part.isidentifier() else f"[{json.dumps(part, ensure_ascii=False)}]"


def _kind_of(node: Node) -> str:
    if isinstance(node, Leaf):
        return _KINDS[node.kind]
    if isinstance(node, Group):
        return "block"
    entry = "object" if isinstance(node.row, Group) else "text"
    return f"list, one {entry} for each printed " + ("item" if node.itemised else "row" if node.separator is None else "member")


def _remarks(node: Node) -> str:
    printed = node.printed
    title = printed.title if printed.title not in printed.labels else ""
    plain = node.name.replace("_", " ").replace("-", " ").strip()  # the label of a field without any: the path says it already
    found = (
        one_line(title),
        one_line(printed.description)[:MAX_DESCRIPTION],
        _quoted("printed as", tuple(label for label in printed.labels if label != plain)),
        _quoted("under the heading", printed.section),
        _quoted("in sentences such as", () if printed.description else printed.phrases),
        "printed below its label" if printed.beneath else "",
        *(_leaf_remarks(node) if isinstance(node, Leaf) else ()),
        f"parted in print by {node.separator}" if isinstance(node, Rows) and node.separator else "",
    )
    return "".join(f"; {remark}" for remark in found if remark).replace(";", ":", 1)


def _leaf_remarks(leaf: Leaf) -> tuple[str, ...]:
    return (
        _quoted("one of", leaf.choices),
        _quoted("usually one of", tuple(value for value, _ in leaf.values)),
        "merged cells: repeat on each row covered" if leaf.spans_rows else "",
    )


def _quoted(words: str, texts: tuple[str, ...]) -> str:
    return f"{words} " + ", ".join(f'"{one_line(text)}"' for text in texts) if texts else ""


def one_line(text: str) -> str:
    """A text on one line, its white space single blanks."""
    return " ".join(text.split())


# -- the shape ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Contract:
    """A schema's tree, told apart by the digest of its source."""

    digest: str
    root: Group = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Shape:
    reply_model: type[BaseModel]
    reply_schema: Mapping[str, Any]


@lru_cache(maxsize=64)
def _shape(contract: _Contract) -> _Shape:
    reply_model = _reply_model(contract.root, "Record")
    source = reply_model.model_json_schema()
    return _Shape(reply_model, _lean(source, source.get("$defs", {})))


def _reply_model(group: Group, name: str) -> type[BaseModel]:
    """A strict model; a property is an alias, because any text may be a property name and few are names for an attribute."""
    from pydantic import ConfigDict, Field, create_model

    fields: dict[str, Any] = {
        f"f{number}": (_reply_type(child, f"{name}_{number}"), Field(alias=child.name)) for number, child in enumerate(group.members)
    }
    return create_model(name, __config__=ConfigDict(strict=True, extra="forbid"), **fields)


def _reply_type(node: Node, name: str) -> Any:
    if isinstance(node, Leaf):
        return str | None
    if isinstance(node, Group):
        return _reply_model(node, name)
    return list[_reply_type(node.row, name)]  # type: ignore[misc]


def _lean(spec: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """Pydantic's JSON Schema without titles and references: fewer tokens, and nothing that a small endpoint fails to follow."""
    spec = defs[spec["$ref"].rpartition("/")[2]] if "$ref" in spec else spec
    if spec.get("type") == "object":
        properties = {key: _lean(child, defs) for key, child in spec["properties"].items()}
        return {"type": "object", "properties": properties, "required": spec["required"], "additionalProperties": False}
    if spec.get("type") == "array":
        return {"type": "array", "items": _lean(spec["items"], defs)}
    return {"type": ["string", "null"]}
