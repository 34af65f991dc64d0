"""How the built-in reader does on forms of other places, years and layouts: seeded forms (`tests/forms.py`) through the whole pipeline.

    python benchmarks/layouts.py [--seeds 20] [--first 0] [--kind KIND] [--layout LAYOUT] [--show 10]

Recall, precision, silent errors (wrong and not flagged) and flagged share of leaves, lost and surplus records, a line a layout and kind.
`--show N` lists the N forms with the most silent errors, with those; a form is printed with `--print` and its kind, layout and seed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from forms import LAYOUTS, Printed, printed

from structurer import library
from structurer.evaluation.score import Figures, Scores, figures, score
from structurer.intake import ingest
from structurer.pipeline import Plan, structure_document
from structurer.record import as_json

KINDS = ("self_evaluation", "target_declaration", "budget_narrative", "invoice")


@dataclass(frozen=True, slots=True)
class Run:
    """One printed form (or several) and how it was read."""

    kind: str
    layout: str
    seed: int
    scores: Scores

    @property
    def silent(self) -> int:
        return sum(leaf.silent for leaf in self.scores.leaves)


def run(kind: str, layout: str, seed: int, plan: Plan, folder: Path) -> Run:
    """Print, read and score one form."""
    made = printed(kind, layout, seed)
    return Run(kind, layout, seed, score(list(read(made, plan, folder)), made.forms, {}, KINDS))


def read(made: Printed, plan: Plan, folder: Path) -> Iterator[dict[str, Any]]:
    """The exchange records of a printed file."""
    path = folder / f"form{made.suffix}"
    path.write_bytes(made.raw)
    schemas = {schema.kind: schema for schema in plan.schemas}
    for record in structure_document(ingest.read(path), plan).records:
        values = as_json(schemas[record.kind], {place: leaf.value for place, leaf in record.leaves.items()}, record.rows)
        yield {"kind": record.kind, "record": values, "review": [review.pointer for review in record.review]}


def total(runs: Iterable[Run]) -> Figures:
    """The figures of some runs together."""
    scores = [found.scores for found in runs]
    return figures((leaf for entry in scores for leaf in entry.leaves), scores)


def _line(name: str, found: Figures) -> str:
    everything = max(found.everything, 1)
    shown = [found.recall or 0, found.precision or 0, found.silent / everything, found.flagged / everything]
    rates = " ".join(f"{rate:9.4f}" for rate in shown)
    return f"{name:44} {found.leaves:7} {rates} {found.silent:7} {found.missing_records:5} {found.surplus_records:5}"


def _worst(runs: list[Run], count: int) -> Iterator[str]:
    for found in sorted(runs, key=lambda found: (-found.silent, -sum(not leaf.verdict.good for leaf in found.scores.leaves)))[:count]:
        lost, surplus = found.scores.missing, found.scores.surplus
        yield f"{found.kind} {found.layout} {found.seed}: {found.silent} silent, {lost} lost, {surplus} surplus"
        bad = sorted((leaf for leaf in found.scores.leaves if not leaf.verdict.good), key=lambda leaf: not leaf.silent)
        for leaf in bad[:8]:
            mark = "SILENT" if leaf.silent else "flagged"
            yield f"    {leaf.form}{leaf.place} {leaf.verdict} {mark}: {str(leaf.value)[:60]!r} != {str(leaf.expected)[:60]!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kind")
    parser.add_argument("--layout")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--print", action="store_true")
    chosen = parser.parse_args()
    pairs = [(kind, layout) for kind, layouts in LAYOUTS.items() for layout in layouts]
    pairs = [pair for pair in pairs if chosen.kind in (None, pair[0]) and chosen.layout in (None, pair[1])]
    plan = Plan(library.shipped_schemas())
    runs: list[Run] = []
    print(f"{'kind layout':44} {'leaves':>7} {'recall':>9} {'precision':>9} {'silent':>9} {'flagged':>9}", "silent  lost extra")
    with tempfile.TemporaryDirectory() as folder:
        for kind, layout in pairs:
            own = [run(kind, layout, seed, plan, Path(folder)) for seed in range(chosen.first, chosen.first + chosen.seeds)]
            print(_line(f"{kind} {layout}", total(own)), flush=True)
            runs += own
            if chosen.print:
                print(printed(kind, layout, chosen.first).raw.decode("utf-8", "replace"))
    for kind in dict.fromkeys(kind for kind, _ in pairs):
        print(
            _line(f"{kind} (all but run_together)", total(found for found in runs if found.kind == kind and found.layout != "run_together"))
        )
    print(_line("all", total(runs)))
    print(*_worst(runs, chosen.show), sep="\n")


if __name__ == "__main__":
    main()
