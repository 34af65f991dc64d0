"""Models of tests that read what they are asked, in this process: the stand-ins of the stub endpoint, without the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from stub_posted import Posted
from stub_reading import WHOLE, Lossy, read

from structurer.asking.llm import Reply, Request
from structurer.endpoints.dialect import Dialect

Spoil = Callable[[Request, Reply], Reply]


@dataclass
class Reader:
    """Reads statements as the stub's stand-in does; `spoil` may change a reply, `output` is the longest reply in characters."""

    lossy: Lossy = WHOLE
    seed: int = 0
    output: int | None = None
    spoil: Spoil = field(default=lambda _, reply: reply)
    name: str = "standin"
    asked: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Reply:
        self.asked.append(request)
        tree = read(Posted(self.body(request)), self.lossy, self.seed).tree
        text = json.dumps(tree, ensure_ascii=False)
        reply = Reply(text, self.name)
        if self.output is not None and len(text) > self.output:
            reply = replace(reply, text=text[: self.output], finish_reason="length")
        return self.spoil(request, reply)

    @staticmethod
    def body(request: Request) -> dict[str, Any]:
        """The request as it would be posted."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {"model": request.model, "messages": messages, **Dialect().options(request)}
