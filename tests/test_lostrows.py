"""Rows that are printed and were not read are found, in whatever layout; and nothing else is taken for a row."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer import library
from structurer.asking.merging import merged
from structurer.asking.shards import Piece, Shard, cut, words
from structurer.builtin import reader
from structurer.contracts.contract import load
from structurer.contracts.schema import Schema
from structurer.intake import ingest
from structurer.judging.ground import ground
from structurer.judging.linetokens import Sort, tokens
from structurer.judging.lostrows import Gap, lost
from structurer.layout import AsItStands, Layout
from structurer.record import Extract, Extraction, Match, leaf_pointers
from structurer.segment import segment

GOLDEN: Final = Path(__file__).resolve().parent.parent / "golden"

# -- statements made from a seed ------------------------------------------------------------------------------------------

NUMBER: Final = {"type": "string", "x-kind": "number"}
KINDS: Final = {"date": {"type": "string", "x-kind": "date"}, "text": {"type": "string"}}
COLUMNS: Final = (
    ("date", "text", "amount", "balance"),
    ("date", "text", "debit", "credit", "balance"),
    ("date", "text", "amount"),
    ("text", "quantity", "amount"),
    ("text", "amount"),
)
LAYOUTS: Final = ("bars", "tabs", "spaces", "words", "cells")  # words: parted by one space; cells: one on each line
WORDS: Final = (
    "coffee", "rent", "salary", "transfer", "shop", "card", "fee", "north", "south", "market", "water", "repair", "book", "ticket", "train",
)  # fmt: skip
NOTES: Final = "\n\nNotes: fees of 3.50 apply from 2024-02-01.\nInterest is paid at 1.25 per year.\n1) Amounts over 100.00 on request.\n"
WIDTHS: Final = {"text": 34}
WIDTH: Final = 14  # characters of any other column, where spaces keep the columns


def schema_of(columns: Sequence[str]) -> Schema:
    row = {"type": "object", "properties": {column: KINDS.get(column, NUMBER) for column in columns}}
    single = {"account": {"type": "string"}, "opening": NUMBER, "closing": NUMBER}
    return load({"type": "object", "properties": {**single, "rows": {"type": "array", "items": row}}}, kind="statement")


SCHEMAS: Final = {columns: schema_of(columns) for columns in COLUMNS}


@dataclass
class Statement:
    """The text of a statement, what its rows and single values say, and where each row stands."""

    columns: tuple[str, ...]
    layout: str
    text: str = ""
    rows: list[list[str | None]] = field(default_factory=list)
    single: dict[str, str] = field(default_factory=dict)
    places: list[tuple[int, int]] = field(default_factory=list)

    @property
    def schema(self) -> Schema:
        return SCHEMAS[self.columns]

    def line(self, cells: Sequence[str | None]) -> str:
        if self.layout in ("words", "cells"):
            return (" " if self.layout == "words" else "\n").join(cell for cell in cells if cell)
        if self.layout == "bars":
            return f"| {' | '.join(cell or '' for cell in cells)} |"
        if self.layout == "tabs":
            return "\t".join(cell or "" for cell in cells)
        sizes = [WIDTHS.get(column, WIDTH) for column in self.columns]
        padded = (
            (cell or "").ljust(size) if column in KINDS else (cell or "").rjust(size)
            for cell, size, column in zip(cells, sizes, self.columns, strict=True)
        )
        return "".join(padded).rstrip()

    def named(self, label: str, **cells: str) -> str:
        """A line that is no row: a total, say."""
        return self.line([label if column == "text" else cells.get(column) for column in self.columns])


def money(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def cents(printed: str | None) -> int:
    return int((printed or "0").replace(",", "").replace(".", ""))


def statement(
    rng: random.Random, rows: int, layout: str, columns: tuple[str, ...], *, page: int = 15, wrap: float = 0.0, sparse: bool = False
) -> Statement:
    """`page` rows on a page, with heads, what is carried forward, and a total of each; a share of `wrap` of the texts goes on on the next
    line; `sparse`: a date is printed once for the rows of a day."""
    made = Statement(columns, layout)
    balance = opening = rng.randint(-(10**6), 10**7)
    made.single |= {"/account": "DE 99 1234", "/opening": money(opening)}
    texts = [
        " ".join(rng.choices(WORDS, k=rng.randint(1, 3))) + rng.choice(["", "", " 4711", " 12", " AG"]) for _ in range(max(rows // 4, 5))
    ]
    day, last = rng.randint(0, 300), ""
    for _ in range(rows):
        day += rng.random() < 0.4
        amount = rng.choice((-1, 1)) * rng.randint(1, 10 ** rng.randint(3, 6))
        balance += amount
        date = f"20{20 + day // 336:02}-{1 + day // 28 % 12:02}-{1 + day % 28:02}"
        cells = {
            "date": None if sparse and date == last else date, "text": rng.choice(texts), "quantity": str(rng.randint(1, 40)),
            "amount": money(amount), "balance": money(balance),
            "debit": money(-amount) if amount < 0 else None, "credit": money(amount) if amount > 0 else None,
        }  # fmt: skip
        last = date
        made.rows.append([cells[column] for column in columns])
    closing = balance if "balance" in columns else balance - opening
    made.single["/closing"] = money(closing)
    for first in range(0, rows, page):
        _add_page(made, rng, first, min(first + page, rows), wrap)
    made.text += made.named("Total", **{"balance" if "balance" in columns else "amount": money(closing)})
    made.text += NOTES
    return made


def _add_page(made: Statement, rng: random.Random, first: int, last: int, wrap: float) -> None:
    number = made.text.count("\f") + 1 + bool(made.text)
    made.text += "\f" * bool(made.text) + f"Statement of account 4711-{number}\nFirst Bank Ltd\n"
    if first == 0:
        made.text += f"Account: {made.single['/account']}\nOpening balance: {made.single['/opening']}\n\n"
    made.text += made.line([column.capitalize() for column in made.columns]) + "\n"
    made.text += f"|{'---|' * len(made.columns)}\n" * (made.layout == "bars")
    carried = made.rows[first - 1][-1] or "" if first else ""
    made.text += f"{made.named('Brought forward', balance=carried)}\n" * bool(first and "balance" in made.columns)
    for number in range(first, last):
        _add_row(made, number, " ".join(rng.choices(WORDS, k=2)) if rng.random() < wrap else "")
    if "amount" in made.columns:
        place = made.columns.index("amount")
        made.text += made.named("Page total", amount=money(sum(cents(row[place]) for row in made.rows[first:last]))) + "\n"
    made.text += f"{made.named('Carried forward', balance=made.rows[last - 1][-1] or '')}\n" * (
        "balance" in made.columns and last < len(made.rows)
    )
    made.text += f"\nPage {made.text.count(chr(12)) + 1}\n"


def _add_row(made: Statement, number: int, rest: str) -> None:
    """A row; if there is a `rest`, its text goes on on a line of its own."""
    line, text = made.line(made.rows[number]), made.columns.index("text")
    if rest and made.layout in ("spaces", "words"):
        line += "\n" + " " * (WIDTH if made.layout == "spaces" else 0) + rest
    elif rest and made.layout == "cells":
        line = line.replace(str(made.rows[number][text]), f"{made.rows[number][text]}\n{rest}", 1)
    if rest and made.layout in ("spaces", "words", "cells"):
        made.rows[number][text] = f"{made.rows[number][text]} {rest}"
    made.places.append((len(made.text), len(made.text) + len(line)))
    made.text += line + "\n"


# -- what a reader makes of them ------------------------------------------------------------------------------------------


def reading(schema: Schema, texts: dict[str, str | None], rows: int) -> Extraction:
    counts = {"/rows": rows}
    return Extraction("statement", "stand-in", {place: Extract(texts.get(place)) for place, _ in leaf_pointers(schema, counts)}, counts)


def texts_of(made: Statement, rows: Iterable[int]) -> dict[str, str | None]:
    return {f"/rows/{at}/{column}": text for at, row in enumerate(rows) for column, text in zip(made.columns, made.rows[row], strict=True)}


def placed(layout: Layout, schema: Schema, extraction: Extraction) -> Piece:
    """A reading with every value in its place, as the pipeline gives it."""
    places = [(place, leaf, extraction.leaves[place]) for place, leaf in leaf_pointers(schema, extraction.rows)]
    grounds = ground(layout, places)
    found = {place: grounds.found.get(place, ((), Match.NONE)) for place, _, _ in places}
    leaves = {place: replace(extract, spans=found[place][0]) for place, _, extract in places}
    matches = {place: match for place, (_, match) in found.items()}
    return Piece(Shard(layout.start, layout.end), replace(extraction, leaves=leaves), matches, grounds.placed)


def gaps(made: Statement, kept: Sequence[int]) -> tuple[Gap, ...]:
    """What is found lost if a reader reads these rows."""
    layout = Layout(made.text, 0, len(made.text))
    extraction = reading(made.schema, {**made.single, **texts_of(made, kept)}, len(kept))
    return lost(layout, made.schema, placed(layout, made.schema, extraction).extraction)


def missed(made: Statement, dropped: Collection[int], found: Sequence[Gap]) -> list[int]:
    """The dropped rows on whose lines no gap stands."""
    return [row for row in dropped if not any(gap.start < made.places[row][1] and made.places[row][0] < gap.end for gap in found)]


def drops(rng: random.Random, rows: int, way: str) -> set[int]:
    """Rows that a reader drops: as models do."""
    size = rng.randint(1, rows // 2)
    first = rng.randrange(rows - size + 1)
    step = rng.randint(3, 9)
    return {
        "single": {rng.randrange(rows)}, "first": {0}, "last": {rows - 1}, "tail": set(range(rows - size, rows)), "head": set(range(size)),
        "chunk": set(range(first, first + size)), "every nth": set(range(rng.randrange(step), rows, step)),
        "here and there": {row for row in range(1, rows) if rng.random() < 0.1} or {1},
    }[way]  # fmt: skip


WAYS: Final = ("single", "first", "last", "tail", "head", "chunk", "every nth", "here and there")


def shape(seed: int) -> Statement:
    rng = random.Random(seed)
    columns, layout = COLUMNS[seed % len(COLUMNS)], LAYOUTS[seed // len(COLUMNS) % len(LAYOUTS)]
    columns = columns if layout != "cells" or "debit" not in columns else COLUMNS[0]
    return statement(
        rng, rng.randint(20, 60), layout, columns, wrap=rng.choice((0, 0, 0.15)), sparse=layout != "cells" and rng.random() < 0.25
    )


@pytest.mark.parametrize("seed", range(0, 250, 25))
def test_nothing_is_lost_where_all_rows_were_read(seed):
    for number in range(seed, seed + 25):
        made = shape(number)
        assert gaps(made, range(len(made.rows))) == (), (number, made.columns, made.layout)


@pytest.mark.parametrize("way", WAYS)
def test_every_row_that_a_reader_drops_is_found_and_no_other(way):
    for seed in range(30):
        made = shape(seed)
        dropped = drops(random.Random(seed), len(made.rows), way)
        found = gaps(made, [row for row in range(len(made.rows)) if row not in dropped])
        assert missed(made, dropped, found) == [], (seed, made.columns, made.layout)
        assert sum(gap.rows for gap in found) == len(dropped), (seed, made.columns, made.layout)
        assert {gap.pointer for gap in found} == {"/rows"}


def shown_rows(made: Statement, shard: Shard, dropped: Collection[int]) -> list[int]:
    return [row for row, (start, end) in enumerate(made.places) if shard.start <= start and end <= shard.end and row not in dropped]


def read_in_shards(made: Statement, dropped: Collection[int], most: int = 4_000) -> Extraction:
    """What a reader makes of the shards of a long statement who drops these rows."""
    pieces = []
    for shard in cut(made.text, 0, len(made.text), most):
        single = {place: text for place, text in made.single.items() if text in words(AsItStands(made.text), shard)}
        kept = shown_rows(made, shard, dropped)
        extraction = reading(made.schema, {**single, **texts_of(made, kept)}, len(kept))
        pieces.append(replace(placed(Layout(made.text, shard.start, shard.end), made.schema, extraction), shard=shard))
    return merged(made.schema, pieces).extraction


@pytest.mark.parametrize(("rows", "layout"), [(100, "bars"), (800, "tabs"), (1_600, "spaces"), (3_200, "bars")])
def test_of_long_statements_read_in_shards_every_loss_is_found(rows, layout):
    rng = random.Random(rows)
    made = statement(rng, rows, layout, COLUMNS[0], page=40)
    dropped = {row for row in range(rows) if rng.random() < 0.01} | set(range(rows // 2, rows // 2 + rows // 50)) | {0, rows - 1}
    found = lost(Layout(made.text, 0, len(made.text)), made.schema, read_in_shards(made, dropped))
    assert missed(made, dropped, found) == []
    assert sum(gap.rows for gap in found) == len(dropped)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_long_statements_read_whole_in_shards_nothing_is_lost(layout):
    made = statement(random.Random(5), 400, layout, COLUMNS[0], page=40)
    assert lost(Layout(made.text, 0, len(made.text)), made.schema, read_in_shards(made, ())) == ()


# -- case by case ---------------------------------------------------------------------------------------------------------


def list_of(**columns: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": columns}}


TEXT: Final = {"type": "string"}
LIST = load({"type": "object", "properties": {"rows": list_of(text=TEXT, amount=NUMBER)}}, kind="k")


def left(text: str, *read: tuple[str, str], schema: Schema = LIST, **claims: Any) -> list[str]:
    """What is found lost if these rows of texts and amounts are read."""
    texts = {f"/rows/{at}/{key}": value for at, row in enumerate(read) for key, value in zip(("text", "amount"), row, strict=True)}
    layout = Layout(text, 0, len(text))
    found = lost(layout, schema, placed(layout, schema, reading(schema, texts, len(read))).extraction, **claims)
    return [text[gap.start : gap.end] for gap in found]


LINES: Final = "Item Amount\nPen 1.20\nInk 4.10\nCup 3.00\nPot 8.00\n"
READ: Final = (("Pen", "1.20"), ("Ink", "4.10"), ("Cup", "3.00"), ("Pot", "8.00"))


@pytest.mark.parametrize("row", range(4))
def test_one_of_four_short_rows_is_found(row):
    assert left(LINES, *READ[:row], *READ[row + 1 :]) == [LINES.splitlines()[row + 1]]


def test_rows_side_by_side_are_one_gap():
    assert left(LINES, READ[0], READ[3]) == ["Ink 4.10\nCup 3.00"]


def test_what_is_claimed_or_explained_otherwise_is_no_lost_row():
    at = LINES.index("Cup")
    assert left(LINES, *READ[:2], READ[3], claims=[(at, at + 8)]) == []


@pytest.mark.parametrize(
    "rest",
    [
        "Total 16.30\n",
        "Subtotal 16.30\nShipping 5.00\nTotal 21.30\n",
        "Grand total: 16.30\n",
        "合计 16.30\n",
        "Summe 16.30\n",
        "Somme 16.30\n",
        "Balance carried forward 16.30\n",
        "Thank you for 2.50 years\nCall 0.90\n",
        "\nOrder by 5.00\n",
        "- 3 -\n",
    ],
)
def test_totals_and_notes_below_a_list_are_no_rows(rest):
    assert left(LINES + rest, *READ) == []


def test_a_row_whose_name_begins_as_a_total_is_a_row():
    page = "Item Amount\nPen 1.20\nTotal Energies 45.00\nInk 4.10\nPot 8.00\n"
    assert left(page, READ[0], READ[1], READ[3]) == ["Total Energies 45.00"]
    assert left(page, READ[0], ("Total Energies", "45.00"), READ[1], READ[3]) == []


def test_rows_of_the_next_page_are_found_behind_its_heads():
    page = f"Shop\n{LINES}Page total 16.30\n\fShop\nItem Amount\nJar 2.00\nBox 5.00\nTotal 23.30\n"
    assert left(page, *READ) == ["Jar 2.00\nBox 5.00"]
    assert left(page, ("Jar", "2.00"), ("Box", "5.00")) == ["Pen 1.20\nInk 4.10\nCup 3.00\nPot 8.00"]


def test_rows_that_were_read_but_are_not_on_the_page_may_be_those_that_look_lost():
    assert left(LINES, *READ[:2], ("Mug", "9.99"), READ[3]) == []
    assert left(LINES, READ[0], ("Mug", "9.99"), READ[3]) == ["Ink 4.10\nCup 3.00"]


def test_of_rows_that_read_alike_the_one_too_few_is_found():
    page = "Item Amount\n" + "Pen 1.20\n" * 5 + "Ink 4.10\n"
    assert len(left(page, *[READ[0]] * 4, READ[1])) == 1
    assert left(page, *[READ[0]] * 5, READ[1]) == []


BOOKED: Final = load(
    {"type": "object", "properties": {"rows": list_of(date=KINDS["date"], text=TEXT, amount=NUMBER, balance=NUMBER)}}, kind="k"
)


def booked(page: str, *read: str) -> list[str]:
    """What is found lost in a grid if these lines are read."""
    texts = {
        f"/rows/{at}/{key}": cell
        for at, line in enumerate(read)
        for key, cell in zip(("date", "text", "amount", "balance"), line.split("|"), strict=True)
    }
    layout = Layout(page, 0, len(page))
    found = lost(layout, BOOKED, placed(layout, BOOKED, reading(BOOKED, texts, len(read))).extraction)
    return [page[gap.start : gap.end] for gap in found]


BOOKS: Final = ("2024-01-02|Pen|1.20|11.20", "2024-01-03|Ink|4.10|15.30", "2024-01-05|Total shop|3.00|18.30", "2024-01-09|Pot|8.00|26.30")


def test_a_dated_line_that_carries_on_a_balance_is_no_row_whatever_columns_it_fills():
    page = "\n".join(
        [
            "2024-01-01|Balance brought forward|0.00|10.00",
            *BOOKS[:2],
            "2024-01-04|Balance|9.99|15.30",
            *BOOKS[2:],
            "2024-01-31|Total|16.30|26.30",
        ]
    )
    assert booked(page, *BOOKS) == []
    assert booked(page, *BOOKS[:2], BOOKS[3]) == ["2024-01-05|Total shop|3.00|18.30"]


def test_a_row_set_awry_is_found_amid_the_rows_of_a_grid():
    page = "\n".join([*BOOKS[:2], "|2024-01-04|Cup||3.50|18.80", *BOOKS[2:]])
    assert booked(page, *BOOKS) == ["|2024-01-04|Cup||3.50|18.80"]
    assert booked("\n".join([*BOOKS, "|2024-01-04|Cup||3.50|18.80"]), *BOOKS) == []  # behind them it may be of another table


@pytest.mark.parametrize(
    "source", sorted(path for path in GOLDEN.glob("*/source*") if path.suffix in (".txt", ".tsv")), ids=lambda path: path.parent.name
)
def test_nothing_is_lost_of_real_forms_that_were_read(source):
    document = ingest.read(source)
    parts = segment(document.text, library.shipped_schemas())[0]
    assert parts
    for part in parts:
        layout = Layout(document.text, part.start, part.end)
        assert lost(layout, part.schema, reader.read(layout, part.schema)) == ()


def test_a_list_of_which_no_row_was_read_is_found_by_what_its_rows_hold():
    made = statement(random.Random(3), 30, "bars", COLUMNS[0])
    found = gaps(made, [])
    assert missed(made, range(30), found) == []
    assert [(gap.pointer, gap.rows) for gap in found] == [("/rows", 30)]


def test_a_list_that_is_empty_is_empty():
    assert left("Item Amount\nNothing was bought\nTotal 0.00\n") == []
    assert left("") == []
    assert lost(Layout("", 0, 0), LIST, reading(LIST, {}, 0)) == ()


LINES_OF = list_of(text=TEXT, amount=NUMBER, share={"type": "string", "x-kind": "percent"})
NESTED = load({"type": "object", "properties": {"groups": list_of(name=TEXT, lines=LINES_OF)}}, kind="k")


def test_a_row_of_a_list_in_a_row_is_lost_from_that_list():
    food = "Food\n| Bread | 1.20 | 10.5% |\n| Milk | 2.30 | 20.5% |\n| Eggs | 3.40 | 30.5% |\n"
    page = f"{food}Tools\n| Saw | 4.50 | 12.5% |\n| Axe | 5.60 | 11.5% |\n"
    every = {"/groups/0/name": "Food", "/groups/1/name": "Tools"}
    read = {"0/lines/0": "Bread 1.20 10.5%", "0/lines/1": "Milk 2.30 20.5%", "0/lines/2": "Eggs 3.40 30.5%", "1/lines/0": "Saw 4.50 12.5%"}
    for place, line in read.items():
        every |= {f"/groups/{place}/{key}": value for key, value in zip(("text", "amount", "share"), line.split(), strict=True)}
    counts = {"/groups": 2, "/groups/0/lines": 3, "/groups/1/lines": 1}
    layout = Layout(page, 0, len(page))
    extraction = Extraction("k", "r", {place: Extract(every.get(place)) for place, _ in leaf_pointers(NESTED, counts)}, counts)
    (gap,) = lost(layout, NESTED, placed(layout, NESTED, extraction).extraction)
    assert (gap.pointer, page[gap.start : gap.end], gap.rows) == ("/groups/1/lines", "| Axe | 5.60 | 11.5% |", 1)


def test_a_list_printed_in_prose_has_no_lines_to_lose():
    goods = {**list_of(text=TEXT, amount=NUMBER), "x-section": ["Goods"]}
    prose = load({"type": "object", "properties": {"rows": goods}}, kind="k")
    assert left(LINES, READ[0], READ[3], schema=prose) == []


def test_values_far_from_each_other_amid_lines_of_words_are_rows_all_the_same():
    page = "Item Amount\n" + "Pen and ink\n" * 60 + "1.20\n"
    assert left(page, ("Pen and ink", "1.20"), ("Pen", "1.20")) == []


def test_offsets_count_from_the_start_of_the_document():
    text = "Other form 1.00\n" + LINES
    layout = Layout(text, 16, len(text))
    texts = {"/rows/0/text": "Pen", "/rows/0/amount": "1.20", "/rows/1/text": "Pot", "/rows/1/amount": "8.00"}
    (gap,) = lost(layout, LIST, placed(layout, LIST, reading(LIST, texts, 2)).extraction)
    assert text[gap.start : gap.end] == "Ink 4.10\nCup 3.00"


def test_spans_outside_of_the_page_do_no_harm():
    extract = Extract("Pen", ((-5, 3), (10**6, 10**6 + 3), (9, 9)))
    layout = Layout(LINES, 0, len(LINES))
    assert lost(layout, LIST, Extraction("k", "r", {"/rows/0/text": extract}, {"/rows": 1}), [(-9, 4), (500, 900)]) == ()


PRINT = st.text(alphabet="ab 1.5,-|\t\n\n\f:2024-01合计Total", max_size=120)
SPANS = st.lists(st.tuples(st.integers(-3, 130), st.integers(0, 9)).map(lambda span: (span[0], span[0] + span[1])), max_size=2)


@settings(max_examples=150, deadline=None)
@given(PRINT, st.integers(0, 20), st.lists(st.tuples(SPANS, SPANS), max_size=8), st.integers(0, 3))
def test_whatever_the_page_and_the_reading_gaps_are_lines_in_order_and_nothing_accounts_for_all_of_them(text, start, rows, more):
    layout = Layout(text, min(start, len(text)), len(text))
    cells = ((f"/rows/{row}/{key}", spans) for row, pair in enumerate(rows) for key, spans in zip(("text", "amount"), pair, strict=True))
    leaves = {place: Extract("1.5", tuple(spans)) for place, spans in cells}
    extraction = Extraction("k", "r", leaves, {"/rows": len(rows) + more})
    found = lost(layout, LIST, extraction)
    assert [gap.pointer for gap in found] == ["/rows"] * len(found)
    ends = [edge for gap in found for edge in (gap.start, gap.end)]
    assert ends == sorted(ends)
    assert all(layout.start <= edge <= layout.end for edge in ends)
    assert all(gap.rows > 0 and any(char.isdigit() for char in text[gap.start : gap.end]) for gap in found)
    assert lost(layout, LIST, extraction, [(layout.start, layout.end)]) == ()


def sorts(line: str) -> list[str]:
    layout = Layout(line, 0, len(line))
    return [token.sort.name.lower() for token in tokens(layout.clean, layout.lines[0], 0)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("2024-01-05 Coffee 3.50 1,204.11", ["date", "word", "decimal", "decimal"]),
        ("5 Jan 2024  Coffee  12  EUR -3.50", ["date", "word", "whole", "decimal"]),
        ("Jan 5, 2024 x (3.50) 5%", ["date", "word", "decimal", "whole"]),
        ("05.01.2024 05/01 20240105", ["date", "date", "date"]),
        ("2024年1月5日 咖啡 3.50元", ["date", "word", "decimal"]),
        ("4711-1 market 12 A-5 -", ["word", "word", "whole", "word", "dash"]),
        ("| 5 Jan 2024 | two words 7 | 1.234,50 | |", ["date", "word", "decimal"]),
        ("12:30 1. (2) 3.50CR", ["word", "whole", "whole", "decimal"]),
    ],
)
def test_tokens_are_dates_figures_dashes_and_words(line, found):
    assert sorts(line) == found


def test_every_sort_of_token_is_told():
    assert {sort.name.lower() for sort in Sort} == {"date", "decimal", "whole", "dash", "word"}
