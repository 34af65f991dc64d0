"""A PDF's own characters, in reading order: ruled tables a line a row, everything else a line a line, each word with its box.

The geometry is plain: characters go to the smallest cell that holds their middle, or to no cell; what shares a cell or the open page
is gathered into lines, lines into words. Rotated characters keep the order in which the file writes them. Of pdfplumber only the
characters and the boxes of the cells are used, so that another parser can take its place.
"""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from structurer.document import Box, Cell, Page, Span, Table
from structurer.errors import InputError

if TYPE_CHECKING:
    from pdfplumber.page import Page as PlumberPage
    from pdfplumber.pdf import PDF

END_MARK_WITHIN = 2048  # bytes from the end; more than the 1024 of ISO 32000-1, annex H, note 18, for mail gateways add lines
SAME_LINE = 0.4  # of the character height: how far the middles of neighbours on a line may differ
WORD_GAP = 0.25  # of the character height: a wider gap parts words
FAR_GAP = 2.0  # of the character height: a wider gap parts columns
SAME_PLACE = 1.0  # points: a character printed again this near was printed twice to look bold
FLAT = 0.1  # points: the least side of a box
_CJK = re.compile("[\u00b7\u2014\u2018\u2019\u201c\u201d\u2026\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")
_NO_MEANING = re.compile("\\(cid:\\d+\\)|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")  # "(cid:7)": pdfminer knows only the glyph
_TORN = "compressed contents are torn, and what they hold may be missing"

logging.getLogger("pdfminer").addHandler(logging.NullHandler())  # else it writes to stderr what no user can use


@dataclass(frozen=True, slots=True)
class Layout:
    """What a PDF says, before the characters are cleaned: a text and the places of its pages, words and cells in it."""

    text: str
    pages: tuple[Page, ...]
    words: tuple[Span, ...]
    tables: tuple[Table, ...]
    warnings: tuple[str, ...]


def read_layout(raw: bytes, where: str) -> Layout:
    """All pages of a PDF; InputError where it is damaged, locked or holds no characters."""
    if b"%%EOF" not in raw[-END_MARK_WITHIN:]:
        raise _damaged("the PDF is cut off: its end mark is missing", where)
    writer = _Writer()
    for page in _parsed(raw, where, writer.warnings):
        _write_page(page, writer)
    if not writer.words:
        raise _wordless(writer, where)
    return writer.layout()


def _wordless(writer: _Writer, where: str) -> InputError:
    if any(_TORN in warning for warning in writer.warnings):
        return _damaged(f"the PDF is damaged: {_TORN}", where)
    what = f"none of the {len(writer.pages)} page(s) of the PDF holds text, so they need OCR, which is not built in yet"
    return InputError(what, where=where, remedy="run OCR on it (for example ocrmypdf in.pdf out.pdf) and read the result")


# --- parsing


@dataclass(frozen=True, slots=True)
class _Char:
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
class _ParsedPage:
    number: int
    width: float
    height: float
    angle: float
    chars: tuple[_Char, ...]
    tables: tuple[tuple[Box, ...], ...]


def _parsed(raw: bytes, where: str, warnings: list[str]) -> Iterator[_ParsedPage]:
    """The pages as the parser gives them, one at a time; whatever it raises becomes an InputError with its page."""
    import pdfplumber

    number = 0
    try:
        with pdfplumber.open(io.BytesIO(raw)) as pdf:
            warnings.extend(_damage(pdf))
            for page in pdf.pages:
                number = page.page_number
                warnings.extend(_torn(page))
                yield _parse_page(page)
                page.close()
    except Exception as error:  # pdfminer raises whatever the bytes lead it to: KeyError, TypeError, RecursionError, its own
        raise _parser_error(error, number, where) from error
    if not number:
        raise _damaged("the PDF is damaged: it holds no pages", where)


def _parse_page(page: PlumberPage) -> _ParsedPage:
    left, top, right, bottom = _visible(page)
    chars = (_Char(_text_of(char), _shifted(_bbox(char), left, top), _is_upright(char)) for char in page.chars)
    tables = tuple(tuple(_shifted(cell, left, top) for cell in table.cells) for table in page.find_tables() if page.edges)
    return _ParsedPage(page.page_number, right - left, bottom - top, float(page.rotation), tuple(chars), tables)


def _visible(page: PlumberPage) -> tuple[float, float, float, float]:
    """What viewers show: the crop box, as far as it lies on the sheet."""
    crop, sheet = page.cropbox, page.mediabox
    left, top, right, bottom = *map(max, crop[:2], sheet[:2]), *map(min, crop[2:], sheet[2:])
    if left >= right or top >= bottom:
        left, top, right, bottom = sheet
    return float(left), float(top), float(right), float(bottom)


def _text_of(char: dict[str, Any]) -> str:
    """White space inside a ligature or an odd mapping would break the lines of the text; a lone one stays, for it parts words."""
    text = _NO_MEANING.sub("\ufffd", str(char["text"]))
    return "".join(text.split()) or " "


def _is_upright(char: dict[str, Any]) -> bool:
    return bool(char["upright"]) and char["matrix"][0] > 0  # pdfminer calls a line upright that stands on its head


def _bbox(char: dict[str, Any]) -> tuple[float, float, float, float]:
    return char["x0"], char["top"], char["x1"], char["bottom"]


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
            yield f"page {page.page_number}: {_TORN}"


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
    return _damaged(f"the PDF is damaged ({type(cause).__name__}, {place})", where)


def _damaged(what: str, where: str) -> InputError:
    return InputError(what, where=where, remedy="download it again, or open it in a viewer and print it as a new PDF")


# --- writing


@dataclass(slots=True)
class _Writer:
    """The growing text; whoever writes a word notes where it stands."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    pages: list[Page] = field(default_factory=list)
    words: list[Span] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def layout(self) -> Layout:
        return Layout("".join(self.parts), tuple(self.pages), tuple(self.words), tuple(self.tables), tuple(self.warnings))


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    box: Box
    height: float

    @property
    def is_cjk(self) -> bool:
        return all(map(_CJK.match, self.text))


_Line = tuple[_Word, ...]
_Block = tuple[float, float, "_Line | _Grid"]  # top, left, what stands there


@dataclass(frozen=True, slots=True)
class _Grid:
    """The cells of a ruled table at their places, with the lines that each holds."""

    rows: int
    cols: int
    cells: dict[tuple[int, int], tuple[Cell, tuple[_Line, ...]]]


def _write_page(page: _ParsedPage, writer: _Writer) -> None:
    if writer.pages:
        writer.write("\f")
        writer.pages[-1] = replace(writer.pages[-1], end=writer.length)
    start = writer.length
    chars = _printed_once(_on_page(page, writer.warnings))
    _warn_of_odd(page.number, chars, writer.warnings)
    for _, _, block in sorted(_blocks(page, chars), key=lambda block: block[:2]):
        if isinstance(block, _Grid):
            _write_grid(block, page.number, writer)
        else:
            _write_lines((block,), page.number, writer)
            writer.write("\n")
    writer.pages.append(Page(page.number, start, writer.length, "layer", page.width, page.height, page.angle))


def _write_grid(grid: _Grid, number: int, writer: _Writer) -> None:
    """One line a row, a tab between columns; a merged cell stands at its first place and leaves the others empty."""
    cells: list[Cell] = []
    for row in range(grid.rows):
        for col in range(grid.cols):
            writer.write("\t" if col else "")
            if (row, col) in grid.cells:
                cell, lines = grid.cells[row, col]
                start = writer.length
                _write_lines(lines, number, writer)
                pieces = ((start, writer.length),) if writer.length > start else ()
                cells.append(Cell(row, col, cell.rowspan, cell.colspan, pieces))
        writer.write("\n")
    writer.tables.append(Table((number,), tuple(cells)))


def _write_lines(lines: Sequence[_Line], number: int, writer: _Writer) -> None:
    before: _Word | None = None
    for line in lines:
        for index, word in enumerate(line):
            writer.write(_separator(before, word, same_line=index > 0))
            writer.words.append(Span(writer.length, writer.length + len(word.text), number, word.box))
            writer.write(word.text)
            before = word


def _separator(before: _Word | None, after: _Word, *, same_line: bool) -> str:
    if before is None:
        return ""
    if same_line and after.box.x0 - before.box.x1 > FAR_GAP * max(before.height, after.height):
        return "  "
    return "" if _CJK.match(before.text[-1]) and _CJK.match(after.text[0]) else " "


# --- characters


def _on_page(page: _ParsedPage, warnings: list[str]) -> list[_Char]:
    on_page = [char for char in page.chars if 0 <= char.middle[0] <= page.width and 0 <= char.middle[1] <= page.height]
    if outside := sum(not char.text.isspace() for char in page.chars) - sum(not char.text.isspace() for char in on_page):
        warnings.append(f"page {page.number}: {outside} character(s) lie off the page and were left out")
    return [_Char(char.text, _clipped(char.box, page), char.upright) for char in on_page]


def _clipped(box: Box, page: _ParsedPage) -> Box:
    """On the page, and never flat: damaged fonts give characters without width."""
    x0, top = min(max(box.x0, 0.0), page.width - FLAT), min(max(box.top, 0.0), page.height - FLAT)
    return Box(x0, top, max(min(box.x1, page.width), x0 + FLAT), max(min(box.bottom, page.height), top + FLAT))


def _printed_once(chars: Sequence[_Char]) -> list[_Char]:
    """Without the repeats that make print look bold. (pdfplumber's own dedupe_chars takes quadratic time.)"""
    kept: dict[tuple[str, int, int], list[_Char]] = {}
    once: list[_Char] = []
    for char in chars:
        x, y = round(char.box.x0), round(char.box.top)
        near = (other for dx in (-1, 0, 1) for dy in (-1, 0, 1) for other in kept.get((char.text, x + dx, y + dy), ()))
        if not any(_same_place(char.box, other.box) for other in near):
            kept.setdefault((char.text, x, y), []).append(char)
            once.append(char)
    return once


def _same_place(a: Box, b: Box) -> bool:
    return abs(a.x0 - b.x0) <= SAME_PLACE and abs(a.top - b.top) <= SAME_PLACE


def _warn_of_odd(number: int, chars: Sequence[_Char], warnings: list[str]) -> None:
    if all(char.text.isspace() for char in chars):
        warnings.append(f"page {number} holds no text; if it shows some, it needs OCR")
    if turned := sum(not char.upright and not char.text.isspace() for char in chars):
        warnings.append(f"page {number}: {turned} character(s) are turned; they stand in the order in which the file writes them")


# --- blocks


def _blocks(page: _ParsedPage, chars: Sequence[_Char]) -> Iterator[_Block]:
    """The lines of the open page and the ruled tables that hold any text, each with its place."""
    boxes = sorted((box for cells in page.tables for box in cells), key=lambda box: (box.x1 - box.x0) * (box.bottom - box.top))
    inside: dict[Box | None, list[_Char]] = {}
    for char in chars:
        inside.setdefault(next((box for box in boxes if _holds(box, char.middle)), None), []).append(char)
    for line in _lines(inside.get(None, ())):
        yield line[0].box.top, line[0].box.x0, line
    for cells in page.tables:
        if any(not char.text.isspace() for box in cells for char in inside.get(box, ())):
            yield min(box.top for box in cells), min(box.x0 for box in cells), _grid(cells, inside)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.x0 <= point[0] < box.x1 and box.top <= point[1] < box.bottom


def _grid(boxes: Sequence[Box], inside: dict[Box | None, list[_Char]]) -> _Grid:
    """Every ruling is a line of the grid; a cell spans as many rows and columns as rulings lie between its sides."""
    xs = sorted({x for box in boxes for x in (box.x0, box.x1)})
    ys = sorted({y for box in boxes for y in (box.top, box.bottom)})
    cells = {}
    for box in boxes:
        row, col = ys.index(box.top), xs.index(box.x0)
        cell = Cell(row, col, ys.index(box.bottom) - row, xs.index(box.x1) - col)
        cells[row, col] = (cell, _stacked(tuple(_lines(inside.get(box, ())))))
    return _Grid(len(ys) - 1, len(xs) - 1, cells)


def _stacked(lines: tuple[_Line, ...]) -> tuple[_Line, ...]:
    """Single ideographs one below the other are one word set vertically."""
    if len(lines) < 2 or not all(len(line) == 1 and len(line[0].text) == 1 and line[0].is_cjk for line in lines):
        return lines
    words = [line[0] for line in lines]
    return ((_Word("".join(word.text for word in words), _union([word.box for word in words]), words[0].height),),)


# --- lines and words


def _lines(chars: Sequence[_Char]) -> Iterator[_Line]:
    """Upright characters by the height at which they stand; then the turned ones, as one line."""
    line: list[_Char] = []
    for char in sorted((char for char in chars if char.upright), key=lambda char: char.middle[1]):
        if line and char.middle[1] - line[-1].middle[1] > SAME_LINE * min(char.height, line[-1].height):
            yield from _line(sorted(line, key=lambda char: char.box.x0))
            line = []
        line.append(char)
    yield from _line(sorted(line, key=lambda char: char.box.x0))
    yield from _line([char for char in chars if not char.upright])


def _line(chars: Sequence[_Char]) -> Iterator[_Line]:
    """A line of words, parted by white space and by gaps; none if there is nothing but white space."""
    words: list[list[_Char]] = [[]]
    for char in chars:
        if words[-1] and (char.text.isspace() or _parted(words[-1][-1], char)):
            words.append([])
        if not char.text.isspace():
            words[-1].append(char)
    line = tuple(_word(word) for word in words if word)
    if line:
        yield line


def _parted(before: _Char, after: _Char) -> bool:
    return after.upright and after.box.x0 - before.box.x1 > WORD_GAP * max(before.height, after.height)


def _word(chars: Sequence[_Char]) -> _Word:
    return _Word("".join(char.text for char in chars), _union([char.box for char in chars]), chars[0].height)


def _union(boxes: Sequence[Box]) -> Box:
    return Box(min(b.x0 for b in boxes), min(b.top for b in boxes), max(b.x1 for b in boxes), max(b.bottom for b in boxes))
