"""What a person does with pages at the command line: looks at what was read, gives a password, leaves OCR out."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pdfs
import pytest
from made import call
from PIL import Image

from structurer import cli
from structurer.document import Box
from structurer.errors import UsageError
from structurer.intake import ingest
from structurer.intake.drawing import CELL, DOUBTED, READ, drawn
from structurer.sheets.sheet import Char, Sheet


def two_pages(sheet: pdfs.Sheet) -> None:
    sheet.table((60, 160, 300), (100, 130), [(0, 0, 1, 1, ("Total",)), (0, 1, 1, 1, ("12.50",))])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdfs.pdf(two_pages, two_pages))
    return path


def test_each_page_is_drawn_into_a_file_of_its_own(file: Path, tmp_path: Path) -> None:
    done = call("pages", file, "--out", tmp_path / "seen", "--ocr", "off")
    assert (done.returncode, done.stderr) == (0, f"2 pages of {file} in {tmp_path}/seen\n")
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == ["report-0001.png", "report-0002.png"]
    colours = {colour for _, colour in Image.open(tmp_path / "seen" / "report-0001.png").getcolors(1 << 24) or []}
    assert {CELL, READ} <= colours


def test_a_file_without_pages_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Total 12.50")
    done = call("pages", path, "--out", tmp_path / "seen")
    assert done.returncode == 4
    assert done.stderr == f"structurer: {path}: the file has no pages to be looked at\n  next: name a PDF or a picture\n"


def test_a_closed_file_says_that_it_wants_a_password_and_is_read_with_it(file: Path, tmp_path: Path) -> None:
    file.write_bytes(pdfs.encrypted(file.read_bytes(), user="secret", owner="other"))
    without = call("structure", file, "--out", tmp_path / "run")
    assert without.returncode == 4
    assert "the PDF is encrypted and needs a password\n  next: give its password with --password-file FILE" in without.stderr
    (tmp_path / "password").write_text("secret\n")
    with_it = call("structure", file, "--out", tmp_path / "again", "--password-file", tmp_path / "password")
    assert "1 document" in with_it.stderr
    assert all(b"secret" not in kept.read_bytes() for kept in (tmp_path / "again").iterdir())
    (tmp_path / "password").write_text("wrong\n")
    assert "the password does not open the PDF" in call("pages", file, "--password-file", tmp_path / "password").stderr


@pytest.mark.parametrize(("content", "ocr"), [("", "auto"), (None, "auto"), ("secret", "nowhere/at/all")])
def test_a_password_file_or_a_folder_of_models_that_is_none_is_a_mistake_of_use(tmp_path: Path, content: str | None, ocr: str) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError):
        ingest.intake_of(ocr, path)


def test_leaving_ocr_out_is_part_of_what_a_run_is_and_the_default_is_not() -> None:
    assert (ingest.intake_of().identity, ingest.intake_of("off").identity) == ("", ", OCR off")


def test_doubtful_words_are_drawn_in_red_and_pages_without_a_picture_on_white() -> None:
    chars = (Char("12", Box(10, 10, 30, 20), confidence=0.4), Char("7", Box(60, 10, 70, 20), confidence=0.99))
    sheet = Sheet(3, 100, 50, chars, ((Box(5, 5, 95, 45),),), "ocr", dpi=150, engine="eyes", warnings=("x" * 300,))
    picture = Image.open(io.BytesIO(drawn(sheet)))
    colours = {colour for _, colour in picture.getcolors(1 << 24) or []}
    assert {CELL, READ, DOUBTED} <= colours
    assert picture.height > 75


def test_a_file_where_the_pictures_are_to_go_is_told_and_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    done = call("pages", file, "--out", tmp_path / "taken", "--ocr", "off")
    told = f"structurer: {tmp_path}/taken: a file stands where the folder is to be\n  next: choose another --out\n"
    assert (done.returncode, done.stderr, (tmp_path / "taken").read_text()) == (2, told, "mine")
    below = call("pages", file, "--out", tmp_path / "taken" / "below", "--ocr", "off")
    assert (below.returncode, below.stderr.startswith(f"structurer: {tmp_path}/taken/below: cannot be written: ")) == (2, True)


def test_a_full_disk_is_told_and_leaves_no_half_picture(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, raw: bytes) -> int:
        with path.open("wb") as half:
            half.write(raw[:9])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        cli.pages(file, tmp_path / "seen", "off")
    assert list((tmp_path / "seen").iterdir()) == []


def test_a_password_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n", encoding="utf-8-sig")
    assert ingest.intake_of(password_file=tmp_path / "password").password == "secret"


def test_a_file_that_opens_without_a_password_opens_with_any(file: Path) -> None:
    file.write_bytes(pdfs.encrypted(file.read_bytes(), user="", owner="other"))
    assert "12.50" in ingest.read(file, ingest.Intake("wrong", ocr=False)).text
