"""Characters stay as printed, with two exceptions: radicals that a PDF writes in place of the ideographs they look like are folded to
these, and control characters become spaces. Both keep the length, so that offsets stay true.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Final

from structurer.encoding import CONTROL

CHANGED: Final = "that control something were replaced by a space"
LOST: Final = "stand as U+FFFD: what was printed there is lost in the file"

# Equivalent_Unified_Ideograph (Unicode 14.0, EquivalentUnifiedIdeograph.txt) of U+2E81-U+2EF3, in pairs; U+2E80 has none.
_RADICALS = (
    "⺁厂⺂乛⺃乚⺄乙⺅亻⺆冂⺇𠘨⺈刀⺉刂⺊卜⺋㔾⺌小⺍小⺎兀⺏尣⺐尢⺑𡯂⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌⺙攵⺛旡⺜日⺝月⺞歺⺟母⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪𤴔⺫目"
    "⺬示⺭礻⺮𥫗⺯糹⺰纟⺱罓⺲罒⺳㓁⺴冗⺵𦉫⺶羊⺷𦍌⺸𦍋⺹耂⺺肀⺻聿⺼肉⺽𦥑⺾艹⺿艹⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇𧢲⻈讠⻉贝⻊𧾷⻋车⻌辶⻍辶⻎辶⻏邑⻐钅⻑長⻒镸⻓长⻔门"
    "⻕𨸏⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻞𩙿⻟飠⻠饣⻡𩠐⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
)
_FOLD = str.maketrans(
    dict(zip(_RADICALS[::2], _RADICALS[1::2], strict=True))
    | {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FE0)}
)


def cleaned(text: str) -> tuple[str, Counter[str]]:
    """The text, its length kept, and how many characters were changed or are lost for good."""
    text, controls = CONTROL.subn(" ", text.translate(_FOLD))
    return text, Counter({CHANGED: controls, LOST: text.count("\ufffd")})


def told(marks: Counter[str]) -> list[str]:
    """As sentences for the user."""
    return [f"{marks[mark]} character(s) {mark}" for mark in (CHANGED, LOST) if marks[mark]]
