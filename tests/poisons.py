"""A host whose reading of some documents goes wrong as a parser might make it: by their names."""

import os
import signal
import time
from pathlib import Path

from structurer.archive import hosted
from structurer.archive.hosting import Work
from structurer.document import Document
from structurer.intake.ingest import Intake, read

HUGE = 20_000_000_000  # bytes


def load(work: Work):
    return hosted.answering(hosted.Host(work, read=lambda path, source: _poisonous(path, source, work.intake)))


def _poisonous(path: Path, source: str, intake: Intake) -> Document:
    if path.stem.startswith("kills"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.stem.startswith("hangs"):
        time.sleep(3600)
    if path.stem.startswith("eats"):
        bytearray(HUGE)
    return read(path, intake, source)
