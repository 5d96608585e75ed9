"""A small API server: the REST paths of Kubernetes and Tekton over real HTTP(S), with the objects of a capture.

It speaks as the real one does: lists in pages without `kind` in their items, label selectors, `Status` for failures,
RBAC by the rules of a manifest, logs with `limitBytes` and `tailLines`. It can also be slow, drop connections, refuse.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "sha256~canary-of-a-bearer-token-0123456789"
NAMESPACE = "user1-tenant"
CAPTURES = Path(__file__).parents[1] / "captures"
ROLE = Path(__file__).parents[2] / "container/rbac/role.yaml"
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[a-z0-9.]+)/(?P<version>v\w+))(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[a-z]+))?)?"
)
_KINDS = {
    "PipelineRun": ("tekton.dev", "pipelineruns"),
    "TaskRun": ("tekton.dev", "taskruns"),
    "Pod": ("", "pods"),
    "Event": ("", "events"),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims"),
    "PersistentVolume": ("", "persistentvolumes"),
    "Namespace": ("", "namespaces"),
    "StorageClass": ("storage.k8s.io", "storageclasses"),
    "CSIDriver": ("storage.k8s.io", "csidrivers"),
}
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    410: "Expired",
    429: "TooManyRequests",
}

Right = tuple[str, str, str]
"""Group, resource (`pods/log`), verb."""


@dataclass(frozen=True)
class Asked:
    """One request, as the server understood it."""

    verb: str
    resource: str
    name: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answer:
    """What a fault puts in place of the true answer. `cut`: bytes after which the connection breaks off."""

    code: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    trickle: float = 0.0
    """Seconds between the bytes of the body."""


Fault = Callable[[Asked], Answer | None]
"""Looks at each request first; None: the true answer."""


@dataclass
class World:
    """What the server knows; may be changed while it runs."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By resource: `pods`."""
    logs: dict[str, bytes] = field(default_factory=dict)
    """By `POD.CONTAINER.log`."""
    rights: set[Right] | None = None
    """None: everything is allowed."""
    fault: Fault | None = None
    asked: list[Asked] = field(default_factory=list)
    expired_after: int | None = None
    """Pages of one list after which its continuation is gone."""
    token: str = TOKEN

    def add(self, document: dict[str, Any]) -> None:
        """An object, or a List of them."""
        for one in document["items"] if document["kind"].endswith("List") else [document]:
            self.objects.setdefault(_KINDS[one["kind"]][1], []).append(one)

    def one(self, resource: str, name: str) -> dict[str, Any]:
        """An object, to be changed."""
        return next(one for one in self.objects[resource] if one["metadata"]["name"] == name)


def world_of(capture: str) -> World:
    """The world of one capture, with what belongs to the cluster beside it."""
    world, folder = World(), CAPTURES / capture
    for path in sorted(folder.glob("*.json")):
        world.add(json.loads(path.read_text()))
    for path in (folder / "logs").glob("*.log"):
        world.logs[path.name] = path.read_bytes()
    world.add({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE, "annotations": {}}})
    classes = {one["spec"].get("storageClassName") for one in world.objects.get("persistentvolumeclaims", [])}
    drivers = {
        one["spec"]["csi"]["driver"] for one in world.objects.get("persistentvolumes", []) if "csi" in one["spec"]
    }
    for name in filter(None, classes):
        world.add({"kind": "StorageClass", "metadata": {"name": name}, "provisioner": next(iter(drivers), "x.example")})
    for name in drivers:
        world.add({"kind": "CSIDriver", "metadata": {"name": name}, "spec": {"fsGroupPolicy": "File"}})
    return world


def rights_of_the_role(*, cluster: bool = True) -> set[Right]:
    """What the manifest grants."""
    rights: set[Right] = set()
    for document in yaml.safe_load_all(ROLE.read_text()):
        if document["kind"] == "Role" or (cluster and document["kind"] == "ClusterRole"):
            for rule in document["rules"]:
                rights |= {(g, r, v) for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]}
    return rights


@dataclass
class Server:
    """A running server, and kubeconfigs for it."""

    world: World
    url: str
    folder: Path
    authority: Path | None
    stop: Callable[[], None]
    """Go down: nobody listens, and connections end."""

    def kubeconfig(self, name: str = "kubeconfig", **changes: Any) -> Path:
        """A kubeconfig file; `server`, `user`, `cluster`, `namespace`, `context` change what is in it."""
        cluster: dict[str, Any] = {"server": changes.get("server", self.url)}
        if self.authority is not None:
            cluster["certificate-authority"] = str(self.authority)
        cluster.update(changes.get("cluster", {}))
        context = {"cluster": "lab", "user": "me", "namespace": changes.get("namespace", NAMESPACE)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": changes.get("context", "lab"),
            "contexts": [{"name": "lab", "context": context}],
            "clusters": [{"name": "lab", "cluster": {k: v for k, v in cluster.items() if v is not None}}],
            "users": [{"name": "me", "user": changes.get("user", {"token": TOKEN})}],
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump(config))
        return path


@contextmanager
def serve(world: World, folder: Path, certificate: Certificate | None = None, port: int = 0) -> Iterator[Server]:
    """The server, in threads of this process, on 127.0.0.1."""

    class Handler(_Handler):
        pass

    Handler.world = world
    server = _HTTPServer(("127.0.0.1", port), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    authority = certificate.chain if certificate is not None else None
    url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    try:
        yield Server(world, url, folder, authority, server.stop)
    finally:
        server.stop()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1, and its key."""

    chain: Path
    key: Path


def make_certificate(folder: Path, name: str = "127.0.0.1") -> Certificate:
    """By openssl."""
    made = Certificate(folder / "server.pem", folder / "server.key")
    alternative = f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}"
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ["-subj", f"/CN={name}", "-addext", alternative, "-keyout", made.key, "-out", made.chain]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return made


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.open: set[Any] = set()

    def process_request(self, request: Any, address: Any) -> None:
        self.open.add(request)
        super().process_request(request, address)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for request in list(self.open):
            _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or does not trust us."""


def _hang_up(request: Any) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
    request.close()


class _Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        match = _PATH.fullmatch(url.path)
        if match is None:
            self._send(Answer(404, b"404 page not found\n", "text/plain; charset=utf-8"))
            return
        parts = {key: unquote(value) if value else "" for key, value in match.groupdict().items()}
        resource, name, namespace = parts["resource"], parts["name"], parts["namespace"]
        if resource == "namespaces" and not namespace:
            namespace = name
        verb = "get" if name else "list"
        whole = f"{resource}/{parts['sub']}" if parts["sub"] else resource
        asked = Asked(verb, whole, name, query, dict(self.headers))
        self.world.asked.append(asked)
        fault = self.world.fault(asked) if self.world.fault is not None else None
        self._send(fault if fault is not None else self._answer(asked, parts["group"], namespace))

    def _answer(self, asked: Asked, group: str, namespace: str) -> Answer:
        if self.headers.get("Authorization") != f"Bearer {self.world.token}":
            return status(401, "Unauthorized")
        rights = self.world.rights
        if rights is not None and (group, asked.resource, asked.verb) not in rights:
            where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
            what = f'cannot {asked.verb} resource "{asked.resource}" in API group "{group}"{where}'
            name = f' "{asked.name}"' if asked.name else ""
            return status(403, f'{asked.resource}{name} is forbidden: User "me" {what}')
        if (group, asked.resource.partition("/")[0]) not in _KINDS.values():
            return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
        found = [
            one
            for one in self.world.objects.get(asked.resource.partition("/")[0], [])
            if one["metadata"].get("namespace", namespace) == namespace
        ]
        if asked.verb == "list":
            labels, fields = asked.query.get("labelSelector", ""), asked.query.get("fieldSelector", "")
            return self._list(asked, [one for one in found if _labelled(one, labels) and _has(one, fields)])
        one = next((one for one in found if one["metadata"]["name"] == asked.name), None)
        if one is None:
            return status(404, f'{asked.resource} "{asked.name}" not found')
        if asked.resource == "pods/log":
            return self._log(asked)
        return Answer(body=json.dumps(one).encode())

    def _list(self, asked: Asked, found: list[dict[str, Any]]) -> Answer:
        begin, limit = int(asked.query.get("continue") or 0), int(asked.query.get("limit") or 0)
        if self.world.expired_after is not None and limit and begin >= limit * self.world.expired_after:
            return status(410, "The provided continue parameter is too old to display a consistent list result.")
        taken = found[begin : begin + limit] if limit else found[begin:]
        end = begin + len(taken)
        metadata: dict[str, Any] = {"resourceVersion": "1"}
        if end < len(found):
            metadata |= {"continue": str(end), "remainingItemCount": len(found) - end}
        items = [{k: v for k, v in one.items() if k not in ("kind", "apiVersion")} for one in taken]
        return Answer(body=json.dumps({"kind": "List", "metadata": metadata, "items": items}).encode())

    def _log(self, asked: Asked) -> Answer:
        container = asked.query.get("container", "")
        log = self.world.logs.get(f"{asked.name}.{container}.log")
        if log is None:
            what = f'container "{container}" in pod "{asked.name}" is waiting to start: PodInitializing'
            return status(400, what)
        if "tailLines" in asked.query:
            log = b"".join(log.splitlines(keepends=True)[-int(asked.query["tailLines"]) :])
        if asked.query.get("timestamps") != "true":
            log = re.sub(rb"(?m)^\S+ ", b"", log)
        if "limitBytes" in asked.query:
            log = log[: int(asked.query["limitBytes"])]
        return Answer(body=log, kind="text/plain")

    def _send(self, answer: Answer) -> None:
        if answer.cut == 0:
            self.close_connection = True
            _hang_up(self.connection)
            return
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.trickle:
            for number in range(len(answer.body)):
                self.wfile.write(answer.body[number : number + 1])
                self.wfile.flush()
                time.sleep(answer.trickle)
            return
        self.wfile.write(answer.body[: answer.cut] if answer.cut is not None else answer.body)
        if answer.cut is not None:
            self.wfile.flush()
            self.close_connection = True
            _hang_up(self.connection)


def status(code: int, message: str, **headers: str) -> Answer:
    """A failure in the API's own words."""
    reason = _REASONS.get(code, "InternalError")
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return Answer(code, json.dumps(body | {"reason": reason, "code": code}).encode(), headers=headers)


def _labelled(one: dict[str, Any], selector: str) -> bool:
    labels = one["metadata"].get("labels", {})
    return all(_holds(term, labels.get) for term in filter(None, selector.split(",")))


def _has(one: dict[str, Any], selector: str) -> bool:
    def field_of(path: str) -> Any:
        found: Any = one
        for name in path.split("."):
            found = found.get(name, {})
        return found

    return all(_holds(term, field_of) for term in filter(None, selector.split(",")))


def _holds(term: str, value_of: Callable[[str], Any]) -> bool:
    key, sign, value = term.partition("!=") if "!=" in term else term.partition("=")
    return (value_of(key) == value) == (sign == "=")
