"""Binding a check to the cells of one record: its tree as a condition of linear forms and other terms.

In negation normal form: a condition that must not fail, with `!` moved down to the comparisons. In Kleene's logic, as `checks` has it, De
Morgan's laws hold for "does not fail", and a -> b does not fail where a does not hold or b does not fail. An implication whose premise
holds now is bound to its conclusion: a wrong figure is not explained by one so wrong that the rule no longer applies (but a blank that
should have been printed may end a rule for blanks); nor by a divisor of zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from structurer.arithmetic.algebra import round_half_up, truncate
from structurer.arithmetic.facts import MAX_CELLS, Facts, UnfitError
from structurer.arithmetic.ranges import Exact, whole
from structurer.arithmetic.syntax import STAR, Binary, Call, Check, Node, Number, Path, Text, Unary, chain, spine, walk
from structurer.localisation.box import Box, Cells
from structurer.localisation.conditions import (
    EXACT,
    PRINT,
    Band,
    Comparison,
    Condition,
    Every,
    Presence,
    Some,
    TextCell,
    TextComparison,
    Texts,
)
from structurer.localisation.terms import Count, Extremum, Linear, Magnitude, Product, Quotient, Rounded, Term, all_cells, total

_NEGATED: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "!=": "=="}


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
