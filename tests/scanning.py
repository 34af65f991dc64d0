"""Pages as scanners, copiers and telephones leave them: a PDF's page becomes a picture, spoilt by a level and effects, made from a seed.

    clean   as rendered
    light   turned up to 0.7 degrees, a little blur and noise
    medium  turned up to 1.5 degrees, noise, uneven light, JPEG of quality 60
    heavy   turned up to 3 degrees, more blur and noise, faded print, JPEG of quality 35

What offices file is between light and medium; the levels are a judgement, not a standard. A picture is an array (height, width), or
(height, width, 3) in the order red, green, blue.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from pdfs import FONT
from PIL import Image, ImageDraw, ImageFont
from sketches import font_folder

Picture = NDArray[np.uint8]
Word = tuple[str, tuple[float, float, float, float]]  # a text, and x0, top, x1, bottom in points from the top left corner of the page
Chance = np.random.Generator

INCH = 72.0  # points
PAPER = (255, 255, 255)
STAMP_RADIUS = 58.0  # points; a seal of 4.2 cm is common
STAMP_RED = (200, 28, 36)
STAMP_TEXT = "青禾县水务管理专用章"


@dataclass(frozen=True, slots=True)
class Level:
    """How much a scan spoils. `turn`: most degrees; `blur`: deviation in points of the page, so that it means the same at any resolution;
    `noise`: deviation of 255; `shadow`: share of the light that the darkest place lacks; `fade`: share of its black that print has lost;
    `quality`: of the JPEG, None for none.
    """

    turn: float
    blur: float
    noise: float
    shadow: float
    fade: float
    quality: int | None


LEVELS = {
    "clean": Level(0, 0, 0, 0, 0, None),
    "light": Level(0.7, 0.12, 4, 0, 0, None),
    "medium": Level(1.5, 0.18, 8, 0.25, 0.1, 60),
    "heavy": Level(3.0, 0.3, 14, 0.35, 0.45, 35),
}


def scanned(pdf: bytes, page: int, dpi: int, level: str, seed: int, effects: frozenset[str] = frozenset()) -> Picture:
    """The page (counted from 0) as a picture, spoilt by one of `LEVELS` and any of `EFFECTS`, in their order."""
    if unknown := effects - EFFECTS.keys():
        raise ValueError(f"no such effect: {', '.join(sorted(unknown))}")
    rng, chosen = np.random.default_rng([seed, page, *level.encode()]), LEVELS[level]
    picture = _turned(rendered(pdf, page, dpi), rng.uniform(-chosen.turn, chosen.turn))
    for name, (apply, is_after) in EFFECTS.items():
        if name in effects and not is_after:
            picture = apply(picture, dpi, rng)
    picture = picture if level == "clean" else _exposed(picture, chosen, dpi, rng)
    for name, (apply, is_after) in EFFECTS.items():
        if name in effects and is_after:
            picture = apply(picture, dpi, rng)
    return picture if chosen.quality is None or "bilevel" in effects else _through_jpeg(picture, chosen.quality)


def rendered(pdf: bytes, page: int, dpi: int) -> Picture:
    """The page in grey."""
    with pypdfium2.PdfDocument(pdf) as opened:
        return np.array(opened[page].render(scale=dpi / INCH, grayscale=True).to_pil())


def page_count(pdf: bytes) -> int:
    with pypdfium2.PdfDocument(pdf) as opened:
        return len(opened)


def printed_words(pdf: bytes, page: int) -> list[Word]:
    """What stands on the page in pieces of a line each: the words of a hidden layer as a good OCR engine would write it."""
    with pypdfium2.PdfDocument(pdf) as opened:
        height, text = opened[page].get_height(), opened[page].get_textpage()
        rects = [text.get_rect(index) for index in range(text.count_rects())]
        return [(text.get_text_bounded(*rect).strip(), (rect[0], height - rect[3], rect[2], height - rect[1])) for rect in rects]


# -- levels ------------------------------------------------------------------------------------------------------------


def _turned(picture: Picture, degrees: float) -> Picture:
    """About its middle, on white paper of the same size."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return _uint8(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=PAPER)) if degrees else picture


def _exposed(picture: Picture, level: Level, dpi: int, rng: Chance) -> Picture:
    """Faded print, blur, uneven light and noise, in the order in which paper, lens, lamp and sensor make them."""
    shape = picture.shape[:2]
    fade, lamp = 1 - level.fade * (0.5 + 0.5 * _patches(shape, rng)), 1 - level.shadow * _patches(shape, rng)
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * level.noise
    fade, lamp = (fade, lamp) if picture.ndim == 2 else (fade[..., None], lamp[..., None])
    print_ = 255 - (255 - picture.astype(np.float32)) * fade
    return _uint8(cv2.GaussianBlur(print_, (0, 0), level.blur * dpi / INCH) * lamp + noise)


def _patches(shape: tuple[int, int], rng: Chance) -> NDArray[np.float32]:
    """A smooth field over the page, in [0, 1]."""
    coarse = rng.random((4, 3), dtype=np.float32)
    return np.clip(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), 0, 1)


def _uint8(values: NDArray[np.generic]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def _through_jpeg(picture: Picture, quality: int) -> Picture:
    with Image.open(io.BytesIO(as_jpeg(picture, quality))) as opened:
        return np.array(opened)


# -- effects -----------------------------------------------------------------------------------------------------------


def _stamp(picture: Picture, dpi: int, rng: Chance) -> Picture:
    """A red seal over something that is printed in the right half, as ink: what is under it stays dark."""
    seal = _seal(round(STAMP_RADIUS * dpi / INCH), rng)
    rows, cols = np.nonzero(picture[:, picture.shape[1] // 2 :] < 128)
    at = rng.integers(len(rows))
    size = seal.shape[0]
    top = int(np.clip(rows[at] - size // 2, 0, picture.shape[0] - size))
    left = int(np.clip(cols[at] + picture.shape[1] // 2 - size // 2, 0, picture.shape[1] - size))
    coloured = np.repeat(picture[..., None], 3, axis=2)
    under = coloured[top : top + size, left : left + size]
    under[:] = under.astype(np.uint16) * seal // 255
    return coloured


def _seal(radius: int, rng: Chance) -> Picture:
    """A ring, a star and names along the ring, unevenly inked and a little turned."""
    side = 2 * radius
    seal = Image.new("RGB", (side, side), PAPER)
    drawn = ImageDraw.Draw(seal)
    drawn.ellipse((2, 2, side - 3, side - 3), outline=STAMP_RED, width=max(radius // 14, 1))
    star = [
        (radius + r * math.sin(k * math.pi / 5), radius - r * math.cos(k * math.pi / 5))
        for k, r in enumerate([0.3 * radius, 0.12 * radius] * 5)
    ]
    drawn.polygon(star, fill=STAMP_RED)
    font = ImageFont.truetype(str(font_folder() / "SimHei.ttf"), max(round(0.24 * radius), 4))
    for index, char in enumerate(STAMP_TEXT):
        leaf = Image.new("RGB", (side, side), PAPER)
        ImageDraw.Draw(leaf).text((radius, 0.24 * radius), char, fill=STAMP_RED, font=font, anchor="mm")
        angle = 125 - 250 * index / (len(STAMP_TEXT) - 1)
        seal = Image.fromarray(np.minimum(np.array(seal), np.array(leaf.rotate(angle, fillcolor=PAPER, resample=Image.Resampling.BICUBIC))))
    turned = np.array(seal.rotate(rng.uniform(-25, 25), fillcolor=PAPER, resample=Image.Resampling.BICUBIC))
    ink = 0.55 + 0.4 * _patches((side, side), rng)[..., None]
    return _uint8(255 - (255 - turned.astype(np.float32)) * ink)


def _photo(picture: Picture, dpi: int, rng: Chance) -> Picture:
    """Taken by hand: the page seen askew on a dark desk, with the shadow of the hand over it."""
    height, width = picture.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    seen = corners + (rng.uniform(0.01, 0.05, (4, 2)) * (width, height) * [(1, 1), (-1, 1), (-1, -1), (1, -1)]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    askew = cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(70, 74, 80))
    slope, offset = rng.uniform(-1, 1), rng.uniform(0.3, 0.7)
    across, down = np.meshgrid(np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32))
    shade = 0.62 + 0.38 / (1 + np.exp(-14 * (down + slope * (across - 0.5) - offset)))
    return _uint8(askew * (shade if picture.ndim == 2 else shade[..., None]))


def _margin(picture: Picture, dpi: int, rng: Chance) -> Picture:
    """A smaller page on a larger glass: white around it."""
    sides = [int(share * dpi) for share in rng.uniform(0.2, 1.5, 4)]
    return _uint8(cv2.copyMakeBorder(picture, *sides, cv2.BORDER_CONSTANT, value=PAPER))


def _edge(picture: Picture, dpi: int, rng: Chance) -> Picture:
    """The lid was open: black along two sides of the glass, not quite straight."""
    dark = picture.copy()
    height, width = picture.shape[:2]
    for corners in (((0, 0), (0, height)), ((0, height), (width, height))):
        thick = [int(share * dpi) for share in rng.uniform(0.05, 0.35, 2)]
        inner = [
            (x + thick[n] * (x == 0 and corners[0][0] == corners[1][0]), y - thick[n] * (corners[0][1] == corners[1][1]))
            for n, (x, y) in enumerate(corners)
        ]
        cv2.fillPoly(dark, [np.array([*corners, *reversed(inner)], np.int32)], (25, 25, 25))
    return dark


def _bilevel(picture: Picture, dpi: int, rng: Chance) -> Picture:
    """Black and white, as fax machines and old copiers send it, at a threshold for the whole page."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return _uint8(cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1])


def _quarters(count: int) -> Callable[[Picture, int, Chance], Picture]:
    return lambda picture, dpi, rng: np.ascontiguousarray(np.rot90(picture, -count))


# What each effect does, and whether it comes after light and noise (else it is on the paper).
EFFECTS: dict[str, tuple[Callable[[Picture, int, Chance], Picture], bool]] = {
    "stamp": (_stamp, False),
    "photo": (_photo, False),
    "margin": (_margin, True),
    "edge": (_edge, True),
    "bilevel": (_bilevel, True),
    "turned_90": (_quarters(1), True),  # clockwise
    "turned_180": (_quarters(2), True),
    "turned_270": (_quarters(3), True),
}


# -- files -------------------------------------------------------------------------------------------------------------


def as_png(picture: Picture, dpi: int = 200) -> bytes:
    return _saved([picture], "PNG", dpi=(dpi, dpi), compress_level=1)


def as_jpeg(picture: Picture, quality: int = 85, dpi: int = 200) -> bytes:
    return _saved([picture], "JPEG", quality=quality, dpi=(dpi, dpi))


def as_tiff(pages: Sequence[Picture], dpi: int = 200) -> bytes:
    return _saved(pages, "TIFF", compression="tiff_lzw", dpi=(dpi, dpi), save_all=True)


def _saved(pages: Sequence[Picture], form: str, **options: object) -> bytes:
    out = io.BytesIO()
    first, *others = (Image.fromarray(page) for page in pages)
    if others:
        options["append_images"] = others
    first.save(out, form, **options)
    return out.getvalue()


def as_pdf(pages: Sequence[Picture], dpi: int = 200, layers: Sequence[Sequence[Word]] = ()) -> bytes:
    """A PDF that holds only the pictures, each on a page of its own size; with the hidden text of an OCR engine where layers are given."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfgen.canvas import Canvas

    registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    for number, page in enumerate(pages):
        width, height = (side * INCH / dpi for side in (page.shape[1], page.shape[0]))
        canvas.setPageSize((width, height))
        canvas.drawImage(ImageReader(Image.fromarray(page)), 0, 0, width, height)
        for text, (x0, top, x1, bottom) in layers[number] if layers else ():
            _hide(canvas, text, x0, height - bottom, x1 - x0, bottom - top)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _hide(canvas: object, text: str, left: float, low: float, width: float, height: float) -> None:
    """Text that is not painted (render mode 3), stretched to its box."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    line = canvas.beginText(left, low + 0.15 * height)
    line.setFont(FONT, height)
    line.setTextRenderMode(3)
    line.setHorizScale(100 * width / max(stringWidth(text, FONT, height), 1))
    line.textOut(text)
    canvas.drawText(line)
