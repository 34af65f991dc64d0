"""What a place in a PDF holds, whatever it ought to hold: broken references and wrong types give nothing instead of an error.

Loads pdfminer, so import it where a PDF is parsed.
"""

from __future__ import annotations

from typing import Any

from pdfminer.casting import safe_float
from pdfminer.pdftypes import PDFStream, resolve1
from pdfminer.psparser import PSLiteral


def resolved(spec: object) -> Any:
    """What a reference leads to, other objects as they are; None for one that leads nowhere."""
    try:
        return resolve1(spec)
    except Exception:  # pdfminer raises whatever the bytes at the end of a reference lead it to
        return None


def mapping_in(spec: object) -> dict[Any, Any]:
    """A dictionary, also that of a stream; else an empty one."""
    found = resolved(spec)
    found = found.attrs if isinstance(found, PDFStream) else found
    return found if isinstance(found, dict) else {}


def array_in(spec: object) -> list[Any]:
    """The parts of an array, not resolved; else none."""
    found = resolved(spec)
    return list(found) if isinstance(found, (list, tuple)) else []


def stream_in(spec: object) -> PDFStream | None:
    """A stream, if it is one."""
    found = resolved(spec)
    return found if isinstance(found, PDFStream) else None


def bytes_in(spec: object) -> bytes:
    """The bytes of a string or a stream, unpacked; none where they cannot be."""
    found = resolved(spec)
    if isinstance(found, PDFStream):
        try:
            return found.get_data()
        except Exception:  # as above
            return b""
    return found if isinstance(found, bytes) else b""


def name_in(spec: object) -> str:
    """A name without its slash; empty where it is none."""
    found = resolved(spec)
    return str(found.name) if isinstance(found, PSLiteral) else ""


def number_in(spec: object) -> float | None:
    """A number, if it is one."""
    found = resolved(spec)
    return safe_float(found) if isinstance(found, (int, float)) else None


def numbers_in(spec: object) -> tuple[float, ...]:
    """The numbers of an array; none where any part is no number."""
    found = [number_in(part) for part in array_in(spec)]
    return tuple(part for part in found if part is not None) if None not in found else ()
