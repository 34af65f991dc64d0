"""What a run over an archive takes: how near to the endpoint's limit it comes, how its memory and its store grow.

    python benchmarks/archive.py [--only throughput|memory|scale] [--documents N] [--in-flight N] [--latency SECONDS]

throughput  the whole way over single forms of the real reports (../shared/reports, else golden/), a model that takes a while to answer;
            beside it a plain loop of raw HTTP posts of the same documents to the same endpoint, as many in flight
memory      small documents, ten times as many the second time: the most that all processes of the run hold at once (proportional set size)
scale       a store of 100,000 documents: what the queries of `status` and the next lease take, and a document's share of the store's time
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from urllib.request import urlopen

import aiohttp
from endpoint_figures import Section, as_json, at_work, machine

from structurer import __version__, library
from structurer.builtin import reader
from structurer.intake import ingest
from structurer.layout import Layout
from structurer.record import as_json as tree_of
from structurer.segment import segment
from structurer.showing import Showing
from structurer.store import sqlite
from structurer.store.runs import Basis, Flagged, Located, Outcome, State
from structurer.store.store import Store

HERE = Path(__file__).resolve().parent
REPORTS = HERE.parent.parent / "shared" / "reports"
GOLDEN = HERE.parent / "golden"
SCALE = (1_000, 100_000)  # documents
GROUP = 16  # documents in one commit
LEASED = 32
LOOKS = 9
LOOK_S = 0.2  # between two looks at what the processes hold


# -- throughput --------------------------------------------------------------------------------------------------------


def throughput(folder: Path, documents: int, in_flight: int, latency: float) -> Section:
    section = Section(
        f"throughput: {documents} forms, {in_flight} in flight, {latency * 1000:.0f} ms, {at_work()}", ("forms/s", "share", "CPU ms/form")
    )
    replies = _prepared(folder / "docs", documents)
    (folder / "replies.json").write_text(json.dumps(replies, ensure_ascii=False), "utf-8")
    limit = in_flight / latency
    with _endpoint(folder / "replies.json", latency) as address:
        posts = documents / asyncio.run(_posted(address, folder / "docs", in_flight))
        (folder / "structurer.toml").write_text(f'[models.m]\nbase_url = "{address}/v1"\nmodel = "m"\nmax_in_flight = {in_flight}\n')
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        _structured(folder, "docs", "--model", "m", "--no-cache")
        seconds, after = perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        counts = json.load(urlopen(f"{address}/counts"))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    whole = documents / seconds
    section.rows["plain loop of raw posts"] = (f"{posts:.1f}", f"{posts / limit:.2f}", "-")
    section.rows["structurer structure, the whole way"] = (f"{whole:.1f}", f"{whole / limit:.2f}", f"{1000 * cpu / documents:.1f}")
    section.add("share_of_limit", "share of the endpoint's limit", whole / limit, least=0.80, places=2)
    section.add("beside_loop", "times the plain loop", whole / posts, places=2)
    section.add("most_in_flight", "most in flight at once", counts["most"], most=in_flight)
    return section


def _prepared(folder: Path, documents: int) -> list[object]:
    """Documents of one form each, and a reply for each form."""
    folder.mkdir()
    forms = list(_forms())
    for number in range(documents):
        form = number % len(forms)
        (folder / f"{number:06}.txt").write_text(f"{forms[form][0]}\nF{form:03}-{number:06}\n", "utf-8")
    return [reply for _, reply in forms]


def _forms() -> Iterator[tuple[str, object]]:
    schemas = library.shipped_schemas()
    for path in sorted(REPORTS.glob("*.txt")) or sorted(GOLDEN.glob("*/source.txt")):
        document = ingest.read(path)
        showing = Showing(document)
        for part in segment(document.text, schemas)[0]:
            read = reader.read(Layout(document.text, part.start, part.end, showing), part.schema)
            yield (
                document.text[part.start : part.end],
                tree_of(part.schema, {place: one.text for place, one in read.leaves.items()}, read.rows),
            )


@contextmanager
def _endpoint(replies: Path, latency: float) -> Iterator[str]:
    command = [sys.executable, str(HERE / "archive_endpoint.py"), str(replies), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


async def _posted(address: str, folder: Path, in_flight: int) -> float:
    """Seconds for a post of each document."""
    slots = asyncio.Semaphore(in_flight)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def post(file: Path) -> None:
            async with slots:
                body = {"model": "m", "messages": [{"role": "user", "content": file.read_text("utf-8")}]}
                async with session.post(f"{address}/v1/chat/completions", json=body) as reply:
                    json.loads(await reply.read())

        begun = perf_counter()
        await asyncio.gather(*map(post, sorted(folder.iterdir())))
        return perf_counter() - begun


def _structured(folder: Path, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("structurer")), "structure", *arguments, "--out", "run"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stderr}")


# -- memory ------------------------------------------------------------------------------------------------------------


def memory(folder: Path, documents: int) -> Section:
    section = Section(f"memory: {documents} documents and ten times as many, {at_work()}", ("documents", "MB"))
    peaks = []
    for count in (documents, 10 * documents):
        place = folder / f"memory{count}"
        (place / "docs").mkdir(parents=True)
        for number in range(count):
            (place / "docs" / f"{number:06}.txt").write_text(_small(number), "utf-8")
        peaks.append(_peak(place))
        section.rows[f"{count} documents"] = (f"{count}", f"{peaks[-1] / 1e6:.0f}")
    section.add("growth", "times the memory for ten times the documents", peaks[1] / peaks[0], most=1.3, places=2)
    return section


def _small(number: int) -> str:
    return f"Invoice\nInvoice number: R-{number}\nDate: 2024-01-02\nTotal: {number % 97}.00\n"


def _peak(folder: Path) -> int:
    """Bytes that a run and its processes hold at most."""
    command = [str(Path(sys.executable).with_name("structurer")), "structure", "docs", "--out", "run"]
    most = 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, sum(map(_held, [process.pid, *_below(process.pid)])))
            sleep(LOOK_S)
    return most


def _below(parent: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, ahead = [], [parent]
    while ahead:
        here = ahead.pop()
        children = [child for child, its in parents.items() if its == here]
        found += children
        ahead += children
    return found


def _held(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


# -- scale -------------------------------------------------------------------------------------------------------------


def scale(folder: Path) -> Section:
    columns = ("add ms", "lease ms", "finish ms", "status ms")
    section = Section(f"scale: a store of so many documents, commits of {GROUP}, {at_work()}", columns)
    found = {count: _filled(folder / f"scale{count}", count) for count in SCALE}
    for count, times in found.items():
        section.rows[f"{count} documents"] = tuple(f"{1000 * each:.3f}" for each in times)
    small, large = (found[count] for count in SCALE)
    section.add("lease", f"ms until {LEASED} of {SCALE[1]} documents are leased", 1000 * large[1], most=50, places=2)
    section.add("status", f"ms for what `status` asks of {SCALE[1]} documents", 1000 * large[3], most=50, places=2)
    section.add("flat", "times the cost of a document's commit, of a hundred times the documents", large[2] / small[2], most=1.5, places=2)
    return section


def _filled(folder: Path, count: int) -> tuple[float, float, float, float]:
    """Seconds to add a document, for a lease, to finish a document, for a look at the status (medians: the machine is seldom quiet)."""
    folder.mkdir()
    store = Store(sqlite.written(folder))
    leases: list[float] = []
    looks: list[float] = []
    try:
        with store.transaction():
            worker = store.enrol("benchmark")
        begun = perf_counter()
        for start in range(0, count, 200):
            with store.transaction():
                store.add(
                    [Located(f"docs/{at}.txt", f"{at}.txt", f"/docs/{at}.txt", f"{at:064}", 1000) for at in range(start, start + 200)]
                )
        added = (perf_counter() - begun) / count
        finished = 0.0
        while True:
            begun = perf_counter()
            with store.transaction():
                leased = store.lease(worker, LEASED)
            leases.append(perf_counter() - begun)
            if not leased:
                break
            begun = perf_counter()
            for at in range(0, len(leased), GROUP):
                with store.transaction():
                    for lease in leased[at : at + GROUP]:
                        store.finish(worker, lease.document, _outcome(lease.document))
            finished += perf_counter() - begun
        looks += [_look(folder) for _ in range(LOOKS)]
    finally:
        store.close()
    return added, median(leases), finished / count, median(looks)


def _look(folder: Path) -> float:
    reading = Store(sqlite.read(folder))
    begun = perf_counter()
    reading.manifest(), reading.sums()
    seconds = perf_counter() - begun
    reading.close()
    return seconds


def _outcome(number: int) -> Outcome:
    flagged = (Flagged(0, "invoice", "/total", ("not proved by a check",)),) if number % 3 == 0 else ()
    return Outcome(
        State.NEEDS_REVIEW if flagged else State.DONE, body=os.urandom(4000), records=1, held=5, flagged=flagged, learnt="[]",
        basis=Basis("p", "f", {"invoice": "d"}),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=("throughput", "memory", "scale"))
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    head = {
        "structurer": __version__,
        "python": platform.python_version(),
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine(),
    }
    print(" ".join(map(str, head.values())), flush=True)
    sections: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="archive-") as folder:
        for section in _measured(chosen, Path(folder)):
            print("\n".join(section.lines()), flush=True)
            sections.append(section)
    if chosen.json:
        print(json.dumps(as_json(sections, head), ensure_ascii=False, indent=1))


def _measured(chosen: argparse.Namespace, folder: Path) -> Iterator[Section]:
    wanted: Sequence[str] = chosen.only or ("throughput", "memory", "scale")
    if "throughput" in wanted:
        yield throughput(folder, chosen.documents, chosen.in_flight, chosen.latency)
    if "memory" in wanted:
        yield memory(folder, chosen.documents)
    if "scale" in wanted:
        yield scale(folder)


if __name__ == "__main__":
    main()
