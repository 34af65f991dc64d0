"""A document as every later stage sees it: one canonical text, and where each part of it stands on which page.

All offsets are character offsets into `Document.text`, half open. Boxes are in PDF points (1/72 inch), origin at the
top left of the page. Plain text has pages and no boxes; scans add boxes with the confidence of the recogniser.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, NamedTuple, overload

SURE: Final = 0.9  # confidence of a recogniser below which a figure is doubted
UNKNOWN: Final = -1.0  # confidence of what was not recognised but read


class Box(NamedTuple):
    """A rectangle on a page: x0 < x1, top < bottom, in points from the top left corner."""

    x0: float
    top: float
    x1: float
    bottom: float


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds one or more."""
    if len(boxes) == 1:
        return boxes[0]
    x0s, tops, x1s, bottoms = zip(*boxes, strict=True)
    return Box(min(x0s), min(tops), max(x1s), max(bottoms))


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

    @property
    def source(self) -> str:
        """How the characters were won: "ocr", "layer" (a PDF's own characters) or "text"."""
        return "ocr" if self.confidence is not None else "text" if self.box is None else "layer"


class Columns(NamedTuple):
    """The numbers of words: starts, ends and pages ("q"), four sides of each box ("f"), confidences ("f", UNKNOWN: none)."""

    starts: array[int]
    ends: array[int]
    pages: array[int]
    boxes: array[float]
    confidences: array[float]


class Words(Sequence[Span]):
    """Spans with boxes, in text order, kept as columns of numbers: 44 bytes a word, for archives have documents of millions."""

    __slots__ = ("_boxes", "_confidences", "_ends", "_pages", "_starts")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts, self._ends, self._pages = array("q"), array("q"), array("q")
        self._boxes, self._confidences = array("f"), array("f")
        for span in spans:
            self.append(span)

    @classmethod
    def of(cls, columns: Columns) -> Words:
        """Words of their columns."""
        words = cls()
        words._starts, words._ends, words._pages, words._boxes, words._confidences = columns
        return words

    @property
    def columns(self) -> Columns:
        return Columns(self._starts, self._ends, self._pages, self._boxes, self._confidences)

    def append(self, span: Span) -> None:
        """A span behind the others; it has a page and a box."""
        assert span.page is not None
        assert span.box is not None
        self._starts.append(span.start)
        self._ends.append(span.end)
        self._pages.append(span.page)
        self._boxes.extend((span.box.x0, span.box.top, span.box.x1, span.box.bottom))
        self._confidences.append(UNKNOWN if span.confidence is None else span.confidence)

    def extend(self, others: Words) -> None:
        """Others behind them."""
        self._starts.extend(others._starts)
        self._ends.extend(others._ends)
        self._pages.extend(others._pages)
        self._boxes.extend(others._boxes)
        self._confidences.extend(others._confidences)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> list[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | list[Span]:
        if isinstance(index, slice):
            return [self._at(place) for place in range(*index.indices(len(self)))]
        return self._at(range(len(self))[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash((len(self), *self._starts[:1]))

    def first_ending_after(self, offset: int) -> int:
        """The number of the first word that ends behind an offset."""
        return bisect_right(self._ends, offset)

    def first_starting_at(self, offset: int) -> int:
        """The number of the first word that starts at an offset or behind it."""
        return bisect_left(self._starts, offset)

    def _at(self, place: int) -> Span:
        confidence = self._confidences[place]
        x0, top, x1, bottom = self._boxes[4 * place : 4 * place + 4]
        box = Box(round(x0, 2), round(top, 2), round(x1, 2), round(bottom, 2))  # less than a hair of a print
        return Span(
            self._starts[place], self._ends[place], self._pages[place], box, None if confidence == UNKNOWN else round(confidence, 4)
        )


class Second(NamedTuple):
    """What a recogniser saw at text[start:end] when it looked a second time, where that is something else."""

    start: int
    end: int
    text: str


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

    `decision` is "text" (plain text), "layer" (a PDF's own characters), "ocr", or "both"; `reasons` say why. `width` and `height` in
    points; `angle` in degrees clockwise that the page was turned; `dpi` of the picture recognised; `engine` names the recogniser;
    `name` is that of a sheet of a workbook or of an attachment.
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
    reasons: tuple[str, ...] = ()
    name: str = ""


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
    words: Words = field(default_factory=Words)
    tables: tuple[Table, ...] = ()
    encoding: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: tuple[Second, ...] = ()

    def seconds_in(self, start: int, end: int) -> tuple[Second, ...]:
        """What was seen otherwise the second time, of text[start:end]."""
        first = bisect_left(self.seconds, start, key=lambda second: second.start)
        return tuple(takewhile(lambda second: second.end <= end, self.seconds[first:]))

    def page_of(self, offset: int) -> int | None:
        """Number of the page on which the character at `offset` stands."""
        index = bisect_right(self.pages, offset, key=lambda page: page.start) - 1
        return self.pages[index].number if index >= 0 else None

    def locate(self, start: int, end: int) -> tuple[Span, ...]:
        """The places of text[start:end]: its words with their boxes, or a single span with its page where no boxes are known."""
        if not self.words:
            return (Span(start, end, self.page_of(start)),)
        found = tuple(self.words[self.words.first_ending_after(start) : self.words.first_starting_at(end)])
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
