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
from structurer.ocr import Glyph, Reading

DOUBT: Final = 0.4  # confidence that is left to a character of which two readings differ, and to one that cannot be in a figure
ONE, TWO, DASH = "一", "二", "—"
FIGURE: Final = re.compile(r"\d")
_LOOSE_SPACE: Final = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_AMONG_DIGITS: Final = re.compile(r"(?<=\d)[OoQDlI|SBZ]|[OoQDlI|SBZ](?=\d)")
_AFTER_PERCENT: Final = re.compile(r"(?<=[%％])[\d.,]")
_GROUPED: Final = re.compile(r"\d[\d.,]*[.,][\d.,]*\d|[.,]\d[\d.,]*|\d[\d.,]*[.,](?![\d.,])")
_SOUND: Final = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+\.|\d+\.\d+|\d{4}\.\d{1,2}\.\d{1,2}|\d{1,2}(\.\d{1,2}){2,}")


def text_of(reading: Reading) -> str:
    """What a reading says."""
    return "".join(glyph.text for glyph in reading)


def weighed(first: Reading, second: Reading) -> tuple[Reading, str | None]:
    """The surer of two readings of one line, doubted where they differ, and the other one if it says something else.

    White space makes a difference only between digits, where it parts two figures.
    """
    if _firm(first) == _firm(second):
        return _lowered(first, second), None
    if _worth(second) > _worth(first):
        first, second = second, first
    return _doubted_where_they_differ(first, second), text_of(second)


def _firm(reading: Reading) -> str:
    return _LOOSE_SPACE.sub("", text_of(reading))


def _lowered(first: Reading, second: Reading) -> Reading:
    """With the lower of two confidences of each character."""
    others = iter([glyph.confidence for glyph in second if not glyph.text.isspace()])
    return tuple(glyph if glyph.text.isspace() else glyph._replace(confidence=min(glyph.confidence, next(others))) for glyph in first)


def _worth(reading: Reading) -> tuple[bool, float]:
    """Sound figures before others, then the surer."""
    return not oddities(text_of(reading)), min((glyph.confidence for glyph in reading), default=0.0)


def _doubted_where_they_differ(first: Reading, second: Reading) -> Reading:
    """Also the neighbours of what only the second has."""
    glyphs = list(first)
    matcher = SequenceMatcher(None, [glyph.text for glyph in first], [glyph.text for glyph in second], autojunk=False)
    for tag, start, end, _, _ in matcher.get_opcodes():
        for place in range(start - (tag == "insert"), end + (tag == "insert")) if tag != "equal" else ():
            if 0 <= place < len(glyphs):
                glyphs[place] = _doubted(glyphs[place])
    return tuple(glyphs)


def sifted(reading: Reading) -> Reading:
    """With doubt of what cannot be in a figure: letters among digits, points and commas that group nothing."""
    odd = oddities(text_of(reading))
    return tuple(_doubted(glyph) if place in odd else glyph for place, glyph in enumerate(reading))


def oddities(text: str) -> frozenset[int]:
    """The places in a text of what cannot be in a figure."""
    letters = {match.start() for match in _AFTER_PERCENT.finditer(text)}
    letters |= {match.start() for match in _AMONG_DIGITS.finditer(text) if not re.search("[A-Za-z]{2}|[A-Za-z]-", text)}
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
