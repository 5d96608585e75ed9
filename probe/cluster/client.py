"""Asks the API server: bounded, by a deadline, again where asking again may help; every failure is one sentence.

The client is lightkube, with generic resources for Tekton's kinds: it knows kubeconfigs, tokens that rotate,
credential plugins, and the paths of the API. Its own `get`, `list` and `log` are not used: they read an answer of any
size into memory, cannot limit the bytes of a log, and their errors quote headers.
"""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probe import __version__
from probe.cluster.failures import ApiError, Failure, Words
from probe.cluster.kubeconfig import NoAccessError, Reach
from probe.skopeo.masking import mask

if TYPE_CHECKING:
    from httpx2 import Response
    from lightkube.core.generic_client import BasicRequest

PAGE = 250
"""Objects in one answer to a list."""
MAX_ITEMS = 10_000
MAX_ANSWER = 64 << 20
"""Bytes of one answer that holds objects."""
_TRIES = 4
_ANSWER_SECONDS = 10.0
_PAUSES = (0.2, 0.5, 1.0)
_ERROR_BYTES = 64 << 10


@dataclass(frozen=True)
class Kind:
    """One kind of the API."""

    name: str
    plural: str
    group: str = ""
    version: str = "v1"

    @property
    def api_version(self) -> str:
        """As objects say it: `v1`, `tekton.dev/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version


PIPELINE_RUN = Kind("PipelineRun", "pipelineruns", "tekton.dev")
TASK_RUN = Kind("TaskRun", "taskruns", "tekton.dev")
POD = Kind("Pod", "pods")
EVENT = Kind("Event", "events")
CLAIM = Kind("PersistentVolumeClaim", "persistentvolumeclaims")
VOLUME = Kind("PersistentVolume", "persistentvolumes")
NAMESPACE = Kind("Namespace", "namespaces")
STORAGE_CLASS = Kind("StorageClass", "storageclasses", "storage.k8s.io")
DRIVER = Kind("CSIDriver", "csidrivers", "storage.k8s.io")


@dataclass(frozen=True)
class Listed:
    """The objects of one list, and whether there were more than are taken."""

    items: list[dict[str, Any]]
    cut: bool


@dataclass(frozen=True)
class Log:
    """What a container printed, and whether the bound ended it."""

    text: str
    cut: bool


class Api:
    """One namespace of one API server. Its calls may come from several threads; each raises ApiError."""

    def __init__(self, reach: Reach, namespace: str, seconds: float) -> None:
        """`seconds`: for everything that is asked until `renew`. Opens no connection yet.

        Raises NoAccessError for what the kubeconfig names and cannot be used.
        """
        from lightkube.config.client_adapter import ConnectionParams
        from lightkube.core.exceptions import ConfigError
        from lightkube.core.generic_client import GenericSyncClient

        self.namespace, self.where = namespace, reach.where
        self.server = mask(reach.config.cluster.server)
        self._words = Words(self.server, self.where)
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        try:
            parameters = ConnectionParams(timeout=None, proxy=reach.proxy)
            self._client = GenericSyncClient(parameters, reach.config, namespace=namespace)
        except ssl.SSLError as error:
            why = (error.reason or "not PEM").replace("_", " ").lower()
            raise NoAccessError(f"{self.where}: a certificate or key there cannot be used ({why})") from None
        except OSError as error:
            raise NoAccessError(f"{self.where}: a file that it names: {error.strerror}") from None
        except ConfigError as error:
            raise NoAccessError(f"{self.where}: {mask(str(error))[:200]}") from None
        except Exception as error:  # no URL, no base64: the client's own words may quote a key
            what = f"the server's URL, the proxy's or a certificate ({type(error).__name__})"
            raise NoAccessError(f"{self.where}: something there cannot be used: {what}") from None

    def renew(self) -> None:
        """From now on there is as much time again."""
        self._deadline = time.monotonic() + self._seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def get(self, kind: Kind, name: str) -> dict[str, Any]:
        """One object."""
        found = _json(self._ask(kind, "get", {}, name=name)[0])
        if not isinstance(found, dict) or found.get("kind") != kind.name:
            raise self._words.no_answer("another kind of document")
        return found

    def list(self, kind: Kind, labels: str = "", fields: str = "", most: int = MAX_ITEMS) -> Listed:
        """The objects that the selectors take (all without one), page by page, at most `most`."""
        items: list[dict[str, Any]] = []
        selectors = (("labelSelector", labels), ("fieldSelector", fields))
        selected = {name: selector for name, selector in selectors if selector}
        page = {"limit": str(min(PAGE, most)), **selected}
        while True:
            try:
                body, _ = self._ask(kind, "list", page)
            except ApiError as error:
                if error.failure is not Failure.GONE or "continue" not in page:
                    raise
                # It took longer than the server keeps a list that is fetched in pages: all of it at once.
                items, page = [], selected
                continue
            found = _json(body)
            if not isinstance(found, dict) or not isinstance(found.get("items", []), list | None):
                raise self._words.no_answer("what is no list")
            named = {"apiVersion": kind.api_version, "kind": kind.name}
            got = [{**one, **named} for one in found.get("items") or () if isinstance(one, dict)]
            items += got
            metadata = found.get("metadata")
            after = metadata.get("continue") if isinstance(metadata, dict) else None
            more = isinstance(after, str) and after != "" and bool(got)
            if not more or len(items) >= most:
                return Listed(items[:most], cut=more or len(items) > most)
            page = {**page, "continue": str(after)}

    def log(self, pod: str, container: str, most: int, tail: int | None = None) -> Log:
        """What a container printed, each line with its time: the first `most` bytes of it, or of its last lines."""
        wanted = {"container": container, "timestamps": "true", "previous": "false", "limitBytes": str(most)}
        if tail is not None:
            wanted["tailLines"] = str(tail)
        body, over = self._ask(POD, "log", wanted, name=pod, most=most)
        return Log(body.decode("utf-8", "replace"), cut=over or len(body) >= most)

    def _ask(
        self, kind: Kind, what: str, parameters: dict[str, str], *, name: str | None = None, most: int | None = None
    ) -> tuple[bytes, bool]:
        """The answer, and whether it was longer than `most`; without `most` a longer one is an error."""
        tries = 0
        while True:
            try:
                request = self._client.prepare_request(
                    "list" if what == "list" else "get",
                    _resource(kind, log=what == "log"),
                    name=name,
                    params=dict(parameters),
                    headers={"Accept": "*/*", "User-Agent": f"pod-probe/{__version__}"},
                )
                return self._once(request, most)
            except ApiError as error:
                if error.again is None or tries + 1 == _TRIES:
                    raise
                pause = max(error.again, _PAUSES[tries])
                if pause >= self.left:
                    raise
                tries += 1
                time.sleep(pause)

    def _once(self, request: BasicRequest, most: int | None) -> tuple[bytes, bool]:
        import httpx2

        seconds = min(_ANSWER_SECONDS, self.left)
        if seconds <= 0:
            raise self._words.late(self._seconds, again=False)
        request.timeout = httpx2.Timeout(seconds)
        try:
            response = self._send(request)
            try:
                if not response.is_success:
                    raise self._words.refusal(response, self._body(response, _ERROR_BYTES)[0])
                body, over = self._body(response, MAX_ANSWER if most is None else most)
            finally:
                response.close()
        except httpx2.TimeoutException:
            again = self.left > 0
            raise self._words.late(seconds if again else self._seconds, again=again) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise self._words.unreachable(error) from None
        if over and most is None:
            raise ApiError(Failure.BROKEN, f"{self.server} answered with more than {MAX_ANSWER >> 20} MiB")
        return body, over

    def _send(self, request: BasicRequest) -> Response:
        from lightkube.core.exceptions import ConfigError

        try:
            response: Response = self._client.send(self._client.build_adapter_request(request), stream=True)
        except (ConfigError, OSError, ValueError, KeyError, TypeError) as error:
            # Of what makes the credentials: the errors of the connection are all httpx2's own.
            raise self._words.no_credentials(error) from None
        return response

    def _body(self, response: Response, most: int) -> tuple[bytes, bool]:
        """Up to `most` bytes, and whether there are more. A server that trickles does not outlast the deadline."""
        parts, size = [], 0
        for part in response.iter_bytes():
            if self.left <= 0:
                raise self._words.late(self._seconds, again=False)
            parts.append(part[: most - size])
            size += len(part)
            if size > most:
                return b"".join(parts), True
        return b"".join(parts), False


def _resource(kind: Kind, *, log: bool) -> Any:
    """What lightkube builds paths from."""
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.resources import core_v1, storage_v1

    if log:
        return core_v1.PodLog
    if kind.group == "tekton.dev":
        return create_namespaced_resource(kind.group, kind.version, kind.name, kind.plural)
    return getattr(storage_v1 if kind.group else core_v1, kind.name)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
