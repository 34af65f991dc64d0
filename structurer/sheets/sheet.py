"""A sheet: one page as a parser or a recogniser gives it, before its characters are put in order.

Boxes are in points (1/72 inch) from the top left corner of the page as a reader sees it: upright, cropped and straight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from structurer.document import Box

if TYPE_CHECKING:
    from PIL.Image import Image


class Char(NamedTuple):
    """One printed character, or what a ligature stands for, or several that stand together.

    `confidence` is the recogniser's, in [0, 1], of the least sure; None where it was not recognised but read. `upright`: it is not turned
    on its page. `sides` are left and right of each of several characters.
    """

    text: str
    box: Box
    upright: bool = True
    confidence: float | None = None
    sides: tuple[tuple[float, float], ...] = ()

    def apart(self) -> list[Char]:
        """Each character for itself."""
        if not self.sides:
            return [self]
        pairs = zip(self.text, self.sides, strict=True)
        return [self._replace(text=text, box=self.box._replace(x0=x0, x1=max(x1, x0)), sides=()) for text, (x0, x1) in pairs]

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box.x0 + self.box.x1) / 2, (self.box.top + self.box.bottom) / 2

    @property
    def height(self) -> float:
        return max(self.box.bottom - self.box.top, 1.0)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a page: its characters, in the order of the file, and its ruled tables as the boxes of their cells.

    `alternatives` are words of which a second look said otherwise: where, and what. `picture` is the page as it is shown, upright and
    straight, of any size. `cuts` are lines at which cells end without a rule, as those do that a page break cuts. `decision`, `dpi`,
    `angle`, `engine` and `reasons` are those of `document.Page`; `warnings` are sentences for the user, without the number of the page.
    """

    number: int
    width: float
    height: float
    chars: tuple[Char, ...]
    tables: tuple[tuple[Box, ...], ...] = ()
    decision: str = "layer"
    angle: float = 0.0
    dpi: float | None = None
    engine: str | None = None
    alternatives: tuple[tuple[Box, str], ...] = ()
    cuts: tuple[Box, ...] = ()
    picture: Image | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


Recogniser = Callable[["Image", float], Sheet]  # a picture in colours, and its dots an inch


@dataclass(frozen=True, slots=True)
class Means:
    """What a reader may use: the password of a closed file, a recogniser of print (None: there is none, or none is wanted), and whether
    sheets keep their pictures for a person to look at.
    """

    password: str | None = None
    recognise: Recogniser | None = None
    keep_pictures: bool = False
