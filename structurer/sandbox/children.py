"""Child processes as their parent sees them: a stream to talk over, how they end, and no trace of them afterwards.

Where the system forks, children come from a zygote (`zygote`), which is started with the first of them and ends with this
process, however that ends. Elsewhere (Windows) each child is an interpreter of its own. In neither is the user's main script imported.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any, BinaryIO, Final, NamedTuple, Protocol
from weakref import WeakSet

from structurer.sandbox.inmate import HEAD, SOURCE, Order
from structurer.sandbox.zygote import ENDING, FORK, LENGTH, PRELOAD

FORKS: Final = hasattr(os, "fork")
PATIENCE_S: Final = 10.0  # until a process that was killed is reaped
PUMPED_BYTES: Final = 1 << 16
KEPT: Final = (  # variables of the environment that begin so: where things are, languages, and what tunes memory and threads; no keys
    *("PATH", "HOME", "TZ", "TMPDIR", "LANG", "LC_", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("MALLOC_", "OMP_", "OPENBLAS_", "MKL_", "OV_"),
)
_BOOT: Final = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from structurer.sandbox.zygote import main; main(*sys.argv[2:])"


class Ending(NamedTuple):
    """How a child ended: the signal that killed it (0: none) and the most bytes of memory it held (0: not known)."""

    signal: int
    peak_bytes: int


class Child(Protocol):
    """A child process. `line` is the parent's end of the stream."""

    line: socket.socket

    def ended(self, seconds: float) -> Ending | None:
        """How it ended, None if it has not after so many seconds."""

    def kill(self) -> None:
        """It ends at once; may be called from any thread."""

    def end(self) -> None:
        """Killed if need be, and reaped."""


def start(order: Order, file: BinaryIO | None) -> Child:
    """A child that carries out the order, with the file that its job reads (None where there is none, or nothing forks). Raises OSError."""
    child: Child = _Forked(order, file) if FORKS else _Spawned(order)
    _living.add(child)
    return child


def preload(module: str) -> None:
    """Starts the zygote if there is none yet, and has it import a module; does not wait."""
    if FORKS:
        _zygote.ask(PRELOAD, module.encode(), ())


def stop() -> None:
    """Kills all children and the zygote; whoever waits for a child sees it end."""
    _zygote.stop()
    for child in tuple(_living):
        child.kill()


# --- children of the zygote


class _Zygote:
    """This process's end of its zygote: orders go over a socket, and file descriptors with them."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: tuple[socket.socket, subprocess.Popen[bytes]] | None = None

    def ask(self, what: bytes, content: bytes, descriptors: Sequence[int]) -> None:
        """Starts the zygote if there is none or it has died."""
        with self._guard:
            try:
                self._send(what, content, descriptors)
            except ConnectionError:
                self._stop()
                self._send(what, content, descriptors)

    def stop(self) -> None:
        with self._guard:
            self._stop()

    def forget(self) -> None:
        """In a fork of this process, of which the zygote knows nothing."""
        self._guard = threading.Lock()  # another thread may have held it
        if self._running is not None:
            self._running[0].close()
            self._running[1].returncode = 0
            self._running = None

    def _send(self, what: bytes, content: bytes, descriptors: Sequence[int]) -> None:
        if self._running is None:
            self._running = _started()
        control = self._running[0]
        socket.send_fds(control, [what], descriptors)
        control.sendall(LENGTH.pack(len(content)) + content)

    def _stop(self) -> None:
        if self._running is not None:
            control, server = self._running
            self._running = None
            control.close()
            _reap(server)


def _started() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    control, theirs = socket.socketpair()
    with theirs:
        number, nothing = theirs.fileno(), subprocess.DEVNULL
        return control, _interpreter(str(number), pass_fds=[number], stdin=nothing, stdout=nothing)


def _reap(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


class _Forked:
    """A child on its leash."""

    def __init__(self, order: Order, file: BinaryIO | None) -> None:
        self._parent = os.getpid()
        self.line, theirs = socket.socketpair()
        self._leash, held = socket.socketpair()
        files = [] if file is None else [file.fileno()]
        try:
            with theirs, held:
                _zygote.ask(FORK, pickle.dumps(order), [theirs.fileno(), held.fileno(), *files])
        except BaseException:
            self.line.close()
            self._leash.close()
            raise

    def ended(self, seconds: float) -> Ending | None:
        try:
            self._leash.settimeout(seconds)
            told = self._leash.recv(ENDING.size)
        except (BlockingIOError, TimeoutError):
            return None
        except OSError:
            told = b""
        return Ending(*ENDING.unpack(told)) if told else Ending(0, 0)

    def kill(self) -> None:
        if os.getpid() == self._parent:  # not in a fork of it, which has the same leash
            with contextlib.suppress(OSError):  # the zygote is gone, and the child with it
                self._leash.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        with self._leash:
            self.line.close()
            self.kill()
            if os.getpid() == self._parent:
                self.ended(PATIENCE_S)


# --- interpreters


def _interpreter(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """A Python with the same modules in reach, and without the main script, the current folder or the secrets of the environment."""
    folders = json.dumps([os.path.abspath(folder) for folder in sys.path])
    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # Windows: out of the reach of Ctrl-C
    command = [sys.executable, "-I", *["-B"] * sys.dont_write_bytecode, "-c", _BOOT, folders, *arguments]
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    return subprocess.Popen(command, env=kept, start_new_session=True, creationflags=group, **options)


class _Spawned:
    """A child that is an interpreter of its own. Two threads carry its pipes to a socket, on which waiting can be limited."""

    def __init__(self, order: Order) -> None:
        self._process = _interpreter(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.line, self._far = socket.socketpair()
        pumps = (_into, self._process.stdin), (_out_of, self._process.stdout)
        self._pumps = [threading.Thread(target=pump, args=(self._far, pipe), daemon=True) for pump, pipe in pumps]
        for pump in self._pumps:
            pump.start()
        content = pickle.dumps(order)
        self.line.sendall(HEAD.pack(SOURCE, len(content)) + content)

    def ended(self, seconds: float) -> Ending | None:
        try:
            return Ending(max(-self._process.wait(seconds), 0), 0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self.line.close()
        self._process.kill()
        self._process.wait()
        for pump in self._pumps:
            pump.join()
        self._far.close()


def _into(far: socket.socket, pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError), pipe:
        while chunk := far.recv(PUMPED_BYTES):
            with contextlib.suppress(OSError):  # the child is gone, which its parent reads; what is still sent is for nobody
                pipe.write(chunk)
                pipe.flush()


def _out_of(far: socket.socket, pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError), pipe:
        while chunk := os.read(pipe.fileno(), PUMPED_BYTES):
            far.sendall(chunk)
        far.shutdown(socket.SHUT_WR)


_zygote = _Zygote()
_living: WeakSet[Child] = WeakSet()


def _leave() -> None:
    stop()
    for child in tuple(_living):
        child.end()


atexit.register(_leave)
if FORKS:
    os.register_at_fork(after_in_child=_zygote.forget)
