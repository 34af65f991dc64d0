"""What checks say of cells: the grammar's answers, the levels, and the words."""

from __future__ import annotations

from fractions import Fraction

import pytest

from structurer.arithmetic.checks import (
    STAR,
    Binary,
    Call,
    Check,
    CheckSyntaxError,
    Facts,
    Interval,
    Level,
    Number,
    Outcome,
    Path,
    Quantity,
    Text,
    Unary,
    best,
    confront,
    decimal_text,
    parse,
    paths,
    print_interval,
    render,
    worst,
)


def cell(text: str) -> Quantity:
    """A cell as the caller would make it: one unit in the last place from the digits printed, text where it is no number."""
    try:
        value = Fraction(text)
    except ValueError:
        return Quantity(None, Fraction(0), text)
    return Quantity(value, Fraction(1, 10 ** len(text.partition(".")[2])), text)


def facts(cells: dict[str, str], **rows: int) -> Facts:
    return Facts({pointer: cell(text) for pointer, text in cells.items()}, {f"/{name}": number for name, number in rows.items()})


def judge(check: str, scope: str = "", rows: int | None = None, /, **cells: str) -> Outcome:
    lists = {} if rows is None else {"rows": rows}
    return confront(parse(check), facts({"/" + name.replace("__", "/"): text for name, text in cells.items()}, **lists), scope)


def level(check: str, rows: int | None = None, /, **cells: str) -> Level:
    return judge(check, "", rows, **cells).level


def refusal(text: str) -> tuple[int, str]:
    with pytest.raises(CheckSyntaxError) as caught:
        parse(text)
    assert str(caught.value) == f"column {caught.value.column}: {caught.value.message}"
    return caught.value.column, caught.value.message


FUND_SCORE = "funds.total.score == min(funds.total.weight, funds.total.weight * funds.total.execution_rate / 100)"


class TestGrammar:
    """What is accepted, as which tree, and how everything else is refused."""

    def test_a_check_is_parsed_into_one_tree(self) -> None:
        tree = Binary("==", Path(("a", "b")), Binary("+", Number(Fraction(1, 2), "0.5"), Call("sum", (Path(("rows", STAR, "x")),))))
        assert parse("a.b == 0.5 + sum(rows[*].x)") == Check("a.b == 0.5 + sum(rows[*].x)", tree)

    @pytest.mark.parametrize(
        ("text", "grouped"),
        [
            ("a - b - c == 0", "((a - b) - c) == 0"),
            ("a + b * c < -d / 2", "(a + (b * c)) < ((-d) / 2)"),
            ("a == 1 || b == 1 && c == 1 -> d == 1", "((a == 1) || ((b == 1) && (c == 1))) -> (d == 1)"),
            ("a == 1 -> b == 1 -> c == 1", "(a == 1) -> ((b == 1) -> (c == 1))"),
            ("!present(a) || b < c", "(!(present(a))) || (b < c)"),
        ],
    )
    def test_operators_bind_from_implication_to_sign(self, text: str, grouped: str) -> None:
        assert parse(text).root == parse(grouped).root
        assert render(parse(grouped).root) == text

    @pytest.mark.parametrize(
        "text",
        [
            "a - (b - c) == (a + b) * c", "-(a + b) == --c", "(a == 1 -> b == 1) -> c == 1", "!(a == 1 && b == 1)",
            '$["any \\"key\\" \\\\"].b == "优"', "sum([*].x) >= 0", '[""] == 1', "a / (b * c) == a / b * c", "sum.count == max.min",
        ],
    )  # fmt: skip
    def test_rendering_keeps_the_parentheses_that_matter(self, text: str) -> None:
        assert render(parse(text).root) == text

    def test_paths_come_in_order_of_appearance_with_repeats(self) -> None:
        check = parse('总分.得分 == min($.a["b~/c"], a, 总分.得分) && present(rows)')
        assert [path.name for path in paths(check)] == ["总分.得分", '$.a["b~/c"]', "a", "总分.得分", "rows"]
        assert paths(check)[1] == Path(("a", "b~/c"), absolute=True)
        assert paths(check)[1].pointers == ("/a/b~0~1c",)

    def test_names_are_taken_literally_without_unicode_folding(self) -> None:
        assert paths(parse("ﬁ == fi")) == (Path(("ﬁ",)), Path(("fi",)))

    def test_a_key_that_is_a_star_is_not_the_star(self) -> None:
        assert paths(parse('a["*"] == 1')) == (Path(("a", "*")),)

    def test_the_name_of_a_function_may_name_a_cell(self) -> None:
        assert paths(parse("total.sum == count")) == (Path(("total", "sum")), Path(("count",)))

    @pytest.mark.parametrize(
        ("text", "column", "message"),
        [
            ("", 1, "expected a number, a text, a path, a function or '(', found the end"),
            ("a == ", 6, "expected a number, a text, a path, a function or '(', found the end"),
            ("a == * 2", 6, "expected a number, a text, a path, a function or '(', found '*'"),
            ("a == 1 2", 8, "expected an operator or the end, found '2'"),
            ("a == 1e5", 7, "expected an operator or the end, found 'e5'"),
            ("a == (b", 8, "expected ')', found the end"),
            ("a = b", 3, "unexpected character '='"),
            ("a（b", 2, "unexpected character '（', write '('"),
            ("得分 ＝ 1", 4, "unexpected character '＝'"),
            ("a == １", 6, "unexpected character '１', write '1'"),
            ("a == “x”", 6, "unexpected character '“'"),
            ('a == "x', 6, 'expected a closing ", with only \\" and \\\\ escaped before it'),
            ('a == "\\n"', 6, 'expected a closing ", with only \\" and \\\\ escaped before it'),
            ("a[0] == 1", 3, "expected '*' or a key in double quotes, found '0'"),
            ('a["b" == 1', 7, "expected ']', found '=='"),
            ("a.1 == 1", 3, "expected a name after '.', found '1'"),
            ("$ == 1", 3, "expected '.' or '[' after '$', found '=='"),
            ("f(a) == 1", 1, "expected one of sum, count, min, max, abs, round, trunc, band, present before '(', found 'f'"),
            ("a.sum(b) == 1", 6, "expected an operator or the end, found '('"),
            ("sum() == 1", 5, "expected a number, a text, a path, a function or '(', found ')'"),
            ("sum(a)", 1, "expected a condition, such as a comparison, found a number"),
            ("a", 1, "expected a condition, such as a comparison, found a cell"),
            ("a < b < c", 7, "expected a number or a text on both sides of '<', found a condition"),
            ('1 == "a"', 3, "expected two numbers or two texts on both sides of '==', found a number and a text"),
            ("a && b == 1", 3, "expected a condition on both sides of '&&', found a cell"),
            ("a + present(b) == 1", 3, "expected a number on both sides of '+', found a condition"),
            ('a * "x" == 1', 3, "expected a number on both sides of '*', found a text"),
            ("!a == b", 1, "expected a condition after '!', found a cell"),
            ('-"x" == b', 1, "expected a number after '-', found a text"),
            (
                "a[*].x == 1",
                8,
                "expected a number or a text on both sides of '==', "
                "found a list; [*] may only stand directly inside sum, count, min or max",
            ),
            ('sum("x") == 1', 1, "expected a number in sum, found a text"),
            ("abs(a == 1) == 1", 1, "expected a number in abs, found a condition"),
            ("abs(a, 1) == 1", 1, "expected at most 1 argument in abs"),
            ("round(a, 1, 2) == 1", 1, "expected at most 2 arguments in round"),
            ("round(a, 13) == 1", 1, "expected a whole number of decimals from 0 to 12 in round"),
            ("trunc(a, 0.5) == 1", 1, "expected a whole number of decimals from 0 to 12 in trunc"),
            ("round(a, b) == 1", 1, "expected a whole number of decimals from 0 to 12 in round"),
            ("count(1) == 1", 1, "expected a path in count"),
            ("present(a, b)", 1, "expected one path in present, found 2"),
            (
                "present(a[*].b)",
                1,
                "expected a path to one cell in present, found a list; [*] may only stand directly inside sum, count, min or max",
            ),
            ('band(a, 90, "A") == b', 1, 'expected band(number, limit, "text", ..., "text for the rest")'),
            ('band(a, "A") == b', 1, 'expected band(number, limit, "text", ..., "text for the rest")'),
            ('band(a, 90, b, "A") == b', 1, 'expected band(number, limit, "text", ..., "text for the rest")'),
            ('band(a, "90", "B", "A") == b', 1, "expected a number before each text in band, found a text"),
            ("a == " + "1" * 41, 6, "expected at most 40 digits in a number"),
        ],
    )
    def test_a_refusal_says_where_and_what_was_expected(self, text: str, column: int, message: str) -> None:
        assert refusal(text) == (column, message)


class TestBounds:
    """No text is too long, too deep or too wide to be answered."""

    def test_text_has_a_bound_on_its_length(self) -> None:
        assert refusal("(" * 1_000_000) == (2001, "expected at most 2000 characters, found 1000000")
        assert parse("a == 1" + " " * 1994).root == parse("a == 1").root

    @pytest.mark.parametrize("opening", ["(", "-(", "sum(", "a + a * (", "!(", "a == 1 -> ", "-", "!", "--", "a->a||a&&a==a+a*("])
    def test_nesting_has_a_bound(self, opening: str) -> None:
        assert refusal(opening * (2000 // len(opening)))[1] == "expected at most 32 levels of nesting"

    def test_nesting_up_to_the_bound_is_parsed_and_evaluated(self) -> None:
        assert level("(" * 32 + "a == 1" + ")" * 32, a="1") is Level.EXACT
        assert level("a == " + "a+a*(" * 32 + "a" + ")" * 32, a="1.00") is Level.FAIL
        assert repr(parse("a == " + "a+a*(" * 32 + "a" + ")" * 32))

    def test_a_path_has_a_bound_on_its_keys(self) -> None:
        assert refusal("a" + ".a" * 900 + " == 1") == (1, "expected at most 32 keys in a path")

    def test_a_tree_has_a_bound_on_its_nodes_and_long_chains_need_no_stack(self) -> None:
        assert refusal("+".join("a" * 201) + "==1")[1] == "expected at most 400 operands, operators and functions in a check"
        longest = "+".join("a" * 199) + "==b"
        assert level(longest, a="1", b="199") is Level.EXACT
        assert parse(render(parse(longest).root)).root == parse(longest).root
        assert repr(parse(longest))
        assert level("||".join(["a==3"] * 90), a="1") is Level.FAIL

    def test_expansion_has_a_bound_on_its_cells(self) -> None:
        outcome = confront(parse("a + sum(rows[*].x) == 1"), facts({"/a": "1", "/rows/0/x": "2"}, rows=100_001))
        words = "Not applicable: too large, more than 100,000 cells."
        assert outcome == Outcome(Level.NOT_APPLICABLE, "1 + sum(rows[*].x)", "1", "", words, ("/a",), ())

    def test_nested_lists_share_one_bound(self) -> None:
        lists = {"/rows": 400, **{f"/rows/{row}/rows": 400 for row in range(400)}}
        outcome = confront(parse("count(rows[*].rows[*]) == 160000"), Facts({}, lists))
        assert outcome.words == "Not applicable: too large, more than 100,000 cells."

    def test_numbers_too_long_for_print_are_rounded(self) -> None:
        outcome = confront(parse("*".join("a" * 190) + "== 1"), facts({"/a": "9" * 60}))
        assert outcome.level is Level.FAIL
        assert outcome.left.endswith(" ≈ 1.00000E+11400")


class TestLevels:
    """One comparison: exact, print, underlying, fail, not applicable."""

    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            (("9.90", "99.00"), Level.EXACT),
            (("9.90", "99.04"), Level.PRINT),
            (("9.90", "98.95"), Level.PRINT),
            (("9.90", "99.09"), Level.PRINT),
            (("9.9", "99.99"), Level.PRINT),
            (("9.90", "99.10"), Level.UNDERLYING),  # cut off it would be 9.91
            (("9.90", "99.11"), Level.UNDERLYING),
            (("9.50", "99.04"), Level.FAIL),
        ],
    )
    def test_a_bare_cell_is_the_print_of_the_other_side(self, cells: tuple[str, str], expected: Level) -> None:
        score, rate = cells
        assert level(FUND_SCORE, funds__total__score=score, funds__total__weight="10.00", funds__total__execution_rate=rate) is expected

    @pytest.mark.parametrize(
        ("value", "low", "high"),
        [("9.90", "9.895", "9.91"), ("-9.90", "-9.91", "-9.895"), ("0.0", "-0.1", "0.1"), ("7", "6.5", "8")],
    )
    def test_the_print_interval_joins_rounding_and_truncation(self, value: str, low: str, high: str) -> None:
        assert print_interval(cell(value)) == Interval(Fraction(low), Fraction(high))

    def test_a_text_has_no_print_interval(self) -> None:
        with pytest.raises(ValueError, match=r'^"约3" is not a number$'):
            print_interval(cell("约3"))

    @pytest.mark.parametrize(
        ("check", "expected"),
        [
            # XBRL Calculations 1.1: 1/3 three times is 1, printed 0.33 each; 0.665 and 0.665 make 1.33, printed 0.67 each.
            ("one == sum(third, third, third)", Level.UNDERLYING),
            ("four == two + two + two + two + two + two", Level.UNDERLYING),
            ("third + third + third == one", Level.UNDERLYING),
            ("rounded == two + two", Level.UNDERLYING),
            ("one == third * 3", Level.UNDERLYING),
            ("one == abs(-third) * 3", Level.UNDERLYING),
            ("one == abs(third) * 3", Level.UNDERLYING),
            ("one == abs(zero) + third * 3", Level.UNDERLYING),
            ("one == third - -third + third", Level.UNDERLYING),
            ("one == min(third, two) + max(third, zero) + third", Level.UNDERLYING),
            ("one == round(third * 3, 1)", Level.EXACT),
            ("one == round(third * 3, 2)", Level.UNDERLYING),
            ("one == trunc(third * 3, 2)", Level.UNDERLYING),
            ("three == one / third", Level.UNDERLYING),
            ("three == one / zero", Level.NOT_APPLICABLE),
            ("zero == -third", Level.FAIL),
            ("one == third", Level.FAIL),
            ("one == count(third)", Level.EXACT),
            ("three == count(third, one)", Level.FAIL),
        ],
    )
    def test_underlying_takes_every_operand_as_an_interval(self, check: str, expected: Level) -> None:
        cells = {"one": "1.00", "third": "0.33", "rounded": "1.33", "two": "0.67", "three": "3.00", "four": "4.00", "zero": "0.00"}
        assert level(check, None, **cells) is expected

    def test_dividing_by_an_interval_that_contains_zero_explains_nothing(self) -> None:
        assert level("a == b / (c - d)", a="1", b="1", c="2.1", d="2.0") is Level.FAIL

    @pytest.mark.parametrize(
        ("check", "expected"),
        [
            ("a < b", Level.EXACT), ("a <= a", Level.EXACT), ("b > a", Level.EXACT), ("b >= b", Level.EXACT), ("a != b", Level.EXACT),
            ("b < a", Level.FAIL), ("a != a", Level.FAIL), ("a > b", Level.FAIL), ("a >= b", Level.FAIL), ("b <= a", Level.FAIL),
        ],
    )  # fmt: skip
    def test_other_comparisons_hold_or_fail_as_printed(self, check: str, expected: Level) -> None:
        assert level(check, a="1.00", b="1.01") is expected

    @pytest.mark.parametrize(
        ("value", "rounded", "truncated"),
        [("2.345", "2.35", "2.34"), ("-2.345", "-2.35", "-2.34"), ("2.344", "2.34", "2.34"), ("-0.001", "0", "0")],
    )
    def test_round_goes_half_away_from_zero_and_trunc_toward_it(self, value: str, rounded: str, truncated: str) -> None:
        assert level(f"round(a, 2) + 0 == {rounded} && trunc(a, 2) + 0 == {truncated}", a=value) is Level.EXACT

    @pytest.mark.parametrize(("score", "grade"), [("95", "优"), ("90", "优"), ("89.99", "良"), ("80", "良"), ("12", "中")])
    def test_band_names_the_first_limit_reached(self, score: str, grade: str) -> None:
        check = 'grade == band(score, 90, "优", 80, "良", "中")'
        assert level(check, score=score, grade=grade) is Level.EXACT
        assert level(check, score=score, grade="差") is Level.FAIL

    def test_texts_compare_by_code_point_so_that_iso_dates_are_ordered(self) -> None:
        assert level("start <= end", start="2025-01-31", end="2025-12-01") is Level.EXACT
        assert level('a == "x"', a="x") is Level.EXACT
        assert level('a != "x"', a="x") is Level.FAIL

    @pytest.mark.parametrize(
        ("check", "reason"),
        [
            ("a == b", "a number cannot be compared with a text"),
            ("b == a", "a number cannot be compared with a text"),
            ("a + b == 1", '"约3" is not a number'),
            ("a == sum(a, b)", '"约3" is not a number'),
            ("a / (a - a) == c", "division by zero"),
            ("a == c", "c is missing"),
            ("c + d == a", "c and d are missing"),
            ("c + d + e == a", "c and d and others are missing"),
            ("-c == a", "c is missing"),
            ("abs(c) == a", "c is missing"),
            ("sum(c, d) == a", "c and d are missing"),
            ("sum(c + 1) == a", "c is missing"),
            ('band(c, 1, "x", "y") == b', "c is missing"),
            ('band(a, c, "x", "y") == b', "c is missing"),
            ("sum(list[*].x) == a", "list[*].x is missing"),
            ("count(list[*]) == a", "list[*] is missing"),
        ],
    )
    def test_what_cannot_be_compared_is_not_applicable_with_its_reason(self, check: str, reason: str) -> None:
        outcome = judge(check, a="3", b="约3")
        assert (outcome.level, outcome.words) == (Level.NOT_APPLICABLE, f"Not applicable: {reason}.")


class TestMissingMembers:
    """Blanks in sums and lists, rows, and scopes."""

    def test_a_blank_member_adds_nothing_to_a_sum(self) -> None:
        outcome = judge("a == sum(b, rows[*].x)", "", 3, a="3", rows__0__x="1", rows__2__x="2")
        assert outcome.level is Level.EXACT
        assert outcome.right == "1 + 2 = 3"
        assert (outcome.cells, outcome.missing) == (("/a", "/rows/0/x", "/rows/2/x"), ("/b", "/rows/1/x"))

    def test_min_and_max_skip_blanks(self) -> None:
        assert level("min(a, b, c) == 1 && max(a, b, c) == 2", a="1", c="2") is Level.EXACT

    def test_count_counts_rows_or_the_cells_present(self) -> None:
        cells = {"rows__0__x": "1", "rows__2__x": "约3"}
        assert judge("count(rows[*]) == 3 && count(rows[*].x, y) == 2", "", 3, **cells).level is Level.EXACT
        assert level("count(rows[*]) == 0", 0) is Level.EXACT
        assert judge("count(rows[*].x) == 0").missing == ("/rows",)

    def test_rows_of_lists_in_lists_are_all_read(self) -> None:
        cells = {f"/parts/{row}/subs/{sub}": "1" for row in range(2) for sub in range(3)}
        record = Facts({pointer: cell(text) for pointer, text in cells.items()}, {"/parts": 3, "/parts/0/subs": 3, "/parts/1/subs": 3})
        outcome = confront(parse("sum(parts[*].subs[*]) == 6"), record)
        assert (outcome.level, len(outcome.cells), outcome.missing) == (Level.EXACT, 6, ("/parts/2/subs",))

    def test_every_cell_is_named_even_where_the_first_operand_decides(self) -> None:
        outcome = judge("x + a == b / (a - a)", a="1", b="2")
        assert (outcome.cells, outcome.missing) == (("/a", "/b"), ("/x",))

    def test_relative_paths_start_at_the_scope_and_absolute_ones_at_the_record(self) -> None:
        outcome = judge("score <= $.limit", "/rows/1", rows__1__score="3", limit="5")
        assert (outcome.level, outcome.cells) == (Level.EXACT, ("/rows/1/score", "/limit"))


class TestLogic:
    """In every check: y holds, n fails, m is missing."""

    @pytest.mark.parametrize(
        ("check", "expected"),
        [
            ("y == 1 && y == 1", Level.EXACT),
            ("y == 1 && n == 1", Level.FAIL),
            ("m == 1 && n == 1", Level.FAIL),
            ("y == 1 && m == 1", Level.NOT_APPLICABLE),
            ("y == 1 && y == 1.4", Level.PRINT),
            ("n == 1 || y == 1.4", Level.PRINT),
            ("m == 1 || y == 1", Level.EXACT),
            ("m == 1 || n == 1", Level.NOT_APPLICABLE),
            ("!(y == 1)", Level.FAIL),
            ("!(n == 1)", Level.EXACT),
            ("!(m == 1)", Level.NOT_APPLICABLE),
            ("y == 1 -> n == 1", Level.FAIL),
            ("y == 1 -> y == 1.4", Level.PRINT),
            ("n == 1 -> n == 1", Level.NOT_APPLICABLE),
            ("m == 1 -> n == 1", Level.NOT_APPLICABLE),
            ("present(y)", Level.EXACT),
            ("present(m)", Level.FAIL),
            ("!present(m)", Level.EXACT),
        ],
    )
    def test_levels_combine_as_in_three_valued_logic(self, check: str, expected: Level) -> None:
        assert level(check, y="1", n="5") is expected

    def test_levels_have_an_order_from_exact_to_fail(self) -> None:
        assert (best(Level), worst(Level)) == (Level.EXACT, Level.FAIL)
        assert worst([Level.UNDERLYING, Level.NOT_APPLICABLE]) is Level.NOT_APPLICABLE
        assert [each for each in Level if each.holds] == [Level.EXACT, Level.PRINT, Level.UNDERLYING]

    def test_a_tree_built_by_hand_without_a_condition_is_a_bug(self) -> None:
        with pytest.raises(TypeError, match=r"^a condition was expected, not 1$"):
            confront(Check("1", Number(Fraction(1), "1")), facts({}))


class TestWords:
    """What a person reads."""

    def test_a_print_is_explained_whole(self) -> None:
        cells = {"/funds/total/score": "9.90", "/funds/total/weight": "10.00", "/funds/total/execution_rate": "99.04"}
        left, right = "funds.total.score = 9.90", "min(10.00, 10.00 * 99.04 / 100) = 9.904"
        words = f"{left} is the print of {right}: it is 0.004 too low, within 9.895 .. 9.91."
        assert confront(parse(FUND_SCORE), facts(cells)) == Outcome(Level.PRINT, left, right, "9.895 .. 9.91", words, tuple(cells))

    @pytest.mark.parametrize(
        ("check", "words"),
        [
            ("a == a", "a = 3.0 is equal to a = 3.0."),
            ("a == b", "a = 3.0 should be equal to b = 5.00, but is 2 too low, outside 2.95 .. 3.1."),
            ("a + 0 == b", "3.0 + 0 = 3 should be equal to b = 5.00, but is 2 too low."),
            ("b == a * 1.68", "b = 5.00 is equal to 3.0 * 1.68 = 5.04 only if the printed numbers hide further digits: "
                              "it is 0.04 too low."),
            ("b <= a", "b = 5.00 should be at most a = 3.0, but is 2 too high."),
            ("a / 7 < 1", "3.0 / 7 ≈ 0.428571 is less than 1."),
            ("a != a", "a = 3.0 should be different from a = 3.0."),
            ("a > 1 && b > 9", "b = 5.00 should be more than 9, but is 4 too low."),
            ("a > 4 || b > 9", "No alternative holds: a = 3.0 should be more than 4, but is 1 too low; "
                               "b = 5.00 should be more than 9, but is 4 too low."),
            ("a > 4 || b > 4", "b = 5.00 is more than 4."),
            ("a > 4 -> b > 9", "Does not apply: a = 3.0 should be more than 4, but is 1 too low."),
            ("!(a > 4)", "As required, this is not so: a = 3.0 should be more than 4, but is 1 too low."),
            ("!present(a)", "This should not be so: a is present."),
            ("present(m)", "m should be present, but is missing."),
            ('g == band(b, 4, "x\\"", "y")', 'g = "良" should be equal to band(5.00, 4, "x\\"", "y") = "x"".'),
            ("2 * (a + b) == 2 * sum(a, m, b)", "2 * (3.0 + 5.00) = 16 is equal to 2 * (3.0 + 5.00) = 16."),
            ("sum(a * 2, b) - sum(b) == abs(-6)", "(3.0 * 2 + 5.00) - 5.00 = 6 is equal to abs(-6) = 6."),
            ("a == min(a, m, count(a))", "a = 3.0 should be equal to min(3.0, ?, count(a)) = 1, but is 2 too high, outside 2.95 .. 3.1."),
        ],
    )  # fmt: skip
    def test_words_name_numbers_verdict_and_difference(self, check: str, words: str) -> None:
        assert judge(check, a="3.0", b="5.00", g="良").words == words

    def test_a_missing_sum_and_a_missing_cell_are_shown_as_question_marks(self) -> None:
        outcome = judge("m == sum(n)")
        assert (outcome.left, outcome.right) == ("m = ?", "?")

    @pytest.mark.parametrize(
        ("check", "right"),
        [
            ("a == sum(rows[*].x)", "20.00 + 20.00 + ... (12 terms) = 240"),
            ("a == sum(rows[*].x) * 2", "(20.00 + 20.00 + ... (12 terms)) * 2 = 480"),
            ("a == max(rows[*].x, 1)", "max(20.00, 20.00, ... (12 terms), 1) = 20"),
            ("a == count(rows[*])", "count(rows[*]) = 12"),
            ("a == a + 1 + 1 + 1 + 1 + 1 + 1", "240 + 1 + ... (7 terms) = 246"),
            ("a == a + (1 + 1)", "240 + (1 + 1) = 242"),
        ],
    )
    def test_long_sums_are_shortened_in_the_middle(self, check: str, right: str) -> None:
        assert judge(check, "", 12, a="240", **{f"rows__{row}__x": "20.00" for row in range(12)}).right == right

    def test_long_texts_are_shortened(self) -> None:
        assert judge("present(a)", a="字" * 41).left == 'a = "' + "字" * 39 + '…"'

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (Fraction(0), "0"),
            (Fraction(-12), "-12"),
            (Fraction(9904, 1000), "9.904"),
            (Fraction(-1, 8), "-0.125"),
            (Fraction(1, 3), "≈0.333333"),
            (Fraction(200000, 3), "≈66666.7"),
            (Fraction(1, 3 * 10**9), "≈3.33333E-10"),
            (Fraction(2, 3 * 10**6), "≈6.66667E-7"),
            (Fraction(1, 2**30), "≈9.31323E-10"),
            (Fraction(10**70), "≈1.00000E+70"),
        ],
    )
    def test_numbers_are_shown_as_the_shortest_exact_decimal(self, value: Fraction, text: str) -> None:
        assert decimal_text(value) == text

    def test_nodes_of_every_kind_render(self) -> None:
        tree = Unary("!", Binary("==", Text('a"b'), Call("band", (Path(("x",)), Number(Fraction(1), "1"), Text("y"), Text("z")))))
        assert render(tree) == '!("a\\"b" == band(x, 1, "y", "z"))'
