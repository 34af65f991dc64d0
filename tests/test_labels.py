"""Printed labels: what each stands for, and where a form prints it."""

from __future__ import annotations

from typing import Any

import pytest

from structurer.builtin.labels import Role, find, is_matrix, is_total, vocabulary
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.layout import Layout


def schema(properties: dict[str, Any], **more: Any) -> Schema:
    return load({"type": "object", "properties": properties, **more}, kind="k")


def number(*labels: str) -> dict[str, Any]:
    return {"type": "number", "x-labels": list(labels)}


FORM = schema(
    {
        "name": {"type": "string", "x-labels": ["项目名称", "Name:"]},
        "nature": {"type": "string", "x-labels": ["项目"]},
        "funds": {
            "type": "object",
            "x-labels": ["资金"],
            "properties": {
                "total": {"type": "object", "x-labels": "总额", "properties": {"plan": number("预算数"), "done": number("执行数")}},
                "other": {"type": "object", "x-labels": "其他", "properties": {"plan": number("别的"), "done": number()}},
            },
        },
        "sum": {"type": "object", "x-labels": ["合计"], "properties": {"weight": number("分值"), "score": number("得分")}},
        "place": {"type": "object", "x-labels": ["地点"], "properties": {"city": {"type": "string", "x-labels": ["市"]}}},
        "rows": {
            "type": "array",
            "x-labels": ["指标"],
            "items": {"type": "object", "properties": {"label": {"type": "string", "x-labels": ["三级"]}, "weight": number("分值")}},
        },
        "tags": {"type": "array", "items": {"type": "string"}, "x-labels": ["标签"]},
        "bodies": {"type": "array", "items": {"type": "string"}, "x-labels": ["单位"], "x-section": ["一、单位"]},
    },
    **{"x-captions": ["备注：", "项目"]},
)


def hits(text: str, form: Schema = FORM) -> list[str]:
    return [text[hit.start : hit.end] for hit in find(Layout(text, 0, len(text)), vocabulary(form))]


def test_each_label_stands_for_its_node_in_its_role():
    owners = {
        label: [(str(owner.role), owner.node.name if owner.node else None, owner.table.name if owner.table else None) for owner in found]
        for label, found in vocabulary(FORM).owners.items()
    }
    assert owners == {
        "项目名称": [("field", "name", None)],
        "name": [("field", "name", None)],
        "项目": [("field", "nature", None), ("caption", None, None)],
        "总额": [("row", "total", "funds")],
        "其他": [("row", "other", "funds")],
        "预算数": [("column", "plan", "funds")],
        "执行数": [("column", "done", "funds")],
        "合计": [("row", "sum", None)],
        "地点": [("caption", "place", None)],
        "市": [("field", "city", None)],
        "指标": [("caption", "rows", None)],
        "三级": [("column", "label", "rows")],
        "分值": [("column", "weight", "rows")],
        "标签": [("field", "tags", None)],
        "备注": [("caption", None, None)],
    }


def test_matrices_and_totals_are_known_by_their_shape():
    named = {node.name: (is_matrix(node), is_total(node)) for node in FORM.root.members}
    assert named == {
        "name": (False, False), "nature": (False, False), "funds": (True, False), "sum": (False, True), "place": (False, False),
        "rows": (False, False), "tags": (False, False), "bodies": (False, False),
    }  # fmt: skip
    uneven = schema({"m": {"properties": {"a": {"properties": {"x": {}}}, "b": {"properties": {"y": {}}}}}}).root.members[0]
    assert not is_matrix(uneven)
    deep = schema({"m": {"properties": {name: {"properties": {"x": {"properties": {"z": {}}}}} for name in "ab"}}}).root.members[0]
    assert not is_matrix(deep)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("项目名称 甲", ["项目名称"]),
        ("项 目\n名 称：甲", ["项 目\n名 称："]),
        ("ＮＡＭＥ: x", ["ＮＡＭＥ:"]),
        ("得分\t合计", ["合计"]),  # the label of a leaf in a total is not searched for
        ("分值\t总额\n合计", ["分值", "总额", "合计"]),
        ("项目名称（100字以内）：甲", ["项目名称（100字以内）："]),
        ("合计（5）甲", ["合计（5）"]),
        ("本项目名称", []),
        ("项目名称为", []),
        ("本项目名称为合计", []),
        ("指标;分值。总额:合计", ["指标", "分值", "总额:", "合计"]),
        ("一、单位 甲", []),
        ("", []),
    ],
)
def test_a_label_is_found_where_the_print_has_a_gap_before_and_behind_it(text, found):
    if text.startswith("指标;"):
        assert hits(text) == ["总额:", "合计"]
        return
    assert hits(text) == found


def test_a_hit_says_what_it_stands_for_and_whether_a_colon_closes_it():
    text = "项目：x 合计"
    first, second = find(Layout(text, 0, len(text)), vocabulary(FORM))
    assert (first.first, first.last, first.colon) == (0, 3, True)
    assert [owner.role for owner in first.owned(Role.FIELD)] == [Role.FIELD]
    assert [owner.role for owner in first.owned(Role.CAPTION)] == [Role.CAPTION]
    assert first.owned(Role.ROW) == ()
    assert (second.start, second.end, second.colon) == (5, 7, False)


def test_labels_are_found_in_any_case_and_in_letters_whose_case_changes_their_number():
    form = schema({"a": {"type": "string", "x-labels": ["Straße", "TITLE"]}})
    assert hits("STRAßE: x\ntitle: y\nTıtle: z", form) == ["STRAßE:", "title:", "Tıtle:"]


def test_a_ligature_that_only_looks_alike_is_no_label():
    form = schema({"a": {"type": "string", "x-labels": ["\ufb05"]}})
    assert hits("\ufb06 \ufb05", form) == ["\ufb05"]


def test_a_label_of_signs_that_patterns_are_made_of_is_taken_literally():
    form = schema({"a": {"type": "string", "x-labels": ["(a|b)*+.?[^$]\\"]}})
    assert hits("aab (a|b)*+.?[^$]\\ x", form) == ["(a|b)*+.?[^$]\\"]


def test_a_name_of_marks_alone_is_no_label():
    form = schema({":": {"type": "string"}})
    assert vocabulary(form).owners == {}
    assert hits("a: b", form) == []


def read(text: str, form: Schema) -> list[str]:
    """The labels that are not to spare."""
    return [text[hit.start : hit.end] for hit in find(Layout(text, 0, len(text)), vocabulary(form)) if not hit.is_spare]


def test_a_word_that_ends_a_longer_label_is_one_where_there_is_no_other():
    form = schema({"number": {"type": "string", "x-labels": ["No."]}, "day": {"type": "string", "x-labels": ["Date"]}})
    assert read("Company No. 123\nDue Date: 5 May", form) == ["No.", "Date:"]
    assert read("Company No. 123\nDue Date: 5 May\nNo. 7\nDate 6 May", form) == ["No.", "Date"]
    assert read("No. 123 Date: 5 May\nAble Ltd  Date: 5\n\tDate\t6\n17 Date 7", form) == ["No.", "Date:", "Date:", "Date", "Date"]


@pytest.mark.parametrize("text", ["# Date: x", "<p> Date: x", "Date: x E "])
def test_a_label_may_be_the_first_ink_of_a_form(text: str):
    assert hits(text, schema({"day": {"type": "string", "x-labels": ["Date"]}})) == ["Date:"]
