"""Finding every value again on the page. Spans and boxes come from here, never from a model.

Text is compared folded and without white space, so that line breaks, widths and split digits do not hide a value; a figure must stand as
a whole figure. Equal figures find their own prints by their order: the prints of most values stand on the page in the order of the record,
row by row or column by column (`order`). What is not in that order is looked for between the rows around its own, then anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from structurer.contracts.schema import Leaf
from structurer.fold import Break, Folded, squeeze
from structurer.judging.order import Print, in_order
from structurer.judging.prints import IN_FIGURE, Prints
from structurer.layout import Layout
from structurer.record import Extract, Match

MIN_LIKENESS = 0.9  # of a fuzzy match, by difflib's ratio
MAX_PIECES = 4  # stretches a value may be broken into by other print
_FIGURE = re.compile(r"\d[\d.,]*")

MAX_PRINTS = 60  # of one value that are put in order; one with more is no anchor, and is placed between those that are
SURE_DIGITS = 3  # of a figure that stands by itself on the page: where it is found it is meant

Grounded = tuple[tuple[tuple[int, int], ...], Match]


@dataclass(frozen=True, slots=True)
class Grounds:
    """Where values are printed: (spans, match) by JSON pointer. `placed` are those that stand where the order of the record puts them."""

    found: Mapping[str, Grounded]
    placed: frozenset[str]


def known_match(layout: Layout, extract: Extract) -> Match:
    """How the text of a leaf compares with the stretches that a reader took it from."""
    if extract.text is None or not extract.spans:
        return Match.NONE
    printed = [layout.clean[start - layout.start : end - layout.start] for start, end in extract.spans]
    if len(printed) == 1 and printed[0] == extract.text:
        return Match.EXACT
    return Match.NORMALISED if squeeze("".join(printed)) == squeeze(extract.text) else Match.FUZZY


def ground(layout: Layout, leaves: Sequence[tuple[str, Leaf, Extract]], *, verbatim: bool = True) -> Grounds:
    """The place of every leaf, for a reading that does not know its own; `leaves` in the order of the record, row by row.

    `verbatim`: values are as printed; else figures may have other zeros and separators ("1200.5" for "1,200.50"), dates another manner.
    """
    every = [_Sought(place, leaf, squeeze(extract.text or "")) for place, leaf, extract in leaves]
    search = _Search(layout.folded, verbatim)
    search.page.asked.update(one.text for one in every)
    placed = {one.place for one in search.place_in_order([one for one in every if not one.leaf.spans_rows])}
    sought = [one for one, (_, _, extract) in zip(every, leaves, strict=True) if extract.text is not None]
    for one in sought:
        if one.place not in search.found:
            search.found[one.place] = search.locate(one, placed)
    return Grounds({one.place: search.found[one.place] for one in sought}, frozenset(placed))


@dataclass(frozen=True, slots=True)
class _Sought:
    place: str
    leaf: Leaf
    text: str

    @property
    def row(self) -> str:
        return self.place.rpartition("/")[0]


class _Search:
    def __init__(self, folded: Folded, verbatim: bool) -> None:
        self.folded, self.page = folded, Prints(folded, verbatim)
        self.claimed = bytearray(len(folded.chars))
        self.found: dict[str, Grounded] = {}
        self.rows: dict[str, tuple[int, int]] = {}  # first and last character that values of a row were found at
        self.cursor = 0
        self.merged: dict[tuple[str, str], int] = {}

    # -- in order ------------------------------------------------------------------------------------------------------

    def place_in_order(self, sought: Sequence[_Sought]) -> list[_Sought]:
        """Give the values that stand in order their prints: row by row or column by column, whichever explains more of the page."""
        prints = {one.place: self.page.occurrences(one.leaf, one.text) for one in sought if one.text}
        anchors = [
            one for one in sought if len(prints.get(one.place, ())) <= MAX_PRINTS and (prints.get(one.place) or one.leaf.kind.numeric)
        ]
        size = len(self.folded.chars)
        orders = [anchors, sorted(anchors, key=_by_column(anchors))]
        chains = [(order, *in_order([prints.get(one.place, []) for one in order], size)) for order in orders]
        order, chosen, _ = max(chains, key=lambda chain: chain[2])
        self.leave_gaps(order, chosen, prints)
        pairs = [(one, found) for one, found in zip(order, chosen, strict=True) if found is not None]
        for one, (first, length) in pairs:
            self.take(one, first, length)
        return [one for one, _ in pairs]

    def leave_gaps(self, order: Sequence[_Sought], chosen: list[Print | None], prints: Mapping[str, list[Print]]) -> None:
        """Of equal figures in a row of prints, one is left over where the record has another value, or a blank, amid them: it is left at
        that place, not behind the last of them. And of equal values in a row of the record that have one print less, the one before which
        the page has another figure is left without."""
        every = sorted(found for some in self.page.exactly.values() for found in some)
        for number, one in enumerate(order):
            if chosen[number] is None and one.leaf.kind.numeric and one.text:
                taken = set(chosen)
                self.shift_back(order, chosen, number, [found for found in every if found not in taken])
                self.shift_on(order, chosen, number, prints)
        for number, one in enumerate(order):
            if one.leaf.kind.numeric and not one.text and not _beside_a_gap(order, chosen, number):
                self.shift_on(order, chosen, number, prints)

    def shift_on(self, order: Sequence[_Sought], chosen: list[Print | None], number: int, prints: Mapping[str, list[Print]]) -> None:
        """Give each of the equal figures behind a value the print of the next, if one is left over behind the last of them."""
        run = _equal_run(order, chosen, number)
        last = chosen[run[-1]] if run else None
        if last is None:
            return
        behind = next((found for found in chosen[run[-1] + 1 :] if found is not None), (len(self.folded.chars), 0))
        taken = set(chosen)
        free = [found for found in prints[order[run[0]].place] if found not in taken and last < found < behind]
        if free:
            for position, found in zip(run, [*(chosen[later] for later in run[1:]), free[0]], strict=True):
                chosen[position] = found

    def shift_back(self, order: Sequence[_Sought], chosen: list[Print | None], number: int, loose: Sequence[Print]) -> None:
        """Give a value without a print that of the equal value before it, if the page has a figure left before that, and none behind."""
        before = number - 1
        found = chosen[before] if before >= 0 else None
        if found is None or order[before].text != order[number].text or not order[before].leaf.kind.numeric:
            return
        low = max((sum(other) for other in chosen[:before] if other is not None), default=0)
        high = min((other[0] for other in chosen[number + 1 :] if other is not None), default=len(self.folded.chars))
        if any(low <= first < found[0] for first, _ in loose) and not any(found[0] < first < high for first, _ in loose):
            chosen[number], chosen[before] = found, None

    def take(self, one: _Sought, first: int, length: int) -> Grounded:
        """Claim a print for a value."""
        self.claim(first, length)
        low, high = self.rows.get(one.row, (first, first + length))
        self.rows[one.row] = min(low, first), max(high, first + length)
        self.found[one.place] = (self.folded.span(first, first + length),), self.page.kind_of_match(first, length)
        return self.found[one.place]

    # -- by itself -----------------------------------------------------------------------------------------------------

    def locate(self, one: _Sought, placed: set[str]) -> Grounded:
        if not one.text:
            return (), Match.NONE
        leaf, text = one.leaf, one.text
        whole = self.merged_label(one, placed) if leaf.spans_rows else self.between_rows(one, placed) or self.anywhere(one, placed)
        return whole or self.broken(leaf, text) or (None if leaf.kind.numeric else self.nearly(leaf, text)) or ((), Match.NONE)

    def between_rows(self, one: _Sought, placed: set[str]) -> Grounded | None:
        """A free print between the rows around its own: it stands where it belongs, though its columns are printed in another order."""
        low, high = self.window(one.row)
        self.cursor = low
        for first, length in self.page.occurrences(one.leaf, one.text):
            if low <= first and first + length <= high and not self.claimed[first]:
                placed.add(one.place)
                return self.take(one, first, length)
        return None

    def window(self, row: str) -> tuple[int, int]:
        """From the end of the row before to the start of the row behind, by where their values were found; empty for a row of none."""
        own = self.rows.get(row)
        if own is None or not row:
            return self.cursor, self.cursor
        before = [high for other, (_, high) in self.rows.items() if other != row and high <= own[0]]
        behind = [low for other, (low, _) in self.rows.items() if other != row and low >= own[1]]
        return max(before, default=0), min(behind, default=self.end_of_block(own[1]))

    def end_of_block(self, position: int) -> int:
        """Where the print that begins before a position is parted from the next by a blank line or a page."""
        parted = (index for index, found in sorted(self.folded.breaks.items()) if index >= position and found in (Break.BLANK, Break.PAGE))
        return next(parted, len(self.folded.chars))

    def anywhere(self, one: _Sought, placed: set[str]) -> Grounded | None:
        """A free print behind the last value, or any free one; else (a figure printed once for two fields) one that is claimed."""
        prints = self.page.occurrences(one.leaf, one.text)
        free = [found for found in prints if not self.claimed[found[0]]]
        if not prints:
            return None
        first, length = next((found for found in free if found[0] >= self.cursor), free[0] if free else prints[0])
        if free and (not one.leaf.kind.numeric or (len(free) == 1 and length >= SURE_DIGITS and one.row not in self.rows)):
            placed.add(one.place)
        if free:
            self.claim(first, length)
        return (self.folded.span(first, first + length),), self.page.kind_of_match(first, length)

    def merged_label(self, one: _Sought, placed: set[str]) -> Grounded | None:
        """A merged label repeated on the next row is the same print; a new one is the next print."""
        prints = [first for first, _ in self.page.occurrences(one.leaf, one.text)]
        if not prints:
            return None
        column, size = one.place.rsplit("/", 1)[-1], len(one.text)
        last = self.merged.get((column, one.text), -1)
        if last not in prints:
            last = next((first for first in prints if not self.claimed[first]), prints[-1])
            self.merged[column, one.text] = last
            self.claimed[last : last + size] = b"\1" * size
        placed.add(one.place)
        return (self.folded.span(last, last + size),), self.page.kind_of_match(last, size)

    def claim(self, first: int, size: int) -> None:
        self.claimed[first : first + size] = b"\1" * size
        self.cursor = first + size

    def broken(self, leaf: Leaf, text: str) -> Grounded | None:
        """A value interrupted by other print (a page number, a label): its pieces in order, none very short, no figure cut in two."""
        pieces: list[tuple[int, int]] = []
        position, rest = self.cursor, text
        while rest and len(pieces) < MAX_PIECES:
            size, first = self.page.longest(rest, position)
            while 0 < size < len(rest) and rest[size - 1] in IN_FIGURE and rest[size] in IN_FIGURE:
                size -= 1
            if size < min(2, len(rest)) or not self.page.cuts_no_figure(leaf, first, size):
                return None
            pieces.append((first, first + size))
            position, rest = first + size, rest[size:]
        if rest or len(pieces) < 2 or pieces[-1][1] - pieces[0][0] > 3 * len(text) + 60:
            return None
        for first, last in pieces:
            self.claim(first, last - first)
        return tuple(self.folded.span(first, last) for first, last in pieces), Match.NORMALISED

    def nearly(self, leaf: Leaf, text: str) -> Grounded | None:
        """A print that differs in few characters and in no figure, found by its beginning or its end."""
        if len(text) < 6:
            return None
        chars, size = self.folded.chars, len(text)
        starts = {chars.find(text[:4]), chars.find(text[-4:]) + 4 - size}
        for first in (start for start in starts if start >= 0):
            window = chars[first : first + size]
            if _FIGURE.findall(window) != _FIGURE.findall(text) or not self.page.cuts_no_figure(leaf, first, len(window)):
                continue
            if SequenceMatcher(None, window, text, autojunk=False).ratio() >= MIN_LIKENESS:
                return (self.folded.span(first, min(first + size, len(chars))),), Match.FUZZY
        return None


def _beside_a_gap(order: Sequence[_Sought], chosen: Sequence[Print | None], number: int) -> bool:
    """Whether a value before a blank, or the first behind the equal figures that follow it, has no print: what is left there is its own."""
    run = _equal_run(order, chosen, number)
    before = next((one for one in range(number - 1, -1, -1) if order[one].text), None)
    behind = next((one for one in range((run[-1] if run else number) + 1, len(order)) if order[one].text), None)
    return any(one is not None and chosen[one] is None for one in (before, behind))


def _equal_run(order: Sequence[_Sought], chosen: Sequence[Print | None], number: int) -> list[int]:
    """The values behind one that are all the same figure, each with its print; blanks between them are passed over."""
    run: list[int] = []
    for later in range(number + 1, len(order)):
        if not order[later].text:
            continue
        first = run[0] if run else later
        if chosen[later] is None or order[later].text != order[first].text or not order[later].leaf.kind.numeric:
            break
        run.append(later)
    return run


def _by_column(sought: Sequence[_Sought]) -> Callable[[_Sought], tuple[int, int]]:
    """Sorts the cells of each list column by column, where the list stood."""
    first: dict[tuple[str, ...], int] = {}
    lists: dict[str, int] = {}
    for number, one in enumerate(sought):
        lists.setdefault(_list_of(one), number)
        first.setdefault((_list_of(one), *one.leaf.path), number)
    return lambda one: (lists[_list_of(one)], first[_list_of(one), *one.leaf.path]) if "*" in one.leaf.path else (lists[_list_of(one)], 0)


def _list_of(one: _Sought) -> str:
    """The outermost list that a cell stands in; a cell in none stands by itself."""
    if "*" not in one.leaf.path:
        return one.place
    return "/".join(one.place.split("/")[: one.leaf.path.index("*") + 1])
