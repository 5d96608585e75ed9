"""The board over time: redrawn in place on a terminal, a line for each change elsewhere; until all runs have ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from probe.cli.exits import ExitStatus, fail, warn

if TYPE_CHECKING:
    from types import FrameType

    from rich.live import Live

    from probe.cli.desk import Desk
    from probe.evidence.board import Board

_LONGEST_PAUSE = 30.0
_REDRAW_SECONDS = 1.0
_INTERRUPTED = 130
_PLAIN = ("dumb", "unknown")


class _StopError(BaseException):
    """A signal came, or nobody reads any more. Not an Exception: nothing on the way may take it for a failure."""


class _Face(Protocol):
    """Where the board is shown."""

    def show(self, board: Board, trouble: str) -> None:
        """The board as it is now; `trouble`: what is wrong with the API, or empty."""

    def tick(self, board: Board, trouble: str) -> None:
        """Nothing but time has changed."""


def follow(desk: Desk, interval: float, *, talk: bool) -> Board:
    """Look every `interval` seconds and show what there is; the last board, when all runs have ended or a signal came.

    `talk`: standard output is for the document; changes are said on standard error.
    """
    looked = False
    try:
        with _signals(), _face(sys.stderr if talk else sys.stdout) as face:
            _look_first(desk)
            looked = True
            _follow(desk, face, interval)
    except _StopError:
        if not looked:
            raise SystemExit(_INTERRUPTED) from None
    return desk.board()


def _look_first(desk: Desk) -> None:
    """What is wrong from the beginning is a mistake or a cluster that is down: said at once."""
    from probe.cluster.failures import ApiError
    from probe.cluster.fetch import NoRunError

    try:
        desk.look()
    except NoRunError as error:
        fail(str(error))
    except ApiError as error:
        fail(str(error), ExitStatus.PROBE_FAILED)


def _follow(desk: Desk, face: _Face, interval: float) -> None:
    from probe.cluster.failures import ApiError, Failure
    from probe.report.boardpage import clock

    trouble, pause, lost = "", interval, 0
    face.show(desk.board(time.time_ns()), trouble)
    while not desk.done:
        end = time.monotonic() + pause
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _REDRAW_SECONDS))
            face.tick(desk.board(time.time_ns()), trouble)
        try:
            desk.look()
        except ApiError as error:
            lost = lost or time.time_ns()
            pause = min(_LONGEST_PAUSE, max(interval, pause * 2))
            trouble = f"API not reachable since {clock(lost)}, trying again every {pause:.0f} s: {error}"
            if error.failure in (Failure.UNAUTHORIZED, Failure.UNREACHABLE):
                desk.again()
        else:
            trouble, pause, lost = "", interval, 0
        face.show(desk.board(time.time_ns()), trouble)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the watch at once; the second one ends the process."""
    asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(_INTERRUPTED)
        asked = True
        raise _StopError

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _face(stream: IO[str]) -> Iterator[_Face]:
    if stream.isatty() and os.environ.get("TERM") not in _PLAIN:
        from rich.live import Live

        from probe.report.layout import make_console

        console = make_console(stream)
        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            screen = _Screen(live)
            try:
                yield screen
            finally:
                live.vertical_overflow = "visible"  # the last picture stays: all of it
    else:
        yield _Lines(stream)


class _Screen:
    """Redrawn in place; written only where it differs from what is there."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._shown = ""

    def show(self, board: Board, trouble: str) -> None:
        from rich.text import Text

        from probe.report.boardpage import board_lines

        lines = [Text.assemble(*spans) for spans in board_lines(board, self._live.console.width - 1, trouble)]
        text = Text("\n", no_wrap=True, overflow="crop").join(lines)
        if text.markup != self._shown:
            self._shown = text.markup
            self._live.update(text, refresh=True)

    tick = show


class _Lines:
    """One line for each change."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._before: Board | None = None
        self._trouble, self._lost = "", 0.0

    def show(self, board: Board, trouble: str) -> None:
        from probe.report.boardpage import change_lines, clock, duration
        from probe.report.safe import safe

        moment = clock(board.taken)
        if trouble and not self._trouble:
            self._lost = time.monotonic()
            self._put(f"{moment}  {safe(trouble)}")
        elif self._trouble and not trouble:
            self._put(f"{moment}  the API answers again, after {duration(time.monotonic() - self._lost)}")
        for line in change_lines(self._before, board):
            self._put(safe(line))
        self._before, self._trouble = board, trouble

    def tick(self, board: Board, trouble: str) -> None:
        """Time alone is no change."""

    def _put(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise _StopError from None
        except OSError as error:
            warn(f"standard output: cannot write: {error.strerror or error}")
            raise _StopError from None
