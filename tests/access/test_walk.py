"""What the model says of evidence that is partial, ambiguous or hostile: no answer is better than a wrong one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.access.change import minimal_changes, single_changes
from probe.access.credentials import Credentials
from probe.access.decide import Right, Rule, decide, possible_decisions
from probe.access.walk import Purpose, judge
from probe.evidence.identity import IdRange
from probe.evidence.mount import Mount
from probe.evidence.observation import NotSeen, Reason, Seen, reason_for
from probe.evidence.path import Acl, AclEntry, AclTag, Chain, Component, FileType, Inode, Want

ME = Credentials(1000970001, 0, frozenset({1000970000}))
PARTIAL = (IdRange(inside=0, outside=100000, count=65536),)


def inode(mode=0o755, uid=0, gid=0, kind=FileType.DIRECTORY, number=1):
    return Inode(
        type=kind,
        mode=mode,
        uid=uid,
        gid=gid,
        device="8:1",
        inode=number,
        links=1,
        size=0,
        blocks=0,
        modified=1,
        changed=1,
    )


def seen(value):
    return Seen[type(value)](value=value, at=1)


def unseen(errno=None, reason=None, message="not looked at"):
    if reason is None:
        reason = reason_for(errno) if errno else Reason.SKIPPED
    return NotSeen(reason=reason, errno=errno, message=message, at=1)


def component(path, observed, *, acl=None, link=None, flags=None):
    return Component(
        path=path,
        name=path.rsplit("/", 1)[-1] or "/",
        inode=seen(observed) if isinstance(observed, Inode) else observed,
        acl=acl or seen(Acl()),
        label=unseen(),
        mount_id=unseen(),
        link_target=link,
        flags=flags,
    )


def chain(*components, stopped=None, requested=None, truncated=False):
    start = component("/", inode())
    requested = requested or components[-1].path
    return Chain(requested=requested, components=(start, *components), stopped=stopped, truncated=truncated)


FILE = inode(0o644, kind=FileType.REGULAR, number=2)


def test_every_step_is_told_also_the_ones_that_grant():
    judgement = judge(ME, chain(component("/a", inode(0o711)), component("/a/f", FILE)), Want.READ)
    assert judgement.granted is True
    assert judgement.errno is None
    assert judgement.missing == ()
    assert [(step.index, step.purpose) for step in judgement.steps] == [
        (0, Purpose.SEARCH),
        (1, Purpose.SEARCH),
        (2, Purpose.READ),
    ]
    assert judgement.steps[1].decision.sentence.startswith("group 0 has x: mode is 0711 (owner 0, group 0)")


def test_what_lies_behind_a_denial_is_judged_too_but_the_first_denial_is_the_answer():
    walked = chain(
        component("/a", inode(0o700)),
        component("/a/b", inode(0o700)),
        component("/a/b/f", inode(0o600, kind=FileType.REGULAR)),
    )
    judgement = judge(ME, walked, Want.READ)
    assert [step.index for step in judgement.denials] == [1, 2, 3]
    assert judgement.denial == judgement.denials[0]
    assert judgement.errno == "EACCES"


@pytest.mark.parametrize("errno", ["EACCES", "EPERM", "ETIMEDOUT", "ESTALE", None])
def test_a_component_that_was_not_seen_leaves_the_answer_open(errno):
    lost = unseen(errno, message=f"open /a/f: {errno}")
    judgement = judge(ME, chain(component("/a", inode()), component("/a/f", lost), stopped=lost), Want.READ)
    assert judgement.granted is None
    assert judgement.denial is None
    assert judgement.errno is None
    assert judgement.missing == (f"/a/f: open /a/f: {errno}",)
    assert judgement.steps[-1].decision.rule is Rule.UNOBSERVABLE
    assert judgement.unexplained == (2 if errno in ("EACCES", "EPERM") else None)


def test_a_denial_before_what_was_not_seen_is_a_denial():
    lost = unseen("EACCES")
    walked = chain(component("/a", inode(0o700)), component("/a/f", lost), stopped=lost)
    judgement = judge(ME, walked, Want.READ)
    assert judgement.granted is False
    assert judgement.denial.index == 1
    assert judgement.errno == "EACCES"
    assert judgement.unexplained is None
    member = Credentials(5, 5, capabilities=frozenset({"CAP_DAC_READ_SEARCH"}))
    assert judge(member, walked, Want.READ).granted is None


@pytest.mark.parametrize(
    ("errno", "rule"),
    [
        ("ENOENT", Rule.NO_SUCH_FILE),
        ("ENOTDIR", Rule.NOT_A_DIRECTORY),
        ("ELOOP", Rule.TOO_MANY_SYMLINKS),
        ("ENAMETOOLONG", Rule.NAME_TOO_LONG),
    ],
)
def test_what_every_identity_would_meet_is_an_answer(errno, rule):
    lost = unseen(errno)
    for components in ((component("/a", lost),), (component("/a", lost), component("/a/b", unseen()))):
        judgement = judge(ME, chain(*components, stopped=lost), Want.READ)
        assert (judgement.granted, judgement.errno) == (False, errno)
        assert (judgement.denial.index, judgement.denial.purpose) == (1, Purpose.LOOK_UP)
        assert judgement.denial.decision.rule is rule


def test_a_name_is_created_where_only_the_last_one_is_absent():
    lost = unseen("ENOENT")
    shared = component("/a", inode(0o2770, gid=1000970000))
    judgement = judge(ME, chain(shared, component("/a/f", lost), stopped=lost), Want.CREATE)
    assert judgement.granted is True
    assert (judgement.steps[-1].index, judgement.steps[-1].purpose) == (1, Purpose.CREATE_IN)
    assert judgement.steps[-1].decision.right == Right.WRITE | Right.EXECUTE
    assert judgement.steps[-1].decision.right.letters == "wx"
    deeper = chain(shared, component("/a/b", lost), component("/a/b/f", unseen()), stopped=lost)
    assert judge(ME, deeper, Want.CREATE).errno == "ENOENT"


def test_a_hop_too_many_for_the_record_leaves_the_answer_open():
    judgement = judge(ME, chain(component("/a", inode()), truncated=True), Want.LIST)
    assert judgement.granted is None
    assert "more hops than were recorded" in judgement.missing[0]


@pytest.mark.parametrize(("links", "errno"), [(40, None), (41, "ELOOP")])
def test_links_are_counted_whoever_recorded_them(links, errno):
    hops = [component(f"/l{n}", inode(0o777, kind=FileType.SYMLINK), link=f"l{n + 1}") for n in range(links)]
    walked = chain(*hops, component(f"/l{links}", FILE), requested="/l0")
    judgement = judge(ME, walked, Want.READ)
    assert judgement.errno == errno
    assert errno is None or (judgement.denial.index, judgement.denial.purpose) == (41, Purpose.FOLLOW)


@pytest.mark.parametrize(
    ("stopped", "granted", "errno"),
    [(unseen("ELOOP"), False, "ELOOP"), (unseen("EIO"), None, None), (None, None, None)],
)
def test_a_walk_that_ends_at_a_link_has_not_arrived(stopped, granted, errno):
    link = component("/l", inode(0o777, kind=FileType.SYMLINK), link="elsewhere")
    judgement = judge(ME, chain(link, stopped=stopped), Want.READ)
    assert (judgement.granted, judgement.errno) == (granted, errno)


def test_a_link_whose_target_was_not_recorded_leaves_the_answer_open():
    link = component("/l", inode(0o777, kind=FileType.SYMLINK))
    judgement = judge(ME, chain(link, component("/f", FILE)), Want.READ)
    assert judgement.granted is None
    assert "/l" in judgement.missing[0]


def test_the_label_of_a_link_below_proc_is_not_looked_up():
    """/proc/PID/root, cwd and fd/N lead to the object itself: nothing on the way to it is searched."""
    link = component("/proc/7/cwd", inode(0o777, kind=FileType.SYMLINK), link="/closed/deep")
    there = component("/proc/7/cwd", inode(0o711)).model_copy(update={"name": "/closed/deep"})
    sticky = component("/proc/7/cwd/l", inode(0o777, uid=5, kind=FileType.SYMLINK), link="f")
    walked = chain(link, there, component("/proc/7/cwd/f", FILE), requested="/cwd/f")
    assert judge(ME, walked, Want.READ).granted is True
    lost = unseen("EACCES")
    there_lost = component("/proc/7/cwd", lost).model_copy(update={"name": "/closed/deep"})
    assert judge(ME, chain(link, there_lost, stopped=lost), Want.CREATE).granted is None
    shared = component("/proc/7/cwd", inode(0o1777)).model_copy(update={"name": "/closed/deep"})
    walked = chain(link, shared, sticky, component("/proc/7/cwd/f", FILE), requested="/cwd/l")
    assert judge(ME, walked, Want.READ).denial.decision.rule is Rule.STICKY_SYMLINK


def test_an_acl_that_could_not_be_asked_for_is_not_an_acl_that_is_not_there():
    no_proc = unseen(reason=Reason.UNSUPPORTED, message="getxattr: /proc is not mounted")
    walked = chain(component("/f", inode(0o640, gid=1000970000, kind=FileType.REGULAR), acl=no_proc))
    assert judge(ME, walked, Want.READ).granted is None


def test_an_empty_chain_has_no_answer():
    nothing = Chain(requested="/a", components=())
    assert judge(ME, nothing, Want.READ).granted is None
    lost = component("/", unseen("EIO"))
    assert judge(ME, Chain(requested="/", components=(lost,)), Want.READ).granted is None


# -- an ACL that was not seen


@pytest.mark.parametrize("errno", ["ENOTSUP", "ENODATA"])
def test_a_file_system_without_acls_is_decided_by_its_bits(errno):
    walked = chain(component("/f", inode(0o640, gid=1000970000, kind=FileType.REGULAR), acl=unseen(errno)))
    assert judge(ME, walked, Want.READ).granted is True


@pytest.mark.parametrize(
    ("mode", "gid", "granted"),
    [
        (0o640, 1000970000, None),  # the group bits may be the mask of an ACL that gives the group nothing
        (0o644, 5, None),  # an entry for this user may take what others have
        (0o640, 5, None),  # or give what others have not
        (0o600, 5, False),  # group bits 0: an ACL is not looked at
        (0o604, 5, True),
        (0o620, 5, False),  # no ACL can give what its mask does not hold
    ],
)
def test_an_acl_that_was_not_seen_leaves_open_what_it_could_decide(mode, gid, granted):
    hidden = unseen("EACCES", message="getxattr: EACCES")
    walked = chain(component("/f", inode(mode, gid=gid, kind=FileType.REGULAR), acl=hidden))
    judgement = judge(ME, walked, Want.READ)
    assert judgement.granted is granted
    assert bool(judgement.missing) is (granted is None)
    if granted is None:
        assert "/f: its ACL was not seen (getxattr: EACCES)" in judgement.missing


def test_an_acl_that_was_not_seen_does_not_matter_to_the_owner_or_a_capability():
    walked = chain(component("/f", inode(0o470, uid=5, kind=FileType.REGULAR), acl=unseen("EACCES")))
    assert judge(Credentials(5, 5), walked, Want.READ).granted is True
    capable = Credentials(6, 6, capabilities=frozenset({"CAP_DAC_OVERRIDE"}))
    assert judge(capable, walked, Want.READ).granted is True


def test_a_refusal_behind_something_open_has_an_errno_only_if_both_are_the_same():
    hidden = component("/a", inode(0o755, gid=5), acl=unseen("EACCES"))
    target = inode(0o600, kind=FileType.REGULAR)
    fixed = component(
        "/a/f", inode(0o666, kind=FileType.REGULAR), flags=Seen[tuple[str, ...]](value=("immutable",), at=1)
    )
    judgement = judge(ME, chain(hidden, component("/a/f", target)), Want.WRITE)
    assert (judgement.granted, judgement.errno) == (False, "EACCES")
    judgement = judge(ME, chain(hidden, fixed), Want.WRITE)
    assert (judgement.granted, judgement.errno) == (False, None)


# -- overflow ids


@pytest.mark.parametrize(
    ("mode", "want", "granted"),
    [(0o600, Want.READ, None), (0o204, Want.READ, None), (0o644, Want.READ, True), (0o604, Want.EXECUTE, False)],
)
def test_an_unmapped_asker_and_an_unmapped_owner_may_be_the_same_or_not(mode, want, granted):
    me = Credentials(65534, 5, uid_map=PARTIAL, gid_map=PARTIAL)
    walked = chain(component("/f", inode(mode, uid=65534, gid=6, kind=FileType.REGULAR)))
    judgement = judge(me, walked, want)
    assert judgement.granted is granted


def test_a_link_in_a_sticky_directory_between_overflow_ids_is_open():
    me = Credentials(5, 5, uid_map=PARTIAL, gid_map=PARTIAL)
    directory = component("/tmp", inode(0o1777, uid=65534))
    link = component("/tmp/l", inode(0o777, uid=65534, kind=FileType.SYMLINK), link="/f")
    walked = chain(directory, link, component("/", inode()), component("/f", FILE), requested="/tmp/l")
    assert judge(me, walked, Want.READ).granted is None
    assert judge(me, walked, Want.READ, protected_symlinks=False).granted is True
    assert judge(ME, walked, Want.READ).granted is True  # in the initial namespace 65534 is the uid of both


def test_the_initial_namespace_knows_65534_as_a_uid_like_any_other():
    nobody = Credentials(65534, 65534)
    owned = inode(0o400, uid=65534, gid=65534, kind=FileType.REGULAR)
    assert decide(nobody, owned, None, Right.READ).rule is Rule.OWNER
    root = Credentials(0, 0, capabilities=frozenset({"CAP_DAC_OVERRIDE"}))
    assert decide(root, owned, None, Right.WRITE).by_capability == "CAP_DAC_OVERRIDE"
    assert {one.granted for one in possible_decisions(root, owned, None, Right.WRITE, idmapped=True)} == {True, False}
    assert {one.granted for one in possible_decisions(nobody, owned, None, Right.READ, idmapped=True)} == {True, False}


def test_an_acl_entry_for_an_unmapped_id_is_nobody_s_in_the_initial_namespace():
    entries = (
        AclEntry(tag=AclTag.OWNER, permissions=7),
        AclEntry(tag=AclTag.USER, id=4294967295, permissions=0),
        AclEntry(tag=AclTag.OWNING_GROUP, permissions=0),
        AclEntry(tag=AclTag.GROUP, id=4294967295, permissions=0),
        AclEntry(tag=AclTag.MASK, permissions=7),
        AclEntry(tag=AclTag.OTHER, permissions=4),
    )
    file = inode(0o774, kind=FileType.REGULAR)
    assert decide(Credentials(65534, 65534), file, Acl(entries=entries), Right.READ).rule is Rule.OTHER
    inside = Credentials(65534, 65534, uid_map=PARTIAL, gid_map=PARTIAL)
    assert {one.rule for one in possible_decisions(inside, file, Acl(entries=entries), Right.READ)} == {
        Rule.NAMED_USER,
        Rule.NAMED_GROUP,
        Rule.OTHER,
    }


def test_evidence_of_another_namespace_s_ids_counts_no_capability():
    """Typed for a prediction with a map that does not hold the recorded ids."""
    root = Credentials(0, 0, capabilities=frozenset({"CAP_DAC_OVERRIDE"}), uid_map=PARTIAL, gid_map=PARTIAL)
    decision = decide(root, inode(0o600, uid=1000970000, kind=FileType.REGULAR), None, Right.READ)
    assert (decision.granted, decision.capability_refused) == (False, "CAP_DAC_OVERRIDE")


# -- hostile evidence

numbers = st.sampled_from([0, 5, 65534, 1000970000, 1000970001, 4294967295, -1])
observations = st.one_of(
    st.builds(
        inode,
        st.integers(0, 0o7777),
        numbers,
        numbers,
        st.sampled_from(FileType),
        st.integers(0, 3),
    ).map(seen),
    st.builds(unseen, st.sampled_from([None, "EACCES", "ENOENT", "ENOTDIR", "ELOOP", "ESTALE", "nonsense"])),
)
acl_entries = st.builds(AclEntry, tag=st.sampled_from(AclTag), id=st.none() | numbers, permissions=st.integers(0, 7))
acl_observations = st.one_of(
    st.lists(acl_entries, max_size=5).map(lambda entries: seen(Acl(entries=tuple(entries)))),
    st.sampled_from(Reason).map(lambda reason: unseen(reason=reason)),
)
texts = st.sampled_from(["", "/", ".", "..", "a", "/a/b", "../a/", "//", "-R"])
components = st.builds(
    Component,
    path=texts,
    name=texts,
    inode=observations,
    acl=acl_observations,
    label=st.just(unseen()),
    mount_id=st.just(unseen()) | st.integers(0, 2).map(seen),
    link_target=st.none() | texts,
    flags=st.none() | st.just(Seen[tuple[str, ...]](value=("immutable", "append"), at=1)),
)
chains = st.builds(
    Chain,
    requested=texts,
    components=st.lists(components, max_size=8).map(tuple),
    stopped=st.none() | st.builds(unseen, st.sampled_from(["EACCES", "ENOENT", None])),
    truncated=st.booleans(),
)
maps = st.sampled_from(
    [(), PARTIAL, (IdRange(inside=0, outside=0, count=0),), (IdRange(inside=-5, outside=0, count=-9),)]
)
credentials = st.builds(
    Credentials,
    numbers,
    numbers,
    st.frozensets(numbers),
    st.frozensets(st.sampled_from(["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_99"])),
    maps,
    maps,
)
mounts = st.builds(
    Mount,
    mount_id=st.integers(0, 2),
    parent_id=st.just(1),
    device=st.just("8:1"),
    root=st.just("/"),
    mount_point=st.just("/a"),
    options=st.lists(st.sampled_from(["ro", "noexec", "nosymfollow", "idmapped"])).map(tuple),
    filesystem=st.just("ext4"),
    source=st.just("x"),
)


@settings(max_examples=500, deadline=None)
@given(credentials, chains, st.sampled_from(Want), st.none() | mounts, st.booleans(), st.integers(0, 2))
def test_any_evidence_has_a_judgement_that_agrees_with_itself(who, walked, want, mount, symlinks, regular):
    judgement = judge(who, walked, want, mount=mount, protected_symlinks=symlinks, protected_regular=regular)
    undecided = [step for step in judgement.steps if step.decision.rule is Rule.UNOBSERVABLE]
    assert (judgement.granted is False) is (judgement.denial is not None)
    assert (judgement.granted is None) is (judgement.denial is None and bool(undecided))
    assert bool(judgement.missing) is bool(undecided)
    assert all(0 <= step.index < max(1, len(walked.components)) for step in judgement.steps)
    assert judgement.granted is False or judgement.errno is None
    assert all(step.decision.sentence and len(step.decision.sentence) < 2000 for step in judgement.steps)
    for step in judgement.denials:
        assert step.decision.errno


@settings(deadline=None)
@given(credentials, chains, st.sampled_from(Want), st.none() | mounts)
def test_any_evidence_has_changes_that_are_enough_or_none(who, walked, want, mount):
    judgement = judge(who, walked, want, mount=mount)
    single = single_changes(who, walked, want, judgement, mount=mount)
    several = minimal_changes(who, walked, want, judgement, mount=mount)
    assert judgement.granted is False or (single, several) == ((), ())
    assert not single or several
    assert all(change.component < max(1, len(walked.components)) for change in (*single, *several))


@settings(deadline=None)
@given(credentials, chains, st.sampled_from(Want), st.none() | mounts)
def test_a_capability_never_takes_an_access_away(who, walked, want, mount):
    everything = replace(who, capabilities=frozenset({"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"}))
    if judge(who, walked, want, mount=mount).granted:
        assert judge(everything, walked, want, mount=mount).granted


@pytest.mark.parametrize("tag", [AclTag.USER, AclTag.GROUP])
def test_of_two_acl_entries_for_hidden_ids_one_may_be_the_asker_s_and_the_other_not(tag):
    """65534 in a map that contains it: the asker may be the real 65534 while 4294967295 is somebody unmapped."""
    me = Credentials(5, 65534, uid_map=PARTIAL, gid_map=PARTIAL)
    if tag is AclTag.USER:
        me = Credentials(65534, 5, uid_map=PARTIAL, gid_map=PARTIAL)
    named = tuple(AclEntry(tag=tag, id=number, permissions=bits) for number, bits in ((65534, 4), (4294967295, 3)))
    group = AclEntry(tag=AclTag.OWNING_GROUP, permissions=7)
    entries = (
        AclEntry(tag=AclTag.OWNER, permissions=0),
        *((*named, group) if tag is AclTag.USER else (group, *named)),
        AclEntry(tag=AclTag.MASK, permissions=1),
        AclEntry(tag=AclTag.OTHER, permissions=1),
    )
    file = inode(0o011, uid=1000, gid=200, kind=FileType.REGULAR)
    answers = {one.granted for one in possible_decisions(me, file, Acl(entries=entries), Right.EXECUTE)}
    assert answers == {True, False}
    walked = chain(component("/f", file, acl=seen(Acl(entries=entries))))
    assert judge(me, walked, Want.EXECUTE).granted is None
