"""Cells asked for again: those of a long segment with the lines where they stand and its head, and never more calls than are worth it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from structurer.asking.extract import Prompt
from structurer.asking.llm import Model, Reply, Rounds, side_by_side
from structurer.asking.second import MAX_CELLS, read_again
from structurer.asking.shards import Shard, cut, words
from structurer.errors import ModelError
from structurer.judging.evidence import Pending
from structurer.segment import Segment


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked, and how much at once: `shard` characters of a segment, `a_shard` calls for each of its shards, `calls` in all."""

    model: Model
    prompt: Prompt
    shard: int
    calls: int
    a_shard: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What stands in the cells, by pointer, the replies that say so, and what came of it in words ("" where nothing was asked)."""

    texts: Mapping[str, str | None] = field(default_factory=dict)
    replies: tuple[Reply, ...] = ()
    told: str = ""


def asked_again(part: Segment, pending: Pending, places: Sequence[str], asking: Asking) -> Rounds[Answered]:
    """What a model says is printed in cells of a record. A model that does not answer leaves them open."""
    assert pending.layout is not None
    text, showing = pending.layout.text, pending.layout.showing
    shards = cut(text, part.start, part.end, asking.shard)
    questions = [
        (words(showing, shards[number]).strip(), chunk)
        for number, cells in sorted(_by_shard(pending, places, shards).items())
        for chunk in islice(_chunks(cells), asking.a_shard)
    ][: asking.calls]
    came = yield from side_by_side(read_again(shown, pending, cells, asking.model, asking.prompt) for shown, cells in questions)
    pairs = [({}, one.what) if isinstance(one, ModelError) else one for one in came]
    texts = {place: text for found, _ in pairs for place, text in found.items()}
    replies = tuple(reply for _, reply in pairs if isinstance(reply, Reply))
    if pairs and not replies:
        return Answered(told=f"not answered: {pairs[0][1]}")
    return Answered(texts, replies, f"{len(texts)} of {len(places)} cells" if places else "")


def _by_shard(pending: Pending, places: Sequence[str], shards: Sequence[Shard]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for place in places:
        at = _position(pending, place)
        number = next((number for number, shard in enumerate(shards) if at is not None and shard.start <= at < shard.end), 0)
        found.setdefault(number, []).append(place)
    return found


def _position(pending: Pending, place: str) -> int | None:
    """Where a cell stands, or what else is in its row."""
    own = pending.values[place][1].spans
    if own or "*" not in pending.values[place][0].path:
        return own[0].start if own else None
    row = place.rpartition("/")[0] + "/"
    return min(
        (value.spans[0].start for other, (_, value) in pending.values.items() if other.startswith(row) and value.spans), default=None
    )


def _chunks(cells: Sequence[str]) -> list[Sequence[str]]:
    return [cells[at : at + MAX_CELLS] for at in range(0, len(cells), MAX_CELLS)]
