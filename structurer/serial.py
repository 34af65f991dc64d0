"""Results as JSON and back without loss: fractions as "n/d", enums by value, tuples as lists, fields that are empty by default left out.

The shape follows the dataclasses themselves, so a field added to them is written and read without a change here. Values that stand for
anything (`provenance`) must be JSON already.
"""

from __future__ import annotations

import json
import types
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache, partial
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

PACKING = 1  # level of compression (zlib): results shrink tenfold at the least cost
READABLE_LEVELS = 4  # of nesting that get a line a member; deeper ones (a leaf, a check) stand on one line
T = TypeVar("T")
_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps makes one a call


class DamageError(ValueError):
    """JSON that is not what `to_json` writes; the message says what was expected."""


def to_json(node: Any) -> Any:
    """A dataclass, or what its fields hold, as JSON values."""
    kind: Any = type(node)
    return node if kind in _PLAIN else _writer(kind)(node)


def from_json(kind: type[T], node: Any) -> T:
    """The instance of `kind` that `to_json` made `node` of. Raises DamageError."""
    any_kind: Any = kind
    return cast(T, _reader(any_kind)(node))


def dump(node: Any, levels: int = READABLE_LEVELS) -> str:
    """JSON text to be read by people too, ending in a newline. Lone surrogates are escaped, so that it can always be encoded."""
    pieces: list[str] = []
    _lay_out(node, levels, "\n", pieces)
    text = "".join(pieces) + "\n"
    return text if _encodable(text) else json.dumps(node) + "\n"


def line(node: Any) -> str:
    """JSON on one line, whatever a reader counts as the end of a line (str.splitlines knows U+0085, U+2028 and U+2029)."""
    text = _encode(node)
    if not _encodable(text):
        return json.dumps(node)
    return text.replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def packed(node: Any) -> bytes:
    """A dataclass as compressed JSON."""
    return zlib.compress(line(to_json(node)).encode(), PACKING)


def unpacked(kind: type[T], packed: bytes) -> T:
    """The inverse of `packed`. Raises DamageError."""
    try:
        return from_json(kind, json.loads(zlib.decompress(packed)))
    except (zlib.error, ValueError, ArithmeticError, RecursionError) as error:
        raise DamageError(str(error)) from error


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lay_out(node: Any, levels: int, newline: str, pieces: list[str]) -> None:
    if not levels or not isinstance(node, dict | list) or not node:
        pieces.append(_encode(node))
        return
    inner = separator = newline + " "
    named = isinstance(node, dict)
    pieces.append("{" if named else "[")
    for name, member in node.items() if isinstance(node, dict) else zip(repeat(""), node):
        pieces.append(f"{separator}{_encode(name)}: " if named else separator)
        _lay_out(member, levels - 1, inner, pieces)
        separator = "," + inner
    pieces.append(newline + ("}" if named else "]"))


# --- writing

Writer = Callable[[Any], Any]
_PLAIN = frozenset({str, int, float, bool, type(None)})


@cache
def _writer(kind: Any) -> Writer:
    """A function that writes one type, made once a type: results have a hundred leaves a record."""
    if issubclass(kind, Enum):
        return attrgetter("_value_")
    if issubclass(kind, tuple | list) and not _is_named(kind):
        return lambda node: [member if type(member) in _PLAIN else to_json(member) for member in node]
    if issubclass(kind, Mapping):
        return lambda node: {str(key): to_json(member) for key, member in node.items()}
    if issubclass(kind, Fraction):
        return lambda node: f"{node.numerator}/{node.denominator}"
    return partial(_written, _defaults(kind))


def _written(parts: tuple[tuple[str, Any], ...], node: Any) -> dict[str, Any]:
    written = {}
    for name, default in parts:
        value = getattr(node, name)
        if value or value != default:
            kind: Any = type(value)
            written[name] = value if kind in _PLAIN else _writer(kind)(value)
    return written


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    if _is_named(kind):
        return tuple((name, kind._field_defaults.get(name, MISSING)) for name in kind._fields)
    return tuple((field.name, _default(field)) for field in fields(kind) if field.init)


def _is_named(kind: Any) -> bool:
    """Whether it is a NamedTuple, which is written like a dataclass."""
    return hasattr(kind, "_fields")


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


# --- reading

Reader = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Reader:
    """A function that reads one type, made once a type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1])
    if kind is Any:
        return lambda node: node
    return _dataclass(kind) if is_dataclass(kind) or _is_named(kind) else _scalar(kind)


def _scalar(kind: Any) -> Reader:
    if kind is Fraction:
        return _fraction
    if kind is float:
        return lambda node: float(_plain(node, int, float))
    return kind if issubclass(kind, Enum) else lambda node: _plain(node, kind)


def _plain(node: Any, *kinds: type) -> Any:
    if not isinstance(node, kinds) or (isinstance(node, bool) and bool not in kinds):
        raise DamageError(f"expected {kinds[-1].__name__}, found {str(node)[:40]!r}")
    return node


def _fraction(node: Any) -> Fraction:
    numerator, slash, denominator = str(node).partition("/")
    if not slash:
        raise DamageError(f"expected a fraction n/d, found {str(node)[:40]!r}")
    return Fraction(int(numerator), int(denominator))


def _union(arguments: tuple[Any, ...]) -> Reader:
    readers = [_reader(argument) for argument in arguments if argument is not type(None)]

    def read(node: Any) -> Any:
        if node is None:
            return None
        for reader in readers[:-1]:
            try:
                return reader(node)
            except ValueError:
                continue
        return readers[-1](node)

    return read


def _tuple(arguments: tuple[Any, ...]) -> Reader:
    """tuple[X, ...], or a tuple of fixed length."""
    endless = len(arguments) == 2 and arguments[1] is Ellipsis
    readers = [_reader(argument) for argument in arguments[: 1 if endless else None]]

    def read(node: Any) -> Any:
        if not isinstance(node, list) or not (endless or len(node) == len(readers)):
            raise DamageError(f"expected a list, found {str(node)[:40]!r}")
        return tuple(reader(member) for reader, member in zip(readers * len(node) if endless else readers, node, strict=True))

    return read


def _mapping(argument: Any) -> Reader:
    reader = _reader(argument)

    def read(node: Any) -> Any:
        if not isinstance(node, dict):
            raise DamageError(f"expected an object, found {str(node)[:40]!r}")
        return {key: reader(member) for key, member in node.items()}

    return read


def _dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    parts = [(name, default, _reader(hints[name])) for name, default in _defaults(kind)]

    def read(node: Any) -> Any:
        if not isinstance(node, dict):
            raise DamageError(f"expected a {kind.__name__}, found {str(node)[:40]!r}")
        for name, default, _ in parts:
            if default is MISSING and name not in node:
                raise DamageError(f"a {kind.__name__} lacks its {name!r}")
        return kind(**{name: reader(node[name]) for name, _, reader in parts if name in node})

    return read
