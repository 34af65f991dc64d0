"""How many independent checks prove each figure."""

from __future__ import annotations

from typing import Any

import pytest
from made import LINES, NUMBER, on_page

from structurer.contracts.contract import load
from structurer.judging.blame import confronted
from structurer.judging.pins import pins


def pinned(checks: list[Any], rows: dict[str, int] | None = None, properties: dict[str, Any] | None = None, **texts: str) -> dict[str, int]:
    names = {name.partition("_")[0] for name in texts if not name.startswith("lines")}
    fields = {**dict.fromkeys(sorted(names), NUMBER), "lines": LINES, **(properties or {})}
    form = load({"type": "object", "properties": fields, "x-checks": checks}, kind="k")
    pending = on_page(form, None, {"/" + name.replace("_", "/"): text for name, text in texts.items()}, rows or {})
    (judged,) = confronted([pending], [{}])
    return pins(judged)


def test_an_equality_proves_all_its_figures():
    assert pinned(["t == a + b"], t="3.00", a="1.00", b="2.00") == {"/t": 1, "/a": 1, "/b": 1}


@pytest.mark.parametrize("check", ["a <= b", "a < b", "b >= a", "a != b", "present(a)", "b - a <= 1 && a <= b"])
def test_an_order_proves_nothing(check):
    assert pinned([check], a="1.00", b="2.00") == {}


def test_a_check_that_fails_or_does_not_apply_proves_nothing():
    assert pinned(["t == a + b"], t="3.10", a="1.00", b="2.00") == {}
    assert pinned(["t == a + b"], t="3.00", a="1.00", b="-") == {}


def test_a_coarse_rate_proves_itself_and_not_the_amounts():
    found = pinned(["r == a / b * 100"], r="33.3", a="1234.56", b="3703.68")
    assert found == {"/r": 1}


def test_a_rate_proves_amounts_that_are_as_coarse():
    assert pinned(["r == a / b * 100"], r="50.00", a="1", b="2") == {"/r": 1, "/a": 1, "/b": 1}


def test_checks_that_read_other_cells_are_independent():
    found = pinned(["t == a + b", "u == t + c"], t="3.00", a="1.00", b="2.00", u="7.00", c="4.00")
    assert found == {"/t": 2, "/a": 1, "/b": 1, "/u": 1, "/c": 1}


def test_checks_that_read_the_same_cells_are_one_proof():
    assert pinned(["t == a + b", "a == t - b", "b == t - a"], t="3.00", a="1.00", b="2.00") == {"/t": 1, "/a": 1, "/b": 1}


def test_a_sum_proves_every_row_of_a_list():
    texts = {"lines_0_price": "1.20", "lines_1_price": "2.30", "total": "3.50"}
    assert pinned(["total == sum(lines[*].price)"], {"/lines": 2}, **texts) == {"/lines/0/price": 1, "/lines/1/price": 1, "/total": 1}


def test_a_count_proves_itself():
    assert pinned(["n == count(lines[*])"], {"/lines": 2}, {"n": {"type": "integer"}}, n="2") == {"/n": 1}


def test_a_coarse_total_does_not_prove_fine_members():
    assert pinned(["t == a + b"], t="4", a="1.234", b="2.345") == {"/t": 1}


def test_an_equality_that_must_be_exact_leaves_no_room():
    found = pinned([{"id": "e", "check": "t == a + b", "requires": "exact"}], t="3", a="1.00", b="2.00")
    assert found == {"/t": 1, "/a": 1, "/b": 1}


def test_a_figure_with_a_factor_is_held_the_more_firmly():
    assert pinned(["t == 1000 * a"], t="3000", a="3.00") == {"/t": 1, "/a": 1}
    assert pinned(["t == a / 1000"], t="3.00", a="3000") == {"/t": 1}


def test_alternatives_prove_only_a_figure_that_all_of_them_would_miss():
    assert pinned(["a == b || a <= 100"], a="2.00", b="2.00") == {}
    assert pinned(["a == b || a == c"], a="2.00", b="2.00", c="5.00") == {"/b": 1}


def test_a_premise_that_does_not_hold_proves_nothing():
    assert pinned(["a > 10 -> b == c"], a="1.00", b="2.00", c="2.00") == {}
    assert pinned(["a > 10 -> b == c"], a="11.00", b="2.00", c="2.00") == {"/b": 1, "/c": 1}


def test_a_product_proves_its_factors_where_they_are_coarse_enough():
    assert pinned(["t == a * b"], t="6.00", a="2", b="3") == {"/t": 1, "/a": 1, "/b": 1}
    assert pinned(["t == a * b"], t="6", a="2.000", b="3.000") == {"/t": 1}


def test_texts_that_agree_prove_no_figure():
    assert pinned(['name == "甲"'], properties={"name": {"type": "string"}}, name="甲") == {}


def test_a_check_over_more_cells_than_are_read_proves_nothing(monkeypatch):
    import structurer.arithmetic.facts
    import structurer.localisation.binding

    texts = {"lines_0_price": "1.20", "lines_1_price": "2.30", "total": "3.50"}
    assert pinned(["total == sum(lines[*].price)"], {"/lines": 2}, **texts) != {}
    for module in (structurer.arithmetic.facts, structurer.localisation.binding):
        if hasattr(module, "MAX_CELLS"):
            monkeypatch.setattr(module, "MAX_CELLS", 1)
    assert pinned(["total == sum(lines[*].price)"], {"/lines": 2}, **texts) == {}
