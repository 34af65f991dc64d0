"""Which type a column of a database gets: that of the schema where all its values fit without losing a digit, else text, and that is said.

Values are strings, integers and truths (see `columns.Type`); how wide a decimal has to be is known only when the last one has been seen.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from structurer.atomic import ENCODING_ERRORS
from structurer.exports.columns import Column, Fitted, Relation, Type
from structurer.judging import validate

INTEGER_DIGITS: Final = 18  # that every 64-bit integer has room for
DECIMAL_DIGITS: Final = 38  # of the widest exact decimals of databases and Parquet (128 bits)
SHOWN: Final = 40  # characters of a value that does not fit
_DECIMAL: Final = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?")


class Fit:
    """What the values of one column have shown so far."""

    def __init__(self, column: Column) -> None:
        self._type, self._whole, self._scale, self._significant, self._unfit, self._first = column.type, 0, 0, 0, 0, ""

    @property
    def watches(self) -> bool:
        """Whether the values have to be seen."""
        return self._type not in (Type.TEXT, Type.REAL)

    def see(self, value: Any) -> None:
        """Take a value into account."""
        if value is not None and not self._fits(value):
            self._first = self._first or str(value)[:SHOWN]
            self._unfit += 1

    def done(self) -> Fitted:
        """The type that fits all values seen."""
        digits = self._whole + self._scale
        if self._unfit:
            return Fitted(Type.TEXT, note=f"text: {self._unfit} values are no {self._type.value}, the first is {self._first!r}")
        if digits > DECIMAL_DIGITS:
            return Fitted(Type.TEXT, digits, self._scale, f"text: its values need {digits} digits, an exact decimal has {DECIMAL_DIGITS}")
        return Fitted(self._type, digits, self._scale, significant=self._significant)

    def _fits(self, value: Any) -> bool:
        if self._type in (Type.INTEGER, Type.DECIMAL):
            return self._measured(_DECIMAL.fullmatch(str(value)))
        if self._type is Type.DATE:
            return _is_date(str(value))
        return truth(value) is not None

    def _measured(self, match: re.Match[str] | None) -> bool:
        if match is None or (match[2] and self._type is Type.INTEGER):
            return False
        self._whole = max(self._whole, len(match[1].lstrip("0")))
        self._scale = max(self._scale, len(match[2] or ""))
        self._significant = max(self._significant, len((match[1] + (match[2] or "")).strip("0")))
        return True


class Fits:
    """The columns of a relation, row by row."""

    def __init__(self, relation: Relation) -> None:
        self._fits = [Fit(column) for column in relation.columns]
        self._watched = [(number, fit) for number, fit in enumerate(self._fits) if fit.watches]

    def see(self, values: tuple[Any, ...]) -> list[Any]:
        """A row as it is to be staged: texts that every encoder takes."""
        row = [encodable(value) if type(value) is str else value for value in values]
        for number, fit in self._watched:
            fit.see(row[number])
        return row

    def done(self) -> list[Fitted]:
        """The types of the columns."""
        return [fit.done() for fit in self._fits]


def truth(value: Any) -> bool | None:
    """The truth that a value states; None where it states none."""
    return value if isinstance(value, bool) else validate.truth(str(value))


def encodable(text: str) -> str:
    """The text with lone surrogates escaped."""
    return text if text.isascii() else text.encode(errors=ENCODING_ERRORS).decode()


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL, which has no place for NUL."""
    return "'" + encodable(text).replace("\0", "").replace("'", "''") + "'"


def foreign_key(relation: Relation) -> str:
    """The constraint that a row's parent is there; empty where there is none."""
    if relation.parent is None:
        return ""
    own = ", ".join(quoted(column.name) for column in relation.columns[: relation.parent.key])
    theirs = ", ".join(quoted(column.name) for column in relation.parent.columns[: relation.parent.key])
    return f", FOREIGN KEY ({own}) REFERENCES {quoted(relation.parent.name)} ({theirs})"


def primary_key(relation: Relation) -> str:
    """The constraint that the key tells rows apart."""
    return f", PRIMARY KEY ({', '.join(quoted(column.name) for column in relation.columns[: relation.key])})"


EVIDENCE: Final = """
SELECT l.*, d.source, d.sha256, r.kind, r.reader AS record_reader, r.model, r.schema_digest, r.prompt_digest, r.structurer_version
FROM lineage l JOIN records r USING (document, record) JOIN documents d USING (document)
"""


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).year > 0
    except ValueError:
        return False
