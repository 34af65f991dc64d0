"""Printed text to values: what is read, what is blank, and what is named as unreadable."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from structurer.contracts.schema import Kind
from structurer.judging.parse import Parsed, parse, reckon


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("text", [None, "", " \n\t", "\u3000"])
def test_nothing_printed_is_blank_in_every_kind(kind, text):
    assert parse(text, kind) == Parsed(None)


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.PERCENT, Kind.INTEGER, Kind.YEAR, Kind.MONTH, Kind.DATE])
@pytest.mark.parametrize("text", ["-", "—", "——", "--", "/", "\\", "无", "N/A"])
def test_a_dash_where_a_figure_could_stand_is_blank(kind, text):
    assert parse(text, kind) == Parsed(None)


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.CODE])
def test_texts_stay_as_printed_but_for_their_edges(kind):
    assert parse("  （试行）－1 号 ", kind) == Parsed("（试行）－1 号")


@pytest.mark.parametrize(
    ("text", "value", "number", "decimals", "scale"),
    [
        ("1,127,800.00", "1127800.00", Fraction(1127800), 2, None),
        ("2.5", "2.5", Fraction(5, 2), 1, None),
        ("１２，３４５．６", "12345.6", Fraction(123456, 10), 1, None),
        ("12\n345.\n60", "12345.60", Fraction(123456, 10), 2, None),
        ("007", "007", Fraction(7), 0, None),
        ("-3.20", "-3.20", Fraction(-16, 5), 2, None),
        ("－3.20", "-3.20", Fraction(-16, 5), 2, None),
        ("+5", "5", Fraction(5), 0, None),
        ("(1,000.50)", "-1000.50", Fraction(-2001, 2), 2, None),
        ("¥1,000.50", "1000.50", Fraction(2001, 2), 2, None),
        ("$(5)", "-5", Fraction(-5), 0, None),
        ("-$5.00", "-5.00", Fraction(-5), 2, None),
        ("USD 12.30", "12.30", Fraction(123, 10), 2, None),
        ("12.30 EUR", "12.30", Fraction(123, 10), 2, None),
        ("12.30€", "12.30", Fraction(123, 10), 2, None),
        ("39.93万元", "39.93", Fraction(3993, 100), 2, 10**4),
        ("2亿", "2", Fraction(2), 0, 10**8),
        ("3百万元", "3", Fraction(3), 0, 10**6),
        ("3千元", "3", Fraction(3), 0, 1000),
        ("5元", "5", Fraction(5), 0, 1),
    ],
)
def test_a_number_is_exact_and_keeps_its_printed_decimals_and_unit(text, value, number, decimals, scale):
    assert parse(text, Kind.NUMBER) == Parsed(value, number, decimals, scale=scale)


@pytest.mark.parametrize(
    "text",
    [
        "约3",
        "3人",
        "1,23",
        "1,2345",
        "12,34,567",
        "1.",
        ".5",
        "1.2.3",
        "--5",
        "95%",
        "1e5",
        "NaN",
        "٣",
        "1" * 41,
        "½",
        "3²",
        "3 元 人",
        "万元",
    ],
)
def test_what_is_no_number_says_so_and_keeps_no_value(text):
    assert parse(text, Kind.NUMBER) == Parsed(None, error="not-a-number")


@pytest.mark.parametrize(
    ("text", "value"), [("100.00", "100.00"), ("99.5%", "99.5"), ("９９％", "99"), ("95.00(%)", "95.00"), ("(5%)", "-5"), ("-3%", "-3")]
)
def test_a_rate_is_the_number_without_its_sign(text, value):
    assert parse(text, Kind.PERCENT) == Parsed(value, Fraction(value), len(value.partition(".")[2]))


def test_a_percent_sign_alone_is_a_blank_rate():
    assert parse("%", Kind.PERCENT) == Parsed(None)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("1,234", Parsed(1234, Fraction(1234))),
        ("3.00", Parsed(3, Fraction(3))),
        ("3.5", Parsed(None, error="not-an-integer")),
        ("三", Parsed(None, error="not-a-number")),
    ],
)
def test_a_whole_number_is_an_int(text, parsed):
    assert parse(text, Kind.INTEGER) == parsed


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("（2024年度）", Parsed(2024, Fraction(2024))),
        ("2 0 2 4", Parsed(2024, Fraction(2024))),
        ("20245", Parsed(None, error="not-a-year")),
        ("1824年", Parsed(None, error="not-a-year")),
        ("今年", Parsed(None, error="not-a-year")),
    ],
)
def test_a_year_is_found_in_its_print(text, parsed):
    assert parse(text, Kind.YEAR) == parsed


@pytest.mark.parametrize("text", ["2025年3月", "2025-3", "2025.03", "2025/03", "2025年03月15日"])
def test_a_month_is_year_and_month(text):
    assert parse(text, Kind.MONTH) == Parsed("2025-03", Fraction(2025 * 12 + 3))


@pytest.mark.parametrize("text", ["2025年13月", "2025年0月", "三月", "2025", "25年3月"])
def test_what_is_no_month_says_so(text):
    assert parse(text, Kind.MONTH) == Parsed(None, error="not-a-month")


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-31",
        "2025年12月31日",
        "2025.12.31",
        "2025/12/31",
        "２０２５年１２月３１日",
        "2025年12月31",
        "20251231",
        "31/12/2025",
        "12/31/2025",
        "31.12.2025",
        "31 December 2025",
        "31st Dec. 2025",
        "December 31, 2025",
        "Dec 31 2025",
        "DEC 31st, 2025",
    ],
)
def test_a_date_in_any_of_its_prints_is_an_iso_date(text):
    assert parse(text, Kind.DATE) == Parsed("2025-12-31", Fraction(date(2025, 12, 31).toordinal()))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("2025-02-30", "no-such-day"),
        ("0000-01-01", "no-such-day"),
        ("20251332", "no-such-day"),
        ("31/13/2025", "no-such-day"),
        ("03/04/2025", "ambiguous-date"),
        ("31 Foo 2025", "not-a-date"),
        ("De 31 2025", "not-a-date"),
        ("soon", "not-a-date"),
        ("2025年", "not-a-date"),
    ],
)
def test_what_is_no_date_says_why(text, error):
    assert parse(text, Kind.DATE) == Parsed(None, error=error)


def test_a_day_that_is_its_month_is_not_ambiguous():
    assert parse("04/04/2025", Kind.DATE).value == "2025-04-04"


@pytest.mark.parametrize("kind", [Kind.CHOICE, Kind.UNIT])
def test_a_choice_is_given_as_the_schema_writes_it(kind):
    assert parse("Ｙｅ ｓ", kind, ("No", "YES")) == Parsed("YES")
    assert parse("maybe", kind, ("No", "YES")) == Parsed(None, error="not-a-choice")
    assert parse(" 万 元 ", kind) == Parsed("万元")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4000.00元*12*3", Fraction(144000)),
        ("0.35万元×7", Fraction(24500)),
        ("60元/人/天*3天*10人", Fraction(1800)),
        ("（2＋3）×4÷8", Fraction(5, 2)),
        ("100*50%", Fraction(50)),
        ("1,000元*2", Fraction(2000)),
        ("10-2-3", Fraction(5)),
        ("2亿元/4", Fraction(5 * 10**7)),
        ("3千元", Fraction(3000)),
        ("4 boxes x 3", Fraction(12)),
        ("5X3", Fraction(15)),
        ("((((1))))", Fraction(1)),
    ],
)
def test_a_printed_calculation_is_reckoned_in_base_units(text, number):
    assert reckon(text) == number
    assert parse(text, Kind.EXPRESSION) == Parsed("".join(text.split()), number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "约3*4",
        "3*",
        "*3",
        "3*/4",
        "(3",
        "3)",
        "()",
        "3=3",
        "1/0",
        "1/(2-2)",
        "3元5角",
        "1,5*2",
        "-5+3",
        "1.2.3",
        "(" * 17 + "1" + ")" * 17,
        "9" * 41,
        "1+" * 250 + "1",
        "2*(3+)",
        "2*(3",
        "1+(2",
    ],
)
def test_what_is_no_calculation_has_no_value(text):
    assert reckon(text) is None


def test_an_expression_that_cannot_be_reckoned_keeps_its_text_and_says_so():
    assert parse("3 * 约4", Kind.EXPRESSION) == Parsed("3*约4", error="not-an-expression")
