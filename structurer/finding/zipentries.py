"""The entries of zip archives (PKWARE APPNOTE 6.3): by the directory at their end, or one after the other where that is torn.

Python's zipfile gives up an archive for one name or extra field that is broken, holds directories of any length in memory, unpacks whole
chunks of bzip2 at once and takes names of Chinese Windows for cp437; so entries are read here, and zlib, bz2 and lzma do the rest.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import SEEK_END
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from structurer.errors import InputError
from structurer.finding.inflate import AGAIN, STEP, TRUST
from structurer.finding.membernames import name_in_zip

MOST_DIRECTORY: Final = 100_000_000  # bytes of the directory of an archive
MARK: Final = b"PK\x03\x04"  # before each member
EMPTY: Final = b"PK\x05\x06"  # before the end; a file that begins so has no members
_END: Final = struct.Struct("<4s4H2LH")
_END64, _END64_MARK = struct.Struct("<4sQ2H2L4Q"), b"PK\x06\x06"
_LOCATOR, _LOCATOR_MARK = struct.Struct("<4sLQL"), b"PK\x06\x07"
_LISTED, _LISTED_MARK = struct.Struct("<4s6H3L5H2L"), b"PK\x01\x02"
LOCAL: Final = struct.Struct("<4s5H3L2H")
_DESCRIPTOR, _DESCRIPTOR64, _DESCRIPTOR_MARK = struct.Struct("<4s3L"), struct.Struct("<4sL2Q"), b"PK\x07\x08"
_EXTRA: Final = struct.Struct("<HH")
_FARTHEST: Final = 2**62  # bytes; a system has no files of such a size
_ONE: Final = (0, 0xFFFF)  # number of the disk of an archive that is on one; full where zip64 states it
_LONGEST_COMMENT: Final = 0xFFFF  # bytes
_FULL: Final = 0xFFFFFFFF  # a field that stands in the zip64 extra field
_TRAILING, _UTF8 = 1 << 3, 1 << 11  # flags
_ZIP64, _UNICODE_NAME = 0x0001, 0x7075
_DOS_FOLDER: Final = 0x10  # of the external attributes
_LINK: Final = 0o120000  # type of file in the upper half of them, as Unix has it
_TYPE: Final = 0o170000


class Entry(NamedTuple):
    """A member as the directory states it: `at` is where its local header begins, `packed` how many bytes it takes; `size` and `crc` are
    those of its content. None of it is known to be true."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    at: int
    attributes: int

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/") or (not self.size and bool(self.attributes & _DOS_FOLDER))

    @property
    def is_link(self) -> bool:
        return (self.attributes >> 16) & _TYPE == _LINK


class TornError(InputError):
    """The directory is missing or damaged; members may be found without it."""


# --- the directory


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries in their order, made anew for each look: as bytes, those of many members are small. `shift` is added to their places.

    `is_shared` says whether members share bytes, by which a small file can unpack to any size (D. Fifield, A better zip bomb, WOOT 2019).
    """

    raw: bytes
    shift: int
    is_shared: bool

    def __iter__(self) -> Iterator[Entry]:
        at = 0
        while at < len(self.raw):
            entry, at = _entry(self.raw, at, self.shift)
            yield entry

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether a member has one of the names, which are in lower case."""
        lower = self.raw.lower()
        return any(name.encode() in lower for name in names) and any(entry.name.lower() in names for entry in self)


def listed(file: BinaryIO) -> Directory:
    """The directory. Raises, without a place, TornError, and InputError for archives in parts and directories that are too long."""
    start, size, shift = _directory(file)
    if size > MOST_DIRECTORY:
        raise InputError(f"its directory has {size:,} bytes, more than the {MOST_DIRECTORY:,} that it may have", remedy=TRUST)
    raw = read_at(file, start, size)
    return Directory(raw, shift, _is_shared(raw))


def _is_shared(raw: bytes) -> bool:
    """Members share no bytes if each starts behind as many ends as there are starts before it."""
    starts, ends, at = list[int](), list[int](), 0
    while at < len(raw):
        packed, offset, at = _span(raw, at)
        if packed:
            starts.append(offset)
            ends.append(offset + LOCAL.size + packed)
    starts.sort()
    ends.sort()
    return any(end > start for end, start in zip(ends, islice(starts, 1, None), strict=False))


def _span(raw: bytes, at: int) -> tuple[int, int, int]:
    """Packed size and place of the member of the entry that begins at a place, and where the next entry does."""
    fields = _fields(raw, at)
    packed, offset, named, extended, noted = fields[8], fields[16], *fields[10:13]
    extra_at = at + _LISTED.size + named
    if _FULL in (packed, offset):
        _, packed, offset = _large(_extras(raw[extra_at : extra_at + extended]), fields[9], packed, offset)
    return packed, offset, extra_at + extended + noted


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Where the directory starts, its size in bytes, and how far all places are shifted by what stands before the archive."""
    tail_at = file.seek(max(0, file.seek(0, SEEK_END) - _END.size - _LONGEST_COMMENT))
    tail = file.read()
    if (at := _end_record(tail)) < 0:
        raise TornError("the directory at its end is missing", remedy=AGAIN)
    _, disk, first_disk, _, _, size, offset, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    if at >= _LOCATOR.size and tail.startswith(_LOCATOR_MARK, at - _LOCATOR.size):
        stated = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)[2]
        disk, first_disk, size, offset, end = _large_directory(file, stated, end - _LOCATOR.size)
    if disk not in _ONE or first_disk not in _ONE:
        raise InputError("it is one part of an archive in several", remedy="put the parts together: zip -s 0 PARTS.zip --out WHOLE.zip")
    if size + offset > end:
        raise TornError("its directory does not stand where it should", remedy=AGAIN)
    return end - size, size, end - size - offset


def _end_record(tail: bytes) -> int:
    """Where the end record begins: the last one that ends with the file, or else the last one; -1 if there is none."""
    last = at = tail.rfind(EMPTY, 0, max(0, len(tail) - _END.size + len(EMPTY)))
    while at >= 0:
        if at + _END.size + _END.unpack_from(tail, at)[-1] == len(tail):
            return at
        at = tail.rfind(EMPTY, 0, at + len(EMPTY) - 1)
    return last


def _large_directory(file: BinaryIO, stated: int, locator: int) -> tuple[int, int, int, int, int]:
    """The end record of zip64, where its locator says or right before it: bytes before the archive shift it."""
    for at in (stated, locator - _END64.size):
        if 0 <= at <= locator - _END64.size:
            file.seek(at)
            mark, _, _, _, disk, first_disk, _, _, size, offset = _END64.unpack(file.read(_END64.size))
            if mark == _END64_MARK:
                return disk, first_disk, size, offset, at
    raise TornError("its directory (zip64) does not stand where it should", remedy=AGAIN)


def _fields(raw: bytes, at: int) -> tuple[int, ...]:
    """The numbers of the entry of the directory that begins at a place; the first is its mark."""
    if not raw.startswith(_LISTED_MARK, at) or at + _LISTED.size > len(raw):
        raise TornError("its directory is damaged", remedy=AGAIN)
    return _LISTED.unpack_from(raw, at)


def _entry(raw: bytes, at: int, shift: int) -> tuple[Entry, int]:
    """The entry of the directory that begins at a place, and where the next does."""
    _, _, _, flags, method, _, _, crc, packed, size, named, extended, noted, _, _, attributes, offset = _fields(raw, at)
    name_at, extra_at = at + _LISTED.size, at + _LISTED.size + named
    extra = _extras(raw[extra_at : extra_at + extended])
    size, packed, offset = _large(extra, size, packed, offset)
    name = name_in_zip(raw[name_at:extra_at], bool(flags & _UTF8), extra.get(_UNICODE_NAME, b""))
    return Entry(name, flags, method, crc, packed, size, offset + shift, attributes), extra_at + extended + noted


def read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """Nothing behind the end, be the place ever so large."""
    if at > _FARTHEST:
        return b""
    file.seek(at)
    return file.read(size)


def _extras(raw: bytes) -> dict[int, bytes]:
    """The extra fields, as far as they are whole."""
    found, at = dict[int, bytes](), 0
    while at + _EXTRA.size <= len(raw):
        kind, length = _EXTRA.unpack_from(raw, at)
        found.setdefault(kind, raw[at + _EXTRA.size : at + _EXTRA.size + length])
        at += _EXTRA.size + length
    return found


def _large(extra: dict[int, bytes], *numbers: int) -> Sequence[int]:
    """Numbers of 32 bits, those that are full taken from the zip64 extra field, which has them in this order (APPNOTE 4.5.3)."""
    if _FULL not in numbers:
        return numbers
    raw = extra.get(_ZIP64, b"")
    more = iter([number for (number,) in struct.iter_unpack("<Q", raw[: len(raw) // 8 * 8])])
    return [next(more, number) if number == _FULL else number for number in numbers]


# --- without a directory


def scattered(file: BinaryIO) -> Iterator[Entry]:
    """The members one after the other from the beginning of an archive without directory, as far as they follow on each other."""
    at = 0
    while head := _local(file, at):
        entry, at = head
        yield entry


def _local(file: BinaryIO, at: int) -> tuple[Entry, int] | None:
    """The member whose local header stands at a place, and where it ends."""
    raw = read_at(file, at, LOCAL.size)
    if len(raw) < LOCAL.size or not raw.startswith(MARK):
        return None
    _, _, flags, method, _, _, crc, packed, size, named, extended = LOCAL.unpack(raw)
    raw_name, extra = file.read(named), _extras(file.read(extended))
    start = end = file.tell()
    if flags & _TRAILING and not packed:
        crc, packed, size, end = _descriptor(file, start)
    else:
        size, packed = _large(extra, size, packed)
    name = name_in_zip(raw_name, bool(flags & _UTF8), extra.get(_UNICODE_NAME, b""))
    return Entry(name, flags, method, crc, packed, size, at, 0), max(end, start + packed)


def _descriptor(file: BinaryIO, start: int) -> tuple[int, int, int, int]:
    """CRC, packed size, size and end of the record that stands behind a member of which sizes were not known before (APPNOTE 4.3.9): the
    first that states as packed size how far it stands behind `start`. Of a member that is cut off, what there is of it."""
    length, at, held = file.seek(0, SEEK_END), start, b""
    file.seek(start)
    while at < length:
        piece = file.read(STEP)
        held += piece or bytes(_DESCRIPTOR64.size)  # so that the last bytes are looked at, too
        for found in re.finditer(re.escape(_DESCRIPTOR_MARK), held[: -_DESCRIPTOR64.size + 1]):
            for form in (_DESCRIPTOR, _DESCRIPTOR64):
                _, crc, packed, size = form.unpack_from(held, found.start())
                if packed == at + found.start() - start:
                    return crc, packed, size, at + found.start() + form.size
        kept = min(len(held), _DESCRIPTOR64.size - 1)
        at, held = (at + len(held) - kept, held[len(held) - kept :]) if piece else (length, b"")
    return 0, length - start, 0, length
