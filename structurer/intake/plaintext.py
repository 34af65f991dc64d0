"""Text files: one page up to each form feed; of CSV files the rows, their cells parted by tabs."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from structurer.document import Page

CSV_SAMPLE_ROWS = 50
CSV_DELIMITERS = ",;\t"
MOST_CSV_CELL = 200_000_000  # characters


def pages_of(text: str) -> tuple[Page, ...]:
    """One page up to and with each form feed; a last form feed starts no page."""
    ends = [match.end() for match in re.finditer("\f", text)]
    if not ends or ends[-1] != len(text):
        ends.append(len(text))
    return tuple(Page(number, start, end) for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False), 1))


def tabbed(text: str) -> tuple[str, tuple[str, ...]]:
    """The rows of a CSV file, cells parted by tabs; quotes that do not pair are a warning, for rows may then hang together."""
    limit = csv.field_size_limit(MOST_CSV_CELL)  # the module's own, 131,072 characters, would be a fault with no place
    try:
        delimiter = _delimiter(text)
        return _joined(_rows(text, delimiter, strict=True)), ()
    except csv.Error as error:
        warning = f"the quotes of the CSV file do not pair ({error}); rows may hang together"
        return _joined(_rows(text, delimiter, strict=False)), (warning,)
    finally:
        csv.field_size_limit(limit)


def _joined(rows: Iterator[list[str]]) -> str:
    return "".join("\t".join(re.sub("[\t\n]+", " ", cell) for cell in row) + "\n" for row in rows)


def _rows(text: str, delimiter: str, *, strict: bool) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


def _delimiter(text: str) -> str:
    """The delimiter under which most of the first rows have the same number of cells, more than one; the comma if none does."""

    def agreement(delimiter: str) -> tuple[int, int]:
        rows = zip(range(CSV_SAMPLE_ROWS), _rows(text, delimiter, strict=False), strict=False)
        widths = Counter(len(row) for _, row in rows if len(row) > 1)
        width, count = max(widths.items(), key=lambda pair: pair[1], default=(0, 0))
        return count, width

    return max(CSV_DELIMITERS, key=agreement)
