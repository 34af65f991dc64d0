"""Many documents, one run: what cannot be done is noted, the others still are, and nothing is lost."""

import asyncio
import hashlib
import os
import signal
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import postgres_server
import pytest
from made import ORDER, order, result, value

from structurer import plans
from structurer.archive import batch, inhand
from structurer.archive.batch import Watcher
from structurer.archive.hosted import Host
from structurer.archive.hosting import Begin, Further, Work
from structurer.archive.hosts import Hosts
from structurer.archive.inhand import NOT_ANSWERED, Tariff
from structurer.archive.tally import Tally
from structurer.asking.llm import Call, Message, Reply, Request, Usage
from structurer.document import Document, Page
from structurer.errors import HaltError, InputError, ModelError, SchemaError, UsageError
from structurer.intake.ingest import Intake
from structurer.pipeline import Plan
from structurer.record import Flag
from structurer.store import runfolder
from structurer.store.finishing import basis_of
from structurer.store.runs import Asked, LeftAside, Located, Outcome, Progress, State
from structurer.store.store import TRIES, Store

PLAN = Plan(schemas=(ORDER,))
BASIS = basis_of("plan", PLAN.schemas)
ASKED = Asked("t", ("structure", "x"), "built-in reader", (ORDER,))


def clean(**leaves):
    fine = {place: replace(leaf, flag=Flag.ACCEPT) for place, leaf in order().leaves.items()}
    return result(replace(order(), leaves=fine | leaves, checks=(), review=()))


class Asking:
    """A document whose conversation asks a model its words, one a round, and comes to a clean result."""

    def __init__(self, model, *words):
        self.model, self.words = model, words


class Model:
    """Answers with what it was asked, or as `answers` says; `before` is told of every call."""

    name = "m"

    def __init__(self, answers=None, before=lambda word: None):
        self.answers, self.before, self.asked, self.at_once, self.most = answers or {}, before, [], 0, 0

    async def complete(self, request):
        word = request.messages[0].content
        self.asked.append(word)
        self.before(word)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        answer = self.answers.get(word, word)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, self.name, usage=Usage(10, 1, 0))


class Desk:
    """A run over documents named a.txt, b.txt ... Each is answered by what stands for it in `answers`: a result, an error, Asking, or
    something to be called with the number of the try."""

    def __init__(self, folder, address=""):
        self.folder, self.address, self.said, self.begun, self.ended = folder, address, [], [], []
        self.answers, self.tries, self.tally = {}, Counter(), None

    def located(self, *answers):
        found = []
        for number, answer in enumerate(answers):
            name = f"{chr(97 + number)}.txt" if number < 26 else f"{number}.txt"
            digest = hashlib.sha256(name.encode()).hexdigest()
            self.answers[name] = answer
            found.append(Located(name, name, f"/in/{name}", digest, 10))
        return found

    def read(self, path, source):
        answer = self.answers[source]
        self.tries[source] += 1
        answer = answer(self.tries[source]) if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return Document(source, "x" * 100, hashlib.sha256(source.encode()).hexdigest(), "text/plain", (Page(1, 0, 100),))

    def structure(self, document, _plan, outcomes):
        answer = self.answers[document.source]
        answer = answer(self.tries[document.source]) if callable(answer) else answer
        if isinstance(answer, Asking):
            for word in answer.words:
                (came,) = yield (Call(answer.model, Request("m", (Message("user", word),))),)
                outcomes["usable"] += 1
                if isinstance(came, ModelError):
                    raise came
            answer = clean()
        return replace(answer, source=document.source, sha256=document.sha256)

    def host(self):
        return Here(Host(Work(PLAN, Intake(), BASIS), self.read, self.structure))

    def run(self, found, plan=PLAN, hosts=1, resume=False, **more):
        store = runfolder.go_on(self.folder, ASKED, BASIS, self.address) if resume else runfolder.create(self.folder, ASKED, self.address)
        watcher = Watcher(self.begun.append, self.said.append, ended=self.ended.append)
        self.tally = Tally()
        pool = more.pop("pool", None) or Hosts.of(self.host, hosts)
        return batch.run_all(found, plan, store, pool, watcher, tally=self.tally, **{"roots": (), **more})

    def go(self, *answers, **more):
        return self.run(self.located(*answers), **more)

    @property
    def manifest(self):
        with runfolder.opened(self.folder, self.address) as store:
            return store.manifest()

    @property
    def came(self):
        with runfolder.opened(self.folder, self.address) as store:
            return [(one.names[0], one.state.value, one.reason) for one in store.came()]

    @property
    def states(self):
        return {name: state for name, state, _ in self.came}

    @property
    def sources(self):
        with runfolder.opened(self.folder, self.address) as store:
            return [one.source for one in store.results()]


class Here:
    """A host in this process."""

    def __init__(self, host):
        self.host, self.closed = host, False

    def ask(self, wish):
        return self.host.answer(wish)

    def close(self):
        self.closed = True


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "run")


# -- what comes of documents


def test_a_clean_result_is_done(desk):
    tally = desk.go(clean())
    assert (tally.exit_code, desk.came, desk.said) == (0, [("a.txt", "done", "")], [])
    assert (tally.documents, tally.records, tally.left, tally.in_hand, desk.begun, desk.ended) == (1, 1, 0, 0, ["a.txt"], ["a.txt"])


@pytest.mark.parametrize("seen", [result(), clean(**{"/name": value("x", flag=Flag.REVIEW)}), result().__class__("x", "0" * 64, ())])
def test_a_flag_a_failed_check_or_no_record_needs_review(desk, seen):
    assert desk.go(seen).exit_code == 3
    assert desk.states == {"a.txt": "needs review"}


def test_unreadable_input_outweighs_review_and_the_others_are_done(desk):
    found = desk.located(result(), InputError("blank", where="b.txt"), clean())
    tally = desk.run([LeftAside("z.txt", State.UNREADABLE, "no such file", "look"), *found, LeftAside("n.doc", State.SKIPPED, "kind")])
    assert (tally.exit_code, tally.documents, tally.left) == (4, 2, 2)
    assert desk.came == [
        ("a.txt", "needs review", ""), ("b.txt", "unreadable", "blank"), ("c.txt", "done", ""),
        ("n.doc", "skipped", "kind"), ("z.txt", "unreadable", "no such file"),
    ]  # fmt: skip
    assert sorted(desk.said) == ["/in/b.txt: b.txt: blank", "z.txt: no such file\n  next: look"]


def test_the_model_outweighs_input_and_a_bug_all(desk):
    assert desk.go(ModelError("down"), InputError("blank")).exit_code == 5


def test_a_bug_is_told_with_its_traceback_and_the_others_are_done(desk):
    tally = desk.go(ZeroDivisionError("oops"), clean(), SchemaError("late"))
    assert tally.exit_code == 1
    assert any("Traceback" in said and "oops" in said for said in desk.said)
    assert list(desk.states.values()) == ["failed", "done", "failed"]
    with runfolder.opened(desk.folder) as store:
        assert ["Traceback" in one.trace for one in store.came()] == [True, False, True]


def test_a_file_that_changed_since_it_was_found_is_unreadable_and_says_so(desk):
    (found,) = desk.located(clean())
    desk.run([replace(found, sha256="0" * 64)])
    assert desk.came == [("a.txt", "unreadable", "the file has changed since it was found")]


def test_files_of_the_same_content_are_one_document(desk):
    (found,) = desk.located(clean())
    tally = desk.run([found, replace(found, name="copy.txt", source="copy.txt")])
    assert (tally.documents, desk.tries["a.txt"]) == (1, 1)
    with runfolder.opened(desk.folder) as store:
        assert [one.names for one in store.came()] == [("a.txt", "copy.txt")]


def test_a_run_without_documents_is_finished(desk):
    tally = desk.run([LeftAside("x", State.UNREADABLE, "there are no files")])
    assert (tally.exit_code, desk.manifest.state) == (4, Progress.FINISHED)


def test_results_stand_in_the_order_in_which_documents_were_found_whatever_the_order_in_which_they_came(desk):
    desk.go(*(clean() for _ in range(60)), hosts=3)
    assert desk.sources == [chr(97 + number) + ".txt" for number in range(26)] + [f"{number}.txt" for number in range(26, 60)]
    assert desk.manifest.counts == {"done": 60}


def test_work_begins_before_all_is_found(desk):
    first, *others = desk.located(*(clean() for _ in range(3)))
    begun = threading.Event()
    desk.answers["a.txt"] = lambda _: begun.set() or clean()

    def coming():
        yield first
        yield None
        assert begun.wait(20)
        yield from others

    assert desk.run(coming()).documents == 3


def test_a_finder_that_fails_ends_the_run_with_its_error_and_what_is_done_stays(desk):
    found = desk.located(clean(), clean())

    def coming():
        yield from found
        yield None
        raise UsageError("the folder is gone")

    with pytest.raises(UsageError, match="the folder is gone"):
        desk.run(coming())
    assert desk.manifest.state is Progress.INTERRUPTED
    assert set(desk.states) == {"a.txt", "b.txt"}
    assert desk.go(clean(), clean(), resume=True).documents == 2


# -- models


def test_conversations_go_on_side_by_side_and_their_calls_are_in_the_ledger(desk):
    model = Model()
    tally = desk.go(*(Asking(model, f"{number}a", f"{number}b") for number in range(20)), plan=Plan((ORDER,), model))
    assert (tally.documents, len(model.asked), model.most > 1) == (20, 40, True)
    assert (tally.book.total.calls, tally.book.total.prompt_tokens, tally.book.outcomes) == (40, 400, Counter(usable=40))
    assert desk.manifest.spent["total"]["calls"] == 40
    with runfolder.opened(desk.folder) as store:
        assert [one.spent["total"]["calls"] for one in store.came()] == [2] * 20
        assert [one.spent["outcomes"] for one in store.came()] == [{"usable": 2}] * 20


def test_a_call_that_fails_is_in_the_ledger_and_one_that_was_never_sent_is_not(desk):
    model = Model({"down": ModelError("no answer"), "key": HaltError("the key was refused")})
    desk.go(Asking(model, "one", "down"), Asking(model, "key"), plan=Plan((ORDER,), model))
    spent = desk.manifest.spent
    assert spent["total"]["calls"] == 1 + spent["models"]["m"]["uncounted"] == 2
    assert spent["outcomes"][NOT_ANSWERED] == 2


def test_a_model_that_will_answer_nothing_more_halts_the_run_and_the_rest_waits(desk):
    model = Model({"halt": HaltError("the key was refused", where="http://x", remedy="set OPENAI_API_KEY")})
    answers = [clean(), Asking(model, "halt"), *(Asking(model, "halt") for _ in range(300))]
    tally = desk.go(*answers, plan=Plan((ORDER,), model))
    assert (tally.exit_code, tally.documents, tally.left) == (5, 1, 301)
    assert (desk.manifest.state, desk.manifest.halted) == (Progress.HALTED, "the key was refused")
    assert desk.said == ["http://x: the key was refused\n  next: set OPENAI_API_KEY"]
    assert desk.manifest.counts["waiting"] == len(desk.states) - 1
    model.answers = {}
    tally = desk.go(*answers, plan=Plan((ORDER,), model), resume=True)
    assert (tally.exit_code, tally.documents, desk.manifest.state, desk.manifest.halted) == (0, 302, Progress.FINISHED, "")


def test_no_more_documents_are_in_hand_than_may_be(desk, monkeypatch):
    monkeypatch.setattr(batch, "IN_HAND", 4)
    model, most = Model(), []
    model.before = lambda _: most.append(desk.tally.in_hand)
    desk.go(*(Asking(model, "x") for _ in range(30)), plan=Plan((ORDER,), model))
    assert 1 < max(most) <= 4


def test_no_further_document_is_begun_while_those_in_hand_are_too_long(desk, monkeypatch):
    monkeypatch.setattr(inhand, "CHARACTERS", 50)  # a document has 100
    asked, most = threading.Event(), []
    model = Model(before=lambda word: asked.set() or most.append((word, desk.tally.in_hand)))
    first, *others = desk.located(Asking(model, *"123456789"), *(Asking(model, "x") for _ in range(5)))

    def coming():
        yield first
        yield None
        assert asked.wait(20)
        yield from others

    assert desk.run(coming(), plan=Plan((ORDER,), model)).documents == 6
    assert {in_hand for word, in_hand in most if word != "x"} == {1}


def test_no_more_documents_are_begun_than_may_be_by_their_length(desk, monkeypatch):
    monkeypatch.setattr(inhand, "CHARACTERS", 150)
    model, most = Model(), []
    model.before = lambda _: most.append(desk.tally.in_hand)
    desk.go(*(Asking(model, "x") for _ in range(30)), plan=Plan((ORDER,), model))
    assert max(most) <= 10


def test_what_calls_cost_is_priced_by_the_tariff(desk):
    from decimal import Decimal

    from structurer.endpoints.prices import Price, Rates, Tier

    model = Model()
    price = Price("EUR", (Tier(0, Rates(Decimal(1000), Decimal(1000), Decimal(1000))),))
    desk.go(Asking(model, "x"), plan=Plan((ORDER,), model), tariff=Tariff({"m": price}))
    assert desk.manifest.spent["total"]["costs"] == {"EUR": "0.011000"}


# -- hosts that are lost


class Mortal:
    """A host that dies as a process would: of a document named in `deadly` (while `lives` last), and forgets all others then."""

    def __init__(self, desk, deadly, asking=Begin):
        self.desk, self.deadly, self.asking, self.tickets, self.host = desk, deadly, asking, {}, desk.host()

    def ask(self, wish):
        if isinstance(wish, Begin):
            self.tickets[wish.ticket] = wish.source
        source = self.tickets.get(wish.ticket)
        if isinstance(wish, self.asking) and self.deadly.get(source, 0) > 0:
            self.deadly[source] -= 1
            self.host = self.desk.host()
            raise InputError("reading it took too much memory", where=source)
        return self.host.ask(wish)

    def close(self):
        pass


@pytest.mark.parametrize("asking", [Begin, Further])
def test_a_document_that_kills_its_host_is_tried_three_times_and_quarantined_and_the_others_are_done(desk, asking):
    model = Model()
    answers = [Asking(model, "x", "y") for _ in range(8)]
    pool = Hosts.of(lambda: Mortal(desk, {"c.txt": 99}, asking), 1)
    tally = desk.go(*answers, plan=Plan((ORDER,), model), pool=pool)
    assert (tally.exit_code, tally.documents, tally.left) == (4, 7, 1)
    assert [one for one in desk.came if one[1] != "done"] == [("c.txt", "quarantined", "reading it took too much memory")]
    assert desk.said == [f"/in/c.txt: quarantined, tried {TRIES} times: reading it took too much memory"]
    assert len(desk.sources) == 7


def test_a_document_that_kills_its_host_twice_is_done_at_the_third_try(desk):
    pool = Hosts.of(lambda: Mortal(desk, {"b.txt": TRIES - 1}), 1)
    assert desk.go(clean(), clean(), clean(), pool=pool).exit_code == 0
    assert desk.manifest.counts == {"done": 3}


def test_calls_that_were_answered_before_a_host_was_lost_are_in_the_ledger(desk):
    model = Model()
    pool = Hosts.of(lambda: Mortal(desk, {"a.txt": 1}, Further), 1)
    desk.go(Asking(model, "x"), plan=Plan((ORDER,), model), pool=pool)
    assert desk.manifest.spent["total"]["calls"] == len(model.asked)


# -- broken off, and gone on with


@pytest.mark.skipif(os.name == "nt", reason="signals are not caught there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_the_documents_in_hand_be_finished_and_the_rest_waits(desk, number):
    model = Model(before=lambda word: os.kill(os.getpid(), number) if word == "3" else None)
    answers = [Asking(model, str(which)) for which in range(400)]
    with pytest.raises(KeyboardInterrupt):
        desk.go(*answers, plan=Plan((ORDER,), model))
    counts = desk.manifest.counts
    assert (desk.manifest.state, set(counts)) == (Progress.INTERRUPTED, {"done", "waiting"})
    assert 4 <= counts["done"] == len(model.asked) <= batch.IN_HAND + 1
    assert desk.manifest.spent["total"]["calls"] == len(model.asked)
    assert any("documents in hand; Ctrl-C again stops at once" in said for said in desk.said)
    model.before = lambda word: None
    tally = desk.go(*answers, plan=Plan((ORDER,), model), resume=True)
    assert (tally.exit_code, desk.manifest.state, desk.manifest.counts) == (0, Progress.FINISHED, {"done": 400})
    assert sorted(model.asked, key=int) == [str(which) for which in range(400)]  # nothing was asked for again
    assert desk.manifest.spent["total"]["calls"] == 400


@pytest.mark.skipif(os.name == "nt", reason="signals are not caught there")
def test_a_second_interrupt_stops_at_once_and_what_was_answered_is_paid_for(desk):
    class Stuck(Model):
        async def complete(self, request):
            word = request.messages[0].content
            if word == "stuck":
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(0.05)
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.Event().wait()
            return await super().complete(request)

    model = Stuck()
    with pytest.raises(KeyboardInterrupt):
        desk.go(Asking(model, "x", "stuck"), Asking(model, "y"), plan=Plan((ORDER,), model))
    assert (desk.manifest.state, desk.states["a.txt"]) == (Progress.INTERRUPTED, "waiting")
    assert desk.manifest.spent["total"]["calls"] == len(model.asked)


def test_a_run_that_was_killed_holds_its_finished_documents_and_goes_on_where_it_was(desk):
    found = desk.located(*(clean() for _ in range(5)))
    store = runfolder.create(desk.folder, ASKED)
    store.add(found)
    worker = store.enrol("killed")
    host = desk.host().host
    for lease in store.lease(worker, 4)[:2]:
        host.answer(Begin(lease.document, Path(lease.path), lease.sha256, lease.source))
        assert store.finish(worker, lease.document, host.answer(Further(lease.document)).outcome)
    store.close()  # as the file is when the process has been killed: it has not left
    assert (desk.manifest.state, desk.manifest.counts) == (Progress.RUNNING, {"done": 2, "in work": 2, "waiting": 1})
    assert desk.sources == ["a.txt", "b.txt"]
    desk.tries.clear()
    tally = desk.run(found, resume=True)
    assert (tally.documents, desk.manifest.state, desk.manifest.counts) == (5, Progress.FINISHED, {"done": 5})
    assert desk.tries == {"c.txt": 1, "d.txt": 1, "e.txt": 1}


def test_a_finished_run_that_is_gone_on_with_does_nothing_and_says_the_same(desk):
    desk.go(clean(), result())
    before, tries = desk.manifest, Counter(desk.tries)
    tally = desk.go(clean(), result(), resume=True)
    assert (tally.exit_code, tally.documents, desk.tries) == (3, 2, tries)
    assert replace(desk.manifest, finished="") == replace(before, finished="")


def test_no_document_is_begun_once_the_run_is_ending(desk):
    ending = threading.Event()
    ending.set()
    tally = desk.go(clean(), clean(), ending=ending)
    assert (tally.documents, desk.tries) == (0, {})


@pytest.mark.parametrize("method", ["finish", "lease", "heard_of", "add", "settle_names", "enrol"])
def test_a_store_that_cannot_be_written_to_any_more_ends_the_run_with_its_error(desk, monkeypatch, method):
    def failing(self, *_, **__):
        raise UsageError("cannot write to the run: disk full")

    monkeypatch.setattr(Store, method, failing)
    with pytest.raises(UsageError, match="disk full"):
        desk.go(*(clean() for _ in range(20)))
    monkeypatch.undo()
    assert desk.manifest.state is not Progress.FINISHED
    assert desk.go(*(clean() for _ in range(20)), resume=True).documents == 20


def test_hosts_and_store_are_let_go_of_whatever_happens(desk):
    hosts = []
    pool = Hosts.of(lambda: hosts.append(desk.host()) or hosts[-1], 2)
    with pytest.raises(UsageError):
        desk.run(iter_failing(), pool=pool)
    assert [host.closed for host in hosts] == [True, True]
    runfolder.go_on(desk.folder, ASKED, BASIS).close()


def iter_failing():
    raise UsageError("gone")
    yield


def test_a_document_whose_name_leads_to_other_content_meanwhile_is_replaced(desk):
    (found,) = desk.located(clean())
    desk.run([found])
    desk.answers["a.txt"] = InputError("blank")
    newer = hashlib.sha256(b"newer").hexdigest()
    tally = desk.run([replace(found, sha256=newer)], resume=True)
    assert (desk.manifest.counts, tally.documents) == ({"gone": 1, "unreadable": 1}, 0)


def test_a_document_whose_file_changed_before_it_was_read_is_replaced(desk):
    (found,) = desk.located(clean())
    newer = replace(found, sha256=hashlib.sha256(b"newer").hexdigest())
    store = runfolder.create(desk.folder, ASKED)
    store.add([found])  # and broken off before it was read
    store.close()
    tally = desk.run([newer], resume=True)
    assert tally.counts[State.GONE] == 1
    with runfolder.opened(desk.folder) as store:
        assert all(one.names for one in store.came() if one.state is not State.GONE)


# -- telemetry


class Told:
    """What is told of documents."""

    def __init__(self):
        self.came_of, self.errors, self.outcomes = [], [], Counter()

    @contextmanager
    def __call__(self, name):
        yield self

    def came(self, sha256, outcome):
        self.came_of.append(outcome.state)

    def failed(self, error):
        self.errors.append(type(error).__name__)


def test_telemetry_is_told_of_documents_that_could_not_be_done(desk):
    told, found = Told(), desk.located(clean(), InputError("blank"), ModelError("down"), ZeroDivisionError("oops"))
    watcher = Watcher(lambda _: None, lambda _: None, told)
    batch.run_all(found, PLAN, runfolder.create(desk.folder, ASKED), Hosts.of(desk.host, 1), watcher)
    assert (told.came_of, len(told.errors)) == ([State.DONE], 3)


# -- several workers


def test_two_workers_of_one_run_share_its_documents(tmp_path):
    address = postgres_server.address()
    desk = Desk(tmp_path / "run", address)
    found = desk.located(*(clean() for _ in range(120)))
    runfolder.create(desk.folder, ASKED, address).close()
    tallies, errors = [], []

    def work():
        try:
            store = runfolder.go_on(desk.folder, ASKED, BASIS, address)
            watcher = Watcher(lambda _: None, lambda _: None)
            tallies.append(batch.run_all(found, PLAN, store, Hosts.of(desk.host, 1), watcher))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(desk.tries.values()) == {1}
    assert (len(desk.sources), desk.manifest.counts, desk.manifest.state) == (120, {"done": 120}, Progress.FINISHED)
    assert [tally.documents for tally in tallies] == [120, 120]  # in the end both say what came of the whole run


def test_a_worker_goes_on_with_what_another_that_died_has_left(tmp_path):
    address = postgres_server.address()
    desk = Desk(tmp_path / "run", address)
    found = desk.located(*(clean() for _ in range(6)))
    store = runfolder.create(desk.folder, ASKED, address)
    store.add(found)
    store.lease(dead := store.enrol("dead"), 3)
    store._database.change("UPDATE workers SET heard = heard - 1000 WHERE id = ?", (dead,))
    store.close()
    assert desk.run(found, resume=True).documents == 6


def test_a_worker_that_was_not_heard_of_for_too_long_asks_no_more_about_what_others_do(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(batch, "LOOK_S", 0.05)
    address = postgres_server.address()
    desk = Desk(tmp_path / "run", address)
    given_up = []

    class Slow(Model):
        async def complete(self, request):
            if request.messages[0].content != "slow":
                return await super().complete(request)
            others = await asyncio.to_thread(taken_over)
            try:
                await asyncio.sleep(60)
            finally:
                given_up.append(request)
                await asyncio.to_thread(done, others)

    def taken_over():
        """What another worker holds, once the first is given up."""
        store = runfolder.go_on(desk.folder, ASKED, BASIS, address)
        with store.transaction():
            store._database.change("UPDATE workers SET heard = heard - 1000")
            store.free_lost()
            worker = store.enrol("other")
            return store, worker, store.lease(worker, 10)

    def done(others):
        store, worker, leases = others
        for lease in leases:
            assert store.finish(worker, lease.document, Outcome(State.DONE))
        store.leave(worker)
        store.close()

    model = Slow()
    tally = desk.go(Asking(model, "slow", "further"), clean(), plan=Plan((ORDER,), model))
    assert (len(given_up), model.asked) == (1, [])
    assert any("others do 1 of the documents it had in hand" in said for said in desk.said)
    assert (tally.counts[State.DONE], desk.ended.count("a.txt"), tally.in_hand) == (2, 1, 0)


# -- plans


def test_two_schemas_of_one_kind_are_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    with pytest.raises(UsageError, match="two schemas are of kind 'x'"):
        plans.plan_of(plans.Wanted((tmp_path / "a" / "x.json", tmp_path / "b" / "x.json")))


def test_the_reader_is_described_in_words(tmp_path):
    replayed = plans.plan_of(plans.Wanted(replay=tmp_path, model="qwen"))
    assert plans.describe(plans.plan_of(plans.Wanted(builtin=True))) == "built-in reader"
    assert plans.describe(replayed) == "model qwen beside the built-in reader"
    assert plans.provenance(replayed)[1] == "qwen"
