"""Made statements of account with a running balance: their text in several layouts, and the truth that a reader should find."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

LADDER: Final = (100, 800, 1_600, 3_200)  # rows
PAGE_ROWS: Final = 45
HEADS: Final = ("Date", "Description", "Amount", "Balance")
WIDTHS: Final = (12, 40, 14, 16)  # characters of a column where blanks keep it
GOODS: Final = (
    "Office supplies", "Rent of the hall", "Train tickets", "Printing of posters", "Salary, part time", "Refund of a deposit",
    "Electricity", "Insurance premium", "Books for the library", "Repair of the heating", "Catering", "Membership fees", "Postage",
)  # fmt: skip
NUMBER: Final = {"type": ["string", "null"], "x-kind": "number"}
SCHEMA: Final[dict[str, Any]] = {
    "title": "Statement of account",
    "type": "object",
    "x-anchors": ["Statement of account"],
    "required": ["account", "lines", "closing_balance"],
    "properties": {
        "account": {"type": ["string", "null"], "x-labels": ["Account"]},
        "opening_balance": {**NUMBER, "x-labels": ["Opening balance"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "date": {"type": ["string", "null"], "x-kind": "date", "x-labels": ["Date"]},
                    "description": {"type": ["string", "null"], "x-labels": ["Description"]},
                    "amount": {**NUMBER, "x-labels": ["Amount"]},
                    "balance": {**NUMBER, "x-labels": ["Balance"]},
                },
            },
        },
        "total": {**NUMBER, "x-labels": ["Total of amounts"]},
        "closing_balance": {**NUMBER, "x-labels": ["Closing balance"]},
    },
    "x-checks": [
        {"id": "amounts-add-up", "check": "total == sum(lines[*].amount)"},
        {"id": "balance-closes", "check": "closing_balance == sum(opening_balance, total)"},
    ],
}


class Print(StrEnum):
    """How the columns of a table are kept apart."""

    BARS = "bars"
    TABS = "tabs"
    BLANKS = "spaces"


def statement(
    rows: int, seed: int, layout: str = Print.BARS, *, page_rows: int = PAGE_ROWS, twins: float = 0.0
) -> tuple[str, dict[str, Any]]:
    """A statement of so many rows, and its truth in the shape of SCHEMA, every value as it is printed.

    After `page_rows` rows the page ends with the balance carried forward, and the next one repeats the head. `twins` is the share of rows
    that repeat date, description and amount of the row before. The same rows and seed have the same truth in every layout.
    """
    rng = random.Random(f"{seed}/{rows}")
    opening = rng.randrange(10_000, 900_000)
    amounts, lines = _movements(rows, rng, opening, twins)
    total = sum(amounts)
    truth = {
        "account": f"{rng.randrange(1000, 9999)}-{rng.randrange(100_000, 999_999)}",
        "opening_balance": money(opening),
        "lines": [dict(zip(("date", "description", "amount", "balance"), line, strict=True)) for line in lines],
        "total": money(total),
        "closing_balance": money(opening + total),
    }
    return "\n".join(_printed(truth, lines, Print(layout), page_rows)) + "\n", truth


def money(cents: int) -> str:
    """An amount as it is printed, such as -1,034.20."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"


def _movements(rows: int, rng: random.Random, balance: int, twins: float) -> tuple[list[int], list[tuple[str, ...]]]:
    amounts, lines = list[int](), list[tuple[str, ...]]()
    for number in range(rows):
        if lines and rng.random() < twins:
            amount, (date, text, *_) = amounts[-1], lines[-1]
        else:
            amount = rng.randrange(100, 250_000) * rng.choice((1, 1, -1))
            month, day = divmod(number * 336 // max(rows, 1), 28)
            date, text = f"2024-{month + 1:02}-{day + 1:02}", f"{rng.choice(GOODS)}, order {1001 + number}"
        balance += amount
        amounts.append(amount)
        lines.append((date, text, money(amount), money(balance)))
    return amounts, lines


def _printed(truth: dict[str, Any], lines: Sequence[Sequence[str]], layout: Print, page_rows: int) -> Iterator[str]:
    pages = [lines[start : start + page_rows] for start in range(0, len(lines), page_rows)] or [()]
    yield from ("Statement of account", f"Account: {truth['account']}", f"Opening balance: {truth['opening_balance']}", "")
    for number, page in enumerate(pages, 1):
        yield _row(HEADS, layout)
        if number > 1:
            yield _row(("Brought forward", "", "", pages[number - 2][-1][3]), layout)
        yield from (_row(line, layout) for line in page)
        if number < len(pages):
            yield from (_row(("Carried forward", "", "", page[-1][3]), layout), f"Page {number} of {len(pages)}", "\f")
    yield from ("", f"Total of amounts: {truth['total']}", f"Closing balance: {truth['closing_balance']}")


def _row(cells: Sequence[str], layout: Print) -> str:
    if layout is Print.BLANKS:
        date, text, *figures = (cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
        return (date + text + "".join(cell.strip().rjust(width) for cell, width in zip(figures, WIDTHS[2:], strict=True))).rstrip()
    return (" | " if layout is Print.BARS else "\t").join(cells)
