"""What nothing accounts for is listed, and what a closed sum proves."""

from __future__ import annotations

from fractions import Fraction

import pytest

from structurer.arithmetic.checks import Facts, Quantity, confront, parse
from structurer.contracts.schema import Rule
from structurer.judging.confront import holds
from structurer.judging.ledger import figures_left, proved_complete, unclaimed
from structurer.layout import Layout
from structurer.record import Checked, Unclaimed


def left(text: str, *claims: tuple[int, int], start: int = 0) -> list[tuple[str, int, int]]:
    found = unclaimed(Layout(text, start, len(text)), claims)
    assert all(text[entry.start : entry.end].split() == entry.text.split() for entry in found)
    return [(entry.text, entry.start, entry.end) for entry in found]


def test_what_no_claim_covers_is_listed_in_order():
    assert left("名称 甲 12\n乙", (0, 2)) == [("甲 12", 3, 7), ("乙", 8, 9)]


def test_runs_end_with_the_line_and_the_cell():
    assert left("甲\t乙\n丙  丁") == [("甲", 0, 1), ("乙", 2, 3), ("丙 丁", 4, 8)]


def test_claimed_text_parts_a_run():
    assert left("甲 乙 丙", (2, 3)) == [("甲", 0, 1), ("丙", 4, 5)]
    assert left("甲乙丙", (1, 2)) == [("甲", 0, 1), ("丙", 2, 3)]


def test_marks_alone_need_no_claim():
    assert left("（）—— ：__。 12%") == [("（）—— ：__。 12%", 0, 13)]
    assert left("（）——：__。") == []


def test_page_numbers_and_other_furniture_need_no_claim():
    assert left("甲\n- 3 -\n<br/>") == [("甲", 0, 1)]


def test_claims_beyond_the_segment_claim_what_is_inside():
    assert left("甲乙丙丁", (0, 3), (9, 12), (2, 2), start=2) == [("丁", 3, 4)]


def test_an_unclaimed_stretch_does_not_know_its_page():
    assert unclaimed(Layout("甲", 0, 1), ()) == (Unclaimed("甲", 0, 1, None),)


def checked(text: str, scope: str = "", **cells: str) -> Checked:
    facts = Facts(
        {"/" + name.replace("_", "/"): Quantity(Fraction(value), Fraction(1), value) for name, value in cells.items()},
        {"/rows": 2, "/rows/0/parts": 2, "/none": 0},
    )
    rule = Rule("sum", (), parse(text), "print", "")
    outcome = confront(rule.check, facts, scope)
    return Checked("sum", scope, "print", "", outcome, holds(rule.requires, outcome.level))


ROWS = {"/rows": 2, "/rows/0/parts": 2, "/none": 0}
COLUMN = {"rows_0_n": "1", "rows_1_n": "2"}


@pytest.mark.parametrize(
    ("text", "cells", "proved"),
    [
        ("total == sum(rows[*].n)", {**COLUMN, "total": "3"}, ("/rows",)),
        ("3 == sum(rows[*].n)", COLUMN, ("/rows",)),
        ("total == sum(rows[*].n)", {**COLUMN, "total": "4"}, ()),  # the sum is open
        ("total == sum(rows[*].n)", {"rows_0_n": "1", "total": "1"}, ()),  # a row without the figure
        ("sum(rows[*].n) <= 100", COLUMN, ()),  # a limit that is kept says nothing of rows that are lost
        ("total == rows[*].n", {}, None),
        ("total == sum(none[*].n)", {"total": "0"}, ()),
        ("total == 3", {"total": "3"}, ()),
    ],
)
def test_a_list_is_proved_complete_by_a_sum_over_all_its_rows(text, cells, proved):
    if proved is None:
        with pytest.raises(ValueError, match="found a list"):
            parse(text)
        return
    assert proved_complete(ROWS, [checked(text, **cells)]) == proved


def test_an_inner_list_is_proved_by_the_sum_of_its_row():
    found = checked("total == sum(parts[*].n)", "/rows/0", rows_0_parts_0_n="1", rows_0_parts_1_n="2", rows_0_total="3")
    assert proved_complete(ROWS, [found]) == ("/rows/0/parts",)


def test_a_check_within_a_row_says_nothing_of_the_list():
    found = checked("a == b", "/rows/0", rows_0_a="1", rows_0_b="1")
    assert proved_complete({"/rows": 1}, [found]) == ()


def test_proofs_of_several_checks_come_together_in_order():
    inner = checked("total == sum(parts[*].n)", "/rows/0", rows_0_parts_0_n="1", rows_0_parts_1_n="2", rows_0_total="3")
    outer = checked("total == sum(rows[*].n)", **COLUMN, total="3")
    assert proved_complete(ROWS, [inner, outer, outer]) == ("/rows", "/rows/0/parts")


def figures(text: str, *claims: tuple[int, int], start: int = 0) -> list[str]:
    found = figures_left(Layout(text, start, len(text)), claims)
    assert all(text[first:last] == figure for figure, first, last in found)
    return [figure for figure, _, _ in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("甲乙", []),
        ("7", ["7"]),
        ("1,200.50 和 3", ["1,200.50", "3"]),
        ("约12个；88%", ["12", "88%"]),
        ("约12个，88%", ["12", "88%"]),
        ("12，88%，a,5", ["12", "88%", "5"]),
        ("１２，３４５", ["１２，３４５"]),  # a separator of thousands
        ("-2.30 2024-05 a-5", ["-2.30", "2024", "05", "5"]),
        ("(2.30) (2.30 2.30)", ["(2.30)", "2.30", "2.30"]),
        ("¥1,200.50 $3 €4元", ["¥1,200.50", "$3", "€4元"]),
        ("2.30万 5亿元 6百万元 7千元 8亿", ["2.30万", "5亿元", "6百万元", "7千元", "8亿"]),
        ("23.5万元", ["23.5万元"]),
        ("12.", ["12"]),  # the end of a sentence
        ("1.2.3", []),  # the number of a section is no figure
        ("2024-05", ["2024", "05"]),
        ("5\n6\t7", ["5", "6", "7"]),
        ("第 3 页", []),  # furniture
        ("- 3 -", []),
    ],
)
def test_the_whole_figures_that_nothing_accounts_for_are_left(text, found):
    assert figures(text) == found


def test_a_figure_of_which_a_part_is_claimed_is_not_left():
    assert figures("12.50 7", (0, 2)) == ["7"]
    assert figures("12.50 7", (4, 5), (6, 7)) == []
    assert figures("12.50 7", (5, 6)) == ["12.50", "7"]


def test_a_figure_whose_sign_or_unit_is_claimed_is_not_left():
    assert figures("-5 7%", (0, 1)) == ["7%"]
    assert figures("-5 7%", (4, 5)) == ["-5"]


def test_offsets_of_figures_count_from_the_start_of_the_document():
    assert figures_left(Layout("7 甲 8", 2, 5), [(0, 1)]) == (("8", 4, 5),)


def test_a_comma_that_ends_a_clause_is_no_part_of_a_figure():
    assert figures("paid 230, due 1,500, rest 7") == ["230", "1,500", "7"]


def test_a_figure_printed_in_full_width_is_left_too():
    assert figures("合计２.３０") == ["２.３０"]


@pytest.mark.parametrize(
    "text",
    ["2026年1月1日", "2026年 1 月起", "12月31日", "2024-05-06", "2024/5/6", "第3条", "(1) 甲乙", "2、甲乙", "3. total\n4) sum"],
)
def test_parts_of_dates_and_numbering_are_no_figures(text):
    assert figures(text) == []


@pytest.mark.parametrize(("text", "found"), [("2.30", ["2.30"]), ("(12)", ["(12)"]), ("3.", ["3"]), ("12月", ["12"]), ("2026年", ["2026"])])
def test_figures_that_look_like_numbering_are_left(text, found):
    assert figures(text) == found
