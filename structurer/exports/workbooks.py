"""Results as an Excel workbook for people: a sheet a relation, flagged cells coloured with their reasons in a note, and in `review` a link
to every flagged place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structurer.contracts.schema import Schema
from structurer.errors import UsageError
from structurer.exports.attested import Exported
from structurer.exports.columns import Column, Relation
from structurer.exports.naming import FOR_PEOPLE
from structurer.exports.relations import Relations, Row
from structurer.exports.scratch import making
from structurer.exports.worksheets import ALL_LINKS, LONG, NOTES, PIECE, Book, Cell, Head, Place, Sheets, address
from structurer.record import Flag

if TYPE_CHECKING:
    from xlsxwriter import Workbook

COLOURS: Final = {Flag.REVIEW: "#FFE699", Flag.REJECT: "#F4B6B0"}
FAILED: Final = COLOURS[Flag.REJECT]
ABOUT: Final = "about"
PROSE: Final = frozenset({"reasons", "words", "text", "warnings"})  # columns that hold sentences
WIDE: Final = 60  # characters, of those
_POINTER: Final = 2  # the column of `review` that follows its document and record
LEGEND: Final = (
    ("yellow cell", "a person should look at it: the reasons are in its note and in the sheet review"),
    ("red cell", "not to be used as it is; in the sheet checks: a check that fails"),
    ("document, record", "the key of a form in all sheets; record counts the forms of a document from 0"),
    ("a number written as text", "Excel would not keep all of its digits"),
)  # fmt: skip


def write(documents: Iterable[Exported], schemas: Mapping[str, Schema], out: Path) -> None:
    """A workbook at `out`, in the place of whatever file was there. Raises OSError, and UsageError where XlsxWriter is not installed."""
    with making(out) as made, _opened(made) as workbook:
        relations, book = Relations(schemas, FOR_PEOPLE), Book(workbook)
        about = Sheets(book, ABOUT, [Head("sheet", width=34), Head("table", width=34), Head("about", width=110)])
        paper = _Paper(relations, book)
        for exported in documents:
            for row in relations.rows(exported):
                paper.add(row)
        for row in relations.described():
            paper.add(row)
        paper.close()
        for line in paper.told():
            about.add(line)


@contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    """A workbook that keeps a row a sheet in memory, the rest in the folder it is made in."""
    try:
        import xlsxwriter
    except ImportError:
        raise UsageError("XlsxWriter is not installed, which writes workbooks", remedy="pip install 'structurer[tables]'") from None
    never = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    workbook = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent), **never})
    workbook.use_zip64()
    try:
        yield workbook
        workbook.close()
    except xlsxwriter.exceptions.XlsxWriterException as error:
        raise OSError(0, str(error)) from error
    finally:
        for sheet in workbook.worksheets():
            sheet._opt_close()  # XlsxWriter has no other way to give up


class _Paper:
    """The sheets of all relations, and where the places of the record in hand stand on them."""

    def __init__(self, relations: Relations, book: Book) -> None:
        self._relations, self._book = relations, book
        self._sheets = {
            relation: Sheets(book, relation.name, _heads(relation, relations), links=relation is relations.review)
            for relation in relations.all
        }
        self._holds = [column.name for column in relations.checks.columns].index("holds")
        self._record: tuple[Any, ...] = ()
        self._places: dict[str, str] = {}

    def add(self, row: Row) -> None:
        """A row of any relation."""
        relations = self._relations
        if row.line is not None:
            self._add_values(row)
        elif row.relation is relations.review:
            place = row.values[_POINTER]
            self._sheets[row.relation].add((Cell(*self._found(place)), row.source, *row.values))
        elif row.relation is relations.checks:
            colour = FAILED if row.values[self._holds] is False else ""
            self._sheets[row.relation].add((row.source, *(Cell(value, colour) for value in row.values)))
        elif row.relation in (relations.documents, relations.columns):
            self._sheets[row.relation].add(row.values)
        else:
            self._sheets[row.relation].add((row.source, *row.values))

    def close(self) -> None:
        """Finish all sheets."""
        for sheets in (*self._sheets.values(), *([self._book.long] if self._book.long else [])):
            sheets.close()

    def told(self) -> Iterator[tuple[str, str, str]]:
        """What the workbook says of itself: its sheets, what its colours mean, and what has no room in Excel."""
        for relation, sheets in self._sheets.items():
            further = f", on {len(sheets.sheets)} sheets" if len(sheets.sheets) > 1 else ""
            yield ", ".join(sheet.get_name() for sheet in sheets.sheets), relation.name, f"{relation.about} ({sheets.rows} rows{further})"
        if self._book.long is not None:
            yield LONG, "", f"texts that a cell has no room for, in pieces of {PIECE} characters"
        yield from ((what, "", words) for what, words in LEGEND)
        if left := self._book.unnoted:
            yield "notes", "", f"{left} flagged cells beyond the first {NOTES} have no note; their reasons are in the sheet review"
        if left := self._book.unlinked:
            yield "links", "review", f"{left} places beyond the first {ALL_LINKS} are named in the sheet review, but not linked"

    def _add_values(self, row: Row) -> None:
        """A row of values, the flagged ones coloured; what is to be reviewed of the row itself stands at its source."""
        assert row.line is not None
        assert row.reviewed is not None
        if row.values[:2] != self._record:
            self._record, self._places = row.values[:2], {}
        own = _cell(row.source, Flag.REVIEW, row.reviewed.get(row.line.place))
        keys = row.values[: row.relation.key]
        leaves = [
            _cell(leaf and leaf.value, leaf.flag if leaf else Flag.REVIEW, row.reviewed.get(place)) for place, leaf in row.line.leaves
        ]
        place = self._sheets[row.relation].add((own, *keys, *leaves))
        self._remember(row, place)

    def _remember(self, row: Row, place: Place) -> None:
        assert row.line is not None
        here = address(*place, 0)
        self._places.setdefault(row.line.place, here)
        self._places.setdefault(row.line.place.rpartition("/")[0], here)  # the list, at its first row
        for number, (leaf, _) in enumerate(row.line.leaves, 1 + row.relation.key):
            self._places[leaf] = address(*place, number)

    def _found(self, place: str) -> tuple[str, str, str, str]:
        """The cell of a place, or the first one of what it is in; linked."""
        while place not in self._places and place:
            place = place.rpartition("/")[0]
        found = self._places[place]
        return found, "", "", found


def _cell(value: Any, flag: Flag, reasons: Sequence[str] | None) -> Cell:
    """A cell, coloured where there are reasons to look at it: at least as something to review."""
    return Cell(value) if reasons is None else Cell(value, COLOURS.get(flag, COLOURS[Flag.REVIEW]), "; ".join(reasons) or flag.value)


def _heads(relation: Relation, relations: Relations) -> list[Head]:
    own = frozenset() if relation in relations.wide else PROSE
    heads = [Head(_heading(column), column.type, WIDE if column.name in own else 0) for column in relation.columns]
    source = [] if relation in (relations.documents, relations.columns) else [Head("source")]
    return [*([Head("cell")] if relation is relations.review else []), *source, *heads]


def _heading(column: Column) -> str:
    """Name, label and unit."""
    unit = column.unit or (f"unit: {column.unit_place[1:]}" if column.unit_place else "")
    below = " ".join(part for part in (column.label, f"({unit})" if unit and unit not in column.label else "") if part)
    return f"{column.name}\n{below}" if below else column.name
