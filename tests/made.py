"""Hand-made schemas, records and results: small, and with every awkward thing in them."""

from fractions import Fraction
from typing import Any

from structurer.checks import Level, Outcome, Quantity
from structurer.contract import load
from structurer.document import Span
from structurer.record import Checked, Flag, Match, Record, Result, Review, Unclaimed, Unplaced, Value
from structurer.schema import Schema

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
