"""A run as a person reads it: what became of every input, then each record with its values, its checks in numbers and what to look at.

Everything that comes from a document is printed as plain text: no markup, no terminal control sequences.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from structurer.arithmetic.checks import ROUNDED, TRUNCATED
from structurer.contracts.schema import Schema
from structurer.counted import counted
from structurer.endpoints.book import Book
from structurer.errors import UsageError
from structurer.exports.export import reviewed, schema_of
from structurer.exports.tables import Table as Columns
from structurer.exports.tables import tables_of
from structurer.judging.across import Failed, Unpaired
from structurer.judging.convention import MIXED, Convention, Outlier
from structurer.record import Checked, Flag, Record, Result, Value, Verdict
from structurer.store import runfolder
from structurer.store.runs import UNDONE, Manifest, State
from structurer.store.store import Store

INPUTS, RECORDS, ROWS, TEXTS = (
    50,
    10,
    12,
    8,
)  # shown of a run (its documents, its records), a list and unclaimed texts unless all are asked for
CELL = 60  # characters of a value unless all is asked for
PLAIN_WIDTH = 120  # columns where the output is no terminal
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PRINTED = {ROUNDED: "rounded", TRUNCATED: "cut off"}
_STATE_STYLE = {State.DONE: "green", State.NEEDS_REVIEW: "yellow", **dict.fromkeys(UNDONE, "red")}


def show(run: Path, wanted: Sequence[str], everything: bool, address: str = "") -> None:
    """Print a run; `address` is that of its store, where this is not in the folder. `wanted` picks records by "source" or "source/index".
    Raises UsageError where one of them is not there."""
    console = Console(soft_wrap=False, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    with runfolder.opened(run, address) as store:
        manifest, schemas = runfolder.manifest_of(store), store.schemas()
        console.print(_overview(manifest, store, everything))
        left = RECORDS if not (everything or wanted) else None
        shown = 0
        for result in _chosen(store.results(), wanted):
            for record in islice(result.records, None if left is None else max(left - shown, 0)):
                console.print(_record(record, schema_of(record, schemas), everything))
                shown += 1
            console.print(*_document(result, everything))
            if shown == left and not wanted:
                break
        rest = store.sums()[0] - shown
    if rest > 0 and left is not None:
        console.print(f"{counted(rest, 'more record')}: structurer show {run} --all")


def plain(value: Any, length: int | None = None) -> Text:
    """A value as inert text on one line; blank for None, shortened to `length` characters."""
    text = _CONTROL.sub("�", "" if value is None else str(value)).replace("\n", "⏎").replace("\t", " ")
    return Text(text if length is None or len(text) <= length else text[: length - 1] + "…")


def _overview(manifest: Manifest, store: Store, everything: bool) -> RenderableType:
    table = Table("input", "state", "records", "reason", box=SIMPLE_HEAD, pad_edge=False)
    for came in store.came(most=None if everything else INPUTS):
        state = Text(came.state.value, style=_STATE_STYLE.get(came.state, "dim"))
        table.add_row(plain(came.called), state, str(came.records or ""), plain(came.reason))
    more = sum(manifest.counts.values()) - table.row_count
    table.caption = f"{more} more: structurer status, or --all" if more else None
    together = list(_together(manifest))
    head = Text(f"{manifest.tool}, {manifest.reader}, {manifest.state}, started {manifest.started}")
    asked = list(_asked(manifest))
    return Group(head, table, *asked, *together, *([""] if together or asked else []))


def _asked(manifest: Manifest) -> Iterator[RenderableType]:
    """What models were asked, what it cost, and what their replies came to; why they answer no more."""
    if manifest.spent:
        book = Book.read(manifest.spent)
        came = ", ".join(f"{outcome} {count}" for outcome, count in book.outcomes.most_common())
        yield plain(f"models: {book.line()}" + (f"; replies: {came}" if came else ""))
    if manifest.halted:
        yield plain(f"halted: {manifest.halted}; the same command with --resume goes on")


def _together(manifest: Manifest) -> Iterator[RenderableType]:
    """What the records say together: how the results of each check are printed, which are not, and the checks across records."""
    for convention in manifest.conventions:
        yield plain(f"{convention.kind} {convention.check}: {_manner(convention)}")
        yield from _first([(stray, f"{stray.pointer}: {stray.words}") for stray in convention.outliers], "not so at", convention.strays)
    across = manifest.across
    if across.held or across.failed_count or across.unpaired_count:
        yield Text(f"checks across records: {across.held} held, {across.failed_count} failed, {across.unpaired_count} without a partner")
    blamed = [(one, f" {one.id}{f' ({one.verdict})' if one.verdict else ''}: {one.words}") for one in across.failed]
    yield from _first(blamed, "FAILED", across.failed_count)
    yield from _first([(one, f" {one.kind}: no {one.partner} of its name") for one in across.unpaired], "alone", across.unpaired_count)


def _manner(convention: Convention) -> str:
    if convention.manner == MIXED:
        return f"printed both ways, {convention.rounded} rounded and {convention.truncated} cut off"
    agreed = convention.telling - convention.strays
    return f"{_PRINTED[convention.manner]} in {agreed} of {convention.telling} prints that tell"


def _first(places: Sequence[tuple[Outlier | Failed | Unpaired, str]], what: str, count: int) -> Iterator[Text]:
    """The first of what a run lists of its records, a line each, and how many more there are."""
    for place, words in places[:TEXTS]:
        yield plain(f"  {what} {place.source}/{place.index}{words}")
    if count > TEXTS:
        yield Text(f"  {count - TEXTS} more")


def _chosen(results: Iterable[Result], wanted: Sequence[str]) -> Iterator[Result]:
    """The results with the records that are wanted; all of them where nothing is. Raises UsageError at the end for a wish not met."""
    unmet, known = set(wanted), []
    for result in results:
        names = {f"{record.source}/{record.index}": record for record in result.records}
        known += [result.source, *names]
        unmet -= {result.source, *names}
        if not wanted or result.source in wanted:
            yield result
        elif chosen := tuple(record for name, record in names.items() if name in wanted):
            yield replace(result, records=chosen, unplaced=(), warnings=())
    if unmet:
        missing = min(unmet)
        near = difflib.get_close_matches(missing, known, n=3)
        raise UsageError(f"no record {missing!r} in this run", remedy=f"--records {near[0]}" if near else "name one as source/index")


def _document(result: Result, everything: bool) -> Iterator[RenderableType]:
    for warning in result.warnings:
        yield Text("warning: ", style="yellow") + plain(warning)
    if result.unplaced:
        yield _texts(f"{result.source}: text in no form", [(piece.page, piece.text) for piece in result.unplaced], everything)
    if not result.records:
        yield Text(f"{result.source}: no form was found in it", style="yellow")


def _record(record: Record, schema: Schema, everything: bool) -> RenderableType:
    flags = reviewed(record)
    parts: list[RenderableType] = [_heading(record, schema, len(flags))]
    for columns in tables_of(schema):
        parts += _list(columns, record, flags, everything) if columns.lists else [_fields(columns, record, flags, everything)]
    if record.checks:
        parts.append(_checks(record, everything))
    corrected = [(place, leaf) for place, leaf in record.leaves.items() if leaf.correction is not None]
    if corrected:
        parts.append(_corrections(corrected))
    if flags:
        parts.append(_flags(record, flags))
    if record.unclaimed:
        parts.append(
            _texts("numbers and labels that no value claims", [(piece.page, piece.text) for piece in record.unclaimed], everything)
        )
    return Group(*parts, "")


def _heading(record: Record, schema: Schema, flagged: int) -> RenderableType:
    held = sum(checked.holds is True for checked in record.checks)
    failed = sum(checked.holds is False for checked in record.checks)
    state = Text(f"  {held} checks held, {failed} failed, {flagged} to review", style="yellow" if failed or flagged else "green")
    complete = f", proved complete: {', '.join(record.complete)}" if record.complete else ""
    figures = [leaf for leaf in record.leaves.values() if leaf.quantity is not None and leaf.quantity.value is not None]
    complete += f", {sum(leaf.pinned > 0 for leaf in figures)} of {len(figures)} figures proved by a check" if figures else ""
    return Text("■ ", style="bold") + plain(f"{record.source}/{record.index}  {record.kind}  {schema.title}") + state + plain(complete)


def _fields(columns: Columns, record: Record, flags: dict[str, tuple[str, ...]], everything: bool) -> RenderableType:
    table = Table("field", "value", "", box=SIMPLE_HEAD, pad_edge=False)
    for cells in columns.cells(record):
        for name, (place, value) in zip(columns.names, cells.leaves, strict=True):
            if everything or place in flags or (value and value.value is not None):
                table.add_row(plain(name), plain(value and value.value, None if everything else CELL), _mark(place, flags))
    return Padding(table, (0, 0, 0, 2))


def _list(columns: Columns, record: Record, flags: dict[str, tuple[str, ...]], everything: bool) -> list[RenderableType]:
    lines = list(columns.cells(record))
    if not lines:
        return []
    title = plain(f"{columns.name.removeprefix(record.kind + '.')} ({len(lines)} rows)")
    table = Table(*columns.columns[2:], box=SIMPLE_HEAD, pad_edge=False)
    for cells in lines[: None if everything else ROWS]:
        values = [plain(value and value.value, None if everything else CELL) + _mark(place, flags) for place, value in cells.leaves]
        table.add_row(*cells.numbers, *values)
    more = [] if everything or len(lines) <= ROWS else [Text(f"  {len(lines) - ROWS} more rows: --all")]
    return [Padding(Group(title, table), (0, 0, 0, 2)), *more]


def _mark(place: str, flags: dict[str, tuple[str, ...]]) -> Text:
    return Text(" ⚑", style="yellow") if place in flags else Text("")


def _checks(record: Record, everything: bool) -> RenderableType:
    """Failures first. Of the checks that held, one of each name stands for all unless everything is asked for."""
    checks = record.checks
    table = Table("check", "", "at", "in numbers", box=SIMPLE_HEAD, pad_edge=False)
    held = Counter(checked.id for checked in checks if checked.holds)
    hidden = 0 if everything else sum(checked.holds is None for checked in checks)
    told: set[str] = set()
    for checked in record.mended:
        table.add_row(plain(checked.id), Text("MENDED", style="bold green"), plain(checked.pointer), plain(_words(checked)))
    for checked in sorted(checks, key=lambda one: one.holds is not False):
        if everything or checked.holds is False or (checked.holds and checked.id not in told):
            table.add_row(plain(checked.id), _verdict(checked), plain(checked.pointer), plain(_words(checked)))
            if checked.holds and held[checked.id] > 1 and not everything:
                table.add_row("", Text(f"+ {held[checked.id] - 1} more held", style="green"), "", "")
                told.add(checked.id)
    more = [Text(f"  {hidden} checks not applicable: --all")] if hidden else []
    return Padding(Group(table, *more), (0, 0, 0, 2))


def _verdict(checked: Checked) -> Text:
    if checked.holds is None:
        return Text("not applicable", style="dim")
    level = f" ({checked.outcome.level.value})"
    if checked.holds:
        return Text("held" + level, style="green")
    fault = {Verdict.READING: ": the reading", Verdict.DOCUMENT: ": the document", Verdict.UNDECIDED: ": undecided", None: ""}
    return Text("FAILED" + fault[checked.verdict], style="bold red")


def _words(checked: Checked) -> str:
    return f"{checked.says}: {checked.outcome.words}" if checked.says else checked.outcome.words


def _corrections(corrected: Sequence[tuple[str, Value]]) -> RenderableType:
    """What was mended, and what it was before."""
    table = Table("corrected", "read as", "is", "by", "why", box=SIMPLE_HEAD, pad_edge=False)
    for place, leaf in corrected:
        was = leaf.correction
        assert was is not None
        table.add_row(plain(place), plain(was.text, CELL), plain(leaf.value, CELL), plain(was.by), plain(was.reason))
    return Padding(table, (0, 0, 0, 2))


def _flags(record: Record, flags: dict[str, tuple[str, ...]]) -> RenderableType:
    table = Table("to review", "value", "flag", "reasons", box=SIMPLE_HEAD, pad_edge=False)
    for place, reasons in flags.items():
        leaf = record.leaves.get(place)
        flag = next((review.flag for review in record.review if review.pointer == place), leaf.flag if leaf else Flag.REVIEW)
        table.add_row(plain(place or "the record"), plain(leaf and leaf.value, CELL), flag.value, plain("; ".join(reasons)))
    return Padding(table, (0, 0, 0, 2))


def _texts(title: str, texts: Sequence[tuple[int | None, str]], everything: bool) -> RenderableType:
    shown = texts if everything else texts[:TEXTS]
    lines = [Text(f"  page {page or '?'}: ", style="dim") + plain(text, None if everything else 2 * CELL) for page, text in shown]
    more = [Text(f"  {len(texts) - len(shown)} more: --all")] if len(texts) > len(shown) else []
    return Group(plain(title), *lines, *more)
