"""`probe demo`: the incident re-enacted on this machine, scene by scene."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from probe.cli.exits import ExitStatus, fail, warn
from probe.cli.output import print_document

if TYPE_CHECKING:
    from probe.demo.document import DemoDocument
    from probe.demo.perform import House
    from probe.demo.scenes import Scene

_EPILOG = """\b
Examples:
  probe demo                 all scenes, in about twenty seconds
  probe demo race            one of them
  sudo probe demo traversal  with real identities
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `demo`."""
    application.command(verb, epilog=_EPILOG, short_help="Re-enact the incident here, with real processes.")(demo)


def demo(
    scene: Annotated[str, typer.Argument(metavar="SCENE", help="Play this scene alone (--list names them).")] = "",
    list_: Annotated[bool, typer.Option("--list", help="Name the scenes and play none.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document when all is played.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directory of the play.")] = False,
) -> None:
    """Re-enact the incident here: real processes, identities, archives and skopeo; then the verdicts.

    Exit status: 0 when every verdict is the expected one, 1 when one is not, 4 when nothing could be played.
    """
    from probe.demo.perform import Silence, perform
    from probe.demo.process import ActorFailed
    from probe.demo.scenes import BY_NAME, SCENES
    from probe.demo.stage import NoStage

    if scene and scene not in BY_NAME:
        fail(f"no scene is called {scene[:40]!r}: there are {', '.join(BY_NAME)}")
    scenes = (BY_NAME[scene],) if scene else SCENES
    if list_:
        _list(scenes, json)
    if json:
        house: House = Silence()
    else:
        from probe.demo.screen import Screen
        from probe.report.layout import make_console
        from probe.report.terminal import print_verdict

        house = Screen(make_console(sys.stdout), lambda document: print_verdict(document, sys.stdout))
    with _interruptible():
        try:
            document = perform(scenes, house, keep=keep)
        except NoStage as error:
            fail(str(error), ExitStatus.PROBE_FAILED)
        except ActorFailed as error:
            fail(f"a process of the play broke off: {error}", ExitStatus.PROBE_FAILED)
    if json:
        print_document(document.model_dump_json(by_alias=True, indent=2))
    if keep:
        for result in document.scenes:
            if result.played:
                warn(f"kept {result.directory}")
    _end(document)


def _list(scenes: tuple[Scene, ...], as_json: bool) -> NoReturn:
    if as_json:
        import json

        rows = [{"name": scene.name, "story": scene.story, "expected": scene.expected} for scene in scenes]
        print_document(json.dumps({"schema": "pod-probe/demo-list/v1", "scenes": rows}, indent=2))
    else:
        import textwrap

        width = max(len(scene.name) for scene in scenes) + 2
        for scene in scenes:
            print(textwrap.fill(f"{scene.name:{width}}{scene.story}", 80, subsequent_indent=" " * width))
    raise typer.Exit


def _end(document: DemoDocument) -> NoReturn:
    """Say which verdicts were not the expected ones, and end with the status that this makes."""
    wrong = [
        f"{result.name}: {checked.by} expected {checked.expected}, the verdict is {checked.document.verdict.cause}"
        for result in document.scenes
        for checked in result.checks
        if not checked.agrees
    ]
    for line in wrong:
        warn(line)
    if wrong:
        raise typer.Exit(int(ExitStatus.FAULT))
    if not any(result.played for result in document.scenes):
        reasons = "; ".join(result.skipped or "" for result in document.scenes)
        fail(f"nothing could be played here: {reasons}", ExitStatus.PROBE_FAILED)
    raise typer.Exit


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a polite kill end the play as Ctrl-C does: with everything cleared away."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    wanted = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    before = [(number, signal.signal(number, interrupt)) for number in wanted]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
