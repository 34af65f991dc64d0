"""Records made elsewhere, checked: their arithmetic confronted, what is wrong localised and, with their pages, grounded and mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from structurer import __version__, atomic, exchange, serial
from structurer.builtin import reader
from structurer.contracts.schema import Leaf, Schema
from structurer.document import Document, Span
from structurer.errors import InputError, UsageError
from structurer.exchange import Flat, Line
from structurer.exports.export import checked_record
from structurer.intake import ingest
from structurer.judging.blame import Blamed, blame
from structurer.judging.confront import Figures, figures, joined
from structurer.judging.evidence import Pending
from structurer.judging.ground import Grounds, ground
from structurer.judging.kinship import Relative, kin_of
from structurer.judging.parse import parse
from structurer.judging.pins import pins
from structurer.judging.trust import judge, merged
from structurer.judging.validate import violations
from structurer.layout import Layout
from structurer.pages import Pages, Place, Sought
from structurer.record import Extract, Extraction, Match, Record, Value, leaf_pointers

SHOWN = 5  # pointers that a sentence names
TRUSTED = 0.8  # share of a record's figures in which the built-in reader must agree before it is heard where it differs
MADE_ELSEWHERE = "given"  # the reader of a record that another tool made


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked: records in JSON Lines, the schemas of their kinds, their sources (none: rules alone), whether the built-in
    reader is heard as a witness, and what makes documents of the sources."""

    file: Path
    schemas: tuple[Schema, ...]
    sources: tuple[Path, ...] = ()
    witness: bool = True
    read: Callable[[Path], Document] = ingest.read


@dataclass(slots=True)
class Tally:
    """What came of it: `to_review` counts records for a person to see, `mended` corrected values, `errors` are lines that are no record."""

    records: int = 0
    failed: int = 0
    mended: int = 0
    to_review: int = 0
    grounded: int = 0
    errors: tuple[InputError, ...] = ()


def run(wanted: Wanted, out: Path) -> Tally:
    """Check the records of a file and write them, whole, to `out`. Raises InputError where the file or a source cannot be read, UsageError
    where `out` cannot be written."""
    found = list(exchange.read_lines(wanted.file, [schema.kind for schema in wanted.schemas]))
    if not found:
        raise InputError("no record in it", where=str(wanted.file), remedy=exchange.REMEDY)
    documents = [(source, wanted.read(source)) for source in wanted.sources]
    tally = Tally(errors=tuple(line for line in found if isinstance(line, InputError)))
    given, errors = _given([line for line in found if isinstance(line, Line)], wanted)
    tally.errors = tuple(sorted((*tally.errors, *errors), key=_line_of))
    pages = Pages(documents, wanted.schemas, {one.line.source for one in given})
    try:
        with atomic.writing(out) as file:
            trees = {number: tree for group in _by_source(given) for number, tree in _checked(group, pages, wanted, tally)}
            file.writelines(serial.line(tree) + "\n" for _, tree in sorted(trees.items()))
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", where=str(out), remedy="choose another --out") from error
    return tally


def _line_of(error: InputError) -> int:
    """The number of the line that an error names."""
    found = re.search(r":(\d+)(?:#|$)", error.where)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class _Given:
    """A record as handed over."""

    line: Line
    schema: Schema
    flat: Flat


def _given(lines: Iterable[Line], wanted: Wanted) -> tuple[list[_Given], tuple[InputError, ...]]:
    schemas = {schema.kind: schema for schema in wanted.schemas}
    found, errors = [], list[InputError]()
    for line in lines:
        try:
            found.append(_Given(line, schemas[line.kind], exchange.flatten(schemas[line.kind], line, str(wanted.file))))
        except InputError as error:
            errors.append(error)
    return found, tuple(errors)


def _by_source(given: Sequence[_Given]) -> Iterator[list[_Given]]:
    """The records of each source together, in the order of the file: checks across records concern those of one document."""
    groups: dict[str, list[_Given]] = {}
    for one in given:
        groups.setdefault(one.line.source, []).append(one)
    yield from groups.values()


def _checked(group: Sequence[_Given], pages: Pages, wanted: Wanted, tally: Tally) -> Iterator[tuple[int, Any]]:
    """The records of one source, checked, each with the number of its line."""
    found = [pages.place(Sought(one.schema, one.flat.texts, one.line.source)) for one in group]
    pending, rows = zip(*(_pending(one, place, wanted) for one, place in zip(group, found, strict=True)), strict=True)
    starts = [place.segment.start if place is not None else number for number, place in enumerate(found)]
    kin = kin_of([Relative(one.schema, one.values, start) for one, start in zip(pending, starts, strict=True)])
    for number, (one, place, blamed) in enumerate(zip(group, found, blame(pending, kin), strict=True)):
        record = _record(one, place, blamed, number, rows[number])
        tally.records += 1
        tally.failed += sum(checked.holds is False for checked in record.checks)
        tally.mended += sum(value.correction is not None for value in record.leaves.values())
        tally.to_review += bool(record.review)
        tally.grounded += place is not None
        yield one.line.number, checked_record(record, exchange.plain(one.line.tree))


# -- one record --------------------------------------------------------------------------------------------------------


def _pending(one: _Given, place: Place | None, wanted: Wanted) -> tuple[Pending, dict[str, tuple[str, ...]]]:
    """The record with what its page says of it, and which of its lists the witness reads with other rows."""
    read = figures(one.schema, one.flat.texts, one.flat.rows)
    leaves = [(cell, leaf, Extract(one.flat.texts.get(cell))) for cell, leaf in leaf_pointers(one.schema, one.flat.rows)]
    if place is None:
        values = {cell: (leaf, _value(extract, read, cell, (), Match.NONE)) for cell, leaf, extract in leaves}
        return Pending(one.schema, values, replace(read, facts=joined(one.schema, read.facts)), (), confirmed=one.line.confirmed), {}
    document, part = place.document, place.segment
    layout = Layout(document.text, part.start, part.end)
    grounds = ground(layout, leaves, verbatim=False)
    values = {cell: (leaf, _grounded(extract, read, cell, grounds, document)) for cell, leaf, extract in leaves}
    witness = reader.read(layout, one.schema) if wanted.witness else None
    short: dict[str, tuple[str, ...]] = {}
    if witness is not None:
        heard = _heard(values, witness, one.flat.rows)
        if _is_trusted(values, heard):
            values, short = _witnessed(values, witness, heard), dict(_other_rows(witness, one.flat.rows))
    placed = grounds.placed | {cell for cell, (_, value) in values.items() if value.reader != MADE_ELSEWHERE}
    pending = Pending(
        one.schema, values, replace(read, facts=joined(one.schema, read.facts)), (), layout, placed,
        witness.explained if witness is not None else (), document.evidence, one.line.confirmed, longer=frozenset(short),
    )  # fmt: skip
    return pending, short


def _grounded(extract: Extract, read: Figures, cell: str, grounds: Grounds, document: Document) -> Value:
    spans, match = grounds.found.get(cell, ((), Match.NONE))
    return _value(extract, read, cell, tuple(span for start, end in spans for span in document.evidence(start, end)), match)


def _value(extract: Extract, read: Figures, cell: str, spans: tuple[Span, ...], match: Match) -> Value:
    parsed = read.parsed[cell]
    return Value(extract.text, parsed.value, read.facts.cells.get(cell), parsed.error, spans, match, MADE_ELSEWHERE)


def _heard(values: Mapping[str, tuple[Leaf, Value]], witness: Extraction, rows: Mapping[str, int]) -> dict[str, bool]:
    """The figures that a witness reads in lists of as many rows, and whether it reads them alike."""
    same_rows = {place for place, count in rows.items() if witness.rows.get(place, 0) == count}
    return {
        cell: parse(witness.leaves[cell].text, leaf.kind, leaf.choices).number == _number(leaf, value)
        for cell, (leaf, value) in values.items()
        if leaf.kind.numeric and cell in witness.leaves and all(place in same_rows for place in _lists_above(cell, rows))
    }


def _is_trusted(values: Mapping[str, tuple[Leaf, Value]], heard: Mapping[str, bool]) -> bool:
    """Whether a witness reads most figures of the record alike."""
    read = [alike for cell, alike in heard.items() if values[cell][1].text is not None]
    return sum(read) >= TRUSTED * len(read)


def _witnessed(values: Mapping[str, tuple[Leaf, Value]], witness: Extraction, heard: Mapping[str, bool]) -> dict[str, tuple[Leaf, Value]]:
    """The values with what a witness reads in their places."""
    found = dict(values)
    for cell, alike in heard.items():
        leaf, value = values[cell]
        if alike:
            found[cell] = leaf, replace(value, reader=f"{value.reader}+{witness.reader}")
        else:
            found[cell] = leaf, replace(value, alternatives=(value.text, witness.leaves[cell].text))
    return found


def _other_rows(witness: Extraction, rows: Mapping[str, int]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lists of which a witness reads more rows than the record has."""
    for place, count in rows.items():
        if witness.rows.get(place, 0) > count:
            yield place, (f"the built-in reader reads {witness.rows[place]} rows there, the record has {count}",)


def _lists_above(cell: str, rows: Mapping[str, int]) -> list[str]:
    return [place for place in rows if cell.startswith(place + "/")]


def _number(leaf: Leaf, value: Value) -> Any:
    return parse(value.text, leaf.kind, leaf.choices).number


def _record(one: _Given, place: Place | None, blamed: Blamed, number: int, rows: Mapping[str, tuple[str, ...]]) -> Record:
    pending = blamed.record
    broken = violations(one.schema, {cell: value.value for cell, (_, value) in pending.values.items()}, one.flat.rows)
    strange = tuple(_unknown(one))
    unknown = {"": strange} if strange else {}
    elsewhere = dict(_elsewhere(pending)) if place is not None else {}
    reasons = merged(broken, unknown, elsewhere, dict(_blanks(pending)), rows, blamed.reasons)
    values, review = judge(pending.values, reasons, {}, blamed.reasons, pins(pending), page=place is not None)
    part = place.segment if place is not None else None
    return Record(
        kind=one.schema.kind, source=one.line.source, index=number, start=part.start if part else 0, end=part.end if part else 0,
        leaves=values, rows=one.flat.rows, checks=pending.checks, review=review, blame=blamed.sets, localised=blamed.status.value,
        mended=blamed.mended, provenance=_provenance(one, place),
    )  # fmt: skip


def _unknown(one: _Given) -> Iterator[str]:
    """What the schema does not know of a record."""
    if one.flat.unknown:
        yield f"the schema does not know {', '.join(one.flat.unknown[:SHOWN])}{' and more' * (len(one.flat.unknown) > SHOWN)}"
    astray = sorted(place for place in one.line.confirmed if place not in one.flat.texts)
    if astray:
        yield f"confirmed, but no value: {', '.join(astray[:SHOWN])}"


def _elsewhere(pending: Pending) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Figures that are printed, but not surely where they belong; and those that the witness reads otherwise."""
    for cell, (leaf, value) in pending.values.items():
        if value.text is not None and leaf.kind.numeric and value.match is not Match.NONE and value.correction is None:
            if value.alternatives:
                other = value.alternatives[-1]
                yield cell, (f"the built-in reader reads {'a blank' if other is None else repr(other)} there",)
            elif not pending.is_placed(cell):
                yield cell, ("the page prints it, but not surely where it belongs",)
    for cell, unit in pending.other_units.items():
        yield cell, (f"the page prints {unit.text} behind the figure",)


def _blanks(pending: Pending) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Blanks in which the witness reads a figure; those of a column that is blank in all rows are told once, at its list."""
    filled = {leaf.path for leaf, value in pending.values.values() if value.text is not None}
    columns: dict[tuple[str, str], list[str]] = {}
    for cell, (leaf, value) in pending.values.items():
        if value.text is None and value.alternatives and value.alternatives[-1] is not None:
            if "*" not in leaf.path or leaf.path in filled:
                yield cell, (f"blank, the built-in reader reads {value.alternatives[-1]!r} there",)
            else:
                above = _lists_above(cell, pending.rows)[0]
                columns.setdefault((above, leaf.name), []).append(value.alternatives[-1])
    told: dict[str, list[str]] = {}
    for (above, name), read in columns.items():
        told.setdefault(above, []).append(f"{name} is blank in all rows, the built-in reader reads {', '.join(read[:SHOWN])} there")
    yield from ((above, tuple(words)) for above, words in told.items())


def _provenance(one: _Given, place: Place | None) -> dict[str, Any]:
    given = one.line.tree.get("provenance", {})
    mine = {"checked_by": f"structurer {__version__}", "schema": one.schema.digest}
    page = {"page_source": place.document.source, "page_sha256": place.document.sha256} if place is not None else {}
    return {**(exchange.plain(given) if isinstance(given, dict) else {"given": exchange.plain(given)}), **mine, **page}
