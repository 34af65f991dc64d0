"""An endpoint on loopback that answers after a while with replies prepared for each form, for `archive.py throughput`.

    archive_endpoint.py REPLIES.json SECONDS      prints its port, then serves until its standard input is closed

A document carries the number of its form (`MARK`); cells that are asked for again are said to be blank. GET /counts: calls, most at a time.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

from aiohttp import web

MARK = re.compile(r"F(\d{3})-\d{6}")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}


class Endpoint:
    """What it answers, how late, and how often it was asked."""

    def __init__(self, replies: list[str], seconds: float) -> None:
        self._replies, self._seconds = replies, seconds
        self.calls = self.now = self.most = 0

    async def complete(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.calls += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.now -= 1
        message = {"role": "assistant", "content": self._content(raw)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": USAGE})

    def _content(self, raw: bytes) -> str:
        posted = json.loads(raw)
        shape = posted.get("response_format", {}).get("json_schema", {})
        if shape.get("name") == "cells":
            return json.dumps(dict.fromkeys(shape["schema"]["properties"]))
        found = MARK.findall(posted["messages"][-1]["content"])
        return self._replies[int(found[-1])] if found else "{}"

    async def counts(self, _: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls, "most": self.most})


async def main() -> None:
    replies = [json.dumps(reply, ensure_ascii=False) for reply in json.loads(Path(sys.argv[1]).read_text("utf-8"))]
    endpoint = Endpoint(replies, float(sys.argv[2]))
    app = web.Application(client_max_size=1 << 28)
    app.router.add_post("/v1/chat/completions", endpoint.complete)
    app.router.add_get("/counts", endpoint.counts)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
