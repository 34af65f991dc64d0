"""Records made elsewhere, checked: what is written of them, with their pages and without."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.errors import InputError, UsageError
from structurer.recheck import Tally, Wanted, run

NUMBER = {"type": "string", "x-kind": "number"}
ORDER = {
    "title": "Order",
    "type": "object",
    "x-anchors": ["Order"],
    "properties": {
        "buyer": {"type": "string", "x-labels": ["Buyer"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"article": {"type": "string", "x-labels": ["Article"]}, "price": {"type": "number", "x-labels": ["Price"]}},
            },
        },
        "total": {"type": "number", "x-labels": ["Total"]},
    },
    "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)", "says": "the prices add up"}],
}
FORM = load(ORDER, kind="order")
PRICES, TOTAL = ("1.20", "2.30", "4.05"), "7.55"
NAMES = ("Apple", "Pear", "Plum", "Fig", "Nut")


def page(prices: Sequence[str] = PRICES, total: str = TOTAL, buyer: str = "Acme", names: Sequence[str] = NAMES) -> str:
    rows = "".join(f"{name}\t{price}\n" for name, price in zip(names, prices, strict=False))
    return f"Order\nBuyer: {buyer}\n\nArticle\tPrice\n{rows}\nTotal: {total}\n"


def given_(
    prices: Sequence[Any] = PRICES, total: Any = TOTAL, buyer: str = "Acme", names: Sequence[str] = NAMES, **more: Any
) -> dict[str, Any]:
    lines = [{"article": name, "price": price} for name, price in zip(names, prices, strict=False)]
    return {"kind": "order", "record": {"buyer": buyer, "lines": lines, "total": total}, **more}


def checked(
    folder: Path,
    lines: Sequence[Mapping[str, Any] | str],
    pages: Mapping[str, str] | None = None,
    schemas: tuple[Schema, ...] = (FORM,),
    *,
    witness: bool = True,
) -> tuple[list[dict[str, Any]], Tally]:
    """What is written of records that were handed over, and the tally."""
    file, out = folder / "in.jsonl", folder / "out.jsonl"
    file.write_text(
        "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in lines), encoding="utf-8"
    )
    sources = []
    for name, text in (pages or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        sources.append(folder / name)
    tally = run(Wanted(file, schemas, tuple(sources), witness), out)
    return [json.loads(one) for one in out.read_text("utf-8").splitlines()], tally


def one(folder: Path, line: Mapping[str, Any], text: str | None = None, **more: Any) -> dict[str, Any]:
    ((found,), _) = checked(folder, [line], None if text is None else {"page.txt": text}, **more)
    return found


def said(tally: Tally, folder: Path) -> list[str]:
    return [str(error).partition("\n")[0].replace(str(folder), "FOLDER") for error in tally.errors]


# -- what is written -----------------------------------------------------------------------------------------------------


def test_a_record_that_holds_is_written_as_it_was_with_its_check(tmp_path):
    found, tally = checked(tmp_path, [given_(note={"by": "someone"}, provenance={"model": "m"})], {"page.txt": page()})
    assert found == [
        {
            **given_(note={"by": "someone"}),
            "review": [],
            "checks": [
                {
                    "id": "adds-up", "pointer": "", "level": "exact", "left": "total = 7.55", "right": "1.20 + 2.30 + 4.05 = 7.55",
                    "allowed": "7.545 .. 7.56", "words": "the prices add up: total = 7.55 is equal to 1.20 + 2.30 + 4.05 = 7.55.",
                    "holds": True, "requires": "print", "verdict": None, "evidence": "",
                }
            ],
            "blame": [],
            "localised": "every check holds",
            "corrections": [],
            "pinned": {"/lines/0/price": 1, "/lines/1/price": 1, "/lines/2/price": 1, "/total": 1},
            "reasons": {},
            "provenance": found[0]["provenance"],
        }
    ]  # fmt: skip
    assert set(found[0]["provenance"]) == {"model", "checked_by", "schema", "page_source", "page_sha256"}
    assert tally == Tally(records=1, grounded=1)


def test_a_misread_figure_is_mended_and_what_it_was_is_told(tmp_path):
    text = page()
    found, tally = checked(tmp_path, [given_(("1.20", "2.80", "4.05"))], {"page.txt": text})
    (record,) = found
    assert record["record"] == given_()["record"]
    assert record["blame"] == [["/lines/1/price"]]
    assert record["corrections"] == [
        {
            "pointer": "/lines/1/price", "from": "2.80", "to": "2.30", "by": "page", "alternatives": [],
            "reason": "adds-up failed (total = 7.55 should be equal to 1.20 + 2.80 + 4.05 = 8.05, but is 0.5 too low, "
            "outside 7.545 .. 7.56); the page prints this figure there, and no value claimed it",
            "spans": [[text.index("2.30"), text.index("2.30") + 4, 1]],
        }
    ]  # fmt: skip
    (check,) = record["checks"]
    assert (check["level"], check["holds"], check["verdict"], check["mended"]) == ("fail", False, "reading", True)
    assert (record["review"], record["reasons"]) == ([], {})
    assert tally == Tally(records=1, mended=1, grounded=1)


def test_without_a_page_a_figure_is_blamed_and_nothing_mended(tmp_path):
    found, tally = checked(tmp_path, [given_(("1.20", "2.80", "4.05"))])
    (record,) = found
    assert record["record"]["lines"][1]["price"] == "2.80"
    assert (record["blame"], record["localised"], record["corrections"]) == ([["/lines/1/price"]], "found", [])
    assert [(check["verdict"], check["evidence"]) for check in record["checks"]] == [("undecided", "there is no page to ask")]
    assert record["review"] == ["/lines/1/price"]
    assert record["reasons"]["/lines/1/price"][-1] == "it would hold if this were 2.30; nothing else explains it as well"
    assert tally == Tally(records=1, failed=1, to_review=1)


def test_a_document_that_does_not_add_up_stays_as_it_is(tmp_path):
    found, tally = checked(tmp_path, [given_(total="7.65")], {"page.txt": page(total="7.65")})
    assert (found[0]["corrections"], found[0]["record"]["total"]) == ([], "7.65")
    assert [check["verdict"] for check in found[0]["checks"]] == ["document"]
    assert found[0]["blame"] == [["/lines/0/price"], ["/lines/1/price"], ["/lines/2/price"], ["/total"]]
    assert tally == Tally(records=1, failed=1, to_review=1, grounded=1)


def test_a_lost_row_is_shown_at_its_list_and_a_doubled_one_at_its_own(tmp_path):
    lost = one(tmp_path, given_(("1.20", "2.30")), page())
    assert (lost["blame"], lost["review"]) == ([["/lines/-"]], ["/lines"])
    doubled = one(tmp_path, given_(("1.20", "2.30", "2.30", "4.05"), names=("Apple", "Pear", "Pear", "Plum")), page())
    assert doubled["blame"] == [["/lines/2"]]
    assert "/lines/2" in doubled["review"]


def test_a_blank_whose_print_is_left_over_is_filled(tmp_path):
    record = one(tmp_path, given_(("1.20", None, "4.05")), page())
    assert (record["blame"], record["record"]["lines"][1]["price"]) == ([["/lines/1/price"]], "2.30")
    assert record["corrections"][0]["from"] is None
    bare = given_()
    del bare["record"]["lines"][1]["price"]
    record = one(tmp_path, bare, page())
    assert record["record"]["lines"][1] == {"article": "Pear", "price": "2.30"}


def test_a_print_that_is_no_number_is_mended_and_told_as_it_was(tmp_path):
    record = one(tmp_path, given_(("1.20", "2.3O", "4.05")), page())
    assert [(was["from"], was["to"]) for was in record["corrections"]] == [("2.3O", "2.30")]
    assert record["blame"] == [["/lines/1/price"]]


def test_a_confirmed_value_is_never_blamed_or_changed(tmp_path):
    record = one(tmp_path, given_(("1.20", "2.80", "4.05"), confirmed=["/lines/1/price"]), page())
    assert record["blame"] == [["/lines/0/price"], ["/lines/2/price"], ["/total"]]
    assert record["corrections"] == []
    assert record["confirmed"] == ["/lines/1/price"]


def test_a_figure_that_the_page_does_not_print_is_shown_though_the_check_holds(tmp_path):
    record = one(tmp_path, given_(("1.30", "2.20", "4.05")), page())
    assert record["blame"] == []
    assert record["reasons"] == {place: ["the value is not on the page"] for place in ("/lines/0/price", "/lines/1/price")}
    bare = one(tmp_path, given_(("1.30", "2.20", "4.05")))
    assert bare["reasons"] == {}


FIVE, WRONG = ("1.00", "2.00", "3.00", "4.00", "5.00"), ("1.00", "2.00", "3.00", "4.00", "6.00")


def test_a_witness_that_reads_most_alike_is_heard_where_it_differs(tmp_path):
    """A figure of another value stands at the end of the page, and the record has that one."""
    text = page(FIVE, "16.00") + "\nOther: 6.00\n"
    record = one(tmp_path, given_(WRONG, "16.00"), text)
    assert (record["blame"], record["corrections"]) == ([], [])
    assert record["reasons"] == {"/lines/4/price": ["the built-in reader reads '5.00' there"]}


def test_a_figure_behind_the_table_does_not_stand_in_its_last_row(tmp_path):
    text = page(FIVE, "16.00") + "\nOther: 6.00\n"
    record = one(tmp_path, given_(WRONG, "16.00"), text, witness=False)
    assert record["reasons"] == {"/lines/4/price": ["the page prints it, but not surely where it belongs"]}


def test_a_witness_that_reads_much_otherwise_is_not_heard(tmp_path):
    record = one(tmp_path, given_(("1.00", "3.00", "2.00", "4.00", "5.00"), "15.00"), page(FIVE, "15.00"))
    assert record["reasons"] == {"/lines/1/price": ["the page prints it, but not surely where it belongs"]}


def test_figures_given_as_json_numbers_are_checked_by_their_digits(tmp_path):
    digits = '{"kind": "order", "record": {"lines": [{"price": 1.27}, {"price": 1.30}], "total": 2.50}}'
    found, _ = checked(tmp_path, [digits])
    assert found[0]["checks"][0]["words"] == (
        "the prices add up: total = 2.50 should be equal to 1.27 + 1.30 = 2.57, but is 0.07 too low, outside 2.495 .. 2.51."
    )


def test_keys_that_the_schema_does_not_know_are_kept_and_said(tmp_path):
    line = given_()
    line["record"]["extra"] = {"a": [1, 2.5, None]}
    line["record"]["lines"][0]["odd"] = "x"
    record = one(tmp_path, line)
    assert record["record"] == line["record"]
    assert record["reasons"] == {"": ["the schema does not know /extra, /lines/0/odd"]}


def test_keys_with_signs_of_pointers_are_found_and_corrected(tmp_path):
    form = load(
        {
            "type": "object",
            "properties": {
                "甲/乙": {
                    "type": "object",
                    "properties": {"~1": {**NUMBER, "x-labels": ["First"]}, "~/": {**NUMBER, "x-labels": ["Second"]}},
                },
                "0": {**NUMBER, "x-labels": ["Total"]},
            },
            "x-checks": [{"id": "sum", "check": '$["0"] == $["甲/乙"]["~1"] + $["甲/乙"]["~/"]'}],
        },
        kind="odd",
    )
    line = {"kind": "odd", "record": {"甲/乙": {"~1": "2.00", "~/": "3.00", "0~": "?"}, "0": "6.00"}}
    record = one(tmp_path, line, "First: 2.00\nSecond: 4.00\nTotal: 6.00\n", schemas=(form,))
    assert record["blame"] == [["/甲~1乙/~0~1"]]
    assert record["record"] == {"甲/乙": {"~1": "2.00", "~/": "4.00", "0~": "?"}, "0": "6.00"}
    assert record["reasons"] == {"": ["the schema does not know /甲~1乙/0~0"]}


def test_a_whole_number_is_written_as_one_and_a_figure_as_its_print(tmp_path):
    form = load(
        {
            "type": "object",
            "properties": {"n": {"type": "integer", "x-labels": ["Count"]}, "m": {"type": "integer", "x-labels": ["More"]}},
            "x-checks": ["n == m"],
        },
        kind="k",
    )
    record = one(tmp_path, {"record": {"n": 512, "m": 812}}, "Count: 512\nMore: 512\n", schemas=(form,))
    assert record["record"] == {"n": 512, "m": 512}


# -- lines that are no records -------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_said_and_the_others_are_written_in_order(tmp_path):
    bad = ['{"kind": "x", "record": {}}', '{"record": {"total": [1]}}', '{"record": {"lines": 5}}', '{"record": {"a": 1, "a": 2}}']
    lines = [given_(buyer="a"), "{", given_(buyer="b"), *bad, "", "[]", given_(buyer="c")]
    found, tally = checked(tmp_path, lines)
    assert [record["record"]["buyer"] for record in found] == ["a", "b", "c"]
    assert said(tally, tmp_path) == [
        "FOLDER/in.jsonl:2: no JSON: Expecting property name enclosed in double quotes: line 2 column 1 (char 2)",
        "FOLDER/in.jsonl:4: no schema of kind 'x'; known: order",
        "FOLDER/in.jsonl:5#/record/total: expected a text or a number, found [1]",
        "FOLDER/in.jsonl:6#/record/lines: expected a list, found 5",
        "FOLDER/in.jsonl:7: the key 'a' stands twice in one object",
        'FOLDER/in.jsonl:9: expected an object with "record"',
    ]
    assert tally.records == 3


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_records_is_said_and_nothing_is_written(tmp_path, content):
    with pytest.raises(InputError) as caught:
        checked(tmp_path, [content])
    assert str(caught.value).partition("\n")[0].replace(str(tmp_path), "FOLDER") == "FOLDER/in.jsonl: no record in it"
    assert caught.value.exit_code == 4
    assert [file.name for file in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_thousand_lines_are_written_in_the_order_they_came(tmp_path):
    lines = [given_(("1.20",), "1.20", buyer=f"b{number}", source=f"s{number % 3}.txt") for number in range(1_000)]
    found, tally = checked(tmp_path, lines)
    assert [record["record"]["buyer"] for record in found] == [f"b{number}" for number in range(1_000)]
    assert (tally.records, tally.errors) == (1_000, ())


@pytest.mark.parametrize("text", [None, "page"])
def test_a_record_of_five_thousand_rows_finishes(tmp_path, text):
    prices = [f"{1 + number % 89}.{number % 100:02}" for number in range(5_000)]
    cents = sum(int(price.replace(".", "")) for price in prices)
    total, names = f"{cents // 100}.{cents % 100:02}", [f"Item{number}" for number in range(5_000)]
    begun = time.monotonic()
    read = [price if number != 2_500 else "99999.99" for number, price in enumerate(prices)]
    record = one(tmp_path, given_(read, total, names=names), text and page(prices, total, names=names), witness=False)
    assert time.monotonic() - begun < 90
    assert [check["holds"] for check in record["checks"]] == [False]
    if text:
        assert record["blame"] == [["/lines/2500/price"]]
        assert record["record"]["lines"][2_500]["price"] == prices[2_500]


# -- where it goes -------------------------------------------------------------------------------------------------------


def test_an_out_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(given_()) + "\n")
    (tmp_path / "folder").mkdir()
    for out in (tmp_path / "none" / "out.jsonl", tmp_path / "folder"):
        with pytest.raises(UsageError) as caught:
            run(Wanted(file, (FORM,)), out)
        assert str(caught.value).startswith(f"{out}: cannot be written: ")
        assert str(caught.value).endswith("\n  next: choose another --out")
    assert sorted(os.listdir(tmp_path)) == ["folder", "in.jsonl"]
    assert os.listdir(tmp_path / "folder") == []


def test_a_file_or_a_source_that_is_not_there_leaves_the_out_as_it_was(tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("before")
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read: No such file or directory"):
        run(Wanted(tmp_path / "none.jsonl", (FORM,)), out)
    (tmp_path / "in.jsonl").write_text(json.dumps(given_()))
    with pytest.raises(InputError, match="there is no such file"):
        run(Wanted(tmp_path / "in.jsonl", (FORM,), (tmp_path / "none.txt",)), out)
    assert out.read_text() == "before"


def test_a_file_may_take_the_place_of_itself(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(given_()) + "\n")
    run(Wanted(file, (FORM,)), file)
    assert json.loads(file.read_text())["blame"] == []


def test_a_record_that_was_checked_can_be_checked_again(tmp_path):
    first, _ = checked(tmp_path, [given_(("1.20", "2.80", "4.05"))], {"page.txt": page()})
    again, tally = checked(tmp_path, first, {"page.txt": page()})
    assert again[0]["record"] == first[0]["record"]
    assert (again[0]["blame"], again[0]["corrections"], tally.errors) == ([], [], ())


# -- which page ----------------------------------------------------------------------------------------------------------

OTHER = (("1.50", "2.60", "9.99"), "14.09")


def mended(found: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [[was["to"] for was in record["corrections"]] for record in found]


@pytest.mark.parametrize("source", ["page.txt", "page.pdf", "page", "elsewhere/page.txt", "other.txt", ""])
def test_a_single_source_is_that_of_all_records_whatever_they_name(tmp_path, source):
    record = one(tmp_path, given_(("1.20", "2.80", "4.05"), source=source), page())
    assert mended([record]) == [["2.30"]]
    assert record["provenance"]["page_source"] == "page.txt"


def test_of_two_sources_each_record_has_the_one_it_names(tmp_path):
    lines = [
        given_(("1.50", "2.80", "9.99"), "14.09", source="b.txt"),
        given_(("1.20", "2.80", "4.05"), source="a.txt"),
        given_(("1.20", "2.80", "4.05"), source="c.txt"),
        given_(("1.20", "2.80", "4.05")),
    ]
    found, tally = checked(tmp_path, lines, {"a.txt": page(), "b.txt": page(*OTHER)})
    assert mended(found) == [["2.60"], ["2.30"], [], []]
    assert [record["provenance"].get("page_source") for record in found] == ["b.txt", "a.txt", None, None]
    assert tally.grounded == 2


def test_records_in_the_order_of_their_forms_have_each_its_own(tmp_path):
    text = page() + "\n" + page(*OTHER)
    found, _ = checked(tmp_path, [given_(("1.20", "2.80", "4.05")), given_(("1.50", "2.80", "9.99"), "14.09")], {"page.txt": text})
    assert mended(found) == [["2.30"], ["2.60"]]


def test_records_out_of_order_have_each_its_own_form(tmp_path):
    text = page() + "\n" + page(*OTHER, buyer="Bob", names=("Fig", "Nut", "Date"))
    lines = [given_(("1.50", "2.80", "9.99"), "14.09", "Bob", ("Fig", "Nut", "Date")), given_(("1.20", "2.80", "4.05"))]
    found, _ = checked(tmp_path, lines, {"page.txt": text})
    assert mended(found) == [["2.60"], ["2.30"]]


def test_a_record_for_which_no_form_is_left_is_looked_for_in_the_whole_document(tmp_path):
    lines = [given_(), given_(("1.20", "2.30", "4.05")), given_(("8.88",), "8.88", "Nobody", ("Quince",))]
    found, tally = checked(tmp_path, lines, {"page.txt": page()})
    assert [record["reasons"] for record in found[:2]] == [{}, {}]
    assert set(found[2]["review"]) == {"/buyer", "/lines/0/article", "/lines/0/price", "/total"}
    assert tally.grounded == 3


def test_a_source_that_holds_no_form_bears_nothing_out(tmp_path):
    record = one(tmp_path, given_(("1.20", "2.80", "4.05")), "nothing of the kind\n")
    assert record["corrections"] == []
    assert record["blame"] == [["/lines/0/price", "/lines/1/price", "/lines/2/price", "/total"]]


# -- across records ------------------------------------------------------------------------------------------------------

HEAD = load(
    {
        "type": "object",
        "x-anchors": ["Report"],
        "properties": {
            "count": {"type": "integer", "x-labels": ["Projects"]},
            "total": {**NUMBER, "x-unit": "万元", "x-labels": ["Grand total"]},
        },
        "x-related": {"projects": {"kind": "project"}},
        "x-checks": [
            {"id": "counted", "check": "count == count(projects[*])"},
            {"id": "totalled", "check": "total == sum(projects[*].amount)"},
        ],
    },
    kind="head",
)
PROJECT = load(
    {
        "type": "object",
        "x-anchors": ["Project"],
        "properties": {
            "name": {"type": "string", "x-labels": ["Name"]},
            "c": {**NUMBER, "x-unit": "元", "x-labels": ["C"]},
            "d": {**NUMBER, "x-unit": "元", "x-labels": ["D"]},
            "amount": {**NUMBER, "x-unit": "元", "x-labels": ["Amount"]},
        },
        "x-checks": [{"id": "pays", "check": "amount == c + d"}],
    },
    kind="project",
)
PLAN = (HEAD, PROJECT)


def head(count: str, total: str, **more: Any) -> dict[str, Any]:
    return {"kind": "head", "record": {"count": count, "total": total}, **more}


def project(name: str, c: str, d: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"kind": "project", "record": {"name": name, "c": c, "d": d, "amount": amount}, **more}


REPORT = [
    head("3", "6.5"),
    project("road", "10000", "5000", "15000"),
    project("park", "20000", "8000", "28000"),
    project("school", "12000", "10000", "22000"),
]
SHEET = "Report\nProjects: 3\nGrand total: 6.5\n" + "".join(
    "\nProject\nName: {name}\nC: {c}\nD: {d}\nAmount: {amount}\n".format(**one["record"]) for one in REPORT[1:]
)


def test_totals_in_another_unit_over_all_records_hold(tmp_path):
    found, tally = checked(tmp_path, REPORT, {"page.txt": SHEET}, PLAN)
    assert [check["holds"] for record in found for check in record["checks"]] == [True] * 5
    assert all(record["blame"] == [] for record in found)
    assert (tally.failed, tally.to_review) == (0, 0)


def test_a_member_that_was_misread_is_mended_in_its_own_record(tmp_path):
    wrong = [*REPORT[:2], project("park", "20000", "8000", "23000"), REPORT[3]]
    found, tally = checked(tmp_path, wrong, {"page.txt": SHEET}, PLAN)
    assert [record["blame"] for record in found] == [[["/projects/1/amount"]], [], [["/amount"]], []]
    assert mended(found) == [[], [], ["28000"], []]
    assert [[check.get("mended", False) for check in record["checks"]] for record in found] == [[False, True], [False], [True], [False]]
    assert tally == Tally(records=4, mended=1, grounded=4)


def test_a_record_that_was_lost_is_blamed_by_its_alias(tmp_path):
    found, _ = checked(tmp_path, REPORT[:3], None, PLAN)
    assert [record["blame"] for record in found] == [[["/projects/-"]], [], []]
    assert found[0]["review"] == ["/projects"]


def test_only_records_of_one_source_are_related(tmp_path):
    lines = [{**one, "source": "a"} for one in REPORT] + [project("other", "1", "1", "2", source="b")]
    found, _ = checked(tmp_path, lines, None, PLAN)
    assert [record["blame"] for record in found] == [[]] * 5


# -- properties ----------------------------------------------------------------------------------------------------------

FIGURES = st.integers(1, 99_999).map(lambda cents: f"{cents // 100}.{cents % 100:02}")


def total_of(prices: Sequence[str]) -> str:
    cents = sum(int(price.replace(".", "")) for price in prices)
    return f"{cents // 100}.{cents % 100:02}"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FIGURES, min_size=1, max_size=5), st.booleans())
def test_a_consistent_record_with_its_page_blames_and_corrects_nothing(tmp_path, prices, witness):
    record = one(tmp_path, given_(prices, total_of(prices)), page(prices, total_of(prices)), witness=witness)
    assert (record["blame"], record["corrections"]) == ([], [])
    assert [check["holds"] for check in record["checks"]] == [True]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FIGURES, min_size=1, max_size=5), st.data())
def test_a_record_with_one_wrong_figure_is_never_corrected_to_another_than_that_of_the_page(tmp_path, prices, data):
    truth = {f"/lines/{number}/price": price for number, price in enumerate(prices)} | {"/total": total_of(prices)}
    place = data.draw(st.sampled_from(sorted(truth)))
    wrong = data.draw(st.one_of(FIGURES, st.sampled_from(sorted(truth.values())), st.none(), st.just("x")))
    read = {**truth, place: wrong}
    line = given_([read[f"/lines/{number}/price"] for number in range(len(prices))], read["/total"])
    record = one(tmp_path, line, page(prices, truth["/total"]), witness=data.draw(st.booleans()))
    assert [(was["pointer"], was["to"]) for was in record["corrections"]] in ([], [(place, truth[place])])


# -- once found to be wrong ----------------------------------------------------------------------------------------------


def test_a_row_given_as_null_can_be_corrected(tmp_path):
    line = given_()
    line["record"]["lines"][1] = None
    assert one(tmp_path, line, page())["record"]["lines"][1]["price"] == "2.30"


def test_a_number_that_was_checked_is_checked_alike_again(tmp_path):
    digits = '{"kind": "order", "record": {"lines": [{"price": 1.27}, {"price": 1.30}], "total": 2.50}}'
    first, _ = checked(tmp_path, [digits])
    again, _ = checked(tmp_path, first)
    assert [one["checks"][0]["holds"] for one in (first[0], again[0])] == [False, False]


def test_a_record_out_of_order_has_the_form_that_prints_all_of_it(tmp_path):
    text = page() + "\n" + page(("1.50", "2.60", "4.05"), "8.15")
    found, _ = checked(tmp_path, [given_(("1.50", "2.60", "4.05"), "8.15"), given_()], {"page.txt": text})
    assert [record["reasons"] for record in found] == [{}, {}]


def test_of_two_sources_of_one_name_each_record_has_that_of_its_folder(tmp_path):
    lines = [given_(("1.50", "2.80", "9.99"), "14.09", source="b/r.txt"), given_(("1.20", "2.80", "4.05"), source="a/r.txt")]
    found, _ = checked(tmp_path, lines, {"a/r.txt": page(), "b/r.txt": page(*OTHER)})
    assert mended(found) == [["2.60"], ["2.30"]]


@pytest.mark.parametrize("confirmed", ["/total", {"/total": True}, None, 1])
def test_confirmed_values_are_a_list(tmp_path, confirmed):
    found, tally = checked(tmp_path, [given_(confirmed=confirmed)])
    assert found == []
    assert said(tally, tmp_path) == ['FOLDER/in.jsonl:1: "confirmed" is a list of JSON pointers']


@pytest.mark.parametrize("confirmed", [[1], ["/record/total"], ["/nowhere"], ["/lines"], [""], ["/total", "/lines/9/price"]])
def test_confirmed_values_that_are_none_are_said(tmp_path, confirmed):
    ((found,), tally) = checked(tmp_path, [given_(confirmed=confirmed)])
    assert (found["review"], tally.to_review) == ([""], 1)
    assert found["reasons"] == {"": [f"confirmed, but no value: {confirmed[-1]}"]}


def test_a_provenance_that_is_no_object_is_kept(tmp_path):
    for provenance in ("by hand", ["a", 2.5], 7, None):
        assert one(tmp_path, given_(provenance=provenance))["provenance"]["given"] == provenance


def test_errors_are_said_in_the_order_of_their_lines(tmp_path):
    _, tally = checked(tmp_path, ['{"record": {"total": [1]}}', "{", *["[]"] * 8, '{"record": {"lines": 5}}'])
    places = [error.partition(" ")[0].removeprefix("FOLDER/in.jsonl:") for error in said(tally, tmp_path)]
    assert places == ["1#/record/total:", "2:", *(f"{number}:" for number in range(3, 11)), "11#/record/lines:"]


def test_without_a_page_a_required_field_is_not_said_to_be_blank_on_it(tmp_path):
    form = load({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}, kind="k")
    assert "page" not in json.dumps(one(tmp_path, {"record": {}}, schemas=(form,))["reasons"])


def test_a_figure_that_the_witness_reads_alike_at_its_label_stands_where_it_belongs(tmp_path):
    form = load({**ORDER, "properties": {"n": {"type": "integer", "x-labels": ["Count"]}, **ORDER["properties"]}}, kind="order")
    line = given_()
    line["record"]["n"] = "3"
    assert one(tmp_path, line, page() + "Count: 3\n", schemas=(form,))["reasons"] == {}


# -- what the page has and the record lacks ------------------------------------------------------------------------------


def test_a_blank_where_the_built_in_reader_reads_a_figure_is_reviewed(tmp_path):
    found = one(tmp_path, given_(total=None), page())
    assert found["reasons"]["/total"] == ["blank, the built-in reader reads '7.55' there"]
    assert "/total" in found["review"]


def test_a_list_of_which_the_built_in_reader_reads_more_rows_is_reviewed(tmp_path):
    found = one(tmp_path, given_(prices=(), total=None), page())
    assert found["reasons"]["/lines"] == ["the built-in reader reads 3 rows there, the record has 0"]


def test_a_column_that_is_blank_in_all_rows_is_told_once(tmp_path):
    found = one(tmp_path, given_(prices=(None, None, None)), page())
    assert found["reasons"]["/lines"][0] == "price is blank in all rows, the built-in reader reads 1.20, 2.30, 4.05 there"


def test_rows_that_were_cut_off_leave_figures_and_the_document_is_not_blamed(tmp_path):
    found = one(tmp_path, given_(prices=("1.20",)), page(), witness=False)
    assert found["checks"][0]["verdict"] == "undecided"
    assert "/lines" in found["review"]


def test_rows_that_another_reading_has_are_named_as_lost(tmp_path):
    found = one(tmp_path, given_(prices=("1.20",)), page())
    assert found["checks"][0]["verdict"] == "reading"
    assert found["blame"] == [["/lines/-"]]
    assert found["review"] == ["/lines"]


def test_the_source_that_bears_a_record_out_is_its_page_among_sources_of_one_name(tmp_path):
    lines = [given_(("1.50", "2.80", "9.99"), "14.29", source="r.txt")]
    found, _ = checked(tmp_path, lines, {"a/r.txt": page(), "b/r.txt": page(("1.50", "2.80", "9.99"), "14.29")})
    assert found[0]["review"] == []


# -- units ---------------------------------------------------------------------------------------------------------------

AMOUNT = {
    "type": "object",
    "properties": {"amount": {"type": "string", "x-kind": "number", "x-unit": "unit"}, "unit": {"type": "string", "x-kind": "unit"}},
}
BUDGET = load(
    {
        "type": "object",
        "properties": {"one": AMOUNT, "two": AMOUNT, "total": AMOUNT},
        "x-checks": [{"id": "sum", "check": "total.amount == one.amount + two.amount"}],
    },
    kind="budget",
)
BUDGET_PAGE = "One: 2.50万元\nTwo: 1.25 万元\nTotal: 3.75万元\n"


def budget(one="万元", two="万元", total="万元"):
    units = {"one": ("2.50", one), "two": ("1.25", two), "total": ("3.75", total)}
    return {"kind": "budget", "record": {name: {"amount": amount, "unit": unit} for name, (amount, unit) in units.items()}}


@pytest.mark.parametrize("which", ["one", "two", "total"])
@pytest.mark.parametrize("misread", ["元", None])
def test_a_unit_other_than_the_page_prints_is_to_blame_and_mended(tmp_path, which, misread):
    found = one(tmp_path, budget(**{which: misread}), BUDGET_PAGE, schemas=(BUDGET,), witness=False)
    assert found["blame"] == [[f"/{which}/unit"]]
    assert [(correction["pointer"], correction["to"]) for correction in found["corrections"]] == [(f"/{which}/unit", "万元")]
    assert found["review"] == []


def test_units_that_are_all_misread_alike_are_reviewed_though_every_check_holds(tmp_path):
    found = one(tmp_path, budget("元", "元", "元"), BUDGET_PAGE, schemas=(BUDGET,), witness=False)
    assert found["blame"] == []
    assert found["reasons"]["/total/unit"] == ["the page prints 万元 behind the figure"]


def test_a_unit_that_a_person_has_seen_is_left_alone(tmp_path):
    found = one(tmp_path, {**budget(total="元"), "confirmed": ["/total/unit"]}, BUDGET_PAGE, schemas=(BUDGET,), witness=False)
    assert all("/total/unit" not in names for names in found["blame"])
    assert found["corrections"] == []
