"""Values printed in sentences: sections, phrases, numbered items with amounts, printed calculations, codes and enumerations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from structurer.draft import Draft
from structurer.fields import split
from structurer.fold import Break, Folded, squeeze
from structurer.parse import reckon
from structurer.phrases import Found, Phrase, compile_phrase, fields_of, search
from structurer.record import Extract, pointer
from structurer.schema import Group, Kind, Leaf, Node, Rows

MAX_ITEMS = 2000
MAX_PERHAPS = 50  # matches of a phrase that are tried against the checks
MIN_PRICED = 0.8  # share of numbered items that print an amount, below which the list is one of remarks
_HEADING_STYLES = (
    r"[一二三四五六七八九十]{1,3}[、.]",
    r"\([一二三四五六七八九十]{1,3}\)",
    r"\d{1,2}[、.](?!\d)",
    r"第[一二三四五六七八九十]{1,3}[章节部分]+",
    "",
)
_HAN = "〇一二三四五六七八九"
_ITEM_STYLES = (r"\d{1,2}[.、](?!\d)", r"-?\(\d{1,2}\)", r"-?\([一二三四五六七八九十]{1,3}\)", r"\d{1,2}\)", r"[①-⑳]", r"[a-z]\)")
_AMOUNT = r"(?<![\d.,])(\d[\d,]*(?:\.\d+)?)({units})(?![/·])"
_CLAUSE = re.compile(r"[,，。;；:：]")
_QUANTITY = re.compile(r"\d[\d,.]*[^\d,，。;；:：()]{0,2}$")
_TERM = r"\d[\d,]*(?:\.\d+)?(?:[^\d+*/=,，。;；:：()、\s-]{0,4}(?:/[^\d+*/=,，。;；:：()、-]{1,4})*)"
_CALCULATION = re.compile(rf"(?P<expression>\(?{_TERM}\)?(?:[*+/-]\(?{_TERM}\)?)+)=(?P<result>\d[\d,]*(?:\.\d+)?)")
_BRACKET = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Region:
    """chars[first:last] of the folded segment."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Item:
    """A numbered item: its number as printed and chars[first:last], the text behind the number."""

    number: str
    start: int
    first: int
    last: int
    style: int
    tail: int = 0  # where the paragraph of its last part ends: what follows is said of the whole


def read_prose(draft: Draft) -> None:
    """Fill every field that its schema says is printed in sentences; what only checks can choose comes last."""
    folded = draft.layout.folded
    items: dict[tuple[str, ...], list[Item]] = {}
    for node in _nodes(draft.schema.root):
        if isinstance(node, Rows) and node.itemised and not node.printed.phrases:
            for region in _regions(draft, node):
                items[node.printed.section] = _read_items(draft, node, region)
    nodes = sorted(_nodes(draft.schema.root), key=lambda node: any(text.startswith("?") for text in node.printed.phrases))
    for node in nodes:
        for region in _regions(draft, node):
            if isinstance(node, Rows):
                _read_list(draft, node, region, items.get(node.printed.section, []))
            elif node.printed.phrases:
                _read_phrases(draft, node, _outside(region, items.get(node.printed.section, [])), folded)
    _doubt_units(draft)


def _doubt_units(draft: Draft) -> None:
    """Amounts whose unit is printed elsewhere on the form, but was not found there."""
    units = {leaf.unit for leaf in draft.schema.leaves() if leaf.unit is not None and leaf.unit.startswith("$.")}
    for unit in units:
        place = pointer(*unit[2:].split("."))
        if draft.leaves.get(place, Extract(None)).text is None:
            draft.blank(place, "the unit of the amounts is not found")


def _nodes(node: Node) -> Iterator[Node]:
    """Nodes that are printed in prose: with phrases, or lists under a section."""
    if node.printed.phrases or (isinstance(node, Rows) and node.printed.section):
        yield node
    elif isinstance(node, Group):
        for member in node.members:
            yield from _nodes(member)


# -- sections ----------------------------------------------------------------------------------------------------------


def _regions(draft: Draft, node: Node) -> list[Region]:
    folded = draft.layout.folded
    if not node.printed.section:
        return [Region(0, len(folded.chars))]
    for title in node.printed.section:
        region = find_section(draft, squeeze(title))
        if region is not None:
            return [region]
    if node.required:
        draft.doubt("", f"no heading of the section that holds {node.name!r} is found: {node.printed.section[0]}")
    elif any(squeeze(title) in folded.chars for title in node.printed.section):
        draft.doubt(pointer(*node.path), "the heading of its section stands in the text, but on no line of its own")
    return []


def find_section(draft: Draft, title: str) -> Region | None:
    """The text below a heading on a line of its own, up to the next heading numbered in the same style."""
    folded = draft.layout.folded
    for style in _HEADING_STYLES:
        for match in re.finditer(f"{style}{re.escape(title)}:?", folded.chars):
            if folded.break_before(match.start()) >= Break.LINE and (
                folded.break_before(match.end()) >= Break.LINE or match.group().endswith(":")
            ):
                draft.explain(*folded.span(match.start(), match.end()))
                return Region(match.end(), _next_heading(folded, style, match.start(), match.end()))
    return None


def _next_heading(folded: Folded, style: str, start: int, after: int) -> int:
    """Where the next heading begins: numbered in the same style, with a greater number (the section's own items begin with 1)."""
    pattern = re.compile(style)
    own = pattern.match(folded.chars, start)
    if not style or own is None:
        return len(folded.chars)
    following = [match for match in pattern.finditer(folded.chars, after) if folded.break_before(match.start()) >= Break.LINE]
    numbered = [match for match in following if match.group()[-1] == own.group()[-1] and _ordinal(match.group()) > _ordinal(own.group())]
    return next((match.start() for match in numbered or following), len(folded.chars))


def _ordinal(number: str) -> int:
    """The value of a heading's number, in digits or up to 九十九 in ideographs."""
    if digits := re.search(r"\d+", number):
        return int(digits.group())
    tens, ten, ones = re.sub(r"[^一二三四五六七八九十]", "", number).rpartition("十")
    return (_HAN.find(tens) if tens else 1) * 10 * bool(ten) + max(_HAN.find(ones), 0) if ones or ten else 0


def _outside(region: Region, items: list[Item]) -> list[Region]:
    """The parts of a section that no numbered item covers: what is said of the whole stands there."""
    if not items:
        return [region]
    return [Region(region.first, items[0].start), Region(items[-1].tail, region.last)]


# -- phrases -----------------------------------------------------------------------------------------------------------


def _read_phrases(draft: Draft, node: Leaf | Group, regions: list[Region], folded: Folded) -> None:
    leaves = (node,) if isinstance(node, Leaf) else tuple(leaf for leaf in node.members if isinstance(leaf, Leaf))
    if any(draft.leaves.get(pointer(*leaf.path), Extract(None)).text is not None for leaf in leaves):
        return
    for text in node.printed.phrases:
        phrase = compile_phrase(text, fields_of(leaves))
        for region in regions:
            if phrase.perhaps and _borne_out(draft, leaves, phrase, region):
                return
            found = None if phrase.perhaps else search(phrase, folded, region.first, region.last)
            if found is not None:
                _put_captures(draft, leaves, found, folded)
                return


def _borne_out(draft: Draft, leaves: tuple[Leaf, ...], phrase: Phrase, region: Region) -> bool:
    """Put the first match under which a check that names the fields holds and none of those fails; put nothing where there is none."""
    folded = draft.layout.folded
    places = {pointer(*leaf.path) for leaf in leaves}
    position = region.first
    for _ in range(MAX_PERHAPS):
        found = search(phrase, folded, position, region.last)
        if found is None:
            break
        _put_captures(draft, leaves, found, folded)
        verdicts = [checked.holds for checked in draft.checked() if places & set(checked.outcome.cells)]
        if True in verdicts and False not in verdicts:
            return True
        position = found.last
    for place in places:
        draft.leaves.pop(place, None)
    return False


def _put_captures(draft: Draft, leaves: tuple[Leaf, ...], found: Found, folded: Folded) -> None:
    draft.explain(*folded.span(found.first, found.last))
    for leaf in leaves:
        span = found.captures.get(leaf.name)
        while span is not None and span[0] < span[1] and leaf.kind is Kind.TEXT and folded.chars[span[0]] in ":,，、":
            span = (span[0] + 1, span[1])
        if span is not None and span[0] < span[1]:
            draft.put(pointer(*leaf.path), (folded.span(*span),))


# -- lists -------------------------------------------------------------------------------------------------------------


def _read_list(draft: Draft, node: Rows, region: Region, items: list[Item]) -> None:
    place = pointer(*node.path)
    if place in draft.rows:
        return
    if isinstance(node.item, Leaf):
        if node.item.pattern:
            _read_codes(draft, node, node.item.pattern, region)
        elif node.separator:
            _read_enumeration(draft, node, region)
    elif any(isinstance(leaf, Leaf) and leaf.kind is Kind.EXPRESSION for leaf in node.item.members):
        _read_calculations(draft, node, region, items)
    elif node.separator and node.itemised:
        _read_parts(draft, node, region)


def _read_codes(draft: Draft, node: Rows, pattern: str, region: Region) -> None:
    """Everything in the section that the pattern matches; its first group, where it has one, is the value."""
    import re2

    folded = draft.layout.folded
    place = pointer(*node.path)
    base = draft.layout.start
    text = "".join(draft.layout.clean[offset - base] for offset in folded.offsets[region.first : region.last])
    compiled = re2.compile(pattern)
    spans = [match.span(1 if compiled.groups else 0) for match in compiled.finditer(text)]
    draft.rows[place] = len(spans)
    for number, (first, last) in enumerate(spans):
        draft.put(f"{place}/{number}", (folded.span(region.first + first, region.first + last),))


def _read_enumeration(draft: Draft, node: Rows, region: Region) -> None:
    place = pointer(*node.path)
    if region.first >= region.last:
        return
    span = draft.layout.folded.span(region.first, region.last)
    members = split(draft.layout.clean, draft.layout.start, span, node.separator or "、")
    draft.rows[place] = len(members)
    for number, member in enumerate(members):
        draft.put(f"{place}/{number}", (member,))


def _read_calculations(draft: Draft, node: Rows, region: Region, items: list[Item]) -> None:
    """Every printed "expression = result": a chain of figures and operators before an equals sign."""
    assert isinstance(node.item, Group)
    folded = draft.layout.folded
    place = pointer(*node.path)
    by_kind = {leaf.kind: leaf for leaf in node.item.members if isinstance(leaf, Leaf)}
    units = _unit_pattern(by_kind.get(Kind.UNIT))
    count = 0
    for match in _CALCULATION.finditer(folded.chars, region.first, region.last):
        first, last = _started(match, folded)
        if reckon(folded.chars[first:last]) is None:
            continue
        row = f"{place}/{count}"
        count += 1
        draft.put(row + pointer(by_kind[Kind.EXPRESSION].name), (folded.span(first, last),))
        if Kind.NUMBER in by_kind:
            draft.put(row + pointer(by_kind[Kind.NUMBER].name), (folded.span(*match.span("result")),))
        unit = units.match(folded.chars, match.end())
        if unit and Kind.UNIT in by_kind:
            draft.put(row + pointer(by_kind[Kind.UNIT].name), (folded.span(*unit.span()),))
        item = next((item for item in reversed(items) if item.first <= match.start() < item.last), None)
        if item is not None and Kind.INTEGER in by_kind:
            draft.put(row + pointer(by_kind[Kind.INTEGER].name), (_number_span(folded, item),))
    draft.rows[place] = count


def _started(match: re.Match[str], folded: Folded) -> tuple[int, int]:
    """The expression without an opening bracket that is not closed in it."""
    first, last = match.span("expression")
    text = folded.chars[first:last]
    if text.startswith("(") and text.count("(") > text.count(")"):
        first += 1
    return first, last


def _unit_pattern(leaf: Node | None) -> re.Pattern[str]:
    choices = leaf.choices if isinstance(leaf, Leaf) and leaf.choices else ("万元", "元")
    return re.compile("|".join(re.escape(squeeze(choice)) for choice in sorted(choices, key=len, reverse=True)))


def _number_span(folded: Folded, item: Item) -> tuple[int, int]:
    digits = re.search(r"\d+", folded.chars[item.start : item.first])
    return folded.span(item.start + digits.start(), item.start + digits.end()) if digits else folded.span(item.start, item.first)


# -- items with amounts ------------------------------------------------------------------------------------------------


def _read_items(draft: Draft, node: Rows, region: Region) -> list[Item]:
    """A numbered list whose items each print an amount; the second numbering style inside it numbers their parts."""
    folded = draft.layout.folded
    found = _numbered(folded, region)
    if not found:
        draft.rows[pointer(*node.path)] = 0
        return []
    top = found[0].style
    items = _extended([item for item in found if item.style == top], region.last)
    priced = [item for item in items if _amount(node, folded, item) is not None]
    if len(priced) < len(items) * MIN_PRICED:
        draft.rows[pointer(*node.path)] = 0  # numbered remarks, not a list of amounts
        return []
    items[-1] = replace(items[-1], tail=_paragraph_end(folded, found[-1].first, region.last))
    _put_items(draft, node, pointer(*node.path), items, [item for item in found if item.style != top])
    return items


def _paragraph_end(folded: Folded, first: int, last: int) -> int:
    """The end of the first line that ends with a full stop: a wrapped line goes on, a paragraph does not."""
    for position in range(first + 1, last):
        if folded.break_before(position) >= Break.LINE and folded.chars[position - 1] in "。;；":
            return position
    return last


def _numbered(folded: Folded, region: Region) -> list[Item]:
    """Numbers at the start of a line (or behind a sentence), in order."""
    found = []
    for style, pattern in enumerate(_ITEM_STYLES):
        for match in re.compile(pattern).finditer(folded.chars, region.first, region.last):
            if folded.break_before(match.start()) >= Break.LINE:
                found.append(Item(match.group(), match.start(), match.end(), region.last, style))
    found.sort(key=lambda item: item.start)
    return _extended(found[:MAX_ITEMS], region.last)


def _extended(items: list[Item], last: int) -> list[Item]:
    """Each item reaches to the next."""
    ends = [*(item.start for item in items[1:]), last][: len(items)]
    return [Item(item.number, item.start, item.first, end, item.style) for item, end in zip(items, ends, strict=True)]


def _put_items(draft: Draft, node: Rows, place: str, items: list[Item], parts: list[Item]) -> None:
    assert isinstance(node.item, Group)
    draft.rows[place] = len(items)
    nested = next((child for child in node.item.members if isinstance(child, Rows) and child.itemised), None)
    for number, item in enumerate(items):
        own = [part for part in parts if item.first <= part.start < item.last]
        head = Item(item.number, item.start, item.first, own[0].start if own else item.last, item.style)
        _put_item(draft, node, f"{place}/{number}", head)
        if nested is not None:
            inner = own if own and own[0].style != item.style else []
            inner = [part for part in inner if part.style == inner[0].style]
            inner = _extended(inner, item.last)
            if inner and all(_amount(nested, draft.layout.folded, part) is None for part in inner):
                inner = []
            _put_items(draft, nested, f"{place}/{number}{pointer(nested.name)}", inner, [])


def _put_item(draft: Draft, node: Rows, row: str, item: Item) -> None:
    assert isinstance(node.item, Group)
    folded = draft.layout.folded
    leaves = {leaf.kind: leaf for leaf in node.item.members if isinstance(leaf, Leaf)}
    if item.start < item.first:
        draft.explain(*folded.span(item.start, item.first))
        if Kind.INTEGER in leaves and re.search(r"\d", item.number):
            draft.put(row + pointer(leaves[Kind.INTEGER].name), (_number_span(folded, item),))
    amount = _amount(node, folded, item)
    if amount is None:
        draft.doubt(row, "the item prints no amount")
        _put_label(draft, leaves.get(Kind.TEXT), row, folded, item.first, _clause_end(folded, item.first, item.last))
        return
    draft.put(row + pointer(leaves[Kind.NUMBER].name), (folded.span(*amount.span(1)),))
    if Kind.UNIT in leaves:
        draft.put(row + pointer(leaves[Kind.UNIT].name), (folded.span(*amount.span(2)),))
    _put_label(draft, leaves.get(Kind.TEXT), row, folded, *_label(folded, item.first, amount.start(), node.fillers))


def _amount(node: Rows, folded: Folded, item: Item) -> re.Match[str] | None:
    """The first amount of money in the item, outside brackets where there is one outside them."""
    assert isinstance(node.item, Group)
    leaves = {leaf.kind: leaf for leaf in node.item.members if isinstance(leaf, Leaf)}
    pattern = re.compile(_AMOUNT.format(units=_unit_pattern(leaves.get(Kind.UNIT)).pattern))
    brackets = [match.span() for match in _BRACKET.finditer(folded.chars, item.first, item.last)]
    first = None
    for match in pattern.finditer(folded.chars, item.first, item.last):
        first = first or match
        if not any(start < match.start() < end for start, end in brackets) and not _in_calculation(folded, match):
            return match
    return first


def _in_calculation(folded: Folded, match: re.Match[str]) -> bool:
    around = folded.chars[max(match.start() - 1, 0)] + folded.chars[match.end() : match.end() + 1]
    return any(char in "*=+" for char in around)


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


def _put_label(draft: Draft, leaf: Leaf | None, row: str, folded: Folded, first: int, last: int) -> None:
    if leaf is None:
        return
    if first < last:
        draft.put(row + pointer(leaf.name), (folded.span(first, last),))
    else:
        draft.blank(row + pointer(leaf.name), "the item has no label")


def _read_parts(draft: Draft, node: Rows, region: Region) -> None:
    """Parts of an amount named in a bracket behind it: the phrase finds the bracket, the separator parts its members."""
    folded = draft.layout.folded
    place = pointer(*node.path)
    draft.rows[place] = 0
    for text in node.printed.phrases:
        found = search(compile_phrase(text, ()), folded, region.first, region.last)
        if found is None or "" not in found.captures:
            continue
        first, last = found.captures[""]
        ends = [match.start() for match in re.finditer(f"[{re.escape(squeeze(node.separator or '，'))}]", folded.chars[first:last])]
        cuts = [first, *(first + end + 1 for end in ends), last + 1]
        items = [Item("", start, start, end - 1, 0) for start, end in pairwise(cuts) if end - 1 > start]
        priced = [item for item in items if _amount(node, folded, item) is not None]
        if len(priced) >= 2:
            draft.rows[place] = len(priced)
            for number, item in enumerate(priced):
                _put_item(draft, node, f"{place}/{number}", item)
            return
