"""What a caller wants becomes a plan: schemas and prompts loaded, models set up as the settings say, each with its cache and its budget."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from structurer import __version__, library
from structurer.asking.reading import Sizes
from structurer.contracts.schema import Schema
from structurer.endpoints import cassettes
from structurer.endpoints.verbose import Spoken, Voice
from structurer.errors import InputError, UsageError
from structurer.pipeline import Plan, structure_document
from structurer.store.finishing import finished
from structurer.store.runs import Basis, Located, State
from structurer.telemetry.tracing import OFF, Telemetry

if TYPE_CHECKING:
    from structurer.asking.llm import Model
    from structurer.document import Document
    from structurer.endpoints.book import Budget
    from structurer.endpoints.prices import Price
    from structurer.endpoints.providers import OpenAIModel
    from structurer.endpoints.purse import Purse
    from structurer.endpoints.settings import Endpoint, Settings
    from structurer.record import Result

CONTEXT_SHARE = 4  # a document takes at most so much of a model's context: one part in four
SMALLEST_SHARD = 500  # characters
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks for: schema files (none = those that ship), a model by name, folders to record replies in or to replay them from;
    `builtin` keeps a model named in the environment out; `config` is the settings file, `options` are settings that stand above it."""

    schemas: tuple[Path, ...] = ()
    model: str | None = None
    record: Path | None = None
    replay: Path | None = None
    witness: bool = True
    builtin: bool = False
    config: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    logprobs: bool = False
    verbose: bool = False
    telemetry: Telemetry = OFF
    batches: Path | None = None  # where a run keeps what it asks through a Batch API


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what its models cost: prices by the models' names, whether they are those of a Batch API, the budget."""

    plan: Plan
    prices: Mapping[str, Price | None] = field(default_factory=dict)
    batch: bool = False
    budget: Budget | None = None
    identity: str = ""  # of all that decides what models answer, beside schemas and prompts


def plan_of(wanted: Wanted) -> Plan:
    """The plan alone, for callers whom no cost concerns. Raises as `planned`."""
    return planned(wanted).plan


def planned(wanted: Wanted, told: Told = lambda _: None) -> Planned:
    """The plan for a run. Raises SchemaError for a bad schema, UsageError for wishes that exclude each other and for bad settings."""
    schemas = tuple(library.load_schema(file) for file in wanted.schemas) or library.shipped_schemas()
    twice = sorted(kind for kind, times in Counter(schema.kind for schema in schemas).items() if times > 1)
    if twice:
        raise UsageError(f"two schemas are of kind {twice[0]!r}", remedy="give each schema file a name of its own")
    if wanted.builtin:
        return Planned(Plan(schemas))
    if wanted.record and wanted.replay:
        raise UsageError("--record and --replay exclude each other", remedy="leave one out")
    if wanted.replay and (ignored := sorted(set(wanted.options) - {"cache"})):
        raise UsageError(f"--{ignored[0].replace('_', '-')} has no meaning with --replay", remedy="leave one of them out")
    if wanted.replay:
        replayer = wanted.telemetry.traced(_replayer(wanted, wanted.replay), "")
        return Planned(_asking(Plan(schemas, Spoken(replayer, Voice(told)) if wanted.verbose else replayer, witness=wanted.witness)))
    return _with_models(schemas, wanted, told)


def describe(plan: Plan) -> str:
    """Which readers a plan uses, in words."""
    if plan.model is None:
        return "built-in reader"
    samples = f", {plan.samples} times" if plan.samples > 1 else ""
    others = f" and model {plan.other.name}" if plan.other else ""
    witness = " beside the built-in reader" if plan.witness else ""
    return f"model {plan.model.name}{samples}{others}{witness}" + (
        f", flagged cells by model {plan.escalate.name}" if plan.escalate else ""
    )


def provenance(plan: Plan) -> tuple[tuple[Schema, ...], str | None, str | None]:
    """What a run's manifest says of its plan: schemas, the model's name, the digest of the prompt."""
    return plan.schemas, plan.model.name if plan.model else None, plan.prompt.digest if plan.prompt else None


def identity(plan: Plan, settings: str) -> str:
    """All that decides results beside schemas: this structurer, the prompts, how often and with what models are asked, their `settings`."""
    prompts = [prompt.digest if prompt else "" for prompt in (plan.prompt, plan.second)]
    return json.dumps([__version__, describe(plan), plan.logprobs, *prompts, settings])


def structure(
    path: str | Path, *, schema: Schema | str | Path | type | None = None, model: Model | str | None = None
) -> tuple[Result, ...]:
    """Structure a file or folder. `schema`: a Schema, a schema file, or a pydantic model class (default: the shipped ones); `model`: a
    Model or the name of one in the settings or at OPENAI_BASE_URL (default: the built-in reader). Raises StructurerError."""
    from structurer.telemetry.starting import start

    plan, watched = Plan(_schemas(schema)), start()
    if isinstance(model, str):
        plan = _with_models(plan.schemas, Wanted(model=model, telemetry=watched), lambda _: None).plan
    elif model is not None:
        plan = _asking(Plan(plan.schemas, watched.traced(model, "")))
    results = []
    for document in _documents(Path(path)):
        with watched.document(document.source) as seen:
            results.append(structure_document(document, plan))
            seen.came(document.sha256, finished(results[-1], plan.schemas, Basis("", "")))
    return tuple(results)


def _documents(path: Path) -> Iterator[Document]:
    """Those of a file or below a folder, one at a time. Raises InputError for the first that cannot be read."""
    from structurer import gathering
    from structurer.intake import ingest

    with TemporaryDirectory() as blobs:
        for one in gathering.gathered([path], (), (), Path(blobs)):
            if isinstance(one, Located):
                yield ingest.read(Path(one.path), source=one.source)
            elif one.state is State.UNREADABLE:
                raise InputError(one.reason, where=one.name, remedy=one.remedy)


def _schemas(schema: Any) -> tuple[Schema, ...]:
    if schema is None:
        return library.shipped_schemas()
    if isinstance(schema, Schema):
        return (schema,)
    if isinstance(schema, str | Path):
        return (library.load_schema(Path(schema)),)
    return (library.schema_of_model(schema),)


def _asking(plan: Plan) -> Plan:
    """The plan with the prompts that its models are asked with."""
    return replace(plan, prompt=library.load_prompt(), second=library.load_prompt("second"))


def _replayer(wanted: Wanted, folder: Path) -> cassettes.Replayer:
    if not folder.is_dir():
        raise UsageError("no such folder of recordings", where=str(folder), remedy="record them with --model NAME --record FOLDER")
    return cassettes.Replayer(folder, name=wanted.model or "replay")


# -- models ------------------------------------------------------------------------------------------------------------


def _with_models(schemas: tuple[Schema, ...], wanted: Wanted, told: Told) -> Planned:
    from structurer.endpoints import settings
    from structurer.endpoints.book import Budget

    found = settings.load(wanted.config, options={**wanted.options, **({"model": wanted.model} if wanted.model else {})})
    first = found.endpoint()
    if first is None:
        if wanted.record:
            raise UsageError("recording needs a model", remedy="name one with --model")
        if needing := _needing_a_model(wanted):
            raise UsageError(f"--{min(needing).replace('_', '-')} needs a model", remedy="name one with --model")
        return Planned(Plan(schemas))
    if wanted.record and (found.second or found.escalate):
        raise UsageError(
            "recordings are of one model", remedy="record each model in a folder of its own: leave --second and --escalate out"
        )
    budget = Budget(found.budget, found.currency) if found.budget is not None else None
    voice = Voice(told) if wanted.verbose else None
    makers = _Makers(found, wanted, budget, voice.told if voice else told, voice)
    second = found.endpoint(found.second) if found.second else None
    if second is not None and _identity(second) == _identity(first):
        raise UsageError(f"{second.name!r} is the model that reads first", where="--second", remedy="name another, or use --samples 2")
    stronger = found.endpoint(found.escalate) if found.escalate else None
    asked = [endpoint for endpoint in (first, second, stronger) if endpoint is not None]
    made = {endpoint.name: makers.made(endpoint) for endpoint in asked}
    sizes = Sizes(
        _shard(found.shard_chars, min((one.context_tokens for one in asked if one.context_tokens), default=None)),
        min(one.max_properties for one in asked),
    )
    plan = Plan(
        schemas,
        made[first.name],
        witness=wanted.witness,
        samples=found.samples,
        other=made[found.second] if found.second else None,
        escalate=made[found.escalate] if found.escalate else None,
        logprobs=wanted.logprobs,
        sizes=sizes,
    )
    prices = {endpoint.name: endpoint.price for endpoint in asked}
    identity = hashlib.sha256(json.dumps([*map(_identity, asked), asdict(sizes), found.samples, wanted.logprobs]).encode()).hexdigest()[:16]
    return Planned(_asking(plan), prices, wanted.batches is not None, budget, identity)


def _needing_a_model(wanted: Wanted) -> set[str]:
    """The options that say nothing without a model; not to keep replies is no such wish."""
    flags = {"logprobs": wanted.logprobs, "batch": wanted.batches is not None}
    return {*wanted.options.keys() - {"cache"}, *(name for name, given in flags.items() if given)}


@dataclass(frozen=True, slots=True)
class _Makers:
    """Sets models up, from the wire outwards: endpoint, budget, cache, recorder. What is in the cache costs no budget, and is recorded."""

    settings: Settings
    wanted: Wanted
    budget: Budget | None
    told: Told
    voice: Voice | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # of the purses, which share the budget

    def made(self, endpoint: Endpoint) -> Model:
        from structurer.endpoints.addresses import parted
        from structurer.endpoints.cache import Cached
        from structurer.endpoints.providers import of_endpoint

        source = of_endpoint(endpoint, self.settings.patience_s, self.settings.cache, self.told, self.purse(endpoint))
        model: Model = source if self.wanted.batches is None else self.by_batch(endpoint, source, self.wanted.batches)
        if self.settings.cache is not None:
            model = Cached(model, self.settings.cache, _identity(endpoint) + parted(endpoint.base_url)[2], self.told)
        if self.wanted.record:
            model = cassettes.Recorder(model, self.wanted.record)
        model = self.wanted.telemetry.traced(model, endpoint.where, endpoint.model)
        return Spoken(model, self.voice, lambda: source.pace.snapshot) if self.voice else model

    def by_batch(self, endpoint: Endpoint, source: OpenAIModel, folder: Path) -> Model:
        from structurer.atomic import safe_name
        from structurer.endpoints.waves import BatchModel

        if not endpoint.batch:
            remedy = f"set batch = true under [models.{json.dumps(endpoint.name)}] in structurer.toml if it has one, or leave --batch out"
            raise UsageError(f"model {endpoint.name!r} has no Batch API that is known of", where=endpoint.where, remedy=remedy)
        if self.budget is not None:
            raise UsageError("a budget is not kept with --batch", remedy="leave one out; --dry-run says what a run may cost")
        return BatchModel(source, folder / safe_name(endpoint.name), told=self.told)

    def purse(self, endpoint: Endpoint) -> Purse | None:
        from structurer.endpoints.book import why_unbounded
        from structurer.endpoints.purse import Purse

        if self.budget is None:
            return None
        reason = why_unbounded(endpoint.price, endpoint.max_output_tokens, self.budget.currency)
        if reason or endpoint.price is None or endpoint.max_output_tokens is None:
            raise UsageError(
                f"the budget cannot be kept with model {endpoint.name!r}: {reason}",
                where=str(self.settings.file or "structurer.toml"),
                remedy=f"set price and max_output_tokens under [models.{json.dumps(endpoint.name)}] in structurer.toml",
            )
        return Purse(self.budget, endpoint.price, endpoint.max_output_tokens, self.settled)


def _shard(characters: int, context_tokens: int | None) -> int:
    """Characters of a document that are asked for at once. A character may be a token, the reply is as long again, and the instructions
    take their part."""
    return characters if context_tokens is None else min(characters, max(context_tokens // CONTEXT_SHARE, SMALLEST_SHARD))


def _identity(endpoint: Endpoint) -> str:
    """What decides, beside a request, what comes back."""
    return json.dumps([endpoint.where, endpoint.model, endpoint.max_output_tokens, dict(endpoint.extra_body)], sort_keys=True, default=str)
