"""PDF files by PDFium: opening them, the frame of a page, its objects in the order of painting, and pictures of it.

Handles are addresses (`calls`). Loads PDFium, so import it where a PDF is parsed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, repeat
from math import isfinite
from typing import Final, NamedTuple

from PIL import Image

from structurer.document import Box
from structurer.errors import InputError
from structurer.pdf import calls as pdfium

POINTS_AN_INCH: Final = 72.0
MOST_PIXELS: Final = 60_000_000  # of one picture: a page of A3 at 400 dpi has 31 million
DEEPEST: Final = 40  # forms within each other; more PDFium does not draw (kMaxFormLevel of cpdf_streamcontentparser.h)
MOST_OBJECTS: Final = 500_000  # on one page: a map of a town has some 100,000
_WHITE: Final = 0xFFFFFFFF

Matrix = tuple[float, float, float, float, float, float]
Sides = tuple[float, float, float, float]  # left, top, right, bottom
Handle = int  # an address
IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
# PDFium writes into these; it is no library for several threads anyway
_SIDES: Final = (ctypes.c_float * 4)()  # left, bottom, right, top
_COLOUR: Final = (ctypes.c_uint * 4)()  # red, green, blue, opacity
_MATRIX: Final = pdfium.FS_MATRIX()
_SIDES_AT, _COLOUR_AT = pdfium.places(_SIDES), pdfium.places(_COLOUR)
_MATRIX_AT: Final = ctypes.addressof(_MATRIX)


class Kind:
    """Kinds of page objects (fpdf_edit.h); plain numbers, for every object is compared with them."""

    TEXT: Final[int] = pdfium.FPDF_PAGEOBJ_TEXT
    PATH: Final[int] = pdfium.FPDF_PAGEOBJ_PATH
    IMAGE: Final[int] = pdfium.FPDF_PAGEOBJ_IMAGE
    SHADING: Final[int] = pdfium.FPDF_PAGEOBJ_SHADING
    FORM: Final[int] = pdfium.FPDF_PAGEOBJ_FORM


class Painted(NamedTuple):
    """A page object, and the matrix that takes its coordinates to those of the page."""

    handle: Handle
    kind: int
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class Frame:
    """What viewers show of a sheet: a rectangle of its coordinates (points, upwards), turned clockwise by quarters."""

    left: float
    bottom: float
    right: float
    top: float
    quarters: int

    @property
    def width(self) -> float:
        return self.top - self.bottom if self.quarters % 2 else self.right - self.left

    @property
    def height(self) -> float:
        return self.right - self.left if self.quarters % 2 else self.top - self.bottom

    def placing(self) -> Callable[[float, float, float, float], Sides]:
        """Takes x0 < x1 and y0 < y1 of the sheet to the sides of a box as it is shown."""
        left, bottom, right, top = self.left, self.bottom, self.right, self.top
        match self.quarters:
            case 0:
                return lambda x0, y0, x1, y1: (x0 - left, top - y1, x1 - left, top - y0)
            case 1:
                return lambda x0, y0, x1, y1: (y0 - bottom, x0 - left, y1 - bottom, x1 - left)
            case 2:
                return lambda x0, y0, x1, y1: (right - x1, y0 - bottom, right - x0, y1 - bottom)
            case _:
                return lambda x0, y0, x1, y1: (top - y1, right - x1, top - y0, right - x0)


class Sheetful:
    """An open page of an open PDF; `has_layers`: the file may have some that are switched off."""

    def __init__(self, document: Handle, number: int, *, has_layers: bool = True) -> None:
        self.document, self.number, self.has_layers = document, number, has_layers
        self.handle = _loaded(document, number)
        if pdfium.FPDFPage_GetAnnotCount(self.handle) > 0:
            self._fill_in()

    def _fill_in(self) -> None:
        """Values of form fields and stamps are no part of a page's content until they are made so; drawing them makes what they lack."""
        self.picture(scale_to(self.frame, 100), annotations=True)
        if pdfium.FPDFPage_Flatten(self.handle, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
            pdfium.FPDF_ClosePage(self.handle)
            self.handle = _loaded(self.document, self.number)

    def turn(self, quarters: int) -> None:
        """Shows the page turned clockwise by so many more quarters."""
        pdfium.FPDFPage_SetRotation(self.handle, (self.frame.quarters + quarters) % 4)
        del self.frame

    @property
    def is_cut_short(self) -> bool:
        """Whether more is painted than is looked at."""
        return len(self.painted) == MOST_OBJECTS

    def close(self) -> None:
        """Gives the memory back."""
        pdfium.FPDF_ClosePage(self.handle)

    @cached_property
    def frame(self) -> Frame:
        box = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(self.handle, ctypes.byref(box))
        return Frame(box.left, box.bottom, box.right, box.top, pdfium.FPDFPage_GetRotation(self.handle) % 4)

    @cached_property
    def painted(self) -> tuple[Painted, ...]:
        """What is painted, in order, that which stands in forms included; at most MOST_OBJECTS."""
        found = _objects(pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, self.handle, IDENTITY, 0)
        return tuple(islice(found, MOST_OBJECTS))

    def picture(self, scale: float, crop: Box | None = None, *, gray: bool = False, annotations: bool = False) -> Image.Image:
        """What a viewer shows, in `scale` pixels a point; of `crop` alone (points) where it is given. No more than MOST_PIXELS."""
        whole = crop or Box(0, 0, self.frame.width, self.frame.height)
        x0, top = int(whole.x0 * scale), int(whole.top * scale)
        width, height = max(int(whole.x1 * scale) - x0, 1), max(int(whole.bottom * scale) - top, 1)
        if width * height > MOST_PIXELS:
            raise InputError(f"page {self.number} is too large to be drawn ({width:,} x {height:,} pixels)", remedy="split the page")
        depth, form, mode = (1, pdfium.FPDFBitmap_Gray, "L") if gray else (4, pdfium.FPDFBitmap_BGRx, "RGBX")
        pixels = bytearray(width * height * depth)
        room = (ctypes.c_char * len(pixels)).from_buffer(pixels)
        bitmap = pdfium.FPDFBitmap_CreateEx(width, height, form, ctypes.byref(room), width * depth)
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        size = max(round(self.frame.width * scale), 1), max(round(self.frame.height * scale), 1)
        flags = pdfium.FPDF_ANNOT if annotations else 0
        pdfium.FPDF_RenderPageBitmap(bitmap, self.handle, -x0, -top, *size, 0, flags | (pdfium.FPDF_GRAYSCALE if gray else 0))
        pdfium.FPDFBitmap_Destroy(bitmap)
        return Image.frombuffer(mode, (width, height), pixels, "raw", mode if gray else "BGRX", 0, 1)


def scale_to(frame: Frame, pixels: int) -> float:
    """The scale at which the longer side of a page has so many pixels."""
    return pixels / max(frame.width, frame.height, 1.0)


@contextmanager
def opened(raw: bytes, where: str, password: str | None = None) -> Iterator[Handle]:
    """A PDF; InputError where it is none, or closed. A file that opens without a password does so with any."""
    document = pdfium.FPDF_LoadMemDocument64(raw, len(raw), password.encode() if password is not None else None)
    if not document and password is not None and pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD:
        document = pdfium.FPDF_LoadMemDocument64(raw, len(raw), None)
    if not document:
        raise _refused(pdfium.FPDF_GetLastError(), where, password)
    try:
        yield document
    finally:
        pdfium.FPDF_CloseDocument(document)


def count(document: Handle) -> int:
    """Its pages."""
    return int(pdfium.FPDF_GetPageCount(document))


class UnreadablePageError(Exception):
    """A page that PDFium finds and cannot load."""


def _loaded(document: Handle, number: int) -> Handle:
    page: Handle | None = pdfium.FPDF_LoadPage(document, number - 1)
    if not page:
        raise UnreadablePageError(number)
    return page


def _refused(code: int, where: str, password: str | None) -> InputError:
    if code == pdfium.FPDF_ERR_PASSWORD:
        what = "the PDF is encrypted and needs a password" if password is None else "the password does not open the PDF"
        return InputError(what, where=where, remedy="give its password with --password-file FILE, or save it without one")
    if code == pdfium.FPDF_ERR_SECURITY:
        return InputError("the PDF is encrypted in a way that is not known", where=where, remedy="save it without a password")
    return damaged("the PDF is damaged: its pages cannot be found", where)


def damaged(what: str, where: str) -> InputError:
    """The error of a file that cannot be trusted to be whole."""
    return InputError(what, where=where, remedy="download it again, or open it in a viewer and print it as a new PDF")


# --- objects


def _objects(counted: Callable[..., int], got: Callable[..., Handle], holder: Handle, matrix: Matrix, depth: int) -> Iterator[Painted]:
    handles = list(map(got, repeat(holder), range(counted(holder))))
    for one in map(Painted, handles, map(pdfium.FPDFPageObj_GetType, handles), repeat(matrix)):
        yield one
        if one.kind == Kind.FORM and depth < DEEPEST:
            inner = combined(matrix_of(one.handle), matrix)
            yield from _objects(pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, one.handle, inner, depth + 1)


def matrix_of(handle: Handle) -> Matrix:
    """A page object's own matrix."""
    pdfium.FPDFPageObj_GetMatrix(handle, _MATRIX_AT)
    return _MATRIX.a, _MATRIX.b, _MATRIX.c, _MATRIX.d, _MATRIX.e, _MATRIX.f


def combined(first: Matrix, then: Matrix) -> Matrix:
    """One matrix for two, one after the other (ISO 32000-1, 8.3.4)."""
    a, b, c, d, e, f = first
    ta, tb, tc, td, te, tf = then
    return a * ta + b * tc, a * tb + b * td, c * ta + d * tc, c * tb + d * td, e * ta + f * tc + te, e * tb + f * td + tf


def moved(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    """A point under a matrix."""
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def bounds(one: Painted) -> tuple[float, float, float, float] | None:
    """The box around an object in the coordinates of the sheet; None where its numbers are none."""
    if not pdfium.FPDFPageObj_GetBounds(one.handle, *_SIDES_AT):
        return None
    left, bottom, right, top = _SIDES
    if one.matrix is not IDENTITY:
        xs, ys = zip(*(moved(x, y, one.matrix) for x in (left, right) for y in (bottom, top)), strict=True)
        left, bottom, right, top = min(xs), min(ys), max(xs), max(ys)
    return (left, bottom, right, top) if isfinite(left + bottom + right + top) else None


def fill_of(handle: Handle) -> tuple[int, int, int, int]:
    """Red, green, blue and opacity, each from 0 to 255, in which an object is filled; black where that cannot be told."""
    if not pdfium.FPDFPageObj_GetFillColor(handle, *_COLOUR_AT):
        return 0, 0, 0, 255
    red, green, blue, opacity = _COLOUR
    return red, green, blue, opacity


def opacity_of(handle: Handle, *, stroke: bool) -> int:
    """From 0 to 255, of an object's filling or of its outline."""
    asked = pdfium.FPDFPageObj_GetStrokeColor if stroke else pdfium.FPDFPageObj_GetFillColor
    return _COLOUR[3] if asked(handle, *_COLOUR_AT) else 255


def dots_across(one: Painted) -> int:
    """The pixels across of a picture."""
    across, down = ctypes.c_uint(), ctypes.c_uint()
    pdfium.FPDFImageObj_GetImagePixelSize(one.handle, ctypes.byref(across), ctypes.byref(down))
    return across.value


def decodes(one: Painted) -> bool:
    """Whether a picture can be decoded; those that cannot are not drawn."""
    bitmap = pdfium.FPDFImageObj_GetBitmap(one.handle)
    if bitmap:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return bool(bitmap)
