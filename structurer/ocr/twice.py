"""Figures read twice: what two readings of a line say of it, and what no figure looks like.

A recogniser errs in its own ways whatever it is shown, but it does not err alike on a picture prepared otherwise: of wrong figures most
are read otherwise the second time, of right ones hardly any.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from structurer.document import Box
from structurer.ocr.engine import Glyph, Reading

DOUBT: Final = 0.4  # confidence that is left to a character of which readings differ, and to one that cannot be in a figure
TOO_SURE: Final = 3  # power that brings confidences down to where 0.9 parts right figures from wrong ones best
SAME_COLUMN: Final = 3.0  # points by which the cells of a column differ at most
ONE, TWO, DASH = "一", "二", "—"
FIGURE: Final = re.compile(r"\d")
_LOOSE_SPACE: Final = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_AMONG_DIGITS: Final = re.compile(r"(?<=\d)[OoQDlI|SBZ]|[OoQDlI|SBZ](?=\d)")
_POINT_LOST: Final = re.compile(r"[\d.,]*\d\s(\d)\d?")  # a whole line of it
_AFTER_PERCENT: Final = re.compile(r"(?<=[%％])[\d.,]")
_GROUPED: Final = re.compile(r"\d[\d.,]*[.,][\d.,]*\d|[.,]\d[\d.,]*|\d[\d.,]*[.,](?![\d.,])")
_SOUND: Final = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+\.|\d+\.\d+|\d{4}\.\d{1,2}\.\d{1,2}|\d{1,2}(\.\d{1,2}){2,}|\d{1,3}(\.\d{3})+,\d+")

_EITHER: Final = re.compile(r"[1-9]\d{0,2}([.,]\d{3})+")  # thousands, or thousandths
_DOLLARS: Final = re.compile(r"(?<![A-Za-z0-9])S(?=\d{1,3}(,\d{3})*\.\d{2}(?![\d.,]))")

_MARKS: Final = (  # a figure with a mark, one with what is taken for it, and where
    (re.compile(r"^[$S]\d"), re.compile(r"^[5S8]\d"), 0),
    (re.compile(r"\d[%％]$"), re.compile(r"\d[569]$"), -1),
)


def text_of(reading: Reading) -> str:
    """What a reading says."""
    return "".join(glyph.text for glyph in reading)


def agree(first: Reading, second: Reading) -> bool:
    """Whether two readings say the same. White space makes a difference only between digits, where it parts two figures."""
    return _firm(first) == _firm(second)


def sober(reading: Reading) -> Reading:
    """With confidences that mean the same for all print of a page, and marks in figures as the digits round them allow."""
    return _marked(tuple(glyph._replace(confidence=glyph.confidence**TOO_SURE, kin=glyph.kin**TOO_SURE) for glyph in reading))


def _marked(reading: Reading) -> Reading:
    """Where digits can be grouped in one way only, points and commas are those of it, and as sure as that one of the two stands there.

    Where they can be grouped in both ways, as in 70.231, the mark alone tells: its confidence counts twice.
    """
    glyphs, text = list(reading), text_of(reading)
    for match in _GROUPED.finditer(text):
        right = _regrouped(match[0])
        for at in (at for at, char in enumerate(match[0]) if char in ".,"):
            glyph = glyphs[match.start() + at]
            sure = glyph.confidence**2 if _EITHER.fullmatch(match[0]) else glyph.kin if _SOUND.fullmatch(right) else glyph.confidence
            glyphs[match.start() + at] = glyph._replace(text=right[at], confidence=sure)
    return tuple(glyphs)


def weighed(*readings: Reading) -> tuple[Reading, str | None]:
    """Of several readings of one line what most and the surest say, and what the best of those says that differ from it.

    A character is as sure as the readings are on average; one that says something else is not sure of it at all.
    """
    worth = {_firm(one): sum(least(each) for each in readings if agree(one, each)) for one in readings}
    ranks = [(not oddities(text_of(one)), worth[_firm(one)], least(one)) for one in readings]
    best, *others = (readings[place] for place in sorted(range(len(readings)), key=ranks.__getitem__, reverse=True))
    sure = [_sure_of(best, other) for other in readings]
    mean = tuple(glyph._replace(confidence=sum(each) / len(each)) for glyph, each in zip(best, zip(*sure, strict=True), strict=True))
    return mean, next((text_of(other) for other in others if not agree(best, other)), None)


def least(reading: Reading) -> float:
    """The confidence of its least sure character; 0 where nothing was read."""
    return min((glyph.confidence for glyph in reading), default=0.0)


def _firm(reading: Reading) -> str:
    return _LOOSE_SPACE.sub("", text_of(reading))


def _sure_of(best: Reading, other: Reading) -> list[float]:
    """How sure another reading is of each character of the best one: of neighbours of what only the other has, as little as it is sure."""
    sure = [glyph.confidence if glyph.text.isspace() else 0.0 for glyph in best]
    codes = SequenceMatcher(None, [glyph.text for glyph in best], [glyph.text for glyph in other], autojunk=False).get_opcodes()
    for tag, start, end, first, last in codes:
        if tag == "equal":
            sure[start:end] = [glyph.confidence for glyph in other[first:last]]
    for tag, start, _, first, last in codes:
        more = [glyph.confidence for glyph in other[first:last] if not glyph.text.isspace()] if tag == "insert" else []
        for place in range(max(start - 1, 0), min(start + 1, len(best))) if more else ():
            sure[place] = min(sure[place], 1 - max(more))
    return sure


def sifted(reading: Reading) -> Reading:
    """With doubt of what cannot be in a figure: letters among digits, points and commas that group nothing. Dollars get their sign."""
    text = text_of(reading)
    odd, right = oddities(text), _DOLLARS.sub("$", text)
    return tuple(_doubted(glyph._replace(text=right[place])) if place in odd else glyph for place, glyph in enumerate(reading))


def _regrouped(figure: str) -> str:
    """With thousands and decimals marked, as in 1.234.50, where points and commas can mean nothing else."""
    groups = re.split("[.,]", figure)
    thousands = 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:-1])
    if len(groups) < 3 or _SOUND.fullmatch(figure) or not thousands or len(groups[-1]) not in (1, 2, 4):
        return figure
    return ",".join(groups[:-1]) + "." + groups[-1]


def oddities(text: str) -> frozenset[int]:
    """The places in a text of what cannot be in a figure."""
    letters = {match.start() for match in _AFTER_PERCENT.finditer(text)}
    letters |= {match.start() for match in _AMONG_DIGITS.finditer(text) if not re.search("[A-Za-z]{2}|[A-Za-z]-", text)}
    letters |= {match.start(1) for match in [_POINT_LOST.fullmatch(text)] if match}
    groups = (match for match in _GROUPED.finditer(text) if not _SOUND.fullmatch(match[0]))
    return frozenset(letters | {match.start() + at for match in groups for at, char in enumerate(match[0]) if char in ".,"})


def _doubted(glyph: Glyph) -> Glyph:
    return glyph._replace(confidence=min(glyph.confidence, DOUBT))


def dashed(read: Sequence[tuple[Box | None, Reading]]) -> list[Reading]:
    """The readings of lines and their cells: a lone ideograph for one in a cell is a dash, unless a lone two stands in another cell."""
    held = Counter(room for room, _ in read)
    lone = {text_of(reading) for room, reading in read if room is not None and held[room] == 1}
    if TWO in lone:
        return [reading for _, reading in read]
    return [
        (reading[0]._replace(text=DASH),) if room is not None and held[room] == 1 and text_of(reading) == ONE else reading
        for room, reading in read
    ]


def doubted_beside_marks(read: Sequence[tuple[Box | None, Reading]]) -> list[Reading]:
    """The readings of coarse lines and their cells, with doubt of a 5 or the like where another figure of the column has $ or %.

    With few pixels a character every reading is sure of the wrong one.
    """
    ends = [[(room.x0, reading) for room, reading in read if room is not None and mark.search(text_of(reading))] for mark, _, _ in _MARKS]
    return [_beside_marks(room, reading, ends) if room is not None else reading for room, reading in read]


def _beside_marks(room: Box, reading: Reading, marked: Sequence[Sequence[tuple[float, Reading]]]) -> Reading:
    glyphs = list(reading)
    for (_, like, end), others in zip(_MARKS, marked, strict=True):
        if like.search(text_of(reading)) and any(abs(x0 - room.x0) < SAME_COLUMN for x0, other in others if other is not reading):
            glyphs[end] = _doubted(glyphs[end])
    return tuple(glyphs)
