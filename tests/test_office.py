"""The door to office files: what is one, what is refused and how, and what hostile files may cost.

What each kind of file says is tested in test_wordfile, test_workbook, test_numberformat, test_webpage and test_mail.
"""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import docx as python_docx
import openpyxl
import pytest
from compound import compound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from officefiles import TYPES, W, X, blocks, docx, grid, p, package, read, relations, rows, table, tc, xlsx

from structurer import office
from structurer.errors import InputError
from structurer.office import opc
from structurer.sheets.sections import Holding, Placed, Ruled, in_cell, laid, pages, quoted

AGAIN = "copy or download it again, or open it in the program that wrote it and save it again"


def refusal(raw: bytes, name: str = "a.docx") -> InputError:
    with pytest.raises(InputError) as caught:
        office.contents(raw, name, f"folder/{name}")
    assert caught.value.where == f"folder/{name}"
    assert caught.value.remedy
    return caught.value


# --- what is an office file


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"plain text",
        b"%PDF-1.4",
        b"\x89PNG\r\n\x1a\n",
        package({"a.txt": "x"}),
        package({"ppt/presentation.xml": "<p/>", "_rels/.rels": relations(rId1="officeDocument ppt/presentation.xml")}),
        package({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<x/>"}),
        compound({"other": b"x"}),
    ],
)
def test_other_files_are_none(raw: bytes) -> None:
    assert office.contents(raw, "a.bin", "a.bin") is None


def test_a_file_is_known_by_its_bytes_and_not_by_its_name() -> None:
    assert blocks(docx(p("正文")), "a.pdf") == ["正文"]
    assert blocks(xlsx(rows("<row><c><v>1</v></c></row>")), "a.docx") == ["1"]


def test_media_types() -> None:
    found = (read(docx(p("x"))), read(xlsx(rows("<row><c><v>1</v></c></row>"))), read(b"<html>x"), read(b"Received: a\nFrom: b\n\nx"))
    assert [each.media_type.rpartition(".")[2] for each in found] == ["document", "sheet", "text/html", "message/rfc822"]


@pytest.mark.parametrize(
    ("stream", "what", "remedy"),
    [
        ("EncryptedPackage", "the file is encrypted and needs a password", "open it with its password and save it without one"),
        ("WordDocument", "this is an old Word document (doc), which cannot be read", "open it in a word processor and save it as docx"),
        ("Workbook", "this is an old Excel workbook (xls), which cannot be read", "open it in a spreadsheet program and save it as xlsx"),
        ("PowerPoint Document", "this is an old PowerPoint file (ppt), which cannot be read", "save it as PDF"),
    ],
)
def test_locked_and_old_files_are_refused_with_the_way_out(stream: str, what: str, remedy: str) -> None:
    error = refusal(compound({stream: b"x" * 100}))
    assert (error.what, error.remedy) == (what, remedy)


@pytest.mark.parametrize(("program", "kind"), [("Word.Document", "docx"), ("Excel.Sheet", "xlsx")])
def test_the_xml_of_office_2003_is_refused_with_the_way_out(program: str, kind: str) -> None:
    error = refusal(f'<?xml version="1.0"?>\n<?mso-application progid="{program}"?>\n<x/>'.encode(), "a.xml")
    assert error.remedy == f"open it in the program that wrote it and save it as {kind}"


def test_a_binary_workbook_is_refused_with_the_way_out() -> None:
    raw = package({"_rels/.rels": relations(rId1="officeDocument xl/workbook.bin"), "xl/workbook.bin": b"\x83\x01"})
    assert refusal(raw).remedy == "open it in a spreadsheet program and save it as xlsx"


# --- damage


def test_a_file_that_is_cut_off_is_damaged() -> None:
    raw = docx(p("正文" * 1000))
    for end in (30, 200, len(raw) // 2, len(raw) - 10):
        assert refusal(raw[:end]).what.startswith("the file is damaged")


def test_torn_contents_are_damage() -> None:
    raw = bytearray(docx(p("正文" * 1000)))
    place = raw.index(b"word/document.xml") + 40
    raw[place : place + 8] = b"\xff" * 8
    assert refusal(bytes(raw)).what.startswith("the file is damaged (its part word/document.xml is torn")


def test_contents_that_are_no_xml_are_damage() -> None:
    assert refusal(docx("<w:p>")).what.startswith("the file is damaged (its part word/document.xml is no XML")


def test_two_parts_of_one_name_are_damage() -> None:
    out = io.BytesIO(docx(p("一")))
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("word/document.xml", f"<w:document {W}><w:body>{p('二')}</w:body></w:document>")
    assert "two parts of the name word/document.xml" in refusal(out.getvalue()).what


def test_an_archive_whose_members_need_a_password_says_so() -> None:
    raw = bytearray(docx(p("正文")))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(mark)
        while start >= 0:
            raw[start + place] |= 1
            start = raw.find(mark, start + 4)
    error = refusal(bytes(raw))
    assert "cannot be unpacked" in error.what
    assert error.remedy == "open it with its password and save it without one"


def test_a_document_without_paragraphs_holds_no_text() -> None:
    assert refusal(docx("")).what == "the file holds no text"


def test_names_of_parts_may_be_written_in_other_ways() -> None:
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels\\.rels": relations(rId1="officeDocument /WORD/Document.xml"),
        "Word\\document.XML": f"<w:document {W}><w:body>{p('正文')}</w:body></w:document>",
    }
    assert blocks(package(parts)) == ["正文"]


def test_memory_that_runs_out_and_a_user_who_stops_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (MemoryError, KeyboardInterrupt):

        def fail(*_: object, error: type[BaseException] = error) -> None:
            raise error

        monkeypatch.setattr(office, "read_wordfile", fail)
        with pytest.raises(error):
            office.contents(docx(p("x")), "a.docx", "a.docx")


def test_whatever_else_a_library_raises_is_an_error_that_a_user_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("rId7")

    monkeypatch.setattr(office, "read_wordfile", fail)
    error = refusal(docx(p("x")))
    assert (error.what, error.remedy) == ("the file is damaged (KeyError: 'rId7')", AGAIN)


# --- hostile files

LAUGHS = '<!DOCTYPE x [<!ENTITY a "' + "ha" * 50 + '">' + "".join(
    f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'


def document(prolog: str, text: str = "&i;") -> bytes:
    return docx("", None, {"word/document.xml": f"<?xml version='1.0'?>{prolog}<w:document {W}><w:body>{p(text)}</w:body></w:document>"})


def workbook(prolog: str) -> bytes:
    strings = f"<?xml version='1.0'?>{prolog}<sst {X}><si><t>&i;</t></si></sst>"
    return xlsx(rows('<row><c t="s"><v>0</v></c></row>'), parts={"xl/sharedStrings.xml": strings})


@pytest.mark.parametrize("prolog", [LAUGHS, OUTSIDE, "<!DOCTYPE x>"])
@pytest.mark.parametrize("make", [document, workbook])
def test_document_types_are_refused_before_any_entity_is_read(prolog: str, make: Callable[[str], bytes]) -> None:
    error = refusal(make(prolog))
    assert "declares a document type, which may hide entities" in error.what


def test_entities_in_other_encodings_are_refused() -> None:
    text = f"<?xml version='1.0' encoding='utf-16'?>{LAUGHS}<w:document {W}/>"
    assert "declares a document type" in refusal(docx("", None, {"word/document.xml": text.encode("utf-16")})).what


def test_entities_of_web_pages_are_none() -> None:
    raw = f"<!DOCTYPE html [{LAUGHS[12:-1]}><html><p>&i;&a;</p></html>".encode()
    assert all(len(block) < 5000 for block in blocks(raw) if isinstance(block, str))


def bomb(size: int) -> bytes:
    """A document whose text unpacks to so many bytes."""
    head, tail = f"<w:document {W}><w:body><w:p><w:r><w:t>".encode(), b"</w:t></w:r></w:p></w:body></w:document>"
    return docx("", None, {"word/document.xml": head + b"a" * size + tail})


def test_a_bomb_is_refused_while_it_unpacks() -> None:
    raw = bomb(opc.FREE_GROWTH + 1_000_000)
    tracemalloc.start()
    error = refusal(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "unpacks to more bytes than may be read" in error.what
    assert peak < 4 * opc.FREE_GROWTH


def test_parts_that_are_not_read_cost_nothing() -> None:
    parts = {"word/media/image1.png": b"\0" * 50_000_000}
    tracemalloc.start()
    assert blocks(docx(p("正文"), {"rId1": "image media/image1.png"}, parts)) == ["正文"]
    tracemalloc.stop()


def test_what_all_parts_unpack_to_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opc, "MOST_INFLATED", 300_000)
    content = rows(*(f"<row><c><v>{number}</v></c></row>" for number in range(3000)))
    assert blocks(xlsx(content))
    error = refusal(xlsx(*([content] * 5)))
    assert "unpacks to more bytes than may be read" in error.what


def test_a_size_that_is_stated_wrongly_does_not_mislead() -> None:
    raw = bytearray(docx(p("正文" * 100_000)))
    place = raw.rindex(b"word/document.xml") - 46
    assert raw[place : place + 4] == b"PK\x01\x02"
    raw[place + 24 : place + 28] = struct.pack("<I", 100)
    assert refusal(bytes(raw)).what.startswith("the file is damaged")


def test_an_archive_of_very_many_files_is_refused() -> None:
    assert "more than 20,000 files" in refusal(b"PK\x03\x04word/" + b"PK\x01\x02" * 20_001).what


def test_tables_nested_without_end_are_refused() -> None:
    body = "<w:tbl><w:tr><w:tc>" * 3000 + p("x") + "</w:tc></w:tr></w:tbl>" * 3000
    assert refusal(docx(body)).what == "the file nests its parts too deeply"


def test_runs_nested_without_end_are_refused() -> None:
    assert refusal(docx("<w:p>" + "<w:ins>" * 20_000 + "</w:ins>" * 20_000 + "</w:p>")).what == "the file nests its parts too deeply"


# --- whatever bytes come

SEEDS: tuple[tuple[str, bytes], ...] = (
    ("a.docx", docx(p("甲") + table(tc("乙") + tc("丙")))),
    ("a.xlsx", xlsx(rows("<row><c><v>1</v></c><c t='str'><v>甲</v></c></row>"))),
    ("a.html", "<html><table><tr><td rowspan=2>甲<td>乙</table>".encode()),
    ("a.eml", "From: a@x\nSubject: 甲\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--".encode()),
    ("a.msg", compound({"__properties_version1.0": bytes(32), "__substg1.0_1000001F": "正文".encode("utf-16-le")})),
)


def ended(raw: bytes, name: str) -> object:
    """Contents, None or the InputError; anything else fails the test."""
    try:
        return office.contents(raw, name, name)
    except InputError as error:
        return error


CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), max_size=5)
STARTS = st.sampled_from((b"", office.ZIP, office.OLE, b"<html>", b"From: a\n"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(SEEDS), CHANGES, st.integers(0, 20))
def test_changed_bytes_end_in_contents_none_or_an_input_error(seed: tuple[str, bytes], changes: list[tuple[int, bytes]], cut: int) -> None:
    name, raw = seed
    changed = bytearray(raw[: len(raw) - cut])
    for place, piece in changes:
        place %= max(len(changed), 1)
        changed[place : place + len(piece)] = piece
    ended(bytes(changed), name)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(("a.html", "a.eml", "a.docx", "a.xls")), STARTS)
def test_any_bytes_end_in_contents_none_or_an_input_error(raw: bytes, name: str, start: bytes) -> None:
    ended(start + raw, name)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="<>/=\"' abtdrhpoliuxsyne!-&;甲\n", max_size=200))
def test_any_markup_is_read_or_holds_no_text(markup: str) -> None:
    found = ended(markup.encode(), "a.html")
    assert not isinstance(found, InputError) or found.what.startswith("the file holds no text")


# --- against the libraries that write such files


def test_what_python_docx_writes_is_read() -> None:
    made = python_docx.Document()
    made.add_heading("绩效自评报告", 1)
    made.add_paragraph("一、概况")
    built = made.add_table(rows=2, cols=2)
    for cell, text in zip((cell for row in built.rows for cell in row.cells), ("名称", "道路", "金额", "12.5"), strict=True):
        cell.text = text
    made.add_page_break()
    made.add_paragraph("第二页")
    made.sections[0].header.paragraphs[0].text = "单位：万元"
    out = io.BytesIO()
    made.save(out)
    first, second = read(out.getvalue()).sections
    assert [first.blocks[0], first.blocks[1], first.blocks[2], grid(first.blocks[3])] == [
        "单位：万元", "绩效自评报告", "一、概况", [["名称", "道路"], ["金额", "12.5"]],
    ]  # fmt: skip
    assert second.blocks == ("第二页",)


def test_what_openpyxl_hides_is_hidden() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["B1"], sheet["A2"], sheet["A3"] = "甲", "藏", "藏", "乙"
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[2].hidden = True
    out = io.BytesIO()
    book.save(out)
    assert blocks(out.getvalue()) == [Ruled(2, 1, (Placed(0, 0, 1, 1, "甲"), Placed(1, 0, 1, 1, "乙")))]


# --- the common result


def test_pages_are_parted_at_form_feeds_and_blank_paragraphs_dropped() -> None:
    ruled = Ruled(1, 1, (Placed(0, 0, 1, 1, "x"),))
    assert list(pages(["一", " ", ruled, "二\f三", "\f", "四"])) == [("一", ruled, "二"), ("三",), ("四",)]
    assert list(pages([])) == [()]


def test_lines_of_a_grid_at_which_no_cell_starts_are_dropped() -> None:
    cells = [Holding(0, 0, 3, 9, ("甲",)), Holding(0, 9, 3, 1, ("乙",)), Holding(3, 0, 1, 10, ("丙",))]
    assert laid(cells) == (Ruled(2, 2, (Placed(0, 0, 1, 1, "甲"), Placed(0, 1, 1, 1, "乙"), Placed(1, 0, 1, 2, "丙"))),)


def test_the_text_of_a_cell_has_no_tabs_and_no_blank_lines() -> None:
    assert in_cell(["一\t二\n\n 三 ", "", "四"]) == "一  二\n三\n四"


def test_what_is_quoted_is_cut_short_and_does_not_print() -> None:
    assert quoted(["a\nb", "c\u202e"]) == '"a b c\\u202e"'
    assert len(quoted(["字"] * 200)) == 82
