"""What a reader hands over (an Extraction: verbatim text) and what becomes of it (a Record: parsed, grounded, checked, flagged).

Leaves are kept flat, by JSON pointer (RFC 6901), because checks, evidence, flags and exports all name cells; `as_json` builds the tree.
Every leaf of the schema has an entry, blank ones included: a missing key would be a silent loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from structurer.arithmetic.checks import Outcome, Quantity
from structurer.contracts.schema import Group, Leaf, Node, Rows, Schema
from structurer.document import Span


class Match(StrEnum):
    """How a value was found again on the page."""

    EXACT = "exact"  # the characters stand there in one piece
    NORMALISED = "normalised"  # ... after folding widths, white space and line breaks, or in several pieces
    FUZZY = "fuzzy"  # ... only nearly
    NONE = "none"  # not found, or the value is blank


class Flag(StrEnum):
    """What to do with a value: use it, show it to a person, or do not use it."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class Verdict(StrEnum):
    """Whose fault a failing check is."""

    READING = "reading"  # a cell that explains it does not stand on the page where it belongs
    DOCUMENT = "document"  # every cell of it stands on the page where it belongs: the page itself does not add up
    UNDECIDED = "undecided"  # there is no page to ask, or the page does not say


@dataclass(frozen=True, slots=True)
class Correction:
    """What a value was before it was corrected from the page, and why: `text` and `value` as first read, `by` whom (a rule or a model),
    `reason` in words, `alternatives` that were possible too."""

    text: str | None
    value: str | int | None
    by: str
    reason: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """A leaf as a reader saw it.

    `text` is verbatim (None = the page prints nothing there). `spans` are offsets into the document's text where the reader knows them.
    `doubts` are reasons to distrust it, in words; `alternatives` are other readings that the page allows. `logprob` is the natural
    logarithm of the probability of its least likely token, `agreement` how many of how many readings say the same; None where nobody said.
    """

    text: str | None
    spans: tuple[tuple[int, int], ...] = ()
    doubts: tuple[str, ...] = ()
    alternatives: tuple[str | None, ...] = ()
    logprob: float | None = None
    agreement: tuple[int, int] | None = None


BLANK: Final = Extract(None)
MAX_SHOWN: Final = 40  # characters of a text in a doubt


def shown(text: str | None) -> str:
    """A reading in the words of a doubt, shortened."""
    return "blank" if text is None else repr(text[:MAX_SHOWN])


@dataclass(frozen=True, slots=True)
class Extraction:
    """All that a reader made of one segment: leaves and list lengths by JSON pointer.

    `doubts` concern a list or a row ("/indicators/3") or the whole ("") rather than one leaf. `explained` are stretches of the text that
    are labels, headings or page furniture and so need no value to claim them.
    """

    kind: str
    reader: str
    leaves: Mapping[str, Extract]
    rows: Mapping[str, int] = field(default_factory=dict)
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    explained: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf of a record.

    `value` is canonical: text, a decimal string without separators, an ISO date, an int for integers; None when blank. `quantity` is what
    checks reckon with (None for blank or unparsable). `error` names why a printed text could not be parsed. `spans` are the evidence: the
    stretches of the text, their pages and (on PDF) their boxes. `score` in [0, 1] is a raw trust signal until it is calibrated. `pinned`:
    how many independent checks hold that would fail if this figure alone were another. `correction`: what it was before it was mended.
    `logprob` and `agreement` as in Extract.
    """

    text: str | None
    value: str | int | None
    quantity: Quantity | None = None
    error: str | None = None
    spans: tuple[Span, ...] = ()
    match: Match = Match.NONE
    reader: str = ""
    doubts: tuple[str, ...] = ()
    alternatives: tuple[str | None, ...] = ()
    score: float = 1.0
    flag: Flag = Flag.ACCEPT
    pinned: int = 0
    correction: Correction | None = None
    logprob: float | None = None
    agreement: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A check confronted with the record: `pointer` is the object it is scoped to; `verdict` says whose fault it is that it fails, and
    `evidence` why, in words."""

    id: str
    pointer: str
    requires: str
    says: str
    outcome: Outcome
    holds: bool | None  # None = not applicable
    verdict: Verdict | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Something a person should see: a leaf, row, list or record (""), with the reasons in words."""

    pointer: str
    flag: Flag
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A number or row label inside a segment that no value, label or page furniture accounts for."""

    text: str
    start: int
    end: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """One form, structured. `index` counts all records of the source from 0; `start:end` is its segment; `complete` names the lists that a
    closed sum proves complete; `provenance` says what read it (reader, model, digests of schema and prompt, versions, usage).

    `blame`: every smallest set of cells, rows or lost rows (JSON pointers; "/rows/-" is a lost one) whose errors explain all checks that
    failed as the record was read; none where every check held. `localised` says how the search for them ended (`reconcile.Status`).
    `mended`: the checks that failed before values were corrected; in `checks` they hold."""

    kind: str
    source: str
    index: int
    start: int
    end: int
    leaves: Mapping[str, Value]
    rows: Mapping[str, int]
    checks: tuple[Checked, ...] = ()
    review: tuple[Review, ...] = ()
    unclaimed: tuple[Unclaimed, ...] = ()
    complete: tuple[str, ...] = ()
    blame: tuple[tuple[str, ...], ...] = ()
    localised: str = ""
    mended: tuple[Checked, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Text of the document that belongs to no form: shown, never dropped."""

    text: str
    start: int
    end: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """All that came of one document."""

    source: str
    sha256: str
    records: tuple[Record, ...]
    unplaced: tuple[Unplaced, ...] = ()
    warnings: tuple[str, ...] = ()


@lru_cache(maxsize=65536)
def pointer(*parts: str | int) -> str:
    """A JSON pointer of the given keys and row numbers."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def expanded(path: tuple[str, ...], rows: Mapping[str, int], base: str = "") -> Iterator[str]:
    """The JSON pointers of a schema path: every "*" becomes each row that the list at that place has."""
    if "*" not in path:
        yield base + pointer(*path)
        return
    star = path.index("*")
    base += pointer(*path[:star])
    for number in range(rows.get(base, 0)):
        yield from expanded(path[star + 1 :], rows, f"{base}/{number}")


def leaf_pointers(schema: Schema, rows: Mapping[str, int]) -> list[tuple[str, Leaf]]:
    """Every leaf that a record with these list lengths has, with its field: in the order of the record, row by row."""
    found: list[tuple[str, Leaf]] = []
    _gather(schema.root, "", rows, found)
    return found


def _gather(node: Node, place: str, rows: Mapping[str, int], found: list[tuple[str, Leaf]]) -> None:
    if isinstance(node, Leaf):
        found.append((place, node))
    elif isinstance(node, Rows):
        for number in range(rows.get(place, 0)):
            _gather(node.row, f"{place}/{number}", rows, found)
    else:
        for member in node.members:
            _gather(member, place + pointer(member.name), rows, found)


def as_json(schema: Schema, values: Mapping[str, Any], rows: Mapping[str, int]) -> dict[str, Any]:
    """The record as a JSON tree in the schema's order, from leaves by JSON pointer."""
    tree = _tree(schema.root, "", values, rows)
    assert isinstance(tree, dict)
    return tree


def _tree(node: Node, place: str, values: Mapping[str, Any], rows: Mapping[str, int]) -> Any:
    if isinstance(node, Leaf):
        return values.get(place)
    if isinstance(node, Rows):
        return [_tree(node.row, f"{place}/{number}", values, rows) for number in range(rows.get(place, 0))]
    assert isinstance(node, Group)
    return {child.name: _tree(child, place + pointer(child.name), values, rows) for child in node.members}
