"""Endpoints of a stub that understand only some of what they may be asked: of formats, tools, schemas and parameters."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from stub_answers import GOOD, call, fail, logprobs_of, say
from stub_faults import Ask, everywhere, fault

PROSE: Final = "Certainly! I looked at the document with care, and this is what I found. "


@fault
def fitting(ask: Ask) -> web.Response:
    """An endpoint that understands everything: the reply has the shape of the request, as a tool's call where only a tool is offered."""
    return call(ask.posted.tool, ask.fitting) if ask.posted.tool and not ask.posted.format else say(ask.fitting)


@fault
def no_models(ask: Ask) -> web.Response:
    """As fitting; that it has no list of models the endpoint knows."""
    return fitting(ask)


@fault
def no_json_schema(ask: Ask) -> web.Response:
    return fail(400, "response_format 'json_schema' is not supported") if ask.posted.format == "json_schema" else say(GOOD)


@fault
def plain_text_only(ask: Ask) -> web.Response:
    return fail(501, "not implemented") if "response_format" in ask.body else say(GOOD)


@fault
def tool_calls_only(ask: Ask) -> web.Response:
    """Keeps to the parameters of a tool, and to nothing else."""
    if "response_format" in ask.body:
        return fail(400, "response_format is not supported by this model")
    return call(ask.posted.tool, ask.fitting) if ask.posted.tool else say(f"{PROSE}The number is A-1.")


@fault
def json_object_only(ask: Ask) -> web.Response:
    """As OpenAI's older models: no schema, no tools, and the word JSON must be in the messages."""
    if ask.posted.tool:
        return fail(400, "tools is not supported by this model")
    if ask.posted.format == "json_schema":
        return fail(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.")
    if ask.posted.format == "json_object" and "json" not in ask.posted.prompt.lower():
        return fail(400, "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
    return say(ask.fitting if ask.posted.format else f"{PROSE}The number is A-1.")


@fault
def strict_subset(ask: Ask) -> web.Response:
    """Takes schemas whose every type is a single name."""
    listed = _listed_type(ask.posted.shape, ())
    if ask.posted.format == "json_schema" and listed:
        name = ask.body["response_format"]["json_schema"].get("name")
        return fail(400, f"Invalid json_schema for response_format '{name}': In context={listed[0]}, type must be a single string")
    return fitting(ask)


@fault
def ignores_schema(ask: Ask) -> web.Response:
    """Takes a strict schema or a tool and heeds neither; only a JSON object that is asked for comes alone."""
    bare = ask.posted.format == "json_object"
    return say(ask.fitting if bare else f"{PROSE}\n\n```json\n{ask.fitting}\n```\n\nLet me know if I can help further.")


@fault
def no_usage(ask: Ask) -> web.Response:
    return say(ask.fitting, usage=False)


@fault
def logprobs(ask: Ask) -> web.Response:
    return say(ask.fitting, logprobs=logprobs_of(ask.fitting, ask.posted.words) if ask.body.get("logprobs") else None)


@fault
def no_temperature(ask: Ask) -> web.Response:
    refused = "Unsupported value: 'temperature' does not support 0.0 with this model"
    return fail(400, refused) if "temperature" in ask.body else say(GOOD)


@fault
def max_tokens_required(ask: Ask) -> web.Response:
    return say(ask.fitting) if {"max_tokens", "max_completion_tokens"} & set(ask.body) else fail(400, "max_tokens: Field required")


@fault
def max_completion_tokens_only(ask: Ask) -> web.Response:
    refused = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return fail(400, refused) if "max_tokens" in ask.body else say(ask.fitting)


@everywhere
def bad_key(ask: Ask) -> web.StreamResponse:
    return fail(401, f"Incorrect API key provided: {str(ask.authorization).removeprefix('Bearer ')}")


@fault
def unknown_model(ask: Ask) -> web.Response:
    return fail(404, f"The model {ask.body['model']} does not exist")


def _listed_type(spec: Any, path: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Where a schema gives a list of types."""
    if isinstance(spec, dict) and isinstance(spec.get("type"), list):
        return (path,)
    children = spec.items() if isinstance(spec, dict) else enumerate(spec) if isinstance(spec, list) else ()
    return tuple(found for key, child in children for found in _listed_type(child, (*path, str(key))))
