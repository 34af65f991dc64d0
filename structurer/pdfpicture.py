"""The pixels of an image in a PDF, as far as they tell what stands on it: JPEG and 8-bit gray, RGB or indexed pixels.

Loads Pillow, so import it where a PDF is parsed. Of everything else (scans in black and white, CMYK, huge or broken images) no colour
is told.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pdfminer.ascii85 import ascii85decode
from pdfminer.pdftypes import PDFStream
from PIL.Image import Resampling, frombytes
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from structurer.areas import Matrix, moved
from structurer.inks import Rgb
from structurer.pdfobjects import mapping_in, name_in, number_in, numbers_in, resolved, stream_in
from structurer.pdfspaces import GRAY, RGB, Space, space_of

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES: Final = 40_000_000  # of pixels of an image, unpacked
MOST_BYTES_A_DOCUMENT: Final = 1_000_000_000  # of all its images, one after the other
ENOUGH: Final = 512  # pixels a side are kept of an image
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_LONG: Final = {"Fl": "FlateDecode", "DCT": "DCTDecode", "A85": "ASCII85Decode"}  # of inline images


@dataclass(slots=True)
class Allowance:
    """How many bytes of pixels may still be unpacked for one document."""

    left: int = MOST_BYTES_A_DOCUMENT

    def spend(self, size: int) -> bool:
        """Whether so many may be unpacked now."""
        if size > min(self.left, MOST_BYTES):
            return False
        self.left -= size
        return True


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """Pixels, what their levels mean, and whether these are turned round."""

    image: Image
    space: Space
    inverted: bool

    def colour(self, across: float, down: float) -> Rgb | None:
        found = self.image.getpixel((_pixel(across, self.image.width), _pixel(down, self.image.height)))
        levels = found if isinstance(found, tuple) else (float(found or 0),)
        shares = levels if self.space.is_table else [level / 255 for level in levels]
        return self.space.colour([1 - share for share in shares] if self.inverted else shares)


class Picture:
    """An image of a document, unpacked when its pixels are first asked for."""

    def __init__(self, stream: PDFStream, spaces: Mapping[Any, object], allowance: Allowance, *, is_mask: bool = False) -> None:
        self._stream, self._spaces, self._allowance = stream, spaces, allowance
        self._unpacked: _Unpacked | None = None
        self._is_tried = False
        self._is_stencil = _is_stencil(stream)
        self._mask = 1.0 if is_mask or self._is_stencil else _mask_of(stream, allowance)

    def colour(self, across: float, down: float) -> Rgb | None:
        """At a place given in shares of its width and height; None where it cannot be told."""
        if not self._is_tried:
            self._is_tried, self._unpacked = True, _unpacked(self._stream, self._spaces, self._allowance)
        return self._unpacked.colour(across, down) if self._unpacked else None

    def opacity(self, across: float, down: float) -> float | None:
        """From 0 to 1 at a place; None where it cannot be told. A stencil paints where it is 0."""
        if self._is_stencil:
            colour = self.colour(across, down)
            return None if colour is None else 1 - colour[0]
        if isinstance(self._mask, Picture):
            colour = self._mask.colour(across, down)
            return None if colour is None else colour[0]
        return self._mask


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture on a page; `inverse` takes the page to the unit square that the picture fills."""

    picture: Picture
    inverse: Matrix

    def colour(self, x: float, y: float) -> Rgb | None:
        """The colour at a point of the page."""
        across, up = moved(self.inverse, x, y)
        return self.picture.colour(across, 1 - up)

    def opacity(self, x: float, y: float) -> float | None:
        """How much of it covers a point of the page, from 0 to 1."""
        across, up = moved(self.inverse, x, y)
        return self.picture.opacity(across, 1 - up)


def _pixel(share: float, count: int) -> int:
    return int(min(max(share * count, 0), count - 1))


def _is_stencil(stream: PDFStream) -> bool:
    return bool(resolved(stream.get_any(("ImageMask", "IM"))))


def _mask_of(stream: PDFStream, allowance: Allowance) -> Picture | float | None:
    """Its soft mask; 1 for an image that has no mask, None for one whose mask is not followed."""
    if soft := stream_in(stream.get("SMask")):
        return Picture(soft, {}, allowance, is_mask=True)
    return None if resolved(stream.get("Mask")) or resolved(stream.get("SMaskInData")) else 1.0


def _unpacked(stream: PDFStream, spaces: Mapping[Any, object], allowance: Allowance) -> _Unpacked | None:
    space = GRAY if _is_stencil(stream) else space_of(stream.get_any(("ColorSpace", "CS")), spaces)
    if space is None or not (space is RGB or space is GRAY or space.is_table):
        return None
    decode = list(numbers_in(stream.get_any(("Decode", "D"))))
    inverted = decode == [1.0, 0.0] * space.size and not space.is_table
    if decode and not inverted and decode != [0.0, 255.0 if space.is_table else 1.0] * space.size:
        return None
    try:
        image = _image(stream, space, allowance)
        if image is None or image.mode != ("RGB" if space is RGB else "L"):
            return None
        size = min(image.width, ENOUGH), min(image.height, ENOUGH)
        return _Unpacked(image.resize(size, Resampling.NEAREST), space, inverted)
    except Exception:  # Pillow raises whatever a broken image leads it to, and an image is no reason to refuse a text
        return None


def _image(stream: PDFStream, space: Space, allowance: Allowance) -> Image | None:
    raw, packing, parameters = _packed(stream)
    if packing == "DCTDecode":
        return _jpeg(raw, allowance)
    width, height = (int(number_in(stream.get_any(names)) or 0) for names in (("Width", "W"), ("Height", "H")))
    bits = 1 if _is_stencil(stream) else int(number_in(stream.get_any(("BitsPerComponent", "BPC"))) or 0)
    channels, predictor = (3 if space is RGB else 1), int(number_in(parameters.get("Predictor")) or 1)
    size = (width * channels * bits + 7) // 8 * height
    if not (bits == 8 or (bits == 1 and space is GRAY)) or width <= 0 or height <= 0 or not allowance.spend(width * height * channels):
        return None
    if packing == "FlateDecode" and predictor >= 10:
        return _png(raw, (width, height), bits, channels)
    if packing not in ("FlateDecode", "") or predictor != 1:
        return None
    pixels = zlib.decompressobj().decompress(raw, size) if packing else raw[:size]
    return frombytes("1" if bits == 1 else "RGB" if channels == 3 else "L", (width, height), pixels).convert(
        "RGB" if channels == 3 else "L"
    )


def _packed(stream: PDFStream) -> tuple[bytes, str, Mapping[str, Any]]:
    """The bytes as the last filter takes them, its name and its parameters."""
    raw = stream.rawdata or b""
    if stream.decipher and stream.objid is not None and stream.genno is not None:
        raw = stream.decipher(stream.objid, stream.genno, raw, stream.attrs)
    filters = [(_long_name(name), mapping_in(parameters)) for name, parameters in stream.get_filters()]
    if filters[:1] and filters[0][0] == "ASCII85Decode":
        raw, filters = ascii85decode(raw), filters[1:]
    if not filters:
        return raw, "", {}
    return raw, *(filters[0] if len(filters) == 1 else ("several filters", {}))


def _long_name(spec: object) -> str:
    name = name_in(spec)
    return _LONG.get(name, name)


def _jpeg(raw: bytes, allowance: Allowance) -> Image | None:
    """Not by `Image.open`, which warns of large images on the screen; one that has too many pixels is read at a fraction of its size."""
    image = JpegImageFile(io.BytesIO(raw))
    image.draft(image.mode, (ENOUGH, ENOUGH))
    if not allowance.spend(image.width * image.height * 3 + len(raw)):
        return None
    image.load()
    return image


def _png(raw: bytes, size: tuple[int, int], bits: int, channels: int) -> Image:
    """Flate with a PNG predictor is what a PNG file holds."""
    head = struct.pack(">IIBBBBB", *size, bits, 2 if channels == 3 else 0, 0, 0, 0)
    image = PngImageFile(io.BytesIO(_PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", raw) + _chunk(b"IEND", b"")))
    return image.convert("RGB" if channels == 3 else "L")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
