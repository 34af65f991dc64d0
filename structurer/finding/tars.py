"""Tar archives (POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU): their members as one stream that is read once, from its beginning.

Python's tarfile ends without a word at a damaged header and holds names of any declared length in memory; so only the fields of one header
are its work. Links are not followed, and of files with holes nothing is made.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from structurer.errors import InputError
from structurer.finding.inflate import AGAIN, STEP
from structurer.finding.membernames import name_of

BLOCK: Final = tarfile.BLOCKSIZE
MOST_HEADER: Final = 1 << 20  # bytes of a long name, or of the words of a pax header
_LINK: Final = "a link: what it leads to is in the archive under its own name, or is not in it"
_ASIDE: Final = {
    tarfile.LNKTYPE: _LINK,
    tarfile.SYMTYPE: _LINK,
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a file with holes (sparse), of which the archive has the filled parts alone",
}
_FILES: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_PAX: Final = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG: Final = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_CONTINUED, _CONTINUED_MORE = 482, 504  # where the headers of GNU's old form of sparse files say that another one follows
_NAME, _REAL_NAME, _SIZE, _HOLES = "path", "GNU.sparse.name", "size", "GNU.sparse."  # words of pax headers


class Header(NamedTuple):
    """A member: its name, why there is nothing to read ("" if there is), whether it is a folder, and how many bytes follow."""

    name: str
    aside: str
    is_folder: bool
    size: int


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar archive: the checksum of its first header says it."""
    try:
        return len(head) >= BLOCK and bool(_fields(head[:BLOCK]))
    except InputError:
        return False


@dataclass(slots=True)
class Tape:
    """The bytes of an archive, in pieces, without a way back."""

    source: Iterator[bytes]
    _piece: bytes = b""
    _at: int = 0  # in the piece
    _left: int = 0  # bytes of the present member that were not asked for
    _fill: int = 0  # bytes behind them, up to the next block
    _torn: bool = False
    _words: dict[str, bytes] = field(default_factory=dict)  # what was said of the next member before its header

    def headers(self) -> Iterator[Header]:
        """The members; the bytes of each can be had until the next is asked for. Raises InputError without a place for damage."""
        while not self._torn:
            for _ in self.pieces():
                pass
            self._exactly(self._fill)  # the last of a file may be missing
            block = self._exactly(BLOCK)
            if not any(block):
                self._end()
                return
            if len(block) < BLOCK:
                raise _damaged("it ends early")
            if (header := self._header(block)) is not None:
                yield header

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the member whose header came last. Raises InputError without a place where they end early."""
        while self._left:
            self._torn = True  # unless there is a piece: nothing can be read behind what is not there
            if not (piece := self._some(min(self._left, STEP))):
                raise _damaged("it ends early")
            self._torn = False
            self._left -= len(piece)
            yield piece

    def _header(self, block: bytes) -> Header | None:
        """The member of a header; None for one that only says more of the next."""
        fields = _fields(block)
        if fields.type in (*_PAX, *_LONG, tarfile.XGLTYPE):
            self._say_more(fields)
            return None
        words, self._words = self._words, {}
        if fields.type == tarfile.GNUTYPE_SPARSE and block[_CONTINUED]:
            while self._exactly(BLOCK)[_CONTINUED_MORE:][:1] > b"\x00":
                pass
        holes = any(word.startswith(_HOLES) for word in words)
        header = _member(fields, words, _ASIDE[tarfile.GNUTYPE_SPARSE] if holes else "")
        self._left, self._fill = header.size, -header.size % BLOCK
        return header

    def _say_more(self, fields: tarfile.TarInfo) -> None:
        if fields.size > MOST_HEADER:
            raise _damaged(f"it has a name of {fields.size:,} bytes, more than the {MOST_HEADER:,} that it may have")
        said = self._exactly(fields.size)
        if len(said) < fields.size:
            raise _damaged("it ends early")
        self._left, self._fill = 0, -fields.size % BLOCK
        if fields.type == tarfile.GNUTYPE_LONGNAME:
            self._words[_NAME] = said.partition(b"\x00")[0]
        elif fields.type in _PAX:
            self._words.update(_records(said))

    def _end(self) -> None:
        """Reads what follows, by which compressed bytes are checked to their end, and looks whether there is anything."""
        while piece := self._some(STEP):
            if piece.count(0) != len(piece):
                raise _damaged("more bytes stand behind the mark of its end, and were not read")

    def _exactly(self, size: int) -> bytes:
        """Fewer only at the end."""
        found = b""
        while len(found) < size and (piece := self._some(size - len(found))):
            found += piece
        return found

    def _some(self, most: int) -> bytes:
        if self._at == len(self._piece):
            self._piece, self._at = next(self.source, b""), 0
        found = self._piece[self._at : self._at + most]
        self._at += len(found)
        return found


def _fields(block: bytes) -> tarfile.TarInfo:
    """Names as Latin-1, that is, their bytes."""
    try:
        fields = tarfile.TarInfo.frombuf(block, "latin-1", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise _damaged(f"a header is none ({error})") from error
    if fields.size < 0:
        raise _damaged("a member has fewer than no bytes")
    return fields


def _member(fields: tarfile.TarInfo, words: dict[str, bytes], holes: str) -> Header:
    raw = words.get(_REAL_NAME) or words.get(_NAME) or fields.name.encode("latin-1")
    aside = holes or _ASIDE.get(fields.type, "" if fields.type in _FILES else f"a member of a kind that is not known ({fields.type!r})")
    has_bytes = (fields.type not in _ASIDE and not fields.isdir()) or fields.type == tarfile.GNUTYPE_SPARSE
    return Header(name_of(raw, "latin-1"), aside, fields.isdir(), _size(words.get(_SIZE), fields.size) if has_bytes else 0)


def _size(stated: bytes | None, otherwise: int) -> int:
    if stated is None:
        return otherwise
    if not (stated.isdigit() and len(stated) <= len(str(2**63))):
        raise _damaged("the size of a member is none")
    return int(stated)


def _records(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The words of a pax header, "LENGTH KEY=VALUE\\n" each, LENGTH being that of all of it, as far as they are well formed."""
    at = 0
    while at < len(raw):
        length = raw[at : at + len(str(MOST_HEADER))].partition(b" ")[0]
        if not length.isdigit() or not len(length) + 1 < int(length) <= len(raw) - at:
            return
        key, _, value = raw[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        yield key.decode("utf-8", "replace"), value
        at += int(length)


def _damaged(what: str) -> InputError:
    return InputError(f"the archive is damaged: {what}", remedy=AGAIN)
