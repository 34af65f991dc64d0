"""Lines of cells: grid rows and running lines, page furniture, and joining what was broken."""

from __future__ import annotations

import re

import pytest

from structurer.layout import Layout, join, width


def layout(text: str) -> Layout:
    return Layout(text, 0, len(text))


def cells(found: Layout) -> list[list[tuple[int, str]]]:
    return [[(chunk.col, found.text[chunk.start : chunk.end]) for chunk in line.chunks] for line in found.lines]


def test_a_line_with_tabs_is_a_grid_row_whose_cells_keep_their_column():
    found = layout("a b\t\t 3 \nc  d")
    assert cells(found) == [[(0, "a b"), (2, "3")], [(0, "c"), (1, "d")]]
    assert [line.grid for line in found.lines] == [True, False]


@pytest.mark.parametrize("bar", ["|", "｜"])
def test_table_bars_part_cells_as_tabs_do(bar):
    found = layout(f"{bar}a{bar}b c{bar}\n5 {bar} 6")
    assert cells(found) == [[(1, "a"), (2, "b c")], [(0, "5"), (1, bar), (2, "6")]]  # a single bar is a sign of the text


def test_bars_in_a_line_with_tabs_belong_to_its_cells():
    assert cells(layout("a|b|c\td\n|x|y|")) == [[(0, "a|b|c"), (1, "d")], [(1, "x"), (2, "y")]]


def test_a_single_bar_in_the_whole_text_is_a_sign_of_the_text():
    assert cells(layout("a | b")) == [[(0, "a"), (1, "|"), (2, "b")]]


def test_lines_know_their_place_and_what_precedes_them():
    found = layout("a\n\nb\f\nc")
    assert [(line.index, line.start, line.end, line.blank_before, line.page_before) for line in found.lines] == [
        (0, 0, 1, False, True), (1, 3, 4, True, False), (2, 6, 7, True, True)
    ]  # fmt: skip


def test_offsets_are_into_the_whole_text():
    text = "头\n姓名\t甲\n尾"
    found = Layout(text, 2, 6)
    assert cells(found) == [[(0, "姓名"), (1, "甲")]]
    assert found.folded.chars == "姓名甲"
    assert found.folded.span(2, 3) == (5, 6)


@pytest.mark.parametrize(
    "mark",
    ["第 3 页", "第3页 共10页", "- 第3页，共10页 -", "第3页/共 10 页", "3/10", "— 3 / 10 —", "Page 3", "page 3 of 10", "Page 3/10", "- 3 -",
     "——12——", "-----", "| --- | :--: |", "===", "+----+----+", "_____"],
)  # fmt: skip
def test_page_numbers_and_rules_are_furniture_and_not_content(mark):
    found = layout(f"a\n{mark}\nb")
    assert cells(found) == [[(0, "a")], [(0, "b")]]
    assert found.furniture == ((2, 2 + len(mark)),)
    assert len(found.clean) == len(found.text)


@pytest.mark.parametrize("line", ["第3页的表", "3/10/2024", "Page three", "-3-4-", "-- x --", "--", "12.5", "a ---", "第12345页"])
def test_what_only_looks_like_furniture_is_content(line):
    assert layout(f"a\n{line}\nb").furniture == ()


def test_a_bare_number_is_a_page_number_only_where_a_page_begins_or_ends():
    assert layout("a\n12\n\fb").furniture == ((2, 4),)
    assert layout("a\f\n12\nb").furniture == ((3, 5),)
    assert layout("12\nb").furniture == ()  # the beginning of a text need not be that of a page
    assert layout("a\n12\nb\n7\nc\f").furniture == ()
    assert layout("a\fb\n12\nc").furniture == ()


def test_printed_tags_are_furniture():
    found = layout('<p>甲</p><br/>乙&nbsp;<td colspan="2" x=1>丙')
    assert cells(found) == [[(0, "甲"), (1, "乙"), (2, "丙")]]


@pytest.mark.parametrize("text", ["a < b", "3<5>2", "A<B (n=5) and C>D", "<2024>", "<and then some more words>"])
def test_comparisons_are_no_tags(text):
    assert layout(text).furniture == ()


def test_a_tag_broken_over_lines_is_furniture_whole():
    assert layout("a\n<br\n>\nb").clean == "a\n     \nb"
    assert layout('a\n<td x="\n---\n">\nb').clean == "a\n" + " " * 14 + "\nb"


def test_a_segment_is_a_grid_when_half_of_its_lines_are_rows():
    assert layout("a\tb\nc").grid
    assert not layout("a\tb\nc\nd").grid
    assert not layout("").grid


def test_a_character_knows_its_line_and_its_column():
    found = layout("a b\tc\nd\n")
    assert [line.index if (line := found.line_at(offset)) else None for offset in range(8)] == [0, 0, 0, 0, 0, None, 1, None]
    assert [found.column_at(offset) for offset in range(8)] == [0, 0, 0, None, 1, None, None, None]
    assert layout("\na").line_at(0) is None


def test_the_words_of_a_stretch_are_cut_to_it_and_trimmed():
    found = layout("ab cd\tef\ngh ij")
    assert [found.text[chunk.start : chunk.end] for chunk in found.words(1, 13)] == ["b cd", "ef", "gh", "i"]
    assert [found.text[chunk.start : chunk.end] for chunk in found.words(2, 7)] == ["cd", "e"]
    assert [found.text[chunk.start : chunk.end] for chunk in found.words(0, 3)] == ["ab"]
    assert found.words(2, 3) == []


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["道路", "养护"], "道路养护"),
        (["road", "works"], "road works"),
        (["road", "养护"], "road养护"),
        (["(a)", "b"], "(a) b"),
        (["a", "(b)"], "a(b)"),
        (["道路\n养护\t二期\f甲"], "道路养护二期甲"),
        (["道路  二期"], "道路 二期"),
        (["12", "345"], "12 345"),
        ([" a|b "], "a b"),
        (["", " \n"], ""),
        ([], ""),
    ],
)
def test_pieces_join_with_nothing_between_ideographs_and_a_space_between_latin_words(pieces, text):
    assert join(pieces) == text


def test_the_text_of_spans_is_joined_without_furniture():
    text = "xx道路<br/>\n养护"
    found = Layout(text, 2, len(text))
    assert found.joined(((2, 10), (10, 12))) == "道路养护"


def test_ideographs_are_printed_two_columns_wide():
    assert [width(text) for text in ("", "ab", "道路", "ａ:b")] == [0, 2, 4, 4]


def test_an_empty_segment_has_no_lines():
    assert layout("").lines == ()
    assert layout(" \n\f\t").lines == ()


HEAD = "Office of Works  Annual report 2024"
HEADED = f"{HEAD}\nTitle\nRow one  1.00\n\f{HEAD}\nRow two  2.00\n"


def furniture_of(text, start=0, end=None):
    found = Layout(text, start, len(text) if end is None else end)
    return [text[first:last] for first, last in found.furniture]


def test_running_heads_inside_a_form_are_furniture():
    assert furniture_of(HEADED) == [HEAD]
    assert furniture_of(HEADED, HEADED.index("Title"), HEADED.index("\f")) == []


@pytest.mark.parametrize("line", ["Depot  1.00  none", "Opening 0", "From: Able Ltd", "Kept\tfor", "12.50", "70%"])
def test_a_first_line_with_figures_labels_or_cells_is_no_running_head(line: str):
    assert furniture_of(f"{line}\nx\n\f{line}\ny\n\f{line}\nz\n") == []


def test_what_ends_every_page_is_content():
    assert furniture_of("Title\nx\nKept for years\n\fb\nKept for years\n\fc\nKept for years\n") == []


def test_what_begins_every_page_with_a_form_of_its_own_stays():
    forms = ["Form\nName: A\nPhone: 1\n", "Form\nName: B\nPhone: 1\n", "Form\nName: C\nPhone: 1\n"]
    text = "\f".join(forms)
    starts = [match.start() for match in re.finditer("Form", text)]
    assert [furniture_of(text, start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)] == [[], [], []]


def test_a_line_that_two_of_many_pages_begin_with_is_content():
    pages = ["Title\nx\n", "Coffee  3.50\na\n", "Coffee  3.50\nb\n", "Tea  2.00\nc\n"]
    assert furniture_of("\f".join(pages)) == []
