"""What a person names becomes what a run works on: documents with their short names, and what is left aside; at once, or as it comes."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from structurer.errors import InputError
from structurer.finding.discover import discovered
from structurer.finding.found import Aside, Found, unreadable
from structurer.finding.inbox import inbox
from structurer.intake.ingest import SUFFIXES
from structurer.store.runs import LeftAside, Located, State

LOOK_S: Final = 1.0  # between two looks into an inbox


def refuse_missing(paths: Sequence[Path]) -> None:
    """Raises InputError for the first path that leads nowhere: before a run is begun."""
    for path in paths:
        try:
            path.stat()
        except (OSError, ValueError) as error:
            raise unreadable(error, str(path)) from error


def gathered(paths: Sequence[Path], include: Sequence[str], exclude: Sequence[str], blobs: Path) -> Iterator[Located | LeftAside]:
    """All documents below the paths, in the order of their names. Raises UsageError for patterns that are none."""
    found = discovered(paths, suffixes=SUFFIXES, include=include, exclude=exclude, blobs=blobs)
    roots = _roots(paths)
    return (_gathered(one, roots) for one in found)


def arriving(
    paths: Sequence[Path], include: Sequence[str], exclude: Sequence[str], blobs: Path, ending: threading.Event
) -> Iterator[Located | LeftAside | None]:
    """Documents as they come, until the run is ending; None after each look, so that what has come is written down."""
    box, roots = inbox(paths, suffixes=SUFFIXES, include=include, exclude=exclude, blobs=blobs), _roots(paths)
    while not ending.is_set():
        for one in box.arrived(monotonic()):
            yield _gathered(one, roots)
        yield None
        ending.wait(LOOK_S)


def _roots(paths: Sequence[Path]) -> tuple[str, ...]:
    """What the names of documents begin with and their short names do not: a folder that is the only path; else the folder around a path
    whose last name no other has."""
    if len(paths) == 1 and paths[0].is_dir():
        return (f"{str(paths[0]).rstrip('/')}/",)
    alike = Counter(path.name for path in paths)
    return tuple(f"{str(path.parent).rstrip('/')}/" for path in paths if alike[path.name] == 1)


def _gathered(one: Found | Aside | InputError, roots: tuple[str, ...]) -> Located | LeftAside:
    if isinstance(one, Found):
        # absolute: whoever works on it may stand elsewhere
        return Located(_whole(one.name), _short(one.name, roots), os.path.abspath(one.path), one.sha256, one.size)
    if isinstance(one, Aside):
        return LeftAside(_whole(one.name), State.SKIPPED, one.reason if one.files == 1 else f"{one.files} files: {one.reason}")
    return LeftAside(_whole(one.where), State.UNREADABLE, one.what, one.remedy)


def _whole(name: str) -> str:
    """The same file has the same name, from wherever it was named."""
    return name if os.path.isabs(name) else f"{Path.cwd()}/{name}"


def roots_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """What the names of all documents at and below the paths are, or begin with."""
    return tuple(_whole(str(path)) if path != Path() else str(Path.cwd()) for path in paths)


def _short(name: str, roots: tuple[str, ...]) -> str:
    return name.removeprefix(next((root for root in roots if name.startswith(root)), ""))
