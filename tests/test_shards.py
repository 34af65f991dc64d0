"""Long segments in shards, and the readings of the shards as one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_lostrows import COLUMNS, LAYOUTS, Statement, placed, reading, shown_rows, statement, texts_of

from structurer.asking.merging import APART, NOWHERE, TWICE, merged
from structurer.asking.shards import Piece, Shard, about, cut, halves, words
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.errors import UsageError
from structurer.layout import AsItStands, Layout
from structurer.record import Extract, Extraction, Match, leaf_pointers

QUICK: Final = settings(max_examples=100, deadline=None)
PAGE: Final = "Invoice 7\nItem Amount\nPen 1.20\nInk 4.10\nCup 3.00\nPot 8.00\nJar 2.50\nBox 9.10\nTotal 27.90\n"


def shown(text: str, shards: Sequence[Shard]) -> list[str]:
    return [words(AsItStands(text), shard) for shard in shards]


# -- cutting -----------------------------------------------------------------------------------------------------------


def test_a_segment_that_fits_is_one_shard_without_a_head():
    assert cut(PAGE, 0, len(PAGE), len(PAGE)) == (Shard(0, len(PAGE)),)
    assert shown(PAGE, cut(PAGE, 8, 20, 12)) == [PAGE[8:20]]


def test_a_longer_one_is_cut_at_line_ends_with_the_head_repeated_and_a_line_for_what_is_left_out():
    assert shown(PAGE, cut(PAGE, 0, len(PAGE), 66, overlap=1)) == [
        "Invoice 7\nItem Amount\nPen 1.20\nInk 4.10\nCup 3.00\nPot 8.00\n",
        "Invoice 7\nItem Amount\n[...]\nPot 8.00\nJar 2.50\nBox 9.10\n",
        "Invoice 7\nItem Amount\n[...]\nBox 9.10\nTotal 27.90\n",
    ]


def test_shards_share_some_rows():
    text = "Head\n" + "".join(f"Row{number:02} {number}.50\n" for number in range(40))
    shards = cut(text, 0, len(text), 160, overlap=2)
    assert [text[later.start : before.end].count("\n") for before, later in pairwise(shards)] == [2] * (len(shards) - 1)


def test_a_row_that_is_set_one_cell_a_line_is_shared_whole():
    text = "Item\nAmount\n" + "".join(f"Thing{number}\n{number}.50\n" for number in range(40))
    shards = cut(text, 0, len(text), 160, overlap=1)
    assert len(shards) > 3
    assert [text[later.start : before.end].count("\n") for before, later in pairwise(shards)] == [2] * (len(shards) - 1)
    assert all(words(AsItStands(text), shard).startswith("Item\nAmount\n[...]\n") for shard in shards[1:])


def test_a_page_break_near_the_limit_is_preferred_to_a_blank_line_and_that_to_any_other():
    lines = [f"Row{number:02} {number}.50\n" for number in range(30)]
    for mark in ("\n", "\f"):
        text = "".join([*lines[:10], mark, *lines[10:]])
        assert text[: cut(text, 0, len(text), 125)[0].end].endswith(lines[9] + mark)
    text = "".join([*lines[:9], "\f", lines[9], "\n", *lines[10:]])
    assert text[: cut(text, 0, len(text), 125)[0].end].endswith(lines[8] + "\f")
    text = "".join([*lines[:2], "\f", *lines[2:]])  # not near it
    assert text[: cut(text, 0, len(text), 125)[0].end].endswith(lines[10])


def test_a_line_longer_than_a_shard_is_one_by_itself():
    text = "a 1.00\nb 2.00\n" + "x" * 500 + "\nc 3.00\nd 4.00\n"
    assert [text[shard.start : shard.end] for shard in cut(text, 0, len(text), 30)] == [
        "a 1.00\nb 2.00\n",
        "x" * 500 + "\n",
        "c 3.00\nd 4.00\n",
    ]


def test_a_head_fills_at_most_a_third_of_a_shard_and_what_is_next_to_the_rows_is_kept():
    head = "".join(f"Address line {letter}\n" for letter in "abcdefghij")
    text = head + "Item Amount\n" + "".join(f"Thing {number}.50\n" for number in range(60))
    for shard in cut(text, 0, len(text), 200)[1:]:
        assert shard.head is not None
        assert text[slice(*shard.head)] == "Address line h\nAddress line i\nAddress line j\nItem Amount\n"


def test_a_shard_behind_a_second_list_has_the_head_of_that():
    first = "Form\nItem Amount\n" + "".join(f"Thing {number}.50\n" for number in range(40))
    second = "Code Day Count\n" + "".join(f"2024-01-{1 + number % 28:02} K{number} {number} {number}.25 7.50\n" for number in range(40))
    text = first + second
    heads = [text[slice(*shard.head)] for shard in cut(text, 0, len(text), 400) if shard.head is not None]
    assert list(dict.fromkeys(heads)) == ["Form\nItem Amount\n", "Code Day Count\n"]


def test_prose_has_no_head():
    text = "Once upon a time there was a king.\n" * 40
    assert {shard.head for shard in cut(text, 0, len(text), 300)} == {None}


def test_a_shard_holds_something():
    with pytest.raises(UsageError) as caught:
        cut("a\nb\n", 0, 4, 0)
    assert str(caught.value) == "a shard holds at least 1 character, not 0\n  next: raise the limit of characters asked for at once"


LINE: Final = st.text(alphabet="a1 .|\t:", max_size=30)
TEXT: Final = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\n", "\n", "\f", "\n\f", "\r\n", ""]))).map(
    lambda lines: "".join(map("".join, lines))
)


@QUICK
@given(TEXT, st.integers(1, 200), st.integers(0, 5), st.integers(0, 20))
@example("a\n" * 50, 7, 3, 0)
def test_shards_cover_the_segment_in_order_and_cut_no_line(text, most, overlap, start):
    start = min(start, len(text))
    shards = cut(text, start, len(text), most, overlap)
    assert (shards[0].start, shards[-1].end) == (start, len(text))
    for before, later in pairwise(shards):
        assert before.start < later.start <= before.end < later.end
        assert text[before.end - 1] in "\n\f"
        assert text[later.start - 1] in "\n\f"
    for shard in shards:
        assert len(words(AsItStands(text), shard)) <= most or not set("\n\f") & set(text[shard.start : shard.end - 1])
        assert shard.head is None or start <= shard.head[0] < shard.head[1] <= shard.start


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_head_ends_where_the_rows_begin_in_every_layout(layout):
    for seed, columns in enumerate(COLUMNS):
        made = statement(random.Random(seed), 60, layout, columns)
        for shard in cut(made.text, 0, len(made.text), 1_800)[1:]:
            assert shard.head == (0, made.places[0][0]), (layout, columns)


# -- smaller pieces ----------------------------------------------------------------------------------------------------


def test_halves_overlap_and_each_has_the_head():
    text = "Head\nItem Amount\n" + "".join(f"Row{number:02} {number}.50\n" for number in range(40))
    upper, lower = halves(text, Shard(0, len(text)))
    assert (upper.start, upper.head, lower.end, lower.head) == (0, None, len(text), (0, 17))
    assert 0 < upper.end - lower.start < 60
    again = halves(text, lower)
    assert [half.head for half in again] == [(0, 17)] * 2
    assert (again[0].start, again[1].end) == (lower.start, lower.end)


def test_few_lines_are_not_halved():
    text = "Row 1.50\n" * 7 + "\n\n\n\n"
    assert halves(text, Shard(0, len(text))) == ()
    assert halves("x" * 10_000, Shard(0, 10_000)) == ()
    assert halves("", Shard(0, 0)) == ()


def test_lines_of_the_head_are_not_counted():
    text = "Title\nStreet\nTown\nItem Amount\n" + "Row 1.50\n" * 7
    assert halves(text, Shard(0, len(text))) == ()


@QUICK
@given(TEXT, st.integers(0, 20))
def test_halving_goes_on_until_few_lines_are_left_and_loses_none(text, start):
    start = min(start, len(text))
    shards, rounds = [Shard(start, len(text))], 0
    while any(halves(text, shard) for shard in shards):
        for shard in shards:
            if smaller := halves(text, shard):
                upper, lower = smaller
                assert (upper.start, lower.end) == (shard.start, shard.end)
                assert shard.start < lower.start <= upper.end < shard.end
        shards = [half for shard in shards for half in (halves(text, shard) or (shard,))]
        rounds += 1
        assert rounds < 40
    assert (shards[0].start, shards[-1].end) == (start, len(text))


def test_the_lines_about_a_stretch_are_shown_with_the_head():
    at = PAGE.index("Cup")
    near = about(PAGE, Shard(0, len(PAGE)), at, at + 8)
    assert words(AsItStands(PAGE), near) == "Invoice 7\nItem Amount\n[...]\nInk 4.10\nCup 3.00\nPot 8.00\n"
    assert PAGE[near.start : near.end] == "Ink 4.10\nCup 3.00\nPot 8.00\n"
    first = about(PAGE, Shard(0, len(PAGE)), PAGE.index("Pen"), PAGE.index("Pen") + 8)
    assert words(AsItStands(PAGE), first) == "Invoice 7\nItem Amount\nPen 1.20\nInk 4.10\n"


# -- merging -----------------------------------------------------------------------------------------------------------

NUMBER: Final = {"type": "string", "x-kind": "number"}
WORDS: Final = {"type": "string"}


def list_of(**columns: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": columns}}


FORM = load(
    {
        "type": "object",
        "properties": {
            "name": WORDS,
            "sums": {"type": "object", "properties": {"total": NUMBER}},
            "rows": list_of(text=WORDS, amount=NUMBER, balance=NUMBER),
            "groups": list_of(label=WORDS, lines=list_of(text=WORDS, amount=NUMBER)),
        },
    },
    kind="k",
)
Cell = tuple[str, int] | str | None  # a text and where it stands; a text that is not on the page


def piece(
    start: int, end: int, *rows: Sequence[Cell], doubts: Mapping[str, tuple[str, ...]] | None = None, head: tuple[int, int] | None = None,
    schema: Schema = FORM, counts: Mapping[str, int] | None = None, **single: Cell,
) -> Piece:  # fmt: skip
    """The reading of text[start:end]: `rows` of texts, amounts and balances, and single values and cells by name."""
    cells: dict[str, Cell] = {"/" + name.replace("_", "/"): cell for name, cell in single.items()}
    for number, row in enumerate(rows):
        cells |= {f"/rows/{number}/{key}": cell for key, cell in zip(("text", "amount", "balance"), row, strict=False)}
    lengths = {"/rows": len(rows), "/groups": 0, **(counts or {})}
    leaves = {place: extract_of(cells.get(place)) for place, _ in leaf_pointers(schema, lengths)}
    found = frozenset(place for place, extract in leaves.items() if extract.spans)
    matches = {place: Match.EXACT if place in found else Match.NONE for place in leaves}
    return Piece(Shard(start, end, head), Extraction("k", "model:m", leaves, lengths, dict(doubts or {})), matches, found)


def extract_of(cell: Cell) -> Extract:
    return Extract(cell) if not isinstance(cell, tuple) else Extract(cell[0], ((cell[1], cell[1] + len(cell[0])),))


def table(found: Piece) -> list[tuple[str | None, ...]]:
    leaves = found.extraction.leaves
    return [
        tuple(leaves[f"/rows/{row}/{key}"].text for key in ("text", "amount", "balance")) for row in range(found.extraction.rows["/rows"])
    ]


PEN: Final = (("Pen", 100), ("1.20", 110), ("11.20", 120))
INK: Final = (("Ink", 200), ("4.10", 210), ("15.30", 220))
CUP: Final = (("Cup", 300), ("3.00", 310), ("18.30", 320))


def test_a_single_piece_stays_as_it_is():
    only = piece(0, 500, CUP, PEN)
    assert merged(FORM, [only]) is only


def test_rows_on_the_same_print_are_one_and_all_come_in_the_order_of_the_page():
    found = merged(FORM, [piece(150, 500, INK, CUP), piece(0, 250, PEN, INK)])
    assert table(found) == [("Pen", "1.20", "11.20"), ("Ink", "4.10", "15.30"), ("Cup", "3.00", "18.30")]
    assert (found.shard, found.extraction.doubts) == (Shard(0, 500), {})
    assert all(not extract.doubts and not extract.alternatives for extract in found.extraction.leaves.values())
    assert found.matches["/rows/2/text"] is Match.EXACT
    assert found.placed == {f"/rows/{row}/{key}" for row in range(3) for key in ("text", "amount", "balance")}
    assert found.extraction.leaves["/rows/2/text"].spans == ((300, 303),)


def test_rows_that_read_alike_on_other_print_are_two():
    twin = (("Pen", 130), ("1.20", 140), ("11.20", 150))
    found = merged(FORM, [piece(0, 250, PEN, twin), piece(90, 400, PEN, twin, CUP)])
    assert [row[0] for row in table(found)] == ["Pen", "Pen", "Cup"]


def test_what_one_shard_dropped_another_has():
    found = merged(FORM, [piece(0, 350, PEN, CUP), piece(150, 500, INK)])
    assert [row[0] for row in table(found)] == ["Pen", "Ink", "Cup"]


def test_the_row_with_more_on_the_page_stands_and_its_blanks_are_filled():
    found = merged(FORM, [piece(0, 250, (("Ink", 200), None, None)), piece(150, 500, INK)])
    assert table(found) == [("Ink", "4.10", "15.30")]
    found = merged(FORM, [piece(0, 250, (("Ink", 200), ("4.10", 210), None)), piece(150, 500, (("Ink", 200), None, ("15.30", 220)))])
    assert table(found) == [("Ink", "4.10", "15.30")]
    assert found.extraction.leaves["/rows/0/balance"] == Extract("15.30", ((220, 225),))


def test_values_of_one_row_that_differ_are_both_kept_and_doubted():
    found = merged(FORM, [piece(0, 250, INK), piece(150, 500, (("Ink", 200), ("4.70", 210), ("15.30", 220)))])
    assert found.extraction.leaves["/rows/0/amount"] == Extract(
        "4.10", ((210, 214),), ("the readings differ: '4.10' and '4.70'",), ("4.10", "4.70")
    )


def test_a_value_of_a_row_that_is_not_on_the_page_gives_way_to_one_that_is():
    found = merged(FORM, [piece(0, 250, (("Ink", 200), "4.70", ("15.30", 220))), piece(150, 500, (("Ink", 200), ("4.10", 210), None))])
    leaf = found.extraction.leaves["/rows/0/amount"]
    assert (leaf.text, leaf.alternatives, leaf.doubts) == ("4.10", ("4.10", "4.70"), ("the readings differ: '4.10' and '4.70'",))


def test_print_that_the_row_has_in_another_column_fills_no_blank():
    shifted = (("Ink", 200), None, ("4.10", 210))
    found = merged(FORM, [piece(0, 250, PEN, INK), piece(50, 500, PEN, shifted, CUP)])
    assert table(found)[1] == ("Ink", "4.10", "15.30")
    assert found.extraction.leaves["/rows/1/balance"].alternatives == ("15.30", "4.10")
    lacking = (("Ink", 200), ("4.10", 210), None)
    other = merged(FORM, [piece(0, 250, lacking), piece(150, 500, (("Ink", 200), None, ("4.10", 210)))])
    assert table(other) == [("Ink", "4.10", None)]
    assert other.extraction.leaves["/rows/0/balance"] == Extract(
        None, doubts=("the readings differ: blank and '4.10'",), alternatives=(None, "4.10")
    )


def test_a_row_cut_off_at_the_edge_of_a_shard_says_nothing_against_the_whole_one():
    whole = (("Ink, blue", 200), ("4.10", 210), ("15.30", 220))
    found = merged(FORM, [piece(0, 204, PEN, (("Ink", 200), None, None)), piece(150, 500, whole, CUP)])
    assert table(found)[1] == ("Ink, blue", "4.10", "15.30")
    assert found.extraction.leaves["/rows/1/text"] == Extract("Ink, blue", ((200, 209),))
    misread = merged(FORM, [piece(0, 300, PEN, whole), piece(209, 500, (None, ("15.30", 220), None), CUP)])
    assert table(misread)[1] == ("Ink, blue", "4.10", "15.30")
    assert not any(extract.doubts for extract in misread.extraction.leaves.values())


def test_a_shorter_value_amid_a_shard_is_doubted():
    whole = (("Ink, blue", 200), ("4.10", 210), ("15.30", 220))
    found = merged(FORM, [piece(0, 400, PEN, (("Ink", 200), *INK[1:]), CUP), piece(150, 400, whole, CUP)])
    assert found.extraction.leaves["/rows/1/text"].doubts == ("the readings differ: 'Ink, blue' and 'Ink'",)


def test_prints_of_one_value_in_two_manners_agree():
    first = piece(0, 250, (("Ink", 200), ("1,200.50", 210), None), (("Cup", 240), None, None))
    second = replace(
        first, extraction=replace(first.extraction, leaves={**first.extraction.leaves, "/rows/0/amount": Extract("1200.50", ((210, 218),))})
    )
    found = merged(FORM, [first, replace(second, shard=Shard(150, 500))])
    assert found.extraction.leaves["/rows/0/amount"] == Extract("1,200.50", ((210, 218),))


def test_a_row_of_which_nothing_is_on_the_page_stays_behind_the_one_it_followed_with_a_doubt():
    found = merged(FORM, [piece(0, 250, PEN, ("Mug", "9.99", None), INK), piece(150, 500, INK, ("Lid", None, None), CUP)])
    assert [row[0] for row in table(found)] == ["Pen", "Mug", "Ink", "Lid", "Cup"]
    assert found.extraction.doubts == {"/rows/1": (NOWHERE,), "/rows/3": (NOWHERE,)}


def test_such_a_row_before_all_others_or_without_others_keeps_its_place():
    found = merged(FORM, [piece(0, 90, ("Mug", None, None)), piece(90, 250, ("Lid", None, None), PEN), piece(240, 500, CUP)])
    assert [row[0] for row in table(found)] == ["Mug", "Lid", "Pen", "Cup"]


def test_two_shards_that_have_such_a_row_in_one_place_have_it_once():
    found = merged(
        FORM, [piece(0, 250, PEN, INK, ("Mug", None, None)), piece(90, 500, PEN, INK, ("Mug", None, None), ("Mug", None, None), CUP)]
    )
    assert [row[0] for row in table(found)] == ["Pen", "Ink", "Mug", "Mug", "Cup"]


def test_a_row_read_twice_by_one_shard_is_kept_and_told_of():
    found = merged(FORM, [piece(0, 250, PEN, PEN, INK), piece(150, 500, INK, CUP)])
    assert [row[0] for row in table(found)] == ["Pen", "Pen", "Ink", "Cup"]
    assert found.extraction.doubts == {"/rows/1": (TWICE,)}


def test_two_rows_that_one_shard_read_as_one_are_two():
    mixed = (("Pen", 100), ("4.10", 210), ("15.30", 220))
    found = merged(FORM, [piece(0, 250, mixed), piece(50, 500, PEN, INK, CUP)])
    assert table(found) == [("Pen", "1.20", "11.20"), ("Ink", "4.10", "15.30"), ("Cup", "3.00", "18.30")]
    assert found.extraction.doubts == {"/rows/0": (APART,), "/rows/1": (APART,)}


def test_a_name_that_was_found_at_the_row_before_makes_no_row_of_it():
    first = (("Pen", 100), ("1.20", 110), ("11.20", 120))
    second = (("Pen", 100), ("2.20", 210), ("13.40", 220))  # its own name stands at 200
    found = merged(FORM, [piece(0, 150, first), piece(90, 400, second)])
    assert [row[1] for row in table(found)] == ["1.20", "2.20"]


def test_lists_in_rows_go_with_their_row_and_are_merged_too():
    upper = piece(
        0, 250, counts={"/groups": 1, "/groups/0/lines": 2}, groups_0_label=("Food", 10), groups_0_lines_0_text=("Pen", 100),
        groups_0_lines_0_amount=("1.20", 110), groups_0_lines_1_text=("Ink", 200), groups_0_lines_1_amount=("4.10", 210),
        doubts={"/groups/0/lines/1": ("blurred",), "/groups/0": ("torn",)},
    )  # fmt: skip
    lower = piece(
        150, 500, counts={"/groups": 2, "/groups/0/lines": 2, "/groups/1/lines": 1}, groups_0_lines_0_text=("Ink", 200),
        groups_0_lines_0_amount=("4.10", 210), groups_0_lines_1_text=("Cup", 300), groups_0_lines_1_amount=("3.00", 310),
        groups_1_label=("Tools", 400), groups_1_lines_0_text=("Saw", 420), doubts={"/groups/1": ("odd",), "/groups/0/lines/1": ("cut",)},
    )  # fmt: skip
    found = merged(FORM, [upper, lower]).extraction
    assert {key: count for key, count in found.rows.items() if count} == {"/groups": 2, "/groups/0/lines": 3, "/groups/1/lines": 1}
    assert [found.leaves[f"/groups/0/lines/{row}/text"].text for row in range(3)] == ["Pen", "Ink", "Cup"]
    assert (found.leaves["/groups/0/label"].text, found.leaves["/groups/1/label"].text) == ("Food", "Tools")
    assert found.doubts == {"/groups/0": ("torn",), "/groups/0/lines/1": ("blurred",), "/groups/0/lines/2": ("cut",), "/groups/1": ("odd",)}


# -- single values -----------------------------------------------------------------------------------------------------


def name_of(*cells: Cell, **more: Any) -> Extract:
    """What is made of the name that shards of 100 characters read."""
    pieces = [piece(100 * number, 100 * number + 100, name=cell, **more) for number, cell in enumerate(cells)]
    return merged(FORM, pieces).extraction.leaves["/name"]


def test_equal_values_are_one():
    assert name_of(("Ann", 10), ("Ann", 10), "Ann") == Extract("Ann", ((10, 13),))


def test_a_blank_gives_way_to_what_stands_in_the_lines_of_the_shard_that_read_it():
    assert name_of(None, ("Ann", 110), None) == Extract("Ann", ((110, 113),))


def test_a_blank_stays_against_what_stands_in_the_head_alone_or_nowhere():
    assert name_of(None, ("Ann", 10), head=(0, 50)) == Extract(
        None, doubts=("the readings differ: blank and 'Ann'",), alternatives=(None, "Ann")
    )
    assert name_of(None, "Ann") == Extract(None, doubts=("the readings differ: blank and 'Ann'",), alternatives=(None, "Ann"))


def test_what_is_on_the_page_wins_over_what_is_not():
    assert name_of("Bob", ("Ann", 110)) == Extract("Ann", ((110, 113),), (), ("Ann", "Bob"))
    assert name_of("Bob", ("Ann", 10), head=(0, 50)) == Extract("Ann", ((10, 13),), (), ("Ann", "Bob"))


def test_of_two_on_the_page_the_first_stands_and_both_are_told_of():
    assert name_of(("Ann", 10), ("Bob", 110)) == Extract("Ann", ((10, 13),), ("the readings differ: 'Ann' and 'Bob'",), ("Ann", "Bob"))


def test_of_two_of_which_neither_is_on_the_page_the_first_stands_and_both_are_told_of():
    assert name_of("Ann", "Bob") == Extract("Ann", (), ("the readings differ: 'Ann' and 'Bob'",), ("Ann", "Bob"))


def test_values_in_groups_are_single_values():
    found = merged(FORM, [piece(0, 100), piece(100, 200, sums_total=("27.90", 150))])
    assert found.extraction.leaves["/sums/total"] == Extract("27.90", ((150, 155),))
    assert (found.matches["/sums/total"], found.placed) == (Match.EXACT, {"/sums/total"})


def test_doubts_and_explained_stretches_are_kept_whatever_they_concern():
    first = piece(0, 250, PEN, doubts={"": ("odd",), "/rows": ("long",), "/nowhere/3": ("what",)})
    second = piece(150, 500, CUP, doubts={"": ("odd", "torn"), "/rows/0": ("blurred",)})
    pieces = [
        replace(one, extraction=replace(one.extraction, explained=spans))
        for one, spans in ((first, ((9, 12), (3, 5))), (second, ((9, 12),)))
    ]
    found = merged(FORM, pieces).extraction
    assert found.doubts == {"": ("odd", "torn", "/nowhere/3: what"), "/rows": ("long",), "/rows/1": ("blurred",)}
    assert (found.explained, found.reader, found.kind) == (((3, 5), (9, 12)), "model:m", "k")


def test_no_piece_makes_no_reading():
    with pytest.raises(ValueError, match=r"^no piece to merge$"):
        merged(FORM, [])


# -- properties --------------------------------------------------------------------------------------------------------

TABLE: Final = st.lists(
    st.tuples(
        st.sampled_from(["Pen", "Ink", "Cup", None]), st.sampled_from(["1.20", "4.10", "300.00"]), st.sampled_from(["7.00", "", None])
    ),
    max_size=30,
)
PITCH: Final = 50  # characters of a row


def rows_on_page(rows: Sequence[tuple[str | None, ...]]) -> list[tuple[Cell, ...]]:
    return [
        tuple((text, PITCH * (number + 1) + 15 * column) if text else None for column, text in enumerate(row))
        for number, row in enumerate(rows)
    ]


@QUICK
@given(TABLE, st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=8), st.randoms(use_true_random=False))
def test_correct_readings_of_any_shards_are_the_reading_of_the_whole_and_what_some_shard_has_is_never_lost(rows, cuts, rng):
    cells = rows_on_page(rows)
    size = PITCH * (len(rows) + 1)
    shards = [(0, len(rows)), *((first, min(first + count, len(rows))) for first, count in cuts if first < len(rows))]
    pieces = [piece(PITCH * (first + 1), PITCH * (last + 1), *cells[first:last]) for first, last in shards[1:]]
    whole = piece(0, size, *cells)
    found = merged(FORM, [*pieces, whole]) if pieces else whole
    assert (found.extraction.rows, found.extraction.leaves) == (whole.extraction.rows, whole.extraction.leaves)
    assert found.extraction.doubts == {}
    kept = [sorted(rng.sample(range(first, last), rng.randint(0, last - first))) for first, last in shards]
    lossy = [
        piece(PITCH * (first + 1), PITCH * (last + 1), *(cells[row] for row in some))
        for (first, last), some in zip(shards, kept, strict=True)
    ]
    union = sorted({row for some in kept for row in some})
    assert table(merged(FORM, lossy)) == [tuple(text or None for text in rows[row]) for row in union]


def shard_reading(made: Statement, shard: Shard, dropped: set[int]) -> Piece:
    single = {place: text for place, text in made.single.items() if text in words(AsItStands(made.text), shard)}
    kept = shown_rows(made, shard, dropped)
    layout = Layout(made.text, shard.start, shard.end)
    return replace(placed(layout, made.schema, reading(made.schema, {**single, **texts_of(made, kept)}, len(kept))), shard=shard)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_statements_read_in_shards_and_found_on_the_page_are_read_whole(layout):
    for seed in range(15):
        rng = random.Random(seed)
        columns = COLUMNS[seed % 5] if layout != "cells" or seed % 5 != 1 else COLUMNS[0]
        made = statement(rng, rng.randint(20, 90), layout, columns, wrap=rng.choice((0, 0.2)))
        shards = cut(made.text, 0, len(made.text), rng.randint(500, 2_500))
        for dropped in (set(), {row for row in range(len(made.rows)) if rng.random() < 0.2}):
            found = merged(made.schema, [shard_reading(made, shard, dropped) for shard in shards]).extraction
            read = [[found.leaves[f"/rows/{row}/{column}"].text for column in columns] for row in range(found.rows["/rows"])]
            assert read == [cells for row, cells in enumerate(made.rows) if row not in dropped], (layout, seed)


def test_thousands_of_rows_are_merged():
    cells = rows_on_page([(f"Name {row}", f"{row}.50", f"{row}.75") for row in range(3_200)])
    pieces = [piece(PITCH * (first + 1), PITCH * (first + 86), *cells[first : first + 85]) for first in range(0, 3_200, 80)]
    found = merged(FORM, pieces)
    assert found.extraction.leaves == piece(0, 10**6, *cells).extraction.leaves
