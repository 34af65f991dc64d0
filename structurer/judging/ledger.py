"""The ledger of a segment: every figure and every word is claimed by a value, explained (label, heading, page furniture) or listed.

What is listed is shown to a person: a row that a reader lost leaves its figures behind, unclaimed. A list is proved complete when a sum
over all its rows closes: a lost or doubled row would open it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from structurer.fold import fold
from structurer.layout import Layout
from structurer.record import Checked, Unclaimed

_MARKS = re.compile(r"[\W_]+")
_SPACE = re.compile(r"\s+")
_FIGURE = re.compile(  # with its sign or brackets, its currency and its unit; a minus behind a letter or digit is a hyphen
    r"(?:(?<![\w.,])-)?(?P<open>\()?[¥$€£]?(?<!\d)(?<!\d[.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![.,]?\d)"
    r"(?:%|亿元|百万元|万元|千元|元|亿|万)?(?(open)\))"
)
_NUMBERING = re.compile(  # parts of dates, and what numbers an entry, a page, a section: no figures of a record
    r"\d{4}\s*年\s*\d{1,2}\s*月(?:\s*\d{1,2}\s*[日号])?|(?<!\d)\d{1,2}\s*月\s*\d{1,2}\s*[日号]|(?<![\d.])\d{4}([-/.])\d{1,2}\1\d{1,2}(?![\d.])"
    r"|第\s*\d{1,3}(?=\s*[条章节项页次期批])|^[ \t]*(?:\(\d{1,2}\)|\d{1,2}(?:[、)]|\.(?!\d)))(?=[ \t]*[^\W\d])",
    re.MULTILINE,
)
_COMMA = re.compile(r"，(?!\d{3}(?!\d))")  # that parts no thousands: a figure may follow it at once
_CLOSES = re.compile(r" is (?:equal to|the print of) ")  # what a sum that closes says of itself; a limit that is kept proves nothing


def unclaimed(layout: Layout, claims: Iterable[tuple[int, int]]) -> tuple[Unclaimed, ...]:
    """The stretches of the segment that nothing accounts for, in order; marks alone do not count. `claims` are offsets into the text."""
    free = _free(layout, claims)
    for space in _SPACE.finditer(layout.clean):
        free[space.start() : space.end()] = bytes(space.end() - space.start())
    found = []
    for start, end in _runs(layout.clean, free):
        text = layout.clean[start:end].strip()
        if _MARKS.sub("", text):
            found.append(Unclaimed(_SPACE.sub(" ", text), start + layout.start, end + layout.start, None))
    return tuple(found)


def figures_left(layout: Layout, claims: Iterable[tuple[int, int]]) -> tuple[tuple[str, int, int], ...]:
    """The whole figures of the segment that nothing accounts for, with sign and unit: as printed, with their offsets into the text."""
    text = fold(_COMMA.sub(" ", layout.clean))
    numbering = [(match.start() + layout.start, match.end() + layout.start) for match in _NUMBERING.finditer(text)]
    free = _free(layout, [*claims, *numbering])
    found = []
    for match in _FIGURE.finditer(text):
        start, end = match.span()
        if all(free[start:end]):
            found.append((layout.clean[start:end], start + layout.start, end + layout.start))
    return tuple(found)


def _free(layout: Layout, claims: Iterable[tuple[int, int]]) -> bytearray:
    """1 for each character of the segment that no claim covers."""
    free = bytearray(b"\1") * len(layout.clean)
    for start, end in claims:
        first, last = max(start - layout.start, 0), min(end - layout.start, len(free))
        if first < last:
            free[first:last] = bytes(last - first)
    return free


def _runs(text: str, free: bytearray) -> list[tuple[int, int]]:
    """Maximal runs of free characters on one line, spaces between them included."""
    runs: list[tuple[int, int]] = []
    position = free.find(1)
    while position >= 0:
        end = free.find(0, position)
        end = end if end >= 0 else len(free)
        if runs and not text[runs[-1][1] : position].strip(" \u00a0\u3000"):
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((position, end))
        position = free.find(1, end)
    return runs


def proved_complete(rows: Mapping[str, int], checks: Iterable[Checked]) -> tuple[str, ...]:
    """The lists over all of whose rows a sum closes."""
    proved: set[str] = set()
    for checked in checks:
        if checked.holds and _CLOSES.search(checked.outcome.words):
            proved |= {place for place, count in rows.items() if count and place not in proved and covers(checked, place, count)}
    return tuple(sorted(proved))


def covers(checked: Checked, place: str, count: int) -> bool:
    """Whether one column of the list stands in the check with every row."""
    if not checked.pointer or not checked.pointer.startswith(place + "/"):
        columns: dict[str, int] = {}
        prefix = place + "/"
        for cell in checked.outcome.cells:
            if cell.startswith(prefix):
                number, _, column = cell[len(prefix) :].partition("/")
                columns[column] = columns.get(column, 0) + number.isdigit()
        return any(found == count for found in columns.values())
    return False
