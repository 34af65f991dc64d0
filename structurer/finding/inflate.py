"""Compressed bytes made whole in small steps, counted as they come: nothing that an archive declares of its sizes is believed.

The file objects of the standard library are no guard here: zipfile and the streams of tarfile unpack a whole chunk of bzip2 at once, and
45 bytes of it can hold 45 MB.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from structurer.errors import InputError

STEP: Final = 1 << 20  # bytes in memory at a time
MOST_DICTIONARY: Final = 200_000_000  # bytes of memory that LZMA may take; `xz -9` asks for 65 million
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
TRUST: Final = "if you trust the archive, unpack it yourself and name the folder"
AGAIN: Final = "copy or download it again"


class ExhaustedError(InputError):
    """An archive has used up what it may ask for: nothing more of it is read."""


@dataclass(slots=True)
class Allowance:
    """What the archive `where` and all archives in it may ask for together: bytes that come out, and members."""

    where: str
    most_bytes: int
    most_members: int
    bytes: int = 0
    members: int = 0

    def spend(self, size: int) -> None:
        """Count bytes that came out. Raises ExhaustedError."""
        self.bytes += size
        if self.bytes > self.most_bytes:
            raise self._exhausted(f"it unpacks to more than {self.most_bytes:,} bytes")

    def enter(self) -> None:
        """Count a member. Raises ExhaustedError."""
        self.members += 1
        if self.members > self.most_members:
            raise self._exhausted(f"it has more than {self.most_members:,} members")

    def _exhausted(self, what: str) -> ExhaustedError:
        return ExhaustedError(f"{what}, and the rest was not read", where=self.where, remedy=TRUST)


class Inflating(Protocol):
    """A decompressor as bz2 and lzma have them."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """The next bytes, at most so many."""
        ...


class Deflated:
    """zlib in the shape of the others; `bits` as for `zlib.decompressobj`: 31 for gzip, -15 for the bare stream in a zip."""

    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """The next bytes, at most so many."""
        found = self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))
        self.needs_input = not self._inner.unconsumed_tail and len(found) < max_length
        return found


def gzip() -> Inflating:
    """A member of a gzip file (RFC 1952)."""
    return Deflated(31)


def deflate() -> Inflating:
    """A stream of RFC 1951 without head."""
    return Deflated(-15)


def bzip2() -> Inflating:
    """A stream of bzip2."""
    return bz2.BZ2Decompressor()


def xz() -> Inflating:
    """A stream of xz."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_DICTIONARY)


def lzma_in_zip(head: bytes, size: int | None) -> tuple[Inflating, bytes]:
    """LZMA as zip packs it (APPNOTE 5.8.8): version, length of the properties, properties. With what of `head` is left to inflate.

    `size` is that of the content where no mark of its end follows.
    """
    length = struct.unpack_from("<H", head, 2)[0]
    alone = head[4 : 4 + length] + struct.pack("<Q", 2**64 - 1 if size is None else size)
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, MOST_DICTIONARY), alone + head[4 + length :]


@dataclass(slots=True)
class Stream:
    """One stream, pieces of at most STEP bytes at a time; `rest` is what stood behind its end in the last piece that was taken."""

    pieces: Iterator[bytes]
    inflating: Inflating
    rest: bytes = b""

    def inflated(self) -> Iterator[bytes]:
        """The bytes that were packed. Raises InputError without a place where they are damaged or end early."""
        piece = self.rest
        while True:
            try:
                found = self.inflating.decompress(piece, STEP)
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
                raise InputError(f"its compressed bytes cannot be unpacked ({error})", remedy=AGAIN) from error
            if found:
                yield found
            if self.inflating.eof:
                self.rest = self.inflating.unused_data
                return
            piece = next(self.pieces, b"") if self.inflating.needs_input else b""
            if not (piece or found) and self.inflating.needs_input:
                raise InputError("its compressed bytes end early", remedy=AGAIN)


def whole(pieces: Iterator[bytes], begin: Callable[[], Inflating], mark: bytes) -> Iterator[bytes]:
    """All streams of a compressed file, one after the other (as pigz and pbzip2 write them); each begins with `mark`.

    Zeros that fill up a tape are passed over. Raises InputError, as `Stream.inflated`, and for other bytes behind the end.
    """
    rest = b""
    while True:
        stream = Stream(pieces, begin(), rest)
        yield from stream.inflated()
        rest = stream.rest.lstrip(b"\x00")
        while len(rest) < len(mark) and (more := next(pieces, b"")):
            rest = (rest + more).lstrip(b"\x00")
        if not rest:
            return
        if not rest.startswith(mark):
            raise InputError("bytes that are no part of it stand behind its end", remedy=AGAIN)


def counted(pieces: Iterable[bytes], allowance: Allowance) -> Iterator[bytes]:
    """The pieces, counted. Raises ExhaustedError."""
    for piece in pieces:
        allowance.spend(len(piece))
        yield piece
