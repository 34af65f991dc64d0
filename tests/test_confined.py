"""Strangers' files are parsed in children: what those may do, how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from structurer.errors import InputError
from structurer.sandbox import children
from structurer.sandbox import confined as module
from structurer.sandbox.confined import BugError, ConfinedError, Fate, Limits, Service, confined

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the locks are those of Linux")
needs_fork = pytest.mark.skipif(not children.FORKS, reason="nothing forks here")
TESTS = str(Path(__file__).parent)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.txt"
    path.write_text("a stranger's")
    return path


@pytest.fixture(params=["forked", "spawned"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways in which children come to be, whatever the system."""
    if request.param == "spawned":
        monkeypatch.setattr(children, "FORKS", False)
        monkeypatch.setattr(module, "FORKS", False)
    elif not children.FORKS:
        pytest.skip("nothing forks here")
    return request.param


def run(job: str, source: Path | bytes = b"", *arguments: object, **options: object) -> list[bytes]:
    return list(confined(job if ":" in job else f"inmates:{job}", source, *arguments, where="paper.pdf", **options))  # type: ignore[arg-type]


def fate(job: str, *arguments: object, **options: object) -> ConfinedError:
    with pytest.raises(ConfinedError) as caught:
        run(job, b"", *arguments, **options)
    assert caught.value.where == "paper.pdf"
    assert caught.value.remedy
    return caught.value


# --- a job


def test_a_job_reads_its_file_and_gives_messages(way, paper):
    assert run("content", paper) == [b"a stranger's"]


def test_a_job_reads_bytes(way):
    assert run("content", b"bytes") == [b"bytes"]


def test_a_job_is_answered(way):
    assert run("asks", b"", 3, answer=lambda question: question * 2) == [b"00", b"11", b"22"]


def test_a_question_that_nobody_answers_is_a_bug(way):
    with pytest.raises(BugError, match="asks where nobody answers"):
        run("asks", b"", 1)


def test_an_error_of_the_answer_is_the_callers(way):
    def answer(question: bytes) -> bytes:
        raise InputError("no OCR", where="page 1")

    with pytest.raises(InputError, match="no OCR"):
        run("asks", b"", 1, answer=answer)


def test_a_missing_file_is_an_error_of_the_caller(way, tmp_path):
    with pytest.raises(FileNotFoundError):
        run("content", tmp_path / "none.pdf")


def test_ten_thousand_messages_pass():
    messages = confined("inmates:many", b"", 10_000, 50_000, where="paper.pdf")
    for number, message in enumerate(messages):
        assert len(message) == 50_000
        assert int.from_bytes(message[:4], "big") == number
    assert number == 9_999


def test_a_job_waits_while_nobody_takes_its_messages(way):
    messages = confined("inmates:tells_when", b"", where="paper.pdf")
    for _ in range(3):
        next(messages)
    time.sleep(0.2)
    now = time.monotonic_ns()
    next(messages)  # was under way
    assert int(next(messages)) > now
    messages.close()


def test_what_a_job_prints_is_no_message_and_not_shown(way, capfd):
    assert run("prints") == [b"quiet"]
    assert capfd.readouterr() == ("", "")


def test_a_job_has_threads_codecs_and_chance(way):
    assert run("still_can") == [b"\x01", "水".encode("big5"), b"8"]


def test_a_job_may_reckon_with_numpy():
    assert run("inmates_numpy:multiplies") == [b"500.0"]


# --- what it may not do


@linux_only
def test_a_job_cannot_get_at_anything_but_its_file(way, tmp_path, paper):
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcomes = run("tries", paper, server.getsockname()[1], str(paper), str(tmp_path / "other"))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    found = dict(outcome.decode().split(": ") for outcome in outcomes)
    assert found.pop("raise its limits") == "not allowed to raise maximum limit"
    assert found.pop("import") == "ModuleNotFoundError"
    assert len(found) == 22
    assert set(found.values()) == {"PermissionError"}
    assert paper.read_text() == "a stranger's"
    assert list(tmp_path.iterdir()) == [paper]


@linux_only
def test_a_job_reads_what_the_caller_lets_it_read(tmp_path):
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "a.ttf").write_bytes(b"font")
    (tmp_path / "other").write_bytes(b"other")
    arguments = str(tmp_path / "fonts" / "a.ttf"), str(tmp_path / "other")
    assert run("reads", b"", *arguments, readable=(tmp_path / "fonts",)) == [b"font", b"PermissionError"]


def test_a_job_knows_no_secrets_of_the_environment(way, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    children.stop()
    (names,) = run("environment")
    assert "SOME_API_KEY" not in names.decode().split()
    assert {"PATH", "OMP_NUM_THREADS"} < set(names.decode().split())


@needs_fork
def test_a_job_holds_no_descriptors_but_its_own(paper):
    others = [confined("inmates:sleeps", paper, 60, where="paper.pdf") for _ in range(5)]
    for other in others:
        next(other)
    (numbers,) = run("descriptors", paper)
    for other in others:
        other.close()
    assert len(numbers.split(b",")) == 6  # the three that every process has, its stream twice, its file


# --- how it ends


WAYS_TO_TAKE = [("takes", "malloc"), ("takes", "shared"), ("takes", "private"), ("inmates_numpy:takes",)]


@linux_only
@pytest.mark.parametrize("how", WAYS_TO_TAKE)
def test_a_child_cannot_take_20_gigabytes(how):
    error = fate(*how, 20_000_000_000)
    assert error.fate is Fate.MEMORY
    assert error.what == "reading it needs more than 1.5 GB of memory"


@linux_only
@pytest.mark.parametrize("how", WAYS_TO_TAKE)
def test_a_child_may_take_what_it_is_allowed(how):
    assert len(run(how[0], b"", *how[1:], 80_000_000, limits=Limits(memory_bytes=100_000_000))) == 1


@linux_only
def test_a_child_cannot_take_too_much_bit_by_bit():
    assert fate("takes", "pieces", 400_000_000, limits=Limits(memory_bytes=300_000_000)).fate is Fate.MEMORY


@linux_only
def test_a_parser_that_crashes_for_want_of_memory_needed_too_much():
    assert fate("grows_and_crashes", limits=Limits(memory_bytes=300_000_000)).fate is Fate.MEMORY


@needs_fork
def test_a_child_that_takes_too_much_processor_time_is_ended():
    error = fate("spins", limits=Limits(cpu_seconds=1))
    assert error.fate is Fate.TIME
    assert error.what == "reading it takes more than 1 seconds of processor time"


def test_a_child_that_gives_nothing_for_too_long_is_ended(way):
    error = fate("spins", limits=Limits(wall_seconds=0.2))
    assert error.fate is Fate.TIME
    assert error.what == "a part of it takes more than 0.2 seconds to read"


def test_the_time_that_its_parent_takes_does_not_count():
    limits = Limits(wall_seconds=1)
    messages = confined("inmates:asks", b"", 2, where="paper.pdf", limits=limits, answer=lambda question: (time.sleep(0.6), question)[1])
    assert [(time.sleep(0.6), message)[1] for message in messages] == [b"0", b"1"]


@needs_fork
def test_a_child_that_ignores_signals_is_ended_all_the_same():
    messages = confined("inmates:sleeps_deaf", b"", 60, where="paper.pdf")
    pid = int(next(messages))
    messages.close()
    assert not exists(pid)


@needs_fork
def test_a_crash_is_told_with_its_signal():
    error = fate("crashes")
    assert error.fate is Fate.CRASH
    assert error.what == "the parser crashed on it (SIGSEGV)"


def test_a_child_that_leaves_without_a_word_has_crashed(way):
    error = fate("leaves")
    assert (error.fate, error.what) == (Fate.CRASH, "the parser crashed on it")


def test_messages_before_a_bad_end_are_given(way):
    messages = confined("inmates:leaves", b"", where="paper.pdf")
    assert next(messages) == b"begun"
    with pytest.raises(ConfinedError):
        next(messages)


def test_a_child_cannot_send_more_than_it_may(way):
    error = fate("many", 100, 1000, limits=Limits(answer_bytes=50_000))
    assert error.fate is Fate.SIZE
    assert error.what == "more than 0.05 MB would be read from it"


def test_an_input_error_of_a_job_passes_as_it_is(way):
    with pytest.raises(InputError) as caught:
        run("refuses")
    error = caught.value
    assert (type(error), error.what, error.where, error.remedy) == (InputError, "page 2 is torn", "scan.pdf, page 2", "scan it again")


def test_a_bug_stays_one_with_its_traceback(way):
    with pytest.raises(BugError, match="inmates:errs: ZeroDivisionError") as caught:
        run("errs")
    assert "inmates.py" in caught.value.__notes__[0]
    assert "in errs" in caught.value.__notes__[0]


def test_an_end_of_file_error_of_a_job_is_not_taken_for_the_end_of_its_stream(way):
    with pytest.raises(BugError, match="EOFError"):
        run("ends_its_reading")


def test_a_job_of_many_bytes_that_is_not_there_is_told_at_once(way):
    with pytest.raises(BugError, match="ModuleNotFoundError"):
        list(confined("no_such_module:job", bytes(50_000_000), where="paper.pdf"))


@pytest.mark.parametrize("function", ["inmates:none", "no_such_module:job"])
def test_a_job_that_is_not_there_is_a_bug(way, function):
    with pytest.raises(BugError, match=r"AttributeError|ModuleNotFoundError"):
        list(confined(function, b"", where="paper.pdf"))


def frame(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<cQ", kind, len(content) if length is None else length) + content


@needs_fork
@pytest.mark.parametrize(
    ("sent", "fate_of_it"),
    [
        (b"\x00", Fate.TIME),
        (frame(b"m", b"", 2**63), Fate.SIZE),
        (frame(b"q", b"", 2**40), Fate.SIZE),
        (frame(b"b", b"", 2**30), Fate.SIZE),
        (frame(b"?", b""), Fate.CRASH),
        (frame(b"r", b""), Fate.CRASH),
        (frame(b"a", b"x"), Fate.CRASH),
        (frame(b"i", b"{}"), Fate.CRASH),
        (frame(b"i", b"[1, 2, 3]"), Fate.CRASH),
        (frame(b"i", b"\xff"), Fate.CRASH),
        (frame(b"b", b"[" * 100_000), Fate.CRASH),
        (frame(b"m", b"abc", 9), Fate.TIME),
    ],
)
def test_whatever_a_child_sends_its_parent_stays_well(sent, fate_of_it):
    assert fate("raw", sent, False, limits=Limits(wall_seconds=0.3)).fate is fate_of_it


@needs_fork
def test_a_child_that_ends_its_stream_and_runs_on_is_ended(monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    assert fate("raw", b"x", True).fate is Fate.CRASH


@needs_fork
def test_what_a_child_tells_steers_no_terminal():
    with pytest.raises(InputError) as caught:
        run("raw", b"", frame(b"i", b'["\\u001b[31m red", "", ""]'), False)
    assert caught.value.what == "\ufffd[31m red"
    assert caught.value.where == "paper.pdf"


# --- nothing is left


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def family(pid: int) -> list[int]:
    """The process and all below it, by /proc."""
    below: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            below.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found = [pid]
    for member in found:
        found.extend(below.get(member, ()))
    return found


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within ten seconds: a zygote lets go of a child after it has told of its end."""
    return any(holds() or time.sleep(0.05) for _ in range(200))


def held() -> list[int]:
    """How many threads and processes there are, and how many descriptors this process and those below it hold."""
    processes = family(os.getpid())
    return [threading.active_count(), len(processes), *(len(os.listdir(f"/proc/{pid}/fd")) for pid in processes)]


@linux_only
def test_two_hundred_runs_leave_no_descriptor_no_process_and_no_thread():
    run("content")
    before = held()
    for number in range(200):
        job = ("content", "refuses", "errs", "crashes", "leaves")[number % 5]
        with contextlib.suppress(InputError, BugError):
            run(job)
    messages = confined("inmates:sleeps", b"", 60, where="paper.pdf")
    next(messages)
    del messages
    assert soon(lambda: all(now <= then for now, then in zip(held(), before, strict=False)))


@linux_only
def test_spawned_children_leave_nothing_either(monkeypatch):
    monkeypatch.setattr(children, "FORKS", False)
    monkeypatch.setattr(module, "FORKS", False)
    before = held()
    for job in ("content", "crashes"):
        with contextlib.suppress(InputError):
            run(job)
    assert soon(lambda: all(now <= then for now, then in zip(held(), before, strict=False)))


def test_threads_run_jobs_at_once(paper):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: run("asks", b"", 3, answer=lambda question: question + str(number).encode()), range(40)))
    assert found == [[f"{question}{number}".encode() for question in range(3)] for number in range(40)]


def test_jobs_run_beside_an_event_loop(paper):
    async def both() -> list[list[bytes]]:
        return await asyncio.gather(*(asyncio.to_thread(run, "content", paper) for _ in range(5)))

    assert asyncio.run(both()) == [[b"a stranger's"]] * 5


@needs_fork
def test_a_zygote_that_dies_is_replaced(paper):
    run("content", paper)
    zygote = children._zygote._running[1]
    zygote.kill()
    zygote.wait()
    assert run("content", paper) == [b"a stranger's"]


@linux_only
def test_children_die_with_their_zygote():
    messages = confined("inmates:sleeps_deaf", b"", 60, where="paper.pdf")
    pid = int(next(messages))
    children._zygote._running[1].kill()
    with pytest.raises(ConfinedError, match="crashed"):
        next(messages)
    assert gone(pid)


def gone(*pids: int) -> bool:
    """Whether they are, or soon will be, no more (zombies that init has yet to reap count as gone)."""
    return soon(lambda: not any(exists(pid) and "(zombie)" not in Path(f"/proc/{pid}/status").read_text() for pid in pids))


def test_stop_ends_what_runs_and_the_next_job_starts_anew(way):
    messages = confined("inmates:sleeps", b"", 60, where="paper.pdf")
    next(messages)
    threading.Timer(0.1, children.stop).start()
    with pytest.raises(ConfinedError):
        next(messages)
    assert run("content", b"again") == [b"again"]


def test_a_module_can_be_loaded_before_it_is_needed():
    children.stop()
    children.preload("inmates")
    assert run("content", b"x") == [b"x"]


# --- from any program


SCRIPT = f"""
import sys
sys.path.insert(0, {TESTS!r})
print("main", flush=True)
from structurer.sandbox.confined import confined, Service
"""


def python(code: str, *options: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options], input=code, capture_output=True, text=True, check=False, timeout=60, **more)  # type: ignore[call-overload, no-any-return]


CALL = SCRIPT + 'print(list(confined("inmates:content", b"x", where="x")))\n'


def test_a_script_without_a_guard_is_run_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CALL)
    done = python("", str(script))
    assert (done.stdout, done.stderr) == ("main\n[b'x']\n", "")


def test_a_script_without_a_guard_is_run_once_also_where_nothing_forks(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from structurer.sandbox import children\nchildren.FORKS = False\n" + CALL)
    done = python("", str(script))
    assert (done.stdout, done.stderr) == ("main\n[b'x']\n", "")


@pytest.mark.parametrize("options", [["-c", CALL], ["-"], ["-W", "error", "-X", "dev", "-c", CALL]])
def test_a_program_without_a_file_may_call(options):
    done = python(CALL, *options)
    assert (done.stdout, done.stderr) == ("main\n[b'x']\n", "")


def test_a_program_that_leaves_a_service_and_a_job_open_ends_quietly():
    code = SCRIPT + 'service = Service("inmates:load", "hi")\nprint(service.ask(b"x", where=""))\n'
    code += 'job = confined("inmates:sleeps", b"", 60, where="x")\nprint(next(job))\n'
    done = python(code, "-W", "error", "-X", "dev", "-")
    assert (done.stdout, done.stderr) == ("main\nb'hi x True'\nb'begun'\n", "")


def test_what_stands_in_the_current_folder_or_the_environment_is_not_imported(tmp_path):
    (tmp_path / "selectors.py").write_text("raise SystemExit('not mine')")
    done = python(CALL, "-P", "-", cwd=tmp_path, env=os.environ | {"PYTHONSTARTUP": str(tmp_path / "selectors.py")})
    assert (done.stdout, done.stderr) == ("main\n[b'x']\n", "")


@needs_fork
def test_a_fork_of_a_program_leaves_the_children_of_the_program_alone():
    code = """
import os, sys
from structurer.sandbox import children
job = confined("inmates:asks", b"", 2, where="x", answer=bytes)
next(job)
pid = os.fork()
if not pid:
    job.close()
    children.stop()
    sys.exit(list(confined("inmates:content", b"x", where="x")) != [b"x"])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), len(list(job)))
"""
    done = python(SCRIPT + code)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0 1", "")


BUSY = SCRIPT + textwrap.dedent("""
    import threading
    service = Service("inmates:load", "hi")
    print(service.ask(b"pid", where="").decode(), flush=True)
    job = confined("inmates:sleeps_deaf", b"", 60, where="x")
    try:
        print(next(job).decode(), flush=True)
        WAIT
    except KeyboardInterrupt:
        THEN
""")


@contextlib.contextmanager
def busy(wait: str, then: str = "raise") -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A program in the middle of a job, in a group as of a terminal; with the process ids of its service and of its job."""
    code = BUSY.replace("WAIT", wait).replace("THEN", then)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", code], **options) as program:
        try:
            assert program.stdout.readline() == "main\n"
            yield program, [int(program.stdout.readline()) for _ in range(2)]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


@linux_only
def test_no_child_outlives_a_parent_that_is_killed():
    with busy("next(job)") as (program, pids):
        whole = family(program.pid)
        assert set(pids) < set(whole)
        program.kill()
        program.wait()
        assert gone(*whole[1:])


@linux_only
def test_ctrl_c_is_the_parents_alone():
    with busy("next(job)") as (program, _):
        whole = family(program.pid)
        os.killpg(program.pid, signal.SIGINT)  # as a terminal sends it
        told = program.communicate(timeout=30)[1]
        assert told.count("Traceback") == 1
        assert told.endswith("KeyboardInterrupt\n")
        assert program.returncode == -signal.SIGINT
        assert gone(*whole[1:])


@linux_only
def test_ctrl_c_that_the_parent_outlives_does_not_end_its_service():
    with busy("next(job)", then='print(service.ask(b"pid", where="").decode())') as (program, pids):
        os.killpg(program.pid, signal.SIGINT)
        out, told = program.communicate(timeout=30)
        assert (out, told) == (f"{pids[0]}\n", "")


@linux_only
def test_a_parent_that_ends_while_a_thread_waits_for_a_child_ends():
    with busy("threading.Thread(target=lambda: [*job], daemon=True).start()") as (program, pids):
        program.communicate(timeout=30)
        assert program.returncode == 0
        assert gone(*pids)


# --- services


@pytest.fixture
def service(way: str) -> Iterator[Service]:
    with contextlib.closing(Service("inmates:load", "hi", limits=Limits(wall_seconds=5, answer_bytes=1_000_000))) as service:
        yield service


def ask(service: Service, request: bytes) -> bytes:
    return service.ask(request, where="page 1")


def test_a_service_loads_once_and_answers(service):
    assert ask(service, b"you") == b"hi you True"
    assert ask(service, b"pid") == ask(service, b"pid")


@linux_only
def test_a_service_is_locked_when_it_answers(service):
    assert ask(service, b"open") == b"PermissionError"


@linux_only
def test_threads_that_a_service_has_started_are_locked_with_it(way):
    with contextlib.closing(Service("inmates:load_threads")) as service:
        assert ask(service, b"") == b"PermissionError,PermissionError"


def test_a_service_that_refuses_a_request_or_errs_goes_on(service):
    pid = ask(service, b"pid")
    with pytest.raises(InputError, match="no picture") as caught:
        ask(service, b"refuse")
    assert (type(caught.value), caught.value.where) == (InputError, "page 1")
    with pytest.raises(BugError, match="ZeroDivisionError"):
        ask(service, b"err")
    assert ask(service, b"pid") == pid


@pytest.mark.parametrize(
    ("request_", "fate_of_it"), [(b"crash", Fate.CRASH), (b"sleep", Fate.TIME), (b"much", Fate.SIZE), (b"memory", Fate.MEMORY)]
)
def test_a_request_that_kills_a_service_is_an_error_and_the_next_has_a_new_one(way, request_, fate_of_it):
    if fate_of_it is Fate.MEMORY and sys.platform != "linux":
        pytest.skip("only Linux limits memory")
    limits = Limits(wall_seconds=0.3 if fate_of_it is Fate.TIME else 30, answer_bytes=1_000_000)
    with contextlib.closing(Service("inmates:load", "hi", limits=limits)) as service:
        pid = ask(service, b"pid")
        with pytest.raises(ConfinedError, match="page 1") as caught:
            ask(service, request_)
        assert caught.value.fate is fate_of_it
        assert ask(service, b"pid") != pid


@linux_only
def test_a_service_that_was_killed_while_idle_is_started_again(service):
    os.kill(int(ask(service, b"pid")), signal.SIGKILL)
    time.sleep(0.2)
    assert ask(service, b"you") == b"hi you True"


def test_a_service_answers_threads_one_at_a_time(service):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: ask(service, str(number).encode()), range(40)))
    assert found == [f"hi {number} True".encode() for number in range(40)]


def test_a_service_that_cannot_load_says_why(way):
    with contextlib.closing(Service("inmates:load_nothing")) as service:
        for _ in range(2):
            with pytest.raises(InputError, match="no model"):
                ask(service, b"")


@needs_fork
def test_a_closed_service_is_gone(service):
    pid = int(ask(service, b"pid"))
    service.close()
    service.close()
    assert gone(pid)


def test_pictures_of_a_job_are_answered_by_a_service(service):
    assert run("asks", b"", 3, answer=lambda question: ask(service, question)) == [b"hi 0 True", b"hi 1 True", b"hi 2 True"]
