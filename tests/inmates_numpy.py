"""As `inmates`, with numpy, which most of them do without: it takes long to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

Ask = Callable[[bytes], bytes]


def takes(file: BinaryIO, ask: Ask, size: int) -> Iterator[bytes]:
    yield str(np.ones(size // 8)[-1]).encode()


def multiplies(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    """Large enough for the threads of a linear algebra library, which are started late."""
    yield str(np.ones((500, 500)).dot(np.ones((500, 500)))[0, 0]).encode()
