"""Whether results are printed rounded or cut off: what one print tells, and what many tell together."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.arithmetic.algebra import round_half_up, truncate
from structurer.arithmetic.checks import Facts, Level, Outcome, Quantity, confront, parse
from structurer.judging.convention import MAX_PLACES, Convention, Conventions, Outlier
from structurer.record import Checked, Record

CENT = Fraction(1, 100)


def outcome(check: str, printed: Fraction | str, exact: Fraction | str) -> Outcome:
    """`check` over the cells y, printed to two decimals, and x, an exact number."""
    cells = {"/y": Quantity(Fraction(printed), CENT, str(printed)), "/x": Quantity(Fraction(exact), Fraction(1), str(exact))}
    return confront(parse(check), Facts(cells, {}))


def manner(printed: str, exact: str, check: str = "y == x + 0") -> str:
    return outcome(check, printed, exact).manner


def record(*manners: str, index: int = 0, kind: str = "form", check: str = "rate", holds: bool | None = True) -> Record:
    """A record with one print of the check in each row, of the given manners."""
    found = tuple(
        Checked(check, f"/rows/{row}", "print", "", Outcome(Level.PRINT, "", "", "", f"words {row}", (), (), one), holds)
        for row, one in enumerate(manners)
    )
    return Record(kind, "a.txt", index, 0, 1, {}, {}, checks=found)


def learnt(*records: Record) -> tuple[Convention, ...]:
    conventions = Conventions()
    for one in records:
        conventions.add(one)
    return conventions.conclude()


class TestOnePrint:
    """A manner is told only where the other cannot be."""

    @pytest.mark.parametrize(
        ("printed", "exact", "expected"),
        [
            ("1.25", "1.25", ""),  # exact
            ("1.25", "1.2501", ""),
            ("1.25", "1.255", ""),  # half a unit outward: rounding to even gives it too
            ("1.25", "1.25501", "truncated"),
            ("1.25", "1.25999", "truncated"),
            ("1.25", "1.26", ""),  # one unit: no print of it
            ("1.25", "1.24999", "rounded"),
            ("1.25", "1.245", "rounded"),
            ("1.25", "1.24499", ""),
        ],
    )
    @pytest.mark.parametrize("sign", ["", "-"], ids=["positive", "negative"])
    def test_outward_and_inward_are_counted_from_zero(self, sign: str, printed: str, exact: str, expected: str) -> None:
        assert manner(sign + printed, sign + exact) == expected

    @pytest.mark.parametrize(
        ("exact", "expected"),
        [("0", ""), ("0.004", ""), ("-0.004", ""), ("0.005", ""), ("0.0051", "truncated"), ("-0.0099", "truncated"), ("0.01", "")],
    )
    def test_a_printed_zero_can_only_be_told_to_be_cut_off(self, exact: str, expected: str) -> None:
        assert manner("0.00", exact) == expected

    def test_a_side_that_is_no_single_cell_has_no_manner(self) -> None:
        assert outcome("y + 0 == x", "1.25", "1.258").manner == ""

    def test_a_denied_print_has_no_manner(self) -> None:
        denied, twice = outcome("!(y == x + 0)", "1.25", "1.258"), outcome("!!(y == x + 0)", "1.25", "1.258")
        assert (denied.level, denied.manner, twice.level, twice.manner) == (Level.FAIL, "", Level.EXACT, "")

    def test_a_print_behind_a_premise_has_its_manner(self) -> None:
        assert manner("1.25", "1.258", "x > 1 -> y == x + 0") == "truncated"

    @pytest.mark.parametrize(("other", "expected"), [("x + 0", "truncated"), ("x - 0.005", ""), ("x - 0.01", ""), ("x - 9", "truncated")])
    def test_alternatives_tell_only_what_all_that_hold_tell(self, other: str, expected: str) -> None:
        assert manner("1.25", "1.258", f"y == x + 0 || y == {other}") == expected

    @given(st.fractions(-100, 100, max_denominator=5000))
    def test_what_was_cut_off_never_seems_rounded_nor_the_other_way_about(self, exact: Fraction) -> None:
        assert outcome("y == x + 0", truncate(exact, 2), exact).manner in ("truncated", "")
        assert outcome("y == x + 0", round_half_up(exact, 2), exact).manner in ("rounded", "")


class TestManyPrints:
    """A convention needs enough prints that tell, nearly all of one manner."""

    def test_nothing_is_said_without_records(self) -> None:
        assert learnt() == ()

    @pytest.mark.parametrize("manners", [[], ["truncated"] * 2, ["truncated", "rounded"], ["truncated", "", "", "truncated", ""]])
    def test_nothing_is_said_where_fewer_than_three_prints_tell(self, manners: list[str]) -> None:
        assert learnt(record(*manners)) == ()

    @pytest.mark.parametrize("one", ["truncated", "rounded"])
    def test_three_prints_of_one_manner_in_three_records_are_a_convention(self, one: str) -> None:
        (found,) = learnt(*(record(one, "", index=index) for index in range(3)))
        assert (found.kind, found.check, found.manner, found.telling, found.strays, found.outliers) == ("form", "rate", one, 3, 0, ())

    @pytest.mark.parametrize(
        ("rounded", "truncated", "expected"),
        [(1, 9, "truncated"), (9, 1, "rounded"), (2, 17, "mixed"), (2, 18, "truncated"), (1, 8, "mixed"), (5, 5, "mixed"), (2, 2, "mixed"),
         (1, 2, "mixed")],
    )  # fmt: skip
    def test_nine_of_ten_agree_or_they_are_mixed(self, rounded: int, truncated: int, expected: str) -> None:
        (found,) = learnt(record(*["rounded"] * rounded, *["truncated"] * truncated))
        assert (found.manner, found.rounded, found.truncated) == (expected, rounded, truncated)

    def test_prints_of_the_other_manner_are_outliers_with_their_place_and_words(self) -> None:
        (found,) = learnt(record(*["truncated"] * 10), record("truncated", "rounded", index=4))
        assert (found.outliers, found.strays) == ((Outlier("a.txt", 4, "/rows/1", "words 1"),), 1)

    def test_mixed_prints_have_no_outliers(self) -> None:
        (found,) = learnt(record("rounded", "truncated", "truncated"))
        assert (found.outliers, found.strays) == ((), 0)

    def test_outliers_are_kept_up_to_the_cap_and_all_counted(self) -> None:
        many = MAX_PLACES + 5
        (found,) = learnt(record(*["rounded"] * many), *(record(*["truncated"] * many, index=1) for _ in range(10)))
        assert (len(found.outliers), found.strays, found.truncated) == (MAX_PLACES, many, 10 * many)
        assert found.outliers[0] == Outlier("a.txt", 0, "/rows/0", "words 0")

    @pytest.mark.parametrize("holds", [False, None])
    def test_checks_that_do_not_hold_tell_nothing(self, holds: bool | None) -> None:
        assert learnt(record(*["rounded"] * 3, holds=holds)) == ()

    def test_kinds_and_checks_are_told_apart_and_come_in_order(self) -> None:
        found = learnt(
            record(*["rounded"] * 3, kind="b"),
            record(*["truncated"] * 3, kind="a", check="z"),
            record(*["rounded"] * 3, kind="a", check="c"),
        )
        assert [(one.kind, one.check, one.manner) for one in found] == [
            ("a", "c", "rounded"),
            ("a", "z", "truncated"),
            ("b", "rate", "rounded"),
        ]

    def test_concluding_in_between_changes_nothing(self) -> None:
        conventions = Conventions()
        conventions.add(record("rounded", "rounded"))
        assert conventions.conclude() == ()
        conventions.add(record("rounded"))
        assert conventions.conclude() == conventions.conclude() == (Convention("form", "rate", "rounded", 3, 0),)
