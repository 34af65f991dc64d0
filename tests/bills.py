"""A made-up kind of form with a column of every type, for exports."""

from made import DIGEST, value

from structurer.contracts.contract import load
from structurer.record import Record, Result, Value

NUMBER = {"type": "string", "x-kind": "number"}
LINE = {"amount": {**NUMBER, "x-unit": "$.unit"}, "count": {"type": "integer"}}
BILL = load(
    {
        "type": "object",
        "title": "账单",
        "properties": {
            "day": {"type": "string", "x-kind": "date"},
            "paid": {"type": "boolean"},
            "unit": {"type": "string", "x-kind": "unit", "enum": ["元", "万元"]},
            "total": {**NUMBER, "title": "合计", "x-unit": "unit"},
            "weight": {**NUMBER, "x-unit": "kg"},
            "share": {"type": "string", "x-kind": "percent"},
            "year": {"type": "integer", "x-kind": "year"},
            "lines": {"type": "array", "items": {"type": "object", "properties": LINE}},
        },
    },
    kind="bill",
)
READ_BY = {"reader": "m", "model": "tiny", "schema": "s1", "prompt": "p1", "structurer": "9"}


def bill(index=0, lines=(), source="a.pdf", **leaves):
    """A record of these values (a Value stands as it is) and lines of amount and count."""
    found = {f"/{name}": entry if isinstance(entry, Value) else value(entry and str(entry), value=entry) for name, entry in leaves.items()}
    for number, (amount, count) in enumerate(lines):
        found |= {f"/lines/{number}/amount": value(amount), f"/lines/{number}/count": value(str(count), value=count)}
    return Record("bill", source, index, 0, 9, found, {"/lines": len(lines)}, provenance=READ_BY)


def of(*records, source="a.pdf", sha256=DIGEST):
    """A document of these records, and nothing else."""
    return Result(source, sha256, records)
