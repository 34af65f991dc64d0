"""The papers and scans that other tests read (`papers.py`, `scanning.py`) are what they say they are, and their benchmark counts right."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pypdfium2
import pytest
from papers import KINDS, PRODUCERS, paper, sketch
from PIL import Image
from scanning import EFFECTS, LEVELS, as_jpeg, as_pdf, as_png, as_tiff, page_count, printed_words, rendered, scanned
from sketches import Cell, Grid

from structurer.document import Box, Document, Page, Span, Table, Words
from structurer.document import Cell as ReadCell

EVERY = [(kind, producer) for kind in KINDS for producer in PRODUCERS]
PATH = 2  # FPDF_PAGEOBJ_PATH


def _loaded(name: str) -> ModuleType:
    """A program of benchmarks/."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).resolve().parent.parent / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


counting = _loaded("pages_cells")


def text_of(raw: bytes) -> list[str]:
    with pypdfium2.PdfDocument(raw) as opened:
        return [page.get_textpage().get_text_range() for page in opened]


@pytest.mark.parametrize(("kind", "producer"), EVERY)
@pytest.mark.parametrize("long", [False, True])
def test_every_character_of_the_truth_is_printed(kind: str, producer: str, long: bool) -> None:
    made = paper(kind, producer, 10, long=long)
    printed = Counter("".join(text_of(made.raw)))
    said = Counter("".join([*made.outside, *(cell.text for table in made.tables for cell in table)]))
    assert not {char: count for char, count in said.items() if not char.isspace() and printed[char] < count}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(20, 26))
def test_the_cells_of_a_table_fill_it_once_and_every_edge_of_the_grid_is_the_edge_of_a_cell(kind: str, seed: int) -> None:
    for grid in (part for part in sketch(kind, seed)[1].parts if isinstance(part, Grid)):
        places = [
            (row, col) for cell in grid.cells for row in range(cell.row, cell.end) for col in range(cell.col, cell.col + cell.colspan)
        ]
        assert sorted(places) == [(row, col) for row in range(grid.rows) for col in range(len(grid.widths))]
        assert {cell.row for cell in grid.cells if cell.rowspan == 1} == set(range(grid.rows))
        assert {cell.col for cell in grid.cells} == set(range(len(grid.widths)))


@pytest.mark.parametrize(("kind", "producer"), EVERY)
def test_a_seed_makes_the_same_bytes_every_time(kind: str, producer: str) -> None:
    assert paper(kind, producer, 3) == paper(kind, producer, 3)
    assert paper(kind, producer, 3).raw != paper(kind, producer, 4).raw


@pytest.mark.parametrize(("kind", "producer"), EVERY)
def test_long_papers_are_cut_by_pages_and_a_head_that_is_to_be_repeated_is(kind: str, producer: str) -> None:
    repeated = next(seed for seed in range(99) if kind == "target_declaration" or _repeats(sketch(kind, seed, long=True)[1].parts))
    made, drawn = paper(kind, producer, repeated, long=True), sketch(kind, repeated, long=True)[1]
    pages = ["".join(page.split()) for page in text_of(made.raw)]
    assert len(pages) > 1
    heads = [cell.text.split("\n")[0][:3] for part in drawn.parts if isinstance(part, Grid) for cell in part.cells if part.is_head(cell)]
    assert all(head in page for head in heads for page in pages[-2:])


def _repeats(parts: tuple[str | Grid, ...]) -> bool:
    return any(isinstance(part, Grid) and part.head is not None for part in parts)


@pytest.mark.parametrize("producer", PRODUCERS)
def test_without_rules_no_line_is_drawn(producer: str) -> None:
    raw = paper("invoice", producer, 1, rules=False).raw
    with pypdfium2.PdfDocument(raw) as opened:
        assert not list(opened[0].get_objects(filter=[PATH]))
    assert text_of(raw)[0].strip()


# -- scans -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return paper("self_evaluation", "typst", 0).raw


def test_a_clean_scan_is_the_page_and_the_print_of_a_heavy_one_is_faded(pdf: bytes) -> None:
    assert np.array_equal(scanned(pdf, 0, 100, "clean", 1), rendered(pdf, 0, 100))
    contrasts = [np.ptp(np.percentile(scanned(pdf, 0, 100, level, 1), (1, 50))) for level in LEVELS]
    assert contrasts == sorted(contrasts, reverse=True)


@pytest.mark.parametrize("level", LEVELS)
def test_a_scan_is_the_same_for_the_same_seed(pdf: bytes, level: str) -> None:
    effects = frozenset({"stamp", "edge"})
    assert np.array_equal(scanned(pdf, 0, 100, level, 1, effects), scanned(pdf, 0, 100, level, 1, effects))
    assert not np.array_equal(scanned(pdf, 0, 100, level, 1, effects), scanned(pdf, 0, 100, level, 2, effects))


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_changes_the_picture(pdf: bytes, effect: str) -> None:
    plain, spoilt = scanned(pdf, 0, 100, "light", 1), scanned(pdf, 0, 100, "light", 1, frozenset({effect}))
    assert spoilt.dtype == np.uint8
    assert not np.array_equal(plain, spoilt)


def test_four_quarter_turns_are_none(pdf: bytes) -> None:
    quarter = scanned(pdf, 0, 100, "clean", 1, frozenset({"turned_90"}))
    assert np.array_equal(np.rot90(quarter), rendered(pdf, 0, 100))


def test_an_effect_that_does_not_exist_is_refused(pdf: bytes) -> None:
    with pytest.raises(ValueError, match="no such effect: coffee"):
        scanned(pdf, 0, 100, "clean", 1, frozenset({"coffee"}))


def test_pictures_come_back_from_the_files_that_hold_them(pdf: bytes) -> None:
    pages = [rendered(pdf, 0, 100), scanned(pdf, 0, 100, "light", 1, frozenset({"stamp"}))]
    with Image.open(io.BytesIO(as_tiff(pages, 100))) as tiff:
        assert getattr(tiff, "n_frames", 1) == 2
        assert np.array_equal(np.array(tiff), pages[0])
    with Image.open(io.BytesIO(as_png(pages[1]))) as png:
        assert np.array_equal(np.array(png), pages[1])
    with Image.open(io.BytesIO(as_jpeg(pages[0]))) as jpeg:
        assert jpeg.size == (pages[0].shape[1], pages[0].shape[0])
    assert page_count(as_pdf(pages, 100)) == 2


def _latin(text: str) -> Counter[str]:
    """Its Latin letters and figures: of a font that is nowhere PDFium's own text string lacks the others."""
    return Counter(char for char in text if char.isascii() and char.isalnum())


def test_a_scan_as_pdf_holds_text_only_where_a_layer_is_given(pdf: bytes) -> None:
    page, words = rendered(pdf, 0, 100), printed_words(pdf, 0)
    assert text_of(as_pdf([page], 100)) == [""]
    hidden = as_pdf([page], 100, [words])
    assert _latin(text_of(hidden)[0]) == _latin("".join(word for word, _ in words))
    assert np.array_equal(rendered(hidden, 0, 50), rendered(as_pdf([page], 100), 0, 50))


# -- the benchmark's counting ------------------------------------------------------------------------------------------

PRINTED = (Cell(0, 0, 1, 2, "Costs of 2024"), Cell(1, 0, 2, 1, "Paper"), Cell(1, 1, 1, 1, "1,200.50"), Cell(2, 1, 1, 1, "17"))


def as_read(*tables: Sequence[Cell], confidence: float = 1.0) -> Document:
    """A document that holds these tables."""
    text, words, made = "", [], []
    for table in tables:
        cells = []
        for cell in table:
            start, text = len(text), f"{text}{cell.text}\n"
            pieces = ((start, len(text) - 1),) if cell.text else ()
            words += [Span(*piece, 1, Box(0, 0, 1, 1), confidence) for piece in pieces]
            cells.append(ReadCell(cell.row, cell.col, cell.rowspan, cell.colspan, pieces))
        made.append(Table((1,), tuple(cells)))
    return Document("a.pdf", text, "0", "application/pdf", (Page(1, 0, len(text)),), Words(words), tuple(made))


def test_a_table_read_as_it_is_printed_is_right_whatever_its_white_space() -> None:
    tally = counting.compared(as_read([Cell(0, 0, 1, 2, "Costs of\n2024"), *PRINTED[1:]]), [PRINTED])
    assert (tally.cells, tally.right, tally.tables, tally.whole, tally.surplus) == (4, 4, 1, 1, 0)
    assert (tally.edits, len(tally.numbers), tally.misread) == (0, 2, [])


def test_a_cell_with_another_extent_is_not_right_though_its_text_is() -> None:
    tally = counting.compared(as_read([PRINTED[0], Cell(1, 0, 1, 1, "Paper"), *PRINTED[2:]]), [PRINTED])
    assert (tally.right, tally.whole, tally.edits) == (3, 0, 0)


def test_a_lost_cell_costs_its_own_characters_alone() -> None:
    tally = counting.compared(as_read([PRINTED[0], *PRINTED[2:]]), [PRINTED])
    assert (tally.edits, tally.chars) == (5, 26)
    assert all(pair.is_right for pair in tally.numbers)


def test_a_misread_number_is_counted_and_is_doubted_where_its_confidence_is_low() -> None:
    spoilt = [*PRINTED[:2], Cell(1, 1, 1, 1, "1,280.50"), PRINTED[3]]
    for confidence, doubted in ((0.5, 1), (0.99, 0)):
        tally = counting.compared(as_read(spoilt, confidence=confidence), [PRINTED])
        assert (len(tally.misread), tally.doubted, tally.edits) == (1, doubted, 1)


def test_tables_pair_with_the_likest_and_what_is_no_table_is_surplus() -> None:
    other = (Cell(0, 0, 1, 1, "Other"), Cell(0, 1, 1, 1, "5"))
    tally = counting.compared(as_read([Cell(0, 0, 1, 1, "frame")], other, PRINTED), [PRINTED, other])
    assert (tally.whole, tally.surplus) == (2, 1)


def test_a_document_that_cannot_be_read_has_lost_every_cell() -> None:
    tally = counting.compared(None, [PRINTED])
    assert (tally.right, tally.edits, [pair.read for pair in tally.pairs]) == (0, 26, [None] * 4)


@pytest.mark.parametrize(
    ("printed", "read", "edits"), [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("1,200", "1.200", 1), ("kitten", "sitting", 3)]
)
def test_the_distance_is_the_least_number_of_edits(printed: str, read: str, edits: int) -> None:
    assert counting.distance(printed, read) == edits


def test_confidence_that_is_lower_where_the_text_is_wrong_tells_it_from_right_ones() -> None:
    def pairs(*marks: tuple[bool, float]) -> list[object]:
        return [counting.Pair("a", "a" if right else "b", confidence) for right, confidence in marks]

    assert counting.auroc(pairs((True, 0.9), (True, 0.8), (False, 0.3))) == 1
    assert counting.auroc(pairs((True, 0.9), (False, 0.9))) == 0.5
    assert counting.auroc(pairs((True, 0.2), (False, 0.9))) == 0
    assert counting.auroc(pairs((True, 0.2))) is None
