"""Endpoints that mean harm, and connections: what is taken from them, what is given to them, and what never leaves."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import textwrap
import traceback
from asyncio import run
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from made import CLEAN
from stub_answers import GOOD, forever, say
from stub_hostile import _bomb
from stub_running import Prefix, Running, running
from stub_statements import SCHEMA

from structurer.asking.llm import Message, Reply, Request, Usage
from structurer.asking.replies import BadReply, Fault, read_reply
from structurer.contracts.contract import load
from structurer.endpoints.providers import Limits, OpenAIModel
from structurer.errors import HaltError, ModelError

KEY, PASSWORD = "sk-test-0123456789", "hunter2-very-secret"
REQUEST = Request("tiny", (Message("user", "hello"),))
NO_COMPLETION = "the endpoint's answer is no chat completion"
WELL = Reply(GOOD, "stub-2", "stop", None, Usage(11, 7, total_tokens=18))
MOST_MEMORY = 400  # MiB that a process with the model layer in it may take, the libraries included
HOSTILE = {  # what is said of each of them
    "gigabyte_body": f"{NO_COMPLETION} (more than 16 MiB)",
    "gzip_bomb": f"{NO_COMPLETION} (more than 16 MiB)",
    "endless_stream": "no answer within 0.3 s",
    "deep_json": f"{NO_COMPLETION} (no JSON)",
    "invalid_unicode": f"{NO_COMPLETION} (no JSON)",
    "web_page": f"{NO_COMPLETION} (no JSON)",
}
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def model(base_url: str, **more: Any) -> OpenAIModel:
    async def at_once(_: float) -> None: ...

    limits = Limits(timeout_s=more.pop("timeout_s", 20.0), attempts=1)
    return OpenAIModel("tiny", base_url=base_url, limits=limits, sleep=at_once, **({"api_key": KEY} | more))


def said(asked: OpenAIModel) -> ModelError:
    with pytest.raises(ModelError) as caught:
        run(asked.complete(REQUEST))
    return caught.value


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """An endpoint in the caller's own event loop."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def answered_by(handler: Handler, times: int = 1, **more: Any) -> list[Reply | ModelError]:
    """What comes of so many requests, one after the other, to an endpoint of one's own."""

    async def asked() -> list[Reply | ModelError]:
        found: list[Reply | ModelError] = []
        async with serving(handler) as base_url:
            one = model(base_url, **more)
            for _ in range(times):
                try:
                    found.append(await one.complete(REQUEST))
                except ModelError as error:
                    found.append(error)
        return found

    return run(asked())


# -- bodies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_an_error_that_says_what_it_was(stub: Running, name: str) -> None:
    error = said(model(stub.fault(name).base_url, timeout_s=0.3 if name == "endless_stream" else 60.0))
    assert (error.what, error.where.rpartition("/")[2]) == (HOSTILE[name], "v1")
    assert error.remedy


def test_json_without_bottom_in_a_reply_is_broken_and_nothing_breaks(stub: Running) -> None:
    reply = run(model(stub.fault("deep_json_text").base_url).complete(REQUEST))
    read = read_reply(reply, load(SCHEMA, kind="statement"), reader="x")
    assert isinstance(read, BadReply)
    assert (read.fault, read.errors) == (Fault.BROKEN_JSON, ("nested too deeply",))


def test_half_characters_in_a_reply_are_told_to_the_model_as_a_fault(stub: Running) -> None:
    form = {"type": "object", "properties": {"number": {"type": "string"}, "lines": {"type": "array", "items": {"type": "object"}}}}
    form["properties"]["lines"]["items"]["properties"] = {"text": {"type": "string"}, "amount": {"type": "string"}}  # type: ignore[index]
    reply = run(model(stub.fault("lone_surrogates").base_url).complete(REQUEST))
    read = read_reply(reply, load(form, kind="invoice"), reader="x")
    assert isinstance(read, BadReply)
    assert read.fault is Fault.WRONG_SHAPE
    assert read.errors[0] == "/number: half a character (a lone surrogate)"
    read.errors[0].encode()  # can be sent


@pytest.mark.parametrize("status", [500, 400])
def test_the_body_of_a_refusal_is_bounded_too(status: int) -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"error": {"message": "')
        async for piece in forever(b"x" * 2**18):
            await response.write(piece)
        return response

    (error,) = answered_by(endless)
    assert isinstance(error, ModelError)
    assert error.what == f"{NO_COMPLETION} (more than 16 MiB)"


def test_the_body_of_a_refusal_may_be_a_bomb_without_bottom_or_text() -> None:
    bodies = iter(
        [
            ({"Content-Encoding": "gzip"}, _bomb()),
            ({}, b"[" * 100_000),
            ({}, b'{"error": {"message": "\xff\xfe\\ud800"}}'),
            ({}, b"\x00" * 1000),
            ({}, b""),
        ]
    )

    async def refusing(_: web.BaseRequest) -> web.StreamResponse:
        headers, body = next(bodies)
        return web.Response(status=500, body=body, headers={"Content-Type": "application/json", **headers})

    words = [error.what for error in answered_by(refusing, 5) if isinstance(error, ModelError)]
    assert words[0] == f"{NO_COMPLETION} (more than 16 MiB)"
    assert [word.startswith("the endpoint failed (HTTP 500") for word in words[1:]] == [True] * 4
    assert all(len(word) < 400 and word.isprintable() for word in words)


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "rot13"])
def test_an_answer_packed_in_a_way_that_was_not_asked_for_is_refused(packing: str) -> None:
    asked: list[str | None] = []

    async def packed(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.headers.get("Accept-Encoding"))
        return web.Response(body=b"\x1f\x8b????", headers={"Content-Encoding": packing})

    (error,) = answered_by(packed)
    assert (str(error).partition("\n")[0].partition("/v1: ")[2], asked) == (
        f"{NO_COMPLETION} (packed in a way that was not asked for)",
        ["identity"],
    )


def test_an_answer_that_is_packed_all_the_same_is_unpacked() -> None:
    async def packed(_: web.BaseRequest) -> web.StreamResponse:
        response = say(GOOD)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    assert answered_by(packed) == [WELL]


def test_more_headers_than_anybody_needs_are_an_error() -> None:
    async def chatty(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"{}", headers={"X-Long": "x" * 200_000})

    (error,) = answered_by(chatty)
    assert isinstance(error, ModelError)
    assert error.what.startswith("cannot connect (")


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/9.9 twenty\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n",
    ],
)
def test_a_port_where_something_else_listens_is_an_endpoint_that_cannot_be_reached(greeting: bytes) -> None:
    async def asked() -> str:
        parted = asyncio.Event()

        async def greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(greeting)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            parted.set()

        server = await asyncio.start_server(greeted, "127.0.0.1", 0)
        async with server:
            with pytest.raises(ModelError) as caught:
                await model(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1").complete(REQUEST)
            await parted.wait()
            return caught.value.what

    assert run(asked()).startswith("cannot connect (")


def test_an_endpoint_that_is_not_there_is_waited_for_and_then_given_up_whoever_asks() -> None:
    heard: list[str] = []

    async def at_once(_: float) -> None: ...

    limits = Limits(attempts=6, patience_s=1.5)  # five fail until the endpoint is taken for down; probes are no attempts
    one = OpenAIModel("tiny", base_url="http://127.0.0.1:9/v1", limits=limits, told=heard.append, sleep=at_once)
    error = said(one)
    assert (type(error), error.what) == (HaltError, "the endpoint has not answered for 1.5 s")
    assert [line.partition(";")[0] for line in heard] == ["http://127.0.0.1:9/v1: endpoint does not answer"]


def test_hostile_endpoints_take_a_bounded_amount_of_memory(stub: Running) -> None:
    names = ("gigabyte_body", "gzip_bomb", "deep_json", "deep_json_text", "invalid_unicode", "lone_surrogates", "endless_stream")
    addresses = [stub.fault(name).base_url for name in names]
    code = f"""
        import asyncio, gc, pathlib, re, resource
        from structurer.errors import ModelError
        from structurer.asking.llm import Message, Request
        from structurer.endpoints.providers import Limits, OpenAIModel

        async def asked(address):
            limits = Limits(timeout_s=0.3 if "endless" in address else 60, attempts=1)
            try:
                await OpenAIModel("tiny", base_url=address, limits=limits).complete(Request("tiny", (Message("user", "hello"),)))
            except ModelError:
                pass

        async def all_of():
            for address in {addresses!r}:
                await asked(address)
                gc.collect()  # the model is let go of while its loop runs on: its connections are closed

        asyncio.run(all_of())
        status = pathlib.Path("/proc/self/status")  # where it is there: ru_maxrss outlives exec(2), and so would be that of the tests
        peak = re.search(r"VmHWM:\\s+(\\d+)", status.read_text()) if status.exists() else None
        print((int(peak[1]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024)
    """
    done = python(code, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < MOST_MEMORY


# -- where requests go ---------------------------------------------------------------------------------------------------


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(stub: Running) -> None:
    prefix = stub.fault("redirect_elsewhere")
    error = said(model(prefix.base_url))
    there = error.what.rpartition(": ")[2].rstrip(")")
    assert (type(error), error.what) == (HaltError, f"the endpoint sends its callers elsewhere (HTTP 307: http:{there.partition(':')[2]})")
    elsewhere = Prefix(f"http:{there.partition(':')[2]}".partition(f"/{prefix.token}")[0], prefix.token)
    assert (elsewhere.seen(), len(prefix.seen())) == ([], 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_kind_of_redirect_is_followed(status: int) -> None:
    paths: list[str] = []

    async def sent_on(request: web.BaseRequest) -> web.StreamResponse:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": f"http://{request.host}/elsewhere"})

    (error,) = answered_by(sent_on)
    assert (type(error), paths) == (HaltError, ["/v1/chat/completions"])


def test_connections_are_used_again() -> None:
    ports: list[int] = []

    async def noted(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        await request.read()
        return say(GOOD) if len(ports) % 3 else web.json_response({"error": {"message": "no"}}, status=400)

    came = answered_by(noted, 12)
    assert [type(one) for one in came] == [Reply, Reply, ModelError] * 4
    assert (len(ports), len(set(ports))) == (12, 1)


def test_a_loop_may_end_at_any_time_and_leaves_nothing_open(stub: Running) -> None:
    code = f"""
        import asyncio, gc, warnings
        from structurer.asking.llm import Message, Request
        from structurer.endpoints.providers import OpenAIModel

        REQUEST = Request("tiny", (Message("user", "hello"),))

        async def left(model):
            asking = [asyncio.create_task(model.complete(REQUEST)) for _ in range(3)]
            await asyncio.wait(asking, timeout=0.3)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

        model = OpenAIModel("tiny", base_url={stub.fault("none").base_url!r})
        print([asyncio.run(model.complete(REQUEST)).finish_reason for _ in range(3)])
        asyncio.run(left(OpenAIModel("tiny", base_url={stub.fault("endless_stream").base_url!r})))
        del model
        gc.collect()
    """
    done = python(code, "-W", "error")
    assert (done.stdout, done.stderr, done.returncode) == ("['stop', 'stop', 'stop']\n", "", 0)


# -- what is sent, and what is never shown -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "key", "sent"),
    [
        ("", KEY, f"Bearer {KEY}"),
        ("joe:p%40ss@", None, "Basic am9lOnBAc3M="),  # joe:p@ss
        ("joe@", None, "Basic am9lOg=="),
        ("joe:p%40ss@", KEY, f"Bearer {KEY}"),
    ],
)
def test_user_and_password_of_an_address_are_sent_only_where_there_is_no_key(stub: Running, user: str, key: str | None, sent: str) -> None:
    prefix = stub.fault("none")
    asked = model(prefix.base_url.replace("http://", f"http://{user}"), api_key=key)
    assert run(asked.complete(REQUEST)) == WELL
    assert [one["authorization"] for one in prefix.seen()] == [sent]
    assert "p%40ss" not in repr(asked) + asked.where
    assert "p@ss" not in repr(asked) + asked.where


def test_an_entry_in_netrc_neither_replaces_the_key_nor_breaks_the_call(
    stub: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login joe password x\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    prefix = stub.fault("none")
    assert run(model(prefix.base_url).complete(REQUEST)) == WELL
    assert [one["authorization"] for one in prefix.seen()] == [f"Bearer {KEY}"]


def test_a_query_in_the_address_goes_with_every_request_and_is_never_shown() -> None:
    seen: list[str] = []

    async def noted(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.path_qs)
        return say(GOOD)

    async def asked() -> OpenAIModel:
        async with serving(noted) as base_url:
            one = model(f"{base_url}?version=2&code={PASSWORD}")
            await one.complete(REQUEST)
            return one

    one = run(asked())
    assert seen == [f"/v1/chat/completions?version=2&code={PASSWORD}"]
    assert PASSWORD not in repr(one) + one.where


FAULTS = (
    "bad_key", "unknown_model", "out_of_quota", "failing", "dropping", "web_page", "error_inside", "redirect_elsewhere", "deep_json",
    "cut_transfer_once", "no_choices",
)  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_no_error_log_or_traceback_shows_a_key(stub: Running, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked = model(stub.fault(name).base_url)
    error = said(asked)
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(asked) + repr(asked.wire) + repr(asked.refusals) + caplog.text
    assert KEY not in shown
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("name", FAULTS)
def test_no_error_log_or_traceback_shows_a_password(stub: Running, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    address = stub.fault(name).base_url.replace("http://", f"http://joe:{PASSWORD}@")
    asked = model(f"{address}?code={PASSWORD}", api_key=None)
    error = said(asked)
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(asked) + repr(asked.wire) + repr(asked.refusals) + caplog.text
    assert PASSWORD not in shown
    assert "am9lO" not in shown  # joe: in Base64


def test_an_endpoint_that_repeats_what_it_was_sent_shows_no_secret_of_it() -> None:
    async def echoing(request: web.BaseRequest) -> web.StreamResponse:
        words = f"{request.path_qs} {dict(request.headers)}"
        return web.json_response({"error": {"message": words}}, status=401)

    async def asked(user: str, key: str | None) -> str:
        async with serving(echoing) as base_url:
            one = model(base_url.replace("http://", f"http://{user}"), api_key=key)
            with pytest.raises(ModelError) as caught:
                await one.complete(REQUEST)
            return str(caught.value)

    assert KEY not in run(asked("", KEY))
    shown = run(asked(f"joe:{PASSWORD}@", None))
    assert PASSWORD not in shown
    assert "am9lO" not in shown


def test_nothing_of_a_prompt_or_key_is_logged(stub: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked = model(stub.fault("none").base_url)
    run(asked.complete(Request("tiny", (Message("user", "PRIVATE-DOCUMENT"),))))
    gc.collect()
    assert not {word for word in (KEY, "PRIVATE-DOCUMENT", json.loads(GOOD)["number"]) if word in caplog.text}


def test_calls_in_flight_are_as_many_as_allowed_and_all_answered(stub: Running) -> None:
    prefix = stub.load(latency_s=0.05)

    async def many() -> list[Reply]:
        one = OpenAIModel("tiny", base_url=prefix.base_url, limits=Limits(in_flight=4))
        return await asyncio.gather(*(one.complete(Request("tiny", (Message("user", str(number)),))) for number in range(12)))

    assert [reply.text for reply in run(many())] == [GOOD] * 12
    assert (prefix.counts()["highest_in_flight"], prefix.counts()["requests"]) == (4, 12)


def python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A program of its own."""
    command = [sys.executable, *options, "-c", textwrap.dedent(code)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=CLEAN | {"NO_PROXY": "127.0.0.1"}, timeout=120)
