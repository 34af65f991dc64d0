"""Where texts and figures are printed on a page: folded and without white space, a figure as a whole figure, a text not out of a word."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from itertools import pairwise

from structurer.contracts.schema import Kind, Leaf
from structurer.fold import Break, Folded, squeeze
from structurer.judging.order import Print
from structurer.judging.parse import parse
from structurer.layout import Layout
from structurer.record import Match

LONG_SCRAP = 6  # letters; a shorter text that is cut out of a word is no print of it
MOST = 2000  # prints of one text
_DIGITS = frozenset("0123456789")
IN_FIGURE = _DIGITS | {".", ","}
_CALENDAR = (Kind.DATE, Kind.MONTH)
_MONTH = "(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}"
_DATE = re.compile(
    r"(?<!\d)(?:\d{4}[年./-]\d{1,2}(?:[月./-]\d{1,2}日?|月)?|\d{1,2}[./-]\d{1,2}[./-]\d{4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?{_MONTH}\.?,?\d{{4}}|{_MONTH}\.?\d{{1,2}}(?:st|nd|rd|th)?,?\d{{4}})(?!\d)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NEGATIVE = re.compile(r"(?:[¥$€£]?-[¥$€£]?(?P<minus>\d[\d,]*(?:\.\d+)?)|\([¥$€£]?(?P<brackets>\d[\d,]*(?:\.\d+)?)\))")


def prints_of(layout: Layout, leaf: Leaf, text: str) -> list[tuple[int, int]]:
    """Where a text is printed in one piece, line breaks and white space aside: offsets into the document's text, in order."""
    page, squeezed = Prints(layout.folded, verbatim=True), squeeze(text)
    found = page.occurrences(leaf, squeezed) if squeezed else []
    return [layout.folded.span(first, first + length) for first, length in found]


class Prints:
    """The prints of one page. `verbatim`: values are as printed; else figures may have other zeros and separators, dates another manner.
    `asked` says how many values have each text."""

    def __init__(self, folded: Folded, verbatim: bool) -> None:
        self.folded, self.verbatim = folded, verbatim
        self.asked: Counter[str] = Counter()

    def kind_of_match(self, first: int, size: int) -> Match:
        start, end = self.folded.span(first, first + size)
        return Match.EXACT if end - start == size else Match.NORMALISED

    def occurrences(self, leaf: Leaf, text: str) -> list[Print]:
        """The prints of a text; where values are not verbatim, also those of the same number or date in another manner."""
        if leaf.kind.numeric and len(self.exactly.get(text, ())) >= max(self.asked[text], 1):  # no print of it need be broken over lines
            return self.exactly[text] if self.verbatim else sorted({*self.exactly[text], *self.alike(leaf, text)})
        found: list[Print] = []
        position = self.folded.chars.find(text)
        while position >= 0 and len(found) < MOST:
            if self.is_whole_figure(position, len(text)) if leaf.kind.numeric else self.is_whole_text(leaf, position, len(text)):
                found.append((position, len(text)))
            position = self.folded.chars.find(text, position + 1)
        return found if self.verbatim else sorted({*found, *self.alike(leaf, text)})

    def alike(self, leaf: Leaf, text: str) -> list[Print]:
        """Other prints of the same number or date."""
        if leaf.kind in _CALENDAR:
            return self.dates.get((leaf.kind, parse(text, leaf.kind).value), [])
        if not leaf.kind.numeric or not _PLAIN.fullmatch(text.removeprefix("-")):
            return []
        return self.negatives.get(_canonical(text[1:]), []) if text.startswith("-") else self.figures.get(_canonical(text), [])

    @cached_property
    def dates(self) -> dict[tuple[Kind, str | int | None], list[Print]]:
        """The dates and months of the page by what they name."""
        found: dict[tuple[Kind, str | int | None], list[Print]] = {}
        for match in _DATE.finditer(self.folded.chars):
            for kind in _CALENDAR:
                value = parse(match[0], kind).value
                if value is not None:
                    found.setdefault((kind, value), []).append((match.start(), match.end() - match.start()))
        return found

    @cached_property
    def exactly(self) -> dict[str, list[Print]]:
        """The figures of the page as they are printed in one piece: most values are found here, without a search for each."""
        found: dict[str, list[Print]] = {}
        for start, end in pairwise(sorted(self.folded.breaks)):
            for match in _PLAIN.finditer(self.folded.chars, start, end):
                if self.is_whole_figure(match.start(), match.end() - match.start()):
                    found.setdefault(match[0], []).append((match.start(), match.end() - match.start()))
        return found

    @cached_property
    def figures(self) -> dict[str, list[Print]]:
        """The figures of the page by what they amount to."""
        found: dict[str, list[Print]] = {}
        for text, prints in self.exactly.items():
            found.setdefault(_canonical(text), []).extend(prints)
        return found

    @cached_property
    def negatives(self) -> dict[str, list[Print]]:
        """The figures with a minus, before their currency or behind it, or in brackets (as accounts print them), by what they amount to."""
        found: dict[str, list[Print]] = {}
        for match in _NEGATIVE.finditer(self.folded.chars):
            start, end = match.span()
            hyphen = self.is_glued(start) and self.folded.chars[start - 1].isalnum()
            if not hyphen and all(self.is_glued(index) for index in range(start + 1, end)) and not self.goes_on(end):
                found.setdefault(_canonical(match["minus"] or match["brackets"]), []).append((start, end - start))
        return found

    def is_whole_figure(self, first: int, size: int) -> bool:
        """Whether a figure stands here by itself: neither a piece of a longer one, nor one without its minus."""
        if self.goes_on(first + size) or not self.is_glued(first):
            return not self.goes_on(first + size)
        before = self.folded.chars[first - 1]
        hyphen = first > 1 and self.is_glued(first - 1) and self.folded.chars[first - 2].isalnum()
        return before not in IN_FIGURE and (before != "-" or hyphen)

    def is_whole_text(self, leaf: Leaf, first: int, size: int) -> bool:
        return self.cuts_no_figure(leaf, first, size) and (size >= LONG_SCRAP or self.cuts_no_word(first, size))

    def cuts_no_word(self, first: int, size: int) -> bool:
        """A few letters out of a word are no print: "su" does not stand in "tissue". Longer ones may be words that ran together."""
        chars, last = self.folded.chars, first + size
        begins = self.is_glued(first) and _is_letter(chars[first]) and _is_letter(chars[first - 1])
        return not begins and not (self.is_glued(last) and _is_letter(chars[last - 1]) and _is_letter(chars[last]))

    def cuts_no_figure(self, leaf: Leaf, first: int, size: int) -> bool:
        """A text that begins or ends with a digit begins or ends a figure of the page: "≥5" does not stand in "≥50"."""
        chars, last = self.folded.chars, first + size
        before = IN_FIGURE if leaf.kind.numeric else _DIGITS  # "1.2号" may be the text "2号" of entry 1
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

    def longest(self, text: str, position: int) -> tuple[int, int]:
        """The longest beginning of the text that stands at or behind the position (binary search over its length)."""
        low, high, first = 0, len(text), -1
        while low < high:
            middle = (low + high + 1) // 2
            at = self.folded.chars.find(text[:middle], position)
            low, high, first = (middle, high, at) if at >= 0 else (low, middle - 1, first)
        return low, first


def _canonical(text: str) -> str:
    """A figure without separators and zeros at its end; one that begins with needless zeros is another print."""
    whole, _, rest = text.replace(",", "").partition(".")
    rest = rest.rstrip("0")
    return (whole or "0") + "." * bool(rest) + rest


def _is_letter(char: str) -> bool:
    """Of a script that parts its words."""
    return char.isascii() and char.isalpha()
