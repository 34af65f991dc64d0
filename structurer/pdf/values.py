"""Draws the values of form fields that no program has drawn, so that they are read where they stand, in whatever script."""

from __future__ import annotations

import unicodedata
from typing import Final

import pikepdf

LARGEST: Final = 11.0  # points
LEADING: Final = 1.25  # of the size of the letters
MARGIN: Final = 2.0  # points at each side
NARROW: Final = 500  # thousandths of the size: as wide the font below has Latin letters
_QUARTER_TURNS: Final = {0: (1, 0, 0, 1, 0, 0), 1: (0, 1, -1, 0, 0, 0), 2: (-1, 0, 0, -1, 0, 0), 3: (0, -1, 1, 0, 0, 0)}
_AS_WRITTEN: Final = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /AsWritten def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap end end"""


def font(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """A font that is not in the file and whose codes are UTF-16 (ISO 32000-1, 9.7.5.2): readers draw it with one of theirs.

    The characters that it is known to hold are those of Chinese and of Latin script; all others are still told by their codes.
    """
    name, words = pikepdf.Name, pikepdf.String
    kind = pikepdf.Dictionary(Registry=words("Adobe"), Ordering=words("GB1"), Supplement=4)
    look = pikepdf.Dictionary(
        Type=name.FontDescriptor, FontName=name("/STSong-Light"), Flags=4, FontBBox=[-25, -254, 1000, 880],
        ItalicAngle=0, Ascent=880, Descent=-120, CapHeight=880, StemV=93,
    )  # fmt: skip
    inner = pikepdf.Dictionary(
        Type=name.Font, Subtype=name.CIDFontType0, BaseFont=name("/STSong-Light"), CIDSystemInfo=kind,
        FontDescriptor=pdf.make_indirect(look), DW=1000, W=[1, 95, NARROW],
    )  # fmt: skip
    outer = pikepdf.Dictionary(
        Type=name.Font, Subtype=name.Type0, BaseFont=name("/STSong-Light-UniGB-UCS2-H"), Encoding=name("/UniGB-UCS2-H"),
        DescendantFonts=[pdf.make_indirect(inner)], ToUnicode=pdf.make_stream(_AS_WRITTEN),
    )  # fmt: skip
    return pdf.make_indirect(outer)


def draw(pdf: pikepdf.Pdf, widget: pikepdf.Object, value: str, width: float, height: float, letters: pikepdf.Object) -> None:
    """Gives a field of `width` by `height` points a picture of its value, in letters so small that it fits."""
    turns = int(widget.get("/MK", pikepdf.Dictionary()).get("/R", 0)) // 90 % 4
    across, up = (height, width) if turns % 2 else (width, height)
    lines, size = _fitted(value, max(across - 2 * MARGIN, 1.0), up)
    first = up - size if len(lines) > 1 else (up - size) / 2 + size * 0.15
    shown = "".join(f"<{line.encode('utf-16-be').hex()}> Tj T* " for line in lines)
    content = f"/Tx BMC q BT /F {size:.3f} Tf {size * LEADING:.3f} TL 0 g {MARGIN} {first:.3f} Td {shown}ET Q EMC"
    stream = pdf.make_stream(content.encode())
    stream.Type, stream.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
    stream.BBox, stream.Matrix = [0, 0, across, up], list(_QUARTER_TURNS[turns])
    stream.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=letters))
    widget.AP = pikepdf.Dictionary(N=stream)


def _fitted(value: str, width: float, height: float) -> tuple[list[str], float]:
    """The lines of a value and the size of their letters (points): the largest at which it fits."""
    given = value.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    size = LARGEST
    while size > 1.0:
        lines = [piece for line in given for piece in _wrapped(line, width / size)] if height >= 2 * LEADING * size else given
        if len(lines) * LEADING * size <= max(height, LEADING) and all(_ems(line) * size <= width for line in lines):
            return lines, size
        size *= 0.9
    return given, size


def _wrapped(line: str, ems: float) -> list[str]:
    """A line cut between words where it can be, else between characters."""
    pieces = [""]
    for word in _words(line):
        if pieces[-1] and _ems(pieces[-1] + word.rstrip()) > ems:
            pieces.append("")
        pieces[-1] += word
    return pieces


def _words(line: str) -> list[str]:
    found = [""]
    for char in line:
        found[-1] += char
        if char == " " or _is_wide(char):
            found.append("")
    return found


def _ems(text: str) -> float:
    return sum(1.0 if _is_wide(char) or not char.isascii() else NARROW / 1000 for char in text)


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"
