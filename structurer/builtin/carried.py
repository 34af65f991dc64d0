"""Rows of a list that are no entries: balances carried over pages, subtotals and repeated heads, taken out for what they prove.

Such a row is poorer than entries are (it lacks a date or figure that almost all rows have), and each of its figures is known before it is
read: it is the running balance at that place, or the exact sum of a column since the list, the page or another such line began. What then
tells it from an entry with blank cells is one of these: it says what it is and nothing else; it stands where a page ends or begins; its
words come again in such rows only; the checks close without it. Where none does, the row stays, with a doubt.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Final, TypeVar

from structurer.builtin.balances import Ledger, Term, relation
from structurer.builtin.flowrows import MANY_SHARE, SAYS_MANY
from structurer.builtin.printedrows import PrintedRow, printed_rows
from structurer.contracts.schema import Group, Rows, Schema
from structurer.judging.confront import failures, lists_of
from structurer.judging.lostrows import COMMON, MIN_SUMMED
from structurer.judging.totalwords import begins_as_total, says_total
from structurer.layout import Layout
from structurer.record import Extraction, pointer

MIN_LOOSE: Final = 4  # rows, from which on one may lack what all others have
FAR: Final = 2  # columns that a row lacks, from which on its place at the edge of a page suffices
REACH: Final = 4  # rows, within which the next entry stands behind a balance brought forward
MAX_PASSES: Final = 8  # each puts rows back among the entries, which changes the sums behind them

REPEATS: Final = "the row only repeats a running figure: it may be carried forward, and no entry"
SUMS_UP: Final = "the row is the exact sum of rows before it: it may be a total, and no entry"
DIFFERS: Final = "the row says that it carries or sums up, but its figures do not show it"

_T = TypeVar("_T")


def without_carried(layout: Layout, schema: Schema, extraction: Extraction, heads: Iterable[int] = ()) -> Extraction:
    """The extraction without the rows of its lists that carry, sum up or repeat the heads; their print is explained, the rows behind them
    move up. `heads` are the offsets at which heads of tables begin. Lists without figures, in prose or inside rows stay as they are."""
    breaks = sorted({*heads, *_page_ends(layout)})
    for node in lists_of(schema.root):
        if "*" not in node.path and isinstance(node.row, Group) and not node.is_prose and extraction.rows.get(pointer(*node.path)):
            extraction = _thinned(layout, schema, extraction, node, breaks)
    return extraction


def _page_ends(layout: Layout) -> Iterator[int]:
    """Where a page begins, or its number is printed."""
    yield from (line.start for line in layout.lines if line.page_before)
    for start, end in layout.furniture:
        printed = layout.text[start:end]
        if any(map(str.isdigit, printed)) and not printed.startswith("<"):
            yield start


# -- taking out --------------------------------------------------------------------------------------------------------


def _thinned(layout: Layout, schema: Schema, extraction: Extraction, node: Rows, breaks: Sequence[int]) -> Extraction:
    place = pointer(*node.path)
    rows = printed_rows(layout, schema, extraction, node)
    if not any(row.figures for row in rows):
        return extraction
    out, doubts = _List(rows, breaks).verdict()
    if not out and not doubts:
        return extraction
    return _without(extraction, place, *_checked(schema, extraction, place, out, doubts))


def _checked(
    schema: Schema, extraction: Extraction, place: str, out: frozenset[int], doubts: Mapping[int, str]
) -> tuple[frozenset[int], Mapping[int, str]]:
    """What the checks make of it: no row goes that they need, and a doubtful sum goes if fewer of them fail without it."""
    if not schema.rules:
        return out, doubts
    before, after = failures(schema, extraction), failures(schema, _without(extraction, place, out, {}))
    if after > before:
        return frozenset(), {**doubts, **dict.fromkeys(out, SUMS_UP)}
    sums = frozenset(number for number, reason in doubts.items() if reason == SUMS_UP)
    if sums and failures(schema, _without(extraction, place, out | sums, {})) < after:
        return out | sums, {number: reason for number, reason in doubts.items() if number not in sums}
    return out, doubts


def _without(extraction: Extraction, place: str, out: frozenset[int], doubts: Mapping[int, str]) -> Extraction:
    """The extraction without the rows `out` of a list, and with `doubts` about others; both by number."""
    count = extraction.rows[place]
    stay = [number for number in range(count) if number not in out]
    moved = {str(number): str(index) for index, number in enumerate(stay)}
    reasons = dict(extraction.doubts)
    for number, reason in doubts.items():
        key = f"{place}/{number}"
        reasons[key] = tuple(dict.fromkeys((*reasons.get(key, ()), reason)))
    gone = {str(number) for number in out}
    printed = chain.from_iterable(extract.spans for key, extract in extraction.leaves.items() if _number(key, place) in gone)
    return replace(
        extraction,
        leaves=_moved(extraction.leaves, place, moved),
        rows={**_moved(extraction.rows, place, moved), place: len(stay)},
        doubts=_relieved(_moved(reasons, place, moved), place, len(stay)) if out else reasons,
        explained=tuple(sorted((*extraction.explained, *printed))),
    )


def _relieved(doubts: dict[str, tuple[str, ...]], place: str, count: int) -> dict[str, tuple[str, ...]]:
    """The doubts without the one that too many rows are doubtful, where the rows that are left are not."""
    doubtful = sum(key.startswith(f"{place}/") and key.count("/") == place.count("/") + 1 for key in doubts)
    if SAYS_MANY not in doubts.get(place, ()) or doubtful > count * MANY_SHARE:
        return doubts
    left = tuple(reason for reason in doubts[place] if reason != SAYS_MANY)
    return {key: reasons for key, reasons in {**doubts, place: left}.items() if reasons}


def _number(key: str, place: str) -> str | None:
    """The number of the row of a list that a pointer leads into, as printed."""
    return key[len(place) + 1 :].partition("/")[0] if key.startswith(place + "/") else None


def _moved(found: Mapping[str, _T], place: str, moved: Mapping[str, str]) -> dict[str, _T]:
    kept = {}
    for key, value in found.items():
        number = _number(key, place)
        if number is None:
            kept[key] = value
        elif number in moved:
            kept[f"{place}/{moved[number]}{key[len(place) + 1 + len(number) :]}"] = value
    return kept


# -- what rows prove ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Proof:
    """Why every figure of a row was known before: the running figures that it repeats, and how many rows at least its sums go over (0:
    there are none)."""

    repeats: tuple[int, ...]
    summed: int


class _List:
    """The rows of a list, and the offsets of the text where a page or a head begins."""

    def __init__(self, rows: Sequence[PrintedRow], breaks: Sequence[int]) -> None:
        self.rows, self.breaks = rows, breaks
        self.columns = frozenset(column for row in rows for column in row.figures)
        looks = Counter(row.look for row in rows)
        rich = [look for look, count in looks.items() if count * COMMON >= len(rows)]
        dated = sum(bool(row.dates) for row in rows) * 2 > len(rows)
        self.poor = frozenset(
            number
            for number, row in enumerate(rows)
            if (row.figures or row.stray) and not row.strange and ((dated and not row.dates) or any(row.look < look for look in rich))
        )

    def verdict(self) -> tuple[frozenset[int], dict[int, str]]:
        """The numbers of the rows that are no entries, and why others may be none."""
        heads = frozenset(number for number, row in enumerate(self.rows) if row.head)
        kept, doubts = frozenset[int](), dict[int, str]()
        for _ in range(MAX_PASSES):
            proofs = self._proofs(kept)
            lacking = self._lacking(proofs)
            judged = _Judged(self, {number: proof for number, proof in proofs.items() if lacking[number]}, lacking)
            back = proofs.keys() - judged.confirmed
            doubts |= {number: SUMS_UP if proofs[number].summed else REPEATS for number in back if judged.is_doubtful(number)}
            if not back:
                doubts |= dict.fromkeys(self._false(kept, lacking), DIFFERS)
                return heads | judged.confirmed, doubts
            kept |= back
        return heads, doubts | dict.fromkeys(self._proofs(frozenset()), SUMS_UP)

    def is_break(self, number: int) -> bool:
        """Whether a page or a head begins between a row and the one before it."""
        if not 0 < number < len(self.rows) or not self.rows[number - 1].end:
            return False
        at = bisect_left(self.breaks, self.rows[number - 1].end)
        return at < len(self.breaks) and self.breaks[at] <= self.rows[number].start

    @cached_property
    def running(self) -> dict[int, Term]:
        """The columns that say what others amount to so far, and which others."""
        shown = Counter(frozenset(row.figures) for row in self.rows)
        rich = [look for look, count in shown.items() if count * COMMON >= len(self.rows)]
        entries = [row for number, row in enumerate(self.rows) if number not in self.poor]
        figured = [row for row in self.rows if not any(row.figures.keys() < look for look in rich)]
        found = {column: self._term(column, (entries, figured, self.rows)) for column in self.columns}
        return {column: term for column, term in found.items() if term is not None}

    def _term(self, column: int, samples: Iterable[Sequence[PrintedRow]]) -> Term | None:
        return next(filter(None, (relation(rows, column, self.columns) for rows in samples)), None)

    def _proofs(self, kept: frozenset[int]) -> dict[int, _Proof]:
        """The poor rows with all their figures proved, if those `kept` are entries."""
        ledger = Ledger(self.running, self.columns)
        ledger.mark()
        found: dict[int, _Proof] = {}
        for number, row in enumerate(self.rows):
            if self.is_break(number):
                ledger.mark()
            proof = self._proof(number, ledger) if number in self.poor and number not in kept else None
            if proof is None:
                ledger.add(row)
                continue
            found[number] = proof
            ledger.standing |= {column: row.figures[column] for column in self.running.keys() & row.figures.keys()}
            ledger.mark()
        return found

    def _proof(self, number: int, ledger: Ledger) -> _Proof | None:
        row = self.rows[number]
        blank = self.columns - row.figures.keys()  # where positions are not kept, a figure may belong under another head
        blank -= self.running.keys() if row.dates else frozenset()  # but what is paid on a day may be all that was there
        printed = [(figure, blank | {column}) for column, figure in row.figures.items()] + [(figure, self.columns) for figure in row.stray]
        repeats, sums = list[int](), list[int]()
        for figure, columns in printed:
            if any(self._carries(number, column, figure, ledger) for column in columns & self.running.keys()):
                repeats.append(figure)
            elif most := max((ledger.summed(column, figure) for column in columns - self.running.keys()), default=0):
                sums.append(most)
            else:
                return None
        return _Proof(tuple(repeats), min(sums, default=0))

    def _carries(self, number: int, column: int, figure: int, ledger: Ledger) -> bool:
        """Whether a figure is what a running column stands at; where nothing is known before, or the row says so, whether the next entry
        goes on from it."""
        if column in ledger.standing and ledger.standing[column] == figure:
            return True
        if column in ledger.standing and not says_total(self.rows[number].words):
            return False
        behind = next((row for row in self.rows[number + 1 : number + 1 + REACH] if column in row.figures and len(row.figures) > 1), None)
        return behind is not None and self.running[column].fits(behind.figures[column] - figure, self.running[column].moves(behind))

    def _lacking(self, proofs: Mapping[int, _Proof]) -> dict[int, int]:
        """How many dates and figures each poor row lacks that almost all rows have which prove nothing."""
        looks = [row.look for number, row in enumerate(self.rows) if number not in proofs and row.look]
        few = max(len(looks) // COMMON, int(len(looks) >= MIN_LOOSE))
        have = Counter(column for look in looks for column in look)
        regular = {column for column, count in have.items() if count >= len(looks) - few}
        least = sorted(map(len, looks))[few] if few < len(looks) else 0
        own = {number: self.rows[number].look for number in self.poor}
        return {number: max(len(regular - look), least - len(look), 0) for number, look in own.items()}

    def _false(self, kept: frozenset[int], lacking: Mapping[int, int]) -> Iterator[int]:
        """Rows that claim to carry or to sum up, and prove nothing."""
        claiming = (number for number in self.poor - kept if lacking[number] and says_total(self.rows[number].words))
        proved = self._proofs(kept)
        return (number for number in claiming if number not in proved and not self.rows[number].dates)


# -- which of them are no entries --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows one behind the other that prove all their figures. `torn`: a page or head begins before, among or behind them; `outer`: they
    begin or end the list; `repeats`: how often they repeat which running figure."""

    torn: bool
    outer: bool
    repeats: Counter[int]


class _Judged:
    """Which of the rows that prove all their figures, and lack what almost all rows have, are no entries."""

    def __init__(self, rows: _List, proofs: Mapping[int, _Proof], lacking: Mapping[int, int]) -> None:
        self.rows, self.proofs, self.lacking = rows.rows, proofs, lacking
        self.runs = {number: run for numbers in _consecutive(proofs) for run in [_run(rows, proofs, numbers)] for number in numbers}
        entries = [row for number, row in enumerate(self.rows) if number not in proofs]
        self.worded = sum(bool(row.words) for row in entries) * COMMON >= len(entries) * (COMMON - 1)
        self.dated = sum(bool(row.dates) for row in entries) * COMMON >= len(entries) * (COMMON - 1)
        alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, row in enumerate(self.rows):
            alike[row.words].append(number)
        self.recurring = {words for words, numbers in alike.items() if words and self._is_recurring(numbers)}
        self.confirmed = frozenset(filter(self._is_confirmed, proofs))

    def is_doubtful(self, number: int) -> bool:
        """Whether a row that stays may be none; one that has a date, inside a page, without words for a total, is an entry."""
        row, run = self.rows[number], self.runs.get(number)
        return run is not None and (begins_as_total(row.words) or (row.sure and (run.torn or run.outer or not row.dates)))

    def _is_confirmed(self, number: int) -> bool:
        row, proof = self.rows[number], self.proofs[number]
        if says_total(row.words) or row.words in self.recurring:
            return True
        if row.dates or not row.sure:
            return False
        if begins_as_total(row.words) or (self.worded and not row.words):
            return bool(proof.repeats) or proof.summed >= MIN_SUMMED
        return self.lacking[number] >= FAR and self._is_placed(number)

    def _is_placed(self, number: int) -> bool:
        """Whether a row stands at the edge of a page, or repeats a balance at an end of the list or beside another that does. Few rows may
        add up to a figure by chance, and at the end of a list without dates an entry (a surcharge) may double all before it."""
        run, proof = self.runs[number], self.proofs[number]
        if not proof.repeats:
            return proof.summed >= MIN_SUMMED and (run.torn or (run.outer and self.dated))
        return run.torn or run.outer or any(run.repeats[figure] > 1 for figure in proof.repeats)

    def _is_recurring(self, numbers: Sequence[int]) -> bool:
        """Whether rows with the same words are several and all prove their figures, at the edges of pages or as sums of several rows."""
        if not all(number in self.proofs for number in numbers):
            return False
        sure = [number for number in numbers if self.rows[number].sure]
        edges = all(self.runs[number].torn or self.runs[number].outer for number in numbers)
        return len(sure) > 1 and (edges or sum(self.proofs[number].summed > 1 for number in sure) > 1)


def _consecutive(numbers: Iterable[int]) -> list[list[int]]:
    """Numbers in runs without gaps."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _run(rows: _List, proofs: Mapping[int, _Proof], numbers: Sequence[int]) -> _Run:
    first, last = numbers[0], numbers[-1]
    torn = any(rows.is_break(number) for number in range(first, last + 2))
    return _Run(torn, first == 0 or last == len(rows.rows) - 1, Counter(figure for number in numbers for figure in proofs[number].repeats))
