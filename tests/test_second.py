"""A second, blind reading of single cells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made import LINES, NUMBER, PAGE, PURCHASE, on_page, purchase

from structurer.asking.converse import concluded
from structurer.asking.llm import Reply, Request
from structurer.asking.second import MAX_CELLS, SHOWN, read_again
from structurer.contracts.contract import load
from structurer.document import Document, Page
from structurer.errors import ModelError
from structurer.library import load_prompt
from structurer.pipeline import Plan, structure_document
from structurer.record import Correction, Flag, Record, Verdict

FORM = load(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "buyer": {"type": "string", "x-labels": ["Buyer"]},
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
            "total": {"type": "number", "x-labels": ["Total", "Sum"]},
        },
        "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
    },
    kind="order",
)
SHEET = "Buyer: Acme\n\nArticle\tPrice\nApple\t1.20\nPear\t2.30\t2.31\nPlum\t4.05\t4.04\n\nTotal: 7.55\n"
PAGE_OF_ONE = SHEET.replace("\t2.31", "").replace("\t4.04", "")  # nothing to choose between
MISREAD = {
    "buyer": "Acme",
    "lines": [{"article": "Apple", "price": "1.20"}, {"article": "Pear", "price": "2.80"}, {"article": "Plum", "price": "4.06"}],
    "total": "7.55",
}
TRUE = {"cell_1": "2.30", "cell_2": "4.05"}


class Scripted:
    """A model that says what it was told to: objects as JSON, replies as they are, errors raised."""

    name = "scripted"

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, ModelError):
            raise reply
        return reply if isinstance(reply, Reply) else Reply(json.dumps(reply), self.name)


def structured(page: str, *replies: Any) -> tuple[Record, Scripted]:
    """The record that a model's replies make of a page: the first reading and, if it is asked for, the second."""
    model = Scripted(*replies)
    document = Document("page.txt", page, "0" * 64, "text/plain", (Page(1, 0, len(page)),))
    plan = Plan((FORM,), model, load_prompt(), witness=False, second=load_prompt("second"))
    (record,) = structure_document(document, plan).records
    return record, model


def again(pending, places, *replies):
    model = Scripted(*replies)
    return *concluded(read_again(PAGE, pending, places, model, load_prompt("second"))), model


def test_cells_that_the_first_reading_has_wrong_are_asked_for_and_mended():
    record, model = structured(SHEET, MISREAD, TRUE)
    assert len(model.asked) == 2
    assert [record.leaves[f"/lines/{number}/price"].value for number in (1, 2)] == ["2.30", "4.05"]
    was = record.leaves["/lines/1/price"].correction
    assert isinstance(was, Correction)
    assert (was.text, was.value, was.by) == ("2.80", "2.80", "second reading")
    assert "adds-up failed (total = 7.55 should be equal to 1.20 + 2.80 + 4.06 = 8.06" in was.reason
    assert [(checked.id, checked.holds) for checked in record.checks] == [("adds-up", True)]
    assert [(checked.id, checked.holds, checked.verdict) for checked in record.mended] == [("adds-up", False, Verdict.READING)]
    assert record.blame == (("/lines/1/price", "/lines/2/price"),)
    assert record.review == ()
    assert (record.provenance["second_reading"], record.provenance["calls"]) == ("2 of 2 cells", 2)


def test_what_the_page_alone_confirms_needs_no_second_reading():
    once = {**MISREAD, "lines": [*MISREAD["lines"][:2], {"article": "Plum", "price": "4.05"}]}
    record, model = structured(PAGE_OF_ONE, once)
    assert len(model.asked) == 1
    assert record.leaves["/lines/1/price"].correction.by == "page"
    assert "second_reading" not in record.provenance


def test_a_document_that_does_not_add_up_is_not_read_again():
    right = {**MISREAD, "lines": [{"article": "Apple", "price": "1.20"}, {"article": "Pear", "price": "2.30"}], "total": "3.60"}
    page = PAGE_OF_ONE.replace("Plum\t4.05\n", "").replace("7.55", "3.60")
    record, model = structured(page, right)
    assert len(model.asked) == 1
    assert [checked.verdict for checked in record.checks] == [Verdict.DOCUMENT]
    assert all(value.correction is None for value in record.leaves.values())


def test_the_request_names_field_and_row_and_not_what_is_wanted_or_was_read():
    _, model = structured(SHEET, MISREAD, TRUE)
    system, user = (message.content for message in model.asked[1].messages)
    cells = user.rpartition("\n\n")[2].splitlines()
    assert cells == [
        "The values asked for (key: field, where it stands)",
        "cell_1: lines[].price “Price”, in entry 2 of the list: Pear",
        "cell_2: lines[].price “Price”, in entry 3 of the list: Plum",
    ]
    assert SHEET.strip() in user
    told = system + "\n".join(cells)
    assert not any(figure in told for figure in ("2.30", "4.05", "2.80", "4.06", "7.55", "8.06", "adds-up"))
    assert system.endswith('{"cell_1": null, "cell_2": null}')
    assert "The form is: Order" in system


def test_the_reply_is_asked_for_strictly():
    _, model = structured(SHEET, MISREAD, TRUE)
    text = {"type": ["string", "null"]}
    assert model.asked[1].reply_name == "cells"
    assert model.asked[1].reply_schema == {
        "type": "object",
        "properties": {"cell_1": text, "cell_2": text},
        "required": ["cell_1", "cell_2"],
        "additionalProperties": False,
    }


UNUSABLE = {
    "a refusal": (Reply("", "scripted", refusal="I would rather not"), "0 of 2 cells"),
    "a refusal with text": (Reply(json.dumps(TRUE), "scripted", refusal="no"), "0 of 2 cells"),
    "cut off": (Reply(json.dumps(TRUE), "scripted", "length"), "0 of 2 cells"),
    "filtered": (Reply(json.dumps(TRUE), "scripted", "content_filter"), "0 of 2 cells"),
    "broken JSON": (Reply('{"cell_1": "2.30", ', "scripted"), "0 of 2 cells"),
    "nothing": (Reply("", "scripted"), "0 of 2 cells"),
    "too deep": (Reply("[" * 100_000, "scripted"), "0 of 2 cells"),
    "a list": (["2.30", "4.05"], "0 of 2 cells"),
    "a text": ("2.30", "0 of 2 cells"),
    "wrong keys": ({"lines": "2.30", "cell_3": "4.05"}, "0 of 2 cells"),
    "numbers": ({"cell_1": 2.30, "cell_2": 4.05}, "0 of 2 cells"),
    "a key twice": (Reply('{"cell_1": "2.31", "cell_1": "2.30", "cell_2": "4.05"}', "scripted"), "0 of 2 cells"),
    "half": ({"cell_1": "2.30"}, "1 of 2 cells"),
    "blanks": ({"cell_1": None, "cell_2": None}, "2 of 2 cells"),
    "no print of the page": ({"cell_1": "2.29", "cell_2": "4.06"}, "2 of 2 cells"),
    "prints that others claim": ({"cell_1": "1.20", "cell_2": "7.55"}, "2 of 2 cells"),
    "one print twice": ({"cell_1": "2.30", "cell_2": "2.30"}, "2 of 2 cells"),
    "no figures": ({"cell_1": "Pear", "cell_2": ""}, "2 of 2 cells"),
    "no answer": (ModelError("the endpoint is gone"), "not answered: the endpoint is gone"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_an_answer_that_cannot_be_used_leaves_the_first_reading_flagged(what):
    reply, told = UNUSABLE[what]
    record, model = structured(SHEET, MISREAD, reply)
    assert len(model.asked) == 2
    for place, text in (("/lines/1/price", "2.80"), ("/lines/2/price", "4.06")):
        value = record.leaves[place]
        assert (value.text, value.correction) == (text, None)
        assert value.flag is not Flag.ACCEPT
        assert {review.flag for review in record.review if review.pointer == place} == {Flag.REJECT}
    assert [(checked.holds, checked.verdict) for checked in record.checks] == [(False, Verdict.READING)]
    assert record.mended == ()
    assert record.provenance["second_reading"] == told
    assert record.provenance["calls"] == (1 if isinstance(reply, ModelError) else 2)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(f"```json\n{json.dumps(TRUE)}\n```", "scripted"),
        Reply(json.dumps(TRUE), "scripted", "tool_calls"),
        {**TRUE, "cell_3": "9", "note": ["x"]},
    ],
)
def test_an_answer_in_another_wrapping_is_used(reply):
    record, _ = structured(SHEET, MISREAD, reply)
    assert [record.leaves[f"/lines/{number}/price"].value for number in (1, 2)] == ["2.30", "4.05"]


def test_an_answer_that_makes_another_figure_of_the_check_impossible_is_not_taken():
    record, _ = structured(SHEET.replace("7.55", "7.55 7.65"), MISREAD, {"cell_1": "7.65", "cell_2": "4.05"})
    assert all(value.correction is None for value in record.leaves.values())
    assert [checked.holds for checked in record.checks] == [False]


def test_a_record_is_asked_about_once_and_each_for_itself():
    form = load({**FORM.source, "x-anchors": ["Order"]}, kind="order")
    page = f"Order\n{SHEET}\nOrder\n{SHEET}"
    model = Scripted(MISREAD, MISREAD, TRUE, ModelError("gone"))
    document = Document("page.txt", page, "0" * 64, "text/plain", (Page(1, 0, len(page)),))
    plan = Plan((form,), model, load_prompt(), witness=False, second=load_prompt("second"))
    first, second = structure_document(document, plan).records
    assert (len(model.asked), model.replies) == (4, [])
    assert first.leaves["/lines/1/price"].value == "2.30"
    assert second.leaves["/lines/1/price"].value == "2.80"
    assert [one.provenance["second_reading"] for one in (first, second)] == ["2 of 2 cells", "not answered: gone"]


def test_no_second_prompt_is_no_second_reading():
    model = Scripted(MISREAD)
    document = Document("page.txt", SHEET, "0" * 64, "text/plain", (Page(1, 0, len(SHEET)),))
    (record,) = structure_document(document, Plan((FORM,), model, load_prompt(), witness=False)).records
    assert len(model.asked) == 1
    assert record.leaves["/lines/1/price"].text == "2.80"
    assert "second_reading" not in record.provenance


# -- the question itself -------------------------------------------------------------------------------------------------


def test_no_more_cells_are_asked_for_than_one_call_takes():
    many = purchase(*["9"] * 40, names=tuple(f"Item{number}" for number in range(40)))
    places = [f"/lines/{number}/price" for number in range(40)]
    answers, reply, model = again(on_page(PURCHASE, PAGE, many), places, {f"cell_{number}": "1" for number in range(1, 41)})
    assert len(model.asked[0].reply_schema["required"]) == MAX_CELLS
    assert set(answers) == set(places[:MAX_CELLS])
    assert isinstance(reply, Reply)


def test_a_long_row_is_told_short_and_on_one_line():
    pending = on_page(PURCHASE, PAGE, purchase("1", names=("a long\nname " * 40,)))
    _, _, model = again(pending, ["/lines/0/price"], {})
    line = model.asked[0].messages[1].content.splitlines()[-1]
    assert line == f"cell_1: lines[].price “price”, in entry 1 of the list: {('a long name ' * 40)[:SHOWN].strip()}"


def test_a_field_in_no_list_is_told_by_its_name_and_labels_alone():
    form = load(
        {"type": "object", "properties": {"head": {"type": "object", "properties": {"sum": {**NUMBER, "x-labels": ["Total", "合计"]}}}}},
        kind="k",
    )
    _, _, model = again(on_page(form, PAGE, {"/head/sum": "1"}, {}), ["/head/sum"], {})
    assert model.asked[0].messages[1].content.splitlines()[-1] == "cell_1: head.sum “Total / 合计”"


def test_a_page_that_looks_like_the_prompt_is_kept_apart():
    page = PAGE + "---\n$cells ${shape} $document\nThe values asked for\n"
    model = Scripted({})
    concluded(read_again(page, on_page(PURCHASE, page, purchase("1.20")), ["/total"], model, load_prompt("second")))
    assert page in model.asked[0].messages[1].content


def test_a_lone_surrogate_of_the_page_does_not_stop_the_question():
    model = Scripted({"cell_1": "7.55"})
    pending = on_page(PURCHASE, PAGE, purchase("1.20"))
    answers, _ = concluded(read_again(PAGE + "\ud800", pending, ["/total"], model, load_prompt("second")))
    model.asked[0].messages[1].content.encode()
    assert answers == {"/total": "7.55"}


def test_the_entry_of_a_list_is_told_by_its_own_number():
    form = load({"type": "object", "properties": {"2023": {"type": "object", "properties": {"lines": LINES}}}}, kind="k")
    pending = on_page(form, PAGE, {"/2023/lines/0/price": "1"}, {"/2023/lines": 1})
    _, _, model = again(pending, ["/2023/lines/0/price"], {})
    assert "in entry 1 of the list" in model.asked[0].messages[1].content


def test_an_answer_that_stands_in_another_row_is_not_taken():
    record, _ = structured(SHEET, MISREAD, {"cell_1": "4.05", "cell_2": "2.30"})
    assert all(value.correction is None for value in record.leaves.values())


def test_a_corrected_text_is_that_of_the_page():
    record, _ = structured(SHEET, MISREAD, {"cell_1": " 2.30 ", "cell_2": "4.05"})
    value = record.leaves["/lines/1/price"]
    assert value.text == SHEET[value.spans[0].start : value.spans[-1].end]
