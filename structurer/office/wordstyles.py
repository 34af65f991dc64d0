"""Styles and lists of a Word document: what is hidden, what starts a page, and the number that each paragraph of a list is printed with.

ECMA-376 part 1: 17.7 (styles), 17.9 (numbering).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from structurer.office.numerals import numeral

LEVELS = 9  # of a list
DEFAULT_SIZE = 20  # half points, where a document states none (17.3.2.38)
BULLET = "•"
_OFF = ("0", "false", "off", "none")


def on(properties: Element | None, tag: str) -> bool | None:
    """Whether a property is switched on; None where it is not stated."""
    mark = properties.find(tag) if properties is not None else None
    return None if mark is None else mark.get("w:val") not in _OFF


def value(properties: Element | None, tag: str) -> str | None:
    """The value of a property; None where it is not stated."""
    mark = properties.find(tag) if properties is not None else None
    return None if mark is None else mark.get("w:val")


def number(text: str | None, default: int = 0) -> int:
    """A whole number as XML writes it; `default` where it is none."""
    try:
        return int(text or "")
    except ValueError:
        return default


@dataclass(frozen=True, slots=True)
class Styles:
    """Styles by their id; `default` is that of paragraphs which name none."""

    by_id: dict[str, Element]
    default: str
    default_size: int  # of characters, in half points

    def hidden(self, style: str | None) -> bool:
        """Whether text in this style is not seen."""
        return next((found for each in self._line(style) if (found := on(each.find("w:rPr"), "w:vanish")) is not None), False)

    def starts_page(self, style: str | None) -> bool:
        return next((found for each in self._line(style) if (found := on(each.find("w:pPr"), "w:pageBreakBefore")) is not None), False)

    def size(self, style: str | None) -> int:
        """The size of characters in half points."""
        sizes = (number(value(each.find("w:rPr"), "w:sz")) for each in self._line(style))
        return next((size for size in sizes if size), self.default_size)

    def numbering(self, style: str | None) -> tuple[str, int] | None:
        """The list and level that a paragraph takes from its style."""
        for each in self._line(style):
            paragraph = each.find("w:pPr")
            properties = paragraph.find("w:numPr") if paragraph is not None else None
            if (num := value(properties, "w:numId")) is not None:
                return num, number(value(properties, "w:ilvl"))
        return None

    def _line(self, style: str | None) -> Iterator[Element]:
        """A style and those it is based on; styles that are based on themselves end it."""
        seen: set[str] = set()
        name = style or self.default
        while name in self.by_id and name not in seen:
            seen.add(name)
            yield self.by_id[name]
            name = value(self.by_id[name], "w:basedOn") or ""


def styles(root: Element | None) -> Styles:
    """The styles of the part that holds them."""
    found = {entry.get("w:styleId", ""): entry for entry in (root.iter("w:style") if root is not None else ())}
    defaults = (name for name, entry in found.items() if entry.get("w:type") == "paragraph" and entry.get("w:default") not in (None, *_OFF))
    sizes = (number(mark.get("w:val")) for each in (root.iter("w:rPrDefault") if root is not None else ()) for mark in each.iter("w:sz"))
    return Styles(found, next(defaults, ""), next(sizes, DEFAULT_SIZE))


# --- lists


@dataclass(frozen=True, slots=True)
class Level:
    """How the paragraphs of one level are numbered: "%2" in `text` is the number of the second level."""

    kind: str
    text: str
    start: int
    gap: str
    legal: bool
    restart: int | None  # the level (from 1) after which it starts anew; 0: never; None: after any above it


@dataclass(slots=True)
class Lists:
    """The lists of a document and how far each has been counted."""

    levels: dict[str, dict[int, Level]]  # of abstract lists
    abstracts: dict[str, str]  # of lists
    starts: dict[str, dict[int, int]]  # of lists that start anew
    counts: dict[str, list[int | None]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)  # kinds of numbers that could not be told

    def label(self, num: str, level: int) -> str:
        """The number or bullet of the next paragraph, with the space behind it; empty where it has none or none that can be told."""
        abstract = self.abstracts.get(num)
        found = self.levels.get(abstract or "", {}).get(level)
        if abstract is None or found is None:
            return ""
        counts = self.counts.setdefault(abstract, [None] * LEVELS)
        if (start := self.starts.get(num, {}).pop(level, None)) is not None:
            counts[level] = start - 1
        self._count(counts, level, self.levels[abstract])
        if found.kind == "bullet":
            return BULLET + found.gap if found.text.strip() else ""
        text = self._filled(found, counts, self.levels[abstract])
        return text + found.gap if text else ""

    def _count(self, counts: list[int | None], level: int, levels: dict[int, Level]) -> None:
        before = counts[level]
        counts[level] = levels[level].start if before is None else before + 1
        for below in range(level + 1, LEVELS):
            restart = levels[below].restart if below in levels else None
            if restart is None or restart > level:
                counts[below] = None

    def _filled(self, level: Level, counts: list[int | None], levels: dict[int, Level]) -> str:
        text = level.text
        for place in range(LEVELS):
            if f"%{place + 1}" in text:
                other = levels.get(place, level)
                count = counts[place]
                printed = numeral(other.start if count is None else count, "decimal" if level.legal else other.kind)
                if printed is None:
                    self.unknown.add(other.kind)
                    return ""
                text = text.replace(f"%{place + 1}", printed)
        return text


def lists(root: Element | None, known: Styles) -> Lists:
    """The lists of the part that holds them."""
    if root is None:
        return Lists({}, {}, {})
    levels: dict[str, dict[int, Level]] = {}
    links: dict[str, str] = {}
    for entry in root.iter("w:abstractNum"):
        name = entry.get("w:abstractNumId", "")
        levels[name] = {number(each.get("w:ilvl")): _level(each) for each in entry.iter("w:lvl") if number(each.get("w:ilvl")) < LEVELS}
        if linked := known.numbering(value(entry, "w:numStyleLink")) if value(entry, "w:numStyleLink") else None:
            links[name] = linked[0]
    nums = {entry.get("w:numId", ""): entry for entry in root.iter("w:num")}
    abstracts = {name: value(entry, "w:abstractNumId") or "" for name, entry in nums.items()}
    abstracts = {name: abstracts.get(links.get(abstract, ""), abstract) for name, abstract in abstracts.items()}
    for name, entry in nums.items():
        if own := dict(_own_levels(entry)):
            levels[f"num {name}"] = {**levels.get(abstracts[name], {}), **own}
            abstracts[name] = f"num {name}"
    starts = {name: dict(_starts(entry)) for name, entry in nums.items()}
    return Lists(levels, abstracts, starts)


def _level(entry: Element) -> Level:
    gap = "" if value(entry, "w:suff") == "nothing" else " "
    restart = value(entry, "w:lvlRestart")
    return Level(
        value(entry, "w:numFmt") or "decimal",
        value(entry, "w:lvlText") or "",
        number(value(entry, "w:start"), 1),
        gap,
        bool(on(entry, "w:isLgl")),
        None if restart is None else number(restart),
    )


def _own_levels(entry: Element) -> Iterator[tuple[int, Level]]:
    for each in entry.iter("w:lvlOverride"):
        if (own := each.find("w:lvl")) is not None:
            yield number(each.get("w:ilvl")), _level(own)


def _starts(entry: Element) -> Iterator[tuple[int, int]]:
    for each in entry.iter("w:lvlOverride"):
        if (start := value(each, "w:startOverride")) is not None:
            yield number(each.get("w:ilvl")), number(start, 1)
