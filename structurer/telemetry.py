"""What a run tells OpenTelemetry: a span for every document, one for every call to a model in it, and how long calls took and at how many
tokens. Names are those of the GenAI semantic conventions; what they have no name for is called `structurer.*`.

Off unless somebody asks for it: the option, STRUCTURER_TELEMETRY=on, or a program around this one that has set a provider, as libraries do
it. OTEL_EXPORTER_OTLP_ENDPOINT alone switches nothing on: it stands in the environment of many machines, for other programs, and documents'
names and sizes are nobody's business by default. What is on is then set as everywhere, by the OTEL_ variables: where to
(OTEL_EXPORTER_OTLP_ENDPOINT, ..._HEADERS), as whom (OTEL_SERVICE_NAME), how much (OTEL_TRACES_SAMPLER), and OTEL_SDK_DISABLED.

Never told are prompts, replies and keys, nor what an endpoint says in words, since that may repeat them; the names of files only under
STRUCTURER_TELEMETRY=names. A collector that is down costs a run nothing but CLOSE_S at its end.

`structurer.call.waited` is in seconds. `error.type` is the HTTP status of a refusal, "timeout", the class of the fault of a connection,
else the class of the exception.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from structurer import __version__
from structurer.asking.llm import Model, Reply, Request, Usage, holds
from structurer.asking.replies import unusable
from structurer.endpoints.prices import plausible
from structurer.endpoints.verbose import Turns, about, reason_of, turns_counted
from structurer.errors import StructurerError, UsageError

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from structurer.store.runs import Outcome

SWITCH: Final = "STRUCTURER_TELEMETRY"
CLOSE_S: Final = 5.0  # seconds that a run's end waits for what is still to be sent
ID_DIGITS: Final = 16  # hexadecimal, of a document's SHA-256
LOST: Final = "telemetry is not sent, or not all of it: is a collector at OTEL_EXPORTER_OTLP_ENDPOINT? The run goes on"
NAME: Final = "structurer"
CHAT: Final = "chat"  # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans
TOKEN_BOUNDS: Final = tuple(4**power for power in range(14))  # as the conventions advise
SECOND_BOUNDS: Final = tuple(2**power / 100 for power in range(14))  # likewise; 0.01 to 81.92
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


class Choice(StrEnum):
    """What a user may want: nothing, all but the names of files, or those too."""

    OFF = "off"
    ON = "on"
    NAMES = "names"


_SAME: Final = {"1": "on", "true": "on", "yes": "on", "0": "off", "false": "off", "no": "off"}


@dataclass(frozen=True, slots=True)
class Signals:
    """Where spans begin, and what is measured."""

    tracer: Tracer
    seconds: Histogram
    tokens: Histogram

    @classmethod
    def of(cls, traces: TracerProvider, metrics: MeterProvider) -> Signals:
        """Those of two providers."""
        meter = metrics.get_meter(NAME, __version__)
        return cls(
            traces.get_tracer(NAME, __version__),
            meter.create_histogram(
                "gen_ai.client.operation.duration", "s", "GenAI operation duration.", explicit_bucket_boundaries_advisory=SECOND_BOUNDS
            ),
            meter.create_histogram(
                "gen_ai.client.token.usage",
                "{token}",
                "Number of input and output tokens used.",
                explicit_bucket_boundaries_advisory=TOKEN_BOUNDS,
            ),
        )


class Telemetry:
    """What is told of a run. Without `signals` nothing is, and all of it may be called all the same; `names`: those of files too; `closing`
    sends what is still to be sent."""

    def __init__(self, signals: Signals | None = None, *, names: bool = False, closing: Callable[[], None] = lambda: None) -> None:
        self._signals, self._names, self._closing = signals, names, closing

    @property
    def is_on(self) -> bool:
        """Whether anything is told."""
        return self._signals is not None

    def traced(self, model: Model, where: str, wire_name: str | None = None) -> Model:
        """The model, told of: `where` is its endpoint's address ("": it has none), `wire_name` its name there."""
        return model if self._signals is None else Traced(model, where, self._signals, wire_name)

    @contextmanager
    def document(self, source: str) -> Iterator[Seen]:
        """What is done inside concerns this document."""
        with about(source):
            if self._signals is None:
                yield Seen()
                return
            with self._signals.tracer.start_as_current_span(
                "structurer.document",
                attributes={"file.name": _sendable(Path(source).name)} if self._names else {},
                record_exception=False,
                set_status_on_exception=False,
            ) as span:
                seen = Seen(span)
                try:
                    yield seen
                except BaseException as error:
                    seen.failed(error)
                    raise

    def close(self) -> None:
        """Send what is still to be sent, within CLOSE_S. Afterwards nothing is told any more."""
        self._signals = None
        closing, self._closing = self._closing, lambda: None
        closing()


OFF: Final = Telemetry()


class Outcomes(Counter[str]):
    """Counts what happened and makes an event of it each time, from whichever thread."""

    span: Span | None = None

    def __setitem__(self, outcome: str, times: int) -> None:
        more = times - self[outcome]
        super().__setitem__(outcome, times)
        if self.span is not None and more > 0 and self.span.is_recording():
            told: dict[str, Any] = {"structurer.outcome.name": str(outcome), "structurer.outcome.times": more}
            self.span.add_event("structurer.outcome", told)


class Seen:
    """What became of one document, told as it comes; `outcomes` are to be counted there."""

    def __init__(self, span: Span | None = None) -> None:
        self._span, self.outcomes = span, Outcomes()
        self.outcomes.span = span

    def came(self, sha256: str, outcome: Outcome) -> None:
        """This came of it."""
        if self._span is not None:
            self._span.set_attributes(
                {
                    "structurer.document.id": sha256[:ID_DIGITS],
                    "structurer.records": outcome.records,
                    "structurer.flagged": len(outcome.flagged),
                    "structurer.checks.held": outcome.held,
                    "structurer.checks.failed": outcome.failed,
                }
            )

    def failed(self, error: BaseException | str) -> None:
        """Nothing came of it; of a bug in another process the class is known."""
        if self._span is not None:
            _failed(self._span, error)


class Traced:
    """A `Model` that answers through another; every call is a span, and measured.

    A reply that is replayed (from a cache, a recording) is marked, and neither measured nor told with tokens: none were used. Seconds are
    those of the endpoint with all tries, without those that the call waited for its turn. Tokens are those that are charged for.
    """

    def __init__(self, model: Model, where: str, signals: Signals, wire_name: str | None = None) -> None:
        self._model, self._signals = model, signals
        self._base = {
            "gen_ai.operation.name": CHAT,
            "gen_ai.request.model": _sendable(wire_name or model.name),
            **_server(where),
        }

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self._model.name

    def holds(self, request: Request) -> bool:
        """Whether the model has the reply already."""
        return holds(self._model, request)

    async def complete(self, request: Request) -> Reply:
        """The model's reply. Raises what the model raises."""
        from opentelemetry.trace import SpanKind

        with (
            self._signals.tracer.start_as_current_span(
                f"{CHAT} {self._base['gen_ai.request.model']}",
                kind=SpanKind.CLIENT,
                attributes=self._base | _asked(request),
                record_exception=False,  # its words are the endpoint's
                set_status_on_exception=False,
            ) as span,
            turns_counted() as turns,
        ):
            return await self._complete(request, span, turns)

    async def _complete(self, request: Request, span: Span, turns: Turns) -> Reply:
        begun = time.monotonic()
        try:
            reply = await self._model.complete(request)
        except BaseException as error:
            self._took(begun, turns, {"error.type": _failed(span, error)})
            raise
        finally:
            span.set_attributes({"structurer.call.tries": turns.tries, "structurer.call.waited": turns.waited_s})
        span.set_attributes(_answered(reply))
        if not reply.recorded:
            model = {"gen_ai.response.model": _name_of(reply.model)}
            self._took(begun, turns, model)
            self._used(span, _charged(reply.usage), model)
        return reply

    def _took(self, begun: float, turns: Turns, more: dict[str, Any]) -> None:
        self._signals.seconds.record(max(time.monotonic() - begun - turns.waited_s, 0.0), self._base | more)

    def _used(self, span: Span, used: dict[str, int], more: dict[str, Any]) -> None:
        span.set_attributes({f"gen_ai.usage.{kind}_tokens": count for kind, count in used.items()})
        for kind in ("input", "output"):
            if kind in used:
                self._signals.tokens.record(used[kind], self._base | more | {"gen_ai.token.type": kind})


def start(option: bool | None = None, told: Callable[[str], None] = lambda _: None) -> Telemetry:
    """The telemetry of a run, to be closed at its end; `option` is the command's (None: not given) and stands above the environment.

    `told` hears once when nothing can be sent, from another thread. Raises UsageError where the packages are missing, or a variable has a
    value that cannot be.
    """
    choice = _chosen(option)
    if choice is Choice.OFF:
        return OFF
    if _is_set():
        from opentelemetry import metrics, trace

        return Telemetry(Signals.of(trace.get_tracer_provider(), metrics.get_meter_provider()), names=choice is Choice.NAMES)
    if choice is None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return OFF
    return _own(told, names=choice is Choice.NAMES)


def _chosen(option: bool | None) -> Choice | None:
    """None where nobody says."""
    said = os.environ.get(SWITCH, "").strip().lower()
    try:
        choice = Choice(_SAME.get(said, said)) if said else None
    except ValueError:
        raise UsageError("is none of off, on and names", where=SWITCH, remedy=f"export {SWITCH}=on, or unset it") from None
    if option is None:
        return choice
    return (choice if choice is Choice.NAMES else Choice.ON) if option else Choice.OFF


def _is_set() -> bool:
    """Whether the program around this one has set a provider; it has not as long as it has not imported the package."""
    trace, metrics = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.metrics")
    providers = [*([trace.get_tracer_provider()] if trace else []), *([metrics.get_meter_provider()] if metrics else [])]
    return any(not re.fullmatch("_?(Proxy|NoOp)(Tracer|Meter)Provider", type(provider).__name__) for provider in providers)


# -- what is told of a call ------------------------------------------------------------------------------------------------


def _server(where: str) -> dict[str, Any]:
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
        "server.address": _sendable(host),
        "server.port": port or (80 if parts.scheme == "http" else 443),
    }


def _asked(request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = {"gen_ai.request.temperature": float(request.temperature)}
    if request.seed is not None and abs(request.seed) < 2**63:
        asked["gen_ai.request.seed"] = request.seed
    return asked | ({"gen_ai.output.type": "json"} if request.reply_schema else {})


def _answered(reply: Reply) -> dict[str, Any]:
    bad = unusable(reply)
    return {
        "gen_ai.response.model": _name_of(reply.model),
        "gen_ai.response.finish_reasons": [_name_of(reply.finish_reason)],
        "structurer.recorded": reply.recorded,
        **({"structurer.reply.fault": bad.fault.value} if bad is not None else {}),
    }


def _charged(usage: Usage) -> dict[str, int]:
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


def _failed(span: Span, error: BaseException | str) -> str:
    """Tell that it failed and why; the type of the error."""
    from opentelemetry.trace import StatusCode

    kind = error if isinstance(error, str) else _type_of(error)
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR, _sendable(reason_of(error)) if isinstance(error, StructurerError) else None)
    return kind


def _type_of(error: BaseException) -> str:
    what = error.what if isinstance(error, StructurerError) else ""
    found = _STATUS.search(what) or _CONNECTION.match(what)
    return found[1] if found else "timeout" if what.startswith("no answer within ") else type(error).__name__


def _name_of(said: str) -> str:
    return said if _NAME.fullmatch(said) else OTHER


def _sendable(text: str) -> str:
    """A lone surrogate would lose the whole batch of spans that it is in."""
    return text.encode("utf-8", "replace").decode()[:200]


# -- a program of its own: what is told is sent --------------------------------------------------------------------------------


def _own(told: Callable[[str], None], *, names: bool) -> Telemetry:
    complaints = _Complaints(told)  # first: what is logged of a malformed header shows it
    with ExitStack() as failing:
        failing.callback(complaints.close)
        traces, metrics = _found()
        failing.pop_all()
    return Telemetry(Signals.of(traces, metrics), names=names, closing=lambda: _closed(complaints, traces.shutdown, metrics.shutdown))


def _found() -> tuple[Any, Any]:
    try:
        return _providers()
    except ImportError:
        raise UsageError("telemetry needs packages that are not installed", remedy="pip install 'structurer[otel]'") from None
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"telemetry cannot begin: {str(error)[:200]}", where="OTEL_ variables", remedy="correct or unset them") from None


def _providers() -> tuple[Any, Any]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": NAME, "service.version": __version__}))
    spans, measures = list(_exporters("TRACES")), list(_exporters("METRICS"))  # all of them before the threads that send begin
    readers = [PeriodicExportingMetricReader(exporter) for exporter in measures]
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in spans:
        traces.add_span_processor(BatchSpanProcessor(exporter))
    return traces, MeterProvider(readers, resource, shutdown_on_exit=False)


def _exporters(signal: str) -> Iterator[Any]:
    """Those that OTEL_TRACES_EXPORTER or OTEL_METRICS_EXPORTER names; by default OTLP."""
    variable = f"OTEL_{signal}_EXPORTER"
    for name in (os.environ.get(variable, "").strip() or "otlp").split(","):
        if name.strip() not in ("otlp", "console", "none"):
            raise UsageError("is none of otlp, console and none", where=variable, remedy=f"unset {variable}")
        if name.strip() != "none":
            yield (_otlp if name.strip() == "otlp" else _console)(signal)


def _otlp(signal: str) -> Any:
    own, common = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
    if (os.environ.get(own) or os.environ.get(common) or "http/protobuf").strip() != "http/protobuf":
        remedy = f"export {own}=http/protobuf, and OTEL_EXPORTER_OTLP_ENDPOINT to that port of the collector, usually 4318"
        raise UsageError("only http/protobuf is spoken", where=own if os.environ.get(own) else common, remedy=remedy)
    if signal == "TRACES":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter()


def _console(signal: str) -> Any:
    """To standard error, since standard output is for results."""
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    return ConsoleSpanExporter(out=sys.stderr) if signal == "TRACES" else ConsoleMetricExporter(out=sys.stderr)


class _Complaints(logging.Handler):
    """Says once, in a sentence, what the exporters would log with every batch, with addresses that may hold a password."""

    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._told: Callable[[str], None] | None = told
        self._logger = logging.getLogger("opentelemetry")
        self._propagated, self._logger.propagate = self._logger.propagate, False
        self._logger.addHandler(self)

    def emit(self, _record: logging.LogRecord) -> None:
        self.say()

    def say(self) -> None:
        """Once, if at all."""
        told, self._told = self._told, None
        if told is not None:
            with suppress(OSError, ValueError):
                told(LOST)

    def silence(self) -> None:
        """What is said from now on comes too late."""
        self._told = None

    def close(self) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
        super().close()


def _closed(complaints: _Complaints, *endings: Callable[[], object]) -> None:
    """In a thread that is left to itself when the time is over."""
    thread = Thread(target=_ended, args=(complaints, endings), daemon=True)
    try:
        thread.start()
        thread.join(CLOSE_S)
        if thread.is_alive():
            complaints.say()
    finally:
        complaints.silence()


def _ended(complaints: _Complaints, endings: Sequence[Callable[[], object]]) -> None:
    """Side by side: each may wait for a collector that does not answer."""
    threads = [Thread(target=_quietly, args=(ending,), daemon=True) for ending in endings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    complaints.close()


def _quietly(ending: Callable[[], object]) -> None:
    with suppress(Exception):
        ending()
