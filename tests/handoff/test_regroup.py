"""Whatever mode and ACL an inode has: the group gets the right, and nobody else gains or loses anything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.access.acl import check_acl, encode_acl, set_entry
from probe.access.credentials import Credentials
from probe.access.decide import Right, decide
from probe.evidence.path import Acl, AclEntry, AclTag, FileType, Inode
from probe.handoff.seal.regroup import Regrouped, regroup

GID, OWNER, NAMED, GROUP, NAMED_GROUP = 700, 10, 11, 20, 21
RIGHTS = (Right.READ, Right.WRITE, Right.EXECUTE)
BITS = st.integers(0, 7)


def person(uid: int, *groups: int) -> Credentials:
    return Credentials(uid=uid, gid=groups[0] if groups else 9999, groups=frozenset(groups))


READER = person(12345, GID)
OTHERS = (
    person(OWNER),
    person(OWNER, GID),
    person(NAMED),
    person(1, GROUP),
    person(2, NAMED_GROUP),
    person(3, GROUP, NAMED_GROUP),
    person(4),
)


@st.composite
def inodes(draw: st.DrawFn) -> tuple[Inode, Acl]:
    """A file or directory, of the group or not, with an ACL or without."""
    kind = draw(st.sampled_from((FileType.REGULAR, FileType.DIRECTORY)))
    mode, acl = draw(st.integers(0, 0o777)) | draw(st.sampled_from((0, 0o2000))), Acl()
    gid = draw(st.sampled_from((GROUP, GID)))
    for tag, number in ((AclTag.USER, NAMED), (AclTag.GROUP, NAMED_GROUP), (AclTag.GROUP, GID)):
        if draw(st.booleans()):
            entry = AclEntry(tag=tag, id=number, permissions=draw(BITS))
            acl, mode = set_entry(acl, mode, entry, draw(BITS))
    inode = Inode(
        type=kind,
        mode=mode,
        uid=OWNER,
        gid=gid,
        device="8:1",
        inode=1,
        links=1,
        size=0,
        blocks=0,
        modified=0,
        changed=0,
    )
    return inode, acl


def others(inode: Inode, acl: Acl | None) -> tuple[Credentials, ...]:
    """Those whom nothing may happen to.

    Left out is who is in the owning group and in a named one while the mask is empty: then the former's bits count, and
    no ACL whose entries count can say that.
    """
    empty = acl is not None and acl.entries and not inode.mode & 0o070
    return tuple(one for one in OTHERS if not (empty and one.groups >= {GROUP, NAMED_GROUP}))


def held(one: Credentials, inode: Inode, acl: Acl | None) -> set[Right]:
    return {right for right in RIGHTS if decide(one, inode, acl, right).granted}


def changed(inode: Inode, acl: Acl | None, plan: Regrouped) -> tuple[Inode, Acl | None]:
    after = inode.model_copy(update={"mode": plan.mode, "gid": inode.gid if plan.gid is None else plan.gid})
    return after, acl if plan.acl is None else plan.acl


@settings(max_examples=400, deadline=None)
@given(inodes(), st.sampled_from((Right.READ, Right.EXECUTE, Right.READ | Right.EXECUTE)), st.booleans())
def test_the_group_gets_the_right_and_nobody_else_anything(
    made: tuple[Inode, Acl], right: Right, has_acls: bool
) -> None:
    inode, listed = made
    acl = listed if has_acls or listed.entries else None
    if decide(READER, inode, acl, right).granted:
        return
    for plan in regroup(inode, acl, right, GID):
        after, acl_after = changed(inode, acl, plan)
        assert held(READER, after, acl_after) == held(READER, inode, acl) | {one for one in RIGHTS if one & right}
        assert after.mode & 0o7707 == inode.mode & 0o7707, "the owner's and others' bits, setgid"
        if acl_after is not None and acl_after.entries:
            check_acl(acl_after)
            encode_acl(acl_after)
        for one in others(inode, acl):
            before, now = held(one, inode, acl), held(one, after, acl_after)
            if plan.gid is None:
                assert now == before, (one, plan)
            elif one.in_group(GROUP):  # a change of group gives its members the bits of others
                assert now == held(OTHERS[-1], inode, acl)
            else:
                assert now == before


@settings(max_examples=200, deadline=None)
@given(inodes(), st.sampled_from((Right.READ, Right.EXECUTE)))
def test_the_first_way_takes_nothing_from_anybody_where_there_are_acls(made: tuple[Inode, Acl], right: Right) -> None:
    inode, acl = made
    if decide(READER, inode, acl, right).granted:
        return
    after, acl_after = changed(inode, acl, regroup(inode, acl, right, GID)[0])
    for one in others(inode, acl):
        if not one.in_group(GID):
            assert held(one, inode, acl) == held(one, after, acl_after)
