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
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from structurer.endpoints.addresses import BASE_URL, public
from structurer.endpoints.prices import Price, Rates, listed, stated
from structurer.endpoints.settingskeys import FILE, FREE, MAX_DEPTH, NAME, PREFIX, FileKeys, ModelKeys, PriceKeys, allowed
from structurer.errors import UsageError

KEY_ENV: Final = "OPENAI_API_KEY"
MAX_BYTES: Final = 65_536  # of the file
MAX_DOTS: Final = 500  # in a line; the time that tomllib takes grows with the square of the parts of a key
MAX_SAID: Final = 20  # mistakes
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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at an endpoint: `name` is the user's for it, `model` that on the wire, `where` the address without what may be secret.

    None is no limit, or none that is known. `price` is the user's, else the list price, None where neither is known; `batch` whether there
    is a Batch API; `max_properties` are leaves of a reply schema; `extra_body` are further members of every request, `headers` further
    headers; `set_at` is where the user has set the address.
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
    set_at: str = field(default="OPENAI_BASE_URL", compare=False)


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
        return _endpoint(name, section or ModelKeys().model_dump(), self._around, self.models)


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
        parsed = FileKeys.model_validate({key: value for values in layers.values() for key, value in values.items()})
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
    known = {f"{PREFIX}{name.upper()}": name for name in FREE}
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
        return f"must be {NAME}"
    if known is None:
        known = ModelKeys.model_fields.get(place[2] if len(place) > 2 else "", FileKeys.model_fields["models"])
    is_kind = "" if each["type"] == "value_error" and isinstance(each["input"], str) else f"is {_kind(each['input'])}, "
    return _masked(own) if own else f"{is_kind}must be {allowed(known)}"


def _unknown(place: tuple[str, ...]) -> str:
    name, known = place[-1], list(_table_at(place))
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    if len(place) == 1 and name in ModelKeys.model_fields:
        return f"unknown key; it belongs into a section, such as models.fast.{name}"
    return f"unknown key; known: {', '.join(known)}"


def _table_at(place: tuple[str, ...]) -> Mapping[str, Any]:
    """The keys beside the one at a place."""
    if place[0] != "models":
        return FileKeys.model_fields if len(place) == 1 else {}
    return {3: ModelKeys.model_fields, 4: PriceKeys.model_fields if place[2:3] == ("price",) else {}}.get(len(place), {})


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
        where=public(address),
        key=_sendable(key, variable),
        key_env=variable,
        price=_price(section, section["model"] or name, address, around.today),
        batch=address.rstrip("/") == BASE_URL if section["batch"] is None else section["batch"],
        set_at=f"{_path(('models', name))}.base_url in {around.file}" if base_url else "OPENAI_BASE_URL",
        **own,
    )


_AS_THEY_ARE: Final = tuple(name for name in ModelKeys.model_fields if name not in ("base_url", "model", "key_env", "price", "batch"))


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
