"""Lines of print cut out of a page for a recogniser, and its glyphs put back on the page.

A recogniser wants paper round its line; where a cell or the page ends too near, paper is added. Characters set below one another are put
side by side. All lengths are in points of the page; `scale` is pixels a point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from structurer.document import Box
from structurer.ocr.engine import Reading
from structurer.ocr.printlines import INK, Line, window
from structurer.sheets.sheet import Char

Picture = NDArray[np.uint8]

MARGIN: Final = 0.1  # of the side of a character that is set beside others, on all sides
PAPER: Final = 245
SQUARE: Final = 1.1  # times as high as wide: an ideograph at most


@dataclass(frozen=True, slots=True)
class Crop:
    """A line as a recogniser is shown it, (H, W) grey. `left` is the place of its left side, `width` its width, in points.

    `parts` are the boxes of characters that were set side by side; `turned`: the print runs downwards (1) or upwards (-1).
    """

    line: Line
    picture: Picture
    left: float
    width: float
    parts: tuple[Box, ...] = ()
    turned: int = 0

    def chars(self, reading: Reading) -> Iterator[Char]:
        """The characters read, where they stand on the page."""
        for glyph in reading:
            yield Char(glyph.text, self._box(glyph.x0, glyph.x1), not self.turned, min(max(glyph.confidence, 0.0), 1.0))

    def _box(self, x0: float, x1: float) -> Box:
        box = self.line.seen
        if self.parts:
            return self.parts[min(max(int((x0 + x1) / 2 * len(self.parts)), 0), len(self.parts) - 1)]
        first, last = self.left + x0 * self.width, self.left + x1 * self.width
        if self.turned:
            turned = self.line.box.top + self.line.box.bottom
            first, last = (first, last) if self.turned > 0 else (turned - last, turned - first)
            return Box(box.x0, min(max(first, box.top), box.bottom - 0.1), box.x1, max(min(last, box.bottom), box.top + 0.1))
        return Box(min(max(first, box.x0), box.x1 - 0.1), box.top, max(min(last, box.x1), box.x0 + 0.1), box.bottom)


def crop(page: Picture, scale: float, line: Line, margin: float = 0.0) -> Crop:
    """A level line; `margin`, of its height, is what is shown round it beyond its box."""
    by = margin * line.height
    box = Box(line.box.x0 - by, line.box.top - by, line.box.x1 + by, line.box.bottom + by)
    more, aside = max(line.least - line.height, 0.0) / 2, max(line.least - line.width, 0.0) / 2
    sides = (round(more * scale), round(more * scale), round(aside * scale), round(aside * scale))
    picture = cv2.copyMakeBorder(_cut(page, scale, box, line.room), *sides, cv2.BORDER_CONSTANT, value=PAPER)
    return Crop(line, np.asarray(picture, np.uint8), box.x0 - aside, box.x1 - box.x0 + 2 * aside)


def downward(page: Picture, scale: float, line: Line) -> list[Crop]:
    """How a tall line may be meant: characters below one another, or print that was turned to the right or to the left."""
    box = line.box
    cut = _cut(page, scale, box, line.room)
    turned = [Crop(line, np.ascontiguousarray(np.rot90(cut, way)), box.top, box.bottom - box.top, (), way) for way in (1, -1)]
    parts = list(_below_one_another(page[window(line.seen, scale)], scale, line.seen))
    return [_beside(page, scale, line, parts), *turned] if parts else [crop(page, scale, line), *turned]


def _cut(page: Picture, scale: float, box: Box, room: Box | None) -> Picture:
    """A box of the page; paper for what of it lies beyond its cell or the page."""
    (top, bottom), (left, right) = ((round(a * scale), round(b * scale)) for a, b in ((box.top, box.bottom), (box.x0, box.x1)))
    free = window(room, scale) if room else (slice(0, page.shape[0]), slice(0, page.shape[1]))
    rows = slice(max(top, free[0].start), max(min(bottom, free[0].stop, page.shape[0]), top + 1, free[0].start + 1))
    cols = slice(max(left, free[1].start), max(min(right, free[1].stop, page.shape[1]), left + 1, free[1].start + 1))
    sides = (max(rows.start - top, 0), max(bottom - rows.stop, 0), max(cols.start - left, 0), max(right - cols.stop, 0))
    return np.asarray(cv2.copyMakeBorder(page[rows, cols], *sides, cv2.BORDER_CONSTANT, value=PAPER), np.uint8)


# --- characters below one another


def _below_one_another(page: Picture, scale: float, box: Box) -> Iterator[Box]:
    """The boxes of characters: pieces of ink put together as long as they are not higher than wide; none where there is one."""
    dark = page < 255 - INK
    columns, rows = np.flatnonzero(dark.any(axis=0)), np.flatnonzero(dark.any(axis=1))
    if not len(rows):
        return
    wide, pieces = int(columns[-1] - columns[0]) + 1, np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    characters: list[tuple[int, int]] = []
    for top, bottom in ((int(piece[0]), int(piece[-1]) + 1) for piece in pieces):
        if characters and bottom - characters[-1][0] <= SQUARE * wide:
            characters[-1] = characters[-1][0], bottom
        else:
            characters.append((top, bottom))
    if len(characters) > 1:
        yield from (Box(box.x0, box.top + top / scale, box.x1, box.top + bottom / scale) for top, bottom in characters)


def _beside(page: Picture, scale: float, line: Line, parts: Sequence[Box]) -> Crop:
    """The characters in a row, each in the middle of a square."""
    cuts = [page[window(part, scale)] for part in parts]
    side = max(max(cut.shape) for cut in cuts)
    row = np.full((round(side * (1 + 2 * MARGIN)), side * len(cuts)), PAPER, np.uint8)
    for place, cut in enumerate(cuts):
        top, left = (row.shape[0] - cut.shape[0]) // 2, place * side + (side - cut.shape[1]) // 2
        row[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return Crop(line, row, 0.0, 0.0, tuple(parts))


def stacks(lines: Sequence[Line]) -> list[Line]:
    """The lines; those of a narrow cell that are one character each, below one another, as one tall line."""
    held: dict[Box, list[Line]] = {}
    for line in lines:
        if line.room is not None:
            held.setdefault(line.room, []).append(line)
    stacked = {room: _stack(room, own) for room, own in held.items() if _is_stack(own)}
    others = [line for line in lines if line.room is None or line.room not in stacked]
    return sorted([*others, *stacked.values()], key=lambda line: (line.box.top, line.box.x0))


def _is_stack(own: Sequence[Line]) -> bool:
    wide = max(line.width for line in own)
    narrow = all(line.is_tall or line.width < SQUARE * 1.4 * line.height for line in own)
    below = all(after.box.top > (before.box.top + before.box.bottom) / 2 for before, after in pairwise(own))
    return len(own) > 1 and narrow and below and own[-1].box.bottom - own[0].box.top > 1.6 * wide


def _stack(room: Box, own: Sequence[Line]) -> Line:
    boxes = [line.box for line in own]
    return Line(Box(min(b.x0 for b in boxes), min(b.top for b in boxes), max(b.x1 for b in boxes), max(b.bottom for b in boxes)), room)
