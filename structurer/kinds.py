"""Schemas as a person reads them: their mistakes with places, the kinds that ship, the fields of one kind, the arithmetic it owes, and
what that arithmetic can see."""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from structurer import library
from structurer.contracts.contract import lint
from structurer.contracts.coverage import Coverage, CoveringRule, Grip, Place, Scaling, Swap, explain
from structurer.contracts.schema import Leaf, Node, Rows, Schema
from structurer.errors import SchemaError, UsageError

INDENT = "  "


def mistakes(file: Path) -> tuple[str, ...]:
    """Every mistake of a schema file, as "file#/json/pointer: sentence". Raises SchemaError where it cannot even be read."""
    try:
        library.load_schema(file)
    except SchemaError as first:
        with suppress(OSError, ValueError, RecursionError):
            found = lint(json.loads(file.read_bytes()), kind=file.stem)
            return tuple(f"{file}#{pointer}: {sentence}" for pointer, sentence in found) or (str(first.what),)
        raise
    return ()


def summary(file: Path) -> str:
    """One line about a schema that can be obeyed."""
    return f"{file}: no mistakes; {_counted(library.load_schema(file))}"


def listed() -> Iterator[str]:
    """A line for each kind that ships."""
    shipped = library.shipped_schemas()
    width = max((len(schema.kind) for schema in shipped), default=0)
    for schema in shipped:
        yield f"{schema.kind.ljust(width)}  {schema.title}  ({_counted(schema)}; digest {schema.digest})"


def described(kind: str) -> Iterator[str]:
    """The fields and checks of a kind that ships or of a schema file. Raises UsageError for neither."""
    schema = _found(kind)
    yield f"{schema.kind}: {schema.title}"
    if schema.anchors:
        yield f"starts with: {' | '.join(schema.anchors)}"
    for node in schema.root.members:
        yield from _lines(node, INDENT)
    yield "owes:"
    for rule in schema.rules:
        scope = "".join(f"[{'*'}]" if part == "*" else f".{part}" for part in rule.scope).lstrip(".")
        yield f"{INDENT}{rule.id}: {rule.check.text}{f'  (of each {scope})' if scope else ''}{f'  {rule.says}' if rule.says else ''}"


def explained(kind: str) -> Iterator[str]:
    """What the checks of a kind that ships or of a schema file cover, and which errors they cannot see. Raises UsageError for neither."""
    schema = _found(kind)
    coverage = explain(schema)
    yield f"{schema.kind}: {schema.title}"
    yield _verdict(coverage)
    yield "what each check holds:"
    yield from (f"{INDENT}{line}" for line in _held(coverage.rules))
    yield from _loose(coverage)
    yield "cannot be seen:"
    blind = [*_factors(coverage.scalings), *_exchanged(coverage.swaps), *(f"not searched: {what}" for what in coverage.unsearched)]
    yield from (f"{INDENT}{line}" for line in blind or ["no factor of scale and no exchange that was looked for"])


def _found(kind: str) -> Schema:
    shipped = {schema.kind: schema for schema in library.shipped_schemas()}
    if kind in shipped:
        return shipped[kind]
    if Path(kind).is_file():
        return library.load_schema(Path(kind))
    near = difflib.get_close_matches(kind, shipped, n=1)
    raise UsageError(f"no kind {kind!r}", remedy=f"structurer schema show {near[0]}" if near else "structurer schema list")


def _counted(schema: Schema) -> str:
    return f"{sum(1 for _ in schema.leaves())} fields, {len(schema.rules)} checks"


def _lines(node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, Leaf):
        yield f"{indent}{node.name}: {_leaf(node)}"
    elif isinstance(node, Rows) and isinstance(node.row, Leaf):
        yield f"{indent}{node.name}[]: {_leaf(node.row)}{_printed(node)}"
    else:
        row = node.row if isinstance(node, Rows) else node
        yield f"{indent}{node.name}{'[]' * isinstance(node, Rows)}{_printed(node)}"
        for member in row.members if not isinstance(row, Leaf) else ():
            yield from _lines(member, indent + INDENT)


def _leaf(leaf: Leaf) -> str:
    unit = f" in {leaf.unit}" if leaf.unit else ""
    choices = f" of {' | '.join(leaf.choices)}" if leaf.choices else ""
    return f"{leaf.kind}{choices}{unit}{_printed(leaf)}"


def _printed(node: Node) -> str:
    return f"  “{' / '.join(node.printed.labels)}”" if node.printed.labels else ""


# -- what checks cover, in words -----------------------------------------------------------------------------------------

_HOLD = {Grip.EQUALITY: "pins", Grip.SOMETIMES: "pins in some cases", Grip.LIMIT: "limits"}
_LOOSE = {
    Grip.SOMETIMES: "pinned in some cases only (one of several alternatives, or under a condition)",
    Grip.LIMIT: "limited only",
    None: "named by no check",
}


def _verdict(coverage: Coverage) -> str:
    grips = [covered.grip for covered in coverage.leaves if covered.figure]
    firm, sometimes, limited, none = (grips.count(grip) for grip in (Grip.EQUALITY, Grip.SOMETIMES, Grip.LIMIT, None))
    return (
        f"{firm} of {len(grips)} figures are covered by an equality, {sometimes} by one only in some cases, "
        f"{limited} only by a limit, {none} by no check"
    )


def _held(rules: Iterable[CoveringRule]) -> Iterator[str]:
    """A line for each id, which may stand in several places of the schema."""
    alike: dict[str, list[CoveringRule]] = defaultdict(list)
    for rule in rules:
        alike[rule.rule.id].append(rule)
    for id_, several in alike.items():
        parts = [f"{words} {_compact(held)}" for grip, words in _HOLD.items() if (held := _grasped(several, grip))]
        related = dict.fromkeys(place for rule in several for place in rule.related)
        parts += [f"by {_compact(related)} of other records"] if related else []
        parts += ["can never fail: what it compares is never there"] if all(rule.idle for rule in several) else []
        given = f"if {several[0].given}, " if several[0].given else ""
        yield f"{id_}: {given}{'; '.join(parts) or 'holds no field of this record'}"


def _grasped(rules: Iterable[CoveringRule], grip: Grip) -> dict[Place, None]:
    return dict.fromkeys(place for rule in rules for place, own in rule.grips if own is grip)


def _loose(coverage: Coverage) -> Iterator[str]:
    for grip, words in _LOOSE.items():
        figures = [covered.leaf.path for covered in coverage.leaves if covered.grip is grip and covered.figure]
        others = [covered.leaf.path for covered in coverage.leaves if covered.grip is grip and not covered.figure]
        if figures or others:
            yield f"{words}:"
        yield from (f"{INDENT}{name}: {_compact(places)}" for name, places in (("figures", figures), ("texts", others)) if places)


def _factors(scalings: Iterable[Scaling]) -> Iterator[str]:
    """A sentence for each scaling; single figures under the same conditions share one."""
    alone: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for scaling in scalings:
        if len(scaling.exponents) > 1:
            yield _factor(scaling) + _another_way(scaling.unless)
        else:
            alone[scaling.unless].append(scaling.exponents[0][0])
    for unless, places in alone.items():
        yield f"{_compact(places)}: {'each of them ' * (len(places) > 1)}multiplied by a factor{_another_way(unless)}"


def _factor(scaling: Scaling) -> str:
    powers = sorted({exponent for _, exponent in scaling.exponents}, reverse=True)
    fields = {power: _compact(place for place, exponent in scaling.exponents if exponent == power) for power in powers}
    if len(powers) == 1:
        return f"{fields[powers[0]]}: all multiplied by one factor, as by a wrong unit"
    return "; ".join(f"{fields[power]}: {_power(power)}" for power in powers)


def _power(exponent: int) -> str:
    """What a factor does to figures with this exponent, in words that fit behind each other."""
    power = "one factor" if abs(exponent) == 1 else f"that factor to the power {abs(exponent)}"
    return f"{'multiplied' if exponent > 0 else 'divided'} by {power}"


def _another_way(rules: tuple[str, ...]) -> str:
    see = "see" if len(rules) > 1 else "sees"
    return f", unless {_listed(rules)} {see} it, which depends on a condition or on the alternative that holds" if rules else ""


def _exchanged(swaps: Iterable[Swap]) -> Iterator[str]:
    """A sentence for each set of places; the sets of columns they may exchange stand behind each other."""
    alike: dict[tuple[Place, ...], list[str]] = defaultdict(list)
    for swap in swaps:
        together = " together" * (len(swap.columns) > 1)
        alike[swap.places].append(_listed([_dotted(column) for column in swap.columns]) + together)
    for places, columns in alike.items():
        yield f"{_between(places)} exchanged" + (f": {'; '.join(columns)}" if columns != [""] else "")


def _between(places: tuple[Place, ...]) -> str:
    if len(places) == 1:
        return f"between two rows of {_dotted(places[0])}"
    return f"any two of {_compact(places)}{' in all rows' if any('*' in place for place in places) else ''}"


def _dotted(place: Place) -> str:
    return ".".join(_steps(place))


def _steps(place: Place) -> tuple[str, ...]:
    """The names of a place, those of lists with [] behind them."""
    return tuple(name + "[]" * (place[at + 1 : at + 2] == ("*",)) for at, name in enumerate(place) if name != "*")


def _compact(places: Iterable[Place]) -> str:
    """Places with what they share written once: funds.{total, other}.{weight, score}."""
    lasts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for steps in map(_steps, places):
        lasts[steps[:-1]].append(steps[-1])
    heads: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for above, names in lasts.items():
        heads[above[:-1], tuple(names)] += above[-1:]
    return ", ".join(_braced(above, heads_, names) for (above, names), heads_ in heads.items())


def _braced(above: tuple[str, ...], heads: list[str], names: tuple[str, ...]) -> str:
    if not heads:
        return ", ".join(names)
    return ".".join((*above, *(step[0] if len(step) == 1 else f"{{{', '.join(step)}}}" for step in (heads, names))))


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
