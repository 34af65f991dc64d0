"""The functions and constants of PDFium under their own names, with an address wherever pypdfium2 has a pointer: an int, or None for none.

A page has thousands of characters and rules, and for each several calls are made: an object of Python for each pointer would cost more than
the call, and so would letting other threads run meanwhile. What PDFium writes into is given by `ctypes.byref` or by its address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2.raw

_FUNCTION: Final = type(pypdfium2.raw.FPDF_LoadPage)
_Pointer: Final[Any] = ctypes.POINTER(ctypes.c_int).__base__


def _plain(kind: Any) -> Any:
    """The type of an argument or an answer: an address for each pointer."""
    return ctypes.c_void_p if isinstance(kind, type) and issubclass(kind, _Pointer) else kind


def _called_plainly(function: Any) -> Any:
    """A function of the library, to be called without pointers and without giving up the interpreter's lock."""
    prototype = ctypes.PYFUNCTYPE(_plain(function.restype), *map(_plain, function.argtypes))
    return prototype(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _names() -> Iterator[tuple[str, Any]]:
    for name, one in vars(pypdfium2.raw).items():
        if name.startswith(("FPDF", "FS_", "FLAT")):
            yield name, _called_plainly(one) if isinstance(one, _FUNCTION) else one


globals().update(_names())


def places(numbers: ctypes.Array[Any]) -> tuple[int, ...]:
    """The address of each number of an array."""
    first, whole = ctypes.addressof(numbers), ctypes.sizeof(numbers)
    return tuple(range(first, first + whole, whole // len(numbers)))


def __getattr__(name: str) -> Any:
    """For checkers of types: the names come from the library."""
    raise AttributeError(name)
