"""Documents that kill, hang or starve whoever reads them, and files that are no good: a run finishes all the others and names each."""

import io
import shutil
import zipfile
from functools import partial
from pathlib import Path

import pytest

from structurer import gathering, library
from structurer.archive import batch
from structurer.archive.batch import Watcher
from structurer.archive.hosting import Work
from structurer.archive.hosts import Apart, Hosts
from structurer.intake.ingest import Intake
from structurer.pipeline import Plan
from structurer.sandbox.inmate import Limits
from structurer.store import runfolder
from structurer.store.finishing import basis_of
from structurer.store.runs import Asked, State

PLAN = Plan(library.shipped_schemas())
WORK = Work(PLAN, Intake(), basis_of("", PLAN.schemas))
LIMITS = Limits(memory_bytes=1_000_000_000, wall_seconds=2.0)
GOOD = 12


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(GOOD):
        (folder / f"{number:02}.txt").write_text(f"Invoice\nInvoice number: R-{number}\nInvoice date: 2024-03-01\nTotal: {number}.00\n")
    return folder


def run(docs: Path, hosts: int = 2, found=None):
    """The tally, what was said, and what became of each file by its name."""
    said: list[str] = []
    out = docs.parent / "run"
    store = runfolder.create(out, Asked("t", (), "built-in reader", PLAN.schemas))
    pool = Hosts.of(partial(Apart, WORK, LIMITS, "poisons"), hosts)
    files = found or gathering.gathered([docs], (), (), out / runfolder.BLOBS)
    tally = batch.run_all(files, PLAN, store, pool, Watcher(lambda _: None, said.append))
    with runfolder.opened(out) as reading:
        came = {Path(name).name: one for one in reading.came() for name in one.names}
    return tally, said, came


def test_what_kills_hangs_or_starves_its_host_is_quarantined_and_all_others_are_done(docs):
    for name in ("kills", "hangs", "eats"):
        (docs / f"{name}.txt").write_text(name)
    tally, said, came = run(docs)
    assert {name: one.state for name, one in came.items() if one.state is State.QUARANTINED}.keys() == {
        "kills.txt",
        "hangs.txt",
        "eats.txt",
    }
    assert tally.documents == GOOD
    assert tally.exit_code == 4
    assert "SIGSEGV" in came["kills.txt"].reason
    assert "more than 2 seconds" in came["hangs.txt"].reason
    assert "1 GB of memory" in came["eats.txt"].reason
    assert sorted(Path(words.partition(":")[0]).name for words in said) == ["eats.txt", "hangs.txt", "kills.txt"]


def test_files_that_are_no_good_are_named_and_leave_nothing_behind(docs):
    (docs / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    (docs / "empty.txt").write_bytes(b"")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sound.txt", (docs / "00.txt").read_text().replace("R-0", "R-zip"))
        archive.writestr("inside.txt", b"0" * 300_000_000)
    (docs / "bomb.zip").write_bytes(bomb.getvalue())
    tally, said, came = run(docs)
    unreadable = {name for name, one in came.items() if one.state is State.UNREADABLE}
    assert {"cut.pdf", "empty.txt"} < unreadable
    assert any("bomb.zip" in name for name in unreadable)
    assert tally.documents == GOOD + 1
    assert (tally.exit_code, len(said)) == (4, len(unreadable))
    assert all("next:" in words for words in said)
    left = [path.name for path in (docs.parent / "run").rglob("*") if path.is_file() and not path.name.startswith("run.")]
    assert len(left) == 1  # the sound member's blob


def test_a_file_that_vanishes_after_it_was_found_is_unreadable(docs):
    found = list(gathering.gathered([docs], (), (), docs.parent / "blobs"))
    (docs / "03.txt").unlink()
    tally, _, came = run(docs, found=found)
    assert came["03.txt"].state is State.UNREADABLE
    assert came["03.txt"].reason == "there is no such file"
    assert tally.documents == GOOD - 1


def test_a_whole_folder_that_vanishes_is_named_file_by_file(docs):
    found = list(gathering.gathered([docs], (), (), docs.parent / "blobs"))
    shutil.rmtree(docs)
    tally, _, came = run(docs, found=found)
    assert {one.state for one in came.values()} == {State.UNREADABLE}
    assert (len(came), tally.exit_code) == (GOOD, 4)
