"""Which page a record made elsewhere was read from: the segment of its source whose print bears most of its values out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePath

from structurer.contracts.schema import Schema
from structurer.document import Document
from structurer.fold import squeeze
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


class Pages:
    """The sources of records made elsewhere. A record has that whose path agrees most with the name it gives, from the end; of several that
    agree alike the one that bears it out best. One that names no source, or a single source that no record names, is looked for there.
    """

    def __init__(self, sources: Sequence[tuple[Path, Document]], schemas: Sequence[Schema], names: Collection[str]) -> None:
        """`sources` are documents with the paths they were read from, `names` what the records call their sources."""
        self.parts = [_Parts(path, document, schemas) for path, document in sources]
        self.known = any(_alike(part.path, name) for part in self.parts for name in names)

    def place(self, one: Sought) -> Place | None:
        """The segment of a record, which no later one has again; None where no document has the name of its source."""
        best = max((_alike(part.path, one.source) for part in self.parts), default=0)
        named = [part for part in self.parts if _alike(part.path, one.source) == best] if best else []
        if not named and len(self.parts) == 1 and not self.known:
            named = self.parts
        return max(named, key=lambda part: part.borne(one)).of(one) if named else None


def _alike(path: Path, source: str) -> int:
    """How many parts of two paths agree from the end; 0 for files of other names (an extension may be left out)."""
    mine, theirs = path, PurePath(source)
    if not source or mine.stem not in (theirs.stem, theirs.name):
        return 0
    same = [one == other for one, other in zip(reversed(mine.parts[:-1]), reversed(theirs.parts[:-1]), strict=False)]
    return 1 + (mine.name == theirs.name) + len(list(takewhile(bool, same)))


class _Parts:
    """The segments of one document, handed out in order."""

    def __init__(self, path: Path, document: Document, schemas: Sequence[Schema]) -> None:
        self.path, self.document, self.schemas = path, document, schemas

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(segment(self.document.text, self.schemas)[0])

    @cached_property
    def squeezed(self) -> list[str]:
        """The print of each segment, without white space."""
        return [squeeze(self.document.text[part.start : part.end]) for part in self.segments]

    @cached_property
    def free(self) -> set[int]:
        """The segments that no record has yet."""
        return set(range(len(self.segments)))

    def borne(self, one: Sought) -> float:
        """How much of a record the document prints at all."""
        return _share(squeeze(self.document.text), _values(one))

    def of(self, one: Sought) -> Place:
        """The free segment of the kind that bears most of the record out, the first among equals; else the whole document."""
        own = [number for number in sorted(self.free) if self.segments[number].schema.kind == one.schema.kind][:MAX_SEGMENTS]
        if not own:
            return Place(self.document, Segment(one.schema, 0, len(self.document.text)))
        values = _values(one)
        best = max(own, key=lambda number: (_share(self.squeezed[number], values), -number))
        self.free.discard(best)
        return Place(self.document, self.segments[best])


def _values(one: Sought) -> list[str]:
    return [squeeze(text) for text in one.texts.values() if text is not None and len(text) >= SHORTEST]


def _share(print_: str, values: Sequence[str]) -> float:
    """How many of the values a print holds, in [0, 1]."""
    return sum(value in print_ for value in values) / len(values) if values else 0.0
