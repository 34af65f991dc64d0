"""The command as a user runs it: what it prints, leaves behind and returns."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import postgres_server
import pytest
from made import CLEAN, call

from structurer.errors import StructurerError
from structurer.store import runfolder
from structurer.store.runs import FINISHED, Progress, State

ROOT = Path(__file__).parent.parent
FORM = ROOT / "golden" / "evaluation-pdf-lines" / "source.txt"
DOCUMENTS = 400  # enough that the run is not over when the first is done


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one report, with the call that made it."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    return folder, call("structure", FORM, "--out", folder)


def test_help_documents_commands_and_exit_codes():
    done = call("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("structure", "show", "export", "status", "retry", "evaluate", "schema", "--version"))
    assert "the first of 1, 2, 6," in done.stdout


def test_version_is_that_of_the_package():
    import structurer

    done = call("--version")
    assert (done.returncode, done.stdout) == (0, f"structurer {structurer.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [(["structure", "x", "--ouut", "y"], "--out"), (["structur", "x"], "structure"), (["export", "x", "--fromat", "csv"], "--format")],
)
def test_a_typo_says_what_is_near(arguments, near):
    done = call(*arguments)
    assert done.returncode == 2
    assert near in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_input_that_cannot_be_read(tmp_path):
    done = call("structure", tmp_path / "none.txt", "--out", tmp_path / "run")
    assert done.returncode == 4
    assert f"{tmp_path}/none.txt" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_empty_folder_is_input_that_cannot_be_read(tmp_path):
    (tmp_path / "empty").mkdir()
    done = call("structure", tmp_path / "empty", "--out", tmp_path / "run")
    assert done.returncode == 4
    assert "there are no files" in done.stderr


def test_a_missing_file_among_others_is_said_before_anything_is_begun(tmp_path):
    done = call("structure", FORM, tmp_path / "none.txt", "--out", tmp_path / "run")
    assert (done.returncode, f"{tmp_path}/none.txt: there is no such file" in done.stderr) == (4, True)
    assert not (tmp_path / "run").exists()


def test_other_files_are_done_when_one_cannot_be_read(tmp_path):
    (tmp_path / "blank.txt").write_text("")
    (tmp_path / "letter.xyz").write_text("x")
    done = call("structure", FORM, tmp_path, "--out", tmp_path / "run")
    assert done.returncode == 4
    with runfolder.opened(tmp_path / "run") as store:
        came = {Path(one.names[0]).name: one for one in store.came()}
    assert came["source.txt"].state in FINISHED
    assert (came["blank.txt"].state, came["letter.xyz"].state) == (State.UNREADABLE, State.SKIPPED)
    assert came["blank.txt"].reason in done.stderr
    assert "1 input not done" in done.stderr


def test_a_run_folder_holds_the_manifest_the_schemas_and_the_results(run):
    folder, done = run
    assert done.returncode in (0, 3)
    assert done.stdout == ""
    assert sorted(file.name for file in folder.iterdir()) == ["run.db", "run.lock"]  # and nothing half written
    with runfolder.opened(folder) as store:
        manifest, schemas = store.manifest(), store.schemas()
        (result,) = store.results()
    assert (manifest.state, manifest.reader, manifest.command[0]) == (Progress.FINISHED, "built-in reader", "structure")
    assert {used.kind for used in manifest.schemas} == schemas.keys() >= {"self_evaluation"}
    assert (result.source, len(result.records) > 0) == ("source.txt", True)


def test_the_closing_line_says_what_came_of_it_by_which_reader_and_what_to_type_next(run):
    folder, done = run
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(
        r"1 document, \d+ records?, \d+ checks held, \d+ failed, \d+ to review; built-in reader; "
        rf"in {re.escape(str(folder))}; next: structurer show {re.escape(str(folder))}",
        line,
    )


def test_an_existing_run_is_refused(run):
    folder, _ = run
    done = call("structure", FORM, "--out", folder)
    assert done.returncode == 2
    assert "add --resume to go on with it, or choose another --out" in done.stderr


def test_a_run_is_shown_with_records_and_checks(run):
    done = call("show", run[0])
    assert done.returncode == 0
    assert "built-in reader" in done.stdout
    assert "self_evaluation" in done.stdout
    assert "held" in done.stdout
    assert call("show", run[0], "--all", "--records", "source.txt/0").returncode == 0


def test_a_record_that_is_not_there_is_named(run):
    done = call("show", run[0], "--records", "source.txt/99")
    assert done.returncode == 2
    assert "no record 'source.txt/99' in this run" in done.stderr


def test_a_folder_that_is_no_run_is_named(tmp_path):
    for command in ("show", "export", "status", "retry"):
        done = call(command, tmp_path)
        assert done.returncode == 2
        assert "this is not a run folder" in done.stderr


def test_records_are_exported_to_stdout_and_to_a_file(run, tmp_path):
    done = call("export", run[0], "--format", "records", environment={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["index"] for record in records] == list(range(len(records)))
    assert set(records[0]) == {
        "source", "index", "kind", "record", "review", "checks", "blame", "localised", "corrections", "pinned", "provenance"
    }  # fmt: skip
    assert call("export", run[0], "--out", tmp_path / "out.jsonl").returncode == 0
    assert (tmp_path / "out.jsonl").read_text("utf-8") == done.stdout


def test_tables_and_the_whole_are_exported(run, tmp_path):
    assert call("export", run[0], "--format", "csv", "--out", tmp_path / "tables").returncode == 0
    assert {"review.csv", "self_evaluation.csv", "self_evaluation.indicators.csv"} <= {
        file.name for file in (tmp_path / "tables").iterdir()
    }
    assert call("export", run[0], "--format", "csv").returncode == 2
    assert call("export", run[0], "--format", "xml").returncode == 2
    assert json.loads(call("export", run[0], "--format", "json").stdout)[0]["records"][0]["evidence"]


def test_a_bad_schema_is_named_with_its_place(tmp_path):
    (tmp_path / "bad.json").write_text(
        '{"type": "object", "properties": {"a": {"type": "string", "x-lables": "A"}}, "x-checks": ["b == 1"]}'
    )
    done = call("structure", FORM, "--out", tmp_path / "run", "--schema", tmp_path / "bad.json")
    assert done.returncode == 6
    done = call("schema", "lint", tmp_path / "bad.json")
    assert done.returncode == 6
    assert [line.partition("#")[2] for line in done.stdout.splitlines()] == [
        "/properties/a/x-lables: unknown keyword 'x-lables'",
        "/x-checks: 'b == 1': no field 'b'",
    ]
    (tmp_path / "broken.json").write_text("{")
    assert call("schema", "lint", tmp_path / "broken.json").returncode == 6


def test_schemas_are_listed_shown_and_linted():
    assert "self_evaluation" in call("schema", "list").stdout
    shown = call("schema", "show", "self_evaluation").stdout
    assert "project_name: text" in shown
    assert "owes:" in shown
    done = call("schema", "show", "self_evaluatoin")
    assert (done.returncode, "structurer schema show self_evaluation" in done.stderr) == (2, True)
    done = call("schema", "lint", ROOT / "schemas" / "self_evaluation.json")
    assert (done.returncode, "no mistakes" in done.stdout) == (0, True)


def test_wishes_that_exclude_each_other_are_refused(tmp_path):
    done = call("structure", FORM, "--out", tmp_path / "run", "--record", tmp_path, "--replay", tmp_path)
    assert (done.returncode, "--record and --replay exclude each other" in done.stderr) == (2, True)
    done = call("structure", FORM, "--out", tmp_path / "run", "--record", tmp_path)
    assert (done.returncode, "recording needs a model" in done.stderr) == (2, True)
    done = call("structure", FORM, "--out", tmp_path / "run", "--replay", tmp_path / "none")
    assert (done.returncode, "no such folder of recordings" in done.stderr) == (2, True)


def test_a_key_is_never_printed_or_stored(tmp_path):
    key = "sk-very-secret"
    arguments = ("structure", FORM, "--exclude", key, "--out", tmp_path / "run", "--resume")
    for _ in range(2):
        done = call(*arguments, environment={"OPENAI_API_KEY": key})
        assert key not in done.stderr + done.stdout
    assert all(key.encode() not in file.read_bytes() for file in (tmp_path / "run").iterdir())
    with runfolder.opened(tmp_path / "run") as store:
        assert "***" in store.manifest().command


def test_a_password_of_a_store_is_never_printed_or_stored(tmp_path):
    address = postgres_server.address().replace("postgres:@", "postgres:geheim@")
    assert "geheim" in address
    said = [call("structure", FORM, "--out", tmp_path / "run", "--store", address)]
    said += [call("status", tmp_path / "run", "--store", address), call("retry", tmp_path / "run", "--store", address)]
    assert [done.returncode for done in said] == [said[0].returncode, 0, 0]
    assert all("geheim" not in done.stderr + done.stdout for done in said)
    assert all(b"geheim" not in file.read_bytes() for file in (tmp_path / "run").iterdir())
    with runfolder.opened(tmp_path / "run", address) as store:
        assert "geheim" not in " ".join(store.manifest().command)


def test_a_run_may_be_kept_by_a_server(tmp_path):
    environment = {"STRUCTURER_STORE": postgres_server.address()}
    done = call("structure", FORM, "--out", tmp_path / "run", "--store", environment["STRUCTURER_STORE"])
    assert done.returncode in (0, 3)
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["run.json"]
    assert json.loads(call("status", tmp_path / "run", "--json", environment=environment).stdout)["state"] == "finished"
    assert json.loads(call("export", tmp_path / "run").stdout.splitlines()[0])["source"] == "source.txt"
    assert call("show", tmp_path / "run").returncode == 0


def test_accepting_figures_is_refused_under_ci(tmp_path):
    shutil.copytree(FORM.parent, tmp_path / "golden" / "case")
    done = call("evaluate", tmp_path / "golden", "--accept", environment={"CI": "true"})
    assert (done.returncode, "figures are not accepted under CI" in done.stderr) == (2, True)
    assert call("evaluate", tmp_path / "golden").returncode == 3
    assert call("evaluate", tmp_path / "golden", "--accept").returncode == 0
    done = call("evaluate", tmp_path / "golden", "--json")
    assert (done.returncode, json.loads(done.stdout)["regressions"]) == (0, [])


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group there")
@pytest.mark.parametrize("whole", [False, True], ids=["to the command alone", "as a terminal sends it"])
def test_ctrl_c_leaves_finished_documents_readable(tmp_path, whole):
    (tmp_path / "reports").mkdir()
    for number in range(DOCUMENTS):
        (tmp_path / "reports" / f"{number:04}.txt").write_text(f"{FORM.read_text('utf-8')}\n{number}\n", "utf-8")
    command = [sys.executable, "-m", "structurer", "structure", tmp_path / "reports", "--out", tmp_path / "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=CLEAN, start_new_session=True) as process:
        until(lambda: finished(tmp_path / "run"))
        if whole:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what was finished is in" in said
    assert "Traceback" not in said
    with runfolder.opened(tmp_path / "run") as store:
        results, manifest = list(store.results()), store.manifest()
    assert 0 < len(results) < DOCUMENTS
    assert all(result.records for result in results)
    assert manifest.state is Progress.INTERRUPTED
    assert manifest.counts.keys() <= {State.WAITING, *FINISHED}
    assert State.WAITING in manifest.counts
    assert "lost" not in said
    assert call("show", tmp_path / "run").returncode == 0
    said = call("status", tmp_path / "run")
    assert (said.returncode, f"{len(results)} " in said.stdout, "--resume" in said.stdout) == (0, True, True)


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group there")
def test_a_run_that_watches_does_what_comes_until_it_is_told_to_end(tmp_path):
    (tmp_path / "inbox").mkdir()
    shutil.copy(FORM, tmp_path / "inbox" / "first.txt")
    command = [sys.executable, "-m", "structurer", "structure", tmp_path / "inbox", "--out", tmp_path / "run", "--watch"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=CLEAN) as process:
        until(lambda: finished(tmp_path / "run") == 1)
        (tmp_path / "inbox" / "second.txt").write_text(f"{FORM.read_text('utf-8')}\nmore\n", "utf-8")
        until(lambda: finished(tmp_path / "run") == 2)
        assert json.loads(call("status", tmp_path / "run", "--json").stdout)["state"] == "running"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said) == (130, False)
    with runfolder.opened(tmp_path / "run") as store:
        assert [result.source for result in store.results()] == ["first.txt", "second.txt"]


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def finished(folder):
    """How many documents a run holds, which has perhaps not begun."""
    with suppress(StructurerError, sqlite3.Error), runfolder.opened(folder) as store:
        return sum(count for state, count in store.counts().items() if state in FINISHED)
    return 0


# -- check ---------------------------------------------------------------------------------------------------------------

ORDER = {
    "title": "Order",
    "type": "object",
    "properties": {
        "buyer": {"type": "string", "x-labels": ["Buyer"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"article": {"type": "string", "x-labels": ["Article"]}, "price": {"type": "number", "x-labels": ["Price"]}},
            },
        },
        "total": {"type": "number", "x-labels": ["Total"]},
    },
    "x-checks": [{"id": "adds-up", "check": "total == sum(lines[*].price)"}],
}
ORDER_PAGE = "Buyer: Acme\n\nArticle\tPrice\nApple\t1.20\nPear\t2.30\n\nTotal: 3.50\n"


def ordered(pear="2.30", total="3.50", **more):
    lines = [{"article": "Apple", "price": "1.20"}, {"article": "Pear", "price": pear}]
    return json.dumps({"kind": "order", "record": {"buyer": "Acme", "lines": lines, "total": total}, **more})


@pytest.fixture
def desk(tmp_path):
    """A folder with a schema of the user's own and a page."""
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    (tmp_path / "page.txt").write_text(ORDER_PAGE)
    return tmp_path


def check(folder, *lines, options=()):
    """The call, and what it wrote (None: nothing)."""
    (folder / "in.jsonl").write_text("".join(f"{line}\n" for line in lines))
    done = call("check", folder / "in.jsonl", "--out", folder / "out.jsonl", "--schema", folder / "order.json", *options)
    out = folder / "out.jsonl"
    return done, [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.exists() else None


def test_help_of_check_says_what_it_takes_and_gives():
    done = call("check", "--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("FILE.jsonl", "OUT.jsonl", "--schema", "--source", "--no-witness", "Exit codes"))


def test_records_that_hold_are_written_and_the_exit_code_is_0(desk):
    done, found = check(desk, ordered(), options=("--source", desk / "page.txt"))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"1 record, 1 grounded, 0 checks failed, 0 values mended, 0 to review; in {desk}/out.jsonl\n"
    assert [(record["blame"], record["review"]) for record in found] == [([], [])]
    assert [(one["id"], one["level"], one["holds"]) for one in found[0]["checks"]] == [("adds-up", "exact", True)]


def test_a_value_that_the_page_mends_needs_no_review(desk):
    done, found = check(desk, ordered("2.80"), options=("--source", desk / "page.txt"))
    assert done.returncode == 0
    assert done.stderr == f"1 record, 1 grounded, 0 checks failed, 1 value mended, 0 to review; in {desk}/out.jsonl\n"
    assert found[0]["record"]["lines"][1]["price"] == "2.30"


def test_a_failing_check_that_nothing_mends_is_exit_code_3(desk):
    done, found = check(desk, ordered("2.80"), ordered())
    assert done.returncode == 3
    assert done.stderr == f"2 records, 1 checks failed, 0 values mended, 1 to review; in {desk}/out.jsonl\n"
    assert [record["blame"] != [] for record in found] == [True, False]
    assert {"id", "pointer", "level", "left", "right", "allowed", "words", "verdict"} <= set(found[0]["checks"][0])


def test_a_line_that_is_no_record_is_exit_code_4_and_the_others_are_written(desk):
    done, found = check(desk, ordered(), "{", '{"kind": "bill", "record": {}}', ordered("2.80"))
    assert done.returncode == 4
    assert [record["record"]["lines"][1]["price"] for record in found] == ["2.30", "2.80"]
    first, _, second, *_ = done.stderr.splitlines()
    assert first.startswith(f"structurer: {desk}/in.jsonl:2: no JSON: ")
    assert second == f"structurer: {desk}/in.jsonl:3: no schema of kind 'bill'; known: order"
    assert "Traceback" not in done.stderr


def test_an_empty_file_is_exit_code_4_and_nothing_is_written(desk):
    done, found = check(desk)
    assert (done.returncode, found) == (4, None)
    assert done.stderr.partition("\n")[0] == f"structurer: {desk}/in.jsonl: no record in it"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.jsonl", "--out", "out.jsonl", "--schema", "order.json"], 4, "none.jsonl: cannot be read: No such file or directory"),
        (["in.jsonl", "--out", "out.jsonl", "--schema", "order.json", "--source", "none.txt"], 4, "none.txt: there is no such file"),
        (["in.jsonl", "--out", "none/out.jsonl", "--schema", "order.json"], 2, "none/out.jsonl: cannot be written: "),
        (["in.jsonl", "--schema", "order.json"], 2, "Missing option '--out'"),
        (["in.jsonl", "--out", "out.jsonl", "--schema", "bad.json"], 6, "'total == lines'"),
        (["in.jsonl", "--out", "out.jsonl", "--schema", "order.json", "--schema", "copy/order.json"], 2, "two schemas are of kind 'order'"),
    ],
)
def test_what_cannot_be_done_is_one_message_and_leaves_nothing_behind(desk, arguments, code, said):
    (desk / "in.jsonl").write_text(ordered() + "\n")
    (desk / "bad.json").write_text(json.dumps({**ORDER, "x-checks": ["total == lines"]}))
    (desk / "copy").mkdir()
    shutil.copy(desk / "order.json", desk / "copy")
    before = sorted(desk.rglob("*"))
    done = call("check", *arguments, cwd=desk)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(desk.rglob("*")) == before


def test_a_schema_has_its_kind_from_its_name_and_those_that_ship_are_known_without(desk):
    (desk / "in.jsonl").write_text('{"kind": "order", "record": {}}\n{"kind": "self_evaluation", "record": {}}\n')
    done = call("check", desk / "in.jsonl", "--out", desk / "out.jsonl")
    assert done.returncode == 4
    assert f"structurer: {desk}/in.jsonl:1: no schema of kind 'order'; known: " in done.stderr
    assert [json.loads(line)["kind"] for line in (desk / "out.jsonl").read_text("utf-8").splitlines()] == ["self_evaluation"]


def test_the_witness_is_not_heard_where_it_is_not_wanted(desk):
    text = ORDER_PAGE.replace("Pear\t2.30", "Pear\t2.30\nPlum\t3.00\nFig\t4.00\nNut\t5.00").replace("3.50", "16.50") + "\nOther: 6.00\n"
    (desk / "page.txt").write_text(text)
    tree = json.loads(ordered(total="16.50"))
    tree["record"]["lines"] += [{"article": name, "price": price} for name, price in (("Plum", "3.00"), ("Fig", "4.00"), ("Nut", "6.00"))]
    tree["record"]["total"] = "16.50"
    heard, with_it = check(desk, json.dumps(tree), options=("--source", desk / "page.txt"))
    alone, without = check(desk, json.dumps(tree), options=("--source", desk / "page.txt", "--no-witness"))
    words = "the built-in reader reads '5.00' there"
    assert words in json.dumps(with_it[0]["reasons"])
    assert words not in json.dumps(without[0]["reasons"])
    assert {heard.returncode, alone.returncode} <= {0, 3}


def test_two_sources_are_told_apart_by_the_names_that_records_give(desk):
    (desk / "other.txt").write_text(ORDER_PAGE.replace("2.30", "2.60").replace("3.50", "3.80"))
    lines = [ordered("2.80", "3.80", source="other.txt"), ordered("2.80", source="page.txt")]
    done, found = check(desk, *lines, options=("--source", desk / "page.txt", "--source", desk / "other.txt"))
    assert [record["record"]["lines"][1]["price"] for record in found] == ["2.60", "2.30"]
    assert (done.returncode, "2 records, 2 grounded, 0 checks failed, 2 values mended" in done.stderr) == (0, True)


def test_records_that_were_exported_can_be_checked(run, tmp_path):
    call("export", run[0], "--out", tmp_path / "records.jsonl")
    done = call("check", tmp_path / "records.jsonl", "--out", tmp_path / "out.jsonl", "--source", FORM)
    assert done.returncode in (0, 3)
    exported, again = ((tmp_path / name).read_text("utf-8").splitlines() for name in ("records.jsonl", "out.jsonl"))
    assert [json.loads(line)["record"] for line in again] == [json.loads(line)["record"] for line in exported]
    assert [json.loads(line)["blame"] for line in again] == [json.loads(line)["blame"] for line in exported]


def test_a_model_named_in_the_environment_is_not_asked(desk):
    (desk / "in.jsonl").write_text(ordered("2.80") + "\n")
    environment = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-very-secret", "STRUCTURER_MODEL": "m"}
    arguments = ("check", desk / "in.jsonl", "--out", desk / "out.jsonl", "--schema", desk / "order.json")
    assert call(*arguments, environment=environment).returncode == 3
