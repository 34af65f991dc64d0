"""Lines that are drawn as dots, as bars and as double lines, by their geometry and in PDFs."""

from __future__ import annotations

import pytest
from pdfs import Sheet as Paper
from pdfs import document_of, pdf

from structurer.document import Box
from structurer.sheets.bars import Prints, bars_among, dotted_lines, reaching, singled
from structurer.sheets.rulings import Edge
from structurer.sheets.sheet import Char

BARE = Prints([])


def prints(x: float, y: float) -> Prints:
    """One character, whose middle is there."""
    return Prints([Char("a", Box(x - 2, y - 3, x + 2, y + 3))])


def dots(x: float, y: float, count: int, *, right: float = 0.0, down: float = 0.0, side: float = 0.75) -> list[Box]:
    return [Box(x + right * n, y + down * n, x + right * n + side, y + down * n + side) for n in range(count)]


def test_dots_in_a_row_are_one_line_and_those_at_a_corner_are_of_both():
    found = dotted_lines([*dots(10, 20, 40, right=1.5), *dots(10, 21.5, 20, down=1.5)])
    assert found == [Edge(10, 20.375, 69.25, 20.375), Edge(10.375, 20, 10.375, 50.75)]


@pytest.mark.parametrize("step", [3.0, 20.0])
def test_dots_that_are_few_or_far_apart_are_none(step: float):
    assert all(edge.x1 - edge.x0 < 1 for edge in dotted_lines([*dots(10, 20, 4, right=1.5), *dots(10, 40, 30, right=step)]))


def test_dots_that_fill_an_area_draw_no_lines():
    field = [dot for row in range(20) for dot in dots(10, 20 + 1.5 * row, 20, right=1.5)]
    assert len(dotted_lines(field)) == len(field)


def test_a_long_thin_area_is_a_bar_and_its_pieces_are_one():
    pieces = [Box(10, 20, 40, 25), Box(40, 20, 42, 25), Box(42.3, 20, 90, 25)]
    assert bars_among([*pieces, Box(10, 60, 30, 66)], BARE) == ([Box(10, 20, 90, 25)], [Box(10, 60, 30, 66)])


def test_a_thin_area_with_text_on_it_is_a_band():
    band = Box(10, 20, 90, 28)
    assert bars_among([band], prints(50, 24)) == ([], [band])
    assert bars_among([band], prints(50, 19)) == ([band], [])


def test_edges_reach_to_the_middle_of_the_bars_at_which_they_end():
    frame = [Box(10, 10, 18, 100), Box(10, 10, 200, 18)]
    assert list(reaching([Edge(18, 50, 150, 50), Edge(60, 18, 60, 90), Edge(10, 14, 200, 14)], frame)) == [
        Edge(14, 50, 150, 50),
        Edge(60, 14, 60, 90),
        Edge(14, 14, 200, 14),
    ]


def test_two_lines_side_by_side_are_one_and_what_ends_at_either_ends_there():
    found = singled([Edge(6, 10, 104, 10), Edge(10, 14, 100, 14), Edge(50, 15, 50, 60)], BARE)
    assert sorted(found) == [Edge(6, 12, 104, 12), Edge(10, 12, 100, 12), Edge(50, 12, 50, 60)]


@pytest.mark.parametrize(
    ("lower", "text"),
    [(Edge(10, 16, 100, 16), BARE), (Edge(10, 14, 60, 14), BARE), (Edge(10, 14, 100, 14), prints(50, 12))],
    ids=["far apart", "of other length", "text between"],
)
def test_two_lines_that_are_no_double_one_stay_two(lower: Edge, text: Prints):
    upper = Edge(10, 10, 100, 10)
    assert sorted(singled([upper, lower], text)) == sorted([upper, lower])


def test_double_columns_are_single():
    assert singled([Edge(10, 10, 10, 90), Edge(14, 10, 14, 90)], BARE) == 2 * [Edge(12, 10, 12, 90)]


# --- PDFs

XS, YS = (60.0, 160.0, 260.0), (100.0, 120.0, 140.0)


def filled(paper: Paper, x0: float, top: float, x1: float, bottom: float) -> None:
    paper.canvas.rect(x0, paper.height - bottom, x1 - x0, bottom - top, stroke=0, fill=1)


def four_cells(paper: Paper) -> None:
    for row in (0, 1):
        for col in (0, 1):
            paper.text(XS[col] + 5, YS[row] + 5, f"{row}{col}")


@pytest.mark.parametrize("thick", [3.75, 5.0, 8.0])
def test_a_thick_frame_is_four_rules(thick: float):
    def draw(paper: Paper) -> None:
        left, right, top, bottom = XS[0] - thick, XS[2] + thick, YS[0] - thick, YS[2] + thick
        filled(paper, left, top, right, YS[0])
        filled(paper, left, YS[2], right, bottom)
        for y0, y1 in ((top, YS[1]), (YS[1], bottom)):  # in two pieces
            filled(paper, left, y0, XS[0], y1)
            filled(paper, XS[2], y0, right, y1)
        paper.line(XS[1], YS[0], XS[1], YS[2])
        paper.line(XS[0], YS[1], XS[2], YS[1])
        four_cells(paper)

    document = document_of(pdf(draw))
    assert document.text == "00\t01\n10\t11\n"
    assert [len(table.cells) for table in document.tables] == [4]


@pytest.mark.parametrize("apart", [2.5, 3.75, 5.0])
def test_a_double_frame_is_four_rules(apart: float):
    def draw(paper: Paper) -> None:
        for out in (0.0, apart):
            left, right, top, bottom = XS[0] - out, XS[2] + out, YS[0] - out, YS[2] + out
            for side in ((left, top, right, top), (left, bottom, right, bottom), (left, top, left, bottom), (right, top, right, bottom)):
                paper.line(*side)
        paper.line(XS[1], YS[0], XS[1], YS[2])
        paper.line(XS[0], YS[1], XS[2], YS[1])
        four_cells(paper)

    document = document_of(pdf(draw))
    assert document.text == "00\t01\n10\t11\n"
    assert [len(table.cells) for table in document.tables] == [4]


@pytest.mark.parametrize("side", [0.75, 1.5, 3.0])
def test_rows_of_small_squares_are_rules(side: float):
    def draw(paper: Paper) -> None:
        for y in YS:
            for place in range(int((XS[2] - XS[0]) / (2 * side)) + 1):
                filled(paper, XS[0] + 2 * side * place, y, XS[0] + 2 * side * place + side, y + side)
        for x in XS:
            for place in range(int((YS[2] - YS[0]) / (2 * side))):
                filled(paper, x, YS[0] + 2 * side * place, x + side, YS[0] + 2 * side * place + side)
        four_cells(paper)

    assert document_of(pdf(draw)).text == "00\t01\n10\t11\n"


def test_a_thin_band_behind_small_text_parts_no_row():
    def draw(paper: Paper) -> None:
        paper.canvas.setFillGray(0.9)
        filled(paper, XS[0], 106, XS[2], 114)
        paper.canvas.setFillGray(0)
        paper.table(XS, YS, [(row, col, 1, 1, ()) for row in (0, 1) for col in (0, 1)])
        paper.text(XS[0] + 5, 107, "小字", size=5)
        paper.text(XS[1] + 5, 107, "b", size=5)

    document = document_of(pdf(draw))
    assert [len(table.cells) for table in document.tables] == [4]
