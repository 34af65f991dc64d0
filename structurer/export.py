"""Results in formats that others read: JSON Lines (one record a line), one JSON array with all evidence, or a folder of CSV files.

An exchange record is `{"source", "index", "kind", "record", "review", "checks", "blame", "localised", "corrections", "pinned",
"provenance"}`. `record` has the fields of the schema, numbers as decimal strings; `review` the JSON pointers of the fields, rows or lists a
person should see ("" = the whole record); `checks` every check as the record was read, with its verdict where it failed, and `mended` where
a correction makes it hold; `blame` all smallest sets of pointers that explain the failing checks ("/rows/-" is a lost row), [] where every
check held, and one set of all their cells where `localised` is not "found"; `corrections` what was mended, with the old value and why;
`pinned` how many independent checks prove each figure. Everything is written as it is read, one document at a time.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from structurer import atomic, serial, tables
from structurer.errors import InputError, UsageError
from structurer.record import Checked, Flag, Record, Result, Value, as_json
from structurer.schema import Schema

Schemas = Mapping[str, Schema]


class Format(StrEnum):
    """What an export looks like."""

    RECORDS = "records"
    JSON = "json"
    CSV = "csv"


def format_named(name: str) -> Format:
    """The format of that name. Raises UsageError for an unknown one."""
    if name not in list(Format):
        raise UsageError(f"no format {name!r}", remedy=f"--format {' | '.join(Format)}")
    return Format(name)


def write(results: Iterable[Result], schemas: Schemas, format: Format, out: Path | None) -> None:
    """Export to a file (CSV: a new folder), or to standard output. Raises UsageError where `out` cannot be written."""
    try:
        if format is Format.CSV:
            _write_csv(results, schemas, out)
        else:
            _write_lines(document_lines(results, schemas) if format is Format.JSON else record_lines(results, schemas), out)
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


def document_lines(results: Iterable[Result], schemas: Schemas) -> Iterator[str]:
    """One JSON array of documents with everything that is known of them, a document a line."""
    separator = "[\n"
    for result in results:
        yield separator + serial.line(document(result, schemas))
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


def document(result: Result, schemas: Schemas) -> dict[str, Any]:
    """A document with the evidence of every leaf (offsets count characters of its text), and all text that became no value."""
    rest = serial.to_json(result)
    return {
        "source": result.source,
        "sha256": result.sha256,
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


def _write_csv(results: Iterable[Result], schemas: Schemas, out: Path | None) -> None:
    if out is None:
        raise UsageError("CSV is a folder of files", remedy="name a new folder with --out")
    if out.exists():
        raise UsageError("this exists already", where=str(out), remedy="choose another --out or remove it")
    with atomic.filling(out) as folder, tables.Tables(folder, schemas) as files:
        for result in results:
            for record in result.records:
                schema_of(record, schemas)
                files.add(record, reviewed(record))
