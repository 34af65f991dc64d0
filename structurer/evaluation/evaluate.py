"""Evaluates the whole way on cases whose truth is known, and holds every figure to the one accepted before.

A golden case is a folder with `source.*` and `expected.json` (`forms`, and `alternatives` by JSON pointer); a truth folder has one file a
report (`document`, `forms`) and `alternatives.json` in the notation `forms[1].x[2].y`. `accepted.json` holds, by reader and case, the
figures of the case and of each field that is not perfect, and every fault by name: a worse figure is a regression, told with the faults
that are new.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from structurer import atomic, serial
from structurer.errors import InputError, ModelError, UsageError
from structurer.evaluation import score
from structurer.evaluation.score import Figures, Scored, Scores
from structurer.exports.export import exchange, schema_of
from structurer.intake import ingest
from structurer.pipeline import Plan, structure_document

ACCEPTED, CASSETTES = "accepted.json", "cassettes"
BUILTIN = "builtin"
RISING = ("recall", "precision")  # figures that must not fall
FALLING = ("silent_errors", "missing_records", "surplus_records")  # figures that must not rise
ROUNDING = 1e-9  # figures are stored with five decimals

Accepted = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """A file whose truth is known. `alternatives`: every right value of a leaf, by pointer into the truth; `kinds`: all that were annotated
    in any case, so that a record of one of them is surplus where the truth has none."""

    name: str
    source: Path
    forms: tuple[Mapping[str, Any], ...]
    alternatives: Mapping[str, Sequence[Any]]
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A case as one reader did it; `scores` is None where the model did not answer (no recording to replay), and `silence` says why."""

    case: str
    reader: str
    scores: Scores | None
    silence: str = ""

    @property
    def total(self) -> Figures:
        return score.figures(self.scores.leaves, [self.scores]) if self.scores else score.figures(())

    @property
    def faults(self) -> tuple[Scored, ...]:
        return tuple(leaf for leaf in self.scores.leaves if not leaf.verdict.good) if self.scores else ()


def golden_cases(folder: Path) -> tuple[Case, ...]:
    """The cases of a folder, by name. Raises InputError where there are none or one is broken."""
    cases = tuple(_golden_case(file.parent) for file in sorted(folder.glob("*/expected.json")))
    if not cases:
        raise InputError("no cases here: a case is a folder with source.* and expected.json", where=str(folder))
    return _with_kinds(cases)


def truth_cases(folder: Path, truth: Path) -> tuple[Case, ...]:
    """The reports in `folder` that the truth files know. Raises InputError where none is known or one is missing."""
    known = _json(truth / "alternatives.json") if (truth / "alternatives.json").exists() else {}
    cases = []
    for file in sorted(truth.glob("*.json")):
        if file.name != "alternatives.json":
            expected = _json(file, "document", "forms")
            alternatives = {_pointer(path): values for path, values in known.get(file.stem, {}).items()}
            cases.append(Case(file.stem, folder / expected["document"], tuple(expected["forms"]), alternatives))
    if not cases:
        raise InputError("no truth files here", where=str(truth))
    return _with_kinds(cases)


def evaluate(case: Case, plan: Plan) -> Evaluated:
    """Run one case the whole way and score its records. Raises InputError where its source cannot be read."""
    reader = f"model:{plan.model.name}" if plan.model else BUILTIN
    schemas = {schema.kind: schema for schema in plan.schemas}
    try:
        result = structure_document(ingest.read(case.source), plan)
    except ModelError as error:
        return Evaluated(case.name, reader, None, str(error))
    records = [exchange(record, schema_of(record, schemas)) for record in result.records]
    return Evaluated(case.name, reader, score.score(records, case.forms, case.alternatives, case.kinds))


def by_group(done: Sequence[Evaluated], group: Callable[[Scored], str]) -> dict[str, Figures]:
    """Figures of the leaves that fall into each group, such as a kind or a field, over all cases."""
    groups: dict[str, list[Scored]] = {}
    for leaf in (leaf for one in done if one.scores for leaf in one.scores.leaves):
        groups.setdefault(group(leaf), []).append(leaf)
    return {name: score.figures(leaves) for name, leaves in groups.items()}


def kind_of(leaf: Scored) -> str:
    """Groups leaves by kind of record."""
    return leaf.kind


def field_of(leaf: Scored) -> str:
    """Groups leaves by field."""
    return f"{leaf.kind} {leaf.field}"


def total(done: Sequence[Evaluated]) -> Figures:
    """The figures of all cases together."""
    scored = [one.scores for one in done if one.scores]
    return score.figures((leaf for scores in scored for leaf in scores.leaves), scored)


def named(leaf: Scored) -> str:
    """A fault by name, as it stands in accepted.json and in reports."""
    return f"/forms/{leaf.form}{leaf.place} {leaf.verdict}{' SILENT' if leaf.silent else ''}"


# --- accepted figures


def read_accepted(file: Path) -> dict[str, dict[str, Any]]:
    """Accepted figures by reader and case; none where the file does not exist. Raises InputError where it is broken."""
    return _json(file) if file.exists() else {}


def refuse_under_ci(file: Path) -> None:
    """Raises UsageError when the environment says CI: there a regenerated figure must not be green."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise UsageError("figures are not accepted under CI", where=str(file), remedy="run it by hand, read the difference, and commit it")


def accept(file: Path, done: Sequence[Evaluated]) -> None:
    """Write the figures of these cases as the accepted ones; those of other cases and readers stay. Raises UsageError under CI."""
    refuse_under_ci(file)
    accepted = {reader: dict(cases) for reader, cases in read_accepted(file).items()}
    for one in done:
        if one.scores:
            accepted.setdefault(one.reader, {})[one.case] = _figures(one)
    ordered = {reader: dict(sorted(accepted[reader].items())) for reader in sorted(accepted)}
    atomic.write_text(file, serial.dump(ordered, levels=4))


def regressions(done: Sequence[Evaluated], accepted: Accepted) -> Iterator[str]:
    """Every figure that is worse than the accepted one, as a sentence naming case, field and leaves; and cases never accepted."""
    for one in done:
        known = accepted.get(one.reader, {}).get(one.case)
        if one.scores is None:
            if known is not None:
                yield f"{one.case} ({one.reader}): the model does not answer any more: {one.silence}"
        elif known is None:
            yield f"{one.case} ({one.reader}): no accepted figures; look at them, then --accept"
        else:
            yield from _worse(one, known)


def _figures(one: Evaluated) -> dict[str, Any]:
    fields = {name: _held(figures) for name, figures in by_group([one], field_of).items()}
    return {
        "total": _held(one.total) | {"records": one.total.records, "leaves": one.total.leaves},
        "fields": {name: held for name, held in sorted(fields.items()) if held != _held(_PERFECT)},
        "faults": sorted(named(leaf) for leaf in one.faults),
    }


def _held(figures: Figures) -> dict[str, float]:
    """The figures that are held; a rate that nothing was asked of counts as perfect."""
    every = figures.as_json()
    return {name: 1.0 if every[name] is None else every[name] for name in RISING} | {name: every[name] for name in FALLING}


def _worse(one: Evaluated, known: Mapping[str, Any]) -> Iterator[str]:
    new = [leaf for leaf in one.faults if named(leaf) not in set(known["faults"])]
    yield from (f"{one.case} ({one.reader}): {drop}" for drop in _drops(_held(one.total), known["total"]))
    for name, figures in by_group([one], field_of).items():
        guilty = [named(leaf) for leaf in new if field_of(leaf) == name]
        for drop in _drops(_held(figures), known["fields"].get(name, _held(_PERFECT))):
            yield f"{one.case} ({one.reader}): {name}: {drop}: {'; '.join(guilty) or 'the same faults weigh more'}"


def _drops(now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[str]:
    for name in RISING:
        if now[name] < before[name] - ROUNDING:
            yield f"{name} fell from {before[name]} to {now[name]}"
    for name in FALLING:
        if now[name] > before[name]:
            yield f"{name} rose from {before[name]} to {now[name]}"


_PERFECT = replace(score.figures(()), right=1)


# --- truth


def _golden_case(folder: Path) -> Case:
    sources = sorted(folder.glob("source.*"))
    if len(sources) != 1:
        raise InputError(f"a case has one source.*, not {len(sources)}", where=str(folder))
    expected = _json(folder / "expected.json", "forms")
    return Case(folder.name, sources[0], tuple(expected["forms"]), expected.get("alternatives", {}))


def _with_kinds(cases: Sequence[Case]) -> tuple[Case, ...]:
    kinds = frozenset(form["kind"] for case in cases for form in case.forms)
    return tuple(replace(case, kinds=kinds) for case in cases)


def _json(file: Path, *needed: str) -> Any:
    try:
        node = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as JSON: {error}", where=str(file)) from error
    if not isinstance(node, dict) or any(key not in node for key in needed):
        raise InputError(f"expected a JSON object{' with ' * bool(needed)}{' and '.join(needed)}", where=str(file))
    return node


def _pointer(path: str) -> str:
    """forms[1].funds.x -> /forms/1/funds/x"""
    return "/" + re.sub(r"\[(\d+)\]", r"/\1", path).replace(".", "/")
