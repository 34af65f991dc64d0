"""What nothing accounts for is listed, and what a closed sum proves."""

from __future__ import annotations

from fractions import Fraction

import pytest

from structurer.checks import Facts, Quantity, confront, parse
from structurer.confront import holds
from structurer.layout import Layout
from structurer.ledger import proved_complete, unclaimed
from structurer.record import Checked, Unclaimed
from structurer.schema import Rule


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
    return Checked("sum", scope, "print", "", outcome, holds(rule.requires, outcome))


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
