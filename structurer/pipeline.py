"""The way of a document: segment, read (model, built-in reader or both), ground, confront, judge. The only place that orders stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structurer import __version__, reader
from structurer.checks import Facts, Quantity
from structurer.confront import check, figures, grafted, joined, lists_of
from structurer.document import Document
from structurer.errors import UsageError
from structurer.fold import squeeze
from structurer.ground import ground, known_match
from structurer.labels import is_matrix
from structurer.layout import Layout
from structurer.ledger import proved_complete, unclaimed
from structurer.llm import Model, Reply
from structurer.parse import Parsed
from structurer.record import Checked, Extract, Extraction, Match, Record, Result, Unclaimed, Unplaced, Value, leaf_pointers, pointer
from structurer.schema import Leaf, Related, Schema
from structurer.segment import Segment, segment
from structurer.settle import settle
from structurer.trust import judge
from structurer.validate import violations

if TYPE_CHECKING:
    from structurer.extract import Prompt

MIN_NAME_LIKENESS = 0.5  # of two names of one project: reports shorten and extend them


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read documents with: the schemas, and a model with its prompt or (without) the built-in reader alone; `witness` lets the
    built-in reader read beside a model."""

    schemas: tuple[Schema, ...]
    model: Model | None = None
    prompt: Prompt | None = None
    witness: bool = True


@dataclass(frozen=True, slots=True)
class _Draft:
    """A record before it is judged: everything that checks across records may still add to."""

    segment: Segment
    layout: Layout
    extraction: Extraction
    values: dict[str, tuple[Leaf, Value]]
    facts: Facts
    checks: tuple[Checked, ...]
    replies: tuple[Reply, ...]


def structure_document(document: Document, plan: Plan) -> Result:
    """All records of a document, judged, and the text that belongs to none. Raises ModelError if a model is asked and fails."""
    segments, left = segment(document.text, plan.schemas)
    drafts = [_draft(document, part, plan) for part in segments]
    drafts = _across(drafts)
    records = tuple(_record(document, draft, index, plan) for index, draft in enumerate(drafts))
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
    plan = Plan(_schemas(schema), asked, library.load_prompt() if asked else None)
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
    extraction, matches, replies = _read(document, part, plan, layout)
    texts = {place: extract.text for place, extract in extraction.leaves.items()}
    read = figures(part.schema, texts, extraction.rows)
    values = {
        place: (
            leaf,
            _value(document, extraction.leaves[place], read.parsed[place], read.facts.cells.get(place), matches[place], extraction.reader),
        )
        for place, leaf in leaf_pointers(part.schema, extraction.rows)
    }
    facts = joined(part.schema, read.facts)
    return _Draft(part, layout, extraction, values, facts, check(part.schema, facts), replies)


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


def _read(document: Document, part: Segment, plan: Plan, layout: Layout) -> tuple[Extraction, dict[str, Match], tuple[Reply, ...]]:
    """The reading of one segment, with every value's place on the page."""
    if plan.model is None:
        extraction = reader.read(layout, part.schema)
        return extraction, {place: known_match(layout, extract) for place, extract in extraction.leaves.items()}, ()
    from structurer.extract import extract as ask

    if plan.prompt is None:
        raise UsageError("a model needs a prompt", remedy="Plan(..., prompt=library.load_prompt())")
    asked, replies = ask(document.text[part.start : part.end].strip(), part.schema, plan.model, plan.prompt)
    asked, matches = _grounded(layout, part.schema, asked)
    if not plan.witness:
        return asked, matches, replies
    witness = reader.read(layout, part.schema)
    settled = settle(part.schema, asked, witness, matches)
    settled, matches = _grounded(layout, part.schema, settled)
    return settled, matches, replies


def _grounded(layout: Layout, schema: Schema, extraction: Extraction) -> tuple[Extraction, dict[str, Match]]:
    """Give every leaf of a model's reading its place on the page."""
    places = [(place, leaf, extraction.leaves[place]) for place, leaf in leaf_pointers(schema, extraction.rows)]
    found = ground(layout, places)
    leaves: dict[str, Extract] = {}
    matches: dict[str, Match] = {}
    for place, _, extract in places:
        spans, match = found.get(place, ((), Match.NONE))
        leaves[place] = replace(extract, spans=spans)
        matches[place] = match
    return replace(extraction, leaves=leaves), matches


# -- records of one document beside each other -------------------------------------------------------------------------


def _across(drafts: list[_Draft]) -> list[_Draft]:
    """Add the checks that name related records of the same document."""
    return [
        replace(draft, checks=(*draft.checks, *_related_checks(draft, drafts))) if draft.segment.schema.related else draft
        for draft in drafts
    ]


def _related_checks(draft: _Draft, drafts: list[_Draft]) -> tuple[Checked, ...]:
    others: dict[str, Facts | list[Facts]] = {}
    for alias, related in draft.segment.schema.related:
        kin = [other for other in drafts if other.segment.schema.kind == related.kind]
        if related.by is None:
            others[alias] = [other.facts for other in kin]
        elif partner := _partner(draft, related, drafts, kin):
            others[alias] = partner.facts
    return check(draft.segment.schema, grafted(draft.facts, others), across=True)


def _partner(draft: _Draft, related: Related, drafts: list[_Draft], kin: list[_Draft]) -> _Draft | None:
    """The record of the other kind with the same name: names paired one to one, likest first, the nearest on the page among equals."""
    own = [other for other in drafts if other.segment.schema is draft.segment.schema]
    pairs = [
        (-_likeness(_name(one, related), _name(two, related)), abs(two.segment.start - one.segment.start), i, j)
        for i, one in enumerate(own)
        for j, two in enumerate(kin)
    ]
    taken: dict[int, int] = {}
    for likeness, _, i, j in sorted(pairs):
        if -likeness >= MIN_NAME_LIKENESS and i not in taken and j not in taken.values():
            taken[i] = j
    index = next(number for number, other in enumerate(own) if other is draft)
    return kin[taken[index]] if index in taken else None


def _name(draft: _Draft, related: Related) -> str:
    found = draft.values.get(pointer(related.by or ""))
    return squeeze(str(found[1].value or "")) if found else ""


def _likeness(one: str, two: str) -> float:
    if not one or not two:
        return 0.0
    return 1.0 if one == two else SequenceMatcher(None, one, two, autojunk=False).ratio()


# -- judging -----------------------------------------------------------------------------------------------------------


def _record(document: Document, draft: _Draft, index: int, plan: Plan) -> Record:
    part, extraction = draft.segment, draft.extraction
    claims = [(span.start, span.end) for _, value in draft.values.values() for span in value.spans]
    left = tuple(
        replace(entry, page=document.page_of(entry.start))
        for entry in unclaimed(draft.layout, [*claims, *extraction.explained, _title(draft)])
    )
    complete = proved_complete(extraction.rows, draft.checks)
    lost = _lost(draft, left, complete)
    broken = violations(part.schema, {place: value.value for place, (_, value) in draft.values.items()}, extraction.rows)
    doubts = {place: (*extraction.doubts.get(place, ()), *broken.get(place, ())) for place in {**extraction.doubts, **broken}}
    values, review = judge(draft.values, doubts, draft.checks, lost)
    return Record(
        kind=part.schema.kind, source=document.source, index=index, start=part.start, end=part.end,
        leaves=values, rows=dict(extraction.rows), checks=draft.checks, review=review,
        unclaimed=left, complete=complete, provenance=_provenance(draft, plan),
    )  # fmt: skip


def _title(draft: _Draft) -> tuple[int, int]:
    """The title line of the form is a heading: it needs no value to claim it."""
    first = draft.layout.lines[0] if draft.layout.lines else None
    return (first.start, first.end) if first is not None else (draft.layout.start, draft.layout.start)


def _lost(draft: _Draft, left: tuple[Unclaimed, ...], complete: tuple[str, ...]) -> dict[str, tuple[Unclaimed, ...]]:
    """Unclaimed figures that stand among the rows of a list or table not proved complete: the remains of a row that was lost."""
    found: dict[str, tuple[Unclaimed, ...]] = {}
    root = draft.segment.schema.root
    lists = [node for node in lists_of(root) if "*" not in node.path and not node.itemised and not node.printed.section]
    tables = [node for node in root.members if is_matrix(node)]
    for place in (pointer(*node.path) for node in (*lists, *tables)):
        if place in complete:
            continue
        spans = [span for key, (_, value) in draft.values.items() if key.startswith(place + "/") for span in value.spans]
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
    return found


def _total(counts: Sequence[int | None]) -> int | None:
    """None (unknown) as soon as one call did not say."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _unplaced(document: Document, start: int, end: int) -> Unplaced:
    return Unplaced(document.text[start:end].strip(), start, end, document.page_of(start))
