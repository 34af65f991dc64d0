"""Printed text to values: exact numbers, dates, years, months, units, expressions. Pure; bad text is a value with a code.

Numbers are exact rationals (`fractions.Fraction`); floats never appear, because 0.1 + 0.2 must be 0.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

from structurer.contracts.schema import Kind
from structurer.fold import squeeze

# Money units by their size in the base unit; longest first, because 万元 ends in 元.
UNITS = {"亿元": 10**8, "百万元": 10**6, "万元": 10**4, "千元": 10**3, "元": 1, "亿": 10**8, "万": 10**4}
BLANKS = frozenset(("", "-", "--", "---", "/", "\\", "－", "无", "n/a", "N/A"))
MAX_DIGITS = 40  # of one number; more is not a figure of a report

_NUMBER = re.compile(r"^[¥￥$€£]?\(?([-+]?)[¥￥$€£]?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?\)?$", re.ASCII)
_UNIT_TAIL = re.compile(r"(亿元|百万元|万元|千元|元|亿|万|%|[A-Z]{3}|[$€£])$")
_CURRENCY_HEAD = re.compile(r"^[A-Z]{3}(?=[\d-])")
_ISO = re.compile(r"^(\d{4})(?:年|[-./])(\d{1,2})(?:月|[-./])(\d{1,2})日?$")
_DAY_FIRST = re.compile(r"^(\d{1,2})[-./](\d{1,2})[-./](\d{4})$")
_WORDS_DATE = re.compile(r"^(?:(\d{1,2})(?:st|nd|rd|th)?([a-z]+)\.?,?|([a-z]+)\.?(\d{1,2})(?:st|nd|rd|th)?,?)(\d{4})$")
_MONTH = re.compile(r"^(\d{4})(?:年|[-./])(\d{1,2})(?:月|$)(?:\d{1,2}日?)?")
_YEAR = re.compile(r"(?<!\d)((?:19|20|21)\d{2})(?!\d)")
_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
_TERM = re.compile(r"((?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?)([^\d+*/()\-.,=]*(?:/[^\d+*/()\-=]+)*)")
_TIMES = re.compile(r"[xX](?=[\d(])")  # an x that is no letter of a word


@dataclass(frozen=True, slots=True)
class Parsed:
    """`value` is canonical (decimal string, ISO date, int, text), `number` what checks reckon with, `decimals` as printed, `error` a code.

    `scale` is the size of a money unit printed with the number itself, in base units."""

    value: str | int | None
    number: Fraction | None = None
    decimals: int = 0
    error: str | None = None
    scale: int | None = None


def parse(text: str | None, kind: Kind, choices: tuple[str, ...] = ()) -> Parsed:
    """Read a printed text as the given kind. Blank is `Parsed(None)`; what cannot be read keeps no value and says why."""
    if text is None or not text.strip():
        return Parsed(None)
    if kind in (Kind.TEXT, Kind.CODE):
        return Parsed(text.strip())
    return _parsed(text, kind, choices)


@lru_cache(maxsize=1024)
def _parsed(text: str, kind: Kind, choices: tuple[str, ...]) -> Parsed:
    """A record is parsed several times, while it is read and when it is; the cache holds a few records, no document."""
    if kind is Kind.EXPRESSION:
        number = reckon(text)
        return Parsed("".join(text.split()), number, error=None if number is not None else "not-an-expression")
    return _PARSERS[kind](squeeze(text), choices)


def _number(text: str, _: tuple[str, ...] = ()) -> Parsed:
    if text in BLANKS:
        return Parsed(None)
    tail = _UNIT_TAIL.search(text)
    if tail and tail.group() == "%":
        return Parsed(None, error="not-a-number")  # a rate is no amount
    scale = UNITS.get(tail.group()) if tail else None
    bare = text[: tail.start()] if tail else text
    match = _NUMBER.match(_CURRENCY_HEAD.sub("", bare))
    if not match or len(bare) > MAX_DIGITS:
        return Parsed(None, error="not-a-number")
    sign, whole, decimals = match.group(1), match.group(2).replace(",", ""), match.group(3) or ""
    negative = sign == "-" or ("(" in bare and bare.endswith(")"))
    printed = ("-" if negative else "") + whole + (f".{decimals}" if decimals else "")
    digits = int(whole + decimals)
    return Parsed(printed, Fraction(-digits if negative else digits, 10 ** len(decimals)), len(decimals), scale=scale)


def _percent(text: str, _: tuple[str, ...] = ()) -> Parsed:
    return _number(re.sub(r"\(%\)$|%(?=\)?$)", "", text))


def _integer(text: str, _: tuple[str, ...] = ()) -> Parsed:
    parsed = _number(text)
    if parsed.number is None:
        return parsed
    if parsed.number.denominator != 1:
        return Parsed(None, error="not-an-integer")
    return Parsed(int(parsed.number), parsed.number)


def _year(text: str, _: tuple[str, ...] = ()) -> Parsed:
    if text in BLANKS:
        return Parsed(None)
    match = _YEAR.search(text)
    return Parsed(int(match.group(1)), Fraction(match.group(1))) if match else Parsed(None, error="not-a-year")


def _month(text: str, _: tuple[str, ...] = ()) -> Parsed:
    if text in BLANKS:
        return Parsed(None)
    match = _MONTH.match(text)
    if not match or not 1 <= int(match.group(2)) <= 12:
        return Parsed(None, error="not-a-month")
    year, month = int(match.group(1)), int(match.group(2))
    return Parsed(f"{year:04d}-{month:02d}", Fraction(year * 12 + month))


def _date(text: str, _: tuple[str, ...] = ()) -> Parsed:
    if text in BLANKS:
        return Parsed(None)
    if match := _ISO.match(text):
        return _day(*(int(part) for part in match.groups()))
    if match := re.match(r"^(\d{4})(\d{2})(\d{2})$", text):
        return _day(*(int(part) for part in match.groups()))
    if match := _DAY_FIRST.match(text):
        first, second, year = (int(part) for part in match.groups())
        if first <= 12 and second <= 12 and first != second:
            return Parsed(None, error="ambiguous-date")  # 03/04/2025 is March in one country and April in another
        return _day(year, second, first) if first > 12 or first == second else _day(year, first, second)
    if match := _WORDS_DATE.match(text.lower()):
        name = match.group(2) or match.group(3)
        months = [number for month, number in _MONTHS.items() if month.startswith(name) and len(name) >= 3]
        return _day(int(match.group(5)), months[0], int(match.group(1) or match.group(4))) if months else Parsed(None, error="not-a-date")
    return Parsed(None, error="not-a-date")


def _day(year: int, month: int, day: int) -> Parsed:
    try:
        found = date(year, month, day)
    except ValueError:
        return Parsed(None, error="no-such-day")
    return Parsed(found.isoformat(), Fraction(found.toordinal()))


def _choice(text: str, choices: tuple[str, ...]) -> Parsed:
    for choice in choices:
        if squeeze(choice).casefold() == text.casefold():
            return Parsed(choice)
    return Parsed(None, error="not-a-choice") if choices else Parsed(text)


def _unit(text: str, choices: tuple[str, ...]) -> Parsed:
    return _choice(text, choices)


_PARSERS: dict[Kind, Callable[[str, tuple[str, ...]], Parsed]] = {
    Kind.NUMBER: _number, Kind.PERCENT: _percent, Kind.INTEGER: _integer, Kind.YEAR: _year, Kind.MONTH: _month, Kind.DATE: _date,
    Kind.CHOICE: _choice, Kind.UNIT: _unit,
}  # fmt: skip


def reckon(text: str) -> Fraction | None:
    """The value of a printed calculation in base money units: "4000.00元*12*3" is 144000, "0.35万元*7" is 24500. None if it is none.

    Words behind a number are units; those that begin with a money unit scale it ("60元/人/天" counts as 60), others count as 1.
    """
    if len(text) > 500:
        return None
    tokens = _tokens(_TIMES.sub("*", squeeze(text)))
    if tokens is None:
        return None
    total, position = _sum(tokens, 0, 0)
    return total if position == len(tokens) else None


def _tokens(text: str) -> list[Fraction | str] | None:
    found: list[Fraction | str] = []
    position = 0
    while position < len(text):
        if text[position] in "+-*/()":
            found.append(text[position])
            position += 1
        elif (match := _TERM.match(text, position)) and len(match.group(1)) <= MAX_DIGITS:
            found.append(Fraction(match.group(1).replace(",", "")) * _scale(match.group(2)))
            position = match.end()
        else:
            return None
    return found


def _scale(unit: str) -> Fraction:
    if unit.startswith("%"):
        return Fraction(1, 100)
    return next((Fraction(size) for name, size in UNITS.items() if unit.startswith(name)), Fraction(1))


def _sum(tokens: list[Fraction | str], position: int, depth: int) -> tuple[Fraction | None, int]:
    total, position = _product(tokens, position, depth)
    while total is not None and position < len(tokens) and tokens[position] in ("+", "-"):
        sign = 1 if tokens[position] == "+" else -1
        term, position = _product(tokens, position + 1, depth)
        total = None if term is None else total + sign * term
    return total, position


def _product(tokens: list[Fraction | str], position: int, depth: int) -> tuple[Fraction | None, int]:
    total, position = _factor(tokens, position, depth)
    while total is not None and position < len(tokens) and tokens[position] in ("*", "/"):
        operator = tokens[position]
        term, position = _factor(tokens, position + 1, depth)
        if term is None or (operator == "/" and term == 0):
            return None, position
        total = total * term if operator == "*" else total / term
    return total, position


def _factor(tokens: list[Fraction | str], position: int, depth: int) -> tuple[Fraction | None, int]:
    token = tokens[position] if position < len(tokens) else None
    if isinstance(token, Fraction):
        return token, position + 1
    if token == "(" and depth < 16:
        inner, position = _sum(tokens, position + 1, depth + 1)
        closed = position < len(tokens) and tokens[position] == ")"
        return (inner if closed else None), position + 1
    return None, position
