"""The parts of an Office Open XML file (ECMA-376 part 2, Open Packaging Conventions), read so that no file can ask for too much.

Only parts that are asked for are inflated, in steps and against one budget. XML with a document type is refused (the standard forbids it),
so there are no entities. Names are canonical: "w:tbl" is that element of both the transitional and the strict kind of the standard.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, iterparse

from structurer.errors import InputError

MOST_MEMBERS = 20_000  # of the archive
MOST_INFLATED = 400_000_000  # bytes of all parts that are read
MOST_GROWTH = 200  # bytes unpacked for each byte of the file, once there are more than `FREE_GROWTH`
FREE_GROWTH = 50_000_000  # bytes
MOST_IN_TREE = 50_000_000  # bytes of a part that is held as a tree, which takes twelve times as much
STEP = 1 << 20  # bytes inflated at a time
SAVE_AGAIN = "open it in the program that wrote it and save it again"
WITHOUT_PASSWORD = "open it with its password and save it without one"

_PREFIXES = {
    "wordprocessingml/main": "w",
    "spreadsheetml/main": "x",
    "officeDocument/relationships": "r",
    "drawingml/main": "a",
    "drawingml/chart": "c",
    "drawingml/diagram": "dgm",
    "drawingml/spreadsheetDrawing": "xdr",
    "officeDocument/math": "m",
    "markup-compatibility": "mc",
    "package/relationships": "rel",
}
_ROOTS = ("http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/")  # transitional, strict
_OTHERS = {
    "urn:schemas-microsoft-com:vml": "v",
    "urn:schemas-microsoft-com:office:office": "o",
    "http://schemas.microsoft.com/office/word/2010/wordml": "w14",
    "http://schemas.microsoft.com/office/word/2010/wordprocessingShape": "wps",
    "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments": "tc",
}


class Relation(NamedTuple):
    """Where a part points: `kind` is the last word of the relationship's type, `target` the name of a part, or what lies outside."""

    kind: str
    target: str
    outside: bool


@dataclass(slots=True)
class _Source:
    """A part as a file to read from: what is inflated counts against the limits of the part and of the package."""

    package: Package
    name: str
    left: int
    inflating: IO[bytes]

    def read(self, size: int = STEP) -> bytes:
        try:
            piece = self.inflating.read(min(size, STEP) if size >= 0 else STEP)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise damaged(f"its part {self.name} is torn: {error}", self.package.where) from error
        self.left -= len(piece)
        self.package.left -= len(piece)
        if min(self.left, self.package.left) < 0:
            raise self.package.too_much(f"its part {self.name} unpacks to more bytes than may be read")
        return piece


@dataclass(slots=True)
class Package:
    """An opened archive. Names of parts are compared without case, as the standard says."""

    where: str
    archive: zipfile.ZipFile
    names: dict[str, str]
    left: int  # bytes that may still be inflated
    _relations: dict[str, dict[str, Relation]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.names

    def part(self, name: str) -> bytes:
        """The bytes of a part."""
        return b"".join(iter(self.source(name).read, b""))

    def source(self, name: str, most: int | None = None) -> _Source:
        """A part to read from, of at most `most` bytes, or as many as all may have; InputError where it is missing or locked."""
        member = self.names.get(name.lower())
        if member is None:
            raise damaged(f"its part {name} is missing", self.where)
        try:
            return _Source(self, name, self.left if most is None else most, self.archive.open(member))
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise damaged(f"its part {name} is torn: {error}", self.where) from error
        except (RuntimeError, NotImplementedError) as error:  # how zipfile says "needs a password" and "packed in a way I don't know"
            raise InputError(f"its part {name} cannot be unpacked ({error})", where=self.where, remedy=WITHOUT_PASSWORD) from error

    def tree(self, name: str) -> Element:
        """The root element of a part."""
        last = deque(self.elements(name, MOST_IN_TREE), maxlen=1)
        if not last:
            raise damaged(f"its part {name} is empty", self.where)
        return last[0]

    def elements(self, name: str, most: int | None = None) -> Iterator[Element]:
        """The elements of a part as they end, the root last; whoever has seen one may clear it."""
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import iterparse as guarded

        try:
            next(guarded(self.source(name, most), ("start",), forbid_dtd=True), None)  # a document type stands before the first element
            for _, element in iterparse(self.source(name, most), ("end",)):
                element.tag = canonical(element.tag)
                if element.attrib and "{" in "".join(element.attrib):
                    element.attrib = {canonical(key): value for key, value in element.attrib.items()}
                yield element
        except DefusedXmlException as error:
            raise self.too_much(f"its part {name} declares a document type, which may hide entities") from error
        except (ParseError, LookupError, ValueError) as error:
            raise damaged(f"its part {name} is no XML: {error}", self.where) from error

    def relations(self, name: str) -> dict[str, Relation]:
        """Where a part points, by the ids of its relationships; "" is the package itself."""
        if name not in self._relations:
            self._relations[name] = self._listed_relations(name)
        return self._relations[name]

    def _listed_relations(self, name: str) -> dict[str, Relation]:
        folder, _, file = name.rpartition("/")
        listing = f"{folder}/_rels/{file}.rels" if folder else f"_rels/{file}.rels"
        if listing not in self:
            return {}
        found = {}
        for entry in self.tree(listing).iter("rel:Relationship"):
            target, outside = entry.get("Target", ""), entry.get("TargetMode") == "External"
            kind = entry.get("Type", "").rpartition("/")[2]
            found[entry.get("Id", "")] = Relation(kind, target if outside else _joined(folder, target), outside)
        return found

    def related(self, name: str, kind: str) -> list[str]:
        """The parts that a part points to by relationships of one kind, in order, as far as they are there."""
        targets = (relation.target for relation in self.relations(name).values() if relation.kind == kind and not relation.outside)
        return [target for target in dict.fromkeys(targets) if target in self]

    def main(self) -> str | None:
        """The name of the part that is the document, workbook or presentation; None where the archive points to none."""
        return next(iter(self.related("", "officeDocument")), None)

    def too_much(self, what: str) -> InputError:
        """The error of a file that asks for more than any document needs."""
        return InputError(what, where=self.where, remedy="if you trust the file, open it, and save it anew or in parts")


def opened(raw: bytes, where: str) -> Package:
    """The package in a zip archive; InputError where the archive is damaged, ambiguous or claims too many members."""
    if raw.count(b"PK\x01\x02") > MOST_MEMBERS:
        what = f"the archive holds more than {MOST_MEMBERS:,} files"
        raise InputError(what, where=where, remedy="unpack it and name the files that are meant")
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise damaged(f"the archive cannot be opened: {error}", where) from error
    names: dict[str, str] = {}
    for member in archive.namelist():
        name = member.replace("\\", "/").lstrip("/").lower()
        if name in names:
            raise damaged(f"it holds two parts of the name {name}", where)
        names[name] = member
    return Package(where, archive, names, min(MOST_INFLATED, max(FREE_GROWTH, MOST_GROWTH * len(raw))))


def damaged(what: str, where: str) -> InputError:
    """The error of a file that cannot be trusted to be whole."""
    return InputError(f"the file is damaged ({what})", where=where, remedy=f"copy or download it again, or {SAVE_AGAIN}")


@lru_cache(maxsize=4096)
def canonical(tag: str) -> str:
    """ "{http://.../wordprocessingml/2006/main}tbl" is "w:tbl"; a name of an unknown vocabulary is "?:name"; one without stays."""
    if not tag.startswith("{"):
        return tag
    space, _, name = tag[1:].rpartition("}")
    root = next((root for root in _ROOTS if space.startswith(root)), None)
    vocabulary = space.removeprefix(root).replace("2006/", "", 1).replace("/2006", "", 1) if root else ""
    return f"{_PREFIXES.get(vocabulary) or _OTHERS.get(space, '?')}:{name}"


def _joined(folder: str, target: str) -> str:
    """Targets are addresses relative to the folder of the part that points; "/" stands for the package."""
    path = unquote(target.replace("\\", "/"))
    return posixpath.normpath(path if path.startswith("/") else f"/{folder}/{path}").lstrip("/")
