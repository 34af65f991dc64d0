"""The fields of a PDF form: which values its pages show, which are to be drawn on them, and which a person must be told of.

A value and its picture are kept apart in a PDF (ISO 32000-1, 12.7.3.3): programs that fill in forms may write the one and forget the other,
and then viewers draw the value themselves.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import pikepdf

from structurer.errors import InputError
from structurer.pdf import calls as pdfium
from structurer.pdf import values as pdfvalues
from structurer.pdf.pdfium import Sheetful, UnreadablePageError, opened
from structurer.sheets.sections import quoted

MOST_TOLD: Final = 20  # fields, each in a warning of its own
DEEPEST: Final = 50  # fields within fields
_IS_PASSWORD, _IS_BUTTON = 1 << 13, 1 << 16  # flags of ISO 32000-1, tables 226 and 228
_FIGURE: Final = re.compile(r"[-+]?\d{1,30}(?:\.\d{1,30})?")
_FIGURES: Final = re.compile(r"\d[\d,]{0,40}(?:\.\d{1,30})?")
_PRINTS: Final = frozenset(("Tj", "TJ", "'", '"'))


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it lies on a page (from 1): its full name, what it is to show, and its rectangle there (x0, y0, x1, y1; points)."""

    name: str
    value: str
    page: int
    rect: tuple[float, float, float, float]
    widget: pikepdf.Object


def repainted(pdf: pikepdf.Pdf, raw: bytes, password: str | None) -> bool:
    """Draws values that have no picture, or another's where the form says that pictures may be old. Whether there are any.

    `raw` is the file that `pdf` was opened from.
    """
    form = pdf.Root.get("/AcroForm")
    if form is None:
        return False
    is_old = bool(form.get("/NeedAppearances", False))
    lacking = [field for field in unseen(pdf, raw, password) if is_old or "/AP" not in field.widget]
    if lacking:
        letters = pdfvalues.font(pdf)
        for field in lacking:
            x0, y0, x1, y1 = field.rect
            pdfvalues.draw(pdf, field.widget, field.value, x1 - x0, y1 - y0, letters)
    return bool(lacking)


def told(pdf: pikepdf.Pdf, raw: bytes, password: str | None) -> Iterator[str]:
    """Sentences for the user on values and ticks that the pages do not show as characters."""
    if "/AcroForm" not in pdf.Root:
        return
    lost = unseen(pdf, raw, password)
    for field in lost[:MOST_TOLD]:
        value = quoted((field.value,))
        yield f"page {field.page}: the form field {field.name!r} has the value {value}, which the page does not show in its place"
    if len(lost) > MOST_TOLD:
        yield f"{len(lost) - MOST_TOLD} more form field(s) have values that the pages do not show"
    ticked = list(_ticked(pdf))
    if ticked:
        yield f"{len(ticked)} ticked box(es) of the form are no characters of the text: {quoted(('; '.join(ticked),))}"


def unseen(pdf: pikepdf.Pdf, raw: bytes, password: str | None) -> list[Field]:
    """The fields whose rectangles do not hold their values."""
    fields = list(_valued(pdf))
    shown = _shown(fields, raw, password) if fields else []
    return [field for field, text in zip(fields, shown, strict=True) if not (_holds(text, field.value) or _is_formatted(field, text))]


# --- what fields say


def _valued(pdf: pikepdf.Pdf) -> Iterator[Field]:
    """Fields for text and for choices that are filled in; passwords are nobody's business."""
    for number, widget in _widgets(pdf):
        flags = int(_inherited(widget, "/Ff") or 0)
        kind = _inherited(widget, "/FT")
        if kind not in ("/Tx", "/Ch") or (kind == "/Tx" and flags & _IS_PASSWORD):
            continue
        value = _value(widget)
        if value.strip():
            yield Field(_name(widget), value, number, _rect(widget), widget)


def _ticked(pdf: pikepdf.Pdf) -> Iterator[str]:
    """Names of boxes that are ticked with something else than a character."""
    for _, widget in _widgets(pdf):
        if _inherited(widget, "/FT") != "/Btn" or int(_inherited(widget, "/Ff") or 0) & _IS_BUTTON:
            continue
        state = widget.get("/AS", _inherited(widget, "/V"))
        if isinstance(state, pikepdf.Name) and state != "/Off" and not _is_printed(widget, str(state)):
            name = _name(widget)
            yield name if str(state) in ("/Yes", "/On", "/1") else f"{name} ({str(state)[1:]})"


def _is_printed(widget: pikepdf.Object, state: str) -> bool:
    drawn = widget.get("/AP", pikepdf.Dictionary()).get("/N")
    stream = drawn.get(state) if isinstance(drawn, pikepdf.Dictionary) else drawn
    if not isinstance(stream, pikepdf.Stream):
        return False
    return any(str(one.operator) in _PRINTS for one in pikepdf.parse_content_stream(stream))


def _widgets(pdf: pikepdf.Pdf) -> Iterator[tuple[int, pikepdf.Object]]:
    for number, page in enumerate(pdf.pages, 1):
        for found in annotated(page):
            if found.get("/Subtype") == "/Widget":
                yield number, found


def annotated(page: pikepdf.Page) -> Iterator[pikepdf.Object]:
    """What lies on a page beside its contents."""
    held = page.obj.get("/Annots")
    yield from (one for one in (held if isinstance(held, pikepdf.Array) else ()) if isinstance(one, pikepdf.Dictionary))


def _line(widget: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """A field and those that it is part of."""
    field: pikepdf.Object | None = widget
    for _ in range(DEEPEST):
        if not isinstance(field, pikepdf.Dictionary):
            return
        yield field
        field = field.get("/Parent")


def _inherited(widget: pikepdf.Object, key: str) -> pikepdf.Object | None:
    return next((field.get(key) for field in _line(widget) if key in field), None)


def _name(widget: pikepdf.Object) -> str:
    return ".".join(str(field.T) for field in reversed(list(_line(widget))) if "/T" in field)


def _value(widget: pikepdf.Object) -> str:
    held = _inherited(widget, "/V")
    if isinstance(held, pikepdf.Stream):
        return held.read_bytes().decode("utf-8", "replace")
    several = list(held) if isinstance(held, pikepdf.Array) else [held] if isinstance(held, (pikepdf.String, pikepdf.Name)) else []
    prints = _prints(widget)
    return "\n".join(prints.get(str(one), str(one).removeprefix("/") if isinstance(one, pikepdf.Name) else str(one)) for one in several)


def _prints(widget: pikepdf.Object) -> dict[str, str]:
    """The choices of a field that are shown as something else."""
    options = _inherited(widget, "/Opt")
    pairs = options if isinstance(options, pikepdf.Array) else ()
    return {str(pair[0]): str(pair[1]) for pair in pairs if isinstance(pair, pikepdf.Array) and len(pair) == 2}


def _rect(widget: pikepdf.Object) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(float, widget.Rect)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


# --- what pages show


def _shown(fields: Sequence[Field], raw: bytes, password: str | None) -> list[str]:
    """The text in the rectangle of each field; fields of a page stand side by side."""
    found: list[str] = []
    try:
        with opened(raw, "", password) as document:
            for number in dict.fromkeys(field.page for field in fields):
                found += _in_rectangles(document, number, [field.rect for field in fields if field.page == number])
    except InputError:  # said by those who read its pages
        return [field.value for field in fields]
    return found


def _in_rectangles(document: int, number: int, rects: Sequence[tuple[float, float, float, float]]) -> list[str]:
    try:
        page = Sheetful(document, number)
    except UnreadablePageError:
        return [""] * len(rects)
    text = pdfium.FPDFText_LoadPage(page.handle)
    try:
        return [_text_in(text, *rect) for rect in rects]
    finally:
        pdfium.FPDFText_ClosePage(text)
        page.close()


def _text_in(text: int, x0: float, y0: float, x1: float, y1: float) -> str:
    length = pdfium.FPDFText_GetBoundedText(text, x0, y1, x1, y0, None, 0)
    room = (ctypes.c_ushort * length)()
    pdfium.FPDFText_GetBoundedText(text, x0, y1, x1, y0, ctypes.byref(room), length)
    return bytes(room).decode("utf-16-le", "replace").rstrip("\0")


def _is_formatted(field: Field, text: str) -> bool:
    """Whether a field that a script formats (ISO 32000-1, table 196: F) shows its value: a figure rounded, or a hundredfold as per cent."""
    actions = _inherited(field.widget, "/AA")
    if not isinstance(actions, pikepdf.Dictionary) or "/F" not in actions:
        return False
    if not _FIGURE.fullmatch(field.value.strip()):
        return bool(text.strip())
    return any(_is_rounded(Decimal(field.value.strip()), Decimal(each.replace(",", ""))) for each in _FIGURES.findall(text))


def _is_rounded(value: Decimal, shown: Decimal) -> bool:
    """By how many signs are shown; a sign of loss may be a bracket or a colour."""
    step = Decimal(1).scaleb(int(shown.as_tuple().exponent))
    return any(abs(abs(each) - abs(shown)) * 2 <= step for each in (value, value * 100))


def _holds(text: str, value: str) -> bool:
    """Whether a value stands in a text, however both are spaced, and not as a part of a longer figure."""
    text, value = ("".join(unicodedata.normalize("NFKC", each).split()) for each in (text, value))
    before, after = r"(?<![\d.,])" if value[:1].isdigit() else "", r"(?![.,]?\d)" if value[-1:].isdigit() else ""
    return re.search(before + re.escape(value) + after, text) is not None
