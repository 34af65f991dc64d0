"""Results as one SQLite file: typed tables with primary and foreign keys, indexes on what is looked for, and a view of all evidence.

SQLite has no decimals: its numbers are integers of 64 bits and binary floating point, which keeps 15 significant digits ("Floating Point
Numbers", SQLite documentation).

- A column of decimals is REAL where no value has more than 15 significant digits: it compares, sorts and adds as a number. Each value is
  right to its last digit, but not its print: 1200.50 is 1200.5, and 3 is 3.0.
  SUM and AVG are floating point, right to about 15 digits of the largest number on the way.
- Where a value has more digits, the whole column is exact text, which compares and sorts as text, not as numbers.
- Beside either, a column of the same name with `_scaled` holds exact integers, the value times ten to the power of the column's scale, as
  long as 64 bits suffice: they compare, sort and SUM exactly (a SUM beyond 64 bits is an error).
- The print and the exact value are texts in `lineage`. What a column is and keeps stands in `columns` (type, scale, note).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from structurer.contracts.schema import Schema
from structurer.exports.attested import Exported
from structurer.exports.columns import Column, Fitted, Relation, Type
from structurer.exports.fitting import EVIDENCE, INTEGER_DIGITS, Fits, foreign_key, literal, primary_key, quoted
from structurer.exports.naming import FOR_SQL, Names
from structurer.exports.relations import Relations, Row
from structurer.exports.scratch import making

ROWS_AT_ONCE: Final = 2000  # staged together
NUMBER_DIGITS: Final = 15  # significant ones that every decimal keeps in binary floating point
NUMERIC: Final = f"a number of at most {NUMBER_DIGITS} significant digits, its sums are floating point"
SCALED: Final = "its scaled integers are exact, the print is in lineage"
UNSCALED: Final = "the print is in lineage; no scaled integers: they would need {} digits"
_DECLARED: Final = {
    Type.TEXT: "TEXT", Type.INTEGER: "INTEGER", Type.DECIMAL: "REAL", Type.REAL: "REAL", Type.DATE: "TEXT", Type.BOOLEAN: "BOOLEAN",
}  # fmt: skip
# looked for most; the name of an index has a point, which that of no table has
_INDEXES: Final = {"review": "flag", "checks": "holds", "lineage": "flag", "records": "kind", "names": "name"}


def write(documents: Iterable[Exported], schemas: Mapping[str, Schema], out: Path) -> None:
    """A database at `out`, in the place of whatever file was there. Raises OSError."""
    relations = Relations(schemas, FOR_SQL)
    with making(out) as made:
        try:
            with closing(sqlite3.connect(made, isolation_level=None)) as database:
                _fill(database, relations, documents, made.with_name("staged"))
        except sqlite3.Error as error:
            raise OSError(0, str(error)) from error


def _fill(database: sqlite3.Connection, relations: Relations, documents: Iterable[Exported], staged: Path) -> None:
    """Rows are staged without types in a file beside, and copied when all of them have been seen. The file is made anew: no journal."""
    database.execute("ATTACH ? AS staged", (str(staged),))
    for name in ("main", "staged"):
        database.execute(f"PRAGMA {name}.journal_mode = OFF")
        database.execute(f"PRAGMA {name}.synchronous = OFF")
    database.execute("BEGIN")
    stage = _Stage(database, relations)
    for exported in documents:
        for row in relations.rows(exported):
            stage.add(row)
    types = stage.types()
    for row in _described(relations, types):
        stage.add(row)
    stage.settle(types)
    for relation, column in _INDEXES.items():
        database.execute(f"CREATE INDEX {quoted(f'{relation}.{column}')} ON {quoted(relation)} ({quoted(column)})")
    database.execute(f"CREATE VIEW evidence AS {EVIDENCE}")
    database.execute("COMMIT")
    database.execute("DETACH staged")


class _Scaled(NamedTuple):
    """A column of integers: those of column number `of`, times ten to the power of `scale`."""

    name: str
    of: int
    column: Column
    scale: int


class _Stage:
    """Rows of all relations on their way: as they are, then typed."""

    def __init__(self, database: sqlite3.Connection, relations: Relations) -> None:
        self._database, self._relations = database, relations
        self._fits = {relation: Fits(relation) for relation in relations.all}
        self._names = {relation: f"staged.t{number}" for number, relation in enumerate(relations.all)}
        self._waiting: dict[Relation, list[list[Any]]] = {relation: [] for relation in relations.all}
        for relation, name in self._names.items():
            database.execute(f"CREATE TABLE {name} ({', '.join(f'c{number}' for number in range(len(relation.columns)))})")

    def add(self, row: Row) -> None:
        waiting = self._waiting[row.relation]
        waiting.append([_bindable(value) for value in self._fits[row.relation].see(row.values)])
        if len(waiting) >= ROWS_AT_ONCE:
            self._flush(row.relation)

    def types(self) -> dict[Relation, list[Fitted]]:
        """The types of all columns, by what has been added so far."""
        return {relation: [_stored(fitted) for fitted in fits.done()] for relation, fits in self._fits.items()}

    def settle(self, types: Mapping[Relation, Sequence[Fitted]]) -> None:
        """Move every row to its typed table."""
        for relation, staged in self._names.items():
            self._flush(relation)
            self._database.execute(_created(relation, types[relation]))
            values = [_typed(number, fitted) for number, fitted in enumerate(types[relation])]
            values += [_whole(scaled.of, scaled.scale) for scaled in _scaled(relation, types[relation])]
            self._database.execute(f"INSERT INTO {quoted(relation.name)} SELECT {', '.join(values)} FROM {staged}")
            self._database.execute(f"DROP TABLE {staged}")

    def _flush(self, relation: Relation) -> None:
        marks = ", ".join("?" * len(relation.columns))
        self._database.executemany(f"INSERT INTO {self._names[relation]} VALUES ({marks})", self._waiting[relation])
        self._waiting[relation].clear()


def _bindable(value: Any) -> Any:
    """Integers beyond 64 bits as text, and so does their column become one."""
    return str(value) if type(value) is int and value.bit_length() > 63 else value


def _stored(fitted: Fitted) -> Fitted:
    """The type in SQLite, whose integers have 64 bits."""
    if fitted.type is Type.INTEGER and fitted.digits > INTEGER_DIGITS:
        return Fitted(Type.TEXT, note=f"text: its values need {fitted.digits} digits, an integer of 64 bits has {INTEGER_DIGITS}")
    if fitted.type is Type.DECIMAL and fitted.significant > NUMBER_DIGITS:
        note = f"text: its values have up to {fitted.significant} significant digits, a number has {NUMBER_DIGITS}; {_exactly(fitted)}"
        return replace(fitted, type=Type.TEXT, note=note)
    if fitted.type is Type.DECIMAL:
        return replace(fitted, note=f"{NUMERIC}; {_exactly(fitted)}")
    return fitted


def _exactly(fitted: Fitted) -> str:
    """Where the exact numbers of a column of decimals are."""
    return SCALED if fitted.digits <= INTEGER_DIGITS else UNSCALED.format(fitted.digits)


def _scaled(relation: Relation, types: Sequence[Fitted]) -> Iterator[_Scaled]:
    """Those of all decimals that 64 bits suffice for: of columns of numbers, and of texts only because a number has too few digits."""
    names = Names(FOR_SQL.columns, (column.name for column in relation.columns))
    for number, (column, fitted) in enumerate(zip(relation.columns, types, strict=True)):
        is_decimal = fitted.type is Type.DECIMAL or (column.type is Type.DECIMAL and fitted.significant > 0)
        if is_decimal and fitted.digits <= INTEGER_DIGITS:
            yield _Scaled(names.new(f"{column.name}_scaled"), number, column, fitted.scale)


def _typed(number: int, fitted: Fitted) -> str:
    """A staged column in its type: SQLite turns texts to integers where a column has those, but not to truths."""
    if fitted.type is Type.BOOLEAN:
        return f"CASE lower(c{number}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE c{number} END"
    return f"c{number}"


def _created(relation: Relation, types: Sequence[Fitted]) -> str:
    own = [
        f"{quoted(column.name)} {_DECLARED[fitted.type]}{' NOT NULL' if number < relation.key else ''}"
        for number, (column, fitted) in enumerate(zip(relation.columns, types, strict=True))
    ]
    scaled = [f"{quoted(scaled.name)} INTEGER" for scaled in _scaled(relation, types)]
    return f"CREATE TABLE {quoted(relation.name)} ({', '.join((*own, *scaled))}{primary_key(relation)}{foreign_key(relation)})"


def _whole(number: int, scale: int) -> str:
    """The digits of a staged decimal as an integer: without the point, and zeros behind them up to the scale. Of the text, so exact."""
    decimals = f"CASE instr(c{number}, '.') WHEN 0 THEN 0 ELSE length(c{number}) - instr(c{number}, '.') END"
    return f"CAST(replace(c{number}, '.', '') || substr({literal('0' * scale)}, 1, {scale} - ({decimals})) AS INTEGER)"


def _described(relations: Relations, types: Mapping[Relation, Sequence[Fitted]]) -> Iterator[Row]:
    """The rows of `columns`, those of scaled integers too."""
    yield from relations.described(types)
    for relation in relations.all:
        for number, scaled in enumerate(_scaled(relation, types[relation]), len(relation.columns) + 1):
            column, note = scaled.column, f"exact: {scaled.column.name} times 10 to the power of {scaled.scale}"
            about = (column.place or None, "integer", column.kind or None, *(None,) * 3, column.label or None, scaled.scale, note)
            yield Row(relations.columns, "", (relation.name, scaled.name, number, *about))
