"""The lines of a page as tokens, and which of them nothing accounts for."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from structurer.contracts.schema import Kind
from structurer.fold import fold
from structurer.judging.ledger import unclaimed
from structurer.judging.linetokens import FIGURES, LETTERS, Place, Sort, Token, is_word, placed, sorts, tokens
from structurer.judging.parse import parse
from structurer.layout import WIDE_GAP, Layout, width
from structurer.record import Extract, Extraction


class PrintedLines:
    """The lines of a layout as tokens, and which of these nothing accounts for."""

    def __init__(self, layout: Layout, extraction: Extraction, claims: Iterable[tuple[int, int]]) -> None:
        self.layout, self.lines, self.folded = layout, layout.lines, fold(layout.clean)
        spans = [(span, extract.text or "") for extract in extraction.leaves.values() for span in extract.spans]
        names = bytearray(len(layout.clean))  # a figure in a name is a word
        for start, end in (span for span, text in spans if any(sort is Sort.WORD for sort, _, _ in sorts(fold(text), 0, len(text)))):
            first, last = max(start - layout.start, 0), min(end - layout.start, len(names))
            names[first:last] = b"\1" * max(last - first, 0)
        every = [tokens(self.folded, line, layout.start) for line in layout.lines]
        self.tokens = [[replace(one, sort=Sort.WORD) if names[one.start - layout.start] else one for one in line] for line in every]
        self.worded = [all(token.sort is Sort.WORD for token in line) for line in self.tokens]
        self.goes_on = [False, *(only and any(map(is_word, before)) for only, before in zip(self.worded[1:], self.tokens, strict=False))]
        self.ordinals = list(accumulate(int(not rest) for rest in self.goes_on))
        self.left = unclaimed(layout, [*(span for span, _ in spans), *extraction.explained, *claims])
        self.left_starts = [entry.start for entry in self.left]
        self.page_starts = [line.index for line in self.lines if line.page_before]

    def placed(self, first: int, last: int) -> dict[Place, Token]:
        """What stands where on some lines; lines of words alone behind others with words belong to these."""
        numbers = (number for number in range(first, last + 1) if number == first or not self.goes_on[number])
        return placed((self.lines[number].grid, self.tokens[number]) for number in numbers)

    def size(self, first: int, last: int) -> int:
        """How many lines these are for `placed`."""
        return self.ordinals[last] - self.ordinals[first] + 1

    def last(self, first: int, size: int) -> int:
        """The last of so many lines for `placed`; behind all lines if there are not so many."""
        return max(bisect_left(self.ordinals, self.ordinals[first] + size - 1), first)

    def lines_of(self, extract: Extract) -> list[int]:
        """The lines on which the stretches of a value begin and end."""
        found = (self.layout.line_at(offset) for start, end in extract.spans for offset in (start, end - 1))
        return [line.index for line in found if line is not None]

    def is_telling(self, number: int) -> bool:
        """Whether a line has a date or figure."""
        return any(token.sort in FIGURES or token.sort is Sort.DATE for token in self.tokens[number])

    def is_left(self, first: int, last: int) -> bool:
        """Whether a date or figure on these lines is unaccounted for."""
        of_lines = (token for number in range(first, last + 1) for token in self.tokens[number])
        return any(self._is_free(token) for token in of_lines if token.sort in FIGURES or token.sort is Sort.DATE)

    def _is_free(self, token: Token) -> bool:
        index = bisect_right(self.left_starts, token.start) - 1
        return index >= 0 and self.left[index].end >= token.end

    def figures(self, first: int, last: int) -> dict[Place, Fraction]:
        """The figures of some lines that can be reckoned with, by where they stand, lines counted from the last."""
        size = self.size(first, last)
        tokens = self.placed(first, last).items()
        texts = {(number - size, what, at): self._text(token) for (number, what, at), token in tokens if token.sort in FIGURES}
        numbers = {place: parse(text, Kind.NUMBER).number for place, text in texts.items()}
        return {place: number for place, number in numbers.items() if number is not None}

    def words(self, number: int) -> list[str]:
        """The words of a line, in lower case and without marks and digits."""
        texts = (self._text(token).casefold() for token in self.tokens[number] if is_word(token))
        return [word for text in texts for word in LETTERS.findall(text)]

    def _text(self, token: Token) -> str:
        return self.folded[token.start - self.layout.start : token.end - self.layout.start]

    def page_of(self, number: int) -> tuple[int, int]:
        """The first line of the page that a line stands on, and the first of the next."""
        index = bisect_right(self.page_starts, number)
        return self.page_starts[max(index - 1, 0)], self.page_starts[index] if index < len(self.page_starts) else len(self.lines)

    def edge(self, number: int) -> int:
        """The printed column in which a line ends."""
        return width(self._printed(number).rstrip())

    def is_parted(self, number: int) -> bool:
        """Whether a blank line parts a line from the one before it, and no page break or rule does."""
        line = self.lines[number]
        return (
            number > 0
            and line.blank_before
            and not line.page_before
            and not self.layout.text[self.lines[number - 1].end : line.start].strip()
        )

    def is_spaced(self, number: int) -> bool:
        """Whether spaces keep the columns of a line."""
        return not self.lines[number].grid and " " * WIDE_GAP in self._printed(number).strip()

    def is_repeated(self, number: int) -> bool:
        """Whether a line stands on the page again, digits aside, as the headings of each page do."""
        return self._masks[self._masked(number)] > 1

    @cached_property
    def _masks(self) -> Counter[str]:
        return Counter(map(self._masked, range(len(self.lines))))

    def _masked(self, number: int) -> str:
        return re.sub(r"\d+", "0", " ".join(self._printed(number).split()))

    def _printed(self, number: int) -> str:
        line = self.lines[number]
        return self.folded[line.start - self.layout.start : line.end - self.layout.start]
