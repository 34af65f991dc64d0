"""What the built-in reader makes of prints that once misled it, in small."""

from typing import Any

import pytest

from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.document import Document, Page
from structurer.library import shipped_schemas
from structurer.pipeline import Plan, structure_document
from structurer.record import Record, as_json

KINDS = {schema.kind: schema for schema in shipped_schemas()}


def read(text: str, *schemas: Schema) -> tuple[Record, Any, set[str]]:
    chosen = schemas or tuple(KINDS.values())
    (record,) = structure_document(Document("a.txt", text, "0" * 64, "text/plain", (Page(1, 0, len(text)),)), Plan(chosen)).records
    schema = next(schema for schema in chosen if schema.kind == record.kind)
    tree = as_json(schema, {place: value.value for place, value in record.leaves.items()}, record.rows)
    return record, tree, {review.pointer for review in record.review}


def form(head: str, *rows: str, total: str = "总分\t\t\t\t\t90\t90\t") -> str:
    return "\n".join(["项目支出绩效自评表", "（2022年度）", "项目名称\t甲工程", "主管部门\t甲局\t实施单位\t乙所", head, *rows, total, ""])


HEAD = "一级指标\t二级指标\t三级指标\t指标值\t完成值\t分值\t得分\t偏差原因分析及改进措施"


def test_an_operator_a_figure_and_its_unit_in_three_columns_are_one_value() -> None:
    head = "一级指标\t二级指标\t三级指标\t指标符号\t指标值\t度量单位\t完成值\t分值\t得分"
    _, tree, _ = read(form(head, "产出指标\t数量指标\t更换路灯\t≥\t30\t盏\t32盏\t90\t90", total="总分\t\t\t\t\t\t\t90\t90"))
    assert [(row["level3"], row["target"], row["actual"], row["weight"]) for row in tree["indicators"]] == [
        ("更换路灯", "≥30盏", "32盏", "90")
    ]


def test_a_column_that_the_schema_does_not_know_makes_no_row_and_loses_no_other() -> None:
    row, total = "产出指标\t数量指标\t更换路灯\t30\t32\t100\t90\t雨季停工\t见三号", "总分\t\t\t\t\t100\t90\t"
    _, tree, flagged = read(form(HEAD + "\t附件编号", row, total=total))
    assert [(row["level3"], row["score"], row["deviation"]) for row in tree["indicators"]] == [("更换路灯", "90", "雨季停工")]
    assert not any(place.startswith("/indicators") for place in flagged)


def test_figures_under_a_strange_head_where_a_known_one_is_missing_are_shown_to_a_person() -> None:
    _, tree, flagged = read(form(HEAD.replace("得分", "评议分值数"), "产出指标\t数量指标\t更换路灯\t30\t32\t90\t88\t"))
    assert [row["score"] for row in tree["indicators"]] == [None]
    assert "/indicators" in flagged


@pytest.mark.parametrize("head", ["#", "No.", "Pos.", "Item no."])
def test_lines_of_a_bill_may_be_numbered_before_the_columns_that_the_schema_knows(head: str) -> None:
    rows = [f"{number}\tArticle {number}\t2\t1.50\t3.00" for number in (1, 2, 3)]
    sums = ["Subtotal\t\t\t\t9.00", "VAT (10%)\t\t\t\t0.90", "Total Due\t\t\t\t9.90"]
    top = ["Invoice", "From: Able Ltd", "Invoice No.: A-7", "Invoice Date: 2024-03-07"]
    _, tree, flagged = read("\n".join([*top, f"{head}\tDescription\tQty\tUnit Price\tAmount", *rows, *sums, ""]))
    assert [list(line.values()) for line in tree["lines"]] == [[f"Article {number}", "2", "1.50", "3.00"] for number in (1, 2, 3)]
    assert (tree["invoice_number"], flagged) == ("A-7", set())


def test_a_label_merged_over_the_rows_beside_a_head_is_no_column() -> None:
    head, rows = "绩效\t" + HEAD, ["指标\t产出指标\t数量指标\t更换路灯\t30\t32\t50\t50\t", "\t\t质量指标\t合格率\t100%\t100%\t40\t40\t"]
    _, tree, _ = read(form(head, *rows, total="\t总分\t\t\t\t\t90\t90\t"))
    assert [(row["level2"], row["level3"], row["score"]) for row in tree["indicators"]] == [
        ("数量指标", "更换路灯", "50"),
        ("质量指标", "合格率", "40"),
    ]


def test_words_under_a_strange_head_where_a_known_one_is_missing_are_shown_to_a_person() -> None:
    record, tree, flagged = read(form(HEAD.replace("三级指标", "考核要点"), "产出指标\t数量指标\t更换路灯\t30\t32\t90\t90\t"))
    assert [row["level3"] for row in tree["indicators"]] == [None]
    assert "/indicators" in flagged
    (review,) = (review for review in record.review if review.pointer == "/indicators")
    assert review.reasons[0] == "words stand under a head that is not known, and no head is found for level3"


def test_a_remark_below_a_table_is_no_row() -> None:
    record, tree, _ = read(form(HEAD, "产出指标\t数量指标\t更换路灯\t30\t32\t90\t90\t", "注：以上均为审计之前的数字。\t\t\t\t\t\t\t"))
    assert len(tree["indicators"]) == 1
    assert "注：以上均为审计之前的数字。" in {entry.text for entry in record.unclaimed}


def test_a_row_that_prints_only_its_name_is_shown_to_a_person() -> None:
    head = "项目支出绩效目标表\n项目名称\t甲工程\n一级指标\t二级指标\t三级指标\t指标值\n"
    text = head + "产出指标\t数量指标\t更换路灯\t≥30盏\n\t质量指标\t验收合"
    _, tree, flagged = read(text)
    assert [row["target"] for row in tree["indicators"]] == ["≥30盏", None]
    assert "/indicators/1" in flagged


NARRATIVE = """项目经费情况说明（社区食堂）
一、项目概述
于2025年4月至2025年12月实施，预算资金86.40万元。
六、年度预算安排
1.餐食补贴57.60万元。
（1）长者餐：40人*300天*40元=48.00万元；
（2）送餐费：9.60万元。
2.厨房设备：14套*2万元=28.00万元。
3.宣传费0.80万元。
"""


def test_the_amount_of_a_calculated_entry_is_its_result_and_its_label_ends_before_the_calculation() -> None:
    record, tree, _ = read(NARRATIVE)
    assert [(entry["label"], entry["amount"], entry["unit"]) for entry in tree["budget_items"]] == [
        ("餐食补贴", "57.60", "万元"),
        ("厨房设备", "28.00", "万元"),
        ("宣传费", "0.80", "万元"),
    ]
    assert [(part["label"], part["amount"]) for part in tree["budget_items"][0]["sub_items"]] == [("长者餐", "48.00"), ("送餐费", "9.60")]
    assert [checked.id for checked in record.checks if checked.holds is False] == []


NOTE = load(
    {"type": "object", "properties": {"name": {"type": "string"}, "ward": {"type": "string"}, "total": {"type": "number"}}}, kind="note"
)


def test_a_value_behind_a_colon_ends_with_its_line() -> None:
    _, tree, flagged = read("Name: Ida Holm\nroom 7, by the window\nTotal: 4.10\n", NOTE)
    assert (tree["name"], tree["total"], flagged) == ("Ida Holm", "4.10", set())


def test_markdown_emphasis_is_no_part_of_labels_or_values() -> None:
    _, tree, _ = read("## Note\n\n**Name:** Ida Holm\n\n**Total**: `4.10`\n", NOTE)
    assert (tree["name"], tree["total"]) == ("Ida Holm", "4.10")


def test_a_label_printed_twice_with_different_values_is_shown_to_a_person() -> None:
    _, tree, flagged = read("Name: Ann\nWard: 7\nWard: 8\nTotal: 1\n", NOTE)
    assert (tree["ward"], flagged) == ("7", {"/ward"})


def test_cells_of_several_words_are_parted_by_wide_gaps() -> None:
    table = load(
        {
            "type": "object",
            "properties": {
                "results": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in ("parameter", "unit", "result", "status")},
                    },
                }
            },
        },
        kind="table",
    )
    text = (
        "Parameter        Unit     Result    Status\nNitrate as N     mg/l     11.8      FAIL\nLead dissolved   ug/l     <0.5      pass\n"
    )
    _, tree, _ = read(text, table)
    assert [tuple(row.values()) for row in tree["results"]] == [
        ("Nitrate as N", "mg/l", "11.8", "FAIL"),
        ("Lead dissolved", "ug/l", "<0.5", "pass"),
    ]


def test_a_table_found_on_no_head_is_said_and_nothing_is_made_up() -> None:
    run_together = (
        "项目支出绩效自评表\n项目名称甲工程主管部门甲局实施单位乙所一级指标二级指标三级指标指标值产出指标数量指标路灯30盏总分100\n"
    )
    record, tree, flagged = read(run_together, KINDS["self_evaluation"])
    assert tree["indicators"] == []
    assert "" in flagged
    assert record.unclaimed


def test_a_head_printed_again_with_other_columns_keeps_every_cell_in_its_own() -> None:
    first, second = "产出指标\t数量指标\t更换路灯\t30\t32\t40\t38\t", "效益指标\t社会效益指标\t夜归无忧\t80\t85\t50\t47\t旱季停工"
    shorter = HEAD.replace("\t偏差原因分析及改进措施", "")
    swapped = HEAD.replace("分值\t得分", "得分\t分值")
    for heads, rows in (
        ((HEAD, HEAD + "\t附件编号"), (first, second + "\t见三号")),
        ((HEAD + "\t附件编号", HEAD), (first + "\t见一号", second)),
        ((shorter, HEAD), (first.rstrip("\t"), second)),
        ((swapped, HEAD), (first.replace("40\t38", "38\t40"), second)),
    ):
        _, tree, _ = read(form(heads[0], rows[0], heads[1], rows[1], total=""))
        assert [(row["level3"], row["weight"], row["score"], row["deviation"]) for row in tree["indicators"]] == [
            ("更换路灯", "40", "38", None),
            ("夜归无忧", "50", "47", "旱季停工"),
        ]


def test_a_column_lost_from_a_head_printed_again_is_shown_to_a_person() -> None:
    first, second = "产出指标\t数量指标\t更换路灯\t30\t32\t40\t38\t", "效益指标\t社会效益指标\t夜归无忧\t80\t85\t50\t47\t"
    _, tree, flagged = read(form(HEAD, first, HEAD.replace("得分", "评议分值数"), second, total=""))
    assert [row["score"] for row in tree["indicators"]] == ["38", None]
    assert "/indicators" in flagged


def test_a_figure_with_a_unit_of_its_own_is_shown_where_the_form_states_another() -> None:
    head = [
        "项目支出绩效自评表",
        "（2022年度）",
        "项目名称\t甲工程",
        "项目资金（元）\t年初预算数\t全年预算数\t全年执行数\t分值\t执行率\t得分",
    ]
    rows = ["年度资金总额\t500000.00\t50.00万元\t400000.00\t10\t80%\t8", ""]
    record, tree, flagged = read("\n".join([*head, *rows]))
    assert (tree["currency_unit"], tree["funds"]["total"]["annual_budget"]) == ("元", "50.00")
    assert "/funds/total/annual_budget" in flagged
    reasons = {review.pointer: review.reasons for review in record.review}
    assert "it is printed with a unit of its own, and the form states 元" in reasons["/funds/total/annual_budget"]


def test_labels_in_a_row_of_a_grid_have_their_values_below_them() -> None:
    top = [
        "Invoice",
        "Invoice No.\tInvoice Date\tTerms",
        "A-7\t2024-03-07\tthirty days",
        "From\tBill To",
        "Able Ltd\tBaker plc",
        "1 Quay\t2 Hill",
    ]
    lines = ["", "Description\tQty\tUnit Price\tAmount", "Paper\t2\t1.50\t3.00", "Total Due\t\t\t3.00", ""]
    _, tree, _ = read("\n".join([*top, *lines]))
    assert [tree[name] for name in ("invoice_number", "issue_date", "seller", "buyer", "total")] == [
        "A-7",
        "2024-03-07",
        "Able Ltd 1 Quay",
        "Baker plc 2 Hill",
        "3.00",
    ]


def test_a_row_of_labels_without_values_above_other_labels_is_blank() -> None:
    _, tree, _ = read("Invoice\nInvoice No.\tInvoice Date\nFrom\tAble Ltd\nTotal Due\t3.00\n")
    assert (tree["invoice_number"], tree["issue_date"], tree["seller"]) == (None, None, "Able Ltd")


def test_a_row_of_a_grid_without_its_name_is_shown_to_a_person() -> None:
    rows = ["产出指标\t数量指标\t更换路灯\t30盏\t32盏\t50\t50\t", "\t质量指标\t\t≥95%\t96%\t40\t40\t"]
    record, tree, _ = read(form(HEAD, *rows))
    assert [row["level3"] for row in tree["indicators"]] == ["更换路灯", None]
    reasons = {review.pointer: review.reasons for review in record.review}
    assert "the row has no name" in reasons["/indicators/1"]


def test_text_under_a_label_that_is_not_known_is_not_its_neighbours() -> None:
    head = [
        "项目支出绩效自评表",
        "（2022年度）",
        "项目名称\t甲工程",
        "年度总体目标\t年初打算\t\t实际完成情况\t",
        "\t更换全部路灯。\t\t换了三十盏。\t",
    ]
    record, tree, _ = read("\n".join([*head, HEAD, "产出指标\t数量指标\t更换路灯\t30\t32\t90\t90\t", ""]))
    assert (tree["expected_goal"], tree["actual_completion"]) == (None, "换了三十盏。")
    (whole,) = (review.reasons for review in record.review if review.pointer == "")
    assert "text stands under a label that is not known: '年初打算'" in whole
