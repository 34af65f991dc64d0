"""What is told of a call: attributes by the GenAI semantic conventions, and nothing that may be secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from structurer.asking.llm import Reply, Request, Usage
from structurer.asking.replies import unusable
from structurer.endpoints.prices import plausible
from structurer.endpoints.verbose import reason_of
from structurer.errors import StructurerError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

PROVIDERS: Final = (  # hosts with the conventions' names for whose they are; https://opentelemetry.io/docs/specs/semconv/registry
    (r".+\.(openai|cognitiveservices)\.azure\.com", "azure.ai.openai"), (r".+\.(services|models)\.ai\.azure\.com", "azure.ai.inference"),
    (r"generativelanguage\.googleapis\.com", "gcp.gemini"), (r"(.+-)?aiplatform\.googleapis\.com", "gcp.vertex_ai"),
    (r"bedrock.*\.amazonaws\.com", "aws.bedrock"), (r".+\.cohere\.(ai|com)", "cohere"), (r".+\.deepseek\.com", "deepseek"),
    (r".+\.groq\.com", "groq"), (r".+\.mistral\.ai", "mistral_ai"), (r".+\.ml\.cloud\.ibm\.com", "ibm.watsonx.ai"),
    (r".+\.moonshot\.(ai|cn)", "moonshot_ai"), (r".+\.perplexity\.ai", "perplexity"), (r".+\.x\.ai", "x_ai"),
)  # fmt: skip
PROVIDER: Final = "openai"  # of any other host: the conventions want whose API it is that is spoken
OTHER: Final = "_OTHER"  # the conventions' word for a value that is not told
_NAME: Final = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")  # what an endpoint says is told where it is a name, not text
_STATUS: Final = re.compile(r"\(HTTP (\d{3})\b")
_CONNECTION: Final = re.compile(r"cannot connect \((\w+)\)")


def server(where: str) -> dict[str, Any]:
    """Whose API is spoken, and with which host; no part of the address that may be secret."""
    try:
        parts = urlsplit(where)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        return {"gen_ai.provider.name": PROVIDER}
    provider = next((name for hosts, name in PROVIDERS if re.fullmatch(hosts, host)), PROVIDER)
    return {
        "gen_ai.provider.name": provider,
        "server.address": sendable(host),
        "server.port": port or (80 if parts.scheme == "http" else 443),
    }


def asked(request: Request) -> dict[str, Any]:
    """What was asked for, not with which words."""
    asked: dict[str, Any] = {"gen_ai.request.temperature": float(request.temperature)}
    if request.seed is not None and abs(request.seed) < 2**63:
        asked["gen_ai.request.seed"] = request.seed
    return asked | ({"gen_ai.output.type": "json"} if request.reply_schema else {})


def answered(reply: Reply) -> dict[str, Any]:
    """How the answer ended, and what was wrong with it."""
    bad = unusable(reply)
    return {
        "gen_ai.response.model": name_of(reply.model),
        "gen_ai.response.finish_reasons": [name_of(reply.finish_reason)],
        "structurer.recorded": reply.recorded,
        **({"structurer.reply.fault": bad.fault.value} if bad is not None else {}),
    }


def charged(usage: Usage) -> dict[str, int]:
    """The counts that the endpoint gave; where its total is more than their sum, it charges for reasoning that it leaves out."""
    total, prompt, output = usage.total_tokens, usage.prompt_tokens, usage.completion_tokens
    if plausible(total) and plausible(prompt) and plausible(output):
        output = max(output, total - prompt)
    counts = {
        "input": prompt,
        "output": output,
        "cache_read.input": usage.cached_tokens,
        "cache_creation.input": usage.cache_write_tokens,
    }
    return {kind: count for kind, count in counts.items() if plausible(count)}


def failed(span: Span, error: BaseException | str) -> str:
    """Tell that it failed and why; the type of the error."""
    from opentelemetry.trace import StatusCode

    kind = error if isinstance(error, str) else _type_of(error)
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR, sendable(reason_of(error)) if isinstance(error, StructurerError) else None)
    return kind


def _type_of(error: BaseException) -> str:
    what = error.what if isinstance(error, StructurerError) else ""
    found = _STATUS.search(what) or _CONNECTION.match(what)
    return found[1] if found else "timeout" if what.startswith("no answer within ") else type(error).__name__


def name_of(said: str) -> str:
    """What an endpoint calls its model, where that is a name."""
    return said if _NAME.fullmatch(said) else OTHER


def sendable(text: str) -> str:
    """A lone surrogate would lose the whole batch of spans that it is in."""
    return text.encode("utf-8", "replace").decode()[:200]
