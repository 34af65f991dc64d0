"""Reading with a language model: segment and schema in, verbatim text for every field out.

The model only copies. The wire carries printed text, never numbers: each leaf of the reply is a string or null, each key is required and
no other is allowed. A reply that breaks this is a fault with a name, and is asked for again with the fault described; how often is bounded.
Whether a copied value stands on the page is for later stages to judge.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import Template
from typing import Any, Final

from structurer.errors import ModelError, UsageError
from structurer.guide import field_guide, one_line, reply_model, reply_schema, skeleton
from structurer.llm import Message, Model, Reply, Request
from structurer.record import Extract, Extraction, pointer
from structurer.schema import Group, Leaf, Node, Schema

ATTEMPTS: Final = 3  # questions to the model for one segment, the first one included
MAX_ROWS: Final = 20_000  # rows of all lists of one reply together
MAX_ECHO: Final = 4_000  # characters of a bad reply that are shown to the model again
MAX_ERRORS: Final = 20  # errors of a bad reply that are named
MAX_ERROR: Final = 200  # characters of one named error
COMPLETE: Final = frozenset({"stop", "tool_calls"})  # the finish reasons of a reply that is whole

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is told: instructions, document and reask, parted by two lines `---`.

    Placeholders of `string.Template`: `$title`, `$kind`, `$fields`, `$shape`, `$fence`, `$document`; in the reask `$errors`. `digest` names
    the text in provenance.
    """

    text: str
    digest: str


class Fault(StrEnum):
    """What can be wrong with a reply."""

    REFUSED = "refusal"
    CUT = "reply cut off at the output limit"
    UNFINISHED = "unfinished reply"
    EMPTY = "empty reply"
    BROKEN_JSON = "broken JSON"
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


class DuplicateKeyError(ValueError):
    """A JSON object names a key twice, so that one of two values would be lost."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


def extract(
    document_text: str, schema: Schema, model: Model, prompt: Prompt, *, attempts: int = ATTEMPTS
) -> tuple[Extraction, tuple[Reply, ...]]:
    """Ask the model to copy the form's values, at most `attempts` times; the replies (the last one is the one used) tell what it cost.

    Raises ModelError when the model cannot be reached or no reply could be used, UsageError for a prompt that cannot be filled in.
    """
    if attempts < 1:
        raise UsageError(f"a model needs at least one attempt, not {attempts}")
    opening, reask = _opening(document_text, schema, prompt)
    messages, replies = list(opening), list[Reply]()
    for _ in range(attempts):
        replies.append(model.complete(_request(model, messages, schema)))
        read = read_reply(replies[-1], schema, reader=f"model:{model.name}")
        if isinstance(read, Extraction):
            return read, tuple(replies)
        messages += _asked_again(replies[-1], read, reask)
        bad = read
    raise _gave_up(model, attempts, bad)


def read_reply(reply: Reply, schema: Schema, *, reader: str) -> Extraction | BadReply:
    """The reply as an extraction by `reader`, or what is wrong with it."""
    bad = _unusable(reply)
    if bad is not None:
        return bad
    tree = _parsed(unfenced(reply.text))
    if isinstance(tree, BadReply):
        return tree
    return _misshapen(tree, schema) or _collected(tree, schema, reader)


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads(object_pairs_hook=...)`: raises DuplicateKeyError instead of keeping the last of two values."""
    tree = dict(pairs)
    if len(tree) < len(pairs):
        raise DuplicateKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return tree


# -- the question ------------------------------------------------------------------------------------------------------


def _opening(document_text: str, schema: Schema, prompt: Prompt) -> tuple[tuple[Message, Message], Template]:
    """System and user message, and the template of the reask; what is the same for all documents comes first, so that prefix caches hit."""
    parts = re.split(r"^---[ \t]*$\n?", prompt.text, flags=re.MULTILINE)
    if len(parts) != 3:
        raise UsageError(f"a prompt has 3 parts between lines `---`, this one has {len(parts)}", where=f"prompt {prompt.digest}")
    document = encodable(document_text)
    values = {
        "title": schema.title,
        "kind": schema.kind,
        "fields": field_guide(schema),
        "shape": json.dumps(skeleton(schema.root), ensure_ascii=False),
        "fence": fence(document),
        "document": document,
    }
    instructions, question = (_filled(Template(part), values, prompt.digest) for part in parts[:2])
    _filled(Template(parts[2]), {"errors": ""}, prompt.digest)  # a mistake in the reask shows now, not when it is first needed
    return (Message("system", instructions), Message("user", question)), Template(parts[2])


def _filled(template: Template, values: Mapping[str, str], digest: str) -> str:
    try:
        return encodable(template.substitute(values)).strip()
    except KeyError as error:
        known = ", ".join(f"${name}" for name in values)
        raise UsageError(f"unknown placeholder ${error.args[0]}; known here: {known}", where=f"prompt {digest}") from None
    except ValueError as error:
        raise UsageError(f"{error}; write $$ for a dollar sign", where=f"prompt {digest}") from None


def fence(text: str) -> str:
    """A line that does not occur in the text and that no author of the text can foresee, yet the same in every run."""
    mark = text
    while True:
        mark = hashlib.sha256(mark.encode()).hexdigest()
        line = f"=====DOCUMENT-{mark[:16]}====="
        if line not in text:
            return line


def _request(model: Model, messages: Sequence[Message], schema: Schema) -> Request:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", schema.kind)[:64] or "record"  # what endpoints accept as the name of a schema
    return Request(model.name, tuple(messages), reply_schema(schema), name)


def _asked_again(reply: Reply, bad: BadReply, reask: Template) -> tuple[Message, Message]:
    said = encodable(reply.text.strip() or reply.refusal or "(empty)")
    echo = said if len(said) <= MAX_ECHO else f"{said[:MAX_ECHO]}... (cut)"
    errors = "\n".join(f"- {line}" for line in (bad.fault.value, *bad.errors))
    return Message("assistant", echo), Message("user", _filled(reask, {"errors": errors}, "reask"))


def _gave_up(model: Model, attempts: int, bad: BadReply) -> ModelError:
    detail = f" ({bad.errors[0]})" if bad.errors else ""
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return ModelError(
        f"no usable reply in {times}; the last one: {bad.fault}{detail}",
        where=f"model {model.name}",
        remedy="raise the endpoint's output limit, or choose a model with a longer output"
        if bad.fault is Fault.CUT
        else "choose another --model, or leave it out to use the built-in reader",
    )


def encodable(text: str) -> str:
    """Lone surrogates, which broken PDFs and replies hold, have no UTF-8 and so can be neither sent nor filed."""
    return text.encode("utf-8", "replace").decode() if _SURROGATE.search(text) else text


# -- the reply ---------------------------------------------------------------------------------------------------------


def _unusable(reply: Reply) -> BadReply | None:
    """A fault that shows before the text is read. What was cut off is never read, even if it happens to parse."""
    if reply.refusal:
        return BadReply(Fault.REFUSED, (_short(reply.refusal),))
    if reply.finish_reason == "length":
        return BadReply(Fault.CUT, ())
    if reply.finish_reason not in COMPLETE:
        return BadReply(Fault.UNFINISHED, (_short(f"finish reason: {reply.finish_reason}"),))
    return None if reply.text.strip() else BadReply(Fault.EMPTY, ())


def unfenced(text: str) -> str:
    """The text without a markdown fence around the whole of it."""
    bare = text.strip().removeprefix("\ufeff").strip()
    if len(bare) < 6 or not (bare.startswith("```") and bare.endswith("```")):
        return bare
    language, newline, rest = bare[3:-3].partition("\n")
    return rest if newline and language.strip().lower() in ("", "json") else bare[3:-3].removeprefix("json")


def _parsed(text: str) -> Any | BadReply:
    try:
        return json.loads(text, strict=False, object_pairs_hook=unique_keys)
    except DuplicateKeyError as error:
        return BadReply(Fault.DUPLICATE_KEY, (_short(f"{error.key!r} stands twice in one object"),))
    except RecursionError:
        return BadReply(Fault.BROKEN_JSON, ("nested too deeply",))
    except ValueError as error:  # besides syntax: a number of more digits than Python reads
        return BadReply(Fault.BROKEN_JSON, (_short(str(error)),))


def _misshapen(tree: Any, schema: Schema) -> BadReply | None:
    from pydantic import ValidationError

    try:
        reply_model(schema).model_validate(tree)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return BadReply(_fault_of({line["type"] for line in found}), tuple(_error_line(line) for line in found[:MAX_ERRORS]))
    return None


def _fault_of(types: set[str]) -> Fault:
    if types == {"missing"}:
        return Fault.MISSING_KEY
    return Fault.EXTRA_KEY if types <= {"missing", "extra_forbidden"} else Fault.WRONG_SHAPE


def _error_line(error: Mapping[str, Any]) -> str:
    return _short(f"{pointer(*error['loc']) or 'the whole reply'}: {error['msg']}")


def _short(text: str) -> str:
    line = one_line(encodable(text))
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 3]}..."


def _collected(tree: Mapping[str, Any], schema: Schema, reader: str) -> Extraction | BadReply:
    leaves: dict[str, Extract] = {}
    rows: dict[str, int] = {}
    _collect(schema.root, tree, "", leaves, rows)
    if sum(rows.values()) > MAX_ROWS:
        return BadReply(Fault.TOO_MANY_ROWS, (f"{sum(rows.values())} rows, {MAX_ROWS} are allowed",))
    broken = tuple(f"{place}: half a character (a lone surrogate)" for place, leaf in leaves.items() if _SURROGATE.search(leaf.text or ""))
    if broken:
        return BadReply(Fault.WRONG_SHAPE, broken[:MAX_ERRORS])
    return Extraction(schema.kind, reader, leaves, rows)


def _collect(node: Node, tree: Any, place: str, leaves: dict[str, Extract], rows: dict[str, int]) -> None:
    if isinstance(node, Leaf):
        leaves[place] = Extract(tree if tree and tree.strip() else None)
    elif isinstance(node, Group):
        for child in node.members:
            _collect(child, tree[child.name], place + pointer(child.name), leaves, rows)
    else:
        rows[place] = len(tree)
        for number, row in enumerate(tree):
            _collect(node.row, row, f"{place}/{number}", leaves, rows)
