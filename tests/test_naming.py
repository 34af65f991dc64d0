"""Names from strangers' schemas become names of tables, columns and files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.exports.naming import FOR_PEOPLE, FOR_SQL, LENGTH, Names, folded

UNWANTED = [FOR_SQL.tables, FOR_PEOPLE.tables, FOR_PEOPLE.columns]


@pytest.mark.parametrize("unwanted", UNWANTED)
@given(
    names=st.lists(
        st.one_of(st.text(max_size=80), st.sampled_from(["a", "A", "Ａ", "a_2", "", ".", "..", "sqlite_a", "x" * 90])), max_size=20
    )
)
def test_names_are_told_apart_in_any_case_and_hold_nothing_unwanted(unwanted, names):
    new = Names(unwanted, ("records",))
    made = [new.new(name) for name in names]
    assert len({folded(name) for name in made} | {"records"}) == len(names) + 1
    assert not any(unwanted.search(name) for name in made)
    assert all(0 < len(name) <= LENGTH + 4 for name in made)
    assert not any(name.casefold().startswith("sqlite_") for name in made)


def test_names_that_harm_nobody_stay_as_they_are():
    assert Names(FOR_SQL.columns, ()).new("资金_total") == "资金_total"
    assert Names(FOR_PEOPLE.tables, ()).new("a.b-c") == "a.b-c"
    assert Names(FOR_PEOPLE.columns, ()).new("总额 (万元)") == "总额 (万元)"


def test_alike_names_are_numbered_in_turn():
    names = Names(FOR_SQL.tables, ("a",))
    assert [names.new(name) for name in ("a", "A", "a 2", "a.b", "a_b")] == ["a_2", "A_3", "a_2_2", "a_b", "a_b_2"]
