"""The truth about a run: every document in one state, every result exactly once, whoever works on it, in either database."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import postgres_server
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from made import ORDER, order, result, value

from structurer import atomic, serial
from structurer.arithmetic.checks import Level, Quantity
from structurer.arithmetic.checks import Outcome as Checking
from structurer.asking.llm import Reply, Usage
from structurer.document import Box, Span
from structurer.endpoints.book import Book
from structurer.errors import InputError, SchemaError, StructurerError, UsageError
from structurer.judging.across import Across, Failed, Unpaired
from structurer.judging.convention import Convention, Outlier
from structurer.record import Checked, Correction, Flag, Match, Record, Result, Review, Unclaimed, Unplaced, Value, Verdict
from structurer.store import postgres, sqlite
from structurer.store.database import MIGRATIONS, migrate
from structurer.store.finishing import basis_of, finished
from structurer.store.runs import FINISHED, UNDONE, Basis, Flagged, LeftAside, Located, Manifest, Outcome, Progress, State, Used
from structurer.store.store import LEASE_S, LOSSES, TRIES, Store
from structurer.store.storeview import RESULTS_AT_ONCE

BASIS = basis_of("plan", (ORDER,))
MANIFEST = Manifest("structurer 0", ("structure", "x"), "built-in reader", "now", (Used("order", "采购单", ORDER.digest),), prompt="abc")

# -- what is kept, as JSON ------------------------------------------------------------------------------------------------

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
outcomes = st.builds(Checking, st.sampled_from(Level), texts, texts, texts, texts, some_texts, some_texts, texts)
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
def test_a_result_comes_back_from_json_and_packed_as_it_went(made):
    text = serial.dump(serial.to_json(made))
    assert serial.from_json(Result, json.loads(text.encode())) == made
    assert serial.unpacked(Result, serial.packed(made)) == made


@given(st.recursive(st.none() | st.booleans() | texts | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_a_line_is_one_line_to_every_reader_and_the_same_json(node):
    text = serial.line(node)
    assert len(text.splitlines()) == 1
    assert json.loads(text.encode()) == node


def test_fractions_are_kept_exact():
    quantity = Quantity(Fraction(1, 3), Fraction(0), "⅓")
    assert serial.to_json(quantity) == {"value": "1/3", "ulp": "0/1", "text": "⅓"}
    assert serial.from_json(Quantity, serial.to_json(quantity)) == quantity


def test_what_is_empty_by_default_is_left_out_and_comes_back():
    blank = value(None)
    assert serial.to_json(blank) == {"text": None, "value": None, "match": "none", "score": 1.0, "flag": "accept"}
    assert serial.from_json(Value, serial.to_json(blank)) == blank
    assert serial.to_json(value("x", score=0.0))["score"] == 0.0
    assert order().leaves["/name"].match is Match.EXACT


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


# -- a store in both databases --------------------------------------------------------------------------------------------


class Desk:
    """A run in one of the databases; `database` is for looking behind the store, `another` opens it once more to be written to."""

    def __init__(self, write, read):
        self._write, self._read = write, read
        self.database = write()
        self.store = Store(self.database)
        self._opened = [self.store]

    def another(self):
        self._opened.append(Store(self._write()))
        return self._opened[-1]

    def reader(self):
        self._opened.append(Store(self._read()))
        return self._opened[-1]

    def close(self):
        for store in self._opened:
            store.close()

    def rows(self, sql, *parameters):
        return self.database.rows(sql, parameters)

    def silence(self, worker, seconds=LEASE_S + 1):
        """The worker was heard of so much earlier."""
        self.database.change("UPDATE workers SET heard = heard - ? WHERE id = ?", (seconds, worker))

    def states(self):
        return {one.names: one.state for one in self.store.came()}


def in_sqlite(folder):
    return Desk(lambda: sqlite.written(folder), lambda: sqlite.read(folder))


def in_postgresql():
    address, run = postgres_server.address(), postgres_server.new_run()
    return Desk(lambda: postgres.written(address, run), lambda: postgres.read(address, run))


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request, tmp_path):
    made = in_sqlite(tmp_path) if request.param == "sqlite" else in_postgresql()
    yield made
    made.close()


@pytest.fixture
def shared():
    made = in_postgresql()
    yield made
    made.close()


def located(name, content=None, path=None):
    """A document; its content is its digest."""
    return Located(name, name.rpartition("/")[2], path or f"/in/{name}", content or f"sha-{name}", 7)


def filled(desk, *names):
    """A worker of a run with these documents, and its leases of them."""
    desk.store.add([located(name) for name in names])
    worker = desk.store.enrol("w")
    return worker, desk.store.lease(worker, len(names))


def came_of(made=None, basis=BASIS):
    return finished(made or result(), (ORDER,), basis)


def kept(desk, document):
    return [bytes(body) for (body,) in desk.rows("SELECT body FROM results WHERE document = ?", document)]


# -- documents and names


def test_documents_are_joined_by_their_content_and_all_names_are_kept(desk):
    desk.store.add([located("b.txt", "1"), located("a.txt", "1"), located("c.txt", "2")])
    desk.store.add([located("d/a.txt", "1"), located("c.txt", "2")])
    assert [one.names for one in desk.store.came()] == [("a.txt", "b.txt", "d/a.txt"), ("c.txt",)]
    assert desk.store.counts() == {"waiting": 2}


def test_a_document_is_read_where_it_was_found_first_and_where_it_went_the_next_time(desk):
    desk.store.add([located("old/a.txt", "1", "/in/old/a.txt"), located("twin/b.txt", "1", "/in/twin/b.txt")], 1)
    desk.store.add([located("twin/c.txt", "1", "/in/twin/c.txt")], 1)
    (lease,) = desk.store.lease(worker := desk.store.enrol("w"), 5)
    assert (lease.path, lease.source, lease.sha256) == ("/in/old/a.txt", "a.txt", "1")
    desk.store.leave(worker)
    desk.store.add([located("new/d.txt", "1", "/in/new/d.txt")], 2)
    (lease,) = desk.store.lease(desk.store.enrol("w"), 5)
    assert (lease.path, lease.source) == ("/in/new/d.txt", "d.txt")


def test_names_at_and_below_the_roots_that_were_not_seen_again_are_no_more_and_others_stay(desk):
    found = [located(f"/{name}", name) for name in ("in/a.txt", "in/sub/b.txt", "inside.txt", "in!c.txt", "x.zip!d.txt")]
    desk.store.add(found, 1)
    desk.store.set_aside([LeftAside("/in/e.mov", State.SKIPPED, "video"), LeftAside("/f.mov", State.SKIPPED, "video")], 1)
    desk.store.add(found[:1], 2)
    desk.store.settle_names(2, ("/in", "/x.zip"))
    assert [(one.names, one.state) for one in desk.store.came() if one.state is not State.GONE] == [
        (("/in/a.txt",), State.WAITING), (("/inside.txt",), State.WAITING), (("/f.mov",), State.SKIPPED),
    ]  # fmt: skip
    assert desk.store.counts()["gone"] == 3


def test_a_file_that_is_left_aside_is_no_document_any_more(desk):
    desk.store.add([located("a.txt", "1"), located("b.txt", "1"), located("c.txt", "2")], 1)
    desk.store.set_aside([LeftAside("b.txt", State.SKIPPED, "a pattern excludes it"), LeftAside("c.txt", State.SKIPPED, "likewise")], 2)
    assert [(one.names, one.state) for one in desk.store.came((State.WAITING,))] == [(("a.txt",), State.WAITING)]
    assert desk.store.counts() == {"waiting": 1, "gone": 1, "skipped": 2}


def test_what_a_worker_may_find_again_or_not_is_leased_once_it_has(desk):
    desk.store.add([located("a.txt", "1"), located("b.txt", "2")], 1)
    desk.store.add([located("b.txt", "2")], 2)
    worker = desk.store.enrol("w")
    assert [lease.source for lease in desk.store.lease(worker, 5, seen=2)] == ["b.txt"]
    assert [lease.source for lease in desk.store.lease(worker, 5)] == ["a.txt"]


def test_a_document_with_which_many_workers_were_lost_is_quarantined(desk):
    desk.store.add([located("a.txt", "1")])
    for _ in range(LOSSES):
        assert desk.store.lease(desk.store.enrol("w"), 1)
    assert desk.store.lease(desk.store.enrol("w"), 1) == []
    (came,) = desk.store.came()
    assert (came.state, came.reason) == (State.QUARANTINED, f"{LOSSES} workers were lost while they had it in hand")


@pytest.mark.parametrize("name", ["\udce4.txt", "a\0b", "a\nb\r", "\u2028", "好" * 2000, "'; DROP TABLE names; --", "?%s", " ", "a\\x00"])
def test_any_name_is_kept_and_its_path_leads_to_the_same_file(desk, name):
    desk.store.add([located("before"), located(name, "x"), located("after")])
    leases = {one.sha256: one for one in desk.store.lease(desk.store.enrol(name), 5)}
    assert leases["x"].path == f"/in/{name}"
    assert len(desk.states()) == 3
    assert desk.store.finish(1, leases["x"].document, Outcome(State.UNREADABLE, name, name))
    desk.store.set_aside([LeftAside(f"{name}.doc", State.SKIPPED, name)])
    assert [one.state for one in desk.store.came((State.UNREADABLE, State.SKIPPED))] == [State.UNREADABLE, State.SKIPPED]


def test_two_names_that_look_alike_when_escaped_are_two(desk):
    desk.store.add([located("\udce4.txt", "1"), located("\\udce4.txt", "2")])
    desk.store.settle_names()
    assert desk.store.counts() == {"waiting": 2}


def test_a_name_that_leads_to_other_content_leaves_the_document_before_it_replaced(desk):
    worker, (first, second) = filled(desk, "a.txt", "b.txt")
    assert desk.store.finish(worker, first.document, came_of())
    assert desk.store.finish(worker, second.document, came_of())
    desk.store.add([located("a.txt", "new")])
    desk.store.settle_names()
    assert desk.store.counts() == {"gone": 1, "done" if came_of().state is State.DONE else "needs review": 1, "waiting": 1}
    assert len(list(desk.store.results())) == 1
    desk.store.add([located("a.txt", "sha-a.txt")])  # as it was
    desk.store.settle_names()
    assert desk.store.counts()["gone"] == 1
    assert {one.sha256 for one in desk.store.lease(worker, 9)} == {"sha-a.txt"}


def test_a_document_in_work_is_not_replaced_under_its_worker(desk):
    filled(desk, "a.txt")
    desk.store.add([located("a.txt", "new")])
    desk.store.settle_names()
    assert desk.store.counts() == {"in work": 1, "waiting": 1}


def test_what_was_left_aside_is_no_more_once_it_is_a_document(desk):
    desk.store.set_aside([LeftAside("a.txt", State.UNREADABLE, "locked"), LeftAside("b.doc", State.SKIPPED, "odd")])
    desk.store.set_aside([LeftAside("b.doc", State.SKIPPED, "of another kind")])
    desk.store.add([located("a.txt")])
    assert desk.states() == {("a.txt",): State.WAITING, ("b.doc",): State.SKIPPED}
    assert [one.reason for one in desk.store.came((State.SKIPPED,))] == ["of another kind"]


# -- leases


def test_a_lease_gives_the_next_documents_in_the_order_in_which_they_were_found_and_each_once(desk):
    desk.store.add([located(f"{number}.txt") for number in (3, 1, 2)])
    one, other = desk.store.enrol("one"), desk.store.enrol("other")
    assert [lease.source for lease in desk.store.lease(one, 2)] == ["3.txt", "1.txt"]
    assert [lease.source for lease in desk.store.lease(other, 2)] == ["2.txt"]
    assert desk.store.lease(one, 2) == []


def test_two_workers_that_lease_at_once_never_get_the_same_document(shared):
    shared.store.add([located(f"{number:04}.txt") for number in range(300)])
    begun, got = threading.Barrier(3), {}

    def work(store):
        worker = store.enrol(f"w{threading.get_ident()}")
        begun.wait()
        got[worker] = []
        while leases := store.lease(worker, 7):
            with store.transaction():
                got[worker] += [lease.document for lease in leases if store.finish(worker, lease.document, Outcome(State.FAILED, "x"))]

    threads = [threading.Thread(target=work, args=(shared.another(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [document for documents in got.values() for document in documents]
    assert (len(done), len(set(done)), len(got)) == (300, 300, 3)
    assert shared.store.counts() == {"failed": 300}


def test_a_lease_passes_over_documents_that_another_is_about_to_lease(shared):
    shared.store.add([located("a.txt"), located("b.txt")])
    other = shared.another()
    one, two = shared.store.enrol("1"), other.enrol("2")
    with shared.store.transaction():
        (mine,) = shared.store.lease(one, 1)
        (theirs,) = other.lease(two, 5)  # does not wait
    assert (mine.source, theirs.source) == ("a.txt", "b.txt")


def test_a_worker_that_is_not_heard_of_loses_its_documents_and_its_late_report_counts_nothing(shared):
    slow, (lease,) = filled(shared, "a.txt")
    shared.silence(slow)
    other = shared.another()
    quick = other.enrol("quick")  # who comes looks for what is free
    (again,) = other.lease(quick, 1)
    assert again.document == lease.document
    before = shared.rows("SELECT * FROM documents")
    assert not shared.store.finish(slow, lease.document, came_of())
    assert shared.store.lost_with(slow, lease.document, "late") is None
    assert (shared.rows("SELECT * FROM documents"), kept(shared, lease.document)) == (before, [])
    assert shared.rows("SELECT * FROM reviews") == []
    assert other.finish(quick, again.document, came_of())
    assert not shared.store.finish(slow, lease.document, Outcome(State.FAILED, "late"))
    assert shared.store.counts() == {"needs review": 1}


def test_a_worker_that_is_heard_of_keeps_its_documents(shared):
    worker, _ = filled(shared, "a.txt")
    shared.silence(worker, LEASE_S - 5)
    assert shared.store.free_lost() == 0
    shared.store.heard_of(worker)
    shared.silence(worker, LEASE_S - 5)
    assert shared.store.free_lost() == 0
    shared.silence(worker, 10)
    assert (shared.store.free_lost(), shared.store.counts()) == (1, {"waiting": 1})


def test_where_only_one_may_be_at_work_the_next_has_the_documents_of_the_one_before_at_once(tmp_path):
    desk = in_sqlite(tmp_path)
    filled(desk, "a.txt")
    desk.close()  # killed, as far as the file tells
    desk = in_sqlite(tmp_path)
    assert desk.store.counts() == {"in work": 1}
    worker = desk.store.enrol("next")
    assert [lease.source for lease in desk.store.lease(worker, 5)] == ["a.txt"]
    desk.close()


def test_a_worker_that_leaves_or_gives_back_leaves_its_documents_waiting(desk):
    worker, leases = filled(desk, "a.txt", "b.txt", "c.txt")
    assert desk.store.finish(worker, leases[0].document, came_of())
    desk.store.give_back(worker, [leases[1].document, leases[0].document])
    assert desk.store.counts() == {"needs review": 1, "waiting": 1, "in work": 1}
    desk.store.leave(worker)
    assert desk.store.counts() == {"needs review": 1, "waiting": 2}
    assert desk.store.lost_with(worker, leases[2].document, "late") is None


def test_names_too_long_for_an_index_stay_apart(desk):
    long = "長" * 990
    desk.store.add([located(f"{long}1.txt"), located(f"{long}2.txt")])
    names = [name for (name,) in desk.rows("SELECT name FROM names")]
    assert len(set(names)) == 2
    assert all(name.startswith("長" * 600) and len(name.encode()) < 2_100 for name in names)


def test_a_document_with_which_workers_are_lost_is_tried_again_and_quarantined_at_the_third_time(desk):
    desk.store.add([located("a.txt")])
    worker = desk.store.enrol("w")
    for tries in range(TRIES):
        (lease,) = desk.store.lease(worker, 1)
        state = desk.store.lost_with(worker, lease.document, f"took too much memory\0 {tries}", "trace")
        assert state is (State.WAITING if tries < TRIES - 1 else State.QUARANTINED)
    assert desk.store.lease(worker, 1) == []
    (came,) = desk.store.came()
    assert (came.state, came.reason, came.trace) == (State.QUARANTINED, "took too much memory\\x00 2", "trace")
    assert desk.store.retry([State.QUARANTINED]) == 1
    (lease,) = desk.store.lease(worker, 1)
    assert desk.rows("SELECT tries FROM documents") == [(0,)]  # as new


def test_a_run_is_open_as_long_as_documents_wait_or_may_be_found_by_a_worker_that_lives(desk):
    finder = desk.store.enrol("finder")
    assert desk.store.is_open()
    desk.store.found_all(finder)
    assert not desk.store.is_open()
    desk.store.add([located("a.txt")])
    assert desk.store.is_open()
    (lease,) = desk.store.lease(finder, 1)
    assert desk.store.is_open()
    desk.store.finish(finder, lease.document, Outcome(State.FAILED, "x"))
    assert not desk.store.is_open()
    other = desk.store.enrol("other")
    assert desk.store.is_open()
    desk.silence(other)  # it will find nothing any more
    assert not desk.store.is_open()
    desk.store.heard_of(other)
    assert desk.store.is_open()
    desk.store.leave(other)
    assert not desk.store.is_open()


def test_a_wish_that_all_workers_end_is_heard_by_all_and_taken_back(desk):
    assert not desk.store.is_to_end()
    desk.store.ask_to_end(True)
    assert desk.reader().is_to_end()
    desk.store.ask_to_end(False)
    assert not desk.store.is_to_end()


def test_a_worker_that_begins_again_under_its_name_has_what_it_had_before_and_others_keep_theirs(shared):
    shared.store.add([located(name) for name in "abc"])
    old, other = shared.store.enrol("one"), shared.store.enrol("other")
    (mine,), (theirs,) = shared.store.lease(old, 1), shared.store.lease(other, 1)
    new = shared.store.enrol("one")
    assert shared.store.counts() == {"waiting": 2, "in work": 1}
    assert not shared.store.finish(old, mine.document, Outcome(State.FAILED, "late"))
    assert shared.store.finish(other, theirs.document, Outcome(State.FAILED, "x"))
    assert [lease.source for lease in shared.store.lease(new, 9)] == ["a", "c"]


# -- results


def test_a_document_is_finished_once(desk):
    worker, (lease,) = filled(desk, "a.txt")
    first, second = came_of(), replace(came_of(), body=b"other", records=9)
    assert desk.store.finish(worker, lease.document, first)
    assert not desk.store.finish(worker, lease.document, second)
    assert not desk.store.finish(worker, lease.document + 1, second)
    assert kept(desk, lease.document) == [first.body]
    assert [one.records for one in desk.store.came()] == [1]


def test_what_is_reported_in_a_transaction_that_fails_is_not_written(desk):
    worker, (lease,) = filled(desk, "a.txt")
    with suppress(ZeroDivisionError), desk.store.transaction():
        desk.store.finish(worker, lease.document, came_of())
        raise ZeroDivisionError
    assert (desk.store.counts(), kept(desk, lease.document), desk.rows("SELECT * FROM reviews")) == ({"in work": 1}, [], [])
    assert desk.store.finish(worker, lease.document, came_of())


def test_all_that_came_of_a_document_is_kept(desk):
    worker, (lease,) = filled(desk, "a.txt")
    outcome = replace(came_of(), spent={"calls": 2}, seconds=1.5, reason="看", trace="t")
    assert desk.store.finish(worker, lease.document, outcome)
    (came,) = desk.store.came()
    assert (came.names, came.state, came.reason, came.trace, came.spent) == (("a.txt",), State.NEEDS_REVIEW, "看", "t", {"calls": 2})
    assert (came.records, came.held, came.failed, came.flagged) == (1, 0, 1, 2)
    assert desk.store.sums() == (1, 0, 1, 2)
    assert list(desk.store.results()) == [result(source="a.txt")]  # its present name
    assert list(desk.store.learnt()) == [outcome.learnt]
    (figures,) = desk.store.figures()
    assert figures == outcome.figures
    assert list(desk.store.took()) == [("a.txt", 1.5)]
    assert list(desk.store.flagged()) == [("a.txt", one) for one in sorted(outcome.flagged, key=lambda one: one.pointer)]


def test_results_stream_in_the_order_in_which_documents_were_found(desk):
    count = 2 * RESULTS_AT_ONCE + 1
    worker, leases = filled(desk, *(f"{number:04}.txt" for number in range(count)))
    for lease in reversed(leases):
        assert desk.store.finish(worker, lease.document, came_of(result(source=lease.source)))
    assert [one.source for one in desk.store.results()] == [f"{number:04}.txt" for number in range(count)]
    assert len(list(desk.store.learnt())) == len(list(desk.store.figures())) == count
    assert next(desk.store.results()).source == "0000.txt"
    assert [one.names[0] for one in desk.store.came(most=3)] == ["0000.txt", "0001.txt", "0002.txt"]


def test_flagged_places_stream_in_the_order_of_their_documents_and_only_those_of_results_that_stand(desk):
    worker, leases = filled(desk, "b.txt", "a.txt", "c.txt")
    places = tuple(Flagged(record, "order", f"/lines/{row}", ("odd",)) for record in range(7) for row in range(100))
    for lease in reversed(leases):
        assert desk.store.finish(worker, lease.document, Outcome(State.NEEDS_REVIEW, body=b"x", flagged=places[::-1]))
    found = list(desk.store.flagged())
    assert [source for source, _ in found] == ["b.txt"] * 700 + ["a.txt"] * 700 + ["c.txt"] * 700
    assert {one for source, one in found if source == "a.txt"} == set(places)
    desk.store.add([located("c.txt", "new")])
    desk.store.settle_names()
    assert {source for source, _ in desk.store.flagged()} == {"a.txt", "b.txt"}


def test_documents_and_files_are_listed_as_many_as_are_asked_for(desk):
    worker, leases = filled(desk, "a.txt", "b.txt", "c.txt")
    desk.store.finish(worker, leases[1].document, Outcome(State.REFUSED, "no"))
    desk.store.set_aside([LeftAside(f"{name}.doc", State.SKIPPED, "kind") for name in "zyx"])
    assert [one.names[0] for one in desk.store.came()] == ["a.txt", "b.txt", "c.txt", "x.doc", "y.doc", "z.doc"]
    assert [one.names[0] for one in desk.store.came(most=4)] == ["a.txt", "b.txt", "c.txt", "x.doc"]
    assert [one.names[0] for one in desk.store.came(most=0)] == []
    assert [one.names[0] for one in desk.store.came((State.REFUSED, State.SKIPPED), 2)] == ["b.txt", "x.doc"]
    assert [one.names[0] for one in desk.store.came((State.REFUSED,))] == ["b.txt"]


def test_only_documents_that_hold_a_result_count_in_sums(desk):
    worker, leases = filled(desk, "a.txt", "b.txt", "c.txt")
    assert (desk.store.sums(), desk.store.is_empty(), desk.store.has_results()) == ((0, 0, 0, 0), False, False)
    desk.store.finish(worker, leases[0].document, came_of())
    desk.store.finish(worker, leases[1].document, Outcome(State.FAILED, "a bug", "Traceback", records=5))
    desk.store.finish(worker, leases[2].document, Outcome(State.FAILED, "no answer"))
    assert desk.store.sums()[0] == 1
    assert (desk.store.bugs(), desk.store.has_results()) == (1, True)
    desk.store.retry([State.FAILED])
    assert (desk.store.bugs(), desk.store.counts()) == (0, {"needs review": 1, "waiting": 2})


def test_a_new_store_is_empty(desk):
    assert (desk.store.is_empty(), desk.store.has_results(), desk.store.counts(), list(desk.store.came())) == (True, False, {}, [])
    assert (desk.store.manifest(), desk.store.schemas(), desk.store.sums(), list(desk.store.results())) == (None, {}, (0, 0, 0, 0), [])
    assert desk.store.lease(desk.store.enrol("w"), 5) == []


def test_what_calls_took_is_the_sum_over_all_workers_each_counted_once(desk):
    books = [Book(), Book()]
    for number, book in enumerate(books, 1):
        worker = desk.store.enrol(f"w{number}")
        for _ in range(number):
            book.add("m", Reply("x", "m", usage=Usage(10, 5)), None)
            desk.store.heard_of(worker, book.as_dict())
        desk.store.heard_of(worker)
    assert (desk.store.spent().total.calls, desk.store.spent().total.prompt_tokens) == (3, 30)


# -- done anew


def done_on(desk, *bases):
    """A finished document for each basis."""
    worker, leases = filled(desk, *(f"{number}.txt" for number in range(len(bases))))
    for lease, basis in zip(leases, bases, strict=True):
        assert desk.store.finish(worker, lease.document, replace(came_of(), basis=basis))
    return worker


def test_exactly_the_documents_wait_again_whose_basis_has_fallen(desk):
    now = Basis("plan", "forms", {"order": "1", "bill": "2"})
    bases = [
        Basis("plan", "forms", {"order": "1"}),
        Basis("plan", "forms", {}),  # no form was found
        Basis("plan", "forms", {"order": "0"}),  # its schema has changed
        Basis("plan", "other", {"order": "1"}),  # forms may begin elsewhere
        Basis("other", "forms", {"order": "1"}),
        Basis("plan", "forms", {"order": "1", "bill": "2"}),
        Basis("plan", "forms", {"gone": "1"}),
        Basis("plan", "forms", {"order": "0"}),
    ]
    done_on(desk, *bases)
    assert desk.store.redo(now) == 5
    waiting = {one.names[0] for one in desk.store.came((State.WAITING,))}
    assert waiting == {"2.txt", "3.txt", "4.txt", "6.txt", "7.txt"}
    assert len(list(desk.store.results())) == 3
    assert desk.store.redo(now) == 5  # until they are done anew
    assert desk.store.sums()[0] == 3


def test_a_result_that_is_done_anew_takes_the_place_of_the_one_before(desk):
    worker = done_on(desk, Basis("old", "forms"))
    desk.store.redo(BASIS)
    (lease,) = desk.store.lease(worker, 1)
    assert desk.store.finish(worker, lease.document, came_of(result(order(name=value("新")))))
    assert [one.records[0].leaves.keys() >= {"name"} for one in desk.store.results()] == [True]
    assert desk.store.redo(BASIS) == 0
    desk.store.redo(Basis("other", "forms"))
    (lease,) = desk.store.lease(worker, 1)
    assert desk.store.finish(worker, lease.document, Outcome(State.FAILED, "down"))
    assert (kept(desk, lease.document), desk.rows("SELECT * FROM reviews"), desk.store.has_results()) == ([], [], False)


def test_a_document_in_work_is_not_made_to_wait(desk):
    worker = done_on(desk, Basis("old", "forms"))
    desk.store.redo(BASIS)
    desk.store.lease(worker, 1)
    assert (desk.store.redo(BASIS), desk.store.retry(tuple(State)), desk.store.counts()) == (0, 0, {"in work": 1})


def test_a_document_that_was_replaced_is_not_done_anew(desk):
    done_on(desk, Basis("old", "forms"))
    desk.store.add([located("0.txt", "new")])
    desk.store.settle_names()
    assert desk.store.redo(BASIS) == 0
    assert desk.store.counts() == {"gone": 1, "waiting": 1}


def test_what_could_not_be_done_waits_again_where_a_person_says_so(desk):
    states = [*sorted(UNDONE), State.DONE, State.NEEDS_REVIEW]
    worker, leases = filled(desk, *states)
    for lease, state in zip(leases, states, strict=True):
        desk.store.finish(worker, lease.document, Outcome(state, "why", "trace"))
    assert desk.store.retry([State.FAILED, State.REFUSED]) == 2
    assert desk.states() == {(state,): State.WAITING if state in (State.FAILED, State.REFUSED) else state for state in states}
    assert {(one.reason, one.trace) for one in desk.store.came((State.WAITING,))} == {("", "")}
    assert desk.store.retry([State.FAILED]) == 0
    assert desk.store.retry(UNDONE) == 2


# -- the run


@given(st.lists(texts, max_size=3).map(tuple), texts, conventions, acrosses)
@settings(max_examples=30)
def test_what_a_run_says_of_itself_survives_being_written(command, halted, learnt, across):
    made = replace(MANIFEST, command=command, halted=halted, conventions=learnt, across=across, counts={}, spent=None)
    store = in_memory()
    store.write_manifest(made)
    assert store.manifest() == made
    store.close()


def test_a_run_keeps_its_manifest_and_schemas_and_says_how_far_it_is(desk):
    odd = replace(ORDER, kind="../a/b\n")
    desk.store.write_schemas((ORDER, odd))
    desk.store.write_manifest(MANIFEST)
    desk.store.write_manifest(replace(MANIFEST, state=Progress.HALTED, halted="\0", counts={"done": 99}, spent={"x": 1}))
    worker, (lease, _) = filled(desk, "a.txt", "b.txt")
    book = Book()
    book.add("m", Reply("x", "m", usage=Usage(10, 5)), None)
    desk.store.heard_of(worker, book.as_dict())
    desk.store.finish(worker, lease.document, came_of())
    found = desk.store.manifest()
    assert (found.state, found.halted, found.prompt, found.schemas) == (Progress.HALTED, "\0", "abc", MANIFEST.schemas)
    assert (found.counts, found.spent["total"]["calls"]) == ({"needs review": 1, "in work": 1}, 1)
    assert {kind: (schema.source, schema.digest) for kind, schema in desk.store.schemas().items()} == dict.fromkeys(
        ("order", "../a/b\n"), (ORDER.source, ORDER.digest)
    )


def test_readers_see_a_growing_run_as_it_is_committed(desk):
    reader = desk.reader()
    assert reader.manifest() is None
    desk.store.write_manifest(MANIFEST)
    worker, leases = filled(desk, *(f"{number}.txt" for number in range(RESULTS_AT_ONCE + 2)))
    assert reader.manifest().state is Progress.RUNNING
    for lease in leases[:RESULTS_AT_ONCE]:
        desk.store.finish(worker, lease.document, came_of(result(source=lease.source)))
    reading = reader.results()
    assert next(reading).source == "0.txt"
    for lease in leases[RESULTS_AT_ONCE:]:  # while they are being read
        desk.store.finish(worker, lease.document, came_of(result(source=lease.source)))
    assert len(list(reading)) == RESULTS_AT_ONCE + 1
    with desk.store.transaction():
        desk.store.retry([State.NEEDS_REVIEW])
        assert reader.counts() == {"needs review": RESULTS_AT_ONCE + 2}
    assert reader.counts() == {"waiting": RESULTS_AT_ONCE + 2}


def test_a_reader_changes_nothing(tmp_path):
    desk = in_sqlite(tmp_path)
    reader = desk.reader()
    with pytest.raises(UsageError, match="cannot write to the run"):
        reader.write_manifest(MANIFEST)
    desk.close()


# -- versions


def test_a_store_that_a_newer_structurer_wrote_is_refused_and_left_alone(desk):
    desk.store.write_manifest(MANIFEST)
    desk.database.change("INSERT INTO migrations (number) VALUES (?)", (len(MIGRATIONS) + 1,))
    with pytest.raises(InputError, match="written by a newer structurer\n  next: update structurer"):
        desk.reader()
    desk.store.close()
    with pytest.raises(InputError, match="written by a newer structurer"):
        desk.another()


def test_tables_are_laid_out_once(desk):
    desk.store.add([located("a.txt")])
    with desk.database.transaction():
        pass
    migrate(desk.database)
    assert (desk.database.version(), desk.store.counts()) == (len(MIGRATIONS), {"waiting": 1})


def test_a_migration_that_fails_leaves_the_store_as_it_was(desk, monkeypatch):
    desk.store.add([located("a.txt")])
    monkeypatch.setattr("structurer.store.database.MIGRATIONS", (*MIGRATIONS, ("DELETE FROM documents", "ALTER TABLE nothing ADD x TEXT")))
    with suppress(Exception):
        migrate(desk.database)
    assert (desk.database.version(), desk.store.counts()) == (len(MIGRATIONS), {"waiting": 1})


def test_several_workers_may_lay_out_the_tables_at_the_same_moment():
    address, run, opened, errors = postgres_server.address(), postgres_server.new_run(), [], []

    def begin():
        try:
            opened.append(postgres.written(address, run))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in opened:
        database.close()
    assert (errors, len(opened)) == ([], 4)


# -- damage, and what is in the way


DAMAGES = [
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
]


@pytest.fixture
def holding(tmp_path):
    """A run in SQLite that holds a document."""
    desk = in_sqlite(tmp_path)
    desk.store.write_schemas((ORDER,))
    desk.store.write_manifest(MANIFEST)
    worker, (lease,) = filled(desk, "a.txt")
    desk.store.finish(worker, lease.document, came_of())
    yield desk
    desk.close()


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_a_damaged_document_is_named_with_what_is_wrong(holding, damage, words):
    node = serial.to_json(result())
    damage(node)
    holding.database.change("UPDATE results SET body = ?", (serial.zlib.compress(serial.line(node).encode()),))
    with pytest.raises(InputError) as caught:
        list(holding.store.results())
    assert caught.value.what == f"damaged run: {words}"
    assert caught.value.where == f"{holding.database.where}: document 1"


BROKEN = [b"", b"x", serial.packed(result())[:-9], serial.zlib.compress(b"[" * 100_000), serial.zlib.compress(b"{")]


@pytest.mark.parametrize("body", BROKEN)
def test_a_result_that_is_no_result_is_an_input_error(holding, body):
    holding.database.change("UPDATE results SET body = ?", (body,))
    with pytest.raises(InputError, match="damaged run"):
        list(holding.store.results())


DEEP = "[" * 100_000


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"tool": 1}', DEEP])
def test_a_manifest_that_is_none_is_an_input_error(holding, text):
    holding.database.change("UPDATE run SET value = ? WHERE name = 'manifest'", (text,))
    with pytest.raises(InputError, match="damaged run"):
        holding.store.manifest()


def test_a_damaged_schema_of_a_run_is_named(holding):
    holding.database.change("UPDATE run SET value = ? WHERE name = 'schemas'", ('{"order": []}',))
    with pytest.raises(SchemaError, match="a schema is a JSON object"):
        holding.store.schemas()


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_schemas_that_are_none_are_an_input_error(holding, text):
    holding.database.change("UPDATE run SET value = ? WHERE name = 'schemas'", (text,))
    with pytest.raises(InputError, match="damaged run"):
        holding.store.schemas()


@pytest.mark.parametrize("column", ["figures", "spent", "basis", "path"])
@pytest.mark.parametrize("text", ["{", "3"])
def test_what_is_kept_of_a_document_and_damaged_is_an_input_error(holding, column, text):
    holding.database.change(f"UPDATE documents SET {column} = ?, state = CASE ? WHEN 'path' THEN 'waiting' ELSE state END", (text, column))
    asked = {
        "figures": lambda store: list(store.figures()),
        "spent": lambda store: list(store.came()),
        "basis": lambda store: store.redo(BASIS),
        "path": lambda store: store.lease(1, 1),
    }
    with pytest.raises(InputError, match="damaged run"):
        asked[column](holding.store)


def test_a_damaged_ledger_is_an_input_error(holding):
    holding.database.change("UPDATE workers SET book = ?", ("{",))
    with pytest.raises(InputError, match="damaged run"):
        holding.store.spent()


def reading_all(folder):
    store = Store(sqlite.read(folder))
    try:
        return store.manifest(), store.counts(), list(store.came()), list(store.results()), store.sums(), store.schemas()
    finally:
        store.close()


@pytest.mark.parametrize("content", [b"{}", b"\0" * 5000, b"x" * 100_000, b"SQLite format 3\0" + b"\xff" * 5000])
@pytest.mark.parametrize("opening", [reading_all, sqlite.written])
def test_a_file_that_is_no_database_is_an_input_error(tmp_path, content, opening):
    (tmp_path / "run.db").write_bytes(content)
    with pytest.raises(InputError, match="damaged run"):
        opening(tmp_path)


def test_a_file_without_tables_is_no_run_yet_and_may_become_one(tmp_path):
    (tmp_path / "run.db").touch()
    with pytest.raises((InputError, UsageError)):
        reading_all(tmp_path)
    sqlite.written(tmp_path).close()
    assert reading_all(tmp_path)[0] is None


def made_large(folder):
    """A run of some pages, all of it in the file, and nothing beside it."""
    desk = in_sqlite(folder)
    desk.store.write_schemas((ORDER,))
    desk.store.write_manifest(MANIFEST)
    worker, leases = filled(desk, *(f"{number}.txt" for number in range(60)))
    for lease in leases:
        desk.store.finish(worker, lease.document, came_of())
    desk.close()
    return (folder / "run.db").read_bytes()


def test_a_file_that_is_cut_anywhere_is_an_input_error_or_what_is_left_of_it(tmp_path):
    whole, told = made_large(tmp_path), 0
    for part in range(1, 16):
        (tmp_path / "run.db").write_bytes(whole[: len(whole) * part // 16 // 512 * 512 + part % 3 * 100])
        with suppress(InputError):
            reading_all(tmp_path)
            told += 1
    assert told == 0


def test_a_file_with_garbage_in_it_is_an_input_error_or_read_all_the_same(tmp_path):
    whole = made_large(tmp_path)
    for place in range(100, len(whole), len(whole) // 40):
        (tmp_path / "run.db").write_bytes(whole[:place] + bytes(range(255, 0, -1)) * 4 + whole[place + 1020 :])
        with suppress(InputError, SchemaError):
            reading_all(tmp_path)


def test_a_second_writer_on_the_same_folder_is_refused_and_readers_are_not(tmp_path):
    desk = in_sqlite(tmp_path)
    with pytest.raises(UsageError, match=f"{tmp_path}: this run is being worked on\n  next: structurer status {tmp_path}, or wait for it"):
        sqlite.written(tmp_path)
    assert desk.reader().counts() == {}
    desk.close()
    sqlite.written(tmp_path).close()


def test_a_writer_in_another_process_is_in_the_way_until_it_is_killed(tmp_path):
    code = f"""if True:
        import time
        from pathlib import Path
        from structurer.store import sqlite
        database = sqlite.written(Path({str(tmp_path)!r}))
        print(flush=True)
        time.sleep(100)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UsageError, match="this run is being worked on"):
            sqlite.written(tmp_path)
        other.kill()
    sqlite.written(tmp_path).close()


def test_a_folder_that_cannot_be_written_to_is_a_usage_error(tmp_path):
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(UsageError, match="cannot write to the run"):
        sqlite.written(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="folders are not protected by modes there")
def test_a_run_on_media_that_cannot_be_written_to_is_read():
    with tempfile.TemporaryDirectory() as name:  # outside the folders of pytest, which others may not enter
        folder = Path(name)
        made_large(folder)
        assert [file.name for file in folder.iterdir() if file.name.endswith(("-wal", "-shm"))] == []
        folder.chmod(0o555)
        try:
            assert as_nobody(lambda: len(list(reading_all(folder)[3]))) == 60
        finally:
            folder.chmod(0o755)
        assert sorted(file.name for file in folder.iterdir()) == ["run.db", "run.lock"]


def as_nobody(ask):
    """A number that is found in a process without the rights of root, who may write anywhere."""
    child = os.fork()
    if not child:
        code = 255
        with suppress(BaseException):
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            code = ask()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(os.name == "nt", reason="folders are not protected by modes there")
def test_a_run_that_was_killed_and_cannot_be_written_to_is_said_to_be_so():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        desk = in_sqlite(folder)
        desk.store.write_manifest(MANIFEST)
        for file in ("run.db", "run.db-wal"):  # as a kill leaves them
            (folder / f"{file}-copy").write_bytes((folder / file).read_bytes())
        desk.close()
        for file in ("run.db", "run.db-wal"):
            (folder / f"{file}-copy").rename(folder / file)
        folder.chmod(0o555)
        try:
            assert as_nobody(lambda: is_told(lambda: reading_all(folder))) == 1
        finally:
            folder.chmod(0o755)
        assert reading_all(folder)[0] == replace(MANIFEST, counts={})


def is_told(ask):
    try:
        ask()
    except StructurerError:
        return 1
    return 2


def test_a_disk_that_is_full_is_a_usage_error_and_nothing_is_half_written(holding):
    holding.database.rows(f"PRAGMA max_page_count = {holding.rows('PRAGMA page_count')[0][0] + 1}")
    with pytest.raises(UsageError, match="cannot write to the run: database or disk is full"), holding.store.transaction():
        holding.store.add([located(f"{number}.txt") for number in range(5000)])
    assert holding.store.counts() == {"needs review": 1}
    holding.database.rows("PRAGMA max_page_count = 1000000")
    holding.store.add([located("b.txt")])
    assert holding.store.counts() == {"needs review": 1, "waiting": 1}


ODD = os.fsdecode(b"\xe4")


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
@pytest.mark.parametrize("name", ["a b", "a#b", "a?mode=memory", "50%25", "采购 '单'", "a&b=c", ODD])
def test_a_store_is_in_the_folder_that_is_named_whatever_its_name(tmp_path, name):
    (tmp_path / name).mkdir()
    made_large(tmp_path / name)
    assert (tmp_path / name / "run.db").stat().st_size > 10_000
    assert len(reading_all(tmp_path / name)[3]) == 60
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_server_that_cannot_be_reached_is_a_usage_error_without_the_password():
    with pytest.raises(UsageError, match="the store cannot be reached: ") as caught:
        postgres.read("postgresql://joe:geheim@127.0.0.1:1/none?sslmode=disable", "run_x")
    assert "geheim" not in str(caught.value)
    assert caught.value.where == "postgresql://joe@127.0.0.1:1/none?sslmode=disable"


def test_a_run_that_a_server_does_not_hold_is_named():
    with pytest.raises(UsageError, match="this database holds no run 'run_none'"):
        postgres.read(postgres_server.address(), "run_none")


def test_a_connection_that_is_lost_is_a_usage_error(shared):
    shared.another()  # to kill the first from
    (backend,) = shared.rows("SELECT pg_backend_pid()")[0]
    with pytest.raises(UsageError, match="cannot write to the run"):
        shared.rows("SELECT pg_terminate_backend(?)", backend)
    with pytest.raises(UsageError, match="cannot write to the run"):
        shared.store.counts()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://joe:geheim@host/db",
        "postgres://joe:geheim@host:1,other:2/db",
        "postgresql://:geheim@host/db",
        "postgresql://host/db?user=joe&password=geheim",
        "postgresql://host/db?password=geheim&user=joe",
        "postgresql://joe:ge/geheim@host/db",
        "postgresql://joe:ge@geheim@host/db",
        "host=h password=geheim",
        "postgresql://host/db?sslpassword=geheim",
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_password(address):
    assert "geheim" not in postgres.shown(address)


odd = st.text(alphabet="ab@:/?#%=.'[]", max_size=3)


@pytest.mark.parametrize("options", ["password=geheim&user=joe@corp", "password=a@geheim", "user=joe@corp&password=geheim:1@2"])
def test_no_password_is_shown_where_an_at_sign_stands_among_the_options(options):
    assert "geheim" not in postgres.shown(f"postgresql://host/db?{options}")


@given(odd, odd, st.sampled_from(["", "/db", "/db?sslmode=require", ":5432/db?user=x@y", "?host=/tmp/x"]))
def test_no_password_of_a_uri_is_shown_whatever_stands_in_it(before, after, rest):
    assert "geheim" not in postgres.shown(f"postgresql://joe:{before}geheim{after}@host{rest}")


@given(odd.map(lambda text: text.replace("@", "").replace("#", "")), st.sampled_from(["", "joe@", "joe:x@"]), st.booleans())
def test_no_password_among_the_options_of_a_uri_is_shown(before, user, is_first):
    options = [f"password={before}geheim", "sslmode=require"]
    assert "geheim" not in postgres.shown(f"postgres://{user}host/db?{'&'.join(options if is_first else options[::-1])}")


@given(st.lists(st.text(max_size=4) | st.sampled_from(["\udce4", "\\udce4", "\0", "\\x00", "a\0", "a\\x00"]), unique=True, max_size=9))
@settings(max_examples=50)
def test_names_are_as_many_in_the_store_as_on_the_disk(names):
    store = in_memory()
    store.add([located(name, f"sha {number}") for number, name in enumerate(names)])
    store.settle_names()
    assert store.counts() == ({"waiting": len(names)} if names else {})
    store.close()


# -- any order of events --------------------------------------------------------------------------------------------------


class Shared(sqlite.Sqlite):
    """SQLite as if several workers might share it: the rules of a shared store, without a server."""

    shared = True


def in_memory(kind=sqlite.Sqlite):
    database = kind(sqlite3.connect(":memory:", isolation_level=None), "memory")
    migrate(database)
    return Store(database)


class Life(RuleBasedStateMachine):
    """Workers come, lease, report, are lost, are silent, leave and come back; documents are found, change their names, are done anew."""

    workers, leased = Bundle("workers"), Bundle("leased")

    @initialize()
    def begin(self):
        self.store = in_memory(Shared)
        self.database = self.store._database
        self.came, self.ended, self.finished = 0, set(), {}

    @rule(name=st.sampled_from("abcd"), content=st.sampled_from("123456"))
    def found(self, name, content):
        self.store.add([located(name, content)])

    @rule()
    def all_found(self):
        self.store.settle_names()

    @rule(target=workers)
    def come(self):
        self.came += 1
        return self.store.enrol(f"w{self.came}")

    @rule(target=workers, number=st.integers(1, 3))
    def begin_again(self, number):
        """A worker that was restarted: the one of its name before is gone."""
        before = {worker for (worker,) in self.database.rows("SELECT id FROM workers WHERE name = ?", (f"again{number}",))}
        worker = self.store.enrol(f"again{number}")
        self.ended |= before
        return worker

    @rule(target=leased, worker=workers, count=st.integers(1, 3))
    def lease(self, worker, count):
        if worker in self.ended:
            return multiple()
        held = {document for (document,) in self.database.rows("SELECT id FROM documents WHERE state = 'in work'")}
        leases = self.store.lease(worker, count)
        assert not held & {lease.document for lease in leases}
        return multiple(*((worker, lease.document) for lease in leases))

    @rule(lease=leased, state=st.sampled_from([State.DONE, State.NEEDS_REVIEW, State.FAILED, State.UNREADABLE]), plan=st.sampled_from("pq"))
    def report(self, lease, state, plan):
        worker, document = lease
        body = os.urandom(8) if state in FINISHED else b""
        flagged = (Flagged(0, "order", "/name", ("odd",)),) if state is State.NEEDS_REVIEW else ()
        counted = self._is_held(worker, document)
        assert self.store.finish(worker, document, Outcome(state, body=body, flagged=flagged, basis=Basis(plan, ""))) is counted
        if counted:
            self.finished[document] = body

    @rule(lease=consumes(leased))
    def lose(self, lease):
        worker, document = lease
        counted = self._is_held(worker, document)
        assert (self.store.lost_with(worker, document, "killed") is not None) is counted

    @rule(lease=leased)
    def give_back(self, lease):
        self.store.give_back(lease[0], [lease[1]])
        assert not self._is_held(*lease)

    @rule(worker=workers)
    def leave(self, worker):
        self.store.leave(worker)
        self.ended.add(worker)

    @rule(worker=workers)
    def fall_silent(self, worker):
        self.database.change("UPDATE workers SET heard = heard - 100 WHERE id = ?", (worker,))
        self.store.free_lost()
        assert not self.database.rows("SELECT 1 FROM documents WHERE worker = ?", (worker,))

    @rule(worker=workers)
    def speak_again(self, worker):
        self.store.heard_of(worker)
        self.ended.discard(worker)

    @rule(plan=st.sampled_from("pq"))
    def update(self, plan):
        self.store.redo(Basis(plan, ""))

    @rule(states=st.sets(st.sampled_from(sorted(UNDONE))))
    def retry(self, states):
        self.store.retry(states)

    def _is_held(self, worker, document):
        return bool(self.database.rows("SELECT 1 FROM documents WHERE id = ? AND worker = ? AND state = 'in work'", (document, worker)))

    @invariant()
    def every_document_is_in_one_state_and_only_work_has_a_worker(self):
        for state, worker in self.database.rows("SELECT state, worker FROM documents"):
            assert state in set(State)
            assert (worker is not None) is (state == State.IN_WORK)

    @invariant()
    def nothing_is_in_work_for_a_worker_that_has_ended(self):
        assert not self.database.rows(
            "SELECT 1 FROM documents JOIN workers ON workers.id = documents.worker WHERE documents.state = 'in work' AND workers.ended = 1"
        )

    @invariant()
    def a_finished_document_has_exactly_the_result_that_was_reported_last(self):
        for document, state in self.database.rows("SELECT id, state FROM documents"):
            bodies = [body for (body,) in self.database.rows("SELECT body FROM results WHERE document = ?", (document,))]
            assert bodies == [body for body in (self.finished.get(document, b""),) if body]
            assert len(bodies) == 1 or state not in FINISHED
        standing = self.database.rows("SELECT id FROM documents WHERE state IN ('done', 'needs review') ORDER BY id")
        assert [body for _, body, _ in self.store._bodies("body")] == [self.finished[document] for (document,) in standing]

    @invariant()
    def counts_are_of_all_documents_and_every_name_leads_to_one(self):
        assert sum(self.store.counts().values()) == self.database.rows("SELECT COUNT(*) FROM documents")[0][0]
        assert not self.database.rows("SELECT 1 FROM names LEFT JOIN documents ON documents.id = names.document WHERE documents.id IS NULL")

    def teardown(self):
        self.store.close()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
