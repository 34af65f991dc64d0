from __future__ import annotations

from structurer.document import Box
from structurer.sheets.rulings import Edge, cells_of


def _rectangle(x0: float, top: float, x1: float, bottom: float) -> list[Edge]:
    return [Edge(x0, top, x1, top), Edge(x0, bottom, x1, bottom), Edge(x0, top, x0, bottom), Edge(x1, top, x1, bottom)]


def test_two_rectangles_side_by_side_are_a_table_of_two_cells() -> None:
    assert cells_of([*_rectangle(10, 10, 60, 30), *_rectangle(60, 10, 90, 30)], 200, 200) == ((Box(10, 10, 60, 30), Box(60, 10, 90, 30)),)


def test_a_cell_over_two_rows_is_one_cell() -> None:
    edges = [*_rectangle(10, 10, 110, 50), Edge(60, 10, 60, 50), Edge(60, 30, 110, 30)]
    assert cells_of(edges, 200, 200) == ((Box(10, 10, 60, 50), Box(60, 10, 110, 30), Box(60, 30, 110, 50)),)


def test_tables_come_from_top_to_bottom() -> None:
    low, high = [*_rectangle(10, 100, 60, 120), *_rectangle(60, 100, 90, 120)], [*_rectangle(50, 10, 60, 30), *_rectangle(60, 10, 90, 30)]
    assert [cells[0].top for cells in cells_of(low + high, 200, 200)] == [10, 100]


def test_gaps_of_a_point_are_closed_and_lone_rectangles_are_no_tables() -> None:
    left, right = _rectangle(10, 10, 59, 30), _rectangle(60, 10, 90, 30)
    assert len(cells_of([*left, *right, *_rectangle(10, 60, 90, 90)], 200, 200)) == 1


def test_slanted_lines_rule_nothing() -> None:
    assert cells_of([*_rectangle(10, 10, 60, 30), Edge(10, 10, 60, 30)], 200, 200) == ()


def test_no_lines_no_tables() -> None:
    assert cells_of([], 200, 200) == ()


def test_lines_above_one_another_are_two_lines_though_they_do_not_quite_align() -> None:
    upper = [*_rectangle(10.02, 10, 60, 30), *_rectangle(60, 10, 90, 30)]
    lower = [*_rectangle(10, 100, 60, 120), *_rectangle(60, 100, 90, 120)]
    assert [len(cells) for cells in cells_of(upper + lower, 200, 200)] == [2, 2]
