"""Messages of coreutils, tar, gzip, shells and Python: `PROGRAM: what: text of the errno`."""

from __future__ import annotations

import re

from probe.evidence.command import FailureKind
from probe.skopeo.errnos import NO_SPACE, TEXT, errno_of
from probe.skopeo.finding import Finding

_PROGRAM = r"(?P<tool>-?[A-Za-z_/.][\w.+/-]{0,127})"
_PLACE = r"(?:(?:line )?\d+: )?"
_QUOTED = r"(?:'(?P<q1>(?:[^'\n]|'\\'')+)'|‘(?P<q2>[^’\n]+)’|\"(?P<q3>[^\"\n]+)\")"
_END = rf"(?P<errno>{TEXT})(?=$|[\s.,;)])"

_VERB = re.compile(
    rf"(?:^|(?<=[\s=(]))(?P<tool>[A-Za-z][\w.+-]{{0,63}}): {_PLACE}"
    r"(?P<verb>(?:cannot|can't|could not|unable to|failed to|error|reading|changing|setting) [a-z ]{1,40}?) "
    rf"(?:{_QUOTED}|(?P<bare>/[^:\n]+))(?: [a-z ‘’'\"/\w.-]{{0,400}}?)?: (?i:{_END})"
)
"""`ls: cannot access '/x': Permission denied`; also in the middle of a line, where debugging scripts leave it."""
_TAR = re.compile(rf"^{_PROGRAM}: (?P<path>.+): Cannot (?P<verb>[a-z ]+): (?i:{_END})")
_PLAIN = re.compile(
    rf"^{_PROGRAM}: {_PLACE}(?:(?P<verb>cd|exec|source|\.): )?"
    rf"(?:{_QUOTED}|(?P<bare>(?:\.{{0,2}}/)[^\n]*?|[^\s:'\"]+)): (?i:{_END})"
)
"""`cat: /x: Permission denied`, `bash: line 1: /x: Permission denied`."""
_NO_PATH = re.compile(rf"^{_PROGRAM}: {_PLACE}(?P<what>[^\n]{{1,200}}?): (?i:{_END})")
_PYTHON = re.compile(
    rf"^[A-Z]\w*Error: \[Errno \d+\] (?P<errno>(?i:{TEXT})): (?:'(?P<path>[^'\n]+)'|b?\"(?P<other>[^\"\n]+)\")"
)
_NOT_FOUND = re.compile(rf"^{_PROGRAM}: {_PLACE}(?P<what>[^\s:]+): (?:command )?not found$")
_KILLED = re.compile(rf"^(?:{_PROGRAM}: line \d+: +\d+ )?Killed(?: {{2,}}|$)")

_ARCHIVE = (
    (re.compile(r"(tar): Unexpected EOF in archive|(tar): short read"), FailureKind.ARCHIVE_ENDED, "read"),
    (re.compile(r"(gzip|xz|bzip2|zstd): .*(?i:unexpected end of)"), FailureKind.ARCHIVE_ENDED, "decompress"),
    (
        re.compile(r"(tar): (?:This does not look like a tar archive|invalid (?:tar )?magic)"),
        FailureKind.BAD_ARCHIVE,
        "read",
    ),
    (
        re.compile(
            r"(gzip|xz|bzip2|zstd): .*"
            r"(?i:not in gzip format|invalid compressed data|corrupt|not recognized|unsupported format)"
        ),
        FailureKind.BAD_ARCHIVE,
        "decompress",
    ),
)
_SHORT_WRITE = re.compile(r"^(tar): (?P<path>.+): Wrote only \d+ of \d+ bytes$")
_NOT_FOUND_IN_TAR = re.compile(r"^(tar): (?P<path>.+): Not found in archive$")

_WORDS = {
    "changing permissions of": "chmod",
    "changing ownership of": "chown",
    "changing group of": "chgrp",
    "error writing": "write",
    "error reading": "read",
}
_SEARCH = frozenset({"access", "stat", "statx", "lstat", "stat file system"})
"""What needs no right on the file itself: refused only by a directory on the way."""


def read_shell(line: str) -> Finding | None:
    """What a plain line says, or None when it is no failure message of this kind."""
    for pattern, kind, operation in _ARCHIVE:
        found = pattern.match(line)
        if found is not None:
            return Finding(kind, operation, about="archive", tool=found[1] or found[found.lastindex or 1])
    member = _NOT_FOUND_IN_TAR.match(line)
    if member is not None:
        return Finding(FailureKind.BAD_ARCHIVE, "read", path=member["path"], about="member", tool="tar")
    short = _SHORT_WRITE.match(line)
    if short is not None:
        return Finding(FailureKind.OTHER, "write", path=short["path"], tool="tar")
    if _KILLED.match(line):
        return Finding(FailureKind.OTHER, "killed")
    python = _PYTHON.match(line)
    if python is not None:
        return _file("python", "", python["path"] or python["other"], errno_of(python["errno"]))
    tar = _TAR.match(line)
    if tar is not None:
        return _file(tar["tool"], tar["verb"], tar["path"], errno_of(tar["errno"]))
    verb = _VERB.search(line)
    if verb is not None:
        return _file(verb["tool"], _operation(verb["verb"]), _path(verb), errno_of(verb["errno"]))
    plain = _PLAIN.match(line)
    if plain is not None:
        return _file(plain["tool"], plain["verb"] or "", _path(plain), errno_of(plain["errno"]))
    missing = _NOT_FOUND.match(line)
    if missing is not None:
        return Finding(FailureKind.OTHER, "exec", tool=_name(missing["tool"]))
    other = _NO_PATH.match(line)
    if other is not None:
        errno = errno_of(other["errno"])
        kind = FailureKind.NO_SPACE if errno in NO_SPACE else FailureKind.OTHER
        return Finding(kind, other["what"], errno=errno, tool=_name(other["tool"]))
    return None


def _file(tool: str, operation: str, path: str, errno: str | None) -> Finding:
    tool = _name(tool)
    kind = FailureKind.NO_SPACE if errno in NO_SPACE else FailureKind.FILE
    return Finding(kind, operation, path=path, errno=errno, about=_about(tool, operation, path, errno), tool=tool)


def _about(tool: str, operation: str, path: str, errno: str | None) -> str:
    if operation in _SEARCH and errno in ("EACCES", "ENOTDIR"):
        return "ancestor"
    if tool == "tar" and operation == "open" and path.startswith("/") and errno == "ENOENT":
        return "archive"  # extracted members lose their leading slash; only -f names an absolute path
    return ""


def _operation(verb: str) -> str:
    for words, operation in _WORDS.items():
        if verb == words:
            return operation
    return re.sub(r"^(?:cannot|can't|could not|unable to|failed to|error) ", "", verb)


def _path(match: re.Match[str]) -> str:
    groups = match.groupdict()
    quoted = groups.get("q1")
    if quoted is not None:
        return quoted.replace("'\\''", "'")
    return groups.get("q2") or groups.get("q3") or groups.get("bare") or ""


def _name(tool: str) -> str:
    return tool.lstrip("-").rpartition("/")[2]
