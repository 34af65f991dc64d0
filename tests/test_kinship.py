"""Which records of one document belong together."""

from __future__ import annotations

import pytest

from structurer.contracts.contract import load
from structurer.judging.kinship import Relative, kin_of
from structurer.record import Value, leaf_pointers

NAMED = {"type": "object", "properties": {"name": {"type": "string"}, "area": {"type": "string"}}}
BILL = load({**NAMED, "x-related": {"paid": {"kind": "payment", "by": "name"}}}, kind="bill")
PAYMENT = load(NAMED, kind="payment")
REPORT = load({**NAMED, "x-related": {"all": {"kind": "payment"}, "bills": {"kind": "bill"}}}, kind="report")
TWICE = load({**NAMED, "x-related": {"one": {"kind": "payment", "by": "name"}, "two": {"kind": "payment", "by": "area"}}}, kind="twice")
SELF = load({**NAMED, "x-related": {"twin": {"kind": "self", "by": "name"}}}, kind="self")


def relative(form, name, start=0, area=None):
    texts = {"/name": name, "/area": area}
    return Relative(form, {place: (leaf, Value(texts[place], texts[place])) for place, leaf in leaf_pointers(form, {})}, start)


def bills(*names, payments):
    """The payment that each bill is paired with, by their names."""
    records = [*(relative(BILL, name) for name in names), *(relative(PAYMENT, name) for name in payments)]
    kin = kin_of(records)
    assert all(found == {} for found in kin[len(names) :])
    return [payments[found["paid"] - len(names)] if "paid" in found else None for found in kin[: len(names)]]


def test_no_records_have_no_kin():
    assert kin_of([]) == []


def test_all_records_of_a_kind_are_related_to_a_record_that_names_them():
    records = [relative(REPORT, "r"), relative(PAYMENT, "a"), relative(BILL, "b"), relative(PAYMENT, "c")]
    assert kin_of(records) == [{"all": [1, 3], "bills": [2]}, {}, {}, {}]


def test_a_kind_of_which_there_is_none_is_an_empty_list():
    assert kin_of([relative(REPORT, "r")]) == [{"all": [], "bills": []}]


def test_records_of_one_name_are_paired_whatever_their_order():
    assert bills("甲项目", "乙工程", payments=["乙工程", "甲项目"]) == ["甲项目", "乙工程"]


def test_names_that_contain_each_other_are_paired_with_their_equals():
    assert bills("干部工作", "干部工作经费", payments=["干部工作经费", "干部工作"]) == ["干部工作", "干部工作经费"]
    assert bills("干部工作经费", "干部工作", payments=["干部工作", "干部工作经费"]) == ["干部工作经费", "干部工作"]


def test_a_name_that_holds_the_other_whole_is_liker_than_one_that_shares_its_characters():
    assert bills("干部工作", payments=["干部培训工", "干部工作经费及其他专项"]) == ["干部工作经费及其他专项"]


def test_a_partner_is_paired_once():
    assert bills("干部工作经费", "干部工作", payments=["干部工作"]) == [None, "干部工作"]
    assert bills("甲", "甲", payments=["甲"]) == ["甲", None]


def test_white_space_and_widths_do_not_part_names():
    assert bills("干部 工作（一）", payments=["干部培训", "干部工作(一)"]) == ["干部工作(一)"]


@pytest.mark.parametrize(("name", "other"), [("甲乙丙丁", "戊己庚辛"), ("甲乙丙丁", "甲己庚辛"), (None, None), ("甲", None), (None, "甲")])
def test_names_unlike_each_other_or_missing_are_not_paired(name, other):
    assert bills(name, payments=[other]) == [None]


def test_names_half_alike_are_paired():
    assert bills("甲乙丙丁", payments=["甲乙庚辛"]) == ["甲乙庚辛"]


def test_of_equal_names_the_nearest_on_the_page_is_taken():
    records = [relative(BILL, "甲", 0), relative(BILL, "甲", 500), relative(PAYMENT, "甲", 600), relative(PAYMENT, "甲", 90)]
    assert [found.get("paid") for found in kin_of(records)] == [3, 2, None, None]


def test_the_likest_name_comes_before_the_nearest():
    records = [relative(BILL, "道路养护", 0), relative(PAYMENT, "道路养护费", 10), relative(PAYMENT, "道路养护", 9_000)]
    assert kin_of(records)[0] == {"paid": 2}


def test_two_aliases_are_paired_each_by_its_own_field():
    records = [relative(TWICE, "甲", area="东"), relative(PAYMENT, "乙", area="东"), relative(PAYMENT, "甲", area="西")]
    assert kin_of(records)[0] == {"one": 2, "two": 1}


def test_a_field_that_is_no_text_of_the_other_kind_pairs_nothing():
    other = load({"type": "object", "properties": {"title": {"type": "string"}}}, kind="payment")
    stranger = Relative(other, {place: (leaf, Value("甲", "甲")) for place, leaf in leaf_pointers(other, {})})
    assert kin_of([relative(BILL, "甲"), stranger])[0] == {}


def test_a_record_is_not_its_own_partner():
    assert kin_of([relative(SELF, "甲"), relative(SELF, "甲")]) == [{"twin": 1}, {"twin": 0}]


@pytest.mark.parametrize(
    ("name", "other"), [("2025001", "2025002"), ("A-1", "A-2"), ("A-1", "A-12"), ("2023年度甲乙丙项目", "2024年度甲乙丙项目")]
)
def test_names_with_other_numbers_are_not_paired(name, other):
    assert bills(name, payments=[other]) == [None]


def test_a_name_that_leaves_its_year_out_is_paired():
    assert bills("2023年度甲乙丙项目", payments=["甲乙丙项目"]) == ["甲乙丙项目"]
