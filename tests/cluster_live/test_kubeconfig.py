"""Which server, as whom: the order of kubectl, several files, and a sentence for all that is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from probe.cluster import kubeconfig
from probe.cluster.kubeconfig import NoAccessError, find_reach

SECRET = "sha256~canary-in-a-kubeconfig"


def config(server: str = "https://one:6443", **changes: Any) -> dict[str, Any]:
    return {
        "current-context": "dev",
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": SECRET}}],
        **changes,
    }


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write_it(document: Any, name: str = "config") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
        return str(path)

    return write_it


def test_the_file_that_is_named(write: Any) -> None:
    path = write(config())
    reach = find_reach(path)
    assert (reach.config.cluster.server, reach.namespace) == ("https://one:6443", "team")
    assert reach.where == f"context dev of {path}"


def test_without_a_namespace_it_is_default(write: Any) -> None:
    contexts = [{"name": "dev", "context": {"cluster": "c", "user": "u"}}]
    assert find_reach(write(config(contexts=contexts))).namespace == "default"


def test_the_environment_goes_before_the_home_directory(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config("https://home:6443"), "home/.kube/config")
    assert find_reach().config.cluster.server == "https://home:6443"
    monkeypatch.setenv("KUBECONFIG", write(config("https://environment:6443")))
    assert find_reach().config.cluster.server == "https://environment:6443"


def test_of_several_files_the_first_that_names_a_thing_counts(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write({"contexts": [{"name": "dev", "context": {"cluster": "other", "user": "u"}}]}, "first")
    extra = {"name": "other", "cluster": {"server": "https://other:6443", "certificate-authority": "ca.pem"}}
    second = write(config(clusters=[extra]), "folder/second")
    write("", "folder/ca.pem")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([first, "/nonexistent/kubeconfig", second]))
    reach = find_reach()
    assert reach.config.cluster.server == "https://other:6443"
    assert reach.config.cluster.certificate_auth == str(Path(second).parent / "ca.pem"), "relative to its own file"
    assert reach.where == f"context dev of {first}, {second}"


def test_another_context_and_its_proxy(write: Any) -> None:
    more = config()
    more["contexts"].append({"name": "prod", "context": {"cluster": "p", "user": "u"}})
    more["clusters"].append({"name": "p", "cluster": {"server": "https://prod", "proxy-url": "http://proxy:3128"}})
    reach = find_reach(write(more), "prod")
    assert (reach.config.cluster.server, reach.proxy) == ("https://prod", "http://proxy:3128")


def test_the_service_account_where_there_is_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("token", SECRET + "\n"), ("namespace", "team-a\n"), ("ca.crt", "")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    reach = find_reach()
    assert reach.config.cluster.server == "https://[fd00::1]:443"
    assert (reach.namespace, reach.where) == ("team-a", "the service account of this pod")
    assert reach.config.user is not None and reach.config.user.token_file == str(tmp_path / "token")


def test_a_kubeconfig_goes_before_the_service_account(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config("https://home:6443"), "home/.kube/config")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert find_reach().config.cluster.server == "https://home:6443"


def test_a_plugin_of_v1_is_told_what_it_wants_to_know(write: Any) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "bin/login", "args": ["-x"]}
    path = write(config(users=[{"name": "u", "user": {"exec": plugin}}]))
    user = find_reach(path).config.user
    assert user is not None and user.exec is not None
    assert user.exec.command == str(Path(path).parent / "bin/login")
    assert user.exec.env is not None and user.exec.env[-1].name == "KUBERNETES_EXEC_INFO"
    assert '"client.authentication.k8s.io/v1"' in user.exec.env[-1].value


WRONG: dict[str, tuple[Any, str]] = {
    "not YAML": (f"users: [{{token: {SECRET}\n  x: ]]", "not YAML"),
    "a list": ("- 1", "not a kubeconfig"),
    "nothing": ("", "not a kubeconfig"),
    "no current context": (config(**{"current-context": ""}), "choose one with --context: dev"),
    "a context that is not there": (config(**{"current-context": "gone"}), "no context 'gone'; there are: dev"),
    "a cluster that is not there": (config(clusters=[]), "the cluster 'c', which has no server there"),
    "a user that is not there": (config(users=[]), "the user 'u', which is not there"),
    "a token that is a number": (config(users=[{"name": "u", "user": {"token": 5}}]), "Expected `str"),
    "entries that are none": (config(contexts=["dev", 5, {"name": 1}]), "no context 'dev'; there are: none"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_a_sentence_without_the_token(case: str, write: Any) -> None:
    document, told = WRONG[case]
    with pytest.raises(NoAccessError) as caught:
        find_reach(write(document))
    assert told in str(caught.value)
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


def test_no_kubeconfig_says_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoAccessError, match=r"there is none at .*/home/\.kube/config, the service account of a pod"):
        find_reach()
    with pytest.raises(NoAccessError, match=r"there is none at /nonexistent\. Log in \(oc login\)"):
        find_reach("/nonexistent")
    with pytest.raises(NoAccessError, match="Is a directory"):
        find_reach(str(tmp_path))
