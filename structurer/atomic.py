"""Files and folders that are either whole or not there: written beside their place, then moved into it in one step.

A reader, a crash or Ctrl-C at any moment sees the old state or the new one, never half of either (POSIX rename(2)).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

ENCODING_ERRORS = "backslashreplace"  # a lone surrogate (from a broken PDF or file name) is shown escaped, not fatal
NAME_LENGTH = 60  # characters, which even at four bytes each leaves room in the 255 bytes of a file name


def safe_name(text: str) -> str:
    """A name from a stranger's schema as (part of) a file name: no separators, no leading dot, bounded."""
    return re.sub(r"[^\w.-]+|^\.+", "_", text)[:NAME_LENGTH] or "_"


def write_text(path: Path, text: str) -> None:
    """Replace the file's content by `text`, in UTF-8."""
    with writing(path) as file:
        file.write(text)


def write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet, whole; False, and nothing is written, where it is. Raises OSError."""
    try:
        with writing(path, is_new=True) as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def write_bytes(path: Path, raw: bytes) -> None:
    """Replace the file's content by `raw`. Raises OSError."""
    beside = _beside(path)
    try:
        beside.write_bytes(raw)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, *, encoding: str = "utf-8", newline: str | None = "\n", is_new: bool = False) -> Iterator[TextIO]:
    """A text file to write to that takes the place of `path` when the block ends well, and vanishes when it does not. Raises OSError, and
    FileExistsError where it `is_new` and something stands there."""
    beside = _beside(path)
    try:
        with beside.open("w", encoding=encoding, newline=newline, errors=ENCODING_ERRORS) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        (os.link if is_new else os.replace)(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """A folder to fill that becomes `folder` (which must not exist) when the block ends well, and vanishes when it does not."""
    beside = _beside(folder)
    beside.mkdir(parents=True)
    try:
        yield beside
        os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sync_folder(folder.parent)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:NAME_LENGTH]}.{os.getpid()}.tmp")


def sync_folder(folder: Path) -> None:
    """Makes the new name durable; platforms without folder handles (Windows) cannot and need not."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
