"""What the benchmark of the model layer prints: tables of contenders, and figures with what is wanted of them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

WIDTH = 76  # characters of a row's or figure's words


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure, None where it could not be measured; `least` and `most` are what is wanted, `places` are decimals."""

    key: str
    words: str
    value: float | None
    least: float | None = None
    most: float | None = None
    places: int = 0

    @property
    def met(self) -> bool | None:
        """Whether what is wanted is reached; None where nothing is, or nothing was measured."""
        if (self.least is None and self.most is None) or self.value is None:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def line(self) -> str:
        """The figure for a terminal."""
        least = "" if self.least is None else f">= {self._print(self.least)}"
        most = "" if self.most is None else f"<= {self._print(self.most)}" if self.most else "none"
        wanted = " and ".join(filter(None, (least, most)))
        mark = "" if not wanted else "not measured" if self.met is None else "ok" if self.met else "MISSED"
        shown = "-" if self.value is None else self._print(self.value)
        return f"{self.words:{WIDTH}}{shown:>10}   {wanted:22}{mark}".rstrip()

    def _print(self, value: float) -> str:
        return f"{value:,.{self.places}f}"


@dataclass(slots=True)
class Section:
    """A part of the report: a table with a row for each contender, figures, and remarks that belong to them."""

    title: str
    columns: tuple[str, ...] = ()
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, key: str, words: str, value: float | None, **wanted: Any) -> None:
        """A further figure."""
        self.figures.append(Figure(key, words, value, **wanted))

    def lines(self) -> Iterator[str]:
        """The part for a terminal."""
        yield f"\n{self.title}"
        if self.rows:
            widths = [max(len(column), *(len(cells[at]) for cells in self.rows.values())) + 2 for at, column in enumerate(self.columns)]
            for words, cells in {"": self.columns, **self.rows}.items():
                yield f"{words:{WIDTH}}{''.join(f'{cell:>{width}}' for cell, width in zip(cells, widths, strict=True))}".rstrip()
        if self.figures:
            yield f"{'':{WIDTH}}{'measured':>10}   wanted"
        yield from (one.line() for one in self.figures)
        yield from (f"  {words}" for words in self.remarks)

    def as_dict(self) -> dict[str, Any]:
        """The part as JSON."""
        table = {words: dict(zip(self.columns, cells, strict=True)) for words, cells in self.rows.items()}
        return {"table": table, "figures": {one.key: asdict(one) | {"met": one.met} for one in self.figures}, "remarks": self.remarks}


def as_json(sections: Sequence[Section], head: Mapping[str, Any]) -> dict[str, Any]:
    """All parts by their titles."""
    return {**head, "sections": {one.title: one.as_dict() for one in sections}}


def machine() -> str:
    """What it is measured on."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "unknown")
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}"


def at_work() -> str:
    """How busy the machine is with other things: figures by the clock mean less then."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
