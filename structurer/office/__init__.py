"""The door to office files: what a file is, by its bytes, and the reader that knows it.

Whatever a reader or a library raises becomes an InputError with its place and the next step.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

from olefile import OleFileIO

from structurer.errors import InputError
from structurer.office.mail import read_mail
from structurer.office.opc import SAVE_AGAIN, WITHOUT_PASSWORD, damaged, opened
from structurer.office.outlook import read_outlook
from structurer.office.webpage import read_webpage
from structurer.office.wordfile import read_wordfile
from structurer.office.workbook import read_workbook
from structurer.sheets.sections import Contents

MOST_PLACES = 20_000_000  # of all tables, blank ones among them
START_BYTES = 4096  # of a file, by which a page or a mail is known
ARCHIVE_SUFFIXES = (".docx", ".docm", ".dotx", ".dotm", ".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb")
MAIL_SUFFIXES = (".eml", ".mht", ".mhtml")
PAGE_SUFFIXES = ("html", "htm", "xhtml", "shtml")
OLD_SUFFIXES = ("xls", "doc")  # many programs write web pages and name them so
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PAGE = re.compile(r"(?:<\?xml[^>]*>\s*|<!--(?:(?!-->).)*-->\s*)*(?:<!doctype\s+html|<html)", re.DOTALL)
_FIELD = re.compile(r"^([a-z][a-z0-9-]*):", re.MULTILINE)
_FIRST_LINE = re.compile(r"(?:from .*\n)?[a-z][a-z0-9-]*:")
_HEADER_END = re.compile(r"\r?\n\r?\n")
_TRANSPORT = frozenset(("mime-version", "message-id", "received", "return-path", "dkim-signature", "x-mailer", "delivered-to"))
_PROGRAM = re.compile(r"<\?mso-application\s[^>]*progid=[\"'](word|excel)")
_OLD_KINDS = {
    "WordDocument": ("an old Word document (doc)", "open it in a word processor and save it as docx"),
    "Workbook": ("an old Excel workbook (xls)", "open it in a spreadsheet program and save it as xlsx"),
    "Book": ("an old Excel workbook (xls)", "open it in a spreadsheet program and save it as xlsx"),
    "PowerPoint Document": ("an old PowerPoint file (ppt)", "save it as PDF"),
}
_TAG = re.compile(r"<(?:!--|\?xml|[a-z])")
_PARTS = re.compile(rb"(?:word|xl)[/\\]|\[Content_Types\]", re.IGNORECASE)  # names of members, which a torn archive shows too


def contents(raw: bytes, name: str, where: str) -> Contents | None:
    """What an office file says; None where it is none. InputError where it is damaged, locked, of an old kind, or holds no text.

    `name` is the file's own, whose suffix decides where the bytes do not; `where` stands in errors.
    """
    with _errors_of_readers(where):
        found = _read(raw, name, where)
    if found is not None and found.blank and not found.attachments:
        raise _blank(found, where)
    if found is not None and found.places > MOST_PLACES:
        what = f"the tables of the file spread over more than {MOST_PLACES:,} places"
        raise InputError(what, where=where, remedy="delete cells far from the others, or save its tables in files of their own")
    return found


@contextmanager
def _errors_of_readers(where: str) -> Iterator[None]:
    try:
        yield
    except (InputError, MemoryError):
        raise
    except RecursionError as error:
        raise InputError("the file nests its parts too deeply", where=where, remedy=f"if you trust it, {SAVE_AGAIN}") from error
    except Exception as error:  # KeyError, RecursionError, struct.error, whatever bytes can lead a library to
        what = f"the file is damaged ({type(error).__name__}: {error})"
        raise InputError(what, where=where, remedy=f"copy or download it again, or {SAVE_AGAIN}") from error


def _blank(found: Contents, where: str) -> InputError:
    reasons = f" ({'; '.join(found.warnings)})" if found.warnings else ""
    return InputError(f"the file holds no text{reasons}", where=where, remedy="print it as PDF and read that, with OCR if it is a picture")


def _read(raw: bytes, name: str, where: str) -> Contents | None:
    if raw.startswith(ZIP):
        return _in_archive(raw, name, where)
    if raw.startswith(OLE):
        return _in_compound(raw, where)
    if found := _PROGRAM.search(start := _start(raw)):
        kind = "docx" if found.group(1) == "word" else "xlsx"
        what = "this is a file of Office 2003 (XML), which cannot be read"
        raise InputError(what, where=where, remedy=f"open it in the program that wrote it and save it as {kind}")
    if _is_mail(start, name):
        return read_mail(raw, where)
    return read_webpage(raw, where) if _is_page(start, name) else None


def _in_archive(raw: bytes, name: str, where: str) -> Contents | None:
    """A document or a workbook; None where the archive is not meant to be one."""
    meant = name.lower().endswith(ARCHIVE_SUFFIXES)
    if not meant and not _PARTS.search(raw):
        return None
    package = opened(raw, where)
    main = package.main() or ""
    if main.lower().endswith(".bin"):
        raise InputError("this is a binary workbook (xlsb), which cannot be read", where=where, remedy=_OLD_KINDS["Workbook"][1])
    kind = package.tree(main).tag if main else ""
    if kind == "x:workbook":
        return read_workbook(package, main)
    if kind == "w:document":
        return read_wordfile(package, main)
    if meant:
        raise damaged("it holds neither a document nor a workbook", where)
    return None


def _in_compound(raw: bytes, where: str) -> Contents | None:
    """A mail of Outlook, or a file that cannot be read and why; None where it is none of either."""
    with OleFileIO(io.BytesIO(raw)) as compound:
        names = {path[0] for path in compound.listdir()}
    if "EncryptedPackage" in names:
        raise InputError("the file is encrypted and needs a password", where=where, remedy=WITHOUT_PASSWORD)
    if "__properties_version1.0" in names:
        return read_outlook(raw, where)
    for stream, (kind, remedy) in _OLD_KINDS.items():
        if stream in names:
            raise InputError(f"this is {kind}, which cannot be read", where=where, remedy=remedy)
    return None


def _is_mail(start: str, name: str) -> bool:
    """Whether a file starts with the header of a mail: any header, if it is named like one, else one with marks of transport."""
    fields = set(_FIELD.findall(_HEADER_END.split(start, maxsplit=1)[0]))
    if not _FIRST_LINE.match(start):
        return False
    return name.lower().endswith(MAIL_SUFFIXES) or (bool(fields & _TRANSPORT) and bool(fields & {"from", "subject", "date"}))


def _is_page(start: str, name: str) -> bool:
    """Whether a file is a web page: it starts like one, is named like one, or starts with a tag and is named like an old office file."""
    suffix = name.lower().rpartition(".")[2]
    return bool(_PAGE.match(start)) or (suffix in PAGE_SUFFIXES and "<" in start) or (suffix in OLD_SUFFIXES and bool(_TAG.match(start)))


def _start(raw: bytes) -> str:
    """The first characters in small letters, of any encoding of which ASCII is a part, or of UTF-16."""
    start = raw[:START_BYTES]
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start[:8:2] == bytes(4) or start[1:8:2] == bytes(4)
    return start.replace(b"\0", b"").decode("latin-1").lstrip("\xff\xfe\xef\xbb\xbf \t\r\n").lower() if wide or b"\0" not in start else ""
