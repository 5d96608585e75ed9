"""What the collectors' tests need: a place that other identities reach, other identities, and mounts that hang."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.stage import Person, Stage

from probe.collect.gather import Plan, gather
from probe.evidence.report import Report
from probe.image.reference import parse_reference

HANGING_FS = Path(__file__).with_name("hanging_fs.py")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every identity may enter; gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="probe-collect-"))
    root.chmod(0o755)
    yield root
    subprocess.run(["chattr", "-R", "-i", "-a", str(root)], check=False, capture_output=True)
    shutil.rmtree(root, ignore_errors=True)


def assert_sound(report: Report) -> Report:
    """It survives its own JSON, and every event of its timeline points to the moment that it names."""
    text = report.model_dump_json(by_alias=True)
    assert Report.model_validate_json(text) == report
    document = json.loads(text)
    for event in document["timeline"]:
        found = document
        for part in event["pointer"].split("/")[1:]:
            found = found[int(part)] if isinstance(found, list) else found[part]
        assert found == event["at"]
    return report


@pytest.fixture
def look() -> Callable[..., Report]:
    """`look(reference, **plan)`: a report, quickly."""

    def run(reference: object, **plan: Any) -> Report:
        given = {"skopeo": "never", "gap": 0.02, "temp_directory": "/tmp", **plan}
        return assert_sound(gather(parse_reference(str(reference)), Plan(**given)))

    return run


@pytest.fixture
def look_as(place: Path) -> Callable[..., Report]:
    """`look_as(person, reference, ...)`: a report made by another identity, in a process of its own.

    `prepare` runs there first, as root, in a mount namespace of its own.
    """

    def run(
        person: Person,
        reference: object,
        *,
        prepare: Callable[[], None] | None = None,
        container: bool = False,
        **plan: Any,
    ) -> Report:
        if os.geteuid() != 0:
            pytest.skip("needs root: other identities and namespaces")

        def act() -> str:
            given = {"skopeo": "never", "gap": 0.02, "temp_directory": "/tmp", **plan}
            return gather(parse_reference(str(reference)), Plan(**given)).model_dump_json(by_alias=True)

        said = Stage(place, Path()).run(act, by=person, prepare=prepare, container=container)
        return assert_sound(Report.model_validate_json(said))

    return run


@pytest.fixture
def mount_fuse(place: Path) -> Iterator[Callable[..., Path]]:
    """`mount_fuse(source, "open=/a=hang", ...)` gives the mount point of a `hanging_fs`."""
    servers: list[tuple[subprocess.Popen[bytes], Path]] = []

    def mount(source: Path, *answers: str) -> Path:
        if not os.path.exists("/dev/fuse") or os.geteuid() != 0:
            pytest.skip("needs /dev/fuse and root")
        target = place / f"mnt{len(servers)}"
        target.mkdir()
        server = subprocess.Popen(
            [sys.executable, str(HANGING_FS), str(source), str(target), *answers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        servers.append((server, target))
        until = time.monotonic() + 10
        while str(target) not in Path("/proc/self/mountinfo").read_text():
            if server.poll() is not None or time.monotonic() > until:
                server.kill()
                said = server.stderr.read().decode() if server.stderr else ""
                pytest.fail(f"the FUSE server did not mount: {said}")
            time.sleep(0.01)
        return target

    yield mount
    for server, target in reversed(servers):
        server.kill()  # closes /dev/fuse: every call that waits for it comes back
        server.wait(10)
        subprocess.run(["umount", "-l", str(target)], check=False, capture_output=True)
        if server.stderr:
            server.stderr.close()


@pytest.fixture(autouse=True)
def no_child_left() -> Iterator[None]:
    """A test leaves no child process behind: even an abandoned one goes once its file system does."""
    yield
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        if not children:
            return
        time.sleep(0.02)
    pytest.fail(f"children left: {children}")
