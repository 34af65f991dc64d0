"""Replies spoilt in one named way each: cut off, refused, emptied, wrapped in prose, of a wrong shape."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from stub_answers import called, logprobs_of, prepared

KEPT: Final = 2**16  # characters of a text whose completions are kept
OVER_LIMIT: Final = "over_limit"  # no fault that is drawn: the text is longer than the output limit
_FIRST_KEY: Final = re.compile(r'\{\s*("(?:[^"\\]|\\.)*")\s*:')
_FIRST_TEXT: Final = re.compile(r':\s*"(?:[^"\\]|\\.)*"')


class Kind(StrEnum):
    """What can be wrong with an answer."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    DROPPED = "dropped"
    CUT_TRANSFER = "cut_transfer"
    SLOW = "slow"
    CUT_JSON = "cut_json"
    WRONG_SHAPE = "wrong_shape"
    LENGTH = "length"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    PROSE = "prose"
    DUPLICATE_KEY = "duplicate_key"


def completion(text: str, kind: str | None, chance: int, tool: str | None, words: str | None) -> bytes:
    """A completion up to its usage with the fault in it, as a call of the tool if there is one; `words` seed its log probabilities."""
    keep = words is None and len(text) < KEPT
    return (_faulty if keep else _faulty.__wrapped__)(text, kind, chance % 2, tool, words)


@lru_cache(maxsize=64)
def _faulty(text: str, kind: str | None, variant: int, tool: str | None, words: str | None) -> bytes:
    """A completion up to its usage with the fault in it. Kept, since a fixed text is answered thousands of times."""
    reason = {Kind.LENGTH: "length", OVER_LIMIT: "length", Kind.CONTENT_FILTER: "content_filter"}.get(kind or "", "stop")
    if kind is Kind.REFUSAL:
        return prepared(None, refusal="I cannot help with that.")
    said = spoilt(text, kind, variant)
    if tool is not None and kind is not Kind.PROSE:
        return prepared(None, "tool_calls" if reason == "stop" else reason, tool_calls=called(tool, said))
    return prepared(said, reason, logprobs_of(said, words) if words else None)


def spoilt(text: str, kind: str | None, variant: int) -> str:
    """The text with the fault in it; `variant` (0 or 1) chooses between two wrong shapes."""
    if kind is Kind.CUT_JSON or kind is Kind.LENGTH:
        return text[: max(len(text) * 2 // 3, 1)]
    if kind is Kind.CONTENT_FILTER:
        return text[: len(text) // 3]
    if kind is Kind.PROSE:
        return f"Here is the record you asked for:\n\n```json\n{text}\n```\n\nLet me know if anything is missing."
    if kind is Kind.DUPLICATE_KEY:
        return _FIRST_KEY.sub(r"{\1: null, \1:", text, count=1)
    if kind is Kind.WRONG_SHAPE:
        return _wrong(text, variant)
    return "" if kind is Kind.EMPTY else text


def _wrong(text: str, variant: int) -> str:
    """A number in place of the first text, or without the first key; an array where the text has neither."""
    other = _FIRST_TEXT.sub(": 7", text, count=1) if variant == 0 else text
    if other != text:
        return other
    try:
        tree = json.loads(text)
    except ValueError:
        return "[]"
    return json.dumps(dict(list(tree.items())[1:]), ensure_ascii=False) if isinstance(tree, dict) and tree else "[]"
