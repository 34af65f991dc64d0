"""Checks read with the names of their schema: which leaf each path leads to, and on which comparisons it depends whether a check fails.

Negations are pushed down to the comparisons by De Morgan's laws, which hold in Kleene's three-valued logic. Comparisons that can never
apply (a text among numbers, an alias out of its scope) are left out, with all that they keep from deciding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import is_
from typing import Final

from structurer.arithmetic.operands import NUMERIC, Sort
from structurer.arithmetic.syntax import COMPARISONS, FOLDS, Binary, Call, Node, Number, Path, Text, Unary, chain, children, paths, walk
from structurer.contracts.places import Names, Place, Target
from structurer.contracts.schema import Rule, Schema

Literal = tuple[str, bool]  # a comparison or presence in one canonical text, and whether it is to hold
_OPPOSITE: Final = {"!=": "==", "<=": ">", ">=": "<"}


class ExhaustedError(Exception):
    """The work that a search may take is done."""


@dataclass(slots=True)
class Work:
    """What is left of the work that a search may take, and whether something was passed over on the way."""

    left: int
    passed_over: bool = False

    def spend(self, steps: int) -> None:
        """Raises ExhaustedError when there is no more left."""
        self.left -= steps
        if self.left < 0:
            raise ExhaustedError


# -- conditions: a check without negations and without what never decides it ------------------------------------------


@dataclass(frozen=True, slots=True)
class Atom:
    """A comparison or a presence, demanded or forbidden."""

    test: Node
    demanded: bool


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions that all must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Alternatives; `open` if there was another that never applies: then they all may miss, and nearly always do so unseen."""

    parts: tuple[Condition, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class If:
    """What must hold where the premise does."""

    premise: Condition
    then: Condition


Condition = Atom | AllOf | AnyOf | If


def atoms(condition: Condition | None) -> Iterator[Atom]:
    """The comparisons and presences of a condition."""
    if isinstance(condition, Atom):
        yield condition
    elif condition:
        for part in (condition.premise, condition.then) if isinstance(condition, If) else condition.parts:
            yield from atoms(part)


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A rule read with the names of its schema.

    `targets`: of the paths of its scope, by name. `condition`: None where it can never fail. `named`: the targets of its comparisons.
    `places`: the leaves that decide it, keys of joined rows among them.
    """

    rule: Rule
    names: Names
    targets: Mapping[str, Target]
    condition: Condition | None
    named: tuple[Target, ...]
    places: frozenset[Place]

    def place(self, path: Path) -> Place | None:
        """The leaf or row that a path of the check leads to."""
        return self.targets[path.name].place

    def literal(self, atom: Atom) -> Literal:
        """A comparison or presence; opposites share the text."""
        test, demanded = atom.test, atom.demanded
        if isinstance(test, Binary) and test.operator in _OPPOSITE:
            test, demanded = Binary(_OPPOSITE[test.operator], test.left, test.right), not demanded
        return written(test, lambda path: self.targets[path.name].name({})), demanded


def clauses_of(schema: Schema, names: Names) -> list[Clause]:
    """The rules of a schema with their paths followed, without the comparisons that can never apply."""
    known: dict[Place, dict[str, Target]] = defaultdict(dict)
    return [_read(rule, names, known[rule.scope]) for rule in schema.rules]


def _read(rule: Rule, names: Names, targets: dict[str, Target]) -> Clause:
    every = paths(rule.check)
    for path in every:
        if path.name not in targets:
            targets[path.name] = names.target(path, rule.scope)
    whole = _normal(rule.check.root)
    condition = _live(whole, lambda test: _applies(test, targets))
    kept = every if condition is whole else [node for atom in atoms(condition) for node in walk(atom.test) if isinstance(node, Path)]
    named = tuple(target for name in dict.fromkeys(path.name for path in kept) if (target := targets[name]).place)
    own = frozenset(target.place for target in named if target.place and (target.place in names.leaves or target.place not in names.rows))
    return Clause(rule, names, targets, condition, named, own.union(*(target.keys for target in named)))


def _normal(node: Node, demanded: bool = True) -> Condition:
    if isinstance(node, Unary):
        return _normal(node.operand, not demanded)
    if not isinstance(node, Binary) or node.operator in COMPARISONS:
        return Atom(node, demanded)
    if node.operator == "->":
        return If(_normal(node.left), _normal(node.right, demanded))
    parts = tuple(_normal(part, demanded) for part in chain(node, node.operator))
    return AllOf(parts) if (node.operator == "&&") is demanded else AnyOf(parts)


def _live(condition: Condition, applies: Callable[[Node], bool], failing: bool = True) -> Condition | None:
    """The parts on which it depends whether a condition fails (or holds, if not `failing`); None if it never does.

    What never applies is passed over by `&&` in failing and by `||` in holding. It decides `&&` in holding. It leaves `||` open in failing:
    there "not applicable" is better than a failure, but not than a miss within the rounding of operands.
    """
    if isinstance(condition, Atom):
        return condition if applies(condition.test) else None
    if isinstance(condition, If):
        premise, then = _live(condition.premise, applies, False), _live(condition.then, applies, failing)
        if premise is condition.premise and then is condition.then:
            return condition
        return If(premise, then) if premise and then else None
    kept = tuple(part for each in condition.parts if (part := _live(each, applies, failing)))
    whole = len(kept) == len(condition.parts)
    if whole and all(map(is_, kept, condition.parts)):
        return condition
    if isinstance(condition, AllOf):
        return AllOf(kept) if kept and (failing or whole) else None
    return AnyOf(kept, open=failing and not whole) if kept else None


def _applies(test: Node, targets: Mapping[str, Target]) -> bool:
    if not isinstance(test, Binary):
        return True
    sorts = {_sort(test.left, targets), _sort(test.right, targets)}
    return None not in sorts and sorts != {Sort.NUMBER, Sort.TEXT}


def _sort(node: Node, targets: Mapping[str, Target]) -> Sort | None:
    """What an operand stands for; None where it has no value in any record."""
    if isinstance(node, Path):
        return targets[node.name].sort
    if isinstance(node, Number | Text):
        return Sort.NUMBER if isinstance(node, Number) else Sort.TEXT
    blank = isinstance(node, Call) and node.name in ("sum", "min", "max")  # these pass over what is not there
    sorts = {_sort(part, targets) for part in operands(node) if not (isinstance(part, Text) or (blank and _leads_nowhere(part, targets)))}
    if isinstance(node, Call) and node.name == "count":
        return None if None in sorts else Sort.NUMBER
    if not sorts or not sorts <= NUMERIC:
        return None
    return Sort.TEXT if isinstance(node, Call) and node.name == "band" else Sort.NUMBER


def _leads_nowhere(node: Node, targets: Mapping[str, Target]) -> bool:
    return isinstance(node, Path) and targets[node.name].place is None


def operands(node: Node) -> tuple[Node, ...]:
    """The arguments of a function; those of nested operations at one stroke: chains are too long for recursion."""
    if not isinstance(node, Binary):
        return children(node)
    found: list[Node] = []
    ahead: list[Node] = [node]
    while ahead:
        current = ahead.pop()
        if isinstance(current, Binary):
            ahead += [current.right, current.left]
        else:
            found.append(current)
    return tuple(found)


def linked(node: Binary) -> list[tuple[int, Node]]:
    """The operands of a chain such as `a - b + c`, with 1 or (behind `-` and `/`) -1."""
    pair = "+-" if node.operator in "+-" else "*/"
    parts: list[tuple[int, Node]] = []
    left: Node = node
    while isinstance(left, Binary) and left.operator in pair:
        parts.append((1 if left.operator in "+*" else -1, left.right))
        left = left.left
    return [(1, left), *reversed(parts)]


# -- canonical text ----------------------------------------------------------------------------------------------------


def written(node: Node, name: Callable[[Path], str]) -> str:
    """One text for all comparisons or operands that differ only in the order of what may stand in any order."""
    if isinstance(node, Path):
        return name(node)
    if isinstance(node, Number | Text):
        return str(node.value) if isinstance(node, Number) else repr(node.value)
    if isinstance(node, Binary):
        return _written_comparison(node, name) if node.operator in COMPARISONS else _written_chain(node, name)
    parts = [written(child, name) for child in children(node)]
    if isinstance(node, Unary):
        return f"-({parts[0]})"
    return f"{node.name}({', '.join(sorted(parts) if node.name in FOLDS else parts)})"


def _written_chain(node: Binary, name: Callable[[Path], str]) -> str:
    signs = "+-" if node.operator in "+-" else "*/"
    return f"({' '.join(sorted(signs[sign < 0] + written(part, name) for sign, part in linked(node)))})"


def _written_comparison(node: Binary, name: Callable[[Path], str]) -> str:
    """`a > b` as `b < a`; the sides of `==` keep their places where the left one is a cell, which has the slack of its print."""
    left, right = written(node.left, name), written(node.right, name)
    operator = node.operator.replace(">", "<")
    if operator != node.operator or (operator in ("==", "!=") and not isinstance(node.left, Path) and right < left):
        left, right = right, left
    return f"({left} {operator} {right})"
