"""How `reconcile.py` has a spoilt record judged, and what of the spoilt was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import process_time
from typing import Final

from reconcile_slips import amount
from reconcile_spoilt import Case

from structurer.contracts.schema import Leaf
from structurer.document import Span
from structurer.judging.blame import Blamed, blame
from structurer.judging.confront import Figures, check, figures, joined
from structurer.judging.evidence import Pending
from structurer.judging.ground import ground
from structurer.layout import Layout
from structurer.localisation.reconcile import Status
from structurer.record import Extract, Match, Value, leaf_pointers


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of CPU time. `blame` confronts once more and makes the evidence anew, as it does in the pipeline."""

    parse: float
    confront: float
    ground: float
    evidence: float
    blame: float

    @property
    def localise(self) -> float:
        """What localising and mending take of `blame`."""
        return max(self.blame - self.confront - self.evidence, 0.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What structurer made of a case. `right` and `false` count corrections; `verdicts` those on the checks that fail still."""

    name: str
    told: str
    kind: str
    status: Status
    sets: tuple[tuple[str, ...], ...]
    wrong: tuple[str, ...]
    right: int
    false: tuple[str, ...]
    verdicts: Mapping[str, int]
    spent: Spent

    @property
    def detected(self) -> bool:
        return self.status is not Status.HOLDS

    @property
    def outcome(self) -> str:
        """How the blame compares with what is wrong."""
        if self.status is not Status.FOUND:
            return self.status.value
        among = tuple(sorted(self.wrong)) in {tuple(sorted(one)) for one in self.sets}
        if len(self.sets) == 1:
            return ONLY if among else WRONG
        return AMONG if among else "several, without it"

    def is_wrong(self, names: Sequence[str]) -> bool:
        """Whether all of these are wrong: cells that are, or the lost row where one was swallowed."""
        return all(name in self.wrong or (self.kind == "swallowed" and name.endswith("/-")) for name in names)

    @property
    def names_wrong(self) -> bool:
        return any(self.is_wrong((name,)) for names in self.sets for name in names)

    def __str__(self) -> str:
        sets = " | ".join(" + ".join(one) for one in self.sets[:4]) + (f" | ... {len(self.sets)}" if len(self.sets) > 4 else "")
        mended = f"; mended {self.right} right" + "".join(f", WRONG {one}" for one in self.false) if self.right or self.false else ""
        verdicts = "".join(f"; {count} {verdict}" for verdict, count in self.verdicts.items())
        return f"{self.name}: {self.told}\n      {self.outcome}: {sets[:300]}{mended}{verdicts}"


ONLY: Final = "the only set"
AMONG: Final = "among several"
WRONG: Final = "a wrong set alone"
UNFOUND: Final = ("several, without it", Status.TOO_MANY.value, Status.NO_EXPLANATION.value)


class Clock:
    """Milliseconds of CPU time from one lap to the next: a busy machine adds none."""

    def __init__(self) -> None:
        self.last = process_time()

    def lap(self) -> float:
        last, self.last = self.last, process_time()
        return 1000 * (self.last - last)


def judged(case: Case, *, page: bool = True) -> Found:
    """Localise and mend a case as the pipeline does, with its page or by its checks alone."""
    schema, clock = case.subject.schema, Clock()
    read = figures(schema, case.texts, case.rows)
    read = replace(read, facts=joined(schema, read.facts))
    parsing = clock.lap()
    check(schema, read.facts)
    confronting = clock.lap()
    layout = (case.layout or case.subject.layout) if page else None
    pending = prepared(case, read, layout)
    grounding = clock.lap()
    _ = pending.form
    evidence = clock.lap()
    (blamed,) = blame([pending], [{}])
    spent = Spent(parsing, confronting, grounding, evidence, clock.lap())
    right, false = _corrections(case, blamed)
    verdicts = Counter(str(one.verdict.value) for one in blamed.record.checks if one.holds is False and one.verdict)
    return Found(case.name, case.told, case.kind, blamed.status, blamed.sets, case.wrong, right, false, verdicts, spent)


def prepared(case: Case, read: Figures, layout: Layout | None) -> Pending:
    """The record with the places of its values looked up on the page."""
    leaves = [(place, leaf, Extract(case.texts.get(place))) for place, leaf in leaf_pointers(case.subject.schema, case.rows)]
    grounds = ground(layout, leaves, verbatim=False) if layout else None
    values: dict[str, tuple[Leaf, Value]] = {}
    for place, leaf, extract in leaves:
        spans, match = grounds.found.get(place, ((), Match.NONE)) if grounds else ((), Match.NONE)
        parsed, where = read.parsed[place], tuple(Span(*span) for span in spans)
        values[place] = leaf, Value(extract.text, parsed.value, read.facts.cells.get(place), parsed.error, where, match, "given")
    return Pending(case.subject.schema, values, read, (), layout, grounds.placed if grounds else None)


def _corrections(case: Case, blamed: Blamed) -> tuple[int, tuple[str, ...]]:
    """How many corrections restore the truth; and in words those that do not."""
    right, false = 0, []
    for place, (_, value) in blamed.record.values.items():
        if value.correction is not None:
            if amount(value.text) == amount(case.truth.get(place)):
                right += 1
            else:
                false.append(f"{place} {value.correction.text}>{value.text} (true {case.truth.get(place)})")
    return right, tuple(false)
