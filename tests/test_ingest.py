"""Reading files: what becomes of their characters, and what a user is told who names one that cannot be read."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pdfs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pdfs import Ruled, Sheet, pdf

from structurer.document import Document
from structurer.errors import InputError
from structurer.ingest import MAX_TEXT_BYTES, discover, read

CHINESE = "本表由项目实施单位据实填写，经主管部门审核后报送财政部门备案。年度预算执行率为98.5％，满意度达到预期。\n"
TRADITIONAL = "各機關應於會計年度終了後編製決算報告，並就計畫實施進度與經費運用情形逐項說明。\n"
JAPANESE = "各部署は会計年度の終了後に決算報告書を作成し、経費の使用状況を項目ごとに記載する。\n"
FRENCH = "L’exécution du budget a été retardée : 78 % des dépenses prévues, coût total 1 250,00 €.\n"


def written(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path)
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
    assert_told(refusal(tmp_path), "this is a folder, not a file", tmp_path, "name the files in it, or let `discover` find them")


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
    os.truncate(path, MAX_TEXT_BYTES + 1)
    what = "the file has 200,000,001 bytes, more than the 200,000,000 that a text may have"
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
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document (docx)"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (xlsx)"),
        (zipped("notes.txt"), "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Office file (doc, xls or ppt)"),
        (b"{\\rtf1\\ansi text}", "a Rich Text file (rtf)"),
        (b"\n<!DOCTYPE html><p>text</p>", "a web page (html)"),
        (b"\x1f\x8b\x08\x00", "a compressed file (gzip)"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, raw: bytes, kind: str) -> None:
    path = written(tmp_path, "a.txt", raw)
    assert_told(refusal(path), f"this is {kind}, which cannot be read", path, AS_PDF_OR_TEXT)


@pytest.mark.parametrize(("raw", "kind"), [(b"\x89PNG\r\n\x1a\n\0", "png"), (b"\xff\xd8\xff\xe0\0", "jpeg"), (b"II*\x00\0", "tiff")])
def test_images_are_sent_to_ocr(tmp_path: Path, raw: bytes, kind: str) -> None:
    path = written(tmp_path, "scan.txt", raw)
    what = f"this is an image ({kind}), which needs OCR, not built in yet"
    assert_told(refusal(path), what, path, "run OCR on it and read the text")


@pytest.mark.parametrize("raw", [bytes(range(256)) * 8, b"\x00\x01\x02\x03\x04", bytes(100)])
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
    assert document.warnings == ("4 control character(s) were replaced by a space",)


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
    document = read(written(tmp_path, "a.pdf", pdf(lambda sheet: sheet.table(XS, YS, FORM, rects=rects))))
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
    document = read(written(tmp_path, "a.pdf", pdf(form)))
    assert word_texts(document) == [
        *("项目支出自评表", "合并的标题", "绩效", "指标", "A", "1,234.50", "年度", "跨两行", "两列", "100%", "two", "words"),
        *("末", "行二", "第", "1", "页"),
    ]
    (stacked,) = [word for word in document.words if document.text[word.start : word.end] == "绩效"]
    assert stacked.box
    assert (stacked.box.x1 - stacked.box.x0, stacked.box.bottom - stacked.box.top) == pytest.approx((10, 23))
    (amount,) = document.locate(document.text.index("1,234.50"), document.text.index("1,234.50") + 8)
    assert amount.page == 1
    assert amount.box
    assert (amount.box.x0, amount.box.top) == pytest.approx((203, 123), abs=4)


def test_what_stands_around_a_table_is_read_from_top_to_bottom(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.pdf", pdf(form)))
    assert document.text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"


def test_columns_without_rulings_are_parted_by_two_spaces(tmp_path: Path) -> None:
    def columns(sheet: Sheet) -> None:
        sheet.text(300, 60, "单位：万元")
        sheet.text(60, 61, "项 目 名称 Left part 12.50")

    document = read(written(tmp_path, "a.pdf", pdf(columns)))
    assert document.text == "项目名称 Left part 12.50  单位：万元\n"
    assert word_texts(document) == ["项", "目", "名称", "Left", "part", "12.50", "单位：万元"]


def test_a_table_cut_by_a_page_break_goes_on_on_the_next_page(tmp_path: Path) -> None:
    raw = pdf(
        lambda sheet: sheet.table((60, 200, 400), (780, 800), [(0, 0, 1, 1, ("甲",)), (0, 1, 1, 1, ("1",))]),
        lambda sheet: sheet.table((60, 200, 400), (40, 60), [(0, 0, 1, 1, ("乙",)), (0, 1, 1, 1, ("2",))]),
    )
    document = read(written(tmp_path, "a.pdf", raw))
    assert document.text == "甲\t1\n\f乙\t2\n"
    assert [(page.start, page.end, page.decision, page.width, page.height) for page in document.pages] == [
        (0, 5, "layer", 595, 842),
        (5, 9, "layer", 595, 842),
    ]
    assert [table.pages for table in document.tables] == [(1,), (2,)]
    assert cell_texts(document, 1) == {(0, 0, 1, 1): "乙", (0, 1, 1, 1): "2"}
    assert_words_stand_on_their_pages(document)


def test_characters_printed_twice_to_look_bold_are_read_once(tmp_path: Path) -> None:
    def bold(sheet: Sheet) -> None:
        for shift in (0.0, 0.3, 0.6):
            sheet.text(60 + shift, 60, "合计 100.00")

    assert read(written(tmp_path, "a.pdf", pdf(bold))).text == "合计 100.00\n"


def test_a_blank_grid_leaves_no_rows(tmp_path: Path) -> None:
    def grid(sheet: Sheet) -> None:
        sheet.table((60, 200, 400), (100, 120), [(0, 0, 1, 1, ()), (0, 1, 1, 1, ())])
        sheet.text(60, 60, "正文")

    document = read(written(tmp_path, "a.pdf", pdf(grid)))
    assert (document.text, document.tables) == ("正文\n", ())


def test_a_landscape_page_turned_by_rotate_reads_as_shown(tmp_path: Path) -> None:
    def sideways(sheet: Sheet) -> None:
        sheet.canvas.translate(sheet.width, 0)
        sheet.canvas.rotate(90)
        form(Sheet(sheet.canvas, (sheet.height, sheet.width)))

    document = read(written(tmp_path, "a.pdf", pdfs.rotated(pdf(sideways), 90)))
    assert document.text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"
    assert (document.pages[0].angle, document.pages[0].width, document.warnings) == (90.0, 842.0, ())
    assert_words_stand_on_their_pages(document)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_characters_are_read_in_the_order_of_the_file(tmp_path: Path, degrees: int) -> None:
    def turned(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文")
        sheet.turned(300, 300, "竖排 text", degrees)

    document = read(written(tmp_path, "a.pdf", pdf(turned)))
    assert document.text == "正文\n竖排 text\n"
    assert document.warnings == ("page 1: 6 character(s) are turned; they stand in the order in which the file writes them",)


def test_characters_off_the_page_are_left_out_and_counted(tmp_path: Path) -> None:
    def beyond(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文")
        sheet.text(700, 60, "页外")

    document = read(written(tmp_path, "a.pdf", pdf(beyond)))
    assert (document.text, document.warnings) == ("正文\n", ("page 1: 2 character(s) lie off the page and were left out",))


def test_only_what_the_crop_box_shows_is_read(tmp_path: Path) -> None:
    def cropped(sheet: Sheet) -> None:
        sheet.canvas.setCropBox((50, 42, 595, 742))  # from the bottom left corner: 50 off on the left, 100 on the top
        sheet.text(60, 60, "页眉")
        sheet.text(60, 160, "正文")

    document = read(written(tmp_path, "a.pdf", pdf(cropped)))
    assert (document.text, document.pages[0].width, document.pages[0].height) == ("正文\n", 545, 700)
    assert document.warnings == ("page 1: 2 character(s) lie off the page and were left out",)
    box = document.words[0].box
    assert box
    assert (box.x0, box.top) == pytest.approx((10, 62), abs=4)


def test_a_page_without_text_is_named(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.pdf", pdf(form, lambda sheet: sheet.line(60, 60, 100, 100))))
    assert document.warnings == ("page 2 holds no text; if it shows some, it needs OCR",)
    assert [page.number for page in document.pages] == [1, 2]


def test_a_pdf_is_known_by_its_bytes_whatever_its_name(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.txt", pdf(form))).media_type == "application/pdf"


def test_a_pdf_without_any_text_needs_ocr(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdf(lambda sheet: sheet.line(60, 60, 100, 100)))
    what = "none of the 1 page(s) of the PDF holds text, so they need OCR, which is not built in yet"
    assert_told(refusal(path), what, path, "run OCR on it (for example ocrmypdf in.pdf out.pdf) and read the result")


def test_an_encrypted_pdf_needs_its_password(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdfs.encrypted(pdf(form), user="secret", owner="secret"))
    assert_told(refusal(path), "the PDF is encrypted and needs a password", path, "open it with its password and save it without one")


def test_a_pdf_that_is_only_closed_to_changes_is_read(tmp_path: Path) -> None:
    raw = pdfs.encrypted(pdf(form), user="", owner="secret")
    assert read(written(tmp_path, "a.pdf", raw)).text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_pdf_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    raw = pdf(form, form)
    path = written(tmp_path, "a.pdf", raw[: int(len(raw) * share)])
    assert_told(refusal(path), "the PDF is cut off: its end mark is missing", path, PRINT_ANEW)


def test_a_damaged_pdf_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", b"%PDF-1.4\nnothing of the kind\n%%EOF\n")
    error = refusal(path)
    assert_told(error, error.what, path, PRINT_ANEW)
    assert error.what.startswith("the PDF is damaged (")


def test_a_pdf_without_pages_is_refused(tmp_path: Path) -> None:
    raw = pdf(form).replace(b"/Type /Page\n", b"/Type /Pagz\n").replace(b"/Type /Page ", b"/Type /Pagz ").replace(b"/Kids [ ", b"/Kidz [ ")
    path = written(tmp_path, "a.pdf", raw)
    assert_told(refusal(path), "the PDF is damaged: it holds no pages", path, PRINT_ANEW)


def test_a_damaged_table_of_contents_is_a_warning(tmp_path: Path) -> None:
    raw = pdf(form).replace(b"startxref\n", b"startxref\n9")
    document = read(written(tmp_path, "a.pdf", raw))
    assert document.text == f"项目支出自评表\n{FORM_TEXT}第 1 页\n"
    assert document.warnings == ("the table of contents of the PDF file (xref) is damaged; its pages were found by search",)


def test_a_page_tree_that_does_not_add_up_is_a_warning(tmp_path: Path) -> None:
    raw = pdf(form).replace(b"/Count 1", b"/Count 3")
    assert read(written(tmp_path, "a.pdf", raw)).warnings == ("the PDF states 3 page(s), 1 were found",)


def test_a_torn_page_is_a_warning_and_no_line_on_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    document = read(written(tmp_path, "a.pdf", pdfs.torn(pdf(form), 0.7)))
    assert document.text.startswith("项目支出自评表\n")
    assert document.warnings == ("page 1: compressed contents are torn, and what they hold may be missing",)
    assert capfd.readouterr() == ("", "")


def test_a_pdf_torn_to_nothing_is_damaged_and_not_a_case_for_ocr(tmp_path: Path) -> None:
    path = written(tmp_path, "a.pdf", pdfs.torn(pdf(form), 0.01, b"\xff" * 60))
    assert_told(refusal(path), "the PDF is damaged: compressed contents are torn, and what they hold may be missing", path, PRINT_ANEW)


@pytest.mark.parametrize(
    ("raw", "likeness"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "; it looks like an image (png)"),
        (zipped("word/a"), "; it looks like a Word document (docx)"),
        (b"text", ""),
    ],
)
def test_what_is_named_pdf_and_is_none_is_told(tmp_path: Path, raw: bytes, likeness: str) -> None:
    path = written(tmp_path, "a.pdf", raw)
    assert_told(refusal(path), f"the file is named .pdf but is no PDF{likeness}", path, "download it again, or export it as PDF")


# --- any bytes

ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def document_or_refusal(path: Path) -> Document | InputError:
    try:
        return read(path)
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


# --- finding files


def test_folders_are_searched_in_order_and_nothing_is_dropped_silently(tmp_path: Path) -> None:
    for name in ("b.txt", "a.PDF", "sub/c.csv", "sub/notes.docx", ".hidden.txt", ".git/d.txt", "scan.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written(tmp_path, name, b"x")
    found = discover([tmp_path / "sub" / "c.csv", tmp_path, tmp_path / "sub" / ".." / "b.txt"])
    assert found.files == (tmp_path / "sub" / "c.csv", tmp_path / "a.PDF", tmp_path / "b.txt")
    assert (found.errors, found.skipped) == ((), (tmp_path / "scan.png", tmp_path / "sub" / "notes.docx"))


def test_a_file_named_outright_is_tried_whatever_its_kind(tmp_path: Path) -> None:
    path = written(tmp_path, ".notes.docx", b"x")
    assert discover([path, path]) == ((path,), (), ())


def test_a_missing_path_is_an_error_beside_the_files(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"x")
    files, (error,), _ = discover([tmp_path / "none", path])
    assert files == (path,)
    assert_told(error, "there is no such file", tmp_path / "none", "check the name and the folder")


def test_folders_without_readable_files_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    written(tmp_path / "other", "a.docx", b"x")
    _, (empty, other), skipped = discover([tmp_path / "empty", tmp_path / "other"])
    remedy = "name a file, or a folder with .txt, .md, .tsv, .csv, .pdf files"
    assert_told(empty, "the folder holds no files", tmp_path / "empty", remedy)
    assert_told(other, "none of the 1 files in the folder is of a kind that can be read", tmp_path / "other", remedy)
    assert skipped == (tmp_path / "other" / "a.docx",)


def test_heavy_parsers_are_not_loaded_before_they_are_needed() -> None:
    code = "import sys, structurer.ingest; print([m for m in ('pdfplumber', 'pdfminer', 'charset_normalizer') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
