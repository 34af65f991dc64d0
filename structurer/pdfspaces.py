"""Colour spaces of a PDF: from the numbers that set a colour to the colours that show.

Loads pdfminer, so import it where a PDF is parsed. Spaces and functions that are not worked out give None: the colour cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pdfminer.casting import safe_float
from pdfminer.psparser import PSLiteral

from structurer.inks import WHITE, Rgb, Tone, from_cmyk, from_lab
from structurer.pdfobjects import array_in, bytes_in, mapping_in, name_in, number_in, numbers_in, resolved

DEEPEST: Final = 4  # spaces or functions within each other
MOST_INDEX: Final = 255  # of a colour in a table (ISO 32000-1, 8.6.6.3)

_Colour = Callable[[Sequence[float]], Rgb | None]


@dataclass(frozen=True, slots=True)
class Space:
    """A colour space: how many numbers a colour has, which it starts with, and what they show."""

    size: int
    initial: tuple[float, ...]
    colour: _Colour
    is_table: bool = False  # its number is a place in a table of colours

    def tone(self, numbers: Sequence[object]) -> Tone:
        """What the last of the operands show."""
        found = [number for number in map(safe_float, numbers[-self.size :]) if number is not None]
        colour = self.colour(found) if len(found) == self.size else None
        return Tone(None if colour is None else (colour,))


def _gray(numbers: Sequence[float]) -> Rgb:
    level = _share(numbers[0])
    return level, level, level


def _rgb(numbers: Sequence[float]) -> Rgb:
    return _share(numbers[0]), _share(numbers[1]), _share(numbers[2])


def _cmyk(numbers: Sequence[float]) -> Rgb:
    return from_cmyk(*map(_share, numbers))


def _share(number: float) -> float:
    return min(max(number, 0.0), 1.0)


GRAY: Final = Space(1, (0.0,), _gray)
RGB: Final = Space(3, (0.0, 0.0, 0.0), _rgb)
CMYK: Final = Space(4, (0.0, 0.0, 0.0, 1.0), _cmyk)
PATTERN: Final = Space(1, (), lambda _: None)
_NAMED: Final = {
    **dict.fromkeys(("DeviceGray", "CalGray", "G"), GRAY),
    **dict.fromkeys(("DeviceRGB", "CalRGB", "RGB"), RGB),
    **dict.fromkeys(("DeviceCMYK", "CMYK"), CMYK),
    "Pattern": PATTERN,
}
_BY_SIZE: Final[dict[float | None, Space]] = {1: GRAY, 3: RGB, 4: CMYK}


def space_of(spec: object, named: Mapping[Any, object], depth: int = 0) -> Space | None:
    """The space that a name or an array stands for; `named` are those of the page. None for one that is not known."""
    spec = resolved(spec)
    if depth > DEEPEST:
        return None
    if isinstance(spec, PSLiteral):
        name = str(spec.name)
        return _NAMED.get(name) or (space_of(named[name], {}, depth + 1) if name in named else None)
    parts = [resolved(part) for part in array_in(spec)]
    name = name_in(parts[0]) if parts else ""
    if name in _NAMED:
        return _NAMED[name]
    make = _MAKERS.get(name)
    return make(parts, named, depth + 1) if make and len(parts) > 1 else None


def is_known(spec: object, named: Mapping[Any, object]) -> bool:
    """Whether a name stands for a space at all; viewers pass over the others."""
    return isinstance(spec, PSLiteral) and (str(spec.name) in _NAMED or spec.name in named)


def _icc_based(parts: Sequence[Any], _named: Mapping[Any, object], _depth: int) -> Space | None:
    return _BY_SIZE.get(number_in(mapping_in(parts[1]).get("N")))


def _lab(parts: Sequence[Any], _named: Mapping[Any, object], _depth: int) -> Space:
    limits = numbers_in(mapping_in(parts[1]).get("Range"))
    limits = limits if len(limits) == 4 else (-100.0, 100.0, -100.0, 100.0)

    def colour(numbers: Sequence[float]) -> Rgb:
        lightness, a, b = numbers
        return from_lab(min(max(lightness, 0), 100), min(max(a, limits[0]), limits[1]), min(max(b, limits[2]), limits[3]))

    return Space(3, (0.0, 0.0, 0.0), colour)


def _indexed(parts: Sequence[Any], named: Mapping[Any, object], depth: int) -> Space | None:
    base = space_of(parts[1], named, depth) if len(parts) == 4 else None
    if base is None:
        return None
    table, size, scaled = bytes_in(parts[3]), base.size, base.colour

    def colour(numbers: Sequence[float]) -> Rgb | None:
        place = int(min(max(numbers[0], 0), MOST_INDEX)) * size
        entry = table[place : place + size]
        return scaled([level / 255 for level in entry]) if len(entry) == size and base in (GRAY, RGB, CMYK) else None

    return Space(1, (0.0,), colour, is_table=True)


def _tinted(parts: Sequence[Any], named: Mapping[Any, object], depth: int) -> Space | None:
    """Separation and DeviceN: their alternate, by a function; a tint of 0 is the lightest that an ink gives (ISO 32000-1, 8.6.6.4)."""
    size = len(array_in(parts[1])) if isinstance(parts[1], list) else 1
    base = space_of(parts[2], named, depth) if len(parts) > 3 else None

    def colour(numbers: Sequence[float]) -> Rgb | None:
        mixed = _exponential(parts[3], numbers[0]) if size == 1 and base else None
        if base and mixed and len(mixed) == base.size:
            return base.colour(mixed)
        return None if any(numbers) else WHITE

    return Space(size, (1.0,) * size, colour) if size else None


_MAKERS: Final[dict[str, Callable[[Sequence[Any], Mapping[Any, object], int], Space | None]]] = {
    "ICCBased": _icc_based,
    "Lab": _lab,
    "Indexed": _indexed,
    "I": _indexed,
    "Separation": _tinted,
    "DeviceN": _tinted,
}


def pattern_tone(spec: object, named: Mapping[Any, object]) -> Tone:
    """What a pattern shows: the ends of a gradient; of tiles nothing is known."""
    pattern = resolved(spec)
    return Tone(None, gaps=True) if not isinstance(pattern, dict) else shading_tone(pattern.get("Shading"), named)


def shading_tone(spec: object, named: Mapping[Any, object]) -> Tone:
    """The ends of a gradient."""
    attributes = mapping_in(spec)
    space = space_of(attributes.get("ColorSpace"), named)
    ends = list(_ends(attributes.get("Function")))
    found = [space.colour(end) if space and end and len(end) == space.size else None for end in ends]
    colours = tuple(dict.fromkeys(colour for colour in found if colour is not None))
    return Tone(colours if found and None not in found else None, gaps=True)


def _ends(spec: object, depth: int = 0) -> Iterator[tuple[float, ...] | None]:
    """What exponential functions, alone or stitched together, give at their ends."""
    function = mapping_in(spec)
    if resolved(function.get("FunctionType")) == 3 and depth < DEEPEST:
        for part in array_in(function.get("Functions")):
            yield from _ends(part, depth + 1)
    else:
        yield _exponential(function, 0.0)
        yield _exponential(function, 1.0)


def _exponential(spec: object, place: float) -> tuple[float, ...] | None:
    """A function of type 2 at a place from 0 to 1 (ISO 32000-1, 7.10.3); None for other types."""
    function = mapping_in(spec)
    if number_in(function.get("FunctionType")) != 2:
        return None
    low, high = numbers_in(function.get("C0", [0.0])), numbers_in(function.get("C1", [1.0]))
    power = number_in(function.get("N", 1))
    if not low or len(low) != len(high) or power is None or power <= 0:
        return None
    return tuple(a + _share(place) ** power * (b - a) for a, b in zip(low, high, strict=True))
