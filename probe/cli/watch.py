"""`probe watch`: what happens to references over time, line by line, until a signal or the end of `--for`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.exits import ExitStatus, fail, warn

if TYPE_CHECKING:
    from types import FrameType

    from probe.evidence.report import Reference
    from probe.evidence.watch import Moment, Watch
    from probe.handoff.observe.observer import Observer
    from probe.handoff.watch.chronicle import Chronicle
    from probe.handoff.watch.ledger import Ledger, Lines

_MOST_REFERENCES = 64
_LEAST_SIZE = 16 << 10
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_FIRST_LOOK = 3.0
"""Seconds that the first look may take beyond `--for`: `--for 0s` is to look once."""
_LAST_SECONDS = 0.5
"""After the signal: what was noticed before it is still taken."""
_EPILOG = """\b
Examples:
  probe watch oci-archive:/workspace/source/oci/image.tar
  probe watch oci-archive:/w/oci/image.tar -o /evidence/watch.jsonl --for 10m
  probe watch oci-archive:/w/a.tar oci:/w/b --json --for 1m > times.json
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `watch`."""
    application.command(verb, epilog=_EPILOG, short_help="Write down what happens to REF over time, as JSON lines.")(
        watch
    )


def watch(
    references: Annotated[
        list[str],
        typer.Argument(metavar="REF...", help="oci-archive:PATH[:TAG], oci:, dir:, docker-archive:, or a plain path."),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Add the lines to FILE; standard error says them for people."
        ),
    ] = None,
    max_size: Annotated[
        str, typer.Option("--max-size", metavar="SIZE", help="Most that is written; then changes are counted.")
    ] = "8MiB",
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long; without it until a signal comes.")
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option("--context", metavar="KEY=VALUE", help="A fact of the place: task=build, role=producer, ..."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="No lines: one timeline document at the end (of each REF, for several).")
    ] = False,
) -> None:
    """Watch REF, and write down what happens to it: one JSON line for each change, at once.

    Creation, growth, attribute and owner changes of the target and of every directory on the way, who opens it for
    writing where that can be seen, close, rename, completeness, and whether this identity can read it. SIGTERM, SIGINT
    and SIGHUP end it with a summary, and exit status 0.
    """
    with _signals() as stop:
        from probe.cli.values import parse_duration, parse_facts, parse_size
        from probe.collect.context import check_facts

        parsed = _parse(references)
        try:
            facts = parse_facts(list(context or ()))
            check_facts(facts)
            bound = parse_size(max_size)
            seconds = parse_duration(for_) if for_ is not None else None
        except ValueError as error:
            fail(str(error))
        if bound < _LEAST_SIZE:
            fail(f"--max-size {max_size}: at least {_LEAST_SIZE >> 10} KiB")
        lines = _open(output, json)
        run = _Run(parsed, facts, lines, bound, stop, talks=output is not None or json, keep=json)
        run.watch(None if seconds is None else time.monotonic() + seconds)
        if json:
            _print(run.documents())
        if lines is not None and lines.failed is not None and not lines.gone:
            raise typer.Exit(int(ExitStatus.PROBE_FAILED))


class _Stop:
    """Whether a signal came, and a descriptor that is readable then."""

    def __init__(self, wakeup: int) -> None:
        self.wakeup, self.asked = wakeup, False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """(Signal handler.) The second one means: at once."""
        if self.asked:
            os._exit(0)
        self.asked = True


@contextmanager
def _signals() -> Iterator[_Stop]:
    """From now on a signal asks the watch to end. One that was ignored stays so (nohup)."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stop = _Stop(reader)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = {}
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            handlers[number] = signal.signal(number, stop.ask)
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


class _Run:
    """One run, over all references."""

    def __init__(
        self,
        references: Sequence[Reference],
        facts: dict[str, str],
        lines: Lines | None,
        bound: int,
        stop: _Stop,
        *,
        talks: bool,
        keep: bool,
    ) -> None:
        from probe.handoff.watch.ledger import Ledger

        self._references, self._facts, self._stop, self._lines = references, facts, stop, lines
        self._talks, self._complained = talks, False
        self._ledger: Ledger = Ledger(lines, bound, lines.size if lines is not None else 0, keep=keep)
        self._watches: list[Watch] = []
        self._chronicles: list[Chronicle] = []

    def watch(self, until: float | None) -> None:
        """Watch until then, or until the signal."""
        from probe.handoff.observe.observer import Observer
        from probe.handoff.watch.chronicle import Chronicle, begin_watches

        self._watches = begin_watches(self._references, self._facts)
        for header in self._watches:
            self._ledger.begin(header)
            self._chronicles.append(Chronicle(header, self._keep))
            self._say(f"watching {header.reference.text}")
            self._complain()
        try:
            with Observer(self._references, holders=True, seals=True, wakeup=self._stop.wakeup) as observer:
                self._follow(observer, until)
        except OSError as error:
            warn(f"no process can be started to look: {error.strerror}")
            raise typer.Exit(int(ExitStatus.PROBE_FAILED)) from None
        finally:
            for chronicle in self._chronicles:
                chronicle.end()
            self._complain()

    def documents(self) -> bytes:
        """The timeline; for several references an object that holds them in order."""
        from probe.handoff.watch.ledger import document_of

        found = [document_of(kept[0], kept[1:]) for header in self._watches if (kept := self._ledger.kept[header.id])]
        if len(found) == 1:
            return found[0] + b"\n"
        return b'{"schema":"pod-probe/timelines/v1","timelines":[%b]}\n' % b",".join(found)

    def _follow(self, observer: Observer, until: float | None) -> None:
        while not self._stop.asked and (self._lines is None or not self._lines.gone):
            now = time.monotonic()
            if until is not None and now >= until + (0.0 if self._begun else _FIRST_LOOK):
                break
            dues = [due for one in self._chronicles if (due := one.due) is not None]
            if until is not None:
                dues.append(until if self._begun else until + _FIRST_LOOK)
            wake = min(dues, default=None)
            self._take(observer, None if wake is None else max(0.0, wake - now))
        end = time.monotonic() + _LAST_SECONDS
        while time.monotonic() < end and self._take(observer, 0):
            pass

    @property
    def _begun(self) -> bool:
        """Whether every target has been looked at."""
        return all(chronicle.begun for chronicle in self._chronicles)

    def _take(self, observer: Observer, timeout: float | None) -> bool:
        notice = observer.next(timeout)
        now = time.monotonic()
        for chronicle in self._chronicles:
            chronicle.tick(now if notice is None else notice.monotonic)
        if notice is not None:
            self._chronicles[notice.target].take(notice)
        self._complain()
        return notice is not None

    # -- what is written and said

    def _keep(self, moment: Moment) -> bool:
        if not self._ledger.keep(moment):
            return False
        from probe.evidence.base import format_timestamp

        self._say(f"{format_timestamp(moment.at)[11:23]} {moment.path}: {moment.sentence}")
        return True

    def _say(self, text: str) -> None:
        if self._talks:
            with contextlib.suppress(OSError, ValueError):  # a standard error that is gone or full
                warn(text)

    def _complain(self) -> None:
        """Once: lines are lost, and a gap in their numbers will show it."""
        lines = self._lines
        if lines is None or lines.failed is None or lines.gone or self._complained:
            return
        self._complained = True
        with contextlib.suppress(OSError, ValueError):
            warn(f"a line could not be written: {lines.failed.strerror}; the watch goes on, and ends with status 4")


def _parse(texts: Sequence[str]) -> list[Reference]:
    from probe.image.reference import BadReference, parse_reference

    if len(texts) > _MOST_REFERENCES:
        fail(f"{len(texts)} references: at most {_MOST_REFERENCES} are watched in one run")
    try:
        return [parse_reference(text) for text in texts]
    except BadReference as error:
        fail(str(error))


def _open(output: str | None, json: bool) -> Lines | None:
    """Where lines go; None: nowhere, as there will be a document."""
    from probe.handoff.watch.ledger import Lines, open_to_append

    if output is None:
        return None if json else Lines(sys.stdout.fileno())
    try:
        return Lines(open_to_append(output))
    except OSError as error:
        link = " (a symbolic link is not followed)" if os.path.islink(output) else ""
        fail(f"{output}: cannot add lines to it: {error.strerror}{link}")
    except ValueError:
        fail(f"{output}: cannot add lines to it: a path cannot hold a null byte")


def _print(document: bytes) -> None:
    from probe.cli.output import print_document

    print_document(document.decode("ascii").rstrip("\n"))
