"""What is told of a run: names as the conventions have them, no content, no key, and no harm when nobody listens."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from made import DIGEST, ORDER, order, result
from opentelemetry import metrics, trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import file_attributes
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as names
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import SpanKind, StatusCode
from stub_running import Running, running

from structurer.asking.llm import Message, Reply, Request, Usage
from structurer.asking.replies import Fault
from structurer.endpoints.book import Book
from structurer.endpoints.cache import Cached
from structurer.endpoints.providers import Limits, OpenAIModel
from structurer.endpoints.verbose import turn_came
from structurer.errors import HaltError, InputError, ModelError, UsageError
from structurer.record import Result
from structurer.store.finishing import finished
from structurer.store.runs import Basis, Outcome
from structurer.telemetry import attributes, starting
from structurer.telemetry.tracing import OFF, Signals, Telemetry

SECRET, CONTENT = "sk-test-0123456789", "发票号码 4711"
REQUEST = Request("fast", (Message("system", "copy"), Message("user", CONTENT)), {"type": "object"}, "invoice", 0.5, 7)
USAGE = Usage(1204, 310, 770, 12, 1514)
REPLY = Reply(f'{{"number": "{CONTENT}"}}', "gpt-x-2026-01-01", usage=USAGE)
WHERE = "https://api.example.org/v1"
VARIABLES = ("STRUCTURER_", "OTEL_")


@dataclass
class Answering:
    """A model that gives these answers in turn, each after its turn has come as often as said."""

    answers: list[Reply | BaseException] = field(default_factory=lambda: [REPLY])
    turns: tuple[float, ...] = ()
    name: str = "fast"

    async def complete(self, _: Request) -> Reply:
        await asyncio.sleep(0)
        for waited_s in self.turns:
            turn_came(waited_s)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def metrics_in(reader: InMemoryMetricReader) -> list[Any]:
    found = reader.get_metrics_data()
    return [metric for of in found.resource_metrics for scope in of.scope_metrics for metric in scope.metrics] if found else []


@dataclass
class Listening:
    """Telemetry into memory."""

    telemetry: Telemetry
    memory: InMemorySpanExporter
    reader: InMemoryMetricReader

    def spans(self) -> list[Any]:
        return list(self.memory.get_finished_spans())

    def span(self) -> Any:
        (span,) = self.spans()
        return span

    def points(self) -> dict[str, list[Any]]:
        return {metric.name: list(metric.data.data_points) for metric in metrics_in(self.reader)}

    def ask(self, model: Any, request: Request = REQUEST, where: str = WHERE, wire_name: str | None = "gpt-x") -> Reply:
        return asyncio.run(self.telemetry.traced(model, where, wire_name).complete(request))

    def everything(self) -> str:
        told = self.reader.get_metrics_data()
        return "".join(span.to_json() for span in self.spans()) + (told.to_json() if told else "")


def counts(heard: Listening) -> dict[str, list[int]]:
    return {name: [point.count for point in points] for name, points in heard.points().items()}


def listening(**options: Any) -> Listening:
    memory, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(memory))
    signals = Signals.of(traces, MeterProvider([reader], shutdown_on_exit=False))
    return Listening(Telemetry(signals, **options), memory, reader)


@pytest.fixture
def heard() -> Listening:
    return listening()


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as stub:
        yield stub


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)


# -- a call --------------------------------------------------------------------------------------------------------------


def test_a_call_is_a_client_span_named_as_the_conventions_want(heard: Listening) -> None:
    assert heard.ask(Answering(turns=(0.0,))) == REPLY
    span = heard.span()
    assert (span.name, span.kind, span.status.status_code) == ("chat gpt-x", SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(span.attributes) == {
        names.GEN_AI_OPERATION_NAME: "chat",
        names.GEN_AI_PROVIDER_NAME: "openai",
        names.GEN_AI_REQUEST_MODEL: "gpt-x",
        names.GEN_AI_REQUEST_TEMPERATURE: 0.5,
        names.GEN_AI_REQUEST_SEED: 7,
        names.GEN_AI_OUTPUT_TYPE: "json",
        names.GEN_AI_RESPONSE_MODEL: "gpt-x-2026-01-01",
        names.GEN_AI_RESPONSE_FINISH_REASONS: ("stop",),
        names.GEN_AI_USAGE_INPUT_TOKENS: 1204,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: 310,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: 770,
        names.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: 12,
        server_attributes.SERVER_ADDRESS: "api.example.org",
        server_attributes.SERVER_PORT: 443,
        "structurer.recorded": False,
        "structurer.call.tries": 1,
        "structurer.call.waited": 0.0,
    }


def test_a_call_is_measured_with_the_boundaries_that_the_conventions_advise(heard: Listening) -> None:
    heard.ask(Answering())
    points = heard.points()
    assert set(points) == {gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION, gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE}
    common = {
        names.GEN_AI_OPERATION_NAME: "chat",
        names.GEN_AI_PROVIDER_NAME: "openai",
        names.GEN_AI_REQUEST_MODEL: "gpt-x",
        names.GEN_AI_RESPONSE_MODEL: "gpt-x-2026-01-01",
        server_attributes.SERVER_ADDRESS: "api.example.org",
        server_attributes.SERVER_PORT: 443,
    }
    (seconds,) = points[gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION]
    assert (dict(seconds.attributes), seconds.count) == (common, 1)
    assert seconds.explicit_bounds == (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
    tokens = {point.attributes[names.GEN_AI_TOKEN_TYPE]: point for point in points[gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE]}
    assert {kind: point.sum for kind, point in tokens.items()} == {"input": 1204, "output": 310}
    assert dict(tokens["input"].attributes) == common | {names.GEN_AI_TOKEN_TYPE: "input"}
    assert tokens["input"].explicit_bounds == (
        1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    )  # fmt: skip


def test_units_are_those_of_the_conventions(heard: Listening) -> None:
    heard.ask(Answering())
    ours = metrics_in(heard.reader)
    theirs = MeterProvider([reader := InMemoryMetricReader()], shutdown_on_exit=False).get_meter("theirs")
    gen_ai_metrics.create_gen_ai_client_operation_duration(theirs).record(1)
    gen_ai_metrics.create_gen_ai_client_token_usage(theirs).record(1)
    wanted = metrics_in(reader)
    assert {(one.name, one.unit, one.description) for one in ours} == {(one.name, one.unit, one.description) for one in wanted}


def test_a_reply_from_the_cache_is_marked_and_takes_neither_tokens_nor_time(heard: Listening, tmp_path: Path) -> None:
    cached = Cached(Answering(), tmp_path, "x")
    assert heard.ask(cached).recorded is False
    before = counts(heard)
    assert heard.ask(cached).recorded is True
    first, second = (dict(span.attributes) for span in heard.spans())
    assert (first["structurer.recorded"], second["structurer.recorded"]) == (False, True)
    assert {name for name in second if "usage" in name} == set()
    assert counts(heard) == before


def test_a_wrapped_cache_still_says_what_it_holds(heard: Listening, tmp_path: Path) -> None:
    traced = heard.telemetry.traced(Cached(Answering(), tmp_path, "x"), WHERE)
    assert (traced.name, traced.holds(REQUEST)) == ("fast", False)  # type: ignore[attr-defined]
    asyncio.run(traced.complete(REQUEST))
    assert traced.holds(REQUEST) is True  # type: ignore[attr-defined]
    assert heard.telemetry.traced(Answering(), WHERE).holds(REQUEST) is False  # type: ignore[attr-defined]


def test_seconds_are_those_of_the_endpoint_not_of_the_queue(heard: Listening) -> None:
    heard.ask(Answering(turns=(3600.0, 3600.0)))
    (point,) = heard.points()[gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION]
    assert 0 <= point.sum < 3600
    assert (heard.span().attributes["structurer.call.tries"], heard.span().attributes["structurer.call.waited"]) == (2, 7200.0)


def test_tokens_that_are_charged_for_are_counted_where_the_endpoint_leaves_them_out(heard: Listening) -> None:
    heard.ask(Answering([replace(REPLY, usage=Usage(100, 50, None, None, 450))]))
    assert heard.span().attributes[names.GEN_AI_USAGE_OUTPUT_TOKENS] == 350


@pytest.mark.parametrize("usage", [Usage(), Usage(10**30, 10**30, 10**30, -1, 10**30)])
def test_counts_that_are_none_are_not_told(heard: Listening, usage: Usage) -> None:
    heard.ask(Answering([replace(REPLY, usage=usage)]))
    assert [name for name in heard.span().attributes if "usage" in name] == []
    assert set(heard.points()) == {gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION}


def test_what_was_not_asked_for_is_not_told(heard: Listening) -> None:
    heard.ask(Answering(), Request("fast", (), seed=2**70), where="")
    told = dict(heard.span().attributes)
    assert not {names.GEN_AI_REQUEST_SEED, names.GEN_AI_OUTPUT_TYPE, "server.address", "server.port"} & set(told)
    assert told[names.GEN_AI_PROVIDER_NAME] == "openai"


@pytest.mark.parametrize(
    ("where", "provider", "port"),
    [
        ("https://api.openai.com/v1", "openai", 443),
        ("http://127.0.0.1:8000/v1", "openai", 8000),
        ("http://[::1]/v1", "openai", 80),
        ("https://mine.openai.azure.com/openai/v1", "azure.ai.openai", 443),
        ("https://mine.services.ai.azure.com/openai/v1", "azure.ai.inference", 443),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gcp.gemini", 443),
        ("https://us-central1-aiplatform.googleapis.com/v1", "gcp.vertex_ai", 443),
        ("https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1", "aws.bedrock", 443),
        ("https://my-vllm.elb.amazonaws.com/v1", "openai", 443),
        ("https://api.groq.com/openai/v1", "groq", 443),
        ("https://api.x.ai/v1", "x_ai", 443),
        ("https://box.x.ai.example.org/v1", "openai", 443),
        ("https://api.mistral.ai/v1", "mistral_ai", 443),
        ("https://api.deepseek.com", "deepseek", 443),
    ],
)
def test_the_provider_is_known_by_its_host(heard: Listening, where: str, provider: str, port: int) -> None:
    heard.ask(Answering(), where=where)
    told = heard.span().attributes
    assert (told[names.GEN_AI_PROVIDER_NAME], told[server_attributes.SERVER_PORT]) == (provider, port)


def test_every_provider_is_one_of_the_conventions() -> None:
    known = {one.value for one in names.GenAiProviderNameValues}
    newer = {"moonshot_ai"}  # of the conventions' own repository, after it left the common one
    assert {name for _, name in attributes.PROVIDERS} - newer <= known


# -- nothing that is private ------------------------------------------------------------------------------------------------


def test_neither_prompt_nor_reply_nor_key_is_told(heard: Listening, stub: Running) -> None:
    prefix = stub.fault("none")
    model = OpenAIModel("tiny", base_url=prefix.base_url.replace("http://", "http://me:hidden@"), api_key=SECRET)
    reply = heard.ask(model, where=f"http://me:hidden@127.0.0.1:{stub.port}/v1?key={SECRET}")
    assert reply.text
    everything = heard.everything()
    assert [word for word in (SECRET, CONTENT, "hidden", "copy", reply.text, json.dumps(reply.text)[1:-1]) if word in everything] == []


def test_words_of_the_endpoint_are_told_only_where_they_are_names(heard: Listening) -> None:
    said = replace(REPLY, model=f"I read {CONTENT}", finish_reason=CONTENT * 1000, refusal=CONTENT)
    heard.ask(Answering([said]))
    told = heard.span().attributes
    assert (told[names.GEN_AI_RESPONSE_MODEL], told[names.GEN_AI_RESPONSE_FINISH_REASONS]) == ("_OTHER", ("_OTHER",))
    assert told["structurer.reply.fault"] == Fault.REFUSED.value
    assert CONTENT not in heard.everything()
    assert json.dumps(CONTENT)[1:-1] not in heard.everything()


def test_a_refusal_in_the_endpoints_words_is_told_in_ours(heard: Listening) -> None:
    error = ModelError(f"the endpoint refused the request (HTTP 400: bad text {CONTENT})", where=WHERE)
    with pytest.raises(ModelError):
        heard.ask(Answering([error]))
    span = heard.span()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "the endpoint refused the request (HTTP 400)")
    assert (span.attributes[error_attributes.ERROR_TYPE], span.events) == ("400", ())


def test_an_error_of_a_stranger_is_told_by_its_class_alone(heard: Listening) -> None:
    with pytest.raises(ZeroDivisionError):
        heard.ask(Answering([ZeroDivisionError(CONTENT)]))
    span = heard.span()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert span.attributes[error_attributes.ERROR_TYPE] == "ZeroDivisionError"


# -- a call that fails --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "description"),
    [
        ("bad_key", "401", "the key was refused (HTTP 401)"),
        ("unknown_model", "404", "no model 'tiny' at this address (HTTP 404)"),
        ("failing", "503", "the endpoint failed (HTTP 503)"),
        ("out_of_quota", "429", "the endpoint is overloaded or the quota is used up (HTTP 429)"),
        ("dribbling", "timeout", "no answer within 0.2 s"),
        ("redirect_elsewhere", "307", "the endpoint sends its callers elsewhere (HTTP 307)"),
        ("web_page", "ModelError", "the endpoint's answer is no chat completion (no JSON)"),
        ("error_inside", "ModelError", "the endpoint's answer is no chat completion (an error)"),
    ],
)
def test_what_a_failing_endpoint_does_has_a_type(heard: Listening, stub: Running, fault: str, kind: str, description: str) -> None:
    limits = Limits(attempts=1, timeout_s=0.2 if fault == "dribbling" else 10)
    model = OpenAIModel("tiny", base_url=stub.fault(fault).base_url, api_key=SECRET, limits=limits)
    with pytest.raises(ModelError):
        heard.ask(model, where=model.where, wire_name=None)
    span = heard.span()
    assert (span.attributes[error_attributes.ERROR_TYPE], span.status.description) == (kind, description)
    (point,) = heard.points()[gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION]
    assert point.attributes[error_attributes.ERROR_TYPE] == kind
    assert gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE not in heard.points()


def test_an_endpoint_that_is_not_there_is_told_by_its_fault(heard: Listening) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        model = OpenAIModel("tiny", base_url=f"http://127.0.0.1:{nobody.getsockname()[1]}/v1", api_key=SECRET, limits=Limits(attempts=1))
        with pytest.raises(ModelError):
            heard.ask(model, where=model.where)
    assert heard.span().attributes[error_attributes.ERROR_TYPE] == "ConnectionRefusedError"


def test_a_call_that_is_broken_off_ends_its_span(heard: Listening) -> None:
    class Waiting:
        name = "fast"

        async def complete(self, _: Request) -> Reply:
            await asyncio.sleep(3600)
            return REPLY

    async def broken_off() -> None:
        task = asyncio.create_task(heard.telemetry.traced(Waiting(), WHERE).complete(REQUEST))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(broken_off())
    assert heard.span().attributes[error_attributes.ERROR_TYPE] == "CancelledError"


def came_of(made: Result) -> Outcome:
    return finished(made, (ORDER,), Basis("", ""))


# -- a document ---------------------------------------------------------------------------------------------------------------


def test_a_documents_calls_are_its_children_whatever_else_goes_on(heard: Listening) -> None:
    async def one(name: str) -> None:
        model = heard.telemetry.traced(Answering([REPLY, REPLY, REPLY]), WHERE)
        with heard.telemetry.document(name) as seen:
            await asyncio.gather(model.complete(REQUEST), model.complete(REQUEST))
            seen.came(name * 64, came_of(result()))
            await model.complete(REQUEST)

    async def all_of() -> None:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(one(name))

    asyncio.run(all_of())
    documents = {span.context.span_id: span for span in heard.spans() if span.name == "structurer.document"}
    assert sorted(span.attributes["structurer.document.id"] for span in documents.values()) == ["a" * 16, "b" * 16, "c" * 16]
    calls = [span for span in heard.spans() if span.name != "structurer.document"]
    assert sorted([span.parent.span_id for span in calls]) == sorted([*documents] * 3)
    assert {span.parent for span in documents.values()} == {None}  # no trace grows with the run


def test_a_document_is_told_by_what_came_of_it_and_not_by_its_name(heard: Listening) -> None:
    with heard.telemetry.document("/home/me/张三.pdf") as seen:
        seen.came(DIGEST, came_of(result(order(), order(1))))
    span = heard.span()
    assert (span.name, span.kind, span.status.status_code) == ("structurer.document", SpanKind.INTERNAL, StatusCode.UNSET)
    assert dict(span.attributes) == {
        "structurer.document.id": "0123456789abcdef",
        "structurer.records": 2,
        "structurer.flagged": 4,
        "structurer.checks.held": 0,
        "structurer.checks.failed": 2,
    }


def test_the_names_of_files_are_told_to_those_who_ask_for_them() -> None:
    heard = listening(names=True)
    with heard.telemetry.document("/home/me/张\udce5三.pdf"):
        pass
    assert dict(heard.span().attributes) == {file_attributes.FILE_NAME: "张?三.pdf"}


def test_every_outcome_is_an_event_when_it_happens_and_counted(heard: Listening) -> None:
    with heard.telemetry.document("a.txt") as seen:
        book = Book(outcomes=seen.outcomes)
        book.outcomes[Fault.CUT] += 1
        book.note("usable", 2)
        book.outcomes["nothing"] += 0
    seen.outcomes["too late"] += 1
    span = heard.span()
    assert [(event.name, dict(event.attributes)) for event in span.events] == [
        ("structurer.outcome", {"structurer.outcome.name": "reply cut off at the output limit", "structurer.outcome.times": 1}),
        ("structurer.outcome", {"structurer.outcome.name": "usable", "structurer.outcome.times": 2}),
    ]
    assert span.start_time <= span.events[0].timestamp <= span.events[1].timestamp <= span.end_time
    assert book.as_dict()["outcomes"] == {"usable": 2, Fault.CUT: 1, "too late": 1, "nothing": 0}
    whole = Book()
    whole.merge(book)
    assert (whole.outcomes["usable"], seen.outcomes.copy()["usable"]) == (2, 2)


def test_a_document_that_cannot_be_done_is_an_error(heard: Listening) -> None:
    with heard.telemetry.document("a.txt") as seen:
        seen.failed(InputError("no text in it", where="/home/me/a.txt"))
    span = heard.span()
    assert dict(span.attributes) == {error_attributes.ERROR_TYPE: "InputError"}
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "no text in it")


def test_what_breaks_out_of_a_document_ends_its_span(heard: Listening) -> None:
    with pytest.raises(KeyboardInterrupt), heard.telemetry.document("a.txt"):
        raise KeyboardInterrupt
    assert heard.span().attributes[error_attributes.ERROR_TYPE] == "KeyboardInterrupt"


def test_a_halt_is_no_other_error(heard: Listening) -> None:
    with pytest.raises(HaltError):
        heard.ask(Answering([HaltError("the endpoint has not answered for 600 s")]))
    assert heard.span().attributes[error_attributes.ERROR_TYPE] == "HaltError"


# -- the switch ---------------------------------------------------------------------------------------------------------------


def program(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith((*VARIABLES, "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=clean | environment, timeout=60
    )  # fmt: skip


@pytest.mark.parametrize("environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, {"STRUCTURER_TELEMETRY": "off"}])
def test_it_is_off_and_imports_nothing_unless_it_is_asked_for(environment: dict[str, str]) -> None:
    code = (
        "import sys\nfrom structurer.telemetry import starting\nstarted = starting.start()\nwith started.document('a') as seen:\n"
        " seen.outcomes['x'] += 1\n seen.came('f', None); seen.failed(ValueError())\nmodel = object()\n"
        "assert started.traced(model, '') is model\nstarted.close()\n"
        "print(started.is_on, [name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert program(code, **environment).stdout == "False []\n"


def test_an_option_stands_above_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    for said, option, is_on in [("", None, False), ("on", None, True), ("Names", None, True), ("on", False, False), ("off", True, True)]:
        monkeypatch.setenv("STRUCTURER_TELEMETRY", said)
        started = starting.start(option)
        started.close()
        assert (said, option, started is not OFF) == (said, option, is_on)


def test_the_sdks_own_switch_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert starting.start(True) is OFF


@pytest.mark.parametrize(
    ("variable", "said", "words"),
    [
        (
            "STRUCTURER_TELEMETRY",
            "maybe",
            "STRUCTURER_TELEMETRY: is none of off, on and names\n  next: export STRUCTURER_TELEMETRY=on, or unset it",
        ),
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER: is none of otlp, console and none\n  next: unset OTEL_TRACES_EXPORTER"),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken\n  next: export OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf, "
            "and OTEL_EXPORTER_OTLP_ENDPOINT to that port of the collector, usually 4318",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "0",
            "OTEL_ variables: telemetry cannot begin: interval value 0.0 is invalid and needs to be larger than zero.\n"
            "  next: correct or unset them",
        ),
    ],
)
def test_a_variable_that_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch, variable: str, said: str, words: str) -> None:
    monkeypatch.setenv(variable, said)
    with pytest.raises(UsageError) as error:
        starting.start(None if variable == "STRUCTURER_TELEMETRY" else True)
    assert " ".join(str(error.value).split()) == " ".join(words.split())  # the SDK's own words are broken over lines


@pytest.mark.parametrize("missing", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry"])
def test_missing_packages_are_said_with_the_command_that_installs_them(missing: str) -> None:
    code = (
        f"import sys\nsys.modules[{missing!r}] = None\n"
        "from structurer.telemetry import starting\nfrom structurer.errors import UsageError\n"
        "try:\n starting.start(True)\nexcept UsageError as error:\n print(error)"
    )
    done = program(code, OTEL_METRICS_EXPORTER="none")
    assert done.stdout == "telemetry needs packages that are not installed\n  next: pip install 'structurer[otel]'\n"


def test_a_program_that_has_set_a_provider_is_told_without_any_switch() -> None:
    code = """
import asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
from structurer.telemetry import starting
from structurer.asking.llm import Reply, Request
class Model:
    name = "m"
    async def complete(self, request):
        return Reply("x", "m")
started = starting.start()
with trace.get_tracer("theirs").start_as_current_span("theirs"), started.document("a.txt"):
    asyncio.run(started.traced(Model(), "").complete(Request("m", ())))
started.close()
call, document, theirs = memory.get_finished_spans()
print(call.name, call.parent.span_id == document.context.span_id, document.parent.span_id == theirs.context.span_id)
with trace.get_tracer("theirs").start_as_current_span("their provider lives on"):
    pass
print(memory.get_finished_spans()[-1].name, starting.start(False).is_on)
"""
    done = program(code)
    assert (done.stdout, done.stderr) == ("chat m True True\ntheir provider lives on False\n", "")


def test_a_provider_that_is_only_looked_at_is_none_that_is_set() -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert metrics.get_meter_provider() is not None
    assert starting.start() is OFF


# -- sending ------------------------------------------------------------------------------------------------------------------


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP on loopback, and holds its answer back for `slow_s` seconds."""

    daemon_threads, slow_s = True, 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.posted: list[tuple[str, bytes]] = []
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Any]:
        found = [ExportTraceServiceRequest.FromString(body) for path, body in self.posted if path == "/v1/traces"]
        return [span for one in found for of in one.resource_spans for scope in of.scope_spans for span in scope.spans]

    def metrics(self) -> list[str]:
        found = [ExportMetricsServiceRequest.FromString(body) for path, body in self.posted if path == "/v1/metrics"]
        return [metric.name for one in found for of in one.resource_metrics for scope in of.scope_metrics for metric in scope.metrics]


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.slow_s)
        self.server.posted.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector
        collector.shutdown()


def run_of_one(said: list[str], answers: list[Reply | BaseException] | None = None) -> Telemetry:
    started = starting.start(True, said.append)
    with started.document("a.txt") as seen:
        asyncio.run(started.traced(Answering(answers or [REPLY]), WHERE).complete(REQUEST))
        seen.came(DIGEST, came_of(result()))
    return started


def test_all_is_sent_at_the_end(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    said: list[str] = []
    run_of_one(said).close()
    assert sorted(span.name for span in collector.spans()) == ["chat fast", "structurer.document"]
    assert sorted(collector.metrics()) == ["gen_ai.client.operation.duration", "gen_ai.client.token.usage"]
    assert said == []
    resource = ExportTraceServiceRequest.FromString(next(body for path, body in collector.posted if path == "/v1/traces"))
    told = {pair.key: pair.value.string_value for pair in resource.resource_spans[0].resource.attributes}
    assert told["service.name"] == "structurer"
    assert {name for name in told if name.startswith(("process.", "host."))} == set()


def test_the_name_of_the_service_is_the_users(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "bills")
    run_of_one([]).close()
    assert all(b"bills" in body and b"structurer.document" in body for path, body in collector.posted if path == "/v1/traces")
    assert collector.posted


def test_a_hostile_reply_loses_no_other_span(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    hostile = Reply("\ud800", "\ud800" * 10**6, "\ud800", "\ud800", Usage(2**64, -5, 2**70, 1, 2**65))
    said: list[str] = []
    started = run_of_one(said, [hostile])
    with pytest.raises(ModelError):
        asyncio.run(started.traced(Answering([ModelError("\ud800" * 10**6)]), "http://\ud800:99999/").complete(REQUEST))
    started.close()
    assert (len(collector.spans()), said) == (3, [])


def test_ctrl_c_loses_nothing(collector: Collector) -> None:
    code = """
import asyncio, os, signal
from structurer.telemetry import starting
from structurer.asking.llm import Request
class Model:
    name = "m"
    async def complete(self, request):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)
started = starting.start()
async def run():
    with started.document("a.txt"):
        await started.traced(Model(), "").complete(Request("m", ()))
try:
    asyncio.run(run())
finally:
    started.close()
"""
    done = program(code, STRUCTURER_TELEMETRY="on", OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)
    assert done.returncode in (-signal.SIGINT, 130)
    assert sorted(span.name for span in collector.spans()) == ["chat m", "structurer.document"]


SENDING = """
import asyncio, logging, sys, time
from structurer.telemetry import sending, starting
from structurer.asking.llm import Reply, Request
class Model:
    name = "m"
    async def complete(self, request):
        return Reply("x", "m")
said = []
started = starting.start(told=said.append)
model = started.traced(Model(), "")
async def run():
    for _ in range({calls}):
        await model.complete(Request("m", ()))
asyncio.run(run())
sending.CLOSE_S = 0.4
begun = time.monotonic()
started.close()
print(time.monotonic() - begun < 9, said)
"""
LOST = "telemetry is not sent, or not all of it: is a collector at OTEL_EXPORTER_OTLP_ENDPOINT? The run goes on"


@pytest.mark.parametrize("hangs", [False, True])
def test_a_collector_that_is_down_or_hangs_costs_a_bounded_time_and_one_sentence(collector: Collector, hangs: bool) -> None:
    collector.slow_s = 3600.0
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = collector.address if hangs else f"http://user:hidden@127.0.0.1:{nobody.getsockname()[1]}"
        done = program(SENDING.format(calls=1), STRUCTURER_TELEMETRY="on", OTEL_EXPORTER_OTLP_ENDPOINT=address)
    assert (done.stdout, done.stderr) == (f"True {[LOST]}\n", "")


def test_what_comes_faster_than_it_is_sent_is_dropped_and_nothing_waits(collector: Collector) -> None:
    collector.slow_s = 3600.0
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"}
    done = program(SENDING.format(calls=100), STRUCTURER_TELEMETRY="on", OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, **small)
    assert (done.stdout, done.stderr) == (f"True {[LOST]}\n", "")


def test_the_log_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    logger = logging.getLogger("opentelemetry")
    before = (logger.propagate, list(logger.handlers))
    run_of_one([]).close()
    assert (logger.propagate, logger.handlers) == before
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "else")
    with pytest.raises(UsageError):
        starting.start(True)
    assert (logger.propagate, logger.handlers) == before


def test_a_malformed_header_is_not_shown(collector: Collector) -> None:
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization {SECRET}"}
    done = program(SENDING.format(calls=1), STRUCTURER_TELEMETRY="on", OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, **headers)
    assert done.stdout.startswith("True")
    assert SECRET not in done.stdout + done.stderr
    assert [span.name for span in collector.spans()] == ["chat m"]


def test_a_command_line_that_is_closed_twice_is_closed_once(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    started = run_of_one([])
    started.close()
    sent = len(collector.posted)
    started.close()
    with started.document("b.txt"):
        pass
    assert (len(collector.posted), started.is_on) == (sent, False)


def test_the_console_is_standard_error() -> None:
    code = "from structurer.telemetry import starting\nt = starting.start()\nwith t.document('a'):\n pass\nt.close()"
    done = program(code, STRUCTURER_TELEMETRY="names", OTEL_TRACES_EXPORTER="console", OTEL_METRICS_EXPORTER="none")
    assert done.stdout == ""
    assert json.loads(done.stderr)["attributes"] == {"file.name": "a"}
