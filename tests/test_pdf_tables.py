"""Tables: ruled cells with their spans, columns that a page break cuts, parts of later pages set below those of the first; their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import Sheet as Paper
from pdfs import document_of, pdf

from structurer.document import Box, Cell, Document, Second, Table
from structurer.sheets.blocks import cells_in
from structurer.sheets.cuts import closed_on_scan, cuts_of, sides_of
from structurer.sheets.joined import Chain, Part, Ruled
from structurer.sheets.rulings import Edge, cells_of
from structurer.sheets.script import Script, Written
from structurer.sheets.sections import Placed, Section
from structurer.sheets.sections import Ruled as Office
from structurer.sheets.sheet import Char, Sheet

HEIGHT, ROW = 842.0, 20.0
XS = (60.0, 160.0, 260.0, 360.0)

# --- cells by their boxes


def test_boxes_become_cells_by_the_rulings_between_them():
    boxes = [Box(0, 0, 10, 20), Box(10, 0, 30, 10), Box(10, 10, 20, 20), Box(20, 10, 30, 20), Box(0, 20, 30, 30)]
    assert cells_in(boxes) == [Cell(0, 0, 2, 1), Cell(0, 1, 1, 2), Cell(1, 1, 1, 1), Cell(1, 2, 1, 1), Cell(2, 0, 1, 3)]


def test_a_place_without_a_box_is_left_out():
    assert cells_in([Box(0, 0, 10, 10), Box(10, 10, 20, 20)]) == [Cell(0, 0, 1, 1), Cell(1, 1, 1, 1)]


def test_no_boxes_no_cells():
    assert cells_in([]) == []


# --- columns that end in the air


def upright(x: float, top: float, bottom: float) -> Edge:
    return Edge(x, top, x, bottom)


def level(top: float, x0: float = 60, x1: float = 260) -> Edge:
    return Edge(x0, top, x1, top)


def test_columns_that_go_beyond_the_last_rule_are_closed_at_their_foot():
    edges = [level(700), level(720), *(upright(x, 700, 780) for x in (60, 160, 260))]
    assert cuts_of(edges) == (level(780, 60, 160), level(780, 160, 260))


def test_columns_that_begin_above_the_first_rule_are_closed_at_their_head():
    edges = [level(60), level(80), *(upright(x, 40, 80) for x in (60, 160, 260))]
    assert cuts_of(edges) == (level(40, 60, 160), level(40, 160, 260))


def test_a_page_inside_a_long_cell_is_closed_at_both_ends():
    edges = [level(400), upright(60, 40, 800), upright(260, 41, 799)]
    assert cuts_of(edges) == (level(800), level(40))


def test_columns_that_end_near_the_cut_are_closed_and_others_are_not():
    edges = [level(600, 60, 360), level(700), upright(60, 600, 780), upright(160, 600, 778), upright(360, 600, 700)]
    assert cuts_of(edges) == (level(780, 60, 160),)


def test_only_columns_without_a_rule_at_the_cut_are_closed():
    edges = [level(700), level(780, 60, 160), *(upright(x, 700, 780) for x in (60, 160, 260))]
    assert cuts_of(edges) == (level(780, 160, 260),)


@pytest.mark.parametrize(
    "edges",
    [
        [],
        [level(700), level(720)],
        [upright(60, 700, 780), upright(160, 700, 780)],
        [level(700), level(780), upright(60, 700, 782), upright(260, 700, 782)],  # lines are drawn a little too long
        [level(700), level(780), upright(60, 700, 780), upright(260, 700, 780)],
        [level(700), upright(60, 700, 780)],  # one line closes nothing
        [level(700), upright(60, 700, 780), upright(64, 700, 780)],  # nor does one drawn twice
    ],
)
def test_where_a_rule_is_drawn_or_no_column_ends_nothing_is_closed(edges: list[Edge]):
    head = [edge for edge in cuts_of(edges) if edge.top == 700]
    assert cuts_of(edges) == tuple(head) == ()


# --- rules that a scan does not show


def ruled(xs: Sequence[float], tops: Sequence[float], x0: float, x1: float) -> list[Edge]:
    """A table whose level rules go from x0 to x1."""
    return [*(level(top, x0, x1) for top in tops), *(upright(x, tops[0], tops[-1]) for x in xs)]


def test_a_table_of_a_scan_without_outer_rules_is_closed_at_its_sides():
    closed = closed_on_scan(ruled((160, 260), (300, 320, 340), 60, 361), HEIGHT)
    assert closed.down == (upright(60, 300, 320), upright(60, 320, 340), upright(361, 300, 320), upright(361, 320, 340))
    assert (closed.across, closed.cuts) == ((), ())


def test_tables_of_a_scan_are_closed_each_for_itself():
    closed = closed_on_scan([*ruled((160,), (100, 120, 140), 60, 260), *ruled((200,), (300, 320, 340), 40, 500)], HEIGHT)
    assert {edge.x0 for edge in closed.down if edge.top < 200} == {60, 260}
    assert {edge.x0 for edge in closed.down if edge.top > 200} == {40, 500}


def test_a_single_rule_of_a_scan_that_goes_on_farther_is_not_the_end_of_its_table():
    rules = [*ruled((160,), (100, 120, 140, 160), 60, 260), level(160, 60, 300)]
    assert {edge.x0 for edge in closed_on_scan(rules, HEIGHT).down} == {60, 260}


def test_pieces_of_a_frame_are_closed_where_they_stand():
    rules = [*ruled((60, 160), (100, 130, 160), 60, 260), upright(258, 103, 112)]
    assert closed_on_scan(rules, HEIGHT).down == (upright(258, 100, 130), upright(260, 130, 160))
    turned = [Edge(edge.top, edge.x0, edge.bottom, edge.x1) for edge in rules]
    assert closed_on_scan(turned, HEIGHT).across == (level(258, 100, 130), level(260, 130, 160))
    assert closed_on_scan(turned, HEIGHT).cuts == (level(260, 130, 160),)


def test_a_page_break_on_a_scan_is_closed_and_is_a_cut():
    closed = closed_on_scan([level(80, 60, 360), level(100, 60, 360), *(upright(x, 40, 100) for x in XS)], HEIGHT)
    assert closed.cuts == closed.across == (level(40, 60, 160), level(40, 160, 260), level(40, 260, 360))
    assert closed.down == ()


def test_a_label_beside_a_whole_page_of_rows_is_closed_at_both_ends():
    rules = [*(upright(x, 40, 800) for x in (60, 160, 260, 360)), *(level(top, 160, 360) for top in (300, 500))]
    assert {(edge.x0, edge.x1, edge.top) for edge in closed_on_scan(rules, HEIGHT).cuts} >= {(60, 160, 40), (60, 160, 800)}
    lower = [upright(60, 100, 700), *rules[1:]]
    assert {edge.x0 for edge in closed_on_scan(lower, HEIGHT).cuts} == {160, 260}


@pytest.mark.parametrize(("top", "frame", "is_closed"), [(700, (), True), (300, (), False), (700, (60,), False)])
def test_an_outer_cell_that_a_page_break_cuts_is_closed_in_its_corner(top: float, frame: tuple[float, ...], is_closed: bool):
    """Mid-page, or below a table with sides, a box hangs on the right of it: nothing is ruled beside the box."""
    tops = [top, top + 20, top + 40]
    rules = [
        *ruled((*frame, 160, 260, 360), tops, 60, 360),
        *(level(top + low, 160, 360) for low in (60, 80)),
        *(upright(x, top, top + 80) for x in (160, 260, 360)),
    ]
    closed = closed_on_scan(rules, HEIGHT)
    assert closed.cuts == ((level(top + 80, 60, 160),) if is_closed else ())
    assert (upright(60, top + 40, top + 80) in closed.down) == is_closed


@pytest.mark.parametrize(
    "rules",
    [
        [],
        ruled((60, 160, 260), (100, 120, 140), 60, 260),  # nothing is open
        ruled((60, 160, 260), (100, 120, 140), 58, 264),  # lines are drawn a little too long
        ruled((160,), (100, 120), 60, 260),  # two rules may be two underlines
        ruled((60,), (100, 120, 140, 160), 60, 260),  # a chart
        [*ruled((60, 160, 260), (100, 120, 140), 60, 260), *(upright(x, 140, 155) for x in (80, 100, 120))],  # print below the table
        [level(top, 60, 260) for top in (100, 120, 140)],
    ],
)
def test_where_rules_of_a_scan_do_not_end_in_the_air_nothing_is_closed(rules: list[Edge]):
    assert closed_on_scan(rules, HEIGHT) == ((), (), ())


# --- parts on several pages

Drawn = Mapping[tuple[int, int, int, int], str]  # row, column, rows, columns: what stands in the cell


def rows(*texts: Sequence[str], start: int = 0) -> dict[tuple[int, int, int, int], str]:
    return {(row, col, 1, 1): text for row, line in enumerate(texts, start) for col, text in enumerate(line)}


def part(
    page: int,
    cells: Drawn,
    *,
    top: float = 40.0,
    room: float = 40.0,
    xs: Sequence[float] = XS,
    starts: bool = True,
    ends: bool = True,
    above: bool = False,
    below: bool = False,
) -> Part:
    """A grid with rows of equal height; the words of a cell lie where the page and its place in the mapping say.

    `above` and `below`: it has no rule at its top, and at its bottom.
    """
    ruled = []
    last = max(row + high for row, _, high, _ in cells)
    for place, ((row, col, high, wide), said) in enumerate(cells.items()):
        box = Box(xs[col], top + ROW * row, xs[col + wide], top + ROW * (row + high))
        start = 1000 * page + 10 * place
        pieces = ((start, start + len(said)),) if said else ()
        ruled.append(Ruled(box, said, above and row == 0, below and row + high == last, pieces))
    return Part(page, tuple(ruled), HEIGHT, top, room, starts, ends)


def joined(*parts: Part) -> Table | None:
    """None where they are not one table."""
    chain = Chain(parts[0])
    return chain.table() if all(chain.takes(below) for below in parts[1:]) else None


def words(table: Table | None, *parts: Part) -> dict[tuple[int, int, int, int], str]:
    """What stands in each cell of a table."""
    assert table is not None
    said = {piece: cell.words for one in parts for cell in one.cells for piece in cell.pieces}
    return {(c.row, c.col, c.rowspan, c.colspan): "|".join(said[piece] for piece in c.pieces) for c in table.cells}


FIRST = part(1, rows(("名称", "预算", "执行"), ("甲", "1", "2")))
SECOND = part(2, rows(("乙", "3", "4"), ("丙", "5", "6")))


def test_a_table_that_fills_its_page_goes_on_on_the_next():
    table = joined(FIRST, SECOND)
    assert words(table, FIRST, SECOND) == rows(("名称", "预算", "执行"), ("甲", "1", "2"), ("乙", "3", "4"), ("丙", "5", "6"))
    assert table
    assert table.pages == (1, 2)


def test_a_table_may_go_on_over_many_pages():
    parts = [part(page, rows((f"行{page}", f"{page}", "0"))) for page in range(1, 8)]
    table = joined(*parts)
    assert table
    assert table.pages == tuple(range(1, 8))
    assert words(table, *parts) == rows(*((f"行{page}", f"{page}", "0") for page in range(1, 8)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, part(3, rows(("乙", "3", "4")))),
        (part(1, rows(("甲", "1", "2")), room=400), SECOND),
        (part(1, rows(("甲", "1", "2")), ends=False), SECOND),
        (FIRST, part(2, rows(("乙", "3", "4")), starts=False)),
        (FIRST, part(2, rows(("乙", "3", "4")), xs=(60, 160, 260, 400))),
        (FIRST, part(2, rows(("乙", "3", "4")), xs=(80, 160, 260, 360))),
        (part(1, rows("abcde"), xs=(60, 120, 180, 240, 300, 360)), part(2, rows("fghi"), xs=(60, 90, 150, 270, 360))),
    ],
    ids=["a page between", "room for more", "text below", "text above", "wider", "further in", "other columns"],
)
def test_tables_of_their_own_stay_apart(first: Part, second: Part):
    assert joined(first, second) is None


def test_an_open_end_goes_on_whatever_room_there_is():
    assert joined(part(1, rows(("甲", "1", "2")), room=400, below=True), SECOND)
    assert joined(part(1, rows(("甲", "1", "2")), room=400), part(2, rows(("乙", "3", "4")), above=True))


def test_rulings_that_differ_by_little_are_the_same():
    second = part(2, rows(("乙", "3", "4")), xs=[x + shift for x, shift in zip(XS, (1, -2, 2, 0.5), strict=True)])
    assert words(joined(FIRST, second), FIRST, second) == rows(("名称", "预算", "执行"), ("甲", "1", "2"), ("乙", "3", "4"))


@pytest.mark.parametrize(("aside", "stretch"), [(0, 0), (-12, 0), (25, 4)])
def test_the_next_sheet_may_lie_otherwise_in_a_scanner(aside: float, stretch: float):
    moved = part(2, rows(("乙", "3", "4")), xs=[x + aside + stretch * x / XS[-1] for x in XS])
    whole = rows(("名称", "预算", "执行"), ("甲", "1", "2"), ("乙", "3", "4"))
    assert words(joined(FIRST, replace(moved, is_scanned=True)), FIRST, moved) == whole
    assert (joined(FIRST, moved) is None) == (aside != 0)


def test_a_narrower_table_of_a_scan_is_another_one():
    narrow = part(2, rows(("乙", "3", "4")), xs=(60, 150, 240, 340))
    assert joined(FIRST, replace(narrow, is_scanned=True)) is None


def test_a_column_that_is_parted_further_on_is_parted():
    second = part(2, rows(("乙", "3", "4", "5")), xs=(60, 160, 210, 260, 360))
    assert words(joined(FIRST, second), FIRST, second) == {
        **{(row, 0, 1, 1): text for row, text in enumerate(("名称", "甲", "乙"))},
        **{(row, 1, 1, 2): text for row, text in enumerate(("预算", "1"))},
        **{(row, 3, 1, 1): text for row, text in enumerate(("执行", "2", "5"))},
        (2, 1, 1, 1): "3",
        (2, 2, 1, 1): "4",
    }


def test_head_rows_that_are_printed_again_are_dropped():
    again = part(2, rows(("名称", "预算", "执行"), ("乙", "3", "4")))
    third = part(3, rows(("名称", "预算", "执行"), ("丙", "5", "6")))
    table = words(joined(FIRST, again, third), FIRST, again, third)
    assert table == rows(("名称", "预算", "执行"), ("甲", "1", "2"), ("乙", "3", "4"), ("丙", "5", "6"))


def test_a_head_of_two_rows_with_spans_is_dropped_as_one():
    head = {(0, 0, 2, 1): "名称", (0, 1, 1, 2): "金额", (1, 1, 1, 1): "预算", (1, 2, 1, 1): "执行"}
    first, second = part(1, {**head, **rows(("甲", "1", "2"), start=2)}), part(2, {**head, **rows(("乙", "3", "4"), start=2)})
    assert words(joined(first, second), first, second) == {**head, **rows(("甲", "1", "2"), ("乙", "3", "4"), start=2)}


def test_a_table_that_repeats_itself_entirely_keeps_its_last_row():
    again = part(2, rows(("名称", "预算", "执行"), ("甲", "1", "2")))
    assert list(words(joined(FIRST, again), FIRST, again).values()).count("甲") == 2


def test_cells_that_an_open_cut_parts_are_one():
    first, second = part(1, rows(("甲", "the first", "1")), below=True), part(2, rows(("", "half", ""), ("乙", "x", "2")), above=True)
    assert words(joined(first, second), first, second) == rows(("甲", "the first|half", "1"), ("乙", "x", "2"))


def test_a_label_over_several_rows_goes_on_over_the_break():
    first = part(1, {(0, 0, 2, 1): "合计", **{(row, col, 1, 1): f"{row}{col}" for row in (0, 1) for col in (1, 2)}})
    second = part(2, {(0, 0, 2, 1): "", **{(row, col, 1, 1): f"{row + 2}{col}" for row in (0, 1) for col in (1, 2)}})
    found = words(joined(first, second), first, second)
    assert found[0, 0, 4, 1] == "合计"
    assert found == {(0, 0, 4, 1): "合计", **{(row, col, 1, 1): f"{row}{col}" for row in range(4) for col in (1, 2)}}


def test_a_blank_cell_below_a_label_of_one_row_is_blank():
    second = part(2, rows(("", "3", "4")))
    assert words(joined(FIRST, second), FIRST, second)[2, 0, 1, 1] == ""


def test_a_row_that_the_break_tears_though_a_rule_is_drawn_is_one_row():
    first = part(1, rows(("甲", "the report is", "12.50")))
    second = part(2, rows(("", "late", ""), ("乙", "the report is in time", "3")))
    assert words(joined(first, second), first, second) == rows(("甲", "the report is|late", "12.50"), ("乙", "the report is in time", "3"))


@pytest.mark.parametrize("row", [("", "late", "7"), ("", "the 2nd", ""), ("", "", ""), ("乙", "late", "")])
def test_a_row_with_a_label_or_a_figure_or_nothing_is_a_row(row: tuple[str, str, str]):
    first, second = part(1, rows(("甲", "the report is", "12.50"))), part(2, rows(row, ("丙", "x", "3")))
    assert words(joined(first, second), first, second) == rows(("甲", "the report is", "12.50"), row, ("丙", "x", "3"))


LABELS = st.lists(  # of the rows of a table
    st.tuples(st.text("甲乙丙丁", min_size=1, max_size=3), st.integers(0, 99), st.text("abc", max_size=3)), min_size=2, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.lists(st.integers(1, 11), max_size=4, unique=True))
def test_a_table_cut_between_its_rows_is_what_it_was(lines: list[tuple[str, int, str]], cuts: list[int]):
    texts = [(f"{place}{label}", str(figure), note) for place, (label, figure, note) in enumerate(lines)]
    ends = [0, *sorted(cut for cut in cuts if cut < len(texts)), len(texts)]
    parts = [part(page, rows(*texts[start:end])) for page, (start, end) in enumerate(pairwise(ends), 1)]
    assert words(joined(*parts), *parts) == rows(*texts)


# --- the text of a page


def print_at(x: float, top: float, text: str, size: float = 10.0, sure: float | None = None) -> tuple[Char, ...]:
    """Characters as wide as half their height, ideographs twice as wide."""
    found = []
    for sign in text:
        wide = size if sign > "\u2e80" else size / 2
        found.append(Char(sign, Box(x, top, x + wide, top + size), True, sure))
        x += wide
    return tuple(found)


def sheet(*prints: tuple[Char, ...], tables: tuple[tuple[Box, ...], ...] = (), cuts: tuple[Box, ...] = ()) -> Sheet:
    return Sheet(1, 595.0, HEIGHT, tuple(char for chars in prints for char in chars), tables, cuts=cuts)


def written(*sheets: Sheet) -> Written:
    script = Script()
    for one in sheets:
        script.write_sheet(one)
    return script.taken(last=True)


def grid(top: float, *heights: float, xs: Sequence[float] = XS) -> tuple[Box, ...]:
    boxes, y = [], top
    for height in heights:
        boxes += [Box(x0, y, x1, y + height) for x0, x1 in pairwise(xs)]
        y += height
    return tuple(boxes)


def test_lines_stand_from_top_to_bottom_and_words_know_their_places():
    found = written(sheet(print_at(60, 80, "second line"), print_at(60, 60, "合计 1.5", sure=0.5)))
    assert found.text == "合计 1.5\nsecond line\n"
    assert [found.text[word.start : word.end] for word in found.words] == ["合计", "1.5", "second", "line"]
    assert found.words[0].box == Box(60, 60, 80, 70)
    assert [word.confidence for word in found.words] == [0.5, 0.5, None, None]
    assert [(page.number, page.start, page.end, page.width) for page in found.pages] == [(1, 0, 19, 595.0)]


def test_a_wide_gap_is_as_many_spaces_as_its_place_says():
    found = written(sheet(print_at(60, 60, "甲"), print_at(260, 60, "1"), print_at(60, 80, "乙乙乙"), print_at(260, 80, "2")))
    assert found.text == "甲" + " " * 38 + "1\n" + "乙乙乙" + " " * 34 + "2\n"


def test_a_gap_in_a_crowded_line_is_two_spaces_at_least():
    crowded = tuple(Char("w", Box(60.0 + place, 60, 61.0 + place, 64)) for place in range(100))
    found = written(sheet(crowded, print_at(172, 60, "x", size=4.0)))
    assert found.text == "w" * 100 + "  x\n"


def test_pages_are_parted_by_form_feeds():
    found = written(sheet(print_at(60, 60, "a")), sheet(), sheet(print_at(60, 60, "b")))
    assert found.text == "a\n\f\fb\n"
    assert [(page.number, page.start) for page in found.pages] == [(1, 0), (2, 3), (3, 4)]
    assert [word.page for word in found.words] == [1, 3]


def test_a_grid_is_a_line_a_row_with_tabs_between_cells():
    table = grid(100, 20, 20)
    prints = (print_at(63, 105, "甲"), print_at(163, 105, "1"), print_at(263, 105, "x y"), print_at(63, 125, "乙"), print_at(263, 125, "z"))
    found = written(sheet(*prints, print_at(60, 60, "above"), print_at(60, 200, "below"), tables=(table,)))
    assert found.text == "above\n甲\t1\tx y\n乙\t\tz\nbelow\n"
    (table_found,) = found.tables
    assert [(cell.row, cell.col, [found.text[slice(*piece)] for piece in cell.pieces]) for cell in table_found.cells] == [
        (0, 0, ["甲"]),
        (0, 1, ["1"]),
        (0, 2, ["x y"]),
        (1, 0, ["乙"]),
        (1, 1, []),
        (1, 2, ["z"]),
    ]


def test_lines_of_a_cell_are_one_line_without_spaces_between_ideographs():
    prints = (print_at(63, 105, "绩效"), print_at(63, 117, "目标"), print_at(163, 105, "two"), print_at(163, 117, "lines"))
    assert written(sheet(*prints, tables=(grid(100, 40, xs=XS[:3]),))).text == "绩效目标\ttwo lines\n"


def test_a_print_that_runs_over_its_cell_stays_whole_where_it_begins():
    sides = tuple((150 + 5 * place, 155 + 5 * place) for place in range(4))
    whole = Char("abcd", Box(150, 105, 170, 115), True, None, sides)
    assert written(sheet((whole,), tables=(grid(100, 20, xs=XS[:3]),))).text == "abcd\t\n"


def test_figures_of_two_cells_that_stand_together_are_parted_where_a_ruling_stands_in_their_gap():
    sides = ((148, 153), (153, 158), (162, 167), (167, 172))
    whole = Char("1234", Box(148, 105, 172, 115), True, None, sides)
    assert written(sheet((whole,), tables=(grid(100, 20, xs=XS[:3]),))).text == "12\t34\n"


@pytest.mark.parametrize(("top", "sign"), [(98, "²"), (99, "²"), (107, "₂")])
def test_a_small_figure_beside_print_is_raised_or_lowered_and_no_figure_of_it(top: float, sign: str):
    small = Char("2", Box(85, top, 88, top + 6))
    assert written(sheet((*print_at(60, 100, "5,678"), small))).text == f"5,678{sign}\n"


def test_columns_whose_rows_are_set_off_do_not_chain_into_one_line():
    places = [(row, col) for row in range(4) for col in range(3)]
    chars = [char for row, col in places for char in print_at(60 + 100 * col, 100 + 11.5 * row + 3.8 * col, f"{row}{col}")]
    lines = written(sheet(tuple(chars))).text.splitlines()
    assert sorted(lines) == sorted(f"{row}{col}" for row, col in places)


def test_a_table_of_an_inner_grid_has_its_outer_columns():
    rules = [*(Edge(50, top, 350, top) for top in (100, 120, 140)), *(Edge(x, 100, x, 140) for x in (150, 250))]
    (cells,) = cells_of([*rules, *sides_of(rules)], 595, 842)
    assert len(cells) == 6
    assert sides_of([*rules, Edge(50, 100, 50, 140), Edge(350, 100, 350, 140)]) == ()


def test_a_table_is_given_when_it_can_no_longer_go_on():
    page = sheet(print_at(63, 785, "甲"), print_at(163, 785, "1"), tables=(grid(780, 20, xs=XS[:3]),))
    below = sheet(print_at(63, 45, "乙"), print_at(163, 45, "2"), tables=(grid(40, 20, xs=XS[:3]),))
    script = Script()
    given_away = []
    for one in (page, below, sheet(print_at(60, 60, "end"))):
        script.write_sheet(one)
        given_away.append(script.taken())
    given_away.append(script.taken(last=True))
    assert "".join(one.text for one in given_away) == "甲\t1\n\f乙\t2\n\fend\n"
    assert [[table.pages for table in one.tables] for one in given_away] == [[], [], [], [(1, 2)]]
    assert [cell.pieces for cell in given_away[3].tables[0].cells] == [((0, 1),), ((2, 3),), ((5, 6),), ((7, 8),)]


def test_a_word_that_was_read_otherwise_the_second_time_has_both_readings():
    page = sheet(print_at(60, 60, "合计 100"))
    second = Sheet(1, 595.0, HEIGHT, page.chars, alternatives=((Box(86, 60, 99, 70), "160"), (Box(300, 300, 310, 310), "nothing")))
    assert written(second).seconds == (Second(3, 6, "160"),)


def test_sections_of_office_files_are_pages_with_their_names():
    script = Script("file.xlsx")
    cells = (Placed(0, 0, 1, 1, "a\nb"), Placed(0, 1, 1, 1, "合\n计"), Placed(1, 0, 1, 2, ""))
    script.write_section(Section("表一", ("a paragraph", Office(2, 2, cells))))
    script.write_section(Section("", ()))
    found = script.taken(last=True)
    assert found.text == "a paragraph\na b\t合计\n\t\n\f"
    assert [(page.name, page.decision, page.start) for page in found.pages] == [("file.xlsx / 表一", "text", 0), ("file.xlsx", "text", 22)]
    assert found.tables == (Table((1,), (Cell(0, 0, 1, 1, ((12, 15),)), Cell(0, 1, 1, 1, ((16, 18),)), Cell(1, 0, 1, 2))),)


def test_a_text_keeps_its_own_form_feeds():
    script = Script()
    script.write_text("a\fb\n\f")
    script.write_text("c")
    found = script.taken(last=True)
    assert found.text == "a\fb\n\fc"
    assert [(page.number, page.start, page.end) for page in found.pages] == [(1, 0, 2), (2, 2, 5), (3, 5, 6)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 80), st.sampled_from(["合计", "1.5", "a b", "x"])), max_size=15))
def test_every_character_of_a_page_stands_in_its_text(prints: list[tuple[int, int, str]]):
    found = written(sheet(*(print_at(x, 10.0 * row, text) for x, row, text in prints), tables=(grid(100, 100, 200),)))
    assert sorted("".join(found.text.split())) == sorted("".join(text for *_, text in prints).replace(" ", ""))
    assert all(found.text[word.start : word.end].split() == [found.text[word.start : word.end]] for word in found.words)
    starts = [word.start for word in found.words]
    assert starts == sorted(starts)


# --- PDFs


def texts(document: Document, table: int = 0) -> dict[tuple[int, int, int, int], list[str]]:
    cells = document.tables[table].cells
    return {(c.row, c.col, c.rowspan, c.colspan): [document.text[start:end] for start, end in c.pieces] for c in cells}


def test_a_cell_that_a_page_break_cuts_is_one_cell_of_a_pdf():
    def above(paper: Paper) -> None:
        for y in (700, 720):
            paper.line(60, y, 400, y)
        for x in (60, 200, 400):
            paper.line(x, 700, x, 790)
        for x, y, text in ((63, 703, "项目"), (203, 703, "说明"), (63, 723, "甲"), (203, 723, "第一行"), (203, 740, "第二行")):
            paper.text(x, y, text)

    def below(paper: Paper) -> None:
        for y in (80, 100):
            paper.line(60, y, 400, y)
        for x in (60, 200, 400):
            paper.line(x, 40, x, 100)
        for x, y, text in ((203, 45, "第三行"), (63, 83, "乙"), (203, 83, "完")):
            paper.text(x, y, text)

    document = document_of(pdf(above, below))
    assert document.text == "项目\t说明\n甲\t第一行第二行\n\f\t第三行\n乙\t完\n"
    assert [table.pages for table in document.tables] == [(1, 2)]
    assert texts(document) == {
        (0, 0, 1, 1): ["项目"],
        (0, 1, 1, 1): ["说明"],
        (1, 0, 1, 1): ["甲"],
        (1, 1, 1, 1): ["第一行第二行", "第三行"],
        (2, 0, 1, 1): ["乙"],
        (2, 1, 1, 1): ["完"],
    }


def test_running_heads_and_page_numbers_do_not_part_a_table():
    def page(number: int, *lines: str):
        def draw(paper: Paper) -> None:
            paper.text(250, 20, "年度报告")
            paper.text(290, 820, f"第 {number} 页")
            top = 760 if number == 1 else 60
            ys = [top + 20 * step for step in range(len(lines) + 1)]
            paper.table((60, 200, 400), ys, [(row, col, 1, 1, (text,)) for row, line in enumerate(lines) for col, text in enumerate(line)])

        return draw

    document = document_of(pdf(page(1, "甲1", "乙2"), page(2, "丙3", "丁4")))
    assert [table.pages for table in document.tables] == [(1, 2)]
    assert list(texts(document).values()) == [["甲"], ["1"], ["乙"], ["2"], ["丙"], ["3"], ["丁"], ["4"]]


def test_two_tables_side_by_side_are_two():
    def both(paper: Paper) -> None:
        for x in (60, 320):
            paper.table((x, x + 100, x + 200), (100, 120, 140), [(row, col, 1, 1, (f"{row}{col}",)) for row in (0, 1) for col in (0, 1)])

    document = document_of(pdf(both))
    assert [len(table.cells) for table in document.tables] == [4, 4]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_table_is_read_however_its_page_is_turned(degrees: int):
    import pdfs

    def turned(paper: Paper) -> None:
        wide = degrees in (90, 270)
        canvas, width, height = paper.canvas, paper.width, paper.height
        canvas.translate(width if degrees in (90, 180) else 0, height if degrees in (180, 270) else 0)
        canvas.rotate(degrees)
        upright_paper = Paper(canvas, (height, width) if wide else (width, height))
        upright_paper.table((60, 200, 400), (100, 120, 140), [(row, col, 1, 1, (f"格{row}{col}",)) for row in (0, 1) for col in (0, 1)])

    document = document_of(pdfs.rotated(pdf(turned), degrees))
    assert document.text == "格00\t格01\n格10\t格11\n"
    assert len(document.tables[0].cells) == 4
