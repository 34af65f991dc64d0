"""Where the print of a cell would stand: between the rows around its own, and on the side of its neighbours where its column stands in
other rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from structurer.contracts.schema import Leaf
from structurer.record import Value

_BLANK_LINE = re.compile(r"\n[ \t]*\n|\f")


class Windows:
    """The stretches of a page that belong to each row of a record. `placed` are the values that stand where they belong, `page` its
    text, which begins at the offset `start`."""

    def __init__(self, values: Mapping[str, tuple[Leaf, Value]], placed: Collection[str], page: str, start: int) -> None:
        self.values, self.placed, self.page, self.start = values, placed, page, start
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
        """From the end of the row before a cell's own to the start of the row behind, or to a blank line; for a cell in no row, or in one
        of which nothing is placed, from the value before it to the one behind."""
        row = place.rpartition("/")[0]
        if not row or row not in self.hulls:
            return self._between(place)
        if row not in self._known:
            self._known[row] = self._of_row(row)
        return self._known[row]

    def _of_row(self, row: str) -> tuple[int, int]:
        own = self.hulls[row]
        before = [high for other, (_, high) in self.hulls.items() if other != row and high <= own[0]]
        behind = [low for other, (low, _) in self.hulls.items() if other != row and low >= own[1]]
        return max(before, default=self.start), min(behind, default=self._end_of_block(own[1]))

    def _end_of_block(self, position: int) -> int:
        parted = _BLANK_LINE.search(self.page, position - self.start)
        return self.start + (parted.start() if parted else len(self.page))

    def _between(self, place: str) -> tuple[int, int]:
        """From the print before to the print behind, or for the last to a blank line: on the page for a value that stands there, else in
        the order of the record."""
        spans = [(other, value.spans[0].start, value.spans[-1].end) for other, (_, value) in self.values.items() if value.spans]
        standing = [one for one in spans if one[0] in self.placed]
        whole = self.start, self.start + len(self.page)
        own = next(((start, end) for other, start, end in standing if other == place), None)
        if own is not None:
            low = max((end for _, _, end in standing if end <= own[0]), default=whole[0])
            return low, min((start for _, start, _ in standing if start >= own[1]), default=self._end_of_block(own[1]))
        order = {other: number for number, other in enumerate(self.values)}
        low = max(((order[other], end) for other, _, end in standing if order[other] < order[place]), default=(0, whole[0]))[1]
        high = min(((order[other], start) for other, start, _ in standing if order[other] > order[place]), default=(0, whole[1]))[1]
        return (low, high) if low < high else whole

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
