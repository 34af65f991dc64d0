"""Reading one segment with language models, whatever its length: cut into shards and parts that a reply can hold, asked side by side, put
together by where their values stand on the page.

What was cut off at the output limit is asked for again in halves; so are stretches of the page that look like rows and that no row claims.
What no model read is said: a doubt at the record, with the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from structurer.asking.extract import HOPELESS, Asking, UnusableReplyError, extract
from structurer.asking.llm import Reply, Rounds, side_by_side
from structurer.asking.merging import merged
from structurer.asking.opinions import voted
from structurer.asking.parts import parted, together
from structurer.asking.shards import Piece, Shard, about, cut, halves, words
from structurer.contracts.schema import Leaf, Schema
from structurer.errors import ModelError, TooLongError
from structurer.judging.ground import ground
from structurer.judging.lostrows import Gap, lost
from structurer.layout import Layout
from structurer.record import Extract, Extraction, Match, leaf_pointers

SHARD: Final = 8_000  # characters of a segment that are asked for at once: about a hundred rows, which models still copy whole
FIELDS: Final = 5_000  # fields of a reply schema; what OpenAI allows
MAX_AGAIN: Final = 8  # shards that are asked for again, for each that was asked for first
MAX_VAIN: Final = 2  # rounds in turn that brought nothing
MAX_ROUNDS: Final = 5  # of asking again for rows that were lost, each in halves of the shards before
SPLIT: Final = "asked again in smaller pieces"
LOST_ROWS: Final = "rows lost, asked again"
NOT_READ: Final = "left unread"


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is asked for at once: characters of a segment, fields of a reply."""

    shard: int = SHARD
    fields: int = FIELDS


@dataclass(frozen=True, slots=True)
class Reading:
    """What a segment was read as: how each value was found on the page, and which stand where the order of the record puts them (None: the
    reader took every value from its place)."""

    extraction: Extraction
    matches: Mapping[str, Match]
    placed: frozenset[str] | None = None
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """What came of one or more shards: their pieces, what could not be read, and the replies used."""

    pieces: tuple[Piece, ...] = ()
    unread: tuple[tuple[Shard, ModelError], ...] = ()
    replies: tuple[Reply, ...] = ()


def read(layout: Layout, schema: Schema, askings: Sequence[Asking], sizes: Sizes = Sizes()) -> Rounds[Reading]:
    """The segment as the models of `askings` read it together. Raises ModelError where none of them could."""
    came = yield from side_by_side(_opinion(layout, schema, asking, sizes) for asking in askings)
    opinions = [one for one in came if isinstance(one, Reading)]
    if not opinions:
        raise next(one for one in came if isinstance(one, ModelError))
    whole = opinions[0]
    if len(opinions) > 1:
        replies = tuple(reply for one in opinions for reply in one.replies)
        whole = replace(grounded(layout, schema, voted(schema, [one.extraction for one in opinions])), replies=replies)
    missing = tuple(f"a further opinion is missing: {one.what}" for one in came if isinstance(one, ModelError))
    return told(whole, missing)


def grounded(layout: Layout, schema: Schema, extraction: Extraction) -> Reading:
    """Give every leaf of a model's reading its place on the page. A second reading mostly says the same as the first."""
    places = [(place, leaf, extraction.leaves[place]) for place, leaf in leaf_pointers(schema, extraction.rows)]
    texts = tuple((place, extract.text) for place, _, extract in places)
    grounds = layout.once((schema.digest, texts), lambda: ground(layout, places))
    found = {place: grounds.found.get(place, ((), Match.NONE)) for place, _, _ in places}
    leaves = {place: _at(found[place][0], extract) for place, _, extract in places}
    return Reading(replace(extraction, leaves=leaves), {place: match for place, (_, match) in found.items()}, grounds.placed)


def _at(spans: tuple[tuple[int, int], ...], extract: Extract) -> Extract:
    return extract if extract.spans == spans else replace(extract, spans=spans)


def _opinion(layout: Layout, schema: Schema, asking: Asking, sizes: Sizes) -> Rounds[Reading]:
    """The segment as one model reads it. Raises ModelError where it could read no part of it."""
    first = yield from _shards(layout, schema, cut(layout.text, layout.start, layout.end, sizes.shard), asking, sizes)
    for _, error in first.unread:
        if not first.pieces or not isinstance(error, UnusableReplyError):  # not answered: the document is to be asked for again, whole
            raise error
    whole, replies = yield from _completed(layout, schema, first, asking, sizes)
    if first.unread:
        asking.outcomes[NOT_READ] += len(first.unread)
    unread = tuple(_unread(layout, shard, error) for shard, error in first.unread)
    return told(Reading(whole.extraction, whole.matches, whole.placed, replies), unread)


def told(reading: Reading, words: tuple[str, ...]) -> Reading:
    """The reading with what a person should know of the whole."""
    if not words:
        return reading
    doubts = reading.extraction.doubts
    return replace(reading, extraction=replace(reading.extraction, doubts={**doubts, "": (*doubts.get("", ()), *words)}))


def _unread(layout: Layout, shard: Shard, error: ModelError) -> str:
    return f"{_lines_of(layout, shard.start, shard.end)} were not read by the model: {error.what}"


def _lines_of(layout: Layout, start: int, end: int) -> str:
    first = layout.text.count("\n", 0, start) + 1
    last = layout.text.count("\n", 0, max(end - 1, start)) + 1
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _shards(layout: Layout, schema: Schema, shards: Iterable[Shard], asking: Asking, sizes: Sizes) -> Rounds[_Read]:
    reads = yield from side_by_side(_shard(layout, schema, shard, asking, sizes) for shard in shards)
    done = [one for one in reads if isinstance(one, _Read)]
    return _Read(
        tuple(piece for one in done for piece in one.pieces),
        tuple(unread for one in done for unread in one.unread),
        tuple(reply for one in done for reply in one.replies),
    )


def _shard(layout: Layout, schema: Schema, shard: Shard, asking: Asking, sizes: Sizes) -> Rounds[_Read]:
    """One stretch of the segment, its fields in as many parts as need be; in halves where a reply came cut off."""
    shown = words(layout.showing, shard).strip()
    came = yield from side_by_side(extract(shown, part, asking, layout.showing.note) for part in parted(schema, sizes.fields))
    errors = [one for one in came if isinstance(one, ModelError)]
    replies = tuple(reply for one in came for reply in _replies(one))
    if not errors:
        extraction = together(schema, [one[0] for one in came if isinstance(one, tuple)])
        return _Read((_placed(layout, schema, shard, extraction),), (), replies)
    smaller = halves(layout.text, shard) if all(_hopeless(error) for error in errors) else ()
    if not smaller:
        return _Read((), ((shard, errors[0]),), replies)
    asking.outcomes[SPLIT] += 1
    deeper = yield from _shards(layout, schema, smaller, asking, sizes)
    return replace(deeper, replies=(*replies, *deeper.replies))


def _replies(came: tuple[Extraction, tuple[Reply, ...]] | ModelError) -> tuple[Reply, ...]:
    if isinstance(came, UnusableReplyError):
        return came.replies
    return () if isinstance(came, ModelError) else came[1]


def _hopeless(error: ModelError) -> bool:
    """Whether less of the document at a time may help where the same again does not."""
    return isinstance(error, TooLongError) or (isinstance(error, UnusableReplyError) and error.bad.fault in HOPELESS)


def _placed(layout: Layout, schema: Schema, shard: Shard, extraction: Extraction) -> Piece:
    """A shard's reading with every value's place in it, or else in the head that was repeated before it."""
    is_whole = (shard.start, shard.end) == (layout.start, layout.end)
    own = grounded(layout if is_whole else Layout(layout.text, shard.start, shard.end), schema, extraction)
    if shard.head is None:
        return Piece(shard, own.extraction, own.matches, own.placed or frozenset())
    head = Layout(layout.text, *shard.head)
    missed = [
        (place, leaf, extraction.leaves[place])
        for place, leaf in leaf_pointers(schema, extraction.rows)
        if own.matches[place] is Match.NONE and "*" not in leaf.path and extraction.leaves[place].text is not None
    ]
    return _with_head(Piece(shard, own.extraction, own.matches, own.placed or frozenset()), head, missed)


def _with_head(piece: Piece, head: Layout, missed: Sequence[tuple[str, Leaf, Extract]]) -> Piece:
    if not missed:
        return piece
    found = ground(head, missed).found
    leaves = {place: replace(piece.extraction.leaves[place], spans=spans) for place, (spans, _) in found.items()}
    return replace(
        piece,
        extraction=replace(piece.extraction, leaves={**piece.extraction.leaves, **leaves}),
        matches={**piece.matches, **{place: match for place, (_, match) in found.items()}},
    )


def _completed(layout: Layout, schema: Schema, first: _Read, asking: Asking, sizes: Sizes) -> Rounds[tuple[Piece, tuple[Reply, ...]]]:
    """The pieces put together, and asked for again where rows of a list stand on the page that none of them has; what does not come is told
    of."""
    pieces, replies, vain = list(first.pieces), list(first.replies), 0
    shards: Sequence[Shard] = [piece.shard for piece in pieces]
    whole = merged(schema, pieces)
    gaps, room = lost(layout, schema, whole.extraction), MAX_AGAIN * len(pieces)
    for _ in range(MAX_ROUNDS):
        shards = _around(layout, shards, [(gap.start, gap.end) for gap in gaps])[:room]
        if not shards or vain == MAX_VAIN:
            break
        room -= len(shards)
        asking.outcomes[LOST_ROWS] += len(shards)
        again = yield from _shards(layout, schema, shards, asking, sizes)
        replies += again.replies
        tried = merged(schema, [*pieces, *again.pieces])
        left = lost(layout, schema, tried.extraction)
        vain = 0 if len(left) < len(gaps) else vain + 1
        if not vain:  # else the new reading is no better, and may be worse
            pieces += again.pieces
            whole, gaps = tried, left
    return _with_gaps(layout, whole, gaps), tuple(replies)


def _with_gaps(layout: Layout, whole: Piece, gaps: Sequence[Gap]) -> Piece:
    """The rows that did not come however often they were asked for are told of, at their list."""
    doubts = dict(whole.extraction.doubts)
    for gap in gaps:
        words = f"{_lines_of(layout, gap.start, gap.end)} look{'s' * (gap.rows == 1)} like {_rows_in(gap)} that no model read"
        doubts[gap.pointer] = (*doubts.get(gap.pointer, ()), words)
    return replace(whole, extraction=replace(whole.extraction, doubts=doubts))


def _rows_in(gap: Gap) -> str:
    return "a row" if gap.rows == 1 else f"{gap.rows} rows"


def _around(layout: Layout, shards: Sequence[Shard], gaps: Sequence[tuple[int, int]]) -> list[Shard]:
    """The halves of shards in which something was lost; of shards too short for that, the lines about the gap alone."""
    smaller = (half for shard in shards if _touches(shard, gaps) for half in halves(layout.text, shard) or _closest(layout, shard, gaps))
    return list(dict.fromkeys(half for half in smaller if _touches(half, gaps)))


def _closest(layout: Layout, shard: Shard, gaps: Sequence[tuple[int, int]]) -> Iterable[Shard]:
    """Asked for anew only where that is less than before."""
    for start, end in gaps:
        if start < shard.end and shard.start < end:
            near = about(layout.text, shard, start, end)
            if near.end - near.start < shard.end - shard.start:
                yield near


def _touches(shard: Shard, gaps: Sequence[tuple[int, int]]) -> bool:
    return any(start < shard.end and shard.start < end for start, end in gaps)
