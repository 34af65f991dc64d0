"""Arithmetic of checks over one walk of the tree: exact on the numbers as printed, and by intervals of what the print may hide."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Final, Generic, NamedTuple, TypeVar

from structurer.arithmetic.facts import Quantity, Sheet, UnfitError, shown
from structurer.arithmetic.syntax import Binary, Call, Node, Number, Path, Text, Unary, spine

_ZERO: Final = Fraction(0)
_HALF: Final = Fraction(1, 2)


class Interval(NamedTuple):
    """Closed: both ends belong to it."""

    low: Fraction
    high: Fraction


def print_interval(quantity: Quantity) -> Interval:
    """The underlying values that may be printed so: [y - u/2, y + u), mirrored below zero, (-u, u) at zero, where the sign is lost.

    The union of rounding (half a unit to each side) and truncation toward zero (up to one unit outward), the two intervals of XBRL
    Calculations 1.1, because forms do both and do not say which. The far end of a truncation is excluded, as there: y + u would be printed
    so itself (`is_print`); the interval is given by its two ends. Raises ValueError for a text.
    """
    value, ulp = _exact(quantity), quantity.ulp
    if value > 0:
        return Interval(value - ulp / 2, value + ulp)
    return Interval(value - ulp, value + ulp / 2) if value < 0 else Interval(-ulp, ulp)


def is_print(printed: Fraction | int, ulp: Fraction | int, value: Fraction | int) -> bool:
    """Whether `value`, rounded or truncated to units of `ulp`, is printed so: within the print interval without its far ends."""
    if printed == value:
        return True
    outward = value - printed if printed > 0 or (not printed and value > 0) else printed - value
    return -ulp <= 2 * outward < 2 * ulp


N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class _Algebra(Generic[N]):
    """Arithmetic over one kind of number, so that exact and widened evaluation share one walk of the tree."""

    literal: Callable[[Fraction], N]
    cell: Callable[[Quantity], N]
    negate: Callable[[N], N]
    binary: Mapping[str, Callable[[N, N], N]]
    fold: Mapping[str, Callable[[Sequence[N]], N]]
    digits: Mapping[str, Callable[[N, int], N]]  # abs (which ignores them), round, trunc


def _exact(quantity: Quantity) -> Fraction:
    if quantity.value is None:
        raise UnfitError(f"{shown(quantity)} is not a number")
    return quantity.value


def _divide(left: Fraction, right: Fraction) -> Fraction:
    if not right:
        raise UnfitError("division by zero")
    return left / right


def exact_sum(values: Sequence[Fraction]) -> Fraction:
    """The sum of at least one number."""
    # One fraction over the common denominator: 60 cells take 13 µs, added one by one 68 µs.
    common = lcm(*{value.denominator for value in values})
    return Fraction(sum(value.numerator * (common // value.denominator) for value in values), common)


def truncate(value: Fraction, digits: int) -> Fraction:
    """Toward zero."""
    return Fraction(int(value * 10**digits), 10**digits)


def round_half_up(value: Fraction, digits: int) -> Fraction:
    """Half away from zero, as forms are rounded by hand and in spreadsheets."""
    half = _HALF / 10**digits
    return truncate(value + (half if value > 0 else -half), digits)


_EXACTLY: Final[_Algebra[Fraction]] = _Algebra(
    literal=lambda value: value,
    cell=_exact,
    negate=operator.neg,
    binary={"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide},
    fold={"sum": exact_sum, "min": min, "max": max},
    digits={"abs": lambda value, _: abs(value), "round": round_half_up, "trunc": truncate},
)


def _hull(values: Sequence[Fraction]) -> Interval:
    return Interval(min(values), max(values))


def _interval_product(left: Interval, right: Interval) -> Interval:
    return _hull([a * b for a in left for b in right])


def _interval_quotient(left: Interval, right: Interval) -> Interval:
    if right.low <= 0 <= right.high:
        raise UnfitError("division by an interval that contains zero")
    return _hull([a / b for a in left for b in right])


def _interval_abs(value: Interval, _: int) -> Interval:
    ends = _hull([abs(value.low), abs(value.high)])
    return Interval(_ZERO, ends.high) if value.low < 0 < value.high else ends


def _by_ends(function: Callable[[Sequence[Fraction]], Fraction]) -> Callable[[Sequence[Interval]], Interval]:
    """A function that grows with each of its arguments, over intervals."""
    return lambda values: Interval(function([value.low for value in values]), function([value.high for value in values]))


# Moore, Interval Analysis (1966). A cell that occurs twice is widened twice: the result may be too wide, never too narrow.
_WIDENED: Final[_Algebra[Interval]] = _Algebra(
    literal=lambda value: Interval(value, value),
    cell=print_interval,
    negate=lambda value: Interval(-value.high, -value.low),
    binary={
        "+": lambda left, right: Interval(left.low + right.low, left.high + right.high),
        "-": lambda left, right: Interval(left.low - right.high, left.high - right.low),
        "*": _interval_product,
        "/": _interval_quotient,
    },
    fold={"sum": _by_ends(exact_sum), "min": _by_ends(min), "max": _by_ends(max)},
    digits={
        "abs": _interval_abs,
        "round": lambda value, digits: Interval(round_half_up(value.low, digits), round_half_up(value.high, digits)),
        "trunc": lambda value, digits: Interval(truncate(value.low, digits), truncate(value.high, digits)),
    },
)


def _number(node: Node, sheet: Sheet, algebra: _Algebra[N]) -> N | None:
    """The value of a numeric tree; None if an operand it cannot do without is missing. Raises UnfitError."""
    if isinstance(node, Path):
        found = sheet.read(node)
        return algebra.cell(found[0]) if found else None
    if isinstance(node, Number):
        return algebra.literal(node.value)
    if isinstance(node, Call):
        return _call(node, sheet, algebra)
    if isinstance(node, Unary):
        value = _number(node.operand, sheet, algebra)
        return None if value is None else algebra.negate(value)
    return _arithmetic(node, sheet, algebra)


def _arithmetic(node: Node, sheet: Sheet, algebra: _Algebra[N]) -> N | None:
    first, links = spine(node)
    value = _number(first, sheet, algebra)
    for link in links:
        # Read even where the value is already missing: the outcome names every cell.
        right = _number(link.right, sheet, algebra)
        value = None if value is None or right is None else algebra.binary[link.operator](value, right)
    return value


def _call(call: Call, sheet: Sheet, algebra: _Algebra[N]) -> N | None:
    if call.name == "count":
        counts = [sheet.count(argument) for argument in call.arguments if isinstance(argument, Path)]
        known = [count for count in counts if count is not None]
        return algebra.literal(Fraction(sum(known))) if len(known) == len(counts) else None
    if call.name in algebra.fold:
        members = [member for argument in call.arguments for member in _members(argument, sheet, algebra)]
        return algebra.fold[call.name](members) if members else None
    value = _number(call.arguments[0], sheet, algebra)
    return None if value is None else algebra.digits[call.name](value, _decimals(call))


def _members(node: Node, sheet: Sheet, algebra: _Algebra[N]) -> list[N]:
    if isinstance(node, Path):
        return [algebra.cell(quantity) for quantity in sheet.read(node)]
    value = _number(node, sheet, algebra)
    return [] if value is None else [value]


def _decimals(call: Call) -> int:
    digits = call.arguments[1] if len(call.arguments) > 1 else None
    return int(digits.value) if isinstance(digits, Number) else 0


def _band(call: Call, sheet: Sheet) -> str | None:
    value, *limits = [_number(node, sheet, _EXACTLY) for node in call.arguments if not isinstance(node, Text)]
    *texts, rest = [node.value for node in call.arguments if isinstance(node, Text)]
    if value is None or any(limit is None for limit in limits):
        return None
    return next((text for limit, text in zip(limits, texts, strict=True) if limit is not None and value >= limit), rest)


def side(node: Node, sheet: Sheet) -> Fraction | str | None:
    """One side of a comparison, as printed; None if missing. Raises UnfitError."""
    if isinstance(node, Path):
        found = sheet.read(node)
        return None if not found else found[0].text if found[0].value is None else found[0].value
    if isinstance(node, Text):
        return node.value
    return _band(node, sheet) if isinstance(node, Call) and node.name == "band" else _number(node, sheet, _EXACTLY)


def overlap(node: Binary, sheet: Sheet) -> bool:
    """Whether the two sides may be equal once every printed operand is taken as the interval of what it may stand for."""
    with suppress(UnfitError):
        left, right = _number(node.left, sheet, _WIDENED), _number(node.right, sheet, _WIDENED)
        return left is not None and right is not None and left.low <= right.high and right.low <= left.high
    return False
