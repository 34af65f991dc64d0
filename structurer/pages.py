"""Which page a record made elsewhere was read from: the segment of its source whose print bears most of its values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from structurer.document import Document
from structurer.fold import squeeze
from structurer.schema import Schema
from structurer.segment import Segment, segment

ENOUGH = 0.6  # share of a record's values found in the segment next in order: no other is looked at
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
    found: list[Place | None] = []
    for one in sought:
        named = [part for part in parts if _is_named(part.document, one.source)]
        if not named and len(parts) == 1 and not any(_is_named(parts[0].document, other.source) for other in sought):
            named = parts
        found.append(named[0].of(one) if named else None)
    return found


def _is_named(document: Document, source: str) -> bool:
    mine, theirs = PurePath(document.source), PurePath(source)
    return bool(source) and (mine.name == theirs.name or mine.stem == theirs.stem or mine.stem == theirs.name)


class _Parts:
    """The segments of one document, handed out in order."""

    def __init__(self, document: Document, schemas: Sequence[Schema]) -> None:
        self.document = document
        self.segments = segment(document.text, schemas)[0]
        self.squeezed = [squeeze(document.text[part.start : part.end]) for part in self.segments]
        self.free = set(range(len(self.segments)))

    def of(self, one: Sought) -> Place:
        """The next segment of the kind if it bears the record out; else the free one that does best; else the whole document."""
        own = [number for number in sorted(self.free) if self.segments[number].schema.kind == one.schema.kind]
        values = [squeeze(text) for text in one.texts.values() if text is not None and len(text) >= SHORTEST]
        if not own:
            return Place(self.document, Segment(one.schema, 0, len(self.document.text)))
        best = own[0]
        if self.share(best, values) < ENOUGH:
            best = max(own, key=lambda number: (self.share(number, values), -number))
        self.free.discard(best)
        return Place(self.document, self.segments[best])

    def share(self, number: int, values: Sequence[str]) -> float:
        """How much of a record a segment prints."""
        return sum(value in self.squeezed[number] for value in values) / len(values) if values else 0.0
