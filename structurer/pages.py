"""Which page a record made elsewhere was read from: the segment of its source whose print bears most of its values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath

from structurer.document import Document
from structurer.fold import squeeze
from structurer.schema import Schema
from structurer.segment import Segment, segment

MAX_SEGMENTS = 60  # free segments, from the first, that are compared with one record
SHORTEST = 2  # characters of a value that tells one segment from another


@dataclass(frozen=True, slots=True)
class Sought:
    """A record that looks for its segment: its schema, its values, and the name of its source."""

    schema: Schema
    texts: Mapping[str, str | None]
    source: str


@dataclass(frozen=True, slots=True)
class Place:
    """A segment of a document."""

    document: Document
    segment: Segment


def places(sought: Sequence[Sought], documents: Sequence[Document], schemas: Sequence[Schema]) -> list[Place | None]:
    """For each record its segment; None where no document has the name of its source. A record that names no source, or a single document
    where no record names it, is looked for there."""
    parts = [_Parts(document, schemas) for document in documents]
    known = any(_alike(part.document, one.source) for part in parts for one in sought)
    found: list[Place | None] = []
    for one in sought:
        named = max(parts, key=lambda part: _alike(part.document, one.source), default=None)
        if named is not None and not _alike(named.document, one.source):
            named = parts[0] if len(parts) == 1 and not known else None
        found.append(named.of(one) if named is not None else None)
    return found


def _alike(document: Document, source: str) -> int:
    """How many parts of two paths agree from the end; 0 for files of other names (an extension may be left out)."""
    mine, theirs = PurePath(document.source), PurePath(source)
    if not source or mine.stem not in (theirs.stem, theirs.name):
        return 0
    same = [one == other for one, other in zip(reversed(mine.parts[:-1]), reversed(theirs.parts[:-1]), strict=False)]
    return 1 + (mine.name == theirs.name) + len(list(takewhile(bool, same)))


class _Parts:
    """The segments of one document, handed out in order."""

    def __init__(self, document: Document, schemas: Sequence[Schema]) -> None:
        self.document = document
        self.segments = segment(document.text, schemas)[0]
        self.squeezed = [squeeze(document.text[part.start : part.end]) for part in self.segments]
        self.free = set(range(len(self.segments)))

    def of(self, one: Sought) -> Place:
        """The free segment of the kind that bears most of the record out, the first among equals; else the whole document."""
        own = [number for number in sorted(self.free) if self.segments[number].schema.kind == one.schema.kind][:MAX_SEGMENTS]
        values = [squeeze(text) for text in one.texts.values() if text is not None and len(text) >= SHORTEST]
        if not own:
            return Place(self.document, Segment(one.schema, 0, len(self.document.text)))
        best = max(own, key=lambda number: (self.share(number, values), -number))
        self.free.discard(best)
        return Place(self.document, self.segments[best])

    def share(self, number: int, values: Sequence[str]) -> float:
        """How much of a record a segment prints."""
        return sum(value in self.squeezed[number] for value in values) / len(values) if values else 0.0
