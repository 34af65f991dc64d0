"""A document as every later stage sees it: one canonical text, and where each part of it stands on which page.

All offsets are character offsets into `Document.text`, half open. Boxes are in PDF points (1/72 inch), origin at the
top left of the page. Plain text has pages and no boxes; scans add boxes with the confidence of the recogniser.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page: x0 < x1, top < bottom, in points from the top left corner."""

    x0: float
    top: float
    x1: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the canonical text, with its place on a page where one is known.

    `page` counts from 1. `confidence` is the recogniser's lowest character confidence in [0, 1]; None where the characters were not
    recognised but read (plain text, born-digital PDF).
    """

    start: int
    end: int
    page: int | None = None
    box: Box | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a ruled table: its place in the grid, its extent, and the pieces of the text it holds (none when blank)."""

    row: int
    col: int
    rowspan: int
    colspan: int
    pieces: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled table; `pages` names every page it has a part on."""

    pages: tuple[int, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its stretch of the text, and how its characters were won.

    `decision` is "text" (plain text), "layer" (a PDF's own characters) or "ocr"; `width` and `height` in points; `angle` in degrees
    clockwise that the page was turned; `dpi` of the image recognised; `engine` names the recogniser.
    """

    number: int
    start: int
    end: int
    decision: str = "text"
    width: float | None = None
    height: float | None = None
    angle: float = 0.0
    dpi: float | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file that has been read: text, pages, words (spans with boxes, in text order), tables, and what was odd about it.

    In `text`, a tab parts the cells of a ruled row and a newline ends a row or a line; a form feed starts a new page.
    `sha256` is of the file's bytes. `encoding` is None for formats that carry their own. `warnings` are sentences for the user.
    """

    source: str
    text: str
    sha256: str
    media_type: str
    pages: tuple[Page, ...]
    words: tuple[Span, ...] = ()
    tables: tuple[Table, ...] = ()
    encoding: str | None = None
    warnings: tuple[str, ...] = ()
    _word_starts: tuple[int, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_word_starts", tuple(word.start for word in self.words))

    def page_of(self, offset: int) -> int | None:
        """Number of the page on which the character at `offset` stands."""
        index = bisect_right(self.pages, offset, key=lambda page: page.start) - 1
        return self.pages[index].number if index >= 0 else None

    def locate(self, start: int, end: int) -> tuple[Span, ...]:
        """The places of text[start:end]: its words with their boxes, or a single span with its page where no boxes are known."""
        if not self.words:
            return (Span(start, end, self.page_of(start)),)
        first = max(bisect_right(self._word_starts, start) - 1, 0)
        last = bisect_left(self._word_starts, end)
        found = tuple(word for word in self.words[first:last] if word.end > start and word.start < end)
        return found or (Span(start, end, self.page_of(start)),)

    def evidence(self, start: int, end: int) -> tuple[Span, ...]:
        """Where text[start:end] is printed: one span a page, its box around the words it touches, its confidence that of the worst."""
        words = self.locate(start, end)
        if not self.words:
            return words
        pages = dict.fromkeys(word.page for word in words)
        return tuple(_around([word for word in words if word.page == page], start, end) for page in pages)


def _around(words: list[Span], start: int, end: int) -> Span:
    boxes = [word.box for word in words if word.box is not None]
    sure = [word.confidence for word in words if word.confidence is not None]
    box = None
    if boxes:
        box = Box(min(b.x0 for b in boxes), min(b.top for b in boxes), max(b.x1 for b in boxes), max(b.bottom for b in boxes))
    return Span(max(start, words[0].start), min(end, words[-1].end), words[0].page, box, min(sure, default=None))
