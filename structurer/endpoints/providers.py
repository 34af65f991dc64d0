"""Language models behind an OpenAI-compatible endpoint: requests, their retries, and what is said when there is no answer.

Transport faults (no connection, timeouts, HTTP 408, 409, 429 and 5xx) are retried here, with bounds on attempts and time; the pace of all
calls together is `pace`'s. A reply that came whole but is no good is no transport fault: `extract` asks for that again. An endpoint that
refuses strict reply schemas is stepped down, and the instance remembers it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structurer.asking.llm import Reply, Request, Usage
from structurer.endpoints.addresses import BASE_URL, public, secrets
from structurer.endpoints.dialect import Dialect, Format, at, reply_in, words_of
from structurer.endpoints.known import Known
from structurer.endpoints.pace import EndpointDown, Pace, Slot
from structurer.endpoints.refusals import Refusals, is_filtered, is_free, is_outage, retry_after_s, shut
from structurer.endpoints.verbose import turn_came
from structurer.endpoints.wire import BodyTooLongError, PackedError, Wire
from structurer.errors import HaltError, ModelError, UsageError

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from structurer.endpoints.purse import Purse
    from structurer.endpoints.settings import Endpoint

TIMEOUT_S: Final = 600.0  # seconds for one answer, first to last byte: a long form from a slow machine
DEADLINE_S: Final = 1800.0  # seconds for a request with all its retries and waits, those for its turn left out
ATTEMPTS: Final = 10  # that fail; a request told to come later (429) is bounded by its deadline alone
IN_FLIGHT: Final = 64
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 8.0
RETRIED: Final = frozenset({408, 409, 429})
CRASHES: Final = 2  # HTTP 500 at a format that has never been answered, before a plainer one is tried
TOKEN_BYTES: Final = 3  # bytes of a prompt that make a token, for pacing by tokens alone


@dataclass(frozen=True, slots=True)
class Limits:
    """What a caller allows a model: seconds for one answer and for a request with its retries, failed attempts, requests in flight,
    requests and tokens a minute (None: no limit), tokens of a reply (None: the endpoint's own limit), seconds that a run waits for an
    endpoint that is down."""

    timeout_s: float = TIMEOUT_S
    deadline_s: float = DEADLINE_S
    attempts: int = ATTEMPTS
    in_flight: int = IN_FLIGHT
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    output_tokens: int | None = None
    patience_s: float = 600.0


class OpenAIModel:
    """A `Model` at an OpenAI-compatible endpoint, for any number of tasks of one event loop at a time.

    `base_url` defaults to OpenAI's; an endpoint of one's own may need no `api_key`. `dialect` is what is known of the endpoint, `learned`
    is told when more is; `told` hears what a person should know (a pause, its end). `extra` are further members of every request, `headers`
    further headers; every attempt is paid for out of the `purse`; `key_env` and `address` name where the user has set the key and the
    address; `sleep` waits the given seconds. Raises UsageError for an address or key that cannot be sent, ModelError when no key is given
    where one is needed.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        wire_name: str | None = None,
        limits: Limits = Limits(),
        dialect: Dialect | None = None,
        learned: Callable[[Dialect], None] = lambda _: None,
        told: Callable[[str], None] = lambda _: None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        purse: Purse | None = None,
        key_env: str = "OPENAI_API_KEY",
        address: str = "OPENAI_BASE_URL",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name, self._wire_name = name, wire_name or name
        base_url, unnamed = base_url or BASE_URL, base_url is None
        self.where = public(base_url)
        self._key = _sendable(api_key, self.where)
        if self._key is None and unnamed:
            remedy = "set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint that needs no key"
            raise ModelError("no API key", where=self.where, remedy=remedy)
        self.limits, self.dialect, self._learned, self._told = limits, dialect or Dialect(), learned, told
        self._extra, self._purse, self._sleep = dict(extra or {}), purse, sleep
        self.wire = Wire(base_url, self._key, connections=limits.in_flight, headers=headers)
        self.refusals = Refusals(
            self.where,
            self._wire_name,
            min(limits.timeout_s, limits.deadline_s),
            limits.patience_s,
            secrets=secrets(base_url, self._key),
            key_env=key_env,
            address=address,
        )
        self._paces: dict[asyncio.AbstractEventLoop, Pace] = {}
        self._answered = False  # whether it has ever answered: then a refusal is of the request, and not of the key
        self._halted: tuple[asyncio.AbstractEventLoop | None, HaltError | None] = (None, None)

    def __repr__(self) -> str:
        return f"OpenAIModel({self._name!r}, base_url={self.where!r})"

    @property
    def name(self) -> str:
        """The name under which the caller knows the model."""
        return self._name

    @property
    def pace(self) -> Pace:
        """The pace of the calls in the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._paces:
            limits, where, told = self.limits, self.where, self._told  # not self: in a circle, the connections would be left open
            self._paces = {
                loop: Pace(
                    most=limits.in_flight,
                    requests_per_minute=limits.requests_per_minute,
                    tokens_per_minute=limits.tokens_per_minute,
                    patience_s=limits.patience_s,
                    told=lambda words: told(f"{where}: {words}"),
                )
            }
        return self._paces[loop]

    async def complete(self, request: Request) -> Reply:
        """The model's answer, whole. Raises ModelError when there is none, HaltError when there will be none to other requests either."""
        from httpx2 import RequestError
        from openai import OpenAIError

        try:
            reply = await self._persistently(request)
            self._answered = True
            return reply
        except (OpenAIError, RequestError, TimeoutError, BodyTooLongError, PackedError) as error:
            if is_filtered(error):
                return Reply("", request.model, "content_filter")
            explained = self.refusals.explained(error, answered=self._answered)
            if isinstance(explained, HaltError):
                self._halted = asyncio.get_running_loop(), explained
            raise explained from None  # the chain of causes may show headers, and so the key
        except EndpointDown:
            raise self.refusals.down() from None

    async def models(self, limit_s: float) -> Any:
        """What the endpoint lists, as it comes; one try. Raises ModelError."""
        from httpx2 import RequestError
        from openai import OpenAIError

        refusals = replace(self.refusals, limit_s=limit_s, wanted="list of models")
        try:
            return json.loads(await self.wire.get("/models", limit_s))
        except (OpenAIError, RequestError, TimeoutError, BodyTooLongError, PackedError) as error:
            raise refusals.explained(error) from None
        except (ValueError, RecursionError):
            raise refusals.bad_body("no JSON") from None

    async def _persistently(self, request: Request) -> Reply:
        from tenacity import AsyncRetrying, retry_if_exception

        tries = _Tries(self.limits)
        retrying = AsyncRetrying(
            stop=tries.are_used_up, wait=_wait_s, retry=retry_if_exception(transient), sleep=self._sleep, reraise=True
        )  # fmt: skip
        reply: Reply = await retrying(self._in_turn, request, tries)
        return reply

    async def _in_turn(self, request: Request, tries: _Tries) -> Reply:
        """One attempt, when its turn has come; the pace learns what became of it."""
        asked = time.monotonic()
        async with self.pace.slot(self._tokens(request)) as slot:
            waited_s = time.monotonic() - asked
            tries.waited_s += waited_s
            self._refuse_if_halted()
            turn_came(waited_s)
            try:
                reply = await self._paid(request, tries)
            except Exception as error:
                if self._may_be_the_format(error, request):
                    tries.crash()
                    raise
                # a probe of an endpoint that is down is bounded by the patience, not by the attempts of the request that happens to make it
                tries.failed += _tell(slot, error) and not (self.pace.snapshot.paused and is_outage(error))
                raise
            slot.succeeded(_total(reply.usage))
            return reply

    def _may_be_the_format(self, error: Exception, request: Request) -> bool:
        """Some servers fail at a reply schema with HTTP 500, each time again; one that has answered before fails for another reason."""
        from openai import APIStatusError

        crashed = isinstance(error, APIStatusError) and error.status_code == 500
        return crashed and not self._answered and bool(request.reply_schema) and self.dialect.format is not Format.TEXT

    def _refuse_if_halted(self) -> None:
        """Calls that wait for their turn while the endpoint refuses the key (or the like) are not made, for as long as the run goes on."""
        loop, error = self._halted
        if error is not None and loop is asyncio.get_running_loop():
            raise HaltError(error.what, where=error.where, remedy=error.remedy)

    async def _paid(self, request: Request, tries: _Tries) -> Reply:
        if self._purse is None:
            return self._read(await self._answer(request, tries), request)
        async with self._purse.held(len(self.body(request, self.dialect))) as paid:
            try:
                reply = self._read(await self._answer(request, tries), request)
            except Exception as error:
                paid.amount = Decimal(0) if is_free(error) else None
                raise
            paid.amount = self._purse.cost(reply.usage)
            return reply

    def _tokens(self, request: Request) -> int:
        """Roughly, and only where the pace goes by tokens."""
        if self.limits.tokens_per_minute is None:
            return 0
        return sum(len(message.content.encode()) for message in request.messages) // TOKEN_BYTES + (self.limits.output_tokens or 0)

    async def _answer(self, request: Request, tries: _Tries) -> bytes:
        """The body of the answer, in the strictest dialect that the endpoint understands."""
        from openai import APIStatusError

        while True:
            base = self.dialect
            dialect = base.plainer(tries.plainer)
            try:
                body = await self.wire.post("/chat/completions", self.body(request, dialect), tries.limit_s())
            except APIStatusError as error:
                plainer = dialect.after(error.status_code, words_of(error))
                if plainer is None:
                    raise
                self._step_down(base, plainer)
            else:
                if dialect.format is Format.TOOL and b'"tool_calls"' not in body:  # it took the tool, and leaves it aside
                    self._step_down(base, dialect.plainer(1))
                elif tries.plainer:
                    self._step_down(base, dialect)
                return body

    def _step_down(self, dialect: Dialect, plainer: Dialect) -> None:
        if self.dialect == dialect:  # else another task was quicker
            self.dialect = plainer
            self._learned(plainer)

    def body(self, request: Request, dialect: Dialect) -> bytes:
        """A request as it is posted in a dialect."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        options = dialect.options(request, self.limits.output_tokens)
        return json.dumps(self._extra | {"model": self._wire_name, "messages": messages} | options, ensure_ascii=False).encode()

    def _read(self, body: bytes, request: Request) -> Reply:
        try:
            tree = json.loads(self.refusals.without_secrets(body))
        except (ValueError, RecursionError):
            raise self.refusals.bad_body("no JSON") from None
        said = at(tree, "error", "message")
        if isinstance(said, str):
            raise self.refusals.bad_body(f"an error: {self.refusals.redacted(said)}")
        choice = at(tree, "choices", 0)
        if not isinstance(at(choice, "message"), dict):
            raise self.refusals.bad_body("no choices")
        return reply_in(choice, tree, request)


class _Tries:
    """What one request has used up: attempts that failed, and the seconds it waited for its turn, which do not count."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.failed, self.waited_s, self._begun = limits, 0, 0.0, time.monotonic()
        self.crashes = 0

    @property
    def plainer(self) -> int:
        """By how many steps the shape of the reply is asked for less strictly, since the endpoint may fail at it."""
        return self.crashes // CRASHES

    def crash(self) -> None:
        """An HTTP 500 for which the shape of the reply may be the reason."""
        self.crashes += 1
        self.failed += 1

    def left_s(self) -> float:
        return self.limits.deadline_s - (time.monotonic() - self._begun - self.waited_s)

    def limit_s(self) -> float:
        """Seconds for the next answer."""
        return max(min(self.limits.timeout_s, self.left_s()), 0.001)

    def are_used_up(self, state: RetryCallState) -> bool:
        return self.failed >= self.limits.attempts or state.idle_for + state.upcoming_sleep > self.limits.deadline_s or (
            state.upcoming_sleep > self.left_s()
        )  # fmt: skip


def of_endpoint(
    endpoint: Endpoint, patience_s: float, remembered: Path | None, told: Callable[[str], None], purse: Purse | None = None
) -> OpenAIModel:
    """The model of an endpoint in the settings; what is learnt of it is `remembered` in a folder."""
    known = Known(remembered)
    limits = Limits(
        timeout_s=endpoint.timeout_s,
        deadline_s=endpoint.deadline_s,
        in_flight=endpoint.max_in_flight,
        requests_per_minute=endpoint.requests_per_minute,
        tokens_per_minute=endpoint.tokens_per_minute,
        output_tokens=endpoint.max_output_tokens,
        patience_s=patience_s,
    )
    return OpenAIModel(
        endpoint.name,
        base_url=endpoint.base_url,
        api_key=endpoint.key.get_secret_value() if endpoint.key else None,
        wire_name=endpoint.model,
        limits=limits,
        dialect=known.dialect(endpoint.where, endpoint.model),
        learned=lambda dialect: known.learn(endpoint.where, endpoint.model, dialect),
        told=told,
        extra=endpoint.extra_body,
        headers=endpoint.headers,
        purse=purse,
        key_env=endpoint.key_env,
        address=endpoint.set_at,
    )


def _given(text: str | None) -> str | None:
    return (text or "").strip() or None


def _sendable(key: str | None, where: str) -> str | None:
    key = _given(key)
    if key is not None and not (key.isascii() and key.isprintable()):
        raise UsageError("the API key holds a character that no key has", where=where, remedy="set OPENAI_API_KEY again")
    return key


# -- what became of an attempt -----------------------------------------------------------------------------------------


def _tell(slot: Slot, error: Exception) -> bool:
    """Tell the pace; whether the attempt counts as failed."""
    from openai import APIStatusError

    if not transient(error):
        return True
    if isinstance(error, APIStatusError) and error.status_code == 429:
        slot.overloaded(retry_after_s(error))
        return False
    slot.failed()
    return True


def _total(usage: Usage) -> int | None:
    counts = (usage.prompt_tokens, usage.completion_tokens)
    return None if None in counts else sum(count for count in counts if count is not None)


def transient(error: BaseException) -> bool:
    """Whether the same request may be answered when it is sent again."""
    from httpx2 import RequestError
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return (error.status_code in RETRIED or error.status_code >= 500) and error.status_code != 501 and not shut(error)
    return isinstance(error, APIConnectionError | RequestError | TimeoutError)


def _wait_s(state: RetryCallState) -> float:
    """Seconds until the next attempt: exponential with jitter, at least what the endpoint asks for."""
    from openai import APIStatusError
    from tenacity import wait_exponential, wait_random

    error = state.outcome.exception() if state.outcome else None
    asked = retry_after_s(error) if isinstance(error, APIStatusError) else 0.0
    backoff = wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S)
    return max(backoff(state), asked)
