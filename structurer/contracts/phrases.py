"""Phrases: sentences with {captures} by which a schema says how a value is printed in prose.

A phrase is matched on folded text without white space, so line breaks and widths do not matter. Its language is small on purpose, and
bounded, because schemas come from strangers: literal text, {name} (a value of that field's kind), {} (any short text), {#} (a running
number that stands apart), [optional text], … (a gap inside the sentence). A phrase that begins with "?" prints the value only perhaps: it
is taken only where a check bears it out.

Every step of a search is bounded, whatever the phrase and the text: an optional text that stands there is taken, of several choices the
longest, and a gap ends at the first place where what follows it, up to the next gap, fits. Nothing of that is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from structurer.fold import Break, Folded, squeeze

MAX_PHRASE = 200  # characters
MAX_GAPS = 3  # gaps and free texts of one phrase
MAX_NUMBERS = 2  # running numbers of one phrase
_PART = re.compile(r"\{([^{}]*)\}|\[([^\[\]]*)\]|(…)|([^{}\[\]…]+)")
_FREE = r"[^。；;]{1,80}?"
_GAP = r"[^。；;]{0,30}?"
_NUMBER = r"(?<!\d)(?<!\d[.,])\d+(?:,\d+)*(?:\.\d+)?(?![\d.])"  # a comma behind it is no part of it
_CAPTURES = {  # by kind (schema.Kind)
    "number": _NUMBER,
    "percent": _NUMBER + "%?",
    "integer": r"(?<!\d)\d{1,9}(?!\d)",
    "year": r"(?<!\d)(?:19|20|21)\d{2}(?!\d)",
    "month": r"(?<!\d)\d{4}(?:年|[./-])\d{1,2}(?:月(?:\d{1,2}日)?|(?!\d))",
    "date": r"(?<!\d)\d{4}(?:年|[./-])\d{1,2}(?:月|[./-])\d{1,2}日?",
}
_Fields = tuple[tuple[str, str, tuple[str, ...]], ...]


class Field(Protocol):
    """A leaf of a schema, as far as phrases know it."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def choices(self) -> tuple[str, ...]: ...


class PhraseError(ValueError):
    """A phrase that is not in the language; the message says why."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A compiled phrase: its pattern, the captured names in order, and whether it ends in a free text (which then ends with its line)."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    numbered: tuple[str, ...]
    open_end: bool
    perhaps: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A match: chars[first:last] of the folded text, and each capture as (first, last)."""

    first: int
    last: int
    captures: Mapping[str, tuple[int, int]]


@lru_cache(maxsize=4096)
def compile_phrase(text: str, fields: _Fields) -> Phrase:
    """Compile a phrase; `fields` are the names it may capture with their kinds and choices. Raises PhraseError."""
    perhaps, text = text.startswith("?"), text.removeprefix("?")
    if len(text) > MAX_PHRASE:
        raise PhraseError(f"a phrase of more than {MAX_PHRASE} characters")
    if "".join(part.group() for part in _PART.finditer(text)) != text:
        raise PhraseError("brackets that do not close")
    known = {name: (kind, choices) for name, kind, choices in fields}
    names: list[str] = []
    pieces: list[str] = []
    gaps = 0
    for part in _PART.finditer(text):
        name, optional, gap, literal = part.groups()
        if name is not None:
            piece, free = _capture(name, known, len(names))
            names.append(name)
        elif optional is not None:
            piece, free = _optional(optional, known, names)
        else:
            piece, free = (_GAP, True) if gap else (re.escape(squeeze(literal)), False)
        pieces.append(f"{')(?>' if gaps else '(?>'}{piece}" if free else piece)
        gaps += free
    if gaps > MAX_GAPS:
        raise PhraseError(f"more than {MAX_GAPS} gaps and free texts")
    if names.count("#") > MAX_NUMBERS:
        raise PhraseError(f"more than {MAX_NUMBERS} running numbers")
    open_end = bool(names) and pieces[-1].endswith(f"{_FREE})")
    pattern = re.compile("".join(pieces) + ")" * bool(gaps), re.IGNORECASE)
    if pattern.match(""):
        raise PhraseError("a phrase that every text would match")
    numbered = tuple(f"c{index}" for index, name in enumerate(names) if name == "#")
    return Phrase(pattern, tuple(names), numbered, open_end, perhaps)


def _capture(name: str, known: Mapping[str, tuple[str, tuple[str, ...]]], index: int) -> tuple[str, bool]:
    """The pattern of a capture, and whether it is a free text."""
    if name == "#":
        return rf"(?P<c{index}>\d{{1,3}})", False
    if name == "":
        return f"(?P<c{index}>{_FREE})", True
    if name not in known:
        raise PhraseError(f"no field {name!r} to capture; there are {', '.join(sorted(known)) or 'none'}")
    kind, choices = known[name]
    if kind in ("choice", "unit") and choices:
        words = "|".join(re.escape(squeeze(choice)) for choice in sorted(choices, key=len, reverse=True))
        return rf"(?P<c{index}>(?>{words}))(?![/·])", False
    pattern = _CAPTURES.get(kind)
    return f"(?P<c{index}>{pattern or _FREE})", pattern is None


def _optional(text: str, known: Mapping[str, tuple[str, tuple[str, ...]]], names: list[str]) -> tuple[str, bool]:
    if text == "…":
        return _GAP, True
    match = re.fullmatch(r"\{([^{}]*)\}", text)
    if match:
        piece, free = _capture(match.group(1), known, len(names))
        names.append(match.group(1))
        return f"(?:{piece})?" if free else f"(?:{piece})?+", free
    if "{" in text or "}" in text:
        raise PhraseError("an optional part is text or one {capture}")
    return f"(?:{re.escape(squeeze(text))})?+", False


def fields_of(leaves: Iterable[Field]) -> _Fields:
    """What a phrase may capture: names, kinds and choices of these leaves."""
    return tuple((leaf.name, leaf.kind, leaf.choices) for leaf in leaves)


def search(phrase: Phrase, folded: Folded, first: int, last: int) -> Found | None:
    """The first match within chars[first:last]."""
    position = first
    while match := phrase.pattern.search(folded.chars, position, last):
        if _stands(phrase, folded, match):
            return _found(phrase, folded, match, last)
        position = match.start() + 1
    return None


def _stands(phrase: Phrase, folded: Folded, match: re.Match[str]) -> bool:
    """A running number stands apart from what follows; a text at the end of a phrase begins on the phrase's own line."""
    if any(match.start(name) >= 0 and folded.break_before(match.end(name)) is Break.NONE for name in phrase.numbered):
        return False
    return not phrase.open_end or folded.break_before(match.start(f"c{len(phrase.names) - 1}")) < Break.LINE


def _found(phrase: Phrase, folded: Folded, match: re.Match[str], last: int) -> Found:
    spans = {name: match.span(f"c{index}") for index, name in enumerate(phrase.names) if name != "#"}
    captures = {name: span for name, span in spans.items() if span[0] >= 0}
    if not phrase.open_end:
        return Found(match.start(), match.end(), {name: _balanced(folded, span, last) for name, span in captures.items()})
    name = phrase.names[-1]
    end = _line_end(folded, captures[name][0] + 1, last)
    return Found(match.start(), end, {**captures, name: (captures[name][0], end)})


def _line_end(folded: Folded, position: int, last: int) -> int:
    while position < last and folded.break_before(position) < Break.LINE:
        position += 1
    return position


def _balanced(folded: Folded, span: tuple[int, int], last: int) -> tuple[int, int]:
    """A text captured up to a closing bracket goes on to the one that closes its own opening brackets."""
    first, end = span
    text = folded.chars[first:end]
    if end >= last or folded.chars[end] != ")" or text.count("(") <= text.count(")"):
        return span
    depth = text.count("(") - text.count(")")
    position = end
    while position < min(last, first + 160) and depth >= 0:
        depth += (folded.chars[position] == "(") - (folded.chars[position] == ")")
        position += 1
    return (first, position - 1) if depth < 0 else span
