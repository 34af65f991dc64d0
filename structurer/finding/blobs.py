"""Members of archives as files named by their content: BLOBS/<sha256[:2]>/<sha256><suffix>, each whole or not there.

What a crash leaves are files that begin with a dot (`sweep`). A blob is not forced to the disk, which takes longer than to read it (4 ms
against 0.05 for a small one): if a loss of power tears it, that is found out when it is stored again, and it is replaced.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from structurer.errors import InputError

MOST_MEMBER_BYTES: Final = 2_000_000_000  # as many as the largest file that is read
_numbers = count()  # of the files that are being written by this process


class Blob(NamedTuple):
    """Where bytes were stored, their SHA-256 in hex and their number."""

    path: Path
    sha256: str
    size: int


def stored(pieces: Iterable[bytes], folder: Path, suffix: str, where: str) -> Blob:
    """The pieces as a blob; one that is there whole is not written again. Raises InputError for too many bytes, or a full disk.

    What `pieces` raises passes through, and nothing is left behind.
    """
    beside = folder / f".{_machine()}.{os.getpid()}.{next(_numbers)}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _settled(beside, *_written(beside, pieces, where), suffix)
    except OSError as error:
        what = f"it cannot be stored ({error.strerror or error})"
        raise InputError(what, where=where, remedy=f"make room in {folder}, or name another folder") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def sweep(folder: Path, *, own: bool = False) -> None:
    """Remove what processes of this machine were writing when they died, and this one too if it writes no more."""
    for beside in folder.glob(f".{glob.escape(_machine())}.*.tmp"):
        process = int(beside.name.split(".")[-3])
        if (own and process == os.getpid()) or not _lives(process):
            with suppress(OSError):
                beside.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another person's
        return True
    return True


def _machine() -> str:
    """Its name: a folder may be seen by several."""
    return re.sub(r"[^\w-]", "_", socket.gethostname())


def _written(beside: Path, pieces: Iterable[bytes], where: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with beside.open("xb") as file:
        for piece in pieces:
            size += len(piece)
            if size > MOST_MEMBER_BYTES:
                what = f"it unpacks to more than the {MOST_MEMBER_BYTES:,} bytes that a file may have"
                raise InputError(what, where=where, remedy="unpack it yourself and split it into smaller files")
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest(), size


def _settled(beside: Path, sha256: str, size: int, suffix: str) -> Blob:
    path = beside.parent / sha256[:2] / f"{sha256}{suffix}"
    if not _holds(path, sha256):
        path.parent.mkdir(exist_ok=True)
        os.replace(beside, path)
    return Blob(path, sha256, size)


def _holds(path: Path, sha256: str) -> bool:
    """Whether a blob is there and is what its name says; after a loss of power it may not be."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False
