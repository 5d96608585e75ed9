"""Performances: `probe demo --json` on every stage that this machine can give, all of them played side by side."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from probe.demo.document import DemoDocument

REPOSITORY = Path(__file__).parents[2]
ORDINARY = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
PATIENCE = 120


@dataclass
class Ran:
    """A finished command line, and what it left in its own temp directory."""

    status: int
    stdout: str
    stderr: str
    left_files: list[str] = field(default_factory=list)
    left_processes: list[int] = field(default_factory=list)

    @property
    def document(self) -> DemoDocument:
        """Standard output as one document (json.loads refuses anything before or after it)."""
        return DemoDocument.model_validate_json(self.stdout)


@dataclass
class Started:
    """A command line at work in a session and a temp directory of its own."""

    process: subprocess.Popen[str]
    temp: Path
    ran: Ran | None = None

    def wait(self) -> Ran:
        """Its end."""
        if self.ran is None:
            stdout, stderr = self.process.communicate(timeout=PATIENCE)
            left = sorted(str(path) for path in self.temp.rglob("*"))
            self.ran = Ran(self.process.returncode, stdout, stderr, left, living(self.process.pid))
            if os.geteuid() == 0:
                shutil.rmtree(self.temp, ignore_errors=True)
        return self.ran

    def wait_for(self, pattern: str) -> None:
        """Until a file that fits the pattern is in its temp directory."""
        until = time.monotonic() + PATIENCE
        while not list(self.temp.glob(pattern)):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)


def living(session: int) -> list[int]:
    """The living processes of a session (proc_pid_stat(5), fields 3 and 6)."""
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path("/proc", name, "stat").read_text()
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                members.append(int(name))
    return members


def living_children() -> list[int]:
    """The children of this process, zombies included."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path("/proc", name, "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return sorted(found)


@pytest.fixture
def no_child_left() -> Iterator[None]:
    """Fails when a test leaves a child of this process behind, even a zombie."""
    before = living_children()
    yield
    assert living_children() == before


def start(arguments: list[str], *, prefix: list[str] | None = None, **environment: str) -> Started:
    """Start `python -m probe ARGUMENTS`; `prefix` is put before it."""
    temp = Path(tempfile.mkdtemp(prefix="demo-test-", dir="/tmp"))
    temp.chmod(0o1777)
    process = subprocess.Popen(
        [*(prefix or []), sys.executable, "-m", "probe", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        start_new_session=True,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PROBE_TRACEBACK": "1",
            "HOME": "/nonexistent",
            "COLUMNS": "80",
            "TMPDIR": str(temp),
            **environment,
        },
    )
    return Started(process, temp)


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Started]]:
    """`start`, and the end of everything that was started."""
    all_started: list[Started] = []

    def launch_one(*arguments: str, prefix: list[str] | None = None, **environment: str) -> Started:
        all_started.append(start(list(arguments), prefix=prefix, **environment))
        return all_started[-1]

    yield launch_one
    for started in all_started:
        if started.process.poll() is None:
            started.process.kill()
            started.process.communicate()
        shutil.rmtree(started.temp, ignore_errors=True)


@pytest.fixture(scope="session")
def session_members() -> Callable[[int], list[int]]:
    """The living processes of a session."""
    return living


@pytest.fixture(scope="session")
def ordinary() -> list[str]:
    """The prefix that makes a command uid 1000; which must be able to run this interpreter and this repository."""
    command = [*ORDINARY, sys.executable, "-c", "import probe.cli.app, pydantic, rich, psutil"]
    environment = {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"uid 1000 cannot run this interpreter and repository: {done.stderr.strip()[-200:]}")
    return ORDINARY


class Performances:
    """`performances[stage]`: the end of one of them; skips where this machine cannot give the stage."""

    def __init__(self, started: dict[str, Started], missing: dict[str, str]) -> None:
        self._started, self._missing = started, missing

    def __getitem__(self, stage: str) -> Ran:
        if stage in self._missing:
            pytest.skip(self._missing[stage])
        return self._started[stage].wait()


@pytest.fixture(scope="session")
def performances(
    launch: Callable[..., Started], ordinary: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Performances:
    """By stage: as root, as an ordinary user without and with lent ids, and where no namespace is permitted."""
    missing = {}
    if not works(["unshare", "-m", "true"]):
        missing = dict.fromkeys(("root", "lent", "single"), "needs mount namespaces (CAP_SYS_ADMIN)")
    if not works([*ordinary, "unshare", "-Urm", "true"]):
        missing |= dict.fromkeys(("ordinary", "lent"), "user namespaces are not permitted here")
    if shutil.which("newuidmap") is None:
        missing.setdefault("lent", "needs newuidmap (apt-get install uidmap)")
    prefixes = {
        "root": [],
        "ordinary": ordinary,
        "lent": _with_lent_ids(tmp_path_factory.mktemp("lent")),
        "single": _in_chroot(tmp_path_factory.mktemp("chroot")),
    }
    started = {
        stage: launch("demo", "--json", prefix=prefix) for stage, prefix in prefixes.items() if stage not in missing
    }
    return Performances(started, missing)


def works(command: list[str]) -> bool:
    """Whether a command succeeds."""
    return subprocess.run(command, capture_output=True).returncode == 0


def _with_lent_ids(directory: Path) -> list[str]:
    """As uid 1000, which /etc/subuid and /etc/subgid, in this mount namespace alone, lend 65536 ids."""
    lent = directory / "lent"
    lent.write_text("1000:300000:65536\n")
    name = subprocess.run(["getent", "passwd", "1000"], capture_output=True, text=True).stdout.partition(":")[0]
    if name:  # newuidmap looks for the name first
        lent.write_text(f"{name}:300000:65536\n")
    binds = " && ".join(f"mount --bind {lent} /etc/{file}" for file in ("subuid", "subgid"))
    return ["unshare", "-m", "sh", "-c", f'{binds} && exec "$@"', "sh", *ORDINARY]


def _in_chroot(directory: Path) -> list[str]:
    """As uid 1000 with another root directory: unshare(2) refuses a user namespace there."""
    script = f'mount --rbind / {directory} && exec chroot --userspec 1000:1000 --groups= {directory} "$@"'
    return ["unshare", "-m", "sh", "-c", script, "sh"]
