"""A record before it is judged, and what the page says of each of its values: whether it stands there, where it belongs, and what the page
prints that no value claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from structurer.contracts.schema import Leaf, Schema
from structurer.document import SURE, Span
from structurer.fold import fold
from structurer.judging.confront import Figures, unit_of
from structurer.judging.ledger import figures_left
from structurer.judging.parse import UNITS, parse
from structurer.judging.prints import prints_of
from structurer.judging.suspects import Evidence, Form, Support
from structurer.judging.windows import Windows
from structurer.layout import Layout
from structurer.localisation.reconcile import Feasible
from structurer.record import Checked, Match, Value

ABOUT = 16  # characters beside a figure in which a word may make it approximate
# 约 and 近 are words by themselves only where no other character makes a word with them (节约, 合约, 最近).
_ABOUT = (
    r"(?:(?:(?<![\u4e00-\u9fff])|(?<=[大为计共需额金费用达]))约|(?:(?<![\u4e00-\u9fff])|(?<=将))近|≈|~"
    r"|\b(?:about|approx(?:imately|\.)?|circa|ca\.|around|nearly))[ ]*[¥$€£]?[ ]*"
)
_ABOUT_BEFORE, _ABOUT_WITHIN = re.compile(_ABOUT + "$", re.IGNORECASE), re.compile(_ABOUT + r"\d", re.IGNORECASE)
_ABOUT_BEHIND = re.compile(
    r"[ ]*(?:亿元|万元|千元|元|个|人|%)?[ ]*(?:(?:左右|上下)(?![\u4e00-\u9fff])|(?:左右|上下)(?=的)|or so\b)", re.IGNORECASE
)
_UNIT_BEHIND = re.compile(r"[ \t\u3000]*(" + "|".join(name for name in UNITS if len(name) > 1 or name == "元") + ")")
_NEXT_LINE = re.compile(r"[ ]*\n[ ]*")
_ENDS_CELL = re.compile(r"[ ]*(?:[\n\t\f]|$)")


@dataclass(frozen=True, slots=True)
class Loose:
    """A figure of the page that no value claims: as printed, with its offsets into the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Pending:
    """A record before it is judged.

    layout: its page (None: there is none to ask). placed: the values that stand where the order of the record puts them (None: the reader
    took every value from its place). explained: stretches of the text that are no values. locate: gives a stretch its page and box.
    confirmed: the values that a person has seen, which are never doubted. seconds: what a recogniser saw in their place when it looked
    again. about: those printed as approximate, where that is known. longer:
    the lists of which another reading has more rows.
    """

    schema: Schema
    values: Mapping[str, tuple[Leaf, Value]]
    figures: Figures
    checks: tuple[Checked, ...]
    layout: Layout | None = None
    placed: frozenset[str] | None = None
    explained: tuple[tuple[int, int], ...] = ()
    locate: Callable[[int, int], tuple[Span, ...]] = lambda start, end: (Span(start, end),)
    confirmed: frozenset[str] = frozenset()
    about: frozenset[str] | None = None
    longer: frozenset[str] = frozenset()
    seconds: Mapping[str, tuple[Loose, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> Mapping[str, int]:
        return self.figures.facts.rows

    @property
    def claims(self) -> list[tuple[int, int]]:
        """The stretches of the text that values stand for."""
        return [(span.start, span.end) for _, value in self.values.values() for span in value.spans]

    @cached_property
    def loose(self) -> tuple[Loose, ...]:
        """The figures of the page that are neither claimed nor explained."""
        if self.layout is None:
            return ()
        return tuple(Loose(*found) for found in figures_left(self.layout, [*self.claims, *self.explained]))

    @cached_property
    def approximate(self) -> frozenset[str]:
        """The figures that are printed as approximate: "约3", "about 3", "3左右"."""
        if self.about is not None:
            return self.about
        return frozenset(place for place, (leaf, _) in self.values.items() if leaf.kind.numeric and self.is_about(place))

    def is_about(self, place: str) -> bool:
        """Whether a word beside a figure, or before it in its text, makes it approximate."""
        value = self.values[place][1]
        if self.layout is None or not value.spans:
            return bool(value.text and _ABOUT_WITHIN.match(fold(value.text.strip())))
        start, end = value.spans[0].start - self.layout.start, value.spans[-1].end - self.layout.start
        before, behind = fold(self.layout.clean[max(start - ABOUT, 0) : start]), fold(self.layout.clean[end : end + ABOUT])
        return bool(_ABOUT_BEFORE.search(before) or _ABOUT_BEHIND.match(behind))

    @cached_property
    def form(self) -> Form:
        """The record and its evidence, as the localisation of errors sees it."""
        return Form(self.schema, self.figures, evidence_of(self))

    @cached_property
    def windows(self) -> Windows:
        """Where the print of each cell would stand."""
        page, start = (self.layout.clean, self.layout.start) if self.layout is not None else ("", 0)
        return Windows(self.values, {place for place in self.values if self.is_placed(place)}, page, start)

    def is_placed(self, place: str) -> bool:
        """Whether a value stands where it belongs."""
        return self.placed is None or place in self.placed

    def prints(self, place: str, leaf: Leaf, scale: int, wanted: Feasible) -> int:
        """How many unclaimed figures may be the print of a blank cell, or of a cell of a row that this list has lost."""
        here = self.loose_at(place) if place in self.values else self._from(place)
        return sum(fits(figure.text, leaf, scale, wanted) for figure in here)

    def _from(self, place: str) -> tuple[Loose, ...]:
        """The unclaimed figures among the rows of a list and behind them."""
        starts = [value.spans[0].start for cell, (_, value) in self.values.items() if value.spans and cell.startswith(place + "/")]
        return tuple(figure for figure in self.loose if figure.start >= min(starts, default=0))

    @cached_property
    def other_units(self) -> Mapping[str, Loose]:
        """The units that the page prints right behind figures, where the record has them in another unit: by the pointer of the unit."""
        found: dict[str, Loose] = {}
        borne_out = set()
        for place, (leaf, value) in self.values.items():
            source = unit_of(place, leaf)
            if (
                source is not None
                and source in self.values
                and value.spans
                and self.layout is not None
                and self.figures.parsed[place].scale is None
            ):
                offset = self.layout.start
                printed = _UNIT_BEHIND.match(self.layout.clean, value.spans[-1].end - offset)
                if printed is not None and UNITS[printed[1]] != self.figures.scales[place]:
                    found.setdefault(source, Loose(printed[1], printed.start(1) + offset, printed.end(1) + offset))
                elif printed is not None:
                    borne_out.add(source)
        return {source: unit for source, unit in found.items() if source not in borne_out and source not in self.confirmed}

    def left_in(self, place: str) -> tuple[Loose, ...]:
        """The unclaimed figures from the first row of a list to the value behind the last, where they are as many as a row of it prints, or
        another reading has more rows: rows may have been lost."""
        inside = [value for cell, (leaf, value) in self.values.items() if leaf.kind.numeric and cell.startswith(place + "/") and value.text]
        if not inside or not self.loose:
            return ()
        low = min((value.spans[0].start for value in inside if value.spans), default=0)
        last = max((value.spans[-1].end for value in inside if value.spans), default=0)
        behind = [value.spans[0].start for cell, (_, value) in self.values.items() if value.spans and not cell.startswith(place + "/")]
        high = min((start for start in behind if start >= last), default=None)
        left = tuple(one for one in self.loose if low <= one.start and (high is None or one.end <= high))
        return left if place in self.longer or len(left) >= max(len(inside) // self.rows[place], 1) else ()

    def unclaimed(self, place: str, text: str) -> Loose | None:
        """The first print of a text where a cell belongs that no other value claims, also one that is broken over lines."""
        leaf, own = self.values[place][0], {(span.start, span.end) for span in self.values[place][1].spans}
        taken = [claim for claim in (*self.claims, *self.explained) if claim not in own]
        low, high = self.windows.of(place)
        for start, end in prints_of(self.layout, leaf, text) if self.layout is not None else ():
            here = low <= start and end <= high and self.windows.in_order(place, start)
            if here and not any(first < end and start < last for first, last in taken):
                return Loose("".join(self._text(start, end).split()), start, end)
        return None

    def _text(self, start: int, end: int) -> str:
        assert self.layout is not None
        return self.layout.clean[start - self.layout.start : end - self.layout.start]

    def joined_at(self, place: str) -> tuple[Loose, ...]:
        """What the print of a figure makes with an unclaimed one that ends the line before, or begins the next and fills its cell: a figure
        that was broken in two, of which a reader saw one piece."""
        leaf, value = self.values[place]
        if self.layout is None or not leaf.kind.numeric or len(value.spans) != 1:
            return ()
        (span,) = value.spans
        cuts = [(span.start, span.end, figure.start, figure.end) for figure in self._beginning.get(span.end, ())]
        cuts += [(figure.start, figure.end, span.start, span.end) for figure in self._ending.get(span.start, ())]
        joined = [Loose(self._text(*cut[:2]) + self._text(*cut[2:]), cut[0], cut[3]) for cut in cuts if self._ends_cell(cut[3])]
        return tuple(one for one in joined if parse(one.text, leaf.kind, leaf.choices).number is not None)

    def _ends_cell(self, position: int) -> bool:
        assert self.layout is not None
        return _ENDS_CELL.match(self.layout.clean, position - self.layout.start) is not None

    @cached_property
    def _line_ends(self) -> dict[int, int]:
        """Where the print of each line ends, and where that of the next begins."""
        assert self.layout is not None
        offset = self.layout.start
        return {match.start() + offset: match.end() + offset for match in _NEXT_LINE.finditer(self.layout.clean)}

    @cached_property
    def _beginning(self) -> dict[int, list[Loose]]:
        """The unclaimed figures that begin a line, by where the print of the line before ends."""
        ends = {begin: end for end, begin in self._line_ends.items()}
        return _grouped((ends[figure.start], figure) for figure in self.loose if figure.start in ends)

    @cached_property
    def _ending(self) -> dict[int, list[Loose]]:
        """The unclaimed figures that end a line, by where the print of the next begins."""
        return _grouped((self._line_ends[figure.end], figure) for figure in self.loose if figure.end in self._line_ends)

    def loose_at(self, place: str) -> tuple[Loose, ...]:
        """The unclaimed figures where the print of a cell would stand."""
        if not self.loose:
            return ()
        low, high = self.windows.of(place)
        return tuple(figure for figure in self.loose if low <= figure.start and figure.end <= high)


def _grouped(pairs: Iterable[tuple[int, Loose]]) -> dict[int, list[Loose]]:
    found: dict[int, list[Loose]] = {}
    for where, figure in pairs:
        found.setdefault(where, []).append(figure)
    return found


def evidence_of(pending: Pending) -> Evidence:
    """What the page says of every value, and a person of those that were confirmed."""
    confirmed = dict.fromkeys(pending.confirmed, Support.CONFIRMED)
    if pending.layout is None:
        return Evidence(confirmed)
    support = {place: _support(pending, place, value) for place, (_, value) in pending.values.items() if value.text is not None}
    support |= dict.fromkeys(pending.other_units, Support.ABSENT) | confirmed
    sure = {
        place: min(span.confidence for span in value.spans if span.confidence is not None)
        for place, (_, value) in pending.values.items()
        if any(span.confidence is not None for span in value.spans)
    }
    doubtful = {above for place, one in support.items() if not one.stands for above in _above(place)}
    return Evidence(
        support,
        sure,
        frozenset(doubtful),
        frozenset(pending.other_units),
        pending.longer,
        pending.prints,
        lambda place: bool(pending.loose_at(place)),
    )


def fits(text: str, leaf: Leaf, scale: int, wanted: Feasible) -> bool:
    """Whether a printed text, read as a field in units of a scale or in the unit it prints, lies within a feasible range."""
    found = parse(text, leaf.kind, leaf.choices)
    return found.number is not None and found.number * (found.scale or scale) in wanted


def _support(pending: Pending, place: str, value: Value) -> Support:
    if value.match is Match.NONE:
        return Support.ABSENT
    if not pending.is_placed(place):
        return Support.ELSEWHERE
    unsure = any(span.confidence is not None and span.confidence < SURE for span in value.spans)
    if unsure or value.error or value.doubts or value.alternatives or value.match is Match.FUZZY or pending.joined_at(place):
        return Support.DOUBTED
    return Support.AGREED if "+" in value.reader else Support.PLACED


def _above(place: str) -> Iterator[str]:
    """The pointers of all that a cell stands in."""
    while place:
        place = place.rpartition("/")[0]
        yield place
