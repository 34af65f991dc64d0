"""The command as a user runs it: what it prints, leaves behind and returns."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORM = ROOT / "golden" / "evaluation-pdf-lines" / "source.txt"
DOCUMENTS = 400  # enough that the run is not over when the first is done
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "STRUCTURER_")) and key != "CI"}


def call(*arguments, environment=None, cwd=None):
    command = [sys.executable, "-m", "structurer", *map(str, arguments)]
    environment = CLEAN | (environment or {})
    return subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=cwd, timeout=120)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one report, with the call that made it."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    return folder, call("structure", FORM, "--out", folder)


def test_help_documents_commands_and_exit_codes():
    done = call("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("structure", "show", "export", "evaluate", "schema", "--version"))
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
    assert "the folder holds no files" in done.stderr


def test_other_files_are_done_when_one_cannot_be_read(tmp_path):
    (tmp_path / "blank.txt").write_text("")
    done = call("structure", FORM, tmp_path / "blank.txt", tmp_path / "none.txt", "--out", tmp_path / "run")
    assert done.returncode == 4
    inputs = {Path(one["path"]).name: one for one in json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["inputs"]}
    assert inputs["source.txt"]["state"] in ("done", "needs review")
    assert inputs["blank.txt"]["state"] == inputs["none.txt"]["state"] == "failed"
    assert inputs["blank.txt"]["reason"]


def test_a_run_folder_holds_a_manifest_the_schemas_and_the_documents(run):
    folder, done = run
    assert done.returncode in (0, 3)
    assert done.stdout == ""
    manifest = json.loads((folder / "run.json").read_text("utf-8"))
    assert (manifest["state"], manifest["reader"]) == ("finished", "built-in reader")
    assert manifest["command"][0] == "structure"
    assert {schema["kind"] for schema in manifest["schemas"]} >= {"self_evaluation"}
    (document,) = (folder / "documents").iterdir()
    assert re.fullmatch(r"source-[0-9a-f]{8}\.json", document.name)
    assert json.loads(document.read_text("utf-8"))["records"]


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
    assert "choose another --out or remove it" in done.stderr


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
    for command in ("show", "export"):
        done = call(command, tmp_path)
        assert done.returncode == 2
        assert "this is not a run folder" in done.stderr


def test_records_are_exported_to_stdout_and_to_a_file(run, tmp_path):
    done = call("export", run[0], "--format", "records", environment={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["index"] for record in records] == list(range(len(records)))
    assert set(records[0]) == {"source", "index", "kind", "record", "review", "checks", "provenance"}
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
    done = call("structure", tmp_path / f"{key}.txt", FORM, "--out", tmp_path / "run", environment={"OPENAI_API_KEY": key})
    assert key not in done.stderr + done.stdout
    assert key not in json.dumps(json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["command"])


def test_accepting_figures_is_refused_under_ci(tmp_path):
    shutil.copytree(FORM.parent, tmp_path / "golden" / "case")
    done = call("evaluate", tmp_path / "golden", "--accept", environment={"CI": "true"})
    assert (done.returncode, "figures are not accepted under CI" in done.stderr) == (2, True)
    assert call("evaluate", tmp_path / "golden").returncode == 3
    assert call("evaluate", tmp_path / "golden", "--accept").returncode == 0
    done = call("evaluate", tmp_path / "golden", "--json")
    assert (done.returncode, json.loads(done.stdout)["regressions"]) == (0, [])


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group there")
def test_ctrl_c_leaves_finished_documents_readable(tmp_path):
    (tmp_path / "reports").mkdir()
    for number in range(DOCUMENTS):
        shutil.copy(FORM, tmp_path / "reports" / f"{number:04}.txt")
    command = [sys.executable, "-m", "structurer", "structure", tmp_path / "reports", "--out", tmp_path / "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=CLEAN) as process:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "run").glob("documents/*.json")) and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what was finished is in" in said
    assert "Traceback" not in said
    documents = list((tmp_path / "run" / "documents").iterdir())
    assert 0 < len(documents) < DOCUMENTS
    assert all(json.loads(document.read_text("utf-8"))["records"] for document in documents)
    manifest = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert manifest["state"] == "interrupted"
    assert {one["state"] for one in manifest["inputs"]} & {"skipped"}
    assert call("show", tmp_path / "run").returncode == 0
