"""Papers with known truth: forms and random tables as real PDFs by several producers, made from a seed.

`paper` gives the bytes, the records that the forms say (`forms.py`), and every cell of every table as a reader should give it back: a
table that pages cut is one table, its head counts once, and a merged cell that a page cuts is one cell.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import forms
from presses import reportlab_pdf, typst_pdf
from sketches import Cell, Grid, Sketch, Style

KINDS = ("self_evaluation", "target_declaration", "invoice", "generic")
PRODUCERS: dict[str, Callable[[Sketch], bytes]] = {"typst": typst_pdf, "reportlab": reportlab_pdf}
LONG_ROWS = {"self_evaluation": 32, "target_declaration": 36, "invoice": 22}  # that a form has at least which is to go over pages
SHORT_ROWS = {"self_evaluation": 24, "target_declaration": 24, "invoice": 17}  # that one has at most which is to stay on a page
TOKEN = 1.25  # room for a word that cannot be broken, of its width in half-width characters: W is wider than these
LEAST_SIZE = 6.5  # points: where the columns would need a smaller font, the page is laid on its side


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF and what it says: the records of its forms, the cells of its tables, the titles and paragraphs outside of them."""

    producer: str
    raw: bytes
    forms: tuple[forms.Record, ...]
    tables: tuple[tuple[Cell, ...], ...]
    outside: tuple[str, ...]


def paper(kind: str, producer: str, seed: int, *, long: bool = False, rules: bool = True, torn: bool = False) -> Paper:
    """One of `KINDS` by one of `PRODUCERS`; `long` ones go over two or three pages; without `rules` white space alone parts the columns;
    where rows may be `torn`, a page may end amid one (not by reportlab), else it ends between two.
    """
    truth, drawn = sketch(kind, seed, long=long, rules=rules)
    drawn = replace(drawn, style=replace(drawn.style, torn=torn))
    tables = tuple(part.cells for part in drawn.parts if isinstance(part, Grid))
    outside = (*drawn.titles, *(part for part in drawn.parts if isinstance(part, str)))
    return Paper(producer, PRODUCERS[producer](drawn), truth, tables, outside)


def sketch(kind: str, seed: int, *, long: bool = False, rules: bool = True) -> tuple[tuple[forms.Record, ...], Sketch]:
    """The records, and the paper that says them, before it is printed."""
    rng = random.Random(f"paper {kind} {seed} {long} {rules}")
    style = _style(rng, long=long, rules=rules)
    if kind == "generic":
        return (), _fitted(*_generic(rng, long=long), style)
    form = _form(kind, rng, long=long)
    assert isinstance(form.body, forms.Sheet)
    style = replace(style, landscape=style.landscape or (long and kind == "invoice"))  # its rows would not fill a page that stands
    return (form.truth,), _fitted(form.body.titles, _as_parts(form.body, rng, narrow=kind != "invoice"), style)


def _style(rng: random.Random, *, long: bool, rules: bool) -> Style:
    return Style(
        size=rng.choice((8.0, 9.0, 10.0, 10.5)),
        pad=rng.choice((9.0, 10.0, 11.0)) if long or not rules else rng.choice((2.0, 3.0, 5.0)),
        stroke=rng.choice((0.3, 0.5, 0.75, 1.0)),
        margin=rng.choice((36.0, 48.0, 56.0)),
        landscape=rng.random() < 0.2,
        align=rng.choice(("left", "center", "mixed")),
        middle=rng.random() < 0.7,
        shaded=rng.random() < 0.3,
        serif=rng.random() < 0.5,
        foot=rng.choice(("", "{}", "- {} -", "— {} —")),
        rules=rules,
    )


# -- forms -------------------------------------------------------------------------------------------------------------


def _form(kind: str, rng: random.Random, *, long: bool) -> forms.Form:
    """The first that the generator makes that is long, or short."""
    while True:
        form = forms.MAKERS[kind](rng)
        assert isinstance(form.body, forms.Sheet)
        rows = max(cell.row + cell.rows for cell in form.body.cells)
        if rows >= LONG_ROWS[kind] if long else rows <= SHORT_ROWS[kind]:
            return form


def _as_parts(sheet: forms.Sheet, rng: random.Random, *, narrow: bool) -> tuple[str | Grid, ...]:
    """One table with the head of its list inside, or two, of which the second begins with it; the head may be printed on every page.

    `narrow`: the first column of the second table may be so that its labels are set vertically.
    """
    cells = tuple(Cell(cell.row, cell.col, cell.rows, cell.cols, cell.text) for cell in sheet.cells)
    again = rng.random() < 0.5 and all(cell.end == sheet.head + 1 for cell in cells if cell.row == sheet.head)
    if rng.random() < 0.5:
        return (_squeezed(cells, sheet.widths, (sheet.head, sheet.head + 1) if again else None),)
    widths = (2, *sheet.widths[1:]) if narrow and rng.random() < 0.5 else sheet.widths
    upper = tuple(cell for cell in cells if cell.row < sheet.head)
    lower = tuple(replace(cell, row=cell.row - sheet.head) for cell in cells if cell.row >= sheet.head)
    between = "二、明细" if narrow else "Details"
    return _squeezed(upper, sheet.widths, None), between, _squeezed(lower, widths, (0, 1) if again else None)


# -- random tables -----------------------------------------------------------------------------------------------------


def _generic(rng: random.Random, *, long: bool) -> tuple[tuple[str, ...], tuple[str | Grid, ...]]:
    """Titles, and a table of any spans between paragraphs."""
    english = rng.random() < 0.4
    rows, cols = rng.randint(36, 55) if long else rng.randint(3, 12), rng.randint(2, 7)
    head = rng.randint(1, 2)
    cells = [*_spread(rng, range(head), cols, english=english), *_spread(rng, range(head, head + rows), cols, english=english)]
    widths = [rng.randint(5, 16) for _ in range(cols)]
    grid = _squeezed(cells, widths, (0, head) if rng.random() < 0.5 else None)
    before, after = ([_sentence(rng, english=english) for _ in range(rng.randint(0, 2))] for _ in range(2))
    return (_title(rng, english=english),), (*before, grid, *after)


def _spread(rng: random.Random, rows: range, cols: int, *, english: bool) -> Iterator[Cell]:
    """Cells that fill the rows; some go over several rows or columns, labels at the left the more often."""
    taken: set[tuple[int, int]] = set()
    for row in rows:
        low = False
        for col in range(cols):
            if (row, col) in taken:
                continue
            free = next((wide for wide in range(1, cols - col) if (row, col + wide) in taken), cols - col)
            colspan = min(rng.choice((2, 2, 3)), free) if rng.random() < 0.1 else 1
            rowspan = min(rng.randint(2, 6), rows.stop - row) if rng.random() < (0.35 if col == 0 else 0.06) else 1
            is_last = all((row, right) in taken for right in range(col + colspan, cols))
            rowspan = rowspan if low or not is_last else 1  # a row of merged cells alone has no height
            low = low or rowspan == 1
            taken |= {(row + down, col + right) for down in range(rowspan) for right in range(colspan)}
            yield Cell(row, col, rowspan, colspan, _text(rng, english=english))


def _text(rng: random.Random, *, english: bool) -> str:
    """A figure, a few words, several lines, or nothing."""
    way = rng.random()
    if way < 0.15:
        return ""
    if way < 0.6:
        return _figure(rng)
    words = [_words(rng, english=english) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return "\n".join(words)


def _figure(rng: random.Random) -> str:
    number = rng.choice((rng.randint(0, 99), rng.randint(100, 99_999), rng.randint(100_000, 999_999_999)))
    return rng.choice(("{:,.2f}", "{:,}", "{}", "-{:,.2f}", "({:,})", "{:.2f}%", "≥{}", "{:,.1f}")).format(
        number / 1000 if rng.random() < 0.3 else number
    )


def _words(rng: random.Random, *, english: bool) -> str:
    if english or rng.random() < 0.1:
        return rng.choice((rng.choice(forms.GOODS), rng.choice(forms.FIRMS), rng.choice(forms.MONTHS), "Total", "n/a"))
    thing = rng.choice(forms.THINGS) + rng.choice(forms.ACTS)
    return rng.choice((thing, thing + rng.choice(forms.CLAUSES), rng.choice(forms.OFFICES), rng.choice(forms.WORKS), "合计"))


def _sentence(rng: random.Random, *, english: bool) -> str:
    if english:
        return f"{rng.choice(forms.FIRMS)}: {rng.choice(forms.GOODS).lower()}, as of {rng.randint(1, 28)} {rng.choice(forms.MONTHS)}."
    return f"{rng.choice(forms.PLACES)}{rng.choice(forms.OFFICES)}：{rng.choice(forms.WORKS)}，{rng.choice(forms.CLAUSES)}。"


def _title(rng: random.Random, *, english: bool) -> str:
    return f"Stock list, {rng.choice(forms.MONTHS)}" if english else f"{rng.choice(forms.WORKS)}情况表"


# -- grids -------------------------------------------------------------------------------------------------------------


def _squeezed(cells: Sequence[Cell], widths: Sequence[int], head: tuple[int, int] | None) -> Grid:
    """Without rows and columns at whose edge no cell ends, for nobody sees them; with blank cells where there were none.

    Widths are half-width characters still.
    """
    ys = sorted({edge for cell in cells for edge in (cell.row, cell.end)})
    xs = sorted({edge for cell in cells for edge in (cell.col, cell.col + cell.colspan)} | {0, len(widths)})
    placed = [
        Cell(
            ys.index(cell.row),
            xs.index(cell.col),
            ys.index(cell.end) - ys.index(cell.row),
            xs.index(cell.col + cell.colspan) - xs.index(cell.col),
            cell.text,
        )
        for cell in cells
    ]
    placed += _blanks(placed, len(ys) - 1, len(xs) - 1)
    sums = [sum(widths[:x]) for x in xs]
    squeezed = (ys.index(head[0]), ys.index(head[1])) if head else None
    return Grid(
        tuple(sorted(placed, key=lambda cell: (cell.row, cell.col))),
        tuple(float(b - a) for a, b in pairwise(sums)),
        squeezed,
    )


def _blanks(cells: Iterable[Cell], rows: int, cols: int) -> Iterator[Cell]:
    """One blank cell for each gap in a row."""
    taken = {(row, col) for cell in cells for row in range(cell.row, cell.end) for col in range(cell.col, cell.col + cell.colspan)}
    for row in range(rows):
        free = "".join("." if (row, col) in taken else " " for col in range(cols))
        for gap in re.finditer(" +", free):
            yield Cell(row, gap.start(), 1, gap.end() - gap.start(), "")


def _fitted(titles: tuple[str, ...], parts: tuple[str | Grid, ...], style: Style) -> Sketch:
    """Columns in points, so that no word is wider than its cell; on a page on its side or in a smaller font where they need it."""
    needed = [_needed(part) for part in parts if isinstance(part, Grid)]
    style = style if _size(needed, style) >= LEAST_SIZE else replace(style, landscape=True)
    style = replace(style, size=min(style.size, _size(needed, style)))
    grids = iter(needed)
    scaled = tuple(part if isinstance(part, str) else replace(part, widths=_points(next(grids), style)) for part in parts)
    texts = [*titles, *(text for part in parts for text in ([part] if isinstance(part, str) else [cell.text for cell in part.cells]))]
    return Sketch(titles, scaled, style, english=not any(unicodedata.east_asian_width(char) in "WF" for text in texts for char in text))


def _needed(grid: Grid) -> list[float]:
    """Widths of columns, no less than their longest words need."""
    widths = list(grid.widths)
    for cell in sorted(grid.cells, key=lambda cell: cell.colspan):
        least = max((_halves(word) for word in re.findall(r"[（《“(]?[!-~£≥≤]+|[（《“(].|.", cell.text)), default=0.0)
        widths[cell.col + cell.colspan - 1] += max(least - sum(widths[cell.col : cell.col + cell.colspan]), 0)
    return widths


def _halves(word: str) -> float:
    """The width of a word in half-width characters, on the safe side."""
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else TOKEN for char in word)


def _size(needed: Sequence[Sequence[float]], style: Style) -> float:
    """Of the font with which the widest grid just fills the page, in points."""
    return min(2 * (style.width - 2 * style.pad * len(widths)) / sum(widths) for widths in needed)


def _points(widths: Sequence[float], style: Style) -> tuple[float, ...]:
    scale = (style.width - 2 * style.pad * len(widths)) / sum(widths)
    return tuple(2 * style.pad + width * scale for width in widths)
