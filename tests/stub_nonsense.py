"""A constrained decoder without a model: random bytes under llguidance, so that the reply keeps to the JSON Schema and means nothing.

The plausible variant is as random, but takes its texts from the document: every value is printed somewhere, hardly any in its place.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stub_posted import Posted

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

LENGTH: Final = 600  # bytes after which the decoder closes what is open as soon as it may
LONGEST: Final = 20_000  # bytes after that; a grammar that has not ended by then is given up
END: Final = 256  # the token after the 256 bytes: the end of the reply
FREE: Final = 24  # tokens that are allowed inside a string, at least; outside there are fewer
CLOSING: Final = 0.1  # chance of the byte that closes a string
ENDING: Final = 0.2  # chance that a list ends, or has no entry, and that a value is null
WORDS: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789.,-"
_FIGURE: Final = re.compile(r"-?\d[\d.,]*%?")
_DATE: Final = re.compile(r"\d{4}[-./年]\d{1,2}(?:[-./月]\d{1,2})?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_KEY: Final = re.compile(rb'"((?:[^"\\]|\\.)*)":(?:\[?")?$')
_WORDY: Final = frozenset({"text", "choice", "code or document number", "unit of amounts"})


class NoEndError(ValueError):
    """The schema could not be compiled, or no reply to it came to an end."""


def nonsense(shape: Mapping[str, Any], seed: str, length: int = LENGTH) -> str:
    """A random reply that is valid under the schema, of about `length` bytes. Raises NoEndError where there is none."""
    return _decoded(_matcher(json.dumps(shape)).deep_copy(), random.Random(seed), length, lambda _: None)


def plausible(posted: Posted, seed: str, length: int = 40 * LENGTH) -> str:
    """A random reply that is valid under the request's schema and made of what its document prints. Raises NoEndError."""
    rng = random.Random(seed)
    kinds = {told.path[-1]: told.kind for told in posted.told}
    figures, dates = (list(dict.fromkeys(pattern.findall(posted.document))) for pattern in (_FIGURE, _DATE))
    lines = [line.split() for line in posted.document.splitlines() if line.split()] or [["-"]]

    def text(before: bytearray) -> bytes | None:
        if not before.endswith((b'"', b":", b"[", b",")):
            return None
        key = _KEY.search(before, max(len(before) - 200, 0))
        kind = kinds.get(json.loads(f'"{key[1].decode()}"'), "text") if key else "text"
        printed = _some_words(lines, rng) if kind in _WORDY else rng.choice((dates if kind == "date" else figures) or ["0"])
        if before.endswith(b'"'):
            return json.dumps(printed, ensure_ascii=False)[1:].encode()
        return printed.replace(",", "").encode() if kind not in _WORDY else None

    return _decoded(_matcher(json.dumps(posted.shape)).deep_copy(), rng, length, text)


def _some_words(lines: Sequence[Sequence[str]], rng: random.Random) -> str:
    line = rng.choice(lines)
    start = rng.randrange(len(line))
    return " ".join(line[start : start + rng.randint(1, 4)])


def _decoded(matcher: LLMatcher, rng: random.Random, length: int, text: Callable[[bytearray], bytes | None]) -> str:
    """Bytes until the grammar has ended; `text` may propose the rest of a value, which is taken where the grammar allows it."""
    reply = bytearray()
    while not matcher.is_stopped():
        tokens = matcher.compute_ff_tokens() or _proposed(matcher, text(reply)) or [_drawn(_allowed(matcher), rng, len(reply) > length)]
        if tokens == [END]:
            break
        matcher.consume_tokens(tokens)
        reply += bytes(token for token in tokens if token != END)
        if matcher.is_error() or len(reply) > length + LONGEST:
            raise NoEndError(matcher.get_error() or "no end")
    return reply.decode()


def _proposed(matcher: LLMatcher, text: bytes | None) -> list[int]:
    return list(text) if text and matcher.validate_tokens(list(text)) == len(text) else []


def _allowed(matcher: LLMatcher) -> list[int]:
    mask = matcher.compute_bitmask()
    return [token for token in range(END + 1) if mask[token >> 3] >> (token & 7) & 1 == 1]


def _drawn(allowed: Sequence[int], rng: random.Random, closing: bool) -> int:
    if not allowed:
        raise NoEndError("nothing is allowed")
    if len(allowed) >= FREE:
        if ord('"') in allowed and (closing or rng.random() < CLOSING):
            return ord('"')
        usual = [token for token in allowed if token in WORDS]
        return rng.choice(usual if usual and rng.random() < 0.8 else allowed)
    closers: list[int] = [token for token in (END, *b"]},") if closing and token in allowed]
    if closers:
        return closers[0]
    ending: int | None = next((token for token in b"]n" if token in allowed), None)  # of a list, or null in place of a text
    others = [token for token in allowed if token != ending]
    if ending is not None and (not others or rng.random() < ENDING):
        return ending
    return rng.choice(others)


@lru_cache(maxsize=256)
def _matcher(shape: str) -> LLMatcher:
    from llguidance import LLMatcher

    grammar = LLMatcher.grammar_from_json_schema(shape, overrides={"whitespace_flexible": False})
    matcher = LLMatcher(_tokenizer(), grammar, log_level=0)
    if matcher.is_error():
        raise NoEndError(matcher.get_error())
    return matcher


@lru_cache(maxsize=1)
def _tokenizer() -> LLTokenizer:
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_Bytes()), slices=[])


class _Bytes:
    """A vocabulary of the 256 bytes and an end, as llguidance wants a tokenizer to be."""

    eos_token_id = END
    bos_token_id = None
    tokens = (*(bytes([byte]) for byte in range(END)), b"<end>")
    special_token_ids = (END,)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)
