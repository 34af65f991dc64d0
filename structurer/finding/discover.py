"""What is found on the paths that a person names: files, files of folders, members of archives, each with the SHA-256 of its bytes.

    discovered([Path("reports")], suffixes=(".pdf", ".docx"), exclude=("drafts/",), blobs=Path("run/blobs"))

It is a generator: the first file is there before the last is found, and what is in memory does not grow with the bytes of the files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from structurer.errors import InputError
from structurer.finding.containers import Kind, kind_of, unpacked
from structurer.finding.found import CONTAINERS, EXCLUDED, UNOPENED, Aside, Choice, Found, chosen, suffix_of, unreadable
from structurer.finding.walk import MET, Met, Walk

__all__ = ["Aside", "Found", "discovered", "opened"]


def discovered(
    paths: Sequence[Path], *, suffixes: Sequence[str], include: Sequence[str] = (), exclude: Sequence[str] = (), blobs: Path
) -> Iterator[Found | Aside | InputError]:
    """The files to read, in the order of the paths, and below each in that of names; what is left aside and what cannot be read among them.

    Below folders and in archives, files are wanted that have one of the suffixes and that the patterns leave (`found.Choice`). A file that
    is named itself is tried whatever its suffix, unless a pattern excludes its name. Links are followed, and every file comes once; hidden
    files are counted. Archives (zip, tar, compressed files) are opened as folders, their members stored below the folder `blobs`
    (`containers`). Files of the same content come each under its own name: the caller joins them by their SHA-256.

    Raises UsageError for patterns that are none.
    """
    choice = chosen(suffixes, include, exclude)
    return _discovered(paths, choice, blobs)


def _discovered(paths: Sequence[Path], choice: Choice, blobs: Path) -> Iterator[Found | Aside | InputError]:
    walk = Walk(choice, blobs)
    for path in paths:
        others, accounted = 0, False
        for met in walk.along(path):
            for one in opened(met, choice, blobs) if isinstance(met, Met) else (met,):
                others += one.files if isinstance(one, Aside) else 0
                accounted |= not isinstance(one, Aside) or one.reason == MET or one == Aside(str(path), EXCLUDED)
                yield one
        if not accounted:
            yield _nothing_in(path, others, choice)


def opened(met: Met, choice: Choice, blobs: Path) -> Iterator[Found | Aside | InputError]:
    """A file, or what is in it if it is an archive."""
    shown = str(met.path)
    try:
        kind = _kind(met, choice, shown)
        if kind is Kind.NONE:
            yield _hashed(met.path, shown)
        else:
            yield from unpacked(met.path, kind, shown, met.below, choice, blobs)
    except InputError as error:
        yield error
    except OSError as error:
        yield unreadable(error, shown)


def _kind(met: Met, choice: Choice, shown: str) -> Kind:
    """Archives are known by their suffix, and by their bytes alone where a file is named itself that has no suffix of a document."""
    suffix = suffix_of(met.below)
    is_named_so = suffix in CONTAINERS or suffix in UNOPENED
    return kind_of(met.path, suffix, shown) if is_named_so or (met.outright and suffix not in choice.suffixes) else Kind.NONE


def _hashed(path: Path, shown: str) -> Found:
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError("the file changed while it was read", where=shown, remedy="wait until it is written, and name it again")
    return Found(shown, path, sha256, after.st_size, after.st_mtime_ns)


def _nothing_in(path: Path, others: int, choice: Choice) -> InputError:
    what = f"none of the {others:,} files there is of a kind that can be read, or wanted" if others else "there are no files"
    remedy = f"name a file, or a folder with {', '.join(choice.suffixes)} files"
    return InputError(what, where=str(path), remedy=remedy)
