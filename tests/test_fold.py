"""What two prints of one text have in common, and where each compared character stands."""

from __future__ import annotations

import pytest

from structurer.fold import Break, Folded, caseless, fold, squeeze


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("１，２３４．５０％", "1,234.50%"),
        ("（Ａ）：ｂ", "(A):b"),
        ("〔2024〕【3】", "[2024][3]"),
        ("「甲」", "“甲”"),
        ("2023—2024–2025－6−7", "2023-2024-2025-6-7"),
        ("3×4÷2＊5∶1", "3*4/2*5:1"),
        ("‘a’", "'a'"),
        ("A•B・C", "A·B·C"),
        ("中文，不变。", "中文,不变。"),
        ("\u3000", " "),
        ("½ﬁ①", "½ﬁ①"),  # what would become several characters, or is another sign, stays
    ],
)
def test_widths_and_interchangeable_marks_fold_one_to_one(text, folded):
    assert fold(text) == folded
    assert len(fold(text)) == len(text)


def test_equal_squeezes_are_prints_of_the_same_text():
    assert squeeze(" 项 目\n名\t称 ：") == squeeze("项目名称:") == "项目名称:"


def test_case_folds_one_character_to_one():
    assert caseless("Total DUE") == "total due"
    assert caseless("Straße") == "straße"
    assert caseless("İSTANBUL ıki ẞ") == "istanbul iki ß"
    assert caseless("K\u212a") == "kk"


def test_each_character_knows_its_place_in_the_text():
    folded = Folded("编 号：\n１２")
    assert folded.chars == "编号:12"
    assert folded.offsets == [0, 2, 3, 5, 6]
    assert folded.span(0, 2) == (0, 3)
    assert folded.span(3, 5) == (5, 7)


def test_what_parts_two_characters_is_known_by_its_strength():
    folded = Folded("a b\nc\n \nd\te\ff" + "g")
    breaks = [folded.break_before(index) for index in range(len(folded.chars) + 1)]
    assert breaks == [Break.PAGE, Break.SPACE, Break.LINE, Break.BLANK, Break.CELL, Break.PAGE, Break.NONE, Break.PAGE]
    assert sorted(Break) == [Break.NONE, Break.SPACE, Break.LINE, Break.BLANK, Break.CELL, Break.PAGE]


def test_a_part_of_a_text_is_folded_with_the_offsets_of_the_whole():
    folded = Folded("xx 一 二 yy", 3, 6)
    assert (folded.chars, folded.offsets, folded.start, folded.end) == ("一二", [3, 5], 3, 6)


def test_an_offset_inside_white_space_leads_to_the_next_character():
    folded = Folded("a  bc")
    assert [folded.index(offset) for offset in range(6)] == [0, 1, 1, 1, 2, 3]


def test_white_space_alone_folds_to_nothing():
    folded = Folded(" \n\f ")
    assert folded.chars == ""
    assert folded.break_before(0) is Break.PAGE
