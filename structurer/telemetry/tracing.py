"""What a run tells: a span for every document, one for every call to a model in it, and how long calls took and at how many tokens.

Without anybody who listens all of it may be called all the same.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from structurer import __version__
from structurer.asking.llm import Model, Reply, Request, holds
from structurer.endpoints.verbose import Turns, about, turns_counted
from structurer.telemetry.attributes import answered, asked, charged, failed, name_of, sendable, server

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from structurer.store.runs import Outcome

ID_DIGITS: Final = 16  # hexadecimal, of a document's SHA-256
NAME: Final = "structurer"
CHAT: Final = "chat"  # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans
TOKEN_BOUNDS: Final = tuple(4**power for power in range(14))  # as the conventions advise
SECOND_BOUNDS: Final = tuple(2**power / 100 for power in range(14))  # likewise; 0.01 to 81.92


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
                attributes={"file.name": sendable(Path(source).name)} if self._names else {},
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
            failed(self._span, error)


class Traced:
    """A `Model` that answers through another; every call is a span, and measured.

    A reply that is replayed (from a cache, a recording) is marked, and neither measured nor told with tokens: none were used. Seconds are
    those of the endpoint with all tries, without those that the call waited for its turn. Tokens are those that are charged for.
    """

    def __init__(self, model: Model, where: str, signals: Signals, wire_name: str | None = None) -> None:
        self._model, self._signals = model, signals
        self._base = {
            "gen_ai.operation.name": CHAT,
            "gen_ai.request.model": sendable(wire_name or model.name),
            **server(where),
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
                attributes=self._base | asked(request),
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
            self._took(begun, turns, {"error.type": failed(span, error)})
            raise
        finally:
            span.set_attributes({"structurer.call.tries": turns.tries, "structurer.call.waited": turns.waited_s})
        span.set_attributes(answered(reply))
        if not reply.recorded:
            model = {"gen_ai.response.model": name_of(reply.model)}
            self._took(begun, turns, model)
            self._used(span, charged(reply.usage), model)
        return reply

    def _took(self, begun: float, turns: Turns, more: dict[str, Any]) -> None:
        self._signals.seconds.record(max(time.monotonic() - begun - turns.waited_s, 0.0), self._base | more)

    def _used(self, span: Span, used: dict[str, int], more: dict[str, Any]) -> None:
        span.set_attributes({f"gen_ai.usage.{kind}_tokens": count for kind, count in used.items()})
        for kind in ("input", "output"):
            if kind in used:
                self._signals.tokens.record(used[kind], self._base | more | {"gen_ai.token.type": kind})
