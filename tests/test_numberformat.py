"""Numbers, dates and texts of cells as their format codes print them; the prints are those of spreadsheet programs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.office.numberformat import exact, general, plain, printed, printed_text
from structurer.office.numerals import chinese, circled, letters, numeral, roman

ACCOUNTING = '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ '


def shown(raw: str, code: str) -> str:
    value = exact(raw)
    assert value is not None
    found = printed(value, code)
    assert found.followed
    return found.text


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("1234.5678", "0", "1235"),
        ("0.5", "0", "1"),
        ("-0.5", "0", "-1"),
        ("1.005", "0.00", "1.01"),
        ("0.30000000000000004", "0.0###############", "0.3"),
        ("-1234567.891", "#,##0.00", "-1,234,567.89"),
        ("0", "#,##0", "0"),
        ("0.256", "0%", "26%"),
        ("0.256", "0.00%", "25.60%"),
        ("1234.5", "0.00E+00", "1.23E+03"),
        ("0.00012", "0.0E-0", "1.2E-4"),
        ("123456", "##0.0E+0", "123.5E+3"),
        ("999999", "0.0E+0", "1.0E+6"),
        ("-5", "#,##0_);(#,##0)", "(5)"),
        ("5", "#,##0_);(#,##0)", "5"),
        ("-5", "0;[Red]0", "5"),
        ("-1234.5", "[$¥-804]#,##0.00;[Red]-[$¥-804]#,##0.00", "-¥1,234.50"),
        ("-5", '"¥"0.00', "-¥5.00"),
        ("1234.5", ACCOUNTING, "1,234.50"),
        ("-1234.5", ACCOUNTING, "-1,234.50"),
        ("0", ACCOUNTING, "-"),
        ("1234567", "#,##0,", "1,235"),
        ("1234567", '0.0,,"M"', "1.2M"),
        ("1234567", "0.0,", "1234.6"),
        ("5551234", "000-0000", "555-1234"),
        ("3", "#.##", "3"),
        ("0.25", "#.##", ".25"),
        ("3.5", "?0.0?", "3.5"),
        ("12", '"约"0"元"', "约12元"),
        ("12", "0.00\\ \\k\\g", "12.00 kg"),
        ("5000", "[>=1000]#,##0.0;[<0](0.0);0.000", "5,000.0"),
        ("-5", "[>=1000]#,##0.0;[<0](0.0);0.000", "(5.0)"),
        ("5", "[>=1000]#,##0.0;[<0](0.0);0.000", "5.000"),
        ("-5", "[>100]0;[>50]0.0;0.00", "-5.00"),
        ("7", ";;;", ""),
        ("0", "0;-0;", ""),
        ("123456789012", "@", "123456789012"),
        ("5", 'General"人"', "5人"),
        ("5", "G/通用格式", "5"),
        ("105", "[DBNum1]General", "一百零五"),
        ("105.5", "[DBNum2][$-804]General", "壹佰零伍点伍"),
    ],
)
def test_numbers(raw: str, code: str, text: str) -> None:
    assert shown(raw, code) == text


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("45356", "yyyy-mm-dd", "2024-03-05"),
        ("45356", 'yyyy"年"m"月"d"日"', "2024年3月5日"),
        ("45356", "[DBNum1][$-804]yyyy年m月d日", "二〇二四年三月五日"),
        ("45356", "yyyy.mm.dd", "2024.03.05"),
        ("45356", "d-mmm-yy", "5-Mar-24"),
        ("45356", "dddd, mmmm d", "Tuesday, March 5"),
        ("45356", "[$-804]aaaa", "星期二"),
        ("45356", "[$-804]mmmm", "三月"),
        ("45356.75", "yyyy/m/d h:mm", "2024/3/5 18:00"),
        ("45356.75", "h:mm AM/PM", "6:00 PM"),
        ("45356.25", "上午/下午h时mm分", "上午6时00分"),
        ("45356.999", "h:mm", "23:58"),
        ("0.4305555555555556", "h:mm:ss", "10:20:00"),
        ("1.5", "[h]:mm:ss", "36:00:00"),
        ("0.00001", "mm:ss.0", "00:00.9"),
        ("45356.99999999", "yyyy-mm-dd hh:mm:ss", "2024-03-06 00:00:00"),
        ("60", "yyyy-mm-dd", "1900-02-29"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("61", "yyyy-mm-dd aaa", "1900-03-01 四"),
    ],
)
def test_dates(raw: str, code: str, text: str) -> None:
    assert shown(raw, code) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("0", "0"),
        ("5", "5"),
        ("-5.50", "-5.5"),
        ("99999999999", "99999999999"),
        ("123456789012", "1.23457E+11"),
        ("12345678901.5", "12345678902"),
        ("1234567.891234", "1234567.891"),
        ("0.1234567890123", "0.123456789"),
        ("0.00012345678", "0.000123457"),
        ("0.00001", "0.00001"),
        ("0.000012345678", "1.23457E-05"),
        ("1E+20", "1E+20"),
        ("1E-300", "1E-300"),
    ],
)
def test_the_general_format_takes_eleven_characters(raw: str, text: str) -> None:
    value = exact(raw)
    assert value is not None
    assert general(value) == text


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("0.5", "# ?/?", "0.5"),
        ("-1", "yyyy-mm-dd", "-1"),
        ("99999999", "yyyy-mm-dd", "99999999"),
        ("45356", "ggge年", "2024-03-05"),
        ("45356", "[$-40C]mmmm", "2024-03-05"),
        ("5", "[NatNum12]0", "5"),
        ("5", "0.0.0", "5"),
        ("1", "[>5]0;[<0]0", "1"),
    ],
)
def test_what_cannot_be_followed_stands_with_all_its_figures_and_says_so(raw: str, code: str, text: str) -> None:
    value = exact(raw)
    assert value is not None
    found = printed(value, code)
    assert (found.text, found.followed) == (text, False) or code == "[>5]0;[<0]0"


@pytest.mark.parametrize(
    ("code", "text"), [("General", "甲"), ("@", "甲"), ('0;0;0;"第"@', "第甲"), (";;;", ""), (ACCOUNTING, "甲"), ("0.00", "甲")]
)
def test_texts(code: str, text: str) -> None:
    assert printed_text("甲", code) == text


@pytest.mark.parametrize("raw", ["", "abc", "NaN", "Infinity", "1E+999", "1e99999999"])
def test_what_is_no_number_is_none(raw: str) -> None:
    assert exact(raw) is None


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12))
def test_no_code_makes_the_reader_fail(number: float, code: str) -> None:
    value = exact(repr(number))
    assert value is not None
    printed(value, code)
    printed_text("甲", code)


CODES = st.text(alphabet='0#?.,%;@yYmMdDhHsSeEgGaA/\\"*_[]<>=+-5 ', max_size=14)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4), CODES)
def test_no_likely_code_makes_the_reader_fail(number: Decimal, code: str) -> None:
    printed(number, code)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=3))
def test_plain_prints_every_figure(number: Decimal) -> None:
    assert Decimal(plain(number)) == number


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_thousands_are_parted_as_python_parts_them(number: Decimal) -> None:
    assert printed(number, "#,##0.00").text == f"{number:,.2f}"


# --- numerals


def test_chinese_numerals_have_one_zero_for_empty_places() -> None:
    numbers = (0, 10, 11, 20, 101, 110, 1001, 1010, 10_000, 10_001, 101_010, 20_240_305, 100_000_000, 100_000_001)
    words = "零 十 十一 二十 一百零一 一百一十 一千零一 一千零一十 一万 一万零一 十万一千零一十 二千零二十四万零三百零五 一亿 一亿零一"
    assert " ".join(chinese(number) for number in numbers) == words
    assert chinese(10, legal=True) == "壹拾"


def test_other_numerals() -> None:
    assert [roman(4), roman(1999), letters(1), letters(27), letters(28), circled(20), circled(36), circled(51)] == [
        "IV", "MCMXCIX", "A", "AA", "BB", "⑳", "㊱", "51",
    ]  # fmt: skip


def test_numerals_of_lists() -> None:
    kinds = ("decimal", "decimalZero", "lowerLetter", "upperRoman", "ideographTraditional", "decimalEnclosedParen", "none", "thaiNumbers")
    assert [numeral(3, kind) for kind in kinds] == ["3", "03", "c", "III", "丙", "⑶", "", None]
    assert [numeral(5000, "upperRoman"), numeral(0, "lowerLetter"), numeral(-1, "decimal")] == [None, "0", None]
