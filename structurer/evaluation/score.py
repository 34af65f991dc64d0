"""Scores records against the truth, leaf by leaf.

Text is compared without white space and with full-width forms folded, numbers as decimals; a dash is a blank. Lists are aligned before
they are compared, so that one dropped row costs its own leaves alone. A leaf of the truth is right, wrong, or missed (blank in the
record); a leaf where the truth is blank is invented. A leaf that is not right is *silent* unless the record names it, its row, its list or
itself for review. Keys that the truth does not know are not scored.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]+)?")
_BLANKS = frozenset({"", "-", "—", "–"})

Alternatives = Mapping[str, Sequence[Any]]


class Verdict(StrEnum):
    """What a record makes of a leaf of the truth; BLANK = rightly blank."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"
    INVENTED = "invented"
    BLANK = "blank"

    @property
    def good(self) -> bool:
        return self in (Verdict.RIGHT, Verdict.BLANK)


@dataclass(frozen=True, slots=True)
class Scored:
    """One leaf: `form` counts the truth's forms from 0, `place` is its pointer there ("-" for a row that the truth lacks)."""

    kind: str
    form: int
    place: str
    verdict: Verdict
    flagged: bool
    value: Any
    expected: Any

    @property
    def field(self) -> str:
        """The place without row numbers: `indicators[].weight`."""
        return re.sub(r"/(\d+|-)(?=/|$)", "[]", self.place).lstrip("/").replace("/", ".")

    @property
    def silent(self) -> bool:
        return not self.verdict.good and not self.flagged


@dataclass(frozen=True, slots=True)
class Scores:
    """All leaves of one source, and its records that were lost or made up."""

    leaves: tuple[Scored, ...]
    records: int
    missing: int
    surplus: int
    perfect: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What is reported: counts of leaves and records. Rates are None where nothing was asked."""

    right: int
    wrong: int
    missed: int
    invented: int
    blank: int
    silent: int
    flagged: int
    records: int = 0
    missing_records: int = 0
    surplus_records: int = 0
    perfect_records: int = 0

    @property
    def leaves(self) -> int:
        return self.right + self.wrong + self.missed

    @property
    def everything(self) -> int:
        return self.leaves + self.invented + self.blank

    @property
    def recall(self) -> float | None:
        return _share(self.right, self.leaves)

    @property
    def precision(self) -> float | None:
        return _share(self.right, self.right + self.wrong + self.invented)

    def as_json(self) -> dict[str, Any]:
        """For machines, under the names that ../shared/tools/score.py uses."""
        counts = {name: getattr(self, name) for name in ("records", "missing_records", "surplus_records", "perfect_records")}
        counts |= {name: getattr(self, name) for name in ("leaves", "right", "wrong", "missed", "invented")}
        return counts | {
            "recall": self.recall,
            "precision": self.precision,
            "silent_errors": self.silent,
            "silent_rate": _share(self.silent, self.everything),
            "flagged_share": _share(self.flagged, self.everything),
        }


def figures(leaves: Iterable[Scored], several: Iterable[Scores] = ()) -> Figures:
    """The figures of some leaves; with the Scores they are from, also those of their records."""
    counts: Counter[str] = Counter()
    for leaf in leaves:
        counts.update({leaf.verdict.value: 1, "silent": int(leaf.silent), "flagged": int(leaf.flagged)})
    for scores in several:
        counts.update(
            records=scores.records, missing_records=scores.missing, surplus_records=scores.surplus, perfect_records=scores.perfect
        )
    return Figures(**{name: counts[name] for name in Figures.__slots__})


def score(
    records: Sequence[Mapping[str, Any]], forms: Sequence[Mapping[str, Any]], alternatives: Alternatives, kinds: Iterable[str] = ()
) -> Scores:
    """Exchange records of one source against its true forms. `alternatives`: every right value of a leaf, by pointer ("/forms/0/...").
    Records of a kind that is neither among the forms nor in `kinds` are not scored: nobody annotated that kind."""
    leaves: list[Scored] = []
    missing = surplus = perfect = 0
    for kind in dict.fromkeys([*(form["kind"] for form in forms), *kinds]):
        true = [(number, form) for number, form in enumerate(forms) if form["kind"] == kind]
        mine = [record for record in records if record["kind"] == kind]
        for got, wanted in align([record["record"] for record in mine], [form for _, form in true]):
            if wanted is None:
                surplus += 1
                continue
            found = _score_form(mine[got] if got is not None else None, *true[wanted], kind, alternatives)
            leaves += found
            missing += got is None
            perfect += all(leaf.verdict.good for leaf in found)
    return Scores(tuple(leaves), len(forms), missing, surplus, perfect)


def _score_form(got: Mapping[str, Any] | None, number: int, form: Mapping[str, Any], kind: str, known: Alternatives) -> list[Scored]:
    review = frozenset(got["review"] if got else ())
    fields = {key: value for key, value in form.items() if key != "kind"}
    found = []
    for here, place, value, expected in _pairs(got["record"] if got else None, fields, "", ""):
        verdict = _verdict(value, expected, known.get(f"/forms/{number}{place}", [expected]))
        found.append(Scored(kind, number, place, verdict, _is_flagged(here, review), value, expected))
    return found


def _verdict(value: Any, expected: Any, accepted: Sequence[Any]) -> Verdict:
    mine = fold(value)
    if mine in {fold(right) for right in accepted}:
        return Verdict.BLANK if mine is None else Verdict.RIGHT
    if mine is None:
        return Verdict.MISSED
    return Verdict.INVENTED if fold(expected) is None else Verdict.WRONG


def fold(leaf: Any) -> Decimal | str | None:
    """What two prints of one value have in common; None for a blank."""
    if leaf is None:
        return None
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(leaf)))
    if _NUMBER.fullmatch(text):
        return Decimal(text.replace(",", ""))
    return None if text in _BLANKS else text


def _pairs(got: Any, want: Any, here: str, place: str) -> Iterator[tuple[str, str, Any, Any]]:
    """Leaf by leaf: pointer in the record, pointer in the truth, value, expected value."""
    if isinstance(got, dict) or isinstance(want, dict):
        got, want = _or_empty(got, dict), _or_empty(want, dict)
        for key, expected in want.items():
            yield from _pairs(got.get(key), expected, f"{here}/{key}", f"{place}/{key}")
    elif isinstance(got, list) or isinstance(want, list):
        got, want = _or_empty(got, list), _or_empty(want, list)
        for mine, true in align(got, want):
            yield from _pairs(
                None if mine is None else got[mine],
                want[true] if true is not None else _blank(got[mine]),
                here if mine is None else f"{here}/{mine}",
                f"{place}/{'-' if true is None else true}",
            )
    else:
        yield here, place, got, want


def _or_empty(node: Any, kind: type) -> Any:
    return node if isinstance(node, kind) else kind()


def _blank(node: Any) -> Any:
    """The same shape with nothing in it: what the truth would be for a row that it lacks."""
    if isinstance(node, dict):
        return {key: _blank(member) for key, member in node.items()}
    return [] if isinstance(node, list) else None


def align(got: Sequence[Any], want: Sequence[Any]) -> Iterator[tuple[int | None, int | None]]:
    """Pair two lists in order so that most leaves agree (Needleman and Wunsch 1970, gaps free); None stands for a gap.

    A pair with nothing in common is made only where both lists have as many members left.
    """
    gain = _gains(got, want)
    best = _best(gain, len(got), len(want))
    mine = true = 0
    while mine < len(got) or true < len(want):
        both = mine < len(got) and true < len(want)
        alike = both and (gain[mine][true] > 0 or len(got) - mine == len(want) - true)
        if alike and best[mine][true] == best[mine + 1][true + 1] + gain[mine][true]:
            yield mine, true
            mine, true = mine + 1, true + 1
        elif true < len(want) and (mine == len(got) or best[mine][true] == best[mine][true + 1]):
            yield None, true
            true += 1
        else:
            yield mine, None
            mine += 1


def _gains(got: Sequence[Any], want: Sequence[Any]) -> list[list[int]]:
    mine, true = ([dict(_filled(member, "")) for member in members] for members in (got, want))
    return [[sum(1 for place, value in right.items() if left.get(place) == value) for right in true] for left in mine]


def _best(gain: list[list[int]], rows: int, columns: int) -> list[list[int]]:
    """The most leaves that can agree from each pair of positions on."""
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            best[row][column] = max(best[row + 1][column], best[row][column + 1], best[row + 1][column + 1] + gain[row][column])
    return best


def _filled(node: Any, place: str) -> Iterator[tuple[str, Decimal | str]]:
    if isinstance(node, dict | list):
        for key, member in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _filled(member, f"{place}/{key}")
    elif (value := fold(node)) is not None:
        yield place, value


def _is_flagged(here: str, review: frozenset[str]) -> bool:
    while here and here not in review:
        here = here.rpartition("/")[0]
    return here in review


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None
