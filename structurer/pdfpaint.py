"""Runs a page of a PDF through pdfminer and keeps, beside its layout, what was painted in which order and with what.

pdfminer drops graphics states, clips, layers, shadings, and what forms inherit; here they are followed. Loads pdfplumber and pdfminer,
so import it where a PDF is parsed.
"""
# ruff: noqa: N802  (pdfminer finds its methods by the names of the operators)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pdfminer.pdfinterp import PDFPageInterpreter, PDFStackT
from pdfminer.pdftypes import PDFStream
from pdfminer.psparser import PSLiteral
from pdfminer.utils import mult_matrix

from structurer.areas import Area, Rect, filled, quad
from structurer.inks import Blend, Ink, Tone
from structurer.painted import Kind, Mode, Record, State
from structurer.pdfdevice import Device, Inked, Studio
from structurer.pdfobjects import mapping_in, name_in, number_in, numbers_in, resolved, stream_in
from structurer.pdfspaces import CMYK, GRAY, RGB, Space, is_known, pattern_tone, shading_tone, space_of

if TYPE_CHECKING:
    from pdfminer.layout import LTPage
    from pdfplumber.page import Page

VANISHING: Final = 0.1  # opacity of a group below which what it holds is as good as not there
BLENDS: Final = {blend.value: blend for blend in Blend} | {"Compatible": Blend.NORMAL}
_MODES: Final = frozenset(Mode)


def painted(page: Page, frame: Rect, studio: Studio) -> tuple[LTPage, Record]:
    """The layout that pdfminer makes of a page, and the record of its painting; `frame` is what viewers show of it."""
    device = Device(page.pdf.rsrcmgr, pageno=page.page_number, laparams=page.pdf.laparams)
    unit = number_in(page.page_obj.attrs.get("UserUnit")) or 1.0
    device.record = Record(frame, unit if unit > 0 else 1.0)
    device.studio = studio
    _Interpreter(page.pdf.rsrcmgr, device).process_page(page.page_obj)
    return device.get_result(), device.record


class _Interpreter(PDFPageInterpreter):
    """pdfminer's interpreter; operators that it ignores are followed, and forms inherit."""

    device: Device
    graphicstate: Inked

    def __init__(self, rsrcmgr: Any, device: Device) -> None:
        super().__init__(rsrcmgr, device)
        self._heritage = Inked(State(), GRAY, GRAY)
        self._mode = 0
        self._marks = [device.is_off]  # of the content around each place: whether its layer is off
        self._token = 0

    def subinterp(self) -> PDFPageInterpreter:
        inner = super().subinterp()
        if isinstance(inner, _Interpreter):
            inner._heritage, inner._mode = self.graphicstate, self.textstate.render
        return inner

    def init_resources(self, resources: dict[object, object]) -> None:
        super().init_resources(resources)
        for name, spec in self._named("Font").items():
            self.device.studio.learn(self.fontmap.get(name), spec)

    def init_state(self, ctm: Any) -> None:
        super().init_state(ctm)
        self.graphicstate = Inked(self._heritage.state, self._heritage.fill_space, self._heritage.stroke_space)
        self.textstate.render = self._mode

    def _named(self, kind: str) -> dict[Any, object]:
        return mapping_in(mapping_in(self.resources).get(kind))

    # --- colours

    def _set(self, *, fill: Tone | None = None, stroke: Tone | None = None) -> None:
        state = self.graphicstate.state
        if fill is not None:
            state = replace(state, fill=replace(state.fill, tone=fill))
        if stroke is not None:
            state = replace(state, stroke=replace(state.stroke, tone=stroke))
        self.graphicstate.state = state

    def _fill(self, space: Space | None, *numbers: object) -> None:
        self.graphicstate.fill_space = space
        self._set(fill=space.tone(numbers) if space else Tone(None))

    def _stroke(self, space: Space | None, *numbers: object) -> None:
        self.graphicstate.stroke_space = space
        self._set(stroke=space.tone(numbers) if space else Tone(None))

    def do_g(self, gray: PDFStackT) -> None:
        super().do_g(gray)
        self._fill(GRAY, gray)

    def do_G(self, gray: PDFStackT) -> None:
        super().do_G(gray)
        self._stroke(GRAY, gray)

    def do_rg(self, r: PDFStackT, g: PDFStackT, b: PDFStackT) -> None:
        super().do_rg(r, g, b)
        self._fill(RGB, r, g, b)

    def do_RG(self, r: PDFStackT, g: PDFStackT, b: PDFStackT) -> None:
        super().do_RG(r, g, b)
        self._stroke(RGB, r, g, b)

    def do_k(self, c: PDFStackT, m: PDFStackT, y: PDFStackT, k: PDFStackT) -> None:
        super().do_k(c, m, y, k)
        self._fill(CMYK, c, m, y, k)

    def do_K(self, c: PDFStackT, m: PDFStackT, y: PDFStackT, k: PDFStackT) -> None:
        super().do_K(c, m, y, k)
        self._stroke(CMYK, c, m, y, k)

    def do_cs(self, name: PDFStackT) -> None:
        super().do_cs(name)
        if is_known(name, self._named("ColorSpace")):
            space = space_of(name, self._named("ColorSpace"))
            self._fill(space, *(space.initial if space else ()))

    def do_CS(self, name: PDFStackT) -> None:
        super().do_CS(name)
        if is_known(name, self._named("ColorSpace")):
            space = space_of(name, self._named("ColorSpace"))
            self._stroke(space, *(space.initial if space else ()))

    def do_scn(self) -> None:
        operands = list(self.argstack)
        super().do_scn()
        self._set(fill=self._tone(self.graphicstate.fill_space, operands))

    def do_SCN(self) -> None:
        operands = list(self.argstack)
        super().do_SCN()
        self._set(stroke=self._tone(self.graphicstate.stroke_space, operands))

    def _tone(self, space: Space | None, operands: Sequence[object]) -> Tone:
        if operands and isinstance(operands[-1], PSLiteral):
            return pattern_tone(self._named("Pattern").get(operands[-1].name), self._named("ColorSpace"))
        return space.tone(operands) if space else Tone(None)

    # --- graphics states and clips

    def do_gs(self, name: PDFStackT) -> None:
        super().do_gs(name)
        state = self.graphicstate.state
        changes = mapping_in(self._named("ExtGState").get(name_in(name)))
        fill, stroke = _changed(state.fill, changes, "ca", state), _changed(state.stroke, changes, "CA", state)
        self.graphicstate.state = replace(state, fill=fill, stroke=stroke)

    def do_W(self) -> None:
        super().do_W()
        self._clip(even_odd=False)

    def do_W_a(self) -> None:
        super().do_W_a()
        self._clip(even_odd=True)

    def _clip(self, *, even_odd: bool) -> None:
        if areas := filled(self.curpath, self.device.ctm, even_odd=even_odd):
            state = self.graphicstate.state
            self.graphicstate.state = replace(state, clips=state.clipped(areas))

    # --- marks

    def do_F(self) -> None:
        """The same as f (ISO 32000-1, table 60); pdfminer paints nothing and keeps the path."""
        self.do_f()

    def do_sh(self, name: Any) -> None:
        super().do_sh(name)
        state = self.graphicstate.state
        tone = shading_tone(self._named("Shading").get(name_in(name)), self._named("ColorSpace"))
        self.device.cover(Kind.FILL, (Area(self.device.record.frame),), replace(state.fill, tone=tone), state)

    def do_TJ(self, seq: PDFStackT) -> None:
        mode = self.textstate.render
        self.device.mode = Mode(mode) if mode in _MODES else Mode.FILL
        if self.device.mode >= Mode.FILL_AND_CLIP and not self._token:
            self._token = self.device.record.next_token()
        self.device.token = self._token
        super().do_TJ(seq)

    def do_ET(self) -> None:
        super().do_ET()
        if self._token:
            self.graphicstate.state = replace(self.graphicstate.state, through=self._token)
            self._token = 0

    def do_EI(self, obj: PDFStackT) -> None:
        self.device.state, self.device.spaces = self.graphicstate.state, self._named("ColorSpace")
        super().do_EI(obj)

    def do_Do(self, xobjid_arg: PDFStackT) -> None:
        drawn = stream_in(self.xobjmap.get(name_in(xobjid_arg)))
        before = self.graphicstate.state
        if drawn and "BBox" in drawn:
            self.graphicstate.state = self._entered(before, drawn)
        self.device.state, self.device.spaces = before, self._named("ColorSpace")
        self._open(drawn.get("OC") if drawn else None)
        super().do_Do(xobjid_arg)
        self._close()
        self.graphicstate.state = before

    def _entered(self, state: State, form: PDFStream) -> State:
        """What a form starts with: it is cut to its box; one that is composed as a group starts with plain opacity."""
        box, matrix = numbers_in(form.get("BBox")), numbers_in(form.get("Matrix"))
        areas = quad(mult_matrix(matrix, self.ctm) if len(matrix) == 6 else self.ctm, box) if len(box) == 4 else ()
        state = replace(state, clips=state.clipped(areas)) if areas else state
        if resolved(form.get("Group")) is None:
            return state
        vanishes = state.fill.alpha < VANISHING
        strength = state.fill.alpha if vanishes else 1.0
        veiled = state.veiled or state.fill.veiled or (state.fill.alpha < 1.0 and not vanishes)
        mixed = state.mixed or state.fill.blend is not Blend.NORMAL
        fill, stroke = (Ink(ink.tone, strength, Blend.OTHER if mixed else Blend.NORMAL, veiled) for ink in (state.fill, state.stroke))
        return replace(state, fill=fill, stroke=stroke, strength=strength, veiled=veiled, mixed=mixed)

    # --- layers

    def do_BMC(self, tag: PDFStackT) -> None:
        super().do_BMC(tag)
        self._open(None)

    def do_BDC(self, tag: PDFStackT, props: PDFStackT) -> None:
        super().do_BDC(tag, props)
        self._open(self._named("Properties").get(name_in(props)) if name_in(tag) == "OC" else None)

    def do_EMC(self) -> None:
        super().do_EMC()
        self._close()

    def _open(self, layer: object) -> None:
        self._marks.append(self._marks[-1] or self.device.studio.layers.hide(layer))
        self.device.is_off = self._marks[-1]

    def _close(self) -> None:
        if len(self._marks) > 1:
            self._marks.pop()
        self.device.is_off = self._marks[-1]


def _changed(ink: Ink, changes: dict[Any, object], opacity: str, state: State) -> Ink:
    """The ink under a graphics state dictionary (ISO 32000-1, table 58)."""
    alpha = number_in(changes.get(opacity))
    if alpha is not None:
        ink = replace(ink, alpha=min(max(alpha, 0.0), 1.0) * state.strength)
    if "BM" in changes:
        ink = replace(ink, blend=Blend.OTHER if state.mixed else _blend(resolved(changes["BM"])))
    if "SMask" in changes:
        ink = replace(ink, veiled=state.veiled or not isinstance(resolved(changes["SMask"]), PSLiteral))
    return ink


def _blend(spec: object) -> Blend:
    """Of a list the first that is known (ISO 32000-1, 11.6.3)."""
    names = [name_in(part) for part in (spec if isinstance(spec, list) else [spec])]
    return next((BLENDS[name] for name in names if name in BLENDS), Blend.OTHER)
