"""Rows of a list that are printed but were not read: what a reader lost among, before or behind the rows that it read.

A row leaves its print behind. How the print of a row looks is learnt from the rows that were read: which sort of token stands in which
place, line by line. Lines that look like that, from which no row was read, and with a date or figure that nothing accounts for, are a lost
row. Headings repeated on a page, notes and page numbers do not look like that; totals, and what is carried forward, lack a column, or say
what they are and add up.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, groupby
from typing import Final

from structurer.contracts.schema import Kind, Leaf, Node, Rows, Schema
from structurer.fold import fold
from structurer.judging.confront import lists_of
from structurer.judging.ledger import unclaimed
from structurer.judging.parse import parse
from structurer.layout import WIDE_GAP, Layout, Line, width
from structurer.record import Extract, Extraction, expanded, pointer

COMMON: Final = 20  # one row of so many may lack what all others have
SEEN: Final = 3  # rows of an odd look that make it a look of its own
SURE_DIGITS: Final = 3  # of a figure that is seldom printed again in the next row
FIGURE_WEIGHT: Final = 3  # of such a figure among the values that say where a row stands; of any other value 1
MIN_SUMMED: Final = 3  # rows that must add up to a figure before the sum alone says that it is a total
MAX_GROUPS: Final = 40  # totals before a line since which rows may add up to it
MAX_LINES: Final = 40  # of one row
MIN_ROWS: Final = 3  # lines of one look that are rows of a list of which no row was read

_MONTH: Final = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
    r"\.?"
)
_DATE: Final = (
    r"(?:(?:1[89]|2[01])\d{2}[-/]\d{1,2}(?:[-/]\d{1,2})?|\d{4}\.\d{1,2}\.\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}/\d{1,2}|\d{1,2}\.\d{1,2}\."
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:\d{4}\s?年\s?)?\d{1,2}\s?月(?:\s?\d{1,2}\s?[日号])?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?[ -]?{_MONTH}(?:,?[ -]?\d{{4}}|[ -]\d{{2}}(?![\d.,]))?|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?)"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?"
)
CELL_DATE: Final = re.compile(_DATE, re.IGNORECASE)
_TOKEN: Final = re.compile(rf"(?P<date>(?<!\S)(?=[\djfmasond]){_DATE}(?=[,;:]?(?:\s|$)))|\S+", re.IGNORECASE)
_UNIT: Final = r"(?:%|[Cc][Rr]|[Dd][Rr]|元|万元|亿元|千元|EUR|USD|GBP|CHF|JPY|CNY|RMB|[¥$€£])"
_MARK: Final = re.compile(_UNIT)
_FIGURE: Final = re.compile(rf"[-+(]{{0,2}}{_UNIT}?[-+]?(?P<digits>\d[\d,.']*)\)?[-+]?{_UNIT}?\)?")
_DECIMALS: Final = re.compile(r"\.\d+$|,\d{1,2}$")
_DASH: Final = re.compile(r"[-/\\]+|n/a", re.IGNORECASE)
LETTERS: Final = re.compile(r"[^\W\d_]+")
_TOTALS: Final = re.compile(  # words for what sums up or is carried on
    "(?:sub)?totals?|sum|balance|carried|brought|opening|closing|previous|(?:zwischen)?summe|gesamt(?:summe)?|übertrag|(?:end|anfangs)?saldo"
    "|saldovortrag|solde|suma"
)
_BESIDE: Final = re.compile(  # words that stand beside them and name no row
    "[bcf]|sub|sous|forward|down|page|of|the|this|for|to|from|at|on|in|per|month|period|day|year|week|end|start|final|overall|grand|net|amount"
    "|account|statement|general|report|seite|der|des|und|bis|vortrag|reporté|anterior|[cd]r|eur|usd|gbp|chf|jpy|cny|rmb"
)
_TOTALS_CJK: Final = re.compile("[总合小共累]计|结余|余额|[承过][前次]页?|[承转][上下]页|结转|总额")
_BESIDE_CJK: Final = re.compile("[本上下][页月期年]|[期年月页][初末]|以上|金额|人民币|元")

Place = tuple[int, str, int]  # line of a row, side it is counted from or "cell", number


class Sort(StrEnum):
    """What a token of a line is."""

    DATE = "date"
    DECIMAL = "figure with decimals"
    WHOLE = "whole figure"
    DASH = "dash"
    WORD = "word"


FIGURES: Final = frozenset({Sort.DECIMAL, Sort.WHOLE})


@dataclass(frozen=True, slots=True)
class Token:
    """A date, a figure, a dash or a word at text[start:end]; `col` is its cell where the line is one of a grid."""

    sort: Sort
    start: int
    end: int
    col: int


@dataclass(frozen=True, slots=True)
class Gap:
    """text[start:end] holds `rows` stretches that look like rows of the list at `pointer`, and no row was read from them."""

    pointer: str
    start: int
    end: int
    rows: int


def lost(layout: Layout, schema: Schema, extraction: Extraction, claims: Iterable[tuple[int, int]] = ()) -> tuple[Gap, ...]:
    """The stretches of the page that look like rows of a list but that no row was read from, in order. `extraction` knows its spans;
    `claims` are further stretches that are accounted for. Lists printed in prose are left out: their rows have no lines of their own."""
    page = _Page(layout, extraction, claims)
    lists = [_List(page, extraction, node) for node in lists_of(schema.root) if not _is_prose(node)]
    taken = frozenset(number for one in lists for block in one.blocks for number in block.lines)
    found = [(one.away(window), -order, window) for order, one in enumerate(lists) for window in one.lost(taken)]
    own: list[list[_Window]] = [[] for _ in lists]
    used: set[int] = set()
    for _, order, window in sorted(found, key=lambda entry: (*entry[:2], entry[2].first)):  # lines like rows of two lists: of the nearer
        if used.isdisjoint(window.lines):
            own[-order].append(window)
            used.update(window.lines)
    return tuple(sorted((gap for one, windows in zip(lists, own, strict=True) for gap in one.gaps(windows)), key=lambda gap: gap.start))


def tokens(folded: str, line: Line, base: int) -> tuple[Token, ...]:
    """The tokens of a line of a layout, in order; marks of currency by themselves are left out. `folded` is the layout's clean text,
    folded, and `base` its offset in the document."""
    if line.grid:
        cells = ((chunk, folded[chunk.start - base : chunk.end - base]) for chunk in line.chunks)
        found = [(Sort.DATE if CELL_DATE.fullmatch(cell) else _sort(cell), chunk.start, chunk.end, chunk.col) for chunk, cell in cells]
        return tuple(Token(sort, start, end, col) for sort, start, end, col in found if sort is not None)
    return tuple(Token(sort, start + base, end + base, 0) for sort, start, end in _sorts(folded, line.start - base, line.end - base))


def _sorts(text: str, start: int, end: int) -> Iterator[tuple[Sort, int, int]]:
    """The tokens of text[start:end] that white space parts."""
    for match in _TOKEN.finditer(text, start, end):
        sort = Sort.DATE if match["date"] else _sort(match[0])
        if sort is not None:
            yield sort, *match.span()


def placed(lines: Iterable[tuple[bool, Sequence[Token]]]) -> dict[Place, Token]:
    """The tokens of some lines (is it one of a grid, its tokens) by where they stand: in a grid by cell, else counted from the left before
    the words and from the right behind them, so that words more or less, or a figure among them, change nothing."""
    found: dict[Place, Token] = {}
    for number, (grid, line) in enumerate(lines):
        if grid:
            found.update(((number, "cell", token.col), token) for token in line)
            continue
        words = [at for at, token in enumerate(line) if _is_word(token)]
        lead = words[0] if words else next((at for at, token in enumerate(line) if token.sort is not Sort.DATE), len(line))
        tail = words[-1] + 1 if words else lead
        found.update(((number, "left", at), line[at]) for at in range(lead))
        found.update(((number, "right", len(line) - 1 - at), line[at]) for at in range(tail, len(line)))
        if words:
            found[number, "words", 0] = line[words[0]]
    return found


def _is_word(token: Token) -> bool:
    return token.sort is Sort.WORD


def _sort(text: str) -> Sort | None:
    figure = _FIGURE.fullmatch(text)
    if figure is None:
        return None if _MARK.fullmatch(text) else Sort.DASH if _DASH.fullmatch(text) else Sort.WORD
    return Sort.DECIMAL if _DECIMALS.search(figure["digits"]) else Sort.WHOLE


def weight(extract: Extract) -> int:
    """How much the place of a value says of where its row stands: a name or a date is often printed again in the next row."""
    text = fold(extract.text or "").strip()
    return FIGURE_WEIGHT if sum(map(str.isdigit, text)) >= SURE_DIGITS and _FIGURE.fullmatch(text) else 1


def _is_prose(node: Rows) -> bool:
    return bool(node.itemised or node.printed.section or node.printed.phrases or node.separator)


def _own_leaves(node: Node) -> Iterator[Leaf]:
    """The leaves of a list's rows that stand in no list below, merged cells left out: they stand on the lines of several rows."""
    if isinstance(node, Leaf):
        if not node.spans_rows:
            yield node
    elif not isinstance(node, Rows):
        for member in node.members:
            yield from _own_leaves(member)


# -- the page ----------------------------------------------------------------------------------------------------------


class _Page:
    """The lines of a layout as tokens, and which of these nothing accounts for."""

    def __init__(self, layout: Layout, extraction: Extraction, claims: Iterable[tuple[int, int]]) -> None:
        self.layout, self.lines, self.folded = layout, layout.lines, fold(layout.clean)
        spans = [(span, extract.text or "") for extract in extraction.leaves.values() for span in extract.spans]
        names = bytearray(len(layout.clean))  # a figure in a name is a word
        for start, end in (span for span, text in spans if any(sort is Sort.WORD for sort, _, _ in _sorts(fold(text), 0, len(text)))):
            first, last = max(start - layout.start, 0), min(end - layout.start, len(names))
            names[first:last] = b"\1" * max(last - first, 0)
        every = [tokens(self.folded, line, layout.start) for line in layout.lines]
        self.tokens = [[replace(one, sort=Sort.WORD) if names[one.start - layout.start] else one for one in line] for line in every]
        self.worded = [all(token.sort is Sort.WORD for token in line) for line in self.tokens]
        self.goes_on = [False, *(only and any(map(_is_word, before)) for only, before in zip(self.worded[1:], self.tokens, strict=False))]
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
        texts = (self._text(token).casefold() for token in self.tokens[number] if _is_word(token))
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


# -- what was read -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Block:
    """The lines that a row was read from, and those that its `values` stand on; `number` is its place among all rows of its kind, `list`
    the pointer of its list."""

    first: int
    last: int
    number: int
    list: str
    values: tuple[int, ...]

    @property
    def lines(self) -> range:
        return range(self.first, self.last + 1)

    def within(self, first: int, last: int) -> int:
        """How many of its values stand on these lines."""
        return bisect_right(self.values, last) - bisect_left(self.values, first)


@dataclass(frozen=True, slots=True)
class _Profile:
    """How rows of `size` lines (see `_Page.size`) look: which sorts stand where in nearly all, how many figures and tokens nearly all
    have, which lines have no words, and odd looks that are not rare. `edge`: the printed column in which nearly all end."""

    size: int
    grid: bool
    required: Mapping[Place, frozenset[Sort]]
    figures: int
    cells: int
    wordless: frozenset[int] = frozenset()
    odd: frozenset[frozenset[tuple[Place, Sort]]] = frozenset()
    edge: int | None = None

    @property
    def dated(self) -> bool:
        return any(sorts == {Sort.DATE} for sorts in self.required.values())

    @property
    def weak(self) -> bool:
        """Whether rows have but one date or figure, as many other lines have."""
        return self.figures + self.dated < 2

    def requires(self, place: Place) -> bool:
        """Whether nearly all rows have something there, lines counted from the last."""
        return (place[0] + self.size, *place[1:]) in self.required

    def half(self) -> _Profile | None:
        """How one row looks, where what was taken for a row is two that look alike."""
        size = self.size // 2
        upper = {place: sorts for place, sorts in self.required.items() if place[0] < size}
        lower = {(number - size, what, at): sorts for (number, what, at), sorts in self.required.items() if number >= size}
        if self.size % 2 or upper.keys() != lower.keys():
            return None
        wordless = frozenset(number for number in self.wordless if number + size in self.wordless)
        return _Profile(
            size, self.grid, {place: sorts | lower[place] for place, sorts in upper.items()}, self.figures // 2, self.cells // 2, wordless
        )

    def fits(self, found: Mapping[Place, Token], *, amid: bool = False) -> bool:
        """Whether lines look like that. In a grid a figure may stand in another column (debits, credits); `amid` the rows, anything may:
        rows are set awry."""
        look = {place: token.sort for place, token in found.items()}
        if frozenset(look.items()) in self.odd:
            return True
        if sum(sort in FIGURES for sort in look.values()) < self.figures:
            return False
        loose = self.grid and not self.weak
        if loose and amid:
            return len(look) >= self.cells and sum(sort is Sort.DATE for sort in look.values()) >= self.dated
        wordy = any(what == "words" and number in self.wordless for number, what, _ in look)
        lacking = [place for place, sorts in self.required.items() if look.get(place) not in sorts]
        return not wordy and all(self.required[place] & FIGURES and (loose or look.get(place) is Sort.DASH) for place in lacking)


@dataclass(frozen=True, slots=True)
class _Window:
    """Lines that look like a row."""

    first: int
    last: int
    profile: _Profile

    @property
    def lines(self) -> range:
        return range(self.first, self.last + 1)


class _List:
    """The rows of one list of the schema (of all lists of that path): the lines that they were read from, and how they look."""

    def __init__(self, page: _Page, extraction: Extraction, node: Rows) -> None:
        self.page, self.node, self.total = page, node, 0
        read = list(self._read(extraction))
        sizes = sorted(page.size(block.first, block.last) for block in read)
        reach = min(sizes[(len(sizes) - 1) * 9 // 10], MAX_LINES) if sizes else 1  # beyond it, a value was found elsewhere
        near = [block for block in read if page.size(block.first, block.last) <= reach and len(block.lines) <= MAX_LINES]
        self.firsts: list[int] = []
        self.profiles = self._profiles(near)
        taken = {line for block in near for line in block.lines}
        kept = {block.number for block in near}
        far = [self._whole(self._core(block, reach, taken), taken) for block in read if block.number not in kept]
        self.blocks = sorted(map(self._own, (*near, *far)), key=lambda block: (block.first, block.number))
        self.firsts = [block.first for block in self.blocks]
        self._known_sums: dict[Place, list[Fraction]] = {}
        self._airy = any(page.is_parted(block.first) for block in self.blocks[1:])
        self._wraps = any(block.values[0] < block.values[-1] for block in self.blocks)
        if not self.total and "*" not in node.path:
            self.profiles = list(self._expected())

    def _read(self, extraction: Extraction) -> Iterator[_Block]:
        """Every row that was found on the page, from its first value to its last."""
        tails = [pointer(*leaf.path[len(self.node.path) + 1 :]) for leaf in _own_leaves(self.node.row)]
        for number, place in enumerate(expanded((*self.node.path, "*"), extraction.rows)):
            self.total = number + 1
            values = [extract for tail in tails if (extract := extraction.leaves.get(place + tail)) is not None]
            at = sorted(line for extract in values for line in self.page.lines_of(extract) * weight(extract))
            if at:
                yield _Block(at[0], at[-1], number, place.rpartition("/")[0], tuple(at))

    def _core(self, block: _Block, reach: int, taken: set[int]) -> _Block:
        """A row on the lines where most of its values stand, as many as rows have; of equally many, where no other row stands."""
        ends = {line: min(self.page.last(line, reach), line + MAX_LINES - 1) for line in block.values}
        runs = [(line, block.values[bisect_right(block.values, end) - 1]) for line, end in ends.items()]
        first, last = max(runs, key=lambda run: (block.within(*run), -len(taken & set(range(run[0], run[1] + 1)))))
        return replace(block, first=first, last=last)

    def _whole(self, block: _Block, taken: set[int]) -> _Block:
        """A row with the lines beside it that belong to no other and make it look like a row."""
        for profile in self.profiles:
            for first in range(max(block.first - profile.size + 1, 0), block.first + 1):
                last = self.page.last(first, profile.size)
                beside = {*range(first, last + 1)} - {*block.lines}
                if block.last <= last < len(self.page.lines) and not beside & taken and profile.fits(self.page.placed(first, last)):
                    return replace(block, first=first, last=last)
        return block

    def _profiles(self, read: Sequence[_Block]) -> list[_Profile]:
        groups: dict[tuple[int, bool], list[_Block]] = defaultdict(list)
        for block in read:
            groups[self.page.size(block.first, block.last), self.page.lines[block.first].grid].append(block)
        least = max(len(read) / COMMON, min(len(read) - 1, 2))
        common = [(key, group) for key, group in sorted(groups.items()) if len(group) >= least]
        profiles = [self._profile(size, grid, group) for (size, grid), group in common]
        sizes = {profile.size for profile in profiles}
        halves = [half for profile in profiles if (half := profile.half()) is not None and half.size not in sizes]
        profiles = sorted([*halves, *profiles], key=lambda profile: profile.size)
        return [profile for profile in profiles if profile.dated or profile.figures]

    def _profile(self, size: int, grid: bool, group: Sequence[_Block]) -> _Profile:
        looks = [{place: token.sort for place, token in self.page.placed(block.first, block.last).items()} for block in group]
        sorts: dict[Place, list[Sort]] = defaultdict(list)
        for place, sort in (part for look in looks for part in look.items()):
            sorts[place].append(sort)
        few = (len(group) - 1) // COMMON
        required = {place: frozenset(some) for place, some in sorts.items() if len(some) >= len(group) - few}
        figures = sorted(sum(sort in FIGURES for sort in look.values()) for look in looks)[few]
        odd = frozenset(look for look, count in Counter(frozenset(look.items()) for look in looks).items() if count >= SEEN)
        spaced = all(self.page.is_spaced(block.last) for block in group)
        edge, count = Counter(self.page.edge(block.last) for block in group).most_common(1)[0]
        cells = sorted(map(len, looks))[few]
        wordless = frozenset(number for number in range(size) if (number, "words", 0) not in sorts)
        return _Profile(size, grid, required, figures, cells, wordless, odd, edge if spaced and count * 10 > len(group) * 9 else None)

    def _own(self, block: _Block) -> _Block:
        """A row on its own lines, where it reached into those of a neighbour because a value of it was found there."""
        parts = [found for found in self._windows(block.lines, frozenset()) if len(found.lines) < len(block.lines)]
        best = max(parts, key=lambda found: block.within(found.first, found.last), default=None)
        if best is None or not any(self.page.is_telling(number) for number in block.lines if number not in best.lines):
            return block  # what else it has are words
        most = 2 * block.within(best.first, best.last) > len(block.values)
        return replace(block, first=best.first, last=best.last) if most or len(parts) > 1 else block

    def _expected(self) -> Iterator[_Profile]:
        """How the rows look of a list of which none was read: as several unread lines that have its dates and figures."""
        kinds = [leaf.kind for leaf in _own_leaves(self.node.row)]
        dates, figures = kinds.count(Kind.DATE), sum(kind in (Kind.NUMBER, Kind.INTEGER, Kind.PERCENT) for kind in kinds)
        unread = [number for number in range(len(self.page.lines)) if self.page.is_left(number, number)]
        looks = Counter(
            (self.page.lines[number].grid, frozenset((place, token.sort) for place, token in self.page.placed(number, number).items()))
            for number in unread
        )
        for (grid, look), count in looks.items():
            sorts = [sort for _, sort in look]
            shown = sum(sort in FIGURES for sort in sorts)
            if count >= MIN_ROWS and dates + figures > 1 and sorts.count(Sort.DATE) >= dates and figures >= shown >= max(figures - 1, 1):
                yield _Profile(1, grid, {place: frozenset({sort}) for place, sort in look}, shown, len(look))

    # -- what was not --------------------------------------------------------------------------------------------------

    def lost(self, taken: frozenset[int]) -> list[_Window]:
        """The rows that were not read; no other list has the lines that are not `taken`. Where as many rows were read but not found on the
        page, these may stand there."""
        found = list(self._windows(range(len(self.page.lines)), taken, lost=True))
        if self.blocks and any(profile.weak for profile in self.profiles):
            first, last = self._zone(found, taken)
            found = [window for window in found if first <= window.first and window.last <= last]
        gaps: dict[int, list[_Window]] = defaultdict(list)
        for window in found:
            gaps[self.before(window)].append(window)
        return [window for gap, some in gaps.items() if len(some) > self._unfound(gap) for window in some]

    def gaps(self, windows: Iterable[_Window]) -> Iterator[Gap]:
        """Lost rows with no read row between them, as one stretch."""
        lines = self.page.lines
        for _, group in groupby(sorted(windows, key=lambda window: window.first), key=self.before):
            some = list(group)
            yield Gap(self.place(some[0]), lines[some[0].first].start, lines[some[-1].last].end, len(some))

    def before(self, window: _Window) -> int:
        """How many rows stand before some lines."""
        return bisect_left(self.firsts, window.first)

    def away(self, window: _Window) -> int:
        """How many lines away from its rows a lost row stands: 0 among them."""
        if not self.blocks:
            return len(self.page.lines)
        return max(self.firsts[0] - window.first, window.first - self.firsts[-1], 0)

    def place(self, window: _Window) -> str:
        """The pointer of the list that a lost row belongs to: that of the row before it."""
        return self.blocks[max(self.before(window) - 1, 0)].list if self.blocks else pointer(*self.node.path)

    def _windows(self, lines: range, taken: frozenset[int], *, lost: bool = False) -> Iterator[_Window]:
        """The lines that look like rows, one behind the other; `lost`: only what nothing accounts for and is no total."""
        number = lines.start
        while number < lines.stop:
            found = next((window for window in self._at(number, lines.stop, taken) if not lost or self._is_lost(window)), None)
            if found is not None:
                yield found
            number = number + 1 if found is None else found.last + 1

    def _at(self, number: int, stop: int, taken: frozenset[int]) -> Iterator[_Window]:
        for profile in self.profiles:
            last = self.page.last(number, profile.size)
            free = last < min(stop, number + MAX_LINES) and taken.isdisjoint(range(number, last + 1))
            amid = bool(self.firsts) and self.firsts[0] < number < self.firsts[-1]
            if free and self.page.lines[number].grid is profile.grid and profile.fits(self.page.placed(number, last), amid=amid):
                yield _Window(number, last, profile)

    def _is_lost(self, window: _Window) -> bool:
        edge = window.profile.edge if window.profile.weak else None
        aligned = edge is None or abs(self.page.edge(window.last) - edge) <= 1
        return aligned and self.page.is_left(window.first, window.last) and not self._is_total(window)

    def _unfound(self, gap: int) -> int:
        """How many rows were read, but not found on the page, between two that were."""
        before = self.blocks[gap - 1].number if gap else -1
        behind = self.blocks[gap].number if gap < len(self.blocks) else self.total
        return max(behind - before - 1, 0)

    def _zone(self, found: Sequence[_Window], taken: frozenset[int]) -> tuple[int, int]:
        """The first and last line where rows may stand that look like other print: among the rows that were read, and beside them with
        nothing between but what goes on over pages: headings that are repeated, totals, the rest of a row."""
        alike = {number for window in found for number in window.lines}
        totals = {number: one for one in self._windows(range(len(self.page.lines)), taken) if self._is_total(one) for number in one.lines}
        above, below = self.firsts[0] - 1, max(block.last for block in self.blocks) + 1
        size = len(self.page.lines)
        while (
            above >= 0
            and self._goes_on(above + 1, above, taken)
            and (above in alike or above in totals or self._is_passed(above, alike, up=True))
        ):
            above -= 1
        while below < size and self._goes_on(below, below, taken) and (below in alike or self._is_passed(below, alike, totals.get(below))):
            below += 1
        return above + 1, below - 1

    def _goes_on(self, number: int, new: int, taken: frozenset[int]) -> bool:
        """Whether no blank line parts a line from the one before, if none parts the rows, and no other list has the `new` one of them."""
        return new not in taken and (self._airy or not self.page.is_parted(number))

    def _is_passed(self, number: int, alike: Collection[int], total: _Window | None = None, *, up: bool = False) -> bool:
        """Whether rows may stand behind a line (before it, if `up`); behind a total only on the next page, or if it sums up a group."""
        if total is not None or self._is_like_total(number):
            group = total is not None and any(0 < count < self.before(total) for count in self._summed(total, named=True))
            return up or group or self._is_at_page_edge(number, alike)
        rest = self.page.goes_on[number] and (self._wraps or number + 1 in alike or number + 1 == self.firsts[0])
        return rest or self.page.is_repeated(number)

    def _is_at_page_edge(self, number: int, alike: Collection[int]) -> bool:
        """Whether no row stands on the page of a total before it, or none behind it though there are further pages."""
        page, behind = self.page.page_of(number)
        rows = range(self.firsts[0], self.blocks[-1].last + 1)
        if not any(line in alike or line in rows for line in range(number - 1, page - 1, -1)):
            return True
        return behind < len(self.page.lines) and not any(line in alike or line in rows for line in range(number + 1, behind))

    def _is_like_total(self, number: int) -> bool:
        return begins_as_total(self.page.words(number))

    # -- totals --------------------------------------------------------------------------------------------------------

    def _is_total(self, window: _Window) -> bool:
        """Whether lines that look like a row sum up the rows before them, or carry on their balance."""
        named = any(map(self._is_like_total, window.lines))
        summed = self._summed(window, named=named)
        if window.profile.dated:
            return named and (any(summed) or self._carries_on(window))
        if any(says_total(self.page.words(number)) for number in window.lines):
            return True
        return any(summed) if named else min(summed, default=0) >= MIN_SUMMED

    def _summed(self, window: _Window, *, named: bool) -> list[int]:
        """For each figure of some lines how many rows before it (of this page, since the last total, or all) add up to it. If the lines
        are not `named` a total, short figures are left out."""
        stop, page = self.before(window), bisect_left(self.firsts, self.page.page_of(window.first)[0])
        parted = bisect_left(self._parted, stop)
        starts = {0, page, *self._parted[max(parted - (MAX_GROUPS if named else 1), 0) : parted]}
        counts = []
        for place, figure in self.page.figures(window.first, window.last).items():
            if (window.profile.grid or window.profile.requires(place)) and (named or len(str(figure.numerator)) >= SURE_DIGITS):
                sums = self._sums(place)
                counts.append(max((stop - at for at in starts if at < stop and sums[stop] - sums[at] == figure), default=0))
        return counts

    def _carries_on(self, window: _Window) -> bool:
        """Whether a figure is that of the row before, or nothing was booked."""
        before = self.blocks[self.before(window) - 1] if self.before(window) else None
        known = self.page.figures(before.first, before.last) if before is not None else {}
        return any(not figure or known.get(place) == figure for place, figure in self.page.figures(window.first, window.last).items())

    def _sums(self, place: Place) -> list[Fraction]:
        """The sum of the figures in a place of the first rows, for every number of rows."""
        if place not in self._known_sums:
            figures = (row.get(place, Fraction()) for row in self._row_figures)
            self._known_sums[place] = list(accumulate(figures, initial=Fraction()))
        return self._known_sums[place]

    @cached_property
    def _row_figures(self) -> list[dict[Place, Fraction]]:
        return [self.page.figures(block.first, block.last) for block in self.blocks]

    @cached_property
    def _parted(self) -> list[int]:
        """The rows before which lines stand that look like a row, or like a total."""
        gaps = (range(self.blocks[row - 1].last + 1, self.blocks[row].first) for row in range(1, len(self.blocks)))
        return [row for row, gap in enumerate(gaps, 1) if any(self._parts(number, gap.stop) for number in gap)]

    def _parts(self, number: int, stop: int) -> bool:
        return self._is_like_total(number) or any(self._at(number, stop, frozenset()))


def _role(word: str) -> int:
    """2 for a word for a total, 1 for one that stands beside such, 0 for any other."""
    rest = _TOTALS_CJK.sub("", word)
    if _TOTALS.fullmatch(word) or (rest != word and not _BESIDE_CJK.sub("", rest)):
        return 2
    return int(bool(_BESIDE.fullmatch(word)) or not _BESIDE_CJK.sub("", word))


def says_total(words: Sequence[str]) -> bool:
    """Whether the words of a line say that it is a total, and nothing else."""
    roles = [_role(word) for word in words]
    return 2 in roles and 0 not in roles


def begins_as_total(words: Sequence[str]) -> bool:
    """Whether a line names a total before any word of its own."""
    roles = [_role(word) for word in words]
    return 2 in roles[: roles.index(0) if 0 in roles else len(roles)]
