"""A real PostgreSQL server for tests, started once a session where the package pgserver is installed."""

import secrets
import tempfile
import warnings
from functools import cache
from pathlib import Path

import pytest


@cache
def address() -> str:
    """Its address; the test is skipped where no server can be had."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pgserver says where it keeps its locks
        pgserver = pytest.importorskip("pgserver", reason="no PostgreSQL server: pip install pgserver")
    # not below pytest's folders, which others than their owner cannot enter: under root the server runs as a user of its own
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    return str(pgserver.get_server(folder, cleanup_mode="delete").get_uri())


def new_run() -> str:
    """The name of a run that is not there yet."""
    return f"run_{secrets.token_hex(8)}"
