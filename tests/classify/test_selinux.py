"""SELinux labels taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.classify.selinux import parse_label


@pytest.mark.parametrize(
    ("text", "type_", "categories"),
    [
        ("system_u:system_r:container_t:s0:c12,c34", "container_t", {12, 34}),
        ("system_u:object_r:container_file_t:s0", "container_file_t", set()),
        ("system_u:object_r:container_file_t:s0:c1.c3,c7\0", "container_file_t", {1, 2, 3, 7}),
        ("unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", "unconfined_t", set(range(1024))),
        ("system_u:object_r:nfs_t:s0-s15:c5", "nfs_t", {5}),
        ("user:role:plain_t", "plain_t", set()),
        ("a:b:c_t:s0:c9999.c1\n", "c_t", set()),
    ],
)
def test_parts(text: str, type_: str, categories: set[int]) -> None:
    label = parse_label(text)
    assert label is not None
    assert (label.type, label.categories) == (type_, categories)


@pytest.mark.parametrize("text", ["", "unconfined", "docker-default (enforce)", "?", "a:b", "a:b:c", "\0"])
def test_what_is_no_label(text: str) -> None:
    assert parse_label(text) is None


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    label = parse_label(f"u:r:x_t:{text}")
    assert label is None or len(label.categories) <= 10_000


def test_a_huge_range_stays_small() -> None:
    label = parse_label("u:r:x_t:s0:" + ",".join("c0.c9999" for _ in range(500)))
    assert label is not None and label.categories == set(range(1024))
