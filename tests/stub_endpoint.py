"""An OpenAI-compatible endpoint that fails on purpose, run as a process of its own on loopback.

    stub_endpoint.py [--idle-s SECONDS]     prints the port it listens on, then serves

POST /FAULT/TOKEN/v1/chat/completions answers with the fault (`stub_faults`, `stub_abilities`, `stub_hostile`), GET /FAULT/TOKEN/seen lists
the requests so far, GET /FAULT/TOKEN/v1/models the models. Requests are counted for each FAULT/TOKEN, so that tests do not meet.

PUT /load/TOKEN takes the settings of a load (`stub_load.Load`, as JSON) and sets its counts to nothing, POST to its chat completions
answers by them, GET /load/TOKEN/counts tells the counts. Any request to /elsewhere/TOKEN/... is noted with its key and answered.

It stops when the pipe that it has as its standard input is closed, when the process that started it is gone, and when it is idle too long.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import select
import stat
import sys
import time
import traceback
from collections import defaultdict
from contextlib import suppress
from typing import Any, Final

import stub_abilities  # noqa: F401  files its faults
import stub_hostile  # noqa: F401  files its faults
from aiohttp import web
from stub_answers import answer, fail, models, say
from stub_faults import FAULTS, Ask, answered, models_of
from stub_load import Tally, loaded, respond

HOST: Final = "127.0.0.1"
IDLE_S: Final = 1800.0  # seconds without a request
MAX_BODY: Final = 256 * 2**20  # bytes of a request
WATCH_S: Final = 0.1  # seconds between looks at what ends the stub


class Stub:
    """The endpoint: what was seen under each prefix, and the ways to it."""

    def __init__(self) -> None:
        self.seen: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.loads: defaultdict[str, Tally] = defaultdict(Tally)
        self.used = time.monotonic()
        self.elsewhere = ""

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; a mistake of the stub itself is told on standard error and answered 500."""
        self.used = time.monotonic()
        try:
            return await self._routed(request)
        except (asyncio.CancelledError, ConnectionError):
            raise  # the client left
        except Exception as error:
            traceback.print_exc()
            return fail(500, f"the stub itself failed: {error!r}")

    async def _routed(self, request: web.BaseRequest) -> web.StreamResponse:
        _, name, token, rest = [*request.path.split("/", 3), "", "", ""][:4]
        case = f"/{name}/{token}"
        if request.method == "GET" and rest == "seen":
            return answer(200, self.seen[case])
        if name == "load":
            return await self._load(request, self.loads[token], token, rest)
        if name == "elsewhere":
            self.seen[case].append({"method": request.method, "path": request.path, "authorization": request.headers.get("Authorization")})
            return say("{}")
        if name not in FAULTS or (request.method, rest) not in (("POST", "v1/chat/completions"), ("GET", "v1/models")):
            return fail(404, f"unknown request URL: {request.method} {request.path}")
        return await self._fault(request, name, case, token)

    async def _fault(self, request: web.BaseRequest, name: str, case: str, token: str) -> web.StreamResponse:
        elsewhere = f"{self.elsewhere}/elsewhere/{token}/v1/chat/completions"
        if request.method == "GET":
            return await models_of(name, Ask(request, 0, {}, elsewhere))
        try:
            body = json.loads(await request.read())
        except ValueError:
            return fail(400, "the body is no JSON")
        self.seen[case].append({"body": body, "authorization": request.headers.get("Authorization")})
        return await answered(name, Ask(request, len(self.seen[case]), body, elsewhere))

    async def _load(self, request: web.BaseRequest, tally: Tally, token: str, rest: str) -> web.StreamResponse:
        match request.method, rest:
            case "POST", "v1/chat/completions":
                return await respond(tally, request, await request.read())
            case "PUT", "":
                try:
                    self.loads[token] = Tally(loaded(json.loads(await request.read())))
                except ValueError as error:
                    return fail(400, str(error))
                return answer(200, {})
            case "GET", "counts":
                return answer(200, tally.counts())
            case "GET", "v1/models":
                return models(tally.load.models)
        return fail(404, f"unknown request URL: {request.method} {request.path}")


async def listen(idle_s: float) -> None:
    """Serve on two free ports, the first of which is printed, until there is no more use for it."""
    stub = Stub()
    parent, lifeline = os.getppid(), _lifeline()  # before the port is printed: whoever has read it may leave at once
    loop = asyncio.get_running_loop()

    def request_of(message: Any, content: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(message, content, protocol, writer, task, loop, client_max_size=MAX_BODY)

    runner = web.ServerRunner(
        web.Server(stub.serve, request_factory=request_of, handler_cancellation=True, access_log=None), shutdown_timeout=0
    )
    await runner.setup()
    for _ in range(2):
        await web.TCPSite(runner, HOST, 0, backlog=4096).start()
    port, other = (address[1] for address in runner.addresses)
    stub.elsewhere = f"http://{HOST}:{other}"
    print(port, flush=True)
    while time.monotonic() < stub.used + idle_s and os.getppid() == parent and not (lifeline and _closed(sys.stdin.fileno())):
        await asyncio.sleep(WATCH_S)
    await runner.cleanup()


def _lifeline() -> bool:
    """Whether the standard input is a pipe that someone holds open: one that is inherited may be closed or a terminal from the start."""
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode) and not _closed(sys.stdin.fileno())
    except (AttributeError, ValueError, OSError):
        return False


def _closed(descriptor: int) -> bool:
    """Whether a pipe has no writer any more; what was written to it is read and passed over."""
    while select.select([descriptor], [], [], 0)[0]:
        if not os.read(descriptor, 65_536):
            return True
    return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An OpenAI-compatible endpoint that fails on purpose.")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="seconds without a request after which it stops")
    with suppress(KeyboardInterrupt):
        asyncio.run(listen(parser.parse_args().idle_s))
