"""Characters that symbol fonts draw in the places of letters: what a reader sees, as a character of Unicode.

After the tables that the Unicode Consortium's contributors and the fonts' own names give; only characters that documents use in texts.
"""

from __future__ import annotations

PRIVATE = range(0xF000, 0xF100)  # where programs put the 256 places of a symbol font

_GREEK = dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True))
_SMALL_GREEK = dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True))
_ALIKE = "!()+,./0123456789:;<=>?[]_{|} "  # drawn as they are
_SYMBOL = {
    **{ord(char): char for char in _ALIKE}, **_GREEK, **_SMALL_GREEK,
    0x22: "∀", 0x23: "#", 0x24: "∃", 0x25: "%", 0x26: "&", 0x27: "∍", 0x2A: "∗", 0x2D: "−", 0x40: "≅", 0x5C: "∴", 0x5E: "⊥", 0x7E: "∼",
    0xA2: "′", 0xA3: "≤", 0xA5: "∞", 0xA7: "♣", 0xA8: "♦", 0xA9: "♥", 0xAA: "♠", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→", 0xAF: "↓",
    0xB0: "°", 0xB1: "±", 0xB2: "″", 0xB3: "≥", 0xB4: "×", 0xB5: "∝", 0xB6: "∂", 0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBA: "≡", 0xBB: "≈",
    0xBC: "…", 0xC5: "⊕", 0xC6: "∅", 0xC7: "∩", 0xC8: "∪", 0xCE: "∈", 0xD0: "∠", 0xD2: "®", 0xD3: "©", 0xD4: "™", 0xD5: "∏", 0xD6: "√",
    0xD7: "⋅", 0xDB: "⇔", 0xDC: "⇐", 0xDD: "⇑", 0xDE: "⇒", 0xDF: "⇓", 0xE5: "∑", 0xF2: "∫",
}  # fmt: skip
_WINGDINGS = {
    0x20: " ", 0x22: "✂", 0x28: "☎", 0x2A: "✉", 0x36: "⌛", 0x3F: "✍", 0x46: "☞", 0x4A: "☺", 0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "□",
    0x71: "❑", 0x72: "❒", 0x73: "⬧", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x9E: "·", 0x9F: "•", 0xA0: "▪", 0xA1: "○", 0xA7: "▪", 0xA8: "◻",
    0xAB: "★", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
    0x80: "⓪", **{0x81 + place: chr(0x2460 + place) for place in range(10)},
    0x8B: "⓿", **{0x8C + place: chr(0x2776 + place) for place in range(10)},
}  # fmt: skip
_WINGDINGS_2 = {
    0x20: " ", 0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x97: "●", 0x98: "●", 0xA2: "■", 0xA3: "□", 0xA4: "☐",
    0x69: "⓪", **{0x6A + place: chr(0x2460 + place) for place in range(10)},
    0x74: "⓿", **{0x75 + place: chr(0x2776 + place) for place in range(10)},
}  # fmt: skip
_WEBDINGS = {0x20: " ", 0x61: "✓", 0x63: "□", 0x67: "■", 0x6E: "●", 0x72: "✗"}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "webdings": _WEBDINGS, "wingdings 3": {0x20: " "}}
UNKNOWN = "\ufffd"


def is_symbol_font(font: str) -> bool:
    """Whether letters in this font are not the letters that are seen."""
    return font.lower() in _FONTS


def drawn(text: str, font: str) -> str:
    """What a symbol font draws for a text; `UNKNOWN` for a place that is not known here. Characters that no symbol font has stay."""
    table = _FONTS[font.lower()]
    codes = (code & 0xFF if (code := ord(char)) in PRIVATE else code for char in text)
    return "".join(chr(code) if code > 0xFF else table.get(code, UNKNOWN) for code in codes)
