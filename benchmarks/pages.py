"""How well pages are read: papers with known truth (`tests/papers.py`), born digital and scanned (`tests/scanning.py`).

    python benchmarks/pages.py born  [--seeds 5] [--first 0] [--kind KIND] [--producer NAME] [--show 5]
    python benchmarks/pages.py speed [--seeds 5] [--first 0] [--rounds 5]
    python benchmarks/pages.py scans [--seeds 2] [--first 0] [--dpi 150 ...] [--level light ...] [--effect stamp ...] [--show 5]

born: cells right of all (text without white space, row, column and extent), tables of which every cell is right, and the whole way without
a model: leaves found, numbers that are wrong and not flagged. Typst and reportlab always, Chromium and LibreOffice where installed.
speed: pages a second of `ingest.read`, and of pdfplumber's words and tables, on the same files in turn, in one process; wall time.
scans: numbers right, numbers for which something else was read, how many of these carry doubt, how many were lost; characters wrong of
all in cells; how well confidence tells wrong cells from right ones (AUROC); cells right with their places; wall time; the whole way.
"""

from __future__ import annotations

import argparse
import logging
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import papers
import pdfplumber
import programs
from endpoint_figures import machine
from layouts import KINDS
from pages_cells import Tally, auroc, compared
from papers import PRODUCERS, Paper, paper
from scanning import EFFECTS, LEVELS, as_pdf, as_png, page_count, scanned

from structurer import __version__, library
from structurer.document import Document
from structurer.errors import InputError
from structurer.evaluation.score import Figures, Scored, Scores, Verdict, figures, score
from structurer.intake import ingest
from structurer.pipeline import Plan, structure_document
from structurer.record import as_json

PLAN = Plan(library.shipped_schemas())
DPI = (100, 150, 200, 300)
SCANNED_KINDS = ("self_evaluation", "invoice", "generic")
SCANNED_PRODUCERS = ("typst", "reportlab")  # a scan does not show which program printed the page


@dataclass(frozen=True, slots=True)
class Reading:
    """A paper and what came of reading it; `scores` only where it holds forms."""

    name: str
    cells: Tally
    scores: Scores | None
    seconds: float
    pages: int
    unread: str = ""


def read(name: str, made: Paper, path: Path) -> Reading:
    """Reads a file that prints the paper, its cells and the whole way."""
    document, unread, start = None, "", perf_counter()
    try:
        document = ingest.read(path)
    except InputError as error:
        unread = str(error)
    seconds = perf_counter() - start
    found = score(list(records(document)) if document else [], made.forms, {}, KINDS) if made.forms else None
    return Reading(name, compared(document, made.tables), found, seconds, page_count(made.raw), unread)


def records(document: Document) -> Iterator[dict[str, Any]]:
    """The exchange records of a document."""
    schemas = {schema.kind: schema for schema in PLAN.schemas}
    for record in structure_document(document, PLAN).records:
        values = as_json(schemas[record.kind], {place: leaf.value for place, leaf in record.leaves.items()}, record.rows)
        yield {"kind": record.kind, "record": values, "review": [review.pointer for review in record.review]}


MANNERS: dict[str, dict[str, bool]] = {
    "": {},
    " long": {"long": True},
    " long, rows torn": {"long": True, "torn": True},
    ", no rules": {"rules": False},
}
WHOLE = ("", " long")  # the manners that are summed up


# -- born --------------------------------------------------------------------------------------------------------------


def born(chosen: argparse.Namespace, folder: Path) -> Iterator[str]:
    """A line for each producer and kind of paper."""
    yield f"{'producer, paper':44}{'cells':>8}{'right':>9}{'tables':>8}{'whole':>7}{'extra':>6}{WHOLE_WAY}"
    everything: list[Reading] = []
    for producer in chosen.producer or PRODUCERS:
        own: list[Reading] = []
        for kind, (manner, options) in product(chosen.kind or papers.KINDS, MANNERS.items()):
            if producer == "reportlab" and "torn" in options:
                continue
            label = f"{producer} {kind}{manner}"
            seeds = range(chosen.first, chosen.first + chosen.seeds)
            readings = [_born(f"{label} {seed}", paper(kind, producer, seed, **options), folder) for seed in seeds]
            yield _born_line(label, readings)
            own += readings if manner in WHOLE else []
        yield _born_line(f"{producer}, rules and whole rows", own)
        everything += own
    yield from _worst(everything, chosen.show)


def _born(name: str, made: Paper, folder: Path) -> Reading:
    path = folder / "paper.pdf"
    path.write_bytes(made.raw)
    return read(name, made, path)


def _born_line(label: str, readings: Sequence[Reading]) -> str:
    cells = _tally(readings)
    shown = (
        f"{cells.cells:8}{_share(cells.right, cells.cells):>9}{cells.tables:8}{_share(cells.whole, cells.tables, 3):>7}{cells.surplus:6}"
    )
    return f"{label:44}{shown}{_whole_way(readings)}"


# -- the whole way -----------------------------------------------------------------------------------------------------

WHOLE_WAY = f"{'leaves':>9}{'recall':>9}{'silent':>8}{'numbers':>9}{'flagged':>9}{'unread':>8}"


def _whole_way(readings: Sequence[Reading]) -> str:
    leaves = [leaf for reading in readings if reading.scores for leaf in reading.scores.leaves]
    found: Figures = figures(leaves)
    recall, flagged = _share(found.right, found.leaves), _share(found.flagged, found.everything)
    unread = sum(bool(reading.unread) for reading in readings)
    return f"{found.leaves:9}{recall:>9}{found.silent:8}{sum(map(_is_silent_number, leaves)):9}{flagged:>9}{unread:8}"


def _is_silent_number(leaf: Scored) -> bool:
    """A wrong number that nobody is asked to look at."""
    return leaf.silent and leaf.verdict is not Verdict.MISSED and str(leaf.value).replace(".", "").replace(",", "").isdigit()


def _tally(readings: Iterable[Reading]) -> Tally:
    found = Tally()
    for reading in readings:
        found.add(reading.cells)
    return found


def _share(part: int, whole: int, places: int = 4) -> str:
    return f"{part / whole:.{places}f}" if whole else "-"


def _worst(readings: Iterable[Reading], count: int) -> Iterator[str]:
    """The readings with the fewest cells right, and what went wrong in their records."""
    for reading in sorted(readings, key=lambda reading: reading.cells.right / max(reading.cells.cells, 1))[:count]:
        yield f"{reading.name}: {reading.cells.right} of {reading.cells.cells} cells right {reading.unread}"
        for pair in [pair for pair in reading.cells.pairs if not pair.is_right][:6]:
            yield f"    {pair.printed[:50]!r} read as {(pair.read or '')[:50]!r} ({pair.confidence:.2f})"
        for leaf in [leaf for leaf in (reading.scores.leaves if reading.scores else ()) if leaf.silent][:6]:
            yield f"    SILENT {leaf.place} {leaf.verdict}: {str(leaf.value)[:50]!r} != {str(leaf.expected)[:50]!r}"


# -- speed -------------------------------------------------------------------------------------------------------------


def speed(chosen: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Each file by both in turn, several times; of each file the quickest counts, because a busy machine only ever adds time."""
    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # its warnings would cost it time
    yield f"{'producer':20}{'pages':>7}{'ingest.read':>16}{'pdfplumber':>16}{'ratio':>9}"
    total = [0.0, 0.0, 0.0]
    for producer in chosen.producer or PRODUCERS:
        sums = [0.0, 0.0, 0.0]
        for number, (kind, seed) in enumerate(product(papers.KINDS, range(chosen.first, chosen.first + chosen.seeds))):
            path = folder / f"{producer}{number}.pdf"
            path.write_bytes(paper(kind, producer, seed, long=True).raw)
            times = [(_seconds(ingest.read, path), _seconds(_by_pdfplumber, path)) for _ in range(chosen.rounds)]
            sums = [a + b for a, b in zip(sums, (page_count(path.read_bytes()), *map(min, zip(*times, strict=True))), strict=True)]
        yield _speed_line(producer, *sums)
        total = [a + b for a, b in zip(total, sums, strict=True)]
    yield _speed_line("all", *total)


def _seconds(read_file: Any, path: Path) -> float:
    start = perf_counter()
    read_file(path)
    return perf_counter() - start


def _by_pdfplumber(path: Path) -> None:
    with pdfplumber.open(path) as opened:
        for page in opened.pages:
            page.extract_words()
            page.find_tables()


def _speed_line(name: str, pages: float, own: float, other: float) -> str:
    return f"{name:20}{pages:7.0f}{pages / own:9.1f} pages/s{pages / other:9.1f} pages/s{other / own:7.1f} x"


# -- scans -------------------------------------------------------------------------------------------------------------


def scans(chosen: argparse.Namespace, folder: Path) -> Iterator[str]:
    """A line for each resolution and level."""
    counts = f"{'numbers':>8}{'right':>9}{'misread':>8}{'doubted':>8}{'lost':>6}"
    yield f"{'scan':30}{counts}{'CER':>8}{'AUROC':>7}{'cells':>8}{'s/page':>8}{WHOLE_WAY}"
    everything: list[Reading] = []
    for dpi, level in product(chosen.dpi, chosen.level):
        readings = []
        for kind, producer, number in product(chosen.kind or SCANNED_KINDS, chosen.producer or SCANNED_PRODUCERS, range(chosen.seeds)):
            made = paper(kind, producer, chosen.first + number)
            name = f"{dpi} dpi {level} {kind} {producer} {chosen.first + number}"
            readings.append(read(name, made, _scan(made, dpi, level, number, frozenset(chosen.effect), folder)))
        yield _scan_line(f"{dpi} dpi {level} {'+'.join(chosen.effect)}".rstrip(), readings)
        everything += readings
    yield from _worst(everything, chosen.show)


def _scan(made: Paper, dpi: int, level: str, seed: int, effects: frozenset[str], folder: Path) -> Path:
    """A picture where it is one page, else a PDF of pictures."""
    pages = [scanned(made.raw, page, dpi, level, seed, effects) for page in range(page_count(made.raw))]
    path = folder / ("scan.png" if len(pages) == 1 else "scan.pdf")
    path.write_bytes(as_png(pages[0], dpi) if len(pages) == 1 else as_pdf(pages, dpi))
    return path


def _scan_line(label: str, readings: Sequence[Reading]) -> str:
    cells = _tally(readings)
    right, misread = sum(pair.is_right for pair in cells.numbers), len(cells.misread)
    told = auroc(cells.pairs)
    shown = (
        f"{len(cells.numbers):8}{_share(right, len(cells.numbers)):>9}{misread:8}{cells.doubted:8}{len(cells.numbers) - right - misread:6}"
    )
    told_as = "-" if told is None else f"{told:.3f}"
    pace = sum(reading.seconds for reading in readings) / sum(reading.pages for reading in readings)
    rates = f"{_share(cells.edits, cells.chars):>8}{told_as:>7}{_share(cells.right, cells.cells):>8}{pace:8.2f}"
    return f"{label:30}{shown}{rates}{_whole_way(readings)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=papers.KINDS)
    PRODUCERS.update(programs.installed())
    parser.add_argument("--producer", action="append", choices=PRODUCERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dpi", type=int, nargs="+", default=DPI)
    parser.add_argument("--level", nargs="+", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--effect", nargs="+", choices=EFFECTS, default=[])
    parser.add_argument("--show", type=int, default=0)
    chosen = parser.parse_args()
    print(f"structurer {__version__}, Python {platform.python_version()}, {datetime.now(UTC).isoformat(timespec='minutes')}\n{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        for line in MEASURES[chosen.what](chosen, Path(folder)):
            print(line, flush=True)


MEASURES = {"born": born, "speed": speed, "scans": scans}

if __name__ == "__main__":
    main()
