"""Where text stands: pages, and words with boxes."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.document import Box, Columns, Document, Page, Second, Span, Words

TEXT = "ab cd\fef gh"
PAGES = (Page(1, 0, 5), Page(2, 6, 11))
BOX = Box(1.0, 2.0, 3.0, 4.0)
WORDS = tuple(Span(start, start + 2, page, BOX) for start, page in ((0, 1), (3, 1), (6, 2), (9, 2)))


def document(*words: Span, pages: tuple[Page, ...] = PAGES) -> Document:
    return Document("a.pdf", TEXT, "0" * 64, "application/pdf", pages, Words(words))


def test_an_offset_stands_on_the_page_that_begins_before_it():
    assert [document().page_of(offset) for offset in (0, 4, 5, 6, 10, 99)] == [1, 1, 1, 2, 2, 2]
    assert document(pages=(Page(1, 3, 5),)).page_of(2) is None
    assert document(pages=()).page_of(0) is None


def test_a_stretch_is_located_by_the_words_it_touches():
    found = document(*WORDS)
    assert found.locate(0, 2) == (WORDS[0],)
    assert found.locate(1, 4) == (WORDS[0], WORDS[1])
    assert found.locate(4, 7) == (WORDS[1], WORDS[2])
    assert found.locate(0, 11) == WORDS


def test_a_stretch_without_words_has_its_page_alone():
    assert document().locate(6, 8) == (Span(6, 8, 2),)
    assert document(*WORDS).locate(5, 6) == (Span(5, 6, 1),)
    assert document(*WORDS[1:]).locate(0, 2) == (Span(0, 2, 1),)


def test_the_evidence_of_a_stretch_is_one_span_a_page_around_its_words():
    words = (
        Span(0, 2, 1, Box(10.0, 20.0, 30.0, 40.0), 0.9),
        Span(3, 5, 1, Box(5.0, 25.0, 20.0, 45.0), 0.7),
        Span(6, 8, 2, Box(3.0, 3.0, 4.0, 4.0), 0.8),
        Span(9, 11, 2, Box(1.0, 1.0, 2.0, 2.0)),
    )
    assert document(*words).evidence(1, 10) == (
        Span(1, 5, 1, Box(5.0, 20.0, 30.0, 45.0), 0.7),
        Span(6, 10, 2, Box(1.0, 1.0, 4.0, 4.0), 0.8),
    )
    assert document(words[2]).evidence(6, 8) == (words[2],)
    assert document().evidence(6, 8) == (Span(6, 8, 2),)


def test_documents_are_equal_by_what_they_hold():
    assert document(*WORDS) == document(*WORDS)
    assert document(*WORDS) != document()


# --- words


def test_words_are_a_sequence_of_spans():
    words = Words(WORDS)
    assert (len(words), words[1], words[-1], list(words)) == (4, WORDS[1], WORDS[3], list(WORDS))
    assert words[1:3] == list(WORDS[1:3])
    assert words[::-2] == list(WORDS[::-2])
    with pytest.raises(IndexError):
        words[4]


def test_words_are_equal_to_what_holds_the_same():
    assert Words(WORDS) == WORDS
    assert Words(WORDS) == Words(list(WORDS))
    assert Words(WORDS) != WORDS[:3]
    assert Words() == ()
    assert hash(Words(WORDS)) == hash(Words(WORDS))
    assert not Words()


def test_words_keep_their_confidence_or_that_they_have_none():
    words = Words([Span(0, 1, 1, BOX, 0.9), Span(2, 3, 1, BOX), Span(4, 5, 1, BOX, 0.0)])
    assert [word.confidence for word in words] == [0.9, None, 0.0]
    assert [word.source for word in words] == ["ocr", "layer", "ocr"]


def test_boxes_are_kept_to_a_hundredth_of_a_point():
    (word,) = Words([Span(0, 1, 1, Box(123.456, 0.1, 841.889, 1.0), 0.98768)])
    assert (word.box, word.confidence) == (Box(123.46, 0.1, 841.89, 1.0), 0.9877)


def test_words_travel_as_columns():
    words = Words(WORDS)
    assert Words.of(words.columns) == words
    assert words.columns.starts == array("q", [0, 3, 6, 9])
    assert Words.of(Columns(array("q"), array("q"), array("q"), array("f"), array("f"))) == ()


def test_words_are_put_behind_others():
    words = Words(WORDS[:2])
    words.extend(Words(WORDS[2:]))
    words.append(Span(12, 13, 3, BOX))
    assert words == (*WORDS, Span(12, 13, 3, BOX))


def test_a_word_has_a_page_and_a_box():
    for lacking in (Span(0, 1, None, BOX), Span(0, 1, 1)):
        with pytest.raises(AssertionError):
            Words([lacking])


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=20), st.integers(-3, 200))
def test_words_are_found_by_their_offsets(gaps: list[tuple[int, int]], offset: int):
    spans, place = [], 0
    for gap, length in gaps:
        spans.append(Span(place + gap, place + gap + length, 1, BOX))
        place += gap + length
    words = Words(spans)
    assert words.first_ending_after(offset) == sum(span.end <= offset for span in spans)
    assert words.first_starting_at(offset) == sum(span.start < offset for span in spans)


# --- second readings


def test_second_readings_of_a_stretch_lie_inside_it():
    seconds = (Second(0, 2, "ad"), Second(3, 5, "cb"), Second(6, 8, "et"))
    found = Document("a.pdf", TEXT, "0" * 64, "application/pdf", PAGES, seconds=seconds)
    assert found.seconds_in(0, 11) == seconds
    assert found.seconds_in(0, 5) == seconds[:2]
    assert found.seconds_in(1, 8) == seconds[1:]
    assert found.seconds_in(3, 4) == ()
    assert document().seconds_in(0, 11) == ()
