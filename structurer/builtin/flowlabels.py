"""Merged labels in running lines: printed before, amid or after the rows they cover, whole or broken into pieces between other words.

The labels are taken out of the words first, then shared out among the levels that know them; last, each row gets the labels that cover it.
"""

from __future__ import annotations

from dataclasses import dataclass

from structurer.builtin.align import Column
from structurer.builtin.draft import Draft
from structurer.builtin.gridrows import Row
from structurer.builtin.labels import MAX_LINES_APART, MIN_PIECE
from structurer.builtin.levels import cover, parents
from structurer.contracts.schema import Leaf
from structurer.fold import squeeze
from structurer.layout import Chunk
from structurer.record import pointer

MAX_PIECE_WORDS = 24  # from one piece of a label to the next
MAX_LEFT = 2  # words that may stand left of a piece of a label
MAX_LABEL_WORDS = 8  # pieces a label may be broken into: 服务 / 对象 / 满意 / 度指 / 标
_AMID = "the label is printed amid its rows; where its rows begin is not"
_EITHER_LEVEL = "the label is known at two levels, and the print does not show at which it stands"


@dataclass(frozen=True, slots=True)
class Label:
    """A merged label: its chunks, its text, and the number of words that stand before it."""

    text: str
    chunks: tuple[Chunk, ...]
    place: int


# -- taking them out of the words --------------------------------------------------------------------------------------


def pick_labels(draft: Draft, chunks: list[Chunk], spanning: list[Column]) -> tuple[list[Label], list[Chunk]]:
    """Take the known labels out of the words, also those broken into pieces: one after the other, or on lines that other cells share."""
    values = {squeeze(value) for column in spanning if column.leaf is not None for value, _ in column.leaf.values}
    labels: list[Label] = []
    words: list[Chunk] = []
    taken: set[Chunk] = set()
    for position, chunk in enumerate(chunks):
        if chunk in taken:
            continue
        pieces = _whole(draft, chunks, position, values) or _torn(draft, chunks[position:], values, taken, "")
        if pieces:
            labels.append(Label("".join(squeeze(draft.text(piece)) for piece in pieces), pieces, len(words)))
            taken.update(pieces)
        else:
            words.append(chunk)
    return labels, words


def _whole(draft: Draft, chunks: list[Chunk], position: int, values: set[str]) -> tuple[Chunk, ...]:
    """The words from here on that make a known label, one after the other; as many as do."""
    text, best = "", 0
    for count, chunk in enumerate(chunks[position : position + MAX_LABEL_WORDS], 1):
        text += squeeze(draft.text(chunk))
        if text in values:
            best = count
    return tuple(chunks[position : position + best])


def _torn(draft: Draft, chunks: list[Chunk], values: set[str], taken: set[Chunk], text: str) -> tuple[Chunk, ...]:
    """The pieces of a known label from the first chunk on, each on one of the next lines after the one before it, near its left edge."""
    text += squeeze(draft.text(chunks[0]))
    if text in values:
        return (chunks[0],)
    if len(text) < MIN_PIECE or not any(value.startswith(text) for value in values):
        return ()
    for index, chunk in enumerate(chunks[1:MAX_PIECE_WORDS], 1):
        if chunks[0].line < chunk.line <= chunks[0].line + MAX_LINES_APART and chunk.col <= MAX_LEFT and chunk not in taken:
            rest = _torn(draft, chunks[index:], values, taken, text)
            if rest:
                return (chunks[0], *rest)
    return ()


# -- the levels they stand at ------------------------------------------------------------------------------------------


def _levels(leaves: list[Leaf], labels: list[Label]) -> tuple[dict[str, list[Label]], set[Label]]:
    """Share the labels out among the columns that know them; one known to two columns goes by its neighbours. Also the labels for which
    these do not decide."""
    found: dict[str, list[Label]] = {leaf.name: [] for leaf in leaves}
    unsure: set[Label] = set()
    for index, label in enumerate(labels):
        fitting = [leaf for leaf in leaves if label.text in {squeeze(value) for value, _ in leaf.values}]
        if not fitting:
            continue
        following = labels[index + 1].text if index + 1 < len(labels) else ""
        chosen = fitting[0]
        if len(fitting) > 1 and not any(_stands_under(leaf, following, label.text) for leaf in leaves):
            chosen, sure = _by_last(fitting, label, found[leaves[0].name])
            unsure |= set() if sure else {label}
        found[chosen.name].append(label)
    return found, unsure


def _by_last(fitting: list[Leaf], label: Label, highest: list[Label]) -> tuple[Leaf, bool]:
    """The level of a label known to two, by the last label of the highest level before it; and whether that decides."""
    last = highest[-1].text if highest else ""
    child = _stands_under(fitting[-1], label.text, last)
    return fitting[-1] if child or last == label.text else fitting[0], not child or last == label.text


def _stands_under(leaf: Leaf, text: str, above: str) -> bool:
    return above in map(squeeze, parents(leaf, text))


# -- the rows they cover -----------------------------------------------------------------------------------------------


def store_labels(draft: Draft, spanning: list[Column], labels: list[Label], rows: list[Row], words: list[Chunk], place: str) -> bool:
    """Put the labels that cover each row, the lowest level first: a label may decide the one above it. True where a level's labels stand
    amid their rows, not before them."""
    leaves = [column.leaf for column in spanning if column.leaf is not None]
    by_leaf, unsure = _levels(leaves, labels)
    at = _rows_at(labels, rows, words)
    below: list[Label | None] = [None] * len(rows)
    doubtful: set[int] = set()
    amid = False
    for index, leaf in reversed(list(enumerate(leaves))):
        higher = [label for other in leaves[:index] for label in by_leaf[other.name]]
        chosen, sure = _covering(leaf, by_leaf[leaf.name], higher, at, len(rows))
        amid = amid or (bool(by_leaf[leaf.name]) and not sure)
        if index + 1 < len(leaves):
            chosen = [_by_child(leaves[index + 1], child, by_leaf[leaf.name], label) for child, label in zip(below, chosen, strict=True)]
        doubtful |= {number for number, label in enumerate(chosen) if label in unsure}
        for number, label in enumerate(chosen):
            reason = _EITHER_LEVEL if number in doubtful else "" if sure or below[number] is not None else _AMID
            _store_label(draft, leaf, f"{place}/{number}", label, reason)
        below = chosen
    return amid


def _rows_at(labels: list[Label], rows: list[Row], words: list[Chunk]) -> dict[Label, int]:
    """For each label the row whose word follows it: a row that goes on behind it belongs to it."""
    row_of_word = {chunk: number for number, row in enumerate(rows) for cell in row.cells.values() for chunk in cell}
    return {label: row_of_word.get(words[label.place], len(rows)) if label.place < len(words) else len(rows) for label in labels}


def _covering(leaf: Leaf, own: list[Label], higher: list[Label], at: dict[Label, int], count: int) -> tuple[list[Label | None], bool]:
    """The label of one level that covers each row, and whether that is sure; `higher` are the labels of the levels above."""
    covering, sure = cover(count, [at[label] for label in own])
    chosen: list[Label | None] = [own[index] for index in covering] if covering else [None] * count
    return _ended(leaf, chosen, higher, at) if sure else chosen, sure


def _ended(leaf: Leaf, chosen: list[Label | None], higher: list[Label], at: dict[Label, int]) -> list[Label | None]:
    """A label ends where a label of a higher level begins that it cannot stand under: what follows has none until the next is printed."""
    return [
        None
        if label is not None and any(at[label] < at[other] <= number for other in higher if not _may_stand(leaf, label, other))
        else label
        for number, label in enumerate(chosen)
    ]


def _may_stand(leaf: Leaf, label: Label, other: Label) -> bool:
    """Whether a label may stand under another; where the schema does not say, it may."""
    value = _value(leaf, label)
    return not parents(leaf, value) or _stands_under(leaf, value, other.text)


def _by_child(leaf: Leaf, child: Label | None, own: list[Label], current: Label | None) -> Label | None:
    """A child with one printed parent decides it, wherever the parent's label stands. `leaf` is the child's level."""
    allowed = {squeeze(parent) for parent in parents(leaf, child.text)} if child is not None else set()
    if not allowed or (current is not None and current.text in allowed):
        return current
    printed = [label for label in own if label.text in allowed]
    return printed[-1] if printed else current


def _store_label(draft: Draft, leaf: Leaf, place: str, label: Label | None, reason: str) -> None:
    where = place + pointer(leaf.name)
    doubts = (reason,) if reason else ()
    if label is None:
        draft.blank(where, *(doubts if reason == _EITHER_LEVEL else ()))
        return
    draft.put(where, tuple((chunk.start, chunk.end) for chunk in label.chunks), text=_value(leaf, label), doubts=doubts)


def _value(leaf: Leaf, label: Label) -> str:
    """The known value that the label prints."""
    return next((value for value, _ in leaf.values if squeeze(value) == label.text), label.text)
