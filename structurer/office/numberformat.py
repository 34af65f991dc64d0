"""The number of a spreadsheet cell as its format prints it.

Programs print from the first 15 significant figures and round halves away from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from structurer.office.dateformat import dated, iso
from structurer.office.formatcode import Form, Token, chosen, forms
from structurer.office.numerals import MOST_CHINESE, spelt

FIGURES = 15  # significant ones of a double that spreadsheets keep
GENERAL_WIDTH = 11  # characters of a number in the format General, its point among them
GENERAL_DECIMALS = 5  # of a number that is printed with an exponent
MOST_EXPONENT = 400  # a double has none beyond 308
_FIFTEEN = Context(prec=FIGURES, rounding=ROUND_HALF_UP)
_WIDE = Context(prec=800, rounding=ROUND_HALF_UP)  # enough for any double without an exponent


@dataclass(frozen=True, slots=True)
class Print:
    """What is printed; `told` where the format could not be followed and the text is the plain value instead."""

    text: str
    followed: bool = True


def exact(raw: str) -> Decimal | None:
    """The number that a cell holds, to the figures that spreadsheets keep; None where it is no number."""
    try:
        value = Decimal(raw.strip())
    except InvalidOperation:
        return None
    return _FIFTEEN.plus(value) if value.is_finite() and abs(value.adjusted()) < MOST_EXPONENT else None


def printed(value: Decimal, code: str, *, since_1904: bool = False) -> Print:
    """A number under a format code; where the code asks for what is not known here, an ISO date or all figures."""
    choice = chosen(forms(code), value)
    if choice is None:
        return Print(plain(value), followed=False)
    form, minus = choice
    text = _in_form(value, form, minus, since_1904=since_1904) if form.understood else None
    if text is not None:
        return Print(text)
    day = iso(value, since_1904=since_1904) if form.dated else None
    return Print(day or plain(value), followed=False)


def printed_text(text: str, code: str) -> str:
    """A text under a format code: the fourth section, or the one that has a place for text, may add to it or hide it."""
    sections = forms(code)
    form = sections[3] if len(sections) > 3 else next((form for form in sections if form.has("text")), None)
    if form is None or not form.understood:
        return text
    return "".join(text if token.kind == "text" else token.text for token in form.tokens).strip(" ") if form.tokens else ""


def _in_form(value: Decimal, form: Form, minus: bool, *, since_1904: bool) -> str | None:
    size = abs(value)
    if simple := _simple(form.tokens) if not form.numerals else None:
        number = _rounded(size.scaleb(2 * simple.percents), simple.decimals)
        return f"{'-' if minus else ''}{simple.before}{number:{simple.spec}}{simple.behind}".strip()
    if form.dated:
        return dated(value, form, since_1904=since_1904)
    if form.has("slash") and form.has("digit"):
        return None  # a fraction
    text = _in_words(size, form) if form.numerals else _around_general(size, form) if _is_general(form) else _numeric(size, form.tokens)
    return text and ("-" if minus else "") + text.strip()


class _Simple(NamedTuple):
    """What most formats ask for: digits between literals, with so many decimals; `spec` says whether thousands are parted."""

    before: str
    spec: str
    decimals: int
    percents: int
    behind: str


@lru_cache(maxsize=4096)
def _simple(tokens: tuple[Token, ...]) -> _Simple | None:
    """A short way for formats like "#,##0.00" and "0%"; None for all others."""
    digits = [index for index, token in enumerate(tokens) if token.kind in ("digit", "comma", "point")]
    if not digits or digits != list(range(digits[0], digits[-1] + 1)):
        return None
    whole, _, decimals = "".join(tokens[index].text for index in digits).partition(".")
    others = [token for index, token in enumerate(tokens) if not digits[0] <= index <= digits[-1]]
    if whole not in ("0", "#,##0") or decimals.strip("0") or any(token.kind not in ("quoted", "literal", "percent") for token in others):
        return None
    before, behind = ("".join(token.text for token in part) for part in (tokens[: digits[0]], tokens[digits[-1] + 1 :]))
    return _Simple(before, ",f" if "," in whole else "f", len(decimals), sum(token.kind == "percent" for token in others), behind)


def _is_general(form: Form) -> bool:
    return form.has("general", "text")


def plain(value: Decimal) -> str:
    """All figures, without an exponent unless the number is beyond any print."""
    return _trimmed(f"{value:f}") if -FIGURES < value.adjusted() < 2 * FIGURES else _scientific(value, FIGURES)


def general(value: Decimal) -> str:
    """At most `GENERAL_WIDTH` characters besides the minus; an exponent where the number is too large or too small for them."""
    size, magnitude = abs(value), value.adjusted() if value else 0
    if magnitude >= GENERAL_WIDTH:
        return _scientific(value, GENERAL_DECIMALS)
    decimals = GENERAL_WIDTH - 2 - max(magnitude, 0)
    rounded = _rounded(size, max(decimals, 0))
    if magnitude < -4 and rounded != size:
        return _scientific(value, GENERAL_DECIMALS)
    return ("-" if value < 0 else "") + _trimmed(f"{rounded:f}")


def _scientific(value: Decimal, decimals: int) -> str:
    mantissa, _, exponent = _WIDE.plus(value).__format__(f".{decimals}e").partition("e")
    return f"{_trimmed(mantissa)}E{exponent[0]}{int(exponent[1:]):02d}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), context=_WIDE)


def _around_general(size: Decimal, form: Form) -> str:
    """A number in a cell for text stands with all its figures."""
    prints = {"general": general, "text": plain}
    return "".join(prints[token.kind](size) if token.kind in prints else token.text for token in form.tokens)


def _in_words(size: Decimal, form: Form) -> str | None:
    """In Chinese numerals, with the literals around them; None where the number is too large, or rounded to decimals by the format."""
    if size > MOST_CHINESE or (size != size.to_integral_value() and not _is_general(form)):
        return None
    words, pieces = spelt(plain(size), legal=form.numerals == 2), list[str]()
    for token in form.tokens:
        numeric = token.kind in ("general", "text", "digit", "comma")
        pieces.append(token.text if not numeric else words if words not in pieces else "")
    return "".join(pieces)


# --- digits and their places


@dataclass(frozen=True, slots=True)
class _Parts:
    """The tokens before the point, behind it, and of the exponent."""

    whole: Sequence[Token]
    decimals: Sequence[Token]
    exponent: Sequence[Token]
    sign: str  # "E+", "E-" or ""
    pointed: bool


def _numeric(size: Decimal, tokens: Sequence[Token]) -> str | None:
    parts = _parts(tokens)
    if parts is None:
        return None
    size = size.scaleb(2 * sum(token.kind == "percent" for token in tokens))
    grouped, scale = _commas(parts.whole)
    size = size.scaleb(-3 * (scale + sum(token.kind == "comma" for token in parts.decimals)))
    decimals = sum(token.kind == "digit" for token in parts.decimals)
    if parts.sign:
        return _with_exponent(size, parts, decimals)
    return _with_point(size, parts, decimals, grouped)


def _parts(tokens: Sequence[Token]) -> _Parts | None:
    kinds = [token.kind for token in tokens]
    cut = kinds.index("exponent") if "exponent" in kinds else len(tokens)
    point = kinds.index("point") if "point" in kinds else cut
    if kinds.count("point") > 1 or kinds.count("exponent") > 1 or point > cut:
        return None
    sign = tokens[cut].text.upper() if cut < len(tokens) else ""
    return _Parts(tokens[:point], tokens[point + 1 : cut], tokens[cut + 1 :], sign, point < cut)


def _commas(whole: Sequence[Token]) -> tuple[bool, int]:
    """Whether thousands are parted, and by how many thousands the number is scaled: commas behind the last digit scale it."""
    digits = [index for index, token in enumerate(whole) if token.kind == "digit"]
    commas = [index for index, token in enumerate(whole) if token.kind == "comma"]
    scale = sum(bool(digits) and index > digits[-1] for index in commas)
    return any(digits and digits[0] < index < digits[-1] for index in commas), scale


def _with_point(size: Decimal, parts: _Parts, decimals: int, grouped: bool) -> str:
    digits, _, behind = f"{_rounded(size, decimals):f}".partition(".")
    whole, decimals_printed = _whole(digits.lstrip("0"), parts.whole, grouped), _behind(behind, parts.decimals)
    point = "." if parts.pointed and decimals_printed[:1].isdigit() else ""  # no decimals, no point: "0.##" prints 3 as 3
    return whole + point + decimals_printed


def _with_exponent(size: Decimal, parts: _Parts, decimals: int) -> str:
    """A mantissa of as many whole digits as the format has; the exponent goes in steps of so many."""
    step = max(sum(token.kind == "digit" for token in parts.whole), 1)
    exponent = size.adjusted() // step * step if size else 0
    mantissa = _rounded(size.scaleb(-exponent), decimals)
    if mantissa and mantissa.adjusted() >= step:
        exponent, mantissa = exponent + step, _rounded(size.scaleb(-exponent - step), decimals)
    text = _with_point(mantissa, parts, decimals, False)
    sign = "-" if exponent < 0 else "+" if parts.sign == "E+" else ""
    return f"{text}E{sign}{_whole(str(abs(exponent)), parts.exponent, False)}"


def _whole(digits: str, tokens: Sequence[Token], grouped: bool) -> str:
    """Digits fill their places from the right; the leftmost place takes all that are left over."""
    places = sum(token.kind == "digit" for token in tokens)
    pieces: list[str] = []
    count = 0  # digits printed so far
    for token in reversed(tokens):
        if token.kind != "digit":
            pieces.append("" if token.kind == "comma" else token.text)
            continue
        places -= 1
        taken = digits if places == 0 else digits[-1:]
        digits = "" if places == 0 else digits[:-1]
        for digit in reversed(taken or {"0": "0", "?": " ", "#": ""}[token.text]):
            pieces.append(digit + ("," if grouped and count and count % 3 == 0 and digit != " " else ""))
            count += 1
    return "".join(reversed(pieces))


def _behind(digits: str, tokens: Sequence[Token]) -> str:
    """Digits fill their places from the left; zeros at the end are printed only in places that ask for them."""
    pieces: list[str] = []
    place = 0
    for token in tokens:
        if token.kind != "digit":
            pieces.append("" if token.kind == "comma" else token.text)
            continue
        needed = token.text == "0" or digits[place:].strip("0")
        pieces.append(digits[place] if needed else " " if token.text == "?" else "")
        place += 1
    return "".join(pieces)
