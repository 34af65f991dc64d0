"""Mails (eml, and web pages saved as one file): the lines of the header, the best body, and the files inside, mails among them.

Read with the policy of the standard library that keeps headers as they are written: the newer one fails on some that are malformed.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from binascii import Error as NoBase64Error
from binascii import a2b_base64
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.errors import HeaderParseError
from email.generator import BytesGenerator
from email.header import decode_header
from email.message import Message
from email.policy import Compat32

from structurer.encoding import Decoded
from structurer.errors import InputError
from structurer.office.charset import decoded, stated_in
from structurer.office.webpage import read_markup
from structurer.sheets.sections import Attachment, Block, Contents, Ruled, Section, quoted, texts

MEDIA_TYPE = "message/rfc822"
HEADERS = ("From", "To", "Cc", "Bcc", "Date", "Subject")  # the lines that are read, in this order
MOST_PARTS = 10_000

_FOLDED = re.compile(r"\r?\n[ \t]*")
_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
_SUFFIXES = {
    "plain": ".txt",
    "html": ".html",
    "calendar": ".ics",
    "rfc822": ".eml",
    "vnd.ms-excel": ".xls",
    "msword": ".doc",
    "jpeg": ".jpg",
}
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_UNREAD = ("text/css", "text/javascript", "application/javascript")  # how a saved page looks and acts
_ADDRESS = re.compile(r"(?:https?://|mailto:|www\.|cid:)[^\s<>\])]+", re.IGNORECASE)
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|(?:[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|(?<=\d)[.,](?=\d))+")
_PARAGRAPHS = re.compile(r"\n[ \t\xa0\u3000]*\n")


class _AsWritten(Compat32):
    """Headers come as they stand in the file; bytes outside ASCII as surrogates."""

    def header_fetch_parse(self, _name: str, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Body:
    """A body: its text, or the blocks of its markup, and what is said of them."""

    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()
    markup: str = ""

    @property
    def blank(self) -> bool:
        return not any(isinstance(block, Ruled) or block.strip() for block in self.blocks)

    @property
    def tabular(self) -> bool:
        return any(isinstance(block, Ruled) for block in self.blocks)


def plain_body(text: str, warnings: tuple[str, ...] = ()) -> Body:
    """Paragraphs parted by blank lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    return Body(tuple(part.strip("\n") for part in _PARAGRAPHS.split(lines) if part.strip()), warnings)


def marked_body(markup: str, where: str, warnings: tuple[str, ...] = ()) -> Body:
    """The blocks of a web page."""
    blocks, said = read_markup(markup, where)
    return Body(blocks, warnings + said, markup)


def best(bodies: Sequence[Body]) -> Body:
    """Of several forms of one body, the plainest first: the plain one, unless another has tables, which it cannot have, or words that it
    lacks. What the others say beside it is told."""
    written = [body for body in bodies if not body.blank]
    if not written:
        return Body(())
    richer = next((body for body in written if body.markup and body.tabular), None) or next((body for body in written if body.markup), None)
    chosen = richer if richer and (richer.tabular or _words(richer) - _words(written[0])) else written[0]
    others = [_words(body) - _words(chosen) for body in written if body is not chosen]
    return replace(chosen, warnings=(*chosen.warnings, *(_left_out(words) for words in others if words)))


def _words(body: Body) -> Counter[str]:
    """The words and figures of a body, how often each stands there; addresses are none, for markup hides them under other words."""
    return Counter(_WORDS.findall(_ADDRESS.sub(" ", unicodedata.normalize("NFKC", " ".join(texts(body.blocks))))))


def _left_out(words: Counter[str]) -> str:
    what = f"{words.total()} word(s) stand in another form of the mail's text alone, which was not read"
    return f"{what}: {quoted(words)}"


def letter(
    lines: Sequence[tuple[str, str]], bodies: Sequence[Body], attachments: Sequence[Attachment], warnings: Sequence[str]
) -> Contents:
    """A mail's section: its header lines as the first block, then its bodies."""
    head = "\n".join(f"{name}: {value}" for name, value in lines if value)
    blocks = tuple(block for body in bodies for block in body.blocks)
    told = tuple(dict.fromkeys([*warnings, *(warning for body in bodies for warning in body.warnings)]))
    return Contents((Section("", ((head, *blocks) if head else blocks)),), told, MEDIA_TYPE, tuple(attachments))


def read_mail(raw: bytes, where: str) -> Contents:
    """One section, the header lines and the body; files and mails inside come as attachments."""
    message = message_from_bytes(raw.removeprefix(codecs.BOM_UTF8).lstrip(), policy=_AsWritten())
    if message.get_content_type() in _SEALED and "signed-data" not in str(message.get("content-type", "")):
        raise InputError("the mail is encrypted", where=where, remedy="open it with its key and save it without encryption")
    opening = _Opening(where)
    bodies = opening.bodies(message)
    lines = [(name, opening.header(message, name)) for name in HEADERS]
    warnings = [*opening.said, *_defects(message)]
    if opening.pictures and not any(body.markup for body in bodies):  # else the page has counted them
        warnings.append(f"{opening.pictures} picture(s) in the text were not read; they may hold text")
    return letter(lines, bodies, opening.attachments, warnings)


def _defects(message: Message) -> Iterator[str]:
    found = dict.fromkeys(type(defect).__name__.removesuffix("Defect") for part in message.walk() for defect in part.defects)
    if found:
        yield f"the mail is malformed ({', '.join(found)}); parts of it may be missing"


@dataclass(slots=True)
class _Opening:
    """What has been found in the parts so far."""

    where: str
    attachments: list[Attachment] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    pictures: int = 0
    parts: int = 0

    def bodies(self, part: Message) -> list[Body]:
        """The bodies of a part, in order; what is none becomes an attachment."""
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise InputError(f"the mail has more than {MOST_PARTS:,} parts", where=self.where, remedy="save the parts that are meant")
        kind = part.get_content_type()
        if kind == "message/rfc822" and part.is_multipart():
            self._attach_mail(part)
        elif kind == "multipart/alternative":
            forms = [self.bodies(child) for child in _children(part)]
            return [best([_joined(form) for form in forms if form])]
        elif kind == "multipart/related":
            return self._related(part)
        elif part.is_multipart():
            return [body for child in _children(part) for body in self.bodies(child)]
        elif kind in ("text/plain", "text/html") and not _is_file(part):
            return [self._body(part, kind)]
        elif kind in _SIGNATURES:
            self.said.append("the signature of the mail was not checked")
        elif kind not in _UNREAD:
            self._attach(part)
        return []

    def _related(self, part: Message) -> list[Body]:
        """A body and the pictures that it shows."""
        children = _children(part)
        bodies = self.bodies(children[0]) if children else []
        markup = "".join(body.markup for body in bodies)
        for other in children[1:]:
            if other.get_content_maintype() == "image" and _is_shown(other, markup):
                self.pictures += 1
            else:
                bodies += self.bodies(other)
        return bodies

    def _body(self, part: Message, kind: str) -> Body:
        raw = _bytes_of(part)
        stated = part.get_content_charset() or (stated_in(raw) if kind == "text/html" else "")
        text = self._decoded(raw, stated)
        if kind == "text/html":
            return marked_body(text.text, self.where, text.warnings)
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        return plain_body(_unflowed(text.text, str(part.get_param("delsp", ""))) if flowed else text.text, text.warnings)

    def _decoded(self, raw: bytes, stated: str) -> Decoded:
        try:
            return decoded(raw, stated, self.where)
        except InputError as error:
            return Decoded(raw.decode("latin-1"), "latin-1", (f"{error.what}; it was read as latin-1",))

    # --- headers

    def header(self, message: Message, name: str) -> str:
        """A line of the header, its encoded words decoded; several of the name are parted by commas."""
        return ", ".join(self.words(value) for key, value in message.raw_items() if key.lower() == name.lower())

    def words(self, value: object) -> str:
        text = _FOLDED.sub(" ", str(value))
        if not text.isascii():
            text = self._decoded(text.encode("utf-8", "surrogateescape"), "").text
        try:
            return " ".join("".join(self._word(*piece) for piece in decode_header(text)).split())
        except (HeaderParseError, ValueError):  # of one word; the others can be read
            return " ".join(_WORD.sub(lambda match: self._one_word(match.group()), _BETWEEN_WORDS.sub("", text)).split())

    def _one_word(self, word: str) -> str:
        try:
            return "".join(self._word(*piece) for piece in decode_header(word))
        except (HeaderParseError, ValueError):
            return word

    def _word(self, word: str | bytes, charset: str | None) -> str:
        if isinstance(word, str):
            return word
        return self._decoded(word, charset).text if charset else word.decode("raw-unicode-escape")  # as the library packs what is between

    # --- files

    def _attach(self, part: Message) -> None:
        self.attachments.append(Attachment(self._name(part), _bytes_of(part)))

    def _attach_mail(self, part: Message) -> None:
        for child in _children(part):
            raw = _unpacked(child, part)
            inner = message_from_bytes(raw, policy=_AsWritten())
            name = self._name(part) if _stated_name(part) else f"{self.header(inner, 'Subject')[:80] or 'mail'}.eml"
            self.attachments.append(Attachment(file_name(name), raw))

    def _name(self, part: Message) -> str:
        stated = self.words(_stated_name(part))
        kind = part.get_content_subtype()
        return file_name(stated) or f"attachment {len(self.attachments) + 1}{_SUFFIXES.get(kind, f'.{kind}')}"


def _unpacked(inner: Message, part: Message) -> bytes:
    """A mail in a mail. Some programs pack it in base64, which RFC 2046 (5.2.1) forbids and the library takes for a mail without header."""
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False).flatten(inner)
    if str(part.get("content-transfer-encoding", "")).strip().lower() != "base64":
        return out.getvalue()
    inner.defects.clear()
    try:
        return a2b_base64(out.getvalue())
    except NoBase64Error:
        return out.getvalue()


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_stated_name(part))


def _stated_name(part: Message) -> str:
    try:
        return part.get_filename("")
    except (ValueError, LookupError, TypeError):  # what the library makes of some malformed parameters
        return ""


def file_name(stated: str) -> str:
    """A name without folders and characters that do not print."""
    last = re.split(r"[/\\]", stated)[-1]
    return "".join(char for char in last if char.isprintable()).strip(" .")


def _children(part: Message) -> list[Message]:
    held = part.get_payload()
    return [child for child in held if isinstance(child, Message)] if isinstance(held, list) else []


def _bytes_of(part: Message) -> bytes:
    held = part.get_payload(decode=True)
    return held if isinstance(held, bytes) else b""


def _joined(bodies: Sequence[Body]) -> Body:
    """Bodies one after the other as one."""
    blocks = tuple(block for body in bodies for block in body.blocks)
    return Body(blocks, tuple(said for body in bodies for said in body.warnings), "".join(body.markup for body in bodies))


def _unflowed(text: str, delsp: str) -> str:
    """Lines put together that end in a space (RFC 3676), those of a quotation with each other only."""
    lines: list[str] = []
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip(">"))
        if line and lines and lines[-1].endswith(" ") and lines[-1] != "-- " and depth == len(lines[-1]) - len(lines[-1].lstrip(">")):
            before = lines.pop()
            lines.append((before[:-1] if delsp.lower() == "yes" else before) + line[depth:].removeprefix(" "))
        else:
            lines.append(line[:depth] + (" " if depth else "") + line[depth:].removeprefix(" "))
    return "\n".join(line.rstrip(" ") for line in lines)


def _is_shown(picture: Message, markup: str) -> bool:
    """Whether a page shows a picture that came with it."""
    name, place = str(picture.get("content-id", "")).strip("<> \t"), str(picture.get("content-location", ""))
    return bool((name and f"cid:{name}" in markup) or place) and picture.get_content_disposition() != "attachment"
