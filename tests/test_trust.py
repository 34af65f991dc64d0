"""Flags with their reasons: which values a person should see."""

from __future__ import annotations

from typing import Any

import pytest

from structurer.contracts.schema import Kind, Leaf, Printed
from structurer.judging.trust import judge, merged
from structurer.record import Flag, Match, Review, Unclaimed, Value


def leaf(name: str = "a", *, required: bool = False, path: tuple[str, ...] = ()) -> Leaf:
    return Leaf(name, path or (name,), Kind.NUMBER, Printed(), required=required)


def value(text: str | None = "1", match: Match = Match.EXACT, **more: Any) -> Value:
    return Value(text, text, match=match if text is not None else Match.NONE, **more)


def verdict(leaves: dict[str, tuple[Leaf, Value]], doubts: Any = None, lost: Any = None, blamed: Any = (), pinned: Any = None):
    return judge(leaves, doubts or {}, lost or {}, blamed, pinned or {})


def reasons(*values: Any, **more: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(review.pointer, str(review.flag), review.reasons) for review in verdict(*values, **more)[1]]


def test_a_value_on_the_page_that_nothing_speaks_against_is_accepted():
    values, review = verdict({"/a": (leaf(), value())})
    assert (values["/a"].flag, values["/a"].score, review) == (Flag.ACCEPT, 0.99, ())


def test_a_blank_that_may_be_blank_is_accepted():
    values, review = verdict({"/a": (leaf(), value(None))})
    assert (values["/a"].flag, values["/a"].score, review) == (Flag.ACCEPT, 1.0, ())


@pytest.mark.parametrize(
    ("of", "found", "flag", "why"),
    [
        (leaf(), value("1", Match.NONE), "reject", "the value is not on the page"),
        (leaf(), value("1", Match.FUZZY), "review", "the page prints it only nearly so"),
        (leaf(), value("x", error="not-a-number"), "review", "'x' is no number"),
        (leaf(), value("x", error="some-code"), "review", "'x' some-code"),
        (leaf(required=True), value(None), "review", "the page prints no value for a required field"),
        (leaf(), value("1", doubts=("it is smudged",)), "review", "it is smudged"),
    ],
)
def test_what_speaks_against_a_value_is_said_in_words(of, found, flag, why):
    values, review = verdict({"/a": (of, found)})
    assert review == (Review("/a", Flag(flag), (why,)),)
    assert values["/a"].flag is Flag.REVIEW


def test_a_required_field_that_is_blank_for_a_reason_has_that_reason_alone():
    assert reasons({"/a": (leaf(required=True), value(None, doubts=("cut off",)))}) == [("/a", "review", ("cut off",))]


def test_a_required_column_may_be_blank_in_a_row_but_not_in_all():
    column = leaf(required=True, path=("r", "*", "a"))
    assert reasons({"/r/0/a": (column, value(None)), "/r/1/a": (column, value("x"))}) == []
    assert reasons({"/r/0/a": (column, value(None, doubts=("cut off",)))}) == [("/r/0/a", "review", ("cut off",))]
    found = reasons({"/r/0/a": (column, value(None)), "/r/1/a": (column, value(None))})
    assert found == [("/r", "review", ("no row has a value for the required field 'a'",))]


def test_doubts_about_rows_lists_and_the_whole_are_kept_at_their_place():
    found = reasons({"/a": (leaf(), value())}, doubts={"/rows": ("short",), "": ("cut off",), "/a": ("odd", "odd")})
    assert found == [("", "review", ("cut off",)), ("/a", "review", ("odd",)), ("/rows", "review", ("short",))]


def test_figures_among_the_rows_of_a_list_and_in_none_are_shown():
    def left(*texts: str) -> dict[str, tuple[Unclaimed, ...]]:
        return {"/rows": tuple(Unclaimed(text, 0, 1, None) for text in texts)}

    assert reasons({}, lost=left("7")) == [("/rows", "review", ("1 print among the rows in no row: '7'",))]
    assert reasons({}, lost=left("7", "8", "9" * 40, "1")) == [
        ("/rows", "review", (f"4 prints among the rows in no row: '7', '8', {'9' * 30!r} ...",))
    ]  # fmt: skip


def test_blame_lowers_the_score_and_a_check_that_proves_a_cell_raises_it():
    leaves = {place: (leaf(), value()) for place in ("/a", "/b", "/c")}
    values, review = verdict(leaves, doubts={"/a": ("sum: 1 is too low.",)}, blamed={"/a"}, pinned={"/a": 1, "/b": 1})
    assert review == (Review("/a", Flag.REVIEW, ("sum: 1 is too low.",)),)
    assert {place: (found.score, found.pinned) for place, found in values.items()} == {"/a": (0.495, 1), "/b": (0.995, 1), "/c": (0.99, 0)}


def test_no_more_than_three_checks_raise_the_score_of_a_cell():
    leaves = {"/a": (leaf(), value("1", Match.NONE))}
    scores = [verdict(leaves, pinned={"/a": count})[0]["/a"].score for count in range(5)]
    assert scores == [0.3, 0.65, 0.825, 0.9125, 0.9125]


def test_reasons_from_several_sources_are_joined_in_order():
    assert merged({"/a": ("x",)}, {"/b": ("y",), "/a": ("z", "x")}) == {"/a": ("x", "z", "x"), "/b": ("y",)}


def test_a_doubt_lowers_the_score():
    assert verdict({"/a": (leaf(), value("1", Match.FUZZY, doubts=("x",)))})[0]["/a"].score == 0.48
    assert verdict({"/a": (leaf(), value("x", Match.NORMALISED, error="not-a-number"))})[0]["/a"].score == 0.588


def test_a_value_that_the_model_found_unlikely_is_shown_unless_a_check_proves_it():
    leaves = {"/a": (leaf(), value(logprob=-1.2)), "/b": (leaf(), value(logprob=-0.1))}
    assert reasons(leaves) == [("/a", "review", ("the model itself was not sure of it: probability 0.30",))]
    assert reasons(leaves, pinned={"/a": 1}) == []
    values, _ = verdict(leaves)
    assert (values["/a"].score, values["/b"].score) == (0.2982, 0.8958)


def test_the_score_falls_with_the_readings_that_say_otherwise():
    values, review = verdict({"/a": (leaf(), value(agreement=(2, 3))), "/b": (leaf(), value(agreement=(3, 3)))})
    assert (values["/a"].score, values["/b"].score, review) == (0.66, 0.99, ())
