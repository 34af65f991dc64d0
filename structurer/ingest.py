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
import math
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from structurer.document import Document, Page
from structurer.errors import InputError
from structurer.pdf import Layout, read_layout

SUFFIXES = (".txt", ".md", ".tsv", ".csv", ".pdf")
MAX_TEXT_BYTES = 200_000_000
PDF_MARK_WITHIN = 1024  # bytes; readers accept junk before the mark up to here (ISO 32000-1, annex H, note 13)
SAMPLE_BYTES = 65_536  # of a text, from its first byte outside ASCII on, to tell its encoding by
MAX_CONTROL_SHARE = 0.1  # of all characters; above it the file is no text
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
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_BINARY_CONTROL = re.compile(b"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


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
    decoded = _decode(raw, where)
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


# --- encodings


@dataclass(frozen=True, slots=True)
class _Decoded:
    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


class _Level1(NamedTuple):
    """The frequent characters of a national standard: those whose first byte lies in these rows, `size` of them."""

    codec: str
    first: int
    last: int
    size: int


_GB = _Level1("gb2312", 0xB0, 0xD7, 3755)
_BIG5 = _Level1("big5", 0xA4, 0xC6, 5401)
_JIS = _Level1("euc_jp", 0xB0, 0xCF, 2965)
_KS = _Level1("euc_kr", 0xB0, 0xC8, 2350)
_NATIONAL: dict[str, tuple[_Level1, ...]] = {
    "gb18030": (_GB, _BIG5),  # it holds the traditional characters too
    "cp950": (_BIG5,),  # Big5 as Windows writes it
    "cp932": (_JIS,),  # Shift-JIS as Windows writes it
    "euc_jp": (_JIS,),
    "cp949": (_KS,),
}
_UNICODE: dict[str, tuple[_Level1, ...]] = dict.fromkeys(("utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be"), (_GB, _BIG5, _JIS, _KS))
_MARKS = (  # longest first: the mark of UTF-32 LE starts like that of UTF-16 LE
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AHEAD = {"gb18030": 6.0}  # nats: Chinese is what these archives hold, and a handful of characters proves little
_RARE, _IMPOSSIBLE = math.log(20_000 / 0.03), 30.0
_WIDE = re.compile("[\u2e80-\u2fdf\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
_LONE = re.compile(f"(?<=[A-Za-z]){_WIDE.pattern}(?!{_WIDE.pattern})|(?<!{_WIDE.pattern}){_WIDE.pattern}(?=[A-Za-z])")
_PLAIN = re.compile(
    "[\t\n\f\r\x20-\x7e\xa0\xb0\xb1\xb7\xd7\xf7\u2010-\u2030\u2103-\u22ff\u2460-\u249b\u25a0-\u2605\u3000-\u303f\uff00-\uff5e\uffe5]"
)


def _decode(raw: bytes, where: str) -> _Decoded:
    """By the byte order mark, else as UTF-8, else by the encoding under which the text is most likely."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _declared(raw, encoding, where)
    if b"\x00" in raw and (found := _guess(raw, _UNICODE)):  # half of each digit, space and line end
        return found
    try:
        decoded = _Decoded(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        found = _guess(raw, _NATIONAL | _UNICODE) or _guess_western(raw)
        if found:
            return found
        raise _undecidable(raw, error, where) from error
    if len(_CONTROL.findall(decoded.text)) > MAX_CONTROL_SHARE * len(decoded.text):
        raise _binary(where)
    return decoded


def _declared(raw: bytes, encoding: str, where: str) -> _Decoded:
    try:
        return _Decoded(raw.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        what = f"the file starts with the mark of {encoding.removesuffix('-sig').upper()} but breaks it at byte {error.start:,}"
        raise InputError(what, where=where, remedy="open it in an editor, repair the place and save it as UTF-8") from error


def _undecidable(raw: bytes, error: UnicodeDecodeError, where: str) -> InputError:
    if len(_BINARY_CONTROL.findall(raw, 0, SAMPLE_BYTES)) > MAX_CONTROL_SHARE * min(len(raw), SAMPLE_BYTES):
        return _binary(where)
    what = f"the encoding of the text cannot be decided (as UTF-8 it breaks at byte {error.start:,})"
    return InputError(what, where=where, remedy="open it in an editor that shows it rightly and save it as UTF-8")


def _binary(where: str) -> InputError:
    return InputError("this is a binary file of an unknown format, no text", where=where, remedy="save it as PDF or as plain text (UTF-8)")


def _guess(raw: bytes, levels: dict[str, tuple[_Level1, ...]]) -> _Decoded | None:
    """The decoding under which the text is most likely, if it is at home there and lossless over the whole file."""
    sample = _sample(raw)
    whole = raw.endswith(sample)
    decodings = {codec: text for codec in levels if (text := _decoding(sample, codec, whole)) is not None}
    for codec in sorted(decodings, key=lambda codec: _surprise(decodings[codec], levels[codec]) - _AHEAD.get(codec, 0.0)):
        text = _decoding(raw, codec, True) if _at_home(decodings[codec], levels[codec]) else None
        if text is not None:
            return _Decoded(text, codec, (f"the encoding is not stated in the file; it was read as {codec}",))
    return None


def _guess_western(raw: bytes) -> _Decoded | None:
    """Judged by the surroundings of what is not ASCII: the library looks at a few places of the text, where there may be none."""
    from charset_normalizer import from_bytes

    telling = b"\n".join(re.findall(b"[^\n]{0,40}[\x80-\xff][^\n]{0,40}", raw))[:SAMPLE_BYTES]
    match = from_bytes(telling, cp_isolation=["cp1252"], enable_fallback=False).best()
    text = _decoding(raw, "cp1252", True) if match else None
    if text is None or _CONTROL.search(text):
        return None
    return _Decoded(text, "cp1252", ("the encoding is not stated in the file; it was read as cp1252",))


def _sample(raw: bytes) -> bytes:
    outside = re.search(b"[^\x01-\x7f]", raw)
    start = outside.start() // 4 * 4 if outside else 0  # whole characters of UTF-16 and UTF-32
    start = max(start - 1024, 0)
    return raw[start : start + SAMPLE_BYTES]


def _decoding(raw: bytes, codec: str, whole: bool) -> str | None:
    """None where the bytes are not of that encoding; a part of a text (not `whole`) may end amid a character."""
    try:
        return codecs.getincrementaldecoder(codec)("strict").decode(raw, whole)
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=65_536)
def _is_frequent(char: str, level: _Level1) -> bool:
    if level is _JIS and "\u3041" <= char <= "\u30ff":
        return True
    try:
        return level.first <= char.encode(level.codec)[0] <= level.last
    except UnicodeEncodeError:
        return False


def _surprise(text: str, levels: tuple[_Level1, ...]) -> float:
    """Negative log-likelihood in nats of a text whose characters are drawn from ASCII, punctuation and the frequent ones of `levels`."""
    return sum(count * _character_surprise(char, levels) for char, count in Counter(text).items())


def _character_surprise(char: str, levels: tuple[_Level1, ...]) -> float:
    if _PLAIN.match(char):
        return math.log(95)
    size = min((level.size for level in levels if _is_frequent(char, level)), default=0)
    if size:
        return math.log(size / 0.97)
    return _IMPOSSIBLE if unicodedata.category(char) in ("Cc", "Cn", "Co", "Cs") else _RARE


def _at_home(text: str, levels: tuple[_Level1, ...]) -> bool:
    """Whether what is not plain is mostly frequent, and does not stand alone amid Latin letters (as cp1252 read as GBK does)."""
    odd = _PLAIN.sub("", text)
    if levels is _UNICODE["utf_16_le"] and not _WIDE.search(odd):
        return not _CONTROL.search(text) and len(odd) < len(text) / 2
    frequent = sum(any(_is_frequent(char, level) for level in levels) for char in odd)
    return bool(odd) and frequent >= 0.75 * len(odd) and len(_LONE.findall(text)) <= len(odd) / 2


# --- text


def _clean(text: str) -> tuple[str, tuple[str, ...]]:
    """Radicals folded, control characters made spaces, length kept; what was changed or is lost for good as warnings."""
    text, controls = _CONTROL.subn(" ", text.translate(_FOLD))
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
        width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        return count, width

    return max(CSV_DELIMITERS, key=agreement)
