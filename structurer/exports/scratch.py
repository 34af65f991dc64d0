"""Files that a library writes for itself (a workbook, a database): made in a folder beside their place, whole or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from structurer.atomic import NAME_LENGTH


@contextmanager
def room(path: Path) -> Iterator[Path]:
    """A folder beside `path` for what is needed while it is made; it vanishes with all that is in it. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name[:NAME_LENGTH]}.", suffix=".tmp", dir=path.parent)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def making(path: Path) -> Iterator[Path]:
    """The place at which to make the file that takes the place of `path` when the block ends well, in a room of its own; all vanishes when
    the block does not end well. Raises OSError."""
    with room(path) as folder:
        made = folder / "made"
        yield made
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(made, path)
