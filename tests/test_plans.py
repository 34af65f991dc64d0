"""From settings to models: what is sent to endpoints that understand only some of what they may be asked, what of that is remembered, and
what keeps a budget."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stub_running import Prefix, Running, running

from structurer import plans
from structurer.archive import batch
from structurer.archive import running as running_
from structurer.archive.running import Job
from structurer.archive.tally import Tally
from structurer.asking.converse import concluded
from structurer.asking.llm import Message, Reply, Request
from structurer.errors import HaltError, ModelError, StructurerError, UsageError
from structurer.intake import ingest
from structurer.intake.ingest import Intake
from structurer.pipeline import structure_document, structuring
from structurer.plans import Wanted
from structurer.record import Result
from structurer.store import runfolder
from structurer.store.runs import Manifest

KEY = "sk-test-0123456789"
PAGE = "Invoice\nNumber: A-1\n\nText | Amount\n钢笔 | 12.50\n\nRemark: {remark}\n"
TRUTH = {"/number": "A-1", "/lines/0/text": "钢笔", "/lines/0/amount": "12.50"}
INVOICE = {
    "title": "Invoice",
    "type": "object",
    "x-anchors": ["Invoice"],
    "properties": {
        "number": {"type": "string", "x-labels": ["Number"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "x-labels": ["Text"]},
                    "amount": {"type": "string", "x-kind": "number", "x-labels": ["Amount"]},
                },
            },
        },
    },
}
PRICE = "price = { input = 100, output = 200 }\nmax_output_tokens = 400"
REQUEST = Request("fast", (Message("user", "hello"),))


@pytest.fixture(scope="module")
def stub() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own to work in, with a schema and two pages, and an environment without settings."""
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        *(f"STRUCTURER_{name}" for name in ("MODEL", "CONFIG", "CACHE", "BUDGET", "SAMPLES")),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "invoice.json").write_text(json.dumps(INVOICE))
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(PAGE.format(remark=name))
    return tmp_path


def settle(prefix: Prefix, more: str = "", top: str = "") -> None:
    """Write a structurer.toml with a model `fast` at the stub."""
    Path("structurer.toml").write_text(
        f'model = "fast"\n{top}\n[models.fast]\nmodel = "tiny"\nbase_url = "{prefix.base_url}"\n{more}\n', encoding="utf-8"
    )


def wanted(**more: Any) -> Wanted:
    return Wanted(schemas=(Path("invoice.json"),), **more)


def read(page: str = "one", **more: Any) -> Result:
    """A page as the models of the settings read it, as a process of its own would: everything is read anew from files."""
    return structure_document(ingest.read(Path(f"{page}.txt")), plans.planned(wanted(**more)).plan)


def texts(result: Result) -> dict[str, str | None]:
    return {place: leaf.text for place, leaf in result.records[0].leaves.items()}


def dialect(body: dict[str, Any]) -> str:
    """How a posted body asks for the shape of its reply."""
    asked = body.get("response_format", {}).get("type", "")
    if asked == "json_schema":
        return "portable" if '"null"' not in json.dumps(body["response_format"]) else "schema"
    return asked or ("tool" if "tools" in body else "text")


def sent(prefix: Prefix) -> list[dict[str, Any]]:
    return [one["body"] for one in prefix.seen()]


# -- what endpoints understand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "later"),
    [
        ("fitting", ["schema"], ["schema"]),
        ("strict_subset", ["schema", "portable"], ["portable"]),
        ("no_json_schema", ["schema", "portable", "tool"], None),
        ("tool_calls_only", ["schema", "portable", "tool"], ["tool"]),
        ("json_object_only", ["schema", "portable", "tool", "json_object"], ["json_object"]),
        ("ignores_schema", ["schema"], ["schema"]),
        ("no_temperature", ["schema", "schema"], ["schema"]),
        ("no_usage", ["schema"], ["schema"]),
        ("logprobs", ["schema"], ["schema"]),
    ],
)
def test_an_endpoint_is_asked_as_strictly_as_it_can_and_not_probed_twice(
    stub: Running, name: str, first: list[str], later: list[str] | None
) -> None:
    prefix = stub.fault(name)
    settle(prefix)
    assert texts(read("one")) == TRUTH
    assert [dialect(body) for body in sent(prefix)] == first
    assert texts(read("two")) == TRUTH
    again = [dialect(body) for body in sent(prefix)][len(first) :]
    assert again == later if later is not None else len(again) == 1


def test_each_dialect_asks_for_the_same_shape(stub: Running) -> None:
    prefix = stub.fault("json_object_only")
    settle(prefix)
    read()
    strict, portable, tool, free = sent(prefix)
    shape = strict["response_format"]["json_schema"]["schema"]
    assert (strict["response_format"]["json_schema"]["strict"], shape["required"]) == (True, ["number", "lines"])
    assert shape["properties"]["number"] == {"type": ["string", "null"]}
    plain = portable["response_format"]["json_schema"]["schema"]
    assert plain["properties"]["number"] == {"type": "string"}
    assert plain["properties"]["lines"]["items"]["required"] == ["text", "amount"]
    assert tool["tools"][0]["function"]["parameters"] == plain
    assert tool["tool_choice"]["function"]["name"] == tool["tools"][0]["function"]["name"] == "invoice"
    assert free["response_format"] == {"type": "json_object"}
    assert len({json.dumps(body["messages"]) for body in (strict, portable, tool, free)}) == 1
    assert '{"number": null, "lines": [{"text": null, "amount": null}]}' in strict["messages"][0]["content"]


def test_what_is_learnt_of_one_model_is_not_believed_of_another(stub: Running) -> None:
    prefix = stub.fault("strict_subset")
    settle(prefix, f'[models.other]\nbase_url = "{prefix.base_url}"\nmodel = "stub-2"')
    read("one")
    read("two", model="other")
    assert [(body["model"], dialect(body)) for body in sent(prefix)] == [
        ("tiny", "schema"), ("tiny", "portable"), ("stub-2", "schema"), ("stub-2", "portable"),
    ]  # fmt: skip


def test_without_a_cache_folder_nothing_is_remembered(stub: Running) -> None:
    prefix = stub.fault("strict_subset")
    settle(prefix, top="cache = false")
    read("one")
    read("one")
    assert [dialect(body) for body in sent(prefix)] == ["schema", "portable"] * 2
    assert not Path("cache").exists()


def test_a_limit_goes_by_the_name_that_the_endpoint_knows(stub: Running) -> None:
    prefix = stub.fault("max_completion_tokens_only")
    settle(prefix, "max_output_tokens = 4000")
    assert texts(read("one")) == texts(read("two")) == TRUTH
    limits = [{key: body.get(key) for key in ("max_tokens", "max_completion_tokens")} for body in sent(prefix)]
    new = {"max_tokens": None, "max_completion_tokens": 4000}
    assert limits == [{"max_tokens": 4000, "max_completion_tokens": None}, new, new]


def test_an_endpoint_that_wants_a_limit_says_so_and_what_to_set(stub: Running) -> None:
    prefix = stub.fault("max_tokens_required")
    settle(prefix)
    with pytest.raises(ModelError) as caught:
        read()
    assert str(caught.value) == (
        f"{prefix.base_url}: the endpoint refused the request (HTTP 400: max_tokens: Field required)\n"
        "  next: set max_output_tokens of this model in structurer.toml"
    )
    settle(prefix, "max_output_tokens = 4000")
    assert texts(read()) == TRUTH


def test_an_endpoint_that_counts_no_tokens_leaves_the_cost_unknown(stub: Running) -> None:
    settle(stub.fault("no_usage"), PRICE)
    manifest = ran("one")
    assert manifest.spent is not None
    total = manifest.spent["total"]
    assert (total["calls"], total["uncounted"], total["unpriced"], total["costs"]) == (1, 1, 1, {})
    (document,) = results()
    assert document.records[0].provenance["prompt_tokens"] is None


def test_log_probabilities_are_asked_for_and_kept_only_where_they_are_wanted(stub: Running) -> None:
    prefix = stub.fault("logprobs")
    settle(prefix)
    wished = read("one", logprobs=True).records[0].leaves
    plain = read("two").records[0].leaves
    assert [body.get("logprobs") for body in sent(prefix)] == [True, None]
    assert all(leaf.logprob is not None and leaf.logprob <= 0 for leaf in wished.values())
    assert {leaf.logprob for leaf in plain.values()} == {None}


def test_a_reply_in_prose_is_read_and_its_outcome_named(stub: Running) -> None:
    settle(stub.fault("ignores_schema"))
    outcomes: Counter[str] = Counter()
    concluded(structuring(ingest.read(Path("one.txt")), plans.planned(wanted()).plan, outcomes))
    assert outcomes == {"usable": 1}


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("lone_surrogates", "wrong shape"), ("deep_json_text", "broken JSON"), ("refusing", "refusal"), ("cut_at_length", "reply cut off")],
)
def test_a_model_that_gives_no_usable_reply_leaves_the_form_to_the_built_in_reader(stub: Running, name: str, outcome: str) -> None:
    settle(stub.fault(name))
    manifest = ran("one")
    assert manifest.spent is not None
    outcomes = manifest.spent["outcomes"]
    assert outcomes["read by the built-in reader alone"] == 1
    assert sum(times for words, times in outcomes.items() if words.startswith(outcome)) == manifest.spent["total"]["calls"] >= 1
    assert manifest.counts == {"needs review": 1}
    (document,) = results()
    assert texts(document).items() >= TRUTH.items()


def test_copies_of_a_document_are_one_document_and_asked_for_once(stub: Running) -> None:
    prefix = stub.load(answer="read", latency_s=0.05)
    settle(prefix, PRICE)
    for number in range(5):
        Path(f"copy{number}.txt").write_text(Path("one.txt").read_text())
    manifest = ran("one", *(f"copy{number}" for number in range(5)))
    assert manifest.spent is not None
    assert (prefix.counts()["requests"], manifest.spent["total"]["calls"], sum(manifest.counts.values())) == (1, 1, 1)


def test_documents_that_ask_the_same_at_once_are_answered_by_one_call(stub: Running) -> None:
    prefix = stub.load(answer="read", latency_s=0.05)
    settle(prefix, PRICE)
    for number in range(5):
        Path(f"copy{number}.txt").write_text(Path("one.txt").read_text() + "\n" * (number + 1))  # other bytes, the same form
    manifest = ran("one", *(f"copy{number}" for number in range(5)))
    assert manifest.spent is not None
    total = manifest.spent["total"]
    assert (prefix.counts()["requests"], total["calls"], total["replayed"]) == (1, 6, 5)


# -- what is sent where --------------------------------------------------------------------------------------------------


def test_a_section_decides_what_is_sent(stub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = stub.fault("fitting")
    monkeypatch.setenv("FAST_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else-0123")
    settle(prefix, 'key_env = "FAST_KEY"\nextra_body = { reasoning_effort = "low" }\nmax_output_tokens = 99')
    read()
    (seen,) = prefix.seen()
    body = seen["body"]
    assert seen["authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["reasoning_effort"], body["max_tokens"], body["temperature"]) == ("tiny", "low", 99, 0.0)


def test_the_key_of_openai_goes_to_no_address_that_does_not_name_it(stub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = stub.fault("fitting")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settle(prefix)
    read()
    assert KEY not in json.dumps(prefix.seen())


def test_a_model_of_the_environment_needs_no_file(stub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = stub.fault("fitting")
    monkeypatch.setenv("OPENAI_BASE_URL", prefix.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (result,) = plans.structure("one.txt", schema="invoice.json", model="any-name")
    assert texts(result) == TRUTH
    assert [(one["authorization"], one["body"]["model"]) for one in prefix.seen()] == [(f"Bearer {KEY}", "any-name")]


def test_a_reply_is_kept_for_the_same_question_to_the_same_model_alone(stub: Running) -> None:
    prefix, other = stub.fault("fitting"), stub.fault("fitting")
    for more in ("", "timeout_s = 9", 'extra_body = { reasoning_effort = "low" }', "max_output_tokens = 99", 'model = "stub-2"'):
        text = f'model = "fast"\n[models.fast]\nbase_url = "{prefix.base_url}"\n{more}\n'
        Path("structurer.toml").write_text(text)
        assert texts(read()) == TRUTH
    settle(other)
    read()
    assert (len(prefix.seen()), len(other.seen())) == (4, 1)  # other parameters, another name, another address; not another patience


def test_recorded_replies_need_no_endpoint(stub: Running) -> None:
    prefix = stub.fault("fitting")
    settle(prefix)
    recorded = read(record=Path("tape"))
    Path("structurer.toml").unlink()
    replayed = read(replay=Path("tape"))
    assert texts(replayed) == texts(recorded) == TRUTH
    assert (len(prefix.seen()), replayed.records[0].provenance["recorded"]) == (1, True)


def test_every_call_is_told_of_where_that_is_wanted(stub: Running) -> None:
    settle(stub.fault("fitting"))
    heard: list[str] = []
    plan = plans.planned(wanted(verbose=True), heard.append).plan
    for _ in range(2):
        structure_document(ingest.read(Path("one.txt")), plan)
    first, second = heard
    assert "fast" in first
    assert first.endswith("11 tokens in, 7 out")
    assert second.endswith("from the cache")


# -- wishes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "model fast beside the built-in reader"),
        ({"witness": False}, "model fast"),
        ({"options": {"samples": 3}}, "model fast, 3 times beside the built-in reader"),
        (
            {"options": {"second": "other", "escalate": "strong"}},
            "model fast and model other beside the built-in reader, flagged cells by model strong",
        ),
        ({"builtin": True}, "built-in reader"),
    ],
)
def test_a_plan_says_who_reads(stub: Running, options: dict[str, Any], words: str) -> None:
    address = stub.fault("fitting").base_url
    settle(stub.fault("fitting"), f'[models.other]\nbase_url = "{address}"\n[models.strong]\nbase_url = "{address}"')
    assert plans.describe(plans.planned(wanted(**options)).plan) == words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"record": Path("a"), "replay": Path("b")},
            "--record and --replay exclude each other\n  next: leave one out",
        ),
        ({"record": Path("a")}, "recording needs a model\n  next: name one with --model"),
        ({"options": {"samples": 2}}, "--samples needs a model\n  next: name one with --model"),
        ({"options": {"budget": "1"}}, "--budget needs a model\n  next: name one with --model"),
        ({"logprobs": True}, "--logprobs needs a model\n  next: name one with --model"),
        ({"batches": Path("b")}, "--batch needs a model\n  next: name one with --model"),
        ({"replay": Path("b")}, "b: no such folder of recordings\n  next: record them with --model NAME --record FOLDER"),
        (
            {"model": "fast"},
            "model 'fast' is named, but neither a key nor an endpoint\n  next: set OPENAI_API_KEY, or OPENAI_BASE_URL to an endpoint of "
            "your own, or leave the model out to use the built-in reader",
        ),
    ],
)
def test_wishes_without_a_model_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        plans.planned(wanted(**options))
    assert str(caught.value) == said


def test_not_to_keep_replies_is_no_wish_for_a_model() -> None:
    assert plans.describe(plans.planned(wanted(options={"cache": "off"})).plan) == "built-in reader"


def test_a_second_model_that_is_the_first_is_refused_since_it_would_be_asked_the_same(stub: Running) -> None:
    prefix = stub.fault("fitting")
    settle(prefix, f'[models.twin]\nmodel = "tiny"\nbase_url = "{prefix.base_url}"')
    for name in ("fast", "twin"):
        with pytest.raises(UsageError) as caught:
            plans.planned(wanted(options={"second": name}))
        assert str(caught.value) == f"--second: {name!r} is the model that reads first\n  next: name another, or use --samples 2"


# -- budgets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "top", "reason"),
    [
        ("", "budget = 1", "its price is not known"),
        ("price = { input = 1, output = 2 }", "budget = 1", "the length of its replies is not limited"),
        (
            'price = { input = 1, output = 2, currency = "EUR" }\nmax_output_tokens = 9',
            "budget = 1",
            "its price is in EUR, the budget in USD",
        ),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused_before_anything_is_asked(stub: Running, more: str, top: str, reason: str) -> None:
    prefix = stub.fault("fitting")
    settle(prefix, more, top)
    with pytest.raises(UsageError) as caught:
        plans.planned(wanted())
    assert str(caught.value) == (
        f"structurer.toml: the budget cannot be kept with model 'fast': {reason}\n"
        '  next: set price and max_output_tokens under [models."fast"] in structurer.toml'
    )
    assert prefix.seen() == []


def test_models_that_share_a_budget_wait_for_each_other_and_not_forever(stub: Running) -> None:
    prefix, other = stub.load(latency_s=0.1), stub.load(latency_s=0.01)
    settle(prefix, f'{PRICE}\n[models.other]\nbase_url = "{other.base_url}"\n{PRICE}', 'budget = 0.3\nsecond = "other"\ncache = false')
    plan = plans.planned(wanted()).plan
    assert plan.model is not None
    assert plan.other is not None
    first, second = plan.model, plan.other

    async def both() -> list[Reply | BaseException]:
        calls = [one.complete(replace(REQUEST, model=one.name, seed=number)) for number in range(3) for one in (first, second)]
        async with asyncio.timeout(30):
            return await asyncio.gather(*calls, return_exceptions=True)

    came = asyncio.run(both())  # one fits at a time: the bound of a call is about 0.2
    assert [type(one) for one in came] == [Reply] * 6
    assert prefix.counts()["requests"] + other.counts()["requests"] == 6


def test_attempts_that_are_refused_use_up_no_budget(stub: Running) -> None:
    prefix = stub.load(cap=1, latency_s=0.02)
    settle(prefix, PRICE, "budget = 4")
    planned = plans.planned(wanted())
    model = planned.plan.model
    assert model is not None

    async def many() -> list[Reply]:
        return await asyncio.gather(*(model.complete(replace(REQUEST, seed=number)) for number in range(12)))

    replies = asyncio.run(many())  # a refused attempt, taken for paid, would cost up to 0.25
    counts, budget = prefix.counts(), planned.budget
    assert budget is not None
    assert (len(replies), counts["answers"]["good"], counts["answers"]["over_cap"] > 4) == (12, 12, True)
    assert (budget.assumed, budget.reserved) == (Decimal(0), Decimal(0))
    paid = sum(Decimal(reply.usage.prompt_tokens or 0) * 100 + Decimal(reply.usage.completion_tokens or 0) * 200 for reply in replies)
    assert budget.spent == paid / 10**6


def test_a_budget_that_is_used_up_halts_and_says_what_to_do(stub: Running) -> None:
    settle(stub.load(), PRICE, "budget = 0.15")
    model = plans.planned(wanted()).plan.model
    assert model is not None
    with pytest.raises(HaltError) as caught:
        asyncio.run(model.complete(REQUEST))
    assert caught.value.what.startswith("the budget is used up: 0 of 0.15 USD spent, and the next call may cost 0.")
    assert caught.value.remedy == "raise --budget and repeat the command with --resume: what was answered is not paid for again"


def ran(*pages: str) -> Manifest:
    """What the manifest says of a run over pages."""
    planned, said = plans.planned(wanted()), list[str]()
    job = Job(tuple(Path(f"{page}.txt") for page in pages), Path("run"), hosts=1)
    running_.run(job, planned, Intake(), batch.Watcher(lambda _: None, said.append), Tally())
    assert said == []
    with runfolder.opened(Path("run")) as store:
        return runfolder.manifest_of(store)


def results() -> list[Result]:
    with runfolder.opened(Path("run")) as store:
        return list(store.results())


def test_an_error_of_settings_is_one_that_a_user_can_mend() -> None:
    Path("structurer.toml").write_text("model = fast\n")
    with pytest.raises(StructurerError) as caught:
        plans.planned(wanted())
    assert str(caught.value) == (
        "structurer.toml: no TOML: Invalid value (at line 1, column 9)\n  next: correct that line; text stands in double quotes"
    )
