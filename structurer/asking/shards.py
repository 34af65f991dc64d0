"""A long segment in shards: cut at line ends, with the head repeated.

Shards overlap by a few rows, so that a row broken over lines is whole in one of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structurer.errors import UsageError
from structurer.fold import fold
from structurer.judging.linetokens import FIGURES, Sort, Token, tokens
from structurer.layout import Layout, Shown
from structurer.record import Extraction, Match

OVERLAP: Final = 3  # rows that a shard shares with the one before
BESIDE: Final = 1  # lines before and behind a stretch that is shown alone
MIN_LINES: Final = 8  # of a shard that is halved
MAX_HEAD_LINES: Final = 40
HEAD_SHARE: Final = 3  # a head fills at most one part in so many of a shard
OVERLAP_SHARE: Final = 4  # ... as does what it shares with the one before
NEAR_SHARE: Final = 4  # ... and what is given up for a cut at a page break or a blank line
MAX_PERIOD: Final = 12  # lines of one row, one cell a line
MIN_ALIKE: Final = 4  # lines of one look that make a list
LIST_SHARE: Final = 5  # ... if one in so many of the figures' lines between the first and the last has that look
MAX_REST: Final = 2  # lines of words that one cell may take more than another
COMMON_SHARE: Final = 10  # one line in so many of a list that looks alike makes a look of its rows
LEFT_OUT: Final = "[...]"  # stands for the lines between the head and the shard

_LINE_END: Final = re.compile(r"[\n\f]")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shard:
    """text[start:end], shown with the `head` of its list, a stretch that stands before it (None: there is none, or it has its own)."""

    start: int
    end: int
    head: Span | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """The reading of a shard: leaves that were found on the page have spans; `matches` and `placed` as `ground` gives them."""

    shard: Shard
    extraction: Extraction
    matches: Mapping[str, Match]
    placed: frozenset[str] = frozenset()


# -- cutting -----------------------------------------------------------------------------------------------------------


def cut(text: str, start: int, end: int, most: int, overlap: int = OVERLAP) -> tuple[Shard, ...]:
    """text[start:end] in shards of at most `most` characters, head included, cut at line ends, best at a page break or a blank line.

    Each shard shares `overlap` rows with the one before. A line that is longer is a shard by itself. Raises UsageError if `most` is none.
    """
    if most < 1:
        raise UsageError(f"a shard holds at least 1 character, not {most}", remedy="raise the limit of characters asked for at once")
    if end - start <= most:
        return (Shard(start, end),)
    lists = _Lists(text, start, end)
    bounds = _bounds(text, start, end)
    shards: list[Shard] = []
    first = done = 0
    while done < len(bounds) - 1:
        head = lists.head(bounds[first], most)
        room = most - (head[1] - head[0] + len(LEFT_OUT) + 2 if head else 0)
        last = max(bisect_right(bounds, bounds[first] + room) - 1, done + 1)
        done = last if last == len(bounds) - 1 else _best_cut(text, bounds, max(first, done), last, room // NEAR_SHARE)
        shards.append(Shard(bounds[first], bounds[done], head))
        first = done
        while done < len(bounds) - 1 and _may_share(bounds, first - 1, done, shards[-1].start, room, overlap * lists.period):
            first -= 1
    return tuple(shards)


def words(shown: Shown, shard: Shard) -> str:
    """What a model is shown of a shard: its head, a line that says that lines are left out, its own lines."""
    own = shown.of(shard.start, shard.end)
    if shard.head is None:
        return own
    head = shown.of(*shard.head)
    return head + own if shard.head[1] >= shard.start else f"{head.rstrip()}\n{LEFT_OUT}\n{own}"


def halves(text: str, shard: Shard) -> tuple[Shard, ...]:
    """The shard as two that overlap, each with its head; none if it has not lines enough."""
    lists, head, bounds = _without_head(text, shard)
    inked = [number for number in range(len(bounds) - 1) if text[bounds[number] : bounds[number + 1]].strip()]
    if len(inked) < MIN_LINES:
        return ()
    middle = inked[len(inked) // 2]
    at = _best_cut(text, bounds, inked[len(inked) // 4], middle, (bounds[middle] - bounds[0]) // NEAR_SHARE)
    shared = inked[max(bisect_left(inked, at) - min(OVERLAP * lists.period, len(inked) // 8), 0)]
    return Shard(shard.start, bounds[at], shard.head), Shard(bounds[shared], shard.end, head)


def about(text: str, shard: Shard, start: int, end: int) -> Shard:
    """The lines of a shard that hold text[start:end] and those next to them, for asking what stands there alone."""
    _, head, bounds = _without_head(text, shard)
    first = max(bisect_right(bounds, start) - 1 - BESIDE, 0)
    last = min(max(bisect_left(bounds, end), first + 1) + BESIDE, len(bounds) - 1)
    return Shard(bounds[first], bounds[last], head)


def _without_head(text: str, shard: Shard) -> tuple[_Lists, Span | None, list[int]]:
    """The lists of a shard, its head, and the bounds of its lines without those of the head."""
    lists = _Lists(text, shard.start, shard.end)
    head = shard.head or lists.head(shard.end, shard.end - shard.start)
    return lists, head, _bounds(text, head[1] if head is not None and shard.head is None else shard.start, shard.end)


def _bounds(text: str, start: int, end: int) -> list[int]:
    """Where each line begins, and the end of the last."""
    found = [start, *(match.end() for match in _LINE_END.finditer(text, start, end))]
    return found if found[-1] == end else [*found, end]


def _best_cut(text: str, bounds: Sequence[int], least: int, most: int, near: int) -> int:
    """The last bound of lines behind a page break, else behind a blank line, that is near `most` and beyond `least`; else `most`."""
    candidates = [at for at in range(most, least, -1) if bounds[most] - bounds[at] <= near]
    pages = (at for at in candidates if text[bounds[at] - 1] == "\f")
    blanks = (at for at in candidates if not text[bounds[at - 1] : bounds[at]].strip())
    return next(pages, next(blanks, most))


def _may_share(bounds: Sequence[int], line: int, done: int, start: int, room: int, lines: int) -> bool:
    """Whether a shard may begin with a line of the one before, which began at `start`: it must still go beyond that one."""
    return (
        line > 0
        and done - line <= lines
        and bounds[line] > start
        and bounds[done] - bounds[line] <= room // OVERLAP_SHARE
        and bounds[done + 1] - bounds[line] <= room
    )


_Look = tuple[str, int]  # sort of the first token of a line; how many dates and figures stand behind its last word


class _Lists:
    """The lists of a text by how their lines look, and the head of each: the lines above its first row.

    A line looks like another if it begins with the same sort of token and has as many figures behind its words; where rows are set one
    cell a line, so many lines (`period`) are one row.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        layout = Layout(text, start, end)
        folded = fold(layout.clean)
        self.start, self.lines = start, layout.lines
        lines = [tokens(folded, line, start) for line in layout.lines]
        decimals = sum(any(token.sort is Sort.DECIMAL for token in line) for line in lines)
        exact = decimals * 3 > sum(any(token.sort in FIGURES for token in line) for line in lines)
        self.looks = [_look(line, folded, start, exact=exact) for line in lines]
        self.period = _period(self.looks)
        self.rows = [_row_look(self.looks, at, self.period) for at in range(len(self.looks))]
        self.lists = _stretches(self.rows)
        self._first_rows: dict[int, int] = {}  # of each list, by the line behind the one before

    def head(self, before: int, most: int) -> Span | None:
        """The head of the list that a shard beginning at `before` is amid; no more of it than fills a part of `most` characters."""
        above = [(first, last) for first, last in self.lists if self._line_start(first) <= before]
        if not above:
            return None
        behind = above[-2][1] + 2 * self.period if len(above) > 1 else 0
        if behind not in self._first_rows:
            self._first_rows[behind] = self._first_row(behind, *above[-1])
        first = self._first_rows[behind]
        begin = end = self._line_start(first)
        for at in range(first - 1, max(first - 1 - MAX_HEAD_LINES, behind - 1), -1):
            if end - self._line_start(at) > most // HEAD_SHARE:
                break
            begin = self._line_start(at)
        return (begin, min(end, before)) if begin < end else None

    def _line_start(self, at: int) -> int:
        return self.lines[at].start if at else self.start

    def _first_row(self, behind: int, first: int, last: int) -> int:
        """The first line that looks as many of a list's lines do: no row may stand in the head, from which it would be read again."""
        if self.period > 1:
            return self._first_cell(behind, first)
        counts = Counter(row[0] for row in self.rows[first : last + 1] if row is not None)
        alike = [counts[look] * COMMON_SHARE >= last + 1 - first for look in self.looks]
        amid = [at for at in range(behind + 1, last) if alike[at - 1] and not self.looks[at][1] and alike[at + 1]]  # rests of rows?
        least = amid[0] + 1 if len(amid) == 1 and amid[0] < first else behind
        return next((at for at in range(least, first) if alike[at]), first)

    def _first_cell(self, behind: int, first: int) -> int:
        """The first line of which on the looks of a row's lines follow each other, lines of words more or less."""
        row, at = self.looks[first : first + self.period], first
        for wanted in (row[-number % self.period] for number in range(1, first + 1)):
            words = next((skip for skip in range(MAX_REST + 1) if at - skip <= behind or self.looks[at - skip - 1] == wanted), MAX_REST + 1)
            if at - words <= behind or words > MAX_REST or any(tail for _, tail in self.looks[at - words : at]):
                break
            at -= words + 1
        return at


def _look(line: Sequence[Token], folded: str, base: int, *, exact: bool) -> _Look:
    """How a line looks; words alone where a colon says that what follows is no row. `exact`: figures have decimals, so that one without
    them behind words belongs to these."""
    sorts = [token.sort for token in line]
    words = [at for at, sort in enumerate(sorts) if sort is Sort.WORD]
    if not sorts or any(folded[line[at].end - base - 1] == ":" for at in words):
        return Sort.WORD.value, 0
    tail = sorts[words[-1] + 1 :] if words else sorts
    return "figure" if sorts[0] in FIGURES else sorts[0].value, sum(not (exact and words and sort is Sort.WHOLE) for sort in tail)


def _row_look(looks: Sequence[_Look], at: int, period: int) -> tuple[_Look, ...] | None:
    """The look of so many lines, wherever in a row they begin; None if no row follows that looks alike, or if they are words alone."""
    row = tuple(looks[at : at + period])
    if row != tuple(looks[at + period : at + 2 * period]) or not any(tail for _, tail in row):
        return None
    return min(row[turn:] + row[:turn] for turn in range(period))


def _period(looks: Sequence[_Look]) -> int:
    """How many lines a row takes: the least number of lines after which dates and figures come again."""
    telling = [at for at, (_, tail) in enumerate(looks) if tail]
    counts = [sum(at + period < len(looks) and looks[at] == looks[at + period] for at in telling) for period in range(1, MAX_PERIOD + 1)]
    return next(period for period, count in enumerate(counts, 1) if count * 10 >= max(counts) * 9)


def _stretches(looks: Sequence[tuple[_Look, ...] | None]) -> list[Span]:
    """The first and last line of each list. Looks that come often in the same stretch are rows of one list."""
    places: dict[tuple[_Look, ...], list[int]] = defaultdict(list)
    for at, look in enumerate(looks):
        if look is not None:
            places[look].append(at)
    every = sorted(at for some in places.values() for at in some)
    found: list[tuple[int, int, int, int]] = []  # first and last line, rows of the look that comes most often, its first line
    for some in sorted(places.values()):
        among = bisect_right(every, some[-1]) - bisect_left(every, some[0])
        if len(some) < MIN_ALIKE or len(some) * LIST_SHARE < among:
            continue
        first, last, most, top = some[0], some[-1], len(some), some[0]
        if found and first <= found[-1][1]:
            before = found.pop()
            first, last = before[0], max(last, before[1])
            most, top = max((most, top), before[2:], key=lambda one: one[0])
        found.append((first, last, most, top))
    return [(top, last) for _, last, _, top in found]
