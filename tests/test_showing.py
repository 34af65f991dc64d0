"""What a model is shown of tables: rows that are counted, cells apart, labels on each of their rows, doubts marked."""

from __future__ import annotations

from structurer.document import Box, Cell, Document, Page, Span, Table, Words
from structurer.showing import NOTE, Showing

TEXT = "Form\nOutput\tQuality\t12.5\n\tSpeed\t7\nTotal\t\t19.5\nend\n"


def cell(row: int, col: int, text: str, rowspan: int = 1, colspan: int = 1, text_of: str = TEXT) -> Cell:
    start = text_of.index(text) if text else 0
    return Cell(row, col, rowspan, colspan, ((start, start + len(text)),) if text else ())


CELLS = (
    cell(0, 0, "Output", rowspan=2),
    cell(0, 1, "Quality"),
    cell(0, 2, "12.5"),
    cell(1, 1, "Speed"),
    cell(1, 2, "7"),
    cell(2, 0, "Total", colspan=2),
    cell(2, 2, "19.5"),
)


def document(text: str = TEXT, tables: tuple[Table, ...] = (Table((1,), CELLS),), sure: float | None = None) -> Document:
    words = [Span(at, at + len("12.5"), 1, Box(0, 0, 1, 1), sure) for at in [text.find("12.5")] if at >= 0 and sure is not None]
    return Document("a.pdf", text, "0", "application/pdf", (Page(1, 0, len(text)),), Words(words), tables)


def test_a_row_is_one_line_with_its_number_and_the_labels_merged_over_it() -> None:
    shown = Showing(document()).of(0, len(TEXT))
    assert shown == "Form\n1.1 | Output | Quality | 12.5\n1.2 | Output | Speed | 7\n1.3 | Total |  | 19.5\nend\n"


def test_a_part_of_the_text_shows_its_own_rows_with_the_same_numbers() -> None:
    start = TEXT.index("\tSpeed")
    assert Showing(document()).of(start, len(TEXT)) == "1.2 | Output | Speed | 7\n1.3 | Total |  | 19.5\nend\n"


def test_a_row_that_is_cut_is_shown_as_it_stands() -> None:
    assert Showing(document()).of(0, TEXT.index("12.5")) == "Form\nOutput\tQuality\t"


def test_a_figure_of_which_the_recogniser_was_not_sure_is_marked_and_the_rest_is_not() -> None:
    assert "1.1 | Output | Quality | 12.5[?]\n1.2" in Showing(document(sure=0.6)).of(0, len(TEXT))
    assert "[?]" not in Showing(document(sure=0.95)).of(0, len(TEXT))


def test_figures_outside_tables_are_marked_as_well() -> None:
    text = "Amount 12.5 due\n"
    assert Showing(document(text, (), 0.3)).of(0, len(text)) == "Amount 12.5[?] due\n"


def test_a_text_without_tables_and_doubts_is_shown_as_it_is_and_says_nothing_of_rows() -> None:
    plain = Showing(document("a\tb\n", ()))
    assert (plain.of(0, 4), plain.note) == ("a\tb\n", "")
    assert Showing(document()).note == NOTE


def test_a_row_over_two_pages_is_shown_once_and_what_a_page_prints_again_as_it_stands() -> None:
    text = "Name\tSum\nlong\t5\n\fName\tSum\nrest\t\n"
    first, rest = text.index("long"), text.index("rest")
    cells = (
        Cell(0, 0, 1, 1, ((0, 4),)),
        Cell(0, 1, 1, 1, ((5, 8),)),
        Cell(1, 0, 1, 1, ((first, first + 4), (rest, rest + 4))),
        Cell(1, 1, 1, 1, ((first + 5, first + 6),)),
    )
    shown = Showing(document(text, (Table((1, 2), cells),))).of(0, len(text))
    assert shown == "1.1 | Name | Sum\n1.2 | long rest | 5\n\fName\tSum\nrest\t\n"
