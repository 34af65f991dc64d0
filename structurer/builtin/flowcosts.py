"""What a step of the path costs: how ill a word of a running line fits the column that the step puts it into.

Costs are of the order of 1 for what is unlikely and of 5 for what nearly never happens. What speaks for a step: figures under columns of
figures; a cell goes on on the next line only if its line was full (a wrapped line fills its column, only a cell's last line is short); a
name printed on both sides of its figures is centred on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from structurer.builtin.align import CLOSING, OPERATORS, Column, is_figure, type_cost
from structurer.layout import WIDE_GAP, Chunk

_OPENING = "（《“‘([、"
_LEFT, _RIGHT = "([《“", ")]》”"
_NUMBERED = re.compile(r"^\d{1,2}\)(?=[^,.])")
_UNCLOSED = 3.0  # the cost of leaving a bracket open, or of closing one that is not
_BREAKING = 4.0  # the cost of a cell going on on a second line, where no cell seems to
_APART = 5.0  # the cost of a cell going on behind a wide gap
_ABOVE = 3.0  # the cost of a line of a name above its figures, where cells stand at the top


class Step(NamedTuple):  # a path makes a thousand, and a named tuple is made several times as fast as a frozen dataclass
    """A state of the path: the column of the last word; whether the row's name goes on behind its figures; lines of the name before and
    behind them; whether figures and name share a line; length of the cell's last line. `back` is the step before."""

    cost: float
    column: int
    late: bool
    before: int
    behind: int
    shared: bool
    length: int
    name_length: int
    new_row: bool
    new_cell: bool
    back: Step | None
    open: int = 0  # brackets of the cell, and of the row's name, that are not closed yet
    name_open: int = 0


@dataclass(frozen=True, slots=True)
class Costs:
    """The words of a block, the columns of its table, and what is supposed of its print. A word is named by its number, from 0."""

    columns: tuple[Column, ...]
    numeric: tuple[bool, ...]
    optional: tuple[bool, ...]
    namer: int  # the column that names the rows
    texts: tuple[str, ...]
    lines: tuple[int, ...]  # of each word
    figure: tuple[bool, ...]  # whether each word is one
    brackets: tuple[tuple[int, int], ...]  # what each word opens and closes
    types: tuple[tuple[float, ...], ...]  # how ill each word fits each column
    skips: tuple[tuple[float, ...], ...]  # skips[first][column]: of leaving the columns from `first` up to `column` blank
    starts: frozenset[int]  # words that a new cell seems to begin with
    after_labels: frozenset[int]  # words before which a merged label stands
    apart: frozenset[int]  # words that a wide gap parts from the word before
    widths: Mapping[int, int] = field(default_factory=dict)  # of the columns, where known
    unbroken: bool = False  # no cell goes on on a second line
    top: bool = False  # cells stand at the top of their rows, not in the middle

    # -- of whole steps: of the path up to the word, with the step ---------------------------------------------------------

    def same_cell(self, number: int, state: Step, same_line: bool) -> float:
        """The cell goes on."""
        cost = state.cost + (self.word(number, state) if same_line else self.line(number, state))
        if same_line or state.column != self.namer:
            return cost
        if state.late:
            return cost + self.beyond_centre(state)
        return cost + _ABOVE if self.top else cost

    def next_cell(self, number: int, state: Step, column: int, same_line: bool) -> float:
        """Another cell of the row begins, further right."""
        return (
            state.cost + self.types[number][column] + self.skips[state.column + 1][column] + self.new_cell(number, state, column, same_line)
        )

    def next_row(self, number: int, state: Step, same_line: bool) -> float:
        """The row ends; not what its successor costs in its first column."""
        closing = (
            self.unfinished(state) + (5.0 if same_line else 0.2) + self.bad_start(number) + (0.0 if state.late else self.leaving(state) / 2)
        )
        closing += 0.0 if same_line else self.lone_character(number)
        return state.cost + closing

    def late_name(self, number: int, state: Step) -> float:
        """The name goes on below its figures: likely if its last line was full, and if it is then centred on them."""
        cost = state.cost + (0.6 if state.shared else 1.5) + (6.0 if self.figure[number] else 0.0)
        cost += self.wrap(self.namer, state.name_length, self.texts[number], "") + self.beyond_centre(state) + self.leaving(state)
        return cost - (0.9 if self.is_full(self.namer, state.name_length) else 0.0)  # paid when the name was left

    def late_cell(self, state: Step, column: int) -> float:
        """Another cell goes on beside the name that does."""
        cost = state.cost + (0.4 if column in self.widths or self.optional[column] else 1.2)
        return cost - (self.leaving(state.back) if state.back is not None and state.back.column == column else 0.0)

    # -- of brackets -------------------------------------------------------------------------------------------------------

    def left_open(self, state: Step, step: Step) -> float:
        """A cell, or with its row a name, is left with an open bracket."""
        left = state.column != self.namer and state.open > 0
        if step.new_row:
            return _UNCLOSED * (left or state.name_open > 0)
        return 0.0 if step.column == state.column and not step.new_cell else _UNCLOSED * left

    def closed(self, number: int, before: int) -> float:
        """A bracket is closed that is not open; or a cell with an open one goes on on the next line, as it should."""
        closes = self.brackets[number][1]
        return _UNCLOSED * (closes > before) - 1.0 * (before > 0 and self.lines[number] != self.lines[number - 1])

    # -- of single traits --------------------------------------------------------------------------------------------------

    def new_cell(self, number: int, state: Step, column: int, same_line: bool) -> float:
        """The cost of a new cell: of starting badly, or at a line break where the last cell seemed to go on."""
        numeric, optional = self.numeric[column], self.optional[column]
        cost = self.bad_start(number) + (0.8 if optional else 0.0) - (0.8 if number in self.starts and not numeric else 0.0)
        if number in self.after_labels:
            cost += 1.5  # a label stands between two rows more often than inside one
        if same_line:
            return cost
        own = self.widths.get(column)
        if own is not None and optional and len(self.texts[number]) > own + 1:
            cost += 1.5
        cost += 0.0 if numeric else self.lone_character(number)
        if numeric and self.numeric[state.column]:
            return cost + 0.4
        return cost + (0.0 if numeric else self.leaving(state)) + 0.25

    def unfinished(self, state: Step) -> float:
        """A row that ends without its figures, or a name printed above its figures that should go on below them."""
        missing = 0.0 if state.late else 3.0 * sum(self.numeric[state.column + 1 :])
        if state.late and not state.shared:
            lopsided = 0.6 * abs(state.before - state.behind)
        else:
            lopsided = 1.2 * max(state.before - 1 - state.behind, 0) if state.shared else 0.0
        open_name = 0.5 if state.shared and not state.late and self.is_full(self.namer, state.name_length) else 0.0
        return missing + min(lopsided, 2.4) + open_name

    def beyond_centre(self, state: Step) -> float:
        """More lines of the name below its figures than above them: cells are centred, less often aligned at their top."""
        if self.top or state.behind + 1 <= state.before - state.shared:
            return 0.0
        return 1.2 if state.before == 1 else 2.0

    def leaving(self, state: Step) -> float:
        """The cost of leaving a cell whose last line was full: it should go on."""
        return 0.9 if not self.numeric[state.column] and self.is_full(state.column, state.length) else 0.0

    def lone_character(self, number: int) -> float:
        """A single character on a line of its own is more often the end of a word than a cell."""
        return 1.0 if len(self.texts[number]) == 1 and not self.figure[number] else 0.0

    def bad_start(self, number: int) -> float:
        """No cell begins with a closing mark."""
        return 4.0 if self.texts[number][0] in CLOSING else 0.0

    def line(self, number: int, state: Step) -> float:
        """The cost of a cell going on on the next line."""
        text = self.texts[number]
        cost = self.wrap(state.column, state.length, text, self.texts[number - 1])
        cost += 2.5 if number in self.after_labels and not state.late else 0.0
        return cost + (3.0 if self.figure[number] else 0.0) + (2.0 if text[0] in OPERATORS else 0.0)

    def word(self, number: int, state: Step) -> float:
        """The cost of the next word on the same line belonging to the same cell."""
        text, last = self.texts[number], self.texts[number - 1]
        if number in self.apart:
            return _APART
        if last[-1].isascii() and text[0].isascii() and _latin(last, text):
            return 0.4 if not self.figure[number] else 1.6
        if last[-1].isdigit() and len(text) <= 2 and not self.figure[number] and text[0] not in OPERATORS and state.column != self.namer:
            return 0.3  # a figure and its unit: "=3 次"
        cost = 2.0 if state.column == self.namer else 2.6
        return cost + (2.5 if text[0] in OPERATORS else 1.0 if self.figure[number] else 0.0)

    def wrap(self, column: int, length: int, text: str, last: str) -> float:
        """The cost of a line break in a cell behind a line of this length: small where that line was full."""
        full = self.widths.get(column)
        if full is None:
            cost = 0.6 if column == self.namer else 1.0
        else:
            slack = _slack(text)
            cost = 0.0 if full - length <= slack else min(4.0, 0.8 * (full - length - slack + 1))
        if text[0] in CLOSING or (last and last[-1] in _OPENING):
            cost -= 1.0
        return max(cost, 0.0) + (_BREAKING if self.unbroken else 0.0)

    def is_full(self, column: int, length: int) -> bool:
        """Whether a line of this length fills the column."""
        full = self.widths.get(column)
        return full is not None and length >= full


def costs_of(
    words: list[Chunk], texts: list[str], columns: tuple[Column, ...], labels: frozenset[str], after_labels: frozenset[int]
) -> Costs:
    """The costs of the words with these folded texts; `labels` are the values known to any column of labels in the table."""
    lines = [word.line for word in words]
    return Costs(
        columns,
        numeric=tuple(column.numeric for column in columns),
        optional=tuple(column.optional for column in columns),
        namer=next((index for index, column in enumerate(columns) if column.names_rows), 0),
        texts=tuple(texts),
        lines=tuple(lines),
        figure=tuple(is_figure(text) for text in texts),
        brackets=tuple(_brackets(text) for text in texts),
        types=tuple(tuple(type_cost(column, text, labels) for column in columns) for text in texts),
        skips=tuple(tuple(_skipped(columns[first:column]) for column in range(len(columns))) for first in range(len(columns) + 1)),
        starts=_repeats(texts),
        after_labels=after_labels,
        apart=frozenset(
            number
            for number in range(1, len(words))
            if lines[number] == lines[number - 1] and words[number].start - words[number - 1].end >= WIDE_GAP
        ),
    )


def _brackets(text: str) -> tuple[int, int]:
    """How many brackets a text leaves open, and how many it closes that it did not open; the bracket of "1)" is none."""
    opens = closes = 0
    for char in _NUMBERED.sub("", text):
        if char in _LEFT:
            opens += 1
        elif char in _RIGHT:
            opens, closes = (opens - 1, closes) if opens else (0, closes + 1)
    return opens, closes


def _skipped(columns: tuple[Column, ...]) -> float:
    """The cost of leaving these columns blank."""
    return sum(
        5.0 if column.names_rows else 2.2 if column.numeric else 0.3 if column.optional or column.leaf is None else 2.5
        for column in columns
    )


def _repeats(texts: list[str]) -> frozenset[int]:
    """Where a print is at once followed by the same print: neighbouring columns (target and result) often say the same."""
    found: set[int] = set()
    for size in range(1, 6):
        for index in range(size, len(texts) - size + 1):
            if texts[index - size : index] == texts[index : index + size] and not is_figure(texts[index]):
                found |= {index - size, index}
    return frozenset(found)


def _slack(text: str) -> int:
    """By how many characters a line may end early: a Latin word or a figure is not broken, and no line begins with a closing mark."""
    if text[0].isascii() and text[0].isalnum():
        return 12 if text[0].isalpha() else 4
    return int(text[1:2] != "" and text[1] in CLOSING)


def _latin(last: str, text: str) -> bool:
    """Whether two words read on as Latin text does."""
    return any(char.isalpha() and char.isascii() for char in last + text) and text[0] not in OPERATORS
