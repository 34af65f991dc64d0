"""The language of checks: tokens and the parser. Its one tree serves evaluation, explanation, name checks and propagation.

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
from enum import Enum
from fractions import Fraction
from typing import Final, NamedTuple, NoReturn
from unicodedata import normalize

from structurer.arithmetic.operands import CONDITION, NUMERIC, require, require_arguments, require_operands
from structurer.arithmetic.syntax import (
    FUNCTIONS,
    PRECEDENCE,
    STAR,
    Binary,
    Call,
    Check,
    CheckSyntaxError,
    Node,
    Number,
    Path,
    Star,
    Text,
    Unary,
)

MAX_LENGTH: Final = 2_000  # characters
MAX_NESTING: Final = 32  # brackets, calls, unary operators and implications open at once; also keys of a path
MAX_NODES: Final = 400
MAX_DIGITS: Final = 40  # of a number literal


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
        require(root, CONDITION, "a condition, such as a comparison", 1)
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
        while self._token.kind is _Kind.OPERATOR and (level := PRECEDENCE.get(self._token.text, -1)) >= floor:
            operator, column = self._token.text, self._token.column
            self._advance()
            right = self._implied(column) if operator == "->" else self._expression(level + 1)
            node = Binary(operator, left, right)
            require_operands(node, column)
            left = self._node(node, column)
        return left

    def _implied(self, column: int) -> Node:
        return self._nested(lambda: self._expression(PRECEDENCE["->"]), column)

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
        sorts, expected = (NUMERIC, "a number") if token.text == "-" else (CONDITION, "a condition")
        require(operand, sorts, f"{expected} after '{token.text}'", token.column)
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
        require_arguments(call, first.column)
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
