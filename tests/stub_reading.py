"""A stand-in for a model that reads: it fills the shape of a request from the tables and the `Label: value` lines of its document.

It sees nothing but the posted request. It may lose rows of long lists as real models do, or put what it read in the wrong places.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from stub_posted import Posted, resolved

SHORT: Final = 0.05  # of `drop`: the chance that a list of just `rows_kept_well` rows loses some
_CELLS: Final = re.compile(r"\s*\|\s*|\t| {2,}")
_NO_ROW: Final = re.compile(
    r"\b(?:carried|brought) (?:forward|over)\b|\bsub-?total\b|^page\b|\b(?:invent|add|omit|leave out)\b.*\brow\b", re.IGNORECASE
)
_FIGURE: Final = re.compile(r"(?=\D*\d)[-+()€$£¥%.,/:\d\s]+(?:[A-Z]{3})?")  # dates are figures too
_ASKED_CELL: Final = r"^{key}: (?P<path>[\w.\[\]]+)(?: “[^”]*”)?(?:, in entry (?P<entry>\d+) of the list)?(?:: (?P<texts>.*))?$"


class Manner(StrEnum):
    """How rows of a list get lost."""

    TAIL = "tail"
    MIDDLE = "middle"
    EVERY_NTH = "every_nth"
    ONE = "one"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Lossy:
    """How likely a list is to lose rows: `drop` is where the chance goes for ever longer lists, `rows_kept_well` the length below which
    it is at most SHORT times that."""

    drop: float = 0.0
    rows_kept_well: int = 60
    manners: tuple[Manner, ...] = tuple(Manner)

    def chance(self, rows: int) -> float:
        """The chance that a list of so many rows is not whole."""
        if rows <= self.rows_kept_well:
            return self.drop * SHORT * rows / max(self.rows_kept_well, 1)
        return self.drop * (1 - (1 - SHORT) * self.rows_kept_well / rows)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: the tree of the reply, how many rows the list has in print and in the reply, and how it lost some, if it did."""

    tree: Any
    printed: int = 0
    given: int = 0
    manner: Manner | None = None


@dataclass(frozen=True)
class Page:
    """A document's table and lines, as a stand-in sees them."""

    posted: Posted

    @cached_property
    def labels(self) -> Mapping[tuple[str, ...], tuple[str, ...]]:
        return {told.path: told.labels for told in self.posted.told}

    @cached_property
    def table(self) -> tuple[tuple[str, ...], ...]:
        """The cells of each line that has as many as most such lines have, the head with them."""
        parted = [tuple(cell.strip() for cell in _CELLS.split(line.strip(" \f"))) for line in self.posted.document.splitlines()]
        widths = [len(cells) for cells in parted if len(cells) > 1]
        width = max(set(widths), key=widths.count, default=0)
        return tuple(cells for cells in parted if len(cells) == width)

    @cached_property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows of the table without heads, what is carried from page to page, and what is said of rows."""
        return [cells for cells in self.table if any(map(_FIGURE.fullmatch, cells)) and not _NO_ROW.search(cells[0])]

    @cached_property
    def head(self) -> tuple[str, ...]:
        return next((cells for cells in self.table if not any(map(_FIGURE.fullmatch, cells))), ())

    def scalar(self, path: tuple[str, ...]) -> str | None:
        """The text after the field's label and a colon, on the first line that has both."""
        for label in (*self.labels.get(path, ()), plain(path[-1])):
            found = re.search(
                rf"^[ \t]*{re.escape(label)}[ \t]*[:：][ \t]*(\S.*?)[ \t]*$", self.posted.document, re.MULTILINE | re.IGNORECASE
            )
            if found:
                return found[1]
        return None

    def columns(self, path: tuple[str, ...], names: Sequence[str]) -> list[int]:
        """The number of each property's column: by the names under which it is printed, or else in the order of the properties."""
        heads = [head.casefold() for head in self.head]
        known = [[label.casefold() for label in (*self.labels.get((*path, "*", name), ()), plain(name))] for name in names]
        by_name = [next((heads.index(label) for label in labels if label in heads), None) for labels in known]
        return list(range(len(names))) if None in by_name else [number for number in by_name if number is not None]


WHOLE: Final = Lossy()


def read(posted: Posted, lossy: Lossy = WHOLE, seed: int = 0) -> Read:
    """Fill the shape of the request. The same words and the same seed lose the same rows."""
    page = Page(posted)
    rows, manner = lost(page.rows, lossy, random.Random(f"{seed}/{posted.words}"))
    way = list_in(posted.shape, posted.shape)
    tree = filled(posted.shape, (), page, rows, way)
    return Read(tree) if way is None else Read(tree, len(page.rows), len(rows), manner)


def lost(rows: Sequence[tuple[str, ...]], lossy: Lossy, rng: random.Random) -> tuple[list[tuple[str, ...]], Manner | None]:
    """The rows that a model would give, and how it lost the others."""
    if rng.random() >= lossy.chance(len(rows)):
        return list(rows), None
    manner = rng.choice(lossy.manners) if len(rows) > 2 else Manner.ONE
    return list(_without(rows, manner, rng)), manner


def filled(spec: Mapping[str, Any], path: tuple[str, ...], page: Page, rows: Sequence[tuple[str, ...]], way: tuple[str, ...] | None) -> Any:
    """A value for the schema at the path; `way` leads to the list that takes the table's rows."""
    root = page.posted.shape
    spec = resolved(spec, root)
    if "properties" in spec:
        return {name: filled(child, (*path, name), page, rows, way) for name, child in spec["properties"].items()}
    if path == way:
        entry = resolved(spec["items"], root)
        columns = page.columns(path, list(entry["properties"]))
        return [entry_of(entry, columns, cells, root) for cells in rows]
    return typed(asked_cell(path, page) or page.scalar(path) if path else None, spec, root)


def list_in(spec: Mapping[str, Any], root: Mapping[str, Any], path: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The path of the first list of objects; None where the shape has none."""
    spec = resolved(spec, root)
    if "properties" in resolved(spec.get("items") or {}, root):
        return path
    found = (list_in(child, root, (*path, name)) for name, child in spec.get("properties", {}).items())
    return next((way for way in found if way is not None), None)


def typed(text: str | None, spec: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """The text as the schema wants it; what says nothing where there is no text."""
    nullable = any(one.get("type") == "null" for one in spec.get("anyOf", ()))
    spec = resolved(spec, root)
    types = [spec["type"]] if isinstance(spec.get("type"), str) else spec.get("type") or ["string"]
    if "enum" in spec or "const" in spec:
        choices = [spec["const"]] if "const" in spec else spec["enum"]
        return text if text in choices else None if None in choices else choices[0]
    if text is not None and "string" in types:
        return text
    if nullable or "null" in types:
        return None
    blank = {"string": "", "boolean": True, "array": [], "integer": spec.get("minimum", 0), "number": spec.get("minimum", 0)}
    return blank.get(types[0], {})


def entry_of(entry: Mapping[str, Any], columns: Sequence[int], cells: Sequence[str], root: Mapping[str, Any]) -> dict[str, Any]:
    """A list's entry from the cells of a row; `columns` say which cell each property takes."""
    texts = (cells[column] or None if column < len(cells) else None for column in columns)
    return {name: typed(text, child, root) for (name, child), text in zip(entry["properties"].items(), texts, strict=True)}


def plain(name: str) -> str:
    """A name without the signs that part its words."""
    return " ".join(re.split(r"[\s_-]+", name)).strip().casefold()


def asked_cell(path: tuple[str, ...], page: Page) -> str | None:
    """What stands in a single cell that the request asks for in words (`cell_1: lines[].amount, in entry 3 of the list: Catering`)."""
    found = re.search(_ASKED_CELL.format(key=re.escape(path[-1])), page.posted.outside, re.MULTILINE)
    if not found or not found["entry"]:
        return page.scalar((*path[:-1], found["path"].rpartition(".")[2])) if found else None
    (column,) = page.columns(("",), [found["path"].rpartition(".")[2]])
    texts = (found["texts"] or "").split(" | ")
    rows = [row for row in page.rows if texts[0] and all(text in row for text in texts)] or page.rows[int(found["entry"]) - 1 :]
    return rows[0][column] if rows and column < len(rows[0]) else None


def misplaced(tree: Any, rng: random.Random) -> Any:
    """The same values in other places: every column of a list moved round by some rows, the texts of a record by some fields."""
    if isinstance(tree, list):
        return _rotated(tree, rng) if len(tree) > 1 and isinstance(tree[0], dict) else tree
    if not isinstance(tree, dict):
        return tree
    texts = {key: text for key, text in tree.items() if isinstance(text, str)}
    moved = dict(zip(texts, _round(list(texts.values()), rng), strict=True))
    return {key: moved[key] if key in moved else misplaced(child, rng) for key, child in tree.items()}


# -- small parts -------------------------------------------------------------------------------------------------------


def _without(rows: Sequence[tuple[str, ...]], manner: Manner, rng: random.Random) -> Iterator[tuple[str, ...]]:
    count = len(rows)
    if manner is Manner.EVERY_NTH:
        step = rng.randint(2, min(20, count))
        return (row for number, row in enumerate(rows, 1) if number % step)
    if manner is Manner.MERGED:
        at = rng.randrange(count - 1)
        return iter((*rows[:at], _merged(rows[at], rows[at + 1]), *rows[at + 2 :]))
    length = {Manner.TAIL: rng.randint(1, max(count * 6 // 10, 1)), Manner.MIDDLE: rng.randint(1, max(count * 3 // 10, 1))}.get(manner, 1)
    start = {Manner.TAIL: count - length, Manner.MIDDLE: rng.randint(1, max(count - length - 1, 1))}.get(manner, rng.randrange(count))
    return iter((*rows[:start], *rows[start + length :]))


def _merged(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Two rows as one: the words of both, the figures of the first, the last figure of the second."""
    cells = [mine if _FIGURE.fullmatch(mine) else f"{mine} {theirs}" for mine, theirs in zip(first, second, strict=True)]
    return (*cells[:-1], second[-1])


def _rotated(rows: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    columns = {name: _round([row[name] for row in rows], rng) for name in rows[0]}
    return [{name: column[number] for name, column in columns.items()} for number in range(len(rows))]


def _round(values: list[Any], rng: random.Random) -> list[Any]:
    turn = rng.randrange(1, len(values)) if len(values) > 1 else 0
    return values[turn:] + values[:turn]
