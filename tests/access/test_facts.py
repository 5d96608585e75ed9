"""Every fact of the model as a named case on real inodes: the kernel's answer is stated, the model gives the same."""

from __future__ import annotations

import os

import pytest
from support.sysctls import raised_sysctl

from probe.access.decide import Right, Rule, decide, grants_if_member
from probe.access.walk import Purpose, judge
from probe.evidence.observation import Seen
from probe.evidence.path import Want

pytestmark = pytest.mark.root

UID, GROUP, OTHER_GROUP = 1000970001, 1000970000, 1000980000
OVERRIDE, SEARCH = ("CAP_DAC_OVERRIDE",), ("CAP_DAC_READ_SEARCH",)


@pytest.fixture
def check(kernel):
    """Assert the kernel's answer and the model's, on one path; return the step that decided."""

    def agree(actor, path, want, truth, *, directory=False, **options):
        assert kernel.ask(actor, [kernel.Question(path, want, directory)]) == [truth]
        judgement = judge(actor.credentials, kernel.record(path, flags=True), want, protected_symlinks=False, **options)
        assert judgement.errno == truth
        assert judgement.granted is (truth is None)
        return judgement.denial or judgement.steps[-1]

    return agree


@pytest.fixture
def member(kernel):
    return kernel.Actor(UID, 0, (GROUP,))


@pytest.fixture
def stranger(kernel):
    return kernel.Actor(UID, 0, (OTHER_GROUP,))


# -- exactly one class decides


@pytest.mark.parametrize(("mode", "truth"), [(0o077, "EACCES"), (0o377, "EACCES"), (0o400, None)])
def test_for_the_owner_only_the_owner_bits_count(kernel, check, floor, mode, truth):
    path = kernel.make(floor / "file", mode, UID, GROUP, content=b"x")
    step = check(kernel.Actor(UID, GROUP), path, Want.READ, truth)
    assert step.decision.rule is Rule.OWNER


@pytest.mark.parametrize(("mode", "truth"), [(0o707, "EACCES"), (0o040, None)])
def test_for_a_member_of_the_group_only_the_group_bits_count(kernel, check, floor, member, mode, truth):
    path = kernel.make(floor / "file", mode, 0, GROUP, content=b"x")
    assert check(member, path, Want.READ, truth).decision.rule is Rule.OWNING_GROUP


@pytest.mark.parametrize(("mode", "truth"), [(0o770, "EACCES"), (0o004, None)])
def test_for_anybody_else_the_other_bits_count(kernel, check, floor, stranger, mode, truth):
    path = kernel.make(floor / "file", mode, 0, GROUP, content=b"x")
    assert check(stranger, path, Want.READ, truth).decision.rule is Rule.OTHER


@pytest.mark.parametrize("gids", [(GROUP, ()), (5, (6, GROUP))])
def test_the_gid_and_a_supplementary_group_count_alike(kernel, check, floor, gids):
    path = kernel.make(floor / "file", 0o040, 0, GROUP, content=b"x")
    check(kernel.Actor(UID, *gids), path, Want.READ, None)


def test_the_file_system_uid_counts_not_the_effective_one(kernel, floor):
    path = kernel.make(floor / "file", 0o400, UID, 0, content=b"x")

    def with_another_fsuid():
        kernel.Actor(5, 5, (), ("CAP_SETUID",)).become()
        kernel.LIBC.setfsuid(UID)
        return os.geteuid(), kernel.attempt(kernel.Question(path, Want.READ))

    assert kernel.in_child(with_another_fsuid) == (5, None)
    assert judge(kernel.Actor(UID, 5).credentials, kernel.record(path), Want.READ).granted


# -- directories on the way


@pytest.mark.parametrize(
    ("mode", "read", "listed", "member_read", "member_listed"),
    [
        (0o700, "EACCES", "EACCES", "EACCES", "EACCES"),
        (0o744, "EACCES", None, "EACCES", None),
        (0o711, None, "EACCES", None, "EACCES"),
        (0o710, "EACCES", "EACCES", None, "EACCES"),
        (0o750, "EACCES", "EACCES", None, None),
        (0o2770, "EACCES", "EACCES", None, None),
    ],
)
def test_search_needs_x_and_listing_needs_r(
    kernel, check, floor, member, stranger, mode, read, listed, member_read, member_listed
):
    directory = kernel.make(floor / "oci", mode, 0, GROUP)
    path = kernel.make(floor / "oci" / "image.tar", 0o644, content=b"x")
    for actor, to_read, to_list in ((stranger, read, listed), (member, member_read, member_listed)):
        step = check(actor, path, Want.READ, to_read)
        if to_read is not None:
            assert (step.purpose, step.decision.right) == (Purpose.SEARCH, Right.EXECUTE)
        check(actor, directory, Want.LIST, to_list, directory=True)


def test_the_denied_directory_is_named_with_both_sides_of_the_comparison(kernel, check, floor, member):
    kernel.make(floor / "oci", 0o700, 0, GROUP)
    path = kernel.make(floor / "oci" / "image.tar", 0o644, content=b"x")
    step = check(member, path, Want.READ, "EACCES")
    chain = kernel.record(path)
    assert chain.components[step.index].path == str(floor / "oci")
    assert step.decision.sentence == f"needs x for group {GROUP}, mode is 0700 (owner 0, group {GROUP})"
    assert step.decision.held == 0


def test_every_directory_on_the_way_is_searched_also_on_the_way_back_up(kernel, check, floor, stranger):
    kernel.make(floor / "open", 0o755)
    kernel.make(floor / "closed", 0o700)
    kernel.make(floor / "file", 0o644, content=b"x")
    check(stranger, str(floor / "open/../file"), Want.READ, None)
    check(stranger, str(floor / "closed/../file"), Want.READ, "EACCES")
    check(stranger, f"{floor}/closed/.", Want.LIST, "EACCES", directory=True)


def test_a_relative_path_asks_nothing_of_the_directories_above_its_start(kernel, floor, stranger):
    kernel.make(floor / "closed", 0o700)
    start = kernel.make(floor / "closed" / "start", 0o711)
    kernel.make(floor / "closed" / "start" / "file", 0o644, content=b"x")
    answers = kernel.ask(stranger, [kernel.Question("file", Want.READ)], start)
    assert answers == [None]
    chain = kernel.record("file", start)
    assert [component.name for component in chain.components] == [".", "file"]
    assert judge(stranger.credentials, chain, Want.READ).granted
    answers = kernel.ask(stranger, [kernel.Question(f"{start}/file", Want.READ)])
    assert answers == ["EACCES"]


def test_even_the_working_directory_itself_is_looked_up_in_itself(kernel, floor, stranger):
    start = kernel.make(floor / "start", 0o704, 0, GROUP)
    assert kernel.ask(stranger, [kernel.Question(".", Want.LIST, True)], start) == ["EACCES"]
    assert judge(stranger.credentials, kernel.record(".", start), Want.LIST).errno == "EACCES"
    only_start = kernel.record(".", start)
    only_start = only_start.model_copy(update={"components": only_start.components[:1]})
    assert judge(stranger.credentials, only_start, Want.LIST).errno == "EACCES"


def test_the_root_directory_needs_no_search_to_be_listed(kernel, check, stranger):
    check(stranger, "/", Want.LIST, None, directory=True)


def test_absence_and_a_file_in_the_middle_have_their_own_errnos(kernel, check, floor, stranger):
    kernel.make(floor / "file", 0o644, content=b"x")
    assert check(stranger, str(floor / "absent"), Want.READ, "ENOENT").decision.rule is Rule.NO_SUCH_FILE
    assert check(stranger, str(floor / "absent/deeper"), Want.CREATE, "ENOENT").decision.rule is Rule.NO_SUCH_FILE
    assert check(stranger, str(floor / "file/deeper"), Want.READ, "ENOTDIR").decision.rule is Rule.NOT_A_DIRECTORY
    check(stranger, f"{floor}/file/", Want.READ, "ENOTDIR")
    check(stranger, str(floor / "file"), Want.LIST, "ENOTDIR")
    check(stranger, str(floor / ("n" * 256)), Want.READ, "ENAMETOOLONG")


def test_search_is_denied_before_absence_is_told(kernel, check, floor, stranger):
    kernel.make(floor / "closed", 0o700)
    check(stranger, str(floor / "closed" / "absent"), Want.READ, "EACCES")


# -- symbolic links


def test_a_link_s_own_owner_and_mode_do_not_matter(kernel, check, floor, stranger):
    kernel.make(floor / "file", 0o644, content=b"x")
    check(stranger, kernel.link(floor / "link", "file", 5, 5), Want.READ, None)


def test_a_link_into_a_closed_directory_does_not_open_it(kernel, check, floor, stranger):
    kernel.make(floor / "closed", 0o700)
    kernel.make(floor / "closed" / "file", 0o644, content=b"x")
    for target in ("closed/file", str(floor / "closed/file")):
        path = kernel.link(floor / f"link{len(target)}", target)
        step = check(stranger, path, Want.READ, "EACCES")
        assert kernel.record(path).components[step.index].path == str(floor / "closed")


@pytest.mark.parametrize(("links", "truth"), [(40, None), (41, "ELOOP")])
def test_40_links_are_followed_and_41_are_not(kernel, check, floor, stranger, links, truth):
    kernel.make(floor / "l0", 0o644, content=b"x")
    for number in range(links):
        kernel.link(floor / f"l{number + 1}", f"l{number}")
    step = check(stranger, str(floor / f"l{links}"), Want.READ, truth)
    assert (step.decision.rule is Rule.TOO_MANY_SYMLINKS) is (truth is not None)


def test_a_trailing_slash_behind_a_link_s_target_asks_for_a_directory(kernel, check, floor, stranger):
    kernel.make(floor / "file", 0o644, content=b"x")
    check(stranger, kernel.link(floor / "link", "file/"), Want.READ, "ENOTDIR")
    check(stranger, kernel.link(floor / "outer", "link"), Want.READ, "ENOTDIR")
    kernel.make(floor / "directory", 0o755)
    kernel.make(floor / "directory" / "file", 0o644, content=b"x")
    kernel.link(floor / "middle", "directory/")
    check(stranger, f"{floor}/middle/file", Want.READ, None)


@pytest.mark.parametrize(
    ("mode", "link_owner", "directory_owner", "truth"),
    [
        (0o1777, 5, 0, "EACCES"),
        (0o1777, UID, 0, None),
        (0o1777, 0, 0, None),
        (0o1777, 5, 5, None),
        (0o0777, 5, 0, None),
        (0o1775, 5, 0, None),
        (0o1773, 5, 0, "EACCES"),
    ],
)
def test_protected_symlinks(kernel, floor, stranger, mode, link_owner, directory_owner, truth):
    kernel.make(floor / "shared", mode, directory_owner)
    kernel.make(floor / "file", 0o644, content=b"x")
    path = kernel.link(floor / "shared" / "link", "../file", link_owner)
    root = kernel.Actor(0, 0, (), OVERRIDE + SEARCH)
    with raised_sysctl("protected_symlinks", 1) as protected:
        if not protected:
            pytest.skip("fs.protected_symlinks is 0 and cannot be set")
        answers = [kernel.ask(actor, [kernel.Question(path, Want.READ)])[0] for actor in (stranger, root)]
    # Root is not exempt, and is the follower that owns the link only where the link is root's.
    assert answers == [truth, None if link_owner == 0 else "EACCES" if truth or link_owner == UID else None]
    for actor, answer in zip((stranger, root), answers, strict=True):
        judgement = judge(actor.credentials, kernel.record(path), Want.READ)
        assert judgement.errno == answer
        assert answer is None or judgement.denial.decision.rule is Rule.STICKY_SYMLINK
        assert judge(actor.credentials, kernel.record(path), Want.READ, protected_symlinks=False).granted


def test_protected_symlinks_is_asked_only_for_a_link_at_the_end(kernel, floor, stranger):
    """Links in the middle of a path are left alone: may_follow_link() is not called for them."""
    kernel.make(floor / "shared", 0o1777)
    kernel.make(floor / "real", 0o755)
    kernel.make(floor / "real" / "file", 0o644, content=b"x")
    kernel.link(floor / "shared" / "link", "../real", 5)
    outer = kernel.link(floor / "outer", "shared/link", 0)
    kernel.make(floor / "real" / "below", 0o777)
    kernel.link(floor / "shared" / "to-write", "../real/below", 5)
    asked = {
        f"{floor}/shared/link/file": None,
        f"{floor}/shared/link": "EACCES",
        f"{floor}/shared/link/": "EACCES",
        f"{floor}/shared/link/.": None,
        outer: "EACCES",
        f"{outer}/file": None,
    }
    with raised_sysctl("protected_symlinks", 1) as protected:
        if not protected:
            pytest.skip("fs.protected_symlinks is 0 and cannot be set")
        answers = kernel.ask(stranger, [kernel.Question(path, Want.READ) for path in asked])
        path = f"{floor}/shared/to-write"
        written = kernel.ask(stranger, [kernel.Question(path, Want.WRITE, True), kernel.Question(path, Want.LIST)])
    assert dict(zip(asked, answers, strict=True)) == asked
    for path, truth in asked.items():
        assert judge(stranger.credentials, kernel.record(path), Want.READ).errno == truth, path
    # What is made in a directory has a name of its own behind the link's.
    assert written == [None, "EACCES"]
    chain = kernel.record(f"{floor}/shared/to-write")
    assert [judge(stranger.credentials, chain, want).errno for want in (Want.WRITE, Want.LIST)] == written


# -- POSIX ACLs


@pytest.fixture
def with_acl(kernel, each_floor):
    """A file of root and GROUP with this ACL."""

    def made(*entries):
        path = kernel.make(each_floor / "file", 0o600, 0, GROUP, content=b"x")
        try:
            kernel.set_acl(path, *entries)
        except OSError as error:
            pytest.skip(f"no ACLs on this file system: {error}")
        return path

    return made


def test_a_named_user_s_entry_decides_and_not_the_group_or_others(kernel, check, with_acl, member):
    path = with_acl(*kernel.acl(7, 7, 7, 7, users={UID: 0}))
    decision = check(member, path, Want.READ, "EACCES").decision
    assert (decision.rule, decision.acl_decided, decision.held, decision.mask) == (Rule.NAMED_USER, True, 0, 7)
    assert decision.sentence.startswith(f"needs r, ACL entry user:{UID} gives ---, mode is 0777")


def test_the_mask_cuts_a_named_user_s_entry(kernel, check, with_acl, stranger):
    path = with_acl(*kernel.acl(7, 7, 2, 7, users={UID: 7}))
    decision = check(stranger, path, Want.READ, "EACCES").decision
    assert (decision.held, decision.mask, decision.acl_decided) == (2, 2, True)
    assert "the group bits are the ACL mask -w-" in decision.sentence


def test_a_mask_that_cuts_the_owning_group_s_entry_decides(kernel, check, with_acl, member):
    """The mode bits alone deny as well, but they are the mask: the group's own entry would grant."""
    path = with_acl(*kernel.acl(7, 7, 1, 0))
    decision = check(member, path, Want.READ, "EACCES").decision
    assert (decision.rule, decision.held, decision.acl_decided) == (Rule.OWNING_GROUP, 1, True)


def test_an_acl_that_denies_what_the_mode_bits_deny_did_not_decide(kernel, check, with_acl, member, stranger):
    path = with_acl(*kernel.acl(7, 1, 7, 1, users={5: 7}))
    assert check(stranger, path, Want.READ, "EACCES").decision.acl_decided is False


def test_with_an_empty_mask_the_acl_is_not_looked_at(kernel, check, with_acl, stranger, member):
    """`mode & 070` is 0, so the kernel never gets to the ACL: a named user has what others have."""
    path = with_acl(*kernel.acl(7, 7, 0, 4, users={UID: 0}))
    decision = check(stranger, path, Want.READ, None).decision
    assert (decision.rule, decision.acl_decided) == (Rule.OTHER, False)
    assert check(member, path, Want.READ, "EACCES").decision.rule is Rule.OWNING_GROUP


def test_the_owner_is_not_asked_to_look_at_the_acl(kernel, check, with_acl):
    path = with_acl(*kernel.acl(0, 7, 7, 7, users={0: 7}))
    assert check(kernel.Actor(0, 0), path, Want.READ, "EACCES").decision.rule is Rule.OWNER


def test_a_matching_group_entry_that_denies_does_not_fall_through_to_others(kernel, check, with_acl, stranger):
    path = with_acl(*kernel.acl(7, 7, 7, 7, groups={OTHER_GROUP: 0}))
    decision = check(stranger, path, Want.READ, "EACCES").decision
    assert (decision.rule, decision.acl_decided) == (Rule.NAMED_GROUP, True)


def test_any_matching_group_entry_that_grants_is_enough(kernel, check, with_acl):
    path = with_acl(*kernel.acl(7, 0, 7, 0, groups={OTHER_GROUP: 4, 7: 0}))
    check(kernel.Actor(UID, 7, (OTHER_GROUP, GROUP)), path, Want.READ, None)
    check(kernel.Actor(UID, 7, (GROUP,)), path, Want.READ, "EACCES")


def test_the_group_bits_of_an_inode_with_an_acl_are_the_mask_not_the_owning_group_s(kernel, check, with_acl, member):
    path = with_acl(*kernel.acl(7, 0, 7, 0, users={5: 7}))
    assert os.stat(path).st_mode & 0o070 == 0o070
    decision = check(member, path, Want.READ, "EACCES").decision
    assert (decision.rule, decision.held, decision.acl_decided) == (Rule.OWNING_GROUP, 0, True)


def test_two_group_entries_do_not_add_up(kernel, each_floor, stranger):
    """Creating needs w and x of one entry, although one gives w and the other x."""
    path = kernel.make(each_floor / "shared", 0o700, 0, GROUP)
    try:
        kernel.set_acl(path, *kernel.acl(7, 0, 7, 0, groups={OTHER_GROUP: 2, 7: 1}))
    except OSError as error:
        pytest.skip(f"no ACLs on this file system: {error}")
    actor = kernel.Actor(UID, 7, (OTHER_GROUP,))
    questions = [kernel.Question(path + "/new", Want.CREATE)]
    assert kernel.ask(actor, questions) == ["EACCES"]
    judgement = judge(actor.credentials, kernel.record(path + "/new"), Want.CREATE)
    assert judgement.errno == "EACCES"
    assert judgement.denial.purpose is Purpose.CREATE_IN
    inode = os.stat(path)
    for right in (Right.WRITE, Right.EXECUTE):
        assert decide(actor.credentials, kernel.inode_of(inode), kernel.read_acl(path).value, right).granted


# -- capabilities


@pytest.mark.parametrize("uid", [0, UID])
def test_uid_0_without_capabilities_is_an_ordinary_user(kernel, check, floor, uid):
    path = kernel.make(floor / "file", 0o640, 5, 5, content=b"x")
    decision = check(kernel.Actor(uid, 0), path, Want.READ, "EACCES").decision
    assert ("uid 0 without" in decision.sentence) is (uid == 0)


@pytest.mark.parametrize(
    ("held", "want", "mode", "truth"),
    [
        (SEARCH, Want.READ, 0o000, None),
        (SEARCH, Want.WRITE, 0o000, "EACCES"),
        (SEARCH, Want.EXECUTE, 0o000, "EACCES"),
        (SEARCH, Want.EXECUTE, 0o100, "EACCES"),
        (OVERRIDE, Want.READ, 0o000, None),
        (OVERRIDE, Want.WRITE, 0o000, None),
        (OVERRIDE, Want.EXECUTE, 0o666, "EACCES"),
        (OVERRIDE, Want.EXECUTE, 0o100, None),
        (("CAP_CHOWN", "CAP_FOWNER", "CAP_SYS_ADMIN"), Want.READ, 0o000, "EACCES"),
    ],
)
def test_capabilities_on_a_file(kernel, check, floor, held, want, mode, truth):
    path = kernel.make(floor / "file", mode, 5, 5, content=b"text\n")
    decision = check(kernel.Actor(UID, UID, (), held), path, want, truth).decision
    assert decision.by_capability == (None if truth else held[0])


@pytest.mark.parametrize(
    ("held", "want", "truth"),
    [
        (SEARCH, Want.LIST, None),
        (SEARCH, Want.EXECUTE, None),
        (SEARCH, Want.WRITE, "EACCES"),
        (OVERRIDE, Want.WRITE, None),
        (OVERRIDE, Want.LIST, None),
        ((), Want.LIST, "EACCES"),
    ],
)
def test_capabilities_on_a_directory(kernel, check, floor, held, want, truth):
    path = kernel.make(floor / "directory", 0o000, 5, 5)
    check(kernel.Actor(UID, UID, (), held), path, want, truth, directory=True)


# -- writing and creating


@pytest.mark.parametrize(("mode", "truth"), [(0o1, "EACCES"), (0o2, "EACCES"), (0o3, None), (0o7, None)])
def test_creating_needs_w_and_x_on_the_directory_and_nothing_of_a_file(kernel, check, floor, stranger, mode, truth):
    directory = kernel.make(floor / "directory", mode, 5, 5)
    check(stranger, f"{directory}/new", Want.CREATE, truth)
    check(stranger, directory, Want.WRITE, truth, directory=True)
    kernel.make(floor / "directory" / "taken", 0o000, content=b"x")
    assert judge(stranger.credentials, kernel.record(f"{directory}/taken"), Want.CREATE).errno == truth


def test_writing_a_file_needs_nothing_but_search_of_its_directory(kernel, check, floor, stranger):
    kernel.make(floor / "directory", 0o711)
    check(stranger, kernel.make(floor / "directory" / "file", 0o666, content=b"x"), Want.WRITE, None)


@pytest.mark.parametrize(
    ("level", "mode", "file_owner", "truth"),
    [
        (1, 0o1777, 5, "EACCES"),
        (1, 0o1777, UID, None),
        (1, 0o1777, 0, None),
        (1, 0o0777, 5, None),
        (1, 0o1770, 5, None),
        (2, 0o1770, 5, "EACCES"),
    ],
)
def test_protected_regular(kernel, floor, level, mode, file_owner, truth):
    kernel.make(floor / "shared", mode, 0, GROUP)
    path = kernel.make(floor / "shared" / "file", 0o666, file_owner, 5, content=b"x")
    actor = kernel.Actor(UID, GROUP)

    def open_as_a_shell_does():
        actor.become()
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        except PermissionError:
            return "EACCES"
        return None

    with raised_sysctl("protected_regular", level) as now:
        if now != level:
            pytest.skip(f"fs.protected_regular is {now} here")
        assert kernel.in_child(open_as_a_shell_does) == truth
    judgement = judge(actor.credentials, kernel.record(path), Want.WRITE, protected_regular=level)
    assert judgement.errno == truth
    assert truth is None or judgement.denial.decision.rule is Rule.STICKY_DIRECTORY
    assert judge(actor.credentials, kernel.record(path), Want.WRITE).granted


@pytest.mark.parametrize(
    ("flag", "want", "truth"),
    [
        ("immutable", Want.READ, None),
        ("immutable", Want.WRITE, "EPERM"),
        ("append", Want.READ, None),
        ("append", Want.WRITE, "EPERM"),
    ],
)
@pytest.mark.parametrize("held", [(), OVERRIDE])
def test_flags_of_a_file(kernel, check, floor, flag, want, truth, held):
    path = kernel.make(floor / "file", 0o666, content=b"x")
    with _flagged(kernel, path, flag):
        step = check(kernel.Actor(UID, UID, (), held), path, want, truth)
    assert truth is None or step.decision.rule in (Rule.IMMUTABLE, Rule.APPEND_ONLY)


@pytest.mark.parametrize(("flag", "mode", "truth"), [("immutable", 0o600, "EPERM"), ("append", 0o600, "EACCES")])
def test_an_immutable_file_is_refused_before_its_bits_an_append_only_one_after(
    kernel, check, floor, stranger, flag, mode, truth
):
    path = kernel.make(floor / "file", mode, content=b"x")
    with _flagged(kernel, path, flag):
        check(stranger, path, Want.WRITE, truth)


def test_nothing_is_made_in_an_immutable_directory(kernel, check, floor, stranger):
    path = kernel.make(floor / "directory", 0o777)
    with _flagged(kernel, path, "immutable"):
        check(stranger, f"{path}/new", Want.CREATE, "EPERM")
        check(stranger, path, Want.WRITE, "EPERM", directory=True)
        check(stranger, path, Want.LIST, None, directory=True)


def _flagged(kernel, path, flag):
    seen = kernel.read_flags(path)
    if not isinstance(seen, Seen):
        pytest.skip(f"no inode flags on this file system: {seen.message}")
    return kernel.flagged(path, flag)


# -- other kinds of files


def test_a_socket_is_not_opened_and_a_fifo_not_executed(kernel, check, floor, stranger):
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(floor / "s"))
    (floor / "s").chmod(0o777)
    os.mkfifo(floor / "f")
    (floor / "f").chmod(0o777)
    check(stranger, str(floor / "s"), Want.READ, "ENXIO")
    check(stranger, str(floor / "s"), Want.WRITE, "ENXIO")
    check(stranger, str(floor / "f"), Want.READ, None)
    check(stranger, str(floor / "f"), Want.EXECUTE, "EACCES")
    (floor / "s").chmod(0o000)
    check(stranger, str(floor / "s"), Want.READ, "EACCES")


# -- the question of the classifier


def test_what_holding_the_group_would_change(kernel, floor, stranger):
    inode = kernel.inode_of(os.stat(kernel.make(floor / "d", 0o750, 0, GROUP)))
    assert not decide(stranger.credentials, inode, None, Right.EXECUTE).granted
    assert grants_if_member(stranger.credentials, inode, None, Right.EXECUTE, GROUP)
    assert not grants_if_member(stranger.credentials, inode, None, Right.WRITE, GROUP)
    assert not grants_if_member(stranger.credentials, inode, None, Right.EXECUTE, 5)
