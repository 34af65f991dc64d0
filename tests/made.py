"""Hand-made schemas, records and results: small, and with every awkward thing in them; records on their pages; and the command."""

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from structurer.arithmetic.checks import Level, Outcome, Quantity
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.document import Span
from structurer.judging.confront import figures, joined
from structurer.judging.evidence import Pending
from structurer.judging.ground import ground
from structurer.layout import Layout
from structurer.record import Checked, Extract, Flag, Match, Record, Result, Review, Unclaimed, Unplaced, Value, leaf_pointers

ORDER = load(
    {
        "type": "object",
        "title": "采购单",
        "properties": {
            "name": {"type": "string"},
            "count": {"type": "integer"},
            "money": {"type": "object", "properties": {"total": {"type": "string", "x-kind": "number"}, "unit": {"type": "string"}}},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "label": {"type": "string"},
                        "parts": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "string"}}}},
                    },
                },
            },
            "numbers": {"type": "array", "items": {"type": "string"}},
        },
    },
    kind="order",
)
SCHEMAS: dict[str, Schema] = {"order": ORDER}
DIGEST = "0123456789abcdef" * 4


def value(text: str | None, **more: Any) -> Value:
    return Value(text, more.pop("value", text), **more)


def order(index: int = 0, source: str = "单.txt", **leaves: Value) -> Record:
    found = {
        "/name": value("课桌", spans=(Span(0, 2, 1),), match=Match.EXACT, reader="builtin"),
        "/count": value("3", value=3),
        "/money/total": value("1,200.50", value="1200.50", quantity=Quantity(Fraction(2401, 2), Fraction(1, 100), "1,200.50")),
        "/money/unit": value(None),
        "/lines/0/label": value("=1+1", flag=Flag.REVIEW, doubts=("odd",)),
        "/lines/0/parts/0/amount": value("-5"),
        "/lines/0/parts/1/amount": value("-5+"),
        "/lines/1/label": value("@a"),
        "/numbers/0": value("松〔2023〕1号"),
    }
    outcome = Outcome(Level.FAIL, "a = 1", "b = 2", "0.5 .. 2", "1 should be 2.", ("/money/total",), ("/money/unit",))
    return Record(
        "order", source, index, 0, 99, {**found, **leaves}, {"/lines": 2, "/lines/0/parts": 2, "/lines/1/parts": 0, "/numbers": 1},
        checks=(Checked("sum", "", "print", "adds up", outcome, holds=False),),
        review=(Review("/lines", Flag.REVIEW, ("one row is missing",)), Review("/name", Flag.ACCEPT, ("fine",))),
        unclaimed=(Unclaimed("7", 5, 6, 1),), complete=("/numbers",), provenance={"reader": "builtin", "usage": {"tokens": None}},
    )  # fmt: skip


def result(*records: Record, source: str = "单.txt", sha256: str = DIGEST) -> Result:
    return Result(source, sha256, records or (order(source=source),), (Unplaced("前言\u2028续", 100, 105, None),), ("odd encoding",))


# -- a record and the page it was read from ------------------------------------------------------------------------------

NUMBER = {"type": "string", "x-kind": "number"}
LINES = {"type": "array", "items": {"type": "object", "properties": {"article": {"type": "string"}, "price": NUMBER}}}
PURCHASE = load(
    {
        "type": "object",
        "properties": {"lines": LINES, "total": NUMBER},
        "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
    },
    kind="order",
)
PAGE = "Apple 1.20\nPear 2.30\nPlum 4.05\nTotal 7.55\n"


def purchase(
    *prices: str | None, total: str | None = "7.55", names: tuple[str | None, ...] = ("Apple", "Pear", "Plum")
) -> dict[str, str | None]:
    """The texts of an order."""
    lines = enumerate(zip(names, prices, strict=False))
    return {f"/lines/{n}/{key}": text for n, row in lines for key, text in zip(("article", "price"), row, strict=True)} | {"/total": total}


def on_page(form: Schema, page: str | None, texts: dict[str, str | None], rows: dict[str, int] | None = None, **more) -> Pending:
    """A record found again on its page (None: there is none), before its checks are confronted."""
    rows = rows if rows is not None else {"/lines": sum(place.endswith("/price") for place in texts)}
    read = figures(form, texts, rows)
    places = [(place, leaf, Extract(texts.get(place))) for place, leaf in leaf_pointers(form, rows)]
    layout = None if page is None else Layout(page, 0, len(page))
    grounds = None if layout is None else ground(layout, places)
    values = {}
    for place, leaf, extract in places:
        spans, match = ((), Match.NONE) if grounds is None else grounds.found.get(place, ((), Match.NONE))
        parsed = read.parsed[place]
        found = tuple(Span(start, end, 1, None, more.get("confidence", {}).get(place)) for start, end in spans)
        values[place] = (
            leaf,
            Value(extract.text, parsed.value, read.facts.cells.get(place), parsed.error, found, match, more.get("reader", "")),
        )
    return Pending(
        form, values, replace(read, facts=joined(form, read.facts)), (), layout, None if grounds is None else grounds.placed,
        explained=more.get("explained", ()), confirmed=frozenset(more.get("confirmed", ())),
    )  # fmt: skip


# -- the command ---------------------------------------------------------------------------------------------------------

CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "STRUCTURER_")) and key != "CI"}


def call(*arguments: str | Path, environment: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    command = [sys.executable, "-m", "structurer", *map(str, arguments)]
    environment = CLEAN | (environment or {})
    return subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=cwd, timeout=120)
