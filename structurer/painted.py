"""What a page paints, in the order in which it does: runs of characters and areas, each with what is known of its ink and its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, Protocol

from structurer.areas import Area, Matrix, Rect, common, contains
from structurer.inks import BLACK, Blend, Ink, Rgb, Tone

MOST_CLIPS: Final = 8  # inside each other: of more only the innermost are followed
CORNERS_A_LOOK: Final = 8  # that are gone round in the time of looking at a box
SOLID: Final = 0.98  # opacity from which nothing shows through
INK: Final = Ink(Tone((BLACK,)))  # what every page starts with

Clip = tuple[Area, ...]  # what is shown must lie in one of these


class Mode(IntEnum):
    """How characters are drawn (ISO 32000-1, table 106)."""

    FILL = 0
    STROKE = 1
    FILL_AND_STROKE = 2
    INVISIBLE = 3
    FILL_AND_CLIP = 4
    STROKE_AND_CLIP = 5
    FILL_STROKE_AND_CLIP = 6
    CLIP = 7

    @property
    def fills(self) -> bool:
        return self in (Mode.FILL, Mode.FILL_AND_STROKE, Mode.FILL_AND_CLIP, Mode.FILL_STROKE_AND_CLIP)

    @property
    def strokes(self) -> bool:
        return self in (Mode.STROKE, Mode.FILL_AND_STROKE, Mode.STROKE_AND_CLIP, Mode.FILL_STROKE_AND_CLIP)


class Kind(Enum):
    """What covers an area."""

    FILL = "fill"
    IMAGE = "image"


class Pixels(Protocol):
    """The colours of an image at places of the page; None where they cannot be told."""

    def colour(self, x: float, y: float) -> Rgb | None:
        """The colour that it has at a point of the page."""

    def opacity(self, x: float, y: float) -> float | None:
        """From 0 to 1, how much of it covers a point of the page; None where that cannot be told."""


class Sign(Protocol):
    """A character as the parser gives it: `matrix` takes its own space, in which it stands on (0, 0) and is `adv` wide, to the page.

    Its box on the page reaches from (x0, y0) to (x1, y1).
    """

    matrix: Matrix
    adv: float
    upright: bool
    x0: float
    y0: float
    x1: float
    y1: float

    def get_text(self) -> str:
        """What it reads."""


@dataclass(frozen=True, slots=True)
class State:
    """What the file has set for the marks to come: inks, clips, and `through`, the runs (by token) in whose shapes alone they show.

    `strength` is the opacity of the groups that they belong to; `veiled`: these have soft masks or are half transparent; `mixed`: they
    blend with what lies under them.
    """

    fill: Ink = INK
    stroke: Ink = INK
    clips: tuple[Clip, ...] = ()
    through: int = 0
    strength: float = 1.0
    veiled: bool = False
    mixed: bool = False

    def clipped(self, clip: Clip) -> tuple[Clip, ...]:
        """The clips with one more; of two boxes what they share."""
        if self.clips and _is_box(clip) and _is_box(self.clips[-1]):
            return (*self.clips[:-1], (Area(common(self.clips[-1][0].box, clip[0].box)),))
        return (*self.clips, clip)[-MOST_CLIPS:]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the bodies of a run's characters lie in their own space: from `low` to `high`, and from side to side (None: all their width).

    `em`: their size there, upwards and along.
    """

    low: float
    high: float
    em: tuple[float, float]
    sides: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Characters shown by one operator. `token` names the clip that they make; `own_colours`: their font brings its colours itself."""

    order: int
    signs: Sequence[Sign]
    shape: Shape
    mode: Mode
    state: State
    token: int = 0
    own_colours: bool = False
    switched_off: bool = False


@dataclass(frozen=True, slots=True)
class Paint:
    """An area that was filled, or an image; `box` is around what its clips leave of it, `weight` the work of asking about a point."""

    order: int
    kind: Kind
    area: Area
    ink: Ink
    clips: tuple[Clip, ...] = ()
    through: int = 0
    pixels: Pixels | None = None
    box: Rect = field(init=False)
    weight: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", 1 + weight(((self.area,), *self.clips)))
        box = self.area.box
        for clip in self.clips:
            if len(clip) == 1:
                box = common(box, clip[0].box)
        object.__setattr__(self, "box", box)

    @property
    def is_plain(self) -> bool:
        """Whether it is the same all over its box."""
        return self.area.is_box and self.pixels is None and all(map(_is_box, self.clips))

    def holds(self, x: float, y: float) -> bool:
        """Whether it paints, or may paint, at the point."""
        return self.area.holds(x, y) and shown(self.clips, x, y)

    @property
    def is_doubtful(self) -> bool:
        """Whether it may leave unpainted what it holds."""
        return self.ink.tone.gaps or self.area.vague or any(area.vague for clip in self.clips for area in clip)

    def opacity(self, x: float, y: float) -> float | None:
        """From 0 to 1, how much it covers the point; None where that cannot be told."""
        share = self.pixels.opacity(x, y) if self.pixels else 1.0
        return None if self.ink.veiled or share is None else self.ink.alpha * share

    def is_solid(self, x: float, y: float) -> bool:
        """Whether it surely hides what lies under the point."""
        return not self.is_doubtful and self.ink.blend is Blend.NORMAL and (self.opacity(x, y) or 0.0) >= SOLID

    def colours(self, x: float, y: float) -> tuple[Rgb, ...] | None:
        """What it may show at the point; None where that cannot be told."""
        if self.pixels is None or self.ink.tone.colours is not None:
            return self.ink.tone.colours
        colour = self.pixels.colour(x, y)
        return None if colour is None else (colour,)


@dataclass(slots=True)
class Record:
    """All that a page paints. `frame` is what viewers show of it, `unit` the points that one of its units is long."""

    frame: Rect
    unit: float = 1.0
    runs: list[Run] = field(default_factory=list)
    paints: list[Paint] = field(default_factory=list)
    tokens: int = 0

    @property
    def order(self) -> int:
        """The place of the next mark."""
        return len(self.runs) + len(self.paints)

    @property
    def signs(self) -> list[Sign]:
        """All characters."""
        return [sign for run in self.runs for sign in run.signs]

    def next_token(self) -> int:
        """A new name for a clip made of characters."""
        self.tokens += 1
        return self.tokens


def weight(clips: Sequence[Clip]) -> int:
    """How much more work it is to ask about a point than with plain boxes."""
    return sum(len(outline) for clip in clips for area in clip for outline in area.outlines) // CORNERS_A_LOOK


def shown(clips: Sequence[Clip], x: float, y: float) -> bool:
    """Whether the clips let the point be seen."""
    return all(any(area.holds(x, y) for area in clip) for clip in clips)


def shows_whole(clips: Sequence[Clip], box: Rect) -> bool:
    """Whether the clips are plain boxes that hold the whole of this one."""
    return all(_is_box(clip) and contains(clip[0].box, box) for clip in clips)


def _is_box(clip: Clip) -> bool:
    return len(clip) == 1 and clip[0].is_box
