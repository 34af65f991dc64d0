"""The keys of `structurer.toml`: each with its default, an example, what is allowed (numbers: by their limits) and its meaning."""

from __future__ import annotations

import json
import math
import re
import textwrap
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from structurer.endpoints.addresses import BASE_URL, public
from structurer.errors import UsageError

FILE: Final = "structurer.toml"
PREFIX: Final = "STRUCTURER_"
MAX_DEPTH: Final = 20  # levels of nesting
MAX_PROPERTIES: Final = 5000  # https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas
SET_HERE: Final = frozenset((  # members of a request that structurer sets, so that extra_body may not
    "model", "messages", "response_format", "stream", "stream_options", "n", "tools", "tool_choice", "max_tokens",
    "max_completion_tokens", "logprobs", "top_logprobs", "seed", "temperature",
))  # fmt: skip
_NOT_FREE: Final = re.compile(r"auth|key|token|secret|cookie|password|^host$|^content-|^transfer-|^connection$", re.IGNORECASE)
_OFF, _ON = frozenset(("off", "false", "no", "0")), frozenset(("on", "true", "yes", "1"))


def _key(default: Any, example: Any, allowed: str, words: str, **limits: Any) -> Any:
    bounds = f" from {limits['ge']:,} to {limits['le']:,}" if limits else ""
    return Field(default, examples=[example], json_schema_extra={"allowed": allowed + bounds}, description=words, **limits)


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError  # to pydantic, true is 1
    return value


def _like(pattern: str) -> AfterValidator:
    """A text that the pattern matches whole."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text) or not text.isprintable():
            raise ValueError
        return text

    return AfterValidator(check)


def _is_address(text: str) -> str:
    try:
        parts, _ = urlsplit(text), public(text)
    except (UsageError, ValueError):
        raise ValueError from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must have no user, password, query or fragment, which may be secret")
    return text


def _is_cache(value: Any) -> bool | str:
    text = str(value).strip()
    if not isinstance(value, bool | str) or not text:
        raise ValueError
    return False if text.lower() in _OFF else True if text.lower() in _ON else text


def _are_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", name) or not re.fullmatch(r"[ -~]{1,1000}", value):
            raise ValueError(f"{name[:100]}: no header of letters, digits and hyphens, with a value of printable ASCII")
        if _NOT_FREE.search(name):
            raise ValueError(f"{name}: may not be set here; the key is sent from the variable that key_env names")
    return headers


def _are_members(body: dict[str, Any]) -> dict[str, Any]:
    taken = sorted(SET_HERE & body.keys())
    if taken:
        raise ValueError(f"{taken[0]}: is set by structurer itself{'; use max_output_tokens' if taken[0].startswith('max_') else ''}")
    if not _is_json(body, MAX_DEPTH):
        raise ValueError(f"must be what JSON can say, with at most {MAX_DEPTH} levels")
    return body


def _is_json(value: Any, depth: int) -> bool:
    if isinstance(value, dict | list):
        return depth > 0 and all(_is_json(each, depth - 1) for each in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


Whole = Annotated[int, BeforeValidator(_no_flag)]
Number = Annotated[float, BeforeValidator(_no_flag)]
Money = Annotated[Decimal, BeforeValidator(_no_flag), Field(ge=0, le=10**6, decimal_places=12)]
Name = Annotated[str, _like(r".{1,200}")]
Currency = Annotated[str, _like("[A-Z]{3}")]
_MONEY: Final = "an amount from 0 to 1,000,000 with at most 12 decimals"
NAME: Final = "a name of 1 to 200 characters on one line"
_CODE: Final = "an ISO 4217 code of three capital letters"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True, str_strip_whitespace=True)


class PriceKeys(_Table):
    """What a million tokens cost."""

    input: Money = _key(..., 0.5, _MONEY, "A million tokens of the prompt.")
    cached_input: Money | None = _key(None, 0.05, _MONEY, "A million of those that the endpoint had in its cache. Default: as input.")
    output: Money = _key(..., 2.0, _MONEY, "A million tokens of the reply.")
    batch: Money | None = _key(None, 0.5, _MONEY, "What the Batch API charges of it: 0.5 is half. Default: not known.")
    currency: Currency = _key("USD", "USD", _CODE, "Its currency.")


class ModelKeys(_Table):
    """A section `[models.NAME]`."""

    base_url: Annotated[str, AfterValidator(_is_address)] | None = _key(
        None, "http://127.0.0.1:8000/v1", "an http or https URL",
        f"The address of an OpenAI-compatible API; it usually ends in /v1. Default: OPENAI_BASE_URL, else {BASE_URL}.",
    )  # fmt: skip
    model: Name | None = _key(None, "qwen3-32b", NAME, "The model's name at that address. Default: the name of the section.")
    key_env: Annotated[str, _like(r"[A-Za-z_][A-Za-z0-9_]*")] | None = _key(
        None, "FAST_API_KEY", "the name of an environment variable",
        "The NAME of the environment variable that holds the key; the key itself stands in no file. Default: OPENAI_API_KEY at OpenAI's "
        "address and at OPENAI_BASE_URL, elsewhere no key.",
    )  # fmt: skip
    max_output_tokens: Whole | None = _key(
        None, 16_000, "a whole number", "Tokens of a reply at most. Default: the endpoint's own limit.", ge=1, le=10**7
    )
    context_tokens: Whole | None = _key(
        None, 128_000, "a whole number", "Tokens of prompt and reply together at most. Default: not known.", ge=256, le=10**9
    )
    max_in_flight: Whole = _key(
        64, 64, "a whole number", "Requests at a time at most; fewer are sent while the endpoint is overloaded.", ge=1, le=4096
    )
    requests_per_minute: Number | None = _key(None, 500, "a number", "Requests a minute at most. Default: no limit.", ge=0.01, le=10**9)
    tokens_per_minute: Number | None = _key(None, 200_000, "a number", "Tokens a minute at most. Default: no limit.", ge=1, le=10**12)
    timeout_s: Number = _key(600.0, 600.0, "a number", "Seconds for one answer.", ge=0.1, le=86_400)
    deadline_s: Number = _key(1800.0, 1800.0, "a number", "Seconds for a request with all its retries.", ge=0.1, le=604_800)
    price: PriceKeys | None = _key(
        None, {"input": 0.5, "cached_input": 0.05, "output": 2.0, "batch": 0.5, "currency": "USD"},
        "a table with input and output, and cached_input, batch and currency if need be",
        "What a million tokens cost: of the prompt, of those of it that the endpoint had in its cache (if not said: as input), of the "
        "reply; what the Batch API charges of that (if not said: not known). Default: the list price, where it is known.",
    )  # fmt: skip
    batch: StrictBool | None = _key(
        None, False, "true or false", "Whether there is OpenAI's Batch API. Default: true at OpenAI's address, elsewhere false."
    )
    max_properties: Whole = _key(
        MAX_PROPERTIES, MAX_PROPERTIES, "a whole number",
        "Fields that the schema of a reply may have; a larger one is asked for in groups. OpenAI allows 5,000.", ge=1, le=10**6,
    )  # fmt: skip
    extra_body: Annotated[dict[str, Any], AfterValidator(_are_members)] = _key(
        {}, {"reasoning_effort": "low"}, "a table of what JSON can say",
        "Further members of every request, as the endpoint has them. The list price is not used where one may change what a request costs.",
    )  # fmt: skip
    headers: Annotated[dict[str, str], AfterValidator(_are_headers)] = _key(
        {}, {"OpenAI-Project": "proj_1"}, "a table of text", "Further headers of every request, none of them secret."
    )

    @model_validator(mode="after")
    def _fits(self) -> ModelKeys:
        if self.max_output_tokens and self.context_tokens and self.max_output_tokens >= self.context_tokens:
            raise ValueError("max_output_tokens must be less than context_tokens, which has to hold the prompt too")
        return self


class FileKeys(_Table):
    """The keys above the sections."""

    model: Name | None = _key(
        None, "fast", NAME, "The model that reads documents: a section, or a name at OPENAI_BASE_URL. Default: the built-in reader."
    )
    second: Name | None = _key(None, "other", NAME, "A second model that reads every document too. Default: none.")
    escalate: Name | None = _key(None, "strong", NAME, "A stronger model, asked again for flagged fields alone. Default: none.")
    samples: Whole = _key(1, 1, "a whole number", "Times that each reading is asked for.", ge=1, le=32)
    cache: Annotated[Any, AfterValidator(_is_cache)] = _key(
        True, "replies", "a folder, or true or false",
        "Where replies are kept, so that no request is paid for twice: a folder (seen from this file), or false. They hold what documents "
        "say. Default: a folder in the user's cache.",
    )  # fmt: skip
    patience_s: Number = _key(600.0, 600.0, "a number", "Seconds that a run waits for an endpoint that is down.", ge=0, le=604_800)
    shard_chars: Whole = _key(
        8_000, 24_000, "a whole number", "Characters of a document in one request; a longer one is read in parts.", ge=500, le=10**7
    )
    budget: Money | None = _key(
        None, 5.0, _MONEY,
        "What a run may cost; it stops before. It takes a known price and max_output_tokens of each model. Default: no limit.",
    )  # fmt: skip
    currency: Currency = _key("USD", "USD", _CODE, "The currency of the budget.")
    models: dict[Name, ModelKeys] = _key({}, {}, "sections such as [models.fast]", "")


FREE: Final = tuple(name for name in FileKeys.model_fields if name != "models")  # keys that the environment may set


_HEAD: Final = (
    f"Settings of structurer. It is the file that {PREFIX}CONFIG names, else {FILE} in the working folder, else structurer/{FILE} in the "
    f"user's configuration folder. The environment stands above it (samples: {PREFIX}SAMPLES), an option of the command above both."
)


def example() -> str:
    """A file with every key, all of them commented out."""
    lines = [*_comment(_HEAD), ""]
    for name in FREE:
        lines += _documented(name, FileKeys)
    lines += [*_comment("A section for each model, under the name by which commands know it."), "#[models.fast]", ""]
    for name in ModelKeys.model_fields:
        lines += _documented(name, ModelKeys)
    return "\n".join(lines).rstrip() + "\n"


def _documented(name: str, table: type[_Table]) -> list[str]:
    known = table.model_fields[name]
    default = "" if "Default:" in str(known.description) else f" Default: {_toml(known.default)}."
    return [*_comment(f"{known.description}{default} Allowed: {allowed(known)}."), f"#{name} = {_toml((known.examples or [''])[0])}", ""]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }" if value else "none"
    return json.dumps(value)


def allowed(known: Any) -> str:
    """What a key may be, in words."""
    return str(known.json_schema_extra["allowed"])
