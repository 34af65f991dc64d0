"""Excel workbooks (xlsx, xlsm): each sheet as a person sees it, values as their formats print them, and what is not seen in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from xml.etree.ElementTree import Element

from structurer.office.opc import Package, damaged
from structurer.office.sheetcells import Cells, cells, is_true, letters_of, name_of, shared, unescaped
from structurer.office.sheetgrid import Look, Place, look
from structurer.sheets.sections import Block, Contents, Section, quoted

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAMED = 5  # places stand in one warning


def read_workbook(package: Package, main: str) -> Contents:
    """A section for each sheet that is seen, `main` being the part of the workbook; hidden sheets are named, with what they hold."""
    root = package.tree(main)
    properties = root.find("x:workbookPr")
    book = shared(package, main, properties is not None and is_true(properties.get("date1904")))
    sections: list[Section] = []
    warnings: list[str] = []
    for name, part, state in _sheets(package, main, root):
        sheet = cells(book, part)
        if state != "visible":
            warnings.extend(_hidden_sheet(name, sheet, state))
            continue
        seen = look(sheet.texts, sheet.merged, sorted(sheet.hidden_rows), sorted(sheet.hidden_cols))
        drawn, said = _drawn(package, part)
        sections.append(Section(name, seen.blocks + drawn))
        warnings.extend(f'sheet "{name}": {told}' for told in (*_told(sheet, seen), *said))
    return Contents(tuple(sections), tuple(warnings), MEDIA_TYPE)


def _sheets(package: Package, main: str, root: Element) -> Iterator[tuple[str, str, str]]:
    """Name, part and state ("visible", "hidden" or "veryHidden"), in the order of the tabs."""
    relations = package.relations(main)
    for entry in root.iter("x:sheet"):
        relation = relations.get(entry.get("r:id", ""))
        name = unescaped(entry.get("name", ""))
        if relation is None or relation.target not in package:
            raise damaged(f'the sheet "{name}" is missing', package.where)
        yield name, relation.target, entry.get("state", "visible")


# --- what stands over the cells


def _drawn(package: Package, part: str) -> tuple[tuple[Block, ...], list[str]]:
    """The texts of shapes, a paragraph each, and what is said of pictures, charts and comments."""
    texts: list[str] = []
    pictures = charts = 0
    for drawing in package.related(part, "drawing"):
        root = package.tree(drawing)
        texts.extend(text for shape in root.iter("xdr:sp") if (text := _shape_text(shape)))
        pictures += sum(1 for _ in root.iter("xdr:pic"))
        charts += sum(1 for _ in root.iter("c:chart"))
    said = [f"{pictures} picture(s) were not read; they may hold text"] if pictures else []
    said += [f"{charts} chart(s) were not read"] if charts else []
    return tuple(texts), said + list(_comments(package, part))


def _shape_text(shape: Element) -> str:
    lines = ("".join(run.text or "" for run in paragraph.iter("a:t")) for paragraph in shape.iter("a:p"))
    return "\n".join(line for line in lines if line.strip())


def _comments(package: Package, part: str) -> Iterator[str]:
    """Comments in threads are kept twice, once for programs that do not know threads."""
    threads = package.related(part, "threadedComment")
    found = [text for thread in threads for text in (_plain(entry, "tc:text") for entry in package.tree(thread).iter("tc:threadedComment"))]
    if not threads:
        found = [_plain(entry, "x:t") for note in package.related(part, "comments") for entry in package.tree(note).iter("x:comment")]
    if found:
        yield f"{len(found)} comment(s) were left out: {quoted(found)}"


def _plain(element: Element, tag: str) -> str:
    return "".join(child.text or "" for child in element.iter(tag))


# --- what is said


def _hidden_sheet(name: str, sheet: Cells, state: str) -> Iterator[str]:
    if sheet.texts:
        how = "hidden so that only a macro can show it" if state == "veryHidden" else "hidden"
        yield f'the sheet "{name}" is {how}; its {len(sheet.texts)} cell(s) were left out: {quoted(sheet.texts.values())}'


def _told(sheet: Cells, seen: Look) -> Iterator[str]:
    yield from _told_of_hidden(sheet, seen)
    if seen.overlapping:
        named = _named((area.top, area.left) for area in seen.overlapping)
        yield f"{len(seen.overlapping)} merged cell(s) overlap others and were taken apart ({named})"
    if sheet.unreckoned:
        remedy = "open it in a spreadsheet program and save it again"
        yield f"{len(sheet.unreckoned)} formula(s) have no result stored in the file ({_named(sheet.unreckoned)}); {remedy}"
    if sheet.unfollowed:
        count = len(sheet.unfollowed)
        yield f"{count} cell(s) have a format that cannot be followed; they stand as plain values ({_named(sheet.unfollowed)})"
    if sheet.shortened:
        full = (f"{name_of(place)} is {digits}" for place, digits in sheet.shortened.items())
        yield f"{len(sheet.shortened)} number(s) are printed with an exponent and fewer figures than they have ({_some(full)})"
    if sheet.margins:
        yield f"the headers and footers of its prints were left out: {quoted(sheet.margins)}"


def _told_of_hidden(sheet: Cells, seen: Look) -> Iterator[str]:
    rows = {str(row): None for row, _ in seen.in_hidden_rows}
    cols = {letters_of(col): None for _, col in seen.in_hidden_cols}
    for places, what in (
        (seen.in_hidden_rows, f"in {len(rows)} hidden row(s) ({_some(rows)}) were"),
        (seen.in_hidden_cols, f"in {len(cols)} hidden column(s) ({_some(cols)}) were"),
        (seen.under, f"beneath merged cells ({_named(seen.under)}) were"),
        (tuple(sheet.unshown), f"with a format that hides them ({_named(sheet.unshown)}) were"),
    ):
        if places:
            yield f"{len(places)} cell(s) {what} left out: {quoted(sheet.unshown.get(place) or sheet.texts[place] for place in places)}"


def _named(places: Iterable[Place]) -> str:
    return _some(name_of(place) for place in places)


def _some(names: Iterable[str]) -> str:
    found = list(islice(names, NAMED + 1))
    return ", ".join(found[:NAMED]) + (", \u2026" if len(found) > NAMED else "")
