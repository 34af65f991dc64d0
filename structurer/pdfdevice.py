"""The device that pdfminer draws a page on: beside the layout it keeps what was painted, in which order and with what.

Loads pdfplumber and pdfminer, so import it where a PDF is parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from pdfminer.casting import safe_float
from pdfminer.pdffont import PDFFont, PDFType3Font
from pdfminer.pdfinterp import PDFGraphicState, PDFTextState
from pdfminer.pdftypes import PDFStream
from pdfplumber.page import PDFPageAggregatorWithMarkedContent

from structurer.areas import Area, Rect, filled, inverse, quad, stroked
from structurer.inks import Ink, Tone
from structurer.painted import Kind, Mode, Paint, Record, Run, Shape, State
from structurer.pdflayers import Layers
from structurer.pdfobjects import bytes_in, mapping_in, resolved
from structurer.pdfpicture import Allowance, Picture, Placed
from structurer.pdfspaces import Space

THICK: Final = 2.0  # points: a thinner pen rules lines and hides nothing
BODY: Final = (0.05, 0.65)  # of the size, above the base line: where every script has ink
UPRIGHT_BODY: Final = (-0.85, -0.15)  # of the size, below the place of a character set vertically
HALF_WIDTH: Final = 0.35  # of the size, to both sides of it
EDGE: Final = 0.15  # of the height of a character drawn by the file itself: what may be blank
FLAT: Final = 0.5  # of the width of its widest character: a font whose box is lower tells the box wrong
D1_WITHIN: Final = 256  # bytes: d0 or d1 comes first (ISO 32000-1, 9.6.5)
_UNIT: Final[Rect] = (0.0, 0.0, 1.0, 1.0)


class Studio:
    """What the pages of one document share, found out once."""

    def __init__(self, catalog: dict[str, Any]) -> None:
        self.layers = Layers(catalog)
        self._pictures: dict[int, Picture] = {}
        self._allowance = Allowance()
        self._own_colours: dict[PDFFont, bool] = {}

    def picture(self, stream: PDFStream, spaces: dict[Any, object]) -> Picture:
        """The image of a stream, unpacked once however often it is drawn."""
        if stream.objid is None:
            return Picture(stream, spaces, self._allowance)
        if stream.objid not in self._pictures:
            self._pictures[stream.objid] = Picture(stream, spaces, self._allowance)
        return self._pictures[stream.objid]

    def learn(self, font: PDFFont | None, spec: object) -> None:
        """Characters that the file draws itself may set colours of their own (d0) or take that of the text (d1)."""
        if isinstance(font, PDFType3Font) and font not in self._own_colours:
            glyphs = mapping_in(mapping_in(spec).get("CharProcs")).values()
            self._own_colours[font] = not all(b"d1" in bytes_in(glyph)[:D1_WITHIN] for glyph in glyphs)

    def has_own_colours(self, font: PDFFont | None) -> bool:
        """Whether the colour of the text may say nothing about what is seen of this font."""
        return font is not None and self._own_colours.get(font, False)


class Inked(PDFGraphicState):
    """pdfminer's graphics state and what it leaves out."""

    def __init__(self, state: State, fill_space: Space | None, stroke_space: Space | None) -> None:
        super().__init__()
        self.state, self.fill_space, self.stroke_space = state, fill_space, stroke_space

    def copy(self) -> Inked:
        twin = Inked.__new__(Inked)
        twin.__dict__.update(self.__dict__)
        return twin


class Device(PDFPageAggregatorWithMarkedContent):
    """pdfplumber's device; what it draws is recorded, characters only there: pdfplumber would spend most of its time on copies of them.

    The interpreter sets what the calls do not hand over.
    """

    record: Record
    studio: Studio
    spaces: dict[Any, object]
    state = State()
    mode = Mode.FILL
    token = 0
    is_off = False
    is_nested = False

    def render_string(self, textstate: PDFTextState, seq: Any, ncs: Any, graphicstate: PDFGraphicState) -> None:
        before = len(self.cur_item._objs)
        super().render_string(textstate, seq, ncs, graphicstate)
        signs: list[Any] = self.cur_item._objs[before:]
        del self.cur_item._objs[before:]
        if signs and isinstance(graphicstate, Inked):
            own = self.studio.has_own_colours(textstate.font)
            shape, order = _shape(textstate), self.record.order
            self.record.runs.append(Run(order, signs, shape, self.mode, graphicstate.state, self.token, own, self.is_off))

    def paint_path(self, gstate: PDFGraphicState, stroke: bool, fill: bool, evenodd: bool, path: Sequence[Any]) -> None:
        """pdfminer calls it again for each part of a path; the path is recorded as a whole."""
        outermost, self.is_nested = not self.is_nested, True
        super().paint_path(gstate, stroke, fill, evenodd, path)
        if not outermost:
            return
        self.is_nested = False
        if isinstance(gstate, Inked) and fill:
            self.cover(Kind.FILL, filled(path, self.ctm, even_odd=evenodd), gstate.state.fill, gstate.state)
        if isinstance(gstate, Inked) and stroke and gstate.linewidth >= THICK:
            ink = gstate.state.stroke
            ink = replace(ink, tone=replace(ink.tone, gaps=True)) if gstate.dash else ink
            self.cover(Kind.FILL, stroked(path, self.ctm, gstate.linewidth), ink, gstate.state)

    def render_image(self, name: str, stream: PDFStream) -> None:
        super().render_image(name, stream)
        if back := inverse(self.ctm):
            is_stencil = bool(resolved(stream.get_any(("ImageMask", "IM"))))
            ink = self.state.fill if is_stencil else replace(self.state.fill, tone=Tone(None))
            placed = Placed(self.studio.picture(stream, self.spaces), back)
            self.cover(Kind.IMAGE, quad(self.ctm, _UNIT), ink, self.state, placed)

    def cover(self, kind: Kind, areas: Iterable[Area], ink: Ink, state: State, placed: Placed | None = None) -> None:
        """Records areas that are painted, unless their layer is off."""
        for area in () if self.is_off else areas:
            self.record.paints.append(Paint(self.record.order, kind, area, ink, state.clips, state.through, placed))


def _shape(textstate: PDFTextState) -> Shape:
    """Where the bodies of characters lie: in fonts that the file draws itself by their box, in others by the size."""
    font, size, rise = textstate.font, textstate.fontsize, textstate.rise
    em = (size, size * textstate.scaling / 100)
    if isinstance(font, PDFType3Font):
        return _drawn_shape(font, size, rise)
    if font is not None and font.is_vertical():
        return Shape(rise + UPRIGHT_BODY[0] * size, rise + UPRIGHT_BODY[1] * size, em, (-HALF_WIDTH * size, HALF_WIDTH * size))
    return Shape(rise + BODY[0] * size, rise + BODY[1] * size, em)


def _drawn_shape(font: PDFType3Font, size: float, rise: float) -> Shape:
    """By its box; where that is empty (ISO 32000-1, table 112) or too flat to be true, as high as the widest character is wide."""
    low, high = (safe_float(font.bbox[side] * font.vscale * size) or 0.0 for side in (1, 3))
    widest = max((abs(safe_float(width) or 0.0) for width in font.widths.values()), default=0.0) * font.hscale * size
    if abs(high - low) < FLAT * abs(widest):
        low, high = 0.0, widest
    edge = EDGE * (high - low)
    return Shape(rise + low + edge, rise + high - edge, (high - low, float("inf")))
