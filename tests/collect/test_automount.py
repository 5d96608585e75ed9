"""autofs: what lies behind a mount that is made on demand is what is recorded, and a demand that nobody meets hangs."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.stage import ROOT

from probe.evidence.observation import Seen
from probe.evidence.path import Chain
from probe.evidence.report import Report

pytestmark = pytest.mark.root
Look = Callable[..., Report]
AUTOFS_IOC_READY = 0x9360
_PACKET = struct.Struct("=iiI")  # struct autofs_v5_packet of linux/auto_fs.h: version, type, token


def autofs(target: Path, *, answers: bool) -> None:
    """Mount a direct autofs on `target`, with a daemon that mounts a tmpfs there on demand, or does nothing."""
    requests, kernel_end = os.pipe()
    ready, told = os.pipe()
    if os.fork() == 0:
        os.setpgid(0, 0)
        options = f"fd={kernel_end},pgrp={os.getpgrp()},minproto=5,maxproto=5,direct".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"probe", os.fsencode(target), b"autofs", 0, options) != 0:
            os.write(told, os.strerror(ctypes.get_errno()).encode())
            os._exit(1)
        root = os.open(target, os.O_RDONLY)
        os.write(told, b"ok")
        token = _PACKET.unpack_from(os.read(requests, 1024))[2]
        if answers:
            os.system(
                f"mount -t tmpfs -o mode=750 none {target} && mkdir {target}/inside && echo hi > {target}/inside/f"
            )
            fcntl.ioctl(root, AUTOFS_IOC_READY, token)
        time.sleep(0 if answers else 2)
        os._exit(0)
    os.close(told)
    said = os.read(ready, 100).decode()
    if said != "ok":
        raise OSError(f"autofs: {said}")


def look_through(look_as: Look, target: Path, **plan: object) -> Report:
    if "autofs" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no autofs")
    answers = bool(plan.pop("answers"))
    return look_as(ROOT, target / "inside/f", prepare=lambda: autofs(target, answers=answers), **plan)


def chain_of(report: Report) -> Chain:
    assert isinstance(report.chain, Seen)
    return report.chain.value


def test_a_demand_that_is_met(place: Path, look_as: Look) -> None:
    target = place / "auto"
    target.mkdir()
    chain = chain_of(look_through(look_as, target, answers=True))
    assert chain.stopped is None
    mounted = next(component for component in chain.components if component.path == str(target))
    assert isinstance(mounted.inode, Seen) and mounted.inode.value.mode == 0o750
    assert [component.name for component in chain.components].count("auto") == 1


def test_a_demand_that_is_not_met(place: Path, look_as: Look) -> None:
    target = place / "auto"
    target.mkdir()
    began = time.monotonic()
    report = look_through(look_as, target, answers=False, deadline=0.6)
    assert time.monotonic() - began < 5
    assert report.duration_ms < 1600
    assert report.mounts.stuck == (str(target),)
    assert report.unfinished[0].startswith(f"automount {target} did not return")
