"""A process locks itself away: no file, no network, no other process, for the rest of its life. Linux only, without a package.

Two locks of the kernel, either of which suffices for most: Landlock (Linux 5.13, kernel.org/doc/html/latest/userspace-api/landlock.html)
takes every right that the running kernel can take, also ones made after this was written. A seccomp filter (seccomp(2)) refuses the system
calls that Landlock knows nothing of (UDP, Unix sockets, io_uring, chmod, stat, signals), and with nothing readable all that open a file.
It reaches threads that run already, as Landlock does from Linux 7.0 on. What is open stays open: files, pipes and sockets may be used.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
VERSION_FLAG: Final = 1
RULE_PATH_BENEATH: Final = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3  # rights of linux/landlock.h
MOST_RIGHTS: Final = 32  # bits of a set of rights that are tried; Linux 7.2 has 17
ALL_THREADS: Final = 1 << 3  # LANDLOCK_RESTRICT_SELF_TSYNC
ALL_THREADS_SINCE: Final = 8  # version of Landlock

SET_MODE_FILTER, FILTER_ALL_THREADS = 1, 1  # linux/seccomp.h
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
UNKNOWN: Final = 0x00050000 | errno.ENOSYS  # libraries fall back to older calls
NEWEST_CALL: Final = 450  # set_mempolicy_home_node (Linux 5.17); what came later does not exist for a locked process
X32_CALLS: Final = 0x40000000  # the same kernel under other numbers
CLONE_THREAD: Final = 0x00010000
AT_EMPTY_PATH: Final = 0x1000  # fstat in the dress of stat
CAPABILITY_VERSION: Final = 0x20080522  # linux/capability.h
LOAD, EQUAL, ABOVE, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # instructions of linux/bpf_common.h
CALL_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16  # bytes into struct seccomp_data


class _Machine(NamedTuple):
    architecture: int  # linux/audit.h
    column: int  # of the tables of system calls
    seccomp: int


_MACHINES: Final = {"x86_64": _Machine(0xC000003E, 0, 317), "aarch64": _Machine(0xC00000B7, 1, 277)}

# System calls by their numbers on x86_64 and aarch64 (asm/unistd.h); - where an architecture has none.
_NEVER: Final = """
    execve 59 221, execveat 322 281, fork 57 -, vfork 58 -, unshare 272 97, setns 308 268, ptrace 101 117, kcmp 312 272,
    process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, process_mrelease 448 448, pidfd_open 434 434,
    pidfd_getfd 438 438, pidfd_send_signal 424 424, tkill 200 130, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
    setpriority 141 140, ioprio_set 251 30, migrate_pages 256 238, move_pages 279 239, sched_setscheduler 144 119,
    sched_setparam 142 118, sched_setattr 314 274, personality 135 92,
    socket 41 198, socketpair 53 199, connect 42 203, bind 49 200, listen 50 201, accept 43 202, accept4 288 242,
    io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427, shmget 29 194, shmat 30 196, msgget 68 186,
    semget 64 190, mq_open 240 180, mq_unlink 241 181, memfd_create 319 279, memfd_secret 447 447,
    ioctl 16 29, bpf 321 280, perf_event_open 298 241, userfaultfd 323 282, fanotify_init 300 262, inotify_init 253 -,
    inotify_init1 294 26, keyctl 250 219, add_key 248 217, request_key 249 218, mount 165 40, umount2 166 39, pivot_root 155 41,
    chroot 161 51, open_tree 428 428, move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433,
    mount_setattr 442 442, swapon 167 224, swapoff 168 225, reboot 169 142, sethostname 170 161, setdomainname 171 162,
    init_module 175 105, finit_module 313 273, delete_module 176 106, kexec_load 246 104, kexec_file_load 320 294, acct 163 89,
    settimeofday 164 170, clock_settime 227 112, adjtimex 159 171, clock_adjtime 305 266, quotactl 179 60, quotactl_fd 443 443,
    syslog 103 116, iopl 172 -, ioperm 173 -, vhangup 153 58, open_by_handle_at 304 265, name_to_handle_at 303 264,
    chmod 90 -, fchmod 91 52, fchmodat 268 53, chown 92 -, fchown 93 55, lchown 94 -, fchownat 260 54, utime 132 -, utimes 235 -,
    futimesat 261 -, utimensat 280 88, setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15,
    fremovexattr 199 16
"""
_WITH_A_PATH: Final = """
    open 2 -, creat 85 -, openat 257 56, openat2 437 437, stat 4 -, lstat 6 -, access 21 -, faccessat 269 48, faccessat2 439 439,
    readlink 89 -, readlinkat 267 78, statfs 137 43, getxattr 191 8, lgetxattr 192 9, listxattr 194 11, llistxattr 195 12, chdir 80 49,
    truncate 76 45, unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38, renameat2 316 276, mkdir 83 -, mkdirat 258 34,
    rmdir 84 -, link 86 -, linkat 265 37, symlink 88 -, symlinkat 266 36, mknod 133 -, mknodat 259 33, inotify_add_watch 254 27
"""
_CLONE3: Final = (435, 435)  # its flags lie in memory, where a filter cannot look; clone's do not


def lock(readable: Sequence[Path] = ()) -> str | None:
    """Takes every right from this process but to read below `readable`; what took them ("Landlock 7, seccomp"), None where nothing can.

    Without Landlock in the kernel nothing is readable, `readable` or not: seccomp cannot tell one file from another. OSError where the
    kernel has the locks and does not close them. Call it last: with nothing readable no module can be imported any more.
    """
    if sys.platform != "linux":
        return None
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    version = _call(CREATE_RULESET, None, 0, VERSION_FLAG)
    if version > 0:
        _restrict(version, readable)
    filtered = _filter(files=bool(readable) and version > 0)
    _drop_capabilities()
    return ", ".join([f"Landlock {version}"] * (version > 0) + ["seccomp"] * filtered) or None


def die_with_parent() -> None:
    """The kernel kills this process when the thread that forked it ends (Linux)."""
    if sys.platform == "linux":
        _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))


# --- Landlock


def _restrict(version: int, readable: Sequence[Path]) -> None:
    ruleset = _check(_ruleset(*_all_rights()))
    try:
        for path in readable:
            _allow(ruleset, path)
        _check(_call(RESTRICT_SELF, ruleset, ALL_THREADS if version >= ALL_THREADS_SINCE else 0))
    finally:
        os.close(ruleset)


def _all_rights() -> tuple[int, int, int]:
    """All that this kernel can forbid: of files, of the network, of what lies outside. It refuses sets with bits that it does not know."""
    files = next(rights for rights in _sets() if _knows(rights, 0, 0))
    network = next((rights for rights in _sets() if _knows(files, rights, 0)), 0)
    outside = next((rights for rights in _sets() if _knows(files, 0, rights)), 0)
    return files, network, outside


def _sets() -> Iterator[int]:
    return ((1 << bits) - 1 for bits in range(MOST_RIGHTS, 0, -1))


def _knows(files: int, network: int, outside: int) -> bool:
    ruleset = _ruleset(files, network, outside)
    if ruleset >= 0:
        os.close(ruleset)
    return ruleset >= 0


def _ruleset(files: int, network: int, outside: int) -> int:
    """struct landlock_ruleset_attr; a kernel with a shorter one takes it if the rest is zero."""
    rights = struct.pack("=QQQ", files, network, outside)
    return _call(CREATE_RULESET, rights, len(rights), 0)


def _allow(ruleset: int, path: Path) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = READ_FILE | READ_DIR if path.is_dir() else READ_FILE
        _check(_call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0))
    finally:
        os.close(place)


# --- seccomp


def _filter(*, files: bool) -> bool:
    """Whether a filter is in force; it leaves the calls that take a path alone where Landlock is to judge `files`."""
    machine = _MACHINES.get(platform.machine()) if sys.maxsize > 2**32 else None
    if machine is None:
        return False
    steps = b"".join(_program(machine, files=files))
    code = ctypes.create_string_buffer(steps, len(steps))
    program = struct.pack("@HP", len(steps) // 8, ctypes.addressof(code))  # struct sock_fprog
    outcome = _call(machine.seccomp, SET_MODE_FILTER, FILTER_ALL_THREADS, program)
    if outcome < 0 and ctypes.get_errno() in (errno.ENOSYS, errno.EINVAL):
        return False  # a kernel without seccomp
    if _check(outcome) > 0:
        raise OSError(errno.EBUSY, "a thread has a seccomp filter of its own")
    return True


def _program(machine: _Machine, *, files: bool) -> Iterator[bytes]:
    """What the kernel runs at each system call (it remembers the calls that are always allowed, so it costs next to nothing)."""
    yield _step(LOAD, ARCHITECTURE_AT)
    yield from _returned(EQUAL, machine.architecture, REFUSE, unless=True)
    yield _step(LOAD, CALL_AT)
    yield from _returned(ABOVE, X32_CALLS - 1, REFUSE)
    yield from _returned(ABOVE, NEWEST_CALL, UNKNOWN)
    yield from _returned(EQUAL, _CLONE3[machine.column], UNKNOWN)
    for call in _numbers(_NEVER if files else _NEVER + "," + _WITH_A_PATH, machine.column):
        yield from _returned(EQUAL, call, REFUSE)
    for calls, argument, test, value in _allowed_if(files=files):
        yield from _allowed(calls[machine.column], argument, test, value)
    yield _step(RETURN, ALLOW)


def _allowed_if(*, files: bool) -> Iterator[tuple[tuple[int, int], int, int, int]]:
    """Calls with the argument that decides: threads but no processes, signals to itself, limits of itself, the state of an open file."""
    yield (56, 220), 0, ANY_BIT, CLONE_THREAD  # clone
    yield (62, 129), 0, EQUAL, os.getpid()  # kill
    yield (234, 131), 0, EQUAL, os.getpid()  # tgkill
    yield (302, 261), 0, EQUAL, 0  # prlimit64
    if not files:
        yield (262, 79), 3, ANY_BIT, AT_EMPTY_PATH  # newfstatat
        yield (332, 291), 2, ANY_BIT, AT_EMPTY_PATH  # statx


def _numbers(table: str, column: int) -> Iterator[int]:
    numbers = (entry.split()[1 + column] for entry in table.split(","))
    return (int(number) for number in numbers if number != "-")


def _returned(test: int, value: int, verdict: int, *, unless: bool = False) -> Iterator[bytes]:
    yield _step(test, value, *((1, 0) if unless else (0, 1)))
    yield _step(RETURN, verdict)


def _allowed(call: int, argument: int, test: int, value: int) -> Iterator[bytes]:
    yield _step(EQUAL, call, 0, 4)
    yield _step(LOAD, ARGUMENTS_AT + 8 * argument)  # the lower half, on machines with the lower half first
    yield _step(test, value, 0, 1)
    yield _step(RETURN, ALLOW)
    yield _step(RETURN, REFUSE)


def _step(instruction: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter; jumps count the instructions that are left out."""
    return struct.pack("=HBBI", instruction, if_true, if_false, value)


# --- the kernel


def _drop_capabilities() -> None:
    """What root may do beyond its files, such as raising its own limits; of this thread only."""
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    _check(_libc.capset(header, bytes(24)))


def _call(number: int, *arguments: int | bytes | None) -> int:
    """syscall(2): what it returns, -1 where it fails."""
    whole = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return int(_libc.syscall(ctypes.c_long(number), *whole))


def _check(outcome: int) -> int:
    if outcome < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return outcome


if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.syscall.restype = ctypes.c_long
