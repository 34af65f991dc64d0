"""Names of members in archives: their encoding, which few archives state, and a form of them that can do no harm as a label.

No file is ever written by such a name.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

MOST_NAME: Final = 1000  # characters of a name; those of longer ones are cut out in the middle
_UNPRINTED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VERSION, _CHECKED = 1, struct.Struct("<BL")  # of the extra field: its version, and the CRC-32 of the plain name
_CODECS: Final = ("utf-8", "gb18030")


def name_in_zip(raw: bytes, is_utf8: bool, extra: bytes) -> str:
    """By the Unicode path extra field 0x7075 of Info-ZIP (APPNOTE 4.6.9), if it belongs to these bytes; else as `name_of`.

    Some programs part folders by "\\", against APPNOTE 4.4.17.
    """
    is_stated = len(extra) > _CHECKED.size and _CHECKED.unpack_from(extra) == (_VERSION, zlib.crc32(raw))
    name = extra[_CHECKED.size :].decode("utf-8", "replace") if is_stated else name_of(raw, "utf-8" if is_utf8 else "cp437")
    return name.replace("\\", "/")


def name_of(raw: bytes, otherwise: str) -> str:
    """Bytes as UTF-8, or as GB18030 (Chinese Windows, which does not state it), if they are valid; else in the encoding `otherwise`.

    Two letters of a Western name can be one rare Chinese character, so GB18030 must give at least one of the common ones, of GB 2312.
    """
    for codec in _CODECS:
        try:
            name = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec == "utf-8" or any(map(_is_common, name)):
            return name
    return raw.decode(otherwise, "replace")


def _is_common(char: str) -> bool:
    try:
        return not char.isascii() and bool(char.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def label(name: str) -> str:
    """The name as a path below the archive: no root, no way up, no characters that do not print, at most MOST_NAME characters."""
    parts = [part for part in _UNPRINTED.sub("\ufffd", name).split("/") if part not in ("", ".", "..")]
    shown = "/".join(parts) or "\ufffd"
    half = MOST_NAME // 2
    return shown if len(shown) <= MOST_NAME else f"{shown[: half - 1]}…{shown[-half:]}"


@dataclass(slots=True)
class Labels:
    """Names that are given once each: "a.pdf", and "a (2).pdf" for the second of that name."""

    _counts: dict[str, int] = field(default_factory=dict)  # how often each was asked for

    def given(self, name: str) -> str:
        """A name that was not given before."""
        path, found = PurePosixPath(name), name
        while found in self._counts:
            self._counts[name] += 1
            found = str(path.with_name(f"{path.stem} ({self._counts[name]}){path.suffix}"))
        self._counts[found] = 1
        return found
