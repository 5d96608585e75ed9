"""Messages of skopeo, buildah and podman: chains of Go errors (`doing this: doing that: open /x: permission denied`).

Read from the form alone: github.com/containers/image and its users wrap every error with what they were doing, from
the outermost step to the system call (`io/fs.PathError`: operation, path, text of the errno). Three generations were
recorded and differ in wording only: `Error initializing source`, `initializing source`, `lstat` against `faccessat`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from probe.evidence.command import FailureKind
from probe.skopeo.errnos import NO_SPACE, TEXT, last_errno
from probe.skopeo.finding import Finding
from probe.skopeo.gopath import FileError, file_error, place
from probe.skopeo.goreference import Named, named_reference
from probe.skopeo.goregistry import read_registry

_CANDIDATES = "payload does not match any of the supported image formats:"
_CANDIDATE = re.compile(r"\* (oci-archive|oci|docker-archive|dir): ")
_COUNTED = re.compile(r"\d+ errors? occurred:\s*")

_USAGE = re.compile(
    r"unknown (?:shorthand )?flag|[Uu]nrecognized command|unknown command|flag needs an argument|invalid argument \"|"
    r"[Ee]xactly \w+ arguments? expected|accepts \d+ arg|requires (?:at least|exactly)|"
    r"expected colon-separated transport:reference|unknown transport|invalid reference format|invalid image reference"
)
_UNKNOWN = re.compile(
    r"no descriptor found for reference|Tag \"[^\"]*\" not found|image not known|no such image|"
    r"no image found in manifest list|tag not found"
)
_NOT_STORED = re.compile(r"(?:(?:^|: )(?P<image>[^\s:]\S*): )?(?:image not known|no such image)$")
_AMBIGUOUS = re.compile(r"more than one image in oci|[Uu]nexpected tar manifest\.json: expected 1 item")
_DIGEST = re.compile(
    r"[Dd]igest did not match|digest \S+ does not match|does not match (?:provided|expected|the) (?:manifest )?digest|"
    r"(?:blob|manifest|config)\S* digest mismatch"
)
_AUTH = re.compile(
    r"reading JSON file \"(?P<file>(?:[^\"\\]|\\.)*)\"|getting username and password|credential file is not accessible|"
    r"checking authfile|getting credentials"
)
_POLICY = re.compile(r"loading trust policy|invalid policy in \"(?P<file>(?:[^\"\\]|\\.)*)\"")
_COMPONENT = re.compile(r"(?P<op>loading tar component) (?:\"(?P<quoted>[^\"]+)\"|(?P<bare>\S+)): ")
_UNTAR = re.compile(r"untarring file \"")
_FORMAT = re.compile(
    r"archive/tar: [a-z ]+|(?:gzip|zlib|flate|bzip2|lzma|xz|zstd): [a-z: ]*(?:invalid|corrupt|unsupported)[^\n]*|"
    r"flate: corrupt input|magic number mismatch|invalid (?:checksum|header)"
)
_ENDED = re.compile(r"unexpected EOF|unexpected end of file")
_EOF = re.compile(r"(?:^|: )(?:unexpected )?EOF$")
_BLOB = re.compile(r"\bblob\b|happened during read")
_JSON = re.compile(
    r"invalid character .{1,12} (?:looking for|in|after)|unexpected end of JSON input|json: cannot unmarshal"
)
_STORAGE = re.compile(
    r"ApplyLayer|applying layer|adding layer with blob|containers-storage|(?:creating|mounting) .* overlay"
)
_APPENDING = re.compile(r"doesn't support modifying existing images")
_TO_DESTINATION = re.compile(r"initializing destination |Invalid destination name ")
_ERRNO_ONLY = re.compile(rf"(?i)(?:^|: )(?:{TEXT})(?: exit status \d+)?$")


def read_go(message: str, *, tool: str = "") -> tuple[Finding, ...]:
    """What a message says: one finding, or one for each way of reading that `podman load` tried."""
    head, marker, tail = message.partition(_CANDIDATES)
    if marker and not head.strip():
        return _tried(tail)
    message = _COUNTED.sub("", message)
    if "\n* " in message or message.startswith("* "):  # go-multierror: the wrapped errors, one a line
        outer, *inner = re.split(r"(?:^|\n)\* ", message)
        return tuple(replace(_read(f"{outer}{one}".strip()), tool=tool) for one in inner)
    return (replace(_read(message.strip()), tool=tool),)


def _tried(tail: str) -> tuple[Finding, ...]:
    """What `podman load` says of every transport that it tried.

    Those that only say "this is no directory" say nothing about what went wrong with a file, and two that met the
    same refusal say it once.
    """
    findings: list[Finding] = []
    for one in tail.split("\n"):
        start = _CANDIDATE.match(one.strip())
        if start is None:
            continue
        said = one.strip()[start.end() :]
        finding = replace(_read(said, assume=start[1]), tool="podman", transport=start[1], reference=None, text=said)
        if not any((f.kind, f.errno, f.path) == (finding.kind, finding.errno, finding.path) for f in findings):
            findings.append(finding)
    told = [f for f in findings if not (f.errno == "ENOTDIR" and f.about == "member")]
    return tuple(told or findings)


def is_go_failure(line: str) -> bool:
    """Whether a plain line is a Go error without any marker, as old buildah prints it.

    Old podman indents what it only tried: those lines are none.
    """
    return file_error(line, whole=True) is not None or _USAGE.match(line) is not None


def _read(message: str, assume: str | None = None) -> Finding:
    named = named_reference(message) or Named(assume)
    failed = file_error(message)
    finding = _judge(message, named, failed)
    written = _TO_DESTINATION.search(message) is not None and named.path is not None
    if written and finding.about in ("", "member", "archive", "ancestor"):
        finding = replace(finding, about="destination", path=finding.path or named.path)
    return replace(
        finding,
        transport=finding.transport or named.transport,
        reference=finding.reference or named.reference,
        registry=finding.registry or named.host,
    )


def _judge(message: str, named: Named, failed: FileError | None) -> Finding:
    if _DIGEST.search(message):
        return Finding(FailureKind.DIGEST_MISMATCH, "verifying digest", about="member")
    if _AUTH.search(message):
        return _elsewhere(message, "auth-file", _AUTH, failed, "reading credentials")
    if _POLICY.search(message):
        return _elsewhere(message, "policy", _POLICY, failed, "loading trust policy")
    registry = read_registry(message, named, failed)
    if registry is not None:
        return registry
    if _STORAGE.search(message) and (failed is None or "ApplyLayer" in message):
        errno = last_errno(message)
        kind = FailureKind.NO_SPACE if errno in NO_SPACE else FailureKind.OTHER
        return Finding(kind, "applying layer", errno=errno, about="storage")
    content = _content(message, named, failed)
    if content is not None:
        return content
    if failed is not None:
        kind = FailureKind.NO_SPACE if failed.errno in NO_SPACE else FailureKind.FILE
        at = place(message, named, failed)
        return Finding(
            kind,
            failed.operation,
            path=at.path,
            errno=failed.errno,
            transport=None if named.transport else at.transport,
            reference=None if named.transport else at.reference,
            about=at.about,
        )
    if _USAGE.search(message):
        return Finding(FailureKind.USAGE)
    if _APPENDING.search(message):
        return Finding(FailureKind.OTHER, "initializing destination", path=named.path, about="destination")
    errno = last_errno(message) if _ERRNO_ONLY.search(message) else None
    return Finding(FailureKind.NO_SPACE if errno in NO_SPACE else FailureKind.OTHER, errno=errno)


def _content(message: str, named: Named, failed: FileError | None) -> Finding | None:
    """What is wrong inside the container, not with reaching it."""
    if _UNKNOWN.search(message):
        stored = _NOT_STORED.search(message)
        transport = "containers-storage" if stored else "docker-archive" if 'Tag "' in message else None
        return Finding(
            FailureKind.UNKNOWN_REFERENCE,
            "choosing image",
            transport=transport,
            reference=stored["image"] if stored else None,
        )
    if _AMBIGUOUS.search(message):
        return Finding(FailureKind.AMBIGUOUS_REFERENCE, "choosing image")
    if failed is not None:
        return None
    component = _COMPONENT.search(message)
    operation = "loading tar component" if component else "untarring file" if _UNTAR.search(message) else ""
    transport = None if named.transport else "docker-archive" if component else "oci-archive" if operation else None
    blob = _BLOB.search(message) is not None
    if _ENDED.search(message) and (operation or blob):
        return Finding(
            FailureKind.ARCHIVE_ENDED,
            operation or "read",
            path=None if blob else named.path,
            transport=transport,
            about="member" if blob else "archive",
        )
    if component and message.endswith("file does not exist"):
        path = component["quoted"] or component["bare"]
        return Finding(FailureKind.BAD_ARCHIVE, operation, path=path, transport=transport, about="member")
    if _FORMAT.search(message):
        return Finding(
            FailureKind.BAD_ARCHIVE,
            operation or "read",
            path=None if blob else named.path,
            transport=transport,
            about="member" if blob else "archive",
        )
    if _JSON.search(message) or (_EOF.search(message) and (named.path or "loading index" in message)):
        # An empty or cut index.json: nothing was unpacked or streamed that could have ended early.
        return Finding(FailureKind.BAD_JSON, operation or "parsing JSON", about="member")
    return None


def _elsewhere(message: str, about: str, form: re.Pattern[str], failed: FileError | None, step: str) -> Finding:
    """A failure with a file that is none of the image's."""
    if failed is not None:
        kind = FailureKind.NO_SPACE if failed.errno in NO_SPACE else FailureKind.FILE
        return Finding(kind, failed.operation, path=failed.path, errno=failed.errno, about=about)
    file = next((found["file"] for found in form.finditer(message) if found["file"]), None)
    kind = FailureKind.BAD_JSON if _JSON.search(message) else FailureKind.OTHER
    return Finding(kind, step, path=file, about=about)
