"""Identity: of this process, of others, in a user namespace, without /proc; against the kernel's own answers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.stage import FS_GROUP, PUSHER, Person, Stage

from probe.collect.identity import read_identity
from probe.evidence.identity import Identity, IdRange
from probe.evidence.observation import NotSeen, Reason


def test_of_this_process() -> None:
    identity = read_identity()
    assert identity.source == "process"
    assert (identity.uid.real, identity.uid.effective, identity.uid.saved) == os.getresuid()
    assert (identity.gid.real, identity.gid.effective, identity.gid.saved) == os.getresgid()
    assert set(identity.groups) == set(os.getgroups())
    umask = os.umask(0)
    os.umask(umask)
    assert identity.umask == umask
    assert identity.uid_map
    assert Identity.model_validate_json(identity.model_dump_json()) == identity


def test_without_a_security_module_there_is_no_label() -> None:
    label = read_identity().label
    if not isinstance(label, NotSeen):
        pytest.skip("a security module labels processes here")
    assert (label.reason, label.errno) == (Reason.UNSUPPORTED, "EINVAL")


@pytest.mark.root
def test_of_a_restricted_process(place: Path) -> None:
    identity = Identity.model_validate_json(
        Stage(place, Path()).run(lambda: read_identity().model_dump_json(), by=PUSHER)
    )
    assert identity.uid.filesystem == FS_GROUP
    assert identity.gid.filesystem == 0
    assert set(identity.groups) == {0, FS_GROUP}
    assert identity.capabilities.effective == identity.capabilities.bounding == ()
    assert identity.no_new_privs is True


@pytest.mark.root
def test_fsuid_is_told_apart_from_the_effective_uid(place: Path) -> None:
    import ctypes

    def act() -> str:
        ctypes.CDLL(None).setfsuid(4242)
        return read_identity().model_dump_json()

    person = Person(uid=0, gid=0, groups=(0,), capabilities=("CAP_SETUID", "CAP_DAC_OVERRIDE"))
    identity = Identity.model_validate_json(Stage(place, Path()).run(act, by=person))
    assert (identity.uid.effective, identity.uid.filesystem) == (0, 4242)
    assert "CAP_SETUID" in identity.capabilities.effective
    assert "CAP_DAC_OVERRIDE" not in identity.capabilities.effective  # setfsuid away from 0 drops it
    assert "CAP_DAC_OVERRIDE" in identity.capabilities.permitted


@pytest.mark.root
def test_of_another_process() -> None:
    process = subprocess.Popen(
        [
            "setpriv",
            "--reuid",
            "1234",
            "--regid",
            "5678",
            "--groups",
            "5678,91011",
            "--bounding-set",
            "-all",
            "sleep",
            "60",
        ]
    )
    try:
        until = time.monotonic() + 5
        while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n" and time.monotonic() < until:
            time.sleep(0.01)
        identity = read_identity(process.pid)
        assert identity.source == f"pid:{process.pid}"
        assert (identity.uid.filesystem, identity.gid.filesystem, set(identity.groups)) == (1234, 5678, {5678, 91011})
        assert identity.capabilities.effective == ()
    finally:
        process.kill()
        process.wait()
    with pytest.raises(OSError, match=str(process.pid)):
        read_identity(process.pid)


def test_in_a_user_namespace() -> None:
    root = str(Path(__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {root!r})\n"
        "from probe.collect.identity import read_identity\n"
        "print(read_identity().model_dump_json())"
    )
    done = subprocess.run(["unshare", "-Ur", sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no user namespace here: {done.stderr.strip()}")
    identity = Identity.model_validate_json(done.stdout)
    assert identity.uid.effective == 0
    assert identity.initial_user_namespace is False
    assert identity.uid_map == (IdRange(inside=0, outside=os.getuid(), count=1),)
    assert "CAP_DAC_OVERRIDE" in identity.capabilities.effective


@pytest.mark.root
def test_without_proc_system_calls_answer(place: Path) -> None:
    def hide_proc() -> None:
        assert os.system("mount -t tmpfs none /proc") == 0

    person = Person(uid=0, gid=7, groups=(7, 8), capabilities=("CAP_DAC_READ_SEARCH", "CAP_LEASE"))
    said = Stage(place, Path()).run(lambda: read_identity().model_dump_json(), by=person, prepare=hide_proc)
    identity = Identity.model_validate_json(said)
    assert (identity.uid.filesystem, identity.gid.filesystem, set(identity.groups)) == (0, 7, {7, 8})
    assert identity.capabilities.effective == ("CAP_DAC_READ_SEARCH", "CAP_LEASE")
    assert identity.no_new_privs is None


def test_status_that_is_not_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import probe.collect.identity as module

    def read(path: str) -> str:
        return "Name:\tx\n"

    monkeypatch.setattr(module, "_read", read)
    with pytest.raises(ValueError, match="no Uid line"):
        read_identity()
