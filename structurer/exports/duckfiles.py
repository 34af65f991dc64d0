"""Results as one DuckDB file, or as a folder with a Parquet file a relation that DuckDB writes.

Numbers are exact: DECIMAL with the decimals that the data have, up to 38 digits; a column that needs more is text, and `columns` says so.
Units, labels and places in the schema are comments on the columns, and in Parquet metadata of the file. DuckDB sees nothing but its own
folder: no network, no extensions, no other files.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from structurer import atomic
from structurer.contracts.schema import Schema
from structurer.errors import UsageError
from structurer.exports.attested import Exported
from structurer.exports.columns import Column, Fitted, Relation, Type
from structurer.exports.fitting import DECIMAL_DIGITS, EVIDENCE, INTEGER_DIGITS, Fits, foreign_key, literal, primary_key, quoted
from structurer.exports.naming import FOR_SQL
from structurer.exports.relations import Relations, Row
from structurer.exports.scratch import making, room

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY: Final = "512MB"  # that DuckDB may take; it spills what is more to its folder
THREADS: Final = 2
KEYED_ROWS: Final = 2_000_000  # of all tables together, whose keys are declared: DuckDB keeps their indexes in memory, 100 bytes a row
UNKEYED: Final = "the first {} columns tell its rows apart; not declared as a key, whose index DuckDB would keep in memory"
GROUP: Final = 30_720  # rows of a Parquet row group, a quarter of DuckDB's default: a whole group is held in memory
LINE_BYTES: Final = 2_000_000  # of a staged row, at least: what DuckDB's reader expects by default
_TYPES: Final = {Type.TEXT: "VARCHAR", Type.REAL: "DOUBLE", Type.DATE: "DATE", Type.BOOLEAN: "BOOLEAN"}

_FORMAT: Final = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP}"


def write(documents: Iterable[Exported], schemas: Mapping[str, Schema], out: Path) -> None:
    """A database at `out`, in the place of whatever file was there. Raises OSError, and UsageError where DuckDB is not installed."""
    with making(out) as made, _connected(made) as database:
        stage = _Stage(Relations(schemas, FOR_SQL), made.parent)
        stage.fill(documents)
        keyed = stage.keyed()
        for relation in stage.relations.all:
            database.execute(_created(relation, stage.types[relation], keyed))
            database.execute(f"INSERT INTO {quoted(relation.name)} {stage.typed(relation)}")
            database.execute("BEGIN")
            for comment in _comments(relation, keyed):
                database.execute(comment)
            database.execute("COMMIT")
            stage.drop(relation)
        database.execute(f"CREATE VIEW evidence AS {EVIDENCE}")


def write_parquet(documents: Iterable[Exported], schemas: Mapping[str, Schema], out: Path) -> None:
    """A folder with a file a relation, `lineage` with the source and what read it beside every value; `out` must not exist. Raises OSError,
    and UsageError where DuckDB is not installed."""
    with atomic.filling(out) as folder, room(out) as aside, _connected(aside / "work") as database:
        stage = _Stage(Relations(schemas, FOR_SQL), aside)
        stage.fill(documents)
        for relation in stage.relations.all:
            database.execute(f"CREATE VIEW {quoted(relation.name)} AS {stage.typed(relation)}")
        for relation in stage.relations.all:
            chosen = EVIDENCE if relation is stage.relations.lineage else f"SELECT * FROM {quoted(relation.name)}"
            file = aside / f"{relation.name}.parquet"
            database.execute(f"COPY ({chosen}) TO {literal(str(file))} ({_FORMAT}, {_metadata(relation)})")
            file.rename(folder / file.name)


@contextmanager
def _connected(path: Path) -> Iterator[DuckDBPyConnection]:
    """A new database that sees nothing but the folder it is in."""
    try:
        import duckdb
    except ImportError:
        raise UsageError(
            "DuckDB is not installed, which writes DuckDB and Parquet files", remedy="pip install 'structurer[tables]'"
        ) from None
    off = dict.fromkeys(("autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions"), False)
    folder = path.parent
    config: dict[str, Any] = {**off, "memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(folder / "spilt")}
    try:
        with closing(duckdb.connect(path, config=config)) as database:
            database.execute(f"SET allowed_directories = [{literal(str(folder))}]")
            database.execute("SET enable_external_access = false")
            database.execute("SET lock_configuration = true")
            yield database
    except duckdb.Error as error:
        raise OSError(0, str(error)) from error


class _Stage:
    """Rows of all relations as text files, because DuckDB takes those a hundred times as fast as rows, and the widths of decimals are
    known only when all rows have been seen. In them a text is quoted and a blank is not, so that an empty text stays one."""

    def __init__(self, relations: Relations, folder: Path) -> None:
        self.relations, self.types = relations, dict[Relation, list[Fitted]]()
        self._files = {relation: folder / f"staged{number}" for number, relation in enumerate(relations.all)}
        self._longest = dict.fromkeys(relations.all, LINE_BYTES)
        self._rows = Counter[Relation]()

    def fill(self, documents: Iterable[Exported]) -> None:
        """Stage everything; `types` are known then."""
        with ExitStack() as stack:
            files = {
                relation: stack.enter_context(path.open("w", encoding="utf-8", newline="\n")) for relation, path in self._files.items()
            }
            fits = {relation: Fits(relation) for relation in self.relations.all}
            for exported in documents:
                for row in self.relations.rows(exported):
                    self._add(row, files[row.relation], fits[row.relation])
            self.types = {relation: [_stored(fitted) for fitted in fit.done()] for relation, fit in fits.items()}
            for row in self.relations.described(self.types):
                self._add(row, files[row.relation], fits[row.relation])

    def typed(self, relation: Relation) -> str:
        """The query of a relation's rows with their types."""
        columns, casts = [], []
        for number, (column, fitted) in enumerate(zip(relation.columns, self.types[relation], strict=True)):
            columns.append(f"'c{number}': 'VARCHAR'")
            casts.append(f"CAST(c{number} AS {_declared(fitted)}) AS {quoted(column.name)}")
        read = (
            f"read_csv({literal(str(self._files[relation]))}, columns = {{{', '.join(columns)}}}, auto_detect = false, header = false, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, parallel = false, "
            f"max_line_size = {self._longest[relation]})"
        )
        return f"SELECT {', '.join(casts)} FROM {read}"

    def keyed(self) -> set[Relation]:
        """The relations whose keys are declared: each as long as there is room for its rows, in their order, in which `lineage` is late."""
        keyed, left = set[Relation](), KEYED_ROWS
        for relation in self.relations.all:
            if self._rows[relation] <= left:
                keyed.add(relation)
                left -= self._rows[relation]
        return keyed

    def drop(self, relation: Relation) -> None:
        """Give the room back that a relation's staged rows take."""
        self._files[relation].unlink()

    def _add(self, row: Row, file: TextIO, fits: Fits) -> None:
        cells = ["" if value is None else f'"{_text(value)}"' for value in fits.see(row.values)]
        line = ",".join(cells) + "\n"
        if len(line) * 4 > self._longest[row.relation]:
            self._longest[row.relation] = len(line) * 4
        file.write(line)
        self._rows[row.relation] += 1


def _text(value: Any) -> str:
    return value.replace('"', '""') if type(value) is str else str(value)


def _stored(fitted: Fitted) -> Fitted:
    """The type in DuckDB, whose integers have 64 bits here: wider ones (HUGEINT) become floating point in Parquet, decimals do not."""
    if fitted.type is Type.INTEGER and fitted.digits > INTEGER_DIGITS:
        return Fitted(Type.DECIMAL, fitted.digits)
    return fitted


def _declared(fitted: Fitted) -> str:
    if fitted.type is Type.INTEGER:
        return "BIGINT"
    if fitted.type is Type.DECIMAL:
        return f"DECIMAL({INTEGER_DIGITS if fitted.digits <= INTEGER_DIGITS else DECIMAL_DIGITS}, {fitted.scale})"
    return _TYPES[fitted.type]


def _created(relation: Relation, types: Sequence[Fitted], keyed: Set[Relation]) -> str:
    named = zip(relation.columns, types, strict=True)
    columns = ", ".join(f"{quoted(column.name)} {_declared(fitted)}" for column, fitted in named)
    own = primary_key(relation) if relation in keyed else ""
    parent = foreign_key(relation) if relation in keyed and relation.parent in keyed else ""
    return f"CREATE TABLE {quoted(relation.name)} ({columns}{own}{parent})"


def _comments(relation: Relation, keyed: Set[Relation]) -> Iterator[str]:
    about = relation.about if relation in keyed else f"{relation.about}; {UNKEYED.format(relation.key)}"
    yield f"COMMENT ON TABLE {quoted(relation.name)} IS {literal(about)}"
    for column in relation.columns:
        if told := _told(column):
            words = "; ".join(f"{name}: {value}" for name, value in told.items())
            yield f"COMMENT ON COLUMN {quoted(relation.name)}.{quoted(column.name)} IS {literal(words)}"


def _metadata(relation: Relation) -> str:
    """What a Parquet file says of itself: what its rows are, and label, unit and place of its columns as JSON."""
    told = {column.name: _told(column) for column in relation.columns if _told(column)}
    columns = json.dumps(told, ensure_ascii=True)
    return f"KV_METADATA {{about: {literal(relation.about)}, columns: {literal(columns)}}}"


def _told(column: Column) -> dict[str, str]:
    parts = {"label": column.label, "unit": column.unit or column.unit_place, "place": column.place}
    return {name: value for name, value in parts.items() if value}
