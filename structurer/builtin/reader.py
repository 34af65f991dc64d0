"""The built-in reader: a form printed as labels and tables, or as sections of prose, read without any model.

It knows nothing but the schema: the names under which things are printed, which of them are tables, and which checks must hold.
"""

from __future__ import annotations

from functools import lru_cache

from structurer.builtin.carried import without_carried
from structurer.builtin.draft import Draft
from structurer.builtin.fields import read_fields
from structurer.builtin.flowrows import read_flow_rows
from structurer.builtin.gridrows import read_grid_rows
from structurer.builtin.heads import Head, find_heads
from structurer.builtin.labels import Role, find, is_matrix, vocabulary
from structurer.builtin.matrix import read_matrix, read_total
from structurer.builtin.prose import read_prose
from structurer.contracts.schema import Group, Rows, Schema
from structurer.layout import Layout
from structurer.record import Extraction, pointer

NAME = "builtin"


_vocabulary = lru_cache(maxsize=64)(vocabulary)


def read(layout: Layout, schema: Schema) -> Extraction:
    """Read one form of the schema's kind. Never raises for bad content: what is not found is blank, with doubts."""
    words = _vocabulary(schema)
    bounds = find(layout, words)
    hits = [hit for hit in bounds if not hit.is_spare]
    heads = find_heads(layout, hits)
    inside = {hit.first for head in heads for hit in hits if head.start <= hit.start < head.end}
    hits = [hit for hit in hits if hit.first in inside or any(owner.role is not Role.COLUMN for owner in hit.owners)]
    draft = Draft(schema, layout, hits, bounds)
    for hit in hits:
        if hit.first in inside or all(owner.role is Role.CAPTION for owner in hit.owners):
            draft.explain(hit.start, hit.end)
    _read_tables(draft, heads)
    _read_totals(draft, heads)
    read_fields(draft, heads)
    read_prose(draft)
    return without_carried(layout, schema, draft.finish(NAME), (head.start for head in heads))


def _read_tables(draft: Draft, heads: list[Head]) -> None:
    lists: dict[tuple[str, ...], list[Head]] = {}
    for head in heads:
        if isinstance(head.table, Rows):
            lists.setdefault(head.table.path, []).append(head)
        elif is_matrix(head.table):
            read_matrix(draft, head)
    for path, own in lists.items():
        lines = [line for line in draft.layout.lines if any(line.start >= head.end and line.end <= head.stop for head in own)]
        grid = sum(line.grid for line in lines) * 2 >= max(len(lines), 1)
        (read_grid_rows if grid else read_flow_rows)(draft, own, pointer(*path))


def _read_totals(draft: Draft, heads: list[Head]) -> None:
    """Labelled rows of figures that are no row of a matrix, such as a total; the last occurrence on the page counts."""
    for hit in draft.hits:
        owner = next((owner for owner in hit.owned(Role.ROW) if owner.table is None), None)
        if owner is not None and isinstance(owner.node, Group):
            above = [head for head in heads if isinstance(head.table, Rows) and head.end <= hit.start]
            read_total(draft, hit, owner.node, above[-1].columns if above else ())
