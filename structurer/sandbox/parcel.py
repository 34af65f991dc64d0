"""How values travel between processes that do not trust each other: no pickles, everything bounded, and checked by whoever opens it.

A parcel is the length of a JSON text (8 bytes, little endian), the text in UTF-8 (lone surrogates kept), and raw bytes. Bytes and arrays
stand in the JSON as {"": [kind, length]} and follow it in the order in which they are named; so a key may not be empty. Arrays have the
byte order and sizes of the machine: a parcel does not leave it. Tuples arrive as lists.

What is expected is told by a shape:
    a type, or types joined by |        a value of it: str, int, float (also an int), bool, bytes, None; numbers are finite and below 2^63
    a type code of `array`, as "d"      an array with it, whose numbers are finite
    [shape]                             a list of any length of what has the shape
    {"key": shape, ...}                 a dict with just these keys
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Iterator
from math import isfinite
from types import UnionType
from typing import Any, Final, NoReturn, TypeAlias, get_args

from structurer.errors import InputError

TEXT_BYTES: Final = 32_000_000  # of the JSON text; parsed it may take thirty times as much. What is larger travels as bytes
MOST: Final = 2**63
NUMBERS: Final = "bBhHiIlLqQfd"  # type codes of `array`; "u" holds any four bytes as a character
REMEDY: Final = "export it again from the program that made it, or print it to a new PDF"
_BYTES: Final = "bytes"
_LENGTH: Final = struct.Struct("<Q")

Shape: TypeAlias = "type | UnionType | str | list[Shape] | dict[str, Shape] | None"


def packed(value: Any) -> bytes:
    """A dict, list, tuple, str, int, float, bool, None, bytes or array, or a nest of them, as bytes. ValueError for NaN and infinity."""
    raw: list[bytes] = []

    def named(part: object) -> dict[str, list[Any]]:
        if not isinstance(part, bytes | array):
            raise TypeError(f"{type(part).__name__} cannot travel")
        raw.append(part if isinstance(part, bytes) else part.tobytes())
        return {"": [_BYTES if isinstance(part, bytes) else part.typecode, len(raw[-1])]}

    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=named)
    text = encoder.encode(value).encode("utf-8", "surrogatepass")
    return b"".join([_LENGTH.pack(len(text)), text, *raw])


def unpacked(parcel: bytes, shape: Shape, where: str) -> Any:
    """What was packed, if it has the shape; InputError at `where` for everything else."""
    try:
        (length,) = _LENGTH.unpack_from(parcel)
        raw = memoryview(parcel)[_LENGTH.size + length :]
        if length > TEXT_BYTES or length > len(parcel) - _LENGTH.size:
            raise ValueError("its text is too long")
        text = str(parcel[_LENGTH.size : _LENGTH.size + length], "utf-8", "surrogatepass")
        value = _joined(text, raw)
        if fault := _fault(value, shape):
            raise ValueError(f"it{fault}")
    except (ValueError, TypeError, RecursionError, struct.error) as error:
        raise InputError(f"the parser gave what cannot be: {error}", where=where, remedy=REMEDY) from error
    return value


def _joined(text: str, raw: memoryview) -> Any:
    """The value of the JSON text with its bytes and arrays, which must use up what follows it."""
    used = 0

    def part(found: dict[str, Any]) -> Any:
        nonlocal used
        if "" not in found:
            return found
        kind, length = found[""]
        if type(length) is not int or not 0 <= length <= len(raw) - used:
            raise ValueError("a part is longer than the whole")
        used += length
        return _part(kind, raw[used - length : used])

    value = json.loads(text, object_hook=part, parse_constant=_no_number)
    if used < len(raw):
        raise ValueError("a part has no name")
    return value


def _part(kind: str, raw: memoryview) -> bytes | array[Any]:
    if kind == _BYTES:
        return bytes(raw)
    if kind not in tuple(NUMBERS):
        raise ValueError("an array of no numbers")
    numbers = array(kind)
    numbers.frombytes(raw)
    return numbers


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


# --- shapes


def _fault(value: Any, shape: Shape) -> str | None:
    """The first thing that is wrong with it, behind its place; None if it has the shape."""
    match shape:
        case str():
            return _fault_of_array(value, shape)
        case list():
            return _fault_of_list(value, shape[0])
        case dict():
            if type(value) is not dict or value.keys() != shape.keys():
                return f" has not the fields {', '.join(shape)}"
            return _first((f".{key}", _fault(value[key], member)) for key, member in shape.items())
        case _:
            return None if _fits(value, get_args(shape) or (shape,)) else f" is a {type(value).__name__}, or too large"


def _first(faults: Iterator[tuple[str, str | None]]) -> str | None:
    return next((place + fault for place, fault in faults if fault), None)


def _fault_of_array(value: Any, code: str) -> str | None:
    if not isinstance(value, array) or value.typecode != code:
        return f" is no array of {code}"
    return None if code not in "fd" or all(map(isfinite, value)) else " holds what is no number"


def _fault_of_list(value: Any, shape: Shape) -> str | None:
    if type(value) is not list:
        return " is no list"
    if isinstance(shape, str | list | dict):
        return _first((f"[{place}]", _fault(member, shape)) for place, member in enumerate(value))
    kinds = get_args(shape) or (shape,)  # once for all members
    return _first((f"[{place}]", None if _fits(member, kinds) else " does not belong") for place, member in enumerate(value))


def _fits(value: Any, kinds: tuple[Any, ...]) -> bool:
    kind = type(value)
    if kind is float or kind is int:
        return (kind in kinds or (kind is int and float in kinds)) and -MOST < value < MOST
    return kind in kinds
