"""Forms of PDF files, and what else lies beside their pages: values are read where they are to stand, and what is not read is told."""

from __future__ import annotations

import io
import re
from typing import Any

import pdfs
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

NAMED = "Name:"


def form(*widgets: dict[str, Any], outdated: bool = False, **entries: Any) -> bytes:
    """A page with fields, each for text and below the line of print unless it says otherwise."""
    with pikepdf.open(io.BytesIO(pdfs.pdf(lambda sheet: sheet.text(60, 60, NAMED)))) as opened:
        made = [opened.make_indirect(widget(opened, **each)) for each in widgets]
        opened.pages[0].Annots = Array(made)
        opened.Root.AcroForm = Dictionary(Fields=Array(made), NeedAppearances=outdated, DA=String("/Helv 12 Tf 0 g"), **entries)
        return saved(opened)


def widget(opened: Pdf, name: str, value: Any, drawn: str | None = None, **entries: Any) -> Dictionary:
    keys = {"FT": Name.Tx, "Rect": Array([60, 700, 340, 730]), "F": 4, "DA": String("/Helv 12 Tf 0 g"), **entries}
    made = Dictionary(Type=Name.Annot, Subtype=Name.Widget, T=String(name), V=value, **keys)
    if drawn is not None:
        made.AP = Dictionary(N=picture(opened, drawn))
    return made


def picture(opened: Pdf, text: str) -> pikepdf.Stream:
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    content = f"BT /F 12 Tf 2 8 Td ({text}) Tj ET" if text else "2 2 m 10 10 l S"
    entries = {"Type": Name.XObject, "Subtype": Name.Form, "BBox": Array([0, 0, 280, 30])}
    return opened.make_stream(content.encode(), Resources=Dictionary(Font=Dictionary(F=font)), **entries)


def saved(opened: Pdf) -> bytes:
    opened.save(out := io.BytesIO())
    return out.getvalue()


LONG = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"


@pytest.mark.parametrize("outdated", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        "Zed 77",
        "张三 12.50 元",
        "é €",
        LONG,
        "one\ntwo",
    ],
    ids=["latin", "chinese", "accents", "long", "lines"],
)
def test_a_value_that_no_program_has_drawn_is_read(value: str, outdated: bool) -> None:
    document = pdfs.document_of(form({"name": "who", "value": String(value)}, outdated=outdated))
    assert "".join(value.split()) in "".join(document.text.split())
    assert document.warnings == ()


def test_an_old_picture_gives_way_where_the_form_says_that_it_may_be_old() -> None:
    field = {"name": "who", "value": String("5"), "drawn": "15"}
    new = pdfs.document_of(form(field, outdated=True))
    assert (new.text, new.warnings) == ("Name:\n5\n", ())
    old = pdfs.document_of(form(field))
    told = "page 1: the form field 'who' has the value \"5\", which the page does not show in its place"
    assert (old.text, old.warnings) == ("Name:\n15\n", (told,))


@pytest.mark.parametrize(
    ("value", "drawn", "is_told"),
    [
        ("1234.5", "$1,234.50", False),
        ("0.125", "12.5 %", False),
        ("7", "15.00", True),
        ("2024-03-05", "5 March", False),
        ("-3", "3.00", False),
    ],
)
def test_a_value_that_a_script_formats_is_known_by_its_figures(value: str, drawn: str, is_told: bool) -> None:
    actions = Dictionary(F=Dictionary(S=Name.JavaScript, JS=String("AFNumber_Format(2, 0, 0, 0, '', true);")))
    document = pdfs.document_of(form({"name": "sum", "value": String(value), "drawn": drawn, "AA": actions}))
    assert (document.text, bool(document.warnings)) == (f"Name:\n{drawn}\n", is_told)


def test_a_choice_is_read_as_it_is_shown() -> None:
    choices = Array([Array([String("1"), String("Oslo")]), Array([String("2"), String("Rome")])])
    field = {"name": "city", "value": String("2"), "FT": Name.Ch, "Ff": 1 << 17, "Opt": choices}
    assert pdfs.document_of(form(field)).text == "Name:\nRome\n"


def test_a_value_of_which_a_field_shows_nothing_is_told_and_a_password_is_not() -> None:
    hidden = {"name": "who", "value": String("Zed"), "F": 2}
    document = pdfs.document_of(form(hidden, {"name": "key", "value": String("secret"), "Ff": 1 << 13}))
    assert document.warnings == ("page 1: the form field 'who' has the value \"Zed\", which the page does not show in its place",)


def test_ticks_that_are_drawn_with_lines_are_told_by_their_names() -> None:
    box = {"FT": Name.Btn, "Rect": Array([60, 700, 80, 720])}
    ticked = {"name": "agreed", "value": Name.Yes, "AS": Name.Yes, "drawn": "", **box}
    printed = {"name": "signed", "value": Name.Yes, "AS": Name.Yes, "drawn": "X", **box}
    not_drawn, empty = {"name": "sex", "value": Name("/f"), **box}, {"name": "no", "value": Name.Off, "AS": Name.Off, **box}
    document = pdfs.document_of(form(ticked, printed, not_drawn, empty))
    assert document.text == "Name:\nX\n"
    assert document.warnings == ('2 ticked box(es) of the form are no characters of the text: "agreed; sex (f)"',)


def test_files_comments_and_dynamic_forms_inside_are_told() -> None:
    with pikepdf.open(io.BytesIO(form(XFA=String("<xdp/>")))) as opened:
        opened.attachments["invoice.xml"] = b"<a/>"
        note = Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=Array([300, 600, 320, 620]), Contents=String("wrong sum"), F=4)
        opened.pages[0].Annots = Array([opened.make_indirect(note)])
        raw = saved(opened)
    assert pdfs.document_of(raw).warnings == (
        '1 file(s) inside the PDF were not read; save them as files of their own: "invoice.xml"',
        '1 comment(s) on the pages were not read: "wrong sum"',
        "the PDF is an XFA form; what its pages do not hold was not read: open it in a viewer and print it as a new PDF",
    )


def test_a_form_that_is_none_does_no_harm() -> None:
    with pikepdf.open(io.BytesIO(form({"name": "who", "value": String("Zed"), "Rect": Array([1])}))) as opened:
        raw = saved(opened)
    document = pdfs.document_of(raw)
    assert document.text == "Name:\n"
    assert document.warnings[0].startswith("files, comments or fields of the PDF are damaged and were not looked over (")


def test_what_qpdf_says_of_a_file_is_told_in_its_words_unless_it_searched_for_the_pages() -> None:
    raw = pdfs.pdf(lambda sheet: sheet.text(60, 60, NAMED))
    wrong_size = re.sub(rb"/Size \d+", b"/Size 3", raw)
    (said,) = pdfs.document_of(wrong_size).warnings
    assert said.startswith('the PDF is not quite as it should be: "reported number of objects (3)')
    lost = re.sub(rb"startxref\s+\d+", b"startxref\n999999", raw)
    assert pdfs.document_of(lost).warnings == ("the table of contents of the PDF file (xref) is damaged; its pages were found by search",)
