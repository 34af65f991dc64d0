"""What a figure may be a misreading of: every error is undone, exactly, without noise and within bounds."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from structurer.contracts.schema import Kind
from structurer.fold import squeeze
from structurer.judging.candidates import ALIKE, CLOSEST, LETTERS, MAX_VARIANTS, ONE_SEGMENT_APART, Candidate, Origin, nearest, variants
from structurer.judging.parse import MAX_DIGITS, UNITS, parse

QUICK = settings(max_examples=150, deadline=None)
FULL_WIDTH = str.maketrans("0123456789.,-%()OlS", "０１２３４５６７８９．，－％（）ＯｌＳ")
LIKELIHOOD = list(Origin)  # declared from the likeliest
SEGMENTS = dict(zip("0123456789", ["abcdef", "bc", "abged", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"], strict=True))


@st.composite
def figures(draw, digits=10, decimals=4):
    """The text of a figure without needless zeros in front, plain or with separators."""
    whole = draw(st.one_of(st.just("0"), st.from_regex(rf"[1-9][0-9]{{0,{digits - 1}}}", fullmatch=True)))
    rest = draw(st.text("0123456789", max_size=decimals))
    whole = f"{int(whole):,}" if draw(st.booleans()) else whole
    return whole + ("." + rest if rest else "")


@st.composite
def dressed(draw):
    """Figures with all that `parse` reads around them, in any width and with white space; and some that it does not read."""
    head = draw(st.sampled_from(["", "", "-", "+", "(", "¥", "-$", "$(", "USD", "USD-", "($-", "$$"]))
    tail = draw(st.sampled_from(["", "", ")", "元", "万元", "亿", "百万元", "%", "(%)", ")%", "%)", "EUR", ")千元", "€", "人"]))
    zeros = draw(st.sampled_from(["", "", "0", "00"]))
    text = head + zeros + draw(figures(14, 6)) + tail
    return f" {text.translate(FULL_WIDTH)}\n" if draw(st.booleans()) else text


def value(text):
    return parse(text, Kind.PERCENT if "%" in squeeze(text) else Kind.NUMBER).number


def undone(printed, read, origin):
    """Whether the print's value is among the variants of the reading, by this origin or a likelier one."""
    assume(value(printed) != value(read))
    found = [candidate for candidate in variants(read) if value(candidate.text) == value(printed)]
    likely = [candidate for candidate in found if LIKELIHOOD.index(candidate.origin) <= LIKELIHOOD.index(origin)]
    return bool(likely)


def digit_places(text):
    return [place for place, char in enumerate(text) if char.isdigit()]


def partners(pairs, digit):
    return [pair.replace(digit, "") for pair in pairs if digit in pair]


# -- every error is undone ---------------------------------------------------------------------------------------------


@QUICK
@given(figures(), st.data())
def test_a_digit_read_for_one_like_it_is_undone(printed, data):
    place = data.draw(st.sampled_from(digit_places(printed)))
    read = printed[:place] + data.draw(st.sampled_from(partners(ALIKE, printed[place]))) + printed[place + 1 :]
    assert undone(printed, read, Origin.CONFUSION)


@QUICK
@given(figures(), st.data())
def test_two_digits_read_for_those_most_like_them_are_undone(printed, data):
    places = [place for place in digit_places(printed) if partners(CLOSEST, printed[place])]
    assume(len(places) > 1)
    read = list(printed)
    for place in data.draw(st.lists(st.sampled_from(places), min_size=2, max_size=2, unique=True)):
        read[place] = data.draw(st.sampled_from(partners(CLOSEST, printed[place])))
    assert undone(printed, "".join(read), Origin.SIGN)  # two confused digits are the least likely of all


@QUICK
@given(figures(), st.data())
def test_digits_read_as_letters_are_undone(printed, data):
    read = list(printed)
    for place in data.draw(st.sets(st.sampled_from(digit_places(printed)), min_size=1)):
        letters = [letter for letter, digit in LETTERS.items() if digit == printed[place]]
        read[place] = data.draw(st.sampled_from(letters)) if letters else printed[place]
    text = "".join(read)
    assume(text != printed and not re.search("[A-Z]{3}", text))
    for width in (text, text.translate(FULL_WIDTH)):
        assert printed in [candidate.text for candidate in variants(width) if candidate.origin is Origin.CONFUSION]


@QUICK
@given(figures(), st.data())
def test_exchanged_neighbours_are_undone(printed, data):
    places = [place for place in digit_places(printed)[:-1] if printed[place + 1].isdigit()]
    assume(places)
    place = data.draw(st.sampled_from(places))
    read = printed[:place] + printed[place + 1] + printed[place] + printed[place + 2 :]
    assert undone(printed, read, Origin.TRANSPOSITION)


@QUICK
@given(st.integers(1, 10**10), st.integers(0, 6), st.integers(0, 6))
def test_a_point_lost_gained_or_moved_is_undone(number, before, after):
    digits = str(number).zfill(max(before, after) + 1)
    printed, read = (f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}".rstrip(".") for places in (before, after))
    assume(printed[:2] == "0." or printed[0] != "0")
    assert undone(printed, read, Origin.POINT)


@QUICK
@given(figures(), st.data())
def test_a_lost_digit_is_undone(printed, data):
    place = data.draw(st.sampled_from(digit_places(printed)))
    read = (printed[:place] + printed[place + 1 :]).replace(",", "").rstrip(".")
    assume(value(read) is not None)
    assume("." not in printed or "." in read)  # the only decimal takes the point along: that is two characters
    assert undone(printed, read, Origin.DROPPED)


@QUICK
@given(figures(), st.data())
def test_a_digit_too_much_is_undone(printed, data):
    place = data.draw(st.integers(0, len(printed)))
    digit = data.draw(st.one_of(st.sampled_from("0123456789"), st.just(printed[place - 1 : place].strip(".,") or "1")))
    read = (printed[:place] + digit + printed[place:]).replace(",", "")
    assert undone(printed, read, Origin.DOUBLED)


@QUICK
@given(st.integers(10**6, 10**13), st.text("0123456789", min_size=1, max_size=4), st.data())
def test_separators_lost_or_taken_for_the_point_and_the_point_for_a_separator_are_undone(whole, decimals, data):
    printed = f"{whole:,}" + data.draw(st.sampled_from(["", f".{decimals}"]))
    comma = data.draw(st.sampled_from([place for place, char in enumerate(printed) if char == ","]))
    errors = [printed.replace(",", "."), printed.replace(".", ",")] + [printed[:comma] + mark + printed[comma + 1 :] for mark in (".", "")]
    assert undone(printed, data.draw(st.sampled_from(errors)), Origin.SEPARATOR)


@QUICK
@given(figures(), st.sampled_from(list(UNITS)), st.sampled_from(list(UNITS)))
def test_a_figure_of_another_unit_is_undone(printed, its, taken):
    number = value(printed) * Fraction(UNITS[its], UNITS[taken])
    assert number == value(printed) or number in [value(candidate.text) for candidate in variants(printed + taken)]
    assert number == value(printed) or number in [value(candidate.text) for candidate in variants(printed)]


@QUICK
@given(figures(), st.sampled_from(["{}", "-{}", "({})", "-${}", "$({})", "USD-{}"]), st.sampled_from(["", "万元", "%", "(%)"]))
def test_a_lost_or_stray_sign_is_undone(printed, sign, unit):
    assume(value(printed) != 0)
    read = sign.format(printed) + unit
    minus = [candidate for candidate in variants(read) if value(candidate.text) == -value(read)]
    assert [candidate.origin for candidate in minus] == [Origin.SIGN]


# -- what they are -----------------------------------------------------------------------------------------------------


@QUICK
@given(dressed())
def test_candidates_are_figures_of_other_value_without_repetition_and_within_bounds(text):
    found = variants(text)
    assert found or value(text) is None
    assert len({candidate.text for candidate in found}) == len(found) <= MAX_VARIANTS
    assert all(value(candidate.text) not in (None, value(text)) for candidate in found)
    assert all(candidate.words and "{" not in candidate.words for candidate in found)


@QUICK
@given(dressed())
def test_the_fast_value_is_the_one_that_parse_gives(text):
    asked: list[Fraction] = []
    own = value(text)
    found = nearest(text, lambda number: asked.append(number) or number != own)
    values = {value(candidate.text) for candidate in found}
    assert values == {number for number in asked if number != own} or (own is None and values <= set(asked))
    assert all(type(number) is Fraction for number in asked)


@QUICK
@given(dressed(), st.fractions(), st.fractions())
def test_the_nearest_are_the_variants_that_are_wanted(text, one, two):
    low, high = sorted((one * 1000, two * 1000))
    assert nearest(text, lambda number: low <= number <= high) == tuple(
        candidate for candidate in variants(text) if low <= value(candidate.text) <= high
    )


@QUICK
@given(st.text(alphabet="0123456789.,-()%OlSB元万 \n〇①٣½人", max_size=20))
def test_any_text_at_all_is_answered(text):
    found = variants(text)
    assert all(value(candidate.text) not in (None, value(text)) for candidate in found)


@pytest.mark.parametrize("digit", "0123456789")
@pytest.mark.parametrize("size", [10, 20, MAX_DIGITS - 1, MAX_DIGITS])
def test_the_longest_figures_stay_within_the_bound(digit, size):
    found = variants(digit * size)
    assert len(found) <= MAX_VARIANTS
    assert all(value(candidate.text) is not None for candidate in found)


def test_the_likelier_origins_come_first():
    origins = list(dict.fromkeys(candidate.origin for candidate in variants("1.368")))
    assert origins == [
        Origin.CONFUSION, Origin.POINT, Origin.TRANSPOSITION, Origin.DROPPED, Origin.DOUBLED, Origin.SEPARATOR, Origin.UNIT, Origin.SIGN
    ]  # fmt: skip
    assert " and " in variants("1.368")[-1].words


@pytest.mark.parametrize(
    "text", ["", " ", "-", "无", "%", "人", "三", "1e5", "3人", "约3", "--5", "2024-03-15", "2024.03.15", "1.2.3", "1" * 41, "٣"]
)
def test_what_is_no_figure_has_no_candidates(text):
    assert variants(text) == ()


def test_a_text_too_long_for_a_figure_has_no_candidates():
    assert variants("1,.," * 100_000 + "x1") == ()


@pytest.mark.parametrize(
    ("read", "printed", "origin", "words"),
    [
        ("126.50", "128.50", Origin.CONFUSION, "'6' read for '8'"),
        ("1,260.5万元", "1,280.5万元", Origin.CONFUSION, "'6' read for '8'"),
        ("６.5%", "8.5%", Origin.CONFUSION, "'6' read for '8'"),
        ("1616", "1818", Origin.CONFUSION, "'6' read for '8' and '6' for '8'"),
        ("l2.5O", "12.50", Origin.CONFUSION, "'l' read for '1' and 'O' read for '0'"),
        ("USD12.3O", "USD12.30", Origin.CONFUSION, "'O' read for '0'"),
        ("12.3O EUR", "12.30EUR", Origin.CONFUSION, "'O' read for '0'"),
        ("12SOO", "12500", Origin.CONFUSION, "'S' read for '5' and 'O' read for '0'"),
        ("lOO%", "100%", Origin.CONFUSION, "'l' read for '1' and 'O' read for '0'"),
        ("12345", "123.45", Origin.POINT, "the point was lost"),
        ("123.45", "12345", Origin.POINT, "a stray point"),
        ("12.345", "123.45", Origin.POINT, "the point moved by 1 place"),
        ("1,234.5", "123.45", Origin.POINT, "the point moved by 1 place"),
        ("12345.6", "123.456", Origin.POINT, "the point moved by 2 places"),
        ("1,236", "1,263", Origin.TRANSPOSITION, "two digits exchanged: '36' for '63'"),
        ("12", "122", Origin.DROPPED, "a '2' was lost"),
        ("1,234", "12,734", Origin.DROPPED, "a '7' was lost"),
        ("12.3", "12.34", Origin.DROPPED, "a '4' was lost"),
        ("1223", "123", Origin.DOUBLED, "'2' read twice"),
        ("12.7", "12", Origin.DOUBLED, "a stray '7'"),
        ("1.234", "1,234", Origin.SEPARATOR, "a thousands separator read as a point"),
        ("1.234.567", "1,234,567", Origin.SEPARATOR, "a thousands separator read as a point"),
        ("1,234567", "1,234,567", Origin.SEPARATOR, "a thousands separator was lost"),
        ("12,345,67元", "12,345.67元", Origin.SEPARATOR, "the point read as a thousands separator"),
        ("0,5", "0.5", Origin.SEPARATOR, "the point read as a thousands separator"),
        ("1234,567.89", "1,234,567.89", Origin.SEPARATOR, "a thousands separator was lost"),
        ("144000万元", "14.4万元", Origin.UNIT, "in 元, not 万元"),
        ("14.40元", "144000元", Origin.UNIT, "in 万元, not 元"),
        ("144000.00", "14.40", Origin.UNIT, "in a unit 10^4 smaller (元, not 万元)"),
        ("14.40", "144000", Origin.UNIT, "in a unit 10^4 larger (万元, not 元)"),
        ("0.95%", "95%", Origin.UNIT, "a fraction, not a percentage"),
        ("-5.00", "5.00", Origin.SIGN, "a stray minus or brackets"),
        ("(5.00)万元", "5.00万元", Origin.SIGN, "a stray minus or brackets"),
        ("USD5", "USD-5", Origin.SIGN, "a minus or brackets were lost"),
        ("(5", "-5", Origin.SIGN, "a minus or brackets were lost"),
    ],
)
def test_a_candidate_says_how_the_reading_came_about(read, printed, origin, words):
    assert Candidate(printed, origin, words) in variants(read)


def test_of_two_ways_to_one_print_the_likelier_stands():
    by_text = {candidate.text: candidate for candidate in variants("1,234.567")}
    assert by_text["1,234,567"].origin is Origin.POINT  # not SEPARATOR


def test_two_prints_of_one_value_both_stand():
    found = nearest("144000", lambda number: number == Fraction(144, 10))
    assert [(candidate.text, candidate.origin) for candidate in found] == [("14.4000", Origin.POINT), ("14.4", Origin.UNIT)]


def test_no_print_begins_with_a_needless_zero_unless_the_text_does():
    assert not [candidate for candidate in variants("107.5") if re.match("0[0-9]", candidate.text)]
    assert "008" in [candidate.text for candidate in variants("006")]


def test_an_interval_leaves_few():
    found = nearest("1234567890", lambda number: 1234567900 <= number <= 1234568000)
    assert 0 < len(found) < 10


def test_an_error_of_the_caller_is_passed_on():
    with pytest.raises(ZeroDivisionError):
        nearest("5", lambda number: number / 0 > 1)


# -- what looks alike --------------------------------------------------------------------------------------------------


def test_pairs_are_two_different_digits_and_stand_once():
    assert len({frozenset(pair) for pair in ALIKE}) == len(ALIKE)
    assert all(len(set(pair)) == 2 and pair.isdigit() for pair in ALIKE)
    assert set(ONE_SEGMENT_APART) < set(CLOSEST) < set(ALIKE)


def test_the_closest_pairs_are_one_segment_apart():
    apart = {one + two for one, two in combinations(SEGMENTS, 2) if len(set(SEGMENTS[one]) ^ set(SEGMENTS[two])) == 1}
    assert apart == set(ONE_SEGMENT_APART)


def test_confusion_is_symmetric():
    for one, two in ALIKE:
        assert one in {candidate.text for candidate in variants(two)}
        assert two in {candidate.text for candidate in variants(one)}
