"""Whether the characters of a page are those of its file, a recogniser's, or both; with the reasons, which stay on the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from structurer.document import Box

WHOLE: Final = 0.5  # of a page: pictures that cover so much are the page
STAMP: Final = 80  # characters: no more than a number, a date or a seal put on a picture
LEAST_PART: Final = 12.0  # points: pictures with a shorter side hold no line of print
LEAST_SHARE: Final = 0.01  # of a page: the same
MEANINGLESS: Final = 0.05  # of a page's characters: glyphs without meaning that are too many
ENOUGH: Final = 20  # ideographs from which their rarity can be told
COMMON: Final = 0.7  # of the ideographs of any text are common ones; of real texts more than nine tenths are
FIRST_LEVELS: Final = {"gb2312": range(0xB0, 0xD8), "big5": range(0xA4, 0xC7), "euc_jp": range(0xB0, 0xD0)}  # by their first bytes


class Decision(StrEnum):
    """How the characters of a page are won."""

    LAYER = "layer"
    OCR = "ocr"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a page: its shown characters (no white space), how many glyphs have no meaning or are hidden, and its pictures, in points."""

    shown: str
    lost: int
    hidden: int
    pictures: tuple[Box, ...]
    width: float
    height: float
    is_blank: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The decision, why, the pictures to be read where it is not the whole page, and whether hidden text is an earlier recogniser's."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    parts: tuple[Box, ...] = ()
    is_recognised: bool = False


def decide(facts: Facts) -> Choice:
    """Looks for what speaks against the file's own characters."""
    area = max(facts.width * facts.height, 1.0)
    covered = sum(_area(box) for box in facts.pictures) / area
    shown = len(facts.shown)
    if facts.is_blank:
        return Choice(Decision.LAYER, ("the page is blank",))
    if facts.hidden > shown and covered >= WHOLE:
        return Choice(
            Decision.OCR,
            (f"a picture is the page; {facts.hidden} hidden character(s) are an OCR engine's reading of it",),
            is_recognised=True,
        )
    if not shown:
        return Choice(Decision.OCR, ("the page shows marks and has no characters",))
    meaningless = facts.lost + sum("\ue000" <= char <= "\uf8ff" for char in facts.shown)  # private use: only the font knows
    if meaningless > MEANINGLESS * shown:
        return Choice(Decision.OCR, (f"{meaningless} of {shown} glyphs have no meaning in the file",))
    if (share := common_share(facts.shown)) is not None and share < COMMON:
        return Choice(Decision.OCR, (f"{share:.0%} of the ideographs are common ones: the file gives its glyphs wrong meanings",))
    if covered >= WHOLE and shown <= STAMP:
        return Choice(Decision.BOTH, (f"a picture is the page; {shown} character(s) are put on it",), (_whole(facts),))
    parts = tuple(box for box in facts.pictures if _can_hold_print(box, area))
    if parts:
        return Choice(Decision.BOTH, (f"{len(parts)} picture(s) on the page may hold print",), parts)
    return Choice(Decision.LAYER)


def _whole(facts: Facts) -> Box:
    return Box(0.0, 0.0, facts.width, facts.height)


def _area(box: Box) -> float:
    return max(box.x1 - box.x0, 0.0) * max(box.bottom - box.top, 0.0)


def _can_hold_print(box: Box, area: float) -> bool:
    return min(box.x1 - box.x0, box.bottom - box.top) >= LEAST_PART and _area(box) >= LEAST_SHARE * area


def common_share(text: Iterable[str]) -> float | None:
    """The share of common ideographs among those of a text, in [0, 1]; None where it has too few to tell."""
    ideographs = [char for char in text if "\u4e00" <= char <= "\u9fff"]
    return sum(map(is_common, ideographs)) / len(ideographs) if len(ideographs) >= ENOUGH else None


@lru_cache(maxsize=30_000)
def is_common(char: str) -> bool:
    """On the first level of a national standard, which holds what is in daily use: GB 2312, Big5 or JIS X 0208."""
    return any(_lead(char, codec) in leads for codec, leads in FIRST_LEVELS.items())


def _lead(char: str, codec: str) -> int:
    try:
        return char.encode(codec)[0]
    except UnicodeEncodeError:
        return 0
