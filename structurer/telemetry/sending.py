"""Telemetry of a program of its own: spans and measures are sent to a collector, which may be down."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from threading import Thread
from typing import Any, Final

from structurer import __version__
from structurer.errors import UsageError
from structurer.telemetry.tracing import NAME, Signals, Telemetry

CLOSE_S: Final = 5.0  # seconds that a run's end waits for what is still to be sent
LOST: Final = "telemetry is not sent, or not all of it: is a collector at OTEL_EXPORTER_OTLP_ENDPOINT? The run goes on"


def own(told: Callable[[str], None], *, names: bool) -> Telemetry:
    """Providers as the OTEL_ variables say. Raises UsageError."""
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
