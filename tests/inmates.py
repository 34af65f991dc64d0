"""What the tests of confinement run in child processes; each job gives what it found, as text."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from structurer.errors import InputError

Ask = Callable[[bytes], bytes]


def content(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield file.read()


def many(file: BinaryIO, ask: Ask, count: int, size: int) -> Iterator[bytes]:
    for number in range(count):
        yield number.to_bytes(4, "big") + bytes(size - 4)


def asks(file: BinaryIO, ask: Ask, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield ask(str(number).encode())


def tells_when(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    """The moment at which each message was made; they are so large that a stream holds no two of them."""
    for _ in range(100):
        yield str(time.monotonic_ns()).encode().ljust(4_000_000)


def reads(file: BinaryIO, ask: Ask, *paths: str) -> Iterator[bytes]:
    for path in paths:
        try:
            yield Path(path).read_bytes()
        except OSError as error:
            yield type(error).__name__.encode()


def environment(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield " ".join(os.environ).encode()


def descriptors(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield ",".join(str(number) for number in range(256) if _is_open(number)).encode()


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


# --- trying to get out


def tries(file: BinaryIO, ask: Ask, port: int, own: str, other: str) -> Iterator[bytes]:
    """One message an attempt: its name, and what it came to."""
    for name, attempt in _attempts(port, own, other).items():
        yield f"{name}: {_outcome(attempt)}".encode()


def _attempts(port: int, own: str, other: str) -> dict[str, Callable[[], Any]]:
    return {
        "read": lambda: Path("/etc/passwd").read_text(),
        "read its own by name": lambda: Path(own).read_text(),
        "list": lambda: os.listdir("/"),
        "look": lambda: os.stat("/etc/passwd"),
        "write": lambda: Path(other).write_text("x"),
        "remove": lambda: os.unlink(own),
        "rename": lambda: os.rename(own, other),
        "make a folder": lambda: os.mkdir(other),
        "link": lambda: os.symlink(own, other),
        "change rights": lambda: os.chmod(own, 0o777),
        "change rights of its own": lambda: os.fchmod(4, 0o777),
        "change times": lambda: os.utime(own, (0, 0)),
        "connect": lambda: socket.create_connection(("127.0.0.1", port), 1),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "unix socket": lambda: socket.socket(socket.AF_UNIX),
        "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
        "run": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        "fork": os.fork,
        "signal its parent": lambda: os.kill(os.getppid(), 0),
        "signal everyone": lambda: os.kill(-1, 0),
        "limit its parent": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0)),
        "raise its limits": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        "read another's memory": lambda: open(f"/proc/{os.getppid()}/mem", "rb").read(1),
        "import": lambda: __import__("this"),
    }


def _outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except (OSError, ImportError) as error:
        return type(error).__name__
    except ValueError as error:
        return str(error)
    return "done"


def still_can(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    """What a parser needs."""
    begun: list[int] = []
    thread = threading.Thread(target=lambda: begun.append(1))
    thread.start()
    thread.join()
    yield bytes(begun)
    yield "水".encode("gb18030").decode("gb18030").encode("big5")
    yield str(len(os.urandom(8))).encode()


# --- coming to a bad end


def takes(file: BinaryIO, ask: Ask, how: str, size: int) -> Iterator[bytes]:
    held = _TAKEN[how](size)
    yield str(bool(held is not None)).encode()


def _by_malloc(size: int) -> bytes:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    place = libc.malloc(size)
    if not place:
        raise MemoryError
    ctypes.memset(place, 1, size)
    return b"done"


def _by_mmap(size: int, flags: int) -> mmap.mmap:
    try:
        held = mmap.mmap(-1, size, flags=flags)
    except OSError as error:
        raise MemoryError from error
    for place in range(0, size, mmap.PAGESIZE):
        held[place] = 1
    return held


def _by_pieces(size: int) -> list[bytes]:
    return [bytes([1]) * (1 << 20) for _ in range(size >> 20)]


_TAKEN: dict[str, Callable[[int], Any]] = {
    "malloc": _by_malloc,
    "shared": lambda size: _by_mmap(size, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    "private": lambda size: _by_mmap(size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
    "pieces": _by_pieces,
}


def grows_and_crashes(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    """As a C library that ends the process when it gets no more memory."""
    held = []
    try:
        while True:
            held.append(bytes([1]) * (1 << 22))
    except MemoryError:
        os.abort()
    yield b""


def spins(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    while True:
        pass
    yield b""


def sleeps(file: BinaryIO, ask: Ask, seconds: float) -> Iterator[bytes]:
    yield b"begun"
    time.sleep(seconds)
    yield b"slept"


def sleeps_deaf(file: BinaryIO, ask: Ask, seconds: float) -> Iterator[bytes]:
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
    yield str(os.getpid()).encode()
    time.sleep(seconds)


def crashes(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield b"begun"
    ctypes.string_at(0)


def leaves(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield b"begun"
    os._exit(3)


def refuses(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield b"begun"
    raise InputError("page 2 is torn", where="scan.pdf, page 2", remedy="scan it again")


def errs(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    yield b"begun"
    yield b"x"[3:4] + bytes(1 // 0)


def ends_its_reading(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    raise EOFError("of an archive, not of the stream")
    yield b""


def prints(file: BinaryIO, ask: Ask) -> Iterator[bytes]:
    print("noise")
    print("noise", file=sys.stderr)
    os.write(1, b"noise")
    os.write(2, b"noise")
    yield b"quiet"


def raw(file: BinaryIO, ask: Ask, frame: bytes, deaf: bool) -> Iterator[bytes]:
    """What a child under a stranger's control may send: any bytes at all, and then silence, or the end of its stream while it runs on."""
    streams = [number for number in range(3, 64) if _is_open(number) and stat.S_ISSOCK(os.fstat(number).st_mode)]
    os.write(streams[0], frame)
    if deaf:
        for number in streams:
            os.close(number)
    time.sleep(60)
    yield b""


# --- services


def load(greeting: str) -> Callable[[bytes], bytes]:
    model = Path(__file__).read_text()  # something heavy

    def answer(request: bytes) -> bytes:
        return _ANSWERS.get(request, f"{greeting} {request.decode()} {len(model) > 0}".encode)()

    return answer


def _refuse() -> bytes:
    raise InputError("no picture", remedy="send one")


def _crash() -> bytes:
    os.abort()


def _open() -> bytes:
    return _outcome(lambda: Path("/etc/passwd").read_text()).encode()


def _sleep() -> bytes:
    time.sleep(60)
    return b""


_ANSWERS: dict[bytes, Callable[[], bytes]] = {
    b"refuse": _refuse,
    b"err": lambda: bytes(1 // 0),
    b"crash": _crash,
    b"sleep": _sleep,
    b"open": _open,
    b"pid": lambda: str(os.getpid()).encode(),
    b"much": lambda: bytes(2_000_000),
    b"memory": lambda: bytes(1 << 36),
}


def load_nothing() -> Callable[[bytes], bytes]:
    raise InputError("no model", remedy="install one")


def load_threads() -> Callable[[bytes], bytes]:
    """A service with a thread that runs before it is locked."""
    wanted, found = threading.Event(), threading.Event()
    told: list[str] = []

    def look() -> None:
        wanted.wait()
        told.append(_outcome(lambda: Path("/etc/passwd").read_text()))
        told.append(_outcome(socket.socket))
        found.set()

    threading.Thread(target=look, daemon=True).start()

    def answer(request: bytes) -> bytes:
        wanted.set()
        found.wait()
        return ",".join(told).encode()

    return answer
