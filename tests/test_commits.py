"""Many write to one store: who asks is answered when it is durable, and a change that fails takes no other with it."""

import asyncio
import sqlite3
import threading

import postgres_server
import pytest

from structurer.store import postgres, sqlite
from structurer.store.commits import TOGETHER, Commits
from structurer.store.runs import LeftAside, Located, State
from structurer.store.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store(sqlite.written(tmp_path))
    yield made
    made.close()


@pytest.fixture
def commits(store):
    made = Commits(store)
    yield made
    made.close()


def aside(name):
    return lambda store: store.set_aside([LeftAside(name, State.SKIPPED, "kind")])


def names(folder):
    reader = Store(sqlite.read(folder))
    found = [one.names[0] for one in reader.came()]
    reader.close()
    return found


def held(commits):
    """Keeps the thread at a change until the event is set, so that what is asked for meanwhile waits together."""
    begun, event = threading.Event(), threading.Event()

    def wait(_):
        begun.set()
        event.wait()

    came = commits.asked(wait)
    begun.wait()
    return event, came


def counted(store, monkeypatch):
    """How many transactions there were."""
    counts, transaction = [], store.transaction
    monkeypatch.setattr(store, "transaction", lambda: counts.append(1) or transaction())
    return counts


def test_what_a_change_returns_comes_back_when_others_can_read_it(commits, tmp_path):
    async def ask():
        await commits(aside("a"))
        assert names(tmp_path) == ["a"]
        return await commits(lambda store: store.enrol("w"))

    assert asyncio.run(ask()) == 1


def test_changes_asked_for_while_a_commit_is_under_way_are_one_transaction_in_their_order(commits, store, monkeypatch, tmp_path):
    transactions = counted(store, monkeypatch)
    event, _ = held(commits)
    order = []
    came = [commits.asked(lambda store, number=number: order.append(number) or aside(f"{number:02}")(store)) for number in range(50)]
    event.set()
    for future in came:
        future.result(10)
    assert (len(transactions), order) == (2, list(range(50)))
    assert len(names(tmp_path)) == 50


def test_no_transaction_holds_more_changes_than_are_allowed(commits, store, monkeypatch):
    transactions = counted(store, monkeypatch)
    event, _ = held(commits)
    came = [commits.asked(lambda _: None) for _ in range(TOGETHER * 2 + 1)]
    event.set()
    for future in came:
        future.result(30)
    assert len(transactions) == 1 + 3


def test_a_change_that_fails_takes_no_other_with_it_and_leaves_nothing_behind(commits, tmp_path):
    def broken(store):
        aside("half")(store)
        raise ZeroDivisionError

    event, _ = held(commits)
    came = [commits.asked(change) for change in (aside("a"), broken, aside("b"))]
    event.set()
    assert [type(future.exception(10)) for future in came] == [type(None), ZeroDivisionError, type(None)]
    assert names(tmp_path) == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        commits.asked(broken).result(10)  # by itself
    assert names(tmp_path) == ["a", "b"]


def test_a_store_that_cannot_be_written_to_is_said_to_everyone_who_asks(commits, store):
    store.close()
    event_free = [commits.asked(aside(name)) for name in "abc"]
    assert all(isinstance(future.exception(10), sqlite3.ProgrammingError) for future in event_free)


def test_one_that_is_cancelled_while_it_waits_is_not_answered_and_the_others_are(commits):
    event, _ = held(commits)
    gone, other = commits.asked(aside("a")), commits.asked(aside("b"))
    assert gone.cancel()
    event.set()
    other.result(10)
    assert gone.cancelled()


def test_at_the_end_all_that_was_asked_for_is_written(store, tmp_path):
    commits = Commits(store)
    event, first = held(commits)
    came = [commits.asked(aside(f"{number:03}")) for number in range(300)]
    event.set()
    commits.close()
    assert first.done()
    assert all(future.done() for future in came)
    assert len(names(tmp_path)) == 300


def test_two_workers_that_change_the_same_documents_in_another_order_both_come_through():
    address, run = postgres_server.address(), postgres_server.new_run()
    stores = [Store(postgres.written(address, run)) for _ in range(2)]
    stores[0].add([Located(name, name, name, name) for name in "ab"])
    met = threading.Barrier(2)

    def adding(first, second):
        tries = []

        def change(store):
            tries.append(1)
            store.add([Located(first, first, first, first)])
            if len(tries) == 1:
                met.wait(10)
            store.add([Located(second, second, second, second)])

        return change

    writers = [Commits(store) for store in stores]
    came = [writers[0].asked(adding("a", "b")), writers[1].asked(adding("b", "a"))]
    errors = [future.exception(30) for future in came]
    for writer, store in zip(writers, stores, strict=True):
        writer.close()
        store.close()
    assert errors == [None, None]


def test_where_the_thread_breaks_nobody_waits_for_ever(tmp_path, monkeypatch):
    from structurer.store import commits as commits_

    writing = Commits(Store(sqlite.written(tmp_path)))

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(commits_, "_tell", broken)
    wishes = [writing.asked(lambda store: store.counts()) for _ in range(3)]
    for wish in wishes:
        with pytest.raises(ZeroDivisionError):
            wish.result(10)
    writing.close()
