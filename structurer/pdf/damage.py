"""What is damaged in a PDF or lies beside its pages: qpdf looks its structure over, says what it works around, and writes it anew where
PDFium would lose pages or values."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pikepdf

from structurer.pdf import forms as pdfforms
from structurer.sheets.sections import quoted

XREF: Final = "the table of contents of the PDF file (xref) is damaged; its pages were found by search"
REPAIR: Final = "reconstruct cross-reference"  # in what qpdf says when it searches the file for its objects
MOST_SAID: Final = 3  # of what qpdf says beside
COMMENTS: Final = frozenset(("/Text", "/Highlight", "/Underline", "/Squiggly", "/StrikeOut", "/Caret"))  # whose words lie in a window
_SAID_OF: Final = re.compile(r"^.*?(?:\([^()]*\))?: ")  # the file and the place in it
_BROKEN: Final = (pikepdf.PikepdfError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Damage:
    """How many pages qpdf finds (None: it cannot open the file), what to say of the whole, which pages have
    torn contents, and whether there are layers to switch off."""

    pages: int | None
    warnings: tuple[str, ...] = ()
    torn: frozenset[int] = frozenset()
    has_layers: bool = True


def looked_over(raw: bytes, password: str | None) -> tuple[bytes, Damage]:
    """Opens the file and unpacks the contents of every page. Gives it with the values of its form drawn that its pages lack."""
    try:
        with _opened(raw, password) as pdf:
            if "/AcroForm" not in pdf.Root:
                return raw, _damage(pdf, raw, password)
            raw = _filled(pdf, raw, password)
        with _opened(raw, password) as pdf:
            return raw, _damage(pdf, raw, password)
    except _BROKEN:
        return raw, Damage(None)


def _damage(pdf: pikepdf.Pdf, raw: bytes, password: str | None) -> Damage:
    said = [*_worked_around(pdf)]
    stated = pdf.Root.Pages.get("/Count")
    if stated != len(pdf.pages):
        said.append(f"the PDF states {stated} page(s), {len(pdf.pages)} were found")
    torn = frozenset(_torn(pdf))
    said += _beside_pages(pdf, raw, password)
    return Damage(len(pdf.pages), tuple(said), torn, "/OCProperties" in pdf.Root)


def _filled(pdf: pikepdf.Pdf, raw: bytes, password: str | None) -> bytes:
    """The file as it is where nothing is to be drawn, and where it is damaged, to hide nothing."""
    try:
        if pdf.get_warnings() or not pdfforms.repainted(pdf, raw, password):
            return raw
        pdf.save(out := io.BytesIO(), stream_decode_level=pikepdf.StreamDecodeLevel.none)
        return raw if pdf.get_warnings() else out.getvalue()
    except _BROKEN:
        return raw


def written_anew(raw: bytes, password: str | None) -> bytes | None:
    """The file as qpdf repairs it, without its password; None where it cannot."""
    out = io.BytesIO()
    try:
        with _opened(raw, password) as pdf:
            pdf.save(out)
    except _BROKEN:
        return None
    return out.getvalue()


@contextmanager
def _opened(raw: bytes, password: str | None) -> Iterator[pikepdf.Pdf]:
    """With the password, or without one where that opens the file too."""
    try:
        pdf = pikepdf.open(io.BytesIO(raw), password=password or "", suppress_warnings=True)
    except pikepdf.PasswordError:
        pdf = pikepdf.open(io.BytesIO(raw), suppress_warnings=True)
    with pdf:
        yield pdf


def _worked_around(pdf: pikepdf.Pdf) -> Iterator[str]:
    """What qpdf says of the file, in its own words unless it found the pages by search."""
    said = [str(warning) for warning in pdf.get_warnings()]
    if any(REPAIR in one for one in said):
        yield XREF
        return
    for one in dict.fromkeys(_SAID_OF.sub("", one, count=1) for one in said[:MOST_SAID]):
        yield f"the PDF is not quite as it should be: {quoted((one,))}"
    if len(said) > MOST_SAID:
        yield f"the PDF has {len(said) - MOST_SAID} more fault(s) of this kind"


def _beside_pages(pdf: pikepdf.Pdf, raw: bytes, password: str | None) -> list[str]:
    """What the file holds that is no part of its pages; a part of it that is damaged hides no other."""
    said: list[str] = []
    for told in (_files(pdf), _comments(pdf), _dynamic_form(pdf), pdfforms.told(pdf, raw, password)):
        try:
            said.extend(told)
        except _BROKEN as error:
            said.append(f"files, comments or fields of the PDF are damaged and were not looked over ({type(error).__name__})")
    return said


def _files(pdf: pikepdf.Pdf) -> Iterator[str]:
    names = [*pdf.attachments, *(_file_name(one) for page in pdf.pages for one in _of_kind(page, ("/FileAttachment",)))]
    if names:
        found = quoted(("; ".join(names),))
        yield f"{len(names)} file(s) inside the PDF were not read; save them as files of their own: {found}"


def _file_name(annotation: pikepdf.Object) -> str:
    spec = annotation.get("/FS", "")
    return str(spec.get("/UF", spec.get("/F", ""))) if isinstance(spec, pikepdf.Dictionary) else str(spec)


def _comments(pdf: pikepdf.Pdf) -> Iterator[str]:
    found = [str(one.get("/Contents", "")) for page in pdf.pages for one in _of_kind(page, COMMENTS)]
    written = [text for text in found if text.strip()]
    if written:
        yield f"{len(written)} comment(s) on the pages were not read: {quoted(('; '.join(written),))}"


def _dynamic_form(pdf: pikepdf.Pdf) -> Iterator[str]:
    """XFA (ISO 32000-1, 12.7.8), which keeps a form's text outside its pages."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and "/XFA" in form:
        yield "the PDF is an XFA form; what its pages do not hold was not read: open it in a viewer and print it as a new PDF"


def _of_kind(page: pikepdf.Page, kinds: Collection[str]) -> Iterator[pikepdf.Object]:
    return (one for one in pdfforms.annotated(page) if str(one.get("/Subtype", "")) in kinds)


def _torn(pdf: pikepdf.Pdf) -> Iterator[int]:
    """qpdf gives what it can of a broken stream, with a warning, or refuses it."""
    for number, page in enumerate(pdf.pages, 1):
        try:
            for contents in _contents(page.obj.get("/Contents")):
                contents.read_bytes()
        except _BROKEN:
            yield number
            continue
        if pdf.get_warnings():
            yield number


def _contents(found: pikepdf.Object | None) -> Iterator[pikepdf.Object]:
    if isinstance(found, pikepdf.Array):
        yield from (one for one in found if isinstance(one, pikepdf.Stream))
    elif isinstance(found, pikepdf.Stream):
        yield found
