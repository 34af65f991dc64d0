"""Compound files ("OLE", [MS-CFB]) made for the tests: a tree of storages (dicts) and streams (bytes), version 3, sectors of 512 bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

SECTOR, MINI, CUTOFF = 512, 64, 4096
END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
NONE = 0xFFFFFFFF

Tree = Mapping[str, "bytes | Tree"]


@dataclass
class Entry:
    name: str
    kind: int  # 1 storage, 2 stream, 5 root
    raw: bytes = b""
    child: int = NONE
    right: int = NONE
    start: int = END
    size: int = 0


@dataclass
class Maker:
    entries: list[Entry] = field(default_factory=list)
    sectors: list[bytes] = field(default_factory=list)
    fat: list[int] = field(default_factory=list)
    mini: bytes = b""
    minifat: list[int] = field(default_factory=list)

    def add(self, tree: Tree) -> int:
        """The entries of a storage, chained to the right; the index of the first."""
        first, before = NONE, None
        for name, held in tree.items():
            index = len(self.entries)
            entry = Entry(name, 2 if isinstance(held, bytes) else 1, held if isinstance(held, bytes) else b"")
            self.entries.append(entry)
            if before is None:
                first = index
            else:
                before.right = index
            before = entry
            if not isinstance(held, bytes):
                entry.child = self.add(held)
        return first

    def place(self, entry: Entry) -> None:
        entry.size = len(entry.raw)
        if 0 < entry.size < CUTOFF:
            count = -(-entry.size // MINI)
            entry.start = len(self.minifat)
            self.minifat += [*range(entry.start + 1, entry.start + count), END]
            self.mini += entry.raw.ljust(count * MINI, b"\0")
        elif entry.size:
            entry.start = self.chain(entry.raw)

    def chain(self, raw: bytes) -> int:
        start, count = len(self.sectors), -(-len(raw) // SECTOR)
        self.sectors += [raw[place * SECTOR : (place + 1) * SECTOR].ljust(SECTOR, b"\0") for place in range(count)]
        self.fat += [*range(start + 1, start + count), END]
        return start

    def directory(self) -> bytes:
        made = b""
        for entry in self.entries:
            name = entry.name.encode("utf-16-le") + b"\0\0"
            made += name.ljust(64, b"\0") + struct.pack("<HBBIII", len(name), entry.kind, 1, NONE, entry.right, entry.child)
            made += bytes(36) + struct.pack("<IQ", entry.start, entry.size)
        return made.ljust(-(-len(made) // SECTOR) * SECTOR, b"\0")


def compound(tree: Tree) -> bytes:
    """A compound file of this tree."""
    maker = Maker([Entry("Root Entry", 5)])
    maker.entries[0].child = maker.add(tree)
    for entry in maker.entries[1:]:
        maker.place(entry)
    root = maker.entries[0]
    root.size, root.start = len(maker.mini), maker.chain(maker.mini) if maker.mini else END
    minifat = struct.pack(f"<{len(maker.minifat)}I", *maker.minifat)
    minifat = minifat.ljust(-(-len(minifat) // SECTOR) * SECTOR, b"\xff")
    minifat_start = maker.chain(minifat) if minifat else END
    directory_start = maker.chain(maker.directory())
    fat_count = 1
    while fat_count * (SECTOR // 4) < len(maker.fat) + fat_count:
        fat_count += 1
    fat_start = len(maker.sectors)
    fat = [*maker.fat, *[FAT] * fat_count]
    packed = struct.pack(f"<{len(fat)}I", *fat).ljust(fat_count * SECTOR, b"\xff")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIII", 0, fat_count, directory_start, 0, CUTOFF)
    header += struct.pack("<IIII", minifat_start, len(minifat) // SECTOR, END, 0)
    header += struct.pack("<109I", *range(fat_start, fat_start + fat_count), *[FREE] * (109 - fat_count))
    return header + b"".join(maker.sectors) + packed


def properties(header: int, **fixed: int) -> bytes:
    """A stream of properties: a header of so many bytes, then whole numbers by the hexadecimal names of their properties ("p3FFD")."""
    return bytes(header) + b"".join(struct.pack("<HHIII", 3, int(name[1:], 16), 6, value, 0) for name, value in fixed.items())


def outlook(inner: Tree, header: int = 32, **fixed: int) -> dict[str, bytes | Tree]:
    """The storage of a message; strings are written as `wide` or `narrow` makes them."""
    return {"__properties_version1.0": properties(header, **fixed), **inner}


def wide(pid: str, text: str) -> dict[str, bytes]:
    return {f"__substg1.0_{pid}001F": text.encode("utf-16-le")}


def narrow(pid: str, raw: bytes) -> dict[str, bytes]:
    return {f"__substg1.0_{pid}001E": raw}


def binary(pid: str, raw: bytes) -> dict[str, bytes]:
    return {f"__substg1.0_{pid}0102": raw}
