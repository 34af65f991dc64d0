"""Files below folders, met one by one in the order of their paths: what is named twice, hidden, or no file is said, not met."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from structurer.errors import InputError
from structurer.finding.found import EXCLUDED, HIDDEN, Aside, Choice, is_hidden, unreadable

MET: Final = "it was met before under another name"
LINK: Final = "a link to what stands beside it"
OURS: Final = "members of archives are stored there"
NO_FILE: Final = "this is a device or a pipe, not a file"


class Met(NamedTuple):
    """A file: its path as named or walked, the same below the folder that was named, whether it was named itself, and its status."""

    path: Path
    below: str
    outright: bool
    status: os.stat_result


class _Folder(NamedTuple):
    """A folder to enter; `below` is nothing for the one that was named, else it ends in "/"."""

    path: str
    below: str


@dataclass(slots=True)
class Walk:
    """One walk over all paths that a person names. Links are followed, and every folder and file is met once, under whichever name is
    first; of a link and what stands beside it, the latter is. What is remembered of a file is one number."""

    choice: Choice
    never: Path  # a folder that is not searched: where members of archives are stored
    _seen: set[int] = field(default_factory=set)
    _hidden: int = 0  # below the present path

    def along(self, path: Path) -> Iterator[Met | Aside | InputError]:
        """The path, if it is a file, or all files below it."""
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            yield unreadable(error, str(path))
            return
        if stat.S_ISDIR(status.st_mode):
            yield from self._below(_Folder(str(path), ""), status)
        elif not stat.S_ISREG(status.st_mode):
            yield InputError(NO_FILE, where=str(path), remedy="save what it gives in a file and name that")
        elif self.choice.excluded(path.name):
            yield Aside(str(path), EXCLUDED)
        else:
            yield Met(path, path.name, True, status) if self._is_new(status) else Aside(str(path), MET)

    def _below(self, root: _Folder, status: os.stat_result) -> Iterator[Met | Aside | InputError]:
        """Depth first, but not by recursion: folders may be nested as deeply as paths may be long."""
        if not self._is_new(status):
            yield Aside(root.path, MET)
            return
        self._hidden, entered = 0, [self._inside(root)]
        while entered:
            found = next(entered[-1], None)
            if found is None:
                entered.pop()
            elif isinstance(found, _Folder):
                entered.append(self._inside(found))
            else:
                yield found
        if self._hidden:
            yield Aside(root.path, HIDDEN, self._hidden)

    def _inside(self, folder: _Folder) -> Iterator[Met | Aside | InputError | _Folder]:
        try:
            with os.scandir(folder.path) as entries:
                links = {entry.name: entry.is_symlink() for entry in entries}
        except OSError as error:
            yield unreadable(error, folder.path)
            return
        shown = sorted(name for name in links if not is_hidden(name))
        self._hidden += len(links) - len(shown)
        for name in shown:
            yield self._entry(folder, name, links[name])

    def _entry(self, folder: _Folder, name: str, is_link: bool) -> Met | Aside | InputError | _Folder:
        path, below = os.path.join(folder.path, name), f"{folder.below}{name}"
        try:
            status = os.stat(path)
        except OSError as error:
            return Aside(path, reason) if (reason := self.choice.reason(below)) else unreadable(error, path)
        is_folder = stat.S_ISDIR(status.st_mode)
        if reason := self._reason(below, is_folder):
            return Aside(path, reason)
        if not is_folder and not stat.S_ISREG(status.st_mode):
            return Aside(path, NO_FILE)
        if is_folder and (is_link or name == self.never.name) and os.path.realpath(path) == os.path.realpath(self.never):
            return Aside(path, OURS)
        if is_link and self._stands_beside(path, folder, is_folder):
            return Aside(path, LINK)
        if not self._is_new(status):
            return Aside(path, MET)
        return _Folder(path, f"{below}/") if is_folder else Met(Path(path), below, False, status)

    def _reason(self, below: str, is_folder: bool) -> str:
        if is_folder:
            return EXCLUDED if self.choice.excluded(f"{below}/") else ""
        return self.choice.reason(below)

    def _stands_beside(self, link: str, folder: _Folder, is_folder: bool) -> bool:
        """Whether a link leads to a file or folder beside it that is met."""
        parent, name = os.path.split(os.path.realpath(link))
        beside = parent == os.path.realpath(folder.path) and not is_hidden(name)
        return beside and not self._reason(f"{folder.below}{name}", is_folder)

    def _is_new(self, status: os.stat_result) -> bool:
        """Whether it is the first time; always for what has no number on its file system, or took over that of a deleted file."""
        if not status.st_ino:
            return True
        version = () if stat.S_ISDIR(status.st_mode) else (status.st_mtime_ns, status.st_size)
        number = hash((status.st_dev, status.st_ino, *version))
        is_new = number not in self._seen
        self._seen.add(number)
        return is_new
