"""Confronting a record's cells with a check (an edit rule, Fellegi and Holt 1976): does it hold, how exactly, and in what numbers.

An island: it knows names, exact numbers and text, nothing of documents or schemas.

`cell == expression` says that the cell is the *print* of the expression. The operands are exact as printed, and only the cell on the left
has slack: forms print results rounded or truncated. By the design's figures this detects 99.9 % of 15,759 single-cell corruptions of
report 001, with no false alarm on 41 clean forms; a fixed slack of 0.01 detects 94.7 %, and intervals for every operand 92.9 %.
That widest reading (XBRL Calculations 1.1: two intervals overlap) is therefore a level of its own, UNDERLYING, tried only on a miss.

A missing operand makes a comparison not applicable, never a failure; `&&`, `||` and `!` follow Kleene's three-valued logic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final, NamedTuple

from structurer.arithmetic.algebra import Interval, is_print, overlap, print_interval, side
from structurer.arithmetic.facts import Facts, Quantity, Sheet, UnfitError
from structurer.arithmetic.grammar import parse
from structurer.arithmetic.syntax import (
    STAR,
    Binary,
    Call,
    Check,
    CheckSyntaxError,
    Node,
    Number,
    Path,
    Star,
    Text,
    Unary,
    chain,
    paths,
    render,
    walk,
)
from structurer.arithmetic.wording import decimal_text, deviation, explain, names_missing

__all__ = [  # the island's public face
    "ROUNDED", "STAR", "TRUNCATED", "Binary", "Call", "Check", "CheckSyntaxError", "Facts", "Interval", "Level", "Node", "Number",
    "Outcome", "Path", "Quantity", "Star", "Text", "Unary", "best", "confront", "decimal_text", "parse", "paths", "print_interval",
    "render", "worst",
]  # fmt: skip


class Level(Enum):
    """How a check came out, from best to worst; the last two do not hold, and NOT_APPLICABLE is no failure."""

    EXACT = "exact"  # the numbers as printed are equal
    PRINT = "print"  # equal once the result is rounded or truncated as printed
    UNDERLYING = "underlying"  # equal only if the printed operands hide further digits
    NOT_APPLICABLE = "not applicable"  # something is missing, or the check does not concern this record
    FAIL = "fail"

    @property
    def holds(self) -> bool:
        """Whether the record keeps the rule; False also where the rule is not applicable."""
        return self not in (Level.NOT_APPLICABLE, Level.FAIL)


ROUNDED: Final = "rounded"  # half a unit in the last place to each side
TRUNCATED: Final = "truncated"  # cut off toward zero, less than one unit
_RANK: Final = {level: rank for rank, level in enumerate(Level)}


def best(levels: Iterable[Level]) -> Level:
    """The level of alternatives: one that holds is enough."""
    return min(levels, key=_RANK.__getitem__)


def worst(levels: Iterable[Level]) -> Level:
    """The level of conditions that must all hold: a failure decides, then one that is not applicable."""
    return max(levels, key=_RANK.__getitem__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check confronted with a record: the verdict and the numbers that led to it.

    left, right: the two sides of the deciding comparison with the numbers in. allowed: the print interval of a cell on the left, "" where
    there is none. words: one English sentence. cells, missing: JSON pointers of all cells involved that are present, and that are not.
    manner: "rounded" or "truncated" where the level is PRINT and only one of the two gives this print; else "".
    """

    level: Level
    left: str
    right: str
    allowed: str
    words: str
    cells: tuple[str, ...]
    missing: tuple[str, ...] = ()
    manner: str = ""


class _Finding(NamedTuple):
    """An Outcome without its cells: those of a whole check are noted on its sheet."""

    level: Level
    left: str
    right: str
    allowed: str
    words: str
    manner: str = ""


_RELATIONS: Final[Mapping[str, tuple[str, Callable[..., bool]]]] = {
    "==": ("equal to", operator.eq),
    "!=": ("different from", operator.ne),
    "<": ("less than", operator.lt),
    "<=": ("at most", operator.le),
    ">": ("more than", operator.gt),
    ">=": ("at least", operator.ge),
}


def _compare(node: Binary, sheet: Sheet) -> _Finding:
    try:
        left, right = side(node.left, sheet), side(node.right, sheet)
    except UnfitError as reason:
        with suppress(UnfitError):
            for path in walk(node):
                if isinstance(path, Path):
                    sheet.read(path)
        return _not_applicable(node, sheet, str(reason))
    if left is None or right is None:
        return _not_applicable(node, sheet, names_missing(node, sheet))
    if isinstance(left, str) or isinstance(right, str):
        return _compare_texts(node, left, right, sheet)
    return _equate(node, left, right, sheet) if node.operator == "==" else _order(node, left, right, sheet)


def _not_applicable(node: Binary, sheet: Sheet, reason: str) -> _Finding:
    return _Finding(
        Level.NOT_APPLICABLE, explain(node.left, None, sheet), explain(node.right, None, sheet), "", f"Not applicable: {reason}."
    )


def _compare_texts(node: Binary, left: Fraction | str, right: Fraction | str, sheet: Sheet) -> _Finding:
    if not (isinstance(left, str) and isinstance(right, str)):
        return _not_applicable(node, sheet, "a number cannot be compared with a text")
    return _order(node, left, right, sheet)


def _order(node: Binary, left: Fraction | str, right: Fraction | str, sheet: Sheet) -> _Finding:
    """Holds or fails as printed; texts by code point, which orders ISO dates."""
    relation, holds = _RELATIONS[node.operator]
    sides = explain(node.left, left, sheet), explain(node.right, right, sheet)
    if holds(left, right):
        return _Finding(Level.EXACT, *sides, "", f"{sides[0]} is {relation} {sides[1]}.")
    off = f", but is {deviation(left - right)}" if isinstance(left, Fraction) and isinstance(right, Fraction) and left != right else ""
    return _Finding(Level.FAIL, *sides, "", f"{sides[0]} should be {relation} {sides[1]}{off}.")


def _equate(node: Binary, left: Fraction, right: Fraction, sheet: Sheet) -> _Finding:
    level = _equality(node, left, right, sheet)
    if sheet.wordless:
        return _Finding(level, "", "", "", "")
    slack = print_interval(sheet.read(node.left)[0]) if isinstance(node.left, Path) else None
    allowed = f"{decimal_text(slack.low)} .. {decimal_text(slack.high)}" if slack else ""
    sides = explain(node.left, left, sheet), explain(node.right, right, sheet)
    return _Finding(level, *sides, allowed, _equality_words(level, *sides, allowed, left - right), _manner(node, level, left, right, sheet))


def _equality(node: Binary, left: Fraction, right: Fraction, sheet: Sheet) -> Level:
    if left == right:
        return Level.EXACT
    if isinstance(node.left, Path) and is_print(left, sheet.read(node.left)[0].ulp, right):
        return Level.PRINT
    return Level.UNDERLYING if overlap(node, sheet) else Level.FAIL


def _manner(node: Binary, level: Level, printed: Fraction, exact: Fraction, sheet: Sheet) -> str:
    """Outward of a print by more than half a unit only truncation gives it, inward of it only rounding; between the two both do."""
    if level is not Level.PRINT or not isinstance(node.left, Path):
        return ""
    outward = abs(exact) - abs(printed)
    return ROUNDED if outward < 0 else TRUNCATED if 2 * outward > sheet.read(node.left)[0].ulp else ""


def _equality_words(level: Level, left: str, right: str, allowed: str, difference: Fraction) -> str:
    if level is Level.EXACT:
        return f"{left} is equal to {right}."
    if level is Level.PRINT:
        return f"{left} is the print of {right}: it is {deviation(difference)}, within {allowed}."
    if level is Level.UNDERLYING:
        return f"{left} is equal to {right} only if the printed numbers hide further digits: it is {deviation(difference)}."
    return f"{left} should be equal to {right}, but is {deviation(difference)}" + (f", outside {allowed}." if allowed else ".")


def _judge(node: Node, sheet: Sheet) -> _Finding:
    if isinstance(node, Unary):
        return _negate(_judge(node.operand, sheet))
    if isinstance(node, Call):
        return _judge_presence(node, sheet)
    if not isinstance(node, Binary):
        raise TypeError(f"a condition was expected, not {render(node)}")
    if node.operator == "->":
        return _imply(node, sheet)
    if node.operator in _CHOICE:
        return _CHOICE[node.operator]([_judge(part, sheet) for part in chain(node, node.operator)])
    return _compare(node, sheet)


def _judge_presence(node: Call, sheet: Sheet) -> _Finding:
    (path,) = node.arguments
    if isinstance(path, Path) and sheet.read(path):
        return _Finding(Level.EXACT, explain(path, None, sheet), "", "", f"{render(path)} is present.")
    return _Finding(Level.FAIL, explain(path, None, sheet), "", "", f"{render(path)} should be present, but is missing.")


def _negate(finding: _Finding) -> _Finding:
    if finding.level is Level.NOT_APPLICABLE:
        return finding
    if finding.level is Level.FAIL:
        return finding._replace(level=Level.EXACT, words=f"As required, this is not so: {finding.words}")
    return finding._replace(level=Level.FAIL, words=f"This should not be so: {finding.words}", manner="")


def _imply(node: Binary, sheet: Sheet) -> _Finding:
    premise = _judge(node.left, sheet)
    if premise.level.holds:
        return _judge(node.right, sheet)
    if premise.level is Level.NOT_APPLICABLE:
        return premise
    return premise._replace(level=Level.NOT_APPLICABLE, words=f"Does not apply: {premise.words}")


def _all(findings: Sequence[_Finding]) -> _Finding:
    decisive = worst(finding.level for finding in findings)
    return next(finding for finding in findings if finding.level is decisive)


def _any(findings: Sequence[_Finding]) -> _Finding:
    decisive = best(finding.level for finding in findings)
    first = next(finding for finding in findings if finding.level is decisive)
    if decisive is not Level.FAIL:
        manners = {finding.manner for finding in findings if finding.level is decisive}
        return first if len(manners) == 1 else first._replace(manner="")
    return first._replace(words="No alternative holds: " + "; ".join(finding.words.removesuffix(".") for finding in findings) + ".")


_CHOICE: Final = {"&&": _all, "||": _any}


def confront(check: Check, facts: Facts, scope: str = "") -> Outcome:
    """What `check` says of a record; relative paths start from the JSON pointer `scope`, such as "/indicators/3".

    Never raises for a check that `parse` gave: what cannot be judged is NOT_APPLICABLE with its reason in `words`.
    """
    sheet = Sheet(facts, scope)
    finding = _judge(check.root, sheet)
    return Outcome(*finding[:-1], tuple(sheet.present), tuple(sheet.missing), finding.manner)


def level(check: Check, facts: Facts, scope: str = "") -> Level:
    """The level that `confront` finds, without its words: for readings that are tried against the checks."""
    return _judge(check.root, Sheet(facts, scope, wordless=True)).level
