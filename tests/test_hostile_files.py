"""Files made to break a reader, read as users read them: in a locked process. Each ends in a document or in an error with the next step,
in bounded time and memory, and without a line on the screen.
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pdfs
import pytest
from pdfs import pdf

from structurer.document import Box, Document
from structurer.errors import InputError
from structurer.intake import ingest
from structurer.intake.ingest import Intake, read
from structurer.sandbox import children
from structurer.sandbox.confined import ConfinedError, Fate
from structurer.sheets.sheet import Char, Sheet
from structurer.sheets.stretches import pack_sheet, unpack_picture

MOST_BYTES = 2_000_000_000  # of the memory of a child
SECONDS = 60.0  # for which one page, or what else is one message of the child, may take
WITHOUT_OCR = Intake(ocr=False)
TEXT = b"BT /F1 12 Tf 60 700 Td (Total 1,250.00) Tj ET "
READ = "Total 1,250.00\n"
BLOCK = 1 << 24

pytestmark = pytest.mark.skipif(not children.FORKS, reason="only a child that is forked tells how much memory it held")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PAGE_LIMITS", replace(ingest.PAGE_LIMITS, wall_seconds=SECONDS, cpu_seconds=3 * SECONDS))


@pytest.fixture
def peaks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The most bytes that each child held that has ended since."""
    found: list[int] = []
    ended = children._Forked.ended

    def noted(child: children._Forked, seconds: float) -> children.Ending | None:
        ending = ended(child, seconds)
        if ending and ending.peak_bytes:
            found.append(ending.peak_bytes)
        return ending

    monkeypatch.setattr(children._Forked, "ended", noted)
    return found


Attempt = Callable[..., Document | InputError]


@pytest.fixture
def attempt(tmp_path: Path, peaks: list[int], capfd: pytest.CaptureFixture[str]) -> Iterator[Attempt]:
    """Reads bytes as a file; whatever comes of it, its form is checked."""

    def tried(raw: bytes, name: str = "a.pdf", intake: Intake = WITHOUT_OCR) -> Document | InputError:
        path = tmp_path / name
        path.write_bytes(raw)
        outcome = read_or_refused(path, intake)
        if isinstance(outcome, InputError):
            assert (outcome.where, bool(outcome.what), bool(outcome.remedy)) == (str(path), True, True)
        assert capfd.readouterr() == ("", "")
        return outcome

    yield tried
    assert max(peaks, default=0) < MOST_BYTES


def read_or_refused(path: Path, intake: Intake) -> Document | InputError:
    try:
        return read(path, intake)
    except InputError as error:
        return error


def document(outcome: Document | InputError) -> Document:
    assert isinstance(outcome, Document), outcome
    assert outcome.text.encode()
    assert [page.number for page in outcome.pages] == list(range(1, len(outcome.pages) + 1))
    assert (outcome.pages[0].start, outcome.pages[-1].end) == (0, len(outcome.text))
    return outcome


def refusal(outcome: Document | InputError) -> str:
    assert isinstance(outcome, InputError), outcome.text[:200]
    assert not isinstance(outcome, ConfinedError) or outcome.fate in (Fate.MEMORY, Fate.SIZE), outcome
    return outcome.what


# --- PDFs by hand


def assembled(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1; the first is its catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return bytes(out) + head + table + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), entries, content)


HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
FIRST = 4  # the number of the first further object


def paged(*contents: bytes, box: bytes = b"0 0 595 842", resources: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """A PDF with a page for each content stream (or whole stream object); /F1 is Helvetica, `more` are objects from `FIRST` on."""
    first = FIRST + len(more)
    kids = b" ".join(b"%d 0 R" % (first + 2 * place) for place in range(len(contents)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(contents)), HELVETICA, *more]
    for place, content in enumerate(contents):
        own = b"<</Font<</F1 3 0 R%s>>" % resources if resources.startswith(b"/F") else b"<</Font<</F1 3 0 R>>" + resources
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Resources%s>>/Contents %d 0 R>>" % (box, own, first + 2 * place + 1))
        objects.append(content if content.startswith(b"<<") else stream(content))
    return assembled(objects)


def inflating(size: int, unit: bytes = b" ") -> bytes:
    """A short zlib stream that unpacks to so many bytes: one block, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(unit * BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x9c" + block * (size // BLOCK) + b"\x03\x00\x00\x00\x00\x01"


FLATE = b"/Filter/FlateDecode"
GRAY = b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceGray"


# --- closed, empty, cut


def test_an_encrypted_file_is_read_with_its_password_alone(attempt: Attempt) -> None:
    raw = pdfs.encrypted(paged(TEXT), user="right", owner="other")
    assert refusal(attempt(raw)) == "the PDF is encrypted and needs a password"
    assert refusal(attempt(raw, intake=Intake("wrong", ocr=False))) == "the password does not open the PDF"
    assert document(attempt(raw, intake=Intake("right", ocr=False))).text == READ


def test_an_empty_file_is_refused(attempt: Attempt) -> None:
    assert refusal(attempt(b"")) == "the file is empty (0 bytes)"


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.97])
def test_a_file_that_was_cut_is_refused(attempt: Attempt, share: float) -> None:
    raw = pdf(lambda sheet: sheet.text(60, 60, "合计"), lambda sheet: sheet.text(60, 60, "正文"))
    assert refusal(attempt(raw[: int(len(raw) * share)])) == "the PDF is cut off: its end mark is missing"


@pytest.mark.parametrize("junk", [1, 100, 1000, 1024])
def test_junk_before_the_head_is_told(attempt: Attempt, junk: int) -> None:
    found = document(attempt(b"x" * junk + paged(TEXT)))
    assert (found.text, found.warnings) == (READ, (f"{junk} byte(s) before the mark of the PDF were left out",))


def test_more_junk_before_the_head_is_no_pdf(attempt: Attempt) -> None:
    assert refusal(attempt(b"x" * 1025 + paged(TEXT))) == "the file is named .pdf but is no PDF"


@pytest.mark.parametrize("kept", [b"trailer", b"%%EOF"])
def test_without_its_table_of_contents_a_file_is_searched_for_pages(attempt: Attempt, kept: bytes) -> None:
    raw = paged(TEXT)
    found = document(attempt(raw[: raw.index(b"xref\n")] + raw[raw.index(kept) :]))
    assert found.text == READ
    assert found.warnings == ("the table of contents of the PDF file (xref) is damaged; its pages were found by search",)


# --- trees of pages


def test_a_file_without_pages_is_refused(attempt: Attempt) -> None:
    assert refusal(attempt(paged())) == "the PDF is damaged: it holds no pages"


def page_of(parent: int, content: int) -> bytes:
    return b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>" % (parent, content)


CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"


@pytest.mark.parametrize(
    "objects",
    [
        [b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 5>>", HELVETICA],
        [b"<</Type/Pages/Kids[4 0 R]/Count 1>>", HELVETICA, b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R]/Count 1>>"],
        [b"<</Type/Pages/Kids[2 0 R]/Count 1000000000>>", HELVETICA],
        [b"<</Type/Pages/Kids 2 0 R/Count 1>>", HELVETICA],
        [b"<</Type/Pages/Kids[1 0 R]/Count 1>>", HELVETICA],
        [b"[2 0 R]", HELVETICA],
    ],
    ids=["itself", "its branch", "a count beyond all", "no list", "the catalogue", "no tree"],
)
def test_a_tree_of_pages_that_bears_none_is_refused(attempt: Attempt, objects: list[bytes]) -> None:
    refusal(attempt(assembled([CATALOGUE, *objects])))


def test_a_page_that_is_its_own_grandmother_is_read(attempt: Attempt) -> None:
    tree = b"<</Type/Pages/Kids[4 0 R]/Count 1/Parent 2 0 R>>"
    found = document(attempt(assembled([CATALOGUE, tree, HELVETICA, page_of(4, 5), stream(TEXT)])))
    assert found.text == READ


# --- bombs


def test_a_page_that_unpacks_without_end_is_refused(attempt: Attempt) -> None:
    assert "of memory" in refusal(attempt(paged(stream(inflating(1 << 31), FLATE), TEXT)))


def test_a_page_that_unpacks_twice_is_refused(attempt: Attempt) -> None:
    twice = stream(zlib.compress(inflating(1 << 31)), b"/Filter[/FlateDecode/FlateDecode]")
    assert len(twice) < 10_000
    assert "of memory" in refusal(attempt(paged(twice)))


def test_a_picture_of_more_pixels_than_a_machine_holds_is_not_unpacked(attempt: Attempt, peaks: list[int]) -> None:
    picture = stream(inflating(1 << 32, b"\0"), GRAY + b"/Width 60000/Height 60000" + FLATE)
    content = b"q 72 0 0 72 0 0 cm /I Do Q BT /F1 9 Tf 5 50 Td (Total) Tj ET"
    found = document(attempt(paged(content, box=b"0 0 72 72", resources=b"/XObject<</I 4 0 R>>", more=[picture])))
    assert found.text == "Total\n"
    assert max(peaks) < 300_000_000


WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
LINKS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
PARTS = {
    "docx": ("word/document.xml", "wordprocessingml.document.main"),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet.main"),
}


def package(kind: str, **parts: str) -> bytes:
    """A package of Office with these parts by the last piece of their names."""
    main, content = PARTS[kind]
    typed = f'<Override PartName="/{main}" ContentType="application/vnd.openxmlformats-officedocument.{content}+xml"/>'
    defaults = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}">{defaults}<Default Extension="xml" ContentType="application/xml"/>{typed}</Types>',
        "_rels/.rels": LINKS.format(f'<Relationship Id="r1" Type="{RELATED}/officeDocument" Target="{main}"/>'),
        **{name.replace("__", "/") + ".xml": part for name, part in parts.items()},
    }
    if kind == "xlsx":
        link = f'<Relationship Id="r1" Type="{RELATED}/worksheet" Target="worksheets/sheet1.xml"/>'
        files["xl/_rels/workbook.xml.rels"] = LINKS.format(link)
        sheets = '<sheets><sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets>'
        files["xl/workbook.xml"] = f'<workbook {SHEET} xmlns:r="{RELATED}">{sheets}</workbook>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in files.items():
            archive.writestr(name, part)
    return out.getvalue()


def letter(text: str) -> bytes:
    return package("docx", word__document=f"<w:document {WORD}><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>")


def workbook(text: str, head: str = "") -> bytes:
    cell = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>'
    return package("xlsx", xl__worksheets__sheet1=f"{head}<worksheet {SHEET}><sheetData>{cell}</sheetData></worksheet>")


LAUGHS = "".join(f'<!ENTITY a{step} "{f"&a{step - 1};" * 10}">' for step in range(1, 10))


def test_a_document_of_word_that_unpacks_without_end_is_refused(attempt: Attempt, peaks: list[int]) -> None:
    assert document(attempt(letter("Total 1,250.00"), "a.docx")).text == READ
    bomb = letter("x" * 200_000_000)
    assert len(bomb) < 1_000_000
    assert "unpacks to more bytes than may be read" in refusal(attempt(bomb, "a.docx"))
    assert max(peaks) < 500_000_000


def test_a_workbook_of_a_billion_laughs_is_refused(attempt: Attempt, peaks: list[int]) -> None:
    assert document(attempt(workbook("Total 1,250.00"), "a.xlsx")).text.strip() == READ.strip()
    laughing = workbook("&a9;", f'<!DOCTYPE lolz [<!ENTITY a0 "lol">{LAUGHS}]>')
    assert "declares a document type" in refusal(attempt(laughing, "a.xlsx"))
    assert max(peaks) < 300_000_000


def test_a_workbook_may_not_fetch_another_file(attempt: Attempt, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    fetching = workbook("&x;", f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>')
    assert "declares a document type" in refusal(attempt(fetching, "a.xlsx"))


# --- picture files


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, packed: bytes, *, depth: int = 8, colours: int = 0, before: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.fixture
def with_ocr(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """A recogniser that sees a figure in every picture; the sizes of what it was shown."""
    shown: list[tuple[int, int]] = []

    class Fake:
        def ask(self, parcel: bytes, *, where: str) -> bytes:
            picture = unpack_picture(parcel, where)
            shown.append((picture.width, picture.height))
            return pack_sheet(Sheet(1, 595.0, 842.0, (Char("7", Box(1, 1, 6, 11), True, 0.9),), decision="ocr", engine="an engine"))

    monkeypatch.setattr(ingest, "can_recognise", lambda: True)
    monkeypatch.setattr(ingest, "_recogniser", lambda models, threads: Fake())
    return shown


@pytest.mark.parametrize("packed", [zlib.compress(bytes(1000)), inflating(1 << 32, b"\0")], ids=["declared", "packed"])
def test_a_png_of_more_pixels_than_a_machine_holds_is_not_unpacked(
    attempt: Attempt, with_ocr: list[tuple[int, int]], peaks: list[int], packed: bytes
) -> None:
    assert refusal(attempt(png(60_000, 60_000, packed), "a.png", Intake())) == "the picture is too large to be read"
    assert max(peaks) < 300_000_000
    assert with_ocr == []


def test_a_png_as_large_as_may_be_ends_well(attempt: Attempt, with_ocr: list[tuple[int, int]]) -> None:
    outcome = attempt(png(30_000, 3_900, inflating(8 * BLOCK, b"\0")), "a.png", Intake())
    assert isinstance(outcome, Document) or "of memory" in refusal(outcome)


def test_a_png_whose_remarks_unpack_without_end_is_refused(attempt: Attempt, with_ocr: list[tuple[int, int]]) -> None:
    remark = chunk(b"zTXt", b"Comment\0\0" + inflating(1 << 31, b"x"))
    refusal(attempt(png(100, 100, zlib.compress(bytes(10_100)), before=remark), "a.png", Intake()))


def test_a_strip_of_one_pixel_across_is_read(attempt: Attempt, with_ocr: list[tuple[int, int]]) -> None:
    assert document(attempt(png(1, 100_000, zlib.compress(bytes(200_000))), "a.png", Intake())).text == "7\n"


# --- what pages say and do not say


def test_glyphs_without_meaning_are_told(attempt: Attempt, with_ocr: list[tuple[int, int]]) -> None:
    found = document(attempt(pdfs.unmapped(60)))
    assert "60 of 60 glyphs have no meaning in the file" in found.warnings[0]
    assert document(attempt(pdfs.unmapped(60), intake=Intake())).text == "7\n"


def test_a_text_layer_of_wrong_meanings_is_told(attempt: Attempt, with_ocr: list[tuple[int, int]]) -> None:
    garbage = "".join(chr(0x9EB0 + 7 * place % 240) for place in range(60))
    raw = pdf(lambda sheet: sheet.text(20, 60, garbage[:55]))
    assert "the file gives its glyphs wrong meanings" in document(attempt(raw)).warnings[0]
    assert document(attempt(raw, intake=Intake())).text == "7\n"


def test_pages_of_text_scans_and_blank_pages_are_told_apart(attempt: Attempt, with_ocr: list[tuple[int, int]]) -> None:
    dots = stream(b"\0\xff" * 5000, GRAY + b"/Width 100/Height 100")
    pages = (TEXT, b"q 595 0 0 842 0 0 cm /I Do Q", b"", b"q 595 0 0 842 0 0 cm /I Do Q " + TEXT)
    found = document(attempt(paged(*pages, resources=b"/XObject<</I 4 0 R>>", more=[dots]), intake=Intake()))
    assert [page.decision for page in found.pages] == ["layer", "ocr", "layer", "both"]
    assert found.text.split("\f")[:3] == [READ, "7\n", ""]


# --- sizes


@pytest.mark.parametrize("side", [14_400, 1_000_000])
def test_a_huge_page_is_read(attempt: Attempt, side: int) -> None:
    assert document(attempt(paged(TEXT, box=b"0 0 %d %d" % (side, side)))).text == READ


@pytest.mark.parametrize("box", [b"0 0 0 0", b"595 842 0 0", b"0 0 1e400 842", b"(a) 0 595 842", b"0 0 1000000000 1000000000"])
def test_a_page_of_an_odd_size_ends_well(attempt: Attempt, box: bytes) -> None:
    attempt(paged(TEXT, box=box))


@pytest.mark.parametrize("side", [14_400, 1_000_000])
def test_a_huge_scan_is_shown_with_as_many_dots_as_can_be(attempt: Attempt, with_ocr: list[tuple[int, int]], side: int) -> None:
    dots = stream(b"\0\xff" * 5000, GRAY + b"/Width 100/Height 100")
    content, box = b"q %d 0 0 %d 0 0 cm /I Do Q" % (side, side), b"0 0 %d %d" % (side, side)
    raw = paged(content, box=box, resources=b"/XObject<</I 4 0 R>>", more=[dots])
    assert document(attempt(raw, intake=Intake())).text == "7\n"
    assert max(with_ocr[0]) < 8_000


def test_ten_thousand_tiny_pages_are_read(attempt: Attempt, peaks: list[int]) -> None:
    found = document(attempt(paged(*(b"BT /F1 9 Tf 5 5 Td (p%d) Tj ET" % number for number in range(10_000)), box=b"0 0 40 20")))
    assert (len(found.pages), found.text[-5:], found.warnings) == (10_000, "9999\n"[-5:], ())
    assert max(peaks) < 300_000_000


def test_a_line_of_many_words_far_apart_is_read(attempt: Attempt) -> None:
    words = b" ".join(b"1 0 0 1 %d 700 Tm (w%d) Tj" % (40 * place, place) for place in range(2_000))
    found = document(attempt(paged(b"BT /F1 4 Tf " + words + b" ET", box=b"0 0 80100 842")))
    assert found.text.split() == [f"w{place}" for place in range(2_000)]


def test_a_page_ruled_all_over_is_read(attempt: Attempt) -> None:
    rules = b" ".join(b"%d 1 m %d 599 l S 1 %d m 589 %d l S" % (step, step, step, step) for step in range(1, 590, 3))
    assert document(attempt(paged(b"0.3 w " + rules + b" " + TEXT))).text == READ


# --- forms within forms


def nested(depth: int, times: int, content: bytes = TEXT) -> list[bytes]:
    """Forms each of which draws the next one so many times; the last draws the content."""
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>/XObject<</X %d 0 R>>>>"
    inner = [b"/X Do " * times] * (depth - 1) + [content]
    return [stream(drawn, head % (FIRST + place + 1)) for place, drawn in enumerate(inner)]


AFTER = b"/X Do BT /F1 12 Tf 60 600 Td (after) Tj ET"


@pytest.mark.parametrize("depth", [1, 12, 30])
def test_what_stands_in_forms_within_forms_is_read_and_judged(attempt: Attempt, depth: int) -> None:
    with_forms = {"resources": b"/XObject<</X 4 0 R>>"}
    assert document(attempt(paged(AFTER, **with_forms, more=nested(depth, 1)))).text == READ + "after\n"
    hidden = document(attempt(paged(AFTER, **with_forms, more=nested(depth, 1, b"1 g " + TEXT))))
    assert hidden.text == "after\n"
    assert 'were left out: "Total 1,250.00"' in hidden.warnings[0]


def test_forms_deeper_than_any_viewer_follows_do_no_harm(attempt: Attempt) -> None:
    assert "after\n" in document(attempt(paged(AFTER, resources=b"/XObject<</X 4 0 R>>", more=nested(300, 1)))).text


@pytest.mark.parametrize(("depth", "times"), [(30, 10), (8, 10)])
def test_forms_that_multiply_are_refused(attempt: Attempt, depth: int, times: int) -> None:
    outcome = attempt(paged(AFTER, resources=b"/XObject<</X 4 0 R>>", more=nested(depth, times)))
    assert isinstance(outcome, ConfinedError)
    assert outcome.fate in (Fate.MEMORY, Fate.TIME)


# --- fonts

JUNK = bytes(place * place % 251 for place in range(20_000))
PROGRAMS = {"junk": JUNK, "empty": b"", "head": b"\0\1\0\0\0\x20" + JUNK, "another head": b"OTTO\xff\xff" + JUNK}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_font_program_that_is_garbage_does_no_harm(attempt: Attempt, program: bytes) -> None:
    described = b"<</Type/FontDescriptor/FontName/ABCDEF+Bad/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200"
    described += b"/CapHeight 700/StemV 80/FontFile2 5 0 R>>"
    widths = b"/FirstChar 32/LastChar 126/Widths[" + b"600 " * 95 + b"]/Encoding/WinAnsiEncoding"
    font = b"<</Type/Font/Subtype/TrueType/BaseFont/ABCDEF+Bad%s/FontDescriptor 4 0 R>>" % widths
    content = b"BT /F2 12 Tf 60 700 Td (Total 1,250.00) Tj ET"
    raw = paged(content, resources=b"/F2 6 0 R", more=[described, stream(program), font])
    found = document(attempt(raw))
    assert found.text == READ


# --- memory


def lines(number: int) -> bytes:
    printed = (b"BT /F1 9 Tf 60 %d Td (line %d of page %d: 1,2%d.00) Tj ET " % (800 - 12 * line, line, number, line) for line in range(12))
    return stream(zlib.compress(b"".join(printed)), FLATE)


@pytest.mark.slow
def test_ten_times_as_many_pages_take_no_more_memory(attempt: Attempt, peaks: list[int]) -> None:
    for count in (300, 3_000):
        assert len(document(attempt(paged(*map(lines, range(count))))).pages) == count
    few, many = peaks
    assert many < 1.3 * few


# --- imports

LATE = """
import json, sys
import structurer.intake.locked
from structurer.sandbox.zygote import import_codecs
import_codecs()
known = set(sys.modules)
from structurer.intake.parsing import Reading
from structurer.sheets.sheet import Char, Means, Sheet
from structurer.document import Box
def seen(picture, dpi):
    return Sheet(1, 100.0, 100.0, (Char("7", Box(1, 1, 6, 11), True, 0.9),), decision="ocr")
for name, raw in json.load(sys.stdin).items():
    list(Reading(bytes.fromhex(raw), name, name, Means(None, seen)).stretches())
print(sorted(name for name in set(sys.modules) - known))
"""


def pictures() -> Iterator[tuple[str, bytes]]:
    from PIL import Image

    for kind, mode in (("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "CMYK"), ("MPO", "RGB"), ("GIF", "P"), ("TIFF", "1")):
        out = io.BytesIO()
        more = {"save_all": True, "append_images": [Image.new(mode, (90, 90))]} if kind in ("MPO", "TIFF") else {}
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new(mode, (90, 90)).save(out, kind, **more, **({"exif": exif} if kind in ("PNG", "JPEG") else {}))
        yield f"{kind}.{mode[0]}.bin", out.getvalue()


def mail() -> bytes:
    head = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?gb18030?B?us+8xg==?=\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
    kind = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    page = b"--b\r\nContent-Type: text/html; charset=big5\r\n\r\n<html><table><tr><td>a<td>b<tr><td>c<td>d</table>\r\n"
    text = "项目名称与金额合计数据说明\n".encode("gb18030") * 9
    return head + kind + page + b'--b\r\nContent-Disposition: attachment; filename="a.csv"\r\n\r\n' + text + b"\r\n--b--\r\n"


def test_nothing_is_imported_after_the_lock() -> None:
    """In a locked process that would fail, and a file of the kind could not be read at all."""
    dots = stream(b"\0\xff" * 5000, GRAY + b"/Width 100/Height 100")
    scan = paged(TEXT, b"q 595 0 0 842 0 0 cm /I Do Q", resources=b"/XObject<</I 4 0 R>>", more=[dots])
    table = pdf(lambda sheet: sheet.table((60, 200, 400), (100, 120), [(0, 0, 1, 1, ("甲",)), (0, 1, 1, 1, ("1",))]))
    files = {"a.pdf": scan, "b.pdf": table, "a.docx": letter("a"), "a.xlsx": workbook("a"), "a.eml": mail(), **dict(pictures())}
    files["a.html"] = b"<html><body><p>Total</p></body></html>"
    told = json.dumps({name: raw.hex() for name, raw in files.items()})
    done = subprocess.run([sys.executable, "-c", LATE], input=told, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
