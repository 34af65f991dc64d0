"""What `reconcile.py` spoils: true records with their pages, of real reports and of made invoices."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from reconcile_slips import Texts, amount

from structurer.builtin import reader
from structurer.contracts.schema import Kind, Leaf, Schema
from structurer.intake import ingest
from structurer.judging.confront import check, figures, joined
from structurer.layout import Layout
from structurer.record import Checked, leaf_pointers
from structurer.segment import segment

ROOT = Path(__file__).resolve().parent.parent
KIND = "self_evaluation"


@dataclass(frozen=True)
class Subject:
    """A true record, and its page where there is one: `text` of the document with the form at [start, end)."""

    name: str
    schema: Schema
    texts: Texts
    rows: Mapping[str, int]
    text: str = ""
    start: int = 0
    end: int = 0

    @cached_property
    def layout(self) -> Layout | None:
        return Layout(self.text, self.start, self.end) if self.text else None

    @cached_property
    def leaves(self) -> dict[str, Leaf]:
        return dict(leaf_pointers(self.schema, self.rows))

    @cached_property
    def held(self) -> tuple[Checked, ...]:
        """The checks that hold."""
        found = check(self.schema, joined(self.schema, figures(self.schema, self.texts, self.rows).facts))
        return tuple(one for one in found if one.holds)

    @cached_property
    def checked(self) -> tuple[str, ...]:
        """The figures that a check reads which holds."""
        covered = {cell for one in self.held for cell in one.outcome.cells}
        numbers = [place for place, leaf in self.leaves.items() if leaf.kind in (Kind.NUMBER, Kind.PERCENT)]
        return tuple(place for place in numbers if place in covered and amount(self.texts[place]) is not None)

    @cached_property
    def beside(self) -> dict[str, tuple[str, ...]]:
        """Of each figure those above, below, left and right of it."""
        numeric = [place for place, leaf in self.leaves.items() if leaf.kind.numeric and amount(self.texts.get(place)) is not None]
        lines: dict[str, list[str]] = {}
        columns: dict[str, list[str]] = {}
        for place in numeric:
            row, _, name = place.rpartition("/")
            lines.setdefault(row, []).append(place)
            columns.setdefault(name, []).append(place)
        near: dict[str, list[str]] = {place: [] for place in numeric}
        for group in [*(lines[row] for row in lines if row), *columns.values()]:
            for one, other in pairwise(group):
                near[one].append(other)
                near[other].append(one)
        return {place: tuple(others) for place, others in near.items()}

    @cached_property
    def prints(self) -> dict[str, tuple[int, int]]:
        """Where the checked figures are printed, by the built-in reader: those that it reads as they are, from one place."""
        if self.layout is None:
            return {}
        read = reader.read(self.layout, self.schema).leaves
        found = {place: read[place] for place in self.checked if place in read and amount(read[place].text) == amount(self.texts[place])}
        return {place: one.spans[0] for place, one in found.items() if len(one.spans) == 1}


def flat(node: Any, place: str = "") -> tuple[dict[str, str | None], dict[str, int]]:
    """A JSON record as texts and list lengths by JSON pointer."""
    if not isinstance(node, dict | list):
        return {place: None if node is None else str(node)}, {}
    texts: dict[str, str | None] = {}
    rows: dict[str, int] = {place: len(node)} if isinstance(node, list) else {}
    for name, child in node.items() if isinstance(node, dict) else enumerate(node):
        own, inner = flat(child, f"{place}/{name}")
        texts |= own
        rows |= inner
    return texts, rows


def subjects_of(source: Path, truth: Path, schemas: Sequence[Schema]) -> list[Subject]:
    """The self-evaluations of one document, each with its page: segments and transcribed forms are paired in order."""
    forms = [form for form in json.loads(truth.read_text("utf-8"))["forms"] if form["kind"] == KIND]
    text = ingest.read(source).text
    parts = [part for part in segment(text, schemas)[0] if part.schema.kind == KIND]
    if len(parts) != len(forms):
        raise SystemExit(f"{source}: {len(parts)} forms on the page, {len(forms)} transcribed")
    found = []
    for number, (part, form) in enumerate(zip(parts, forms, strict=True)):
        form.pop("kind")
        found.append(Subject(f"{called(source)}#{number}", part.schema, *flat(form), text, part.start, part.end))
    return found


def called(source: Path) -> str:
    """A document by the number of its report, or by its folder in golden/."""
    return source.parent.name if source.stem == "source" else source.stem[:3]


def sources(reports: Path | None, truth: Path | None) -> list[tuple[Path, Path]]:
    """Documents with their transcriptions: those of the given folders, else of the repository."""
    if reports is None or truth is None:
        return [(next(file.parent.glob("source.*")), file) for file in sorted((ROOT / "golden").glob("*/expected.json"))]
    files = sorted(truth.glob("[0-9]*.json"))
    return [(reports / json.loads(file.read_text("utf-8"))["document"], file) for file in files]


_GOODS = ("paper", "folders", "chairs", "lamps", "desks", "cables", "screens", "brushes", "paint", "screws", "shelves", "boxes", "labels")
_LOOKS = ("plain", "blue", "large", "small", "steel", "wooden", "folding", "spare", "coated", "recycled", "outdoor", "lined", "heavy")


def invoice(seed: str, count: int, schema: Schema) -> Subject:
    """An invoice of so many lines whose arithmetic holds, printed as lines of cells."""
    rng = random.Random(seed)
    lines = [(f"{rng.choice(_LOOKS)} {rng.choice(_GOODS)}".capitalize(), *_line(rng)) for _ in range(count)]
    subtotal = sum((quantity * price for _, quantity, price in lines), Decimal(0))
    rate = rng.choice((Decimal(7), Decimal(19), Decimal(20), Decimal(25)))
    tax = (subtotal * rate / 100).quantize(Decimal("0.01"))
    record: dict[str, Any] = dict.fromkeys(("seller", "buyer", "invoice_number", "issue_date", "currency"))
    record |= {"seller": "Harbour Lane Supplies", "buyer": "Westmere City Library", "invoice_number": f"HL-{rng.randrange(10_000, 99_999)}"}
    record["lines"] = [dict(zip(_CELLS, (name, str(of), str(price), str(of * price)), strict=True)) for name, of, price in lines]
    record |= {"subtotal": str(subtotal), "tax_rate": str(rate), "tax": str(tax), "total": str(subtotal + tax)}
    text = _printed(record)
    return Subject(f"invoice {count} {seed}", schema, *flat(record), text, 0, len(text))


_CELLS = ("description", "quantity", "unit_price", "amount")


def _line(rng: random.Random) -> tuple[int, Decimal]:
    return rng.randint(1, 60), Decimal(rng.randint(50, 40_000)).scaleb(-2)


def _printed(record: Mapping[str, Any]) -> str:
    head = [["INVOICE"], ["From", record["seller"]], ["Bill To", record["buyer"]], ["Invoice No.", record["invoice_number"]]]
    lines = [["Description", "Qty", "Unit Price", "Amount"], *([line[name] for name in _CELLS] for line in record["lines"])]
    foot = {"Subtotal": "subtotal", f"VAT ({record['tax_rate']}%)": "tax", "Total Due": "total"}
    return "".join("\t".join(row) + "\n" for row in [*head, *lines, *([label, "", "", record[name]] for label, name in foot.items())])
