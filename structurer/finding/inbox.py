"""An inbox: folders into which files come while they are watched, each given once it is whole.

A file is whole when its size and the time of its last change were the same at two looks. That needs no notice by the system, which network
folders do not give. Nothing here waits: the caller says when to look, and what time it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from structurer.errors import InputError
from structurer.finding.discover import opened
from structurer.finding.found import Aside, Choice, Found, UnopenedError, chosen, suffix_of
from structurer.finding.walk import Met, Walk

SETTLED: Final = 2.0  # seconds between two looks at the same file: file systems know the time of a change to two seconds or better
UNFINISHED: Final = (".part", ".partial", ".tmp", ".crdownload", ".download", ".filepart")  # suffixes that a program takes away at the end
MOST_REMEMBERED: Final = 1_000_000  # files, also those that are gone: a network folder may vanish and come back


class _Mark(NamedTuple):
    """By what a change of a file is known without reading it."""

    size: int
    modified: int
    number: int


@dataclass(slots=True)
class _Seen:
    """A file as it was first seen so, at a time in seconds; `sha256` is that of the content last given under its name."""

    mark: _Mark
    since: float
    sha256: str = ""
    given: bool = False


@dataclass(slots=True)
class Inbox:
    """The paths that are watched, and what has come so far. Files that are there from the beginning arrive like the others."""

    paths: tuple[Path, ...]
    choice: Choice
    blobs: Path
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _said: frozenset[str] = frozenset()
    waiting: int = 0  # files that were not whole at the last look

    def arrived(self, now: float) -> Iterator[Found | Aside | InputError]:
        """What has come and is whole, at a time in seconds (of any clock that runs forward): a file again when it has other content.

        What is left aside or cannot be read is said once, and again when it has been otherwise in between. A file that the system does not
        open is tried again.
        """
        said, self.waiting = set[str](), 0
        walk = Walk(self.choice, self.blobs)
        for path in self.paths:
            for met in walk.along(path):
                if _is_unfinished(met):
                    self.waiting += 1
                    continue
                for found in self._of(met, now) if isinstance(met, Met) else (met,):
                    if isinstance(found, Found) or str(found) not in self._said:
                        yield found
                    if not isinstance(found, Found):
                        said.add(str(found))
        self._said = frozenset(said)
        self._forget()

    def _is_whole(self, met: Met, now: float) -> bool:
        """Whether a file is to be given now."""
        mark = _Mark(met.status.st_size, met.status.st_mtime_ns, met.status.st_ino)
        seen = self._seen.pop(str(met.path), None)
        if seen is None or seen.mark != mark:
            seen = _Seen(mark, now, seen.sha256 if seen else "")
        self._seen[str(met.path)] = seen  # at the end: those seen last are forgotten last
        self.waiting += not seen.given and now - seen.since < SETTLED
        return not seen.given and now - seen.since >= SETTLED

    def _of(self, met: Met, now: float) -> Iterator[Found | Aside | InputError]:
        if not self._is_whole(met, now):
            return
        seen = self._seen[str(met.path)]
        seen.given = True
        for found in opened(met, self.choice, self.blobs):
            if isinstance(found, UnopenedError):
                seen.given = False
            elif isinstance(found, Found) and found.path == met.path:
                is_same, seen.sha256 = found.sha256 == seen.sha256, found.sha256
                if is_same:
                    continue
            yield found

    def _forget(self) -> None:
        for name in list(self._seen)[: max(0, len(self._seen) - MOST_REMEMBERED)]:
            del self._seen[name]


def _is_unfinished(met: Met | Aside | InputError) -> bool:
    name = met.below if isinstance(met, Met) else met.name if isinstance(met, Aside) else ""
    return suffix_of(name) in UNFINISHED


def inbox(
    paths: Sequence[Path], *, suffixes: Sequence[str], include: Sequence[str] = (), exclude: Sequence[str] = (), blobs: Path
) -> Inbox:
    """An inbox of which nothing was given yet; arguments as for `discover.discovered`. Raises UsageError for patterns that are none."""
    return Inbox(tuple(paths), chosen(suffixes, include, exclude), blobs)
