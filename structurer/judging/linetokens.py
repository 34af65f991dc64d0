"""The tokens of a printed line: dates, figures, dashes and words, and where they stand among the lines of a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from structurer.fold import fold
from structurer.layout import Line
from structurer.record import Extract

SURE_DIGITS: Final = 3  # of a figure that is seldom printed again in the next row
FIGURE_WEIGHT: Final = 3  # of such a figure among the values that say where a row stands; of any other value 1

_MONTH: Final = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
    r"\.?"
)
_DATE: Final = (
    r"(?:(?:1[89]|2[01])\d{2}[-/]\d{1,2}(?:[-/]\d{1,2})?|\d{4}\.\d{1,2}\.\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}/\d{1,2}|\d{1,2}\.\d{1,2}\."
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:\d{4}\s?年\s?)?\d{1,2}\s?月(?:\s?\d{1,2}\s?[日号])?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?[ -]?{_MONTH}(?:,?[ -]?\d{{4}}|[ -]\d{{2}}(?![\d.,]))?|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?)"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?"
)
CELL_DATE: Final = re.compile(_DATE, re.IGNORECASE)
_TOKEN: Final = re.compile(rf"(?P<date>(?<!\S)(?=[\djfmasond]){_DATE}(?=[,;:]?(?:\s|$)))|\S+", re.IGNORECASE)
_UNIT: Final = r"(?:%|[Cc][Rr]|[Dd][Rr]|元|万元|亿元|千元|EUR|USD|GBP|CHF|JPY|CNY|RMB|[¥$€£])"
_MARK: Final = re.compile(_UNIT)
_FIGURE: Final = re.compile(rf"[-+(]{{0,2}}{_UNIT}?[-+]?(?P<digits>\d[\d,.']*)\)?[-+]?{_UNIT}?\)?")
_DECIMALS: Final = re.compile(r"\.\d+$|,\d{1,2}$")
_DASH: Final = re.compile(r"[-/\\]+|n/a", re.IGNORECASE)
LETTERS: Final = re.compile(r"[^\W\d_]+")

Place = tuple[int, str, int]  # line of a row, side it is counted from or "cell", number


class Sort(StrEnum):
    """What a token of a line is."""

    DATE = "date"
    DECIMAL = "figure with decimals"
    WHOLE = "whole figure"
    DASH = "dash"
    WORD = "word"


FIGURES: Final = frozenset({Sort.DECIMAL, Sort.WHOLE})


@dataclass(frozen=True, slots=True)
class Token:
    """A date, a figure, a dash or a word at text[start:end]; `col` is its cell where the line is one of a grid."""

    sort: Sort
    start: int
    end: int
    col: int


def tokens(folded: str, line: Line, base: int) -> tuple[Token, ...]:
    """The tokens of a line of a layout, in order; marks of currency by themselves are left out. `folded` is the layout's clean text,
    folded, and `base` its offset in the document."""
    if line.grid:
        cells = ((chunk, folded[chunk.start - base : chunk.end - base]) for chunk in line.chunks)
        found = [(Sort.DATE if CELL_DATE.fullmatch(cell) else _sort(cell), chunk.start, chunk.end, chunk.col) for chunk, cell in cells]
        return tuple(Token(sort, start, end, col) for sort, start, end, col in found if sort is not None)
    return tuple(Token(sort, start + base, end + base, 0) for sort, start, end in sorts(folded, line.start - base, line.end - base))


def sorts(text: str, start: int, end: int) -> Iterator[tuple[Sort, int, int]]:
    """The tokens of text[start:end] that white space parts."""
    for match in _TOKEN.finditer(text, start, end):
        sort = Sort.DATE if match["date"] else _sort(match[0])
        if sort is not None:
            yield sort, *match.span()


def placed(lines: Iterable[tuple[bool, Sequence[Token]]]) -> dict[Place, Token]:
    """The tokens of some lines (is it one of a grid, its tokens) by where they stand: in a grid by cell, else counted from the left before
    the words and from the right behind them, so that words more or less, or a figure among them, change nothing."""
    found: dict[Place, Token] = {}
    for number, (grid, line) in enumerate(lines):
        if grid:
            found.update(((number, "cell", token.col), token) for token in line)
            continue
        words = [at for at, token in enumerate(line) if is_word(token)]
        lead = words[0] if words else next((at for at, token in enumerate(line) if token.sort is not Sort.DATE), len(line))
        tail = words[-1] + 1 if words else lead
        found.update(((number, "left", at), line[at]) for at in range(lead))
        found.update(((number, "right", len(line) - 1 - at), line[at]) for at in range(tail, len(line)))
        if words:
            found[number, "words", 0] = line[words[0]]
    return found


def is_word(token: Token) -> bool:
    """Neither date nor figure nor dash."""
    return token.sort is Sort.WORD


def _sort(text: str) -> Sort | None:
    figure = _FIGURE.fullmatch(text)
    if figure is None:
        return None if _MARK.fullmatch(text) else Sort.DASH if _DASH.fullmatch(text) else Sort.WORD
    return Sort.DECIMAL if _DECIMALS.search(figure["digits"]) else Sort.WHOLE


def weight(extract: Extract) -> int:
    """How much the place of a value says of where its row stands: a name or a date is often printed again in the next row."""
    text = fold(extract.text or "").strip()
    return FIGURE_WEIGHT if sum(map(str.isdigit, text)) >= SURE_DIGITS and _FIGURE.fullmatch(text) else 1
