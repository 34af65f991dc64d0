"""The way of a document: segment, read (model, built-in reader or both), ground, confront, judge. The only place that orders stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structurer import __version__, reader
from structurer.blame import Blamed, Reread, blame
from structurer.checks import Quantity
from structurer.confront import figures, joined, lists_of
from structurer.document import Document
from structurer.errors import UsageError
from structurer.evidence import Pending
from structurer.ground import ground, known_match
from structurer.kinship import Relative, kin_of
from structurer.labels import is_matrix
from structurer.layout import Layout
from structurer.ledger import proved_complete, unclaimed
from structurer.llm import Model, Reply
from structurer.parse import Parsed
from structurer.pins import pins
from structurer.record import Extract, Extraction, Match, Record, Result, Unclaimed, Unplaced, Value, leaf_pointers, pointer
from structurer.schema import Schema
from structurer.segment import Segment, segment
from structurer.settle import settle
from structurer.trust import judge, merged
from structurer.validate import violations

if TYPE_CHECKING:
    from structurer.extract import Prompt


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read documents with: the schemas, and a model with its prompt or (without) the built-in reader alone; `witness` lets the
    built-in reader read beside a model; `second` is the prompt of a second reading of single cells (None: there is none)."""

    schemas: tuple[Schema, ...]
    model: Model | None = None
    prompt: Prompt | None = None
    witness: bool = True
    second: Prompt | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A record before it is judged, with what it was read from and by."""

    segment: Segment
    layout: Layout
    extraction: Extraction
    pending: Pending
    replies: tuple[Reply, ...]
    second: str = ""  # what came of a second reading


def structure_document(document: Document, plan: Plan) -> Result:
    """All records of a document, judged, and the text that belongs to none. Raises ModelError if a model is asked and fails."""
    segments, left = segment(document.text, plan.schemas)
    drafts = [_draft(document, part, plan) for part in segments]
    pending = [draft.pending for draft in drafts]
    kin = kin_of([Relative(one.schema, one.values, draft.segment.start) for one, draft in zip(pending, drafts, strict=True)])
    second = _Second(document, plan, drafts)
    blamed = blame(pending, kin, second.reread)
    records = tuple(_record(document, second.drafts[index], one, index, plan) for index, one in enumerate(blamed))
    unplaced = tuple(_unplaced(document, start, end) for start, end in left)
    return Result(document.source, document.sha256, records, unplaced, document.warnings)


def structure(
    path: str | Path, *, schema: Schema | str | Path | type | None = None, model: Model | str | None = None
) -> tuple[Result, ...]:
    """Structure a file or folder. `schema`: a Schema, a schema file, or a pydantic model class (default: the shipped ones); `model`: a
    Model or the name of one at OPENAI_BASE_URL (default: the built-in reader). Raises StructurerError."""
    from structurer import ingest, library, providers

    asked = providers.from_environment(model) if isinstance(model, str) else model
    if isinstance(model, str) and asked is None:
        raise UsageError(f"the model {model!r} has no endpoint", remedy="set OPENAI_API_KEY or OPENAI_BASE_URL")
    plan = Plan(_schemas(schema), asked, library.load_prompt() if asked else None, second=library.load_prompt("second") if asked else None)
    files, errors, _ = ingest.discover([Path(path)])
    if errors:
        raise errors[0]
    return tuple(structure_document(ingest.read(file), plan) for file in files)


def _schemas(schema: Any) -> tuple[Schema, ...]:
    from structurer import library

    if schema is None:
        return library.shipped_schemas()
    if isinstance(schema, Schema):
        return (schema,)
    if isinstance(schema, str | Path):
        return (library.load_schema(Path(schema)),)
    return (library.schema_of_model(schema),)


# -- reading -----------------------------------------------------------------------------------------------------------


def _draft(document: Document, part: Segment, plan: Plan) -> _Draft:
    layout = Layout(document.text, part.start, part.end)
    reading = _read(document, part, plan, layout)
    extraction, matches = reading.extraction, reading.matches
    texts = {place: extract.text for place, extract in extraction.leaves.items()}
    read = figures(part.schema, texts, extraction.rows)
    values = {
        place: (
            leaf,
            _value(document, extraction.leaves[place], read.parsed[place], read.facts.cells.get(place), matches[place], extraction.reader),
        )
        for place, leaf in leaf_pointers(part.schema, extraction.rows)
    }
    pending = Pending(
        part.schema, values, replace(read, facts=joined(part.schema, read.facts)), (), layout, reading.placed,
        extraction.explained, document.evidence,
    )  # fmt: skip
    return _Draft(part, layout, extraction, pending, reading.replies)


def _value(document: Document, extract: Extract, parsed: Parsed, quantity: Quantity | None, match: Match, name: str) -> Value:
    return Value(
        text=extract.text,
        value=parsed.value,
        quantity=quantity,
        error=parsed.error,
        spans=tuple(span for start, end in extract.spans for span in document.evidence(start, end)),
        match=match,
        reader=name,
        doubts=extract.doubts,
        alternatives=extract.alternatives,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a segment was read as: how each value was found on the page, and which stand where the order of the record puts them (None: the
    reader took every value from its place)."""

    extraction: Extraction
    matches: dict[str, Match]
    placed: frozenset[str] | None = None
    replies: tuple[Reply, ...] = ()


def _read(document: Document, part: Segment, plan: Plan, layout: Layout) -> _Reading:
    """The reading of one segment, with every value's place on the page."""
    if plan.model is None:
        extraction = reader.read(layout, part.schema)
        return _Reading(extraction, {place: known_match(layout, extract) for place, extract in extraction.leaves.items()})
    from structurer.extract import extract as ask

    if plan.prompt is None:
        raise UsageError("a model needs a prompt", remedy="Plan(..., prompt=library.load_prompt())")
    asked, replies = ask(document.text[part.start : part.end].strip(), part.schema, plan.model, plan.prompt)
    first = replace(_grounded(layout, part.schema, asked), replies=replies)
    if not plan.witness:
        return first
    witness = reader.read(layout, part.schema)
    settled = _grounded(layout, part.schema, settle(part.schema, first.extraction, witness, first.matches))
    return replace(settled, placed=(settled.placed or frozenset()) | _agreed(settled.extraction, witness), replies=replies)


def _agreed(settled: Extraction, witness: Extraction) -> frozenset[str]:
    """The values that the witness took from their places too."""
    if settled.rows != witness.rows:
        return frozenset()
    return frozenset(place for place, extract in settled.leaves.items() if extract.text == witness.leaves.get(place, Extract(None)).text)


def _grounded(layout: Layout, schema: Schema, extraction: Extraction) -> _Reading:
    """Give every leaf of a model's reading its place on the page."""
    places = [(place, leaf, extraction.leaves[place]) for place, leaf in leaf_pointers(schema, extraction.rows)]
    grounds = ground(layout, places)
    found = {place: grounds.found.get(place, ((), Match.NONE)) for place, _, _ in places}
    leaves = {place: replace(extract, spans=found[place][0]) for place, _, extract in places}
    return _Reading(replace(extraction, leaves=leaves), {place: match for place, (_, match) in found.items()}, grounds.placed)


class _Second:
    """Reads cells a second time: the model is shown the segment again and asked for these cells alone, not told what the sums would want.

    `drafts` gain the replies. A model that does not answer leaves the cells to a person, and the record's provenance says so.
    """

    def __init__(self, document: Document, plan: Plan, drafts: list[_Draft]) -> None:
        self.document, self.plan, self.drafts = document, plan, drafts

    @property
    def reread(self) -> Reread | None:
        """The reader of single cells, if the plan has one."""
        return self._read if self.plan.model is not None and self.plan.second is not None else None

    def _read(self, number: int, places: Sequence[str]) -> dict[str, str | None]:
        from structurer.second import read_again

        draft, model, prompt = self.drafts[number], self.plan.model, self.plan.second
        assert model is not None
        assert prompt is not None
        text = self.document.text[draft.segment.start : draft.segment.end].strip()
        answers, reply = read_again(text, draft.pending, places, model, prompt)
        told = f"not answered: {reply}" if isinstance(reply, str) else f"{len(answers)} of {len(places)} cells"
        replies = draft.replies if isinstance(reply, str) else (*draft.replies, reply)
        self.drafts[number] = replace(draft, replies=replies, second=told)
        return answers


# -- judging -----------------------------------------------------------------------------------------------------------


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
    return found | ({"second_reading": draft.second} if draft.second else {})


def _total(counts: Sequence[int | None]) -> int | None:
    """None (unknown) as soon as one call did not say."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _unplaced(document: Document, start: int, end: int) -> Unplaced:
    return Unplaced(document.text[start:end].strip(), start, end, document.page_of(start))
