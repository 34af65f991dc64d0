"""The sheets of a picture file: PNG, JPEG, TIFF with many pages. Each page is read by a recogniser."""

from __future__ import annotations

import io
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from math import isfinite
from typing import Final

import PIL.GifImagePlugin
import PIL.JpegImagePlugin
import PIL.MpoImagePlugin  # a JPEG of a camera with a second picture in it
import PIL.PngImagePlugin
import PIL.TiffImagePlugin  # noqa: F401  (formats are known once they are imported)
from PIL import Image, ImageOps

from structurer.errors import InputError
from structurer.sheets.sheet import Means, Recogniser, Sheet

MOST_PIXELS: Final = 120_000_000  # of one page: a sheet of A0 at 300 dpi has 139 million
MOST_PAGES: Final = 5_000
LONG_SIDE: Final = 11.69  # inches of a sheet of A4, which a picture without a resolution is taken to be
UNKNOWING: Final = (72, 96)  # dpi that programs write who know none
LIKELY: Final = range(60, 1300)  # dpi that a file may state and be believed
COARSE: Final = 150.0  # dpi: below it figures are misread
FORMATS: Final = ("PNG", "JPEG", "TIFF", "GIF")
COARSER: Final = "scan it at 300 dpi or less"
_MISSING: Final = "install OCR: pip install 'structurer[ocr]'"


def media_type(raw: bytes) -> str:
    """By the first bytes."""
    marks = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"GIF8": "image/gif"}
    return next((name for mark, name in marks.items() if raw.startswith(mark)), "image/tiff")


def sheets(raw: bytes, where: str, means: Means, warnings: list[str]) -> Iterator[Sheet]:
    """The pages of a picture; one that is damaged or too large has no characters. InputError where all are so, or without a recogniser."""
    if means.recognise is None:
        raise InputError("this is a picture, and reading it needs OCR", where=where, remedy=_MISSING)
    with _opened(raw, where) as picture:
        lost, is_any_read = list[InputError](), False
        for number, damage in _turned(picture, where, warnings):
            found = damage or _read(picture, number, where, means.recognise)
            if isinstance(found, InputError):
                lost.append(found)
                yield from [_blank(number, found)] if is_any_read else ()
                continue
            yield from () if is_any_read else [_blank(each, error) for each, error in enumerate(lost, 1)]
            is_any_read = True
            yield found
    if not is_any_read:
        raise lost[0]


def _turned(picture: Image.Image, where: str, warnings: list[str]) -> Iterator[tuple[int, InputError | None]]:
    """Turns to page after page, past one that is damaged; where the next is so too, no way leads to the others."""
    before: InputError | None = None
    for number in count(1):
        damage: InputError | None = None
        try:
            if not _turned_to(picture, number, where):
                return
        except InputError as error:
            damage = error
        if damage and before:
            warnings.append(f"pages from {number} on, if there are any, cannot be found and were not read")
            return
        if number > MOST_PAGES:
            warnings.append(f"the file has more than {MOST_PAGES:,} pages; the first {MOST_PAGES:,} were read")
            return
        yield number, damage
        before = damage


def _read(picture: Image.Image, number: int, where: str, recognise: Recogniser) -> Sheet | InputError:
    try:
        return _sheet(picture, number, where, recognise)
    except InputError as error:
        return error


def _blank(number: int, error: InputError) -> Sheet:
    return Sheet(number, 0.0, 0.0, (), warnings=(f"{error.what}; it was not read",))


def _opened(raw: bytes, where: str) -> Image.Image:
    with python_warnings.catch_warnings(), _damage(1, where):
        python_warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(raw), formats=FORMATS)


def _turned_to(picture: Image.Image, number: int, where: str) -> bool:
    """Whether the picture has such a page, which is now the one to be read; a camera's further pictures are its first one again."""
    if number == 1 or picture.format == "MPO":
        return number == 1
    with _damage(number, where):
        try:
            picture.seek(number - 1)
        except EOFError:
            return False
    return True


@contextmanager
def _damage(number: int, where: str) -> Iterator[None]:
    """Pillow raises whatever the bytes lead it to."""
    try:
        yield
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError("the picture is too large to be read", where=where, remedy=COARSER) from error
    except Exception as error:
        what = f"the picture is damaged (page {number}: {type(error).__name__})"
        raise InputError(what, where=where, remedy="copy it or scan it again") from error


def _sheet(frame: Image.Image, number: int, where: str, recognise: Recogniser) -> Sheet:
    across, down = frame.size
    if across * down > MOST_PIXELS:
        what = f"page {number} has {across:,} x {down:,} pixels, more than the {MOST_PIXELS:,} that are read"
        raise InputError(what, where=where, remedy=COARSER)
    dpi = _dpi(frame)
    with _damage(number, where):
        picture = _on_white(ImageOps.exif_transpose(frame))
    read = recognise(picture, dpi)
    coarse = (f"the picture has {dpi:.0f} dots an inch; below {COARSE:.0f} figures are easily misread",) if dpi < COARSE else ()
    return replace(read, number=number, reasons=("the file is a picture",), warnings=(*coarse, *read.warnings))


def _dpi(frame: Image.Image) -> float:
    """What the file states where that is likely, else what makes it a sheet of A4."""
    stated = frame.info.get("dpi") or (0, 0)
    dpi = float(stated[0]) if isinstance(stated, tuple) else 0.0
    guess = max(frame.size) / LONG_SIDE
    if not isfinite(dpi) or round(dpi) not in LIKELY or (round(dpi) in UNKNOWING and not dpi / 1.4 <= guess <= dpi * 1.4):
        return guess
    return dpi if dpi / 2 <= guess <= dpi * 4 else guess


def _on_white(frame: Image.Image) -> Image.Image:
    if frame.mode in ("RGBA", "LA", "PA") or "transparency" in frame.info:
        ground = Image.new("RGBA", frame.size, "white")
        return Image.alpha_composite(ground, frame.convert("RGBA")).convert("RGB")
    if frame.mode.startswith("I"):  # 16 bits a dot: PIL cuts them off instead of scaling
        return frame.point(lambda level: level / 256).convert("L").convert("RGB")
    return frame.convert("RGB")
