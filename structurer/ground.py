"""Finding every value again on the page. Spans and boxes come from here, never from a model.

Text is compared folded and without white space, so that line breaks, widths and split digits do not hide a value; a figure must stand as
a whole figure. Values are looked for in the order of the form, each behind the one before it, so that equal figures find their own prints.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from structurer.fold import Break, Folded, squeeze
from structurer.layout import Layout
from structurer.record import Extract, Match
from structurer.schema import Leaf

MIN_LIKENESS = 0.9  # of a fuzzy match, by difflib's ratio
MAX_PIECES = 4  # stretches a value may be broken into by other print
_DIGITS = frozenset("0123456789")
_IN_FIGURE = _DIGITS | {".", ","}
_FIGURE = re.compile(r"\d[\d.,]*")

Grounded = tuple[tuple[tuple[int, int], ...], Match]


def known_match(layout: Layout, extract: Extract) -> Match:
    """How the text of a leaf compares with the stretches that a reader took it from."""
    if extract.text is None or not extract.spans:
        return Match.NONE
    printed = [layout.clean[start - layout.start : end - layout.start] for start, end in extract.spans]
    if len(printed) == 1 and printed[0] == extract.text:
        return Match.EXACT
    return Match.NORMALISED if squeeze("".join(printed)) == squeeze(extract.text) else Match.FUZZY


def ground(layout: Layout, leaves: list[tuple[str, Leaf, Extract]]) -> dict[str, Grounded]:
    """The place of every leaf, for a reading that does not know its own: (spans, match) by JSON pointer."""
    search = _Search(layout.folded)
    found: dict[str, Grounded] = {}
    for place, leaf, extract in leaves:
        if extract.text is not None:
            found[place] = search.locate(place, leaf, squeeze(extract.text))
    return found


class _Search:
    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        self.claimed = bytearray(len(folded.chars))
        self.cursor = 0
        self.merged: dict[tuple[str, str], int] = {}

    def locate(self, place: str, leaf: Leaf, text: str) -> Grounded:
        if not text:
            return (), Match.NONE
        first = self.whole(place, leaf, text)
        if first is not None:
            return (self.folded.span(first, first + len(text)),), self.kind_of_match(first, len(text))
        return self.broken(leaf, text) or (None if leaf.kind.numeric else self.nearly(leaf, text)) or ((), Match.NONE)

    def kind_of_match(self, first: int, size: int) -> Match:
        start, end = self.folded.span(first, first + size)
        return Match.EXACT if end - start == size else Match.NORMALISED

    def whole(self, place: str, leaf: Leaf, text: str) -> int | None:
        """The occurrence behind the last value; else the first unclaimed; else (a merged label, a figure printed once) any."""
        occurrences = self.occurrences(leaf, text)
        if not occurrences:
            return None
        if leaf.spans_rows:
            return self.of_merged(place, text, occurrences)
        free = [first for first in occurrences if not self.claimed[first]]
        chosen = next((first for first in free if first >= self.cursor), free[0] if free else occurrences[0])
        self.claim(chosen, len(text))
        return chosen

    def of_merged(self, place: str, text: str, occurrences: list[int]) -> int:
        """A merged label repeated on the next row is the same print; a new one is the next print."""
        column = place.rsplit("/", 1)[-1]
        last = self.merged.get((column, text))
        if last is None or last not in occurrences:
            last = next((first for first in occurrences if not self.claimed[first]), occurrences[-1])
            self.merged[column, text] = last
            self.claimed[last : last + len(text)] = b"\1" * len(text)
        return last

    def occurrences(self, leaf: Leaf, text: str) -> list[int]:
        found: list[int] = []
        position = self.folded.chars.find(text)
        while position >= 0 and len(found) < 2000:
            if self.is_whole_figure(position, len(text)) if leaf.kind.numeric else self.cuts_no_figure(leaf, position, len(text)):
                found.append(position)
            position = self.folded.chars.find(text, position + 1)
        return found

    def is_whole_figure(self, first: int, size: int) -> bool:
        return not self.goes_on(first + size) and not (self.is_glued(first) and self.folded.chars[first - 1] in _IN_FIGURE)

    def cuts_no_figure(self, leaf: Leaf, first: int, size: int) -> bool:
        """A text that begins or ends with a digit begins or ends a figure of the page: "≥5" does not stand in "≥50"."""
        chars, last = self.folded.chars, first + size
        before = _IN_FIGURE if leaf.kind.numeric else _DIGITS  # "1.2号" may be the text "2号" of entry 1
        begins = chars[first] in _DIGITS and self.is_glued(first) and chars[first - 1] in before
        return not begins and not (chars[last - 1] in _DIGITS and self.goes_on(last))

    def is_glued(self, index: int) -> bool:
        """Whether nothing parts a character from the one before it."""
        return 0 < index < len(self.folded.chars) and self.folded.break_before(index) is Break.NONE

    def goes_on(self, last: int) -> bool:
        """Whether a figure that reaches up to here goes on: by a digit, or by a point or comma and a digit."""
        chars = self.folded.chars
        if not self.is_glued(last):
            return False
        return chars[last] in _DIGITS or (chars[last] in ".," and self.is_glued(last + 1) and chars[last + 1] in _DIGITS)

    def claim(self, first: int, size: int) -> None:
        self.claimed[first : first + size] = b"\1" * size
        self.cursor = first + size

    def broken(self, leaf: Leaf, text: str) -> Grounded | None:
        """A value interrupted by other print (a page number, a label): its pieces in order, none very short, no figure cut in two."""
        pieces: list[tuple[int, int]] = []
        position, rest = self.cursor, text
        while rest and len(pieces) < MAX_PIECES:
            size, first = self.longest(rest, position)
            while 0 < size < len(rest) and rest[size - 1] in _IN_FIGURE and rest[size] in _IN_FIGURE:
                size -= 1
            if size < min(2, len(rest)) or not self.cuts_no_figure(leaf, first, size):
                return None
            pieces.append((first, first + size))
            position, rest = first + size, rest[size:]
        if rest or len(pieces) < 2 or pieces[-1][1] - pieces[0][0] > 3 * len(text) + 60:
            return None
        for first, last in pieces:
            self.claim(first, last - first)
        return tuple(self.folded.span(first, last) for first, last in pieces), Match.NORMALISED

    def longest(self, text: str, position: int) -> tuple[int, int]:
        """The longest beginning of the text that stands at or behind the position (binary search over its length)."""
        low, high, first = 0, len(text), -1
        while low < high:
            middle = (low + high + 1) // 2
            at = self.folded.chars.find(text[:middle], position)
            low, high, first = (middle, high, at) if at >= 0 else (low, middle - 1, first)
        return low, first

    def nearly(self, leaf: Leaf, text: str) -> Grounded | None:
        """A print that differs in few characters and in no figure, found by its beginning or its end."""
        if len(text) < 6:
            return None
        chars, size = self.folded.chars, len(text)
        starts = {chars.find(text[:4]), chars.find(text[-4:]) + 4 - size}
        for first in (start for start in starts if start >= 0):
            window = chars[first : first + size]
            if _FIGURE.findall(window) != _FIGURE.findall(text) or not self.cuts_no_figure(leaf, first, len(window)):
                continue
            if SequenceMatcher(None, window, text, autojunk=False).ratio() >= MIN_LIKENESS:
                return (self.folded.span(first, min(first + size, len(chars))),), Match.FUZZY
        return None
