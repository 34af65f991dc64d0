"""Whether a reader sees the characters of a page: it is composed as a viewer would, in the order of painting.

At some points of each character's body the page is composed twice, with it and without: where the two look alike, it is not seen.
What cannot be told (tiles, some gradients and masks, the pixels of some images) counts as seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import product
from math import hypot, isfinite
from typing import Final

from structurer.areas import Point, Rect, contains, meet, moved
from structurer.inks import WHITE, Blend, Ink, Rgb, difference, laid_over
from structurer.painted import Kind, Mode, Paint, Record, Run, Shape, Sign, shown, shows_whole, weight

NEAR: Final = 6.0  # CIE 1976 colour difference that a reader overlooks: #eeeeee on white is 5.9
FAINT: Final = 0.1  # opacity below which it is its transparency that hides a mark
TINY: Final = 1.0  # points: characters that are smaller are not read
SMALL_SHEET: Final = 200.0  # points: a page whose sides are shorter is made to be enlarged
ACROSS: Final = (0.1, 0.5, 0.9)  # of the width of a character: where it is looked at
UPWARDS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the height of its body: the same
SEEN: Final = 0.1  # of these points: a character of which no more shows is hidden
BAND: Final = 16.0  # points: height of the strips by which areas are found
MOST_LOOKS: Final = 4_000_000  # at areas, for one page: a page that needs more was made to keep a reader busy
LOOKS_A_MIXTURE: Final = 16  # at areas, in the time in which two colours are mixed
MOST_GROUNDS: Final = 16  # colours that one point may have

Veil = tuple[Rgb, float, Blend]  # the colour of what lies over a mark, its opacity, how it mixes


class Why(Enum):
    """Why a character is not seen; the value completes "2 hidden character(s)"."""

    SWITCHED_OFF = "stand in a layer that is switched off"
    INVISIBLE = "are drawn in the invisible mode"
    CLIP = "are drawn as a clip alone"
    TINY = "are smaller than 1 point"
    COLOUR = "have the colour of what they stand on"
    TRANSPARENT = "are transparent"
    COVERED = "are covered by what is painted over them"
    PICTURED = "are covered by an image"
    CLIPPED = "are clipped away"


# --- what the state of a run tells


def _by_state(run: Run, record: Record) -> Why | None:
    if run.switched_off:
        return Why.SWITCHED_OFF
    if run.mode is Mode.INVISIBLE:
        return Why.INVISIBLE
    return Why.TINY if run.signs and _is_tiny(run, record) else None


def _is_tiny(run: Run, record: Record) -> bool:
    """Height and width of an em, as the matrix leaves them."""
    a, b, c, d, _, _ = run.signs[0].matrix
    along = hypot(a, b)
    upwards = abs(a * d - b * c) / along if along else 0.0
    left, bottom, right, top = record.frame
    least = TINY * min(1.0, max(right - left, top - bottom) * record.unit / SMALL_SHEET)
    return min(along * abs(run.shape.em[1]), upwards * abs(run.shape.em[0])) * record.unit < least


# --- what the page tells


class TooMuchError(Exception):
    """The budget of a page is spent."""


@dataclass(slots=True)
class Court:
    """Finds what is painted at a place, within a budget."""

    record: Record
    looks: int = 0
    bands: dict[int, list[Paint]] = field(default_factory=dict)
    shapes: dict[int, list[Paint]] = field(default_factory=dict)
    on_paper: dict[tuple[Ink, ...], Why | None] = field(default_factory=dict)

    def of_all(self) -> tuple[list[Why | None], bool]:
        """Of every character why it is hidden; and whether the budget was spent before all were looked at."""
        runs, whys = iter(self.record.runs), list[Why | None]()
        try:
            self._sort()
            for run in self.record.runs:
                whys.extend(self.of_run(run))
                next(runs)
        except TooMuchError:
            whys.extend(why for run in runs for why in [_by_state(run, self.record)] * len(run.signs))
            return whys, True
        return whys, False

    def _sort(self) -> None:
        if not all(map(isfinite, self.record.frame)):
            raise TooMuchError
        for paint in self.record.paints:
            if paint.through:
                self.shapes.setdefault(paint.through, []).append(paint)
            elif meet(paint.box, self.record.frame):
                for band in self._bands(paint.box):
                    self.bands.setdefault(band, []).append(paint)

    def of_run(self, run: Run) -> Sequence[Why | None]:
        """Of each of its characters why it is hidden."""
        why = _by_state(run, self.record)
        if why or not run.signs or run.own_colours:
            return [why] * len(run.signs)
        if run.mode is Mode.CLIP:
            return self._of_shapes(run)
        box = body_of(run.signs, run.shape)
        around = self._around(box)
        if shows_whole(run.state.clips, box):
            if not around:
                return [self._on_paper(run)] * len(run.signs)
            if all(paint.is_plain and contains(paint.box, box) for paint in around):
                return [self._at(run, around, *middle(box))] * len(run.signs)
        return [self._of_sign(run, sign, around) for sign in run.signs]

    def start_again(self) -> None:
        """A new budget."""
        self.looks = 0

    def area_at(self, kind: Kind, x: float, y: float) -> bool:
        """Whether an area of this kind is painted at the point."""
        here = self.bands.get(int(y // BAND), ()) if isfinite(y) else ()
        self._spend(sum(paint.weight for paint in here))
        return any(paint.kind is kind and paint.holds(x, y) for paint in here)

    def _bands(self, box: Rect) -> range:
        _, bottom, _, top = self.record.frame
        low, high = max(box[1], bottom), min(box[3], top)
        found = range(int(low // BAND), int(high // BAND) + 1)
        self._spend(len(found))
        return found

    def _spend(self, looks: int) -> None:
        self.looks += looks
        if self.looks > MOST_LOOKS:
            raise TooMuchError

    def _around(self, box: Rect) -> list[Paint]:
        if not self.bands or not meet(box, self.record.frame):
            return []
        near: dict[int, Paint] = {}
        for band in self._bands(box):
            here = self.bands.get(band, ())
            self._spend(len(here))
            near.update((paint.order, paint) for paint in here if meet(paint.box, box))
        return [near[order] for order in sorted(near)]

    def _on_paper(self, run: Run) -> Why | None:
        inks = _inks(run)
        if inks not in self.on_paper:
            self.on_paper[inks] = _against((WHITE,), inks, bare=True)
        return self.on_paper[inks]

    def _of_shapes(self, run: Run) -> list[Why | None]:
        """Characters that only clip are seen by what is painted through them."""
        whys: list[Why | None] = [Why.CLIP] * len(run.signs)
        for paint in self.shapes.get(run.token, ()):
            seen = replace(run, order=paint.order, mode=Mode.FILL, state=replace(run.state, fill=paint.ink))
            for index, sign in enumerate(run.signs):
                box = body_of([sign], run.shape)
                self._spend(1)
                if whys[index] and meet(paint.box, box):
                    whys[index] = self._of_sign(seen, sign, self._around(box)) and Why.CLIP
        return whys

    def _of_sign(self, run: Run, sign: Sign, around: Sequence[Paint]) -> Why | None:
        box = body_of([sign], run.shape)
        here = [paint for paint in around if meet(paint.box, box)]
        self._spend(len(around))
        if shows_whole(run.state.clips, box):
            if not here:
                return self._on_paper(run)
            if all(paint.is_plain and contains(paint.box, box) for paint in here):
                return self._at(run, here, *middle(box))
        seen, hiding = 0, Counter[Why]()
        for x, y in _points(sign, run.shape):
            if why := self._at(run, here, x, y):
                hiding[why] += 1
            elif (seen := seen + 1) > SEEN * len(ACROSS) * len(UPWARDS):
                return None
        return hiding.most_common(1)[0][0]

    def _at(self, run: Run, around: Sequence[Paint], x: float, y: float) -> Why | None:
        """Why nothing of the run can be seen at the point."""
        self._spend(1 + weight(run.state.clips) + sum(paint.weight for paint in around))
        if not shown(run.state.clips, x, y):
            return Why.CLIPPED
        here = [paint for paint in around if paint.holds(x, y)]
        solid = next((paint for paint in reversed(here) if paint.is_solid(x, y)), None)
        if solid and solid.order > run.order:
            return Why.PICTURED if solid.kind is Kind.IMAGE else Why.COVERED
        grounds: tuple[Rgb, ...] | None = solid.colours(x, y) if solid else (WHITE,)
        bare = solid is None
        above = [paint for paint in here if solid is None or paint.order > solid.order]
        self._spend(len(above) * LOOKS_A_MIXTURE)
        for paint in above:
            if paint.order < run.order:
                grounds, bare = _laid(paint, grounds, x, y, bare=bare), False
        veils = [veil for paint in above if paint.order > run.order if (veil := _veil(paint, x, y))]
        return _against(grounds, _inks(run), veils, bare=bare)


def _inks(run: Run) -> tuple[Ink, ...]:
    return ((run.state.fill,) if run.mode.fills else ()) + ((run.state.stroke,) if run.mode.strokes else ())


def _against(grounds: tuple[Rgb, ...] | None, inks: Sequence[Ink], veils: Sequence[Veil] = (), *, bare: bool) -> Why | None:
    """Why no reader sees marks of these inks on any of the grounds, below the veils; None where one may.

    `bare`: the ground is paper, which no ink blends with (ISO 32000-1, 11.4.7: a page starts transparent).
    """
    if all(ink.alpha == 0 for ink in inks):
        return Why.TRANSPARENT
    if grounds is None or any(ink.tone.colours is None or ink.blend is Blend.OTHER for ink in inks):
        return None
    marks = [(colour, ink.alpha, Blend.NORMAL if bare else ink.blend) for ink in inks for colour in ink.tone.colours or ()]
    pairs = {(ground, laid_over(ground, *mark)) for ground in grounds for mark in marks}
    if _alike(pairs):
        return Why.TRANSPARENT if all(ink.alpha < FAINT for ink in inks) else Why.COLOUR
    for colour, alpha, blend in veils:
        under = Blend.NORMAL if bare else blend
        pairs = {(laid_over(ground, colour, alpha, under), laid_over(mark, colour, alpha, blend)) for ground, mark in pairs}
        bare = False
    return Why.COVERED if _alike(pairs) else None


def _alike(pairs: Iterable[tuple[Rgb, Rgb]]) -> bool:
    return all(difference(ground, mark) <= NEAR for ground, mark in pairs)


def _laid(paint: Paint, grounds: tuple[Rgb, ...] | None, x: float, y: float, *, bare: bool) -> tuple[Rgb, ...] | None:
    """The grounds that may result where an area is painted that is not solid, or may not be there at all."""
    opacity = paint.opacity(x, y)
    if opacity == 0:
        return grounds
    colours, blend = paint.colours(x, y), Blend.NORMAL if bare else paint.ink.blend
    if grounds is None or colours is None or blend is Blend.OTHER:
        return None
    found = {laid_over(ground, colour, opacity or paint.ink.alpha, blend) for ground in grounds for colour in colours}
    if opacity is None or paint.is_doubtful:
        found.update(grounds)
    return tuple(found) if len(found) <= MOST_GROUNDS else None


def _veil(paint: Paint, x: float, y: float) -> Veil | None:
    """One colour that surely lies over the point, and how opaque."""
    colours, opacity = paint.colours(x, y), paint.opacity(x, y)
    if colours is None or len(colours) != 1 or not opacity or paint.is_doubtful or paint.ink.blend is Blend.OTHER:
        return None
    return colours[0], opacity, paint.ink.blend


# --- where characters stand


def body_of(signs: Sequence[Sign], shape: Shape) -> Rect:
    """Around the bodies of characters that share a direction."""
    a, b, c, d, _, _ = signs[0].matrix
    widths = [sign.adv for sign in signs]
    sides = shape.sides or (min(0.0, *widths), max(0.0, *widths))
    corners = [(a * x + c * y, b * x + d * y) for x, y in product(sides, (shape.low, shape.high))]
    lefts, bottoms = [sign.matrix[4] for sign in signs], [sign.matrix[5] for sign in signs]
    return (
        min(lefts) + min(x for x, _ in corners),
        min(bottoms) + min(y for _, y in corners),
        max(lefts) + max(x for x, _ in corners),
        max(bottoms) + max(y for _, y in corners),
    )


def _points(sign: Sign, shape: Shape) -> Iterator[Point]:
    left, right = shape.sides or (0.0, sign.adv)
    for along, upwards in product(ACROSS, UPWARDS):
        yield moved(sign.matrix, left + along * (right - left), shape.low + upwards * (shape.high - shape.low))


def middle(box: Rect) -> Point:
    """Of a rectangle."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
