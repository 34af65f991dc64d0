"""Results in formats that others read: JSON Lines (one record a line), one JSON array with all evidence, and tables (see `relations`): a
folder of CSV or Parquet files, an Excel workbook, a DuckDB or SQLite database.

An exchange record is `{"source", "index", "kind", "record", "review", "checks", "blame", "localised", "corrections", "pinned",
"provenance"}`. `record` has the fields of the schema, numbers as decimal strings; `review` the JSON pointers of the fields, rows or lists a
person should see ("" = the whole record); `checks` every check as the record was read, with its verdict where it failed, and `mended` where
a correction makes it hold; `blame` all smallest sets of pointers that explain the failing checks ("/rows/-" is a lost row), [] where every
check held, and one set of all their cells where `localised` is not "found"; `corrections` what was mended, with the old value and why;
`pinned` how many independent checks prove each figure. Everything is written as it is read, one document at a time; only
the names under which documents were found are all in memory.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from structurer import atomic, serial
from structurer.contracts.schema import Schema
from structurer.errors import InputError, UsageError
from structurer.exports.attested import Exported
from structurer.record import Checked, Flag, Record, Result, Value, as_json

Schemas = Mapping[str, Schema]
NamesOf = Mapping[str, Sequence[str]]  # the names of documents, by SHA-256


class Format(StrEnum):
    """What an export looks like."""

    RECORDS = "records"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    DUCKDB = "duckdb"
    SQLITE = "sqlite"


_TITLES = {Format.CSV: "CSV", Format.XLSX: "XLSX", Format.PARQUET: "Parquet", Format.DUCKDB: "DuckDB", Format.SQLITE: "SQLite"}


def format_named(name: str) -> Format:
    """The format of that name. Raises UsageError for an unknown one."""
    if name not in list(Format):
        raise UsageError(f"no format {name!r}", remedy=f"--format {' | '.join(Format)}")
    return Format(name)


def write(results: Iterable[Result], schemas: Schemas, format: Format, out: Path | None, names: Iterable[tuple[str, str]] = ()) -> None:
    """Export to a file or (csv, parquet) a new folder; JSON also to standard output. `names` are SHA-256 and name of documents, one with
    several names several times; what is no result's is left out. Raises UsageError where `out` cannot be written."""
    try:
        if format is Format.RECORDS:
            _write_lines(record_lines(results, schemas), out)
        elif format is Format.JSON:
            _write_lines(document_lines(results, schemas, _by_document(names)), out)
        else:
            _write_tables(results, schemas, format, out, _by_document(names))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror or error}", where=str(out or "stdout"), remedy="choose another --out"
        ) from error


def record_lines(results: Iterable[Result], schemas: Schemas) -> Iterator[str]:
    """JSON Lines: one exchange record a line."""
    for result in results:
        for record in result.records:
            yield serial.line(exchange(record, schema_of(record, schemas))) + "\n"


def document_lines(results: Iterable[Result], schemas: Schemas, names: NamesOf) -> Iterator[str]:
    """One JSON array of documents with everything that is known of them, a document a line."""
    separator = "[\n"
    for result in results:
        yield separator + serial.line(document(result, schemas, names.get(result.sha256, ())))
        separator = ",\n"
    yield "\n]\n" if separator.startswith(",") else "[]\n"


def exchange(record: Record, schema: Schema) -> dict[str, Any]:
    """A record in the exchange format."""
    return {
        "source": record.source,
        "index": record.index,
        "kind": record.kind,
        "record": as_json(schema, {place: leaf.value for place, leaf in record.leaves.items()}, record.rows),
        **judged(record),
        "provenance": serial.to_json(record.provenance),
    }


def judged(record: Record) -> dict[str, Any]:
    """What was found out about a record, in the exchange format."""
    was = {(checked.id, checked.pointer): checked for checked in record.mended}
    return {
        "review": list(reviewed(record)),
        "checks": [_check(was.get((checked.id, checked.pointer), checked), checked) for checked in record.checks],
        "blame": [list(names) for names in record.blame],
        "localised": record.localised,
        "corrections": [_correction(place, leaf) for place, leaf in record.leaves.items() if leaf.correction is not None],
        "pinned": {place: leaf.pinned for place, leaf in record.leaves.items() if leaf.pinned},
    }


def checked_record(record: Record, given: Mapping[str, Any]) -> dict[str, Any]:
    """A record made elsewhere, as it was given, with what was found out about it; only corrected values are changed."""
    tree = copy.deepcopy(dict(given))
    for place, leaf in record.leaves.items():
        if leaf.correction is not None:
            _put(tree["record"], [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]], leaf.value)
    reasons = {review.pointer: list(review.reasons) for review in record.review}
    return {**tree, "kind": record.kind, **judged(record), "reasons": reasons, "provenance": serial.to_json(record.provenance)}


def _put(tree: Any, way: Sequence[str], value: str | int | None) -> None:
    """Put a value in its place, as a number where one stood there; objects that are missing on the way are made."""
    key: Any = int(way[0]) if isinstance(tree, list) else way[0]
    if len(way) > 1:
        if isinstance(tree, dict):
            tree.setdefault(key, None)
        if tree[key] is None:
            tree[key] = {}
        _put(tree[key], way[1:], value)
        return
    was_number = isinstance(tree, dict | list) and isinstance(_at(tree, key), int | float)
    number = json.loads(str(value)) if was_number and value is not None else None
    tree[key] = number if number is not None and json.dumps(number) == str(value) else value


def _at(tree: Any, key: Any) -> Any:
    return tree.get(key) if isinstance(tree, dict) else tree[key]


def _correction(place: str, leaf: Value) -> dict[str, Any]:
    """What a value was, what it is, and why."""
    assert leaf.correction is not None
    was = leaf.correction
    return {
        "pointer": place, "from": was.value if was.value is not None else was.text, "to": leaf.value, "by": was.by, "reason": was.reason,
        "alternatives": list(was.alternatives), "spans": [[span.start, span.end, span.page] for span in leaf.spans],
    }  # fmt: skip


def document(result: Result, schemas: Schemas, names: Sequence[str]) -> dict[str, Any]:
    """A document with the evidence of every leaf (offsets count characters of its text), all text that became no value, and all `names`
    under which it was found."""
    rest = serial.to_json(result)
    return {
        "source": result.source,
        "sha256": result.sha256,
        "names": list(names),
        "warnings": list(result.warnings),
        "records": [exchange(record, schema_of(record, schemas)) | _evidence(record) for record in result.records],
        "unplaced": rest.get("unplaced", []),
    }


def reviewed(record: Record) -> dict[str, tuple[str, ...]]:
    """What a person should see, by pointer, with the reasons: reviews of the record and leaves that are not accepted."""
    found = {review.pointer: review.reasons for review in record.review if review.flag is not Flag.ACCEPT}
    for place, leaf in record.leaves.items():
        if leaf.flag is not Flag.ACCEPT:
            found.setdefault(place, leaf.doubts)
    return found


def schema_of(record: Record, schemas: Schemas) -> Schema:
    """The schema a record was read by. Raises InputError where it is not at hand."""
    schema = schemas.get(record.kind)
    if schema is None:
        raise InputError(f"no schema of kind {record.kind!r}", where=f"{record.source}/{record.index}", remedy="structurer schema list")
    return schema


def _check(checked: Checked, now: Checked) -> dict[str, Any]:
    """A check as the record was read; `now` is the same after the corrections."""
    outcome = checked.outcome
    found = {
        "id": checked.id,
        "pointer": checked.pointer,
        "level": outcome.level.value,
        "left": outcome.left,
        "right": outcome.right,
        "allowed": outcome.allowed,
        "words": f"{checked.says}: {outcome.words}" if checked.says else outcome.words,
        "holds": checked.holds,
        "requires": checked.requires,
        "verdict": checked.verdict.value if checked.verdict is not None else None,
        "evidence": checked.evidence,
    }
    return found | ({"mended": True} if now is not checked else {})


def _evidence(record: Record) -> dict[str, Any]:
    plain = serial.to_json(record)
    evidence = {place: {key: part for key, part in leaf.items() if key != "quantity"} for place, leaf in plain["leaves"].items()}
    kept = {key: plain.get(key, []) for key in ("unclaimed", "complete")}
    return {"start": record.start, "end": record.end, "evidence": evidence, "reasons": plain.get("review", []), **kept}


def _write_lines(lines: Iterable[str], out: Path | None) -> None:
    with nullcontext(_stdout()) if out is None else atomic.writing(out) as file:
        file.writelines(lines)
        file.flush()


def _stdout() -> TextIO:
    """Standard output in UTF-8 whatever the locale: the formats are UTF-8."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(encoding="utf-8", errors=atomic.ENCODING_ERRORS, newline="\n")
    return sys.stdout


def _by_document(names: Iterable[tuple[str, str]]) -> NamesOf:
    """The names of each document in their order, none twice."""
    found = dict[str, dict[str, None]]()
    for sha256, name in names:
        found.setdefault(sha256, {})[name] = None
    return {sha256: tuple(own) for sha256, own in found.items()}


def _write_tables(results: Iterable[Result], schemas: Schemas, format: Format, out: Path | None, names: NamesOf) -> None:
    folder = format in (Format.CSV, Format.PARQUET)
    if out is None:
        kind = "folder of files" if folder else "file of its own kind"
        raise UsageError(f"{_TITLES[format]} is a {kind}", remedy=f"name a new {'folder' if folder else 'file'} with --out")
    if out.is_dir() or (folder and out.exists()):
        raise UsageError("this exists already", where=str(out), remedy="choose another --out or remove it")
    _writer_of(format)((_exported(result, schemas, names) for result in results), schemas, out)


def _exported(result: Result, schemas: Schemas, names: NamesOf) -> Exported:
    reviews = tuple(_reviewed_of(record, schemas) for record in result.records)
    return Exported(result, reviews, tuple(names.get(result.sha256, ())))


def _reviewed_of(record: Record, schemas: Schemas) -> dict[str, tuple[str, ...]]:
    schema_of(record, schemas)
    return reviewed(record)


def _writer_of(format: Format) -> Callable[[Iterable[Exported], Schemas, Path], None]:
    """What writes a format; only that is imported."""
    match format:
        case Format.CSV:
            from structurer.exports.csvfiles import write
        case Format.XLSX:
            from structurer.exports.workbooks import write
        case Format.SQLITE:
            from structurer.exports.sqlitefiles import write
        case Format.PARQUET:
            from structurer.exports.duckfiles import write_parquet as write
        case _:
            from structurer.exports.duckfiles import write
    return write
