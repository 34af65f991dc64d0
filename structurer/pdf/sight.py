"""Which characters of a PDF's page a reader sees: the page is drawn with its text and without, and what makes no difference is not seen.

So every way of hiding text (in the colour of its ground, under a picture, clipped away, in a layer that is switched off) is one.
Where characters stand on one another, or some of an object's are missing, its text object is left out alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from PIL import Image, ImageChops

from structurer.document import Box
from structurer.pdf import calls as pdfium
from structurer.pdf.chars import Run
from structurer.pdf.pdfium import Handle, Kind, Sheetful, Sides, bounds, fill_of, opacity_of, scale_to
from structurer.pdf.rules import THIN

SCALE: Final = 1.0  # pixels a point: print of 4 points still leaves marks
LONGEST: Final = 3000  # pixels of a side: larger sheets are drawn smaller
DIFFERENT: Final = 14  # of 255, in any colour: less is overlooked; #eeeeee on white differs by 17
DARK: Final = 128  # of 255, the lightest colour: darker text shows on paper
TINY: Final = 1.0  # points: characters that are smaller are not read
NARROW: Final = 0.3  # points: the same of the widest character of a text object
SMALL_SHEET: Final = 200.0  # points: a page whose sides are shorter is made to be enlarged
CLEAR: Final = 12  # of 255: less opacity is none
CORE: Final = 0.25  # of a character's sides: what lies farther in is not its neighbours'
LEVEL: Final = 4.0  # points: the height of the strips in which text objects are compared
OVERLAP: Final = 2.0  # points: text objects of one line that share no more only touch
MOSTLY: Final = 0.8  # of a text object's characters: where so many are not seen, what shows of the others are scraps
MOST_ALONE: Final = 1500  # text objects of a page that are left out alone
_MARK: Final = b"\x01"
_MARKED: Final = [int(level >= DIFFERENT) for level in range(256)]
_FILLED: Final = frozenset((pdfium.FPDF_TEXTRENDERMODE_FILL,))
_CLIPPING: Final = pdfium.FPDF_TEXTRENDERMODE_FILL_CLIP  # and all modes above it


class Why(Enum):
    """Why a character is not seen; the value completes "2 hidden character(s)"."""

    INVISIBLE = "are drawn in the invisible mode"
    TINY = "are smaller than 1 point"
    TRANSPARENT = "are transparent"
    UNSEEN = "do not show on the page (covered, clipped away, switched off, or in the colour of their ground)"


@dataclass(frozen=True, slots=True)
class Sight:
    """For runs of which something is not seen, why each character is not (None: it is); which runs stand on others; and whether all that
    needed it could be looked at.
    """

    whys: Mapping[int, Sequence[Why | None]]
    standing: frozenset[int]
    complete: bool = True


def seen(page: Sheetful, runs: Sequence[Run]) -> Sight:
    """Looks at every run of a page; keys are places in `runs`. White space is hidden with the run that writes it."""
    least = min(1.0, max(page.frame.width, page.frame.height) / SMALL_SHEET)
    stated = {place: why for place, run in enumerate(runs) if (why := _by_state(run, least))}
    whys: dict[int, Sequence[Why | None]] = {place: [why] * len(runs[place].signs) for place, why in stated.items()}
    rest = [place for place, run in enumerate(runs) if place not in stated and run.handle]
    standing = frozenset(_standing_on_others(runs, rest))
    if not standing and not page.has_layers and not _may_hide(page, [runs[place].box for place in rest]):
        return Sight(whys, standing)
    eye = _Eye(page, [handle for run in runs for handle in _handles(run)])
    doubtful = [place for place in rest if place in standing or eye.doubts(runs[place])]
    for place in doubtful[:MOST_ALONE]:
        if unseen := eye.unseen_alone(runs[place]):
            whys[place] = _spread(runs[place], unseen)
    return Sight(whys, standing, len(doubtful) <= MOST_ALONE)


def _spread(run: Run, unseen: Collection[int]) -> list[Why | None]:
    signs = sum(not sign.isspace() for sign in run.signs)
    hides_all = len(unseen) >= MOSTLY * signs
    return [Why.UNSEEN if hides_all or place in unseen else None for place in range(len(run.signs))]


# --- what the state of a run tells


def _by_state(run: Run, least: float) -> Why | None:
    if not run.handle or run.again:
        return None
    mode = pdfium.FPDFTextObj_GetTextRenderMode(run.handle)
    if mode == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
        return Why.INVISIBLE
    if _is_tiny(run, least):
        return Why.TINY
    return Why.TRANSPARENT if mode < _CLIPPING and _is_clear(run.handle, mode) else None


def _may_hide(page: Sheetful, boxes: Sequence[Box]) -> bool:
    """All that is painted may hide text (here in `boxes`), but for thin rules that cross none, and text in front of nothing else."""
    texts = [one.handle for one in page.painted if one.kind == Kind.TEXT]
    paths = [one for one in page.painted if one.kind == Kind.PATH]
    if len(texts) + len(paths) < len(page.painted) or not _are_plain(texts):
        return True
    placed, rules = page.frame.placing(), set[Sides]()  # a rule is often drawn twice
    for one in paths:
        rule = bounds(one)
        if rule is None or min(rule[2] - rule[0], rule[3] - rule[1]) > THIN:
            return True
        rules.add(placed(*rule))
    return _cross(rules, boxes)


def _cross(rules: Iterable[Sides], boxes: Sequence[Box]) -> bool:
    """Whether rules lie on the middle strips of boxes: thin ones side by side cover as well as a wide one."""
    strips = sorted([(top + CORE * (bottom - top), bottom - CORE * (bottom - top), box) for box in boxes for _, top, _, bottom in (box,)])
    tops = [top for top, _, _ in strips]
    highest = max((bottom - top for top, bottom, _ in strips), default=0.0)
    return any(
        low > top and box[0] + OVERLAP / 2 < x1 and box[2] - OVERLAP / 2 > x0
        for x0, top, x1, bottom in rules
        for _, low, box in strips[bisect_left(tops, top - highest) : bisect_left(tops, bottom)]
    )


def _are_plain(texts: Sequence[Handle]) -> bool:
    """Text objects that are dark, opaque and not clipped: on bare paper they are seen."""
    if any(map(pdfium.FPDFPageObj_HasTransparency, texts)) or not _FILLED.issuperset(map(pdfium.FPDFTextObj_GetTextRenderMode, texts)):
        return False
    clips = [clip for clip in map(pdfium.FPDFPageObj_GetClipPath, texts) if clip]
    return max(map(pdfium.FPDFClipPath_CountPaths, clips), default=0) <= 0 and all(max(fill_of(one)[:3]) <= DARK for one in texts)


def _is_tiny(run: Run, least: float) -> bool:
    """Most runs are known to be large enough by their first character."""
    x0, top, x1, bottom = run.boxes[0]
    if x1 - x0 >= TINY and bottom - top >= TINY and run.signs[0] != " ":
        return False
    sides = [sorted((box.x1 - box.x0, box.bottom - box.top)) for box, sign in zip(run.boxes, run.signs, strict=True) if not sign.isspace()]
    return bool(sides) and (max(long for _, long in sides) < TINY * least or max(short for short, _ in sides) < NARROW * least)


def _is_clear(handle: Handle, mode: int) -> bool:
    filled = mode in (pdfium.FPDF_TEXTRENDERMODE_FILL, pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE)
    stroked = mode in (pdfium.FPDF_TEXTRENDERMODE_STROKE, pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE)
    return (not filled or opacity_of(handle, stroke=False) < CLEAR) and (not stroked or opacity_of(handle, stroke=True) < CLEAR)


# --- looking


def _standing_on_others(runs: Sequence[Run], places: Sequence[int]) -> Iterator[int]:
    """Runs whose middle strips overlap those of others: lines two by two are swept from left to right."""
    levels: dict[int, list[tuple[Box, int]]] = {}
    for place in places:
        box = runs[place].box
        levels.setdefault(int((box.top + box.bottom) / 2 // LEVEL), []).append((box, place))
    for level, strips in levels.items():
        yield from _swept(sorted([*strips, *levels.get(level + 1, ())]))


def _swept(strips: Sequence[tuple[Box, int]]) -> Iterator[int]:
    passing: list[tuple[Box, int]] = []
    for box, place in strips:
        passing = [(other, number) for other, number in passing if other.x1 > box.x0 + OVERLAP]
        for other, number in passing:
            reach = CORE * max(box.bottom - box.top, other.bottom - other.top)
            if abs(other.top + other.bottom - box.top - box.bottom) <= 2 * reach:
                yield from (place, number)
        if box.x1 - box.x0 > OVERLAP:
            passing.append((box, place))


def _handles(run: Run) -> list[Handle]:
    return [run.handle, *run.again] if run.handle else []


class _Eye:
    """Pictures of a page, with its text and without: in grey for a first look at all of it, in colours where that leaves a doubt."""

    def __init__(self, page: Sheetful, handles: Sequence[Handle]) -> None:
        self._page = page
        self._scale = min(SCALE, scale_to(page.frame, LONGEST))
        whole = page.picture(self._scale, gray=True)
        with _left_out(handles):
            bare = page.picture(self._scale, gray=True)
        self._marks = ImageChops.difference(whole, bare).point(_MARKED).tobytes()
        self._stride = whole.width

    def doubts(self, run: Run) -> bool:
        """Whether a character makes no difference in its box, or most make none well inside: what shows may be their neighbours'."""
        within = among = 0
        for sign, box in zip(run.signs, run.boxes, strict=True):
            if sign != " ":
                among += 1
                if self._marked(box, CORE):
                    within += 1
                elif not self._marked(box, 0.0):
                    return True
        return 2 * within < among

    def _marked(self, box: Box, inwards: float) -> bool:
        """Whether the text makes a difference in a box made smaller by a share of its sides."""
        x0, top, x1, bottom = box
        across, down, scale, stride = inwards * (x1 - x0), inwards * (bottom - top), self._scale, self._stride
        left, right = int((x0 + across) * scale), int((x1 - across) * scale) + 1
        find, first = self._marks.find, int((top + down) * scale) * stride
        return any(find(_MARK, row + left, row + right) >= 0 for row in range(first, int((bottom - down) * scale + 1) * stride, stride))

    def unseen_alone(self, run: Run) -> frozenset[int]:
        """The places of a run's characters that make no difference though they have a form to be seen."""
        region, origin = self._region(run.box)
        whole = self._page.picture(self._scale, region)
        with _left_out(_handles(run)):
            without = self._page.picture(self._scale, region)
        difference = _apart(whole, without)
        signs = [(place, sign, box) for place, (sign, box) in enumerate(zip(run.signs, run.boxes, strict=True)) if not sign.isspace()]
        unseen = [(place, sign, box) for place, sign, box in signs if not self._shows(difference, box, origin)]
        unseen = [(place, sign, box) for place, sign, box in unseen if not self._lets_through(run, box)]
        if _is_of_the_file(run) or all(sign.isascii() for _, sign, _ in unseen):
            return frozenset(place for place, _, _ in unseen)
        forms = self._forms(run, region)
        return frozenset(
            place for place, sign, box in unseen if sign.isascii() or self._is_of_its_ground(run, box) or self._shows(forms, box, origin)
        )

    def _region(self, box: Box) -> tuple[Box, tuple[int, int]]:
        frame = self._page.frame
        x0, top = int(max(box.x0 - 1, 0) * self._scale), int(max(box.top - 1, 0) * self._scale)
        x1, bottom = min(box.x1 + 1, frame.width), min(box.bottom + 1, frame.height)
        return Box(x0 / self._scale, top / self._scale, max(x1, x0 / self._scale), max(bottom, top / self._scale)), (x0, top)

    def _shows(self, difference: Image.Image, box: Box, origin: tuple[int, int]) -> bool:
        x0, top = int(box.x0 * self._scale) - origin[0], int(box.top * self._scale) - origin[1]
        x1, bottom = int(box.x1 * self._scale) + 1 - origin[0], int(box.bottom * self._scale) + 1 - origin[1]
        return _extremes(difference.crop((x0, top, x1, bottom)))[0][1] > 0

    def _lets_through(self, run: Run, box: Box) -> bool:
        """Text that is a clip is seen by what is painted inside it."""
        if pdfium.FPDFTextObj_GetTextRenderMode(run.handle) < _CLIPPING:
            return False
        return any(high - low >= DIFFERENT for low, high in _extremes(self._page.picture(self._scale, box).convert("RGB")))

    def _is_of_its_ground(self, run: Run, box: Box) -> bool:
        """Whether a character would have the colour of what is under and over it."""
        *colour, _ = fill_of(run.handle)
        with _left_out(_handles(run)):
            ground = _extremes(self._page.picture(self._scale, box).convert("RGB"))
        is_even = all(high - low < DIFFERENT for low, high in ground)
        return is_even and all(abs(level - low) < DIFFERENT for level, (low, _) in zip(colour, ground, strict=True))

    def _forms(self, run: Run, region: Box) -> Image.Image:
        """1 where PDFium draws something for a run, whatever else is there: in black and in white it is not the same."""
        with _left_out([one.handle for one in self._page.painted if one.kind != Kind.FORM and one.handle != run.handle]):
            with _in_gray(run.handle, 0):
                black = self._page.picture(self._scale, region)
            with _in_gray(run.handle, 255):
                white = self._page.picture(self._scale, region)
        return _apart(black, white)


def _is_of_the_file(run: Run) -> bool:
    """PDFium has Latin letters of its own; for others of fonts that are neither in the file nor on this machine it draws nothing."""
    return bool(pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(run.handle)) == 1)


@contextmanager
def _in_gray(handle: Handle, level: int) -> Iterator[None]:
    """While it lasts, an object is filled so."""
    before = fill_of(handle)
    pdfium.FPDFPageObj_SetFillColor(handle, level, level, level, 255)
    try:
        yield
    finally:
        pdfium.FPDFPageObj_SetFillColor(handle, *before)


@contextmanager
def _left_out(handles: Sequence[Handle]) -> Iterator[None]:
    """While it lasts, these objects are not drawn."""
    for handle in handles:
        pdfium.FPDFPageObj_SetIsActive(handle, False)
    try:
        yield
    finally:
        for handle in handles:
            pdfium.FPDFPageObj_SetIsActive(handle, True)


def _apart(one: Image.Image, other: Image.Image) -> Image.Image:
    """1 where two pictures differ in a colour, else 0."""
    red, green, blue, *_ = ImageChops.difference(one, other).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue).point(_MARKED)


def _extremes(part: Image.Image) -> list[tuple[int, int]]:
    """The least and the greatest level of each colour."""
    found: Any = part.getextrema() if part.width and part.height else (0, 0)
    return list(found) if isinstance(found[0], tuple) else [found]
