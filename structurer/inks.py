"""Inks: what colour a mark has, how it mixes with what lies under it, and whether an eye tells two colours apart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import dist
from typing import Final

Rgb = tuple[float, float, float]  # red, green and blue of sRGB, each from 0 to 1
WHITE: Final[Rgb] = (1.0, 1.0, 1.0)
BLACK: Final[Rgb] = (0.0, 0.0, 0.0)
_D65: Final = (0.95047, 1.0, 1.08883)  # the white of sRGB in XYZ (IEC 61966-2-1)


class Blend(Enum):
    """How a mark mixes with its ground (ISO 32000-1, 11.3.5); OTHER stands for those that are not worked out here."""

    NORMAL = "Normal"
    MULTIPLY = "Multiply"
    SCREEN = "Screen"
    DARKEN = "Darken"
    LIGHTEN = "Lighten"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour as a file sets it: the colours that it may show (the ends of a gradient), None where they cannot be told.

    `gaps`: it may leave places unpainted, as patterns do.
    """

    colours: tuple[Rgb, ...] | None
    gaps: bool = False


@dataclass(frozen=True, slots=True)
class Ink:
    """What paints a mark: its tone, opacity from 0 to 1, and blend; `veiled`: a soft mask or a group lets less of it through."""

    tone: Tone
    alpha: float = 1.0
    blend: Blend = Blend.NORMAL
    veiled: bool = False


@lru_cache(maxsize=4096)
def difference(one: Rgb, other: Rgb) -> float:
    """The CIE 1976 difference of two colours: 2.3 is just noticeable side by side, black and white are 100 apart."""
    return dist(_lab(one), _lab(other))


def laid_over(ground: Rgb, colour: Rgb, alpha: float, blend: Blend) -> Rgb:
    """What shows where a colour is laid over an opaque ground (ISO 32000-1, 11.3.6); OTHER counts as NORMAL."""
    r, g, b = (under + alpha * (_blended(under, over, blend) - under) for under, over in zip(ground, colour, strict=True))
    return r, g, b


def from_cmyk(c: float, m: float, y: float, k: float) -> Rgb:
    """The colour that inks on white paper roughly give."""
    return (1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k)


def from_lab(lightness: float, a: float, b: float) -> Rgb:
    """sRGB of CIE 1976 L*a*b*, cut off at what a screen shows."""
    level = (lightness + 16) / 116
    x, y, z = (white * _uncurved(f) for white, f in zip(_D65, (level + a / 500, level, level - b / 200), strict=True))
    red = 3.2406 * x - 1.5372 * y - 0.4986 * z
    green = -0.9689 * x + 1.8758 * y + 0.0415 * z
    blue = 0.0557 * x - 0.2040 * y + 1.0570 * z
    return _to_screen(red), _to_screen(green), _to_screen(blue)


def _blended(under: float, over: float, blend: Blend) -> float:
    if blend is Blend.MULTIPLY:
        return under * over
    if blend is Blend.SCREEN:
        return under + over - under * over
    if blend is Blend.DARKEN:
        return min(under, over)
    return max(under, over) if blend is Blend.LIGHTEN else over


@lru_cache(maxsize=4096)
def _lab(colour: Rgb) -> Rgb:
    r, g, b = map(_linear, colour)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / _D65[0]
    y = (0.2126 * r + 0.7152 * g + 0.0722 * b) / _D65[1]
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / _D65[2]
    return 116 * _curved(y) - 16, 500 * (_curved(x) - _curved(y)), 200 * (_curved(y) - _curved(z))


def _linear(level: float) -> float:
    return level / 12.92 if level <= 0.04045 else float(((level + 0.055) / 1.055) ** 2.4)


def _to_screen(light: float) -> float:
    light = min(max(light, 0.0), 1.0)
    return light * 12.92 if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)


def _curved(share: float) -> float:
    return float(share ** (1 / 3)) if share > 0.008856 else 7.787 * share + 16 / 116


def _uncurved(level: float) -> float:
    return level**3 if level**3 > 0.008856 else (level - 16 / 116) / 7.787
