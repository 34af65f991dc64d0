"""Records that `reconcile.py` spoils: slips, misprints, rows that are dropped, doubled, shifted or swallowed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconcile_slips import Slip, Texts, amount, slip
from reconcile_subjects import Subject

from structurer.contracts.schema import Kind
from structurer.layout import Layout
from structurer.record import leaf_pointers


@dataclass(frozen=True, slots=True)
class Case:
    """A record as it was read. `truth`: what its places should hold; `wrong`: what is to be blamed; `told`: how it was spoilt."""

    name: str
    subject: Subject
    texts: Texts
    rows: Mapping[str, int]
    truth: Texts
    wrong: tuple[str, ...]
    told: str
    kind: str = ""
    layout: Layout | None = None  # None: the subject's own


def slipped(subject: Subject, count: int, name: str) -> Case | None:
    """A record with so many slips, each in a figure of its own."""
    rng = random.Random(name)
    slips: dict[str, Slip] = {}
    for place in rng.sample(subject.checked, len(subject.checked)):
        one = slip(rng, subject.texts, place, subject.beside[place])
        if one is not None:
            slips[place] = one
        if len(slips) == count:
            texts = {**subject.texts, **{place: one.now for place, one in slips.items()}}
            told, kind = "; ".join(map(str, slips.values())), next(iter(slips.values())).kind if count == 1 else ""
            return Case(name, subject, texts, subject.rows, subject.texts, tuple(sorted(slips)), told, kind)
    return None


def misprinted(subject: Subject, name: str) -> Case | None:
    """A record whose document is wrong itself: the slip stands on the page too. None where its print is not known to be one place."""
    case = slipped(subject, 1, name)
    if case is None or case.wrong[0] not in subject.prints:
        return None
    (place,) = case.wrong
    start, end = subject.prints[place]
    text = subject.text[:start] + (case.texts[place] or "") + subject.text[end:]
    return replace(case, layout=Layout(text, subject.start, subject.end + len(text) - len(subject.text)), truth=case.texts)


def blanked(subject: Subject, name: str) -> Case:
    """A record in which a figure was passed over."""
    place = random.Random(name).choice(subject.checked)
    texts = {**subject.texts, place: None}
    return Case(name, subject, texts, subject.rows, subject.texts, (place,), f"{place} {subject.texts[place]}>null", "missing")


def rows_of(subject: Subject) -> list[tuple[str, int]]:
    """The list and number of each row of the record's lists."""
    return [(place, number) for place, count in subject.rows.items() for number in range(count)]


def changes_a_sum(subject: Subject, place: str, number: int) -> bool:
    """Whether a row has a figure other than nothing that a check reads together with other rows."""
    row = f"{place}/{number}"
    summed = {cell for one in subject.held if not one.pointer.startswith(place + "/") for cell in one.outcome.cells}
    return any(cell.startswith(row + "/") and cell in summed and amount(subject.texts[cell]) for cell in subject.checked)


def dropped(subject: Subject, place: str, number: int, name: str) -> Case:
    """A record that lacks a row."""
    texts = _renumbered(subject.texts, place, lambda row: None if row == number else row - (row > number))
    rows = {**subject.rows, place: subject.rows[place] - 1}
    return Case(name, subject, texts, rows, texts, (f"{place}/-",), f"{place}/{number} dropped", "row dropped")


def cut_off(subject: Subject, name: str) -> Case | None:
    """A record that lacks the last rows of a list, two to four, and keeps at least one: a reading that was broken off."""
    rng = random.Random(name)
    able = [place for place, count in subject.rows.items() if count > 2 and changes_a_sum(subject, place, count - 1)]
    if not able:
        return None
    place = rng.choice(able)
    kept = max(subject.rows[place] - rng.randint(2, 4), 1)
    texts = _renumbered(subject.texts, place, lambda row: row if row < kept else None)
    told = f"{place} cut off behind {kept} of {subject.rows[place]} rows"
    return Case(name, subject, texts, {**subject.rows, place: kept}, texts, (f"{place}/-",), told, "rows cut off")


def doubled(subject: Subject, place: str, number: int, name: str) -> Case:
    """A record that has a row twice."""
    texts = _renumbered(subject.texts, place, lambda row: row + (row > number))
    texts |= {f"{place}/{number + 1}{cell}": text for cell, text in _row(subject, f"{place}/{number}").items()}
    rows = {**subject.rows, place: subject.rows[place] + 1}
    return Case(name, subject, texts, rows, texts, (f"{place}/{number + 1}",), f"{place}/{number} doubled", "row doubled")


def _renumbered(texts: Texts, place: str, number: Callable[[int], int | None]) -> dict[str, str | None]:
    found = {}
    for cell, text in texts.items():
        if cell.startswith(place + "/"):
            row, _, rest = cell[len(place) + 1 :].partition("/")
            there = number(int(row))
            if there is not None:
                found[f"{place}/{there}/{rest}"] = text
        else:
            found[cell] = text
    return found


def _row(subject: Subject, row: str) -> dict[str, str | None]:
    return {cell[len(row) :]: text for cell, text in subject.texts.items() if cell.startswith(row + "/")}


def shifted(subject: Subject, name: str) -> Case | None:
    """A record in which the figures of one row stand a column further left or right."""
    rng = random.Random(name)
    row = rng.choice(_rows_with_figures(subject))
    cells = [cell for cell in subject.leaves if cell.rpartition("/")[0] == row and not subject.leaves[cell].spans_rows]
    cells = cells[1:] if subject.leaves[cells[0]].kind is Kind.TEXT else cells  # the first names the row
    by = rng.choice((1, -1))
    moved = {cell: cells[index - by] if 0 <= index - by < len(cells) else None for index, cell in enumerate(cells)}
    texts = {**subject.texts, **{cell: None if source is None else subject.texts[source] for cell, source in moved.items()}}
    return _case_of_row(subject, texts, subject.rows, subject.texts, name, f"{row} shifted by {by}", "shifted")


def swallowed(subject: Subject, name: str) -> Case | None:
    """A record in which the figures of a row were appended to those of the row above, and the row is gone."""
    rng = random.Random(name)
    rows = [(place, number) for place, number in rows_of(subject) if number and changes_a_sum(subject, place, number)]
    if not rows:
        return None
    place, number = rng.choice(rows)
    cells = {cell: text for cell, text in _row(subject, f"{place}/{number}").items() if f"{place}/{number}{cell}" in subject.beside}
    case = dropped(subject, place, number, name)
    above = {f"{place}/{number - 1}{cell}": text for cell, text in cells.items()}
    texts = {**case.texts, **{cell: " ".join(filter(None, (case.texts[cell], text))) for cell, text in above.items()}}
    return _case_of_row(subject, texts, case.rows, case.truth, name, f"{place}/{number} swallowed by the row above", "swallowed")


def _case_of_row(subject: Subject, texts: Texts, rows: Mapping[str, int], truth: Texts, name: str, told: str, kind: str) -> Case | None:
    """The case, if a figure became another; a blank and a zero are as good."""
    counted = [place for place, leaf in leaf_pointers(subject.schema, rows) if leaf.kind in (Kind.NUMBER, Kind.PERCENT)]
    wrong = tuple(place for place in counted if texts[place] != truth[place] and (amount(texts[place]) or amount(truth[place])))
    return Case(name, subject, texts, rows, truth, wrong, told, kind) if any(place in subject.checked for place in wrong) else None


def _rows_with_figures(subject: Subject) -> list[str]:
    return list(dict.fromkeys(row for row in (cell.rpartition("/")[0] for cell in subject.checked) if row))
