"""Related records as one problem."""

from __future__ import annotations

from typing import Any

from made import NUMBER, PURCHASE, on_page, purchase

from structurer.contracts.contract import load
from structurer.judging.blame import confronted
from structurer.judging.joint import joined_problem, under_aliases
from structurer.judging.suspects import problem
from structurer.localisation.reconcile import Status, localise

BILL = load(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "a": NUMBER, "b": NUMBER, "sum": NUMBER},
        "x-related": {"paid": {"kind": "payment", "by": "name"}},
        "x-checks": [{"id": "adds", "check": "sum == a + b"}, {"id": "paid-in-full", "check": "sum == paid.amount"}],
    },
    kind="bill",
)
PAYMENT = load(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "c": NUMBER, "d": NUMBER, "amount": NUMBER},
        "x-checks": [{"id": "pays", "check": "amount == c + d"}],
    },
    kind="payment",
)
REPORT = load(
    {
        "type": "object",
        "properties": {"count": {"type": "integer"}, "total": {**NUMBER, "x-unit": "万元"}},
        "x-related": {"payments": {"kind": "payment"}},
        "x-checks": [
            {"id": "counted", "check": "count == count(payments[*])"},
            {"id": "totalled", "check": "total == sum(payments[*].amount)"},
        ],
    },
    kind="report",
)


def form(schema, **texts: str | None):
    return on_page(schema, None, {f"/{name}": text for name, text in texts.items()}, {})


def bill(a: str | None, b: str | None, total: str):
    return form(BILL, name="甲", a=a, b=b, sum=total)


def payment(c: str | None, d: str | None, amount: str | None):
    return form(PAYMENT, name="甲", c=c, d=d, amount=amount)


def explained(records: list[Any], kin: list[Any]) -> list[list[tuple[str, ...]]]:
    """The explanations of each block."""
    joint, _ = joined_problem(confronted(records, kin), kin)
    return [[one.suspects for one in block.explanations] for block in localise(joint).blocks]


def test_a_record_related_to_none_is_a_problem_by_itself():
    records = confronted([on_page(PURCHASE, None, purchase("1.20", "2.30", total="3.60"))], [{}])
    joint, origins = joined_problem(records, [{}])
    own = problem(records[0].form)
    assert (joint.facts, joint.owed, joint.more_rows) == (own.facts, own.owed, own.more_rows)
    assert [suspect.name for suspect in joint.suspects] == [suspect.name for suspect in own.suspects]
    assert origins == ((0, 0),)


def test_cells_are_named_by_the_number_of_their_record():
    records = confronted([bill("1", "2", "3"), payment("1", "2", "3")], [{"paid": 1}, {}])
    joint, origins = joined_problem(records, [{"paid": 1}, {}])
    assert set(joint.facts.cells) == {"0/name", "0/a", "0/b", "0/sum", "1/name", "1/c", "1/d", "1/amount"}
    assert joint.facts.same["0/paid/amount"] == "1/amount"
    assert [(one.scope, one.root) for one in joint.owed] == [("0", "0"), ("0", "0"), ("1", "1")]
    assert origins == ((0, 0), (0, 1), (1, 0))


def test_relatives_are_seen_under_their_alias_and_position():
    assert list(under_aliases({"paid": 3, "all": [5, 7], "none": []})) == [("/paid", 3), ("/all/0", 5), ("/all/1", 7)]


def test_a_cell_that_both_records_sums_contradict_is_blamed_alone():
    assert explained([bill("1.00", "2.00", "3.00"), payment("1.50", "1.50", "8.00")], [{"paid": 1}, {}]) == [[("1/amount",)]]
    assert explained([bill("1.00", "2.00", "8.00"), payment("1.50", "1.50", "3.00")], [{"paid": 1}, {}]) == [[("0/sum",)]]


def test_totals_that_no_own_sum_proves_may_be_wrong_in_either_record():
    records = [bill(None, None, "3.00"), payment(None, None, "4.00")]
    assert explained(records, [{"paid": 1}, {}]) == [[("0/sum",), ("1/amount",)]]


def test_a_total_that_its_own_sum_proves_is_not_blamed_beside_one_that_none_does():
    assert explained([bill("1.00", "2.00", "3.00"), payment(None, None, "4.00")], [{"paid": 1}, {}]) == [[("1/amount",)]]
    assert explained([bill(None, None, "3.00"), payment("1.00", "3.00", "4.00")], [{"paid": 1}, {}]) == [[("0/sum",)]]


def test_failing_checks_of_records_that_share_no_cell_are_blocks_of_their_own():
    kin = [{"paid": 2}, {"paid": 3}, {}, {}]
    records = [bill("1.00", "2.00", "3.00"), bill("1.00", "2.00", "3.00"), payment("1.00", "2.00", "9.00"), payment("1.00", "2.00", "7.00")]
    assert sorted(explained(records, kin)) == [[("2/amount",)], [("3/amount",)]]


def test_members_in_another_unit_than_their_total_are_compared_in_base_units():
    records = [form(REPORT, count="2", total="6.5"), payment("30000", "20000", "50000"), payment("9000", "6000", "15000")]
    assert explained(records, [{"payments": [1, 2]}, {}, {}]) == []
    records[2] = payment("9000", "6000", "51000")
    assert explained(records, [{"payments": [1, 2]}, {}, {}]) == [[("2/amount",)]]
    records[2] = payment("9000", "6000", "15000")
    records[0] = form(REPORT, count="2", total="65")
    assert explained(records, [{"payments": [1, 2]}, {}, {}]) == [[("0/total",)]]


def test_a_related_record_may_be_lost():
    records = [form(REPORT, count="3", total="6.5"), payment("10000", "20000", "30000"), payment("9000", "6000", "15000")]
    assert explained(records, [{"payments": [1, 2]}, {}, {}]) == [[("0/payments/-",)]]
    joint, _ = joined_problem(confronted(records, [{"payments": [1, 2]}, {}, {}]), [{"payments": [1, 2]}, {}, {}])
    assert joint.more_rows == {"0/payments": ("-",)}


def test_where_no_related_record_is_there_the_first_may_be_lost():
    records = confronted([form(REPORT, count="1", total="6.5")], [{"payments": []}])
    joint, _ = joined_problem(records, [{"payments": []}])
    assert joint.more_rows == {"0/payments": ("-",)}
    assert "0/payments/-" in [suspect.name for suspect in joint.suspects]
    assert explained(records, [{"payments": []}]) == [[("0/count",)]]


def test_a_figure_printed_as_approximate_is_owed_less_in_the_joint_problem_too():
    page = "Sum about 3"
    about = on_page(BILL, page, {"/name": None, "/sum": "3"}, {})
    other = on_page(PAYMENT, None, {"/name": None, "/amount": "3.4"}, {})
    records = confronted([about, other], [{"paid": 1}, {}])
    joint, origins = joined_problem(records, [{"paid": 1}, {}])
    levels = {records[number].checks[origin].id: one.level for one, (number, origin) in zip(joint.owed, origins, strict=True)}
    assert levels == {"adds": "underlying", "paid-in-full": "underlying", "pays": "print"}


def test_a_figure_printed_as_approximate_lowers_what_its_relatives_owe():
    sure = on_page(BILL, None, {"/name": None, "/sum": "3"}, {})
    about = on_page(PAYMENT, "Amount about 3.4", {"/name": None, "/amount": "3.4"}, {})
    first, second = confronted([sure, about], [{"paid": 1}, {}])
    assert [(checked.id, checked.requires) for checked in first.checks] == [("adds", "print"), ("paid-in-full", "underlying")]
    assert [(checked.id, checked.requires) for checked in second.checks] == [("pays", "underlying")]


def test_a_partner_that_is_not_there_makes_a_check_not_applicable():
    records = confronted([bill("1", "2", "3")], [{}])
    assert [(checked.id, checked.holds) for checked in records[0].checks] == [("adds", True), ("paid-in-full", None)]
    assert localise(joined_problem(records, [{}])[0]).status is Status.HOLDS


def test_a_record_was_not_lost_where_the_count_holds():
    records = [form(REPORT, count="2", total="6.6"), payment("30000", "20000", "50000"), payment("9000", "6000", "15000")]
    assert ("0/payments/-",) not in [one for block in explained(stand(records), [{"payments": [1, 2]}, {}, {}]) for one in block]


def stand(records):
    """The same records, each with a page that prints all of it."""
    pages = []
    for record in records:
        texts = {place: value.text for place, (_, value) in record.values.items()}
        pages.append(on_page(record.schema, "\n".join(filter(None, texts.values())), texts, {}))
    return pages
