"""Tables that rule their columns alone: their figures tell the rows apart, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pdfs import Sheet as Paper
from pdfs import document_of, pdf

XS, TOP, STEP = (60, 260, 330, 430), 100, 16
ITEMS = [("Paper", "2", "3.00"), ("Lamps, steel", "10", "(1,250.00)"), ("Chairs", "4", "80.50")]


def table(*columns: Sequence[tuple[float, str]], head: bool = True, bottom: float = 260) -> bytes:
    """A frame with columns: each a list of (how many lines below the first, text)."""

    def draw(paper: Paper) -> None:
        for x in XS:
            paper.line(x, TOP, x, bottom)
        for y in (TOP, *([TOP + 20] if head else []), bottom):
            paper.line(XS[0], y, XS[-1], y)
        for x, name in zip(XS, ("Item", "Qty", "Amount"), strict=False) if head else ():
            paper.text(x + 4, TOP + 4, name)
        for x, column in zip(XS, columns, strict=False):
            for line, text in column:
                paper.text(x + 4, TOP + 24 + STEP * line, text)

    return pdf(draw)


def rows_of(raw: bytes) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("\t")] for line in document_of(raw).text.splitlines() if line.strip()]


def stacked(items: Sequence[Sequence[str]], every: float = 1) -> list[list[tuple[float, str]]]:
    return [[(every * number, item[place]) for number, item in enumerate(items)] for place in range(3)]


def test_figures_at_the_same_heights_tell_rows_apart() -> None:
    assert rows_of(table(*stacked(ITEMS))) == [["Item", "Qty", "Amount"], *map(list, ITEMS)]


def test_a_name_on_two_lines_goes_with_the_figures_beside_its_first_or_its_last() -> None:
    names, counts, amounts = stacked(ITEMS, every=2)
    first = [line for place, text in names for line in ((place, text), (place + 1, "in boxes"))]
    last = [line for place, text in names for line in ((place, "all"), (place + 1, text))]
    below = [[(place + 1, text) for place, text in column] for column in (counts, amounts)]
    assert rows_of(table(first, counts, amounts))[1:] == [[f"{name} in boxes", *rest] for name, *rest in ITEMS]
    assert rows_of(table(last, *below))[1:] == [[f"all {name}", *rest] for name, *rest in ITEMS]


def test_sums_without_a_count_are_rows_too() -> None:
    names, counts, amounts = stacked(ITEMS)
    found = rows_of(table([*names, (3, "Total")], counts, [*amounts, (3, "1,333.50")]))
    assert found[-1] == ["Total", "", "1,333.50"]
    assert len(found) == 5


@pytest.mark.parametrize(
    "columns",
    [
        [
            [(0, "Running text that"), (1, "is set on three"), (2, "lines of its own")],
            [(0, "and so"), (1, "is the"), (2, "next")],
            [(0, "7")],
        ],
        [[(0, "one"), (1, "two")], [(0, "x")], [(0, "1"), (1, "2"), (2, "3")]],
        [[(0, "one"), (1, "two")], [(0, "1"), (1, "2")], [(0, "3"), (1, "4")]],
        [[(0, "one"), (1, "two"), (2, "three")], [(0, "1"), (1, "2"), (2, "3")], [(0.5, "1"), (1.5, "2"), (2.5, "3")]],
    ],
)
def test_what_two_columns_of_figures_do_not_tell_apart_stays_one_row(columns: list[list[tuple[float, str]]]) -> None:
    assert len(rows_of(table(*columns))) == 2


def test_a_head_that_no_rule_parts_is_a_row() -> None:
    names, counts, amounts = (
        [(0, head), *((line + 1, text) for line, text in column)]
        for head, column in zip(("Item", "Qty", "Amount"), stacked(ITEMS), strict=True)
    )
    assert rows_of(table(names, counts, amounts, head=False)) == [["Item", "Qty", "Amount"], *map(list, ITEMS)]


def test_a_line_beside_each_figure_makes_rows_of_one_column_of_figures() -> None:
    names = [(0, "one"), (1, "two"), (2, "three")]
    assert rows_of(table(names, [(0, "x")], [(0, "1"), (1, "2"), (2, "3")]))[1:] == [
        ["one", "x", "1"],
        ["two", "", "2"],
        ["three", "", "3"],
    ]


def test_sums_below_columns_that_end_in_the_air_are_rows_of_their_own() -> None:
    def draw(paper: Paper) -> None:
        for x, foot in zip(XS, (212, 168, 168, 212), strict=True):
            paper.line(x, TOP, x, foot)
        paper.line(390, TOP, 390, 212)
        for y in (TOP, TOP + 20, 212):
            paper.line(XS[0], y, XS[-1], y)
        for line, cells in enumerate([("Item", "Qty", "Price", "Sum"), *(("Paper", "2", "1.50", "3.00"),) * 3]):
            for x, text in zip((60, 260, 330, 390), cells, strict=True):
                paper.text(x + 4, TOP + 4 + STEP * line + 4 * bool(line), text)
        for line, (name, amount) in enumerate([("Subtotal", "9.00"), ("VAT", "0.90"), ("Total", "9.90")]):
            paper.text(64, 172 + 13 * line, name)
            paper.text(394, 172 + 13 * line, amount)

    found = rows_of(pdf(draw))
    assert found[:4] == [["Item", "Qty", "Price", "Sum"], *[["Paper", "2", "1.50", "3.00"]] * 3]
    assert [[cell for cell in row if cell] for row in found[4:]] == [["Subtotal", "9.00"], ["VAT", "0.90"], ["Total", "9.90"]]
