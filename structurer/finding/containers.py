"""Archives as folders: the members of zip and tar files, and what is in a compressed file, each stored as a blob that can be read again.

Nothing is written by a name that an archive gives, and nothing it says of its sizes is believed: what comes out is counted as it comes,
over all archives in an archive together. What is refused is said, and what came before it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from structurer.errors import InputError
from structurer.finding.blobs import stored
from structurer.finding.found import CONTAINERS, HIDDEN, INSIDE, UNOPENED, ZIP, Aside, Choice, Found, is_hidden, suffix_of, unreadable
from structurer.finding.inflate import AGAIN, BZIP2, GZIP, TRUST, XZ, Allowance, ExhaustedError, bzip2, counted, gzip, whole, xz
from structurer.finding.membernames import Labels, label
from structurer.finding.tars import BLOCK, Tape, is_tar
from structurer.finding.zipentries import EMPTY, MARK, Entry, TornError, listed, scattered
from structurer.finding.zips import PIECE, Opening

MOST_BYTES: Final = 100_000_000_000  # bytes that come out of an archive and all archives in it
MOST_GROWTH: Final = 200  # bytes that come out for each byte of the archive, once there are more than `FREE_GROWTH`
FREE_GROWTH: Final = 200_000_000  # bytes
MOST_MEMBERS: Final = 500_000  # of an archive and all archives in it
MOST_NESTED: Final = 4  # archives in each other; "a.tar.gz" is one

_OPC: Final = "[content_types].xml"  # is in each office file, which also is a zip (ECMA-376 part 2, 7.2)
_DOCUMENT_PARTS: Final = (_OPC, "mimetype", "ofd.xml")  # likewise: Office, OpenDocument and EPUB, OFD (GB/T 33190)
_STREAMS: Final = {GZIP: gzip, BZIP2: bzip2, XZ: xz}
_INNER: Final = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}
_UNOPENED_MARKS: Final = {b"7z\xbc\xaf\x27\x1c": ".7z", b"Rar!\x1a\x07": ".rar"}


class Kind(Enum):
    """What a file is as an archive."""

    NONE = "none"
    ZIP = "zip"
    TAR = "tar"
    STREAM = "compressed"


def kind_of(path: Path, suffix: str, where: str) -> Kind:
    """Of which kind an archive is, by its bytes; NONE for what is a document.

    `suffix`, in lower case, says whether it has to be an archive. Raises InputError for archives that nothing here opens, files that are
    named as archives and are none, and OSError.
    """
    with path.open("rb") as file:
        head = file.read(BLOCK)
        unopened = next((name for mark, name in _UNOPENED_MARKS.items() if head.startswith(mark)), suffix)
        if unopened in UNOPENED:
            raise _unopened(unopened, where)
        if head.startswith(tuple(_STREAMS)):
            return Kind.STREAM
        if is_tar(head):
            return Kind.TAR
        if head.startswith((MARK, EMPTY)) or suffix == ZIP:
            return _kind_of_zip(file, head, suffix, where)
    if suffix in CONTAINERS:
        raise _misnamed(suffix, where)
    return Kind.NONE


def _kind_of_zip(file: BinaryIO, head: bytes, suffix: str, where: str) -> Kind:
    """A directory makes it one, whatever stands before the members, such as a program that unpacks them."""
    parts = (_OPC,) if suffix in CONTAINERS else _DOCUMENT_PARTS
    try:
        return Kind.NONE if listed(file).has(parts) else Kind.ZIP
    except TornError as error:
        if suffix not in CONTAINERS:
            return Kind.NONE
        if head.startswith(MARK):  # members may be found without it
            return Kind.ZIP
        raise _misnamed(suffix, where) from error
    except InputError as error:
        raise _at(where, error) from error


def _misnamed(suffix: str, where: str) -> InputError:
    remedy = f"{AGAIN}, or give it the suffix of its kind"
    return InputError(f"the file is named {suffix} but is no such archive", where=where, remedy=remedy)


def _unopened(suffix: str, where: str) -> InputError:
    remedy = "unpack it yourself and name the folder, or pack it again as zip"
    return InputError(f"archives of this kind are not opened ({suffix[1:]})", where=where, remedy=remedy)


def unpacked(archive: Path, kind: Kind, shown: str, below: str, choice: Choice, blobs: Path) -> Iterator[Found | Aside | InputError]:
    """The wanted members of an archive, also of archives in it, as they come; errors are among them, and an archive that asks for too much
    ends with one.

    `shown` is its name to people, `below` its path for the patterns of `choice`. Raises OSError where the archive cannot be opened.
    """
    status = archive.stat()
    most = min(MOST_BYTES, max(FREE_GROWTH, MOST_GROWTH * status.st_size))
    unpacking = _Unpacking(choice, blobs, Allowance(shown, most, MOST_MEMBERS), status.st_mtime_ns)
    try:
        yield from _Archive(unpacking, archive, shown, below, 1).members(kind)
    except ExhaustedError as error:
        yield error
    now = archive.stat()
    if (now.st_size, now.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
        yield InputError("the archive changed while it was read", where=shown, remedy="wait until it is written, and name it again")


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """What holds for an archive and all archives in it."""

    choice: Choice
    blobs: Path
    allowance: Allowance
    modified: int


@dataclass(slots=True)
class _Archive:
    """One archive, at a depth of nesting that counts from 1."""

    unpacking: _Unpacking
    path: Path
    shown: str
    below: str
    depth: int
    labels: Labels = field(default_factory=Labels)
    hidden: int = 0

    def members(self, kind: Kind) -> Iterator[Found | Aside | InputError]:
        """What is in it. Raises ExhaustedError."""
        read = {Kind.ZIP: self._zip, Kind.TAR: self._tar, Kind.STREAM: self._stream}[kind]
        with self.path.open("rb") as file:
            try:
                yield from read(file)
            except ExhaustedError:
                raise
            except InputError as error:
                yield _at(self.shown, error)
        if self.hidden:
            yield Aside(self.shown, HIDDEN, self.hidden)

    def _zip(self, file: BinaryIO) -> Iterator[Found | Aside | InputError]:
        entries: Iterator[Entry]
        try:
            directory = listed(file)
            entries = iter(directory)
            if directory.is_shared:
                raise InputError("its members share bytes, by which few of them become very many", remedy=TRUST)
        except TornError as error:
            what = f"the archive is damaged: {error.what}; members were read as far as they follow on each other"
            yield InputError(what, where=self.shown, remedy=error.remedy)
            entries = scattered(file)
        for entry in entries:
            aside = "a link: what it leads to is in the archive under its own name, or is not in it" if entry.is_link else ""
            pieces = counted(Opening(file, entry).pieces(), self.unpacking.allowance)
            yield from self._member(entry.name, entry.is_folder, aside, pieces)

    def _tar(self, file: BinaryIO) -> Iterator[Found | Aside | InputError]:
        return self._tape(counted(_pieces(file), self.unpacking.allowance))

    def _tape(self, pieces: Iterator[bytes]) -> Iterator[Found | Aside | InputError]:
        tape = Tape(pieces)
        for header in tape.headers():
            yield from self._member(header.name, header.is_folder, header.aside, tape.pieces())

    def _stream(self, file: BinaryIO) -> Iterator[Found | Aside | InputError]:
        mark = next(mark for mark in _STREAMS if file.read(len(mark)) == mark or file.seek(0))
        file.seek(0)
        pieces = counted(whole(_pieces(file), _STREAMS[mark], mark), self.unpacking.allowance)
        head = b""
        while len(head) < BLOCK and (piece := next(pieces, b"")):
            head += piece
        following = _behind(head, pieces)
        if is_tar(head):
            yield from self._tape(following)
        else:
            yield from self._member(_inner_name(self.below), False, "", following)

    def _member(self, name: str, is_folder: bool, aside: str, pieces: Iterator[bytes]) -> Iterator[Found | Aside | InputError]:
        """A member, if it is wanted. Raises ExhaustedError."""
        self.unpacking.allowance.enter()
        if is_folder:
            return
        plain = label(name)
        if any(map(is_hidden, plain.split("/"))):
            self.hidden += 1
            return
        given = self.labels.given(plain)
        shown, below = f"{self.shown}{INSIDE}{given}", f"{self.below}/{given}"
        if reason := aside or self.unpacking.choice.reason(below):
            yield Aside(shown, reason)
            return
        try:
            yield from self._wanted(shown, below, pieces)
        except ExhaustedError:
            raise
        except InputError as error:
            yield _at(shown, error)

    def _wanted(self, shown: str, below: str, pieces: Iterator[bytes]) -> Iterator[Found | Aside | InputError]:
        suffix = suffix_of(below)
        if suffix in UNOPENED:
            raise _unopened(suffix, shown)
        blob = stored(pieces, self.unpacking.blobs, suffix, shown)
        kind = kind_of(blob.path, suffix, shown) if suffix in CONTAINERS else Kind.NONE
        if kind is Kind.NONE:
            yield Found(shown, blob.path, blob.sha256, blob.size, self.unpacking.modified)
        elif self.depth == MOST_NESTED:
            raise InputError(f"more than {MOST_NESTED} archives are in each other", remedy=TRUST)
        else:
            yield from _Archive(self.unpacking, blob.path, shown, below, self.depth + 1).members(kind)


def _at(where: str, error: InputError) -> InputError:
    """An error with its place."""
    return error if error.where else InputError(error.what, where=where, remedy=error.remedy)


def _inner_name(below: str) -> str:
    """What a compressed file is called when it is not: "a.csv" for "a.csv.gz", "a.tar" for "a.tgz"."""
    path = PurePosixPath(below)
    return path.with_suffix(_INNER.get(path.suffix.lower(), "")).name


def _behind(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    try:
        yield from iter(partial(file.read, PIECE), b"")
    except OSError as error:
        raise unreadable(error, "") from error
