"""Reading files: what becomes of their characters, and what a user is told who names one that cannot be read."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pdfs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pdfs import Draw, Ruled, Sheet, document_of, pdf
from PIL import Image, TiffImagePlugin

from structurer.document import Box, Document
from structurer.errors import InputError
from structurer.intake import ingest
from structurer.intake.formats import Format
from structurer.intake.ingest import MOST_BYTES, Intake, read
from structurer.sheets.sheet import Char, Means
from structurer.sheets.sheet import Sheet as Seen
from structurer.sheets.stretches import Picture, pack_sheet, unpack_picture

CHINESE = "本表由项目实施单位据实填写，经主管部门审核后报送财政部门备案。年度预算执行率为98.5％，满意度达到预期。\n"
TRADITIONAL = "各機關應於會計年度終了後編製決算報告，並就計畫實施進度與經費運用情形逐項說明。\n"
JAPANESE = "各部署は会計年度の終了後に決算報告書を作成し、経費の使用状況を項目ごとに記載する。\n"
FRENCH = "L’exécution du budget a été retardée : 78 % des dépenses prévues, coût total 1 250,00 €.\n"


WITHOUT_OCR = Intake(ocr=False)


def written(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def refusal(path: Path, intake: Intake = WITHOUT_OCR) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path, intake)
    return caught.value


def assert_told(error: InputError, what: str, where: Path, remedy: str) -> None:
    assert str(error) == f"{where}: {what}\n  next: {remedy}"
    assert (error.what, error.where, error.remedy, error.exit_code) == (what, str(where), remedy, 4)


# --- files that cannot be read

AGAIN = "copy or download the file again"
PRINT_ANEW = "download it again, or open it in a viewer and print it as a new PDF"
AS_UTF8 = "open it in an editor that shows it rightly and save it as UTF-8"
AS_PDF_OR_TEXT = "save it as PDF or as plain text (UTF-8)"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    assert_told(refusal(path), "there is no such file", path, "check the name and the folder")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert_told(refusal(tmp_path), "this is a folder, not a file", tmp_path, "name one of the files in it")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    assert_told(refusal(path), "this is a device or a pipe, not a file", path, "save what it gives in a file and name that")


def test_a_file_without_the_right_to_read_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "locked.txt", b"x")

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)  # root, who runs the tests in CI, may read everything
    assert_told(refusal(path), "the file may not be read", path, "give yourself the right to read it: chmod u+r")


def test_a_name_that_no_file_can_have_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a\0b.txt"
    what = "the file cannot be opened (embedded null byte)"
    assert_told(refusal(path), what, path, "check the name, then copy the file to another place")


@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.csv"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, b"")
    assert_told(refusal(path), "the file is empty (0 bytes)", path, AGAIN)


@pytest.mark.parametrize("raw", [b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe\n\x00", "\u3000\f".encode()])
def test_white_space_alone_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = written(tmp_path, "a.txt", raw)
    assert_told(refusal(path), "the file holds nothing but white space", path, AGAIN)


def test_a_text_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"x")
    os.truncate(path, MOST_BYTES[Format.TEXT] + 1)
    what = "the file has 200,000,001 bytes, more than the 200,000,000 that a file of its kind (text) may have"
    assert_told(refusal(path), what, path, "split it into smaller files")


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{\\rtf1\\ansi text}", "a Rich Text file (rtf)"),
        (b"\x1f\x8b\x08\x00", "a compressed file (gzip)"),
        (b"7z\xbc\xaf\x27\x1c\x00", "a 7z archive"),
        (b"Rar!\x1a\x07\x00", "a rar archive"),
        (b"SQLite format 3\x00", "a SQLite database"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, raw: bytes, kind: str) -> None:
    path = written(tmp_path, "a.txt", raw)
    assert_told(refusal(path), f"this is {kind}, which cannot be read", path, AS_PDF_OR_TEXT)


def test_an_office_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.txt", b"\n<!DOCTYPE html><p>text</p>"))
    assert (document.text, document.media_type, document.pages[0].decision) == ("text\n", "text/html", "text")


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "the file is damaged"),
        (b"PK\x03\x04 and no more", "the file is damaged"),
    ],
)
def test_a_damaged_office_file_is_refused(tmp_path: Path, raw: bytes, what: str) -> None:
    path = written(tmp_path, "a.docx", raw)
    error = refusal(path)
    assert (error.where, bool(error.remedy), error.what.startswith(what)) == (str(path), True, True)


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\x1a\n\0", b"\xff\xd8\xff\xe0\0", b"II*\x00\0", b"MM\x00*\0", b"GIF89a\0"])
def test_pictures_need_ocr(tmp_path: Path, raw: bytes) -> None:
    path = written(tmp_path, "scan.txt", raw)
    error = refusal(path)
    assert_told(error, "this is a picture, and reading it needs OCR", path, "install OCR: pip install 'structurer[ocr]'")


@pytest.mark.parametrize("raw", [bytes(range(256)) * 8, b"\x00\x01\x02\x03\x04", bytes(100), zipped("notes.txt")])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, raw: bytes) -> None:
    path = written(tmp_path, "a.txt", raw)
    assert_told(refusal(path), "this is a binary file of an unknown format, no text", path, AS_PDF_OR_TEXT)


def test_an_encoding_that_cannot_be_decided_is_not_guessed(tmp_path: Path) -> None:
    raw = CHINESE.encode()[:40] + b"\xff" + CHINESE.encode()[40:]
    path = written(tmp_path, "a.txt", raw)
    assert_told(refusal(path), "the encoding of the text cannot be decided (as UTF-8 it breaks at byte 39)", path, AS_UTF8)


def test_a_text_that_breaks_its_own_mark_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"\xef\xbb\xbfabc\xff")
    remedy = "open it in an editor, repair the place and save it as UTF-8"
    assert_told(refusal(path), "the file starts with the mark of UTF-8 but breaks it at byte 3", path, remedy)


# --- encodings


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        ("\ufeff" + CHINESE, "utf-16-be", "utf-16"),
        (CHINESE, "utf-32", "utf-32"),
        ("\ufeff" + CHINESE, "utf-32-be", "utf-32"),
    ],
)
def test_stated_encodings_and_utf_8_are_read_without_a_word(tmp_path: Path, text: str, codec: str, encoding: str) -> None:
    document = read(written(tmp_path, "a.txt", text.encode(codec)))
    assert (document.text, document.encoding, document.warnings) == (text.removeprefix("\ufeff"), encoding, ())


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (CHINESE[:40], "gb18030"),
        (CHINESE * 80, "gb18030"),
        (CHINESE[:6], "gb18030"),
        ("名称\t金额\xa0\xa0\n100.00\t\u2265㐂𠀀\n" + CHINESE, "gb18030"),
        (TRADITIONAL, "gb18030"),
        (TRADITIONAL, "cp950"),
        (TRADITIONAL * 100, "cp950"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "utf_16_le"),
        (CHINESE, "utf_16_be"),
        ("plain text, no mark\n", "utf_16_le"),
        (FRENCH, "cp1252"),
        ("x" * 70_001 + CHINESE, "gb18030"),
    ],
)
def test_unstated_encodings_are_found_and_named(tmp_path: Path, text: str, codec: str) -> None:
    document = read(written(tmp_path, "a.txt", text.encode(codec)))
    assert (document.text, document.encoding) == (text, codec)
    assert document.warnings == (f"the encoding is not stated in the file; it was read as {codec}",)


def test_every_stretch_of_forty_characters_is_known_as_gb18030(tmp_path: Path) -> None:
    for start in range(len(CHINESE)):
        text = (CHINESE * 2)[start : start + 40]
        assert read(written(tmp_path, "a.txt", text.encode("gb18030"))).text == text


def test_a_detected_text_that_ends_amid_a_character_is_refused(tmp_path: Path) -> None:
    raw = ("x" * 65_000 + CHINESE * 20).encode("gb18030")
    error = refusal(written(tmp_path, "a.txt", raw[: raw.rindex("年".encode("gb18030")) + 1]))
    assert error.what.startswith("the encoding of the text cannot be decided")


# --- texts


def test_line_ends_are_unified_and_form_feeds_end_pages(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.txt", "一\r\n二\r\f三\n\f\f".encode()))
    assert document.text == "一\n二\n\f三\n\f\f"
    assert [(page.number, page.start, page.end, page.decision) for page in document.pages] == [
        (1, 0, 5, "text"),
        (2, 5, 8, "text"),
        (3, 8, 9, "text"),
    ]
    assert [document.page_of(offset) for offset in (0, 4, 5, 8)] == [1, 1, 2, 3]


def test_a_document_names_its_file_and_its_bytes(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.md", b"abc"))
    assert (document.source, document.media_type, document.words, document.tables) == ("a.md", "text/plain", (), ())
    assert document.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_radicals_are_folded_and_everything_else_stays_as_printed(tmp_path: Path) -> None:
    printed = "⼯⽬⽤⾦⻚⻓⻔⻋⺠⻛⻣⻘⺟⻳⻩⻝ ⺀ ㈱ ① Ａ％ ﬁ 兀"
    assert read(written(tmp_path, "a.txt", printed.encode())).text == "工目用金页长门车民风骨青母龟黄食 ⺀ ㈱ ① Ａ％ ﬁ 兀"


def test_control_characters_become_counted_spaces(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.txt", b"a\x00b\x0bc\x7fd\x1be\tf and some more text to be a text"))
    assert document.text == "a b c d e\tf and some more text to be a text"
    assert document.warnings == ("4 character(s) that control something were replaced by a space",)


def test_characters_lost_before_we_came_are_counted(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.txt", "金额\ufffd\ufffd元".encode()))
    assert document.warnings == ("2 character(s) stand as U+FFFD: what was printed there is lost in the file",)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('名称,金额\r\n"甲, 乙","1,234.50"\r\n', "名称\t金额\n甲, 乙\t1,234.50\n"),
        ("名称;金额\n甲, 乙;1,5\n", "名称\t金额\n甲, 乙\t1,5\n"),
        ('a,"two\r\nlines\tand ""quotes"""\n,\n\nb,c\n', 'a\ttwo lines and "quotes"\n\t\n\nb\tc\n'),
        ("单列\n甲\n", "单列\n甲\n"),
    ],
)
def test_csv_cells_are_joined_by_tabs(tmp_path: Path, raw: str, text: str) -> None:
    document = read(written(tmp_path, "A.CSV", raw.encode()))
    assert (document.text, document.media_type, document.warnings) == (text, "text/csv", ())


def test_csv_quotes_that_do_not_pair_are_a_warning(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.csv", b'a,b\n"c,d\ne,f\n'))
    assert document.text == "a\tb\nc,d e,f \n"
    assert document.warnings == ("the quotes of the CSV file do not pair (unexpected end of data); rows may hang together",)


def test_a_long_csv_cell_is_read_and_the_limit_of_the_csv_module_is_left_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    assert before == 131_072
    assert len(read(written(tmp_path, "a.csv", b'a,"' + b"x" * 200_000 + b'"\n')).text) == 200_003
    assert csv.field_size_limit() == before


# --- PDF


def cell_texts(document: Document, table: int = 0) -> dict[tuple[int, int, int, int], str]:
    cells = document.tables[table].cells
    return {(c.row, c.col, c.rowspan, c.colspan): "".join(document.text[start:end] for start, end in c.pieces) for c in cells}


def word_texts(document: Document) -> list[str]:
    return [document.text[word.start : word.end] for word in document.words]


def assert_words_stand_on_their_pages(document: Document) -> None:
    ends = [word.end for word in document.words]
    assert all(start >= end for start, end in zip([word.start for word in document.words][1:], ends, strict=False))
    for word in document.words:
        page = document.pages[(word.page or 0) - 1]
        assert page.start <= word.start < word.end <= page.end
        assert document.text[word.start : word.end].split() == [document.text[word.start : word.end]]
        assert word.box
        assert page.width
        assert page.height
        assert 0 <= word.box.x0 < word.box.x1 <= page.width
        assert 0 <= word.box.top < word.box.bottom <= page.height
    covered = {offset for word in document.words for offset in range(word.start, word.end)}
    assert all(char.isspace() for offset, char in enumerate(document.text) if offset not in covered)


XS, YS = (60, 80, 200, 300, 400), (100, 120, 140, 160, 200)
FORM: tuple[Ruled, ...] = (
    (0, 0, 1, 4, ("合并的标题",)),
    (1, 0, 2, 1, ("绩", "效")),
    (1, 1, 1, 1, ("指标 A",)),
    (1, 2, 1, 1, ("1,234.50",)),
    (1, 3, 1, 1, ()),
    (2, 1, 1, 1, ("年度",)),
    (2, 2, 2, 2, ("跨两行", "两列 100%", "two words")),
    (3, 0, 1, 2, ("末", "行二")),
)
FORM_TEXT = "合并的标题\t\t\t\n绩效\t指标 A\t1,234.50\t\n\t年度\t跨两行两列 100% two words\t\n末行二\t\t\t\n"


def form(sheet: Sheet) -> None:
    sheet.text(60, 40, "项目支出自评表", 14)
    sheet.table(XS, YS, FORM)
    sheet.text(60, 220, "第 1 页")


@pytest.mark.parametrize("rects", [False, True])
def test_a_ruled_table_keeps_its_merged_cells(tmp_path: Path, rects: bool) -> None:
    document = document_of(pdf(lambda sheet: sheet.table(XS, YS, FORM, rects=rects)))
    assert document.text == FORM_TEXT
    assert (document.media_type, document.encoding, document.warnings) == ("application/pdf", None, ())
    assert cell_texts(document) == {
        (0, 0, 1, 4): "合并的标题",
        (1, 0, 2, 1): "绩效",
        (1, 1, 1, 1): "指标 A",
        (1, 2, 1, 1): "1,234.50",
        (1, 3, 1, 1): "",
        (2, 1, 1, 1): "年度",
        (2, 2, 2, 2): "跨两行两列 100% two words",
        (3, 0, 1, 2): "末行二",
    }
    assert_words_stand_on_their_pages(document)


def test_words_have_their_boxes_and_stacked_characters_are_one_word(tmp_path: Path) -> None:
    document = document_of(pdf(form))
    assert word_texts(document) == [
        *("项目支出自评表", "合并的标题", "绩效", "指标", "A", "1,234.50", "年度", "跨两行", "两列", "100%", "two", "words"),
        *("末", "行二", "第", "1", "页"),
    ]
    (stacked,) = [word for word in document.words if document.text[word.start : word.end] == "绩效"]
    assert stacked.box
    assert (stacked.box.x1 - stacked.box.x0, stacked.box.bottom - stacked.box.top) == pytest.approx((10, 23), abs=1)
    (amount,) = document.locate(document.text.index("1,234.50"), document.text.index("1,234.50") + 8)
    assert amount.page == 1
    assert amount.box
    assert (amount.box.x0, amount.box.top) == pytest.approx((203, 123), abs=4)


def test_what_stands_around_a_table_is_read_from_top_to_bottom(tmp_path: Path) -> None:
    document = document_of(pdf(form))
    assert document.text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"


def test_columns_without_rulings_stand_where_their_place_on_the_page_says(tmp_path: Path) -> None:
    def columns(sheet: Sheet) -> None:
        sheet.text(300, 60, "单位：万元")
        sheet.text(60, 61, "项 目 名称 Left part 12.50")

    document = document_of(pdf(columns))
    gap = document.text.index("单位") - len("项目名称 Left part 12.50")
    assert document.text == "项目名称 Left part 12.50" + " " * gap + "单位：万元\n"
    assert gap == 48 - 24  # 240 points in columns of 5, less those before: an ideograph takes two
    assert word_texts(document) == ["项", "目", "名称", "Left", "part", "12.50", "单位：万元"]


def test_a_table_cut_by_a_page_break_goes_on_on_the_next_page(tmp_path: Path) -> None:
    raw = pdf(
        lambda sheet: sheet.table((60, 200, 400), (780, 800), [(0, 0, 1, 1, ("甲",)), (0, 1, 1, 1, ("1",))]),
        lambda sheet: sheet.table((60, 200, 400), (40, 60), [(0, 0, 1, 1, ("乙",)), (0, 1, 1, 1, ("2",))]),
    )
    document = document_of(raw)
    assert document.text == "甲\t1\n\f乙\t2\n"
    assert [(page.start, page.end, page.decision, page.width, page.height) for page in document.pages] == [
        (0, 5, "layer", 595, 842),
        (5, 9, "layer", 595, 842),
    ]
    assert [table.pages for table in document.tables] == [(1, 2)]
    assert cell_texts(document) == {(0, 0, 1, 1): "甲", (0, 1, 1, 1): "1", (1, 0, 1, 1): "乙", (1, 1, 1, 1): "2"}
    assert_words_stand_on_their_pages(document)


def test_characters_printed_twice_to_look_bold_are_read_once(tmp_path: Path) -> None:
    def bold(sheet: Sheet) -> None:
        for shift in (0.0, 0.3, 0.6):
            sheet.text(60 + shift, 60, "合计 100.00")

    assert document_of(pdf(bold)).text == "合计 100.00\n"


def test_a_blank_grid_leaves_no_rows(tmp_path: Path) -> None:
    def grid(sheet: Sheet) -> None:
        sheet.table((60, 200, 400), (100, 120), [(0, 0, 1, 1, ()), (0, 1, 1, 1, ())])
        sheet.text(60, 60, "正文")

    document = document_of(pdf(grid))
    assert (document.text, document.tables) == ("正文\n", ())


def test_a_landscape_page_turned_by_rotate_reads_as_shown(tmp_path: Path) -> None:
    def sideways(sheet: Sheet) -> None:
        sheet.canvas.translate(sheet.width, 0)
        sheet.canvas.rotate(90)
        form(Sheet(sheet.canvas, (sheet.height, sheet.width)))

    document = document_of(pdfs.rotated(pdf(sideways), 90))
    assert document.text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"
    assert (document.pages[0].angle, document.pages[0].width, document.warnings) == (90.0, 842.0, ())
    assert_words_stand_on_their_pages(document)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_characters_are_read_in_the_order_of_the_file(tmp_path: Path, degrees: int) -> None:
    def turned(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文")
        sheet.turned(300, 300, "竖排 text", degrees)

    document = document_of(pdf(turned))
    assert document.text == "正文\n竖排 text\n"
    assert document.warnings == ("page 1: 6 character(s) are turned; they stand in the order in which the file writes them",)


def test_characters_off_the_page_are_left_out_and_counted(tmp_path: Path) -> None:
    def beyond(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文")
        sheet.text(700, 60, "页外")

    document = document_of(pdf(beyond))
    assert (document.text, document.warnings) == ("正文\n", ('page 1: 2 character(s) lie off the page and were left out: "页外"',))


def test_only_what_the_crop_box_shows_is_read(tmp_path: Path) -> None:
    def cropped(sheet: Sheet) -> None:
        sheet.canvas.setCropBox((50, 42, 595, 742))  # from the bottom left corner: 50 off on the left, 100 on the top
        sheet.text(60, 60, "页眉")
        sheet.text(60, 160, "正文")

    document = document_of(pdf(cropped))
    assert (document.text, document.pages[0].width, document.pages[0].height) == ("正文\n", 545, 700)
    assert document.warnings == ('page 1: 2 character(s) lie off the page and were left out: "页眉"',)
    box = document.words[0].box
    assert box
    assert (box.x0, box.top) == pytest.approx((10, 62), abs=4)


def test_a_page_without_text_is_named(tmp_path: Path) -> None:
    document = document_of(pdf(form, lambda sheet: sheet.line(60, 60, 100, 100)))
    marks = "the page shows marks and has no characters"
    assert document.warnings == (f"page 2: {marks}: to read it, install OCR: pip install 'structurer[ocr]'",)
    assert [page.reasons for page in document.pages] == [(), (marks,)]
    assert [page.number for page in document.pages] == [1, 2]


def test_a_pdf_is_known_by_its_bytes_whatever_its_name(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.txt", pdf(form))).media_type == "application/pdf"


def test_a_pdf_without_any_text_needs_ocr(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdf(lambda sheet: sheet.line(60, 60, 100, 100)))
    error = refusal(path)
    reason = "page 1: the page shows marks and has no characters: to read it, install OCR: pip install 'structurer[ocr]'"
    remedy = "look at it in a viewer; if it shows text, install OCR: pip install 'structurer[ocr]'"
    assert_told(error, f"no page of the file gives any text ({reason})", path, remedy)


def test_an_encrypted_pdf_needs_its_password(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdfs.encrypted(pdf(form), user="secret", owner="other"))
    remedy = "give its password with --password-file FILE, or save it without one"
    assert_told(refusal(path), "the PDF is encrypted and needs a password", path, remedy)
    assert_told(refusal(path, Intake("wrong")), "the password does not open the PDF", path, remedy)
    for password in ("secret", "other"):
        assert read(path, Intake(password)).text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"


def test_a_pdf_that_is_only_closed_to_changes_is_read(tmp_path: Path) -> None:
    raw = pdfs.encrypted(pdf(form), user="", owner="secret")
    assert document_of(raw).text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_pdf_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    raw = pdf(form, form)
    path = written(tmp_path, "a.pdf", raw[: int(len(raw) * share)])
    assert_told(refusal(path), "the PDF is cut off: its end mark is missing", path, PRINT_ANEW)


def test_a_damaged_pdf_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", b"%PDF-1.4\nnothing of the kind\n%%EOF\n")
    assert_told(refusal(path), "the PDF is damaged: its pages cannot be found", path, PRINT_ANEW)


def test_a_pdf_without_pages_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdfs.without_pages(pdf(form)))
    assert_told(refusal(path), "the PDF is damaged: it holds no pages", path, PRINT_ANEW)


def test_a_damaged_table_of_contents_is_a_warning(tmp_path: Path) -> None:
    raw = pdf(form).replace(b"startxref\n", b"startxref\n9")
    document = document_of(raw)
    assert document.text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"
    assert document.warnings == ("the table of contents of the PDF file (xref) is damaged; its pages were found by search",)


def test_a_page_tree_that_does_not_add_up_is_a_warning(tmp_path: Path) -> None:
    raw = pdf(form).replace(b"/Count 1", b"/Count 3")
    assert document_of(raw).warnings == ("the PDF states 3 page(s), 1 were found",)


def test_a_torn_page_is_a_warning_and_no_line_on_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    document = document_of(pdfs.torn(pdf(form), 0.7))
    assert document.text.startswith("项目支出自评表\n")
    assert document.warnings == ("page 1: compressed contents are torn, and what they hold may be missing",)
    assert capfd.readouterr() == ("", "")


def test_a_pdf_torn_to_nothing_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdfs.torn(pdf(form), 0.01, b"\xff" * 60))
    error = refusal(path)
    assert error.what == "no page of the file gives any text (page 1: compressed contents are torn, and what they hold may be missing)"


@pytest.mark.parametrize(
    ("raw", "likeness", "remedy"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "; it looks like a picture", "give it the suffix of its kind (.png, .jpg, .tif)"),
        (zipped("word/a"), "; it looks like an office file", "give it the suffix of its kind (.xlsx, .docx, .html, .msg)"),
        (b"text", "", "download it again, or export it as PDF"),
    ],
)
def test_what_is_named_pdf_and_is_none_is_told(tmp_path: Path, raw: bytes, likeness: str, remedy: str) -> None:
    path = written(tmp_path, "a.pdf", raw)
    assert_told(refusal(path), f"the file is named .pdf but is no PDF{likeness}", path, remedy)


# --- recognition


@dataclass
class Eyes:
    """A recogniser that sees the same in every picture, and keeps what it was shown."""

    seen: tuple[Char, ...] = ()
    tables: tuple[tuple[Box, ...], ...] = ()
    angle: float = 0.0
    warnings: tuple[str, ...] = ()
    shown: list[tuple[int, int, float]] = field(default_factory=list)
    pictures: list[Image.Image] = field(default_factory=list)

    def __call__(self, picture: Image.Image, dpi: float) -> Seen:
        assert picture.mode == "RGB"
        self.shown.append((*picture.size, round(dpi)))
        self.pictures.append(picture)
        size = (72 * side / dpi for side in picture.size)
        return Seen(1, *size, self.seen, self.tables, "ocr", self.angle, engine="an engine", warnings=self.warnings)


def printed(x: float, top: float, text: str, sure: float = 0.9) -> tuple[Char, ...]:
    """Characters as a recogniser gives them: each with its own box and confidence."""
    return tuple(Char(sign, Box(x + 5.0 * place, top, x + 5.0 * place + 5.0, top + 10.0), True, sure) for place, sign in enumerate(text))


def checked(side: int = 200) -> Image.Image:
    """A picture that is not blank."""
    picture = Image.new("L", (side, side), 255)
    picture.paste(0, (side // 4, side // 4, side // 2, side // 2))
    return picture


def scanned(*hidden: tuple[float, float, str], side: int = 1200) -> Draw:
    """A page that is a picture, with what another engine read in it."""

    def draw(sheet: Sheet) -> None:
        sheet.picture(0, 0, sheet.width, sheet.height, checked(side))
        for place in hidden:
            sheet.hidden(*place)

    return draw


def sure(document: Document) -> dict[str, float | None]:
    return {document.text[word.start : word.end]: word.confidence for word in document.words}


def test_a_scan_is_what_a_recogniser_reads() -> None:
    eyes = Eyes(printed(60, 60, "合计 100.00"), warnings=("the page is dark",))
    document = document_of(pdf(scanned(), scanned()), means=Means(None, eyes))
    assert document.text == "合计 100.00\n\f合计 100.00\n"
    page = document.pages[1]
    assert (page.number, page.decision, page.engine, page.reasons) == (
        2,
        "ocr",
        "an engine",
        ("the page shows marks and has no characters",),
    )
    assert (round(page.width or 0), round(page.height or 0), round(page.dpi or 0)) == (595, 842, 145)
    assert {word.source for word in document.words} == {"ocr"}
    assert sure(document) == {"合计": 0.9, "100.00": 0.9}
    assert eyes.shown == [(1652, 2338, 200)] * 2
    coarse = "the picture has 145 dots an inch; below 150 figures are easily misread"
    assert document.warnings == tuple(f"page {number}: {said}" for number in (1, 2) for said in (coarse, "the page is dark"))


def test_a_scan_of_enough_dots_is_not_called_coarse() -> None:
    document = document_of(pdf(scanned(side=2000)), means=Means(None, Eyes(printed(60, 60, "a"))))
    assert (document.warnings, document.pages[0].dpi) == ((), 200.0)


def test_figures_of_a_scan_are_doubted_where_its_own_layer_says_otherwise() -> None:
    eyes = Eyes((*printed(60, 60, "合计"), *printed(100, 60, "100.00"), *printed(60, 80, "小计"), *printed(100, 80, "40.00")))
    layer = ((60, 60, "总计"), (100, 60, "160.00"), (100, 80, "40.00"), (60, 200, "what this one does not see at all, so it is left out"))
    document = document_of(pdf(scanned(*layer, side=2000)), means=Means(None, eyes))
    assert document.text.split() == ["合计", "100.00", "小计", "40.00"]
    assert sure(document) == {"合计": 0.9, "100.00": 0.4, "小计": 0.9, "40.00": 0.9}
    (reason,) = document.pages[0].reasons
    assert "hidden character(s) are an OCR engine's reading of it" in reason
    assert document.warnings == ()


def test_where_a_page_was_turned_upright_its_layer_has_no_say() -> None:
    eyes = Eyes(printed(100, 60, "100.00"), angle=2.0)
    document = document_of(pdf(scanned((100, 60, "160.00"), side=2000)), means=Means(None, eyes))
    assert (sure(document), document.pages[0].angle) == ({"100.00": 0.9}, 2.0)


def test_pictures_among_print_are_read_as_well() -> None:
    def both(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文 12.50")
        sheet.picture(60, 200, 360, 400, checked())

    eyes = Eyes(printed(10, 20, "图中 3.5"))
    document = document_of(pdf(both), means=Means(None, eyes))
    assert document.text == "正文 12.50\n图中 3.5\n"
    assert sure(document) == {"正文": None, "12.50": None, "图中": 0.9, "3.5": 0.9}
    (word,) = document.locate(document.text.index("图中"), document.text.index("图中") + 2)
    assert word.box
    assert word.box[:2] == pytest.approx((70, 220), abs=0.5)
    assert eyes.shown == [(834, 556, 200)]
    page = document.pages[0]
    assert (page.decision, page.reasons, page.engine) == ("both", ("1 picture(s) on the page may hold print",), "an engine")


def test_a_picture_without_print_changes_nothing() -> None:
    def logo(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文")
        sheet.picture(60, 200, 360, 400, checked())

    document = document_of(pdf(logo), means=Means(None, Eyes()))
    assert (document.text, document.pages[0].decision, document.warnings) == ("正文\n", "layer", ())


def test_where_a_file_has_characters_those_of_a_recogniser_are_left_out() -> None:
    def captioned(sheet: Sheet) -> None:
        sheet.picture(60, 200, 360, 400, checked())
        sheet.text(70, 220, "图 1")

    eyes = Eyes((*printed(10, 20, "阁 1"), *printed(10, 100, "5")))
    assert document_of(pdf(captioned), means=Means(None, eyes)).text == "图 1\n5\n"


def test_a_stamp_on_a_scan_stays_and_the_scan_is_read() -> None:
    def stamped(sheet: Sheet) -> None:
        scanned(side=2000)(sheet)
        sheet.canvas.setFillColorRGB(1, 0, 0)
        sheet.text(400, 20, "副本")

    document = document_of(pdf(stamped), means=Means(None, Eyes(printed(60, 60, "合计 7"))))
    assert (document.text, document.pages[0].decision) == ("副本\n合计 7\n", "both")


def test_glyphs_without_meaning_send_a_page_to_the_recogniser() -> None:
    document = document_of(pdfs.unmapped(40), means=Means(None, Eyes(printed(60, 60, "合计"))))
    assert (document.text, document.pages[0].decision) == ("合计\n", "ocr")
    without = document_of(pdfs.unmapped(40))
    assert without.text == "\ufffd" * 40 + "\n"
    assert without.warnings == (
        "page 1: 40 of 40 glyphs have no meaning in the file: to read it, install OCR: pip install 'structurer[ocr]'",
        "40 character(s) stand as U+FFFD: what was printed there is lost in the file",
    )


def test_rare_ideographs_throughout_are_wrong_meanings() -> None:
    rare = "".join(chr(code) for code in range(0x9EB0, 0x9EB0 + 40))
    document = document_of(pdf(lambda sheet: sheet.text(60, 60, rare)), means=Means(None, Eyes(printed(60, 60, "合计"))))
    assert (document.text, document.pages[0].decision) == ("合计\n", "ocr")
    without = document_of(pdf(lambda sheet: sheet.text(60, 60, rare)))
    assert without.text == rare + "\n"
    assert "the file gives its glyphs wrong meanings: to read it, install OCR" in without.warnings[0]


def test_pages_of_all_kinds_in_one_file_are_told_apart() -> None:
    pages = (form, scanned(side=2000), lambda sheet: None, lambda sheet: sheet.line(60, 60, 300, 60))
    eyes = Eyes(printed(60, 60, "合计 7"))
    document = document_of(pdf(*pages), means=Means(None, eyes))
    assert [page.decision for page in document.pages] == ["layer", "ocr", "layer", "ocr"]
    assert document.pages[2].reasons == ("the page is blank",)
    assert len(eyes.shown) == 2
    without = document_of(pdf(*pages))
    assert [page.decision for page in without.pages] == ["layer"] * 4
    assert [warning[:7] for warning in without.warnings] == ["page 2:", "page 4:"]
    assert all("install OCR" in warning for warning in without.warnings)


def test_a_huge_page_is_shown_to_the_recogniser_with_fewer_dots() -> None:
    eyes = Eyes(printed(60, 60, "合计 7"))
    document = document_of(pdf(scanned(), size=(14_400.0, 14_400.0)), means=Means(None, eyes))
    assert document.text == "合计 7\n"
    ((across, down, dpi),) = eyes.shown
    assert across * down <= 60_000_000
    assert dpi < 40


# --- picture files


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("TIFF", "image/tiff"), ("GIF", "image/gif")]
)
def test_a_picture_is_a_page(kind: str, media_type: str) -> None:
    eyes = Eyes(printed(60, 60, "合计 7"))
    document = document_of(saved(Image.new("L", (1654, 2339), 255), kind), "scan.png", Means(None, eyes))
    assert (document.text, document.media_type, document.warnings) == ("合计 7\n", media_type, ())
    assert eyes.shown == [(1654, 2339, 200)]
    page = document.pages[0]
    assert (page.decision, page.reasons, page.engine) == ("ocr", ("the file is a picture",), "an engine")


def test_each_page_of_a_tiff_is_a_page() -> None:
    eyes = Eyes(printed(60, 60, "7"))
    pages = [Image.new("1", (1654, 2339), 1) for _ in range(3)]
    document = document_of(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "fax.tif", Means(None, eyes))
    assert (document.text, [page.number for page in document.pages]) == ("7\n\f7\n\f7\n", [1, 2, 3])


def test_a_damaged_page_of_a_tiff_leaves_the_others() -> None:
    pages = [Image.effect_noise((1654, 2339), 90.0) for _ in range(3)]
    raw = bytearray(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_adobe_deflate"))
    with Image.open(io.BytesIO(raw)) as opened:
        starts = []
        for number in range(3):
            opened.seek(number)
            starts.append(opened.tag_v2[TiffImagePlugin.STRIPOFFSETS][0])
    raw[starts[1] : starts[1] + 4000] = bytes(4000)
    document = document_of(bytes(raw), "fax.tif", Means(None, Eyes(printed(60, 60, "7"))))
    assert (document.text, [page.number for page in document.pages]) == ("7\n\f\f7\n", [1, 2, 3])
    assert document.warnings == ("page 2: the picture is damaged (page 2: OSError); it was not read",)
    for start in starts:
        raw[start : start + 4000] = bytes(4000)
    with pytest.raises(InputError, match=r"the picture is damaged \(page 1: OSError\)"):
        document_of(bytes(raw), "fax.tif", Means(None, Eyes(printed(60, 60, "7"))))


def test_the_dots_that_a_picture_states_are_believed_where_they_are_likely() -> None:
    eyes = Eyes(printed(60, 60, "7"))
    for stated in (300, 72, 5):
        document_of(saved(Image.new("L", (1654, 2339), 255), "PNG", dpi=(stated, stated)), "a.png", Means(None, eyes))
    assert [dpi for _, _, dpi in eyes.shown] == [300, 200, 200]


def test_a_coarse_picture_is_told() -> None:
    document = document_of(saved(Image.new("L", (827, 1169), 255), "PNG"), "a.png", Means(None, Eyes(printed(60, 60, "7"))))
    assert document.warnings == ("page 1: the picture has 100 dots an inch; below 150 figures are easily misread",)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16", "CMYK"])
def test_pictures_of_all_modes_are_shown_in_colours_on_white(mode: str) -> None:
    eyes = Eyes(printed(60, 60, "7"))
    white = {"RGBA": (0, 0, 0, 0), "LA": (0, 0), "I;16": 65535, "CMYK": (0, 0, 0, 0), "RGB": (255, 255, 255)}
    raw = saved(Image.new(mode, (1654, 2339), white.get(mode, 255 if mode != "1" else 1)), "TIFF" if mode == "CMYK" else "PNG")
    document_of(raw, "a.png", Means(None, eyes))
    ground = eyes.pictures[0].getpixel((800, 800))
    assert isinstance(ground, tuple)
    assert min(ground) >= 250 or mode == "P"


def test_a_photograph_taken_sideways_is_shown_upright() -> None:
    eyes = Eyes(printed(60, 60, "7"))
    turned = Image.Exif()
    turned[0x0112] = 6
    document_of(saved(Image.new("L", (2339, 1654), 255), "JPEG", exif=turned), "a.jpg", Means(None, eyes))
    assert eyes.pictures[0].size == (1654, 2339)


def test_the_second_picture_that_a_camera_adds_is_no_page() -> None:
    eyes = Eyes(printed(60, 60, "7"))
    pair = [Image.new("RGB", (1654, 2339), "white") for _ in range(2)]
    raw = saved(pair[0], "MPO", save_all=True, append_images=pair[1:])
    assert document_of(raw, "a.jpg", Means(None, eyes)).text == "7\n"


def test_a_picture_that_states_no_number_of_dots_is_read() -> None:
    nothing = TiffImagePlugin.IFDRational(0, 0)
    entries = TiffImagePlugin.ImageFileDirectory_v2()
    entries[282], entries[283], entries[296] = nothing, nothing, 2
    raw = saved(Image.new("L", (1654, 2339), 255), "TIFF", tiffinfo=entries)
    assert document_of(raw, "a.tif", Means(None, Eyes(printed(60, 60, "7")))).pages[0].dpi is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_picture_is_refused(share: float) -> None:
    raw = saved(checked(400), "PNG")
    with pytest.raises(InputError, match=r"the picture is damaged \(page 1: ") as caught:
        document_of(raw[: int(len(raw) * share)], "a.png", Means(None, Eyes()))
    assert (caught.value.where, caught.value.remedy) == ("a.png", "copy it or scan it again")


def test_a_tiff_in_whose_list_a_page_is_damaged_gives_the_others() -> None:
    pages = [checked(300), checked(300)]
    raw = bytearray(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    *_, second = re.finditer(b"\x00\x01[\x03\x04]\x00\x01\x00\x00\x00", raw)  # the width of the second page
    raw[second.start() : second.end()] = b"\xff" * 8
    document = document_of(bytes(raw), "a.tif", Means(None, Eyes(printed(60, 60, "7"))))
    assert document.text == "7\n\f"
    assert any(warning.startswith("page 2: the picture is damaged (page 2: ") for warning in document.warnings)


# --- files in files


def mail(*attachments: tuple[str, str, bytes], text: str = "Dear all\n") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Report"
    message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    message.set_content(text)
    for name, kind, raw in attachments:
        message.add_attachment(raw, *kind.split("/"), filename=name)
    return message.as_bytes()


def test_attachments_are_further_pages_under_their_names() -> None:
    parts = (
        ("表.pdf", "application/pdf", pdf(form)),
        ("scan.png", "image/png", saved(checked(2000), "PNG")),
        ("a.csv", "text/csv", b"x,1\n"),
    )
    document = document_of(mail(*parts), "a.eml", Means(None, Eyes(printed(60, 60, "合计 7"))))
    assert [page.name for page in document.pages] == ["", "表.pdf", "scan.png", "a.csv"]
    assert [page.decision for page in document.pages] == ["text", "layer", "ocr", "text"]
    texts = [document.text[page.start : page.end].strip("\f") for page in document.pages]
    assert "Dear all" in texts[0]
    assert texts[1:] == [f"项目支出自评表\n{FORM_TEXT}第 1 页\n", "合计 7\n", "x\t1\n"]
    assert_words_of_pages_are_in_order(document)


def assert_words_of_pages_are_in_order(document: Document) -> None:
    assert [page.number for page in document.pages] == list(range(1, len(document.pages) + 1))
    assert [page.start for page in document.pages][1:] == [page.end for page in document.pages][:-1]
    for word in document.words:
        page = document.pages[(word.page or 0) - 1]
        assert page.start <= word.start < word.end <= page.end


def test_an_attachment_that_cannot_be_read_is_told_and_the_others_are_read() -> None:
    parts = (
        ("logo.png", "image/png", saved(checked(), "PNG")),
        ("torn.pdf", "application/pdf", pdf(form)[:500]),
        ("film.mov", "video/quicktime", bytes(range(256))),
        ("a.txt", "text/plain", b"and more"),
    )
    document = document_of(mail(*parts), "a.eml")
    assert document.text.endswith("\fand more")
    told = [warning for warning in document.warnings if "was not read" in warning]
    assert [warning.split(" was not read: ")[0] for warning in told] == [
        "attachment 'logo.png'",
        "attachment 'torn.pdf'",
        "attachment 'film.mov'",
    ]
    assert "needs OCR" in told[0]
    assert "cut off" in told[1]


def test_warnings_of_an_attachment_name_it() -> None:
    document = document_of(mail(("a.pdf", "application/pdf", pdf(form, lambda sheet: sheet.line(60, 60, 300, 60)))), "a.eml")
    (warning,) = (warning for warning in document.warnings if "marks" in warning)
    assert warning.startswith("attachment 'a.pdf': page 2: the page shows marks")


def test_files_in_files_in_files_are_not_followed_without_end() -> None:
    raw = mail(text="the innermost\n")
    for _ in range(8):
        raw = mail(("inner.eml", "application/octet-stream", raw))
    document = document_of(raw, "a.eml")
    assert "lies too deep in other files and was not read" in "".join(document.warnings)
    assert "the innermost" not in document.text


# --- in a locked process


def test_a_picture_is_read_in_a_locked_process_and_shown_to_the_recogniser_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Picture] = []

    class Fake:
        def ask(self, parcel: bytes, *, where: str) -> bytes:
            asked.append(unpack_picture(parcel, where))
            return pack_sheet(Seen(1, 595.0, 842.0, printed(60, 60, "合计 7"), decision="ocr", engine="an engine"))

    monkeypatch.setattr(ingest, "can_recognise", lambda: True)
    monkeypatch.setattr(ingest, "_recogniser", lambda models, threads: Fake())
    kinds = {"a.png": "PNG", "a.jpg": "JPEG", "a.tif": "TIFF", "b.jpg": "MPO", "a.gif": "GIF"}
    for name, kind in kinds.items():
        assert read(written(tmp_path, name, saved(Image.new("RGB", (1654, 2339), "white"), kind))).text == "合计 7\n", name
    document = read(written(tmp_path, "a.pdf", pdf(form, scanned(side=2000))))
    assert [page.decision for page in document.pages] == ["layer", "ocr"]
    assert document.text.endswith("\f合计 7\n")
    assert len(asked) == len(kinds) + 1


# --- any bytes

ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def document_or_refusal(path: Path) -> Document | InputError:
    try:
        return read(path, WITHOUT_OCR)
    except InputError as error:
        return error


def assert_document_or_input_error(path: Path) -> None:
    outcome = document_or_refusal(path)
    if isinstance(outcome, InputError):
        assert (outcome.where, bool(outcome.what), bool(outcome.remedy)) == (str(path), True, True)
    else:
        assert outcome.text.strip()
        assert outcome.text.encode()
        assert (outcome.pages[0].start, outcome.pages[-1].end) == (0, len(outcome.text))


@ANY
@given(raw=st.binary(max_size=400), name=st.sampled_from(["a.txt", "a.csv", "a.pdf"]))
@example(raw=b"\xff\xfe\x00", name="a.txt")
@example(raw=b"%PDF-", name="a.txt")
def test_any_bytes_are_a_document_or_an_input_error(tmp_path: Path, raw: bytes, name: str) -> None:
    assert_document_or_input_error(written(tmp_path, name, raw))


@ANY
@given(st.text(max_size=200), st.sampled_from(["utf-8", "gb18030", "utf-16-le", "big5"]), st.sampled_from(["a.txt", "a.csv"]))
def test_any_text_is_a_document_or_an_input_error(tmp_path: Path, text: str, codec: str, name: str) -> None:
    assert_document_or_input_error(written(tmp_path, name, text.encode(codec, "ignore")))


@ANY
@given(place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=40))
def test_a_pdf_damaged_anywhere_is_a_document_or_an_input_error(tmp_path: Path, place: float, junk: bytes) -> None:
    raw = pdf(form)
    at = int(place * len(raw))
    assert_document_or_input_error(written(tmp_path, "a.pdf", raw[:at] + junk + raw[at + len(junk) :]))


# --- what is loaded


def test_heavy_parsers_are_not_loaded_before_they_are_needed() -> None:
    heavy = ("pypdfium2", "pikepdf", "pdfplumber", "pdfminer", "PIL", "numpy", "openpyxl", "lxml", "charset_normalizer", "rapidocr", "cv2")
    code = f"import sys, structurer.intake.ingest; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- files whose name says nothing


def test_what_no_suffix_tells_is_looked_over_by_the_readers_of_office_files(tmp_path: Path) -> None:
    old = written(tmp_path, "old.xml", b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook>1</Workbook>')
    assert refusal(old).what == "this is a file of Office 2003 (XML), which cannot be read"
    mail = written(tmp_path, "mail", b"Received: from y\nFrom: a@x\nSubject: s\n\nTotal 5\n")
    assert read(mail, WITHOUT_OCR).media_type == "message/rfc822"
    named_so = written(tmp_path, "export.xls", b"<table><tr><td>A<td>1<tr><td>B<td>2</table>")
    assert len(read(named_so, WITHOUT_OCR).tables) == 1


def test_what_they_do_not_know_either_is_a_text(tmp_path: Path) -> None:
    found = read(written(tmp_path, "report.log", CHINESE.encode("gbk")), WITHOUT_OCR)
    assert (found.text, found.media_type, found.encoding) == (CHINESE, "text/plain", "gb18030")
