"""Mount options: what they refuse, in which order, and what they leave alone. In a private mount namespace."""

from __future__ import annotations

import json
import os

import pytest

from probe.access.decide import Rule
from probe.access.walk import judge
from probe.evidence.mount import Mount
from probe.evidence.path import Chain, Want

pytestmark = pytest.mark.root

UID = 1000970001


def _bind(kernel, source, target, flags):
    """The directory once more at another place, with these per-mount flags."""
    kernel.mount(source, target, "", kernel.MS_BIND)
    kernel.mount("none", target, "", kernel.MS_BIND | kernel.MS_REMOUNT | flags)


def _in_mount_namespace(kernel, floor, action):
    def enter():
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount("tmpfs", str(floor / "source"), "tmpfs", 0, "mode=777")
        return action()

    for name in ("source", "target"):
        kernel.make(floor / name, 0o777)
    try:
        return kernel.in_child(enter)
    except PermissionError as error:
        pytest.skip(f"no mount namespaces here: {error}")


def _grow(kernel, source):
    """A directory and a file for each set of other bits, a link, a device."""
    for bits in range(8):
        kernel.make(source / f"d{bits}", bits, 5, 5)
        kernel.make(source / f"d{bits}" / "taken", 0o644, content=b"text\n")
        kernel.make(source / f"f{bits}", bits, 5, 5, content=b"text\n")
    kernel.link(source / "link", "f7")
    os.mknod(source / "null", 0o020666, os.makedev(1, 3))
    (source / "null").chmod(0o666)


FLAVOURS = {
    "plain bind": (0, False),
    "read-only bind": (1, False),
    "read-only file system": (0, True),
    "noexec bind": (8, False),
    "nosymfollow bind": (256, False),
    "read-only noexec bind": (9, False),
}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_model_agrees_with_the_kernel_on_every_mode_and_want(kernel, floor, flavour):
    flags, read_only = FLAVOURS[flavour]
    actors = [kernel.Actor(UID, UID), kernel.Actor(UID, UID, (), ("CAP_DAC_OVERRIDE",))]
    root = floor / "target"
    questions = [
        *(kernel.Question(str(root / f"f{bits}"), want) for bits in range(8) for want in Want if want != Want.CREATE),
        *(
            kernel.Question(str(root / f"d{bits}"), want, True)
            for bits in range(8)
            for want in Want
            if want != Want.CREATE
        ),
        *(kernel.Question(str(root / f"d{bits}" / "new"), Want.CREATE) for bits in range(8)),
        *(kernel.Question(str(root / name), want) for name in ("link", "null") for want in (Want.READ, Want.WRITE)),
        kernel.Question(str(root / "link"), Want.EXECUTE),
    ]
    questions.sort(key=lambda question: question.enters)

    def mount_and_try():
        _grow(kernel, floor / "source")
        if read_only:
            kernel.mount("none", str(floor / "source"), "", kernel.MS_REMOUNT | kernel.MS_RDONLY)
        _bind(kernel, str(floor / "source"), str(root), flags)
        mount = kernel.mount_at(str(root))
        chains = [kernel.record(question.path).model_dump_json() for question in questions]
        return mount.model_dump_json(), chains, [kernel.ask(actor, questions) for actor in actors]

    mount_text, chains, answers = _in_mount_namespace(kernel, floor, mount_and_try)
    mount = Mount.model_validate_json(mount_text)
    assert mount.read_only is ("read-only" in flavour)
    wrong = []
    for actor, truths in zip(actors, answers, strict=True):
        for question, text, truth in zip(questions, chains, truths, strict=True):
            chain = _on_mount(text, mount, str(root))
            judgement = judge(actor.credentials, chain, question.want, mount=mount)
            if judgement.granted is not (truth is None) or judgement.errno != truth:
                wrong.append((actor.capabilities, question, truth, judgement.errno))
    assert not wrong
    refused = {"EROFS" for truths in answers if "EROFS" in truths}
    assert (refused == {"EROFS"}) is ("read-only" in flavour)


def _on_mount(text, mount, root) -> Chain:
    """The chain with the mount ids that statx would have given."""
    document = json.loads(text)
    for component in document["components"]:
        there = component["path"].startswith(root)
        component["mount_id"] = {
            "status": "seen",
            "value": mount.mount_id if there else 1,
            "at": "2024-01-01T00:00:00Z",
        }
    return Chain.model_validate(document)


def test_the_order_of_refusals_differs_between_a_read_only_mount_and_a_read_only_file_system(kernel, floor):
    """On a read-only mount the bits come first; a read-only file system is told before them (sb_permission())."""
    actor = kernel.Actor(UID, UID)
    path = str(floor / "target" / "f0")

    def mount_and_try(read_only, flags):
        def run():
            _grow(kernel, floor / "source")
            if read_only:
                kernel.mount("none", str(floor / "source"), "", kernel.MS_REMOUNT | kernel.MS_RDONLY)
            _bind(kernel, str(floor / "source"), str(floor / "target"), flags)
            return kernel.ask(actor, [kernel.Question(path, Want.WRITE)])

        return run

    assert _in_mount_namespace(kernel, floor, mount_and_try(False, kernel.MS_RDONLY)) == ["EACCES"]
    for name in ("source", "target"):
        (floor / name).rmdir()
    assert _in_mount_namespace(kernel, floor, mount_and_try(True, 0)) == ["EROFS"]


def test_a_mount_that_does_not_carry_the_target_refuses_nothing(kernel, floor):
    path = kernel.make(floor / "file", 0o666, content=b"x")
    chain = kernel.record(path)
    mount = Mount(
        mount_id=7,
        parent_id=1,
        device="0:1",
        root="/",
        mount_point="/else",
        options=("ro",),
        filesystem="x",
        source="x",
    )
    actor = kernel.Actor(UID, UID)
    elsewhere = _on_mount(chain.model_dump_json(), mount, "/else")
    assert judge(actor.credentials, elsewhere, Want.WRITE, mount=mount).granted
    unknown = judge(actor.credentials, chain, Want.WRITE, mount=mount)
    assert unknown.denial.decision.rule is Rule.READ_ONLY_MOUNT


def test_a_link_whose_mount_is_not_known_is_not_taken_for_one_on_a_nosymfollow_mount(kernel, floor):
    kernel.make(floor / "file", 0o666, content=b"x")
    path = kernel.link(floor / "link", "file")
    mount = Mount(
        mount_id=7,
        parent_id=1,
        device="0:1",
        root="/",
        mount_point="/",
        options=("nosymfollow",),
        filesystem="x",
        source="x",
    )
    actor = kernel.Actor(UID, UID)
    chain = kernel.record(path)
    assert judge(actor.credentials, chain, Want.READ, mount=mount).granted
    there = judge(actor.credentials, _on_mount(chain.model_dump_json(), mount, str(floor)), Want.READ, mount=mount)
    assert there.denial.decision.rule is Rule.NOSYMFOLLOW_MOUNT
    assert there.errno == "ELOOP"
