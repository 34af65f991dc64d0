"""Lists printed as running lines: rows whose cells were wrapped, whose names stand above and below their figures, and whose merged labels
are printed before, amid or after the rows they cover.

The words of the block are assigned to columns by a shortest path (Viterbi) over "column of this word, given the column of the one before".
What speaks for a path: figures under columns of figures; a cell goes on on the next line only if its line was full (a wrapped line fills
its column, only a cell's last line is short); a name printed on both sides of its figures is centred on them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from structurer.align import NEVER, Column, is_figure, type_cost
from structurer.draft import Draft
from structurer.fold import squeeze
from structurer.gridrows import Row, put_cell, table_labels, with_missing
from structurer.heads import Head
from structurer.labels import MAX_LINES_APART, MIN_PIECE
from structurer.layout import Chunk
from structurer.levels import cover, parents
from structurer.record import pointer
from structurer.schema import Leaf, Rows

MAX_PIECE_WORDS = 24  # from one piece of a label to the next
MAX_LEFT = 2  # words that may stand left of a piece of a label
MAX_LABEL_WORDS = 8  # pieces a label may be broken into: 服务 / 对象 / 满意 / 度指 / 标
_AMID = "the label is printed amid its rows; where its rows begin is not"
_EITHER_LEVEL = "the label is known at two levels, and the print does not show at which it stands"
_OPERATORS = "≥≤<>=＜＞"
_CLOSING = "，、。；：）》”’,;:)]%"
_OPENING = "（《“‘([、"
_LEFT, _RIGHT = "([《“", ")]》”"
_NUMBERED = re.compile(r"^\d{1,2}\)(?=[^,.])")
_UNCLOSED = 3.0  # the cost of leaving a bracket open, or of closing one that is not
_ALONE = 0.95  # share of lines with one word only, from which on every cell seems to have a line of its own
_BREAKING = 4.0  # the cost of a cell going on on a second line, where no cell seems to
_SURPRISE = 2.0  # the cost of one word, from which on its row is shown to a person
_WHOLE = 0.9  # share of the lines with figures that hold all cells of a row, from which on rows may begin at their top
_CLEARLY = 2.0  # of cost, by which cells at their top must explain the lines better than cells in the middle
_ABOVE = 3.0  # the cost of a line of a name above its figures, where cells stand at the top
_MANY = 0.3  # share of doubtful rows, from which on the whole list is shown to a person
_BEAM = 24  # states kept a word
_MARGIN = 6.0  # of cost above the best state, beyond which a state is given up
_CUT_OFF = 0.3  # share of an unfinished row's cost that counts at the very end: forms are cut off there


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
    name_length: int
    new_row: bool
    new_cell: bool
    back: Step | None
    open: int = 0  # brackets of the cell, and of the row's name, that are not closed yet
    name_open: int = 0


def read_flow_rows(draft: Draft, heads: list[Head], place: str) -> None:
    """Read the rows below all heads of one list."""
    table = heads[0].table
    assert isinstance(table, Rows)
    chunks = [chunk for head in heads for chunk in _content(draft, head)]
    every = [
        column for column in with_missing(heads[0].columns, table, table_labels(table)) if column.leaf is not None and column.leaf.values
    ]
    labels, words = _pick_labels(draft, chunks, every)
    columns = with_missing(heads[0].columns, table, (label.text for label in labels))
    spanning = [column for column in columns if column in every]
    free = tuple(column for column in columns if column not in spanning)
    rows, doubts = _rows(draft, words, free, labels, table, cut_off=heads[-1].stop >= draft.layout.end)
    draft.rows[place] = len(rows)
    for number, row in enumerate(rows):
        for index, column in enumerate(free):
            if column.leaf is not None:
                _store(draft, column.leaf, f"{place}/{number}", row.cells.get(index, []))
        for reason in row.doubts:
            draft.doubt(f"{place}/{number}", reason)
    if sum(bool(row.doubts) for row in rows) > len(rows) * _MANY:
        doubts.append("many of the rows are doubtful")
    for reason in doubts:
        draft.doubt(place, reason)
    _store_labels(draft, spanning, labels, rows, words, place)


def _content(draft: Draft, head: Head) -> list[Chunk]:
    found = []
    for chunk in draft.layout.words(head.end, head.stop):
        hit = next((hit for hit in draft.hits if hit.covers(chunk.start, chunk.end)), None)
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
        if (
            glued
            and glued[-1].line == chunk.line
            and not draft.layout.clean[glued[-1].end - draft.layout.start : chunk.start - draft.layout.start].strip()
        ):
            glued[-1] = Chunk(glued[-1].start, chunk.end, chunk.line, glued[-1].col)
        else:
            glued.append(chunk)
    return glued


# -- merged labels -----------------------------------------------------------------------------------------------------


def _pick_labels(draft: Draft, chunks: list[Chunk], spanning: list[Column]) -> tuple[list[Label], list[Chunk]]:
    """Take the known labels out of the words, also those broken into pieces: one after the other, or on lines that other cells share."""
    values = {squeeze(value) for column in spanning if column.leaf is not None for value, _ in column.leaf.values}
    longest = max(map(len, values), default=0)
    labels: list[Label] = []
    words: list[Chunk] = []
    taken: set[Chunk] = set()
    for position, chunk in enumerate(chunks):
        if chunk in taken:
            continue
        count = _label_length(draft, chunks, position, values, longest)
        pieces = tuple(chunks[position : position + count]) or _torn_label(draft, chunks[position:], values, taken, "")
        if pieces:
            labels.append(Label("".join(squeeze(draft.text(piece)) for piece in pieces), pieces, len(words)))
            taken.update(pieces)
        else:
            words.append(chunk)
    return labels, words


def _torn_label(draft: Draft, chunks: list[Chunk], values: set[str], taken: set[Chunk], text: str) -> tuple[Chunk, ...]:
    """The pieces of a known label from the first chunk on, each on one of the next lines after the one before it, near its left edge."""
    text += squeeze(draft.text(chunks[0]))
    if text in values:
        return (chunks[0],)
    if len(text) < MIN_PIECE or not any(value.startswith(text) for value in values):
        return ()
    for index, chunk in enumerate(chunks[1:MAX_PIECE_WORDS], 1):
        if chunks[0].line < chunk.line <= chunks[0].line + MAX_LINES_APART and chunk.col <= MAX_LEFT and chunk not in taken:
            rest = _torn_label(draft, chunks[index:], values, taken, text)
            if rest:
                return (chunks[0], *rest)
    return ()


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
    by_leaf, unsure = _levels(leaves, labels)
    row_of_word = {id(chunk): number for number, row in enumerate(rows) for cell in row.cells.values() for chunk in cell}
    at = {id(label): _row_at(words, label, row_of_word, len(rows)) for label in labels}
    above: list[Label | None] = [None] * len(rows)
    doubtful: set[int] = set()
    for leaf in reversed(leaves):
        own = by_leaf[leaf.name]
        covering, sure = cover(len(rows), [at[id(label)] for label in own])
        chosen: list[Label | None] = [own[index] for index in covering] if covering else [None] * len(rows)
        if sure:
            chosen = _ended(leaf, chosen, [label for higher in leaves[: leaves.index(leaf)] for label in by_leaf[higher.name]], at)
        chosen = [_by_child(leaves, leaf, above[number], own, label) for number, label in enumerate(chosen)]
        doubtful |= {number for number, label in enumerate(chosen) if label is not None and id(label) in unsure}
        for number, label in enumerate(chosen):
            reason = _EITHER_LEVEL if number in doubtful else "" if sure or above[number] is not None else _AMID
            _store_label(draft, leaf, f"{place}/{number}", label, reason)
        above = chosen


def _ended(leaf: Leaf, chosen: list[Label | None], higher: list[Label], at: dict[int, int]) -> list[Label | None]:
    """A label ends where a label of a higher level begins that it cannot stand under: what follows has none until the next is printed."""
    return [
        None
        if label is not None and any(at[id(label)] < at[id(other)] <= number for other in higher if not _under(leaf, label, other))
        else label
        for number, label in enumerate(chosen)
    ]


def _under(leaf: Leaf, label: Label, other: Label) -> bool:
    allowed = parents(leaf, next((value for value, _ in leaf.values if squeeze(value) == label.text), label.text))
    return not allowed or other.text in map(squeeze, allowed)


def _row_at(words: list[Chunk], label: Label, row_of_word: dict[int, int], count: int) -> int:
    """The row whose word follows the label: a row that goes on behind it belongs to it."""
    return row_of_word.get(id(words[label.place]), count) if label.place < len(words) else count


def _levels(leaves: list[Leaf], labels: list[Label]) -> tuple[dict[str, list[Label]], set[int]]:
    """Share the labels out among the columns that know them; one known to two columns goes by its neighbours. Also the ids of labels for
    which these do not decide."""
    found: dict[str, list[Label]] = {leaf.name: [] for leaf in leaves}
    unsure: set[int] = set()
    for index, label in enumerate(labels):
        fitting = [leaf for leaf in leaves if label.text in {squeeze(value) for value, _ in leaf.values}]
        if not fitting:
            continue
        following = labels[index + 1].text if index + 1 < len(labels) else ""
        chosen = fitting[0]
        if len(fitting) > 1 and not any(label.text in map(squeeze, parents(leaf, following)) for leaf in leaves):
            last = found[leaves[0].name][-1].text if found[leaves[0].name] else ""
            child = last in map(squeeze, parents(fitting[-1], label.text))
            unsure |= {id(label)} if child and last != label.text else set()
            chosen = fitting[-1] if child or last == label.text else fitting[0]
        found[chosen.name].append(label)
    return found, unsure


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


def _store_label(draft: Draft, leaf: Leaf, place: str, label: Label | None, reason: str) -> None:
    where = place + pointer(leaf.name)
    doubts = (reason,) if reason else ()
    if label is None:
        draft.blank(where, *(doubts if reason == _EITHER_LEVEL else ()))
        return
    value = next((value for value, _ in leaf.values if squeeze(value) == label.text), label.text)
    draft.put(where, tuple((chunk.start, chunk.end) for chunk in label.chunks), text=value, doubts=doubts)


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(
    draft: Draft, words: list[Chunk], columns: tuple[Column, ...], labels: list[Label], table: Rows, *, cut_off: bool
) -> tuple[list[Row], list[str]]:
    if not words or not columns:
        return [], []
    path = _Path(draft, words, columns, {label.place for label in labels}, table, cut_off=cut_off)
    steps = path.run_unbroken() or path.run({})
    widths = path.widths(steps)
    if widths:
        steps = path.run(widths)
    steps = path.run_from_top(steps)
    doubts = ["the lines do not divide into rows"] if steps[-1].cost >= NEVER else []
    return _collect(words, columns, steps, path), doubts


def _collect(words: list[Chunk], columns: tuple[Column, ...], steps: list[Step], path: _Path) -> list[Row]:
    rows: list[Row] = []
    for number, (chunk, step) in enumerate(zip(words, steps, strict=True)):
        if step.new_row or not rows:
            rows.append(Row())
        elif path.could_be_name(number, step):
            rows[-1].doubts.append("a line behind the figures could belong to the name or to the last column")
        if step.back is not None and step.cost - step.back.cost >= _SURPRISE:
            for row in rows[-2:] if step.new_row else rows[-1:]:
                row.doubts.append("the row's lines fit its columns badly")
        rows[-1].cells.setdefault(step.column, []).append(chunk)
    namer = next((index for index, column in enumerate(columns) if column.names_rows), None)
    for row in rows:
        if namer is not None and namer not in row.cells:
            row.doubts.append("the row has no name")
        if any(column.numeric and index not in row.cells for index, column in enumerate(columns)):
            row.doubts.append("the row lacks figures")
        if any(_is_text(column) and index not in row.cells for index, column in enumerate(columns)):
            row.doubts.append("the row lacks a cell, and the print does not show which")
    return rows


def _is_text(column: Column) -> bool:
    return column.leaf is not None and not column.numeric and not column.optional


class _Path:
    """The shortest path of the block's words through the table's columns."""

    def __init__(
        self, draft: Draft, words: list[Chunk], columns: tuple[Column, ...], after_labels: set[int], table: Rows, *, cut_off: bool
    ) -> None:
        self.cut_off = cut_off
        self.columns = columns
        self.numeric = [column.numeric for column in columns]
        self.optional = [column.optional for column in columns]
        self.skips = [[_skipped(columns[last + 1 : column]) for column in range(len(columns))] for last in range(-1, len(columns))]
        self.texts = [squeeze(draft.text(chunk)) for chunk in words]
        self.lines = [chunk.line for chunk in words]
        self.brackets = [_brackets(text) for text in self.texts]
        self.after_labels = after_labels
        labels = table_labels(table)
        self.figure = [is_figure(text) for text in self.texts]
        self.types = [[type_cost(column, text, labels) for column in columns] for text in self.texts]
        self.namer = next((index for index, column in enumerate(columns) if column.names_rows), 0)
        self.complete = _last_needed(columns)
        self.starts = _repeats(self.texts)
        self.widths_: dict[int, int] = {}
        self.breaking = 0.0
        self.top = False  # cells stand at the top of their rows, not in the middle
        self.joined = {number for number in range(1, len(words)) if self.lines[number] == self.lines[number - 1]}

    def run(self, widths: dict[int, int]) -> list[Step]:
        self.widths_ = widths
        states = self.first()
        for number in range(1, len(self.texts)):
            states = self.advance(number, states)
        open_end = _CUT_OFF if self.cut_off else 1.0
        step: Step | None = min(states, key=lambda state: state.cost + open_end * self.unfinished(state))
        steps: list[Step] = []
        while step is not None:
            steps.append(step)
            step = step.back
        return steps[::-1]

    def run_unbroken(self) -> list[Step]:
        """Where every line holds one word, and the lines divide into rows without any cell going on on a second line, none does."""
        if len(set(self.lines)) < len(self.lines) * _ALONE:
            return []
        self.breaking = _BREAKING
        steps = self.run({})
        self.breaking = 0.0
        unbroken = all(step.new_cell or step.new_row or number in self.joined for number, step in enumerate(steps))
        return steps if unbroken and steps[-1].cost < NEVER else []

    def run_from_top(self, steps: list[Step]) -> list[Step]:
        """Where the lines with figures hold whole rows, cells may stand at their top and go on below: the cheaper way counts."""
        rows = [count for count, figures in self.line_sizes() if any(self.numeric) and figures >= sum(self.numeric)]
        whole = sum(count >= len(self.optional) - sum(self.optional) for count in rows)
        if not rows or whole < len(rows) * _WHOLE:
            return steps
        self.top = True
        widths = self.widths(self.run(self.widths_))
        found = self.run(widths)
        self.top = False
        return found if found[-1].cost + _CLEARLY < steps[-1].cost else steps

    def line_sizes(self) -> list[tuple[int, int]]:
        """Words and figures of each line."""
        found: dict[int, list[int]] = {}
        for line, figure in zip(self.lines, self.figure, strict=True):
            counts = found.setdefault(line, [0, 0])
            counts[0] += 1
            counts[1] += figure
        return [(words, figures) for words, figures in found.values()]

    def widths(self, steps: list[Step]) -> dict[int, int]:
        """The width of each column of text: the commonest length of a line that a cell goes on after; unless as many lines of the column
        are longer, for then it is no margin that those lines were broken at."""
        wrapped: dict[int, Counter[int]] = {}
        lines: dict[int, list[int]] = {}
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            goes_on = following is not None and following.column == step.column and not following.new_cell and not following.new_row
            if following is not None and following.late and not step.late:
                wrapped.setdefault(self.namer, Counter())[step.name_length] += 1
            if goes_on and following is not None and following.length > step.length and following.back is step:
                continue  # the next word of the same line
            lines.setdefault(step.column, []).append(step.length)
            if goes_on:
                wrapped.setdefault(step.column, Counter())[step.length] += 1
        return {column: _margin(counted, lines[column]) for column, counted in wrapped.items()}

    def first(self) -> list[Step]:
        found = []
        for column in range(len(self.columns)):
            cost = self.types[0][column] + self.skips[0][column]
            if cost < NEVER:
                found.append(self.begun(cost, column, 0, None))
        return found or [self.begun(NEVER, self.namer, 0, None)]

    def begun(self, cost: float, column: int, number: int, back: Step | None) -> Step:
        """The first word of a row."""
        size, named = len(self.texts[number]), column == self.namer
        opens = self.brackets[number][0]
        return Step(
            cost, column, False, int(named), 0, False, size, size if named else 0, True, True, back, opens, opens if named else 0
        )  # fmt: skip

    def advance(self, number: int, states: list[Step]) -> list[Step]:
        found: dict[tuple[object, ...], Step] = {}
        for state in states:
            bracketed = state.open or state.name_open or self.brackets[number] != (0, 0)
            for step in self.following(number, state):
                if bracketed:
                    step = self.bracketed(number, state, step)
                key = (
                    step.column,
                    step.late,
                    min(step.before, 4),
                    min(step.behind, 4),
                    step.shared,
                    step.length,
                    step.name_length,
                    step.open,
                    step.name_open,
                )
                if step.cost < NEVER and (key not in found or step.cost < found[key].cost):
                    found[key] = step
        if not found:
            return [self.begun(NEVER, self.namer, number, min(states, key=lambda state: state.cost))]
        kept = sorted(found.values(), key=lambda step: step.cost)[:_BEAM]
        return [step for step in kept if step.cost <= kept[0].cost + _MARGIN]

    def bracketed(self, number: int, state: Step, step: Step) -> Step:
        """The step with its brackets reckoned: a cell with an open one goes on, and one that is not open is not closed."""
        opens, closes = self.brackets[number]
        named, left = step.column == self.namer, state.column != self.namer and state.open > 0
        before, cost = 0, step.cost
        if step.new_row:
            cost += _UNCLOSED * (left or state.name_open > 0)
        elif step.column == state.column and not step.new_cell:
            before = state.open
        else:
            before = state.name_open if named else 0 if step.new_cell else closes
            cost += _UNCLOSED * left
        cost += _UNCLOSED * (closes > before) - 1.0 * (before > 0 and self.lines[number] != self.lines[number - 1])
        after = min(max(before - closes, 0) + opens, 2)
        name_open = after if named else 0 if step.new_row else state.name_open
        return Step(
            max(cost, state.cost), step.column, step.late, step.before, step.behind, step.shared, step.length, step.name_length,
            step.new_row, step.new_cell, step.back, after, name_open,
        )  # fmt: skip

    def following(self, number: int, state: Step) -> list[Step]:
        same_line = self.lines[number] == self.lines[number - 1]
        found = []
        if not self.numeric[state.column]:
            found.append(self.same_cell(number, state, same_line))
        if not state.late:
            types = self.types[number]
            found += [
                self.next_cell(number, state, column, same_line)
                for column in range(state.column + 1, len(self.columns))
                if types[column] < NEVER
            ]
        elif same_line:
            found += self.late_cells(number, state)
        if state.column >= self.complete or state.late:
            found += self.next_row(number, state, same_line)
            if not same_line:
                found.append(self.late_name(number, state))
        return found

    def same_cell(self, number: int, state: Step, same_line: bool) -> Step:
        named, size = state.column == self.namer, len(self.texts[number])
        cost = state.cost + (self.word_cost(number, state) if same_line else self.line_cost(number, state))
        length = state.length + size if same_line else size
        before = state.before + (named and not state.late and not same_line)
        behind = state.behind + (named and state.late and not same_line)
        if behind > state.behind:
            cost += self.beyond_centre(state)
        elif self.top and before > state.before:
            cost += _ABOVE
        return Step(
            cost,
            state.column,
            state.late,
            before,
            behind,
            state.shared,
            length,
            length if named else state.name_length,
            False,
            False,
            state,
        )

    def next_cell(self, number: int, state: Step, column: int, same_line: bool) -> Step:
        cost = (
            state.cost + self.types[number][column] + self.skips[state.column + 1][column] + self.new_cell(number, state, column, same_line)
        )
        shared = state.shared or (state.column == self.namer and same_line)
        return Step(cost, column, False, state.before, 0, shared, len(self.texts[number]), state.name_length, False, True, state)

    def next_row(self, number: int, state: Step, same_line: bool) -> list[Step]:
        closing = (
            self.unfinished(state) + (5.0 if same_line else 0.2) + self.bad_start(number) + (0.0 if state.late else self.leaving(state) / 2)
        )
        closing += 0.0 if same_line else self.lone_character(number)
        return [
            self.begun(state.cost + closing + self.types[number][column] + self.skips[0][column], column, number, state)
            for column in range(min(self.namer + 2, len(self.columns)))
            if self.types[number][column] < NEVER
        ]

    def late_name(self, number: int, state: Step) -> Step:
        """The name goes on below its figures: likely if its last line was full, and if it is then centred on them."""
        cost = state.cost + (0.6 if state.shared else 1.5) + (6.0 if self.figure[number] else 0.0)
        cost += self.wrap_cost(self.namer, state.name_length, self.texts[number], "") + self.beyond_centre(state) + self.leaving(state)
        cost -= 0.9 if self.is_full(self.namer, state.name_length) else 0.0  # paid when the name was left
        size = len(self.texts[number])
        return Step(cost, self.namer, True, state.before, state.behind + 1, state.shared, size, size, False, False, state)

    def late_cells(self, number: int, state: Step) -> list[Step]:
        """On the line where a name goes on, other cells of its row may go on beside it."""
        found = []
        for column in range(state.column + 1, len(self.columns)):
            if not self.numeric[column] and not self.figure[number]:
                cost = state.cost + (0.4 if column in self.widths_ or self.optional[column] else 1.2)
                cost -= self.leaving(state.back) if state.back is not None and state.back.column == column else 0.0
                found.append(
                    Step(
                        cost,
                        column,
                        True,
                        state.before,
                        state.behind,
                        state.shared,
                        len(self.texts[number]),
                        state.name_length,
                        False,
                        False,
                        state,
                    )
                )
        return found

    def could_be_name(self, number: int, step: Step) -> bool:
        """A line that the last column takes although the row's name, printed beside the figures, stopped at a full line."""
        back = step.back
        goes_on = (
            not step.new_cell and not step.new_row and self.columns[step.column].optional and self.lines[number] != self.lines[number - 1]
        )
        return goes_on and back is not None and back.shared and not step.late and self.is_full(self.namer, back.name_length)

    def beyond_centre(self, state: Step) -> float:
        """More lines of the name below its figures than above them: cells are centred, less often aligned at their top."""
        if self.top or state.behind + 1 <= state.before - state.shared:
            return 0.0
        return 1.2 if state.before == 1 else 2.0

    def leaving(self, state: Step) -> float:
        """The cost of leaving a cell whose last line was full: it should go on."""
        return 0.9 if not self.numeric[state.column] and self.is_full(state.column, state.length) else 0.0

    def unfinished(self, state: Step) -> float:
        """A row that ends without its figures, or a name printed above its figures that should go on below them."""
        missing = 0.0 if state.late else 3.0 * sum(self.numeric[state.column + 1 :])
        if state.late and not state.shared:
            lopsided = 0.6 * abs(state.before - state.behind)
        else:
            lopsided = 1.2 * max(state.before - 1 - state.behind, 0) if state.shared else 0.0
        open_name = 0.5 if state.shared and not state.late and self.is_full(self.namer, state.name_length) else 0.0
        return missing + min(lopsided, 2.4) + open_name

    def new_cell(self, number: int, state: Step, column: int, same_line: bool) -> float:
        """The cost of a new cell: of starting badly, or at a line break where the last cell seemed to go on."""
        numeric, optional = self.numeric[column], self.optional[column]
        cost = self.bad_start(number) + (0.8 if optional else 0.0) - (0.8 if number in self.starts and not numeric else 0.0)
        if number in self.after_labels:
            cost += 1.5  # a label stands between two rows more often than inside one
        if same_line:
            return cost
        own = self.widths_.get(column)
        if own is not None and optional and len(self.texts[number]) > own + 1:
            cost += 1.5
        cost += 0.0 if numeric else self.lone_character(number)
        if numeric and self.numeric[state.column]:
            return cost + 0.4
        return cost + (0.0 if numeric else self.leaving(state)) + 0.25

    def lone_character(self, number: int) -> float:
        """A single character on a line of its own is more often the end of a word than a cell."""
        return 1.0 if len(self.texts[number]) == 1 and not self.figure[number] else 0.0

    def bad_start(self, number: int) -> float:
        return 4.0 if self.texts[number][0] in _CLOSING else 0.0

    def is_full(self, column: int, length: int) -> bool:
        full = self.widths_.get(column)
        return full is not None and length >= full

    def line_cost(self, number: int, state: Step) -> float:
        """The cost of a cell going on on the next line."""
        text = self.texts[number]
        cost = self.wrap_cost(state.column, state.length, text, self.texts[number - 1])
        cost += 2.5 if number in self.after_labels and not state.late else 0.0
        return cost + (3.0 if self.figure[number] else 0.0) + (2.0 if text[0] in _OPERATORS else 0.0)

    def word_cost(self, number: int, state: Step) -> float:
        """The cost of the next word on the same line belonging to the same cell."""
        text, last = self.texts[number], self.texts[number - 1]
        if last[-1].isascii() and text[0].isascii() and _latin(last, text):
            return 0.4 if not self.figure[number] else 1.6
        if last[-1].isdigit() and len(text) <= 2 and not self.figure[number] and text[0] not in _OPERATORS and state.column != self.namer:
            return 0.3  # a figure and its unit: "=3 次"
        cost = 2.0 if state.column == self.namer else 2.6
        return cost + (2.5 if text[0] in _OPERATORS else 1.0 if self.figure[number] else 0.0)

    def wrap_cost(self, column: int, length: int, text: str, last: str) -> float:
        full = self.widths_.get(column)
        if full is None:
            cost = 0.6 if column == self.namer else 1.0
        else:
            slack = _slack(text)
            cost = 0.0 if full - length <= slack else min(4.0, 0.8 * (full - length - slack + 1))
        if text[0] in _CLOSING or (last and last[-1] in _OPENING):
            cost -= 1.0
        return max(cost, 0.0) + self.breaking


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


def _margin(wrapped: Counter[int], lines: list[int]) -> int:
    common = max(wrapped, key=lambda size: (wrapped[size] + wrapped[size - 1], size))
    longer = [size for size in lines if size > common + 1]
    return max(longer) if len(longer) >= wrapped[common] else common


def _last_needed(columns: tuple[Column, ...]) -> int:
    """The column that a row reaches at least."""
    numeric = [index for index, column in enumerate(columns) if column.numeric]
    fixed = [index for index, column in enumerate(columns) if not column.optional]
    return numeric[-1] if numeric else fixed[-1] if fixed else len(columns) - 1


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
    return int(text[1:2] != "" and text[1] in _CLOSING)


def _latin(last: str, text: str) -> bool:
    """Whether two words read on as Latin text does."""
    return any(char.isalpha() and char.isascii() for char in last + text) and text[0] not in _OPERATORS
