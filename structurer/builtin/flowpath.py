"""The shortest path of the words of running lines through the columns of their table.

A path (Viterbi) over "column of this word, given the column of the one before": it is run once to learn how wide the columns are, and again
with their widths; where cells may stand at the top of their rows, both ways are tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from structurer.builtin.align import NEVER, Column
from structurer.builtin.flowcosts import Costs, Step

_ALONE = 0.95  # share of lines with one word only, from which on every cell seems to have a line of its own
_WHOLE = 0.9  # share of the lines with figures that hold all cells of a row, from which on rows may begin at their top
_CLEARLY = 2.0  # of cost, by which cells at their top must explain the lines better than cells in the middle
_BEAM = 24  # states kept a word
_MARGIN = 6.0  # of cost above the best state, beyond which a state is given up
_RELIEF = 1.0  # of cost, that brackets may take off a step
_CUT_OFF = 0.3  # share of an unfinished row's cost that counts at the very end: forms are cut off there


class Path:
    """A search for the shortest path; `costs` holds what is supposed of the print, which changes from run to run."""

    def __init__(self, costs: Costs, *, cut_off: bool) -> None:
        self.costs = costs
        self.cut_off = cut_off
        self.numeric, self.namer, self.columns = costs.numeric, costs.namer, range(len(costs.columns))
        self.texts, self.lines, self.brackets = costs.texts, costs.lines, costs.brackets
        self.complete = _last_needed(costs.columns)

    # -- runs --------------------------------------------------------------------------------------------------------------

    def shortest(self) -> list[Step]:
        """One step for each word."""
        steps = self.run_unbroken() or self.run({})
        widths = self.widths(steps)
        if widths:
            steps = self.run(widths)
        return self.run_from_top(steps)

    def run(self, widths: Mapping[int, int]) -> list[Step]:
        """The shortest path, given the widths of the columns as far as they are known."""
        self.costs = replace(self.costs, widths=widths)
        states = self.first()
        for number in range(1, len(self.texts)):
            states = self.advance(number, states)
        open_end = _CUT_OFF if self.cut_off else 1.0
        step: Step | None = min(states, key=lambda state: state.cost + open_end * self.costs.unfinished(state))
        steps: list[Step] = []
        while step is not None:
            steps.append(step)
            step = step.back
        return steps[::-1]

    def run_unbroken(self) -> list[Step]:
        """Where every line holds one word, and the lines divide into rows without any cell going on on a second line, none does."""
        if len(set(self.lines)) < len(self.lines) * _ALONE:
            return []
        self.costs = replace(self.costs, unbroken=True)
        steps = self.run({})
        self.costs = replace(self.costs, unbroken=False)
        unbroken = all(step.new_cell or step.new_row or self.on_same_line(number) for number, step in enumerate(steps))
        return steps if unbroken and steps[-1].cost < NEVER else []

    def run_from_top(self, steps: list[Step]) -> list[Step]:
        """Where the lines with figures hold whole rows, cells may stand at their top and go on below: the cheaper way counts."""
        rows = [count for count, figures in self.line_sizes() if any(self.numeric) and figures >= sum(self.numeric)]
        whole = sum(count >= len(self.columns) - sum(self.costs.optional) for count in rows)
        if not rows or whole < len(rows) * _WHOLE:
            return steps
        self.costs = replace(self.costs, top=True)
        found = self.run(self.widths(self.run(self.costs.widths)))
        self.costs = replace(self.costs, top=False)
        return found if found[-1].cost + _CLEARLY < steps[-1].cost else steps

    def line_sizes(self) -> list[tuple[int, int]]:
        """Words and figures of each line."""
        words = Counter(self.lines)
        figures = Counter(line for line, figure in zip(self.lines, self.costs.figure, strict=True) if figure)
        return [(count, figures[line]) for line, count in words.items()]

    def on_same_line(self, number: int) -> bool:
        """Whether a word stands on the line of the word before it."""
        return number > 0 and self.lines[number] == self.lines[number - 1]

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

    # -- from one word to the next -----------------------------------------------------------------------------------------

    def first(self) -> list[Step]:
        """The states of the first word."""
        costs = [self.costs.types[0][column] + self.costs.skips[0][column] for column in self.columns]
        found = [self.begun(cost, column, 0, None) for column, cost in enumerate(costs) if cost < NEVER]
        return found or [self.begun(NEVER, self.namer, 0, None)]

    def advance(self, number: int, states: list[Step]) -> list[Step]:
        """The best states of a word, given those of the word before."""
        found: dict[tuple[object, ...], Step] = {}
        best = NEVER
        for state in states:
            bracketed = state.open or state.name_open or self.brackets[number] != (0, 0)
            for step in self.following(number, state, min(best + _MARGIN + _RELIEF, NEVER)):
                if bracketed:
                    step = self.bracketed(number, state, step)
                key = _key(step)
                if step.cost < NEVER and (key not in found or step.cost < found[key].cost):
                    found[key] = step
                    best = min(best, step.cost)
        if not found:
            return [self.begun(NEVER, self.namer, number, min(states, key=lambda state: state.cost))]
        kept = sorted(found.values(), key=lambda step: step.cost)[:_BEAM]
        return [step for step in kept if step.cost <= kept[0].cost + _MARGIN]

    def bracketed(self, number: int, state: Step, step: Step) -> Step:
        """The step with its brackets reckoned: a cell with an open one goes on, and one that is not open is not closed."""
        opens, closes = self.brackets[number]
        named = step.column == self.namer
        if step.new_row:
            before = 0
        elif step.column == state.column and not step.new_cell:
            before = state.open
        else:
            before = state.name_open if named else 0 if step.new_cell else closes
        cost = step.cost + self.costs.left_open(state, step) + self.costs.closed(number, before)
        after = min(max(before - closes, 0) + opens, 2)
        name_open = after if named else 0 if step.new_row else state.name_open
        return step._replace(cost=max(cost, state.cost), open=after, name_open=name_open)

    def following(self, number: int, state: Step, most: float) -> Iterator[Step]:
        """Every step from a state to the word that costs at most so much."""
        same_line, costs = self.on_same_line(number), self.costs
        if not self.numeric[state.column] and (cost := costs.same_cell(number, state, same_line)) <= most:
            yield self.same_cell(cost, number, state, same_line)
        if not state.late:
            types = costs.types[number]
            for column in self.columns[state.column + 1 :]:
                if types[column] < NEVER and (cost := costs.next_cell(number, state, column, same_line)) <= most:
                    yield self.next_cell(cost, number, state, column, same_line)
        elif same_line:
            yield from self.late_cells(number, state, most)
        if state.column >= self.complete or state.late:
            yield from self.next_row(number, state, same_line, most)
            if not same_line and (cost := costs.late_name(number, state)) <= most:
                yield self.late_name(cost, number, state)

    def begun(self, cost: float, column: int, number: int, back: Step | None) -> Step:
        """The first word of a row."""
        size, named = len(self.texts[number]), column == self.namer
        opens = self.brackets[number][0]
        name_size, name_opens = (size, opens) if named else (0, 0)
        return Step(cost, column, False, int(named), 0, False, size, name_size, True, True, back, opens, name_opens)

    def same_cell(self, cost: float, number: int, state: Step, same_line: bool) -> Step:
        """The cell of the word before goes on."""
        named, size = state.column == self.namer, len(self.texts[number])
        length = state.length + size if same_line else size
        before = state.before + (named and not state.late and not same_line)
        behind = state.behind + (named and state.late and not same_line)
        name_length = length if named else state.name_length
        return Step(cost, state.column, state.late, before, behind, state.shared, length, name_length, False, False, state)

    def next_cell(self, cost: float, number: int, state: Step, column: int, same_line: bool) -> Step:
        """Another cell of the row begins."""
        shared = state.shared or (state.column == self.namer and same_line)
        return Step(cost, column, False, state.before, 0, shared, len(self.texts[number]), state.name_length, False, True, state)

    def next_row(self, number: int, state: Step, same_line: bool, most: float) -> Iterator[Step]:
        """Another row begins, with its name, a cell left of it or the one right of it."""
        closing, types, skips = self.costs.next_row(number, state, same_line), self.costs.types[number], self.costs.skips[0]
        for column in self.columns[: self.namer + 2]:
            if types[column] < NEVER and (cost := closing + types[column] + skips[column]) <= most:
                yield self.begun(cost, column, number, state)

    def late_name(self, cost: float, number: int, state: Step) -> Step:
        """The name goes on below its figures."""
        size = len(self.texts[number])
        return Step(cost, self.namer, True, state.before, state.behind + 1, state.shared, size, size, False, False, state)

    def late_cells(self, number: int, state: Step, most: float) -> Iterator[Step]:
        """On the line where a name goes on, other cells of its row may go on beside it."""
        size = len(self.texts[number])
        for column in self.columns[state.column + 1 :]:
            if self.numeric[column] or self.costs.figure[number]:
                continue
            if (cost := self.costs.late_cell(state, column)) <= most:
                yield Step(cost, column, True, state.before, state.behind, state.shared, size, state.name_length, False, False, state)

    def could_be_name(self, number: int, step: Step) -> bool:
        """A line that the last column takes although the row's name, printed beside the figures, stopped at a full line."""
        back = step.back
        goes_on = not step.new_cell and not step.new_row and self.costs.optional[step.column] and not self.on_same_line(number)
        return goes_on and back is not None and back.shared and not step.late and self.costs.is_full(self.namer, back.name_length)


def _key(step: Step) -> tuple[object, ...]:
    """What of a state bears on the steps after it: of two with the same key the dearer is given up."""
    before, behind = min(step.before, 4), min(step.behind, 4)
    return step.column, step.late, before, behind, step.shared, step.length, step.name_length, step.open, step.name_open


def _margin(wrapped: Counter[int], lines: list[int]) -> int:
    """The length at which lines were broken, given the lengths of those that were, and of all."""
    common = max(wrapped, key=lambda size: (wrapped[size] + wrapped[size - 1], size))
    longer = [size for size in lines if size > common + 1]
    return max(longer) if len(longer) >= wrapped[common] else common


def _last_needed(columns: tuple[Column, ...]) -> int:
    """The column that a row reaches at least."""
    numeric = [index for index, column in enumerate(columns) if column.numeric]
    fixed = [index for index, column in enumerate(columns) if not column.optional]
    return numeric[-1] if numeric else fixed[-1] if fixed else len(columns) - 1
