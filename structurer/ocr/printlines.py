"""Where lines of print stand on a straight page: what the detector takes for print, parted by the rules of tables.

The detector marks the core of a line, a good third of its height; the line is that core grown on all sides (unclipping, after M. Liao and
others, Real-time scene text detection with differentiable binarization, 2020). A core that runs over a rule is two lines: the figures of
neighbouring cells never become one. All lengths are in points of the page (1/72 inch); `scale` is pixels a point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from structurer.document import Box

Picture = NDArray[np.uint8]
Likely = NDArray[np.float32]

CORE: Final = 0.3  # likelihood of print in the core of a line
SURE: Final = 0.45  # mean likelihood of a core
GROWTH: Final = 1.6  # of area by circumference: how far a core is from the outline of its line
INK: Final = 44  # of 255: darker than paper by so much is ink
RULE: Final = 1.8  # points: a rule and its shadow reach no further into a cell
ASTRAY: Final = 1.2  # points: how far within its cell's side a rule may begin
SHADOW: Final = (0.3, 0.6)  # points: of the blur beside a level and an upright rule
RULED: Final = (0.4, 0.7)  # of a row and of a column of pixels along a side is dark: it is of the rule
DUST, DUST_OF_NOISE = 0.5, 0.2  # square points: less ink is dust; and by so much for each grey level that paper varies
NOISE: Final = 6.0  # times the median deviation of paper
NEAR: Final = 2.5  # points: ink so near to other ink is of one line
SAME: Final = 0.3  # of the lower one's height that two on one line share
REACH: Final = 30  # lines before a line that it may touch
PART: Final = 0.4  # of a line's height: ink that is lower is no line beside it, but a part of its characters
TALL: Final = 1.6  # times as high as wide: set from top to bottom, or turned
LOW: Final = (0.5, 0.8)  # of the height of most lines: that of a dash, and that of a line cut off by a rule


class Line(NamedTuple):
    """A line of print: the box round its characters and a little paper, and what of its cell the rules leave free.

    `least`: the height, with paper above and below, at which it is to be shown at least. `down`: it may run from top to bottom.
    """

    box: Box
    room: Box | None = None
    least: float = 0.0
    down: bool = False

    @property
    def width(self) -> float:
        return self.box.x1 - self.box.x0

    @property
    def height(self) -> float:
        return self.box.bottom - self.box.top

    @property
    def seen(self) -> Box:
        """What of the box lies in the cell."""
        return self.box if self.room is None else _inside(self.box, self.room)

    @property
    def is_tall(self) -> bool:
        return self.height > TALL * self.width


def rooms_of(soft: Picture, scale: float, tables: Sequence[Sequence[Box]]) -> list[Box]:
    """What the rules of each cell leave free, on a grey page (H, W) with its noise blurred: sides are moved in until they are bright."""
    paper = int(np.median(soft[::4, ::4]))
    dark = (soft < paper - INK // 2).astype(np.uint8)
    return [_room(dark[window(cell, scale)], scale, cell) for table in tables for cell in table]


def _room(dark: Picture, scale: float, cell: Box) -> Box:
    down, across = dark.mean(axis=1) > RULED[0], dark.mean(axis=0) > RULED[1]
    top, bottom = (_bright(side, scale) + SHADOW[0] for side in (down, down[::-1]))
    left, right = (_bright(side, scale) + SHADOW[1] for side in (across, across[::-1]))
    return Box(cell.x0 + left, cell.top + top, max(cell.x1 - right, cell.x0 + left + 1), max(cell.bottom - bottom, cell.top + top + 1))


def _bright(is_ruled: NDArray[np.bool_], scale: float) -> float:
    """How far from a side its rule reaches, in points; the rule may lie a little inside."""
    most, near = (min(round(reach * scale), len(is_ruled) // 4) for reach in (RULE, ASTRAY))
    last = np.flatnonzero(is_ruled[:near])
    start = int(last[-1]) if len(last) else 0
    return (start + int(np.append(is_ruled[start:most], False).argmin())) / scale


def lines_of(print_: Likely, scale: float, rooms: Sequence[Box]) -> list[Line]:
    """The lines on a map (H, W) of how likely print is, from top to bottom."""
    cores = (print_ > CORE).astype(np.uint8)
    owners = _owners(scale, rooms, cores)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(cores, connectivity=8)
    sums = np.bincount(labels.ravel(), print_.ravel(), count)
    lines = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if min(width, height) < 2 or sums[label] < SURE * area:
            continue
        owner = owners[int(centres[label][1]), int(centres[label][0])]
        room = rooms[owner - 1] if owner else None
        lines.append(Line(_grown(left / scale, top / scale, width / scale, height / scale), room))
    return sorted(_parted(lines), key=lambda line: (line.box.top, line.box.x0))


def _parted(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines that stand close below one another, cut half way between them: each is to be seen without its neighbours."""
    held: dict[Box | None, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.box.top):
        own = held.setdefault(line.room, [])
        for place in range(max(len(own) - REACH, 0), len(own)):
            if _is_below(line, own[place]):
                at = (line.box.top + own[place].box.bottom) / 2
                line, own[place] = _cut_at(line, top=at), _cut_at(own[place], bottom=at)
        own.append(line)
    return (line for own in held.values() for line in own)


def _is_below(line: Line, before: Line) -> bool:
    """Its upper edge reaches into the line before, less than half way."""
    beside = min(line.box.x1, before.box.x1) <= max(line.box.x0, before.box.x0)
    return not beside and before.box.bottom > line.box.top > (before.box.top + before.box.bottom) / 2


def _cut_at(line: Line, top: float | None = None, bottom: float | None = None) -> Line:
    box = line.box
    return line._replace(box=Box(box.x0, box.top if top is None else top, box.x1, box.bottom if bottom is None else bottom))


def _owners(scale: float, rooms: Sequence[Box], cores: Picture) -> NDArray[np.int32]:
    """The number of the cell at each place, from 1; cores are wiped where rules are, so that none runs from cell to cell."""
    owners = np.zeros(cores.shape, np.int32)
    for number, room in enumerate(rooms, 1):
        owners[window(room, scale)] = number
    ruled = cv2.morphologyEx((owners > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((round(2 * RULE * scale) | 1,) * 2, np.uint8))
    cores[(ruled > 0) & (owners == 0)] = 0
    return owners


def _grown(left: float, top: float, width: float, height: float) -> Box:
    """A core grown to its line."""
    by = GROWTH * width * height / (2 * (width + height))
    return Box(max(left - by, 0.0), max(top - by, 0.0), left + width + by, top + height + by)


def _inside(box: Box, room: Box) -> Box:
    x0, top = min(max(box.x0, room.x0), room.x1 - 0.5), min(max(box.top, room.top), room.bottom - 0.5)
    return Box(x0, top, max(min(box.x1, room.x1), x0 + 0.5), max(min(box.bottom, room.bottom), top + 0.5))


# --- what a detector passes over


def completed(soft: Picture, scale: float, rooms: Sequence[Box], lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines with the ink beside them in their cells, and lines of other ink in cells: short figures and dashes.

    `soft` is the grey page (H, W), its noise blurred.
    """
    ink, dust = _ink(soft, scale)
    for line in lines:
        ink[window(line.seen, scale)] = 0
    whole, passed = list(lines), []
    held: dict[Box, list[int]] = {room: [] for room in rooms}
    for number, line in enumerate(lines):
        if line.room is not None:
            held[line.room].append(number)
    for room, numbers in held.items():
        for patch in _patches(ink[window(room, scale)], scale, room, 2 * dust):
            beside = next((number for number in numbers if _share_a_line(patch, whole[number].box)), None)
            if beside is None:
                passed.append(Line(patch, room))
            else:
                whole[beside] = Line(_with_patch(whole[beside].box, patch), room)
    return whole, passed


def _share_a_line(patch: Box, line: Box) -> bool:
    """Whether ink stands on a line, or is the head or the foot of its characters."""
    shared = min(patch.bottom, line.bottom) - max(patch.top, line.top)
    if shared > SAME * min(patch.bottom - patch.top, line.bottom - line.top):
        return True
    is_part = min(patch.x1, line.x1) > max(patch.x0, line.x0) and patch.bottom - patch.top < PART * (line.bottom - line.top)
    return is_part and shared > -SAME * (line.bottom - line.top)


def _with_patch(line: Box, patch: Box) -> Box:
    """A line with ink on it, higher by no more than a part of a character."""
    more = PART * (line.bottom - line.top)
    top, bottom = max(min(line.top, patch.top), line.top - more), min(max(line.bottom, patch.bottom), line.bottom + more)
    return Box(min(line.x0, patch.x0), top, max(line.x1, patch.x1), bottom)


def _ink(soft: Picture, scale: float) -> tuple[Picture, float]:
    """What is darker than the paper and its noise, 0 or 1, without dust; and how large dust is, in pixels: the noisier the larger."""
    paper = float(np.median(soft[::4, ::4]))
    noise = float(np.median(np.abs(soft[::4, ::4] - paper)))
    ink = (soft < paper - max(INK, NOISE * noise)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    dust = (DUST + DUST_OF_NOISE * noise) * scale * scale
    sizes = stats[:, cv2.CC_STAT_AREA] >= dust
    sizes[0] = False
    return np.asarray(sizes[labels], np.uint8), dust


def _patches(ink: Picture, scale: float, room: Box, least: float) -> Iterator[Box]:
    """The boxes of at least so much ink that stands together, with a little paper round it."""
    if cv2.countNonZero(ink) < least:
        return
    near = round(NEAR * scale)
    together = cv2.dilate(ink, np.ones((max(near // 2, 1), 2 * near), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(together, connectivity=8)
    dark = np.bincount(labels.ravel(), ink.ravel(), count)
    for label in range(1, count):
        if dark[label] >= least:
            left, top, width, height = (float(value) / scale for value in stats[label, :4])
            yield _inside(Box(room.x0 + left, room.top + top, room.x0 + left + width, room.top + top + height), room)


def shown(lines: Sequence[Line]) -> list[Line]:
    """The lines with how they are to be shown: a dash in as much paper as print has on the page, and what may run downwards as such."""
    usual = float(np.median([line.height for line in lines if line.width > line.height] or [0.0]))
    return [line._replace(least=_least(line, usual), down=_runs_down(line, usual)) for line in lines]


def _least(line: Line, usual: float) -> float:
    """The height at which a line is shown: what is very low is a dash, what is rather low may be cut off by a rule."""
    return usual if line.height < LOW[0] * usual else LOW[1] * usual


def _runs_down(line: Line, usual: float) -> bool:
    """Whether its print is set from top to bottom, or turned: a figure 1 is tall too, but not high."""
    return line.is_tall and line.height > TALL * usual


def window(box: Box, scale: float) -> tuple[slice, slice]:
    """The rows and columns of a picture that a box takes."""
    top, bottom, x0, x1 = (max(round(side * scale), 0) for side in (box.top, box.bottom, box.x0, box.x1))
    return slice(top, max(bottom, top + 1)), slice(x0, max(x1, x0 + 1))
