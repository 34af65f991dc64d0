"""A posted chat completion as a model sees it: its messages, the document in them, the shape that the reply is to have."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

_FENCE: Final = re.compile(r"between the two lines[ \t]+(\S+)")
_GUIDE: Final = re.compile(r"^- (?P<path>\S.*?) \((?P<kind>[^()]*)\)(?P<remarks>.*)$", re.MULTILINE)
_PRINTED: Final = re.compile(r'printed as ((?:"[^"]*"(?:, )?)+)')
_STEP: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\*|\d+)\]|([^.\[\]]+)')


@dataclass(frozen=True, slots=True)
class Told:
    """What the field guide of the prompt says of one field."""

    path: tuple[str, ...]
    kind: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Posted:
    """The body of a chat completion request. Nothing else of a request is seen by a stand-in for a model."""

    body: Mapping[str, Any]

    @cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Role and text of each message; text in parts is joined."""
        return tuple((str(message.get("role")), _text_of(message.get("content"))) for message in self.body.get("messages", ()))

    @cached_property
    def prompt(self) -> str:
        """The text of all messages."""
        return "\n".join(text for _, text in self.texts)

    @property
    def document(self) -> str:
        """What stands between the two fence lines of the last message that has them; else the whole of the first user message."""
        return self._parted[0]

    @property
    def outside(self) -> str:
        """The text of all messages without the document."""
        return self._parted[1]

    @cached_property
    def _parted(self) -> tuple[str, str]:
        fences = [mark for _, text in self.texts for mark in _FENCE.findall(text)[:1]]
        for number, (_, text) in reversed(list(enumerate(self.texts))):
            for fence in fences:
                parts = re.split(rf"^{re.escape(fence)}[ \t]*$\n?", text, flags=re.MULTILINE)
                if len(parts) >= 3:
                    return parts[1].removesuffix("\n"), self._without(number) + "\n" + "".join(parts[:1] + parts[2:])
        number = next((number for number, (role, _) in enumerate(self.texts) if role == "user"), 0)
        return self.texts[number][1] if self.texts else "", self._without(number)

    def _without(self, number: int) -> str:
        return "\n".join(text for other, (_, text) in enumerate(self.texts) if other != number)

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """The lines of the field guide, wherever they stand outside the document."""
        found = _GUIDE.finditer(self.outside)
        return tuple(Told(steps(line["path"]), line["kind"].partition(",")[0], _labels(line["remarks"])) for line in found)

    @cached_property
    def tool(self) -> str | None:
        """The name of the tool that is to be called; None where the request offers none."""
        tools = self.body.get("tools") or ()
        return str(tools[0]["function"]["name"]) if tools else None

    @cached_property
    def format(self) -> str:
        """The type of the response format; "" where none is asked for."""
        return str((self.body.get("response_format") or {}).get("type", ""))

    @cached_property
    def shape(self) -> Mapping[str, Any]:
        """The JSON Schema of the reply: asked for strictly, as a tool's parameters, or drawn from the example that the prompt shows."""
        if self.format == "json_schema":
            return dict(self.body["response_format"]["json_schema"]["schema"])
        if self.tool is not None:
            return dict(self.body["tools"][0]["function"].get("parameters", {}))
        return next((_schema_of(tree) for tree in self._examples()), {})

    def _examples(self) -> Iterator[Any]:
        for line in self.outside.splitlines():
            if line.lstrip().startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    @cached_property
    def words(self) -> str:
        """SHA-256 (hex) of what decides a model's answer: its name, the messages, the seed and the temperature, but not the dialect."""
        seen = [self.body.get("model"), self.texts, self.body.get("seed"), self.body.get("temperature")]
        return hashlib.sha256(json.dumps(seen, ensure_ascii=True).encode()).hexdigest()

    def key(self, pattern: str | None) -> str:
        """A document's name: what the pattern finds in the prompt (its first group, if any), else a hash of the document."""
        found = re.search(pattern, self.prompt) if pattern else None
        if found:
            return found[1] if found.re.groups else found[0]
        return hashlib.sha256(self.document.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def steps(path: str) -> tuple[str, ...]:
    """A path such as `lines[*].amount` or `["odd name"].x` in steps."""
    return tuple(json.loads(f'"{quoted}"') if quoted else index or name for quoted, index, name in _STEP.findall(path))


def resolved(spec: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without a reference at its top; of a choice the first that is not null."""
    while "$ref" in spec or "anyOf" in spec:
        if "$ref" in spec:
            spec = root["$defs"][spec["$ref"].rpartition("/")[2]]
        else:
            spec = next((one for one in spec["anyOf"] if one.get("type") != "null"), spec["anyOf"][0])
    return spec


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _labels(remarks: str) -> tuple[str, ...]:
    found = _PRINTED.search(remarks)
    return tuple(re.findall(r'"([^"]*)"', found[1])) if found else ()


def _schema_of(tree: Any) -> Mapping[str, Any]:
    if isinstance(tree, dict):
        return {"type": "object", "properties": {key: _schema_of(child) for key, child in tree.items()}, "required": list(tree)}
    if isinstance(tree, list):
        return {"type": "array", "items": _schema_of(tree[0]) if tree else {}}
    return {"type": ["string", "null"]}
