"""Rows of a list that are printed but were not read: what a reader lost among, before or behind the rows that it read.

A row leaves its print behind. How the print of a row looks is learnt from the rows that were read: which sort of token stands in which
place, line by line. Lines that look like that, from which no row was read, and with a date or figure that nothing accounts for, are a lost
row. Headings repeated on a page, notes and page numbers do not look like that; totals, and what is carried forward, lack a column, or say
what they are and add up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, groupby
from typing import Final

from structurer.contracts.schema import Kind, Leaf, Node, Rows, Schema, own_leaves
from structurer.judging.confront import lists_of
from structurer.judging.linetokens import FIGURES, SURE_DIGITS, Place, Sort, weight
from structurer.judging.printedlines import PrintedLines
from structurer.judging.rowlooks import Block, Profile, Window
from structurer.judging.totalwords import begins_as_total, says_total
from structurer.layout import Layout
from structurer.record import Extraction, expanded, pointer

COMMON: Final = 20  # one row of so many may lack what all others have
SEEN: Final = 3  # rows of an odd look that make it a look of its own
MIN_SUMMED: Final = 3  # rows that must add up to a figure before the sum alone says that it is a total
MAX_GROUPS: Final = 40  # totals before a line since which rows may add up to it
MAX_LINES: Final = 40  # of one row
MIN_ROWS: Final = 3  # lines of one look that are rows of a list of which no row was read


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
    page = PrintedLines(layout, extraction, claims)
    lists = [_List(page, extraction, node) for node in lists_of(schema.root) if not node.is_prose]
    taken = frozenset(number for one in lists for block in one.blocks for number in block.lines)
    found = [(one.away(window), -order, window) for order, one in enumerate(lists) for window in one.lost(taken)]
    own: list[list[Window]] = [[] for _ in lists]
    used: set[int] = set()
    for _, order, window in sorted(found, key=lambda entry: (*entry[:2], entry[2].first)):  # lines like rows of two lists: of the nearer
        if used.isdisjoint(window.lines):
            own[-order].append(window)
            used.update(window.lines)
    return tuple(sorted((gap for one, windows in zip(lists, own, strict=True) for gap in one.gaps(windows)), key=lambda gap: gap.start))


def _lone_leaves(node: Node) -> Iterator[Leaf]:
    """The leaves of a row but for merged cells: those stand on the lines of several rows."""
    return (leaf for leaf in own_leaves(node) if not leaf.spans_rows)


class _List:
    """The rows of one list of the schema (of all lists of that path): the lines that they were read from, and how they look."""

    def __init__(self, page: PrintedLines, extraction: Extraction, node: Rows) -> None:
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

    def _read(self, extraction: Extraction) -> Iterator[Block]:
        """Every row that was found on the page, from its first value to its last."""
        tails = [pointer(*leaf.path[len(self.node.path) + 1 :]) for leaf in _lone_leaves(self.node.row)]
        for number, place in enumerate(expanded((*self.node.path, "*"), extraction.rows)):
            self.total = number + 1
            values = [extract for tail in tails if (extract := extraction.leaves.get(place + tail)) is not None]
            at = sorted(line for extract in values for line in self.page.lines_of(extract) * weight(extract))
            if at:
                yield Block(at[0], at[-1], number, place.rpartition("/")[0], tuple(at))

    def _core(self, block: Block, reach: int, taken: set[int]) -> Block:
        """A row on the lines where most of its values stand, as many as rows have; of equally many, where no other row stands."""
        ends = {line: min(self.page.last(line, reach), line + MAX_LINES - 1) for line in block.values}
        runs = [(line, block.values[bisect_right(block.values, end) - 1]) for line, end in ends.items()]
        first, last = max(runs, key=lambda run: (block.within(*run), -len(taken & set(range(run[0], run[1] + 1)))))
        return replace(block, first=first, last=last)

    def _whole(self, block: Block, taken: set[int]) -> Block:
        """A row with the lines beside it that belong to no other and make it look like a row."""
        for profile in self.profiles:
            for first in range(max(block.first - profile.size + 1, 0), block.first + 1):
                last = self.page.last(first, profile.size)
                beside = {*range(first, last + 1)} - {*block.lines}
                if block.last <= last < len(self.page.lines) and not beside & taken and profile.fits(self.page.placed(first, last)):
                    return replace(block, first=first, last=last)
        return block

    def _profiles(self, read: Sequence[Block]) -> list[Profile]:
        groups: dict[tuple[int, bool], list[Block]] = defaultdict(list)
        for block in read:
            groups[self.page.size(block.first, block.last), self.page.lines[block.first].grid].append(block)
        least = max(len(read) / COMMON, min(len(read) - 1, 2))
        common = [(key, group) for key, group in sorted(groups.items()) if len(group) >= least]
        profiles = [self._profile(size, grid, group) for (size, grid), group in common]
        sizes = {profile.size for profile in profiles}
        halves = [half for profile in profiles if (half := profile.half()) is not None and half.size not in sizes]
        profiles = sorted([*halves, *profiles], key=lambda profile: profile.size)
        return [profile for profile in profiles if profile.dated or profile.figures]

    def _profile(self, size: int, grid: bool, group: Sequence[Block]) -> Profile:
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
        return Profile(size, grid, required, figures, cells, wordless, odd, edge if spaced and count * 10 > len(group) * 9 else None)

    def _own(self, block: Block) -> Block:
        """A row on its own lines, where it reached into those of a neighbour because a value of it was found there."""
        parts = [found for found in self._windows(block.lines, frozenset()) if len(found.lines) < len(block.lines)]
        best = max(parts, key=lambda found: block.within(found.first, found.last), default=None)
        if best is None or not any(self.page.is_telling(number) for number in block.lines if number not in best.lines):
            return block  # what else it has are words
        most = 2 * block.within(best.first, best.last) > len(block.values)
        return replace(block, first=best.first, last=best.last) if most or len(parts) > 1 else block

    def _expected(self) -> Iterator[Profile]:
        """How the rows look of a list of which none was read: as several unread lines that have its dates and figures."""
        kinds = [leaf.kind for leaf in _lone_leaves(self.node.row)]
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
                yield Profile(1, grid, {place: frozenset({sort}) for place, sort in look}, shown, len(look))

    # -- what was not --------------------------------------------------------------------------------------------------

    def lost(self, taken: frozenset[int]) -> list[Window]:
        """The rows that were not read; no other list has the lines that are not `taken`. Where as many rows were read but not found on the
        page, these may stand there."""
        found = list(self._windows(range(len(self.page.lines)), taken, lost=True))
        if self.blocks and any(profile.weak for profile in self.profiles):
            first, last = self._zone(found, taken)
            found = [window for window in found if first <= window.first and window.last <= last]
        gaps: dict[int, list[Window]] = defaultdict(list)
        for window in found:
            gaps[self.before(window)].append(window)
        return [window for gap, some in gaps.items() if len(some) > self._unfound(gap) for window in some]

    def gaps(self, windows: Iterable[Window]) -> Iterator[Gap]:
        """Lost rows with no read row between them, as one stretch."""
        lines = self.page.lines
        for _, group in groupby(sorted(windows, key=lambda window: window.first), key=self.before):
            some = list(group)
            yield Gap(self.place(some[0]), lines[some[0].first].start, lines[some[-1].last].end, len(some))

    def before(self, window: Window) -> int:
        """How many rows stand before some lines."""
        return bisect_left(self.firsts, window.first)

    def away(self, window: Window) -> int:
        """How many lines away from its rows a lost row stands: 0 among them."""
        if not self.blocks:
            return len(self.page.lines)
        return max(self.firsts[0] - window.first, window.first - self.firsts[-1], 0)

    def place(self, window: Window) -> str:
        """The pointer of the list that a lost row belongs to: that of the row before it."""
        return self.blocks[max(self.before(window) - 1, 0)].list if self.blocks else pointer(*self.node.path)

    def _windows(self, lines: range, taken: frozenset[int], *, lost: bool = False) -> Iterator[Window]:
        """The lines that look like rows, one behind the other; `lost`: only what nothing accounts for and is no total."""
        number = lines.start
        while number < lines.stop:
            found = next((window for window in self._at(number, lines.stop, taken) if not lost or self._is_lost(window)), None)
            if found is not None:
                yield found
            number = number + 1 if found is None else found.last + 1

    def _at(self, number: int, stop: int, taken: frozenset[int]) -> Iterator[Window]:
        for profile in self.profiles:
            last = self.page.last(number, profile.size)
            free = last < min(stop, number + MAX_LINES) and taken.isdisjoint(range(number, last + 1))
            amid = bool(self.firsts) and self.firsts[0] < number < self.firsts[-1]
            if free and self.page.lines[number].grid is profile.grid and profile.fits(self.page.placed(number, last), amid=amid):
                yield Window(number, last, profile)

    def _is_lost(self, window: Window) -> bool:
        edge = window.profile.edge if window.profile.weak else None
        aligned = edge is None or abs(self.page.edge(window.last) - edge) <= 1
        return aligned and self.page.is_left(window.first, window.last) and not self._is_total(window)

    def _unfound(self, gap: int) -> int:
        """How many rows were read, but not found on the page, between two that were."""
        before = self.blocks[gap - 1].number if gap else -1
        behind = self.blocks[gap].number if gap < len(self.blocks) else self.total
        return max(behind - before - 1, 0)

    def _zone(self, found: Sequence[Window], taken: frozenset[int]) -> tuple[int, int]:
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

    def _is_passed(self, number: int, alike: Collection[int], total: Window | None = None, *, up: bool = False) -> bool:
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

    def _is_total(self, window: Window) -> bool:
        """Whether lines that look like a row sum up the rows before them, or carry on their balance."""
        named = any(map(self._is_like_total, window.lines))
        summed = self._summed(window, named=named)
        if window.profile.dated:
            return named and (any(summed) or self._carries_on(window))
        if any(says_total(self.page.words(number)) for number in window.lines):
            return True
        return any(summed) if named else min(summed, default=0) >= MIN_SUMMED

    def _summed(self, window: Window, *, named: bool) -> list[int]:
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

    def _carries_on(self, window: Window) -> bool:
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
