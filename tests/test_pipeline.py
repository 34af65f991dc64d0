"""The whole way of a document: what is read, how it is judged, and that nothing false passes unflagged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import structurer
from structurer.asking.extract import Prompt
from structurer.asking.llm import Reply, Request
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.document import Document, Page
from structurer.errors import InputError, SchemaError, UsageError
from structurer.library import load_prompt
from structurer.pipeline import Plan, structure_document
from structurer.record import Flag, Match, Record, Verdict

ORDER = {
    "title": "Order",
    "type": "object",
    "required": ["buyer"],
    "properties": {
        "buyer": {"type": "string", "x-labels": ["Buyer"]},
        "note": {"type": ["string", "null"], "x-labels": ["Note"]},
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
}
PAGE = "Buyer: Acme\n\nArticle\tPrice\nApple\t1.20\nPear\t2.30\n\nTotal: 3.50\n"


def schema(source: Mapping[str, Any] = ORDER, kind: str = "order") -> Schema:
    return load(source, kind=kind)


def document(text: str) -> Document:
    return Document("page.txt", text, "0" * 64, "text/plain", (Page(1, 0, len(text)),))


def only(text: str, plan: Plan) -> Record:
    (record,) = structure_document(document(text), plan).records
    return record


def flagged(record: Record) -> set[str]:
    return {review.pointer for review in record.review}


class Parrot:
    """A model that says what it was told to, in turn, and the last of it again and again."""

    name = "parrot"

    def __init__(self, *replies: Mapping[str, Any]) -> None:
        self.replies = [json.dumps(reply) for reply in replies]
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        return Reply(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0], self.name)


TRUE = {
    "buyer": "Acme",
    "note": None,
    "lines": [{"article": "Apple", "price": "1.20"}, {"article": "Pear", "price": "2.30"}],
    "total": "3.50",
}


def prompt() -> Prompt:
    return load_prompt()


def test_without_a_model_the_built_in_reader_reads_and_the_checks_prove() -> None:
    record = only(PAGE, Plan((schema(),)))
    assert {place: value.value for place, value in record.leaves.items()} == {
        "/buyer": "Acme",
        "/note": None,
        "/lines/0/article": "Apple",
        "/lines/0/price": "1.20",
        "/lines/1/article": "Pear",
        "/lines/1/price": "2.30",
        "/total": "3.50",
    }
    assert [checked.holds for checked in record.checks] == [True]
    assert record.complete == ("/lines",)
    assert (record.review, record.unclaimed) == ((), ())
    assert record.provenance["reader"] == "builtin"


def test_every_value_knows_where_it_is_printed() -> None:
    record = only(PAGE, Plan((schema(),)))
    for value in record.leaves.values():
        if value.text is not None:
            (span,) = value.spans
            assert (PAGE[span.start : span.end], span.page, value.match) == (value.text, 1, Match.EXACT)


def test_a_model_and_the_built_in_reader_that_agree_raise_no_flag() -> None:
    record = only(PAGE, Plan((schema(),), Parrot(TRUE), prompt()))
    assert record.review == ()
    assert record.provenance["reader"] == "model:parrot+builtin"
    assert {value.match for value in record.leaves.values() if value.text is not None} == {Match.EXACT}


@pytest.mark.parametrize("witness", [True, False])
def test_a_value_that_is_not_on_the_page_is_never_accepted_unflagged(witness: bool) -> None:
    made_up = {**TRUE, "note": "deliver on Sunday"}
    record = only(PAGE, Plan((schema(),), Parrot(made_up), prompt(), witness=witness))
    value = record.leaves["/note"]
    assert value.value is None or ("/note" in flagged(record) and value.flag is not Flag.ACCEPT)
    assert value.text is None or {review.flag for review in record.review if review.pointer == "/note"} == {Flag.REJECT}


def test_a_figure_the_model_misread_is_settled_by_the_sum() -> None:
    wrong = {**TRUE, "lines": [{"article": "Apple", "price": "1.20"}, {"article": "Pear", "price": "3.50"}]}
    record = only(PAGE, Plan((schema(),), Parrot(wrong), prompt()))
    assert record.leaves["/lines/1/price"].value == "2.30"
    assert record.leaves["/lines/1/price"].alternatives == ("3.50", "2.30")
    assert [checked.holds for checked in record.checks] == [True]


def test_a_row_the_model_dropped_is_taken_from_the_page_and_said() -> None:
    short = {**TRUE, "lines": TRUE["lines"][:1]}  # type: ignore[index]
    record = only(PAGE, Plan((schema(),), Parrot(short), prompt()))
    assert record.rows["/lines"] == 2
    assert "/lines" in flagged(record)


def test_a_row_the_model_dropped_without_a_witness_fails_the_sum() -> None:
    short = {**TRUE, "lines": TRUE["lines"][:1]}  # type: ignore[index]
    record = only(PAGE, Plan((schema(),), Parrot(short), prompt(), witness=False))
    assert [checked.holds for checked in record.checks] == [False]
    assert record.blame == (("/lines/-",),)
    assert flagged(record) == {"/lines"}
    assert [checked.verdict for checked in record.checks] == [Verdict.READING]
    assert "Pear\t2.30" in {entry.text for entry in record.unclaimed} or {"Pear 2.30", "Pear", "2.30"} & {
        entry.text for entry in record.unclaimed
    }


def test_a_sum_that_the_document_gets_wrong_is_reported_and_not_mended() -> None:
    record = only(PAGE.replace("3.50", "3.60"), Plan((schema(),)))
    assert record.leaves["/total"].value == "3.60"
    assert [(checked.id, checked.holds) for checked in record.checks] == [("adds-up", False)]
    assert {"/total", "/lines/0/price", "/lines/1/price"} == flagged(record)


def test_text_that_belongs_to_no_form_is_listed() -> None:
    titled = schema({**ORDER, "x-anchors": ["Order"]})
    result = structure_document(document("Dear reader,\n\nOrder\n" + PAGE), Plan((titled,)))
    assert [entry.text for entry in result.unplaced] == ["Dear reader,"]
    assert len(result.records) == 1


def test_a_document_without_any_form_gives_no_record_and_all_its_text() -> None:
    titled = schema({**ORDER, "x-anchors": ["Order"]})
    other = schema({**ORDER, "x-anchors": ["Other"]}, "other")
    result = structure_document(document("nothing of the kind\n"), Plan((titled, other)))
    assert result.records == ()
    assert [entry.text for entry in result.unplaced] == ["nothing of the kind"]


def test_a_model_without_a_prompt_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="a model needs a prompt"):
        structure_document(document(PAGE), Plan((schema(),), Parrot(TRUE)))


def test_records_of_one_document_are_checked_against_each_other() -> None:
    bill = {
        "type": "object",
        "x-anchors": ["Bill"],
        "properties": {"name": {"type": "string"}, "sum": {"type": "number"}},
        "x-related": {"paid": {"kind": "payment", "by": "name"}},
        "x-checks": [{"id": "paid-in-full", "check": "sum == paid.amount"}],
    }
    payment = {"type": "object", "x-anchors": ["Payment"], "properties": {"name": {"type": "string"}, "amount": {"type": "number"}}}
    text = "Bill\nName: river works\nSum: 10.00\n\nPayment\nName: road works\nAmount: 7.00\n\nPayment\nName: river work\nAmount: 9.00\n"
    result = structure_document(document(text), Plan((load(bill, kind="bill"), load(payment, kind="payment"))))
    assert [record.kind for record in result.records] == ["bill", "payment", "payment"]
    assert [(checked.id, checked.holds) for checked in result.records[0].checks] == [("paid-in-full", False)]


class Receipt(BaseModel):
    """A user's own model class."""

    shop: str
    total: float


def test_a_pydantic_model_class_is_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "receipt.txt"
    file.write_text("Shop: Miller & Sons\nTotal: 12.50\n", encoding="utf-8")
    (result,) = structurer.structure(file, schema=Receipt)
    (record,) = result.records
    assert {place: value.value for place, value in record.leaves.items()} == {"/shop": "Miller & Sons", "/total": "12.50"}


def test_a_schema_file_works_and_a_broken_one_says_where(tmp_path: Path) -> None:
    page, good, bad = tmp_path / "page.txt", tmp_path / "order.json", tmp_path / "bad.json"
    page.write_text(PAGE, encoding="utf-8")
    good.write_text(json.dumps(ORDER), encoding="utf-8")
    bad.write_text(json.dumps({**ORDER, "x-checks": ["total == lines"]}), encoding="utf-8")
    assert structurer.structure(page, schema=good)[0].records[0].kind == "order"
    with pytest.raises(SchemaError):
        structurer.structure(page, schema=bad)
    with pytest.raises(InputError, match="there is no such file"):
        structurer.structure(tmp_path / "absent.txt")
