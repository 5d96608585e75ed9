"""Which API server, as whom: from a kubeconfig, or from the service account of the pod that this runs in.

The order is kubectl's: `--kubeconfig`, $KUBECONFIG (several files: the first that names a thing counts),
~/.kube/config, the service account. lightkube alone looks for the service account first, takes $KUBECONFIG for one
file, and knows neither `proxy-url` nor credential plugins of client.authentication.k8s.io/v1.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig
    from lightkube.config.models import User

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_DEFAULT = "~/.kube/config"
_MOST_BYTES = 16 << 20
_MOST_NAMES = 5
_FILES = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}
"""The sections of a kubeconfig, and which of their fields name a file, relative to the kubeconfig's own directory."""
_PLUGIN_V1 = "client.authentication.k8s.io/v1"


class NoAccessError(Exception):
    """There is no way to an API server, or none as asked for. The text says what was tried and what to do."""


@dataclass(frozen=True)
class Reach:
    """One API server, and the identity to speak to it with. Never printed: it holds the credentials."""

    config: SingleConfig
    where: str
    """For people: `context dev of /home/me/.kube/config`."""
    namespace: str
    """What the context says, or `default`."""
    proxy: str | None = None


@dataclass
class _Merged:
    """The entries of several kubeconfig files by name, each with the first file that has it."""

    entries: dict[str, dict[str, dict[str, Any]]]
    current: str | None
    where: str


def find_reach(kubeconfig: str | None = None, context: str | None = None) -> Reach:
    """The API server to ask. Raises NoAccessError; reads files and the environment, opens no connection."""
    explicit = kubeconfig is not None
    if explicit:
        paths = [str(kubeconfig)]
    else:
        listed = os.environ.get("KUBECONFIG", "")
        paths = [path for path in listed.split(os.pathsep) if path] or [os.path.expanduser(_DEFAULT)]
    present = [path for path in paths if os.path.exists(path)]
    if present:
        return _reach(_merge(present), context)
    if not explicit and context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return _service_account()
    tried = ", ".join(paths) + ("" if explicit else ", the service account of a pod")
    raise NoAccessError(
        f"no kubeconfig: there is none at {tried}. Log in (oc login), or name one with --kubeconfig or $KUBECONFIG"
    )


def _merge(paths: list[str]) -> _Merged:
    merged = _Merged({section: {} for section in _FILES}, None, ", ".join(paths))
    for path in paths:
        document = _load(path)
        folder = Path(path).absolute().parent
        if merged.current is None and isinstance(document.get("current-context"), str):
            merged.current = document["current-context"] or None
        for section, files in _FILES.items():
            entries = document.get(section) or []
            for entry in entries if isinstance(entries, list) else []:
                name = entry.get("name") if isinstance(entry, dict) else None
                if isinstance(name, str) and name not in merged.entries[section]:
                    body = entry.get(section[:-1])
                    merged.entries[section][name] = _absolute(body if isinstance(body, dict) else {}, files, folder)
    return merged


def _load(path: str) -> dict[str, Any]:
    import yaml

    try:
        with open(path, "rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise NoAccessError(f"kubeconfig {path}: cannot read it: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise NoAccessError(f"kubeconfig {path}: larger than {_MOST_BYTES >> 20} MiB")
    try:
        document = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The error's own text quotes the line, and that may hold a token.
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark is not None else ""
        raise NoAccessError(f"kubeconfig {path}: not YAML{line}") from None
    if not isinstance(document, dict):
        raise NoAccessError(f"kubeconfig {path}: not a kubeconfig: no clusters and no contexts in it")
    return document


def _absolute(body: dict[str, Any], files: tuple[str, ...], folder: Path) -> dict[str, Any]:
    found = dict(body)
    for field in files:
        if isinstance(found.get(field), str) and found[field]:
            found[field] = str(folder / found[field])
    plugin = found.get("exec")
    if isinstance(plugin, dict) and isinstance(plugin.get("command"), str) and "/" in plugin["command"]:
        found["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return found


def _reach(merged: _Merged, wanted: str | None) -> Reach:
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.config.models import User
    from lightkube.core.exceptions import ConfigError
    from msgspec import MsgspecError

    contexts, clusters, users = (merged.entries[section] for section in ("contexts", "clusters", "users"))
    name = wanted or merged.current
    if name is None:
        raise NoAccessError(f"{merged.where}: no current context; choose one with --context: {_names(contexts)}")
    if name not in contexts:
        raise NoAccessError(f"{merged.where}: no context {name!r}; there are: {_names(contexts)}")
    where = f"context {name} of {merged.where}"
    cluster, user = contexts[name].get("cluster"), contexts[name].get("user")
    if cluster not in clusters or not clusters[cluster].get("server"):
        raise NoAccessError(f"{where}: it names the cluster {cluster!r}, which has no server there")
    if user and user not in users:
        raise NoAccessError(f"{where}: it names the user {user!r}, which is not there: log in again (oc login)")
    for section, body in (("clusters", clusters[cluster]), ("users", users[user] if user else {})):
        for path in filter(None, (body.get(field) for field in _FILES[section])):
            _check_readable(where, path)
    chosen = {
        "current-context": name,
        "contexts": [{"name": name, "context": contexts[name]}],
        "clusters": [{"name": cluster, "cluster": clusters[cluster]}],
        "users": [{"name": user, "user": users[user]}] if user else [],
    }
    try:
        config = KubeConfig.from_dict(chosen).get(name)
    except (MsgspecError, ConfigError, KeyError, TypeError) as error:
        raise NoAccessError(f"{where}: {' '.join(str(error).split())[:200]}") from None
    assert config is not None
    config = config._replace(user=config.user or User())
    if config.user is not None:
        _prepare_plugin(config.user)
    proxy = clusters[cluster].get("proxy-url")
    return Reach(config, where, config.namespace, proxy if isinstance(proxy, str) and proxy else None)


def _check_readable(where: str, path: Any) -> None:
    """The client's own error would not say which file."""
    try:
        with open(str(path), "rb"):
            pass
    except OSError as error:
        raise NoAccessError(f"{where}: it names {path}: {error.strerror}") from None


def _prepare_plugin(user: User) -> None:
    """Give a credential plugin what client-go gives it, which lightkube does not.

    v1 differs from v1beta1 in what the plugin is told, not in the token that it answers with.
    """
    from lightkube.config.models import NameValue

    plugin = user.exec
    if plugin is None:
        return
    told = {"apiVersion": plugin.apiVersion, "kind": "ExecCredential", "spec": {"interactive": False}}
    plugin.env = [*(plugin.env or []), NameValue(name="KUBERNETES_EXEC_INFO", value=json.dumps(told))]
    if plugin.apiVersion == _PLUGIN_V1:
        plugin.apiVersion = _PLUGIN_V1 + "beta1"


def _service_account() -> Reach:
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError

    try:
        config = KubeConfig.from_service_account(SERVICE_ACCOUNT).get()
    except (ConfigError, OSError, KeyError, ValueError):
        raise NoAccessError(
            f"no kubeconfig, and this pod has no service account token in {SERVICE_ACCOUNT} "
            "(automountServiceAccountToken: false?)"
        ) from None
    assert config is not None
    return Reach(config, "the service account of this pod", config.namespace.strip())


def _names(entries: dict[str, Any]) -> str:
    names = sorted(entries)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "none") + more
