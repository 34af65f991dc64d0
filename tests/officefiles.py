"""Office Open XML files written part by part for the tests, so that a test shows the XML that it is about."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from structurer import office
from structurer.sheets.sections import Block, Contents, Ruled

W = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:v="urn:schemas-microsoft-com:vml"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:o="urn:schemas-microsoft-com:office:office"'
    ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
    ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
)
X = (
    'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'

Parts = Mapping[str, "str | bytes"]


def package(parts: Parts, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def relations(**targets: str) -> str:
    """Relationships by their ids, each a kind and a target: rId1="styles styles.xml"; "!" before the target: it lies outside."""
    entries = ""
    for key, value in targets.items():
        kind, target = value.split(" ", 1)
        outside = ' TargetMode="External"' if target.startswith("!") else ""
        entries += f'<Relationship Id="{key}" Type="{KINDS}{kind}" Target="{target.lstrip("!")}"{outside}/>'
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{entries}</Relationships>'


def docx(body: str, rels: Mapping[str, str] | None = None, parts: Parts | None = None) -> bytes:
    """A Word document with this body; `rels` are its relationships, `parts` further parts, by their names."""
    return package({
        "[Content_Types].xml": TYPES,
        "_rels/.rels": relations(rId1="officeDocument word/document.xml"),
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(**(rels or {})),
        **(parts or {}),
    })  # fmt: skip


def part(tag: str, content: str) -> str:
    return f"<w:{tag} {W}>{content}</w:{tag}>"


def p(text: str = "", properties: str = "", runs: str = "") -> str:
    """A paragraph of one run, or of `runs`."""
    run = f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>' if text else ""
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{run}{runs}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def tc(content: str, properties: str = "") -> str:
    """A cell; a content that is no XML is the text of one paragraph."""
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content if content.startswith('<') else p(content)}</w:tc>"


def xlsx(
    *sheets: str, names: tuple[str, ...] = (), strings: str = "", styles: str = "", states: tuple[str, ...] = (), properties: str = "",
    parts: Parts | None = None,
) -> bytes:  # fmt: skip
    """A workbook whose sheets have these contents ("<sheetData>..." and what follows it)."""
    names = names or tuple(f"Sheet{number}" for number in range(1, len(sheets) + 1))
    states = states or ("visible",) * len(sheets)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" state="{state}" r:id="rId{number}"/>'
        for number, (name, state) in enumerate(zip(names, states, strict=True), 1)
    )
    rels = {f"rId{number}": f"worksheet worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)}
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": relations(rId1="officeDocument xl/workbook.xml"),
        "xl/workbook.xml": f"<workbook {X}><workbookPr {properties}/><sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(**rels, rIds="sharedStrings sharedStrings.xml", rIdf="styles styles.xml"),
        "xl/sharedStrings.xml": f"<sst {X}>{strings}</sst>",
        "xl/styles.xml": f"<styleSheet {X}>{styles}</styleSheet>",
    }
    for number, content in enumerate(sheets, 1):
        made[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet {X}>{content}</worksheet>"
    return package({**made, **(parts or {})})


def rows(*found: str) -> str:
    return f"<sheetData>{''.join(found)}</sheetData>"


def read(raw: bytes, name: str = "file", where: str = "file") -> Contents:
    found = office.contents(raw, name, where)
    assert found is not None
    return found


def blocks(raw: bytes, name: str = "file") -> list[Block]:
    return [block for section in read(raw, name).sections for block in section.blocks]


def grid(block: Block) -> list[list[str]]:
    """The rows of a table, a text for each of its places; a merged cell stands at its first place."""
    assert isinstance(block, Ruled)
    lines = [[""] * block.cols for _ in range(block.rows)]
    for cell in block.cells:
        lines[cell.row][cell.col] = cell.text
    return lines


def spans(block: Block) -> dict[str, tuple[int, int]]:
    """Rows and columns of the cells that span any, by their texts."""
    assert isinstance(block, Ruled)
    return {cell.text: (cell.rowspan, cell.colspan) for cell in block.cells if (cell.rowspan, cell.colspan) != (1, 1)}
