"""The stub endpoint, started and spoken to from tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

STUB: Final = Path(__file__).with_name("stub_endpoint.py")
STOP_S: Final = 10.0  # seconds that the stub is given to stop


@dataclass(frozen=True, slots=True)
class Prefix:
    """One fault or load of a running stub, under a token of its own; `base_url` is what a client takes."""

    address: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def url(self) -> str:
        return f"{self.address}/{self.token}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def set(self, **settings: Any) -> None:
        """Give a load its settings and set its counts to nothing."""
        _asked("PUT", self.url, settings)

    def counts(self) -> dict[str, Any]:
        """What a load has counted."""
        counts: dict[str, Any] = _asked("GET", f"{self.url}/counts")
        return counts

    def seen(self) -> list[dict[str, Any]]:
        """The requests that a fault has seen."""
        seen: list[dict[str, Any]] = _asked("GET", f"{self.url}/seen")
        return seen


@dataclass(frozen=True, slots=True)
class Running:
    """A stub that listens; `process` is its id."""

    port: int
    process: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, name: str) -> Prefix:
        """A named fault under a new token."""
        return Prefix(f"{self.address}/{name}")

    def load(self, **settings: Any) -> Prefix:
        """A load with these settings under a new token."""
        prefix = Prefix(f"{self.address}/load")
        prefix.set(**settings)
        return prefix


@contextmanager
def running(*options: str) -> Iterator[Running]:
    """A stub of one's own, stopped at the end. It stops also when the caller is killed."""
    command = [sys.executable, str(STUB), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Running(int(process.stdout.readline()), process.pid)
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _asked(method: str, url: str, tree: Any = None) -> Any:
    """Without a proxy, whatever the environment says."""
    request = Request(url, None if tree is None else json.dumps(tree).encode(), method=method)
    with build_opener(ProxyHandler({})).open(request) as response:
        return json.load(response)
