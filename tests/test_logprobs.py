"""How likely a value is: the tokens of a reply, cut anywhere, laid beside its text."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structurer.asking.jsontext import Parsed, parsed
from structurer.asking.logprobs import LeafLogprob, of_leaves
from structurer.record import pointer

QUICK = settings(max_examples=150, deadline=None, derandomize=True)
CHARACTERS = st.text(st.sampled_from("ab12.,:{}[]\"'\\/~ \n项目é😀\x00"), max_size=6)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | CHARACTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CHARACTERS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(CHARACTERS, TREES, min_size=1, max_size=3)


@dataclass(frozen=True, slots=True)
class Piece:
    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Bytes:
    token: str
    logprob: float
    bytes: Any


def characters(text: str) -> list[Piece]:
    """A token for each character; the one at place n has logprob -n."""
    return [Piece(character, -float(place)) for place, character in enumerate(text)]


def cut(text: str, rng: random.Random) -> list[Bytes]:
    """The bytes of the text cut at random places, now and then into nothing, with random log probabilities, as endpoints send them."""
    octets = text.encode()
    places = sorted(rng.choices(range(len(octets) + 1), k=rng.randrange(len(octets) + 2)))
    pieces = [octets[start:end] for start, end in zip([0, *places], [*places, len(octets)], strict=True)]
    return [Bytes(piece.decode(errors="replace"), -rng.expovariate(1), list(piece)) for piece in pieces]


# -- an independent account ---------------------------------------------------------------------------------------------


def written(tree: Any, place: str = "") -> Iterator[tuple[str, str | None]]:
    """The JSON text of a tree in pieces, each with the pointer of the value that it is, None for what stands around values."""
    if isinstance(tree, dict):
        yield "{", None
        for number, (key, value) in enumerate(tree.items()):
            yield ("," if number else "") + json.dumps(key, ensure_ascii=False) + ": ", None
            yield from written(value, place + pointer(key))
        yield "}", None
    elif isinstance(tree, list):
        yield "[", None
        for number, value in enumerate(tree):
            yield from ((", ", None),) if number else ()
            yield from written(value, f"{place}/{number}")
        yield "]", None
    elif isinstance(tree, str) and tree:
        yield from (('"', None), (json.dumps(tree, ensure_ascii=False)[1:-1], place), ('"', None))
    else:
        yield json.dumps(tree), place


def counted(pieces: list[tuple[str, str | None]], tokens: list[Bytes]) -> dict[str, tuple[float, float, int]]:
    """For each value: lowest, sum and number of the tokens that have a byte of it, byte by byte."""
    owner = [place for text, place in pieces for _ in text.encode()]
    parts: dict[str, set[int]] = {}
    at = 0
    for number, token in enumerate(tokens):
        for place in owner[at : at + len(token.bytes)]:
            if place is not None:
                parts.setdefault(place, set()).add(number)
        at += len(token.bytes)
    return {
        place: (min(tokens[n].logprob for n in mine), sum(tokens[n].logprob for n in sorted(mine)), len(mine))
        for place, mine in parts.items()
    }


def swallowed(tokens: list[Bytes]) -> list[Bytes]:
    """Without tokens that have no bytes: what they go with is told by an example."""
    return [token for token in tokens if token.bytes]


@QUICK
@given(OBJECTS, st.integers(0, 2**32))
def test_the_tokens_of_a_value_are_those_that_have_a_byte_of_it(tree: dict[str, Any], seed: int) -> None:
    pieces = list(written(tree))
    text = "".join(piece for piece, _ in pieces)
    assert json.loads(text, strict=False) == tree
    tokens = swallowed(cut(text, random.Random(seed)))
    found = of_leaves(text, tokens)
    assert found is not None
    assert {place: (leaf.lowest, leaf.total, leaf.tokens) for place, leaf in found.items()} == counted(pieces, tokens)


@QUICK
@given(OBJECTS, st.integers(0, 2**32))
def test_empty_tokens_move_no_other_token(tree: dict[str, Any], seed: int) -> None:
    text = json.dumps(tree, ensure_ascii=False)
    tokens = cut(text, random.Random(seed))
    full, bare = of_leaves(text, tokens), of_leaves(text, swallowed(tokens))
    assert full is not None
    assert bare is not None
    assert full.keys() == bare.keys()
    assert all(full[place].tokens >= leaf.tokens and full[place].lowest <= leaf.lowest for place, leaf in bare.items())


@QUICK
@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_every_value_of_the_tree_has_its_stretch(tree: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    text = f"Here: {json.dumps(tree, ensure_ascii=ascii_only, indent=indent)}."
    read = parsed(text, list(tree))
    assert isinstance(read, Parsed)
    found = of_leaves(text, characters(text), read.start)
    assert found is not None
    assert list(found) == [place for _, place in written(read.tree) if place is not None]


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_quotes_and_neighbours_do_not_count() -> None:
    text = '{"a": "12", "b": null}'
    found = of_leaves(text, characters(text))
    assert found == {"/a": LeafLogprob(-8.0, -15.0, 2), "/b": LeafLogprob(-20.0, -74.0, 4)}


def test_a_token_that_reaches_over_several_values_counts_for_each() -> None:
    tokens = [Piece('{"a": "1', -1.0), Piece('2", "b": "3', -2.0), Piece('"}', -4.0)]
    assert of_leaves('{"a": "12", "b": "3"}', tokens) == {"/a": LeafLogprob(-2.0, -3.0, 2), "/b": LeafLogprob(-2.0, -2.0, 1)}


def test_of_an_empty_text_the_quotes_are_the_value() -> None:
    text = '{"a": ""}'
    assert of_leaves(text, characters(text)) == {"/a": LeafLogprob(-7.0, -13.0, 2)}


def test_pointers_are_escaped_and_count_rows() -> None:
    text = '{"a/b~": [{"\\u9879": "x"}, [], ["y", null]], "": {"c": "z"}}'
    assert list(of_leaves(text, characters(text)) or ()) == ["/a~1b~0/0/项", "/a~1b~0/2/0", "/a~1b~0/2/1", "//c"]


def test_a_mended_reply_is_weighed_where_it_stands() -> None:
    text = "Sure: {a: 'it\\'s', /* c */ \"b\": [None,],}"
    assert of_leaves(text, characters(text), 6) == {"/a": LeafLogprob(-15.0, -65.0, 5), "/b/0": LeafLogprob(-36.0, -138.0, 4)}


def test_a_character_in_two_tokens_is_put_together_from_their_bytes() -> None:
    text = '{"a": "项"}'
    tokens = [Bytes('{"a": "', -1.0, None), Bytes("\\xe9", -2.0, [0xE9]), Bytes("\\xa1\\xb9", -4.0, b"\xa1\xb9"), Bytes('"}', -8.0, ())]
    assert of_leaves(text, tokens) == {"/a": LeafLogprob(-4.0, -6.0, 2)}


def test_a_token_without_text_goes_with_the_next() -> None:
    tokens = [Piece('{"a": "', -1.0), Piece("", -2.0), Piece("", -3.0), Piece("项", -4.0), Piece('"}', -8.0), Piece("", -16.0)]
    assert of_leaves('{"a": "项"}', tokens) == {"/a": LeafLogprob(-4.0, -9.0, 3)}


def test_reasoning_and_an_end_token_that_the_endpoint_took_off_the_text_are_passed_over() -> None:
    tokens = [Piece("<think>1</think>\n", -1.0), Piece('{"a": "', -2.0), Piece("1", -3.0), Piece('"}', -4.0), Piece("<|im_end|>", -5.0)]
    assert of_leaves('{"a": "1"}', tokens) == {"/a": LeafLogprob(-3.0, -3.0, 1)}


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [Piece('{"a": "1"', -1.0)],
        [Piece('{"a": "2"}', -1.0)],
        [Piece('{"a": "', -1.0), Piece("\ufffd", -1.0), Piece('"}', -1.0)],
        [Piece('{"a": "1"}', -1.0), Piece('{"a": "1"}', -1.0)],
        [Bytes('{"a": "1"', -1.0, None), Bytes("?", -1.0, [300])],
        [Bytes('{"a": "1"', -1.0, None), Bytes("?", -1.0, ["}"])],
        [Bytes('{"a": "1"', -1.0, None), Bytes("?", -1.0, 10**12)],
    ],
    ids=["none", "less", "other", "half a character", "twice", "no bytes", "no numbers", "no list"],
)
def test_tokens_that_do_not_make_up_the_text_say_nothing(tokens: list[Any]) -> None:
    assert of_leaves('{"a": "1"}', tokens) is None


@pytest.mark.parametrize("logprob", [math.nan, math.inf, 0.5])
def test_a_number_that_is_no_log_probability_says_nothing(logprob: float) -> None:
    assert of_leaves('{"a": "1"}', [Piece('{"a": "', 0.0), Piece('1"}', logprob)]) is None


@pytest.mark.parametrize("text", ["", "x", '"x"', '{"a": "1', '{"a": "1"]', '{"\\q": "1"}', "{" * 100_000, '{"a":' * 1000])
def test_text_that_is_no_whole_object_says_nothing(text: str) -> None:
    assert of_leaves(text, characters(text)) is None


def test_a_hostile_number_only_makes_a_value_unlikely() -> None:
    found = of_leaves('{"a": "12"}', [Piece('{"a": "1', -1e308), Piece('2"}', -1e308)])
    assert found == {"/a": LeafLogprob(-1e308, -math.inf, 2)}


def test_half_a_character_in_the_text_is_no_obstacle() -> None:
    text = '{"a": "\ud800"}'
    assert of_leaves(text, characters(text)) == {"/a": LeafLogprob(-7.0, -7.0, 1)}
