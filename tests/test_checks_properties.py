"""Properties of checks: no text and no tree can break them, and sums mean what they say."""

from __future__ import annotations

from fractions import Fraction
from time import perf_counter

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from structurer.arithmetic.checks import (
    STAR,
    Binary,
    Call,
    Check,
    CheckSyntaxError,
    Facts,
    Level,
    Node,
    Number,
    Path,
    Quantity,
    Star,
    Text,
    Unary,
    confront,
    parse,
    print_interval,
    render,
)

ULP = Fraction(1, 100)
SECONDS = 0.5  # generous for a loaded machine; a hostile text takes a few milliseconds

keys = st.sampled_from(["a", "b", "rows", "得分", "sum", "any key", 'q"\\', ""])
cells = st.builds(lambda first, parts, absolute: Path((first, *parts), absolute), keys, st.lists(keys, max_size=2), st.booleans())
lists = st.builds(lambda path, rest: Path((*path.parts, STAR, *rest), path.absolute), cells, st.lists(keys | st.just(STAR), max_size=2))
literals = st.decimals(0, 1000, places=2).map(lambda number: Number(Fraction(number), str(number)))
texts = st.text(max_size=5).map(Text)
decimals = st.integers(0, 12).map(lambda digits: Number(Fraction(digits), str(digits)))


def _numeric(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    folds = st.builds(Call, st.sampled_from(["sum", "min", "max"]), st.lists(inner | lists, min_size=1, max_size=3).map(tuple))
    roundings = st.builds(lambda name, value, digits: Call(name, (value, digits)), st.sampled_from(["round", "trunc"]), inner, decimals)
    return (
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner)
        | st.builds(Unary, st.just("-"), inner)
        | folds
        | roundings
        | inner.map(lambda value: Call("abs", (value,)))
        | st.lists(cells | lists, min_size=1, max_size=2).map(lambda counted: Call("count", tuple(counted)))
    )


numbers: st.SearchStrategy[Node] = st.recursive(cells | literals, _numeric, max_leaves=8)
bands = st.builds(lambda value, limit, first, last: Call("band", (value, limit, first, last)), numbers, literals, texts, texts)
comparisons = st.builds(Binary, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers, numbers) | st.builds(
    Binary, st.sampled_from(["==", "!=", "<"]), cells | texts | bands, cells | texts | bands
)
conditions: st.SearchStrategy[Node] = st.recursive(
    comparisons | cells.map(lambda path: Call("present", (path,))),
    lambda inner: st.builds(Binary, st.sampled_from(["&&", "||", "->"]), inner, inner) | st.builds(Unary, st.just("!"), inner),
    max_leaves=5,
)
hundredths = st.integers(-(10**8), 10**8).map(lambda count: count * ULP)


def quantity(value: Fraction, ulp: Fraction = ULP) -> Quantity:
    return Quantity(value, ulp, str(value))


def total_and_rows(total: Fraction, rows: list[Fraction], ulp: Fraction = ULP) -> Facts:
    column = {f"/rows/{index}/x": quantity(row, ulp) for index, row in enumerate(rows)}
    return Facts({"/total": quantity(total, ulp), **column}, {"/rows": len(rows)})


class _Everywhere(dict[str, Quantity]):
    """A record that has some cell at most pointers: a number, a text or a blank, by the pointer's length."""

    def get(self, pointer: str, default: Quantity | None = None) -> Quantity | None:  # type: ignore[override]
        return [quantity(Fraction(len(pointer), 4)), Quantity(None, ULP, "约3"), None, quantity(Fraction(0))][len(pointer) % 4] or default


class _Rows(dict[str, int]):
    def get(self, pointer: str, default: int | None = None) -> int | None:  # type: ignore[override]
        return len(pointer) % 4


@given(conditions)
def test_a_rendered_tree_is_parsed_into_itself(tree: Node) -> None:
    assert parse(render(tree)).root == tree


@given(conditions, st.sampled_from(["", "/rows/0"]))
def test_any_tree_is_evaluated_and_explained_without_exceptions(tree: Node, scope: str) -> None:
    for facts in (Facts({}, {}), Facts(_Everywhere(), _Rows())):
        outcome = confront(Check("", tree), facts, scope)
        assert outcome.words.endswith(".")
        assert not set(outcome.cells) & set(outcome.missing)


SYMBOLS = ["(", ")", "[", "]", "[*]", "!", "-", "->", "==", "<", "&&", "||", "+", "*", "/", ",", ".", "$", '"', '"x"', "\\", "a", "得分",
           "1", "0.5", "sum(", "band(", "present(", "round(", " ", "\n", "（", "\ud800", "\x00", "e5", "²"]  # fmt: skip


def check_or_error(text: str) -> Check | CheckSyntaxError:
    try:
        return parse(text)
    except CheckSyntaxError as error:
        return error


def answered(text: str) -> None:
    started = perf_counter()
    answer = check_or_error(text)
    if isinstance(answer, Check):
        confront(answer, Facts(_Everywhere(), _Rows()))
        assert parse(render(answer.root)).root == answer.root
    else:
        assert 1 <= answer.column <= len(text) + 1
        assert answer.message.startswith(("expected ", "unexpected "))
    assert perf_counter() - started < SECONDS


@given(st.text(max_size=200) | st.lists(st.sampled_from(SYMBOLS), max_size=120).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_answered_with_a_check_or_a_syntax_error(text: str) -> None:
    answered(text)


@given(st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4).map("".join), st.sampled_from([40, 500, 1999, 10**6]))
@settings(max_examples=200, deadline=None)
def test_repeated_text_neither_hangs_nor_overflows_the_stack(piece: str, length: int) -> None:
    answered((piece * (length // len(piece) + 1))[:length])


@given(st.lists(hundredths, min_size=1, max_size=60))
def test_a_sum_of_decimals_is_exact(rows: list[Fraction]) -> None:
    assert confront(parse("total == sum(rows[*].x)"), total_and_rows(sum(rows, Fraction()), rows)).level is Level.EXACT
    assert confront(parse("sum(rows[*].x) == total"), total_and_rows(sum(rows, Fraction()), rows)).level is Level.EXACT


@given(st.lists(hundredths, min_size=1, max_size=30), st.data())
def test_a_holding_sum_fails_once_a_cell_is_changed_by_more_than_all_slack(rows: list[Fraction], data: st.DataObject) -> None:
    total, index = sum(rows, Fraction()), data.draw(st.integers(0, len(rows) - 1))
    change = (len(rows) + 2) * 2 * ULP + abs(data.draw(hundredths))
    rows[index] += change
    outcome = confront(parse("total == sum(rows[*].x)"), total_and_rows(total, rows))
    assert outcome.level is Level.FAIL
    assert f"/rows/{index}/x" in outcome.cells


@given(st.lists(hundredths, min_size=1, max_size=10), hundredths, st.integers(-6, 6))
def test_the_level_does_not_depend_on_the_unit(rows: list[Fraction], total: Fraction, exponent: int) -> None:
    unit = Fraction(10) ** exponent
    near = [total, *rows, sum(rows, Fraction()) + ULP / 4]
    for value in near:
        scaled = total_and_rows(value * unit, [row * unit for row in rows], ULP * unit)
        check = parse("total == sum(rows[*].x)")
        assert confront(check, scaled).level is confront(check, total_and_rows(value, rows)).level


@given(hundredths, st.fractions(-1, 2))
def test_every_rounded_or_truncated_print_of_a_value_allows_the_value(printed: Fraction, part: Fraction) -> None:
    underlying = printed + part * ULP
    assume(printed != underlying)
    truncated = Fraction(int(underlying / ULP)) * ULP
    rounded = Fraction(int(underlying / ULP + (Fraction(1, 2) if underlying > 0 else -Fraction(1, 2)))) * ULP
    for result in (truncated, rounded):
        interval = print_interval(quantity(result))
        assert interval.low <= underlying <= interval.high


@given(hundredths)
def test_the_print_interval_is_the_same_on_both_sides_of_zero(value: Fraction) -> None:
    interval, mirror = print_interval(quantity(value)), print_interval(quantity(-value))
    assert (interval.low, interval.high) == (-mirror.high, -mirror.low)


@given(st.lists(st.sampled_from(["a", "b", "*"]), max_size=3))
def test_a_star_and_the_key_star_never_meet(names: list[str]) -> None:
    keyed, starred = Path(("a", *names)), Path(("a", *[STAR if name == "*" else name for name in names]))
    assert (keyed == starred) is ("*" not in names)
    assert all(isinstance(part, str | Star) for part in starred.parts)
