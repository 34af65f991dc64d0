"""Language models behind an OpenAI-compatible endpoint: the one place where requests go over the network.

Transport faults (no connection, timeouts, HTTP 408, 409, 429 and 5xx) are retried here, with bounds on attempts and time. A reply that
came whole but is no good is no transport fault: `extract` asks for that again. An endpoint that refuses strict reply schemas is stepped
down once, to plain JSON and then to plain text, and the instance remembers it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from structurer.dialect import Dialect, at, reply_in, words_of
from structurer.errors import ModelError, UsageError
from structurer.llm import Reply, Request

if TYPE_CHECKING:
    from openai import OpenAI
    from tenacity import RetryCallState

BASE_URL: Final = "https://api.openai.com/v1"
TIMEOUT_S: Final = 600.0  # seconds for one answer, first to last byte: a long form from a slow machine
CONNECT_S: Final = 10.0  # seconds to open a connection
DEADLINE_S: Final = 1800.0  # seconds for a request with all its retries and waits
ATTEMPTS: Final = 5
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 8.0
LONGEST_RETRY_AFTER_S: Final = 60.0  # an endpoint may ask for more, it waits no longer
MAX_BODY: Final = 64 * 2**20  # bytes of an answer
MAX_MESSAGE: Final = 300  # characters of an endpoint's own error message
RETRIED: Final = frozenset({408, 409, 429})


class OpenAIModel:
    """A `Model` at an OpenAI-compatible endpoint. Safe to share between threads.

    `base_url` defaults to OpenAI's; an endpoint of one's own may need no `api_key`. `timeout_s` bounds one answer, `deadline_s` a request
    with all its retries; `sleep` waits the given seconds. Raises UsageError for an address or key that cannot be sent, ModelError when no
    key is given where one is needed.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._base_url = base_url or BASE_URL
        self._where = _public(self._base_url)
        self._key = _sendable(api_key, self._where)
        if self._key is None and base_url is None:
            remedy = "set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint that needs no key"
            raise ModelError("no API key", where=self._where, remedy=remedy)
        self._timeout_s, self._deadline_s, self._attempts, self._sleep = timeout_s, deadline_s, attempts, sleep
        self._dialect = Dialect()
        self._client: OpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIModel({self._name!r}, base_url={self._where!r})"

    @property
    def name(self) -> str:
        """The name under which the endpoint knows the model."""
        return self._name

    def complete(self, request: Request) -> Reply:
        """The model's answer, whole. Raises ModelError when there is none."""
        from httpx2 import RequestError
        from openai import OpenAIError

        deadline = time.monotonic() + self._deadline_s
        try:
            body = self._persistently(lambda: self._answer(request, deadline))
        except (OpenAIError, RequestError) as error:
            raise self._explained(error) from None  # the chain of causes may show headers, and so the key
        return self._read(body, request)

    def _persistently(self, ask: Callable[[], bytes]) -> bytes:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

        retrying = Retrying(
            stop=stop_after_attempt(self._attempts) | stop_before_delay(self._deadline_s),
            wait=_wait_s,
            retry=retry_if_exception(_transient),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(ask)

    def _answer(self, request: Request, deadline: float) -> bytes:
        """The body of the answer, in the strictest dialect that the endpoint understands."""
        from openai import APIStatusError

        while True:
            dialect = self._dialect
            try:
                return self._post(request, dialect, deadline)
            except APIStatusError as error:
                plainer = dialect.after(error.status_code, words_of(error))
                if plainer is None:
                    raise
                self._dialect = plainer

    def _post(self, request: Request, dialect: Dialect, deadline: float) -> bytes:
        """One request. The body is taken in pieces, so that an endpoint that dribbles or never ends is left in time."""
        from httpx2 import Timeout
        from openai import APITimeoutError

        now = time.monotonic()
        limit_s = max(min(self._timeout_s, deadline - now), 0.001)
        messages: list[Any] = [{"role": message.role, "content": message.content} for message in request.messages]
        completions = self._opened().chat.completions.with_streaming_response
        timeout = Timeout(limit_s, connect=min(CONNECT_S, limit_s))
        with completions.create(model=request.model, messages=messages, timeout=timeout, **dialect.options(request)) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if time.monotonic() > now + limit_s:
                    raise APITimeoutError(response.http_request)
                if len(body) > MAX_BODY:
                    raise self._bad_body(f"more than {MAX_BODY // 2**20} MiB")
            return bytes(body)

    def _opened(self) -> OpenAI:
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(base_url=self._base_url, api_key=self._key or "none", max_retries=0)
        return self._client

    def _read(self, body: bytes, request: Request) -> Reply:
        try:
            tree = json.loads(body)
        except (ValueError, RecursionError):
            raise self._bad_body("no JSON") from None
        said = at(tree, "error", "message")
        if isinstance(said, str):
            raise self._bad_body(f"an error: {self._redacted(said)}")
        choice = at(tree, "choices", 0)
        if not isinstance(at(choice, "message"), dict):
            raise self._bad_body("no choices")
        return reply_in(choice, tree, request)

    def _bad_body(self, detail: str) -> ModelError:
        remedy = "check that OPENAI_BASE_URL is the address of an OpenAI-compatible API; it usually ends in /v1"
        return ModelError(f"the endpoint's answer is no chat completion ({detail})", where=self._where, remedy=remedy)

    def _explained(self, error: Exception) -> ModelError:
        from httpx2 import TimeoutException
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        if isinstance(error, APITimeoutError | TimeoutException):
            remedy = "try again later, or choose a faster model"
            return ModelError(f"no answer within {min(self._timeout_s, self._deadline_s):g} s", where=self._where, remedy=remedy)
        if isinstance(error, APIStatusError):
            return self._refused(error.status_code, self._redacted(words_of(error)))
        kind = type(error.__cause__ if isinstance(error, APIConnectionError) and error.__cause__ else error).__name__
        remedy = "check OPENAI_BASE_URL, and that the endpoint is running and can be reached"
        return ModelError(f"cannot connect ({kind})", where=self._where, remedy=remedy)

    def _refused(self, status: int, said: str) -> ModelError:
        what, remedy = {
            401: ("the key was refused", "set OPENAI_API_KEY to a key of this endpoint"),
            403: ("the key may not use this model", "set OPENAI_API_KEY to a key that may, or choose another --model"),
            404: (f"no model {self._name!r} at this address", "choose another --model, or correct OPENAI_BASE_URL; it usually ends in /v1"),
            413: ("the request is too long", "choose a --model with a longer context"),
            429: ("the endpoint is overloaded or the quota is used up", "try again later, or raise the quota"),
        }.get(status, ("the endpoint refused the request", "choose another --model or endpoint"))
        if status >= 500:
            what, remedy = "the endpoint failed", "try again later"
        return ModelError(f"{what} (HTTP {status}{': ' if said else ''}{said})", where=self._where, remedy=remedy)

    def _redacted(self, text: str) -> str:
        """An endpoint's words on one line, cut to length, without the key, which some repeat."""
        line = " ".join(text.split())
        return (line.replace(self._key, "[key]") if self._key else line)[:MAX_MESSAGE]


def from_environment(model: str | None) -> OpenAIModel | None:
    """The model named by the caller or STRUCTURER_MODEL, at OPENAI_BASE_URL with OPENAI_API_KEY; None when no model is named.

    A key or address alone names no model and sends no document anywhere: many have one in their environment for other programs. Raises
    UsageError for a model with neither key nor address.
    """
    name, base_url, key = (_given(text) for text in (model or os.environ.get("STRUCTURER_MODEL"), _env("BASE_URL"), _env("API_KEY")))
    if name is None:
        return None
    if base_url is None and key is None:
        raise UsageError(
            f"model {name!r} is named, but neither a key nor an endpoint",
            remedy="set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint of your own, or leave the model out to use the built-in reader",
        )
    return OpenAIModel(name, base_url=base_url, api_key=key)


def _env(name: str) -> str | None:
    return os.environ.get(f"OPENAI_{name}")


def _given(text: str | None) -> str | None:
    return (text or "").strip() or None


def _public(base_url: str) -> str:
    """The address without the user, password and query it may hold."""
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        remedy = f"set OPENAI_BASE_URL to an address such as {BASE_URL}"
        raise UsageError("the endpoint's address is no http or https URL", where="OPENAI_BASE_URL", remedy=remedy)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _sendable(key: str | None, where: str) -> str | None:
    key = _given(key)
    if key is not None and not (key.isascii() and key.isprintable()):
        raise UsageError("the API key holds a character that no key has", where=where, remedy="set OPENAI_API_KEY again")
    return key


def _transient(error: BaseException) -> bool:
    from httpx2 import RequestError
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        final = error.status_code == 501 or error.code == "insufficient_quota"
        return not final and (error.status_code in RETRIED or error.status_code >= 500)
    return isinstance(error, APIConnectionError | RequestError)


def _wait_s(state: RetryCallState) -> float:
    """Seconds until the next attempt: exponential with jitter, at least what the endpoint asks for up to a cap."""
    from openai import APIStatusError
    from tenacity import wait_exponential, wait_random

    error = state.outcome.exception() if state.outcome else None
    asked = _retry_after_s(error.response.headers.get("retry-after")) if isinstance(error, APIStatusError) else 0.0
    backoff = wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S)
    return max(backoff(state), min(asked, LONGEST_RETRY_AFTER_S))


def _retry_after_s(header: str | None) -> float:
    """RFC 9110, 10.2.3: seconds, or an HTTP date; 0 where it is neither."""
    if not header:
        return 0.0
    if header.strip().isdecimal():
        return float(header)
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
