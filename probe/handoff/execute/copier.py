"""Standard error on its way: a process that copies it byte for byte, at once, and keeps the end.

A process of its own, so that it may stay: as long as somebody still has the other end (a grandchild that outlives the
command), or should the probe be killed. Nobody is stopped by SIGPIPE because the probe has ended, and the probe does
not wait for the end of what a daemon may keep open for ever.

To a terminal it goes through a pseudo-terminal that changes nothing, so that the command finds a terminal there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import termios
import tty
from typing import NoReturn

from probe.handoff.execute.spawn import let_go
from probe.handoff.execute.tail import Tail

_CHUNK = 64 << 10
_TARGET = 2
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET})
_ARRIVED, _RESIZED = b"a", b"r"
_MOST_IN_TERMINAL = 1 << 20


class Copier:
    """Copies from its making on. All signals are to be blocked before: it gets those of the terminal too."""

    def __init__(self, tail: Tail) -> None:
        """Raises OSError when there is no process, no pipe or no pseudo-terminal to be had."""
        tail.clear()
        opened: list[int] = []
        parent = os.getpid()
        try:
            terminal = os.isatty(_TARGET)
            source, self.inlet = pair = os.openpty() if terminal else os.pipe()
            opened += pair
            hold, self._hold = pair = os.pipe()
            opened += pair
            self._news, news = pair = os.pipe()
            opened += pair
            if terminal:
                tty.setraw(self.inlet, termios.TCSANOW)
                _resize(source)
            self.pid = os.fork()
        except (OSError, termios.error) as error:
            for descriptor in opened:
                os.close(descriptor)
            raise OSError(error.args[0], str(error.args[-1])) from None
        if self.pid == 0:
            _Copying(source, hold, news, tail, parent, terminal).run()
        for descriptor in (source, hold, news):
            os.close(descriptor)
        os.set_blocking(self._news, False)
        self._ended = self.arrived = False
        """Whether all that the command wrote until its end has been written."""

    @property
    def descriptors(self) -> tuple[int, int]:
        """To be kept open, beside `inlet` until the command has it."""
        return self._hold, self._news

    def end(self) -> None:
        """The command has ended: what is on its way is to arrive."""
        os.close(self._hold)
        self._ended = True

    def news(self) -> bool:
        """(After SIGCHLD.) Whether the terminal has got another size; `arrived` is up to date then."""
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(self._news, 64)
            self.arrived = self.arrived or not said or _ARRIVED in said
        return _RESIZED in said

    def dismiss(self) -> None:
        """It ends by itself when nobody can write any more."""
        if not self._ended:
            self.end()
        os.close(self._news)


def _resize(pseudo: int) -> None:
    with contextlib.suppress(OSError, termios.error):
        termios.tcsetwinsize(pseudo, termios.tcgetwinsize(_TARGET))


class _Copying:
    """The child's side."""

    def __init__(self, source: int, hold: int, news: int, tail: Tail, parent: int, terminal: bool) -> None:
        self._source, self._hold, self._news, self._terminal = source, hold, news, terminal
        self._tail: Tail | None = tail
        self._parent = parent
        self._owed: int | None = None
        """Bytes that were on their way when the command ended, and have not arrived yet."""

    def run(self) -> NoReturn:
        """Until nobody can write any more, or nobody reads."""
        try:
            let_go({_TARGET, self._source, self._hold, self._news})
            if self._terminal:
                self._follow_size()
            self._copy()
        finally:
            os._exit(0)

    def _follow_size(self) -> None:
        """The size may have changed while the whole job was stopped, too."""
        numbers = (signal.SIGWINCH, signal.SIGCONT)
        for number in numbers:
            signal.signal(number, self._resized)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)

    def _resized(self, number: int, _frame: object) -> None:
        _resize(self._source)
        if number == signal.SIGWINCH:
            self._tell(_RESIZED)

    def _tell(self, word: bytes) -> None:
        """SIGCHLD is what the probe waits for; nobody else can be meant once it has gone."""
        with contextlib.suppress(OSError):
            os.write(self._news, word)
            if os.getppid() == self._parent:
                os.kill(self._parent, signal.SIGCHLD)

    def _copy(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._hold, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._hold in ready:
                poll.unregister(self._hold)
                self._owed = self._on_its_way()
            elif self._source in ready and not self._pass_on():
                return
            if self._owed is not None and self._tail is not None and (self._owed <= 0 or self._is_empty()):
                self._tail = None
                self._tell(_ARRIVED)

    def _on_its_way(self) -> int:
        """At most so many bytes: somebody else may go on writing for ever. A pseudo-terminal counts only some."""
        if self._terminal:
            return _MOST_IN_TERMINAL
        answer = fcntl.ioctl(self._source, termios.FIONREAD, bytes(4))
        return struct.unpack("=i", answer)[0]  # type: ignore[no-any-return]

    def _is_empty(self) -> bool:
        """poll(2) waits for what is still in the inner buffers of a pseudo-terminal (n_tty_poll in the kernel)."""
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        return not poll.poll(0)

    def _pass_on(self) -> bool:
        """One piece. False when there is no more, or nowhere to put it: then the writers meet what they would meet."""
        try:
            data = os.read(self._source, _CHUNK)
        except OSError:  # EIO: the last one has closed a pseudo-terminal
            data = b""
        if not data:
            return False
        if self._tail is not None:
            self._tail.add(data)
        if self._owed is not None:
            self._owed -= len(data)
        return _write(data)


def _write(data: bytes) -> bool:
    """False when nobody reads any more. What fails in another way (a full disk) is lost, as it is without the probe."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(_TARGET, view) :]
        except BlockingIOError:  # somebody who shares it has made it non-blocking
            poll = select.poll()
            poll.register(_TARGET, select.POLLOUT)
            poll.poll()
        except OSError as error:
            return error.errno not in _GONE
    return True
