"""What tools say of mounts, space and identity on this machine, compared with the kernel's own words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from transcript.conftest import output, stated

from probe.access.capability import capability_names
from probe.collect.mountinfo import read_mount_table
from probe.evidence.transcript import (
    CapabilitiesStated,
    IdentityStated,
    IdsStated,
    MountStated,
    SpaceStated,
    UmaskStated,
)

_OTHER = [
    "setpriv",
    "--reuid=1000970000",
    "--regid=0",
    "--groups=0,1000970000",
    "--bounding-set=-all",
    "--inh-caps=-all",
]


def points() -> list[tuple[str, str]]:
    return sorted((mount.mount_point, mount.filesystem) for mount in read_mount_table().mounts)


@pytest.mark.parametrize("command", ["mount", "cat /proc/mounts", "cat /proc/self/mountinfo", "findmnt", "findmnt -l"])
def test_mounts(command: str) -> None:
    mounts = stated(output(*command.split()), MountStated)
    assert sorted((one.mount_point, one.filesystem) for one in mounts) == points()


@pytest.mark.parametrize("command", ["findmnt -J", "findmnt -P"])
def test_mounts_in_other_forms(command: str) -> None:
    mounts = stated(output(*command.split()), MountStated)
    assert sorted((one.mount_point, one.filesystem) for one in mounts) == points()


def test_the_device_and_the_root_where_they_are_printed() -> None:
    kernel = {(mount.mount_point, mount.device, mount.root) for mount in read_mount_table().mounts}
    for text in (
        output("cat", "/proc/self/mountinfo"),
        output("findmnt", "-o", "TARGET,SOURCE,FSTYPE,OPTIONS,MAJ:MIN,FSROOT"),
    ):
        assert {(one.mount_point, one.device, one.root) for one in stated(text, MountStated)} == kernel


def test_a_bind_mount_shows_its_root() -> None:
    text = "TARGET SOURCE                 FSTYPE OPTIONS\n/w/s   /dev/loop5[/vol/pvc a] ext4   rw,relatime\n"
    (one,) = stated(text, MountStated)
    assert (one.source, one.root, one.mount_point) == ("/dev/loop5", "/vol/pvc a", "/w/s")


def test_no_secret_of_a_mount_is_kept() -> None:
    text = (
        "//user:pw1@nas/share on /w type cifs (rw,vers=3.0,username=bob,password=pw2,uid=0)\n"
        "s3fs#k=pw3 /w fuse.s3fs rw,passwd_file=/x,ak=pw4 0 0\n"
    )
    first, second = stated(text, MountStated)
    assert first.options == ("rw", "vers=3.0", "username=***", "password=***", "uid=0")
    assert first.source == "//***@nas/share"
    assert second.filesystem == "fuse.s3fs"
    assert not any(secret in f"{first} {second}" for secret in ("pw1", "pw2", "pw3", "pw4", "bob"))


@pytest.mark.parametrize("command", ["df -k", "df -P", "df -kT", "df -B1", "busybox df -k"])
def test_space(command: str, tmp_path: Path) -> None:
    (one,) = stated(output(*command.split(), str(tmp_path)), SpaceStated)
    known = os.statvfs(tmp_path)
    assert abs(one.total_bytes - known.f_blocks * known.f_frsize) <= 1024
    assert abs(one.available_bytes - known.f_bavail * known.f_frsize) < 1 << 30
    assert tmp_path.is_relative_to(one.mount_point)


def test_space_as_people_read_it(tmp_path: Path) -> None:
    (one,) = stated(output("df", "-h", str(tmp_path)), SpaceStated)
    known = os.statvfs(tmp_path)
    assert one.total_bytes == pytest.approx(known.f_blocks * known.f_frsize, rel=0.1)


def test_inodes_are_no_bytes_and_a_long_source_stands_above_its_row() -> None:
    assert stated(output("df", "-i", "/"), SpaceStated) == []
    text = (
        "Filesystem           1K-blocks      Used Available Use% Mounted on\n"
        "nfs.example:/exports/a/very/long/path\n"
        "                      10485760   1048576   9437184  10% /workspace/source\n"
    )
    (one,) = stated(text, SpaceStated)
    assert (one.source, one.mount_point) == ("nfs.example:/exports/a/very/long/path", "/workspace/source")
    assert (one.total_bytes, one.available_bytes) == (10 << 30, 9 << 30)


def test_id_of_this_process() -> None:
    (one,) = stated(output("id"), IdentityStated)
    assert (one.uid, one.gid) == (os.geteuid(), os.getegid())
    assert set(one.groups) == {os.getegid(), *os.getgroups()}


@pytest.mark.root
@pytest.mark.parametrize("command", [["id"], ["busybox", "id"]], ids=["gnu", "busybox"])
def test_id_of_an_arbitrary_user(command: list[str]) -> None:
    (one,) = stated(output(*_OTHER, *command), IdentityStated)
    assert (one.uid, one.gid, one.user) == (1000970000, 0, "")
    assert set(one.groups) <= {0, 1000970000}
    assert 1000970000 in one.groups


def test_the_effective_ids_count() -> None:
    text = (
        "uid=1000(al) gid=1000(al) euid=0(root) egid=5(tty) groups=5(tty),1000(al),2000(domain users) "
        "context=a_u:b_r:c_t:s0:c1,c2"
    )
    (one,) = stated(text, IdentityStated)
    assert (one.uid, one.gid, one.user, one.groups) == (0, 5, "root", (5, 1000, 2000))
    assert one.label == "a_u:b_r:c_t:s0:c1,c2"


@pytest.mark.root
def test_status_of_an_arbitrary_user() -> None:
    text = subprocess.run([*_OTHER, "cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    ids = {one.name: one.numbers for one in stated(text, IdsStated)}
    assert ids == {"Uid": (1000970000,) * 4, "Gid": (0,) * 4, "Groups": (0, 1000970000)}
    sets = {one.set: one.names for one in stated(text, CapabilitiesStated)}
    assert set(sets) == {"effective", "permitted", "inheritable", "bounding", "ambient"}
    assert sets["effective"] == sets["permitted"] == ()
    known = os.umask(0o22)
    os.umask(known)
    assert [one.umask for one in stated(text, UmaskStated)] == [known]


def test_capabilities_by_their_bits() -> None:
    text = "CapEff:\t00000000a80425fb\nCapBnd:\tffffffffffffffff\nCapPrm:\tnonsense\n"
    effective, bounding = stated(text, CapabilitiesStated)
    assert effective.names == capability_names(0xA80425FB)
    assert "CAP_63" in bounding.names


def test_capsh() -> None:
    text = "Current: cap_chown,cap_dac_override=ep\nBounding set =cap_chown\n0x0000000000000001=cap_chown\n"
    sets = {(one.set, one.names) for one in stated(text, CapabilitiesStated)}
    assert sets == {
        ("effective", ("CAP_CHOWN", "CAP_DAC_OVERRIDE")),
        ("permitted", ("CAP_CHOWN", "CAP_DAC_OVERRIDE")),
        ("bounding", ("CAP_CHOWN",)),
    }
    assert [one.names for one in stated("Current: =\n", CapabilitiesStated)] == [()]
    assert stated("Current: =ep cap_sys_resource-ep\n", CapabilitiesStated) == [], "two clauses: not read"


@pytest.mark.parametrize(
    ("text", "masks"),
    [
        ("===== umask =====\n0077\n", [0o077]),
        ("+ umask\n0022\n", [0o022]),
        ("Umask:\t0027\n", [0o027]),
        ("umask is 0002\n", [0o002]),
        ("uid=0(root) gid=0(root) groups=0(root)\n0077\n", [0o077]),
        ("0077\n", []),
        ("+ umask 0077\n0022\n", []),
        ("===== umask =====\nhello\n0077\n", []),
    ],
)
def test_umask(text: str, masks: list[int]) -> None:
    """Four digits alone are a umask only where one is to be expected."""
    assert [one.umask for one in stated(text, UmaskStated)] == masks
