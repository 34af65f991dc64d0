"""Finding values again on the page: in one piece, in several, nearly, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.contracts.contract import load
from structurer.contracts.schema import Kind, Leaf, Printed
from structurer.judging.ground import MAX_PRINTS, ground, known_match
from structurer.judging.prints import prints_of
from structurer.layout import Layout
from structurer.record import Extract, Match, leaf_pointers


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


def test_a_merged_label_that_is_not_on_the_page_is_not_found():
    assert located("产出 1 2", "效益", spans_rows=True) == [([], "none")]


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


# -- placed by order -----------------------------------------------------------------------------------------------------


ORDERS = load(
    {
        "type": "object",
        "properties": {
            "buyer": {"type": "string"},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"article": {"type": "string"}, "price": {"type": "number"}, "paid": {"x-kind": "date"}},
                },
            },
            "total": {"type": "number"},
        },
    },
    kind="order",
)


def grounded(text, texts, rows, *, verbatim=True):
    """The first character of each value's print, and the values that stand where the order of the record puts them."""
    layout = Layout(text, 0, len(text))
    leaves = [(place, leaf, Extract(texts.get(place))) for place, leaf in leaf_pointers(ORDERS, {"/lines": rows})]
    found = ground(layout, leaves, verbatim=verbatim)
    return {place: spans[0][0] if spans else None for place, (spans, _) in found.found.items()}, found.placed


def row(number, article, price):
    return {f"/lines/{number}/article": article, f"/lines/{number}/price": price}


def test_all_values_of_a_page_in_the_order_of_the_record_are_placed():
    text = "Acme\nApple 5\nPear 5\nPlum 5\nTotal 15"
    found, placed = grounded(
        text, {"/buyer": "Acme", **row(0, "Apple", "5"), **row(1, "Pear", "5"), **row(2, "Plum", "5"), "/total": "15"}, 3
    )
    assert [found[f"/lines/{number}/price"] for number in range(3)] == [11, 18, 25]
    assert placed == set(found)


def test_a_table_printed_column_by_column_is_placed_too():
    text = "Apple Pear Plum\n5 6 5\nTotal 16"
    found, placed = grounded(text, {**row(0, "Apple", "5"), **row(1, "Pear", "6"), **row(2, "Plum", "5"), "/total": "16"}, 3)
    assert [found[f"/lines/{number}/price"] for number in range(3)] == [16, 18, 20]
    assert placed == set(found)


def test_of_equal_figures_the_one_left_over_is_left_at_the_value_that_has_none():
    """Three prints of 5 for two values: the middle row was misread, so its print is left over, not that of the last row."""
    text = "Apple 5\nPear 5\nPlum 5\n"
    found, placed = grounded(text, {**row(0, "Apple", "5"), **row(1, "Pear", "8"), **row(2, "Plum", "5")}, 3)
    assert (found["/lines/0/price"], found["/lines/1/price"], found["/lines/2/price"]) == (6, None, 20)
    assert "/lines/1/price" not in placed


def test_a_figure_that_has_no_names_beside_it_leaves_the_print_of_the_value_that_has_none():
    found, _ = grounded("5 5 5 5 9", {f"/lines/{number}/price": "5" if number != 1 else "8" for number in range(4)} | {"/total": "9"}, 4)
    assert [found[f"/lines/{number}/price"] for number in range(4)] == [0, None, 4, 6]


def test_a_figure_copied_from_another_row_is_not_placed():
    text = "Apple 5\nPear 6\nPlum 7\n"
    found, placed = grounded(text, {**row(0, "Apple", "5"), **row(1, "Pear", "5"), **row(2, "Plum", "7")}, 3)
    assert found["/lines/1/price"] == 6
    assert "/lines/1/price" not in placed
    assert {"/lines/0/price", "/lines/2/price"} <= placed


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="rows whose values cross have hulls that overlap, and the window between rows is the whole page",
)
def test_figures_exchanged_between_rows_are_not_both_placed():
    text = "Apple 512\nPear 634\n"
    _, placed = grounded(text, {**row(0, "Apple", "634"), **row(1, "Pear", "512")}, 2)
    assert len({"/lines/0/price", "/lines/1/price"} & placed) < 2


def test_columns_printed_in_another_order_are_placed_between_the_rows_around_them():
    text = "5 Apple\n6 Pear\n7 Plum\n"
    _, placed = grounded(text, {**row(0, "Apple", "5"), **row(1, "Pear", "6"), **row(2, "Plum", "7")}, 3)
    assert {f"/lines/{number}/{name}" for number in range(3) for name in ("article", "price")} == placed


def test_a_single_figure_of_three_digits_is_meant_where_it_stands_by_itself():
    for figure, sure in (("512", True), ("51", False)):
        _, placed = grounded(
            f"Total {figure}\nApple 7\nPear 9\nAcme", {"/buyer": "Acme", **row(0, "Apple", "7"), **row(1, "Pear", "9"), "/total": figure}, 2
        )
        assert ("/total" in placed) is sure


def test_nothing_is_placed_of_a_record_without_values():
    assert grounded("Acme 5", {}, 1) == ({}, frozenset())


def test_a_value_with_more_prints_than_are_put_in_order_is_placed_between_the_others():
    text = "5 " * MAX_PRINTS + "\nFig 7\nApple 5\nPear 6\n"
    found, placed = grounded(text, {**row(0, "Fig", "7"), **row(1, "Apple", "5"), **row(2, "Pear", "6")}, 3)
    assert found["/lines/1/price"] == text.index("Apple") + 6
    assert "/lines/1/price" in placed


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("1,200.50", "1200.5"),
        ("1,200.50", "1200.50"),
        ("1200.5", "1,200.50"),
        ("12.00", "12"),
        ("12", "12.00"),
        ("0.50", "0.5"),
    ],
)
def test_a_figure_in_another_manner_is_found_where_values_are_not_verbatim(printed, value):
    text = f"Apple {printed}\n"
    assert grounded(text, row(0, "Apple", value), 1, verbatim=False)[0]["/lines/0/price"] == 6
    assert grounded(text, row(0, "Apple", value), 1)[0]["/lines/0/price"] is None or printed == value


@pytest.mark.parametrize(
    ("printed", "value"), [("007", "7"), ("1200.5", "1200.05"), ("12.5", "1.25"), ("120", "12"), ("12-3", "123"), ("1.2.3", "1.2")]
)
def test_another_figure_is_not_found_even_so(printed, value):
    assert grounded(f"Apple {printed}\n", row(0, "Apple", value), 1, verbatim=False)[0]["/lines/0/price"] is None


@pytest.mark.parametrize("printed", ["2025年3月1日", "2025-03-01", "2025.3.1", "2025/03/01", "1 March 2025", "on: Mar. 1st, 2025"])
def test_a_date_in_another_manner_is_found_where_values_are_not_verbatim(printed):
    text = f"Apple {printed}\n"
    texts = {"/lines/0/article": "Apple", "/lines/0/paid": "2025-03-01"}
    assert grounded(text, texts, 1, verbatim=False)[0]["/lines/0/paid"] == text.index(printed.removeprefix("on: "))


def test_a_date_in_words_is_found_behind_another_word():
    assert grounded("Apple March 1, 2025", {"/lines/0/paid": "2025-03-01"}, 1, verbatim=False)[0]["/lines/0/paid"] == 6


def test_another_day_is_not_found():
    assert grounded("Apple 2025年3月11日", {"/lines/0/paid": "2025-03-01"}, 1, verbatim=False)[0]["/lines/0/paid"] is None


PRICE = next(leaf for leaf in ORDERS.leaves() if leaf.name == "price")


@pytest.mark.parametrize(
    ("text", "start", "found"), [("x 1234 12345 1234", 1, [(2, 6), (13, 17)]), ("12\n34 y", 0, [(0, 5)]), ("12 3", 0, [])]
)
def test_the_prints_of_a_text_are_told_in_order(text, start, found):
    assert prints_of(Layout(text, start, len(text)), PRICE, "1234") == found
    assert prints_of(Layout(text, start, len(text)), PRICE, " ") == []


def test_of_two_values_alike_one_may_be_broken_over_lines():
    found, placed = grounded("Apple 12\n34\nPear 1234\n", {**row(0, "Apple", "1234"), **row(1, "Pear", "1234")}, 2)
    assert (found["/lines/0/price"], found["/lines/1/price"]) == (6, 17)
    assert placed == set(found)


def test_five_thousand_rows_are_placed_in_little_time():
    text = "".join(f"Item{number} {number % 7}.{number % 100:02}\n" for number in range(5_000))
    texts = {
        f"/lines/{number}/{name}": part
        for number in range(5_000)
        for name, part in (("article", f"Item{number}"), ("price", f"{number % 7}.{number % 100:02}"))
    }
    found, placed = grounded(text, texts, 5_000)
    assert placed == set(found)
    assert len(set(found.values())) == len(found)


LINES = st.lists(st.tuples(st.sampled_from(["Apple", "Pear", "Plum", "Fig"]), st.sampled_from(["5", "6", "15", "1.50"])), max_size=8)


@given(LINES)
def test_a_page_written_from_a_record_has_every_value_where_it_was_written(lines):
    texts, text, expected = {"/buyer": "Acme"}, "Acme\n", {"/buyer": 0}
    for number, (article, price) in enumerate(lines):
        expected |= {f"/lines/{number}/article": len(text), f"/lines/{number}/price": len(text) + len(article) + 1}
        texts |= row(number, article, price)
        text += f"{article} {price}\n"
    assert grounded(text, texts, len(lines)) == (expected, frozenset(expected))


@pytest.mark.parametrize("print_", ["-1,096.39", "−1,096.39", "-$1,096.39", "$-1096.39", "(1,096.39)", "-1096.390"])
def test_a_negative_figure_is_found_however_it_is_printed(print_):
    leaf = next(leaf for _, leaf in leaf_pointers(load({"type": "object", "properties": {"a": {"x-kind": "number"}}}, kind="k"), {}))
    text = f"Sum\t{print_}\nNote: 1096.39 more"
    found = ground(Layout(text, 0, len(text)), [("/a", leaf, Extract("-1096.39"))], verbatim=False).found["/a"]
    assert [text[start:end] for start, end in found[0]] == [print_]


def test_a_range_is_no_negative_figure():
    leaf = next(leaf for _, leaf in leaf_pointers(load({"type": "object", "properties": {"a": {"x-kind": "number"}}}, kind="k"), {}))
    text = "Rooms 12-1096.39"
    assert ground(Layout(text, 0, len(text)), [("/a", leaf, Extract("-1096.39"))], verbatim=False).found["/a"] == ((), Match.NONE)


@pytest.mark.parametrize(("text", "value"), [("Invoice", "I"), ("tissue paper", "su"), ("Total due", "ota"), ("INVOICE", "VOICE")])
def test_a_few_letters_out_of_a_word_are_no_print(text, value):
    assert located(text, value) == [([], "none")]


@pytest.mark.parametrize(("text", "value", "start"), [("AcmeLimited", "Limited", 4), ("区I类", "I", 1), ("No. I 7", "I", 4)])
def test_words_that_ran_together_are_told_from_scraps_by_their_length(text, value, start):
    assert starts(text, value) == [start]
