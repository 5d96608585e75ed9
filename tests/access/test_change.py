"""Proposed changes, made for real: each must turn the kernel's answer for the identity that was denied."""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import subprocess
from collections import Counter
from dataclasses import replace

import pytest
from support.sysctls import raised_sysctl

from probe.access.change import minimal_changes, single_changes
from probe.access.quote import quote_path
from probe.access.walk import judge
from probe.evidence.base import path_text
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.path import FileType, Want

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl (package acl)"),
]

UID, GROUP, HELD = 1000970001, 1000970000, 1000980000
SEED = int(os.environ.get("PROBE_SEED", "0")) or secrets.randbits(32)
SAMPLE = int(os.environ.get("PROBE_CASES", "20000")) // 100


def propose(function, actor, chain, want, **options):
    judgement = judge(actor.credentials, chain, want, **options)
    return function(actor.credentials, chain, want, judgement, **options)


def changed(actor, change):
    """The identity after a change that concerns it."""
    if change.group is not None:
        return replace(actor, groups=(*actor.groups, change.group))
    if change.capability is not None:
        return replace(actor, capabilities=(*actor.capabilities, change.capability))
    return actor


def run(command):
    subprocess.run(["/bin/sh", "-euc", command], check=True, capture_output=True)


class Undo:
    """Owners, modes and ACLs of a chain's inodes, to be put back."""

    def __init__(self, chain):
        self.saved = []
        for component in chain.components:
            if isinstance(component.inode, Seen):
                found = os.lstat(component.path)
                link = component.inode.value.type is FileType.SYMLINK
                self.saved.append((component.path, found, None if link else self._acl(component.path)))

    @staticmethod
    def _acl(path):
        try:
            return os.getxattr(path, "system.posix_acl_access")
        except OSError:
            return None

    def restore(self):
        for path, found, acl in self.saved:
            now = os.lstat(path)
            if (now.st_uid, now.st_gid) != (found.st_uid, found.st_gid):
                os.lchown(path, found.st_uid, found.st_gid)
            if os.path.islink(path) or (os.lstat(path) == found and self._acl(path) == acl):
                continue
            if self._acl(path) is not None:
                os.removexattr(path, "system.posix_acl_access")
            os.chmod(path, found.st_mode & 0o7777)
            if acl is not None:
                os.setxattr(path, "system.posix_acl_access", acl)


def test_every_change_proposed_for_a_random_denial_turns_the_kernel_s_answer(kernel, cases, floors, capsys):
    chance = random.Random(SEED)
    made = cases.batches(SEED, floors, dict.fromkeys(floors, True))
    tried: Counter[str] = Counter()
    while tried["denials"] < SAMPLE:
        batch = next(made)
        with raised_sysctl("protected_symlinks", chance.randrange(2)) as protected:
            for actor in batch.actors:
                for chain, question in chance.sample(batch.chains, 4):
                    judgement = judge(actor.credentials, chain, question.want, protected_symlinks=bool(protected))
                    if judgement.granted is not False or question.follows:
                        continue
                    _try_all(kernel, batch, actor, chain, question, judgement, bool(protected), tried)
        for floor in floors:
            for tree in floor.iterdir():
                shutil.rmtree(tree)
    with capsys.disabled():
        print(f"\nchanges made for real (PROBE_SEED={SEED}): {dict(sorted(tried.items()))}")
    for kind in ("bit", "acl", "capability"):
        assert tried[kind] > 0, kind


def _try_all(kernel, batch, actor, chain, question, judgement, protected, tried):
    """Each single change alone, and the minimal set together."""
    arguments = (actor.credentials, chain, question.want, judgement)
    single = single_changes(*arguments, protected_symlinks=protected)
    minimal = minimal_changes(*arguments, protected_symlinks=protected)
    curable = judgement.errno == "EACCES" and all(step.decision.errno == "EACCES" for step in judgement.denials)
    tried["denials"] += 1
    assert bool(minimal) is curable, (SEED, judgement.denials)
    assert not single or minimal
    undo = Undo(chain)
    for changes in (*((one,) for one in single), minimal if len(minimal) > 1 else ()):
        if not changes:
            continue
        after = actor
        for change in changes:
            after = changed(after, change)
            if change.command is not None:
                assert not re.search(r"777|o\+", change.command)
                run(change.command)
        try:
            answer = kernel.ask(after, [question], batch.working_directory)
        finally:
            undo.restore()
        assert answer == [None], f"PROBE_SEED={SEED}: {actor} {question} {judgement.denial} {changes}"
        tried[changes[0].kind if len(changes) == 1 else "several"] += 1


# -- the order, and what is not proposed


def kinds(changes):
    return [change.kind for change in changes]


def test_a_member_needs_only_the_group_bit(kernel, floor):
    directory = kernel.make(floor / "oci", 0o700, 0, GROUP)
    path = kernel.make(floor / "oci" / "image.tar", 0o644, content=b"x")
    changes = propose(single_changes, kernel.Actor(UID, 0, (GROUP,)), kernel.record(path), Want.READ)
    assert changes[0].kind == "bit"
    assert changes[0].command == f"chmod g+x {directory}"
    assert changes[0].sentence == f"Add x for group {GROUP} on {directory}: mode 0700 becomes 0710."
    assert kinds(changes) == ["bit", "acl", "capability"]
    assert changes[-1].capability == "CAP_DAC_READ_SEARCH"


def test_who_lacks_the_group_needs_the_group(kernel, floor):
    kernel.make(floor / "oci", 0o2770, 0, GROUP)
    path = kernel.make(floor / "oci" / "image.tar", 0o640, 0, GROUP, content=b"x")
    actor = kernel.Actor(UID, 0)
    changes = propose(single_changes, actor, kernel.record(path), Want.READ)
    assert kinds(changes) == ["group", "capability"]
    assert (changes[0].group, changes[0].command) == (GROUP, None)
    assert propose(minimal_changes, actor, kernel.record(path), Want.READ) == changes[:1]


def test_never_a_bit_for_others(kernel, floor):
    path = kernel.make(floor / "file", 0o600, 0, GROUP, content=b"x")
    changes = propose(single_changes, kernel.Actor(UID, 0), kernel.record(path), Want.READ)
    assert kinds(changes) == ["acl", "capability"]
    assert changes[0].command == f"setfacl -m u:{UID}:r-- {path}"


def test_a_group_that_is_held_may_be_given_to_the_inode(kernel, floor):
    path = kernel.make(floor / "file", 0o640, 0, GROUP, content=b"x")
    changes = propose(single_changes, kernel.Actor(UID, 0, (HELD,)), kernel.record(path), Want.READ)
    assert kinds(changes) == ["group", "acl", "owner", "capability"]
    assert changes[2].command == f"chgrp {HELD} {path}"


def test_a_mask_that_cuts_is_widened_by_no_more_than_is_needed(kernel, floor):
    path = kernel.make(floor / "file", 0o600, 0, GROUP, content=b"x")
    kernel.set_acl(path, *kernel.acl(6, 6, 1, 0, users={UID: 4}))
    changes = propose(single_changes, kernel.Actor(UID, 0), kernel.record(path), Want.READ)
    assert [change.command for change in changes[:2]] == [
        f"chmod g+r {path}",
        f"setfacl -n -m u:{UID}:r--,m::r-x {path}",
    ]
    assert "the group class (the mask of its ACL)" in changes[0].sentence


def test_a_new_entry_keeps_what_the_identity_had_as_one_of_the_others(kernel, floor):
    path = kernel.make(floor / "directory", 0o705, 0, GROUP)
    changes = propose(single_changes, kernel.Actor(UID, 5), kernel.record(path), Want.WRITE)
    assert changes[0].command == f"setfacl -m u:{UID}:rwx {path}"


def test_the_owner_s_own_bit(kernel, floor):
    path = kernel.make(floor / "file", 0o077, UID, GROUP, content=b"x")
    changes = propose(single_changes, kernel.Actor(UID, GROUP), kernel.record(path), Want.READ)
    assert kinds(changes) == ["bit", "capability"]
    assert changes[0].command == f"chmod u+r {path}"


def test_writing_needs_the_wider_capability(kernel, floor):
    path = kernel.make(floor / "file", 0o444, 0, GROUP, content=b"x")
    held = ("CAP_DAC_READ_SEARCH",)
    changes = propose(single_changes, kernel.Actor(UID, 0, (), held), kernel.record(path), Want.WRITE)
    assert changes[-1].capability == "CAP_DAC_OVERRIDE"


def test_two_closed_directories_need_two_changes_rather_than_a_capability(kernel, floor):
    outer = kernel.make(floor / "outer", 0o700, 0, GROUP)
    inner = kernel.make(floor / "outer" / "inner", 0o700, 0, GROUP)
    path = kernel.make(floor / "outer" / "inner" / "file", 0o644, content=b"x")
    actor = kernel.Actor(UID, 0, (GROUP,))
    assert kinds(propose(single_changes, actor, kernel.record(path), Want.READ)) == ["capability"]
    changes = propose(minimal_changes, actor, kernel.record(path), Want.READ)
    assert [change.command for change in changes] == [f"chmod g+x {outer}", f"chmod g+x {inner}"]


def test_a_group_for_one_directory_and_a_bit_for_the_other(kernel, floor):
    kernel.make(floor / "outer", 0o750, 0, GROUP)
    inner = kernel.make(floor / "outer" / "inner", 0o700, 0, GROUP)
    path = kernel.make(floor / "outer" / "inner" / "file", 0o644, content=b"x")
    changes = propose(minimal_changes, kernel.Actor(UID, 0), kernel.record(path), Want.READ)
    assert [(change.kind, change.group, change.command) for change in changes] == [
        ("group", GROUP, None),
        ("bit", None, f"chmod g+x {inner}"),
    ]


def test_two_groups_where_two_are_needed(kernel, floor):
    kernel.make(floor / "outer", 0o750, 0, GROUP)
    kernel.make(floor / "outer" / "inner", 0o750, 0, HELD)
    path = kernel.make(floor / "outer" / "inner" / "file", 0o644, content=b"x")
    changes = propose(minimal_changes, kernel.Actor(UID, 0), kernel.record(path), Want.READ)
    assert [change.group for change in changes] == [GROUP, HELD]


def test_one_inode_met_twice_is_changed_once(kernel, floor):
    closed = kernel.make(floor / "closed", 0o700, 0, GROUP)
    kernel.make(floor / "closed" / "below", 0o755)
    path = f"{floor}/closed/below/.."
    changes = propose(minimal_changes, kernel.Actor(UID, 0, (GROUP,)), kernel.record(path), Want.EXECUTE)
    assert [change.command for change in changes] == [f"chmod g+x {closed}"]


def test_what_the_denied_identity_recorded_itself_has_changes_too(kernel, floor):
    """Behind the directory that denied it, it saw nothing: the change is for what it saw."""
    closed = kernel.make(floor / "closed", 0o700, 0, GROUP)
    path = kernel.make(floor / "closed" / "file", 0o600, content=b"x")
    actor = kernel.Actor(UID, 0, (GROUP,))
    chain = kernel.record(path)
    lost = NotSeen(reason=Reason.DENIED, errno="EACCES", message=f"openat {path}: EACCES", at=1)
    components = (*chain.components[:-1], chain.components[-1].model_copy(update={"inode": lost, "acl": lost}))
    chain = chain.model_copy(update={"components": components, "stopped": lost, "resolved": None})
    for function in (single_changes, minimal_changes):
        assert propose(function, actor, chain, Want.READ)[0].command == f"chmod g+x {closed}"


def test_nothing_is_proposed_for_what_is_granted_or_absent(kernel, floor):
    path = kernel.make(floor / "file", 0o644, content=b"x")
    actor = kernel.Actor(UID, 0)
    for one in (path, str(floor / "absent"), f"{path}/below"):
        for function in (single_changes, minimal_changes):
            assert propose(function, actor, kernel.record(one), Want.READ) == ()


def test_where_the_file_system_has_no_acls_none_is_proposed(kernel):
    path = "/proc/self/mem"
    changes = propose(single_changes, kernel.Actor(UID, 0), kernel.record(path), Want.READ)
    assert "acl" not in kinds(changes)


def test_without_acls_a_closed_directory_of_a_group_not_held_needs_the_group_and_its_bit(kernel, floor):
    closed = kernel.make(floor / "closed", 0o700, 0, GROUP)
    path = kernel.make(floor / "closed" / "file", 0o644, content=b"x")
    chain = kernel.record(path)
    none = NotSeen(reason=Reason.UNSUPPORTED, errno="ENOTSUP", message="getxattr: ENOTSUP", at=1)
    without = tuple(component.model_copy(update={"acl": none}) for component in chain.components)
    chain = chain.model_copy(update={"components": without})
    actor = kernel.Actor(UID, 0)
    assert kinds(propose(single_changes, actor, chain, Want.READ)) == ["capability"]
    changes = propose(minimal_changes, actor, chain, Want.READ)
    assert [(change.group, change.command) for change in changes] == [(GROUP, None), (None, f"chmod g+x {closed}")]
    run(changes[1].command)
    assert kernel.ask(changed(actor, changes[0]), [kernel.Question(path, Want.READ)]) == [None]


@pytest.mark.parametrize(("flag", "letter"), [("immutable", "i"), ("append", "a")])
def test_a_flag_is_taken_away(kernel, floor, flag, letter):
    path = kernel.make(floor / "file", 0o666, content=b"x")
    if not isinstance(kernel.read_flags(path), Seen):
        pytest.skip("no inode flags on this file system")
    actor = kernel.Actor(UID, 0)
    with kernel.flagged(path, flag):
        (change,) = propose(single_changes, actor, kernel.record(path, flags=True), Want.WRITE)
        assert (change.kind, change.command) == ("flag", f"chattr -{letter} {path}")
        if shutil.which("chattr"):
            run(change.command)
            assert kernel.ask(actor, [kernel.Question(path, Want.WRITE)]) == [None]


def test_a_read_only_mount_is_to_be_mounted_for_writing(kernel, floor):
    path = kernel.make(floor / "file", 0o666, content=b"x")
    mount = Mount(
        mount_id=1,
        parent_id=1,
        device="8:1",
        root="/",
        mount_point="/workspace",
        options=("ro", "relatime"),
        filesystem="ext4",
        source="x",
        super_options=("rw",),
    )
    actor = kernel.Actor(UID, 0)
    (change,) = propose(single_changes, actor, kernel.record(path), Want.WRITE, mount=mount)
    assert (change.kind, change.command) == ("mount", None)
    assert "/workspace for writing" in change.sentence


def test_a_link_in_a_sticky_directory_may_change_its_owner(kernel, floor):
    kernel.make(floor / "shared", 0o1777)
    kernel.make(floor / "file", 0o644, content=b"x")
    path = kernel.link(floor / "shared" / "link", "../file", 5)
    (change,) = propose(single_changes, kernel.Actor(UID, 0), kernel.record(path), Want.READ)
    assert (change.kind, change.command) == ("owner", f"chown -h {UID} {path}")


# -- paths that are not made for a shell


NAMES = (
    b"with space",
    b"it's",
    b'"$(touch pwned)"',
    b"`id`$HOME",
    b"-R",
    b"new\nline",
    b"ends with newline\n\n",
    b"tab\tand\\backslash\\n",
    b"percent %s %n",
    b"\xff\xfe not utf-8",
    b"escape \x1b[31m",
    "ümläut ☃".encode(),
    b"a;b|c&d>e*?[!]{}~#",
    b"\xe2\x80\xae right to left",
)


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_command_changes_the_path_that_was_recorded_and_no_other(kernel, floor, name):
    path = os.fsencode(floor) + b"/" + name
    os.close(os.open(path, os.O_CREAT, 0o600))
    os.chown(path, 0, GROUP)
    os.chmod(path, 0o600)
    word = quote_path(path_text(path))
    run(f"chmod g+r {word}")
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert os.listdir(os.fsencode(floor)) == [name]
    assert word.replace("\n", "").isprintable()


def test_a_recorded_path_is_never_taken_for_an_option():
    assert quote_path("-R") == "./-R"
