"""Forms of other places, years and layouts (`forms.py`): what the built-in reader can do today, as floors that must not sink.

The layouts that it cannot read surely stay below their recall; of them only the silent errors are held. `benchmarks/layouts.py` shows all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from forms import LAYOUTS, printed

from structurer import library
from structurer.evaluation.score import Figures, Scores, figures, score
from structurer.intake import ingest
from structurer.pipeline import Plan, structure_document
from structurer.record import as_json

SEEDS = range(100, 104)
PLAN = Plan(library.shipped_schemas())
KINDS = [schema.kind for schema in PLAN.schemas if schema.kind != "report_head"]
CELLED = ("tsv", "tsv_shifted", "bars", "markdown", "csv", "pdf")  # layouts that keep a table's cells apart
RUNNING = {  # least recall, and most silent errors (a share of leaves), of the others
    ("self_evaluation", "one_cell_a_line"): (0.97, 0.01),
    ("self_evaluation", "pdf_lines"): (0.85, 0.05),
    ("self_evaluation", "pdf_lines_amid"): (0.75, 0.08),
    ("self_evaluation", "pdf_lines_interleaved"): (0.93, 0.04),
    ("self_evaluation", "spaced"): (0.97, 0.01),
    ("self_evaluation", "spaced_wrapped"): (0.85, 0.04),
    ("self_evaluation", "pages"): (0.9, 0.04),
    ("self_evaluation", "cut_off"): (0.93, 0.04),
    ("target_declaration", "one_cell_a_line"): (0.9, 0.06),
    ("target_declaration", "pdf_lines"): (0.9, 0.06),
    ("target_declaration", "pdf_lines_amid"): (0.65, 0.18),
    ("target_declaration", "pdf_lines_interleaved"): (0.9, 0.08),
    ("target_declaration", "spaced"): (0.95, 0.04),
    ("target_declaration", "spaced_wrapped"): (0.85, 0.08),
    ("target_declaration", "pages"): (0.9, 0.06),
    ("target_declaration", "cut_off"): (0.93, 0.03),
    ("invoice", "one_cell_a_line"): (0.99, 0.005),
    ("invoice", "pdf_lines"): (0.95, 0.04),
    ("invoice", "pdf_lines_amid"): (0.95, 0.04),
    ("invoice", "pdf_lines_interleaved"): (0.93, 0.05),
    ("invoice", "spaced"): (0.97, 0.02),
    ("invoice", "spaced_wrapped"): (0.9, 0.08),
    ("invoice", "pages"): (0.95, 0.03),
    ("invoice", "cut_off"): (0.95, 0.04),
    ("several", "several"): (0.95, 0.02),
}


def read(kind: str, layout: str, seed: int, folder: Path) -> Scores:
    made = printed(kind, layout, seed)
    path = folder / f"form{made.suffix}"
    path.write_bytes(made.raw)
    schemas = {schema.kind: schema for schema in PLAN.schemas}
    records = [
        {
            "kind": record.kind,
            "record": as_json(schemas[record.kind], {place: leaf.value for place, leaf in record.leaves.items()}, record.rows),
            "review": [review.pointer for review in record.review],
        }
        for record in structure_document(ingest.read(path), PLAN).records
    ]
    return score(records, made.forms, {}, KINDS)


def read_all(kind: str, layout: str, folder: Path, seeds: Sequence[int] = SEEDS) -> Figures:
    scores = [read(kind, layout, seed, folder) for seed in seeds]
    return figures((leaf for found in scores for leaf in found.leaves), scores)


@pytest.mark.parametrize("layout", CELLED)
@pytest.mark.parametrize("kind", ["self_evaluation", "target_declaration", "invoice"])
def test_a_table_whose_cells_are_kept_apart_is_read_whole(kind: str, layout: str, tmp_path: Path) -> None:
    found = read_all(kind, layout, tmp_path)
    assert (found.wrong, found.missed, found.invented) == (0, 0, 0)


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS["budget_narrative"] if layout != "run_together"])
def test_a_narrative_is_read_whole_however_its_lines_are_broken(layout: str, tmp_path: Path) -> None:
    found = read_all("budget_narrative", layout, tmp_path)
    assert (found.wrong, found.missed, found.invented) == (0, 0, 0)


@pytest.mark.parametrize(("kind", "layout"), RUNNING)
def test_a_table_in_running_lines_is_read_as_well_as_before(kind: str, layout: str, tmp_path: Path) -> None:
    recall, silent = RUNNING[kind, layout]
    found = read_all(kind, layout, tmp_path)
    assert (found.recall or 0) >= recall
    assert found.silent <= silent * found.everything


@pytest.mark.parametrize("kind", [kind for kind, layouts in LAYOUTS.items() if "run_together" in layouts])
def test_a_form_without_any_separators_is_never_silently_wrong(kind: str, tmp_path: Path) -> None:
    assert read_all(kind, "run_together", tmp_path).silent == 0


@pytest.mark.parametrize(("kind", "layout"), [(kind, layout) for kind, layouts in LAYOUTS.items() for layout in layouts])
def test_no_form_is_lost_or_made_up(kind: str, layout: str, tmp_path: Path) -> None:
    found = read_all(kind, layout, tmp_path, SEEDS[:2])
    assert (found.missing_records, found.surplus_records) == (0, 0)


def test_a_seed_prints_the_same_form_again() -> None:
    assert printed("self_evaluation", "pages", 7) == printed("self_evaluation", "pages", 7)
    assert printed("self_evaluation", "pages", 7).raw != printed("self_evaluation", "pages", 8).raw
