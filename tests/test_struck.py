"""Lines of a text too long for its cell: where they go by their places, and that all others stay."""

from __future__ import annotations

import pytest
from pdfs import Sheet as Paper
from pdfs import document_of, pdf

from structurer.document import Box
from structurer.sheets.sheet import Char
from structurer.sheets.struck import give_back

YS = (100.0, 116.0, 132.0, 148.0)  # rows of 16 points, print of 10
LEFT, RIGHT = (50.0, 150.0), (150.0, 250.0)


def line(text: str, x: float, middle: float) -> list[Char]:
    return [Char(sign, Box(x + 10 * place, middle - 5, x + 10 * place + 10, middle + 5)) for place, sign in enumerate(text)]


def read(*lines: tuple[str, float], labels: str = "甲乙丙", shift: float = 0.0) -> list[str]:
    """What stands in the cells of the right column, where lines are printed at these heights."""
    cells = [Box(x0, YS[row], x1, YS[row + 1]) for row in range(3) for x0, x1 in (LEFT, RIGHT)]
    chars = [char for text, y in lines for char in line(text, 155, y)]
    chars += [char for row, label in enumerate(labels) for char in line(label, 55, YS[row] + 8 + shift)]
    inside: dict[Box | None, list[Char]] = {}
    for char in chars:
        x, y = char.middle
        inside.setdefault(next(box for box in cells if box.x0 <= x < box.x1 and box.top <= y < box.bottom), []).append(char)
    give_back(cells, inside)
    held = [sorted(inside.get(box, ()), key=lambda char: (char.box.top, char.box.x0)) for box in cells if box.x0 == RIGHT[0]]
    return ["".join(char.text for char in chars) for chars in held]


@pytest.mark.parametrize(
    ("lines", "cells"),
    [
        ([("上行", 117.0), ("下行", 131.0)], ["", "上行下行", ""]),
        ([("上行", 118.0), ("下行", 132.5)], ["", "上行下行", ""]),
        ([("首", 108.0), ("上行", 117.0), ("下行", 131.0)], ["首", "上行下行", ""]),
        ([("上行", 121.0), ("下行", 134.0)], ["", "上行下行", ""]),
    ],
    ids=["amid", "with more leading", "below a text of one line", "from the top"],
)
def test_lines_that_a_ruling_strikes_go_to_the_cell_of_their_text(lines: list[tuple[str, float]], cells: list[str]):
    assert read(*lines) == cells


@pytest.mark.parametrize(
    "lines",
    [
        [("一", 108.0), ("二", 124.0), ("三", 140.0)],
        [("一", 110.0), ("二", 126.0), ("三", 142.0)],
        [("一", 117.0)],
        [("一", 101.0), ("二", 117.0), ("三", 133.0)],
    ],
    ids=["in the middle", "low", "alone", "as far apart as the rows"],
)
def test_other_lines_stay_where_their_middles_are(lines: list[tuple[str, float]]):
    cells = ["", "", ""]
    for text, y in lines:
        cells[int((y - YS[0]) // 16)] += text
    assert read(*lines) == cells


def test_where_rulings_strike_whole_rows_nothing_is_moved():
    assert read(("上行", 118.0), ("下行", 132.5), shift=-6.5) == ["", "上行", "下行"]


def test_a_text_too_long_for_its_row_of_a_pdf_stays_whole():
    def draw(paper: Paper) -> None:
        xs, ys = (60.0, 160.0, 260.0), (100.0, 115.0, 130.0, 145.0)
        paper.table(xs, ys, [(row, col, 1, 1, ()) for row in range(3) for col in range(2)])
        for row in range(3):
            paper.text(63, ys[row] + 2.5, f"项目{row}")
        paper.text(163, 110, "受雨水影响工期")
        paper.text(163, 123.5, "有所延长")

    assert document_of(pdf(draw)).text == "项目0\t\n项目1\t受雨水影响工期有所延长\n项目2\t\n"


def test_a_lowered_line_stays_in_its_cell_above_the_text_of_the_next() -> None:
    assert read(("下行", 114.0), ("末行", 127.0)) == ["下行", "末行", ""]
