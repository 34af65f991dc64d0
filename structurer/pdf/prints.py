"""The prints of a PDF's page: what a reader sees of its characters, what stands together as one, and what is hidden or off the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from structurer.document import Box
from structurer.pdf.chars import LOST, Run, runs
from structurer.pdf.pdfium import MOST_OBJECTS, Frame, Kind, Sheetful, bounds
from structurer.pdf.sight import Why, seen
from structurer.sheets.blocks import WORD_GAP, lines
from structurer.sheets.decision import WHOLE
from structurer.sheets.sheet import Char

SIDEWAYS: Final = 0.8  # of a page's characters: where so many are turned, the page is
MOSTLY: Final = 0.5  # of a page's characters: where more are aslant, they are what it says
SAME_PLACE: Final = 1.0  # points: a character printed again this near was printed twice to look bold
FLAT: Final = 0.1  # points: the least side of a box
QUOTED: Final = 80  # characters of what is hidden stand in a warning
HIDDEN: Final = "hidden character(s)"
_LEFTWARD: Final = frozenset(map(chr, (*range(0x590, 0x900), *range(0xFB1D, 0xFE00), *range(0xFE70, 0xFEFF))))  # Hebrew, Arabic
_INVISIBLE: Final = (Why.INVISIBLE, Why.TRANSPARENT)


@dataclass(slots=True)
class Printed:
    """A page's characters as they were found: shown ones, hidden ones with the reason, and what to say of them.

    `layer` are those hidden ones that an earlier recogniser may have written behind a picture: invisible, or under it.
    """

    shown: list[Char]
    hidden: list[tuple[Why, Char]]
    layer: list[Char]
    lost: int
    warnings: list[str]


def printed(page: Sheetful) -> Printed:
    """The characters of a page, what stands together as one."""
    every = runs(page)
    if turns := _turned(every):
        page.turn(turns)
        every = runs(page)
    sight = seen(page, every)
    found = Printed([], [], [], 0, [] if sight.complete else ["the page prints too much upon itself to tell whether it hides text"])
    if page.is_cut_short:
        found.warnings.append(f"the page paints more than {MOST_OBJECTS:,} objects; rules and pictures behind them were not looked at")
    under = _under_pictures(page)
    on_others, outside, aslant = list[Char](), list[Char](), list[Char]()
    is_skewed = _share(every, [run for run in every if run.aslant]) > MOSTLY
    width, height = page.frame.width, page.frame.height
    for place, run in enumerate(every):
        x0, top, x1, bottom = run.box
        if run.aslant and not is_skewed:  # over the lines of a page, amid which its characters would come to stand
            aslant.extend(Char(sign, box, False) for sign, box in zip(run.signs, run.boxes, strict=True))
        elif place in sight.whys or x0 < 0 or top < 0 or x1 > width or bottom > height:
            _sort(run, sight.whys.get(place), page.frame, found, outside)
            if place in sight.whys and run.handle and (run.handle in under or sight.whys[place][0] in _INVISIBLE):
                found.layer.extend(Char(sign, box, run.is_upright) for sign, box in zip(run.signs, run.boxes, strict=True))
        else:
            (on_others if place in sight.standing else found.shown).extend(_prints(run))
    found.shown.extend(_printed_once(on_others))
    if count := signs(outside):
        found.warnings.append(f"{count} character(s) lie off the page and were left out: {_quoted(outside)}")
    if count := signs(aslant):
        found.warnings.append(f"{count} character(s) are printed aslant, as watermarks and stamps are, and were left out: {_cut(aslant)}")
    found.hidden = _alone(found.shown, found.hidden) if found.hidden else []
    found.lost = "".join(char.text for char in found.shown).count(LOST)
    return found


def _share(every: Sequence[Run], some: Sequence[Run]) -> float:
    return sum(len(run.signs) for run in some) / max(sum(len(run.signs) for run in every), 1)


def _turned(every: Sequence[Run]) -> int:
    """The quarters by which most of the print is turned, where it is most of it: the page was put in sideways."""
    counts = Counter[int]()
    for run in every:
        counts[run.turns] += len(run.signs) - run.signs.count(" ")  # which stands for all white space
    turns, count = max(counts.items(), key=itemgetter(1), default=(0, 0))
    return turns if count > SIDEWAYS * counts.total() else 0


def _under_pictures(page: Sheetful) -> frozenset[int]:
    """The text objects over which a picture is painted that takes half the page."""
    least = WHOLE * page.frame.width * page.frame.height
    covers = [place for place, one in enumerate(page.painted) if one.kind == Kind.IMAGE and (box := bounds(one)) and _area(*box) >= least]
    before = page.painted[: max(covers, default=0)]
    return frozenset(one.handle for one in before if one.kind == Kind.TEXT)


def _area(x0: float, y0: float, x1: float, y1: float) -> float:
    return (x1 - x0) * (y1 - y0)


def _sort(run: Run, whys: Sequence[Why | None] | None, frame: Frame, found: Printed, outside: list[Char]) -> None:
    """A run of which something is hidden or off the page, character by character."""
    for sign, box, why in zip(run.signs, run.boxes, whys or [None] * len(run.signs), strict=True):
        char = Char(sign, box, run.is_upright)
        if why in (None, Why.UNSEEN) and not _is_on(Box(*char.middle, *char.middle), frame):
            outside.append(char)
        elif why is None:
            found.shown.append(char._replace(box=_clipped(box, frame.width, frame.height)))
        else:
            found.hidden.append((why, char))


def _prints(run: Run) -> list[Char]:
    """What stands together in a run, as one; white space by itself."""
    signs, boxes = run.signs, run.boxes
    if len(signs) == 1:
        return [Char(signs[0], boxes[0], run.is_upright)]
    if not run.is_upright:
        return [Char(sign, box, False) for sign, box in zip(signs, boxes, strict=True)]
    found, start = [], 0
    for place in range(1, len(signs) + 1):
        if place == len(signs) or " " in (signs[place], signs[place - 1]) or _gaps(boxes[place - 1], boxes[place]):
            found.append(_print(signs[start:place], boxes[start:place]))
            start = place
    return found


def _gaps(before: Box, after: Box) -> bool:
    _, top, right, bottom = before
    x0, y0, x1, y1 = after
    return x0 - right > WORD_GAP * (y1 - y0) or right - x0 > x1 - x0 or abs(y0 - top) > bottom - top


def _print(signs: Sequence[str], boxes: Sequence[Box]) -> Char:
    if len(signs) == 1:
        return Char(signs[0], boxes[0])
    x0s, tops, x1s, bottoms = zip(*boxes, strict=True)
    return Char("".join(signs), Box(min(x0s), min(tops), max(x1s), max(bottoms)), True, None, tuple(zip(x0s, x1s, strict=True)))


def _is_on(box: Box, frame: Frame) -> bool:
    return box.x0 >= 0 and box.top >= 0 and box.x1 <= frame.width and box.bottom <= frame.height


def _clipped(box: Box, width: float, height: float) -> Box:
    """On the page, and never flat: damaged fonts give characters without width."""
    x0, top = min(max(box.x0, 0.0), width - FLAT), min(max(box.top, 0.0), height - FLAT)
    return Box(x0, top, max(min(box.x1, width), x0 + FLAT), max(min(box.bottom, height), top + FLAT))


def _printed_once(chars: Sequence[Char]) -> list[Char]:
    """Without the repeats that make print look bold."""
    kept: dict[tuple[str, int, int], list[Char]] = {}
    once: list[Char] = []
    for char in chars:
        x, y = round(char.box.x0), round(char.box.top)
        near = (other for dx in (-1, 0, 1) for dy in (-1, 0, 1) for other in kept.get((char.text, x + dx, y + dy), ()))
        if not any(_same_place(char.box, other.box) for other in near):
            kept.setdefault((char.text, x, y), []).append(char)
            once.append(char)
    return once


def _same_place(a: Box, b: Box) -> bool:
    return abs(a.x0 - b.x0) <= SAME_PLACE and abs(a.top - b.top) <= SAME_PLACE


def _alone(shown: Sequence[Char], hidden: Sequence[tuple[Why, Char]]) -> list[tuple[Why, Char]]:
    """Without the ground of characters that are printed over it again, such as a halo."""
    kept = {id(char) for char in _printed_once([*shown, *(char for _, char in hidden)])}
    return [(why, char) for why, char in hidden if id(char) in kept]


def told(found: Printed) -> Iterator[str]:
    """What no reader sees, with its words, and how much is turned."""
    yield from found.warnings
    for why in dict.fromkeys(why for why, _ in found.hidden):
        chars = [char for reason, char in found.hidden if reason is why]
        if count := signs(chars):
            yield f"{count} {HIDDEN} {why.value} and were left out: {_quoted(chars)}"
    if turned := signs(char for char in found.shown if not char.upright):
        yield f"{turned} character(s) are turned; they stand in the order in which the file writes them"
    if leftward := sum(char in _LEFTWARD for one in found.shown for char in one.text):
        yield f"{leftward} character(s) are of writing that runs from right to left; their order is not kept"


def signs(chars: Iterable[Char]) -> int:
    """Of the characters that are no white space."""
    return sum(len(char.text) for char in chars if not char.text.isspace())


def _quoted(chars: Sequence[Char]) -> str:
    """The words, cut short; what does not print (marks that turn the writing round) by its number."""
    return _shown(" ".join(word.text for line in lines(chars) for word in line))


def _cut(chars: Sequence[Char]) -> str:
    """The same in the order of the file."""
    return _shown("".join(char.text for char in chars))


def _shown(text: str) -> str:
    text = text if len(text) <= QUOTED else text[: QUOTED - 1] + "\u2026"
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text) + '"'
