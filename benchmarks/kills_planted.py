"""Whether the checks of `kills.py` find what they are for: bugs planted on purpose, each in the small run that is to find it.

The same run without the bug must find nothing, so that what is found is the bug.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import kills_points
import kills_power
import kills_random
from endpoint_figures import Section
from kills_points import KILL, Point
from kills_random import Kill, Victim
from kills_threads import COMMITS
from stub_running import Running

SEED: Final = 1
EXTERNAL: Final = frozenset({"rerun_s", "kills"})  # figures that tell of the machine and of the harness
STEP: Final = 2  # every so many-th point: without a transaction a document takes three commits
LEASE_S, SLOW_S = 3.0, 6.0  # calls that take longer than a lease
FEW, SOME, MANY = 30, 80, 400  # documents; the last are more than one worker takes in hand


@dataclass(frozen=True, slots=True)
class Ground:
    """Where bugs are planted: a folder for each, the stub, and the address of a PostgreSQL server ("": there is none)."""

    folder: Path
    stub: Running
    address: str = ""


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug in words, and the run that is to find it: it gives the figures that are missed, by the names of the checks."""

    words: str
    missed: Callable[[Ground, str], list[str]]
    is_shared: bool = False  # it takes two workers
    is_traced: bool = False  # it takes strace


def _missed(part: str, section: Section) -> list[str]:
    return [f"{part}: {one.words.strip()}" for one in section.figures if one.met is False and one.key not in EXTERNAL]


def _cut(ground: Ground, bug: str) -> list[str]:
    came = kills_power.every(ground.folder / f"power-{bug}", SEED, bug, chances=1, resumed=0)
    return _missed("power cuts", kills_power.section(came, 0))


def _killed(point: Point) -> bool:
    return (point.thread, point.call, point.way) == (COMMITS, "fdatasync", KILL)


def _pointed(ground: Ground, bug: str) -> list[str]:
    came = kills_points.every(ground.folder / f"points-{bug}", _killed, STEP, bug)
    return _missed("kill points", kills_points.section(came, 0))


def _run(documents: int, planned: list[Kill], **more: Any) -> Callable[[Ground, str], list[str]]:
    def missed(ground: Ground, bug: str) -> list[str]:
        address = ground.address if "lease_s" in more else ""
        folder = ground.folder / f"random-{bug}-{documents}"
        came = kills_random.run(ground.stub, folder, documents, 0, SEED, planned=planned, bug=bug, address=address, **more)
        return _missed("random kills", kills_random.section(came, documents, 0, "postgresql" if address else "sqlite"))

    return missed


BUGS: Final[Mapping[str, Planted]] = {
    "unsynced": Planted("a commit that does not wait for the disk", _cut, is_traced=True),
    "early": Planted("a document told to be done before the commit", _cut, is_traced=True),
    "untransacted": Planted("a document done before its result is written", _pointed, is_traced=True),
    "forgetful": Planted("a resume that forgets documents in work", _run(FEW, [Kill(Victim.WHOLE, 5, 0.0)])),
    "shared": Planted("a lease that gives a document to two workers", _run(SOME, [], lease_s=60.0, latency_s=1.0), is_shared=True),
    "unbeaten": Planted("a heartbeat that is never renewed", _run(FEW, [], lease_s=LEASE_S, latency_s=SLOW_S), is_shared=True),
    "untied": Planted(
        "a result that counts whoever holds the document",
        _run(MANY, [Kill(Victim.STALLED, 1, 0.0)], lease_s=LEASE_S, latency_s=1.0),
        is_shared=True,
    ),
}


def found(ground: Ground, name: str) -> tuple[list[str], list[str]]:
    """What finds a bug, and what the same run finds without it."""
    planted = BUGS[name]
    control = Ground(ground.folder / f"{name}-control", ground.stub, ground.address)
    return planted.missed(Ground(ground.folder / name, ground.stub, ground.address), name), planted.missed(control, "")


def section(results: Mapping[str, tuple[list[str], list[str]]]) -> Section:
    """Each bug with the checks that found it."""
    one = Section("bugs planted on purpose")
    for name, (with_it, without) in results.items():
        one.add(name, BUGS[name].words, int(bool(with_it)), least=1)
        one.add(f"{name}.without", "  found without it", len(without), most=0)
        one.remarks.append(f"{name}: {'; '.join(with_it) or 'nothing'}" + (f" (without it: {'; '.join(without)})" if without else ""))
    return one
