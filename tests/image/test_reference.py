from __future__ import annotations

import os
import subprocess

import pytest

from probe.evidence.base import path_bytes
from probe.image.reference import BadReference, format_reference, normalized_name, parse_reference


@pytest.mark.parametrize(
    ("text", "transport", "path", "tag"),
    [
        ("oci-archive:/w/image.tar", "oci-archive", "/w/image.tar", None),
        ("oci-archive:/w/image.tar:", "oci-archive", "/w/image.tar", None),
        ("oci-archive:/w/image.tar:app:1", "oci-archive", "/w/image.tar", "app:1"),
        ("oci-archive:/w/image.tar:reg.example/ns/app:1.0", "oci-archive", "/w/image.tar", "reg.example/ns/app:1.0"),
        ("oci-archive:/w/we:ird.tar", "oci-archive", "/w/we", "ird.tar"),
        ("oci-archive:image.tar", "oci-archive", "image.tar", None),
        ("oci-archive:./image.tar", "oci-archive", "./image.tar", None),
        ("oci:/w/layout:v1", "oci", "/w/layout", "v1"),
        ("oci:/w/layout:@1", "oci", "/w/layout", "@1"),
        ("dir:/w/a:b:c", "dir", "/w/a:b:c", None),
        ("docker-archive:/w/d.tar", "docker-archive", "/w/d.tar", None),
        ("docker-archive:/w/d.tar:app", "docker-archive", "/w/d.tar", "app"),
        ("docker-archive:/w/d.tar:localhost:5000/app:1", "docker-archive", "/w/d.tar", "localhost:5000/app:1"),
        ("docker-archive:/w/d.tar:@0", "docker-archive", "/w/d.tar", "@0"),
        ("/w/image.tar", "path", "/w/image.tar", None),
        ("/w/a:b", "path", "/w/a:b", None),
        ("image.tar", "path", "image.tar", None),
        ("./oci:x", "path", "./oci:x", None),
        ("sub/docker:x", "path", "sub/docker:x", None),
        ("oci", "path", "oci", None),
    ],
)
def test_reads(text: str, transport: str, path: str, tag: str | None) -> None:
    reference = parse_reference(text)
    assert (reference.transport, reference.path, reference.tag, reference.text) == (transport, path, tag, text)
    assert format_reference(reference).rstrip(":") == text.rstrip(":")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty reference"),
        ("oci-archive:", "no path after oci-archive:"),
        ("dir:", "no path after dir:"),
        ("oci::tag", "no path after oci:"),
        ("docker://registry.example/app:1", "docker reads a registry"),
        ("containers-storage:app", "local container storage"),
        ("docker-daemon:app:1", "Docker daemon"),
        ("ocitar:/x", "did you mean oci-archive:/x ?"),
        ("OCI-ARCHIVE:/x", "did you mean oci-archive:/x ?"),
        ("Dir:/x", "did you mean dir:/x ?"),
        ("word:/x", "no transport is named word"),
        ("image.tar:latest", "./image.tar:latest for a file of that name"),
        (":x", "no transport before the colon"),
        ("oci-archive:/w/a:b/c d", "cannot name a path with a colon"),
        ("oci-archive:/w/image.tar:@0", "cannot be an image name"),
        ("oci:/w/layout:-x", "cannot be an image name"),
        ("docker-archive:/w/d.tar:", "no image name with a tag"),
        ("docker-archive:/w/d.tar:App", "no image name with a tag"),
        ("docker-archive:/w/d.tar:@x", "number of the image"),
        ("docker-archive:/w/d.tar:app@sha256:" + "0" * 64, "no image name with a tag"),
        ("/w/\0x", "null byte"),
        ("/w/" + "x" * 4096, "longer than the kernel takes"),
        (os.fsdecode(b"/w/" + b"\xff" * 4000), "longer than the kernel takes"),
    ],
)
def test_refuses_with_advice(text: str, said: str) -> None:
    with pytest.raises(BadReference) as caught:
        parse_reference(text)
    assert said in str(caught.value)
    str(caught.value).encode()  # printable anywhere


@pytest.mark.parametrize(
    ("text", "path", "tag"),
    [
        ("docker://quay.io/org/app:1.2", "//quay.io/org/app", "1.2"),
        ("docker://quay.io/org/app", "//quay.io/org/app", None),
        ("docker://localhost:5000/app:1", "//localhost:5000/app", "1"),
        ("docker://busybox", "//docker.io/library/busybox", None),
        ("docker://quay.io/org/app@sha256:" + "ab" * 32, "//quay.io/org/app", "@sha256:" + "ab" * 32),
    ],
)
def test_reads_a_registrys_where_they_are_wanted(text: str, path: str, tag: str | None) -> None:
    reference = parse_reference(text, registries=True)
    assert (reference.transport, reference.path, reference.tag, reference.text) == ("docker", path, tag, text)
    if tag is not None:
        assert format_reference(reference) == text
    with pytest.raises(BadReference, match="reads a registry"):
        parse_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "docker:quay.io/app:1",
        "docker://",
        "docker://quay.io/App:1",
        "docker://quay.io/app:",
        "docker://quay.io/app:1@sha256:" + "0" * 64,
        "docker://quay.io/app@sha256:12",
        "docker://user:secret@quay.io/app:1",
        "docker://quay.io/app:1\nx",
        "docker://" + "a" * 5000,
    ],
)
def test_refuses_what_skopeo_would_refuse_of_a_registry(text: str) -> None:
    with pytest.raises(BadReference) as caught:
        parse_reference(text, registries=True)
    assert "docker://HOST/REPOSITORY" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_masks_credentials_in_what_it_says() -> None:
    with pytest.raises(BadReference) as caught:
        parse_reference("docker://user:se/cr@et@registry.example/app:1")
    assert "cr@et" not in str(caught.value)
    assert "se/" not in str(caught.value)
    assert "registry.example" in str(caught.value)


@pytest.mark.parametrize("raw", [b"/w/\xff\xfe.tar", b"/w/back\\slash", b"/w/\\x41", "/w/ümlaut €".encode()])
@pytest.mark.parametrize("transport", [b"", b"oci-archive:", b"dir:"])
def test_any_bytes_survive(raw: bytes, transport: bytes) -> None:
    argument = os.fsdecode(transport + raw)
    reference = parse_reference(argument)
    reference.model_dump_json()
    assert path_bytes(reference.path) == raw
    assert os.fsencode(format_reference(reference)) == transport + raw


@pytest.mark.skopeo
@pytest.mark.parametrize(
    "tag",
    ["app:1", "a/b:c@d", "A-b_c", "a--b", "a..b", "-a", "a-", "a b", "é", "@0", "a:@b", "a/", "latest", "a---b", "1"],
)
@pytest.mark.parametrize("transport", ["oci-archive", "oci", "docker-archive"])
def test_takes_and_refuses_the_names_that_skopeo_does(transport: str, tag: str, tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "absent")
    command = ["skopeo", "inspect", f"{transport}:{path}:{tag}"]
    said = subprocess.run(command, capture_output=True, check=False, text=True).stderr
    refused = "Invalid image" in said or "parsing reference" in said
    assert refused or "no such file" in said or "not found" in said, said
    if transport == "oci" and tag == "@0":
        refused = False  # containers/image takes this form since 5.34
    try:
        parse_reference(f"{transport}:{path}:{tag}")
    except BadReference:
        assert refused, said
    else:
        assert not refused, said


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("ns/app:1", "docker.io/ns/app:1"),
        ("localhost/app:1", "localhost/app:1"),
        ("reg:5000/a/b", "reg:5000/a/b:latest"),
        ("index.docker.io/x", "docker.io/library/x:latest"),
        ("0" * 64, None),
        ("a" * 600, None),
        ("a" + "-" * 300 + "!", None),
        ("UPPER", None),
    ],
)
def test_normalizes_docker_names(name: str, full: str | None) -> None:
    assert normalized_name(name) == full


def test_needs_no_linux_module() -> None:
    program = "import sys, probe.image.reference; print([m for m in ('fcntl','resource','ctypes') if m in sys.modules])"
    import sys

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
