"""A segment's text as lines of cells: what is page furniture, what is a row of a grid, what are words of a running line.

A line with tabs or table bars is a grid row: its cells keep their column. Any other line is a sequence of words parted by white space.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from typing import Any, Protocol, TypeVar

from structurer.fold import Folded

T = TypeVar("T")

_PAGE_MARK = re.compile(
    r"^[-—–·\s]*(?:第\s*\d{1,4}\s*页(?:\s*(?:[,，/]\s*)?共\s*\d{1,4}\s*页)?|\d{1,4}\s*/\s*\d{1,4}|[Pp]age\s*\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?)[-—–·\s]*$"
    r"|^\s*[-—–]+\s*\d{1,4}\s*[-—–]+\s*$"
)
_BARE_NUMBER = re.compile(r"^\s*\d{1,4}\s*$")
_RULE = re.compile(r"(?=[\s|:+=_-]*$).*(?:---|===|___)")
_ATTRIBUTE = r"""\s{1,9}[\w:-]{1,30}\s?=\s?(?:"[^"<>]{0,200}"|'[^'<>]{0,200}'|[^\s<>"']{1,100})"""
_TAG = re.compile(rf"</?[A-Za-z][A-Za-z0-9]{{0,9}}(?:{_ATTRIBUTE}){{0,9}}\s?/?>|&nbsp;")
_EMPHASIS = re.compile(r"\*\*|`+|(?:(?<=\n)|^)#{1,6}(?= )")  # Markdown: bold, code, headings
_PRINTED = re.compile(r"[^\n\f]+")
RUNNING = 2  # lines at the top of a page that may be its running head
MOST_PAGES = 0.6  # share of the pages that have it
WIDE_GAP = 2  # spaces that part the columns of a table set with spaces
_WORD = re.compile(r"\S+")
_SPACE = re.compile(r"\s+")
_BREAKS = re.compile(r"[\t\n\f\v|]+")
_NO_HEAD = re.compile(r"[\t|｜:：]|\d[.,]\d|(?<!\S)[-+(]?(?!(?:19|20)\d\d(?!\d))\d+\)?%?(?!\S)")  # a cell, a label, a figure by itself
_BREAKABLE = re.compile(r"[\s|]")
_WIDE = frozenset("WF")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A cell of a grid row or a word of a line: text[start:end], trimmed. `line` and `col` count from 0 within the segment."""

    start: int
    end: int
    line: int
    col: int


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line that is not page furniture. `blank_before`/`page_before`: a blank line or a page break precedes it."""

    index: int
    start: int
    end: int
    grid: bool
    chunks: tuple[Chunk, ...]
    blank_before: bool
    page_before: bool


class Shown(Protocol):
    """How a model is shown a text, by offsets into it; `note` is what it is told of that."""

    @property
    def note(self) -> str: ...
    def of(self, start: int, end: int) -> str: ...


@dataclass(frozen=True, slots=True)
class AsItStands:
    """A text without tables."""

    text: str
    note: str = ""

    def of(self, start: int, end: int) -> str:
        return self.text[start:end]


class Layout:
    """The lines of text[start:end]; `furniture` are the stretches that are no content (page numbers, rules, tags)."""

    def __init__(self, text: str, start: int, end: int, showing: Shown | None = None) -> None:
        self.text, self.start, self.end = text, start, end
        self.showing = showing or AsItStands(text)
        furniture = _furniture(text, start, end) + _running_heads_in(text, start, end)
        furniture.sort()
        self.furniture = tuple(furniture)
        self.clean = _unbarred(_blanked(text[start:end], [(first - start, last - start) for first, last in furniture]))
        self.lines = _lines(self.clean, start)
        self._known: dict[Hashable, Any] = {}

    def once(self, question: Hashable, answer: Callable[[], T]) -> T:
        """What depends on the layout and the question alone is worked out once."""
        if question not in self._known:
            self._known[question] = answer()
        found: T = self._known[question]
        return found

    @cached_property
    def folded(self) -> Folded:
        """The segment folded and without furniture; offsets are into the document's text."""
        folded = Folded(self.clean)
        folded.offsets = [offset + self.start for offset in folded.offsets]
        return folded

    @cached_property
    def grid(self) -> bool:
        """Whether the segment is mainly a grid: its cells are parted by tabs or bars."""
        return sum(line.grid for line in self.lines) * 2 >= len(self.lines) > 0

    @cached_property
    def _starts(self) -> list[int]:
        return [line.start for line in self.lines]

    def line_at(self, offset: int) -> Line | None:
        """The line that the character at `offset` stands on."""
        index = bisect_right(self._starts, offset) - 1
        return self.lines[index] if index >= 0 and offset < self.lines[index].end else None

    def column_at(self, offset: int) -> int | None:
        """The grid column of the character at `offset`; None where the line is no grid row."""
        line = self.line_at(offset)
        if line is None or not line.grid:
            return None
        return next((chunk.col for chunk in line.chunks if chunk.start <= offset < chunk.end), None)

    def words(self, start: int, end: int) -> list[Chunk]:
        """The chunks that lie inside [start, end), cut to it."""
        found = []
        for line in self.lines[max(bisect_right(self._starts, start) - 1, 0) : bisect_left(self._starts, end)]:
            for chunk in line.chunks:
                if chunk.end > start and chunk.start < end:
                    cut = self.cut(chunk, start, end)
                    if cut.start < cut.end:
                        found.append(cut)
        return found

    def cut(self, chunk: Chunk, start: int, end: int) -> Chunk:
        if start <= chunk.start and chunk.end <= end:
            return chunk
        first, last = max(chunk.start, start), min(chunk.end, end)
        while first < last and self.clean[first - self.start].isspace():
            first += 1
        while first < last and self.clean[last - 1 - self.start].isspace():
            last -= 1
        return Chunk(first, last, chunk.line, chunk.col)

    def joined(self, spans: tuple[tuple[int, int], ...]) -> str:
        """The spans' text as one value: see `join`."""
        return join([self.clean[first - self.start : last - self.start] for first, last in spans])


def join(pieces: list[str]) -> str:
    """Join the pieces of a value that was broken over lines, cells or pages: nothing between CJK characters, a space between Latin words.

    White space inside a piece that is a line break is treated alike; a printed space stays one space.
    """
    if len(pieces) == 1 and not _BREAKABLE.search(pieces[0]):
        return pieces[0]
    words: list[str] = []
    for piece in pieces:
        for line in _BREAKS.split(piece):
            word = _SPACE.sub(" ", line.strip())
            if word:
                words.append(word)
    text = words[0] if words else ""
    for word in words[1:]:
        text += (" " if _latin(text[-1]) and _latin(word[0]) else "") + word
    return text


def width(text: str) -> int:
    """Printed width in half-width columns: an ideograph or full-width mark takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in text)


def _latin(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in ".,;:)%'\"&")


def _furniture(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found = [match.span() for marks in (_TAG, _EMPHASIS) for match in marks.finditer(text, start, end)]
    position = start
    previous_page = True
    while position < end:
        stop = _line_end(text, position, end)
        line = text[position:stop]
        if line.strip():
            if (
                _PAGE_MARK.match(line)
                or _RULE.match(line)
                or (_BARE_NUMBER.match(line) and _at_page_edge(text, position, stop, previous_page))
            ):
                found.append((position, stop))
            previous_page = False
        previous_page = previous_page or text[stop : stop + 1] == "\f"
        position = stop + 1
    return found


def _running_heads_in(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Those of the pages that begin in the stretch: what stands at the top of the page where a form begins may be its title."""
    every = _running_heads(text)
    among = every[bisect_left(every, (start,)) : bisect_left(every, (end,))]
    return [(first, last) for first, last, page in among if start < page and last <= end]


@lru_cache(maxsize=2)
def _running_heads(text: str) -> tuple[tuple[int, int, int], ...]:
    """The running heads, in order: what the text begins with and most of its pages too. Each with where its page begins.

    A row of a list may come again at the top of a page, but no text begins with it; lines with figures or labelled values are left alone,
    as are rows of grids. Feet are not told from rows that come again.
    """
    pages = [(start, lines) for start, lines in _tops(text) if lines]
    found: list[tuple[int, int, int]] = []
    for depth in range(RUNNING):
        edges = [(*lines[depth], start) for start, lines in pages if depth < len(lines)]
        head = text[edges[0][0] : edges[0][1]].strip() if edges and edges[0][2] == pages[0][0] else ""
        same = [edge for edge in edges if text[edge[0] : edge[1]].strip() == head]
        if not head or _NO_HEAD.search(head) or len(same) < max(2, MOST_PAGES * len(pages)):
            break
        found += same
    return tuple(sorted(found))


def _tops(text: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Where each page begins, and its first lines without page numbers and rules."""
    start = 0
    for page in text.split("\f"):
        lines = ((start + line.start(), start + line.end()) for line in _PRINTED.finditer(page) if _is_content(line.group()))
        yield start, list(islice(lines, RUNNING))
        start += len(page) + 1


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not (_PAGE_MARK.match(line) or _RULE.match(line) or _BARE_NUMBER.match(line))


def _line_end(text: str, position: int, end: int) -> int:
    newline = text.find("\n", position, end)
    page = text.find("\f", position, end if newline < 0 else newline)
    stops = [stop for stop in (newline, page) if stop >= 0]
    return min(stops) if stops else end


def _at_page_edge(text: str, start: int, end: int, first_on_page: bool) -> bool:
    """A bare number is a page number only where a page begins or ends: elsewhere it is a figure."""
    if first_on_page and "\f" in text[max(start - 8, 0) : start]:
        return True
    following = text[end : end + 400].lstrip(" \t\n")
    return following.startswith("\f")


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    pieces, position = [], 0
    for first, last in spans:
        if first >= position:
            pieces += [text[position:first], " " * (last - first)]
            position = last
    return "".join([*pieces, text[position:]])


def _unbarred(text: str) -> str:
    """Table bars become tabs: one mark for "a cell ends", whatever the printer used."""
    if text.count("|") + text.count("｜") < 2:
        return text
    return _PRINTED.sub(_unbarred_line, text)


def _unbarred_line(line: re.Match[str]) -> str:
    printed = line.group()
    barred = printed.count("|") + printed.count("｜") > 1 and "\t" not in printed
    return printed.replace("|", "\t").replace("｜", "\t") if barred else printed


def _lines(clean: str, base: int) -> tuple[Line, ...]:
    lines: list[Line] = []
    position, blank, page = 0, False, True
    while position <= len(clean):
        stop = _line_end(clean, position, len(clean))
        line = clean[position:stop]
        if line.strip():
            grid = "\t" in line
            chunks = (_cells if grid else _words)(line, position + base, len(lines))
            if chunks:
                lines.append(Line(len(lines), position + base, stop + base, grid, chunks, blank, page))
                blank = page = False
        else:
            blank = True
        page = page or clean[stop : stop + 1] == "\f"
        position = stop + 1
    return tuple(lines)


def _words(line: str, base: int, number: int) -> tuple[Chunk, ...]:
    spans = [word.span() for word in _WORD.finditer(line)]
    if sum(after[0] - before[1] >= WIDE_GAP for before, after in pairwise(spans)) >= 2:
        spans = _joined_words(line, spans)
    return tuple(Chunk(base + start, base + end, number, col) for col, (start, end) in enumerate(spans))


def _joined_words(line: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where wide gaps part the cells of a line, Latin words a single space apart are one cell."""
    joined = spans[:1]
    for start, end in spans[1:]:
        first, last = joined[-1]
        words = line[first:last], line[start:end]
        if start - last < WIDE_GAP and all(map(_is_latin_word, words)):
            joined[-1] = (first, end)
        else:
            joined.append((start, end))
    return joined


def _is_latin_word(word: str) -> bool:
    return word.isascii() and any(char.isalpha() for char in word)


def _cells(line: str, base: int, number: int) -> tuple[Chunk, ...]:
    found, position = [], 0
    for col, cell in enumerate(line.split("\t")):
        if cell.strip():
            first = position + len(cell) - len(cell.lstrip())
            found.append(Chunk(base + first, base + first + len(cell.strip()), number, col))
        position += len(cell) + 1
    return tuple(found)
