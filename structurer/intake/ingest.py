"""Files become Documents: they are found and opened here, and read in a locked process that can reach nothing else.

A file that cannot be read is an InputError with its place and the next step; anything odd about a file that can be read is a warning of
its Document. Plain texts are decoded in this process: no parser that a stranger could mislead is in the way.
"""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from structurer.document import Document, Words
from structurer.errors import InputError, UsageError
from structurer.finding.found import unreadable
from structurer.intake.formats import TEXTS, Format, format_of
from structurer.intake.parsing import Reading
from structurer.sandbox.confined import Service, confined
from structurer.sandbox.inmate import Limits
from structurer.sheets.script import Written
from structurer.sheets.sheet import Means, Sheet
from structurer.sheets.stretches import End, pack_sheet, unpack_end, unpack_stretch

OFFICE: Final = (".docx", ".docm", ".xlsx", ".xlsm", ".html", ".htm", ".xhtml", ".mht", ".mhtml", ".eml", ".msg")
PICTURES: Final = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
SUFFIXES: Final = (*TEXTS, ".pdf", *OFFICE, *PICTURES)
HEAD_BYTES: Final = 4096  # by which the kind of a file is known
MOST_BYTES: Final = {Format.PDF: 2_000_000_000, Format.PICTURE: 500_000_000, Format.OFFICE: 500_000_000, Format.TEXT: 200_000_000}
FONTS: Final = tuple(map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts")))  # where PDFium looks for them
PAGE_LIMITS: Final = Limits(wall_seconds=120.0, cpu_seconds=3600.0)  # wall: a page, recognition of its pictures included
OCR_LIMITS: Final = Limits(memory_bytes=4_000_000_000, wall_seconds=90.0)  # the models alone take one


@dataclass(frozen=True, slots=True)
class Intake:
    """How files are to be read: their password, whether with OCR, with models of which folder (None: its own), in how many threads (None:
    as many as there are cores)."""

    password: str | None = None
    ocr: bool = True
    models: Path | None = None
    threads: int | None = None

    @property
    def identity(self) -> str:
        """What of it decides which text a document has; nothing for the default."""
        return f", OCR {self.models or OFF}" if self.models or not self.ocr else ""


DEFAULT: Final = Intake()
OFF: Final = "off"
AUTO: Final = "auto"


def intake_of(ocr: str = AUTO, password_file: Path | None = None) -> Intake:
    """What a person asks for: `ocr` is "auto", "off" or a folder of models; the password is the first line of a file. Raises UsageError."""
    password = None
    if password_file is not None:
        try:
            password = password_file.read_text(encoding="utf-8-sig").splitlines()[0]
        except (OSError, UnicodeDecodeError, IndexError) as error:
            raise UsageError(
                "no password can be read from the file", where=str(password_file), remedy="write it on the first line"
            ) from error
    if ocr in (AUTO, OFF):
        return Intake(password, ocr == AUTO)
    if not Path(ocr).is_dir():
        raise UsageError(f"--ocr takes {AUTO}, {OFF} or a folder with models, not {ocr!r}", remedy="see docs/pages.md")
    if not can_recognise():
        raise UsageError("OCR is not installed", remedy="pip install 'structurer[ocr]'")
    return Intake(password, True, Path(ocr))


def read(path: Path, intake: Intake = DEFAULT, source: str = "") -> Document:
    """The Document that one file holds; InputError where it holds none that can be read. `source` is its name in records: the file's."""
    where, source = str(path), source or path.name
    raw, kind = _bytes(path, where)
    if kind is Format.TEXT:
        reading = Reading(raw, path.name, where, Means())
        stretches = list(reading.stretches())
        return assembled(source, raw, stretches, End(*reading.kind, tuple(reading.warnings)))
    stretches, end = _read_confined(raw, path.name, where, intake)
    return assembled(source, raw, stretches, end)


def drawn_pages(path: Path, intake: Intake = DEFAULT) -> Iterator[bytes]:
    """The pages of a PDF or a picture as PNG files, with what was read on each. InputError for other files."""
    raw, _ = _bytes(path, str(path))
    return _confined("structurer.intake.locked:draw", raw, path.name, str(path), intake)


def _read_confined(raw: bytes, name: str, where: str, intake: Intake) -> tuple[list[Written], End]:
    stretches, length, last = list[Written](), 0, b""
    for parcel in _confined("structurer.intake.locked:read", raw, name, where, intake):
        if last:
            stretches.append(unpack_stretch(last, length, where))
            length += len(stretches[-1].text)
        last = parcel
    return stretches, unpack_end(last, where)


def _confined(job: str, raw: bytes, name: str, where: str, intake: Intake) -> Iterator[bytes]:
    with_ocr = intake.ocr and can_recognise()

    def recognise(picture: bytes) -> bytes:
        """A picture that cannot be read is no reason to give up the others."""
        try:
            return _recogniser(intake.models, intake.threads).ask(picture, where=where)
        except InputError as error:
            return pack_sheet(Sheet(1, 1.0, 1.0, (), decision="ocr", warnings=(f"a picture was not read: {error.what}",)))

    arguments = (name, where, intake.password, with_ocr)
    return confined(job, raw, *arguments, where=where, limits=PAGE_LIMITS, answer=recognise if with_ocr else None, readable=_public())


def assembled(name: str, raw: bytes, stretches: Sequence[Written], end: End) -> Document:
    """The stretches of a file as one document."""
    text = "".join(written.text for written in stretches)
    pages = [page for written in stretches for page in written.pages]
    ends = [*(page.start for page in pages[1:]), len(text)]
    words = Words()
    for written in stretches:
        words.extend(written.words)
    return Document(
        name,
        text,
        hashlib.sha256(raw).hexdigest(),
        end.media_type,
        tuple(replace(page, end=last) for page, last in zip(pages, ends, strict=True)),
        words,
        tuple(table for written in stretches for table in written.tables),
        end.encoding,
        end.warnings,
        tuple(second for written in stretches for second in written.seconds),
    )


@cache
def _public() -> tuple[Path, ...]:
    """What a locked process may read beside its file: fonts that files name and do not hold."""
    return tuple(path for path in FONTS if path.is_dir())


# --- recognition


def can_recognise() -> bool:
    """Whether OCR is installed."""
    return find_spec("rapidocr") is not None and find_spec("openvino") is not None and find_spec("cv2") is not None


_recognisers: dict[tuple[Path | None, int | None], Service] = {}
_guard = threading.Lock()


def _recogniser(models: Path | None, threads: int | None) -> Service:
    """One process for each set of models and number of threads, which stays: loading them takes longer than reading a page."""
    with _guard:
        if (models, threads) not in _recognisers:
            _recognisers[models, threads] = Service("structurer.intake.locked:recogniser", models, threads, limits=OCR_LIMITS)
        return _recognisers[models, threads]


# --- bytes


def _bytes(path: Path, where: str) -> tuple[bytes, Format]:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                kind = format_of(head, path.suffix.lower(), where) if head else Format.TEXT
                _check_size(status.st_size, kind, where)
                raw = head + file.read()
    except (OSError, ValueError) as error:
        raise unreadable(error, where) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError("this is a folder, not a file", where=where, remedy="name one of the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise InputError("this is a device or a pipe, not a file", where=where, remedy="save what it gives in a file and name that")
    if not raw:
        raise InputError("the file is empty (0 bytes)", where=where, remedy="copy or download the file again")
    return raw, kind


def _check_size(size: int, kind: Format, where: str) -> None:
    if size > MOST_BYTES[kind]:
        what = f"the file has {size:,} bytes, more than the {MOST_BYTES[kind]:,} that a file of its kind ({kind.value}) may have"
        raise InputError(what, where=where, remedy="split it into smaller files")
