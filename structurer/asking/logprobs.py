"""How likely a model found each value of its reply, from the log probabilities of the reply's tokens.

The tokens cut the text where they like, inside quotes, numbers and even characters. They are laid beside it byte for byte; where they do
not make up exactly this text, nothing is said.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

from structurer.asking.jsontext import Token, lexed, string
from structurer.record import pointer

ROUNDING: Final = 1e-3  # by how much a logarithm of a probability may lie above zero


class TokenLogprob(Protocol):
    """A token of a reply with the natural logarithm of its probability. One that is not made of whole characters has its bytes besides, as
    `bytes`: a sequence of numbers below 256, None or empty where it has none."""

    @property
    def token(self) -> str:
        """Its text."""
        ...

    @property
    def logprob(self) -> float:
        """At most 0."""
        ...


@dataclass(frozen=True, slots=True)
class LeafLogprob:
    """How likely a value is (natural logarithms): its least likely token, all of its tokens together, and how many they are."""

    lowest: float
    total: float
    tokens: int


class _Stretch(NamedTuple):
    """A value of a JSON text: its pointer, and the characters that it stands on."""

    place: str
    start: int
    end: int


def of_leaves(text: str, tokens: Sequence[TokenLogprob], start: int = 0) -> dict[str, LeafLogprob] | None:
    """By JSON pointer, the tokens that have a part in each value of the object or list that starts at a character of a reply's text.

    A value is what stands between its quotes, or the bare word, such as null; of an empty text, the quotes. None where the tokens do not
    make up the text in exactly one way, where a number is no logarithm of a probability, or where no whole JSON starts.
    """
    stretches, edges = _stretches(text, start), _edges(text, tokens)
    if stretches is None or edges is None or not all(token.logprob <= ROUNDING for token in tokens):
        return None
    starts, ends = edges
    leaves = {}
    for place, first, last in _in_bytes(text, stretches):
        shares = [token.logprob for token in tokens[bisect_right(ends, first) : bisect_left(starts, last)]]
        leaves[place] = LeafLogprob(min(shares), sum(shares), len(shares))
    return leaves


# -- where the values stand --------------------------------------------------------------------------------------------


def _stretches(text: str, start: int) -> list[_Stretch] | None:
    found = lexed(text, start)
    try:
        return None if found is None else list(_walked(text, found))
    except ValueError:  # a key with an escape that is none
        return None


def _walked(text: str, tokens: Iterable[Token]) -> Iterator[_Stretch]:
    """The values in their order. `way` holds the key or row at each depth; a row is counted where it begins."""
    way: list[str | int] = []
    places: list[str] = [""]  # the pointers of the brackets that are open, before them that of the whole
    for sign, start, end in tokens:
        if sign == "k":
            way[-1] = _key(text[start:end])
        elif sign in "}]":
            way.pop()
            places.pop()
        elif sign not in ":,":
            place = places[-1] + (_step(way) if way else "")
            if sign == "v":
                yield _Stretch(place, *_inside(text, start, end))
            else:
                way.append(-1)
                places.append(place)


def _step(way: list[str | int]) -> str:
    last = way[-1]
    if isinstance(last, int):
        way[-1] = last = last + 1
    return pointer(last)


def _key(literal: str) -> str:
    return string(literal) if literal[0] in "\"'" else literal


def _inside(text: str, start: int, end: int) -> tuple[int, int]:
    return (start + 1, end - 1) if text[start] in "\"'" and end - start > 2 else (start, end)


def _in_bytes(text: str, stretches: Iterable[_Stretch]) -> Iterator[_Stretch]:
    """The same, counted in bytes of UTF-8."""
    seen = offset = 0
    for place, start, end in stretches:
        first = offset + len(_encoded(text[seen:start]))
        offset = first + len(_encoded(text[start:end]))
        seen = end
        yield _Stretch(place, first, offset)


# -- where the tokens stand --------------------------------------------------------------------------------------------


def _edges(text: str, tokens: Sequence[TokenLogprob]) -> tuple[list[int], list[int]] | None:
    """At which bytes of the text each token starts and ends. The tokens may be more than the text: an endpoint may have taken reasoning or
    white space off it."""
    for pieces in (_texts(tokens), _bytes(tokens)):
        joined, wanted = b"".join(pieces), _encoded(text)
        offset = joined.find(wanted)
        if wanted and offset >= 0 and joined.find(wanted, offset + 1) < 0:
            ends = list(accumulate((len(piece) for piece in pieces), initial=-offset))
            return ends[:-1], _widened(ends)
    return None


def _widened(edges: list[int]) -> list[int]:
    """Where tokens end. One without text belongs to what follows: some endpoints give the text of a character to the last of its tokens."""
    ends = edges[1:]
    for number in range(len(ends) - 2, -1, -1):
        if ends[number] == edges[number]:
            ends[number] = ends[number + 1]
    return ends


def _texts(tokens: Sequence[TokenLogprob]) -> list[bytes]:
    return [_encoded(token.token) for token in tokens]


def _bytes(tokens: Sequence[TokenLogprob]) -> list[bytes]:
    """The bytes that the endpoint gives, else those of the text."""
    return [_octets(getattr(token, "bytes", None), token.token) for token in tokens]


def _octets(given: Any, text: str) -> bytes:
    try:
        return bytes(given) if given and isinstance(given, bytes | list | tuple) else _encoded(text)
    except (TypeError, ValueError):  # no numbers, or not below 256
        return _encoded(text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
