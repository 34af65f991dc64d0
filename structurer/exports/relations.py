"""Results as relations: wide tables of typed values with keys, and beside them where every value comes from.

A kind has a relation with its single values, a list one with its rows; each row's key is (document, record, row of every list it is in),
and its beginning is the key of the row above. Beside them:

=============  ===================================================================================================================
`documents`    a line a document: source, SHA-256, warnings, how much of it is to be reviewed
`names`        a line a name under which a document was found: files of the same content are one document
`records`      a line a form: where it stands, what read it (reader, model, digests of schema and prompt, version), what is to blame
`lineage`      a line a value: verbatim text, unit, quantity in base units, page, span, box, reader, match, flag, score, reasons, correction
`review`       a line a place that a person should see, with the reasons
`checks`       a line a check, as the record was read, with its verdict
`unclaimed`    text that became no value: between the forms (no record), or in a form
`columns`      a line a column of every relation: its place in the schema, type, unit and label
=============  ===================================================================================================================

A document's key is made of its SHA-256 and its source, so it is the same in every export; offsets count characters of the document's text.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from structurer.contracts.schema import Kind, Leaf, Schema
from structurer.exports import attested
from structurer.exports.attested import Exported, Reviewed
from structurer.exports.columns import Column, Fitted, Relation, Type
from structurer.exports.fitting import encodable
from structurer.exports.naming import Names, Style
from structurer.exports.tables import Line, Table, every_table
from structurer.judging.confront import unit_of
from structurer.record import Record, Result, pointer

KEY_DIGITS: Final = 16  # hexadecimal ones of a document's key: of a million documents two are alike once in 37 million exports

_TYPES: Final = {
    Kind.NUMBER: Type.DECIMAL,
    Kind.PERCENT: Type.DECIMAL,
    Kind.INTEGER: Type.INTEGER,
    Kind.YEAR: Type.INTEGER,
    Kind.DATE: Type.DATE,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a relation. `line` tells of rows of leaves where they stand in the record and which leaves its last columns are; `reviewed`
    what a person should see of the record."""

    relation: Relation
    source: str
    values: tuple[Any, ...]
    line: Line | None = None
    reviewed: Reviewed | None = None


class _Home(NamedTuple):
    """Where a leaf is: the relation, its column, and the row by its number in its list and by its pointer; of a row there is no column."""

    relation: str | None = None
    column: str | None = None
    row: int | None = None
    place: str | None = None


_NO_HOME: Final = _Home()
_NOWHERE: Final = (None, None)
_OWN: Final = ("documents", "names", "records", "lineage", "review", "checks", "unclaimed", "columns", "evidence", "about")


class Relations:
    """All relations of an export and the rows that results make; `style` says how they are named."""

    def __init__(self, schemas: Mapping[str, Schema], style: Style) -> None:
        self._style, self._names, self._keys = style, Names(style.tables, _OWN), Counter[tuple[str, str]]()
        self.documents = Relation("documents", attested.DOCUMENTS, 1, about="the documents")
        self.names = Relation("names", attested.NAMES, 2, self.documents, "all names under which the documents were found")
        self.records = Relation("records", attested.RECORDS, 2, self.documents, "the forms found in them, and what read them")
        self.lineage = Relation("lineage", attested.LINEAGE, 3, self.records, "where every value comes from")
        self.review = Relation("review", attested.REVIEW, 3, self.records, "what a person should see, and why")
        self.checks = Relation("checks", attested.CHECKS, 3, self.records, "the arithmetic that the forms owe")
        self.unclaimed = Relation("unclaimed", attested.UNCLAIMED, 2, self.documents, "text that became no value")
        self.columns = Relation("columns", attested.COLUMNS, 2, about="what the columns mean")
        self._leaves = {kind: {pointer(*leaf.path): leaf for leaf in schema.leaves()} for kind, schema in schemas.items()}
        self._wide = {kind: tuple(self._of_kind(schema)) for kind, schema in schemas.items()}

    @property
    def wide(self) -> tuple[Relation, ...]:
        """The relations that hold the values, each behind the one whose rows it belongs to."""
        return tuple(relation for tables in self._wide.values() for _, parts in tables for _, relation in parts)

    @property
    def all(self) -> tuple[Relation, ...]:
        """All, each behind its parent."""
        return (self.documents, self.records, self.review, self.checks, *self.wide, self.unclaimed, self.names, self.lineage, self.columns)

    def rows(self, exported: Exported) -> Iterator[Row]:
        """The rows of a document: record by record those with its values, then what is known of them."""
        result, reviews = exported.result, exported.reviews
        self._keys[result.sha256, result.source] += 1
        key = _key(result, self._keys[result.sha256, result.source])
        for record, reviewed in zip(result.records, reviews, strict=True):
            yield from self._of_record(key, record, reviewed)
        for number, piece in enumerate(attested.of_rest(result)):
            yield Row(self.unclaimed, result.source, (key, number, *piece))
        for name in dict.fromkeys(map(encodable, exported.names)):
            yield Row(self.names, result.source, (key, name))
        failed = sum(checked.holds is False for record in result.records for checked in record.checks)
        counts = (len(result.records), sum(map(len, reviews)), failed)
        values = (key, result.source, result.sha256, self._keys[result.sha256, result.source], *counts, attested.joined(result.warnings))
        yield Row(self.documents, result.source, values)

    def described(self, types: Mapping[Relation, Sequence[Fitted]] | None = None) -> Iterator[Row]:
        """The rows of `columns`; `types` are those that the columns were given, where that is for the values to say."""
        for relation in self.all:
            homes = self._homes_beside(relation)
            fitted = types[relation] if types is not None else [Fitted(column.type) for column in relation.columns]
            for number, (column, fit) in enumerate(zip(relation.columns, fitted, strict=True), 1):
                scale = fit.scale if types is not None and fit.type is Type.DECIMAL else None
                unit = (column.unit, *homes.get(column.unit_place, _NOWHERE))
                about = (column.place, fit.type.value, column.kind, *unit, column.label, scale, fit.note)
                values = (relation.name, column.name, number, *about)
                yield Row(self.columns, "", tuple(value if value != "" else None for value in values))

    def _homes_beside(self, relation: Relation) -> dict[str, tuple[str, str | None]]:
        """Where every leaf of a relation's kind is, by its place in the schema."""
        kinds = ([own for _, parts in tables for _, own in parts] for tables in self._wide.values())
        of_kind = next((relations for relations in kinds if relation in relations), [])
        return {column.place: (own.name, column.name) for own in of_kind for column in own.columns if column.place}

    def _of_kind(self, schema: Schema) -> Iterator[tuple[Table, list[tuple[slice, Relation]]]]:
        """The tables of a kind, each in as many relations as its width takes."""
        width, made = self._style.width, dict[tuple[str, ...], Relation]()
        for table in every_table(schema):
            above = (*table.lists[-2].path, "*") if len(table.lists) > 1 else ()
            parent = made[above] if table.lists else self.records
            parts = [slice(start, start + width) for start in range(0, max(len(table.leaves), 1), width)]
            relations = [self._relation(schema, table, part, parent) for part in parts]
            made[table.path] = relations[0]
            yield table, list(zip(parts, relations, strict=True))

    def _relation(self, schema: Schema, table: Table, part: slice, parent: Relation) -> Relation:
        taken = Names(self._style.columns, ("document", "record", "source"))
        rows = tuple(taken.new(name) for name in table.columns[2 : 2 + len(table.lists)])
        named = zip(table.names[part], table.leaves[part], strict=True)
        leaves = tuple(_column(taken.new(name), leaf, self._leaves[schema.kind]) for name, leaf in named)
        keys = (*attested.RECORD_KEY, *(Column(name, Type.INTEGER) for name in rows))
        name, place = self._names.new(table.name), pointer(*table.path)
        return Relation(name, (*keys, *leaves), len(keys), parent, _about(schema, table), place)

    def _of_record(self, key: str, record: Record, reviewed: Reviewed) -> Iterator[Row]:
        of_record, homes = (key, record.index), dict[str, _Home]()
        yield from self._of_leaves(of_record, record, reviewed, homes)
        leaves = self._leaves[record.kind]
        for place, leaf in record.leaves.items():
            known = attested.of_value(place, leaf, leaves.get(_starred(place, record.rows)), record, reviewed)
            yield Row(self.lineage, record.source, (*of_record, place, *homes.get(place, _NO_HOME), *known))
        for place, reasons in reviewed.items():
            told = attested.of_review(place, reasons, record)
            yield Row(self.review, record.source, (*of_record, place, *homes.get(place, _NO_HOME)[:2], *told))
        was = {(checked.id, checked.pointer): checked for checked in record.mended}
        for number, now in enumerate(record.checks):
            checked = was.get((now.id, now.pointer), now)
            yield Row(self.checks, record.source, (*of_record, number, *attested.of_check(checked, mended=checked is not now)))
        yield Row(self.records, record.source, (*of_record, *attested.of_record(record, reviewed)))

    def _of_leaves(self, of_record: tuple[str, int], record: Record, reviewed: Reviewed, homes: dict[str, _Home]) -> Iterator[Row]:
        """The rows that hold a record's values; `homes` learns where each is."""
        for table, parts in self._wide[record.kind]:
            for line in table.cells(record):
                number = int(line.numbers[-1]) if line.numbers else None
                for part, relation in parts:
                    own = Line(line.place, line.numbers, line.leaves[part])
                    values = (*of_record, *map(int, line.numbers), *(leaf and leaf.value for _, leaf in own.leaves))
                    yield Row(relation, record.source, values, own, reviewed)
                    homes.setdefault(line.place, _Home(relation.name, None, number, line.place))
                    for (place, _), column in zip(own.leaves, relation.columns[relation.key :], strict=True):
                        homes[place] = _Home(relation.name, column.name, number, line.place)


def _column(name: str, leaf: Leaf, known: Collection[str]) -> Column:
    """`known` are the places of all leaves of the schema."""
    type_ = Type.BOOLEAN if leaf.json_type == "boolean" else _TYPES.get(leaf.kind, Type.TEXT)
    source = unit_of(pointer(*leaf.path), leaf) or ""
    printed = source if source in known else ""
    unit = "" if printed else leaf.unit or (attested.PERCENT if leaf.kind is Kind.PERCENT else "")
    label = leaf.printed.title or next((label for label in leaf.printed.labels if label != leaf.name), "")
    return Column(name, type_, pointer(*leaf.path), leaf.kind.value, unit, printed, label)


def _about(schema: Schema, table: Table) -> str:
    within = f": rows of {table.lists[-1].printed.title or table.lists[-1].name}" if table.lists else ""
    return f"{schema.title or schema.kind}{within}"


def _key(result: Result, copy: int) -> str:
    """A document's key: of its content and name, and of the how manyth it is with both."""
    told = "\0".join((result.sha256, result.source, *([str(copy)] if copy > 1 else [])))
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:KEY_DIGITS]


def _starred(place: str, rows: Mapping[str, int]) -> str:
    """The path in the schema of a leaf of a record: a part below a list is a row's number."""
    path = above = ""
    for part in place.split("/")[1:]:
        path += "/*" if above in rows else f"/{part}"
        above += f"/{part}"
    return path
