"""Ruled lines on the picture of a straight page, told from the strokes of characters by what they join.

A rule is dark, thin and long; so are an underline and the stem of a large character. But only rules meet other rules at both ends.
All lengths are in points of the page (1/72 inch); `scale` is pixels a point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from structurer.document import Box
from structurer.sheets.cuts import closed_on_scan
from structurer.sheets.rulings import Edge, cells_of

Picture = NDArray[np.uint8]
Likely = NDArray[np.float32]

LOOK: Final = 150 / 72  # pixels a point at which lines are looked for
THICK: Final = 3.5  # points: rules are thinner
SHARE: Final = 0.22  # of the contrast of print that a rule has at least
FAINTEST: Final = 10.0  # of 255: contrast that a rule has at least
OVER_NOISE: Final = 1.5  # times what three quarters of the page stay below
SMOOTH: Final = (1.0, 3.0)  # points along a line that are averaged, on clean and on noisy pages
NOISY: Final = 6.0  # of 255: contrast that half of a noisy page has
SHORTEST: Final = (14.0, 8.0)  # points: of level and of upright pieces of rules
LONG: Final = 24.0  # points: no stroke of a character in a table is as long
CRACK, BREAK = 0.7, 5.0  # points: gaps that are closed in any line, and between long pieces
TOUCH, MEET = 1.2, 3.0  # points: how near a stroke-like and a long line end to others that they meet
DRIFT: Final = 3  # pixels by which a long rule stands higher at one end than at the other
ASIDE: Final = 5  # pixels from a piece: there is paper
FAINTER: Final = 0.45  # of the darkness of long pieces that a short one has at least
CORE: Final = 0.5  # likelihood that counts as print
GAP, UNBROKEN = 1.5, 0.5  # points along a rule that are looked at, and how dark they are at least, of the darkness of most of it
SLIVER: Final = 4.0  # points: of a piece between two rules that is too short to be judged
BESIDE, CROWDED = 0.8, 0.06  # points beside the stroke of a character, and how much is dark there
FEET: Final = 2.0  # points from the core of a line to where its characters stand: their feet in a row are dark and thin
IN_PRINT: Final = 0.12  # of a short piece lies in print: it is the stroke of a character
LEAST: Final = (60.0, 10.0)  # points: width and height of the least table


class Piece(NamedTuple):
    """A part of a line, in points: its height, and where it starts and ends; and how dark it is, of 255."""

    at: float
    start: float
    end: float
    dark: float

    @property
    def length(self) -> float:
        return self.end - self.start


class Tables(NamedTuple):
    """Of the tables on a page the cells, a tuple for each, and the lines at which cells end without a rule; in points."""

    cells: tuple[tuple[Box, ...], ...]
    cuts: tuple[Box, ...]


def tables_of(page: Picture, print_: Likely, scale: float) -> Tables:
    """The ruled tables on a grey page (H, W) in even light, in reading order.

    `print_`, of any size: how likely each place of the page is the core of a line of print, in [0, 1]; rules are not.
    """
    height, width = (side / scale for side in page.shape)
    across, down = _ruled(page, print_, scale)
    closed = closed_on_scan([*across, *down], height)
    tables = cells_of(_joined([*across, *closed.across], [*down, *closed.down]), width, height)
    return Tables(tuple(cells for cells in tables if _is_large(cells)), tuple(map(Box._make, closed.cuts)))


def _is_large(cells: Sequence[Box]) -> bool:
    """Larger than a title's characters, whose strokes are a grid now and then."""
    x0s, tops, x1s, bottoms = zip(*cells, strict=True)
    return bool(max(x1s) - min(x0s) >= LEAST[0] and max(bottoms) - min(tops) >= LEAST[1])


@dataclass(frozen=True, slots=True)
class _Plane:
    """A page, or one laid on its side, as masks of 0 and 1: level lines, all ink, the cores of print; `thin`: how dark lines are."""

    grey: Picture
    dark: Picture
    thin: Picture
    ink: Picture
    cores: Picture
    scale: float
    paper: float

    def place(self, at: float, start: float, end: float) -> tuple[int, slice]:
        """The row and the columns of a piece."""
        first = min(max(round(start * self.scale), 0), self.grey.shape[1] - 1)
        return min(int(at * self.scale), self.grey.shape[0] - 1), slice(first, max(round(end * self.scale), first + 1))


def _ruled(page: Picture, print_: Likely, scale: float) -> tuple[list[Edge], list[Edge]]:
    """The level and the upright rules."""
    share = min(LOOK / scale, 1.0)
    small = np.asarray(cv2.resize(page, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    cores = (cv2.resize(print_, small.shape[::-1], interpolation=cv2.INTER_LINEAR) > CORE).astype(np.uint8)
    upright, lying = (np.ascontiguousarray(picture.T) for picture in (small, cores))
    feet = cv2.dilate(cores, np.ones((round(2 * FEET * scale * share) | 1, 1), np.uint8))
    planes = _plane(small, np.asarray(feet, np.uint8), scale * share), _plane(upright, lying, scale * share)
    pieces = [list(_pieces(plane, shortest)) for plane, shortest in zip(planes, SHORTEST, strict=True)]
    level = [piece for piece in pieces[0] if piece.length >= 2 * LONG]
    across, down = _rules(planes[0], pieces[0], ()), _rules(planes[1], pieces[1], level)
    return [Edge(x0, at, x1, at) for at, x0, x1, _ in across], [Edge(at, top, at, bottom) for at, top, bottom, _ in down]


def _pieces(plane: _Plane, shortest: float) -> Iterator[Piece]:
    """Nearly level dark pieces, in points."""
    least = round(shortest * plane.scale)
    runs = cv2.morphologyEx(cv2.dilate(plane.dark, np.ones((3, 1), np.uint8)), cv2.MORPH_OPEN, np.ones((1, least), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label, :4])
        place = slice(top, top + height), slice(left, left + width)
        for middle, start, end in _straight(labels[place] == label, plane.thin[place], least):
            yield _piece(plane, (middle + top + 0.5) / plane.scale, (left + start) / plane.scale, (left + end) / plane.scale)


def _piece(plane: _Plane, at: float, start: float, end: float) -> Piece:
    row, columns = plane.place(at, start, end)
    return Piece(at, start, end, _contrast(plane.grey[:, columns], row))


def _rules(plane: _Plane, pieces: Sequence[Piece], crossing: Sequence[Piece]) -> list[Piece]:
    """The pieces that are rules: not where print is, for its strokes are dark and thin too."""
    return list(_mended(_alike([part for piece in pieces for part in _sound(plane, piece, crossing)])))


def _sound(plane: _Plane, piece: Piece, crossing: Sequence[Piece]) -> Iterator[Piece]:
    """A piece without what from one crossing rule to the next are strokes: print in a low row touches the rules round it."""
    held = [other.at for other in crossing if other.start - MEET <= piece.at <= other.end + MEET]
    cuts = sorted(at for at in held if piece.start + SLIVER < at < piece.end - SLIVER)
    start = max((at for at in held if abs(at - piece.start) <= SLIVER), default=piece.start + GAP)
    end = min((at for at in held if abs(at - piece.end) <= SLIVER), default=piece.end - GAP)
    parts, bounds = list(pairwise((start, *cuts, end))), (piece.start, *cuts, piece.end)
    yield from (_piece(plane, piece.at, bounds[first], bounds[last]) for first, last in _stretches(plane, piece.at, parts))


def _stretches(plane: _Plane, at: float, parts: Sequence[tuple[float, float]]) -> Iterator[tuple[int, int]]:
    """The first part and the one behind the last of each stretch of a rule: from the first rule to the last, but where it is broken."""
    long = [number for number, part in enumerate(parts) if part[1] - part[0] >= SLIVER]
    rules = [number for number in long if _is_rule(plane, at, *parts[number])]
    if rules:
        broken = [number for number in long if rules[0] < number < rules[-1] and not _is_unbroken(plane, at, *parts[number])]
        bounds = pairwise((rules[0] - 1, *broken, rules[-1] + 1))
        yield from ((before + 1, after) for before, after in bounds if after - before > 1)


def _is_rule(plane: _Plane, at: float, start: float, end: float) -> bool:
    """Whether it lies beside print, or nothing is joined to it but at its ends: the strokes of a character are joined to one another."""
    if not _is_unbroken(plane, at, start, end):
        return False
    row, columns = plane.place(at, start, end)
    if plane.cores[row, columns].mean() < IN_PRINT:
        return True
    ends = round(TOUCH * plane.scale)
    share = plane.ink[:, columns][:, ends:-ends].mean(axis=1)
    return max(_beside(share[row::-1], plane.scale), _beside(share[row:], plane.scale)) < CROWDED


def _is_unbroken(plane: _Plane, at: float, start: float, end: float) -> bool:
    """Whether it is as dark up to the crossing rules as between them: above and below the stem of a character is paper.

    What is longer than any stem may be worn.
    """
    if end - start >= LONG:
        return True
    row, columns = plane.place(at, start, end)
    along = max(round(GAP * plane.scale), 1)
    rows = plane.paper - cv2.blur(plane.grey[max(row - DRIFT, 0) : row + DRIFT + 1, columns], (along, 3)).astype(np.float32)
    usual = np.median(rows, axis=1)
    return bool(rows[usual.argmax()].min() > UNBROKEN * usual.max())


def _beside(share: NDArray[np.float64], scale: float) -> float:
    """How much is dark beside a piece, of the rows outward from it: where its own darkness has ended."""
    end = int(np.append(share[: round(THICK * scale)] > 0.5, False).argmin()) + 1
    beside = share[end : end + round(BESIDE * scale)]
    return float(beside.mean()) if beside.size else 0.0


def _contrast(columns: Picture, row: int) -> float:
    """How much darker a piece is on average than the paper on either side."""
    heights = columns[max(row - ASIDE, 0) : row + ASIDE + 1].mean(axis=1)
    middle = min(row, ASIDE)
    above, below = heights[: max(middle - 2, 1)].max(), heights[middle + 3 :].max(initial=0.0)
    return float(min(above, below or above) - heights[max(middle - 1, 0) : middle + 2].min())


def _alike(pieces: Sequence[Piece]) -> list[Piece]:
    """Without short pieces much fainter than the long ones are: noise in a row."""
    long = [piece.dark for piece in pieces if piece.length >= 2 * LONG]
    least = FAINTER * float(np.median(long)) if long else 0.0
    return [piece for piece in pieces if piece.length >= LONG or piece.dark >= least]


def _straight(mask: NDArray[np.bool_], thin: Picture, least: int) -> Iterator[tuple[float, int, int]]:
    """The straight parts of a patch, the darkest first: row, first and last column. A stroke that touches a rule makes them one patch."""
    left = mask.copy()
    while (rows := left.sum(axis=1)).max() >= least:
        weight = np.where(left, np.maximum(thin, 1), 0).sum(axis=1, dtype=np.float64)
        row = int(np.where(rows >= least, weight, 0).argmax())
        near = slice(max(row - 1, 0), row + 2)
        middle = float(weight[near] @ np.arange(len(weight))[near] / weight[near].sum())
        bounds = np.flatnonzero(np.diff(left[near].any(axis=0).astype(np.int8), prepend=0, append=0))
        yield from ((middle, int(start), int(end)) for start, end in zip(bounds[::2], bounds[1::2], strict=True) if end - start >= least)
        left[max(row - 2, 0) : row + 3] = False


def _plane(small: Picture, cores: Picture, scale: float) -> _Plane:
    """What is darker than what is above and below is dark; it is closed where upright lines cross it and where it is cracked."""
    size = round(THICK * scale) * 2 + 1
    smooth = _smooth(small, scale, size)
    thin = _hat(smooth, (1, size))
    quarters = np.percentile(thin[::2, ::2], (50, 75, 99.5))
    least = max(SHARE * quarters[2], FAINTEST, OVER_NOISE * quarters[1])
    dark, ink = (thin > least).astype(np.uint8), (_hat(smooth, (size, size)) > least).astype(np.uint8)
    crossed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((1, size), np.uint8)) & ink
    closed = cv2.morphologyEx(dark | crossed, cv2.MORPH_CLOSE, np.ones((1, round(CRACK * scale) | 1), np.uint8))
    return _Plane(small, np.asarray(closed, np.uint8), thin, ink, cores, scale, float(np.median(small[::4, ::4])))


def _smooth(small: Picture, scale: float, size: int) -> Picture:
    """Blurred along lines, the further the noisier it is."""
    little = cv2.blur(small, (max(round(SMOOTH[0] * scale), 1), 1))
    noise = float(np.median(_hat(little, (1, size))[::2, ::2]))
    return np.asarray(little if noise < NOISY else cv2.blur(small, (round(SMOOTH[1] * scale), 1)), np.uint8)


def _hat(picture: Picture, size: tuple[int, int]) -> Picture:
    """How much darker each pixel is than what lies within (width, height) round it."""
    return np.asarray(cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, np.ones(size[::-1], np.uint8)), np.uint8)


def _mended(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Long pieces of one line put together over what has broken it."""
    last: dict[int, Piece] = {}
    for piece in sorted(pieces, key=lambda piece: piece.start):
        before = next((last[key] for key in _near(piece) if key in last and _continues(last[key], piece)), None)
        if before is not None:
            del last[round(before.at)]
            piece = Piece(
                (before.at * before.length + piece.at * piece.length) / (before.length + piece.length),
                before.start,
                piece.end,
                max(before.dark, piece.dark),
            )
        elif round(piece.at) in last:
            yield last[round(piece.at)]
        last[round(piece.at)] = piece
    yield from last.values()


def _near(piece: Piece) -> tuple[int, int, int]:
    return round(piece.at), round(piece.at) - 1, round(piece.at) + 1


def _continues(before: Piece, after: Piece) -> bool:
    gap = BREAK if min(before.length, after.length) >= LONG else BREAK / 2
    return after.start - before.end <= gap and abs(after.at - before.at) < 1.0


def _joined(across: Sequence[Edge], down: Sequence[Edge]) -> list[Edge]:
    """Those that meet others at both ends, cut off there; again, until nothing changes."""
    while True:
        level, upright = np.array(across).reshape(-1, 4), np.array(down).reshape(-1, 4)
        meets = _meets(level, upright)
        kept_level = [_cut(edge, upright[row, 0], level=True) for edge, row in zip(across, meets, strict=True) if row.sum() > 1]
        kept_upright = [_cut(edge, level[col, 1], level=False) for edge, col in zip(down, meets.T, strict=True) if col.sum() > 1]
        if len(kept_level) == len(across) and len(kept_upright) == len(down):
            return [*kept_level, *kept_upright]
        across, down = kept_level, kept_upright


def _meets(level: NDArray[np.float64], upright: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which level edge (rows) meets which upright one (columns)."""
    x, y = upright[None, :, 0], level[:, None, 1]
    right, low = _reach(level[:, 2] - level[:, 0])[:, None], _reach(upright[:, 3] - upright[:, 1])[None, :]
    beside = (x >= level[:, None, 0] - right) & (x <= level[:, None, 2] + right)
    return np.asarray(beside & (y >= upright[None, :, 1] - low) & (y <= upright[None, :, 3] + low))


def _reach(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(lengths < LONG, TOUCH, MEET)


def _cut(edge: Edge, at: NDArray[np.float64], *, level: bool) -> Edge:
    start, end = float(at.min()), float(at.max())
    return Edge(start, edge.top, end, edge.bottom) if level else Edge(edge.x0, start, edge.x1, end)
