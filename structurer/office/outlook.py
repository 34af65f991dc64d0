"""Mails that Outlook saved (msg): properties in streams of a compound file ([MS-OXMSG]), opened by python-oxmsg.

Strings that are not Unicode are decoded here, for many files do not state their code page. A mail inside a mail is given back as eml.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from olefile import OleFileIO
from oxmsg.domain import constants as pids
from oxmsg.domain.encodings import encoding_from_codepage
from oxmsg.domain.model import ATTACH_HDR_OFFSET, MSG_HDR_OFFSET, RECIP_HDR_OFFSET, UnrecognizedCodePageError, UnsupportedEncodingError
from oxmsg.properties import Properties
from oxmsg.storage import Storage

from structurer.encoding import Decoded
from structurer.errors import InputError
from structurer.office.charset import decoded, stated_in
from structurer.office.mail import Body, best, file_name, letter, marked_body, plain_body
from structurer.office.opc import damaged
from structurer.sheets.sections import Attachment, Contents

MEDIA_TYPE = "application/vnd.ms-outlook"
INNER_HDR_OFFSET = 24  # bytes before the properties of a message inside a message ([MS-OXMSG] 2.4.1.2)
MOST_GROWTH = 2  # all streams together, to the size of the file: more is one stretch of bytes claimed many times
_UNICODE, _NARROW, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"  # types of properties
_RECIPIENTS = {1: "To", 2: "Cc", 3: "Bcc"}
_DATE = re.compile(r"^Date:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_ATTACHED, _RECIPIENT = "__attach_version1.0_#", "__recip_version1.0_#"  # how the names of their storages start


def read_outlook(raw: bytes, where: str) -> Contents:
    """One section, the header lines and the body; files and mails inside come as attachments."""
    with OleFileIO(io.BytesIO(raw)) as ole:
        if sum(ole.get_size(path) for path in ole.listdir()) > MOST_GROWTH * len(raw):
            raise damaged("its streams claim more bytes than it has", where)
        root = Storage.from_ole(ole)
    message = _Message(root, MSG_HDR_OFFSET, where)
    bodies, attachments, warnings = message.bodies(), list(message.attachments()), list[str]()
    if message.pictures and not best(bodies).markup:  # else the page has counted them
        warnings.append(f"{message.pictures} picture(s) in the text were not read; they may hold text")
    if not bodies and message.stream(pids.PID_RTF_COMPRESSED, _BINARY):
        warnings.append("the body of the mail is kept as Rich Text alone and was not read; save the mail as eml or PDF")
    contents = letter(message.lines(), [best(bodies)], attachments, warnings)
    return Contents(contents.sections, contents.warnings, MEDIA_TYPE, contents.attachments)


class _Box:
    """A storage with its properties: a message, a recipient or an attachment. `codec` is that of its narrow strings, if it is stated."""

    def __init__(self, storage: Storage, offset: int, where: str, codec: str = "") -> None:
        self.storage, self.where = storage, where
        self._streams = {stream.name: stream.bytes_ for stream in storage.streams}
        self.properties = Properties(storage, properties_header_offset=offset)
        self.codec = codec or self._stated_codec()

    def stream(self, pid: int, kind: str) -> bytes:
        return self._streams.get(f"__substg1.0_{pid:04X}{kind}", b"")

    def text(self, *choices: int) -> str:
        """The first of these properties that is not blank."""
        return next((text for pid in choices if (text := self._text(pid).strip("\0 \r\n"))), "")

    def number(self, pid: int) -> int:
        found = self.properties.int_prop_value(pid)
        return found if isinstance(found, int) else 0

    def _text(self, pid: int) -> str:
        wide = self.stream(pid, _UNICODE)
        return wide.decode("utf-16-le", "replace") if wide else self.narrow(self.stream(pid, _NARROW), self.codec).text

    def narrow(self, raw: bytes, codec: str) -> Decoded:
        try:
            return decoded(raw, codec, self.where)
        except InputError:
            return Decoded(raw.decode("latin-1"), "latin-1")

    def _stated_codec(self) -> str:
        pages = (self.number(pid) for pid in (pids.PID_MESSAGE_CODEPAGE, pids.PID_INTERNET_CODEPAGE))
        return next((codec for page in pages if page and (codec := _codec(page))), "")


class _Message(_Box):
    """A message, the outer one or one inside it. `pictures` counts those that its body shows, once the attachments have been read."""

    pictures = 0

    def lines(self) -> list[tuple[str, str]]:
        """The header lines; several recipients are parted by semicolons."""
        headers = self.text(pids.PID_TRANSPORT_MESSAGE_HEADERS)
        date = _DATE.search(headers)
        sent = None if date else self.properties.date_prop_value(pids.PID_CLIENT_SUBMIT_TIME)
        shown = date.group(1).strip() if date else f"{sent:%Y-%m-%d %H:%M:%S} UTC" if hasattr(sent, "year") else ""
        return [("From", self._sender()), *self._recipients(), ("Date", shown), ("Subject", self.text(pids.PID_SUBJECT))]

    def bodies(self) -> list[Body]:
        """The plain body and that of markup, as far as they are there."""
        plain, (markup, said) = self.text(pids.PID_BODY), self._markup()
        return [*([plain_body(plain)] if plain else []), *([marked_body(markup, self.where, said)] if markup.strip() else [])]

    def attachments(self) -> Iterator[Attachment]:
        """Files and messages inside; pictures that the body shows are counted instead."""
        markup, _ = self._markup()
        for count, storage in enumerate((each for each in self.storage.storages if each.name.startswith(_ATTACHED)), 1):
            box = _Box(storage, ATTACH_HDR_OFFSET, self.where, self.codec)
            content_id = box.text(pids.PID_ATTACH_CONTENT_ID)
            if content_id and f"cid:{content_id}" in markup:
                self.pictures += 1
                continue
            name = file_name(box.text(pids.PID_ATTACH_LONG_FILENAME, pids.PID_ATTACH_FILENAME, pids.PID_DISPLAY_NAME))
            inner = next((each for each in storage.storages if each.name.endswith(f"{pids.PID_ATTACH_DATA_BINARY:04X}{_OBJECT}")), None)
            if inner is not None and any(stream.name == "__properties_version1.0" for stream in inner.streams):
                yield Attachment(f"{name or 'mail'}.eml", _as_eml(_Message(inner, INNER_HDR_OFFSET, self.where, self.codec)))
            else:
                yield Attachment(name or f"attachment {count}", box.stream(pids.PID_ATTACH_DATA_BINARY, _BINARY))

    def _sender(self) -> str:
        name = self.text(pids.PID_SENDER_NAME, pids.PID_SENT_REPRESENTING_NAME)
        return _addressed(name, self.text(pids.PID_SENDER_SMTP_ADDRESS, pids.PID_SENDER_EMAIL_ADDRESS))

    def _recipients(self) -> Iterator[tuple[str, str]]:
        boxes = [_Box(each, RECIP_HDR_OFFSET, self.where, self.codec) for each in self.storage.storages if each.name.startswith(_RECIPIENT)]
        shown = {1: pids.PID_DISPLAY_TO, 2: pids.PID_DISPLAY_CC, 3: pids.PID_DISPLAY_BCC}
        for kind, name in _RECIPIENTS.items():
            found = [box for box in boxes if (box.number(pids.PID_RECIPIENT_TYPE) or 1) == kind]
            texts = [_addressed(box.text(pids.PID_DISPLAY_NAME), box.text(pids.PID_SMTP_ADDRESS, pids.PID_EMAIL_ADDRESS)) for box in found]
            yield name, "; ".join(texts) or self.text(shown[kind])

    def _markup(self) -> tuple[str, tuple[str, ...]]:
        raw = self.stream(pids.PID_HTML, _BINARY)
        if not raw:
            return self.text(pids.PID_BODY_HTML), ()
        found = self.narrow(raw, _codec(self.number(pids.PID_INTERNET_CODEPAGE)) or stated_in(raw) or self.codec)
        return found.text, found.warnings


def _codec(page: int) -> str:
    """The encoding of a code page; empty where Python has none."""
    try:
        return encoding_from_codepage(page) if page else ""
    except (UnrecognizedCodePageError, UnsupportedEncodingError):
        return ""


def _addressed(name: str, address: str) -> str:
    """A name with its address, unless that is one of a directory ("/O=...") or the name itself."""
    return f"{name} <{address}>" if name and "@" in address and address != name else name or address


def _as_eml(message: _Message) -> bytes:
    made, bodies = MIMEMultipart(), MIMEMultipart("alternative")
    for name, value in message.lines():
        if value:
            made[name] = Header(_encodable(" ".join(value.split())), "utf-8").encode()
    bodies.attach(MIMEText(_encodable(message.text(pids.PID_BODY)), "plain", "utf-8"))
    markup, _ = message._markup()
    if markup.strip():
        bodies.attach(MIMEText(_encodable(markup), "html", "utf-8"))
    made.attach(bodies)
    for attachment in message.attachments():
        part = MIMEApplication(attachment.raw)
        part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", _encodable(attachment.name)))
        made.attach(part)
    return made.as_bytes()


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
