"""Finding values again on the page: in one piece, in several, nearly, or not at all."""

from __future__ import annotations

import pytest

from structurer.ground import ground, known_match
from structurer.layout import Layout
from structurer.record import Extract, Match
from structurer.schema import Kind, Leaf, Printed


def located(
    text: str, *values: str | None, kind: Kind = Kind.TEXT, spans_rows: bool = False, column: str = "a"
) -> list[tuple[list[str], str]]:
    """The prints that each value was given, and how they match."""
    leaf = Leaf(column, (column,), kind, Printed(), spans_rows=spans_rows)
    leaves = [(f"/rows/{number}/{column}", leaf, Extract(value)) for number, value in enumerate(values)]
    found = ground(Layout(text, 0, len(text)), leaves).found
    return [([text[start:end] for start, end in spans], str(match)) for spans, match in found.values()]


def starts(text: str, *values: str, kind: Kind = Kind.TEXT, spans_rows: bool = False) -> list[int]:
    leaf = Leaf("a", ("a",), kind, Printed(), spans_rows=spans_rows)
    found = ground(Layout(text, 0, len(text)), [(f"/rows/{number}/a", leaf, Extract(value)) for number, value in enumerate(values)]).found
    return [spans[0][0] for spans, _ in found.values()]


def test_a_blank_value_has_no_place():
    assert located("甲", None) == []
    assert located("甲", "  ") == [([], "none")]


def test_a_value_in_one_piece_is_exact():
    assert located("项目 道路养护 二期", "道路养护") == [(["道路养护"], "exact")]


def test_line_breaks_widths_and_split_digits_do_not_hide_a_value():
    assert located("（道路\n 养护）\t1\n23.5", "(道路养护)", "123.5") == [(["（道路\n 养护）"], "normalised"), (["1\n23.5"], "normalised")]


def test_equal_figures_find_their_own_prints_in_order():
    assert starts("5 6 5 6", "5", "6", "5", "6", kind=Kind.NUMBER) == [0, 2, 4, 6]


def test_a_value_before_the_last_one_takes_the_first_print_that_is_free():
    assert starts("甲 乙 丙 甲", "丙", "乙", "甲") == [4, 2, 6]
    assert starts("甲 丙", "丙", "甲") == [2, 0]


def test_a_figure_printed_once_may_stand_for_two_fields():
    assert starts("共 7 项", "7", "7", kind=Kind.NUMBER) == [2, 2]


@pytest.mark.parametrize("text", ["15", "5.2", "2.5", "1,5", "5,000", "55"])
def test_a_figure_is_a_whole_figure_of_the_page(text):
    assert located(text, "5", kind=Kind.NUMBER) == [([], "none")]


@pytest.mark.parametrize(("text", "start"), [("共5.", 1), ("5,", 0), ("5元", 0), ("1 5", 2), ("5\n5", 0), ("15 5", 3)])
def test_a_figure_ends_where_the_print_does(text, start):
    assert starts(text, "5", kind=Kind.NUMBER) == [start]


@pytest.mark.parametrize(
    ("text", "value"), [("≥50", "≥5"), ("≥5.5", "≥5"), ("2025-01-15", "2025-01-1"), ("12号", "2号"), ("达到1,000", "达到1")]
)
def test_a_text_does_not_begin_or_end_amid_a_figure(text, value):
    assert located(text, value) == [([], "none")]


@pytest.mark.parametrize(("text", "value"), [("≥5.", "≥5"), ("1.2号", "2号"), ("≥5, 6", "≥5"), ("1 2号", "2号")])
def test_marks_and_gaps_end_a_figure(text, value):
    assert located(text, value) == [([value], "exact")]


def test_a_merged_label_is_the_same_print_on_every_row_it_covers():
    assert starts("产出 1 2 效益 3 产出 4", "产出", "产出", "效益", spans_rows=True) == [0, 0, 7]
    leaf = Leaf("b", ("b",), Kind.TEXT, Printed(), spans_rows=True)
    text = "产出 x 产出"
    found = ground(
        Layout(text, 0, len(text)),
        [("/r/0/b", leaf, Extract("产出")), ("/r/0/c", leaf, Extract("产出")), ("/r/0/d", leaf, Extract("产出"))],
    ).found
    assert [spans for spans, _ in found.values()] == [((0, 2),), ((5, 7),), ((5, 7),)]


def test_a_text_interrupted_by_other_print_is_found_in_its_pieces():
    assert located("完成道路养护工程 第2季 和绿化提升工程", "道路养护工程和绿化提升工程") == [
        (["道路养护工程", "和绿化提升工程"], "normalised")
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("甲乙 x 丙 y 丁 z", "甲丙丁"),  # pieces too short
        ("甲乙 " + "x" * 200 + " 丙丁", "甲乙丙丁"),  # too far apart
        ("甲乙 1 丙丁 2 戊己 3 庚辛 4 壬癸", "甲乙丙丁戊己庚辛壬癸"),  # too many pieces
        ("甲乙", "甲乙丙丁"),  # the end is missing
    ],
)
def test_a_text_scattered_over_the_page_is_not_found(text, value):
    assert located(text, value) == [([], "none")]


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.TEXT])
@pytest.mark.parametrize(
    ("text", "value"), [("25人 100.00", "25.00"), ("12 x 34", "1234"), ("25 和 00", "2500"), ("1127300.00", "1127800.00")]
)
def test_no_figure_is_put_together_from_pieces_of_others(text, value, kind):
    assert located(text, value, kind=kind) == [([], "none")]


def test_a_text_is_not_put_together_from_pieces_of_figures():
    assert located("数量25 和 1250元整", "数量25和50元整") == [([], "none")]


def test_a_print_that_differs_in_few_characters_is_fuzzy():
    assert located("提升道路绿化养护质量和水平", "提升道路绿化养护质里和水平") == [(["提升道路绿化养护质量和水平"], "fuzzy")]
    assert located("题升道路绿化养护质量和水平", "提升道路绿化养护质量和水平") == [(["题升道路绿化养护质量和水平"], "fuzzy")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("提升道路绿化养护质量和水平2号", "提升道路绿化养护质里和水平3号"),  # another figure
        ("提升道路绿化养护质量和水平25", "提升道路绿化养护质里和水平2"),  # half a figure
        ("完全不同的一段文字并且很长", "完全不同呢另外几句话也不短"),  # too many differences
        ("甲乙丙丁戊", "甲乙丙丁己"),  # too short to tell
    ],
)
def test_what_differs_in_more_is_not_on_the_page(text, value):
    assert located(text, value) == [([], "none")]


def test_a_number_is_never_found_nearly():
    assert located("1127800.00", "112780.000", kind=Kind.NUMBER) == [([], "none")]


def test_places_are_offsets_into_the_whole_document():
    text = "首页\n名称 甲乙"
    leaf = Leaf("a", ("a",), Kind.TEXT, Printed())
    assert ground(Layout(text, 3, len(text)), [("/a", leaf, Extract("甲乙"))]).found == {"/a": (((6, 8),), Match.EXACT)}


@pytest.mark.parametrize(
    ("extract", "match"),
    [
        (Extract(None), Match.NONE),
        (Extract("道路养护"), Match.NONE),
        (Extract("道路", ((2, 4),)), Match.EXACT),
        (Extract("道路养护", ((2, 7),)), Match.NORMALISED),
        (Extract("道路养护", ((2, 4), (5, 7))), Match.NORMALISED),
        (Extract("道路管养", ((2, 7),)), Match.FUZZY),
    ],
)
def test_a_reader_that_knows_its_places_is_compared_with_them(extract, match):
    text = "项目道路\n养护"
    assert known_match(Layout(text, 0, len(text)), extract) is match
