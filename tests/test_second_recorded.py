"""A second reading as a language model really answers it: the replies in tests/cassettes came from a model that saw the prompt alone.

The first readings are scripted, with one figure misread: no model can be made to misread on demand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from structurer import library
from structurer.asking.llm import Reply, Request
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.document import Document, Page
from structurer.endpoints.cassettes import Replayer
from structurer.pipeline import Plan, structure_document
from structurer.record import Record, Verdict

CASSETTES = Path(__file__).parent / "cassettes"

VISIT = load(
    {
        "title": "Museum visit",
        "type": "object",
        "properties": {
            "visitor": {"type": "string", "x-labels": ["Visitor"]},
            "criteria": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "criterion": {"type": "string", "x-labels": ["Criterion"]},
                        "points": {"type": "number", "x-labels": ["Points"]},
                        "score": {"type": "number", "x-labels": ["Score"]},
                    },
                    "x-checks": [{"id": "score-in-range", "check": "score <= points", "says": "a score is at most its points"}],
                },
            },
        },
    },
    kind="visit",
)
VISIT_PAGE = """Museum visit
Visitor: C. Okafor

Criterion\tPoints\tScore\tRemark
Opening hours\t10\t9\t
Signage\t8\t7\traised from 5 last year
Lifts and ramps\t12\t12\t
"""
VISIT_READ = {
    "visitor": "C. Okafor",
    "criteria": [
        {"criterion": "Opening hours", "points": "10", "score": "9"},
        {"criterion": "Signage", "points": "8", "score": "70"},
        {"criterion": "Lifts and ramps", "points": "12", "score": "12"},
    ],
}

INVOICE_PAGE = """Invoice
Invoice No. HX-2207
Invoice Date 2025-06-14
From: Harrow Print Works
Bill To: Ashby Library

Description\tQty\tUnit Price\tAmount
Reading cards, printed both sides\t40\t1.15\t46.00
Shelf labels, set of twelve\t9\t13.70\t
Bookmarks, ribbon\t150\t0.42\t63.00

Subtotal\t232.30
VAT (20%)\t46.46
Total Due\t278.76

The amount of the shelf labels, 123.30, was left out of the table by mistake.
"""
INVOICE_READ = {
    "seller": "Harrow Print Works",
    "buyer": "Ashby Library",
    "invoice_number": "HX-2207",
    "issue_date": "2025-06-14",
    "currency": None,
    "lines": [
        {"description": "Reading cards, printed both sides", "quantity": "40", "unit_price": "1.15", "amount": "46.00"},
        {"description": "Shelf labels, set of twelve", "quantity": "9", "unit_price": "13.70", "amount": "132.30"},
        {"description": "Bookmarks, ribbon", "quantity": "150", "unit_price": "0.42", "amount": "63.00"},
    ],
    "subtotal": "232.30",
    "tax_rate": "20",
    "tax": "46.46",
    "total": "278.76",
}


class Misreader:
    """Says what it was told to when it is first asked, and answers from recordings of a model after that."""

    name = "desk"

    def __init__(self, first: dict[str, Any]) -> None:
        self.first, self.asked, self.recorded = first, list[Request](), Replayer(CASSETTES, name="desk")

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        return Reply(json.dumps(self.first), self.name) if len(self.asked) == 1 else await self.recorded.complete(request)


def read(page: str, schema: Schema, first: dict[str, Any]) -> tuple[Record, Misreader]:
    model = Misreader(first)
    plan = Plan((schema,), model, library.load_prompt(), witness=False, second=library.load_prompt("second"))
    document = Document("page.txt", page, "0" * 64, "text/plain", (Page(1, 0, len(page)),))
    (record,) = structure_document(document, plan).records
    return record, model


def test_a_second_reading_decides_between_two_prints_that_would_both_fit() -> None:
    record, model = read(VISIT_PAGE, VISIT, VISIT_READ)
    score = record.leaves["/criteria/1/score"]
    assert (score.value, score.correction and (score.correction.text, score.correction.by)) == ("7", ("70", "second reading"))
    assert record.blame == (("/criteria/1/score",),)
    assert [(checked.id, checked.verdict) for checked in record.mended] == [("score-in-range", Verdict.READING)]
    assert all(checked.holds for checked in record.checks)
    assert record.provenance["second_reading"] == "1 of 1 cells"
    assert len(model.asked) == 2


def test_a_model_that_finds_nothing_in_the_place_leaves_the_figure_to_a_person() -> None:
    invoice = next(schema for schema in library.shipped_schemas() if schema.kind == "invoice")
    record, model = read(INVOICE_PAGE, invoice, INVOICE_READ)
    amount = record.leaves["/lines/1/amount"]
    assert (amount.value, amount.correction) == ("132.30", None)
    assert record.blame == (("/lines/1/amount",),)
    assert {checked.verdict for checked in record.checks if checked.holds is False} == {Verdict.READING}
    assert "/lines/1/amount" in {review.pointer for review in record.review}
    assert len(model.asked) == 2


@pytest.mark.parametrize(("page", "schema", "first", "wanted"), [(VISIT_PAGE, VISIT, VISIT_READ, "70")])
def test_the_request_does_not_say_what_was_read_nor_what_is_wanted(page: str, schema: Schema, first: dict[str, Any], wanted: str) -> None:
    _, model = read(page, schema, first)
    asked = "\n".join(message.content for message in model.asked[1].messages)
    assert wanted not in asked
    assert "cell_1: criteria[].score “Score”, in entry 2 of the list: Signage" in asked
