"""A PostgreSQL server of one's own, on a socket in a temporary folder, for as long as it is needed."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, Final

ACCOUNTS: Final = ("postgres", "nobody")  # of the system, under which it runs where this is root, which the server refuses to be
STARTS_S, LOOK_S = 60.0, 0.1
STOPS_S: Final = 20.0
USER: Final = "structurer"


def programs() -> Path | None:
    """The folder of the server's programs, if they and their client are installed."""
    if importlib.util.find_spec("psycopg") is None:
        return None
    found = [folder for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True) if (folder / "initdb").exists()]
    on_path = shutil.which("initdb")
    spec = importlib.util.find_spec("pgserver")
    packed = Path(str(spec.origin)).parent / "pginstall" / "bin" if spec and spec.origin else None
    candidates = [*([Path(on_path).parent] if on_path else []), *found, *([packed] if packed else [])]
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


@contextmanager
def server() -> Iterator[str]:
    """The address of an empty database. Raises FileNotFoundError where there is no server."""
    folder = programs()
    if folder is None:
        raise FileNotFoundError("no PostgreSQL server is installed")
    home = Path(tempfile.mkdtemp(prefix="pg"))
    account = next((one for one in pwd.getpwall() if one.pw_name in ACCOUNTS), None) if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    if account:
        os.chown(home, account.pw_uid, account.pw_gid)
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL) | {"cwd": home, **as_user}
    try:
        subprocess.run([folder / "initdb", "-D", home / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, **quiet)
        command = [str(folder / "postgres"), "-D", str(home / "data"), "-k", str(home), "-c", "listen_addresses="]
        process: subprocess.Popen[bytes]
        with subprocess.Popen(command, **quiet) as process:
            try:
                yield _answering(f"postgresql://{USER}@/postgres?host={home}", process)
            finally:
                process.send_signal(signal.SIGINT)  # a fast shutdown
                process.wait(STOPS_S)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answering(address: str, process: subprocess.Popen[bytes]) -> str:
    import psycopg

    for _ in range(round(STARTS_S / LOOK_S)):
        try:
            psycopg.connect(address).close()
            return address
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            sleep(LOOK_S)
    raise RuntimeError("the PostgreSQL server does not start")
