"""Files become Documents: bytes are recognised, decoded or parsed, and given one canonical text.

Characters stay as printed, with two exceptions: radicals that a PDF writes in place of the ideographs they look like are folded to
these, and control characters become spaces. Both keep the length, so offsets that a parser found stay true. A file that cannot be
read is an InputError with its place and the next step; anything odd about a file that can be read is a warning of its Document.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from structurer.document import Document, Page
from structurer.encoding import CONTROL, decode
from structurer.errors import InputError
from structurer.pdf import Layout, read_layout

SUFFIXES = (".txt", ".md", ".tsv", ".csv", ".pdf")
MAX_TEXT_BYTES = 200_000_000
PDF_MARK_WITHIN = 1024  # bytes; readers accept junk before the mark up to here (ISO 32000-1, annex H, note 13)
CSV_SAMPLE_ROWS = 50
CSV_DELIMITERS = ",;\t"

# Equivalent_Unified_Ideograph (Unicode 14.0, EquivalentUnifiedIdeograph.txt) of U+2E81-U+2EF3, in pairs; U+2E80 has none.
_RADICALS = (
    "⺁厂⺂乛⺃乚⺄乙⺅亻⺆冂⺇𠘨⺈刀⺉刂⺊卜⺋㔾⺌小⺍小⺎兀⺏尣⺐尢⺑𡯂⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌⺙攵⺛旡⺜日⺝月⺞歺⺟母⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪𤴔⺫目"
    "⺬示⺭礻⺮𥫗⺯糹⺰纟⺱罓⺲罒⺳㓁⺴冗⺵𦉫⺶羊⺷𦍌⺸𦍋⺹耂⺺肀⺻聿⺼肉⺽𦥑⺾艹⺿艹⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇𧢲⻈讠⻉贝⻊𧾷⻋车⻌辶⻍辶⻎辶⻏邑⻐钅⻑長⻒镸⻓长⻔门"
    "⻕𨸏⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻞𩙿⻟飠⻠饣⻡𩠐⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
)
_FOLD = str.maketrans(
    dict(zip(_RADICALS[::2], _RADICALS[1::2], strict=True))
    | {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FE0)}
)


class Found(NamedTuple):
    """What `discover` made of the paths: files to read, paths that cannot be read, files of folders left aside for their suffix."""

    files: tuple[Path, ...]
    errors: tuple[InputError, ...]
    skipped: tuple[Path, ...]


def discover(paths: Sequence[Path]) -> Found:
    """Files as they are named, folders with all that lies below them (hidden files and folders left out), each file once."""
    files: dict[Path, Path] = {}
    errors: list[InputError] = []
    skipped: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            _file_or_error(path, files, errors)
            continue
        below = _files_below(path, errors)
        wanted = [file for file in below if file.suffix.lower() in SUFFIXES]
        if not wanted:
            errors.append(_nothing_in(path, len(below)))
        files.update((file.resolve(), file) for file in wanted if file.resolve() not in files)
        skipped.update((file.resolve(), file) for file in below if file not in wanted)
    return Found(tuple(files.values()), tuple(errors), tuple(file for key, file in skipped.items() if key not in files))


def read(path: Path) -> Document:
    """The Document that one file holds; InputError where it holds none that can be read."""
    where = str(path)
    raw = _bytes(path, where)
    sha256 = hashlib.sha256(raw).hexdigest()
    if _is_pdf(raw, path):
        layout = _read_pdf(raw, where)
        text, warnings = _clean(layout.text)
        return Document(
            path.name, text, sha256, "application/pdf", layout.pages, layout.words, layout.tables, warnings=layout.warnings + warnings
        )
    _refuse_other_formats(raw, path)
    decoded = decode(raw, where)
    text, warnings = _clean(decoded.text.replace("\r\n", "\n").replace("\r", "\n"))
    media_type = "text/plain"
    if path.suffix.lower() == ".csv":
        media_type = "text/csv"
        text, unbalanced = _tabbed(text)
        warnings += unbalanced
    if not text.strip():
        raise _blank(where)
    return Document(path.name, text, sha256, media_type, _pages(text), encoding=decoded.encoding, warnings=decoded.warnings + warnings)


# --- finding files


def _file_or_error(path: Path, files: dict[Path, Path], errors: list[InputError]) -> None:
    try:
        path.stat()
        files.setdefault(path.resolve(), path)
    except (OSError, ValueError) as error:
        errors.append(_unreadable(error, str(path)))


def _files_below(folder: Path, errors: list[InputError]) -> list[Path]:
    found: list[Path] = []
    for here, folders, names in os.walk(folder, onerror=lambda error: errors.append(_unreadable(error, str(error.filename)))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.extend(Path(here, name) for name in names if not name.startswith("."))
    return sorted(found)


def _nothing_in(folder: Path, others: int) -> InputError:
    what = f"none of the {others} files in the folder is of a kind that can be read" if others else "the folder holds no files"
    return InputError(what, where=str(folder), remedy=f"name a file, or a folder with {', '.join(SUFFIXES)} files")


# --- bytes


def _bytes(path: Path, where: str) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                head = file.read(PDF_MARK_WITHIN)
                _check_size(status.st_size, _is_pdf(head, path), where)
                raw = head + file.read()
    except (OSError, ValueError) as error:
        raise _unreadable(error, where) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError("this is a folder, not a file", where=where, remedy="name the files in it, or let `discover` find them")
    if not stat.S_ISREG(status.st_mode):
        raise InputError("this is a device or a pipe, not a file", where=where, remedy="save what it gives in a file and name that")
    if not raw:
        raise InputError("the file is empty (0 bytes)", where=where, remedy="copy or download the file again")
    return raw


def _unreadable(error: OSError | ValueError, where: str) -> InputError:
    if isinstance(error, PermissionError):
        return InputError("the file may not be read", where=where, remedy="give yourself the right to read it: chmod u+r")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return InputError("there is no such file", where=where, remedy="check the name and the folder")
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"the file cannot be opened ({reason})", where=where, remedy="check the name, then copy the file to another place")


def _check_size(size: int, is_pdf: bool, where: str) -> None:
    if not is_pdf and size > MAX_TEXT_BYTES:
        what = f"the file has {size:,} bytes, more than the {MAX_TEXT_BYTES:,} that a text may have"
        raise InputError(what, where=where, remedy="split it into smaller files")


def _blank(where: str) -> InputError:
    return InputError("the file holds nothing but white space", where=where, remedy="copy or download the file again")


# --- formats


_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "an image (png)"),
    (b"\xff\xd8\xff", "an image (jpeg)"),
    (b"GIF87a", "an image (gif)"),
    (b"GIF89a", "an image (gif)"),
    (b"II*\x00", "an image (tiff)"),
    (b"MM\x00*", "an image (tiff)"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (doc, xls or ppt)"),
    (b"{\\rtf", "a Rich Text file (rtf)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"<!doctype html", "a web page (html)"),
    (b"<html", "a web page (html)"),
)
_IN_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"word/", "a Word document (docx)"),
    (b"xl/", "an Excel workbook (xlsx)"),
    (b"ppt/", "a PowerPoint file (pptx)"),
    (b"opendocument", "an OpenDocument file (odt or ods)"),
)


def _is_pdf(raw: bytes, path: Path) -> bool:
    return raw.startswith(b"%PDF-") or (path.suffix.lower() == ".pdf" and b"%PDF-" in raw[:PDF_MARK_WITHIN])


def _looks_like(raw: bytes) -> str | None:
    start = raw[:32].removeprefix(codecs.BOM_UTF8).lstrip()
    for mark, name in _FORMATS:
        if raw.startswith(mark) or (mark.startswith(b"<") and start.lower().startswith(mark)):
            inner = (kind for part, kind in _IN_ZIP if mark == b"PK\x03\x04" and part in raw)
            return next(inner, name)
    return None


def _refuse_other_formats(raw: bytes, path: Path) -> None:
    kind = _looks_like(raw)
    where = str(path)
    if path.suffix.lower() == ".pdf":
        likeness = f"; it looks like {kind}" if kind else ""
        raise InputError(f"the file is named .pdf but is no PDF{likeness}", where=where, remedy="download it again, or export it as PDF")
    if kind and kind.startswith("an image"):
        raise InputError(f"this is {kind}, which needs OCR, not built in yet", where=where, remedy="run OCR on it and read the text")
    if kind:
        raise InputError(f"this is {kind}, which cannot be read", where=where, remedy="save it as PDF or as plain text (UTF-8)")


def _read_pdf(raw: bytes, where: str) -> Layout:
    """The one door to the PDF parser, which will be replaced by a faster one."""
    return read_layout(raw, where)


# --- text


def _clean(text: str) -> tuple[str, tuple[str, ...]]:
    """Radicals folded, control characters made spaces, length kept; what was changed or is lost for good as warnings."""
    text, controls = CONTROL.subn(" ", text.translate(_FOLD))
    lost = text.count("\ufffd")
    changed = (f"{controls} control character(s) were replaced by a space",) if controls else ()
    return text, changed + ((f"{lost} character(s) stand as U+FFFD: what was printed there is lost in the file",) if lost else ())


def _pages(text: str) -> tuple[Page, ...]:
    """One page up to and with each form feed; a last form feed starts no page."""
    ends = [match.end() for match in re.finditer("\f", text)]
    if not ends or ends[-1] != len(text):
        ends.append(len(text))
    return tuple(Page(number, start, end) for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False), 1))


def _tabbed(text: str) -> tuple[str, tuple[str, ...]]:
    """The rows of a CSV file, cells parted by tabs; quotes that do not pair are a warning, for rows may then hang together."""
    limit = csv.field_size_limit(MAX_TEXT_BYTES)  # the module's own, 131,072 characters, would be a fault with no place
    try:
        delimiter = _delimiter(text)
        return _joined(_rows(text, delimiter, strict=True)), ()
    except csv.Error as error:
        warning = f"the quotes of the CSV file do not pair ({error}); rows may hang together"
        return _joined(_rows(text, delimiter, strict=False)), (warning,)
    finally:
        csv.field_size_limit(limit)


def _joined(rows: Iterator[list[str]]) -> str:
    return "".join("\t".join(re.sub("[\t\n]+", " ", cell) for cell in row) + "\n" for row in rows)


def _rows(text: str, delimiter: str, *, strict: bool) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


def _delimiter(text: str) -> str:
    """The delimiter under which most of the first rows have the same number of cells, more than one; the comma if none does."""

    def agreement(delimiter: str) -> tuple[int, int]:
        rows = zip(range(CSV_SAMPLE_ROWS), _rows(text, delimiter, strict=False), strict=False)
        widths = Counter(len(row) for _, row in rows if len(row) > 1)
        width, count = max(widths.items(), key=lambda pair: pair[1], default=(0, 0))
        return count, width

    return max(CSV_DELIMITERS, key=agreement)
