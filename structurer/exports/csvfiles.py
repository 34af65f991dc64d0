"""Records as CSV: a file a relation in a new folder, the source in front of every row.

UTF-8 with a byte order mark, without which Excel shows Chinese as mojibake. Cells that a spreadsheet would take for a formula are kept
from it by an apostrophe (OWASP, "CSV Injection"), plain numbers excepted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from structurer import atomic
from structurer.contracts.schema import Schema
from structurer.exports.attested import Exported
from structurer.exports.columns import Relation
from structurer.exports.naming import FOR_PEOPLE
from structurer.exports.relations import Relations
from structurer.exports.tables import FORMULA_STARTS

_PLAIN_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]+)?%?")


class _Writer(Protocol):
    def writerow(self, row: Sequence[Any], /) -> Any: ...


def write(documents: Iterable[Exported], schemas: Mapping[str, Schema], out: Path) -> None:
    """A folder with a file a relation, empty ones included; `out` must not exist. Raises OSError."""
    relations = Relations(schemas, FOR_PEOPLE)
    with atomic.filling(out) as beside, ExitStack() as stack:
        writers = _opened(relations, beside, stack)
        for exported in documents:
            for row in relations.rows(exported):
                sourced = row.values if row.relation is relations.documents else (row.source, *row.values)
                writers[row.relation].writerow([cell(value) for value in sourced])
        for row in relations.described():
            writers[row.relation].writerow([cell(value) for value in row.values])


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet runs."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(text) else text


def _opened(relations: Relations, folder: Path, stack: ExitStack) -> dict[Relation, _Writer]:
    writers = dict[Relation, _Writer]()
    for relation in relations.all:
        file = folder / f"{relation.name}.csv"
        writer = csv.writer(stack.enter_context(atomic.writing(file, encoding="utf-8-sig", newline="")))
        heading = [column.name for column in relation.columns]
        sourced = heading if relation in (relations.documents, relations.columns) else ["source", *heading]
        writer.writerow([cell(name) for name in sourced])
        writers[relation] = writer
    return writers
