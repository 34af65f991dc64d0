"""A run folder is begun, gone on with and read, wherever its store is, and never takes another's place."""

import json
import os
from contextlib import suppress
from dataclasses import replace

import postgres_server
import pytest
from made import ORDER, result

from structurer.contracts.contract import load
from structurer.errors import InputError, UsageError
from structurer.store import runfolder
from structurer.store.finishing import basis_of, finished
from structurer.store.runs import Asked, Located, Progress

BASIS = basis_of("plan", (ORDER,))
ASKED = Asked("structurer 0", ("structure", "x"), "built-in reader", (ORDER,), model="m", prompt="abc", identity="here")
OTHER = load({"type": "object", "properties": {"a": {"type": "string"}}}, kind="order")
OLD = {"tool": "structurer 0.1", "state": "finished", "inputs": [], "format": 1}


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request):
    return "" if request.param == "sqlite" else postgres_server.address()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "run"


def used(folder, address="", basis=BASIS):
    """A run with one document done and one that waits."""
    with_one = runfolder.create(folder, ASKED, address)
    with_one.add([Located(name, name, f"/in/{name}", name) for name in ("a", "b")])
    worker = with_one.enrol("w")
    (lease,) = with_one.lease(worker, 1)
    assert with_one.finish(worker, lease.document, finished(result(), (ORDER,), basis))
    with_one.leave(worker)
    with_one.close()


def counts(folder, address=""):
    with runfolder.opened(folder, address) as store:
        return store.counts()


# -- begun


def test_a_new_run_says_what_it_was_asked(folder, address):
    runfolder.create(folder, ASKED, address).close()
    with runfolder.opened(folder) as store:
        manifest = runfolder.manifest_of(store)
        assert store.schemas().keys() == {"order"}
    assert (manifest.tool, manifest.command, manifest.reader, manifest.state) == (
        "structurer 0", ("structure", "x"), "built-in reader", Progress.RUNNING,
    )  # fmt: skip
    assert (manifest.model, manifest.prompt, manifest.identity, manifest.finished) == ("m", "abc", "here", None)
    assert [(one.kind, one.digest) for one in manifest.schemas] == [("order", ORDER.digest)]
    assert manifest.started[10] == "T"
    assert manifest.started.endswith("+00:00")


def test_an_empty_folder_becomes_a_run(tmp_path, address):
    runfolder.create(tmp_path, ASKED, address).close()
    assert runfolder.holds_run(tmp_path)


def test_a_run_with_documents_is_not_begun_again(folder, address):
    used(folder, address)
    with pytest.raises(UsageError) as caught:
        runfolder.create(folder, ASKED, address)
    remedy = "add --resume to go on with it, or choose another --out"
    assert str(caught.value) == f"{folder}: this folder holds a run already\n  next: {remedy}"
    assert counts(folder) in ({"done": 1, "waiting": 1}, {"needs review": 1, "waiting": 1})


def test_a_run_that_found_no_document_is_begun_anew_in_its_place(folder, address):
    runfolder.create(folder, ASKED, address).close()
    runfolder.create(folder, replace(ASKED, reader="another"), address).close()
    with runfolder.opened(folder) as store:
        assert runfolder.manifest_of(store).reader == "another"


def test_a_folder_with_other_files_and_a_file_are_refused_and_left_alone(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(UsageError, match="this folder is not a run and not empty\n  next: choose another --out"):
        runfolder.create(tmp_path, ASKED)
    with pytest.raises(UsageError, match="a file stands where the run folder is to be"):
        runfolder.create(tmp_path / "notes", ASKED)
    with pytest.raises(UsageError, match="cannot write to the run"):
        runfolder.create(tmp_path / "notes" / "run", ASKED)
    assert [file.name for file in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize("opening", [runfolder.opened, runfolder.changed])
def test_what_is_no_run_is_named(tmp_path, opening):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match=r"this is not a run folder\n  next: structurer structure PATH\.\.\. --out"), opening(folder):
            pass
    assert list(tmp_path.iterdir()) == []


# -- gone on with


def test_a_run_is_gone_on_with_as_it_is(folder, address):
    used(folder, address)
    before = counts(folder)
    store = runfolder.go_on(folder, ASKED, BASIS, address)
    assert (store.counts(), len(list(store.results()))) == (before, 1)
    store.close()


def test_where_there_is_no_run_one_is_begun(folder, address):
    store = runfolder.go_on(folder, ASKED, BASIS, address)
    assert store.is_empty()
    store.close()
    assert runfolder.holds_run(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reader": "model x"}, "another reader"),
        ({"prompt": "def"}, "another prompt"),
        ({"schemas": (OTHER,)}, "another schema"),
        ({"schemas": ()}, "another schema"),
        ({"identity": "there"}, "other settings of its models: name, address, limits or parameters"),
    ],
)
def test_a_run_that_was_asked_for_otherwise_is_refused_or_brought_up_to_date(folder, change, words):
    used(folder)
    asked = replace(ASKED, **change)
    with pytest.raises(UsageError) as caught:
        runfolder.go_on(folder, asked, BASIS)
    assert (caught.value.what, caught.value.where) == (f"this run was begun with {words}", str(folder))
    assert caught.value.remedy == "add --update to do anew what depends on it, or repeat the command that began it"
    with runfolder.opened(folder) as store:
        started = runfolder.manifest_of(store).started
    new = basis_of("other plan", asked.schemas)
    runfolder.go_on(folder, asked, new, update=True).close()
    assert counts(folder) == {"waiting": 2}
    runfolder.go_on(folder, asked, new).close()  # from now on it is the other
    with runfolder.opened(folder) as store:
        manifest = runfolder.manifest_of(store)
        assert (manifest.started, manifest.reader) == (started, asked.reader)
        assert store.schemas().keys() == {schema.kind for schema in asked.schemas}


def test_the_command_and_the_tool_may_be_others(folder):
    used(folder)
    runfolder.go_on(folder, replace(ASKED, command=("structure", "y"), tool="structurer 9"), BASIS).close()


def test_update_does_nothing_anew_where_nothing_has_changed(folder, address):
    used(folder, address)
    before = counts(folder)
    runfolder.go_on(folder, ASKED, BASIS, address, update=True).close()
    assert counts(folder) == before


def test_what_was_wrong_with_a_run_of_which_nothing_came_may_be_set_right(folder, address):
    store = runfolder.create(folder, ASKED, address)
    store.add([Located("a", "a", "/in/a", "a")])
    store.close()
    runfolder.go_on(folder, replace(ASKED, identity="there", schemas=(OTHER,)), BASIS, address).close()
    with runfolder.opened(folder) as store:
        assert runfolder.manifest_of(store).identity == "there"
        assert store.schemas()["order"].digest == OTHER.digest
    (folder / runfolder.BATCHES).mkdir()  # something has been asked
    with pytest.raises(UsageError, match="this run was begun with another schema"):
        runfolder.go_on(folder, ASKED, BASIS, address)


def test_a_run_that_is_refused_is_let_go_of(folder, address):
    used(folder, address)
    for _ in range(2):
        with pytest.raises(UsageError, match="another reader"):
            runfolder.go_on(folder, replace(ASKED, reader="x"), BASIS, address)
    runfolder.go_on(folder, ASKED, BASIS, address).close()


# -- changed from outside


def test_what_is_changed_is_changed_as_a_whole(folder, address):
    used(folder, address)
    before = counts(folder)
    with suppress(ZeroDivisionError), runfolder.changed(folder) as store:
        store.retry(["waiting", "needs review", "done"])
        raise ZeroDivisionError
    assert counts(folder) == before
    with runfolder.changed(folder) as store:
        store.retry(["needs review", "done"])
    assert counts(folder) == {"waiting": 2}


def test_a_run_that_is_worked_on_is_not_changed_from_outside(folder):
    store = runfolder.create(folder, ASKED)
    with pytest.raises(UsageError, match="this run is being worked on"), runfolder.changed(folder):
        pass
    assert counts(folder) == {}
    store.close()


# -- where the store is


def test_a_folder_says_where_its_store_is_and_holds_no_password(folder):
    address = postgres_server.address().replace("postgres:@", "postgres:geheim@")
    runfolder.create(folder, ASKED, address).close()
    assert [file.name for file in folder.iterdir()] == [runfolder.POINTER]
    assert "geheim" not in (folder / runfolder.POINTER).read_text()
    assert counts(folder) == {}


def test_the_address_that_is_given_stands_above_that_of_the_environment_and_this_above_the_folders(folder, monkeypatch):
    runfolder.create(folder, ASKED, postgres_server.address()).close()
    node = json.loads((folder / runfolder.POINTER).read_text())
    (folder / runfolder.POINTER).write_text(json.dumps({**node, "store": "postgresql://127.0.0.1:1/none"}))
    with pytest.raises(UsageError, match="the store cannot be reached"):
        counts(folder)
    monkeypatch.setenv(runfolder.ADDRESS, postgres_server.address())
    assert counts(folder) == {}
    monkeypatch.setenv(runfolder.ADDRESS, "postgresql://127.0.0.1:1/none")
    assert counts(folder, postgres_server.address()) == {}


def test_two_runs_of_one_server_are_two(tmp_path):
    address = postgres_server.address()
    used(tmp_path / "one", address)
    runfolder.create(tmp_path / "two", ASKED, address).close()
    assert (sum(counts(tmp_path / "one").values()), counts(tmp_path / "two")) == (2, {})


def test_a_run_whose_server_could_not_be_reached_may_be_begun_at_another(folder):
    with pytest.raises(UsageError, match="the store cannot be reached"):
        runfolder.create(folder, ASKED, "postgresql://127.0.0.1:1/none")
    runfolder.create(folder, ASKED, postgres_server.address()).close()
    assert counts(folder, postgres_server.address()) == {}


def test_a_run_whose_server_could_not_be_reached_may_be_begun_without_one(folder):
    with pytest.raises(UsageError, match="the store cannot be reached"):
        runfolder.create(folder, ASKED, "postgresql://127.0.0.1:1/none")
    runfolder.create(folder, ASKED).close()


def test_a_run_of_the_first_structurer_is_named_as_such(folder):
    folder.mkdir(parents=True)
    (folder / runfolder.POINTER).write_text(json.dumps(OLD))
    for opening in (runfolder.opened, runfolder.changed):
        with pytest.raises(InputError, match=runfolder.OLDEST) as caught, opening(folder):
            pass
        assert caught.value.where == str(folder)
    with pytest.raises(InputError, match=runfolder.OLDEST):
        runfolder.go_on(folder, ASKED, BASIS)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{", b"[]", b"3", b'{"store": 1}'])
def test_a_run_file_that_is_damaged_is_an_input_error(folder, content):
    folder.mkdir(parents=True)
    (folder / runfolder.POINTER).write_bytes(content)
    with pytest.raises(InputError, match=r"damaged run file|written by structurer 0"), runfolder.opened(folder):
        pass


def test_a_run_file_that_is_too_deep_is_an_input_error(folder):
    folder.mkdir(parents=True)
    (folder / runfolder.POINTER).write_bytes(b"[" * 100_000)
    with pytest.raises(InputError, match="damaged run file"), runfolder.opened(folder):
        pass


@pytest.mark.parametrize("node", [{"store": 3, "run": "run_1"}, {"run": 'x"; DROP SCHEMA public; --'}, {"run": 5}])
def test_a_run_file_that_names_no_run_is_an_input_error(folder, node):
    folder.mkdir(parents=True)
    (folder / runfolder.POINTER).write_text(json.dumps({"store": postgres_server.address(), **node}))
    with pytest.raises(InputError, match="damaged run file"), runfolder.opened(folder):
        pass


def test_a_store_without_a_manifest_says_that_it_has_not_begun(folder):
    from structurer.store import sqlite

    folder.mkdir(parents=True)
    sqlite.written(folder).close()
    with pytest.raises(InputError, match="this run has not begun"), runfolder.opened(folder) as store:
        runfolder.manifest_of(store)
    runfolder.go_on(folder, ASKED, BASIS).close()
    assert counts(folder) == {}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_to_is_a_usage_error(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(UsageError, match="cannot write to the run"):
        runfolder.create(tmp_path / "run", ASKED)
    tmp_path.chmod(0o755)
