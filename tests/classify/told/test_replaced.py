"""One path in two tasks: two volumes, two images, or one of each."""

from __future__ import annotations

from support.logs import COPY, PUSHED, found, judged, shown, stamped, stat

from probe.classify.verdict import Cause, Status

PATH = "/workspace/source/oci/image.tar"
OTHER = PUSHED.replace("7c", "8d").replace("ef", "fe")


def seen(inode: int, *, changed: str, size: int = 17861120) -> str:
    text = stat(PATH, "0644", changed=changed, born=changed)
    return text.replace("Inode: 12 ", f"Inode: {inode} ").replace("Size: 4096 ", f"Size: {size} ")


def push(what: str, pushed: str = PUSHED, at: str = "17:00:30") -> str:
    return stamped(f"{shown()}\n{what}\n{COPY}\n{pushed}", at)


def test_two_inodes_of_one_moment_are_two_volumes() -> None:
    a = push(seen(34220934, changed="17:00:01"))
    b = push(seen(34273962, changed="16:50:00", size=15763456), OTHER)
    document = judged({"a": a, "b": b})
    assert (document.verdict.cause, document.verdict.status) == ("different-volume", "likely")
    assert found(document, Cause.DIFFERENT_IMAGE).status is Status.POSSIBLE


def test_what_changed_between_the_looks_may_be_one_volume() -> None:
    a = push(seen(34220934, changed="17:00:01"))
    b = push(seen(34273962, changed="17:00:45"), at="17:01:00")
    document = judged({"a": a, "b": b})
    assert found(document, Cause.DIFFERENT_VOLUME).status is not Status.LIKELY


def test_what_changed_shortly_before_may_be_skew() -> None:
    a = push(seen(34220934, changed="17:00:28"))
    b = push(seen(34273962, changed="17:00:29"))
    assert found(judged({"a": a, "b": b}), Cause.DIFFERENT_VOLUME).status is not Status.LIKELY


def test_without_times_nothing_tells_two_volumes() -> None:
    a, b = seen(34220934, changed="17:00:01"), seen(34273962, changed="16:50:00")
    document = judged({"a": f"{a}\n{COPY}\n{PUSHED}", "b": f"{b}\n{COPY}\n{PUSHED}"})
    assert found(document, Cause.DIFFERENT_VOLUME).status is not Status.LIKELY


def test_one_inode_is_one_volume() -> None:
    same = push(seen(34220934, changed="17:00:01"))
    document = judged({"a": same, "b": same})
    assert document.verdict.cause == "healthy"


def test_two_configs_of_one_path_are_two_images() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{COPY}\n{OTHER}")})
    assert (document.verdict.cause, document.verdict.status) == ("different-image", "likely")


def test_another_manifest_of_one_config_is_one_image() -> None:
    recompressed = PUSHED.replace("ef", "fe")
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": stamped(f"{COPY}\n{recompressed}")})
    assert document.verdict.cause == "healthy"


def test_another_manifest_alone_tells_nothing() -> None:
    a = PUSHED.replace("Copying config sha256:" + "7c" * 32 + "\n", "Writing manifest to image destination\n")
    document = judged({"a": stamped(f"{COPY}\n{a}"), "b": stamped(f"{COPY}\n{a.replace('ef', 'fe')}")})
    assert not found(document, Cause.DIFFERENT_IMAGE).status.holds
