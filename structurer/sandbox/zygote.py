"""The zygote: a small process of one thread that has imported what children need and forks them, which takes milliseconds.

Why not multiprocessing's fork server: it imports the user's main script again in every child, its list of preloaded modules is one for the
whole program, which may use it itself, and it does not tell how much memory a child held. This one is a `python -c` in a session of its own
(Ctrl-C in a terminal does not reach it); forking is safe in it whatever threads and loops the parent has.

Each child hangs on a leash, a socket between parent and zygote: when the parent lets go of it, the zygote kills the child; when the child
ends, the zygote reaps it and writes into the leash how. So no process id is used that may have been given away. If the zygote dies, the
kernel kills its children (Linux).

One child is forked ahead and waits for its order; if time allows, it has called `rehearse` of the module that was imported last, where
there is such a function. It has seen no file but what that function brings, works for one order like any other, and ends with the zygote.
"""

from __future__ import annotations

import contextlib
import encodings
import gc
import importlib
import os
import pickle
import pkgutil
import select
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

from structurer.sandbox.inmate import Line, Order, obey
from structurer.sandbox.landlock import die_with_parent

FORK, PRELOAD = b"f", b"p"
LENGTH: Final = struct.Struct("<Q")
ENDING: Final = struct.Struct("<iQ")  # the signal that killed a child (0: none), the most bytes it held
MOST_DESCRIPTORS: Final = 3  # of a child: its stream, its leash, its file
_MAXRSS_BYTES: Final = 1 if sys.platform == "darwin" else 1024  # the unit of getrusage(2)


def main(control: str = "") -> None:
    """Serves as zygote at the socket with this number; without one, is a single child at its own pipes, where nothing forks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_codecs()
    if control:
        _Zygote(socket.socket(fileno=int(control))).serve()
    else:
        _alone()


def import_codecs() -> None:
    """Python imports a codec when a text first needs it, which in a locked process is too late."""
    for module in pkgutil.iter_modules(encodings.__path__):
        with contextlib.suppress(ImportError):  # those of other systems
            importlib.import_module(f"encodings.{module.name}")


def _alone() -> None:
    line = Line(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what a library prints is no frame
    obey(pickle.loads(line.receive()[1]), line, None)


class _Waiting(NamedTuple):
    """A child without an order: its process id, and the socket that will bring one."""

    process: int
    line: socket.socket


class _Zygote:
    """It forks, kills and reaps until its parent is gone."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._leashes: dict[int, socket.socket] = {}  # by process id
        self._waiting: _Waiting | None = None
        self._rehearse: Callable[[], None] | None = None  # of the module that was imported last
        self._ready = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()  # rung by SIGCHLD
        self._bell.setblocking(False)
        self._rope.setblocking(False)

    def serve(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the parent's thread may have held signals back
        signal.set_wakeup_fd(self._rope.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._ready.register(self._control, selectors.EVENT_READ, 0)
        self._ready.register(self._bell, selectors.EVENT_READ, 0)
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                for key, _ in self._ready.select():
                    self._answer(key)
        children = [*self._leashes, *([self._waiting.process] if self._waiting else [])]
        for child in children:
            _kill(child)
        for child in children:
            os.waitpid(child, 0)

    def _answer(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._control:
            self._obey()
        elif key.fileobj is self._bell:
            self._reap()
        elif self._leashes.get(key.data) is key.fileobj:  # not reaped since
            self._ready.unregister(key.fileobj)
            _kill(key.data)

    # --- what the parent asks

    def _obey(self) -> None:
        what, content, descriptors = _received(self._control)
        if what == PRELOAD:
            self._import(content.decode())
        else:
            order: Order = pickle.loads(content)
            if not order.service:  # what a service loads is heavy, and its own
                self._import(order.function.partition(":")[0])
            with contextlib.suppress(OSError):  # no process to be had; the parent sees the stream end
                self._give(content, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        with contextlib.suppress(OSError):
            self._lay_in()

    def _import(self, module: str) -> None:
        """Imports it once for all children; where that fails, a child tries again and tells."""
        if module not in sys.modules:
            self._dismiss()
            with contextlib.suppress(Exception):
                importlib.import_module(module)
            gc.freeze()  # a collection in a child would write into, and so copy, all that it shares
            self._rehearse = getattr(sys.modules.get(module), "rehearse", None)

    def _give(self, content: bytes, descriptors: Sequence[int]) -> None:
        """The order goes to the child that waits for one, which from now on hangs on its leash."""
        if self._waiting is None or not _sent(self._waiting.line, content, descriptors):
            self._dismiss()
            self._lay_in()
            assert self._waiting is not None
            _sent(self._waiting.line, content, descriptors)
        child, self._waiting = self._waiting, None
        child.line.close()
        leash = socket.socket(fileno=os.dup(descriptors[1]))
        self._leashes[child.process] = leash
        self._ready.register(leash, selectors.EVENT_READ, child.process)

    # --- the child that waits

    def _lay_in(self) -> None:
        """Forks a child that waits for an order, if none does: it is ready while the one before it works."""
        if self._waiting is not None:
            return
        ours, theirs = socket.socketpair()
        zygote = os.getpid()
        with theirs:
            child = os.fork()
            if not child:
                ours.close()
                self._become(zygote, theirs)
        self._waiting = _Waiting(child, ours)

    def _dismiss(self) -> None:
        if self._waiting is not None:
            _kill(self._waiting.process)
            self._waiting.line.close()
            self._waiting = None

    def _become(self, zygote: int, orders: socket.socket) -> NoReturn:
        """The child; whatever happens, it never goes on as a second zygote."""
        try:
            self._let_go()
            os.setsid()
            die_with_parent()
            os.dup2(1, 2)  # what a library prints is for nobody
            if os.getppid() == zygote:
                if self._rehearse is not None and not select.select([orders], [], [], 0)[0]:
                    with contextlib.suppress(Exception):
                        self._rehearse()
                with orders:
                    _, content, (line, leash, *file) = _received(orders)
                os.close(leash)
                stream = Line(os.fdopen(line, "rb"), os.fdopen(os.dup(line), "wb"))
                obey(pickle.loads(content), stream, os.fdopen(file[0], "rb") if file else None)
        finally:
            os._exit(0)

    def _let_go(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._ready.close()
        for held in (self._control, self._bell, self._rope, *self._leashes.values()):
            held.close()

    # --- how children end

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(64):
                pass
        with contextlib.suppress(ChildProcessError):
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                child, status, usage = ended
                self._tell(child, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, usage.ru_maxrss * _MAXRSS_BYTES)

    def _tell(self, child: int, killed_by: int, peak_bytes: int) -> None:
        if child not in self._leashes:  # it had no order
            if self._waiting is not None and child == self._waiting.process:
                self._waiting.line.close()
                self._waiting = None
            return
        with self._leashes.pop(child) as leash:
            with contextlib.suppress(KeyError):  # the parent let go of it before
                self._ready.unregister(leash)
            with contextlib.suppress(OSError):  # the parent is gone
                leash.send(ENDING.pack(killed_by, peak_bytes))


def _received(control: socket.socket) -> tuple[bytes, bytes, list[int]]:
    """What is asked, its content, and descriptors."""
    what, descriptors, _, _ = socket.recv_fds(control, 1, MOST_DESCRIPTORS)
    return what, _exactly(control, LENGTH.unpack(_exactly(control, LENGTH.size))[0]), descriptors


def _exactly(control: socket.socket, length: int) -> bytes:
    content = control.recv(length, socket.MSG_WAITALL)
    if len(content) < length:
        raise EOFError
    return content


def _sent(line: socket.socket, content: bytes, descriptors: Sequence[int]) -> bool:
    """Whether a child could be given an order."""
    try:
        socket.send_fds(line, [FORK], descriptors)
        line.sendall(LENGTH.pack(len(content)) + content)
    except ConnectionError:
        return False
    return True


def _kill(child: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
