"""Settings: one documented file, `structurer.toml`, and the environment; a command's option stands above both.

The file is the one that the caller or STRUCTURER_CONFIG names, else `structurer.toml` in the working folder, else the one in the user's
configuration folder; `example` prints every key with its meaning. OPENAI_BASE_URL, OPENAI_API_KEY and STRUCTURER_MODEL work without any
file, and every key above the sections has a variable of its own (`samples`: STRUCTURER_SAMPLES). No key stands in the file: a section names
the environment variable that holds it. OPENAI_API_KEY goes to OpenAI, to OPENAI_BASE_URL and to addresses whose section names it, and
nowhere else.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StrictBool, ValidationError, model_validator

from structurer.errors import UsageError
from structurer.prices import Price, Rates, listed, stated

FILE: Final = "structurer.toml"
BASE_URL: Final = "https://api.openai.com/v1"
KEY_ENV: Final = "OPENAI_API_KEY"
PREFIX: Final = "STRUCTURER_"
MAX_BYTES: Final = 65_536  # of the file
MAX_DOTS: Final = 500  # in a line; the time that tomllib takes grows with the square of the parts of a key
MAX_DEPTH: Final = 20  # levels of nesting
MAX_SAID: Final = 20  # mistakes
MAX_PROPERTIES: Final = 5000  # https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas
SET_HERE: Final = frozenset((  # members of a request that structurer sets, so that extra_body may not
    "model", "messages", "response_format", "stream", "stream_options", "n", "tools", "tool_choice", "max_tokens",
    "max_completion_tokens", "logprobs", "top_logprobs", "seed", "temperature",
))  # fmt: skip
SAME_PRICE: Final = frozenset((  # members of a request that change no price; beside any other the list price is not believed
    "reasoning_effort", "reasoning", "verbosity", "thinking", "enable_thinking", "thinking_budget", "chat_template_kwargs", "top_p",
    "top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "stop", "user", "safety_identifier", "metadata",
    "store", "prompt_cache_key",
))  # fmt: skip
_SECRET: Final = re.compile(  # what keys of known makers, and tokens in general, look like
    r"\bsk-(?=[\w-]{0,60}\d)[\w-]{12,}|\b(?:pk|rk|sk|gsk|xai|hf|nvapi|csk|fw|pplx|ghp)[-_](?:[A-Za-z\d]{1,30}[-_]){0,4}[A-Za-z\d]{16}[\w-]*"
    r"|\bgithub_pat_\w{20,}|\bAIza[\w-]{30,}|\bAKIA[A-Z0-9]{16}\b|\beyJ[\w-]{8,400}\.[\w-]+\.[\w-]*|\bBearer\s+\S{8,}"
)
_SECRET_NAMES: Final = frozenset(("apikey", "accesstoken", "authtoken", "token", "bearer", "password", "secret", "authorization"))
_NOT_FREE: Final = re.compile(r"auth|key|token|secret|cookie|password|^host$|^content-|^transfer-|^connection$", re.IGNORECASE)
_OFF, _ON = frozenset(("off", "false", "no", "0")), frozenset(("on", "true", "yes", "1"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at an endpoint: `name` is the user's for it, `model` that on the wire, `where` the address without what may be secret.

    None is no limit, or none that is known. `price` is the user's, else the list price, None where neither is known; `batch` whether there
    is a Batch API; `max_properties` are leaves of a reply schema; `extra_body` are further members of every request, `headers` further
    headers.
    """

    name: str
    model: str
    base_url: str = field(repr=False)
    where: str
    key: SecretStr | None
    key_env: str
    max_output_tokens: int | None
    context_tokens: int | None
    max_in_flight: int
    requests_per_minute: float | None
    tokens_per_minute: float | None
    timeout_s: float
    deadline_s: float
    price: Price | None
    batch: bool
    max_properties: int
    extra_body: Mapping[str, Any]
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a run. `file` is the one that was read, `models` its sections; `cache` is the folder of replies, None where none are
    kept; `budget` is None where there is no limit."""

    model: str | None
    second: str | None
    escalate: str | None
    samples: int
    cache: Path | None
    patience_s: float
    shard_chars: int
    budget: Decimal | None
    currency: str
    file: Path | None
    models: tuple[str, ...]
    _sections: Mapping[str, Mapping[str, Any]] = field(repr=False)
    _around: _Around = field(repr=False)

    def endpoint(self, name: str | None = None) -> Endpoint | None:
        """The model of a section or, where none has this name, that of this name at the environment's endpoint; by default `model`.

        None when no model is named: a key or address alone sends no document anywhere. Raises UsageError where an address cannot be one, or
        a key is missing.
        """
        name = _given(name) or self.model
        if name is None:
            return None
        section = self._sections.get(name)
        return _endpoint(name, section or _Model().model_dump(), self._around, self.models)


@dataclass(frozen=True, slots=True)
class _Around:
    """What sections are completed with."""

    file: Path | None
    base_url: SecretStr | None
    keys: Mapping[str, SecretStr]
    today: date


def load(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    options: Mapping[str, Any] | None = None,
    today: date | None = None,
) -> Settings:
    """The settings of a file, the environment and a command's `options` (by key; None: not given). The later ones win.

    Raises UsageError for a file that cannot be read, and for what cannot be: all mistakes at once, each with its place and what is allowed.
    """
    file = _found(path, environ)
    given = {key: str(value) if isinstance(value, Path) else value for key, value in (options or {}).items() if value is not None}
    layers = {"file": _tree(file) if file else {}, "environment": _variables(environ), "option": given}
    origin = {key: layer for layer, values in layers.items() for key in values}
    try:
        parsed = _File.model_validate({key: value for values in layers.values() for key, value in values.items()})
    except ValidationError as error:
        raise _refused(error, file, origin) from None
    sections = {name: section.model_dump() for name, section in parsed.models.items()}
    names = {KEY_ENV, *(section["key_env"] for section in sections.values() if section["key_env"])}
    base_url = _given(environ.get("OPENAI_BASE_URL"))
    around = _Around(
        file,
        SecretStr(base_url) if base_url else None,
        {name: SecretStr(key) for name in names if (key := _given(environ.get(name)))},
        today or date.today(),
    )
    plain = parsed.model_dump(exclude={"models", "cache"})
    base = file.parent if file and origin.get("cache") == "file" else Path()
    return Settings(
        **plain, cache=_cache_folder(parsed.cache, base, environ), file=file, models=tuple(sections), _sections=sections, _around=around
    )


# -- the keys of the file: each with its default, an example, what is allowed (numbers: by their limits) and its meaning ------------------


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
        parts, _ = urlsplit(text), _public(text)
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
_NAME: Final = "a name of 1 to 200 characters on one line"
_CODE: Final = "an ISO 4217 code of three capital letters"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True, str_strip_whitespace=True)


class _Price(_Table):
    input: Money = _key(..., 0.5, _MONEY, "A million tokens of the prompt.")
    cached_input: Money | None = _key(None, 0.05, _MONEY, "A million of those that the endpoint had in its cache. Default: as input.")
    output: Money = _key(..., 2.0, _MONEY, "A million tokens of the reply.")
    batch: Money | None = _key(None, 0.5, _MONEY, "What the Batch API charges of it: 0.5 is half. Default: not known.")
    currency: Currency = _key("USD", "USD", _CODE, "Its currency.")


class _Model(_Table):
    base_url: Annotated[str, AfterValidator(_is_address)] | None = _key(
        None, "http://127.0.0.1:8000/v1", "an http or https URL",
        f"The address of an OpenAI-compatible API; it usually ends in /v1. Default: OPENAI_BASE_URL, else {BASE_URL}.",
    )  # fmt: skip
    model: Name | None = _key(None, "qwen3-32b", _NAME, "The model's name at that address. Default: the name of the section.")
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
    price: _Price | None = _key(
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
    def _fits(self) -> _Model:
        if self.max_output_tokens and self.context_tokens and self.max_output_tokens >= self.context_tokens:
            raise ValueError("max_output_tokens must be less than context_tokens, which has to hold the prompt too")
        return self


class _File(_Table):
    model: Name | None = _key(
        None, "fast", _NAME, "The model that reads documents: a section, or a name at OPENAI_BASE_URL. Default: the built-in reader."
    )
    second: Name | None = _key(None, "other", _NAME, "A second model that reads every document too. Default: none.")
    escalate: Name | None = _key(None, "strong", _NAME, "A stronger model, asked again for flagged fields alone. Default: none.")
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
    models: dict[Name, _Model] = _key({}, {}, "sections such as [models.fast]", "")


_FREE: Final = tuple(name for name in _File.model_fields if name != "models")  # keys that the environment may set


_HEAD: Final = (
    f"Settings of structurer. It is the file that {PREFIX}CONFIG names, else {FILE} in the working folder, else structurer/{FILE} in the "
    f"user's configuration folder. The environment stands above it (samples: {PREFIX}SAMPLES), an option of the command above both."
)


def example() -> str:
    """A file with every key, all of them commented out."""
    lines = [*_comment(_HEAD), ""]
    for name in _FREE:
        lines += _documented(name, _File)
    lines += [*_comment("A section for each model, under the name by which commands know it."), "#[models.fast]", ""]
    for name in _Model.model_fields:
        lines += _documented(name, _Model)
    return "\n".join(lines).rstrip() + "\n"


def _documented(name: str, table: type[_Table]) -> list[str]:
    known = table.model_fields[name]
    default = "" if "Default:" in str(known.description) else f" Default: {_toml(known.default)}."
    return [*_comment(f"{known.description}{default} Allowed: {_allowed(known)}."), f"#{name} = {_toml((known.examples or [''])[0])}", ""]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }" if value else "none"
    return json.dumps(value)


def _allowed(known: Any) -> str:
    return str(known.json_schema_extra["allowed"])


# -- reading ------------------------------------------------------------------------------------------------------------------------------


def _given(text: str | None) -> str | None:
    return (text or "").strip() or None


def _found(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the one that is named, or the first that is there; none where the null device is named."""
    named = path or (Path(text) if (text := _given(environ.get(f"{PREFIX}CONFIG"))) else None)
    if named is not None:
        return None if str(named) == os.devnull else named
    folder = _user_folder("config", environ)
    candidates = [Path(FILE), *([folder / "structurer" / FILE] if folder else [])]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _user_folder(kind: str, environ: Mapping[str, str]) -> Path | None:
    """The user's folder for "config" or "cache" (XDG base directories; AppData on Windows); None for a user without a home."""
    variable = {"config": "APPDATA", "cache": "LOCALAPPDATA"}[kind] if sys.platform == "win32" else f"XDG_{kind.upper()}_HOME"
    stated, home = _given(environ.get(variable)), _given(environ.get("HOME"))
    if stated and Path(stated).is_absolute():  # as the XDG specification has it, others are ignored
        return Path(stated)
    return Path(home) / f".{kind}" if home else None


def _cache_folder(choice: bool | str, base: Path, environ: Mapping[str, str]) -> Path | None:
    home, folder = _given(environ.get("HOME")), _user_folder("cache", environ)
    if isinstance(choice, str):
        return Path(home) / choice[2:] if home and choice.startswith("~/") else base / choice
    return folder / "structurer" / "replies" if choice and folder else None


def _tree(file: Path) -> dict[str, Any]:
    """The file's keys. Raises UsageError where it is none, or holds a key to an endpoint."""
    try:
        if not file.is_file():
            raise UsageError("no such file of settings", where=str(file), remedy=f"name another with {PREFIX}CONFIG, or make it")
        with file.open("rb") as opened:
            read = opened.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"the settings cannot be read ({reason})", where=str(file), remedy=f"name another with {PREFIX}CONFIG") from None
    if len(read) > MAX_BYTES:
        raise UsageError(f"more than {MAX_BYTES:,} bytes of settings", where=str(file), remedy=f"name another with {PREFIX}CONFIG")
    tree = _parsed(read, file)
    leaks = sorted(_secrets(tree, file))
    if leaks:
        raise _leaked(leaks[0], file)
    return tree


def _parsed(read: bytes, file: Path) -> dict[str, Any]:
    try:
        text = read.decode("utf-8-sig")
        if max(line.count(".") for line in text.split("\n")) > MAX_DOTS:
            raise RecursionError
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = read.count(b"\n", 0, error.start) + 1
        what, remedy = f"no UTF-8 (at line {line})", "save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        end = read.decode("utf-8-sig").split("\n")
        said = str(error).replace("at end of document", f"at line {len(end)}, column {len(end[-1]) + 1}")
        what, remedy = f"no TOML: {_masked(said)}", "correct that line; text stands in double quotes"
    except ValueError:  # of int(), which takes 4300 digits
        what, remedy = "a number of too many digits", f"correct {file}"
    except RecursionError:
        what, remedy = "nested too deeply", f"name another with {PREFIX}CONFIG"
    raise UsageError(what, where=str(file), remedy=remedy)


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The keys that the environment sets. Raises UsageError for a variable that is all but one of them: a budget misspelt is none."""
    known = {f"{PREFIX}{name.upper()}": name for name in _FREE}
    for name in environ:
        near = difflib.get_close_matches(name, [*known, f"{PREFIX}CONFIG"], 1, 0.85) if name.startswith(PREFIX) else []
        if near and near[0] != name and name not in known:
            raise UsageError(f"unknown; did you mean {near[0]}?", where=name, remedy=f"unset {name}")
    return {key: text for name, key in known.items() if (text := _given(environ.get(name)))}


# -- mistakes -----------------------------------------------------------------------------------------------------------------------------


def _masked(text: str) -> str:
    return _SECRET.sub("[key]", text)


def _secrets(tree: dict[str, Any], file: Path) -> Iterator[tuple[str, ...]]:
    """Where in the file something looks like a key, by its value or by its name. Raises UsageError for a file nested too deeply."""
    ahead: list[tuple[tuple[str, ...], Any]] = [((name,), value) for name, value in tree.items()]
    while ahead:
        place, value = ahead.pop()
        if len(place) > MAX_DEPTH:
            raise UsageError(f"more than {MAX_DEPTH} levels", where=f"{file}: {_path(place[:3])}", remedy=f"correct {file}")
        folded = re.sub(r"[-_. ]", "", place[-1]).lower()
        by_name = folded in _SECRET_NAMES or (folded == "key" and len(place) <= 3)
        if _SECRET.search(place[-1]) or (isinstance(value, str) and (by_name or _SECRET.search(value))):
            yield place
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ahead += [((*place, str(name)), each) for name, each in children]


def _leaked(place: tuple[str, ...], file: Path) -> UsageError:
    section = re.sub(r"[^A-Z0-9]+", "_", place[1].upper()).strip("_") if len(place) > 1 and place[0] == "models" else ""
    variable = f"{section}_API_KEY" if section and not section[0].isdigit() else "MY_API_KEY"
    named = place[-1] == "key_env"
    what = "takes the NAME of an environment variable, not the key" if named else "holds a key, and none may stand in this file"
    remedy = f'take it out, put the key into an environment variable ({variable}), and name that in the section: key_env = "{variable}"'
    return UsageError(what, where=f"{file}: {_path(place)}", remedy=remedy)


def _refused(error: ValidationError, file: Path | None, origin: Mapping[str, str]) -> UsageError:
    """All mistakes as one error, without the texts that stand there: they may be secret."""
    found = [(tuple(str(part) for part in each["loc"] if part != "[key]"), each) for each in error.errors(include_url=False)]
    said = [(_place(place, file, origin), _words(place, each)) for place, each in found]
    remedy = f"correct {file}" if any(origin.get(place[0]) == "file" for place, _ in found) else "give another value, or none"
    if len(said) == 1:
        return UsageError(said[0][1], where=said[0][0], remedy=remedy)
    lines = [f"{place}: {words}" for place, words in said[:MAX_SAID]]
    more = [f"and {len(said) - MAX_SAID} more"] if len(said) > MAX_SAID else []
    return UsageError("\n  ".join([f"{len(said)} mistakes", *lines, *more]), remedy=remedy)


def _place(place: tuple[str, ...], file: Path | None, origin: Mapping[str, str]) -> str:
    match origin.get(place[0]):
        case "environment":
            return f"{PREFIX}{place[0].upper()}"
        case "option":
            return f"--{place[0].replace('_', '-')}"
        case _:
            return f"{file}: {_path(place)}"


def _path(place: tuple[str, ...]) -> str:
    """A key path as TOML has it: models.fast.price."""
    parts = (part if re.fullmatch(r"[A-Za-z0-9_-]{1,200}", part) else json.dumps(part[:200], ensure_ascii=False) for part in place)
    return _masked(".".join(parts))


def _words(place: tuple[str, ...], each: Any) -> str:
    """What is wrong there, and what is allowed."""
    if each["type"] == "extra_forbidden":
        return _unknown(place)
    if each["type"] == "missing":
        return "is missing"
    known, own = _table_at(place).get(place[-1]), str(each.get("ctx", {}).get("error", ""))
    if each["loc"][-1] == "[key]":  # pydantic's mark of a bad name
        return f"must be {_NAME}"
    if known is None:
        known = _Model.model_fields.get(place[2] if len(place) > 2 else "", _File.model_fields["models"])
    is_kind = "" if each["type"] == "value_error" and isinstance(each["input"], str) else f"is {_kind(each['input'])}, "
    return _masked(own) if own else f"{is_kind}must be {_allowed(known)}"


def _unknown(place: tuple[str, ...]) -> str:
    name, known = place[-1], list(_table_at(place))
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    if len(place) == 1 and name in _Model.model_fields:
        return f"unknown key; it belongs into a section, such as models.fast.{name}"
    return f"unknown key; known: {', '.join(known)}"


def _table_at(place: tuple[str, ...]) -> Mapping[str, Any]:
    """The keys beside the one at a place."""
    if place[0] != "models":
        return _File.model_fields if len(place) == 1 else {}
    return {3: _Model.model_fields, 4: _Price.model_fields if place[2:3] == ("price",) else {}}.get(len(place), {})


def _kind(value: Any) -> str:
    """A value in words; of text, only what is a number is shown."""
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 10**18):
        return json.dumps(value)
    if isinstance(value, str):
        return value.strip() if re.fullmatch(r"\s*[-+]?[0-9.]{1,20}\s*", value) else "text"
    return {dict: "a table", list: "a list", int: "a huge number", type(None): "nothing"}.get(type(value), "a date or time")


# -- completing sections ------------------------------------------------------------------------------------------------------------------


def _endpoint(name: str, section: Mapping[str, Any], around: _Around, names: tuple[str, ...]) -> Endpoint:
    base_url, from_environment = section["base_url"], around.base_url.get_secret_value() if around.base_url else None
    where = f"{around.file}: {_path(('models', name))}"
    address = base_url or from_environment or BASE_URL
    at_home = base_url is None or base_url.rstrip("/") in (BASE_URL, (from_environment or "").rstrip("/"))
    variable = section["key_env"] or (KEY_ENV if at_home else "")
    key = around.keys.get(variable)
    if key is None and section["key_env"]:
        remedy = f"set {variable}, or take key_env out if the endpoint needs no key"
        raise UsageError(f"the environment variable {variable} is not set", where=f"{where}.key_env", remedy=remedy)
    if key is None and address.rstrip("/") == BASE_URL:
        raise _no_key(name, names)
    own = {each: section[each] for each in _AS_THEY_ARE}
    return Endpoint(
        name=name,
        model=section["model"] or name,
        base_url=address,
        where=_public(address),
        key=_sendable(key, variable),
        key_env=variable,
        price=_price(section, section["model"] or name, address, around.today),
        batch=address.rstrip("/") == BASE_URL if section["batch"] is None else section["batch"],
        **own,
    )


_AS_THEY_ARE: Final = tuple(name for name in _Model.model_fields if name not in ("base_url", "model", "key_env", "price", "batch"))


def _no_key(name: str, names: tuple[str, ...]) -> UsageError:
    near = difflib.get_close_matches(name, names, 1)
    meant = f" (did you mean {near[0]!r}?)" if near and near[0] != name else ""
    return UsageError(
        f"model {name!r} is named, but neither a key nor an endpoint{meant}",
        remedy="set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint of your own, or leave the model out to use the built-in reader",
    )


def _price(section: Mapping[str, Any], model: str, address: str, today: date) -> Price | None:
    own = section["price"]
    if own is not None:
        cached = own["input"] if own["cached_input"] is None else own["cached_input"]
        return stated(Rates(own["input"], own["output"], cached), batch=own["batch"], currency=own["currency"])
    return listed(model, address, today) if section["extra_body"].keys() <= SAME_PRICE else None


def _sendable(key: SecretStr | None, variable: str) -> SecretStr | None:
    text = key.get_secret_value() if key else ""
    if not (text.isascii() and text.isprintable()):
        raise UsageError("the API key holds a character that no key has", where=variable, remedy=f"set {variable} again")
    return key


def _public(base_url: str) -> str:
    """The address without the user, password and query it may hold."""
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname or not base_url.isprintable() or " " in base_url:
        remedy = f"set OPENAI_BASE_URL to an address such as {BASE_URL}"
        raise UsageError("the endpoint's address is no http or https URL", where="OPENAI_BASE_URL", remedy=remedy)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"
