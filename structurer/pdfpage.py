"""The pages of a PDF as the parser gives them: each character with its box, seen or hidden, the boxes of ruled cells, and what is damaged.

Of pdfplumber only these are used, so that another parser can take its place.
"""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from structurer.areas import Rect
from structurer.document import Box
from structurer.errors import InputError
from structurer.hidden import judged
from structurer.painted import Sign
from structurer.sight import Why

if TYPE_CHECKING:
    from pdfplumber.page import Page as PlumberPage
    from pdfplumber.pdf import PDF

    from structurer.pdfdevice import Studio

TORN = "compressed contents are torn, and what they hold may be missing"
_NO_MEANING = re.compile("\\(cid:\\d+\\)|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")  # "(cid:7)": pdfminer knows only the glyph

logging.getLogger("pdfminer").addHandler(logging.NullHandler())  # else it writes to stderr what no user can use


@dataclass(frozen=True, slots=True)
class Char:
    """One printed character, or what a ligature stands for."""

    text: str
    box: Box
    upright: bool

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box.x0 + self.box.x1) / 2, (self.box.top + self.box.bottom) / 2

    @property
    def height(self) -> float:
        return max(self.box.bottom - self.box.top, 1.0)


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What the parser saw on a page; its tables are the boxes of their cells.

    `hidden` are the characters that no reader sees, in the order of the file. Of `chars`, `recognised` are the text layer of a scan.
    `unjudged`: the page paints too much to tell what it hides.
    """

    number: int
    width: float
    height: float
    angle: float
    chars: tuple[Char, ...]
    tables: tuple[tuple[Box, ...], ...]
    hidden: tuple[tuple[Why, Char], ...] = ()
    recognised: int = 0
    unjudged: bool = False


def parsed(raw: bytes, where: str, warnings: list[str]) -> Iterator[ParsedPage]:
    """The pages as the parser gives them, one at a time; whatever it raises becomes an InputError with its page."""
    import pdfplumber

    from structurer.pdfdevice import Studio

    number = 0
    try:
        with pdfplumber.open(io.BytesIO(raw)) as pdf:
            warnings.extend(_damage(pdf))
            studio = Studio(pdf.doc.catalog)
            for page in pdf.pages:
                number = page.page_number
                warnings.extend(_torn(page))
                yield _parse_page(page, studio)
                page.close()
    except Exception as error:  # pdfminer raises whatever the bytes lead it to: KeyError, TypeError, RecursionError, its own
        raise _parser_error(error, number, where) from error
    if not number:
        raise damaged("the PDF is damaged: it holds no pages", where)


def _parse_page(page: PlumberPage, studio: Studio) -> ParsedPage:
    from structurer.pdfpaint import painted

    left, top, right, bottom = _visible(page)
    page._layout, record = painted(page, _frame(page), studio)  # where pdfplumber would put what its own device makes of the page
    x0, y1 = page.mediabox[0], page.height
    boxes = ((sign.x0 + x0, y1 - sign.y1 + page.mediabox[1], sign.x1 + x0, y1 - sign.y0 + page.mediabox[1]) for sign in record.signs)
    chars = [Char(_text_of(sign), _shifted(box, left, top), _is_upright(sign)) for sign, box in zip(record.signs, boxes, strict=True)]
    tables = tuple(tuple(_shifted(cell, left, top) for cell in table.cells) for table in page.find_tables() if page.edges)
    verdict = judged(record)
    judgements = list(zip(verdict.whys, chars, strict=True))
    seen = tuple(char for why, char in judgements if why is None)
    hidden = tuple((why, char) for why, char in judgements if why is not None)
    sizes = (right - left, bottom - top, float(page.rotation))
    return ParsedPage(page.page_number, *sizes, seen, tables, hidden, verdict.recognised, verdict.unjudged)


def _frame(page: PlumberPage) -> Rect:
    """What viewers show, as pdfminer counts: from the corner of the sheet, upwards."""
    left, top, right, bottom = _visible(page)
    x0, y1 = float(page.mediabox[0]), float(page.height + page.mediabox[1])
    return left - x0, y1 - bottom, right - x0, y1 - top


def _visible(page: PlumberPage) -> tuple[float, float, float, float]:
    """What viewers show: the crop box, as far as it lies on the sheet."""
    crop, sheet = page.cropbox, page.mediabox
    left, top, right, bottom = *map(max, crop[:2], sheet[:2]), *map(min, crop[2:], sheet[2:])
    if left >= right or top >= bottom:
        left, top, right, bottom = sheet
    return float(left), float(top), float(right), float(bottom)


def _text_of(sign: Sign) -> str:
    """White space inside a ligature or an odd mapping would break the lines of the text; a lone one stays, for it parts words."""
    text = _NO_MEANING.sub("\ufffd", sign.get_text())
    return "".join(text.split()) or " "


def _is_upright(sign: Sign) -> bool:
    return sign.upright and sign.matrix[0] > 0  # pdfminer calls a line upright that stands on its head


def _shifted(bbox: Sequence[float], left: float, top: float) -> Box:
    x0, x1 = sorted((float(bbox[0] - left), float(bbox[2] - left)))
    upper, lower = sorted((float(bbox[1] - top), float(bbox[3] - top)))
    return Box(x0, upper, x1, lower)


def _torn(page: PlumberPage) -> Iterator[str]:
    """pdfminer takes what it can of a broken stream, or nothing, and does not say so; forms drawn from elsewhere are not looked at."""
    from pdfminer.pdftypes import stream_value

    for stream in map(stream_value, page.page_obj.contents):
        names = [str(getattr(name, "name", name)) for name, _ in stream.get_filters()]
        raw = stream.get_rawdata()
        if names[:1] == ["FlateDecode"] and raw is not None and page.pdf.doc.encryption is None and not _inflates(raw):
            yield f"page {page.page_number}: {TORN}"


def _inflates(raw: bytes) -> bool:
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(raw)
    except zlib.error:
        return False
    return inflater.eof


def _damage(pdf: PDF) -> Iterator[str]:
    """What a repaired read may have missed."""
    from pdfminer.pdfdocument import PDFXRefFallback
    from pdfminer.pdftypes import dict_value, int_value

    if any(isinstance(xref, PDFXRefFallback) for xref in pdf.doc.xrefs):
        yield "the table of contents of the PDF file (xref) is damaged; its pages were found by search"
    stated = int_value(dict_value(pdf.doc.catalog.get("Pages")).get("Count"))
    if stated != len(pdf.pages):
        yield f"the PDF states {stated} page(s), {len(pdf.pages)} were found"


def _parser_error(error: Exception, number: int, where: str) -> InputError:
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect

    cause = next((arg for arg in error.args if isinstance(arg, Exception)), error)
    if isinstance(cause, (PDFPasswordIncorrect, PDFEncryptionError)):
        remedy = "open it with its password and save it without one"
        return InputError("the PDF is encrypted and needs a password", where=where, remedy=remedy)
    place = f"page {number}" if number else "before its first page"
    return damaged(f"the PDF is damaged ({type(cause).__name__}, {place})", where)


def damaged(what: str, where: str) -> InputError:
    """The error of a file that cannot be trusted to be whole."""
    return InputError(what, where=where, remedy="download it again, or open it in a viewer and print it as a new PDF")
