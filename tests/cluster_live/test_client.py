"""Questions to a real server over real connections: pages, failures, retries, bounds, and no token in any sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_live.conftest import Serve
from support import kubeapi
from support.kubeapi import NAMESPACE, TOKEN, Answer, Asked, Certificate, World, status

from probe.cluster import client
from probe.cluster.client import CLAIM, PIPELINE_RUN, POD, STORAGE_CLASS, Api
from probe.cluster.failures import ApiError, Failure
from probe.cluster.kubeconfig import NoAccessError, find_reach


def api_for(kubeconfig: Path | str, seconds: float = 10.0) -> Api:
    return Api(find_reach(str(kubeconfig)), NAMESPACE, seconds)


def pods(number: int) -> World:
    world = World()
    for one in range(number):
        labels = {"run": "a" if one % 2 else "b"}
        metadata = {"name": f"pod-{one}", "namespace": NAMESPACE, "labels": labels}
        world.add({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {}})
    world.logs["pod-1.step-x.log"] = b"".join(b"2026-11-21T17:35:19.%09dZ line %d\n" % (n, n) for n in range(5000))
    return world


def failure(ask: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask()
    assert TOKEN not in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


def first_times(number: int, answer: Answer) -> kubeapi.Fault:
    """Give this answer so many times, then the true one."""
    given: list[Asked] = []

    def fault(asked: Asked) -> Answer | None:
        given.append(asked)
        return answer if len(given) <= number else None

    return fault


def test_one_object_of_either_kind(serving: Serve) -> None:
    world = World()
    world.add({"kind": "PipelineRun", "metadata": {"name": "run", "namespace": NAMESPACE}, "spec": {}})
    world.add({"kind": "StorageClass", "metadata": {"name": "fast"}})
    api = api_for(serving(world).kubeconfig())
    assert api.get(PIPELINE_RUN, "run")["metadata"]["name"] == "run"
    assert api.get(STORAGE_CLASS, "fast")["kind"] == "StorageClass"
    assert world.asked[0].headers["User-Agent"].startswith("pod-probe/")


def test_a_list_comes_in_pages_and_says_its_kind(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 4)
    world = pods(10)
    api = api_for(serving(world).kubeconfig())
    listed = api.list(POD)
    assert [one["metadata"]["name"] for one in listed.items] == [f"pod-{n}" for n in range(10)]
    assert {(one["kind"], one["apiVersion"]) for one in listed.items} == {("Pod", "v1")} and not listed.cut
    assert len(world.asked) == 3
    assert len(api.list(POD, "run=a").items) == len(api.list(POD, "run!=a").items) == 5
    assert len(api.list(POD, fields="metadata.name=pod-3").items) == 1
    most = api.list(POD, most=6)
    assert (len(most.items), most.cut) == (6, True)


def test_a_list_that_expires_between_two_pages_is_asked_for_whole(
    serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 4)
    world = pods(10)
    world.expired_after = 1
    assert len(api_for(serving(world).kubeconfig()).list(POD, "run=a").items) == 5
    assert len(api_for(serving(world).kubeconfig()).list(POD).items) == 10
    assert [asked.query for asked in world.asked[-3:]] == [{"limit": "4"}, {"limit": "4", "continue": "4"}, {}]


def test_a_log_is_bounded_by_the_server_and_here(serving: Serve) -> None:
    world = pods(2)
    api = api_for(serving(world).kubeconfig())
    log = api.log("pod-1", "step-x", 1000)
    assert (len(log.text), log.cut) == (1000, True)
    assert world.asked[-1].query["limitBytes"] == "1000" and world.asked[-1].query["timestamps"] == "true"
    tail = api.log("pod-1", "step-x", 1000, tail=2)
    assert (tail.text.splitlines()[-1][-9:], tail.cut) == ("line 4999", False)
    world.fault = lambda _: Answer(body=b"x" * 100_000, kind="text/plain")
    log = api.log("pod-1", "step-x", 1000)
    assert (len(log.text), log.cut) == (1000, True), "a server that does not know limitBytes"


@pytest.mark.parametrize(
    "answer",
    [
        status(500, "etcdserver: leader changed"),
        status(503, "the server is shutting down"),
        status(429, "slow down", **{"Retry-After": "0"}),
        Answer(cut=0),
        Answer(body=b'{"kind": "Pod"' * 50, cut=20),
        Answer(502, b"<html>Bad Gateway</html>", "text/html"),
    ],
    ids=["500", "503", "429", "drop before the answer", "drop in the answer", "502 of a proxy"],
)
def test_what_passes_is_asked_again(answer: Answer, serving: Serve) -> None:
    world = pods(2)
    world.fault = first_times(2, answer)
    assert len(api_for(serving(world).kubeconfig()).list(POD).items) == 2
    assert len(world.asked) == 3


def test_a_pause_that_the_server_asks_for_is_kept_unless_there_is_no_time_left(serving: Serve) -> None:
    world = pods(2)
    server = serving(world)
    world.fault = first_times(1, status(429, "slow down", **{"Retry-After": "1"}))
    begun = time.monotonic()
    assert len(api_for(server.kubeconfig()).list(POD).items) == 2
    assert time.monotonic() - begun >= 1.0
    world.fault = lambda _: status(429, "slow down", **{"Retry-After": "9"})
    begun = time.monotonic()
    error = failure(lambda: api_for(server.kubeconfig(), 2.0).list(POD))
    assert time.monotonic() - begun < 1.5
    assert error.failure is Failure.BROKEN and "too many requests (429): slow down" in str(error)


def test_what_does_not_pass_is_not_asked_again(serving: Serve) -> None:
    world = pods(1)
    world.rights = set()
    api = api_for(serving(world).kubeconfig())
    error = failure(lambda: api.list(POD))
    assert (error.failure, len(world.asked)) == (Failure.FORBIDDEN, 1)
    assert 'forbidden (403): pods is forbidden: User "me" cannot list' in str(error)
    world.rights = None
    assert failure(lambda: api.get(CLAIM, "none")).failure is Failure.ABSENT
    world.fault = lambda _: Answer(404, b"404 page not found\n", "text/plain")
    assert failure(lambda: api.get(PIPELINE_RUN, "run")).failure is Failure.NOT_SERVED
    world.fault = lambda _: status(400, "container is waiting to start")
    assert failure(lambda: api.log("pod-0", "c", 10)).failure is Failure.REFUSED


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(body=b"<html>log in</html>", kind="text/html"), "another kind of document"),
        (Answer(body=b"[" * 100_000), "another kind of document"),
        (Answer(body=b'{"kind": "Status", "status": "Success"}'), "another kind of document"),
        (Answer(302, headers={"Location": "https://sso.example.com"}), "sends us elsewhere (302)"),
        (status(418, f"I am a teapot, {TOKEN}\nand \x1b[2J so on"), "refused (418): I am a teapot, ***"),
        (Answer(500, b"\xff\xfe" * 100), "an error of the server (500)"),
    ],
    ids=["a login page", "deep JSON", "another kind", "a redirect", "our own token", "no text"],
)
def test_an_answer_that_is_none(answer: Answer, told: str, serving: Serve) -> None:
    world = pods(1)
    world.fault = lambda _: answer
    assert told in str(failure(lambda: api_for(serving(world).kubeconfig()).get(POD, "pod-0")))


def test_a_list_that_is_none(serving: Serve) -> None:
    world = pods(1)
    world.fault = lambda _: Answer(body=b'{"kind": "PodList", "items": {"a": 1}}')
    assert "what is no list" in str(failure(lambda: api_for(serving(world).kubeconfig()).list(POD)))
    world.fault = lambda _: Answer(body=b'{"kind": "PodList", "items": null, "metadata": {"continue": "1"}}')
    assert api_for(serving(world).kubeconfig()).list(POD).items == []


def test_an_answer_that_never_ends_is_left(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER", 100_000)
    world = pods(1)
    world.fault = lambda _: Answer(body=b" " * 1_000_000)
    assert "answered with more than" in str(failure(lambda: api_for(serving(world).kubeconfig()).list(POD)))


@pytest.mark.parametrize("trickle", [0.05, 30.0], ids=["a byte now and then", "nothing"])
def test_a_slow_server_does_not_outlast_the_deadline(trickle: float, serving: Serve) -> None:
    world = pods(1)
    world.fault = lambda _: Answer(body=b" " * 1000, trickle=trickle)
    begun = time.monotonic()
    error = failure(lambda: api_for(serving(world).kubeconfig(), 0.6).list(POD))
    assert time.monotonic() - begun < 2.0
    assert error.failure is Failure.TIMEOUT and "did not answer within 0.6 s" in str(error)


def test_a_token_that_is_not_accepted(serving: Serve) -> None:
    wrong = "sha256~another-canary-0123456789"
    path = serving(pods(1)).kubeconfig(user={"token": wrong})
    error = failure(lambda: api_for(path).list(POD))
    assert error.failure is Failure.UNAUTHORIZED and wrong not in str(error)
    assert str(error).endswith(
        f"does not accept the credentials (401), which are those of context lab of {path}: "
        "log in again (oc login), or choose another --context"
    )


def test_a_token_that_no_header_can_carry(serving: Serve) -> None:
    for token in (f"{TOKEN}\n", f"{TOKEN}\r\nX: y", "käse"):
        error = failure(lambda token=token: api_for(serving(pods(1)).kubeconfig(user={"token": token})).list(POD))
        assert error.failure is Failure.UNAUTHORIZED


def test_nobody_listens(serving: Serve) -> None:
    path = serving(pods(1)).kubeconfig(server="https://user:secret@127.0.0.1:9")
    error = failure(lambda: api_for(path).list(POD))
    assert error.failure is Failure.UNREACHABLE and "secret" not in str(error)
    assert "https://***@127.0.0.1:9 (context lab of " in str(error)
    assert "cannot be reached: connection refused: is the cluster up, and its VPN or proxy?" in str(error)


def test_a_name_that_is_not_known(serving: Serve) -> None:
    path = serving(pods(1)).kubeconfig(server="https://api.cluster.invalid:6443")
    assert "its name is not known" in str(failure(lambda: api_for(path).list(POD)))


def test_a_certificate_of_somebody_else(serving: Serve) -> None:
    server = serving(pods(1))
    path = server.kubeconfig(cluster={"certificate-authority": None})
    told = str(failure(lambda: api_for(path).list(POD)))
    assert "its certificate is not accepted (self-signed certificate)" in told
    assert "check certificate-authority" in told
    path = server.kubeconfig(server=server.url.replace("127.0.0.1", "localhost"))
    assert "its certificate is not accepted (Hostname mismatch" in str(failure(lambda: api_for(path).list(POD)))


def test_http_where_https_is_and_the_other_way_round(serving: Serve) -> None:
    secure, plain = serving(pods(1)), serving(pods(1), plain=True)
    path = plain.kubeconfig(server=plain.url.replace("http:", "https:"))
    assert "no TLS connection (" in str(failure(lambda: api_for(path).list(POD)))
    path = secure.kubeconfig(server=secure.url.replace("https:", "http:"))
    assert failure(lambda: api_for(path).list(POD)).failure is Failure.BROKEN


def test_what_the_kubeconfig_names_and_cannot_be_used(serving: Serve, certificate: Certificate) -> None:
    server = serving(pods(1))
    for cluster, told in (
        ({"certificate-authority": "missing.pem"}, "missing.pem: No such file or directory"),
        ({"certificate-authority": str(certificate.key)}, "a certificate or key there cannot be used"),
        ({"certificate-authority": None, "certificate-authority-data": "%%%"}, "cannot be used"),
        ({"proxy-url": "gopher://x"}, "cannot be used"),
        ({"server": "https://[::1"}, "cannot be used"),
    ):
        path = server.kubeconfig(cluster=cluster)
        with pytest.raises(NoAccessError) as caught:
            api_for(path)
        assert told in str(caught.value) and str(path) in str(caught.value)
    path = server.kubeconfig(server="127.0.0.1:6443")
    assert "is not the URL of a server" in str(failure(lambda: api_for(path).list(POD)))


def test_a_client_certificate(serving: Serve, certificate: Certificate) -> None:
    """It reaches the server, which asks for a token all the same."""
    user = {"client-certificate": str(certificate.chain), "client-key": str(certificate.key), "token": TOKEN}
    assert len(api_for(serving(pods(1)).kubeconfig(user=user)).list(POD).items) == 1


PLUGIN = """#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" > "$0.told"
echo '{"apiVersion": "%s", "kind": "ExecCredential", "status": {"token": "%s"}}'
"""


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_credential_plugin(version: str, serving: Serve, tmp_path: Path) -> None:
    plugin, api_version = tmp_path / "login", f"client.authentication.k8s.io/{version}"
    plugin.write_text(PLUGIN % (api_version, TOKEN))
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": api_version, "command": "./login", "interactiveMode": "Never"}}
    assert len(api_for(serving(pods(1)).kubeconfig(user=user)).list(POD).items) == 1
    assert api_version in (tmp_path / "login.told").read_text()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "login: No such file or directory"),
        ("#!/bin/sh\necho sha256~secret >&2; exit 3\n", "returned 3"),
        ("#!/bin/sh\necho nonsense\n", "no credentials could be had"),
        ("#!/bin/sh\necho '{\"status\": {}}'\n", "no credentials could be had"),
    ],
)
def test_a_credential_plugin_that_fails(script: str | None, told: str, serving: Serve, tmp_path: Path) -> None:
    if script is not None:
        (tmp_path / "login").write_text(script)
        (tmp_path / "login").chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(tmp_path / "login")}}
    error = failure(lambda: api_for(serving(pods(1)).kubeconfig(user=user)).list(POD))
    assert error.failure is Failure.UNAUTHORIZED and told in str(error) and "secret" not in str(error)


def test_a_token_file_is_read_again_when_the_token_was_replaced(serving: Serve, tmp_path: Path) -> None:
    world, token = pods(1), tmp_path / "token"
    token.write_text(TOKEN + "\n")
    api = api_for(serving(world).kubeconfig(user={"tokenFile": "token"}))
    assert len(api.list(POD).items) == 1
    token.write_text("old")
    other = api_for(serving(world).kubeconfig(user={"tokenFile": "token"}))
    assert failure(lambda: other.list(POD)).failure is Failure.UNAUTHORIZED
    token.write_text(TOKEN)
    assert len(other.list(POD).items) == 1
