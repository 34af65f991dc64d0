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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from reconcile_figures import Section
from reconcile_judged import AMONG, ONLY, Found, judged
from reconcile_slips import SLIPS
from reconcile_spoilt import Case, blanked, changes_a_sum, cut_off, doubled, dropped, misprinted, rows_of, shifted, slipped, swallowed
from reconcile_subjects import ROOT, Subject, called, invoice, sources, subjects_of

from structurer import __version__, library
from structurer.document import Document, Page
from structurer.intake import ingest
from structurer.pipeline import Plan, structure_document
from structurer.record import Checked, Record

SHARED = ROOT.parent / "shared"
INVOICES_OF = {5: 4, 10: 4, 20: 3, 40: 2, 80: 2, 150: 1, 300: 1}  # how many of each number of lines


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
