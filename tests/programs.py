"""Sketches of papers become PDFs by programs that a machine may have: Chromium (from HTML) and LibreOffice (from DOCX).

They serve the benchmark, which leaves out what is not installed; no test needs them.
"""

from __future__ import annotations

import html
import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from sketches import TITLE, Cell, Grid, Sketch, Style, font_folder

COMMAND_S = 120  # seconds that a program may take for one paper
TWIPS = 20  # to a point
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
FACES = {True: "NotoSerifCJKsc-Regular.otf", False: "NotoSansCJKsc-Regular.otf"}  # by whether they have serifs


def installed() -> dict[str, Callable[[Sketch], bytes]]:
    """Those of the programs that this machine has."""
    found = {name: shutil.which(command) for name, command in (("chromium", "chromium"), ("libreoffice", "soffice"))}
    return {name: PRESSES[name] for name, command in found.items() if command}


def _run(folder: Path, *command: str) -> bytes:
    """The PDF that a command leaves in the folder as "paper.pdf"."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=COMMAND_S)
    made = folder / "paper.pdf"
    if not made.is_file():
        raise RuntimeError(f"{command[0]} made no PDF: {done.stderr.strip()[-400:]}")
    return made.read_bytes()


# -- Chromium ----------------------------------------------------------------------------------------------------------


def chromium_pdf(sketch: Sketch) -> bytes:
    """An HTML page, printed. HTML has heads only at the top of a table: one amid it is not repeated."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "paper.html").write_text(_page(sketch), encoding="utf-8")
        options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'user'}", "--no-pdf-header-footer")
        return _run(folder, "chromium", *options, "--print-to-pdf=paper.pdf", "paper.html")


def _page(sketch: Sketch) -> str:
    style = sketch.style
    face = (font_folder() / FACES[style.serif]).as_uri()
    whole = "auto" if style.torn else "avoid"
    border = f"{style.stroke}pt solid black" if style.rules else "none"
    rules = f"""@font-face {{ font-family: F; src: url({face}) }}
@page {{ size: {style.page[0]}pt {style.page[1]}pt; margin: {style.margin}pt }}
body {{ margin: 0; font: {style.size}pt F; orphans: 1; widows: 1 }} h1 {{ font: {style.size * TITLE}pt F; text-align: center }}
table {{ border-collapse: collapse; table-layout: fixed; margin-bottom: 1em }} [rowspan="1"] {{ break-inside: {whole} }}
td {{ border: {border}; padding: {style.pad}pt; height: 1em; vertical-align: {"middle" if style.middle else "top"} }}
.head {{ background: {"#ddd" if style.shaded else "none"} }}"""
    titles = (f"<h1>{html.escape(title)}</h1>" for title in sketch.titles)
    parts = (f"<p>{html.escape(part)}</p>" if isinstance(part, str) else _html_table(part, style) for part in sketch.parts)
    language = "en" if sketch.english else "zh-CN"
    return "\n".join([f'<!doctype html><html lang="{language}"><meta charset="utf-8"><style>{rules}</style>', *titles, *parts])


def _html_table(grid: Grid, style: Style) -> str:
    rows = [f"<tr>{''.join(_html_cell(cell, grid, style) for cell in grid.cells if cell.row == row)}</tr>" for row in range(grid.rows)]
    columns = "".join(f'<col style="width: {width:.2f}pt">' for width in grid.widths)
    end = grid.head[1] if grid.head and grid.head[0] == 0 else 0
    head = f"<thead>{''.join(rows[:end])}</thead>" if end else ""
    return f'<table style="width: {sum(grid.widths):.2f}pt">{columns}{head}<tbody>{"".join(rows[end:])}</tbody></table>'


def _html_cell(cell: Cell, grid: Grid, style: Style) -> str:
    look = f'style="text-align: {style.side(cell.text)}"' + (' class="head"' if grid.is_head(cell) else "")
    return f'<td rowspan="{cell.rowspan}" colspan="{cell.colspan}" {look}>{html.escape(cell.text).replace(chr(10), "<br>")}</td>'


# -- LibreOffice -------------------------------------------------------------------------------------------------------


def libreoffice_pdf(sketch: Sketch) -> bytes:
    """A word processor's document, exported."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "paper.docx").write_bytes(docx(sketch))
        return _run(
            folder, "soffice", f"-env:UserInstallation={(folder / 'user').as_uri()}", "--headless", "--convert-to", "pdf", "paper.docx"
        )


def docx(sketch: Sketch) -> bytes:
    """The least DOCX that holds the sketch (ECMA-376, part 1, WordprocessingML)."""
    style = sketch.style
    width, height, margin = (round(side * TWIPS) for side in (*style.page, style.margin))
    titles = (_paragraph(title, style, "center", style.size * TITLE) for title in sketch.titles)
    parts = (_paragraph(part, style, "left") if isinstance(part, str) else _word_table(part, style) for part in sketch.parts)
    sides = " ".join(f'w:{side}="{margin}"' for side in ("top", "right", "bottom", "left"))
    section = f'<w:sectPr><w:pgSz w:w="{width}" w:h="{height}"/><w:pgMar {sides} w:header="0" w:footer="0" w:gutter="0"/></w:sectPr>'
    kinds = "http://schemas.openxmlformats.org/package/2006"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        types = "".join(
            (
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>',
                f'<Override PartName="/word/document.xml" ContentType="{main}"/>',
            )
        )
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{kinds}/content-types">{types}</Types>')
        link = f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/>'
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{kinds}/relationships">{link}</Relationships>')
        body = "".join([*titles, *parts])
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{W}"><w:body>{body}{section}</w:body></w:document>')
    return out.getvalue()


def _paragraph(text: str, style: Style, side: str, size: float = 0) -> str:
    face = "Noto Serif CJK SC" if style.serif else "Noto Sans CJK SC"
    look = (
        f'<w:rPr><w:rFonts w:ascii="{face}" w:hAnsi="{face}" w:eastAsia="{face}"/><w:sz w:val="{round(2 * (size or style.size))}"/></w:rPr>'
    )
    lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\n"))
    set_as = f'<w:widowControl w:val="0"/><w:spacing w:before="0" w:after="0"/><w:jc w:val="{side}"/>'
    return f"<w:p><w:pPr>{set_as}{look}</w:pPr><w:r>{look}{lines}</w:r></w:p>"


def _word_table(grid: Grid, style: Style) -> str:
    """A paragraph follows, as two tables in a row would be one."""
    line = f'w:val="{"single" if style.rules else "nil"}" w:sz="{max(round(style.stroke * 8), 2)}"'
    borders = "".join(f"<w:{side} {line}/>" for side in ("top", "left", "bottom", "right", "insideH", "insideV"))
    pad = f'w:w="{round(style.pad * TWIPS)}" w:type="dxa"'
    room = "".join(f"<w:{side} {pad}/>" for side in ("top", "left", "bottom", "right"))
    look = (
        f'<w:tblW w:w="{round(sum(grid.widths) * TWIPS)}" w:type="dxa"/><w:tblBorders>{borders}</w:tblBorders><w:tblLayout w:type="fixed"/>'
    )
    columns = "".join(f'<w:gridCol w:w="{round(width * TWIPS)}"/>' for width in grid.widths)
    rows = "".join(_word_row(grid, row, style) for row in range(grid.rows))
    return (
        f"<w:tbl><w:tblPr>{look}<w:tblCellMar>{room}</w:tblCellMar></w:tblPr><w:tblGrid>{columns}</w:tblGrid>{rows}</w:tbl>"
        + _paragraph("", style, "left")
    )


def _word_row(grid: Grid, row: int, style: Style) -> str:
    """A merged cell stands in each of its rows; only the first has its text. Heads are repeated only from the top of a table."""
    cells = "".join(_word_cell(cell, grid, row, style) for cell in _touching(grid, row))
    head = "<w:tblHeader/>" if grid.head and grid.head[0] == 0 and row < grid.head[1] else ""
    whole = "" if style.torn else "<w:cantSplit/>"
    return f"<w:tr><w:trPr>{whole}{head}</w:trPr>{cells}</w:tr>"


def _touching(grid: Grid, row: int) -> Iterator[Cell]:
    yield from sorted((cell for cell in grid.cells if cell.row <= row < cell.end), key=lambda cell: cell.col)


def _word_cell(cell: Cell, grid: Grid, row: int, style: Style) -> str:
    merged = "" if cell.rowspan == 1 else '<w:vMerge w:val="restart"/>' if cell.row == row else "<w:vMerge/>"
    fill = '<w:shd w:val="clear" w:fill="DDDDDD"/>' if style.shaded and grid.is_head(cell) else ""
    span = f'<w:tcW w:w="{round(grid.width(cell) * TWIPS)}" w:type="dxa"/><w:gridSpan w:val="{cell.colspan}"/>'
    look = f'<w:tcPr>{span}{merged}{fill}<w:vAlign w:val="{"center" if style.middle else "top"}"/></w:tcPr>'
    return f"<w:tc>{look}{_paragraph(cell.text if cell.row == row else '', style, style.side(cell.text))}</w:tc>"


PRESSES: dict[str, Callable[[Sketch], bytes]] = {"chromium": chromium_pdf, "libreoffice": libreoffice_pdf}
