"""Entries with an amount and a label each, numbered or parted in running text: what a budget in sentences consists of.

An entry is the text from its number to the next one. Its amount is the first with a unit of money, its label the words before that amount
without what only introduces it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from structurer.builtin.draft import Draft
from structurer.contracts.phrases import compile_phrase, search
from structurer.contracts.schema import Group, Kind, Leaf, Node, Rows
from structurer.fold import Break, Folded, squeeze
from structurer.record import pointer

MAX_ENTRIES = 2000
MIN_PRICED = 0.8  # share of numbered entries that print an amount, below which the list is one of remarks
_STYLES = (r"\d{1,2}[.、](?!\d)", r"-?\(\d{1,2}\)", r"-?\([一二三四五六七八九十]{1,3}\)", r"\d{1,2}\)", r"[①-⑳]", r"[a-z]\)")
_AMOUNT = r"(?<![\d.,])(\d[\d,]*(?:\.\d+)?)({units})(?![/·])"
_CLAUSE = re.compile(r"[,，。;；:：]")
_QUANTITY = re.compile(r"\d[\d,.]*[^\d,，。;；:：()]{0,2}$")
_EXPRESSION = re.compile(r"\(?\d[^,，。;；:：=]*=$")
_BRACKET = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Region:
    """chars[first:last] of the folded segment."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A numbered entry: its number as printed, which begins at `start`, and chars[first:last], the text behind the number."""

    number: str
    start: int
    first: int
    last: int
    style: int
    tail: int = 0  # where the paragraph of its last part ends: what follows is said of the whole


# -- lists of entries --------------------------------------------------------------------------------------------------


def read_entries(draft: Draft, node: Rows, region: Region) -> list[Entry]:
    """A numbered list whose entries each print an amount; the second numbering style inside it numbers their parts."""
    folded = draft.layout.folded
    found = _numbered(folded, region)
    top = found[0].style if found else 0
    entries = _extended([entry for entry in found if entry.style == top], region.last)
    priced = [entry for entry in entries if _amount(node, folded, entry) is not None]
    if not entries or len(priced) < len(entries) * MIN_PRICED:
        draft.rows[pointer(*node.path)] = 0  # nothing, or numbered remarks: not a list of amounts
        return []
    entries[-1] = replace(entries[-1], tail=_paragraph_end(folded, found[-1].first, region.last))
    _put_entries(draft, node, pointer(*node.path), entries, [entry for entry in found if entry.style != top])
    return entries


def read_parts(draft: Draft, node: Rows, region: Region) -> None:
    """Parts of an amount named in a bracket behind it: the phrase finds the bracket, the separator parts its members."""
    folded = draft.layout.folded
    place = pointer(*node.path)
    draft.rows[place] = 0
    for text in node.printed.phrases:
        found = search(compile_phrase(text, ()), folded, region.first, region.last)
        if found is None or "" not in found.captures:
            continue
        parts = _parted(folded, *found.captures[""], node.separator or "，")
        priced = [part for part in parts if _amount(node, folded, part) is not None]
        if len(priced) >= 2:
            draft.rows[place] = len(priced)
            for number, part in enumerate(priced):
                _put_entry(draft, node, f"{place}/{number}", part)
            return


def _parted(folded: Folded, first: int, last: int, separator: str) -> list[Entry]:
    """The parts of chars[first:last], which have no numbers."""
    ends = [match.start() for match in re.finditer(f"[{re.escape(squeeze(separator))}]", folded.chars[first:last])]
    cuts = [first, *(first + end + 1 for end in ends), last + 1]
    return [Entry("", start, start, end - 1, 0) for start, end in pairwise(cuts) if end - 1 > start]


def _paragraph_end(folded: Folded, first: int, last: int) -> int:
    """The end of the first line that ends with a full stop: a wrapped line goes on, a paragraph does not."""
    for position in range(first + 1, last):
        if folded.break_before(position) >= Break.LINE and folded.chars[position - 1] in "。;；":
            return position
    return last


def _numbered(folded: Folded, region: Region) -> list[Entry]:
    """Numbers at the start of a line (or behind a sentence), in order."""
    found = []
    for style, pattern in enumerate(_STYLES):
        for match in re.compile(pattern).finditer(folded.chars, region.first, region.last):
            if folded.break_before(match.start()) >= Break.LINE:
                found.append(Entry(match.group(), match.start(), match.end(), region.last, style))
    found.sort(key=lambda entry: entry.start)
    return _extended(found[:MAX_ENTRIES], region.last)


def _extended(entries: list[Entry], last: int) -> list[Entry]:
    """Each entry reaches to the next."""
    ends = [*(entry.start for entry in entries[1:]), last][: len(entries)]
    return [replace(entry, last=end) for entry, end in zip(entries, ends, strict=True)]


# -- storing them ------------------------------------------------------------------------------------------------------


def _put_entries(draft: Draft, node: Rows, place: str, entries: list[Entry], parts: list[Entry]) -> None:
    assert isinstance(node.row, Group)
    draft.rows[place] = len(entries)
    nested = next((child for child in node.row.members if isinstance(child, Rows) and child.itemised), None)
    for number, entry in enumerate(entries):
        row = f"{place}/{number}"
        own = [part for part in parts if entry.first <= part.start < entry.last]
        _put_entry(draft, node, row, replace(entry, last=own[0].start if own else entry.last))
        if nested is not None:
            _put_entries(draft, nested, row + pointer(nested.name), _inner(draft.layout.folded, nested, entry, own), [])


def _inner(folded: Folded, node: Rows, entry: Entry, parts: list[Entry]) -> list[Entry]:
    """The parts of an entry in the numbering style of the first; none where no part prints an amount."""
    inner = _extended([part for part in parts if part.style == parts[0].style != entry.style], entry.last)
    return inner if any(_amount(node, folded, part) is not None for part in inner) else []


def _put_entry(draft: Draft, node: Rows, row: str, entry: Entry) -> None:
    folded, leaves = draft.layout.folded, _leaves(node)
    if entry.start < entry.first:
        draft.explain(*folded.span(entry.start, entry.first))
        if Kind.INTEGER in leaves and re.search(r"\d", entry.number):
            draft.put(row + pointer(leaves[Kind.INTEGER].name), (number_span(folded, entry),))
    amount = _amount(node, folded, entry)
    if amount is None:
        draft.doubt(row, "the entry prints no amount")
        _put_label(draft, leaves.get(Kind.TEXT), row, entry.first, _clause_end(folded, entry.first, entry.last))
        return
    draft.put(row + pointer(leaves[Kind.NUMBER].name), (folded.span(*amount.span(1)),))
    if Kind.UNIT in leaves:
        draft.put(row + pointer(leaves[Kind.UNIT].name), (folded.span(*amount.span(2)),))
    end = _expression_start(folded, entry.first, amount.start())
    _put_label(draft, leaves.get(Kind.TEXT), row, *_label(folded, entry.first, end, node.fillers))


def _put_label(draft: Draft, leaf: Leaf | None, row: str, first: int, last: int) -> None:
    if leaf is None:
        return
    if first < last:
        draft.put(row + pointer(leaf.name), (draft.layout.folded.span(first, last),))
    else:
        draft.blank(row + pointer(leaf.name), "the entry has no label")


def _leaves(node: Rows) -> dict[Kind, Leaf]:
    assert isinstance(node.row, Group)
    return {leaf.kind: leaf for leaf in node.row.members if isinstance(leaf, Leaf)}


def number_span(folded: Folded, entry: Entry) -> tuple[int, int]:
    """Where the text prints the entry's number: its digits, or the whole of it where it has none."""
    digits = re.search(r"\d+", folded.chars[entry.start : entry.first])
    return folded.span(entry.start + digits.start(), entry.start + digits.end()) if digits else folded.span(entry.start, entry.first)


# -- amounts -----------------------------------------------------------------------------------------------------------


def _amount(node: Rows, folded: Folded, entry: Entry) -> re.Match[str] | None:
    """The amount of the entry: the first that stands for itself, outside brackets if one does; else the result of its calculation."""
    pattern = re.compile(_AMOUNT.format(units=unit_pattern(_leaves(node).get(Kind.UNIT)).pattern))
    brackets = [match.span() for match in _BRACKET.finditer(folded.chars, entry.first, entry.last)]
    found = list(pattern.finditer(folded.chars, entry.first, entry.last))
    plain = [match for match in found if not _in_calculation(folded, match)]
    results = [match for match in found if folded.chars[match.start() - 1] == "="]
    outside = [match for match in plain if not any(start < match.start() < end for start, end in brackets)]
    return next(iter([*outside, *results, *plain, *found]), None)


def unit_pattern(leaf: Node | None) -> re.Pattern[str]:
    """Any unit that the leaf may print; of money where it does not say."""
    choices = leaf.choices if isinstance(leaf, Leaf) and leaf.choices else ("万元", "元")
    return re.compile("|".join(re.escape(squeeze(choice)) for choice in sorted(choices, key=len, reverse=True)))


def _in_calculation(folded: Folded, match: re.Match[str]) -> bool:
    around = folded.chars[max(match.start() - 1, 0)] + folded.chars[match.end() : match.end() + 1]
    return any(char in "*=+" for char in around)


# -- labels ------------------------------------------------------------------------------------------------------------


def _expression_start(folded: Folded, first: int, last: int) -> int:
    """Where the calculation begins that ends before chars[last]; `last` where there is none."""
    match = _EXPRESSION.search(folded.chars, first, last) if folded.chars[last - 1] == "=" else None
    return match.start() if match else last


def _label(folded: Folded, first: int, last: int, fillers: tuple[str, ...]) -> tuple[int, int]:
    """What the amount is for: the words before it, without the fillers; or the first clause, where the amount's own holds fillers alone."""
    end = _without_fillers(folded, first, last, fillers)
    clause = max((match.end() for match in _CLAUSE.finditer(folded.chars, first, last)), default=first)
    if end > clause or clause == first:
        return first, end
    return first, _without_fillers(folded, first, _clause_end(folded, first, last), fillers)


def _clause_end(folded: Folded, first: int, last: int) -> int:
    match = _CLAUSE.search(folded.chars, first, last)
    return match.start() if match else last


def _without_fillers(folded: Folded, first: int, last: int, fillers: tuple[str, ...]) -> int:
    """Move the end before trailing marks, fillers ("预计", "合计") and quantities with their verb ("安排7批")."""
    words = sorted((squeeze(filler) for filler in fillers), key=len, reverse=True)
    while last > first:
        text = folded.chars[first:last]
        quantity = _QUANTITY.search(text)
        if text[-1] in ",，。;；:：、":
            last -= 1
        elif filler := next((word for word in words if text.endswith(word)), None):
            last -= len(filler)
        elif quantity and quantity.start() > 0 and any(text[: quantity.start()].endswith(word) for word in words):
            last = first + quantity.start()
        else:
            break
    return last
