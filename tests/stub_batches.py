"""A Batch API that fails on purpose, run as a process of its own on loopback; it prints the port it listens on and ends with its parent.

PUT /TOKEN takes the `Faults` (as JSON) and leaves all else as it is; GET /TOKEN/ledger tells what was asked, done and charged. The API is
under /TOKEN/v1: files, their content, batches and their list. What a batch comes to is decided when it is created, and charged then; it has
ended when it has been looked at often enough. Tokens keep tests apart.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from aiohttp import web
from stub_answers import answer, fail, forever, hang_up, say, streamed

HOST: Final = "127.0.0.1"
MAX_BODY: Final = 256 * 2**20  # bytes of a request
WATCH_S: Final = 0.2  # seconds between looks at the parent


@dataclass
class Faults:
    """How the API behaves. Steps are "upload", "create", "look", "listing" and "content"; texts are looked for in the last message.

    `polls`: looks at a batch until it has ended. `failing`: text to how often a request with it fails with HTTP 500; `refusing`: text to
    the status that a request with it always has; `senseless`: text to how often the answer to it is no completion. `cut_short`: how many
    batches end as `ending` with half of their requests done; `invalid`: how many fail validation with `errors`; `room`: requests that may
    be in batches at once; `lost`: looks at a batch that has ended in which it names no results. `backwards`, `doubled`, `unknown`,
    `garbage`: what is odd about the lines. `status`: step to [HTTP status, how often]; `garbled`, `dropped`: step to how often it is
    answered by no JSON, or not at all after it was done; `cut`: how often a content breaks off; `endless`: it never ends. `noted`: whether
    metadata are kept; `others`: batches of others, which stand first in a list of `page` a page. `error`: the body of refusals. `kill`:
    step, number and "before" or "after", at which the process is killed that X-Pid names.
    """

    polls: int = 1
    failing: dict[str, int] = field(default_factory=dict)
    refusing: dict[str, int] = field(default_factory=dict)
    senseless: dict[str, int] = field(default_factory=dict)
    cut_short: int = 0
    ending: str = "expired"
    invalid: int = 0
    errors: list[Any] = field(default_factory=list)
    room: int = 10**9
    lost: int = 0
    backwards: bool = False
    doubled: bool = False
    unknown: bool = False
    garbage: bool = False
    status: dict[str, list[int]] = field(default_factory=dict)
    garbled: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    cut: int = 0
    endless: bool = False
    noted: bool = True
    others: int = 0
    page: int = 100
    error: dict[str, Any] = field(default_factory=lambda: {"message": "no"})
    kill: list[Any] = field(default_factory=list)


@dataclass
class Batch:
    """A batch at the API, with what it will have come to."""

    id: str
    file: str
    metadata: Any
    requests: int
    status: str
    errors: list[Any]
    output: str | None
    failed: str | None
    counts: tuple[int, int] = (0, 0)  # answered, failed
    looks: int = 0

    def seen(self, polls: int, lost: int = 0) -> dict[str, Any]:
        ended = self.looks >= polls or self.status == "failed"
        named = ended and self.looks >= polls + lost
        good, bad = (count if ended else count * self.looks // polls for count in self.counts)
        return {
            "id": self.id,
            "object": "batch",
            "status": self.status if ended else "in_progress" if self.looks > 1 else "validating",
            "input_file_id": self.file,
            "metadata": self.metadata,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "output_file_id": self.output if named else None,
            "error_file_id": self.failed if named else None,
            "request_counts": {"total": self.requests, "completed": good, "failed": bad},
        }


class Account:
    """What one token has at the API."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.files: dict[str, bytes] = {}
        self.batches: list[Batch] = []
        self.steps: Counter[str] = Counter()
        self.charged: Counter[str] = Counter()  # by custom_id
        self.tries: Counter[str] = Counter()  # by custom_id
        self.keys: set[str | None] = set()

    def file(self, content: bytes) -> str:
        self.files[f"file-{len(self.files) + 1}"] = content
        return f"file-{len(self.files)}"

    def ledger(self) -> dict[str, Any]:
        lines = [[json.loads(line) for line in self.files[batch.file].splitlines()] for batch in self.batches]
        return {"steps": self.steps, "charged": self.charged, "lines": lines, "files": len(self.files), "keys": sorted(map(str, self.keys))}

    # -- steps

    async def upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        content = form["file"]
        assert form["purpose"] == "batch"
        assert isinstance(content, web.FileField)
        return answer(200, {"id": self.file(content.file.read()), "object": "file", "filename": content.filename})

    async def create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        metadata = asked["metadata"] if self.faults.noted else None
        batch = Batch(f"batch_{len(self.batches) + 1}", asked["input_file_id"], metadata, len(lines), "completed", [], None, None)
        self.batches.append(batch)
        self.run(batch, lines)
        return answer(200, batch.seen(self.faults.polls))

    async def look(self, request: web.Request) -> web.StreamResponse:
        batch = next((batch for batch in self.batches if batch.id == request.match_info["id"]), None)
        if batch is None:
            return fail(404, "No batch found")
        batch.looks += 1
        return answer(200, batch.seen(self.faults.polls, self.faults.lost))

    async def listing(self, request: web.Request) -> web.StreamResponse:
        listed = [{"id": f"other_{number}", "metadata": {"wave": number}, "input_file_id": []} for number in range(self.faults.others)]
        listed += [batch.seen(self.faults.polls) for batch in self.batches[::-1]]
        ids = [batch["id"] for batch in listed]
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        size = min(int(request.query["limit"]), self.faults.page)
        return answer(200, {"object": "list", "data": listed[start : start + size], "has_more": start + size < len(listed)})

    async def content(self, request: web.Request) -> web.StreamResponse:
        if self.faults.endless:
            return await streamed(request, forever(b"x" * 2**20))
        body = self.files[request.match_info["id"]]
        if self.faults.cut:
            self.faults.cut -= 1
            return await _cut(request, body)
        return web.Response(body=body, content_type="application/octet-stream")

    # -- what a batch comes to

    def run(self, batch: Batch, lines: list[Any]) -> None:
        faults = self.faults
        waiting = sum(other.requests for other in self.batches if other.looks < faults.polls and other.status != "failed")
        if waiting > faults.room:
            batch.status, batch.errors = "failed", [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}]
            return
        if faults.invalid:
            faults.invalid -= 1
            batch.status, batch.errors = "failed", faults.errors
            return
        if faults.cut_short:
            faults.cut_short -= 1
            batch.status, lines = faults.ending, lines[: len(lines) // 2]
        done = [self.done(line) for line in lines]
        good = [line for line in done if line["response"]["status_code"] == 200]
        bad = [line for line in done if line["response"]["status_code"] != 200]
        batch.counts, batch.output = (len(good), len(bad)), self.file(b"".join(_oddly(good, faults))) if good else None
        batch.failed = self.file(b"".join(_line(line) for line in bad)) if bad else None

    def done(self, line: Mapping[str, Any]) -> dict[str, Any]:
        name, text = line["custom_id"], line["body"]["messages"][-1]["content"]
        self.tries[name] += 1
        status = next((status for marker, status in self.faults.refusing.items() if marker in text), 200)
        if any(marker in text and self.tries[name] <= times for marker, times in self.faults.failing.items()):
            status = 500
        body: Any = {"error": {"message": f"failed on {text}"}}
        if any(marker in text and self.tries[name] <= times for marker, times in self.faults.senseless.items()):
            body = {"choices": []}
        elif status == 200:
            completion = say(f"answer to {text}").body
            assert isinstance(completion, bytes)
            body = json.loads(completion)
            self.charged[name] += 1
        return {"id": f"r-{name}", "custom_id": name, "response": {"status_code": status, "body": body}, "error": None}


def _line(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode() + b"\n"


def _oddly(lines: list[Any], faults: Faults) -> list[bytes]:
    written = [_line(line) for line in (lines[::-1] if faults.backwards else lines)]
    if faults.doubled:
        written += [
            _line(line | {"response": {"status_code": 200, "body": {"choices": [{"message": {"content": "2"}}]}}}) for line in lines
        ]
    if faults.unknown:
        names: list[Any] = ["nobody", None, ["x"], {}, 7]
        written += [_line(lines[0] | {"custom_id": name}) for name in names]
    if faults.garbage:
        garbage = (b"\n", b"null\n", b"\xff\xfe\n", b'{"custom_id": "', b"[" * 100_000 + b"\n", b'"\xe2\x80\xa8"\n', b"x" * 2**20 + b"\n")
        written = [*garbage[:4], b"\n", *written, *garbage[4:], b"{"]
    return written


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return hang_up(request, response)


class Stub:
    """The ways to the accounts."""

    def __init__(self) -> None:
        self.accounts: defaultdict[str, Account] = defaultdict(Account)

    async def behave(self, request: web.Request) -> web.StreamResponse:
        given = await request.json()
        known = {known.name for known in fields(Faults)}
        assert given.keys() <= known, given.keys() - known
        self.accounts[request.match_info["token"]].faults = Faults(**given)
        return answer(200, {})

    async def ledger(self, request: web.Request) -> web.StreamResponse:
        return answer(200, self.accounts[request.match_info["token"]].ledger())

    def step(self, name: str) -> Any:
        async def taken(request: web.Request) -> web.StreamResponse:
            account = self.accounts[request.match_info["token"]]
            faults = account.faults
            account.steps[name] += 1
            account.keys.add(request.headers.get("Authorization"))
            kill = [name, account.steps[name]] == faults.kill[:2] and faults.kill[2]
            if kill == "before":
                return _killed(request)
            if _left(faults.status, name):
                return answer(faults.status[name][0], {"error": faults.error})
            came: web.StreamResponse = await getattr(account, name)(request)
            if kill:
                return _killed(request)
            if faults.dropped.get(name, 0) > 0:
                faults.dropped[name] -= 1
                return hang_up(request)
            if faults.garbled.get(name, 0) > 0:
                faults.garbled[name] -= 1
                return web.Response(text="<html>Welcome</html>")
            return came

        return taken


def _left(times: dict[str, list[int]], name: str) -> bool:
    if times.get(name, [0, 0])[1] < 1:
        return False
    times[name][1] -= 1
    return True


def _killed(request: web.Request) -> web.StreamResponse:
    os.kill(int(request.headers["X-Pid"]), signal.SIGKILL)
    return hang_up(request)


async def listen() -> AsyncIterator[int]:
    """Serve on a free port, which is yielded, until the parent is gone."""
    stub, app = Stub(), web.Application(client_max_size=MAX_BODY)
    app.router.add_put("/{token}", stub.behave)
    app.router.add_get("/{token}/ledger", stub.ledger)
    app.router.add_post("/{token}/v1/files", stub.step("upload"))
    app.router.add_get("/{token}/v1/files/{id}/content", stub.step("content"))
    app.router.add_post("/{token}/v1/batches", stub.step("create"))
    app.router.add_get("/{token}/v1/batches", stub.step("listing"))
    app.router.add_get("/{token}/v1/batches/{id}", stub.step("look"))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    yield runner.addresses[0][1]
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(WATCH_S)
    await runner.cleanup()


async def main() -> None:
    async for port in listen():
        print(port, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
