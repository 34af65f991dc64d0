"""The bytes of members of zip archives (PKWARE APPNOTE 6.3), unpacked in small steps and checked by their sums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from structurer.errors import InputError
from structurer.finding.inflate import AGAIN, TRUST, Stream, bzip2, deflate, lzma_in_zip, xz
from structurer.finding.zipentries import LOCAL, MARK, Entry, read_at

PIECE: Final = 1 << 16  # compressed bytes read at a time
_ENCRYPTED, _HAS_END_MARK, _STRONG, _MASKED = 1, 1 << 1, 1 << 6, 1 << 13  # flags
_STORED, _DEFLATE, _BZIP2, _LZMA, _XZ, _AES = 0, 8, 12, 14, 95, 99
_METHODS: Final = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 96: "JPEG", 97: "WavPack", 98: "PPMd"}
_WITHOUT: Final = "unpack it with its password and name the folder, or pack it again without one"


@dataclass(slots=True)
class Opening:
    """The bytes of one member."""

    file: BinaryIO
    entry: Entry

    def pieces(self) -> Iterator[bytes]:
        """What was packed, at most STEP bytes at a time, and whether it is whole. Raises InputError without a place."""
        _refuse(self.entry)
        crc = size = 0
        for piece in self._unpacked():
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            yield piece
        if crc != self.entry.crc:
            raise InputError("its bytes are damaged (their checksum is another)", remedy=AGAIN)
        if size != self.entry.size:
            raise InputError(f"it unpacks to {size:,} bytes, and the archive says {self.entry.size:,}", remedy=TRUST)

    def _unpacked(self) -> Iterator[bytes]:
        packed = self._packed(self._start())
        yield from packed if self.entry.method == _STORED else self._stream(packed).inflated()

    def _stream(self, packed: Iterator[bytes]) -> Stream:
        if self.entry.method != _LZMA:
            return Stream(packed, {_DEFLATE: deflate, _BZIP2: bzip2, _XZ: xz}[self.entry.method]())
        try:
            inflating, head = lzma_in_zip(next(packed, b""), None if self.entry.flags & _HAS_END_MARK else self.entry.size)
        except struct.error as error:
            raise InputError("its compressed bytes end early", remedy=AGAIN) from error
        return Stream(packed, inflating, head)

    def _start(self) -> int:
        """Where the bytes begin; lengths in the local header may differ from those in the directory."""
        raw = read_at(self.file, self.entry.at, LOCAL.size)
        if len(raw) < LOCAL.size or not raw.startswith(MARK):
            raise InputError("it does not stand where the directory says", remedy=AGAIN)
        named, extended = LOCAL.unpack(raw)[9:11]
        return int(self.entry.at + LOCAL.size + named + extended)

    def _packed(self, at: int) -> Iterator[bytes]:
        left = self.entry.packed
        while left:
            if not (piece := read_at(self.file, at, min(left, PIECE))):
                raise InputError("its bytes end early", remedy=AGAIN)
            at, left = at + len(piece), left - len(piece)
            yield piece


def _refuse(entry: Entry) -> None:
    if entry.flags & (_ENCRYPTED | _STRONG | _MASKED) or entry.method == _AES:
        raise InputError("it is locked with a password", remedy=_WITHOUT)
    if entry.method not in (_STORED, _DEFLATE, _BZIP2, _LZMA, _XZ):
        name = _METHODS.get(entry.method, f"number {entry.method}")
        raise InputError(f"it is packed by a method that cannot be read ({name})", remedy="pack it again with the method Deflate")
