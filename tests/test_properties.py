"""What must hold for any text: of folding, parsing, grounding, the ledger, layout and phrases."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from structurer.contracts.contract import load
from structurer.contracts.phrases import PhraseError, compile_phrase, search
from structurer.contracts.schema import Kind, Leaf, Printed
from structurer.fold import Break, Folded, caseless, fold, squeeze
from structurer.judging.ground import ground
from structurer.judging.ledger import unclaimed
from structurer.judging.parse import UNITS, parse, reckon
from structurer.layout import Layout, join
from structurer.record import Extract, Match
from structurer.segment import segment

QUICK = settings(max_examples=150, deadline=None)

PRINT = st.text(
    alphabet=st.one_of(
        st.sampled_from("0123456789.,-—()（），。；：:/%％元万亿年月日页第|｜ \t\n\f\u3000<>br&ｘx*+×{}[]…?#"), st.characters(codec="utf-8")
    ),
    max_size=60,
)
PROSE = st.text(alphabet="甲乙丙丁戊己庚辛壬癸子丑寅卯", min_size=1, max_size=12)
FULL_WIDTH = str.maketrans("0123456789.,-%", "０１２３４５６７８９．，－％")
KINDS = st.sampled_from(list(Kind))


# -- folding -----------------------------------------------------------------------------------------------------------


@QUICK
@given(PRINT)
@example("İßﬁ")
def test_folding_keeps_the_length(text):
    assert len(fold(text)) == len(text)
    assert len(caseless(text)) == len(text)


@QUICK
@given(PRINT)
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)
    assert squeeze(squeeze(text)) == squeeze(text)


@QUICK
@given(PRINT)
def test_folded_characters_are_the_squeezed_text_and_know_their_places(text):
    folded = Folded(text)
    assert folded.chars == squeeze(text)
    assert len(folded.offsets) == len(folded.chars)
    assert [fold(text[offset]) for offset in folded.offsets] == list(folded.chars)
    for index, offset in enumerate(folded.offsets):
        assert folded.index(offset) == index
        gap = index > 0 and offset - folded.offsets[index - 1] > 1
        assert (folded.break_before(index) is not Break.NONE) == (gap or index == 0)


# -- parsing -----------------------------------------------------------------------------------------------------------


@QUICK
@given(PRINT, KINDS, st.lists(st.text(min_size=1, max_size=3), max_size=3).map(tuple))
@example("²", Kind.NUMBER, ())
@example("٣年", Kind.YEAR, ())
@example("00000000", Kind.DATE, ())
@example("1/0", Kind.EXPRESSION, ())
def test_no_text_makes_parsing_fail(text, kind, choices):
    parsed = parse(text, kind, choices)
    assert parsed.error is None or parsed.value is None or kind is Kind.EXPRESSION
    assert parsed.number is None or isinstance(parsed.number, Fraction)
    assert parsed.decimals >= 0


@QUICK
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12), st.integers(0, 4))
def test_decimals_come_back_as_they_were_printed(number, places):
    printed = f"{number:.{places}f}"
    parsed = parse(printed, Kind.NUMBER)
    assert (parsed.value, parsed.number, parsed.decimals, parsed.error) == (printed, Fraction(printed), places, None)


@QUICK
@given(st.integers(0, 10**15), st.integers(0, 99), st.sampled_from(["", "¥", "$"]), st.sampled_from(["", *UNITS]))
def test_separators_widths_signs_and_breaks_do_not_change_a_number(whole, cents, sign, unit):
    plain, printed = f"{whole}.{cents:02}", f"{sign}{whole:,}.{cents:02}{unit}"
    scale = UNITS.get(unit)
    for text in (printed, printed.translate(FULL_WIDTH), "\n".join(printed), f" {printed}\t"):
        parsed = parse(text, Kind.NUMBER)
        assert (parsed.value, parsed.number, parsed.scale) == (plain, Fraction(plain), scale)


@QUICK
@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_come_back(number):
    assert parse(f"{number:,}", Kind.INTEGER).value == number


@QUICK
@given(st.dates())
def test_dates_come_back_from_their_prints(day):
    prints = [
        day.isoformat(), f"{day.year:04}年{day.month}月{day.day}日", f"{day.year:04}.{day.month}.{day.day}", f"{day:%d %B} {day.year:04}",
        f"{day:%b} {day.day}, {day.year:04}", day.isoformat().translate(FULL_WIDTH),
    ]  # fmt: skip
    assert {parse(text, Kind.DATE).value for text in prints} == {day.isoformat()}
    assert parse(f"{day.year:04}年{day.month}月", Kind.MONTH).value == f"{day:%Y-%m}"[-7:].rjust(7, "0")


NUMBERS = st.decimals(min_value=0, max_value=10**6, places=2, allow_nan=False).map(lambda number: (f"{number:,}", Fraction(number)))


def combined(parts):
    (left, left_value), operator, (right, right_value) = parts
    if operator == "/" and right_value == 0:
        operator = "+"
    value = {"+": left_value + right_value, "-": left_value - right_value, "*": left_value * right_value}.get(operator)
    return f"({left}{operator}{right})", left_value / right_value if value is None else value


EXPRESSIONS = st.recursive(NUMBERS, lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(combined), max_leaves=12)


@QUICK
@given(EXPRESSIONS, st.sampled_from([("*", "×"), ("*", "x"), ("/", "÷"), ("(", "（"), (",", "")]))
def test_reckoning_agrees_with_exact_fractions(expression, swap):
    printed, value = expression
    if len(printed) < 400:
        assert reckon(printed.replace(*swap)) == value


@QUICK
@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(1, 99)), min_size=1, max_size=10))
def test_reckoning_keeps_the_precedence_of_operators(links):
    printed = "7" + "".join(f"{operator}{number}" for operator, number in links)
    wrapped = "Fraction(7)" + "".join(f"{operator}Fraction({number})" for operator, number in links)
    assert reckon(printed) == eval(wrapped, {"Fraction": Fraction})  # noqa: S307 -- Python is the oracle, the text is made above


# -- layout and ledger -------------------------------------------------------------------------------------------------


@QUICK
@given(PRINT)
def test_a_layout_loses_no_ink_but_furniture(text):
    layout = Layout(text, 0, len(text))
    assert len(layout.clean) == len(text)
    furniture = {offset for start, end in layout.furniture for offset in range(start, end)}
    chunks = [chunk for line in layout.lines for chunk in line.chunks]
    inside = {offset for chunk in chunks for offset in range(chunk.start, chunk.end)}
    lost = [text[offset] for offset in range(len(text)) if offset not in inside | furniture and not text[offset].isspace()]
    assert set(lost) <= {"|", "｜"}
    assert all(one.end <= two.start for one, two in pairwise(chunks))
    assert all(layout.clean[chunk.start : chunk.end] == layout.clean[chunk.start : chunk.end].strip() != "" for chunk in chunks)


@QUICK
@given(PRINT, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=5))
def test_claims_and_what_is_unclaimed_cover_all_ink(text, claims):
    layout = Layout(text, 0, len(text))
    found = unclaimed(layout, claims)
    covered = {offset for start, end in [*claims, *((entry.start, entry.end) for entry in found)] for offset in range(start, end)}
    assert not [char for offset, char in enumerate(layout.clean) if char.isalnum() and offset not in covered]
    claimed = {offset for start, end in claims for offset in range(start, end)}
    for entry in found:
        inside = [offset for offset in range(entry.start, entry.end) if not layout.clean[offset].isspace()]
        assert inside
        assert not claimed & set(inside)


@QUICK
@given(st.lists(PRINT, max_size=4))
def test_joining_keeps_every_character(pieces):
    assert squeeze(join(pieces)) == squeeze("".join(pieces)).replace("|", "")


# -- grounding ---------------------------------------------------------------------------------------------------------


@QUICK
@given(PROSE, PROSE, PROSE, st.lists(st.integers(0, 11), max_size=3), st.sampled_from(["\n", " ", "\n\n  ", "\t"]))
def test_a_value_cut_from_a_page_is_found_again_whatever_breaks_it(before, value, behind, cuts, gap):
    printed = "".join(char + (gap if index in cuts and index < len(value) - 1 else "") for index, char in enumerate(value))
    page = f"{before}\n{printed} {behind}"
    ((spans, match),) = located(page, Kind.TEXT, value)
    assert [squeeze(page[start:end]) for start, end in spans] == [value]
    assert match is (Match.EXACT if page[spans[0][0] : spans[0][1]] == value else Match.NORMALISED)


@QUICK
@given(st.lists(st.integers(0, 9999).map(str), min_size=1, max_size=8))
def test_the_figures_of_a_page_are_found_in_their_order(figures):
    page = " ".join(figures)
    spans = [spans for spans, _ in located(page, Kind.NUMBER, *figures)]
    assert [page[start:end] for ((start, end),) in spans] == figures
    assert spans == sorted(spans)


@QUICK
@given(PRINT, PRINT, KINDS)
def test_whatever_is_found_stands_there_and_what_is_exact_stands_verbatim(page, value, kind):
    for spans, match in located(page, kind, value):
        assert bool(spans) == (match is not Match.NONE)
        if match in (Match.EXACT, Match.NORMALISED):
            assert "".join(squeeze(page[start:end]) for start, end in spans) == squeeze(value)


@QUICK
@given(st.lists(st.decimals(0, 99, places=2).map(str), max_size=6), st.decimals(0, 99, places=2).map(str))
def test_a_figure_that_is_not_on_the_page_is_never_found(figures, value):
    ((_, match),) = located(" ".join(figures), Kind.NUMBER, value)
    assert (match is Match.EXACT) == (value in figures)
    assert (match is Match.NONE) == (value not in figures)


def located(page, kind, *values):
    leaf = Leaf("a", ("a",), kind, Printed())
    found = ground(Layout(page, 0, len(page)), [(f"/{number}", leaf, Extract(value)) for number, value in enumerate(values)]).found
    return list(found.values())


# -- phrases and segments ----------------------------------------------------------------------------------------------


@QUICK
@given(PRINT, PRINT)
@example("[a]{n}", "1")
@example("{n}{t}", "1 x")
def test_a_phrase_is_refused_or_finds_what_stands_on_the_page(text, page):
    fields = (("n", Kind.NUMBER, ()), ("t", Kind.TEXT, ()), ("u", Kind.UNIT, ("元", "万元")))
    folded = Folded(page)
    for source in (text, f"{text}{{n}}", f"{{t}}{text}"):
        try:
            found = search(compile_phrase(source, fields), folded, 0, len(folded.chars))
        except PhraseError:
            continue
        if found is not None:
            assert 0 <= found.first < found.last <= len(folded.chars)
            assert all(found.first <= first < last <= len(folded.chars) for first, last in found.captures.values())


@QUICK
@given(st.lists(st.sampled_from(["采购单", "编号 1", "数量 2", "自评表", "项目", "目标", "", "x", "\f", "- 3 -", "采购单。"]), max_size=12))
def test_segments_and_what_is_left_cover_the_text_once(lines):
    text = "\n".join(lines)
    found, left = segment(text, SCHEMAS)
    stretches = sorted([(part.start, part.end) for part in found] + list(left))
    assert all(start < end for start, end in stretches)
    assert all(one[1] <= two[0] for one, two in pairwise(stretches))
    covered = {offset for start, end in stretches for offset in range(start, end)}
    assert not [char for offset, char in enumerate(text) if offset not in covered and not char.isspace()]


def form(kind, anchor, *labels):
    return load({"type": "object", "x-anchors": [anchor], "properties": {label: {"type": "string"} for label in labels}}, kind=kind)


SCHEMAS = (form("order", "采购单", "编号", "数量"), form("report", "自评表", "项目", "目标"))
