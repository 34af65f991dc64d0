"""A PDF's own characters, in reading order: ruled tables a line a row, everything else a line a line, each word with its box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from structurer.document import Cell, Page, Span, Table
from structurer.errors import InputError
from structurer.pdfblocks import CJK, HIDDEN, Grid, Line, Word, blocks
from structurer.pdfpage import TORN, ParsedPage, damaged, parsed

END_MARK_WITHIN = 2048  # bytes from the end; more than the 1024 of ISO 32000-1, annex H, note 18, for mail gateways add lines
MOST_REASONS = 5  # stand in one error
FAR_GAP = 2.0  # of the character height: a wider gap parts columns


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
        raise damaged("the PDF is cut off: its end mark is missing", where)
    writer = _Writer()
    for page in parsed(raw, where, writer.warnings):
        _write_page(page, writer)
    if not writer.words:
        raise _wordless(writer, where)
    return writer.layout()


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


def _wordless(writer: _Writer, where: str) -> InputError:
    reasons = [warning for warning in writer.warnings if TORN in warning or HIDDEN in warning]
    if any(HIDDEN in reason for reason in reasons):
        what = f"none of the {len(writer.pages)} page(s) of the PDF shows its text ({'; '.join(reasons[:MOST_REASONS])})"
        remedy = "look at it in a viewer; if it shows text, read its pictures instead (for example ocrmypdf --force-ocr in.pdf out.pdf)"
        return InputError(what, where=where, remedy=remedy)
    if reasons:
        return damaged(f"the PDF is damaged: {TORN}", where)
    what = f"none of the {len(writer.pages)} page(s) of the PDF holds text, so they need OCR, which is not built in yet"
    return InputError(what, where=where, remedy="run OCR on it (for example ocrmypdf in.pdf out.pdf) and read the result")


def _write_page(page: ParsedPage, writer: _Writer) -> None:
    if writer.pages:
        writer.write("\f")
        writer.pages[-1] = replace(writer.pages[-1], end=writer.length)
    start = writer.length
    for _, _, block in blocks(page, writer.warnings):
        if isinstance(block, Grid):
            _write_grid(block, page.number, writer)
        else:
            _write_lines((block,), page.number, writer)
            writer.write("\n")
    writer.pages.append(Page(page.number, start, writer.length, "layer", page.width, page.height, page.angle))


def _write_grid(grid: Grid, number: int, writer: _Writer) -> None:
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


def _write_lines(lines: Sequence[Line], number: int, writer: _Writer) -> None:
    before: Word | None = None
    for line in lines:
        for index, word in enumerate(line):
            writer.write(_separator(before, word, same_line=index > 0))
            writer.words.append(Span(writer.length, writer.length + len(word.text), number, word.box))
            writer.write(word.text)
            before = word


def _separator(before: Word | None, after: Word, *, same_line: bool) -> str:
    if before is None:
        return ""
    if same_line and after.box.x0 - before.box.x1 > FAR_GAP * max(before.height, after.height):
        return "  "
    return "" if CJK.match(before.text[-1]) and CJK.match(after.text[0]) else " "
