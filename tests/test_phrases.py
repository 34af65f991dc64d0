"""Sentences with captures: what they find in print, and which are refused."""

from __future__ import annotations

import pytest

from structurer.contracts.phrases import MAX_PHRASE, PhraseError, compile_phrase, fields_of, search
from structurer.contracts.schema import Kind, Leaf, Printed
from structurer.fold import Folded

FIELDS = (
    ("amount", Kind.NUMBER, ()),
    ("rate", Kind.PERCENT, ()),
    ("count", Kind.INTEGER, ()),
    ("year", Kind.YEAR, ()),
    ("month", Kind.MONTH, ()),
    ("day", Kind.DATE, ()),
    ("unit", Kind.UNIT, ("元", "万", "万元")),
    ("name", Kind.TEXT, ()),
    ("free_unit", Kind.UNIT, ()),
)


def captured(phrase: str, text: str, first: int = 0, last: int | None = None) -> dict[str, str] | None:
    folded = Folded(text)
    found = search(compile_phrase(phrase, FIELDS), folded, first, len(folded.chars) if last is None else last)
    return None if found is None else {name: folded.chars[start:end] for name, (start, end) in found.captures.items()}


@pytest.mark.parametrize(
    ("phrase", "text", "captures"),
    [
        ("资金{amount}{unit}", "本项目资金 1,200.50\n万元，其中", {"amount": "1,200.50", "unit": "万元"}),
        ("资金{amount}", "资金12,345,其余", {"amount": "12,345"}),
        ("资金{amount},其中", "资金５，其中", {"amount": "5"}),
        ("资金{amount}", "资金2024.12.31", None),
        ("金{amount}", "金1.2.3", None),
        ("{amount}元", "编号A1,23元", {"amount": "1,23"}),
        ("完成{rate}", "完成99.5%", {"rate": "99.5%"}),
        ("共{count}个", "共1234567890个", None),
        ("共{count}个", "共 12 个", {"count": "12"}),
        ("{year}年", "第12024年，2024年", {"year": "2024"}),
        ("自{month}起", "自2025年3月15日起", {"month": "2025年3月15日"}),
        ("自{month}起", "自2025-03起", {"month": "2025-03"}),
        ("{day}止", "2025年3月15日止", {"day": "2025年3月15日"}),
        ("{amount}{unit}", "5万元/人，3万", {"amount": "3", "unit": "万"}),
        ("为{free_unit}。", "为美元。", {"free_unit": "美元"}),
        ("总[计][共]{amount}", "总共5", {"amount": "5"}),
        ("总[计][共]{amount}", "总计共5", {"amount": "5"}),
        ("总[{year}]为{amount}", "总2024为5", {"year": "2024", "amount": "5"}),
        ("总[{year}]为{amount}", "总为5", {"amount": "5"}),
        ("[{unit}]:{amount}", "万元：5", {"unit": "万元", "amount": "5"}),
        ("资金[{name}]为{amount}", "资金总额为5", {"name": "总额", "amount": "5"}),
        ("资金…{amount}元", "资金（上级）共 5 元", {"amount": "5"}),
        ("资金[…]{amount}元", "资金5元", {"amount": "5"}),
        ("资金…{amount}元", "资金。共5元", None),
        ("({})", "金额（其中甲）", {"": "其中甲"}),
        ("名为{name}的", "名为 甲 乙 的", {"name": "甲乙"}),
        ("Total DUE {amount}", "total\tdue 5", {"amount": "5"}),
        ("a.b*{amount}", "axb5 a.b*6", {"amount": "6"}),
    ],
)
def test_a_phrase_finds_its_captures_through_breaks_and_widths(phrase, text, captures):
    assert captured(phrase, text) == captures


def test_a_gap_ends_at_the_first_place_where_what_follows_it_fits():
    assert captured("甲…乙{amount}", "甲一乙二乙3") == {"amount": "3"}
    assert captured("甲…乙…{amount}", "甲一乙二乙3") == {"amount": "3"}


def test_an_optional_text_that_stands_there_is_taken():
    assert captured("[甲]甲{amount}", "甲5") is None
    assert captured("[甲]甲{amount}", "甲甲5") == {"amount": "5"}


def test_a_text_at_the_end_goes_on_to_the_end_of_its_line():
    assert captured("项目：{name}", "项目: 道路 养护；二期\n说明") == {"name": "道路养护;二期"}


def test_a_text_at_the_end_begins_on_the_line_of_the_phrase():
    assert captured("项目：{name}", "项目:\n说明") is None
    assert captured("项目：{name}", "项目:\n说明 项目:甲") == {"name": "甲"}


def test_a_running_number_stands_apart_from_what_follows():
    assert captured("说明[{#}]{name}", "说明 1 道路") == {"name": "道路"}
    assert captured("第{#}项{amount}", "第3项 5") is None
    assert captured("第{#}项{amount}", "第3 项 5") == {"amount": "5"}


def test_a_captured_text_keeps_its_own_brackets():
    assert captured("({name})", "（道路（二期）养护）") == {"name": "道路(二期)养护"}
    assert captured("({name})", "（道路（二期）") == {"name": "道路(二期"}
    assert captured("({name})", "（道路）") == {"name": "道路"}


def test_a_search_stays_within_its_bounds():
    assert captured("共{count}个", "共1个共2个", 3) == {"count": "2"}
    assert captured("共{count}个", "共1个共2个", 3, 5) is None


def test_a_match_says_where_it_stands():
    folded = Folded("前言 共 3 个")
    found = search(compile_phrase("共{count}个", FIELDS), folded, 0, len(folded.chars))
    assert found is not None
    assert (found.first, found.last, dict(found.captures)) == (2, 5, {"count": (3, 4)})
    found = search(compile_phrase("前{name}", FIELDS), folded, 0, len(folded.chars))
    assert found is not None
    assert (found.first, found.last) == (0, 5)


def test_a_phrase_with_a_question_mark_prints_the_value_only_perhaps():
    assert compile_phrase("?{amount}{unit}", FIELDS).perhaps
    assert not compile_phrase("{amount}?", FIELDS).perhaps
    assert captured("?共{count}", "共3") == {"count": "3"}


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("a" * (MAX_PHRASE + 1), f"a phrase of more than {MAX_PHRASE} characters"),
        ("{amount", "brackets that do not close"),
        ("a]", "brackets that do not close"),
        ("[[a]]", "brackets that do not close"),
        ("{nothing}", "no field 'nothing' to capture; there are amount, count, day, free_unit, month, name, rate, unit, year"),
        ("a…b…c…d…", "more than 3 gaps and free texts"),
        ("a{}b{name}c[…]d[{name}]", "more than 3 gaps and free texts"),
        ("{#}a{#}b{#}", "more than 2 running numbers"),
        ("[a{amount}]", "an optional part is text or one {capture}"),
        ("", "a phrase that every text would match"),
        ("?", "a phrase that every text would match"),
        ("[a][{amount}]", "a phrase that every text would match"),
        ("…", "a phrase that every text would match"),
    ],
)
def test_a_phrase_out_of_the_language_says_why(phrase, message):
    with pytest.raises(PhraseError) as caught:
        compile_phrase(phrase, FIELDS)
    assert str(caught.value) == message


def test_a_schema_without_fields_to_capture_is_told_so():
    with pytest.raises(PhraseError) as caught:
        compile_phrase("{amount}", ())
    assert str(caught.value) == "no field 'amount' to capture; there are none"


def test_the_fields_of_leaves_are_their_names_kinds_and_choices():
    leaf = Leaf("unit", ("unit",), Kind.UNIT, Printed(), choices=("元",))
    assert fields_of((leaf,)) == (("unit", Kind.UNIT, ("元",)),)
