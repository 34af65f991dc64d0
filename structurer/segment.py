"""Where one form ends and the next begins: a document holds many forms, of several kinds, and text that belongs to none.

A form starts at one of its schema's anchors, printed as a title on a line of its own. A title without a form below it (printed twice, or
mentioned) is no form: below a form's title its labels or section headings must be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from structurer.contracts.phrases import compile_phrase, fields_of, search
from structurer.contracts.schema import Group, Leaf, Node, Rows, Schema
from structurer.fold import Folded, squeeze

MAX_TITLE = 80  # characters of a title line, white space left out
MIN_SUPPORT = 2  # labels or section headings that must stand below a title
_LINE = re.compile(r"[^\n\f]+")
_MENTION = re.compile(r"[。；;，,！!？?]")


@dataclass(frozen=True, slots=True)
class Segment:
    """text[start:end] holds one form of the schema's kind; `title` is the end of its title line."""

    schema: Schema
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Title:
    """A line that prints an anchor."""

    schema: Schema
    start: int
    length: int


def segment(text: str, schemas: Sequence[Schema]) -> tuple[tuple[Segment, ...], tuple[tuple[int, int], ...]]:
    """The forms of a text in order, and the stretches that belong to none."""
    titles = _supported(text, list(_titles(text, schemas)))
    segments = [Segment(title.schema, title.start, end) for title, end in zip(titles, _ends(titles, len(text)), strict=True)]
    if not segments:
        segments = _untitled(text, schemas)
    left = _gaps(segments, len(text))
    for start, end in list(left):
        found = _by_phrases(text, start, end, schemas)
        if found is not None:
            segments.append(found)
            left.remove((start, end))
    segments.sort(key=lambda part: part.start)
    return tuple(segments), tuple(gap for gap in left if text[gap[0] : gap[1]].strip())


def _ends(titles: list[Title], end: int) -> list[int]:
    """Each title's form reaches to the next title."""
    return [*(following.start for following in titles[1:]), end][: len(titles)]


def _titles(text: str, schemas: Sequence[Schema]) -> Iterator[Title]:
    for line in _LINE.finditer(text):
        if len(line.group()) > 4 * MAX_TITLE:
            continue
        printed = squeeze(line.group().replace("|", " ")).casefold()
        best: Title | None = None
        for schema in schemas:
            for anchor in _anchors(schema):
                if _is_title(printed, anchor, schema) and (best is None or len(anchor) > best.length):
                    best = Title(schema, line.start(), len(anchor))
        if best is not None:
            yield best


@lru_cache(maxsize=256)
def _anchors(schema: Schema) -> tuple[str, ...]:
    return tuple(squeeze(anchor).casefold() for anchor in schema.anchors)


def _is_title(printed: str, anchor: str, schema: Schema) -> bool:
    """The anchor stands at the beginning or at the end of a short line that is no sentence and no longer label of the form."""
    if anchor not in printed or len(printed) > MAX_TITLE:
        return False
    position = printed.find(anchor)
    before, behind = printed[:position], printed[position + len(anchor) :]
    if (
        _MENTION.search(before)
        or (behind and behind[-1] in "。；，,;")
        or (before.startswith(("见", "详见", "附")) and not behind and len(before) <= 2)
    ):
        return False
    if any(label.startswith(anchor) and printed.startswith(label) for label in _signs(schema)):
        return False
    return (
        len(before) <= 30
        and (not before or not behind or behind[0] in "([" or behind[0].isdigit())
        and (not behind or behind[0] in "([-:#" or behind[0].isdigit())
    )


@lru_cache(maxsize=256)
def _signs(schema: Schema) -> frozenset[str]:
    """What a form of this kind prints besides its title: its labels and section headings, folded."""
    return frozenset(squeeze(sign).casefold().rstrip(":") for sign in _printed(schema.root)) - frozenset(("", *_anchors(schema)))


def _printed(node: Node) -> Iterator[str]:
    yield from node.printed.labels
    yield from node.printed.section
    for child in node.members if isinstance(node, Group) else (node.row,) if isinstance(node, Rows) else ():
        yield from _printed(child)


def support(text: str, schema: Schema) -> int:
    """How many of the schema's labels and section headings stand in the text."""
    folded = squeeze(text).casefold()
    return sum(sign in folded for sign in _signs(schema))


def _supported(text: str, titles: list[Title]) -> list[Title]:
    """Titles with a form below them. One without any is no title, unless the next one says the same: a title printed twice."""
    kept: list[Title] = []
    twice: Title | None = None
    for title, end in zip(titles, _ends(titles, len(text)), strict=True):
        if support(text[title.start : end], title.schema) >= min(MIN_SUPPORT, len(_signs(title.schema))):
            start = twice.start if twice is not None and twice.schema is title.schema else title.start
            kept.append(Title(title.schema, start, title.length))
            twice = None
        elif twice is None or twice.schema is not title.schema:
            twice = title
    return kept


def _gaps(segments: list[Segment], end: int) -> list[tuple[int, int]]:
    gaps, position = [], 0
    for part in segments:
        if part.start > position:
            gaps.append((position, part.start))
        position = part.end
    return [*gaps, (position, end)] if position < end else gaps


def _untitled(text: str, schemas: Sequence[Schema]) -> list[Segment]:
    """No title anywhere: the schema whose labels the text prints most, cut where its first label comes again. With a single schema that
    has no anchors the whole text is one form."""
    plain = [schema for schema in schemas if not _by_phrases_only(schema)]
    if len(schemas) == 1:
        plain = list(schemas)
    scored = sorted(
        ((support(text, schema), -index, schema) for index, schema in enumerate(plain)), key=lambda found: found[:2], reverse=True
    )
    if not scored:
        return []
    score, _, schema = scored[0]
    signs = len(_signs(schema))
    if len(schemas) > 1 and score < max(3, min(6, signs // 3)):
        return []
    starts = _first_labels(text, schema)
    return [Segment(schema, start, end) for start, end in zip([0, *starts[1:]], [*starts[1:], len(text)], strict=True)]


def _first_labels(text: str, schema: Schema) -> list[int]:
    """Lines that begin with the schema's first label: each starts a form, where the label comes but once in a form."""
    first = next((leaf for leaf in schema.leaves() if leaf.printed.labels and "*" not in leaf.path), None)
    if first is None:
        return []
    labels = tuple(squeeze(label).casefold() for label in first.printed.labels)
    return [line.start() for line in _LINE.finditer(text) if squeeze(line.group().replace("|", " ")).casefold().startswith(labels)]


def _by_phrases_only(schema: Schema) -> bool:
    return (
        not schema.anchors
        and any(node.required for node in schema.root.members)
        and all(node.printed.phrases for node in schema.root.members)
    )


def _by_phrases(text: str, start: int, end: int, schemas: Sequence[Schema]) -> Segment | None:
    """A form without title and labels is known by the sentences that print its required values."""
    for schema in schemas:
        if _by_phrases_only(schema):
            folded = Folded(text, start, end)
            required = [node for node in schema.root.members if node.required]
            if required and all(_prints(folded, node) for node in required):
                return Segment(schema, start, end)
    return None


def _prints(folded: Folded, node: Node) -> bool:
    parts = node.members if isinstance(node, Group) else (node.row,) if isinstance(node, Rows) else (node,)
    leaves = tuple(leaf for leaf in parts if isinstance(leaf, Leaf))
    phrases = [compile_phrase(text, fields_of(leaves)) for text in node.printed.phrases]
    return any(search(phrase, folded, 0, len(folded.chars)) is not None for phrase in phrases)
