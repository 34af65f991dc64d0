"""Which wrong cell is found, which is mended, and which document is mended that should not be: true records, spoilt and judged.

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
import gc
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
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

from structurer import __version__, library
from structurer.builtin import reader
from structurer.contracts.schema import Kind, Leaf, Schema
from structurer.document import Document, Page, Span
from structurer.intake import ingest
from structurer.judging.blame import Blamed, blame
from structurer.judging.confront import Figures, check, figures, joined
from structurer.judging.evidence import Pending
from structurer.judging.ground import ground
from structurer.layout import Layout
from structurer.localisation.reconcile import Status
from structurer.pipeline import Plan, structure_document
from structurer.record import Checked, Extract, Match, Record, Value, leaf_pointers
from structurer.segment import segment

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
KIND = "self_evaluation"
INVOICES_OF = {5: 4, 10: 4, 20: 3, 40: 2, 80: 2, 150: 1, 300: 1}  # how many of each number of lines

Texts = Mapping[str, str | None]  # verbatim, by JSON pointer


# -- slips: how a figure is misread or mistyped --------------------------------------------------------------------------

_PRINT = re.compile(r"([^\d.,]*)(\d+(?:,\d{3})*(?:\.\d+)?)([^\d.,]*)")
_ALIKE = ("689", "74", "73", "859", "91", "63", "850", "12", "360", "407")  # of each digit those of like outline


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
    if found is None:
        return None
    return Decimal(found[2].replace(",", "")) * (-1 if found[1].endswith("-") else 1)


def confused(rng: random.Random, figure: str) -> str:
    """One digit read as another of like outline."""
    index = rng.choice(_digits(figure))
    return figure[:index] + rng.choice(_ALIKE[int(figure[index])]) + figure[index + 1 :]


def transposed(rng: random.Random, figure: str) -> str:
    """Two neighbouring digits changed about."""
    places = [(one, other) for one, other in pairwise(_digits(figure)) if figure[one] != figure[other]]
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
    return format(abs(Decimal(plain) + step), "f")


def _digits(figure: str) -> list[int]:
    return [index for index, char in enumerate(figure) if char.isdigit()]


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
            if amount(now) not in (None, amount(was)):
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
    def held(self) -> tuple[Checked, ...]:
        """The checks that hold."""
        found = check(self.schema, joined(self.schema, figures(self.schema, self.texts, self.rows).facts))
        return tuple(one for one in found if one.holds)

    @cached_property
    def checked(self) -> tuple[str, ...]:
        """The figures that a check reads which holds."""
        covered = {cell for one in self.held for cell in one.outcome.cells}
        numbers = [place for place, leaf in self.leaves.items() if leaf.kind in (Kind.NUMBER, Kind.PERCENT)]
        return tuple(place for place in numbers if place in covered and amount(self.texts[place]) is not None)

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
            for one, other in pairwise(group):
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
    found = []
    for number, (part, form) in enumerate(zip(parts, forms, strict=True)):
        form.pop("kind")
        found.append(Subject(f"{called(source)}#{number}", part.schema, *flat(form), text, part.start, part.end))
    return found


def called(source: Path) -> str:
    """A document by the number of its report, or by its folder in golden/."""
    return source.parent.name if source.stem == "source" else source.stem[:3]


def sources(reports: Path | None, truth: Path | None) -> list[tuple[Path, Path]]:
    """Documents with their transcriptions: those of the given folders, else of the repository."""
    if reports is None or truth is None:
        return [(next(file.parent.glob("source.*")), file) for file in sorted((ROOT / "golden").glob("*/expected.json"))]
    files = sorted(truth.glob("[0-9]*.json"))
    return [(reports / json.loads(file.read_text("utf-8"))["document"], file) for file in files]


# -- invoices ------------------------------------------------------------------------------------------------------------

_GOODS = ("paper", "folders", "chairs", "lamps", "desks", "cables", "screens", "brushes", "paint", "screws", "shelves", "boxes", "labels")
_LOOKS = ("plain", "blue", "large", "small", "steel", "wooden", "folding", "spare", "coated", "recycled", "outdoor", "lined", "heavy")


def invoice(seed: str, count: int, schema: Schema) -> Subject:
    """An invoice of so many lines whose arithmetic holds, printed as lines of cells."""
    rng = random.Random(seed)
    lines = [(f"{rng.choice(_LOOKS)} {rng.choice(_GOODS)}".capitalize(), *_line(rng)) for _ in range(count)]
    subtotal = sum((quantity * price for _, quantity, price in lines), Decimal(0))
    rate = rng.choice((Decimal(7), Decimal(19), Decimal(20), Decimal(25)))
    tax = (subtotal * rate / 100).quantize(Decimal("0.01"))
    record: dict[str, Any] = dict.fromkeys(("seller", "buyer", "invoice_number", "issue_date", "currency"))
    record |= {"seller": "Harbour Lane Supplies", "buyer": "Westmere City Library", "invoice_number": f"HL-{rng.randrange(10_000, 99_999)}"}
    record["lines"] = [dict(zip(_CELLS, (name, str(of), str(price), str(of * price)), strict=True)) for name, of, price in lines]
    record |= {"subtotal": str(subtotal), "tax_rate": str(rate), "tax": str(tax), "total": str(subtotal + tax)}
    text = _printed(record)
    return Subject(f"invoice {count} {seed}", schema, *flat(record), text, 0, len(text))


_CELLS = ("description", "quantity", "unit_price", "amount")


def _line(rng: random.Random) -> tuple[int, Decimal]:
    return rng.randint(1, 60), Decimal(rng.randint(50, 40_000)).scaleb(-2)


def _printed(record: Mapping[str, Any]) -> str:
    head = [["INVOICE"], ["From", record["seller"]], ["Bill To", record["buyer"]], ["Invoice No.", record["invoice_number"]]]
    lines = [["Description", "Qty", "Unit Price", "Amount"], *([line[name] for name in _CELLS] for line in record["lines"])]
    foot = {"Subtotal": "subtotal", f"VAT ({record['tax_rate']}%)": "tax", "Total Due": "total"}
    return "".join("\t".join(row) + "\n" for row in [*head, *lines, *([label, "", "", record[name]] for label, name in foot.items())])


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
            told, kind = "; ".join(map(str, slips.values())), next(iter(slips.values())).kind if count == 1 else ""
            return Case(name, subject, texts, subject.rows, subject.texts, tuple(sorted(slips)), told, kind)
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
    """Whether a row has a figure other than nothing that a check reads together with other rows."""
    row = f"{place}/{number}"
    summed = {cell for one in subject.held if not one.pointer.startswith(place + "/") for cell in one.outcome.cells}
    return any(cell.startswith(row + "/") and cell in summed and amount(subject.texts[cell]) for cell in subject.checked)


def dropped(subject: Subject, place: str, number: int, name: str) -> Case:
    """A record that lacks a row."""
    texts = _renumbered(subject.texts, place, lambda row: None if row == number else row - (row > number))
    rows = {**subject.rows, place: subject.rows[place] - 1}
    return Case(name, subject, texts, rows, texts, (f"{place}/-",), f"{place}/{number} dropped", "row dropped")


def cut_off(subject: Subject, name: str) -> Case | None:
    """A record that lacks the last rows of a list, two to four, and keeps at least one: a reading that was broken off."""
    rng = random.Random(name)
    able = [place for place, count in subject.rows.items() if count > 2 and changes_a_sum(subject, place, count - 1)]
    if not able:
        return None
    place = rng.choice(able)
    kept = max(subject.rows[place] - rng.randint(2, 4), 1)
    texts = _renumbered(subject.texts, place, lambda row: row if row < kept else None)
    told = f"{place} cut off behind {kept} of {subject.rows[place]} rows"
    return Case(name, subject, texts, {**subject.rows, place: kept}, texts, (f"{place}/-",), told, "rows cut off")


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
    """The case, if a figure became another; a blank and a zero are as good."""
    counted = [place for place, leaf in leaf_pointers(subject.schema, rows) if leaf.kind in (Kind.NUMBER, Kind.PERCENT)]
    wrong = tuple(place for place in counted if texts[place] != truth[place] and (amount(texts[place]) or amount(truth[place])))
    return Case(name, subject, texts, rows, truth, wrong, told, kind) if any(place in subject.checked for place in wrong) else None


def _rows_with_figures(subject: Subject) -> list[str]:
    return list(dict.fromkeys(row for row in (cell.rpartition("/")[0] for cell in subject.checked) if row))


# -- judging -------------------------------------------------------------------------------------------------------------


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

    def line(self) -> str:
        """The figure for a terminal."""
        least = "" if self.least is None else f">= {self._print(self.least)}"
        most = "" if self.most is None else f"<= {self._print(self.most)}" if self.most else "none"
        mark = "" if self.met is None else "ok" if self.met else "MISSED"
        shown = self._print(self.value) if self.of or self.unit == "count" else "-"
        return f"{self.words:62}{shown:>10}{self.of:>7}   {least + most:13}{mark}".rstrip()

    def _print(self, value: float) -> str:
        return f"{value:.2%}" if self.unit == "share" else f"{value:.0f}" if self.unit == "count" else f"{value:.1f} ms"


@dataclass(slots=True)
class Section:
    """Figures under one heading, and the cases that went wrong, by kind."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def share(self, key: str, words: str, cases: Sequence[Found], holds: Callable[[Found], Any], least: float | None = None) -> None:
        """The share of some cases."""
        self.figures.append(Figure(key, words, sum(bool(holds(one)) for one in cases) / max(len(cases), 1), len(cases), least=least))

    def count(self, key: str, words: str, number: int, of: int, most: float | None = None) -> None:
        """A number of so many."""
        self.figures.append(Figure(key, words, number, of, "count", most=most))

    def outcomes(self, key: str, words: str, cases: Sequence[Found], least: float | None = None) -> None:
        """How often what is wrong was named as the only set of cells, among several sets, or not."""
        self.share(f"{key}.only", f"{words}: the only set", cases, lambda one: one.outcome == ONLY, least)
        self.share(f"{key}.among", "  among several sets", cases, lambda one: one.outcome == AMONG)
        self.share(f"{key}.wrong_alone", "  a wrong set named alone", cases, lambda one: one.outcome == WRONG)
        self.share(f"{key}.unfound", "  several without it, or none", cases, lambda one: one.outcome in UNFOUND)

    def mendings(self, key: str, words: str, cases: Sequence[Found], least: float | None = None, most: float | None = None) -> None:
        """Of the errors in some cases: the share mended, and the share mended wrongly."""
        errors = sum(len(one.wrong) for one in cases)
        right, false = sum(one.right for one in cases), sum(len(one.false) for one in cases)
        self.figures.append(Figure(f"{key}.right", f"{words}: mended", right / max(errors, 1), errors, least=least))
        self.figures.append(Figure(f"{key}.false", "  mended wrongly", false / max(errors, 1), errors, most=most))

    def verdicts(self, key: str, verdicts: Iterable[Mapping[str, int]], **most: float) -> None:
        """The checks that fail still, by whose fault they were found to be."""
        total: Counter[str] = Counter()
        for one in verdicts:
            total.update(one)
        for name in ("document", "undecided", "reading"):
            self.count(f"{key}.{name}", f"  failing checks, verdict: {name}", total[name], total.total(), most.get(name))

    def times(self, key: str, words: str, times: Sequence[float], **most: float) -> None:
        """Median, 95th percentile and longest."""
        ordered = sorted(times) or [0.0]
        at = {"median": statistics.median(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}
        self.figures += [Figure(f"{key}.{name}", f"{words}: {name}", at[name], len(times), "ms", most=most.get(name)) for name in at]

    def note(self, kind: str, cases: Iterable[object]) -> None:
        """Cases that went wrong."""
        self.wrong.setdefault(kind, []).extend(map(str, cases))

    def note_wrong(self, words: str, cases: Sequence[Found]) -> None:
        """The cases among these that were mended wrongly, or wrong cells named alone."""
        self.note(f"{words}, MENDED WRONGLY", (one for one in cases if one.false))
        self.note(f"{words}, a wrong set named alone", (one for one in cases if one.outcome == WRONG and not one.false))
        self.note(f"{words}, no set", (one for one in cases if one.outcome in UNFOUND and not one.false))


# -- what is measured ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many cases a form: with one error, two and five; errors of the document; rows dropped and doubled; other errors of each kind."""

    singles: int

    @property
    def pairs(self) -> int:
        return max(self.singles // 5, 1)

    documents = pairs

    @property
    def rows(self) -> int:
        return max(self.singles // 6, 1)

    @property
    def others(self) -> int:
        return max(self.singles // 15, 1)

    @property
    def fives(self) -> int:
        return max(self.singles // 30, 1)


def spoilt(subjects: Sequence[Subject], number: int, seed: str, make: Callable[[Subject, str], Case | None]) -> list[Case]:
    """So many cases of each form; a form that has none of this kind is left out."""
    made = (make(subject, f"{seed}/{subject.name}/{turn}") for subject in subjects for turn in range(number))
    return [case for case in made if case is not None]


def slips(subjects: Sequence[Subject], number: int, seed: str, errors: int) -> list[Case]:
    """So many cases of each form with so many errors each."""
    return spoilt(subjects, number, seed, lambda one, name: slipped(one, errors, name))


def detected(cases: Iterable[Found]) -> list[Found]:
    return [one for one in cases if one.detected]


def as_they_are(subjects: Iterable[Subject]) -> list[Found]:
    """True records judged."""
    return [judged(Case(one.name, one, one.texts, one.rows, one.texts, (), "as it is")) for one in subjects]


def detection(subjects: Sequence[Subject], cases: Sequence[Found]) -> Section:
    """What the checks see: one error in a record, and none where there is none."""
    section, clean = Section("what the checks see"), as_they_are(subjects)
    section.count("clean.flagged", "true forms flagged", len(detected(clean)), len(clean), most=0)
    section.share("single.detected", "one error: detected", cases, lambda one: one.detected, 0.995)
    for kind in SLIPS:
        section.share(f"single.detected.{kind}", f"  {kind}", [one for one in cases if one.kind == kind], lambda one: one.detected)
    section.note("true form flagged", detected(clean))
    section.note("not detected", (one for one in cases if not one.detected))
    return section


def single(found: Sequence[Found], alone: Sequence[Found]) -> Section:
    """One error: named, and mended from the page."""
    section = Section("one error")
    section.outcomes("single.page", "with the page", found, 0.985)
    section.outcomes("single.alone", "by the checks alone", alone, 0.85)
    section.mendings("single", "with the page", found, 0.97, 0.0)
    section.verdicts("single.verdict", [one.verdicts for one in found])
    section.note_wrong("one error", found)
    section.note("one error, several sets", (one for one in found if one.outcome == AMONG))
    section.note("one error of the reading, verdict on the document", (one for one in found if "document" in one.verdicts))
    return section


def several(pairs: Sequence[Case], fives: Sequence[Case]) -> tuple[Section, list[Found]]:
    """Two and five errors in one record; and what was found of the fives."""
    section, two, five = Section("two errors, and five"), detected(map(judged, pairs)), detected(map(judged, fives))
    section.outcomes("double.page", "two errors, with the page", two, 0.95)
    section.outcomes("double.alone", "two errors, by the checks alone", detected(judged(case, page=False) for case in pairs))
    section.mendings("double", "two errors, with the page", two, most=0.005)
    section.outcomes("five.page", "five errors, with the page", five)
    section.mendings("five", "five errors, with the page", five)
    bare = detected(judged(case, page=False) for case in fives)
    section.outcomes("five.alone", "five errors, by the checks alone", bare)
    section.note_wrong("two errors", two)
    section.note("five errors, MENDED WRONGLY", (one for one in five if one.false))
    section.note("five errors, more than a second", (one for one in [*five, *bare] if one.spent.blame > 1000))
    return section, [*five, *bare]


def documents(cases: Sequence[Case], asked: int) -> Section:
    """Errors of the document itself: judged as a reading that was looked up, and read from the page by the built-in reader."""
    section, found = Section("errors of the document"), detected(map(judged, cases))
    section.count("document.mended", "looked up: mended", sum(one.right + len(one.false) > 0 for one in found), len(found), most=0)
    section.verdicts("document.verdict", [one.verdicts for one in found])
    section.outcomes("document", "looked up, the cell named", found)
    read = [one for one in map(reread, cases) if one.failing]
    section.count("document.read.mended", "by the built-in reader: mended", sum(bool(one.mended) for one in read), len(read), most=0)
    section.verdicts("document.read.verdict", [one.verdicts for one in read])
    section.count("document.left_out", "left out: not printed in one known place", asked - len(cases), asked)
    section.note("document error MENDED", [one for one in found if one.right or one.false] + [one for one in read if one.mended])
    section.note("document error, verdict on the reading", [one for one in found if "reading" in one.verdicts])
    section.note("document error, verdict on the reading", [one for one in read if "reading" in one.verdicts])
    return section


@dataclass(frozen=True, slots=True)
class Read:
    """What the whole pipeline makes of a page: its failing checks by verdict, corrections in words, and how many fail or failed."""

    told: str
    verdicts: Mapping[str, int]
    mended: tuple[str, ...]
    failing: int

    def __str__(self) -> str:
        return f"{self.told}; read by the built-in reader: {dict(self.verdicts)}" + "".join(f"; MENDED {one}" for one in self.mended)


def reread(case: Case) -> Read:
    """Read the page of a case with the built-in reader."""
    layout = case.layout or case.subject.layout
    assert layout is not None
    text = layout.text[layout.start : layout.end]
    (record, *_) = structure_document(
        Document("page", text, "", "text/plain", (Page(1, 0, len(text)),)), Plan((case.subject.schema,))
    ).records
    return Read(f"{case.name}: {case.told}", *_fate(record))


def _fate(record: Record) -> tuple[Counter[str], tuple[str, ...], int]:
    """Its failing checks by verdict, its corrections in words, and how many checks fail or failed."""
    broken = [one for one in record.checks if one.holds is False]
    corrected = [(place, value) for place, value in record.leaves.items() if value.correction]
    words = tuple(f"{place} {value.correction.text}>{value.text}" for place, value in corrected if value.correction)
    return Counter(str(one.verdict) for one in broken), words, len(broken) + len(record.mended)


def rows(subjects: Sequence[Subject], number: int, seed: str) -> Section:
    """Rows dropped and doubled; those that change no sum are left out, and counted."""
    section = Section("rows")
    for kind, make in (("dropped", dropped), ("doubled", doubled)):
        drawn = [(one, *row) for one in subjects for row in _drawn(one, number, f"{seed}/{kind}/{one.name}")]
        able = [row for row in drawn if changes_a_sum(*row)]
        found = [judged(make(*row, f"{seed}/{kind}/{row[0].name}{row[1]}/{row[2]}")) for row in able]
        section.share(f"row.{kind}.detected", f"row {kind}: detected", found, lambda one: one.detected, 1.0)
        section.share(f"row.{kind}.only", "  shown as such, alone", found, lambda one: one.outcome == ONLY)
        section.share(f"row.{kind}.named", "  shown as such, alone or among several", found, lambda one: one.wrong in one.sets)
        section.count(f"row.{kind}.false", "  false corrections", sum(len(one.false) + one.right for one in found), len(found), most=0)
        section.count(f"row.{kind}.left_out", "  left out: changes no sum", len(drawn) - len(able), len(drawn))
        section.note(f"row {kind}, not detected", (one for one in found if not one.detected))
        section.note(f"row {kind}, MENDED WRONGLY", (one for one in found if one.false or one.right))
        section.note(f"row {kind}, not shown as such", (one for one in found if one.detected and one.wrong not in one.sets))
    found = [judged(case) for case in spoilt(subjects, number, f"{seed}/cut", cut_off)]
    section.share("row.cut.detected", "two to four last rows cut off: detected", found, lambda one: one.detected)
    section.share("row.cut.only", "  shown as such, alone", found, lambda one: one.outcome == ONLY)
    section.share("row.cut.named", "  shown as such, alone or among several", found, lambda one: one.wrong in one.sets)
    section.count("row.cut.false", "  false corrections", sum(len(one.false) + one.right for one in found), len(found), most=0)
    section.verdicts("row.cut.verdict", [one.verdicts for one in found])
    section.note("rows cut off, not shown as such", (one for one in found if one.detected and one.wrong not in one.sets))
    return section


def _drawn(subject: Subject, number: int, seed: str) -> list[tuple[str, int]]:
    every = rows_of(subject)
    return random.Random(seed).sample(every, min(number, len(every)))


def others(subjects: Sequence[Subject], number: int, seed: str) -> Section:
    """Figures passed over, moved by a column, or appended to another row."""
    section = Section("blanks, shifts and rows run together")
    for kind, make in (("missing", blanked), ("shifted", shifted), ("swallowed", swallowed)):
        every = [judged(case) for case in spoilt(subjects, number, f"{seed}/{kind}", make)]
        found = detected(every)
        section.share(f"{kind}.detected", f"{kind}: detected", every, lambda one: one.detected)
        section.share(f"{kind}.only", "  all wrong cells, the only set", found, lambda one: one.outcome == ONLY)
        section.share(f"{kind}.within", "  a set of wrong cells only", found, lambda one: any(map(one.is_wrong, one.sets)))
        section.share(f"{kind}.beside", "  no set names a wrong cell", found, lambda one: not one.names_wrong)
        section.mendings(kind, "  cells", found)
        section.note(f"{kind}, MENDED WRONGLY", (one for one in found if one.false))
        section.note(f"{kind}, no set names a wrong cell", (one for one in found if not one.names_wrong))
    return section


def invoices(by_size: Mapping[int, Sequence[Subject]], per_size: int, seed: str) -> tuple[Section, dict[int, list[Found]]]:
    """One error in invoices of 5 to 300 lines; and what was found, by the number of lines."""
    section, clean = Section("invoices"), as_they_are(one for own in by_size.values() for one in own)
    cases = {lines: slips(own, max(per_size // len(own), 1), f"{seed}/invoice", 1) for lines, own in by_size.items()}
    found = {lines: [judged(case) for case in own] for lines, own in cases.items()}
    every = [one for own in found.values() for one in own]
    section.count("invoice.flagged", "true invoices flagged", len(detected(clean)), len(clean), most=0)
    section.share("invoice.detected", "one error: detected", every, lambda one: one.detected, 1.0)
    section.outcomes("invoice.page", "with the page", detected(every), 0.92)
    section.outcomes("invoice.alone", "by the checks alone", detected(judged(case, page=False) for own in cases.values() for case in own))
    section.mendings("invoice", "with the page", detected(every), most=0.0)
    section.note("true invoice flagged", detected(clean))
    section.note("invoice, not detected", (one for one in every if not one.detected))
    section.note_wrong("invoice", detected(every))
    return section, found


def times(found: Sequence[Found], many: Sequence[Found], ones: Sequence[Found], fives: Sequence[Found], lines: int) -> Section:
    """What judging one record takes; the last two are of the longest invoices."""
    section = Section("CPU time of one record")
    section.times("time.localise", "localising and mending one error", [one.spent.localise for one in found], median=3.0, p95=15.0)
    section.times("time.blame", "  all of blame()", [one.spent.blame for one in found])
    section.times("time.parse", "  parsing", [one.spent.parse for one in found])
    section.times("time.confront", "  confronting", [one.spent.confront for one in found])
    section.times("time.ground", "  grounding", [one.spent.ground for one in found])
    section.times("time.evidence", "  evidence", [one.spent.evidence for one in found])
    section.times("time.five", "five errors, all of blame()", [one.spent.blame for one in many], max=1000.0)
    section.times("time.invoice", f"{lines} lines, one error: all of blame()", [one.spent.blame for one in ones], max=1000.0)
    section.times("time.invoice.ground", "  grounding", [one.spent.ground for one in ones])
    section.times("time.invoice.five", f"{lines} lines, five errors: all of blame()", [one.spent.blame for one in fives], max=1000.0)
    section.outcomes("invoice.five", f"{lines} lines, five errors", fives)
    return section


def own_inconsistencies(files: Sequence[Path], plan: Plan) -> Section:
    """The failing checks of the sources themselves, as the built-in reader reads them."""
    section, verdicts = Section("the sources themselves, read by the built-in reader"), list[Counter[str]]()
    records = [(called(file), record) for file in files for record in structure_document(ingest.read(file), plan).records]
    mended = 0
    for name, record in records:
        counted, corrections, _ = _fate(record)
        verdicts.append(counted)
        mended += len(record.mended) + len(corrections)
        where = f"{name}#{record.index} {record.kind}"
        section.note("failing checks", (f"{where} {_told(one)}; sets {record.blame[:3]}" for one in record.checks if one.holds is False))
    section.count(
        "source.failing", "failing checks", sum(one.total() for one in verdicts), sum(len(record.checks) for _, record in records)
    )
    section.verdicts("source", verdicts, reading=0)
    section.count("source.mended", "  mended", mended, len(records), most=0)
    return section


def _told(one: Checked) -> str:
    return f"{one.id} {one.pointer}: {one.outcome.words} Verdict: {one.verdict}, {one.evidence}"


# -- all of it -----------------------------------------------------------------------------------------------------------


def measured(subjects: Sequence[Subject], files: Sequence[Path], plan: Plan, per_form: int, seed: int) -> list[Section]:
    """Every figure, in sections."""
    amounts, root, lines = Amounts(per_form), str(seed), max(INVOICES_OF)
    ones = slips(subjects, amounts.singles, f"{root}/one", 1)
    with_page, alone = [judged(case) for case in ones], [judged(case, page=False) for case in ones]
    more, many = several(slips(subjects, amounts.pairs, f"{root}/two", 2), slips(subjects, amounts.fives, f"{root}/five", 5))
    printed = spoilt(subjects, amounts.documents, f"{root}/document", misprinted)
    schema = next(schema for schema in plan.schemas if schema.kind == "invoice")
    by_size = {size: [invoice(f"{root}/{number}", size, schema) for number in range(of)] for size, of in INVOICES_OF.items()}
    bills, found = invoices(by_size, per_form, root)
    fives = [judged(case) for case in slips(by_size[lines], max(per_form // 3, 1), f"{root}/five", 5)]
    return [
        detection(subjects, with_page),
        single(detected(with_page), detected(alone)),
        more,
        documents(printed, amounts.documents * len(subjects)),
        rows(subjects, amounts.rows, root),
        others(subjects, amounts.others, root),
        bills,
        times(with_page, many, found[lines], fives, lines),
        own_inconsistencies(files, plan),
    ]


def _machine() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "unknown")
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}"


def table(sections: Sequence[Section], show: int) -> Iterator[str]:
    """The figures for a terminal; the sources' own failing checks, and up to `show` of the cases that went wrong, by kind."""
    for section in sections:
        yield f"\n{section.title:62}{'measured':>10}{'of':>7}   wanted"
        yield from (one.line() for one in section.figures)
    yield from (f"  {one}" for one in sections[-1].wrong.get("failing checks", ()))
    for section in sections[:-1]:
        for kind, cases in section.wrong.items():
            if cases and show:
                yield f"\n{kind} ({len(cases)})"
                yield from (f"  {one}" for one in cases[:show])


def as_json(sections: Sequence[Section], head: Mapping[str, Any]) -> dict[str, Any]:
    """The figures by key, and all cases that went wrong."""
    found = {one.key: asdict(one) | {"met": one.met} for section in sections for one in section.figures}
    return {**head, "figures": found, "wrong": {kind: cases for section in sections for kind, cases in section.wrong.items()}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    present = (SHARED / "truth").is_dir() and (SHARED / "reports").is_dir()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-form", type=int, default=30, metavar="N", help="single errors a form; the other kinds follow")
    parser.add_argument("--reports", type=Path, default=SHARED / "reports" if present else None, metavar="FOLDER")
    parser.add_argument("--truth", type=Path, default=SHARED / "truth" if present else None, metavar="FOLDER", help="default: golden/")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="list up to N cases of each kind that went wrong")
    parser.add_argument("--json", action="store_true", help="print JSON, with all of those")
    asked = parser.parse_args()
    plan, began = Plan(library.shipped_schemas()), perf_counter()
    pairs = sources(asked.reports, asked.truth)
    subjects = [one for source, truth in pairs for one in subjects_of(source, truth, plan.schemas)]
    if asked.per_form < 1 or not subjects:
        parser.error("--per-form is at least 1, and the folders hold transcribed self-evaluations")
    gc.freeze()  # the collector shall walk what is judged, not the corpus that a run of the product would not hold
    sections = measured(subjects, [source for source, _ in pairs], plan, asked.per_form, asked.seed)
    date, seconds = datetime.now(UTC).isoformat(timespec="minutes"), round(perf_counter() - began)
    head = {"structurer": __version__, "python": platform.python_version(), "date": date, "machine": _machine(), "seconds": seconds}
    head |= {"forms": len(subjects), "per_form": asked.per_form, "seed": asked.seed}
    if asked.json:
        print(json.dumps(as_json(sections, head), indent=1, ensure_ascii=False))
        return
    print(f"structurer {head['structurer']}, Python {head['python']}, {head['date']}\n{head['machine']}")
    print(f"{head['forms']} forms, {head['per_form']} single errors a form, seed {head['seed']}, {head['seconds']} s")
    print(*table(sections, asked.show), sep="\n")


if __name__ == "__main__":
    main()
