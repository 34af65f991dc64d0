"""PDFium is called with addresses, and the characters of a page are the same in however many batches they are asked for."""

from __future__ import annotations

import ctypes

import pypdfium2.raw
import pytest
from pdfs import Sheet, pdf

from structurer.pdf import calls as pdfcalls
from structurer.pdf import chars as pdfchars
from structurer.pdf.pdfium import Sheetful, opened
from structurer.pdf.prints import printed
from structurer.sheets.sheet import Char


def draw(sheet: Sheet) -> None:
    for line in range(9):
        sheet.text(60, 60 + 20 * line, f"第 {line} 行 12.5, 办学规模")


def chars() -> list[Char]:
    with opened(pdf(draw), "a.pdf") as document:
        page = Sheetful(document, 1)
        found = printed(page).shown
        page.close()
    return found


def test_an_object_has_the_address_to_which_a_pointer_points() -> None:
    with opened(pdf(draw), "a.pdf") as document:
        page = Sheetful(document, 1)
        pointer = pypdfium2.raw.FPDFPage_GetObject(ctypes.cast(page.handle, pypdfium2.raw.FPDF_PAGE), 0)
        assert pdfcalls.FPDFPage_GetObject(page.handle, 0) == ctypes.addressof(pointer.contents) == page.painted[0].handle
        page.close()


def test_what_is_not_there_is_none() -> None:
    assert pdfcalls.FPDF_LoadMemDocument64(b"nothing", 7, None) is None


def test_constants_are_those_of_the_library_and_names_that_it_lacks_are_errors() -> None:
    assert pdfcalls.FPDF_PAGEOBJ_TEXT == pypdfium2.raw.FPDF_PAGEOBJ_TEXT
    with pytest.raises(AttributeError, match="FPDF_Nothing"):
        pdfcalls.FPDF_Nothing  # noqa: B018


def test_the_numbers_of_an_array_stand_side_by_side() -> None:
    numbers = (ctypes.c_float * 3)(1.0, 2.0, 3.0)
    assert [ctypes.c_float.from_address(place).value for place in pdfcalls.places(numbers)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_characters_do_not_depend_on_how_many_are_asked_for_at_once(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = chars()
    monkeypatch.setattr(pdfchars, "_BATCH", size)
    assert chars() == whole
    assert "12.5," in "".join(char.text for char in whole)
