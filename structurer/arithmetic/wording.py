"""The numbers of a check in words: a side written out with what its cells print, differences, and exact decimals.

Nothing is read here that was not read before: an explanation shows what the verdict was made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from typing import Final

from structurer.arithmetic.facts import Sheet, shown
from structurer.arithmetic.syntax import Binary, Call, Node, Number, Path, Text, chain, render, walk

SHOWN_TERMS: Final = 6  # a longer sum or list is shortened
_EXACT_DECIMALS: Final = 24  # more decimals, or larger numbers, are shown rounded
_EXACT_BITS: Final = 200
_POWERS: Final = tuple(10**decimals for decimals in range(_EXACT_DECIMALS + 1))
_SIX_DIGITS: Final = Context(prec=6, Emax=MAX_EMAX, Emin=MIN_EMIN)


def explain(node: Node, value: Fraction | str | None, sheet: Sheet) -> str:
    """A side written out with its numbers, and what they make: `20.00 + 20.00 = 40`; reads nothing that was not read before."""
    if sheet.wordless:
        return ""
    if isinstance(node, Path):
        return f"{node.name} = {_operand(node, sheet)}"
    if isinstance(node, Number | Text):
        return render(node)
    terms = _terms(node, sheet)
    written = _shorten(terms, " + ") if terms else render(node, lambda leaf: _operand(leaf, sheet))
    if value is None:
        return written
    result = f'"{value}"' if isinstance(value, str) else decimal_text(value)
    if result == written:
        return written
    return f"{written} {result[0]} {result[1:]}" if result.startswith("≈") else f"{written} = {result}"


def _operand(node: Node, sheet: Sheet) -> str | None:
    if isinstance(node, Path):
        found = sheet.found.get(id(node))
        return node.name if found is None else _shorten([shown(quantity) for quantity in found], ", ") or "?"
    if isinstance(node, Call) and node.name == "count":
        return render(node)
    terms = _terms(node, sheet)
    return f"({_shorten(terms, ' + ')})" if len(terms) > 1 else "".join(terms) or None


def _terms(node: Node, sheet: Sheet) -> list[str]:
    """What a sum or a plain chain of `+` adds, as printed; empty for any other node, and for a sum that was not read."""
    if isinstance(node, Call) and node.name == "sum":
        if any(isinstance(member, Path) and id(member) not in sheet.found for member in node.arguments):
            return []
        return [term for member in node.arguments for term in _addends(member, sheet)] or ["?"]
    terms = chain(node, "+")
    if len(terms) == 1 or any(isinstance(term, Binary) for term in terms):
        return []
    return [render(term, lambda leaf: _operand(leaf, sheet)) for term in terms]


def _addends(node: Node, sheet: Sheet) -> Iterable[str]:
    """A blank member of a sum adds nothing and is not shown."""
    found = sheet.found.get(id(node))
    return [render(node, lambda leaf: _operand(leaf, sheet))] if found is None else map(shown, found)


def _shorten(terms: Sequence[str], separator: str) -> str:
    if len(terms) <= SHOWN_TERMS:
        return separator.join(terms)
    return f"{separator.join(terms[:2])}{separator}... ({len(terms)} terms)"


def names_missing(node: Binary, sheet: Sheet) -> str:
    """Which paths of a comparison stand for no cell."""
    if sheet.wordless:
        return ""
    read = {path.name: path for path in walk(node) if isinstance(path, Path) and not sheet.found.get(id(path))}
    names = list(read)
    return f"{' and '.join(names[:2])}{' and others' * (len(names) > 2)} {'is' if len(names) == 1 else 'are'} missing"


def deviation(difference: Fraction) -> str:
    """How far a number is from what it should be."""
    return f"{decimal_text(abs(difference))} too {'high' if difference > 0 else 'low'}"


def decimal_text(value: Fraction) -> str:
    """The shortest exact decimal; "≈" and 6 significant digits where there is none, or none of a readable length."""
    if max(abs(value.numerator), value.denominator).bit_length() <= _EXACT_BITS:
        for decimals, power in enumerate(_POWERS):
            if power % value.denominator == 0:
                return _point(value.numerator * (power // value.denominator), decimals)
    rounded = _SIX_DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"≈{rounded:f}" if -6 <= rounded.adjusted() < 15 else f"≈{rounded}"


def _point(scaled: int, decimals: int) -> str:
    digits = str(abs(scaled)).rjust(decimals + 1, "0")
    sign = "-" if scaled < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits
