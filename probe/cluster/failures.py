"""Why the API did not give what it was asked for, in sentences that hold no secret."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from probe.evidence.base import clip
from probe.skopeo.masking import MASK, mask

if TYPE_CHECKING:
    from httpx2 import Response

_LONGEST_PAUSE = 10.0
"""Seconds, of what `Retry-After` asks for."""
_AGAIN = (429, 500, 502, 503, 504)
_SAID = 400


class Failure(StrEnum):
    """Why the API did not give it."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    ABSENT = "absent"
    NOT_SERVED = "not-served"
    """The API server knows no such kind."""
    REFUSED = "refused"
    GONE = "gone"
    """What is left of a list that was begun has expired."""
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    """An error of the server, a connection that broke off, an answer that is none."""


class ApiError(Exception):
    """The API did not give it. `str()` is a sentence without secrets."""

    def __init__(self, failure: Failure, sentence: str, *, again: float | None = None) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.again = again
        """Seconds after which asking again may help; 0: soon; None: it will not help."""


@dataclass(frozen=True)
class Words:
    """Says what went wrong with one server: its URL without user information, and whose credentials were used."""

    server: str
    where: str

    def refusal(self, response: Response, body: bytes) -> ApiError:
        """An answer that is not a success."""
        code = response.status_code
        status = _status(body)
        said = self._said(status.get("message"), response) if status is not None else ""
        tail = f": {said}" if said else ""
        if code == 401:
            what = f"{self.server} does not accept the credentials (401), which are those of {self.where}: log in again"
            return ApiError(Failure.UNAUTHORIZED, f"{what} (oc login), or choose another --context")
        if code == 403:
            return ApiError(Failure.FORBIDDEN, f"forbidden (403){tail}")
        if code == 404 and status is not None:
            return ApiError(Failure.ABSENT, f"not there (404){tail}")
        if code == 404:
            return ApiError(Failure.NOT_SERVED, f"{self.server} serves no such kind (404)")
        if code == 410:
            return ApiError(Failure.GONE, f"expired (410){tail}")
        if code in _AGAIN:
            why = "too many requests" if code == 429 else "an error of the server"
            return ApiError(Failure.BROKEN, f"{self.server}: {why} ({code}){tail}", again=_seconds(response))
        if 300 <= code < 400:
            return ApiError(Failure.BROKEN, f"{self.server} sends us elsewhere ({code}): is a login page in between?")
        return ApiError(Failure.REFUSED, f"refused ({code}){tail}")

    def _said(self, message: Any, response: Response) -> str:
        """The server's words. One that throws our token back at us does not get it onto the page."""
        text = " ".join(message.split()) if isinstance(message, str) else ""
        secret = response.request.headers.get("authorization", "").rpartition(" ")[2]
        if secret:
            text = text.replace(secret, MASK)
        return clip(mask(text), _SAID)

    def no_answer(self, what: str) -> ApiError:
        """A success, whose body is not what was asked for."""
        return ApiError(Failure.BROKEN, f"{self.server} answered with {what}: is a login page or a proxy in between?")

    def late(self, seconds: float, *, again: bool) -> ApiError:
        """Nothing came within so many seconds; `again`: there is time left."""
        return ApiError(
            Failure.TIMEOUT, f"{self.server} did not answer within {seconds:g} s", again=0.0 if again else None
        )

    def unreachable(self, error: Exception) -> ApiError:
        """By the kinds of the errors alone: the texts of some quote headers, and a token with them."""
        import httpx2

        name = f"{self.server} ({self.where})"
        for cause in _chain(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = f"its certificate is not accepted ({cause.verify_message})"
                advice = "check certificate-authority in the kubeconfig, or log in again (oc login)"
                return ApiError(Failure.UNREACHABLE, f"{name}: {why}: {advice}")
            if isinstance(cause, ssl.SSLError):
                why = (cause.reason or "broken off").replace("_", " ").lower()
                return ApiError(Failure.UNREACHABLE, f"{name}: no TLS connection ({why}): is it https, and its port?")
        if isinstance(error, httpx2.ProxyError):
            advice = "check proxy-url in the kubeconfig, HTTPS_PROXY and NO_PROXY"
            return ApiError(Failure.UNREACHABLE, f"{name}: the proxy refuses the way there: {advice}")
        if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            return ApiError(Failure.UNREACHABLE, f"{name} is not the URL of a server: check the kubeconfig")
        if isinstance(error, httpx2.LocalProtocolError):
            what = "the credentials cannot be sent: a line end or another such character in the token?"
            return ApiError(Failure.UNAUTHORIZED, f"{self.where}: {what}")
        if isinstance(error, httpx2.ConnectError):
            why = next((_reason(cause) for cause in _chain(error) if isinstance(cause, OSError)), "no connection")
            advice = "is the cluster up, and its VPN or proxy?"
            return ApiError(Failure.UNREACHABLE, f"{name} cannot be reached: {why}: {advice}", again=0.0)
        return ApiError(Failure.BROKEN, f"{self.server} broke the connection off", again=0.0)

    def no_credentials(self, error: Exception) -> ApiError:
        """A credential plugin or a token file failed; what a plugin printed is not shown."""
        if isinstance(error, OSError):
            why = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
        else:
            why = mask(str(error).partition(":")[0])[:100] or type(error).__name__
        advice = "kubectl asks for them in the same way, and says more"
        return ApiError(Failure.UNAUTHORIZED, f"{self.where}: no credentials could be had ({why}): {advice}")


def _status(body: bytes) -> dict[str, Any] | None:
    """The API's own word about a failure; None where something else answers."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == "Status" else None


def _seconds(response: Response) -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told), _LONGEST_PAUSE) if told.isdecimal() and len(told) < 6 else 0.0


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    return (error.strerror or str(error) or type(error).__name__).lower()
