"""Whose lines they are, when they were written, and what may be said of names and times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from transcript.conftest import stated, transcript

from probe.evidence.transcript import IdentityStated, InodeStated
from probe.transcript.importing import import_text
from probe.transcript.source import source_of

ID = "uid=1000970000 gid=0(root) groups=0(root),1000970000"


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("prefix", "owner"),
    [
        ("", (None, None, None)),
        ("2026-11-21T17:32:56Z ", (None, None, None)),
        ("2026-11-21T17:32:56.000000000Z 2026-11-21T17:32:55.9Z ", (None, None, None)),
        ("2026-11-21T18:32:56+01:00 ", (None, None, None)),
        ("2026-11-21T17:32:56.000000000Z stdout F ", (None, None, None)),
        ("[pod/push-pod/step-push] 2026-11-21T17:32:56Z ", ("push-pod", "step-push", None)),
        ("[push-to-quay : push] 2026-11-21T17:32:56Z ", (None, "step-push", "push-to-quay")),
        ("push-pod step-push 2026-11-21T17:32:56Z ", ("push-pod", "step-push", None)),
    ],
)
def test_prefixes(prefix: str, owner: tuple[str | None, str | None, str | None]) -> None:
    one = transcript(f"{prefix}{ID}\n")
    assert (one.source.pod, one.source.container, one.source.task) == owner
    (identity,) = one.statements
    assert isinstance(identity, IdentityStated)
    assert identity.at == (ns("2026-11-21T17:32:56") if "17:32" in prefix or "18:32" in prefix else None)


def test_one_text_of_several_containers() -> None:
    text = (
        f"[pod/a/step-x] {ID}\n[pod/b/step-y] ===== ls -la /w =====\n[pod/a/step-x] umask 0022\n"
        "[pod/b/step-y] total 0\n"
        "[pod/a/step-x] hello\n[pod/b/step-y] drwxr-x--- 2 0 5 30 Nov 21 17:35 .\n"
    )
    first, second = import_text(text, "all.log")
    assert (first.source.pod, second.source.pod) == ("a", "b")
    assert [(one.kind, one.line) for one in first.statements] == [("identity", 1), ("umask", 3)]
    assert [(one.kind, one.line) for one in second.statements] == [("listing", 4), ("inode", 6)]
    assert [line.line for line in first.unparsed] == [5]
    assert first.lines == second.lines == 6


def test_a_line_that_was_written_in_parts() -> None:
    text = (
        "2026-11-21T17:32:56Z stdout P uid=1000970000 gid=0(root)\n"
        "2026-11-21T17:32:57Z stdout F  groups=0(root),1000970000\n"
    )
    (one,) = stated(text, IdentityStated)
    assert (one.line, one.groups, one.at) == (1, (0, 1000970000), ns("2026-11-21T17:32:56"))


def test_first_and_last_are_told_by_the_first_and_the_last_line() -> None:
    one = transcript("2026-11-21T17:32:56Z a\n2026-11-21T17:33:56Z b\n")
    assert (one.first, one.last) == (ns("2026-11-21T17:32:56"), ns("2026-11-21T17:33:56"))
    other = transcript("a\n2026-11-21T17:33:56Z b\nc\n")
    assert (other.first, other.last) == (None, None)


@pytest.mark.parametrize(
    ("file", "namespace", "pod", "container"),
    [
        ("logs/p10-push-to-quay-pod.step-push.log", None, "p10-push-to-quay-pod", "step-push"),
        ("notebook-0.notebook.log", None, "notebook-0", "notebook"),
        ("/m/namespaces/ns1/pods/push-pod/step-push/step-push/logs/current.log", "ns1", "push-pod", "step-push"),
        (
            "x\\namespaces\\ns1\\pods\\push-pod\\step-push\\step-push\\logs\\previous.log",
            "ns1",
            "push-pod",
            "step-push",
        ),
        (
            "/var/log/pods/ns1_push-pod_22d5c3b2-3da1-41b7-8137-96d023af0990/step-push/0.log",
            "ns1",
            "push-pod",
            "step-push",
        ),
        (f"push-pod_ns1_step-push-{'a1' * 32}.log", "ns1", "push-pod", "step-push"),
        ("push.log", None, None, None),
        ("app.2026-11-21.log", None, None, None),
        ("Push.Step.log", None, None, None),
        ("paste.txt", None, None, None),
        ("-", None, None, None),
        ("a/b.stderr.log", None, None, None),
    ],
)
def test_a_files_name(file: str, namespace: str | None, pod: str | None, container: str | None) -> None:
    source = source_of(file)
    assert (source.namespace, source.pod, source.container) == (namespace, pod, container)


def listed(date: str, at: str = "") -> InodeStated:
    (one,) = stated(f"{at}{' ' if at else ''}-rw-r--r-- 1 root root 5 {date} /f\n", InodeStated)
    return one


@pytest.mark.parametrize(
    ("date", "at", "modified", "within"),
    [
        ("Nov 21 17:35", "2026-11-21T17:36:00Z", "2026-11-21T17:35:00", 60),
        ("Dec 31 23:59", "2027-01-01T00:00:10Z", "2026-12-31T23:59:00", 60),
        ("Jan  1 00:01", "2026-12-31T23:59:00Z", "2027-01-01T00:01:00", 60),
        ("Jan  1  2026", "2026-11-21T17:36:00Z", "2026-01-01T00:00:00", 86400),
        ("2026-11-18 09:12", "2026-11-21T17:36:00Z", "2026-11-18T09:12:00", 60),
        ("2026-11-18 09:12:44.000000000 +0000", "", "2026-11-18T09:12:44", 0),
        ("2026-11-18 10:12:44 +0100", "", "2026-11-18T09:12:44", 1),
    ],
)
def test_when_a_file_was_modified(date: str, at: str, modified: str, within: float) -> None:
    one = listed(date, at)
    assert (one.modified, one.modified_within) == (ns(modified), within)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Nov 21 17:35", ""),
        ("Jan  1  2026", ""),
        ("Feb 21 17:35", "2026-11-21T17:36:00Z"),
        ("Feb 30 17:35", "2026-02-21T17:36:00Z"),
        ("nov. 21 17:35", "2026-11-21T17:36:00Z"),
    ],
)
def test_when_a_file_was_modified_is_left_open(date: str, at: str) -> None:
    """No log time near by; an hour that `ls` would not print for so old a file; no such day; another language."""
    assert listed(date, at).modified is None


def test_a_zone_anywhere_in_the_text_leaves_times_without_one_open() -> None:
    text = (
        "2026-11-21T17:36:00Z -rw-r--r-- 1 root root 5 Nov 21 17:35 /f\n"
        "2026-11-21T17:36:00Z -rw-r--r-- 1 root root 5 2026-11-18 10:12:44 +0100 /g\n"
    )
    assert [one.modified is None for one in stated(text, InodeStated)] == [True, False]
    dated = "Sat Nov 21 18:36:00 CET 2026\n" + text.splitlines()[0]
    assert stated(dated, InodeStated)[0].modified is None


def test_numbers_for_names_come_from_the_same_text() -> None:
    line = "-rw-r--r-- 1 root builders 5 Nov 21 17:35 /f\n"
    (alone,) = stated(line, InodeStated)
    assert (alone.uid, alone.gid) == (None, None), "who root is, this text does not say"
    (known,) = stated(f"{line}uid=0(root) gid=0(root) groups=0(root),7(builders)\n", InodeStated)
    assert (known.uid, known.gid) == (0, 7)
    two = f"{line}uid=0(root) gid=0(root) groups=7(builders)\nuid=0(root) gid=0(root) groups=8(builders)\n"
    assert stated(two, InodeStated)[0].gid is None, "one name for two numbers"


def test_old_forms_of_stat() -> None:
    text = (
        "  File: `/w/f'\n  Size: 5         \tBlocks: 8          IO Block: 4096   regular file\n"
        "Device: fd00h/64768d\tInode: 131\t Links: 1\n"
        "Access: (0640/-rw-r-----)  Uid: (    0/    root)   Gid: (    7/ builders)\n"
        "Context: system_u:object_r:container_file_t:s0:c1,c2\n"
        "Access: 2026-11-18 09:12:44.000000000 +0000\nls: cannot access '/y': Permission denied\n"
        "Modify: 2026-11-18 09:12:44.000000000 +0000\nChange: 2026-11-18 09:12:44.000000000 +0000\n Birth: -\n"
    )
    (one,) = stated(text, InodeStated)
    assert (one.path, one.device, one.inode, one.mode, one.gid, one.born) == ("/w/f", "253:0", 131, 0o640, 7, None)
    assert one.label == "system_u:object_r:container_file_t:s0:c1,c2"
    assert one.changed == ns("2026-11-18T09:12:44")
    assert transcript(text).unparsed == ()


def test_a_label_of_ls() -> None:
    label = "system_u:object_r:container_file_t:s0:c1,c2"
    new = f"drwxr-xr-x. 2 root root {label} 4096 Nov 21 17:35 /w\n"
    old = f"drwxr-xr-x. root root {label} /w\n"
    assert [one.label for one in stated(new + old, InodeStated)] == [label, label]
    assert [one.mark for one in stated(new + old, InodeStated)] == [".", "."]


def test_samples_of_a_script() -> None:
    text = "drwxrwsr-x 0:1000970000 oci=drwxr-s--- 0:1000970000 image.tar=-rw-r----- 0:1000970000 17861120 readable\n"
    folder, file = stated(text, InodeStated)
    assert (folder.path, folder.mode, folder.gid) == ("oci", 0o2750, 1000970000)
    assert (file.path, file.mode, file.size) == ("image.tar", 0o640, 17861120)
