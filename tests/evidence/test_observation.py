"""Seen or not seen: never a bare None, and the same again after JSON."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from probe.evidence.base import Timestamp
from probe.evidence.observation import NotSeen, Observation, Reason, Seen, errno_name, not_seen_from, reason_for
from probe.evidence.path import FileType, Inode

NUMBER = TypeAdapter(Observation[int])
TIME = TypeAdapter(Observation[Timestamp])
INODE = TypeAdapter(Observation[Inode])
INODE_SEEN = Inode(
    type=FileType.REGULAR,
    mode=0o644,
    uid=1,
    gid=2,
    device="0:1",
    inode=3,
    links=1,
    size=4,
    blocks=5,
    modified=6,
    changed=7,
)


@given(st.integers(), st.integers(0, 2**62), st.floats(0, 1e9))
def test_a_value_comes_back(value: int, at: int, took: float) -> None:
    seen = Seen[int](value=value, at=at, took_ms=took)
    assert NUMBER.validate_json(NUMBER.dump_json(seen)) == seen
    assert NUMBER.validate_python(NUMBER.dump_python(seen, mode="json")) == seen


@given(st.sampled_from(Reason), st.sampled_from([None, "EACCES", "ENOENT"]), st.text(max_size=4096))
def test_a_reason_comes_back(reason: Reason, name: str | None, message: str) -> None:
    lost = NotSeen(reason=reason, errno=name, message=message, at=1)
    for adapter in (NUMBER, TIME, INODE):
        assert adapter.validate_json(adapter.dump_json(lost)) == lost


def test_values_of_any_kind() -> None:
    seen = Seen[Inode](value=INODE_SEEN, at=1)
    assert INODE.validate_json(INODE.dump_json(seen)) == seen
    assert b'"mode":"0644"' in INODE.dump_json(seen)
    started = Seen[Timestamp](value=1_500_000_000, at=1)
    assert b'"value":"1970-01-01T00:00:01.500000000Z"' in TIME.dump_json(started)
    assert TIME.validate_json(TIME.dump_json(started)) == started


@pytest.mark.parametrize(
    "tree",
    [
        None,
        {},
        4,
        {"status": "seen", "at": 0},
        {"status": "seen", "value": None, "at": 0},
        {"status": "seen", "value": "x", "at": 0},
        {"status": "seen", "value": 1},
        {"status": "guessed", "value": 1, "at": 0},
        {"status": "not-seen", "at": 0, "message": ""},
        {"status": "not-seen", "reason": "lost", "at": 0, "message": ""},
        {"status": "not-seen", "reason": "denied", "at": 0},
        {"status": "not-seen", "reason": "denied", "at": 0, "message": "x" * 4097},
    ],
)
def test_what_is_neither(tree: object) -> None:
    with pytest.raises(ValidationError):
        NUMBER.validate_python(tree)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_errno_has_its_name_and_a_reason(number: int) -> None:
    name = errno_name(number)
    assert name == "ENOTSUP" if number == errno.EOPNOTSUPP else name == errno.errorcode[number]
    assert reason_for(name) in Reason


@pytest.mark.parametrize(("number", "name"), [(None, "no errno"), (4321, "errno 4321"), (0, "errno 0")])
def test_numbers_without_a_name(number: int | None, name: str) -> None:
    assert errno_name(number) == name
    assert reason_for(name) is Reason.FAILED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("EACCES", Reason.DENIED),
        ("EPERM", Reason.DENIED),
        ("ENOENT", Reason.ABSENT),
        ("ENOTDIR", Reason.ABSENT),
        ("ENODATA", Reason.ABSENT),
        ("ENOTSUP", Reason.UNSUPPORTED),
        ("ENOSYS", Reason.UNSUPPORTED),
        ("EINVAL", Reason.UNSUPPORTED),
        ("ETIMEDOUT", Reason.TIMEOUT),
        ("EIO", Reason.FAILED),
        ("ESTALE", Reason.FAILED),
        ("", Reason.FAILED),
    ],
)
def test_the_reason_of_an_errno(name: str, reason: Reason) -> None:
    assert reason_for(name) is reason


def test_a_real_failure(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        os.open(tmp_path / "missing", os.O_RDONLY)
    lost = not_seen_from(caught.value, "open it", at=5, took_ms=1.5)
    assert lost == NotSeen(
        reason=Reason.ABSENT,
        errno="ENOENT",
        message="open it: ENOENT (No such file or directory)",
        at=5,
        took_ms=1.5,
    )


def test_a_failure_without_a_number_and_with_a_long_story() -> None:
    lost = not_seen_from(OSError("the pipe is gone"), "x" * 5000, at=0)
    assert lost.reason is Reason.FAILED and lost.errno == "no errno"
    assert len(lost.message) == 4096
    assert not_seen_from(OSError("the pipe is gone"), "read", at=0).message == "read: no errno (the pipe is gone)"
