"""A command started as if the probe were not there: descriptors, environment, signals and mask as the probe got them.

By fork and exec: posix_spawn(3) can make a signal default, and cannot make one ignored.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

NOT_FOUND = 127
NOT_EXECUTABLE = 126
"""As shells, env(1) and timeout(1) say it."""
_SHELL = b"/bin/sh"
_DEFAULT_PATH = b"/bin:/usr/bin"
_ELSEWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT})
"""Then the next directory of PATH is tried, as by execvp(3)."""
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True)
class Inherited:
    """What the probe was started with. Signals are to be blocked only after this was read."""

    environment: Mapping[bytes, bytes]
    mask: frozenset[int]
    ignores_children: bool
    """SIGCHLD was ignored. The probe itself cannot ignore it: it would not learn how its command ended."""
    stderr_open: bool

    @classmethod
    def read(cls) -> Inherited:
        """Now."""
        return cls(
            environment=_environment(),
            mask=frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            ignores_children=signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN,
            # What was opened since the start of the program, in place of what was closed, is closed at an exec.
            stderr_open=os.get_inheritable(2),
        )


def _environment() -> dict[bytes, bytes]:
    """As the kernel keeps it: Python and the probe have added to their own (LC_CTYPE in the C locale, PEP 538)."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [entry.partition(b"=") for entry in file.read().split(b"\0")]
    except OSError:
        return dict(os.environb)
    found: dict[bytes, bytes] = {}
    for name, equals, value in pairs:
        if name and equals:
            found.setdefault(name, value)  # of two, getenv(3) finds the first
    return found


class Start:
    """A command that is being started. Whether that worked shows when it ends (`failure`)."""

    def __init__(self, command: Sequence[bytes], inherited: Inherited, stderr: int | None) -> None:
        """Start it. `stderr` takes the place of standard error. Raises OSError when there is no process to be had."""
        self._reader, writer = os.pipe()
        try:
            self.pid = os.fork()
        except OSError:
            os.close(self._reader)
            raise
        finally:
            if "pid" not in self.__dict__:
                os.close(writer)
        if self.pid == 0:
            _become(command, inherited, stderr, writer)
        os.close(writer)

    @property
    def descriptor(self) -> int:
        """To be kept open until `failure` was asked."""
        return self._reader

    def failure(self) -> int | None:
        """(When it has ended.) The errno for which it could not be started; None when it was."""
        said = os.read(self._reader, 16)
        os.close(self._reader)
        return int(said) if said else None


def _become(command: Sequence[bytes], inherited: Inherited, stderr: int | None, tell: int) -> NoReturn:
    """(Child.) What the probe has changed is put back, then the command takes its place."""
    number = errno.EIO
    try:
        if stderr is not None:
            os.dup2(stderr, 2)
        # Python ignores these two from its start, and what they were before cannot be known any more; a handler of
        # Python's would swallow an interrupt that comes before the exec.
        for default in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(default, signal.SIG_DFL)
        if callable(signal.getsignal(signal.SIGINT)):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if inherited.ignores_children:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, inherited.mask)
        _execute(command, inherited.environment)
    except OSError as error:
        number = error.errno or number
    except BaseException:  # a defect: said as one that the command cannot be started
        pass
    finally:
        with contextlib.suppress(OSError):
            os.write(tell, b"%d" % number)
        os._exit(NOT_FOUND)


def _execute(command: Sequence[bytes], environment: Mapping[bytes, bytes]) -> None:
    """As execvp(3) does it. Raises OSError."""
    name = command[0]
    if b"/" in name:
        _execute_file(name, command, environment)
        return
    refused: OSError | None = None
    for folder in environment.get(b"PATH", _DEFAULT_PATH).split(b":") if name else ():
        try:
            _execute_file(os.path.join(folder or b".", name), command, environment)
        except PermissionError as error:
            refused = error
        except OSError as error:
            if error.errno not in _ELSEWHERE:
                raise
    raise refused or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _execute_file(path: bytes, command: Sequence[bytes], environment: Mapping[bytes, bytes]) -> None:
    try:
        os.execve(path, list(command), environment)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        os.execve(_SHELL, [_SHELL, path, *command[1:]], environment)  # a script that does not name its interpreter


def let_go(keep: Collection[int]) -> None:
    """Close every descriptor but these: another process shall not wait for the end of what only this one still holds.

    Standard input and output become /dev/null, and so does standard error when it is not kept.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        if standard not in keep:
            os.dup2(null, standard, inheritable=False)
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        numbers = list(range(3, min(os.sysconf("SC_OPEN_MAX"), 65536)))
    for number in numbers:
        if number > 2 and number not in keep:
            with contextlib.suppress(OSError):
                os.close(number)


def die_of(number: int) -> NoReturn:
    """End as a command did that this signal ended. The core dump, if there is one, is the command's."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _not_dumpable()
    with contextlib.suppress(OSError, ValueError):  # SIGKILL
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os._exit(128 + number)  # process 1 of a container survives the signals that it has no handler for


def _not_dumpable() -> None:
    """A core pattern that is a program is run whatever the limit says (core(5)): prctl(2) keeps it away."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
