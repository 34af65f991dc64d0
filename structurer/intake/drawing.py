"""A page as it was read, drawn for a person: cells and words with their boxes, doubtful words in red, and above them the decision."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from structurer.document import SURE, Box
from structurer.sheets.blocks import Grid, Line
from structurer.sheets.rows import blocks_of
from structurer.sheets.sheet import Sheet

CELL: Final = (30, 90, 220)
READ: Final = (20, 140, 60)  # words of which nothing is doubted
DOUBTED: Final = (215, 30, 30)
INK: Final = (20, 20, 20)
STRIP: Final = (240, 238, 225)
STRIP_HEIGHT: Final = 22  # pixels a line of what is said
TEXT_SIZE: Final = 14
A_LINE: Final = 130  # characters


def drawn(sheet: Sheet) -> bytes:
    """A PNG of the page; on white where the sheet has no picture of itself."""
    ground = sheet.picture or Image.new("RGB", (round(sheet.width * 1.5) or 1, round(sheet.height * 1.5) or 1), "white")
    picture = ground.convert("RGB")
    scale = picture.width / max(sheet.width, 1.0)
    pen = ImageDraw.Draw(picture)
    for cells in sheet.tables:
        for cell in cells:
            pen.rectangle(_scaled(cell, scale), outline=CELL, width=2)
    for _, _, block in blocks_of(sheet):
        lines = [line for _, own, _ in block.cells.values() for line in own] if isinstance(block, Grid) else [block]
        _draw_words(pen, lines, scale)
    out = io.BytesIO()
    _with_strip(picture, list(_said(sheet))).save(out, "PNG")
    return out.getvalue()


def _draw_words(pen: ImageDraw.ImageDraw, lines: list[Line], scale: float) -> None:
    for line in lines:
        for word in line:
            is_sure = word.confidence is None or word.confidence >= SURE
            pen.rectangle(_scaled(word.box, scale), outline=READ if is_sure else DOUBTED, width=1 if is_sure else 2)


def _scaled(box: Box, scale: float) -> tuple[float, float, float, float]:
    x0, top, x1, bottom = (side * scale for side in box)
    return x0, top, max(x1, x0), max(bottom, top)


def _said(sheet: Sheet) -> list[str]:
    dots = f", {sheet.dpi:.0f} dpi" if sheet.dpi else ""
    turned = f", turned {sheet.angle:.1f} degrees" if sheet.angle else ""
    engine = f", {sheet.engine}" if sheet.engine else ""
    head = f"page {sheet.number}: {sheet.decision}{dots}{turned}{engine}; {len(sheet.tables)} table(s), {sum(map(len, sheet.tables))} cells"
    return [piece for line in (head, *sheet.reasons, *sheet.warnings) for piece in _cut(line)]


def _cut(line: str) -> list[str]:
    return [line[start : start + A_LINE] for start in range(0, len(line), A_LINE)]


def _with_strip(picture: Image.Image, lines: list[str]) -> Image.Image:
    height = STRIP_HEIGHT * len(lines) + 4
    whole = Image.new("RGB", (picture.width, picture.height + height), STRIP)
    whole.paste(picture, (0, height))
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(TEXT_SIZE)
    for number, line in enumerate(lines):
        pen.text((6, STRIP_HEIGHT * number + 3), line, fill=INK, font=font)
    return whole
