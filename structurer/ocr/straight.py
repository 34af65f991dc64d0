"""A page's picture made straight: even light, the page cut out of the desk, its skew taken out, and what a lens or a fold has bent.

All lengths are in points of the page (1/72 inch); `scale` is pixels a point. The picture is sampled once, however many steps there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

LIGHT: Final = 24.0  # points: the least extent of what is light and shadow, not print
PAPER: Final = (245, 245, 245)  # what is seen beside the picture
MOST_GAIN: Final = 3.0  # of brightness: what is darker yet is no paper in shadow
LOOK: Final = 100 / 72  # pixels a point at which the slope of lines is looked for
THIN: Final = 6.0  # points: strokes are thinner
FAINT: Final = 24.0  # of 255: how much darker than its paper print is at least
STEEPEST: Final = 15.0  # degrees of skew that are looked for
COARSE, FINE = 0.2, 0.02  # degrees
SAMPLE, COARSE_SAMPLE = 30_000, 6_000  # places of print that are looked at
LITTLE: Final = 2_000  # places of print from which no skew is told
CLEARER: Final = 1.2  # times as jagged as it is as it stands is a page that is turned
LEVEL: Final = 0.02  # degrees: less skew is none
DESK: Final = 0.72  # of the brightness of the page: what lies round it is darker
STEP: Final = 16  # of 255: shadows change less over a hundredth of a picture
DESK_MARK: Final = 2
PAGE_SHARE: Final = 0.35  # of the picture that a page takes at least
LONG: Final = 48.0  # points: ruled lines that tell how a page is bent are longer
ENOUGH: Final = 3  # of such lines
RAGGED: Final = 0.4  # pixels of deviation from a smooth curve, on average: a rule has less
BENT: Final = 0.35  # points: less is straight
GRID: Final = 64  # places across and down at which the field is known
TOO_BENT: Final = 60.0  # points: more is no page but a mistake


def flattened(grey: Picture, scale: float) -> Picture:
    """In even light: paper white, print as dark against it as it was."""
    small = cv2.resize(grey, None, fx=0.5 / scale, fy=0.5 / scale, interpolation=cv2.INTER_AREA)
    size = int(LIGHT / 2) | 1
    paper = cv2.GaussianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)), (0, 0), size / 2)
    gain = np.clip(PAPER[0] / np.maximum(paper, 1), 1.0, MOST_GAIN).astype(np.float32)
    lit = grey * cv2.resize(gain, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


@dataclass(frozen=True, slots=True)
class Lens:
    """How a straight page is seen on a picture: a projection, and what bends it before. `angle`: degrees that it is turned clockwise by.

    `size` of the straight page is (width, height) in pixels.
    """

    matrix: Floats  # (3, 3), from the straight page to the picture
    size: tuple[int, int]
    angle: float = 0.0
    bend: tuple[Floats, Floats] | None = None  # (height, width) each: what to add to x and y before the projection

    def seen(self, picture: Picture) -> Picture:
        """The straight page, of a picture (H, W) or (H, W, 3)."""
        if self.bend is None and np.allclose(self.matrix, np.eye(3)) and self.size == picture.shape[1::-1]:
            return picture
        if self.bend is None:
            warped = cv2.warpPerspective(picture, self.matrix, self.size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderValue=PAPER)
        else:
            warped = cv2.remap(picture, *self._places(self.bend), cv2.INTER_CUBIC, borderValue=PAPER)
        return np.asarray(warped, np.uint8)

    def _places(self, bend: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        across, down = np.meshgrid(np.arange(self.size[0], dtype=np.float32), np.arange(self.size[1], dtype=np.float32))
        x, y = across + bend[0], down + bend[1]
        w = self.matrix[2, 0] * x + self.matrix[2, 1] * y + self.matrix[2, 2]
        seen_x, seen_y = (((row[0] * x + row[1] * y + row[2]) / w).astype(np.float32) for row in self.matrix[:2])
        return seen_x, seen_y


def lens_of(grey: Picture, scale: float) -> Lens:
    """The lens that makes a grey picture (H, W) straight; which side is up is not looked at."""
    share = min(LOOK / scale, 1.0)
    small = np.asarray(cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    cut = _cut_out(small)
    page = flattened(cut.seen(small), scale * share)
    turned = _turned(cut, page.shape, _skew(page, scale * share))
    return _enlarged(_unbent(turned, flattened(turned.seen(small), scale * share)), 1 / share)


def _enlarged(lens: Lens, factor: float) -> Lens:
    """The same lens for a picture `factor` times as large."""
    larger = np.diag([factor, factor, 1])
    size = round(lens.size[0] * factor), round(lens.size[1] * factor)
    bend = None if lens.bend is None else tuple(cv2.resize(field * factor, size, interpolation=cv2.INTER_LINEAR) for field in lens.bend)
    return Lens((larger @ lens.matrix @ np.linalg.inv(larger)).astype(np.float32), size, lens.angle, bend and (bend[0], bend[1]))


# --- the page on the desk


def _cut_out(grey: Picture) -> Lens:
    """The page alone, where it lies on something darker that the picture shows on at least two sides."""
    whole = Lens(np.eye(3, dtype=np.float32), (grey.shape[1], grey.shape[0]))
    small = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_AREA)
    corners = _corners(cv2.medianBlur(small, 9))
    if corners is None:
        return whole
    corners = corners * np.array([grey.shape[1] / 256, grey.shape[0] / 256], np.float32)
    sides = [float(np.linalg.norm(corners[one] - corners[two])) for one, two in ((0, 1), (3, 2), (0, 3), (1, 2))]
    size = round(max(sides[:2])), round(max(sides[2:]))
    square = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
    return Lens(cv2.getPerspectiveTransform(square, corners).astype(np.float32), size)


def _corners(small: Picture) -> Floats | None:
    """Top left, top right, bottom right, bottom left of the page; None where it fills the picture or has another shape."""
    desk = _desk(small)
    if not desk.any() or desk.all() or small[desk].mean() > DESK * small[~desk].mean():
        return None
    contours, _ = cv2.findContours((~desk).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    corners = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, closed=True), closed=True).reshape(-1, 2).astype(np.float32)
    if len(corners) != 4 or cv2.contourArea(hull) < PAGE_SHARE * small.size or _leaves_nothing_out(corners, small):
        return None
    around = corners - corners.mean(axis=0)
    ordered = corners[np.argsort(np.arctan2(around[:, 1], around[:, 0]))]
    return np.asarray(np.roll(ordered, -int(np.argmin(ordered.sum(axis=1))), axis=0), np.float32)


def _desk(small: Picture) -> NDArray[np.bool_]:
    """What is reached from dark places of the border without a step in brightness; shadows have none, the side of the page has."""
    steps = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > STEP
    reached = cv2.copyMakeBorder(steps.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    dark = small < DESK * np.percentile(small, 90)
    dark[1:-1, 1:-1] = False
    for row, col in zip(*np.nonzero(dark & ~steps), strict=True):
        cv2.floodFill(small, reached, (int(col), int(row)), 0, 255, 255, cv2.FLOODFILL_MASK_ONLY | 4 | DESK_MARK << 8)
    return np.asarray(cv2.dilate((reached[1:-1, 1:-1] == DESK_MARK).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _leaves_nothing_out(corners: Floats, small: Picture) -> bool:
    side = small.shape[0] - 1
    return bool(np.all((corners <= 2) | (corners >= side - 2)))


# --- skew


def _skew(page: Picture, scale: float) -> float:
    """Degrees by which lines of print and rules fall to the right, in (-15, 15); none where a page has too little to tell."""
    places = _print(page, scale)
    if len(places) < LITTLE:
        return 0.0
    few = places[:: len(places) // COARSE_SAMPLE + 1]
    coarse = _most_jagged(few, np.arange(-STEEPEST, STEEPEST + COARSE, COARSE).round(2))
    if _jaggedness(few, coarse) < CLEARER * _jaggedness(few, 0.0):
        coarse = 0.0
    return _most_jagged(places, coarse + np.arange(-COARSE, COARSE + FINE, FINE).round(2))


def _print(grey: Picture, scale: float) -> Floats:
    """The places (n, 2) of what is thin and dark: print and rules, no shadows and edges; from the middle of them all."""
    size = round(THIN * scale) | 1
    thin = cv2.morphologyEx(cv2.GaussianBlur(grey, (0, 0), 0.7), cv2.MORPH_BLACKHAT, np.ones((size, size), np.uint8))
    rows, cols = np.nonzero(thin > FAINT)
    places = np.stack([cols, rows], axis=1)[:: len(rows) // SAMPLE + 1].astype(np.float32)
    return places - places.mean(axis=0) if len(places) else places


def _most_jagged(places: Floats, angles: NDArray[np.float64]) -> float:
    return float(max(angles, key=lambda angle: _jaggedness(places, float(angle))))


def _jaggedness(places: Floats, degrees: float) -> float:
    """How much the counts of print differ from line to line, after W. Postl, Detection of linear oblique structures (1986)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    across = places[:, 0] * cos + places[:, 1] * sin
    down = places[:, 1] * cos - places[:, 0] * sin
    return sum(float(np.square(np.diff(np.bincount((line - line.min()).astype(np.intp)))).sum()) for line in (across, down))


def _turned(lens: Lens, shape: Sequence[int], angle: float) -> Lens:
    """The lens before which the page is turned back by its skew, on paper that holds all its corners."""
    if abs(angle) < LEVEL:
        return lens
    height, width = shape[:2]
    matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1), (0, 0, 1)])
    corners = matrix @ np.array([(0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)], np.float64).T
    low, high = corners[:2].min(axis=1), corners[:2].max(axis=1)
    matrix[:2, 2] -= low
    size = round(high[0] - low[0]), round(high[1] - low[1])
    return Lens((lens.matrix @ np.linalg.inv(matrix)).astype(np.float32), size, -angle)


# --- what is bent


def _unbent(lens: Lens, page: Picture) -> Lens:
    """With the smooth field that makes all long rules of a page level or upright, where they say that it is bent."""
    down = _field(_long_lines(page), page.shape)
    across = _field(_long_lines(np.ascontiguousarray(page.T)), page.shape[::-1])
    if down is None and across is None:
        return lens
    flat = np.zeros(page.shape, np.float32)
    return Lens(
        lens.matrix, lens.size, lens.angle, (flat if across is None else np.ascontiguousarray(across.T), flat if down is None else down)
    )


def _long_lines(small: Picture) -> list[Floats]:
    """The places (n, 2) along each long and nearly level dark line."""
    tall = np.ones((round(3 * LOOK) | 1, 1), np.uint8)
    thin = cv2.morphologyEx(cv2.blur(small, (5, 1)), cv2.MORPH_BLACKHAT, tall)
    dark = cv2.dilate((thin > FAINT / 2).astype(np.uint8), np.ones((3, 1), np.uint8))
    runs = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, round(LONG * LOOK / 4)), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    traced = [_traced(thin, labels, stats[label], label) for label in range(1, count) if stats[label, cv2.CC_STAT_WIDTH] > LONG * LOOK]
    return [line for line in traced if _is_a_line(line)]


def _is_a_line(places: Floats) -> bool:
    """Strokes of a line of print that meet lie at several heights."""
    if len(places) < LONG:
        return False
    x = places[:, 0] - places[:, 0].mean()
    curve = np.polynomial.Polynomial.fit(x, places[:, 1], 2)
    return float(np.abs(curve(x) - places[:, 1]).mean()) < RAGGED


def _traced(thin: Picture, labels: NDArray[np.int32], stats: NDArray[np.int32], label: int) -> Floats:
    """Where the line stands at each place along it: the middle of its darkness there."""
    left, top, width, height = (int(value) for value in stats[:4])
    window = np.where(labels[top : top + height, left : left + width] == label, thin[top : top + height, left : left + width], 0)
    weight = window.sum(axis=0, dtype=np.float32)
    heights = (window * np.arange(height, dtype=np.float32)[:, None]).sum(axis=0) / np.maximum(weight, 1)
    seen = weight > 0
    return np.stack([np.arange(width, dtype=np.float32)[seen] + left, heights[seen] + top], axis=1)


def _field(lines: Sequence[Floats], shape: Sequence[int]) -> Floats | None:
    """What to add to y, pixels (H, W), so that every line is level; None if they are few, or level already, or tell nonsense.

    y + p(x, y) is to be the same all along a line, p a polynomial of degree 3: least squares in its coefficients and one height a line.
    """
    if len(lines) < ENOUGH:
        return None
    height, width = shape
    places = np.concatenate([line[:: max(len(line) // 100, 1)] for line in lines])
    owner = np.concatenate([np.full(len(line[:: max(len(line) // 100, 1)]), number) for number, line in enumerate(lines)])
    terms = _terms(places[:, 0] / width, places[:, 1] / height)
    coefficients = _solved(terms, places[:, 1], owner, len(lines))
    spread = max(float(np.ptp(terms[owner == number] @ coefficients)) for number in range(len(lines)))
    if spread <= BENT * LOOK:
        return None
    x, y = np.meshgrid(np.linspace(0, 1, GRID, dtype=np.float32), np.linspace(0, 1, GRID, dtype=np.float32))
    field = (_terms(x.ravel(), y.ravel()) @ coefficients).reshape(GRID, GRID).astype(np.float32)
    moved = field.mean(axis=1, keepdims=True) - field
    return np.asarray(cv2.resize(moved, (width, height))) if float(np.abs(moved).max()) < TOO_BENT * LOOK else None


def _terms(x: Floats, y: Floats) -> Floats:
    """What of a polynomial of degree 3 tells places on a line apart."""
    x, y = x - 0.5, y - 0.5
    return np.stack([x, x * y, x * y * y, x * x, x * x * y, x**3], axis=1)


def _solved(terms: Floats, heights: Floats, owner: NDArray[np.intp], count: int) -> Floats:
    """The coefficients of the field; each line's own height is eliminated by its mean. Outliers lose their weight in three rounds."""
    sums = np.maximum(np.bincount(owner, minlength=count), 1)[:, None]
    weight: Floats = np.ones(len(heights), np.float32)
    coefficients: Floats = np.zeros(terms.shape[1], np.float32)
    for _ in range(3):
        mean = np.stack([np.bincount(owner, column, count) for column in terms.T], axis=1) / sums
        level = np.bincount(owner, heights, count) / sums[:, 0]
        rest, goal = terms - mean[owner], level[owner] - heights
        scaled = rest * weight[:, None]
        coefficients = np.linalg.solve(scaled.T @ rest + np.eye(terms.shape[1]) * 1e-3 * len(heights) / count, scaled.T @ goal)
        weight = 1 / (1 + np.square(rest @ coefficients - goal))
    return coefficients.astype(np.float32)
