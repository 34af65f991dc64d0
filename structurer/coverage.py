"""What the arithmetic checks of a schema can see and what they cannot: static coverage, without a record.

Every claim is about a form with all its cells printed: a missing operand makes a check not applicable, whatever it covers here.

What is covered. A leaf in an equality is *pinned*: a wrong figure shows, beyond what rounding hides (`a - a` is not reduced). It is pinned
only *sometimes* where the equality is one alternative of several, or a `min` or `max` that another operand may decide, or is owed under a
condition, unless another check pins the leaf under the opposite condition, or the condition is that the leaf is printed. Orders, premises,
bands, `count`, `present` and the keys of joined rows only *limit* it. A comparison that can never apply (a text among numbers, an alias out
of its scope) covers nothing, and an alternative beside one only limits: `||` passes where a part is not applicable.

What cannot be seen. What is reported holds; other errors may pass as well.

*Scalings* by dimensional analysis (Buckingham 1914): every figure has an unknown exponent, comparisons and sums ask for equal ones,
products add them, literals have none. The null space of that linear system holds the errors of unit that no check sees. It is solved
exactly, once with every comparison and once for each choice of alternatives (`||`, and `->` where the premise does not hold) that does not
contradict itself: what only a choice lets pass is reported with the rules that would see it otherwise. Dates, months, years and the keys of
joined rows are no quantities and not scaled. Figures under `round` and `trunc` scale up to the rounding of the print.

*Swaps* by symmetry: two leaves may be exchanged unseen if renaming them maps the multiset of checks, each in a canonical form, onto itself.
Such exchanges compose, so leaves fall into classes. Rows of a list may exchange the columns that no check of a single row parts:
folds over all rows do not see the order. Values are exchanged with their unit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from fractions import Fraction
from itertools import islice, permutations, product
from math import gcd, lcm
from typing import Final

from structurer.schema import Group, Joined, Kind, Leaf, Rows, Rule, Schema
from structurer.schema import Node as SchemaNode
from structurer.schema import walk as leaves_under
from structurer.syntax import COMPARISONS, STAR, Binary, Call, Node, Number, Path, Star, Text, Unary, chain, children, render, walk

MAX_UNKNOWNS: Final = 400  # figures in one linear system of exponents; a form has some dozens
MAX_WAYS: Final = 64  # choices of alternatives that are solved
MAX_STEPS: Final = 2_000_000  # of the elimination, a coefficient each; a form takes some thousands
MAX_WRITTEN: Final = 4_000_000  # characters of checks written anew while exchanges are tried; a form takes some ten thousand
TRIAL: Final = 10  # characters that an exchange costs which no check has to be written for

Place = tuple[str, ...]  # of a leaf in the schema: names from the root, "*" for a list's rows
Vector = Mapping[Place, Fraction]  # exponents by place; an equation says that its products with them add up to nothing


class Grip(IntEnum):
    """How firmly a check holds a leaf."""

    LIMIT = 1  # by an order, a premise, a band, a count: a wrong figure may pass
    SOMETIMES = 2  # by an equality that need not be the one that decides
    EQUALITY = 3  # a wrong figure shows


@dataclass(frozen=True, slots=True)
class CoveredLeaf:
    """A leaf, the firmest grip on it (None: no check names it), and the ids of the rules that name it."""

    leaf: Leaf
    grip: Grip | None
    rules: tuple[str, ...]

    @property
    def figure(self) -> bool:
        """Whether the leaf is a figure (numbers, and dates and months, which are ordered like them), not a text."""
        return _is_figure(self.leaf)


@dataclass(frozen=True, slots=True)
class CoveringRule:
    """A rule, the leaves it holds with its grip on them, and the cells of other records it names, as `alias.field`.

    `given`: the condition under which it owes something, as a check writes it ("" if always); the grips are those where it holds.
    `idle`: the rule can never fail.
    """

    rule: Rule
    grips: tuple[tuple[Place, Grip], ...]
    related: tuple[Place, ...]
    given: str
    idle: bool


@dataclass(frozen=True, slots=True)
class Scaling:
    """Figures that may all be multiplied by one factor, each to its exponent, without a check failing.

    `related`: those among them that are cells of other records. `unless`: rules that see it, except in a form that keeps them by another of
    their alternatives or to which their condition does not apply; empty where no form shows it.
    """

    exponents: tuple[tuple[Place, Fraction], ...]
    related: frozenset[Place] = frozenset()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Swap:
    """Values that may be exchanged unseen: between any two of `places`, all of `columns` together.

    `columns` are relative to a place; the empty one is the place itself. A single place is the row of a list (it ends with "*"): the
    exchange is between any two rows. Otherwise a place in a list is meant with all its rows.
    """

    places: tuple[Place, ...]
    columns: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the checks of a schema hold, in the order of the schema, and what passes them.

    `unsearched`: what was too large to be searched whole, in words.
    """

    leaves: tuple[CoveredLeaf, ...]
    rules: tuple[CoveringRule, ...]
    scalings: tuple[Scaling, ...]
    swaps: tuple[Swap, ...]
    unsearched: tuple[str, ...]


def explain(schema: Schema) -> Coverage:
    """The coverage of a schema by its checks. Never raises for a schema that `contract.load` gave; time is bounded (`unsearched`)."""
    names = _names_of(schema)
    clauses = tuple(_Clause(rule, names, _normal(rule.check.root)).pruned() for rule in schema.rules)
    rules = tuple(_covering(clause) for clause in clauses)
    live = tuple(clause for clause in clauses if clause.condition is not None)
    scalings, unsolved = _scalings(live, names)
    exchanges = _Exchanges(names, live)
    swaps = (*_leaf_swaps(exchanges), *_object_swaps(exchanges, schema.root), *_row_swaps(exchanges, schema.root))
    untried = ("exchanges of fields: there are too many checks to try them all",) if exchanges.exhausted else ()
    return Coverage(_covered(clauses, rules, names), rules, scalings, tuple(map(_as_column, swaps)), (*unsolved, *untried))


def _is_figure(leaf: Leaf) -> bool:
    return leaf.kind.numeric or leaf.kind in (Kind.DATE, Kind.MONTH)


# -- names: which leaf a path of a check leads to ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """The leaves and rows of a schema by place, the aliases of related records, the joined lists by where their alias stands, the columns
    by which rows are joined, and the order of leaves."""

    leaves: Mapping[Place, Leaf]
    rows: frozenset[Place]
    related: frozenset[str]
    joined: Mapping[Place, Joined]
    keyed: frozenset[Place]
    rank: Mapping[Place, int]

    def join(self, path: Path) -> Joined | None:
        """The join through which a path from the root leads, if any."""
        return self.joined.get(_flat(path)[:3])

    def keys(self, path: Path) -> tuple[Place, ...]:
        """The two columns by which the rows of a joined path are found."""
        join = self.join(path)
        return () if join is None else _keys(join)

    def place(self, path: Path) -> Place | None:
        """The leaf or row that a path from the root leads to, in this record or (by its alias) another; None if it leads nowhere."""
        join, flat = self.join(path), _flat(path)
        place = flat if join is None else (join.rows, *flat[3:])
        return place if self.is_related(place) or place in self.leaves or place in self.rows else None

    def is_related(self, place: Place) -> bool:
        return place[0] in self.related

    def is_quantity(self, place: Place) -> bool:
        """Whether a factor of scale may be wrong in a cell; assumed of those of other records."""
        leaf = self.leaves.get(place)
        if leaf is None:
            return self.is_related(place)
        return leaf.kind.numeric and leaf.kind is not Kind.YEAR and place not in self.keyed

    def order(self, places: Iterable[Place]) -> tuple[Place, ...]:
        """In the order of the schema, cells of other records behind."""
        return tuple(sorted(places, key=lambda place: (self.rank.get(place, len(self.rank)), place)))


def _keys(join: Joined) -> tuple[Place, Place]:
    return (join.rows, "*", join.there), (join.of, "*", join.here)


def _names_of(schema: Schema) -> _Names:
    leaves = {leaf.path: leaf for leaf in schema.leaves()}
    return _Names(
        leaves=leaves,
        rows=frozenset(node.row.path for node in _nodes(schema.root) if isinstance(node, Rows)),
        related=frozenset(alias for alias, _ in schema.related),
        joined={(join.of, "*", alias): join for alias, join in schema.joined},
        keyed=frozenset(key for _, join in schema.joined for key in _keys(join)),
        rank={place: number for number, place in enumerate(leaves)},
    )


def _nodes(node: SchemaNode) -> Iterator[SchemaNode]:
    yield node
    for child in node.members if isinstance(node, Group) else (node.row,) if isinstance(node, Rows) else ():
        yield from _nodes(child)


def _flat(path: Path) -> Place:
    return tuple("*" if isinstance(part, Star) else part for part in path.parts)


# -- conditions: a check without negations and without what never decides it ------------------------------------------


@dataclass(frozen=True, slots=True)
class _Atom:
    """A comparison or a presence, demanded or forbidden."""

    test: Node
    demanded: bool


@dataclass(frozen=True, slots=True)
class _All:
    parts: tuple[_Condition, ...]


@dataclass(frozen=True, slots=True)
class _Any:
    """Alternatives; `open` if there was another that never applies: then they all may miss, and nearly always do so unseen."""

    parts: tuple[_Condition, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class _If:
    premise: _Condition
    then: _Condition


_Condition = _Atom | _All | _Any | _If


class _Sort(Enum):
    NUMBER = "number"
    TEXT = "text"
    EITHER = "either"  # a cell of another record, whose schema is not known here


def _normal(node: Node, demanded: bool = True) -> _Condition:
    """Negations pushed down to the comparisons, by De Morgan's laws, which hold in Kleene's logic."""
    if isinstance(node, Unary):
        return _normal(node.operand, not demanded)
    if not isinstance(node, Binary) or node.operator in COMPARISONS:
        return _Atom(node, demanded)
    if node.operator == "->":
        return _If(_normal(node.left), _normal(node.right, demanded))
    parts = tuple(_normal(part, demanded) for part in chain(node, node.operator))
    return _All(parts) if (node.operator == "&&") is demanded else _Any(parts)


def _live(condition: _Condition, applies: Callable[[Node], bool], failing: bool = True) -> _Condition | None:
    """The parts on which it depends whether a condition fails (or holds, if not `failing`); None if it never does.

    What never applies is passed over by `&&` in failing and by `||` in holding. It decides `&&` in holding. It leaves `||` open in failing:
    there "not applicable" is better than a failure, but not than a miss within the rounding of operands.
    """
    if isinstance(condition, _Atom):
        return condition if applies(condition.test) else None
    if isinstance(condition, _If):
        premise, then = _live(condition.premise, applies, False), _live(condition.then, applies, failing)
        return _If(premise, then) if premise and then else None
    parts = tuple(_live(part, applies, failing) for part in condition.parts)
    kept = tuple(part for part in parts if part is not None)
    if not kept or (isinstance(condition, _All) and not failing and len(kept) < len(parts)):
        return None
    return _All(kept) if isinstance(condition, _All) else _Any(kept, open=failing and len(kept) < len(parts))


def _atoms(condition: _Condition) -> Iterator[_Atom]:
    if isinstance(condition, _Atom):
        yield condition
    else:
        for part in (condition.premise, condition.then) if isinstance(condition, _If) else condition.parts:
            yield from _atoms(part)


@dataclass(frozen=True, slots=True, eq=False)
class _Clause:
    """A rule read with the names of its schema; its condition is None where it can never fail."""

    rule: Rule
    names: _Names
    condition: _Condition | None

    def pruned(self) -> _Clause:
        """Without the comparisons that can never apply."""
        return _Clause(self.rule, self.names, self.condition and _live(self.condition, self._applies))

    def rooted(self, path: Path) -> Path:
        """The path from the root: "*" stands for the row of the check's scope, STAR for every row."""
        parts = tuple("" if part == "*" else part for part in path.parts)
        outside = path.absolute or (not self.rule.scope and parts[0] in self.names.related)
        return Path(parts if outside else (*self.rule.scope, *parts), absolute=True)

    def place(self, path: Path) -> Place | None:
        """The leaf or row that a path of the check leads to."""
        return self.names.place(self.rooted(path))

    def paths(self) -> tuple[Path, ...]:
        """The paths of the comparisons that may apply, from the root, if they lead somewhere."""
        atoms = _atoms(self.condition) if self.condition else ()
        found = (self.rooted(node) for atom in atoms for node in walk(atom.test) if isinstance(node, Path))
        return tuple(path for path in found if self.names.place(path))

    def places(self) -> frozenset[Place]:
        """The leaves that decide the check, keys of joined rows among them."""
        paths = self.paths()
        named = {place for path in paths if (place := self.names.place(path)) and place not in self.names.rows}
        return frozenset(named.union(*(self.names.keys(path) for path in paths)))

    def _applies(self, test: Node) -> bool:
        if not isinstance(test, Binary):
            return True
        sorts = {self._sort(test.left), self._sort(test.right)}
        return None not in sorts and sorts != {_Sort.NUMBER, _Sort.TEXT}

    def _sort(self, node: Node) -> _Sort | None:
        """What an operand stands for; None where it has no value in any record."""
        if isinstance(node, Path):
            return self._sort_of_cell(node)
        if isinstance(node, Number | Text):
            return _Sort.NUMBER if isinstance(node, Number) else _Sort.TEXT
        if isinstance(node, Call) and node.name == "count":
            return _Sort.NUMBER if all(self.place(path) for path in node.arguments if isinstance(path, Path)) else None
        operands = [operand for operand in _operands(node) if not isinstance(operand, Text)]
        if isinstance(node, Call) and node.name in ("sum", "min", "max"):
            operands = [part for part in operands if not isinstance(part, Path) or self.place(part)]  # blanks are skipped
        sorts = {self._sort(operand) for operand in operands}
        if not sorts <= {_Sort.NUMBER, _Sort.EITHER} or not sorts:
            return None
        return _Sort.TEXT if isinstance(node, Call) and node.name == "band" else _Sort.NUMBER

    def _sort_of_cell(self, path: Path) -> _Sort | None:
        place = self.place(path)
        if place is None:
            return None
        leaf = self.names.leaves.get(place)
        return _Sort.EITHER if leaf is None else _Sort.NUMBER if _is_figure(leaf) else _Sort.TEXT


def _operands(node: Node) -> tuple[Node, ...]:
    """The operands of nested operations, at one stroke; the arguments of a function."""
    if not isinstance(node, Binary):
        return children(node)
    return tuple(part for part in _binaries(node) if not isinstance(part, Binary))


def _binaries(node: Node) -> Iterator[Node]:
    """A tree of binary operations down to its first operands, which it does not enter, in order of appearance."""
    ahead = [node]
    while ahead:
        current = ahead.pop()
        yield current
        if isinstance(current, Binary):
            ahead += [current.right, current.left]


def _linked(node: Node, plain: str, inverse: str) -> tuple[tuple[int, Node], ...]:
    """The operands of a chain such as `a - b + c`, with 1 or (behind the inverse operator) -1."""
    parts: list[tuple[int, Node]] = []
    while isinstance(node, Binary) and node.operator in (plain, inverse):
        parts.append((1 if node.operator == plain else -1, node.right))
        node = node.left
    return ((1, node), *reversed(parts))


# -- grips -------------------------------------------------------------------------------------------------------------

_Grips = Mapping[Place, Grip]


def _together(grips: Iterable[_Grips]) -> dict[Place, Grip]:
    """The firmest grip of several that all hold."""
    found: dict[Place, Grip] = {}
    for each in grips:
        for place, grip in each.items():
            found[place] = max(grip, found.get(place, grip))
    return found


def _loosened(grips: _Grips, most: Grip) -> dict[Place, Grip]:
    return {place: min(grip, most) for place, grip in grips.items()}


def _one_of(grips: Sequence[_Grips]) -> dict[Place, Grip]:
    """The grip of alternatives, of which any may decide: firm only where all are."""
    firm = {place for place in (grips[0] if grips else ()) if all(each.get(place) is Grip.EQUALITY for each in grips)}
    return {place: grip if place in firm else min(grip, Grip.SOMETIMES) for place, grip in _together(grips).items()}


def _grips(condition: _Condition, place: Callable[[Path], Place | None]) -> dict[Place, Grip]:
    if isinstance(condition, _Atom):
        return _grips_of_test(condition, place)
    if isinstance(condition, _If):
        premise, then = _grips(condition.premise, place), _grips(condition.then, place)
        return _together([_loosened(premise, Grip.LIMIT), _loosened(then, Grip.SOMETIMES)])
    parts = [_grips(part, place) for part in condition.parts]
    if isinstance(condition, _All):
        return _together(parts)
    return _loosened(_one_of(parts), Grip.LIMIT) if condition.open else _one_of(parts)


def _grips_of_test(atom: _Atom, place: Callable[[Path], Place | None]) -> dict[Place, Grip]:
    test = atom.test
    if isinstance(test, Binary) and test.operator == ("==" if atom.demanded else "!="):
        return _together([_firm(test.left, place), _firm(test.right, place)])
    return {found: Grip.LIMIT for node in walk(test) if isinstance(node, Path) and (found := place(node))}


def _firm(node: Node, place: Callable[[Path], Place | None]) -> dict[Place, Grip]:
    """The grip of an equality on the operands of one of its sides."""
    if isinstance(node, Path):
        found = place(node)
        return {found: Grip.EQUALITY} if found else {}
    parts = [_firm(operand, place) for operand in _operands(node)]
    if not isinstance(node, Call) or node.name in ("sum", "abs", "round", "trunc"):
        return _together(parts)
    if node.name not in ("min", "max"):
        return _loosened(_together(parts), Grip.LIMIT)
    lists = any(isinstance(argument, Path) and STAR in argument.parts for argument in node.arguments)
    return _loosened(_together(parts), Grip.SOMETIMES) if lists else _one_of(parts)


def _covering(clause: _Clause) -> CoveringRule:
    grips, premise = _grips_where_owed(clause), _premise(clause)
    for path in clause.paths():
        grips = _together([grips, dict.fromkeys(clause.names.keys(path), Grip.LIMIT)])
    own = clause.names.order(place for place in grips if place in clause.names.leaves)
    related = clause.names.order(place for place in grips if clause.names.is_related(place))
    given = ("" if premise.demanded else "!") + render(premise.test) if premise else ""
    return CoveringRule(clause.rule, tuple((place, grips[place]) for place in own), related, given, idle=clause.condition is None)


def _premise(clause: _Clause) -> _Atom | None:
    """The one comparison or presence on which all that a check owes depends."""
    condition = clause.condition
    return condition.premise if isinstance(condition, _If) and isinstance(condition.premise, _Atom) else None


def _grips_where_owed(clause: _Clause) -> dict[Place, Grip]:
    condition, premise = clause.condition, _premise(clause)
    if premise is None or not isinstance(condition, _If):
        return _grips(condition, clause.place) if condition else {}
    return _together([_grips(premise, clause.place), _grips(condition.then, clause.place)]) | _unsettled(premise, condition.then, clause)


def _unsettled(premise: _Atom, then: _Condition, clause: _Clause) -> dict[Place, Grip]:
    """The grips on figures of a premise: one that is wrong may be let off by it, unless it only has to be printed."""
    grips = _loosened(_grips(then, clause.place), Grip.SOMETIMES if isinstance(premise.test, Binary) else Grip.EQUALITY)
    return {place: grips.get(place, Grip.LIMIT) for node in walk(premise.test) if isinstance(node, Path) and (place := clause.place(node))}


def _covered(clauses: tuple[_Clause, ...], rules: tuple[CoveringRule, ...], names: _Names) -> tuple[CoveredLeaf, ...]:
    ids: dict[Place, dict[str, None]] = defaultdict(dict)
    owed: dict[tuple[str, bool] | None, dict[Place, Grip]] = defaultdict(dict)  # by condition
    for clause, covering in zip(clauses, rules, strict=True):
        premise = _premise(clause)
        given = _literal(premise, clause) if premise else None
        owed[given] = _together([owed[given], dict(covering.grips)])
        for place, _ in covering.grips:
            ids[place][covering.rule.id] = None
    firmest = _firmest(owed)
    return tuple(CoveredLeaf(leaf, firmest.get(place), tuple(ids.get(place, ()))) for place, leaf in names.leaves.items())


def _firmest(owed: Mapping[tuple[str, bool] | None, _Grips]) -> dict[Place, Grip]:
    """The firmest grips in every form: what is owed under a condition and under its opposite is always owed."""
    always = [owed.get(None, {})]
    for given, grips in owed.items():
        if given is not None:
            text, holds = given
            itself = {place: grip for place, grip in grips.items() if holds and text == _presence(place)}
            always += [itself, _one_of([grips, owed.get((text, not holds), {})])]
    return _together(always)


def _presence(place: Place) -> str:
    """The literal that a leaf is printed."""
    return f"present({Path(place, absolute=True).name})"


def _literal(atom: _Atom, clause: _Clause) -> tuple[str, bool]:
    """A comparison or presence in one canonical text, and whether it is to hold: opposites share the text."""
    text = _written_node(atom.test, lambda path: clause.rooted(path).name)
    if isinstance(atom.test, Binary) and atom.test.operator in ("!=", "<=", ">="):
        turned = {"!=": "==", "<=": ">", ">=": "<"}[atom.test.operator]
        return _literal(_Atom(Binary(turned, atom.test.left, atom.test.right), not atom.demanded), clause)
    return text, atom.demanded


# -- scalings ----------------------------------------------------------------------------------------------------------

_Equation = tuple[tuple[Place, Fraction], ...]


class _ExhaustedError(Exception):
    """The work that a search may take is done."""


@dataclass(slots=True)
class _Work:
    """What is left of the work that a search may take."""

    left: int = field(default_factory=lambda: MAX_STEPS)

    def spend(self, steps: int) -> None:
        """Raises _ExhaustedError when there is no more left."""
        self.left -= steps
        if self.left < 0:
            raise _ExhaustedError


def _exponent(node: Node, clause: _Clause, found: list[Vector]) -> Vector | None:
    """The exponent of an operand in those of the leaves; None where any will do (zero, a text). Notes in `found` what must vanish."""
    if isinstance(node, Path):
        return _exponent_of_cell(node, clause)
    if isinstance(node, Number | Text):
        return {} if isinstance(node, Number) and node.value else None
    if isinstance(node, Call):
        return _exponent_of_call(node, clause, found)
    if isinstance(node, Binary) and node.operator in ("*", "/"):
        return _exponent_of_product([(sign, _exponent(part, clause, found)) for sign, part in _linked(node, "*", "/")])
    parts = [part for _, part in _linked(node, "+", "-")] if isinstance(node, Binary) else list(children(node))
    return _alike([_exponent(part, clause, found) for part in parts], found)


def _exponent_of_cell(path: Path, clause: _Clause) -> Vector | None:
    place = clause.place(path)
    leaf = clause.names.leaves.get(place or ())
    if place is None or (leaf is not None and not _is_figure(leaf)):
        return None
    return {place: Fraction(1)} if clause.names.is_quantity(place) else {}


def _exponent_of_call(call: Call, clause: _Clause, found: list[Vector]) -> Vector | None:
    if call.name in ("count", "present"):
        return {} if call.name == "count" else None
    arguments = call.arguments if call.name in ("sum", "min", "max", "band") else call.arguments[:1]  # then come decimals
    same = _alike([_exponent(argument, clause, found) for argument in arguments], found)
    return None if call.name == "band" else same


def _exponent_of_product(factors: Sequence[tuple[int, Vector | None]]) -> Vector | None:
    total: dict[Place, Fraction] = defaultdict(Fraction)
    for sign, factor in factors:
        if factor is None:
            return None
        for place, exponent in factor.items():
            total[place] += sign * exponent
    return {place: exponent for place, exponent in total.items() if exponent}


def _alike(exponents: Iterable[Vector | None], found: list[Vector]) -> Vector | None:
    """The one exponent of operands that must have the same; notes their differences."""
    known = [exponent for exponent in exponents if exponent is not None]
    found += [_plus(known[0], other, Fraction(-1)) for other in known[1:]]
    return known[0] if known else None


def _plus(left: Vector, right: Vector, times: Fraction) -> Vector:
    total = dict(left)
    for place, exponent in right.items():
        total[place] = total.get(place, Fraction(0)) + times * exponent
    return {place: exponent for place, exponent in total.items() if exponent}


def _equations(atoms: Iterable[_Atom], clause: _Clause) -> frozenset[_Equation]:
    """What a scaling must fulfil to leave comparisons as they are."""
    found: list[Vector] = []
    for atom in atoms:
        if isinstance(atom.test, Binary):
            _alike([_exponent(side, clause, found) for side in (atom.test.left, atom.test.right)], found)
    return frozenset(tuple(sorted(equation.items())) for equation in found if equation)


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to keep a check: comparisons that decide, and what a form that takes it owes besides."""

    atoms: tuple[_Atom, ...]
    literals: frozenset[tuple[str, bool]] = frozenset()
    absent: tuple[Place, ...] = ()

    def __add__(self, other: _Way) -> _Way:
        return _Way(self.atoms + other.atoms, self.literals | other.literals, self.absent + other.absent)


def _ways(condition: _Condition, clause: _Clause) -> Iterator[_Way]:
    """Choices of comparisons that suffice to keep a check from failing: one of the alternatives; an unmet premise, or what it entails."""
    if isinstance(condition, _Atom):
        yield _Way((condition,), frozenset({_literal(condition, clause)}))
    elif isinstance(condition, _If):
        yield _unmet(condition.premise, clause)
        yield from (_met(condition.premise, clause) + way for way in _ways(condition.then, clause))
    elif isinstance(condition, _Any):
        for part in condition.parts:
            yield from _ways(part, clause)
    else:
        for choice in islice(product(*(tuple(islice(_ways(part, clause), MAX_WAYS)) for part in condition.parts)), MAX_WAYS):
            yield sum(choice, _Way(()))


def _met(premise: _Condition, clause: _Clause) -> _Way:
    literals = {_literal(premise, clause)} if isinstance(premise, _Atom) else ()
    return _Way(tuple(_atoms(premise)), frozenset(literals), _absent(premise, clause))


def _unmet(premise: _Condition, clause: _Clause) -> _Way:
    if not isinstance(premise, _Atom):
        return _Way(tuple(_atoms(premise)))
    return _met(_Atom(premise.test, not premise.demanded), clause)


def _absent(premise: _Condition, clause: _Clause) -> tuple[Place, ...]:
    """The leaf that is not printed where the premise holds."""
    if not isinstance(premise, _Atom) or premise.demanded or isinstance(premise.test, Binary):
        return ()
    found = (clause.place(node) for node in walk(premise.test) if isinstance(node, Path))
    return tuple(place for place in found if place)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A way to keep a check as equations, with what it supposes of the form."""

    equations: frozenset[_Equation]
    literals: frozenset[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class _System:
    """The equations of a check: with every comparison, and by each way to keep it."""

    id: str
    whole: frozenset[_Equation]
    choices: tuple[_Choice, ...]


def _system(clause: _Clause, work: _Work) -> _System:
    assert clause.condition is not None
    whole = _equations(_atoms(clause.condition), clause)
    ways: dict[_Choice, None] = {}
    for way in islice(_ways(clause.condition, clause), MAX_WAYS):
        work.spend(len(clause.rule.check.text))
        ways[_choice(way, clause)] = None
    return _System(clause.rule.id, whole, tuple(ways))


def _choice(way: _Way, clause: _Clause) -> _Choice:
    """A figure that is not printed is not scaled."""
    absent = frozenset(((place, Fraction(1)),) for place in way.absent)
    return _Choice(_equations(way.atoms, clause) | absent, way.literals)


def _scalings(clauses: tuple[_Clause, ...], names: _Names) -> tuple[tuple[Scaling, ...], tuple[str, ...]]:
    """The scalings that no check sees, and what could not be searched."""
    unknowns = names.order(frozenset().union(*(_scalable(clause) for clause in clauses)))
    vectors: list[Vector] = []
    try:
        if len(unknowns) > MAX_UNKNOWNS:
            raise _ExhaustedError
        systems = _search(clauses, unknowns, vectors)
    except _ExhaustedError:
        return (), ("factors of scale: the checks are too many or too large",)
    found = [_scaling(vector, systems, names) for vector in vectors]
    return tuple(scaling for scaling in found if len(scaling.related) < len(scaling.exponents)), ()


def _search(clauses: tuple[_Clause, ...], unknowns: Sequence[Place], found: list[Vector]) -> list[_System]:
    """Notes the null vectors: those of all comparisons, then those of choices."""
    work = _Work()
    systems = [_system(clause, work) for clause in clauses]
    found += _null_space(unknowns, _solved(_sorted(system.whole for system in systems), {}, work), work)
    found += [vector for vector in _null_vectors_of_ways(unknowns, systems, work) if _seen(vector, systems)]
    return systems


def _scalable(clause: _Clause) -> frozenset[Place]:
    return frozenset(filter(clause.names.is_quantity, clause.places()))


def _null_vectors_of_ways(unknowns: Sequence[Place], systems: Sequence[_System], work: _Work) -> list[Vector]:
    """The sparse null vectors under each choice of alternatives that a form may make, without repetition."""
    common = _solved(_sorted(system.choices[0].equations for system in systems if len(system.choices) == 1), {}, work)
    found: dict[_Equation, Vector] = {}
    for choices in islice(product(*(system.choices for system in systems if len(system.choices) > 1)), MAX_WAYS):
        literals = frozenset[tuple[str, bool]]().union(*(choice.literals for choice in choices))
        if any((text, not holds) in literals for text, holds in literals):
            continue
        for vector in _null_space(unknowns, _solved(_sorted(choice.equations for choice in choices), common, work), work):
            found.setdefault(tuple(sorted(vector.items())), vector)
    return list(found.values())


def _seen(vector: Vector, systems: Sequence[_System]) -> tuple[str, ...]:
    """The ids of the checks of which a scaling changes a comparison."""
    changed = (system.id for system in systems if any(_product(equation, vector) for equation in system.whole))
    return tuple(dict.fromkeys(changed))


def _scaling(vector: Vector, systems: Sequence[_System], names: _Names) -> Scaling:
    exponents = tuple((place, vector[place]) for place in names.order(vector))
    return Scaling(exponents, frozenset(filter(names.is_related, vector)), _seen(vector, systems))


def _product(equation: _Equation, vector: Vector) -> Fraction:
    return sum((factor * vector[place] for place, factor in equation if place in vector), Fraction(0))


def _sorted(equations: Iterable[frozenset[_Equation]]) -> list[_Equation]:
    return sorted(frozenset().union(*equations), key=lambda equation: (len(equation), equation))


def _solved(equations: Iterable[_Equation], known: Mapping[Place, Vector], work: _Work) -> dict[Place, Vector]:
    """Gauss-Jordan elimination of sparse equations: the bound unknowns in terms of the free ones."""
    bound = dict(known)
    for equation in equations:
        rest = _substituted(dict(equation), bound, work)
        if rest:
            pivot = max(rest)
            value = {place: -factor / rest[pivot] for place, factor in rest.items() if place != pivot}
            for place in [place for place, vector in bound.items() if pivot in vector]:
                bound[place] = _substituted(bound[place], {pivot: value}, work)
            bound[pivot] = value
    return bound


def _substituted(vector: Vector, values: Mapping[Place, Vector], work: _Work) -> Vector:
    for place in [place for place in vector if place in values]:
        factor = vector[place]
        work.spend(len(vector) + len(values[place]))
        vector = _plus({other: each for other, each in vector.items() if other != place}, values[place], factor)
    return vector


def _null_space(unknowns: Sequence[Place], bound: Mapping[Place, Vector], work: _Work) -> list[Vector]:
    """A basis with few places in each vector, in whole numbers."""
    basis: list[Vector] = []
    for free in unknowns:
        if free not in bound:
            work.spend(len(bound))
            basis.append({free: Fraction(1)} | {place: vector[free] for place, vector in bound.items() if free in vector})
    return [_whole(vector) for vector in _sparse(basis, work)]


def _sparse(basis: list[Vector], work: _Work) -> list[Vector]:
    """Pairs of vectors are subtracted from each other as long as that leaves fewer places, or as many of one sign."""
    shrunk = True
    while shrunk:
        shrunk = False
        for at, by in permutations(range(len(basis)), 2):
            ratios = sorted({basis[at][place] / basis[by][place] for place in basis[at].keys() & basis[by].keys()})
            work.spend(1 + len(ratios) * (len(basis[at]) + len(basis[by])))
            best = min((_plus(basis[at], basis[by], -ratio) for ratio in ratios), key=_length, default=basis[at])
            if _length(best) < _length(basis[at]):
                basis[at], shrunk = best, True
    return basis


def _length(vector: Vector) -> tuple[int, int]:
    """How long it takes to say a vector: its places, and those that go against the others."""
    against = sum(part < 0 for part in vector.values())
    return len(vector), min(against, len(vector) - against)


def _whole(vector: Vector) -> Vector:
    """The same direction in whole numbers without a common divisor, most of them positive."""
    scale = Fraction(lcm(*(part.denominator for part in vector.values())), gcd(*(part.numerator for part in vector.values())))
    balance = sum((part > 0) - (part < 0) for part in vector.values()) or next(iter(vector.values()))
    return {place: part * scale * (1 if balance > 0 else -1) for place, part in vector.items()}


# -- swaps -------------------------------------------------------------------------------------------------------------


def _written(condition: _Condition, name: Callable[[Path], str]) -> str:
    """The canonical text of a condition: operands in sorted order wherever their order does not matter."""
    if isinstance(condition, _Atom):
        return ("" if condition.demanded else "!") + _written_node(condition.test, name)
    if isinstance(condition, _If):
        return f"({_written(condition.premise, name)} -> {_written(condition.then, name)})"
    kind = "all of" if isinstance(condition, _All) else "any, or none, of" if condition.open else "any of"
    return f"{kind} ({', '.join(sorted(_written(part, name) for part in condition.parts))})"


def _written_node(node: Node, name: Callable[[Path], str]) -> str:
    if isinstance(node, Path):
        return name(node)
    if isinstance(node, Number | Text):
        return str(node.value) if isinstance(node, Number) else repr(node.value)
    if isinstance(node, Binary):
        return _written_binary(node, name)
    written = [_written_node(child, name) for child in children(node)]
    if isinstance(node, Call):
        free = node.name in ("sum", "count", "min", "max")
        return f"{node.name}({', '.join(sorted(written) if free else written)})"
    return f"-({written[0]})"


def _written_binary(node: Binary, name: Callable[[Path], str]) -> str:
    if node.operator in COMPARISONS:
        return _written_comparison(node, name)
    plain, inverse = ("+", "-") if node.operator in "+-" else ("*", "/")
    parts = [(plain if sign > 0 else inverse) + _written_node(part, name) for sign, part in _linked(node, plain, inverse)]
    return f"({' '.join(sorted(parts))})"


def _written_comparison(node: Binary, name: Callable[[Path], str]) -> str:
    """`a > b` as `b < a`; the sides of `==` keep their places where the left one is a cell, which has the slack of its print."""
    left, right = _written_node(node.left, name), _written_node(node.right, name)
    operator = node.operator.replace(">", "<")
    if operator != node.operator or (operator in ("==", "!=") and not isinstance(node.left, Path) and right < left):
        left, right = right, left
    return f"({left} {operator} {right})"


@dataclass(slots=True)
class _Exchanges:
    """Tries exchanges of leaves on the checks that name them, within a bound on the work."""

    names: _Names
    clauses: tuple[_Clause, ...]
    places: dict[_Clause, frozenset[Place]] = field(default_factory=dict)
    naming: dict[Place, list[_Clause]] = field(default_factory=lambda: defaultdict(list))
    below: dict[Place, list[Place]] = field(default_factory=lambda: defaultdict(list))  # the named leaves under a place
    written: dict[_Clause, str] = field(default_factory=dict)
    left: int = field(default_factory=lambda: MAX_WRITTEN)

    def __post_init__(self) -> None:
        for clause in self.clauses:
            self.places[clause] = clause.places()
            self.written[clause] = self._text(clause, {})
            for place in self.places[clause]:
                self.naming[place].append(clause)
        for place in self.names.order(self.naming):
            for length in range(len(place)):
                self.below[place[:length]].append(place)

    @property
    def exhausted(self) -> bool:
        """Whether the work was cut short."""
        return self.left < 0

    def unseen(self, pairs: Mapping[Place, Place]) -> bool:
        """Whether the checks stay the same when the leaves of every pair are exchanged."""
        both = {**pairs, **{there: here for here, there in pairs.items()}}
        self.left -= TRIAL
        if any(len(self.naming.get(here, ())) != len(self.naming.get(there, ())) for here, there in pairs.items()):
            return False
        touched = {clause: None for place in both for clause in self.naming.get(place, ())}
        self.left -= sum(len(self.written[clause]) for clause in touched)
        if self.exhausted:
            return False
        return Counter(self.written[clause] for clause in touched) == Counter(self._text(clause, both) for clause in touched)

    def classes(self, members: Sequence[Place], pairs: Callable[[Place, Place], Mapping[Place, Place] | None]) -> list[tuple[Place, ...]]:
        """The members parted into classes of which any two may be exchanged, by the pairs of leaves that this exchanges; no single ones."""
        found: list[list[Place]] = []
        for member in () if self.exhausted else members:
            home = next((each for each in found if (both := pairs(each[0], member)) and self.unseen(both)), None)
            if self.exhausted:
                break
            if home is None:
                found.append([member])
            else:
                home.append(member)
        return [tuple(each) for each in found if len(each) > 1]

    def _text(self, clause: _Clause, pairs: Mapping[Place, Place]) -> str:
        assert clause.condition is not None
        text = _written(clause.condition, lambda path: self._name(clause.rooted(path), pairs))
        return f"{clause.rule.requires} of each {_row_of((*clause.rule.scope, ''))}: {text}"  # of each row as often as there are rows

    def _name(self, path: Path, pairs: Mapping[Place, Place]) -> str:
        place = self.names.place(path)
        target = pairs.get(place) if place else None
        keys = [".".join(pairs.get(key, key)) for key in self.names.keys(path)]
        return (path if place is None or target is None else _redirected(path, place, target)).name + "".join(f"<{key}>" for key in keys)


def _redirected(path: Path, place: Place, target: Place) -> Path:
    """The path that leads to `target` as `path` leads to `place`: the same rows, every row or that of the scope."""
    shared = next((at for at, (here, there) in enumerate(zip(place, target, strict=False)) if here != there), len(place))
    kept = len(path.parts) - len(place) + shared
    rows = (part for part in path.parts[kept:] if part is STAR or part == "*")
    return Path((*path.parts[:kept], *(next(rows) if part == "*" else part for part in target[shared:])), absolute=True)


def _unit(leaf: Leaf, names: _Names) -> Place | str | None:
    """The leaf that prints the unit, where one beside it does; otherwise the unit as declared."""
    beside = (*leaf.path[:-1], *(leaf.unit or "").split("."))
    return beside if beside in names.leaves else leaf.unit


def _row_of(place: Place) -> Place:
    """The innermost row of a list in which a leaf stands; the empty place outside of lists."""
    last = max((at for at, part in enumerate(place[:-1]) if part == "*"), default=-1)
    return place[: last + 1]


def _leaf_swaps(exchanges: _Exchanges) -> list[Swap]:
    """Single leaves of one kind in one record or row (there: whole columns)."""
    alike: dict[object, list[Place]] = defaultdict(list)
    for place in exchanges.names.order(place for place in exchanges.naming if place in exchanges.names.leaves):
        leaf = exchanges.names.leaves[place]
        if place[-1] != "*":
            alike[_row_of(place), leaf.kind, _unit(leaf, exchanges.names), leaf.choices].append(place)
    return [Swap(each, ((),)) for members in alike.values() for each in exchanges.classes(members, lambda a, b: {a: b})]


def _components(columns: Iterable[Place], links: Iterable[Iterable[Place]]) -> list[frozenset[Place]]:
    """Columns that links connect."""
    parts = [frozenset({column}) for column in columns]
    for link in map(frozenset, links):
        apart = [part for part in parts if not part & link]
        joined = frozenset().union(*(part for part in parts if part & link))
        parts = [*apart, joined] if joined else apart
    return parts


def _below(place: Place, above: Place) -> Place | None:
    return place[len(above) :] if place[: len(above)] == above else None


def _unit_links(exchanges: _Exchanges, above: Place) -> Iterator[tuple[Place, Place]]:
    """Columns below a place with the column that prints their unit."""
    for place in exchanges.below.get(above, ()):
        leaf = exchanges.names.leaves.get(place)
        unit = _unit(leaf, exchanges.names) if leaf else None
        if isinstance(unit, tuple) and unit[: len(above)] == above:
            yield place[len(above) :], unit[len(above) :]


def _object_swaps(exchanges: _Exchanges, root: Group) -> list[Swap]:
    """Columns of sibling objects, such as the lines of a table, which checks within one object link."""
    found: list[Swap] = []
    for node in _nodes(root):
        siblings = [member.path for member in node.members if isinstance(member, Group)] if isinstance(node, Group) else []
        if len(siblings) > 1:
            found += _sibling_swaps(exchanges, siblings)
    return found


def _sibling_swaps(exchanges: _Exchanges, siblings: Sequence[Place]) -> list[Swap]:
    """Sets of columns, as few together as may be: where not all siblings may exchange a set, the checks of those that may link fewer."""
    parts = _linked_columns(exchanges, siblings)
    classes = {part: exchanges.classes(siblings, _pairing(exchanges.names, part)) for part in parts}
    failed = frozenset[Place]().union(*(part for part in parts if not classes[part]))
    if failed and failed not in classes:
        classes[failed] = exchanges.classes(siblings, _pairing(exchanges.names, failed))
    found: list[Swap] = []
    for part, alike in classes.items():
        for each in alike if len(part) > 1 else ():
            found += [Swap(each, tuple(sorted(part)))] if len(each) == len(siblings) else _sibling_swaps(exchanges, each)
    return list(dict.fromkeys(found))


def _linked_columns(exchanges: _Exchanges, siblings: Sequence[Place]) -> list[frozenset[Place]]:
    """The columns that checks name, in sets that a check of one object, or a column that prints units, links."""
    units = [link for above in siblings for link in _unit_links(exchanges, above)]
    columns = [place[len(above) :] for above in siblings for place in exchanges.below.get(above, ())]
    clauses = dict.fromkeys(clause for above in siblings for place in exchanges.below.get(above, ()) for clause in exchanges.naming[place])
    links = [link for clause in clauses for link in _links_of(exchanges.places[clause], frozenset(siblings))]
    return _components(dict.fromkeys((*columns, *(unit for _, unit in units))), dict.fromkeys((*map(frozenset, units), *links)))


def _links_of(places: Iterable[Place], siblings: frozenset[Place]) -> list[frozenset[Place]]:
    """The columns that one check names in one object, for each object; siblings stand equally deep."""
    depth, found = len(next(iter(siblings))), defaultdict[Place, set[Place]](set)
    for place in places:
        if place[:depth] in siblings:
            found[place[:depth]].add(place[depth:])
    return [frozenset(columns) for columns in found.values()]


def _pairing(names: _Names, columns: frozenset[Place]) -> Callable[[Place, Place], Mapping[Place, Place] | None]:
    """How two objects exchange these columns."""
    return lambda here, there: _columns_paired(names, here, there, columns)


def _columns_paired(names: _Names, here: Place, there: Place, columns: Iterable[Place]) -> Mapping[Place, Place] | None:
    """The leaves that two objects exchange; None where one of them lacks a column, or prints it otherwise."""
    pairs = {(*here, *column): (*there, *column) for column in columns}
    both = [(names.leaves.get(one), names.leaves.get(other)) for one, other in pairs.items()]
    alike = all(one and other and (one.kind, one.choices) == (other.kind, other.choices) for one, other in both)
    return pairs if alike else None


def _row_swaps(exchanges: _Exchanges, root: Group) -> list[Swap]:
    """Columns of a list that stay consistent when two of its rows exchange them, but for whole rows, whose order says nothing."""
    found: list[Swap] = []
    for row in [node.row for node in _nodes(root) if isinstance(node, Rows) and node.row.path in exchanges.below]:
        every = {_column(leaf.path[len(row.path) :]) for leaf in leaves_under(row)}
        named = {_column(place[len(row.path) :]) for place in exchanges.below[row.path]}
        clauses = dict.fromkeys(clause for place in exchanges.below[row.path] for clause in exchanges.naming[place])
        units = [(_column(one), _column(other)) for one, other in _unit_links(exchanges, row.path)]
        parts = _components(sorted(every), [*units, *(_bound(clause, row.path) for clause in clauses)])
        found += [Swap((row.path,), tuple(sorted(part))) for part in parts if part & named and part != every]
    return found


def _column(below: Place) -> Place:
    """A leaf of a row; of a list within the row, the whole list."""
    return below[: below.index("*") + 1] if "*" in below else below


def _bound(clause: _Clause, row: Place) -> list[Place]:
    """The columns of which a check compares the values in one and the same row, or finds rows by them."""
    found: list[Place] = []
    for path in clause.paths():
        place = clause.names.place(path) or ()
        keys = [column for key in clause.names.keys(path) if (column := _below(key, row))]
        column = _below(place, row)
        if column and (keys or path.parts[len(path.parts) - len(column) - 1] == "*"):
            found.append(_column(column))
        found += keys
    return found


def _as_column(swap: Swap) -> Swap:
    """A class of leaves with one name in several objects is a column of these objects."""
    lasts, aboves = {place[-1:] for place in swap.places}, {place[:-1] for place in swap.places}
    if swap.columns != ((),) or len(lasts) > 1 or len(aboves) < len(swap.places):
        return swap
    return Swap(tuple(place[:-1] for place in swap.places), tuple(lasts))
