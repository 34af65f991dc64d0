"""The figures of `reconcile.py`, each beside what is wanted."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconcile_judged import AMONG, ONLY, UNFOUND, WRONG, Found


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure: a share of `of` cases, a count among them, or milliseconds of so many; `least` and `most` are its thresholds."""

    key: str
    words: str
    value: float
    of: int
    unit: str = "share"
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the threshold is met; None where there is none, or nothing was measured."""
        if (self.least is None and self.most is None) or not self.of:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def line(self) -> str:
        """The figure for a terminal."""
        least = "" if self.least is None else f">= {self._print(self.least)}"
        most = "" if self.most is None else f"<= {self._print(self.most)}" if self.most else "none"
        mark = "" if self.met is None else "ok" if self.met else "MISSED"
        shown = self._print(self.value) if self.of or self.unit == "count" else "-"
        return f"{self.words:62}{shown:>10}{self.of:>7}   {least + most:13}{mark}".rstrip()

    def _print(self, value: float) -> str:
        return f"{value:.2%}" if self.unit == "share" else f"{value:.0f}" if self.unit == "count" else f"{value:.1f} ms"


@dataclass(slots=True)
class Section:
    """Figures under one heading, and the cases that went wrong, by kind."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def share(self, key: str, words: str, cases: Sequence[Found], holds: Callable[[Found], Any], least: float | None = None) -> None:
        """The share of some cases."""
        self.figures.append(Figure(key, words, sum(bool(holds(one)) for one in cases) / max(len(cases), 1), len(cases), least=least))

    def count(self, key: str, words: str, number: int, of: int, most: float | None = None) -> None:
        """A number of so many."""
        self.figures.append(Figure(key, words, number, of, "count", most=most))

    def outcomes(self, key: str, words: str, cases: Sequence[Found], least: float | None = None) -> None:
        """How often what is wrong was named as the only set of cells, among several sets, or not."""
        self.share(f"{key}.only", f"{words}: the only set", cases, lambda one: one.outcome == ONLY, least)
        self.share(f"{key}.among", "  among several sets", cases, lambda one: one.outcome == AMONG)
        self.share(f"{key}.wrong_alone", "  a wrong set named alone", cases, lambda one: one.outcome == WRONG)
        self.share(f"{key}.unfound", "  several without it, or none", cases, lambda one: one.outcome in UNFOUND)

    def mendings(self, key: str, words: str, cases: Sequence[Found], least: float | None = None, most: float | None = None) -> None:
        """Of the errors in some cases: the share mended, and the share mended wrongly."""
        errors = sum(len(one.wrong) for one in cases)
        right, false = sum(one.right for one in cases), sum(len(one.false) for one in cases)
        self.figures.append(Figure(f"{key}.right", f"{words}: mended", right / max(errors, 1), errors, least=least))
        self.figures.append(Figure(f"{key}.false", "  mended wrongly", false / max(errors, 1), errors, most=most))

    def verdicts(self, key: str, verdicts: Iterable[Mapping[str, int]], **most: float) -> None:
        """The checks that fail still, by whose fault they were found to be."""
        total: Counter[str] = Counter()
        for one in verdicts:
            total.update(one)
        for name in ("document", "undecided", "reading"):
            self.count(f"{key}.{name}", f"  failing checks, verdict: {name}", total[name], total.total(), most.get(name))

    def times(self, key: str, words: str, times: Sequence[float], **most: float) -> None:
        """Median, 95th percentile and longest."""
        ordered = sorted(times) or [0.0]
        at = {"median": statistics.median(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}
        self.figures += [Figure(f"{key}.{name}", f"{words}: {name}", at[name], len(times), "ms", most=most.get(name)) for name in at]

    def note(self, kind: str, cases: Iterable[object]) -> None:
        """Cases that went wrong."""
        self.wrong.setdefault(kind, []).extend(map(str, cases))

    def note_wrong(self, words: str, cases: Sequence[Found]) -> None:
        """The cases among these that were mended wrongly, or wrong cells named alone."""
        self.note(f"{words}, MENDED WRONGLY", (one for one in cases if one.false))
        self.note(f"{words}, a wrong set named alone", (one for one in cases if one.outcome == WRONG and not one.false))
        self.note(f"{words}, no set", (one for one in cases if one.outcome in UNFOUND and not one.false))
