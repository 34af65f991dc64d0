"""Rows that carry a balance over a page, sum up or repeat the heads are no entries; whatever may be an entry stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stub_statements import HEADS, SCHEMA, WIDTHS, Print, money, statement

from structurer.builtin import reader
from structurer.builtin.carried import DIFFERS, REPEATS, SUMS_UP, without_carried
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.document import Document, Page
from structurer.judging.ledger import unclaimed
from structurer.layout import Layout
from structurer.pipeline import Plan, structure_document
from structurer.record import Extract, Extraction, Record

STATEMENT = load(SCHEMA, kind="statement")
EVERY = tuple(Print)
GRIDS = (Print.BARS, Print.TABS)
Cells = tuple[str, ...]


def list_of(*numbers: str, dated: bool = True, rules: Sequence[dict[str, str]] = ()) -> Schema:
    """A schema with a list of dates, descriptions and these columns of figures."""
    number = {"type": ["string", "null"], "x-kind": "number"}
    text = {"type": ["string", "null"]}
    columns: dict[str, Any] = {"date": {**text, "x-kind": "date"}} if dated else {}
    columns |= {"description": text, **dict.fromkeys(numbers, number)}
    lines = {"type": "array", "items": {"type": "object", "properties": columns}}
    grand = {**number, "x-labels": ["Grand amount"]}
    return load({"type": "object", "properties": {"lines": lines, "grand": grand}, "x-checks": list(rules)}, kind="list")


BALANCED = list_of("amount", "balance")
ADDS_UP = {"id": "adds-up", "check": "grand == sum(lines[*].amount)"}
SOLD = list_of("quantity", "price", "amount", dated=False, rules=[ADDS_UP])
SOLD_UNCHECKED = list_of("quantity", "price", "amount", dated=False)


def printed(rows: Sequence[Cells | str], layout: Print = Print.BARS, widths: Sequence[int] = WIDTHS) -> str:
    """Rows in a layout: text to the left, figures to the right; what is no row stands as it is."""
    text = widths.index(max(widths))

    def line(cells: Cells) -> str:
        if layout is Print.BLANKS:
            placed = (
                cell.ljust(size) if at <= text else cell.rjust(size) for at, (cell, size) in enumerate(zip(cells, widths, strict=True))
            )
            return "".join(placed).rstrip()
        return (" | " if layout is Print.BARS else "\t").join(cells)

    return "".join(f"{row if isinstance(row, str) else line(row)}\n" for row in rows)


def read(text: str, schema: Schema = BALANCED) -> Extraction:
    return reader.read(Layout(text, 0, len(text)), schema)


def rows_of(found: Extraction) -> list[dict[str, str | None]]:
    rows: list[dict[str, str | None]] = [{} for _ in range(found.rows["/lines"])]
    for place, extract in found.leaves.items():
        if place.startswith("/lines/"):
            _, _, number, name = place.split("/")
            rows[int(number)][name] = extract.text
    return rows


def texts(found: Extraction) -> list[str | None]:
    return [row["description"] for row in rows_of(found)]


def left(text: str, found: Extraction) -> list[str]:
    """What neither a value nor an explanation accounts for."""
    spans = [span for extract in found.leaves.values() for span in extract.spans]
    return [entry.text for entry in unclaimed(Layout(text, 0, len(text)), [*spans, *found.explained])]


def entries(count: int, opening: int = 500_000) -> list[Cells]:
    """Entries of an account whose amounts and balances come once each."""
    rows, balance = [], opening
    for number in range(count):
        amount = (7_919 * (number + 3) * (number + 11) % 180_000 + 101) * (-1 if number % 3 == 1 else 1)
        balance += amount
        day = date(2024, 1, 1) + timedelta(days=number)
        rows.append((day.isoformat(), f"Order {'abcdefghijklmnopqrstuvwxyz'[number % 26]} of paper", money(amount), money(balance)))
    return rows


def cents(text: str) -> int:
    return int(re.sub(r"[.,]", "", text))


def added(rows: Sequence[Cells], column: int = 2) -> str:
    return money(sum(cents(row[column]) for row in rows))


Line = Callable[[Sequence[Cells], Sequence[Cells]], Sequence[Cells]]  # of the rows of a page, and of all rows up to its end


def no_line(_: Sequence[Cells], __: Sequence[Cells]) -> Sequence[Cells]:
    return ()


def paged(
    rows: Sequence[Cells], size: int, foot: Line = no_line, head: Line = no_line, *, heads: Cells = HEADS, marks: bool = True
) -> list[Cells | str]:
    """Rows on pages of a size, with lines at the foot of each page but the last, and at the head of each but the first."""
    found: list[Cells | str] = [heads]
    for start in range(0, len(rows), size):
        page, before = rows[start : start + size], rows[:start]
        if start:
            found += [*(("\f", heads) if marks else ()), *head(before[-size:], before)]
        found += page
        if start + size < len(rows):
            found += foot(page, rows[: start + size])
    return found


# -- made statements ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", EVERY)
@pytest.mark.parametrize(
    ("rows", "seed", "twins", "page_rows"),
    [
        (100, 1, 0.0, 45),
        (100, 2, 0.3, 45),
        (100, 3, 0.3, 10),
        (100, 4, 0.9, 7),
        (10, 5, 0.3, 3),
        (3, 6, 0.0, 1),
        (2, 7, 0.0, 1),
        (40, 8, 0.0, 45),
    ],
)
def test_a_statement_over_pages_has_its_entries_and_no_other_rows(
    rows: int, seed: int, twins: float, page_rows: int, layout: Print
) -> None:
    text, truth = statement(rows, seed, layout, twins=twins, page_rows=page_rows)
    found = read(text, STATEMENT)
    assert rows_of(found) == truth["lines"]
    assert {name: found.leaves[f"/{name}"].text for name in ("opening_balance", "total", "closing_balance")} == {
        name: truth[name] for name in ("opening_balance", "total", "closing_balance")
    }
    assert found.doubts == {}
    assert left(text, found) == ["Statement of account"]


@pytest.mark.parametrize("layout", EVERY)
def test_a_long_statement_has_its_entries_and_no_other_rows(layout: Print) -> None:
    text, truth = statement(800, EVERY.index(layout), layout, twins=0.3)
    found = read(text, STATEMENT)
    assert rows_of(found) == truth["lines"]
    assert found.doubts == {}


@pytest.mark.parametrize("layout", EVERY)
def test_a_record_without_carried_rows_is_proved_complete_and_asks_nobody(layout: Print) -> None:
    text, _ = statement(100, 9, layout, twins=0.3)
    record = record_of(text)
    assert (record.rows, record.complete, record.review, record.unclaimed) == ({"/lines": 100}, ("/lines",), (), ())
    assert [checked.holds for checked in record.checks] == [True, True]


def record_of(text: str) -> Record:
    (record,) = structure_document(Document("a.txt", text, "0" * 64, "text/plain", (Page(1, 0, len(text)),)), Plan((STATEMENT,))).records
    return record


# -- what is taken out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", EVERY)
@pytest.mark.parametrize(
    ("foot", "head"), [("Carried forward", "Brought forward"), ("Übertrag", "Übertrag"), ("Átvitel", "Áthozat"), ("結轉下頁", "承前頁")]
)
def test_balances_are_carried_in_any_language(foot: str, head: str, layout: Print) -> None:
    rows = entries(24)
    text = printed(paged(rows, 8, lambda _, every: [(foot, "", "", every[-1][3])], lambda _, every: [(head, "", "", every[-1][3])]), layout)
    found = read(text)
    assert texts(found) == [row[1] for row in rows]
    assert (found.doubts, left(text, found)) == ({}, [])


@pytest.mark.parametrize("layout", EVERY)
@pytest.mark.parametrize(("foot", "head"), [("Carried forward", "Brought forward"), ("Átvitel", "Áthozat")])
def test_carried_balances_are_known_by_standing_twice_where_no_page_is_marked(foot: str, head: str, layout: Print) -> None:
    rows = entries(24)
    pages = paged(rows, 8, lambda _, every: [(foot, "", "", every[-1][3])], lambda _, every: [(head, "", "", every[-1][3])], marks=False)
    assert texts(read(printed(pages, layout))) == [row[1] for row in rows]


@pytest.mark.parametrize("layout", EVERY)
def test_a_balance_that_only_the_head_of_each_page_prints_is_taken_out(layout: Print) -> None:
    rows = entries(24)
    assert texts(read(printed(paged(rows, 8, head=lambda _, every: [("Áthozat", "", "", every[-1][3])]), layout))) == [
        row[1] for row in rows
    ]


@pytest.mark.parametrize(
    ("words", "layout"),
    [*product(("Page total", "Oldal összesen"), EVERY), *product(("",), GRIDS)],  # without words running lines swallow it
)
def test_subtotals_of_pages_are_taken_out(words: str, layout: Print) -> None:
    rows = entries(24)
    found = read(printed(paged(rows, 8, lambda page, _: [("", words, added(page), "")]), layout))
    assert texts(found) == [row[1] for row in rows]


@pytest.mark.parametrize("layout", EVERY)
@pytest.mark.parametrize("words", ["Subtotal", "Részösszeg"])
def test_subtotals_of_groups_without_pages_are_taken_out(words: str, layout: Print) -> None:
    rows = entries(12)
    groups = [rows[:5], rows[5:7], rows[7:8], rows[8:]]
    found = read(printed([HEADS, *(line for group in groups for line in (*group, ("", words, added(group), "")))], layout))
    assert texts(found) == [row[1] for row in rows]


def test_a_line_that_sums_up_the_page_and_carries_the_balance_is_taken_out() -> None:
    rows = entries(24)
    pages = paged(
        rows,
        8,
        lambda page, every: [("", "Page", added(page), every[-1][3])],
        lambda _, every: [("", "Before", added(every), every[-1][3])],
    )
    assert texts(read(printed(pages))) == [row[1] for row in rows]


@pytest.mark.parametrize("layout", EVERY)
def test_sums_carried_over_the_pages_of_an_invoice_are_taken_out(layout: Print) -> None:
    heads, widths = ("Description", "Quantity", "Price", "Amount"), (40, 10, 12, 14)
    rows = [(f"Article {number}", str(number), money(731 * number), money(731 * number * number)) for number in range(1, 25)]
    pages = paged(
        rows,
        8,
        lambda _, every: [("Átvitel", "", "", added(every, 3))],
        lambda _, every: [("Áthozat", "", "", added(every, 3))],
        heads=heads,
    )
    found = read(printed([*pages, "", f"Grand amount: {added(rows, 3)}"], layout, widths), SOLD)
    assert texts(found) == [row[0] for row in rows]
    assert found.leaves["/grand"].text == added(rows, 3)


@pytest.mark.parametrize("layout", GRIDS)
def test_debits_and_credits_move_a_balance_in_columns_of_their_own(layout: Print) -> None:
    signed = entries(24)
    rows = [(day, name, *(("", amount) if amount[0] != "-" else (amount[1:], "")), balance) for day, name, amount, balance in signed]

    def turnover(_: Sequence[Cells], every: Sequence[Cells]) -> list[Cells]:
        debit, credit = (money(sum(cents(row[column]) for row in every if row[column])) for column in (2, 3))
        return [("", "Átvitel", debit, credit, every[-1][4])]

    heads = ("Date", "Description", "Debit", "Credit", "Balance")
    found = read(
        printed(paged(rows, 8, turnover, turnover, heads=heads), layout, (12, 40, 14, 14, 16)), list_of("debit", "credit", "balance")
    )
    assert texts(found) == [row[1] for row in rows]


@pytest.mark.parametrize("layout", EVERY)
def test_opening_and_closing_balances_inside_a_list_are_taken_out(layout: Print) -> None:
    rows = entries(9)
    lines = [HEADS, ("", "Nyitó egyenleg", "", "5,000.00"), *rows, ("", "Záró egyenleg", "", rows[-1][3])]
    assert texts(read(printed(lines, layout))) == [row[1] for row in rows]


@pytest.mark.parametrize("layout", GRIDS)
def test_a_balance_under_another_head_is_known_by_its_figure(layout: Print) -> None:
    rows = entries(24)
    found = read(printed(paged(rows, 8, lambda _, every: [("Carried forward", every[-1][3])]), layout))
    assert texts(found) == [row[1] for row in rows]


def test_a_row_that_repeats_the_heads_is_taken_out_and_the_rows_behind_it_move_up() -> None:
    rows = entries(3)
    text = printed([HEADS, rows[0], HEADS, *rows[1:]])
    lines, names = text.splitlines(keepends=True), ("date", "description", "amount", "balance")
    leaves, start = {}, len(lines[0])
    for number, line in enumerate(lines[1:]):
        for name, cell in zip(names, line.strip().split(" | "), strict=True):
            at = text.index(cell, start)
            leaves[f"/lines/{number}/{name}"] = Extract(cell, ((at, at + len(cell)),))
        start += len(line)
    made = Extraction("list", "made", {**leaves, "/grand": Extract(None)}, {"/lines": 4}, {"/lines/1": ("odd",), "/lines/3": ("late",)})
    found = without_carried(Layout(text, 0, len(text)), BALANCED, made)
    assert texts(found) == [row[1] for row in rows]
    assert (found.rows, found.doubts, found.leaves["/grand"]) == ({"/lines": 3}, {"/lines/2": ("late",)}, Extract(None))
    assert [text[slice(*span)] for span in found.explained] == list(HEADS)


# -- what stays --------------------------------------------------------------------------------------------------------


def with_row(row: Cells, at: int = 4, rows: Sequence[Cells] = ()) -> list[Cells]:
    rows = rows or entries(9)
    return [HEADS, *rows[:at], row, *rows[at:]]


@pytest.mark.parametrize("layout", EVERY)
def test_a_dated_entry_without_an_amount_stays(layout: Print) -> None:
    rows = entries(9)
    found = read(printed(with_row((rows[3][0], "Card blocked", "", rows[3][3])), layout))
    assert found.rows == {"/lines": 10}
    assert REPEATS not in found.doubts.get("/lines/4", ())


@pytest.mark.parametrize("layout", EVERY)
def test_an_entry_without_date_and_amount_stays_with_a_doubt(layout: Print) -> None:
    found = read(printed(with_row(("", "Card blocked", "", entries(9)[3][3])), layout))
    assert found.rows == {"/lines": 10}
    assert REPEATS in found.doubts["/lines/4"]


@pytest.mark.parametrize("layout", EVERY)
def test_an_entry_of_nothing_that_repeats_the_balance_stays(layout: Print) -> None:
    rows = entries(9)
    pages = paged([*rows[:4], (rows[3][0], "Total", "0.00", rows[3][3]), *rows[4:]], 5)
    found = read(printed(pages, layout))
    assert (found.rows, found.doubts) == ({"/lines": 10}, {})


def test_an_entry_that_doubles_what_stands_above_it_stays_with_a_doubt() -> None:
    rows = [(f"Article {number}", str(number), money(731 * number), money(731 * number * number)) for number in range(1, 7)]
    lines = [("Description", "Quantity", "Price", "Amount"), *rows, ("Night surcharge of 100 %", "", "", added(rows, 3))]
    for schema in (SOLD, SOLD_UNCHECKED):
        found = read(printed([*lines, "", f"Grand amount: {money(2 * cents(added(rows, 3)))}"]), schema)
        assert (found.rows, found.doubts) == ({"/lines": 7}, {"/lines/6": (SUMS_UP,)})


def test_a_total_in_an_unknown_language_goes_if_the_checks_close_without_it_and_else_stays_with_a_doubt() -> None:
    rows = [(f"Article {number}", str(number), money(731 * number), money(731 * number * number)) for number in range(1, 7)]
    lines = [
        ("Description", "Quantity", "Price", "Amount"),
        *rows,
        ("Összesen", "", "", added(rows, 3)),
        "",
        f"Grand amount: {added(rows, 3)}",
    ]
    assert (read(printed(lines), SOLD).rows, read(printed(lines), SOLD).doubts) == ({"/lines": 6}, {})
    assert read(printed(lines), SOLD_UNCHECKED).doubts == {"/lines/6": (SUMS_UP,)}


def test_a_row_that_the_checks_need_stays_whatever_it_says() -> None:
    rows = [("Paper", "2", "3.00", "6.00"), ("Ink", "4", "1.50", "6.00"), ("Total", "", "", "12.00"), ("Glue", "1", "5.00", "5.00")]
    found = read(printed([("Description", "Quantity", "Price", "Amount"), *rows, "", "Grand amount: 29.00"]), SOLD)
    assert (found.rows, found.doubts) == ({"/lines": 4}, {"/lines/2": (SUMS_UP,)})


def test_a_carried_balance_that_differs_stays_with_a_doubt() -> None:
    found = read(printed(with_row(("", "Carried forward", "", money(cents(entries(9)[3][3]) + 1)))))
    assert (found.rows, found.doubts) == ({"/lines": 10}, {"/lines/4": (DIFFERS,)})


def test_what_is_paid_out_on_a_day_may_be_the_whole_balance() -> None:
    rows = entries(9)
    found = read(printed(with_row((rows[3][0], "Balance", rows[3][3], ""))))
    assert found.rows == {"/lines": 10}


@pytest.mark.parametrize("layout", GRIDS)
def test_a_twin_under_the_same_date_stays(layout: Print) -> None:
    rows = [row[:3] for row in entries(12)]
    lines = [HEADS[:3], *rows[:5], ("", *rows[4][1:]), *rows[5:]]
    assert read(printed(lines, layout), list_of("amount")).rows == {"/lines": 13}


def test_a_list_without_figures_stays_as_it_is() -> None:
    schema = load(
        {"type": "object", "properties": {"people": {"type": "array", "items": {"type": "object", "properties": {
            "name": {"type": "string"}, "town": {"type": "string"}, "street": {"type": "string"}}}}}}, kind="list",
    )  # fmt: skip
    found = read("Name\tTown\tStreet\nAnn\tBath\tHigh Street\nTotal\t\t\nCarried forward\t\t\n", schema)
    assert found.rows == {"/people": 3}


@pytest.mark.parametrize("layout", EVERY)
def test_a_list_without_page_breaks_is_read_as_before(layout: Print) -> None:
    rows = entries(30)
    found = read(printed([HEADS, *rows], layout))
    assert (texts(found), found.doubts) == ([row[1] for row in rows], {})


def test_doubts_of_rows_behind_move_up_with_them() -> None:
    rows = entries(24)
    pages = paged(rows, 8, lambda _, every: [("", "Carried forward", "", every[-1][3])])
    memo = ("", "Card blocked", "", rows[19][3])
    pages.insert(pages.index(rows[20]), memo)
    found = read(printed(pages))
    assert rows[19][3] in rows_of(found)[20].values()
    assert found.doubts == {"/lines/20": (REPEATS,)}


# -- what must hold for any list ---------------------------------------------------------------------------------------

WORDS = st.sampled_from(["Total", "Carried forward", "Brought forward", "Paper", "Átvitel", "小计", "Subtotal page"])
FULL = st.tuples(WORDS, st.sampled_from([0, 0, 100, 100, 250, 1_000, -100]), st.booleans(), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(FULL, min_size=1, max_size=14), st.sampled_from(GRIDS))
def test_no_row_goes_that_fills_every_column(made: list[tuple[str, int, bool, bool]], layout: Print) -> None:
    balance, lines, count = 0, list[Cells | str]([HEADS]), 0
    for words, amount, breaks, again in made:
        lines += ["\f", HEADS] if breaks else []
        balance += 0 if again else amount
        lines.append(("2024-01-05", words, money(amount), money(balance)))
        count += 1
    found = read(printed(lines, layout))
    assert (found.rows, found.doubts) == ({"/lines": count}, {})
    assert texts(found) == [words for words, *_ in made]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 100, 100, 250, -100]), st.booleans(), st.booleans()), min_size=1, max_size=14))
def test_no_row_goes_that_has_a_date_and_words_of_its_own(made: list[tuple[int, bool, bool]]) -> None:
    balance, lines = 0, list[Cells | str]([HEADS])
    for number, (amount, breaks, blank) in enumerate(made):
        lines += ["\f", HEADS] if breaks else []
        balance += 0 if blank else amount
        lines.append(("2024-01-05", f"Paper {'abcdefghijklmn'[number]}", "" if blank else money(amount), money(balance)))
    assert read(printed(lines)).rows == {"/lines": len(made)}
