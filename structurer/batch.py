"""Many documents, one run: each is read, structured and stored before the next; what cannot be done is noted and the others still are.

Bad input and an unavailable model are notes in the manifest. A bug is too, with its traceback shown: thousands of documents do not wait
for one that breaks the code. Only Ctrl-C ends a run early, and then what is finished stays.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from structurer import cassettes, ingest, library, providers
from structurer.across import Relations
from structurer.convention import Conventions
from structurer.errors import ModelError, StructurerError, UsageError
from structurer.export import reviewed
from structurer.pipeline import Plan, structure_document
from structurer.record import Result
from structurer.schema import Schema
from structurer.store import Input, Progress, Run, State

if TYPE_CHECKING:
    from structurer.document import Document
    from structurer.llm import Model

GIVE_UP_AFTER = 3  # documents in a row that the model did not answer; the rest would only wait for its time limits too
BUG = "a bug in structurer"
GRAVITY = (1, 2, 6, 5, 4, 3)  # exit codes, gravest first: bug, usage, schema, model, input, review

Told = Callable[[str], None]
Structure = Callable[["Document", Plan], Result]


@dataclass(slots=True)
class Tally:
    """What came of a run: `held` and `failed` count checks, `flagged` values, rows, lists and records to be reviewed; `conventions` and
    `relations` learn what the stored records say together."""

    documents: int = 0
    records: int = 0
    held: int = 0
    failed: int = 0
    flagged: int = 0
    to_review: int = 0  # documents
    failures: list[int] = field(default_factory=list)  # exit codes of the inputs that could not be done
    conventions: Conventions = field(default_factory=Conventions)
    relations: Relations = field(default_factory=Relations)

    @property
    def exit_code(self) -> int:
        """The gravest of what happened, in the order of GRAVITY."""
        happened = {*self.failures, 3 if self.to_review else 0}
        return next((code for code in GRAVITY if code in happened), 0)

    def add(self, result: Result) -> State:
        """Count one result; its state says whether a person should see it."""
        checks = [checked.holds for record in result.records for checked in record.checks]
        flagged = sum(len(reviewed(record)) for record in result.records)
        self.documents += 1
        self.records += len(result.records)
        self.held += checks.count(True)
        self.failed += checks.count(False)
        self.flagged += flagged
        done = result.records and not flagged and not checks.count(False)
        self.to_review += not done
        return State.DONE if done else State.NEEDS_REVIEW

    def learn(self, result: Result) -> None:
        """Feed one result to what is learnt over the whole run."""
        for record in result.records:
            self.conventions.add(record)
        self.relations.add(result.records)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told: the name of each document when it is begun, and every error as a sentence (or traceback) when it happens."""

    begun: Told
    trouble: Told


def run_all(found: ingest.Found, plan: Plan, run: Run, watcher: Watcher, structure: Structure = structure_document) -> Tally:
    """Structure all files into the run and close it. KeyboardInterrupt passes through when the run is closed as interrupted."""
    tally, state = Tally(relations=Relations(plan.schemas)), Progress.INTERRUPTED
    try:
        run.expect([str(file) for file in found.files])
        _note_others(found, run, tally, watcher)
        _each(found.files, plan, run, tally, watcher, structure)
        state = Progress.FINISHED
    finally:
        run.finish(state, tally.conventions.conclude(), tally.relations.conclude())
    return tally


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks for: schema files (none = those that ship), a model by name, folders to record replies in or to replay them from;
    `builtin` keeps a model named in the environment out."""

    schemas: tuple[Path, ...] = ()
    model: str | None = None
    record: Path | None = None
    replay: Path | None = None
    witness: bool = True
    builtin: bool = False


def plan_of(wanted: Wanted) -> Plan:
    """The plan for a run. Raises SchemaError for a bad schema, UsageError for wishes that exclude each other."""
    schemas = tuple(library.load_schema(file) for file in wanted.schemas) or library.shipped_schemas()
    twice = sorted(kind for kind, times in Counter(schema.kind for schema in schemas).items() if times > 1)
    if twice:
        raise UsageError(f"two schemas are of kind {twice[0]!r}", remedy="give each schema file a name of its own")
    model = _model_of(wanted)
    prompts = [library.load_prompt(name) if model else None for name in ("extract", "second")]
    return Plan(schemas=schemas, model=model, prompt=prompts[0], witness=wanted.witness, second=prompts[1])


def _model_of(wanted: Wanted) -> Model | None:
    if wanted.builtin:
        return None
    if wanted.record and wanted.replay:
        raise UsageError("--record and --replay exclude each other", remedy="leave one out")
    if wanted.replay:
        if not wanted.replay.is_dir():
            raise UsageError(
                "no such folder of recordings", where=str(wanted.replay), remedy="record them with --model NAME --record FOLDER"
            )
        return cassettes.Replayer(wanted.replay, name=wanted.model or "replay")
    model = providers.from_environment(wanted.model)
    if wanted.record:
        if model is None:
            raise UsageError("recording needs a model", remedy="name one with --model")
        return cassettes.Recorder(model, wanted.record)
    return model


def provenance(plan: Plan) -> tuple[tuple[Schema, ...], str | None, str | None]:
    """What a run's manifest says of its plan: schemas, the model's name, the digest of the prompt."""
    return plan.schemas, plan.model.name if plan.model else None, plan.prompt.digest if plan.prompt else None


def describe(plan: Plan) -> str:
    """Which reader a plan uses, in words."""
    if plan.model is None:
        return "built-in reader"
    return f"model {plan.model.name}" + (" beside the built-in reader" if plan.witness else "")


def _note_others(found: ingest.Found, run: Run, tally: Tally, watcher: Watcher) -> None:
    for path in found.skipped:
        run.note(Input(str(path), State.SKIPPED, "not of a kind that can be read"))
    for error in found.errors:
        tally.failures.append(error.exit_code)
        watcher.trouble(str(error))
        run.note(Input(error.where, State.FAILED, error.what))


def _each(files: Iterable[Path], plan: Plan, run: Run, tally: Tally, watcher: Watcher, structure: Structure) -> None:
    silence = 0
    for file in files:
        if silence == GIVE_UP_AFTER:
            run.note(Input(str(file), State.SKIPPED, f"the model did not answer for {GIVE_UP_AFTER} documents in a row"))
            continue
        watcher.begun(str(file))
        error = _one(file, plan, run, tally, structure)
        silence = silence + 1 if isinstance(error, ModelError) else 0
        if error:
            _note_error(file, error, run, tally, watcher)


def _one(file: Path, plan: Plan, run: Run, tally: Tally, structure: Structure) -> Exception | None:
    try:
        result = structure(ingest.read(file), plan)
    except Exception as error:  # reported in full by _note_error
        return error
    state = tally.add(result)
    reason = "" if result.records else "no form was found in it"
    run.write_result(str(file), result, state=state, reason=reason)
    tally.learn(result)
    return None


def _note_error(file: Path, error: Exception, run: Run, tally: Tally, watcher: Watcher) -> None:
    if isinstance(error, StructurerError):
        code, reason, words = error.exit_code, error.what, str(error)
        words = words if str(file) in words else f"{file}: {words}"
    else:
        code, reason, words = 1, f"{BUG}: {error!r}", f"{file}: {BUG}\n{''.join(traceback.format_exception(error))}"
    tally.failures.append(code)
    watcher.trouble(words)
    run.note(Input(str(file), State.FAILED, reason))
