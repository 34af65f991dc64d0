"""What runs in a locked process (`sandbox.confined`): the reading of one file, and the recognition of print in pictures.

Nothing can be imported there, so all that readers and their libraries would import late is imported here, before the lock.
"""

# ruff: noqa: F401  (imported to be there)

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import charset_normalizer
import defusedxml.ElementTree
import pdfplumber.page
import pdfplumber.table
import pikepdf
from PIL import Image

import structurer.intake.pictures
import structurer.office
import structurer.pdf.file
from structurer.intake.drawing import drawn
from structurer.intake.parsing import Reading
from structurer.sheets.sheet import Means, Sheet
from structurer.sheets.stretches import End, Picture, pack_end, pack_picture, pack_sheet, pack_stretch, unpack_picture, unpack_sheet

Image.preinit()  # imports what Image.open would

Ask = Callable[[bytes], bytes]


def _small_paper() -> bytes:
    """A page with two ruled cells and some letters, which bring their own forms."""
    paper = pikepdf.new()
    page = paper.add_blank_page(page_size=(200, 100))
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type3, FontBBox=[0, 0, 500, 500], FontMatrix=[0.001, 0, 0, 0.001, 0, 0],
        CharProcs=pikepdf.Dictionary(a=paper.make_stream(b"500 0 0 0 500 500 d1 0 0 500 500 re f")),
        Encoding=pikepdf.Dictionary(Differences=[97, pikepdf.Name.a]), FirstChar=97, LastChar=97, Widths=[500],
    )  # fmt: skip
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
    page.Contents = paper.make_stream(b"10 10 60 20 re 70 10 60 20 re S BT /F 9 Tf 15 15 Td (aa a) Tj 60 0 Td (a) Tj 0 60 Td (aaa) Tj ET")
    paper.save(raw := io.BytesIO())
    return raw.getvalue()


_PAPER: Final = _small_paper()


def rehearse() -> None:
    """Reads a small paper of our own: a child copies the pages of memory that it writes into, and those are the same for every paper."""
    for _ in read(io.BytesIO(_PAPER), bytes, "", "", None, False):
        pass


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


def recogniser(models: Path | None, threads: int | None) -> Callable[[bytes], bytes]:
    """A service that reads pictures."""
    import numpy.polynomial  # numpy loads it when it is first named

    from structurer.ocr.engine import load
    from structurer.ocr.scans import recognised

    engine = load(models, threads)

    def answer(parcel: bytes) -> bytes:
        picture = unpack_picture(parcel, "a picture")
        pixels = numpy.frombuffer(picture.pixels, numpy.uint8).reshape(picture.height, picture.width, 3)
        return pack_sheet(recognised(pixels, picture.dpi, engine), with_picture=picture.is_wanted_back)

    return answer
