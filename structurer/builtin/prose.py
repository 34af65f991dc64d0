"""Values printed in sentences: sections by their headings, phrases, printed calculations, codes and enumerations.

Numbered entries with an amount each are read by `amounts`; here only where they are, and what is said outside them, of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from structurer.builtin.amounts import Entry, Region, number_span, read_entries, read_parts, unit_pattern
from structurer.builtin.draft import Draft
from structurer.builtin.fields import split
from structurer.contracts.phrases import Found, Phrase, compile_phrase, fields_of, search
from structurer.contracts.schema import Group, Kind, Leaf, Node, Rows
from structurer.fold import Break, Folded, squeeze
from structurer.judging.parse import reckon
from structurer.record import BLANK, pointer

MAX_PERHAPS = 50  # matches of a phrase that are tried against the checks
_HEADING_STYLES = (
    r"[一二三四五六七八九十]{1,3}[、.]",
    r"\([一二三四五六七八九十]{1,3}\)",
    r"\d{1,2}[、.](?!\d)",
    r"第[一二三四五六七八九十]{1,3}[章节部分]+",
    "",
)
_HAN = "〇一二三四五六七八九"
_TERM = r"\d[\d,]*(?:\.\d+)?(?:[^\d+*/=,，。;；:：()、\s-]{0,4}(?:/[^\d+*/=,，。;；:：()、-]{1,4})*)"
_CALCULATION = re.compile(rf"(?P<expression>\(?{_TERM}\)?(?:[*+/-]\(?{_TERM}\)?)+)=(?P<result>\d[\d,]*(?:\.\d+)?)")


def read_prose(draft: Draft) -> None:
    """Fill every field that its schema says is printed in sentences; what only checks can choose comes last."""
    folded = draft.layout.folded
    entries: dict[tuple[str, ...], list[Entry]] = {}
    for node in _nodes(draft.schema.root):
        if isinstance(node, Rows) and node.itemised and not node.printed.phrases:
            for region in _regions(draft, node):
                entries[node.printed.section] = read_entries(draft, node, region)
    nodes = sorted(_nodes(draft.schema.root), key=lambda node: any(text.startswith("?") for text in node.printed.phrases))
    for node in nodes:
        for region in _regions(draft, node):
            if isinstance(node, Rows):
                _read_list(draft, node, region, entries.get(node.printed.section, []))
            elif node.printed.phrases:
                _read_phrases(draft, node, _outside(region, entries.get(node.printed.section, [])), folded)
    _doubt_units(draft)


def _doubt_units(draft: Draft) -> None:
    """Amounts whose unit is printed elsewhere on the form, but was not found there."""
    units = {leaf.unit for leaf in draft.schema.leaves() if leaf.unit is not None and leaf.unit.startswith("$.")}
    for unit in units:
        place = pointer(*unit[2:].split("."))
        if draft.leaves.get(place, BLANK).text is None:
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


def _outside(region: Region, entries: list[Entry]) -> list[Region]:
    """The parts of a section that no numbered entry covers: what is said of the whole stands there."""
    if not entries:
        return [region]
    return [Region(region.first, entries[0].start), Region(entries[-1].tail, region.last)]


# -- phrases -----------------------------------------------------------------------------------------------------------


def _read_phrases(draft: Draft, node: Leaf | Group, regions: list[Region], folded: Folded) -> None:
    leaves = (node,) if isinstance(node, Leaf) else tuple(leaf for leaf in node.members if isinstance(leaf, Leaf))
    if any(draft.leaves.get(pointer(*leaf.path), BLANK).text is not None for leaf in leaves):
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


def _read_list(draft: Draft, node: Rows, region: Region, entries: list[Entry]) -> None:
    place = pointer(*node.path)
    if place in draft.rows:
        return
    if isinstance(node.row, Leaf):
        if node.row.pattern:
            _read_codes(draft, node, node.row.pattern, region)
        elif node.separator:
            _read_enumeration(draft, node, region)
    elif any(isinstance(leaf, Leaf) and leaf.kind is Kind.EXPRESSION for leaf in node.row.members):
        _read_calculations(draft, node, region, entries)
    elif node.separator and node.itemised:
        read_parts(draft, node, region)


def _read_codes(draft: Draft, node: Rows, pattern: str, region: Region) -> None:
    """Everything in the section that the pattern matches; its first group, where it has one, is the value."""
    import re2

    folded = draft.layout.folded
    place = pointer(*node.path)
    base = draft.layout.start
    text = "".join(draft.layout.clean[offset - base] for offset in folded.offsets[region.first : region.last])
    quiet = re2.Options()
    quiet.log_errors = False  # what it would say on stderr is no word to the user
    compiled = re2.compile(pattern, quiet)
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


def _read_calculations(draft: Draft, node: Rows, region: Region, entries: list[Entry]) -> None:
    """Every printed "expression = result": a chain of figures and operators before an equals sign."""
    assert isinstance(node.row, Group)
    folded = draft.layout.folded
    leaves = {leaf.kind: leaf for leaf in node.row.members if isinstance(leaf, Leaf)}
    found = [(match, _started(match, folded)) for match in _CALCULATION.finditer(folded.chars, region.first, region.last)]
    found = [(match, (first, last)) for match, (first, last) in found if reckon(folded.chars[first:last]) is not None]
    draft.rows[pointer(*node.path)] = len(found)
    for number, (match, expression) in enumerate(found):
        spans = {Kind.EXPRESSION: folded.span(*expression), **_beside(folded, match, unit_pattern(leaves.get(Kind.UNIT)), entries)}
        for kind, span in spans.items():
            if kind in leaves:
                draft.put(pointer(*node.path) + f"/{number}" + pointer(leaves[kind].name), (span,))


def _beside(folded: Folded, match: re.Match[str], units: re.Pattern[str], entries: list[Entry]) -> dict[Kind, tuple[int, int]]:
    """Where a calculation's result is printed, its unit, and the number of the entry that it stands in."""
    found = {Kind.NUMBER: folded.span(*match.span("result"))}
    if unit := units.match(folded.chars, match.end()):
        found[Kind.UNIT] = folded.span(*unit.span())
    entry = next((entry for entry in reversed(entries) if entry.first <= match.start() < entry.last), None)
    if entry is not None:
        found[Kind.INTEGER] = number_span(folded, entry)
    return found


def _started(match: re.Match[str], folded: Folded) -> tuple[int, int]:
    """The expression without an opening bracket that is not closed in it."""
    first, last = match.span("expression")
    text = folded.chars[first:last]
    if text.startswith("(") and text.count("(") > text.count(")"):
        first += 1
    return first, last
