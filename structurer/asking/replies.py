"""Reading a model's reply: an extraction, or what is wrong with it, by name.

What was cut off, filtered or refused is never read, even if it happens to parse. A reply must have every key and no other, every value a
text or null; a reply that breaks this is a fault, and what is to be done about it is for `extract` to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from structurer.asking.guide import one_line, reply_model
from structurer.asking.jsontext import Broken, Kind, parsed
from structurer.asking.llm import Reply
from structurer.asking.logprobs import of_leaves
from structurer.contracts.schema import Group, Leaf, Node, Schema
from structurer.record import BLANK, Extract, Extraction, pointer

MAX_ROWS: Final = 20_000  # rows of all lists of one reply together
MAX_ERRORS: Final = 20  # errors of a bad reply that are named
MAX_ERROR: Final = 200  # characters of one named error
COMPLETE: Final = frozenset({"stop", "tool_calls", "function_call"})  # the finish reasons of a reply that is whole

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Fault(StrEnum):
    """What can be wrong with a reply."""

    REFUSED = "refusal"
    FILTERED = "stopped by the content filter"
    CUT = "reply cut off at the output limit"
    UNFINISHED = "unfinished reply"
    EMPTY = "empty reply"
    BROKEN_JSON = "broken JSON"
    AMBIGUOUS = "several different objects"
    DUPLICATE_KEY = "duplicate key"
    MISSING_KEY = "missing key"
    EXTRA_KEY = "unknown key"
    WRONG_SHAPE = "wrong shape"
    TOO_MANY_ROWS = "too many rows"


@dataclass(frozen=True, slots=True)
class BadReply:
    """A reply that cannot be used: the fault, and each error as a line for the model and the user."""

    fault: Fault
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadReply:
    """A reply that can be used. `repaired`: its JSON was whole but malformed, and was mended without changing a value."""

    extraction: Extraction
    repaired: bool = False


_BROKEN: Final = {
    Kind.BROKEN: Fault.BROKEN_JSON,
    Kind.TOO_DEEP: Fault.BROKEN_JSON,
    Kind.AMBIGUOUS: Fault.AMBIGUOUS,
    Kind.DUPLICATE_KEY: Fault.DUPLICATE_KEY,
}


def read_reply(reply: Reply, schema: Schema, *, reader: str) -> ReadReply | BadReply:
    """The reply as an extraction by `reader`, or what is wrong with it."""
    bad = unusable(reply)
    if bad is not None:
        return bad
    found = parsed(reply.text, [member.name for member in schema.root.members])
    if isinstance(found, Broken):
        return BadReply(_BROKEN[found.kind], (_short(found.detail),))
    made = _misshapen(found.tree, schema) or _collected(found.tree, schema, reader)
    if isinstance(made, BadReply):
        return made
    return ReadReply(_weighed(made, reply, found.start), found.repaired)


def unusable(reply: Reply) -> BadReply | None:
    """A fault that shows before the text is read."""
    if reply.refusal:
        return BadReply(Fault.REFUSED, (_short(reply.refusal),))
    if reply.finish_reason == "length":
        return BadReply(Fault.CUT, ())
    if reply.finish_reason == "content_filter":
        return BadReply(Fault.FILTERED, ())
    if reply.finish_reason not in COMPLETE:
        return BadReply(Fault.UNFINISHED, (_short(f"finish reason: {reply.finish_reason}"),))
    return None if reply.text.strip() else BadReply(Fault.EMPTY, ())


def encodable(text: str) -> str:
    """Lone surrogates, which broken PDFs and replies hold, have no UTF-8 and so can be neither sent nor filed."""
    return text.encode("utf-8", "replace").decode() if _SURROGATE.search(text) else text


def _misshapen(tree: Any, schema: Schema) -> BadReply | None:
    from pydantic import ValidationError

    try:
        reply_model(schema).model_validate(tree)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return BadReply(_fault_of({line["type"] for line in found}), tuple(_error_line(line) for line in found[:MAX_ERRORS]))
    return None


def _fault_of(types: Collection[str]) -> Fault:
    if set(types) == {"missing"}:
        return Fault.MISSING_KEY
    return Fault.EXTRA_KEY if set(types) <= {"missing", "extra_forbidden"} else Fault.WRONG_SHAPE


def _error_line(error: Mapping[str, Any]) -> str:
    return _short(f"{pointer(*error['loc']) or 'the whole reply'}: {error['msg']}")


def _short(text: str) -> str:
    line = one_line(encodable(text))
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 3]}..."


def _collected(tree: Mapping[str, Any], schema: Schema, reader: str) -> Extraction | BadReply:
    texts: dict[str, str | None] = {}
    rows: dict[str, int] = {}
    _collect(_steps(schema), tree, "", texts, rows)
    if sum(rows.values()) > MAX_ROWS:
        return BadReply(Fault.TOO_MANY_ROWS, (f"{sum(rows.values())} rows, {MAX_ROWS} are allowed",))
    if _SURROGATE.search("".join(filter(None, texts.values()))):
        broken = (f"{place}: half a character (a lone surrogate)" for place, text in texts.items() if _SURROGATE.search(text or ""))
        return BadReply(Fault.WRONG_SHAPE, tuple(islice(broken, MAX_ERRORS)))
    leaves = {place: BLANK if text is None else Extract(text) for place, text in texts.items()}
    return Extraction(schema.kind, reader, leaves, rows)


@dataclass(frozen=True, slots=True)
class _Step:
    """A member of an object on the way through a reply: its key, its step of a pointer, and what it holds (None: a value)."""

    key: str
    step: str
    inner: tuple[_Step, ...] | None
    is_list: bool


_Steps = tuple[_Step, ...]


@lru_cache(maxsize=64)
def _steps(schema: Schema) -> _Steps:
    """The way through the schema's replies, found once: most of the time that a reply takes is spent on it."""
    return _members(schema.root)


def _members(group: Group) -> _Steps:
    return tuple(_step_to(child, child.name, pointer(child.name)) for child in group.members)


def _step_to(node: Node, key: str, step: str) -> _Step:
    if isinstance(node, Leaf):
        return _Step(key, step, None, False)
    if isinstance(node, Group):
        return _Step(key, step, _members(node), False)
    return _Step(key, step, None if isinstance(node.row, Leaf) else _members(node.row), True)


def _collect(steps: _Steps, tree: Any, place: str, texts: dict[str, str | None], rows: dict[str, int]) -> None:
    for step in steps:
        here, found = place + step.step, tree[step.key]
        if step.is_list:
            rows[here] = len(found)
            for number, row in enumerate(found):
                if step.inner is None:
                    texts[f"{here}/{number}"] = row if row and not row.isspace() else None
                else:
                    _collect(step.inner, row, f"{here}/{number}", texts, rows)
        elif step.inner is None:
            texts[here] = found if found and not found.isspace() else None
        else:
            _collect(step.inner, found, here, texts, rows)


def _weighed(extraction: Extraction, reply: Reply, start: int) -> Extraction:
    """The extraction with how likely the model found each value, where the endpoint said so."""
    found = of_leaves(reply.text, reply.logprobs, start) if reply.logprobs else None
    if not found:
        return extraction
    leaves = {place: replace(leaf, logprob=found[place].lowest) if place in found else leaf for place, leaf in extraction.leaves.items()}
    return replace(extraction, leaves=leaves)
