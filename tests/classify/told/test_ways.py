"""Two ways at once, links, workspaces that one task lacks, makers that had ended: what is no fault, and what is."""

from __future__ import annotations

import pytest
from support.logs import (
    ARCHIVE,
    COPY,
    FAILED,
    ID,
    MOUNT,
    OCI,
    PUSHED,
    REFUSED,
    fatal,
    found,
    judged,
    shown,
    stamped,
    stat,
)

from probe.classify.verdict import Cause, Status

DIRECTORY = "/workspace/source/oci"
PATH = f"{DIRECTORY}/image.tar"
OTHER = PUSHED.replace("7c", "8d").replace("ef", "fe")
EOF = fatal(
    f'initializing source {ARCHIVE}:: creating temp directory: untarring file "/var/tmp/oci361640711": unexpected EOF'
)
NO_BLOB = fatal(
    f"reading blob sha256:{'a' * 64}: open /var/tmp/oci3107466170/blobs/sha256/{'a' * 64}: no such file or directory"
)


def side(repository: str) -> str:
    copy = f"===== skopeo copy oci-archive:{DIRECTORY}/side.tar docker://quay.lab/org/{repository}:1 ====="
    return stamped(f"{copy}\n{OTHER}")


def test_two_images_on_two_ways_are_no_mismatch() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": side("side")})
    assert document.verdict.cause == "healthy"
    assert not found(document, Cause.DIFFERENT_REFERENCE).status.holds


def test_two_images_for_one_repository_are() -> None:
    document = judged({"a": stamped(f"{COPY}\n{PUSHED}"), "b": side("model")})
    assert document.verdict.cause == "different-reference"


def test_each_image_has_a_maker_of_its_own() -> None:
    makers = {
        name: stamped(f"===== skopeo copy oci:/tmp/layout oci-archive:{DIRECTORY}/{name}.tar =====\n{FAILED[:-1]}0")
        for name in ("image", "side")
    }
    document = judged({**makers, "a": stamped(f"{COPY}\n{PUSHED}"), "b": side("model")})
    assert document.verdict.cause == "healthy"


def test_a_containers_own_directory_joins_no_two() -> None:
    copy = "===== skopeo copy oci:/tmp/layout docker://quay.lab/org/model:1 ====="
    document = judged({"a": stamped(f"{copy}\n{PUSHED}"), "b": stamped(f"{copy}\n{OTHER}")})
    assert not found(document, Cause.DIFFERENT_IMAGE).status.holds


def test_without_times_two_files_may_be_two_volumes() -> None:
    looks = [
        stat(PATH, "0644", changed=at, born=at).replace("Inode: 12 ", f"Inode: {number} ")
        for at, number in (("17:00:01", 7), ("16:00:00", 8))
    ]
    document = judged({"a": f"{looks[0]}\n{COPY}\n{PUSHED}", "b": f"{looks[1]}\n{COPY}\n{OTHER}"})
    assert found(document, Cause.DIFFERENT_VOLUME).status is Status.POSSIBLE
    assert document.verdict.cause == "different-image"
    assert "rewritten" not in document.verdict.statement


LINK = f"lrwxrwxrwx 1 root 1000970000 15 Nov 21 17:00 {PATH} -> ../out/real.tar"
CLOSED = "drwx--S--- 2 root 1000970000 23 Nov 21 17:00 /workspace/source/out"
BEHIND = fatal(f"Invalid source name {ARCHIVE}: lstat /workspace/source/out/real.tar: permission denied")


def test_where_a_link_leads_is_the_archive() -> None:
    document = judged(stamped(f"{shown(tar=LINK)}\n{CLOSED}\n{COPY}\n{BEHIND}"))
    assert (document.verdict.cause, document.verdict.status) == ("dir-search-denied", "likely")
    assert document.verdict.component == "/workspace/source/out"


@pytest.mark.parametrize("tar", [LINK.replace("../out/real.tar", "../away/x"), LINK.replace("../out/real.tar", PATH)])
def test_where_no_link_leads_is_another_path(tar: str) -> None:
    document = judged(stamped(f"{shown(tar=tar)}\n{CLOSED}\n{COPY}\n{BEHIND}"))
    assert document.verdict.cause == "other-path-failed"


ACL = "\n".join(
    (f"# file: {PATH}", "# owner: 0", "# group: 1000970000", "user::rw-", "user:1000970000:---", "group::r--")
)
DENIED = fatal(f"initializing source {ARCHIVE}:: creating temp directory: open {PATH}: permission denied")


def test_an_entry_of_an_acl_is_nothing_that_a_sweep_left() -> None:
    tar = f"-rw-r--r--+ 1 root 1000970000 17861120 Nov 21 17:00 {PATH}"
    acl = f"===== getfacl -n -p {PATH} =====\n{ACL}\nmask::r--\nother::r--\n"
    document = judged(stamped(f"{shown(tar=tar)}\n{acl}\n{COPY}\n{DENIED}"))
    assert (document.verdict.cause, document.verdict.status) == ("acl-denied", "likely")
    assert not found(document, Cause.STALE_OWNERSHIP).status.holds


def build(at: str = "17:00:01", size: int = 4096) -> str:
    return stamped(f"-rw-r--r-- 1 root 1000970000 {size} Nov 21 17:00 {PATH}\nbuild step ends", at)


def short(modified: str, message: str = EOF) -> str:
    return stamped(f"{stat(PATH, '0644', changed=modified, born='17:00:00')}\n{COPY}\n{message}")


def test_short_after_its_maker_had_ended_is_truncated() -> None:
    document = judged({"build": build(), "push": short("17:00:00.5")})
    assert (document.verdict.cause, document.verdict.status) == ("truncated", "likely")


def test_without_a_blob_it_is_corrupt() -> None:
    document = judged({"build": build(), "push": short("17:00:00.5", NO_BLOB)})
    assert (document.verdict.cause, document.verdict.status) == ("corrupt", "likely")
    assert "ends early" not in document.verdict.statement


@pytest.mark.parametrize(
    ("maker", "push"),
    [
        (build(), short("17:00:09")),  # written since
        (build("17:00:14"), short("17:00:00.5")),  # its maker went on
        (build(size=2048), short("17:00:00.5")),  # it has grown, or it is another one
    ],
)
def test_a_writer_that_may_still_be_there(maker: str, push: str) -> None:
    document = judged({"build": maker, "push": push})
    assert found(document, Cause.TRUNCATED).status is not Status.LIKELY


OPEN = f"drwxrws--- 2 root 1000970000 23 Nov 21 17:00 {DIRECTORY}"


def swept(at: str) -> str:
    text = shown(
        source="drwxrwsr-x 4 root 1000660000 30 Nov 21 17:00 /workspace/source",
        oci=OPEN.replace("1000970000", "1000660000"),
        tar=None,
    )
    return stamped(f"{text}\n{COPY}\n{REFUSED}\n{FAILED}", at)


def test_another_container_saw_it_with_the_readers_group() -> None:
    first = stamped(f"{shown(oci=OPEN)}\n{COPY}\n{PUSHED}", "17:00:00")
    document = judged({"a": first, "b": swept("17:00:20")})
    assert (document.verdict.cause, document.verdict.status) == ("swept-by-another-pod", "likely")
    remedies = [one.remedy.model_dump_json() for one in document.assessments if one.remedy is not None]
    assert not any("1000660000" in remedy for remedy in remedies)


def test_clocks_may_be_askew() -> None:
    first = stamped(f"{shown(oci=OPEN)}\n{COPY}\n{PUSHED}", "17:00:19")
    document = judged({"a": first, "b": swept("17:00:20")})
    assert found(document, Cause.SWEPT_BY_ANOTHER_POD).status is Status.POSSIBLE


def test_group_zero_is_not_handed_out() -> None:
    oci = f"drwxr-x--- 2 root root 23 Nov 21 17:00 {DIRECTORY}"
    text = shown(
        who="uid=1000970000 gid=1000970000 groups=1000970000",
        oci=oci,
        source="drwxr-xr-x 4 root root 30 Nov 21 17:00 /workspace/source",
        tar=None,
    )
    document = judged(stamped(f"{text}\n{COPY}\n{REFUSED}\n{FAILED}"))
    assert found(document, Cause.FSGROUP_NOT_APPLIED).status is Status.POSSIBLE
    remedies = [one.remedy.model_dump_json() for one in document.assessments if one.remedy is not None]
    assert remedies
    assert not any("group 0" in remedy or "[0]" in remedy for remedy in remedies)


def test_one_pod_lacks_the_group_of_the_others() -> None:
    other = stamped(f"{shown(oci=OPEN)}\n{COPY}\n{PUSHED}")
    lacking = shown(who=ID.replace("0(root),1000970000", "0(root)"), oci=OPEN, tar=None)
    document = judged({"a": other, "b": stamped(f"{lacking}\n{COPY}\n{REFUSED}\n{FAILED}")})
    remedy = found(document, Cause.GROUP_NOT_HELD).remedy
    assert remedy is not None
    assert "taskRunSpecs" in (remedy.smallest.yaml or "")


def nothing(missing: str) -> str:
    return fatal(f"Invalid source name {ARCHIVE}: lstat {missing}: no such file or directory")


def test_without_the_mount_point_nothing_is_mounted() -> None:
    other = stamped(f"{shown()}\n{COPY}\n{PUSHED}")
    document = judged({"a": other, "b": stamped(f"{COPY}\n{nothing('/workspace/source')}")})
    assert (document.verdict.cause, document.verdict.status) == ("not-mounted", "likely")


@pytest.mark.parametrize(("mount", "mounted"), [("", True), (MOUNT, False)])
def test_an_empty_mount_point(mount: str, mounted: bool) -> None:
    other = stamped(f"{shown()}\n{COPY}\n{PUSHED}")
    dots = [f"drwxr-xr-x 2 root root 6 Nov 21 17:00 {name}" for name in (".", "..")]
    empty = "\n".join(("===== ls -la /workspace/source =====", "total 0", *dots, ""))
    document = judged({"a": other, "b": stamped(f"{empty}\n{mount}\n{COPY}\n{nothing(DIRECTORY)}")})
    assert (found(document, Cause.NOT_MOUNTED).status is Status.POSSIBLE) is mounted
    assert found(document, Cause.DIFFERENT_VOLUME).status is Status.POSSIBLE
    asked = [claim.sentence for one in document.assessments for claim in one.missing]
    assert not any("the log of the task that makes" in sentence for sentence in asked)


def test_the_temporary_directory_is_named_without_the_made_up_part() -> None:
    message = "creating temp directory: creating oci reference: mkdir /var/tmp/oci2792821798: permission denied"
    document = judged(stamped(f"{COPY}\n{fatal(f'initializing source {ARCHIVE}:: {message}')}"))
    remedy = found(document, Cause.OTHER_PATH_FAILED).remedy
    assert remedy is not None
    assert remedy.smallest.command == "ls -ld /var/tmp"


@pytest.mark.parametrize(("oci", "cause"), [(OCI, "write-denied"), (OPEN, "other-path-failed")])
def test_a_digest_file_in_a_closed_directory(oci: str, cause: str) -> None:
    copy = f"===== skopeo copy --digestfile {DIRECTORY}/digest {ARCHIVE} docker://quay.lab/org/model:1 ====="
    message = f'Failed to write digest to file "{DIRECTORY}/digest": open {DIRECTORY}/digest: permission denied'
    document = judged(stamped(f"{shown(oci=oci)}\n{copy}\n{fatal(message)}"))
    assert document.verdict.cause == cause
