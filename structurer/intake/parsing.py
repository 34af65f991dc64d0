"""Bytes of a file become stretches of a document, page by page. It opens no file and no connection, so it can run in a locked process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final, NamedTuple

from structurer.encoding import decode
from structurer.errors import InputError
from structurer.intake import plaintext
from structurer.intake.formats import Format, format_of
from structurer.intake.radicals import cleaned, told
from structurer.sheets.script import Script, Written
from structurer.sheets.sections import Attachment
from structurer.sheets.sheet import Means, Sheet

MOST_CHARACTERS: Final = 400_000_000  # of one document
MOST_REASONS: Final = 5  # stand in one error
DEEPEST: Final = 4  # files within files


class Kind(NamedTuple):
    """What a file turned out to be."""

    media_type: str
    encoding: str | None = None


PLAIN: Final = Kind("text/plain")


@dataclass(slots=True)
class Reading:
    """A file as it is read: `stretches` gives its text; when that is done, `kind` and `warnings` are complete."""

    raw: bytes
    name: str
    where: str
    means: Means
    kind: Kind = PLAIN
    warnings: list[str] = field(default_factory=list)
    depth: int = 0

    def stretches(self) -> Iterator[Written]:
        """Page by page. InputError where nothing can be read, at the end where nothing could."""
        script, has_words = Script(), False
        marks: Counter[str] = Counter()
        for _ in self._written_to(script):
            written = script.taken()
            text, found = cleaned(written.text)
            marks.update(found)
            has_words = has_words or bool(written.text.strip())
            yield written._replace(text=text)
            if script.length > MOST_CHARACTERS:
                self.warnings.append(f"the text ends after {MOST_CHARACTERS:,} characters, the most that a document may have")
                break
        if not has_words:
            raise self._wordless()
        yield script.taken(last=True)
        self.warnings.extend(told(marks))

    def sheets(self) -> Iterator[Sheet]:
        """The pages of a PDF or of a picture, as they are seen. InputError for other files, which have none."""
        kind = format_of(self.raw, PurePath(self.name).suffix.lower(), self.where)
        if kind is Format.PDF:
            from structurer.pdf import file as pdf

            self.kind = Kind("application/pdf")
            return pdf.sheets(self.raw, self.where, self.means, self.warnings)
        if kind is Format.PICTURE:
            from structurer.intake import pictures

            self.kind = Kind(pictures.media_type(self.raw))
            return pictures.sheets(self.raw, self.where, self.means, self.warnings)
        raise InputError("the file has no pages to be looked at", where=self.where, remedy="name a PDF or a picture")

    def _written_to(self, script: Script) -> Iterator[None]:
        """Stops after each page."""
        kind = format_of(self.raw, PurePath(self.name).suffix.lower(), self.where)
        return {Format.OFFICE: self._office, Format.TEXT: self._text}.get(kind, self._seen)(script)

    # --- kinds of files

    def _seen(self, script: Script) -> Iterator[None]:
        for sheet in self.sheets():
            script.write_sheet(sheet)
            self.warnings.extend(f"page {sheet.number}: {warning}" for warning in sheet.warnings)
            yield

    def _office(self, script: Script) -> Iterator[None]:
        from structurer.office import contents

        found = contents(self.raw, self.name, self.where)
        if found is None:
            yield from self._text(script)
            return
        self.kind = Kind(found.media_type)
        self.warnings.extend(found.warnings)
        for section in found.sections:
            script.write_section(section)
            yield
        for attachment in found.attachments:
            yield from self._attached(attachment, script)

    def _attached(self, attachment: Attachment, script: Script) -> Iterator[None]:
        """A file inside the file, as further pages; one that cannot be read is said, and the others are read."""
        name = f"{self.name}/{attachment.name}"
        if self.depth == DEEPEST:
            self.warnings.append(f"attachment {attachment.name!r} lies too deep in other files and was not read")
            return
        inner = Reading(attachment.raw, attachment.name, name, self.means, depth=self.depth + 1)
        script.name = attachment.name
        try:
            yield from inner._written_to(script)
        except InputError as error:
            self.warnings.append(f"attachment {attachment.name!r} was not read: {error.what}")
        finally:
            script.name = ""
        self.warnings.extend(f"attachment {attachment.name!r}: {warning}" for warning in inner.warnings)

    def _text(self, script: Script) -> Iterator[None]:
        is_csv = self.name.lower().endswith(".csv")
        decoded = decode(self.raw, self.where)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        self.warnings.extend(decoded.warnings)
        self.kind = Kind("text/csv" if is_csv else "text/plain", decoded.encoding)
        if is_csv:
            text, unbalanced = plaintext.tabbed(text)
            self.warnings.extend(unbalanced)
        script.write_text(text)
        yield

    def _wordless(self) -> InputError:
        """Why there is no text, and what to do."""
        reasons = "; ".join(self.warnings[:MOST_REASONS])
        if self.kind.media_type.startswith("text/"):
            return InputError("the file holds nothing but white space", where=self.where, remedy="copy or download the file again")
        what = f"no page of the file gives any text ({reasons})" if reasons else "no page of the file gives any text"
        remedy = "look at it in a viewer; if it shows text, install OCR: pip install 'structurer[ocr]'"
        if self.means.recognise is not None:
            remedy = "look at it in a viewer: structurer pages draws what was found on each page"
        return InputError(what, where=self.where, remedy=remedy)
