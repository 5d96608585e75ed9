"""What skopeo, buildah, podman, tar and coreutils really printed, and what is read from it.

`data/messages.jsonl` holds recorded messages, one case a line, each with the reviewed reading (`expect`: the fields
that are not empty). Recorded with skopeo 1.2.2, 1.9.3 and 1.18.0, buildah 1.19.6, 1.28.2 and 1.39.3, podman 3.0.1,
4.3.1 and 5.4.2, coreutils 9.1 and GNU tar 1.34, on real files, full and read-only file systems and a small registry.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from probe.evidence.base import parse_timestamp
from probe.evidence.command import MAX_FAILURES, CommandOutcome, Failure, FailureKind
from probe.skopeo import loglines
from probe.skopeo.messages import parse_messages

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "messages.jsonl").read_text().splitlines()]
FIELDS = (
    "line",
    "kind",
    "tool",
    "level",
    "operation",
    "path",
    "errno",
    "transport",
    "reference",
    "registry",
    "about",
)


PING = 'pinging container registry quay.example: Get "https://quay.example/v2/": '
UPLOAD = "writing blob: initiating layer upload to /v2/ns/app/blobs/uploads/ "


def facts(failure: Failure) -> dict[str, object]:
    return {name: value for name in FIELDS if (value := getattr(failure, name)) not in ("", None)}


def only(text: str) -> Failure:
    outcome = parse_messages(text)
    assert len(outcome.failures) == 1, [facts(failure) for failure in outcome.failures]
    return outcome.failures[0]


def go(message: str) -> Failure:
    """The reading of a message as skopeo prints it when standard error is no terminal."""
    quoted = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return only(f'time="2026-11-21T16:51:42Z" level=fatal msg="{quoted}"\n')


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['tool']}-{case['version']}-{case['case']}")
def test_recorded_message_is_read_as_reviewed(case: dict[str, object]) -> None:
    outcome = parse_messages(str(case["stderr"]))
    assert [facts(failure) for failure in outcome.failures] == case["expect"]
    assert outcome.lines == len(str(case["stderr"]).splitlines())
    assert not outcome.truncated
    assert CommandOutcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_every_generation_is_in_the_data() -> None:
    assert {(case["tool"], case["version"]) for case in CASES} >= {
        ("skopeo", "1.2.2"),
        ("skopeo", "1.9.3"),
        ("skopeo", "1.18.0"),
        ("buildah", "1.19.6"),
        ("buildah", "1.28.2"),
        ("buildah", "1.39.3"),
        ("podman", "3.0.1"),
        ("podman", "4.3.1"),
        ("podman", "5.4.2"),
    }


FAMILIES = [
    # what was done, by the name of the case; in which cases; and what its reading has to say, whoever printed it
    ("parent-0700", {"kind": "file", "errno": "EACCES", "about": "ancestor"}),
    ("file-0600", {"kind": "file", "errno": "EACCES", "operation": "open"}),
    (
        "authfile-0600",
        {"kind": "file", "errno": "EACCES", "about": "auth-file"},
    ),
    ("enospc", {"kind": "no-space", "errno": "ENOSPC", "about": "temp", "operation": "write"}),
    ("dest-archive-full", {"kind": "no-space", "errno": "ENOSPC", "about": "destination"}),
    ("read-only-tmp", {"kind": "file", "errno": "EROFS", "about": "temp"}),
    ("policy-", {"about": "policy"}),
    ("trunc-50", {"kind": "archive-ended", "about": "archive"}),
    ("pull-truncated", {"kind": "archive-ended", "about": "archive", "transport": "oci-archive"}),
    ("random", {"kind": "bad-archive", "about": "archive"}),
    ("registry-refused", {"kind": "registry-unreachable", "errno": "ECONNREFUSED", "registry": "127.0.0.1:5999"}),
    ("registry-denied", {"kind": "registry-denied", "registry": "127.0.0.1:5998"}),
    ("registry-unauth", {"kind": "registry-denied", "registry": "127.0.0.1:5998"}),
    ("flipped-layer", {"kind": "digest-mismatch"}),
    ("multi", {"kind": "ambiguous-reference"}),
    ("wrong-tag", {"kind": "unknown-reference"}),
    ("bad-json", {"kind": "bad-json"}),
    ("dest-dir-denied", {"errno": "EACCES", "about": "destination"}),
]
VAGUE = {
    # docker-archive: does not say which inode refused
    "parent-0700-docker-archive": {"kind": "file", "errno": "EACCES", "about": None},
    "file-0600-docker-archive": {"kind": "file", "errno": "EACCES", "about": None},
    "02-eacces-docker-archive": {"kind": "file", "errno": "EACCES", "about": None},
    # buildah 1.19 and podman 3.0 take a path that they cannot reach for a malformed name
    "usage": {"kind": "usage"},
}


@pytest.mark.parametrize(("family", "expected"), FAMILIES, ids=[name for name, _ in FAMILIES])
def test_what_was_done_is_what_is_read(family: str, expected: dict[str, str]) -> None:
    """The reviewed readings, checked against what was done to get the message, across tools and generations."""
    cases = [case for case in CASES if family in str(case["case"]) and "coreutils" not in str(case["tool"])]
    assert len(cases) >= 1
    for case in cases:
        if not case["expect"]:  # podman 3.0 says nothing of a file that it cannot load
            assert case["version"] == "3.0.1"
            continue
        first = case["expect"][0]  # type: ignore[index]
        old = case["version"] in ("1.19.6", "3.0.1") and first["kind"] == "usage"
        wanted = VAGUE.get("usage" if old else str(case["case"]), expected)
        assert {name: first.get(name) for name in wanted} == wanted, case


def test_success_says_nothing() -> None:
    assert parse_messages("") == CommandOutcome()
    copied = "Getting image source signatures\nCopying blob sha256:ab\nWriting manifest to image destination\n"
    assert parse_messages(copied) == CommandOutcome(lines=3)


@pytest.mark.parametrize(
    ("errno", "words"),
    [
        ("EACCES", "permission denied"),
        ("EPERM", "operation not permitted"),
        ("ENOENT", "no such file or directory"),
        ("ENOTDIR", "not a directory"),
        ("EISDIR", "is a directory"),
        ("ENOSPC", "no space left on device"),
        ("EDQUOT", "disk quota exceeded"),
        ("EROFS", "read-only file system"),
        ("ESTALE", "stale NFS file handle"),
        ("ESTALE", "stale file handle"),
        ("EIO", "input/output error"),
        ("ELOOP", "too many levels of symbolic links"),
        ("ENAMETOOLONG", "file name too long"),
        ("ENOTCONN", "transport endpoint is not connected"),
        ("EMFILE", "too many open files"),
    ],
)
def test_errno_texts_of_go_and_libc(errno: str, words: str) -> None:
    path = "/workspace/source/oci/image.tar"
    read = go(f'Error parsing image name "oci-archive:{path}": creating temp directory: open {path}: {words}')
    assert (read.operation, read.path, read.errno) == ("open", path, errno)
    assert read.kind is (FailureKind.NO_SPACE if errno in ("ENOSPC", "EDQUOT") else FailureKind.FILE)
    shell = only(f"cat: {path}: {words.capitalize()}\n")
    assert (shell.path, shell.errno, shell.tool) == (path, errno, "cat")


def test_refused_archive_and_refused_ancestor_are_told_apart() -> None:
    path = "/workspace/source/oci/image.tar"
    archive = go(f"initializing source oci-archive:{path}:: creating temp directory: open {path}: permission denied")
    assert (archive.about, archive.path, archive.reference) == ("archive", path, path)
    for call in ("lstat", "faccessat"):
        ancestor = go(f"Invalid source name oci-archive:{path}: {call} {path}: permission denied")
        assert (ancestor.about, ancestor.path, ancestor.operation) == ("ancestor", path, call)
    # docker-archive: opens without looking the way up first: the message does not say which inode refused
    either = go(
        f'Error parsing image name "docker-archive:{path}": opening file "{path}": open {path}: permission denied'
    )
    assert (either.about, either.path) == ("", path)


@pytest.mark.parametrize(
    ("message", "registry", "kind", "errno"),
    [
        (
            UPLOAD + "in quay.example:8443: denied: permission denied",
            "quay.example:8443",
            FailureKind.REGISTRY_DENIED,
            None,
        ),
        (
            "writing manifest: uploading manifest 1 to quay.example/ns/app: denied: requested access is denied",
            "quay.example",
            FailureKind.REGISTRY_DENIED,
            None,
        ),
        (  # the registry's own disk, in the registry's own words
            UPLOAD + "in quay.example: unknown: filesystem: mkdir /var/lib/registry/docker: permission denied",
            "quay.example",
            FailureKind.REGISTRY_DENIED,
            None,
        ),
        (
            (
                "initializing source docker://quay.example/ns/app:1: unable to retrieve auth token: "
                "invalid username/password: unauthorized: Invalid Username or Password"
            ),
            "quay.example",
            FailureKind.REGISTRY_DENIED,
            None,
        ),
        (
            PING + "dial tcp 192.0.2.7:443: connect: no route to host",
            "quay.example",
            FailureKind.REGISTRY_UNREACHABLE,
            "EHOSTUNREACH",
        ),
        (  # refused by a network policy on this side, not by the registry
            PING + "dial tcp 192.0.2.7:443: connect: permission denied",
            "quay.example",
            FailureKind.REGISTRY_UNREACHABLE,
            "EACCES",
        ),
        (
            PING
            + "dial tcp: lookup quay.example on 10.96.0.10:53: read udp 10.244.0.5:40000->10.96.0.10:53: i/o timeout",
            "quay.example",
            FailureKind.REGISTRY_UNREACHABLE,
            None,
        ),
        (
            (
                'writing blob: Patch "https://quay.example/v2/a/blobs/uploads/u?_state=s3cr3t": write tcp '
                "10.0.0.1:4->192.0.2.7:443: write: connection reset by peer"
            ),
            "quay.example",
            FailureKind.REGISTRY_UNREACHABLE,
            "ECONNRESET",
        ),
        (
            PING + "x509: certificate signed by unknown authority",
            "quay.example",
            FailureKind.REGISTRY_OTHER,
            None,
        ),
        (
            "reading manifest 1 in quay.example/ns/app: toomanyrequests: slow down",
            "quay.example",
            FailureKind.REGISTRY_OTHER,
            None,
        ),
    ],
)
def test_registry_is_never_a_file(message: str, registry: str, kind: FailureKind, errno: str | None) -> None:
    read = go(message)
    assert (read.kind, read.registry, read.path, read.errno) == (kind, registry, None, errno)


def test_reading_error_in_an_upload_is_a_file() -> None:
    read = go(
        'writing blob: Patch "https://quay.example/v2/a/blobs/uploads/u": happened during read: '
        "read /workspace/source/ocidir/blobs/sha256/" + "a" * 64 + ": input/output error"
    )
    assert (read.kind, read.errno, read.about) == (FailureKind.FILE, "EIO", "member")


@pytest.mark.parametrize(
    ("message", "about", "path"),
    [
        (
            (
                'writing blob: storing blob to file "/var/tmp/container_images_storage3399931404/1": write '
                "/var/tmp/container_images_storage3399931404/1: no space left on device"
            ),
            "temp",
            "/var/tmp/container_images_storage3399931404/1",
        ),
        (
            "writing blob: write /workspace/out/dir-put-blob2847201: no space left on device",
            "destination",
            "/workspace/out/dir-put-blob2847201",
        ),
        (
            (
                "initializing destination oci-archive:/w/o.tar:: creating temp directory: creating oci reference: "
                "creating temp directory: mkdir /var/tmp/oci12345678: permission denied"
            ),
            "temp",
            "/var/tmp/oci12345678",
        ),
        (
            (
                "pinging container registry q.example: reading certs.d: open /etc/containers/certs.d/q.example/ca.crt: "
                "permission denied"
            ),
            "config",
            "/etc/containers/certs.d/q.example/ca.crt",
        ),
        (
            "loading registries configuration: open /etc/containers/registries.conf: permission denied",
            "config",
            "/etc/containers/registries.conf",
        ),
        (
            "mkdir /var/lib/containers/storage/overlay/l: permission denied",
            "storage",
            "/var/lib/containers/storage/overlay/l",
        ),
    ],
)
def test_paths_that_are_not_the_image(message: str, about: str, path: str) -> None:
    read = only(f"Error: {message}\n") if "certs" not in message else go(message.split(": ", 1)[1])
    assert (read.about, read.path) == (about, path)


@pytest.mark.parametrize(
    "message",
    [
        "Error: lstat /workspace/oci20240101/image.tar: permission denied",
        "Error: creating temp directory: open /workspace/oci20240101/image.tar: permission denied",
        (
            'time="2026-11-21T16:51:42Z" level=fatal msg="initializing source oci:/workspace/oci20240101:: open '
            '/workspace/oci20240101/index.json: no such file or directory"'
        ),
    ],
)
def test_users_directory_named_like_a_temp_directory_is_not_taken_for_one(message: str) -> None:
    read = only(message)
    assert read.about in ("ancestor", "archive", "member")
    assert read.path is not None and read.path.startswith("/workspace/oci20240101")


def test_go_quoting_is_undone() -> None:
    line = (
        r'time="2026-11-21T16:51:42Z" level=fatal msg="Error parsing image name \"oci-archive:/w/a \\\"b\\\\\\u00fc\": '
        r'creating temp directory: open /w/a \"b\\ü\xff: permission denied"'
    )
    read = only(line)
    assert read.path == '/w/a "b\\\\ü\\xff'  # as `path_text` writes a backslash and a byte that is no UTF-8
    assert read.reference == '/w/a "b\\\\ü'
    assert loglines.unquote(r'"a\tb\n\x41\u00e4\U0001f600\101\"\\"') == 'a\tb\nAä😀A"\\'
    assert loglines.unquote(r'"\xff"') == "\udcff"
    assert loglines.unquote(r'"\U99999999\ud800"') == "��"
    assert loglines.unquote('"cut in the middle \\') == "cut in the middle \\"


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ('time="2026-11-21T17:32:56Z" level=fatal msg="x"', "2026-11-21T17:32:56Z"),
        ('time="2026-11-21T18:32:56+01:00" level=fatal msg="x"', "2026-11-21T17:32:56Z"),
        (
            '2026-11-21T17:32:56.080579073Z time="2026-11-21T17:32:56Z" level=fatal msg="x"',
            "2026-11-21T17:32:56.080579073Z",
        ),
        ('2026-11-21T17:32:56.080579073Z stderr F level=fatal msg="x"', "2026-11-21T17:32:56.080579073Z"),
        (
            '[push : step-push] 2026-11-21T17:32:56.5Z time="2026-11-21T17:32:56Z" level=fatal msg="x"',
            "2026-11-21T17:32:56.5Z",
        ),
        (
            (
                "[pod/run-push-pod/step-push] 2026-11-21T17:32:56.369368823Z 2026-11-21T17:32:56.803820571Z "
                "cat: /x: Permission denied"
            ),
            "2026-11-21T17:32:56.803820571Z",
        ),
        ("2026-11-21T17:32:56.000000001Z FATA[0000] x", "2026-11-21T17:32:56.000000001Z"),
    ],
)
def test_time_is_the_most_precise_one_of_the_line(line: str, at: str) -> None:
    assert only(line).at == parse_timestamp(at)


@pytest.mark.parametrize(
    "line", ["FATA[0000] x", 'time="yesterday" level=fatal msg="x"', "9999-99-99T99:99:99Z Error: x"]
)
def test_no_time_is_better_than_a_wrong_one(line: str) -> None:
    assert only(line).at is None


def test_multi_line_message_is_one() -> None:
    text = (
        "2026-11-21T17:32:56.1Z Error: initializing destination docker://quay.example/x/y:z: getting username and "
        "password: 1 error occurred:\n"
        '2026-11-21T17:32:56.2Z \t* reading JSON file "/w/auth.json": open /w/auth.json: permission denied\n'
        "2026-11-21T17:32:56.3Z \n"
    )
    read = only(text)
    assert (read.about, read.path, read.registry, read.line) == ("auth-file", "/w/auth.json", "quay.example", 1)


def test_debug_script_leaves_messages_in_the_middle_of_lines() -> None:
    text = (
        "+ skopeo copy oci-archive:/w/oci/image.tar docker://q.example/a:1\n"
        "+ echo 'cat: /w/x: Permission denied'\n"
        "drwxrws--- 0:1000660000 image.tar=stat: cannot statx '/w/oci/image.tar': Permission denied NOT-readable\n"
        "-rw-r--r-- 1 root 1000970000 17861120 Nov 21 17:36 image.tar\n"
    )
    read = only(text)
    assert (read.line, read.tool, read.operation, read.path, read.about) == (
        3,
        "stat",
        "statx",
        "/w/oci/image.tar",
        "ancestor",
    )


def test_trace_names_the_tool() -> None:
    assert (
        only("+ buildah push app:1 oci-archive:/w/o.tar\nError: lstat /w/o.tar: permission denied\n").tool == "buildah"
    )
    assert only("Error: lstat /w/o.tar: permission denied\n").tool == ""


def test_warnings_are_no_failures_and_error_lines_belong_to_the_end_they_lead_to() -> None:
    warning = 'time="2026-11-21T16:51:49Z" level=warning msg="stat /x: permission denied"\n'
    error = 'time="2026-11-21T16:51:49Z" level=error msg="Can\'t add file /var/tmp/oci123456/a to tar: closed pipe"\n'
    fatal = (
        'time="2026-11-21T16:51:49Z" level=fatal msg="committing the finished image: write /o: disk quota exceeded"\n'
    )
    assert parse_messages(warning).failures == ()
    assert [f.level for f in parse_messages(error).failures] == ["error"]
    assert [f.level for f in parse_messages(error + warning + fatal).failures] == ["fatal"]
    assert [f.level for f in parse_messages(error + "another program runs\n" + fatal).failures] == ["error", "fatal"]


def test_killed_process_is_told() -> None:
    read = only(
        "/tekton/scripts/script-0-abcde: line 12:    14 Killed            skopeo copy --dest-creds u:hunter2 a b\n"
    )
    assert (read.kind, read.operation) == (FailureKind.OTHER, "killed")
    assert "hunter2" not in read.text


def test_many_failures_keep_both_ends() -> None:
    outcome = parse_messages("".join(f"cat: /w/{number}: Permission denied\n" for number in range(1000)))
    assert len(outcome.failures) == MAX_FAILURES
    assert outcome.truncated
    assert (outcome.failures[0].path, outcome.failures[-1].path) == ("/w/0", "/w/999")
    assert outcome.lines == 1000


def test_long_text_is_read_at_both_ends() -> None:
    filler = "nothing to see here\n" * (loglines.MAX_TEXT // 10)
    outcome = parse_messages(f"cat: /first: Permission denied\n{filler}cat: /last: Permission denied\n")
    assert outcome.truncated
    assert [failure.path for failure in outcome.failures] == ["/first", "/last"]
    assert outcome.failures[-1].line == outcome.lines == filler.count("\n") + 2
    many = parse_messages(
        "cat: /first: Permission denied\n" + "\n" * (2 * loglines.MAX_LINES) + "cat: /last: Is a directory"
    )
    assert [failure.path for failure in many.failures] == ["/first", "/last"]
    assert many.failures[-1].line == many.lines


def test_messages_are_clipped() -> None:
    read = only("Error: " + "x" * 100_000)
    assert len(read.text) <= 4096
    assert only("cat: /" + "y" * 9000 + ": Permission denied").path is not None


def test_reading_needs_no_module_of_linux_only() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('fcntl','resource','ctypes','subprocess','asyncio')));"
        "from probe.skopeo.messages import parse_messages;"
        "print(parse_messages('cat: /x: Permission denied').failures[0].errno)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "EACCES\n"
