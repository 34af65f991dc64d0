"""A run is a folder that can be read at any moment."""

import json
import re
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import DIGEST, ORDER, order, result, value

from structurer import atomic, serial, store
from structurer.across import Across, Failed, Unpaired
from structurer.checks import Level, Outcome, Quantity
from structurer.convention import Convention, Outlier
from structurer.document import Box, Span
from structurer.errors import InputError, SchemaError, UsageError
from structurer.record import Checked, Correction, Flag, Match, Record, Result, Review, Unclaimed, Unplaced, Value, Verdict
from structurer.store import Asked, Input, Progress, State

ASKED = Asked("structurer 0", ("structure", "x"), "built-in reader", (ORDER,), model=None, prompt="abc")

texts = st.text(max_size=8) | st.sampled_from(["\u2028", "\x85", "\ud800", "＝1", "é"])
fractions = st.fractions()
points = st.floats(0, 2000)
boxes = st.none() | st.builds(Box, points, points, points, points)
places = st.builds(Span, st.integers(0, 99), st.integers(0, 99), st.none() | st.integers(1, 9), boxes, st.none() | st.floats(0, 1))
spans = st.lists(places, max_size=2).map(tuple)
some_texts = st.lists(texts, max_size=2).map(tuple)
quantities = st.none() | st.builds(Quantity, st.none() | fractions, fractions, texts)
values = st.builds(
    Value, st.none() | texts, st.none() | texts | st.integers(), quantities, st.none() | texts, spans, st.sampled_from(Match), texts,
    some_texts, st.lists(st.none() | texts, max_size=2).map(tuple), st.floats(0, 1), st.sampled_from(Flag), st.integers(0, 9),
    st.none() | st.builds(Correction, st.none() | texts, st.none() | texts | st.integers(), texts, texts, some_texts),
)  # fmt: skip
outcomes = st.builds(Outcome, st.sampled_from(Level), texts, texts, texts, texts, some_texts, some_texts, texts)
checks = st.builds(Checked, texts, texts, texts, texts, outcomes, st.none() | st.booleans(), st.none() | st.sampled_from(Verdict), texts)
pieces = st.tuples(texts, st.integers(), st.integers(), st.none() | st.integers())
records = st.builds(
    Record, texts, texts, st.integers(), st.integers(), st.integers(), st.dictionaries(texts, values, max_size=3),
    st.dictionaries(texts, st.integers(), max_size=2), st.lists(checks, max_size=2).map(tuple),
    st.lists(st.builds(Review, texts, st.sampled_from(Flag), some_texts), max_size=2).map(tuple),
    st.lists(pieces.map(lambda piece: Unclaimed(*piece)), max_size=2).map(tuple), some_texts,
    st.lists(some_texts, max_size=2).map(tuple), texts, st.lists(checks, max_size=1).map(tuple),
    st.dictionaries(texts, st.none() | st.integers() | texts | st.lists(texts, max_size=2), max_size=2),
)  # fmt: skip
results = st.builds(
    Result, texts, texts, st.lists(records, max_size=2).map(tuple),
    st.lists(pieces.map(lambda piece: Unplaced(*piece)), max_size=2).map(tuple), some_texts,
)  # fmt: skip
counts = st.integers(0, 99)
outliers = st.lists(st.builds(Outlier, texts, counts, texts, texts), max_size=2).map(tuple)
conventions = st.lists(st.builds(Convention, texts, texts, texts, counts, counts, outliers), max_size=2).map(tuple)
failures = st.lists(st.builds(Failed, texts, counts, texts, texts, st.none() | st.sampled_from(Verdict)), max_size=2).map(tuple)
acrosses = st.builds(
    Across, counts, failures, counts, st.lists(st.builds(Unpaired, texts, counts, texts, texts), max_size=2).map(tuple), counts
)


@given(results)
def test_a_result_comes_back_from_json_as_it_went(made):
    text = serial.dump(serial.to_json(made))
    assert serial.from_json(Result, json.loads(text.encode())) == made


@given(conventions, acrosses)
def test_what_a_run_says_of_its_records_together_survives_being_written(learnt, across):
    made = store.Manifest("t", ("x",), "reader", "now", (), conventions=learnt, across=across)
    assert serial.from_json(store.Manifest, json.loads(serial.dump(serial.to_json(made), levels=2).encode())) == made


@given(st.recursive(st.none() | st.booleans() | texts | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_a_line_is_one_line_to_every_reader_and_the_same_json(node):
    text = serial.line(node)
    assert len(text.splitlines()) == 1
    assert json.loads(text.encode()) == node


def test_a_written_result_is_readable_with_one_leaf_a_line(tmp_path):
    run = store.create(tmp_path / "run", ASKED)
    file = run.write_result("a/单.txt", result())
    lines = file.read_text("utf-8").splitlines()
    assert file.name == "单-01234567.json"
    assert sum('"/money/total": {"text": "1,200.50"' in line and "2401/2" in line for line in lines) == 1


def test_a_run_gives_back_its_results_sorted_and_its_manifest(tmp_path):
    run = store.create(tmp_path / "run", ASKED)
    run.expect(["b.txt", "a.txt", "c.txt"])
    run.write_result("b.txt", result(source="b.txt"))
    run.write_result("a.txt", result(source="a.txt", sha256="f" * 64), state=State.NEEDS_REVIEW, reason="look")
    run.note(Input("d.doc", State.SKIPPED, "not of a kind that can be read"))
    run.finish(Progress.INTERRUPTED)
    assert [one.source for one in store.results(tmp_path / "run")] == ["a.txt", "b.txt"]
    manifest = store.manifest(tmp_path / "run")
    assert (manifest.state, manifest.prompt, manifest.command) == (Progress.INTERRUPTED, "abc", ("structure", "x"))
    assert [(one.path, one.state, one.reason) for one in manifest.inputs] == [
        ("b.txt", State.DONE, ""),
        ("a.txt", State.NEEDS_REVIEW, "look"),
        ("c.txt", State.SKIPPED, "the run was interrupted"),
        ("d.doc", State.SKIPPED, "not of a kind that can be read"),
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(manifest.finished))


def test_a_run_that_was_killed_still_holds_its_finished_documents(tmp_path):
    store.create(tmp_path / "run", ASKED).write_result("b.txt", result())
    assert len(list(store.results(tmp_path / "run"))) == 1
    assert store.manifest(tmp_path / "run").state is Progress.RUNNING


def test_the_manifest_of_a_growing_run_is_brought_up_to_date_once_a_second(tmp_path):
    now = [0.0]
    run = store.create(tmp_path / "run", ASKED, clock=lambda: now[0])
    run.note(Input("a", State.DONE))
    assert store.manifest(tmp_path / "run").inputs == ()
    now[0] = 1.5
    run.note(Input("b", State.DONE))
    assert [one.path for one in store.manifest(tmp_path / "run").inputs] == ["a", "b"]


def test_a_run_keeps_the_schemas_it_was_made_with(tmp_path):
    odd = replace(ORDER, kind="../a/b")
    store.create(tmp_path / "run", replace(ASKED, schemas=(ORDER, odd)))
    kept = store.schemas(tmp_path / "run")
    assert {kind: (schema.source, schema.digest) for kind, schema in kept.items()} == dict.fromkeys(
        ("order", "../a/b"), (ORDER.source, ORDER.digest)
    )
    assert sorted(file.name for file in (tmp_path / "run" / "schemas").iterdir()) == [
        f"__a_b-{ORDER.digest[:8]}.json",
        f"order-{ORDER.digest[:8]}.json",
    ]


def test_the_same_name_and_content_twice_are_two_documents(tmp_path):
    run = store.create(tmp_path / "run", ASKED)
    files = [run.write_result(path, result()).name for path in ("a/单.txt", "b/单.txt")]
    assert files == ["单-01234567.json", "单-01234567-2.json"]
    assert len(list(store.results(tmp_path / "run"))) == 2


@pytest.mark.parametrize("source", ["好" * 120 + ".txt", ".txt", "\udce4.txt"])
def test_any_source_name_makes_a_file_name(tmp_path, source):
    run = store.create(tmp_path / "run", ASKED)
    run.write_result("x", result(source=source))
    assert [one.source for one in store.results(tmp_path / "run")] == [source]


def test_an_existing_run_is_refused(tmp_path):
    store.create(tmp_path / "run", ASKED)
    with pytest.raises(UsageError) as caught:
        store.create(tmp_path / "run", ASKED)
    remedy = "add --resume to go on with it, or choose another --out"
    assert str(caught.value) == f"{tmp_path}/run: this folder holds a run already\n  next: {remedy}"


def test_a_folder_with_other_files_and_a_file_are_refused(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(UsageError, match="not a run and not empty"):
        store.create(tmp_path, ASKED)
    with pytest.raises(UsageError, match="a file stands where"):
        store.create(tmp_path / "notes", ASKED)
    with pytest.raises(UsageError, match="cannot write to the run folder"):
        store.create(tmp_path / "notes" / "run", ASKED)


def test_an_empty_folder_becomes_a_run(tmp_path):
    store.create(tmp_path, ASKED).finish()
    assert store.manifest(tmp_path).state is Progress.FINISHED


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(UsageError, match="this is not a run folder"):
        list(store.results(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda node: node.pop("sha256"), "a Result lacks its 'sha256'"),
        (lambda node: node["records"][0].pop("leaves"), "a Record lacks its 'leaves'"),
        (lambda node: node["records"][0].update(index="0"), "expected int, found '0'"),
        (lambda node: node["records"][0].update(index=True), "expected int, found 'True'"),
        (lambda node: node["records"][0]["leaves"]["/name"].update(flag="perhaps"), "'perhaps' is not a valid Flag"),
        (lambda node: node["records"][0]["leaves"]["/money/total"]["quantity"].update(ulp="1"), "expected a fraction n/d, found '1'"),
        (lambda node: node["records"][0]["leaves"]["/money/total"]["quantity"].update(ulp="1/0"), "Fraction(1, 0)"),
        (lambda node: node["records"][0].update(rows=[]), "expected an object, found '[]'"),
        (lambda node: node.update(records={}), "expected a list, found '{}'"),
        (lambda node: node.update(records=[3]), "expected a Record, found '3'"),
    ],
)
def test_a_damaged_document_is_named_with_what_is_wrong(tmp_path, damage, words):
    file = store.create(tmp_path / "run", ASKED).write_result("x", result())
    node = json.loads(file.read_text("utf-8"))
    damage(node)
    file.write_text(json.dumps(node))
    with pytest.raises(InputError) as caught:
        list(store.results(tmp_path / "run"))
    assert caught.value.where == str(file)
    assert caught.value.what == f"damaged run file: {words}"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{", b"[" * 100_000])
def test_a_broken_file_is_an_input_error(tmp_path, content):
    run = store.create(tmp_path / "run", ASKED)
    file = run.write_result("x", result())
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged run file"):
        list(store.results(tmp_path / "run"))
    (tmp_path / "run" / "run.json").write_bytes(content)
    with pytest.raises(InputError, match="damaged run file"):
        store.manifest(tmp_path / "run")


def test_a_run_of_a_newer_tool_is_refused(tmp_path):
    store.create(tmp_path / "run", ASKED)
    (tmp_path / "run" / "run.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="written by a newer structurer"):
        store.manifest(tmp_path / "run")


def test_a_damaged_schema_of_a_run_is_named(tmp_path):
    store.create(tmp_path / "run", ASKED)
    (tmp_path / "run" / "schemas" / f"order-{ORDER.digest[:8]}.json").write_text("[]")
    with pytest.raises(SchemaError, match="a schema is a JSON object"):
        store.schemas(tmp_path / "run")


def test_a_file_whose_writing_fails_stays_as_it_was(tmp_path):
    file = tmp_path / "a.txt"
    atomic.write_text(file, "old")
    with suppress(ZeroDivisionError), atomic.writing(file) as half:
        half.write(f"new{1 / 0}")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_folder_whose_filling_fails_is_not_there(tmp_path):
    with suppress(ZeroDivisionError), atomic.filling(tmp_path / "folder") as half:
        (half / "a").write_text("x")
        (half / "b").write_text(f"{1 / 0}")
    assert list(tmp_path.iterdir()) == []


def test_fractions_are_kept_exact():
    quantity = Quantity(Fraction(1, 3), Fraction(0), "⅓")
    assert serial.to_json(quantity) == {"value": "1/3", "ulp": "0/1", "text": "⅓"}
    assert serial.from_json(Quantity, serial.to_json(quantity)) == quantity


def test_what_is_empty_by_default_is_left_out_and_comes_back():
    blank = value(None)
    assert serial.to_json(blank) == {"text": None, "value": None, "match": "none", "score": 1.0, "flag": "accept"}
    assert serial.from_json(Value, serial.to_json(blank)) == blank
    assert serial.to_json(value("x", score=0.0))["score"] == 0.0
    assert len(DIGEST) == 64
    assert order().leaves["/name"].match is Match.EXACT
