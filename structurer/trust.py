"""From evidence to flags: which values may be used as they are, and which a person should see, with the reasons in words.

The score of a value is a raw signal in [0, 1], a product of its evidence; it is not a probability until it is calibrated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from structurer.record import Checked, Flag, Match, Review, Unclaimed, Value
from structurer.schema import Leaf

MAX_CELLS = 12  # of a failing check that are flagged one by one; of a longer one the list is flagged
_EVIDENCE = {Match.EXACT: 0.99, Match.NORMALISED: 0.98, Match.FUZZY: 0.8, Match.NONE: 0.3}
_DOUBT, _FAILING, _PINNED = 0.6, 0.5, 0.5  # factors: of a doubt, of a failing check; and by how much a holding check closes the gap to 1
_ERRORS = {
    "not-a-number": "is no number",
    "not-an-integer": "is no whole number",
    "not-a-date": "is no date",
    "no-such-day": "names a day that does not exist",
    "ambiguous-date": "could be day-month or month-day",
    "not-a-year": "is no year",
    "not-a-month": "is no month",
    "not-a-choice": "is none of the choices",
    "not-an-expression": "is no calculation",
}


def judge(
    leaves: Mapping[str, tuple[Leaf, Value]],
    doubts: Mapping[str, tuple[str, ...]],
    checks: Iterable[Checked],
    lost: Mapping[str, tuple[Unclaimed, ...]],
) -> tuple[dict[str, Value], tuple[Review, ...]]:
    """Flags and scores. `doubts` concern rows, lists or the whole; `lost` are figures that stand among a list's rows and in none."""
    reasons: dict[str, list[str]] = {}
    for place, (leaf, value) in leaves.items():
        for reason in _own_reasons(leaf, value):
            reasons.setdefault(place, []).append(reason)
    for place, about in doubts.items():
        reasons.setdefault(place, []).extend(about)
    for place, left in lost.items():
        reasons.setdefault(place, []).append(_lost_words(left))
    failing, pinned = _by_cell(checks, leaves)
    for place, words in failing.items():
        reasons.setdefault(place, []).extend(words)
    values = {
        place: _flagged(value, reasons.get(place, ()), place in failing, pinned.get(place, 0)) for place, (_, value) in leaves.items()
    }
    review = tuple(Review(place, _flag_of(leaves.get(place)), tuple(dict.fromkeys(why))) for place, why in sorted(reasons.items()))
    return values, review


def _own_reasons(leaf: Leaf, value: Value) -> list[str]:
    found = list(value.doubts)
    if value.error is not None:
        found.append(f"{value.text!r} {_ERRORS.get(value.error, value.error)}")
    if value.text is not None and value.match is Match.NONE:
        found.append("the value is not on the page")
    if value.text is not None and value.match is Match.FUZZY:
        found.append("the page prints it only nearly so")
    if value.text is None and leaf.required and not found and "*" not in leaf.path:
        found.append("the page prints no value for a required field")
    return found


def _lost_words(left: tuple[Unclaimed, ...]) -> str:
    shown = ", ".join(repr(part.text[:30]) for part in left[:3])
    return f"{len(left)} print{'s' if len(left) > 1 else ''} among the rows in no row: {shown}" + (" ..." if len(left) > 3 else "")


def _by_cell(checks: Iterable[Checked], leaves: Mapping[str, object]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Reasons from failing checks by pointer, and how many holding checks pin each cell."""
    failing: dict[str, list[str]] = {}
    pinned: dict[str, int] = {}
    for checked in checks:
        cells = checked.outcome.cells
        if checked.holds:
            for cell in cells:
                pinned[cell] = pinned.get(cell, 0) + 1
        elif checked.holds is False:
            for place in _places(cells, leaves) or _missing(checked, leaves):
                failing.setdefault(place, []).append(f"{checked.id}: {checked.outcome.words}")
    return failing, pinned


def _missing(checked: Checked, leaves: Mapping[str, object]) -> list[str]:
    """Where to say that a check fails which names no value of the record: at its blank fields, or at the object that owes it."""
    return [place for place in checked.outcome.missing if place in leaves] or [checked.pointer]


def _places(cells: tuple[str, ...], leaves: Mapping[str, object]) -> list[str]:
    own = [cell for cell in cells if cell in leaves]
    if len(own) <= MAX_CELLS:
        return own
    return list(dict.fromkeys(_list_of(cell) for cell in own))


def _list_of(cell: str) -> str:
    """The outermost list that a cell stands in, or the cell itself."""
    parts = cell.split("/")
    number = next((index for index, part in enumerate(parts) if part.isdigit()), None)
    return "/".join(parts[:number]) if number else cell


def _flagged(value: Value, why: Iterable[str], failing: bool, pinned: int) -> Value:
    score = 1.0 if value.text is None else _EVIDENCE[value.match]
    score *= _DOUBT if value.doubts or value.error else 1.0
    score *= _FAILING if failing else 1.0
    for _ in range(min(pinned, 3)):
        score += (1 - score) * _PINNED if not failing else 0
    return replace(value, score=round(score, 4), flag=Flag.REVIEW if list(why) else Flag.ACCEPT)


def _flag_of(leaf_value: tuple[Leaf, Value] | None) -> Flag:
    """A value that is not on the page is not to be used; everything else is to be looked at."""
    missing = leaf_value is not None and leaf_value[1].text is not None and leaf_value[1].match is Match.NONE
    return Flag.REJECT if missing else Flag.REVIEW
