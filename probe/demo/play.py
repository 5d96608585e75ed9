"""One scene being played: what a script may do on the stage, and the record of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Protocol

from probe.classify.verdict import Cause, VerdictDocument
from probe.demo.cast import FS_GROUP, Actor
from probe.demo.document import Checked, Player, Spoken
from probe.demo.image import DemoImage
from probe.demo.process import ActorFailed, Running
from probe.demo.stage import Setting, Stage
from probe.demo.writer import write_in_place
from probe.evidence.base import clip
from probe.evidence.identity import Identity

_WORKSPACE_MODE = 0o2775
"""What kubelet makes of a volume's root: group rwx and setgid."""
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'
_SHELL_SECONDS = 30.0
_WRITER_SECONDS = 10.0
_GATE_SECONDS = 30.0
_SHOWN = 2000


class Audience(Protocol):
    """Who watches, while it happens."""

    def enters(self, players: tuple[Player, ...]) -> None:
        """The cast of a scene is known."""

    def aside(self, text: str) -> None:
        """A sentence of the story."""

    def speaks(self, spoken: Spoken) -> None:
        """A shell command has ended."""

    def judges(self, checked: Checked, *, leading: bool) -> None:
        """A check has given its verdict; one of them is what the scene is about."""


class Play:
    """The workspace of one scene, the actors' shells, and their checks."""

    def __init__(self, stage: Stage, name: str, image: DemoImage, audience: Audience) -> None:
        """Lay out the scene: the workspace `$P` as a swept volume looks, and a temp directory `$T` for all."""
        self.stage, self.image = stage, image
        self._audience = audience
        self.directory = os.path.join(stage.directory, name)
        self.workspace = os.path.join(self.directory, "source")
        self.temp = os.path.join(self.directory, "tmp")
        self.archive = os.path.join(self.workspace, "oci", "image.tar")
        self.cast: tuple[Player, ...] = ()
        self.asides: list[str] = []
        self.shells: list[Spoken] = []
        self.checks: list[Checked] = []
        self.leading: Checked | None = None
        self._tmpfs: tuple[str, str] | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        configuration = os.path.join(self.directory, "home", ".config", "containers")
        os.makedirs(configuration, mode=0o755)
        os.mkdir(self.workspace)
        self.stage.own(self.workspace, 0, FS_GROUP, _WORKSPACE_MODE)
        os.mkdir(self.temp)
        os.chmod(self.temp, 0o1777)
        with open(os.path.join(configuration, "policy.json"), "w", encoding="ascii") as file:
            file.write(_POLICY)

    # -- what a script may do

    def enter(self, *actors: Actor) -> None:
        """Introduce the actors, with the credentials that the kernel shows of their processes."""
        self.cast = tuple(
            Player(name=actor.name, part=actor.part, identity=Identity.model_validate_json(self._call(actor, _who)))
            for actor in actors
        )
        self._audience.enters(self.cast)

    def aside(self, text: str) -> None:
        """Say a sentence of the story."""
        self.asides.append(text)
        self._audience.aside(text)

    def build(
        self, builder: Actor, *, directory_mode: int = 0o755, file_mode: int = 0o644, archive: bytes | None = None
    ) -> None:
        """The builder makes oci/ and writes the archive into it; then both get these modes."""
        data = self.image.archive if archive is None else archive
        folder = os.path.dirname(self.archive)

        def work() -> bytes:
            os.mkdir(folder)
            with open(self.archive, "xb") as file:
                file.write(data)
            os.chmod(self.archive, file_mode)
            setgid = os.stat(folder).st_mode & 0o2000  # inherited from the workspace; chmod would take it away
            os.chmod(folder, directory_mode | setgid)
            return b""

        self._call(builder, work)

    def begin_writing(self, builder: Actor) -> Running:
        """The builder begins to write the archive, slowly; returns when a good part of it is there."""

        def work(go_on: int) -> bytes:
            os.mkdir(os.path.dirname(self.archive))
            return write_in_place(self.archive, self.image.archive, go_on)

        writer = self.stage.processes.start(self.stage.become(builder, self._setting(builder)), work)
        until = time.monotonic() + _WRITER_SECONDS
        while not os.path.exists(self.archive) or os.path.getsize(self.archive) < len(self.image.archive) // 4:
            if time.monotonic() > until:
                self.stage.processes.end(writer)
                raise ActorFailed("the builder wrote nothing")
            time.sleep(0.01)
        return writer

    def end_writing(self, writer: Running) -> None:
        """The storage is fast again: the builder writes the rest and ends."""
        self.stage.processes.finish(writer)

    def begin_waiting(self, actor: Actor, reference: str) -> Running:
        """The actor stands at the gate, which `end_waiting` gives the word of."""
        name = reference.replace("$P", self.workspace)
        return self.stage.processes.start(self.stage.become(actor, self._setting(actor)), lambda _: _wait(name))

    def end_waiting(self, waiting: Running, actor: Actor, reference: str) -> None:
        """The gate has opened, or time was up: what was told meanwhile, as the command line tells it."""
        opened, lines = json.loads(self.stage.processes.finish(waiting))
        self._speak(
            Spoken(
                by=actor.name,
                command=f"probe wait --timeout {_GATE_SECONDS:g}s {reference}",
                exit_status=0 if opened else 1,
                stderr="\n".join(lines),
            )
        )

    def kill(self, writer: Running) -> None:
        """The builder dies where it stands (SIGKILL)."""
        self.stage.processes.end(writer)

    def hide(self, name: str) -> None:
        """Put a file into `$T` that only its owner, root, may read."""
        path = os.path.join(self.temp, name)
        with open(path, "x", encoding="ascii") as file:
            file.write("{}\n")
        self.stage.own(path, 0, 0, 0o600 if self.stage.real_identities else 0)

    def small_temp(self, size: str) -> None:
        """From now on `$T` is a tmpfs of this size, for whoever is started."""
        self._tmpfs = (self.temp, size)

    def shell(self, actor: Actor, *commands: str) -> Spoken:
        """The actor runs commands, one after the other, in one process; returns the last one's outcome."""
        raw = json.loads(self._call(actor, lambda: _run_all(commands)))
        for command, status, stdout, stderr in raw:
            self._speak(
                Spoken(
                    by=actor.name,
                    command=command,
                    exit_status=status,
                    stdout=clip(stdout, _SHOWN),
                    stderr=clip(stderr, _SHOWN),
                )
            )
        return self.shells[-1]

    def _speak(self, spoken: Spoken) -> None:
        self.shells.append(spoken)
        self._audience.speaks(spoken)

    def check(
        self,
        actor: Actor,
        *references: str,
        expects: Cause,
        failed: Spoken | None = None,
        deep: bool = False,
        lease: bool = False,
        leading: bool = True,
    ) -> None:
        """The actor's own process checks references (`$P` stands for the workspace), told what its command said."""
        names = [reference.replace("$P", self.workspace) for reference in references]
        stderr = failed.stderr if failed is not None else None
        answer = self._call(actor, lambda: _check(names, deep, lease, self.temp, stderr, actor.name))
        document = VerdictDocument.model_validate_json(answer)
        options = ["--deep"] * deep + ["--lease"] * lease + ["--stderr skopeo.err"] * (stderr is not None)
        checked = Checked(
            by=actor.name,
            command=" ".join(["probe check", *options, *references]),
            expected=expects,
            agrees=document.verdict.cause is expects,
            document=document,
        )
        self.checks.append(checked)
        if leading:
            self.leading = checked
        self._audience.judges(checked, leading=leading)

    # -- processes

    def _call(self, actor: Actor, task: Callable[[], bytes]) -> bytes:
        return self.stage.processes.call(self.stage.become(actor, self._setting(actor)), task)

    def _setting(self, actor: Actor) -> Setting:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C",
            "HOME": os.path.join(self.directory, "home"),
            "P": self.workspace,
            "T": self.temp,
            "TASK": actor.name,
        }
        return Setting(environment=environment, directory=self.directory, tmpfs=self._tmpfs)


# -- what runs in an actor's process


def _who() -> bytes:
    from probe.collect.identity import read_identity

    return read_identity().model_dump_json().encode()


def _run_all(commands: tuple[str, ...]) -> bytes:
    import subprocess

    spoken = []
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, stdin=subprocess.DEVNULL, timeout=_SHELL_SECONDS
        )
        spoken.append(
            (command, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
        )
    return json.dumps(spoken).encode()


def _wait(text: str) -> bytes:
    from probe.handoff.gate.rules import Rules
    from probe.handoff.gate.waiting import Patience, Told, Waiting
    from probe.image.reference import parse_reference

    lines: list[str] = []

    def tell(told: Told) -> None:
        standing = told.standing
        lines.append(f"{told.seconds:.1f} s  {standing.state}" + (f", {standing.detail}" if standing.detail else ""))

    outcome = Waiting([parse_reference(text)], Rules(), Patience(_GATE_SECONDS), tell).run()
    return json.dumps([outcome.opened, lines]).encode()


def _check(references: list[str], deep: bool, lease: bool, temp: str, stderr: str | None, task: str) -> bytes:
    from probe.classify.judge import judge_case
    from probe.collect.gather import Plan, gather
    from probe.image.reference import parse_reference
    from probe.skopeo.messages import parse_messages

    plan = Plan(
        deep=deep,
        lease=lease,
        temp_directory=temp,
        facts={"task": task},
        command=parse_messages(stderr, source=f"skopeo of {task}") if stderr is not None else None,
    )
    document = judge_case([gather(parse_reference(text), plan) for text in references])
    return document.model_dump_json(by_alias=True).encode()
