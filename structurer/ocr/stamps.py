"""Red stamps over print: seen through a red glass they are gone, and what is printed in black under them stands there alone.

Only stamps are taken out: red ink that is gathered in a patch about as high as wide. Red figures and headings are print like other print.
All lengths are in points of the page (1/72 inch); `scale` is pixels a point.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

LOOK: Final = 36 / 72  # pixels a point at which stamps are looked for
RED, PINK = 40, 12  # of 255: by how much red ink exceeds its green and blue, and the rim of a stamp
PAPER: Final = 250  # of 255
DARKEST: Final = 0.9  # of the brightness of most of a stamp's ink that its darkest has, in red light
NEAR: Final = 8.0  # points: gaps between the ring, the words and the star of a stamp
SMALLEST, LARGEST = 36.0, 200.0  # points: height and width of stamps
LONGEST: Final = 2.2  # times as long as wide
SHARE: Final = 0.02  # of a place looked at that is red


def without_stamps(look: Picture, scale: float) -> tuple[Picture, int]:
    """The page in grey (H, W), of one in red, green, blue (H, W, 3), without its red stamps; and how many there were."""
    grey = np.asarray(cv2.cvtColor(look, cv2.COLOR_RGB2GRAY), np.uint8)
    excess = np.asarray(cv2.subtract(look[:, :, 0], cv2.max(look[:, :, 1], look[:, :, 2])), np.uint8)
    places = _stamps(excess, scale)
    for place in places:
        grey[place] = _through_glass(look[:, :, 0][place], excess[place], grey[place])
    return grey, len(places)


def _through_glass(red: Picture, excess: Picture, grey: Picture) -> Picture:
    """A stamp's place in a light in which its ink is as bright as paper."""
    ink = float(np.median(red[excess > RED]))
    bright = np.clip(red * (PAPER / (DARKEST * ink)), 0, 255)
    return np.where(excess > PINK, np.maximum(bright, grey), grey).astype(np.uint8)


def _stamps(excess: Picture, scale: float) -> list[tuple[slice, slice]]:
    """The rows and columns of each stamp."""
    red = (excess > RED).astype(np.uint8)
    if not red.any():
        return []
    share = LOOK / scale
    small = cv2.resize(red * 255, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) > 255 * SHARE
    together = cv2.morphologyEx(small.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((round(NEAR * LOOK) | 1,) * 2, np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(together, connectivity=8)
    boxes = (tuple(int(value) for value in stats[label, :4]) for label in range(1, count))
    return [
        (slice(max(int((y - 1) / share), 0), int((y + high + 1) / share)), slice(max(int((x - 1) / share), 0), int((x + wide + 1) / share)))
        for x, y, wide, high in boxes
        if min(wide, high) >= SMALLEST * LOOK and max(wide, high) <= min(LARGEST * LOOK, LONGEST * min(wide, high))
    ]
