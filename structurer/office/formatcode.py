"""Format codes of spreadsheet cells ("#,##0.00;[Red]-#,##0.00"), read into sections of tokens (ECMA-376 part 1, 18.8.31).

A code has up to four sections, parted by semicolons: for positive, negative, zero and text, unless they state conditions of their own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

MOST_IN_CODE = 1024  # characters; spreadsheets themselves allow 255

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|\\(?P<escaped>.)|(?P<gap>_.)|(?P<fill>\*.)|\[(?P<bracket>[^\]]*)\]|(?P<half>AM/PM|A/P|上午/下午)
    |(?P<general>General|G/通用格式|G/標準|G/標準格式)|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+|e+|g+|b+|a{3,4})|(?P<digit>[0#?])
    |(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<text>@)|(?P<slash>/)|(?P<literal>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"^(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d*)?)$")
_ELAPSED = re.compile(r"^(h+|m+|s+)$", re.IGNORECASE)
_LOOKS = re.compile(
    r"^(?:black|blue|cyan|green|magenta|red|white|yellow|colou?r ?\d+|[黑蓝青绿洋红白黄藍綠紅黃]{1,2}色?|颜色 ?\d+|顏色 ?\d+)$",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"^DBNum([12])$", re.IGNORECASE)
_LANGUAGE = re.compile(r"^\$(?P<currency>[^-\]]*)(?:-(?P<language>[\w-]+))?$")
_NAMED = {"zh": 0x04, "ja": 0x11, "ko": 0x12, "en": 0x09}  # primary languages of Windows, [MS-LCID]
_COMPARES: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip

# By number, where a file states none (18.8.30). What the standard leaves to the language of the program is printed so that day and month
# cannot be confused, as Chinese programs do, and without a currency.
BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "#,##0;-#,##0", 6: "#,##0;-#,##0", 7: "#,##0.00;-#,##0.00",
    8: "#,##0.00;-#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: "yyyy/m/d", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy/m/d h:mm", 30: "yyyy/m/d",
    37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)",
    41: '#,##0;-#,##0;"-";@', 42: '#,##0;-#,##0;"-";@', 43: '#,##0.00;-#,##0.00;"-";@', 44: '#,##0.00;-#,##0.00;"-";@',
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@", 32: 'h"时"mm"分"', 33: 'h"时"mm"分"ss"秒"',
    **dict.fromkeys((27, 36, 50, 52, 57), 'yyyy"年"m"月"'), 31: 'yyyy"年"m"月"d"日"',
    **dict.fromkeys((28, 29, 51, 53, 54, 58), 'm"月"d"日"'),
    **dict.fromkeys((34, 55), '上午/下午h"时"mm"分"'), **dict.fromkeys((35, 56), '上午/下午h"时"mm"分"ss"秒"'),
}  # fmt: skip


class Token(NamedTuple):
    """`kind` is a group of the pattern, or "elapsed"; literals carry what they print."""

    kind: str
    text: str


class Condition(NamedTuple):
    """A section's own condition on the value."""

    sign: str
    bound: Decimal

    def holds(self, value: Decimal) -> bool:
        return _COMPARES[self.sign](value, self.bound)

    @property
    def below_zero(self) -> bool:
        return (self.sign in ("<", "<=") and self.bound <= 0) or (self.sign == "=" and self.bound < 0)


@dataclass(frozen=True, slots=True)
class Form:
    """One section. `language` is a primary one, 0 where none is named; `numerals`: of DBNum, else 0; `understood`: nothing is unknown."""

    tokens: tuple[Token, ...]
    condition: Condition | None = None
    language: int = 0
    numerals: int = 0
    understood: bool = True

    def has(self, *kinds: str) -> bool:
        return any(token.kind in kinds for token in self.tokens)

    @property
    def dated(self) -> bool:
        return self.has("date", "elapsed", "half")


@lru_cache(maxsize=4096)
def forms(code: str) -> tuple[Form, ...]:
    """The sections of a code, at least one and at most four."""
    sections: list[list[Token]] = [[]]
    for token in _tokens(code[:MOST_IN_CODE]):
        if token == Token("literal", ";"):
            sections.append([])
        else:
            sections[-1].append(token)
    return tuple(_form(tokens) for tokens in sections[:4])


def chosen(sections: tuple[Form, ...], value: Decimal) -> tuple[Form, bool] | None:
    """The section that prints a number, and whether a minus goes before it; None where no section takes the number."""
    numeric = sections[:3]
    if not any(form.condition for form in numeric):
        index = 0 if len(numeric) == 1 or value > 0 or (value == 0 and len(numeric) == 2) else 1 if value < 0 else 2
        return numeric[index], value < 0 and index == 0
    for form in numeric:
        last = form is numeric[-1]
        condition = form.condition or (
            None if last else Condition("<", Decimal(0)) if form is not numeric[0] else Condition(">", Decimal(0))
        )
        if condition is None or condition.holds(value):
            return form, value < 0 and not (condition and condition.below_zero)
    return None


def _tokens(code: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup or "literal", match.group(match.lastgroup or 0)
        if kind == "quoted":
            yield Token("quoted", text.strip('"'))
        elif kind in ("gap", "fill"):
            yield Token("quoted", " " if kind == "gap" else "")
        elif kind == "bracket" and _ELAPSED.match(text):
            yield Token("elapsed", text.lower())
        else:
            yield Token("quoted" if kind == "escaped" else kind, text.lower() if kind == "date" else text)


def _form(tokens: list[Token]) -> Form:
    printed: list[Token] = []
    condition, language, numerals, understood = None, 0, 0, True
    for token in tokens:
        if token.kind != "bracket":
            printed.append(token)
        elif found := _CONDITION.match(token.text.strip()):
            condition = Condition(found.group(1), Decimal(found.group(2)))
        elif found := _LANGUAGE.match(token.text):
            printed.append(Token("quoted", found.group("currency")))
            language = _primary(found.group("language") or "") or language
        elif found := _DIGITS.match(token.text):
            numerals = int(found.group(1))
        elif not _LOOKS.match(token.text):
            understood = False
    return Form(tuple(printed), condition, language, numerals, understood)


def _primary(language: str) -> int:
    """The primary language of a tag ("zh-CN") or of an identifier in hexadecimal figures, whose low ten bits it is."""
    named = _NAMED.get(language[:2].lower()) if "-" in language or len(language) == 2 else None
    try:
        return named or int(language[-4:], 16) & 0x3FF
    except ValueError:
        return 0
