"""Small PDFs drawn for the tests. Chinese is set in STSong-Light, a CID font that is named and not embedded, so no font is needed.

Places are in points from the top left corner of the page, as in `structurer.document.Box`.
"""

from __future__ import annotations

import ctypes
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from structurer.document import Document
from structurer.intake import ingest
from structurer.intake.parsing import Reading
from structurer.sheets.sheet import Means
from structurer.sheets.stretches import End

FONT = "STSong-Light"
SIZE = 10.0
A4 = (595.0, 842.0)
PAD = 3.0

Draw = Callable[["Sheet"], None]
Ruled = tuple[int, int, int, int, tuple[str, ...]]  # row, column, rows, columns, the lines printed in the cell


class Sheet:
    """A page to draw on."""

    def __init__(self, canvas: Any, size: tuple[float, float]) -> None:
        self.canvas, self.width, self.height = canvas, *size

    def text(self, x: float, top: float, text: str, size: float = SIZE) -> None:
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, self.height - top - size, text)

    def turned(self, x: float, top: float, text: str, degrees: float = 90) -> None:
        self.canvas.saveState()
        self.canvas.translate(x, self.height - top)
        self.canvas.rotate(degrees)
        self.canvas.setFont(FONT, SIZE)
        self.canvas.drawString(0, 0, text)
        self.canvas.restoreState()

    def line(self, x0: float, top: float, x1: float, bottom: float) -> None:
        self.canvas.setLineWidth(0.5)
        self.canvas.line(x0, self.height - top, x1, self.height - bottom)

    def thin_rect(self, x0: float, top: float, x1: float, bottom: float) -> None:
        """A ruling as some word processors write it: a filled rectangle half a point wide."""
        self.canvas.rect(x0 - 0.25, self.height - bottom - 0.25, x1 - x0 + 0.5, bottom - top + 0.5, stroke=0, fill=1)

    def picture(self, x0: float, top: float, x1: float, bottom: float, picture: Any) -> None:
        """A picture of PIL in a rectangle of the page."""
        from reportlab.lib.utils import ImageReader  # type: ignore[import-untyped]

        self.canvas.drawImage(ImageReader(picture), x0, self.height - bottom, x1 - x0, bottom - top)

    def hidden(self, x: float, top: float, text: str, size: float = SIZE) -> None:
        """Text in the invisible mode, as OCR engines put it under or over a scan."""
        written = self.canvas.beginText(x, self.height - top - size)
        written.setFont(FONT, size)
        written.setTextRenderMode(3)
        written.textOut(text)
        written.setTextRenderMode(0)
        self.canvas.drawText(written)

    def table(self, xs: Sequence[float], ys: Sequence[float], cells: Sequence[Ruled], *, rects: bool = False) -> None:
        """Every cell with its four sides; `xs` and `ys` are the places of the rulings."""
        rule = self.thin_rect if rects else self.line
        for row, col, rows, cols, lines in cells:
            x0, top, x1, bottom = xs[col], ys[row], xs[col + cols], ys[row + rows]
            for side in ((x0, top, x1, top), (x0, bottom, x1, bottom), (x0, top, x0, bottom), (x1, top, x1, bottom)):
                rule(*side)
            for index, text in enumerate(lines):
                self.text(x0 + PAD, top + PAD + 1.3 * SIZE * index, text)


def pdf(*pages: Draw, size: tuple[float, float] = A4) -> bytes:
    """A PDF with one page for each function that draws one."""
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
    from reportlab.pdfbase.pdfmetrics import registerFont  # type: ignore[import-untyped]
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

    registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1)
    for draw in pages:
        draw(Sheet(canvas, size))
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def unmapped(count: int) -> bytes:
    """A PDF with so many glyphs that are drawn by the file itself, which says nowhere what they mean."""
    import pikepdf

    opened, name = pikepdf.new(), pikepdf.Name
    opened.add_blank_page(page_size=A4)
    font = pikepdf.Dictionary(Type=name.Font, Subtype=name.Type3, FontBBox=[0, 0, 5, 9], FontMatrix=[0.1, 0, 0, 0.1, 0, 0])
    font.CharProcs = pikepdf.Dictionary(g1=opened.make_indirect(pikepdf.Stream(opened, b"6 0 0 0 5 9 d1 0 0 5 9 re f")))
    font.Encoding = pikepdf.Dictionary(Type=name.Encoding, Differences=pikepdf.Array([97, name("/g1")]))
    font.FirstChar, font.LastChar, font.Widths = 97, 97, pikepdf.Array([6])
    opened.pages[0].obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
    opened.pages[0].obj.Contents = pikepdf.Stream(opened, f"BT /F 10 Tf 60 700 Td ({'a' * count}) Tj ET".encode())
    out = io.BytesIO()
    opened.save(out)
    return out.getvalue()


def rotated(raw: bytes, degrees: int) -> bytes:
    """The same PDF with /Rotate on its pages. (reportlab's own setPageRotation swaps the sides of the page as well.)"""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(raw)) as opened:
        for page in opened.pages:
            page.Rotate = degrees
        opened.save(out)
    return out.getvalue()


def encrypted(raw: bytes, *, user: str, owner: str) -> bytes:
    """The same PDF, closed to all who do not know the user's password (to nobody where that is empty)."""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(raw)) as opened:
        opened.save(out, encryption=pikepdf.Encryption(owner=owner, user=user))
    return out.getvalue()


def without_pages(raw: bytes) -> bytes:
    """The same PDF, whose tree of pages has no branches."""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(raw)) as opened:
        opened.Root.Pages.Kids, opened.Root.Pages.Count = pikepdf.Array(), 0
        opened.save(out)
    return out.getvalue()


def torn(raw: bytes, share: float, junk: bytes = b"") -> bytes:
    """The same PDF, of whose pages only this share of the compressed bytes came through, with junk after it."""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(raw)) as opened:
        for page in opened.pages:
            packed = zlib.compress(page.Contents.read_bytes())
            page.Contents = pikepdf.Stream(opened, b"")
            page.Contents.write(packed[: int(len(packed) * share)] + junk, filter=pikepdf.Name.FlateDecode)
        opened.save(out, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)
    return out.getvalue()


def document_of(raw: bytes, name: str = "a.pdf", means: Means = Means()) -> Document:  # noqa: B008
    """What a file with these bytes holds, read in this process."""
    reading = Reading(raw, name, name, means)
    stretches = list(reading.stretches())
    return ingest.assembled(name, raw, stretches, End(*reading.kind, tuple(reading.warnings)))


@contextmanager
def fonts_of(folder: Path | None) -> Iterator[None]:
    """While it lasts PDFium finds only the fonts in a folder (None: those of the system); no PDF may be open before and after."""
    _begun_anew(folder)
    yield
    _begun_anew(None)


def _begun_anew(folder: Path | None) -> None:
    import pypdfium2.raw as pdfium

    folders = None
    if folder:
        name = ctypes.create_string_buffer(str(folder).encode())
        folders = (ctypes.POINTER(ctypes.c_char) * 2)(ctypes.cast(name, ctypes.POINTER(ctypes.c_char)), None)
    pdfium.FPDF_DestroyLibrary()
    pdfium.FPDF_InitLibraryWithConfig(pdfium.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=folders))
