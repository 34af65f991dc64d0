"""What runs in a locked process (`structurer.confined`): the reading of one file, and the recognition of print in pictures.

Nothing can be imported there, so all that readers and their libraries would import late is imported here, before the lock.
"""

# ruff: noqa: F401  (imported to be there)

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import charset_normalizer
import defusedxml.ElementTree
import pdfplumber.page
import pdfplumber.table
from PIL import Image

import structurer.office
import structurer.pdf
import structurer.pictures
from structurer.drawing import drawn
from structurer.parsing import Reading
from structurer.sheet import Means, Sheet
from structurer.stretches import End, Picture, pack_end, pack_picture, pack_sheet, pack_stretch, unpack_picture, unpack_sheet

Image.preinit()  # imports what Image.open would

Ask = Callable[[bytes], bytes]


def read(file: BinaryIO, ask: Ask, name: str, where: str, password: str | None, with_ocr: bool) -> Iterator[bytes]:
    """The stretches of a file as parcels, then its end."""
    reading = Reading(file.read(), name, where, _means(ask, where, password, with_ocr))
    for written in reading.stretches():
        yield pack_stretch(written)
    yield pack_end(End(*reading.kind, tuple(reading.warnings)))


def draw(file: BinaryIO, ask: Ask, name: str, where: str, password: str | None, with_ocr: bool) -> Iterator[bytes]:
    """Each page of a PDF or a picture as a PNG with what was read on it."""
    means = _means(ask, where, password, with_ocr, keep_pictures=True)
    for sheet in Reading(file.read(), name, where, means).sheets():
        yield drawn(sheet)


def _means(ask: Ask, where: str, password: str | None, with_ocr: bool, *, keep_pictures: bool = False) -> Means:
    """Pictures are shown to the parent, which has them read."""

    def recognise(picture: Image.Image, dpi: float) -> Sheet:
        shown = Picture(*picture.size, dpi, picture.tobytes(), keep_pictures)
        return unpack_sheet(ask(pack_picture(shown)), where)

    return Means(password, recognise if with_ocr else None, keep_pictures)


def recogniser(models: Path | None) -> Callable[[bytes], bytes]:
    """A service that reads pictures."""
    import numpy.polynomial  # numpy loads it when it is first named

    from structurer.ocr import load
    from structurer.scans import recognised

    engine = load(models)

    def answer(parcel: bytes) -> bytes:
        picture = unpack_picture(parcel, "a picture")
        pixels = numpy.frombuffer(picture.pixels, numpy.uint8).reshape(picture.height, picture.width, 3)
        return pack_sheet(recognised(pixels, picture.dpi, engine), with_picture=picture.is_wanted_back)

    return answer
