"""Sketches of papers become PDFs by Typst and by reportlab, of which neither needs more than its package.

Both print the same widths of columns; how they wrap and align, where they break a page, how they write fonts and rulings is their own.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

from sketches import LEADING, TITLE, Cell, Grid, Sketch, Style, font_folder

FOOT = 25.0  # points from the bottom of the page to the page's number
GREY = 0.88


# -- Typst -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _typst_fonts() -> Any:
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[str(font_folder())])


def typst_pdf(sketch: Sketch) -> bytes:
    """Every cell names its place; merged cells may be cut by a page, rows only where the style says so."""
    import typst

    style = sketch.style
    latin = ["Libertinus Serif"] if style.serif and sketch.english else []
    fonts = [*latin, "Noto Serif CJK SC" if style.serif else "Noto Sans CJK SC"]
    before, mark, after = style.foot.partition("{}")
    foot = f"context align(center, {_quoted(before)} + counter(page).display() + {_quoted(after)})" if mark else "none"
    lines = [
        f"#set page(width: {style.page[0]}pt, height: {style.page[1]}pt, margin: {style.margin}pt, footer: {foot})",
        f'#set text(font: ({", ".join(map(_quoted, fonts))},), size: {style.size}pt, lang: "{"en" if sketch.english else "zh"}")',
        *(["#set text(costs: (orphan: 0%, widow: 0%))"] if style.torn else []),
        *(f"#align(center, text(size: {style.size * TITLE}pt, {_quoted(title)}))" for title in sketch.titles),
        *(f"#par({_quoted(part)})" if isinstance(part, str) else _typst_table(part, style) for part in sketch.parts),
    ]
    found: bytes = typst.compile("\n".join(lines).encode(), font_paths=_typst_fonts(), timestamp=0)
    return found


def _typst_table(grid: Grid, style: Style) -> str:
    head = ", ".join(_typst_cell(cell, grid, style) for cell in grid.cells if grid.is_head(cell))
    cells = [_typst_cell(cell, grid, style) for cell in grid.cells if not grid.is_head(cell)]
    before = sum(cell.row < grid.head[0] for cell in grid.cells) if grid.head else 0
    cells[before:before] = [f"table.header({head})"] if head else []
    stroke = f"{style.stroke}pt" if style.rules else "none"
    columns = ", ".join(f"{width:.2f}pt" for width in grid.widths)
    return f"#table(columns: ({columns},), stroke: {stroke}, inset: {style.pad}pt,\n  " + ",\n  ".join(cells) + ")"


def _typst_cell(cell: Cell, grid: Grid, style: Style) -> str:
    """A blank cell still has the height of a line."""
    cut = "true" if cell.rowspan > 1 or style.torn else "false"
    spans = f"x: {cell.col}, y: {cell.row}, rowspan: {cell.rowspan}, colspan: {cell.colspan}, breakable: {cut}"
    where = f"align: {style.side(cell.text)} + {'horizon' if style.middle else 'top'}"
    fill = f", fill: luma({GREY * 100}%)" if style.shaded and grid.is_head(cell) else ""
    text = " + linebreak() + ".join(map(_quoted, cell.text.split("\n"))) if cell.text else "v(0.8em)"
    return f"table.cell({spans}, {where}{fill}, {text})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# -- reportlab ---------------------------------------------------------------------------------------------------------


def reportlab_pdf(sketch: Sketch) -> bytes:
    """Platypus tables, one for each page that a grid is on: platypus does not cut merged cells, so that is done here; nor rows."""
    if sketch.style.torn:
        raise ValueError("reportlab does not tear rows")
    pen = _Pen(sketch)
    for title in sketch.titles:
        pen.write(title, sketch.style.size * TITLE, centred=True)
    for part in sketch.parts:
        if isinstance(part, str):
            pen.write(part, sketch.style.size)
        else:
            _place(part, pen)
    pen.turn()
    pen.canvas.save()
    return pen.out.getvalue()


class _Pen:
    """Fills pages from the top; `top` is in points below the top of the page."""

    def __init__(self, sketch: Sketch) -> None:
        from reportlab.pdfgen.canvas import Canvas

        self.style, self.font = sketch.style, _font(sketch)
        self.out = io.BytesIO()
        self.canvas = Canvas(self.out, pagesize=self.style.page, invariant=1)
        self.top, self.number = self.style.margin, 1

    @property
    def room(self) -> float:
        return self.style.page[1] - self.style.margin - self.top

    def turn(self) -> None:
        """Ends the page."""
        self.canvas.setFont(self.font, self.style.size)
        self.canvas.drawCentredString(self.style.page[0] / 2, FOOT, self.style.foot.format(self.number))
        self.canvas.showPage()
        self.top, self.number = self.style.margin, self.number + 1

    def write(self, text: str, size: float, *, centred: bool = False) -> None:
        """A paragraph."""
        for line in _wrapped(text, self.style.width, self.font, size):
            if self.room < size * LEADING:
                self.turn()
            self.top += size * LEADING
            self.canvas.setFont(self.font, size)
            draw, left = (self.canvas.drawCentredString, self.style.page[0] / 2) if centred else (self.canvas.drawString, self.style.margin)
            draw(left, self.style.page[1] - self.top, line)
        self.top += size / 2

    def place(self, table: Any, height: float) -> None:
        table.wrapOn(self.canvas, *self.style.page)
        self.top += height
        table.drawOn(self.canvas, self.style.margin, self.style.page[1] - self.top)


def _font(sketch: Sketch) -> str:
    """Of the Chinese fonts only SimHei has TrueType outlines, as reportlab wants them."""
    from reportlab.pdfbase.pdfmetrics import getRegisteredFontNames, registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    if sketch.english:
        return "Times-Roman" if sketch.style.serif else "Helvetica"
    if "SimHei" not in getRegisteredFontNames():
        registerFont(TTFont("SimHei", str(font_folder() / "SimHei.ttf")))
    return "SimHei"


def _wrapped(text: str, width: float, font: str, size: float) -> list[str]:
    """Lines of a text: ideographs are parted anywhere, Latin words and figures only between them."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    lines = []
    for whole in text.split("\n"):
        line = ""
        for word in re.findall(r"[!-~£]+ ?|.", whole):
            if line and stringWidth(line + word.rstrip(), font, size) > width:
                lines.append(line.rstrip())
                line = ""
            line += word
        lines.append(line.rstrip())
    return lines


def _place(grid: Grid, pen: _Pen) -> None:
    """A grid on as many pages as it takes, cut between rows, with its head again on each."""
    style = pen.style
    lines = {cell: _wrapped(cell.text, grid.width(cell) - 2 * style.pad, pen.font, style.size) for cell in grid.cells}
    heights = _heights(grid, lines, style)
    head = range(*grid.head) if grid.head else range(0)
    done = 0
    while done < grid.rows:
        shown = [*head] if done >= head.stop else []
        _stretch(grid, lines, heights, done, style)
        room = pen.room - sum(heights[row] for row in shown)
        fitting = sum(height <= room for height in accumulate(heights[done:]))
        if fitting:
            _place_rows(grid, lines, heights, [*shown, *range(done, done + fitting)], pen)
        elif pen.top == style.margin:
            raise ValueError(f"row {done} of a table is higher than a page")
        done += fitting
        if done < grid.rows:
            pen.turn()
    pen.top += style.size


def _heights(grid: Grid, lines: dict[Cell, list[str]], style: Style) -> list[float]:
    """Of each row, one line at least."""
    heights = [style.size * LEADING + 2 * style.pad] * grid.rows
    _stretch(grid, lines, heights, 0, style)
    return heights


def _stretch(grid: Grid, lines: dict[Cell, list[str]], heights: list[float], done: int, style: Style) -> None:
    """Gives the rows from `done` on room for the lines that are not placed yet; what a merged cell lacks is added to its last row."""
    for cell in sorted((cell for cell in grid.cells if cell.end > done), key=lambda cell: cell.rowspan):
        wanted = len(lines[cell]) * style.size * LEADING + 2 * style.pad
        heights[cell.end - 1] += max(wanted - sum(heights[max(cell.row, done) : cell.end]), 0)


def _place_rows(grid: Grid, lines: dict[Cell, list[str]], heights: Sequence[float], rows: Sequence[int], pen: _Pen) -> None:
    """Some rows of a grid as a table. Lines of a merged cell for which this page has no room stay for the next."""
    from reportlab.platypus import Table

    style = pen.style
    data = [[""] * len(grid.widths) for _ in rows]
    commands: list[tuple[Any, ...]] = []
    for cell in grid.cells:
        own = [index for index, row in enumerate(rows) if cell.row <= row < cell.end]
        if own:
            room = int((sum(heights[rows[index]] for index in own) - 2 * style.pad) / (style.size * LEADING) + 0.01)
            data[own[0]][cell.col] = "\n".join(lines[cell][:room])
            lines[cell] = lines[cell] if grid.is_head(cell) else lines[cell][room:]
            commands += _look(cell, grid, style, ((cell.col, own[0]), (cell.col + cell.colspan - 1, own[-1])))
    sizes = [heights[row] for row in rows]
    pen.place(Table(data, grid.widths, sizes, [*_whole(style, pen.font), *commands]), sum(sizes))


def _whole(style: Style, font: str) -> Iterator[tuple[Any, ...]]:
    everywhere = (0, 0), (-1, -1)
    yield "FONT", *everywhere, font, style.size, style.size * LEADING
    yield "VALIGN", *everywhere, "MIDDLE" if style.middle else "TOP"
    for side in ("LEFT", "RIGHT", "TOP", "BOTTOM"):
        yield f"{side}PADDING", *everywhere, style.pad


def _look(cell: Cell, grid: Grid, style: Style, corners: tuple[tuple[int, int], tuple[int, int]]) -> Iterator[tuple[Any, ...]]:
    from reportlab.lib.colors import Color

    if corners[0] != corners[1]:
        yield "SPAN", *corners
    if style.rules:
        yield "BOX", *corners, style.stroke, Color(0, 0, 0)
    if style.shaded and grid.is_head(cell):
        yield "BACKGROUND", *corners, Color(GREY, GREY, GREY)
    yield "ALIGN", *corners, style.side(cell.text).upper()
