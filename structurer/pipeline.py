"""The way of a document: segment, read (models, built-in reader or both), ground, confront, judge. The only place that orders stages.

It is a conversation in rounds (`llm`): where models are asked it yields the calls, and goes on with their answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from structurer import __version__
from structurer.asking import again, reading
from structurer.asking.converse import concluded
from structurer.asking.escalate import enlightened, flagged
from structurer.asking.extract import Asking, Prompt, UnusableReplyError
from structurer.asking.llm import Model, Reply, Rounds, side_by_side
from structurer.asking.reading import Reading, Sizes, grounded, told
from structurer.builtin import reader
from structurer.builtin.labels import is_matrix
from structurer.contracts.schema import Leaf, Schema
from structurer.document import Document
from structurer.errors import ModelError, UsageError
from structurer.judging.blame import Blamed, blame, blaming
from structurer.judging.confront import Figures, figures, joined, lists_of, unit_at_odds
from structurer.judging.evidence import Loose, Pending
from structurer.judging.ground import known_match
from structurer.judging.kinship import Kin, Relative, kin_of
from structurer.judging.ledger import proved_complete, unclaimed
from structurer.judging.pins import pins
from structurer.judging.settle import settle
from structurer.judging.trust import judge, merged
from structurer.judging.validate import violations
from structurer.layout import Layout
from structurer.record import BLANK, Extraction, Record, Result, Unclaimed, Unplaced, Value, leaf_pointers, pointer
from structurer.segment import Segment, segment
from structurer.showing import Showing

T = TypeVar("T")
FURTHER_TEMPERATURE = 0.7  # of a model's further opinions: at 0 they would be the first again
SECOND_CALLS = 4  # of a second reading of one record
ESCALATED_CALLS = 8  # to a stronger model for one record; of more flagged cells the first are shown
BUILTIN_ALONE = "read by the built-in reader alone"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read documents with: the schemas, and a model with its prompt or (without) the built-in reader alone.

    `witness` lets the built-in reader read beside a model; `second` is the prompt of a second reading of single cells (None: there is
    none). `samples` is how often the model reads, `other` a second model that reads too, `escalate` a stronger one that is shown flagged
    cells; `logprobs` asks for log probabilities; `sizes` are what is asked for at once.
    """

    schemas: tuple[Schema, ...]
    model: Model | None = None
    prompt: Prompt | None = None
    witness: bool = True
    second: Prompt | None = None
    samples: int = 1
    other: Model | None = None
    escalate: Model | None = None
    logprobs: bool = False
    sizes: Sizes = field(default_factory=Sizes)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A record before it is judged, with what it was read from and by."""

    segment: Segment
    layout: Layout
    extraction: Extraction
    pending: Pending
    replies: tuple[Reply, ...]
    second: str = ""  # what came of a second reading
    escalated: str = ""  # what came of showing flagged cells to a stronger model


def structure_document(document: Document, plan: Plan) -> Result:
    """All records of a document, judged, and the text that belongs to none. Raises ModelError if a model is asked and fails."""
    return concluded(structuring(document, plan))


def structuring(document: Document, plan: Plan, outcomes: Counter[str] | None = None) -> Rounds[Result]:
    """The same as a conversation with the plan's models; `outcomes` counts what each reply came to, by name."""
    outcomes = Counter() if outcomes is None else outcomes
    segments, left = segment(document.text, plan.schemas)
    showing = Showing(document)
    came = yield from side_by_side(_draft(showing, part, plan, outcomes) for part in segments)
    drafts = list(_done(came))
    pending = [draft.pending for draft in drafts]
    kin = kin_of([Relative(one.schema, one.values, draft.segment.start) for one, draft in zip(pending, drafts, strict=True)])
    blamed = yield from _blamed(drafts, kin, plan)
    judged = _Judged(document, plan, kin, drafts, blamed)
    if plan.escalate is not None:
        judged = yield from _escalated(judged, plan.escalate)
    unplaced = tuple(_unplaced(document, start, end) for start, end in left)
    return Result(document.source, document.sha256, judged.records, unplaced, document.warnings)


def _done(came: Iterable[_Draft | ModelError]) -> Iterable[_Draft]:
    for one in came:
        if isinstance(one, ModelError):
            raise one
        yield one


# -- reading -----------------------------------------------------------------------------------------------------------


def _draft(showing: Showing, part: Segment, plan: Plan, outcomes: Counter[str]) -> Rounds[_Draft]:
    document = showing.document
    layout = Layout(document.text, part.start, part.end, showing)
    read = yield from _read(part, plan, layout, outcomes)
    return _Draft(part, layout, read.extraction, _pending(document, part, layout, read), read.replies)


def _pending(document: Document, part: Segment, layout: Layout, reading: Reading) -> Pending:
    extraction = reading.extraction
    texts = {place: extract.text for place, extract in extraction.leaves.items()}
    read = figures(part.schema, texts, extraction.rows)
    values = {place: (leaf, _value(document, place, leaf, reading, read)) for place, leaf in leaf_pointers(part.schema, extraction.rows)}
    seconds = {place: _seconds(document, value) for place, (_, value) in values.items() if value.spans} if document.seconds else {}
    return Pending(
        part.schema, values, replace(read, facts=joined(part.schema, read.facts)), (), layout, reading.placed,
        extraction.explained, document.evidence, seconds=seconds,
    )  # fmt: skip


def _seconds(document: Document, value: Value) -> tuple[Loose, ...]:
    """What a recogniser saw in place of a value when it looked a second time, where the value is one word."""
    span = value.spans[0]
    found = document.seconds_in(span.start, span.end) if len(value.spans) == 1 else ()
    return tuple(Loose(second.text, span.start, span.end) for second in found if (second.start, second.end) == (span.start, span.end))


def _value(document: Document, place: str, leaf: Leaf, reading: Reading, read: Figures) -> Value:
    extract, parsed = reading.extraction.leaves[place], read.parsed[place]
    return Value(
        text=extract.text,
        value=parsed.value,
        quantity=read.facts.cells.get(place),
        error=parsed.error,
        spans=tuple(span for start, end in extract.spans for span in document.evidence(start, end)),
        match=reading.matches[place],
        reader=reading.extraction.reader,
        doubts=(*extract.doubts, *unit_at_odds(place, leaf, read.parsed)),
        alternatives=extract.alternatives,
        logprob=extract.logprob,
        agreement=extract.agreement,
    )


def _read(part: Segment, plan: Plan, layout: Layout, outcomes: Counter[str]) -> Rounds[Reading]:
    """The reading of one segment, with every value's place on the page."""
    if plan.model is None:
        return _by_builtin(layout, part.schema)
    try:
        first = yield from reading.read(layout, part.schema, _askings(plan, outcomes), plan.sizes)
    except UnusableReplyError as error:
        if not plan.witness:
            raise
        outcomes[BUILTIN_ALONE] += 1
        return _in_its_place(_by_builtin(layout, part.schema), error)
    if not plan.witness:
        return first
    witness = reader.read(layout, part.schema)
    settled = grounded(layout, part.schema, settle(part.schema, first.extraction, witness, first.matches))
    return replace(settled, placed=(settled.placed or frozenset()) | _agreed(settled.extraction, witness), replies=first.replies)


def _by_builtin(layout: Layout, schema: Schema) -> Reading:
    extraction = reader.read(layout, schema)
    return Reading(extraction, {place: known_match(layout, extract) for place, extract in extraction.leaves.items()})


def _in_its_place(builtin: Reading, error: UnusableReplyError) -> Reading:
    """What the built-in reader made of a form that the model did not read: a person is told."""
    words = f"the model did not read this form, the built-in reader did: {error.what}"
    return replace(told(builtin, (words,)), replies=error.replies)


def _askings(plan: Plan, outcomes: Counter[str]) -> list[Asking]:
    """Every opinion that the plan wants: the model's, its further ones, and another model's."""
    if plan.prompt is None or plan.model is None:
        raise UsageError("a model needs a prompt", remedy="Plan(..., prompt=library.load_prompt())")
    first = Asking(plan.model, plan.prompt, logprobs=plan.logprobs, outcomes=outcomes)
    further = [replace(first, temperature=FURTHER_TEMPERATURE, seed=seed) for seed in range(1, plan.samples)]
    return [first, *further, *([replace(first, model=plan.other)] if plan.other is not None else [])]


def _agreed(settled: Extraction, witness: Extraction) -> frozenset[str]:
    """The values that the witness took from their places too."""
    if settled.rows != witness.rows:
        return frozenset()
    return frozenset(place for place, extract in settled.leaves.items() if extract.text == witness.leaves.get(place, BLANK).text)


# -- judging -----------------------------------------------------------------------------------------------------------


def _blamed(drafts: list[_Draft], kin: Sequence[Kin], plan: Plan) -> Rounds[list[Blamed]]:
    """Failing checks localised, judged and mended, with a second reading of the cells that stay in doubt. `drafts` gain its replies."""
    pending = [draft.pending for draft in drafts]
    if plan.model is None or plan.second is None:
        return blame(pending, kin)
    judging = blaming(pending, kin)
    try:
        doubted = next(judging)
        answers = yield from _second(drafts, doubted, plan, plan.model, plan.second)
        judging.send(answers)
    except StopIteration as end:
        blamed: list[Blamed] = end.value
        return blamed
    raise AssertionError("blame asks once")


def _second(
    drafts: list[_Draft], doubted: Mapping[int, Sequence[str]], plan: Plan, model: Model, prompt: Prompt
) -> Rounds[dict[int, Mapping[str, str | None]]]:
    """Cells read a second time: the model is shown the segment again and asked for these cells alone, not told what the sums would want. A
    model that does not answer leaves the cells to a person, and the record's provenance says so."""
    asking = again.Asking(model, prompt, plan.sizes.shard, calls=SECOND_CALLS, a_shard=1)
    came = yield from side_by_side(_again(drafts[number], places, asking) for number, places in doubted.items())
    found = {}
    for number, one in zip(doubted, came, strict=True):
        if not isinstance(one, ModelError):
            drafts[number] = replace(drafts[number], replies=(*drafts[number].replies, *one.replies), second=one.told)
            found[number] = one.texts
    return found


def _again(draft: _Draft, places: Sequence[str], asking: again.Asking) -> Rounds[again.Answered]:
    return again.asked_again(draft.segment, draft.pending, places, asking)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The records of a document with all that they were made of."""

    document: Document
    plan: Plan
    kin: Sequence[Kin]
    drafts: Sequence[_Draft]
    blamed: Sequence[Blamed]

    @property
    def records(self) -> tuple[Record, ...]:
        pairs = zip(self.drafts, self.blamed, strict=True)
        return tuple(_record(self.document, draft, one, index, self.plan) for index, (draft, one) in enumerate(pairs))


def _escalated(judged: _Judged, model: Model) -> Rounds[_Judged]:
    """The records in the light of a stronger model that was shown their flagged cells; each as it was, if it would be the worse for it."""
    prompt = judged.plan.second
    if prompt is None:
        raise UsageError("a stronger model needs a prompt", remedy="Plan(..., second=library.load_prompt('second'))")
    asking = again.Asking(model, prompt, judged.plan.sizes.shard, calls=ESCALATED_CALLS, a_shard=ESCALATED_CALLS)
    wanted = {index: cells for index, record in enumerate(judged.records) if (cells := flagged(record))}
    came = yield from side_by_side(_again(judged.drafts[index], cells, asking) for index, cells in wanted.items())
    for index, one in zip(wanted, came, strict=True):
        if not isinstance(one, ModelError):
            draft = judged.drafts[index]
            asked = replace(draft, replies=(*draft.replies, *one.replies), escalated=f"{one.told} by {model.name}")
            judged = replace(judged, drafts=_swapped(judged.drafts, index, asked))
            judged = _better(judged, index, one.texts, model.name) if one.texts else judged
    return judged


def _better(judged: _Judged, index: int, answers: Mapping[str, str | None], name: str) -> _Judged:
    """The records with one of them enlightened, unless a check fails then that did not, or a value is proved no more."""
    pending = [one.record for one in judged.blamed]
    tried = blame(_swapped(pending, index, enlightened(pending[index], answers, name)), judged.kin)
    if any(_fails(after.record) > _fails(before.record) for before, after in zip(judged.blamed, tried, strict=True)):
        return judged
    if not pins(pending[index]).keys() <= pins(tried[index].record).keys():
        return judged
    better = replace(tried[index], mended=(*judged.blamed[index].mended, *tried[index].mended))
    return replace(judged, blamed=_swapped(judged.blamed, index, better))


def _fails(pending: Pending) -> int:
    return sum(checked.holds is False for checked in pending.checks)


def _swapped(several: Sequence[T], index: int, one: T) -> list[T]:
    return [one if number == index else other for number, other in enumerate(several)]


def _record(document: Document, draft: _Draft, blamed: Blamed, index: int, plan: Plan) -> Record:
    part, extraction, pending = draft.segment, draft.extraction, blamed.record
    left = tuple(
        replace(entry, page=document.page_of(entry.start))
        for entry in unclaimed(draft.layout, [*pending.claims, *extraction.explained, _title(draft)])
    )
    complete = proved_complete(extraction.rows, pending.checks)
    lost = _lost(pending, left, complete)
    broken = violations(part.schema, {place: value.value for place, (_, value) in pending.values.items()}, extraction.rows)
    reasons = merged(extraction.doubts, broken, blamed.reasons)
    values, review = judge(pending.values, reasons, lost, blamed.reasons, pins(pending))
    return Record(
        kind=part.schema.kind, source=document.source, index=index, start=part.start, end=part.end,
        leaves=values, rows=dict(extraction.rows), checks=pending.checks, review=review,
        unclaimed=left, complete=complete, blame=blamed.sets, localised=blamed.status.value, mended=blamed.mended,
        provenance=_provenance(draft, plan),
    )  # fmt: skip


def _title(draft: _Draft) -> tuple[int, int]:
    """The title line of the form is a heading: it needs no value to claim it."""
    first = draft.layout.lines[0] if draft.layout.lines else None
    return (first.start, first.end) if first is not None else (draft.layout.start, draft.layout.start)


def _lost(pending: Pending, left: tuple[Unclaimed, ...], complete: tuple[str, ...]) -> dict[str, tuple[Unclaimed, ...]]:
    """Unclaimed figures that stand among the rows of a list or table not proved complete: the remains of a row that was lost."""
    found: dict[str, tuple[Unclaimed, ...]] = {}
    root = pending.schema.root
    lists = [node for node in lists_of(root) if "*" not in node.path and not node.itemised and not node.printed.section]
    tables = [node for node in root.members if is_matrix(node)]
    for place in (pointer(*node.path) for node in (*lists, *tables)):
        if place in complete:
            continue
        spans = [span for key, (_, value) in pending.values.items() if key.startswith(place + "/") for span in value.spans]
        if spans:
            start, end = min(span.start for span in spans), max(span.end for span in spans)
            among = tuple(entry for entry in left if start <= entry.start < end and any(char.isdigit() for char in entry.text))
            if among:
                found[place] = among
    return found


def _provenance(draft: _Draft, plan: Plan) -> dict[str, Any]:
    usage = [reply.usage for reply in draft.replies]
    found: dict[str, Any] = {
        "reader": draft.extraction.reader,
        "schema": draft.segment.schema.digest,
        "structurer": __version__,
    }
    if draft.replies:
        found |= {
            "model": draft.replies[-1].model,
            "prompt": plan.prompt.digest if plan.prompt else None,
            "calls": len(draft.replies),
            "recorded": all(reply.recorded for reply in draft.replies),
            "prompt_tokens": _total([entry.prompt_tokens for entry in usage]),
            "completion_tokens": _total([entry.completion_tokens for entry in usage]),
        }
    found |= {"second_reading": draft.second} if draft.second else {}
    return found | ({"escalated": draft.escalated} if draft.escalated else {})


def _total(counts: Sequence[int | None]) -> int | None:
    """None (unknown) as soon as one call did not say."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _unplaced(document: Document, start: int, end: int) -> Unplaced:
    return Unplaced(document.text[start:end].strip(), start, end, document.page_of(start))
