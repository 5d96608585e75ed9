"""Refusals that a log tells of: which component denies, by which rule, and when it does not say."""

from __future__ import annotations

import pytest
from support.logs import (
    ARCHIVE,
    COPY,
    FAILED,
    ID,
    MOUNT,
    OCI,
    REFUSED,
    ROOT,
    SOURCE,
    TAR,
    WORKSPACE,
    fatal,
    found,
    judged,
    shown,
    stamped,
)

from probe.classify.verdict import Cause, Status, VerdictDocument

CLOSED = "drwx--S--- 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci"
REFUSED_READ = fatal(
    f"Error initializing source {ARCHIVE}: creating temp directory: "
    "open /workspace/source/oci/image.tar: permission denied"
)


def told(*parts: str) -> VerdictDocument:
    return judged(stamped("\n".join(parts)))


def lead(document: VerdictDocument) -> tuple[str, str, str | None]:
    verdict = document.verdict
    return verdict.cause, verdict.status, verdict.component


def test_a_closed_directory_is_named_with_both_sides() -> None:
    document = told(shown(oci=CLOSED, tar=None), COPY, REFUSED, FAILED)
    assert lead(document) == ("dir-search-denied", "likely", "/workspace/source/oci")
    assert "needs x for group 1000970000, mode is 2700" in document.verdict.statement
    assessment = found(document, Cause.DIR_SEARCH_DENIED)
    assert any("line 7 of run-push-pod.step-push.log" in claim.sentence for claim in assessment.supports)
    assert assessment.remedy is not None
    assert assessment.remedy.smallest.command == "chmod g+x /workspace/source/oci"


def test_the_debug_block_may_come_after_the_command() -> None:
    document = told(COPY, REFUSED, FAILED, shown(oci=CLOSED, tar=None))
    assert lead(document) == ("dir-search-denied", "likely", "/workspace/source/oci")


def test_without_its_command_the_message_is_enough() -> None:
    assert lead(told(shown(oci=CLOSED, tar=None), REFUSED))[0] == "dir-search-denied"


def test_a_script_without_a_command_is_judged_by_its_own_looks() -> None:
    assert lead(told(shown(oci=CLOSED, tar=None)))[:2] == ("dir-search-denied", "likely")


def test_a_listing_that_is_refused_is_no_refusal_of_the_file() -> None:
    listed = "drwxr-s--x 2 root 1000660000 23 Nov 21 17:00 /workspace/source/oci"
    document = told(
        shown(oci=listed),
        "ls: cannot open directory '/workspace/source/oci': Permission denied",
        COPY,
        "skopeo exit code: 0",
    )
    assert document.verdict.cause == "healthy"


def test_a_file_that_denies_after_it_was_looked_up() -> None:
    document = told(shown(tar=TAR.replace("-rw-r--r--", "-rw-------")), COPY, REFUSED_READ)
    assert lead(document) == ("file-read-denied", "likely", "/workspace/source/oci/image.tar")


def test_the_bits_of_the_file_do_not_explain_that_its_name_could_not_be_looked_up() -> None:
    document = told(shown(tar=TAR.replace("-rw-r--r--", "-rw-------")), COPY, REFUSED, FAILED)
    assert found(document, Cause.FILE_READ_DENIED).status is not Status.LIKELY


def test_a_closed_directory_does_not_explain_that_the_file_itself_refused() -> None:
    document = told(shown(oci=CLOSED, tar=TAR), COPY, REFUSED_READ)
    assessment = found(document, Cause.DIR_SEARCH_DENIED)
    assert (assessment.status, len(assessment.contradicts)) == (Status.POSSIBLE, 1)


def test_a_group_that_the_reader_lacks() -> None:
    document = told(
        shown(
            who="uid=1000970000 gid=0(root) groups=0(root)",
            oci="drwxr-s--- 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci",
            tar=None,
        ),
        COPY,
        REFUSED,
        FAILED,
    )
    assert lead(document) == ("group-not-held", "likely", "/workspace/source/oci")
    assert found(document, Cause.DIR_SEARCH_DENIED).implied_by is Cause.GROUP_NOT_HELD


def test_a_group_that_is_held_and_does_not_help_is_not_blamed() -> None:
    document = told(shown(oci=CLOSED, tar=None), COPY, REFUSED, FAILED)
    assert found(document, Cause.GROUP_NOT_HELD).status is not Status.LIKELY


@pytest.mark.parametrize(
    ("left_out", "needed"),
    [(ID, "id, by"), (CLOSED, "ls -ld /workspace/source/oci"), (SOURCE, "ls -ld /workspace/source")],
)
def test_what_the_log_does_not_show_is_asked_for(left_out: str, needed: str) -> None:
    text = "\n".join((shown(oci=CLOSED, tar=None), COPY, REFUSED, FAILED)).replace(left_out, "")
    document = judged(stamped(text))
    missing = [claim.sentence for one in document.assessments for claim in one.missing]
    assert any(needed in sentence for sentence in missing), missing
    if left_out != SOURCE:
        assert document.verdict.cause == "inconclusive"


def test_another_tasks_log_may_show_what_denies() -> None:
    reader = stamped("\n".join(("===== id =====", ID, ROOT, WORKSPACE, SOURCE, COPY, REFUSED, FAILED)))
    build = stamped(f"uid=0(root) gid=0(root) groups=0(root),1000970000\n{CLOSED}", "17:00:00")
    document = judged({"push": reader, "build": build})
    assert lead(document) == ("dir-search-denied", "likely", "/workspace/source/oci")
    assert any("itself" in claim.sentence for claim in found(document, Cause.DIR_SEARCH_DENIED).missing)


ROOT_ID = "uid=0(root) gid=0(root) groups=0(root),1000970000"
OF_ANOTHER = "drwx--S--- 2 1001 1000970000 23 Nov 21 17:00 /workspace/source/oci"


def test_root_without_capabilities() -> None:
    document = told("CapEff:\t0000000000000000", shown(who=ROOT_ID, oci=OF_ANOTHER, tar=None), COPY, REFUSED, FAILED)
    assert lead(document) == ("root-without-capability", "likely", "/workspace/source/oci")
    assert "chmod 777" not in str(document.model_dump())


def test_root_with_capabilities_is_not_refused_by_bits() -> None:
    document = told("CapEff:\t00000000a80425fb", shown(who=ROOT_ID, oci=OF_ANOTHER, tar=None), COPY, REFUSED, FAILED)
    assert document.verdict.cause not in ("root-without-capability", "dir-search-denied")


def test_root_of_unknown_capabilities_on_a_local_disk_has_none() -> None:
    document = told(shown(who=ROOT_ID, oci=OF_ANOTHER, tar=None), COPY, REFUSED, FAILED)
    assert lead(document)[:2] == ("root-without-capability", "likely")
    missing = found(document, Cause.ROOT_WITHOUT_CAPABILITY).missing
    assert any("CapEff" in claim.sentence for claim in missing)


@pytest.mark.parametrize("mount", ["", "nas:/export on /workspace/source type nfs4 (rw,vers=4.2)"])
def test_root_of_unknown_capabilities_may_be_squashed_by_a_server(mount: str) -> None:
    document = told(shown(who=ROOT_ID, oci=OF_ANOTHER, tar=None, mount=mount), COPY, REFUSED, FAILED)
    assert found(document, Cause.ROOT_WITHOUT_CAPABILITY).status is Status.POSSIBLE
    assert document.verdict.cause == "inconclusive"


WITH_ACL = "drwxrws---+ 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci"
GETFACL = """===== getfacl -n /workspace/source/oci =====
# file: /workspace/source/oci
# owner: 0
# group: 1000970000
# flags: -s-
user::rwx
user:1000970000:---
group::rwx
mask::rwx
other::---
"""


def test_an_acl_that_denies() -> None:
    document = told(shown(oci=WITH_ACL, tar=None), GETFACL, COPY, REFUSED, FAILED)
    assert lead(document) == ("acl-denied", "likely", "/workspace/source/oci")


def test_an_acl_that_is_not_shown_is_asked_for() -> None:
    document = told(shown(oci=WITH_ACL, tar=None), COPY, REFUSED, FAILED)
    assert document.verdict.cause == "inconclusive"
    missing = found(document, Cause.ACL_DENIED).missing
    assert any("getfacl" in claim.sentence for claim in missing)


NFS = "nas:/export on /workspace/source type nfs4 (rw,vers=4.2)"


def test_bits_that_grant_on_a_server() -> None:
    document = told(shown(mount=NFS), COPY, REFUSED_READ)
    assert lead(document) == ("server-denied", "likely", "/workspace/source/oci/image.tar")


def test_bits_that_grant_on_a_local_disk() -> None:
    document = told(shown(), COPY, REFUSED_READ)
    assert lead(document) == ("denied-unexplained", "likely", "/workspace/source/oci/image.tar")


def test_bits_that_grant_without_times_decide_nothing() -> None:
    document = judged("\n".join((shown(), COPY, REFUSED_READ)))
    assert document.verdict.cause == "inconclusive"


def test_bits_that_grant_on_an_unknown_mount_decide_nothing() -> None:
    assert told(shown(mount=""), COPY, REFUSED_READ).verdict.cause == "inconclusive"


def test_a_security_label_is_only_possible() -> None:
    labelled = shown(oci=OCI.replace("drwxr-sr-x ", "drwxr-sr-x. "), tar=TAR.replace("-rw-r--r-- ", "-rw-r--r--. "))
    document = told(labelled, COPY, REFUSED_READ)
    assert found(document, Cause.SELINUX_DENIED).status is Status.POSSIBLE


def test_a_message_in_another_language_decides_nothing() -> None:
    document = told(
        shown(oci=CLOSED, tar=None).replace(
            "ls: cannot access '/workspace/source/oci/image.tar': Permission denied",
            "ls: Zugriff auf '/workspace/source/oci/image.tar' nicht möglich: Keine Berechtigung",
        )
    )
    assert document.verdict.cause == "inconclusive"


def test_busybox_is_understood() -> None:
    text = shown(oci=CLOSED, tar=None).replace(
        "ls: cannot access '/workspace/source/oci/image.tar': Permission denied",
        "ls: /workspace/source/oci/image.tar: Permission denied",
    )
    assert lead(told(text, MOUNT))[0] == "dir-search-denied"
