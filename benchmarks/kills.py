"""Whether runs that are killed lose or double a document.

    python benchmarks/kills.py random [--documents N] [--kills N] [--store sqlite|postgresql] [--engine ray] [--seed N]
    python benchmarks/kills.py points [--step N]
    python benchmarks/kills.py planted [--only BUG]

random   a folder of made documents through the command, against a stub endpoint; the run, a host of it or its zygote killed at random
         moments. With PostgreSQL two workers share the run; one is killed, or stopped for longer than its lease, and the other goes on.
         With Ray, and PostgreSQL, it is actors that are killed
points   three documents: the run dies, or the disk fails, at every call that makes, writes, syncs, renames or removes a file (strace);
         then the power is cut after every one of them: what was not synced may be lost
planted  bugs on purpose: which check finds each

Exit code 1 where a figure misses what is wanted. A rerun's seconds depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import monotonic
from typing import Final

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import kills_planted
import kills_points
import kills_postgres
import kills_power
import kills_random
import kills_runs
from endpoint_figures import Section
from stub_running import running

DOCUMENTS: Final = 2_000
KILLS: Final = 20
SEED: Final = 1
SQLITE, POSTGRESQL = "sqlite", "postgresql"


def random_kills(asked: argparse.Namespace, folder: Path) -> Iterator[Section]:
    store = POSTGRESQL if asked.engine else asked.store
    with running() as stub, _server(wanted=store == POSTGRESQL) as address:
        lease_s = kills_random.LEASE_S if address and not asked.engine else None
        more = {"address": address, "engine": asked.engine, "lease_s": lease_s}
        came = kills_random.run(stub, folder / "run", asked.documents, asked.kills, asked.seed, **more)
        yield kills_random.section(came, asked.documents, asked.kills, store)


def points(asked: argparse.Namespace, folder: Path) -> Iterator[Section]:
    began = monotonic()
    yield kills_points.section(kills_points.every(folder / "points", step=asked.step), monotonic() - began)
    began = monotonic()
    yield kills_power.section(kills_power.every(folder / "power", asked.seed), monotonic() - began)


def planted(asked: argparse.Namespace, folder: Path) -> Iterator[Section]:
    chosen = [asked.only] if asked.only else list(kills_planted.BUGS)
    shared = any(kills_planted.BUGS[name].is_shared for name in chosen)
    with running() as stub, _server(wanted=shared) as address:
        ground = kills_planted.Ground(folder, stub, address)
        yield kills_planted.section({name: kills_planted.found(ground, name) for name in chosen})


def _server(*, wanted: bool) -> AbstractContextManager[str]:
    return kills_postgres.server() if wanted else nullcontext("")


PARTS: Final[Mapping[str, Callable[[argparse.Namespace, Path], Iterator[Section]]]] = {
    "random": random_kills,
    "points": points,
    "planted": planted,
}


def main() -> int:
    """Run the part that is asked for and print it."""
    parser = argparse.ArgumentParser(description="Whether runs that are killed lose or double a document.")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--store", choices=(SQLITE, POSTGRESQL), default=SQLITE)
    parser.add_argument("--engine", choices=(kills_runs.RAY,), default="", help="who starts the workers of a run in PostgreSQL")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--step", type=int, default=1, help="only every so many-th point")
    parser.add_argument("--only", choices=kills_planted.BUGS, help="one bug")
    asked = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as folder:
        for section in PARTS[asked.part](asked, Path(folder)):
            print("\n".join(section.lines()), flush=True)
            met &= all(figure.met is not False for figure in section.figures)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
