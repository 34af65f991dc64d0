"""What the model layer costs and what it loses, against a stub endpoint on loopback, other libraries beside it in the same run.

    python benchmarks/endpoint.py [--only NAME] [--documents N] [--rounds N] [--venv FOLDER] [--json]

throughput  requests to an endpoint that takes a while to answer: how near to its limit, at what CPU a document
saturation  one core, no latency, many requests in flight
overload    an endpoint that refuses what is over its limit: documents done, calls made
faults      the whole command over a folder of documents, a fifth of all calls spoilt; the same killed several times and resumed

Every contender runs in a process of its own; CPU is that process's, the stub's is told apart. Of several runs, taken in turn, the one that
took least counts: what else is at work on the machine only adds. instructor, langextract and httpx 0.28 come from PyPI, as pinned in
endpoint_requirements.txt, into an environment in --venv (default: a temporary folder): their dependencies and ours exclude each other.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import endpoint_kills as kills
import endpoint_races as races
from endpoint_figures import Section, as_json, at_work, machine

from structurer import __version__

RACES: Final = ("throughput", "saturation", "overload")
PARTS: Final = (*RACES, "faults")


def measured(asked: argparse.Namespace) -> Iterator[Section]:
    """The parts that are wanted."""
    wanted = asked.only or PARTS
    with tempfile.TemporaryDirectory(prefix="endpoint-") as folder:
        if set(wanted) & set(RACES):
            here = races.gathered((asked.venv or Path(folder) / "venv").absolute())
            if "throughput" in wanted:
                yield races.throughput(here, asked.rounds)
            if "saturation" in wanted:
                yield races.saturation(here, asked.rounds)
            if "overload" in wanted:
                yield races.overload(here, asked.rounds)
        if "faults" in wanted:
            yield kills.faults(Path(folder), asked.documents, asked.seed)


def main() -> None:
    """Measure and print, each part as soon as it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, metavar="NAME", help="this part; repeat for several")
    parser.add_argument("--documents", type=int, default=kills.DOCUMENTS, metavar="N", help="of the part faults (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="runs of each contender, of overload ours alone (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the faults and of the moments of the kills")
    parser.add_argument("--venv", type=Path, metavar="FOLDER", help="the environment of the other libraries, made where there is none")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if asked.rounds < 1 or asked.documents < kills.FEWEST:
        parser.error(f"--rounds is at least 1, --documents at least {kills.FEWEST}")
    head: dict[str, Any] = {"structurer": __version__, "python": platform.python_version(), "machine": machine()}
    head |= {"date": datetime.now(UTC).isoformat(timespec="minutes"), "busy": at_work()}
    began, sections = perf_counter(), []
    if not asked.json:
        print(f"structurer {head['structurer']}, Python {head['python']}, {head['date']}\n{head['machine']}, {head['busy']} at the start")
    for section in measured(asked):
        sections.append(section)
        if not asked.json:
            print(*section.lines(), sep="\n", flush=True)
    head |= {"seconds": round(perf_counter() - began)}
    print(json.dumps(as_json(sections, head), indent=1) if asked.json else f"\n{head['seconds']} s, {at_work()} at the end")


if __name__ == "__main__":
    main()
