"""Where one form ends and the next begins."""

from __future__ import annotations

from typing import Any

import pytest

from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.segment import segment, support


def schema(kind: str, *fields: str, anchors: tuple[str, ...] = (), **more: Any) -> Schema:
    properties = {f"f{number}": {"type": "string", "x-labels": [label]} for number, label in enumerate(fields)}
    return load({"type": "object", "properties": {**properties, **more}, "x-anchors": list(anchors)}, kind=kind)


ORDER = schema("order", "编号", "数量", "金额", "供货单位", anchors=("采购单", "追加采购单"))
REPORT = schema("report", "项目", "目标", "结论", "采购单位", anchors=("自评表",))
BOTH = (ORDER, REPORT)
FORM = "编号 1\n数量 2\n"
REVIEW = "项目 甲\n目标 乙\n"


def parts(text: str, *schemas: Schema) -> list[tuple[str, str]]:
    """Every form as its kind and text, and what belongs to none as ""; together they are the whole text, but for white space."""
    found, left = segment(text, schemas or BOTH)
    pieces = [(part.start, part.end, part.schema.kind) for part in found] + [(start, end, "") for start, end in left]
    covered = set()
    for start, end, _ in pieces:
        assert not covered & set(range(start, end))
        covered |= set(range(start, end))
    assert not "".join(text[offset] for offset in range(len(text)) if offset not in covered).strip()
    return [(kind, text[start:end]) for start, end, kind in sorted(pieces)]


def test_a_document_holds_many_forms_of_several_kinds():
    text = f"前言\n采购单\n{FORM}自评表\n{REVIEW}采购单\n{FORM}"
    assert parts(text) == [("", "前言\n"), ("order", f"采购单\n{FORM}"), ("report", f"自评表\n{REVIEW}"), ("order", f"采购单\n{FORM}")]


def test_a_form_goes_on_over_page_breaks():
    text = f"采购单\n编号 1\n\f- 2 -\n数量 2\n\f采购单\n{FORM}"
    assert parts(text) == [("order", "采购单\n编号 1\n\f- 2 -\n数量 2\n\f"), ("order", f"采购单\n{FORM}")]


@pytest.mark.parametrize(
    "title",
    [
        "采 购 单",
        "某市采购单",
        "采购单（2024年度）",
        "采购单2024",
        "某市采购单(一)",
        "| 采购单 |",
        "采购单-1",
        "采购单：甲",
        "追加采购单",
        "ａ采购单",
    ],
)
def test_a_title_is_an_anchor_at_an_end_of_a_short_line(title):
    assert parts(f"x\n{title}\n{FORM}") == [("", "x\n"), ("order", f"{title}\n{FORM}")]


@pytest.mark.parametrize(
    "line",
    [
        "请填写采购单。",
        "已收到，采购单",
        "采购单如下；",
        "采购单的编号",
        "见采购单",
        "附采购单",
        "某市采购单的说明",
        "某" * 31 + "采购单",
        "采购单(" + "一" * 90,
        "x" * 400 + "采购单",
        "采购的单",
    ],
)
def test_a_mention_of_an_anchor_is_no_title(line):
    assert parts(f"{line}\n采购单\n{FORM}") == [("", f"{line}\n"), ("order", f"采购单\n{FORM}")]


def test_a_label_that_begins_like_an_anchor_is_no_title():
    longer = schema("order", "编号", "数量", "采购单(编号)", anchors=("采购单",))
    assert parts(f"x\n采购单(编号) 7\n采购单\n{FORM}", longer) == [("", "x\n采购单(编号) 7\n"), ("order", f"采购单\n{FORM}")]


def test_a_title_without_a_form_below_it_is_no_form():
    text = f"采购单\n{FORM}自评表\n没有\n采购单\n{FORM}"
    assert parts(text) == [("order", f"采购单\n{FORM}自评表\n没有\n"), ("order", f"采购单\n{FORM}")]


def test_a_title_printed_twice_begins_one_form():
    assert parts(f"采购单\n\n采购单\n{FORM}") == [("order", f"采购单\n\n采购单\n{FORM}")]
    assert parts(f"x\n采购单\n采购单\n采购单\n{FORM}") == [("", "x\n"), ("order", f"采购单\n采购单\n采购单\n{FORM}")]


def test_the_longest_anchor_tells_the_kind():
    addendum = schema("addendum", "编号", "数量", anchors=("追加采购单",))
    plain = schema("plain", "编号", "数量", anchors=("采购单",))
    assert parts(f"追加采购单\n{FORM}", plain, addendum) == [("addendum", f"追加采购单\n{FORM}")]


def test_a_schema_without_labels_needs_its_title_alone():
    bare = load({"type": "object", "properties": {"a": {"type": "string", "x-section": "一、"}}, "x-anchors": ["通知"]}, kind="bare")
    assert parts("x\n通知\n一、甲", bare) == [("", "x\n"), ("bare", "通知\n一、甲")]


def test_without_titles_a_text_is_the_form_whose_labels_it_prints_most():
    three = "编号 1\n数量 2\n金额 3\n"
    assert parts(three) == [("order", three)]
    assert parts(FORM) == [("", FORM)]  # two labels of four may be anything's
    assert parts("编号 1") == [("", "编号 1")]


def test_without_titles_the_first_label_parts_the_forms():
    text = "单据\n编号 1\n数量 2\n金额 3\n|编号| 4\n数量 5\n"
    assert parts(text) == [("order", "单据\n编号 1\n数量 2\n金额 3\n"), ("order", "|编号| 4\n数量 5\n")]


def test_a_single_schema_takes_a_text_without_titles_whole():
    assert parts("nothing known", ORDER) == [("order", "nothing known")]
    rows = load({"type": "object", "properties": {"l": {"type": "array", "items": {"properties": {"a": {}}}}}}, kind="rows")
    assert parts("a\n1\na\n2", rows) == [("rows", "a\n1\na\n2")]


def test_no_schema_finds_no_form():
    assert segment("采购单", ()) == ((), ((0, 3),))


def test_white_space_belongs_to_nothing_in_silence():
    assert segment(f" \n\n采购单\n{FORM}", BOTH)[1] == ()
    assert segment("", BOTH) == ((), ())


def head(**more: Any) -> Schema:
    number, unit = {"type": "string", "x-kind": "number"}, {"type": "string", "x-kind": "unit", "enum": ["元", "万元"]}
    money = {"type": "object", "properties": {"amount": number, "unit": unit}, "x-phrases": ["合计{amount}{unit}"]}
    properties = {"count": {"type": "integer", "x-phrases": ["共{count}个"]}, "money": money, **more}
    return load({"type": "object", "properties": properties, "required": ["count", "money"]}, kind="head")


def test_a_form_of_sentences_is_known_by_those_of_its_required_values():
    text = f"共 2 个，合计 5\n万元。\n采购单\n{FORM}"
    assert parts(text, *BOTH, head()) == [("head", "共 2 个，合计 5\n万元。\n"), ("order", f"采购单\n{FORM}")]
    text = f"共 2 个。\n采购单\n{FORM}"
    assert parts(text, *BOTH, head()) == [("", "共 2 个。\n"), ("order", f"采购单\n{FORM}")]


def test_a_list_of_texts_may_be_known_by_its_sentence():
    names = {"type": "array", "items": {"type": "string"}, "x-phrases": ["包括{names}等"]}
    form = load({"type": "object", "properties": {"names": names}, "required": ["names"]}, kind="names")
    assert parts(f"包括甲、乙等\n采购单\n{FORM}", ORDER, form) == [("names", "包括甲、乙等\n"), ("order", f"采购单\n{FORM}")]


def test_a_form_of_sentences_without_required_values_is_not_found_in_every_text():
    loose = load({"type": "object", "properties": {"count": {"type": "integer", "x-phrases": ["共{count}个"]}}}, kind="loose")
    assert parts(f"前言\n采购单\n{FORM}", ORDER, loose) == [("", "前言\n"), ("order", f"采购单\n{FORM}")]


def test_support_counts_the_labels_and_headings_that_are_printed():
    form = schema("k", "编号", "Total:", anchors=("单",), g={"type": "object", "properties": {"x": {"x-section": "一、说明"}}})
    assert [support(text, form) for text in ("", "编 号", "编号 TOTAL", "编号 total\n一、\n说明")] == [0, 1, 2, 3]
