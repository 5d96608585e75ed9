"""Exit statuses, remarks, errors, digests and commands: which words count, and which do not."""

from __future__ import annotations

import pytest
from transcript.conftest import stated, transcript

from probe.evidence.command import FailureKind
from probe.evidence.transcript import (
    Claimed,
    CommandStated,
    DigestLevel,
    DigestStated,
    ExitStated,
    FailureStated,
    InodeStated,
    ListingStated,
    RemarkStated,
)

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")
F = "/workspace/source/oci/image.tar"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("skopeo exit code: 1", ("skopeo", 1)),
        ("skopeo exit code: 1  2026-11-21T17:32:56.089054192Z", ("skopeo", 1)),
        ("skopeo inspect exit code: 0", ("skopeo inspect", 0)),
        ("skopeo copy exited with code 1", ("skopeo copy", 1)),
        ("command terminated with exit code 137", ("", 137)),
        ("error: exit status 2", ("", 2)),
        ("exit status 1", ("", 1)),
        ("Exit Code: 1", ("", 1)),
        ("rc=1", ("", 1)),
        ("tar rc=2", ("tar", 2)),
        ("EXIT_CODE=125", ("", 125)),
        ("--- buildah push failed with exit status 125", ("buildah push", 125)),
        ("process exited with status 3.", ("", 3)),
    ],
)
def test_an_exit_status(line: str, found: tuple[str, int]) -> None:
    (one,) = stated(line, ExitStated)
    assert (one.program, one.status) == found


@pytest.mark.parametrize(
    "line",
    [
        "status: 200",
        "http status code: 404",
        "status code 1",
        "exit code: 12345",
        "the exit code: of skopeo: 1 of 2",
        "+ rc=1",
        "+ exit 1",
        "src=1",
        "if exit code is 1 then retry",
        "- logs/push.log:48 `skopeo exit code: 0`",
    ],
)
def test_no_exit_status(line: str) -> None:
    assert stated(line, ExitStated) == []


@pytest.mark.parametrize(
    ("line", "claimed", "path", "size", "attempt"),
    [
        (f"attempt 3/30: {F} not readable yet, sleeping 2s", Claimed.NOT_READABLE, F, None, 3),
        (f"{F} is readable after 5 failed attempts, size now 5505024", Claimed.READABLE, F, 5505024, 5),
        (f"ERROR: {F} not readable after 30 attempts", Claimed.NOT_READABLE, F, None, 30),
        ("/workspace/source/oci not there yet", Claimed.ABSENT, "/workspace/source/oci", None, None),
        ("/workspace/source/oci is there", Claimed.PRESENT, "/workspace/source/oci", None, None),
        (f"{F} does not exist", Claimed.ABSENT, F, None, None),
        (f"'{F}' is missing!", Claimed.ABSENT, F, None, None),
        (f"[INFO] file not found: {F}", Claimed.ABSENT, F, None, None),
        (f"found {F}", Claimed.PRESENT, F, None, None),
        (f"waiting for {F}", Claimed.WAITED_FOR, F, None, None),
        (f"Waiting up to 60s for {F} to appear...", Claimed.WAITED_FOR, F, None, None),
        (f"waiting until {F} is readable", Claimed.WAITED_FOR, F, None, None),
        ("--- 2026-11-21T17:32:56Z attempt 1/6, size 62390272", Claimed.SIZE, "", 62390272, 1),
        (f"{F}: 5505024 bytes", Claimed.SIZE, F, 5505024, None),
        (f"size of {F}: 5505024", Claimed.SIZE, F, 5505024, None),
        (f"writer: pid 30 begins {F} total 216109568 index.json at 216106496", Claimed.BEGUN, F, 216109568, None),
        ("writer: archive complete 216109568", Claimed.COMPLETE, "", 216109568, None),
        (f"{F} is complete", Claimed.COMPLETE, F, None, None),
        ("image.tar is there: build done", Claimed.PRESENT, "image.tar", None, None),
    ],
)
def test_a_remark(line: str, claimed: Claimed, path: str, size: int | None, attempt: int | None) -> None:
    (one,) = transcript(f"2026-11-21T17:32:56Z {line}").statements
    assert isinstance(one, RemarkStated)
    assert (one.claimed, one.path, one.size, one.attempt) == (claimed, path, size, attempt)


@pytest.mark.parametrize(
    "line",
    [
        f"checking if {F} is readable",
        f"is {F} readable?",
        f"will retry until {F} exists and /tmp/x exists",
        f"cp {F} /somewhere/else is there",
        "the archive should be complete by now",
        f"https://example.org{F} is there",
        f"{F} has 3.5 MB",
        f"{F} " + "x" * 600 + " is there",
    ],
)
def test_no_remark(line: str) -> None:
    assert stated(line, RemarkStated) == []


def test_errors_carry_their_line_in_the_log() -> None:
    fatal = f'level=fatal msg="initializing source oci-archive:{F}: lstat {F}: permission denied"'
    text = f"""2026-11-21T17:32:55Z hello
2026-11-21T17:32:56.5Z time="2026-11-21T17:32:56Z" {fatal}

2026-11-21T17:32:57Z ls: cannot access '{F}': Permission denied
2026-11-21T17:32:58Z oci=drwxrws--- 0:5 image.tar=stat: cannot statx '{F}': Permission denied NOT-readable
cat: {F}: No such file or directory
bash: line 3: {F}: Permission denied
level=warning msg="open /x: permission denied"
error: this is not an error of any tool
"""
    failures = stated(text, FailureStated)
    known = [(one.line, one.failure.line, one.failure.tool, one.failure.errno) for one in failures][:5]
    assert known == [
        (2, 2, "skopeo", "EACCES"),
        (4, 4, "ls", "EACCES"),
        (5, 5, "stat", "EACCES"),
        (6, 6, "cat", "ENOENT"),
        (7, 7, "bash", "EACCES"),
    ]
    assert failures[0].at == failures[0].failure.at != failures[1].at
    assert 8 not in {one.line for one in failures}, "a warning is no failure"


def test_an_error_that_a_fatal_one_explains_is_not_counted_twice() -> None:
    text = (
        'time="x" level=error msg="open /a: permission denied"\ntime="x" level=fatal msg="open /a: permission denied"\n'
    )
    assert [one.line for one in stated(text, FailureStated)] == [2]


def test_a_message_of_several_lines() -> None:
    text = (
        "Error: 2 errors occurred:\n"
        f"\t* open {F}: permission denied\n"
        "\t* open /etc/x: no such file or directory\n"
        "done\n"
    )
    assert [one.failure.errno for one in stated(text, FailureStated)] == ["EACCES", "ENOENT"]
    assert [line.text for line in transcript(text).unparsed] == ["done"]


def test_the_tool_of_a_bare_error_is_the_one_that_runs() -> None:
    text = (
        f"+ buildah push x oci-archive:{F}\nError: open {F}: permission denied\nexit status 125\n"
        "Error: open /y: permission denied\n"
    )
    assert [one.failure.tool for one in stated(text, FailureStated)] == ["buildah", ""]


def test_a_refusal_and_a_full_disk() -> None:
    text = (
        'time="x" level=fatal msg="writing blob: initiating layer upload to /v2/a/b/blobs/uploads/ in quay.io: '
        'denied: requested access to the resource is denied"\n'
        'time="x" level=fatal msg="writing blob: write /var/tmp/oci1/blobs/sha256/aa: no space left on device"\n'
    )
    kinds = [one.failure.kind for one in stated(text, FailureStated)]
    assert kinds == [FailureKind.REGISTRY_DENIED, FailureKind.NO_SPACE]


@pytest.mark.parametrize(
    "line",
    [
        "===== skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1  (6 attempts) =====",
        "== skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "+ skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "++ skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "$ skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "bash-5.1$ skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "root@host:/w# skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "[user@host w]$ skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "/workspace/source # skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "Running: skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "[INFO] Executing command: skopeo copy oci-archive:/w/image.tar docker://q.io/o/m:1",
        "$ skopeo copy \\\n>   oci-archive:/w/image.tar \\\n>   docker://q.io/o/m:1",
    ],
)
def test_a_command(line: str) -> None:
    (one,) = stated(f"hello\n{line}\nbye", CommandStated)
    assert (one.line, one.invocation.line) == (2, 2)
    assert (one.invocation.program, one.invocation.verb) == ("skopeo", "copy")
    assert [reference.text for reference in one.invocation.reads] == ["oci-archive:/w/image.tar"]
    assert [reference.text for reference in one.invocation.makes] == ["docker://q.io/o/m:1"]


@pytest.mark.parametrize(
    "line",
    [
        "skopeo copy a b",
        "# skopeo is used here",
        "we run skopeo copy oci-archive:/w/i.tar docker://q.io/a",
        "===== done =====",
        "# file: skopeo",
    ],
)
def test_no_command(line: str) -> None:
    assert [one for one in stated(line, CommandStated) if one.invocation.reads] == []


def test_a_heading_may_be_shorter_than_its_command() -> None:
    text = f"===== skopeo inspect oci-archive =====\n{A}\nskopeo inspect exit code: 0\n"
    assert [one for one in stated(text, CommandStated) if one.invocation.reads] == [], "a word of a heading is no path"
    (digest,) = stated(text, DigestStated)
    assert (digest.level, digest.said_by) == (DigestLevel.UNKNOWN, "skopeo inspect")
    asked = f"$ skopeo inspect --format '{{{{.Digest}}}}' oci-archive:{F}\n{A}\n"
    assert [one.level for one in stated(asked, DigestStated)] == [DigestLevel.MANIFEST]


def test_what_another_command_prints_is_no_result_of_a_copy() -> None:
    text = f"Writing manifest to image destination\n== skopeo inspect --config {F}\n{A}\n"
    assert [one.level for one in stated(text, DigestStated)] == [DigestLevel.UNKNOWN]


def test_a_password_in_a_command_is_masked() -> None:
    text = "+ skopeo copy --dest-creds bob:hunter2 oci-archive:/w/i.tar docker://q.io/o/m:1\nlogin -u bob -p hunter2\n"
    assert "hunter2" not in transcript(text).model_dump_json()


def test_digests_of_a_copy() -> None:
    text = f"""===== skopeo copy --digestfile /tmp/d oci-archive:{F} docker://q.io/o/m:1 =====
Getting image source signatures
Copying blob {A}
Copying blob 0123456789ab done   |
Copying config {B}
Writing manifest to image destination
Storing signatures
skopeo exit code: 0
{C}
{D}
"""
    digests = [(one.level, one.digest, one.said_by, one.reference) for one in stated(text, DigestStated)]
    source = f"oci-archive:{F}"
    assert digests == [
        (DigestLevel.LAYER, A, "skopeo copy", source),
        (DigestLevel.CONFIG, B, "skopeo copy", source),
        (DigestLevel.MANIFEST, C, "skopeo copy", "docker://q.io/o/m:1"),
        (DigestLevel.UNKNOWN, D, "", ""),
    ]
    assert transcript(text).unparsed == ()


def test_a_digest_behind_a_failed_copy_is_nobodys() -> None:
    failed = f"Copying blob {A}\nWriting manifest to image destination\nError: writing manifest: denied: no\n{B}\n"
    assert [one.level for one in stated(failed, DigestStated)] == [DigestLevel.LAYER, DigestLevel.UNKNOWN]
    assert [one.level for one in stated(f"{B}\n", DigestStated)] == [DigestLevel.UNKNOWN]


@pytest.mark.parametrize(
    ("line", "levels"),
    [
        (f"built version v2 manifest {A} diff_ids {B} {C}", ["manifest", "diff-id", "diff-id"]),
        (f"quay     {A}", ["unknown"]),
        (f"config digest: {A}", ["config"]),
        (f"Successfully pushed q.io/o/m@{A}", ["manifest"]),
        (f"v1: digest: {A} size: 1234", ["manifest"]),
        (f'"layers": ["{A}", "{B}"]', ["layer", "layer"]),
        (f"{A}0", []),
        ("sha256:abc", []),
    ],
)
def test_a_digest_is_of_what_the_word_before_says(line: str, levels: list[str]) -> None:
    assert [str(one.level) for one in stated(line, DigestStated)] == levels


def test_skopeo_inspect() -> None:
    text = f"""+ skopeo inspect oci-archive:{F}
{{
    "Digest": "{A}",
    "RepoTags": [],
    "Labels": {{
        "version": "v2.0.0"
    }},
    "Layers": [
        "{B}",
        "{C}"
    ],
    "Env": null
}}
skopeo inspect exit code: 0
"""
    digests = [(one.line, one.level, one.digest, one.said_by, one.reference) for one in stated(text, DigestStated)]
    source = f"oci-archive:{F}"
    assert digests == [
        (3, DigestLevel.MANIFEST, A, "skopeo inspect", source),
        (9, DigestLevel.LAYER, B, "skopeo inspect", source),
        (10, DigestLevel.LAYER, C, "skopeo inspect", source),
    ]
    assert transcript(text).unparsed == ()
    assert stated(text.replace('"Env": null\n}', ""), DigestStated) == [], "cut off: nothing is made of it"


def test_other_documents() -> None:
    manifest = f'{{"schemaVersion":2,"config":{{"digest":"{A}"}},"layers":[{{"digest":"{B}"}}]}}'
    assert [str(one.level) for one in stated(manifest, DigestStated)] == ["config", "layer"]
    config = f'{{"rootfs": {{"type": "layers", "diff_ids": ["{C}"]}}}}'
    assert [str(one.level) for one in stated(config, DigestStated)] == ["diff-id"]
    podman = f'[{{"Digest": "{A}", "RootFS": {{"Layers": ["{B}"]}}}}]'
    assert [str(one.level) for one in stated(podman, DigestStated)] == ["manifest", "diff-id"]
    assert stated(f'{{"kind": "Pod", "message": "{A}"}}', DigestStated) == []


# -- which directory a listing is of


_LISTING = (
    "total 4\n"
    "drwxr-x--- 2 root root 4096 Nov 21 17:35 .\n"
    "drwxr-xr-x 3 root root 4096 Nov 21 17:35 ..\n"
    "-rw-r--r-- 1 root root 5 Nov 21 17:35 f\n"
)


@pytest.mark.parametrize(
    ("heading", "paths"),
    [
        ("===== ls -la /w/s =====\n", ["/w/s", "/w", "/w/s/f"]),
        ("===== ls -la /w/s/ =====\n", ["/w/s", "/w", "/w/s/f"]),
        ("+ ls -la '/w/a b'\n", ["/w/a b", "/w", "/w/a b/f"]),
        ("$ ls -la /w/s\n", ["/w/s", "/w", "/w/s/f"]),
        ("/w/s $ ls -la\n", ["/w/s", "/w", "/w/s/f"]),
        ("$ cd /w/s\n$ ls -la\n", ["/w/s", "/w", "/w/s/f"]),
        ("$ cd /w\n$ ls -la s\n", ["/w/s", "/w", "/w/s/f"]),
        ("+ cd /w/s\n+ ls -la\n", [".", "..", "f"]),
        ("===== ls -la / =====\n", ["/", "/", "/f"]),
        ("/w/s:\n", ["/w/s", "/w", "/w/s/f"]),
        ("'/w/a b':\n", ["/w/a b", "/w", "/w/a b/f"]),
        ("model:\n", ["model", ".", "model/f"]),
        ("Contents of /w/s:\n", ["/w/s", "/w", "/w/s/f"]),
        ("DEBUG: ls -la /w/s/:\n", ["/w/s", "/w", "/w/s/f"]),
        ("Before the push to /quay:\n", [".", "..", "f"]),
        ("Before push:\n", [".", "..", "f"]),
        ("/w/s:\n\n", [".", "..", "f"]),
        ("+ ls -la /w/s\nnow:\n", ["/w/s", "/w", "/w/s/f"]),
        ("===== ls -laR /w =====\n/w/s:\n", ["/w/s", "/w", "/w/s/f"]),
        ("", [".", "..", "f"]),
        ("===== ls =====\n", [".", "..", "f"]),
        ("===== ls -la /w/* =====\n", [".", "..", "f"]),
        ("===== ls -la $WS =====\n", [".", "..", "f"]),
        ("===== ls -la /w/s =====\n\n===== something else =====\n", [".", "..", "f"]),
        (
            "===== ls -la /w/s; ls -la /w/t =====\nls: cannot open directory '/w/s': Permission denied\n",
            ["/w/t", "/w", "/w/t/f"],
        ),
    ],
)
def test_where_a_listing_stands(heading: str, paths: list[str]) -> None:
    assert [one.path for one in stated(heading + _LISTING, InodeStated)] == paths


def test_a_second_listing_is_not_of_the_same_directory() -> None:
    listings = stated(f"===== ls -la /w/s =====\n{_LISTING}{_LISTING}", ListingStated)
    assert [one.path for one in listings] == ["/w/s", ""]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (f"+ ls -la /w\n{_LISTING}", True),
        (f"+ ls -la /w\n{_LISTING}\n+ true\n", True),
        (f"+ ls -la /w\n{_LISTING}"[:-1], False),
        (f"+ ls -la /w\n{_LISTING}ls: cannot access '/w/x': Permission denied\n", False),
        (f"+ ls -la /w\nls: cannot access '/w/x': Permission denied\n{_LISTING}", False),
        (f"+ ls -la /w | head\n{_LISTING}", False),
        ("+ ls -l /w\ntotal 0\n-rw-r--r-- 1 root root 5 Nov 21 17:35 f\n", False),
    ],
)
def test_whether_a_listing_is_whole(text: str, whole: bool) -> None:
    """Only then a name that is not in it was not there."""
    (one,) = stated(text, ListingStated)
    assert one.whole is whole


def test_a_filtered_listing() -> None:
    text = "+ ls -la /w/s | grep image\n-rw-r--r-- 1 root root 5 Nov 21 17:35 image.tar\n"
    (one,) = stated(text, InodeStated)
    assert one.path == "/w/s/image.tar"
    assert stated(text, ListingStated) == []


def test_members_of_an_archive_are_no_files_here() -> None:
    assert stated("-rw-r--r-- root/root         6 2026-11-21 16:49 hello\n", InodeStated) == []


def test_a_name_with_a_line_feed_is_not_cut_short() -> None:
    text = _LISTING + "-rw-r--r-- 1 root root 0 Nov 21 17:35 new\nline\n-rw-r--r-- 1 root root 0 Nov 21 17:35 z\n"
    assert [one.path for one in stated(text, InodeStated)] == [".", "..", "f", "z"]
    (listing,) = stated(text, ListingStated)
    assert not listing.whole
