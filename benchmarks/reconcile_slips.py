"""Slips for `reconcile.py`: how a figure is misread or mistyped."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

Texts = Mapping[str, str | None]  # verbatim, by JSON pointer

_PRINT = re.compile(r"([^\d.,]*)(\d+(?:,\d{3})*(?:\.\d+)?)([^\d.,]*)")
_ALIKE = ("689", "74", "73", "859", "91", "63", "850", "12", "360", "407")  # of each digit those of like outline


@dataclass(frozen=True, slots=True)
class Slip:
    """One figure spoilt: `kind` says how."""

    place: str
    was: str
    now: str
    kind: str

    def __str__(self) -> str:
        return f"{self.place} {self.was}>{self.now} ({self.kind})"


def amount(text: str | None) -> Decimal | None:
    """What a printed figure amounts to; None for what is no printable figure (".5", "5.", "1,23")."""
    found = _PRINT.fullmatch(text or "")
    if found is None:
        return None
    return Decimal(found[2].replace(",", "")) * (-1 if found[1].endswith("-") else 1)


def confused(rng: random.Random, figure: str) -> str:
    """One digit read as another of like outline."""
    index = rng.choice(_digits(figure))
    return figure[:index] + rng.choice(_ALIKE[int(figure[index])]) + figure[index + 1 :]


def transposed(rng: random.Random, figure: str) -> str:
    """Two neighbouring digits changed about."""
    places = [(one, other) for one, other in pairwise(_digits(figure)) if figure[one] != figure[other]]
    if not places:
        return figure
    one, other = rng.choice(places)
    return figure[:one] + figure[other] + figure[one + 1 : other] + figure[one] + figure[other + 1 :]


def pointless(_: random.Random, figure: str) -> str:
    """The decimal point lost."""
    return figure.replace(".", "")


def rescaled(rng: random.Random, figure: str) -> str:
    """Printed in 万 or taken out of it."""
    return format(Decimal(figure.replace(",", "")).scaleb(rng.choice((4, -4))).normalize(), "f")


def shortened(rng: random.Random, figure: str) -> str:
    """One digit left out."""
    index = rng.choice(_digits(figure))
    return figure[:index] + figure[index + 1 :]


def nudged(rng: random.Random, figure: str) -> str:
    """The last digit one more or one less."""
    plain = figure.replace(",", "")
    step = Decimal(rng.choice((1, -1))).scaleb(-len(plain.partition(".")[2]))
    return format(abs(Decimal(plain) + step), "f")


def _digits(figure: str) -> list[int]:
    return [index for index, char in enumerate(figure) if char.isdigit()]


OWN: Final[Mapping[str, Callable[[random.Random, str], str]]] = {
    "confusion": confused,
    "transposition": transposed,
    "point lost": pointless,
    "unit of 10^4": rescaled,
    "digit dropped": shortened,
    "last digit by 1": nudged,
}
COPY: Final = "neighbour's figure"  # of the cell above, below, left or right
SLIPS: Final = (*OWN, COPY)
TRIES: Final = 6  # draws of one kind before another is tried


def slip(rng: random.Random, texts: Texts, place: str, beside: Sequence[str]) -> Slip | None:
    """Spoil one figure in a way drawn at random among those that change its value and leave a printable figure."""
    was = texts[place] or ""
    found = _PRINT.fullmatch(was)
    if found is None:
        return None
    for kind in rng.sample(SLIPS, len(SLIPS)):
        for _ in range(TRIES):
            now = _copied(rng, texts, beside) if kind == COPY else found[1] + OWN[kind](rng, found[2]) + found[3]
            if amount(now) not in (None, amount(was)):
                return Slip(place, was, now, kind)
    return None


def _copied(rng: random.Random, texts: Texts, beside: Sequence[str]) -> str:
    return texts[rng.choice(beside)] or "" if beside else ""
