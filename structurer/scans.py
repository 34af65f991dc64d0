"""The picture of a page becomes a sheet: upright and straight, its ruled cells, and its print with the confidence of every character.

Figures are what matters. Red stamps over print are taken out; no line of print is read across a rule; what a cell holds and the detector
passed over is read alone; and every line with figures is read twice, from pictures prepared in different ways: where the readings differ
the figure is doubted, and the other reading is kept. All lengths are in points of the page (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from structurer.crops import Crop, crop, downward, stacks
from structurer.document import Box
from structurer.errors import InputError
from structurer.ocr import Engine, Reading
from structurer.printlines import Line, completed, lines_of, rooms_of, shown
from structurer.sheet import Char, Sheet
from structurer.stamps import without_stamps
from structurer.straight import flattened, lens_of
from structurer.strokes import tables_of
from structurer.twice import FIGURE, dashed, sifted, text_of, weighed

POINTS_AN_INCH: Final = 72.0
MOST_PIXELS: Final = 120_000_000
MOST_DPI: Final = 300.0  # finer pictures are made coarser
MAP_DPI: Final = 110.0  # at which print is looked for
SOFT: Final = 0.29  # points: deviation of the blur that takes noise and leaves strokes
SECOND_MARGIN: Final = 0.15  # of a line's height, round the line that is read again
ASKED: Final = 10  # of the longest lines, to see which side is up
ONE_WAY: Final = 4.0  # times as much print lies as stands, or the other way: it is plain which way the page lies
UNSURE: Final = 0.5  # confidence of what is guessed
PALE: Final = 200  # of 255: paper in even light is brighter
PAPER_AROUND: Final = 24.0  # points round the ink of a page

STAMPS: Final = "red stamp(s) were left out, with the words in them"
UNREAD: Final = "mark(s) in cells or lines were not read"

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Page:
    """A page upright and straight: as it looks, grey in even light without stamps, and with its noise blurred; the map of its print.

    `scale`: pixels a point. `angle`: degrees by which it was turned clockwise. `stamps`: how many were taken out.
    """

    look: Picture
    grey: Picture
    soft: Picture
    likely: NDArray[np.float32]
    scale: float
    angle: float
    stamps: int


class _Print(NamedTuple):
    """What is read on a page, what second readings say otherwise, and how much was not read."""

    chars: tuple[Char, ...]
    alternatives: tuple[tuple[Box, str], ...]
    unread: int


def recognised(picture: Picture, dpi: float, engine: Engine) -> Sheet:
    """What stands on a picture: (H, W) grey or (H, W, 3) red, green, blue. Boxes are those of the page upright and straight.

    Raises InputError for pictures of no or too many pixels.
    """
    picture, dpi = _in_range(picture, dpi)
    page = _upright(picture, dpi / POINTS_AN_INCH, engine)
    height, width = page.grey.shape
    tables = tables_of(page.grey, page.likely, page.scale)
    found = _read(page, tables, engine)
    return Sheet(
        number=1,
        width=width / page.scale,
        height=height / page.scale,
        chars=found.chars,
        tables=tables,
        decision="ocr",
        angle=page.angle,
        dpi=dpi,
        engine=engine.name,
        alternatives=found.alternatives,
        picture=Image.fromarray(page.look),
        warnings=(*_told(page.stamps, STAMPS), *_told(found.unread, UNREAD)),
    )


def _told(count: int, what: str) -> tuple[str, ...]:
    return (f"{count} {what}",) if count else ()


def _in_range(picture: Picture, dpi: float) -> tuple[Picture, float]:
    """A picture no finer than print needs."""
    height, width = picture.shape[:2]
    if not 0 < height * width <= MOST_PIXELS:
        raise InputError(f"a picture of {width} by {height} pixels is not read", remedy="scan the page at 300 dots an inch or less")
    if dpi <= MOST_DPI:
        return picture, dpi
    share = MOST_DPI / dpi
    return np.asarray(cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8), MOST_DPI


# --- upright and straight


def _upright(picture: Picture, scale: float, engine: Engine) -> _Page:
    plain, stamps = (picture, 0) if picture.ndim == 2 else without_stamps(picture, scale)
    lens = lens_of(plain, scale)
    grey = flattened(lens.seen(plain), scale)
    likely = _map(grey, scale, engine)
    quarters = _quarters(grey, scale, likely, engine)
    if quarters:
        grey = np.ascontiguousarray(np.rot90(grey, -quarters))
        likely = _map(grey, scale, engine)
    look = np.ascontiguousarray(np.rot90(lens.seen(picture), -quarters))
    soft = np.asarray(cv2.GaussianBlur(grey, (0, 0), SOFT * scale), np.uint8)
    return _Page(look, grey, soft, likely, scale, (90.0 * quarters + lens.angle) % 360, stamps)


def _map(grey: Picture, scale: float, engine: Engine) -> NDArray[np.float32]:
    """The map of print of a page, of what of it has ink: on a large page with little print the detector would see none."""
    share = min(MAP_DPI / POINTS_AN_INCH / scale, 1.0)
    small = np.asarray(cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    likely = np.zeros(small.shape, np.float32)
    found = cv2.findNonZero((small < PALE).astype(np.uint8))
    if found is not None:
        x, y, width, height = cv2.boundingRect(found)
        by = round(PAPER_AROUND * scale * share)
        part = np.s_[max(y - by, 0) : y + height + by, max(x - by, 0) : x + width + by]
        likely[part] = engine.text_map(np.ascontiguousarray(small[part]))
    return likely


def _quarters(grey: Picture, scale: float, likely: NDArray[np.float32], engine: Engine) -> int:
    """Quarter turns clockwise after which most is read. Lines that lie are not asked whether they stand, unless as many stand."""
    lines = lines_of(likely, likely.shape[1] / grey.shape[1] * scale, ())
    lying, standing = (sum(max(sign * (line.width - line.height), 0.0) for line in lines) for sign in (1, -1))
    turns = [turn for turn in range(4) if ONE_WAY * (lying, standing)[turn % 2] >= (standing, lying)[turn % 2]]
    longest = sorted(lines, key=lambda line: -max(line.height, line.width))[:ASKED]
    cuts = [crop(grey, scale, line).picture for line in longest]
    return max(turns, key=lambda turn: _read_at(cuts, turn, engine))


def _read_at(cuts: Sequence[Picture], turn: int, engine: Engine) -> float:
    """How many characters are read well on pictures turned by so many quarters clockwise."""
    readings = engine.read([np.ascontiguousarray(np.rot90(cut, -turn)) for cut in cuts])
    return sum(max(glyph.confidence - UNSURE, 0.0) for reading in readings for glyph in reading)


# --- reading


def _read(page: _Page, tables: Sequence[Sequence[Box]], engine: Engine) -> _Print:
    """The characters of all lines. Ink that the detector passed over may be dust: it counts if it is read with some confidence."""
    rooms = rooms_of(page.soft, page.scale, tables)
    lines = lines_of(page.likely, page.likely.shape[1] / page.grey.shape[1] * page.scale, rooms)
    whole, passed = completed(page.soft, page.scale, rooms, lines)
    stacked = stacks(whole)
    firsts = list(_first(page, shown([*stacked, *passed]), engine))
    both = [
        (cut, *((reading, None) if other is None else weighed(reading, other)))
        for (cut, reading), other in zip(firsts, _second(page, firsts, engine), strict=True)
    ]
    kept = [read for place, read in enumerate(both) if read[1] and (place < len(stacked) or _mean(read[1]) > UNSURE)]
    readings = dashed([(cut.line.room, reading) for cut, reading, _ in kept])
    chars = tuple(char for (cut, _, _), reading in zip(kept, readings, strict=True) for char in cut.chars(sifted(reading)))
    return _Print(chars, tuple((cut.line.seen, said) for cut, _, said in kept if said), len(both) - len(kept))


def _first(page: _Page, lines: Sequence[Line], engine: Engine) -> Iterator[tuple[Crop, Reading]]:
    """Each line as it is read best."""
    ways = [downward(page.soft, page.scale, line) if line.down else [crop(page.soft, page.scale, line)] for line in lines]
    readings = iter(engine.read([cut.picture for cuts in ways for cut in cuts]))
    yield from (max(((cut, next(readings)) for cut in cuts), key=lambda read: _mean(read[1])) for cuts in ways)


def _mean(reading: Reading) -> float:
    return sum(glyph.confidence for glyph in reading) / max(len(reading), 1)


def _second(page: _Page, firsts: Sequence[tuple[Crop, Reading]], engine: Engine) -> Iterator[Reading | None]:
    """A second reading of each level line with figures, otherwise prepared: with all its noise and a wider margin."""
    asked = [cut.line if FIGURE.search(text_of(reading)) and not cut.parts and not cut.turned else None for cut, reading in firsts]
    again = [crop(page.grey, page.scale, line, SECOND_MARGIN).picture for line in asked if line is not None]
    readings = iter(engine.read(again))
    yield from (None if line is None else next(readings) for line in asked)
