"""Command lines and scripts are read for the images that they name; what is not sure gives no reference."""

from __future__ import annotations

import pytest

from probe.evidence.invocation import Invocation
from probe.image.reference import BadReference, parse_reference
from probe.skopeo.invocation import invocations_of, invocations_of_words
from probe.skopeo.invocation.reference import local_reference

A = "oci-archive:/w/oci/image.tar"
Q = "docker://quay.lab:5002/org/model:p20"
DIGEST = "sha256:" + "ab" * 32


def named(invocation: Invocation) -> str:
    """`program verb: what it reads > what it makes`."""
    reads = [f"{one.transport}:{one.path}" + (f":{one.tag}" if one.tag else "") for one in invocation.reads]
    makes = [f"{one.transport}:{one.path}" + (f":{one.tag}" if one.tag else "") for one in invocation.makes]
    return " ".join([invocation.program, invocation.verb, *reads, ">", *makes]).replace("  ", " ")


def found(text: str, **around: str) -> list[str]:
    return [named(one) for one in invocations_of(text, **around)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"skopeo copy {A} {Q}", f"skopeo copy {A} > {Q}"),
        (f"skopeo copy --dest-creds user:pass -q {A}:app {Q}", f"skopeo copy {A}:app > {Q}"),
        (f"skopeo copy {A} {Q}  (6 attempts)", f"skopeo copy {A} > {Q}"),
        (f"+ skopeo copy {A} {Q}", f"skopeo copy {A} > {Q}"),
        ("skopeo copy docker://h/r docker://h:1/r/s", "skopeo copy docker://h/r > docker://h:1/r/s"),
        (f"skopeo inspect docker://h/r:t@{DIGEST}", f"skopeo inspect docker://h/r:t@{DIGEST} >"),
        ("skopeo sync --src dir --dest docker /w/images quay.io/t", "skopeo sync path:/w/images > docker://quay.io/t"),
        ("skopeo delete docker://h/r:t", "skopeo delete > docker://h/r:t"),
        ("buildah bud -t app -f Dockerfile .", "buildah bud >"),
        ("buildah push app oci-archive:/w/i.tar:app", "buildah push > oci-archive:/w/i.tar:app"),
        ("buildah push quay.io/t/app:1", "buildah push > docker://quay.io/t/app:1"),
        ("buildah push app", "buildah push >"),
        ("podman pull quay.io/t/app", "podman pull docker://quay.io/t/app >"),
        ("podman save --format oci-archive -o /w/i.tar app", "podman save > path:/w/i.tar"),
        ("podman load -i /w/i.tar", "podman load path:/w/i.tar >"),
        (
            "/kaniko/executor --context dir:///w --tar-path=/w/i.tar --no-push --destination q.io/a:1",
            "kaniko > docker-archive:/w/i.tar",
        ),
        ("executor --oci-layout-path /w/oci --destination q.io/a:1", "kaniko > oci:/w/oci docker://q.io/a:1"),
        ("crane push /w/i.tar q.io/a:1", "crane push path:/w/i.tar > docker://q.io/a:1"),
        ("crane pull --format oci q.io/a:1 /w/oci", "crane pull docker://q.io/a:1 > oci:/w/oci"),
        (
            "oras copy --from-oci-layout /w/oci:latest q.io/a:1",
            "oras copy oci:/w/oci:latest > docker://q.io/a:1",
        ),
        ("tar -cf /w/i.tar -C /l .", "tar > path:/w/i.tar"),
        ("tar xvf /w/i.tar", "tar path:/w/i.tar >"),
        ("tar --create --file=/w/i.tar .", "tar > path:/w/i.tar"),
        ("cp /tmp/i.tar /w/oci/", "cp path:/tmp/i.tar > path:/w/oci/i.tar"),
        ("mv -f /w/.i.tmp /w/i.tar", "mv path:/w/.i.tmp > path:/w/i.tar"),
        ("dd if=/dev/zero of=/w/i.tar bs=1M", "dd path:/dev/zero > path:/w/i.tar"),
        ("gzip -dc x > /w/i.tar", "gzip > path:/w/i.tar"),
        (f"timeout 60 env A=b nice skopeo inspect {A}", f"skopeo inspect {A} >"),
        (f"if ! skopeo inspect {A} >/dev/null 2>&1; then", f"skopeo inspect {A} >"),
        (f"D=$(skopeo inspect --format '{{{{.Digest}}}}' {A})", f"skopeo inspect {A} >"),
    ],
)
def test_a_line(line: str, expected: str) -> None:
    assert found(line) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "skopeo exit code: 1",
        "skopeo inspect exit code: $?",
        "skopeo inspect oci-archive",
        "skopeo --help",
        "image.tar is readable after 0 failed attempts, size now 61865984",
        "lrwxrwxrwx 1 root root 9 Nov 21 17:32 latest.tar -> /w/image.tar",
        f"echo skopeo copy {A} {Q}",
        f'h "skopeo copy {A} {Q}"; ts',
        f"# skopeo copy {A} {Q}",
        f"kubectl exec pod -- skopeo copy {A} {Q}",
        "cp a b",
        "echo x > /tmp/out",
        "tar -cf - . | cat",
    ],
)
def test_what_is_no_command_about_an_image(line: str) -> None:
    assert found(line) == []


@pytest.mark.parametrize(
    ("script", "expected", "hidden"),
    [
        (f"IMG={A}\nskopeo inspect $IMG", A, ()),
        ('D=/w/oci; export IMG="oci-archive:$D/image.tar"\nskopeo inspect "${IMG}"', A, ()),
        (f"push() {{ skopeo inspect $IMG; }}\nIMG={A}\npush", A, ()),
        (f"main() {{ local img={A}; skopeo inspect $img; }}; main", A, ()),
        (f"skopeo inspect ${{IMG:-oci:/x}}\nIMG={A}", None, ("${IMG:-oci:/x}",)),
        (f"IMG={A}; IMG=oci:/x; skopeo inspect $IMG", None, ("$IMG",)),
        (f"if [ $a ]; then IMG={A}; fi; skopeo inspect $IMG", None, ("$IMG",)),
        (f"[ $a ] && IMG={A}; skopeo inspect $IMG", None, ("$IMG",)),
        (f"IMG={A}; read -r IMG; skopeo inspect $IMG", None, ("$IMG",)),
        (f"for IMG in {A}; do skopeo inspect $IMG; done", None, ("$IMG",)),
        (f"IMG={A}; IMG+=x; skopeo inspect $IMG", None, ("$IMG",)),
        (f"IMG={A} skopeo inspect $IMG", None, ("$IMG",)),
        ("skopeo inspect oci-archive:$(pwd)/image.tar", None, ("oci-archive:$(pwd)/image.tar",)),
        ("skopeo inspect oci-archive:$(params.dir)/i.tar", None, ("oci-archive:$(params.dir)/i.tar",)),
        ("skopeo inspect oci-archive:/w/*.tar", None, ("oci-archive:/w/*.tar",)),
        ("skopeo inspect oci-archive:/w/{a,b}.tar", None, ("oci-archive:/w/{a,b}.tar",)),
        (f"skopeo inspect '{A}", None, ("'...",)),
    ],
)
def test_a_variable_counts_only_with_one_certain_value(
    script: str, expected: str | None, hidden: tuple[str, ...]
) -> None:
    (one,) = invocations_of(script)
    assert [f"{read.transport}:{read.path}" for read in one.reads] == ([expected] if expected else [])
    assert one.unknown == hidden


def test_the_environment_gives_values_that_are_not_shown() -> None:
    (one,) = invocations_of("skopeo inspect $IMG", known={"IMG": A, "SECRET": "hunter2"})
    assert named(one) == f"skopeo inspect {A} >"
    assert one.text == "skopeo inspect $IMG"


def test_of_several_words_that_may_be_hidden_only_certain_places_count() -> None:
    assert found(f"skopeo copy $OPTIONS {A} {Q}") == [f"skopeo copy {A} > {Q}"]
    assert found(f"skopeo $GLOBAL copy {A} {Q}") == [f"skopeo copy {A} > {Q}"]
    assert found(f"skopeo copy {A} {Q} $MORE") == [f"skopeo copy {A} > {Q}"]
    assert found(f"skopeo copy {A} docker://$REGISTRY/a") == [f"skopeo copy {A} >"]


def test_a_script_is_read_with_its_lines() -> None:
    script = f"""#!/bin/bash
set -eu
cat > /tmp/x.py <<'PY'
skopeo copy oci:/not dir:/this
PY
case "$1" in
  a) skopeo copy \\
       --authfile /w/auth.json \\
       {A} "{Q}" ;;
  *) exit 1 ;;
esac
bash -ec '
  podman load -i /w/i.tar'
"""
    assert [(one.line, one.program) for one in invocations_of(script)] == [(7, "skopeo"), (13, "podman")]
    assert invocations_of(script, line=100)[0].line == 106
    (auth,) = invocations_of(script)[0].files
    assert (auth.option, auth.path) == ("--authfile", "/w/auth.json")


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("skopeo inspect oci-archive:image.tar", "/d/image.tar"),
        ("cd /w; skopeo inspect oci-archive:image.tar", "/w/image.tar"),
        ("mkdir -p oci && cd oci; skopeo inspect oci-archive:image.tar", "/d/oci/image.tar"),
        ("cd $X; skopeo inspect oci-archive:image.tar", "image.tar"),
        ("[ -d /w ] && cd /w; skopeo inspect oci-archive:image.tar", "image.tar"),
        ("(cd /w); skopeo inspect oci-archive:image.tar", "image.tar"),
        ("pushd /w; skopeo inspect oci-archive:image.tar", "image.tar"),
        ("p() { skopeo inspect oci-archive:image.tar; }; cd /w; p", "image.tar"),
    ],
)
def test_a_relative_path_is_made_absolute_where_the_directory_is_known(script: str, path: str) -> None:
    (one,) = invocations_of(script, directory="/d")
    assert one.reads[0].path == path


def test_an_argument_list_is_no_script() -> None:
    (one,) = invocations_of_words(["skopeo", "copy", A, "oci:/w/$x"])
    assert named(one) == f"skopeo copy {A} > oci:/w/$x"
    (inner,) = invocations_of_words(["sh", "-c", "skopeo inspect $IMG"], known={"IMG": A})
    assert named(inner) == f"skopeo inspect {A} >"


@pytest.mark.parametrize(
    "text",
    [
        *("oci-archive:/w/i.tar", "oci-archive:/w/i.tar:app", "oci-archive:/w/i.tar:", "oci:/w/l:a/b:1", "oci:l:@0"),
        *("dir:/w/a:b", "dir:.", "docker-archive:/w/a.tar:app:1", "docker-archive:/w/a.tar:", "docker-archive:x"),
        *("oci-archive:", "oci-archive::tag", "oci:/a:b c", "oci:/a\0b", "dir:/" + "x" * 5_000, "oci:/\udcff\\"),
    ],
)
def test_a_reference_is_read_as_everywhere(text: str) -> None:
    try:
        expected = parse_reference(text)
    except BadReference:
        expected = None
    assert local_reference(text) == expected


def test_what_repeats_counts_once() -> None:
    assert len(invocations_of(f"skopeo inspect {A}\n" * 50)) == 1
    assert len(invocations_of("".join(f"skopeo inspect oci:/w/{n}\n" for n in range(500)))) == 64


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"skopeo copy --dest-creds user:hunter2 {A} {Q}", f"skopeo copy --dest-creds *** {A} {Q}"),
        (f"skopeo copy --src-password=hunter2 {A} {Q}", f"skopeo copy --src-password=*** {A} {Q}"),
        ("buildah bud --build-arg KEY=hunter2 -t a .", "buildah bud --build-arg *** -t a ."),
        ("podman login -u me -p hunter2 --authfile /w/a.json q.io", None),
        ("skopeo inspect docker://me:hunter2@q.io/a:1", "skopeo inspect docker://***@q.io/a:1"),
        ("skopeo inspect --anything hunter2 oci:/w", "skopeo inspect --anything *** oci:/w"),
    ],
)
def test_secrets_are_not_kept(line: str, text: str | None) -> None:
    (one,) = invocations_of(line)
    assert "hunter2" not in one.model_dump_json()
    assert text is None or one.text == text


def test_what_a_script_sets_for_the_tools_is_a_file() -> None:
    script = f"export REGISTRY_AUTH_FILE=/w/auth.json\nTMPDIR=/w/tmp skopeo copy {A} {Q}"
    (one,) = invocations_of(script)
    assert {(file.option, file.path) for file in one.files} == {
        ("REGISTRY_AUTH_FILE", "/w/auth.json"),
        ("TMPDIR", "/w/tmp"),
    }
    (one,) = invocations_of(f"skopeo copy {A} {Q}", known={"REGISTRY_AUTH_FILE": "/secret"})
    assert one.files == ()


def test_other_programs_count_where_they_concern_an_image() -> None:
    script = f"""
umask 077
mkdir -p /w/oci /tmp
python3 /tmp/slow.py /w/oci/image.tar 11
ls -la /w/oci/image.tar
chmod 0700 /w/oci
chown 0 /etc
skopeo inspect {A}"""
    told = [
        (one.program, one.verb, [file.path for file in one.files])
        for one in invocations_of(script, mentions=True)
        if one.program != "skopeo"
    ]
    assert told == [
        ("umask", "077", []),
        ("mkdir", "", ["/w/oci", "/tmp"]),
        ("python3", "", ["/tmp/slow.py", "/w/oci/image.tar"]),
        ("chmod", "0700", ["/w/oci"]),
    ]
    assert [one.program for one in invocations_of(script)] == ["skopeo"]
