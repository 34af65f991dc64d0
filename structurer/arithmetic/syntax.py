"""The syntax tree of a check and its rendering: nodes, ways to walk them, and the text that parses to the same tree again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Final, Literal

COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
LOGICAL: Final = frozenset({"->", "||", "&&", "!"})
PRECEDENCE: Final = {"->": 1, "||": 2, "&&": 3, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6}
FOLDS: Final = frozenset({"sum", "count", "min", "max"})  # the functions that take [*]
FUNCTIONS: Final = ("sum", "count", "min", "max", "abs", "round", "trunc", "band", "present")


class CheckSyntaxError(ValueError):
    """A check that cannot be understood; `column` counts characters from 1, `message` says what was expected."""

    def __init__(self, message: str, column: int) -> None:
        self.message, self.column = message, column
        super().__init__(message, column)

    def __str__(self) -> str:
        return f"column {self.column}: {self.message}"


class Star(Enum):
    """The part of a path that stands for every row of a list; an enum, so that a key "*" stays a key."""

    STAR = "[*]"


STAR: Final[Literal[Star.STAR]] = Star.STAR


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal literal: its exact value, and its text as written."""

    value: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text literal, without its quotes and escapes."""

    value: str


@dataclass(frozen=True, slots=True)
class Path:
    """The way to one cell, or with STAR to a cell in every row of a list; `absolute` starts at the record, else at the check's scope.

    Derived: `name` as a check writes it; `pointers`, the JSON pointer (RFC 6901) cut at each STAR: `a[*].b` gives ("/a", "/b").
    """

    parts: tuple[str | Star, ...]
    absolute: bool = False
    name: str = field(init=False, compare=False, repr=False)
    pointers: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        name = "$" * self.absolute + "".join(map(_key_name, self.parts))
        object.__setattr__(self, "name", name.removeprefix("."))
        pieces: list[str] = [""]
        for part in self.parts:
            if isinstance(part, Star):
                pieces.append("")
            else:
                pieces[-1] += "/" + part.replace("~", "~0").replace("/", "~1")
        object.__setattr__(self, "pointers", tuple(pieces))


@dataclass(frozen=True, slots=True)
class Unary:
    """`-` before a number, `!` before a condition."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; chains lean to the left (a - b - c is (a - b) - c), those of `->` to the right."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function, one of FUNCTIONS, with arguments that the parser found fit for it."""

    name: str
    arguments: tuple[Node, ...]


Node = Number | Text | Path | Unary | Binary | Call


@dataclass(frozen=True, slots=True)
class Check:
    """An edit rule (Fellegi and Holt 1976): what a correct record owes. `text` as declared, `root` always a condition."""

    text: str
    root: Node


def children(node: Node) -> tuple[Node, ...]:
    """The operands or arguments of a node, in order of appearance."""
    if isinstance(node, Binary):
        return node.left, node.right
    if isinstance(node, Unary):
        return (node.operand,)
    return node.arguments if isinstance(node, Call) else ()


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, parents before children, in order of appearance."""
    ahead = [node]
    while ahead:
        current = ahead.pop()
        yield current
        ahead.extend(reversed(children(current)))


def paths(check: Check) -> tuple[Path, ...]:
    """The paths of a check in order of appearance, repeated where the check repeats them."""
    return tuple(node for node in walk(check.root) if isinstance(node, Path))


def spine(node: Node) -> tuple[Node, tuple[Binary, ...]]:
    """The leftmost operand of a tree and the operations upon it, innermost first: a long chain is walked without recursion."""
    links: list[Binary] = []
    while isinstance(node, Binary):
        links.append(node)
        node = node.left
    return node, tuple(reversed(links))


def chain(node: Node, operator: str) -> tuple[Node, ...]:
    """The operands of `a operator b operator c`; the node alone if it is no such chain."""
    operands: list[Node] = []
    while isinstance(node, Binary) and node.operator == operator:
        operands.append(node.right)
        node = node.left
    return (node, *reversed(operands))


def _plain(_: Node) -> str | None:
    return None


def render(node: Node, replace: Callable[[Node], str | None] = _plain) -> str:
    """The text of a tree, with no more parentheses than it needs: parse(render(tree)).root == tree.

    `replace` may give another text for an operand (a cell's number for its path); it is not asked about operations.
    """
    if isinstance(node, Binary):
        return _render_chain(node, replace)
    if isinstance(node, Unary):
        operand = render(node.operand, replace)
        return node.operator + (f"({operand})" if isinstance(node.operand, Binary) else operand)
    other = replace(node)
    if other is not None:
        return other
    if isinstance(node, Call):
        return f"{node.name}({', '.join(render(argument, replace) for argument in node.arguments)})"
    return _quote(node.value) if isinstance(node, Text) else node.name if isinstance(node, Path) else node.text


def _render_chain(node: Binary, replace: Callable[[Node], str | None]) -> str:
    first, links = spine(node)
    text, inner = render(first, replace), max(PRECEDENCE.values())
    for link in links:
        outer = PRECEDENCE[link.operator]
        if inner < outer or (inner == outer and link.operator == "->"):
            text = f"({text})"
        text = f"{text} {link.operator} {_render_right(link, replace)}"
        inner = outer
    return text


def _render_right(link: Binary, replace: Callable[[Node], str | None]) -> str:
    text = render(link.right, replace)
    if not isinstance(link.right, Binary):
        return text
    bound = PRECEDENCE[link.right.operator] - PRECEDENCE[link.operator]
    return text if bound > 0 or (bound == 0 and link.operator == "->") else f"({text})"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key_name(part: str | Star) -> str:
    if isinstance(part, Star):
        return part.value
    return f".{part}" if part.isidentifier() else f"[{_quote(part)}]"
