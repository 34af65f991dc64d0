"""Hosts: documents are read and judged in processes of their own; one that dies takes no document with it but the one it died of."""

import asyncio
import hashlib
import pickle
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from made import ORDER, order, result

from structurer.archive.hosted import Host, load
from structurer.archive.hosting import Absent, Begin, Begun, Calls, Drop, Ended, Further, Unknown, Work
from structurer.archive.hosts import Apart, Hosts, cores
from structurer.asking.llm import Call, Message, Reply, Request
from structurer.document import Document, Page
from structurer.errors import InputError, ModelError, UsageError
from structurer.intake.ingest import Intake
from structurer.pipeline import Plan
from structurer.sandbox.inmate import Limits
from structurer.store.finishing import BUG, basis_of
from structurer.store.runs import State

WORK = Work(Plan((ORDER,)), Intake(), basis_of("plan", (ORDER,)))
DIGEST = hashlib.sha256(b"x").hexdigest()
BEGIN = Begin(7, Path("/in/a.txt"), DIGEST, "docs/a.txt")


def read(path, source):
    return Document(source, "some text", DIGEST, "text/plain", (Page(1, 0, 9),))


def asking(document, _plan, outcomes):
    """Two rounds, then a result that says what was answered."""
    heard = []
    for word in ("one", "two"):
        (answer,) = yield (Call(Absent("m"), Request("m", (Message("user", word),))),)
        outcomes["usable"] += 1
        if isinstance(answer, ModelError):
            raise answer
        heard.append(answer.text)
    return result(order(source=document.source), source=",".join(heard))


def answered(word):
    return (Reply(word, "m"),)


# -- a host


def test_a_document_is_read_asked_about_and_judged():
    host = Host(WORK, read, asking)
    assert host.answer(BEGIN) == Begun(9)
    first = host.answer(Further(7))
    assert (first.calls[0][0], first.calls[0][1].messages[0].content, first.outcomes) == ("m", "one", {})
    second = host.answer(Further(7, answered("1")))
    assert (second.calls[0][1].messages[0].content, second.outcomes) == ("two", {"usable": 1})
    ended = host.answer(Further(7, answered("2")))
    assert (ended.outcome.state, ended.outcomes, ended.words, ended.error) == (State.NEEDS_REVIEW, {"usable": 1}, "", None)
    assert host.answer(Further(7, answered("3"))) == Unknown()  # done with


def test_what_a_host_says_and_is_told_can_be_sent_to_another_process():
    serve = load(WORK)
    wish = pickle.dumps(Begin(1, Path("/none"), DIGEST, "none"))
    told = pickle.loads(serve(wish))
    assert told.outcome.state is State.UNREADABLE
    assert isinstance(told.error, InputError)
    assert pickle.loads(serve(pickle.dumps(Further(99)))) == Unknown()


def test_many_documents_are_in_hand_at_once_and_each_is_forgotten_when_it_is_dropped():
    host = Host(WORK, read, asking)
    for ticket in (1, 2):
        host.answer(Begin(ticket, BEGIN.path, DIGEST, "a"))
    assert isinstance(host.answer(Further(2)), Calls)
    assert host.answer(Drop(2)) == Unknown()
    assert host.answer(Further(2, answered("x"))) == Unknown()
    assert isinstance(host.answer(Further(1)), Calls)
    assert host.answer(Drop(99)) == Unknown()


@pytest.mark.parametrize(
    ("error", "state", "code", "words"),
    [
        (InputError("blank", where="/in/a.txt"), State.UNREADABLE, 4, "/in/a.txt: blank"),
        (InputError("blank"), State.UNREADABLE, 4, "/in/a.txt: blank"),
        (UsageError("odd", remedy="do"), State.FAILED, 2, "/in/a.txt: odd\n  next: do"),
        (ModelError("no answer"), State.FAILED, 5, "/in/a.txt: no answer"),
    ],
)
def test_an_error_of_a_document_is_what_came_of_it_in_words_that_name_it(error, state, code, words):
    def failing(path, source):
        raise error

    ended = Host(WORK, failing, asking).answer(BEGIN)
    assert (ended.outcome.state, ended.outcome.reason, ended.error.exit_code, ended.words) == (state, error.what, code, words)


def test_a_bug_is_what_came_of_the_document_with_its_traceback():
    def failing(path, source):
        raise ZeroDivisionError("oops")

    ended = Host(WORK, failing, asking).answer(BEGIN)
    assert (ended.outcome.state, ended.error) == (State.FAILED, "ZeroDivisionError")
    assert ended.outcome.reason == f"{BUG}: ZeroDivisionError('oops')"
    assert all("Traceback" in text and "in failing" in text for text in (ended.words, ended.outcome.trace))


def test_an_error_in_the_middle_of_a_conversation_ends_it_with_what_was_counted():
    host = Host(WORK, read, asking)
    host.answer(BEGIN)
    host.answer(Further(7))
    ended = host.answer(Further(7, (ModelError("no answer"),)))
    assert (ended.outcome.state, ended.outcomes) == (State.FAILED, {"usable": 1})
    assert host.answer(Further(7)) == Unknown()


def test_memory_that_is_used_up_is_the_hosts_own_end():
    def failing(path, source):
        raise MemoryError

    with pytest.raises(MemoryError):
        Host(WORK, failing, asking).answer(BEGIN)


def test_a_host_asks_no_model():
    with pytest.raises(RuntimeError, match="a host was to ask m record"):
        asyncio.run(Absent("m").complete(Request("m", ())))


# -- processes


@pytest.fixture
def apart(tmp_path):
    host = Apart(WORK)
    yield host
    host.close()


def begin(folder, ticket=1, content="采购单\n"):
    file = folder / f"{ticket}.txt"
    file.write_text(content, "utf-8")
    return Begin(ticket, file, hashlib.sha256(file.read_bytes()).hexdigest(), file.name)


def test_a_host_apart_reads_and_judges_files_and_is_started_when_it_is_needed(apart, tmp_path):
    assert apart._service._talk is None
    assert apart.ask(begin(tmp_path)) == Begun(4)
    ended = apart.ask(Further(1))
    assert isinstance(ended, Ended)
    assert (ended.outcome.state, ended.outcome.records) == (State.DONE, 1)


def test_a_host_that_was_killed_is_started_again_and_knows_nothing_of_before(apart, tmp_path):
    apart.ask(begin(tmp_path))
    apart._service._talk.child.kill()
    told = None
    for _ in range(3):
        with suppress(InputError):  # it was asked before it was seen to be gone
            told = told or apart.ask(Further(1))
    assert told == Unknown()
    assert apart.ask(begin(tmp_path)) == Begun(4)


def test_a_step_that_takes_too_long_is_an_error_of_that_document_and_ends_the_host(tmp_path):
    host = Apart(WORK, Limits(wall_seconds=0.001))
    try:
        with pytest.raises(InputError, match=r"1\.txt: .*0\.001 seconds"):
            host.ask(begin(tmp_path, content="采购单\n" * 100_000))
        assert host._service._talk is None
    finally:
        host.close()


def test_nothing_is_left_of_a_host_that_is_closed(tmp_path):
    host = Apart(WORK)
    host.ask(begin(tmp_path))
    child = host._service._talk.child
    host.close()
    assert child.ended(0) is not None
    assert child.line.fileno() == -1
    host.close()


def test_a_host_that_is_closed_while_it_is_waited_for_ends_at_once_and_says_so(tmp_path):
    host, errors = Apart(WORK), []

    def ask():
        try:
            while True:
                host.ask(begin(tmp_path, content="采购单 1\n" * 50_000))
                host.ask(Further(1))
        except InputError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while host._service._talk is None:
        time.sleep(0.01)
    host.close()
    thread.join(20)
    host.close()
    assert (len(errors), thread.is_alive()) == (1, False)


# -- the pool


class Slow:
    """A host that answers with its own name when it is let."""

    def __init__(self, name, event=None):
        self.name, self.event, self.asked, self.closed = name, event, [], 0

    def ask(self, wish):
        self.asked.append(wish)
        if self.event is not None:
            self.event.wait(20)
        return self.name

    def close(self):
        self.closed += 1


def pool(number=3, event=None):
    made = []
    hosts = Hosts.of(lambda: made.append(Slow(len(made), event)) or made[-1], number)
    return hosts, made


def test_documents_go_to_the_host_that_has_fewest_and_every_ticket_is_another():
    hosts, made = pool()
    talks = [hosts.seated() for _ in range(7)]
    assert [made.index(talk.seat.host) for talk in talks] == [0, 1, 2, 0, 1, 2, 0]
    assert len({talk.ticket for talk in talks}) == 7
    for talk in talks[1:3]:
        hosts.left(talk)
    assert {made.index(hosts.seated().seat.host) for _ in range(2)} == {1, 2}
    hosts.close()


def test_hosts_are_asked_side_by_side_and_each_of_them_one_wish_at_a_time():
    event = threading.Event()
    hosts, made = pool(2, event)

    async def ask():
        talks = [hosts.seated() for _ in range(4)]
        asked = [asyncio.create_task(talk.ask(Further(talk.ticket))) for talk in talks]
        await asyncio.sleep(0.05)
        assert [len(host.asked) for host in made] == [1, 1]
        event.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [0, 1, 0, 1]
    hosts.close()


def test_a_document_that_is_dropped_is_forgotten_without_a_wait_also_when_all_has_ended():
    event = threading.Event()
    hosts, made = pool(1, event)
    hosts.seated().drop()
    hosts.close()
    event.set()
    hosts.seated().drop()
    assert made[0].closed == 1


def test_a_host_that_is_closed_is_asked_nothing_of_what_still_waited():
    class Closing(Slow):
        def close(self):
            self.event.set()  # whoever waits for it sees it end
            time.sleep(0.1)

    host = Closing("it", threading.Event())
    hosts = Hosts.of(lambda: host, 1)

    async def ask():
        talks = [hosts.seated() for _ in range(3)]
        asked = [asyncio.create_task(talk.ask(Further(talk.ticket))) for talk in talks]
        await asyncio.sleep(0.05)
        hosts.close()
        return await asyncio.gather(*asked, return_exceptions=True)

    first, *others = asyncio.run(ask())
    assert (first, len(host.asked)) == ("it", 1)
    assert [type(one) for one in others] == [asyncio.CancelledError] * 2


def test_there_is_a_core_at_least():
    assert cores() >= 1
