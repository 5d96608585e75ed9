from __future__ import annotations

import pytest

from probe.image.documents import DOCKER_LIST, OCI_INDEX, Descriptor
from probe.image.platforms import choose_instance, wanted_platforms


def instance(platform: tuple[str, str, str] | None) -> Descriptor:
    return Descriptor("sha256:x", "sha256", "x", 1, "", {}, platform, False)


@pytest.mark.parametrize(
    ("machine", "wanted"),
    [
        ("x86_64", [("amd64", "")]),
        ("aarch64", [("arm64", "v8"), ("arm64", "")]),
        ("armv7l", [("arm", "v7"), ("arm", "v6"), ("arm", "v5"), ("arm", "")]),
        ("s390x", [("s390x", "")]),
        ("ppc64le", [("ppc64le", "")]),
    ],
)
def test_wanted(machine, wanted) -> None:
    assert wanted_platforms("linux", machine) == [("linux", *rest) for rest in wanted]


def test_choice() -> None:
    wanted = wanted_platforms("linux", "aarch64")
    plain, variant, other, anything = (
        instance(("linux", "arm64", "")),
        instance(("linux", "arm64", "v8")),
        instance(("windows", "arm64", "")),
        instance(None),
    )
    assert choose_instance(OCI_INDEX, [other, plain, variant], wanted) is variant
    assert choose_instance(OCI_INDEX, [anything, plain], wanted) is plain
    assert choose_instance(OCI_INDEX, [other, anything], wanted) is anything
    assert choose_instance(DOCKER_LIST, [other, anything], wanted) is None
    assert choose_instance(OCI_INDEX, [other], wanted) is None
