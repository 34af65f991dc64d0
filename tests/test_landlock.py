"""The locks of the kernel, tried in interpreters of their own; the filter also run step by step for both architectures."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from structurer.sandbox import landlock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the locks are those of Linux")


def landlock_version() -> int:
    return landlock._call(landlock.CREATE_RULESET, None, 0, landlock.VERSION_FLAG)


PREAMBLE = """
import errno, os, socket, sys, threading
from pathlib import Path
from structurer.sandbox import landlock

def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
"""


def told(code: str, *arguments: str) -> list[str]:
    """What an interpreter prints that runs this behind the preamble."""
    done = subprocess.run([sys.executable, "-c", PREAMBLE + code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_tells_what_locked_it():
    (locked,) = told("print(landlock.lock().replace(' ', '_'))")
    assert "seccomp" in locked or "Landlock" in locked


def test_nothing_is_allowed_where_nothing_is_readable(tmp_path):
    code = """
landlock.lock()
place = sys.argv[1]
for attempt in (
    lambda: open("/etc/passwd"), lambda: open(place + "/new", "w"), lambda: os.listdir(place), lambda: os.mkdir(place + "/folder"),
    lambda: os.chmod(place, 0o700), lambda: os.utime(place), lambda: os.stat(place), lambda: os.access(place, os.R_OK) or os.stat(place),
    lambda: os.readlink("/proc/self/exe"), lambda: os.truncate(sys.argv[2], 0), lambda: os.unlink(sys.argv[2]),
    lambda: socket.socket(), lambda: socket.socket(socket.AF_UNIX), lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    lambda: socket.socketpair(), os.fork, lambda: os.execv("/bin/true", ["true"]), lambda: os.kill(os.getppid(), 0),
    lambda: os.memfd_create("x"),
):
    print(outcome(attempt))
"""
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    outcomes = told(code, str(tmp_path), str(kept))
    assert len(outcomes) == 19
    assert set(outcomes) <= {"EPERM", "EACCES"}
    assert kept.read_text() == "kept"


def test_what_is_open_stays_open(tmp_path):
    (tmp_path / "own.txt").write_text("own")
    code = """
file = open(sys.argv[1], "rb")
landlock.lock()
print(file.read().decode(), os.fstat(file.fileno()).st_size)
"""
    assert told(code, str(tmp_path / "own.txt")) == ["own", "3"]


@pytest.mark.skipif("landlock_version() < 1", reason="without Landlock nothing is readable")
def test_below_what_is_readable_files_are_read_and_nothing_else(tmp_path):
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "a.ttf").write_text("font")
    (tmp_path / "alone.txt").write_text("alone")
    (tmp_path / "other.txt").write_text("other")
    code = """
place = Path(sys.argv[1])
landlock.lock([place / "fonts", place / "alone.txt"])
print((place / "fonts" / "a.ttf").read_text(), *os.listdir(place / "fonts"), (place / "alone.txt").read_text())
for attempt in (
    lambda: (place / "other.txt").read_text(), lambda: (place / "alone.txt").write_text("x"),
    lambda: (place / "fonts/b.ttf").write_text("x"), lambda: os.unlink(place / "fonts/a.ttf"),
    lambda: os.rename(place / "fonts/a.ttf", place / "fonts/c.ttf"), lambda: os.listdir(place),
    lambda: os.truncate(place / "alone.txt", 0), lambda: os.chmod(place / "alone.txt", 0o777), lambda: socket.socket(),
):
    print(outcome(attempt))
"""
    found = told(code, str(tmp_path))
    assert found[:3] == ["font", "a.ttf", "alone"]
    assert len(found) == 12
    assert set(found[3:]) <= {"EPERM", "EACCES"}


def test_threads_that_run_already_are_locked_too():
    code = """
go, told = threading.Event(), []
def look():
    go.wait()
    told.extend([outcome(lambda: open("/etc/passwd")), outcome(socket.socket)])
thread = threading.Thread(target=look)
thread.start()
landlock.lock()
go.set()
thread.join()
print(*told)
"""
    assert told(code) == ["EPERM", "EPERM"]


def test_threads_are_started_after_the_lock_and_signals_reach_their_own_process():
    code = """
landlock.lock()
thread = threading.Thread(target=lambda: print("thread"))
thread.start()
thread.join()
print(outcome(lambda: os.kill(os.getpid(), 0)), len(os.urandom(8)))
"""
    assert told(code) == ["thread", "done", "8"]


def test_a_process_that_aborts_still_dies_of_it():
    done = subprocess.run([sys.executable, "-c", PREAMBLE + "landlock.lock()\nos.abort()"], capture_output=True, check=False)
    assert done.returncode == -6


def test_locking_twice_is_as_good_as_once():
    assert told("landlock.lock(); print(landlock.lock() is not None, outcome(lambda: open('/etc/passwd')))") == ["True", "EPERM"]


def test_without_landlock_and_seccomp_nothing_is_locked_and_it_says_so():
    code = """
landlock._call = lambda *_: (landlock.ctypes.set_errno(errno.ENOSYS), -1)[1]
print(landlock.lock(), outcome(lambda: open("/etc/passwd")))
"""
    assert told(code) == ["None", "done"]


def test_without_landlock_nothing_is_readable_though_it_be_named():
    code = """
call = landlock._call
landlock._call = lambda number, *rest: -1 if number == landlock.CREATE_RULESET else call(number, *rest)
print(landlock.lock([Path("/etc")]), outcome(lambda: open("/etc/passwd")))
"""
    assert told(code) == ["seccomp", "EPERM"]


@pytest.mark.skipif("landlock_version() < 1", reason="no Landlock here")
def test_without_seccomp_landlock_closes_the_files():
    code = """
landlock._MACHINES.clear()
version = landlock.lock()
print((version or "Landlock_0").replace(" ", "_").split("_")[0], outcome(lambda: open("/etc/passwd")))
"""
    assert told(code) == ["Landlock", "EACCES"]


def test_a_kernel_that_will_not_lock_is_an_error_not_an_open_door():
    code = """
call = landlock._call
def refusing(number, *rest):
    if number == landlock.RESTRICT_SELF or number == landlock._MACHINES[landlock.platform.machine()].seccomp:
        landlock.ctypes.set_errno(errno.E2BIG)
        return -1
    return call(number, *rest)
landlock._call = refusing
print(outcome(landlock.lock))
"""
    assert told(code) == ["E2BIG"]


# --- the filter, step by step

ALLOWED, REFUSED, UNKNOWN = "allowed", errno.EPERM, errno.ENOSYS
READ, CLONE = {"x86_64": 0, "aarch64": 63}, {"x86_64": 56, "aarch64": 220}
CALLS = {
    "x86_64": {"open": 2, "openat": 257, "socket": 41, "execve": 59, "kill": 62, "clone3": 435, "fstat": 262, "chmod": 90, "ioctl": 16},
    "aarch64": {"openat": 56, "socket": 198, "execve": 221, "kill": 129, "clone3": 435, "fstat": 79, "fchmod": 52, "ioctl": 29},
}


def verdict(machine: str, call: int, *arguments: int, files: bool = False, architecture: int | None = None) -> str | int:
    """What the filter says of a system call: a reckoner of classic BPF, as linux/filter.h has it."""
    own = landlock._MACHINES[machine]
    seen = struct.pack("=IIQ6Q", call, architecture or own.architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(landlock._program(own, files=files))
    place = held = 0
    while True:
        code, if_true, if_false, value = struct.unpack("=HBBI", steps[place])
        if code == 0x06:
            return ALLOWED if value == 0x7FFF0000 else value & 0xFFFF
        if code == 0x20:
            held, true = struct.unpack_from("=I", seen, value)[0], None
        else:
            true = {0x15: held == value, 0x25: held > value, 0x45: bool(held & value)}[code]
        place += 1 + (0 if true is None else if_true if true else if_false)


machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


@machines
def test_the_filter_refuses_what_leaves_the_process(machine):
    for name in CALLS[machine].keys() - {"clone3", "kill", "fstat"}:
        assert verdict(machine, CALLS[machine][name]) == REFUSED, name


@machines
def test_the_filter_allows_work_with_what_is_open(machine):
    assert verdict(machine, READ[machine]) == ALLOWED
    assert verdict(machine, READ[machine] + 1) == ALLOWED  # write


@machines
def test_the_filter_leaves_files_to_landlock_where_some_are_readable(machine):
    assert verdict(machine, CALLS[machine]["openat"], files=True) == ALLOWED
    assert verdict(machine, CALLS[machine]["socket"], files=True) == REFUSED


@machines
def test_the_filter_tells_threads_from_processes(machine):
    assert verdict(machine, CLONE[machine], 0x00010000 | 0x100) == ALLOWED
    assert verdict(machine, CLONE[machine], 17) == REFUSED
    assert verdict(machine, CALLS[machine]["clone3"]) == UNKNOWN


@machines
def test_the_filter_allows_signals_to_the_process_itself_only(machine):
    assert verdict(machine, CALLS[machine]["kill"], os.getpid(), 6) == ALLOWED
    assert verdict(machine, CALLS[machine]["kill"], os.getppid(), 6) == REFUSED
    assert verdict(machine, CALLS[machine]["kill"], 2**64 - 1, 9) == REFUSED  # -1: everybody


@machines
def test_the_filter_allows_to_look_at_what_is_open_but_not_at_a_path(machine):
    assert verdict(machine, CALLS[machine]["fstat"], 3, 0, 0, 0x1000) == ALLOWED
    assert verdict(machine, CALLS[machine]["fstat"], 3, 0, 0, 0) == REFUSED


@machines
def test_calls_made_after_this_was_written_do_not_exist(machine):
    assert verdict(machine, 451) == UNKNOWN
    assert verdict(machine, 100_000) == UNKNOWN


@machines
def test_calls_of_other_architectures_are_refused(machine):
    assert verdict(machine, READ[machine], architecture=0x40000003) == REFUSED  # 32 bits
    assert verdict(machine, 0x40000000) == REFUSED  # x32


def test_the_numbers_of_the_calls_are_those_of_the_system():
    headers = {0: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 1: "/usr/include/asm-generic/unistd.h"}
    for column, header in headers.items():
        if not Path(header).exists():
            pytest.skip("no kernel headers here")
        known = dict(line.split()[1:3] for line in Path(header).read_text().splitlines() if line.startswith("#define __NR"))
        for entry in (landlock._NEVER + "," + landlock._WITH_A_PATH).split(","):
            name, number = entry.split()[0], entry.split()[1 + column]
            assert number in ("-", known.get(f"__NR3264_{name}", known.get(f"__NR_{name}"))), name
