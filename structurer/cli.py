"""The command line: options, printing and exit codes; everything else lies below.

Heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from structurer import __version__
from structurer.counted import counted
from structurer.errors import StructurerError, UsageError

if TYPE_CHECKING:
    from structurer.archive.tally import Tally

EXIT_CODES = """Exit codes: 0 done; 1 a bug; 2 usage; 3 done, but something needs review; 4 an input cannot be read (the others are done);
5 the model is not available; 6 a bad schema; 130 interrupted. When several apply, the first of 1, 2, 6, 5, 4, 3 is returned."""
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
SECRETS = ("OPENAI_API_KEY",)  # environment variables whose values are never printed
SHORTEST_SECRET = 6  # characters; a shorter one ("none", "x") is a placeholder that would blot out plain words

app = typer.Typer(
    help=f"Turn badly formatted reports into records that prove themselves by their own arithmetic.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
schema_app = typer.Typer(
    help="The contracts for kinds of forms: check a file, list those that ship, show one, explain what its checks see.",
    no_args_is_help=True,
)
app.add_typer(schema_app, name="schema")

Store = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="postgresql://... for a run of several machines. Default: a file in RUN. A password is better in STRUCTURER_STORE.",
        show_default=False,
    ),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
SchemaFiles = Annotated[
    Optional[list[Path]],  # noqa: UP045 - read by typer at run time
    typer.Option("--schema", metavar="FILE", help="A JSON Schema file (JSON or YAML); repeat for several. Default: those that ship."),
]


ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--config", metavar="FILE", help="The settings. Default: structurer.toml here, or in your configuration folder."),
]


Ocr = Annotated[str, typer.Option("--ocr", metavar="auto|off|FOLDER", help="Read scans: if OCR is installed, never, or with these models.")]
PasswordFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--password-file", metavar="FILE", help="The password of closed files, on its first line."),
]


def main() -> NoReturn:
    """The command `structurer`: errors that a user can mend are one message and an exit code, bugs are tracebacks."""
    try:
        app(prog_name="structurer")
    except StructurerError as error:
        _say(f"structurer: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # before or after the command, which handles its own
        sys.exit(INTERRUPTED)
    sys.exit(0)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"structurer {__version__}")
        raise typer.Exit


@app.command(epilog=EXIT_CODES)
def structure(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, or folders with files.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The run folder to make.", show_default=False)],
    schema: SchemaFiles = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A model of structurer.toml, or at OPENAI_BASE_URL. Default: the built-in reader.")
    ] = "",
    record: Annotated[Optional[Path], typer.Option(metavar="FOLDER", help="Record the model's replies here.")] = None,  # noqa: UP045
    replay: Annotated[Optional[Path], typer.Option(metavar="FOLDER", help="Replay recorded replies; needs no network.")] = None,  # noqa: UP045
    witness: Annotated[bool, typer.Option("--witness/--no-witness", help="Let the built-in reader read beside a model.")] = True,
    samples: Annotated[Optional[int], typer.Option(metavar="N", help="How often the model reads each form.", min=1)] = None,  # noqa: UP045
    second: Annotated[str, typer.Option(metavar="NAME", help="A second model that reads too.")] = "",
    escalate: Annotated[str, typer.Option(metavar="NAME", help="A stronger model that is shown flagged cells.")] = "",
    logprobs: Annotated[bool, typer.Option("--logprobs", help="Ask the model how likely it found each value.")] = False,
    budget: Annotated[Optional[str], typer.Option(metavar="AMOUNT", help="Stop before models cost more than this.")] = None,  # noqa: UP045
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Answer from replies of earlier runs what was asked before.")] = True,
    by_batch: Annotated[bool, typer.Option("--batch", help="Ask through the endpoint's Batch API: cheaper, and within a day.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN, if there is one.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask nothing and write nothing: say what it would take.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell of every call to a model.")] = False,
    telemetry: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option("--telemetry/--no-telemetry", help="Tell OpenTelemetry, as the OTEL_ variables say."),
    ] = None,
    config: ConfigFile = None,
    ocr: Ocr = "auto",
    password_file: PasswordFile = None,
    include: Annotated[Optional[list[str]], typer.Option(metavar="GLOB", help="Only files below folders that match; repeat.")] = None,  # noqa: UP045
    exclude: Annotated[Optional[list[str]], typer.Option(metavar="GLOB", help="No files that match; repeat. As in .gitignore.")] = None,  # noqa: UP045
    watch: Annotated[bool, typer.Option("--watch", help="Go on as files come into the folders, until Ctrl-C.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Go on, and do anew what depends on what has changed.")] = False,
    hosts: Annotated[int, typer.Option(metavar="N", help="Processes that read and judge. Default: one a core.", min=0)] = 0,
    store: Store = "",
    engine: Annotated[str, typer.Option(metavar="local|ray", help="Who starts the workers: this process, or a Ray cluster.")] = "local",
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="Of the Ray cluster. Default: one of this machine.")] = "local",
    workers: Annotated[int, typer.Option(metavar="N", help="Workers on the cluster. Default: one a machine.", min=0)] = 0,
) -> None:
    """Structure documents into a run, which can be killed and gone on with at any moment."""
    from structurer import plans
    from structurer.archive import cluster, estimate, live, running
    from structurer.archive.batch import Watcher
    from structurer.archive.tally import Tally
    from structurer.intake import ingest
    from structurer.store import postgres
    from structurer.telemetry.starting import start
    from structurer.telemetry.tracing import OFF

    if engine not in ("local", "ray"):
        raise UsageError(f"no engine {engine!r}", remedy="--engine local | ray")
    options = {"samples": samples, "second": second, "escalate": escalate, "budget": budget, "cache": None if cache else "off"}
    given = {name: value for name, value in options.items() if value not in (None, "")}
    told = start(telemetry, _say) if not dry_run else OFF
    wanted = plans.Wanted(
        tuple(schema or ()),
        model or None,
        record,
        replay,
        witness,
        False,
        config,
        given,
        logprobs,
        verbose,
        told,
        out / "batches" if by_batch else None,
    )
    planned = plans.planned(wanted, _say)
    reader = plans.describe(planned.plan)
    intake = ingest.intake_of(ocr, password_file)
    command = tuple(_scrubbed(word) if "://" not in word else postgres.shown(_scrubbed(word)) for word in sys.argv[1:])
    job = running.Job(
        tuple(paths), out, tuple(include or ()), tuple(exclude or ()), store, watch, resume, update, hosts, command
    )  # fmt: skip
    if dry_run:
        typer.echo(estimate.told(estimate.of_job(job, planned, partial(ingest.read, intake=intake))))
        raise typer.Exit
    tally = Tally()
    with live.watched(tally, shown=not verbose) as begun:
        try:
            watcher = Watcher(begun, _say, told.document)
            if engine == "ray":
                cluster.run(job, wanted, planned, intake, cluster.Crew(address, workers), watcher, tally)
            else:
                running.run(job, planned, intake, watcher, tally)
        except KeyboardInterrupt:
            _say(f"interrupted; what was finished is in {out}\n  next: structurer show {out}, or the same command with --resume")
            raise
        finally:
            told.close()
    _say(_closing(tally, reader, out))
    raise typer.Exit(tally.exit_code)


@app.command(epilog=EXIT_CODES)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Records in the exchange format, a JSON object a line.")],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.jsonl", help="Where the checked records go.", show_default=False)],
    schema: SchemaFiles = None,
    source: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option("--source", metavar="FILE", help="The document they were read from; repeat for several. Grounds and mends them."),
    ] = None,
    witness: Annotated[bool, typer.Option("--witness/--no-witness", help="Hear the built-in reader beside the page.")] = True,
    ocr: Ocr = "auto",
    password_file: PasswordFile = None,
) -> None:
    """Check records that any tool made: which cell is wrong, whose fault it is, and what the page confirms in its place."""
    from structurer import plans, recheck
    from structurer.intake import ingest

    plan = plans.plan_of(plans.Wanted(tuple(schema or ()), builtin=True))
    read = partial(ingest.read, intake=ingest.intake_of(ocr, password_file))
    tally = recheck.run(recheck.Wanted(file, plan.schemas, tuple(source or ()), witness, read), out)
    for error in tally.errors:
        _say(f"structurer: {error}")
    grounded = f", {tally.grounded} grounded" if source else ""
    counts = f"{counted(tally.records, 'record')}{grounded}, {tally.failed} checks failed, {counted(tally.mended, 'value')} mended"
    _say(f"{counts}, {tally.to_review} to review; in {out}")
    raise typer.Exit(4 if tally.errors else 3 if tally.to_review else 0)


@app.command(epilog=EXIT_CODES)
def pages(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PDF or a picture.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the pictures go.")] = Path("pages"),
    ocr: Ocr = "auto",
    password_file: PasswordFile = None,
) -> None:
    """Draw what was read on each page: words, cells, doubts, and why it was read as it was; one PNG a page."""
    from structurer import atomic
    from structurer.intake import ingest

    with _writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, picture in enumerate(ingest.drawn_pages(file, ingest.intake_of(ocr, password_file)), 1):
        with _writing_to(out):
            atomic.write_bytes(out / f"{file.stem}-{count:04}.png", picture)
    _say(f"{counted(count, 'page')} of {file} in {out}")


@app.command(epilog=EXIT_CODES)
def doctor(
    model: Annotated[str, typer.Option(metavar="NAME", help="A model of structurer.toml, or at OPENAI_BASE_URL.")] = "",
    config: ConfigFile = None,
    example: Annotated[bool, typer.Option("--example", help="Print a structurer.toml with every setting explained.")] = False,
) -> None:
    """Say whether a model can be used, what its endpoint understands, and the next command for everything that fails."""
    from structurer import doctor as doctor_
    from structurer.endpoints import settings, settingskeys

    if example:
        typer.echo(settingskeys.example(), nl=False)
        raise typer.Exit
    raise typer.Exit(0 if doctor_.tell(settings.load(config), model or None, lambda line: typer.echo(_scrubbed(line))) else 5)


@app.command()
def show(
    run: Run,
    records: Annotated[Optional[list[str]], typer.Option("--records", metavar="SOURCE/INDEX", help="Only these.")] = None,  # noqa: UP045
    everything: Annotated[bool, typer.Option("--all", help="All records, rows, blanks and checks that do not apply.")] = False,
    store: Store = "",
) -> None:
    """Show a run: every record's values, its checks in numbers, what to review and why, and text that became no value."""
    from structurer.show import show as show_run

    show_run(run, tuple(records or ()), everything, store)


@app.command()
def status(run: Run, store: Store = "", as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say how far a run is, also while it goes on: documents by state, what they cost, and what cannot be done and why."""
    from structurer.archive import status as status_

    typer.echo(status_.of_run(run, store, as_json=as_json))


@app.command()
def report(
    run: Run,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.html", help="Where the report goes.")] = Path("report.html"),
    store: Store = "",
) -> None:
    """Report a run as one page with plots: what came of it, what it cost, what to look at and why."""
    from structurer.runreport import page as runreport

    runreport.write(run, store, out)
    _say(f"the report is {out}")


@app.command()
def retry(
    run: Run,
    state: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="STATE", help="unreadable, refused, failed or quarantined; repeat. Default: all of them."),
    ] = None,
    store: Store = "",
) -> None:
    """Let documents that could not be done be tried again, when the run goes on."""
    from structurer.archive import status as status_

    _say(status_.retried(run, tuple(state or ()), store))


@app.command()
def export(
    run: Run,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="records, json, csv, xlsx, parquet, duckdb or sqlite.")
    ] = "records",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="A file (csv, parquet: a new folder). Default: stdout."),
    ] = None,
    store: Store = "",
) -> None:
    """Write a run's records for other programs."""
    from structurer.exports import export as exporter
    from structurer.store import runfolder

    with runfolder.opened(run, store) as opened:
        exporter.write(opened.results(), opened.schemas(), exporter.format_named(form), out, opened.names())


@app.command(epilog=EXIT_CODES)
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Cases (source.* and expected.json), or reports with --truth.")],
    truth: Annotated[Optional[Path], typer.Option(metavar="FOLDER", help="Truth files of the reports in FOLDER.")] = None,  # noqa: UP045
    accept: Annotated[bool, typer.Option("--accept", help="Accept these figures from now on. Refused under CI.")] = False,
    replay: Annotated[bool, typer.Option("--replay", help="Also replay the recorded replies in FOLDER/cassettes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    schema: SchemaFiles = None,
    worst: Annotated[int, typer.Option("--show", metavar="N", help="How many faults to list.", min=0)] = 20,
) -> None:
    """Compare records with the truth; exit 3 when a figure is worse than the accepted one."""
    from structurer.evaluation import report

    text, regressed = report.run(report.Wanted(folder, truth, tuple(schema or ()), replay, accept, as_json, worst))
    typer.echo(text)
    raise typer.Exit(3 if regressed else 0)


@schema_app.command()
def lint(file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSON Schema file.")]) -> None:
    """Name every mistake of a schema with its place; exit 6 if there is one."""
    from structurer import kinds

    mistakes = kinds.mistakes(file)
    typer.echo("\n".join(mistakes) or kinds.summary(file))
    raise typer.Exit(6 if mistakes else 0)


@schema_app.command("list")
def list_() -> None:
    """List the kinds that ship."""
    from structurer import kinds

    typer.echo("\n".join(kinds.listed()))


@schema_app.command("show")
def show_schema(kind: Annotated[str, typer.Argument(metavar="KIND", help="A kind that ships, or a schema file.")]) -> None:
    """Show the fields of a kind, how they are printed, and the arithmetic it owes."""
    from structurer import kinds

    typer.echo("\n".join(kinds.described(kind)))


@schema_app.command("explain")
def explain_schema(kind: Annotated[str, typer.Argument(metavar="KIND", help="A kind that ships, or a schema file.")]) -> None:
    """Explain what the checks of a kind cover, and which errors they cannot see."""
    from structurer import kinds

    typer.echo("\n".join(kinds.explained(kind)))


def _closing(tally: Tally, reader: str, out: Path) -> str:
    """The line that ends a run: what came of it, by which reader, where it is, and what to type next."""
    counts = [
        counted(tally.documents, "document"), counted(tally.records, "record"), f"{tally.held} checks held", f"{tally.failed} failed",
        f"{tally.flagged} to review", *([counted(tally.left, "input") + " not done"] if tally.left else []),
    ]  # fmt: skip
    spent = f" ({tally.book.line()})" if tally.book.models else ""
    following = "the same command with --resume" if tally.halted else f"structurer {'status' if tally.left else 'show'} {out}"
    return f"{', '.join(counts)}; {reader}{spent}; in {out}; next: {following}"


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_file = isinstance(error, FileExistsError)
        what = "a file stands where the folder is to be" if is_file else f"cannot be written: {error.strerror or error}"
        raise UsageError(what, where=str(folder), remedy="choose another --out") from error


def _say(text: str) -> None:
    """A message on standard error, without secrets."""
    typer.echo(_scrubbed(text), err=True)


def _scrubbed(text: str) -> str:
    for name in SECRETS:
        secret = os.environ.get(name, "").strip()
        text = text.replace(secret, "***") if len(secret) >= SHORTEST_SECRET else text
    return text
