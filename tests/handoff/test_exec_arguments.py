"""References are found in the arguments of commands that people write; what is not sure is left out."""

from __future__ import annotations

import random
import shlex

import pytest

from probe.handoff.execute.arguments import MAX_REFERENCES, find_references

A = "oci-archive:/w/oci/image.tar"
COPY = f"skopeo copy {A} docker://quay.io/t/a:1"


def found(*command: str) -> list[str]:
    """What is read as it is written, what is made after `>`."""
    return [
        (f"> {reference.path}" if role == "made" else reference.text) for reference, role in find_references(command)
    ]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (COPY, [A]),
        (f"skopeo --insecure-policy --tmpdir /t copy -q --dest-creds u:p {A} docker://q/a", [A]),
        (f"skopeo copy --dest-creds=u:p --src-tls-verify=false {A} docker://q/a --retry-times 3", [A]),
        (f"skopeo copy {A} dir:/w/out", [A, "> /w/out"]),
        (f"skopeo copy --format v2s2 {A}:app:1 docker-archive:out.tar:app:1", [f"{A}:app:1", "> ./out.tar"]),
        ("skopeo copy docker://q/a oci:/w/layout:latest", ["> /w/layout"]),
        ("skopeo copy -- oci:/w/a oci:/w/a:new", ["oci:/w/a"]),
        (f"skopeo inspect --format '{{{{.Digest}}}}' {A}", [A]),
        (f"/usr/bin/skopeo inspect --config {A}", [A]),
        ("skopeo list-tags docker-archive:/w/a.tar", ["docker-archive:/w/a.tar"]),
        ("skopeo sync --src dir --dest docker /w/images quay.io/t", ["/w/images"]),
        ("skopeo sync --src docker --dest dir quay.io/t/a /w/out", ["> /w/out"]),
        ("buildah push --format oci localhost/app oci-archive:/w/i.tar:app", ["> /w/i.tar"]),
        ("buildah push -q app dir:/w/d", ["> /w/d"]),
        ("buildah from --name c --pull oci-archive:/w/base.tar", ["oci-archive:/w/base.tar"]),
        ("buildah pull dir:/w/d", ["dir:/w/d"]),
        ("buildah bud -t oci-archive:/w/i.tar -v /a:/b -f Dockerfile .", ["> /w/i.tar"]),
        ("buildah commit --rm working oci:/w/l", ["> /w/l"]),
        ("buildah manifest push --all list oci-archive:/w/l.tar", ["> /w/l.tar"]),
        ("podman push app oci-archive:/w/i.tar", ["> /w/i.tar"]),
        ("podman pull -q oci-archive:/w/i.tar", ["oci-archive:/w/i.tar"]),
        ("podman load -i /w/i.tar", ["/w/i.tar"]),
        ("podman image load --input=i.tar", ["./i.tar"]),
        ("podman save --format oci-archive -o /w/i.tar app", ["> /w/i.tar"]),
        ("podman run -v dir:/data img skopeo copy oci-archive:/x dir:/y", []),
        (f"env -u HOME A=b timeout -k 5 60 nice -n 5 {COPY}", [A]),
        (f"HTTP_PROXY=x {COPY}", []),
        (f"setpriv --reuid 1000 --clear-groups -- {COPY}", [A]),
        (f"probe exec --evidence-dir /e --retry 3 -- {COPY}", [A]),
        (f"stdbuf -oL flock /l {COPY}", [A]),
        (f"kubectl exec pod -- {COPY}", []),
        (f"ssh host {COPY}", []),
        (f"./push.sh --source={A} --verbose", [A]),
        (f"./push.sh {A} dir:/w/d", [A, "dir:/w/d"]),
        ("./push.sh -v dir:/data oci:latest", []),
        ("grep -r password /etc", []),
    ],
)
def test_a_command(command: str, expected: list[str]) -> None:
    words = shlex.split(command)
    assert found(*words) == ([A] if command.startswith("HTTP_PROXY") else expected)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (COPY, [A]),
        (f"set -e\necho start && {COPY} 2>/tmp/err || exit 3", [A]),
        (f"if ! skopeo inspect '{A}' >/dev/null 2>&1; then\n  exit 1\nfi", [A]),
        (f'for i in 1 2 3; do skopeo copy \\\n  --dest-tls-verify=false \\\n  {A} "docker://$REGISTRY/a"; done', [A]),
        ("skopeo copy oci-archive:$WS/image.tar dir:/w/out", ["> /w/out"]),
        ("skopeo copy oci-archive:`pwd`/image.tar docker://q/a", []),
        ("skopeo copy oci-archive:/w/*.tar docker://q/a", []),
        (f"# {COPY}\ntrue", []),
        (f"echo hi # {COPY}\n{COPY.replace('image', 'other')}", ["oci-archive:/w/oci/other.tar"]),
        ("cd /w && skopeo inspect oci-archive:image.tar; skopeo inspect dir:/abs", ["dir:/abs"]),
        ("cd /w && podman load -i image.tar", []),
        (f"sh -c '{COPY}'", [A]),
        (f"skopeo inspect {A}; skopeo copy {A} dir:/w/o; echo 'never closed", [A, "> /w/o"]),
        (f"(timeout 5 {COPY}) & wait", [A]),
    ],
)
def test_a_script(script: str, expected: list[str]) -> None:
    assert found("sh", "-c", script) == expected
    assert found("bash", "-eu", "-o", "pipefail", "-c", script, "name", "oci:/not/this") == expected
    assert found("env", "X=1", "/bin/bash", "-xec", script) == expected


def test_what_is_read_is_not_also_made() -> None:
    assert found("sh", "-c", "skopeo copy docker://q/a oci-archive:/w/a.tar; skopeo inspect oci-archive:/w/a.tar") == [
        "oci-archive:/w/a.tar"
    ]


def test_they_are_bounded() -> None:
    script = "\n".join(f"skopeo inspect oci-archive:/w/{n}.tar" for n in range(5000))
    assert len(find_references(["sh", "-c", script[:60_000]])) == MAX_REFERENCES
    assert find_references(["sh", "-c", "x " * 1_000_000 + COPY]) == ()
    assert find_references(["x"] * 100_000 + COPY.split()) == ()


@pytest.mark.parametrize(
    "command",
    [
        [],
        [""],
        ["skopeo"],
        ["skopeo", "copy"],
        ["skopeo", "copy", "oci-archive:", "dir:"],
        ["skopeo", "copy", "oci-archive:\udcff\x1b[31m\n", "dir:/\0"],
        ["skopeo", "copy", "oci-archive:/" + "x" * 5000, "dir:/y"],
        ["skopeo", "--tmpdir"],
        ["sh", "-c"],
        ["sh", "-c", "'"],
        ["sh", "-c", "\\"],
        ["busybox", "sh", "-o", "pipefail", "-c", "\0\n$((("],
        ["env"] * 1999 + ["skopeo"],
        ["sh", "-c", "sh -c " * 2000],
    ],
)
def test_hostile_arguments_give_nothing_or_something_but_no_exception(command: list[str]) -> None:
    find_references(command)


def test_random_arguments_never_raise() -> None:
    pieces = [
        *"'\"\\$`;|&()<>#\n \t{}!=:-",
        A,
        "skopeo",
        "copy",
        "sh",
        "-c",
        "env",
        "podman",
        "load",
        "-i",
        "dir:",
        "\udc80",
    ]
    chance = random.Random(3)
    for _ in range(3000):
        find_references(["".join(chance.choices(pieces, k=chance.randrange(6))) for _ in range(chance.randrange(8))])
        find_references(["sh", "-c", " ".join(chance.choices(pieces, k=chance.randrange(40)))])
