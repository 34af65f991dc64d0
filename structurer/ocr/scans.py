"""The picture of a page becomes a sheet: upright and straight, its ruled cells, and its print with the confidence of every character.

Figures are what matters. Red stamps over print are taken out; no line of print is read across a rule; what a cell holds and the detector
passed over is read alone; and every line with figures is read twice, and a third time where that leaves doubt, from pictures prepared in
different ways: where the readings differ the figure is doubted, and the other reading is kept. All lengths are in points of the page
(1/72 inch).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from structurer.document import Box
from structurer.errors import InputError
from structurer.ocr.crops import Crop, crop, downward, stacks
from structurer.ocr.engine import Engine, Reading
from structurer.ocr.printlines import Line, completed, lines_of, rooms_of, shown
from structurer.ocr.stamps import without_stamps
from structurer.ocr.straight import flattened, lens_of
from structurer.ocr.strokes import tables_of
from structurer.ocr.twice import FIGURE, dashed, doubted_beside_marks, least, sifted, sober, text_of, weighed
from structurer.sheets.sheet import Char, Sheet

POINTS_AN_INCH: Final = 72.0
MOST_PIXELS, READ_PIXELS = 120_000_000, 40_000_000  # larger pictures are refused, and made smaller
LEAST_SIDE: Final = 8  # pixels
MOST_DPI: Final = 300.0  # finer pictures are made coarser
MAP_DPI: Final = 110.0  # at which print is looked for
SOFT: Final = 0.29  # points: deviation of the blur that takes noise and leaves strokes
CALM: Final = (80.0, 0.65)  # of 255 and in points: deviations within which noise is evened out
SQUEEZE: Final = 0.85  # of its width: how a line is shown the third time
COARSE: Final = 32  # pixels: lines that are lower leave $ and % as like as 5
QUITE: Final = 0.95  # confidence of a line below which it is read a third time
ASKED: Final = 10  # of the longest lines, to see which side is up
ONE_WAY: Final = 4.0  # times as much print lies as stands, or the other way: it is plain which way the page lies
PLAINLY: Final = 1.25  # times as much is read on a page that is turned as when it is left as it is
UNSURE: Final = 0.5  # confidence of what is guessed
BAND_PIXELS, OVERLAP = 4_000_000, 96  # of the picture in which print is looked for at once, and rows that two bands share
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

    Raises InputError for pictures of too many pixels.
    """
    if min(picture.shape[:2]) < LEAST_SIDE:
        return _empty(picture.shape, dpi, engine)
    picture, dpi = _in_range(picture, dpi)
    page = _upright(picture, dpi / POINTS_AN_INCH, engine)
    height, width = page.grey.shape
    tables, cuts = tables_of(page.grey, page.likely, page.scale)
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
        cuts=cuts,
        picture=Image.fromarray(page.look),
        warnings=(*_told(page.stamps, STAMPS), *_told(found.unread, UNREAD)),
    )


def _empty(shape: Sequence[int], dpi: float, engine: Engine) -> Sheet:
    height, width = (max(side, 1) * POINTS_AN_INCH / dpi for side in shape[:2])
    return Sheet(1, width, height, (), decision="ocr", dpi=dpi, engine=engine.name, warnings=("the picture is too small to hold print",))


def _told(count: int, what: str) -> tuple[str, ...]:
    return (f"{count} {what}",) if count else ()


def _in_range(picture: Picture, dpi: float) -> tuple[Picture, float]:
    """A picture no finer than print needs, and no larger than memory allows."""
    height, width = picture.shape[:2]
    if height * width > MOST_PIXELS:
        raise InputError(f"a picture of {width} by {height} pixels is not read", remedy="scan the page at 300 dots an inch or less")
    share = min(MOST_DPI / dpi, sqrt(READ_PIXELS / (height * width)))
    if share >= 1:
        return picture, dpi
    return np.asarray(cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8), dpi * share


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
        likely[part] = _mapped(np.ascontiguousarray(small[part]), engine)
    return likely


def _mapped(small: Picture, engine: Engine) -> NDArray[np.float32]:
    """The map of a picture, of a very high one in bands that overlap: of a place that two have seen the surer counts."""
    height, width = small.shape
    high = max(BAND_PIXELS // width, 2 * OVERLAP)
    likely = np.zeros(small.shape, np.float32)
    for top in range(0, max(height - OVERLAP, 1), high - OVERLAP):
        band = np.s_[top : min(top + high, height)]
        likely[band] = np.maximum(likely[band], engine.text_map(small[band]))
    return likely


def _quarters(grey: Picture, scale: float, likely: NDArray[np.float32], engine: Engine) -> int:
    """Quarter turns clockwise after which most is read. Lines that lie are not asked whether they stand, unless as many stand."""
    lines = lines_of(likely, likely.shape[1] / grey.shape[1] * scale, ())
    lying, standing = (sum(max(sign * (line.width - line.height), 0.0) for line in lines) for sign in (1, -1))
    turns = [turn for turn in range(4) if ONE_WAY * (lying, standing)[turn % 2] >= (standing, lying)[turn % 2]]
    longest = sorted(lines, key=lambda line: -max(line.height, line.width))[:ASKED]
    cuts = [crop(grey, scale, line).picture for line in longest]
    read = {turn: _read_at(cuts, turn, engine) for turn in turns}
    best = max(turns, key=read.__getitem__)
    return best if 0 not in read or read[best] > PLAINLY * read[0] else 0


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
    both = list(_figures_weighed(firsts, page, engine))
    kept = [read for place, read in enumerate(both) if read[1] and (place < len(stacked) or _mean(firsts[place][1]) > UNSURE)]
    readings = map(sifted, dashed([(cut.line.room, reading) for cut, reading, _ in kept]))
    coarse = [cut.line.room if cut.picture.shape[0] < COARSE else None for cut, _, _ in kept]
    told = doubted_beside_marks(list(zip(coarse, readings, strict=True)))
    chars = tuple(char for (cut, _, _), reading in zip(kept, told, strict=True) for char in cut.chars(reading))
    return _Print(chars, tuple((cut.line.seen, said) for cut, _, said in kept if said), len(both) - len(kept))


def _first(page: _Page, lines: Sequence[Line], engine: Engine) -> Iterator[tuple[Crop, Reading]]:
    """Each line as it is read best."""
    ways = [downward(page.soft, page.scale, line) if line.down else [_calm(page, line)] for line in lines]
    readings = iter(engine.read([cut.picture for cuts in ways for cut in cuts]))
    yield from (max(((cut, next(readings)) for cut in cuts), key=lambda read: _mean(read[1])) for cuts in ways)


def _calm(page: _Page, line: Line) -> Crop:
    """A level line without noise: blurred, but not over the edges of strokes."""
    cut = crop(page.grey, page.scale, line)
    return replace(cut, picture=np.asarray(cv2.bilateralFilter(cut.picture, 0, CALM[0], CALM[1] * page.scale), np.uint8))


def _mean(reading: Reading) -> float:
    return sum(glyph.confidence for glyph in reading) / max(len(reading), 1)


def _figures_weighed(firsts: Sequence[tuple[Crop, Reading]], page: _Page, engine: Engine) -> Iterator[tuple[Crop, Reading, str | None]]:
    """Level lines with figures are read again, blurred; where that reads otherwise or is not quite sure a third time, squeezed.

    The other reading comes along.
    """
    read = {place: [sober(reading)] for place, (_, reading) in enumerate(firsts)}
    figures = [place for place, (cut, reading) in enumerate(firsts) if FIGURE.search(text_of(reading)) and not cut.parts and not cut.turned]
    _read_again(read, figures, [crop(page.soft, page.scale, firsts[place][0].line).picture for place in figures], engine)
    disputed = [place for place in figures if least(weighed(*read[place])[0]) < QUITE]
    _read_again(read, disputed, [_squeezed(firsts[place][0].picture) for place in disputed], engine)
    yield from ((cut, *weighed(*read[place])) for place, (cut, _) in enumerate(firsts))


def _read_again(read: dict[int, list[Reading]], places: Sequence[int], pictures: Sequence[Picture], engine: Engine) -> None:
    for place, reading in zip(places, engine.read(pictures), strict=True):
        read[place].append(sober(reading))


def _squeezed(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=SQUEEZE, fy=1.0, interpolation=cv2.INTER_CUBIC), np.uint8)
