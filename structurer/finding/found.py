"""What is found on the way to documents: files, files left aside, and what a person wants of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from pathspec import GitIgnoreSpec

from structurer.errors import InputError, UsageError

INSIDE: Final = "!"  # parts the name of an archive from the names in it: "archive.zip!folder/member.pdf"
ZIP: Final = ".zip"
CONTAINERS: Final = (ZIP, ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz")
UNOPENED: Final = (".7z", ".rar")  # archives that nothing here opens
HIDDEN: Final = "hidden files and folders, and what Office, Windows and macOS write beside files of people"
EXCLUDED: Final = "a pattern excludes it"
_NOISE: Final = ("thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "system volume information")  # of Windows and macOS; lower case
_LOCK: Final = "~$"  # begins the name of the file by which Office says that a document is open


class UnopenedError(InputError):
    """A file that the system does not open now; later it may."""


class Found(NamedTuple):
    """A file to read: what a person calls it, where its bytes are (the file itself, or its blob), their SHA-256 in hex, how many they are,
    and when the file, or the archive that it came in, was last changed (nanoseconds since 1970)."""

    name: str
    path: Path
    sha256: str
    size: int
    modified: int


class Aside(NamedTuple):
    """What is left aside by its kind or by a person's wish, and why; several `files` at once where they are not named one by one."""

    name: str
    reason: str
    files: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files below a folder, or in an archive, are wanted: those of the suffixes (lower case) that a pattern of `include` matches (any
    file, if there is none) and none of `exclude`.

    Patterns are those of gitignore(5), matched without regard to case: "*.pdf" and "drafts/" at any depth, "/a/**/*.xlsx" and "a/*.pdf"
    from the folder that was named, "!kept.pdf" takes back what a pattern before it matches. An archive counts as a folder.
    """

    suffixes: tuple[str, ...]
    include: GitIgnoreSpec
    exclude: GitIgnoreSpec

    def reason(self, below: str) -> str:
        """Why the file at this path below the folder is left aside; nothing if it is wanted."""
        suffix = suffix_of(below)
        is_archive = suffix in CONTAINERS or suffix in UNOPENED
        if self.excluded(below) or (is_archive and self.excluded(f"{below}/")):
            return EXCLUDED
        if is_archive:
            return ""
        if suffix not in self.suffixes:
            return f"{suffix or 'no suffix'}: not of a kind that can be read"
        return "" if not self.include.patterns or _matches(self.include, below) else "no pattern includes it"

    def excluded(self, below: str) -> bool:
        """Whether a file, or a folder (which ends in "/"), is excluded."""
        return bool(self.exclude.patterns) and _matches(self.exclude, below)


def chosen(suffixes: Sequence[str], include: Sequence[str], exclude: Sequence[str]) -> Choice:
    """The choice that a person states. Raises UsageError for patterns that are none."""
    return Choice(tuple(suffix.lower() for suffix in suffixes), _spec(include), _spec(exclude))


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines([pattern.lower() for pattern in patterns], backend="simple")
    except ValueError as error:
        raise UsageError(
            f"a pattern cannot be understood ({error})", remedy="write it as in a .gitignore file: '*.pdf', 'drafts/'"
        ) from error


def _matches(spec: GitIgnoreSpec, below: str) -> bool:
    return spec.match_file(below.lower().replace("\n", " "))  # its wildcards stop at the ends of lines


def suffix_of(name: str) -> str:
    """In lower case."""
    return PurePosixPath(name).suffix.lower()


def is_hidden(name: str) -> bool:
    """Whether the name of a file or folder says that it is not meant for people."""
    return name.startswith((".", _LOCK)) or name.lower() in _NOISE


def unreadable(error: OSError | ValueError, where: str) -> UnopenedError:
    """What a person is told of a file that cannot be opened."""
    if isinstance(error, PermissionError):
        return UnopenedError("the file may not be read", where=where, remedy="give yourself the right to read it: chmod u+r")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        if error.filename and os.path.islink(error.filename):
            return UnopenedError("the link leads nowhere", where=where, remedy="remove it, or name the file that it should lead to")
        return UnopenedError("there is no such file", where=where, remedy="check the name and the folder")
    reason = getattr(error, "strerror", None) or str(error)
    return UnopenedError(f"the file cannot be opened ({reason})", where=where, remedy="check the name, then copy the file to another place")
