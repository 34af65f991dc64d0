"""What is known of endpoints from earlier runs: the dialect that each understands, so that it is probed once and not in every run.

A file that cannot be read or written costs a few refused requests, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from structurer import atomic
from structurer.endpoints.dialect import Dialect, Format, Limit

FILE: Final = "endpoints.json"
KEPT: Final = timedelta(days=30)  # endpoints learn, too


class Known:
    """The dialects of endpoints, in a folder's file; without a folder nothing is remembered."""

    def __init__(self, folder: Path | None, today: Callable[[], date] = date.today) -> None:
        self._file, self._today = folder / FILE if folder else None, today

    def dialect(self, where: str, model: str) -> Dialect | None:
        """What is known of a model at an address, if that is not too long ago."""
        found = self._read().get(_name(where, model), {})
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            if self._today() - date.fromisoformat(found["learned"]) <= KEPT:
                return Dialect(Format(found["format"]), bool(found["sampling"]), bool(found["logprobs"]), Limit(found["limit"]))
        return None

    def learn(self, where: str, model: str, dialect: Dialect) -> None:
        """Remember a dialect; the last one that is learnt stands."""
        if self._file is None:
            return
        entry = {
            "format": dialect.format.value,
            "sampling": dialect.sampling,
            "logprobs": dialect.logprobs,
            "limit": dialect.limit.value,
            "learned": self._today().isoformat(),
        }
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.write_text(self._file, json.dumps(self._read() | {_name(where, model): entry}, ensure_ascii=False, indent=1) + "\n")

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError, RecursionError, AttributeError):
            found = json.loads(self._file.read_bytes()) if self._file else {}
            return found if isinstance(found, dict) else {}
        return {}


def _name(where: str, model: str) -> str:
    return f"{model} at {where}"
