"""Any text at all, and text with secrets in it: nothing raises, nothing leaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.evidence.command import CommandOutcome
from probe.skopeo.messages import parse_messages

WORDS = st.sampled_from(
    [
        'time="2026-11-21T16:51:42Z" level=fatal msg="',
        "level=error msg=",
        "FATA[0000] ",
        "Error: ",
        "\t* ",
        ": ",
        '"',
        '\\"',
        "\\xff",
        "\\ud800",
        "\n",
        "\r",
        "+ skopeo ",
        "open /x",
        "lstat ",
        "oci-archive:/a:b",
        "docker://h:1/x",
        "permission denied",
        "No space left on device",
        "payload does not match any of the supported image formats:\n",
        " * oci-archive: ",
        "1 error occurred:\n\t* ",
        "initializing source ",
        "pinging container registry ",
        "untarring file ",
        "cat: '/x': Permission denied",
        "2026-11-21T17:32:56.080579073Z ",
        "[push : step-push] ",
        "\x1b[31m",
        "\x00",
        "\ud800",
        "\udcff",
    ]
)


@given(
    st.one_of(
        st.text(), st.text(st.characters(categories=None)), st.lists(st.one_of(WORDS, st.text(max_size=5))).map("".join)
    )
)
def test_no_text_raises(text: str) -> None:
    outcome = parse_messages(text, source=text)
    assert CommandOutcome.model_validate_json(outcome.model_dump_json()) == outcome
    assert "\x1b" not in outcome.model_dump_json() and "\\u001b" not in outcome.model_dump_json()


CANARY = "hunter2-c4n4ry-0123456789abcdef"
PLACES = [
    "docker://robot:{}@quay.example/ns/app:1",
    "https://{}@quay.example/v2/",
    "https://quay.example/v2/a/blobs/uploads/u?_state={}&digest=sha256:ab",
    "https://s3.example/b?X-Amz-Signature={}",
    "Authorization: Bearer {}",
    "authorization=Basic {}",
    "bearer {}",
    "--creds robot:{}",
    "--dest-creds=robot:{}",
    "--src-registry-token {}",
    '--password "{}"',
    "podman login -u robot -p {} quay.example",
    "password={}",
    '{{"auths": {{"quay.example": {{"auth": "{}"}}}}}}',
    '"identitytoken": "{}"',
    "access_token={}",
    "AWS_SECRET_ACCESS_KEY_TOKEN={}",
    "robot:{}@quay.example/ns/app",
    "eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl",
]
FRAMES = [
    'time="2026-11-21T16:51:42Z" level=fatal msg="initializing destination {}: denied"',
    'time="2026-11-21T16:51:42Z" level=fatal msg="Error parsing image name \\"{}\\": open /x: permission denied"',
    "Error: writing blob: {}: permission denied",
    "Error: {}",
    "bash: line 1:  4751 Killed                  skopeo copy {}",
    "{}: open /x: permission denied",
]


@given(st.sampled_from(PLACES), st.sampled_from(FRAMES), st.text("abc /:-", max_size=8), st.text("abc /:-", max_size=8))
def test_secrets_never_enter_evidence(place: str, frame: str, before: str, after: str) -> None:
    secret = place.format(CANARY)
    if frame.startswith("time="):
        secret = secret.replace('"', '\\"')
    text = frame.replace("{}", f"{before} {secret} {after}")
    assert CANARY not in parse_messages(text, source=secret).model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        "docker://127.0.0.1:5000/t:plain",
        "quay.example/ns/app:tag@sha256:" + "a" * 64,
        "oci-archive:/w/image.tar:app@1",
        "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        'reading JSON file "/w/auth.json": open /w/auth.json: permission denied',
        "unable to retrieve auth token: invalid username/password: unauthorized",
        "open /run/secrets/kubernetes.io/serviceaccount/token: permission denied",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert [failure.text for failure in parse_messages(f"Error: {text}").failures] == [text]
