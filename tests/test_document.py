"""Where text stands: pages, and words with boxes."""

from __future__ import annotations

from structurer.document import Box, Document, Page, Span

TEXT = "ab cd\fef gh"
PAGES = (Page(1, 0, 5), Page(2, 6, 11))
BOX = Box(1.0, 2.0, 3.0, 4.0)
WORDS = tuple(Span(start, start + 2, page, BOX) for start, page in ((0, 1), (3, 1), (6, 2), (9, 2)))


def document(*words: Span, pages: tuple[Page, ...] = PAGES) -> Document:
    return Document("a.pdf", TEXT, "0" * 64, "application/pdf", pages, words)


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
        Span(6, 8, 2, None, 0.8),
        Span(9, 11, 2, Box(1.0, 1.0, 2.0, 2.0)),
    )
    assert document(*words).evidence(1, 10) == (
        Span(1, 5, 1, Box(5.0, 20.0, 30.0, 45.0), 0.7),
        Span(6, 10, 2, Box(1.0, 1.0, 2.0, 2.0), 0.8),
    )
    assert document(words[2]).evidence(6, 8) == (Span(6, 8, 2, None, 0.8),)
    assert document().evidence(6, 8) == (Span(6, 8, 2),)


def test_documents_are_equal_by_what_they_hold():
    assert document(*WORDS) == document(*WORDS)
    assert document(*WORDS) != document()
