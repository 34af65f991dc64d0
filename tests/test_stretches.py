"""Stretches, pictures and sheets travel whole; whatever else a process under a stranger's control may send is an InputError."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer.document import Box, Cell, Page, Second, Span, Table, Words
from structurer.errors import InputError
from structurer.sandbox import parcel
from structurer.sandbox.parcel import packed, unpacked
from structurer.sheets import stretches
from structurer.sheets.script import Written
from structurer.sheets.sheet import Char, Sheet
from structurer.sheets.stretches import (
    End,
    Picture,
    pack_end,
    pack_picture,
    pack_sheet,
    pack_stretch,
    unpack_end,
    unpack_picture,
    unpack_sheet,
    unpack_stretch,
)

BEFORE = 100  # characters of the document that came before
BOX = Box(10.0, 20.0, 30.5, 32.25)
TEXT = "合计\t12.50\n𠘨\n"
WORDS = (Span(100, 102, 3, BOX), Span(103, 108, 3, BOX._replace(x0=12.5), 0.75), Span(109, 110, 4, BOX))
PAGES = (
    Page(3, 100, 109, "both", 595.0, 842.0, 90.0, 200.0, "an engine", ("a picture is the page",)),
    Page(4, 109, 111, "layer", 595.0, 842.0, name="附件.xlsx / 表一"),
)
TABLE = Table((2, 3), (Cell(0, 0, 2, 1, ((90, 95), (100, 102))), Cell(0, 1, 1, 1, ((103, 108),)), Cell(1, 1, 1, 1)))
WRITTEN = Written(TEXT, PAGES, Words(WORDS), (TABLE,), (Second(103, 108, "12.60"),))
CHARS = (Char("合", BOX, True, 0.5), Char("计", BOX, False, 1.0), Char("12", BOX))
SHEET = Sheet(1, 595.0, 842.0, CHARS, ((BOX, BOX), (BOX,)), "ocr", 0.5, engine="an engine", warnings=("dark",))
PICTURE = Picture(2, 1, 200.0, b"\x00\x01\x02\x03\x04\x05")


def changed(whole: bytes, shape: Any, **fields: Any) -> bytes:
    """A parcel with other values for some fields; a function makes the new value of the old one."""
    found = unpacked(whole, shape, "a.pdf")
    return packed(found | {name: value(found[name]) if callable(value) else value for name, value in fields.items()})


def stretch(**fields: Any) -> bytes:
    return changed(pack_stretch(WRITTEN), stretches._WRITTEN, **fields)


def sheet(**fields: Any) -> bytes:
    return changed(pack_sheet(SHEET), stretches._SHEET, **fields)


def columns(**fields: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda words: words | fields


def first(**fields: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """The first of several with other values."""
    return lambda several: [several[0] | fields, *several[1:]]


def assert_refused(what: str, unpack: Callable[..., Any], *arguments: Any) -> None:
    with pytest.raises(InputError) as caught:
        unpack(*arguments, "a.pdf")
    assert (caught.value.where, bool(caught.value.remedy)) == ("a.pdf", True)
    assert what in caught.value.what


# --- what is true


def test_a_stretch_arrives_as_it_was():
    assert unpack_stretch(pack_stretch(WRITTEN), BEFORE, "a.pdf") == WRITTEN


def test_an_empty_stretch_arrives():
    empty = Written("", (), Words(), (TABLE,))
    assert unpack_stretch(pack_stretch(empty), BEFORE + len(TEXT), "a.pdf") == empty


def test_a_text_may_be_longer_than_all_that_is_told_in_words(monkeypatch):
    monkeypatch.setattr(parcel, "TEXT_BYTES", 2_000)
    long = Written("字" * 100_000, (Page(1, 0, 100_000),), Words(), ())
    assert unpack_stretch(pack_stretch(long), 0, "a.pdf") == long


def test_lone_surrogates_of_a_text_keep_their_place():
    odd = Written("a\ud800b", (Page(1, 0, 3),), Words(), ())
    assert unpack_stretch(pack_stretch(odd), 0, "a.pdf").text == "a?b"


def test_an_end_arrives_as_it_was():
    for end in (End("application/pdf", None, ("page 2: turned", '"合计"')), End("text/plain", "gb18030", ())):
        assert unpack_end(pack_end(end), "a.pdf") == end


def test_a_picture_arrives_as_it_was():
    assert unpack_picture(pack_picture(PICTURE), "a.pdf") == PICTURE


def test_a_sheet_arrives_as_it_was():
    assert unpack_sheet(pack_sheet(SHEET), "a.pdf") == SHEET


def test_an_empty_sheet_arrives():
    empty = Sheet(1, 595.0, 842.0, (), decision="ocr")
    assert unpack_sheet(pack_sheet(empty), "a.pdf") == empty


def test_what_would_steer_a_terminal_is_not_told():
    assert unpack_end(pack_end(End("text/\x1b[2J", "\x07", ("\x1b]0;title\x07ok\u202e",))), "a.pdf") == End(
        "text/\ufffd[2J", "\ufffd", ("\ufffd]0;title\ufffdok\ufffd",)
    )
    told = unpack_stretch(stretch(pages=first(reasons=["\x1b[31mred"], name="a\nb", engine="\x9b", decision="\x00")), BEFORE, "a.pdf")
    assert (told.pages[0].reasons, told.pages[0].name) == (("\ufffd[31mred",), "a\ufffdb")
    assert (told.pages[0].engine, told.pages[0].decision) == ("\ufffd", "\ufffd")


# --- what cannot be


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("its text is none", {"text": b"\xff\xfe"}),
        ("its text is none", {"text": "a\ud800".encode("utf-8", "surrogatepass")}),
        ("a page lies outside the text", {"text": b""}),
        ("a page lies outside the text", {"pages": first(start=99)}),
        ("a page lies outside the text", {"pages": first(end=112)}),
        ("a page lies outside the text", {"pages": first(start=109, end=100)}),
        ("a page lies outside the text", {"pages": first(end=110)}),
        ("a page lies outside the text", {"pages": first(number=7)}),
        ("a page lies outside the text", {"pages": lambda pages: [page | {"number": page["number"] - 3} for page in pages]}),
        ("words lie on no page", {"words": columns(pages=array("q", [3, 3, 5]))}),
        ("words lie on no page", {"pages": []}),
        ("words lack numbers", {"words": columns(starts=array("q", [100, 103]))}),
        ("words lack numbers", {"words": columns(ends=array("q", [102]))}),
        ("words lack numbers", {"words": columns(pages=array("q"))}),
        ("words lack numbers", {"words": columns(boxes=array("f", [1.0] * 11))}),
        ("words lack numbers", {"words": columns(confidences=array("f"))}),
        ("words lie outside the text", {"words": columns(starts=array("q", [99, 103, 109]))}),
        ("words lie outside the text", {"words": columns(starts=array("q", [100, 103, 108]), ends=array("q", [104, 108, 110]))}),
        ("words lie outside the text", {"words": columns(ends=array("q", [102, 108, 112]))}),
        ("words lie outside the text", {"words": columns(ends=array("q", [100, 108, 110]))}),
        ("words lie outside the text", {"words": columns(starts=array("q", [-(2**63), 103, 109]))}),
        ("words have no place", {"words": columns(boxes=array("f", [1e8] * 12))}),
        ("words have no place", {"words": columns(boxes=array("f", [9.0, 1.0, 2.0, 3.0] * 3))}),
        ("words have no place", {"words": columns(boxes=array("f", [1.0, 9.0, 2.0, 3.0] * 3))}),
        ("words have no place", {"words": columns(confidences=array("f", [0.5, 1.5, 0.5]))}),
        ("words have no place", {"words": columns(confidences=array("f", [0.5, -0.5, 0.5]))}),
        ("cells lack numbers", {"tables": first(cells=array("q", [0, 0, 1]))}),
        ("cells lack numbers", {"tables": first(pieces=array("q", [100]))}),
        ("cells lack numbers", {"tables": first(pieces=array("q", [100, 101]))}),
        ("cells lie outside the table", {"tables": first(pieces=array("q", [90, 95, 100, 102, 103, 500]))}),
        ("cells lie outside the table", {"tables": first(cells=array("q", [-1, 0, 1, 1, 0]), pieces=array("q"))}),
        ("cells lie outside the table", {"tables": first(cells=array("q", [0, 10**9, 1, 1, 0]), pieces=array("q"))}),
        ("cells lie outside the table", {"tables": first(cells=array("q", [0, 0, 1, 1, -1, 0, 1, 1, 1, 1]), pieces=array("q"))}),
        ("cells have no extent", {"tables": first(cells=array("q", [0, 0, 0, 1, 0]), pieces=array("q"))}),
        ("cells have no extent", {"tables": first(pieces=array("q", [95, 90, 100, 102, 103, 108]))}),
        ("a table lies on no page", {"tables": first(pages=[])}),
        ("a table lies on no page", {"tables": first(pages=[0, 3])}),
        ("a second reading lies outside the text", {"seconds": first(start=90)}),
        ("a second reading lies outside the text", {"seconds": first(end=103)}),
        ("a second reading lies outside the text", {"seconds": first(end=10**6)}),
        ("it.text is a str", {"text": "a"}),
        ("it.pages[0] has not the fields", {"pages": [{}]}),
    ],
)
def test_a_stretch_that_cannot_be_is_refused(what: str, fields: dict[str, Any]):
    assert_refused(what, unpack_stretch, stretch(**fields), BEFORE)


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("characters lack numbers", {"texts": ["a", "b"]}),
        ("characters lack numbers", {"texts": ["a", "", "b"]}),
        ("characters lack numbers", {"uprights": array("b", [1])}),
        ("characters lack numbers", {"confidences": array("f")}),
        ("characters lack numbers", {"boxes": array("f", [1.0] * 10)}),
        ("characters lack numbers", {"boxes": array("f", [1.0] * 16)}),
        ("second readings lack numbers", {"alternatives": ["a"]}),
        ("second readings lack numbers", {"alternatives": [""], "alternative_boxes": array("f", [1.0] * 4)}),
        ("second readings lack numbers", {"alternative_boxes": array("f", [1.0] * 3)}),
        ("characters have no place", {"boxes": array("f", [1e9] * 12)}),
        ("characters have no place", {"boxes": array("f", [3.0, 1.0, 2.0, 4.0] * 3)}),
        ("characters have no place", {"confidences": array("f", [0.5, 2.0, 0.5])}),
        ("characters have no place", {"tables": [array("f", [1.0] * 7)]}),
        ("characters have no place", {"tables": [array("f")]}),
        ("characters have no place", {"tables": [array("f", [5.0, 1.0, 2.0, 4.0])]}),
        ("a page has no size", {"width": 0}),
        ("a page has no size", {"height": -842.0}),
        ("a page has no size", {"width": 1e12}),
        ("it.boxes is no array", {"boxes": [1.0]}),
        ("it.angle is a str", {"angle": "0"}),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(what: str, fields: dict[str, Any]):
    assert_refused(what, unpack_sheet, sheet(**fields))


@pytest.mark.parametrize("fields", [{"width": 0}, {"height": 2}, {"width": -2, "height": -1}, {"dpi": 0}, {"dpi": -1.5}, {"pixels": b""}])
def test_a_picture_without_its_pixels_is_refused(fields: dict[str, Any]):
    assert_refused("a picture lacks pixels", unpack_picture, changed(pack_picture(PICTURE), stretches._PICTURE, **fields))


@pytest.mark.parametrize("raw", [b"", b"\x00" * 7, b"\xff" * 8, b"\x02" + b"\x00" * 7 + b"{}", b"\x04" + b"\x00" * 7 + b"null"])
def test_what_is_no_parcel_is_refused(raw: bytes):
    assert_refused("", unpack_stretch, raw, 0)
    for unpack in (unpack_sheet, unpack_picture, unpack_end):
        assert_refused("", unpack, raw)


# --- anything

NUMBERS = st.integers(-(2**40), 2**40) | st.integers(-2, 120)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-2, 2, width=32)
WHOLE = st.lists(NUMBERS, max_size=6).map(lambda some: array("q", some))
TABLES = st.fixed_dictionaries({"pages": st.lists(NUMBERS, max_size=3), "cells": WHOLE, "pieces": WHOLE})
BROKEN = st.lists(FLOATS, max_size=10).map(lambda some: array("f", some))


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "text": st.text(max_size=20).map(str.encode) | st.binary(max_size=20),
            "words": st.fixed_dictionaries({"starts": WHOLE, "ends": WHOLE, "pages": WHOLE, "boxes": BROKEN, "confidences": BROKEN}),
            "tables": st.lists(
                st.fixed_dictionaries({"pages": st.lists(NUMBERS, max_size=3), "cells": WHOLE, "pieces": WHOLE}), max_size=2
            ),
            "seconds": st.lists(st.fixed_dictionaries({"start": NUMBERS, "end": NUMBERS, "text": st.text(max_size=3)}), max_size=2),
        },
    )
)
def test_any_numbers_of_a_stretch_are_true_or_refused(fields: dict[str, Any]):
    raw = stretch(**fields)
    try:
        written = unpack_stretch(raw, BEFORE, "a.pdf")
    except InputError:
        return
    length = BEFORE + len(written.text)
    assert all(BEFORE <= word.start < word.end <= length and word.page in (3, 4) for word in written.words)
    assert all(0 <= start <= end <= length for table in written.tables for cell in table.cells for start, end in cell.pieces)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "texts": st.lists(st.text(max_size=2), max_size=3),
            "boxes": BROKEN,
            "confidences": BROKEN,
            "uprights": st.lists(st.integers(-128, 127), max_size=4).map(lambda some: array("b", some)),
            "tables": st.lists(BROKEN, max_size=2),
            "alternatives": st.lists(st.text(max_size=2), max_size=2),
            "alternative_boxes": BROKEN,
            "width": FLOATS,
        },
    )
)
def test_any_numbers_of_a_sheet_are_true_or_refused(fields: dict[str, Any]):
    raw = sheet(**fields)
    try:
        found = unpack_sheet(raw, "a.pdf")
    except InputError:
        return
    assert all(char.text and char.box.x0 <= char.box.x1 and char.box.top <= char.box.bottom for char in found.chars)
    assert all(cells for cells in found.tables)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_are_an_input_error(junk: bytes, at: int):
    whole = pack_stretch(WRITTEN)
    for raw in (junk, whole[:at] + junk + whole[at + len(junk) :]):
        with contextlib.suppress(InputError):
            unpack_stretch(raw, BEFORE, "a.pdf")
