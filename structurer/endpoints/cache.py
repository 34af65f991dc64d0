"""Replies kept on disk, one small file each, so that no question is paid for twice: across runs, and by several runs at once.

A file appears whole or not at all (rename within a folder), and one that is damaged all the same is as good as none: the question is asked
again. Nothing is forced to the disk: what a power failure takes is a reply that can be had again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structurer.asking.llm import Model, Reply, Request
from structurer.asking.replies import unusable

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT: Final = 1  # of the files; part of their names, so that another format is another question


class Cached:
    """A `Model` that answers through another and keeps its good replies in `folder`.

    `identity` is whatever else than the request decides what the model answers (address, name on the wire, further parameters). Replies
    that were cut off, refused or empty are not kept: asked again they may come whole. `told` hears once when nothing can be kept.
    """

    def __init__(self, model: Model, folder: Path, identity: str, told: Callable[[str], None] = lambda _: None) -> None:
        self._model, self._folder, self._identity, self._told = model, folder, identity, told
        self._complained = False
        self._asked: dict[Path, asyncio.Event] = {}

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """The kept reply, or else the model's, kept. Raises what the model raises."""
        file = self._file(request)
        while file in self._asked:  # for a copy of the document: its reply may soon be kept
            await self._asked[file].wait()
        kept = _kept(file)
        if kept is not None:
            return replace(kept, recorded=True)
        self._asked[file] = asyncio.Event()
        try:
            reply = await self._model.complete(request)
            if unusable(reply) is None:
                self._keep(file, reply)
            return reply
        finally:
            self._asked.pop(file).set()

    def holds(self, request: Request) -> bool:
        """Whether the reply is kept."""
        return _kept(self._file(request)) is not None

    def _file(self, request: Request) -> Path:
        asked = json.dumps([FORMAT, self._identity, request.key, request.logprobs])
        key = hashlib.sha256(asked.encode()).hexdigest()[:32]
        return self._folder / key[:2] / f"{key}.json"

    def _keep(self, file: Path, reply: Reply) -> None:
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # replies quote documents
            with open(descriptor, "wb") as out:
                out.write(_text_of(reply))
            os.replace(beside, file)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            self._told(f"replies cannot be kept in {self._folder} ({(error.strerror or type(error).__name__).lower()}); the run goes on")


def _kept(file: Path) -> Reply | None:
    try:
        found: Any = json.loads(file.read_bytes())
        digest, body = found["sha256"], found["reply"]
        return _adapter().validate_python(body) if digest == _digest(body) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _text_of(reply: Reply) -> bytes:
    body = asdict(reply)
    del body["recorded"]
    return json.dumps({"reply": body, "sha256": _digest(body)}, ensure_ascii=True).encode()


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@cache
def _adapter() -> TypeAdapter[Reply]:
    from pydantic import TypeAdapter

    return TypeAdapter(Reply)
