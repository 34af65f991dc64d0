"""Workers on a Ray cluster of this machine: they share a run, and one that is killed costs nothing but time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from postgres_server import address

DOCUMENTS = 600  # enough that some wait when the first actor is at work
ACTOR = "ray::_Member.work"
PATIENCE_S = 240.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")]


def invoice(number: int) -> str:
    return f"Invoice\nInvoice number: R-{number}\nInvoice date: 2024-03-01\nTotal: {number}.00\n"


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "docs").mkdir()
    for number in range(DOCUMENTS):
        (tmp_path / "docs" / f"{number:03}.txt").write_text(invoice(number))
    return tmp_path


def command(folder: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "structurer", "structure", "docs", "--out", "run", *more]
    environment = {**os.environ, "STRUCTURER_STORE": address()}
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(folder: Path, *words: str) -> str:
    environment = {**os.environ, "STRUCTURER_STORE": address()}
    words = (sys.executable, "-m", "structurer", *words)
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def actors() -> list[int]:
    """The processes of actors that are at work."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found += [int(entry.name)] if words.startswith(ACTOR) else []
    return found


def test_an_actor_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled(folder):
    run = command(folder, "--engine", "ray", "--workers", "2", "--hosts", "1")
    until = monotonic() + PATIENCE_S
    while run.poll() is None and not actors() and monotonic() < until:
        sleep(0.05)
    if killed := actors():
        os.kill(killed[0], signal.SIGKILL)
    output, _ = run.communicate(timeout=PATIENCE_S)
    assert killed, output
    assert run.returncode == 3, output
    records = [json.loads(line) for line in told(folder, "export", "run").splitlines()]
    assert sorted(record["record"]["invoice_number"] for record in records) == sorted(f"R-{number}" for number in range(DOCUMENTS))


def test_a_cluster_needs_a_store_that_its_workers_share(folder):
    words = [sys.executable, "-m", "structurer", "structure", "docs", "--out", "run", "--engine", "ray"]
    run = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _ = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 2
    assert "add --store postgresql://" in output
