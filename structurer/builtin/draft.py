"""A reading in the making: what the parts of the built-in reader have found so far in one segment."""

from __future__ import annotations

from structurer.builtin.labels import Hit
from structurer.contracts.schema import Schema
from structurer.judging.confront import check_reading
from structurer.layout import Chunk, Layout
from structurer.record import BLANK, Checked, Extract, Extraction, leaf_pointers

Spans = tuple[tuple[int, int], ...]


class Draft:
    """Collects leaves, list lengths, doubts and explained stretches; `hits` are the labels that were found, `bounds` those and others at
    which a value ends."""

    def __init__(self, schema: Schema, layout: Layout, hits: list[Hit], bounds: list[Hit]) -> None:
        self.schema, self.layout, self.hits, self.bounds = schema, layout, hits, bounds
        self.leaves: dict[str, Extract] = {}
        self.rows: dict[str, int] = {}
        self.doubts: dict[str, tuple[str, ...]] = {}
        self.explained: list[tuple[int, int]] = list(layout.furniture)

    def put(self, pointer: str, spans: Spans, *, text: str | None = None, doubts: tuple[str, ...] = ()) -> None:
        """Set a leaf from the stretches that print it; `text` where the value is not just their join."""
        value = self.layout.joined(spans) if text is None else text
        self.leaves[pointer] = Extract(value or None, spans if value else (), doubts)

    def blank(self, pointer: str, *doubts: str) -> None:
        self.leaves[pointer] = Extract(None, (), doubts)

    def doubt(self, pointer: str, reason: str) -> None:
        if reason not in self.doubts.get(pointer, ()):
            self.doubts[pointer] = (*self.doubts.get(pointer, ()), reason)

    def explain(self, start: int, end: int) -> None:
        self.explained.append((start, end))

    def text(self, chunk: Chunk) -> str:
        return self.layout.clean[chunk.start - self.layout.start : chunk.end - self.layout.start]

    def merged(self, chunks: list[Chunk]) -> Spans:
        """The chunks' stretches, neighbours on one line in one piece so that the printed space between them stays."""
        spans: list[tuple[int, int, int]] = []
        for chunk in chunks:
            if (
                spans
                and spans[-1][2] == chunk.line
                and not self.layout.clean[spans[-1][1] - self.layout.start : chunk.start - self.layout.start].strip(" \u00a0\u3000")
            ):
                spans[-1] = (spans[-1][0], chunk.end, chunk.line)
            else:
                spans.append((chunk.start, chunk.end, chunk.line))
        return tuple((start, end) for start, end, _ in spans)

    def checked(self) -> tuple[Checked, ...]:
        """The schema's checks on what is drafted so far."""
        return check_reading(self.schema, self.leaves, self.rows)

    def finish(self, reader: str) -> Extraction:
        """The extraction, with every leaf of the schema present: what nothing was found for is blank."""
        leaves = {place: self.leaves.get(place, BLANK) for place, _ in leaf_pointers(self.schema, self.rows)}
        return Extraction(self.schema.kind, reader, leaves, dict(self.rows), dict(self.doubts), tuple(sorted(self.explained)))
