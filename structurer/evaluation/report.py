"""An evaluation from the folder to the text: which cases, by which readers, in which words. Faults are listed with SILENT marked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from structurer import plans
from structurer.evaluation import evaluate
from structurer.evaluation.evaluate import Evaluated
from structurer.evaluation.score import Figures

SHOWN = 60  # characters of a value
COLUMNS = ("leaves", "right", "wrong", "missed", "invented", "silent_errors", "recall", "precision", "flagged_share")
RECORDS = ("records", "missing_records", "surplus_records", "perfect_records")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be evaluated and how it is told; `worst` faults are listed."""

    folder: Path
    truth: Path | None = None
    schemas: tuple[Path, ...] = ()
    replay: bool = False
    accept: bool = False
    as_json: bool = False
    worst: int = 20


def run(wanted: Wanted) -> tuple[str, bool]:
    """The report, and whether a figure is worse than the accepted one. Raises InputError for a broken case, UsageError for --accept under
    CI."""
    file = wanted.folder / evaluate.ACCEPTED
    if wanted.accept:
        evaluate.refuse_under_ci(file)
    done = list(_evaluated(wanted))
    if wanted.accept:
        evaluate.accept(file, done)
    held = wanted.truth is None or file.exists()
    worse = list(evaluate.regressions(done, evaluate.read_accepted(file))) if held else []
    if wanted.as_json:
        return _json(done, worse), bool(worse)
    closing = (
        f"{len(worse)} figures are worse than accepted" if worse else "no figure is worse than accepted" if held else "nothing to hold"
    )
    lines = [*_text(done, wanted.worst), *(f"WORSE: {sentence}" for sentence in worse), closing]
    return "\n".join(lines), bool(worse)


def _evaluated(wanted: Wanted) -> Iterator[Evaluated]:
    cases = evaluate.truth_cases(wanted.folder, wanted.truth) if wanted.truth else evaluate.golden_cases(wanted.folder)
    builtin = plans.plan_of(plans.Wanted(wanted.schemas, builtin=True))
    yield from (evaluate.evaluate(case, builtin) for case in cases)
    if wanted.replay:
        replayed = plans.plan_of(plans.Wanted(wanted.schemas, replay=wanted.folder / evaluate.CASSETTES))
        yield from (evaluate.evaluate(case, replayed) for case in cases)


def _readers(done: Sequence[Evaluated]) -> dict[str, list[Evaluated]]:
    readers: dict[str, list[Evaluated]] = {}
    for one in done:
        readers.setdefault(one.reader, []).append(one)
    return readers


def _json(done: Sequence[Evaluated], worse: Sequence[str]) -> str:
    readers = {reader: _reader_json(of_reader) for reader, of_reader in _readers(done).items()}
    return json.dumps({"readers": readers, "regressions": list(worse)}, ensure_ascii=False, indent=1)


def _reader_json(done: Sequence[Evaluated]) -> dict[str, Any]:
    return {
        "total": evaluate.total(done).as_json(),
        "cases": {one.case: one.total.as_json() for one in done if one.scores},
        "silent": {one.case: one.silence for one in done if not one.scores},
        "kinds": {name: figures.as_json() for name, figures in evaluate.by_group(done, evaluate.kind_of).items()},
        "fields": {name: figures.as_json() for name, figures in evaluate.by_group(done, evaluate.field_of).items()},
        "faults": [
            {"case": one.case, "fault": evaluate.named(leaf), "value": leaf.value, "expected": leaf.expected}
            for one in done for leaf in one.faults
        ],
    }  # fmt: skip


def _text(done: Sequence[Evaluated], worst: int) -> Iterator[str]:
    for reader, of_reader in _readers(done).items():
        yield f"reader: {reader}"
        cases = {one.case: one.total for one in of_reader if one.scores}
        yield from _table("case", {**cases, "all": evaluate.total(of_reader)}, (*RECORDS, *COLUMNS))
        yield from (f"  no answer for {one.case}: {one.silence.splitlines()[0]}" for one in of_reader if not one.scores)
        yield from _table("kind", evaluate.by_group(of_reader, evaluate.kind_of), COLUMNS)
        yield from _table("field", evaluate.by_group(of_reader, evaluate.field_of), COLUMNS)
        yield from _faults(of_reader, worst)


def _table(title: str, rows: dict[str, Figures], columns: Sequence[str]) -> Iterator[str]:
    """Columns of figures under their names; "-" where nothing was asked."""
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(len(head), 7) for head in heads]
    first = max(len(name) for name in (title, *rows))
    yield "  ".join([title.ljust(first), *(head.rjust(width) for head, width in zip(heads, widths, strict=True))])
    for name, figures in rows.items():
        values = figures.as_json()
        yield "  ".join([name.ljust(first), *(_number(values[column]).rjust(width) for column, width in zip(columns, widths, strict=True))])
    yield ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _faults(done: Sequence[Evaluated], worst: int) -> Iterator[str]:
    """The faults, silent ones first: those are the ones that nobody would have seen."""
    faults = sorted(((one.case, leaf) for one in done for leaf in one.faults), key=lambda fault: not fault[1].silent)
    for case, leaf in faults[:worst]:
        yield f"  {case} {leaf.kind} {evaluate.named(leaf)}: {_shown(leaf.value)} instead of {_shown(leaf.expected)}"
    if len(faults) > worst:
        yield f"  {len(faults) - worst} more faults: --show {len(faults)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
