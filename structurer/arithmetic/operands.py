"""Which operands fit an operator or a function of a check: numbers, texts, lists, conditions; a misfit is said in words."""

from __future__ import annotations

from enum import Enum
from typing import Final

from structurer.arithmetic.syntax import COMPARISONS, FOLDS, LOGICAL, STAR, Binary, Call, CheckSyntaxError, Node, Number, Path, Text, Unary

MAX_DECIMALS: Final = 12  # second argument of round and trunc


class Sort(Enum):
    """What a node stands for; a CELL is a number or a text, known only from the record. The value names it in messages."""

    NUMBER = "a number"
    TEXT = "a text"
    CELL = "a cell"
    LIST = "a list; [*] may only stand directly inside sum, count, min or max"
    CONDITION = "a condition"


NUMERIC: Final = frozenset({Sort.NUMBER, Sort.CELL})
_SCALAR: Final = NUMERIC | {Sort.TEXT}
_MEMBERS: Final = NUMERIC | {Sort.LIST}
CONDITION: Final = frozenset({Sort.CONDITION})


def _sort(node: Node) -> Sort:
    if isinstance(node, Path):
        return Sort.LIST if STAR in node.parts else Sort.CELL
    if isinstance(node, Text):
        return Sort.TEXT
    if isinstance(node, Call):
        return {"band": Sort.TEXT, "present": Sort.CONDITION}.get(node.name, Sort.NUMBER)
    if isinstance(node, Unary | Binary) and (node.operator in LOGICAL or node.operator in COMPARISONS):
        return Sort.CONDITION
    return Sort.NUMBER


def require(node: Node, sorts: frozenset[Sort], expected: str, column: int) -> None:
    """Raises CheckSyntaxError unless the node is of one of these sorts, `expected` in words."""
    found = _sort(node)
    if found not in sorts:
        raise CheckSyntaxError(f"expected {expected}, found {found.value}", column)


def require_operands(node: Binary, column: int) -> None:
    """Raises CheckSyntaxError unless both sides fit the operator and each other."""
    sides, where = (node.left, node.right), f"on both sides of {node.operator!r}"
    if node.operator in COMPARISONS:
        for side in sides:
            require(side, _SCALAR, f"a number or a text {where}", column)
        if {_sort(side) for side in sides} == {Sort.NUMBER, Sort.TEXT}:
            raise CheckSyntaxError(f"expected two numbers or two texts {where}, found a number and a text", column)
        return
    sorts, expected = (CONDITION, "a condition") if node.operator in LOGICAL else (NUMERIC, "a number")
    for side in sides:
        require(side, sorts, f"{expected} {where}", column)


def require_arguments(call: Call, column: int) -> None:
    """Raises CheckSyntaxError unless the arguments fit the function, in number and in sort."""
    if call.name in ("count", "present"):
        _require_paths(call, column)
    elif call.name == "band":
        _require_bands(call, column)
    elif call.name in FOLDS:
        for argument in call.arguments:
            require(argument, _MEMBERS, f"a number in {call.name}", column)
    else:
        require(call.arguments[0], NUMERIC, f"a number in {call.name}", column)
        _require_decimals(call, column)


def _require_paths(call: Call, column: int) -> None:
    if not all(isinstance(argument, Path) for argument in call.arguments):
        raise CheckSyntaxError(f"expected a path in {call.name}", column)
    if call.name == "present":
        if len(call.arguments) != 1:
            raise CheckSyntaxError(f"expected one path in present, found {len(call.arguments)}", column)
        require(call.arguments[0], frozenset({Sort.CELL}), "a path to one cell in present", column)


def _require_bands(call: Call, column: int) -> None:
    *bands, last = call.arguments
    texts = [*bands[2::2], last]
    if len(call.arguments) % 2 or len(bands) < 3 or not all(isinstance(text, Text) for text in texts):
        raise CheckSyntaxError('expected band(number, limit, "text", ..., "text for the rest")', column)
    for number in (bands[0], *bands[1::2]):
        require(number, NUMERIC, "a number before each text in band", column)


def _require_decimals(call: Call, column: int) -> None:
    allowed = 1 if call.name == "abs" else 2
    if len(call.arguments) > allowed:
        raise CheckSyntaxError(f"expected at most {allowed} argument{'s' * (allowed > 1)} in {call.name}", column)
    for digits in call.arguments[1:]:
        if not isinstance(digits, Number) or digits.value.denominator != 1 or digits.value > MAX_DECIMALS:
            raise CheckSyntaxError(f"expected a whole number of decimals from 0 to {MAX_DECIMALS} in {call.name}", column)
