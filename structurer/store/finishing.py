"""A document that is done with, as a run keeps it: its result packed, its state and counts, and what the whole run learns of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from structurer import serial
from structurer.asking.extract import UnusableReplyError
from structurer.asking.replies import Fault
from structurer.contracts.schema import Schema
from structurer.errors import InputError, ModelError, StructurerError
from structurer.exports.export import reviewed
from structurer.judging.across import Across, Relations
from structurer.judging.convention import Convention, Conventions, Printed
from structurer.record import Flag, Record, Result
from structurer.store.runs import Basis, Flagged, Outcome, State

NO_FORM: Final = "no form was found in it"
BUG: Final = "a bug in structurer"
SCORE_BINS: Final = 20  # of equal width, of the values' scores from 0 to 1
_JUDGING: Final = ("x-checks", "x-related", "description", "$comment", "examples")  # of a schema: what has no say where forms begin
_NAMING: Final = ("properties", "patternProperties", "$defs", "dependentSchemas")  # whose members have names of the author's
_DECLINED: Final = (Fault.REFUSED, Fault.FILTERED)


def finished(result: Result, schemas: Sequence[Schema], basis: Basis) -> Outcome:
    """What came of a document; `basis` is that of the run, with the schemas of all kinds."""
    flagged = tuple(flag for record in result.records for flag in _flagged(record))
    checks = [checked for record in result.records for checked in record.checks]
    failed = sum(checked.holds is False for checked in checks)
    kinds = {record.kind for record in result.records}
    return Outcome(
        State.DONE if result.records and not flagged and not failed else State.NEEDS_REVIEW,
        reason="" if result.records else NO_FORM,
        body=serial.packed(result),
        records=len(result.records),
        held=sum(checked.holds is True for checked in checks),
        failed=failed,
        flagged=flagged,
        figures=_figures(result.records),
        learnt=_learnt(result.records, schemas),
        basis=Basis(basis.plan, basis.forms, {kind: digest for kind, digest in basis.schemas.items() if kind in kinds}),
    )


def _flagged(record: Record) -> Iterator[Flagged]:
    return (Flagged(record.index, record.kind, place, reasons) for place, reasons in reviewed(record).items())


def unfinished(error: Exception, trace: str, basis: Basis) -> Outcome:
    """A document of which nothing came, on the basis of the run: any other may do better."""
    if isinstance(error, InputError):
        return Outcome(State.UNREADABLE, error.what, basis=basis)
    if isinstance(error, UnusableReplyError) and error.bad.fault in _DECLINED:
        return Outcome(State.REFUSED, error.what, basis=basis)
    if isinstance(error, StructurerError):
        return Outcome(State.FAILED, error.what, "" if isinstance(error, ModelError) else trace, basis=basis)
    return Outcome(State.FAILED, f"{BUG}: {error!r}", trace, basis=basis)


def basis_of(plan: str, schemas: Sequence[Schema]) -> Basis:
    """What results depend on now; `plan` names all that decides them but the schemas."""
    forms = json.dumps([[schema.kind, _deciding(dict(schema.source))] for schema in schemas], sort_keys=True, default=str)
    return Basis(_digest(plan), _digest(forms), {schema.kind: schema.digest for schema in schemas})


def _deciding(node: Any, *, named: bool = False) -> Any:
    """A schema without the keywords that have no say where forms begin; the members of a node may be `named` by the schema's author."""
    if isinstance(node, Mapping):
        kept = {name: member for name, member in node.items() if named or name not in _JUDGING}
        return {name: _deciding(member, named=not named and name in _NAMING) for name, member in kept.items()}
    return [_deciding(member) for member in node] if isinstance(node, list | tuple) else node


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]


def _figures(records: Sequence[Record]) -> dict[str, Any]:
    """What a report adds up: how often which check fails and whose fault it is, how many values have which score, flagged or not."""
    failing = [
        (f"{record.kind}: {checked.id}", checked.verdict) for record in records for checked in record.checks if checked.holds is False
    ]
    verdicts: dict[str, dict[str, int]] = {}
    for name, verdict in failing:
        if verdict is not None:
            faults = verdicts.setdefault(name, {})
            faults[verdict] = faults.get(verdict, 0) + 1
    values = [leaf for record in records for leaf in record.leaves.values() if leaf.value is not None]
    return {
        "failing": dict(Counter(name for name, _ in failing)),
        "verdicts": verdicts,
        "scores": _binned(leaf.score for leaf in values),
        "doubted": _binned(leaf.score for leaf in values if leaf.flag is not Flag.ACCEPT),
    }


def _binned(scores: Iterable[float]) -> list[int]:
    """How many are in each of SCORE_BINS bins."""
    bins = [0] * SCORE_BINS
    for score in scores:
        bins[min(int(score * SCORE_BINS), SCORE_BINS - 1)] += 1
    return bins


# -- what a run learns


def _learnt(records: Sequence[Record], schemas: Sequence[Schema]) -> str:
    conventions, relations = Conventions(), Relations(schemas)
    for record in records:
        conventions.add(record)
    relations.add(records)
    return json.dumps([[serial.to_json(printed) for printed in conventions.prints()], serial.to_json(relations.conclude())])


def learnt_together(learnt: Iterable[str]) -> tuple[tuple[Convention, ...], Across]:
    """What the records of a run say together, of what was learnt of each of its documents."""
    conventions, relations = Conventions(), Relations()
    for prints, across in map(json.loads, learnt):
        conventions.add_prints(serial.from_json(Printed, one) for one in prints)
        relations.merge(serial.from_json(Across, across))
    return conventions.conclude(), relations.conclude()
