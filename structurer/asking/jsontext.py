"""The JSON object in the text of a model's reply: found amid prose, fences and reasoning, mended where only its notation is off.

A lexer that knows strings finds what is whole. What is whole and yet no JSON (trailing commas, single quotes, bare keys, Python's literals,
comments) is rebuilt by the library json-repair, which is shown a number in place of every string: it sees no text, so it can change none.
Its tree is then compared with the tokens, one by one. What was cut off is never completed; where objects differ, none is chosen.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final, NamedTuple

MAX_DEPTH: Final = 100  # brackets inside each other, in JSON that has something around it or needs mending
MAX_STEPS: Final = 200_000  # tokens of such a reply
PIECE_STEPS: Final = 20  # what a piece of JSON or of prose in brackets costs besides its tokens
MAX_WORD: Final = 500  # characters of a key or number without quotes
MAX_COMMENT: Final = 300  # characters of a comment

# A comment with a quote in it is none here: it may be the rest of a value that lost its first quote.
_BLANK: Final = rf"(?:\s++|(?://|\#)[^\n\r\"]{{0,{MAX_COMMENT}}}+(?![^\n\r])|/\*(?:[^*\"]|\*(?!/)){{0,{MAX_COMMENT}}}+\*/)*+"
_TEXT: Final = r"\"(?:[^\"\\]++|\\.)*+"
_VALUE: Final = rf"(?P<string>{_TEXT}\"|'(?:[^'\\]++|\\.)*+')|(?P<word>[\w$.+-]{{1,{MAX_WORD}}}+)"
_CLOSED: Final = r"(?P<closed>(?i:</(?:seed:)?(?:think|thinking|thought|reasoning|reflection|analysis)>)|\[/THINK\]|◁/think▷)"
_OPENED: Final = _CLOSED.replace("closed", "opened").replace("/", "")
_BLANKS: Final = re.compile(_BLANK, re.DOTALL)
_TOKEN: Final = re.compile(rf"{_BLANK}(?:{_VALUE}|(?P<sign>[{{}}\[\]:,]))", re.DOTALL)
_THOUGHT_END: Final = re.compile(_CLOSED)
_MARK: Final = re.compile(rf"{_CLOSED}|{_OPENED}|[{{}}\[]")
_SKIPPED: Final = re.compile(rf"{_CLOSED}|[{{}}]|(?:{_TEXT}(?:\"|\\?\Z)[^\"{{}}<\[◁]*+)++", re.DOTALL)
_TELLING: Final = re.compile("[\"':=：“”]")  # what brackets around more than prose hold
_BARE_KEY: Final = re.compile(r"[^\W\d][\w$-]*")
_BARE_VALUE: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|null|true|false|None|True|False|NaN|-?Infinity")
_PYTHON: Final = {"None": "null", "True": "true", "False": "false"}
_ESCAPES: Final = {'"': re.compile(r"\\.", re.DOTALL), "'": re.compile(r"\\x[0-9a-fA-F]{2}|\\.|\"", re.DOTALL)}

# Inside which bracket, after what -> what may come: k a key, v a value in quotes or bare, c a closed bracket. More than JSON allows are a
# comma before a closing bracket, and none before what only the next member can be: a key in quotes, or a bracket behind a closed one.
_MAY_FOLLOW: Final = {
    "": "{[",
    "{{": "k}", "{k": ":", "{:": "v{[", "{v": ",}k", "{c": ",}k", "{,": "k}",
    "[[": "v{[]", "[v": ",]", "[c": ",]{[", "[,": "v{[]",
}  # fmt: skip


class DuplicateKeyError(ValueError):
    """A JSON object names a key twice, so that one of two values would be lost."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


class Kind(StrEnum):
    """Why there is no object to be had from a reply."""

    BROKEN = "broken"
    DUPLICATE_KEY = "duplicate key"
    AMBIGUOUS = "ambiguous"
    TOO_DEEP = "too deep"


@dataclass(frozen=True, slots=True)
class Broken:
    """A reply from which no object can be taken: the kind of fault, and a line on what and where."""

    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """The JSON in a reply: its tree, whether its notation had to be mended, and at which character of the text it starts."""

    tree: Any
    repaired: bool
    start: int


class Token(NamedTuple):
    """A token of JSON text: `sign` is the character itself for brackets, colon and comma, "k" for a key and "v" for a value, each in quotes
    or bare; `start` and `end` are characters of the text, quotes included."""

    sign: str
    start: int
    end: int


def parsed(text: str, keys: Collection[str]) -> Parsed | Broken:
    """The object with these keys in a reply's text. A reply that is nothing but JSON, fenced or not, is taken whatever it holds.

    Time and memory are linear in the text, whatever it is.
    """
    start, end = _unfenced(text)
    whole = _made(lambda: _loaded(text[start:end]), repaired=False, start=_past_space(text, start))
    if isinstance(whole, Parsed) or whole.kind is not Kind.BROKEN:
        return whole
    return _chosen(_without_thoughts(text), frozenset(keys)) or whole


def lexed(text: str, start: int) -> tuple[Token, ...] | None:
    """The tokens of the JSON object or list that starts at a character of the text; None where none does, or none that is whole."""
    found = _lexed(text, start, iter(range(MAX_STEPS)))
    return None if found.nest or found.fault or not found.tokens else tuple(found.tokens)


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads(object_pairs_hook=...)`: raises DuplicateKeyError instead of keeping the last of two values."""
    tree = dict(pairs)
    if len(tree) < len(pairs):
        raise DuplicateKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return tree


def string(literal: str) -> str:
    """The text that a string literal in double or single quotes stands for. Raises ValueError for an escape that is none."""
    return str(json.loads(f'"{_ESCAPES[literal[0]].sub(_escape, literal[1:-1])}"', strict=False))


# -- a reply that is nothing but JSON ----------------------------------------------------------------------------------


def _unfenced(text: str) -> tuple[int, int]:
    """Where the text without a markdown fence around the whole of it starts and ends."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if text.startswith("\ufeff", start):
        start = len(text) - len(text[start + 1 :].lstrip())
    if end - start < 6 or not (text.startswith("```", start) and text.endswith("```", start, end)):
        return start, max(start, end)
    start, end = start + 3, end - 3
    newline = text.find("\n", start, end)
    if newline >= 0 and text[start:newline].strip().lower() in ("", "json"):
        return newline + 1, end
    return start + 4 * text.startswith("json", start, end), end


def _past_space(text: str, start: int) -> int:
    return len(text) - len(text[start:].lstrip(" \t\n\r"))


def _loaded(text: str) -> Any:
    return json.loads(text, strict=False, object_pairs_hook=unique_keys)


def _made(make: Callable[[], Any], *, repaired: bool, start: int) -> Parsed | Broken:
    try:
        return Parsed(make(), repaired, start)
    except DuplicateKeyError as error:
        return Broken(Kind.DUPLICATE_KEY, f"{error.key!r} stands twice in one object")
    except RecursionError:
        return Broken(Kind.TOO_DEEP, "nested too deeply")
    except ValueError as error:  # besides syntax: a number of more digits than Python reads
        return Broken(Kind.BROKEN, str(error))


# -- which object ------------------------------------------------------------------------------------------------------


def _without_thoughts(text: str) -> list[Parsed | Broken]:
    """The pieces of JSON in a reply, and what is broken in it, without those of its reasoning."""
    pieces: list[Parsed | Broken] = []
    for piece in _pieces(text, iter(range(MAX_STEPS))):
        if piece is None:
            pieces.clear()
        else:
            pieces.append(piece)
    return pieces


def _chosen(pieces: Sequence[Parsed | Broken], keys: frozenset[str]) -> Parsed | Broken | None:
    """The only object that can be meant, or why there is none; None where nothing speaks of one."""
    whole = [piece for piece in pieces if isinstance(piece, Parsed)]
    if len(whole) < len(pieces):
        return next(piece for piece in pieces if isinstance(piece, Broken))
    said = [piece for piece in whole if _names(piece.tree, keys)]
    if any(not isinstance(piece.tree, dict) or keys.isdisjoint(piece.tree) for piece in said):
        return Broken(Kind.BROKEN, "the object stands inside another one or a list")
    if not said:
        return Broken(Kind.BROKEN, "JSON with none of the keys asked for") if whole else None
    return _agreed(_without_echoes(said), whole)


def _names(tree: Any, keys: frozenset[str]) -> bool:
    return any(isinstance(node, dict) and not keys.isdisjoint(node) for node in _nodes(tree))


def _nodes(tree: Any) -> Iterator[Any]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, dict | list):
            waiting += node.values() if isinstance(node, dict) else node


def _without_echoes(said: Sequence[Parsed]) -> Sequence[Parsed]:
    """Without the empty objects before the first filled one: they repeat the shape that the model was shown."""
    return said[next((number for number, piece in enumerate(said) if not _empty(piece.tree)), 0) :]


def _empty(tree: Any) -> bool:
    return all(isinstance(node, dict | list) or node is None or (isinstance(node, str) and not node.strip()) for node in _nodes(tree))


def _agreed(said: Sequence[Parsed], whole: Sequence[Parsed]) -> Parsed | Broken:
    """The fullest object, if every other one is a part of it. An empty one is believed only where no JSON at all is filled."""
    best = max(said, key=lambda piece: len(piece.tree))
    prints = _prints(best.tree)
    alike = all(_prints(piece.tree).items() <= prints.items() for piece in said)
    if not alike or (_empty(best.tree) and not all(_empty(piece.tree) for piece in whole)):
        return Broken(Kind.AMBIGUOUS, f"{len(whole)} pieces of JSON that differ")
    return best


def _prints(tree: Mapping[str, Any]) -> dict[str, str]:
    """Each member as JSON text, which tells 1, 1.0 and true apart."""
    return {key: json.dumps(value, sort_keys=True) for key, value in tree.items()}


# -- where JSON stands -------------------------------------------------------------------------------------------------


class _Lexed(NamedTuple):
    """The tokens from a bracket on, the character where they end, and the brackets still open there: none where the JSON is whole; where
    there is no fault either, what follows is no JSON."""

    tokens: list[Token]
    end: int
    nest: str
    fault: Broken | None = None


def _pieces(text: str, steps: Iterator[int]) -> Iterator[Parsed | Broken | None]:
    """What stands in brackets that stand in no others, in order, prose left out; None where reasoning ends that all before was part of."""
    at = 0
    while mark := _MARK.search(text, at):
        if next(islice(steps, PIECE_STEPS - 1, None), None) is None:
            yield _too_long()
            return
        if mark["closed"]:
            yield None
            at = mark.end()
        elif mark["opened"]:
            end = _THOUGHT_END.search(text, mark.end())
            at = end.end() if end else len(text)
            yield from () if end else (_cut(mark.start()),)
        else:
            piece, at = _bracketed(text, mark.start(), steps)
            yield from (piece,) if piece else ()


def _bracketed(text: str, start: int, steps: Iterator[int]) -> tuple[Parsed | Broken | None, int]:
    """What starts with the bracket at a character, and where it ends; None for prose in brackets."""
    if text[start] == "}":
        return Broken(Kind.BROKEN, f"a bracket closes at character {start} that was never opened"), start + 1
    found = _lexed(text, start, steps)
    end = None if found.fault else _past_braces(text, found, steps)
    if end is None:
        return found.fault or _cut(start), len(text)
    if not _TELLING.search(text, start, end):
        return None, end
    return _no_json(text, found.end) if found.nest else _read(text, found.tokens), end


def _past_braces(text: str, found: _Lexed, steps: Iterator[int]) -> int | None:
    """Where the braces close that are still open, or the reasoning ends that they are part of; None for nowhere."""
    depth = found.nest.count("{")
    if not depth:
        return found.end
    for mark, _ in zip(_SKIPPED.finditer(text, found.end), steps, strict=False):
        if mark["closed"]:
            return mark.start()
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return None


def _lexed(text: str, start: int, steps: Iterator[int]) -> _Lexed:
    tokens: list[Token] = []
    nest, after, end = "", "", start
    for _ in steps:
        found = _TOKEN.match(text, end)
        allowed = _MAY_FOLLOW[nest[-1:] + after]
        sign = _sign(found, allowed) if found else ""
        if not found or sign not in allowed:
            return _stopped(text, start, _Lexed(tokens, end, nest), torn=not found and ("k" in allowed or "v" in allowed))
        end = found.end()
        tokens.append(Token(sign, found.start(found.lastgroup or 0), end))
        nest = nest + sign if sign in "{[" else nest[:-1] if sign in "}]" else nest
        after = "c" if sign in "}]" else sign
        if not nest or len(nest) > MAX_DEPTH:
            return _Lexed(tokens, end, nest, Broken(Kind.TOO_DEEP, "nested too deeply") if nest else None)
    return _Lexed(tokens, end, nest, _too_long())


def _sign(found: re.Match[str], allowed: str) -> str:
    """What a token is where a key or a value may stand; "?" for a bare word that is neither there."""
    word, expected = found["word"], "k" if "k" in allowed else "v"
    if not word:
        return found["sign"] or expected
    known = allowed != ",}k" and (_BARE_KEY if expected == "k" else _BARE_VALUE).fullmatch(word)
    return expected if known else "?"


def _stopped(text: str, start: int, found: _Lexed, *, torn: bool) -> _Lexed:
    """Cut off where the text ends, or in a string where one may stand."""
    blanks = _BLANKS.match(text, found.end)
    end = blanks.end() if blanks else found.end
    cut = end == len(text) or (torn and text[end] in "\"'")
    return found._replace(end=end, fault=_cut(start) if cut else None)


def _no_json(text: str, at: int) -> Broken:
    return Broken(Kind.BROKEN, f"no JSON at character {at}: {text[at : at + 20]!r}")


def _cut(start: int) -> Broken:
    return Broken(Kind.BROKEN, f"cut off: what opens at character {start} is never closed")


def _too_long() -> Broken:
    return Broken(Kind.BROKEN, f"no JSON as it stands, and with more than {MAX_STEPS} tokens too long to look for some")


# -- mending -----------------------------------------------------------------------------------------------------------


def _read(text: str, tokens: Sequence[Token]) -> Parsed | Broken:
    start, end = tokens[0].start, tokens[-1].end
    strict = _made(lambda: _loaded(text[start:end]), repaired=False, start=start)
    if isinstance(strict, Parsed) or strict.kind is not Kind.BROKEN:
        return strict
    return _made(lambda: _mended(text, tokens), repaired=True, start=start)


def _mended(text: str, tokens: Sequence[Token]) -> Any:
    """The tree that json-repair makes of the tokens, each string masked by the place where it starts, and the strings put back.

    Raises ValueError when the tree is not token for token what the text says, DuplicateKeyError.
    """
    from json_repair import loads

    strings = {str(token.start): text[token.start : token.end] for token in tokens if text[token.start] in "\"'"}
    skeleton = loads("".join(_masked(text, token) for token in tokens))
    if list(_flat(skeleton)) != [_print(text, token) for token in tokens if token.sign != ","]:
        raise ValueError(f"what opens at character {tokens[0].start} cannot be mended without loss")
    return _unmasked(skeleton, {mask: _text(literal, mask) for mask, literal in strings.items()})


def _text(literal: str, mask: str) -> str:
    try:
        return string(literal)
    except ValueError:
        raise ValueError(f"the string at character {mask} has an escape that JSON does not know") from None


def _masked(text: str, token: Token) -> str:
    """A token as the library is shown it: a number for a string, and a blank behind a bare word, which it needs to know one."""
    literal = text[token.start : token.end]
    return f'"{token.start}"' if literal[0] in "\"'" else literal + " " * (token.sign in "kv")


def _print(text: str, token: Token) -> str:
    """What a token is in JSON, its string masked."""
    literal = text[token.start : token.end]
    if token.sign not in ("k", "v"):
        return literal
    if literal[0] in "\"'" or token.sign == "k":
        return json.dumps(str(token.start) if literal[0] in "\"'" else literal)
    return json.dumps(json.loads(_PYTHON.get(literal, literal)))


def _flat(node: Any) -> Iterator[str]:
    """The tree's tokens, but for the commas."""
    if isinstance(node, dict):
        yield "{"
        for key, value in node.items():
            yield from (json.dumps(key), ":", *_flat(value))
        yield "}"
    elif isinstance(node, list):
        yield "["
        for row in node:
            yield from _flat(row)
        yield "]"
    else:
        yield json.dumps(node)


def _unmasked(node: Any, strings: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return unique_keys([(strings.get(key, key), _unmasked(value, strings)) for key, value in node.items()])
    if isinstance(node, list):
        return [_unmasked(row, strings) for row in node]
    return strings[node] if isinstance(node, str) else node


def _escape(found: re.Match[str]) -> str:
    """What in JSON stands for an escape, or for a quote that needs one there; Python writes some characters with an x."""
    if found[0] in ('"', "\\'"):
        return '\\"' if found[0] == '"' else "'"
    return f"\\u00{found[0][2:]}" if len(found[0]) > 2 else found[0]
