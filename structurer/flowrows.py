"""Lists printed as running lines: rows whose cells were wrapped, whose names stand above and below their figures, and whose merged labels
are printed before, amid or after the rows they cover.

The words of the block are assigned to columns by a shortest path (Viterbi) over "column of this word, given the column of the one before".
What speaks for a path: figures under columns of figures; a cell goes on on the next line only if its line was full (a wrapped line fills
its column, only a cell's last line is short); a name printed on both sides of its figures is centred on them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from structurer.align import NEVER, Column, is_figure, type_cost
from structurer.draft import Draft
from structurer.fold import squeeze
from structurer.gridrows import Row, put_cell, table_labels, with_missing
from structurer.heads import Head
from structurer.layout import Chunk
from structurer.levels import cover, parents
from structurer.record import pointer
from structurer.schema import Group, Leaf, Rows

MAX_LABEL_WORDS = 8  # pieces a label may be broken into: 服务 / 对象 / 满意 / 度指 / 标
_OPERATORS = "≥≤<>=＜＞"
_CLOSING = "，、。；：）》”’,;:)]%"
_OPENING = "（《“‘([、"


@dataclass(frozen=True, slots=True)
class Label:
    """A merged label: its chunks, its text, and the number of words that stand before it."""

    text: str
    chunks: tuple[Chunk, ...]
    place: int


@dataclass(frozen=True, slots=True)
class Step:
    """A state of the path: the column of the last word; whether the row's name goes on behind its figures; lines of the name before and
    behind them; whether figures and name share a line; length of the cell's last line. `back` is the step before."""

    cost: float
    column: int
    late: bool
    before: int
    behind: int
    shared: bool
    length: int
    new_row: bool
    new_cell: bool
    back: Step | None


def read_flow_rows(draft: Draft, heads: list[Head], place: str) -> None:
    """Read the rows below all heads of one list."""
    table = heads[0].table
    assert isinstance(table, Rows)
    chunks = [chunk for head in heads for chunk in _content(draft, head)]
    columns = with_missing(heads[0].columns, table)
    spanning = [column for column in columns if column.leaf is not None and column.leaf.values]
    labels, words = _pick_labels(draft, chunks, spanning)
    free = tuple(column for column in columns if column not in spanning)
    rows, doubts = _rows(draft, words, free, labels, table)
    draft.rows[place] = len(rows)
    for number, row in enumerate(rows):
        for index, column in enumerate(free):
            if column.leaf is not None:
                _store(draft, column.leaf, f"{place}/{number}", row.cells.get(index, []))
        for reason in row.doubts:
            draft.doubt(f"{place}/{number}", reason)
    for reason in doubts:
        draft.doubt(place, reason)
    _store_labels(draft, spanning, labels, rows, words, place)


def _content(draft: Draft, head: Head) -> list[Chunk]:
    found = []
    for chunk in draft.layout.words(head.end, head.stop):
        hit = next((hit for hit in draft.hits if hit.start < chunk.end and chunk.start < hit.end), None)
        if hit is None:
            found.append(chunk)
        else:
            draft.explain(hit.start, hit.end)
    return found


def _store(draft: Draft, leaf: Leaf, place: str, chunks: list[Chunk]) -> None:
    if chunks:
        put_cell(draft, leaf, place + pointer(leaf.name), _glued(draft, chunks))
    else:
        draft.blank(place + pointer(leaf.name))


def _glued(draft: Draft, chunks: list[Chunk]) -> list[Chunk]:
    """Words of one line in one piece, so that the space printed between them stays."""
    glued: list[Chunk] = []
    for chunk in chunks:
        if glued and glued[-1].line == chunk.line and not draft.layout.clean[glued[-1].end - draft.layout.start : chunk.start - draft.layout.start].strip():
            glued[-1] = Chunk(glued[-1].start, chunk.end, chunk.line, glued[-1].col)
        else:
            glued.append(chunk)
    return glued


# -- merged labels -----------------------------------------------------------------------------------------------------


def _pick_labels(draft: Draft, chunks: list[Chunk], spanning: list[Column]) -> tuple[list[Label], list[Chunk]]:
    """Take the known labels out of the words, also those broken into pieces that follow one another."""
    values = {squeeze(value) for column in spanning if column.leaf is not None for value, _ in column.leaf.values}
    longest = max(map(len, values), default=0)
    labels: list[Label] = []
    words: list[Chunk] = []
    position = 0
    while position < len(chunks):
        count = _label_length(draft, chunks, position, values, longest)
        if count:
            pieces = tuple(chunks[position : position + count])
            labels.append(Label("".join(squeeze(draft.text(piece)) for piece in pieces), pieces, len(words)))
        else:
            words.append(chunks[position])
        position += count or 1
    return labels, words


def _label_length(draft: Draft, chunks: list[Chunk], position: int, values: set[str], longest: int) -> int:
    """How many words from here on make a known label; the longest that does."""
    text, best = "", 0
    for count, chunk in enumerate(chunks[position : position + MAX_LABEL_WORDS], 1):
        text += squeeze(draft.text(chunk))
        if len(text) > longest:
            break
        if text in values:
            best = count
    return best


def _store_labels(draft: Draft, spanning: list[Column], labels: list[Label], rows: list[Row], words: list[Chunk], place: str) -> None:
    leaves = [column.leaf for column in spanning if column.leaf is not None]
    by_leaf = _levels(leaves, labels)
    row_of_word = {id(chunk): number for number, row in enumerate(rows) for cell in row.cells.values() for chunk in cell}
    above: list[Label | None] = [None] * len(rows)
    for leaf in reversed(leaves):
        own = by_leaf[leaf.name]
        at = [_row_at(words, label, row_of_word, len(rows)) for label in own]
        covering, sure = cover(len(rows), at)
        chosen = [own[index] if covering else None for index in covering] if covering else [None] * len(rows)
        chosen = [_by_child(leaves, leaf, above[number], own, label) for number, label in enumerate(chosen)]
        for number, label in enumerate(chosen):
            _store_label(draft, leaf, f"{place}/{number}", label, sure or above[number] is not None)
        above = chosen


def _row_at(words: list[Chunk], label: Label, row_of_word: dict[int, int], count: int) -> int:
    """The row whose word follows the label: a row that goes on behind it belongs to it."""
    return row_of_word.get(id(words[label.place]), count) if label.place < len(words) else count


def _levels(leaves: list[Leaf], labels: list[Label]) -> dict[str, list[Label]]:
    """Share the labels out among the columns that know them; one known to two columns goes by its neighbours."""
    found: dict[str, list[Label]] = {leaf.name: [] for leaf in leaves}
    for index, label in enumerate(labels):
        fitting = [leaf for leaf in leaves if label.text in {squeeze(value) for value, _ in leaf.values}]
        if not fitting:
            continue
        following = labels[index + 1].text if index + 1 < len(labels) else ""
        chosen = fitting[0]
        if len(fitting) > 1 and not any(label.text in map(squeeze, parents(leaf, following)) for leaf in leaves):
            last = found[leaves[0].name][-1].text if found[leaves[0].name] else ""
            child = last == label.text or last in map(squeeze, parents(fitting[-1], label.text))
            chosen = fitting[-1] if child else fitting[0]
        found[chosen.name].append(label)
    return found


def _by_child(leaves: list[Leaf], leaf: Leaf, child: Label | None, own: list[Label], current: Label | None) -> Label | None:
    """A child with one printed parent decides it, wherever the parent's label stands."""
    index = leaves.index(leaf)
    if child is None or index + 1 >= len(leaves):
        return current
    allowed = {squeeze(parent) for parent in parents(leaves[index + 1], child.text)}
    if not allowed or (current is not None and current.text in allowed):
        return current
    printed = [label for label in own if label.text in allowed]
    return printed[-1] if printed else current


def _store_label(draft: Draft, leaf: Leaf, place: str, label: Label | None, sure: bool) -> None:
    where = place + pointer(leaf.name)
    if label is None:
        draft.blank(where)
        return
    value = next((value for value, _ in leaf.values if squeeze(value) == label.text), label.text)
    doubts = () if sure else ("the label is printed amid its rows; where its rows begin is not",)
    draft.put(where, tuple((chunk.start, chunk.end) for chunk in label.chunks), text=value, doubts=doubts)


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(draft: Draft, words: list[Chunk], columns: tuple[Column, ...], labels: list[Label], table: Rows) -> tuple[list[Row], list[str]]:
    if not words or not columns:
        return [], []
    path = _Path(draft, words, columns, {label.place for label in labels}, table)
    steps = path.run({})
    widths = path.widths(steps)
    steps = path.run(widths)
    doubts = ["the lines do not divide into rows"] if steps[-1].cost >= NEVER else []
    return _collect(words, columns, steps), doubts


def _collect(words: list[Chunk], columns: tuple[Column, ...], steps: list[Step]) -> list[Row]:
    rows: list[Row] = []
    for chunk, step in zip(words, steps, strict=True):
        if step.new_row or not rows:
            rows.append(Row())
        rows[-1].cells.setdefault(step.column, []).append(chunk)
    namer = next((index for index, column in enumerate(columns) if column.names_rows), None)
    for row in rows:
        if namer is not None and namer not in row.cells:
            row.doubts.append("the row has no name")
        if any(column.numeric and index not in row.cells for index, column in enumerate(columns)):
            row.doubts.append("the row lacks figures")
    return rows


class _Path:
    """The shortest path of the block's words through the table's columns."""

    def __init__(self, draft: Draft, words: list[Chunk], columns: tuple[Column, ...], after_labels: set[int], table: Rows) -> None:
        self.columns = columns
        self.texts = [squeeze(draft.text(chunk)) for chunk in words]
        self.words = words
        self.after_labels = after_labels
        labels = table_labels(table)
        self.figure = [is_figure(text) for text in self.texts]
        self.types = [[type_cost(column, text, labels) for column in columns] for text in self.texts]
        self.namer = next((index for index, column in enumerate(columns) if column.names_rows), 0)
        numeric = [index for index, column in enumerate(columns) if column.numeric]
        fixed = [index for index, column in enumerate(columns) if not column.optional]
        self.complete = numeric[-1] if numeric else fixed[-1] if fixed else len(columns) - 1
        self.widths_: dict[int, int] = {}

    def run(self, widths: dict[int, int]) -> list[Step]:
        self.widths_ = widths
        states = self.first()
        for number in range(1, len(self.words)):
            states = self.advance(number, states)
        step: Step | None = min(states, key=lambda state: state.cost + self.unfinished(state))
        steps: list[Step] = []
        while step is not None:
            steps.append(step)
            step = step.back
        return steps[::-1]

    def widths(self, steps: list[Step]) -> dict[int, int]:
        """The width of each column of text: the commonest length of a line that a cell goes on after."""
        lengths: dict[int, Counter[int]] = {}
        for step, following in zip(steps, steps[1:], strict=False):
            if following.column == step.column and not following.new_cell and not following.new_row:
                lengths.setdefault(step.column, Counter())[step.length] += 1
        return {column: max(counted, key=lambda size: (counted[size] + counted[size - 1], size)) for column, counted in lengths.items()}

    def first(self) -> list[Step]:
        found = []
        for column in range(len(self.columns)):
            cost = self.types[0][column] + self.skipped(-1, column)
            if cost < NEVER:
                found.append(Step(cost, column, False, 1 if column == self.namer else 0, 0, False, len(self.texts[0]), True, True, None))
        return found or [Step(NEVER, self.namer, False, 1, 0, False, len(self.texts[0]), True, True, None)]

    def advance(self, number: int, states: list[Step]) -> list[Step]:
        found: dict[tuple[int, bool, int, int, bool, int], Step] = {}
        for state in states:
            for step in self.following(number, state):
                key = (step.column, step.late, min(step.before, 3), min(step.behind, 3), step.shared, step.length)
                if step.cost < NEVER and (key not in found or step.cost < found[key].cost):
                    found[key] = step
        if not found:
            best = min(states, key=lambda state: state.cost)
            return [Step(NEVER, self.namer, False, 1, 0, False, len(self.texts[number]), True, True, best)]
        kept = sorted(found.values(), key=lambda step: step.cost)
        return [step for step in kept[:40] if step.cost <= kept[0].cost + 12]

    def following(self, number: int, state: Step) -> list[Step]:
        same_line = self.words[number].line == self.words[number - 1].line
        size = len(self.texts[number])
        found = []
        if not self.columns[state.column].numeric:
            cost = state.cost + self.goes_on(number, state, same_line)
            length = state.length + size if same_line else size
            before = state.before + (state.column == self.namer and not state.late and not same_line)
            behind = state.behind + (state.late and not same_line)
            found.append(Step(cost, state.column, state.late, before, behind, state.shared, length, False, False, state))
        if not state.late:
            for column in range(state.column + 1, len(self.columns)):
                cost = state.cost + self.types[number][column] + self.skipped(state.column, column) + self.steps_over(number, state, column, same_line)
                shared = state.shared or (state.column == self.namer and same_line)
                found.append(Step(cost, column, False, state.before, 0, shared, size, False, True, state))
        if state.column >= self.complete or state.late:
            found += self.next_row(number, state, same_line, size)
        return found

    def next_row(self, number: int, state: Step, same_line: bool, size: int) -> list[Step]:
        found = []
        closing = self.unfinished(state) + (5.0 if same_line else 0.2)
        for column in range(min(self.namer + 2, len(self.columns))):
            cost = state.cost + closing + self.types[number][column] + self.skipped(-1, column) + self.bad_start(number)
            found.append(Step(cost, column, False, 1 if column == self.namer else 0, 0, False, size, True, True, state))
        if not state.late and not same_line and not self.columns[self.namer].numeric:
            cost = state.cost + self.late_cost(number, state)
            found.append(Step(cost, self.namer, True, state.before, 1, state.shared, size, False, False, state))
        return found

    def late_cost(self, number: int, state: Step) -> float:
        """The name goes on behind its figures: likely where it shares a line with them, as a centred cell does."""
        if self.figure[number]:
            return 6.0
        cost = 0.5 if state.shared and state.behind < state.before - 1 + (state.before == 1) * 0 else 3.5
        return cost + (-0.5 if self.texts[number][0] in _CLOSING else 0.0)

    def unfinished(self, state: Step) -> float:
        """A row that ends without its figures, or a name printed above its figures that should go on below them."""
        missing = 0.0 if state.late else 3.0 * sum(column.numeric for column in self.columns[state.column + 1 :])
        lopsided = 1.2 * max(state.before - 1 - state.behind, 0) if state.shared else 0.0
        return missing + min(lopsided, 2.4)

    def skipped(self, last: int, column: int) -> float:
        cost = 0.0
        for index in range(last + 1, column):
            passed = self.columns[index]
            cost += 5.0 if passed.names_rows else 3.5 if passed.numeric else 0.3 if passed.optional or passed.leaf is None else 2.5
        return cost

    def steps_over(self, number: int, state: Step, column: int, same_line: bool) -> float:
        """The cost of a new cell: of starting badly, or of a line break where the last cell seemed to go on."""
        cost = self.bad_start(number) + (0.8 if self.columns[column].optional else 0.0)
        if same_line:
            return cost
        full = self.widths_.get(state.column)
        goes_on = full is not None and state.length >= full and not self.columns[state.column].numeric and not self.columns[column].numeric
        own = self.widths_.get(column)
        too_wide = 1.5 if own is not None and self.columns[column].optional and len(self.texts[number]) > own + 1 else 0.0
        return cost + too_wide + (0.9 if goes_on else 0.4 if self.columns[state.column].numeric and self.columns[column].numeric else 0.25)

    def bad_start(self, number: int) -> float:
        return 4.0 if self.texts[number][0] in _CLOSING else 0.0

    def goes_on(self, number: int, state: Step, same_line: bool) -> float:
        """The cost of the word belonging to the same cell as the one before."""
        text, last = self.texts[number], self.texts[number - 1]
        if same_line:
            return self.same_cell(number, state, text, last)
        cost = self.wrap_cost(state, text, last)
        if number in self.after_labels and not state.late:
            cost += 1.0
        return cost + (3.0 if self.figure[number] else 0.0) + (2.0 if text[0] in _OPERATORS else 0.0)

    def same_cell(self, number: int, state: Step, text: str, last: str) -> float:
        if _latin(last[-1]) and _latin(text[0]) and not self.figure[number] and not self.figure[number - 1]:
            return 0.4
        if last[-1].isdigit() and len(text) <= 2 and not self.figure[number] and text[0] not in _OPERATORS and state.column != self.namer:
            return 0.3  # a figure and its unit: "=3 次"
        cost = 2.0 if state.column == self.namer else 2.6
        return cost + (2.5 if text[0] in _OPERATORS else 1.0 if self.figure[number] else 0.0)

    def wrap_cost(self, state: Step, text: str, last: str) -> float:
        full = self.widths_.get(state.column)
        if full is None:
            cost = 0.6 if state.column == self.namer else 0.9
        else:
            missing = full - state.length
            cost = 0.0 if missing <= 1 else min(4.0, 0.8 * missing)
        if text[0] in _CLOSING or last[-1] in _OPENING:
            cost -= 1.0
        return max(cost, 0.0)


def _latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def is_item_table(table: Rows) -> bool:
    """Whether a list is printed as a table: its rows are groups with column labels."""
    return isinstance(table.item, Group) and not table.numbered and all(isinstance(leaf, Leaf) for leaf in table.item.members)
