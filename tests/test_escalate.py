"""Flagged cells shown to a stronger model: what its answers change, and what they never do."""

from __future__ import annotations

import json
from typing import Any

from structurer.asking.llm import Reply, Request
from structurer.contracts.contract import load
from structurer.document import Document, Page
from structurer.errors import ModelError
from structurer.library import load_prompt
from structurer.pipeline import Plan, structure_document
from structurer.record import Flag, Record

FORM = load(
    {
        "type": "object",
        "x-anchors": ["Purchase order"],
        "properties": {
            "buyer": {"type": "string", "x-labels": ["Buyer"]},
            "contact": {"type": "string", "x-labels": ["Contact"]},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "article": {"type": "string", "x-labels": ["Article"]},
                        "price": {"type": "number", "x-labels": ["Price"]},
                    },
                },
            },
            "total": {"type": "number", "x-labels": ["Total"]},
        },
        "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
    },
    kind="order",
)
PAGE = "Purchase order\nBuyer: Acme Ltd\nContact: Jo Moss\n\nArticle\tPrice\nApple\t1.20\nPear\t2.30\n\nTotal: 3.50\n"
ROWS = [{"article": "Apple", "price": "1.20"}, {"article": "Pear", "price": "2.30"}]
TRUE = {"buyer": "Acme Ltd", "contact": "Jo Moss", "lines": ROWS, "total": "3.50"}


class Scripted:
    """Says what it was told to, in turn; errors are raised."""

    def __init__(self, name: str, *replies: Any) -> None:
        self.name, self.replies, self.asked = name, list(replies), list[Request]()

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, ModelError):
            raise reply
        return Reply(json.dumps(reply), self.name)


def structured(read: dict[str, Any], *answers: Any, page: str = PAGE) -> tuple[Record, Scripted]:
    strong = Scripted("strong", *answers)
    plan = Plan((FORM,), Scripted("weak", read), load_prompt(), witness=False, second=load_prompt("second"), escalate=strong)
    (record,) = structure_document(Document("page.txt", page, "0" * 64, "text/plain", (Page(1, 0, len(page)),)), plan).records
    return record, strong


def asked_for(strong: Scripted) -> list[str]:
    return [line for request in strong.asked for line in request.messages[-1].content.splitlines() if line.startswith("cell_")]


def test_a_record_without_flags_is_not_shown_to_the_stronger_model() -> None:
    record, strong = structured(TRUE)
    assert (record.review, strong.asked) == ((), [])


def test_a_value_that_is_not_on_the_page_gives_way_to_an_answer_that_is() -> None:
    record, strong = structured({**TRUE, "buyer": "Acne Ltd"}, {"cell_1": "Acme Ltd"})
    assert asked_for(strong) == ["cell_1: buyer “Buyer”"]
    buyer = record.leaves["/buyer"]
    assert (buyer.text, buyer.flag) == ("Acme Ltd", Flag.ACCEPT)
    assert buyer.correction is not None
    assert (buyer.correction.text, buyer.correction.by) == ("Acne Ltd", "model:strong")
    assert record.provenance["escalated"] == "1 of 1 cells by strong"


def test_an_answer_that_the_page_does_not_print_changes_nothing_and_is_shown() -> None:
    record, _ = structured({**TRUE, "buyer": "Acne Ltd"}, {"cell_1": "ACME Holding"})
    buyer = record.leaves["/buyer"]
    assert (buyer.text, buyer.flag, buyer.alternatives) == ("Acne Ltd", Flag.REVIEW, ("ACME Holding",))
    assert any("model strong reads 'ACME Holding'" in reason for one in record.review for reason in one.reasons)


def test_an_answer_whose_print_belongs_to_another_value_is_not_taken() -> None:
    record, _ = structured({**TRUE, "buyer": "Acne Ltd"}, {"cell_1": "Jo Moss"})
    assert record.leaves["/buyer"].text == "Acne Ltd"
    assert record.leaves["/contact"].text == "Jo Moss"


def test_a_figure_that_a_check_proves_is_never_asked_for() -> None:
    record, strong = structured({**TRUE, "buyer": "Acne Ltd"}, {"cell_1": None})
    assert record.leaves["/total"].pinned
    assert all("total" not in line and "price" not in line for line in asked_for(strong))


def test_an_answer_that_would_break_a_check_is_not_taken() -> None:
    page = PAGE.replace("Total: 3.50", "Total: 3.50\nDeposit 9.99")
    record, _ = structured({**TRUE, "total": "3.5O"}, {"cell_1": "9.99"}, page=page)
    assert record.leaves["/total"].text == "3.5O"
    assert record.leaves["/total"].flag is not Flag.ACCEPT


def test_a_stronger_model_that_does_not_answer_leaves_the_record_as_it_was() -> None:
    record, _ = structured({**TRUE, "buyer": "Acne Ltd"}, ModelError("down"))
    assert record.leaves["/buyer"].flag is Flag.REVIEW
    assert record.provenance["escalated"] == "not answered: down by strong"


def test_what_it_agrees_with_loses_the_doubt_between_readings_only() -> None:
    weak, other = Scripted("weak", {**TRUE, "contact": "Jo"}), Scripted("other", TRUE)
    strong = Scripted("strong", {"cell_1": "Jo"})
    plan = Plan((FORM,), weak, load_prompt(), witness=False, second=load_prompt("second"), other=other, escalate=strong)
    (record,) = structure_document(Document("page.txt", PAGE, "0" * 64, "text/plain", (Page(1, 0, len(PAGE)),)), plan).records
    assert (record.leaves["/contact"].text, record.leaves["/contact"].flag) == ("Jo", Flag.ACCEPT)
    assert record.leaves["/contact"].alternatives == ("Jo", "Jo Moss")
