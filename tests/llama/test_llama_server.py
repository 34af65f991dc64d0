"""The model layer against a real inference server: llama-server with a model that knows nothing, built by tests/llama/build.

Nonsense of the right shape, the server's own errors, and its death are met here as users of llama.cpp meet them.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import pytest
from jsonschema import Draft202012Validator

from structurer import library
from structurer.asking.converse import concluded
from structurer.asking.extract import Asking, UnusableReplyError, extract
from structurer.asking.guide import reply_schema
from structurer.asking.llm import Message, Reply, Request
from structurer.asking.replies import BadReply, Fault, read_reply, unusable
from structurer.endpoints.dialect import Dialect, Format
from structurer.endpoints.providers import Limits, OpenAIModel
from structurer.errors import ModelError
from structurer.record import Flag, Match, Record, Value, leaf_pointers
from structurer.store import store

P, T = ParamSpec("P"), TypeVar("T")

ROOT: Final = Path(__file__).resolve().parents[2]
BUILT: Final = Path(os.environ.get("LLAMA_FOLDER", ROOT / ".llama"))
NEEDED: Final = ("llama-server", "tiny.gguf", "torn.gguf")
START_S: Final = 60.0  # for a server that takes a second on an idle machine
MEMORY: Final = 2 * 2**30  # bytes of address space: some schemas make this server take all there is
SLOTS: Final = 2
CONTEXT: Final = 32_768  # tokens of a slot
LONGEST: Final = 1_500  # tokens of a reply

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not all((BUILT / name).is_file() for name in NEEDED), reason="tests/llama/build has not been run"),
]

INVOICE: Final = library.load_schema(ROOT / "schemas" / "invoice.json")
INVOICES: Final = ROOT / "golden" / "invoices"
PAGE: Final = (INVOICES / "source.txt").read_text("utf-8")
FORMS: Final = json.loads((INVOICES / "expected.json").read_text("utf-8"))["forms"]
PAIR: Final = {
    "type": "object",
    "properties": {"number": {"type": ["string", "null"]}, "lines": {"type": "array", "items": {"type": ["string", "null"]}}},
    "required": ["number", "lines"],
    "additionalProperties": False,
}


# -- the server --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    """A llama-server of one's own."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def answers(self, path: str = "/health") -> Any:
        """The JSON it answers, None while it does not."""
        try:
            with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return json.load(answer)
        except (HTTPError, URLError, OSError, ValueError):
            return None

    def model(self, **more: Any) -> OpenAIModel:
        limits = more.pop("limits", Limits(attempts=3))
        return OpenAIModel("tiny", base_url=self.base_url, limits=limits, sleep=_no_wait, **more)

    def ask(self, request: Request, **more: Any) -> Reply:
        return asyncio.run(self.model(**more).complete(request))


async def _no_wait(_: float) -> None:
    await asyncio.sleep(0)


@contextmanager
def serving(folder: Path, model: str = "tiny.gguf", *options: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(BUILT / "llama-server"), "--model", str(BUILT / model), "--alias", "tiny", "--host", "127.0.0.1", "--port", str(port),
        "--parallel", str(SLOTS), "--ctx-size", str(SLOTS * CONTEXT), "--predict", str(LONGEST), "--threads", "1",
        "--cache-ram", "0", "--no-ui", "--offline", *options,
    ]  # fmt: skip
    with (folder / f"{port}.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
            yield _ready(Server(port, process), Path(log.name))
        finally:
            process.kill()


def _ready(server: Server, log: Path) -> Server:
    deadline = time.monotonic() + START_S
    while server.answers() != {"status": "ok"}:
        if server.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"llama-server did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")
        time.sleep(0.05)
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("llama")) as running:
        yield running
        assert running.answers() == {"status": "ok"}, "something that was asked here killed the server"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


# -- questions ---------------------------------------------------------------------------------------------------------


def question(text: str, schema: Mapping[str, Any] = PAIR, **more: Any) -> Request:
    return Request("tiny", (Message("system", "Copy what is printed."), Message("user", text)), schema, **more)


def texts(number: int) -> list[str]:
    return [f"Invoice {index * 7919 % 1000}: total {index}.50" for index in range(number)]


def outcome(ask: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | ModelError:
    try:
        return ask(*given, **named)
    except ModelError as error:
        return error


def fits(text: str, schema: Mapping[str, Any]) -> bool:
    try:
        return Draft202012Validator(schema).is_valid(json.loads(text, strict=False))
    except ValueError:
        return False


# -- replies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_reply_under_a_strict_schema_has_its_shape_or_is_a_fault_with_a_name(server: Server, temperature: float) -> None:
    schema = reply_schema(INVOICE)
    asked = [question(text, schema, temperature=temperature, seed=number) for number, text in enumerate(texts(12))]
    found: Counter[str] = Counter()
    for request in asked:
        reply = server.ask(request)
        read = read_reply(reply, INVOICE, reader="model:tiny")
        whole = reply.finish_reason == "stop" and fits(reply.text, schema)
        assert isinstance(read, BadReply) != whole
        found[read.fault if isinstance(read, BadReply) else "usable"] += 1
    assert set(found) <= {"usable", *Fault}
    assert found["usable"] >= 6  # else the model writes on and on, and the grammar was not tried


def test_the_same_seed_gives_the_same_nonsense_and_another_seed_other_nonsense(server: Server) -> None:
    first, again, other = (server.ask(question("A", temperature=1.0, seed=seed)).text for seed in (1, 1, 2))
    assert first == again != other


def test_a_reply_says_who_gave_it_and_what_it_took(server: Server) -> None:
    reply = server.ask(question("How much is it?"))
    prompt = len("<|system|>\nCopy what is printed.\n<|user|>\nHow much is it?\n<|assistant|>\n")
    assert (reply.model, reply.usage.prompt_tokens) == ("tiny", prompt)  # a token is a byte
    assert reply.usage.completion_tokens is not None
    assert reply.usage.completion_tokens >= len(reply.text.encode())


def test_a_reply_cut_at_the_output_limit_is_a_named_fault_and_not_asked_for_again(server: Server) -> None:
    model = server.model(limits=Limits(output_tokens=20))
    reply = asyncio.run(model.complete(question("A", reply_schema(INVOICE))))
    assert (reply.finish_reason, unusable(reply)) == ("length", BadReply(Fault.CUT, ()))
    with pytest.raises(UnusableReplyError) as caught:
        concluded(extract("Total 5.00", INVOICE, Asking(model, library.load_prompt())))
    assert str(caught.value) == (
        "model tiny: no usable reply in 1 attempt; the last one: reply cut off at the output limit\n"
        "  next: raise the endpoint's output limit, or choose a model with a longer output"
    )


@pytest.mark.parametrize("format", Format)
def test_in_every_format_an_extraction_or_a_named_fault_comes(server: Server, format: Format) -> None:
    """Also for tools, which this model's chat template does not know: the server leaves them out without a word."""
    for text in texts(4):
        asking = Asking(server.model(dialect=Dialect(format)), library.load_prompt())
        came = outcome(concluded, extract(text, INVOICE, asking))
        if isinstance(came, ModelError):
            assert isinstance(came, UnusableReplyError)
            assert came.bad.fault in Fault
            assert came.remedy
        else:
            extraction, _ = came
            assert set(extraction.leaves) == {place for place, _ in leaf_pointers(INVOICE, extraction.rows)}


def test_log_probabilities_come_with_the_tokens_of_the_reply(server: Server) -> None:
    reply = server.ask(question("How much is it?", logprobs=True))
    assert reply.finish_reason == "stop"
    assert all(math.isfinite(token.logprob) and token.logprob <= 0 for token in reply.logprobs)
    assert reply.text.strip() in "".join(token.token for token in reply.logprobs)
    assert server.ask(question("How much is it?")).logprobs == ()


def test_log_probabilities_reach_the_leaves_that_they_are_of(server: Server) -> None:
    asking = Asking(server.model(), library.load_prompt(), logprobs=True)
    extraction, _ = concluded(extract("Total 5.00", INVOICE, asking))
    printed = [leaf for leaf in extraction.leaves.values() if leaf.text is not None]
    assert printed
    assert all(leaf.logprob is not None and math.isfinite(leaf.logprob) for leaf in printed)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keywords",
    [{"pattern": "^(a$"}, {"pattern": "^a{5000}$"}, {"minLength": 5000}, {"$ref": "#/$defs/none"}, {"enum": []}, {"type": "decimal"}],
    ids=str,
)
def test_a_schema_that_the_server_cannot_compile_is_stepped_down(server: Server, keywords: dict[str, Any]) -> None:
    learned: list[Dialect] = []
    schema = {**PAIR, "properties": {**PAIR["properties"], "number": {"type": "string", **keywords}}}
    reply = server.ask(question("A", schema), learned=learned.append)
    assert [dialect.format for dialect in learned] == [Format.PORTABLE]
    assert reply.finish_reason == "length" or fits(reply.text, PAIR)


def test_a_schema_over_which_the_server_fails_is_asked_for_in_plainer_ways(server: Server) -> None:
    schema = {**PAIR, "properties": {**PAIR["properties"], "number": {"type": "string", "pattern": "^[z-a]$"}}}
    model = server.model()
    reply = asyncio.run(model.complete(question("A", schema)))
    assert reply.text
    assert model.dialect.format is not Format.SCHEMA


def test_a_document_longer_than_the_context_is_said_to_be_and_changes_nothing_for_others(server: Server) -> None:
    model = server.model()
    with pytest.raises(ModelError) as caught:
        asyncio.run(model.complete(question("x" * (CONTEXT + 1))))
    assert f"exceeds the available context size ({CONTEXT} tokens)" in caught.value.what
    assert caught.value.remedy
    assert model.dialect == Dialect()


def test_bytes_that_are_no_text_are_an_error_of_the_server_or_a_fault_and_never_a_value(tmp_path: Path) -> None:
    """The grammar lets them pass, and then the server cannot read what it wrote."""
    schema = reply_schema(INVOICE)
    with serving(tmp_path, "torn.gguf") as server:
        came = [outcome(server.ask, question(text, schema)) for text in texts(8)]
    errors = [one for one in came if isinstance(one, ModelError)]
    replies = [one for one in came if isinstance(one, Reply)]
    assert all(isinstance(read_reply(reply, INVOICE, reader="model:tiny"), BadReply) or fits(reply.text, schema) for reply in replies)
    assert any("output that does not match" in error.what for error in errors)
    assert all(error.remedy for error in errors)


# -- several at once, and none -----------------------------------------------------------------------------------------


def test_eight_at_once_on_two_slots_each_get_their_own_reply(server: Server) -> None:
    names = [f"document {number}" for number in range(24)]
    asked = [question("A", {**PAIR, "properties": {**PAIR["properties"], "number": {"const": name}}}) for name in names]

    async def all_at_once() -> list[Reply]:
        model = server.model(limits=Limits(in_flight=8))
        return await asyncio.gather(*map(model.complete, asked))

    for name, reply in zip(names, asyncio.run(all_at_once()), strict=True):
        assert json.dumps(name) in reply.text
        assert reply.finish_reason == "length" or json.loads(reply.text)["number"] == name


def test_a_server_that_dies_in_the_middle_of_replies_is_an_error_with_a_remedy_for_each(tmp_path: Path) -> None:
    endless = {"type": "array", "items": {"const": "x"}, "minItems": 1900}
    schema = {**PAIR, "properties": {**PAIR["properties"], "lines": endless}}

    async def asked_and_killed(server: Server) -> list[Reply | BaseException]:
        model = server.model(limits=Limits(attempts=3, patience_s=5.0))
        waiting = [asyncio.create_task(model.complete(question(f"A {number}", schema))) for number in range(4)]
        deadline = time.monotonic() + START_S
        while not all(slot["is_processing"] for slot in await asyncio.to_thread(server.answers, "/slots") or [{"is_processing": False}]):
            assert not any(task.done() for task in waiting)
            assert time.monotonic() < deadline
        server.process.send_signal(signal.SIGKILL)
        return await asyncio.gather(*waiting, return_exceptions=True)

    with serving(tmp_path, "tiny.gguf", "--predict", "20000") as server:
        came = asyncio.run(asked_and_killed(server))
    assert len(came) == 4
    for error in came:
        assert isinstance(error, ModelError)
        assert error.where == server.base_url
        assert error.remedy


# -- the command -------------------------------------------------------------------------------------------------------

Done = subprocess.CompletedProcess[str]


def call(server: Server, home: Path, *arguments: str | Path) -> Done:
    """The command, with nothing in its environment but the server's address, and a home of its own for what it remembers."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "HOME": str(home), "OPENAI_BASE_URL": server.base_url, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "structurer", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=600, check=False)


def test_the_doctor_says_what_the_server_understands_and_that_the_model_does_not_copy(server: Server, tmp_path: Path) -> None:
    done = call(server, tmp_path, "doctor", "--model", "tiny")
    said = {line[8:27].strip(): (line[:8].strip(), line[27:]) for line in done.stdout.splitlines() if line[:8].strip()}
    assert (done.returncode, done.stderr) == (0, "")
    assert said["model"] == ("ok", f"tiny, at {server.base_url}")
    assert said["schema"] == ("ok", "json_schema")
    assert said["log probabilities"] == said["token counts"] == said["temperature, seed"] == ("ok", "yes")
    assert said["reply"][1].startswith("copied 1,234.50 as")


def test_the_doctor_names_the_models_that_there_are(server: Server, tmp_path: Path) -> None:
    done = call(server, tmp_path, "doctor", "--model", "large")
    assert "'large' is not among its 1 models" in done.stdout
    assert "next: name one of: tiny" in done.stdout


Ran = tuple[Path, Done]


@pytest.fixture(scope="module", params=["--witness", "--no-witness"])
def run(server: Server, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All of golden/invoices read by the tiny model, beside the built-in reader and alone."""
    home = tmp_path_factory.mktemp("home")
    return home / "run", call(server, home, "structure", INVOICES / "source.txt", "--model", "tiny", "--out", home / "run", request.param)


def test_a_run_over_nonsense_finishes_and_says_what_it_made(run: Ran) -> None:
    folder, done = run
    assert done.returncode == 3, done.stderr  # something needs review
    assert "Traceback" not in done.stderr
    assert store.manifest(folder).state is store.Progress.FINISHED


def test_nothing_that_is_not_on_the_page_is_accepted(run: Ran) -> None:
    """By a comparison that shares no code with the product's. The nonsense itself is in the run, to be seen."""
    values = [value for record in records(run) for value in record.leaves.values() if value.text is not None]
    assert [value.text for value in values if value.flag is Flag.ACCEPT and not is_printed(value)] == []
    assert all(value.match is not Match.NONE for value in values if value.flag is Flag.ACCEPT)
    assert sum(not is_printed(value) for value in values) >= 20


@pytest.mark.xfail(reason="a scrap of a word is taken for a print ('I' in INVOICE), and a model's blanks are not doubted", strict=False)
def test_nothing_wrong_is_accepted(run: Ran) -> None:
    """Also not the scrap of a word that happens to be printed, nor a blank where the page prints something: judged by the truth."""
    found = [
        (record.index, place, value.value)
        for record, form in zip(records(run), FORMS, strict=True)
        for place, value in record.leaves.items()
        if value.flag is Flag.ACCEPT and plain(value.value) not in truths(form, place)
    ]
    assert found == []


def records(run: Ran) -> list[Record]:
    return [record for result in store.results(run[0]) for record in result.records]


def is_printed(value: Value) -> bool:
    return all(bare(word) in bare(PAGE) for word in (value.text or "").split())


def bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def truths(form: Any, place: str) -> set[str]:
    """What the page prints at a place of the form; of a list, in any of its rows."""
    nodes = [form]
    for step in place.split("/")[1:]:
        nodes = [inner for node in nodes for inner in (node if step.isdecimal() else [node[step]])]
    return {plain(node) for node in nodes}


def plain(value: Any) -> str:
    try:
        return str(Decimal(str(value)).normalize())
    except InvalidOperation:
        return bare(str(value))
