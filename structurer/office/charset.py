"""Text whose encoding is stated beside it (by a web page or a mail), decoded as browsers do; where the statement is wrong, by the bytes.

Names of encodings as in the WHATWG Encoding Standard, 4.2: "gb2312" is read with the larger set that holds it, "iso-8859-1" as Windows
writes it.
"""

from __future__ import annotations

import codecs
import re

from structurer.encoding import Decoded, decode

_WIDER = {
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80", "gb_2312", "chinese", "csgb2312", "euc-cn", "cp936"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5", "x-x-big5", "csbig5"), "big5hkscs"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "ks_c_5601", "ksc5601", "korean", "windows-949"), "cp949"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "cp819"), "cp1252"),
    **dict.fromkeys(("utf8", "unicode-1-1-utf-8", "x-unicode20utf8"), "utf-8"),
}
_NO_STATEMENT = frozenset(("", "us-ascii", "ascii", "unknown-8bit", "default", "x-unknown", "binary", "8bit"))
_META = re.compile(rb"<meta\s[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_PROLOG = re.compile(rb"^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE)
MOST_BROKEN = 0.001  # of the characters, or one, and a text is still of the encoding that is stated
PROVING = 3  # characters outside ASCII: each is one chance in some ten in other encodings of several bytes
STATED_WITHIN = 4096  # bytes of a page; the standard asks for 1024


def decoded(raw: bytes, stated: str, where: str) -> Decoded:
    """Bytes as the encoding says that is stated for them; as the bytes themselves say where it is none, unknown or wrong."""
    name = stated.strip().strip("\"'").lower()
    if name in _NO_STATEMENT or raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return decode(raw, where)
    codec = _WIDER.get(name, name)
    if codec != "utf-8" and (text := _strict(raw, "utf-8")) and _by_no_chance(text, codec):
        return Decoded(text, "utf-8", (f'the text states the encoding "{name}" but is UTF-8',))
    text = _strict(raw, codec)
    if text is not None:
        return Decoded(text, codec)
    if damaged := _nearly(raw, codec):
        return damaged
    found = decode(raw, where)
    return Decoded(
        found.text, found.encoding, (f'the text is not of the encoding "{name}" that is stated; it was read as {found.encoding}',)
    )


def stated_in(page: bytes) -> str:
    """The encoding that a web page states of itself; "utf-16" there means UTF-8, for the statement could not be read otherwise."""
    found = _META.search(page, 0, STATED_WITHIN) or _PROLOG.search(page)
    name = found.group(1).decode("ascii") if found else ""
    return "utf-8" if name.lower().startswith("utf-16") else name


def _by_no_chance(text: str, codec: str) -> bool:
    """Whether bytes of that encoding would hardly ever make such a text of UTF-8; Western ones next to never do."""
    return sum(char > "\x7f" for char in text) >= (1 if codec == "cp1252" else PROVING)


def _nearly(raw: bytes, codec: str) -> Decoded | None:
    """A text of which so little is broken that the statement is believed; the rest is lost."""
    try:
        text = raw.decode(codec, "replace")
    except LookupError:
        return None
    broken = text.count("\ufffd")
    said = f"{broken} place(s) of the text are broken ({codec}) and stand as U+FFFD"
    return Decoded(text, codec, (said,)) if broken <= max(MOST_BROKEN * len(text), 1) else None


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except (UnicodeDecodeError, LookupError):  # LookupError: an encoding that Python does not know, or that is none of text
        return None
