"""Where the print of a cell would stand: between the rows around its own, and on the side of its neighbours where its column stands in
other rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from structurer.record import Value
from structurer.schema import Leaf


class Windows:
    """The stretches of a page that belong to each row of a record. `values` are those that stand where they belong."""

    def __init__(self, values: Mapping[str, tuple[Leaf, Value]], placed: Collection[str], start: int, end: int) -> None:
        self.values, self.placed, self.start, self.end = values, placed, start, end
        self._known: dict[str, tuple[int, int]] = {}

    @cached_property
    def hulls(self) -> dict[str, tuple[int, int]]:
        """Where the values of each row stand: first and last character, by the pointer of the row."""
        found: dict[str, tuple[int, int]] = {}
        for place, (leaf, value) in self.values.items():
            if value.spans and not leaf.spans_rows and place in self.placed:
                row = place.rpartition("/")[0]
                low, high = found.get(row, (value.spans[0].start, value.spans[-1].end))
                found[row] = min(low, value.spans[0].start), max(high, value.spans[-1].end)
        return found

    def of(self, place: str) -> tuple[int, int]:
        """From the end of the row before a cell's own to the start of the row behind; the whole page for a cell in no row."""
        row = place.rpartition("/")[0]
        if row not in self._known:
            self._known[row] = self._of_row(row)
        return self._known[row]

    def _of_row(self, row: str) -> tuple[int, int]:
        own = self.hulls.get(row)
        if own is None or not row:
            return self.start, self.end
        before = [high for other, (_, high) in self.hulls.items() if other != row and high <= own[0]]
        behind = [low for other, (low, _) in self.hulls.items() if other != row and low >= own[1]]
        return max(before, default=self.start), min(behind, default=self.end)

    def in_order(self, place: str, start: int) -> bool:
        """Whether a print that starts here stands on the side of each of the row's other cells where its column does in the other rows."""
        row, _, column = place.rpartition("/")
        table, _, _ = row.rpartition("/")
        own = dict(self._starts(row))
        rows = [starts for other, starts in self._rows(table) if other != row and column in starts] if row else []
        return all(self._votes(rows, column, beside) * (1 if start > own[beside] else -1) >= 0 for beside in own if beside != column)

    @staticmethod
    def _votes(rows: list[dict[str, int]], column: str, beside: str) -> int:
        """How many rows have a column behind another, less those that have it before."""
        return sum(1 if starts[column] > starts[beside] else -1 for starts in rows if beside in starts)

    def _starts(self, row: str) -> Iterator[tuple[str, int]]:
        for place, (leaf, value) in self.values.items():
            above, _, column = place.rpartition("/")
            if above == row and value.spans and place in self.placed and not leaf.spans_rows:
                yield column, value.spans[0].start

    def _rows(self, table: str) -> list[tuple[str, dict[str, int]]]:
        """The rows of a table with the starts of their cells."""
        found: dict[str, dict[str, int]] = {}
        for place, (leaf, value) in self.values.items():
            row, _, column = place.rpartition("/")
            if row.rpartition("/")[0] == table and row and value.spans and place in self.placed and not leaf.spans_rows:
                found.setdefault(row, {})[column] = value.spans[0].start
        return list(found.items())
