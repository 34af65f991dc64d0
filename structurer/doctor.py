"""Whether a model can be used: settings, address, key, name, what its endpoint understands; for everything that fails, the next command.

It asks the model for two tiny copies, which costs a few hundred tokens.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from structurer.asking.jsontext import Broken, parsed
from structurer.asking.llm import Message, Reply, Request
from structurer.asking.replies import unusable
from structurer.endpoints.dialect import Dialect, Format, at
from structurer.endpoints.known import Known
from structurer.endpoints.providers import OpenAIModel, of_endpoint
from structurer.endpoints.settings import Endpoint, Settings
from structurer.errors import ModelError, StructurerError

LIST_S: Final = 20.0  # seconds for the list of models
COPY_S: Final = 120.0  # seconds for a tiny copy, with all its retries
MAX_SAID: Final = 400  # characters of a line
SHOWN_MODELS: Final = 8
INDENT: Final = 27  # characters before what is said
PROBE: Final = Request(  # a copy with a key that no model would choose by itself: whether the shape is held to shows in the reply
    "",
    (
        Message("system", "You copy values out of printed forms. Reply with one JSON object, its values texts as printed, or null."),
        Message(
            "user",
            'Receipt\nTotal due: 1,234.50\nPaid on:\n\nCopy into {"amount_42": ..., "paid_on_42": ..., "lines_42": [{"text_42": ...}]}',
        ),
    ),
    {
        "type": "object",
        "properties": {
            "amount_42": {"type": ["string", "null"]},
            "paid_on_42": {"type": ["string", "null"]},
            "lines_42": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"text_42": {"type": ["string", "null"]}},
                    "required": ["text_42"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["amount_42", "paid_on_42", "lines_42"],
        "additionalProperties": False,
    },
    "probe",
    logprobs=True,
)


class State(StrEnum):
    """What a finding means: all well, worth knowing, or not usable."""

    WELL = "ok"
    NOTE = "note"
    BAD = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was found, and what to do about it."""

    what: str
    state: State
    said: str
    remedy: str = ""


def tell(settings: Settings, name: str | None, say: Callable[[str], None]) -> bool:
    """Say each finding as it is found; whether the model can be used."""

    async def told() -> bool:
        usable = True
        async for finding in examined(settings, name):
            usable &= finding.state is not State.BAD
            say(line(finding))
        return usable

    return asyncio.run(told())


def line(finding: Finding) -> str:
    """A finding for a person."""
    remedy = f"\n{'':{INDENT}}next: {_inert(finding.remedy)}" if finding.remedy else ""
    return f"{finding.state:<7} {finding.what:<18} {_inert(finding.said)}{remedy}"


def _inert(text: str) -> str:
    """Without anything that a terminal would obey: names and texts are the endpoint's."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:MAX_SAID])


async def examined(settings: Settings, name: str | None) -> AsyncIterator[Finding]:
    """What is found, one after the other, until something does not work without which the rest cannot."""
    yield Finding("settings", State.WELL, str(settings.file) if settings.file else "no structurer.toml; the environment alone")
    try:
        endpoint = settings.endpoint(name)
    except StructurerError as error:
        yield Finding("model", State.BAD, str(error).partition("\n")[0], error.remedy)
        return
    if endpoint is None:
        remedy = "structurer doctor --model NAME, or set model in structurer.toml or STRUCTURER_MODEL"
        yield Finding("model", State.NOTE, "none is named: the built-in reader alone reads", remedy)
        return
    on_the_wire = f", on the wire {endpoint.model}" if endpoint.model != endpoint.name else ""
    yield Finding("model", State.WELL, f"{endpoint.name}{on_the_wire}, at {endpoint.where}")
    yield Finding("key", State.WELL, f"from {endpoint.key_env}") if endpoint.key else _keyless(endpoint)
    bounded = replace(endpoint, timeout_s=min(endpoint.timeout_s, COPY_S), deadline_s=min(endpoint.deadline_s, COPY_S))
    model = of_endpoint(bounded, settings.patience_s, None, lambda _: None)  # as if nothing were known of it
    async for finding in _listed(model, endpoint):
        yield finding
        if finding.state is State.BAD:
            return
    async for finding in _asked(model, endpoint, settings):
        yield finding
    yield _priced(endpoint)
    yield _kept(settings.cache)


def _keyless(endpoint: Endpoint) -> Finding:
    if not endpoint.key_env:
        remedy = f'key_env = "..." under [models.{json.dumps(endpoint.name)}] in structurer.toml, if the endpoint wants one'
        return Finding("key", State.WELL, "none is sent", remedy)
    return Finding("key", State.NOTE, f"none: {endpoint.key_env} is not set", f"export {endpoint.key_env}=... if the endpoint wants one")


async def _listed(model: OpenAIModel, endpoint: Endpoint) -> AsyncIterator[Finding]:
    """The address answers, and knows the model."""
    await model.wire.open()  # which loads libraries, and is no fault of the endpoint
    begun = time.monotonic()
    try:
        body = await model.models(min(LIST_S, endpoint.timeout_s))
    except ModelError as error:
        if "(HTTP 404" in error.what or "(HTTP 405" in error.what:
            yield Finding("address", State.NOTE, "answers, but lists no models")
        else:
            yield Finding("address", State.BAD, error.what, error.remedy)
        return
    yield Finding("address", State.WELL, f"answers in {(time.monotonic() - begun) * 1000:.0f} ms")
    listed = at(body, "data")
    names = [name for entry in (listed if isinstance(listed, list) else ()) if isinstance(name := at(entry, "id"), str)]
    if names and endpoint.model not in names:
        near = difflib.get_close_matches(endpoint.model, names, n=1, cutoff=0.5)
        shown = ", ".join(names[:SHOWN_MODELS]) + (" ..." if len(names) > SHOWN_MODELS else "")
        remedy = _named(endpoint, near[0]) if near else f"name one of: {shown}"
        yield Finding("name", State.NOTE, f"{endpoint.model!r} is not among its {len(names)} models", remedy)


def _named(endpoint: Endpoint, near: str) -> str:
    if endpoint.model == endpoint.name:
        return f"structurer doctor --model {near}"
    return f"model = {json.dumps(near)} under [models.{json.dumps(endpoint.name)}] in structurer.toml"


async def _asked(model: OpenAIModel, endpoint: Endpoint, settings: Settings) -> AsyncIterator[Finding]:
    """Two copies: what the endpoint understands, how long it takes, and whether it holds the model to the shape."""
    try:
        await model.complete(replace(PROBE, model=endpoint.name))
        begun = time.monotonic()
        reply = await model.complete(replace(PROBE, model=endpoint.name, seed=1))
    except ModelError as error:
        yield Finding("reply", State.BAD, error.what, error.remedy)
        return
    took = time.monotonic() - begun
    yield _shaped(reply, model.dialect)
    yield Finding("latency", State.WELL, f"{took:.1f} s for a tiny copy")
    loss = model.dialect.format.loss or ("" if _is_bare(reply.text) else "taken, and not held to: words stand around the reply")
    yield Finding(
        "schema", State.NOTE if loss else State.WELL, model.dialect.format.value + (f": {loss}; replies are checked here" if loss else "")
    )
    yield _said("log probabilities", bool(reply.logprobs), "--logprobs says nothing with this model")
    yield _said("token counts", reply.usage.prompt_tokens is not None, "costs will be unknown")
    yield _said("temperature, seed", model.dialect.sampling, "--samples may read the same each time")
    Known(settings.cache).learn(endpoint.where, endpoint.model, model.dialect)


def _is_bare(text: str) -> bool:
    """Whether an object stands there and nothing else."""
    return not text.strip() or (text.lstrip()[0], text.rstrip()[-1]) == ("{", "}")


def _shaped(reply: Reply, dialect: Dialect) -> Finding:
    fault = unusable(reply)
    found = None if fault else parsed(reply.text, list(PROBE.reply_schema["properties"]))
    if fault is not None or found is None or isinstance(found, Broken):
        said = fault.fault.value if fault else found.detail if isinstance(found, Broken) else "nothing"
        return Finding(
            "reply", State.BAD, f"cannot be used: {said}", "choose another model, or set extra_body for this one (reasoning off?)"
        )
    tree: Any = found.tree
    if not isinstance(tree, dict) or tree.keys() != PROBE.reply_schema["properties"].keys():
        held = "as asked for in words" if dialect.format in (Format.OBJECT, Format.TEXT) else "though the schema was sent"
        return Finding(
            "reply",
            State.NOTE,
            f"not of the shape {held}: {json.dumps(tree, ensure_ascii=False)[:80]}",
            "a stronger model needs less asking again",
        )
    if tree["amount_42"] != "1,234.50":
        copied = f"copied 1,234.50 as {str(tree['amount_42'])[:40]!r}" if tree["amount_42"] else "left 1,234.50 out"
        return Finding("reply", State.NOTE, copied, "choose a stronger model: this one does not copy")
    return Finding("reply", State.WELL, "of the shape, and copied as printed")


def _said(what: str, there: bool, loss: str) -> Finding:
    return Finding(what, State.WELL, "yes") if there else Finding(what, State.NOTE, f"no: {loss}")


def _priced(endpoint: Endpoint) -> Finding:
    if endpoint.price is None:
        return Finding(
            "price", State.NOTE, "unknown, so --budget cannot be kept", f'set price under [models."{endpoint.name}"] in structurer.toml'
        )
    rates = endpoint.price.tiers[0].rates
    stated = f", as of {endpoint.price.as_of}" if endpoint.price.as_of else ""
    return Finding("price", State.WELL, f"{rates.input} in, {rates.output} out {endpoint.price.currency} for a million tokens{stated}")


def _kept(cache: Path | None) -> Finding:
    if cache is None:
        return Finding("cache", State.NOTE, "off: every question is paid for each time")
    return Finding("cache", State.WELL, str(cache))
