"""What kind of file it is, by its first bytes, whatever its name says."""

from __future__ import annotations

import codecs
from enum import Enum
from typing import Final

from structurer.errors import InputError

MARK: Final = b"%PDF-"
MARK_WITHIN: Final = 1024  # bytes; readers of PDF accept junk before its mark up to here (ISO 32000-1, annex H, note 13)
HEAD: Final = 256  # bytes within which a web page begins


class Format(Enum):
    """The readers there are."""

    PDF = "pdf"
    PICTURE = "picture"
    OFFICE = "office"
    TEXT = "text"


_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"GIF87a", b"GIF89a")
_OFFICE: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_PAGES: Final = (b"<!doctype html", b"<html")
_REFUSED: Final = (
    (b"{\\rtf", "a Rich Text file (rtf)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"SQLite format 3\x00", "a SQLite database"),
)
TEXTS: Final = (".txt", ".md", ".tsv", ".csv")  # suffixes of files that are texts where their bytes do not say another thing


def format_of(raw: bytes, suffix: str, where: str) -> Format:
    """By the bytes; the suffix (lower case) decides where they leave it open. InputError for kinds that cannot be read.

    What neither tells is looked over by the readers of office files, which know more kinds, and is a text where they know none.
    """
    if raw.startswith(MARK) or (suffix == ".pdf" and raw.find(MARK, 0, MARK_WITHIN + len(MARK)) >= 0):
        return Format.PDF
    found = _by_bytes(raw)
    refused = next((name for mark, name in _REFUSED if raw.startswith(mark)), None)
    if suffix == ".pdf":
        likeness = f"; it looks like {refused or _LIKE[found]}" if refused or found else ""
        remedy = f"give it the suffix of its kind ({_KIND_SUFFIXES[found]})" if found else "download it again, or export it as PDF"
        raise InputError(f"the file is named .pdf but is no PDF{likeness}", where=where, remedy=remedy)
    if refused:
        raise InputError(f"this is {refused}, which cannot be read", where=where, remedy="save it as PDF or as plain text (UTF-8)")
    return found or (Format.TEXT if suffix in TEXTS else Format.OFFICE)


_KIND_SUFFIXES: Final = {Format.PICTURE: ".png, .jpg, .tif", Format.OFFICE: ".xlsx, .docx, .html, .msg"}
_LIKE: Final = {Format.PICTURE: "a picture", Format.OFFICE: "an office file", Format.TEXT: "a text", None: ""}


def _by_bytes(raw: bytes) -> Format | None:
    if raw.startswith(_PICTURES):
        return Format.PICTURE
    start = raw[:HEAD].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return Format.OFFICE if raw.startswith(_OFFICE) or start.startswith(_PAGES) else None
