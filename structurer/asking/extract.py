"""Asking a language model to read: text and schema in, verbatim text for every field out.

The model only copies. The wire carries printed text, never numbers: each leaf of the reply is a string or null, each key is required and
no other is allowed. A reply that breaks this is a fault with a name and a remedy: it is asked for again with the fault described, asked for
in a plainer format, or given up so that the caller asks for less at a time. How often is bounded. Whether a copied value stands on the page
is for later stages to judge.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from string import Template
from typing import Final

from structurer.asking.guide import field_guide, reply_schema, skeleton
from structurer.asking.llm import Call, Message, Model, Reply, Request, Rounds
from structurer.asking.replies import BadReply, Fault, encodable, read_reply
from structurer.contracts.schema import Schema
from structurer.errors import ModelError, UsageError
from structurer.record import Extraction

ATTEMPTS: Final = 3  # questions to the model for one text, the first one included
MAX_ECHO: Final = 4_000  # characters of a bad reply that are shown to the model again
HOPELESS: Final = frozenset({Fault.CUT, Fault.FILTERED})  # the same question would come to the same; a smaller one may not
TOO_STRICT: Final = frozenset({Fault.EMPTY, Fault.BROKEN_JSON, Fault.UNFINISHED})  # what a decoder that fails at the schema leaves behind
USABLE: Final = "usable"
REPAIRED: Final = "usable, malformed JSON repaired"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is told: instructions, document and reask, parted by two lines `---`.

    Placeholders of `string.Template`: `$title`, `$kind`, `$fields`, `$shape`, `$fence`, `$document`; in the reask `$errors`. `digest` names
    the text in provenance.
    """

    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked: with which prompt and, for a further opinion, with which temperature and seed; whether for log probabilities.
    `outcomes` counts what every reply came to, by name."""

    model: Model
    prompt: Prompt
    temperature: float = 0.0
    seed: int | None = None
    logprobs: bool = False
    attempts: int = ATTEMPTS
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UsageError(f"a model needs at least one attempt, not {self.attempts}")


class UnusableReplyError(ModelError):
    """No reply could be used: `bad` is what was wrong with the last of the `replies`."""

    def __init__(self, asking: Asking, replies: tuple[Reply, ...], bad: BadReply) -> None:
        self.replies, self.bad = replies, bad
        detail = f" ({bad.errors[0]})" if bad.errors else ""
        times = "1 attempt" if len(replies) == 1 else f"{len(replies)} attempts"
        super().__init__(
            f"no usable reply in {times}; the last one: {bad.fault}{detail}",
            where=f"model {asking.model.name}",
            remedy=_remedy(bad, replies),
        )


def _remedy(bad: BadReply, replies: tuple[Reply, ...]) -> str:
    if bad.fault is Fault.CUT:
        return "raise the endpoint's output limit, or choose a model with a longer output"
    anew = ", or ask anew with --no-cache" if any(reply.recorded for reply in replies) else ""
    return f"choose another --model, or leave it out to use the built-in reader{anew}"


def extract(document_text: str, schema: Schema, asking: Asking, note: str = "") -> Rounds[tuple[Extraction, tuple[Reply, ...]]]:
    """Ask the model to copy the form's values; the replies (the last one is the one used) tell what it cost.
    `note` says how the text is shown.

    Raises ModelError when the model cannot be reached, UnusableReplyError when no reply could be used, UsageError for a prompt that cannot
    be filled in.
    """
    opening, reask = _opening(document_text, schema, asking.prompt, note)
    messages, replies, plainer = list(opening), list[Reply](), 0
    bad = BadReply(Fault.EMPTY, ())
    for _ in range(asking.attempts):
        (answer,) = yield (Call(asking.model, _request(asking, messages, schema, plainer)),)
        if isinstance(answer, ModelError):
            raise answer
        replies.append(answer)
        read = read_reply(answer, schema, reader=f"model:{asking.model.name}")
        if not isinstance(read, BadReply):
            asking.outcomes[REPAIRED if read.repaired else USABLE] += 1
            return read.extraction, tuple(replies)
        bad = read
        asking.outcomes[bad.fault] += 1
        if bad.fault in HOPELESS:
            break
        plainer += bad.fault in TOO_STRICT
        messages += _asked_again(answer, bad, reask)
    raise UnusableReplyError(asking, tuple(replies), bad)


def _opening(document_text: str, schema: Schema, prompt: Prompt, note: str) -> tuple[tuple[Message, Message], Template]:
    """System and user message, and the template of the reask; what is the same for all documents comes first, so that prefix caches hit."""
    instructions, question, reask = _parts(prompt)
    document = encodable(document_text)
    told = {**_told_of(schema), "fence": fence(document), "document": document, "note": note and f"{note}\n\n"}
    depends = {"fence", "document", "note"} & set(instructions.get_identifiers())
    system = _filled(instructions, told, prompt.digest) if depends else _instructions(prompt, schema)
    return (Message("system", system), Message("user", _filled(question, told, prompt.digest))), reask


@lru_cache(maxsize=16)
def _parts(prompt: Prompt) -> tuple[Template, Template, Template]:
    parts = re.split(r"^---[ \t]*$\n?", prompt.text, flags=re.MULTILINE)
    if len(parts) != 3:
        raise UsageError(f"a prompt has 3 parts between lines `---`, this one has {len(parts)}", where=f"prompt {prompt.digest}")
    _filled(Template(parts[2]), {"errors": ""}, prompt.digest)  # a mistake in the reask shows now, not when it is first needed
    return Template(parts[0]), Template(parts[1]), Template(parts[2])


@lru_cache(maxsize=64)
def _told_of(schema: Schema) -> Mapping[str, str]:
    shape = json.dumps(skeleton(schema.root), ensure_ascii=False)
    return {"title": schema.title, "kind": schema.kind, "fields": field_guide(schema), "shape": shape}


@lru_cache(maxsize=64)
def _instructions(prompt: Prompt, schema: Schema) -> str:
    """The same for every document, to the byte."""
    return _filled(_parts(prompt)[0], {**_told_of(schema), "fence": "", "document": "", "note": ""}, prompt.digest)


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


def _request(asking: Asking, messages: Sequence[Message], schema: Schema, plainer: int) -> Request:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", schema.kind)[:64] or "record"  # what endpoints accept as the name of a schema
    return Request(
        asking.model.name, tuple(messages), reply_schema(schema), name, asking.temperature, asking.seed, asking.logprobs, plainer
    )  # fmt: skip


def _asked_again(reply: Reply, bad: BadReply, reask: Template) -> tuple[Message, Message]:
    said = encodable(reply.text.strip() or reply.refusal or "(empty)")
    echo = said if len(said) <= MAX_ECHO else f"{said[:MAX_ECHO]}... (cut)"
    errors = "\n".join(f"- {line}" for line in (bad.fault.value, *bad.errors))
    return Message("assistant", echo), Message("user", _filled(reask, {"errors": errors}, "reask"))
