"""What a printed figure may be a misreading of: every print that one ordinary error of eye, scanner or typist turns into the text as read.

The way is the reverse of a search by edit distance (R's `deducorrect::correctTypos` solves the broken sums first and accepts a solution
within a restricted Damerau-Levenshtein distance of 1): here the sums only say in which interval a cell must lie, so all prints near the
read text are made and the caller's interval filters them. Pure and exact: digits as strings, values as fractions, no floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import chain, combinations, islice, pairwise, product

from structurer.contracts.schema import Kind
from structurer.fold import squeeze
from structurer.judging.parse import MAX_DIGITS, UNITS, parse

MAX_TEXT = 2 * MAX_DIGITS  # characters of a text; a longer one is no figure, and yields nothing
MAX_DOUBLES = 3200  # candidates with two confused digits per figure; reached only above 20 digits
MAX_VARIANTS = 4000  # candidates per figure, whatever its length (a figure has at most `MAX_DIGITS` digits): about 300 for 10 digits

# Digits that look alike, in pairs that hold in both directions. They rest on general knowledge of glyph shapes, not on a measured confusion
# matrix: digits whose seven-segment shapes differ in one segment (a pin or a stroke that fails), and bowls that fill or break.
ONE_SEGMENT_APART = ("08", "17", "39", "56", "59", "68", "89")
CLOSEST = (*ONE_SEGMENT_APART, "38", "06")
ALIKE = (*CLOSEST, "09", "69", "58", "35", "27", "49", "14")  # the fainter ones too: one such error is believed, two at once are not
# Letters and signs read for digits, in every width (texts are folded first).
LETTERS = {
    letter: digit for digit, letters in zip("0125689", ("OoQD〇○", "lIi|!", "Zz", "Ss", "bG", "B", "gq"), strict=True) for letter in letters
}

_TRANSLATION = str.maketrans(LETTERS)
_ANATOMY = re.compile(r"^(\D*)(\d(?:[\d.,]*\d)?)(\D*)$", re.ASCII)  # what stands before the digits, the digits with their marks, the tail
_THOUSANDS = re.compile(r"\d(?=(?:\d{3})+$)", re.ASCII)
_UNIT_NAME = re.compile("|".join(UNITS) + "|%")
_TENS = tuple(10**power for power in range(2 * MAX_DIGITS))  # by number of decimals

_ALL = "0123456789"
_CONFUSED = "'{0}' read for '{1}'"
_CONFUSED_TWICE = "'{0[0]}' read for '{1[0]}' and '{0[1]}' for '{1[1]}'"
_LOST = "a '{1}' was lost"
_SEPARATOR_AS_POINT = "a thousands separator read as a point"
_SEPARATOR_LOST = "a thousands separator was lost"
_POINT_AS_SEPARATOR = "the point read as a thousands separator"


class Origin(StrEnum):
    """Where a candidate comes from: another print of the page (the first three, which callers find), or an error in reading it.

    In the order of likelihood, but for two confused digits at once: they come last.
    """

    SOURCE = "source"  # a print of the page that no value claims
    REREAD = "reread"  # another reading of the same place
    NEIGHBOUR = "neighbour"  # the figure of a neighbouring row or column
    CONFUSION = "confusion"  # one or two characters look alike
    POINT = "point"  # a decimal point lost, gained or moved
    TRANSPOSITION = "transposition"  # two neighbouring digits exchanged
    DROPPED = "dropped"  # one digit was lost
    DOUBLED = "doubled"  # one digit was read twice, or is a stray one
    SEPARATOR = "separator"  # a thousands separator lost or read as a point, or a point read as a separator
    UNIT = "unit"  # the figure belongs to a unit 10^k away
    SIGN = "sign"  # a minus or brackets lost or gained


@dataclass(frozen=True, slots=True)
class Candidate:
    """A print that the text may be a misreading of.

    `text` is as it would be printed: folded, without white space, with the sign, separators, currency and unit of the read text; it parses
    as a NUMBER, or as a PERCENT if the text bears a percent sign. `words` say how the reading came about ("'6' read for '8'").
    """

    text: str
    origin: Origin
    words: str


# Before it is printed: digits, how many of them are decimals, origin, the words, and what these name as read and as printed.
_Misreading = tuple[str, int, Origin, str, str, str]


@dataclass(frozen=True, slots=True)
class _Figure:
    """A read text in its parts: `body` is from its first digit to its last, with all marks; `grouped` prints have separators."""

    head: str
    body: str
    tail: str
    grouped: bool

    @property
    def digits(self) -> str:
        return re.sub("[.,]", "", self.body)

    @property
    def decimals(self) -> int:
        return len(self.body.partition(".")[2])

    @property
    def whole(self) -> int:
        """How many digits stand before the point."""
        return len(self.digits) - self.decimals

    @property
    def sign(self) -> int:
        """-1 or 1: a minus, or brackets around the figure; those of "(%)" are no sign."""
        bracketed = "(" in self.head and ")" in self.tail.replace("(%)", "")
        return -1 if "-" in self.head or bracketed else 1

    @property
    def unit(self) -> str:
        """The money unit or the percent sign printed with the figure, or nothing."""
        found = _UNIT_NAME.search(self.tail)
        return found.group() if found else ""

    def printed(self, digits: str, decimals: int) -> str:
        """These digits in the manner of the read text."""
        whole, rest = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
        whole = _THOUSANDS.sub(r"\g<0>,", whole) if self.grouped else whole
        return f"{self.head}{whole}{'.' if rest else ''}{rest}{self.tail}"


def variants(text: str) -> tuple[Candidate, ...]:
    """All prints that could have been misread as `text`, the likelier errors first; at most `MAX_VARIANTS`, the least likely left out.

    `text` is a figure as read: with separators, full-width digits, a currency, a unit, a percent sign, a minus or brackets. A text that is
    no number but becomes one when its letters are read as digits ("l2.5O"), or its points and commas as each other ("1.234,56"), yields
    these readings; any other text yields (). No text occurs twice (the likelier origin stands) and none has the value of `text` itself;
    two texts may have one value ("144000" read: "14.4000" by its point, "14.4" by its unit). Raises nothing.
    """
    return nearest(text, lambda _: True)


def nearest(text: str, wanted: Callable[[Fraction], bool]) -> tuple[Candidate, ...]:
    """The `variants` whose value is wanted, in the same order; only these are printed and put into words.

    `wanted` is asked about the value as `Parsed.number` gives it: exact, signed, in the unit printed with the figure (39.93万元 is 39.93).
    It must be pure; what it raises is passed on.
    """
    read = squeeze(text)
    if len(read) > MAX_TEXT:
        return ()
    own = _number(read)
    found: dict[str, Candidate] = {}
    for candidate, number in chain(_letters(read), _wanted_prints(read, own, wanted)):
        if number != own and wanted(number):
            found.setdefault(candidate.text, candidate)
    return tuple(found.values())


def _number(text: str) -> Fraction | None:
    return parse(text, _kind(text)).number


def _kind(text: str) -> Kind:
    return Kind.PERCENT if "%" in text else Kind.NUMBER


def _wanted_prints(read: str, own: Fraction | None, wanted: Callable[[Fraction], bool]) -> Iterator[tuple[Candidate, Fraction]]:
    """The inner loop: values first, by integers; a print only for the few that are wanted."""
    match = _ANATOMY.match(read)
    if not match:
        return
    head, body, tail = match.groups()
    figure = _Figure(head, body, tail, "," in body)
    padded = body[0] == "0" and figure.whole > 1  # only then a print may begin with a needless zero, too
    for manner, misreadings in _rows(figure) if own is not None else (_separators(figure),):
        sign = manner.sign
        for digits, decimals, origin, words, seen, meant in misreadings:
            if digits[0] == "0" and len(digits) - decimals > 1 and not padded:
                continue
            number = Fraction(sign * int(digits), _TENS[decimals])
            if wanted(number) and _prints_a_number(printed := manner.printed(digits, decimals), own):
                yield Candidate(printed, origin, words.format(seen, meant)), number


def _prints_a_number(printed: str, own: Fraction | None) -> bool:
    """Whether `parse` reads it: surely if it is a figure's variant of ordinary length, else it is tried."""
    return (own is not None and len(printed) <= MAX_DIGITS) or _number(printed) is not None


def _rows(figure: _Figure) -> Iterator[tuple[_Figure, Iterator[_Misreading]]]:
    """The errors by how common they are, each with the manner in which its prints are written."""
    yield figure, chain(_confusions(figure), _points(figure), _transpositions(figure), _dropped(figure), _doubled(figure))
    yield _separators(figure)
    yield figure, _units(figure)
    yield from _signs(figure)
    yield figure, islice(_double_confusions(figure), MAX_DOUBLES)


def _looking_like(pairs: tuple[str, ...]) -> dict[str, str]:
    """For each digit the digits it may be read for; the pairs hold in both directions."""
    return {digit: "".join(pair.replace(digit, "") for pair in pairs if digit in pair) for digit in _ALL}


_LIKE, _CLOSEST = _looking_like(ALIKE), _looking_like(CLOSEST)


def _confusions(figure: _Figure) -> Iterator[_Misreading]:
    digits, decimals = figure.digits, figure.decimals
    for place, seen in enumerate(digits):
        for meant in _LIKE[seen]:
            yield digits[:place] + meant + digits[place + 1 :], decimals, Origin.CONFUSION, _CONFUSED, seen, meant


def _double_confusions(figure: _Figure) -> Iterator[_Misreading]:
    """Two at once only among the closest pairs: of the fainter ones there are so many that some print would lie in any interval."""
    digits, decimals = figure.digits, figure.decimals
    for (first, one), (second, two) in combinations(enumerate(digits), 2):
        before, between, after = digits[:first], digits[first + 1 : second], digits[second + 1 :]
        for meant, too in product(_CLOSEST[one], _CLOSEST[two]):
            yield before + meant + between + too + after, decimals, Origin.CONFUSION, _CONFUSED_TWICE, one + two, meant + too


def _points(figure: _Figure) -> Iterator[_Misreading]:
    digits, before = figure.digits, figure.decimals
    for decimals in range(len(digits)):
        if decimals != before:
            yield digits, decimals, Origin.POINT, _how_the_point_went(before, decimals), str(abs(before - decimals)), ""


def _how_the_point_went(read: int, printed: int) -> str:
    if read and printed:
        return "the point moved by {0} place" + ("s" if abs(read - printed) > 1 else "")
    return "the point was lost" if printed else "a stray point"


def _transpositions(figure: _Figure) -> Iterator[_Misreading]:
    digits, decimals = figure.digits, figure.decimals
    for place, (one, two) in enumerate(pairwise(digits)):
        if one != two:
            swapped = digits[:place] + two + one + digits[place + 2 :]
            yield swapped, decimals, Origin.TRANSPOSITION, "two digits exchanged: '{0}' for '{1}'", one + two, two + one


def _dropped(figure: _Figure) -> Iterator[_Misreading]:
    """Any digit at any place, before and behind the point; in a run of equal digits only at its end, because all places print the same."""
    digits, decimals, whole = figure.digits, figure.decimals, figure.whole
    for place in range(whole + 1):
        for meant in _ALL.replace(digits[place:whole][:1], ""):
            yield digits[:place] + meant + digits[place:], decimals, Origin.DROPPED, _LOST, "", meant
    for place in range(whole, len(digits) + 1 if decimals else whole):
        for meant in _ALL.replace(digits[place : place + 1], ""):
            yield digits[:place] + meant + digits[place:], decimals + 1, Origin.DROPPED, _LOST, "", meant


def _doubled(figure: _Figure) -> Iterator[_Misreading]:
    """Each digit left out; a point left without decimals goes with them, one left without a whole number is none."""
    digits, decimals, whole = figure.digits, figure.decimals, figure.whole
    for place, seen in enumerate(digits):
        if whole > 1 or place:
            words = "'{0}' read twice" if seen in (digits[place - 1 : place], digits[place + 1 : place + 2]) else "a stray '{0}'"
            yield digits[:place] + digits[place + 1 :], decimals - (place >= whole), Origin.DOUBLED, words, seen, ""


def _separators(figure: _Figure) -> tuple[_Figure, Iterator[_Misreading]]:
    """The points and commas of the text taken for separators, or all but the last, which is the point; printed with separators."""
    return replace(figure, grouped=True), _marks(figure.body)


def _marks(body: str) -> Iterator[_Misreading]:
    first, *groups = re.split("[.,]", body)
    marks = re.findall("[.,]", body)
    inner_are_thousands = all(group and len(group) % 3 == 0 for group in groups[:-1])
    if groups and groups[-1] and inner_are_thousands:
        digits = first + "".join(groups)
        if len(groups[-1]) % 3 == 0:
            yield digits, 0, Origin.SEPARATOR, _SEPARATOR_AS_POINT if "." in marks else _SEPARATOR_LOST, "", ""
        inner = _SEPARATOR_AS_POINT if "." in marks[:-1] else _SEPARATOR_LOST
        yield digits, len(groups[-1]), Origin.SEPARATOR, _POINT_AS_SEPARATOR if marks[-1] == "," else inner, "", ""


def _unit_steps() -> dict[int, tuple[str, str]]:
    """Powers of ten between two money units, with the smaller and the larger; the pair with the smallest unit stands for the others."""
    sizes = sorted((size, name) for name, size in UNITS.items() if name.endswith("元"))
    steps: dict[int, tuple[str, str]] = {}
    for (small, name), (large, other) in combinations(sizes, 2):
        steps.setdefault(len(str(large // small)) - 1, (name, other))
    return steps


_STEPS = _unit_steps()


def _units(figure: _Figure) -> Iterator[_Misreading]:
    """The figure times 10^k: as printed for the unit in which the read text counts, if it belongs to another."""
    for power, words in _powers(figure.unit):
        digits, decimals = _times_ten_to(figure, power)
        yield digits, decimals, Origin.UNIT, words, "", ""


def _powers(unit: str) -> Iterator[tuple[int, str]]:
    if unit == "%":
        yield 2, "a fraction, not a percentage"
    elif unit:
        sizes = {size: name for name, size in reversed(UNITS.items()) if name.endswith("元")} | {UNITS[unit]: unit}
        for size, name in sizes.items():
            yield len(str(size)) - len(str(UNITS[unit])), f"in {name}, not {unit}"
    else:
        for power, (small, large) in _STEPS.items():
            yield -power, f"in a unit 10^{power} smaller ({small}, not {large})"
            yield power, f"in a unit 10^{power} larger ({large}, not {small})"


def _times_ten_to(figure: _Figure, power: int) -> tuple[str, int]:
    """Digits and decimals: no needless zero in front, and no more zeros at the end of the decimals than the read text has decimals."""
    decimals = max(figure.decimals - power, 0)
    digits = figure.digits + "0" * (power - figure.decimals)
    digits = digits.lstrip("0").rjust(decimals + 1, "0")
    needless = min(len(digits) - len(digits.rstrip("0")), max(decimals - figure.decimals, 0))
    return digits[: len(digits) - needless], decimals - needless


def _signs(figure: _Figure) -> Iterator[tuple[_Figure, Iterator[_Misreading]]]:
    """Without its minus and brackets if it is negative, else with a minus; nothing where `parse` would not read that."""
    head, tail = re.sub("[-+(]", "", figure.head), "(%)".join(part.replace(")", "") for part in figure.tail.split("(%)"))
    currency = len(head) if head.isalpha() else 0
    words = "a stray minus or brackets" if figure.sign < 0 else "a minus or brackets were lost"
    other = replace(figure, head=head if figure.sign < 0 else f"{head[:currency]}-{head[currency:]}", tail=tail)
    if _number(other.printed(figure.digits, figure.decimals)) is not None:
        yield other, iter([(figure.digits, figure.decimals, Origin.SIGN, words, "", "")])


def _letters(read: str) -> Iterator[tuple[Candidate, Fraction]]:
    """The text with its letters read as digits: all of them, or all but a currency before or behind the figure."""
    if _TRANSLATION.keys().isdisjoint(map(ord, read)):
        return
    for start, end in product((3, 0), (len(read) - 3, len(read))):
        printed = read[:start] + read[start:end].translate(_TRANSLATION) + read[max(start, end) :]
        if printed != read and (number := _number(printed)) is not None:
            yield Candidate(printed, Origin.CONFUSION, _letters_in_words(read, printed)), number


def _letters_in_words(read: str, printed: str) -> str:
    pairs = dict.fromkeys((seen, meant) for seen, meant in zip(read, printed, strict=True) if seen != meant)
    return " and ".join(_CONFUSED.format(*pair) for pair in pairs)


def is_slip(read: str, printed: str) -> bool:
    """Whether one ordinary slip makes `printed` be read as `read` (two different decimal strings): the point lost, gained or moved, one
    digit wrong, lost or too many, or two neighbours exchanged (an edit distance of 1 by Damerau 1964, as in Scholtus 2009)."""
    one, two = read.replace(".", "").lstrip("-"), printed.replace(".", "").lstrip("-")
    if one.strip("0") == two.strip("0"):
        return True
    if len(one) < len(two):
        one, two = two, one
    at = next((index for index, (left, right) in enumerate(zip(one, two, strict=False)) if left != right), len(two))
    if len(one) > len(two):
        return one[at + 1 :] == two[at:]
    exchanged = one[at : at + 2] == two[at : at + 2][::-1]
    return one[at + 1 :] == two[at + 1 :] or (exchanged and one[at + 2 :] == two[at + 2 :])
