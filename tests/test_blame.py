"""The whole chain from a failing check to who is to blame, on made pages: verdicts, corrections, and what a person is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import NUMBER, on_page

from structurer.asking.llm import Reply, Request
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.document import Box, Document, Page, Second, Span, Words
from structurer.judging.blame import blame, blaming
from structurer.judging.kinship import Relative, kin_of
from structurer.library import load_prompt
from structurer.pipeline import Plan, structure_document
from structurer.record import Correction, Flag, Record, Verdict

LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"article": {"type": "string", "x-labels": ["Article"]}, "price": {"type": "number", "x-labels": ["Price"]}},
    },
}
ORDER = {
    "title": "Order",
    "type": "object",
    "properties": {
        "buyer": {"type": "string", "x-labels": ["Buyer"]},
        "lines": LINES,
        "total": {"type": "number", "x-labels": ["Total"]},
    },
    "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
}
PAGE = "Buyer: Acme\n\nArticle\tPrice\nApple\t1.20\nPear\t2.30\nPlum\t4.05\n\nTotal: 7.55\n"
FAILED = "adds-up: total = 7.55 should be equal to 1.20 + 2.80 + 4.05 = 8.05, but is 0.5 too low, outside 7.545 .. 7.56."


class Parrot:
    """A model that says what it was told to, in turn, and the last of it again and again."""

    name = "parrot"

    def __init__(self, *replies: Mapping[str, Any]) -> None:
        self.replies = [json.dumps(reply) for reply in replies]
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        return Reply(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0], self.name)


def schema(source: Mapping[str, Any] = ORDER, kind: str = "order") -> Schema:
    return load(source, kind=kind)


def read(*prices: str | None, total: str | None = "7.55", names: tuple[str, ...] = ("Apple", "Pear", "Plum")) -> dict[str, Any]:
    """What a model reads of the page."""
    lines = [{"article": name, "price": price} for name, price in zip(names, prices, strict=True)]
    return {"buyer": "Acme", "lines": lines, "total": total}


def document(text: str, sure: Mapping[str, float] | None = None) -> Document:
    words = [(at, word) for line in [text] for at, word in _words(line)]
    spans = tuple(Span(at, at + len(word), 1, Box(0, 0, 1, 1), sure.get(word, 0.9999)) for at, word in words) if sure is not None else ()
    return Document("page.txt", text, "0" * 64, "text/plain", (Page(1, 0, len(text)),), Words(spans))


def _words(text: str):
    at = 0
    for word in text.split():
        at = text.index(word, at)
        yield at, word
        at += len(word)


def record(page: str, *replies: Mapping[str, Any], form: Schema | None = None, witness: bool = False) -> Record:
    plan = Plan((form or schema(),), Parrot(*replies), load_prompt(), witness=witness) if replies else Plan((form or schema(),))
    (found,) = structure_document(document(page), plan).records
    return found


def verdicts(found: Record) -> list[tuple[str, bool | None, Verdict | None, str]]:
    return [(checked.id, checked.holds, checked.verdict, checked.evidence) for checked in found.checks if checked.holds is not True]


def reasons(found: Record) -> dict[str, tuple[str, ...]]:
    return {review.pointer: review.reasons for review in found.review}


def corrections(found: Record) -> dict[str, Correction]:
    return {place: value.correction for place, value in found.leaves.items() if value.correction is not None}


# -- the reading is wrong ------------------------------------------------------------------------------------------------


def test_a_misread_figure_whose_print_is_unclaimed_is_blamed_alone_and_mended():
    found = record(PAGE, read("1.20", "2.80", "4.05"))
    assert (found.blame, found.localised) == ((("/lines/1/price",),), "found")
    assert [(checked.id, checked.holds, checked.verdict) for checked in found.checks] == [("adds-up", True, None)]
    assert [(checked.id, checked.holds, checked.verdict, checked.evidence) for checked in found.mended] == [
        ("adds-up", False, Verdict.READING, "the page prints another figure there")
    ]
    value = found.leaves["/lines/1/price"]
    assert (value.text, value.value, value.flag) == ("2.30", "2.30", Flag.ACCEPT)
    assert value.correction == Correction(
        "2.80",
        "2.80",
        "page",
        f"adds-up failed ({FAILED[9:-1]}); the page prints this figure there, and no value claimed it",
    )
    (span,) = value.spans
    assert PAGE[span.start : span.end] == "2.30"
    assert found.review == ()
    assert "2.30" not in {entry.text for entry in found.unclaimed}


@pytest.mark.parametrize(
    ("wrong", "place", "was", "now"),
    [
        (read("1.20", "2.30", "4.05", total="7.85"), "/total", "7.85", "7.55"),
        (read("1.20", "23", "4.05"), "/lines/1/price", "23", "2.30"),  # the point lost
        (read("1.20", "2.3O", "4.05"), "/lines/1/price", None, "2.30"),  # a letter for a digit
        (read("1.20", None, "4.05"), "/lines/1/price", None, "2.30"),  # not read at all
        (read("1.20", "2,030", "4.05"), "/lines/1/price", "2030", "2.30"),
    ],
)
def test_what_a_reader_missed_is_taken_from_the_page(wrong, place, was, now):
    found = record(PAGE, wrong)
    assert found.blame == ((place,),)
    assert {at: (one.value, found.leaves[at].value, one.by) for at, one in corrections(found).items()} == {place: (was, now, "page")}
    assert [checked.holds for checked in found.checks] == [True]
    assert [checked.verdict for checked in found.mended] == [Verdict.READING]


def test_two_unclaimed_prints_that_differ_are_named_and_none_is_taken():
    page = PAGE.replace("2.30", "2.30\t2.301")
    found = record(page, read("1.20", "2.80", "4.05"))
    assert corrections(found) == {}
    assert found.blame == (("/lines/1/price",),)
    assert verdicts(found) == [
        ("adds-up", False, Verdict.READING, "/lines/1/price not on the page; a print is left over for /lines/1/price")
    ]
    assert reasons(found)["/lines/1/price"] == (
        "the value is not on the page",
        FAILED,
        "it would hold if this were 2.30; nothing else explains it as well; the page prints 2.30, 2.301 there, claimed by no value",
    )


def test_a_derived_value_is_shown_and_never_written():
    page = PAGE.replace("\t2.30", "\t")
    found = record(page, read("1.20", "2.80", "4.05"))
    assert corrections(found) == {}
    assert found.leaves["/lines/1/price"].value == "2.80"
    assert found.leaves["/lines/1/price"].flag is not Flag.ACCEPT
    assert found.blame == (("/lines/1/price",),)
    assert reasons(found)["/lines/1/price"][-1] == (
        "it would hold if this were 2.30; nothing else explains it as well; '2.30' may have been printed: '8' read for '3'"
    )


def test_a_print_that_does_not_make_the_check_hold_is_not_taken():
    found = record(PAGE.replace("2.30", "2.31"), read("1.20", "2.80", "4.05"))
    assert corrections(found) == {}
    assert [checked.holds for checked in found.checks] == [False]


def test_a_correction_that_makes_another_check_fail_is_not_made():
    form = schema({**ORDER, "x-checks": [*ORDER["x-checks"], {"id": "limit", "check": "total <= 7.50"}]})
    found = record(PAGE, read("1.20", "2.30", "4.05", total="7.45"), form=form)
    assert corrections(found) == {}


def test_a_lost_row_is_blamed_and_shown_at_its_list():
    found = record(PAGE, read("1.20", "2.30", names=("Apple", "Pear")))
    assert found.blame == (("/lines/-",),)
    assert set(reasons(found)) == {"/lines"}
    assert "it would hold with a further row; nothing else explains it as well" in reasons(found)["/lines"]
    assert verdicts(found) == [("adds-up", False, Verdict.READING, "a print is left over for /lines/-")]


def grounded(*prices: str | None, names: tuple[str, ...] = ("Apple", "Pear", "Plum"), total: str = "7.55", page: str = PAGE, **more):
    """What came of a record that was found again on its page."""
    texts = {"/buyer": "Acme", "/total": total}
    texts |= {f"/lines/{number}/article": name for number, name in enumerate(names)}
    texts |= {f"/lines/{number}/price": price for number, price in enumerate(prices)}
    (found,) = blame([on_page(schema(), page, texts, {"/lines": len(prices)}, **more)], [{}])
    return found


DOUBLED = {"prices": ("1.20", "2.30", "2.30", "4.05"), "names": ("Apple", "Pear", "Pear", "Plum")}


def test_a_doubled_row_is_blamed_by_its_pointer():
    found = grounded(*DOUBLED["prices"], names=DOUBLED["names"])
    assert found.sets == (("/lines/2",),)
    assert [checked.verdict for checked in found.record.checks] == [Verdict.READING]
    assert found.reasons["/lines/2"][-1] == "it would hold without this row, which repeats another; nothing else explains it as well"


def test_a_figure_copied_from_the_row_above_is_mended():
    found = grounded("1.20", "1.20", "4.05")
    assert found.sets == (("/lines/1/price",),)
    assert found.record.values["/lines/1/price"][1].value == "2.30"
    assert found.record.values["/lines/1/price"][1].correction.text == "1.20"


@pytest.mark.parametrize(
    ("wrong", "names", "blamed"),
    [(("1.20", "1.20", "4.05"), ("Apple", "Pear", "Plum"), "/lines/1/price"), (*DOUBLED.values(), "/lines/2")],
)
def test_a_model_that_copied_a_figure_or_read_a_row_twice_is_found_out_too(wrong, names, blamed):
    found = record(PAGE, read(*wrong, names=names))
    assert found.blame == ((blamed,),)
    assert Verdict.DOCUMENT not in [checked.verdict for checked in found.checks]


def test_rows_that_are_printed_twice_were_not_read_twice():
    page = PAGE.replace("Plum\t4.05", "Pear\t2.30").replace("7.55", "3.50")
    found = record(page, read("1.20", "2.30", "2.30", total="3.50", names=("Apple", "Pear", "Pear")))
    assert ("/lines/2",) not in found.blame
    assert [checked.verdict for checked in found.checks] == [Verdict.DOCUMENT]


def test_a_figure_beside_one_that_cannot_be_read_is_not_blamed():
    found = record(PAGE.replace("2.30", ""), read("1.20", "2.3O", "4.05"))
    assert found.blame == (("/lines/1/price",),)
    assert set(reasons(found)) == {"/lines/1/price"}


def test_a_check_that_holds_blames_nobody():
    found = record(PAGE, read("1.20", "2.30", "4.05"))
    assert (found.blame, found.localised, found.mended, found.review) == ((), "every check holds", (), ())
    assert {place: value.pinned for place, value in found.leaves.items() if value.pinned} == {
        "/lines/0/price": 1, "/lines/1/price": 1, "/lines/2/price": 1, "/total": 1
    }  # fmt: skip


def test_two_errors_of_two_checks_are_each_mended():
    twice = {**ORDER["properties"], "more": {**LINES, "x-labels": ["More"]}, "sum": {"type": "number", "x-labels": ["Sum"]}}
    form = schema({**ORDER, "properties": twice, "x-checks": [*ORDER["x-checks"], {"id": "sums", "check": "sum == sum(more[*].price)"}]})
    page = PAGE + "Fig\t5.00\nNut\t6.00\nSum: 11.00\n"
    reply = read("1.20", "2.80", "4.05") | {
        "more": [{"article": "Fig", "price": "5.00"}, {"article": "Nut", "price": "8.00"}],
        "sum": "11.00",
    }
    found = record(page, reply, form=form)
    assert {place: (one.value, found.leaves[place].value) for place, one in corrections(found).items()} == {
        "/lines/1/price": ("2.80", "2.30"), "/more/1/price": ("8.00", "6.00")
    }  # fmt: skip
    assert found.blame == (("/lines/1/price", "/more/1/price"),)
    assert [checked.id for checked in found.mended] == ["adds-up", "sums"]


# -- the document is wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stray", ["see 7.55\n", "Sum\t7.55\n"])
def test_a_document_that_prints_the_wanted_figure_elsewhere_is_not_mended(stray):
    found = record(PAGE.replace("7.55", "7.65") + "\n" + stray, read("1.20", "2.30", "4.05", total="7.65"))
    assert corrections(found) == {}
    assert found.leaves["/total"].value == "7.65"
    assert ("/total",) in found.blame


@pytest.mark.parametrize("stray", ["see 7.55\n", "Sum\t7.55\n"])
def test_a_wanted_figure_printed_elsewhere_does_not_prove_the_reading_wrong(stray):
    found = record(PAGE.replace("7.55", "7.65") + "\n" + stray, read("1.20", "2.30", "4.05", total="7.65"))
    assert [checked.verdict for checked in found.checks] != [Verdict.READING]


def test_a_document_that_does_not_add_up_is_never_mended():
    found = record(PAGE.replace("7.55", "7.65"), read("1.20", "2.30", "4.05", total="7.65"))
    assert corrections(found) == {}
    assert verdicts(found) == [("adds-up", False, Verdict.DOCUMENT, "every figure of it stands on the page where it belongs")]
    assert found.leaves["/total"].value == "7.65"
    assert found.blame == (("/lines/0/price",), ("/lines/1/price",), ("/lines/2/price",), ("/total",))
    assert reasons(found)["/total"][-1] == (
        "it would hold if this were 7.55; 3 other explanations are as good; the page prints it as it was read"
    )


def test_the_built_in_reader_blames_the_document_too():
    found = record(PAGE.replace("7.55", "7.65"))
    assert corrections(found) == {}
    assert [verdict for _, _, verdict, _ in verdicts(found)] == [Verdict.DOCUMENT]


def test_two_readers_that_agree_blame_the_document():
    found = record(PAGE.replace("7.55", "7.65"), read("1.20", "2.30", "4.05", total="7.65"), witness=True)
    assert [verdict for _, _, verdict, _ in verdicts(found)] == [Verdict.DOCUMENT]


def test_an_error_of_the_document_beside_one_of_the_reading_is_not_put_on_the_reading():
    """The sum is wrong on the page, and the reader misread another figure besides: the sum holds with no print of the page."""
    found = record(PAGE.replace("7.55", "9.99"), read("1.20", "2.80", "4.05", total="9.99"))
    assert corrections(found) == {}
    assert found.leaves["/lines/1/price"].value == "2.80"


# -- what a recogniser was not sure of -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "place"), [("7.65", "/total"), ("1.20", "/lines/0/price"), ("4.05", "/lines/2/price")])
def test_the_figure_that_a_recogniser_was_not_sure_of_is_blamed(word, place):
    page = PAGE.replace("7.55", "7.65")
    (found,) = structure_document(document(page, {word: 0.6}), Plan((schema(),))).records
    assert found.blame == ((place,),)


def test_a_recogniser_that_was_sure_of_all_blames_all_alike():
    page = PAGE.replace("7.55", "7.65")
    (found,) = structure_document(document(page, {}), Plan((schema(),))).records
    assert len(found.blame) == 4


def test_a_figure_that_a_recogniser_guessed_is_not_the_fault_of_the_document():
    page = PAGE.replace("7.55", "7.65")
    (found,) = structure_document(document(page, {"7.65": 0.3}), Plan((schema(),))).records
    assert found.checks[0].verdict is not Verdict.DOCUMENT


# -- what a recogniser saw when it looked again --------------------------------------------------------------------------


def looked_again(misread: str, other: str, *, sure: float = 0.4) -> Record:
    """The page with 2.30 misread, and what the second look saw in its place."""
    page = PAGE.replace("2.30", misread)
    at = page.index(misread)
    made = replace(document(page, {misread: sure}), seconds=(Second(at, at + len(misread), other),))
    (found,) = structure_document(made, Plan((schema(),))).records
    return found


def test_a_misread_figure_is_mended_by_the_second_look_that_fits_the_sum():
    found = looked_again("2.80", "2.30")
    value = found.leaves["/lines/1/price"]
    assert value.value == "2.30"
    assert value.correction is not None
    assert (value.correction.text, value.correction.by) == ("2.80", "second look")
    assert value.correction.reason.endswith("the recogniser saw this figure there when it looked again")


def test_a_second_look_that_fits_no_sum_mends_nothing_and_the_figure_is_flagged():
    found = looked_again("2.80", "2.90")
    assert corrections(found) == {}
    assert "the recogniser was not sure of it: confidence 0.40 in its least sure character" in reasons(found)["/lines/1/price"]


def test_a_figure_that_a_check_proves_is_not_flagged_for_a_doubt_of_the_recogniser():
    found = looked_again("2.30", "2.80")
    assert (corrections(found), reasons(found)) == ({}, {})


# -- approximate figures -------------------------------------------------------------------------------------------------

TOTAL = {
    "type": "object",
    "properties": {"a": {**NUMBER, "x-labels": ["Alpha"]}, "b": {**NUMBER, "x-labels": ["Beta"]}, "t": {**NUMBER, "x-labels": ["Total"]}},
    "x-checks": [{"id": "sum", "check": "t == a + b"}],
}


@pytest.mark.parametrize(("print_", "held"), [("3", False), ("约3", True), ("about 3", True), ("3左右", True), ("约4.5", False)])
def test_a_figure_printed_as_approximate_lowers_the_level_required(print_, held):
    figure = "4.5" if "4.5" in print_ else "3"
    found = record(f"Alpha: 1\nBeta: 1\nTotal: {print_}\n", {"a": "1", "b": "1", "t": figure}, form=schema(TOTAL, "t"))
    assert [checked.holds for checked in found.checks] == [held]
    assert [checked.requires for checked in found.checks] == ["print" if print_ == "3" else "underlying"]
    assert (found.blame == ()) is held


# -- across records ------------------------------------------------------------------------------------------------------

BILL = {
    "type": "object",
    "x-anchors": ["Bill"],
    "properties": {
        "name": {"type": "string", "x-labels": ["Name"]},
        "a": {**NUMBER, "x-labels": ["A"]},
        "b": {**NUMBER, "x-labels": ["B"]},
        "sum": {**NUMBER, "x-labels": ["Sum"]},
    },
    "x-related": {"paid": {"kind": "payment", "by": "name"}},
    "x-checks": [{"id": "adds", "check": "sum == a + b"}, {"id": "paid-in-full", "check": "sum == paid.amount"}],
}
PAYMENT = {
    "type": "object",
    "x-anchors": ["Payment"],
    "properties": {
        "name": {"type": "string", "x-labels": ["Name"]},
        "c": {**NUMBER, "x-labels": ["C"]},
        "d": {**NUMBER, "x-labels": ["D"]},
        "amount": {**NUMBER, "x-labels": ["Amount"]},
    },
    "x-checks": [{"id": "pays", "check": "amount == c + d"}],
}
KINDS = {"bill": schema(BILL, "bill"), "payment": schema(PAYMENT, "payment")}


def judged(*forms: tuple[str, dict[str, str | None]], pages: bool = True):
    """Records of a document, each with a page that prints `printed` where it differs from what was read."""
    pending, relatives = [], []
    for number, (kind, fields) in enumerate(forms):
        printed = dict(zip(fields, fields["printed"].split(), strict=False)) if "printed" in fields else {}
        texts = {f"/{name}": text for name, text in fields.items() if name != "printed"}
        page = "\n".join(f"{name}: {printed.get(name, text)}" for name, text in fields.items() if name != "printed" and text)
        pending.append(on_page(KINDS[kind], page if pages else None, texts, {}))
        relatives.append(Relative(KINDS[kind], pending[-1].values, number))
    return blame(pending, kin_of(relatives))


def bill(name: str, a: str | None, b: str | None, total: str, **more: str) -> tuple[str, dict[str, Any]]:
    return "bill", {"name": name, "a": a, "b": b, "sum": total, **more}


def payment(name: str, c: str | None, d: str | None, amount: str, **more: str) -> tuple[str, dict[str, Any]]:
    return "payment", {"name": name, "c": c, "d": d, "amount": amount, **more}


GOOD = (
    bill("干部工作", "3.00", "4.00", "7.00"),
    bill("干部工作经费", "5.00", "6.00", "11.00"),
    payment("干部工作经费", "8.00", "3.00", "11.00"),
    payment("干部工作", "1.00", "6.00", "7.00"),
)


def test_records_that_agree_blame_nobody():
    found = judged(*GOOD)
    assert [(one.sets, one.reasons, one.mended) for one in found] == [((), {}, ())] * 4
    assert [checked.holds for one in found for checked in one.record.checks] == [True] * 6


def test_a_relatives_cell_is_blamed_in_its_record_and_under_its_alias_in_the_other():
    wrong = payment("干部工作", "1.00", "6.00", "1.70")
    first, second, third, fourth = judged(*GOOD[:3], wrong, pages=False)
    assert (first.sets, fourth.sets) == ((("/paid/amount",),), (("/amount",),))
    assert (second.sets, third.sets) == ((), ())
    assert [(checked.id, checked.holds, checked.verdict) for checked in first.record.checks] == [
        ("adds", True, None), ("paid-in-full", False, Verdict.UNDECIDED)
    ]  # fmt: skip
    assert fourth.reasons == {
        "/amount": (
            "pays: amount = 1.70 should be equal to 1.00 + 6.00 = 7, but is 5.3 too low, outside 1.695 .. 1.71.",
            "both failing checks would hold if this were 7.00; nothing else explains it as well",
        )
    }


def test_a_relatives_cell_is_mended_from_its_own_page_and_both_checks_hold_then():
    wrong = payment("干部工作", "1.00", "6.00", "1.70", printed="干部工作 1.00 6.00 7.00")
    first, _, _, fourth = judged(*GOOD[:3], wrong)
    assert fourth.record.values["/amount"][1].correction.text == "1.70"
    assert fourth.record.values["/amount"][1].value == "7.00"
    assert [checked.holds for one in (first, fourth) for checked in one.record.checks] == [True, True, True]
    assert ([checked.id for checked in first.mended], [checked.id for checked in fourth.mended]) == (["paid-in-full"], ["pays"])
    assert "paid-in-full" in fourth.record.values["/amount"][1].correction.reason


def test_documents_that_contradict_each_other_are_not_mended():
    first, fourth = judged(bill("甲", None, None, "7.00"), payment("甲", None, None, "7.10"))
    assert (first.sets, fourth.sets) == ((("/sum",), ("/paid/amount",)), ())
    assert [(checked.id, checked.verdict) for checked in first.record.checks if checked.holds is False] == [
        ("paid-in-full", Verdict.DOCUMENT)
    ]
    assert set(first.reasons) == {"/sum"}
    assert fourth.reasons["/amount"][0].startswith("paid-in-full of a related record: sum = 7.00 should be equal to paid.amount = 7.10")


def test_a_figure_that_its_own_sum_proves_is_not_blamed_for_what_a_relative_says():
    first, second = judged(bill("甲", "3.00", "4.00", "7.00"), payment("甲", None, None, "7.10"), pages=False)
    assert first.sets == (("/paid/amount",),)
    words = "sum = 7.00 should be equal to paid.amount = 7.10, but is 0.1 too low, outside 6.995 .. 7.01."
    assert first.reasons == {"": (f"paid-in-full: {words}",)}
    assert second.reasons == {
        "/amount": (
            f"paid-in-full of a related record: {words}",
            "it would hold if this were 7.00; nothing else explains it as well",
        )
    }


def test_words_of_a_relative_that_a_check_names_may_be_wrong_too(monkeypatch):
    check = {"id": "same-town", "check": "town == paid.town"}
    for kind, source, more in (("bill", BILL, {"x-checks": [check]}), ("payment", PAYMENT, {})):
        properties = {**source["properties"], "town": {"type": "string"}}
        monkeypatch.setitem(KINDS, kind, schema({**source, "properties": properties, **more}, kind))
    first, second = judged(("bill", {"name": "甲", "town": "东"}), ("payment", {"name": "甲", "town": "西"}), pages=False)
    assert first.sets == (("/town",), ("/paid/town",))
    assert (set(first.reasons), set(second.reasons)) == ({"/town"}, {"/town"})


def test_all_checks_that_a_cell_of_a_relative_explains_are_shown_at_the_objects_that_owe_them(monkeypatch):
    twice = {"again": NUMBER, **BILL["properties"]}
    form = schema({**BILL, "properties": twice, "x-checks": [*BILL["x-checks"], {"id": "paid-again", "check": "again == paid.amount"}]})
    monkeypatch.setitem(KINDS, "bill", form)
    kind, fields = bill("甲", "3.00", "4.00", "7.00")
    first, _ = judged((kind, {**fields, "again": "7.00"}), payment("甲", None, None, "7.10"), pages=False)
    assert first.sets == (("/paid/amount",),)
    assert [words.partition(":")[0] for words in first.reasons[""]] == ["paid-in-full", "paid-again"]


def test_a_cell_of_a_relative_that_has_no_alias_is_named_by_its_record():
    """The payment does not know its bill by any alias."""
    first, second = judged(bill("甲", None, None, "13.00"), payment("甲", "5.00", "7.00", "11.00"), pages=False)
    assert set(first.sets) == {
        ("/sum", "/paid/c"), ("/sum", "/paid/d"), ("/sum", "/paid/amount"), ("/paid/c", "/paid/amount"), ("/paid/d", "/paid/amount")
    }  # fmt: skip
    assert set(second.sets) == {("#0/sum", "/c"), ("#0/sum", "/d"), ("#0/sum", "/amount"), ("/c", "/amount"), ("/d", "/amount")}


def test_a_cell_of_a_relative_that_has_no_alias_is_named_by_the_index_of_its_record():
    found = judged(*GOOD, bill("甲", None, None, "13.00"), payment("甲", "5.00", "7.00", "11.00"), pages=False)
    assert {name[:2] for names in found[5].sets for name in names if name.startswith("#")} == {"#4"}


# -- caps ----------------------------------------------------------------------------------------------------------------


CONTRADICTORY = {**TOTAL, "x-checks": [{"id": "over", "check": "t == a + b"}, {"id": "under", "check": "t == a + b + 100"}]}


@pytest.mark.parametrize(("form", "confirmed", "left"), [(CONTRADICTORY, (), ("/t", "/a", "/b")), (TOTAL, ("/t", "/a", "/b"), None)])
def test_where_nothing_explains_all_cells_but_those_confirmed_are_one_set(form, confirmed, left):
    (found,) = blame([on_page(load(form, kind="t"), None, {"/t": "3", "/a": "1", "/b": "1"}, {}, confirmed=confirmed)], [{}])
    assert found.status.value == "no explanation"
    assert found.sets == ((left,) if left else ())
    assert {place: words[-1] for place, words in found.reasons.items()} == dict.fromkeys(
        ("/t", "/a", "/b"), "no cell that may be doubted explains it"
    )


def test_a_confirmed_value_is_never_blamed():
    for confirmed in ("/a", "/b", "/t"):
        (found,) = blame([on_page(load(TOTAL, kind="t"), None, {"/t": "9", "/a": "1", "/b": "1"}, {}, confirmed=[confirmed])], [{}])
        assert {name for names in found.sets for name in names} == {"/a", "/b", "/t"} - {confirmed}
        assert confirmed not in found.reasons


def test_many_cells_that_explain_equally_well_are_told_at_their_list():
    form = schema()
    texts = {f"/lines/{number}/price": "1.00" for number in range(20)} | {"/total": "25.00"}
    (found,) = blame([on_page(form, None, texts, {"/lines": 20})], [{}])
    assert len(found.sets) == 21
    assert set(found.reasons) == {"/lines", "/total"}
    assert found.reasons["/lines"][-1] == "21 cells explain the failing checks equally well"


def test_no_records_no_blame():
    assert blame([], []) == []


def test_a_second_reading_is_asked_once_a_record_and_only_where_the_page_leaves_it_open():
    form = schema()
    clean = on_page(form, PAGE, {"/buyer": "Acme", "/lines/0/price": "1.20", "/total": "1.20"}, {"/lines": 1})
    page = PAGE.replace("2.30", "2.30\t2.301")
    texts = {
        f"/lines/{n}/{key}": text
        for n, row in enumerate([("Apple", "1.20"), ("Pear", "2.80"), ("Plum", "4.05")])
        for key, text in zip(("article", "price"), row, strict=True)
    }
    wrong = on_page(form, page, texts | {"/total": "7.55"}, {"/lines": 3})
    judging = blaming([clean, wrong, clean, wrong], [{}] * 4)
    assert next(judging) == {1: ["/lines/1/price"], 3: ["/lines/1/price"]}
    with pytest.raises(StopIteration):
        judging.send({})


# -- never a false correction --------------------------------------------------------------------------------------------

FIGURES = st.integers(1, 99_999).map(lambda cents: f"{cents // 100}.{cents % 100:02}")


@settings(max_examples=60, deadline=None)
@given(st.lists(FIGURES, min_size=1, max_size=6), st.data())
def test_a_correction_is_always_the_print_of_its_place(prices, data):
    total = f"{sum(Fraction(price) for price in prices).__float__():.2f}"
    names = [f"Item {chr(97 + number)}" for number in range(len(prices))]
    page = (
        "Buyer: Acme\n\nArticle\tPrice\n"
        + "".join(f"{name}\t{price}\n" for name, price in zip(names, prices, strict=True))
        + f"\nTotal: {total}\n"
    )
    printed = {f"/lines/{number}/price": price for number, price in enumerate(prices)} | {"/total": total}
    texts = printed | {f"/lines/{number}/article": name for number, name in enumerate(names)} | {"/buyer": "Acme"}
    place = data.draw(st.sampled_from(sorted(printed)))
    other = data.draw(st.one_of(st.none(), FIGURES, st.sampled_from(sorted(printed.values())), st.just("2.x0")))
    pending = on_page(schema(), page, texts | {place: other}, {"/lines": len(prices)})
    (found,) = blame([pending], [{}])
    for at, (_, value) in found.record.values.items():
        if value.correction is not None:
            assert (at, value.text) == (place, printed[place])
    if all(checked.holds for checked in found.record.checks) and not found.mended:
        assert found.sets == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(FIGURES, max_size=6))
def test_a_consistent_record_with_its_page_blames_nobody(prices):
    total = f"{sum(Fraction(price) for price in prices).__float__():.2f}"
    page = "Buyer: Acme\n\nArticle\tPrice\n" + "".join(f"Item\t{price}\n" for price in prices) + f"\nTotal: {total}\n"
    texts = {f"/lines/{number}/price": price for number, price in enumerate(prices)} | {"/total": total}
    (found,) = blame([on_page(schema(), page, texts, {"/lines": len(prices)})], [{}])
    assert (found.sets, found.reasons, found.mended) == ((), {}, ())
    assert all(value.correction is None for _, value in found.record.values.values())


# -- once found to be wrong ----------------------------------------------------------------------------------------------


def test_two_lost_rows_are_not_the_fault_of_the_document():
    found = record(PAGE, read("1.20", names=("Apple",)))
    assert verdicts(found)[0][2:] == (
        Verdict.UNDECIDED,
        "every figure of it stands on the page, but the page prints 2.30, 4.05, claimed by no value, among the rows of /lines",
    )
    assert reasons(found)["/lines"][-1] == "adds-up: the page prints 2.30, 4.05, claimed by no value, among these rows"


def test_figures_left_among_rows_leave_the_fault_open():
    """One row is left, but its figure is not what the sum wants."""
    found = record(PAGE.replace("4.05", "4.15"), read("1.20", "2.30", names=("Apple", "Pear")))
    assert verdicts(found)[0][2] is not Verdict.DOCUMENT
    assert "/lines" in reasons(found)


def test_the_evidence_of_a_doubled_row_speaks_of_no_print_that_is_left_over():
    found = grounded(*DOUBLED["prices"], names=DOUBLED["names"])
    assert "left over" not in found.record.checks[0].evidence


def test_without_a_page_a_lost_row_is_no_proof_against_the_reading():
    texts = {"/lines/0/price": "5.00", "/total": "7.55"}
    (found,) = blame([on_page(schema(), None, texts, {"/lines": 1}, confirmed=list(texts))], [{}])
    assert [checked.verdict for checked in found.record.checks] == [Verdict.UNDECIDED]


def test_a_total_over_records_that_the_document_gets_wrong_is_its_fault():
    head = load(
        {
            "type": "object",
            "properties": {"total": NUMBER},
            "x-related": {"payments": {"kind": "payment"}},
            "x-checks": [{"id": "totalled", "check": "total == sum(payments[*].amount)"}],
        },
        kind="head",
    )
    records = [on_page(head, "Total 12.00", {"/total": "12.00"}, {})]
    records += [on_page(KINDS["payment"], f"Amount {amount}", {"/amount": amount}, {}) for amount in ("5.00", "6.00")]
    found = blame(records, [{"payments": [1, 2]}, {}, {}])
    assert [checked.verdict for checked in found[0].record.checks] == [Verdict.DOCUMENT]


def test_a_figure_on_the_next_line_does_not_take_the_blame_from_the_document():
    found = record(PAGE.replace("7.55", "7.65") + "2 attachments\n", read("1.20", "2.30", "4.05", total="7.65"))
    assert [checked.verdict for checked in found.checks] == [Verdict.DOCUMENT]


def test_a_document_is_not_mended_with_a_figure_that_follows():
    found = record(PAGE.replace("7.55", "7.65") + "\n7.55\n", read("1.20", "2.30", "4.05", total="7.65"))
    assert corrections(found) == {}


def test_a_document_is_not_mended_with_the_next_line():
    page = PAGE.replace("1.20", "50").replace("2.30", "60").replace("4.05", "10").replace("7.55", "12") + "0 items open\n"
    found = record(page, read("50", "60", "10", total="12"))
    assert corrections(found) == {}


@pytest.mark.parametrize("print_", ["-2.30", "(2.30)", "2.30万元"])
def test_a_correction_says_what_the_page_prints(print_):
    found = record(PAGE.replace("2.30", print_), read("1.20", "2.80", "4.05"))
    assert corrections(found) == {}


def test_a_sentence_names_cells_of_relatives_as_such():
    first, _ = judged(bill("甲", None, None, "13.00"), payment("甲", "5.00", "7.00", "11.00"), pages=False)
    told = [words for place, some in first.reasons.items() for words in some if "changed too" in words]
    assert told
    assert all("/paid/" in words for words in told)


# -- in the words of the page --------------------------------------------------------------------------------------------


def told_of(kind: str, early: str, late: str) -> list[str]:
    """What two fields would have to be for the first to be at most the second."""
    form = load({"type": "object", "properties": {"a": {"x-kind": kind}, "b": {"x-kind": kind}}, "x-checks": ["a <= b"]}, kind="k")
    (found,) = blame([on_page(form, None, {"/a": early, "/b": late}, {})], [{}])
    assert all(words[-1].endswith("; 1 other explanation is as good") for words in found.reasons.values())
    return [words[-1].removeprefix("it would hold if this were ").partition(";")[0] for words in found.reasons.values()]


@pytest.mark.parametrize(
    ("kind", "early", "late", "wanted"),
    [
        ("year", "2025", "2024", ["between 0 and 2024", "at least 2025"]),
        ("number", "3.50", "2.50", ["between 0.00 and 2.50", "at least 3.50"]),
    ],
)
def test_a_range_is_told_as_its_field_is_printed(kind, early, late, wanted):
    assert told_of(kind, early, late) == wanted


@pytest.mark.parametrize(
    ("kind", "early", "late", "wanted"),
    [
        ("date", "2025-03-01", "2025-02-01", ["at most 2025-02-01", "at least 2025-03-01"]),
        ("month", "2025-03", "2024-12", ["at most 2024-12", "at least 2025-03"]),
    ],
)
def test_a_range_of_days_or_months_is_told_without_a_beginning(kind, early, late, wanted):
    assert told_of(kind, early, late) == wanted


def test_a_text_that_a_check_names_may_be_another_text():
    form = load({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "x-checks": ["a == b"]}, kind="k")
    (found,) = blame([on_page(form, None, {"/a": "甲", "/b": "乙"}, {})], [{}])
    assert found.sets == (("/a",), ("/b",))
    assert found.reasons["/a"][-1] == "it would hold if this were another text; 1 other explanation is as good"


def test_a_figure_is_told_in_the_unit_of_its_column():
    form = load(
        {"type": "object", "properties": {"a": {**NUMBER, "x-unit": "万元"}, "b": {**NUMBER, "x-unit": "元"}}, "x-checks": ["b == a"]},
        kind="k",
    )
    (found,) = blame([on_page(form, None, {"/a": "1.50", "/b": "16000"}, {})], [{}])
    told = {place: words[-1].partition(";")[0] for place, words in found.reasons.items()}
    assert told["/a"] == "it would hold if this were 1.60"
    assert told["/b"] == "it would hold if this were 15000"
