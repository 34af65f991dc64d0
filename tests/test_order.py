"""Prints that are in order together: the chain that explains most of the page."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.judging.order import MAX_WEIGHT, in_order

SIZE = 12


def weight(chosen):
    return sum(min(found[1], MAX_WEIGHT) for found in chosen if found is not None)


def is_chain(chosen):
    found = [one for one in chosen if one is not None]
    return all(before[0] + before[1] <= behind[0] for before, behind in pairwise(found))


def best(prints):
    """By trying everything."""
    return max(weight(chosen) for chosen in product(*([None, *of_value] for of_value in prints)) if is_chain(chosen))


def test_nothing_is_in_order_with_nothing():
    assert in_order([], 0) == ([], 0)
    assert in_order([[], []], 5) == ([None, None], 0)


def test_each_value_gets_the_print_that_is_its_turn():
    assert in_order([[(0, 1), (4, 1)], [(2, 1)], [(0, 1), (4, 1)]], 5) == ([(0, 1), (2, 1), (4, 1)], 3)


def test_of_two_prints_that_cross_the_longer_stays():
    assert in_order([[(5, 2)], [(0, 4)]], 7) == ([None, (0, 4)], 4)
    assert in_order([[(4, 4)], [(0, 2)]], 8) == ([(4, 4), None], 4)


def test_prints_do_not_overlap():
    assert in_order([[(0, 3)], [(2, 3)]], 5)[1] == 3
    assert in_order([[(0, 3)], [(3, 3)]], 6) == ([(0, 3), (3, 3)], 6)


def test_a_value_has_one_print_however_often_it_is_printed():
    assert in_order([[(0, 1), (1, 1), (2, 1)]], 3) == ([(0, 1)], 1)


def test_of_chains_as_good_the_one_that_ends_first_is_taken():
    assert in_order([[(3, 1), (9, 1)]], 10) == ([(3, 1)], 1)
    assert in_order([[(1, 2), (5, 2)], [(3, 1), (8, 1)]], 9) == ([(1, 2), (3, 1)], 3)


@pytest.mark.parametrize("length", [MAX_WEIGHT + 1, 10 * MAX_WEIGHT])
def test_a_long_text_outweighs_no_more_than_its_share(length):
    half = MAX_WEIGHT // 2
    crossing = [[(0, half)], [(half, half)], [(2 * half, 1)]]
    assert in_order([[(100, length)], *crossing], 100 + length) == ([None, *(one for (one,) in crossing)], MAX_WEIGHT + 1)


PRINTS = st.lists(
    st.lists(
        st.integers(0, SIZE - 1).flatmap(lambda first: st.tuples(st.just(first), st.integers(1, min(4, SIZE - first)))), max_size=3
    ).map(sorted),
    max_size=5,
)


@given(PRINTS)
def test_the_chain_is_in_order_and_none_is_heavier(prints):
    chosen, total = in_order(prints, SIZE)
    assert len(chosen) == len(prints)
    assert all(found is None or found in of_value for found, of_value in zip(chosen, prints, strict=True))
    assert is_chain(chosen)
    assert weight(chosen) == total == best(prints)


def test_many_prints_are_put_in_order_in_little_time():
    prints = [[(first, 1) for first in range(0, 3_000, 60)] for _ in range(1_000)]
    chosen, total = in_order(prints, 3_000)
    assert total == 50
    assert is_chain(chosen)
