"""Which cell is wrong, and whose fault it is: the failing checks of a document's records localised, judged, and mended where the page
confirms it.

In this order: grounded corrections (no call), a blind second reading of the cells still to blame (one call a record, where a model is at
hand), then flags. Verdict on a failing check: where every cell of it stands on the page where it belongs, the document is wrong; where
what explains it does not, the reading is; else it is undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

from structurer.judging.confront import check, grafted, unit_of
from structurer.judging.evidence import Loose, Pending, fits
from structurer.judging.joint import joined_problem, under_aliases
from structurer.judging.kinship import Kin
from structurer.judging.ledger import covers
from structurer.judging.repair import BY_SECOND_READING, Proposal, corrected, fitting, proposal
from structurer.judging.suspects import LOST, Support
from structurer.judging.telling import Told, evidence_words, explained, left_words, mended_words
from structurer.localisation.reconcile import Block, Explanation, Feasible, Status, localise
from structurer.record import Checked, Verdict

MAX_SETS = 300  # of one record that are listed; with more its errors are too many

_Mending = Mapping[int, Sequence[Proposal]]  # proposals by record
Doubted = Mapping[int, Sequence[str]]  # cells by record, as pointers
Reread = Mapping[int, Mapping[str, str | None]]  # what a second reading says stands in such cells


@dataclass(frozen=True, slots=True)
class Blamed:
    """What came of one record. `sets` are all smallest sets of pointers that explain its failing checks as they were read, `status` how the
    search ended, `reasons` what a person should see and why, by pointer; `mended` the checks that failed before the corrections."""

    record: Pending
    status: Status = Status.HOLDS
    sets: tuple[tuple[str, ...], ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mended: tuple[Checked, ...] = ()


def confronted(records: Sequence[Pending], kin: Sequence[Kin], before: Sequence[Pending] | None = None) -> list[Pending]:
    """The records with the outcomes of all their checks, those across records included. Of records `before` a correction, the outcomes stay
    whose cells are as they were."""
    found = []
    for number, record in enumerate(records):
        known = _unchanged(before[number], record) if before is not None else None
        own = check(record.schema, record.figures.facts, approximate=record.approximate, known=known)
        found.append(replace(record, checks=(*own, *_across(records, kin, number))))
    return found


def _unchanged(before: Pending, after: Pending) -> dict[tuple[str, str], Checked]:
    """The outcomes that read no cell which is another now."""
    old, new = before.figures.facts, after.figures.facts
    changed = {cell for cell in {**old.cells, **new.cells} if old.cells.get(cell) != new.cells.get(cell)}
    return {
        (checked.id, checked.pointer): checked
        for checked in before.checks
        if changed.isdisjoint(checked.outcome.cells) and changed.isdisjoint(checked.outcome.missing)
    }


def _across(records: Sequence[Pending], kin: Sequence[Kin], number: int) -> tuple[Checked, ...]:
    record = records[number]
    if not record.schema.related:
        return ()
    others = {
        alias: [records[other].figures.facts for other in found] if isinstance(found, list) else records[found].figures.facts
        for alias, found in kin[number].items()
    }
    about = {f"{base}{place}" for base, other in under_aliases(kin[number]) for place in records[other].approximate}
    facts = grafted(record.figures.facts, others)
    return check(record.schema, facts, across=True, approximate=record.approximate | about)


def blame(records: Sequence[Pending], kin: Sequence[Kin]) -> list[Blamed]:
    """All records of a document, confronted, localised and mended, without a second reading."""
    before = confronted(records, kin)
    return _outcomes(before, _failing(before, kin), {})


def blaming(records: Sequence[Pending], kin: Sequence[Kin]) -> Generator[Doubted, Reread, list[Blamed]]:
    """The same with a second reading: yields the cells that are still to blame, once, and is sent what stands there."""
    before = confronted(records, kin)
    groups = _failing(before, kin)
    doubted = {number: places for group in groups for number, places in group.doubted_cells().items()}
    answers = (yield doubted) if doubted else {}
    return _outcomes(before, groups, answers)


def _failing(records: Sequence[Pending], kin: Sequence[Kin]) -> list[_Group]:
    """The groups of related records in which a check fails, mended from the page."""
    found = []
    for group in _groups(kin):
        part = [records[number] for number in group]
        if any(checked.holds is False for record in part for checked in record.checks):
            found.append(_Group(part, [_inner(kin[number], group) for number in group], group))
            found[-1].judge()
    return found


def _outcomes(records: Sequence[Pending], groups: Sequence[_Group], answers: Reread) -> list[Blamed]:
    found = {number: blamed for group in groups for number, blamed in zip(group.numbers, group.concluded(answers), strict=True)}
    return [found.get(number, Blamed(record)) for number, record in enumerate(records)]


def _groups(kin: Sequence[Kin]) -> Iterator[list[int]]:
    """The numbers of records that are related to each other, directly or through others."""
    near: dict[int, set[int]] = {number: set() for number in range(len(kin))}
    for number, relatives in enumerate(kin):
        for _, other in under_aliases(relatives):
            near[number].add(other)
            near[other].add(number)
    left = dict.fromkeys(near)
    while left:
        group, ahead = set[int](), [next(iter(left))]
        while ahead:
            number = ahead.pop()
            if number not in group:
                group.add(number)
                ahead += near[number]
        yield sorted(group)
        left = dict.fromkeys(number for number in left if number not in group)


def _inner(kin: Kin, group: Sequence[int]) -> Kin:
    """The relatives by their numbers within the group."""
    place = {number: position for position, number in enumerate(group)}
    return {alias: [place[one] for one in found] if isinstance(found, list) else place[found] for alias, found in kin.items()}


@dataclass(frozen=True, slots=True)
class _Found:
    """A block in terms of records: its failing checks as (record, number of the outcome), and its explanations."""

    failing: tuple[tuple[int, int], ...]
    block: Block


@dataclass(slots=True)
class _Group:
    """Related records on their way from failing checks to verdicts."""

    records: list[Pending]
    kin: list[Kin]
    numbers: list[int]  # of the records in their document
    was: list[Pending] = field(default_factory=list)  # the records as they were read
    told: list[tuple[Status, tuple[tuple[str, ...], ...]]] = field(default_factory=list)  # how each search ended, and the sets it found
    rest: Sequence[_Found] = ()  # what is left to explain

    def judge(self) -> None:
        """Localise, tell, and mend from the page."""
        first, self.was = self.localised(), list(self.records)
        self.told = [self.tell(number, first, self.was) for number in range(len(self.was))]
        self.look_again(first, self.mend(first))

    def look_again(self, before: Sequence[_Found], mended: bool) -> None:
        self.rest = (self.localised() if mended else before) if self.fails() else ()

    def doubted_cells(self) -> dict[int, list[str]]:
        """Cells that are still to blame and that the page does not bear out, by the number of their record in the document."""
        found: dict[int, list[str]] = {}
        for number, place in (cell for one in self.rest for cell in self.doubted(one)):
            places = found.setdefault(self.numbers[number], [])
            places += [place] if place not in places else []
        return found

    def concluded(self, answers: Reread) -> list[Blamed]:
        """What came of the records, in the light of a second reading. An answer that fits chooses among several explanations."""
        if any(number in answers for number in self.numbers):
            self.look_again(self.rest, self.mend_by_rereading(answers))
        return [self.outcome(number, self.was[number], self.told[number], self.rest) for number in range(len(self.was))]

    def fails(self) -> bool:
        return any(checked.holds is False for record in self.records for checked in record.checks)

    def localised(self) -> tuple[_Found, ...]:
        problem, origins = joined_problem(self.records, self.kin)
        found = []
        for block in localise(problem).blocks:
            failing = tuple((number, origin) for number, origin in (origins[one] for one in block.failing) if origin is not None)
            found.append(_Found(failing, block))
        return tuple(found)

    # -- mending -------------------------------------------------------------------------------------------------------

    def mend(self, found: Sequence[_Found]) -> bool:
        """Correct what the page confirms, where there is one explanation; whether anything was corrected."""
        done = []
        for one in found:
            explanations = one.block.explanations if len(one.block.explanations) == 1 else ()
            done.append(self.mend_block(one, [self.proposed(explanation, self.from_page) for explanation in explanations]))
        return any(done)

    def mend_by_rereading(self, answers: Reread) -> bool:
        def answered(number: int, place: str, wanted: Feasible) -> Proposal | None:
            return self.from_answer(number, place, wanted, answers.get(self.numbers[number], {}).get(place))

        done = [self.mend_block(one, [self.proposed(each, answered) for each in one.block.explanations]) for one in self.rest]
        return any(done)

    def doubted(self, found: _Found) -> Iterator[tuple[int, str]]:
        """The cells of a block's explanations that the page does not bear out."""
        for explanation in found.block.explanations:
            for name in explanation.suspects:
                number, place = _split(name)
                record = self.records[number]
                if place in record.values and record.layout is not None and not record.form.evidence.of(place).stands:
                    yield number, place

    def proposed(self, explanation: Explanation, propose: Callable[[int, str, Feasible], Proposal | None]) -> _Mending | None:
        """A print of its own for every cell of an explanation, by record; None where one has none, or is a row."""
        found: dict[int, list[Proposal]] = {}
        for name in explanation.suspects:
            number, place = _split(name)
            one = None
            if place in self.records[number].other_units:
                one = Proposal(place, self.records[number].other_units[place])
            elif place in self.records[number].values and name in explanation.reach:
                one = propose(number, place, explanation.reach[name])
            if one is None:
                return None
            found.setdefault(number, []).append(one)
        prints = [(number, one.figure) for number, some in found.items() for one in some]
        return found if len(set(prints)) == len(prints) else None

    def from_page(self, number: int, place: str, wanted: Feasible) -> Proposal | None:
        return proposal(self.records[number], place, wanted)

    def from_answer(self, number: int, place: str, wanted: Feasible, answer: str | None) -> Proposal | None:
        """An answer that is a print of the page which no value claims, and within the feasible range."""
        record = self.records[number]
        leaf = record.values[place][0]
        if answer is None or not fits(answer, leaf, record.figures.scales[place], wanted):
            return None
        print_ = record.unclaimed(place, answer)
        return Proposal(place, print_, by=BY_SECOND_READING) if print_ is not None else None

    def mend_block(self, found: _Found, mendings: Sequence[_Mending | None]) -> bool:
        """Correct the cells of the only explanation that is confirmed, if no check of the block fails then and no other does."""
        confirmed = [mending for mending in mendings if mending]
        if len(confirmed) != 1:
            return False
        trial = list(self.records)
        for number, some in confirmed[0].items():
            trial[number] = corrected(trial[number], some, mended_words(self.records, found.failing))
        trial = confronted(trial, self.kin, self.records)
        if any(trial[number].checks[position].holds is False for number, position in found.failing) or _worse(self.records, trial):
            return False
        self.records = trial
        return True

    # -- telling -------------------------------------------------------------------------------------------------------

    def tell(self, number: int, found: Sequence[_Found], records: Sequence[Pending]) -> tuple[Status, tuple[tuple[str, ...], ...]]:
        """How the search ended for one record, and all smallest sets for its failing checks."""
        own = [one for one in found if any(record == number for record, _ in one.failing)]
        status = Status.of(one.block.status for one in own)
        sets = [[self.named(number, one.suspects) for one in part.block.explanations] for part in own]
        if status is Status.FOUND and prod(max(len(alternatives), 1) for alternatives in sets) <= MAX_SETS:
            return status, tuple(tuple(name for one in choice for name in one) for choice in product(*sets))
        return (Status.TOO_MANY if status is Status.FOUND else status), self.all_cells(number, own, records)

    def all_cells(self, number: int, own: Sequence[_Found], records: Sequence[Pending]) -> tuple[tuple[str, ...], ...]:
        """Where nothing smaller was found: one set of all the cells that fail together, but for those that a person has seen."""
        failing = [position for one in own for record, position in one.failing if record == number]
        cells = [cell for position in failing for cell in _cells(records[number].checks[position])]
        cells = list(dict.fromkeys(cell for cell in cells if cell not in records[number].confirmed))
        return (tuple(cells),) if cells else ()

    def named(self, number: int, suspects: Sequence[str]) -> tuple[str, ...]:
        """Suspects as the record names them: its own by their pointers, those of a relative under its alias."""
        aliases = {other: base for base, other in under_aliases(self.kin[number])}
        found = []
        for name in suspects:
            other, place = _split(name)
            found.append(place if other == number else f"{aliases.get(other, f'#{self.numbers[other]}')}{place}")
        return tuple(found)

    def outcome(self, number: int, was: Pending, told: tuple[Status, tuple[tuple[str, ...], ...]], rest: Sequence[_Found]) -> Blamed:
        record = self.records[number]
        checks = list(record.checks)
        for one in rest:
            for other, position in one.failing:
                if other == number:
                    verdict, words = self.verdict(number, checks[position], one.block)
                    checks[position] = replace(checks[position], verdict=verdict, evidence=words)
        mended = tuple(
            replace(old, verdict=Verdict.READING, evidence="the page prints another figure there")
            for old, new in zip(was.checks, record.checks, strict=False)
            if old.holds is False and new.holds is not False
        )
        judged = replace(record, checks=tuple(checks))
        return Blamed(judged, *told, dict(self.reasons(number, judged, rest)), mended)

    def reasons(self, number: int, record: Pending, rest: Sequence[_Found]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What a person should see of one record: every cell that may be to blame; all cells where nothing smaller was found."""
        collected: dict[str, list[str]] = {}
        shown = set[int]()
        for one in rest:
            failing = [(other, self.records[other].checks[position]) for other, position in one.failing]
            told = Told(number, record, failing, one.block, _split, lambda names: self.named(number, names))
            for place, words in explained(told):
                collected.setdefault(place, []).extend(words)
                shown |= {position for other, position in one.failing if other == number}
        for position, checked in enumerate(record.checks):
            if checked.holds is False:
                for place, figures in self.left_in(number, checked):
                    collected.setdefault(place, []).append(f"{checked.id}: {left_words(figures)} among these rows")
            if checked.holds is False and position not in shown:  # a relative's cell explains it: the object that owes the check is shown
                collected.setdefault(checked.pointer, []).append(f"{checked.id}: {checked.outcome.words}")
        yield from ((place, tuple(dict.fromkeys(words))) for place, words in collected.items())

    # -- verdicts ------------------------------------------------------------------------------------------------------

    def verdict(self, number: int, checked: Checked, block: Block) -> tuple[Verdict, str]:
        """Whose fault it is that a check fails, and the evidence in words."""
        support = dict(self.supports(number, checked))
        if not support or Support.UNKNOWN in support.values():
            return Verdict.UNDECIDED, "there is no page to ask"
        lost = [name for one in block.explanations for name in one.suspects if self.was_missed(name, one)]
        if lost and self.records[number].layout is None:
            return Verdict.UNDECIDED, "there is no page to ask"
        if all(one.stands for one in support.values()) and not lost:
            for place, figures in self.left_in(number, checked):
                return Verdict.UNDECIDED, f"every figure of it stands on the page, but {left_words(figures)} among the rows of {place}"
            return Verdict.DOCUMENT, "every figure of it stands on the page where it belongs"
        doubled = [name for name in lost if self.is_row(name)]
        if all(one.stands for one in support.values()) and all(support.get(name, Support.ABSENT).stands for name in lost):
            return Verdict.UNDECIDED, evidence_words(support, lost, ())  # the page prints both, what was read and what would hold
        return self.fault_of_reading(block, support), evidence_words(support, [name for name in lost if name not in doubled], doubled)

    def left_in(self, number: int, checked: Checked) -> Iterator[tuple[str, tuple[Loose, ...]]]:
        """The lists over all of whose rows a check goes, among which the page has figures left for a row."""
        record = self.records[number]
        for place, count in record.rows.items():
            if count and covers(checked, place, count) and (left := record.left_in(place)):
                yield place, left

    def fault_of_reading(self, block: Block, support: Mapping[str, Support]) -> Verdict:
        """The reading is wrong if every explanation names something that the page has otherwise; a reader's own doubt is no proof."""
        doubted = [any(self.is_wrong(name, one) for name in one.suspects) for one in block.explanations]
        if doubted:
            return Verdict.READING if all(doubted) else Verdict.UNDECIDED
        return Verdict.READING if Support.ABSENT in support.values() else Verdict.UNDECIDED

    def is_wrong(self, name: str, explanation: Explanation) -> bool:
        """Whether the page has a suspect otherwise than it was read: not there, or a figure is left that would fit."""
        number, place = _split(name)
        support = self.records[number].form.evidence.of(place)
        return support in (Support.ABSENT, Support.ELSEWHERE) or self.was_missed(name, explanation)

    def supports(self, number: int, checked: Checked) -> Iterator[tuple[str, Support]]:
        """How each cell of a check stands on its page, by its name."""
        aliases = dict(under_aliases(self.kin[number]))
        same = self.records[number].figures.facts.same
        for cell in checked.outcome.cells:
            base = next((base for base in aliases if cell.startswith(base + "/")), None)
            other, place = (number, same.get(cell, cell)) if base is None else (aliases[base], cell[len(base) :])
            record = self.records[other]
            yield f"{other}{place}", record.form.evidence.of(place)
            unit = unit_of(place, record.values[place][0]) if place in record.values else None
            if unit is not None and unit in record.other_units:
                yield f"{other}{unit}", record.form.evidence.of(unit)

    def is_row(self, name: str) -> bool:
        """Whether a suspect is a row of the record, which repeats another."""
        number, place = _split(name)
        return place not in self.records[number].values and not place.endswith("/" + LOST)

    def was_missed(self, name: str, explanation: Explanation) -> bool:
        """Whether a suspect is a blank, a lost row or a doubled one, or a figure for which the page has another one left."""
        number, place = _split(name)
        record = self.records[number]
        if place not in record.values or record.values[place][1].text is None:
            return True
        return name in explanation.reach and bool(fitting(record, place, explanation.reach[name]))


def _split(name: str) -> tuple[int, str]:
    number, slash, place = name.partition("/")
    return int(number or 0), slash + place


def _cells(checked: Checked) -> tuple[str, ...]:
    return checked.outcome.cells or checked.outcome.missing or (checked.pointer,)


def _worse(before: Sequence[Pending], after: Sequence[Pending]) -> bool:
    """Whether a check fails that did not fail before."""
    return any(
        new.holds is False and old.holds is not False
        for one, other in zip(before, after, strict=True)
        for old, new in zip(one.checks, other.checks, strict=False)
    )
