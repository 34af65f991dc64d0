"""Cassettes: real replies of a model, one file a reply, filed under the request's key, so that a run can be repeated without a network.

A file holds the request as well as the reply, readable, and is refused when the two no longer belong together: a cassette is a recording,
and nobody writes one.
"""

from __future__ import annotations

import json
import shlex
import threading
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structurer.asking.llm import Model, Reply, Request, holds
from structurer.atomic import write_text
from structurer.errors import ModelError, UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Cassette:
    """One recorded exchange."""

    request: Request
    reply: Reply


class Recorder:
    """A `Model` that answers through another and files each reply in a folder; what is filed there already is not asked for again."""

    def __init__(self, model: Model, folder: Path) -> None:
        self._model, self._folder, self._writing = model, folder, threading.Lock()

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """The filed reply, or else the model's, filed. Raises ModelError as the model does or for a spoilt file, UsageError when the folder
        cannot be written to."""
        path = _file(self._folder, request)
        if path.exists():
            return _played(path, request)
        self._prepare()
        reply = await self._model.complete(request)
        self._write(path, _text_of(Cassette(request, reply)))
        return reply

    def holds(self, request: Request) -> bool:
        """Whether the reply is filed, or the model has it already."""
        return _file(self._folder, request).exists() or holds(self._model, request)

    def _prepare(self) -> None:
        """Before the model is asked: an answer that cannot be kept is paid for in vain."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    def _write(self, path: Path, text: str) -> None:
        """All or nothing, also when stopped in the middle; one at a time, since two threads may file the same reply."""
        try:
            with self._writing:
                write_text(path, text)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UsageError:
        reason = (error.strerror or type(error).__name__).lower()
        remedy = "choose another folder for --record"
        return UsageError(f"replies cannot be recorded here ({reason})", where=str(self._folder), remedy=remedy)


class Replayer:
    """A `Model` that answers from a folder of cassettes alone; `name` stands in provenance, each reply names the model that gave it."""

    def __init__(self, folder: Path, *, name: str = "replay") -> None:
        self._folder, self._name = folder, name

    @property
    def name(self) -> str:
        """The name given, not that of the model which was recorded."""
        return self._name

    async def complete(self, request: Request) -> Reply:
        """The recorded reply. Raises ModelError where there is none, or its file is spoilt."""
        path = _file(self._folder, request)
        if not path.exists():
            raise ModelError("no recorded reply to this request", where=str(path), remedy=_command(self._folder))
        return _played(path, request)


def _file(folder: Path, request: Request) -> Path:
    return folder / f"{request.key}.json"


def _command(folder: Path) -> str:
    return f"structurer structure PATH --model NAME --record {shlex.quote(str(folder))}"


def _text_of(cassette: Cassette) -> str:
    tree = {"request": _plain(cassette.request), "reply": asdict(cassette.reply)}
    del tree["reply"]["recorded"], tree["request"]["logprobs"], tree["request"]["plainer"]  # which the model does not see
    if not cassette.reply.logprobs:
        del tree["reply"]["logprobs"]
    return json.dumps(tree, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def _plain(request: Request) -> dict[str, Any]:
    return asdict(replace(request, reply_schema=dict(request.reply_schema)))


@cache
def _adapter() -> TypeAdapter[Cassette]:
    from pydantic import TypeAdapter

    return TypeAdapter(Cassette)


def _played(path: Path, request: Request) -> Reply:
    try:
        cassette = _adapter().validate_python(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise _spoilt(path, f"not a cassette ({_reason(error)})") from None
    if cassette.request.key != request.key:
        raise _spoilt(path, "the request in this cassette is not the one that its name stands for")
    return replace(cassette.reply, recorded=True)


def _reason(error: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return "no JSON" if isinstance(error, ValueError | RecursionError) else type(error).__name__


def _spoilt(path: Path, what: str) -> ModelError:
    return ModelError(what, where=str(path), remedy=f"rm {shlex.quote(str(path))} && {_command(path.parent)}")
