"""What is known of values beside them, as columns and rows: what read a form, where a value stands, what speaks for and against it.

Each function returns the cells of one row behind its key. Lists are JSON arrays, sentences are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Any, Final

from structurer import serial
from structurer.contracts.schema import Kind, Leaf
from structurer.document import Span
from structurer.exports.columns import columns
from structurer.judging.confront import unit_of
from structurer.judging.parse import UNITS
from structurer.record import Checked, Flag, Record, Result, Value

Reviewed = Mapping[str, Sequence[str]]

PERCENT: Final = "%"
_EXACTLY: Final = Context(prec=100, traps=[Inexact])  # a figure has at most 40 digits, a printed calculation a few more
RECORD_KEY: Final = columns("document record:integer")
NAMES: Final = columns("document name")
DOCUMENTS: Final = columns("document source sha256 copy:integer records:integer to_review:integer failed_checks:integer warnings")
RECORDS: Final = (*RECORD_KEY, *columns(
    "kind page:integer span_start:integer span_end:integer to_review:integer failed_checks:integer complete_lists blame localised reader "
    "model schema_digest prompt_digest structurer_version provenance"
))  # fmt: skip
LINEAGE: Final = (*RECORD_KEY, *columns(
    "pointer table_name column_name row:integer row_pointer text value unit quantity:decimal error page:integer span_start:integer "
    "span_end:integer box_x0:real box_top:real box_x1:real box_bottom:real pieces:integer spans confidence:real reader match flag "
    "score:real reasons alternatives logprob:real agreement pinned:integer corrected_text corrected_value corrected_by correction_reason "
    "correction_alternatives"
))  # fmt: skip
REVIEW: Final = (*RECORD_KEY, *columns("pointer table_name column_name kind value text page:integer flag reasons"))
CHECKS: Final = (*RECORD_KEY, *columns(
    "number:integer check_id pointer level holds:boolean left_side right_side allowed words requires verdict evidence mended:boolean "
    "cells missing"
))  # fmt: skip
UNCLAIMED: Final = columns("document number:integer record:integer page:integer span_start:integer span_end:integer text")
COLUMNS: Final = columns("table_name column_name position:integer pointer type kind unit unit_table unit_column label scale:integer note")


@dataclass(frozen=True, slots=True)
class Exported:
    """A document on its way out: `reviews` has an entry a record, `names` are all under which it was found."""

    result: Result
    reviews: tuple[Reviewed, ...]
    names: tuple[str, ...] = ()


def of_value(place: str, leaf: Value, found: Leaf | None, record: Record, reviewed: Reviewed) -> tuple[Any, ...]:
    """What `lineage` says of a value besides where it is; `found` is its field."""
    was = leaf.correction
    corrected = (was.text, was.value, was.by, was.reason, _listed(was.alternatives)) if was is not None else (None,) * 5
    return (
        leaf.text, leaf.value, _unit(place, found, record), _quantity(leaf, found), leaf.error, *_stand(leaf.spans), leaf.reader or None,
        leaf.match.value, leaf.flag.value, leaf.score, joined(reviewed.get(place, leaf.doubts)), _listed(leaf.alternatives), leaf.logprob,
        leaf.agreement and f"{leaf.agreement[0]}/{leaf.agreement[1]}", leaf.pinned, *corrected,
    )  # fmt: skip


def _stand(spans: Sequence[Span]) -> tuple[Any, ...]:
    """Page, first and last offset, the box around the pieces on that page, how many pieces; and each of them where there are several."""
    if not spans:
        return (*(None,) * 7, 0, None, None)
    page = spans[0].page
    boxes = [span.box for span in spans if span.box is not None and span.page == page]
    sides = (min, min, max, max)
    box = tuple(side(box[number] for box in boxes) for number, side in enumerate(sides)) if boxes else (None,) * 4
    pieces = serial.line(serial.to_json(spans)) if len(spans) > 1 else None
    sure = [span.confidence for span in spans if span.confidence is not None]
    ends = (min(span.start for span in spans), max(span.end for span in spans))
    return (page, *ends, *box, len(spans), pieces, min(sure, default=None))


def _unit(place: str, found: Leaf | None, record: Record) -> str | None:
    """The unit a value is printed in."""
    if found is None or found.unit is None:
        return PERCENT if found is not None and found.kind is Kind.PERCENT else None
    if found.unit in UNITS:
        return found.unit
    source = unit_of(place, found)
    beside = record.leaves.get(source) if source is not None else None
    return str(beside.value) if beside is not None and beside.value is not None else None if beside is not None else found.unit


def _quantity(leaf: Value, found: Leaf | None) -> str | None:
    """What checks reckon with, as a decimal in base units; none where it has no finite decimals (a printed calculation with a division)."""
    number = leaf.quantity.value if leaf.quantity is not None and found is not None and found.kind.numeric else None
    try:
        return None if number is None else f"{_EXACTLY.divide(Decimal(number.numerator), Decimal(number.denominator)):f}"
    except Inexact:
        return None


def of_review(place: str, reasons: Sequence[str], record: Record) -> tuple[Any, ...]:
    """What `review` says of a place besides where it is."""
    leaf = record.leaves.get(place)
    told = next((review.flag for review in record.review if review.pointer == place), leaf.flag if leaf else Flag.REVIEW)
    page = leaf.spans[0].page if leaf is not None and leaf.spans else None
    return record.kind, leaf and leaf.value, leaf and leaf.text, page, told.value, joined(reasons)


def of_check(checked: Checked, mended: bool) -> tuple[Any, ...]:
    """What `checks` says of a check as the record was read; `mended`: a correction makes it hold."""
    outcome = checked.outcome
    words = f"{checked.says}: {outcome.words}" if checked.says else outcome.words
    told = (outcome.level.value, checked.holds, outcome.left, outcome.right, outcome.allowed, words)
    verdict = checked.verdict.value if checked.verdict is not None else None
    cells = (_listed(outcome.cells), _listed(outcome.missing))
    return checked.id, checked.pointer, *told, checked.requires, verdict, checked.evidence or None, mended, *cells


def of_record(record: Record, reviewed: Reviewed) -> tuple[Any, ...]:
    """What `records` says of a record."""
    pages = [span.page for leaf in record.leaves.values() for span in leaf.spans if span.page is not None]
    failed = sum(checked.holds is False for checked in record.checks)
    by = [record.provenance.get(name) for name in ("reader", "model", "schema", "prompt", "structurer")]
    known = [None if name is None else str(name) for name in by]
    blame = serial.line([list(names) for names in record.blame]) if record.blame else None
    provenance = serial.line(serial.to_json(dict(record.provenance)))
    own = (record.kind, min(pages, default=None), record.start, record.end, len(reviewed), failed, _listed(record.complete), blame)
    return (*own, record.localised or None, *known, provenance)


def of_rest(result: Result) -> Iterator[tuple[int | None, int | None, int, int, str]]:
    """Record, page, span and text: what stands between the forms, then what is left over in each."""
    for piece in result.unplaced:
        yield None, piece.page, piece.start, piece.end, piece.text
    for record in result.records:
        for left in record.unclaimed:
            yield record.index, left.page, left.start, left.end, left.text


def _listed(texts: Sequence[str | None]) -> str | None:
    """A JSON array, None for an empty one."""
    return serial.line(list(texts)) if texts else None


def joined(words: Sequence[str]) -> str | None:
    """Sentences as one cell, None where there are none."""
    return "; ".join(words) or None
