"""An image in a registry: what is fetched, how long it may take, and what is kept of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.images import ImageFactory, Layout, layer_tar
from support.registry import PASSWORD, USER, LocalRegistry, local_registry

from probe.collect.gather import Plan, gather
from probe.evidence.image import BlobState, Container
from probe.evidence.observation import NotSeen, Reason, Seen
from probe.evidence.report import Report
from probe.image.reference import parse_reference
from probe.skopeo.registry import Registry

pytestmark = pytest.mark.skopeo


@pytest.fixture(scope="module")
def registry() -> Iterator[LocalRegistry]:
    with local_registry() as found:
        yield found


def look(reference: str, **plan: object) -> Report:
    given = {"tls_verify": False, **plan}
    return gather(parse_reference(reference, registries=True), Plan(**given))  # type: ignore[arg-type]


def test_the_digests_are_those_of_the_archive(registry: LocalRegistry, image_factory: ImageFactory) -> None:
    built = image_factory("oci-archive")
    reference = registry.push(built.reference, "org/app:1")
    report = look(reference)
    here = gather(parse_reference(built.reference), Plan(gap=0.0, skopeo="never"))
    assert isinstance(report.image, Seen) and isinstance(here.image, Seen)
    facts, image, local = report.image.value, report.image.value.selected, here.image.value.selected
    assert image is not None and local is not None
    assert facts.found is Container.REGISTRY
    assert not facts.problems
    assert (image.manifest_digest, image.diff_ids) == (local.manifest_digest, local.diff_ids)
    assert image.names == ("1",)
    assert {layer.state for layer in image.layers} == {BlobState.UNCHECKED}, "layers stay where they are"
    assert image.config is not None and image.config.state is BlobState.VERIFIED
    assert isinstance(report.skopeo, Seen) and report.skopeo.value.manifest_digest == image.manifest_digest
    assert isinstance(report.chain, NotSeen) and report.attempts == ()
    again = look(f"{reference.rpartition(':')[0]}@{image.manifest_digest}")
    assert isinstance(again.image, Seen) and again.image.value.selected is not None
    assert again.image.value.selected.diff_ids == image.diff_ids


def test_of_an_index_the_instance_for_this_machine(registry: LocalRegistry, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    one = {**layout.image([layer_tar(0)]), "platform": {"os": "linux", "architecture": "amd64"}}
    other = layout.image([layer_tar(1)], platform=("linux", "s390x"))
    other = {**other, "platform": {"os": "linux", "architecture": "s390x"}}
    directory = layout.write(("all", layout.index([other, one])))
    report = look(registry.push(f"oci:{directory}:all", "org/many:1", "--all"))
    assert isinstance(report.image, Seen)
    image = report.image.value.selected
    assert image is not None and image.index is not None and image.manifest is not None
    here = gather(parse_reference(f"oci:{directory}:all"), Plan(gap=0.0, skopeo="never")).image
    assert isinstance(here, Seen) and here.value.selected is not None
    assert image.diff_ids == here.value.selected.diff_ids
    assert image.manifest_digest == image.index.digest != image.manifest.digest


def test_nothing_of_that_name(registry: LocalRegistry) -> None:
    report = look(registry.name("org/none:1"))
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.ABSENT
    assert report.command is not None and report.command.exit_status == 1


def test_a_registry_that_wants_a_login(
    image_factory: ImageFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """skopeo's own login is used, wherever it keeps it; nothing of it gets into the report."""
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    with local_registry(login=True) as locked:
        reference = locked.push(image_factory("oci-archive").reference, "org/app:1")
        refused = look(reference)
        assert isinstance(refused.image, NotSeen) and refused.image.reason is Reason.DENIED
        secret = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {locked.host: {"auth": secret}}}))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
        report = look(reference)
    assert isinstance(report.image, Seen)
    for text in (refused.model_dump_json(), report.model_dump_json()):
        assert PASSWORD not in text and secret not in text and "auth.json" not in text


def test_nobody_listens() -> None:
    report = look("docker://127.0.0.1:9/org/app:1")
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.FAILED
    assert report.command is not None and report.command.failures[0].kind == "registry-unreachable"


def test_plain_http_only_when_told(registry: LocalRegistry, image_factory: ImageFactory) -> None:
    reference = registry.push(image_factory("oci-archive").reference, "org/tls:1")
    assert isinstance(look(reference, tls_verify=True).image, NotSeen)


def test_who_never_answers_is_not_waited_for() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        report = look(f"docker://127.0.0.1:{silent.getsockname()[1]}/org/app:1", deadline=1.0)
        assert time.monotonic() - began < 4
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.TIMEOUT


def test_an_endless_answer_is_cut() -> None:
    with socket.socket() as flooding:
        flooding.bind(("127.0.0.1", 0))
        flooding.listen()

        def flood() -> None:
            while True:
                try:
                    client, _ = flooding.accept()
                    client.recv(4096)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                    for _ in range(4096):
                        client.sendall(b" " * 65536)
                except OSError:
                    return

        threading.Thread(target=flood, daemon=True).start()
        report = look(f"docker://127.0.0.1:{flooding.getsockname()[1]}/org/app:1", deadline=1.5)
    assert isinstance(report.image, NotSeen)


def test_without_skopeo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    report = look("docker://127.0.0.1:9/org/app:1")
    assert isinstance(report.image, NotSeen) and report.image.reason is Reason.ABSENT
    assert "not installed" in report.image.message


def test_of_our_environment_only_names_of_files_and_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "skopeo"
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/env\necho skopeo version 1.9.3\n")
    script.chmod(0o755)
    monkeypatch.setenv("MY_TOKEN", "hush")
    monkeypatch.setenv("HOME", "/proc/1/root/none")
    Registry("//127.0.0.1:9/x", None, time.monotonic() + 5, binary=str(script)).version()
    said = (tmp_path / "env").read_text()
    assert "hush" not in said and "HOME=/\n" in said
