"""Checks bound to the cells of one record, as conditions that propagate: narrow the free cells until the check does not fail, or say that
nothing does.

The same syntax tree as everywhere, in negation normal form: a condition that must not fail, with `!` moved down to the comparisons. In
Kleene's logic, as `checks` has it, De Morgan's laws hold for "does not fail", and a -> b does not fail where a does not hold or b does not
fail. An implication whose premise holds now is bound to its conclusion: a wrong figure is not explained by one so wrong that the rule no
longer applies (but a blank that should have been printed may end a rule for blanks); nor by a divisor of zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol

from structurer.algebra import is_print, round_half_up, truncate
from structurer.facts import MAX_CELLS, Facts, RuledOutError, UnfitError
from structurer.ranges import INFINITY, Bound, Exact, Range, half, hull, plus, whole
from structurer.syntax import STAR, Binary, Call, Check, Node, Number, Path, Text, Unary, chain, spine, walk
from structurer.terms import Box, Cells, Count, Extremum, Linear, Magnitude, Product, Quotient, Rounded, Term, all_cells, total

EXACT, PRINT, UNDERLYING = "exact", "print", "underlying"  # the levels a check may require, from strict to wide
_NEGATED: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "!=": "=="}
_HOLDS: Final[Mapping[str, Callable[[Bound, Bound], bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "!=": lambda left, right: left != right,
    "==": lambda left, right: left == right,
}


class Condition(Protocol):
    """Something that must not fail; `cells` are all that it may read."""

    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        """Narrow the free cells of the box to what lets it not fail; False if nothing does. Exact once no cell is free in a range."""
        ...


# -- atoms -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Comparison:
    """Two numbers compared. `printed` is the bare cell on the left of `==`, whose print has slack; `level` is what the check requires.

    `positive` False: the comparison is not to hold at any level. `difference` is left less right where both are linear.
    """

    operator: str
    left: Term
    right: Term
    difference: Linear | None
    printed: str | None
    level: str
    positive: bool
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        try:
            return self._linear(box, self.difference) if self.difference is not None else self._any(box)
        except RuledOutError:
            return False
        except UnfitError:  # not applicable, whatever the free cells are
            return True

    def _linear(self, box: Box, difference: Linear) -> bool:
        ends = difference.range(box)
        if ends is None:
            return True
        if ends[0] == ends[1]:
            return self._holds(box, ends[0]) is self.positive
        if not self.positive or self.operator == "!=":
            return True
        if self.level == UNDERLYING and self.operator == "==":
            room = difference.hidden(box)
            return difference.narrow(box, (-room, room))
        down, up = self._slack(box)
        return difference.narrow(box, {"=": (-down, up), "<": (-INFINITY, 0), ">": (0, INFINITY)}[self.operator[0]])

    def _any(self, box: Box) -> bool:
        left, right = self.left.range(box), self.right.range(box)
        if left is None or right is None:
            return True
        if left[0] == left[1] and right[0] == right[1]:
            return self._holds(box, plus(left[0], -right[0])) is self.positive
        return not self.positive or self._narrowed(box, left, right)

    def _holds(self, box: Box, difference: Bound) -> bool:
        if self.operator != "==" or not difference:
            return _HOLDS[self.operator](difference, 0)
        printed = self.printed is not None and self._is_print(box, self.printed, difference)
        if not self.positive or self.level == UNDERLYING:
            return printed or self._overlaps(box)
        return printed and self.level != EXACT

    def _is_print(self, box: Box, printed: str, difference: Bound) -> bool:
        if isinstance(difference, float):
            return False
        if printed in box.free and box.free[printed][0] != box.free[printed][1]:  # it stands on both sides and cancels out
            down, up = self._slack(box)
            return -down <= difference <= up
        own = box.value(printed)
        return is_print(own, box.ulp(printed), own - difference)

    def _overlaps(self, box: Box) -> bool:
        try:
            left, right = self.left.range(box, wide=True), self.right.range(box, wide=True)
        except UnfitError:
            return False
        return left is not None and right is not None and left[0] <= right[1] and right[0] <= left[1]

    def _narrowed(self, box: Box, left: Range, right: Range) -> bool:
        if self.operator == "!=":
            return True
        if self.operator != "==":
            return self._ordered(box, left, right)
        if self.level == UNDERLYING:
            return self._overlaps(box)
        down, up = self._slack(box)
        return self.left.narrow(box, (plus(right[0], -down), plus(right[1], up))) and self.right.narrow(
            box, (plus(left[0], -up), plus(left[1], down))
        )

    def _slack(self, box: Box) -> tuple[Exact, Exact]:
        """How far the print may lie below and above what it prints."""
        if self.printed is None or self.level == EXACT:
            return 0, 0
        ulp = box.ulp(self.printed)
        low, high = box.free[self.printed] if self.printed in box.free else (box.cells.numbers[self.printed],) * 2
        return (half(ulp) if high < 0 else ulp), (half(ulp) if low > 0 else ulp)

    def _ordered(self, box: Box, left: Range, right: Range) -> bool:
        if self.operator.startswith("<"):
            return self.left.narrow(box, (-INFINITY, right[1])) and self.right.narrow(box, (left[0], INFINITY))
        return self.left.narrow(box, (right[0], INFINITY)) and self.right.narrow(box, (-INFINITY, left[1]))


class Texts(Protocol):
    """What one side of a comparison of texts may be."""

    cells: frozenset[str]

    def possible(self, box: Box) -> frozenset[str] | None:
        """The texts it may be, EVERY_TEXT where that is any; None if missing. Raises UnfitError."""
        ...


EVERY_TEXT: Final = frozenset({"\0any"})


@dataclass(slots=True)
class TextCell:
    """A text as printed, or written in the check."""

    cell: str
    literal: str | None
    cells: frozenset[str]

    def possible(self, box: Box) -> frozenset[str] | None:
        if self.literal is not None:
            return frozenset({self.literal})
        if self.cell in box.loose or self.cell in box.free:
            return EVERY_TEXT
        return frozenset({box.cells.texts[self.cell]}) if box.has(self.cell) else None


@dataclass(slots=True)
class Band:
    """The text of the band that a number falls into; `limits` are met from the highest down."""

    value: Term
    limits: tuple[tuple[Term, str], ...]
    rest: str
    cells: frozenset[str]

    def possible(self, box: Box) -> frozenset[str] | None:
        bands = self.bands(box)
        return None if bands is None else frozenset(text for text, _ in bands)

    def bands(self, box: Box) -> list[tuple[str, Range]] | None:
        """The bands that the number may fall into, each with the range of numbers that do."""
        value = self.value.range(box)
        limits = [(limit.range(box), text) for limit, text in self.limits]
        if value is None or any(ends is None for ends, _ in limits):
            return None
        found: list[tuple[str, Range]] = []
        top: Bound = INFINITY
        for ends, text in limits:
            assert ends is not None
            if value[1] >= ends[0] and value[0] <= top:
                found.append((text, (ends[0], top)))
            if value[0] >= ends[1]:
                return found
            top = min(top, ends[1])
        return [*found, (self.rest, (-INFINITY, top))]


@dataclass(slots=True)
class TextComparison:
    """Two texts compared by code point."""

    operator: str
    left: Texts
    right: Texts
    positive: bool
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        try:
            left, right = self.left.possible(box), self.right.possible(box)
            if left is None or right is None or EVERY_TEXT in (left, right):
                return True
            able = {(one, two) for one in left for two in right if _TEXT_HOLDS[self.operator](one, two) is self.positive}
            return (
                bool(able)
                and self._banded(self.left, box, {one for one, _ in able})
                and self._banded(self.right, box, {two for _, two in able})
            )
        except RuledOutError:
            return False
        except UnfitError:
            return True

    def _banded(self, side: Texts, box: Box, able: set[str]) -> bool:
        if not isinstance(side, Band) or side.value.cells.isdisjoint(box.free):
            return True
        wanted = [ends for text, ends in side.bands(box) or () if text in able]
        return bool(wanted) and side.value.narrow(box, hull(wanted))


_TEXT_HOLDS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "!=": lambda left, right: left != right,
    "==": lambda left, right: left == right,
}


@dataclass(slots=True)
class Presence:
    """A cell that must (or must not) be printed."""

    cell: str
    positive: bool
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        return box.has(self.cell) is self.positive


# -- connectives -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Every:
    """None of the parts fails."""

    parts: tuple[Condition, ...]
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        return all(part.narrow(box) for part in self.parts)


@dataclass(slots=True)
class Some:
    """One of the parts does not fail: the hull of what each of them leaves (constructive disjunction)."""

    parts: tuple[Condition, ...]
    cells: frozenset[str]

    def narrow(self, box: Box) -> bool:
        left = [trial.free for part in self.parts if part.narrow(trial := box.with_free(dict(box.free)))]
        if left:
            box.free.update({cell: hull(free[cell] for free in left) for cell in box.free})
        return bool(left)


# -- binding -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a check stands: the facts, their cells in whole numbers, the pointers that relative and absolute paths start from, the level
    required, and the names of rows that a list may have besides its own ("-": one that is lost)."""

    facts: Facts
    values: Cells
    start: str = ""
    root: str = ""
    level: str = PRINT
    more_rows: Mapping[str, tuple[str, ...]] | None = None
    known: dict[int, list[str]] = field(default_factory=dict, repr=False)  # the cells of paths met before, by their id

    def cells(self, path: Path) -> list[str]:
        """The cells a path stands for, present or not. Raises UnfitError for too many."""
        known = self.known.get(id(path))
        if known is None:
            known = self.known[id(path)] = self._cells(path)
        return known

    def _cells(self, path: Path) -> list[str]:
        pointers = [(self.root if path.absolute else self.start) + path.pointers[0]]
        for rest in path.pointers[1:]:
            pointers = [f"{above}/{row}{rest}" for above in pointers for row in self.rows(above)]
            if len(pointers) > MAX_CELLS:
                raise UnfitError(f"too large, more than {MAX_CELLS:,} cells")
        same = self.facts.same
        return [same.get(pointer, pointer) for pointer in pointers] if same else pointers

    def rows(self, pointer: str) -> list[str]:
        """The names of a list's rows."""
        return [*map(str, range(self.facts.rows.get(pointer, 0))), *(self.more_rows or {}).get(pointer, ())]


def bind(check: Check, scope: Scope) -> Condition:
    """The check as a condition on the record's cells. Raises UnfitError for one that stands for too many cells."""
    return _bind(check.root, scope, True)


def _bind(node: Node, scope: Scope, positive: bool) -> Condition:
    if isinstance(node, Unary):
        return _bind(node.operand, scope, not positive)
    if isinstance(node, Call):
        (path,) = node.arguments
        assert isinstance(path, Path)
        (cell,) = scope.cells(path)
        return Presence(cell, positive, frozenset({cell}))
    assert isinstance(node, Binary)
    if node.operator == "->":
        return _implication(node, scope, positive)
    if node.operator in ("&&", "||"):
        parts = [_bind(part, scope, positive) for part in chain(node, node.operator)]
        return _joined(parts, every=(node.operator == "&&") is positive)
    return _comparison(node, scope, positive)


def _joined(parts: Iterable[Condition], *, every: bool) -> Condition:
    members = tuple(parts)
    cells = frozenset[str]().union(*(part.cells for part in members))
    return Every(members, cells) if every else Some(members, cells)


def _implication(node: Binary, scope: Scope, positive: bool) -> Condition:
    escape, conclusion = _bind(node.left, scope, False), _bind(node.right, scope, positive)
    if not escape.narrow(Box(scope.values)) and not any(isinstance(part, Call) and part.name == "present" for part in walk(node.left)):
        return conclusion
    return _joined((escape, conclusion), every=False)


def _comparison(node: Binary, scope: Scope, positive: bool) -> Condition:
    if _is_text(node.left, scope) or _is_text(node.right, scope):
        left, right = _texts(node.left, scope), _texts(node.right, scope)
        if left is None or right is None:
            return Every((), frozenset())  # a number cannot be compared with a text: not applicable, whatever is freed
        return TextComparison(node.operator, left, right, positive, left.cells | right.cells)
    first, second = term(node.left, scope), term(node.right, scope)
    operator, exact = node.operator, scope.level
    if not positive and operator != "==":
        operator, positive, exact = _NEGATED[operator], True, EXACT
    printed = scope.cells(node.left)[0] if isinstance(node.left, Path) else None
    difference = _sum(scope, [(1, first), (-1, second)])
    linear_one = difference if isinstance(difference, Linear) else None
    return Comparison(operator, first, second, linear_one, printed, exact, positive, first.cells | second.cells)


def _is_text(node: Node, scope: Scope) -> bool:
    if isinstance(node, Path):
        quantity = scope.facts.cells.get(scope.cells(node)[0])
        return quantity is not None and quantity.value is None
    return isinstance(node, Text) or (isinstance(node, Call) and node.name == "band")


def _texts(node: Node, scope: Scope) -> Texts | None:
    """A side as texts; None if it is a number."""
    if isinstance(node, Text):
        return TextCell("", node.value, frozenset())
    if isinstance(node, Path):
        cell = scope.cells(node)[0]
        quantity = scope.facts.cells.get(cell)
        return TextCell(cell, None, frozenset({cell})) if quantity is None or quantity.value is None else None
    return _band(node, scope) if isinstance(node, Call) and node.name == "band" else None


def _band(call: Call, scope: Scope) -> Band:
    value, *limits = [term(node, scope) for node in call.arguments if not isinstance(node, Text)]
    *texts, rest = [node.value for node in call.arguments if isinstance(node, Text)]
    return Band(value, tuple(zip(limits, texts, strict=True)), rest, all_cells([value, *limits]))


def term(node: Node, scope: Scope) -> Term:
    """A numeric tree as a term over the record's cells."""
    if isinstance(node, Number):
        return _linear(scope, _in_units(node.value, scope.values.unit))
    if isinstance(node, Path):
        cell = scope.cells(node)[0]
        return _linear(scope, 0, {cell: 1}, strict=(cell,))
    if isinstance(node, Unary):
        return _sum(scope, [(-1, term(node.operand, scope))])
    return _call(node, scope) if isinstance(node, Call) else _arithmetic(node, scope)


def _in_units(value: Fraction, unit: int) -> Exact:
    return value.numerator * (unit // value.denominator) if not unit % value.denominator else value * unit


def _linear(
    scope: Scope,
    constant: Exact,
    factors: dict[str, Exact] | None = None,
    strict: Iterable[str] = (),
    sums: Iterable[frozenset[str]] = (),
) -> Linear:
    return Linear(constant, factors or {}, frozenset(strict), tuple(sums), scope.values)


def _arithmetic(node: Node, scope: Scope) -> Term:
    first, links = spine(node)
    value = term(first, scope)
    for link in links:
        value = _operation(link.operator, value, term(link.right, scope), scope)
    return value


def _operation(operator: str, left: Term, right: Term, scope: Scope) -> Term:
    if operator in "+-":
        return _sum(scope, [(1, left), (1 if operator == "+" else -1, right)])
    factor, cells, unit = _constant(right, scope), left.cells | right.cells, scope.values.unit
    if factor:
        return _sum(scope, [(factor if operator == "*" else whole(1 / factor), left)])
    factor = _constant(left, scope)
    if factor and operator == "*":
        return _sum(scope, [(factor, right)])
    return Product(left, right, unit, cells) if operator == "*" else Quotient(left, right, unit, cells)


def _constant(value: Term, scope: Scope) -> Fraction | None:
    return Fraction(value.constant) / scope.values.unit if isinstance(value, Linear) and not value.factors else None


def _sum(scope: Scope, parts: list[tuple[Exact, Term]]) -> Term:
    """Terms with factors, as one linear form where all of them are."""
    if not all(isinstance(part, Linear) for _, part in parts):
        return total(parts, lenient=False)
    constant: Exact = 0
    factors, strict, sums = dict[str, Exact](), set[str](), list[frozenset[str]]()
    for factor, part in parts:
        assert isinstance(part, Linear)
        constant = constant + factor * part.constant
        for cell, own in part.factors.items():
            factors[cell] = factors[cell] + factor * own if cell in factors else factor * own
        strict |= part.strict
        sums += part.sums
    return _linear(scope, whole(constant), {cell: whole(factor) for cell, factor in factors.items() if factor}, strict, sums)


def _call(call: Call, scope: Scope) -> Term:
    if call.name == "count":
        return _count(call, scope)
    if call.name == "sum":
        return _sum_of(call, scope)
    if call.name in ("min", "max"):
        members = [member for argument in call.arguments for member in _members(argument, scope)]
        return Extremum(1 if call.name == "min" else -1, tuple(members), all_cells(members))
    inner = term(call.arguments[0], scope)
    if call.name == "abs":
        return Magnitude(inner, inner.cells)
    digits = call.arguments[1] if len(call.arguments) > 1 else None
    decimals = int(digits.value) if isinstance(digits, Number) else 0
    return Rounded(round_half_up if call.name == "round" else truncate, decimals, inner, scope.values.unit, inner.cells)


def _members(node: Node, scope: Scope) -> list[Term]:
    if isinstance(node, Path):
        return [_linear(scope, 0, {cell: 1}, strict=(cell,)) for cell in scope.cells(node)]
    return [term(node, scope)]


def _sum_of(call: Call, scope: Scope) -> Term:
    """The paths of a sum as one linear form of which one cell must be present; other members beside it."""
    factors: dict[str, Exact] = {}
    for argument in call.arguments:
        for cell in scope.cells(argument) if isinstance(argument, Path) else ():
            factors[cell] = factors.get(cell, 0) + 1
    paths = _linear(scope, 0, factors, sums=(frozenset(factors),))
    others = [term(argument, scope) for argument in call.arguments if not isinstance(argument, Path)]
    if not others:
        return paths
    return total([(1, member) for member in ([paths] if factors else []) + others], lenient=True)


def _count(call: Call, scope: Scope) -> Term:
    """Rows of lists and cells present; a row that may be lost counts if it is there."""
    rows, printed = list[str](), list[str]()
    for path in call.arguments:
        assert isinstance(path, Path)
        if STAR in path.parts and scope.facts.rows.get((scope.root if path.absolute else scope.start) + path.pointers[0]) is None:
            return _linear(scope, 0, {"\0": 1}, strict=("\0",))  # a list that the record does not hold: missing
        (rows if path.parts[-1] is STAR else printed).extend(scope.cells(path))
    more = {row for row in rows if not row.rpartition("/")[2].isdigit()}
    return Count(frozenset(rows) - more, frozenset(more), tuple(printed), scope.values.unit, frozenset((*rows, *printed)))
