"""`structurer doctor` says of every endpoint whether it can be used and what it understands, and the next command for what fails."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from made import call
from stub_answers import say
from stub_running import Prefix, Running, running

from structurer import doctor
from structurer.endpoints import settings
from structurer.endpoints.known import Known

KEY = "sk-test-0123456789"
COPY = json.dumps({"amount_42": "1,234.50", "paid_on_42": None, "lines_42": [{"text_42": "Total due: 1,234.50"}]})
PORTABLE = json.dumps({"amount_42": "1,234.50", "paid_on_42": "", "lines_42": []})
BAD_ADDRESS = "check that models.fast.base_url in structurer.toml is the address of an OpenAI-compatible API; it usually ends in /v1"


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settle(address: str, more: str = "", model: str = "tiny") -> None:
    Path("structurer.toml").write_text(
        f'model = "fast"\n[models.fast]\nmodel = "{model}"\nbase_url = "{address}"\nkey_env = "FAST_KEY"\ntimeout_s = 5\n{more}\n'
    )


def told(name: str | None = None, **environ: str) -> tuple[bool, dict[str, str]]:
    """Whether the model can be used, and what is said, by what it is about: state, words, next command."""
    lines: list[str] = []
    around = {"FAST_KEY": KEY, "XDG_CACHE_HOME": str(Path.cwd() / "cache"), **environ}
    usable = doctor.tell(settings.load(environ=around), name, lines.append)
    assert KEY not in "".join(lines)
    found = [re.fullmatch(r"(ok|note|failed) +(\S+(?: \S+)*)  +(.*?)(\n {27}next: .*)?", line, re.DOTALL) for line in lines]
    return usable, {one[2]: f"{one[1]}: {one[3]}{(one[4] or '').replace(chr(10) + ' ' * 27, ' | ')}" for one in found if one}


def answered_by(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> tuple[bool, dict[str, str]]:
    """What is said of an endpoint of one's own."""

    async def asked() -> tuple[bool, dict[str, str]]:
        runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            settle(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
            return await asyncio.to_thread(told)
        finally:
            await runner.cleanup()

    return asyncio.run(asked())


# -- an endpoint that is well --------------------------------------------------------------------------------------------


def test_a_good_endpoint_is_ok_in_every_line(stub: Running) -> None:
    prefix = stub.load(text=COPY, models=["tiny", "qwen"])
    settle(prefix.base_url, "price = { input = 0.5, output = 2 }")
    usable, found = told()
    assert re.fullmatch(r"ok: answers in \d+ ms", found.pop("address"))
    assert re.fullmatch(r"ok: \d+\.\d s for a tiny copy", found.pop("latency"))
    assert (usable, found) == (
        True,
        {
            "settings": "ok: structurer.toml",
            "model": f"ok: fast, on the wire tiny, at {prefix.base_url}",
            "key": "ok: from FAST_KEY",
            "reply": "ok: of the shape, and copied as printed",
            "schema": "ok: json_schema",
            "log probabilities": "ok: yes",
            "token counts": "ok: yes",
            "temperature, seed": "ok: yes",
            "price": "ok: 0.5 in, 2 out USD for a million tokens",
            "cache": f"ok: {Path.cwd()}/cache/structurer/replies",
        },
    )


def test_the_command_prints_its_findings_and_exits_0(stub: Running, desk: Path) -> None:
    settle(stub.load(text=COPY, models=["tiny"]).base_url)
    done = call("doctor", environment={"FAST_KEY": KEY, "NO_PROXY": "127.0.0.1", "XDG_CACHE_HOME": str(desk / "cache")}, cwd=desk)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[:26].split("  ")[0] for line in done.stdout.splitlines() if line.startswith("ok")] == ["ok"] * 11
    assert "ok      reply              of the shape, and copied as printed\n" in done.stdout
    assert KEY not in done.stdout


def test_what_is_found_is_remembered_for_runs(stub: Running) -> None:
    prefix = stub.load(text=PORTABLE, refuses=["json_schema"])
    settle(prefix.base_url)
    told()
    dialect = Known(Path("cache/structurer/replies")).dialect(prefix.base_url, "tiny")
    assert dialect is not None
    assert dialect.format == "tool call"


# -- what endpoints understand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        (
            ["json_schema"],
            "note: tool call: the shape is that of a tool's arguments, which not every endpoint enforces; replies are checked here",
        ),
        (
            ["json_schema", "tools"],
            "note: json_object: the reply is JSON, its keys and rows are only asked for in words; replies are checked here",
        ),
        (
            ["json_schema", "tools", "json_object"],
            "note: text: the reply is text, its JSON is only asked for in words; replies are checked here",
        ),
    ],
)
def test_what_an_endpoint_does_not_hold_the_model_to_is_said(stub: Running, refuses: list[str], said: str) -> None:
    settle(stub.load(text=COPY, refuses=refuses).base_url)
    usable, found = told()
    assert (usable, found["schema"], found["reply"]) == (True, said, "ok: of the shape, and copied as printed")


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [
        (
            "strict_subset",
            "schema",
            "note: json_schema, one type a value: a blank comes as an empty text, not as null; replies are checked here",
        ),
        (
            "ignores_schema",
            "schema",
            "note: json_schema: taken, and not held to: words stand around the reply; replies are checked here",
        ),
        ("no_usage", "token counts", "note: no: costs will be unknown"),
        ("no_temperature", "temperature, seed", "note: no: --samples may read the same each time"),
        ("fitting", "log probabilities", "note: no: --logprobs says nothing with this model"),
        ("logprobs", "log probabilities", "ok: yes"),
        ("no_models", "address", "note: answers, but lists no models"),
        ("fitting", "reply", "note: left 1,234.50 out | next: choose a stronger model: this one does not copy"),
        (
            "none",
            "reply",
            'note: not of the shape though the schema was sent: {"number": "A-1", "lines": [{"text": "钢笔", "amount": "12.50"}]}'
            " | next: a stronger model needs less asking again",
        ),
    ],
)  # fmt: skip
def test_what_an_endpoint_lacks_is_a_note_and_it_can_be_used(stub: Running, name: str, what: str, said: str) -> None:
    settle(stub.fault(name).base_url)
    usable, found = told()
    assert (usable, found[what]) == (True, said)


def test_an_endpoint_that_wants_a_limit_is_one_that_cannot_be_used_without(stub: Running) -> None:
    prefix = stub.fault("max_tokens_required")
    settle(prefix.base_url)
    assert told()[1]["reply"] == (
        "failed: the endpoint refused the request (HTTP 400: max_tokens: Field required)"
        " | next: set max_output_tokens of this model in structurer.toml"
    )
    settle(prefix.base_url, "max_output_tokens = 500")
    assert told()[0]


# -- what fails ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [
        (
            "bad_key",
            "address",
            "the key was refused (HTTP 401: Incorrect API key provided: [key]) | next: set FAST_KEY to a key of this endpoint",
        ),
        (
            "unknown_model",
            "reply",
            "no model 'tiny' at this address (HTTP 404: The model tiny does not exist) | next: choose another --model, or correct "
            "models.fast.base_url in structurer.toml; it usually ends in /v1",
        ),
        (
            "out_of_quota",
            "reply",
            "the endpoint is overloaded or the quota is used up (HTTP 429: You exceeded your quota)"
            " | next: try again later, or raise the quota",
        ),
        ("failing", "address", "the endpoint failed (HTTP 503: maintenance) | next: try again later"),
        ("web_page", "address", f"the endpoint's answer is no list of models (no JSON) | next: {BAD_ADDRESS}"),
        ("deep_json", "address", f"the endpoint's answer is no list of models (no JSON) | next: {BAD_ADDRESS}"),
        ("gzip_bomb", "address", f"the endpoint's answer is no list of models (more than 16 MiB) | next: {BAD_ADDRESS}"),
        ("error_inside", "reply", f"the endpoint's answer is no chat completion (an error: upstream is gone) | next: {BAD_ADDRESS}"),
        (
            "dropping",
            "address",
            "cannot connect (ServerDisconnectedError) | next: check models.fast.base_url in structurer.toml, and that the endpoint is "
            "running and can be reached",
        ),
        (
            "deep_json_text",
            "reply",
            "cannot be used: nested too deeply | next: choose another model, or set extra_body for this one (reasoning off?)",
        ),
        (
            "refusing",
            "reply",
            "cannot be used: refusal | next: choose another model, or set extra_body for this one (reasoning off?)",
        ),
    ],
)
def test_what_fails_says_the_next_command(stub: Running, name: str, what: str, said: str) -> None:
    settle(stub.fault(name).base_url)
    usable, found = told()
    assert (usable, found[what]) == (False, f"failed: {said}")


@pytest.mark.parametrize("name", ["endless_stream", "dribbling"])
def test_an_endpoint_that_never_ends_is_left_in_time(stub: Running, name: str) -> None:
    settle(stub.fault(name).base_url.replace("\n", ""), "")
    Path("structurer.toml").write_text(Path("structurer.toml").read_text().replace("timeout_s = 5", "timeout_s = 0.3\ndeadline_s = 0.5"))
    usable, found = told()
    words = "failed: no answer within 0.3 s | next: try again later, or choose a faster model"
    assert (usable, found["address" if name == "endless_stream" else "reply"]) == (False, words)


def test_a_redirect_is_not_followed_and_told(stub: Running) -> None:
    prefix = stub.fault("redirect_elsewhere")
    settle(prefix.base_url)
    usable, found = told()
    assert not usable
    assert found["address"].startswith("failed: the endpoint sends its callers elsewhere (HTTP 307: http://127.0.0.1:")
    port = re.findall(r":(\d+)/elsewhere/", found["address"])[0]
    assert Prefix(f"http://127.0.0.1:{port}/elsewhere", prefix.token).seen() == []


def test_where_nothing_listens_the_command_exits_5_and_shows_no_password(desk: Path) -> None:
    more = {"OPENAI_BASE_URL": "http://joe:hunter2@127.0.0.1:9/v1?code=hunter2", "NO_PROXY": "127.0.0.1"}
    done = call("doctor", "--model", "tiny", environment=more, cwd=desk)
    assert (done.returncode, done.stderr) == (5, "")
    assert done.stdout.splitlines() == [
        "ok      settings           no structurer.toml; the environment alone",
        "ok      model              tiny, at http://127.0.0.1:9/v1",
        "note    key                none: OPENAI_API_KEY is not set",
        "                           next: export OPENAI_API_KEY=... if the endpoint wants one",
        "failed  address            cannot connect (ConnectionRefusedError)",
        "                           next: check OPENAI_BASE_URL, and that the endpoint is running and can be reached",
    ]


# -- names and keys ------------------------------------------------------------------------------------------------------


def test_a_name_that_the_endpoint_does_not_list_is_told_with_the_nearest(stub: Running) -> None:
    address = stub.load(text=COPY, models=["qwen3-32b", "tiny-7b"]).base_url
    settle(address, model="qwen3-23b")
    assert told()[1]["name"] == (
        'note: \'qwen3-23b\' is not among its 2 models | next: model = "qwen3-32b" under [models."fast"] in structurer.toml'
    )
    assert told("qwen3-23b", OPENAI_BASE_URL=address)[1]["name"] == (
        "note: 'qwen3-23b' is not among its 2 models | next: structurer doctor --model qwen3-32b"
    )
    assert told("zzz", OPENAI_BASE_URL=address)[1]["name"] == (
        "note: 'zzz' is not among its 2 models | next: name one of: qwen3-32b, tiny-7b"
    )


def test_without_a_key_the_variable_is_named(stub: Running) -> None:
    settle(stub.load(text=COPY).base_url)
    usable, found = told(FAST_KEY="")
    assert (usable, list(found)) == (False, ["settings", "model"])
    assert found["model"] == (
        "failed: structurer.toml: models.fast.key_env: the environment variable FAST_KEY is not set"
        " | next: set FAST_KEY, or take key_env out if the endpoint needs no key"
    )
    usable, found = told("gpt-5")
    assert (usable, found["model"]) == (
        False,
        "failed: model 'gpt-5' is named, but neither a key nor an endpoint | next: set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint "
        "of your own, or leave the model out to use the built-in reader",
    )


def test_an_address_of_ones_own_is_sent_no_key_unless_one_is_named(stub: Running) -> None:
    settle(stub.load(text=COPY).base_url)
    text = Path("structurer.toml").read_text().replace('key_env = "FAST_KEY"\n', "")
    Path("structurer.toml").write_text(text)
    usable, found = told(OPENAI_API_KEY=KEY)
    assert usable
    assert found["key"] == 'ok: none is sent | next: key_env = "..." under [models."fast"] in structurer.toml, if the endpoint wants one'


def test_where_no_model_is_named_the_built_in_reader_reads() -> None:
    assert told() == (
        True,
        {
            "settings": "ok: no structurer.toml; the environment alone",
            "model": "note: none is named: the built-in reader alone reads | next: structurer doctor --model NAME, or set model in "
            "structurer.toml or STRUCTURER_MODEL",
        },
    )


def test_a_file_with_mistakes_is_one_message_and_exit_code_2(desk: Path) -> None:
    Path("structurer.toml").write_text('modle = "fast"\n[models.x]\nbase_url = "htp:/x"\nprice = { input = 1 }\n')
    done = call("doctor", cwd=desk)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "structurer: 3 mistakes",
        "  structurer.toml: models.x.base_url: must be an http or https URL",
        "  structurer.toml: models.x.price.output: is missing",
        "  structurer.toml: modle: unknown key; did you mean model?",
        "  next: correct structurer.toml",
    ]


def test_the_example_is_a_file_that_holds(desk: Path) -> None:
    done = call("doctor", "--example", cwd=desk)
    assert (done.returncode, done.stderr) == (0, "")
    assert tomllib.loads(done.stdout) == {}
    used = re.sub(r"^#(?=[\w\[])", "", done.stdout, flags=re.MULTILINE)
    Path("structurer.toml").write_text(used)
    found = settings.load(environ={"FAST_API_KEY": KEY})
    assert (found.model, found.models) == ("fast", ("fast",))
    endpoint = found.endpoint()
    assert endpoint is not None
    assert (endpoint.model, endpoint.key_env, endpoint.price is not None) == ("qwen3-32b", "FAST_API_KEY", True)


# -- endpoints that mean harm --------------------------------------------------------------------------------------------


def endpoint(models: Any, words: str = COPY) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """An endpoint that lists these models, and says these words."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(models) if request.method == "GET" else say(words)

    return serve


@pytest.mark.parametrize(
    "models",
    [5, [], "x", None, {"data": 5}, {"data": "tiny"}, {"data": {"id": "tiny"}}, {"data": [5, None, {}, {"id": 7}, [{"id": None}]]}],
)
def test_a_list_of_models_that_is_none_does_no_harm(models: Any) -> None:
    usable, found = answered_by(endpoint(models))
    assert (usable, found["reply"]) == (True, "ok: of the shape, and copied as printed")
    assert "name" not in found


def test_names_and_replies_are_shown_without_what_a_terminal_obeys() -> None:
    names = {"data": [{"id": "\x1b[2J\x07\ud800"}, {"id": "x" * 10_000}]}
    usable, found = answered_by(endpoint(names, json.dumps({"total": "\x1b]0;owned\x07 \ud800"})))
    shown = "".join(found.values())
    assert (usable, shown.isprintable()) == (True, True)
    assert max(map(len, found.values())) < 1000
    shown.encode()


def test_words_of_a_refusal_are_shown_without_what_a_terminal_obeys() -> None:
    async def refusing(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(
            {"error": {"message": f"\x1b[31mno\r\nnext: rm -rf / \ud800 {request.headers['Authorization']}"}}, status=401
        )

    usable, found = answered_by(refusing)
    assert not usable
    assert found["address"] == (
        "failed: the key was refused (HTTP 401: [31mno next: rm -rf / Bearer [key]) | next: set FAST_KEY to a key of this endpoint"
    )
