"""A watch in this process, and one as a process of its own: both give moments as they come."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.program import COMMAND, environment

from probe.evidence.watch import Change, Moment, Watch
from probe.handoff.observe.observer import Kind, Notice, Observer
from probe.handoff.watch.chronicle import Chronicle, begin_watches
from probe.image.reference import parse_reference

PATIENCE = 20.0
"""Seconds after which something that should have come is a failure."""


class Following:
    """An observer and the chronicle of its target, driven by the test."""

    def __init__(self, reference: str, observer: Observer, watch: Watch) -> None:
        self.reference, self.observer, self.watch = reference, observer, watch
        self.notices: list[Notice] = []
        self.moments: list[Moment] = []
        self.chronicle = Chronicle(watch, self._keep)
        self._seen = 0

    def _keep(self, moment: Moment) -> bool:
        self.moments.append(moment)
        return True

    def step(self, timeout: float) -> Notice | None:
        """One notice into the chronicle."""
        notice = self.observer.next(timeout)
        self.chronicle.tick(time.monotonic() if notice is None else notice.monotonic)
        if notice is not None:
            self.notices.append(notice)
            self.chronicle.take(notice)
        return notice

    def until(self, change: Change, **fields: Any) -> Moment:
        """The next moment of this kind, after those that were asked for before."""
        end = time.monotonic() + PATIENCE
        while True:
            for index in range(self._seen, len(self.moments)):
                moment = self.moments[index]
                if moment.change is change and all(getattr(moment, name) == value for name, value in fields.items()):
                    self._seen = index + 1
                    return moment
            assert time.monotonic() < end, f"no {change} {fields} among {self.told()}"
            self.step(0.2)

    def until_notice(self, kind: Kind, **fields: Any) -> Notice:
        """The next notice of this kind."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            notice = self.step(0.2)
            if notice is None or notice.kind is not kind:
                continue
            if all(getattr(notice, name) == value for name, value in fields.items()):
                return notice
        raise AssertionError(f"no notice {kind} {fields} among {[one.kind for one in self.notices]}")

    def settle(self, seconds: float = 0.3) -> None:
        """Take what comes, until nothing has come for so long."""
        while self.step(seconds) is not None:
            pass

    def told(self) -> list[str]:
        """All changes so far."""
        return [f"{moment.change} {moment.path}" for moment in self.moments]


@contextmanager
def following(reference: str | Path, **options: Any) -> Iterator[Following]:
    """Watch in this process, from the first look on."""
    parsed = parse_reference(str(reference))
    with Observer([parsed], **{"holders": True, "seals": True, **options}) as observer:
        followed = Following(str(reference), observer, begin_watches([parsed], {})[0])
        followed.until(Change.STARTED)
        yield followed


class Running:
    """`probe watch` as a process."""

    def __init__(self, *arguments: str | Path, before: Callable[[], None] | None = None) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "watch", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd="/",
            preexec_fn=before,
            bufsize=0,
        )
        self._rest = b""
        self.lines: list[dict[str, Any]] = []
        self._seen = 0

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def read(self, seconds: float) -> None:
        """What has come on standard output."""
        assert self.process.stdout is not None
        if select.select([self.process.stdout], [], [], seconds)[0]:
            self._rest += os.read(self.process.stdout.fileno(), 1 << 16)
            *whole, self._rest = self._rest.split(b"\n")
            self.lines += map(json.loads, whole)

    def until(self, change: str, **fields: Any) -> dict[str, Any]:
        """The next line of this kind."""
        end = time.monotonic() + PATIENCE
        while True:
            for index in range(self._seen, len(self.lines)):
                line = self.lines[index]
                if line.get("change") == change and all(line.get(name) == value for name, value in fields.items()):
                    self._seen = index + 1
                    return line
            assert time.monotonic() < end, f"no {change} {fields} among {[one.get('change') for one in self.lines]}"
            self.read(0.2)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; the exit status and standard error, when standard output is at its end."""
        self.process.send_signal(number)
        assert self.process.stdout is not None and self.process.stderr is not None
        self._rest += self.process.stdout.read()
        *whole, self._rest = self._rest.split(b"\n")
        self.lines += map(json.loads, whole)
        said = self.process.stderr.read().decode()
        assert self._rest == b""
        return self.process.wait(PATIENCE), said


def assert_sound(lines: list[dict[str, Any]], *, ended: bool = True) -> list[dict[str, Any]]:
    """A header, then moments of it numbered without gaps; the last one is the end."""
    header, *moments = lines
    assert header["schema"] == "pod-probe/watch/v1"
    Watch.model_validate(header)
    assert [moment["number"] for moment in moments] == list(range(len(moments)))
    assert {moment["watch"] for moment in moments} <= {header["id"]}
    for moment in moments:
        Moment.model_validate(moment)
    if ended:
        assert moments[-1]["change"] == "ended"
        assert moments[-1]["summary"]["moments"] == len(moments) - 1
    return moments
