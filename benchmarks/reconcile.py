"""Which wrong cell is found, which is mended, and which document is wrongly corrected: true records, spoilt on purpose, localised and mended.

    python benchmarks/reconcile.py [--seed 1] [--per-form 30] [--reports FOLDER --truth FOLDER] [--show N] [--json]

The self-evaluations of the transcribed reports are read with their pages (else those of golden/), spoilt by seeded slips (confused and
transposed digits, a lost point, another unit, a neighbour's figure ...) and judged as the pipeline judges a reading whose places were
looked up on the page, by one reader. A slip changes the record (a reading error) or the record and the page alike (a document error).
The slips come from common knowledge of digits and typing, not from structurer's own tables, and nothing in structurer is set by them.
Every case has a seed of its own, made of --seed and its name, so one of them comes out the same whatever else is asked. `--show N`
lists up to N cases of each kind that went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from structurer import ingest, library, reader
from structurer.blame import Blamed, blame
from structurer.confront import check, figures, joined
from structurer.document import Document, Page, Span
from structurer.evidence import Pending
from structurer.ground import ground
from structurer.layout import Layout
from structurer.pipeline import Plan, structure_document
from structurer.reconcile import Status
from structurer.record import Extract, Match, Value, leaf_pointers
from structurer.schema import Kind, Leaf, Schema
from structurer.segment import segment

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
KIND = "self_evaluation"
INVOICE_LINES = (5, 10, 20, 40, 80, 150, 300)
INVOICES_OF = {5: 4, 10: 4, 20: 3, 40: 2, 80: 2, 150: 1, 300: 1}  # how many of each size

Texts = Mapping[str, str | None]  # verbatim, by JSON pointer


# -- slips: how a figure is misread or mistyped --------------------------------------------------------------------------

_PRINT = re.compile(r"(\D*)(\d+(?:,\d{3})*(?:\.\d+)?)(\D*)")
_ALIKE = {"0": "689", "1": "74", "2": "73", "3": "859", "4": "91", "5": "63", "6": "850", "7": "12", "8": "360", "9": "407"}  # by their outline


@dataclass(frozen=True, slots=True)
class Slip:
    """One figure spoilt: `kind` says how."""

    place: str
    was: str
    now: str
    kind: str

    def __str__(self) -> str:
        return f"{self.place} {self.was}>{self.now} ({self.kind})"


def amount(text: str | None) -> Decimal | None:
    """What a printed figure amounts to; None for what is no printable figure (".5", "5.", "1,23")."""
    found = _PRINT.fullmatch(text or "")
    if found is None or found[1].endswith("."):
        return None
    return Decimal(found[2].replace(",", "")) * (-1 if found[1].endswith("-") else 1)


def confused(rng: random.Random, figure: str) -> str:
    """One digit read as another of like outline."""
    index = rng.choice(_digits(figure))
    return figure[:index] + rng.choice(_ALIKE[figure[index]]) + figure[index + 1 :]


def transposed(rng: random.Random, figure: str) -> str:
    """Two neighbouring digits changed about."""
    places = [(one, other) for one, other in _pairs(_digits(figure)) if figure[one] != figure[other]]
    if not places:
        return figure
    one, other = rng.choice(places)
    return figure[:one] + figure[other] + figure[one + 1 : other] + figure[one] + figure[other + 1 :]


def pointless(_: random.Random, figure: str) -> str:
    """The decimal point lost."""
    return figure.replace(".", "")


def rescaled(rng: random.Random, figure: str) -> str:
    """Printed in 万 or taken out of it."""
    return format(Decimal(figure.replace(",", "")).scaleb(rng.choice((4, -4))).normalize(), "f")


def shortened(rng: random.Random, figure: str) -> str:
    """One digit left out."""
    index = rng.choice(_digits(figure))
    return figure[:index] + figure[index + 1 :]


def nudged(rng: random.Random, figure: str) -> str:
    """The last digit one more or one less."""
    plain = figure.replace(",", "")
    step = Decimal(rng.choice((1, -1))).scaleb(-len(plain.partition(".")[2]))
    return format(Decimal(plain) + step, "f")


def _digits(figure: str) -> list[int]:
    return [index for index, char in enumerate(figure) if char.isdigit()]


def _pairs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(places, places[1:], strict=False)


OWN: Final[Mapping[str, Callable[[random.Random, str], str]]] = {
    "confusion": confused,
    "transposition": transposed,
    "point lost": pointless,
    "unit of 10^4": rescaled,
    "digit dropped": shortened,
    "last digit by 1": nudged,
}
COPY: Final = "neighbour's figure"  # of the cell above, below, left or right
SLIPS: Final = (*OWN, COPY)
TRIES: Final = 6  # draws of one kind before another is tried


def slip(rng: random.Random, texts: Texts, place: str, beside: Sequence[str]) -> Slip | None:
    """Spoil one figure in a way drawn at random among those that change its value and leave a printable figure."""
    was = texts[place] or ""
    found = _PRINT.fullmatch(was)
    if found is None:
        return None
    for kind in rng.sample(SLIPS, len(SLIPS)):
        for _ in range(TRIES):
            now = _copied(rng, texts, beside) if kind == COPY else found[1] + OWN[kind](rng, found[2]) + found[3]
            if amount(now) not in (None, amount(was)) and (amount(was) or 0) * (amount(now) or 0) >= 0:
                return Slip(place, was, now, kind)
    return None


def _copied(rng: random.Random, texts: Texts, beside: Sequence[str]) -> str:
    return texts[rng.choice(beside)] or "" if beside else ""


# -- true records and their pages ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A true record, and its page where there is one: `text` of the document with the form at [start, end)."""

    name: str
    schema: Schema
    texts: Texts
    rows: Mapping[str, int]
    text: str = ""
    start: int = 0
    end: int = 0

    @cached_property
    def layout(self) -> Layout | None:
        return Layout(self.text, self.start, self.end) if self.text else None

    @cached_property
    def leaves(self) -> dict[str, Leaf]:
        return dict(leaf_pointers(self.schema, self.rows))

    @cached_property
    def checked(self) -> tuple[str, ...]:
        """The figures that a check reads which holds."""
        found = check(self.schema, joined(self.schema, figures(self.schema, self.texts, self.rows).facts))
        covered = {cell for one in found if one.holds for cell in one.outcome.cells}
        return tuple(
            place
            for place, leaf in self.leaves.items()
            if place in covered and leaf.kind in (Kind.NUMBER, Kind.PERCENT) and amount(self.texts[place]) is not None
        )

    @cached_property
    def beside(self) -> dict[str, tuple[str, ...]]:
        """Of each figure those above, below, left and right of it."""
        numeric = [place for place, leaf in self.leaves.items() if leaf.kind.numeric and amount(self.texts.get(place)) is not None]
        lines: dict[str, list[str]] = {}
        columns: dict[str, list[str]] = {}
        for place in numeric:
            row, _, name = place.rpartition("/")
            lines.setdefault(row, []).append(place)
            columns.setdefault(name, []).append(place)
        near: dict[str, list[str]] = {place: [] for place in numeric}
        for group in [*(lines[row] for row in lines if row), *columns.values()]:
            for one, other in zip(group, group[1:], strict=False):
                near[one].append(other)
                near[other].append(one)
        return {place: tuple(others) for place, others in near.items()}

    @cached_property
    def prints(self) -> dict[str, tuple[int, int]]:
        """Where the checked figures are printed, by the built-in reader: those that it reads as they are, from one place."""
        if self.layout is None:
            return {}
        read = reader.read(self.layout, self.schema).leaves
        found = {place: read[place] for place in self.checked if place in read and amount(read[place].text) == amount(self.texts[place])}
        return {place: one.spans[0] for place, one in found.items() if len(one.spans) == 1}


def flat(node: Any, place: str = "") -> tuple[dict[str, str | None], dict[str, int]]:
    """A JSON record as texts and list lengths by JSON pointer."""
    if not isinstance(node, dict | list):
        return {place: None if node is None else str(node)}, {}
    texts: dict[str, str | None] = {}
    rows: dict[str, int] = {place: len(node)} if isinstance(node, list) else {}
    for name, child in node.items() if isinstance(node, dict) else enumerate(node):
        own, inner = flat(child, f"{place}/{name}")
        texts |= own
        rows |= inner
    return texts, rows


def subjects_of(source: Path, truth: Path, schemas: Sequence[Schema]) -> list[Subject]:
    """The self-evaluations of one document, each with its page: segments and transcribed forms are paired in order."""
    forms = [form for form in json.loads(truth.read_text("utf-8"))["forms"] if form["kind"] == KIND]
    text = ingest.read(source).text
    parts = [part for part in segment(text, schemas)[0] if part.schema.kind == KIND]
    if len(parts) != len(forms):
        raise SystemExit(f"{source}: {len(parts)} forms on the page, {len(forms)} transcribed")
    return [
        Subject(f"{truth.stem if truth.stem != 'expected' else source.parent.name}#{number}", part.schema, *flat(_fields(form)), text, part.start, part.end)
        for number, (part, form) in enumerate(zip(parts, forms, strict=True))
    ]  # fmt: skip


def _fields(form: Mapping[str, Any]) -> dict[str, Any]:
    return {name: child for name, child in form.items() if name != "kind"}


def sources(reports: Path | None, truth: Path | None) -> list[tuple[Path, Path]]:
    """Documents with their transcriptions: those of the given folders, else of the repository."""
    if reports is None or truth is None:
        return [(next(file.parent.glob("source.*")), file) for file in sorted((ROOT / "golden").glob("*/expected.json"))]
    files = sorted(truth.glob("[0-9]*.json"))
    return [(reports / json.loads(file.read_text("utf-8"))["document"], file) for file in files]


# -- invoices ------------------------------------------------------------------------------------------------------------

_GOODS = "paper,folders,chairs,lamps,desks,cables,screens,brushes,paint,screws,shelves,boxes,labels,tape,gloves,filters".split(",")
_LOOKS = "plain,blue,large,small,steel,wooden,folding,spare,coated,recycled,outdoor,second-hand,lined,narrow,heavy,light".split(",")


def invoice(seed: str, count: int, schema: Schema) -> Subject:
    """An invoice of so many lines whose arithmetic holds, printed as lines of cells."""
    rng = random.Random(seed)
    lines = [(f"{rng.choice(_LOOKS)} {rng.choice(_GOODS)}".capitalize(), *_line(rng)) for _ in range(count)]
    subtotal = sum((quantity * price for _, quantity, price in lines), Decimal(0))
    rate = rng.choice((Decimal(7), Decimal(19), Decimal(20), Decimal(25)))
    tax = (subtotal * rate / 100).quantize(Decimal("0.01"))
    record = {
        "seller": "Harbour Lane Supplies", "buyer": "Westmere City Library", "invoice_number": f"HL-{rng.randrange(10_000, 99_999)}", "issue_date": None,
        "currency": None, "lines": [{"description": name, "quantity": str(quantity), "unit_price": str(price), "amount": str(quantity * price)} for name, quantity, price in lines],
        "subtotal": str(subtotal), "tax_rate": str(rate), "tax": str(tax), "total": str(subtotal + tax),
    }  # fmt: skip
    text = _printed_invoice(record)
    return Subject(f"invoice {count} {seed}", schema, *flat(record), text, 0, len(text))


def _line(rng: random.Random) -> tuple[int, Decimal]:
    return rng.randint(1, 60), Decimal(rng.randint(50, 40_000)).scaleb(-2)


def _printed_invoice(record: Mapping[str, Any]) -> str:
    rows = [
        ["INVOICE"], ["From", record["seller"]], ["Bill To", record["buyer"]], ["Invoice No.", record["invoice_number"]],
        ["Description", "Qty", "Unit Price", "Amount"], *([line["description"], line["quantity"], line["unit_price"], line["amount"]] for line in record["lines"]),
        ["Subtotal", "", "", record["subtotal"]], [f"VAT ({record['tax_rate']}%)", "", "", record["tax"]], ["Total Due", "", "", record["total"]],
    ]  # fmt: skip
    return "".join("\t".join(row) + "\n" for row in rows)


# -- spoilt records ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """A record as it was read. `truth`: what its places should hold; `wrong`: what is to be blamed; `told`: how it was spoilt."""

    name: str
    subject: Subject
    texts: Texts
    rows: Mapping[str, int]
    truth: Texts
    wrong: tuple[str, ...]
    told: str
    kind: str = ""
    layout: Layout | None = None  # None: the subject's own


def slipped(subject: Subject, count: int, name: str) -> Case | None:
    """A record with so many slips, each in a figure of its own."""
    rng = random.Random(name)
    slips: dict[str, Slip] = {}
    for place in rng.sample(subject.checked, len(subject.checked)):
        one = slip(rng, subject.texts, place, subject.beside[place])
        if one is not None:
            slips[place] = one
        if len(slips) == count:
            texts = {**subject.texts, **{place: one.now for place, one in slips.items()}}
            told = "; ".join(map(str, slips.values()))
            return Case(name, subject, texts, subject.rows, subject.texts, tuple(sorted(slips)), told, one.kind if one and count == 1 else "")
    return None


def misprinted(subject: Subject, name: str) -> Case | None:
    """A record whose document is wrong itself: the slip stands on the page too. None where its print is not known to be one place."""
    case = slipped(subject, 1, name)
    if case is None or case.wrong[0] not in subject.prints:
        return None
    (place,) = case.wrong
    start, end = subject.prints[place]
    text = subject.text[:start] + (case.texts[place] or "") + subject.text[end:]
    return replace(case, layout=Layout(text, subject.start, subject.end + len(text) - len(subject.text)), truth=case.texts)


def blanked(subject: Subject, name: str) -> Case:
    """A record in which a figure was passed over."""
    place = random.Random(name).choice(subject.checked)
    texts = {**subject.texts, place: None}
    return Case(name, subject, texts, subject.rows, subject.texts, (place,), f"{place} {subject.texts[place]}>null", "missing")


def rows_of(subject: Subject) -> list[tuple[str, int]]:
    """The list and number of each row of the record's lists."""
    return [(place, number) for place, count in subject.rows.items() for number in range(count)]


def changes_a_sum(subject: Subject, place: str, number: int) -> bool:
    """Whether a row has a figure other than nothing that a check reads."""
    return any(cell.startswith(f"{place}/{number}/") and amount(subject.texts[cell]) for cell in subject.checked)


def dropped(subject: Subject, place: str, number: int, name: str) -> Case:
    """A record that lacks a row."""
    texts = _renumbered(subject.texts, place, lambda row: None if row == number else row - (row > number))
    rows = {**subject.rows, place: subject.rows[place] - 1}
    return Case(name, subject, texts, rows, texts, (f"{place}/-",), f"{place}/{number} dropped", "row dropped")


def doubled(subject: Subject, place: str, number: int, name: str) -> Case:
    """A record that has a row twice."""
    texts = _renumbered(subject.texts, place, lambda row: row + (row > number))
    texts |= {f"{place}/{number + 1}{cell}": text for cell, text in _row(subject, f"{place}/{number}").items()}
    rows = {**subject.rows, place: subject.rows[place] + 1}
    return Case(name, subject, texts, rows, texts, (f"{place}/{number + 1}",), f"{place}/{number} doubled", "row doubled")


def _renumbered(texts: Texts, place: str, number: Callable[[int], int | None]) -> dict[str, str | None]:
    found = {}
    for cell, text in texts.items():
        if cell.startswith(place + "/"):
            row, _, rest = cell[len(place) + 1 :].partition("/")
            there = number(int(row))
            if there is not None:
                found[f"{place}/{there}/{rest}"] = text
        else:
            found[cell] = text
    return found


def _row(subject: Subject, row: str) -> dict[str, str | None]:
    return {cell[len(row) :]: text for cell, text in subject.texts.items() if cell.startswith(row + "/")}


def shifted(subject: Subject, name: str) -> Case | None:
    """A record in which the figures of one row stand a column further left or right."""
    rng = random.Random(name)
    row = rng.choice(_rows_with_figures(subject))
    cells = [cell for cell in subject.leaves if cell.rpartition("/")[0] == row and not subject.leaves[cell].spans_rows]
    cells = cells[1:] if subject.leaves[cells[0]].kind is Kind.TEXT else cells  # the first names the row
    by = rng.choice((1, -1))
    moved = {cell: cells[index - by] if 0 <= index - by < len(cells) else None for index, cell in enumerate(cells)}
    texts = {**subject.texts, **{cell: None if source is None else subject.texts[source] for cell, source in moved.items()}}
    return _case_of_row(subject, texts, subject.rows, subject.texts, name, f"{row} shifted by {by}", "shifted")


def swallowed(subject: Subject, name: str) -> Case | None:
    """A record in which the figures of a row were appended to those of the row above, and the row is gone."""
    rng = random.Random(name)
    rows = [(place, number) for place, number in rows_of(subject) if number and changes_a_sum(subject, place, number)]
    if not rows:
        return None
    place, number = rng.choice(rows)
    cells = {cell: text for cell, text in _row(subject, f"{place}/{number}").items() if f"{place}/{number}{cell}" in subject.beside}
    case = dropped(subject, place, number, name)
    above = {f"{place}/{number - 1}{cell}": text for cell, text in cells.items()}
    texts = {**case.texts, **{cell: " ".join(filter(None, (case.texts[cell], text))) for cell, text in above.items()}}
    return _case_of_row(subject, texts, case.rows, case.truth, name, f"{place}/{number} swallowed by the row above", "swallowed")


def _case_of_row(subject: Subject, texts: Texts, rows: Mapping[str, int], truth: Texts, name: str, told: str, kind: str) -> Case | None:
    """The case, if a figure that is read by a check became another."""
    wrong = tuple(place for place in truth if texts[place] != truth[place] and subject.leaves.get(place, _NO_LEAF) and place in subject.checked)
    return Case(name, subject, texts, rows, truth, wrong, told, kind) if wrong else None


_NO_LEAF: Final = None


def _rows_with_figures(subject: Subject) -> list[str]:
    return list(dict.fromkeys(row for row in (cell.rpartition("/")[0] for cell in subject.checked) if row))


# -- judging -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds: `blame` confronts once more and makes the evidence anew, as it does in the pipeline."""

    confront: float
    ground: float
    evidence: float
    blame: float

    @property
    def localise(self) -> float:
        """What localising and mending take, without that."""
        return max(self.blame - self.confront_alone - self.evidence, 0.0)

    @property
    def confront_alone(self) -> float:
        return self.confront


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
        return ("the only set" if len(self.sets) == 1 else "among several") if among else (WRONG if len(self.sets) == 1 else "several, without")

    def __str__(self) -> str:
        sets = " | ".join(" + ".join(one) for one in self.sets[:4]) + (f" | ... {len(self.sets)}" if len(self.sets) > 4 else "")
        mended = f"; mended {self.right} right" + "".join(f", WRONG {one}" for one in self.false) if self.right or self.false else ""
        verdicts = "".join(f"; {count} {verdict}" for verdict, count in self.verdicts.items())
        return f"{self.name}: {self.told}\n      {self.outcome}: {sets[:300]}{mended}{verdicts}"


WRONG: Final = "a wrong set alone"


def prepared(case: Case, *, page: bool) -> tuple[Pending, float, float]:
    """The record as the pipeline has it before it is judged, and the milliseconds to confront and to ground it."""
    schema, began = case.subject.schema, perf_counter()
    read = figures(schema, case.texts, case.rows)
    read = replace(read, facts=joined(schema, read.facts))
    check(schema, read.facts)
    confronted = perf_counter()
    leaves = [(place, leaf, Extract(case.texts.get(place))) for place, leaf in leaf_pointers(schema, case.rows)]
    layout = (case.layout or case.subject.layout) if page else None
    grounds = ground(layout, leaves, verbatim=False) if layout else None
    grounded = perf_counter()
    values: dict[str, tuple[Leaf, Value]] = {}
    for place, leaf, extract in leaves:
        spans, match = grounds.found.get(place, ((), Match.NONE)) if grounds else ((), Match.NONE)
        parsed = read.parsed[place]
        where = tuple(Span(*span) for span in spans)
        values[place] = leaf, Value(extract.text, parsed.value, read.facts.cells.get(place), parsed.error, where, match, "given")
    pending = Pending(schema, values, read, (), layout, grounds.placed if grounds else None)
    return pending, 1000 * (confronted - began), 1000 * (grounded - confronted)


def judged(case: Case, *, page: bool = True) -> Found:
    """Localise and mend a case, with its page or by its checks alone."""
    pending, confront, grounding = prepared(case, page=page)
    began = perf_counter()
    _ = pending.form
    made = perf_counter()
    (blamed,) = blame([pending], [{}])
    spent = Spent(confront, grounding, 1000 * (made - began), 1000 * (perf_counter() - made))
    right, false = _corrections(case, blamed)
    verdicts = Counter(str(one.verdict.value) for one in blamed.record.checks if one.holds is False and one.verdict)
    return Found(case.name, case.told, case.kind, blamed.status, blamed.sets, case.wrong, right, false, verdicts, spent)


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


# -- figures -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure: a share of `of` cases, a count among them, or milliseconds of so many; `least` and `most` are its thresholds."""

    key: str
    words: str
    value: float
    of: int
    unit: str = "share"
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the threshold is met; None where there is none, or nothing was measured."""
        if (self.least is None and self.most is None) or not self.of:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def shown(self) -> str:
        return self._print(self.value) if self.of or self.unit == "count" else "-"

    @property
    def wanted(self) -> str:
        parts = [f">= {self._print(self.least)}"] if self.least is not None else []
        parts += [f"<= {self._print(self.most)}" if self.most else "0"] if self.most is not None else []
        return " ".join(parts)

    def _print(self, value: float) -> str:
        return f"{value:.2%}" if self.unit == "share" else f"{value:.0f}" if self.unit == "count" else f"{value:.1f} ms"


def share(key: str, words: str, cases: Sequence[Found], holds: Callable[[Found], Any], **wanted: float) -> Figure:
    """The share of some cases."""
    return Figure(key, words, sum(bool(holds(one)) for one in cases) / max(len(cases), 1), len(cases), **wanted)


def count(key: str, words: str, cases: Sequence[Found], number: Callable[[Found], int], **wanted: float) -> Figure:
    """A count among some cases."""
    return Figure(key, words, sum(number(one) for one in cases), len(cases), "count", **wanted)


@dataclass(slots=True)
class Section:
    """Figures under one heading, and the cases that went wrong, by kind."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, cases: Iterable[object]) -> None:
        self.wrong.setdefault(kind, []).extend(map(str, cases))


def outcomes(key: str, words: str, cases: Sequence[Found], least: float | None = None) -> list[Figure]:
    """How often the cells that are wrong were named as the only set, among several, or not; of the cases detected."""
    wanted = {} if least is None else {"least": least}
    found = [share(f"{key}.only", f"{words}: the only set", cases, lambda one: one.outcome == "the only set", **wanted)]
    names = ("among several", WRONG, "several, without", Status.TOO_MANY.value, Status.NO_EXPLANATION.value)
    slugs = ("among", "wrong_alone", "several_without", "too_many", "no_explanation")
    for slug, name in zip(slugs, names, strict=True):
        found.append(share(f"{key}.{slug}", f"  {name}", cases, lambda one, name=name: one.outcome == name))
    return found


def mendings(key: str, words: str, cases: Sequence[Found], least: float | None = None, most: float | None = None) -> list[Figure]:
    """Of the errors in the cases detected: the share mended, and mended wrongly."""
    errors = sum(len(one.wrong) for one in cases)
    right, false = sum(one.right for one in cases), sum(len(one.false) for one in cases)
    return [
        Figure(f"{key}.right", f"{words}: mended", right / max(errors, 1), errors, least=least),
        Figure(f"{key}.false", "  mended wrongly", false / max(errors, 1), errors, most=most),
    ]


def detected(cases: Iterable[Found]) -> list[Found]:
    return [one for one in cases if one.detected]


def milliseconds(key: str, words: str, times: Sequence[float], wanted: Mapping[str, float] | None = None) -> list[Figure]:
    """Median, 95th percentile and longest."""
    ordered = sorted(times) or [0.0]
    at = {"median": statistics.median(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}
    return [Figure(f"{key}.{name}", f"{words}: {name}", at[name], len(times), "ms", most=(wanted or {}).get(name)) for name in at]


# -- what is measured ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many cases a form: singles, pairs, fives, document errors, rows either way, and other errors of each kind."""

    singles: int
    pairs: int
    fives: int
    documents: int
    rows: int
    others: int

    @classmethod
    def of(cls, singles: int) -> Amounts:
        return cls(singles, max(singles // 3, 1), max(singles // 10, 1), max(singles // 3, 1), max(singles // 5, 1), max(singles // 6, 1))


def spoilt(subjects: Sequence[Subject], number: int, seed: str, make: Callable[[Subject, str], Case | None]) -> list[Case]:
    """So many cases of each form; a form that has none of this kind is left out."""
    made = (make(subject, f"{seed}/{subject.name}/{turn}") for subject in subjects for turn in range(number))
    return [case for case in made if case is not None]


def clean(subjects: Sequence[Subject], section: Section) -> None:
    """Forms as they are: none may be flagged by arithmetic."""
    cases = [Case(subject.name, subject, subject.texts, subject.rows, subject.texts, (), "as it is") for subject in subjects]
    found = [judged(case) for case in cases]
    section.figures.append(count("clean.flagged", "true forms flagged by arithmetic", found, lambda one: one.detected, most=0))
    section.note("true form flagged", detected(found))


def singles(cases: Sequence[Case], section: Section, seen: Section) -> tuple[list[Found], list[Found]]:
    """One slip: detected, found with and without the page, mended."""
    with_page, alone = [judged(case) for case in cases], [judged(case, page=False) for case in cases]
    seen.figures.append(share("single.detected", "one error detected", with_page, lambda one: one.detected, least=0.995))
    for kind in SLIPS:
        own = [one for one in with_page if one.kind == kind]
        seen.figures.append(share(f"single.detected.{kind}", f"  {kind}", own, lambda one: one.detected))
    seen.note("not detected", (one for one in with_page if not one.detected))
    found = detected(with_page)
    section.figures += outcomes("single.page", "one error, with the page", found, 0.985)
    section.figures += outcomes("single.alone", "one error, by the checks alone", detected(alone), 0.85)
    section.figures += mendings("single", "one error", found, 0.97, 0.0)
    _note_wrong(section, "one error", found)
    section.note("one error, several sets", (one for one in found if "several" in one.outcome))
    return with_page, alone


def _note_wrong(section: Section, words: str, found: Iterable[Found]) -> None:
    cases = list(found)
    section.note(f"{words}, WRONGLY MENDED", (one for one in cases if one.false))
    section.note(f"{words}, a wrong set alone", (one for one in cases if one.outcome == WRONG and not one.false))
    section.note(f"{words}, no set", (one for one in cases if one.outcome in (Status.TOO_MANY.value, Status.NO_EXPLANATION.value)))


def several(pairs: Sequence[Case], fives: Sequence[Case], section: Section) -> list[Found]:
    """Two and five slips in one record."""
    found, alone = detected(judged(case) for case in pairs), detected(judged(case, page=False) for case in pairs)
    section.figures += outcomes("double.page", "two errors, with the page", found, 0.95)
    section.figures += outcomes("double.alone", "two errors, by the checks alone", alone)
    section.figures += mendings("double", "two errors", found, most=0.005)
    _note_wrong(section, "two errors", found)
    many = detected(judged(case) for case in fives)
    section.figures += outcomes("five.page", "five errors, with the page", many)
    section.figures += mendings("five", "five errors", many)
    section.note("five errors, WRONGLY MENDED", (one for one in many if one.false))
    bare = detected(judged(case, page=False) for case in fives)
    longest = max((one.spent.blame for one in [*many, *bare]), default=0.0)
    section.figures.append(Figure("five.longest", "five errors, longest (with the page or without)", longest, len(many) + len(bare), "ms", most=1000))
    return many


def documents(cases: Sequence[Case], left_out: int, section: Section) -> None:
    """Errors of the document itself: never mended; by grounding, and read from the page by the built-in reader."""
    found = detected(judged(case) for case in cases)
    section.figures.append(count("document.mended", "errors of the document, mended", found, lambda one: one.right + len(one.false), most=0))
    section.figures += _verdicts("document", [one.verdicts for one in found])
    section.figures += outcomes("document", "blame", found)
    section.note("document error MENDED", (one for one in found if one.right or one.false))
    section.note("document error, verdict on the reading", (one for one in found if "reading" in one.verdicts))
    read = [reread(case) for case in cases]
    whole = [one for one in read if one.failing]
    section.figures.append(Figure("document.read.mended", "the same, read by the built-in reader: mended", sum(bool(one.mended) for one in whole), len(whole), "count", most=0))  # fmt: skip
    section.figures += _verdicts("document.read", [one.verdicts for one in whole])
    section.figures.append(Figure("document.left_out", "left out: print not known to be one place", left_out, left_out + len(cases), "count"))
    section.note("document error MENDED (built-in reader)", (one for one in whole if one.mended))
    section.note("document error, verdict on the reading (built-in reader)", (one for one in whole if "reading" in one.verdicts))


def _verdicts(key: str, verdicts: Sequence[Mapping[str, int]]) -> list[Figure]:
    total: Counter[str] = Counter()
    for one in verdicts:
        total.update(one)
    return [
        Figure(f"{key}.verdict.{name}", f"  failing checks, verdict: {name}", total[name] / max(total.total(), 1), total.total())
        for name in ("document", "undecided", "reading")
    ]


@dataclass(frozen=True, slots=True)
class Read:
    """What the whole pipeline makes of a page: failing checks by verdict, corrections in words, and `failing` or once failing checks."""

    told: str
    verdicts: Mapping[str, int]
    mended: tuple[str, ...]
    failing: int

    def __str__(self) -> str:
        return f"{self.told}; {dict(self.verdicts)}" + "".join(f"; MENDED {one}" for one in self.mended)


def reread(case: Case) -> Read:
    """Read the page of a case with the built-in reader."""
    layout = case.layout or case.subject.layout
    assert layout is not None
    text = layout.text[layout.start : layout.end]
    result = structure_document(Document("page", text, "", "text/plain", (Page(1, 0, len(text)),)), Plan((case.subject.schema,)))
    broken = [one for record in result.records for one in record.checks if one.holds is False]
    mended = [one for record in result.records for one in record.mended]
    changed = tuple(
        f"{place} {value.correction.text}>{value.text}" for record in result.records for place, value in record.leaves.items() if value.correction
    )
    return Read(f"{case.name}: {case.told}", Counter(str(one.verdict.value) for one in broken if one.verdict), changed, len(broken) + len(mended))


def rows(subjects: Sequence[Subject], number: int, seed: str, section: Section) -> None:
    """Rows dropped and doubled; those that change no sum are left out, and counted."""
    for kind, make in (("dropped", dropped), ("doubled", doubled)):
        drawn = [
            (subject, *row, f"{seed}/{kind}/{subject.name}/{row[0]}/{row[1]}")
            for subject in subjects
            for row in _drawn(subject, number, f"{seed}/{kind}/{subject.name}")
        ]
        able = [one for one in drawn if changes_a_sum(*one[:3])]
        found = [judged(make(*one)) for one in able]
        section.figures.append(share(f"row.{kind}.detected", f"row {kind}: detected", found, lambda one: one.detected, least=1.0))
        section.figures.append(share(f"row.{kind}.only", "  shown as such, alone", found, lambda one: one.outcome == "the only set"))
        section.figures.append(share(f"row.{kind}.named", "  shown as such, alone or among several", found, lambda one: one.wrong in one.sets))
        section.figures.append(count(f"row.{kind}.false", "  false corrections", found, lambda one: len(one.false) + one.right, most=0))
        section.figures.append(Figure(f"row.{kind}.left_out", "  left out: changes no sum", len(drawn) - len(able), len(drawn), "count"))
        section.note(f"row {kind}, not detected", (one for one in found if not one.detected))
        section.note(f"row {kind}, WRONGLY MENDED", (one for one in found if one.false or one.right))
        section.note(f"row {kind}, not shown as such", (one for one in found if one.detected and one.wrong not in one.sets))


def _drawn(subject: Subject, number: int, seed: str) -> list[tuple[str, int]]:
    every = rows_of(subject)
    return random.Random(seed).sample(every, min(number, len(every)))


def others(subjects: Sequence[Subject], number: int, seed: str, section: Section) -> None:
    """Figures passed over, moved by a column, or appended to another row."""
    for kind, make in (("missing", blanked), ("shifted", shifted), ("swallowed", swallowed)):
        every = [judged(case) for case in spoilt(subjects, number, f"{seed}/{kind}", make)]
        found = detected(every)
        section.figures.append(share(f"{kind}.detected", f"{kind}: detected", every, lambda one: one.detected))
        section.figures.append(share(f"{kind}.only", "  all wrong cells, the only set", found, lambda one: one.outcome == "the only set"))
        section.figures.append(share(f"{kind}.within", "  some set names wrong cells only", found, _names_wrong_only))
        section.figures.append(share(f"{kind}.beside", "  no set names a wrong cell", found, lambda one: not _names_wrong(one)))
        section.figures += [replace(one, words=f"  {one.words.removeprefix(kind + ': ').strip()}") for one in mendings(kind, kind, found)]
        section.note(f"{kind}, WRONGLY MENDED", (one for one in found if one.false))
        section.note(f"{kind}, no set names a wrong cell", (one for one in found if not _names_wrong(one)))


def _names_wrong_only(found: Found) -> bool:
    return any(all(_is_wrong(found, name) for name in one) for one in found.sets)


def _names_wrong(found: Found) -> bool:
    return any(_is_wrong(found, name) for one in found.sets for name in one)


def _is_wrong(found: Found, name: str) -> bool:
    """A wrong cell; and the lost row, where one was swallowed."""
    return name in found.wrong or (found.kind == "swallowed" and name.endswith("/-"))


def invoices(schema: Schema, seed: str, per_size: int, section: Section) -> dict[int, list[Found]]:
    """One error in invoices of 5 to 300 lines."""
    subjects = {
        lines: [invoice(f"{seed}/{lines}/{number}", lines, schema) for number in range(INVOICES_OF[lines])] for lines in INVOICE_LINES
    }
    cases = {lines: spoilt(own, max(per_size // len(own), 1), f"{seed}/invoice", lambda one, name: slipped(one, 1, name)) for lines, own in subjects.items()}  # fmt: skip
    flagged = [found for own in subjects.values() for one in own if (found := judged(Case(one.name, one, one.texts, one.rows, one.texts, (), ""))).detected]
    section.figures.append(Figure("invoice.flagged", "true invoices flagged", len(flagged), sum(map(len, subjects.values())), "count", most=0))
    by_size = {lines: [judged(case) for case in own] for lines, own in cases.items()}
    every = [one for own in by_size.values() for one in own]
    alone = detected(judged(case, page=False) for own in cases.values() for case in own)
    section.figures.append(share("invoice.detected", "one error detected", every, lambda one: one.detected, least=1.0))
    section.figures += outcomes("invoice.page", "with the page", detected(every), 0.92)
    section.figures += outcomes("invoice.alone", "by the checks alone", alone)
    section.figures += mendings("invoice", "one error", detected(every), most=0.0)
    section.note("not detected", (one for one in every if not one.detected))
    _note_wrong(section, "invoice", detected(every))
    return by_size


def invoice_times(schema: Schema, seed: str, by_size: Mapping[int, list[Found]], section: Section) -> None:
    """Of the longest invoices: one error and five."""
    lines = INVOICE_LINES[-1]
    subject = invoice(f"{seed}/{lines}/0", lines, schema)
    five = [judged(case) for case in spoilt([subject], 5, f"{seed}/five", lambda one, name: slipped(one, 5, name))]
    ones = by_size[lines]
    section.figures += milliseconds("time.invoice", f"{lines} lines, one error, blame", [one.spent.blame for one in ones])
    section.figures += milliseconds("time.invoice.confront", f"{lines} lines, confronting", [one.spent.confront for one in ones])[:1]
    section.figures += milliseconds("time.invoice.ground", f"{lines} lines, grounding", [one.spent.ground for one in ones])[:1]
    section.figures += milliseconds("time.invoice.evidence", f"{lines} lines, evidence", [one.spent.evidence for one in ones])[:1]
    section.figures.append(
        Figure("time.invoice.five", f"{lines} lines, five errors, blame: max", max(one.spent.blame for one in five), len(five), "ms", most=1000)
    )
    section.figures += outcomes("invoice.five", f"{lines} lines, five errors", five)


def times(found: Sequence[Found], many: Sequence[Found], section: Section) -> None:
    """What judging one record takes."""
    limits = {"median": 3.0, "p95": 15.0}
    section.figures += milliseconds("time.localise", "one error, localising and mending", [one.spent.localise for one in found], limits)
    section.figures += milliseconds("time.blame", "  the whole of blame()", [one.spent.blame for one in found])
    section.figures += milliseconds("time.confront", "  parsing and confronting", [one.spent.confront for one in found])
    section.figures += milliseconds("time.ground", "  grounding", [one.spent.ground for one in found])
    section.figures += milliseconds("time.evidence", "  evidence", [one.spent.evidence for one in found])
    section.figures += milliseconds("time.five", "five errors, blame()", [one.spent.blame for one in many], {"max": 1000.0})


def own_inconsistencies(files: Sequence[Path], schemas: tuple[Schema, ...], section: Section) -> None:
    """The failing checks of the sources themselves, as the built-in reader reads them."""
    verdicts: Counter[str] = Counter()
    mended, records = 0, 0
    for file in files:
        result = structure_document(ingest.read(file), Plan(schemas))
        for record in result.records:
            records += 1
            mended += len(record.mended) + sum(value.correction is not None for value in record.leaves.values())
            broken = [one for one in record.checks if one.holds is False]
            verdicts.update(str(one.verdict.value) if one.verdict else "none" for one in broken)
            where = f"{_called(file)}#{record.index} {record.kind}"
            section.note("failing checks of the sources", (f"{where} {one.id} {one.pointer}: {one.outcome.words} -> {one.verdict}: {one.evidence}; blame {record.localised}: {record.blame[:3]}" for one in broken))  # fmt: skip
    section.figures.append(Figure("source.failing", "the sources' own failing checks", verdicts.total(), records, "count"))
    section.figures += [
        Figure(f"source.{name}", f"  verdict: {name}", verdicts[name], verdicts.total(), "count", most=0 if name == "reading" else None)
        for name in ("document", "undecided", "reading", "none")
    ]
    section.figures.append(Figure("source.mended", "  mended", mended, records, "count", most=0))


def _called(file: Path) -> str:
    return file.parent.name if file.stem == "source" else file.stem[:3]


# -- all of it -----------------------------------------------------------------------------------------------------------


def measured(subjects: Sequence[Subject], files: Sequence[Path], schemas: tuple[Schema, ...], per_form: int, seed: int) -> list[Section]:
    """Every figure, in sections."""
    amounts, root = Amounts.of(per_form), str(seed)
    seen, found, two, wrong, row, rest, bills, time, own = (
        Section(title)
        for title in (
            "detection", "one error", "two errors and five", "errors of the document", "rows", "blanks and shifts", "invoices", "time", "the sources themselves",
        )
    )  # fmt: skip
    with_page, _ = singles(spoilt(subjects, amounts.singles, f"{root}/one", lambda one, name: slipped(one, 1, name)), found, seen)
    clean(subjects, seen)
    many = several(
        spoilt(subjects, amounts.pairs, f"{root}/two", lambda one, name: slipped(one, 2, name)),
        spoilt(subjects, amounts.fives, f"{root}/five", lambda one, name: slipped(one, 5, name)),
        two,
    )
    printed = spoilt(subjects, amounts.documents, f"{root}/document", misprinted)
    documents(printed, amounts.documents * len(subjects) - len(printed), wrong)
    rows(subjects, amounts.rows, f"{root}/rows", row)
    others(subjects, amounts.others, root, rest)
    schema = next(schema for schema in schemas if schema.kind == "invoice")
    by_size = invoices(schema, root, per_form, bills)
    times(with_page, many, time)
    invoice_times(schema, root, by_size, time)
    own_inconsistencies(files, schemas, own)
    return [seen, found, two, wrong, row, rest, bills, time, own]


def _machine() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "unknown")
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def table(sections: Sequence[Section], show: int) -> Iterator[str]:
    """The figures for a terminal, with up to `show` of the cases that went wrong, by kind."""
    for section in sections:
        yield f"\n{section.title:58}{'measured':>12}{'of':>8}   wanted"
        for one in section.figures:
            mark = "" if one.met is None else "ok" if one.met else "MISSED"
            yield f"{one.words:58}{one.shown:>12}{one.of:>8}   {one.wanted:12}{mark}".rstrip()
    for section in sections:
        for kind, cases in section.wrong.items():
            if cases and show:
                yield f"\n{section.title}: {kind} ({len(cases)})"
                yield from (f"    {one}" for one in cases[:show])


def as_json(sections: Sequence[Section], head: Mapping[str, Any]) -> dict[str, Any]:
    """The figures by key, and all cases that went wrong."""
    found = {one.key: asdict(one) | {"met": one.met} for section in sections for one in section.figures}
    return {**head, "figures": found, "wrong": {section.title: section.wrong for section in sections}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    present = (SHARED / "truth").is_dir() and (SHARED / "reports").is_dir()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-form", type=int, default=30, metavar="N", help="single errors a form; the other kinds follow")
    parser.add_argument("--reports", type=Path, default=SHARED / "reports" if present else None, metavar="FOLDER")
    parser.add_argument("--truth", type=Path, default=SHARED / "truth" if present else None, metavar="FOLDER", help="default: golden/")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="list up to N cases of each kind that went wrong")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    began, schemas = perf_counter(), library.shipped_schemas()
    pairs = sources(asked.reports, asked.truth)
    subjects = [one for source, truth in pairs for one in subjects_of(source, truth, schemas)]
    if asked.per_form < 1 or not subjects:
        parser.error("--per-form is at least 1, and the folders hold transcribed self-evaluations")
    sections = measured(subjects, [source for source, _ in pairs], schemas, asked.per_form, asked.seed)
    head = {"date": datetime.now(UTC).isoformat(timespec="minutes"), "machine": _machine(), "forms": len(subjects), "seed": asked.seed, "per_form": asked.per_form, "seconds": round(perf_counter() - began)}  # fmt: skip
    if asked.json:
        print(json.dumps(as_json(sections, head), indent=1, ensure_ascii=False))
        return
    print(f"{head['date']}, {head['machine']}\n{len(subjects)} forms, {asked.per_form} single errors a form, seed {asked.seed}, {head['seconds']} s")
    print(*table(sections, asked.show), sep="\n")


if __name__ == "__main__":
    main()
