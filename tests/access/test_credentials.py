from __future__ import annotations

import pytest

from probe.access.capability import CAPABILITIES
from probe.access.credentials import Credentials, parse_identity
from probe.evidence.identity import Capabilities, Identity, IdRange, Ids
from probe.evidence.observation import NotSeen, Reason, Seen

FULL = (IdRange(inside=0, outside=0, count=4294967295),)
ROOTLESS = (IdRange(inside=0, outside=1000, count=1), IdRange(inside=1, outside=100000, count=65536))
POD = (IdRange(inside=0, outside=131072, count=65534),)


def test_file_system_ids_count_not_the_others():
    identity = Identity(
        uid=Ids(real=1, effective=2, saved=3, filesystem=4),
        gid=Ids(real=5, effective=6, saved=7, filesystem=8),
        groups=(9, 10),
        capabilities=Capabilities(effective=("CAP_CHOWN",), permitted=("CAP_DAC_OVERRIDE",)),
        uid_map=POD,
        label=Seen[str](value="unconfined", at=1),
    )
    credentials = Credentials.from_identity(identity)
    assert (credentials.uid, credentials.gid) == (4, 8)
    assert credentials.groups == {9, 10}
    assert credentials.capabilities == {"CAP_CHOWN"}
    assert credentials.uid_map == POD
    assert [credentials.in_group(gid) for gid in (6, 8, 9, 11)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("ranges", "uid", "mapped"),
    [
        ((), 65534, True),
        ((), 4000000000, True),
        (FULL, 65534, True),
        (POD, 0, True),
        (POD, 65533, True),
        (POD, 65534, False),
        (POD, 70000, False),
        (ROOTLESS, 65534, False),  # contained, and yet rather the stand-in for an unmapped owner
        (ROOTLESS, 65536, True),
    ],
)
def test_an_owner_is_mapped_when_a_range_holds_it_and_it_is_no_stand_in(ranges, uid, mapped):
    credentials = Credentials(0, 0, uid_map=ranges, gid_map=ranges)
    assert credentials.maps_uid(uid) is mapped
    assert credentials.maps_gid(uid) is mapped


def test_the_overflow_id_may_be_another_number():
    credentials = Credentials(0, 0, uid_map=ROOTLESS, overflow_uid=60000)
    assert credentials.maps_uid(65534)
    assert not credentials.maps_uid(60000)


def test_an_identity_is_typed_as_uid_gid_groups():
    identity = parse_identity(" 1000970000:0:1000970000,5,5 ")
    assert identity.source == "given"
    assert identity.uid == Ids(real=1000970000, effective=1000970000, saved=1000970000, filesystem=1000970000)
    assert identity.gid.filesystem == 0
    assert identity.groups == (5, 1000970000)
    assert identity.all_groups == {0, 5, 1000970000}
    assert isinstance(identity.label, NotSeen)
    assert identity.label.reason is Reason.SKIPPED


@pytest.mark.parametrize("text", ["0:0", "0:0:"])
def test_uid_0_has_no_capability_unless_one_is_given(text):
    assert parse_identity(text).capabilities.effective == ()
    assert parse_identity(text).groups == ()
    assert parse_identity(text, "all").capabilities.effective == CAPABILITIES
    assert parse_identity(text, "dac_read_search").capabilities.effective == ("CAP_DAC_READ_SEARCH",)


def test_a_typed_identity_lives_in_the_namespace_of_the_evidence():
    recorder = parse_identity("0:0").model_copy(update={"uid_map": POD, "gid_map": POD, "overflow_gid": 7})
    credentials = Credentials.from_identity(parse_identity("5:6", like=recorder))
    assert (credentials.uid, credentials.gid) == (5, 6)
    assert (credentials.uid_map, credentials.gid_map, credentials.overflow_gid) == (POD, POD, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "two or three fields"),
        ("1000", "two or three fields"),
        ("1:2:3:4", "two or three fields"),
        ("root:0", "'root' is not a number"),
        ("1000:", "'' is not a number"),
        ("1:2:3,", "'' is not a number"),
        ("-1:0", "'-1' is not a number"),
        ("\u0661:0", "is not a number"),
        ("4294967295:0", "too large for an id"),
        ("9" * 5000 + ":0", "too large for an id"),
        ("0:0:99999999999", "too large for an id"),
    ],
)
def test_a_mistake_in_an_identity_says_what_to_type(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_identity(text)
    assert "for example 1000970000:0:1000970000" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_more_groups_than_a_process_can_have_are_refused():
    with pytest.raises(ValueError, match="at most 65536"):
        parse_identity("1:1:" + ",".join(["1"] * 65537))
