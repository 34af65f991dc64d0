"""Web pages (HTML): the text that is seen and the tables, with what is hidden in words.

Parsed by lxml's parser of HTML under Beautiful Soup: unlike that of the standard library it closes the cells, rows, entries and paragraphs
whose end tags a page may leave out, which decides what stands in which cell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from bs4 import BeautifulSoup, CData, Comment, Tag
from bs4.element import PageElement, PreformattedString

from structurer.errors import InputError
from structurer.office.charset import decoded, stated_in
from structurer.office.numerals import numeral
from structurer.office.symbols import drawn
from structurer.office.webflow import Flow
from structurer.office.webmarks import BLOCKS, BULLET, INSTEAD, SILENT, attribute, filled_in, is_hidden, list_kind, symbol_font, whole
from structurer.office.webstyle import Hiding, hiding
from structurer.office.webtable import Printed, formed, spans
from structurer.sheets.sections import Block, Contents, Section, laid, lowered, pages, quoted, raised

MEDIA_TYPE = "text/html"
MOST_BYTES = 50_000_000
MOST_TAGS = 1_000_000  # each takes about a kilobyte of memory
_PROLOG = re.compile(r"^\s*<\?xml[^>]*>")  # it would make the parser warn that this is XML
_CONDITIONAL = re.compile(r"\s*(?:\[if|\[endif|<!\[endif|StartFragment|EndFragment)", re.IGNORECASE)  # marks of office programs


class Unseen(Enum):
    """Why a text is left out, as the user is told."""

    HIDDEN = "text that the page hides was"
    INSTEAD = "text for programs that show less of the page was"
    READING = "readings above characters were"
    COMMENT = "comments in the page's source were"


class Counted(Enum):
    """What the user is told by its number."""

    PICTURES = "picture(s) were not read; they may hold text"
    FRAMES = "frame(s) show other files, which were not read"
    FORMULAS = "formula(s) were written on one line"


def read_webpage(raw: bytes, where: str, stated: str = "") -> Contents:
    """The page as one section; `stated` is the encoding that came with it, which goes before the page's own word."""
    if len(raw) > MOST_BYTES:
        raise InputError(f"the page has more than {MOST_BYTES:,} bytes", where=where, remedy="save its parts as files of their own")
    text = decoded(raw, stated or stated_in(raw), where)
    blocks, warnings = read_markup(text.text, where)
    return Contents((Section("", blocks),), (*text.warnings, *warnings), MEDIA_TYPE)


def read_markup(text: str, where: str) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """The blocks of a page that has been decoded, and what is said of it."""
    if text.count("<") > MOST_TAGS:
        raise InputError(f"the page has more than {MOST_TAGS:,} tags", where=where, remedy="save its parts as files of their own")
    markup = _PROLOG.sub("", text, count=1) + "<!---->"  # so that it never looks like the name of a file, of which the parser would warn
    soup = BeautifulSoup(markup, "lxml")
    reader = _Reader(where, hiding([style.get_text() for style in soup.find_all("style")]))
    reader.read(soup)
    reader.flow.end()
    return next(pages(_unfed(reader.flow.blocks))), tuple(reader.told())


def _unfed(blocks: list[Block]) -> Iterator[Block]:
    """A page of the web has no pages."""
    return (block.replace("\f", " ") if isinstance(block, str) else block for block in blocks)


_Groups = dict[str, list[list[list[Printed]]]]  # rows of cells, by the part of the table in which they stand


@dataclass(slots=True)
class _Reader:
    """Walks over a page. `flow` is that of the page, or of the cell that is being read."""

    where: str
    rules: Hiding
    flow: Flow = field(default_factory=Flow)
    unseen: dict[Unseen, list[str]] = field(default_factory=dict)
    counts: Counter[Counted] = field(default_factory=Counter)
    kept: bool = False  # white space counts
    align: str = ""

    def read(self, element: Tag) -> None:
        """The contents of an element; pages that forget end tags nest deeply, so this goes down without calling itself."""
        opened = [(iter(element.children), False)]  # what is left of each element, and whether it is a block
        while opened:
            children, is_block = opened[-1]
            child = next(children, None)
            if child is None:
                opened.pop()
                if is_block:
                    self.flow.end()
            elif isinstance(child, Tag):
                if not self._is_read(child):
                    opened.append((iter(child.children), child.name in BLOCKS))
                    if child.name in BLOCKS:
                        self.flow.end()
            else:
                self._words(child)

    def told(self) -> Iterator[str]:
        """What the user is to know of the page."""
        for why, texts in self.unseen.items():
            yield f"{why.value} left out: {quoted(texts)}"
        for what, count in self.counts.items():
            yield f"{count} {what.value}"
        if self.rules.unfollowed:
            yield f"{len(self.rules.unfollowed)} rule(s) that hide parts of the page were not followed: {quoted(self.rules.unfollowed)}"

    def _say(self, text: str) -> None:
        self.flow.say({"sup": raised, "sub": lowered}.get(self.align, str)(text), kept=self.kept)

    def _leave_out(self, why: Unseen, text: str) -> None:
        if text.strip():
            self.unseen.setdefault(why, []).append(text)

    def _words(self, words: PageElement) -> None:
        if isinstance(words, Comment):
            self._comment(str(words))
        elif isinstance(words, CData) or not isinstance(words, PreformattedString):
            self._say(str(words))

    def _comment(self, text: str) -> None:
        if any(map(str.isalnum, text)) and not _CONDITIONAL.match(text):
            self._leave_out(Unseen.COMMENT, text)

    def _is_read(self, element: Tag) -> bool:
        """Whether nothing is left to read of an element: it is not seen, or has its own reader. Else its contents are."""
        if element.name in INSTEAD:
            self.counts.update([Counted.FRAMES] if element.name == "iframe" else [])
            self._leave_out(Unseen.INSTEAD, element.get_text(" "))
        elif element.name not in SILENT and is_hidden(element, self.rules):
            self._leave_out(Unseen.HIDDEN, element.get_text(" "))
        elif element.name == "comment":  # as LibreOffice writes those on cells
            self._comment(element.get_text(" "))
        elif element.name not in BLOCKS and (font := symbol_font(element)):
            self._say(drawn(element.get_text(), font))
        elif (shown := filled_in(element)) is not None:
            self._say(shown)
        elif (reader := _READERS.get(element.name)) is not None:
            reader(self, element)
        else:
            return element.name in SILENT
        return True

    # --- words

    def _break(self, _: Tag) -> None:
        self.flow.break_line()

    def _kept(self, element: Tag) -> None:
        self.flow.end()
        outer, self.kept = self.kept, True
        self.read(element)
        self.kept = outer
        self.flow.end()

    def _aligned(self, element: Tag) -> None:
        outer, self.align = self.align, element.name
        self.read(element)
        self.align = outer

    def _quote(self, element: Tag) -> None:
        self._say("\u201c")
        self.read(element)
        self._say("\u201d")

    def _reading(self, element: Tag) -> None:
        self._leave_out(Unseen.READING, element.get_text(" "))

    def _picture(self, element: Tag) -> None:
        sides = (attribute(element, "width"), attribute(element, "height"))
        if not any(side in ("0", "1") for side in sides):  # those of one point only count visits
            self.counts[Counted.PICTURES] += 1

    def _frame(self, _: Tag) -> None:
        self.counts[Counted.FRAMES] += 1

    def _formula(self, element: Tag) -> None:
        self.counts[Counted.FORMULAS] += 1
        self.read(element)

    def _ratio(self, element: Tag) -> None:
        self._say("/".join(_bracketed(part.get_text()) for part in element.find_all(True, recursive=False)))

    def _power(self, element: Tag) -> None:
        base, power = ([part.get_text().strip() for part in element.find_all(True, recursive=False)] + ["", ""])[:2]
        self._say(base + (raised(power) if raised(power) != power else f"^{_bracketed(power)}"))

    # --- lists

    def _list(self, element: Tag) -> None:
        """Entries with the numbers or bullets that stand before them."""
        self.flow.end()
        kind, step = list_kind(element), -1 if element.has_attr("reversed") else 1
        entries = len(element.find_all("li", recursive=False))
        count = whole(attribute(element, "start"), 1 if step > 0 else entries)
        for child in element.children:
            if isinstance(child, Tag) and child.name == "li" and not is_hidden(child, self.rules):
                count = whole(attribute(child, "value"), count)
                self._entry(child, kind, count)
                count += step
            else:
                self._between(child)
        self.flow.end()

    def _entry(self, element: Tag, kind: str, count: int) -> None:
        self.flow.end()
        number = numeral(count, kind) or str(count)
        self.flow.mark += f"{BULLET} " if kind == "bullet" else "" if kind == "none" else f"{number}. "
        self.read(element)
        self.flow.end_with_mark()

    # --- tables

    def _between(self, child: PageElement) -> None:
        """What stands among entries, rows or cells and is none."""
        if not isinstance(child, Tag):
            self._words(child)
        elif not self._is_read(child):
            self.read(child)

    def _table(self, element: Tag) -> None:
        self.flow.end()
        groups: _Groups = {"thead": [], "tbody": [], "tfoot": []}
        self._rows(element, groups, "tbody")
        cells = formed([*groups["thead"], *groups["tbody"], *groups["tfoot"]])
        if cells is None:
            raise InputError("a table of the page is too wide", where=self.where, remedy="open the page and save its table as xlsx or csv")
        self.flow.add(laid(cells))

    def _rows(self, element: Tag, groups: _Groups, kind: str) -> None:
        """The rows of a table by their groups; what is no row stands before the table."""
        open_group: list[list[Printed]] | None = None
        for child in element.children:
            if isinstance(child, Tag) and child.name in ("thead", "tbody", "tfoot") and not is_hidden(child, self.rules):
                self._rows(child, groups, child.name)
                open_group = None
            elif isinstance(child, Tag) and child.name == "tr" and not is_hidden(child, self.rules):
                if open_group is None:
                    open_group = []
                    groups[kind].append(open_group)
                open_group.append(self._row(child))
            else:
                self._between(child)
        self.flow.end()

    def _row(self, element: Tag) -> list[Printed]:
        cells: list[Printed] = []
        for child in element.children:
            if isinstance(child, Tag) and child.name in ("td", "th") and not is_hidden(child, self.rules):
                cells.append(self._cell(child))
            else:
                self._between(child)
        return cells

    def _cell(self, element: Tag) -> Printed:
        outer, self.flow = self.flow, Flow()
        self.read(element)
        self.flow.end()
        blocks, self.flow = tuple(self.flow.blocks), outer
        return Printed(*spans(attribute(element, "rowspan"), attribute(element, "colspan")), blocks)


_READERS: dict[str, Callable[[_Reader, Tag], None]] = {
    "br": _Reader._break, **dict.fromkeys(("pre", "listing", "xmp", "plaintext", "textarea"), _Reader._kept),
    **dict.fromkeys(("sup", "sub"), _Reader._aligned), "q": _Reader._quote, "rt": _Reader._reading,
    **dict.fromkeys(("img", "image", "picture", "embed"), _Reader._picture), "frame": _Reader._frame, "math": _Reader._formula,
    "mfrac": _Reader._ratio, "msup": _Reader._power, **dict.fromkeys(("ol", "ul", "menu", "dir"), _Reader._list),  "table": _Reader._table,
}  # fmt: skip


def _bracketed(text: str) -> str:
    text = text.strip()
    return text if text.isalnum() or not text else f"({text})"
