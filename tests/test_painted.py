"""Filled areas: which of their sides rule a page, by their geometry, and what becomes of the pages that have them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from pdfs import Sheet as Paper
from pdfs import document_of, pdf

from structurer.document import Box
from structurer.sheets.painted import MOST_AREAS, MOST_COMPARED, painted
from structurer.sheets.rulings import Edge

XS, YS = (60.0, 160.0, 260.0, 360.0), (100.0, 120.0, 140.0, 160.0, 180.0)
TEXTS = [[f"{row}{col}" for col in range(3)] for row in range(4)]


def cells(rows: Sequence[int] = range(4), cols: Sequence[int] = range(3), gap: float = 0.0) -> list[Box]:
    return [Box(XS[col], YS[row], XS[col + 1] - gap, YS[row + 1] - gap) for row in rows for col in cols]


def level(*ys: float, x0: float = XS[0], x1: float = XS[-1]) -> list[Edge]:
    return [Edge(x0, y, x1, y) for y in ys]


def upright(*xs: float, top: float = YS[0], bottom: float = YS[-1]) -> list[Edge]:
    return [Edge(x, top, x, bottom) for x in xs]


def places(edges: Sequence[Edge]) -> tuple[list[float], list[float]]:
    """Of the level ones, and of the upright ones."""
    return sorted({edge.top for edge in edges if edge.top == edge.bottom}), sorted({edge.x0 for edge in edges if edge.x0 == edge.x1})


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_cells_painted_side_by_side_in_rows_and_columns_rule(gap: float):
    assert len(painted(cells(gap=gap), [])) == 4 * 12


@pytest.mark.parametrize(
    "areas",
    [
        cells([0]),
        cells(cols=[0]),
        cells([0, 2]),
        [Box(XS[0], YS[row], XS[-1], YS[row + 1]) for row in range(4)],
        [*cells([0]), *(Box(XS[0], YS[row], XS[-1], YS[row + 1]) for row in (1, 2, 3))],
        [*cells([0, 2], [1, 2]), Box(XS[0], YS[0], XS[1], YS[3])],
        [Box(50, 90, 370, 190), *cells([0, 2])],
    ],
    ids=["one row", "one column", "a row in two", "rows", "rows below a head", "a label over rows", "on a ground"],
)
def test_bands_rule_nothing(areas: list[Box]):
    assert painted(areas, []) == []


def test_cells_rule_on_a_ground_and_with_words_marked_in_them():
    marks = [Box(x + 10, y + 5, x + 40, y + 15) for x in XS[:-1] for y in YS[:-1]]
    assert set(painted([Box(50, 90, 370, 190), *cells(), *marks], [])) == set(painted(cells(), []))


def test_sides_along_lines_rule_nothing_more():
    assert painted([*cells(gap=1.0), *cells([1])], [*level(*YS), *upright(*XS)]) == []
    assert painted(cells([1, 3], gap=2.0), [*level(*YS), *upright(*XS)]) == []


def test_areas_within_ruled_cells_rule_nothing():
    within = [Box(x + 8, y + 5, x + 80, y + 15) for x in XS[:-1] for y in YS[:-1]]
    assert painted(within, [*level(*YS), *upright(*XS)]) == []


def test_bands_that_columns_cross_are_rows_unless_lines_rule_them():
    columns = [*level(YS[0], YS[-1]), *upright(*XS)]
    assert places(painted([Box(XS[0], YS[1], XS[-1], YS[2])], columns)) == ([YS[1], YS[2]], [])
    assert places(painted(cells([1]), columns)) == ([YS[1], YS[2]], [])
    assert painted([Box(XS[0], YS[1] + 4, XS[-1], YS[2] - 4)], [*columns, *level(*YS)]) == []
    assert painted([Box(x0, YS[1] + 4, x1, YS[2] - 4) for x0, x1 in pairwise(XS)], [*columns, *level(*YS)]) == []


def test_bands_in_a_frame_without_columns_rule_nothing():
    frame = [*level(YS[0], YS[-1]), *upright(XS[0], XS[-1])]
    assert painted([Box(XS[0], YS[1], XS[-1], YS[2])], frame) == []
    assert painted(cells([1]), frame) == []


def test_bands_between_level_lines_rule_nothing():
    assert painted(cells([0, 2]), level(*YS)) == []
    assert painted([Box(XS[0], YS[1], XS[-1], YS[2])], level(*YS)) == []


def test_a_painted_head_above_a_ruled_grid_is_a_row_of_it():
    assert places(painted(cells([0]), [*level(*YS[1:]), *upright(*XS, top=YS[1])])) == ([YS[0]], list(XS))


def test_painted_labels_beside_a_ruled_grid_are_a_column_of_it():
    found = painted(cells(cols=[0]), [*level(*YS, x0=XS[1]), *upright(*XS[1:])])
    assert places(found) == (list(YS), [XS[0]])


def test_a_column_of_labels_between_lines_is_parted_from_the_rest():
    assert places(painted(cells(cols=[1]), level(*YS))) == ([], [XS[1], XS[2]])


@pytest.mark.parametrize("step", [0.01, 10.0], ids=["upon one another", "apart"])
def test_of_too_many_areas_all_sides_rule(step: float):
    areas = [Box(place * step, 0, place * step + 4, 9) for place in range(MOST_AREAS + (step > 1))]
    assert len(painted(areas, [])) == 4 * len(areas)


def test_of_areas_on_a_page_with_too_many_lines_all_sides_rule():
    lines = [Edge(60, place / 100, 360, place / 100) for place in range(MOST_COMPARED // 12 + 1)]
    assert len(painted(cells([0, 2]) + cells([1]) + cells([3]), lines)) == 4 * 12


# --- PDFs


def fill(paper: Paper, areas: Sequence[Box], shade: float = 0.9) -> None:
    paper.canvas.setFillGray(shade)
    for area in areas:
        paper.canvas.rect(area.x0, paper.height - area.bottom, area.x1 - area.x0, area.bottom - area.top, stroke=0, fill=1)
    paper.canvas.setFillGray(0)


def printed(areas: Sequence[Box] = (), *, rows: Sequence[float] = (), cols: Sequence[float] = ()) -> bytes:
    def draw(paper: Paper) -> None:
        fill(paper, areas)
        for y in rows:
            paper.line(XS[0], y, XS[-1], y)
        for x in cols:
            paper.line(x, YS[0], x, YS[-1])
        for row, texts in enumerate(TEXTS):
            for col, text in enumerate(texts):
                paper.text(XS[col] + 3, YS[row] + 5, text)

    return pdf(draw)


@pytest.mark.parametrize("areas", [cells([0, 2]), cells([1, 3]), [Box(XS[0], YS[1], XS[-1], YS[2])]])
def test_a_page_with_bands_alone_is_read_as_without_them(areas: list[Box]):
    document = document_of(printed(areas))
    assert document.tables == ()
    assert document.text == document_of(printed()).text


@pytest.mark.parametrize("areas", [cells([0, 2]), [Box(XS[0], y0 + 4, XS[-1], y1 - 4) for y0, y1 in pairwise(YS)]])
def test_bands_behind_a_ruled_table_change_nothing(areas: list[Box]):
    bare = document_of(printed(rows=YS, cols=XS))
    found = document_of(printed(areas, rows=YS, cols=XS))
    assert (found.text, found.tables) == (bare.text, bare.tables)
    assert len(bare.tables[0].cells) == 12


@pytest.mark.parametrize("options", [{}, {"cols": XS, "rows": (YS[0], YS[-1])}])
def test_painted_cells_and_bands_across_columns_make_a_table(options: dict[str, Sequence[float]]):
    document = document_of(printed(cells([1, 3]) if options else cells(gap=1.5), **options))
    assert document.text == "".join("\t".join(texts) + "\n" for texts in TEXTS)


@pytest.mark.parametrize("thick", [1.0, 2.0])
def test_a_frame_painted_between_two_rectangles_is_ruled(thick: float):
    def draw(paper: Paper) -> None:
        for row, texts in enumerate(TEXTS):
            for col, text in enumerate(texts):
                x, y, wide, high = XS[col], paper.height - YS[row + 1], XS[col + 1] - XS[col], YS[row + 1] - YS[row]
                path = paper.canvas.beginPath()
                path.rect(x, y, wide, high)
                path.rect(x + thick, y + thick, wide - 2 * thick, high - 2 * thick)
                paper.canvas.drawPath(path, stroke=0, fill=1, fillMode=0)
                paper.text(x + 4, YS[row] + 5, text)

    assert document_of(pdf(draw)).text == "".join("\t".join(texts) + "\n" for texts in TEXTS)
