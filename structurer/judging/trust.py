"""From evidence to flags: which values may be used as they are, and which a person should see, with the reasons in words.

The score of a value is a raw signal in [0, 1], a product of its evidence; it is not a probability until it is calibrated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import exp, log

from structurer.contracts.schema import Leaf
from structurer.document import SURE
from structurer.record import Flag, Match, Review, Unclaimed, Value, pointer

_EVIDENCE = {Match.EXACT: 0.99, Match.NORMALISED: 0.98, Match.FUZZY: 0.8, Match.NONE: 0.3}
_DOUBT, _BLAMED, _PINNED = 0.6, 0.5, 0.5  # factors: of a doubt, of blame; and by how much a check that proves it closes the gap to 1
_UNSURE = log(0.5)  # of a value's least likely token: the model thought another one as likely
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
    lost: Mapping[str, tuple[Unclaimed, ...]],
    blamed: Collection[str],
    pinned: Mapping[str, int],
    *,
    page: bool = True,
) -> tuple[dict[str, Value], tuple[Review, ...]]:
    """Flags and scores. `doubts` concern cells, rows, lists or the whole; `lost` are figures that stand among a list's rows and in none;
    `blamed` are the cells that may be to blame for failing checks; `pinned` says how many checks prove a cell. Without a `page` to ask,
    that a value was not found on it is no reason."""
    reasons: dict[str, list[str]] = {}
    for place, (leaf, value) in leaves.items():
        for reason in _own_reasons(leaf, value, page, proved=place in pinned):
            reasons.setdefault(place, []).append(reason)
    for place, about in (*doubts.items(), *_blank_columns(leaves).items()):
        reasons.setdefault(place, []).extend(about)
    for place, left in lost.items():
        reasons.setdefault(place, []).append(_lost_words(left))
    values = {place: _flagged(value, reasons.get(place, ()), place in blamed, pinned.get(place, 0)) for place, (_, value) in leaves.items()}
    flags = {place: _flag_of(leaves.get(place)) if page else Flag.REVIEW for place in reasons}
    review = tuple(Review(place, flags[place], tuple(dict.fromkeys(why))) for place, why in sorted(reasons.items()))
    return values, review


def merged(*reasons: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """All reasons for each place, in order."""
    places = dict.fromkeys(place for some in reasons for place in some)
    return {place: tuple(reason for some in reasons for reason in some.get(place, ())) for place in places}


def _own_reasons(leaf: Leaf, value: Value, page: bool, *, proved: bool) -> list[str]:
    found = list(value.doubts)
    if value.error is not None:
        found.append(f"{value.text!r} {_ERRORS.get(value.error, value.error)}")
    if value.text is not None and value.match is Match.NONE and page:
        found.append("the value is not on the page")
    if value.text is not None and value.match is Match.FUZZY:
        found.append("the page prints it only nearly so")
    if value.logprob is not None and value.logprob < _UNSURE and not proved:
        found.append(f"the model itself was not sure of it: probability {exp(value.logprob):.2f}")
    if (sure := recognised_at(value)) is not None and sure < SURE and not proved and any(map(str.isdigit, value.text or "")):
        found.append(f"the recogniser was not sure of it: confidence {sure:.2f} in its least sure character")
    if value.text is None and leaf.required and not found and "*" not in leaf.path:
        found.append(f"{'the page prints' if page else 'there is'} no value for a required field")
    return found


def _blank_columns(leaves: Mapping[str, tuple[Leaf, Value]]) -> dict[str, list[str]]:
    """Of lists all of whose rows lack a required field, by the list: a row may lack it, but not each."""
    blank: dict[tuple[str, ...], bool] = {}
    for leaf, value in leaves.values():
        if leaf.required and "*" in leaf.path:
            blank[leaf.path] = blank.get(leaf.path, True) and value.text is None and not (value.doubts or value.error)
    found: dict[str, list[str]] = {}
    for path, is_blank in blank.items():
        if is_blank:
            found.setdefault(pointer(*path[: path.index("*")]), []).append(f"no row has a value for the required field {path[-1]!r}")
    return found


def recognised_at(value: Value) -> float | None:
    """The lowest confidence of a recogniser in a character of a value, in [0, 1]; None where it was not recognised."""
    return min((span.confidence for span in value.spans if span.confidence is not None), default=None)


def _lost_words(left: tuple[Unclaimed, ...]) -> str:
    shown = ", ".join(repr(part.text[:30]) for part in left[:3])
    return f"{len(left)} print{'s' if len(left) > 1 else ''} among the rows in no row: {shown}" + (" ..." if len(left) > 3 else "")


def _flagged(value: Value, why: Collection[str], blamed: bool, pinned: int) -> Value:
    score = 1.0 if value.text is None else _EVIDENCE[value.match]
    score *= _DOUBT if value.doubts or value.error else 1.0
    score *= _BLAMED if blamed else 1.0
    sure = recognised_at(value)
    score *= sure if sure is not None else 1.0
    score *= exp(value.logprob) if value.logprob is not None else 1.0
    score *= value.agreement[0] / value.agreement[1] if value.agreement is not None else 1.0
    for _ in range(min(pinned, 3)):
        score += (1 - score) * _PINNED if not blamed else 0
    return replace(value, score=round(score, 4), flag=Flag.REVIEW if why else Flag.ACCEPT, pinned=pinned)


def _flag_of(leaf_value: tuple[Leaf, Value] | None) -> Flag:
    """A value that is not on the page is not to be used; everything else is to be looked at."""
    missing = leaf_value is not None and leaf_value[1].text is not None and leaf_value[1].match is Match.NONE
    return Flag.REJECT if missing else Flag.REVIEW
