"""The language of checks: tokens, parser and syntax tree. One tree serves evaluation, explanation, name checks and propagation.

    check      = condition
    condition  = condition ( "->" | "||" | "&&" ) condition | "!" condition | value comparison value | present(path)
    value      = value ( "+" | "-" | "*" | "/" ) value | "-" value | number | text | path | function(value, ...)
    path       = [ "$" ] key { "." key }     key = identifier | ["any key"] | [*]

From loose to tight: `->` (right associative), `||`, `&&`, comparisons (never chained), `+ -`, `* /`, unary. Names are taken literally: no
Unicode folding. Every text is answered within bounded time and stack with a `Check` or a `CheckSyntaxError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Final, Literal, NamedTuple, NoReturn
from unicodedata import normalize

MAX_LENGTH: Final = 2_000  # characters
MAX_NESTING: Final = 32  # brackets, calls, unary operators and implications open at once; also keys of a path
MAX_NODES: Final = 400
MAX_DIGITS: Final = 40  # of a number literal
MAX_DECIMALS: Final = 12  # second argument of round and trunc

COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
FOLDS: Final = frozenset({"sum", "count", "min", "max"})  # the functions that take [*]
FUNCTIONS: Final = ("sum", "count", "min", "max", "abs", "round", "trunc", "band", "present")
_PRECEDENCE: Final = {"->": 1, "||": 2, "&&": 3, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6}
_LOGICAL: Final = frozenset({"->", "||", "&&", "!"})


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
    text, inner = render(first, replace), max(_PRECEDENCE.values())
    for link in links:
        outer = _PRECEDENCE[link.operator]
        if inner < outer or (inner == outer and link.operator == "->"):
            text = f"({text})"
        text = f"{text} {link.operator} {_render_right(link, replace)}"
        inner = outer
    return text


def _render_right(link: Binary, replace: Callable[[Node], str | None]) -> str:
    text = render(link.right, replace)
    if not isinstance(link.right, Binary):
        return text
    bound = _PRECEDENCE[link.right.operator] - _PRECEDENCE[link.operator]
    return text if bound > 0 or (bound == 0 and link.operator == "->") else f"({text})"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key_name(part: str | Star) -> str:
    if isinstance(part, Star):
        return part.value
    return f".{part}" if part.isidentifier() else f"[{_quote(part)}]"


class _Kind(Enum):
    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    OPERATOR = "operator"
    END = "end"


class _Token(NamedTuple):
    kind: _Kind
    text: str
    column: int


_TOKEN: Final = re.compile(
    r"""(?P<number>[0-9]+(?:\.[0-9]+)?)
      | (?P<text>"(?:[^"\\]|\\["\\])*")
      | (?P<operator>->|==|!=|<=|>=|&&|\|\||[-+*/<>!().,\[\]$])
      | (?P<name>(?:[A-Za-z_]|[^\x00-\x7f\s])(?:[A-Za-z0-9_]|[^\x00-\x7f\s])*)""",
    re.VERBOSE,
)
_SPACE: Final = re.compile(r"\s*")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while (at := _end_of_space(text, at)) < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse_character(text[at], at + 1)
        kind = _Kind(match.lastgroup)
        if kind is _Kind.NAME:
            _require_identifier(match[0], at + 1)
        yield _Token(kind, match[0], at + 1)
        at = match.end()
    yield _Token(_Kind.END, "", len(text) + 1)


def _end_of_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _refuse_character(character: str, column: int) -> NoReturn:
    if character == '"':
        raise CheckSyntaxError('expected a closing ", with only \\" and \\\\ escaped before it', column)
    plain = normalize("NFKC", character)
    hint = f", write {plain!r}" if plain != character and _TOKEN.fullmatch(plain) else ""
    raise CheckSyntaxError(f"unexpected character {character!r}{hint}", column)


def _require_identifier(name: str, column: int) -> None:
    if not name.isidentifier():
        # Character by character: testing ever longer prefixes would take quadratic time.
        bad = next(index for index, character in enumerate(name) if not ("_" * (index > 0) + character).isidentifier())
        _refuse_character(name[bad], column + bad)


class _Sort(Enum):
    """What a node stands for; a CELL is a number or a text, known only from the record. The value names it in messages."""

    NUMBER = "a number"
    TEXT = "a text"
    CELL = "a cell"
    LIST = "a list; [*] may only stand directly inside sum, count, min or max"
    CONDITION = "a condition"


_NUMERIC: Final = frozenset({_Sort.NUMBER, _Sort.CELL})
_SCALAR: Final = _NUMERIC | {_Sort.TEXT}
_MEMBERS: Final = _NUMERIC | {_Sort.LIST}
_CONDITION: Final = frozenset({_Sort.CONDITION})


def _sort(node: Node) -> _Sort:
    if isinstance(node, Path):
        return _Sort.LIST if STAR in node.parts else _Sort.CELL
    if isinstance(node, Text):
        return _Sort.TEXT
    if isinstance(node, Call):
        return {"band": _Sort.TEXT, "present": _Sort.CONDITION}.get(node.name, _Sort.NUMBER)
    if isinstance(node, Unary | Binary) and (node.operator in _LOGICAL or node.operator in COMPARISONS):
        return _Sort.CONDITION
    return _Sort.NUMBER


def _require(node: Node, sorts: frozenset[_Sort], expected: str, column: int) -> None:
    found = _sort(node)
    if found not in sorts:
        raise CheckSyntaxError(f"expected {expected}, found {found.value}", column)


def _require_operands(node: Binary, column: int) -> None:
    sides, where = (node.left, node.right), f"on both sides of {node.operator!r}"
    if node.operator in COMPARISONS:
        for side in sides:
            _require(side, _SCALAR, f"a number or a text {where}", column)
        if {_sort(side) for side in sides} == {_Sort.NUMBER, _Sort.TEXT}:
            raise CheckSyntaxError(f"expected two numbers or two texts {where}, found a number and a text", column)
        return
    sorts, expected = (_CONDITION, "a condition") if node.operator in _LOGICAL else (_NUMERIC, "a number")
    for side in sides:
        _require(side, sorts, f"{expected} {where}", column)


def _require_arguments(call: Call, column: int) -> None:
    if call.name in ("count", "present"):
        _require_paths(call, column)
    elif call.name == "band":
        _require_bands(call, column)
    elif call.name in FOLDS:
        for argument in call.arguments:
            _require(argument, _MEMBERS, f"a number in {call.name}", column)
    else:
        _require(call.arguments[0], _NUMERIC, f"a number in {call.name}", column)
        _require_decimals(call, column)


def _require_paths(call: Call, column: int) -> None:
    if not all(isinstance(argument, Path) for argument in call.arguments):
        raise CheckSyntaxError(f"expected a path in {call.name}", column)
    if call.name == "present":
        if len(call.arguments) != 1:
            raise CheckSyntaxError(f"expected one path in present, found {len(call.arguments)}", column)
        _require(call.arguments[0], frozenset({_Sort.CELL}), "a path to one cell in present", column)


def _require_bands(call: Call, column: int) -> None:
    *bands, last = call.arguments
    texts = [*bands[2::2], last]
    if len(call.arguments) % 2 or len(bands) < 3 or not all(isinstance(text, Text) for text in texts):
        raise CheckSyntaxError('expected band(number, limit, "text", ..., "text for the rest")', column)
    for number in (bands[0], *bands[1::2]):
        _require(number, _NUMERIC, "a number before each text in band", column)


def _require_decimals(call: Call, column: int) -> None:
    allowed = 1 if call.name == "abs" else 2
    if len(call.arguments) > allowed:
        raise CheckSyntaxError(f"expected at most {allowed} argument{'s' * (allowed > 1)} in {call.name}", column)
    for digits in call.arguments[1:]:
        if not isinstance(digits, Number) or digits.value.denominator != 1 or digits.value > MAX_DECIMALS:
            raise CheckSyntaxError(f"expected a whole number of decimals from 0 to {MAX_DECIMALS} in {call.name}", column)


class _Parser:
    """Precedence climbing (Richards 1979): a few frames of the stack for each level of nesting, none for a chain."""

    __slots__ = ("_nesting", "_nodes", "_token", "_tokens")

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._token = next(self._tokens)
        self._nesting = self._nodes = 0

    def parse(self) -> Node:
        root = self._expression(0)
        if self._token.kind is not _Kind.END:
            self._refuse("an operator or the end")
        _require(root, _CONDITION, "a condition, such as a comparison", 1)
        return root

    def _refuse(self, expected: str) -> NoReturn:
        found = f"'{self._token.text}'" if self._token.text else "the end"
        raise CheckSyntaxError(f"expected {expected}, found {found}", self._token.column)

    def _advance(self) -> _Token:
        token = self._token
        self._token = next(self._tokens, token)
        return token

    def _accept(self, operator: str) -> bool:
        if self._token.kind is _Kind.OPERATOR and self._token.text == operator:
            self._advance()
            return True
        return False

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            self._refuse(f"'{operator}'")

    def _node(self, node: Node, column: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise CheckSyntaxError(f"expected at most {MAX_NODES} operands, operators and functions in a check", column)
        return node

    def _nested(self, rule: Callable[[], Node], column: int) -> Node:
        if self._nesting == MAX_NESTING:
            raise CheckSyntaxError(f"expected at most {MAX_NESTING} levels of nesting", column)
        self._nesting += 1
        node = rule()
        self._nesting -= 1
        return node

    def _expression(self, floor: int = 0) -> Node:
        left = self._operand()
        while self._token.kind is _Kind.OPERATOR and (level := _PRECEDENCE.get(self._token.text, -1)) >= floor:
            operator, column = self._token.text, self._token.column
            self._advance()
            right = self._implied(column) if operator == "->" else self._expression(level + 1)
            node = Binary(operator, left, right)
            _require_operands(node, column)
            left = self._node(node, column)
        return left

    def _implied(self, column: int) -> Node:
        return self._nested(lambda: self._expression(_PRECEDENCE["->"]), column)

    def _operand(self) -> Node:
        token = self._token
        if token.kind is _Kind.NUMBER:
            return self._number()
        if token.kind is _Kind.TEXT:
            return self._node(Text(_unquote(self._advance().text)), token.column)
        if token.kind is _Kind.NAME or (token.kind is _Kind.OPERATOR and token.text in "$["):
            return self._path_or_call()
        if self._accept("("):
            node = self._nested(self._expression, token.column)
            self._expect(")")
            return node
        if token.text not in ("-", "!"):
            self._refuse("a number, a text, a path, a function or '('")
        return self._unary()

    def _number(self) -> Node:
        token = self._advance()
        if sum(map(str.isdigit, token.text)) > MAX_DIGITS:
            raise CheckSyntaxError(f"expected at most {MAX_DIGITS} digits in a number", token.column)
        return self._node(Number(Fraction(token.text), token.text), token.column)

    def _unary(self) -> Node:
        token = self._advance()
        operand = self._nested(self._operand, token.column)
        sorts, expected = (_NUMERIC, "a number") if token.text == "-" else (_CONDITION, "a condition")
        _require(operand, sorts, f"{expected} after '{token.text}'", token.column)
        return self._node(Unary(token.text, operand), token.column)

    def _path_or_call(self) -> Node:
        first = self._token
        if first.kind is not _Kind.NAME:
            return self._path(first, [], absolute=self._accept("$"))
        self._advance()
        if not self._accept("("):
            return self._path(first, [first.text], absolute=False)
        if first.text not in FUNCTIONS:
            raise CheckSyntaxError(f"expected one of {', '.join(FUNCTIONS)} before '(', found '{first.text}'", first.column)
        arguments = self._arguments(first.column)
        call = Call(first.text, arguments)
        _require_arguments(call, first.column)
        return self._node(call, first.column)

    def _arguments(self, column: int) -> tuple[Node, ...]:
        arguments = [self._nested(self._expression, column)]
        while self._accept(","):
            arguments.append(self._nested(self._expression, column))
        self._expect(")")
        return tuple(arguments)

    def _path(self, first: _Token, parts: list[str | Star], *, absolute: bool) -> Node:
        while True:
            if self._accept("."):
                parts.append(self._name())
            elif self._accept("["):
                parts.append(self._key())
            else:
                break
            if len(parts) > MAX_NESTING:
                raise CheckSyntaxError(f"expected at most {MAX_NESTING} keys in a path", first.column)
        if not parts:
            self._refuse("'.' or '[' after '$'")
        return self._node(Path(tuple(parts), absolute), first.column)

    def _name(self) -> str:
        if self._token.kind is not _Kind.NAME:
            self._refuse("a name after '.'")
        return self._advance().text

    def _key(self) -> str | Star:
        token = self._token
        if token.kind is not _Kind.TEXT and token.text != "*":
            self._refuse("'*' or a key in double quotes")
        self._advance()
        self._expect("]")
        return _unquote(token.text) if token.kind is _Kind.TEXT else STAR


def _unquote(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def parse(text: str) -> Check:
    """The check that `text` declares; raises CheckSyntaxError, in words and with the column, for every other text."""
    if len(text) > MAX_LENGTH:
        raise CheckSyntaxError(f"expected at most {MAX_LENGTH} characters, found {len(text)}", MAX_LENGTH + 1)
    return Check(text, _Parser(text).parse())
