"""The contenders of `endpoint.py`, each run in a process of its own: the same documents through another client.

    python endpoint_clients.py < JOB        a `Job` as JSON in, a `Took` as JSON out

This file runs under two interpreters: that of the checkout and that of the environment with the libraries it is compared with. At its top
it imports nothing but the standard library, and the statements that both read.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from glob import glob
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Final

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from stub_statements import SCHEMA, statement

MODEL: Final = "stub-2"
PROMPT: Final = "Copy the statement of account: every value as it is printed, one row for each printed row."
ACCOUNT: Final = "Account: "
KEY_PATTERN: Final = r"Account: (\d{4}-\d{6})"  # how the stub finds out which document it was shown
WARM: Final = 8  # documents before the clock starts
TIMEOUT_S: Final = 60.0
KEPT: Final = 20  # connections that httpx and httpx2 keep open by default
COLUMNS: Final = tuple(SCHEMA["properties"]["lines"]["items"]["properties"])


@dataclass(frozen=True, slots=True)
class Job:
    """What a contender is to do: `documents` with `rows` rows each, so many `in_flight`; `body` is a request for those that only post,
    `core` the one it is to keep to."""

    name: str
    base_url: str
    documents: int
    rows: int
    in_flight: int
    body: str = ""
    core: int | None = None


@dataclass(frozen=True, slots=True)
class Took:
    """What it took: seconds of CPU, by the clock, and of waiting for a core that others had; documents that came back with their own
    account and all rows, and what came of the others, by the name of the error."""

    cpu_s: float
    wall_s: float
    waited_s: float
    done: int
    failed: dict[str, int]
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A document: its text and the account it is told by."""

    text: str
    account: str


Ask = Callable[[Page], Awaitable[bool]]  # whether the answer was whole
AskAll = Callable[[Sequence[Page]], Awaitable[int]]  # how many answers were, where one call takes all documents
Client = Callable[[Job], tuple[Ask | AskAll, tuple[str, ...]]]  # and the packages it is made of


def pages(documents: int, rows: int, first: int = 0) -> list[Page]:
    """Documents that differ in their account alone."""
    text, truth = statement(rows, 1)
    accounts = (f"{1000 + number // 1000}-{number:06}" for number in range(first, first + documents))
    return [Page(text.replace(ACCOUNT + truth["account"], ACCOUNT + account), account) for account in accounts]


def reply_text(rows: int) -> str:
    """The truth of those documents as a reply, for the stub, which sets the account in."""
    return json.dumps({**statement(rows, 1)[1], "account": "$key"}, ensure_ascii=False)


def extractions_text(rows: int) -> str:
    """The same as langextract wants it: a list of texts by class, each with its attributes."""
    truth = statement(rows, 1)[1]
    singles = [{name: truth[name]} for name in ("opening_balance", "total", "closing_balance")]
    lines = [{"line": " | ".join(line.values()), "line_attributes": line} for line in truth["lines"]]
    return json.dumps({"extractions": [{"account": "$key"}, *singles, *lines]}, ensure_ascii=False)


# -- the contenders ------------------------------------------------------------------------------------------------------------------------


def structurer(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The model layer: the request built, posted, the reply validated and made an extraction."""
    return _extracting(job, placed=False), ("structurer", "openai")


def structurer_placed(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The same, and every value looked up on the page."""
    return _extracting(job, placed=True), ("structurer", "openai")


def _extracting(job: Job, *, placed: bool) -> Ask:
    from structurer.asking.converse import converse
    from structurer.asking.extract import Asking, extract
    from structurer.asking.reading import grounded
    from structurer.contracts.contract import load
    from structurer.endpoints.providers import Limits, OpenAIModel
    from structurer.layout import Layout
    from structurer.library import load_prompt

    schema = load(SCHEMA, kind="statement")
    asking = Asking(OpenAIModel(MODEL, base_url=job.base_url, limits=Limits(in_flight=job.in_flight)), load_prompt())

    async def ask(page: Page) -> bool:
        extraction, _ = await converse(extract(page.text, schema, asking))
        if placed:
            extraction = grounded(Layout(page.text, 0, len(page.text)), schema, extraction).extraction
        return extraction.leaves["/account"].text == page.account and extraction.rows["/lines"] == job.rows

    return ask


def httpx(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The same bytes posted, nothing read; as many connections are kept open as by default."""
    return _posting(job, "httpx"), ("httpx",)


def httpx_kept(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The same with every connection kept open."""
    return _posting(job, "httpx", job.in_flight), ("httpx",)


def httpx2(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The client that is under the package openai; connections as by default."""
    return _posting(job, "httpx2"), ("httpx2",)


def httpx2_kept(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The same with every connection kept open."""
    return _posting(job, "httpx2", job.in_flight), ("httpx2",)


def _posting(job: Job, package: str, kept: int = KEPT) -> Ask:
    module: Any = import_module(package)
    client = module.AsyncClient(limits=module.Limits(max_connections=job.in_flight, max_keepalive_connections=kept), timeout=TIMEOUT_S)
    url, body, headers = f"{job.base_url}/chat/completions", job.body.encode(), {"Content-Type": "application/json"}

    async def ask(_: Page) -> bool:
        response = await client.post(url, content=body, headers=headers)
        response.raise_for_status()
        return True

    return ask


def openai(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """The client of the package, as it is set by default, retries included; the reply is parsed as JSON."""
    from openai import AsyncOpenAI

    client, body = AsyncOpenAI(base_url=job.base_url, api_key="none"), json.loads(job.body)

    async def ask(page: Page) -> bool:
        system, _ = body["messages"]
        messages = [system, {"role": "user", "content": page.text}]
        answer = await client.chat.completions.create(**{**body, "messages": messages})
        tree = json.loads(answer.choices[0].message.content or "")
        return bool(tree["account"] == page.account and len(tree["lines"]) == job.rows)

    return ask, ("openai", "httpx2")


def instructor(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """Its own way from a client of the package openai, as both are set by default (tools)."""
    import instructor as package
    from openai import AsyncOpenAI
    from pydantic import create_model

    texts: Any = dict.fromkeys(COLUMNS, (str | None, ...))
    line = create_model("Line", **texts)
    single: Any = dict.fromkeys(("account", "opening_balance", "total", "closing_balance"), (str | None, ...))
    record = create_model("Statement", lines=(list[line], ...), **single)  # type: ignore[valid-type]
    client = package.from_openai(AsyncOpenAI(base_url=job.base_url, api_key="none"))

    async def ask(page: Page) -> bool:
        messages: Any = [{"role": "system", "content": PROMPT}, {"role": "user", "content": page.text}]
        found: Any = await client.chat.completions.create(model=MODEL, response_model=record, messages=messages, temperature=0.0)
        return bool(found.account == page.account and len(found.lines) == job.rows)

    return ask, ("instructor", "openai", "pydantic")


def langextract(job: Job) -> tuple[Ask, tuple[str, ...]]:
    """Its provider for OpenAI with an address, a document a call, each in a thread since it waits there. It also places what it finds."""
    read, threads = _langextract(job, 1), ThreadPoolExecutor(job.in_flight)

    async def ask(page: Page) -> bool:
        return await asyncio.get_running_loop().run_in_executor(threads, read, [page]) == 1

    return ask, ("langextract", "openai")


def langextract_all(job: Job) -> tuple[AskAll, tuple[str, ...]]:
    """The same with all documents in one call, which asks for so many at a time."""
    read = _langextract(job, job.in_flight)

    async def ask_all(every: Sequence[Page]) -> int:
        return read(every)

    return ask_all, ("langextract", "openai")


def _langextract(job: Job, at_a_time: int) -> Callable[[Sequence[Page]], int]:
    import langextract as package
    from langextract.providers.openai import OpenAILanguageModel

    model = OpenAILanguageModel(model_id=MODEL, api_key="none", base_url=job.base_url, temperature=0.0, max_workers=at_a_time)
    extraction = package.data.Extraction
    row = dict(zip(COLUMNS, ("2023-01-01", "Stamps", "1.00", "2.00"), strict=True))
    found = [extraction("account", "7"), extraction("line", " | ".join(row.values()), attributes=row)]
    options: dict[str, Any] = {
        "prompt_description": PROMPT, "examples": [package.data.ExampleData(f"{ACCOUNT}7\n{found[1].extraction_text}", found)],
        "model": model, "max_char_buffer": 10**6, "show_progress": False, "batch_length": at_a_time, "max_workers": at_a_time,
    }  # fmt: skip

    def read(every: Sequence[Page]) -> int:
        given = package.extract([package.data.Document(text=page.text, document_id=page.account) for page in every], **options)
        return sum(_is_whole(one, job.rows) for one in given)

    return read


def _is_whole(given: Any, rows: int) -> bool:
    classes = Counter(one.extraction_class for one in given.extractions)
    return classes["line"] == rows and any(one.extraction_text == given.document_id for one in given.extractions)


CLIENTS: Final[dict[str, Client]] = {
    one.__name__: one
    for one in (
        structurer, structurer_placed, httpx, httpx_kept, httpx2, httpx2_kept, openai, instructor, langextract, langextract_all,
    )
}  # fmt: skip
ALL_AT_ONCE: Final = ("langextract_all",)


# -- running one ---------------------------------------------------------------------------------------------------------------------------


async def _in_one(ask_all: AskAll, every: Sequence[Page]) -> tuple[int, Counter[str]]:
    """All of them in one call, which comes back with all or with none."""
    try:
        done = await ask_all(every)
    except Exception as error:  # counted by its name
        return 0, Counter({_named(error): len(every)})
    return done, Counter({"another answer": len(every) - done} if done < len(every) else {})


async def _each(ask: Ask, every: Sequence[Page], in_flight: int) -> tuple[int, Counter[str]]:
    """Ask for one after the other, so many at a time: how many came whole, and what came of the others."""
    ahead, done, failed = iter(every), Counter[bool](), Counter[str]()

    async def in_turn(ahead: Iterator[Page]) -> None:
        for page in ahead:
            try:
                done[await ask(page)] += 1
            except Exception as error:  # counted by its name: the others go on
                failed[_named(error)] += 1

    await asyncio.gather(*(in_turn(ahead) for _ in range(in_flight)))
    if done[False]:
        failed["another answer"] = done[False]
    return done[True], failed


def _named(error: Exception) -> str:
    status = re.search(r"\b[45]\d\d\b", str(error))
    return type(error).__name__ + (f" ({status[0]})" if status else "")


async def _measured(job: Job) -> Took:
    client, packages = CLIENTS[job.name](job)
    every = pages(job.documents, job.rows, WARM)
    ask: Any = partial(_in_one, client) if job.name in ALL_AT_ONCE else partial(_each, client, in_flight=job.in_flight)
    await ask(pages(WARM, job.rows))
    cpu_s, waited_s, began = _cpu_s(), _waited_s(), perf_counter()
    done, failed = await ask(every)
    wall_s = perf_counter() - began
    versions = {name: version(name) for name in packages}
    return Took(_cpu_s() - cpu_s, wall_s, _waited_s() - waited_s, done, dict(failed), versions)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _waited_s() -> float:
    """Seconds that the threads were ready to run and did not (Linux, Documentation/scheduler/sched-stats); 0 where that is not told."""
    told = [Path(file).read_text().split()[1] for file in glob("/proc/self/task/*/schedstat")]
    return sum(map(int, told)) / 1e9


def main() -> None:
    """Do the job on standard input and tell what it took."""
    job = Job(**json.load(sys.stdin))
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    print(json.dumps(asdict(asyncio.run(_measured(job)))))


if __name__ == "__main__":
    main()
