"""Whole numbers in the numerals that lists and number formats print: Roman, letters, Chinese, circled.

Names of kinds are those of ECMA-376 part 1, 17.18.59 (ST_NumberFormat).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"),
    (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
MOST_ROMAN, MOST_LETTERS, MOST_CHINESE = 3999, 780, 10**16 - 1  # what the numerals reach


class _Script(NamedTuple):
    """Figures from 0 to 9, the places below ten thousand, the powers of ten thousand; whether ten is written without its one."""

    figures: str
    places: Sequence[str]
    myriads: Sequence[str]
    bare_ten: bool


_SIMPLE = _Script("零一二三四五六七八九", ("", "十", "百", "千"), ("", "万", "亿", "万亿"), True)
_TRADITIONAL = _Script("零一二三四五六七八九", ("", "十", "百", "千"), ("", "萬", "億", "兆"), True)
_LEGAL = _Script("零壹贰叁肆伍陆柒捌玖", ("", "拾", "佰", "仟"), ("", "万", "亿", "万亿"), False)
_LEGAL_TRADITIONAL = _Script("零壹貳參肆伍陸柒捌玖", ("", "拾", "佰", "仟"), ("", "萬", "億", "兆"), False)


def roman(number: int) -> str:
    """Capital Roman numerals, from 1 to `MOST_ROMAN`."""
    text = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        text += sign * count
    return text


def letters(number: int) -> str:
    """A to Z, then AA to ZZ, AAA to ZZZ (not AB), as lists count."""
    return chr(ord("A") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def chinese(number: int, *, legal: bool = False, traditional: bool = False) -> str:
    """Counting with places: 一百零五, 二十, 十二; `legal` are the numerals of invoices: 壹佰零伍, 壹拾贰."""
    scripts = {(False, False): _SIMPLE, (False, True): _TRADITIONAL, (True, False): _LEGAL, (True, True): _LEGAL_TRADITIONAL}
    script = scripts[legal, traditional]
    if number == 0:
        return script.figures[0]
    text = _places(number, script)
    return text[1:] if script.bare_ten and text.startswith(script.figures[1] + script.places[1]) else text


def _places(number: int, script: _Script) -> str:
    """Groups of four figures, each with its power; a zero where places between figures are empty."""
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text, gap = "", False
    for power in range(len(groups) - 1, -1, -1):
        group = groups[power]
        if group:
            text += (script.figures[0] if text and (gap or group < 1000) else "") + _below_myriad(group, script) + script.myriads[power]
        gap = not group
    return text


def _below_myriad(group: int, script: _Script) -> str:
    text, gap = "", False
    for place in range(3, -1, -1):
        figure = group // 10**place % 10
        if figure:
            text += (script.figures[0] if gap and text else "") + script.figures[figure] + script.places[place]
        gap = not figure
    return text


def spelt(digits: str, *, legal: bool = False) -> str:
    """A decimal number in words: 三点一四."""
    whole, _, decimals = digits.partition(".")
    script = _LEGAL if legal else _SIMPLE
    behind = "".join(script.figures[int(digit)] for digit in decimals)
    return chinese(int(whole), legal=legal) + (f"点{behind}" if behind else "")


def figures(digits: str, *, legal: bool = False) -> str:
    """Digit by digit, as years are printed: 二〇二四."""
    return digits.translate(str.maketrans("0123456789", _LEGAL.figures if legal else "〇一二三四五六七八九"))


def circled(number: int) -> str:
    """① to ㊿; figures without a circle beyond."""
    starts = ((0, 0, "⓪"), (1, 20, "①"), (21, 35, "㉑"), (36, 50, "㊱"))
    return next((chr(ord(sign) + number - first) for first, last, sign in starts if first <= number <= last), str(number))


def _from_row(row: str) -> Callable[[int], str]:
    return lambda number: row[number - 1] if number <= len(row) else str(number)


def _between(numeral: Callable[[int], str], most: int) -> Callable[[int], str | None]:
    return lambda number: numeral(number) if 1 <= number <= most else str(number) if number == 0 else None


_KINDS: dict[str, Callable[[int], str | None]] = {
    "decimal": str,
    "decimalZero": lambda number: f"{number:02d}",
    "decimalHalfWidth": str,
    "decimalFullWidth": lambda number: str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "decimalFullWidth2": lambda number: str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "numberInDash": lambda number: f"- {number} -",
    "none": lambda number: "",  # noqa: ARG005
    "upperRoman": _between(roman, MOST_ROMAN),
    "lowerRoman": _between(lambda number: roman(number).lower(), MOST_ROMAN),
    "upperLetter": _between(letters, MOST_LETTERS),
    "lowerLetter": _between(lambda number: letters(number).lower(), MOST_LETTERS),
    "chineseCounting": _between(chinese, MOST_CHINESE),
    "chineseCountingThousand": _between(chinese, MOST_CHINESE),
    "japaneseCounting": _between(chinese, MOST_CHINESE),
    "taiwaneseCounting": _between(lambda number: chinese(number, traditional=True), MOST_CHINESE),
    "taiwaneseCountingThousand": _between(lambda number: chinese(number, traditional=True), MOST_CHINESE),
    "chineseLegalSimplified": _between(lambda number: chinese(number, legal=True), MOST_CHINESE),
    "ideographLegalTraditional": _between(lambda number: chinese(number, legal=True, traditional=True), MOST_CHINESE),
    "ideographDigital": lambda number: figures(str(number)),
    "taiwaneseDigital": lambda number: figures(str(number)),
    "japaneseDigitalTenThousand": lambda number: figures(str(number)),
    "ideographTraditional": _from_row("甲乙丙丁戊己庚辛壬癸"),
    "ideographZodiac": _from_row("子丑寅卯辰巳午未申酉戌亥"),
    "decimalEnclosedCircle": circled,
    "decimalEnclosedCircleChinese": circled,
    "decimalEnclosedFullstop": lambda number: chr(ord("⒈") + number - 1) if 1 <= number <= 20 else f"{number}.",
    "decimalEnclosedParen": lambda number: chr(ord("⑴") + number - 1) if 1 <= number <= 20 else f"({number})",
    "ideographEnclosedCircle": lambda number: chr(ord("㊀") + number - 1) if 1 <= number <= 10 else str(number),
}


def numeral(number: int, kind: str) -> str | None:
    """A list's number as it is printed; None where the kind, or the number in it, is not known here."""
    return _KINDS[kind](number) if kind in _KINDS and number >= 0 else None
