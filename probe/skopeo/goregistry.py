"""Messages about a registry: refused, not reached, or answered with something else.

None of them is about a file, even when the registry's own words are `permission denied`.
"""

from __future__ import annotations

import re

from probe.evidence.command import FailureKind
from probe.skopeo.errnos import NETWORK, last_errno
from probe.skopeo.finding import Finding
from probe.skopeo.gopath import FileError
from probe.skopeo.goreference import Named, host_of

_ANSWERS = (
    re.compile(r"(?P<op>pinging (?:container|docker) registry) (?P<host>\S+?): "),
    re.compile(r"(?P<op>initiating layer upload) to \S+ in (?P<host>\S+?): "),
    re.compile(r"(?P<op>reading manifest) \S+ in (?P<host>\S+?): "),
    re.compile(r"(?P<op>uploading manifest)(?: \S+)? to (?P<host>\S+?): "),
    re.compile(r"(?P<op>checking whether a blob) \S+ exists in (?P<host>\S+?): "),
    re.compile(r"failed to (?P<op>read from destination) repository \S+?: "),
    re.compile(r"(?P<op>uploading layer(?: chunked)?|fetching (?:blob|tags list))(?: to (?P<host>\S+?))?: "),
)
_URL = re.compile(r"(?i)\b(?P<verb>Get|Head|Put|Post|Patch|Delete) \"?https?://(?P<host>[^/\s\"]+)")
_TOKEN = re.compile(r"(?i)requesting bear(?:er)? token|retrieve auth token|fetching bearer token")
_LOCAL_READ = re.compile(r"happened during read: ")

_DENIED = re.compile(
    r"(?i)\bdenied\b|unauthorized|authentication required|invalid username/password|insufficient[_ ]scope|"
    r"(?:StatusCode|HTTP status|status code from registry|status):? ?(?:code )?(?:401|403)\b|"
    r"\b401 \(Unauthorized\)|\b403 \(Forbidden\)"
)
_UNREACHABLE = re.compile(
    r"(?i)no such host|i/o timeout|tls handshake timeout|context deadline exceeded|server misbehaving|"
    r"temporary failure in name resolution|client\.timeout exceeded|request canceled|: EOF$"
)
_OTHER = re.compile(
    r"(?i)http: server gave HTTP response|x509: |\btls: |manifest unknown|name unknown|toomanyrequests|"
    r"too many requests|unexpected HTTP status|StatusCode: \d|status code from registry|blob unknown|manifest invalid"
)


def read_registry(message: str, named: Named, failed: FileError | None) -> Finding | None:
    """What a message says of a registry, or None when it is about something on this side."""
    operation, host, answer = "", named.host, None
    for pattern in _ANSWERS:
        for found in pattern.finditer(message):
            if answer is None or found.start() > answer.start():
                answer = found
    if answer is not None:
        operation = answer["op"]
        if operation.startswith("checking whether"):
            operation += " exists"
        answered = answer.groupdict().get("host")
        host = (host_of(answered) if answered else None) or host
    url = _URL.search(message)
    if url is not None:
        operation = operation or url["verb"].upper()
        host = host or host_of(url["host"].rpartition("@")[2])
    token = _TOKEN.search(message)
    if token is not None:
        operation = token[0].lower().replace("bear token", "bearer token")
    if answer is None and token is None and url is None and named.transport != "docker" and "dial tcp" not in message:
        return None
    if failed is not None and (answer is None or _LOCAL_READ.search(message)):
        return None
    said = message[answer.end() :] if answer is not None else message
    return _kind(said, operation, host)


def _kind(said: str, operation: str, host: str | None) -> Finding | None:
    errno = last_errno(said)
    if errno in NETWORK or "dial " in said:
        return Finding(FailureKind.REGISTRY_UNREACHABLE, operation, errno=errno, registry=host)
    if _DENIED.search(said):
        return Finding(FailureKind.REGISTRY_DENIED, operation, registry=host)
    if _UNREACHABLE.search(said):
        return Finding(FailureKind.REGISTRY_UNREACHABLE, operation, registry=host)
    if _OTHER.search(said) or operation:
        return Finding(FailureKind.REGISTRY_OTHER, operation, registry=host)
    return None
