"""Dates, times and durations of spreadsheet cells as their format prints them.

A cell holds days since the end of 1899 (or since 1904); the day 29 February 1900, which never was, is counted (ECMA-376 part 1, 18.17.4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from structurer.office.formatcode import Form, Token
from structurer.office.numerals import chinese, figures

LAST_DAY = 2_958_465  # 31 December 9999
MOST_DECIMALS = 3  # of seconds
SINCE_1904 = 1462  # days from the one epoch to the other
_LEAP_THAT_WAS_NOT = 60
_DAY_S = 86_400
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_HAN_WEEKDAYS = "日一二三四五六"
_KOREAN_WEEKDAYS = "일월화수목금토"
_KOREAN, _JAPANESE, _CHINESE, _ENGLISH = 0x12, 0x11, 0x04, 0x09


@dataclass(frozen=True, slots=True)
class Moment:
    """A day by the calendar of spreadsheets (day 0 of January 1900 is one) and a time; `seconds` since midnight, to the millisecond."""

    year: int
    month: int
    day: int
    weekday: int  # from 0, Sunday
    seconds: Decimal
    elapsed: Decimal  # seconds since day 0

    @property
    def hour(self) -> int:
        return int(self.seconds // 3600)

    @property
    def minute(self) -> int:
        return int(self.seconds // 60 % 60)


def moment(serial: Decimal, *, since_1904: bool, decimals: int = 3) -> Moment | None:
    """The moment that a number stands for, its seconds rounded to `decimals`; None outside the calendar."""
    if abs(serial) > LAST_DAY + 1:
        return None
    elapsed = (serial * _DAY_S).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    days = int((elapsed / _DAY_S).to_integral_value(ROUND_FLOOR))
    number = days + (SINCE_1904 if since_1904 else 0)
    if not 0 <= number <= LAST_DAY or elapsed < 0:
        return None
    return Moment(*_calendar(number), (number - 1) % 7, elapsed - days * _DAY_S, elapsed)


def _calendar(number: int) -> tuple[int, int, int]:
    if number in (0, _LEAP_THAT_WAS_NOT):
        return (1900, 1, 0) if number == 0 else (1900, 2, 29)
    day = date(1899, 12, 31 if number < _LEAP_THAT_WAS_NOT else 30) + timedelta(number)
    return day.year, day.month, day.day


def iso(serial: Decimal, *, since_1904: bool) -> str | None:
    """Year to day, and the time if there is one; None outside the calendar."""
    found = moment(serial, since_1904=since_1904, decimals=0)
    if found is None:
        return None
    time = f" {found.hour:02d}:{found.minute:02d}:{int(found.seconds % 60):02d}" if found.seconds else ""
    return f"{found.year:04d}-{found.month:02d}-{found.day:02d}{time}"


def dated(serial: Decimal, form: Form, *, since_1904: bool) -> str | None:
    """A number printed as a date, a time or a duration; None outside the calendar, or where the format asks for what is not known here."""
    decimals = _second_decimals(form.tokens)
    found = moment(serial, since_1904=since_1904, decimals=3 if decimals is None else decimals)
    if found is None:
        return None
    pieces: list[str] = []
    for index, token in enumerate(form.tokens):
        piece = _piece(token, index, form, found)
        if piece is None:
            return None
        pieces.append(piece)
    return "".join(pieces).strip()


def _second_decimals(tokens: Sequence[Token]) -> int | None:
    """To how many decimals seconds are printed; None where they are not, for then minutes are cut off, not rounded."""
    kinds = [token.kind for token in tokens]
    seconds = [index for index, token in enumerate(tokens) if token.kind in ("date", "elapsed") and token.text.startswith("s")]
    if not seconds:
        return None
    return min(sum(kind == "digit" for kind in kinds), MOST_DECIMALS) if "point" in kinds[seconds[0] :] else 0


def _piece(token: Token, index: int, form: Form, found: Moment) -> str | None:
    if token.kind == "date":
        return _date_piece(token.text, index, form, found)
    if token.kind == "elapsed":
        unit = {"h": 3600, "m": 60, "s": 1}[token.text[0]]
        return f"{int(found.elapsed // unit):0{len(token.text)}d}"
    if token.kind == "half":
        early, late = token.text.split("/")
        return early if found.hour < 12 else late
    if token.kind in ("point", "digit"):
        return _decimal_piece(token, index, form.tokens, found)
    return None if token.kind in ("general", "exponent") else token.text


def _decimal_piece(token: Token, index: int, tokens: Sequence[Token], found: Moment) -> str:
    """The point and the digits behind seconds; a point elsewhere is a literal ("yyyy.mm.dd")."""
    if token.kind == "point":
        return "."
    place = index
    while tokens[place].kind == "digit":
        place -= 1
    milliseconds = f"{int(found.seconds * 1000) % 1000:03d}"
    return milliseconds[index - place - 1 : index - place]


def _date_piece(text: str, index: int, form: Form, found: Moment) -> str | None:
    if text[0] == "m" and _is_minute(form.tokens, index):
        return f"{found.minute:0{min(len(text), 2)}d}"
    if text[0] == "h":
        hour = (found.hour % 12 or 12) if form.has("half") else found.hour
        return _figures(hour, len(text), form)
    if text[0] == "s":
        return f"{int(found.seconds % 60):0{min(len(text), 2)}d}"
    if text[0] in "ye":
        return _year(found.year, text, form)
    if text[0] == "m":
        return _figures(found.month, len(text), form) if len(text) < 3 else _month(found.month, len(text), form.language)
    if text[0] in "da":
        counted = text[0] == "d" and len(text) < 3
        return _figures(found.day, len(text), form) if counted else _weekday(found.weekday, text, form.language)
    return None  # eras and the Buddhist calendar


def _is_minute(tokens: Sequence[Token], index: int) -> bool:
    """An m is a minute right after hours or right before seconds."""
    timed = ("date", "elapsed")
    before = next((token.text for token in reversed(tokens[:index]) if token.kind in timed), "")
    after = next((token.text for token in tokens[index + 1 :] if token.kind in timed), "")
    return len(tokens[index].text) < 3 and (before.startswith("h") or after.startswith("s"))


def _figures(number: int, width: int, form: Form) -> str:
    if form.numerals:
        return chinese(number, legal=form.numerals == 2)
    return f"{number:0{min(width, 2)}d}"


def _year(year: int, text: str, form: Form) -> str | None:
    if form.has("date") and any(token.text[0] in "gb" for token in form.tokens if token.kind == "date"):
        return None
    digits = f"{year:04d}"[-2:] if text in ("y", "yy") else f"{year:04d}"
    return figures(digits, legal=form.numerals == 2) if form.numerals else digits


def _month(month: int, width: int, language: int) -> str | None:
    if language in (_CHINESE, _JAPANESE, _KOREAN):
        return {_CHINESE: f"{chinese(month)}月" if width > 3 else f"{month}月", _JAPANESE: f"{month}月", _KOREAN: f"{month}월"}[language]
    name = _MONTHS[month - 1]
    return (name[:3] if width == 3 else name[0] if width == 5 else name) if language in (0, _ENGLISH) else None


def _weekday(weekday: int, text: str, language: int) -> str | None:
    if language == _KOREAN:
        return _KOREAN_WEEKDAYS[weekday] + ("요일" if len(text) > 3 else "")
    if language == _JAPANESE:
        return "日月火水木金土"[weekday] + ("曜日" if len(text) > 3 else "")
    if language == _CHINESE or (text[0] == "a" and not language):
        return ("星期" if len(text) > 3 else "周" if text[0] == "d" else "") + _HAN_WEEKDAYS[weekday]
    return (_WEEKDAYS[weekday][:3] if len(text) == 3 else _WEEKDAYS[weekday]) if language in (0, _ENGLISH) else None
