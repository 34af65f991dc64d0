"""The schemas and prompts that ship with the package, and those that users bring as files or model classes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structurer.asking.extract import Prompt
from structurer.asking.jsontext import DuplicateKeyError, unique_keys
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.errors import SchemaError, UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

PACKAGE: Final = Path(__file__).parent
MAX_BYTES: Final = 5_000_000  # of a schema file
MAX_DEPTH: Final = 200  # levels of nesting in a YAML file; far more than a schema can have
YAML_SUFFIXES: Final = (".yaml", ".yml")
_YAML_WORDS: Final = {"null": None, "~": None, "": None, "true": True, "false": False}
_YAML_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?")


def shipped_folder(name: str, *, package: Path = PACKAGE) -> Path:
    """The folder `schemas` or `prompts`: inside the package in a wheel, beside it in a checkout. Raises UsageError when missing."""
    inside, beside = package / name, package.parent / name
    if inside.is_dir():
        return inside
    if beside.is_dir() and (package.parent / "pyproject.toml").is_file():  # otherwise it is another package's
        return beside
    raise UsageError(f"the folder {name!r} that ships with structurer is missing", where=str(package), remedy="install structurer again")


def shipped_schemas(*, package: Path = PACKAGE) -> tuple[Schema, ...]:
    """The schemas that ship with the package, in the order of their names. Raises SchemaError for the first that cannot be obeyed."""
    return tuple(load_schema(path) for path in sorted(shipped_folder("schemas", package=package).glob("*.json")))


def load_schema(path: Path) -> Schema:
    """A JSON or YAML schema from a file; its kind is the file's stem. Raises SchemaError, whatever is wrong with the file."""
    source = _source_of(path)
    try:
        return load(source, kind=path.stem, where=str(path))
    except RecursionError:
        raise _unreadable(path, "nested too deeply") from None


def schema_of_model(cls: type[BaseModel]) -> Schema:
    """The schema of a pydantic model class; its kind is the name of the class. Raises UsageError for anything else, SchemaError for a field
    that has no JSON Schema or no printed form."""
    from pydantic import BaseModel, PydanticUserError

    if not (isinstance(cls, type) and issubclass(cls, BaseModel)):
        raise UsageError(f"a schema is a path or a pydantic model class, not {cls!r}")
    try:
        return load(cls.model_json_schema(), kind=cls.__name__, where=cls.__name__)
    except PydanticUserError as error:
        raise SchemaError(str(error).splitlines()[0], where=cls.__name__, remedy="give every field a type that JSON Schema knows") from None


def load_prompt(name: str = "extract", *, package: Path = PACKAGE) -> Prompt:
    """A prompt that ships with the package, with the first 16 hex digits of its SHA-256. Raises UsageError for an unknown name."""
    folder = shipped_folder("prompts", package=package)
    known = sorted(path.stem for path in folder.glob("*.md"))
    if name not in known:
        raise UsageError(f"no prompt {name!r}; known: {', '.join(known)}", where=str(folder))
    text = (folder / f"{name}.md").read_text(encoding="utf-8")  # with line ends made alike: a checkout on Windows has the same digest
    return Prompt(text, hashlib.sha256(text.encode()).hexdigest()[:16])


def _source_of(path: Path) -> Any:
    text = _text_of(path)
    try:
        return _yaml(text, path) if path.suffix.lower() in YAML_SUFFIXES else _json(text)
    except DuplicateKeyError as error:
        raise _unreadable(path, f"the key {error.key!r} stands twice in one object") from None
    except RecursionError:
        raise _unreadable(path, "nested too deeply") from None
    except ValueError as error:
        raise _unreadable(path, str(error)) from None


def _unreadable(path: Path, what: str) -> SchemaError:
    return SchemaError(what, where=str(path), remedy=f"structurer schema lint {path}")


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise SchemaError("no such file", where=str(path), remedy="give the path of a JSON or YAML schema") from None
    except UnicodeDecodeError:
        raise SchemaError("not UTF-8 text", where=str(path), remedy="save the schema as UTF-8") from None
    except (OSError, ValueError) as error:
        raise SchemaError(f"cannot be read ({_reason(error)})", where=str(path), remedy="give the path of a readable file") from None
    if len(content) > MAX_BYTES:
        raise SchemaError(f"larger than {MAX_BYTES // 1_000_000} MB", where=str(path), remedy="shorten the schema")
    return text


def _reason(error: Exception) -> str:
    return (error.strerror or type(error).__name__).lower() if isinstance(error, OSError) else str(error)


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=unique_keys, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"not JSON: {name} is no JSON number")


def _yaml(text: str, path: Path) -> Any:
    """YAML read as JSON is: text, numbers, true, false, null. No dates, no tags, and no aliases, which can blow up a small file."""
    try:
        import yaml
    except ImportError:
        remedy = "pip install pyyaml, or save the schema as JSON"
        raise SchemaError("a YAML schema needs PyYAML, which is not installed", where=str(path), remedy=remedy) from None
    try:
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return _document(event for event in events if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent))
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())[:300]}") from None


def _document(events: Iterator[Any]) -> Any:
    tree = _node(next(events), events, 0)
    next(events)  # the end of the document
    if type(next(events)).__name__ != "StreamEndEvent":
        raise ValueError("more than one YAML document")
    return tree


def _node(event: Any, events: Iterator[Any], depth: int) -> Any:
    kind = type(event).__name__
    line = event.start_mark.line + 1
    if depth > MAX_DEPTH:
        raise ValueError(f"nested too deeply (line {line})")
    if kind == "StreamEndEvent":
        raise ValueError("empty")
    if kind == "AliasEvent" or event.tag not in (None, "!"):
        raise ValueError(f"YAML aliases and tags are not read; use $ref (line {line})")
    if kind == "MappingStartEvent":
        return unique_keys(list(_pairs(events, depth)))
    if kind == "SequenceStartEvent":
        return list(_members(events, depth))
    return event.value if event.style else _scalar(event.value)


def _pairs(events: Iterator[Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key in events:
        if type(key).__name__ == "MappingEndEvent":
            return
        if type(key).__name__ != "ScalarEvent":
            raise ValueError(f"a key is a text (line {key.start_mark.line + 1})")
        yield key.value, _node(next(events), events, depth + 1)


def _members(events: Iterator[Any], depth: int) -> Iterator[Any]:
    for event in events:
        if type(event).__name__ == "SequenceEndEvent":
            return
        yield _node(event, events, depth + 1)


def _scalar(text: str) -> Any:
    if text in _YAML_WORDS:
        return _YAML_WORDS[text]
    return json.loads(text) if _YAML_NUMBER.fullmatch(text) else text
