"""Word documents (docx, docm): paragraphs and tables in the order in which they are printed, notes, boxes, headers and footers.

A section is what stands between explicit page breaks. python-docx is not used (the tests write with it): it leaves out text boxes, content
controls, notes and tracked changes, and gives up on a relationship that points nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from xml.etree.ElementTree import Element

from structurer.office.opc import Package, damaged
from structurer.office.wordstyles import Lists, lists, number, on, styles, value
from structurer.office.wordtext import PAGE_BREAK, Counted, Left, Notes, Prose, asks, plain, preferred
from structurer.sheets.sections import Attachment, Block, Contents, Holding, Section, laid, pages, quoted, texts

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SAME_PAGE = ("continuous", "nextColumn")  # section breaks that start no page
_BLOCKS, _ROWS, _CELLS = ("w:p", "w:tbl"), ("w:tr",), ("w:tc",)


def read_wordfile(package: Package, main: str) -> Contents:
    """A section for each page that is explicitly begun; `main` is the part of the document."""
    body = package.tree(main).find("w:body")
    if body is None:
        raise damaged("it has no body", package.where)
    story = _story(package, main, body)
    inner = [*story.body(body), *story.notes(story.prose.endnotes)]
    blocks = [*story.margins(body, "header"), *inner, *story.margins(body, "footer")]
    sections = [Section("", page) for page in pages(blocks)]
    while len(sections) > 1 and not sections[-1].blocks:
        sections.pop()
    warnings = (*_told(story.prose, story.lists), *_comments(package, main))
    return Contents(tuple(sections), warnings, MEDIA_TYPE, tuple(story.attachments))


@dataclass(slots=True)
class _Cell:
    """A cell of a table that may still grow downwards or to the right."""

    row: int
    col: int
    colspan: int
    rowspan: int = 1
    blocks: list[Block] = field(default_factory=list)


_NO_CELL = _Cell(-1, 0, 0, 0)


@dataclass(slots=True)
class _Story:
    """Reads the parts of a document one after the other, and remembers what they share."""

    package: Package
    part: str
    prose: Prose
    lists: Lists
    settings: Element | None
    page_ends: set[int] = field(default_factory=set)  # ids of the section properties after which a page starts
    asking: set[int] = field(default_factory=set)  # ids of cells that hold the words which ask for their content
    attachments: list[Attachment] = field(default_factory=list)
    begun: bool = False

    def body(self, body: Element) -> Iterator[Block]:
        """The blocks of the document, the notes of each page at its end."""
        self.page_ends = {id(end) for end, after in pairwise(_section_ends(body)) if value(after, "w:type") not in _SAME_PAGE}
        for block in self._blocks(body):
            if isinstance(block, str) and PAGE_BREAK in block and (notes := list(self.notes(self.prose.footnotes))):
                first, _, rest = block.partition(PAGE_BREAK)
                yield from (first, *notes, PAGE_BREAK + rest)
            else:
                yield block
        yield from self.notes(self.prose.footnotes)

    # --- paragraphs

    def _blocks(self, container: Element) -> Iterator[Block]:
        carried = ""  # the text of paragraphs whose ends were deleted
        for element in self._inside(container, _BLOCKS):
            if element.tag == "w:tbl":
                yield from self._table(element)
                continue
            properties = element.find("w:pPr")
            mark = properties.find("w:rPr") if properties is not None else None
            text = self.prose.text(element)
            if on(mark, "w:del"):
                carried += text
            else:
                yield self._started(properties, mark) + carried + text
                carried = ""
            yield from self._beside()
            if properties is not None and id(properties.find("w:sectPr")) in self.page_ends:
                yield PAGE_BREAK
        if carried:
            yield carried

    def _started(self, properties: Element | None, mark: Element | None) -> str:
        """What stands before the text of a paragraph: a page break and the number in its list."""
        style = value(properties, "w:pStyle")
        breaks = on(properties, "w:pageBreakBefore")
        breaks = self.prose.styles.starts_page(style) if breaks is None else breaks
        start = PAGE_BREAK if breaks and self.begun else ""
        self.begun = True
        return start + ("" if on(mark, "w:vanish") else self._label(properties, style))

    def _label(self, properties: Element | None, style: str | None) -> str:
        own = properties.find("w:numPr") if properties is not None else None
        from_style = self.prose.styles.numbering(style)
        num = value(own, "w:numId") or (from_style[0] if from_style else None)
        level = value(own, "w:ilvl")
        if num is None:
            return ""
        return self.lists.label(num, number(level) if level is not None else from_style[1] if from_style else 0)

    def _inside(self, container: Element, wanted: tuple[str, ...]) -> Iterator[Element]:
        """Paragraphs and tables, rows or cells, also those in wrappers that are not seen."""
        for child in container:
            if child.tag in wanted:
                yield child
            elif child.tag in ("w:del", "w:moveFrom"):
                self.prose.leave_out(Left.DELETED, plain(child))
            elif child.tag == "w:sdt" and asks(child) and wanted is _BLOCKS:
                self.prose.leave_out(Left.PLACEHOLDER, plain(child))
            elif child.tag == "w:sdt" and asks(child):
                asking = list(self._inside(child, wanted))  # their places stay
                self.asking.update(map(id, asking))
                yield from asking
            elif child.tag == "w:altChunk":
                self._attach(child.get("r:id", ""))
            elif not child.tag.endswith("Pr"):
                yield from self._inside(preferred(child) if child.tag == "mc:AlternateContent" else child, wanted)

    def _beside(self) -> Iterator[Block]:
        """The boxes that hang on the last paragraph, its diagrams and embedded files."""
        boxes, self.prose.boxes = self.prose.boxes, []
        for box in boxes:
            yield from (box,) if isinstance(box, str) else self._blocks(box)
        targets, self.prose.points_to = self.prose.points_to, []
        for target in targets:
            yield from self._pointed_at(target)

    def _pointed_at(self, name: str) -> Iterator[str]:
        relation = self.package.relations(self.part).get(name)
        if relation is None or relation.outside or relation.target not in self.package:
            return
        if relation.kind == "diagramData":
            for point in self.package.tree(relation.target).iter("dgm:pt"):
                yield "\n".join("".join(run.text or "" for run in line.iter("a:t")) for line in point.iter("a:p"))
        elif relation.kind == "package":
            self.prose.counts[Counted.OBJECTS] -= 1
            self._attach(name)

    def _attach(self, name: str) -> None:
        relation = self.package.relations(self.part).get(name)
        if relation is not None and not relation.outside:
            self.attachments.append(Attachment(relation.target.rpartition("/")[2], self.package.part(relation.target)))

    # --- tables

    def _table(self, table: Element) -> Iterator[Block]:
        cells: list[_Cell] = []
        growing: dict[int, _Cell] = {}  # downwards, by their column
        row = 0
        for element in self._inside(table, _ROWS):
            properties = element.find("w:trPr")
            if on(properties, "w:hidden") or on(properties, "w:del"):
                self.prose.leave_out(Left.HIDDEN if on(properties, "w:hidden") else Left.DELETED, plain(element))
                continue
            cells.extend(self._row(element, row, number(value(properties, "w:gridBefore")), growing))
            row += 1
        yield from laid([Holding(cell.row, cell.col, cell.rowspan, cell.colspan, tuple(cell.blocks)) for cell in cells])

    def _row(self, element: Element, row: int, col: int, growing: dict[int, _Cell]) -> list[_Cell]:
        cells: list[_Cell] = []
        for content in self._inside(element, _CELLS):
            properties = content.find("w:tcPr")
            colspan = max(number(value(properties, "w:gridSpan"), 1), 1)
            above = growing.get(col) if _goes_on(properties, "w:vMerge") else None
            if above is not None and above.row + above.rowspan == row:
                above.rowspan = row - above.row + 1
                self.prose.leave_out(Left.COVERED, " ".join(texts(self._blocks(content))))
            elif _goes_on(properties, "w:hMerge") and cells:
                cells[-1].colspan += colspan
                self.prose.leave_out(Left.COVERED, " ".join(texts(self._blocks(content))))
            else:
                cells.append(_Cell(row, col, colspan, blocks=list(self._held(content))))
                growing[col] = cells[-1] if properties is not None and properties.find("w:vMerge") is not None else _NO_CELL
            col += colspan
        return cells

    def _held(self, cell: Element) -> Iterator[Block]:
        if id(cell) in self.asking:
            self.prose.leave_out(Left.PLACEHOLDER, plain(cell))
        else:
            yield from self._blocks(cell)

    # --- what stands around the text

    def notes(self, notes: Notes) -> Iterator[Block]:
        """The notes that the text has asked for since the last time, each with its number."""
        while notes.printed < len(notes.asked):
            note = notes.asked[notes.printed]
            notes.printed += 1
            self.prose.own_mark = mark = notes.mark(note)
            blocks = [block for block in self._of(notes.part, notes.texts[note]) if texts((block,))]
            first, others = (blocks[0], blocks[1:]) if blocks and isinstance(blocks[0], str) else ("", blocks)
            yield f"{mark} {first.strip().removeprefix(mark).lstrip()}"
            yield from others

    def margins(self, body: Element, kind: str) -> Iterator[Block]:
        """Headers or footers, each text once; those of first and of even pages only where these have their own."""
        even = on(self.settings, "w:evenAndOddHeaders")
        relations = self.package.relations(self.part)
        seen: set[tuple[Block, ...]] = set()
        for end in _section_ends(body):
            shown = {"first": on(end, "w:titlePg"), "even": even}
            for reference in (each for each in end if each.tag == f"w:{kind}Reference"):
                relation = relations.get(reference.get("r:id", ""))
                if relation is None or relation.target not in self.package:
                    continue
                blocks = tuple(self._of(relation.target, self.package.tree(relation.target)))
                if not shown.get(reference.get("w:type", "default"), True):
                    self.prose.leave_out(Left.MARGIN, " ".join(texts(blocks)))
                elif blocks not in seen:
                    seen.add(blocks)
                    yield from blocks

    def _of(self, part: str, element: Element) -> Iterator[Block]:
        """The blocks of an element of another part."""
        outer, self.part = self.part, part
        self.prose.fields.start_again()
        yield from self._blocks(element)
        self.part = outer


def _section_ends(body: Element) -> list[Element]:
    """The properties of each section, which stand at its end; not those that a tracked change replaced."""
    replaced = {id(old) for change in body.iter("w:sectPrChange") for old in change}
    return [end for end in body.iter("w:sectPr") if id(end) not in replaced]


def _story(package: Package, main: str, body: Element) -> _Story:
    settings = _first(package, main, "settings")
    known = styles(_first(package, main, "styles"))
    kinds = (("footnote", "decimal"), ("endnote", "lowerRoman"))
    footnotes, endnotes = [_notes(package, main, kind, default, body, settings) for kind, default in kinds]
    prose = Prose(known, footnotes, endnotes)
    return _Story(package, main, prose, lists(_first(package, main, "numbering"), known), settings)


def _first(package: Package, main: str, kind: str) -> Element | None:
    return next((package.tree(part) for part in package.related(main, kind)), None)


def _notes(package: Package, main: str, kind: str, default: str, body: Element, settings: Element | None) -> Notes:
    """The notes of one kind, and how they are numbered: the document says it, or the last section that does."""
    part = next(iter(package.related(main, f"{kind}s")), "")
    found = {each.get("w:id", ""): each for each in package.tree(part).iter(f"w:{kind}") if _is_note(each)} if part else {}
    places = [properties for root in (settings, body) if root is not None for properties in root.iter(f"w:{kind}Pr")]
    stated = [own for properties in places if (own := value(properties, "w:numFmt"))]
    return Notes(part, found, stated[-1] if stated else default)


def _is_note(element: Element) -> bool:
    return element.get("w:type", "normal") == "normal"  # not the rule above the notes


def _goes_on(properties: Element | None, tag: str) -> bool:
    """Whether a cell goes on that began above it or on its left."""
    return properties is not None and properties.find(tag) is not None and value(properties, tag) in (None, "continue")


# --- what is said


def _told(prose: Prose, known: Lists) -> Iterator[str]:
    for kind, left_out in prose.left_out.items():
        yield f"{kind.value} left out: {quoted(left_out)}"
    for counted, count in prose.counts.items():
        if count:
            yield f"{count} {counted.value}"
    if prose.fields.unknown:
        yield f"{len(prose.fields.unknown)} field(s) that draw their text were not read: {quoted(prose.fields.unknown)}"
    if known.unknown:
        yield f"numbers of lists of the kind {', '.join(sorted(known.unknown))} are not known here and were left out"


def _comments(package: Package, main: str) -> Iterator[str]:
    comments = [plain(each) for part in package.related(main, "comments") for each in package.tree(part).iter("w:comment")]
    if comments:
        yield f"{len(comments)} comment(s) were left out: {quoted(comments)}"
