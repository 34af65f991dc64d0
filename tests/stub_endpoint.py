"""An OpenAI-compatible endpoint that fails on purpose, run as a process of its own on loopback.

    stub_endpoint.py        prints the port it listens on, then serves until it is killed

POST /FAULT/TOKEN/v1/chat/completions answers with the fault; requests are counted for each FAULT/TOKEN, so that tests do not meet.
GET /FAULT/TOKEN/seen lists the requests so far. Only the standard library.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = json.dumps({"number": "A-1", "lines": [{"text": "钢笔", "amount": "12.50"}]}, ensure_ascii=False)
SEEN: dict[str, list[dict[str, Any]]] = defaultdict(list)


class Stub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200, SEEN[self.path.removesuffix("/seen")])

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        case = self.path.split("/v1/")[0]
        SEEN[case].append({"body": body, "authorization": self.headers.get("Authorization")})
        getattr(self, case.split("/")[1])(len(SEEN[case]), body)

    # -- the faults: each takes the number of the request, counted from 1, and its body

    def none(self, _: int, body: dict[str, Any]) -> None:
        self.say(GOOD)

    def overloaded_once(self, number: int, body: dict[str, Any]) -> None:
        if number == 1:
            self.fail(429, "slow down", {"Retry-After": "7"})
        else:
            self.say(GOOD)

    def overloaded_for_hours(self, number: int, body: dict[str, Any]) -> None:
        self.fail(429, "slow down", {"Retry-After": "7200"})

    def overloaded_until_a_date(self, number: int, body: dict[str, Any]) -> None:
        self.fail(429, "slow down", {"Retry-After": formatdate(time.time() + 30, usegmt=True) if number == 1 else "soon"})

    def out_of_quota(self, _: int, body: dict[str, Any]) -> None:
        self.answer(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})

    def failing_twice(self, number: int, body: dict[str, Any]) -> None:
        if number <= 2:
            self.fail(500, "boom")
        else:
            self.say(GOOD)

    def failing(self, _: int, body: dict[str, Any]) -> None:
        self.fail(503, "maintenance")

    def dropping_once(self, number: int, body: dict[str, Any]) -> None:
        if number > 1:
            self.say(GOOD)

    def cut_transfer_once(self, number: int, body: dict[str, Any]) -> None:
        if number > 1:
            self.say(GOOD)
        else:
            self.head(200, {"Content-Length": "1000"})
            self.wfile.write(b'{"choices": [')

    def dribbling(self, _: int, body: dict[str, Any]) -> None:
        self.head(200, {"Content-Length": "1000"})
        try:
            for _unused in range(1000):
                self.wfile.write(b" ")
                time.sleep(0.02)
        except OSError:
            pass  # the client left, as it should

    def web_page(self, _: int, body: dict[str, Any]) -> None:
        self.head(200, {"Content-Type": "text/html"})
        self.wfile.write(b"<html>Welcome</html>")

    def no_choices(self, _: int, body: dict[str, Any]) -> None:
        self.answer(200, {"choices": []})

    def error_inside(self, _: int, body: dict[str, Any]) -> None:
        self.answer(200, {"error": {"message": "upstream is gone"}})

    def cut_json_once(self, number: int, body: dict[str, Any]) -> None:
        self.say(GOOD if number > 1 else GOOD[:20])

    def wrong_shape_once(self, number: int, body: dict[str, Any]) -> None:
        self.say(GOOD if number > 1 else GOOD.replace('"12.50"', "12.50"))

    def refusing(self, _: int, body: dict[str, Any]) -> None:
        self.say(None, refusal="I cannot help with that.")

    def cut_at_length(self, _: int, body: dict[str, Any]) -> None:
        self.say(GOOD, finish_reason="length")

    def parts(self, _: int, body: dict[str, Any]) -> None:
        self.say([{"type": "text", "text": GOOD[:9]}, {"type": "text", "text": GOOD[9:]}])

    def tool_call(self, _: int, body: dict[str, Any]) -> None:
        self.say(None, finish_reason="tool_calls", tool_calls=[{"function": {"name": "record", "arguments": GOOD}}])

    def no_json_schema(self, _: int, body: dict[str, Any]) -> None:
        if body.get("response_format", {}).get("type") == "json_schema":
            self.fail(400, "response_format 'json_schema' is not supported")
        else:
            self.say(GOOD)

    def plain_text_only(self, _: int, body: dict[str, Any]) -> None:
        if "response_format" in body:
            self.fail(501, "not implemented")
        else:
            self.say(GOOD)

    def no_temperature(self, _: int, body: dict[str, Any]) -> None:
        if "temperature" in body:
            self.fail(400, "Unsupported value: 'temperature' does not support 0.0 with this model")
        else:
            self.say(GOOD)

    def bad_key(self, _: int, body: dict[str, Any]) -> None:
        key = str(self.headers.get("Authorization")).removeprefix("Bearer ")
        self.fail(401, f"Incorrect API key provided: {key}")

    def unknown_model(self, _: int, body: dict[str, Any]) -> None:
        self.fail(404, f"The model {body['model']} does not exist")

    # -- ways to answer

    def say(self, content: Any, finish_reason: str = "stop", **message: Any) -> None:
        choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": content, **message}}
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        self.answer(200, {"id": "1", "object": "chat.completion", "created": 0, "model": "stub-2", "choices": [choice], "usage": usage})

    def fail(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.answer(status, {"error": {"message": message, "type": "stub"}}, headers)

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.head(status, {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})})
        self.wfile.write(content)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    print(server.server_address[1], flush=True)
    server.serve_forever()
