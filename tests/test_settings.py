"""Settings: what stands above what, every mistake with its place and what is allowed, and no key in a file or in words."""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from structurer.endpoints import settings, settingskeys
from structurer.endpoints.prices import Rates, Tier
from structurer.endpoints.settings import Endpoint, Settings
from structurer.errors import UsageError

KEY = "sk-proj-Zb1Qx93LmN0pRsTuVwXy"
DAY = date(2026, 11, 1)
FULL = """
model = "fast"
second = "other"
escalate = "strong"
samples = 3
cache = "replies"
patience_s = 60
shard_chars = 9000
budget = 2.5
currency = "EUR"

[models.fast]
base_url = "http://127.0.0.1:8000/v1/"
model = "qwen3-32b"
key_env = "FAST_KEY"
max_output_tokens = 4000
context_tokens = 32000
max_in_flight = 16
requests_per_minute = 500
tokens_per_minute = 1e6
timeout_s = 90
deadline_s = 300.5
price = { input = 0.5, output = 2, currency = "EUR" }
batch = true
max_properties = 100
extra_body = { reasoning_effort = "low", chat_template_kwargs = { enable_thinking = false } }
headers = { X-Team = "reports" }

[models.strong]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def load(text: str | bytes | None = None, environ: dict[str, str] | None = None, **options: object) -> Settings:
    """The settings of a file in the working folder."""
    if text is not None:
        Path("structurer.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return settings.load(environ=environ or {}, options=options, today=DAY)


def refused(text: str | bytes | None = None, environ: dict[str, str] | None = None, **options: object) -> str:
    with pytest.raises(UsageError) as caught:
        load(text, environ, **options)
    return str(caught.value)


def chosen(found: Settings, name: str | None = None) -> Endpoint:
    endpoint = found.endpoint(name)
    assert endpoint is not None
    return endpoint


def secret(endpoint: Endpoint) -> str | None:
    return endpoint.key.get_secret_value() if endpoint.key else None


# -- what holds ----------------------------------------------------------------------------------------------------------


def test_without_file_and_environment_the_defaults_hold(folder: Path) -> None:
    found = load()
    assert dataclasses.replace(found, _around=None, _sections={}) == Settings(
        None, None, None, 1, None, 600.0, 8_000, None, "USD", None, (), {}, None
    )  # type: ignore[arg-type]
    assert found.endpoint() is None


def test_a_file_says_it_all(folder: Path) -> None:
    found = load(FULL, {"FAST_KEY": " abc "})
    assert (found.model, found.second, found.escalate, found.samples) == ("fast", "other", "strong", 3)
    assert (found.cache, found.patience_s, found.shard_chars) == (Path("replies"), 60.0, 9000)
    assert (found.budget, found.currency, found.file, found.models) == (Decimal("2.5"), "EUR", Path("structurer.toml"), ("fast", "strong"))
    fast = chosen(found)
    assert secret(fast) == "abc"
    price = fast.price
    assert price is not None
    assert (price.currency, price.tiers, price.batch) == ("EUR", (Tier(0, Rates(Decimal("0.5"), Decimal(2), Decimal("0.5"))),), ())
    assert dataclasses.replace(fast, key=None, price=None) == Endpoint(
        name="fast",
        model="qwen3-32b",
        base_url="http://127.0.0.1:8000/v1/",
        where="http://127.0.0.1:8000/v1/",
        key=None,
        key_env="FAST_KEY",
        max_output_tokens=4000,
        context_tokens=32000,
        max_in_flight=16,
        requests_per_minute=500.0,
        tokens_per_minute=1e6,
        timeout_s=90.0,
        deadline_s=300.5,
        price=None,
        batch=True,
        max_properties=100,
        extra_body={"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}},
        headers={"X-Team": "reports"},
    )


def test_an_option_stands_above_the_environment_and_that_above_the_file(folder: Path) -> None:
    environ = {"STRUCTURER_SAMPLES": "4", "STRUCTURER_BUDGET": " 7.25 ", "STRUCTURER_MODEL": "env", "STRUCTURER_CURRENCY": ""}
    found = load(FULL, environ, samples=5, model=None)
    assert (found.samples, found.budget, found.model, found.currency, found.shard_chars) == (5, Decimal("7.25"), "env", "EUR", 9000)


def test_every_key_above_the_sections_has_a_variable(folder: Path) -> None:
    environ = {
        "STRUCTURER_MODEL": "a", "STRUCTURER_SECOND": "b", "STRUCTURER_ESCALATE": "c", "STRUCTURER_SAMPLES": "2", "STRUCTURER_CACHE": "d",
        "STRUCTURER_PATIENCE_S": "1.5", "STRUCTURER_SHARD_CHARS": "700", "STRUCTURER_BUDGET": "0.1", "STRUCTURER_CURRENCY": "CNY",
    }  # fmt: skip
    found = load(None, environ)
    assert (found.model, found.second, found.escalate, found.samples, found.cache) == ("a", "b", "c", 2, Path("d"))
    assert (found.patience_s, found.shard_chars, found.budget, found.currency) == (1.5, 700, Decimal("0.1"), "CNY")


def test_the_first_file_that_is_there_is_read(folder: Path, tmp_path: Path) -> None:
    places = [
        tmp_path / "given.toml",
        tmp_path / "named.toml",
        folder / "structurer.toml",
        tmp_path / "home/.config/structurer/structurer.toml",
    ]
    places[3].parent.mkdir(parents=True)
    for number, place in enumerate(places):
        place.write_text(f"samples = {number + 1}")
    home = {"HOME": str(tmp_path / "home")}
    named = home | {"STRUCTURER_CONFIG": str(places[1])}
    assert settings.load(places[0], named).samples == 1
    assert settings.load(environ=named).samples == 2
    assert settings.load(environ=home).samples == 3
    places[2].unlink()
    assert settings.load(environ=home).file == places[3]
    xdg = {"XDG_CONFIG_HOME": str(tmp_path / "home/.config")}
    assert settings.load(environ=xdg).samples == 4
    assert settings.load(environ={"XDG_CONFIG_HOME": "home/.config"}).file is None
    assert settings.load(environ=home | {"STRUCTURER_CONFIG": os.devnull}).file is None


@pytest.mark.parametrize(
    ("text", "environ", "option", "expected"),
    [
        (None, {}, None, None),
        (None, {"HOME": "/home/me"}, None, Path("/home/me/.cache/structurer/replies")),
        (None, {"HOME": "/home/me", "XDG_CACHE_HOME": "/fast"}, None, Path("/fast/structurer/replies")),
        ("cache = true", {"HOME": "/home/me"}, None, Path("/home/me/.cache/structurer/replies")),
        ("cache = false", {"HOME": "/home/me"}, None, None),
        ('cache = "off"', {"HOME": "/home/me"}, None, None),
        ('cache = "~/kept"', {"HOME": "/home/me"}, None, Path("/home/me/kept")),
        ('cache = "/kept"', {}, None, Path("/kept")),
        ("cache = true", {"STRUCTURER_CACHE": "No"}, None, None),
        ("cache = false", {"STRUCTURER_CACHE": "kept"}, None, Path("kept")),
        ("cache = false", {"STRUCTURER_CACHE": "kept"}, Path("here"), Path("here")),
    ],
)
def test_where_replies_are_kept(
    folder: Path, text: str | None, environ: dict[str, str], option: Path | None, expected: Path | None
) -> None:
    assert load(text, environ, cache=option).cache == expected


def test_a_folder_in_a_file_is_seen_from_that_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.toml"
    file.write_text('cache = "kept"')
    assert settings.load(file, {}).cache == tmp_path / "kept"
    assert settings.load(file, {"STRUCTURER_CACHE": "kept"}).cache == Path("kept")


def test_the_example_is_documented_and_holds_when_its_keys_are_taken_in(folder: Path) -> None:
    text = settingskeys.example()
    assert load(text) == load("")
    keys = [line[1:] for line in text.splitlines() if line[:1] == "#" and line[1:2] not in ("", " ")]
    tree = tomllib.loads("\n".join(keys))
    assert set(tree) == {field.name for field in dataclasses.fields(Settings)} - {"file", "_sections", "_around"}
    assert set(tree["models"]["fast"]) == {field.name for field in dataclasses.fields(Endpoint)} - {"name", "where", "key", "set_at"}
    found = load("\n".join(keys), {"FAST_API_KEY": "abc"})
    assert chosen(found).model == "qwen3-32b"
    assert max(map(len, text.splitlines())) <= 120
    assert "# Times that each reading is asked for. Default: 1. Allowed: a whole number from 1 to 32.\n#samples = 1\n" in text


# -- which endpoint ------------------------------------------------------------------------------------------------------


def test_the_environment_alone_names_a_model_and_its_endpoint(folder: Path) -> None:
    found = load(None, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": KEY, "STRUCTURER_MODEL": "small"})
    assert (chosen(found).name, chosen(found).model, chosen(found).where) == ("small", "small", "http://127.0.0.1:9/v1")
    assert (secret(chosen(found)), chosen(found).batch, chosen(found).price) == (KEY, False, None)
    assert chosen(found, " big ").model == "big"
    assert chosen(found, " ").model == "small"


def test_a_key_or_address_alone_names_no_model(folder: Path) -> None:
    assert load(None, {"OPENAI_BASE_URL": "no address", "OPENAI_API_KEY": KEY, "STRUCTURER_MODEL": " "}).endpoint() is None


def test_openai_is_the_address_where_none_is_given(folder: Path) -> None:
    endpoint = chosen(load(None, {"OPENAI_API_KEY": KEY}), "gpt-4.1-2025-04-14")
    assert (endpoint.where, endpoint.batch, endpoint.max_in_flight, endpoint.max_properties) == (
        "https://api.openai.com/v1",
        True,
        64,
        5000,
    )
    assert endpoint.price is not None
    assert endpoint.price.tiers[0].rates.output == 8


def test_an_endpoint_of_ones_own_may_need_no_key(folder: Path) -> None:
    assert chosen(load(None, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}), "m").key is None


@pytest.mark.parametrize("text", [None, "[models.gpt]"])
def test_a_model_with_neither_key_nor_endpoint_is_refused(folder: Path, text: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        load(text).endpoint("gpt")
    assert str(caught.value) == (
        "model 'gpt' is named, but neither a key nor an endpoint\n"
        "  next: set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint of your own, or leave the model out to use the built-in reader"
    )


def test_a_name_that_is_no_section_for_want_of_a_letter_says_so(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^model 'fsat' is named, but neither a key nor an endpoint \(did you mean 'fast'\?\)"):
        load(FULL).endpoint("fsat")


def test_a_variable_that_a_section_names_must_be_set(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(FULL, {"FAST_KEY": " ", "OPENAI_API_KEY": KEY}).endpoint("fast")
    assert str(caught.value) == (
        "structurer.toml: models.fast.key_env: the environment variable FAST_KEY is not set\n"
        "  next: set FAST_KEY, or take key_env out if the endpoint needs no key"
    )


@pytest.mark.parametrize(
    ("section", "environ", "key"),
    [
        ("", {}, KEY),  # OpenAI's address
        ("", {"OPENAI_BASE_URL": "https://mine.example/v1"}, KEY),
        ('base_url = "https://api.openai.com/v1/"', {"OPENAI_BASE_URL": "https://mine.example/v1"}, KEY),
        ('base_url = "https://mine.example/v1/"', {"OPENAI_BASE_URL": "https://mine.example/v1"}, KEY),
        ('base_url = "https://other.example/v1"', {"OPENAI_BASE_URL": "https://mine.example/v1"}, None),
        ('base_url = "https://other.example/v1"', {}, None),
        ('base_url = "https://other.example/v1"\nkey_env = "OPENAI_API_KEY"', {}, KEY),
        ('base_url = "https://other.example/v1"\nkey_env = "OTHER"', {"OTHER": "abc"}, "abc"),
        ('key_env = "OTHER"', {"OTHER": "abc"}, "abc"),
    ],
)
def test_the_key_of_the_environment_goes_to_its_own_endpoint_alone(
    folder: Path, section: str, environ: dict[str, str], key: str | None
) -> None:
    assert secret(chosen(load(f"[models.m]\n{section}", environ | {"OPENAI_API_KEY": KEY}), "m")) == key


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ('model = "gpt-4.1"', True),
        ('model = "gpt-4.1"\nextra_body = { reasoning_effort = "low", top_p = 0.9 }', True),
        ('model = "gpt-4.1"\nextra_body = { service_tier = "flex" }', False),  # charged differently
        ('model = "gpt-4.1"\nbase_url = "http://127.0.0.1:8000/v1"', False),
        ("", False),
    ],
)
def test_a_list_price_holds_only_for_what_it_is_the_price_of(folder: Path, section: str, known: bool) -> None:
    assert (chosen(load(f"[models.m]\n{section}", {"OPENAI_API_KEY": KEY}), "m").price is not None) == known


def test_a_price_of_ones_own_stands_above_the_list(folder: Path) -> None:
    section = '[models."gpt-4.1".price]\ninput = 0.123456789\ncached_input = 0\noutput = 1\nbatch = 0.5'
    price = chosen(load(section, {"OPENAI_API_KEY": KEY}), "gpt-4.1").price
    assert price is not None
    assert price.tiers == (Tier(0, Rates(Decimal("0.123456789"), Decimal(1), Decimal(0))),)
    assert price.batch == (Tier(0, Rates(Decimal("0.0617283945"), Decimal("0.5"), Decimal(0))),)
    assert (price.currency, price.source) == ("USD", "")


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://host/v1", "http://", "http://[::1", "http://host:port/v1", "http://a b/v1"])
def test_what_is_no_address_is_refused(folder: Path, address: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(None, {"OPENAI_BASE_URL": address}).endpoint("m")
    assert str(caught.value) == (
        "OPENAI_BASE_URL: the endpoint's address is no http or https URL\n"
        "  next: set OPENAI_BASE_URL to an address such as https://api.openai.com/v1"
    )
    assert refused(f'[models.m]\nbase_url = "{address}"') == (
        "structurer.toml: models.m.base_url: must be an http or https URL\n  next: correct structurer.toml"
    )


@pytest.mark.parametrize("key", ["schlüssel", "a\tb", "a\nb"])
def test_a_key_that_cannot_be_sent_is_refused_without_saying_it(folder: Path, key: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(FULL, {"FAST_KEY": key}).endpoint("fast")
    assert str(caught.value) == "FAST_KEY: the API key holds a character that no key has\n  next: set FAST_KEY again"


# -- secrets -------------------------------------------------------------------------------------------------------------


def test_no_key_shows_in_words(folder: Path) -> None:
    found = load(FULL, {"FAST_KEY": KEY, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"https://me:{KEY}@mine.example/v1?key={KEY}"})
    endpoints = [chosen(found, "fast"), chosen(found, "other"), chosen(found, "strong")]
    assert [secret(endpoint) for endpoint in endpoints] == [KEY] * 3
    assert endpoints[1].where == "https://mine.example/v1"
    shown = [repr(found), str(found), *map(repr, endpoints), *map(str, endpoints), str(dataclasses.asdict(found))]
    assert [KEY in text for text in shown] == [False] * len(shown)
    with pytest.raises(TypeError):
        json.dumps(endpoints[0].key)


@pytest.mark.parametrize(
    ("text", "place", "variable"),
    [
        ('[models.fast]\napi_key = "x"', "models.fast.api_key", "FAST_API_KEY"),
        ('[models.fast]\nkey = "x"', "models.fast.key", "FAST_API_KEY"),
        (f'[models."a.b 1"]\nmodel = "{KEY}"', 'models."a.b 1".model', "A_B_1_API_KEY"),
        ('[models.1a]\npassword = "x"', "models.1a.password", "MY_API_KEY"),
        ('api-key = "x"', "api-key", "MY_API_KEY"),
        (f'model = "{KEY}"', "model", "MY_API_KEY"),
        ('[models.fast.headers]\nX-Other = "Bearer abcdefgh"', "models.fast.headers.X-Other", "FAST_API_KEY"),
        ('[models.fast.headers]\nAuthorization = "x"', "models.fast.headers.Authorization", "FAST_API_KEY"),
        (f'[models.fast]\nextra_body = {{ a = [1, {{ b = "{KEY}" }}] }}', "models.fast.extra_body.a.1.b", "FAST_API_KEY"),
        ('[models.fast]\nbase_url = "https://host/gsk_abcdefghijklmnop1234"', "models.fast.base_url", "FAST_API_KEY"),
        ('[models.fast]\nmodel = "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln"', "models.fast.model", "FAST_API_KEY"),
    ],
)
def test_a_key_in_the_file_is_refused(folder: Path, text: str, place: str, variable: str) -> None:
    assert refused(text) == (
        f"structurer.toml: {place}: holds a key, and none may stand in this file\n"
        f'  next: take it out, put the key into an environment variable ({variable}), and name that in the section: key_env = "{variable}"'
    )


def test_a_key_in_the_place_of_its_variable_is_refused(folder: Path) -> None:
    assert refused(f'[models.fast]\nkey_env = "{KEY}"').startswith(
        "structurer.toml: models.fast.key_env: takes the NAME of an environment variable, not the key\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY} = 1",
        f"[models.fast]\n{KEY} = 1",
        f"[models.{KEY}]\nsamples = 1",
        f"[models.fast.headers]\n{KEY} = '1'",
        f"[models.fast]\n{KEY} = 1\n{KEY} = 1",
        "[models.fast]\nbase_url = 'https://me:hunter22@host/v1'",
        "[models.fast]\nbase_url = 'https://host:hunter22/v1'",
        "[models.fast]\nbase_url = 'https://host/v1?code=hunter22'",
        "[models.fast]\nmax_in_flight = 'hunter22'",
        "[models.fast]\nprice = 'hunter22'",
        "[models.fast]\nkey_env = 'hunter 22'",
        "currency = 'hunter22'",
    ],
)
def test_no_mistake_repeats_what_may_be_secret(folder: Path, text: str) -> None:
    words = refused(text)
    assert [each in words for each in (KEY, "hunter22", "hunter 22")] == [False] * 3


@pytest.mark.parametrize(
    "value",
    [
        'model = "accounts/fireworks/models/deepseek-v4p1-flash"', 'model = "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF"',
        'base_url = "https://hf-endpoints-team-llama.example.com/v1"', 'base_url = "https://sk-hynix-llm.example.com/v1"',
        'extra_body = { prompt_cache_key = "monthly reports of 2026" }', 'key_env = "SK_LIVE_KEY"', 'model = "gpt-4.1-2025-04-14"',
    ],
)  # fmt: skip
def test_what_is_no_key_is_not_taken_for_one(folder: Path, value: str) -> None:
    load(f"[models.m]\n{value}")


# -- mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("samples = 0", "samples: is 0, must be a whole number from 1 to 32"),
        ('samples = "many"', "samples: is text, must be a whole number from 1 to 32"),
        ("samples = 0x" + "f" * 9000, "samples: is a huge number, must be a whole number from 1 to 32"),
        ("samples = true", "samples: is true, must be a whole number from 1 to 32"),
        ("samples = 1.5", "samples: is 1.5, must be a whole number from 1 to 32"),
        ("samples = 2026-01-01", "samples: is a date or time, must be a whole number from 1 to 32"),
        ("patience_s = nan", "patience_s: is NaN, must be a number from 0 to 604,800"),
        ("patience_s = inf", "patience_s: is Infinity, must be a number from 0 to 604,800"),
        ("budget = -0.01", "budget: is -0.01, must be an amount from 0 to 1,000,000 with at most 12 decimals"),
        ("budget = 1e-13", "budget: is 1e-13, must be an amount from 0 to 1,000,000 with at most 12 decimals"),
        ("budget = []", "budget: is a list, must be an amount from 0 to 1,000,000 with at most 12 decimals"),
        ('currency = "euro"', "currency: must be an ISO 4217 code of three capital letters"),
        ('model = " "', "model: must be a name of 1 to 200 characters on one line"),
        ('model = "a\\nb"', "model: must be a name of 1 to 200 characters on one line"),
        ("model = 4", "model: is 4, must be a name of 1 to 200 characters on one line"),
        ("cache = 3", "cache: is 3, must be a folder, or true or false"),
        ('cache = ""', "cache: must be a folder, or true or false"),
        ('modle = "fast"', "modle: unknown key; did you mean model?"),
        ("max_in_flight = 3", "max_in_flight: unknown key; it belongs into a section, such as models.fast.max_in_flight"),
        (
            "zzz = 3",
            "zzz: unknown key; known: model, second, escalate, samples, cache, patience_s, shard_chars, budget, currency, models",
        ),
        ("models = 3", "models: is 3, must be sections such as [models.fast]"),
        ("[models]\nfast = 3", "models.fast: is 3, must be sections such as [models.fast]"),
        ('[models.""]', 'models."": must be a name of 1 to 200 characters on one line'),
        ("[models.fast]\nmax_in_flight = 0", "models.fast.max_in_flight: is 0, must be a whole number from 1 to 4,096"),
        ("[models.fast]\ntiemout_s = 3", "models.fast.tiemout_s: unknown key; did you mean timeout_s?"),
        ("[models.fast]\nbatch = 1", "models.fast.batch: is 1, must be true or false"),
        ('[models.fast]\nkey_env = "A B"', "models.fast.key_env: must be the name of an environment variable"),
        ("[models.fast]\nprice = { input = 1 }", "models.fast.price.output: is missing"),
        ("[models.fast]\nprice = { input = 1, output = 1, ouput = 2 }", "models.fast.price.ouput: unknown key; did you mean output?"),
        (
            '[models.fast]\nprice = "cheap"',
            "models.fast.price: is text, must be a table with input and output, and cached_input, batch and currency if need be",
        ),
        (
            "[models.fast]\nmax_output_tokens = 1000\ncontext_tokens = 1000",
            "models.fast: max_output_tokens must be less than context_tokens, which has to hold the prompt too",
        ),
        (
            '[models.fast]\nbase_url = "https://host/v1#x"',
            "models.fast.base_url: must have no user, password, query or fragment, which may be secret",
        ),
        ("[models.fast]\nextra_body = { model = 1 }", "models.fast.extra_body: model: is set by structurer itself"),
        (
            "[models.fast]\nextra_body = { max_tokens = 1 }",
            "models.fast.extra_body: max_tokens: is set by structurer itself; use max_output_tokens",
        ),
        (
            "[models.fast]\nextra_body = { a = [2026-01-01] }",
            "models.fast.extra_body: must be what JSON can say, with at most 20 levels",
        ),
        ("[models.fast]\nextra_body = { a = inf }", "models.fast.extra_body: must be what JSON can say, with at most 20 levels"),
        ("[models.fast]\nextra_body = 3", "models.fast.extra_body: is 3, must be a table of what JSON can say"),
        ("[models.fast]\nheaders = { A = 3 }", "models.fast.headers.A: is 3, must be a table of text"),
        (
            "[models.fast]\nheaders = { X-Api-Key = 'abc' }",
            "models.fast.headers: X-Api-Key: may not be set here; the key is sent from the variable that key_env names",
        ),
        (
            '[models.fast]\nheaders = { A = "b\\r\\nC: d" }',
            "models.fast.headers: A: no header of letters, digits and hyphens, with a value of printable ASCII",
        ),
    ],
)
def test_a_mistake_is_said_with_its_place_and_what_is_allowed(folder: Path, text: str, words: str) -> None:
    assert refused(text) == f"structurer.toml: {words}\n  next: correct structurer.toml"


def test_all_mistakes_are_said_at_once(folder: Path) -> None:
    assert refused("samples = 0\n[models.fast]\ntimeout_s = 'x'", {"STRUCTURER_BUDGET": "much"}) == (
        "3 mistakes\n"
        "  structurer.toml: samples: is 0, must be a whole number from 1 to 32\n"
        "  STRUCTURER_BUDGET: is text, must be an amount from 0 to 1,000,000 with at most 12 decimals\n"
        "  structurer.toml: models.fast.timeout_s: is text, must be a number from 0.1 to 86,400\n"
        "  next: correct structurer.toml"
    )


def test_of_very_many_mistakes_the_first_are_said(folder: Path) -> None:
    lines = refused("\n".join(f"zzz{number} = 1" for number in range(500))).splitlines()
    assert lines[0] == "500 mistakes"
    assert lines[-2:] == ["  and 480 more", "  next: correct structurer.toml"]
    assert len(lines) == 23


def test_a_mistake_of_the_environment_or_an_option_is_said_as_that(folder: Path) -> None:
    words = "is 0, must be a whole number from 500 to 10,000,000\n  next: give another value, or none"
    assert refused(None, {"STRUCTURER_SHARD_CHARS": "0"}) == f"STRUCTURER_SHARD_CHARS: {words}"
    assert refused("shard_chars = 9000", {"STRUCTURER_SHARD_CHARS": "9000"}, shard_chars=0) == f"--shard-chars: {words}"


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("STRUCTURER_BUDGT", "STRUCTURER_BUDGET"), ("STRUCTURER_MODELS", "STRUCTURER_MODEL"), ("STRUCTURER_CONFG", "STRUCTURER_CONFIG")],
)
def test_a_variable_that_is_almost_a_key_is_refused(folder: Path, variable: str, meant: str) -> None:
    assert refused(None, {variable: "5"}) == f"{variable}: unknown; did you mean {meant}?\n  next: unset {variable}"


def test_variables_of_other_names_are_others_business(folder: Path) -> None:
    assert load(None, {"STRUCTURER_HOME_PAGE": "x", "SAMPLES": "3", "OPENAI_ORG": "y"}).samples == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"samples = ", "no TOML: Invalid value (at line 1, column 11)"),
        (b"samples = 2\n[models.fast\n", "no TOML: Expected ']' at the end of a table declaration (at line 2, column 13)"),
        (b"a = 1\nb = '''\n", "no TOML: Expected \"'''\" (at line 3, column 1)"),
        (b"samples = 2\nsamples = 3", "no TOML: Cannot overwrite a value (at line 2, column 12)"),
    ],
)
def test_broken_toml_is_said_with_line_and_column(folder: Path, content: bytes, words: str) -> None:
    assert refused(content) == f"structurer.toml: {words}\n  next: correct that line; text stands in double quotes"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = 1\n\n# \xff", "structurer.toml: no UTF-8 (at line 3)\n  next: save it as UTF-8"),
        (b"#" * 70_000, "structurer.toml: more than 65,536 bytes of settings\n  next: name another with STRUCTURER_CONFIG"),
        (b"a = " + b"[" * 30_000, "structurer.toml: nested too deeply\n  next: name another with STRUCTURER_CONFIG"),
        (b"a." * 30_000 + b"b = 1", "structurer.toml: nested too deeply\n  next: name another with STRUCTURER_CONFIG"),
        (b"a = " + b"9" * 5000, "structurer.toml: a number of too many digits\n  next: correct structurer.toml"),
        (b"a." * 400 + b"b = 1", "structurer.toml: a.a.a: more than 20 levels\n  next: correct structurer.toml"),
    ],
)
def test_a_hostile_file_is_refused_at_once(folder: Path, content: bytes, words: str) -> None:
    assert refused(content) == words


def test_windows_line_ends_and_a_byte_order_mark_are_read(folder: Path) -> None:
    assert load(b'\xef\xbb\xbfsamples = 2\r\ncurrency = "EUR"\r\n').samples == 2


def test_a_named_file_must_be_there(folder: Path) -> None:
    words = "nowhere.toml: no such file of settings\n  next: name another with STRUCTURER_CONFIG, or make it"
    assert refused(None, {"STRUCTURER_CONFIG": "nowhere.toml"}) == words
    with pytest.raises(UsageError) as caught:
        settings.load(Path("nowhere.toml"), {})
    assert str(caught.value) == words
    (folder / "nowhere.toml").mkdir()
    assert refused(None, {"STRUCTURER_CONFIG": "nowhere.toml"}) == words


def test_a_file_that_cannot_be_opened_says_why(folder: Path) -> None:
    long = "x" * 300
    words = refused(None, {"STRUCTURER_CONFIG": long})
    assert words in (
        f"{long}: the settings cannot be read (file name too long)\n  next: name another with STRUCTURER_CONFIG",
        f"{long}: no such file of settings\n  next: name another with STRUCTURER_CONFIG, or make it",
    )
