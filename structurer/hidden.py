"""Which characters of a page are hidden, and why: what is seen of each by itself, and what the page as a whole makes of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final
from unicodedata import category

from structurer.painted import Kind, Record, Sign
from structurer.sight import Court, TooMuchError, Why, body_of, middle

RECOGNISED: Final = frozenset({Why.INVISIBLE, Why.PICTURED, Why.TRANSPARENT})  # how programs put what OCR read under or over a scan
SCAN: Final = 0.5  # of the page: images that fill so much of it are a scan
STAMPED: Final = 0.1  # printed characters for each recognised one: more are no stamp on a scan but a text of its own
LATTICE: Final = 20  # points along each side of the page at which a scan is looked for
MOST_DISCS: Final = 64  # symbols before a character on which it may stand


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of each character in the order of painting why it is hidden, None where it is seen.

    `recognised`: so many (white space aside) are the text layer of a scan, hidden and kept. `unjudged`: the page paints too much to tell.
    """

    whys: tuple[Why | None, ...]
    recognised: int = 0
    unjudged: bool = False


def judged(record: Record) -> Verdict:
    """Why which characters of the page are hidden."""
    court = Court(record)
    whys, unjudged = court.of_all()
    if not any(whys):
        return Verdict(tuple(whys), unjudged=unjudged)
    texts = [sign.get_text() for sign in record.signs]
    whys = _beside_hidden(texts, _not_on_symbols(record, whys))
    layer = _scan_layer(texts, whys, court)
    kept = tuple(None if index in layer else why for index, why in enumerate(whys))
    return Verdict(kept, sum(bool(texts[index].strip()) for index in layer), unjudged)


def _not_on_symbols(record: Record, whys: Sequence[Why | None]) -> list[Why | None]:
    """A number in white may stand on a black disc that is itself a character."""
    found, discs = list(whys), list[Sign]()
    for index, sign in enumerate(record.signs):
        if whys[index] is None and _is_symbol(sign.get_text()):
            discs = [*discs[1 - MOST_DISCS :], sign]
        elif whys[index] is Why.COLOUR and discs:
            x, y = (sign.x0 + sign.x1) / 2, (sign.y0 + sign.y1) / 2
            if any(disc.x0 <= x <= disc.x1 and disc.y0 <= y <= disc.y1 for disc in discs):
                found[index] = None
    return found


def _is_symbol(text: str) -> bool:
    """Whether it may be a filled shape: a sign of its own, or one of which only the file knows what it is."""
    return text.startswith("(cid:") or (len(text) == 1 and category(text) in ("So", "Co"))


def _beside_hidden(texts: Sequence[str], whys: Sequence[Why | None]) -> list[Why | None]:
    """White space is hidden only beside what is hidden, for it parts the words of what is seen, whatever its own ink."""
    found = list(whys)
    inked = [index for index, text in enumerate(texts) if text.strip()]
    for index in (index for index, why in enumerate(whys) if why and not texts[index].strip()):
        place = bisect_left(inked, index)
        if not any(whys[near] for near in inked[max(place - 1, 0) : place + 1]):
            found[index] = None
    return found


def _scan_layer(texts: Sequence[str], whys: Sequence[Why | None], court: Court) -> frozenset[int]:
    """The characters that an OCR engine put behind or over a scan of the whole page, which prints nothing else but stamps."""
    bodies = [((sign,), run.shape) for run in court.record.runs for sign in run.signs]
    found = [index for index, why in enumerate(whys) if why in RECOGNISED]
    court.start_again()
    try:
        layer = [index for index in found if court.area_at(Kind.IMAGE, *middle(body_of(*bodies[index])))]
        recognised = sum(bool(texts[index].strip()) for index in layer)
        printed = sum(why is None and bool(text.strip()) for why, text in zip(whys, texts, strict=True))
        return frozenset(layer) if recognised and printed <= STAMPED * recognised and _is_scan(court) else frozenset()
    except TooMuchError:
        return frozenset()


def _is_scan(court: Court) -> bool:
    left, bottom, right, top = court.record.frame
    shares = [(step + 0.5) / LATTICE for step in range(LATTICE)]
    hits = sum(court.area_at(Kind.IMAGE, left + x * (right - left), bottom + y * (top - bottom)) for x, y in product(shares, shares))
    return hits >= SCAN * LATTICE**2
