"""What an endpoint's refusal or silence means, in words: what failed, and the next command; never the key, which some endpoints repeat."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from structurer.endpoints.dialect import is_too_long, words_of
from structurer.endpoints.wire import MAX_BODY, BodyTooLongError, PackedError
from structurer.errors import HaltError, ModelError, TooLongError

LONGEST_RETRY_AFTER_S: Final = 600.0  # an endpoint that asks for more has shut for the day: the run halts
FILTERS: Final = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})  # codes of input filters
MAX_MESSAGE: Final = 300  # characters of an endpoint's own error message


@dataclass(frozen=True, slots=True)
class Refusals:
    """The words for one model at one address: `limit_s` are the seconds that an answer may take, `patience_s` those that an endpoint may be
    down; `secrets` are never said; `key_env` and `address` name where the user has set the key and the address."""

    where: str
    model: str
    limit_s: float
    patience_s: float
    wanted: str = "chat completion"
    secrets: tuple[str, ...] = field(default=(), repr=False)
    key_env: str = "OPENAI_API_KEY"
    address: str = "OPENAI_BASE_URL"

    @property
    def _set_key(self) -> str:
        return f"set {self.key_env} to a key" if self.key_env else "name as key_env in structurer.toml the variable that holds a key"

    def bad_body(self, detail: str) -> ModelError:
        remedy = f"check that {self.address} is the address of an OpenAI-compatible API; it usually ends in /v1"
        return ModelError(f"the endpoint's answer is no {self.wanted} ({detail})", where=self.where, remedy=remedy)

    def down(self) -> HaltError:
        what = f"the endpoint has not answered for {self.patience_s:g} s"
        return HaltError(what, where=self.where, remedy="structurer doctor, and when it is back: the same command with --resume")

    def without_secrets(self, body: bytes) -> bytes:
        """An answer without the key, should the endpoint repeat it: what it says is written into runs."""
        for secret in self.secrets:
            body = body.replace(secret.encode(), b"[key]")
        return body

    def explained(self, error: Exception, *, answered: bool = False) -> ModelError:
        """What to say of an error. An endpoint that has `answered` before means the request by what it refuses, where it might mean all."""
        from httpx2 import TimeoutException
        from openai import APIStatusError

        if isinstance(error, BodyTooLongError):
            return self.bad_body(f"more than {MAX_BODY // 2**20} MiB")
        if isinstance(error, PackedError):
            return self.bad_body("packed in a way that was not asked for")
        if isinstance(error, APIStatusError):
            return self._refused(error, answered)
        cause = root(error)
        if isinstance(cause, TimeoutError | TimeoutException):
            remedy = "try again later, or choose a faster model"
            return ModelError(f"no answer within {self.limit_s:g} s", where=self.where, remedy=remedy)
        kind = type(cause).__name__
        remedy = f"check {self.address}, and that the endpoint is running and can be reached"
        return ModelError(f"cannot connect ({kind})", where=self.where, remedy=remedy)

    def _refused(self, error: Any, answered: bool) -> ModelError:
        status, said = error.status_code, self.redacted(words_of(error))
        what, remedy = {
            401: ("the key was refused", f"{self._set_key} of this endpoint"),
            402: ("the account has no money left", "pay it in, then the same command with --resume"),
            403: ("the key may not use this model", f"{self._set_key} that may, or choose another --model"),
            404: (
                f"no model {self.model!r} at this address",
                f"choose another --model, or correct {self.address}; it usually ends in /v1",
            ),
            413: ("the request is too long", "choose a --model with a longer context"),
            429: ("the endpoint is overloaded or the quota is used up", "try again later, or raise the quota"),
        }.get(status, ("the endpoint refused the request", "choose another --model or endpoint"))
        if status in (400, 422) and "max_tokens" in said:
            remedy = "set max_output_tokens of this model in structurer.toml"
        if status >= 500:
            what, remedy = "the endpoint failed", "try again later"
        if 300 <= status < 400:
            what, remedy = "the endpoint sends its callers elsewhere", f"set {self.address} to where it does, if you trust that"
            said = self.redacted(error.response.headers.get("location", ""))
        halts = status in (401, 402, 404) or (status == 403 and not answered) or 300 <= status < 400 or shut(error)
        kind = HaltError if halts else ModelError
        if status == 413 or (status in (400, 422) and is_too_long(words_of(error))):
            kind, what, remedy = TooLongError, "the request is too long", "choose a --model with a longer context"
        return kind(f"{what} (HTTP {status}{': ' if said else ''}{said})", where=self.where, remedy=remedy)

    def redacted(self, text: str) -> str:
        """An endpoint's words on one line, cut to length, without anything that a terminal would obey, and without the key, which some
        repeat."""
        line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
        for secret in self.secrets:
            line = line.replace(secret, "[key]")
        return "".join(char if char.isprintable() else "\ufffd" for char in line[:MAX_MESSAGE])


def is_filtered(error: Exception) -> bool:
    """Whether a filter before the model refused the request for what the document says."""
    from openai import APIStatusError

    if not isinstance(error, APIStatusError) or error.status_code not in (400, 403, 422):
        return False
    said = words_of(error).lower()
    return error.code in FILTERS or any(word in said for word in ("content management policy", "content filter", "flagged by moderation"))


def is_free(error: Exception) -> bool:
    """Whether an endpoint cannot charge for the attempt: it was refused for what it is, or never came there."""
    from aiohttp import ClientConnectorError
    from openai import APIStatusError

    if isinstance(error, APIStatusError):
        return 300 <= error.status_code < 500 and error.status_code != 408
    return isinstance(root(error), ClientConnectorError)


def is_outage(error: Exception) -> bool:
    """Whether an attempt failed for an endpoint that is not there, and for nothing that it asked."""
    from aiohttp import ConnectionTimeoutError
    from openai import APIStatusError

    if isinstance(error, APIStatusError):
        return error.status_code in (502, 503)  # said by what stands before it
    cause = root(error)
    return isinstance(cause, ConnectionTimeoutError) or not isinstance(cause, TimeoutError)


def shut(error: Any) -> bool:
    """Whether the endpoint will take no request for long: the quota is used up, or it asks to come back after more than a while."""
    return error.code == "insufficient_quota" or retry_after_s(error) > LONGEST_RETRY_AFTER_S


def root(error: BaseException) -> BaseException:
    """The first cause: the transport calls a dropped connection a timeout on its way up."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error


def retry_after_s(error: Any) -> float:
    """RFC 9110, 10.2.3: seconds, or an HTTP date; 0 where it is neither."""
    header = error.response.headers.get("retry-after") or ""
    if header.strip().isdecimal():
        return float(header)
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError, TypeError):
        return 0.0
