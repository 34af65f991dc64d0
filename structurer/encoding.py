"""The encoding of a text: by its mark, else UTF-8 where that fits, else the encoding under which the text is most likely.

How likely a text is, the frequent characters of the national standards (their first levels) tell, and what stands around them:
charset-normalizer alone misjudges short Chinese texts too often, so it is asked about Western ones only. A guess is a warning.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from structurer.errors import InputError

SAMPLE_BYTES = 65_536  # of a text, from its first byte outside ASCII on, to tell its encoding by
MAX_CONTROL_SHARE = 0.1  # of all characters; above it the file is no text
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_BINARY_CONTROL = re.compile(b"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the encoding it was read as, and what is unsure about that."""

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


def decode(raw: bytes, where: str) -> Decoded:
    """By the byte order mark, else as UTF-8, else by the encoding under which the text is most likely."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _declared(raw, encoding, where)
    if b"\x00" in raw and (found := _guess(raw, _UNICODE)):  # half of each digit, space and line end
        return found
    try:
        decoded = Decoded(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        found = _guess(raw, _NATIONAL | _UNICODE) or _guess_western(raw)
        if found:
            return found
        raise _undecidable(raw, error, where) from error
    if len(CONTROL.findall(decoded.text)) > MAX_CONTROL_SHARE * len(decoded.text):
        raise _binary(where)
    return decoded


def _declared(raw: bytes, encoding: str, where: str) -> Decoded:
    try:
        return Decoded(raw.decode(encoding), encoding)
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


def _guess(raw: bytes, levels: dict[str, tuple[_Level1, ...]]) -> Decoded | None:
    """The decoding under which the text is most likely, if it is at home there and lossless over the whole file."""
    sample = _sample(raw)
    whole = raw.endswith(sample)
    decodings = {codec: text for codec in levels if (text := _decoding(sample, codec, whole)) is not None}
    for codec in sorted(decodings, key=lambda codec: _surprise(decodings[codec], levels[codec]) - _AHEAD.get(codec, 0.0)):
        text = _decoding(raw, codec, True) if _at_home(decodings[codec], levels[codec]) else None
        if text is not None:
            return Decoded(text, codec, (f"the encoding is not stated in the file; it was read as {codec}",))
    return None


def _guess_western(raw: bytes) -> Decoded | None:
    """Judged by the surroundings of what is not ASCII: the library looks at a few places of the text, where there may be none."""
    from charset_normalizer import from_bytes

    telling = b"\n".join(re.findall(b"[^\n]{0,40}[\x80-\xff][^\n]{0,40}", raw))[:SAMPLE_BYTES]
    match = from_bytes(telling, cp_isolation=["cp1252"], enable_fallback=False).best()
    text = _decoding(raw, "cp1252", True) if match else None
    if text is None or CONTROL.search(text):
        return None
    return Decoded(text, "cp1252", ("the encoding is not stated in the file; it was read as cp1252",))


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
        return not CONTROL.search(text) and len(odd) < len(text) / 2
    frequent = sum(any(_is_frequent(char, level) for level in levels) for char in odd)
    return bool(odd) and frequent >= 0.75 * len(odd) and len(_LONE.findall(text)) <= len(odd) / 2
