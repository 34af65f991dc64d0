"""A dry run says what a run would take, asks nobody, and leaves nothing behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made import call
from stub_running import Prefix, Running, running
from stub_statements import SCHEMA, statement

from structurer import plans
from structurer.archive import estimate
from structurer.archive import running as running_
from structurer.archive.batch import Watcher
from structurer.archive.running import Job
from structurer.archive.tally import Tally
from structurer.gathering import gathered
from structurer.intake import ingest
from structurer.pipeline import structure_document
from structurer.plans import Wanted
from structurer.store.runs import LeftAside, Located

ASKED_AGAIN = "\n  replies that cannot be used, rows that were lost and cells in doubt are asked for again, which comes on top"
PRICE = "max_output_tokens = 2000\nprice = { input = 10, cached_input = 1, output = 40 }"


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three statements and their schema, and an environment without settings."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "STRUCTURER_MODEL", "STRUCTURER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    for number in range(3):
        Path(f"docs/{number}.txt").write_text(statement(6, number)[0])
    Path("statement.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def settle(prefix: Prefix, more: str = PRICE, top: str = "") -> None:
    Path("structurer.toml").write_text(f'model = "fast"\n{top}\n[models.fast]\nbase_url = "{prefix.base_url}"\n{more}\n')


def wanted(**more: Any) -> Wanted:
    return Wanted(schemas=(Path("statement.json"),), **more)


def told(*paths: str, **more: Any) -> str:
    return estimate.told(estimate.estimated(found(*paths or ("docs",)), plans.planned(wanted(**more))))


def found(*paths: str) -> Iterator[Located | LeftAside]:
    return gathered([Path(path) for path in paths], (), (), Path("blobs"))


def everything() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_calls_tokens_and_cost_are_said_and_nobody_is_asked(stub: Running) -> None:
    prefix = stub.load(answer="read")
    settle(prefix)
    before = everything()
    said = told()
    found = re.fullmatch(
        r"3 documents; roughly 3 calls, ([\d.]+) k tokens in, ([\d.]+) k out, ([\d.]+) USD", said.removesuffix(ASKED_AGAIN)
    )
    assert found, said
    prompt, output, cost = map(float, found.groups())
    assert cost == pytest.approx((prompt * 10 + output * 40) / 1000, rel=0.1)
    assert (prefix.counts()["requests"], everything()) == (0, before)


def test_the_command_asks_nothing_and_writes_nothing(stub: Running, desk: Path) -> None:
    prefix = stub.load(answer="read")
    settle(prefix, top="budget = 3")
    before = everything()
    more = {"XDG_CACHE_HOME": str(desk / "cache"), "NO_PROXY": "127.0.0.1"}
    done = call("structure", "docs", "--schema", "statement.json", "--out", "run", "--dry-run", environment=more, cwd=desk)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 documents; roughly 3 calls, ")
    assert done.stdout.endswith(f" USD{ASKED_AGAIN}\n")
    assert (prefix.counts()["requests"], everything()) == (0, before)


def test_the_estimate_is_of_the_size_of_what_is_asked(stub: Running) -> None:
    settle(stub.load(answer="read"))
    planned = plans.planned(wanted())
    guess = estimate.estimated(found("docs"), planned).book.total
    usage = [structure_document(ingest.read(Path(f"docs/{number}.txt")), planned.plan).records[0].provenance for number in range(3)]
    prompt, output = (sum(one[name] for one in usage) for name in ("prompt_tokens", "completion_tokens"))
    assert (guess.calls, sum(one["calls"] for one in usage)) == (3, 3)
    assert prompt <= guess.prompt_tokens <= 2 * prompt
    assert output <= guess.completion_tokens <= 3 * output


def test_what_is_in_the_cache_costs_nothing(stub: Running) -> None:
    settle(stub.load(answer="read"))
    structure_document(ingest.read(Path("docs/1.txt")), plans.planned(wanted()).plan)
    some = told()
    assert some.startswith("3 documents; roughly 3 calls (1 from the cache), ")
    for number in (0, 2):
        structure_document(ingest.read(Path(f"docs/{number}.txt")), plans.planned(wanted()).plan)
    assert told() == f"3 documents; roughly 3 calls, all from the cache{ASKED_AGAIN}"
    assert told(options={"cache": "off"}).startswith("3 documents; roughly 3 calls, ")
    assert "cache" not in told(options={"cache": "off"})


def test_a_cache_that_is_wrapped_is_recognised_all_the_same(stub: Running) -> None:
    settle(stub.load(answer="read"))
    structure_document(ingest.read(Path("docs/1.txt")), plans.planned(wanted()).plan)
    assert told(verbose=True, record=Path("tape")).startswith("3 documents; roughly 3 calls (1 from the cache), ")
    assert not Path("tape").exists()


def test_a_price_that_is_not_known_is_said_to_be(stub: Running) -> None:
    settle(stub.load(), "")
    said = told().removesuffix(ASKED_AGAIN)
    assert re.fullmatch(r"3 documents; roughly 3 calls, [\d.]+ k tokens in, [\d.]+ k out; 3 calls of unknown price", said), said


def test_every_opinion_is_counted_at_its_own_price(stub: Running) -> None:
    address = stub.load().base_url
    settle(stub.load(), f'{PRICE}\n[models.other]\nbase_url = "{address}"\nprice = {{ input = 1000, output = 1000, currency = "EUR" }}')
    said = told(options={"samples": 2, "second": "other"})
    assert re.match(r"3 documents; roughly 9 calls, [\d.]+ k tokens in, [\d.]+ k out, [\d.]+ EUR, [\d.]+ USD\n", said), said


def test_a_long_document_takes_a_call_for_each_of_its_parts(stub: Running) -> None:
    settle(stub.load(), top="shard_chars = 5000")
    Path("long.txt").write_text(statement(400, 9)[0])
    calls = re.match(r"1 document; roughly (\d+) calls", told("long.txt"))
    assert calls
    assert int(calls[1]) >= len(Path("long.txt").read_text()) // 5000


def test_what_cannot_be_read_is_counted_apart(stub: Running) -> None:
    settle(stub.load())
    Path("docs/blank.txt").write_text("")
    Path("docs/noise.txt").write_bytes(b"\x00\x01\x02" * 100)
    assert told("docs", "none.txt").startswith("3 documents (3 more cannot be read); roughly 3 calls, ")


def test_files_of_the_same_content_are_counted_once(stub: Running) -> None:
    settle(stub.load())
    Path("docs/copy.txt").write_bytes(Path("docs/1.txt").read_bytes())
    assert told().startswith("3 documents; roughly 3 calls, ")


def test_where_no_model_is_named_or_no_form_found_no_call_is_made(stub: Running) -> None:
    assert told() == "3 documents, no calls to a model"
    settle(stub.load())
    Path("letter.txt").write_text("Dear all,\n\nthere is no form in this.\n")
    planned = plans.planned(Wanted())  # by the schemas that ship, each known by what stands on its forms
    assert estimate.told(estimate.estimated(found("letter.txt"), planned)) == "1 document, no calls to a model"


def test_what_the_run_that_is_gone_on_with_holds_is_not_counted(stub: Running) -> None:
    settle(stub.load(answer="read"))
    planned, job = plans.planned(wanted(builtin=True)), Job((Path("docs"),), Path("run"), resume=True, hosts=1)
    running_.run(job, planned, ingest.Intake(), Watcher(lambda _: None, lambda _: None), Tally())
    Path("docs/3.txt").write_text(statement(6, 3)[0])
    again = estimate.of_job(job, plans.planned(wanted()), ingest.read)
    assert (again.documents, again.book.total.calls) == (1, 1)
    anew = estimate.of_job(replace(job, update=True), plans.planned(wanted()), ingest.read)
    assert anew.documents == 4
