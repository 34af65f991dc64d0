"""Comparing prints: what two prints of one text have in common, and where each compared character stands.

Folding is one character to one character (full-width forms to half-width, and the brackets and dashes that printers interchange), so that
offsets survive; white space is left out. The canonical text itself is never changed.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from enum import IntEnum

# Interchangeable in print although NFKC keeps them apart.
_ALIKE = dict(zip("〔〕【】「」—–－﹣−﹪‘’•・∶×✕╳＊÷", "[][]“”-----%''··:****/", strict=True))


def _single(code: int) -> str:
    folded = unicodedata.normalize("NFKC", chr(code))
    return folded if len(folded) == 1 else chr(code)


# Full-width forms, CJK punctuation, and whatever printers interchange: the only blocks where folding changes a character we compare.
_TABLE = {
    **{code: _single(code) for block in ((0xFF01, 0xFFEF), (0x3000, 0x303F), (0xFE30, 0xFE6F)) for code in range(*block)},
    **{ord(char): alike for char, alike in _ALIKE.items()},
}
_FOLDED = re.compile("[" + "".join(map(re.escape, map(chr, _TABLE))) + "]")
_INK = re.compile(r"\S+")


def fold(text: str) -> str:
    """Fold widths and interchangeable marks; same length as the input."""
    return text if text.isascii() else _FOLDED.sub(_alike, text)  # `translate` raises and drops an error for each character that stays


def _alike(found: re.Match[str]) -> str:
    return _TABLE[ord(found[0])]


def squeeze(text: str) -> str:
    """Fold and leave out all white space: equal results are prints of the same text."""
    return "".join(fold(text).split())


def caseless(text: str) -> str:
    """Fold case, one character to one: what `re.IGNORECASE` takes for alike folds alike, but for a few ligatures."""
    folded = text.casefold()
    if len(folded) != len(text):
        folded = "".join(next((to for to in (char.casefold(), char.lower()) if len(to) == 1), char) for char in text)
    return folded.replace("ı", "i").replace("İ", "i")


class Break(IntEnum):
    """What separates a character from the one before it, weakest first."""

    NONE = 0
    SPACE = 1
    LINE = 2
    BLANK = 3  # at least one blank line
    CELL = 4  # a tab or a table bar: the strongest sign that a cell ends
    PAGE = 5


def _break_of(gap: str) -> Break:
    if "\f" in gap:
        return Break.PAGE
    lines = gap.count("\n")
    if lines:
        return Break.BLANK if lines > 1 else Break.LINE
    return Break.CELL if "\t" in gap else Break.SPACE


class Folded:
    """text[start:end] folded and without white space: `chars`, the offset of each character, and the break before each."""

    __slots__ = ("breaks", "chars", "end", "offsets", "start")

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self.start, self.end = start, len(text) if end is None else end
        self.offsets: list[int] = []
        self.breaks: dict[int, Break] = {0: Break.PAGE}  # only where there is one, by index into chars
        pieces: list[str] = []
        size, last = 0, self.start
        for ink in _INK.finditer(text, self.start, self.end):
            if size:
                self.breaks[size] = _break_of(text[last : ink.start()])
            pieces.append(ink.group())
            self.offsets.extend(range(ink.start(), ink.end()))
            size, last = size + ink.end() - ink.start(), ink.end()
        self.chars = fold("".join(pieces))
        self.breaks[size] = Break.PAGE

    def break_before(self, index: int) -> Break:
        return self.breaks.get(index, Break.NONE)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Offsets into the text of chars[first:last], which must not be empty."""
        return self.offsets[first], self.offsets[last - 1] + 1

    def index(self, offset: int) -> int:
        """Index of the first character at or after an offset into the text."""
        return bisect_left(self.offsets, offset)
